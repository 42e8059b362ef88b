"""Payment run (发放批次): one programme, one month, from the list to the proof that in = paid + failed. Shape 2.

Life: opened → lines listed in chunks → locked with count and total → approved by another hand → paid line by line, each in its
own case's stream (where a month can be paid only once) → closed with the sums proven. Resumable after a crash at any point:
every step is a command whose id follows from the run and the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order, derived_id

SHAPE = "payment_run"
CHUNK = 400  # lines in one event: about 50 KiB of the 64 an event may have


def run_id(programme: str, month: str, division: str) -> str:
    """One run per programme, month and division."""
    return derived_id("payment_run", programme, month, division)


@shape_event(SHAPE, "payment_run_opened")
@dataclass(frozen=True)
class PaymentRunOpened:
    run_id: str
    programme: str
    month: str
    division: str
    by: str


@dataclass(frozen=True)
class PaymentLine:
    """One case's payment of the month: ``amount_fen`` with arrears."""

    case_id: str
    amount_fen: int


@shape_event(SHAPE, "payment_lines_listed")
@dataclass(frozen=True)
class PaymentLinesListed:
    chunk: int
    lines: tuple[PaymentLine, ...]


@shape_event(SHAPE, "payment_run_locked")
@dataclass(frozen=True)
class PaymentRunLocked:
    count: int
    total_fen: int


@shape_event(
    SHAPE, "payment_run_approved", published=True, public=lambda e: {"run_id": e.run_id, "programme": e.programme, "month": e.month}
)
@dataclass(frozen=True)
class PaymentRunApproved:
    """发放批准: paid from here on, line by line."""

    run_id: str
    programme: str
    month: str
    by: str


@shape_event(SHAPE, "payment_run_closed", published=True)
@dataclass(frozen=True)
class PaymentRunClosed:
    """发放关账: in = paid + failed, in cases and in fen; ``failed_cases`` are those whose case refused the payment."""

    run_id: str
    programme: str
    month: str
    count: int
    total_fen: int
    paid: int
    paid_fen: int
    failed: int
    failed_fen: int


@dataclass(frozen=True)
class Run:
    status: str = "none"  # none | open | locked | approved | closed
    run_id: str = ""
    programme: str = ""
    month: str = ""
    division: str = ""
    opener: str = ""
    lines: tuple[PaymentLine, ...] = ()
    chunks: int = 0


def evolve(state: Run, event: Any) -> Run:
    match event:
        case PaymentRunOpened():
            return Run("open", event.run_id, event.programme, event.month, event.division, event.by)
        case PaymentLinesListed():
            return replace(state, lines=state.lines + event.lines, chunks=state.chunks + 1)
        case PaymentRunLocked():
            return replace(state, status="locked")
        case PaymentRunApproved():
            return replace(state, status="approved")
        case PaymentRunClosed():
            return replace(state, status="closed")
        case _:
            raise TypeError(f"a payment run knows no {type(event).__name__}")


@command("open_payment_run", permission="pay")
@dataclass(frozen=True)
class OpenPaymentRun:
    programme: str
    month: str
    division: str


@command("list_payment_lines", permission="pay")
@dataclass(frozen=True)
class ListPaymentLines:
    """Put in by the service from the cases in force; never typed."""

    chunk: int
    lines: tuple[PaymentLine, ...]


@command("lock_payment_run", permission="pay")
@dataclass(frozen=True)
class LockPaymentRun:
    run_id: str


@command("approve_payment_run", permission="confirm")
@dataclass(frozen=True)
class ApprovePaymentRun:
    run_id: str


@command("close_payment_run", permission="pay")
@dataclass(frozen=True)
class ClosePaymentRun:
    """Put in by the service after the last line: what each case answered."""

    paid: int
    paid_fen: int
    failed: int
    failed_fen: int


def open_payment_run(state: Run, c: OpenPaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        raise Refused("already_exists", f"{c.month} 该项目的发放批次已存在。", "month")
    if dates.check_month(c.month) > dates.month_of(order.today):
        raise invalid("不得提前发放以后月份。", "month")
    return [PaymentRunOpened(run_id(c.programme, c.month, c.division), c.programme, c.month, c.division, order.hand.actor)]


def list_payment_lines(state: Run, c: ListPaymentLines, order: Order[Any]) -> Sequence[Any]:
    if state.status != "open" or c.chunk != state.chunks:
        raise out_of_order("发放名单已锁定或批次次序不符。")
    if not 0 < len(c.lines) <= CHUNK or any(line.amount_fen <= 0 for line in c.lines):
        raise invalid("发放名单分段不正确。", "lines")
    there = {line.case_id for line in state.lines}
    if len({line.case_id for line in c.lines} - there) != len(c.lines):
        raise invalid("同一对象在名单中出现两次。", "lines")
    return [PaymentLinesListed(c.chunk, c.lines)]


def lock_payment_run(state: Run, c: LockPaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "open":
        raise out_of_order("该批次不在编制中。")
    if not state.lines:
        raise out_of_order("该批次没有应发对象。")
    return [PaymentRunLocked(len(state.lines), sum(line.amount_fen for line in state.lines))]


def approve_payment_run(state: Run, c: ApprovePaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "locked":
        raise out_of_order("该批次尚未锁定或已批准。")
    not_the_same_hand(order, state.opener)
    return [PaymentRunApproved(state.run_id, state.programme, state.month, order.hand.actor)]


def close_payment_run(state: Run, c: ClosePaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status == "closed":
        return []
    if state.status != "approved":
        raise out_of_order("该批次尚未批准。")
    count, total = len(state.lines), sum(line.amount_fen for line in state.lines)
    if (c.paid + c.failed, c.paid_fen + c.failed_fen) != (count, total):
        raise invalid("应发与实发、失败之和不符，不能关账。", "paid_fen")
    return [PaymentRunClosed(state.run_id, state.programme, state.month, count, total, c.paid, c.paid_fen, c.failed, c.failed_fen)]


def decider(service: str) -> Decider[Run]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.payment_run",
        initial=Run(),
        evolve=evolve,
        decide={
            OpenPaymentRun: open_payment_run,
            ListPaymentLines: list_payment_lines,
            LockPaymentRun: lock_payment_run,
            ApprovePaymentRun: approve_payment_run,
            ClosePaymentRun: close_payment_run,
        },
        division=lambda state: state.division,
    )
