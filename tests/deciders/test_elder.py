"""The life of an elder on the roster: enrolled, died, and the answer owed to the after-death process."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.eldercare import elder as e
from shared.eventsourcing.testing import given

WHO, BORN = "0a" * 16, date(1937, 3, 15)
ENROL = e.EnrolElder(WHO, BORN, "330225102", "某某", "110105")
ENROLLED = e.ElderEnrolled(WHO, BORN, "330225102", "某某", "110105")
DEATH = e.RecordElderDeath(WHO, date(2023, 6, 20))
ANSWER = e.AnswerAfterDeath(WHO, 1, "old_age_allowance", "done", "自2023-07起停发", 20000)
ANSWERED = e.AfterDeathAnswered(WHO, 1, "old_age_allowance", "done", "自2023-07起停发", 20000)


def test_an_elder_is_enrolled() -> None:
    """With birthday and division, on which the allowance hangs."""
    given(e.DECIDER).when(ENROL).then(ENROLLED)


def test_the_same_enrolment_changes_nothing() -> None:
    """Also in a longer spelling of the division."""
    given(e.DECIDER, ENROLLED).when(replace(ENROL, division="330225102000")).then_nothing()


@pytest.mark.parametrize("change", [{"name": "另一人"}, {"division": "330225103"}, {"born_on": date(1938, 1, 1)}])
def test_another_content_is_refused(change: dict[str, Any]) -> None:
    """Somebody typed something else for the same person."""
    given(e.DECIDER, ENROLLED).when(replace(ENROL, **change)).then_refused("already_exists", "person_id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"person_id": "110105"}, "person_id"),
        ({"born_on": date(1889, 12, 31)}, "born_on"),
        ({"born_on": date(2023, 7, 4)}, "born_on"),
        ({"division": "x"}, "division"),
    ],
)
def test_an_elder_who_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    """The field is named."""
    given(e.DECIDER).when(replace(ENROL, **change)).then_refused("invalid_input", field)


def test_a_death_is_recorded_once_and_a_corrected_day_again() -> None:
    """The same day twice is one fact; another day is another."""
    case = given(e.DECIDER, ENROLLED).when(DEATH).then(e.ElderDied(WHO, date(2023, 6, 20)))
    case.when(DEATH).then_nothing()
    case.when(replace(DEATH, died_on=date(2023, 6, 18))).then(e.ElderDied(WHO, date(2023, 6, 18)))


def test_the_death_of_somebody_not_on_the_roster_is_refused() -> None:
    """There is no record to put it in."""
    given(e.DECIDER).when(DEATH).then_refused("unknown_person", "person_id")


def test_the_answer_is_given_once_a_round_also_for_strangers() -> None:
    """The process waits for an answer, whoever died."""
    for events in ((), (ENROLLED,)):
        case = given(e.DECIDER, *events).when(ANSWER).then(ANSWERED)
        case.when(replace(ANSWER, note="另一说法")).then_nothing()
        case.when(replace(ANSWER, round=2)).then(replace(ANSWERED, round=2))


def test_the_facts_for_the_rules_are_the_enrolment() -> None:
    """Birthday, place, and what is paid now."""
    facts = e.facts(given(e.DECIDER, ENROLLED).state, 20000)
    assert (facts.person.born_on, facts.division, facts.current_amount_fen) == (BORN, "330225102", 20000)
