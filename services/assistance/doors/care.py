"""Care doors (照护): what follows from a placement and from a visit's finding, and the queries over the records of care."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.assistance import care_places, household, person, placement
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.declarations.care import EXTREME_HARDSHIP_SELF_CARE_ASSESSMENT
from services.assistance.declarations.discovery import PROACTIVE_DISCOVERY
from services.assistance.declarations.support import COMPREHENSIVE_ASSISTANCE_ASSESSMENT
from services.assistance.doors.answers import (
    CertificateVerified,
    HardshipCare,
    InstitutionPlaces,
    Matched,
    PlacementShare,
    Statement,
    TownCovered,
)
from services.assistance.doors.care_checks import places_of
from services.assistance.doors.care_ends import CareEndDoors
from services.assistance.read_model import BENEFITS, MODEL, RECORDS, TABLES
from services.assistance.rows import care
from shared.casework import clue, graded_assessment, record, service_order
from shared.casework.certificate import certificate_no, verify_code
from shared.casework.shape import each
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Notice, derived_id
from shared.messaging.answering import answers
from shared.messaging.doors import OWN, query, reaction
from shared.messaging.showing import caught_up, day_asked
from shared.security.permissions import within

# Needs that no service meets but another programme does (转介).
REFERRALS = {
    "income_support": ("minimum_living_allowance", "temporary_assistance"),
    "home_environment": ("home_environment_improvement",),
}
CARED = care.Sources(BENEFITS, TABLES["person"], RECORDS)
KINDS = {"gravely_ill": "illness", "accident": "accident", "income_lost": "unemployment", "child_unattended": "child"}


@dataclass(frozen=True)
class MovedIn:
    """Our own ``assistance.person_moved_in``."""

    subject_id: str
    institution_id: str
    moved_on: date


@dataclass(frozen=True)
class MovedOut:
    """Our own ``assistance.person_moved_out``."""

    subject_id: str
    institution_id: str
    moved_on: date
    reason: str


@dataclass(frozen=True)
class FindingRaised:
    """Our own ``assistance.visit_finding_raised``."""

    division: str
    subject_id: str
    finding: str
    responsible: str


@dataclass(frozen=True)
class Graded:
    """Our own ``assistance.assessment_graded``."""

    programme: str
    subject_id: str
    valid_from: date


class CareDoors(CareEndDoors):
    """照护."""

    @reaction(OWN, "person_moved_in", reads=MovedIn)
    def on_person_moved_in(self, notice: Notice[MovedIn]) -> None:
        """A 特困 person has a place of the institution, before anybody who is entrusted to it."""
        f = notice.facts
        places = places_of(f.institution_id)
        taken = care_places.TakePriorityPlace(places, f.subject_id, f.moved_on)
        self.office.handle(DECIDERS["care_places"], places, notice.order(taken))

    @reaction(OWN, "person_moved_out", reads=MovedOut)
    def on_person_moved_out(self, notice: Notice[MovedOut]) -> None:
        """The place is free again."""
        f = notice.facts
        places = places_of(f.institution_id)
        left = care_places.GiveUpPriorityPlace(places, f.subject_id, f.moved_on, f.reason)
        self.office.handle(DECIDERS["care_places"], places, notice.order(left))

    @reaction(OWN, "assessment_graded", reads=Graded)
    def on_self_care_graded(self, notice: Notice[Graded]) -> None:
        """自理能力评估: what the assessors found is a fact of the person, from which the rules pay the care component."""
        f = notice.facts
        if f.programme != EXTREME_HARDSHIP_SELF_CARE_ASSESSMENT.code:
            return
        # The scores stay in the stream: the sheet that led to this very grade is the last one before it.
        assessments = DECIDERS["assessment"]
        sheet = None
        for r in self.office.history(assessments.stream(derived_id(f.programme, "", f.subject_id))):
            if r.id == notice.event_id:
                break
            sheet = r.event if isinstance(r.event, graded_assessment.AssessmentScored) else sheet
        assert sheet is not None
        lost = tuple(s.item for s in sheet.scores if s.points)
        self._found(notice, f.subject_id, f.valid_from, lost_acts=lost)

    @reaction(OWN, "person_moved_in", reads=MovedIn)
    def on_central_support(self, notice: Notice[MovedIn]) -> None:
        """集中供养 from the day of moving in."""
        self._found(notice, notice.facts.subject_id, notice.facts.moved_on, placement="central")

    @reaction(OWN, "person_moved_out", reads=MovedOut)
    def on_dispersed_support(self, notice: Notice[MovedOut]) -> None:
        """分散供养 from the day of leaving."""
        self._found(notice, notice.facts.subject_id, notice.facts.moved_on, placement="dispersed")

    def _found(self, notice: Notice[Any], person_id: str, day: date, **found: Any) -> None:
        """A finding of the person, after which their cases are decided again. One we do not know is a matter for a person."""
        known: person.Person = self.office.load(person.DECIDER, person_id).state
        counted: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        where = known.division or counted.division
        if not where:
            raise Refused("unknown_person", "没有此人员，请先登记此人员或其家庭。", "person_id")
        if known.died_on is None:
            self.office.handle(person.DECIDER, person_id, notice.order(person.RecordFinding(person_id, where, day, **found)))

    @reaction(OWN, "visit_finding_raised", reads=FindingRaised)
    def on_visit_finding_raised(self, notice: Notice[FindingRaised]) -> None:
        """What a visit found becomes a clue that somebody must answer in time, and whoever is responsible for the plan is told."""
        f = notice.facts
        what = f"探访发现：{f.finding}"
        report = clue.ReportClue(
            PROACTIVE_DISCOVERY.code, f.division, "visit", KINDS.get(f.finding, "other"), what,
            subject_id=f.subject_id, reporter=f.responsible, terms=PROACTIVE_DISCOVERY.terms,
        )  # fmt: skip
        order = notice.order(report, f.finding)
        self.office.handle(DECIDERS["clue"], each(report, order.command_id), order)

    @query(permission="assistance:read")
    @answers(PlacementShare)
    def central_placement_share(
        self, hand: Hand, day: date | None = None, valid_at: date | None = None, position: int | None = None
    ) -> Any:
        """生活不能自理特困人员集中供养率（某日：day 或 valid_at，默认今天）：分子、分母与未集中供养名单。"""
        caught_up(self.office, MODEL, position)
        return care.central_placement_share(self.office.read, CARED, hand.division, day_asked(self.office, day, valid_at))

    @query(permission="assistance:read")
    @answers(HardshipCare)
    def extreme_hardship_care(
        self, hand: Hand, day: date | None = None, valid_at: date | None = None, position: int | None = None
    ) -> Any:
        """分散供养特困人员照料情况（某日：day 或 valid_at，默认今天）：第三方照料占比（按乡镇）；
        缺计划、缺第三方、逾期未访、五有不全、精神智力残疾未专业照料的名单。"""
        caught_up(self.office, MODEL, position)
        return care.extreme_hardship_care(self.office.read, CARED, hand.division, day_asked(self.office, day, valid_at))

    @query(permission="assistance:read")
    @answers(list[InstitutionPlaces])
    def list_institution_places(self, hand: Hand, town: str | None = None, position: int | None = None) -> Any:
        """登记在册的供养服务机构及其空床位（全区；town：某乡镇的机构）：安排床位前查看。不含个人信息，不限经办人所在乡镇。"""
        caught_up(self.office, MODEL, position)
        district = hand.division[:6]
        if town and not divisions.check(town, "town").startswith(district):
            raise Refused("wrong_division", "不在本辖区内，无权查询。", "town")
        return care.institution_places(self.office.read, RECORDS, district, town or "")

    @query(permission="assistance:read")
    @answers(list[Matched])
    def matched_services(self, hand: Hand, subject_id: str, day: date | None = None, valid_at: date | None = None) -> Any:
        """需求匹配：某日（day 或 valid_at，默认今天）有效的综合评估所显示的每项需求，有哪些服务类别可下单、哪些项目可转介。"""
        found = derived_id(COMPREHENSIVE_ASSISTANCE_ASSESSMENT.code, "", subject_id)
        state: graded_assessment.Assessment = self.office.load(DECIDERS["assessment"], found).state
        grade = graded_assessment.valid_on(state, day_asked(self.office, day, valid_at))
        if grade is None:
            raise Refused("not_found", "没有有效的综合评估。", "subject_id")
        within(hand, state.division)
        ordered = [d for d in DECLARATIONS.values() if d.shape is service_order.SHAPE]
        return [
            {
                "need": need,
                "services": [{"programme": d.code, "service_class": k.code} for d in ordered for k in d.terms.classes if k.code == need],
                "referrals": list(REFERRALS.get(need, ())),
            }
            for need in grade.needs
        ]

    @query(permission="assistance:read")
    @answers(Statement)
    def benefit_statement(self, hand: Hand, subject_id: str, first: str, last: str, position: int | None = None) -> Any:
        """幸福清单：某家庭或个人在一段月份内由本服务发放的待遇与所得服务；送达另行登记（benefit_statement_delivery）。"""
        if dates.check_month(first, "first") > dates.check_month(last, "last"):
            raise invalid("起始月份不得晚于截止月份。", "first")
        caught_up(self.office, MODEL, position)
        tables = (BENEFITS.cases, BENEFITS.pay.payments, RECORDS)
        told = care.benefit_statement(self.office.read, tables, hand.division, subject_id, first, last)
        if not told["benefits"] and not told["services"]:  # nothing of this division's: nor may the file be another's
            files: tuple[Decider[Any], ...] = (household.DECIDER, person.DECIDER)
            for decider in files:
                loaded = self.office.load(decider, subject_id)
                if loaded.version >= 0:
                    within(hand, decider.division(loaded.state))
        return told

    @query(permission="assistance:read")
    @answers(list[TownCovered])
    def visit_coverage(self, hand: Hand, programme: str, first: date, last: date, position: int | None = None) -> Any:
        """探访覆盖率（按乡镇）：应访、已访、第三方照料计划数。期间止于今天。"""
        today = self.office.clock.now().date()
        if first > last or last > today:
            raise invalid("期间须先后有序且不晚于今天。", "last")
        caught_up(self.office, MODEL, position)
        return care.visit_coverage(self.office.read, RECORDS, hand.division, programme, first, last)

    @query(permission="assistance:read")
    @answers(CertificateVerified)
    def verify_certificate(self, hand: Hand, number: str, day: date | None = None, valid_at: date | None = None) -> Any:
        """证书校验：编号是否为本系统所发、某日（day 或 valid_at，默认今天）是否有效。持证人跨区办事，不限辖区，也只答有效与否。"""
        found = verify_code(number)
        if found is None:
            return {"genuine": False, "stands": False}
        record_id, version = found
        state: record.Record = self.office.load(DECIDERS["record"], record_id).state
        issued = state.terms.certificate and 0 < version <= state.current
        genuine = bool(issued) and number.strip().upper() == certificate_no(state.terms.certificate, record_id, version)
        on = day_asked(self.office, day, valid_at)
        return {"genuine": genuine, "stands": record.certificate_stands(state, number, on), "programme": state.programme}
