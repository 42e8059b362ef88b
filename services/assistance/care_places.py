"""Places of a 特困 institution (供养机构床位) and who may have one of them: entrusted care (托养) beside 特困 residents. Catalogue A19.

Life: opened with a number of places → requests, each admitted or refused; a refusal may be appealed against (``care_appeals.py``), and
where the appeal is upheld the request is decided once more by another hand; 特困 persons come by their placement (``placement_wish.py``)
→ where a resident's class has gone, somebody looks: he goes on in another one, by its fee, or leaves → closed when nobody is left.

Must hold: an entrusted resident is admitted only to a place that is free, another hand admits than took the request, the fee rule is
that of the resident's class in the terms; nobody who has died keeps a place or waits for one; whoever has priority (特困) is never turned
away for one who has not: they come in even to a full house, which is then a case for a person, and nobody else is admitted until there is
room again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from services.assistance import care_appeals as ca
from shared.casework.shape import Act, RecordState, Shape, View, must, one_per_subject, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "care_places"
PRIORITY = "extreme_hardship"  # the class of residents who come by their own placement


@dataclass(frozen=True)
class CareClass:
    """托养对象类别. fee_rule: "free" (无偿) or "low" (低收费, ``fee_fen`` a month)."""

    code: str
    title: str
    fee_rule: str = "free"
    fee_fen: int = 0


@dataclass(frozen=True)
class Terms:
    """answer_days: working days in which a request is answered. reserve: places kept free for 特困 persons. objection_days (calendar):
    how long a refusal can be appealed against, 0 = not at all; appeal_days: working days in which the appeal is answered."""

    classes: tuple[CareClass, ...] = ()
    answer_days: int = 15
    reserve: int = 0
    objection_days: int = 0
    appeal_days: int = 20


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "care_places_opened", published=True)
@dataclass(frozen=True)
class CarePlacesOpened:
    """供养床位登记: ``subject_id`` is the institution."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    places: int


@shape_event(NAME, "care_places_changed")
@dataclass(frozen=True)
class CarePlacesChanged:
    """供养床位调整."""

    places: int
    reason: str


@shape_event(NAME, "entrusted_care_requested")
@dataclass(frozen=True)
class EntrustedCareRequested:
    """托养申请."""

    person_id: str
    care_class: str
    basis: str
    by: str
    answer_by: date


@shape_event(NAME, "entrusted_care_refused")
@dataclass(frozen=True)
class EntrustedCareRefused:
    """不予托养: ``appeal_by`` is the last day on which it can be appealed against; None: it cannot (as of who has died)."""

    person_id: str
    reason: str
    by: str
    appeal_by: date | None = None


@shape_event(NAME, "care_resident_admitted", published=True, day="admitted_on")
@dataclass(frozen=True)
class CareResidentAdmitted:
    """入院: with the fee that the class pays a month, in fen."""

    institution_id: str
    division: str
    person_id: str
    care_class: str
    fee_rule: str
    fee_fen: int
    admitted_on: date


@shape_event(NAME, "care_resident_left", published=True, day="left_on")
@dataclass(frozen=True)
class CareResidentLeft:
    """离院."""

    institution_id: str
    division: str
    person_id: str
    left_on: date
    reason: str


@shape_event(NAME, "care_ground_lost")
@dataclass(frozen=True)
class CareGroundLost:
    """托养依据消失: what put the resident in his class is no longer so; somebody looks until ``look_by``."""

    person_id: str
    reason: str
    look_by: date


@shape_event(NAME, "care_resident_reclassified")
@dataclass(frozen=True)
class CareResidentReclassified:
    """托养类别变更: goes on in this class, by its fee, from this day on."""

    person_id: str
    care_class: str
    fee_rule: str
    fee_fen: int
    from_day: date
    by: str


@shape_event(NAME, "care_ground_overdue")
@dataclass(frozen=True)
class CareGroundOverdue:
    """托养依据消失后逾期未处理."""

    person_id: str
    look_by: date


@shape_event(NAME, "care_request_overdue", published=True)
@dataclass(frozen=True)
class CareRequestOverdue:
    """托养申请逾期未复."""

    institution_id: str
    division: str
    person_id: str
    answer_by: date


@shape_event(NAME, "care_places_closed")
@dataclass(frozen=True)
class CarePlacesClosed:
    """供养床位停用."""

    reason: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    person_id: str
    care_class: str
    by: str
    answer_by: date
    told: bool = False
    refused_by: tuple[str, ...] = ()  # who refused it before the appeal was upheld: not who decides it now


@dataclass(frozen=True)
class Resident:
    person_id: str
    care_class: str
    since: date
    lost: str = ""  # why his class is no longer his
    look_by: date | None = None
    told: bool = False


@dataclass(frozen=True)
class CarePlaces(RecordState):
    terms: Terms = Terms()
    places: int = 0
    requests: tuple[Request, ...] = ()
    residents: tuple[Resident, ...] = ()
    refusals: tuple[ca.Refusal, ...] = ()

    @property
    def free(self) -> int:
        """Places that an entrusted resident may have; below 0 where 特困 persons came into a full house."""
        return self.places - len(self.residents) - self.terms.reserve


def evolve(state: CarePlaces, event: Any) -> CarePlaces:
    match event:
        case CarePlacesOpened():
            return CarePlaces("open", event.programme, event.division, event.subject_id, event.terms, event.places)
        case CarePlacesChanged():
            return replace(state, places=event.places)
        case EntrustedCareRequested():
            request = Request(event.person_id, event.care_class, event.by, event.answer_by)
            return replace(state, requests=(*state.requests, request), refusals=ca.without(state.refusals, event.person_id))
        case EntrustedCareRefused():
            return _refused(state, event)
        case ca.EntrustedCareReopened():
            return _reopened(state, event)
        case CareResidentAdmitted():
            resident = Resident(event.person_id, event.care_class, event.admitted_on)
            refusals = ca.without(state.refusals, event.person_id)
            return replace(state, requests=_without(state, event.person_id), residents=(*state.residents, resident), refusals=refusals)
        case CareResidentLeft():
            return replace(state, residents=tuple(r for r in state.residents if r.person_id != event.person_id))
        case CareRequestOverdue():
            told = tuple(replace(r, told=True) if r.person_id == event.person_id else r for r in state.requests)
            return replace(state, requests=told)
        case CareGroundLost():
            return _resident(state, event.person_id, lost=event.reason, look_by=event.look_by, told=False)
        case CareResidentReclassified():
            return _resident(state, event.person_id, care_class=event.care_class, lost="", look_by=None, told=False)
        case CareGroundOverdue():
            return _resident(state, event.person_id, told=True)
        case CarePlacesClosed():
            return replace(state, status="closed")
        case (
            ca.EntrustedCareAppealFiled()
            | ca.EntrustedCareAppealAnswered()
            | ca.EntrustedCareAppealWithdrawn()
            | ca.EntrustedCareAppealOverdue()
        ):
            return replace(state, refusals=ca.changed(state.refusals, event))
        case _:
            raise TypeError(f"care places know no {type(event).__name__}")


def _refused(state: CarePlaces, event: EntrustedCareRefused) -> CarePlaces:
    asked = next((r for r in state.requests if r.person_id == event.person_id), None)
    left = replace(state, requests=_without(state, event.person_id))
    if asked is None or event.appeal_by is None:
        return left
    new = ca.Refusal(asked.person_id, asked.care_class, asked.by, (*asked.refused_by, event.by), event.appeal_by)
    return replace(left, refusals=ca.kept(state.refusals, new, state.terms.objection_days))


def _reopened(state: CarePlaces, event: ca.EntrustedCareReopened) -> CarePlaces:
    was = next(r for r in state.refusals if r.person_id == event.person_id)
    again = Request(was.person_id, was.care_class, was.asked_by, event.answer_by, refused_by=was.refused_by)
    return replace(state, requests=(*state.requests, again), refusals=ca.without(state.refusals, event.person_id))


def _resident(state: CarePlaces, person_id: str, **now: Any) -> CarePlaces:
    return replace(state, residents=tuple(replace(r, **now) if r.person_id == person_id else r for r in state.residents))


def _without(state: CarePlaces, person_id: str) -> tuple[Request, ...]:
    return tuple(r for r in state.requests if r.person_id != person_id)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("open_care_places", permission="confirm")
@dataclass(frozen=True)
class OpenCarePlaces:
    programme: str
    division: str
    subject_id: str
    places: int
    terms: Terms = Terms()


@command("change_care_places", permission="confirm")
@dataclass(frozen=True)
class ChangeCarePlaces:
    record_id: str
    places: int
    reason: str


@command("request_entrusted_care", permission="accept")
@dataclass(frozen=True)
class RequestEntrustedCare:
    """申请托养; ``basis``: what puts the person in this class. What is on file is put in by the door, another agency's paper is named."""

    record_id: str
    person_id: str
    care_class: str
    basis: str = ""


@command("admit_to_entrusted_care", permission="review")
@dataclass(frozen=True)
class AdmitToEntrustedCare:
    record_id: str
    person_id: str


@command("refuse_entrusted_care", permission="review")
@dataclass(frozen=True)
class RefuseEntrustedCare:
    record_id: str
    person_id: str
    reason: str


@command("take_priority_place", permission="record")
@dataclass(frozen=True)
class TakePriorityPlace:
    """By the service: a 特困 person moved in here."""

    record_id: str
    person_id: str
    moved_on: date


@command("give_up_priority_place", permission="record")
@dataclass(frozen=True)
class GiveUpPriorityPlace:
    """By the service: a 特困 person moved out of here."""

    record_id: str
    person_id: str
    moved_on: date
    reason: str


@command("note_care_ground_lost", permission="record")
@dataclass(frozen=True)
class NoteCareGroundLost:
    """By the service: the resident is no longer of the class by which he was admitted."""

    record_id: str
    person_id: str
    reason: str


@command("reclassify_care_resident", permission="review")
@dataclass(frozen=True)
class ReclassifyCareResident:
    """继续托养 in another class, or in the same one where it is his again; who belongs in none leaves."""

    record_id: str
    person_id: str
    care_class: str


@command("leave_care_place_for_good", permission="record")
@dataclass(frozen=True)
class LeaveForGood:
    """By the service: the person has died, or lives in another institution; ``left_on``: since when."""

    record_id: str
    person_id: str
    left_on: date
    reason: str


@command("leave_care_place", permission="accept")
@dataclass(frozen=True)
class LeaveCarePlace:
    record_id: str
    person_id: str
    reason: str


@command("close_care_places", permission="confirm")
@dataclass(frozen=True)
class CloseCarePlaces:
    record_id: str
    reason: str


@command("note_care_overdue", permission="record")
@dataclass(frozen=True)
class NoteCareOverdue:
    """By the timer: a request, a ground that has gone or an appeal was not answered."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def open_places(state: CarePlaces, c: OpenCarePlaces, order: Order[Any]) -> Sequence[Any]:
    if state.status == "open":
        raise Refused("already_exists", "该机构床位已登记。", "subject_id")
    institution = said(c.subject_id, "subject_id", "供养机构")
    return [CarePlacesOpened(c.programme, c.division, institution, c.terms, _positive(c.places))]


def change_places(state: CarePlaces, c: ChangeCarePlaces, order: Order[Any]) -> Sequence[Any]:
    must(state, "调整床位", "open")
    return [CarePlacesChanged(_positive(c.places), said(c.reason, "reason", "调整理由"))]


def request(state: CarePlaces, c: RequestEntrustedCare, order: Order[Any]) -> Sequence[Any]:
    must(state, "申请托养", "open")
    if c.person_id in {r.person_id for r in state.requests} | {r.person_id for r in state.residents}:
        raise Refused("already_exists", "该对象已申请或已入住。", "person_id")
    if any(a.person_id == c.person_id for a in ca.open_appeals(state.refusals)):
        raise Refused("already_exists", "该对象的复核申请在办，答复或撤回后方可重新申请。", "person_id")
    said(c.person_id, "person_id", "托养对象")
    if c.care_class not in {k.code for k in state.terms.classes}:
        raise invalid("不属于可以托养的对象类别。", "care_class")
    answer_by = dates.add_working_days(order.today, state.terms.answer_days)
    return [EntrustedCareRequested(c.person_id, c.care_class, said(c.basis, "basis", "身份依据"), order.hand.actor, answer_by)]


def admit(state: CarePlaces, c: AdmitToEntrustedCare, order: Order[Any]) -> Sequence[Any]:
    must(state, "接收托养", "open")
    asked = _asked(state, c.person_id)
    not_the_same_hand(order, asked.by, *asked.refused_by)
    if state.free <= 0:
        raise out_of_order("没有可供托养的空床位（特困人员优先）。")
    kind = next(k for k in state.terms.classes if k.code == asked.care_class)
    fee = kind.fee_fen if kind.fee_rule == "low" else 0
    return [CareResidentAdmitted(state.subject_id, state.division, c.person_id, kind.code, kind.fee_rule, fee, order.today)]


def refuse(state: CarePlaces, c: RefuseEntrustedCare, order: Order[Any]) -> Sequence[Any]:
    must(state, "不予托养", "open")
    asked = _asked(state, c.person_id)
    not_the_same_hand(order, asked.by, *asked.refused_by)
    days = state.terms.objection_days
    appeal_by = order.today + timedelta(days=days) if days else None
    return [EntrustedCareRefused(c.person_id, said(c.reason, "reason", "不予托养的理由"), order.hand.actor, appeal_by)]


def take_priority(state: CarePlaces, c: TakePriorityPlace, order: Order[Any]) -> Sequence[Any]:
    """Nothing where the institution keeps no places here, or the person is in already; who was entrusted to it pays no longer."""
    found = next((r for r in state.residents if r.person_id == c.person_id), None)
    if state.status != "open" or (found and found.care_class == PRIORITY):
        return []
    left = [CareResidentLeft(state.subject_id, state.division, c.person_id, c.moved_on, "转为特困供养")] if found else []
    no_appeal = ca.moot(state, c.person_id, "转为特困供养", order)
    return [*no_appeal, *left, CareResidentAdmitted(state.subject_id, state.division, c.person_id, PRIORITY, "free", 0, c.moved_on)]


def leave(state: CarePlaces, c: LeaveCarePlace, order: Order[Any]) -> Sequence[Any]:
    must(state, "离院", "open")
    found = next((r for r in state.residents if r.person_id == c.person_id), None)
    if found is None:
        raise Refused("not_found", "该对象不在此机构。", "person_id")
    if found.care_class == PRIORITY:
        raise out_of_order("特困人员离院请在其集中供养记录中办理。")
    reason = said(c.reason, "reason", "离院理由")
    return [CareResidentLeft(state.subject_id, state.division, c.person_id, order.today, reason)]


def give_up_priority(state: CarePlaces, c: GiveUpPriorityPlace, order: Order[Any]) -> Sequence[Any]:
    """Nothing where the person is not in."""
    if not any(r.person_id == c.person_id and r.care_class == PRIORITY for r in state.residents):
        return []
    return [CareResidentLeft(state.subject_id, state.division, c.person_id, c.moved_on, c.reason)]


def ground_lost(state: CarePlaces, c: NoteCareGroundLost, order: Order[Any]) -> Sequence[Any]:
    """Nothing where he is none of the entrusted, or it is known."""
    found = _entrusted(state, c.person_id)
    if found is None or found.lost:
        return []
    return [CareGroundLost(c.person_id, c.reason, dates.add_working_days(order.today, state.terms.answer_days))]


def reclassify(state: CarePlaces, c: ReclassifyCareResident, order: Order[Any]) -> Sequence[Any]:
    must(state, "变更托养类别", "open")
    found = _entrusted(state, c.person_id)
    if found is None:
        raise Refused("not_found", "该对象不在此机构托养。", "person_id")
    kind = next((k for k in state.terms.classes if k.code == c.care_class), None)
    if kind is None:
        raise invalid("不属于可以托养的对象类别。", "care_class")
    if kind.code == found.care_class and not found.lost:
        return []
    fee = kind.fee_fen if kind.fee_rule == "low" else 0
    return [CareResidentReclassified(c.person_id, kind.code, kind.fee_rule, fee, order.today, order.hand.actor)]


def _entrusted(state: CarePlaces, person_id: str) -> Resident | None:
    return next((r for r in state.residents if r.person_id == person_id and r.care_class != PRIORITY), None)


def leave_for_good(state: CarePlaces, c: LeaveForGood, order: Order[Any]) -> Sequence[Any]:
    """Nothing where the person neither is in nor asked to be; who lives here by his placement leaves by that."""
    gone: list[Any] = ca.moot(state, c.person_id, c.reason, order)
    if any(r.person_id == c.person_id for r in state.requests):
        gone.append(EntrustedCareRefused(c.person_id, c.reason, order.hand.actor))
    found = next((r for r in state.residents if r.person_id == c.person_id and r.care_class != PRIORITY), None)
    if found:
        gone.append(CareResidentLeft(state.subject_id, state.division, c.person_id, max(c.left_on, found.since), c.reason))
    return gone


def close(state: CarePlaces, c: CloseCarePlaces, order: Order[Any]) -> Sequence[Any]:
    must(state, "关闭", "open")
    if state.residents or state.requests or ca.open_appeals(state.refusals):
        raise out_of_order("尚有在院人员、未答复的申请或在办的复核。")
    return [CarePlacesClosed(said(c.reason, "reason", "理由"))]


def note_overdue(state: CarePlaces, c: NoteCareOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or told already."""
    late = [r for r in state.requests if r.answer_by < order.today and not r.told]
    unseen = [r for r in state.residents if r.look_by and r.look_by < order.today and not r.told]
    return [
        *(CareRequestOverdue(state.subject_id, state.division, r.person_id, r.answer_by) for r in late),
        *(CareGroundOverdue(r.person_id, r.look_by) for r in unseen if r.look_by),
        *ca.overdue(state, order),
    ]


def _asked(state: CarePlaces, person_id: str) -> Request:
    found = next((r for r in state.requests if r.person_id == person_id), None)
    if found is None:
        raise Refused("not_found", "没有此对象的托养申请。", "person_id")
    return found


def _positive(places: int) -> int:
    if not 0 < places <= 10_000:
        raise invalid("床位数须在1到10000之间。", "places")
    return places


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: CarePlaces) -> View:
    """``amount``: residents."""
    if state.status != "open":
        return View(state.status, False)
    over = len(state.residents) > state.places
    lost = any(r.lost for r in state.residents)
    worklist = "care_request" if state.requests else "care_places_in_use"
    worklist = "care_appeal" if ca.open_appeals(state.refusals) else worklist
    worklist = "care_places_over" if over else "care_ground_lost" if lost else worklist
    owed = [(r.answer_by, "answer", r.told) for r in state.requests] + [(r.look_by, "look", r.told) for r in state.residents if r.look_by]
    owed += [(r.appeal.due_on, "appeal", r.told) for r in state.refusals if r.appeal]
    due_on, due = min(((day, name) for day, name, told in owed if not told), default=(None, ""))
    late = min(((day, name) for day, name, told in owed if told), default=None)
    return View("open", True, worklist, state.subject_id, due_on, due, len(state.residents), late=late)


SHAPE = Shape(
    name=NAME,
    title="供养机构床位",
    state=CarePlaces(),
    terms=Terms,
    acts=(
        Act(OpenCarePlaces, "登记机构床位", opens=one_per_subject),
        Act(ChangeCarePlaces, "调整床位数"),
        Act(RequestEntrustedCare, "申请托养"),
        Act(AdmitToEntrustedCare, "接收托养（特困人员优先）"),
        Act(RefuseEntrustedCare, "不予托养"),
        Act(ca.FileEntrustedCareAppeal, "对不予托养申请复核"),
        Act(ca.AnswerEntrustedCareAppeal, "答复复核（支持则由他人重新决定）"),
        Act(ca.WithdrawEntrustedCareAppeal, "撤回复核"),
        Act(TakePriorityPlace, "特困人员入住", by_service=True),
        Act(GiveUpPriorityPlace, "特困人员离院", by_service=True),
        Act(NoteCareGroundLost, "托养依据消失", by_service=True),
        Act(ReclassifyCareResident, "变更托养类别（依据消失后继续托养）"),
        Act(LeaveForGood, "死亡或转往他院", by_service=True),
        Act(LeaveCarePlace, "离院"),
        Act(CloseCarePlaces, "关闭"),
        Act(NoteCareOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        OpenCarePlaces: open_places,
        ChangeCarePlaces: change_places,
        RequestEntrustedCare: request,
        AdmitToEntrustedCare: admit,
        RefuseEntrustedCare: refuse,
        ca.FileEntrustedCareAppeal: ca.file_appeal,
        ca.AnswerEntrustedCareAppeal: ca.answer_appeal,
        ca.WithdrawEntrustedCareAppeal: ca.withdraw_appeal,
        TakePriorityPlace: take_priority,
        GiveUpPriorityPlace: give_up_priority,
        NoteCareGroundLost: ground_lost,
        ReclassifyCareResident: reclassify,
        LeaveForGood: leave_for_good,
        LeaveCarePlace: leave,
        CloseCarePlaces: close,
        NoteCareOverdue: note_overdue,
    },
    view=view,
    overdue=NoteCareOverdue,
)
