"""Person doors (人员): registering persons, certificates, findings, other benefits, spending; their cases follow by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from services.assistance import household, person, placement, standing
from services.assistance.benefits import (
    EXTREME_HARDSHIP,
    cases_of_household,
    cases_of_person,
    certificates_behind,
    end_excluded,
    note_certificates,
    note_support,
)
from services.assistance.doors.price_linkage import price_again
from services.assistance.monitoring import SUBSIDIES, Monitoring
from services.assistance.move import DISTRICT_DIGITS
from services.assistance.programmes import PROGRAMMES
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.person import EXPIRED, WATCHED, persons_on
from services.assistance.rules.disability_subsidies import CARE_REASONS, Reason
from shared.casework import benefit_case
from shared.casework.programme import Programme
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.answering import answers, kept, rows
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.showing import area, caught_up, plain, shown
from shared.rules.facts import AREAS, DISABILITY_KINDS, SELF_CARE_ACTS, URBAN
from shared.security.permissions import within


@dataclass(frozen=True)
class PersonForm:
    """人员登记表: somebody whom no household of the register counts. Money is fen a month; ``payee_id`` a guardian who is paid."""

    resident_id: str
    name: str
    division: str
    area: str = field(default=URBAN, metadata={"codes": AREAS})
    monthly_income_fen: int = 0
    savings_fen: int = 0
    payee_id: str = ""


@dataclass(frozen=True)
class PersonChangeForm:
    """人员情况变更登记 of somebody whom no household counts; what is left out stays as it was. ``evidence``: the papers."""

    person_id: str
    from_month: str
    evidence: str
    division: str | None = None
    area: str | None = field(default=None, metadata={"codes": AREAS})
    savings_fen: int | None = None
    payee_id: str | None = None
    gravely_ill: bool | None = None
    student: bool | None = None
    counted: bool | None = None


@dataclass(frozen=True)
class PersonIncomeForm:
    """收入变动 of somebody whom no household counts; fen a month, from the month after ``effective_from``."""

    person_id: str
    monthly_income_fen: int
    effective_from: date


@dataclass(frozen=True)
class CertificateForm:
    """残疾人证: grade 1 to 4 and kind; grade 0: cancelled."""

    person_id: str
    grade: int
    effective_from: date
    kind: str = field(default="", metadata={"codes": DISABILITY_KINDS})
    valid_until: date | None = None


@dataclass(frozen=True)
class FindingForm:
    """调查认定: what was found of the person; what is left out stays as it was."""

    person_id: str
    found_on: date
    lost_acts: tuple[str, ...] | None = field(default=None, metadata={"codes": SELF_CARE_ACTS})
    able_supporter: bool | None = None
    able_to_work: bool | None = None
    long_term_care: bool | None = None
    savings_fen: int | None = None
    placement: str = field(default="", metadata={"codes": person.PLACEMENTS})


@dataclass(frozen=True)
class ElsewhereForm:
    """他项待遇: a benefit that another agency pays, drawn (or no longer drawn) from ``month`` on."""

    person_id: str
    code: str
    month: str
    drawn: bool = True


@dataclass(frozen=True)
class SpendingForm:
    """刚性支出: ``spending_id`` is the bill's own number; fen that the person bore himself."""

    person_id: str
    spending_id: str
    kind: str = field(metadata={"codes": person.SPENDING_KINDS})
    spent_on: date
    self_borne_fen: int


@dataclass(frozen=True)
class ChoiceForm:
    """择高选择: which of two benefits the person keeps, and from which month the other is given up."""

    person_id: str
    kept: str
    given_up: str
    effective_month: str


@dataclass(frozen=True)
class CertificateChanged:
    """残疾人证变更: 残联's ``dpf.certificate_changed``: the fields we read of it."""

    person_id: str
    grade: int
    effective_from: date
    kind: str = ""
    valid_until: date | None = None
    division: str = ""


@dataclass(frozen=True)
class ElderGranted:
    """``eldercare.case_granted``: the fields we read of it."""

    programme: str
    subject_id: str
    first_month: str


@dataclass(frozen=True)
class ElderEnded:
    """``eldercare.case_ended``: the fields we read of it."""

    programme: str
    subject_id: str
    first_unpaid_month: str


@dataclass(frozen=True)
class ElderRestored:
    """``eldercare.case_restored``: the fields we read of it."""

    programme: str
    subject_id: str
    from_month: str


@dataclass(frozen=True)
class ElderTurn:
    """From this month on it is due, or not, to before the next turn."""

    month: str
    due: bool


@dataclass(frozen=True)
class ElderEarlier:
    """``eldercare.earlier_round_reassessed``: the fields we read of it."""

    programme: str
    subject_id: str
    before: str
    turns: tuple[ElderTurn, ...]


@dataclass(frozen=True)
class ElderReassessed:
    """``eldercare.case_reassessed``: the fields we read of it."""

    programme: str
    subject_id: str
    outcome: str
    effective_month: str


@dataclass(frozen=True)
class PersonChanged:
    """Our own ``assistance.person_facts_changed``."""

    person_id: str
    effective_month: str
    cause: str


@dataclass(frozen=True)
class CaseGranted:
    """Our own ``assistance.case_granted``."""

    programme: str
    subject_id: str
    first_month: str


@dataclass(frozen=True)
class CaseEnded:
    """Our own ``assistance.case_ended``."""

    programme: str
    subject_id: str
    first_unpaid_month: str


ANNULLED = "死亡登记撤销或更正，恢复发放"
CERTIFIED_AGAIN = "残疾人证已接续，自停发月份起恢复发放"
RAN_OUT = CARE_REASONS[Reason.certificate_expired]  # of both subsidies


def _resting_on(person_id: str, household_id: str, whole: bool) -> list[str]:
    """The cases a person's fact may change; ``whole``: also those of his household that look at the household alone."""
    own = cases_of_person(person_id, household_id)
    return list(dict.fromkeys([*own, *cases_of_household(household_id)])) if whole and household_id else own


class PersonDoors(BenefitService):
    """人员."""

    @command(PersonForm, permission="assistance:register")
    def register_person(self, order: Order[PersonForm]) -> Any:
        """人员登记（不在家庭登记中的人员）。"""
        form = order.command
        number = resident_ids.check(form.resident_id, "resident_id")
        person_id = self.office.person_id(number)
        division = divisions.check(form.division)
        within(order.hand, division)
        if self._placement_of(person_id).home_in(dates.month_of(order.today)):
            raise Refused("already_exists", "该人员已登记在家庭中，无需另行登记。", "resident_id")
        register = person.RegisterPerson(
            person_id, resident_ids.born_on(number), division, form.area, form.monthly_income_fen, form.savings_fen, form.payee_id,
            form.name, number,
        )  # fmt: skip
        if form.payee_id:
            standing.alive(self.office, form.payee_id, "payee_id")
        self.office.vault.prepare((person_id,))
        return self.office.handle(person.DECIDER, person_id, order.to(register))

    @command(PersonChangeForm, permission="assistance:survey")
    def change_person(self, order: Order[PersonChangeForm]) -> Any:
        """人员情况变更登记（不在家庭登记中的人员）：户籍、存款、领款人等，自所填月份起计；随后自动复核。户籍迁移由现属地或迁入地登记，本人事项自该月起随迁。"""
        c = order.command
        change = order.to(person.ChangePerson(**vars(c)))
        if c.division:
            change = self._moving(order, change)
        if c.payee_id and c.payee_id != c.person_id:
            self.office.rehearse(person.DECIDER, c.person_id, change)  # its own answer comes first
            standing.alive(self.office, c.payee_id, "payee_id")
        return self.office.handle(person.DECIDER, c.person_id, change)

    def _moving(self, order: Order[PersonChangeForm], change: Order[person.ChangePerson]) -> Order[person.ChangePerson]:
        """户籍迁移: by the town whose he is, or by the one of this district that takes him in on his papers, which tells nothing else
        of him yet. Whom a household counts in that month moves with it, or out of it."""
        c = order.command
        own: person.Person = self.office.load(person.DECIDER, c.person_id).state
        to = divisions.check(c.division or "")
        if own.registered is not None and not divisions.covers(order.hand.division, own.division):
            more = any(v is not None for v in (c.savings_fen, c.payee_id, c.gravely_ill, c.student, c.counted))
            within(order.hand, own.division if more or to[:DISTRICT_DIGITS] != own.division[:DISTRICT_DIGITS] else to)
            change = change.by(replace(order.hand, division=""))
        self.office.rehearse(person.DECIDER, c.person_id, change)  # its own answer comes first
        if self._placement_of(c.person_id).home_in(c.from_month):
            raise Refused("out_of_order", "该人员当月登记在家庭中，请在其家庭办理迁出或家庭迁移。", "division")
        return change

    @command(PersonIncomeForm, permission="assistance:survey")
    def record_person_income(self, order: Order[PersonIncomeForm]) -> Any:
        """登记不在家庭登记中的人员的收入变动；随后自动复核。"""
        c = order.command
        record = person.RecordPersonIncome(c.person_id, self._where_registered(c.person_id), c.monthly_income_fen, c.effective_from)
        return self.office.handle(person.DECIDER, c.person_id, order.to(record))

    @command(CertificateForm, permission="assistance:survey")
    def record_certificate(self, order: Order[CertificateForm]) -> Any:
        """登记残疾人证的核发、变更或注销；两项补贴和所在家庭的低保随后自动复核。"""
        c = order.command
        record = person.RecordCertificate(
            c.person_id, self._where_registered(c.person_id), c.grade, c.kind, c.effective_from, c.valid_until
        )
        return self.office.handle(person.DECIDER, c.person_id, order.to(record))

    @command(FindingForm, permission="assistance:survey")
    def record_finding(self, order: Order[FindingForm]) -> Any:
        """登记自理能力、赡养扶养能力、劳动能力、照护需求、供养意愿的认定。"""
        c = order.command
        record = person.RecordFinding(
            c.person_id, self._where_registered(c.person_id), c.found_on, c.lost_acts, c.able_supporter, c.able_to_work, c.long_term_care,
            c.savings_fen, c.placement,
        )  # fmt: skip
        return self.office.handle(person.DECIDER, c.person_id, order.to(record))

    @command(ElsewhereForm, permission="assistance:survey")
    def record_benefit_elsewhere(self, order: Order[ElsewhereForm]) -> Any:
        """登记在其他部门领取的待遇。"""
        c = order.command
        record = person.RecordBenefitElsewhere(c.person_id, self._where_registered(c.person_id), c.code, c.month, c.drawn, "declared")
        return self.office.handle(person.DECIDER, c.person_id, order.to(record))

    @command(SpendingForm, permission="assistance:survey")
    def record_spending(self, order: Order[SpendingForm]) -> Any:
        """登记（或更正）刚性支出的自负部分。"""
        c = order.command
        record = person.RecordSpending(
            c.person_id, self._where_registered(c.person_id), c.spending_id, c.kind, c.spent_on, c.self_borne_fen
        )
        return self.office.handle(person.DECIDER, c.person_id, order.to(record))

    @command(ChoiceForm, permission="assistance:survey")
    def choose_benefit(self, order: Order[ChoiceForm]) -> Any:
        """择高选择：保留一项，自某月起放弃另一项；两项决定互相引用。"""
        c = order.command
        dates.check_month(c.effective_month, "effective_month")
        where = self._where_registered(c.person_id)
        within(order.hand, where)
        state: person.Person = self.office.load(person.DECIDER, c.person_id).state
        kept_case, kept = self._own_amount(c.kept, c.person_id, c.effective_month)
        lost_case, lost = self._own_amount(c.given_up, c.person_id, c.effective_month)
        drawn = c.given_up in person.facts_in(state, c.effective_month).other_benefits
        if not lost and not drawn and not person.gave_up(state, c.given_up, c.effective_month):
            raise Refused("not_found", "该人员在该月并未领取此项待遇。", "given_up")
        choose = person.ChooseBenefit(c.person_id, where, c.kept, c.given_up, c.effective_month, kept_case, lost_case, kept, lost)
        return self.office.handle(person.DECIDER, c.person_id, order.to(choose))

    def _own_amount(self, programme: str, person_id: str, month: str) -> tuple[str, int]:
        """A person's own case of a programme with its amount in a month; nothing when the programme is another service's."""
        if programme not in PROGRAMMES:
            return "", 0
        case_id = benefit_case.case_id(programme, person_id)
        return case_id, self.office.load(self.benefits.cases, case_id).state.due(month)

    @query(permission="assistance:read")
    @answers(kept(person.Person, valid=person.Situation))
    def get_person(self, hand: Hand, person_id: str, as_of: datetime | None = None, valid_at: date | None = None) -> Any:
        """人员情况：历次证件、认定、他项待遇、支出；valid_at：某日的情况；as_of：当时所知。"""
        found = shown(self.office, person.DECIDER, person_id, hand, as_of)
        if valid_at is not None:
            state = self.office.load(person.DECIDER, person_id, as_of).state
            found["valid"] = plain(person.facts_in(state, dates.month_of(valid_at)))
        return found

    @query(permission="assistance:read", opens="person_id")
    @answers(rows(TABLES["person"].persons))
    def list_persons(
        self,
        hand: Hand,
        disability_grade: int | None = None,
        division: str | None = None,
        valid_at: date | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区人员列表；division：其中某乡镇（街道）、村（社区）的；valid_at：某日在世的人员及其当月的证件和认定（此时按当月的残疾等级筛选）。"""
        caught_up(self.office, MODEL, position)
        if valid_at is not None:
            return persons_on(self.office.read, TABLES["person"], area(hand, division), valid_at, disability_grade, limit, after)
        where = {"disability_grade": disability_grade}
        return listed(self.office.read, TABLES["person"].persons, area(hand, division), where, limit, after)

    def applicant(self, programme: Programme, household_id: str, person_id: str, payee_id: str) -> tuple[str, str, str]:
        """Who applies for a programme: subject, payee and division; refused when nobody knows of him, or he has died."""
        if programme.subject == "household":
            home: household.Household = self.office.load(household.DECIDER, household_id).state if household_id else household.Household()
            if not home.exists:
                raise Refused("not_found", "没有此家庭，请先登记。", "household_id")
            subject_id, payee, division = household_id, household.head_of(home), home.division
        else:
            state: person.Person = self.office.load(person.DECIDER, person_id).state if person_id else person.Person()
            if state.died_on is not None:
                raise Refused("out_of_order", "该人员已死亡。", "person_id")
            division = self._where_registered(person_id) if person_id else ""
            if not division:
                raise Refused("not_found", "请填写申请人。", "person_id")
            named = person.payee_in(state, dates.month_of(self.office.clock.now().date()))
            subject_id, payee = person_id, payee_id or named or person_id
            if payee != person_id:
                standing.alive(self.office, payee, "payee_id")
        return subject_id, payee, division

    # -- what others tell us

    @reaction("dpf", "certificate_changed", reads=CertificateChanged)
    def on_certificate_changed(self, notice: Notice[CertificateChanged]) -> None:
        """残联 issued, changed or cancelled a certificate: also of one who may apply only later."""
        f = notice.facts
        where = self._where_known(f.person_id) or f.division
        record = person.RecordCertificate(f.person_id, where, f.grade, f.kind, f.effective_from, f.valid_until, "dpf")
        self.office.handle(person.DECIDER, f.person_id, notice.order(record))

    @reaction("eldercare", "case_granted", reads=ElderGranted)
    def on_elder_allowance_granted(self, notice: Notice[ElderGranted]) -> None:
        """An allowance of elder care may exclude the care subsidy."""
        f = notice.facts
        self._drawn_elsewhere(f.subject_id, f.programme, f.first_month, True, notice)

    @reaction("eldercare", "case_ended", reads=ElderEnded)
    def on_elder_allowance_ended(self, notice: Notice[ElderEnded]) -> None:
        """What it excluded may come back."""
        f = notice.facts
        self._drawn_elsewhere(f.subject_id, f.programme, f.first_unpaid_month, False, notice)

    @reaction("eldercare", "case_restored", reads=ElderRestored)
    def on_elder_allowance_restored(self, notice: Notice[ElderRestored]) -> None:
        """停发撤销: it is drawn again from the month it had ended from."""
        f = notice.facts
        self._drawn_elsewhere(f.subject_id, f.programme, f.from_month, True, notice)

    @reaction("eldercare", "earlier_round_reassessed", reads=ElderEarlier)
    def on_elder_allowance_earlier_round(self, notice: Notice[ElderEarlier]) -> None:
        """Months of a round that is over fell out, or are due after all; what is drawn behind them stays as it is."""
        f = notice.facts
        ends = (*(t.month for t in f.turns[1:]), f.before)
        for turn, until in zip(f.turns, ends, strict=True):
            self._drawn_elsewhere(f.subject_id, f.programme, turn.month, turn.due, notice, until)

    @reaction("eldercare", "case_reassessed", reads=ElderReassessed)
    def on_elder_allowance_revived(self, notice: Notice[ElderReassessed]) -> None:
        """An end set aside on appeal: decided again from the very month in which it had ended, it is drawn again from then on."""
        f = notice.facts
        known: person.Person = self.office.load(person.DECIDER, f.subject_id).state
        over = [e for e in known.elsewhere if (e.code, e.month, e.drawn) == (f.programme, f.effective_month, False)]
        if over and f.outcome != "ended":
            self._drawn_elsewhere(f.subject_id, f.programme, f.effective_month, True, notice)

    def _drawn_elsewhere(self, person_id: str, code: str, month: str, drawn: bool, notice: Notice[Any], until: str = "") -> None:
        at = -1 if notice.position is None else notice.position
        record = person.RecordBenefitElsewhere(person_id, self._where_known(person_id), code, month, drawn, "eldercare", at, until)
        self.office.handle(person.DECIDER, person_id, notice.order(record, until))

    # -- what follows

    @reaction(OWN, "person_facts_changed", reads=PersonChanged)
    def on_person_facts_changed(self, notice: Notice[PersonChanged]) -> None:
        """A fact of a person changed: his cases, and those of his household that look at it, are decided again.

        A certificate is a fact of the whole household (分类施保、单人保): it is carried over there first.
        """
        f = notice.facts
        if f.cause == "change":
            self._moves(f.person_id, f.effective_month, notice)
        certificate = f.cause in ("certificate", EXPIRED)
        if certificate:
            note_certificates(self.office, f.person_id, self._placement_of(f.person_id).household_id, notice.order(None))
            self._certified_after_all(f.person_id, notice)
        self._reassess_person(f.person_id, f.effective_month, notice, whole=certificate)
        self.monitoring.person_changed(f.person_id, f.effective_month, f.cause, notice.order(None))
        if f.cause == EXPIRED:
            self.monitoring.stopped(f.person_id, f.effective_month, EXPIRED, "残疾人证到期", notice.order(None))

    def _moves(self, person_id: str, month: str, notice: Notice[PersonChanged]) -> None:
        """He is registered elsewhere from that month on: what is his own follows when it has begun (``doors/move.py``)."""
        own: person.Person = self.office.load(person.DECIDER, person_id).state
        if any(c.division and c.from_month == month for c in own.changes):
            moving = placement.NotePersonMove(person_id, month)
            self.office.handle(placement.DECIDER, person_id, notice.order(moving, f"move {person_id}"))

    def _certified_after_all(self, person_id: str, notice: Notice[PersonChanged]) -> None:
        """A subsidy ended because a certificate had run out, and another that follows it without a gap is learnt of only now: nobody has to
        apply again for what was his all along."""
        for code in SUBSIDIES:
            case_id = benefit_case.case_id(code, person_id)
            last = self.office.load(self.benefits.cases, case_id).state.last_assessment
            if last is not None and last.reason == RAN_OUT:
                self.benefits.restore(case_id, CERTIFIED_AGAIN, notice.order(None), account=f"{notice.type} ")

    @reaction(OWN, "case_granted", reads=CaseGranted)
    def on_other_case_granted(self, notice: Notice[CaseGranted]) -> None:
        """A new case ends those that it excludes, and the person's others are looked at again (特困 with care and the care subsidy)."""
        f = notice.facts
        granted = PROGRAMMES.get(f.programme)
        if granted is None or granted.payment == "once":
            return
        end_excluded(self.benefits, f.programme, f.subject_id, f.first_month, notice.order(None))
        if granted.subject == "person":
            self._support_moved(f.programme, f.subject_id, f.first_month, notice)
            self._reassess_person(f.subject_id, f.first_month, notice, but=f.programme)

    @reaction(OWN, "case_ended", reads=CaseEnded)
    def on_other_case_ended(self, notice: Notice[CaseEnded]) -> None:
        """The person's other cases are looked at again."""
        f = notice.facts
        ended = PROGRAMMES.get(f.programme)
        if ended is not None and ended.subject == "person":
            self._support_moved(f.programme, f.subject_id, f.first_unpaid_month, notice)
            self._reassess_person(f.subject_id, f.first_unpaid_month, notice, but=f.programme)

    def _support_moved(self, programme: str, person_id: str, month: str, notice: Notice[Any]) -> None:
        """Who is supported as 特困 is not protected by his household's 低保 (国发〔2016〕14号): its cases are decided again."""
        if programme != EXTREME_HARDSHIP:
            return
        for home in note_support(self.office, person_id, notice.order(None)):
            for case_id in cases_of_household(home):
                self.benefits.reassess(case_id, month, f"{notice.type} {notice.event_id}", notice.order(None))

    @deadline(EXPIRED)
    def on_certificate_expired(self, due: Due) -> None:
        """残疾人证到期: a fact of the person, from which everything follows."""
        note = person.NoteCertificateExpired(due.aggregate_id, due.data["month"])
        self.office.handle(person.DECIDER, due.aggregate_id, due.order(note))

    @deadline(WATCHED)
    def on_watch_due(self, due: Due) -> None:
        """监测比对: there was time to apply; what do the rules say of the data now?"""
        self.monitoring.look(due.aggregate_id, due.order(None))

    def _reassess_person(self, person_id: str, month: str, notice: Notice[Any], but: str = "", whole: bool = False) -> None:
        home = self._placement_of(person_id).household_id
        skip = benefit_case.case_id(but, person_id) if but else ""
        for case_id in _resting_on(person_id, home, whole):
            if case_id != skip:
                self.benefits.reassess(case_id, month, f"{notice.type} {notice.event_id}", notice.order(None))

    def reassess_household(self, household_id: str, month: str, notice: Notice[Any]) -> list[str]:
        """A fact of a household changed: its cases, and those of its members, are decided again; the cases that were looked at."""
        state: household.Household = self.office.load(household.DECIDER, household_id).state
        month = min(month, certificates_behind(self.office, state, notice.order(None)) or month)
        cases = cases_of_household(household_id) + [c for member in state.members for c in cases_of_person(member)]
        for case_id in cases:
            self.benefits.reassess(case_id, month, f"{notice.type} {notice.event_id}", notice.order(None))
        price_again(self.office, self.benefits, household_id, month, f"{notice.type} {notice.event_id}", notice.order(None))
        return cases

    def end_cases_of(self, person_id: str, division: str, died_on: date, stop: Any, notice: Notice[Any]) -> list[tuple[str, str, int]]:
        """After a death: the person's own cases end, each from the month its rules say; (name, month, fen claimed back) of each."""
        own = [p for p in PROGRAMMES.values() if p.subject == "person"]
        states = {p.code: self.office.load(self.benefits.cases, benefit_case.case_id(p.code, person_id)).state for p in own}
        # What was paid once is closed: its month may lie behind the death.
        there = [p for p in own if states[p.code].open or states[p.code].status in ("ended", "closed")]
        if there or self.office.load(person.DECIDER, person_id).state.known:
            died = person.RecordPersonDeath(person_id, self._where_known(person_id) or division, died_on)
            self.office.handle(person.DECIDER, person_id, notice.order(died, "person death"))
        ended = []
        for p in there:
            case_id = benefit_case.case_id(p.code, person_id)
            month = stop(p.code, died_on)
            reason, basis = "保障对象死亡", f"{p.name}：保障对象死亡的，自{month}起停发"
            again = benefit_case.EndCase(case_id, month, reason, basis, gone=True)
            if self.benefits.restore(case_id, "死亡日期更正，恢复发放至死亡当月", notice.order(None), again):
                ended.append((f"死亡日期更正，{p.name}", month, 0))
                continue
            self.benefits.end(case_id, month, reason, basis, notice.order(None), gone=True)
            after: benefit_case.Case = self.office.load(self.benefits.cases, case_id).state
            # Or it is told again after a crash, when it has ended already.
            if states[p.code].open or (after.status == "ended" and after.last_change == month):
                claimed = self.benefits.claimed_in(case_id, notice.correlation_id or notice.event_id)
                self.monitoring.paid_after_death(person_id, p.code, month, claimed, notice.order(None))
                ended.append((p.name, month, claimed))
        return ended

    def restore_cases_of(self, person_id: str, notice: Notice[Any]) -> list[str]:
        """The death was none: the person's own cases that ended by it run again; the names of those that do."""
        self.office.handle(person.DECIDER, person_id, notice.order(person.AnnulPersonDeath(person_id), "person death annulled"))
        own = [p for p in PROGRAMMES.values() if p.subject == "person"]
        return [p.name for p in own if self.benefits.restore(benefit_case.case_id(p.code, person_id), ANNULLED, notice.order(None))]

    def restore_household(self, household_id: str, notice: Notice[Any]) -> list[str]:
        """Somebody of it lives, or lived longer than was thought: its cases that ended because nobody was left run again."""
        return [c for c in cases_of_household(household_id) if self.benefits.restore(c, ANNULLED, notice.order(None))]

    # -- inside

    @property
    def monitoring(self) -> Monitoring:
        return Monitoring(self.office, self.benefits)

    def _placement_of(self, person_id: str) -> placement.Placement:
        state: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        return state

    def _where_known(self, person_id: str) -> str:
        """The town of his file; of whom there is none, that of the household which has him: who is still to move is not there yet."""
        state: person.Person = self.office.load(person.DECIDER, person_id).state
        if state.division:
            return state.division
        placed = self._placement_of(person_id)
        if placed.has_him in ("", placed.household_id):
            return placed.division
        home: household.Household = self.office.load(household.DECIDER, placed.has_him).state
        return home.division

    def _where_registered(self, person_id: str) -> str:
        where = self._where_known(person_id)
        if not where:
            raise Refused("unknown_person", "没有此人员，请先登记此人员或其家庭。", "person_id")
        return where
