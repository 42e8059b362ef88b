"""A session never has more people than places, its sums add up, and a meeting does not end with a decision that nobody owns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given as drawn
from hypothesis import strategies as st

from shared.casework import session as se
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D = se.SHAPE.decider("assistance")
TOWN, DAY = "330225", date(2023, 7, 10)
TRAINING = se.Terms(close_days=5, pass_score=60, certificate=True)
MEETING = se.Terms(close_days=5, minutes=True, members=("民政局", "残联", "财政局"))
ALL = ("民政局", "残联", "财政局")


def scheduled(terms: se.Terms = TRAINING, places: int = 2) -> Given[se.Session]:
    """On 2023-07-03 for Monday 2023-07-10."""
    return given(D).when(se.ScheduleSession("p", TOWN, "政策培训", "三楼会议室", DAY, places, terms=terms)).accepted()


def enrolled(*who: str, terms: se.Terms = TRAINING, places: int = 2) -> Given[se.Session]:
    case = scheduled(terms, places)
    for w in who:
        case = case.when(se.EnrolInSession("r", w, f"33022510{w[-1]}" if w[-1].isdigit() else "")).accepted()
    return case


def met() -> Given[se.Session]:
    return enrolled(*ALL, terms=MEETING, places=5).on("2023-07-10").when(se.RecordAttendance("r", ALL)).accepted()


def test_who_comes_after_the_last_place_waits_and_moves_up_in_order() -> None:
    """A place that becomes free goes to who waits longest; one who only waited frees none."""
    case = enrolled("p1", "p2", "p3", "p4")
    assert (list(case.state.enrolled), list(case.state.waiting)) == (["p1", "p2"], ["p3", "p4"])
    case.when(se.CancelEnrolment("r", "p4")).then(se.SessionEnrolmentCancelled("p4", ()))
    case = case.when(se.CancelEnrolment("r", "p1")).then(se.SessionEnrolmentCancelled("p1", ("p3",)))
    assert (list(case.state.enrolled), list(case.state.waiting)) == (["p2", "p3"], ["p4"])


def test_more_places_let_the_waiting_in_and_fewer_throw_nobody_out() -> None:
    """The number of places is never below those who have one."""
    case = enrolled("p1", "p2", "p3")
    case.when(se.ChangeSession("r", "礼堂", DAY, 1)).then_refused("invalid_input", "places")
    case.when(se.ChangeSession("r", "礼堂", DAY, 10)).then(se.SessionChanged("礼堂", DAY, 10, ("p3",)))
    case.when(se.EnrolInSession("r", "p3")).then_refused("already_exists", "who")


def test_attendance_is_taken_when_the_day_has_come_and_adds_up() -> None:
    """Enrolled is attended plus absent; who comes without is counted too, while there are places."""
    case = enrolled("p1", "p2", places=3)
    case.when(se.RecordAttendance("r", ("p1",))).then_refused("not_yet_due")
    case = case.on("2023-07-10")
    case.when(se.RecordAttendance("r", ())).then_refused("invalid_input", "present")
    case.when(se.RecordAttendance("r", ("p1", "p1"))).then_refused("invalid_input", "present")
    case.when(se.RecordAttendance("r", ("p1", "p2", "p3", "p4"))).then_refused("invalid_input", "present")
    case = case.when(se.RecordAttendance("r", ("p9", "p1"))).then(se.SessionHeld(DAY, ("p1",), ("p2",), ("p9",), date(2023, 7, 17)))
    case.when(se.CloseSession("r", "完成")).then(se.SessionClosed("p", TOWN, DAY, 3, 2, 1, 0, ("330225101",), "完成"))


def test_a_certificate_goes_to_who_passed() -> None:
    """Only of those who were there, once each, and only where there is a test."""
    case = enrolled("p1", "p2").on("2023-07-10").when(se.RecordAttendance("r", ("p1",))).accepted()
    case.when(se.RecordSessionResult("r", "p2", 5, 80)).then_refused("not_found", "who")
    failed = case.when(se.RecordSessionResult("r", "p1", 5, 59)).accepted()
    assert (failed.events[-1].passed, failed.events[-1].certificate_no) == (False, "")
    passed = case.when(se.RecordSessionResult("r", "p1", 5, 60)).accepted()
    assert passed.events[-1].certificate_no.startswith("2023-")
    passed.when(se.RecordSessionResult("r", "p1", 5, 60)).then_refused("already_exists", "who")
    case.when(se.RecordSessionResult("r", "p1", 6)).then_refused("invalid_input", "feedback")
    met().when(se.RecordSessionResult("r", "残联", 0, 90)).then_refused("invalid_input", "score")


def test_a_meeting_needs_its_members() -> None:
    """Without one of them it is held another day."""
    case = enrolled(*ALL, terms=MEETING, places=5).on("2023-07-10")
    refused = case.when(se.RecordAttendance("r", ("民政局", "残联"))).then_refused("invalid_input", "present")
    assert "财政局" in refused.message


def test_a_meeting_does_not_close_with_an_open_decision() -> None:
    """Done, or rolled over to the next; each has an owner and a day."""
    decide = se.RecordDecision("r", "1", "补发停发期间补贴", "残联", date(2023, 8, 1), "case-1")
    case = met().when(decide).accepted()
    assert (se.view(case.state).worklist, se.view(case.state).responsible) == ("session_decisions", "残联")
    case.when(decide).then_refused("already_exists", "decision_id")
    case.when(se.CloseSession("r", "完成")).then_refused("out_of_order")
    case.when(se.FinishDecision("r", "1", "已补发")).accepted().when(se.CloseSession("r", "完成")).accepted()
    case.when(se.RollOverDecision("r", "1", "r", date(2023, 10, 1))).then_refused("invalid_input", "next_session")
    rolled = case.when(se.RollOverDecision("r", "1", "next", date(2023, 10, 1))).accepted()
    assert rolled.events[-1].owner == "残联"
    rolled.when(se.CloseSession("r", "完成")).accepted()
    enrolled("p1").on("2023-07-10").when(se.RecordAttendance("r", ("p1",))).accepted().when(decide).then_refused("out_of_order")


def test_a_disputed_case_that_a_member_brought_wants_a_conclusion() -> None:
    """会商: the meeting closes when every one of them has; whom a case is about is said nowhere."""
    bring = se.RecordSessionInput("r", "残联", "证件变更比对：2件有争议", ("case-1", "case-2", "case-1"))
    scheduled(MEETING).when(bring).then(se.SessionInputRecorded("残联", "证件变更比对：2件有争议", ("case-1", "case-2")))
    case = met().when(bring).accepted()
    case.when(se.RecordSessionInput("r", "教育局", "x")).then_refused("invalid_input", "unit")
    case.when(se.RecordSessionInput("r", "残联", "x", ("33022519800101123X",))).then_refused("invalid_input", "disputed")
    about = se.RecordDecision("r", "1", "x", "残联", date(2023, 8, 1), "330225198001011234")
    case.when(about).then_refused("invalid_input", "concerns")
    decide = se.RecordDecision("r", "1", "补发停发期间补贴", "残联", date(2023, 8, 1), "case-1")
    case = case.when(decide).accepted().when(se.FinishDecision("r", "1", "已补发")).accepted()
    assert "1件" in case.when(se.CloseSession("r", "完成")).then_refused("out_of_order").message
    case = case.when(se.RecordDecision("r", "2", "维持停发", "民政局", date(2023, 8, 1), "case-2")).accepted()
    case.when(se.FinishDecision("r", "2", "已告知")).accepted().when(se.CloseSession("r", "完成")).accepted()
    enrolled("p1").when(bring).then_refused("out_of_order")


def test_what_was_taken_over_is_owed_by_the_next_session() -> None:
    """Told twice it is taken over once, and the session is not cancelled with it."""
    take = se.TakeOverDecision("next", "d1", "补发", "case-1", "残联", date(2023, 10, 1), "r")
    case = scheduled(MEETING).when(take).accepted()
    case.when(take).then_nothing()
    case.when(se.CancelSession("next", "合并")).then_refused("out_of_order")
    case.when(se.FinishDecision("next", "d1", "已补发")).accepted().when(se.CancelSession("next", "合并")).accepted()


def test_a_late_decision_is_its_owners() -> None:
    """The event names who has not done it."""
    case = met().when(se.RecordDecision("r", "1", "补发", "残联", date(2023, 8, 1))).accepted()
    case.on("2023-08-01").when(se.NoteSessionOverdue("r", "1")).then_nothing()
    case.on("2023-08-02").when(se.NoteSessionOverdue("r", "1")).then(se.SessionOverdue("p", TOWN, "1", date(2023, 8, 1), "残联"))


def test_a_meeting_that_waited_for_its_decisions_is_closed_after_them() -> None:
    """The day for closing lies behind the last deadline, so that no day is called twice."""
    case = met().when(se.RecordDecision("r", "1", "补发", "残联", date(2023, 7, 17))).accepted().on("2023-07-18")
    case = case.when(se.NoteSessionOverdue("r", "1")).accepted().when(se.FinishDecision("r", "1", "已补发")).accepted()
    assert (se.view(case.state).due, se.view(case.state).due_on) == ("close", date(2023, 7, 18))


def test_a_session_lies_ahead_and_has_places() -> None:
    """Neither yesterday nor for nobody."""
    given(D).when(se.ScheduleSession("p", TOWN, "x", "y", date(2023, 7, 2), 5)).then_refused("invalid_input", "held_on")
    given(D).when(se.ScheduleSession("p", TOWN, "x", "y", DAY, 0)).then_refused("invalid_input", "places")
    met().when(se.CancelSession("r", "x")).then_refused("out_of_order")


STEPS = {("none", "scheduled"), ("scheduled", "held"), ("scheduled", "cancelled"), ("held", "closed")}
PEOPLE = st.sampled_from(["p1", "p2", "p3", "p4", *ALL])
DAYS = st.integers(0, 60).map(lambda n: START + timedelta(days=n))
COMMANDS = st.one_of(
    st.builds(se.EnrolInSession, st.just("r"), PEOPLE, st.sampled_from(["", "330225101"])),
    st.builds(se.EnrolInSession, st.just("r"), PEOPLE),
    st.builds(se.CancelEnrolment, st.just("r"), PEOPLE),
    st.builds(se.ChangeSession, st.just("r"), st.just("礼堂"), DAYS, st.integers(1, 5)),
    st.builds(se.RecordAttendance, st.just("r"), st.lists(PEOPLE, max_size=5, unique=True).map(tuple)),
    st.builds(se.RecordAttendance, st.just("r"), st.just(ALL)),
    st.builds(se.RecordSessionResult, st.just("r"), PEOPLE, st.integers(0, 5), st.sampled_from([0, 59, 60])),
    st.builds(se.RecordDecision, st.just("r"), st.sampled_from(["1", "2", "close"]), st.just("补发"), st.just("残联"), DAYS),
    st.builds(se.RecordSessionInput, st.just("r"), st.just("残联"), st.just("比对"), st.sampled_from([(), ("case-1",)])),
    st.builds(se.FinishDecision, st.just("r"), st.sampled_from(["1", "2"]), st.just("已办")),
    st.builds(se.RollOverDecision, st.just("r"), st.sampled_from(["1", "2"]), st.just("next"), DAYS),
    st.builds(
        se.TakeOverDecision, st.just("r"), st.sampled_from(["t1", "t2"]), st.just("补发"), st.just(""), st.just("残联"), DAYS, st.just("x")
    ),
    st.builds(se.CloseSession, st.just("r"), st.just("小结")),
    st.builds(se.CancelSession, st.just("r"), st.just("合并")),
)
OPENINGS = st.builds(
    se.ScheduleSession, st.just("p"), st.just(TOWN), st.just("x"), st.just("y"), DAYS, st.integers(1, 4),
    terms=st.sampled_from([TRAINING, MEETING, se.Terms(minutes=True)]),
)  # fmt: skip


def way_out(state: se.Session, day: date) -> tuple[Any, str, date]:
    for key in state.decisions:
        return se.FinishDecision("r", key, "已办"), "staff:x", day
    if state.status == "scheduled":
        return se.CancelSession("r", "取消"), "staff:x", day
    return se.CloseSession("r", "小结"), "staff:x", day


@FEW
@drawn(OPENINGS, st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 6)), max_size=18))
def test_any_life_of_a_session_is_legal(first: Any, steps: list[Any]) -> None:
    """Places hold, sums add up, nobody waits while a place is free, nothing closes with an open decision, and there is always a way on."""
    state, day, seen = se.SHAPE.state, START, set()
    for moment in walk(se.SHAPE, [(first, "staff:clerk", 0), *steps]):
        state, day = moment.after, moment.day
        seen.add((moment.before.status, state.status))
        assert not state.enrolled.keys() & state.waiting.keys()
        assert len(state.attended) <= state.places
        if state.status == "scheduled":
            assert len(state.enrolled) <= state.places
            assert not state.waiting or len(state.enrolled) == state.places, "nobody waits beside an empty chair"
        if state.status in ("held", "closed"):
            assert len(state.enrolled) == len(state.attended) + len(state.absent)
            assert set(state.results) <= set(state.attended)
            assert set(state.terms.members) <= set(state.attended)
        if state.status in ("closed", "cancelled"):
            assert not state.decisions
    assert {s for s in seen if s[0] != s[1]} <= STEPS
    assert not se.view(lead_out(se.SHAPE, state, day, way_out)).open
