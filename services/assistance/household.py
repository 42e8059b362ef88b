"""Household (家庭): who lives together, what each earns, what they own, and how that changes: what assistance decides on.

One stream per household of the register. Facts carry the month from which they count, so any month can be assessed with
what was so in it, also when a fact comes in late: a change never touches a month before the one it names. Who moves out is kept with
what is known of him, so that the months in which he counted can be asked about again. How all of it moves is in ``move.py``. Relied on by
every household programme of this service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance import certificates, housing, move
from services.assistance.housing import HouseAppraised
from services.assistance.move import HouseholdHandedOver, HouseholdMoved, HouseholdMoveSetAside, Place
from shared.domain import dates, money
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.frozen import replace
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import REGISTRY, event, personal
from shared.eventsourcing.orders import Order
from shared.rules.facts import AREAS, DISABILITY_KINDS, HouseholdFacts, PersonFacts

CATALOGUE = ("A11",)
MOST_MEMBERS = 30
INCOME_REASONS = ("employment", "pension", "business", "other")  # 就业、养老金、经营、其他
# 出生、收养，婚嫁，迁入，迁出，财产变动，疾病，就学，服刑或失踪等不计入情形，核对或复核发现，更正登记，其他
CHANGE_REASONS = (
    "birth", "marriage", "moved_in", "moved_out", "property", "illness", "schooling", "not_counted", "means_test", "correction", "other",
)  # fmt: skip
HOLDINGS = ("savings_fen", "securities_fen", "vehicles", "homes")  # 存款、证券基金、车辆、住房
ALONE_IN = "minimum_living_allowance"  # the programme that one member of a margin household may apply for alone (单人保)
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


@dataclass(frozen=True)
class MemberChange:
    """What is otherwise with a member from a month on; None: as before. A certificate and an income have events of their own."""

    person_id: str
    excluded_income_fen: int | None = None
    employed: bool | None = None
    gravely_ill: bool | None = None
    student: bool | None = None
    counted: bool | None = None


@dataclass(frozen=True)
class SupportSpan:
    """Months in which a member is supported as 特困: from ``first`` to before ``end`` ("" = still)."""

    first: str
    end: str = ""


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


@event(
    "assistance.member_death_annulled",
    published=True,
    public=lambda e: {"household_id": e.household_id, "effective_month": e.effective_month, "cause": "death"},
)
@dataclass(frozen=True)
class MemberDeathAnnulled:
    """死亡登记撤销: the member lives, and counts again from ``effective_month`` on, the month from which he no longer had."""

    household_id: str
    person_id: str
    effective_month: str


@event("assistance.member_certified")
@dataclass(frozen=True)
class MemberCertified:
    """残疾人证 of a member, carried over from his own record, so that all that a household is decided on stands in its one stream."""

    household_id: str
    person_id: str
    certificate: Certificate


@event(
    "assistance.household_changed",
    published=True,
    public=lambda e: {"household_id": e.household_id, "effective_month": e.from_month, "cause": "change"},
)
@dataclass(frozen=True)
class HouseholdChanged:
    """家庭情况变更: from ``from_month`` on these live here too (``joined``), those no more (``left``), of those something is otherwise
    (``members``), and the household owns so much (None: as before). ``reason`` is one of CHANGE_REASONS, ``evidence`` the papers."""

    household_id: str
    from_month: str
    joined: tuple[Member, ...]
    left: tuple[str, ...]
    members: tuple[MemberChange, ...]
    savings_fen: int | None
    securities_fen: int | None
    vehicles: int | None
    homes: int | None
    reason: str
    evidence: str
    by: str


@event(
    "assistance.head_changed",
    published=True,
    public=lambda e: {"household_id": e.household_id, "effective_month": e.from_month, "cause": "head"},
)
@dataclass(frozen=True)
class HeadChanged:
    """户主变更: from ``from_month`` on ``head_id`` is the head of household, who is paid for it; ``evidence`` names the papers."""

    household_id: str
    head_id: str
    from_month: str
    evidence: str
    by: str


@event("assistance.household_head_overdue")
@dataclass(frozen=True)
class HeadOverdue:
    """户主逾期未变更: until ``due_on`` nobody named another head in the place of one who is there no more."""

    household_id: str
    due_on: date


@event("assistance.applied_alone")
@dataclass(frozen=True)
class AppliedAlone:
    """单人保: from ``from_month`` on one member applies for 低保, or is supported, alone; ``person_id`` "": the household as a whole."""

    household_id: str
    person_id: str
    from_month: str


@event("assistance.member_supported")
@dataclass(frozen=True)
class MemberSupported:
    """特困供养 of a member, carried over from his own case: in these months he is not protected by the household's 低保."""

    household_id: str
    person_id: str
    spans: tuple[SupportSpan, ...]


# All that a household's stream may hold: its moves and the appraisals of its house among it.
EVENTS = tuple(kind.cls for kind in REGISTRY.values() if kind.cls.__module__ in (__name__, housing.__name__, move.__name__))


# -- State


@dataclass(frozen=True)
class Income:
    effective_month: str
    monthly_income_fen: int
    effective_from: date | None
    new_employment: bool
    ends_employment: bool = False  # he lives on something else now: a pension, a business, nothing


@dataclass(frozen=True)
class Move:
    """Whether a person lives here from ``month`` on."""

    month: str
    here: bool


@dataclass(frozen=True)
class Dated:
    """Figures of a member or of what the household owns, from ``month`` on; what is not in it stays as it was."""

    month: str
    figures: Mapping[str, int]


@dataclass(frozen=True)
class Household:
    household_id: str = ""
    division: str = ""  # whose it is now
    area: str = ""  # as registered; in a month: ``move.place_in``
    head_id: str = ""
    members: Mapping[str, Member] = field(default_factory=lambda: MappingProxyType({}))  # all who ever lived here
    incomes: Mapping[str, tuple[Income, ...]] = field(default_factory=lambda: MappingProxyType({}))  # ascending by recording
    certificates: Mapping[str, tuple[Certificate, ...]] = field(default_factory=lambda: MappingProxyType({}))  # as recorded
    left: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # the dead -> first month no longer counted
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=lambda: MappingProxyType({}))  # as recorded; none: from the first on
    details: Mapping[str, tuple[Dated, ...]] = field(default_factory=lambda: MappingProxyType({}))  # as recorded
    holdings: tuple[Dated, ...] = ()  # as recorded; before them, as registered
    heads: tuple[HeadChanged, ...] = ()  # as recorded; before them, as registered
    head_overdue: date | None = None  # until when the head that is wanted was to be named
    alone: tuple[AppliedAlone, ...] = ()
    appraisals: tuple[HouseAppraised, ...] = ()  # as recorded
    supported: Mapping[str, tuple[SupportSpan, ...]] = field(default_factory=lambda: MappingProxyType({}))
    died: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    savings_fen: int = 0
    securities_fen: int = 0
    vehicles: int = 0
    homes: int = 0
    registered_in: str = ""
    towns: tuple[Place, ...] = ()  # by its moves that are in force, as recorded; before them, as registered
    moved: int = 0  # how many moves were recorded
    handed: tuple[int, ...] = ()  # the moves by which it was handed over to the town that has it now

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
                registered_in=happened.division,
            )
        case HouseholdMoved():
            there = Place(happened.number, happened.from_month, happened.division, happened.area)
            return replace(state, towns=(*state.towns, there), moved=happened.number)
        case HouseholdMoveSetAside():
            return replace(state, towns=tuple(p for p in state.towns if p.number != happened.number))
        case HouseholdHandedOver():
            return replace(state, division=happened.division, handed=happened.numbers)
        case IncomeRecorded():
            fen, why = happened.monthly_income_fen, happened.reason
            over = why in ("pension", "business") or not fen
            new = Income(happened.effective_month, fen, happened.effective_from, why == "employment", over and why != "employment")
            known = state.incomes[happened.person_id]
            return replace(state, incomes=MappingProxyType({**state.incomes, happened.person_id: (*known, new)}))
        case MemberCertified():
            held = (*state.certificates.get(happened.person_id, ()), happened.certificate)
            return replace(state, certificates=MappingProxyType({**state.certificates, happened.person_id: held}))
        case HouseholdChanged():
            return _changed(state, happened)
        case HeadChanged():
            return replace(state, heads=(*state.heads, happened))
        case HeadOverdue():
            return replace(state, head_overdue=happened.due_on)
        case AppliedAlone():
            return replace(state, alone=(*state.alone, happened))
        case HouseAppraised():
            return replace(state, appraisals=(*state.appraisals, happened))
        case MemberSupported():
            return replace(state, supported=MappingProxyType({**state.supported, happened.person_id: happened.spans}))
        case MemberDied():
            return replace(
                state,
                left=MappingProxyType({**state.left, happened.person_id: happened.effective_month}),
                died=MappingProxyType({**state.died, happened.person_id: happened.died_on}),
            )
        case MemberDeathAnnulled():
            return replace(
                state,
                left=MappingProxyType({p: month for p, month in state.left.items() if p != happened.person_id}),
                died=MappingProxyType({p: day for p, day in state.died.items() if p != happened.person_id}),
            )
        case _:
            raise TypeError(f"a household knows no {type(happened).__name__}")


def _changed(state: Household, e: HouseholdChanged) -> Household:
    members, incomes, moves, details = dict(state.members), dict(state.incomes), dict(state.moves), dict(state.details)

    def add(to: dict[str, tuple[Any, ...]], person_id: str, *new: Any) -> None:
        to[person_id] = (*to.get(person_id, ()), *new)

    for m in e.joined:
        if m.person_id not in members:
            members[m.person_id] = m
            incomes[m.person_id] = (Income(ALWAYS, m.monthly_income_fen, None, False),)
            add(moves, m.person_id, Move(ALWAYS, False), Move(e.from_month, True))
        else:  # back again: what was so before he left stays so
            add(incomes, m.person_id, Income(e.from_month, m.monthly_income_fen, None, False))
            add(details, m.person_id, Dated(e.from_month, MappingProxyType({name: int(getattr(m, name)) for name in _DETAILS})))
            add(moves, m.person_id, Move(e.from_month, True))
    for person_id in e.left:
        add(moves, person_id, Move(e.from_month, False))
    for change in e.members:
        add(details, change.person_id, Dated(e.from_month, _said(change, _DETAILS)))
    owned = _said(e, HOLDINGS)
    return replace(
        state,
        members=MappingProxyType(members),
        incomes=MappingProxyType(incomes),
        moves=MappingProxyType(moves),
        details=MappingProxyType(details),
        holdings=(*state.holdings, Dated(e.from_month, owned)) if owned else state.holdings,
    )


_DETAILS = ("excluded_income_fen", "employed", "gravely_ill", "student", "counted")


def _said(of: Any, names: Sequence[str]) -> Mapping[str, int]:
    """What a change says of these figures: yes and no as 1 and 0."""
    return MappingProxyType({name: int(value) for name in names if (value := getattr(of, name)) is not None})


def _figure(known: Sequence[Dated], name: str, month: str, first: int) -> int:
    """The figure that begins latest by the month; of two of one month, the one recorded last corrects the other."""
    if not known:  # of most nothing ever changes, and a rise asks about a hundred thousand
        return first
    there = [(d.month, n) for n, d in enumerate(known) if d.month <= month and name in d.figures]
    return known[max(there)[1]].figures[name] if there else first


def known_until(state: Household) -> str:
    """The last month from which a known fact counts; it may be still to come."""
    incomes = (i.effective_month for known in state.incomes.values() for i in known)
    certified = (month for known in state.certificates.values() for month, _ in certificates.counted(known))
    moves = (m.month for known in state.moves.values() for m in known)
    details = (d.month for known in (*state.details.values(), state.holdings) for d in known)
    supports = (m for known in state.supported.values() for span in known for m in (span.first, span.end))
    dated = (*(a.from_month for a in state.alone), *(p.month for p in state.towns))
    return max((*incomes, *certified, *moves, *details, *supports, *dated, *state.left.values()), default=ALWAYS)


def lives_in(state: Household, person_id: str, month: str) -> bool:
    """Whether somebody is a member in a month, by all that is known now."""
    if person_id not in state.members or month >= state.left.get(person_id, "9999-12"):
        return False
    moves = state.moves.get(person_id, ())
    known = [(m.month, n) for n, m in enumerate(moves) if m.month <= month] if moves else []
    return moves[max(known)[1]].here if known else True


def alone_in(state: Household, month: str) -> str:
    """Who applies, or is supported, alone in a month (单人保); "" = the household as a whole."""
    known = [(a.from_month, n) for n, a in enumerate(state.alone) if a.from_month <= month]
    return state.alone[max(known)[1]].person_id if known else ""


def facts_in(
    state: Household, month: str, current_amount_fen: int, gradual_exit_since: str | None, programme: str = "", wherever: bool = False
) -> HouseholdFacts:
    """The household as it was in a month, by all that is known now: what the rules are asked about.

    ``programme``: what they are asked about it; of 低保, who applies alone. Where he is there no more, nobody is left to be supported; nor
    is anybody here of a household that lives out of the district, unless they are asked about ``wherever`` they are.
    """
    members = tuple(person_in(state, m.person_id, month) for m in state.members.values() if lives_in(state, m.person_id, month))
    alone = alone_in(state, month) if programme == ALONE_IN else ""
    if alone and not lives_in(state, alone, month):
        members = ()
    division, area = state.division, state.area
    if state.towns:  # of most it is none, and a rise asks about a hundred thousand
        division, area = move.town_in(state, month), move.place_in(state, month)[1]
        members = members if wherever or not move.away_in(state, month) else ()
    return HouseholdFacts(
        household_id=state.household_id,
        division=division,
        area=area,
        members=members,
        **{name: _figure(state.holdings, name, month, getattr(state, name)) for name in HOLDINGS},
        gradual_exit_since=dates.first_day(gradual_exit_since) if gradual_exit_since else None,
        current_amount_fen=current_amount_fen,
        applies_alone=alone,
    )


def head_of(state: Household, month: str = "9999-12") -> str:
    """The head of household (户主), now or in a month: of two of one month the one recorded last corrects the other."""
    known = [(h.from_month, n) for n, h in enumerate(state.heads) if h.from_month <= month]
    return state.heads[max(known)[1]].head_id if known else state.head_id


def head_wanted(state: Household, month: str) -> bool:
    """Whether the head is there no more while others are: somebody has to say who is the head now."""
    return not lives_in(state, head_of(state), month) and any(lives_in(state, p, month) for p in state.members)


def payee_in(state: Household, facts: HouseholdFacts) -> str:
    """Who is paid for the household: who applied alone, its head, or the eldest of those who are left when the head is not."""
    if facts.applies_alone:
        return facts.applies_alone
    there = [m.person_id for m in sorted(facts.members, key=lambda m: (m.born_on, m.person_id))]
    head = head_of(state)
    return head if head in there else there[0]


def person_in(state: Household, person_id: str, month: str) -> PersonFacts:
    """One who ever lived here, as he was in a month; also of a month in which he lives elsewhere, as long as nobody else has him."""
    m, details = state.members[person_id], state.details.get(person_id, ())
    known = [i for i in state.incomes[m.person_id] if i.effective_month <= month]
    # The fact that begins latest holds, in whatever order they came; of two of the same day, the one recorded last corrects the other.
    known.sort(key=lambda i: (i.effective_month, i.effective_from or date.min))
    income, job = known[-1], _job_in(known, details, month)
    grade, kind = _disability_in(state, m, month)
    return PersonFacts(
        person_id=m.person_id,
        born_on=m.born_on,
        monthly_income_fen=income.monthly_income_fen,
        excluded_income_fen=min(
            _figure(details, "excluded_income_fen", month, m.excluded_income_fen), income.monthly_income_fen
        ),
        employed=bool(_figure(details, "employed", month, m.employed)) or job is not None,
        newly_employed_on=job.effective_from if job is not None else None,
        disability_grade=grade,
        disability_kind=kind,
        gravely_ill=bool(_figure(details, "gravely_ill", month, m.gravely_ill)),
        student=bool(_figure(details, "student", month, m.student)),
        counted=bool(_figure(details, "counted", month, m.counted)),
        extreme_hardship=any(s.first <= month and (not s.end or month < s.end) for s in state.supported.get(person_id, ())),
    )


def _job_in(known: Sequence[Income], details: Sequence[Dated], month: str) -> Income | None:
    """By which income he took up the work that he has: another amount does not end it. A pension, a business or no income at all in its
    place does, and that the household says of a later month that he works no longer."""
    job: Income | None = None
    for income in known:
        job = income if income.new_employment else None if income.ends_employment else job
    if job is None:
        return None
    ended = any(job.effective_month < d.month <= month and d.figures.get("employed") == 0 for d in details)
    return None if ended else job


def _disability_in(state: Household, m: Member, month: str) -> tuple[int, str]:
    """Grade and kind by the certificate that counts in the month, which gives none behind its last valid month; where none is on file
    for the month, as the register has it."""
    last = certificates.in_month(state.certificates.get(m.person_id, ()), month)
    if last is None:
        return m.disability_grade, m.disability_kind
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


@command("annul_member_death", permission="assistance:death")
@dataclass(frozen=True)
class AnnulMemberDeath:
    household_id: str
    person_id: str


@command("note_certificates", permission="assistance:note")
@dataclass(frozen=True)
class NoteCertificates:
    """By the service: every certificate that is on file of the person, in the order of recording."""

    household_id: str
    person_id: str
    certificates: tuple[Certificate, ...]


@command("change_household", permission="assistance:survey")
@dataclass(frozen=True)
class ChangeHousehold:
    """家庭情况变更登记: what is otherwise from ``from_month`` on; None and empty: as before."""

    household_id: str
    from_month: str
    reason: str
    evidence: str
    joined: tuple[Member, ...] = ()
    left: tuple[str, ...] = ()
    members: tuple[MemberChange, ...] = ()
    savings_fen: int | None = None
    securities_fen: int | None = None
    vehicles: int | None = None
    homes: int | None = None


@command("note_head_overdue", permission="assistance:record")
@dataclass(frozen=True)
class NoteHeadOverdue:
    """By the timer: the day until which a new head was to be named is over."""

    household_id: str
    due_on: date


@command("change_head", permission="assistance:survey")
@dataclass(frozen=True)
class ChangeHead:
    """户主变更登记: counts from ``from_month`` on, this month at the latest: who is paid from now on follows from it."""

    household_id: str
    head_id: str
    from_month: str
    evidence: str


@command("note_applicant", permission="assistance:accept")
@dataclass(frozen=True)
class NoteApplicant:
    """Who applies for 低保 alone from a month on; "": the household as a whole."""

    household_id: str
    person_id: str
    from_month: str


@command("note_support", permission="assistance:note")
@dataclass(frozen=True)
class NoteSupport:
    """By the service: all months in which a member is, or was, supported as 特困."""

    household_id: str
    person_id: str
    spans: tuple[SupportSpan, ...]


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
    _check_holdings(c)
    where = divisions.check(c.division)
    new = HouseholdRegistered(
        c.household_id, where, c.area, c.head_id, c.members, c.savings_fen, c.securities_fen, c.vehicles, c.homes, c.source
    )
    if not state.exists:
        return [new]
    if _as_registered(state) == (where, c.area, c.head_id, c.members, c.savings_fen, c.securities_fen, c.vehicles, c.homes):
        return []  # the same file once more
    raise Refused("already_exists", "该户已登记且内容不同，请通过“家庭情况变更登记”办理。", "household_id")


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


def annul_death(state: Household, c: AnnulMemberDeath, order: Order[Any]) -> Sequence[Any]:
    if c.person_id not in state.died:
        return []
    return [MemberDeathAnnulled(state.household_id, c.person_id, state.left[c.person_id])]


def change_household(state: Household, c: ChangeHousehold, order: Order[Any]) -> Sequence[Any]:
    """What was told of that month already is left out; a change that says nothing else is told twice."""
    if not state.exists:
        raise Refused("not_found", "没有此家庭，请先登记。", "household_id")
    dates.check_month(c.from_month, "from_month")
    if not "2000-01" <= c.from_month <= dates.add_months(dates.month_of(order.today), 1):
        raise invalid("变更起始月份不合理，最晚为次月。", "from_month")
    if c.reason not in CHANGE_REASONS:
        raise invalid("变更事由不在允许的取值范围内。", "reason")
    if not c.evidence.strip():
        raise invalid("请填写依据的证明材料。", "evidence")
    _check_holdings(c)
    _check_moves(state, c, order)
    joined = tuple(m for m in c.joined if not lives_in(state, m.person_id, c.from_month))
    left = tuple(p for p in c.left if lives_in(state, p, c.from_month))
    members = tuple(new for change in c.members if _said(new := _news(state, change, c.from_month), _DETAILS))
    owned = {name: None if _told(state.holdings, name, c.from_month) == (value := getattr(c, name)) else value for name in HOLDINGS}
    if not (joined or left or members or any(v is not None for v in owned.values())):
        return []
    return [
        HouseholdChanged(
            state.household_id, c.from_month, joined, left, members, **owned, reason=c.reason, evidence=c.evidence, by=order.hand.actor
        )
    ]


def note_head_overdue(state: Household, c: NoteHeadOverdue, order: Order[Any]) -> Sequence[Any]:
    """Once for each head that is wanted; nothing when one was named meanwhile: the timer may be late, or run twice."""
    wanted = head_wanted(state, dates.add_months(dates.month_of(order.today), 1))
    if not wanted or order.today <= c.due_on or (state.head_overdue is not None and state.head_overdue >= c.due_on):
        return []
    return [HeadOverdue(state.household_id, c.due_on)]


def change_head(state: Household, c: ChangeHead, order: Order[Any]) -> Sequence[Any]:
    if not state.exists:
        raise Refused("not_found", "没有此家庭，请先登记。", "household_id")
    dates.check_month(c.from_month, "from_month")
    this = dates.month_of(order.today)
    if not "2000-01" <= c.from_month <= this:
        raise invalid("变更起始月份不合理，最晚为本月。", "from_month")
    if not c.evidence.strip():
        raise invalid("请填写依据的证明材料。", "evidence")
    if not (lives_in(state, c.head_id, c.from_month) and lives_in(state, c.head_id, this)) or c.head_id in state.died:
        raise Refused("unknown_person", "新户主须为该家庭现有的成员。", "head_id")
    if head_of(state) == head_of(state, c.from_month) == c.head_id:
        return []
    return [HeadChanged(state.household_id, c.head_id, c.from_month, c.evidence.strip(), order.hand.actor)]


def _check_moves(state: Household, c: ChangeHousehold, order: Order[Any]) -> None:
    named = [*(m.person_id for m in c.joined), *c.left]
    if len(set(named)) != len(named):
        raise invalid("同一人员在变更中出现两次。", "joined")
    if len({m.person_id for m in c.members}) != len(c.members):
        raise invalid("同一人员在变更中出现两次。", "members")
    for n, m in enumerate(c.joined):
        _check_member(m, f"joined.{n}", order.today)
        if m.person_id in state.died:
            raise Refused("out_of_order", "该人员已死亡。", f"joined.{n}.person_id")
    for what, ids in (("left", c.left), ("members", [m.person_id for m in c.members])):
        for n, person_id in enumerate(ids):
            if person_id not in state.members:
                raise Refused("unknown_person", "该人员不在本家庭登记中。", f"{what}.{n}")
    for n, change in enumerate(c.members):
        if change.excluded_income_fen is not None:
            money.check(change.excluded_income_fen, f"members.{n}.excluded_income_fen")
    if len(state.members) + len([m for m in c.joined if m.person_id not in state.members]) > MOST_MEMBERS:
        raise invalid(f"家庭成员须为1至{MOST_MEMBERS}人。", "joined")


def _news(state: Household, change: MemberChange, month: str) -> MemberChange:
    """What of a change was not told of that month already."""
    told = {name: _told(state.details.get(change.person_id, ()), name, month) for name in _DETAILS}
    return replace(change, **{name: None for name, value in told.items() if getattr(change, name) == value})


def _told(known: Sequence[Dated], name: str, month: str) -> int | None:
    """What was said of a figure from exactly this month on. That it is as before is news too: a fact of an earlier month that comes to
    light later holds up to here, and no further."""
    return next((d.figures[name] for d in reversed(known) if d.month == month and name in d.figures), None)


def note_applicant(state: Household, c: NoteApplicant, order: Order[Any]) -> Sequence[Any]:
    """Whether he may apply alone is for the rules to say; here only that he lives in the household."""
    if c.person_id and not lives_in(state, c.person_id, c.from_month):
        raise Refused("unknown_person", "单独申请人不是该家庭当月的成员。", "applies_alone")
    if alone_in(state, c.from_month) == c.person_id:
        return []
    return [AppliedAlone(state.household_id, c.person_id, c.from_month)]


def note_support(state: Household, c: NoteSupport, order: Order[Any]) -> Sequence[Any]:
    if c.person_id not in state.members or state.supported.get(c.person_id, ()) == c.spans:
        return []
    return [MemberSupported(state.household_id, c.person_id, c.spans)]


def note_certificates(state: Household, c: NoteCertificates, order: Order[Any]) -> Sequence[Any]:
    """Only what is not here yet: a certificate is never taken back, a later one corrects it."""
    if c.person_id not in state.members:
        return []  # the household is being registered, and what is on file is carried over behind that
    there = len(state.certificates.get(c.person_id, ()))
    return [MemberCertified(state.household_id, c.person_id, certificate) for certificate in c.certificates[there:]]


def _check_holdings(c: RegisterHousehold | ChangeHousehold) -> None:
    for name in ("savings_fen", "securities_fen"):
        if getattr(c, name) is not None:
            money.check(getattr(c, name), name, 100 * money.ABSURD_FEN)
    for name in ("vehicles", "homes"):
        if not 0 <= (getattr(c, name) or 0) <= 100:
            raise invalid("车辆或住房数量不合理。", "vehicles" if isinstance(c, RegisterHousehold) else name)


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
    members = tuple(m for m in state.members.values() if state.moves.get(m.person_id, ())[:1] != (Move(ALWAYS, False),))
    return (state.registered_in, state.area, state.head_id, members, state.savings_fen, state.securities_fen, state.vehicles, state.homes)


DECIDER: Decider[Household] = Decider(
    category="assistance.household",
    initial=Household(),
    evolve=evolve,
    decide={
        RegisterHousehold: register_household,
        RecordIncome: record_income,
        RecordDeath: record_death,
        AnnulMemberDeath: annul_death,
        NoteCertificates: note_certificates,
        ChangeHousehold: change_household,
        ChangeHead: change_head,
        NoteHeadOverdue: note_head_overdue,
        move.MoveHousehold: move.move_household,
        move.SetAsideMove: move.set_aside_move,
        move.HandOverHousehold: move.hand_over_household,
        NoteApplicant: note_applicant,
        NoteSupport: note_support,
        housing.AppraiseHouse: housing.appraise,
    },
    division=lambda state: state.division,
)
