"""Objection and appeal (异议、复核申请) against a decision of the case, after it was made.

Filed within the days that the terms give, assigned to a hand that took no part in the decision, answered by that hand: dismissed with
the reason, or upheld. Upheld never means a typed amount: a refusal is set aside and the procedure goes on, a suspension ends with its
arrears, and the months of any other decision are decided once more by the rules on the facts as they are known now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.in_force import NO_CORRECTION, Correction, ResumeCase, corrected, resumed
from shared.casework.benefit_case.money import missed, review_due
from shared.casework.benefit_case.procedure import answer_by, reopened_at
from shared.casework.benefit_case.state import Case, Decision, evolve, folded
from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.orders import Order

# -- Commands ----------------------------------------------------------------------------------------------------


@command("file_appeal", permission="accept")
@dataclass(frozen=True)
class FileAppeal:
    """``decision``: the number of the decision in the case, as ``get_case`` shows it."""

    case_id: str
    decision: int
    reason: str


@command("assign_appeal", permission="confirm")
@dataclass(frozen=True)
class AssignAppeal:
    """``to``: the staff id that has to answer."""

    case_id: str
    to: str


@command("answer_appeal", permission="confirm")
@dataclass(frozen=True)
class AnswerAppeal:
    """The correction is the rules' word on the months in question, put in by the service when the appeal is upheld."""

    case_id: str
    outcome: Literal["upheld", "dismissed"]
    reason: str
    correction: Correction = NO_CORRECTION


@command("withdraw_appeal", permission="accept")
@dataclass(frozen=True)
class WithdrawAppeal:
    case_id: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def file_appeal(state: Case, c: FileAppeal, order: Order[Any]) -> Sequence[Any]:
    if state.appeal_open:
        raise Refused("already_exists", "已有复核申请在办。", None)
    if state.pending:
        raise out_of_order("该对象已重新申请，申请决定后方可提出复核。")
    against = _decision(state, c.decision)
    if order.today > against.decided_on + timedelta(days=state.terms.objection_days):
        raise Refused("out_of_order", "已超过提出复核的期限。", "decision")
    reason = said(c.reason, "reason", "复核理由")
    due = answer_by(state, order)
    by = order.hand.actor
    filed = e.AppealFiled(state.appeals + 1, against.number, against.kind, against.month, reason, order.today, due, against.hands, by)
    told = [e.RefusalTold(order.today, "申请人提出复核时当面告知", by)] if state.notice_due else []
    return [*told, filed]


def assign_appeal(state: Case, c: AssignAppeal, order: Order[Any]) -> Sequence[Any]:
    appeal = _open(state)
    to = said(c.to, "to", "承办人")
    if not to.startswith("staff:"):
        raise invalid("承办人须为工作人员编号。", "to")
    if to in (*appeal.hands, appeal.by):
        raise Refused("same_hand", "参与原决定或登记复核的经办人不得承办复核。", "to")
    return [] if to == state.appeal_to else [e.AppealAssigned(to, order.hand.actor)]


def answer_appeal(state: Case, c: AnswerAppeal, order: Order[Any]) -> Sequence[Any]:
    appeal = _open(state)
    not_the_same_hand(order, *appeal.hands, appeal.by)
    if not state.appeal_to:
        raise out_of_order("复核申请尚未交办。")
    if order.hand.actor != state.appeal_to:
        raise Refused("forbidden", "复核申请由交办的承办人答复。", None)
    reason = said(c.reason, "reason", "复核结论的理由")
    answered = e.AppealAnswered(appeal.number, c.outcome == "upheld", reason, order.hand.actor)
    if not answered.upheld:
        return [answered]
    if appeal.kind in ("refused", "not_accepted"):
        if state.status != appeal.kind:
            raise out_of_order("原决定已不再有效，不能据此纠正。")
        return [answered, e.ApplicationReopened(reopened_at(state), order.today)]
    if appeal.kind == "suspended":
        return [answered, *_paid_after_all(state, appeal.month, ResumeCase(c.case_id, appeal.month, True, reason), order)]
    revive = state.status == "ended" and appeal.kind == "ended"
    follows = corrected(state, c.correction, order, revive)
    if revive and follows:
        answered, follows = _revived(state, answered, follows, c.correction, order)
    return [answered, *follows]


def withdraw_appeal(state: Case, c: WithdrawAppeal, order: Order[Any]) -> Sequence[Any]:
    return [e.AppealWithdrawn(_open(state).number, order.hand.actor)]


# -- what the decisions share


def _revived(state: Case, answered: e.AppealAnswered, follows: list[Any], c: Correction, order: Order[Any]) -> tuple[Any, list[Any]]:
    """The case runs again from the month it was ended from: months that went by without payment go out as arrears, reviews go on."""
    after = folded(state, follows)
    if not after.running:
        return answered, follows
    follows = [*follows, *missed(after, state.ended_from, order.today, "停发决定纠正，补发已过月份")]
    months = state.terms.valid_months
    held: date | None = dates.last_day(dates.add_months(dates.month_of(order.today), months)) if months else None
    due = review_due(state.terms, order.today, c.changing, held)
    return e.AppealAnswered(answered.number, True, answered.reason, answered.by, due, held), follows


def _paid_after_all(state: Case, since: str, resume: ResumeCase, order: Order[Any]) -> list[Any]:
    """The suspension was wrong: the case goes on if it is still suspended by it; what it missed, up to its end, goes out as arrears."""
    wrong = next((s for s in reversed(state.suspensions) if s.first == since), None)
    if wrong is None or wrong.repaid:
        raise out_of_order("暂停的月份已经补发，不能据此纠正。")
    if not wrong.until:
        return resumed(state, resume, order)
    aside = e.SuspensionSetAside(since, resume.reason, order.hand.actor)
    return [aside, *missed(evolve(state, aside), since, order.today, "暂停决定撤销，补发暂停的月份")]


def _decision(state: Case, number: int) -> Decision:
    found = next((d for d in state.decisions if d.number == number), None)
    if found is None:
        raise Refused("not_found", "没有此决定，或已超过提出复核的期限。", "decision")
    return found


def _open(state: Case) -> e.AppealFiled:
    if state.appeal is None:
        raise out_of_order("没有在办的复核申请。")
    return state.appeal
