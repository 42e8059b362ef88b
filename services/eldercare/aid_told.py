"""Aid told (发放告知): what a part of a payment run paid to whom, once it is settled, for whoever keeps account of what a person receives.

The bank's answer is told line by line as it comes, by person and not by case; what comes back later (退汇) is told too. One stream per
part. Must hold: a line is told once, and taken back once, however often news of the answer comes. Relied on by the register of low-income
persons (低收入人口数据库), which shows what elder care paid beside what it paid itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order


@dataclass(frozen=True)
class AidLine:
    """One line of the run: who got how much."""

    line_no: int
    person_id: str
    amount_fen: int


@event("eldercare.aid_told", published=True)
@dataclass(frozen=True)
class AidTold:
    """发放告知: these lines were paid since the last time, these came back."""

    run_id: str
    number: int
    programme: str
    month: str
    division: str
    paid: tuple[AidLine, ...]
    back: tuple[int, ...]


@dataclass(frozen=True)
class Told:
    division: str = ""
    paid: frozenset[int] = frozenset()
    back: frozenset[int] = frozenset()


def evolve(state: Told, happened: Any) -> Told:
    match happened:
        case AidTold():
            paid = state.paid | {line.line_no for line in happened.paid}
            return replace(state, division=happened.division, paid=paid, back=state.back | set(happened.back))
        case _:
            raise TypeError(f"what was told of a run knows no {type(happened).__name__}")


@command("tell_aid", permission="eldercare:pay")
@dataclass(frozen=True)
class TellAid:
    """By the service: every line of the part that was ever paid, and which of them came back."""

    run_id: str
    number: int
    programme: str
    month: str
    division: str
    paid: tuple[AidLine, ...]
    back: tuple[int, ...]


def tell(state: Told, c: TellAid, order: Order[Any]) -> Sequence[Any]:
    paid = tuple(line for line in c.paid if line.line_no not in state.paid)
    back = tuple(no for no in c.back if no not in state.back)
    return [AidTold(c.run_id, c.number, c.programme, c.month, c.division, paid, back)] if paid or back else []


DECIDER: Decider[Told] = Decider(
    category="eldercare.aid_told",
    initial=Told(),
    evolve=evolve,
    decide={TellAid: tell},
    division=lambda state: state.division,
)
