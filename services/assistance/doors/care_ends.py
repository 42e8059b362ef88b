"""Ends of care (照护的终止与恢复): nobody is visited, served or kept a place for who has died, nor at home who lives in an institution;
and what was ended by a death that was none, or an end of 特困 that was set aside, goes on as it was.

What a person is looked after by is found by ids that follow from the person, and where he is entrusted by his own stream
(``care_stay.py``): no list is asked. Every answer may be given twice, and in any order with others: it looks at how things stand now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.assistance import care_places, household, placement, placement_wish, standing
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.declarations.care import (
    EXTREME_HARDSHIP_CENTRAL_PLACEMENT,
    EXTREME_HARDSHIP_HOME_CARE,
    EXTREME_HARDSHIP_MENTAL_CARE,
    SEVERE_DISABILITY_HARDSHIP_CARE,
)
from services.assistance.doors import care_checks
from services.assistance.programmes import EXTREME_HARDSHIP_SUPPORT
from services.assistance.read_model import MODEL, RECORDS
from services.assistance.rows import care
from shared.casework import graded_assessment, list_entry, service_order, visit_plan
from shared.domain import dates
from shared.eventsourcing.orders import Notice, derived_id
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, reaction
from shared.messaging.showing import caught_up

DEATH, NOBODY_LEFT = "服务对象死亡", "家庭成员均已死亡"
SUPPORT_OVER, CENTRAL = "特困供养终止", "转为集中供养"


@dataclass(frozen=True)
class Died:
    """``registry.after_death_opened``: what we read of it."""

    person_id: str
    died_on: date


@dataclass(frozen=True)
class Lives:
    """``registry.after_death_annulled``: what we read of it."""

    person_id: str


@dataclass(frozen=True)
class Moved:
    """Our own ``assistance.person_moved_in``."""

    subject_id: str
    institution_id: str
    moved_on: date


@dataclass(frozen=True)
class OfCase:
    """Our own ``assistance.case_ended``, ``case_restored`` and ``case_reassessed``."""

    programme: str
    subject_id: str


@dataclass(frozen=True)
class OfClass:
    """Our own ``assistance.class_ended`` and ``class_changed``."""

    valid_from: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class OfPerson:
    """Our own ``assistance.person_facts_changed``."""

    person_id: str
    effective_month: str
    cause: str


@dataclass(frozen=True)
class Opened:
    """Our own ``assistance.care_places_opened``: ``subject_id`` is the institution."""

    subject_id: str


@dataclass(frozen=True)
class Admitted:
    """Our own ``assistance.care_resident_admitted``."""

    institution_id: str
    person_id: str


def care_of(person_id: str) -> Iterator[tuple[str, str]]:
    """(shape, record id) of everything that a person may be looked after by, or stand on. The ids follow from the person."""
    for d in DECLARATIONS.values():
        if d.subject != "person":
            continue
        if d.shape.name in ("visit_plan", "assessment", "placement_wish", "list_entry"):
            yield d.shape.name, derived_id(d.code, "", person_id)
        elif d.shape.name == "service_order":
            classes = d.terms.classes[:1] if d.terms.single else d.terms.classes
            yield from (("service_order", service_order.order_id(d.terms, d.code, person_id, k.code)) for k in classes)


def care_of_household(household_id: str) -> Iterator[tuple[str, str]]:
    """The same of a household."""
    for d in DECLARATIONS.values():
        if d.subject == "household" and d.shape.name in ("visit_plan", "assessment"):
            yield d.shape.name, derived_id(d.code, "", household_id)


def ending(shape: str, record_id: str, state: Any, died_on: date, why: str = DEATH) -> Any:
    """The command that ends it after a death, None where there is nothing to end."""
    match shape, state.status:
        case "visit_plan", "open":
            return visit_plan.CloseVisitPlan(record_id, why, died_on)
        case "visit_plan", "closed" if state.closed_for == why:  # the day was corrected
            return visit_plan.CorrectVisitClosing(record_id, died_on, why)
        case "placement_wish", "left" if state.left_for == why:
            return placement_wish.CorrectLeaving(record_id, died_on, why)
        case "assessment", status if status not in ("none", "ended"):
            return graded_assessment.EndAssessment(record_id, why)
        case "placement_wish", "wished" | "offered" | "taken":
            return placement_wish.WithdrawPlacementWish(record_id, why)
        case "placement_wish", "placed":
            return placement_wish.LeaveInstitution(record_id, max(died_on, state.stays[-1].first), why)
        case "list_entry", "enlisted" | "repair":
            return list_entry.Delist(record_id, why, max(died_on, state.since))
        case "service_order", status if status in service_order.RUNNING:
            return service_order.StopService(record_id, died_on, why)
        case _:
            return None


def going_on(shape: str, record_id: str, state: Any, why: str) -> Any:
    """The command by which goes on what was ended for a reason that was not so, None where nothing was."""
    match shape, state.status:
        case "visit_plan", "closed" if state.closed_for == why:
            return visit_plan.ResumeVisitPlan(record_id, why)
        case "placement_wish", "left" if state.left_for == why:
            return placement_wish.ResumeStay(record_id, why)
        case "list_entry", "delisted" if state.reason == why:
            last = state.periods[-1]
            return list_entry.Enlist(
                state.programme, state.division, state.subject_id, last.reason, state.refers_to, state.note, last.to_day, state.terms
            )
        case "service_order", status if status in service_order.RUNNING and state.last_day is not None:
            return service_order.ResumeService(record_id, why)
        case _:
            return None


class CareEndDoors(BenefitService):
    """照护的终止与恢复."""

    @reaction("registry", "after_death_opened", reads=Died)
    def on_death_end_care(self, notice: Notice[Died]) -> None:
        """Plans close with the day of death, grades end, lists and places are left; of an order what was rendered by then is settled."""
        f = notice.facts
        for shape, record_id in care_of(f.person_id):
            self._give_care(shape, record_id, ending(shape, record_id, self._care_state(shape, record_id), f.died_on), notice)
        for record_id, _ in care_checks.entrusted_to(self.office, f.person_id):
            self._leave_place(record_id, f.person_id, f.died_on, DEATH, notice)
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        if place.household_id and not self._anybody(place.household_id, notice.now.date(), f.person_id):
            for shape, record_id in care_of_household(place.household_id):
                command = ending(shape, record_id, self._care_state(shape, record_id), f.died_on, NOBODY_LEFT)
                self._give_care(shape, record_id, command, notice)

    @reaction("registry", "after_death_annulled", reads=Lives)
    def on_life_resume_care(self, notice: Notice[Lives]) -> None:
        """The death was none: visits, stay, lists and orders go on. Grades, wishes and entrusted places are asked for again by people."""
        f = notice.facts
        for shape, record_id in care_of(f.person_id):
            self._give_care(shape, record_id, going_on(shape, record_id, self._care_state(shape, record_id), DEATH), notice)
        place: placement.Placement = self.office.load(placement.DECIDER, f.person_id).state
        for shape, record_id in care_of_household(place.household_id) if place.household_id else ():
            self._give_care(shape, record_id, going_on(shape, record_id, self._care_state(shape, record_id), NOBODY_LEFT), notice)

    @reaction(OWN, "person_moved_in", reads=Moved)
    def on_move_end_home_care(self, notice: Notice[Moved]) -> None:
        """Who lives in an institution is not looked after at home, nor entrusted to another house."""
        f = notice.facts
        plan = derived_id(EXTREME_HARDSHIP_HOME_CARE.code, "", f.subject_id)
        if care_checks.lives_in(self.office, f.subject_id, notice.now.date()) and self._care_state("visit_plan", plan).status == "open":
            self._give_care("visit_plan", plan, visit_plan.CloseVisitPlan(plan, CENTRAL, f.moved_on), notice)
        for record_id, _ in care_checks.entrusted_to(self.office, f.subject_id):
            if record_id != care_checks.places_of(f.institution_id):  # there he stays, by another right
                self._leave_place(record_id, f.subject_id, f.moved_on, CENTRAL, notice)

    @reaction(OWN, "care_places_opened", reads=Opened)
    def on_places_opened(self, notice: Notice[Opened]) -> None:
        """Who lived there by his placement before the places were registered has one of them."""
        f = notice.facts
        caught_up(self.office, MODEL, notice.position)  # whoever moves in later is told of by his own event
        places = care_checks.places_of(f.subject_id)
        for person_id, since in care.living_in(self.office.read, RECORDS, f.subject_id):
            if care_checks.lives_in(self.office, person_id, notice.now.date()) == f.subject_id:
                taken = care_places.TakePriorityPlace(places, person_id, since)
                self.office.handle(DECIDERS[care_places.NAME], places, notice.order(taken, person_id))

    @reaction(OWN, "care_resident_admitted", reads=Admitted)
    def on_admitted_too_late(self, notice: Notice[Admitted]) -> None:
        """His death came in while he was admitted."""
        f = notice.facts
        died_on = standing.died_on(self.office, f.person_id)
        if died_on is not None:
            self._leave_place(care_checks.places_of(f.institution_id), f.person_id, died_on, DEATH, notice)

    @reaction(OWN, "case_ended", reads=OfCase)
    def on_support_ended(self, notice: Notice[OfCase]) -> None:
        """特困 has ended while he lives: care at home, the wish for a place and special care end with it. Who lives in an institution stays
        there until somebody has found another place."""
        f, today = notice.facts, notice.now.date()
        if f.programme != EXTREME_HARDSHIP_SUPPORT.code or standing.supported(self.office, f.subject_id):
            return
        if standing.died_on(self.office, f.subject_id) is not None:
            return  # by the death itself, with its day
        for shape, record_id in _of_support(f.subject_id):
            state = self._care_state(shape, record_id)
            if state.status != "placed":
                self._give_care(shape, record_id, ending(shape, record_id, state, today, SUPPORT_OVER), notice)

    @reaction(OWN, "case_restored", reads=OfCase)
    def on_support_restored(self, notice: Notice[OfCase]) -> None:
        """特困 runs again."""
        self._support_goes_on(notice)

    @reaction(OWN, "case_reassessed", reads=OfCase, of=(EXTREME_HARDSHIP_SUPPORT.code,))
    def on_support_decided_again(self, notice: Notice[OfCase]) -> None:
        """An end that was set aside is said by no other event."""
        self._support_goes_on(notice)

    @reaction(OWN, "class_ended", reads=OfClass)
    def on_class_ended_look_at_care(self, notice: Notice[OfClass]) -> None:
        """Care that rests on the class is looked at again."""
        self._ground_moved(notice.facts.members, notice.facts.valid_from, notice)

    @reaction(OWN, "class_changed", reads=OfClass)
    def on_class_changed_look_at_care(self, notice: Notice[OfClass]) -> None:
        """Another class may be none of this one's care."""
        self._ground_moved(notice.facts.members, notice.facts.valid_from, notice)

    @reaction(OWN, "person_facts_changed", reads=OfPerson)
    def on_certificate_look_at_care(self, notice: Notice[OfPerson]) -> None:
        """A certificate that ran out, was withdrawn, or says a lighter grade."""
        f = notice.facts
        if f.cause in ("certificate", "certificate_expired"):
            self._ground_moved((f.person_id,), f.effective_month, notice)

    def _ground_moved(self, members: tuple[str, ...], month: str, notice: Notice[Any]) -> None:
        """Of those whose order stands without its ground in the month: somebody looks soon, not at the yearly review."""
        month = max(month, dates.month_of(notice.now.date()))
        self._entrusted_moved(members, month, notice)
        for programme in (SEVERE_DISABILITY_HARDSHIP_CARE, EXTREME_HARDSHIP_MENTAL_CARE):
            for person_id in members:
                order_id = service_order.order_id(programme.terms, programme.code, person_id, programme.terms.classes[0].code)
                state: service_order.ServiceOrder = self._care_state(service_order.NAME, order_id)
                if state.status in service_order.RUNNING and (why := care_checks.lacks(self.office, state, month)):
                    self._give_care(service_order.NAME, order_id, service_order.CallServiceReview(order_id, why), notice)

    def _entrusted_moved(self, members: tuple[str, ...], month: str, notice: Notice[Any]) -> None:
        """托养: of those who live in an institution by a class that is theirs no more in the month."""
        for person_id in members:
            for record_id, places in care_checks.entrusted_to(self.office, person_id):
                for r in (r for r in places.residents if r.person_id == person_id):
                    _, why = care_checks.not_of_class(self.office, person_id, r.care_class, month)
                    if why:
                        lost = care_places.NoteCareGroundLost(record_id, person_id, why)
                        self._give_care(care_places.NAME, record_id, lost, notice)

    def _support_goes_on(self, notice: Notice[OfCase]) -> None:
        f = notice.facts
        if f.programme != EXTREME_HARDSHIP_SUPPORT.code or not standing.supported(self.office, f.subject_id):
            return
        for shape, record_id in _of_support(f.subject_id):
            self._give_care(shape, record_id, going_on(shape, record_id, self._care_state(shape, record_id), SUPPORT_OVER), notice)

    # -- inside

    def _care_state(self, shape: str, record_id: str) -> Any:
        return self.office.load(DECIDERS[shape], record_id).state

    def _give_care(self, shape: str, record_id: str, command: Any, notice: Notice[Any]) -> None:
        if command is not None:
            self.office.handle(DECIDERS[shape], record_id, notice.order(command, record_id))

    def _leave_place(self, record_id: str, person_id: str, left_on: date, why: str, notice: Notice[Any]) -> None:
        self._give_care(care_places.NAME, record_id, care_places.LeaveForGood(record_id, person_id, left_on, why), notice)

    def _anybody(self, household_id: str, today: date, but: str) -> bool:
        """Whether anybody of the household lives, beside one who has died."""
        home: household.Household = self.office.load(household.DECIDER, household_id).state
        month = dates.month_of(today)
        return any(m != but and m not in home.died and household.lives_in(home, m, month) for m in home.members)


def _of_support(person_id: str) -> Iterator[tuple[str, str]]:
    """What rests on 特困."""
    yield "visit_plan", derived_id(EXTREME_HARDSHIP_HOME_CARE.code, "", person_id)
    yield "placement_wish", derived_id(EXTREME_HARDSHIP_CENTRAL_PLACEMENT.code, "", person_id)
    terms = EXTREME_HARDSHIP_MENTAL_CARE.terms
    yield "service_order", service_order.order_id(terms, EXTREME_HARDSHIP_MENTAL_CARE.code, person_id, terms.classes[0].code)
