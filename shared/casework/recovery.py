"""Recovery claim (追回): money paid for months in which it was not due, from notice to the last fen. Part of shape 2.

Life: open → repaid in parts → settled; or waived for what is left, by a second hand. The amount comes from the case that
found the overpayment, month by month, and is never typed. Relied on by whoever pays benefits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.casework.benefit_case import MonthDifference
from shared.domain import money
from shared.domain.errors import invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order

SHAPE = "recovery"


@shape_event(
    SHAPE,
    "recovery_opened",
    published=True,
    public=lambda e: {
        "recovery_id": e.recovery_id,
        "case_id": e.case_id,
        "programme": e.programme,
        "amount_fen": e.amount_fen,
        "months": e.months,
    },
)
@dataclass(frozen=True)
class RecoveryOpened:
    """追回立项: what is claimed, from whom, for which months."""

    recovery_id: str
    case_id: str
    programme: str
    payee_id: str
    division: str
    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str


@shape_event(SHAPE, "recovery_repaid")
@dataclass(frozen=True)
class RecoveryRepaid:
    amount_fen: int
    receipt_no: str


@shape_event(SHAPE, "recovery_waiver_proposed")
@dataclass(frozen=True)
class RecoveryWaiverProposed:
    reason: str
    by: str


@shape_event(SHAPE, "recovery_waived")
@dataclass(frozen=True)
class RecoveryWaived:
    amount_fen: int


@shape_event(SHAPE, "recovery_settled")
@dataclass(frozen=True)
class RecoverySettled:
    repaid_fen: int


@dataclass(frozen=True)
class Recovery:
    status: str = "none"  # none | open | waiver_proposed | settled | waived
    division: str = ""
    amount_fen: int = 0
    repaid_fen: int = 0
    proposer: str = ""

    @property
    def left_fen(self) -> int:
        return self.amount_fen - self.repaid_fen


def evolve(state: Recovery, event: Any) -> Recovery:
    match event:
        case RecoveryOpened():
            return replace(state, status="open", division=event.division, amount_fen=event.amount_fen)
        case RecoveryRepaid():
            return replace(state, repaid_fen=state.repaid_fen + event.amount_fen)
        case RecoveryWaiverProposed():
            return replace(state, status="waiver_proposed", proposer=event.by)
        case RecoveryWaived():
            return replace(state, status="waived")
        case RecoverySettled():
            return replace(state, status="settled")
        case _:
            raise TypeError(f"a recovery claim knows no {type(event).__name__}")


@command("open_recovery", permission="recover")
@dataclass(frozen=True)
class OpenRecovery:
    """By the service itself, from an overpayment that a case found."""

    recovery_id: str
    case_id: str
    programme: str
    payee_id: str
    division: str
    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str


@command("record_repayment", permission="pay")
@dataclass(frozen=True)
class RecordRepayment:
    recovery_id: str
    amount_fen: int
    receipt_no: str


@command("propose_waiver", permission="review")
@dataclass(frozen=True)
class ProposeWaiver:
    recovery_id: str
    reason: str


@command("approve_waiver", permission="confirm")
@dataclass(frozen=True)
class ApproveWaiver:
    recovery_id: str


def open_recovery(state: Recovery, c: OpenRecovery, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        return []
    if c.amount_fen != sum(m.paid_fen - m.due_fen for m in c.months):
        raise invalid("追回金额与各月差额不符。", "amount_fen")
    return [RecoveryOpened(c.recovery_id, c.case_id, c.programme, c.payee_id, c.division, c.months, c.amount_fen, c.reason)]


def record_repayment(state: Recovery, c: RecordRepayment, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("open", "waiver_proposed"):
        raise out_of_order("该追回事项未在办理中。")
    money.check(c.amount_fen, "amount_fen")
    if not 0 < c.amount_fen <= state.left_fen:
        raise invalid("归还金额须大于零且不超过未归还金额。", "amount_fen")
    repaid = RecoveryRepaid(c.amount_fen, c.receipt_no)
    return [repaid, RecoverySettled(state.amount_fen)] if c.amount_fen == state.left_fen else [repaid]


def propose_waiver(state: Recovery, c: ProposeWaiver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "open":
        raise out_of_order("该追回事项未在办理中。")
    if not c.reason.strip():
        raise invalid("请填写减免理由。", "reason")
    return [RecoveryWaiverProposed(c.reason.strip(), order.hand.actor)]


def approve_waiver(state: Recovery, c: ApproveWaiver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "waiver_proposed":
        raise out_of_order("尚无待批准的减免意见。")
    not_the_same_hand(order, state.proposer)
    return [RecoveryWaived(state.left_fen)]


def decider(service: str) -> Decider[Recovery]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.recovery",
        initial=Recovery(),
        evolve=evolve,
        decide={
            OpenRecovery: open_recovery,
            RecordRepayment: record_repayment,
            ProposeWaiver: propose_waiver,
            ApproveWaiver: approve_waiver,
        },
        division=lambda state: state.division,
    )
