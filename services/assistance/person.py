"""Person (人员): what assistance knows of one person beside the household: certificate, self-care, support, other benefits, spending.

Life: known by the first fact of any kind; each later fact is added with the month from which it counts and stays for good, so any
month can be assessed with what was so in it, also when a fact comes late. Every fact that may change a decision is announced
(``person_facts_changed``), and the cases of the person are decided again from that month on.

Must hold: a fact is never overwritten, a later one corrects it; what the disabled persons' federation (残联) says of a certificate
and what another service pays is taken as it comes, in any order; nothing follows from anything here: the rules decide.
Relied on by 特困, the two disability subsidies, 支出型 and 临时救助 of persons without a household in the register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance import certificates
from services.assistance.move import DISTRICT_DIGITS
from shared.domain import dates, money
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order
from shared.rules.facts import AREAS, DISABILITY_KINDS, SELF_CARE_ACTS, URBAN, PersonFacts, Spending

CATALOGUE = ("W15", "W22")
SPENDING_KINDS = ("medical", "education", "care", "disability", "accident", "other")
PLACEMENTS = ("central", "dispersed")  # 集中供养、分散供养
SPENDING_MONTHS = 12  # the rules look at the essential spending of a year


# -- Events


@event("assistance.person_entered")
@dataclass(frozen=True)
class PersonEntered:
    """人员登记: known to assistance; ``division`` is where the person is registered (户籍地), or counted in a household; "" while
    only another service has told of him, and nobody knows where he belongs."""

    person_id: str
    division: str


@event("assistance.person_registered")
@dataclass(frozen=True)
class PersonRegistered:
    """人员登记 of somebody whom no household of the register counts. Money is fen; ``payee_id`` a guardian (监护人) who is paid for him."""

    person_id: str
    born_on: date
    division: str
    area: str
    monthly_income_fen: int
    savings_fen: int
    payee_id: str
    name: str = personal(of="person_id", default="")
    resident_id: str = personal(of="person_id", default="")


@event("assistance.person_changed")
@dataclass(frozen=True)
class PersonChanged:
    """人员情况变更 of somebody whom no household counts: what is otherwise from ``from_month`` on; None: as before. ``division`` is where
    he is registered now (户籍迁移), ``payee_id`` who is paid for him ("" = himself), ``evidence`` the papers."""

    person_id: str
    from_month: str
    division: str | None
    area: str | None
    savings_fen: int | None
    payee_id: str | None
    gravely_ill: bool | None
    student: bool | None
    counted: bool | None
    evidence: str
    by: str


@event("assistance.person_moved_along")
@dataclass(frozen=True)
class PersonMovedAlong:
    """随户、个人迁移: he, or the household that counts him, was handed over; what is known of him is ``division``'s from today on."""

    person_id: str
    division: str


@event("assistance.person_income_recorded")
@dataclass(frozen=True)
class PersonIncomeRecorded:
    """收入变动 of somebody whom no household counts: ``monthly_income_fen`` from ``effective_month`` on."""

    person_id: str
    monthly_income_fen: int
    effective_from: date
    effective_month: str
    source: str


@event("assistance.certificate_recorded")
@dataclass(frozen=True)
class CertificateRecorded:
    """残疾人证: grade and kind from ``effective_month`` on; grade 0: cancelled (注销). ``source`` is a hand or "dpf" (残联)."""

    person_id: str
    grade: int
    kind: str
    valid_until: date | None
    effective_from: date
    effective_month: str
    source: str


@event("assistance.certificate_expired")
@dataclass(frozen=True)
class CertificateExpired:
    """残疾人证到期: ``month`` is the first one behind the last valid day."""

    person_id: str
    month: str


@event("assistance.person_finding_recorded")
@dataclass(frozen=True)
class FindingRecorded:
    """认定: what a survey found of the person, each None or "" where it says nothing.

    lost_acts: which of the six acts of self-care (自理能力六项) are lost. able_supporter, able_to_work (赡养抚养扶养能力、劳动能力).
    long_term_care: needs long-term care (长期照护). placement: the person's wish (供养方式).
    """

    person_id: str
    found_on: date
    effective_month: str
    lost_acts: tuple[str, ...] | None
    able_supporter: bool | None
    able_to_work: bool | None
    long_term_care: bool | None
    savings_fen: int | None
    placement: str
    by: str


@event("assistance.benefit_elsewhere_recorded")
@dataclass(frozen=True)
class BenefitElsewhereRecorded:
    """他项待遇: from ``month`` on the person draws, or no longer draws, a benefit that another service or agency pays. ``position``: where
    the decision of another service stands in the log; a later one says anew of every month from its own on, to before ``until`` if it says
    so (-1: an agency's, a form's, or told before this was kept)."""

    person_id: str
    code: str
    month: str
    drawn: bool
    source: str
    position: int = -1
    until: str = ""


@event("assistance.essential_spending_recorded")
@dataclass(frozen=True)
class EssentialSpendingRecorded:
    """刚性支出 after insurance and other aid, in fen; the same ``spending_id`` again corrects it (抵扣)."""

    person_id: str
    spending_id: str
    kind: str
    spent_on: date
    self_borne_fen: int
    by: str


@event("assistance.benefit_chosen", published=True)
@dataclass(frozen=True)
class BenefitChosen:
    """择高选择: of two benefits that exclude each other the person keeps one; links both decisions, with the month's amounts of both."""

    person_id: str
    kept: str
    given_up: str
    kept_case: str
    given_up_case: str
    kept_fen: int
    given_up_fen: int
    effective_month: str
    by: str


@event("assistance.person_death_recorded")
@dataclass(frozen=True)
class PersonDeathRecorded:
    """人员死亡: the person died: nothing can be applied for; the cases end by the months their own rules say."""

    person_id: str
    died_on: date


@event("assistance.person_death_annulled")
@dataclass(frozen=True)
class PersonDeathAnnulled:
    """死亡登记撤销: the person lives; his cases are restored from the months they ended."""

    person_id: str


@event("assistance.person_facts_changed", published=True)
@dataclass(frozen=True)
class PersonFactsChanged:
    """人员情况变动: a fact that decisions may rest on changed; ``cause``: registration, change, income, certificate,
    certificate_expired, finding, benefit_elsewhere or spending."""

    person_id: str
    effective_month: str
    cause: str


# -- State


@dataclass(frozen=True)
class Person:
    person_id: str = ""
    division: str = ""
    registered: PersonRegistered | None = None
    changes: tuple[PersonChanged, ...] = ()
    incomes: tuple[PersonIncomeRecorded, ...] = ()
    certificates: tuple[CertificateRecorded, ...] = ()
    expired: str = ""  # first month behind the last certificate, once it was noted
    findings: tuple[FindingRecorded, ...] = ()
    elsewhere: tuple[BenefitElsewhereRecorded, ...] = ()
    spending: Mapping[str, EssentialSpendingRecorded] = field(default_factory=lambda: MappingProxyType({}))
    choices: tuple[BenefitChosen, ...] = ()
    died_on: date | None = None

    @property
    def known(self) -> bool:
        return bool(self.person_id)


def evolve(state: Person, happened: Any) -> Person:
    match happened:
        case PersonEntered():
            return replace(state, person_id=happened.person_id, division=happened.division)
        case PersonRegistered():
            return replace(state, registered=happened)
        case PersonChanged():
            # Another town has him once he was handed over to it (``placement.py``), and of who left the district the one before has him.
            return replace(state, changes=(*state.changes, happened))
        case PersonMovedAlong():
            return replace(state, division=happened.division)
        case PersonIncomeRecorded():
            return replace(state, incomes=(*state.incomes, happened))
        case CertificateRecorded():
            return replace(state, certificates=(*state.certificates, happened), expired="")
        case CertificateExpired():
            return replace(state, expired=happened.month)
        case FindingRecorded():
            return replace(state, findings=(*state.findings, happened))
        case BenefitElsewhereRecorded():
            return replace(state, elsewhere=(*state.elsewhere, happened))
        case EssentialSpendingRecorded():
            return replace(state, spending=MappingProxyType({**state.spending, happened.spending_id: happened}))
        case BenefitChosen():
            return replace(state, choices=(*state.choices, happened))
        case PersonDeathRecorded():
            return replace(state, died_on=happened.died_on)
        case PersonDeathAnnulled():
            return replace(state, died_on=None)
        case PersonFactsChanged():
            return state
        case _:
            raise TypeError(f"a person knows no {type(happened).__name__}")


@dataclass(frozen=True)
class Situation:
    """The person as he was in one month, by all that is known now (某月情况)."""

    certificate: CertificateRecorded | None
    lost_acts: tuple[str, ...]
    able_supporter: bool
    able_to_work: bool
    long_term_care: bool
    savings_fen: int | None
    placement: str
    other_benefits: tuple[str, ...]


def facts_in(state: Person, month: str) -> Situation:
    """What was so in a month: of each fact the one that counts from the latest month by then, of two of one month the later recorded; of
    certificates the later dated (``certificates.py``)."""
    found = sorted((f for f in state.findings if f.effective_month <= month), key=lambda f: f.effective_month)  # sort is stable

    def last(name: str, nothing: Any) -> Any:
        return next((v for f in reversed(found) if (v := getattr(f, name)) not in (None, "")), nothing)

    return Situation(
        certificate=certificates.in_month(state.certificates, month),
        lost_acts=last("lost_acts", ()),
        able_supporter=last("able_supporter", False),
        able_to_work=last("able_to_work", False),
        long_term_care=last("long_term_care", False),
        savings_fen=last("savings_fen", None),
        placement=last("placement", "dispersed"),
        other_benefits=tuple(sorted({e.code for e in state.elsewhere if _draws(state, e.code, e.source, month)})),
    )


def _latest(known: Sequence[Any], by: str) -> Any:
    """Of two with the same month the one recorded last corrects the other."""
    return max(enumerate(known), key=lambda n: (getattr(n[1], by), n[0]), default=(0, None))[1]


def _draws(state: Person, code: str, source: str, month: str) -> bool:
    """Of what one source said the decision made last holds: an end takes back what was granted behind it, in whatever order they come."""
    said = [e for e in state.elsewhere if (e.code, e.source) == (code, source) and e.month <= month and (not e.until or month < e.until)]
    last = max(enumerate(said), key=lambda n: (n[1].position, n[1].month, n[0]), default=(0, None))[1]
    return last is not None and last.drawn


def gave_up(state: Person, code: str, month: str) -> bool:
    """Whether the person gave this benefit up for another one that still stands so in the month."""
    last = _latest([c for c in state.choices if code in (c.kept, c.given_up) and c.effective_month <= month], "effective_month")
    return last is not None and last.given_up == code


def figure_in(state: Person, name: str, month: str, first: Any) -> Any:
    """A figure of the registration as changes have made it by that month: of two of one month the later recorded."""
    last = _latest([c for c in state.changes if c.from_month <= month and getattr(c, name) is not None], "from_month")
    return first if last is None else getattr(last, name)


def where_in(state: Person, month: str) -> tuple[str, str]:
    """Where a registered person was registered in a month, and whether that is in town or in the country."""
    assert state.registered is not None
    return (
        figure_in(state, "division", month, state.registered.division),
        figure_in(state, "area", month, state.registered.area),
    )


def town_in(state: Person, month: str) -> tuple[str, str]:
    """Whose a registered person is in a month by his registration, and since when ("" = always): of who left the district, the place
    before; of two of one month the later told."""
    assert state.registered is not None
    first = state.registered.division
    told = {c.from_month: c.division for c in state.changes if c.division and c.from_month <= month}
    since = max((m for m, where in told.items() if where[:DISTRICT_DIGITS] == first[:DISTRICT_DIGITS]), default="")
    return (told[since], since) if since else (first, "")


def payee_in(state: Person, month: str) -> str:
    """Whom the registration names as payee in a month; "" = himself, or whom the application named."""
    return figure_in(state, "payee_id", month, state.registered.payee_id) if state.registered else ""


def person_facts(state: Person, month: str) -> PersonFacts:
    """The person of the registration with the certificate of the month, as the rules take it; not for one who is not registered."""
    r = state.registered
    if r is None:
        raise Refused("not_found", "请先登记此人员。", "person_id")
    last = _latest([i for i in state.incomes if i.effective_month <= month], "effective_month")
    income = last.monthly_income_fen if last else r.monthly_income_fen
    more: dict[str, Any] = {name: bool(figure_in(state, name, month, first)) for name, first in _AS_REGISTERED.items()}
    return certified(PersonFacts(r.person_id, r.born_on, income, **more), facts_in(state, month).certificate)


_AS_REGISTERED = MappingProxyType({"gravely_ill": False, "student": False, "counted": True})  # of these a registration says nothing


def certified(facts: PersonFacts, certificate: CertificateRecorded | None) -> PersonFacts:
    """A person's facts with what the certificate says; without one, what the household register has of him stays."""
    if certificate is None:
        return facts
    return replace(facts, disability_grade=certificate.grade, disability_kind=certificate.kind if certificate.grade else "")


def next_lapse(state: Person, month: str) -> str:
    """The month behind a certificate's last valid one in which none counts, and which was not noted yet: the first that is not before
    ``month``, else the last one; "" when there is none. Another certificate does away with it only if it counts in that very month."""
    held = ((c, dates.add_months(dates.month_of(c.valid_until), 1)) for c in state.certificates if c.grade and c.valid_until is not None)
    over = sorted(m for c, m in held if m > state.expired and facts_in(state, m).certificate is c)
    return next((m for m in over if m >= month), over[-1] if over else "")


def spending_in(state: Person, month: str) -> tuple[Spending, ...]:
    """Essential spending in the twelve months before ``month``."""
    first = dates.add_months(month, -SPENDING_MONTHS)
    return tuple(
        Spending(s.kind, s.self_borne_fen)
        for s in sorted(state.spending.values(), key=lambda s: s.spending_id)
        if first <= dates.month_of(s.spent_on) < month and s.self_borne_fen
    )


def spending_turns(state: Person, month: str) -> str:
    """The first month after this one in which a bill that counts now is more than a year old; "" when none does."""
    first = dates.add_months(month, -SPENDING_MONTHS)
    spent = [dates.month_of(s.spent_on) for s in state.spending.values() if s.self_borne_fen]
    return min((dates.add_months(m, SPENDING_MONTHS + 1) for m in spent if first <= m < month), default="")


def known_until(state: Person) -> str:
    """The last month from which a known fact counts; it may be still to come."""
    dated: tuple[Any, ...] = (*state.incomes, *state.findings, *state.choices)
    certified = (month for month, _ in certificates.counted(state.certificates))
    bills = (dates.add_months(dates.month_of(s.spent_on), 1) for s in state.spending.values())
    others = (*(e.month for e in state.elsewhere), *(c.from_month for c in state.changes), *bills)
    return max((*(f.effective_month for f in dated), *certified, *others), default="")


# -- Commands. ``division`` is put in by the door where the person is new: of the household, or as registered.


@command("register_person", permission="assistance:register")
@dataclass(frozen=True)
class RegisterPerson:
    person_id: str
    born_on: date
    division: str
    area: str = URBAN
    monthly_income_fen: int = 0
    savings_fen: int = 0
    payee_id: str = ""
    name: str = ""
    resident_id: str = ""


@command("change_person", permission="assistance:survey")
@dataclass(frozen=True)
class ChangePerson:
    """人员情况变更登记; None: as before."""

    person_id: str
    from_month: str
    evidence: str
    division: str | None = None
    area: str | None = None
    savings_fen: int | None = None
    payee_id: str | None = None
    gravely_ill: bool | None = None
    student: bool | None = None
    counted: bool | None = None


@command("move_along", permission="assistance:note")
@dataclass(frozen=True)
class MoveAlong:
    """By the service, of who was handed over, with his household or by himself."""

    person_id: str
    division: str


@command("record_person_income", permission="assistance:survey")
@dataclass(frozen=True)
class RecordPersonIncome:
    person_id: str
    division: str
    monthly_income_fen: int
    effective_from: date
    source: str = ""


@command("record_certificate", permission="assistance:survey")
@dataclass(frozen=True)
class RecordCertificate:
    """Issued, changed or cancelled (grade 0) on ``effective_from``."""

    person_id: str
    division: str
    grade: int
    kind: str
    effective_from: date
    valid_until: date | None = None
    source: str = ""


@command("note_certificate_expired", permission="assistance:note")
@dataclass(frozen=True)
class NoteCertificateExpired:
    """By the timer: the last valid day has passed."""

    person_id: str
    month: str


@command("record_finding", permission="assistance:survey")
@dataclass(frozen=True)
class RecordFinding:
    person_id: str
    division: str
    found_on: date
    lost_acts: tuple[str, ...] | None = None
    able_supporter: bool | None = None
    able_to_work: bool | None = None
    long_term_care: bool | None = None
    savings_fen: int | None = None
    placement: str = ""


@command("record_benefit_elsewhere", permission="assistance:survey")
@dataclass(frozen=True)
class RecordBenefitElsewhere:
    person_id: str
    division: str
    code: str
    month: str
    drawn: bool = True
    source: str = ""
    position: int = -1
    until: str = ""


@command("record_spending", permission="assistance:survey")
@dataclass(frozen=True)
class RecordSpending:
    """``spending_id`` is the bill's or settlement's own number (without names); given again, it corrects the amount."""

    person_id: str
    division: str
    spending_id: str
    kind: str
    spent_on: date
    self_borne_fen: int


@command("choose_benefit", permission="assistance:survey")
@dataclass(frozen=True)
class ChooseBenefit:
    """The cases and amounts are put in by the service from the decisions; the person says only what he keeps and what he gives up."""

    person_id: str
    division: str
    kept: str
    given_up: str
    effective_month: str
    kept_case: str = ""
    given_up_case: str = ""
    kept_fen: int = 0
    given_up_fen: int = 0


@command("record_person_death", permission="assistance:death")
@dataclass(frozen=True)
class RecordPersonDeath:
    person_id: str
    division: str
    died_on: date


@command("annul_person_death", permission="assistance:death")
@dataclass(frozen=True)
class AnnulPersonDeath:
    person_id: str


# -- Decisions


def _entered(state: Person, c: Any) -> list[Any]:
    if not is_person_id(c.person_id):
        raise invalid("人员标识不正确。", "person_id")
    where = divisions.check(c.division) if c.division else ""
    return [PersonEntered(c.person_id, where)] if not state.known or (where and not state.division) else []


def _alive(state: Person) -> None:
    if state.died_on is not None:
        raise Refused("out_of_order", "该人员已死亡。", "person_id")


def _sensible(day: date, order: Order[Any], field_name: str) -> None:
    if not date(1990, 1, 1) <= day <= date(order.today.year + 1, 12, 31):
        raise invalid("日期不合理。", field_name)


def register_person(state: Person, c: RegisterPerson, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    where = divisions.check(c.division)
    if not date(1890, 1, 1) <= c.born_on <= order.today:
        raise invalid("出生日期不合理。", "born_on")
    if c.area not in AREAS:
        raise invalid("城乡类别不在允许的取值范围内。", "area")
    if c.payee_id and not is_person_id(c.payee_id):
        raise invalid("领款人标识不正确。", "payee_id")
    money.check(c.monthly_income_fen, "monthly_income_fen")
    money.check(c.savings_fen, "savings_fen")
    new = PersonRegistered(c.person_id, c.born_on, where, c.area, c.monthly_income_fen, c.savings_fen, c.payee_id, c.name, c.resident_id)
    if state.registered == new:
        return []
    if state.registered is not None:
        raise Refused("already_exists", "该人员已登记且内容不同，请通过“人员情况变更登记”办理。", "person_id")
    return [*entered, new, PersonFactsChanged(c.person_id, dates.month_of(order.today), "registration")]


def change_person(state: Person, c: ChangePerson, order: Order[Any]) -> Sequence[Any]:
    """What was told of that month already, and a place or payee that is so already, is left out; a change that says nothing else is told
    twice. That something is as before is news: a fact of an earlier month that comes to light later holds up to here, and no further."""
    r = state.registered
    if r is None:
        raise Refused("not_found", "请先登记此人员；家庭成员的情况在“家庭情况变更登记”中办理。", "person_id")
    _alive(state)
    dates.check_month(c.from_month, "from_month")
    if not "2000-01" <= c.from_month <= dates.add_months(dates.month_of(order.today), 1):
        raise invalid("变更起始月份不合理，最晚为次月。", "from_month")
    if not c.evidence.strip():
        raise invalid("请填写依据的证明材料。", "evidence")
    if c.area is not None and c.area not in AREAS:
        raise invalid("城乡类别不在允许的取值范围内。", "area")
    if c.payee_id and not is_person_id(c.payee_id):
        raise invalid("领款人标识不正确。", "payee_id")
    if c.savings_fen is not None:
        money.check(c.savings_fen, "savings_fen")
    said = {
        "division": divisions.check(c.division) if c.division else None, "area": c.area, "savings_fen": c.savings_fen,
        "payee_id": c.payee_id, "gravely_ill": c.gravely_ill, "student": c.student, "counted": c.counted,
    }  # fmt: skip
    was = {name: figure_in(state, name, c.from_month, getattr(r, name)) for name in ("division", "area", "payee_id")}
    of_then = [x for x in state.changes if x.from_month == c.from_month]
    was |= {name: figure_in(replace(state, changes=tuple(of_then)), name, c.from_month, None) for name in said if name not in was}
    found = facts_in(state, c.from_month).savings_fen
    if c.savings_fen is not None and found not in (None, c.savings_fen):
        raise Refused("out_of_order", "该人员存款以调查认定为准，请通过“登记认定”更正。", "savings_fen")
    news: dict[str, Any] = {name: None if value == was[name] else value for name, value in said.items()}
    if all(value is None for value in news.values()):
        return []
    new = PersonChanged(c.person_id, c.from_month, **news, evidence=c.evidence, by=order.hand.actor)
    return [new, PersonFactsChanged(c.person_id, c.from_month, "change")]


def move_along(state: Person, c: MoveAlong, order: Order[Any]) -> Sequence[Any]:
    if not state.division or state.division == c.division:
        return []  # nothing is known of him, or nobody knows where he belongs
    return [PersonMovedAlong(c.person_id, c.division)]


def record_person_income(state: Person, c: RecordPersonIncome, order: Order[Any]) -> Sequence[Any]:
    if state.registered is None:
        raise Refused("not_found", "请先登记此人员。", "person_id")
    _alive(state)
    money.check(c.monthly_income_fen, "monthly_income_fen")
    _sensible(c.effective_from, order, "effective_from")
    known = [i for i in state.incomes if i.effective_from == c.effective_from]
    if known and known[-1].monthly_income_fen == c.monthly_income_fen:
        return []  # told twice
    month = dates.add_months(dates.month_of(c.effective_from), 1)  # as in a household: from the month after it happened
    new = PersonIncomeRecorded(c.person_id, c.monthly_income_fen, c.effective_from, month, c.source or order.hand.actor)
    return [new, PersonFactsChanged(c.person_id, month, "income")]


def record_certificate(state: Person, c: RecordCertificate, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    _alive(state)
    if not 0 <= c.grade <= 4:
        raise invalid("残疾等级须为0至4。", "grade")
    if c.kind not in DISABILITY_KINDS or (c.grade > 0) != bool(c.kind):
        raise invalid("残疾类别不在允许的取值范围内。", "kind")
    _sensible(c.effective_from, order, "effective_from")
    if c.valid_until is not None and c.valid_until < c.effective_from:
        raise invalid("有效期不能早于生效日期。", "valid_until")
    same = [k for k in state.certificates if k.effective_from == c.effective_from]
    if same and (same[-1].grade, same[-1].kind, same[-1].valid_until) == (c.grade, c.kind, c.valid_until):
        return []  # told twice
    new = CertificateRecorded(c.person_id, c.grade, c.kind, c.valid_until, c.effective_from, "", c.source or order.hand.actor)
    month = next(since for since, k in certificates.counted((*state.certificates, new)) if k is new)
    new = replace(new, effective_month=month)
    since = certificates.changed_from(state.certificates, (*state.certificates, new), month)
    return [*entered, new, PersonFactsChanged(c.person_id, since, "certificate")]


def note_certificate_expired(state: Person, c: NoteCertificateExpired, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was noted; the rules know what follows, also where another certificate counts by then."""
    if c.month == state.expired or state.died_on is not None:
        return []
    return [CertificateExpired(c.person_id, c.month), PersonFactsChanged(c.person_id, c.month, "certificate_expired")]


def record_finding(state: Person, c: RecordFinding, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    _alive(state)
    if c.found_on > order.today:
        raise invalid("认定日期不能晚于今天。", "found_on")
    _sensible(c.found_on, order, "found_on")
    if any(a not in SELF_CARE_ACTS for a in c.lost_acts or ()):
        raise invalid("自理能力项目不在允许的取值范围内。", "lost_acts")
    if c.placement not in ("", *PLACEMENTS):
        raise invalid("供养方式不在允许的取值范围内。", "placement")
    if c.savings_fen is not None:
        money.check(c.savings_fen, "savings_fen")
    said = (c.lost_acts, c.able_supporter, c.able_to_work, c.long_term_care, c.savings_fen, c.placement)
    if all(v in (None, "") for v in said):
        raise invalid("请至少填写一项认定内容。", "found_on")
    lost = tuple(a for a in SELF_CARE_ACTS if a in c.lost_acts) if c.lost_acts is not None else None
    month = dates.month_of(c.found_on)
    new = FindingRecorded(
        c.person_id, c.found_on, month, lost, c.able_supporter, c.able_to_work, c.long_term_care, c.savings_fen, c.placement,
        order.hand.actor,
    )  # fmt: skip
    return [*entered, new, PersonFactsChanged(c.person_id, month, "finding")]


def record_benefit_elsewhere(state: Person, c: RecordBenefitElsewhere, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    dates.check_month(c.month)
    if not c.code.replace("_", "").isalnum() or len(c.code) > 60:
        raise invalid("待遇项目代码不正确。", "code")
    source = c.source or order.hand.actor
    of_it = [e for e in state.elsewhere if (e.code, e.source, e.month) == (c.code, source, c.month)]
    known = _latest([e for e in of_it if c.position in (-1, e.position)], "month")
    if known is not None and known.drawn == c.drawn:
        return []  # told twice; an end that comes before its beginning is kept, it will be needed
    return [
        *entered,
        BenefitElsewhereRecorded(c.person_id, c.code, c.month, c.drawn, source, c.position, c.until),
        PersonFactsChanged(c.person_id, c.month, "benefit_elsewhere"),
    ]


def record_spending(state: Person, c: RecordSpending, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    if c.kind not in SPENDING_KINDS:
        raise invalid("支出类别不在允许的取值范围内。", "kind")
    if not c.spending_id.strip():
        raise invalid("请填写票据或结算单编号。", "spending_id")
    _sensible(c.spent_on, order, "spent_on")
    if c.spent_on > order.today:
        raise invalid("支出日期不能晚于今天。", "spent_on")
    money.check(c.self_borne_fen, "self_borne_fen")
    known = state.spending.get(c.spending_id)
    if known is not None and (known.kind, known.spent_on, known.self_borne_fen) == (c.kind, c.spent_on, c.self_borne_fen):
        return []
    first = min(c.spent_on, known.spent_on) if known is not None else c.spent_on
    new = EssentialSpendingRecorded(c.person_id, c.spending_id, c.kind, c.spent_on, c.self_borne_fen, order.hand.actor)
    return [*entered, new, PersonFactsChanged(c.person_id, dates.add_months(dates.month_of(first), 1), "spending")]


def choose_benefit(state: Person, c: ChooseBenefit, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    _alive(state)
    dates.check_month(c.effective_month, "effective_month")
    if c.kept == c.given_up:
        raise invalid("须为两项不同的待遇。", "given_up")
    if gave_up(state, c.given_up, c.effective_month):
        return []
    return [
        *entered,
        BenefitChosen(
            c.person_id, c.kept, c.given_up, c.kept_case, c.given_up_case, c.kept_fen, c.given_up_fen, c.effective_month, order.hand.actor
        ),
        PersonFactsChanged(c.person_id, c.effective_month, "benefit_elsewhere"),
    ]


def record_person_death(state: Person, c: RecordPersonDeath, order: Order[Any]) -> Sequence[Any]:
    entered = _entered(state, c)
    return [] if state.died_on == c.died_on else [*entered, PersonDeathRecorded(c.person_id, c.died_on)]


def annul_person_death(state: Person, c: AnnulPersonDeath, order: Order[Any]) -> Sequence[Any]:
    return [] if state.died_on is None else [PersonDeathAnnulled(c.person_id)]


DECIDER: Decider[Person] = Decider(
    category="assistance.person_facts",  # a person's place in a household is the stream assistance.person-<id> (placement.py)
    initial=Person(),
    evolve=evolve,
    decide={
        RegisterPerson: register_person,
        ChangePerson: change_person,
        MoveAlong: move_along,
        RecordPersonIncome: record_person_income,
        RecordCertificate: record_certificate,
        NoteCertificateExpired: note_certificate_expired,
        RecordFinding: record_finding,
        RecordBenefitElsewhere: record_benefit_elsewhere,
        RecordSpending: record_spending,
        ChooseBenefit: choose_benefit,
        RecordPersonDeath: record_person_death,
        AnnulPersonDeath: annul_person_death,
    },
    division=lambda state: state.division,
)
