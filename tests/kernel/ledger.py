"""A small aggregate for the kernel's tests: a ledger (账) that notes amounts, with a name in it that is personal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.errors import Refused
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order


@dataclass(frozen=True)
class Witness:
    person_id: str
    name: str = personal(of="person_id", default="")


@event("kernel.noted")
@dataclass(frozen=True)
class Noted:
    """Of two persons: the holder, and a witness in a nested part."""

    division: str
    amount: int
    person_id: str
    holder: str = personal(of="person_id", default="")
    resident_id: str = personal(of="person_id", default="")
    witnesses: tuple[Witness, ...] = ()
    text: str = ""


@event("kernel.closed")
@dataclass(frozen=True)
class Closed:
    total: int


@dataclass(frozen=True)
class Ledger:
    division: str = ""
    total: int = 0
    holder: str = ""
    witness: str = ""
    closed: bool = False


def evolve(state: Ledger, happened: Any) -> Ledger:
    match happened:
        case Noted():
            witness = happened.witnesses[0].name if happened.witnesses else state.witness
            return replace(
                state,
                division=happened.division,
                total=state.total + happened.amount,
                holder=happened.holder or state.holder,
                witness=witness,
            )
        case Closed():
            return replace(state, closed=True)
    raise TypeError(type(happened).__name__)


@command("kernel_note", permission="registry:register")
@dataclass(frozen=True)
class Note:
    """``twice`` notes it in two events; ``most`` is refused when the total would be more."""

    amount: int
    division: str = "330225101"
    person_id: str = "0a" * 16
    holder: str = ""
    resident_id: str = ""
    witnesses: tuple[Witness, ...] = ()
    text: str = ""
    twice: bool = False
    most: int = 10**9


@command("kernel_close", permission="registry:register")
@dataclass(frozen=True)
class Close:
    at: int  # only when the total is this


@command("kernel_note_now", permission="registry:register")
@dataclass(frozen=True)
class NoteNow:
    """Notes the day of the month: a decision that depends on when it is made."""

    division: str = "330225101"


def note_now(state: Ledger, c: NoteNow, order: Order[Any]) -> Sequence[Any]:
    return [Noted(c.division, order.today.day, "0a" * 16)]


def note(state: Ledger, c: Note, order: Order[Any]) -> Sequence[Any]:
    if state.closed:
        raise Refused("out_of_order", "已结。")
    if state.total + c.amount > c.most:
        raise Refused("invalid_input", "过多。", "amount")
    noted = Noted(c.division, c.amount, c.person_id, c.holder, c.resident_id, c.witnesses, c.text)
    return [noted, noted] if c.twice else [noted]


def close(state: Ledger, c: Close, order: Order[Any]) -> Sequence[Any]:
    if state.closed:
        return []
    if state.total != c.at:
        raise Refused("out_of_order", "合计不符。")
    return [Closed(state.total)]


LEDGER: Decider[Ledger] = Decider(
    "kernel.ledger", Ledger(), evolve, {Note: note, NoteNow: note_now, Close: close}, lambda state: state.division
)
