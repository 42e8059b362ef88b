"""One-thing doors (社会救助一件事): begin every item in its own stream, hear how it went, and write the one notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.assistance import one_thing, placement
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.doors.answers import OneThingNotice
from services.assistance.doors.person import PersonDoors
from services.assistance.one_thing import OneThing, Result, Step
from shared.casework import benefit_case, handoff
from shared.casework.benefits import AppealAnswer
from shared.domain.errors import Refused, Unavailable
from shared.domain.money import yuan
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.messaging.answering import answers
from shared.messaging.doors import OWN, command, query, reaction
from shared.messaging.showing import shown
from shared.security.permissions import within

ONE_THINGS = tuple(code for code, d in DECLARATIONS.items() if d.shape is one_thing.SHAPE)
_CASE_RESULTS = {s: s for s in ("refused", "not_accepted", "withdrawn", "lapsed", "ended")} | {"closed": "granted"}
_WITH_REASON = (benefit_case.CaseRefused, benefit_case.AcceptanceRefused, benefit_case.ApplicationWithdrawn, benefit_case.CaseEnded)


def _granted(case: benefit_case.Case) -> str:
    monthly = case.terms.payment == "monthly" and case.amount_fen
    return f"自{case.first_month}起" + (f"，每月{yuan(case.amount_fen)}" if monthly else "")


@dataclass(frozen=True)
class Opened:
    """``assistance.one_thing_opened``."""

    record_id: str
    round: int


@dataclass(frozen=True)
class OneThingRef:
    """``assistance.one_thing_item_late``; also the form of ``collect_one_thing``."""

    record_id: str


@dataclass(frozen=True)
class AboutSubject:
    """What a case or a hand-off came to (``case_granted``, ``case_refused``, ``handoff_done`` …): whose item it may be."""

    subject_id: str


def decided_last(history: Sequence[Recorded], begun_at: int) -> tuple[str, str]:
    """What the application came to that was filed last before this place of the log: also on appeal, or because its grant was taken back
    whole; a later application is another matter, and an end after the first month is none of it. "" = it was not decided."""
    filed = [n for n, r in enumerate(history) if isinstance(r.event, benefit_case.ApplicationFiled)]
    ours = [n for n in filed if history[n].position <= begun_at]
    if not ours:
        return "", ""
    outcome, note, first = "", "", ""
    for r in history[ours[-1] : next((n for n in filed if n > ours[-1]), len(history))]:
        match r.event:
            case benefit_case.CaseGranted() if outcome != "granted":  # or again, behind months that were not due
                first = r.event.first_month
                outcome, note = "granted", f"自{first}起"
            case benefit_case.CaseEnded() if first and r.event.first_unpaid_month <= first:
                outcome, note = "ended", "原予以确认的决定已撤销，自始不发"
            case benefit_case.CaseReassessed() if outcome == "ended" and r.event.outcome != "ended":
                outcome, note = "granted", f"自{first}起"
            case benefit_case.CaseRefused() | benefit_case.AcceptanceRefused():
                outcome = "refused" if isinstance(r.event, benefit_case.CaseRefused) else "not_accepted"
                note = r.event.reason
    return outcome, note


class OneThingDoors(PersonDoors):
    """社会救助一件事."""

    @reaction(OWN, "one_thing_opened", reads=Opened)
    def on_one_thing_opened(self, notice: Notice[Opened]) -> None:
        """Begin every item; one that cannot be begun is skipped with the reason, so that it stands in the notice."""
        record_id = notice.facts.record_id
        state = self._one_thing(record_id)
        if state.round != notice.facts.round:
            return  # told late: that process is over, and the next one begins its own items
        owed = {key: item for key, item in state.owed.items() if not item.refers_to}
        begun = tuple(self._begin(key, item, state, notice.order(None, f"begin {key}")) for key, item in owed.items())
        self._record(record_id, begun, notice.order(None, "begun"))

    def _begin(self, item_id: str, item: Step, state: OneThing, order: Order[Any]) -> Result:
        try:
            if item.to_unit:
                return Result(item_id, self._hand_off(item, state, order))
            programme = self.benefits.programme(item.code)
            household_id, person_id = (item.subject_id, "") if programme.subject == "household" else ("", item.subject_id)
            subject_id, payee_id, division = self.applicant(programme, household_id, person_id, "")
            return Result(item_id, self.benefits.file(programme.code, subject_id, payee_id, division, order).id)
        except Unavailable:
            raise
        except Refused as refused:
            return Result(item_id, outcome="skipped", note=refused.message)

    def _hand_off(self, item: Step, state: OneThing, order: Order[Any]) -> str:
        """Send the item to its department; the record's id follows from the command's, so a repeat meets what it sent."""
        number = handoff.acceptance_no(state.division, order.command_id)
        what = f"{item.title}（一件事联办）"
        terms = DECLARATIONS[item.code].terms
        send = handoff.SendHandoff(
            item.code, state.division, state.division, item.to_unit, what, state.dossier_hash, item.subject_id, terms=terms
        )
        return self.office.handle(DECIDERS[handoff.NAME], handoff.record_of(number), order.to(send)).id

    @reaction(OWN, "case_granted", reads=AboutSubject)
    def on_item_granted(self, notice: Notice[AboutSubject]) -> None:
        """A case came into force: an item of a one-thing process may be done."""
        self._heard(notice)

    @reaction(OWN, "case_refused", reads=AboutSubject)
    def on_item_refused(self, notice: Notice[AboutSubject]) -> None:
        """A refusal is a result too."""
        self._heard(notice)

    @reaction(OWN, "acceptance_refused", reads=AboutSubject)
    def on_item_not_accepted(self, notice: Notice[AboutSubject]) -> None:
        """It was not accepted."""
        self._heard(notice)

    @reaction(OWN, "application_withdrawn", reads=AboutSubject)
    def on_item_taken_back(self, notice: Notice[AboutSubject]) -> None:
        """The applicant withdrew it."""
        self._heard(notice)

    @reaction(OWN, "application_lapsed", reads=AboutSubject)
    def on_item_lapsed(self, notice: Notice[AboutSubject]) -> None:
        """Papers never came."""
        self._heard(notice)

    @reaction(OWN, "handoff_done", reads=AboutSubject)
    def on_item_answered(self, notice: Notice[AboutSubject]) -> None:
        """A department answered."""
        self._heard(notice)

    @reaction(OWN, "handoff_withdrawn", reads=AboutSubject)
    def on_item_withdrawn(self, notice: Notice[AboutSubject]) -> None:
        """A hand-off came back and was withdrawn."""
        self._heard(notice)

    @reaction(OWN, "case_ended", reads=AboutSubject)
    def on_item_ended(self, notice: Notice[AboutSubject]) -> None:
        """An end that takes the grant back whole corrects what the household was told."""
        self._heard(notice)

    @reaction(OWN, "case_restored", reads=AboutSubject)
    def on_item_restored(self, notice: Notice[AboutSubject]) -> None:
        """And so does the end that was none."""
        self._heard(notice)

    @command(AppealAnswer, permission="confirm", does=benefit_case.AnswerAppeal)
    def answer_appeal(self, order: Order[AppealAnswer]) -> Any:
        """答复复核申请：由交办的承办人办理，予以支持的由规则纠正；一件事、转办中的结果随之更正。"""
        answer = super().answer_appeal(order)
        case: benefit_case.Case = self.office.load(self.benefits.cases, order.command.case_id).state
        for record_id in self._processes_of(case.subject_id):
            self._correct(record_id, order.by(self.benefits.hand()))
        return answer

    @reaction(OWN, "one_thing_item_late", reads=OneThingRef)
    def on_one_thing_item_late(self, notice: Notice[OneThingRef]) -> None:
        """Before a person is troubled with a late item: whatever has a result by now is written down."""
        self._collect(notice.facts.record_id, notice.order(None, "collect"))

    @command(OneThingRef, permission="accept", does=one_thing.SkipOneThingItem)
    def collect_one_thing(self, order: Order[OneThingRef]) -> Any:
        """一件事：汇总各事项办理结果。"""
        within(order.hand, self._one_thing(order.command.record_id).division)
        return self._collect(order.command.record_id, order.by(self.benefits.hand()))

    @query(permission="read")
    @answers(OneThingNotice)
    def get_one_thing_notice(self, hand: Hand, record_id: str) -> Any:
        """幸福清单：一件事各事项的结果，每项一行。"""
        found = shown(self.office, DECIDERS[one_thing.NAME], record_id, hand, None)
        return {"status": found["status"], "lines": list(one_thing.notice(self._one_thing(record_id)))}

    def _heard(self, notice: Notice[AboutSubject]) -> None:
        for record_id in self._processes_of(notice.facts.subject_id):
            if self._one_thing(record_id).status == "open":
                self._collect(record_id, notice.order(None, f"collect {record_id}"))
            self._correct(record_id, notice.order(None))

    def _processes_of(self, subject_id: str) -> list[str]:
        """Of a household, a member of one, or nobody in particular: the processes there are."""
        place = self.office.load(placement.DECIDER, subject_id).state if is_person_id(subject_id) else placement.Placement()
        homes = [h for h in dict.fromkeys((subject_id, place.household_id)) if h]
        found = [derived_id(code, "", home) for home in homes for code in ONE_THINGS]
        return [record_id for record_id in found if self._one_thing(record_id).status != "none"]

    def _correct(self, record_id: str, order: Order[Any]) -> None:
        """What was written down of a case's item, held against what the same application came to in the end."""
        state, results = self._one_thing(record_id), []
        for item_id, item in state.items.items():
            if not item.outcome or item.to_unit or not item.refers_to:
                continue
            history = self.office.history(self.benefits.cases.stream(item.refers_to))
            outcome, note = decided_last(history, self._begun_at(record_id, item_id))
            if outcome and outcome != item.outcome:
                results.append(Result(item_id, outcome=outcome, note=note))
        if results:
            correct = one_thing.CorrectOneThingItems(record_id, tuple(results))
            self.office.handle(DECIDERS[one_thing.NAME], record_id, order.to(correct, f"correct {record_id}"))

    def _begun_at(self, record_id: str, item_id: str) -> int:
        """The place in the log at which an item's case was written down here: its application lies before."""
        history = self.office.history(DECIDERS[one_thing.NAME].stream(record_id))
        return next(
            (r.position for r in history if isinstance(r.event, one_thing.OneThingItemBegun) and r.event.item_id == item_id), -1
        )

    def _collect(self, record_id: str, order: Order[Any]) -> Any:
        state = self._one_thing(record_id)
        results = (self._result(key, item) for key, item in state.owed.items() if item.refers_to)
        return self._record(record_id, tuple(r for r in results if r is not None), order)

    def _result(self, item_id: str, item: Step) -> Result | None:
        if item.to_unit:
            sent: handoff.Handoff = self.office.load(DECIDERS[handoff.NAME], item.refers_to).state
            if sent.status == "withdrawn":
                return Result(item_id, outcome="withdrawn", note=sent.reason)
            return Result(item_id, outcome=sent.outcome, note=sent.result) if sent.outcome else None
        case: benefit_case.Case = self.office.load(self.benefits.cases, item.refers_to).state
        outcome = "granted" if case.running else _CASE_RESULTS.get(case.status, "")
        if not outcome:
            return None
        return Result(item_id, outcome=outcome, note=_granted(case) if outcome == "granted" else self._why(item.refers_to))

    def _why(self, case_id: str) -> str:
        """The reason in the words of the decision."""
        history = self.office.history(self.benefits.cases.stream(case_id))
        return next((r.event.reason for r in reversed(history) if isinstance(r.event, _WITH_REASON)), "")

    def _record(self, record_id: str, results: tuple[Result, ...], order: Order[Any]) -> Any:
        given = one_thing.RecordOneThingItems(record_id, results)
        return self.office.handle(DECIDERS[one_thing.NAME], record_id, order.to(given))

    def _one_thing(self, record_id: str) -> OneThing:
        state: OneThing = self.office.load(DECIDERS[one_thing.NAME], record_id).state
        return state
