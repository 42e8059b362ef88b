"""Payment of a case's months (发放), by the lines of payment runs: paid once, given back by the bank, refunded.

The runs themselves are in ``payment_run.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.procedure import case_id
from shared.casework.benefit_case.state import Case, evolve
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.orders import Order

# -- Commands ----------------------------------------------------------------------------------------------------


@command("pay_benefit", permission="pay")
@dataclass(frozen=True)
class PayBenefit:
    """By the service, for one line of an approved run: ``expected_fen`` is the line's amount, arrears included, ``payee_id`` whose account
    it goes to. ``hands``: who prepared the run and who sends it. ``division``: whose run it is."""

    case_id: str
    month: str
    run_id: str
    expected_fen: int
    payee_id: str = ""
    hands: tuple[str, ...] = ()
    division: str = ""


@command("return_payment", permission="pay")
@dataclass(frozen=True)
class ReturnPayment:
    """By the service, for a line that the bank could not pay or gave back."""

    case_id: str
    month: str
    run_id: str
    reason: str


@command("refund_repayment", permission="pay")
@dataclass(frozen=True)
class RefundRepayment:
    """By the service, for what was repaid on a claim that a returned payment has met."""

    case_id: str
    recovery_id: str
    month: str
    amount_fen: int


@command("withhold_repayment", permission="pay")
@dataclass(frozen=True)
class WithholdRepayment:
    """Put in by the service after the claim was asked whether the payee agreed."""

    case_id: str
    recovery_id: str
    withheld_id: str
    amount_fen: int


# -- Decisions ---------------------------------------------------------------------------------------------------


def pay_benefit(state: Case, c: PayBenefit, order: Order[Any]) -> Sequence[Any]:
    dates.check_month(c.month)
    if c.month in state.paid:
        raise Refused("already_paid", f"{c.month} 已发放，不得重复发放。", "month")
    if c.month > dates.month_of(order.today):
        raise invalid("不得提前发放以后月份。", "month")
    amount = state.due(c.month)
    if state.payable(c.month) <= 0:
        raise out_of_order(f"{c.month} 无应发金额。")
    if state.payable(c.month) != c.expected_fen:
        raise Refused("amount_changed", "名单锁定后应发金额已变化，转入补发批次。", "expected_fen")
    if c.payee_id and c.payee_id != state.payee_id:
        raise Refused("payee_changed", "名单锁定后领款人已变更，转入补发批次。", "payee_id")
    if state.payee_gone:
        raise Refused("payee_died", "领款人死亡，须重新指定领款人。", "payee_id")
    if not state.division_in(c.month).startswith(c.division):
        raise Refused("handed_over", "名单锁定后该户已迁往其他乡镇（街道），由迁入地发放。", "division")
    if set(c.hands) & set(state.signed):
        raise Refused("same_hand", "编制或送发该批次的人审核、确认过此个案，转入补发批次，由他人办理。", None)
    paid = e.BenefitPaid(c.month, amount, state.arrears_fen, c.run_id)
    last = state.terms.payment == "once" and state.status == "in_force" and state.first_month in (c.month, *state.paid)
    return [paid, e.CaseClosed(state.programme, state.subject_id)] if last else [paid]


def return_payment(state: Case, c: ReturnPayment, order: Order[Any]) -> Sequence[Any]:
    """Only the run that paid the month last can give it back, and once: a repeat finds nothing of that run."""
    sent = state.sent.get(c.month)
    if sent is None or sent.run_id != c.run_id:
        return []
    more = state.paid[c.month] - sent.amount_fen  # accounted for since: arrears found for the month, or (negative) claims
    this = case_id(state.programme, state.subject_id)
    arrears = sent.arrears_fen - max(more, 0)
    where = state.division_in(c.month)
    back = e.PaymentReturned(this, state.programme, where, c.month, c.run_id, sent.amount_fen, arrears, max(-more, 0), c.reason)
    return [back, *_never_received(evolve(state, back), state.carried.get(c.month, {}))]


def _never_received(after: Case, carried: Mapping[str, int]) -> list[Any]:
    """Arrears that came back and are claimed meanwhile: the claim is met, and they do not go out again."""
    shares = {m: min(fen, after.claimed.get(m, 0)) for m, fen in sorted(carried.items())}
    met = tuple(e.MonthDifference(m, after.paid[m], after.paid[m] + fen) for m, fen in shares.items() if fen and m in after.paid)
    if not met:
        return []
    total, reason = sum(m.due_fen - m.paid_fen for m in met), "补发随退回的发放未到账"
    this = case_id(after.programme, after.subject_id)
    gone = tuple(e.MonthDifference(m.month, m.due_fen, m.paid_fen) for m in met)
    return [e.ClaimedDueAgain(this, after.programme, after.division, met, total, reason), e.ArrearsWithdrawn(gone, total, reason)]


def refund_repayment(state: Case, c: RefundRepayment, order: Order[Any]) -> Sequence[Any]:
    if c.amount_fen <= 0:
        raise invalid("退还金额须大于零。", "amount_fen")
    return [e.RepaymentRefunded(c.recovery_id, c.month, c.amount_fen)]


def withhold_repayment(state: Case, c: WithholdRepayment, order: Order[Any]) -> Sequence[Any]:
    """Once before each payment, and never the whole of it: something is left to live on."""
    month = dates.month_of(order.today)
    coming = dates.add_months(month, 1) if month in state.paid else month
    if state.status not in ("in_force", "gradual_exit") or state.arrears_fen < 0 or "" in state.withheld:
        raise out_of_order("该个案不在发放中，或已有待抵扣的金额。")
    if not 0 < c.amount_fen < state.payable(coming):
        raise invalid("抵扣金额须大于零，且小于下一次发放的金额。", "amount_fen")
    return [e.RepaymentWithheld(c.case_id, c.recovery_id, c.withheld_id, c.amount_fen)]
