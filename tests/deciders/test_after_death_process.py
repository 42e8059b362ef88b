"""The life of the after-death process: opened with what it owes, answered step by step, escalated when late, closed when all is settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.registry import after_death as a
from shared.eventsourcing.testing import Given, given

WHO, DAY, OTHER = "0a" * 16, date(2023, 6, 20), date(2023, 6, 18)
OPEN = a.OpenAfterDeath(WHO, DAY, "330225101")
STEPS = ("household", "old_age_allowance", "funeral_benefits")


def opened() -> Given[a.AfterDeath]:
    """Opened on Monday 2023-07-03."""
    return given(a.DECIDER).when(OPEN).accepted()


def answer(step: str, outcome: str = "done", round_: int = 1, note: str = "已办", fen: int = 0) -> a.RecordStep:
    return a.RecordStep(WHO, round_, step, outcome, note, fen)


def closed() -> Given[a.AfterDeath]:
    case = opened()
    for step in STEPS:
        case = case.when(answer(step)).accepted()
    return case


def test_it_opens_with_every_step_it_owes_and_the_day_each_is_due() -> None:
    """Due days are working days: three from Monday is Thursday, five is the Monday after."""
    (event,) = opened().events
    assert [(s.step, s.due_on) for s in event.steps] == [
        ("household", date(2023, 7, 6)),
        ("old_age_allowance", date(2023, 7, 6)),
        ("funeral_benefits", date(2023, 7, 10)),
    ]
    assert event.round == 1


def test_one_notice_once() -> None:
    """The same death told again opens nothing, neither while it runs nor after it closed."""
    opened().when(OPEN).then_nothing()
    closed().when(OPEN).then_nothing()


def test_it_closes_only_when_every_step_is_settled() -> None:
    """Two steps done and one skipped with its reason: closed with the last of them, in whatever order they come."""
    case = opened().when(answer("old_age_allowance", fen=20000)).then(a.StepDone("old_age_allowance", "已办", 20000))
    case = case.when(answer("funeral_benefits")).then(a.StepDone("funeral_benefits", "已办"))
    assert case.state.status == "open"
    case = case.when(answer("household", "skipped", note="不在登记中")).then(
        a.StepSkipped("household", "不在登记中"), a.AfterDeathClosed(WHO, 1)
    )
    assert (case.state.status, case.state.steps["old_age_allowance"].amount_fen) == ("closed", 20000)


def test_an_answer_counts_once() -> None:
    """A step that is settled stays as it was settled first."""
    case = opened().when(answer("household")).accepted()
    case.when(answer("household", "skipped", note="另一说法")).then_nothing()


@pytest.mark.parametrize(("outcome", "note"), [("maybe", "x"), ("skipped", " "), ("done", "")])
def test_an_answer_is_done_or_skipped_with_a_reason(outcome: str, note: str) -> None:
    """Nothing is settled without a word why."""
    opened().when(answer("household", outcome, note=note)).then_refused("invalid_input", "outcome")


def test_an_answer_before_the_opening_is_refused() -> None:
    """Nobody asked yet."""
    given(a.DECIDER).when(answer("household")).then_refused("out_of_order")


def test_an_answer_to_a_step_that_is_not_owed_changes_nothing() -> None:
    """The process lists what it owes."""
    opened().when(answer("housing")).then_nothing()


def test_a_corrected_day_opens_a_new_round_with_every_step() -> None:
    """Everything that hung on the day is asked again, also after the process had closed."""
    for case in (opened().when(answer("household")).accepted(), closed()):
        again = case.when(a.OpenAfterDeath(WHO, OTHER, "")).accepted().state
        assert (again.status, again.round, again.died_on, again.division) == ("open", 2, OTHER, "330225101")
        assert {s.status for s in again.steps.values()} == {"owed"}


def test_an_answer_to_the_earlier_day_is_passed_over() -> None:
    """It comes too late: the new round asks again."""
    case = opened().when(a.OpenAfterDeath(WHO, OTHER, "")).accepted()
    case.when(answer("household", round_=1)).then_nothing()
    case.when(answer("household", round_=2)).then(a.StepDone("household", "已办"))


def test_a_late_step_goes_to_a_person_once() -> None:
    """On the day after it was due, not on the day; and only once."""
    case = opened()
    case.on("2023-07-06").when(a.EscalateStep(WHO, "household")).then_nothing()
    case = case.on("2023-07-07").when(a.EscalateStep(WHO, "household")).then(a.StepEscalated(WHO, "household", date(2023, 7, 6)))
    case.when(a.EscalateStep(WHO, "household")).then_nothing()


def test_what_is_settled_is_not_late() -> None:
    """Neither a step that was answered, nor one of a process that is closed, nor one that nobody owes."""
    answered = opened().when(answer("household")).accepted().on("2023-08-01")
    for case, step in ((answered, "household"), (closed().on("2023-08-01"), "household"), (opened().on("2023-08-01"), "housing")):
        case.when(a.EscalateStep(WHO, step)).then_nothing()


def test_a_registrar_settles_what_nobody_answers() -> None:
    """By hand, with a reason; the last one closes the process."""
    case = opened().when(answer("household")).accepted().when(answer("old_age_allowance")).accepted()
    skip = a.SkipStep(WHO, "funeral_benefits", "家属自办")
    case.when(replace(skip, reason=" ")).then_refused("invalid_input", "reason")
    case.when(skip).then(a.StepSkipped("funeral_benefits", "家属自办"), a.AfterDeathClosed(WHO, 1))


@pytest.mark.parametrize("step", ["household", "housing"])
def test_only_an_owed_step_is_skipped(step: str) -> None:
    """Not one that is settled, not one that is not there, and none of a process that was never opened."""
    skip = a.SkipStep(WHO, step, "x")
    opened().when(answer("household")).accepted().when(skip).then_refused("out_of_order")
    closed().when(skip).then_refused("out_of_order")
    given(a.DECIDER).when(skip).then_refused("out_of_order")
