"""Beds of a 特困 institution (供养床位占用): who was promised one, so that the last one is offered once. One stream per institution.

A wish for a place is a record of its own (``placement_wish.py``), and two of them may be offered a place at the same moment. So a bed is
held here before the place is offered: whoever comes second finds it held, and is refused. The hold stands for the offer that it was made
for; what became of that is looked at in the wish when the next one asks (``doors/care_checks.py``), and what is over is given up with the
new hold. One behind which no offer stands was left by a process that died between the two: it is given up when a day has passed.

The register says how many beds there are, and may change: nothing of that is kept here. Who is entrusted to the institution (托养) takes no
bed from a 特困 person: ``care_places.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.domain.errors import invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

FULL = "该机构已没有空床位，请另选机构。"


@event("assistance.institution_bed_held")
@dataclass(frozen=True)
class InstitutionBedHeld:
    """预留供养床位: for the offer ``offer`` to the wish ``wish_id``; ``released_offers``: holds of offers that are over."""

    institution_id: str
    division: str
    wish_id: str
    offer: str
    reserved_on: date
    released_offers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hold:
    """A bed that is held for a wish since its offer (the id of its command)."""

    wish_id: str
    offer: str
    reserved_on: date


@dataclass(frozen=True)
class Beds:
    division: str = ""
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))  # by wish


def evolve(state: Beds, happened: Any) -> Beds:
    match happened:
        case InstitutionBedHeld():
            kept = {w: h for w, h in state.holds.items() if h.offer not in happened.released_offers}
            hold = Hold(happened.wish_id, happened.offer, happened.reserved_on)
            return Beds(happened.division, MappingProxyType({**kept, happened.wish_id: hold}))
        case _:
            raise TypeError(f"beds of an institution know no {type(happened).__name__}")


@command("hold_institution_bed", permission="assistance:record")
@dataclass(frozen=True)
class HoldInstitutionBed:
    """By the service, before a place is offered. ``beds``: as registered, None where the register does not tell; ``taken_by``: wishes
    that have a place there or an offer of one; ``over``: offers, held for here, that are not so any more."""

    institution_id: str
    division: str
    wish_id: str
    offer: str
    beds: int | None
    taken_by: tuple[str, ...] = ()
    over: tuple[str, ...] = ()


def hold(state: Beds, c: HoldInstitutionBed, order: Order[Any]) -> Sequence[Any]:
    held = {w for w, h in state.holds.items() if h.offer not in c.over}
    if c.beds is not None and len((held | set(c.taken_by)) - {c.wish_id}) >= c.beds:
        raise invalid(FULL, "institution_id")
    released_offers = tuple(h.offer for h in state.holds.values() if h.offer in c.over)
    return [InstitutionBedHeld(c.institution_id, c.division, c.wish_id, c.offer, order.today, released_offers)]


DECIDER: Decider[Beds] = Decider(
    category="assistance.institution_beds",
    initial=Beds(),
    evolve=evolve,
    decide={HoldInstitutionBed: hold},
    division=lambda state: state.division,
)
