"""Aids paid by another service of the house (他处已获救助): as it told of them, for the register's "aids received" (A31).

A copy of news and no decision: nothing that is granted here looks at it. One stream per part of the other service's payment run. Must
hold: a line is noted once and taken back once, in whatever order the news comes.
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

CATALOGUE = ("A31",)


@dataclass(frozen=True)
class PaidLine:
    """One line of the other service's run: who got how much."""

    line_no: int
    person_id: str
    amount_fen: int


@event("assistance.aid_elsewhere_paid")
@dataclass(frozen=True)
class AidElsewherePaid:
    """他处已获救助: these lines of a run were paid, these came back (退汇); ``source`` is the service that paid."""

    source: str
    run_id: str
    number: int
    programme: str
    month: str
    division: str
    paid: tuple[PaidLine, ...]
    back: tuple[int, ...]


@dataclass(frozen=True)
class Noted:
    division: str = ""
    paid: frozenset[int] = frozenset()
    back: frozenset[int] = frozenset()


def evolve(state: Noted, happened: Any) -> Noted:
    match happened:
        case AidElsewherePaid():
            paid = state.paid | {line.line_no for line in happened.paid}
            return replace(state, division=happened.division, paid=paid, back=state.back | set(happened.back))
        case _:
            raise TypeError(f"aid from elsewhere knows no {type(happened).__name__}")


@command("note_aid_paid", permission="assistance:note")
@dataclass(frozen=True)
class NoteAidPaid:
    """By the service, when the other one tells."""

    source: str
    run_id: str
    number: int
    programme: str
    month: str
    division: str
    paid: tuple[PaidLine, ...]
    back: tuple[int, ...]


def note(state: Noted, c: NoteAidPaid, order: Order[Any]) -> Sequence[Any]:
    paid = tuple(line for line in c.paid if line.line_no not in state.paid)
    back = tuple(no for no in c.back if no not in state.back)
    return [AidElsewherePaid(c.source, c.run_id, c.number, c.programme, c.month, c.division, paid, back)] if paid or back else []


DECIDER: Decider[Noted] = Decider(
    category="assistance.aids_elsewhere",
    initial=Noted(),
    evolve=evolve,
    decide={NoteAidPaid: note},
    division=lambda state: state.division,
)
