"""Session (活动场次): a training, lecture or consultation meeting at a place on a day. Shape 14.

Life: scheduled, people enrol → held (attendance taken) → results, feedback, decisions → closed; or cancelled before it is held.

Must hold: never more people than places, and whoever waits moves up in the order of waiting; at the close enrolled = attended + absent, and
everybody who was there is counted once; a meeting that keeps minutes (``Terms.minutes``) was attended by every member it needs, has a
conclusion to every disputed case that a member brought, and closes with no open decision: each has an owner and a
deadline, and is done, or was rolled over to the next session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from shared.casework.shape import Act, RecordState, Shape, View, each, must, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order, derived_id

NAME = "session"
MOST_PLACES = 1000
_RESIDENT_ID = re.compile(r"\d{17}[\dXx]")


@dataclass(frozen=True)
class Terms:
    """close_days: working days after the day itself until the attendance is in, and again until all is closed. minutes: it keeps minutes
    with decisions. members: who must be there. pass_score: of the test, 0 = no test; certificate: who passes gets one."""

    close_days: int = 5
    minutes: bool = False
    members: tuple[str, ...] = ()
    pass_score: int = 0
    certificate: bool = False


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "session_scheduled", published=True)
@dataclass(frozen=True)
class SessionScheduled:
    """场次安排."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    topic: str
    place: str
    held_on: date
    places: int


@shape_event(NAME, "session_changed")
@dataclass(frozen=True)
class SessionChanged:
    """改期、改地点、调整名额; ``moved_up``: who gets one of the places added."""

    place: str
    held_on: date
    places: int
    moved_up: tuple[str, ...]


@shape_event(NAME, "session_enrolled")
@dataclass(frozen=True)
class SessionEnrolled:
    """报名; ``waiting``: all places are taken (候补). ``unit``: where the person comes from, for coverage."""

    who: str
    unit: str
    waiting: bool


@shape_event(NAME, "session_enrolment_cancelled")
@dataclass(frozen=True)
class SessionEnrolmentCancelled:
    """取消报名."""

    who: str
    moved_up: tuple[str, ...]


@shape_event(NAME, "session_held", day="held_on")
@dataclass(frozen=True)
class SessionHeld:
    """签到: of those enrolled who was there and who not; ``walk_ins`` came without (or from the waiting list)."""

    held_on: date
    present: tuple[str, ...]
    absent: tuple[str, ...]
    walk_ins: tuple[str, ...]
    close_by: date


@shape_event(NAME, "session_result")
@dataclass(frozen=True)
class SessionResult:
    """参加结果: one attendee's feedback (1–5, 0 = none), test score and certificate, and the hand-off or clue it led to (后续转介)."""

    who: str
    feedback: int
    score: int
    passed: bool
    certificate_no: str
    referral: str


@shape_event(NAME, "session_input_recorded")
@dataclass(frozen=True)
class SessionInputRecorded:
    """会议材料: what a member brought: figures, questions, the disputed cases it asks a conclusion about (争议个案, by their numbers)."""

    unit: str
    text: str
    disputed: tuple[str, ...]


@shape_event(NAME, "session_decided")
@dataclass(frozen=True)
class SessionDecided:
    """议定事项: ``concerns`` is the disputed case or other matter; ``taken_from``: the session it was rolled over from."""

    decision_id: str
    text: str
    concerns: str
    owner: str
    deadline: date
    taken_from: str


@shape_event(NAME, "session_decision_done")
@dataclass(frozen=True)
class SessionDecisionDone:
    """议定事项办结."""

    decision_id: str
    result: str


@shape_event(NAME, "session_decision_rolled_over", published=True)
@dataclass(frozen=True)
class SessionDecisionRolledOver:
    """转入下次会议: ``next_session`` takes it over as its own."""

    record_id: str
    decision_id: str
    next_session: str
    text: str
    concerns: str
    owner: str
    deadline: date


@shape_event(NAME, "session_closed", published=True)
@dataclass(frozen=True)
class SessionClosed:
    """结束: the sums. ``units``: where those who attended came from."""

    programme: str
    division: str
    held_on: date
    enrolled: int
    attended: int
    absent: int
    passed: int
    units: tuple[str, ...]
    summary: str


@shape_event(NAME, "session_cancelled", published=True)
@dataclass(frozen=True)
class SessionCancelled:
    """场次取消."""

    programme: str
    division: str
    reason: str


@shape_event(NAME, "session_overdue", published=True)
@dataclass(frozen=True)
class SessionOverdue:
    """逾期: ``due`` is attendance, close, a quarter without one, or the id of a decision past its deadline; ``responsible`` its owner."""

    programme: str
    division: str
    due: str
    due_on: date
    responsible: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decision:
    """An open decision (待办议定事项)."""

    text: str
    concerns: str
    owner: str
    deadline: date


@dataclass(frozen=True)
class Session(RecordState):
    """status: none | scheduled | held | closed | cancelled."""

    terms: Terms = Terms()
    topic: str = ""
    place: str = ""
    held_on: date | None = None
    places: int = 0
    enrolled: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # who -> unit, in the order of enrolment
    waiting: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    attended: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    results: tuple[str, ...] = ()  # who has one
    passed: tuple[str, ...] = ()
    close_by: date | None = None
    decisions: Mapping[str, Decision] = field(default_factory=lambda: MappingProxyType({}))  # the open ones
    decided: tuple[str, ...] = ()  # the ids of all
    brought_by: tuple[str, ...] = ()  # who brought papers, in their order
    disputed: tuple[str, ...] = ()  # cases brought that have no conclusion
    last_deadline: date | None = None  # the latest of all decisions ever made
    late: tuple[str, ...] = ()


def evolve(state: Session, event: Any) -> Session:
    match event:
        case SessionScheduled():
            return Session(
                "scheduled", event.programme, event.division, event.subject_id, event.terms, event.topic, event.place, event.held_on,
                event.places,
            )  # fmt: skip
        case SessionChanged():
            late = tuple(x for x in state.late if x != "attendance")
            changed = replace(state, place=event.place, held_on=event.held_on, places=event.places, late=late)
            return _moved_up(changed, event.moved_up)
        case SessionEnrolled():
            if event.waiting:
                return replace(state, waiting=MappingProxyType({**state.waiting, event.who: event.unit}))
            return replace(state, enrolled=MappingProxyType({**state.enrolled, event.who: event.unit}))
        case SessionEnrolmentCancelled():
            left, wait = ({k: v for k, v in m.items() if k != event.who} for m in (state.enrolled, state.waiting))
            return _moved_up(replace(state, enrolled=MappingProxyType(left), waiting=MappingProxyType(wait)), event.moved_up)
        case SessionHeld():
            came = {w: state.waiting.get(w, "") for w in event.walk_ins}
            return replace(
                state, status="held", held_on=event.held_on, attended=(*event.present, *event.walk_ins), absent=event.absent,
                enrolled=MappingProxyType({**state.enrolled, **came}), waiting=MappingProxyType({}), close_by=event.close_by,
                late=tuple(x for x in state.late if x != "attendance"),
            )  # fmt: skip
        case SessionResult():
            passed = (*state.passed, event.who) if event.passed else state.passed
            return replace(state, results=(*state.results, event.who), passed=passed)
        case SessionDecided():
            new = Decision(event.text, event.concerns, event.owner, event.deadline)
            return replace(
                state, decisions=MappingProxyType({**state.decisions, event.decision_id: new}), decided=(*state.decided, event.decision_id),
                last_deadline=max(event.deadline, state.last_deadline or event.deadline),
                disputed=tuple(x for x in state.disputed if x != event.concerns),
            )  # fmt: skip
        case SessionInputRecorded():
            return replace(
                state, brought_by=(*state.brought_by, event.unit), disputed=tuple(dict.fromkeys((*state.disputed, *event.disputed)))
            )
        case SessionDecisionDone() | SessionDecisionRolledOver():
            open_ones = {k: d for k, d in state.decisions.items() if k != event.decision_id}
            late = tuple(x for x in state.late if x != event.decision_id)
            return replace(state, decisions=MappingProxyType(open_ones), late=late)
        case SessionClosed():
            return replace(state, status="closed", late=())
        case SessionCancelled():
            return replace(state, status="cancelled", late=())
        case SessionOverdue():
            return replace(state, late=(*state.late, event.due))
        case _:
            raise TypeError(f"a session knows no {type(event).__name__}")


def _moved_up(state: Session, who: tuple[str, ...]) -> Session:
    up = {w: state.waiting[w] for w in who}
    wait = {w: unit for w, unit in state.waiting.items() if w not in up}
    return replace(state, enrolled=MappingProxyType({**state.enrolled, **up}), waiting=MappingProxyType(wait))


# -- Commands ----------------------------------------------------------------------------------------------------


@command("schedule_session", permission="register")
@dataclass(frozen=True)
class ScheduleSession:
    programme: str
    division: str
    topic: str
    place: str
    held_on: date
    places: int
    subject_id: str = ""
    terms: Terms = Terms()


@command("change_session", permission="register")
@dataclass(frozen=True)
class ChangeSession:
    record_id: str
    place: str
    held_on: date
    places: int


@command("enrol_in_session", permission="register")
@dataclass(frozen=True)
class EnrolInSession:
    """报名. ``who`` is a person_id, a staff id or a unit; ``unit`` the town or department they come from."""

    record_id: str
    who: str
    unit: str = ""


@command("cancel_enrolment", permission="register")
@dataclass(frozen=True)
class CancelEnrolment:
    record_id: str
    who: str


@command("record_attendance", permission="register")
@dataclass(frozen=True)
class RecordAttendance:
    record_id: str
    present: tuple[str, ...]


@command("record_session_result", permission="register")
@dataclass(frozen=True)
class RecordSessionResult:
    record_id: str
    who: str
    feedback: int = 0
    score: int = 0
    referral: str = ""


@command("record_session_input", permission="register")
@dataclass(frozen=True)
class RecordSessionInput:
    """会议材料. ``disputed``: the numbers of the cases that are disputed; nobody is named."""

    record_id: str
    unit: str
    text: str
    disputed: tuple[str, ...] = ()


@command("record_decision", permission="review")
@dataclass(frozen=True)
class RecordDecision:
    record_id: str
    decision_id: str
    text: str
    owner: str
    deadline: date
    concerns: str = ""


@command("finish_decision", permission="review")
@dataclass(frozen=True)
class FinishDecision:
    record_id: str
    decision_id: str
    result: str


@command("roll_over_decision", permission="review")
@dataclass(frozen=True)
class RollOverDecision:
    """转入下次会议; the deadline may be set anew."""

    record_id: str
    decision_id: str
    next_session: str
    deadline: date


@command("take_over_decision", permission="record")
@dataclass(frozen=True)
class TakeOverDecision:
    """By the service: the decision of an earlier session becomes one of this."""

    record_id: str
    decision_id: str
    text: str
    concerns: str
    owner: str
    deadline: date
    taken_from: str


@command("close_session", permission="review")
@dataclass(frozen=True)
class CloseSession:
    record_id: str
    summary: str


@command("cancel_session", permission="review")
@dataclass(frozen=True)
class CancelSession:
    record_id: str
    reason: str


@command("note_session_overdue", permission="record")
@dataclass(frozen=True)
class NoteSessionOverdue:
    """By the timer."""

    record_id: str
    due: str


@command("note_meeting_missed", permission="record")
@dataclass(frozen=True)
class NoteMeetingMissed:
    """By the timer: in ``quarter``, which ended on ``last_day``, none was held after this one."""

    record_id: str
    quarter: str
    last_day: date


# -- Decisions ---------------------------------------------------------------------------------------------------


def schedule(state: Session, c: ScheduleSession, order: Order[Any]) -> Sequence[Any]:
    topic, place = said(c.topic, "topic", "主题"), said(c.place, "place", "地点")
    _day_and_places(c.held_on, c.places, order)
    return [SessionScheduled(c.programme, c.division, c.subject_id, c.terms, topic, place, c.held_on, c.places)]


def change(state: Session, c: ChangeSession, order: Order[Any]) -> Sequence[Any]:
    must(state, "调整", "scheduled")
    _day_and_places(c.held_on, c.places, order)
    if c.places < len(state.enrolled):
        raise invalid("名额不得少于已报名人数。", "places")
    up = tuple(state.waiting)[: c.places - len(state.enrolled)]
    return [SessionChanged(said(c.place, "place", "地点"), c.held_on, c.places, up)]


def enrol(state: Session, c: EnrolInSession, order: Order[Any]) -> Sequence[Any]:
    must(state, "报名", "scheduled")
    who = said(c.who, "who", "报名人")
    if who in state.enrolled or who in state.waiting:
        raise Refused("already_exists", "已报名。", "who")
    return [SessionEnrolled(who, c.unit.strip(), len(state.enrolled) >= state.places)]


def cancel_enrolment(state: Session, c: CancelEnrolment, order: Order[Any]) -> Sequence[Any]:
    must(state, "取消报名", "scheduled")
    if c.who not in state.enrolled and c.who not in state.waiting:
        raise Refused("not_found", "未报名。", "who")
    up = tuple(state.waiting)[:1] if c.who in state.enrolled else ()
    return [SessionEnrolmentCancelled(c.who, up)]


def attend(state: Session, c: RecordAttendance, order: Order[Any]) -> Sequence[Any]:
    must(state, "签到", "scheduled")
    assert state.held_on is not None
    if order.today < state.held_on:
        raise Refused("not_yet_due", "活动尚未举行。", None)
    if len(set(c.present)) != len(c.present) or not all(w.strip() for w in c.present):
        raise invalid("签到名单有空白或重复。", "present")
    if len(c.present) > state.places:
        raise invalid("签到人数超过名额。", "present")
    if not c.present:
        raise invalid("无人到场的活动请改期或取消。", "present")
    if missing := [m for m in state.terms.members if m not in c.present]:
        raise invalid(f"须参加的成员单位未到：{'、'.join(missing)}，请改期。", "present")
    present, absent = (tuple(w for w in state.enrolled if (w in c.present) is there) for there in (True, False))
    walk_ins = tuple(w for w in c.present if w not in state.enrolled)
    close_by = dates.add_working_days(order.today, state.terms.close_days)
    return [SessionHeld(state.held_on, present, absent, walk_ins, close_by)]


def result(state: Session, c: RecordSessionResult, order: Order[Any]) -> Sequence[Any]:
    must(state, "结果登记", "held")
    if c.who not in state.attended:
        raise Refused("not_found", "该人员未到场。", "who")
    if c.who in state.results:
        raise Refused("already_exists", "该人员的结果已登记。", "who")
    if not 0 <= c.feedback <= 5:
        raise invalid("评价须为1至5分（0为未评价）。", "feedback")
    if not 0 <= c.score <= 100 or (c.score and not state.terms.pass_score):
        raise invalid("成绩须为0至100分，且本项目有测试。", "score")
    passed = bool(state.terms.pass_score) and c.score >= state.terms.pass_score
    number = f"{order.today.year}-{derived_id('certificate', c.record_id, c.who)[:8].upper()}" if passed and state.terms.certificate else ""
    return [SessionResult(c.who, c.feedback, c.score, passed, number, c.referral.strip())]


def bring(state: Session, c: RecordSessionInput, order: Order[Any]) -> Sequence[Any]:
    must(state, "会议材料", "scheduled", "held")
    if not state.terms.minutes:
        raise out_of_order("本项目不作会议议定。")
    unit = said(c.unit, "unit", "提交单位")
    if state.terms.members and unit not in state.terms.members:
        raise invalid(f"提交单位须为成员单位：{'、'.join(state.terms.members)}。", "unit")
    disputed = tuple(dict.fromkeys(_number(x, "disputed") for x in c.disputed))
    return [SessionInputRecorded(unit, said(c.text, "text", "材料内容"), disputed)]


def _number(text: str, field: str) -> str:
    """A case by its number: whom it is about is said nowhere in the minutes."""
    if _RESIDENT_ID.search(text):
        raise invalid("请填写个案编号，不得含有身份证号码。", field)
    return said(text, field, "个案编号")


def decide(state: Session, c: RecordDecision, order: Order[Any]) -> Sequence[Any]:
    must(state, "议定", "held")
    if not state.terms.minutes:
        raise out_of_order("本项目不作会议议定。")
    key = said(c.decision_id, "decision_id", "议定事项编号")
    if key in ("attendance", "close") or len(key) > 40:
        raise invalid("议定事项编号不可用。", "decision_id")  # the deadlines of the session itself have these names
    if key in state.decided:
        raise Refused("already_exists", "此议定事项编号已使用。", "decision_id")
    _ahead(c.deadline, order)
    text, owner = said(c.text, "text", "议定内容"), said(c.owner, "owner", "责任单位")
    concerns = _number(c.concerns, "concerns") if c.concerns.strip() else ""
    return [SessionDecided(key, text, concerns, owner, c.deadline, "")]


def finish_decision(state: Session, c: FinishDecision, order: Order[Any]) -> Sequence[Any]:
    _open_decision(state, c.decision_id)
    return [SessionDecisionDone(c.decision_id, said(c.result, "result", "落实情况"))]


def roll_over(state: Session, c: RollOverDecision, order: Order[Any]) -> Sequence[Any]:
    d = _open_decision(state, c.decision_id)
    if said(c.next_session, "next_session", "下次会议") == c.record_id:
        raise invalid("须转入另一场会议。", "next_session")
    _ahead(c.deadline, order)
    return [SessionDecisionRolledOver(c.record_id, c.decision_id, c.next_session, d.text, d.concerns, d.owner, c.deadline)]


def take_over(state: Session, c: TakeOverDecision, order: Order[Any]) -> Sequence[Any]:
    must(state, "承接议定事项", "scheduled", "held")
    if not state.terms.minutes:
        raise out_of_order("本项目不作会议议定。")
    if c.decision_id in state.decided:
        return []  # told twice
    return [SessionDecided(c.decision_id, c.text, c.concerns, c.owner, c.deadline, c.taken_from)]


def close(state: Session, c: CloseSession, order: Order[Any]) -> Sequence[Any]:
    must(state, "结束", "held")
    if state.decisions:
        raise out_of_order("尚有未落实的议定事项，请办结或转入下次会议。")
    if state.disputed:
        raise out_of_order(f"尚有{len(state.disputed)}件争议个案没有结论，请作出议定。")
    assert state.held_on is not None
    units = tuple(sorted({state.enrolled[w] for w in state.attended} - {""}))
    s, summary = state, said(c.summary, "summary", "小结")
    sums = len(s.enrolled), len(s.attended), len(s.absent), len(s.passed)
    return [SessionClosed(s.programme, s.division, state.held_on, *sums, units, summary)]


def cancel(state: Session, c: CancelSession, order: Order[Any]) -> Sequence[Any]:
    must(state, "取消", "scheduled")
    if state.decisions:
        raise out_of_order("本次会议承接了未落实的议定事项，请先办结或转入另一场会议。")
    return [SessionCancelled(state.programme, state.division, said(c.reason, "reason", "取消理由"))]


def note_overdue(state: Session, c: NoteSessionOverdue, order: Order[Any]) -> Sequence[Any]:
    def owner(due: str) -> str:
        return state.decisions[due].owner if due in state.decisions else ""

    return [SessionOverdue(state.programme, state.division, due, day, owner(due)) for day, due in _dues(state) if day < order.today]


def note_missed(state: Session, c: NoteMeetingMissed, order: Order[Any]) -> Sequence[Any]:
    """Told once of each quarter; on the record of the last meeting that was held."""
    if state.status not in ("held", "closed") or c.quarter in state.late or order.today <= c.last_day:
        return []
    return [SessionOverdue(state.programme, state.division, c.quarter, c.last_day, "")]


def _day_and_places(held_on: date, places: int, order: Order[Any]) -> None:
    if not order.today <= held_on <= order.today + timedelta(days=731):
        raise invalid("举行日期须在今日之后、两年以内。", "held_on")
    if not 1 <= places <= MOST_PLACES:
        raise invalid(f"名额须为1至{MOST_PLACES}。", "places")


def _ahead(deadline: date, order: Order[Any]) -> None:
    if deadline < order.today:
        raise invalid("完成期限不得早于今日。", "deadline")


def _open_decision(state: Session, decision_id: str) -> Decision:
    must(state, "议定事项", "scheduled", "held")  # one that was taken over may be done before this session is held
    if decision_id not in state.decisions:
        raise Refused("not_found", "没有此项待落实的议定事项。", "decision_id")
    return state.decisions[decision_id]


# -- How it stands -----------------------------------------------------------------------------------------------


def _dues(state: Session) -> list[tuple[date, str]]:
    if state.status not in ("scheduled", "held"):
        return []
    owed = {key: d.deadline for key, d in state.decisions.items()}
    if state.status == "scheduled" and state.held_on is not None:
        owed["attendance"] = dates.add_working_days(state.held_on, state.terms.close_days)
    if state.status == "held" and state.close_by is not None and not state.decisions:
        # After the last deadline: a meeting that waited for its decisions is closed when they are through.
        after = state.last_deadline + timedelta(days=1) if state.last_deadline else state.close_by
        owed["close"] = max(state.close_by, after)
    return sorted((day, due) for due, day in owed.items() if due not in state.late)


def view(state: Session) -> View:
    if state.status not in ("scheduled", "held"):
        return View(state.status, False, amount=len(state.attended), title=state.topic)
    ready = "session_scheduled" if state.status == "scheduled" else "session_decisions" if state.decisions else "session_close"
    due_on, due = next(iter(_dues(state)), (None, ""))
    owner = state.decisions[due].owner if due in state.decisions else ""
    count = len(state.attended) if state.status == "held" else len(state.enrolled)
    return View(state.status, True, "session_overdue" if state.late else ready, owner, due_on, due, count, state.topic)


SHAPE = Shape(
    name=NAME,
    title="活动场次",
    state=Session(),
    terms=Terms,
    acts=(
        Act(ScheduleSession, "安排场次", opens=each),
        Act(ChangeSession, "调整日期、地点、名额"),
        Act(EnrolInSession, "报名（满员转候补）"),
        Act(CancelEnrolment, "取消报名（候补依次递补）"),
        Act(RecordAttendance, "签到"),
        Act(RecordSessionResult, "登记评价、测试成绩、后续转介"),
        Act(RecordSessionInput, "登记会议材料、争议个案"),
        Act(RecordDecision, "登记议定事项"),
        Act(FinishDecision, "议定事项落实"),
        Act(RollOverDecision, "议定事项转入下次会议"),
        Act(TakeOverDecision, "承接议定事项", by_service=True),
        Act(CloseSession, "结束"),
        Act(CancelSession, "取消"),
        Act(NoteSessionOverdue, "逾期登记", by_service=True),
        Act(NoteMeetingMissed, "当季未开会登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        ScheduleSession: schedule,
        ChangeSession: change,
        EnrolInSession: enrol,
        CancelEnrolment: cancel_enrolment,
        RecordAttendance: attend,
        RecordSessionResult: result,
        RecordSessionInput: bring,
        RecordDecision: decide,
        FinishDecision: finish_decision,
        RollOverDecision: roll_over,
        TakeOverDecision: take_over,
        CloseSession: close,
        CancelSession: cancel,
        NoteSessionOverdue: note_overdue,
        NoteMeetingMissed: note_missed,
    },
    view=view,
    overdue=NoteSessionOverdue,
)
