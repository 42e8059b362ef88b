"""From the application to the decision (申请审核确认程序): file, ask for more, accept, authorise, check, survey, propose, object, confirm.

最低生活保障审核确认办法（民发〔2021〕57号）. What a programme owes of it stands in its terms; no step owed is skipped, none is taken out
of order, and while papers are awaited (补正) none is taken at all. Clerk, reviewer and approver are three hands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.money import GRANTED_AGAIN, differences, missed, review_due, valid_until
from shared.casework.benefit_case.state import Case, evolve, folded, next_step, owed, ready
from shared.casework.programme import BEFORE_TERMS, Terms
from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.orders import Order, derived_id
from shared.rules.assessment import Assessment

NAMES = {"accepted": "受理", "authorised": "核对授权", "means_tested": "经济状况核对", "surveyed": "入户调查", "": "审核"}
CHANGED = "审核后家庭情况发生变化，须重新审核。"


def case_id(programme: str, subject_id: str) -> str:
    """One stream per programme and subject: two open cases of the same kind cannot exist."""
    return derived_id("case", programme, subject_id)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("file_application", permission="accept")
@dataclass(frozen=True)
class FileApplication:
    """``terms`` and ``once_only`` are put in by the service from its programme, never by a caller."""

    programme: str
    subject_id: str
    payee_id: str
    division: str
    terms: Terms = BEFORE_TERMS
    near_relative: str = ""
    handoff_id: str = ""
    once_only: bool = False
    applied_on: date | None = None  # of a hand-off: the day on which he applied at the window that sent it


@command("request_supplement", permission="accept")
@dataclass(frozen=True)
class RequestSupplement:
    """补正: all that is missing, at one time."""

    case_id: str
    missing: tuple[str, ...]
    due_on: date


@command("answer_supplement", permission="accept")
@dataclass(frozen=True)
class AnswerSupplement:
    """The papers asked for have come."""

    case_id: str


@command("accept_application", permission="accept")
@dataclass(frozen=True)
class AcceptApplication:
    case_id: str


@command("refuse_acceptance", permission="accept")
@dataclass(frozen=True)
class RefuseAcceptance:
    case_id: str
    reason: str


@command("withdraw_application", permission="accept")
@dataclass(frozen=True)
class WithdrawApplication:
    case_id: str
    reason: str


@command("record_authorisation", permission="accept")
@dataclass(frozen=True)
class RecordAuthorisation:
    """``reference`` of the paper that all members signed; no names."""

    case_id: str
    reference: str
    signed_on: date


@command("request_means_test", permission="survey")
@dataclass(frozen=True)
class RequestMeansTest:
    """Once more (复核核对): the first request follows from acceptance or authorisation by itself."""

    case_id: str
    reason: str


@command("record_means_test", permission="survey")
@dataclass(frozen=True)
class RecordMeansTest:
    """The report has come: complete, or partial with the sources that did not answer."""

    case_id: str
    report_id: str
    verdict: Literal["complete", "partial"]
    missing_sources: tuple[str, ...] = ()


@command("record_survey", permission="survey")
@dataclass(frozen=True)
class RecordSurvey:
    case_id: str
    finding: str


@command("extend_procedure", permission="confirm")
@dataclass(frozen=True)
class ExtendProcedure:
    """特殊情况延长: as far as the terms allow."""

    case_id: str
    reason: str


@command("propose_case", permission="review")
@dataclass(frozen=True)
class ProposeCase:
    """The assessment is put in by the service from the rules; a door takes only the case."""

    case_id: str
    assessment: Assessment
    facts_version: int
    publicity_days: int


@command("raise_objection", permission="accept")
@dataclass(frozen=True)
class RaiseObjection:
    """公示异议, taken down by a hand of the house; whoever objected is not named.

    ``received_on``: the day on which it reached us, if that was before today: who objected in time is heard.
    """

    case_id: str
    reason: str
    received_on: date | None = None


@command("answer_objection", permission="confirm")
@dataclass(frozen=True)
class AnswerObjection:
    case_id: str
    outcome: Literal["upheld", "dismissed"]
    reason: str


@command("confirm_case", permission="confirm")
@dataclass(frozen=True)
class ConfirmCase:
    """``reviewed`` is the hash of what the approver has before him; the rest is looked up by the service.

    ``outdated``: the rules say something else about the first month that would be paid than they said at the review.
    ``changing``: incomes in the household may change, so that it is reviewed more often.
    """

    case_id: str
    reviewed: str
    facts_version: int
    outdated: bool = False
    payee_id: str = ""  # who is to be paid, if not whom the application named
    changing: bool = False
    next_turn: str = ""  # the month in which the calendar alone changes what it rests on


@command("tell_refusal", permission="accept")
@dataclass(frozen=True)
class TellRefusal:
    """The refusal was told in writing; ``how``: 送达方式."""

    case_id: str
    how: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def file_application(state: Case, c: FileApplication, order: Order[Any]) -> Sequence[Any]:
    if state.open:
        raise Refused("already_exists", "该对象已有在办或在保的同类事项。", "subject_id")
    if state.appeal_open:
        raise out_of_order("该对象的复核申请正在办理，办结或撤回后方可重新申请。")
    if c.once_only and any(step.amount_fen for step in state.schedule):  # what was taken back altogether was not given
        raise Refused("already_exists", "此项待遇每个对象只发一次，已经核定发放。", "subject_id")
    if not is_person_id(c.payee_id):
        raise invalid("领款人须为系统内的人员编号，不是身份证号码。", "payee_id")
    if c.applied_on is not None and c.applied_on > order.today:
        raise invalid("申请日期不能晚于今天。", "applied_on")
    by = order.hand.actor
    told = [e.RefusalTold(order.today, "申请人再次申请时当面告知", by)] if state.notice_due else []
    filed = e.ApplicationFiled(
        c.programme, c.subject_id, c.payee_id, c.division, by, order.today, c.terms, c.near_relative, c.handoff_id, c.applied_on
    )
    return [*told, filed]


def request_supplement(state: Case, c: RequestSupplement, order: Order[Any]) -> Sequence[Any]:
    _pending(state, "补正")
    if state.status == "publicised":
        raise out_of_order("公示期间不能要求补正。")
    missing = tuple(m.strip() for m in c.missing if m.strip())
    if not missing:
        raise invalid("请一次性告知须补正的材料。", "missing")
    if not order.today < c.due_on <= order.today + timedelta(days=90):
        raise invalid("补正期限须在今日之后九十日内。", "due_on")
    return [e.SupplementRequested(missing, order.today, c.due_on, order.hand.actor)]


def answer_supplement(state: Case, c: AnswerSupplement, order: Order[Any]) -> Sequence[Any]:
    asked = state.supplement
    if asked is None:
        raise out_of_order("没有待补正的材料。")
    paused = dates.working_days_between(asked.asked_on, order.today)
    return [e.SupplementAnswered(order.today, paused, order.hand.actor)]


def accept_application(state: Case, c: AcceptApplication, order: Order[Any]) -> Sequence[Any]:
    _next(state, "accepted")
    accepted = e.ApplicationAccepted(state.programme, state.subject_id, order.today, order.hand.actor)
    return [accepted, *_asking(state, [accepted], order)]


def refuse_acceptance(state: Case, c: RefuseAcceptance, order: Order[Any]) -> Sequence[Any]:
    _next(state, "accepted")
    return [
        e.AcceptanceRefused(
            said(c.reason, "reason", "不予受理的理由"), order.hand.actor, appealable_on(state, order), _notice(state, order),
            state.programme, state.subject_id,
        )
    ]


def withdraw_application(state: Case, c: WithdrawApplication, order: Order[Any]) -> Sequence[Any]:
    if not state.pending:
        raise out_of_order("没有在办的申请可以撤回。")
    return [e.ApplicationWithdrawn(said(c.reason, "reason", "撤回理由"), order.hand.actor, state.programme, state.subject_id)]


def record_authorisation(state: Case, c: RecordAuthorisation, order: Order[Any]) -> Sequence[Any]:
    _next(state, "authorised")
    if not order.today - timedelta(days=366) <= c.signed_on <= order.today:
        raise invalid("授权书签署日期须在一年内且不晚于今日。", "signed_on")
    recorded = e.AuthorisationRecorded(said(c.reference, "reference", "授权书编号"), c.signed_on, order.hand.actor)
    return [recorded, *_asking(state, [recorded], order)]


def request_means_test(state: Case, c: RequestMeansTest, order: Order[Any]) -> Sequence[Any]:
    _pending(state, "重新核对")
    if not state.means_requested or (state.status != "means_tested" and next_step(state) != "means_tested"):
        raise out_of_order("当前环节不能办理“重新核对”。")
    return [_request(state, said(c.reason, "reason", "重新核对的理由"), order)]


def record_means_test(state: Case, c: RecordMeansTest, order: Order[Any]) -> Sequence[Any]:
    if not state.pending and order.hand.actor.startswith("service:"):
        return []  # the application was withdrawn or lapsed while the report was on its way
    _next(state, "means_tested")
    missing = tuple(dict.fromkeys(m.strip() for m in c.missing_sources if m.strip()))
    if (c.verdict == "partial") != bool(missing):
        raise invalid("部分报告须列明未反馈的来源，完整报告不得列。", "missing_sources")
    return [e.MeansTestRecorded(said(c.report_id, "report_id", "核对报告编号"), c.verdict, missing, order.hand.actor)]


def record_survey(state: Case, c: RecordSurvey, order: Order[Any]) -> Sequence[Any]:
    _next(state, "surveyed")
    return [e.HouseholdSurveyed(order.today, said(c.finding, "finding", "调查意见"), order.hand.actor)]


def extend_procedure(state: Case, c: ExtendProcedure, order: Order[Any]) -> Sequence[Any]:
    if not state.pending or state.status == "applied":
        raise out_of_order("受理后、决定前方可延长办理期限。")
    if not state.terms.extend_days:
        raise out_of_order("本项目不得延长办理期限。")
    if state.extended_days:
        raise Refused("already_exists", "办理期限已延长过一次。", None)
    return [e.ProcedureExtended(state.terms.extend_days, said(c.reason, "reason", "延长理由"), order.hand.actor)]


def propose_case(state: Case, c: ProposeCase, order: Order[Any]) -> Sequence[Any]:
    _pending(state, "审核")
    if not ready(state):
        raise out_of_order("当前环节不能办理“审核”。")
    not_the_same_hand(order, *state.clerks)
    shown = c.assessment.eligible and state.terms.publicity
    until = order.today + timedelta(days=c.publicity_days) if shown else None
    return [
        e.CaseProposed(
            c.assessment, reviewed_hash(c.assessment), c.facts_version, until, order.hand.actor, order.today,
            state.programme, state.subject_id,
        )
    ]  # fmt: skip


def raise_objection(state: Case, c: RaiseObjection, order: Order[Any]) -> Sequence[Any]:
    proposal = _publicised(state, "公示异议")
    received = c.received_on or order.today
    if received > order.today:
        raise invalid("收到日期不能晚于今日。", "received_on")
    if proposal.publicised_until is None or not (proposal.proposed_on or date.min) <= received <= proposal.publicised_until:
        raise out_of_order("不在公示期内。")
    if state.objection_open:
        raise Refused("already_exists", "已有公示异议在办，请并入办理。", None)
    return [e.ObjectionRaised(said(c.reason, "reason", "异议理由"), received, answer_by(state, order), order.hand.actor)]


def answer_objection(state: Case, c: AnswerObjection, order: Order[Any]) -> Sequence[Any]:
    proposal = _publicised(state, "异议答复")
    if state.objection is None:
        raise out_of_order("没有待答复的公示异议。")
    not_the_same_hand(order, *state.clerks, proposal.by, state.objection.by)
    answered = e.ObjectionAnswered(c.outcome == "upheld", said(c.reason, "reason", "答复理由"), order.hand.actor)
    return [answered, voided(state, "公示异议成立，须重新审核。")] if answered.upheld else [answered]


def confirm_case(state: Case, c: ConfirmCase, order: Order[Any]) -> Sequence[Any]:
    proposal = _publicised(state, "确认")
    not_the_same_hand(order, *state.clerks, proposal.by)
    if c.reviewed != proposal.reviewed:
        raise Refused("version_conflict", "确认内容与审核内容不一致，请重新查看。", "reviewed")
    if c.facts_version != proposal.facts_version:
        return [voided(state, CHANGED)]
    if c.outdated:
        return [voided(state, "按首个发放月份计算的结果与审核时不同，须重新审核。")]
    if state.objection_open:
        raise out_of_order("公示异议尚未答复，不能确认。")
    if not proposal.assessment.eligible:
        refused = e.CaseRefused(
            proposal.assessment.reason, order.hand.actor, appealable_on(state, order), _notice(state, order),
            state.programme, state.subject_id,
        )
        return [refused]
    if proposal.publicised_until is not None and order.today <= proposal.publicised_until:
        raise Refused("not_yet_due", f"公示期至{proposal.publicised_until.isoformat()}，期满后方可确认。", None)
    a = proposal.assessment
    first = first_month(state, order.today)
    why = "自申请当月起计发"
    if state.terms.first_month == "of_application" and a.month > first:
        first, why = a.month, "自申请后首个符合条件的月份起计发"  # in none before it the rules give anything
    granted = e.CaseGranted(
        state.programme,
        state.subject_id,
        c.payee_id or state.payee_id,
        state.division,
        first,
        0 if state.terms.payment == "none" else a.amount_fen,
        a,
        c.facts_version,
        proposal.reviewed,
        order.hand.actor,
        appealable_on(state, order),
        state.terms,
        review_due(state.terms, order.today, c.changing, valid_until(state.terms, first)),
        valid_until(state.terms, first),
        next_turn="" if state.terms.payment == "once" else c.next_turn,
    )
    after = evolve(state, granted)
    return [granted, *missed(after, first, order.today, why), *differences(state, [granted], GRANTED_AGAIN)]


def first_month(state: Case, today: date) -> str:
    """From which month the case would count if it were confirmed today; never before the end of an earlier round."""
    month = dates.month_of(today)
    if state.terms.first_month == "after":
        month = dates.add_months(month, 1)
    elif state.terms.first_month == "of_application" and (applied_on := state.applied_on or state.filed_on) is not None:
        month = dates.month_of(applied_on)
    return max(month, state.last_change)


def tell_refusal(state: Case, c: TellRefusal, order: Order[Any]) -> Sequence[Any]:
    if state.notice_due is None:
        raise out_of_order("没有待告知的决定。")
    return [e.RefusalTold(order.today, said(c.how, "how", "送达方式"), order.hand.actor)]


def voided(state: Case, reason: str) -> e.ProposalVoided:
    return e.ProposalVoided(reason, state.programme, state.subject_id)


def reviewed_hash(assessment: Assessment) -> str:
    """Names exactly what was reviewed (内容摘要): the approver sends it back, so nothing can change in between."""
    return hashlib.sha256(msgspec.json.encode(assessment, order="deterministic")).hexdigest()[:32]


# -- what the steps share


def _pending(state: Case, step: str) -> None:
    if state.status == "none" or not state.pending:
        raise out_of_order(f"当前环节不能办理“{step}”。")
    if state.supplement_due is not None:
        raise out_of_order(f"正在等待补正，不能办理“{step}”。")


def _next(state: Case, step: str) -> None:
    _pending(state, NAMES[step])
    if next_step(state) != step:
        raise out_of_order(f"当前环节不能办理“{NAMES[step]}”。")


def _publicised(state: Case, step: str) -> e.CaseProposed:
    if state.status != "publicised":
        raise out_of_order(f"当前环节不能办理“{step}”。")
    assert state.proposal is not None
    return state.proposal


def _asking(state: Case, decided: Sequence[Any], order: Order[Any]) -> list[Any]:
    """The check of means is asked for as soon as it is the next step."""
    after = folded(state, decided)
    return [_request(after, "", order)] if next_step(after) == "means_tested" else []


def _request(state: Case, reason: str, order: Order[Any]) -> e.MeansTestRequested:
    case = case_id(state.programme, state.subject_id)
    number = state.means_requests + 1
    return e.MeansTestRequested(case, state.programme, state.subject_id, state.division, number, state.authorisation, reason, order.today)


def appealable_on(state: Case, order: Order[Any]) -> date | None:
    """The day of a decision that can be appealed against; None where the terms know no appeal."""
    return order.today if state.terms.objection_days else None


def _notice(state: Case, order: Order[Any]) -> date | None:
    days = state.terms.refusal_notice_days
    return dates.add_working_days(order.today, days) if days else None


def answer_by(state: Case, order: Order[Any]) -> date | None:
    days = state.terms.answer_days
    return dates.add_working_days(order.today, days) if days else None


def reopened_at(state: Case) -> str:
    """The status behind which a refused application goes on after its appeal: no step that it had not come to is skipped."""
    if state.status == "not_accepted":
        return "applied"
    return state.refused_at if state.refused_at in ("applied", *owed(state.terms)) else owed(state.terms)[-1]
