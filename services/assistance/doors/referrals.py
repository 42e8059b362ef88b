"""Referral doors (专项救助转介): referrals follow a determination by themselves; what a visit finds goes out by ``send_handoff``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Literal

from services.assistance import determination, household, housing, placement, referral_answers, referral_delivery, verification_sources
from services.assistance.benefits import CASES
from services.assistance.programmes import PROGRAMMES
from services.assistance.referrals import call_back, refer
from services.assistance.rows.determination import NEED_ARISES
from services.assistance.rows.referrals import DELIVERY, PICKUP
from services.assistance.verification_sources import SOURCES, System
from shared.casework import benefit_case
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.exchange.adapter import Adapter
from shared.exchange.declared import Source
from shared.exchange.files import FileAdapter
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, Due, command, deadline, reaction
from shared.messaging.source_queues import QueueAdapter
from shared.rules.profile import load_profile
from shared.security.permissions import within


@dataclass(frozen=True)
class UnitDetermined:
    """Our own ``assistance.class_granted``, ``class_changed`` and ``class_ended``."""

    unit_id: str
    valid_from: str


@dataclass(frozen=True)
class HouseholdFacts:
    """Our own ``assistance.household_changed``, ``income_recorded`` and ``house_appraised``."""

    household_id: str
    effective_month: str


@dataclass(frozen=True)
class PersonFacts:
    """Our own ``assistance.person_facts_changed``."""

    person_id: str
    effective_month: str


@dataclass(frozen=True)
class HouseForm:
    """房屋安全鉴定: the grade of the house in which a household lives, by a report."""

    household_id: str
    grade: str = field(metadata={"codes": housing.GRADES})
    found_on: date
    evidence: str


@dataclass(frozen=True)
class AppraisedElsewhere:
    """房屋安全鉴定通知: 住建部门's ``housing.house_appraised``, by a resident of the house: the fields we read of it."""

    person_id: str
    grade: str
    found_on: date
    report_no: str


@dataclass(frozen=True)
class DepartmentForm:
    """Whose answers are taken in."""

    department: str = field(metadata={"codes": tuple(referral_delivery.DEPARTMENTS)})


@dataclass(frozen=True)
class WayForm:
    """By which way a department gets its referrals from now on."""

    department: str = field(metadata={"codes": tuple(referral_delivery.DEPARTMENTS)})
    adapter: Literal["files", "amqp"]


@dataclass(frozen=True)
class ReferralAnswered:
    """转介答复: a department's ``referral_answered``: what we read of it."""

    number: str
    dossier_hash: str
    outcome: str
    result: str = ""
    person_no: str = ""


class ReferralDoors(BenefitService):
    """专项救助转介."""

    @reaction(OWN, "class_granted", reads=UnitDetermined)
    def on_referral_begun(self, notice: Notice[UnitDetermined]) -> None:
        """Who came into the register is referred by what he needs."""
        refer(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None))

    @reaction(OWN, "class_changed", reads=UnitDetermined)
    def on_referral_changed(self, notice: Notice[UnitDetermined]) -> None:
        """Another ground may cover others: who is new is referred, of whoever is covered no more it is called back; the rest stays."""
        refer(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None))
        call_back(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None))

    @reaction(OWN, "class_ended", reads=UnitDetermined)
    def on_referral_over(self, notice: Notice[UnitDetermined]) -> None:
        """The departments are told: what they have not begun is taken back."""
        call_back(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None), over=True)

    # -- a need that arises while the class runs

    @reaction(OWN, "household_changed", reads=HouseholdFacts)
    def on_referral_joined(self, notice: Notice[HouseholdFacts]) -> None:
        """Who was born into a determined household, or moved in, comes into the register with it; others go to school, or lose a home."""
        refer(self.office, notice.facts.household_id, notice.facts.effective_month, notice.order(None))

    @reaction(OWN, "income_recorded", reads=HouseholdFacts)
    def on_referral_income(self, notice: Notice[HouseholdFacts]) -> None:
        """Who has lost his work needs some."""
        refer(self.office, notice.facts.household_id, notice.facts.effective_month, notice.order(None))

    @reaction(OWN, "house_appraised", reads=HouseholdFacts)
    def on_referral_house(self, notice: Notice[HouseholdFacts]) -> None:
        """Who lives in a dangerous house needs another, or its repair."""
        refer(self.office, notice.facts.household_id, notice.facts.effective_month, notice.order(None))

    @reaction(OWN, "person_facts_changed", reads=PersonFacts)
    def on_referral_person(self, notice: Notice[PersonFacts]) -> None:
        """A certificate, a finding, a registration: whatever of them a need is read from."""
        f = notice.facts
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        refer(self.office, place.home_in(f.effective_month) or f.person_id, f.effective_month, notice.order(None))

    @deadline(NEED_ARISES)
    def on_need_arises(self, due: Due) -> None:
        """到学龄、劳动年龄: nothing happened but that time went by."""
        refer(self.office, due.aggregate_id, dates.month_of(due.now.date()), due.order(None))

    # -- the list goes to the department

    @cached_property
    def delivery(self) -> referral_delivery.Delivery:
        """The way out, by this house's directories or bus."""
        settings = self.office.settings

        def adapter(source: Source, system: System) -> Adapter:
            if system.adapter == "amqp":
                return QueueAdapter(settings, source, system.name)
            return FileAdapter(settings.var / "exchange" / self.name / "referrals", source, system.name, referral_delivery.PERSON_NO)

        return referral_delivery.Delivery(self.office, adapter)

    @deadline(DELIVERY)
    def on_referral_delivery(self, due: Due) -> None:
        """A referral went out, or is over: its list is brought to the department, or taken away again."""
        self.delivery.see_to(due.aggregate_id, due.order(None))

    @command(WayForm, permission="assistance:confirm")
    def switch_referral_way(self, order: Order[WayForm]) -> Any:
        """切换某部门接收转介的接口方式（文件或消息总线）；已送出的仍可按原方式答复。"""
        c = order.command
        if c.department not in referral_delivery.DEPARTMENTS:
            raise Refused("not_found", "没有此接收部门。", "department")
        within(order.hand, self._district)
        source = referral_delivery.source_of(c.department)
        switch = verification_sources.SwitchSource(source, self._district, c.department, c.adapter, order.hand.actor)
        return self.office.handle(SOURCES, source, order.by(referral_delivery.HAND).to(switch))

    # -- what the departments answer, by file or by message

    @command(DepartmentForm, permission="assistance:accept")
    def take_in_referral_answers(self, order: Order[DepartmentForm]) -> Any:
        """收取某部门的转介答复文件，逐行报告未能采用的行号和原因（系统也会定时收取）。"""
        if order.command.department not in referral_delivery.DEPARTMENTS:
            raise Refused("not_found", "没有此接收部门。", "department")
        within(order.hand, self._district)
        return {"files": self._pick_up(order.command.department, order)}

    @deadline(PICKUP)
    def on_referral_pickup(self, due: Due) -> None:
        """Look whether a department has delivered."""
        if due.aggregate_id in referral_delivery.DEPARTMENTS:
            self._pick_up(due.aggregate_id, due.order(None))

    @property
    def _district(self) -> str:
        return load_profile(self.office.settings.profile).division_code

    def _pick_up(self, department: str, order: Order[Any]) -> list[dict[str, Any]]:
        """Every file whole; a line that cannot be taken is told with its number, and the rest is taken."""
        found = []
        for path in referral_answers.files(referral_answers.folder(self.office.settings.var / "exchange" / self.name, department)):
            try:
                digest, lines = referral_answers.read(path)
            except FileNotFoundError:  # another worker has taken it
                continue
            taken, repeated, broken = 0, 0, []
            for line in lines:
                try:
                    if line.answer is None:
                        raise invalid(line.reason, "line")
                    told = replace(order.by(Hand.service(self.name)), command_id=derived_id(digest, str(line.line)), asked=line.answer)
                    if referral_answers.take(self.office, self.delivery, department, line.answer, told):
                        taken += 1
                    else:
                        repeated += 1
                except Refused as refused:
                    broken.append(verification_sources.BrokenLine(line.line, refused.message))
            source = referral_delivery.source_of(department)
            note = verification_sources.NoteSourceAnswers(
                source, self._district, digest, taken, repeated, different=0, unknown=0, unauthorised=0, broken=tuple(broken)
            )
            self.office.handle(SOURCES, source, order.by(Hand.service(self.name)).to(note, f"delivery {department} {digest}"))
            path.unlink(missing_ok=True)
            found.append({"taken": taken, "repeated": repeated, "broken": [{"line": b.line, "reason": b.reason} for b in broken]})
        return found

    @reaction("medicare", "referral_answered", reads=ReferralAnswered)
    def on_medicare_answered(self, notice: Notice[ReferralAnswered]) -> None:
        """医保局 answers a referral over the bus; what is no answer to anything is a matter for a person (dead letter)."""
        self._answered_by("medicare", notice)

    @reaction("education", "referral_answered", reads=ReferralAnswered)
    def on_education_answered(self, notice: Notice[ReferralAnswered]) -> None:
        """教育局 answers."""
        self._answered_by("education", notice)

    @reaction("housing", "referral_answered", reads=ReferralAnswered)
    def on_housing_answered(self, notice: Notice[ReferralAnswered]) -> None:
        """住建局 answers."""
        self._answered_by("housing", notice)

    @reaction("hrss", "referral_answered", reads=ReferralAnswered)
    def on_employment_answered(self, notice: Notice[ReferralAnswered]) -> None:
        """人社局 answers."""
        self._answered_by("hrss", notice)

    def _answered_by(self, department: str, notice: Notice[ReferralAnswered]) -> None:
        f = notice.facts
        answer = referral_answers.Answer(f.number, f.dossier_hash, f.outcome, f.result, f.person_no)
        referral_answers.take(self.office, self.delivery, department, answer, notice.order(None))

    # -- 危房

    @command(HouseForm, permission="assistance:survey")
    def appraise_house(self, order: Order[HouseForm]) -> Any:
        """登记房屋安全鉴定等级（C、D级为危房）；在册的随即转介住房救助。"""
        c = order.command
        found = housing.AppraiseHouse(c.household_id, c.grade, c.found_on, c.evidence, order.hand.actor)
        return self.office.handle(household.DECIDER, c.household_id, order.to(found))

    @reaction("housing", "house_appraised", reads=AppraisedElsewhere)
    def on_house_appraised(self, notice: Notice[AppraisedElsewhere]) -> None:
        """住建部门 appraised a house. Of whoever is in no household of ours nothing rests on it: a matter for a person (dead letter)."""
        f = notice.facts
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        home = place.home_in(dates.month_of(f.found_on)) or place.household_id
        if not home:
            raise Refused("unknown_person", "该人员不在任何已登记家庭中。", "person_id")
        found = housing.AppraiseHouse(home, f.grade, f.found_on, f.report_no, "housing")
        self.office.handle(household.DECIDER, home, notice.order(found))

    def covered_otherwise(self, programme: str, subject_id: str, month: str, notice: Notice[Any]) -> None:
        """A case began or ended in a unit whose class is another case's, so that no class changed: others may be covered all the same."""
        if programme not in determination.CLASSES:
            return
        case_id = benefit_case.case_id(programme, subject_id)
        places = placement.Placement()
        if PROGRAMMES[programme].subject == "person":
            places = self.office.load(placement.DECIDER, subject_id).state
        for unit_id in places.households or (subject_id,):
            unit: determination.Unit = self.office.load(determination.DECIDER, unit_id).state
            if unit.current is None or not unit.current.hardship_class or unit.current.case_id == case_id:
                continue  # of that the class itself speaks
            if self.office.load(CASES, case_id).state.running:
                refer(self.office, unit_id, month, notice.order(None))
            else:
                call_back(self.office, unit_id, month, notice.order(None))
