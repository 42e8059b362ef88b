"""What every service that pays benefits does the same way (津贴业务): propose, confirm, reassess month by month, end.

Paying and claiming back are in ``payments.py``.

The deciders in this folder decide; here the facts are fetched, the rules asked and the commands given. A service brings an
``assess`` function (facts of the subject in a month → the rules' assessment) and its programmes; doors call the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.casework import benefit_case
from shared.casework.benefit_case import Case, OverpaymentFound
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

__all__ = ["Asked", "Benefits", "CaseRef", "Confirmation", "Found", "Office", "SubjectGone"]


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
