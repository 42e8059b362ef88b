"""Elder care's doors (养老服务): RPC methods, reactions, deadlines. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from services.eldercare import elder
from services.eldercare.benefits import CASES, business
from services.eldercare.programmes import OLD_AGE_ALLOWANCE
from services.eldercare.read_model import BENEFITS, MODEL, elders
from services.eldercare.rules import engine
from shared.casework import benefit_case
from shared.casework.benefits import Benefits
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.money import yuan
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import Due, command, deadline, query, reaction
from shared.messaging.showing import caught_up, shown
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


class ElderCare(BenefitService):
    """养老服务: the roster, and the allowances that hang on age."""

    name = "eldercare"
    model, tables = MODEL, BENEFITS

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
