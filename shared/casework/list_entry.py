"""List entry (名单): somebody or something is on a list, from a day, for a reason, until a day. Shape 8.

Life: enlisted → checked, updated → delisted (by hand, by repair, or because the time is up); and possibly enlisted once more later.
Where the list is a burden (失信、异常名录: ``Terms.notice_days``) the notice comes first: noticed → answered, heard → enlisted or dropped.

Must hold: whether the subject was on the list is answerable for any past day (``valid_on``), also after the timer ran late; one subject
stands on a list once at a time; nobody is put on a list with notice before the days for an answer are over or the answer was heard,
nor by the hand that gave the notice; a result that leads to aid names the case it led to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from shared.casework.shape import Act, HandOverRecord, RecordState, Shape, View, handing_over, must, one_of, one_per_subject, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "list_entry"
EXPIRED = "期满移出"
REPAIRED = "信用修复"


@dataclass(frozen=True)
class Terms:
    """What a list sets. Days of procedure are working days, ``review_every_days`` calendar days; 0 = there is no such thing.

    reasons, results: the codes that may be given (none = free text). case_results: the results that must name the case they led to.
    check_days: until when the first check of an entry is due; review_every_days: how long a check holds.
    valid_months: after which the entry ends by itself. notice_days: how long the subject may answer the notice (告知) before it is
    entered; decide_days: until when that is then decided. repair_months: how long after entry repair (信用修复) may be asked for at the
    earliest (-1 = never); repair_days: until when it is decided.
    """

    reasons: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    case_results: tuple[str, ...] = ()
    check_days: int = 0
    review_every_days: int = 0
    valid_months: int = 0
    notice_days: int = 0
    decide_days: int = 10
    repair_months: int = -1
    repair_days: int = 15


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "entry_noticed")
@dataclass(frozen=True)
class EntryNoticed:
    """告知: the subject is told that it is to be put on the list, and may answer until ``answer_by``."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    reason: str
    refers_to: str
    note: str
    answer_by: date
    decide_by: date
    by: str


@shape_event(NAME, "entry_notice_answered")
@dataclass(frozen=True)
class EntryNoticeAnswered:
    """陈述申辩: what the subject says to it; ``hearing``: it asks to be heard."""

    statement: str
    hearing: bool
    decide_by: date


@shape_event(NAME, "entry_hearing_held")
@dataclass(frozen=True)
class EntryHearingHeld:
    """听证."""

    held_on: date
    record: str
    by: str


@shape_event(NAME, "entry_dropped")
@dataclass(frozen=True)
class EntryDropped:
    """不予列入: after the answer, the subject is not put on the list."""

    reason: str


@shape_event(NAME, "entry_enlisted", published=True)
@dataclass(frozen=True)
class EntryEnlisted:
    """列入, from ``from_day`` on. ``refers_to``: the case, decision or person in office it rests on."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    reason: str
    refers_to: str
    note: str
    from_day: date
    expires_on: date | None
    check_by: date | None


@shape_event(NAME, "entry_updated")
@dataclass(frozen=True)
class EntryUpdated:
    """核查结果: what was found, the case it led to, and until when it must be looked at again."""

    result: str
    case_id: str
    note: str
    check_by: date | None
    by: str


@shape_event(NAME, "entry_repair_asked")
@dataclass(frozen=True)
class EntryRepairAsked:
    """申请信用修复."""

    grounds: str
    decide_by: date
    by: str


@shape_event(NAME, "entry_repair_refused")
@dataclass(frozen=True)
class EntryRepairRefused:
    """不予信用修复."""

    reason: str


@shape_event(NAME, "entry_delisted", published=True)
@dataclass(frozen=True)
class EntryDelisted:
    """移出: ``to_day`` is the first day on which it no longer stands on the list."""

    programme: str
    division: str
    subject_id: str
    reason: str
    to_day: date


@shape_event(NAME, "entry_overdue", published=True)
@dataclass(frozen=True)
class EntryOverdue:
    """名单事项逾期: what was due was not done: work for a person. ``due``: decide, check or repair."""

    programme: str
    division: str
    due: str
    due_on: date


@shape_event(NAME, "entry_handed_over")
@dataclass(frozen=True)
class EntryHandedOver:
    """名单移交: who is listed moved; ``division`` keeps the entry up to date from now on."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """A time on the list; ``to_day`` is the first day after it."""

    from_day: date
    to_day: date | None
    reason: str


@dataclass(frozen=True)
class Entry(RecordState):
    """status: none | noticed | answered | heard | enlisted | repair | delisted | dropped."""

    terms: Terms = Terms()
    reason: str = ""
    refers_to: str = ""
    note: str = ""
    noticed_by: str = ""
    answer_by: date | None = None
    hearing: bool = False
    decide_by: date | None = None
    periods: tuple[Period, ...] = ()
    expires_on: date | None = None
    check_by: date | None = None
    result: str = ""
    case_id: str = ""
    repair_by: date | None = None
    asked_by: str = ""
    late: tuple[str, ...] = ()  # what was said to be overdue

    @property
    def since(self) -> date:
        return self.periods[-1].from_day


def evolve(state: Entry, event: Any) -> Entry:
    match event:
        case EntryNoticed():
            return replace(
                Entry(), status="noticed", programme=event.programme, division=event.division, subject_id=event.subject_id,
                terms=event.terms, reason=event.reason, refers_to=event.refers_to, note=event.note, noticed_by=event.by,
                answer_by=event.answer_by, decide_by=event.decide_by, periods=state.periods,
            )  # fmt: skip
        case EntryNoticeAnswered():
            return replace(state, status="answered", hearing=event.hearing, decide_by=event.decide_by, late=())
        case EntryHearingHeld():
            return replace(state, status="heard", hearing=False)
        case EntryDropped():
            return replace(state, status="dropped")
        case EntryEnlisted():
            return replace(
                Entry(), status="enlisted", programme=event.programme, division=event.division, subject_id=event.subject_id,
                terms=event.terms, reason=event.reason, refers_to=event.refers_to, note=event.note, expires_on=event.expires_on,
                check_by=event.check_by, periods=(*state.periods, Period(event.from_day, None, event.reason)),
            )  # fmt: skip
        case EntryUpdated():
            late = tuple(x for x in state.late if x != "check")
            return replace(state, result=event.result, case_id=event.case_id or state.case_id, check_by=event.check_by, late=late)
        case EntryRepairAsked():
            return replace(state, status="repair", repair_by=event.decide_by, asked_by=event.by)
        case EntryRepairRefused():
            late = tuple(x for x in state.late if x != "repair")
            return replace(state, status="enlisted", repair_by=None, late=late)
        case EntryDelisted():
            periods = (*state.periods[:-1], replace(state.periods[-1], to_day=event.to_day))
            return replace(state, status="delisted", periods=periods, reason=event.reason, check_by=None, repair_by=None, late=())
        case EntryOverdue():
            return replace(state, late=(*state.late, event.due))
        case EntryHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"a list entry knows no {type(event).__name__}")


def valid_on(state: Entry, day: date) -> bool:
    """Whether the subject stood on the list that day, by all that is known now."""
    if state.status in ("enlisted", "repair") and state.expires_on and day >= state.expires_on:
        return False  # the timer may be late; the list is not
    return any(p.from_day <= day and (p.to_day is None or day < p.to_day) for p in state.periods)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("enlist", permission="register")
@dataclass(frozen=True)
class Enlist:
    """列入 (or the notice of it, where the list gives one): from ``from_day``, today or earlier (none = today)."""

    programme: str
    division: str
    subject_id: str
    reason: str
    refers_to: str = ""
    note: str = ""
    from_day: date | None = None
    terms: Terms = Terms()


@command("answer_listing_notice", permission="register")
@dataclass(frozen=True)
class AnswerListingNotice:
    record_id: str
    statement: str
    hearing: bool = False


@command("hold_listing_hearing", permission="review")
@dataclass(frozen=True)
class HoldListingHearing:
    record_id: str
    record: str


@command("decide_listing", permission="confirm")
@dataclass(frozen=True)
class DecideListing:
    """列入或不予列入, when the days for an answer are over, or the answer is there and heard."""

    record_id: str
    outcome: Literal["enlist", "drop"]
    reason: str = ""


@command("update_entry", permission="survey")
@dataclass(frozen=True)
class UpdateEntry:
    record_id: str
    result: str
    case_id: str = ""
    note: str = ""


@command("ask_for_repair", permission="register")
@dataclass(frozen=True)
class AskForRepair:
    record_id: str
    grounds: str


@command("decide_repair", permission="confirm")
@dataclass(frozen=True)
class DecideRepair:
    record_id: str
    outcome: Literal["repair", "refuse"]
    reason: str = ""


@command("delist", permission="review")
@dataclass(frozen=True)
class Delist:
    """移出: ``to_day`` is the first day off the list, today or earlier (none = today)."""

    record_id: str
    reason: str
    to_day: date | None = None


@command("note_entry_overdue", permission="record")
@dataclass(frozen=True)
class NoteEntryOverdue:
    """By the timer: the time is up, or what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def enlist(state: Entry, c: Enlist, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("none", "delisted", "dropped"):
        raise Refused("already_exists", "该对象已在此名单（或正在办理列入）。", "subject_id")
    said(c.subject_id, "subject_id", "列入对象")
    reason, from_day = one_of(c.reason, c.terms.reasons, "reason", "列入理由"), c.from_day or order.today
    if from_day > order.today:
        raise invalid("列入日期不得晚于今日。", "from_day")
    if state.periods and state.periods[-1].to_day and from_day < state.periods[-1].to_day:
        raise invalid("列入日期早于上次移出日期。", "from_day")
    if c.terms.notice_days:
        answer_by = dates.add_working_days(order.today, c.terms.notice_days)
        decide_by = dates.add_working_days(answer_by, c.terms.decide_days)
        return [
            EntryNoticed(
                c.programme, c.division, c.subject_id, c.terms, reason, c.refers_to, c.note.strip(), answer_by, decide_by, order.hand.actor
            )
        ]
    return [_enlisted(c.programme, c.division, c.subject_id, c.terms, reason, c.refers_to, c.note.strip(), from_day, order.today)]


def _enlisted(
    programme: str, division: str, subject: str, terms: Terms, reason: str, refers_to: str, note: str, from_day: date, today: date
) -> EntryEnlisted:
    expires = _after_months(from_day, terms.valid_months) if terms.valid_months else None
    check = dates.add_working_days(today, terms.check_days) if terms.check_days else _next_check(terms, today)
    return EntryEnlisted(programme, division, subject, terms, reason, refers_to, note, from_day, expires, check)


def answer_notice(state: Entry, c: AnswerListingNotice, order: Order[Any]) -> Sequence[Any]:
    must(state, "陈述申辩", "noticed")
    assert state.answer_by is not None
    if order.today > state.answer_by:
        raise out_of_order("陈述申辩期限已过。")
    decide_by = dates.add_working_days(order.today, state.terms.decide_days)
    return [EntryNoticeAnswered(said(c.statement, "statement", "陈述申辩内容"), c.hearing, decide_by)]


def hold_hearing(state: Entry, c: HoldListingHearing, order: Order[Any]) -> Sequence[Any]:
    must(state, "听证", "answered")
    if not state.hearing:
        raise out_of_order("当事人未申请听证。")
    not_the_same_hand(order, state.noticed_by)
    return [EntryHearingHeld(order.today, said(c.record, "record", "听证笔录"), order.hand.actor)]


def decide(state: Entry, c: DecideListing, order: Order[Any]) -> Sequence[Any]:
    must(state, "列入决定", "noticed", "answered", "heard")
    assert state.answer_by is not None
    not_the_same_hand(order, state.noticed_by)
    if state.status == "noticed" and order.today <= state.answer_by:
        raise Refused("not_yet_due", "陈述申辩期限未满。", None)
    if state.status == "answered" and state.hearing:
        raise out_of_order("当事人已申请听证，尚未举行。")
    if c.outcome == "drop":
        return [EntryDropped(said(c.reason, "reason", "不予列入的理由"))]
    note = c.reason.strip() or state.note
    s = state
    return [_enlisted(s.programme, s.division, s.subject_id, s.terms, s.reason, s.refers_to, note, order.today, order.today)]


def update(state: Entry, c: UpdateEntry, order: Order[Any]) -> Sequence[Any]:
    must(state, "核查", "enlisted", "repair")
    result = one_of(c.result, state.terms.results, "result", "核查结果")
    if result in state.terms.case_results:
        said(c.case_id, "case_id", "所办理的办件")
    else:
        said(c.note, "note", "核查说明")
    return [EntryUpdated(result, c.case_id, c.note.strip(), _next_check(state.terms, order.today), order.hand.actor)]


def ask_for_repair(state: Entry, c: AskForRepair, order: Order[Any]) -> Sequence[Any]:
    must(state, "申请修复", "enlisted")
    if state.terms.repair_months < 0:
        raise out_of_order("此名单不适用信用修复。")
    if order.today < _after_months(state.since, state.terms.repair_months):
        raise Refused("not_yet_due", "列入时间未满，尚不能申请修复。", None)
    decide_by = dates.add_working_days(order.today, state.terms.repair_days)
    return [EntryRepairAsked(said(c.grounds, "grounds", "修复理由"), decide_by, order.hand.actor)]


def decide_repair(state: Entry, c: DecideRepair, order: Order[Any]) -> Sequence[Any]:
    must(state, "修复决定", "repair")
    not_the_same_hand(order, state.asked_by)
    if c.outcome == "refuse":
        return [EntryRepairRefused(said(c.reason, "reason", "不予修复的理由"))]
    return [_delisted(state, REPAIRED, order.today)]


def delist(state: Entry, c: Delist, order: Order[Any]) -> Sequence[Any]:
    must(state, "移出", "enlisted", "repair")
    to_day = c.to_day or order.today
    if not state.since <= to_day <= order.today:
        raise invalid("移出日期须在列入日期与今日之间。", "to_day")
    return [_delisted(state, said(c.reason, "reason", "移出理由"), to_day)]


def note_overdue(state: Entry, c: NoteEntryOverdue, order: Order[Any]) -> Sequence[Any]:
    """An entry whose time is up leaves the list on its day, however late the timer is; what was not done is said once."""
    if state.status in ("enlisted", "repair") and state.expires_on and order.today >= state.expires_on:
        return [_delisted(state, EXPIRED, state.expires_on)]
    return [EntryOverdue(state.programme, state.division, due, day) for day, due in _dues(state) if day < order.today]


def _delisted(state: Entry, reason: str, day: date) -> EntryDelisted:
    to_day = min(day, state.expires_on) if state.expires_on else day
    return EntryDelisted(state.programme, state.division, state.subject_id, reason, to_day)


def _next_check(terms: Terms, since: date) -> date | None:
    return since + timedelta(days=terms.review_every_days) if terms.review_every_days else None


def _after_months(day: date, months: int) -> date:
    """The same day of the month so many months on, or the last of that month."""
    month = dates.add_months(dates.month_of(day), months)
    return min(dates.first_day(month) + timedelta(days=day.day - 1), dates.last_day(month))


# -- How it stands -----------------------------------------------------------------------------------------------


def _owed(state: Entry) -> list[tuple[date, str]]:
    """What is still to be done, and until when."""
    owed = {
        "decide": state.decide_by if state.status in ("noticed", "answered", "heard") else None,
        "check": state.check_by if state.status in ("enlisted", "repair") else None,
        "repair": state.repair_by if state.status == "repair" else None,
    }
    return sorted((day, due) for due, day in owed.items() if day)


def _dues(state: Entry) -> list[tuple[date, str]]:
    """Of that what was not said to be late yet."""
    return [(day, due) for day, due in _owed(state) if due not in state.late]


_LISTS = {"noticed": "list_notice", "heard": "list_decide", "repair": "list_repair"}


def view(state: Entry) -> View:
    if state.status in ("none", "delisted", "dropped"):
        return View(state.status, False, title=state.reason)
    dues = _dues(state)
    if state.status in ("enlisted", "repair") and state.expires_on:
        dues = sorted([*dues, (state.expires_on - timedelta(days=1), "expire")])
    worklist = _LISTS.get(state.status, "list_in_force")
    if state.status == "answered":
        worklist = "list_hearing" if state.hearing else "list_decide"
    elif state.status == "enlisted" and state.check_by:
        worklist = "list_check"
    first = dues[0] if dues else (None, "")
    return View(
        state.status, True, "list_overdue" if state.late else worklist, due_on=first[0], due=first[1], amount=len(state.periods),
        title=state.reason, late=next(((day, due) for day, due in _owed(state) if due in state.late), None),
    )  # fmt: skip


SHAPE = Shape(
    name=NAME,
    title="名单",
    state=Entry(),
    terms=Terms,
    acts=(
        Act(Enlist, "列入（须告知的名单先行告知）", opens=one_per_subject),
        Act(AnswerListingNotice, "陈述申辩"),
        Act(HoldListingHearing, "听证"),
        Act(DecideListing, "列入决定（与告知不得为同一人）"),
        Act(UpdateEntry, "登记核查结果"),
        Act(AskForRepair, "申请信用修复"),
        Act(DecideRepair, "信用修复决定"),
        Act(Delist, "移出"),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NoteEntryOverdue, "期满移出、逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        Enlist: enlist,
        AnswerListingNotice: answer_notice,
        HoldListingHearing: hold_hearing,
        DecideListing: decide,
        UpdateEntry: update,
        AskForRepair: ask_for_repair,
        DecideRepair: decide_repair,
        Delist: delist,
        NoteEntryOverdue: note_overdue,
        HandOverRecord: handing_over(EntryHandedOver, "enlisted", "repair"),
    },
    view=view,
    overdue=NoteEntryOverdue,
    valid_on=valid_on,
)
