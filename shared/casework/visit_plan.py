"""Visit plan (探访计划): somebody is looked after regularly, by a named hand, and it is noticed when nobody comes. Shape 6.

Life: opened with subject, frequency and responsible person → visits, each with findings and checks → reviewed, responsible person
changed → closed. The plan runs in windows of so many days from its first day on; a window without a visit is told when it is over,
and the plan stands among those that are late until somebody has been there again.

Must hold: an open plan has a responsible person; what is visited was not in the future; each visit answers every check of the terms;
coverage (visits done of those due) of any period follows from the windows alone, and none is due after the day on which there was nobody
to visit any more; a finding that asks for a clue is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from shared.casework.shape import Act, HandOverRecord, RecordState, Shape, View, handing_over, must, one_per_subject, said
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "visit_plan"


@dataclass(frozen=True)
class Finding:
    """What a visit may find (发现情形); ``clue``: it is published, so that somebody takes it up."""

    code: str
    title: str
    clue: bool = False


@dataclass(frozen=True)
class Check:
    """What each visit looks at (核对项), for instance one of the 五有."""

    code: str
    title: str


@dataclass(frozen=True)
class Terms:
    """every_days: a plan may be more frequent, never rarer. review_days: until a plan must be reviewed (0 = never).
    agreement, measures: whether a plan names a care agreement (照料协议), measures (帮扶措施). modes: how one may visit."""

    every_days: int = 30
    review_days: int = 0
    agreement: bool = False
    measures: bool = False
    modes: tuple[str, ...] = ("on_site", "online")
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "visit_plan_opened")
@dataclass(frozen=True)
class VisitPlanOpened:
    """探访计划建立: ``responsible``: staff or carer; ``provider``: the organisation that sends the carer, "" where none does."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    responsible: str
    provider: str
    agreement_no: str
    measures: tuple[str, ...]
    every_days: int
    opened_on: date
    review_on: date | None


@shape_event(NAME, "visit_recorded", day="visited_on")
@dataclass(frozen=True)
class VisitRecorded:
    """探访. ``lacking``: the checks that were not in order."""

    visited_on: date
    mode: str
    findings: tuple[str, ...]
    lacking: tuple[str, ...]
    note: str
    by: str


@shape_event(NAME, "visit_finding_raised", published=True, day="visited_on")
@dataclass(frozen=True)
class VisitFindingRaised:
    """探访发现问题: a finding that becomes a clue (线索)."""

    programme: str
    division: str
    subject_id: str
    finding: str
    visited_on: date
    responsible: str


@shape_event(NAME, "visit_check_failed", published=True, day="visited_on")
@dataclass(frozen=True)
class VisitCheckFailed:
    """核对项不合格: checks that are newly out of order; the plan waits for a visit that finds them in order."""

    programme: str
    division: str
    subject_id: str
    lacking: tuple[str, ...]
    visited_on: date
    responsible: str


@shape_event(NAME, "visit_overdue", published=True)
@dataclass(frozen=True)
class VisitOverdue:
    """逾期未访: ``missed`` windows without a visit have ended since the last time this was told, the last on ``due_on``."""

    programme: str
    division: str
    subject_id: str
    responsible: str
    missed: int
    due_on: date


@shape_event(NAME, "visit_responsible_changed")
@dataclass(frozen=True)
class VisitResponsibleChanged:
    """探访责任人变更."""

    responsible: str
    provider: str
    reason: str
    by: str


@shape_event(NAME, "visit_plan_reviewed")
@dataclass(frozen=True)
class VisitPlanReviewed:
    """评估后继续: with these measures and this frequency; a new frequency begins new windows on this day."""

    outcome: str
    measures: tuple[str, ...]
    every_days: int
    reviewed_on: date
    review_on: date | None
    by: str


@shape_event(NAME, "visit_review_overdue", published=True)
@dataclass(frozen=True)
class VisitReviewOverdue:
    """探访评估逾期."""

    programme: str
    division: str
    subject_id: str
    responsible: str
    due_on: date


@shape_event(NAME, "visit_plan_closed")
@dataclass(frozen=True)
class VisitPlanClosed:
    """探访计划终止."""

    reason: str
    closed_on: date
    by: str


@shape_event(NAME, "visit_plan_handed_over")
@dataclass(frozen=True)
class VisitPlanHandedOver:
    """探访计划移交: who is visited moved; ``division`` visits from now on, by whom was responsible until it names somebody."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """A time in which one frequency held; ``last`` None = still."""

    first: date
    every_days: int
    last: date | None = None


@dataclass(frozen=True)
class VisitPlan(RecordState):
    terms: Terms = Terms()
    responsible: str = ""
    provider: str = ""
    agreement_no: str = ""
    measures: tuple[str, ...] = ()
    stretches: tuple[Stretch, ...] = ()  # also of earlier plans for the same subject
    visits: tuple[date, ...] = ()  # sorted
    lacking: tuple[str, ...] = ()
    told_until: date | None = None  # the last window whose lack of a visit was told
    review_on: date | None = None
    review_overdue: bool = False
    closed_for: str = ""


def evolve(state: VisitPlan, event: Any) -> VisitPlan:
    match event:
        case VisitPlanOpened():
            return replace(
                state,
                status="open",
                programme=event.programme,
                division=event.division,
                subject_id=event.subject_id,
                terms=event.terms,
                responsible=event.responsible,
                provider=event.provider,
                agreement_no=event.agreement_no,
                measures=event.measures,
                stretches=(*state.stretches, Stretch(event.opened_on, event.every_days)),
                lacking=(),
                review_on=event.review_on,
                review_overdue=False,
                closed_for="",
            )
        case VisitRecorded():
            return replace(state, visits=tuple(sorted({*state.visits, event.visited_on})), lacking=_lacking_after(state, event))
        case VisitFindingRaised() | VisitCheckFailed():
            return state
        case VisitOverdue():
            return replace(state, told_until=event.due_on)
        case VisitResponsibleChanged():
            return replace(state, responsible=event.responsible, provider=event.provider)
        case VisitPlanReviewed():
            stretches = state.stretches
            if event.every_days != stretches[-1].every_days:
                ended = replace(stretches[-1], last=event.reviewed_on - timedelta(days=1))
                stretches = (*stretches[:-1], ended, Stretch(event.reviewed_on, event.every_days))
            return replace(state, measures=event.measures, stretches=stretches, review_on=event.review_on, review_overdue=False)
        case VisitReviewOverdue():
            return replace(state, review_overdue=True)
        case VisitPlanClosed():
            clipped = tuple(replace(s, last=min(s.last or event.closed_on, event.closed_on)) for s in state.stretches)
            if state.status == "closed":  # on another day than was said
                clipped = (*clipped[:-1], replace(clipped[-1], last=event.closed_on))
            return replace(state, status="closed", stretches=clipped, lacking=(), review_on=None, closed_for=event.reason)
        case VisitPlanHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"a visit plan knows no {type(event).__name__}")


def _lacking_after(state: VisitPlan, event: VisitRecorded) -> tuple[str, ...]:
    """A visit told late says nothing about how things stand now."""
    return event.lacking if not state.visits or event.visited_on >= state.visits[-1] else state.lacking


def windows(state: VisitPlan, until: date) -> Iterator[tuple[date, date]]:
    """(first, last) day of every window that begins by ``until``; one that a review or the closing cut short is none."""
    for s in state.stretches:
        first = s.first
        while first <= until:
            last = first + timedelta(days=s.every_days - 1)
            if s.last is not None and last > s.last:
                break
            yield first, last
            first = last + timedelta(days=1)


def _visited(state: VisitPlan, window: tuple[date, date]) -> bool:
    return any(window[0] <= day <= window[1] for day in state.visits)


@dataclass(frozen=True)
class Coverage:
    """探访覆盖: how many visits were due in a period, and how many of them were made."""

    due: int
    done: int


def coverage(state: VisitPlan, first: date, last: date) -> Coverage:
    """Of the windows that end in the period, those with a visit in them. Both days included."""
    ended = [w for w in windows(state, last) if first <= w[1] <= last]
    return Coverage(len(ended), sum(_visited(state, w) for w in ended))


def _next_due(state: VisitPlan) -> date | None:
    """The last day of the first window that has neither a visit nor been told about."""
    if state.status != "open":
        return None
    far = max(state.visits[-1] if state.visits else date.min, state.told_until or date.min, state.stretches[-1].first)
    reach = far + timedelta(days=state.stretches[-1].every_days)
    stretch = replace(state, stretches=state.stretches[-1:])
    return next((w[1] for w in windows(stretch, reach) if not _told(state, w) and not _visited(state, w)), None)


def missing(state: VisitPlan) -> bool:
    """逾期未访: the last window that was told of is still without a visit, and nobody came since."""
    if state.status != "open" or state.told_until is None or state.told_until < state.stretches[-1].first:
        return False
    first = state.told_until - timedelta(days=state.stretches[-1].every_days - 1)
    return not any(day >= first for day in state.visits)


def _told(state: VisitPlan, window: tuple[date, date]) -> bool:
    return state.told_until is not None and window[1] <= state.told_until


# -- Commands ----------------------------------------------------------------------------------------------------


@command("open_visit_plan", permission="survey")
@dataclass(frozen=True)
class OpenVisitPlan:
    """``every_days`` 0: as the programme says."""

    programme: str
    division: str
    subject_id: str
    responsible: str
    provider: str = ""
    agreement_no: str = ""
    measures: tuple[str, ...] = ()
    every_days: int = 0
    terms: Terms = Terms()


@dataclass(frozen=True)
class Checked:
    """The answer to one check."""

    code: str
    in_order: bool


@command("record_visit", permission="survey")
@dataclass(frozen=True)
class RecordVisit:
    """探访记录."""

    record_id: str
    visited_on: date
    mode: str = "on_site"
    findings: tuple[str, ...] = ()
    checks: tuple[Checked, ...] = ()
    note: str = ""


@command("change_visit_responsible", permission="review")
@dataclass(frozen=True)
class ChangeVisitResponsible:
    record_id: str
    responsible: str
    reason: str
    provider: str = ""


@command("review_visit_plan", permission="review")
@dataclass(frozen=True)
class ReviewVisitPlan:
    """评估 of the plan itself: it goes on so. Where it need not go on, it is closed."""

    record_id: str
    outcome: str
    measures: tuple[str, ...] = ()
    every_days: int = 0


@command("close_visit_plan", permission="review")
@dataclass(frozen=True)
class CloseVisitPlan:
    """``closed_on``: the last day on which somebody was to be visited, not after today (none = today)."""

    record_id: str
    reason: str
    closed_on: date | None = None


@command("correct_visit_closing", permission="record")
@dataclass(frozen=True)
class CorrectVisitClosing:
    """By the service: what it was closed for was on another day (死亡日期更正)."""

    record_id: str
    closed_on: date
    closed_for: str


@command("resume_visit_plan", permission="record")
@dataclass(frozen=True)
class ResumeVisitPlan:
    """By the service: what it was closed for (``closed_for``) was not so; it goes on from today as it was."""

    record_id: str
    closed_for: str


@command("note_visit_overdue", permission="record")
@dataclass(frozen=True)
class NoteVisitOverdue:
    """By the timer: a window ended without a visit, or nobody reviewed the plan."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def open_plan(state: VisitPlan, c: OpenVisitPlan, order: Order[Any]) -> Sequence[Any]:
    if state.status == "open":
        raise Refused("already_exists", "该对象已有此项探访计划。", "subject_id")
    if state.stretches and state.stretches[-1].last == order.today:
        raise Refused("not_yet", "计划当日结束，次日方可重新建立。", None)
    said(c.subject_id, "subject_id", "探访对象")
    t = c.terms
    if t.agreement:
        said(c.agreement_no, "agreement_no", "照料协议编号")
    return [
        VisitPlanOpened(
            c.programme,
            c.division,
            c.subject_id,
            t,
            said(c.responsible, "responsible", "责任人"),
            c.provider.strip(),
            c.agreement_no.strip(),
            _measures(t, c.measures),
            _frequency(t, c.every_days, t.every_days),
            order.today,
            _review_on(t, order.today),
        )
    ]


def record_visit(state: VisitPlan, c: RecordVisit, order: Order[Any]) -> Sequence[Any]:
    must(state, "探访", "open")
    if c.visited_on > order.today:
        raise invalid("探访日期不得晚于今天。", "visited_on")
    if c.visited_on < min(s.first for s in state.stretches):
        raise invalid("探访日期不得早于计划建立之日。", "visited_on")
    if c.mode not in state.terms.modes:
        raise invalid("探访方式不在允许的取值范围内。", "mode")
    findings = {f.code: f for f in state.terms.findings}
    if not set(c.findings) <= set(findings):
        raise invalid("没有此发现情形代码。", "findings")
    if sorted(k.code for k in c.checks) != sorted(k.code for k in state.terms.checks):
        raise invalid("须逐项核对（每项一次）。", "checks")
    lacking = tuple(k.code for k in c.checks if not k.in_order)
    found = tuple(dict.fromkeys(c.findings))
    visit = VisitRecorded(c.visited_on, c.mode, found, lacking, c.note.strip(), order.hand.actor)
    who = (state.programme, state.division, state.subject_id)
    raised: list[Any] = [VisitFindingRaised(*who, f, c.visited_on, state.responsible) for f in found if findings[f].clue]
    new = tuple(k for k in _lacking_after(state, visit) if k not in state.lacking)
    if new:
        raised.append(VisitCheckFailed(*who, new, c.visited_on, state.responsible))
    return [visit, *raised]


def change_responsible(state: VisitPlan, c: ChangeVisitResponsible, order: Order[Any]) -> Sequence[Any]:
    must(state, "更换责任人", "open")
    responsible, provider = said(c.responsible, "responsible", "责任人"), c.provider.strip()
    if (responsible, provider) == (state.responsible, state.provider):
        return []
    return [VisitResponsibleChanged(responsible, provider, said(c.reason, "reason", "更换理由"), order.hand.actor)]


def review(state: VisitPlan, c: ReviewVisitPlan, order: Order[Any]) -> Sequence[Any]:
    must(state, "计划评估", "open")
    t = state.terms
    return [
        VisitPlanReviewed(
            said(c.outcome, "outcome", "评估结果"),
            _measures(t, c.measures or state.measures),
            _frequency(t, c.every_days, state.stretches[-1].every_days),
            order.today,
            _review_on(t, order.today),
            order.hand.actor,
        )
    ]


def close(state: VisitPlan, c: CloseVisitPlan, order: Order[Any]) -> Sequence[Any]:
    must(state, "结束计划", "open")
    closed_on = c.closed_on or order.today
    if closed_on > order.today:
        raise invalid("结束日期不得晚于今天。", "closed_on")
    return [VisitPlanClosed(said(c.reason, "reason", "结束理由"), closed_on, order.hand.actor)]


def correct(state: VisitPlan, c: CorrectVisitClosing, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it was closed for another reason, or on that day."""
    if state.status != "closed" or state.closed_for != c.closed_for or c.closed_on > order.today:
        return []
    if state.stretches[-1].last == c.closed_on:
        return []
    return [VisitPlanClosed(c.closed_for, c.closed_on, order.hand.actor)]


def resume(state: VisitPlan, c: ResumeVisitPlan, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it was closed for another reason, or by now stands open."""
    if state.status != "closed" or state.closed_for != c.closed_for:
        return []
    last = state.stretches[-1]
    first = order.today if last.last is None or last.last < order.today else order.today + timedelta(days=1)
    return [
        VisitPlanOpened(
            state.programme, state.division, state.subject_id, state.terms, state.responsible, state.provider, state.agreement_no,
            state.measures, last.every_days, first, _review_on(state.terms, first),
        )
    ]  # fmt: skip


def note_overdue(state: VisitPlan, c: NoteVisitOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or told already."""
    if state.status != "open":
        return []
    who = (state.programme, state.division, state.subject_id, state.responsible)
    current = replace(state, stretches=state.stretches[-1:])
    missed = [w for w in windows(current, order.today) if w[1] < order.today and not _told(state, w) and not _visited(state, w)]
    late: list[Any] = [VisitOverdue(*who, len(missed), missed[-1][1])] if missed else []
    if state.review_on and state.review_on < order.today and not state.review_overdue:
        late.append(VisitReviewOverdue(*who, state.review_on))
    return late


def _frequency(terms: Terms, asked: int, otherwise: int) -> int:
    if not 0 <= asked <= terms.every_days:
        raise invalid(f"探访间隔不得长于{terms.every_days}天。", "every_days")
    return asked or otherwise


def _measures(terms: Terms, measures: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(m.strip() for m in measures if m.strip())
    if terms.measures and not found:
        raise invalid("请填写帮扶措施。", "measures")
    return found


def _review_on(terms: Terms, today: date) -> date | None:
    return today + timedelta(days=terms.review_days) if terms.review_days else None


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: VisitPlan) -> View:
    if state.status != "open":
        return View(state.status, False, responsible=state.responsible, amount=len(state.visits))
    visit = _next_due(state)
    dues = [(visit, "visit")] if visit else []
    dues += [(state.review_on, "review")] if state.review_on and not state.review_overdue else []
    due_on, due = min(dues, default=(None, ""))
    worklist = "visit_attention" if state.lacking else "visit_review" if state.review_overdue else "visit"
    late = [(state.review_on, "review")] if state.review_on and state.review_overdue else []
    if state.told_until and missing(state):
        worklist, late = "visit_overdue", [(state.told_until, "visit"), *late]
    return View("open", True, worklist, state.responsible, due_on, due, len(state.visits), late=min(late, default=None))


SHAPE = Shape(
    name=NAME,
    title="探访计划",
    state=VisitPlan(),
    terms=Terms,
    acts=(
        Act(OpenVisitPlan, "建立探访计划（须有责任人）", opens=one_per_subject),
        Act(RecordVisit, "探访记录（发现情形、逐项核对）"),
        Act(ChangeVisitResponsible, "更换责任人"),
        Act(ReviewVisitPlan, "计划评估，继续"),
        Act(CloseVisitPlan, "结束计划"),
        Act(CorrectVisitClosing, "更正结束日期", by_service=True),
        Act(ResumeVisitPlan, "恢复探访计划", by_service=True),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NoteVisitOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        OpenVisitPlan: open_plan,
        RecordVisit: record_visit,
        ChangeVisitResponsible: change_responsible,
        ReviewVisitPlan: review,
        CloseVisitPlan: close,
        CorrectVisitClosing: correct,
        ResumeVisitPlan: resume,
        NoteVisitOverdue: note_overdue,
        HandOverRecord: handing_over(VisitPlanHandedOver, "open"),
    },
    view=view,
    overdue=NoteVisitOverdue,
)
