"""Benefit case (救助个案): one programme for one subject, from application to the last payment. Shape 1, and the case side of 2.

Life: applied (补正 may be asked for) → accepted → authorised → means_tested → surveyed → publicised (with the proposal; objections are
answered first) → in_force | refused; or not_accepted, withdrawn, lapsed on the way. In force: reassessed, gradual exit, suspended and
resumed, reviewed, ended; a one-off benefit closes when it is paid, a determination pays nothing and may expire. Whatever was paid and
later turned out wrong becomes an overpayment (追回) or arrears (补发), month by month. Against every decision an appeal can be filed.
A programme without application begins with a grant. Which steps are owed, and until when, stands in the case's ``Terms``.

Must hold: one open case for a subject and programme (it is one stream); no step skipped, none out of order; clerk, reviewer and approver
are three hands; what is confirmed is exactly what was reviewed; the amount always comes from the rules; a month is paid once; every
open case stands in exactly one worklist and has a way out.
Relied on by assistance and elder care, who adopt its events; their reactions put the facts and the assessment in.

The files, in the order in which they are read: ``events.py``, ``state.py`` (how it stands, limits, worklist), ``money.py`` (due against
paid), ``procedure.py`` (until the decision), ``in_force.py``, ``payment.py``, ``appeals.py``.
"""

from __future__ import annotations

from shared.casework.benefit_case.appeals import (
    AnswerAppeal,
    AssignAppeal,
    FileAppeal,
    WithdrawAppeal,
    answer_appeal,
    assign_appeal,
    file_appeal,
    withdraw_appeal,
)
from shared.casework.benefit_case.events import (
    SHAPE,
    AcceptanceRefused,
    AppealAnswered,
    AppealAssigned,
    AppealFiled,
    AppealWithdrawn,
    ApplicationAccepted,
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationReopened,
    ApplicationWithdrawn,
    ArrearsFound,
    AuthorisationRecorded,
    BenefitPaid,
    CaseClosed,
    CaseEnded,
    CaseGranted,
    CaseProposed,
    CaseReassessed,
    CaseRefused,
    CaseResumed,
    CaseStepOverdue,
    CaseSuspended,
    HouseholdSurveyed,
    MeansTestRecorded,
    MeansTestRequested,
    MonthAmount,
    MonthDifference,
    ObjectionAnswered,
    ObjectionRaised,
    Opened,
    OverpaymentFound,
    PayeeChanged,
    PaymentReturned,
    ProcedureExtended,
    ProposalVoided,
    RefusalTold,
    RepaymentRefunded,
    RepaymentWithheld,
    ReviewAnswered,
    ReviewOpened,
    SupplementAnswered,
    SupplementRequested,
)
from shared.casework.benefit_case.in_force import (
    AnswerReview,
    Correction,
    EndCase,
    GrantCase,
    NoteStepOverdue,
    OpenReview,
    ReassessCase,
    ResumeCase,
    SuspendCase,
    answer_review,
    deciding,
    end_case,
    follows,
    grant_case,
    note_step_overdue,
    open_review,
    reassess_case,
    resume_case,
    suspend_case,
)
from shared.casework.benefit_case.money import GRANTED_AGAIN
from shared.casework.benefit_case.payment import (
    PayBenefit,
    RefundRepayment,
    ReturnPayment,
    WithholdRepayment,
    pay_benefit,
    refund_repayment,
    return_payment,
    withhold_repayment,
)
from shared.casework.benefit_case.procedure import (
    AcceptApplication,
    AnswerObjection,
    AnswerSupplement,
    ConfirmCase,
    ExtendProcedure,
    FileApplication,
    ProposeCase,
    RaiseObjection,
    RecordAuthorisation,
    RecordMeansTest,
    RecordSurvey,
    RefuseAcceptance,
    RequestMeansTest,
    RequestSupplement,
    TellRefusal,
    WithdrawApplication,
    accept_application,
    answer_objection,
    answer_supplement,
    case_id,
    confirm_case,
    extend_procedure,
    file_application,
    first_month,
    propose_case,
    raise_objection,
    record_authorisation,
    record_means_test,
    record_survey,
    refuse_acceptance,
    request_means_test,
    request_supplement,
    reviewed_hash,
    tell_refusal,
    withdraw_application,
)
from shared.casework.benefit_case.state import (
    OVER,
    PENDING,
    RUNNING,
    STATUSES,
    Case,
    Decision,
    Progress,
    Suspension,
    Waiting,
    advance,
    evolve,
    known,
    limits,
    next_step,
    on_day,
    owed,
    packed,
    unpacked,
    worklist,
)
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt

__all__ = [
    "GRANTED_AGAIN", "OVER", "PENDING", "RUNNING", "SHAPE", "STATUSES", "AcceptApplication", "AcceptanceRefused", "AnswerAppeal",
    "AnswerObjection", "AnswerReview", "AnswerSupplement", "AppealAnswered", "AppealAssigned", "AppealFiled", "AppealWithdrawn",
    "ApplicationAccepted", "ApplicationFiled", "ApplicationLapsed", "ApplicationReopened", "ApplicationWithdrawn", "ArrearsFound",
    "AssignAppeal", "AuthorisationRecorded", "BenefitPaid", "Case", "CaseClosed", "CaseEnded", "CaseGranted", "CaseProposed",
    "CaseReassessed", "CaseRefused", "CaseResumed", "CaseStepOverdue", "CaseSuspended", "ConfirmCase", "Correction", "Decision",
    "EndCase", "ExtendProcedure", "FileAppeal", "FileApplication", "GrantCase", "HouseholdSurveyed", "MeansTestRecorded",
    "MeansTestRequested", "MonthAmount", "MonthDifference", "NoteStepOverdue", "ObjectionAnswered", "ObjectionRaised",
    "OpenReview", "Opened", "OverpaymentFound", "PayBenefit", "PayeeChanged", "PaymentReturned", "ProcedureExtended", "Progress",
    "ProposalVoided", "ProposeCase", "RaiseObjection", "ReassessCase", "RecordAuthorisation", "RecordMeansTest", "RecordSurvey",
    "RefundRepayment", "RefusalTold", "RefuseAcceptance", "RepaymentRefunded", "RepaymentWithheld", "RequestMeansTest", "RequestSupplement",
    "ResumeCase", "ReturnPayment", "ReviewAnswered", "ReviewOpened", "SupplementAnswered", "SupplementRequested", "SuspendCase",
    "Suspension", "TellRefusal", "Waiting", "WithdrawAppeal", "WithdrawApplication", "WithholdRepayment",
    "advance", "case_id", "decider", "deciding",
    "evolve", "first_month", "follows", "known", "limits", "next_step", "on_day", "owed", "packed", "reviewed_hash", "unpacked", "worklist",
]  # fmt: skip


def decider(service: str) -> Decider[Case]:
    """The decider of this shape for one service, whose streams and events carry the service's name."""
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.case",
        initial=Case(),
        evolve=evolve,
        decide={
            FileApplication: file_application,
            RequestSupplement: request_supplement,
            AnswerSupplement: answer_supplement,
            AcceptApplication: accept_application,
            RefuseAcceptance: refuse_acceptance,
            WithdrawApplication: withdraw_application,
            RecordAuthorisation: record_authorisation,
            RequestMeansTest: request_means_test,
            RecordMeansTest: record_means_test,
            RecordSurvey: record_survey,
            ExtendProcedure: extend_procedure,
            ProposeCase: propose_case,
            RaiseObjection: raise_objection,
            AnswerObjection: answer_objection,
            ConfirmCase: confirm_case,
            TellRefusal: tell_refusal,
            GrantCase: grant_case,
            ReassessCase: reassess_case,
            EndCase: end_case,
            SuspendCase: suspend_case,
            ResumeCase: resume_case,
            OpenReview: open_review,
            AnswerReview: answer_review,
            PayBenefit: pay_benefit,
            ReturnPayment: return_payment,
            RefundRepayment: refund_repayment,
            WithholdRepayment: withhold_repayment,
            NoteStepOverdue: note_step_overdue,
            FileAppeal: file_appeal,
            AssignAppeal: assign_appeal,
            AnswerAppeal: answer_appeal,
            WithdrawAppeal: withdraw_appeal,
        },
        division=lambda state: state.division,
    )
