"""The life of an elder on the roster: enrolled, died, and the answer owed to the after-death process."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

import pytest

from services.eldercare import elder as e
from shared.eventsourcing.testing import given

WHO, BORN = "0a" * 16, date(1937, 3, 15)
ENROL = e.EnrolElder(WHO, BORN, "330225102", "某某", "110105", "2017-03")
ENROLLED = e.ElderEnrolled(WHO, BORN, "330225102", "2017-03", "某某", "110105")
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


CARE, SUBSIDY = "severe_disability_care_subsidy", "hardship_aged_disabled_subsidy"


def changed(month: str, cause: str) -> e.ElderFactsChanged:
    return e.ElderFactsChanged(WHO, month, cause)


def granted(month: str, drawn: bool = True) -> e.NoteElderBenefitElsewhere:
    return e.NoteElderBenefitElsewhere(WHO, CARE, month, drawn)


def determined(no: int, hardship: str, month: str, unit: str = "h-1") -> e.NoteElderHardship:
    return e.NoteElderHardship(WHO, hardship, month, unit, no, "assistance")


def test_what_assistance_pays_is_noted_of_anybody_and_announced_of_who_is_on_the_roster() -> None:
    """He may enrol only later; then it is known already, and until then no case can change."""
    noted = e.ElderBenefitElsewhereNoted(WHO, CARE, "2023-07", True)
    given(e.DECIDER).when(granted("2023-07")).then(noted)
    case = given(e.DECIDER, ENROLLED).when(granted("2023-07")).then(noted, changed("2023-07", "benefit_elsewhere"))
    case.when(granted("2023-07")).then_nothing()
    assert e.drawn_in(given(e.DECIDER, noted, ENROLLED).state, "2023-08") == (CARE,)


def test_grant_and_end_count_in_any_order() -> None:
    """The end may be told before the beginning, and each twice."""
    for told in permutations((granted("2023-05"), granted("2023-08", False), granted("2023-05"))):
        case = given(e.DECIDER, ENROLLED)
        for command in told:
            case = case.when(command).accepted()
        assert [e.drawn_in(case.state, m) for m in ("2023-04", "2023-05", "2023-07", "2023-08")] == [(), (CARE,), (CARE,), ()]


def test_of_what_assistance_decided_of_a_month_the_last_holds_in_whatever_order_it_is_told() -> None:
    """Ended from July and granted again from September, then ended from June, on account of a death: September is not drawn either."""
    decided = ((granted("2023-05"), 1), (granted("2023-07", False), 4), (granted("2023-09"), 5), (granted("2023-06", False), 9))
    restored = (*decided, (granted("2023-06"), 12))
    months = [f"2023-{m:02d}" for m in range(4, 11)]
    before = e.ElderBenefitElsewhereNoted(WHO, CARE, "2023-10", True)  # told before it was kept where a decision stands
    for all_told, drawn in ((decided[:3], [5, 6, 9, 10]), (decided, [5]), (restored, [5, 6, 7, 8, 9, 10])):
        for told in permutations(all_told):
            case = given(e.DECIDER, ENROLLED, before)
            for command, position in told:
                case = case.when(replace(command, position=position)).accepted()
            assert [int(m[5:]) for m in months if e.drawn_in(case.state, m)] == drawn
            case.when(replace(told[0][0], position=told[0][1])).then_nothing()


def test_what_is_given_up_is_drawn_no_longer_until_chosen_again() -> None:
    """The latest choice in which a benefit stands says whether it is kept."""
    keep = e.ElderChoiceNoted(WHO, SUBSIDY, CARE, "2023-09", "a", "b")
    back = e.ElderChoiceNoted(WHO, CARE, SUBSIDY, "2023-11", "b", "a")
    state = given(e.DECIDER, ENROLLED, e.ElderBenefitElsewhereNoted(WHO, CARE, "2023-05", True), keep, back).state
    assert [e.drawn_in(state, m) for m in ("2023-08", "2023-09", "2023-11")] == [(CARE,), (), (CARE,)]
    assert [e.gave_up(state, SUBSIDY, m) for m in ("2023-08", "2023-10", "2023-11")] == [False, False, True]
    again = e.NoteElderChoice(WHO, CARE, SUBSIDY, "2023-11", "b", "a")
    given(e.DECIDER, ENROLLED, keep, back).when(again).then_nothing()
    given(e.DECIDER, ENROLLED).when(again).then(back, changed("2023-11", "choice"))


def test_the_class_of_a_month_is_assistances_last_determination_of_it() -> None:
    """Also when an earlier one comes later; told twice it changes nothing."""
    facts = (determined(0, "minimum_living", "2023-03"), determined(1, "margin", "2023-06"), determined(2, "", "2023-06"))
    for told in permutations(facts):
        case = given(e.DECIDER, ENROLLED)
        for command in told:
            case = case.when(command).accepted()
        found = [e.class_in(case.state, m) for m in ("2023-02", "2023-03", "2023-05", "2023-06")]
        assert found == ["", "minimum_living", "minimum_living", ""]
        case.when(facts[0]).then_nothing()


def test_of_two_notes_of_one_member_the_later_turn_counts_in_any_order() -> None:
    """Behind one determination of his unit he may become something else several times."""
    facts = (
        determined(1, "minimum_living", "2023-03"),
        replace(determined(1, "", "2023-06"), turn=1),
        replace(determined(1, "margin", "2023-06"), turn=2),
    )
    for told in permutations(facts):
        case = given(e.DECIDER, ENROLLED)
        for command in told:
            case = case.when(command).accepted()
        assert [e.class_in(case.state, m) for m in ("2023-03", "2023-05", "2023-06")] == ["minimum_living", "minimum_living", "margin"]


def test_a_clerk_looks_the_class_up_and_assistances_later_word_counts() -> None:
    """For somebody who was determined before he enrolled; of a stranger only assistance may speak, and it is not kept."""
    looked_up = e.NoteElderHardship(WHO, "margin", "2023-01")
    case = given(e.DECIDER, ENROLLED).when(looked_up).accepted()
    assert e.class_in(case.state, "2023-04") == "margin"
    case.when(looked_up).then_nothing()
    case = case.when(determined(4, "", "2023-04")).accepted()
    assert [e.class_in(case.state, m) for m in ("2023-03", "2023-04")] == ["margin", ""]
    given(e.DECIDER).when(determined(0, "margin", "2023-03")).then_nothing()
    given(e.DECIDER).when(looked_up).then_refused("unknown_person", "person_id")
    given(e.DECIDER, ENROLLED).when(replace(looked_up, hardship_class="rich")).then_refused("invalid_input", "hardship_class")


def test_a_milder_ability_grade_counts_from_the_month_after() -> None:
    """A worse one from its own month; the same grade again is nothing new."""
    case = given(e.DECIDER, ENROLLED).when(e.NoteElderAbility(WHO, 3, "2023-07"))
    case.then(e.ElderAbilityNoted(WHO, 3, "2023-07"), changed("2023-07", "ability"))
    known = given(e.DECIDER, ENROLLED, e.ElderAbilityNoted(WHO, 3, "2023-07"))
    known.when(e.NoteElderAbility(WHO, 3, "2023-09")).then_nothing()
    known.when(e.NoteElderAbility(WHO, 4, "2023-09")).then(e.ElderAbilityNoted(WHO, 4, "2023-09"), changed("2023-09", "ability"))
    known.when(e.NoteElderAbility(WHO, 0, "2023-09")).then(e.ElderAbilityNoted(WHO, 0, "2023-10"), changed("2023-10", "ability"))
    over = given(e.DECIDER, ENROLLED, e.ElderAbilityNoted(WHO, 3, "2023-07"), e.ElderAbilityNoted(WHO, 0, "2023-10"))
    over.when(e.NoteElderAbility(WHO, 0, "2023-09")).then_nothing()
    known.when(e.NoteElderAbility(WHO, 5, "2023-09")).then_refused("invalid_input", "grade")


def test_the_facts_of_a_month_are_all_that_counts_in_it() -> None:
    """Class, ability and what else is drawn, each as of the month."""
    state = given(
        e.DECIDER,
        ENROLLED,
        e.ElderHardshipNoted(WHO, "margin", "2023-05", "", 0, "staff", 0),
        e.ElderAbilityNoted(WHO, 2, "2023-06"),
        e.ElderBenefitElsewhereNoted(WHO, CARE, "2023-07", True),
    ).state
    facts = [e.hard_elder_facts(state, m, 0) for m in ("2023-04", "2023-06", "2023-07")]
    assert [(f.hardship_class, f.ability_grade, f.other_benefits) for f in facts] == [
        ("", 0, ()),
        ("margin", 2, ()),
        ("margin", 2, (CARE,)),
    ]
    assert e.known_until(state) == "2023-07"
