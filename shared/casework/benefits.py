"""What every service that pays benefits does the same way (津贴业务): propose, confirm, reassess month by month, end.

Paying and claiming back are in ``payments.py``.

The deciders in this folder decide; here the facts are fetched, the rules asked and the commands given. A service brings an
``assess`` function (facts of the subject in a month → the rules' assessment) and its programmes; doors call the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import dropwhile
from typing import Any, Literal

from shared.casework import benefit_case
from shared.casework.benefit_case import Case, Correction, OverpaymentFound
from shared.casework.office import Office
from shared.casework.payment_run import Run
from shared.casework.payments import Payments, programme_in
from shared.casework.programme import Programme
from shared.casework.recovery import Recovery
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Hand, Order
from shared.rules.assessment import Assessment

__all__ = ["AppealAnswer", "Asked", "Benefits", "CaseRef", "Confirmation", "Found", "Office", "ReviewAnswer", "SubjectGone"]


TOLD_LATE = "停发的月份按现已查明的情况重新核定"  # of an end by the rules that they do not give any more


@dataclass(frozen=True)
class Asked:
    """A question to the rules: what is due to this subject in this month, given what is being paid."""

    programme: str
    subject_id: str
    month: str
    current_amount_fen: int
    gradual_exit_since: str | None


@dataclass(frozen=True)
class Found:
    """The rules' answer, and the version of the subject's stream its facts were taken from."""

    assessment: Assessment
    facts_version: int
    payee_id: str = ""  # whom these facts name as payee; "" = whom the case names
    changing: bool = False  # incomes may change: reviewed half-yearly, not yearly
    next_turn: str = ""  # the month in which the calendar alone changes what these facts or the rules say; "" = none


class SubjectGone(Refused):
    """Nobody is left to assess in that month: every member of the household has died or left. Carries the reason and its basis."""

    def __init__(self, reason: str, basis: str) -> None:
        super().__init__("out_of_order", reason, None)
        self.reason, self.basis = reason, basis


class Benefits:
    """One service's benefit business."""

    def __init__(
        self,
        service: str,
        office: Office,
        programmes: Mapping[str, Programme],
        assess: Callable[[Asked], Found],
        cases: Decider[Case],
        runs: Decider[Run],
        recoveries: Decider[Recovery],
    ) -> None:
        self.service = service
        self.office = office
        self.programmes = programmes
        self.assess = assess
        self.cases = cases
        self.payments = Payments(office, programmes, cases, runs, recoveries)

    def programme(self, code: str) -> Programme:
        return programme_in(self.programmes, code)

    def case(self, case_id: str) -> Case:
        state: Case = self.office.load(self.cases, case_id).state
        if state.status == "none":
            raise Refused("not_found", "没有此办件。", "case_id")
        return state

    # -- the procedure

    def file(
        self, programme: str, subject_id: str, payee_id: str, division: str, order: Order[Any], near_relative: str = "",
        *, handoff_id: str = "", applied_on: date | None = None,
    ) -> Answer:  # fmt: skip
        """申请 of a subject whom the service has found; the case goes on by what the programme declares today. ``applied_on``: the day on
        which he applied at the window whose hand-off it came of."""
        declared = self.programme(programme)
        if not declared.on_application:
            raise Refused("out_of_order", "该项目不经此途径申请。", "programme")
        self._not_beside_others(declared, subject_id)
        case_id = benefit_case.case_id(programme, subject_id)
        file = benefit_case.FileApplication(
            programme, subject_id, payee_id, division, declared.terms, near_relative, handoff_id, declared.once_only, applied_on
        )
        return self.office.handle(self.cases, case_id, order.to(file))

    def _not_beside_others(self, programme: Programme, subject_id: str) -> None:
        for code in programme.exclusive_with:
            if self.excluded_by(programme, code, subject_id):
                name = self.programmes[code].name if code in self.programmes else code
                raise Refused("already_exists", f"已享受{name}，不得重复。", "programme")

    def excluded_by(self, programme: Programme, code: str, subject_id: str) -> bool:
        """Whether what the subject draws of ``code`` stands in the way of this programme."""
        running: bool = self.office.load(self.cases, benefit_case.case_id(code, subject_id)).state.running
        return running

    def act(self, order: Order[Any]) -> Answer:
        """A command that needs nothing but the case."""
        return self.office.handle(self.cases, order.command.case_id, order)

    def propose(self, order: Order[Any]) -> Answer:
        """审核: ask the rules about the first month that can be paid, and propose what they say."""
        state = self.case(order.command.case_id)
        found = self._first_paid(state, order)
        days = self.programme(state.programme).publicity_days
        propose = benefit_case.ProposeCase(order.command.case_id, found.assessment, found.facts_version, days)
        return self.office.handle(self.cases, order.command.case_id, order.to(propose))

    def confirm(self, order: Order[Any]) -> Answer:
        """确认: what was reviewed, on the facts it was reviewed on, as long as the rules still say so."""
        state = self.case(order.command.case_id)
        self._not_beside_others(self.programme(state.programme), state.subject_id)
        now = self._first_paid(state, order)
        proposed = state.proposal.assessment if state.proposal else now.assessment
        outdated = (now.assessment.eligible, now.assessment.amount_fen) != (proposed.eligible, proposed.amount_fen)
        if state.terms.first_month == "of_application":
            outdated = outdated or now.assessment.month != proposed.month
        confirm = benefit_case.ConfirmCase(
            order.command.case_id, order.command.reviewed, now.facts_version, outdated, now.payee_id, now.changing, now.next_turn
        )
        return self.office.handle(self.cases, order.command.case_id, order.to(confirm))

    def _first_paid(self, state: Case, order: Order[Any]) -> Found:
        """The first month that would be paid if it were confirmed today: a fact that counts from then on must not be missed.

        What counts from the month of the application counts from the first month since in which the rules give it, as far as anything is
        known: 低保 applied for together with it begins later. Where they give it in none, the first says why.
        """
        first = benefit_case.first_month(state, order.today)
        found = self.assess(Asked(state.programme, state.subject_id, first, 0, None))
        if state.terms.first_month != "of_application" or found.assessment.eligible:
            return found
        for month in dates.months_between(dates.add_months(first, 1), max(dates.month_of(order.today), self.ahead(state))):
            try:
                later = self.assess(Asked(state.programme, state.subject_id, month, 0, None))
            except SubjectGone:
                break
            if later.assessment.eligible:
                return later
        return found

    def ahead(self, state: Case) -> str:
        """The last month from which anything known counts: of the subject, or of the rules; "" where nothing is known ahead."""
        return ""

    def grant(self, programme: str, subject_id: str, payee_id: str, division: str, first_month: str, order: Order[Any]) -> Answer:
        """免申即享: grant on the rules' word."""
        found = self.assess(Asked(programme, subject_id, first_month, 0, None))
        case_id = benefit_case.case_id(programme, subject_id)
        terms = self.programme(programme).terms
        grant = benefit_case.GrantCase(
            programme, subject_id, payee_id, division, first_month, found.assessment, found.facts_version, terms, found.changing,
            next_turn=found.next_turn,
        )  # fmt: skip
        return self.office.handle(self.cases, case_id, order.to(grant, f"grant {programme} {subject_id}"))

    # -- changes

    def reassess(self, case_id: str, effective_month: str, cause: str, order: Order[Any], until: str = "") -> Answer | None:
        """动态管理: assess every month from the one the fact counts from to this one, each by its own rules and on its own facts.

        Months ahead that were decided already are decided again too, and those up to ``until``, the last month from which a known
        fact counts; of an ended case the months before its end and those that the end does not settle, and so of earlier rounds.
        """
        state: Case = self.office.load(self.cases, case_id).state
        if effective_month <= benefit_case.unsettled(state) and self.restore(case_id, TOLD_LATE, order, account=state.ended_cause):
            state = self.office.load(self.cases, case_id).state
        if not state.open and state.status not in ("ended", "closed") and not benefit_case.earlier_rounds(state):
            return None
        found = self.looked_at(state, case_id, effective_month, cause, order, until)
        answer = None
        if found.end is not None:
            # The end first: it takes back what was decided for later months, which an assessment of the months before may not do.
            answer = self.office.handle(self.cases, case_id, order.to(found.end, f"end {case_id}"))
        if found.reassess is not None:
            answer = self.office.handle(self.cases, case_id, order.to(found.reassess, f"reassess {case_id}"))
        return self._decide_earlier(case_id, found.earlier, cause, order) or answer

    def _decide_earlier(
        self, case_id: str, rounds: tuple[benefit_case.ReassessEarlierRound, ...], cause: str, order: Order[Any]
    ) -> Answer | None:
        answer, touched = None, []
        for earlier in rounds:
            answer = self.office.handle(self.cases, case_id, order.to(earlier, f"reassess {case_id} {earlier.before}"))
            touched += [earlier.from_month] if answer.events else []
        if touched:
            after: Case = self.office.load(self.cases, case_id).state
            self.earlier_decided(after, min(touched), cause, order.to(None, f"earlier {case_id}"))
            if benefit_case.unsettled(after):  # what is due before them may be what the months behind are due by
                self.restore(case_id, TOLD_LATE, order.to(None, f"behind {case_id}"), account=after.ended_cause)
        return answer

    def earlier_decided(self, state: Case, month: str, cause: str, order: Order[Any]) -> None:
        """Months of an earlier round were decided otherwise, from this one on: for what rests on them."""

    def looked_at(
        self, state: Case, case_id: str, effective_month: str, cause: str, order: Order[Any], until: str = "", revive: bool = False
    ) -> Correction:
        """What the rules say now of the months from ``effective_month`` on; ``revive``: of an ended case also those behind its end."""
        said: dict[str, tuple[int, str | None]] = {}
        earlier = () if revive else self._looked_at_earlier(state, case_id, effective_month, cause, order, said)
        first = max(effective_month, state.first_month) if state.first_month else effective_month
        if state.pending:  # nothing of an earlier month is asked for: a paper of years ago lies before all rules
            first = max(first, benefit_case.first_month(state, order.today))
        last = max(first, dates.month_of(order.today), until, self.ahead(state), state.last_change if state.running else "")
        if state.terms.payment == "once" and state.first_month:
            last = state.first_month
        elif state.status == "ended" and not revive:
            last = dates.add_months(state.last_change, -1)
        if first > last or not (state.open or state.status in ("ended", "closed")):
            return Correction(earlier=earlier)
        amount, since = benefit_case.month_before(state, first, said)
        exiting = state.exit_since or state.exit_was
        since = exiting if exiting and exiting < first else since
        today = dates.month_of(order.today)
        assessments, version, payee, changing, end, turn, _ = self._each_month(state, case_id, first, last, amount, since, today)
        reassess = benefit_case.ReassessCase(case_id, first, assessments, version, cause, payee, turn) if assessments else None
        return Correction(reassess, end, changing, earlier)

    def _looked_at_earlier(
        self, state: Case, case_id: str, effective_month: str, cause: str, order: Order[Any], said: dict[str, tuple[int, str | None]]
    ) -> tuple[benefit_case.ReassessEarlierRound, ...]:
        """What they say of the months of rounds that are over, each as it was then, and of those behind the end that it does not settle.
        ``said``: with what each comes out, by the month behind it."""
        found, today = [], dates.month_of(order.today)
        for r in benefit_case.earlier_rounds(state):
            again = benefit_case.looked_at_again(state, r, effective_month, said)
            if again is None:
                continue
            first, before, last = again.first, again.before, dates.add_months(again.before, -1)
            assessments, version, _, _, end, _, said[before] = self._each_month(
                state, case_id, first, last, again.amount_fen, again.exit_since, today
            )
            gone = (end.first_unpaid_month, end.reason) if end is not None else ("", "")
            found.append(benefit_case.ReassessEarlierRound(case_id, first, before, assessments, version, cause, *gone))
        return tuple(found)

    def _each_month(
        self, state: Case, case_id: str, first: str, last: str, amount: int, since: str | None, today: str
    ) -> tuple[tuple[Assessment, ...], int, str, bool, benefit_case.EndCase | None, str, tuple[int, str | None]]:
        """The rules' word on every month, each with what was due in the one before; the end, where nobody is there any more; the month
        in which the calendar alone changes what they say; and with what the month behind them is asked about. Behind a month that is not
        due those until ``today`` are looked at as well, none ahead: who is due again then applies anew."""
        assessments: list[Assessment] = []
        version, payee, changing, turn = -1, "", False, ""
        end: benefit_case.EndCase | None = None
        for month in dates.months_between(first, last):
            try:
                found = self.assess(Asked(state.programme, state.subject_id, month, amount, since))
            except SubjectGone as nobody:
                end = benefit_case.EndCase(case_id, month, nobody.reason, nobody.basis, gone=True)
                break
            a, version, payee, changing, turn = found.assessment, found.facts_version, found.payee_id, found.changing, found.next_turn
            assessments.append(a)
            amount = a.amount_fen
            since = (since or month) if a.outcome == "gradual_exit" else None
            if month >= today and not state.pending and not benefit_case.due_by(a):
                break
        came = (amount, since) if end is None else (0, None)
        return tuple(assessments), version, payee, changing, end, turn, came

    def end(self, case_id: str, first_unpaid_month: str, reason: str, basis: str, order: Order[Any], gone: bool = False) -> Answer:
        end = benefit_case.EndCase(case_id, first_unpaid_month, reason, basis, gone)
        return self.office.handle(self.cases, case_id, order.to(end, f"end {case_id}"))

    def restore(
        self, case_id: str, reason: str, order: Order[Any], again: benefit_case.EndCase | None = None, account: str = ""
    ) -> bool:
        """停发撤销: the death by which the case ended was a later day or was none, or what it ended on account of was set aside;
        ``again``: by what it ends after all. Whether anything came of it."""
        state: Case = self.office.load(self.cases, case_id).state
        if not benefit_case.restorable(state, account) or (again is not None and again.first_unpaid_month <= state.ended_from):
            return False
        found = self.looked_at(state, case_id, state.ended_from, f"restored:{order.command_id}", order, revive=True)
        if found.reassess is None:
            return False
        end, reassess = found.end, found.reassess
        if again is not None and (end is None or again.first_unpaid_month < end.first_unpaid_month):
            there = tuple(a for a in reassess.assessments if a.month < again.first_unpaid_month)
            end, reassess = again, replace(reassess, assessments=there)
        there = tuple(dropwhile(lambda a: not benefit_case.due_by(a), reassess.assessments))
        if not there:
            return False
        reassess = replace(reassess, assessments=there, effective_month=max(reassess.effective_month, there[0].month))
        restore = benefit_case.RestoreCase(case_id, reason, Correction(reassess, end, found.changing), account)
        self.office.handle(self.cases, case_id, order.to(restore, f"restore {case_id}"))
        after: Case = self.office.load(self.cases, case_id).state
        if after.ended_from != state.ended_from and state.rounds_were:  # the end had taken back rounds that lay before the newest
            cause = f"restored:{order.command_id}"
            self._decide_earlier(case_id, self._looked_at_earlier(after, case_id, state.ended_from, cause, order, {}), cause, order)
        return after.ended_from != state.ended_from

    # -- reviews and appeals: a person finds, the rules decide

    def answer_review(self, order: Order[Any]) -> Answer:
        """复审: the case is looked at again from this month on; continue, adjust or terminate is what the rules say."""
        c = order.command
        state = self.case(c.case_id)
        correction = Correction()
        if state.running:
            correction = self.looked_at(state, c.case_id, dates.month_of(order.today), f"review:{order.command_id}", order)
        return self.office.handle(self.cases, c.case_id, order.to(benefit_case.AnswerReview(c.case_id, c.finding, correction)))

    def answer_appeal(self, order: Order[Any]) -> Answer:
        """复核: upheld against a decision on amounts, its months are looked at again on the facts as they are known now."""
        c = order.command
        state = self.case(c.case_id)
        correction = Correction()
        appeal = state.appeal
        if c.outcome == "upheld" and appeal is not None and appeal.month and appeal.kind != "suspended":
            cause = f"appeal:{order.command_id}"
            revive = appeal.kind == "ended" and state.status == "ended"
            correction = self.looked_at(state, c.case_id, appeal.month, cause, order, revive=revive)
        answer = benefit_case.AnswerAppeal(c.case_id, c.outcome, c.reason, correction)
        return self.office.handle(self.cases, c.case_id, order.to(answer))

    def claimed_in(self, case_id: str, correlation_id: str) -> int:
        """Fen found overpaid in a case by everything that one fact set in motion."""
        found = self.office.history(self.cases.stream(case_id))
        return sum(r.event.amount_fen for r in found if isinstance(r.event, OverpaymentFound) and r.meta.correlation_id == correlation_id)

    def hand(self) -> Hand:
        return Hand.service(self.service)


@dataclass(frozen=True)
class CaseRef:
    """What a door takes where the service puts in the rest."""

    case_id: str


@dataclass(frozen=True)
class Confirmation:
    """The approver's answer: the case, and the hash of what was reviewed."""

    case_id: str
    reviewed: str


@dataclass(frozen=True)
class ReviewAnswer:
    """复审意见: what was found; the outcome is the rules'."""

    case_id: str
    finding: str


@dataclass(frozen=True)
class AppealAnswer:
    """复核结论: "upheld" or "dismissed", with the reason; what follows is the rules'."""

    case_id: str
    outcome: Literal["upheld", "dismissed"]
    reason: str
