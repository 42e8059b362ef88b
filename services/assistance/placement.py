"""Placement (人户关系): in which household a person is counted. One stream per person; a person is in one household only.

A register with two households for one person would pay twice. This claim is written before the household is, and is what
reactions look in when an event about a person comes: the log itself, never a read model that may lag behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import Refused
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order


@event("assistance.person_placed")
@dataclass(frozen=True)
class PersonPlaced:
    """编入家庭: ``division`` is that of the household."""

    person_id: str
    household_id: str
    division: str


@dataclass(frozen=True)
class Placement:
    household_id: str = ""
    division: str = ""


def evolve(state: Placement, happened: Any) -> Placement:
    match happened:
        case PersonPlaced():
            return Placement(happened.household_id, happened.division)
        case _:
            raise TypeError(f"a placement knows no {type(happened).__name__}")


@command("place_person", permission="assistance:register")
@dataclass(frozen=True)
class PlacePerson:
    person_id: str
    household_id: str
    division: str


def place_person(state: Placement, c: PlacePerson, order: Order[Any]) -> Sequence[Any]:
    if state.household_id == c.household_id:
        return []
    if state.household_id:
        raise Refused("already_exists", "该人员已登记在另一家庭。", "person_id")
    return [PersonPlaced(c.person_id, c.household_id, c.division)]


DECIDER: Decider[Placement] = Decider(
    category="assistance.person",
    initial=Placement(),
    evolve=evolve,
    decide={PlacePerson: place_person},
    division=lambda state: state.division,
)
