"""Hand-off doors (转办): of an accepted hand-off a case comes, and the decision of the case is what the sender hears.

The case keeps the hand-off that it came of (``ApplicationFiled.handoff_id``), the hand-off the case (``HandoffTakenUp``): written in this
order, so that a death between the two loses nothing, for news of the case finds the hand-off by the case's own stream. What the sender is
told is what every case of the kind may be told of: the programme, what was decided, from which month; no amounts, no reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from services.assistance import determination, placement, temporary, temporary_deceased
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS
from services.assistance.doors.person import PersonDoors
from services.assistance.programmes import PROGRAMMES, TEMPORARY_ASSISTANCE
from shared.casework import benefit_case, handoff
from shared.casework.benefit_case import events as e
from shared.casework.benefits import AppealAnswer
from shared.casework.office import Office
from shared.casework.programme import Programme
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.days import day_of
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.doors import OWN, command, reaction
from shared.security.permissions import within

# Hand-offs whose matter is an application: of another window here, or of another place.
APPLICATIONS = frozenset(
    {"one_window_acceptance", "remote_application_transfer", "intra_province_remote_application", "disabled_subsidy_cross_province"}
)
_IN_WRITING = "，理由以送达申请人的书面告知为准"
_REFUSED = {e.CaseRefused: "不予确认", e.AcceptanceRefused: "不予受理"}
_GIVEN_UP = {e.ApplicationWithdrawn: "申请人撤回申请", e.ApplicationLapsed: "逾期未补正，视为放弃申请"}
_NEVER_DUE = "原予以确认的决定已撤销，自始不发"


@dataclass(frozen=True)
class HandoffApplication:
    """A hand-off is taken and leads to an application for ``programme``; ``dossier_hash`` as the receiver computed it over what arrived."""

    record_id: str
    programme: str
    dossier_hash: str


@dataclass(frozen=True)
class CaseDecided:
    """Our own ``assistance.case_granted``, ``case_refused`` (also of an applicant who died), ``acceptance_refused``,
    ``application_withdrawn``, ``application_lapsed``, ``case_ended`` and ``case_restored``."""

    programme: str
    subject_id: str


@dataclass(frozen=True)
class MatterDecided:
    """Our own ``assistance.temporary_approved``, ``temporary_refused``, ``temporary_withdrawn`` and ``temporary_closed``."""

    subject_id: str


@dataclass(frozen=True)
class Answered:
    """What a hand-off is answered with: the outcome's code, the sentence, and the place of the decision among the events of its stream."""

    decision: int
    outcome: str
    result: str


def answers_of_case(programme: Programme, history: Iterable[Recorded]) -> dict[str, Answered]:
    """By hand-off: what the application that came of it was decided last, by all the events of a case.

    A refusal that is set aside on appeal is followed by another decision of the same application. An end of what was granted is none,
    unless it takes the grant back whole, so that no month was ever due; when months of it are due after all, it is granted once more
    from the first of them. What goes on behind months that fell out of it is no news.
    """
    found: dict[str, Answered] = {}
    handoff_id, over, back = "", True, False
    granted: list[Any] = []  # the grant of this application, and what became of its months
    for r in history:
        told, outcome, text = r.event, "", ""
        match told:
            case e.ApplicationFiled():
                handoff_id, over, granted = told.handoff_id, False, []
            case e.ApplicationReopened():
                over = False
            case e.CaseGranted() if not told.cause:
                if over:  # granted without an application (免申即享): of that no hand-off spoke
                    handoff_id = ""
                over, outcome, text = True, "granted", f"予以确认，自{told.first_month}起"
                granted, back = [told], False
            case e.CaseGranted() | e.CaseEnded() | e.CaseReassessed() | e.EarlierRoundReassessed() if granted:
                granted.append(told)
                left = determination.spans_of(granted)
                if not left and not back:
                    outcome, text, back = "withdrawn" if getattr(told, "gone", False) else "refused", _NEVER_DUE, True
                elif left and back:
                    outcome, text, back = "granted", f"予以确认，自{left[0].first}起", False
            case e.CaseRefused() | e.AcceptanceRefused():
                over, outcome, text = True, "refused", _REFUSED[type(told)] + _IN_WRITING
            case e.ApplicationWithdrawn() | e.ApplicationLapsed():
                over, outcome, text = True, "withdrawn", _GIVEN_UP[type(told)]
        if outcome and handoff_id:
            found[handoff_id] = Answered(r.version, outcome, f"{programme.name}：{text}。")
    return found


def answers_of_matters(history: Iterable[Recorded]) -> dict[str, tuple[str, Answered]]:
    """By hand-off: the matter of temporary assistance that came of it and what it was decided last."""
    found: dict[str, tuple[str, Answered]] = {}
    came_of: dict[str, str] = {}
    for r in history:
        told = r.event
        if isinstance(told, temporary.TemporaryApplied):
            came_of[told.matter_id] = told.handoff_id
            continue
        outcome = text = ""
        match told:
            case temporary.TemporaryApproved():
                outcome, text = "granted", "予以救助"
            case temporary.TemporaryRefused():
                outcome, text = "refused", ("不予受理" if told.at_acceptance else "不予救助") + _IN_WRITING
            case temporary.TemporaryWithdrawn():
                outcome, text = "withdrawn", _GIVEN_UP[e.ApplicationWithdrawn]
            case temporary_deceased.TemporaryClosed():
                outcome, text = "withdrawn", "救助对象死亡，终止办理"
        if outcome and came_of[told.matter_id]:
            found[came_of[told.matter_id]] = told.matter_id, Answered(r.version, outcome, f"{TEMPORARY_ASSISTANCE.name}：{text}。")
    return found


def application(office: Office, record_id: str, hand: Hand) -> handoff.Handoff:
    """A hand-off to this hand's division, which must be of an application."""
    decider = DECIDERS[handoff.NAME]
    sent: handoff.Handoff = office.load(decider, record_id).state
    if sent.status == "none":
        raise Refused("not_found", "没有此转办。", "record_id")
    within(hand, decider.division(sent))
    if sent.programme not in APPLICATIONS:
        raise Refused("out_of_order", "此项转办不是救助申请。", "record_id")
    return sent


@dataclass(frozen=True)
class SelectedHandoff:
    """A hand-off as it was seen in the list: by the hash of its papers, so that one sent again meanwhile is not meant."""

    record_id: str
    dossier_hash: str


@dataclass(frozen=True)
class SelectedHandoffs:
    """所选转办: to be accepted."""

    selected: tuple[SelectedHandoff, ...]


@dataclass(frozen=True)
class HandoffAnswers:
    """所选转办 with one answer: the outcome and the sentence that are told of each. One that is not accepted yet is accepted with it."""

    selected: tuple[SelectedHandoff, ...]
    outcome: str
    result: str


@dataclass(frozen=True)
class TakeBack:
    """收回 by its sender: what nobody has accepted yet, by the number under which it was taken in."""

    number: str
    reason: str


MOST_AT_ONCE = 200  # hand-offs that are accepted or answered together


class HandoffDoors(PersonDoors):
    """转办."""

    @command(SelectedHandoffs, permission="accept")
    def accept_handoffs(self, order: Order[SelectedHandoffs]) -> Any:
        """签收所选的多件转办（材料摘要须一致）；办不了的逐件说明，其余照办。"""
        return self._each(order.command.selected, order, lambda s: (handoff.AcceptHandoff(s.record_id, s.dossier_hash),))

    @command(HandoffAnswers, permission="accept")
    def finish_handoffs(self, order: Order[HandoffAnswers]) -> Any:
        """以同一结果办结并反馈所选的多件转办（尚未签收的一并签收）；办不了的逐件说明，其余照办。"""
        c = order.command

        def acts(s: SelectedHandoff) -> tuple[Any, ...]:
            state: handoff.Handoff = self.office.load(DECIDERS[handoff.NAME], s.record_id).state
            finish = handoff.FinishHandoff(s.record_id, c.outcome, c.result)
            return (handoff.AcceptHandoff(s.record_id, s.dossier_hash), finish) if state.status == "sent" else (finish,)

        return self._each(c.selected, order, acts)

    def _each(
        self, selected: tuple[SelectedHandoff, ...], order: Order[Any], acts: Callable[[SelectedHandoff], tuple[Any, ...]]
    ) -> dict[str, Any]:
        """Each by a command of its own that follows from this one, so that a second try finds those done that were."""
        if not 0 < len(selected) <= MOST_AT_ONCE:
            raise invalid(f"请选择1至{MOST_AT_ONCE}件转办。", "selected")
        done: list[str] = []
        left: list[tuple[str, Refused]] = []
        answer: dict[str, Any] = {}
        for one in dict.fromkeys(selected):
            try:
                for act in acts(one):
                    step = order.to(act, f"{type(act).__name__} {one.record_id}")
                    answer = self.office.handle(DECIDERS[handoff.NAME], one.record_id, step).as_dict()
                done.append(one.record_id)
            except Refused as refused:
                left.append((one.record_id, refused))
        if not done:
            raise left[0][1]
        return {**answer, "done": done, "left": [{"record_id": record_id, "reason": refused.message} for record_id, refused in left]}

    @command(TakeBack, permission="accept")
    def take_back_handoff(self, order: Order[TakeBack]) -> Any:
        """转出单位收回尚未签收（或已退回）的转办，按受理编号；此后接收单位的待办中不再有此件。"""
        c, decider = order.command, DECIDERS[handoff.NAME]
        record_id = handoff.record_of(c.number)
        state: handoff.Handoff = self.office.load(decider, record_id).state
        if state.status == "none":
            raise Refused("not_found", "没有此转办。", "number")
        within(order.hand, handoff.place_of(state.from_unit, state.home))
        sender = order.by(replace(order.hand, division=""))  # until it is accepted it stands in the receiver's list
        return self.office.handle(decider, record_id, sender.to(handoff.WithdrawHandoff(record_id, c.reason)))

    @command(HandoffApplication, permission="accept", does=handoff.TakeUpHandoff)
    def apply_from_handoff(self, order: Order[HandoffApplication]) -> Any:
        """签收转来的申请并直接立案：申请人在册，由本单位受理，不要求其重新申请；材料摘要须一致；结果随办件自动反馈。"""
        c = order.command
        sent = application(self.office, c.record_id, order.hand)
        programme = self.benefits.programme(c.programme)
        subject_id, payee_id, division = self.on_file(programme, sent.subject_id, order.today)
        taken = handoff.TakeUpHandoff(c.record_id, benefit_case.case_id(programme.code, subject_id), programme.code, c.dossier_hash)
        self.office.rehearse(DECIDERS[handoff.NAME], c.record_id, order.to(taken, "accept"))
        within(order.hand, division)
        # He applied at the window that sent it: what counts from the month of the application counts from that day's.
        went_out = self.office.history(DECIDERS[handoff.NAME].stream(c.record_id))[0]
        filed = self.benefits.file(
            programme.code, subject_id, payee_id, division, order, handoff_id=c.record_id, applied_on=day_of(went_out)
        )
        self.office.handle(DECIDERS[handoff.NAME], c.record_id, order.to(taken, "accept"))
        return filed

    def on_file(self, programme: Programme, person_id: str, today: date) -> tuple[str, str, str]:
        """The applicant of whom a clue or a hand-off speaks: the person himself, or the household that counts him."""
        home = self.office.load(placement.DECIDER, person_id).state if person_id else placement.Placement()
        return self.applicant(programme, home.home_in(dates.month_of(today)), person_id if programme.subject == "person" else "", "")

    # -- the decision is the answer

    @reaction(OWN, "case_granted", reads=CaseDecided)
    def on_handed_granted(self, notice: Notice[CaseDecided]) -> None:
        """It was granted: the sender hears it; also where that corrects a refusal on appeal."""
        self._case_decided(notice)

    @reaction(OWN, "case_refused", reads=CaseDecided)
    def on_handed_refused(self, notice: Notice[CaseDecided]) -> None:
        """It was refused."""
        self._case_decided(notice)

    @reaction(OWN, "acceptance_refused", reads=CaseDecided)
    def on_handed_not_accepted(self, notice: Notice[CaseDecided]) -> None:
        """It was not accepted."""
        self._case_decided(notice)

    @reaction(OWN, "application_withdrawn", reads=CaseDecided)
    def on_handed_taken_back(self, notice: Notice[CaseDecided]) -> None:
        """The applicant withdrew it."""
        self._case_decided(notice)

    @reaction(OWN, "application_lapsed", reads=CaseDecided)
    def on_handed_lapsed(self, notice: Notice[CaseDecided]) -> None:
        """Papers never came."""
        self._case_decided(notice)

    @reaction(OWN, "case_ended", reads=CaseDecided)
    def on_handed_ended(self, notice: Notice[CaseDecided]) -> None:
        """An end that takes the grant back whole corrects the answer."""
        self._case_decided(notice)

    @reaction(OWN, "case_restored", reads=CaseDecided)
    def on_handed_restored(self, notice: Notice[CaseDecided]) -> None:
        """And when that end is none, the answer is corrected back."""
        self._case_decided(notice)

    @command(AppealAnswer, permission="confirm", does=benefit_case.AnswerAppeal)
    def answer_appeal(self, order: Order[AppealAnswer]) -> Any:
        """答复复核申请：由交办的承办人办理，予以支持的由规则纠正；由转办而来的，更正其结果。"""
        answer = super().answer_appeal(order)
        state: benefit_case.Case = self.office.load(CASES, order.command.case_id).state
        if state.running:  # an end that is set aside: of that no news speaks by itself
            self._tell_sender(state.programme, order.command.case_id, order.by(self.benefits.hand()))
        return answer

    def _case_decided(self, notice: Notice[CaseDecided]) -> None:
        f = notice.facts
        self._tell_sender(f.programme, benefit_case.case_id(f.programme, f.subject_id), notice.order(None))

    def _tell_sender(self, code: str, case_id: str, order: Order[Any]) -> None:
        programme, case = PROGRAMMES.get(code), self.office.load(CASES, case_id).state
        if programme is None or not case.handoff_id:
            return  # nearly always
        for handoff_id, answered in answers_of_case(programme, self.office.history(CASES.stream(case_id))).items():
            self._answer(handoff_id, case_id, programme.code, answered, order)

    @reaction(OWN, "temporary_approved", reads=MatterDecided)
    def on_handed_matter_approved(self, notice: Notice[MatterDecided]) -> None:
        """临时救助 was approved."""
        self._matter_decided(notice)

    @reaction(OWN, "temporary_refused", reads=MatterDecided)
    def on_handed_matter_refused(self, notice: Notice[MatterDecided]) -> None:
        """临时救助 was refused."""
        self._matter_decided(notice)

    @reaction(OWN, "temporary_withdrawn", reads=MatterDecided)
    def on_handed_matter_withdrawn(self, notice: Notice[MatterDecided]) -> None:
        """临时救助 was withdrawn by the applicant."""
        self._matter_decided(notice)

    @reaction(OWN, "temporary_closed", reads=MatterDecided)
    def on_handed_matter_closed(self, notice: Notice[MatterDecided]) -> None:
        """临时救助 was closed, for nobody lives whom it is for."""
        self._matter_decided(notice)

    def _matter_decided(self, notice: Notice[MatterDecided]) -> None:
        history = self.office.history(temporary.DECIDER.stream(notice.facts.subject_id))
        for handoff_id, (matter_id, answered) in answers_of_matters(history).items():
            self._answer(handoff_id, matter_id, TEMPORARY_ASSISTANCE.code, answered, notice.order(None))

    def _answer(self, handoff_id: str, refers_to: str, code: str, a: Answered, order: Order[Any]) -> None:
        follow = handoff.FollowCase(handoff_id, refers_to, code, a.decision, a.outcome, a.result)
        self.office.handle(DECIDERS[handoff.NAME], handoff_id, order.to(follow, f"answer {handoff_id}"))
