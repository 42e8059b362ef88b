"""Elder care's doors (养老服务): RPC methods, reactions, deadlines. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from services.eldercare import elder
from services.eldercare.benefits import CASES, RECOVERIES, RUNS, business
from services.eldercare.programmes import OLD_AGE_ALLOWANCE
from services.eldercare.read_model import BENEFITS, MODEL, elders
from services.eldercare.rules import engine
from shared.casework import benefit_case, payment_run, recovery
from shared.casework.benefits import Benefits
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.money import yuan
from shared.eventlog.benefit_rows import cases_to_pay, listed, of_case
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.doors import Due, Service, command, deadline, query, reaction
from shared.messaging.showing import all_seen, caught_up, shown
from shared.security.permissions import within

# -- What comes in


@dataclass(frozen=True)
class ElderForm:
    """A clerk's form (老年人登记表)."""

    resident_id: str
    name: str
    division: str


@dataclass(frozen=True)
class AfterDeathOpened:
    """``registry.after_death_opened``: what we read of it."""

    person_id: str
    died_on: date
    round: int
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Overpaid:
    """Our own ``eldercare.overpayment_found``."""

    case_id: str
    programme: str
    payee_id: str
    division: str
    amount_fen: int
    reason: str
    months: tuple[benefit_case.MonthDifference, ...]


@dataclass(frozen=True)
class RunApproved:
    """Our own ``eldercare.payment_run_approved``."""

    run_id: str


class ElderCare(Service):
    """养老服务: the roster, and the allowances that hang on age."""

    name = "eldercare"

    @cached_property
    def benefits(self) -> Benefits:
        return business(self.office, self.office.settings.profile)

    # -- the roster

    @command(ElderForm, permission="eldercare:register")
    def enrol_elder(self, order: Order[ElderForm]) -> Any:
        """老年人登记；到龄自动核定高龄津贴，无需申请。"""
        form = order.command
        number = resident_ids.check(form.resident_id)
        person_id = self.office.person_id(number)
        enrol = elder.EnrolElder(person_id, resident_ids.born_on(number), divisions.check(form.division), form.name, number)
        within(order.hand, enrol.division)
        return self.office.handle(elder.DECIDER, person_id, order.to(enrol))

    @query(permission="eldercare:read")
    def get_elder(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """老年人登记信息。"""
        return shown(self.office, elder.DECIDER, person_id, hand, as_of)

    @query(permission="eldercare:read")
    def list_elders(self, hand: Hand, after: str = "", limit: int = 100, position: int | None = None) -> Any:
        """本辖区老年人名册。"""
        caught_up(self.office, MODEL, position)
        rows = listed(self.office.read, elders, hand.division, {}, limit, after)
        return [{**row, "name": self.office.vault.open(row["name"])} for row in rows]

    # -- 高龄津贴, granted when the birthday comes

    @deadline("allowance_age")
    def on_allowance_age(self, due: Due) -> None:
        """Old enough: granted without application, from this month on."""
        person: elder.Elder = self.office.load(elder.DECIDER, due.aggregate_id).state
        if person.died_on is None:
            month = dates.month_of(due.now.date())
            code = OLD_AGE_ALLOWANCE.code
            self.benefits.grant(code, person.person_id, person.person_id, person.division, month, due.order(None))

    @deadline("allowance_band")
    def on_allowance_band(self, due: Due) -> None:
        """The next band's birthday: assessed again from that month on."""
        month = due.due_at[:7]
        self.benefits.reassess(due.aggregate_id, month, f"clock:{due.due_at}", due.order(None))

    @query(permission="eldercare:read")
    def get_case(self, hand: Hand, case_id: str, as_of: datetime | None = None) -> Any:
        """津贴个案：状态、金额、最近一次核定及其说明。"""
        return shown(self.office, CASES, case_id, hand, as_of)

    @query(permission="eldercare:read")
    def list_cases(
        self,
        hand: Hand,
        programme: str | None = None,
        status: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区津贴个案列表。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, BENEFITS.cases, hand.division, {"programme": programme, "status": status}, limit, after)

    @query(permission="eldercare:read")
    def list_payments(self, hand: Hand, case_id: str, position: int | None = None) -> Any:
        """一个个案的发放记录。"""
        caught_up(self.office, MODEL, position)
        shown(self.office, CASES, case_id, hand, None)
        return of_case(self.office.read, BENEFITS.payments, case_id)

    # -- payment

    @command(payment_run.OpenPaymentRun, permission="eldercare:pay")
    def prepare_payment_run(self, order: Order[payment_run.OpenPaymentRun]) -> Any:
        """编制并锁定一个月的发放名单。"""
        c = replace(order.command, division=divisions.check(order.command.division))
        within(order.hand, c.division)
        all_seen(self.office, MODEL)
        return self.benefits.prepare_run(cases_to_pay(self.office.read, BENEFITS, c.programme, c.division), order.to(c))

    @command(payment_run.ApprovePaymentRun, permission="eldercare:confirm")
    def approve_payment_run(self, order: Order[payment_run.ApprovePaymentRun]) -> Any:
        """批准发放（与编制不得为同一人）。"""
        return self.office.handle(RUNS, order.command.run_id, order)

    @reaction("eldercare", "payment_run_approved", reads=RunApproved)
    def on_payment_run_approved(self, notice: Notice[RunApproved]) -> None:
        """Pay what was approved, line by line, and close the run."""
        self.benefits.pay_run(notice.facts.run_id, notice.order(notice.facts))

    @query(permission="eldercare:read")
    def get_payment_run(self, hand: Hand, run_id: str, as_of: datetime | None = None) -> Any:
        """发放批次。"""
        return shown(self.office, RUNS, run_id, hand, as_of)

    @query(permission="eldercare:read")
    def list_payment_runs(
        self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """发放批次列表：应发、实发、失败。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, BENEFITS.runs, hand.division, {"status": status}, limit, after)

    # -- overpayments

    @reaction("eldercare", "overpayment_found", reads=Overpaid)
    def on_overpayment_found(self, notice: Notice[Overpaid]) -> None:
        """What was paid too much becomes a claim of exactly that amount."""
        self.benefits.open_recovery(notice.event_id, notice.facts, notice.order(notice.facts))

    @command(recovery.RecordRepayment, permission="eldercare:pay")
    def record_repayment(self, order: Order[recovery.RecordRepayment]) -> Any:
        """登记归还款项。"""
        return self.office.handle(RECOVERIES, order.command.recovery_id, order)

    @command(recovery.ProposeWaiver, permission="eldercare:review")
    def propose_waiver(self, order: Order[recovery.ProposeWaiver]) -> Any:
        """提出减免意见。"""
        return self.office.handle(RECOVERIES, order.command.recovery_id, order)

    @command(recovery.ApproveWaiver, permission="eldercare:confirm")
    def approve_waiver(self, order: Order[recovery.ApproveWaiver]) -> Any:
        """批准减免（另一经办人）。"""
        return self.office.handle(RECOVERIES, order.command.recovery_id, order)

    @query(permission="eldercare:read")
    def list_recoveries(self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None) -> Any:
        """追回事项列表。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, BENEFITS.recoveries, hand.division, {"status": status}, limit, after)

    # -- after a death

    @reaction("registry", "after_death_opened", reads=AfterDeathOpened)
    def on_after_death_opened(self, notice: Notice[AfterDeathOpened]) -> None:
        """Our step of the one-stop process: stop the allowance from the month the rules say, and answer."""
        f = notice.facts
        if OLD_AGE_ALLOWANCE.code not in f.steps:
            return
        person: elder.Elder = self.office.load(elder.DECIDER, f.person_id).state
        outcome, note, amount = "skipped", "该人员未享受高龄津贴", 0
        if person.person_id:
            self.office.handle(elder.DECIDER, f.person_id, notice.order(elder.RecordElderDeath(f.person_id, f.died_on), "death"))
            case_id = benefit_case.case_id(OLD_AGE_ALLOWANCE.code, f.person_id)
            if self.office.load(CASES, case_id).state.status not in ("none", "refused"):
                month = engine(self.office.settings.profile).stop_month(OLD_AGE_ALLOWANCE.code, f.died_on)
                self.benefits.end(case_id, month, "领取人死亡", "高龄津贴自死亡次月起停发", notice.order(None))
                amount = self.benefits.claimed_in(case_id, notice.correlation_id or notice.event_id)
                outcome, note = "done", f"高龄津贴自{month}起停发" + (f"，多发{yuan(amount)}转入追回" if amount else "，无多发")
        answer = elder.AnswerAfterDeath(f.person_id, f.round, OLD_AGE_ALLOWANCE.code, outcome, note, amount)
        self.office.handle(elder.DECIDER, f.person_id, notice.order(answer, "answer"))


SERVICE = ElderCare
