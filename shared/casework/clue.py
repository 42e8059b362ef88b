"""Clue (线索): somebody, or a rule over the data, says that a person may be in need or a record wrong. Shape 13.

Life: reported → assigned → verified → resolved (apply, refer, no need) → the reporter told → closed.

Must hold: every clue is answered by its due time, and its reporter told; a step that is late is an event, never silence; a clue that
proved valid names the case or hand-off it opened; one that comes to nothing is put aside with a reason, and not by the hand that verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from shared.casework.shape import Act, HandOverRecord, RecordState, Shape, View, each, handing_over, must, one_of, said
from shared.domain import dates
from shared.domain.errors import invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "clue"


@dataclass(frozen=True)
class Level:
    """紧急程度 (or the level of a warning, 预警等级): working days until such a clue must be assigned, and answered."""

    urgency: str
    assign_days: int
    answer_days: int


@dataclass(frozen=True)
class Terms:
    """sources, kinds, findings: the codes that may be given (none = free text); a kind may be the rule that raised a warning.
    levels: the first is the ordinary one. tell_days: working days until the reporter must be told the outcome."""

    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    levels: tuple[Level, ...] = (Level("normal", 1, 10), Level("urgent", 0, 1))
    tell_days: int = 3


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "clue_reported", published=True)
@dataclass(frozen=True)
class ClueReported:
    """发现报告. ``reporter``: the number of the hotline ticket, a person_id or a staff id; "" when nobody is to be told."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    source: str
    kind: str
    place: str
    urgency: str
    what: str
    reporter: str
    assign_by: date
    answer_by: date
    by: str


@shape_event(NAME, "clue_assigned")
@dataclass(frozen=True)
class ClueAssigned:
    """交办: who goes and looks, and until when."""

    responsible: str
    verify_by: date


@shape_event(NAME, "clue_verified")
@dataclass(frozen=True)
class ClueVerified:
    """核实: what was found on the spot, and about whom."""

    finding: str
    note: str
    subject_id: str
    by: str


@shape_event(NAME, "clue_resolved", published=True)
@dataclass(frozen=True)
class ClueResolved:
    """办理结果: apply or refer, and what it opened; or no_need, and why. ``tell_by``: None when nobody is to be told."""

    programme: str
    division: str
    subject_id: str
    outcome: str
    opened: str
    reason: str
    in_time: bool
    tell_by: date | None


@shape_event(NAME, "clue_reporter_told")
@dataclass(frozen=True)
class ClueReporterTold:
    """反馈."""

    channel: str
    told_on: date


@shape_event(NAME, "clue_overdue", published=True)
@dataclass(frozen=True)
class ClueOverdue:
    """逾期: ``due`` (assign, verify, answer, tell) was not done in time; it goes to the one in charge."""

    programme: str
    division: str
    due: str
    due_on: date
    responsible: str


@shape_event(NAME, "clue_handed_over")
@dataclass(frozen=True)
class ClueHandedOver:
    """线索移交: whom it is about moved before anybody was told to look; ``division`` assigns and answers it, by the same days."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clue(RecordState):
    """status: none | reported | assigned | verified | resolved | closed."""

    terms: Terms = Terms()
    source: str = ""
    kind: str = ""
    place: str = ""
    urgency: str = ""
    what: str = ""
    reporter: str = ""
    assign_by: date | None = None
    answer_by: date | None = None
    responsible: str = ""
    verify_by: date | None = None
    finding: str = ""
    verified_by: str = ""
    outcome: str = ""
    opened: str = ""
    in_time: bool = True
    tell_by: date | None = None
    late: tuple[str, ...] = ()  # what was said to be overdue and is not done yet
    escalations: int = 0


def evolve(state: Clue, event: Any) -> Clue:
    match event:
        case ClueReported():
            return Clue(
                "reported", event.programme, event.division, event.subject_id, event.terms, event.source, event.kind, event.place,
                event.urgency, event.what, event.reporter, event.assign_by, event.answer_by,
            )  # fmt: skip
        case ClueAssigned():
            return replace(state, status="assigned", responsible=event.responsible, verify_by=event.verify_by, late=_still_late(state))
        case ClueVerified():
            late = _still_late(state)
            subject = event.subject_id or state.subject_id
            return replace(state, status="verified", finding=event.finding, subject_id=subject, verified_by=event.by, late=late)
        case ClueResolved():
            status = "resolved" if event.tell_by else "closed"
            return replace(
                state, status=status, outcome=event.outcome, opened=event.opened, in_time=event.in_time, tell_by=event.tell_by, late=()
            )
        case ClueReporterTold():
            return replace(state, status="closed", late=())
        case ClueOverdue():
            return replace(state, late=(*state.late, event.due), escalations=state.escalations + 1)
        case ClueHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"a clue knows no {type(event).__name__}")


def _still_late(state: Clue) -> tuple[str, ...]:
    """An answer that is late stays late until it is given; a step that is late is over when it is done."""
    return tuple(x for x in state.late if x == "answer")


# -- Commands ----------------------------------------------------------------------------------------------------


@command("report_clue", permission="register")
@dataclass(frozen=True)
class ReportClue:
    """发现报告: ``place`` and ``what`` name nobody. ``urgency`` "" = the ordinary one."""

    programme: str
    division: str
    source: str
    kind: str
    what: str
    subject_id: str = ""
    place: str = ""
    urgency: str = ""
    reporter: str = ""
    terms: Terms = Terms()


@command("assign_clue", permission="accept")
@dataclass(frozen=True)
class AssignClue:
    """交办 (also to somebody else, while nothing is verified yet): until ``verify_by`` (none = the day the clue must be answered)."""

    record_id: str
    responsible: str
    verify_by: date | None = None


@command("verify_clue", permission="survey")
@dataclass(frozen=True)
class VerifyClue:
    """核实. ``subject_id``: who it is about, where the report could not say."""

    record_id: str
    finding: str
    note: str = ""
    subject_id: str = ""


@command("resolve_clue", permission="review")
@dataclass(frozen=True)
class ResolveClue:
    record_id: str
    outcome: Literal["apply", "refer", "no_need"]
    opened: str = ""
    reason: str = ""


@command("tell_reporter", permission="accept")
@dataclass(frozen=True)
class TellReporter:
    """反馈 of the outcome to who reported: by what channel."""

    record_id: str
    channel: str


@command("note_clue_overdue", permission="record")
@dataclass(frozen=True)
class NoteClueOverdue:
    """By the timer."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def report(state: Clue, c: ReportClue, order: Order[Any]) -> Sequence[Any]:
    level = _level(c.terms, c.urgency)
    return [
        ClueReported(
            c.programme, c.division, c.subject_id, c.terms,
            one_of(c.source, c.terms.sources, "source", "线索来源"), one_of(c.kind, c.terms.kinds, "kind", "线索类别"),
            c.place.strip(), level.urgency, said(c.what, "what", "线索内容"), c.reporter.strip(),
            dates.add_working_days(order.today, level.assign_days), dates.add_working_days(order.today, level.answer_days),
            order.hand.actor,
        )
    ]  # fmt: skip


def assign(state: Clue, c: AssignClue, order: Order[Any]) -> Sequence[Any]:
    must(state, "交办", "reported", "assigned")
    assert state.answer_by is not None
    # A clue that is late already gets the days of its level once more, and no further ones by being given a later day.
    latest = max(state.answer_by, dates.add_working_days(order.today, _level(state.terms, state.urgency).answer_days))
    verify_by = c.verify_by or (state.answer_by if state.answer_by >= order.today else latest)
    if not order.today <= verify_by <= latest:
        raise invalid("核实期限须在今日与线索办结期限之间。", "verify_by")
    return [ClueAssigned(said(c.responsible, "responsible", "责任人"), verify_by)]


def verify(state: Clue, c: VerifyClue, order: Order[Any]) -> Sequence[Any]:
    must(state, "核实", "assigned")
    finding = one_of(c.finding, state.terms.findings, "finding", "核实结果")
    if c.subject_id and state.subject_id not in ("", c.subject_id):
        raise invalid("与线索所述对象不一致。", "subject_id")
    return [ClueVerified(finding, c.note.strip(), c.subject_id, order.hand.actor)]


def resolve(state: Clue, c: ResolveClue, order: Order[Any]) -> Sequence[Any]:
    must(state, "办理", "verified")
    assert state.answer_by is not None
    if c.outcome == "no_need":
        said(c.reason, "reason", "无需救助的理由")
        not_the_same_hand(order, state.verified_by)
    else:
        said(c.opened, "opened", "所开办的办件")
    tell_by = dates.add_working_days(order.today, state.terms.tell_days) if state.reporter else None
    in_time = order.today <= state.answer_by
    opened = c.opened.strip() if c.outcome != "no_need" else ""
    return [ClueResolved(state.programme, state.division, state.subject_id, c.outcome, opened, c.reason.strip(), in_time, tell_by)]


def tell(state: Clue, c: TellReporter, order: Order[Any]) -> Sequence[Any]:
    must(state, "反馈", "resolved")
    return [ClueReporterTold(said(c.channel, "channel", "反馈方式"), order.today)]


def note_overdue(state: Clue, c: NoteClueOverdue, order: Order[Any]) -> Sequence[Any]:
    return [
        ClueOverdue(state.programme, state.division, due, day, state.responsible) for day, due in _dues(state) if day < order.today
    ]


def _level(terms: Terms, urgency: str) -> Level:
    if not urgency:
        return terms.levels[0]
    for level in terms.levels:
        if level.urgency == urgency:
            return level
    raise invalid("紧急程度不在允许的取值范围内。", "urgency")


# -- How it stands -----------------------------------------------------------------------------------------------


def _owed(state: Clue) -> list[tuple[date, str]]:
    """What is still to be done, and until when. The answer is owed from the report on."""
    answering = state.status in ("reported", "assigned", "verified")
    owed = {
        "assign": state.assign_by if state.status == "reported" else None,
        "verify": state.verify_by if state.status == "assigned" else None,
        "answer": state.answer_by if answering else None,
        "tell": state.tell_by if state.status == "resolved" else None,
    }
    return sorted((day, due) for due, day in owed.items() if day)


def _dues(state: Clue) -> list[tuple[date, str]]:
    """Of that what was not said to be late yet."""
    return [(day, due) for day, due in _owed(state) if due not in state.late]


_LISTS = {"reported": "clue_assign", "assigned": "clue_verify", "verified": "clue_resolve", "resolved": "clue_tell"}


def view(state: Clue) -> View:
    if state.status not in _LISTS:
        return View(state.status, False, title=state.kind)
    due_on, due = next(iter(_dues(state)), (None, ""))
    worklist = "clue_overdue" if state.late else _LISTS[state.status]
    late = next(((day, due) for day, due in _owed(state) if due in state.late), None)
    return View(state.status, True, worklist, state.responsible, due_on, due, state.escalations, state.kind, late)


SHAPE = Shape(
    name=NAME,
    title="线索",
    state=Clue(),
    terms=Terms,
    acts=(
        Act(ReportClue, "发现报告", opens=each),
        Act(AssignClue, "交办"),
        Act(VerifyClue, "核实"),
        Act(ResolveClue, "办理（转申请、转介或无需救助）"),
        Act(TellReporter, "向报告人反馈"),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NoteClueOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        ReportClue: report,
        AssignClue: assign,
        VerifyClue: verify,
        ResolveClue: resolve,
        TellReporter: tell,
        NoteClueOverdue: note_overdue,
        HandOverRecord: handing_over(ClueHandedOver, "reported"),
    },
    view=view,
    overdue=NoteClueOverdue,
)
