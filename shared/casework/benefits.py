"""What every service that pays benefits does the same way (津贴发放业务): propose, confirm, reassess month by month, pay, claim back.

The deciders in this folder decide; here the facts are fetched, the rules asked and the commands given. A service brings an
``assess`` function (facts of the subject in a month → the rules' assessment) and its programmes; doors call the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from shared.casework import benefit_case, payment_run, recovery
from shared.casework.benefit_case import Case, OverpaymentFound
from shared.casework.payment_run import CHUNK, PaymentLine, Run
from shared.casework.programme import Programme
from shared.casework.recovery import Recovery
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Hand, Order, derived_id
from shared.rules.assessment import Assessment

S = TypeVar("S")


class Loaded(Protocol):
    state: Any
    version: int


class Office(Protocol):
    """What is needed of the office: load and handle. (The real one is ``shared.office.Office``.)"""

    def handle(self, decider: Decider[Any], aggregate_id: str, order: Order[Any]) -> Answer: ...

    def load(self, decider: Decider[Any], aggregate_id: str) -> Any: ...

    def history(self, stream: str) -> Sequence[Any]: ...


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
        self.cases, self.runs, self.recoveries = cases, runs, recoveries

    def programme(self, code: str) -> Programme:
        if code not in self.programmes:
            raise Refused("unknown_programme", "没有此救助或津贴项目。", "programme")
        return self.programmes[code]

    def case(self, case_id: str) -> Case:
        state: Case = self.office.load(self.cases, case_id).state
        if state.status == "none":
            raise Refused("not_found", "没有此办件。", "case_id")
        return state

    # -- the procedure

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
        now = self._first_paid(state, order)
        proposed = state.proposal.assessment if state.proposal else now.assessment
        outdated = (now.assessment.eligible, now.assessment.amount_fen) != (proposed.eligible, proposed.amount_fen)
        confirm = benefit_case.ConfirmCase(order.command.case_id, order.command.reviewed, now.facts_version, outdated, now.payee_id)
        return self.office.handle(self.cases, order.command.case_id, order.to(confirm))

    def _first_paid(self, state: Case, order: Order[Any]) -> Found:
        """Paid from the month after confirmation: a fact that counts from then on must not be missed."""
        return self.assess(Asked(state.programme, state.subject_id, dates.add_months(dates.month_of(order.today), 1), 0, None))

    def grant(self, programme: str, subject_id: str, payee_id: str, division: str, first_month: str, order: Order[Any]) -> Answer:
        """免申即享: grant on the rules' word."""
        found = self.assess(Asked(programme, subject_id, first_month, 0, None))
        case_id = benefit_case.case_id(programme, subject_id)
        grant = benefit_case.GrantCase(programme, subject_id, payee_id, division, first_month, found.assessment, found.facts_version)
        return self.office.handle(self.cases, case_id, order.to(grant, f"grant {programme} {subject_id}"))

    # -- changes

    def reassess(self, case_id: str, effective_month: str, cause: str, order: Order[Any], until: str = "") -> Answer | None:
        """动态管理: assess every month from the one the fact counts from to this one, each by its own rules and on its own facts.

        Months ahead that were decided already are decided again too, and those up to ``until``, the last month from which a known
        fact counts; of an ended case only the months before its end.
        """
        state: Case = self.office.load(self.cases, case_id).state
        if not state.open and state.status != "ended":
            return None
        first = max(effective_month, state.first_month) if state.first_month else effective_month
        last = max(first, dates.month_of(order.today), until, state.last_change if state.running else "")
        if state.status == "ended":
            last = dates.add_months(state.last_change, -1)
            if first > last:
                return None
        amount = state.due(dates.add_months(first, -1)) or state.due(first)
        since = state.exit_since if state.exit_since and state.exit_since < first else None
        assessments: list[Assessment] = []
        version, payee = -1, ""
        gone: tuple[str, SubjectGone] | None = None
        for month in dates.months_between(first, last):
            try:
                found = self.assess(Asked(state.programme, state.subject_id, month, amount, since))
            except SubjectGone as nobody:
                gone = (month, nobody)
                break
            a, version, payee = found.assessment, found.facts_version, found.payee_id
            assessments.append(a)
            amount = a.amount_fen
            since = (since or month) if a.outcome == "gradual_exit" else None
            if a.outcome == "ended":
                break
        answer = None
        if gone is not None:
            # The end first: it takes back what was decided for later months, which an assessment of the months before may not do.
            answer = self.end(case_id, gone[0], gone[1].reason, gone[1].basis, order)
        if assessments:
            reassess = benefit_case.ReassessCase(case_id, first, tuple(assessments), version, cause, payee)
            answer = self.office.handle(self.cases, case_id, order.to(reassess, f"reassess {case_id}"))
        return answer

    def end(self, case_id: str, first_unpaid_month: str, reason: str, basis: str, order: Order[Any]) -> Answer:
        end = benefit_case.EndCase(case_id, first_unpaid_month, reason, basis)
        return self.office.handle(self.cases, case_id, order.to(end, f"end {case_id}"))

    def claimed_in(self, case_id: str, correlation_id: str) -> int:
        """Fen found overpaid in a case by everything that one fact set in motion."""
        found = self.office.history(self.cases.stream(case_id))
        return sum(r.event.amount_fen for r in found if isinstance(r.event, OverpaymentFound) and r.meta.correlation_id == correlation_id)

    def open_recovery(self, event_id: str, found: Any, order: Order[Any]) -> Answer:
        """追回: one claim for one overpayment, of exactly its amount."""
        recovery_id = derived_id("recovery", event_id)
        claim = recovery.OpenRecovery(
            recovery_id, found.case_id, found.programme, found.payee_id, found.division, found.months, found.amount_fen, found.reason
        )
        return self.office.handle(self.recoveries, recovery_id, order.to(claim))

    # -- payment

    def prepare_run(self, candidates: Iterable[str], order: Order[Any]) -> Answer:
        """Open a run, list what every case is due this month, lock it. ``candidates`` are case ids from the read model; amounts
        come from the cases themselves. Called again with the same command id it goes on where it stopped."""
        c = order.command
        self.programme(c.programme)
        run_id = payment_run.run_id(c.programme, c.month, c.division)
        self.office.handle(self.runs, run_id, order)
        run: Run = self.office.load(self.runs, run_id).state
        if run.status == "open":
            listed = {line.case_id for line in run.lines}
            lines = [line for line in self._lines(candidates, c.programme, c.month) if line.case_id not in listed]
            for n in range(0, len(lines), CHUNK):
                part = payment_run.ListPaymentLines(run.chunks + n // CHUNK, tuple(lines[n : n + CHUNK]))
                self.office.handle(self.runs, run_id, order.to(part, f"lines {part.chunk}"))
        return self.office.handle(self.runs, run_id, order.to(payment_run.LockPaymentRun(run_id), "lock"))

    def _lines(self, candidates: Iterable[str], programme: str, month: str) -> list[PaymentLine]:
        lines = []
        for case_id in sorted(set(candidates)):
            case: Case = self.office.load(self.cases, case_id).state
            amount = case.due(month) + case.arrears_fen
            if case.programme == programme and month not in case.paid and amount > 0:
                lines.append(PaymentLine(case_id, amount))
        return lines

    def pay_run(self, run_id: str, order: Order[Any]) -> Answer:
        """Pay an approved run line by line and close it with its sums. Safe to run again after a crash, or twice at once."""
        run: Run = self.office.load(self.runs, run_id).state
        paid = paid_fen = failed = failed_fen = 0
        for line in run.lines:
            pay = benefit_case.PayBenefit(line.case_id, run.month, run_id, line.amount_fen)
            # The id follows from run and case alone, so two workers that pay the same run agree on every line.
            step = replace(order, command=pay, command_id=derived_id(run_id, line.case_id), asked=pay, expected_version=None)
            try:
                self.office.handle(self.cases, line.case_id, step)
                paid, paid_fen = paid + 1, paid_fen + line.amount_fen
            except Refused as refused:
                if refused.code == "unavailable":
                    raise
                failed, failed_fen = failed + 1, failed_fen + line.amount_fen
        close = payment_run.ClosePaymentRun(paid, paid_fen, failed, failed_fen)
        return self.office.handle(self.runs, run_id, order.to(close, "close"))

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
