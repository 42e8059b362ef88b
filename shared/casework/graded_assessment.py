"""Assessment (评估): scores by a form, a grade by the form's bands, valid for a time. Shape 9.

Life: requested → assessed (→ by a second hand; by a third where the two come to different grades) → graded, valid from and to →
objected, answered or assessed again → expires; asked for again at any time, by the terms in force then. Ended when there is no need.

Must hold: the grade follows from scores and bands, it is never typed; the assessors are different hands, after an upheld objection
others than before; on any day at most one grade is valid, and a consumer reads no other (``valid_on``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from shared.casework.shape import Act, HandOverRecord, RecordState, Shape, View, handing_over, must, one_per_subject, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "assessment"


@dataclass(frozen=True)
class Item:
    """One line of the form (评估项): 0 to ``most`` points, counted ``weight`` times. From ``need_from`` points on it shows ``need``."""

    code: str
    title: str
    most: int = 1
    weight: int = 1
    need: str = ""
    need_from: int = 1


@dataclass(frozen=True)
class Band:
    """A grade and the totals that give it, both ends included."""

    grade: str
    title: str
    least: int
    most: int


@dataclass(frozen=True)
class Terms:
    """form: which version of the form this is. valid_days: calendar days a grade holds (0 = until the next). assess_days, answer_days:
    working days for each assessment and for the answer to an objection. objection_days: calendar days in which one may object."""

    form: str = ""
    items: tuple[Item, ...] = ()
    bands: tuple[Band, ...] = ()
    second_assessor: bool = False
    valid_days: int = 365
    assess_days: int = 10
    objection_days: int = 60
    answer_days: int = 10


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "assessment_requested")
@dataclass(frozen=True)
class AssessmentRequested:
    """评估申请."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    reason: str
    assess_by: date


@dataclass(frozen=True)
class Score:
    """评分 of one item, in points."""

    item: str
    points: int


@shape_event(NAME, "assessment_scored")
@dataclass(frozen=True)
class AssessmentScored:
    """评估评分: ``place``: 1 first, 2 second, 3 decides between them. ``total`` and ``grade`` follow from the scores; waits_until: for the
    next."""

    place: int
    scores: tuple[Score, ...]
    total: int
    grade: str
    by: str
    waits_until: date


@shape_event(NAME, "assessment_graded", published=True)
@dataclass(frozen=True)
class AssessmentGraded:
    """评估等级: valid on these days, both included; ``valid_to`` None: until the next. ``needs``: what the scores show."""

    programme: str
    division: str
    subject_id: str
    form: str
    grade: str
    total: int
    needs: tuple[str, ...]
    valid_from: date
    valid_to: date | None


@shape_event(NAME, "assessment_objected")
@dataclass(frozen=True)
class AssessmentObjected:
    """评估异议."""

    reason: str
    by: str
    answer_by: date


@shape_event(NAME, "assessment_objection_answered")
@dataclass(frozen=True)
class AssessmentObjectionAnswered:
    """评估异议答复: upheld: assessed again, by others, until ``assess_by``; the old grade holds until there is a new one."""

    upheld: bool
    reason: str
    by: str
    assess_by: date | None


@shape_event(NAME, "assessment_expired", published=True)
@dataclass(frozen=True)
class AssessmentExpired:
    """评估等级到期: the grade held until ``valid_to`` and no newer one is there: whoever read it must not go on as if it did."""

    programme: str
    division: str
    subject_id: str
    grade: str
    valid_to: date


@shape_event(NAME, "assessment_overdue", published=True)
@dataclass(frozen=True)
class AssessmentOverdue:
    """逾期未评估, or an objection that was not answered in time."""

    programme: str
    division: str
    subject_id: str
    due: str
    due_on: date


@shape_event(NAME, "assessment_ended", published=True)
@dataclass(frozen=True)
class AssessmentEnded:
    """评估终止: no grade holds from this day on (the person died, moved away, or withdrew)."""

    programme: str
    division: str
    subject_id: str
    reason: str
    ended_on: date


@shape_event(NAME, "assessment_handed_over")
@dataclass(frozen=True)
class AssessmentHandedOver:
    """评估移交: who is assessed moved; ``division`` finishes what was begun, and assesses again. Sheets and grade hold on."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grade:
    grade: str
    total: int
    form: str
    needs: tuple[str, ...]
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class Sheet:
    """What one assessor found."""

    scores: tuple[Score, ...]
    total: int
    grade: str
    by: str


@dataclass(frozen=True)
class Assessment(RecordState):
    terms: Terms = Terms()
    sheets: tuple[Sheet, ...] = ()  # of the assessment that runs, or of the one that gave the grade
    barred: tuple[str, ...] = ()  # whose assessment an objection overturned
    grades: tuple[Grade, ...] = ()
    expired: bool = False  # told
    due: str = ""
    due_on: date | None = None  # of the step that is due; None once it was found overdue
    overdue: bool = False


def evolve(state: Assessment, event: Any) -> Assessment:
    match event:
        case AssessmentRequested():
            begun = Assessment("requested", event.programme, event.division, event.subject_id, event.terms, grades=state.grades)
            return _due(replace(begun, expired=state.expired), "assess", event.assess_by)
        case AssessmentScored():
            sheets = (*state.sheets, Sheet(event.scores, event.total, event.grade, event.by))
            status = {1: "assessed", 2: "disagreed"}.get(event.place, state.status)
            return _due(replace(state, status=status, sheets=sheets), "assess", event.waits_until)
        case AssessmentGraded():
            grade = Grade(event.grade, event.total, event.form, event.needs, event.valid_from, event.valid_to)
            return _due(replace(state, status="graded", grades=(*_cut(state.grades, event.valid_from), grade), expired=False))
        case AssessmentObjected():
            return _due(replace(state, status="objected"), "answer", event.answer_by)
        case AssessmentObjectionAnswered():
            if not event.upheld:
                return _due(replace(state, status="expired" if state.expired else "graded"))
            barred = (*state.barred, *(s.by for s in state.sheets))
            return _due(replace(state, status="requested", sheets=(), barred=barred), "assess", event.assess_by)
        case AssessmentExpired():
            return replace(state, expired=True, status="expired" if state.status == "graded" else state.status)
        case AssessmentOverdue():
            return replace(state, due_on=None, overdue=True)
        case AssessmentEnded():
            # Its grade ends with it: nobody is told of an expiry after that.
            return _due(replace(state, status="ended", grades=_cut(state.grades, event.ended_on), expired=True))
        case AssessmentHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"an assessment knows no {type(event).__name__}")


def _due(state: Assessment, due: str = "", due_on: date | None = None) -> Assessment:
    return replace(state, due=due, due_on=due_on, overdue=False)


def _cut(grades: tuple[Grade, ...], day: date) -> tuple[Grade, ...]:
    """The grades, none of them valid from this day on."""
    last = day - timedelta(days=1)
    return tuple(replace(g, valid_to=last) if g.valid_to is None or g.valid_to > last else g for g in grades)


def valid_on(state: Assessment, day: date) -> Grade | None:
    """The grade that was valid on that day; None: there was none, and nobody may act on an older one."""
    return next((g for g in state.grades if g.valid_from <= day and (g.valid_to is None or day <= g.valid_to)), None)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("request_assessment", permission="accept")
@dataclass(frozen=True)
class RequestAssessment:
    """申请评估, the first or a new one (复评): the grade in force holds until the new one."""

    programme: str
    division: str
    subject_id: str
    reason: str = ""
    terms: Terms = Terms()


@command("submit_assessment", permission="survey")
@dataclass(frozen=True)
class SubmitAssessment:
    """评估: every item of the form, once."""

    record_id: str
    scores: tuple[Score, ...]


@command("submit_second_assessment", permission="review")
@dataclass(frozen=True)
class SubmitSecondAssessment:
    """The second assessor's own sheet; the same grade, or a third decides."""

    record_id: str
    scores: tuple[Score, ...]


@command("decide_assessment", permission="confirm")
@dataclass(frozen=True)
class DecideAssessment:
    """The third assessor, where the first two came to different grades."""

    record_id: str
    scores: tuple[Score, ...]


@command("object_to_assessment", permission="accept")
@dataclass(frozen=True)
class ObjectToAssessment:
    record_id: str
    reason: str


@command("answer_assessment_objection", permission="confirm")
@dataclass(frozen=True)
class AnswerAssessmentObjection:
    record_id: str
    upheld: bool
    reason: str


@command("end_assessment", permission="review")
@dataclass(frozen=True)
class EndAssessment:
    record_id: str
    reason: str


@command("note_assessment_overdue", permission="record")
@dataclass(frozen=True)
class NoteAssessmentOverdue:
    """By the timer: a step is late, or the grade has expired."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def check_form(terms: Terms) -> None:
    """Every total that the form can give has exactly one grade; a declaration of which that is not so is a mistake of ours."""
    if not terms.items or len({i.code for i in terms.items}) < len(terms.items):
        raise TypeError("a form has items, each with a code of its own")
    reached = 0
    for band in terms.bands:
        if band.least != reached or band.most < band.least:
            raise TypeError(f"grade {band.grade} begins with {band.least}, not with {reached}")
        reached = band.most + 1
    highest = sum(i.most * i.weight for i in terms.items)
    if reached != highest + 1:
        raise TypeError(f"the form gives up to {highest}, its grades reach to {reached - 1}")


def total_of(terms: Terms, scores: Sequence[Score]) -> int:
    """加权总分."""
    points = {s.item: s.points for s in scores}
    return sum(points[i.code] * i.weight for i in terms.items)


def grade_of(terms: Terms, total: int) -> str:
    return next(b.grade for b in terms.bands if b.least <= total <= b.most)


def needs_of(terms: Terms, scores: Sequence[Score]) -> tuple[str, ...]:
    """What the scores show is needed, in the form's order, each once."""
    points = {s.item: s.points for s in scores}
    return tuple(dict.fromkeys(i.need for i in terms.items if i.need and points[i.code] >= i.need_from))


def request(state: Assessment, c: RequestAssessment, order: Order[Any]) -> Sequence[Any]:
    if state.status in ("requested", "assessed", "disagreed", "objected"):
        raise Refused("already_exists", "该对象的评估正在办理。", "subject_id")
    check_form(c.terms)
    said(c.subject_id, "subject_id", "评估对象")
    assess_by = dates.add_working_days(order.today, c.terms.assess_days)
    return [AssessmentRequested(c.programme, c.division, c.subject_id, c.terms, c.reason.strip(), assess_by)]


def submit(state: Assessment, c: SubmitAssessment, order: Order[Any]) -> Sequence[Any]:
    must(state, "评估", "requested")
    scored = _scored(state, 1, c.scores, order)
    return [scored] if state.terms.second_assessor else [scored, _graded(state, scored, order)]


def submit_second(state: Assessment, c: SubmitSecondAssessment, order: Order[Any]) -> Sequence[Any]:
    must(state, "第二人评估", "assessed")
    scored = _scored(state, 2, c.scores, order)
    if scored.grade != state.sheets[0].grade:
        return [scored]
    return [scored, _graded(state, scored, order)]


def decide(state: Assessment, c: DecideAssessment, order: Order[Any]) -> Sequence[Any]:
    must(state, "裁定评估", "disagreed")
    scored = _scored(state, 3, c.scores, order)
    return [scored, _graded(state, scored, order)]


def _scored(state: Assessment, place: int, scores: tuple[Score, ...], order: Order[Any]) -> AssessmentScored:
    not_the_same_hand(order, *state.barred, *(s.by for s in state.sheets))
    most = {i.code: i.most for i in state.terms.items}
    if sorted(s.item for s in scores) != sorted(most):
        raise invalid("须逐项评分（每项一次）。", "scores")
    if any(not 0 <= s.points <= most[s.item] for s in scores):
        raise invalid("评分超出该项范围。", "scores")
    total = total_of(state.terms, scores)
    waits_until = dates.add_working_days(order.today, state.terms.assess_days)
    return AssessmentScored(place, scores, total, grade_of(state.terms, total), order.hand.actor, waits_until)


def _graded(state: Assessment, s: AssessmentScored, order: Order[Any]) -> AssessmentGraded:
    t = state.terms
    valid_to = order.today + timedelta(days=t.valid_days - 1) if t.valid_days else None
    who = (state.programme, state.division, state.subject_id)
    return AssessmentGraded(*who, t.form, s.grade, s.total, needs_of(t, s.scores), order.today, valid_to)


def object_to(state: Assessment, c: ObjectToAssessment, order: Order[Any]) -> Sequence[Any]:
    must(state, "提出异议", "graded")
    if order.today > state.grades[-1].valid_from + timedelta(days=state.terms.objection_days):
        raise Refused("out_of_order", "已过异议期限，请申请复评。", None)
    answer_by = dates.add_working_days(order.today, state.terms.answer_days)
    return [AssessmentObjected(said(c.reason, "reason", "异议理由"), order.hand.actor, answer_by)]


def answer_objection(state: Assessment, c: AnswerAssessmentObjection, order: Order[Any]) -> Sequence[Any]:
    must(state, "答复异议", "objected")
    not_the_same_hand(order, *state.barred, *(s.by for s in state.sheets))
    assess_by = dates.add_working_days(order.today, state.terms.assess_days) if c.upheld else None
    return [AssessmentObjectionAnswered(c.upheld, said(c.reason, "reason", "答复理由"), order.hand.actor, assess_by)]


def end(state: Assessment, c: EndAssessment, order: Order[Any]) -> Sequence[Any]:
    must(state, "终止评估", "requested", "assessed", "disagreed", "graded", "objected", "expired")
    reason = said(c.reason, "reason", "终止理由")
    return [AssessmentEnded(state.programme, state.division, state.subject_id, reason, order.today)]


def note_overdue(state: Assessment, c: NoteAssessmentOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or told already."""
    who = (state.programme, state.division, state.subject_id)
    late: list[Any] = []
    if state.due_on and state.due_on < order.today:
        late.append(AssessmentOverdue(*who, state.due, state.due_on))
    over = _expires(state)
    if over and over < order.today:
        late.append(AssessmentExpired(*who, state.grades[-1].grade, over))
    return late


def _expires(state: Assessment) -> date | None:
    """The last day of the last grade, unless it was told already that it is over."""
    return state.grades[-1].valid_to if state.grades and not state.expired else None


# -- How it stands -----------------------------------------------------------------------------------------------

WORKLISTS = {
    "requested": "assessment_first",
    "assessed": "assessment_second",
    "disagreed": "assessment_third",
    "objected": "assessment_objection",
    "expired": "assessment_renew",
}


def view(state: Assessment) -> View:
    """A grade in force waits for nobody; an expired one waits to be asked for again, or ended. ``amount``: the last total."""
    worklist = WORKLISTS.get(state.status, "")
    over = _expires(state)
    dues = [(state.due_on, state.due)] if state.due_on else []
    dues += [(over, "expire")] if over else []
    due_on, due = min(dues, default=(None, ""))
    last = state.grades[-1] if state.grades else None
    title = last.grade if last else ""
    return View(state.status, bool(worklist), worklist, "", due_on, due, last.total if last else 0, title)


SHAPE = Shape(
    name=NAME,
    title="评估",
    state=Assessment(),
    terms=Terms,
    acts=(
        Act(RequestAssessment, "申请评估或复评", opens=one_per_subject),
        Act(SubmitAssessment, "评估（逐项评分，等级由规则得出）"),
        Act(SubmitSecondAssessment, "第二人评估"),
        Act(DecideAssessment, "第三人裁定"),
        Act(ObjectToAssessment, "提出异议"),
        Act(AnswerAssessmentObjection, "答复异议（成立则由他人重评）"),
        Act(EndAssessment, "终止"),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NoteAssessmentOverdue, "逾期或期满登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        RequestAssessment: request,
        SubmitAssessment: submit,
        SubmitSecondAssessment: submit_second,
        DecideAssessment: decide,
        ObjectToAssessment: object_to,
        AnswerAssessmentObjection: answer_objection,
        EndAssessment: end,
        NoteAssessmentOverdue: note_overdue,
        HandOverRecord: handing_over(AssessmentHandedOver, "requested", "assessed", "disagreed", "graded", "objected", "expired"),
    },
    view=view,
    overdue=NoteAssessmentOverdue,
    valid_on=valid_on,
)
