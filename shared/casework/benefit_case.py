"""Benefit case (救助个案): one programme for one subject, from application to the last payment. Shape 1, and the case side of 2.

Life: applied → accepted → surveyed → publicised (with the proposal) → in_force | refused; in force: reassessed, gradual exit,
ended; whatever was paid and later turned out wrong becomes an overpayment (追回) or arrears (补发), month by month.
A programme without application begins with a grant.

Must hold: one open case for a subject and programme (it is one stream); no step out of order; clerk, reviewer and approver
are three hands; what is confirmed is exactly what was reviewed; the amount always comes from the rules; a month is paid once.
Relied on by assistance and elder care, who adopt its events; their reactions put the facts and the assessment in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order, derived_id
from shared.rules.assessment import Assessment

SHAPE = "benefit_case"
GRANTED_AGAIN = "停发期间已追回的月份重新核定应发"  # a month that was paid, claimed back, and is due after all


def case_id(programme: str, subject_id: str) -> str:
    """One stream per programme and subject: two open cases of the same kind cannot exist."""
    return derived_id("case", programme, subject_id)


# -- Events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """What every first event of a round says. ``payee_id`` is the person the money goes to."""

    programme: str
    subject_id: str
    payee_id: str
    division: str


@shape_event(SHAPE, "application_filed")
@dataclass(frozen=True)
class ApplicationFiled(Opened):
    """申请 received. ``by`` in this and the later steps is the hand that did it (law 9)."""

    by: str


@shape_event(
    SHAPE,
    "application_accepted",
    published=True,
    public=lambda e: {"programme": e.programme, "subject_id": e.subject_id, "accepted_on": e.accepted_on},
)
@dataclass(frozen=True)
class ApplicationAccepted:
    """受理: complete, the procedure's time limits begin."""

    programme: str
    subject_id: str
    accepted_on: date
    by: str


@shape_event(SHAPE, "household_surveyed")
@dataclass(frozen=True)
class HouseholdSurveyed:
    """入户调查 done; ``finding`` is the surveyor's opinion, without names."""

    surveyed_on: date
    finding: str
    by: str


@shape_event(SHAPE, "case_proposed")
@dataclass(frozen=True)
class CaseProposed:
    """审核 with the rules' assessment; ``reviewed`` is the hash of exactly what the reviewer saw. Publicised until the day named."""

    assessment: Assessment
    reviewed: str
    facts_version: int
    publicised_until: date | None  # None: ineligible, nothing to publicise
    by: str


@shape_event(SHAPE, "proposal_voided")
@dataclass(frozen=True)
class ProposalVoided:
    """The facts changed after the review: what was reviewed is no longer what would be confirmed."""

    reason: str


@shape_event(
    SHAPE,
    "case_granted",
    published=True,
    public=lambda e: {"programme": e.programme, "subject_id": e.subject_id, "first_month": e.first_month},
)
@dataclass(frozen=True)
class CaseGranted:
    """确认: in force, paid from ``first_month``."""

    programme: str
    subject_id: str
    payee_id: str
    division: str
    first_month: str
    amount_fen: int
    assessment: Assessment
    facts_version: int
    reviewed: str = ""


@shape_event(SHAPE, "case_refused")
@dataclass(frozen=True)
class CaseRefused:
    """不予确认, with the reason that must be told in writing within 3 working days."""

    reason: str


@dataclass(frozen=True)
class MonthAmount:
    """One month of a schedule, in fen."""

    month: str
    amount_fen: int


@shape_event(
    SHAPE,
    "case_reassessed",
    published=True,
    public=lambda e: {"programme": e.programme, "subject_id": e.subject_id, "outcome": e.outcome, "effective_month": e.effective_month},
)
@dataclass(frozen=True)
class CaseReassessed:
    """动态管理: decided again after a fact changed. Outcome: unchanged, raised, lowered, gradual_exit (渐退) or ended.

    ``months`` are the amounts due from ``effective_month`` on; the last of them holds until the next decision.
    ``assessments`` are the decisions behind them, newest last, each with inputs, rule versions and explanation.
    """

    programme: str
    subject_id: str
    outcome: str
    old_amount_fen: int
    new_amount_fen: int
    effective_month: str
    months: tuple[MonthAmount, ...]
    assessments: tuple[Assessment, ...]
    cause: str
    facts_version: int
    exit_ends: str | None = None


@shape_event(
    SHAPE,
    "case_ended",
    published=True,
    public=lambda e: {"programme": e.programme, "subject_id": e.subject_id, "first_unpaid_month": e.first_unpaid_month, "reason": e.reason},
)
@dataclass(frozen=True)
class CaseEnded:
    """停发/终止: nothing is due from ``first_unpaid_month`` on."""

    programme: str
    subject_id: str
    first_unpaid_month: str
    reason: str
    basis: str


@shape_event(SHAPE, "payee_changed")
@dataclass(frozen=True)
class PayeeChanged:
    """The money goes to somebody else of the household from now on (领款人变更): the one before has died or left."""

    payee_id: str


@shape_event(SHAPE, "benefit_paid")
@dataclass(frozen=True)
class BenefitPaid:
    """发放: the month's amount, and arrears paid with it."""

    month: str
    amount_fen: int
    arrears_fen: int
    run_id: str


@shape_event(SHAPE, "payment_returned", published=True)
@dataclass(frozen=True)
class PaymentReturned:
    """退汇: the bank gave a payment back, so its month is due again.

    ``amount_fen`` is what had been sent for the month. ``arrears_fen`` is due again beside it: the arrears sent with it, less those
    found for the month since (they are in its amount now). ``claimed_fen`` was claimed back of it meanwhile: the claim is met by this.
    """

    case_id: str
    programme: str
    division: str
    month: str
    run_id: str
    amount_fen: int
    arrears_fen: int
    claimed_fen: int
    reason: str


@shape_event(SHAPE, "repayment_refunded")
@dataclass(frozen=True)
class RepaymentRefunded:
    """退还: what a household repaid on a claim for money that it never had; goes out with the next payment."""

    recovery_id: str
    month: str
    amount_fen: int


@dataclass(frozen=True)
class MonthDifference:
    """What was paid for a month and what is due for it, in fen."""

    month: str
    paid_fen: int
    due_fen: int


@shape_event(
    SHAPE,
    "overpayment_found",
    published=True,
    public=lambda e: {
        "case_id": e.case_id,
        "programme": e.programme,
        "payee_id": e.payee_id,
        "division": e.division,
        "amount_fen": e.amount_fen,
        "reason": e.reason,
        "months": e.months,
    },
)
@dataclass(frozen=True)
class OverpaymentFound:
    """多发: paid for months in which less was due. The service opens a recovery claim (追回) of exactly this amount."""

    case_id: str
    programme: str
    payee_id: str
    division: str
    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str


@shape_event(SHAPE, "arrears_found")
@dataclass(frozen=True)
class ArrearsFound:
    """少发: less was paid than due; goes out with the next payment."""

    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str


# -- State -------------------------------------------------------------------------------------------------------

STATUSES = ("none", "applied", "accepted", "surveyed", "publicised", "refused", "in_force", "gradual_exit", "ended")


@dataclass(frozen=True)
class Case:
    status: str = "none"
    round: int = 0  # how many times this subject has applied or been granted
    programme: str = ""
    subject_id: str = ""
    payee_id: str = ""
    division: str = ""
    clerks: tuple[str, ...] = ()  # the hands that filed, accepted and surveyed this round
    proposal: CaseProposed | None = None
    facts_version: int = -1  # version of the subject's stream the last decision rests on
    assessed_from: str = ""  # first and last month that were decided on those facts
    assessed_to: str = ""
    first_month: str = ""  # of this round; the schedule reaches back to the first round of all
    schedule: tuple[MonthAmount, ...] = ()  # amount from that month on, ascending
    exit_since: str | None = None
    exit_ends: str | None = None
    paid: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # month -> fen accounted for, claims and arrears included
    arrears_fen: int = 0  # found, not yet paid out; negative: found for a month that is due again as a whole
    sent: Mapping[str, BenefitPaid] = field(default_factory=lambda: MappingProxyType({}))  # month -> its payment, unless it came back
    last_assessment: Assessment | None = None

    @property
    def open(self) -> bool:
        return self.status not in ("none", "refused", "ended")

    @property
    def running(self) -> bool:
        return self.status in ("in_force", "gradual_exit")

    def due(self, month: str) -> int:
        """What is due for a month, in fen."""
        amount = 0
        for step in self.schedule:
            if step.month <= month:
                amount = step.amount_fen
        return amount

    @property
    def last_change(self) -> str:
        """The newest month in which the amount changes; of an ended case the one from which nothing is due."""
        return self.schedule[-1].month if self.schedule else ""

    @property
    def amount_fen(self) -> int:
        return self.schedule[-1].amount_fen if self.schedule else 0


def evolve(state: Case, event: Any) -> Case:
    match event:
        case ApplicationFiled():
            return replace(
                state,
                status="applied",
                round=state.round + 1,
                programme=event.programme,
                subject_id=event.subject_id,
                payee_id=event.payee_id,
                division=event.division,
                clerks=(event.by,),
                proposal=None,
            )
        case ApplicationAccepted():
            return replace(state, status="accepted", clerks=(*state.clerks, event.by))
        case HouseholdSurveyed():
            return replace(state, status="surveyed", clerks=(*state.clerks, event.by))
        case CaseProposed():
            return replace(state, status="publicised", proposal=event, facts_version=event.facts_version, last_assessment=event.assessment)
        case ProposalVoided():
            return replace(state, status="surveyed", proposal=None)
        case CaseGranted():
            return replace(
                state,
                status="in_force",
                round=max(state.round, 1),
                programme=event.programme,
                subject_id=event.subject_id,
                payee_id=event.payee_id,
                division=event.division,
                first_month=event.first_month,
                schedule=(*_before(state.schedule, event.first_month), MonthAmount(event.first_month, event.amount_fen)),
                facts_version=event.facts_version,
                assessed_from=event.first_month,
                assessed_to=event.first_month,
                exit_since=None,
                exit_ends=None,
                last_assessment=event.assessment,
            )
        case CaseRefused():
            return replace(state, status="refused")
        case CaseReassessed():
            running = {"gradual_exit": "gradual_exit", "ended": state.status}.get(event.outcome, "in_force")
            since = _exit_since(state, event) if event.outcome == "gradual_exit" else None
            same = event.facts_version == state.facts_version
            until = max(event.assessments[-1].month, event.effective_month)
            return replace(
                state,
                status=running,
                schedule=(*_before(state.schedule, event.effective_month), *event.months),
                facts_version=event.facts_version,
                assessed_from=min(state.assessed_from, event.effective_month) if same else event.effective_month,
                assessed_to=max(state.assessed_to, until) if same else until,
                exit_since=since,
                exit_ends=event.exit_ends if since else None,
                last_assessment=event.assessments[-1],
            )
        case CaseEnded():
            return replace(
                state,
                status="ended",
                schedule=(*_before(state.schedule, event.first_unpaid_month), MonthAmount(event.first_unpaid_month, 0)),
                exit_since=None,
                exit_ends=None,
            )
        case PayeeChanged():
            return replace(state, payee_id=event.payee_id)
        case BenefitPaid():
            return replace(
                state,
                paid=MappingProxyType({**state.paid, event.month: event.amount_fen}),
                arrears_fen=state.arrears_fen - event.arrears_fen,
                sent=MappingProxyType({**state.sent, event.month: event}),
            )
        case PaymentReturned():
            return replace(
                state,
                paid=MappingProxyType({m: fen for m, fen in state.paid.items() if m != event.month}),
                arrears_fen=state.arrears_fen + event.arrears_fen,
                sent=MappingProxyType({m: p for m, p in state.sent.items() if m != event.month}),
            )
        case RepaymentRefunded():
            return replace(state, arrears_fen=state.arrears_fen + event.amount_fen)
        case OverpaymentFound() | ArrearsFound():
            settled = {**state.paid, **{m.month: m.due_fen for m in event.months}}
            more = event.amount_fen if isinstance(event, ArrearsFound) else 0
            return replace(state, paid=MappingProxyType(settled), arrears_fen=state.arrears_fen + more)
        case _:
            raise TypeError(f"a benefit case knows no {type(event).__name__}")


def _exit_since(state: Case, event: CaseReassessed) -> str:
    """The month in which the gradual exit that this decision ends with began: an earlier one goes on only if it was never interrupted."""
    if state.exit_since and state.exit_since < event.effective_month and all(a.outcome == "gradual_exit" for a in event.assessments):
        return state.exit_since
    began = event.effective_month
    for a in reversed(event.assessments):
        if a.outcome != "gradual_exit":
            break
        began = max(a.month, event.effective_month)
    return began


def _before(schedule: tuple[MonthAmount, ...], month: str) -> tuple[MonthAmount, ...]:
    return tuple(s for s in schedule if s.month < month)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("file_application", permission="accept")
@dataclass(frozen=True)
class FileApplication:
    programme: str
    subject_id: str
    payee_id: str
    division: str


@command("accept_application", permission="accept")
@dataclass(frozen=True)
class AcceptApplication:
    case_id: str


@command("record_survey", permission="survey")
@dataclass(frozen=True)
class RecordSurvey:
    case_id: str
    finding: str


@command("propose_case", permission="review")
@dataclass(frozen=True)
class ProposeCase:
    """The assessment is put in by the service from the rules; a door takes only the case."""

    case_id: str
    assessment: Assessment
    facts_version: int
    publicity_days: int


@command("confirm_case", permission="confirm")
@dataclass(frozen=True)
class ConfirmCase:
    """``reviewed`` is the hash of what the approver has before him; the rest is looked up by the service.

    ``outdated``: the rules say something else about the first month that would be paid than they said at the review.
    """

    case_id: str
    reviewed: str
    facts_version: int
    outdated: bool = False
    payee_id: str = ""  # who is to be paid, if not whom the application named


@command("grant_case", permission="grant")
@dataclass(frozen=True)
class GrantCase:
    """Grant without application (免申即享), by the service itself on the rules' word."""

    programme: str
    subject_id: str
    payee_id: str
    division: str
    first_month: str
    assessment: Assessment
    facts_version: int


@command("reassess_case", permission="reassess")
@dataclass(frozen=True)
class ReassessCase:
    """One assessment for every month from ``effective_month`` to now, by the rules in force in each."""

    case_id: str
    effective_month: str
    assessments: tuple[Assessment, ...]
    facts_version: int
    cause: str
    payee_id: str = ""  # who is to be paid by these facts; "" = no change


@command("end_case", permission="end")
@dataclass(frozen=True)
class EndCase:
    case_id: str
    first_unpaid_month: str
    reason: str
    basis: str


@command("pay_benefit", permission="pay")
@dataclass(frozen=True)
class PayBenefit:
    """By the service, for one line of an approved run: ``expected_fen`` is the line's amount, arrears included."""

    case_id: str
    month: str
    run_id: str
    expected_fen: int


@command("return_payment", permission="pay")
@dataclass(frozen=True)
class ReturnPayment:
    """By the service, for a line that the bank could not pay or gave back."""

    case_id: str
    month: str
    run_id: str
    reason: str


@command("refund_repayment", permission="pay")
@dataclass(frozen=True)
class RefundRepayment:
    """By the service, for what was repaid on a claim that a returned payment has met."""

    case_id: str
    recovery_id: str
    month: str
    amount_fen: int


# -- Decisions ---------------------------------------------------------------------------------------------------


def file_application(state: Case, c: FileApplication, order: Order[Any]) -> Sequence[Any]:
    if state.open:
        raise Refused("already_exists", "该对象已有在办或在保的同类事项。", "subject_id")
    return [ApplicationFiled(c.programme, c.subject_id, c.payee_id, c.division, order.hand.actor)]


def accept_application(state: Case, c: AcceptApplication, order: Order[Any]) -> Sequence[Any]:
    _must(state, "applied", "受理")
    return [ApplicationAccepted(state.programme, state.subject_id, order.today, order.hand.actor)]


def record_survey(state: Case, c: RecordSurvey, order: Order[Any]) -> Sequence[Any]:
    _must(state, "accepted", "入户调查")
    if not c.finding.strip():
        raise invalid("请填写调查意见。", "finding")
    return [HouseholdSurveyed(order.today, c.finding.strip(), order.hand.actor)]


def propose_case(state: Case, c: ProposeCase, order: Order[Any]) -> Sequence[Any]:
    _must(state, "surveyed", "审核")
    not_the_same_hand(order, *state.clerks)
    until = order.today + timedelta(days=c.publicity_days) if c.assessment.eligible else None
    return [CaseProposed(c.assessment, reviewed_hash(c.assessment), c.facts_version, until, order.hand.actor)]


def confirm_case(state: Case, c: ConfirmCase, order: Order[Any]) -> Sequence[Any]:
    _must(state, "publicised", "确认")
    proposal = state.proposal
    assert proposal is not None
    not_the_same_hand(order, *state.clerks, proposal.by)
    if c.reviewed != proposal.reviewed:
        raise Refused("version_conflict", "确认内容与审核内容不一致，请重新查看。", "reviewed")
    if c.facts_version != proposal.facts_version:
        return [ProposalVoided("审核后家庭情况发生变化，须重新审核。")]
    if c.outdated:
        return [ProposalVoided("按首个发放月份计算的结果与审核时不同，须重新审核。")]
    if proposal.publicised_until is None:
        return [CaseRefused(proposal.assessment.reason)]
    if order.today <= proposal.publicised_until:
        raise Refused("not_yet_due", f"公示期至{proposal.publicised_until.isoformat()}，期满后方可确认。", None)
    a = proposal.assessment
    first = dates.add_months(dates.month_of(order.today), 1)  # paid from the month after confirmation
    granted = CaseGranted(
        state.programme,
        state.subject_id,
        c.payee_id or state.payee_id,
        state.division,
        first,
        a.amount_fen,
        a,
        c.facts_version,
        proposal.reviewed,
    )
    return [granted, *_differences(state, [granted], GRANTED_AGAIN)]


def grant_case(state: Case, c: GrantCase, order: Order[Any]) -> Sequence[Any]:
    if state.open:
        return []
    if not c.assessment.eligible:
        return []
    if c.first_month <= state.last_change:
        raise out_of_order("该对象此前已停发，不能自停发月份之前恢复。")
    granted = CaseGranted(
        c.programme, c.subject_id, c.payee_id, c.division, c.first_month, c.assessment.amount_fen, c.assessment, c.facts_version
    )
    return [granted, *_differences(state, [granted], GRANTED_AGAIN)]


def reassess_case(state: Case, c: ReassessCase, order: Order[Any]) -> Sequence[Any]:
    if state.status == "publicised":
        if c.facts_version > state.facts_version:
            return [ProposalVoided("审核后家庭情况发生变化，须重新审核。")]
        return []
    if not state.running and state.status != "ended":
        return []
    dates.check_month(c.effective_month, "effective_month")
    effective = max(c.effective_month, state.first_month)
    ended = state.last_change if state.status == "ended" else ""
    asked = tuple(a for a in c.assessments if not ended or a.month < ended)
    if not asked or (ended and effective >= ended):
        return []  # nothing but months after the end
    if c.facts_version < state.facts_version:
        raise Refused("version_conflict", "家庭情况已有更新，须按最新情况复核。", "facts_version")
    known = c.facts_version == state.facts_version and state.assessed_from <= effective and asked[-1].month <= state.assessed_to
    if known and not c.cause.startswith(("clock:", "standard:")):
        return []  # these months were decided on these very facts before, and it is neither time nor the standard that has changed
    assessments = tuple(a for a in asked if a.month >= effective) or asked[-1:]
    last = assessments[-1]
    if not ended and last.month < state.last_change and _outcome(last, 0) != "ended":
        # A fact that counts from a later month was decided meanwhile: deciding without that month would undo it.
        raise Refused("version_conflict", "复核须包含此后已有决定的月份。", "assessments")
    months = _changes(tuple(MonthAmount(a.month if a.month > effective else effective, a.amount_fen) for a in assessments))
    old = state.due(last.month) if last.month >= state.first_month else state.amount_fen
    outcome = _outcome(last, old)
    decided: list[Any] = [PayeeChanged(c.payee_id)] if c.payee_id and c.payee_id != state.payee_id else []
    decided.append(
        CaseReassessed(
            state.programme,
            state.subject_id,
            outcome,
            old,
            last.amount_fen,
            effective,
            months,
            _decisive(assessments),
            c.cause,
            c.facts_version,
            last.exit_ends,
        )
    )
    if outcome == "ended":
        decided.append(
            CaseEnded(state.programme, state.subject_id, months[-1].month, last.reason, last.lines[-1].basis if last.lines else "")
        )
    elif ended:
        # A late fact about the months before the end corrects them; the case stays ended from the month it was.
        decided.append(CaseEnded(state.programme, state.subject_id, ended, "此前已停发，本次只复核停发前的月份", ""))
    return [*decided, *_differences(state, decided, deciding(assessments, outcome).reason)]


def end_case(state: Case, c: EndCase, order: Order[Any]) -> Sequence[Any]:
    """An ended case may be ended earlier still (the death lay further back than thought), never later; a pending application is refused."""
    dates.check_month(c.first_unpaid_month, "first_unpaid_month")
    refused = [CaseRefused(c.reason)] if state.open and not state.running else []
    still_due = state.due(c.first_unpaid_month) or any(s.amount_fen for s in state.schedule if s.month >= c.first_unpaid_month)
    if not state.running and not still_due:
        return refused
    ended = CaseEnded(state.programme, state.subject_id, max(c.first_unpaid_month, state.schedule[0].month), c.reason, c.basis)
    return [*refused, ended, *_differences(state, [ended], c.reason)]


def pay_benefit(state: Case, c: PayBenefit, order: Order[Any]) -> Sequence[Any]:
    dates.check_month(c.month)
    if c.month in state.paid:
        raise Refused("already_paid", f"{c.month} 已发放，不得重复发放。", "month")
    if c.month > dates.month_of(order.today):
        raise invalid("不得提前发放以后月份。", "month")
    amount = state.due(c.month)
    if amount + state.arrears_fen <= 0:
        raise out_of_order(f"{c.month} 无应发金额。")
    if amount + state.arrears_fen != c.expected_fen:
        raise Refused("amount_changed", "名单锁定后应发金额已变化，转入补发批次。", "expected_fen")
    return [BenefitPaid(c.month, amount, state.arrears_fen, c.run_id)]


def return_payment(state: Case, c: ReturnPayment, order: Order[Any]) -> Sequence[Any]:
    """Only the run that paid the month last can give it back, and once: a repeat finds nothing of that run."""
    sent = state.sent.get(c.month)
    if sent is None or sent.run_id != c.run_id:
        return []
    more = state.paid[c.month] - sent.amount_fen  # accounted for since: arrears found for the month, or (negative) claims
    this = case_id(state.programme, state.subject_id)
    arrears = sent.arrears_fen - max(more, 0)
    return [
        PaymentReturned(this, state.programme, state.division, c.month, c.run_id, sent.amount_fen, arrears, max(-more, 0), c.reason)
    ]


def refund_repayment(state: Case, c: RefundRepayment, order: Order[Any]) -> Sequence[Any]:
    if c.amount_fen <= 0:
        raise invalid("退还金额须大于零。", "amount_fen")
    return [RepaymentRefunded(c.recovery_id, c.month, c.amount_fen)]


def _must(state: Case, status: str, step: str) -> None:
    if state.status != status:
        raise out_of_order(f"当前环节不能办理“{step}”。")


def _outcome(last: Assessment, old_fen: int) -> str:
    """Against what was due before this decision, which may lie several months back; each assessment speaks of its own month only."""
    if last.outcome in ("ended", "gradual_exit"):
        return last.outcome
    if not last.eligible:
        return "ended"
    return "raised" if last.amount_fen > old_fen else "lowered" if last.amount_fen < old_fen else "unchanged"


def deciding(assessments: tuple[Assessment, ...], outcome: str) -> Assessment:
    """The assessment that says why: the newest with the decision's own outcome (a later month may read "unchanged")."""
    return next((a for a in reversed(assessments) if a.outcome == outcome), assessments[-1])


def _changes(months: tuple[MonthAmount, ...]) -> tuple[MonthAmount, ...]:
    """Only the months in which the amount changes, the first always."""
    kept: list[MonthAmount] = []
    for m in months:
        if not kept or kept[-1].amount_fen != m.amount_fen:
            kept.append(m)
    return tuple(kept)


def _decisive(assessments: tuple[Assessment, ...]) -> tuple[Assessment, ...]:
    """Assessments that differ in amount or outcome from the one before; the newest always (an event stays small)."""
    kept = [
        a
        for n, a in enumerate(assessments)
        if n == 0 or (a.amount_fen, a.outcome) != (assessments[n - 1].amount_fen, assessments[n - 1].outcome)
    ]
    return tuple(kept if kept[-1] is assessments[-1] else [*kept, assessments[-1]])


def _differences(state: Case, decided: Sequence[Any], reason: str) -> list[Any]:
    """Months paid so far against what is due after these decisions: the exact overpayment and arrears."""
    after = state
    for event in decided:
        after = evolve(after, event)
    different = [MonthDifference(m, paid, after.due(m)) for m, paid in sorted(state.paid.items()) if paid != after.due(m)]
    over = tuple(d for d in different if d.paid_fen > d.due_fen)
    under = tuple(d for d in different if d.paid_fen < d.due_fen)
    found: list[Any] = []
    if over:
        total = sum(d.paid_fen - d.due_fen for d in over)
        found.append(
            OverpaymentFound(
                case_id(state.programme, state.subject_id), state.programme, after.payee_id, state.division, over, total, reason
            )
        )
    if under:
        found.append(ArrearsFound(under, sum(d.due_fen - d.paid_fen for d in under), reason))
    return found


def reviewed_hash(assessment: Assessment) -> str:
    """Names exactly what was reviewed (内容摘要): the approver sends it back, so nothing can change in between."""
    return hashlib.sha256(msgspec.json.encode(assessment, order="deterministic")).hexdigest()[:32]


def decider(service: str) -> Decider[Case]:
    """The decider of this shape for one service, whose streams and events carry the service's name."""
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.case",
        initial=Case(),
        evolve=evolve,
        decide={
            FileApplication: file_application,
            AcceptApplication: accept_application,
            RecordSurvey: record_survey,
            ProposeCase: propose_case,
            ConfirmCase: confirm_case,
            GrantCase: grant_case,
            ReassessCase: reassess_case,
            EndCase: end_case,
            PayBenefit: pay_benefit,
            ReturnPayment: return_payment,
            RefundRepayment: refund_repayment,
        },
        division=lambda state: state.division,
    )
