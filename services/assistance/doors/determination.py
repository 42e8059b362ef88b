"""Determination doors (困难类别): classes follow from the cases by themselves; here they are read, and the register of any day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.assistance import aids_elsewhere, determination, household, placement
from services.assistance.benefits import cases_of_person, note_class
from services.assistance.doors.answers import REGISTER as REGISTER_ANSWER
from services.assistance.doors.answers import ClassOn
from services.assistance.doors.price_linkage import price_again
from services.assistance.doors.referrals import ReferralDoors
from services.assistance.monitoring import Monitoring
from services.assistance.read_model import BENEFITS, MODEL, RECORDS, TABLES
from services.assistance.rows.determination import in_register, register_counts
from services.assistance.rows.register import Page, Sources
from shared.domain import dates
from shared.eventsourcing.orders import Hand, Notice
from shared.messaging.answering import answers, kept
from shared.messaging.doors import OWN, query, reaction
from shared.messaging.showing import caught_up, day_asked, plain, shown
from shared.security.permissions import within

REGISTER = Sources(
    BENEFITS, RECORDS, TABLES["standards"], TABLES["person"], TABLES["temporary"], TABLES["means_test"], TABLES["aids_elsewhere"],
    TABLES["improvements"], TABLES["referred_aids"],
)  # fmt: skip


@dataclass(frozen=True)
class CaseBegun:
    """Our own ``assistance.case_granted``."""

    programme: str
    subject_id: str
    first_month: str


@dataclass(frozen=True)
class CaseOver:
    """Our own ``assistance.case_ended``."""

    programme: str
    subject_id: str
    first_unpaid_month: str


@dataclass(frozen=True)
class ClassDetermined:
    """Our own ``assistance.class_granted``, ``class_changed`` and ``class_ended``."""

    unit_id: str
    hardship_class: str
    valid_from: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class ElderEnrolled:
    """``eldercare.elder_enrolled``: what we read of it."""

    person_id: str


@dataclass(frozen=True)
class AidTold:
    """``eldercare.aid_told``."""

    run_id: str
    number: int
    programme: str
    month: str
    division: str
    paid: tuple[aids_elsewhere.PaidLine, ...]
    back: tuple[int, ...]


CLASS_MOVED = "assistance.class_"  # what a decision names as its cause that a class led to
CLASS_AGAIN = "困难类别恢复，自停发月份起恢复发放"


class DeterminationDoors(ReferralDoors):
    """困难类别."""

    @reaction(OWN, "case_granted", reads=CaseBegun)
    def on_ground_begun(self, notice: Notice[CaseBegun]) -> None:
        """A case that carries a class began."""
        note_class(self.office, notice.facts.programme, notice.facts.subject_id, notice.order(notice.facts))
        self.covered_otherwise(notice.facts.programme, notice.facts.subject_id, notice.facts.first_month, notice)

    @reaction(OWN, "case_ended", reads=CaseOver)
    def on_ground_over(self, notice: Notice[CaseOver]) -> None:
        """A case that carried a class ended, or ended earlier than was known."""
        note_class(self.office, notice.facts.programme, notice.facts.subject_id, notice.order(notice.facts))
        self.covered_otherwise(notice.facts.programme, notice.facts.subject_id, notice.facts.first_unpaid_month, notice)

    @reaction(OWN, "class_granted", reads=ClassDetermined)
    def on_class_granted(self, notice: Notice[ClassDetermined]) -> None:
        """Who is in hardship now may draw what rests on it."""
        self._class_moved(notice)

    @reaction(OWN, "class_changed", reads=ClassDetermined)
    def on_class_changed(self, notice: Notice[ClassDetermined]) -> None:
        """Another class, other amounts."""
        self._class_moved(notice)

    @reaction(OWN, "class_ended", reads=ClassDetermined)
    def on_class_ended(self, notice: Notice[ClassDetermined]) -> None:
        """What rested on the class ends with it."""
        self._class_moved(notice)

    def _class_moved(self, notice: Notice[ClassDetermined]) -> None:
        f, monitoring = notice.facts, Monitoring(self.office, self.benefits)
        for member in (*f.members, *self._left_since(f.unit_id, f.valid_from, notice.now.date())):
            for case_id in cases_of_person(member):
                if not f.hardship_class or not self.benefits.restore(case_id, CLASS_AGAIN, notice.order(None), account=CLASS_MOVED):
                    self.benefits.reassess(case_id, f.valid_from, f"{notice.type} {notice.event_id}", notice.order(None))
            if member in f.members and not notice.type.endswith("class_granted"):
                monitoring.stopped(member, f.valid_from, "class_changed", "困难类别变化", notice.order(None))
        price_again(self.office, self.benefits, f.unit_id, f.valid_from, f"{notice.type} {notice.event_id}", notice.order(None))
        if f.hardship_class:
            where: str = self.office.load(determination.DECIDER, f.unit_id).state.division
            monitoring.class_came(f.members, where, f.valid_from, notice.order(None))

    def _left_since(self, unit_id: str, month: str, today: date) -> list[str]:
        """Who lived in the unit in a month from then on, and does so no more: what he drew in those months rested on its class too."""
        home: household.Household = self.office.load(household.DECIDER, unit_id).state
        now = dates.month_of(today)
        months = list(dates.months_between(month, now)) if month <= now else []
        return [p for p in home.members if not household.lives_in(home, p, now) and any(household.lives_in(home, p, m) for m in months)]

    @reaction("eldercare", "elder_enrolled", reads=ElderEnrolled)
    def on_elder_enrolled(self, notice: Notice[ElderEnrolled]) -> None:
        """Who enrols with elder care after he was determined: what he is from this month on is told."""
        person_id, month = notice.facts.person_id, dates.month_of(notice.order(None).today)
        place: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        unit_id = place.home_in(month) or person_id
        answer = determination.AnswerClass(unit_id, person_id, month)
        if self.office.load(determination.DECIDER, unit_id).state.unit_id:
            self.office.handle(determination.DECIDER, unit_id, notice.order(answer))

    @reaction("eldercare", "aid_told", reads=AidTold)
    def on_aid_told(self, notice: Notice[AidTold]) -> None:
        """What elder care paid stands in the register beside what we pay."""
        f = notice.facts
        note = aids_elsewhere.NoteAidPaid("eldercare", **vars(f))
        self.office.handle(aids_elsewhere.DECIDER, f"eldercare-{f.run_id}-{f.number}", notice.order(note))

    # -- reading

    @query(permission="assistance:read")
    @answers(kept(determination.Unit, valid=determination.Determined | None))
    def get_determination(self, hand: Hand, unit_id: str, as_of: datetime | None = None, valid_at: date | None = None) -> Any:
        """一户（或一名未在家庭登记中的特困人员）的历次困难类别认定；valid_at：某日的类别；as_of：当时所知。"""
        found = shown(self.office, determination.DECIDER, unit_id, hand, as_of)
        if valid_at is not None:
            state = self.office.load(determination.DECIDER, unit_id, as_of).state
            found["valid"] = plain(determination.determined_in(state, dates.month_of(valid_at)))
        return found

    @query(permission="assistance:class")
    @answers(ClassOn)
    def class_on(
        self, hand: Hand, person_id: str, day: date | None = None, as_of: datetime | None = None, valid_at: date | None = None
    ) -> Any:
        """某人在某日（day 或 valid_at，默认今天）的困难类别（无则为空）。"""
        day = day_asked(self.office, day, valid_at)
        place: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        unit_id = place.home_in(dates.month_of(day)) or person_id
        state: determination.Unit = self.office.load(determination.DECIDER, unit_id, as_of).state
        if state.unit_id:
            within(hand, state.division)
        found = determination.class_of(state, person_id, dates.month_of(day))
        return {"person_id": person_id, "unit_id": unit_id, "day": day.isoformat(), "hardship_class": found}

    @query(permission="assistance:read")
    @answers(REGISTER_ANSWER)
    def list_register(
        self,
        hand: Hand,
        valid_at: date | None = None,
        hardship_class: str | None = None,
        unit_id: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """低收入人口名册：某日（默认今日）在册的家庭和人员及其已获救助、风险提示，和按类别的合计。"""
        caught_up(self.office, MODEL, position)
        month = dates.month_of(valid_at or self.office.clock.now().date())
        tables = TABLES["determination"]
        found = in_register(self.office.read, tables, hand.division, month, after, limit, hardship_class, unit_id)
        beside = Page(self.office.read, REGISTER, hand.division, month, [row["unit_id"] for row in found]).beside()
        return {
            "month": month,
            "counts": register_counts(self.office.read, tables, hand.division, month),
            "entries": [{**row, **beside[row["unit_id"]]} for row in found],
        }
