"""Move doors (家庭迁移、个人迁移): a household moves; from the first of the month after, its cases and those of its members go with it.
Who moves alone into another household (``doors/changes.py``) takes what is his own along, from the month in which that one counts him; who
is counted by none, from the month in which he is registered elsewhere (``change_person``); whom a newly registered household counts, from
the month after that.

Two things follow, each from an event of its own. From the move itself: every case is decided again from the month it counts from (another
standard in town than in the country; none out of the district), at once, also when that month is still to come. From the hand-over, when
the month has begun: cases, persons and class are the new town's (lists, right to look, payment unit, disclosure); their earlier months
stay the old town's. Both first look what was handed over by now, so that it does not matter which of them is heard first. What else
goes along, and what stays: ``doors/along.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.assistance import household, move, person, placement
from services.assistance.benefits import ACCOUNTS, cases_of_household, cases_of_person, note_class
from services.assistance.determination import CLASSES
from services.assistance.doors.along import household_along, means_tests_along, person_along
from services.assistance.doors.person import PersonDoors
from services.assistance.programmes import PROGRAMMES
from services.assistance.rows.moves import ARRIVAL, HANDOVER
from shared.casework import benefit_case, payee_account
from shared.casework.benefit_case import CasePlace, HandOverCase
from shared.domain import dates
from shared.eventsourcing.orders import Notice, Order
from shared.messaging.doors import OWN, Due, command, deadline, reaction
from shared.rules.facts import AREAS


@dataclass(frozen=True)
class MoveForm:
    """家庭迁移登记: the whole household lives elsewhere since ``moved_on``; ``division``: where, in the district or out of it; ``evidence``
    names the papers. ``area``: in town or in the country, where that is otherwise than before."""

    household_id: str
    moved_on: date
    division: str
    reason: str = field(metadata={"codes": move.MOVE_REASONS})
    evidence: str
    area: str = field(default="", metadata={"codes": ("", *AREAS)})


@dataclass(frozen=True)
class SetAsideForm:
    """迁移登记撤销: which move of the household was none, by its number, and how it came to be registered."""

    household_id: str
    number: int
    reason: str


@dataclass(frozen=True)
class Moved:
    """Our own ``assistance.household_moved`` and ``household_move_set_aside``."""

    household_id: str
    effective_month: str


@dataclass(frozen=True)
class HandedOver:
    """Our own ``assistance.household_handed_over``."""

    household_id: str


@dataclass(frozen=True)
class PersonArrived:
    """Our own ``assistance.person_handed_over``."""

    person_id: str
    division: str
    from_month: str


@dataclass(frozen=True)
class Restored:
    """Our own ``assistance.case_restored`` and ``case_granted``."""

    programme: str
    subject_id: str


MOVED = "assistance.household_moved"  # what a decision names as its cause that a move led to
HERE_AFTER_ALL = "迁移登记撤销，自停发月份起恢复发放"


class MoveDoors(PersonDoors):
    """家庭迁移."""

    @command(MoveForm, permission="assistance:survey")
    def move_household(self, order: Order[MoveForm]) -> Any:
        """家庭迁移登记（由该户现属乡镇（街道）办理）：自迁移次月起由迁入地负责；迁出本区的，自次月起停发。随后自动复核、移交。"""
        c = order.command
        moving = move.MoveHousehold(c.household_id, c.moved_on, c.division, c.reason, c.evidence, c.area)
        return self.office.handle(household.DECIDER, c.household_id, order.to(moving))

    @command(SetAsideForm, permission="assistance:survey")
    def set_aside_move(self, order: Order[SetAsideForm]) -> Any:
        """撤销一项不实的迁移登记：如同未曾迁移，已移交的退回，因迁出停发的恢复。"""
        aside = move.SetAsideMove(**vars(order.command))
        return self.office.handle(household.DECIDER, order.command.household_id, order.to(aside))

    @deadline(HANDOVER)
    def on_household_handover(self, due: Due) -> None:
        """The month has begun from which a move counts."""
        self.office.handle(household.DECIDER, due.aggregate_id, due.order(move.HandOverHousehold(due.aggregate_id)))

    @deadline(ARRIVAL)
    def on_person_handover(self, due: Due) -> None:
        """The month has begun from which another household counts a person, or he is registered elsewhere."""
        person_id, month = due.aggregate_id, dates.month_of(due.now.date())
        home_id, own_town = self._has_him(person_id, month)
        town = self._at_home(home_id).division if home_id else own_town or self._where_known(person_id)
        if not town:
            return  # his claim was written, his household is about to be: the timer comes again
        over = placement.HandOverPerson(person_id, home_id, town, month)
        # The same month may be told anew after he was handed over for it: that is another order, though the day is the same.
        known = self.office.load(placement.DECIDER, person_id).version
        self.office.handle(placement.DECIDER, person_id, due.order(over, f"{known}"))

    # -- what follows

    @reaction(OWN, "household_moved", reads=Moved)
    def on_household_moved(self, notice: Notice[Moved]) -> None:
        """Every case of the household and of its members is decided again, and somebody looks at the subsidies of the disabled."""
        f = notice.facts
        self._go_along(f.household_id, notice)
        self.reassess_household(f.household_id, f.effective_month, notice)
        home = self._at_home(f.household_id)
        to = move.place_in(home, f.effective_month)[0]
        for member in home.members:
            if household.lives_in(home, member, f.effective_month):
                self.monitoring.hukou_moved(member, f.effective_month, to, not move.ours(home, to), notice.order(None))

    @reaction(OWN, "household_move_set_aside", reads=Moved)
    def on_household_move_set_aside(self, notice: Notice[Moved]) -> None:
        """As if it had not been said: what ended by it runs again, the rest is decided again."""
        f = notice.facts
        self._go_along(f.household_id, notice)
        for case_id in self._cases_at_home(self._at_home(f.household_id)):
            self.benefits.restore(case_id, HERE_AFTER_ALL, notice.order(None), account=MOVED)
        self.reassess_household(f.household_id, f.effective_month, notice)

    @reaction(OWN, "household_handed_over", reads=HandedOver)
    def on_household_handed_over(self, notice: Notice[HandedOver]) -> None:
        """Its cases, those of its members, and what is known of them are the new town's from now on."""
        self._go_along(notice.facts.household_id, notice)

    @reaction(OWN, "person_handed_over", reads=PersonArrived)
    def on_person_handed_over(self, notice: Notice[PersonArrived]) -> None:
        """His own cases, and what is known of him, are the new town's from now on; what was his household's stays with that one."""
        f = notice.facts
        self._person_along(f.person_id, f.division, notice)
        moved = [self._hand_case_over(case_id, notice) for case_id in cases_of_person(f.person_id)]
        for programme in (p for p in CLASSES if PROGRAMMES[p].subject == "person"):
            note_class(self.office, programme, f.person_id, notice.order(None, f"class {programme} {f.person_id}"))
        if any(p.month == f.from_month for case in moved for p in case.towns):
            self.monitoring.hukou_moved(f.person_id, f.from_month, f.division, False, notice.order(None))

    @reaction(OWN, "case_restored", reads=Restored)
    def on_moved_case_restored(self, notice: Notice[Restored]) -> None:
        """A case that was over when its household moved runs again: where the household is by now."""
        f = notice.facts
        declared = PROGRAMMES.get(f.programme)
        if declared is None or declared.payment == "once":
            return
        case_id = benefit_case.case_id(f.programme, f.subject_id)
        _, edges = self._whereabouts(self.office.load(self.benefits.cases, case_id).state)
        if any(month > household.ALWAYS for month in edges):
            self._hand_case_over(case_id, notice)

    @reaction(OWN, "case_granted", reads=Restored)
    def on_moved_case_granted(self, notice: Notice[Restored]) -> None:
        """The same of one that is granted again behind months that were not due (ADR 25): nobody applied for it in the new town."""
        f = notice.facts
        declared = PROGRAMMES.get(f.programme)
        if declared is None or declared.payment == "once":
            return
        case_id = benefit_case.case_id(f.programme, f.subject_id)
        case: benefit_case.Case = self.office.load(self.benefits.cases, case_id).state
        if case.rounds and self._whereabouts(case)[0](dates.month_of(notice.now.date())) != case.division:
            self._hand_case_over(case_id, notice)

    def _go_along(self, household_id: str, notice: Notice[Any]) -> None:
        """Make everything of the household equal to where it is now and was in which month. Safe to do again, and in any order."""
        home, month = self._at_home(household_id), dates.month_of(notice.now.date())
        for member in home.members:
            along = placement.FollowHousehold(member, household_id, home.division, month)
            self.office.handle(placement.DECIDER, member, notice.order(along, f"follow {member}"))
            if self._placement_of(member).answering(month) == (household_id, ""):
                self._person_along(member, home.division, notice)
        household_along(self.office, household_id, home.division, notice.order(None))
        for case_id in self._cases_at_home(home):
            self._hand_case_over(case_id, notice)
        for programme in CLASSES:
            of = home.members if PROGRAMMES[programme].subject == "person" else (household_id,)
            for subject_id in of:
                note_class(self.office, programme, subject_id, notice.order(None, f"class {programme} {subject_id}"))

    def _person_along(self, person_id: str, division: str, notice: Notice[Any]) -> None:
        """What is on file of a person, where he is paid, and what he is looked after by."""
        own = person.MoveAlong(person_id, division)
        self.office.handle(person.DECIDER, person_id, notice.order(own, f"along {person_id}"))
        account = payee_account.HandOverPayeeAccount(person_id, division)
        self.office.handle(ACCOUNTS, person_id, notice.order(account, f"account {person_id}"))
        person_along(self.office, person_id, division, notice.position, notice.order(None))

    def _hand_case_over(self, case_id: str, notice: Notice[Any]) -> benefit_case.Case:
        """The case with its means tests; how it stands then."""
        case: benefit_case.Case = self.office.load(self.benefits.cases, case_id).state
        if case.status == "none":
            return case
        this = dates.month_of(notice.now.date())
        whose, edges = self._whereabouts(case)
        towns: list[CasePlace] = []
        for month in sorted({household.ALWAYS, *(m for m in edges if m <= this)}):
            if not towns or towns[-1].division != whose(month):
                towns.append(CasePlace(month, whose(month)))
        cause = f"{notice.type} {notice.event_id}"
        over = HandOverCase(case_id, towns[-1].division, tuple(towns) if len(towns) > 1 else (), cause)
        self.office.handle(self.benefits.cases, case_id, notice.order(over, f"hand over {case_id}"))
        case = self.office.load(self.benefits.cases, case_id).state
        means_tests_along(self.office, case_id, over.division, case.division == over.division, notice.order(None))
        return case

    def _whereabouts(self, case: benefit_case.Case) -> tuple[Callable[[str], str], Iterable[str]]:
        """Whose a case's subject is in a month, and the months in which that may change."""
        home = self._at_home(case.subject_id)
        if home.exists:
            return (lambda month: move.town_in(home, month)), [p.month for p in home.towns]
        own: person.Person = self.office.load(person.DECIDER, case.subject_id).state
        placed = self._placement_of(case.subject_id)
        homes = {h: self._at_home(h) for h in placed.households}

        def whose(month: str) -> str:
            home_id, town = self._has_him(case.subject_id, month)
            counted = home_id or ("" if town else placed.household_id)
            return move.town_in(homes[counted], month) if counted else town or case.division

        edges = [m for s in placed.stays for m in (s.month, s.over_from) if m] + [p.month for h in homes.values() for p in h.towns]
        return whose, edges + [c.from_month for c in own.changes if c.division]

    def _has_him(self, person_id: str, month: str) -> tuple[str, str]:
        """The household that counts a person in a month, or counted him last; or else the town in which he is registered by himself: he was
        in no household by then, or has been registered elsewhere since he left. ("", "") = nobody knows."""
        own: person.Person = self.office.load(person.DECIDER, person_id).state
        home_id, left = self._placement_of(person_id).answering(month)
        if own.registered is None:
            return home_id, ""
        town, since = person.town_in(own, month)
        return ("", town) if not home_id or (left and since >= left) else (home_id, "")

    def _cases_at_home(self, home: household.Household) -> list[str]:
        return cases_of_household(home.household_id) + [c for member in home.members for c in cases_of_person(member)]

    def _at_home(self, household_id: str) -> household.Household:
        state: household.Household = self.office.load(household.DECIDER, household_id).state
        return state
