"""Assistance's doors (社会救助服务): RPC methods, reactions, deadlines. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from services.assistance import after_death, household, person, placement, temporary_deceased
from services.assistance.benefits import CALENDARS, DISCLOSURES, AssistanceBenefits, business, cases_of_person, rules_now, whom
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.declarations.lists import NEAR_RELATIVE_FILING, NEAR_RELATIVES
from services.assistance.doors.aid_overlap import OverlapDoors
from services.assistance.doors.answers import HouseholdThen
from services.assistance.doors.beforehand import BEFORE
from services.assistance.doors.care import CareDoors
from services.assistance.doors.changes import ChangeDoors, MemberForm
from services.assistance.doors.erasure import OpenMatters
from services.assistance.doors.error_ledger import ErrorLedgerDoors
from services.assistance.doors.means_test import MeansTestDoors
from services.assistance.doors.move import MoveDoors
from services.assistance.doors.national_register import NationalRegisterDoors
from services.assistance.doors.one_thing import OneThingDoors
from services.assistance.doors.payees import PayeeDoors
from services.assistance.doors.price_linkage import PriceLinkageDoors
from services.assistance.doors.reported import ReportedDoors
from services.assistance.doors.standards import StandardsDoors
from services.assistance.doors.waiting_pages import WaitingPageDoors
from services.assistance.doors.windows import WindowDoors
from services.assistance.programmes import APPLIED_FOR_ANYWHERE, MINIMUM_LIVING_ALLOWANCE, PROGRAMMES
from services.assistance.read_model import BENEFITS, DISCLOSED, MODEL, RECORDS, TABLES, households
from services.assistance.rows.standards import households_on
from shared.casework import benefit_case, list_entry
from shared.casework.benefits import Confirmation
from shared.casework.disclosure import Who
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.money import yuan
from shared.eventlog.benefit_rows import CALENDAR_TURNED, listed
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.messaging.answering import answers, kept, rows
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import Due, command, deadline, query, reaction
from shared.messaging.shape_doors import with_shapes
from shared.messaging.showing import area, caught_up, plain, shown
from shared.rules.facts import AREAS
from shared.security.permissions import within

# -- What comes in


@dataclass(frozen=True)
class HouseholdForm:
    """家庭登记表. ``household_no`` is the bureau's own number of the household (户号); the first member is the head (户主)."""

    household_no: str
    division: str
    area: str = field(metadata={"codes": AREAS})
    members: tuple[MemberForm, ...]
    savings_fen: int = 0
    securities_fen: int = 0
    vehicles: int = 0
    homes: int = 1
    source: str = field(default="staff")


@dataclass(frozen=True)
class ApplicationForm:
    """申请: which household, or which person, asks for which programme; ``payee_id``: a guardian who is paid for the person.

    ``applies_alone``: the member of a margin household who applies for 低保 alone (单人保); "" = the household as a whole.
    ``near_relative``: whose near relative (近亲属) the applicant declares to be; such a case is filed separately before it is confirmed.
    """

    programme: str
    household_id: str = ""
    person_id: str = ""
    payee_id: str = ""
    applies_alone: str = ""
    near_relative: str = field(default="", metadata={"codes": NEAR_RELATIVES})


@dataclass(frozen=True)
class IncomeForm:
    """A clerk's record of a changed income (收入变动)."""

    household_id: str
    person_id: str
    monthly_income_fen: int
    effective_from: date
    reason: str = field(default="other", metadata={"codes": household.INCOME_REASONS})


@dataclass(frozen=True)
class IncomeChanged:
    """收入变化通知: 人社局's ``hrss.income_changed``: the fields we read of it."""

    person_id: str
    monthly_income_fen: int
    effective_from: date
    reason: str = "other"


@dataclass(frozen=True)
class FactsChanged:
    """Our own ``assistance.income_recorded`` and ``assistance.member_died``."""

    household_id: str
    effective_month: str
    cause: str


@dataclass(frozen=True)
class Granted:
    """Our own ``assistance.case_granted``."""

    programme: str
    subject_id: str
    first_month: str


@dataclass(frozen=True)
class AfterDeathOpened:
    """``registry.after_death_opened``: what we read of it."""

    person_id: str
    died_on: date
    division: str
    round: int
    steps: tuple[str, ...]


@dataclass(frozen=True)
class DeathAnnulled:
    """``registry.after_death_annulled``: what we read of it."""

    person_id: str
    division: str
    round: int
    steps: tuple[str, ...]


# Tables whose open rows wait in worklists too.
_MEANS = TABLES["means_test"]
CHECKS = (_MEANS.verifications, _MEANS.objects, _MEANS.campaigns, _MEANS.cut_overs)
PAPERS = (TABLES["temporary"].matters, TABLES["price_linkage"].linkages, TABLES["standards"].publications, TABLES["meetings"].meetings)
FINDINGS = (TABLES["error_ledger"].findings, TABLES["aid_overlap"].overlaps, TABLES["heads"].wanted)
OTHER_LISTS = (*PAPERS, *FINDINGS, DISCLOSED.objections, *CHECKS)


@with_shapes(
    DECLARATIONS, MODEL, RECORDS, DECIDERS, more_lists=(BENEFITS.cases, *BENEFITS.pay.worklists, *OTHER_LISTS),
    before=BEFORE,
)  # fmt: skip
class Assistance(
    MeansTestDoors,
    StandardsDoors,
    WaitingPageDoors,
    CareDoors,
    OneThingDoors,
    WindowDoors,
    ChangeDoors,
    MoveDoors,
    PayeeDoors,
    ReportedDoors,
    OverlapDoors,
    NationalRegisterDoors,
    PriceLinkageDoors,
    ErrorLedgerDoors,
    OpenMatters,
    BenefitService,
):
    """社会救助: households, their benefit cases, payments and claims."""

    name = "assistance"
    model, tables = MODEL, BENEFITS
    disclosures, disclosed, calendars = DISCLOSURES, DISCLOSED, CALENDARS

    def whom(self, case: benefit_case.Case, today: date) -> Who | None:
        """The head of the household, or the person."""
        return whom(self.office, case, today)

    @cached_property
    def benefits(self) -> AssistanceBenefits:
        return business(self.office, self.office.settings.profile)

    def files_of(self, person_id: str) -> tuple[tuple[str, str], ...]:
        """The household that counts the person, or the person's own facts; what was asked for in an emergency."""
        home = self.office.load(placement.DECIDER, person_id).state.household_id
        households = (("household", home), ("temporary", home), ("determination", home)) if home else ()
        return (*households, ("person_facts", person_id), ("temporary", person_id), ("determination", person_id))

    # -- households

    @command(HouseholdForm, permission="assistance:register")
    def register_household(self, order: Order[HouseholdForm]) -> Any:
        """家庭登记（批量导入亦由此进入）；同一内容再次提交不产生变化。"""
        form = order.command
        division = divisions.check(form.division)
        within(order.hand, division)
        members = tuple(self.member(m, f"members.{n}") for n, m in enumerate(form.members))
        household_id = self.office.pseudonym("household", f"{division[:6]}:{form.household_no.strip()}")
        head = members[0].person_id if members else ""
        register = household.RegisterHousehold(
            household_id, division, form.area, head, members, form.savings_fen, form.securities_fen, form.vehicles, form.homes, form.source
        )
        # The claims on the persons go first; whether the household itself is right is known before any of them is made.
        self.office.rehearse(household.DECIDER, household_id, order.to(register))
        self.office.vault.prepare(m.person_id for m in members)
        anywhere = order.by(replace(order.hand, division=""))  # who moved out of another town's household is still its town's
        for m in members:
            if household_id in self.office.load(placement.DECIDER, m.person_id).state.households:
                continue  # the same register once more
            known = self.office.load(person.DECIDER, m.person_id).state.division
            place = placement.PlacePerson(m.person_id, household_id, division, known_in=known)
            self.office.handle(placement.DECIDER, m.person_id, anywhere.to(place, f"place {m.person_id}"))
        answer = self.office.handle(household.DECIDER, household_id, order.to(register))
        for m in members:  # what came before the household; one that comes meanwhile finds it there
            self.carry_over(m.person_id, household_id, order)
        return answer

    @query(permission="assistance:read")
    @answers(kept(household.Household, valid=HouseholdThen))
    def get_household(self, hand: Hand, household_id: str, as_of: datetime | None = None, valid_at: date | None = None) -> Any:
        """家庭及成员；valid_at：某日当月的成员及其收入、证件，和家庭财产；as_of：当时所知。"""
        found = shown(self.office, household.DECIDER, household_id, hand, as_of)
        if valid_at is not None:
            state: household.Household = self.office.load(household.DECIDER, household_id, as_of).state
            month = dates.month_of(valid_at)
            then = household.facts_in(state, month, 0, None)
            owned = {name: getattr(then, name) for name in household.HOLDINGS}
            found["valid"] = {"month": month, "members": plain(then.members), "property": owned}
        return found

    @query(permission="assistance:read")
    @answers(rows(households))
    def list_households(
        self,
        hand: Hand,
        division: str | None = None,
        valid_at: date | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区家庭列表；division：其中某乡镇（街道）、村（社区）的；valid_at：某日当月尚有成员的家庭及其当月人数。"""
        caught_up(self.office, MODEL, position)
        where = area(hand, division)
        if valid_at is not None:
            states, places = TABLES["standards"].households, TABLES["moves"].places
            return households_on(self.office.read, households, states, places, where, valid_at, limit, after)
        return listed(self.office.read, households, where, {}, limit, after)

    @command(Confirmation, permission="confirm", does=benefit_case.ConfirmCase)
    def confirm(self, order: Order[Confirmation]) -> Any:
        """确认：公示期满后，对所审核的内容（摘要一致）予以确认（与经办、审核不得为同一人）；近亲属须先备案。"""
        state: benefit_case.Case = self.benefits.case(order.command.case_id)
        if state.near_relative and not self._filed(state):
            name = NEAR_RELATIVE_FILING.name
            raise Refused("out_of_order", f"申请人声明为经办人员或村（居）委会成员的近亲属，须先办理“{name}”。", "case_id")
        return super().confirm(order)

    def _filed(self, state: benefit_case.Case) -> bool:
        """Whether the applicant, or somebody of his household, stands on the list of near relatives (近亲属备案)."""
        home: household.Household = self.office.load(household.DECIDER, state.subject_id).state
        for person_id in dict.fromkeys((state.subject_id, state.payee_id, *home.members)):
            entry_id = derived_id(NEAR_RELATIVE_FILING.code, "", person_id)
            if self.office.load(DECIDERS[list_entry.NAME], entry_id).state.status in ("enlisted", "repair"):
                return True
        return False

    @command(IncomeForm, permission="assistance:survey")
    def record_income(self, order: Order[IncomeForm]) -> Any:
        """登记成员收入变动；随后自动复核。"""
        c = order.command
        record = household.RecordIncome(c.household_id, c.person_id, c.monthly_income_fen, c.effective_from, c.reason, order.hand.actor)
        return self.office.handle(household.DECIDER, c.household_id, order.to(record))

    @reaction("hrss", "income_changed", reads=IncomeChanged)
    def on_income_changed(self, notice: Notice[IncomeChanged]) -> None:
        """人社局 says that a resident's income changed. A resident we do not have is a matter for a person (dead letter)."""
        f = notice.facts
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        own: person.Person = self.office.load(person.DECIDER, f.person_id).state
        # Of the household that counts him from when the income counts; who moved out is known there until he is registered elsewhere.
        home = place.home_in(dates.add_months(dates.month_of(f.effective_from), 1)) or ("" if own.registered else place.household_id)
        if not home:
            if own.registered is None:
                raise Refused("unknown_person", "该人员不在任何已登记家庭中。", "person_id")
            alone = person.RecordPersonIncome(f.person_id, own.division, f.monthly_income_fen, f.effective_from, "hrss")
            self.office.handle(person.DECIDER, f.person_id, notice.order(alone))
            return
        record = household.RecordIncome(home, f.person_id, f.monthly_income_fen, f.effective_from, f.reason, "hrss")
        self.office.handle(household.DECIDER, home, notice.order(record))

    @reaction("assistance", "income_recorded", reads=FactsChanged)
    def on_income_recorded(self, notice: Notice[FactsChanged]) -> None:
        """A fact of a household changed: every case that rests on it is decided again."""
        self._household_changed(notice)

    @reaction("assistance", "member_died", reads=FactsChanged)
    def on_member_died(self, notice: Notice[FactsChanged]) -> None:
        """The household lost a member: every case that rests on it is decided again."""
        self._household_changed(notice)

    @reaction("assistance", "member_death_annulled", reads=FactsChanged)
    def on_member_death_annulled(self, notice: Notice[FactsChanged]) -> None:
        """A member lives after all: every case that rests on the household is decided again."""
        self._household_changed(notice)

    def _household_changed(self, notice: Notice[FactsChanged]) -> None:
        f = notice.facts
        if f.cause == "death":
            self.restore_household(f.household_id, notice)
        self.reassess_household(f.household_id, f.effective_month, notice)
        self.monitoring.household_changed(f.household_id, f.effective_month, f.cause, notice.order(None))

    # -- how somebody applies; the steps behind it are the same for every service (shared/messaging/benefit_doors.py)

    @command(ApplicationForm, permission="assistance:accept")
    def apply(self, order: Order[ApplicationForm]) -> Any:
        """申请。"""
        c = order.command
        programme = self.benefits.programme(c.programme)
        subject_id, payee_id, division = self.applicant(programme, c.household_id, c.person_id, c.payee_id)
        if c.near_relative not in NEAR_RELATIVES:
            raise invalid("近亲属关系不在允许的取值范围内。", "near_relative")
        if c.applies_alone and programme.code != household.ALONE_IN:
            raise invalid("只有最低生活保障可以单独提出申请。", "applies_alone")
        if programme.code in APPLIED_FOR_ANYWHERE:
            order = order.by(replace(order.hand, division=""))  # taken in at any window; from then on it is the home town's
        if c.applies_alone:  # that he is a member is known before the application is in
            note = household.NoteApplicant(subject_id, c.applies_alone, dates.month_of(order.today))
            self.office.rehearse(household.DECIDER, subject_id, order.to(note))
        return self.benefits.file(programme.code, subject_id, payee_id, division, order, c.near_relative, c.applies_alone)

    @reaction("assistance", "case_granted", reads=Granted)
    def on_case_granted(self, notice: Notice[Granted]) -> None:
        """A fact that counts only from a later month may have come in during the publicity: look at what is known now."""
        f = notice.facts
        programme = PROGRAMMES.get(f.programme)
        if programme is None or programme.payment == "once":
            return
        case_id = benefit_case.case_id(f.programme, f.subject_id)
        self.benefits.reassess(case_id, f.first_month, f"{notice.type} {notice.event_id}", notice.order(None))

    @deadline("gradual_exit_over")
    def on_gradual_exit_over(self, due: Due) -> None:
        """渐退期满: the rules are asked about the first month after it."""
        self.benefits.reassess(due.aggregate_id, due.data["month"], f"clock:{due.due_at}", due.order(None))

    @deadline(CALENDAR_TURNED)
    def on_calendar_turned(self, due: Due) -> None:
        """到龄、账单满一年: nothing happened but that time went by; the rules are asked about the months from then on."""
        self.benefits.reassess(due.aggregate_id, due.data["month"], f"clock:{due.due_at}", due.order(None))

    # -- after a death

    @reaction("registry", "after_death_opened", reads=AfterDeathOpened)
    def on_after_death_opened(self, notice: Notice[AfterDeathOpened]) -> None:
        """Our step of the one-stop process: the household loses a member and is reassessed; then we answer."""
        f = notice.facts
        if "household" not in f.steps or after_death.asked_later(self.office.load(after_death.DECIDER, f.person_id).state, f.round):
            return
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        outcome, note, amount, division = "skipped", "该人员不在救助家庭登记中", 0, f.division
        rules = rules_now(self.office, self.office.settings.profile)
        month, cases = rules.stop_month(MINIMUM_LIVING_ALLOWANCE.code, f.died_on), list[str]()
        for home in place.households:  # also one that he left meanwhile: it may have counted him after his death
            step = "death" if home == place.household_id else f"death {home}"
            died = household.RecordDeath(home, f.person_id, f.died_on, month)
            self.office.handle(household.DECIDER, home, notice.order(died, step))
        own = self.end_cases_of(f.person_id, f.division, f.died_on, rules.stop_month, notice)
        self._payees_again(f.person_id, place, notice)
        if place.household_id:
            for home in place.households:
                cases += self.reassess_household(home, month, notice)
            others = [c for c in dict.fromkeys(cases) if c not in cases_of_person(f.person_id)]  # his own are told of one by one
            amount = sum(self.benefits.claimed_in(c, notice.correlation_id or notice.event_id) for c in others)
            outcome, division = "done", place.division
            note = f"家庭自{month}起减少成员并已复核" + (f"，多发{yuan(amount)}转入追回" if amount else "，无多发")
        if own:
            told = [f"{name}自{month}起停发" + (f"，多发{yuan(fen)}转入追回" if fen else "") for name, month, fen in own]
            note = "；".join([*([note] if place.household_id else []), *told])
            amount, outcome = amount + sum(fen for *_, fen in own), "done"
        answer = after_death.AnswerAfterDeath(f.person_id, division, f.round, "household", outcome, note, amount)
        self.office.handle(after_death.DECIDER, f.person_id, notice.order(answer, "answer"))

    @reaction("registry", "after_death_annulled", reads=DeathAnnulled)
    def on_after_death_annulled(self, notice: Notice[DeathAnnulled]) -> None:
        """The death was none: his own cases and his households' are as if nobody had said anything; then we answer."""
        f = notice.facts
        if "household" not in f.steps:
            return
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        for home in place.households:  # first: his own cases ask whether it counts him; what follows of it is its own notice's
            annul = household.AnnulMemberDeath(home, f.person_id)
            self.office.handle(household.DECIDER, home, notice.order(annul, f"annulled {home}"))
        told = [f"{name}已恢复发放" for name in self.restore_cases_of(f.person_id, notice)]
        self._payees_again(f.person_id, place, notice)
        if place.households:
            told.append("家庭恢复成员并复核")
        note = "；".join([*told, "照护和探访照旧；因死亡终止的评估、托养和未入住的供养意愿须人工恢复"]) if told else "该人员不在救助登记中"
        answer = after_death.AnswerAfterDeath(
            f.person_id, place.division or f.division, f.round, "household", "done" if told else "skipped", note
        )
        self.office.handle(after_death.DECIDER, f.person_id, notice.order(answer, "answer"))

    def _payees_again(self, person_id: str, place: placement.Placement, notice: Notice[Any]) -> None:
        """What was released of temporary assistance, to him or his households, and has not been paid."""
        for subject_id in (*place.households, person_id):
            temporary_deceased.payees_again(self.office, self.benefits, subject_id, notice.order(None))


SERVICE = Assistance
