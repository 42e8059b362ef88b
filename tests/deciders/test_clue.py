"""A clue is answered in time and its reporter told; what comes of it has a name, and what comes to nothing a reason and a second hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from shared.casework import clue as cl
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D = cl.SHAPE.decider("assistance")
WHO, TOWN = "0a" * 16, "330225101"
TERMS = cl.Terms(sources=("hotline", "grid"), kinds=("illness",), findings=("hardship", "none"))
REPORT = cl.ReportClue("p", TOWN, "hotline", "illness", "突发大病", reporter="12345:88", terms=TERMS)


def reported() -> Given[cl.Clue]:
    """Reported on Monday 2023-07-03: to be assigned by Tuesday, answered by Monday 2023-07-17."""
    return given(D).when(REPORT).accepted()


def verified() -> Given[cl.Clue]:
    case = reported().when(cl.AssignClue("r", "staff:clerk")).accepted()
    return case.by("staff:clerk").when(cl.VerifyClue("r", "hardship", subject_id=WHO)).accepted()


def test_a_clue_lives_from_the_report_to_the_word_back() -> None:
    """Each step leaves it in the next one's worklist, and in one only."""
    case = reported()
    seen = [cl.view(case.state).worklist]
    for command in (
        cl.AssignClue("r", "staff:clerk"), cl.VerifyClue("r", "hardship"),
        cl.ResolveClue("r", "apply", "case-1"), cl.TellReporter("r", "电话"),
    ):  # fmt: skip
        case = case.when(command).accepted()
        seen.append(cl.view(case.state).worklist)
    assert seen == ["clue_assign", "clue_verify", "clue_resolve", "clue_tell", ""]
    assert (case.state.opened, case.state.in_time, case.state.status) == ("case-1", True, "closed")


def test_where_nobody_reported_nobody_is_told() -> None:
    """A warning of a data rule is closed with its answer."""
    case = given(D).when(cl.ReportClue("p", TOWN, "grid", "illness", "比对预警", subject_id=WHO, terms=TERMS)).accepted()
    case = case.when(cl.AssignClue("r", "staff:x")).accepted().when(cl.VerifyClue("r", "none")).accepted().by("staff:y")
    done = case.when(cl.ResolveClue("r", "no_need", reason="已享受")).accepted()
    assert (done.state.status, cl.view(done.state).open) == ("closed", False)


@pytest.mark.parametrize(("field", "value"), [("source", "rumour"), ("kind", "x"), ("urgency", "soon"), ("what", " ")])
def test_what_a_report_says_is_checked(field: str, value: str) -> None:
    """Codes are those of the programme."""
    body = {"source": "grid", "kind": "illness", "what": "x", field: value}
    given(D).when(cl.ReportClue("p", TOWN, terms=TERMS, **body)).then_refused("invalid_input", field)


def test_an_urgent_clue_is_due_sooner() -> None:
    """Assigned the same day, answered the next."""
    case = given(D).when(cl.ReportClue("p", TOWN, "grid", "illness", "x", urgency="urgent", terms=TERMS)).accepted()
    assert (case.state.assign_by, case.state.answer_by) == (date(2023, 7, 3), date(2023, 7, 4))


def test_a_valid_clue_names_what_it_opened_and_an_idle_one_says_why() -> None:
    """And the hand that verified does not put it aside."""
    verified().when(cl.ResolveClue("r", "apply")).then_refused("invalid_input", "opened")
    verified().when(cl.ResolveClue("r", "refer")).then_refused("invalid_input", "opened")
    verified().by("staff:reviewer").when(cl.ResolveClue("r", "no_need")).then_refused("invalid_input", "reason")
    verified().when(cl.ResolveClue("r", "no_need", reason="已享受")).then_refused("same_hand")
    verified().by("staff:reviewer").when(cl.ResolveClue("r", "no_need", reason="已享受")).then(
        cl.ClueResolved("p", TOWN, WHO, "no_need", "", "已享受", True, date(2023, 7, 6))
    )


def test_no_step_is_skipped() -> None:
    """Nothing is verified that nobody was sent to, nothing resolved that was not verified."""
    reported().when(cl.VerifyClue("r", "hardship")).then_refused("out_of_order")
    reported().when(cl.ResolveClue("r", "apply", "c")).then_refused("out_of_order")
    verified().when(cl.TellReporter("r", "电话")).then_refused("out_of_order")
    given(D).when(cl.AssignClue("r", "x")).then_refused("not_found", "record_id")


def test_a_late_step_goes_to_the_one_in_charge_once() -> None:
    """The day after it was due; given to somebody, the clue is off the list of late ones until its next day."""
    case = reported().on("2023-07-04").when(cl.NoteClueOverdue("r", "assign")).then_nothing()
    case = case.on("2023-07-05").when(cl.NoteClueOverdue("r", "assign")).then(cl.ClueOverdue("p", TOWN, "assign", date(2023, 7, 4), ""))
    case.when(cl.NoteClueOverdue("r", "assign")).then_nothing()
    assert (cl.view(case.state).worklist, cl.view(case.state).due) == ("clue_overdue", "answer")
    case = case.when(cl.AssignClue("r", "staff:clerk", date(2023, 7, 6))).accepted()
    assert (cl.view(case.state).worklist, cl.view(case.state).responsible) == ("clue_verify", "staff:clerk")


def test_an_answer_after_its_day_is_marked_late() -> None:
    """Counted, however good the reason."""
    case = verified().on("2023-07-18").when(cl.ResolveClue("r", "apply", "case-1")).accepted()
    assert not case.state.in_time


def test_a_due_day_is_not_put_off_beyond_the_answer() -> None:
    """Nor into the past; a clue that is late already gets the days of its level once more."""
    reported().when(cl.AssignClue("r", "x", date(2023, 7, 18))).then_refused("invalid_input", "verify_by")
    reported().when(cl.AssignClue("r", "x", date(2023, 7, 2))).then_refused("invalid_input", "verify_by")
    late = reported().on("2023-08-01").when(cl.AssignClue("r", "x")).accepted()
    assert late.state.verify_by == date(2023, 8, 15)


def test_who_was_found_is_who_was_reported() -> None:
    """A report about one person is not closed with a visit to another."""
    case = given(D).when(cl.ReportClue("p", TOWN, "grid", "illness", "x", subject_id=WHO, terms=TERMS)).accepted()
    case = case.when(cl.AssignClue("r", "x")).accepted()
    case.when(cl.VerifyClue("r", "hardship", subject_id="0b" * 16)).then_refused("invalid_input", "subject_id")


STEPS = {
    ("none", "reported"), ("reported", "assigned"), ("assigned", "verified"), ("verified", "resolved"), ("verified", "closed"),
    ("resolved", "closed"),
}  # fmt: skip
DAYS = st.one_of(st.none(), st.integers(0, 40).map(lambda n: START + timedelta(days=n)))
REPORTS = st.builds(
    cl.ReportClue, st.just("p"), st.just(TOWN), st.just("grid"), st.just("illness"), st.just("x"),
    subject_id=st.sampled_from(["", WHO]), urgency=st.sampled_from(["", "urgent", "normal"]), reporter=st.sampled_from(["", "12345:1"]),
    terms=st.just(TERMS),
)  # fmt: skip
COMMANDS = st.one_of(
    st.builds(cl.AssignClue, st.just("r"), st.sampled_from(["staff:clerk", "staff:y", " "]), DAYS),
    st.builds(cl.VerifyClue, st.just("r"), st.sampled_from(["hardship", "none"]), st.just(""), st.sampled_from(["", WHO])),
    st.builds(
        cl.ResolveClue, st.just("r"), st.sampled_from(["apply", "refer", "no_need"]), st.sampled_from(["c", ""]), st.sampled_from(["x", ""])
    ),
    st.builds(cl.TellReporter, st.just("r"), st.sampled_from(["电话", ""])),
)


def way_out(state: cl.Clue, day: date) -> tuple[Any, str, date]:
    nexts = {
        "reported": cl.AssignClue("r", "staff:x"),
        "assigned": cl.VerifyClue("r", "none"),
        "verified": cl.ResolveClue("r", "no_need", reason="无需"),
        "resolved": cl.TellReporter("r", "电话"),
    }
    return nexts[state.status], "staff:other" if state.status == "verified" else "staff:x", day


@FEW
@drawn(REPORTS, st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 6)), max_size=14))
def test_any_life_of_a_clue_is_legal(first: Any, steps: list[Any]) -> None:
    """No step is skipped, an answer is owed until it is given, and from everywhere the clue can be brought to its end."""
    state, day, seen = cl.SHAPE.state, START, set()
    for moment in walk(cl.SHAPE, [(first, "staff:clerk", 0), *steps]):
        state, day = moment.after, moment.day
        seen.add((moment.before.status, state.status))
        if state.status in ("reported", "assigned", "verified"):
            assert state.late or cl.view(state).due_on is not None, "an unanswered clue is due, or said to be late"
            assert cl.view(state).due_on is None or cl.view(state).due_on <= max(state.answer_by, state.verify_by or START)
        if state.outcome in ("apply", "refer"):
            assert state.opened
        if state.status == "closed":
            assert state.outcome
            assert not state.reporter or isinstance(moment.events[-1], cl.ClueReporterTold)
    assert {s for s in seen if s[0] != s[1]} <= STEPS
    assert lead_out(cl.SHAPE, state, day, way_out).status == "closed"
