"""What can happen to a benefit case (个案事件): of the procedure, in force, of money, of objections.

``by`` is the hand that did it (law 9). ``decided_on`` stands in an event that can be appealed against under the case's terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.casework.benefit_case.due import turns
from shared.casework.programme import BEFORE_TERMS, Terms
from shared.eventsourcing.events import shape_event
from shared.rules.assessment import Assessment

SHAPE = "benefit_case"


def _public(*names: str) -> Any:
    """Only these fields are announced."""
    return lambda e: {name: getattr(e, name) for name in names}


@dataclass(frozen=True)
class Opened:
    """What every first event of a round says. ``payee_id`` is the person the money goes to."""

    programme: str
    subject_id: str
    payee_id: str
    division: str


# -- the procedure


@shape_event(SHAPE, "application_filed")
@dataclass(frozen=True)
class ApplicationFiled(Opened):
    """申请 received; ``terms`` are what its programme owes and grants from now on. ``near_relative``: whose near relative the applicant
    declares to be (近亲属), "" = nobody's. ``handoff_id``: the hand-off (转办) that it came of, ``applied_on``: the day on which he had
    applied at the window that sent it; None: where and when it was filed."""

    by: str
    filed_on: date | None = None
    terms: Terms = BEFORE_TERMS
    near_relative: str = ""
    handoff_id: str = ""
    applied_on: date | None = None


@shape_event(SHAPE, "supplement_requested")
@dataclass(frozen=True)
class SupplementRequested:
    """补正: what is missing, told at one time; until it is answered the time limits pause."""

    missing: tuple[str, ...]
    asked_on: date
    due_on: date
    by: str


@shape_event(SHAPE, "supplement_answered")
@dataclass(frozen=True)
class SupplementAnswered:
    """补正完成: the papers came; ``paused_days`` working days are added to the limits."""

    answered_on: date
    paused_days: int
    by: str


@shape_event(
    SHAPE,
    "application_accepted",
    published=True,
    public=_public("programme", "subject_id", "accepted_on"),
)
@dataclass(frozen=True)
class ApplicationAccepted:
    """受理: complete, the procedure's time limits begin."""

    programme: str
    subject_id: str
    accepted_on: date
    by: str


@shape_event(SHAPE, "acceptance_refused", published=True, public=_public("programme", "subject_id"))
@dataclass(frozen=True)
class AcceptanceRefused:
    """不予受理, with the reason that must be told in writing by ``notice_due``."""

    reason: str
    by: str
    decided_on: date | None
    notice_due: date | None
    programme: str = ""
    subject_id: str = ""


@shape_event(SHAPE, "application_withdrawn", published=True, public=_public("programme", "subject_id"))
@dataclass(frozen=True)
class ApplicationWithdrawn:
    """撤回 by the applicant."""

    reason: str
    by: str
    programme: str = ""
    subject_id: str = ""


@shape_event(SHAPE, "application_lapsed", published=True, public=_public("programme", "subject_id"))
@dataclass(frozen=True)
class ApplicationLapsed:
    """逾期未补正，视为放弃申请."""

    due_on: date
    programme: str = ""
    subject_id: str = ""


@shape_event(SHAPE, "authorisation_recorded", day="signed_on")
@dataclass(frozen=True)
class AuthorisationRecorded:
    """核对授权 signed by all members: the paper's reference and day, no names."""

    reference: str
    signed_on: date
    by: str


@shape_event(SHAPE, "means_test_requested", published=True)
@dataclass(frozen=True)
class MeansTestRequested:
    """家庭经济状况核对 is asked for; ``number`` counts the requests of the round, a recheck being another."""

    case_id: str
    programme: str
    subject_id: str
    division: str
    number: int
    authorisation: str
    reason: str
    requested_on: date


@shape_event(SHAPE, "means_test_recorded")
@dataclass(frozen=True)
class MeansTestRecorded:
    """核对报告 received: "complete", or "partial" with the sources that did not answer."""

    report_id: str
    verdict: str
    missing_sources: tuple[str, ...]
    by: str


@shape_event(SHAPE, "procedure_extended")
@dataclass(frozen=True)
class ProcedureExtended:
    """延长办理期限 of a special case, by so many working days, once."""

    days: int
    reason: str
    by: str


@shape_event(SHAPE, "household_surveyed")
@dataclass(frozen=True)
class HouseholdSurveyed:
    """入户调查 done; ``finding`` is the surveyor's opinion, without names."""

    surveyed_on: date
    finding: str
    by: str


@shape_event(SHAPE, "case_proposed", published=True, public=_public("programme", "subject_id", "publicised_until"))
@dataclass(frozen=True)
class CaseProposed:
    """审核 with the rules' assessment; ``reviewed`` is the hash of exactly what the reviewer saw. Publicised until the day named."""

    assessment: Assessment
    reviewed: str
    facts_version: int
    publicised_until: date | None  # None: ineligible, or no publicity is owed
    by: str
    proposed_on: date | None = None
    programme: str = ""
    subject_id: str = ""


@shape_event(SHAPE, "proposal_voided", published=True, public=_public("programme", "subject_id"))
@dataclass(frozen=True)
class ProposalVoided:
    """审核意见作废: what was reviewed is no longer what would be confirmed: the facts changed, or an objection was upheld."""

    reason: str
    programme: str = ""
    subject_id: str = ""


@shape_event(SHAPE, "objection_raised", day="raised_on")
@dataclass(frozen=True)
class ObjectionRaised:
    """公示异议: somebody objects during the publicity; ``by`` took it down. Nothing is confirmed until it is answered.

    ``raised_on`` is the day it reached us, which may lie before the day it was taken down.
    """

    reason: str
    raised_on: date
    due_on: date | None
    by: str


@shape_event(SHAPE, "objection_answered")
@dataclass(frozen=True)
class ObjectionAnswered:
    """异议答复 by another hand: upheld (the proposal is void) or dismissed."""

    upheld: bool
    reason: str
    by: str


# -- decided


@shape_event(
    SHAPE,
    "case_granted",
    published=True,
    public=_public("programme", "subject_id", "first_month"),
)
@dataclass(frozen=True)
class CaseGranted:
    """确认: in force, paid from ``first_month`` (once, if the terms say so; never, if it is a determination).

    ``hands``: who decided what this grant only carries out (an approval of temporary assistance, a price linkage). ``next_turn``: the
    month in which the calendar alone changes what it rests on (到龄、账单满一年); "" = none; None: recorded before this was carried.
    ``cause``: the fact on account of which it is granted again behind months that were not due (恢复), without an application; ADR 25."""

    programme: str
    subject_id: str
    payee_id: str
    division: str
    first_month: str
    amount_fen: int
    assessment: Assessment
    facts_version: int
    reviewed: str = ""
    by: str = ""
    decided_on: date | None = None
    terms: Terms = BEFORE_TERMS
    review_due: date | None = None
    valid_to: date | None = None
    hands: tuple[str, ...] = ()
    next_turn: str | None = None
    cause: str = ""


@shape_event(SHAPE, "case_refused", published=True, public=_public("programme", "subject_id"))
@dataclass(frozen=True)
class CaseRefused:
    """不予确认, with the reason that must be told in writing by ``notice_due`` (within 3 working days)."""

    reason: str
    by: str = ""
    decided_on: date | None = None
    notice_due: date | None = None
    programme: str = ""
    subject_id: str = ""


@shape_event(SHAPE, "refusal_told")
@dataclass(frozen=True)
class RefusalTold:
    """不予决定告知: 不予受理 or 不予确认 was told to the applicant with its reasons; ``how``: 送达方式."""

    told_on: date
    how: str
    by: str


@dataclass(frozen=True)
class MonthAmount:
    """One month of a schedule, in fen."""

    month: str
    amount_fen: int


@shape_event(
    SHAPE,
    "case_reassessed",
    published=True,
    keyed="programme",  # a rise decides a hundred thousand cases of one programme again
    public=_public("programme", "subject_id", "outcome", "effective_month"),
)
@dataclass(frozen=True)
class CaseReassessed:
    """动态管理: decided again after a fact changed. Outcome: unchanged, raised, lowered, gradual_exit (渐退) or ended.

    ``months`` are the amounts due from ``effective_month`` on; the last of them holds until the next decision.
    ``assessments`` are the decisions behind them, newest last, each with inputs, rule versions and explanation.
    ``next_turn`` is that of a grant, as it is known now.
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
    by: str = ""
    decided_on: date | None = None
    next_turn: str | None = None


@shape_event(
    SHAPE,
    "case_ended",
    published=True,
    public=_public("programme", "subject_id", "first_unpaid_month", "reason"),
)
@dataclass(frozen=True)
class CaseEnded:
    """停发/终止: nothing is due from ``first_unpaid_month`` on. ``gone``: because nobody is there any more: he died, all of them left.
    ``cause``: where an end is told once more behind months that were granted again, what it had come of."""

    programme: str
    subject_id: str
    first_unpaid_month: str
    reason: str
    basis: str
    by: str = ""
    decided_on: date | None = None
    gone: bool = False
    cause: str = ""


@shape_event(SHAPE, "case_restored", published=True, public=_public("programme", "subject_id", "from_month"))
@dataclass(frozen=True)
class CaseRestored:
    """停发撤销: that nobody was there any more was not so: the death was registered wrongly, or a later day. The case runs again from the
    month it was ended from; what is due of it, and until when, follows."""

    programme: str
    subject_id: str
    from_month: str
    reason: str
    review_due: date | None
    valid_to: date | None
    by: str


@shape_event(
    SHAPE,
    "earlier_round_reassessed",
    published=True,
    keyed="programme",
    public=lambda e: {
        "programme": e.programme,
        "subject_id": e.subject_id,
        "before": e.before,
        "turns": [{"month": month, "due": due} for month, due in turns(e)],  # from each of these months to before the next
    },
)
@dataclass(frozen=True)
class EarlierRoundReassessed:
    """此前救助期间复核: a fact about an earlier round came late: its months from ``from_month`` to before ``before`` are decided again, and
    nothing else. ``before`` is the end of that round, or the month up to which it was due after all (ADR 25). ``old_amount_fen`` was due
    of the first of them. ``gone_reason``: why nothing is due of the last, nobody being there."""

    programme: str
    subject_id: str
    from_month: str
    before: str
    months: tuple[MonthAmount, ...]
    assessments: tuple[Assessment, ...]
    old_amount_fen: int
    cause: str
    facts_version: int
    gone_reason: str
    by: str
    decided_on: date | None


@shape_event(SHAPE, "case_suspended", published=True, public=_public("programme", "subject_id", "from_month"))
@dataclass(frozen=True)
class CaseSuspended:
    """暂停: nothing is due from ``from_month`` on until the case is resumed."""

    programme: str
    subject_id: str
    from_month: str
    reason: str
    by: str
    decided_on: date | None


@shape_event(SHAPE, "case_resumed", published=True, public=_public("programme", "subject_id", "from_month"))
@dataclass(frozen=True)
class CaseResumed:
    """恢复 from ``from_month`` on; ``with_arrears``: the suspended months are due after all (补发)."""

    programme: str
    subject_id: str
    from_month: str
    with_arrears: bool
    reason: str
    by: str


@shape_event(SHAPE, "suspension_set_aside")
@dataclass(frozen=True)
class SuspensionSetAside:
    """暂停决定撤销: the months of a suspension that is over are due after all (补发), as an appeal decided."""

    from_month: str
    reason: str
    by: str


@shape_event(SHAPE, "case_closed", published=True, public=_public("programme", "subject_id"))
@dataclass(frozen=True)
class CaseClosed:
    """办结: the one payment of a one-off benefit is made."""

    programme: str
    subject_id: str


@dataclass(frozen=True)
class CasePlace:
    """Whose case it is, by its town: ``division``'s from ``month`` on, until the next."""

    month: str
    division: str


@shape_event(SHAPE, "case_handed_over", published=True, public=_public("programme", "subject_id", "division", "from_month"))
@dataclass(frozen=True)
class CaseHandedOver:
    """移交: whom the case is about moved: from today on the case is ``division``'s, and each of its months that town's in which they lived
    then (``towns``, all of them as they are known now; none: all are ``division``'s). ``cause``: what moved them."""

    programme: str
    subject_id: str
    old_division: str
    division: str
    from_month: str
    towns: tuple[CasePlace, ...]
    cause: str
    by: str


@shape_event(SHAPE, "review_opened")
@dataclass(frozen=True)
class ReviewOpened:
    """定期复审 begins; it must be answered by ``due_on``."""

    opened_on: date
    due_on: date
    by: str


@shape_event(SHAPE, "review_answered")
@dataclass(frozen=True)
class ReviewAnswered:
    """复审结论, as the rules gave it: continue (继续), adjust (调整) or terminate (终止), with what the reviewer found."""

    outcome: str
    finding: str
    answered_on: date
    next_due: date | None
    valid_to: date | None
    by: str


@shape_event(SHAPE, "payee_changed")
@dataclass(frozen=True)
class PayeeChanged:
    """领款人变更: the money goes to somebody else from now on: the one before has died or left."""

    payee_id: str


@shape_event(SHAPE, "payee_died")
@dataclass(frozen=True)
class PayeeDied:
    """领款人死亡 of a payee who is not of the household: nothing is paid to him; another one is to be named by ``due_on``."""

    programme: str
    subject_id: str
    payee_id: str
    due_on: date


@shape_event(SHAPE, "payee_lives")
@dataclass(frozen=True)
class PayeeLives:
    """领款人死亡撤销: the death was none."""

    payee_id: str


@shape_event(SHAPE, "payee_named")
@dataclass(frozen=True)
class PayeeNamed:
    """重新指定领款人: not paid before another hand has confirmed it (``payee_changed``)."""

    payee_id: str
    evidence: str
    by: str


@shape_event(SHAPE, "case_step_overdue", published=True)
@dataclass(frozen=True)
class CaseStepOverdue:
    """逾期: a step of the case was not done by ``due_on``. Said once for each time the step is owed."""

    case_id: str
    programme: str
    subject_id: str
    division: str
    step: str
    due_on: date


# -- objections to decisions


@shape_event(SHAPE, "appeal_filed")
@dataclass(frozen=True)
class AppealFiled:
    """异议、复核申请 against decision ``decision`` of the case; ``hands`` took part in it and cannot answer."""

    number: int
    decision: int
    kind: str
    month: str
    reason: str
    filed_on: date
    due_on: date | None
    hands: tuple[str, ...]
    by: str


@shape_event(SHAPE, "appeal_assigned")
@dataclass(frozen=True)
class AppealAssigned:
    """交办 to a staff id that took no part in the decision."""

    to: str
    by: str


@shape_event(SHAPE, "appeal_answered")
@dataclass(frozen=True)
class AppealAnswered:
    """复核结论: upheld (what corrects the decision follows) or dismissed, with the reason. The days are those of a revived case."""

    number: int
    upheld: bool
    reason: str
    by: str
    review_due: date | None = None
    valid_to: date | None = None


@shape_event(SHAPE, "appeal_withdrawn")
@dataclass(frozen=True)
class AppealWithdrawn:
    """撤回复核申请."""

    number: int
    by: str


@shape_event(SHAPE, "application_reopened")
@dataclass(frozen=True)
class ApplicationReopened:
    """恢复办理: the refusal was set aside: the procedure goes on behind ``status``, its limits beginning anew."""

    status: str
    reopened_on: date


# -- money


@shape_event(SHAPE, "benefit_paid")
@dataclass(frozen=True)
class BenefitPaid:
    """发放: the month's amount, and arrears paid with it."""

    month: str
    amount_fen: int
    arrears_fen: int
    run_id: str


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
    public=_public("case_id", "programme", "payee_id", "division", "amount_fen", "reason", "months"),
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


@shape_event(SHAPE, "arrears_withdrawn")
@dataclass(frozen=True)
class ArrearsWithdrawn:
    """补发撤回: arrears that were found and have not gone out are not due after all: nobody received them, so nobody gives them back."""

    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str


@shape_event(SHAPE, "claimed_due_again", published=True, public=_public("case_id", "programme", "division", "amount_fen", "months"))
@dataclass(frozen=True)
class ClaimedDueAgain:
    """追回月份重新应发: months that were paid and claimed back are due after all. The claims are met by it first; only what had been repaid
    or set off goes out (``RepaymentRefunded``)."""

    case_id: str
    programme: str
    division: str
    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str


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


@shape_event(SHAPE, "repayment_withheld", published=True)
@dataclass(frozen=True)
class RepaymentWithheld:
    """抵扣: so much less goes out with the next payment, by the payee's written consent; the claim is met by it."""

    case_id: str
    recovery_id: str
    withheld_id: str
    amount_fen: int


@shape_event(SHAPE, "repayment_released", published=True)
@dataclass(frozen=True)
class RepaymentReleased:
    """抵扣撤销: the case ended and no payment comes from which it could be withheld; the claim stands as before."""

    case_id: str
    recovery_id: str
    withheld_id: str
    amount_fen: int


@shape_event(SHAPE, "repayment_refunded")
@dataclass(frozen=True)
class RepaymentRefunded:
    """退还: what a household repaid on a claim for money that it never had; goes out with the next payment."""

    recovery_id: str
    month: str
    amount_fen: int
