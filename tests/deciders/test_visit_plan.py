"""Visit plan (探访计划): somebody named comes in every window of days, and it is noticed when nobody does."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.casework import visit_plan as vp
from shared.casework.visit_plan import Checked, Coverage
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, FIRST, HANDS, ID, SUBJECT, TOWN, live

D = vp.SHAPE.decider("assistance")
TERMS = vp.Terms(
    every_days=30,
    review_days=180,
    agreement=True,
    findings=(vp.Finding("F1", "缺粮", clue=True), vp.Finding("F2", "孤独")),
    checks=(vp.Check("agreement", "有照料协议"), vp.Check("carer", "有照料人")),
)
GOOD = (Checked("agreement", True), Checked("carer", True))
BAD = (Checked("agreement", True), Checked("carer", False))
P = "extreme_hardship_home_care"
OPEN = vp.OpenVisitPlan(P, TOWN, SUBJECT, "staff:carer1", agreement_no="ZL-1", terms=TERMS)


def opened() -> Given[Any]:
    return given_that(D).when(OPEN).accepted()


def visit(day: str, checks: tuple[Checked, ...] = GOOD, *findings: str) -> vp.RecordVisit:
    return vp.RecordVisit(ID, date.fromisoformat(day), "on_site", findings, checks)


def test_a_plan_has_a_responsible_person_and_what_its_terms_ask_for() -> None:
    """No plan without a hand, an agreement where one is due, a subject; none rarer than the programme says."""
    given_that(D).when(vp.OpenVisitPlan(P, TOWN, SUBJECT, " ", agreement_no="1", terms=TERMS)).then_refused("invalid_input", "responsible")
    given_that(D).when(vp.OpenVisitPlan(P, TOWN, SUBJECT, "staff:a", terms=TERMS)).then_refused("invalid_input", "agreement_no")
    given_that(D).when(vp.OpenVisitPlan(P, TOWN, " ", "staff:a", terms=TERMS)).then_refused("invalid_input", "subject_id")
    rare = vp.OpenVisitPlan(P, TOWN, SUBJECT, "staff:a", agreement_no="1", every_days=31, terms=TERMS)
    given_that(D).when(rare).then_refused("invalid_input", "every_days")
    opened().when(OPEN).then_refused("already_exists", "subject_id")
    view = vp.view(opened().state)
    assert (view.worklist, view.responsible, view.due_on, view.due) == ("visit", "staff:carer1", date(2023, 8, 1), "visit")


def test_a_plan_never_loses_its_responsible_person() -> None:
    """Another may come in their place, nobody may not."""
    opened().when(vp.ChangeVisitResponsible(ID, "", "离职")).then_refused("invalid_input", "responsible")
    opened().when(vp.ChangeVisitResponsible(ID, "staff:carer1", "")).then_nothing()
    changed = opened().when(vp.ChangeVisitResponsible(ID, "staff:carer2", "离职", "org-1")).accepted().state
    assert (changed.responsible, changed.provider) == ("staff:carer2", "org-1")


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (visit("2023-07-04"), "visited_on"),
        (visit("2023-07-02"), "visited_on"),
        (visit("2023-07-03", GOOD[:1]), "checks"),
        (visit("2023-07-03", (*GOOD, GOOD[0])), "checks"),
        (visit("2023-07-03", GOOD, "F9"), "findings"),
        (vp.RecordVisit(ID, FIRST, "by_letter", (), GOOD), "mode"),
    ],
    ids=["in the future", "before the plan", "a check left out", "a check twice", "no such finding", "no such mode"],
)
def test_a_visit_is_told_as_it_was(command: vp.RecordVisit, field: str) -> None:
    """What cannot have been, and what is not answered check by check, is refused."""
    opened().when(command).then_refused("invalid_input", field)


def test_a_finding_may_raise_a_clue() -> None:
    """A finding that asks for one is published, another is only noted."""
    found = opened().when(visit("2023-07-03", GOOD, "F1", "F2", "F1"))
    found.then(
        vp.VisitRecorded(FIRST, "on_site", ("F1", "F2"), (), "", "staff:test"),
        vp.VisitFindingRaised(P, TOWN, SUBJECT, "F1", FIRST, "staff:carer1"),
    )


def test_a_check_out_of_order_is_told_once_and_waits_until_it_is_in_order() -> None:
    """五有: the plan stands in a worklist of its own until a later visit finds the check in order."""
    bad = opened().on("2023-07-10").when(visit("2023-07-10", BAD))
    assert [type(e) for e in bad.events] == [vp.VisitRecorded, vp.VisitCheckFailed]
    assert vp.view(bad.accepted().state).worklist == "visit_attention"
    again = bad.accepted().on("2023-07-12").when(visit("2023-07-12", BAD))
    assert [type(e) for e in again.events] == [vp.VisitRecorded]
    late_news = again.accepted().when(visit("2023-07-05")).accepted()
    assert late_news.state.lacking == ("carer",), "an earlier visit says nothing about today"
    assert vp.view(late_news.when(visit("2023-07-12")).accepted().state).worklist == "visit"


def test_a_window_without_a_visit_is_told_once() -> None:
    """The timer tells of the window that ended, names how many, and the next window is due."""
    opened().on("2023-08-01").when(vp.NoteVisitOverdue(ID, "visit")).then_nothing()
    late = opened().on("2023-08-02").when(vp.NoteVisitOverdue(ID, "visit"))
    told = late.then(vp.VisitOverdue(P, TOWN, SUBJECT, "staff:carer1", 1, date(2023, 8, 1)))
    told.when(vp.NoteVisitOverdue(ID, "visit")).then_nothing()
    assert vp.view(told.state).due_on == date(2023, 8, 31)
    long_away = opened().on("2023-10-01").when(vp.NoteVisitOverdue(ID, "visit"))
    long_away.then(vp.VisitOverdue(P, TOWN, SUBJECT, "staff:carer1", 3, date(2023, 9, 30)))


def test_coverage_counts_the_windows_that_ended() -> None:
    """Due and done follow from the windows; a visit that is told late counts for the window it was made in."""
    seen = opened().on("2023-10-10").when(visit("2023-07-31")).accepted().when(visit("2023-09-15")).accepted()
    assert vp.coverage(seen.state, date(2023, 7, 1), date(2023, 10, 10)) == Coverage(3, 2)
    assert vp.coverage(seen.when(visit("2023-08-31")).accepted().state, date(2023, 7, 1), date(2023, 10, 10)) == Coverage(3, 3)
    assert vp.coverage(seen.state, date(2023, 8, 2), date(2023, 8, 31)) == Coverage(1, 0)
    assert vp.coverage(seen.state, date(2023, 8, 2), date(2023, 8, 30)) == Coverage(0, 0)


def test_a_review_keeps_or_quickens_the_plan_and_its_lack_is_told() -> None:
    """A plan that nobody reviews stands in the review list, after a missed visit; a review begins new windows with another frequency."""
    assert vp.view(opened().state).due_on == date(2023, 8, 1)
    late = opened().on("2024-01-01").when(vp.NoteVisitOverdue(ID, "visit")).accepted()
    assert vp.view(late.state).worklist == "visit_overdue"
    assert vp.view(late.when(visit("2024-01-01")).accepted().state).worklist == "visit_review"
    went_on = late.when(vp.ReviewVisitPlan(ID, "需加密", every_days=7)).accepted()
    view = vp.view(went_on.state)
    assert (view.worklist, view.due_on) == ("visit", date(2024, 1, 7))
    assert vp.coverage(went_on.state, date(2023, 7, 1), date(2024, 1, 7)) == Coverage(7, 0)


def test_a_closed_plan_owes_nothing_and_may_be_opened_again() -> None:
    """Only windows that had ended count; the old ones still do when there is a new plan."""
    closed = opened().on("2023-08-10").when(vp.CloseVisitPlan(ID, "去世")).accepted()
    assert vp.coverage(closed.state, date(2023, 7, 1), date(2023, 12, 31)) == Coverage(1, 0)
    closed.when(visit("2023-08-10")).then_refused("out_of_order")
    closed.when(OPEN).then_refused("not_yet")
    again = closed.on("2023-09-01").when(OPEN).accepted()
    assert vp.coverage(again.state, date(2023, 7, 1), date(2023, 9, 30)) == Coverage(2, 0)


TRIAL = vp.Terms(every_days=10, review_days=40, findings=TERMS.findings, checks=TERMS.checks)
COMMANDS = st.one_of(
    st.sampled_from(
        [
            vp.OpenVisitPlan(P, TOWN, SUBJECT, "staff:a", terms=TRIAL),
            vp.OpenVisitPlan(P, TOWN, SUBJECT, "staff:a", every_days=4, terms=TRIAL),
            vp.ChangeVisitResponsible(ID, "staff:b", "调岗"),
            vp.ReviewVisitPlan(ID, "继续", every_days=3),
            vp.ReviewVisitPlan(ID, "继续"),
            vp.CloseVisitPlan(ID, "迁出"),
            vp.CloseVisitPlan(ID, "死亡", FIRST + timedelta(days=9)),
            vp.ResumeVisitPlan(ID, "死亡"),
            vp.NoteVisitOverdue(ID, "visit"),
        ]
    ),
    st.builds(
        vp.RecordVisit,
        st.just(ID),
        st.integers(0, 90).map(lambda n: FIRST + timedelta(days=n)),
        st.just("on_site"),
        st.sampled_from([(), ("F1",), ("F2", "F1")]),
        st.sampled_from([GOOD, BAD]),
    ),
)


def legal(before: vp.VisitPlan, events: Any, after: vp.VisitPlan, day: date) -> None:
    """What a visit plan promises after any step."""
    if after.status == "open":
        assert after.responsible
        assert after.stretches[-1].every_days <= after.terms.every_days
    assert list(after.visits) == sorted(set(after.visits))
    assert all(v <= day for v in after.visits)
    spans = list(vp.windows(after, day))
    assert all(a[1] < b[0] for a, b in pairwise(spans)), "two windows at once"
    covered = vp.coverage(after, FIRST, day)
    assert 0 <= covered.done <= covered.due
    by_day = [w for w in spans if w[1] <= day]
    assert covered.due == len(by_day)
    assert covered.done == len({w for w in by_day for v in after.visits if w[0] <= v <= w[1]})
    halves = [vp.coverage(after, FIRST, FIRST + timedelta(days=20)), vp.coverage(after, FIRST + timedelta(days=21), day)]
    if day > FIRST + timedelta(days=20):
        assert covered == Coverage(sum(h.due for h in halves), sum(h.done for h in halves)), "a period is the sum of its parts"
    for event in events:
        if isinstance(event, vp.VisitOverdue):
            assert event.due_on < day
            assert event.missed > 0
            assert before.told_until is None or event.due_on > before.told_until, "told twice"


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.sampled_from([0, 1, 3, 12])), max_size=25))
def test_any_life_of_a_visit_plan_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: a responsible person, no visit in the future, coverage that adds up, a way out."""
    first = (vp.OpenVisitPlan(P, TOWN, SUBJECT, "staff:a", terms=TRIAL), "staff:clerk", 0)
    live(vp.SHAPE, [first, *steps], [(vp.CloseVisitPlan(ID, "迁出"), "staff:reviewer")], legal)


def test_a_missed_visit_waits_in_the_list_of_what_is_late_until_somebody_comes() -> None:
    """Also when the visit was made in time and is only told late; a visit of before the missed window does not help."""
    missed = opened().on("2023-08-15").when(vp.NoteVisitOverdue(ID, "visit")).accepted()
    assert vp.view(missed.state).worklist == "visit_overdue"
    assert vp.view(missed.when(visit("2023-08-15")).accepted().state).worklist == "visit"
    assert vp.view(missed.when(visit("2023-07-20")).accepted().state).worklist == "visit", "it was made, and told late"
    later = opened().when(visit("2023-07-03")).accepted().on("2023-09-15").when(vp.NoteVisitOverdue(ID, "visit")).accepted()
    assert vp.view(later.state).worklist == "visit_overdue"


def test_nothing_is_due_after_the_day_on_which_there_was_nobody_to_visit() -> None:
    """A death that is told late closes the plan with its day, also before the review that began new windows, or before the plan."""
    seen = opened().on("2023-07-20").when(visit("2023-07-20")).accepted()
    told = seen.on("2023-12-01").when(vp.CloseVisitPlan(ID, "死亡", date(2023, 8, 5))).accepted().state
    assert vp.coverage(told, date(2023, 7, 1), date(2023, 12, 1)) == Coverage(1, 1)
    reviewed = seen.on("2023-08-20").when(vp.ReviewVisitPlan(ID, "加密", every_days=7)).accepted()
    before = reviewed.on("2023-12-01").when(vp.CloseVisitPlan(ID, "死亡", date(2023, 8, 5))).accepted().state
    assert vp.coverage(before, date(2023, 7, 1), date(2023, 12, 1)) == Coverage(1, 1)
    never = seen.when(vp.CloseVisitPlan(ID, "死亡", date(2023, 6, 1))).accepted().state
    assert vp.coverage(never, date(2023, 7, 1), date(2023, 12, 1)) == Coverage(0, 0)
    seen.when(vp.CloseVisitPlan(ID, "死亡", date(2023, 7, 21))).then_refused("invalid_input", "closed_on")


def test_a_plan_goes_on_as_it_was_when_what_it_was_closed_for_was_not_so() -> None:
    """By the same reason alone, with the same hand and frequency; once."""
    closed = opened().on("2023-08-10").when(vp.CloseVisitPlan(ID, "死亡", date(2023, 8, 5))).accepted()
    closed.when(vp.ResumeVisitPlan(ID, "特困供养终止")).then_nothing()
    again = closed.when(vp.ResumeVisitPlan(ID, "死亡")).accepted()
    assert (again.state.status, again.state.responsible, again.state.stretches[-1].first) == ("open", "staff:carer1", date(2023, 8, 10))
    again.when(vp.ResumeVisitPlan(ID, "死亡")).then_nothing()
    same_day = opened().on("2023-08-10").when(vp.CloseVisitPlan(ID, "死亡")).accepted().when(vp.ResumeVisitPlan(ID, "死亡")).accepted()
    assert same_day.state.stretches[-1].first == date(2023, 8, 11), "no day has two windows"
