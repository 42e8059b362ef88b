"""Service order (服务工单): somebody is entitled to a service, a provider renders it, the recipient says that it was. Shape 7.

Life: ordered → provider assigned → for each visit checked in, checked out, confirmed by the recipient (or disputed) → rated, settled
→ reviewed where the terms say so → ended. A visit's minutes are those between check-in and check-out by the house's clock.
Stopped (停止服务) when the recipient died: no further visit; what was rendered by then is confirmed and settled, and with that it ends.

Must hold: nothing is settled that the recipient did not confirm, nor twice; in no period more is used than the entitlement; what is
settled is units × the price in the terms, never typed; the hand that settles neither rendered the service nor took the confirmation;
nothing counts that is said to have been rendered after the last day of an order that was stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from shared.casework.shape import Act, HandOverRecord, RecordState, Shape, View, handing_over, must, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order, derived_id

NAME = "service_order"


@dataclass(frozen=True)
class ServiceClass:
    """What may be ordered, or for whom (服务类别). price_fen: what the provider gets a unit; fee_fen: what of it the recipient pays."""

    code: str
    title: str
    price_fen: int = 0
    fee_fen: int = 0


@dataclass(frozen=True)
class Terms:
    """most_minutes: what one visit may count. period: "order" is the whole of it. entitlement: units a period; an order may ask for
    less; 0 = the order says. modes: where it is rendered. assign_days, confirm_days, settle_days: working days each step may take.
    review_days: calendar days until the order must be reviewed (0 = never). single: one order for a subject at a time,
    else one of each class."""

    classes: tuple[ServiceClass, ...] = ()
    unit: Literal["minutes", "times"] = "times"
    most_minutes: int = 480
    period: Literal["month", "year", "order"] = "month"
    entitlement: int = 0
    modes: tuple[str, ...] = ("home",)
    assign_days: int = 5
    confirm_days: int = 3
    settle_days: int = 22
    review_days: int = 0
    single: bool = False


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "service_ordered")
@dataclass(frozen=True)
class ServiceOrdered:
    """服务下单: ``need``: what it rests on (an assessment, a decision); ``plan``: what is to be done."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    service_class: str
    mode: str
    entitlement: int
    need: str
    plan: str
    by: str
    assign_by: date
    review_on: date | None


@shape_event(NAME, "service_assigned")
@dataclass(frozen=True)
class ServiceAssigned:
    """派单."""

    provider: str
    by: str


@shape_event(NAME, "service_checked_in")
@dataclass(frozen=True)
class ServiceCheckedIn:
    """签到."""

    at: datetime
    by: str
    check_out_by: date


@shape_event(NAME, "service_checked_out")
@dataclass(frozen=True)
class ServiceCheckedOut:
    """签退: ``minutes`` on the spot; ``units`` count against the entitlement of ``period`` and are never more than was left of it."""

    minutes: int
    units: int
    period: str
    by: str
    confirm_by: date


@shape_event(NAME, "service_confirmed")
@dataclass(frozen=True)
class ServiceConfirmed:
    """服务对象确认: ``proof`` is how the recipient (or who may speak for them) said so: a signature's or a call's number."""

    units: int
    proof: str
    by: str
    settle_by: date


@shape_event(NAME, "service_disputed")
@dataclass(frozen=True)
class ServiceDisputed:
    """服务争议."""

    reason: str
    by: str
    resolve_by: date


@shape_event(NAME, "service_dispute_resolved")
@dataclass(frozen=True)
class ServiceDisputeResolved:
    """服务争议处理: what the visit counts after all; 0 = it does not. The recipient is asked again whenever it counts."""

    units: int
    reason: str
    by: str
    confirm_by: date


@shape_event(NAME, "service_rated")
@dataclass(frozen=True)
class ServiceRated:
    """评价, 1 to 5."""

    score: int
    note: str


@shape_event(NAME, "service_settled")
@dataclass(frozen=True)
class ServiceSettled:
    """结算: all that was confirmed and not settled yet."""

    provider: str
    units: int
    price_fen: int
    fee_fen: int
    by: str


@shape_event(NAME, "service_reviewed")
@dataclass(frozen=True)
class ServiceReviewed:
    """服务复评."""

    outcome: str
    plan: str
    by: str
    review_on: date | None


@shape_event(NAME, "service_review_called")
@dataclass(frozen=True)
class ServiceReviewCalled:
    """提前评估: what the order rests on has changed; somebody looks until ``review_on`` whether it goes on."""

    reason: str
    review_on: date


@shape_event(NAME, "service_stopped")
@dataclass(frozen=True)
class ServiceStopped:
    """停止服务: nothing is rendered after ``last_day``; ``units`` that were confirmed of later visits and not settled do not count."""

    reason: str
    last_day: date
    units: int
    by: str


@shape_event(NAME, "service_resumed")
@dataclass(frozen=True)
class ServiceResumed:
    """恢复服务: why it was stopped was not so; the units that did not count for it count again."""

    reason: str
    units: int
    by: str
    settle_by: date | None
    review_on: date | None


@shape_event(NAME, "service_ended")
@dataclass(frozen=True)
class ServiceEnded:
    """服务终止: ``outcome``: cancelled (nothing was rendered) or completed."""

    outcome: str
    reason: str
    by: str


@shape_event(NAME, "service_overdue", published=True)
@dataclass(frozen=True)
class ServiceOverdue:
    """逾期: nobody assigned, confirmed, resolved, settled or reviewed in time."""

    programme: str
    division: str
    subject_id: str
    provider: str
    due: str
    due_on: date


@shape_event(NAME, "service_handed_over")
@dataclass(frozen=True)
class ServiceHandedOver:
    """服务移交: the recipient moved; from now on ``division`` assigns, reviews and settles, also what was rendered before."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """What of the entitlement one period has used."""

    period: str
    units: int


@dataclass(frozen=True)
class Deadline:
    due: str
    on: date


@dataclass(frozen=True)
class Rendered:
    """A visit that was confirmed and is not settled yet: on which day, how many units."""

    day: date
    units: int


@dataclass(frozen=True)
class ServiceOrder(RecordState):
    terms: Terms = Terms()
    service_class: str = ""
    mode: str = ""
    entitlement: int = 0
    plan: str = ""
    provider: str = ""
    used: tuple[Used, ...] = ()
    checked_in_at: datetime | None = None
    rendered_by: tuple[str, ...] = ()  # who checked this visit in and out
    units: int = 0  # of the visit that waits for its confirmation
    period: str = ""
    visits: int = 0  # confirmed
    visits_before: int = 0  # of them, under earlier orders of the same subject
    confirmed: int = 0  # units, settled or not
    settled: int = 0  # units
    settled_fen: int = 0
    fee_fen: int = 0
    unsettled: tuple[Rendered, ...] = ()
    last_day: date | None = None  # of an order that was stopped
    void_units: int = 0  # that do not count because they are of later days
    hands: tuple[str, ...] = ()  # that rendered or confirmed what is not settled yet
    rated: int = 0  # ratings given, of the visits confirmed
    score: int = 0  # the last
    deadlines: tuple[Deadline, ...] = ()
    told: tuple[str, ...] = ()  # which of them were found overdue


def evolve(state: ServiceOrder, event: Any) -> ServiceOrder:
    match event:
        case ServiceOrdered():
            # What was used, confirmed and settled under an earlier order counts on: ordering anew grants nothing twice.
            begun = replace(state, status="ordered", programme=event.programme, division=event.division, subject_id=event.subject_id)
            begun = replace(begun, terms=event.terms, provider="", visits_before=state.visits, last_day=None, void_units=0)
            filled = replace(begun, service_class=event.service_class, mode=event.mode, entitlement=event.entitlement, plan=event.plan)
            return _due(filled, assign=event.assign_by, review=event.review_on)
        case ServiceAssigned():
            return _due(replace(state, status="assigned", provider=event.provider), assign=None)
        case ServiceCheckedIn():
            serving = replace(state, status="serving", checked_in_at=event.at, rendered_by=(event.by,))
            return _due(serving, check_out=event.check_out_by)
        case ServiceCheckedOut():
            served = replace(state, status="served", units=event.units, period=event.period, rendered_by=(*state.rendered_by, event.by))
            return _due(_use(served, event.units), check_out=None, confirm=event.confirm_by)
        case ServiceConfirmed():
            units, visits = state.confirmed + event.units, state.visits + 1
            hands = tuple(sorted({*state.hands, *state.rendered_by, event.by}))
            assert state.checked_in_at is not None
            unsettled = (*state.unsettled, Rendered(state.checked_in_at.date(), event.units))
            done = replace(_visit_over(state), visits=visits, confirmed=units, hands=hands, unsettled=unsettled)
            settle = next((d.on for d in state.deadlines if d.due == "settle"), event.settle_by)
            return _due(done, confirm=None, settle=settle)
        case ServiceDisputed():
            return _due(replace(state, status="disputed"), confirm=None, resolve=event.resolve_by)
        case ServiceDisputeResolved():
            corrected = _due(_use(state, event.units - state.units), resolve=None)
            if event.units == 0:
                return _visit_over(corrected)
            return _due(replace(corrected, status="served", units=event.units), confirm=event.confirm_by)
        case ServiceRated():
            return replace(state, rated=state.visits, score=event.score)
        case ServiceSettled():
            fen, fee = state.settled_fen + event.price_fen, state.fee_fen + event.fee_fen
            settled = replace(state, settled=state.settled + event.units, settled_fen=fen, fee_fen=fee, hands=(), unsettled=())
            return _due(settled, settle=None)
        case ServiceReviewed():
            return _due(replace(state, plan=event.plan), review=event.review_on)
        case ServiceReviewCalled():
            return _due(state, review=event.review_on)
        case ServiceStopped():
            left = replace(state, last_day=event.last_day, confirmed=state.confirmed - event.units, void_units=event.units)
            nothing = {"settle": None} if left.confirmed == left.settled else {}
            return _due(left, assign=None, review=None, **nothing)
        case ServiceResumed():
            again = replace(state, last_day=None, confirmed=state.confirmed + event.units, void_units=0)
            return _due(again, review=event.review_on, **({"settle": event.settle_by} if event.settle_by else {}))
        case ServiceEnded():
            return replace(state, status=event.outcome, deadlines=(), told=())
        case ServiceOverdue():
            return replace(state, told=(*state.told, event.due))
        case ServiceHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"a service order knows no {type(event).__name__}")


def _due(state: ServiceOrder, **steps: date | None) -> ServiceOrder:
    """Set the day until which a step must be taken; None: it is taken, or there is none."""
    others = tuple(d for d in state.deadlines if d.due not in steps)
    new = tuple(Deadline(due, on) for due, on in steps.items() if on is not None)
    kept = {d.due: d.on for d in state.deadlines}
    told = tuple(t for t in state.told if t not in steps or kept.get(t) == steps[t])
    return replace(state, deadlines=(*others, *new), told=told)


def _use(state: ServiceOrder, units: int) -> ServiceOrder:
    left = tuple(u for u in state.used if u.period != state.period)
    return replace(state, used=(*left, Used(state.period, used_in(state, state.period) + units)))


def _visit_over(state: ServiceOrder) -> ServiceOrder:
    return replace(state, status="assigned", checked_in_at=None, units=0, period="", rendered_by=())


def used_in(state: ServiceOrder, period: str) -> int:
    """Units of the entitlement used in a period ("2023-07", "2023" or "order")."""
    return next((u.units for u in state.used if u.period == period), 0)


def period_of(terms: Terms, day: date) -> str:
    return {"month": dates.month_of(day), "year": f"{day.year:04d}"}.get(terms.period, "order")


# -- Commands ----------------------------------------------------------------------------------------------------


@command("order_service", permission="accept")
@dataclass(frozen=True)
class OrderService:
    """``entitlement`` 0: what the programme grants."""

    programme: str
    division: str
    subject_id: str
    service_class: str
    mode: str = "home"
    entitlement: int = 0
    need: str = ""
    plan: str = ""
    terms: Terms = Terms()


@command("assign_service", permission="review")
@dataclass(frozen=True)
class AssignService:
    """派单, or another provider between two visits."""

    record_id: str
    provider: str


@command("check_in_service", permission="survey")
@dataclass(frozen=True)
class CheckInService:
    record_id: str


@command("check_out_service", permission="survey")
@dataclass(frozen=True)
class CheckOutService:
    record_id: str


@command("confirm_service", permission="review")
@dataclass(frozen=True)
class ConfirmService:
    """The recipient's word (回访确认), taken down by another hand than rendered the service."""

    record_id: str
    proof: str


@command("dispute_service", permission="review")
@dataclass(frozen=True)
class DisputeService:
    record_id: str
    reason: str


@command("resolve_service_dispute", permission="confirm")
@dataclass(frozen=True)
class ResolveServiceDispute:
    """What the visit counts: never more than was claimed; 0 = nothing."""

    record_id: str
    units: int
    reason: str


@command("rate_service", permission="accept")
@dataclass(frozen=True)
class RateService:
    record_id: str
    score: int
    note: str = ""


@command("settle_service", permission="pay")
@dataclass(frozen=True)
class SettleService:
    record_id: str


@command("review_service", permission="review")
@dataclass(frozen=True)
class ReviewService:
    record_id: str
    outcome: str
    plan: str = ""


@command("cancel_service", permission="accept")
@dataclass(frozen=True)
class CancelService:
    """取消, or the end of an order whose service was rendered and settled."""

    record_id: str
    reason: str


@command("call_service_review", permission="record")
@dataclass(frozen=True)
class CallServiceReview:
    """By the service: what the order rests on (class, certificate) is no longer so."""

    record_id: str
    reason: str


@command("stop_service", permission="record")
@dataclass(frozen=True)
class StopService:
    """By the service: whom it is for has died; ``last_day`` is the last one on which it can have been rendered."""

    record_id: str
    last_day: date
    reason: str


@command("resume_service", permission="record")
@dataclass(frozen=True)
class ResumeService:
    """By the service: the death was none."""

    record_id: str
    reason: str


@command("note_service_overdue", permission="record")
@dataclass(frozen=True)
class NoteServiceOverdue:
    """By the timer: what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------

CALLED_DAYS = 5  # working days until an order whose ground has gone is looked at; a placeholder
RUNNING = ("ordered", "assigned", "serving", "served", "disputed")


def order_service(state: ServiceOrder, c: OrderService, order: Order[Any]) -> Sequence[Any]:
    if state.status in RUNNING:
        raise Refused("already_exists", "该对象已有此项服务工单。", "subject_id")
    t = c.terms
    said(c.subject_id, "subject_id", "服务对象")
    if c.service_class not in {k.code for k in t.classes}:
        raise invalid("没有此服务类别。", "service_class")
    if c.mode not in t.modes:
        raise invalid("服务方式不在允许的取值范围内。", "mode")
    units = c.entitlement or t.entitlement
    if units <= 0 or (t.entitlement and units > t.entitlement):
        raise invalid("服务额度须大于零且不超过项目额度。", "entitlement")
    assign_by = dates.add_working_days(order.today, t.assign_days)
    need, plan, review_on = c.need.strip(), c.plan.strip(), _review_on(t, order.today)
    what = (c.service_class, c.mode, units, need, plan)
    return [ServiceOrdered(c.programme, c.division, c.subject_id, t, *what, order.hand.actor, assign_by, review_on)]


def assign(state: ServiceOrder, c: AssignService, order: Order[Any]) -> Sequence[Any]:
    must(state, "派单", "ordered", "assigned")
    provider = said(c.provider, "provider", "服务机构")
    if provider == state.provider:
        return []
    if state.confirmed > state.settled:
        raise out_of_order("尚有已确认未结算的服务，结算后方可更换服务机构。")
    return [ServiceAssigned(provider, order.hand.actor)]


def check_in(state: ServiceOrder, c: CheckInService, order: Order[Any]) -> Sequence[Any]:
    must(state, "签到", "assigned")
    if state.last_day:
        raise out_of_order("服务已停止，不得再签到。")
    if used_in(state, period_of(state.terms, order.today)) >= state.entitlement:
        raise out_of_order("本期服务额度已用完。")
    return [ServiceCheckedIn(order.now, order.hand.actor, order.today)]


def check_out(state: ServiceOrder, c: CheckOutService, order: Order[Any]) -> Sequence[Any]:
    must(state, "签退", "serving")
    assert state.checked_in_at is not None
    minutes = max(0, int((order.now - state.checked_in_at).total_seconds()) // 60)
    period = period_of(state.terms, state.checked_in_at.date())
    # Whoever stays longer than is granted does so for nothing; the visit itself is not undone by it.
    left = state.entitlement - used_in(state, period)
    units = min(max(0, left), min(minutes, state.terms.most_minutes) if state.terms.unit == "minutes" else 1)
    confirm_by = dates.add_working_days(order.today, state.terms.confirm_days)
    return [ServiceCheckedOut(minutes, units, period, order.hand.actor, confirm_by)]


def confirm(state: ServiceOrder, c: ConfirmService, order: Order[Any]) -> Sequence[Any]:
    must(state, "确认", "served")
    not_the_same_hand(order, *state.rendered_by)
    assert state.checked_in_at is not None
    if state.last_day and state.checked_in_at.date() > state.last_day:
        raise out_of_order("签到日在停止服务之后，不能确认；请提出异议，按零计量处理。")
    settle_by = dates.add_working_days(order.today, state.terms.settle_days)
    return [ServiceConfirmed(state.units, said(c.proof, "proof", "确认凭据"), order.hand.actor, settle_by)]


def dispute(state: ServiceOrder, c: DisputeService, order: Order[Any]) -> Sequence[Any]:
    must(state, "提出异议", "served")
    resolve_by = dates.add_working_days(order.today, state.terms.confirm_days)
    return [ServiceDisputed(said(c.reason, "reason", "异议理由"), order.hand.actor, resolve_by)]


def resolve(state: ServiceOrder, c: ResolveServiceDispute, order: Order[Any]) -> Sequence[Any]:
    must(state, "处理异议", "disputed")
    not_the_same_hand(order, *state.rendered_by)
    if not 0 <= c.units <= state.units:
        raise invalid("计量不得超过原记录。", "units")
    confirm_by = dates.add_working_days(order.today, state.terms.confirm_days)
    return _with_the_end(state, ServiceDisputeResolved(c.units, said(c.reason, "reason", "处理理由"), order.hand.actor, confirm_by), order)


def rate(state: ServiceOrder, c: RateService, order: Order[Any]) -> Sequence[Any]:
    must(state, "评价", *RUNNING)
    if state.visits == state.rated:
        raise out_of_order("没有已确认而未评价的服务。")
    if not 1 <= c.score <= 5:
        raise invalid("评分须在1到5之间。", "score")
    return [ServiceRated(c.score, c.note.strip())]


def settle(state: ServiceOrder, c: SettleService, order: Order[Any]) -> Sequence[Any]:
    must(state, "结算", "assigned")
    if state.confirmed == state.settled:
        raise out_of_order("没有已确认而未结算的服务。")
    not_the_same_hand(order, *state.hands)
    units = state.confirmed - state.settled
    kind = next(k for k in state.terms.classes if k.code == state.service_class)
    settled = ServiceSettled(state.provider, units, units * kind.price_fen, units * kind.fee_fen, order.hand.actor)
    return _with_the_end(state, settled, order)


def review(state: ServiceOrder, c: ReviewService, order: Order[Any]) -> Sequence[Any]:
    must(state, "服务评估", *RUNNING)
    outcome = said(c.outcome, "outcome", "评估结果")
    return [ServiceReviewed(outcome, c.plan.strip() or state.plan, order.hand.actor, _review_on(state.terms, order.today))]


def cancel(state: ServiceOrder, c: CancelService, order: Order[Any]) -> Sequence[Any]:
    must(state, "取消", "ordered", "assigned")
    if state.confirmed > state.settled:
        raise out_of_order("尚有已确认未结算的服务。")
    return [
        ServiceEnded("completed" if state.visits > state.visits_before else "cancelled", said(c.reason, "reason", "理由"), order.hand.actor)
    ]


def call_review(state: ServiceOrder, c: CallServiceReview, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it runs no longer, or is looked at by then anyway."""
    review_on = dates.add_working_days(order.today, CALLED_DAYS)
    now = next((d.on for d in state.deadlines if d.due == "review"), None)
    if state.status not in RUNNING or state.last_day or (now is not None and now <= review_on):
        return []
    return [ServiceReviewCalled(c.reason, review_on)]


def stop(state: ServiceOrder, c: StopService, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it runs no longer, or was stopped already with that day; with another day the units are reckoned anew."""
    if state.status not in RUNNING or state.last_day == c.last_day:
        return []
    back = [ServiceResumed(c.reason, state.void_units, order.hand.actor, None, None)] if state.last_day else []
    void = sum(v.units for v in state.unsettled if v.day > c.last_day)
    return [*back, *_with_the_end(_after(state, back), ServiceStopped(c.reason, c.last_day, void, order.hand.actor), order)]


def resume(state: ServiceOrder, c: ResumeService, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it was not stopped, or has ended since: it is ordered anew then."""
    if state.status not in RUNNING or state.last_day is None:
        return []
    owed = state.confirmed + state.void_units > state.settled
    settle_by = dates.add_working_days(order.today, state.terms.settle_days) if owed else None
    return [ServiceResumed(c.reason, state.void_units, order.hand.actor, settle_by, _review_on(state.terms, order.today))]


def _after(state: ServiceOrder, events: Sequence[Any]) -> ServiceOrder:
    for event in events:
        state = evolve(state, event)
    return state


def _with_the_end(state: ServiceOrder, event: Any, order: Order[Any]) -> list[Any]:
    """An order that was stopped ends with the last that was left of it."""
    after = _after(state, [event])
    if after.last_day is None or after.status not in ("ordered", "assigned") or after.confirmed > after.settled:
        return [event]
    outcome = "completed" if after.visits > after.visits_before else "cancelled"
    return [event, ServiceEnded(outcome, "服务已停止，余项结清", order.hand.actor)]


def note_overdue(state: ServiceOrder, c: NoteServiceOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or told already."""
    who = (state.programme, state.division, state.subject_id, state.provider)
    return [ServiceOverdue(*who, d.due, d.on) for d in state.deadlines if d.on < order.today and d.due not in state.told]


def _review_on(terms: Terms, today: date) -> date | None:
    return today + timedelta(days=terms.review_days) if terms.review_days else None


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: ServiceOrder) -> View:
    if state.status not in RUNNING:
        return View(state.status, False, responsible=state.provider, amount=state.settled_fen, title=state.service_class)
    lists = {"ordered": "service_assign", "serving": "service_serving", "served": "service_confirm", "disputed": "service_dispute"}
    assigned = "service_settle" if state.confirmed > state.settled else "service_review" if "review" in state.told else "service_visit"
    dues = [(d.on, d.due) for d in state.deadlines if d.due not in state.told]
    due_on, due = min(dues, default=(None, ""))
    late = min(((d.on, d.due) for d in state.deadlines if d.due in state.told), default=None)
    title = f"【逾期】{state.service_class}" if state.told else state.service_class
    return View(state.status, True, lists.get(state.status, assigned), state.provider, due_on, due, state.settled_fen, title, late)


def _opens(c: OrderService, _command_id: str) -> str:
    return order_id(c.terms, c.programme, c.subject_id, c.service_class)


def order_id(terms: Terms, programme: str, subject_id: str, service_class: str) -> str:
    """One order for a programme, subject and class of service, or for a programme and subject, at a time."""
    return derived_id(programme, "", subject_id, *(() if terms.single else (service_class,)))


SHAPE = Shape(
    name=NAME,
    title="服务工单",
    state=ServiceOrder(),
    terms=Terms,
    acts=(
        Act(OrderService, "下单", opens=_opens),
        Act(AssignService, "派单"),
        Act(CheckInService, "签到"),
        Act(CheckOutService, "签退（计量）"),
        Act(ConfirmService, "服务对象确认"),
        Act(DisputeService, "服务对象异议"),
        Act(ResolveServiceDispute, "处理异议"),
        Act(RateService, "评价"),
        Act(SettleService, "结算（只结算已确认的服务）"),
        Act(ReviewService, "服务评估"),
        Act(CancelService, "取消或结束"),
        Act(CallServiceReview, "提前评估", by_service=True),
        Act(StopService, "停止服务", by_service=True),
        Act(ResumeService, "恢复服务", by_service=True),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NoteServiceOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        OrderService: order_service,
        AssignService: assign,
        CheckInService: check_in,
        CheckOutService: check_out,
        ConfirmService: confirm,
        DisputeService: dispute,
        ResolveServiceDispute: resolve,
        RateService: rate,
        SettleService: settle,
        ReviewService: review,
        CancelService: cancel,
        CallServiceReview: call_review,
        StopService: stop,
        ResumeService: resume,
        NoteServiceOverdue: note_overdue,
        HandOverRecord: handing_over(ServiceHandedOver, *RUNNING),
    },
    view=view,
    overdue=NoteServiceOverdue,
)
