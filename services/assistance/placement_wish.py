"""Placement wish (集中供养意愿): a 特困 person who wishes to live in an institution gets a place (愿进全进). Catalogue A14.

Life: wished → offered → placed → left. An offer may be declined: then the wish waits for another. Withdrawn where the wish is gone.

Must hold: nobody is placed without, or before, having been offered that place, nor offered one by the hand that took the wish; a place is
offered in a registered institution that has one free, and the last one once (``institution_beds.py``); a wish without an offer is an open
exception with a day, and the lack of one is told; on any day a person lives in at most one institution.

A shape of assistance's own: doors, rows, worklists and deadlines follow from its declaration like from any other.
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

NAME = "placement_wish"


@dataclass(frozen=True)
class Terms:
    """offer_days, answer_days, place_days: working days in which a place is offered, answered to, and moved into."""

    offer_days: int = 20
    answer_days: int = 10
    place_days: int = 10


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "placement_wished")
@dataclass(frozen=True)
class PlacementWished:
    """供养意愿: ``document_no``: the signed wish (意愿书)."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    document_no: str
    by: str
    offer_by: date


@shape_event(NAME, "placement_offered", version=2, upcasters={1: lambda stored: {**stored, "offered_on": None}})
@dataclass(frozen=True)
class PlacementOffered:
    """提供安置; ``offered_on`` None: of before that was said."""

    institution_id: str
    by: str
    answer_by: date
    offered_on: date | None


@shape_event(NAME, "placement_offer_declined")
@dataclass(frozen=True)
class PlacementOfferDeclined:
    """谢绝安置."""

    institution_id: str
    reason: str
    offer_by: date


@shape_event(NAME, "placement_offer_taken")
@dataclass(frozen=True)
class PlacementOfferTaken:
    """接受安置."""

    institution_id: str
    place_by: date


@shape_event(NAME, "person_moved_in", published=True, day="moved_on")
@dataclass(frozen=True)
class PersonMovedIn:
    """入住."""

    programme: str
    division: str
    subject_id: str
    institution_id: str
    moved_on: date


@shape_event(NAME, "person_moved_out", published=True, day="moved_on")
@dataclass(frozen=True)
class PersonMovedOut:
    """离院: no longer there from this day on (that of moving in, where he did not stay a night)."""

    programme: str
    division: str
    subject_id: str
    institution_id: str
    moved_on: date
    reason: str


@shape_event(NAME, "placement_wish_withdrawn")
@dataclass(frozen=True)
class PlacementWishWithdrawn:
    """撤回供养意愿."""

    reason: str


@shape_event(NAME, "placement_overdue", published=True)
@dataclass(frozen=True)
class PlacementOverdue:
    """逾期: nobody offered (愿进未进), answered or moved in time."""

    programme: str
    division: str
    subject_id: str
    due: str
    due_on: date


@shape_event(NAME, "placement_handed_over")
@dataclass(frozen=True)
class PlacementHandedOver:
    """供养意愿移交: the person's household moved; ``division`` offers, places, and is answered to for a stay that goes on."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stay:
    """A time in an institution; both days included, ``last`` None = still."""

    institution_id: str
    first: date
    last: date | None = None


@dataclass(frozen=True)
class PlacementWish(RecordState):
    terms: Terms = Terms()
    institution_id: str = ""
    wished_by: str = ""  # the hand that took the wish down
    offered_on: date | None = None
    left_for: str = ""  # why the last stay ended
    declined: tuple[str, ...] = ()
    stays: tuple[Stay, ...] = ()
    due_on: date | None = None  # of the step that is due; None once it was found overdue
    overdue: bool = False
    late_on: date | None = None  # of the step that was found overdue


DUES = {"wished": "offer", "offered": "answer", "taken": "place"}
HAS_A_PLACE = ("offered", "taken", "placed")  # in ``institution_id``, or the offer of one


def evolve(state: PlacementWish, event: Any) -> PlacementWish:
    match event:
        case PlacementWished():
            begun = PlacementWish("wished", event.programme, event.division, event.subject_id, event.terms, stays=state.stays)
            return replace(begun, wished_by=event.by, due_on=event.offer_by)
        case PlacementOffered():
            offered = replace(state, status="offered", institution_id=event.institution_id, offered_on=event.offered_on)
            return replace(offered, due_on=event.answer_by, overdue=False)
        case PlacementOfferDeclined():
            declined = (*state.declined, event.institution_id)
            return replace(state, status="wished", institution_id="", declined=declined, due_on=event.offer_by, overdue=False)
        case PlacementOfferTaken():
            return replace(state, status="taken", due_on=event.place_by, overdue=False)
        case PersonMovedIn():
            stays = (*state.stays, Stay(event.institution_id, event.moved_on))
            return replace(state, status="placed", stays=stays, due_on=None, overdue=False, left_for="")
        case PersonMovedOut():
            ended = replace(state.stays[-1], last=event.moved_on - timedelta(days=1))
            return replace(state, status="left", stays=(*state.stays[:-1], ended), left_for=event.reason)
        case PlacementWishWithdrawn():
            return replace(state, status="withdrawn", institution_id="", due_on=None, overdue=False)
        case PlacementOverdue():
            return replace(state, due_on=None, overdue=True, late_on=event.due_on)
        case PlacementHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"a placement wish knows no {type(event).__name__}")


# -- Commands ----------------------------------------------------------------------------------------------------


@command("record_placement_wish", permission="accept")
@dataclass(frozen=True)
class RecordPlacementWish:
    programme: str
    division: str
    subject_id: str
    document_no: str
    terms: Terms = Terms()


@command("offer_place", permission="review")
@dataclass(frozen=True)
class OfferPlace:
    record_id: str
    institution_id: str


@command("take_offered_place", permission="accept")
@dataclass(frozen=True)
class TakeOfferedPlace:
    """The person agrees to the place that was offered."""

    record_id: str


@command("decline_offered_place", permission="accept")
@dataclass(frozen=True)
class DeclineOfferedPlace:
    record_id: str
    reason: str


@command("place_in_institution", permission="accept")
@dataclass(frozen=True)
class PlaceInInstitution:
    """入住 on this day, not in the future."""

    record_id: str
    moved_on: date


@command("leave_institution", permission="accept")
@dataclass(frozen=True)
class LeaveInstitution:
    record_id: str
    moved_on: date
    reason: str


@command("resume_stay", permission="record")
@dataclass(frozen=True)
class ResumeStay:
    """By the service: what the last stay ended for (``left_for``) was not so; he never left."""

    record_id: str
    left_for: str


@command("correct_leaving", permission="record")
@dataclass(frozen=True)
class CorrectLeaving:
    """By the service: what the last stay ended for was on another day (死亡日期更正)."""

    record_id: str
    moved_on: date
    left_for: str


@command("withdraw_placement_wish", permission="accept")
@dataclass(frozen=True)
class WithdrawPlacementWish:
    record_id: str
    reason: str


@command("note_placement_overdue", permission="record")
@dataclass(frozen=True)
class NotePlacementOverdue:
    """By the timer: what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def wish(state: PlacementWish, c: RecordPlacementWish, order: Order[Any]) -> Sequence[Any]:
    if state.status in (*DUES, "placed"):
        raise Refused("already_exists", "该对象已登记集中供养意愿或已入住。", "subject_id")
    said(c.subject_id, "subject_id", "供养对象")
    document = said(c.document_no, "document_no", "意愿书编号")
    offer_by = dates.add_working_days(order.today, c.terms.offer_days)
    return [PlacementWished(c.programme, c.division, c.subject_id, c.terms, document, order.hand.actor, offer_by)]


def offer(state: PlacementWish, c: OfferPlace, order: Order[Any]) -> Sequence[Any]:
    must(state, "安排床位", "wished")
    not_the_same_hand(order, state.wished_by)
    institution = said(c.institution_id, "institution_id", "供养机构")
    answer_by = dates.add_working_days(order.today, state.terms.answer_days)
    return [PlacementOffered(institution, order.hand.actor, answer_by, order.today)]


def take(state: PlacementWish, c: TakeOfferedPlace, order: Order[Any]) -> Sequence[Any]:
    must(state, "接受床位", "offered")
    return [PlacementOfferTaken(state.institution_id, dates.add_working_days(order.today, state.terms.place_days))]


def decline(state: PlacementWish, c: DeclineOfferedPlace, order: Order[Any]) -> Sequence[Any]:
    must(state, "谢绝床位", "offered", "taken")
    offer_by = dates.add_working_days(order.today, state.terms.offer_days)
    return [PlacementOfferDeclined(state.institution_id, said(c.reason, "reason", "谢绝理由"), offer_by)]


def place(state: PlacementWish, c: PlaceInInstitution, order: Order[Any]) -> Sequence[Any]:
    must(state, "入住", "taken")
    if c.moved_on > order.today:
        raise invalid("入住日期不得晚于今天。", "moved_on")
    if state.offered_on and c.moved_on < state.offered_on:
        raise invalid("入住日期不得早于提供床位之日。", "moved_on")
    if state.stays and (last := state.stays[-1].last) and c.moved_on <= last:
        raise invalid("入住日期不得早于上次离院。", "moved_on")
    return [PersonMovedIn(state.programme, state.division, state.subject_id, state.institution_id, c.moved_on)]


def leave(state: PlacementWish, c: LeaveInstitution, order: Order[Any]) -> Sequence[Any]:
    must(state, "离院", "placed")
    if not state.stays[-1].first <= c.moved_on <= order.today:
        raise invalid("离院日期不得早于入住日期，也不得晚于今天。", "moved_on")
    reason = said(c.reason, "reason", "离院理由")
    return [PersonMovedOut(state.programme, state.division, state.subject_id, state.institution_id, c.moved_on, reason)]


def resume(state: PlacementWish, c: ResumeStay, order: Order[Any]) -> Sequence[Any]:
    """Nothing where he left for another reason, or has wished again since."""
    if state.status != "left" or state.left_for != c.left_for:
        return []
    last = state.stays[-1]
    assert last.last is not None
    since = last.last + timedelta(days=1)
    return [PersonMovedIn(state.programme, state.division, state.subject_id, last.institution_id, since)]


def correct(state: PlacementWish, c: CorrectLeaving, order: Order[Any]) -> Sequence[Any]:
    """Nothing where he left for another reason, has wished again since, or left on that day."""
    if state.status != "left" or state.left_for != c.left_for:
        return []
    last = state.stays[-1]
    moved_on = max(c.moved_on, last.first)
    if moved_on > order.today or last.last == moved_on - timedelta(days=1):
        return []
    return [PersonMovedOut(state.programme, state.division, state.subject_id, last.institution_id, moved_on, c.left_for)]


def withdraw(state: PlacementWish, c: WithdrawPlacementWish, order: Order[Any]) -> Sequence[Any]:
    must(state, "撤回意愿", *DUES)
    return [PlacementWishWithdrawn(said(c.reason, "reason", "撤回理由"))]


def note_overdue(state: PlacementWish, c: NotePlacementOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or told already."""
    if not state.due_on or state.due_on >= order.today:
        return []
    return [PlacementOverdue(state.programme, state.division, state.subject_id, DUES[state.status], state.due_on)]


# -- How it stands -----------------------------------------------------------------------------------------------


def valid_on(state: PlacementWish, day: date) -> bool:
    """Whether the person lived in an institution on that day."""
    return any(s.first <= day and (s.last is None or day <= s.last) for s in state.stays)


def view(state: PlacementWish) -> View:
    """A wish that is late stands in a list of its own: 愿进未进 is an exception. Whoever is placed waits for nobody."""
    due = DUES.get(state.status, "")
    worklist = "placement_exception" if state.overdue else f"placement_{due}" if due else ""
    late = (state.late_on, due) if due and state.overdue and state.late_on else None
    due_on, next_due = state.due_on, due if state.due_on else ""
    return View(state.status, bool(due), worklist, state.institution_id, due_on, next_due, len(state.stays), late=late)


SHAPE = Shape(
    name=NAME,
    title="集中供养意愿",
    state=PlacementWish(),
    terms=Terms,
    acts=(
        Act(RecordPlacementWish, "登记集中供养意愿", opens=one_per_subject),
        Act(OfferPlace, "安排床位"),
        Act(TakeOfferedPlace, "接受床位"),
        Act(DeclineOfferedPlace, "谢绝床位，等待另行安排"),
        Act(PlaceInInstitution, "入住"),
        Act(LeaveInstitution, "离院"),
        Act(ResumeStay, "恢复在院", by_service=True),
        Act(CorrectLeaving, "更正离院日期", by_service=True),
        Act(WithdrawPlacementWish, "撤回意愿"),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NotePlacementOverdue, "逾期登记（愿进未进）", by_service=True),
    ),
    evolve=evolve,
    decide={
        RecordPlacementWish: wish,
        OfferPlace: offer,
        TakeOfferedPlace: take,
        DeclineOfferedPlace: decline,
        PlaceInInstitution: place,
        LeaveInstitution: leave,
        ResumeStay: resume,
        CorrectLeaving: correct,
        WithdrawPlacementWish: withdraw,
        NotePlacementOverdue: note_overdue,
        HandOverRecord: handing_over(PlacementHandedOver, *DUES, "placed"),
    },
    view=view,
    overdue=NotePlacementOverdue,
    valid_on=valid_on,
)
