"""The life of a death registration: registered, confirmed by another source, in conflict, corrected."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.registry import death as d
from shared.eventsourcing.testing import given

WHO = "0a" * 16
DAY, OTHER = date(2023, 6, 20), date(2023, 6, 18)
REGISTER = d.RegisterDeath(WHO, DAY, "330225101", "registrar", date(1937, 3, 15), "证1", "某某", "110105")
REGISTERED = d.DeathRegistered(WHO, DAY, "330225101", "registrar", "证1", "某某", "110105")
HOSPITAL = d.RegisterDeath(WHO, DAY, "330225101", "hospital")
CONFLICT = d.DeathReportConflicted(WHO, "hospital", OTHER)
CORRECT = d.CorrectDeathDate(WHO, OTHER, "核对病历")


def test_a_death_is_registered() -> None:
    """By a registrar, with name and certificate."""
    given(d.DECIDER).when(REGISTER).then(REGISTERED)


def test_a_hospitals_report_registers_a_death_too() -> None:
    """On the hospital's word; it knows no name."""
    given(d.DECIDER).when(HOSPITAL).then(d.DeathRegistered(WHO, DAY, "330225101", "hospital"))


def test_the_division_is_kept_in_its_shortest_spelling() -> None:
    """330225101000 and 330225101 are the same town."""
    given(d.DECIDER).when(replace(REGISTER, division="330225101000")).then(REGISTERED)


def test_another_source_with_the_same_day_confirms() -> None:
    """Two sources agree."""
    given(d.DECIDER, REGISTERED).when(HOSPITAL).then(d.DeathConfirmed(WHO, "hospital"))


def test_a_source_confirms_once() -> None:
    """The same report once more changes nothing."""
    given(d.DECIDER, REGISTERED).when(REGISTER).then_nothing()
    given(d.DECIDER, REGISTERED, d.DeathConfirmed(WHO, "hospital")).when(HOSPITAL).then_nothing()


def test_another_day_is_a_conflict_for_a_person_to_settle() -> None:
    """Benefits hang on the day, so nobody's word simply replaces another's."""
    case = given(d.DECIDER, REGISTERED).when(replace(HOSPITAL, died_on=OTHER)).then(CONFLICT)
    assert (case.state.died_on, case.state.conflict_on) == (DAY, OTHER)


def test_the_same_conflict_is_told_once() -> None:
    """The hospital repeats itself."""
    given(d.DECIDER, REGISTERED, CONFLICT).when(replace(HOSPITAL, died_on=OTHER)).then_nothing()


def test_a_registrar_corrects_the_day() -> None:
    """The other day was right: the conflict is settled."""
    case = given(d.DECIDER, REGISTERED, CONFLICT).when(CORRECT).then(d.DeathDateCorrected(WHO, OTHER, "核对病历"))
    assert (case.state.died_on, case.state.conflict_on) == (OTHER, None)


def test_a_registrar_may_uphold_the_registered_day() -> None:
    """The report was wrong: that settles the conflict too, and is on record."""
    upheld = replace(CORRECT, died_on=DAY)
    case = given(d.DECIDER, REGISTERED, CONFLICT).when(upheld).then(d.DeathDateCorrected(WHO, DAY, "核对病历"))
    assert case.state.conflict_on is None


def test_correcting_to_the_same_day_without_a_conflict_changes_nothing() -> None:
    """There is nothing to correct."""
    given(d.DECIDER, REGISTERED).when(replace(CORRECT, died_on=DAY)).then_nothing()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"person_id": "110105"}, "person_id"),
        ({"died_on": date(2023, 7, 4)}, "died_on"),
        ({"died_on": date(1937, 3, 14)}, "died_on"),
        ({"division": "33022"}, "division"),
    ],
    ids=["no person_id", "tomorrow", "before birth", "no division"],
)
def test_a_registration_that_cannot_be_is_refused(changes: dict[str, Any], field: str) -> None:
    """A resident ID in place of a pseudonym, a death to come, a death before the birth, a place that is none."""
    given(d.DECIDER).when(replace(REGISTER, **changes)).then_refused("invalid_input", field)


@pytest.mark.parametrize(("changes", "field"), [({"died_on": date(2023, 7, 4)}, "died_on"), ({"reason": " "}, "reason")])
def test_a_correction_needs_a_possible_day_and_a_reason(changes: dict[str, Any], field: str) -> None:
    """Everything that hung on the day is asked again, so it is not done lightly."""
    given(d.DECIDER, REGISTERED).when(replace(CORRECT, **changes)).then_refused("invalid_input", field)


def test_what_was_never_registered_is_not_corrected() -> None:
    """First a registration."""
    given(d.DECIDER).when(CORRECT).then_refused("out_of_order")
