"""Price linkage (价格联动机制): one month's price index, and the subsidy (价格临时补贴) of everybody in register.

Life of a month: triggered with its index and document → confirmed by another hand → granted slice by slice to whoever stands in the
register in that month → completed. Where neither threshold holds, by the rules, the month is closed as not triggered: nothing is paid.

Must hold: one subsidy for a household or person and month, however often a slice is repeated; a slice begins where the one before
ended, so a crash loses and doubles nothing; paid within 20 working days of the index, or it is an event. Relied on by nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order, derived_id

CATALOGUE = ("A29",)
PAID_WITHIN = 20  # working days of the index: 发改价格〔2021〕1553号
SLICE = 200  # units in one slice: a slice takes seconds, so others get their turn in between
ABSURD_BP = 10_000


def subsidy_subject(unit_id: str, month: str, other_class: str = "") -> str:
    """What a unit's subsidy of one month is known by: the subject of its own case, so that it is paid once. ``other_class``: of those of
    its members whose own class is not the unit's (a 特困 person in a family of 低保)."""
    return derived_id("price_linked_temporary_subsidy", unit_id, month, *([other_class] if other_class else []))


# -- Events


@event("assistance.price_linkage_triggered")
@dataclass(frozen=True)
class PriceLinkageTriggered:
    """启动: the index of a month against a year before, in basis points (350 = 3.5 %), and the document it was published in."""

    month: str
    division: str
    cpi_bp: int
    food_bp: int
    document_no: str
    published_on: date
    pay_by: date
    by: str


@event("assistance.price_linkage_confirmed", published=True, public=lambda e: {"month": e.month})
@dataclass(frozen=True)
class PriceLinkageConfirmed:
    """确认: the slices begin."""

    month: str
    by: str


@event("assistance.price_linkage_stopped", published=True)
@dataclass(frozen=True)
class PriceLinkageStopped:
    """中止: by the rules neither threshold holds in this month."""

    month: str
    division: str
    reason: str


@event("assistance.price_slice_granted", published=True, public=lambda e: {"month": e.month, "no": e.no})
@dataclass(frozen=True)
class PriceSliceGranted:
    """价格补贴分批核定: one slice of the register was gone through up to ``through``."""

    month: str
    no: int
    through: str
    units: int
    persons: int
    amount_fen: int


@event("assistance.price_linkage_completed", published=True)
@dataclass(frozen=True)
class PriceLinkageCompleted:
    """价格补贴核定完成: everybody in register has been gone through: what it came to."""

    month: str
    division: str
    units: int
    persons: int
    amount_fen: int


@event("assistance.price_linkage_overdue", published=True)
@dataclass(frozen=True)
class PriceLinkageOverdue:
    """逾期: not paid within the time limit: work for a person."""

    month: str
    division: str
    pay_by: date


@event("assistance.price_linkage_paid")
@dataclass(frozen=True)
class PriceLinkagePaid:
    """价格补贴发放完成: on the last day everybody was paid."""

    month: str


# -- State


@dataclass(frozen=True)
class Linkage:
    status: str = "none"  # triggered, granting, completed, paid, stopped
    month: str = ""
    division: str = ""
    cpi_bp: int = 0
    food_bp: int = 0
    document_no: str = ""
    pay_by: date | None = None
    by: str = ""
    confirmed_by: str = ""
    slices: int = 0
    through: str = ""
    units: int = 0
    persons: int = 0
    amount_fen: int = 0
    overdue: bool = False


def evolve(state: Linkage, happened: Any) -> Linkage:
    match happened:
        case PriceLinkageTriggered():
            e = happened
            return Linkage("triggered", e.month, e.division, e.cpi_bp, e.food_bp, e.document_no, e.pay_by, e.by)
        case PriceLinkageConfirmed():
            return replace(state, status="granting", confirmed_by=happened.by)
        case PriceLinkageStopped():
            return replace(state, status="stopped")
        case PriceSliceGranted():
            return replace(
                state,
                slices=happened.no,
                through=happened.through,
                units=state.units + happened.units,
                persons=state.persons + happened.persons,
                amount_fen=state.amount_fen + happened.amount_fen,
            )
        case PriceLinkageCompleted():
            return replace(state, status="completed")
        case PriceLinkagePaid():
            return replace(state, status="paid")
        case PriceLinkageOverdue():
            return replace(state, overdue=True)
        case _:
            raise TypeError(f"a price linkage knows no {type(happened).__name__}")


# -- Commands


@command("trigger_price_linkage", permission="assistance:review")
@dataclass(frozen=True)
class TriggerPriceLinkage:
    month: str
    division: str
    cpi_bp: int
    food_bp: int
    document_no: str
    published_on: date


@command("confirm_price_linkage", permission="assistance:confirm")
@dataclass(frozen=True)
class ConfirmPriceLinkage:
    """``triggered`` and ``reason`` are what the rules say to the index; put in by the service."""

    month: str
    triggered: bool
    reason: str


@command("close_price_slice", permission="assistance:grant")
@dataclass(frozen=True)
class ClosePriceSlice:
    """By the service when a slice has been granted; ``last``: there is nobody behind it."""

    month: str
    no: int
    through: str
    units: int
    persons: int
    amount_fen: int
    last: bool


@command("note_price_overdue", permission="assistance:record")
@dataclass(frozen=True)
class NotePriceOverdue:
    month: str
    paid: bool


# -- Decisions


def trigger(state: Linkage, c: TriggerPriceLinkage, order: Order[Any]) -> Sequence[Any]:
    dates.check_month(c.month)
    if state.status not in ("none", "triggered"):
        raise Refused("already_exists", "该月的联动机制已办理。", "month")
    if c.month > dates.month_of(order.today):
        raise invalid("不得提前启动以后月份。", "month")
    for name in ("cpi_bp", "food_bp"):
        if abs(getattr(c, name)) > ABSURD_BP:
            raise invalid("涨幅超出合理范围，请核对单位是否为万分之一。", name)
    if c.published_on > order.today or dates.month_of(c.published_on) < c.month:
        raise invalid("指数公布日期不合理。", "published_on")
    pay_by = dates.add_working_days(c.published_on, PAID_WITHIN)
    document = said(c.document_no, "document_no", "指数公布文号")
    return [PriceLinkageTriggered(c.month, c.division, c.cpi_bp, c.food_bp, document, c.published_on, pay_by, order.hand.actor)]


def confirm(state: Linkage, c: ConfirmPriceLinkage, order: Order[Any]) -> Sequence[Any]:
    if state.status != "triggered":
        raise out_of_order("没有待确认的启动。")
    not_the_same_hand(order, state.by)
    if not c.triggered:
        return [PriceLinkageStopped(state.month, state.division, c.reason)]
    return [PriceLinkageConfirmed(state.month, order.hand.actor)]


def close_slice(state: Linkage, c: ClosePriceSlice, order: Order[Any]) -> Sequence[Any]:
    if state.status != "granting" or c.no <= state.slices:
        return []  # this slice was closed before
    if c.no != state.slices + 1:
        raise out_of_order("分批次序不连续。")
    done: list[Any] = [PriceSliceGranted(state.month, c.no, c.through, c.units, c.persons, c.amount_fen)]
    if c.last:
        after = evolve(state, done[0])
        done.append(PriceLinkageCompleted(state.month, state.division, after.units, after.persons, after.amount_fen))
    return done


def note_overdue(state: Linkage, c: NotePriceOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was stopped meanwhile, or was noted before."""
    if state.overdue or state.status in ("none", "stopped", "paid") or state.pay_by is None or order.today <= state.pay_by:
        return []
    if c.paid and state.status == "completed":
        return [PriceLinkagePaid(state.month)]
    return [PriceLinkageOverdue(state.month, state.division, state.pay_by)]


DECIDER: Decider[Linkage] = Decider(
    category="assistance.price_linkage",
    initial=Linkage(),
    evolve=evolve,
    decide={
        TriggerPriceLinkage: trigger,
        ConfirmPriceLinkage: confirm,
        ClosePriceSlice: close_slice,
        NotePriceOverdue: note_overdue,
    },
    division=lambda state: state.division,
)
