"""Household (家庭): who lives together, what each earns, what they own. The facts that assistance decides on.

One stream per household of the register. Facts carry the month from which they count, so any month can be assessed with
what was so in it, also when a fact comes in late. Relied on by every household programme of this service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.domain import dates, money
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.frozen import replace
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order
from shared.rules.facts import AREAS, DISABILITY_KINDS, HouseholdFacts, PersonFacts

MOST_MEMBERS = 30
INCOME_REASONS = ("employment", "pension", "business", "other")  # 就业、养老金、经营、其他
ALWAYS = "0000-01"  # the month from which a fact of the first registration counts


@dataclass(frozen=True)
class Member:
    """A member of the household (家庭成员) as registered. Money is fen a month."""

    person_id: str
    born_on: date
    relation: str  # 与户主关系
    monthly_income_fen: int = 0
    excluded_income_fen: int = 0
    employed: bool = False
    disability_grade: int = 0
    disability_kind: str = ""
    gravely_ill: bool = False
    student: bool = False
    counted: bool = True
    name: str = personal(of="person_id", default="")
    resident_id: str = personal(of="person_id", default="")


@dataclass(frozen=True)
class Certificate:
    """残疾人证 of a member, as his own record (``person.py``) dates it: grade 0 = cancelled; good until the month of ``valid_until``."""

    grade: int
    kind: str
    valid_until: date | None
    effective_from: date
    effective_month: str


# -- Events


@event("assistance.household_registered")
@dataclass(frozen=True)
class HouseholdRegistered:
    """家庭登记: entered in the register, by import or by a clerk. ``head_id`` is the head of household (户主)."""

    household_id: str
    division: str
    area: str
    head_id: str
    members: tuple[Member, ...]
    savings_fen: int
    securities_fen: int
    vehicles: int
    homes: int
    source: str


@event(
    "assistance.income_recorded",
    published=True,
    public=lambda e: {"household_id": e.household_id, "effective_month": e.effective_month, "cause": "income"},
)
@dataclass(frozen=True)
class IncomeRecorded:
    """收入变动: a member's income is ``monthly_income_fen`` from ``effective_month`` on. ``source`` is a hand or an agency ("hrss")."""

    household_id: str
    person_id: str
    monthly_income_fen: int
    effective_from: date
    effective_month: str
    reason: str
    source: str


@event(
    "assistance.member_died",
    published=True,
    public=lambda e: {"household_id": e.household_id, "effective_month": e.changed_from or e.effective_month, "cause": "death"},
)
@dataclass(frozen=True)
class MemberDied:
    """家庭成员死亡: the household loses a member, who no longer counts from ``effective_month`` on.

    ``changed_from``: the first month in which anything changes, where a corrected day lies later than the one known before.
    """

    household_id: str
    person_id: str
    died_on: date
    effective_month: str
    changed_from: str = ""


@event("assistance.member_certified")
@dataclass(frozen=True)
class MemberCertified:
    """残疾人证 of a member, carried over from his own record, so that all that a household is decided on stands in its one stream."""

    household_id: str
    person_id: str
    certificate: Certificate


# -- State


@dataclass(frozen=True)
class Income:
    effective_month: str
    monthly_income_fen: int
    effective_from: date | None
    new_employment: bool


@dataclass(frozen=True)
class Household:
    household_id: str = ""
    division: str = ""
    area: str = ""
    head_id: str = ""
    members: Mapping[str, Member] = field(default_factory=lambda: MappingProxyType({}))
    incomes: Mapping[str, tuple[Income, ...]] = field(default_factory=lambda: MappingProxyType({}))  # ascending by recording
    certificates: Mapping[str, tuple[Certificate, ...]] = field(default_factory=lambda: MappingProxyType({}))  # as recorded
    left: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # person -> first month no longer counted
    died: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    savings_fen: int = 0
    securities_fen: int = 0
    vehicles: int = 0
    homes: int = 0

    @property
    def exists(self) -> bool:
        return bool(self.household_id)


def evolve(state: Household, happened: Any) -> Household:
    match happened:
        case HouseholdRegistered():
            return Household(
                happened.household_id,
                happened.division,
                happened.area,
                happened.head_id,
                MappingProxyType({m.person_id: m for m in happened.members}),
                MappingProxyType({m.person_id: (Income(ALWAYS, m.monthly_income_fen, None, False),) for m in happened.members}),
                savings_fen=happened.savings_fen,
                securities_fen=happened.securities_fen,
                vehicles=happened.vehicles,
                homes=happened.homes,
            )
        case IncomeRecorded():
            new = Income(happened.effective_month, happened.monthly_income_fen, happened.effective_from, happened.reason == "employment")
            known = state.incomes[happened.person_id]
            return replace(state, incomes=MappingProxyType({**state.incomes, happened.person_id: (*known, new)}))
        case MemberCertified():
            there = (*state.certificates.get(happened.person_id, ()), happened.certificate)
            return replace(state, certificates=MappingProxyType({**state.certificates, happened.person_id: there}))
        case MemberDied():
            return replace(
                state,
                left=MappingProxyType({**state.left, happened.person_id: happened.effective_month}),
                died=MappingProxyType({**state.died, happened.person_id: happened.died_on}),
            )
        case _:
            raise TypeError(f"a household knows no {type(happened).__name__}")


def known_until(state: Household) -> str:
    """The last month from which a known fact counts; it may be still to come."""
    incomes = (i.effective_month for known in state.incomes.values() for i in known)
    certificates = (c.effective_month for known in state.certificates.values() for c in known)
    return max((*incomes, *certificates, *state.left.values()), default=ALWAYS)


def facts_in(state: Household, month: str, current_amount_fen: int, gradual_exit_since: str | None) -> HouseholdFacts:
    """The household as it was in a month, by all that is known now: what the rules are asked about."""
    members = tuple(_person_in(state, m, month) for m in state.members.values() if month < state.left.get(m.person_id, "9999-12"))
    return HouseholdFacts(
        household_id=state.household_id,
        division=state.division,
        area=state.area,
        members=members,
        savings_fen=state.savings_fen,
        securities_fen=state.securities_fen,
        vehicles=state.vehicles,
        homes=state.homes,
        gradual_exit_since=dates.first_day(gradual_exit_since) if gradual_exit_since else None,
        current_amount_fen=current_amount_fen,
    )


def payee_in(state: Household, facts: HouseholdFacts) -> str:
    """Who is paid for the household: its head, or the eldest of those who are left when the head is not."""
    there = [m.person_id for m in sorted(facts.members, key=lambda m: (m.born_on, m.person_id))]
    return state.head_id if state.head_id in there else there[0]


def _person_in(state: Household, m: Member, month: str) -> PersonFacts:
    known = [i for i in state.incomes[m.person_id] if i.effective_month <= month]
    # The fact that begins latest holds, in whatever order they came; of two of the same day, the one recorded last corrects the other.
    income = max(enumerate(known), key=lambda n: (n[1].effective_month, n[1].effective_from or date.min, n[0]))[1]
    grade, kind = _disability_in(state, m, month)
    return PersonFacts(
        person_id=m.person_id,
        born_on=m.born_on,
        monthly_income_fen=income.monthly_income_fen,
        excluded_income_fen=min(m.excluded_income_fen, income.monthly_income_fen),
        employed=m.employed or income.new_employment,
        newly_employed_on=income.effective_from if income.new_employment else None,
        disability_grade=grade,
        disability_kind=kind,
        gravely_ill=m.gravely_ill,
        student=m.student,
        counted=m.counted,
    )


def _disability_in(state: Household, m: Member, month: str) -> tuple[int, str]:
    """Grade and kind by the certificate that counts in the month, which gives none behind its last valid month; where none is on file
    for the month, as the register has it."""
    known = [c for c in state.certificates.get(m.person_id, ()) if c.effective_month <= month]
    if not known:
        return m.disability_grade, m.disability_kind
    last = max(enumerate(known), key=lambda n: (n[1].effective_month, n[0]))[1]  # of two of one month the later recorded
    over = last.grade == 0 or (last.valid_until is not None and dates.month_of(last.valid_until) < month)
    return (0, "") if over else (last.grade, last.kind)


# -- Commands


@command("register_household", permission="assistance:register")
@dataclass(frozen=True)
class RegisterHousehold:
    household_id: str
    division: str
    area: str
    head_id: str
    members: tuple[Member, ...]
    savings_fen: int = 0
    securities_fen: int = 0
    vehicles: int = 0
    homes: int = 1
    source: str = "staff"


@command("record_income", permission="assistance:survey")
@dataclass(frozen=True)
class RecordIncome:
    """``reason``: employment (new job, may lead to 渐退), pension, business, other."""

    household_id: str
    person_id: str
    monthly_income_fen: int
    effective_from: date
    reason: str
    source: str


@command("record_death", permission="assistance:death")
@dataclass(frozen=True)
class RecordDeath:
    """``effective_month`` comes from the rules: the first month in which the member no longer counts."""

    household_id: str
    person_id: str
    died_on: date
    effective_month: str


@command("note_certificates", permission="assistance:note")
@dataclass(frozen=True)
class NoteCertificates:
    """By the service: every certificate that is on file of the person, in the order of recording."""

    household_id: str
    person_id: str
    certificates: tuple[Certificate, ...]


# -- Decisions


def register_household(state: Household, c: RegisterHousehold, order: Order[Any]) -> Sequence[Any]:
    if not 0 < len(c.members) <= MOST_MEMBERS:
        raise invalid(f"家庭成员须为1至{MOST_MEMBERS}人。", "members")
    ids = [m.person_id for m in c.members]
    if len(set(ids)) != len(ids):
        raise invalid("同一人员在家庭中出现两次。", "members")
    if c.head_id not in ids:
        raise invalid("户主须为家庭成员。", "head_id")
    if c.area not in AREAS:
        raise invalid("城乡类别须为 urban 或 rural。", "area")
    for n, m in enumerate(c.members):
        _check_member(m, f"members.{n}", order.today)
    money.check(c.savings_fen, "savings_fen", 100 * money.ABSURD_FEN)
    money.check(c.securities_fen, "securities_fen", 100 * money.ABSURD_FEN)
    if not (0 <= c.vehicles <= 100 and 0 <= c.homes <= 100):
        raise invalid("车辆或住房数量不合理。", "vehicles")
    where = divisions.check(c.division)
    new = HouseholdRegistered(
        c.household_id, where, c.area, c.head_id, c.members, c.savings_fen, c.securities_fen, c.vehicles, c.homes, c.source
    )
    if not state.exists:
        return [new]
    if _as_registered(state) == (where, c.area, c.head_id, c.members, c.savings_fen, c.securities_fen, c.vehicles, c.homes):
        return []  # the same file once more
    raise Refused("already_exists", "该户已登记且内容不同，请通过变更事项办理。", "household_id")


def record_income(state: Household, c: RecordIncome, order: Order[Any]) -> Sequence[Any]:
    if not state.exists or c.person_id not in state.members:
        raise Refused("unknown_person", "该人员不在本家庭登记中。", "person_id")
    money.check(c.monthly_income_fen, "monthly_income_fen")
    if not date(2000, 1, 1) <= c.effective_from <= date(order.today.year + 1, 12, 31):
        raise invalid("生效日期不合理。", "effective_from")
    if c.reason not in INCOME_REASONS:
        raise invalid("收入变化原因不在允许的取值范围内。", "reason")
    # 动态管理: a change counts from the month after it happened, so nobody pays back a month begun in good faith.
    month = dates.add_months(dates.month_of(c.effective_from), 1)
    if month >= state.left.get(c.person_id, "9999-12"):
        raise Refused("unknown_person", "该人员已不在本家庭中。", "person_id")
    known = [i for i in state.incomes[c.person_id] if i.effective_from == c.effective_from]
    if known and known[-1].monthly_income_fen == c.monthly_income_fen:
        return []  # told twice
    return [IncomeRecorded(state.household_id, c.person_id, c.monthly_income_fen, c.effective_from, month, c.reason, c.source)]


def record_death(state: Household, c: RecordDeath, order: Order[Any]) -> Sequence[Any]:
    if not state.exists or c.person_id not in state.members:
        raise Refused("unknown_person", "该人员不在本家庭登记中。", "person_id")
    if state.died.get(c.person_id) == c.died_on:
        return []
    before = state.left.get(c.person_id, c.effective_month)
    return [MemberDied(state.household_id, c.person_id, c.died_on, c.effective_month, before if before < c.effective_month else "")]


def note_certificates(state: Household, c: NoteCertificates, order: Order[Any]) -> Sequence[Any]:
    """Only what is not here yet: a certificate is never taken back, a later one corrects it."""
    if c.person_id not in state.members:
        return []  # the household is being registered, and what is on file is carried over behind that
    there = len(state.certificates.get(c.person_id, ()))
    return [MemberCertified(state.household_id, c.person_id, certificate) for certificate in c.certificates[there:]]


def _check_member(m: Member, where: str, today: date) -> None:
    if not is_person_id(m.person_id):
        raise invalid("人员标识不正确。", f"{where}.person_id")
    if not date(1890, 1, 1) <= m.born_on <= today:
        raise invalid("出生日期不合理。", f"{where}.born_on")
    money.check(m.monthly_income_fen, f"{where}.monthly_income_fen")
    money.check(m.excluded_income_fen, f"{where}.excluded_income_fen")
    if m.excluded_income_fen > m.monthly_income_fen:
        raise invalid("不计入收入不能大于月收入。", f"{where}.excluded_income_fen")
    if not 0 <= m.disability_grade <= 4:
        raise invalid("残疾等级须为0至4。", f"{where}.disability_grade")
    if m.disability_kind not in DISABILITY_KINDS:
        raise invalid("残疾类别不在允许的取值范围内。", f"{where}.disability_kind")


def _as_registered(state: Household) -> tuple[Any, ...]:
    members = tuple(state.members.values())
    return (state.division, state.area, state.head_id, members, state.savings_fen, state.securities_fen, state.vehicles, state.homes)


DECIDER: Decider[Household] = Decider(
    category="assistance.household",
    initial=Household(),
    evolve=evolve,
    decide={
        RegisterHousehold: register_household,
        RecordIncome: record_income,
        RecordDeath: record_death,
        NoteCertificates: note_certificates,
    },
    division=lambda state: state.division,
)
