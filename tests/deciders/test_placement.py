"""The life of a placement: a person is counted in one household only."""

from __future__ import annotations

from services.assistance import placement as p
from shared.eventsourcing.testing import given

WHO = "0a" * 16
PLACE = p.PlacePerson(WHO, "a1" * 16, "330225101")
PLACED = p.PersonPlaced(WHO, "a1" * 16, "330225101")


def test_a_person_is_placed_in_a_household() -> None:
    """Written before the household itself is."""
    assert given(p.DECIDER).when(PLACE).then(PLACED).state == p.Placement("a1" * 16, "330225101")


def test_the_same_placement_changes_nothing() -> None:
    """An import may be repeated."""
    given(p.DECIDER, PLACED).when(PLACE).then_nothing()


def test_nobody_is_in_two_households() -> None:
    """He would be paid for twice."""
    given(p.DECIDER, PLACED).when(p.PlacePerson(WHO, "a2" * 16, "330225102")).then_refused("already_exists", "person_id")
