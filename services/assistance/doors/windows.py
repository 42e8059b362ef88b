"""Window doors (窗口): what people at the window do with hand-offs, clues, reviews and meetings beyond one record's own acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

from services.assistance import person, quarterly_meetings
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.declarations.institutions import SUPPORT_INSTITUTION_REGISTER
from services.assistance.doors.answers import Acceptance, InspectionCoverage
from services.assistance.doors.handoffs import HandoffDoors
from services.assistance.read_model import BENEFITS, MODEL, RECORDS
from services.assistance.rows.inspections import coverage
from services.assistance.rows.meetings import NEXT_MEETING
from shared.casework import benefit_case, clue, handoff, inspection, session
from shared.casework.benefit_case.state import RUNNING
from shared.casework.draw_proof import DrawLaidOpen, DrawRegister, against, laid_open
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.messaging.answering import answers
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.showing import all_seen, caught_up, plain
from shared.security.permissions import within

ANNUAL_REVIEW = "annual_entitlement_review"
GOVERNANCE = "support_institution_governance"  # its objects are institutions
DISPERSED = "dispersed_support_special_inspection"  # its objects are persons (person_id)
OUTCOMES = {"continue": "confirmed", "adjust": "adjusted", "terminate": "terminated"}  # 复审结论 as the campaign calls it
# Which cases a campaign looks at, where its objects are the cases of a register.
REVIEWED = {
    ANNUAL_REVIEW: ("minimum_living_allowance", "extreme_hardship_support"),
    "disabled_subsidy_precision_programme": ("disabled_living_subsidy", "severe_disability_care_subsidy"),
    "assistance_special_governance": ("minimum_living_allowance", "minimum_living_margin_household", "extreme_hardship_support"),
}
_STANDS = {
    "sent": "已转出，待签收", "accepted": "办理中", "returned": "已退回，待补正或改转", "done": "已办结，待告知", "acknowledged": "已办结",
    "withdrawn": "已撤回",
}  # fmt: skip


@dataclass(frozen=True)
class ClueApplication:
    """A verified clue leads to an application for ``programme``; the data are those on file."""

    record_id: str
    programme: str


@dataclass(frozen=True)
class CampaignRef:
    """A campaign whose objects are the cases of a register."""

    record_id: str


@dataclass(frozen=True)
class RolledOver:
    """``assistance.session_decision_rolled_over``."""

    record_id: str
    decision_id: str
    next_session: str
    text: str
    concerns: str
    owner: str
    deadline: date


def reviewed_first(service: Any, order: Order[inspection.RecordCheck]) -> None:
    """年度复审: a case's result is what its own review said since the campaign began (or its end), for only that changes what is paid."""
    c = order.command
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], c.record_id).state
    case: benefit_case.Case = service.office.load(CASES, c.object_id).state
    if state.programme != ANNUAL_REVIEW or case.status == "none":
        return
    told = [r.event for r in service.office.history(CASES.stream(c.object_id)) if isinstance(r.event, benefit_case.ReviewAnswered)]
    said = [e.outcome for e in told if state.period_from is None or e.answered_on >= state.period_from]
    expected = OUTCOMES[said[-1]] if said else "" if case.running else "terminated"
    if not expected:
        raise Refused("out_of_order", "该个案本次复审尚无结论，请先在个案中办理复审。", "object_id")
    if c.result != expected:
        raise invalid("与该个案的复审结论不一致。", "result")


def rolled_to_a_meeting(service: Any, order: Order[session.RollOverDecision]) -> None:
    """议定事项转入下次会议: a meeting of the same kind, of the same place, that is still to come; else nobody would owe it any more."""
    c = order.command
    here: session.Session = service.office.load(DECIDERS[session.NAME], c.record_id).state
    there: session.Session = service.office.load(DECIDERS[session.NAME], c.next_session).state
    if here.status == "none":
        return
    if there.status == "none" or (there.programme, there.division) != (here.programme, here.division):
        raise invalid("没有此会议，或不是本单位同一类会议。", "next_session")
    if there.status != "scheduled":
        raise invalid("须转入已安排、尚未召开的会议。", "next_session")


def reviewed(service: Any, division: str) -> list[str]:
    """年度复审对象: every running case of 低保 and 特困 of a place."""
    return sorted(row["case_id"] for row in _running(service, division, REVIEWED[ANNUAL_REVIEW]))


def dispersed(service: Any, division: str, month: str) -> list[str]:
    """分散供养特困人员: the persons of the running 特困 cases of a place who in that month live in no institution."""
    cases = (row["subject_id"] for row in _running(service, division, ("extreme_hardship_support",)))
    return sorted(p for p in cases if person.facts_in(service.office.load(person.DECIDER, p).state, month).placement == "dispersed")


def institutions(service: Any, division: str) -> list[str]:
    """登记在册的特困供养服务机构 of a place."""
    where, found, after = {"programme": SUPPORT_INSTITUTION_REGISTER.code, "status": "registered"}, list[str](), ""
    while rows := listed(service.office.read, RECORDS, division, where, 500, after):
        found += [row["subject_id"] for row in rows]
        after = rows[-1]["record_id"]
    return sorted(found)


def _running(service: Any, division: str, programmes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for programme in programmes:
        for status in RUNNING:
            after, where = "", {"programme": programme, "status": status}
            while rows := listed(service.office.read, BENEFITS.cases, division, where, 500, after):
                yield from rows
                after = rows[-1]["case_id"]


class WindowDoors(HandoffDoors):
    """窗口."""

    @query(permission="read")
    @answers(Acceptance)
    def get_acceptance(self, hand: Hand, number: str) -> Any:
        """按统一受理编号查询办理进度：任一窗口均可查（限本县区），不显示申请人。"""
        state: handoff.Handoff = self.office.load(DECIDERS[handoff.NAME], handoff.record_of(number)).state
        if state.status == "none":
            raise Refused("not_found", "没有此受理编号。", "number")
        within(Hand(hand.actor, hand.roles, hand.division[:6]), state.home)
        return {
            "number": state.number,
            "matter": DECLARATIONS[state.programme].name,
            "status": state.status,
            "stands": _STANDS[state.status],
            "responsible_unit": handoff.responsible_unit(state),
            "due_on": state.due_on,
            "late": state.late,
            "units": list(state.hops),
            "return_reason": state.reason,
            "outcome": state.outcome,
            "result": state.result,
            "corrected": state.corrected,
        }

    @command(ClueApplication, permission="review", does=clue.ResolveClue)
    def apply_from_clue(self, order: Order[ClueApplication]) -> Any:
        """核实属实的线索直接转为申请：使用在册资料，不要求当事人重新填报；线索随即办结。"""
        c, clues = order.command, DECIDERS[clue.NAME]
        found: clue.Clue = self.office.load(clues, c.record_id).state
        programme = self.benefits.programme(c.programme)
        resolved = clue.ResolveClue(c.record_id, "apply", opened=c.programme)
        self.office.rehearse(clues, c.record_id, order.to(resolved, "resolve"))
        subject_id, payee_id, division = self.on_file(programme, found.subject_id, order.today)
        # The reviewer's decision is on the clue; the application that follows from it is filed by the service.
        filed = self.benefits.file(programme.code, subject_id, payee_id, division, order.by(self.benefits.hand()))
        self.office.handle(clues, c.record_id, order.to(clue.ResolveClue(c.record_id, "apply", opened=filed.id), "resolve"))
        return filed

    @command(CampaignRef, permission="review", does=inspection.ListCampaignObjects)
    def list_campaign_cases(self, order: Order[CampaignRef]) -> Any:
        """将本辖区在册个案（或分散供养特困人员、登记在册的供养服务机构）全部列入检查（复审、差错台账、抽查、专项排查、专项治理）。"""
        record_id, campaigns = order.command.record_id, DECIDERS[inspection.NAME]
        state: inspection.Campaign = self.office.load(campaigns, record_id).state
        if state.programme not in (*REVIEWED, DISPERSED, GOVERNANCE):
            raise Refused("out_of_order", "此项检查的对象不是在册个案。", "record_id")
        within(order.hand, state.division)
        all_seen(self.office, MODEL)
        if state.programme == DISPERSED:
            cases = dispersed(self, state.division, dates.month_of(order.today))
        elif state.programme == GOVERNANCE:
            cases = institutions(self, state.division)
        else:
            cases = sorted(row["case_id"] for row in _running(self, state.division, REVIEWED[state.programme]))
        if not cases:
            kind = "登记在册的供养服务机构" if state.programme == GOVERNANCE else "在册个案"
            raise Refused("not_found", f"本辖区没有{kind}。", "record_id")
        if len(set(cases) | set(state.objects)) > inspection.MOST_OBJECTS:
            raise Refused("too_large", f"一次检查最多{inspection.MOST_OBJECTS}个对象，请按乡镇（街道）分别开展。", "record_id")
        answer = None
        for n in range(0, len(cases), inspection.CHUNK):
            some = inspection.ListCampaignObjects(record_id, tuple(cases[n : n + inspection.CHUNK]))
            answer = self.office.handle(campaigns, record_id, order.to(some, f"objects {n}"))
        return answer

    @query(permission="assistance:read")
    @answers(InspectionCoverage)
    def inspection_coverage(self, hand: Hand, record_id: str, position: int | None = None) -> Any:
        """检查覆盖情况：全部和各乡镇（街道）的检查对象、已检查数、覆盖率、未销号问题、待复查问题。"""
        caught_up(self.office, MODEL, position)
        state: inspection.Campaign = self.office.load(DECIDERS[inspection.NAME], record_id).state
        if state.status == "none":
            raise Refused("not_found", "没有此检查。", "record_id")
        within(hand, state.division)
        return coverage(self.office.read, BENEFITS.cases, state)

    @query(permission="assistance:audit")
    @answers(DrawLaidOpen)
    def get_draw(self, hand: Hand, record_id: str) -> Any:
        """抽取核对（审计）：封存的名单、种子和盐的承诺值是否相符；名单上每一件的假名，是否抽中。"""
        campaigns = DECIDERS[inspection.NAME]
        within(hand, self.office.load(campaigns, record_id).state.division)
        found = laid_open(r.event for r in self.office.history(campaigns.stream(record_id)))
        if found is None:
            raise Refused("not_found", "此项检查没有封存名单。", "record_id")
        return plain(found)

    @query(permission="assistance:audit")
    @answers(DrawRegister)
    def get_draw_register(self, hand: Hand, record_id: str) -> Any:
        """抽取核对（审计）：封存名单之时的在册对象，与名单相差哪些。"""
        campaigns = DECIDERS[inspection.NAME]
        state: inspection.Campaign = self.office.load(campaigns, record_id).state
        within(hand, state.division)
        history = self.office.history(campaigns.stream(record_id))
        frozen = next((r.meta.recorded_at for r in reversed(history) if isinstance(r.event, inspection.CampaignListFrozen)), None)
        if frozen is None:
            raise Refused("not_found", "此项检查没有封存名单。", "record_id")
        if state.programme not in (*REVIEWED, DISPERSED, GOVERNANCE):
            raise Refused("out_of_order", "此项检查的名单不是在册个案的全部。", "record_id")
        then = SimpleNamespace(office=self.office.then(frozen))
        if state.programme == DISPERSED:
            register = dispersed(then, state.division, dates.month_of(frozen.date()))
        elif state.programme == GOVERNANCE:
            register = institutions(then, state.division)
        else:
            register = sorted(row["case_id"] for row in _running(then, state.division, REVIEWED[state.programme]))
        listed_there = [o for r in history if isinstance(r.event, inspection.CampaignObjectsListed) for o in r.event.objects]
        return plain(against(listed_there, register, frozen))

    @reaction(OWN, "session_decision_rolled_over", reads=RolledOver)
    def on_session_decision_rolled_over(self, notice: Notice[RolledOver]) -> None:
        """The next meeting owes what this one did not finish, under an id of its own."""
        f = notice.facts
        taken = session.TakeOverDecision(
            f.next_session, derived_id(f.record_id, f.decision_id), f.text, f.concerns, f.owner, f.deadline, f.record_id
        )
        self.office.handle(DECIDERS[session.NAME], f.next_session, notice.order(taken))

    @deadline(NEXT_MEETING)
    def on_next_meeting_due(self, due: Due) -> None:
        """每季度一次: the quarter is over and no meeting was held in it."""
        if "programme" in due.data:  # there never was one yet
            d = due.data
            never = quarterly_meetings.NoteFirstMeetingMissed(
                d["programme"], d["division"], d["quarter"], date.fromisoformat(d["last_day"])
            )
            self.office.handle(quarterly_meetings.DECIDER, due.aggregate_id, due.order(never))
            return
        missed = session.NoteMeetingMissed(due.aggregate_id, due.data["quarter"], date.fromisoformat(due.data["last_day"]))
        self.office.handle(DECIDERS[session.NAME], due.aggregate_id, due.order(missed))
