"""Elder care's doors (养老服务): RPC methods, reactions, deadlines. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from services.eldercare import aid_told, elder
from services.eldercare.benefits import CALENDARS, CASES, DISCLOSURES, business, whom
from services.eldercare.declarations import CARE_PROVIDER_DISHONESTY_LIST, DECIDERS, DECLARATIONS, ELDER_ABILITY_ASSESSMENT
from services.eldercare.programmes import HARDSHIP_AGED_DISABLED_SUBSIDY, OLD_AGE_ALLOWANCE, PROGRAMMES
from services.eldercare.read_model import BENEFITS, DISCLOSED, MODEL, RECORDS, elders, living_on
from services.eldercare.rules import engine
from shared.casework import benefit_case, graded_assessment, list_entry
from shared.casework.benefits import Benefits
from shared.casework.disclosure import Who
from shared.casework.programme import Programme
from shared.domain import credit_code, dates
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused
from shared.domain.money import yuan
from shared.eventlog.benefit_rows import CALENDAR_TURNED, listed
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.messaging.answering import answers, kept, rows
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.shape_doors import with_shapes
from shared.messaging.showing import area, caught_up, shown
from shared.rules.facts import ELDER_EXCLUDING_BENEFITS, HARDSHIP_CLASSES
from shared.security.permissions import within

# -- What comes in


@dataclass(frozen=True)
class ElderForm:
    """A clerk's form (老年人登记表)."""

    resident_id: str
    name: str
    division: str


@dataclass(frozen=True)
class ApplicationForm:
    """补贴申请: an elder on the roster, and who is paid for him if not himself."""

    programme: str
    person_id: str
    payee_id: str = ""


@dataclass(frozen=True)
class HardshipForm:
    """困难类别: as assistance answered on the day it was looked up; counts from ``month`` on."""

    person_id: str
    hardship_class: str = field(metadata={"codes": HARDSHIP_CLASSES})
    month: str


@dataclass(frozen=True)
class ClassDetermined:
    """``assistance.class_granted``, ``class_changed`` and ``class_ended``: what we read of them."""

    unit_id: str
    no: int
    hardship_class: str
    valid_from: str
    case_id: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class MemberClass:
    """``assistance.member_class_noted``."""

    unit_id: str
    no: int
    turn: int
    person_id: str
    hardship_class: str
    month: str


@dataclass(frozen=True)
class GrantedElsewhere:
    """``assistance.case_granted``: what we read of it."""

    programme: str
    subject_id: str
    first_month: str


@dataclass(frozen=True)
class EndedElsewhere:
    """``assistance.case_ended``: what we read of it."""

    programme: str
    subject_id: str
    first_unpaid_month: str


@dataclass(frozen=True)
class RestoredElsewhere:
    """``assistance.case_restored``: what we read of it."""

    programme: str
    subject_id: str
    from_month: str


@dataclass(frozen=True)
class Turn:
    """From this month on it is due, or not, to before the next turn."""

    month: str
    due: bool


@dataclass(frozen=True)
class EarlierElsewhere:
    """``assistance.earlier_round_reassessed``: what we read of it."""

    programme: str
    subject_id: str
    before: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class BenefitChosen:
    """``assistance.benefit_chosen``: what we read of it."""

    person_id: str
    kept: str
    given_up: str
    effective_month: str
    kept_case: str
    given_up_case: str


@dataclass(frozen=True)
class Graded:
    """Our own ``eldercare.assessment_graded``."""

    programme: str
    subject_id: str
    grade: str
    valid_from: date


@dataclass(frozen=True)
class GradeExpired:
    """Our own ``eldercare.assessment_expired``."""

    programme: str
    subject_id: str
    valid_to: date


@dataclass(frozen=True)
class AssessmentEnded:
    """Our own ``eldercare.assessment_ended``."""

    programme: str
    subject_id: str
    ended_on: date


@dataclass(frozen=True)
class FactsChanged:
    """Our own ``eldercare.elder_facts_changed``."""

    person_id: str
    effective_month: str
    cause: str


@dataclass(frozen=True)
class PartAnswered:
    """Our own ``eldercare.payment_lines_settled`` and ``payment_lines_returned``."""

    run_id: str
    number: int


@dataclass(frozen=True)
class AfterDeathOpened:
    """``registry.after_death_opened``: what we read of it."""

    person_id: str
    died_on: date
    round: int
    steps: tuple[str, ...]


@dataclass(frozen=True)
class DeathAnnulled:
    """``registry.after_death_annulled``: what we read of it."""

    person_id: str
    round: int
    steps: tuple[str, ...]


@dataclass(frozen=True)
class DecidedElsewhere:
    """``assistance.case_reassessed``: what we read of it."""

    programme: str
    subject_id: str
    outcome: str
    effective_month: str


def organisations_only(_service: Any, order: Order[list_entry.Enlist]) -> None:
    """On a list that is public stand organisations, by the code that names them in public; never a person."""
    if order.command.programme == CARE_PROVIDER_DISHONESTY_LIST.code:
        credit_code.check(order.command.subject_id)


@with_shapes(
    DECLARATIONS, MODEL, RECORDS, DECIDERS, more_lists=(BENEFITS.cases, *BENEFITS.pay.worklists, DISCLOSED.objections),
    before={"enlist": organisations_only},
)  # fmt: skip
class ElderCare(BenefitService):
    """养老服务: the roster, ability assessments, and the allowances of the old."""

    name = "eldercare"
    model, tables = MODEL, BENEFITS
    disclosures, disclosed, calendars = DISCLOSURES, DISCLOSED, CALENDARS

    def whom(self, case: benefit_case.Case, today: date) -> Who | None:
        """The elder."""
        return whom(self.office, case)

    @cached_property
    def benefits(self) -> Benefits:
        return business(self.office, self.office.settings.profile)

    def files_of(self, person_id: str) -> tuple[tuple[str, str], ...]:
        """The roster's entry."""
        return (("elder", person_id),)

    # -- the roster

    @command(ElderForm, permission="eldercare:register")
    def enrol_elder(self, order: Order[ElderForm]) -> Any:
        """老年人登记；到龄自动核定高龄津贴，无需申请。"""
        form = order.command
        number = resident_ids.check(form.resident_id)
        person_id = self.office.person_id(number)
        born, code = resident_ids.born_on(number), OLD_AGE_ALLOWANCE.code
        facts = elder.facts(elder.Elder(person_id=person_id, born_on=born), 0)
        turn = engine(self.office.settings.profile).next_turn(code, facts, dates.month_of(born))  # the first of all turns of his life
        enrol = elder.EnrolElder(person_id, born, divisions.check(form.division), form.name, number, turn)
        within(order.hand, enrol.division)
        return self.office.handle(elder.DECIDER, person_id, order.to(enrol))

    @query(permission="eldercare:read")
    @answers(kept(elder.Elder, valid=elder.OnDay))
    def get_elder(self, hand: Hand, person_id: str, as_of: datetime | None = None, valid_at: date | None = None) -> Any:
        """老年人登记信息；valid_at：某日是否在世，及当月的困难类别、能力等级和他项待遇；as_of：当时所知。"""
        found = shown(self.office, elder.DECIDER, person_id, hand, as_of)
        if valid_at is not None:
            found["valid"] = elder.on_day(self.office.load(elder.DECIDER, person_id, as_of).state, valid_at)
        return found

    @query(permission="eldercare:read", opens="person_id")
    @answers(rows(elders))
    def list_elders(
        self,
        hand: Hand,
        division: str | None = None,
        valid_at: date | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区老年人名册；division：其中某乡镇（街道）、村（社区）的；valid_at：某日在世的。"""
        caught_up(self.office, MODEL, position)
        lived = () if valid_at is None else living_on(valid_at)
        rows = listed(self.office.read, elders, area(hand, division), {}, limit, after, also=lived)
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

    @deadline(CALENDAR_TURNED)
    def on_calendar_turned(self, due: Due) -> None:
        """到龄: the month of the next band's birthday has begun; assessed again from it on."""
        self.benefits.reassess(due.aggregate_id, due.data["month"], f"clock:{due.due_at}", due.order(None))

    # -- 经济困难高龄失能老人补贴: applied for; the steps behind it are the same for every service (shared/messaging/benefit_doors.py)

    @command(ApplicationForm, permission="eldercare:accept")
    def apply(self, order: Order[ApplicationForm]) -> Any:
        """申请老年人补贴。"""
        c = order.command
        person: elder.Elder = self.office.load(elder.DECIDER, c.person_id).state if c.person_id else elder.Elder()
        if not person.person_id:
            raise Refused("not_found", "请先登记此老年人。", "person_id")
        if person.died_on is not None:
            raise Refused("out_of_order", "该人员已死亡。", "person_id")
        return self.benefits.file(c.programme, c.person_id, c.payee_id or c.person_id, person.division, order)

    @command(HardshipForm, permission="eldercare:survey")
    def record_elder_hardship(self, order: Order[HardshipForm]) -> Any:
        """登记另行查得的困难类别（例如外区认定的）；本区认定的，登记时和此后的变化都由社会救助告知。"""
        c = order.command
        note = elder.NoteElderHardship(c.person_id, c.hardship_class, c.month)
        return self.office.handle(elder.DECIDER, c.person_id, order.to(note))

    @reaction(OWN, "assessment_graded", reads=Graded)
    def on_ability_graded(self, notice: Notice[Graded]) -> None:
        """能力评估: the grade is a fact of the elder."""
        f = notice.facts
        self._ability(notice, f.programme, f.subject_id, int(f.grade), f.valid_from)

    @reaction(OWN, "assessment_expired", reads=GradeExpired)
    def on_ability_expired(self, notice: Notice[GradeExpired]) -> None:
        """No grade holds behind the last one's day: what rests on it ends with it, until he is assessed again."""
        self._ability(notice, notice.facts.programme, notice.facts.subject_id, 0, notice.facts.valid_to)

    @reaction(OWN, "assessment_ended", reads=AssessmentEnded)
    def on_ability_ended(self, notice: Notice[AssessmentEnded]) -> None:
        """The assessment was given up."""
        self._ability(notice, notice.facts.programme, notice.facts.subject_id, 0, notice.facts.ended_on)

    def _ability(self, notice: Notice[Any], programme: str, person_id: str, grade: int, day: date) -> None:
        if programme == ELDER_ABILITY_ASSESSMENT.code:
            note = elder.NoteElderAbility(person_id, grade, dates.month_of(day))
            self.office.handle(elder.DECIDER, person_id, notice.order(note))

    @reaction(OWN, "elder_facts_changed", reads=FactsChanged)
    def on_elder_facts_changed(self, notice: Notice[FactsChanged]) -> None:
        """What rests on the facts is decided again."""
        f = notice.facts
        until = elder.known_until(self.office.load(elder.DECIDER, f.person_id).state)
        case_id = benefit_case.case_id(HARDSHIP_AGED_DISABLED_SUBSIDY.code, f.person_id)
        again = "困难类别恢复，自停发月份起恢复发放"
        if f.cause == "hardship" and self.benefits.restore(case_id, again, notice.order(None), account="eldercare.elder_facts_changed"):
            return  # it had ended with the class, which was given back
        self.benefits.reassess(case_id, f.effective_month, f"{notice.type} {notice.event_id}", notice.order(None), until)

    # -- what assistance tells (W15). It is noted when it is announced, so that nobody need be asked when a subsidy is granted: elder care
    # works on while assistance is away. Where both grant at one time assistance yields, because it ends what ours excludes (see the rules).

    @reaction("assistance", "class_granted", reads=ClassDetermined)
    def on_class_granted(self, notice: Notice[ClassDetermined]) -> None:
        """A household of somebody on the roster is in hardship."""
        self._class_moved(notice)

    @reaction("assistance", "class_changed", reads=ClassDetermined)
    def on_class_changed(self, notice: Notice[ClassDetermined]) -> None:
        """Another class."""
        self._class_moved(notice)

    @reaction("assistance", "class_ended", reads=ClassDetermined)
    def on_class_ended(self, notice: Notice[ClassDetermined]) -> None:
        """What rested on the class ends with it."""
        self._class_moved(notice)

    @reaction("assistance", "member_class_noted", reads=MemberClass)
    def on_member_class_noted(self, notice: Notice[MemberClass]) -> None:
        """What one person is where his household's class does not say it; also the answer of whoever has enrolled."""
        f = notice.facts
        note = elder.NoteElderHardship(f.person_id, f.hardship_class, f.month, f.unit_id, f.no, elder.ASSISTANCE, f.turn)
        self.office.handle(elder.DECIDER, f.person_id, notice.order(note))

    def _class_moved(self, notice: Notice[ClassDetermined]) -> None:
        f = notice.facts
        for member in f.members:
            if f.hardship_class == "extreme_hardship" and f.case_id != benefit_case.case_id("extreme_hardship_support", member):
                continue  # 特困 is one person's: what the others of the household are, this determination does not say
            note = elder.NoteElderHardship(member, f.hardship_class, f.valid_from, f.unit_id, f.no, elder.ASSISTANCE)
            self.office.handle(elder.DECIDER, member, notice.order(note, member))

    @reaction("assistance", "case_granted", reads=GrantedElsewhere)
    def on_assistance_granted(self, notice: Notice[GrantedElsewhere]) -> None:
        """Assistance pays something that excludes one of ours: none is granted beside it."""
        f = notice.facts
        self._elsewhere(notice, f.programme, f.subject_id, f.first_month, True)

    @reaction("assistance", "case_ended", reads=EndedElsewhere)
    def on_assistance_ended(self, notice: Notice[EndedElsewhere]) -> None:
        """It stands in the way no longer."""
        f = notice.facts
        self._elsewhere(notice, f.programme, f.subject_id, f.first_unpaid_month, False)

    @reaction("assistance", "case_restored", reads=RestoredElsewhere)
    def on_assistance_case_restored(self, notice: Notice[RestoredElsewhere]) -> None:
        """停发撤销: it is drawn again from the month it had ended from."""
        f = notice.facts
        self._elsewhere(notice, f.programme, f.subject_id, f.from_month, True)

    @reaction("assistance", "earlier_round_reassessed", reads=EarlierElsewhere, of=ELDER_EXCLUDING_BENEFITS)
    def on_assistance_earlier_round(self, notice: Notice[EarlierElsewhere]) -> None:
        """Months of a round that is over fell out, or are due after all; what is drawn behind them stays as it is."""
        f = notice.facts
        ends = (*(t.month for t in f.turns[1:]), f.before)
        for turn, until in zip(f.turns, ends, strict=True):
            self._elsewhere(notice, f.programme, f.subject_id, turn.month, turn.due, until)

    @reaction("assistance", "case_reassessed", reads=DecidedElsewhere, of=ELDER_EXCLUDING_BENEFITS)
    def on_assistance_restored(self, notice: Notice[DecidedElsewhere]) -> None:
        """An end set aside on appeal: decided again from the very month in which it had ended, it is drawn again from then on."""
        f = notice.facts
        known: elder.Elder = self.office.load(elder.DECIDER, f.subject_id).state
        over = [e for e in known.elsewhere if (e.code, e.month, e.drawn) == (f.programme, f.effective_month, False)]
        if over and f.outcome != "ended":
            self._elsewhere(notice, f.programme, f.subject_id, f.effective_month, True)

    def _elsewhere(self, notice: Notice[Any], programme: str, person_id: str, month: str, drawn: bool, until: str = "") -> None:
        if programme in ELDER_EXCLUDING_BENEFITS:
            at = -1 if notice.position is None else notice.position
            note = elder.NoteElderBenefitElsewhere(person_id, programme, month, drawn, at, until)
            self.office.handle(elder.DECIDER, person_id, notice.order(note, until))

    @reaction("assistance", "benefit_chosen", reads=BenefitChosen)
    def on_benefit_chosen(self, notice: Notice[BenefitChosen]) -> None:
        """择高选择: ours, given up, ends with the month or is not granted; the other one, given up, stands in our way no longer."""
        f = notice.facts
        if {f.kept, f.given_up}.isdisjoint({*PROGRAMMES, *ELDER_EXCLUDING_BENEFITS}):
            return
        # Assistance names the case of what it pays itself; ours follows from programme and person, so that both decisions stand linked.
        kept, given_up = (
            benefit_case.case_id(code, f.person_id) if code in PROGRAMMES else case_id
            for code, case_id in ((f.kept, f.kept_case), (f.given_up, f.given_up_case))
        )
        note = elder.NoteElderChoice(f.person_id, f.kept, f.given_up, f.effective_month, kept, given_up)
        self.office.handle(elder.DECIDER, f.person_id, notice.order(note))

    # -- what was paid is told, so that whoever keeps account of a person's aids knows of it (低收入人口数据库)

    @reaction(OWN, "payment_lines_settled", reads=PartAnswered)
    def on_aid_paid(self, notice: Notice[PartAnswered]) -> None:
        """The bank has answered."""
        self._tell_aid(notice)

    @reaction(OWN, "payment_lines_returned", reads=PartAnswered)
    def on_aid_back(self, notice: Notice[PartAnswered]) -> None:
        """退汇: what was paid came back."""
        self._tell_aid(notice)

    def _tell_aid(self, notice: Notice[PartAnswered]) -> None:
        f = notice.facts
        part = self.payments.part(f.run_id, f.number)
        paid, back = [], []
        for no, (line, fate) in enumerate(zip(part.lines, part.fates, strict=True), part.first):
            if fate in ("paid", "returned"):
                case: benefit_case.Case = self.office.load(CASES, line.case_id).state
                paid.append(aid_told.AidLine(no, case.subject_id, line.amount_fen))
            if fate == "returned":
                back.append(no)
        tell = aid_told.TellAid(f.run_id, f.number, part.programme, part.month, part.division, tuple(paid), tuple(back))
        self.office.handle(aid_told.DECIDER, f"{f.run_id}-{f.number}", notice.order(tell))

    # -- after a death

    @reaction("registry", "after_death_opened", reads=AfterDeathOpened)
    def on_after_death_opened(self, notice: Notice[AfterDeathOpened]) -> None:
        """Our step of the one-stop process: stop the allowances from the month the rules say, and answer."""
        f = notice.facts
        if OLD_AGE_ALLOWANCE.code not in f.steps:
            return
        person: elder.Elder = self.office.load(elder.DECIDER, f.person_id).state
        if elder.asked_later(person, f.round):
            return
        outcome, note, amount = "skipped", "该人员未享受高龄津贴", 0
        if person.person_id:
            self.office.handle(elder.DECIDER, f.person_id, notice.order(elder.RecordElderDeath(f.person_id, f.died_on), "death"))
            told = [self._end_after_death(programme, f.person_id, f.died_on, notice) for programme in PROGRAMMES.values()]
            if ended := [t for t in told if t is not None]:
                outcome, note, amount = "done", "；".join(said for said, _ in ended), sum(fen for _, fen in ended)
        self._end_assessment(f.person_id, notice)
        answer = elder.AnswerAfterDeath(f.person_id, f.round, OLD_AGE_ALLOWANCE.code, outcome, note, amount)
        self.office.handle(elder.DECIDER, f.person_id, notice.order(answer, "answer"))

    def _end_after_death(self, programme: Programme, person_id: str, died_on: date, notice: Notice[Any]) -> tuple[str, int] | None:
        """End the person's case of a programme from the month its rules say: what is told of it, and the fen claimed back."""
        case_id = benefit_case.case_id(programme.code, person_id)
        before: benefit_case.Case = self.office.load(CASES, case_id).state
        month = engine(self.office.settings.profile).stop_month(programme.code, died_on)
        reason, basis = "领取人死亡", f"{programme.name}自死亡次月起停发"
        again = benefit_case.EndCase(case_id, month, reason, basis, gone=True)
        if self.benefits.restore(case_id, "死亡日期更正，恢复发放至死亡当月", notice.order(None), again):
            return f"死亡日期更正，{programme.name}改自{month}起停发，此前少发的补发", 0
        if before.status in ("none", "refused") or (before.status == "ended" and before.last_change < dates.month_of(died_on)):
            return None
        self.benefits.end(case_id, month, reason, basis, notice.order(None), gone=True)
        if not before.running and before.status != "ended":
            return None  # only applied for: refused now, nothing was drawn
        amount = self.benefits.claimed_in(case_id, notice.correlation_id or notice.event_id)
        return f"{programme.name}自{month}起停发" + (f"，多发{yuan(amount)}转入追回" if amount else "，无多发"), amount

    @reaction("registry", "after_death_annulled", reads=DeathAnnulled)
    def on_after_death_annulled(self, notice: Notice[DeathAnnulled]) -> None:
        """He lives: what ended by the death is restored from the month it ended; an assessment that ended is asked for anew."""
        f = notice.facts
        if OLD_AGE_ALLOWANCE.code not in f.steps:
            return
        self.office.handle(elder.DECIDER, f.person_id, notice.order(elder.AnnulElderDeath(f.person_id), "annulled"))
        reason = "死亡登记撤销，恢复发放"
        restored = [
            p.name
            for p in PROGRAMMES.values()
            if self.benefits.restore(benefit_case.case_id(p.code, f.person_id), reason, notice.order(None))
        ]
        outcome = "done" if restored else "skipped"
        note = f"{'、'.join(restored)}已恢复发放，停发期间应发的补发" if restored else "没有因死亡停发的津贴；已终止的能力评估须重新申请"
        answer = elder.AnswerAfterDeath(f.person_id, f.round, OLD_AGE_ALLOWANCE.code, outcome, note)
        self.office.handle(elder.DECIDER, f.person_id, notice.order(answer, "answer"))

    def _end_assessment(self, person_id: str, notice: Notice[Any]) -> None:
        """Nobody assesses the dead."""
        record_id = derived_id(ELDER_ABILITY_ASSESSMENT.code, "", person_id)
        state: graded_assessment.Assessment = self.office.load(DECIDERS["assessment"], record_id).state
        if state.status not in ("none", "ended"):
            end = graded_assessment.EndAssessment(record_id, "评估对象死亡")
            self.office.handle(DECIDERS["assessment"], record_id, notice.order(end, "assessment"))


SERVICE = ElderCare
