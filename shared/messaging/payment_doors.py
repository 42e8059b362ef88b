"""The doors of payment (发放与追回的门): runs, what was paid, claims. The same for every service that pays benefits.

A mixin beside the doors of cases (``benefit_doors.py``), which bring the read model and the benefit business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from shared.casework import benefit_case, payment_run, recovery
from shared.casework.benefits import Benefits
from shared.domain import division as divisions
from shared.eventlog.benefit_rows import BenefitTables, listed, of_case
from shared.eventlog.payment_rows import cases_to_pay
from shared.eventlog.read_model import ReadModel
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.doors import OWN, Service, command, query, reaction
from shared.messaging.showing import all_seen, caught_up, shown
from shared.security.permissions import within


@dataclass(frozen=True)
class Overpaid:
    """The service's own ``overpayment_found``."""

    case_id: str
    programme: str
    payee_id: str
    division: str
    amount_fen: int
    reason: str
    months: tuple[benefit_case.MonthDifference, ...]


@dataclass(frozen=True)
class RunApproved:
    """The service's own ``payment_run_approved``."""

    run_id: str


class PaymentDoors(Service):
    """``model`` and ``tables`` are the service's read model; ``benefits`` its business in this office."""

    model: ReadModel
    tables: BenefitTables

    @cached_property
    def benefits(self) -> Benefits:
        raise NotImplementedError("a service brings its own benefit business")

    @query(permission="read")
    def list_payments(self, hand: Hand, case_id: str, position: int | None = None) -> Any:
        """一个个案的发放记录。"""
        return self._of_case(self.tables.pay.payments, hand, case_id, position)

    # -- payment

    @command(payment_run.OpenPaymentRun, permission="pay")
    def prepare_payment_run(self, order: Order[payment_run.OpenPaymentRun]) -> Any:
        """编制并锁定一个月的发放名单。"""
        c = replace(order.command, division=divisions.check(order.command.division))
        within(order.hand, c.division)
        all_seen(self.office, self.model)
        return self.benefits.payments.prepare_run(cases_to_pay(self.office.read, self.tables.cases, c.programme, c.division), order.to(c))

    @command(payment_run.ApprovePaymentRun, permission="confirm")
    def approve_payment_run(self, order: Order[payment_run.ApprovePaymentRun]) -> Any:
        """批准发放（与编制不得为同一人）。"""
        return self.office.handle(self.benefits.payments.runs, order.command.run_id, order)

    @reaction(OWN, "payment_run_approved", reads=RunApproved)
    def on_payment_run_approved(self, notice: Notice[RunApproved]) -> None:
        """Pay what was approved, line by line, and close the run."""
        self.benefits.payments.pay_run(notice.facts.run_id, notice.order(notice.facts))

    @query(permission="read")
    def get_payment_run(self, hand: Hand, run_id: str, as_of: datetime | None = None) -> Any:
        """发放批次（可查询过去任一时刻）。"""
        return shown(self.office, self.benefits.payments.runs, run_id, hand, as_of)

    @query(permission="read")
    def list_payment_runs(
        self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """发放批次列表：应发、实发、失败。"""
        return self._listed(self.tables.pay.runs, hand, position, after, limit, status=status)

    # -- claims

    @reaction(OWN, "overpayment_found", reads=Overpaid)
    def on_overpayment_found(self, notice: Notice[Overpaid]) -> None:
        """What was paid too much becomes a claim of exactly that amount."""
        self.benefits.payments.open_recovery(notice.event_id, notice.facts, notice.order(notice.facts))

    @command(recovery.RecordRepayment, permission="pay")
    def record_repayment(self, order: Order[recovery.RecordRepayment]) -> Any:
        """登记归还款项。"""
        return self.office.handle(self.benefits.payments.recoveries, order.command.recovery_id, order)

    @command(recovery.ProposeWaiver, permission="review")
    def propose_waiver(self, order: Order[recovery.ProposeWaiver]) -> Any:
        """提出减免意见。"""
        return self.office.handle(self.benefits.payments.recoveries, order.command.recovery_id, order)

    @command(recovery.ApproveWaiver, permission="confirm")
    def approve_waiver(self, order: Order[recovery.ApproveWaiver]) -> Any:
        """批准减免（另一经办人）。"""
        return self.office.handle(self.benefits.payments.recoveries, order.command.recovery_id, order)

    @query(permission="read")
    def get_recovery(self, hand: Hand, recovery_id: str, as_of: datetime | None = None) -> Any:
        """追回事项（可查询过去任一时刻）。"""
        return shown(self.office, self.benefits.payments.recoveries, recovery_id, hand, as_of)

    @query(permission="read")
    def list_recoveries(self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None) -> Any:
        """追回事项列表。"""
        return self._listed(self.tables.pay.recoveries, hand, position, after, limit, status=status)

    # -- inside

    def _listed(self, table: Any, hand: Hand, position: int | None, after: str, limit: int, **where: Any) -> Any:
        caught_up(self.office, self.model, position)
        return listed(self.office.read, table, hand.division, where, limit, after)

    def _of_case(self, table: Any, hand: Hand, case_id: str, position: int | None) -> Any:
        caught_up(self.office, self.model, position)
        shown(self.office, self.benefits.cases, case_id, hand, None)  # refuses what is not there or not the hand's
        return of_case(self.office.read, table, case_id)
