"""Care stay (托养去向): which institutions were ever asked to take a person into entrusted care. One stream per person.

Who lives where stands in the institutions' own records (``care_places.py``); this says in which of them to look when something happens to
the person (he dies, he moves into another house), and that nobody has two places. Written before the request itself is: the request finds
it there, or was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order


@event("assistance.care_stay_noted")
@dataclass(frozen=True)
class CareStayNoted:
    """托养去向: the institution was asked for a place."""

    person_id: str
    division: str
    institution_id: str


@dataclass(frozen=True)
class CareStay:
    division: str = ""
    institutions: tuple[str, ...] = ()


def evolve(state: CareStay, happened: Any) -> CareStay:
    match happened:
        case CareStayNoted():
            return replace(state, division=happened.division, institutions=(*state.institutions, happened.institution_id))
        case _:
            raise TypeError(f"a care stay knows no {type(happened).__name__}")


@command("note_care_stay", permission="assistance:record")
@dataclass(frozen=True)
class NoteCareStay:
    """By the service, with the request."""

    person_id: str
    division: str
    institution_id: str


def note_care_stay(state: CareStay, c: NoteCareStay, order: Order[Any]) -> Sequence[Any]:
    return [] if c.institution_id in state.institutions else [CareStayNoted(c.person_id, c.division, c.institution_id)]


DECIDER: Decider[CareStay] = Decider(
    category="assistance.care_stay",
    initial=CareStay(),
    evolve=evolve,
    decide={NoteCareStay: note_care_stay},
    division=lambda state: state.division,
)
