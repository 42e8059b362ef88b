"""Changes of a household (家庭情况变更): births, moves, property, illness; every case that rests on them is decided again by itself.

Who moves alone from one household into another leaves there and joins here, each registered by its own town, from the month after. The
cases of both households are decided again, without him and with him; what is his own follows him on the first of that month (``move.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from services.assistance import household, person, placement, temporary_deceased
from services.assistance.benefits import EXTREME_HARDSHIP, note_certificates, note_class, note_support
from services.assistance.doors.person import PersonDoors
from services.assistance.rows.heads import HEAD_LATE
from shared.domain import dates
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Notice, Order
from shared.messaging.doors import OWN, Due, command, deadline, reaction
from shared.rules.facts import DISABILITY_KINDS


@dataclass(frozen=True)
class MemberForm:
    """One member as a bureau's file or a clerk's form has it. Money is fen a month."""

    resident_id: str
    name: str
    relation: str
    monthly_income_fen: int = 0
    excluded_income_fen: int = 0
    employed: bool = False
    disability_grade: int = 0
    disability_kind: str = field(default="", metadata={"codes": DISABILITY_KINDS})
    gravely_ill: bool = False
    student: bool = False
    counted: bool = True


@dataclass(frozen=True)
class MemberChangeForm:
    """What is otherwise with a member; what is left out stays as it was."""

    person_id: str
    excluded_income_fen: int | None = None
    employed: bool | None = None
    gravely_ill: bool | None = None
    student: bool | None = None
    counted: bool | None = None


@dataclass(frozen=True)
class ChangeForm:
    """家庭情况变更登记: from ``from_month`` on, on the papers named as ``evidence``; what is left out stays as it was. ``joined``: born or
    moved in; ``left``: moved out. An income, a certificate and a death have forms of their own."""

    household_id: str
    from_month: str
    reason: str = field(metadata={"codes": household.CHANGE_REASONS})
    evidence: str
    joined: tuple[MemberForm, ...] = ()
    left: tuple[str, ...] = ()
    members: tuple[MemberChangeForm, ...] = ()
    savings_fen: int | None = None
    securities_fen: int | None = None
    vehicles: int | None = None
    homes: int | None = None


@dataclass(frozen=True)
class HeadForm:
    """户主变更登记: who of the household is its head from ``from_month`` on, this month at the latest, on the papers named."""

    household_id: str
    head_id: str
    from_month: str
    evidence: str


@dataclass(frozen=True)
class HouseholdChanged:
    """Our own ``assistance.household_changed`` and ``head_changed``."""

    household_id: str
    effective_month: str
    cause: str


class ChangeDoors(PersonDoors):
    """家庭情况变更."""

    @command(ChangeForm, permission="assistance:survey")
    def change_household(self, order: Order[ChangeForm]) -> Any:
        """家庭情况变更登记：出生、迁入、迁出、财产、疾病等，自所填月份起计（迁入、迁出为次月）；随后自动复核，补发或追回逐月算出，迁入者本人事项随迁。"""
        c = order.command
        joined = tuple(self.member(m, f"joined.{n}") for n, m in enumerate(c.joined))
        changes = tuple(household.MemberChange(**vars(m)) for m in c.members)
        change = household.ChangeHousehold(
            c.household_id, c.from_month, c.reason, c.evidence, joined, c.left, changes,
            c.savings_fen, c.securities_fen, c.vehicles, c.homes,
        )  # fmt: skip
        # Whether all of it is right is known before the first claim on a person is made.
        self.office.rehearse(household.DECIDER, c.household_id, order.to(change))
        before: household.Household = self.office.load(household.DECIDER, c.household_id).state
        # A mover was another town's until now; the household that he is taken in by is this hand's, as was checked.
        anywhere = order.by(replace(order.hand, division=""))
        places = [(m.person_id, placement.PlacePerson(m.person_id, c.household_id, before.division, c.from_month)) for m in joined]
        for n, (person_id, place) in enumerate(places):
            known: person.Person = self.office.load(person.DECIDER, person_id).state
            if known.died_on is not None:
                raise Refused("out_of_order", "该人员已死亡。", f"joined.{n}.resident_id")
            self.office.rehearse(placement.DECIDER, person_id, anywhere.to(place))
        self.office.vault.prepare(person_id for person_id, _ in places)
        for person_id, place in places:
            self.office.handle(placement.DECIDER, person_id, anywhere.to(place, f"place {person_id}"))
        answer = self.office.handle(household.DECIDER, c.household_id, order.to(change))
        for person_id in c.left:
            self._release(person_id, before, c.from_month, order)
        for person_id, _ in places:
            self.carry_over(person_id, c.household_id, order)
        return answer

    @command(HeadForm, permission="assistance:survey")
    def change_head(self, order: Order[HeadForm]) -> Any:
        """户主变更登记；此后该户各项救助发给新户主，其领款账户核实前暂缓发放。"""
        change = household.ChangeHead(**vars(order.command))
        return self.office.handle(household.DECIDER, order.command.household_id, order.to(change))

    @deadline(HEAD_LATE)
    def on_head_late(self, due: Due) -> None:
        """户主待变更逾期."""
        late = household.NoteHeadOverdue(due.aggregate_id, date.fromisoformat(due.data["due_on"]))
        self.office.handle(household.DECIDER, due.aggregate_id, due.order(late))

    @reaction(OWN, "head_changed", reads=HouseholdChanged)
    def on_head_changed(self, notice: Notice[HouseholdChanged]) -> None:
        """Who is paid for the household changed: its cases are decided again, and so go on to the new head."""
        self.reassess_household(notice.facts.household_id, notice.facts.effective_month, notice)

    def _release(self, person_id: str, home: household.Household, month: str, order: Order[Any]) -> None:
        """He is counted by nobody from then on. Who is registered by himself takes the income along that his household had of him."""
        leave = placement.ReleasePerson(person_id, home.household_id, month)
        self.office.handle(placement.DECIDER, person_id, order.to(leave, f"release {person_id}"))
        own: person.Person = self.office.load(person.DECIDER, person_id).state
        if own.registered is not None and own.died_on is None:
            earns = household.person_in(home, person_id, month).monthly_income_fen
            day = dates.last_day(dates.add_months(month, -1))  # an income counts from the month after
            income = person.RecordPersonIncome(person_id, home.division, earns, day, "household")
            self.office.handle(person.DECIDER, person_id, order.to(income, f"income {person_id}"))

    def carry_over(self, person_id: str, household_id: str, order: Order[Any]) -> None:
        """What is on file of a member that the household is decided on: his certificates, his 特困."""
        own = order.by(self.benefits.hand())
        note_certificates(self.office, person_id, household_id, own)
        note_support(self.office, person_id, own)

    def member(self, m: MemberForm, where: str) -> household.Member:
        """A member by his resident ID, from which his pseudonym and his birthday follow."""
        number = resident_ids.check(m.resident_id, f"{where}.resident_id")
        more = {name: value for name, value in vars(m).items() if name not in ("resident_id", "relation")}
        return household.Member(
            person_id=self.office.person_id(number), born_on=resident_ids.born_on(number), relation=m.relation, resident_id=number, **more
        )

    @reaction(OWN, "household_changed", reads=HouseholdChanged)
    def on_household_changed(self, notice: Notice[HouseholdChanged]) -> None:
        """A household changed: who moved carries his class along, then every case of it and of its members is decided again."""
        f = notice.facts
        state: household.Household = self.office.load(household.DECIDER, f.household_id).state
        for person_id in state.members:
            note_class(self.office, EXTREME_HARDSHIP, person_id, notice.order(None, f"class {person_id}"))
        self.reassess_household(f.household_id, f.effective_month, notice)
        # Who was to be paid an instalment of temporary assistance for it may have left.
        temporary_deceased.payees_again(self.office, self.benefits, f.household_id, notice.order(None))
