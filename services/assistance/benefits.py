"""Assistance's benefit business: the shared shapes with this service's facts and rules put in.

A programme names the source of its facts (``Programme.facts``); each source is a function here: what was so of a subject in a month, by
all that is known now, from whichever streams it stands in. Their versions added up grow with every change, whichever it is in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from services.assistance import determination, household, move, person, placement, price_linkage, standards
from services.assistance.programmes import MINIMUM_LIVING_MARGIN_HOUSEHOLD, PROGRAMMES, TEMPORARY_ASSISTANCE
from services.assistance.rules import engine
from shared.casework import benefit_case, disclosure, payee_account, payment_calendar, payment_part, payment_run, recovery
from shared.casework.benefits import Asked, Benefits, Found, Office, SubjectGone
from shared.casework.programme import Programme
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Answer, Order, derived_id
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError
from shared.rules.facts import (
    URBAN,
    BeneficiaryFacts,
    DisabilityFacts,
    ExpenditureFacts,
    ExtremeHardshipFacts,
    HouseholdFacts,
    PersonFacts,
    PriceFacts,
    Spending,
)
from shared.rules.profile import load_profile
from shared.rules.published import numbers_in

CASES = benefit_case.decider("assistance")
RUNS = payment_run.decider("assistance")
PARTS = payment_part.decider("assistance")
CALENDARS = payment_calendar.decider("assistance")
ACCOUNTS = payee_account.decider("assistance")
RECOVERIES = recovery.decider("assistance")
DISCLOSURES = disclosure.decider("assistance")

EXTREME_HARDSHIP = "extreme_hardship_support"
EXTREME_HARDSHIP_CARE = "extreme_hardship_care"  # 特困照料护理费, as the rules on exclusion call it
NOBODY_LEFT = "最低生活保障审核确认办法（民发〔2021〕57号）动态管理：家庭不再存在的，终止救助"
NOT_IN_REGISTER = "发改价格〔2021〕1553号：价格临时补贴发给当月在册的保障对象"
GIVEN_UP = "不得重复享受的待遇由本人择高选择一项（残疾人两项补贴：国发〔2015〕52号）"
DECEASED = "社会救助暂行办法（国务院令第649号）第十三条：保障对象死亡的，终止救助"


@dataclass(frozen=True)
class Gathered:
    """Facts of a subject in a month, the version of everything they were taken from, and whom they name as payee ("" = nobody).

    ``changing``: somebody works, so incomes may change and the case is reviewed half-yearly. ``next_turn``: the month in which the calendar
    alone makes the facts others ("" = never); of ages the rules speak.
    """

    facts: Any
    version: int
    payee_id: str = ""
    changing: bool = False
    next_turn: str = ""


def note_support(office: Office, person_id: str, order: Order[Any]) -> tuple[str, ...]:
    """Carry the months of a person's 特困 over to every household that counted him: 低保 is decided on the household's stream alone."""
    places: placement.Placement = office.load(placement.DECIDER, person_id).state
    case_id = benefit_case.case_id(EXTREME_HARDSHIP, person_id)
    found = determination.spans_of(r.event for r in office.history(CASES.stream(case_id)))
    spans = tuple(household.SupportSpan(s.first, s.end) for s in found)
    for home in places.households:
        note = household.NoteSupport(home, person_id, spans)
        office.handle(household.DECIDER, home, order.to(note, f"support {person_id} {home}"))
    return places.households


def note_certificates(office: Office, person_id: str, household_id: str, order: Order[Any]) -> None:
    """Carry what is on file of a member's certificates over to the household, which is decided on its own stream alone."""
    own: person.Person = office.load(person.DECIDER, person_id).state
    if household_id and own.certificates:
        there = tuple(
            household.Certificate(c.grade, c.kind, c.valid_until, c.effective_from, c.effective_month) for c in own.certificates
        )
        note = household.NoteCertificates(household_id, person_id, there)
        office.handle(household.DECIDER, household_id, order.to(note, f"certificates {person_id}"))


def certificates_behind(office: Office, home: household.Household, order: Order[Any]) -> str:
    """Carry over what was recorded of members before certificates were carried over at all (an earlier release), with whatever happens
    next in the household: the first month for which something came along, "" = there was nothing."""
    behind = []
    for person_id in home.members:
        own: person.Person = office.load(person.DECIDER, person_id).state
        new = own.certificates[len(home.certificates.get(person_id, ())) :]
        if new and office.load(placement.DECIDER, person_id).state.household_id == home.household_id:
            note_certificates(office, person_id, home.household_id, order)
            behind += [c.effective_month for c in new]
    return earliest(behind)


Source = Callable[[Office, Asked], Gathered]


def _household(office: Office, asked: Asked) -> Gathered:
    """家庭: as it lives together."""
    loaded = office.load(household.DECIDER, asked.subject_id)
    if not loaded.state.exists:
        raise Refused("not_found", "没有此家庭。", "subject_id")
    facts = household.facts_in(loaded.state, asked.month, asked.current_amount_fen, asked.gradual_exit_since, asked.programme)
    if move.away_in(loaded.state, asked.month):
        raise SubjectGone(move.AWAY, move.AWAY_BASIS)
    if not facts.members:
        raise SubjectGone("单独申请人死亡或已迁出" if facts.applies_alone else "家庭成员均已死亡或迁出", NOBODY_LEFT)
    changing = any(m.counted and m.employed for m in facts.members)
    return Gathered(facts, loaded.version, household.payee_in(loaded.state, facts), changing)


def _expenditure(office: Office, asked: Asked) -> Gathered:
    """支出型: the household, and what its members had to spend in the year before the month.

    The version is that of all who were ever counted: when somebody dies or moves out it must not become smaller than it was.
    """
    home = _household(office, asked)
    state: household.Household = office.load(household.DECIDER, asked.subject_id).state
    persons = {person_id: office.load(person.DECIDER, person_id) for person_id in state.members}
    here: list[person.Person] = [persons[m.person_id].state for m in home.facts.members]
    spending: tuple[Spending, ...] = sum((person.spending_in(p, asked.month) for p in here), ())
    version = home.version + sum(p.version + 1 for p in persons.values())
    turn = earliest(person.spending_turns(p, asked.month) for p in here)
    return Gathered(ExpenditureFacts(home.facts, spending), version, home.payee_id, home.changing, turn)


def earliest(months: Iterable[str]) -> str:
    """The first of these months, of which "" is none."""
    return min((m for m in months if m), default="")


# -- persons


@dataclass(frozen=True)
class Known:
    """One person in one month: as the household counts him if one does, else as he is registered."""

    facts: PersonFacts
    division: str
    area: str
    savings_fen: int
    situation: person.Situation
    state: person.Person
    household_id: str
    version: int
    units: tuple[str, ...]  # every unit of determination that he ever belonged to: the households that counted him, and himself

    @property
    def unit_id(self) -> str:
        """Whose determination is looked at: the household's, or his own."""
        return self.household_id or self.facts.person_id


def known(office: Office, person_id: str, month: str, programme: str = "") -> Known:
    """Raises SubjectGone after the person's death or when he gave this programme up, Refused when nothing is known of him."""
    own = office.load(person.DECIDER, person_id)
    place = office.load(placement.DECIDER, person_id)
    state: person.Person = own.state
    version = own.version + place.version + 2
    situation = person.facts_in(state, month)
    if state.died_on is not None and month > dates.month_of(state.died_on):
        raise SubjectGone("保障对象死亡", DECEASED)
    if person.gave_up(state, programme, month):
        raise SubjectGone("本人已选择领取另一项待遇", GIVEN_UP)
    places: placement.Placement = place.state
    homes = {home: office.load(household.DECIDER, home) for home in places.households}
    version += sum(home.version + 1 for home in homes.values())
    units = (*places.households, person_id)
    if not places.household_id or (state.registered is not None and not places.home_in(month)):
        registered = state.registered
        if registered is None:
            raise Refused("not_found", "请先登记此人员或其家庭。", "subject_id")
        own_savings = person.figure_in(state, "savings_fen", month, registered.savings_fen)
        savings = own_savings if situation.savings_fen is None else situation.savings_fen
        facts = person.person_facts(state, month)
        division, area = person.where_in(state, month)
        return Known(facts, division, area, savings, situation, state, "", version, units)
    # Who moved out and is registered nowhere else is known by what his last household has of him; of what it owns he has nothing.
    counted_in = places.home_in(month)
    home: household.Household = homes[counted_in or places.household_id].state
    if person_id not in home.members or (counted_in and not household.lives_in(home, person_id, month)) or month >= home.left.get(
        person_id, "9999-12"
    ):
        raise SubjectGone("保障对象死亡或已迁出", DECEASED)
    there = household.facts_in(home, month, 0, None)
    savings = (there.savings_fen if counted_in else 0) if situation.savings_fen is None else situation.savings_fen
    found = replace(household.person_in(home, person_id, month), extreme_hardship=False)  # of that his household is asked, not he himself
    facts = person.certified(found, situation.certificate)
    division, area = move.place_in(home, month)
    return Known(facts, division, area, savings, situation, state, counted_in, version, units)


def alone(office: Office, who: Known, division: str) -> HouseholdFacts:
    """Somebody whom no household of the register counts, as a household of one (非本地户籍、流动人口)."""
    return HouseholdFacts(who.facts.person_id, division, who.area, (who.facts,), who.savings_fen)


def _beneficiary(office: Office, asked: Asked) -> Gathered:
    """人员: a person who draws a benefit by himself."""
    who = known(office, asked.subject_id, asked.month, asked.programme)
    return Gathered(BeneficiaryFacts(who.facts, who.division, asked.current_amount_fen), who.version, _payee(who, asked.month))


def _extreme_hardship(office: Office, asked: Asked) -> Gathered:
    """特困: the person, his self-care, who could support him and where he wishes to live."""
    who = known(office, asked.subject_id, asked.month, asked.programme)
    s = who.situation
    facts = ExtremeHardshipFacts(
        who.facts, who.division, who.area, s.able_supporter, s.able_to_work, who.savings_fen, s.lost_acts, s.placement,
        asked.current_amount_fen,
    )  # fmt: skip
    return Gathered(facts, who.version, _payee(who, asked.month))


def _disability(office: Office, asked: Asked) -> Gathered:
    """残疾人两项补贴: the person with his certificate, the hardship class of the month, and what else he draws."""
    who = known(office, asked.subject_id, asked.month, asked.programme)
    units = {unit_id: office.load(determination.DECIDER, unit_id) for unit_id in who.units}
    unit: determination.Unit = units[who.unit_id].state
    support = office.load(CASES, benefit_case.case_id(EXTREME_HARDSHIP, asked.subject_id))
    case: benefit_case.Case = office.load(CASES, benefit_case.case_id(asked.programme, asked.subject_id)).state
    certificate = who.situation.certificate
    facts = DisabilityFacts(
        person=who.facts,
        division=who.division,
        hardship_class=determination.class_of(unit, asked.subject_id, asked.month),
        long_term_care=who.situation.long_term_care,
        other_benefits=_drawn(who, support.state, asked.month),
        certificate_until=certificate.valid_until if certificate else None,
        current_amount_fen=asked.current_amount_fen,
        applied_on=None if case.entitled(asked.month) or _in_an_earlier_round(case, asked.month) else case.applied_on or case.filed_on,
    )
    # Who moves from one unit to another must not fall behind the version that he was decided on.
    version = who.version + sum(u.version + 1 for u in units.values()) + support.version + 1
    return Gathered(facts, version, _payee(who, asked.month))


def _in_an_earlier_round(case: benefit_case.Case, month: str) -> bool:
    """Whether an application before the last one led to this month: it is reviewed, whatever a late fact made of it meanwhile."""
    return any(r.first <= month < benefit_case.reaches(case, r) for r in benefit_case.earlier_rounds(case))


def _drawn(who: Known, support: benefit_case.Case, month: str) -> tuple[str, ...]:
    """What else the person draws, less what he has given up for something else."""
    codes = set(who.situation.other_benefits)
    if support.due(month) and who.situation.lost_acts:
        codes.add(EXTREME_HARDSHIP_CARE)  # with a self-care act lost, 特困 holds a care component
    return tuple(sorted(c for c in codes if not person.gave_up(who.state, c, month)))


def _payee(who: Known, month: str) -> str:
    """Whom a registration names as payee; otherwise whom the application named stays."""
    return person.payee_in(who.state, month)


def _with_the_matter(office: Office, asked: Asked) -> Gathered:
    """临时救助 is decided where it is applied for, not from a subject's standing facts; an appeal is the matter's too."""
    raise Refused("out_of_order", "该项目按次审批，不作动态复核。", "programme")


@dataclass(frozen=True)
class PriceUnit:
    """A household or person in register in a month: how many of each class, whose standard counts, who is paid, and how new this is.

    ``division``: whose it is in the month."""

    unit: determination.Unit
    division: str
    classes: Mapping[str, int]
    area: str
    payee_id: str
    version: int


def price_unit(office: Office, unit_id: str, month: str) -> PriceUnit:
    """Each member counts by his own class: the rules may cover one and not another."""
    found, at_home = office.load(determination.DECIDER, unit_id), office.load(household.DECIDER, unit_id)
    unit: determination.Unit = found.state
    home: household.Household = at_home.state
    version = found.version + at_home.version + 2
    if not home.exists:
        own = determination.class_in(unit, month)
        return PriceUnit(unit, unit.division, {own: 1} if own else {}, URBAN, unit_id, version)
    facts = household.facts_in(home, month, 0, None)
    counted = Counter(determination.class_of(unit, m.person_id, month) for m in facts.members if m.counted)
    classes = {name: n for name, n in sorted(counted.items()) if name}
    payee = household.payee_in(home, facts) if facts.members else household.head_of(home)
    return PriceUnit(unit, facts.division, classes, facts.area, payee, version)


def price_facts(at: PriceUnit, hardship_class: str, month: price_linkage.Linkage) -> PriceFacts:
    """What the rules are asked about those of one class."""
    division = at.division or month.division
    return PriceFacts(at.unit.unit_id, division, at.classes[hardship_class], hardship_class, month.cpi_bp, month.food_bp, at.area)


def _price(office: Office, asked: Asked) -> Gathered:
    """价格临时补贴: a class of a unit, as the month's register knows it now; the case's first assessment names both."""
    case: benefit_case.Case = office.load(CASES, benefit_case.case_id(asked.programme, asked.subject_id)).state
    if case.last_assessment is None:
        raise Refused("out_of_order", "该项目按次发给，没有可复核的决定。", "programme")
    at = price_unit(office, case.last_assessment.subject, asked.month)
    hardship_class = str(case.last_assessment.inputs["hardship_class"])
    if hardship_class not in at.classes:
        raise SubjectGone("该月已不在册", NOT_IN_REGISTER)
    month: price_linkage.Linkage = office.load(price_linkage.DECIDER, asked.month).state
    return Gathered(price_facts(at, hardship_class, month), at.version, at.payee_id)


SOURCES: dict[str, Source] = {
    "household": _household,
    "person": _beneficiary,
    "expenditure": _expenditure,
    "extreme_hardship": _extreme_hardship,
    "disability": _disability,
    "temporary": _with_the_matter,
    "price": _price,
}
HOUSEHOLD_FACTS_OF_PERSONS = ("expenditure",)  # sources of household programmes that look at the persons' own facts too
TURNING = ("expenditure",)  # sources whose facts the calendar alone changes


def gather(office: Office, asked: Asked) -> Gathered:
    """The facts the rules of a programme are asked about, of a subject in a month."""
    programme = PROGRAMMES[asked.programme]
    return SOURCES[programme.facts or programme.subject](office, asked)


def assessed(rules: RulesEngine, programme: str, facts: Any, month: str) -> Assessment:
    """What the rules say to these facts in a month; facts they cannot take are the caller's mistake."""
    try:
        return rules.assess(programme, facts, month)
    except RulesError as error:
        raise invalid(str(error), "facts") from error


# -- the rules, with what the district has published


def book(office: Office, profile: str) -> standards.Book:
    """What the district has published: the log is asked at every decision, so that every process decides by it at once."""
    state: standards.Book = office.load(standards.DECIDER, district(profile)).state
    return state


@cache
def district(profile: str) -> str:
    """The division whose book of standards it is."""
    return load_profile(profile).division_code


def rules_now(office: Office, profile: str) -> RulesEngine:
    """The district's rules with everything published so far, and every programme there is."""
    return engine(profile, standards.in_the_rules(book(office, profile)))


def rules_of(office: Office, profile: str, parameters_version: str) -> RulesEngine:
    """The rules with exactly the publications that an assessment's ``parameters_version`` names: for rechecking an old decision."""
    return engine(profile, standards.in_the_rules(book(office, profile), numbers_in(parameters_version)))


def known_until(office: Office, programme: str, subject_id: str) -> str:
    """The last month from which anything known of a subject counts, in whichever stream it stands; it may be still to come."""
    declared = PROGRAMMES[programme]
    if declared.subject == "household":
        home: household.Household = office.load(household.DECIDER, subject_id).state
        looks = declared.facts in HOUSEHOLD_FACTS_OF_PERSONS
        persons = [office.load(person.DECIDER, m).state for m in home.members] if looks else []
        return max(household.known_until(home), *(person.known_until(p) for p in persons), "")
    places: placement.Placement = office.load(placement.DECIDER, subject_id).state
    support: benefit_case.Case = office.load(CASES, benefit_case.case_id(EXTREME_HARDSHIP, subject_id)).state
    homes = (household.known_until(office.load(household.DECIDER, home).state) for home in places.households)
    units = (determination.known_until(office.load(determination.DECIDER, u).state) for u in (*places.households, subject_id))
    return max(person.known_until(office.load(person.DECIDER, subject_id).state), *homes, *units, support.last_change)


def turns(programme: str) -> bool:
    """Whether the calendar alone may change what a programme's cases rest on: its rules declare an age, or its facts grow old."""
    rules = engine()
    aged = programme in rules.programmes and rules.has_ages(programme)
    return aged or (programme in PROGRAMMES and PROGRAMMES[programme].facts in TURNING)


class AssistanceBenefits(Benefits):
    """Looks ahead to what is published or known for later months, so that a case decided meanwhile does not miss it."""

    profile: str

    def ahead(self, state: benefit_case.Case) -> str:
        """What is published, and what is known of the subject."""
        published = standards.last_month(book(self.office, self.profile))
        return max(published, known_until(self.office, state.programme, state.subject_id))

    def file(
        self, programme: str, subject_id: str, payee_id: str, division: str, order: Order[Any], near_relative: str = "",
        applies_alone: str = "", *, handoff_id: str = "", applied_on: date | None = None,
    ) -> Answer:  # fmt: skip
        """As a household or alone (单人保): a dated fact of the household, noted as soon as the application is in, whoever files it."""
        if programme != household.ALONE_IN:
            return super().file(
                programme, subject_id, payee_id, division, order, near_relative, handoff_id=handoff_id, applied_on=applied_on
            )
        note = household.NoteApplicant(subject_id, applies_alone, dates.month_of(order.today))
        filed = super().file(
            programme, subject_id, applies_alone or payee_id, division, order, near_relative, handoff_id=handoff_id,
            applied_on=applied_on,
        )
        self.office.handle(household.DECIDER, subject_id, order.to(note, "applicant"))
        return filed

    def excluded_by(self, programme: Programme, code: str, subject_id: str) -> bool:
        """A margin household stays one beside the 低保 of a member who is supported alone."""
        return not beside(self.office, code, programme.code, subject_id) and super().excluded_by(programme, code, subject_id)

    def answer_appeal(self, order: Order[Any]) -> Answer:
        """An end that is set aside gives the class back too, and 特困 to the household: of that no event speaks but the appeal's own."""
        filed = reversed([r.event for r in self.office.history(self.cases.stream(order.command.case_id))])
        appeal = next((x for x in filed if isinstance(x, benefit_case.AppealFiled)), None)  # answered already, where it is told again
        answer = super().answer_appeal(order)
        state = self.case(order.command.case_id)
        self._class_again(state, appeal.month if appeal is not None else "", f"appeal:{order.command_id}", order.by(self.hand()))
        return answer

    def restore(
        self, case_id: str, reason: str, order: Order[Any], again: benefit_case.EndCase | None = None, account: str = ""
    ) -> bool:
        """As an end that is set aside on appeal."""
        since = self.case(case_id).ended_from if self.office.load(self.cases, case_id).state.status == "ended" else ""
        restored = super().restore(case_id, reason, order, again, account)
        if restored:
            case = self.case(case_id)
            self._class_again(case, max(since, case.first_month), f"restored:{order.command_id}", order)
        return restored

    def earlier_decided(self, state: benefit_case.Case, month: str, cause: str, order: Order[Any]) -> None:
        """No published event speaks of them: the class of those months is given or taken here, and so is what 特困 stands in the way of."""
        note_class(self.office, state.programme, state.subject_id, order)
        if state.programme == EXTREME_HARDSHIP:
            homes = note_support(self.office, state.subject_id, order)
            beside = [c for c in cases_of_person(state.subject_id) if c != benefit_case.case_id(state.programme, state.subject_id)]
            for case_id in (*beside, *(c for home in homes for c in cases_of_household(home))):
                self.reassess(case_id, month, cause, order)

    def _class_again(self, state: benefit_case.Case, month: str, cause: str, own: Order[Any]) -> None:
        note_class(self.office, state.programme, state.subject_id, own)
        if state.running and month:
            for ended, answer in end_excluded(self, state.programme, state.subject_id, month, own, again=True):
                keep_the_higher(self, state, ended, answer, own)
            self._not_beside_what_came(state, month, own)
        if state.programme == EXTREME_HARDSHIP and month:
            for home in note_support(self.office, state.subject_id, own):
                for case_id in cases_of_household(home):
                    self.reassess(case_id, month, cause, own)


    def _not_beside_what_came(self, state: benefit_case.Case, month: str, own: Order[Any]) -> None:
        """What was granted in its place meanwhile, and excludes it, stays: it ends where that began."""
        declared = PROGRAMMES[state.programme]
        for code in declared.exclusive_with:
            since = both_in(self.office, code, state.programme, state.subject_id, month)
            if since and not beside(self.office, code, state.programme, state.subject_id):
                why = f"已纳入{PROGRAMMES[code].name}", f"{declared.name}与{PROGRAMMES[code].name}不得重复享受"
                self.end(benefit_case.case_id(state.programme, state.subject_id), since, *why, own.to(None, f"beside {code}"))


def beside(office: Office, code: str, other: str, household_id: str) -> bool:
    """Whether these two, one of which excludes the other, stand beside each other: 单人保 and the margin household it comes from."""
    if (code, other) != (household.ALONE_IN, MINIMUM_LIVING_MARGIN_HOUSEHOLD.code):
        return False
    home: household.Household = office.load(household.DECIDER, household_id).state
    case: benefit_case.Case = office.load(CASES, benefit_case.case_id(code, household_id)).state
    return bool(case.first_month and household.alone_in(home, case.first_month))


def end_excluded(
    benefits: Benefits, programme: str, subject_id: str, month: str, order: Order[Any], again: bool = False
) -> list[tuple[str, Answer]]:
    """A case that runs from a month on ends those of the same subject that it excludes: which they were, and what was recorded of each.
    ``again``: it runs again from a month that has gone by, so that one which ended behind it ends there too."""
    granted, office, ended = PROGRAMMES[programme], benefits.office, []
    runs: benefit_case.Case = office.load(CASES, benefit_case.case_id(programme, subject_id)).state
    for p in PROGRAMMES.values():
        if programme not in p.exclusive_with or p.subject != granted.subject or beside(office, programme, p.code, subject_id):
            continue
        case_id = benefit_case.case_id(p.code, subject_id)
        case: benefit_case.Case = office.load(CASES, case_id).state
        if case.open or (again and case.status == "ended" and case.ended_from >= month):
            since = both_in(office, programme, p.code, subject_id, month) or (month if case.pending and runs.running else "")
            if case.status == "ended":
                since = since or case.ended_from  # told once more, the order answers what it did
            if since:  # behind months that fell out, or of one that ended again, it takes none that is not its own
                why = f"已纳入{granted.name}", f"{p.name}与{granted.name}不得重复享受"
                ended.append((case_id, benefits.end(case_id, since, *why, order, case.gone)))
    return ended


def both_in(office: Office, one: str, other: str, subject_id: str, month: str) -> str:
    """The first month from this one on in which both are in force, "" = there is none."""
    cases = (CASES.stream(benefit_case.case_id(code, subject_id)) for code in (one, other))
    mine, theirs = (determination.spans_of(r.event for r in office.history(stream)) for stream in cases)
    begin = sorted({month, *(s.first for s in (*mine, *theirs) if s.first > month)})
    return next((m for m in begin if any(s.holds(m) for s in mine) and any(s.holds(m) for s in theirs)), "")


def keep_the_higher(benefits: Benefits, runs: benefit_case.Case, ended: str, answer: Answer, order: Order[Any]) -> None:
    """择高: an end was set aside, and what the household drew in its place ended from the same month. It was granted rightly by what was
    decided then, so the mistake costs the household nothing: of what is claimed of it, only what the months are due otherwise."""
    for r in benefits.office.history(CASES.stream(ended)):
        in_it = answer.version - len(answer.events) < r.version <= answer.version
        if not in_it or not isinstance(r.event, benefit_case.OverpaymentFound):
            continue
        claim = order.to(None, f"claim {r.id}")
        benefits.payments.open_recovery(r.id, r.event, claim)  # it may be opened already
        for m in r.event.months:
            if (more := m.paid_fen - m.due_fen - max(runs.due(m.month), 0)) > 0:
                benefits.payments.met_by(ended, derived_id("recovery", r.id), m.month, r.id, more, claim)


def note_class(office: Office, programme: str, subject_id: str, order: Order[Any]) -> None:
    """A case that carries a class began, ended or runs again: the household's determination is brought up to date.

    The case's own stream says what is so by now; a notice may be late, or come after the next one.
    """
    if programme not in determination.CLASSES:
        return
    case_id = benefit_case.case_id(programme, subject_id)
    state: benefit_case.Case = office.load(CASES, case_id).state
    spans = determination.spans_of(r.event for r in office.history(CASES.stream(case_id)))
    places = placement.Placement()
    if PROGRAMMES[programme].subject == "person":
        places = office.load(placement.DECIDER, subject_id).state
    # A person who moved stands in each unit for the months in which it counted him, and for himself in those in which none did.
    for unit_id in dict.fromkeys((*places.households, *([subject_id] if not places.household_id or _was_alone(places) else []))):
        within = [(first, end) for home, first, end in places.spans() if (home or subject_id) == unit_id]
        there = determination.clipped(spans, within) if places.household_id else spans
        home: household.Household = office.load(household.DECIDER, unit_id).state
        today = dates.month_of(order.today)
        members = tuple(m for m in home.members if household.lives_in(home, m, today)) if home.exists else (subject_id,)
        whose = subject_id
        if home.exists and there and programme == household.ALONE_IN:  # each round is about whom it was granted to: one, or all of them
            of_round = [household.alone_in(home, s.first) or unit_id for s in there]
            whose = of_round[-1]
            there = tuple(replace(s, person_id="" if who == whose else who) for s, who in zip(there, of_round, strict=True))
        note = determination.NoteGround(unit_id, state.division, case_id, programme, whose, there, members)
        office.handle(determination.DECIDER, unit_id, order.to(note, "class" if unit_id == subject_id else f"class {unit_id}"))


def _was_alone(places: placement.Placement) -> bool:
    return any(not home for home, _, _ in places.spans())


def business(office: Office, profile: str) -> AssistanceBenefits:
    """Benefits of this service in one office, by one district's rules."""

    def assess(asked: Asked) -> Found:
        gathered, rules = gather(office, asked), rules_now(office, profile)
        assessment = assessed(rules, asked.programme, gathered.facts, asked.month)
        turn = earliest((gathered.next_turn, rules.next_look(asked.programme, gathered.facts, asked.month)))
        return Found(assessment, gathered.version, gathered.payee_id, gathered.changing, turn)

    made = AssistanceBenefits("assistance", office, PROGRAMMES, assess, CASES, RUNS, RECOVERIES)
    made.profile = profile
    return made


def whom(office: Office, case: benefit_case.Case, today: date) -> disclosure.Who | None:
    """Whom a case is about (申请人)."""
    # The subject of an instalment of temporary assistance is the instalment: it is about whom it is paid to.
    person_id = case.payee_id if case.programme == TEMPORARY_ASSISTANCE.code else case.subject_id
    return applicant(office, case.subject_id, person_id, case.programme, today)


def applicant(office: Office, subject_id: str, person_id: str, programme: str, today: date) -> disclosure.Who | None:
    """The head of the household, or the eldest who is left of it; where the subject is none, the person. None: nobody is left."""
    home: household.Household = office.load(household.DECIDER, subject_id).state
    if home.exists:
        facts = household.facts_in(home, dates.month_of(today), 0, None, programme)
        if not facts.members:
            return None
        applicant = home.members[household.payee_in(home, facts)]
        counted = 1 if facts.applies_alone else sum(m.counted for m in facts.members)
        return disclosure.Who(applicant.person_id, applicant.name, applicant.born_on, counted, facts.area)
    return _alone(office, person_id, today)


def _alone(office: Office, person_id: str, today: date) -> disclosure.Who | None:
    """One person, as his household counts him or as he is registered; None when he is dead or not known."""
    own: person.Person = office.load(person.DECIDER, person_id).state
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    if own.died_on is not None:
        return None
    if place.household_id:
        there: household.Household = office.load(household.DECIDER, place.household_id).state
        member = there.members.get(person_id)
        if member is None or person_id in there.died:
            return None  # who moved out is known here until he is registered elsewhere
        return disclosure.Who(member.person_id, member.name, member.born_on, 1, move.place_in(there, dates.month_of(today))[1])
    if own.registered is None:
        return None
    return disclosure.Who(person_id, own.registered.name, own.registered.born_on, 1, own.registered.area)


def cases_of_person(person_id: str, household_id: str = "") -> list[str]:
    """The cases whose facts lie with this person: his own, and those of his household that look at its members' own facts."""
    own = [benefit_case.case_id(p.code, person_id) for p in PROGRAMMES.values() if p.subject == "person"]
    shared = [p.code for p in PROGRAMMES.values() if p.subject == "household" and p.facts in HOUSEHOLD_FACTS_OF_PERSONS]
    return own + [benefit_case.case_id(code, household_id) for code in shared if household_id]


def cases_of_household(household_id: str) -> list[str]:
    """The cases of a household that go on by its facts; those paid once are not decided again."""
    return [benefit_case.case_id(p.code, household_id) for p in PROGRAMMES.values() if p.subject == "household" and p.payment != "once"]
