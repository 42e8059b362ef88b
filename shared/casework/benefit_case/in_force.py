"""A case in force (在保): granted without application, reassessed, suspended and resumed, reviewed, ended (动态管理).

The amounts of every decision are the rules'; what was paid and is not due becomes an overpayment, what is due and was not paid arrears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.due import due_by
from shared.casework.benefit_case.money import GRANTED_AGAIN, differences, missed, review_due, valid_until
from shared.casework.benefit_case.months import (
    amount_of,
    changes,
    decided_run,
    decisive,
    ended_after_all,
    goes_on_until,
    granted_again,
    outcome_of,
    runs,
    why_different,
)
from shared.casework.benefit_case.procedure import CHANGED, appealable_on, case_id, voided
from shared.casework.benefit_case.state import (
    REVIEW_LEAD_DAYS,
    Case,
    Round,
    earlier_rounds,
    evolve,
    folded,
    in_an_earlier_round,
    limits,
    reaches,
)
from shared.casework.programme import BEFORE_TERMS, Terms
from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand, people
from shared.eventsourcing.orders import Order
from shared.rules.assessment import Assessment

# Causes for which months that were decided on these facts are decided once more.
AGAIN = ("clock:", "standard:", "review:", "appeal:", "restored:")


# -- Commands ----------------------------------------------------------------------------------------------------


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
    terms: Terms = BEFORE_TERMS
    changing: bool = False
    hands: tuple[str, ...] = ()  # who decided what is only carried out here
    next_turn: str = ""  # the month in which the calendar alone changes what it rests on


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
    next_turn: str = ""  # the month after these in which the calendar alone changes what they rest on


@command("end_case", permission="end")
@dataclass(frozen=True)
class EndCase:
    """``gone``: because nobody is there any more."""

    case_id: str
    first_unpaid_month: str
    reason: str
    basis: str
    gone: bool = False


@command("suspend_case", permission="review")
@dataclass(frozen=True)
class SuspendCase:
    """暂停 from a month on that was not paid yet."""

    case_id: str
    from_month: str
    reason: str


@command("resume_case", permission="confirm")
@dataclass(frozen=True)
class ResumeCase:
    """恢复, with or without the suspended months (补发); not by the hand that suspended."""

    case_id: str
    from_month: str
    with_arrears: bool
    reason: str


@command("open_review", permission="review")
@dataclass(frozen=True)
class OpenReview:
    case_id: str


@command("reassess_earlier_round", permission="reassess")
@dataclass(frozen=True)
class ReassessEarlierRound:
    """One assessment for every month of an earlier round from ``from_month`` to before ``before``: its end, or the end of the months behind
    that which it does not settle; ``gone_from``: the month from which nobody was there any more, and why."""

    case_id: str
    from_month: str
    before: str
    assessments: tuple[Assessment, ...]
    facts_version: int
    cause: str
    gone_from: str = ""
    gone_reason: str = ""


@dataclass(frozen=True)
class Correction:
    """What the rules say now about the months in question: put in by the service, never by a caller."""

    reassess: ReassessCase | None = None
    end: EndCase | None = None
    changing: bool = False
    earlier: tuple[ReassessEarlierRound, ...] = ()


NO_CORRECTION = Correction()


@command("answer_review", permission="review")
@dataclass(frozen=True)
class AnswerReview:
    """复审结论: the finding is the reviewer's, the outcome the rules'."""

    case_id: str
    finding: str
    correction: Correction


@command("note_step_overdue", permission="record")
@dataclass(frozen=True)
class NoteStepOverdue:
    """By the timer: the day of this step has passed."""

    case_id: str
    step: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def grant_case(state: Case, c: GrantCase, order: Order[Any]) -> Sequence[Any]:
    if state.open:
        return []
    if not c.assessment.eligible:
        return []
    if c.first_month <= state.last_change:
        raise out_of_order("该对象此前已停发，不能自停发月份之前恢复。")
    granted = e.CaseGranted(
        c.programme,
        c.subject_id,
        c.payee_id,
        c.division,
        c.first_month,
        0 if c.terms.payment == "none" else c.assessment.amount_fen,
        c.assessment,
        c.facts_version,
        by=order.hand.actor,
        decided_on=order.today if c.terms.objection_days else None,
        terms=c.terms,
        review_due=review_due(c.terms, order.today, c.changing, valid_until(c.terms, c.first_month)),
        valid_to=valid_until(c.terms, c.first_month),
        hands=people(*c.hands),
        next_turn="" if c.terms.payment == "once" else c.next_turn,
    )
    return [granted, *differences(state, [granted], GRANTED_AGAIN)]


def reassess_case(
    state: Case, c: ReassessCase, order: Order[Any], revive: bool = False, until: EndCase | None = None, changing: bool = False
) -> Sequence[Any]:
    """``revive``: the end itself was set aside, so that the months behind it are decided too; ``until``: it ends there after all;
    ``changing``: incomes may change (where it begins anew with a review).

    Months that are not due between others that are end it, and it is granted again behind them: nobody could apply in a month that was
    decided only now (ADR 25)."""
    if state.status == "publicised":
        if c.facts_version > state.facts_version:
            return [voided(state, CHANGED)]
        return []
    if not state.running and state.status not in ("ended", "closed"):
        return []
    dates.check_month(c.effective_month, "effective_month")
    once = state.terms.payment == "once"
    effective = max(c.effective_month, state.first_month)
    ended = "" if revive or state.running else state.last_change
    asked = tuple(a for a in c.assessments if (not ended or a.month < ended) and (not once or a.month == state.first_month))
    if not asked or (ended and effective >= ended) or (once and effective > state.first_month):
        return []  # nothing but months after the end, or beside the one that is paid
    if c.facts_version < state.facts_version:
        raise Refused("version_conflict", "家庭情况已有更新，须按最新情况复核。", "facts_version")
    first, *again = runs(tuple(a for a in asked if a.month >= effective) or asked[-1:])
    last = (again[-1] if again else first)[-1]
    known = c.facts_version == state.facts_version and state.assessed_from <= effective and last.month <= state.assessed_to
    if known and not c.cause.startswith(AGAIN):
        return []  # these months were decided on these very facts before
    if not ended and not once and last.month < state.last_change and due_by(last):
        # A fact that counts from a later month was decided meanwhile: deciding without that month would undo it.
        raise Refused("version_conflict", "复核须包含此后已有决定的月份。", "assessments")
    decided: list[Any] = [e.PayeeChanged(c.payee_id)] if _another_payee(state, c.payee_id) else []
    decided += decided_run(folded(state, decided), c, first, effective, order, once)
    if not again and len(decided) == 1 and _nothing_new(state, c, first) and not differences(state, decided, ""):
        return []  # a message that comes once more, months later: the same facts say of more months what is so already
    decided += granted_again(folded(state, decided), c, again, order, goes_on_until(state, order, changing))
    if due_by(last) and ended:
        # A late fact about the months before the end corrects them; the case stays ended from the month it was.
        why, cause = "此前已停发，本次只复核停发前的月份", state.ended_cause if again else ""
        by = order.hand.actor
        decided.append(e.CaseEnded(state.programme, state.subject_id, ended, why, "", by, gone=state.gone, cause=cause))
    decided += ended_after_all(state, until if due_by(last) else None, order)
    decided += differences(state, decided, why_different(first, again, decided))
    return [*decided, *_paid_out(state, decided)]


def end_case(state: Case, c: EndCase, order: Order[Any]) -> Sequence[Any]:
    """An ended case may be ended earlier still (the death lay further back than thought), never later (``late.py`` restores one first); a
    pending application is refused."""
    dates.check_month(c.first_unpaid_month, "first_unpaid_month")
    day = appealable_on(state, order)
    over = e.CaseRefused(c.reason, order.hand.actor, day, None, state.programme, state.subject_id)
    refused = [over] if state.open and not state.running else []
    still_due = state.entitled(c.first_unpaid_month) or any(s.amount_fen for s in state.schedule if s.month >= c.first_unpaid_month)
    if not state.running and not still_due:
        return refused
    first = max(c.first_unpaid_month, state.schedule[0].month)
    ended = e.CaseEnded(state.programme, state.subject_id, first, c.reason, c.basis, order.hand.actor, day, c.gone)
    return [*refused, ended, *differences(state, [ended], c.reason)]


def suspend_case(state: Case, c: SuspendCase, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("in_force", "gradual_exit"):
        raise out_of_order("只有在保的个案可以暂停。")
    dates.check_month(c.from_month, "from_month")
    if not dates.month_of(order.today) <= c.from_month <= dates.add_months(dates.month_of(order.today), 2):
        raise invalid("暂停须自本月至后两个月内的月份起。", "from_month")
    if any(month >= c.from_month for month in state.paid):
        raise Refused("already_paid", "该月已发放，须自以后月份起暂停。", "from_month")
    reason = said(c.reason, "reason", "暂停理由")
    return [e.CaseSuspended(state.programme, state.subject_id, c.from_month, reason, order.hand.actor, appealable_on(state, order))]


def resume_case(state: Case, c: ResumeCase, order: Order[Any]) -> Sequence[Any]:
    if state.status != "suspended":
        raise out_of_order("个案未暂停。")
    not_the_same_hand(order, state.suspended_by)
    return resumed(state, c, order)


def resumed(state: Case, c: ResumeCase, order: Order[Any]) -> list[Any]:
    """The case goes on, and the months whose payment was missed go out as arrears."""
    dates.check_month(c.from_month, "from_month")
    since = state.suspensions[-1].first
    if not since <= c.from_month <= max(since, dates.add_months(dates.month_of(order.today), 1)):
        raise invalid("恢复月份须在暂停月份之后、下月之前。", "from_month")
    reason = said(c.reason, "reason", "恢复理由")
    again = e.CaseResumed(state.programme, state.subject_id, c.from_month, c.with_arrears, reason, order.hand.actor)
    return [again, *missed(evolve(state, again), since, order.today, "恢复发放，补发已过月份")]


def open_review(state: Case, c: OpenReview, order: Order[Any]) -> Sequence[Any]:
    """By the timer, or earlier by a hand that has reason to."""
    if not state.running:
        raise out_of_order("只有在保的个案须复审。")
    if state.review_open:
        raise Refused("already_exists", "复审已在办理。", None)
    due = state.review_due
    if due is None or due < order.today:
        due = dates.add_working_days(order.today, REVIEW_LEAD_DAYS)
    return [e.ReviewOpened(order.today, due, order.hand.actor)]


def answer_review(state: Case, c: AnswerReview, order: Order[Any]) -> Sequence[Any]:
    if not state.running or not state.review_open:
        raise out_of_order("没有待答复的复审。")
    not_the_same_hand(order, state.review_by)
    finding = said(c.finding, "finding", "复审意见")
    follows = corrected(state, c.correction, order)
    gone = not folded(state, follows).running
    moved = any(isinstance(x, e.CaseReassessed) and x.outcome != "unchanged" for x in follows)
    outcome = "terminate" if gone else "adjust" if moved else "continue"
    held = state.valid_to
    if state.terms.valid_months and not gone:
        held = dates.last_day(dates.add_months(dates.month_of(order.today), state.terms.valid_months))
    due = None if gone else review_due(state.terms, order.today, c.correction.changing, held)
    return [e.ReviewAnswered(outcome, finding, order.today, due, held, order.hand.actor), *follows]


def corrected(state: Case, c: Correction, order: Order[Any], revive: bool = False) -> list[Any]:
    """The end first: it takes back what was decided for later months, which an assessment of the months before may not do."""
    decided: list[Any] = []
    for part in (c.end, c.reassess, *c.earlier):
        if part is not None:
            now = folded(state, decided)
            if isinstance(part, ReassessEarlierRound):
                decided += reassess_earlier_round(now, part, order)
            else:
                decided += (
                    end_case(now, part, order)
                    if isinstance(part, EndCase)
                    else reassess_case(now, part, order, revive, changing=c.changing)
                )
    return decided


def reassess_earlier_round(state: Case, c: ReassessEarlierRound, order: Order[Any]) -> Sequence[Any]:
    """A late fact about months of a round that is over: they are decided again to the fen, and so are those behind its end which that does
    not settle; everything behind them stays. Nothing where every month is what it was."""
    begun = (r for r in earlier_rounds(state) if r.first <= c.from_month < r.end or r.first == c.from_month == r.end)
    of = next((r for r in begun if r.end <= c.before <= reaches(state, r)), None)
    if of is None:
        return []
    if c.assessments and c.facts_version < state.facts_version:
        raise Refused("version_conflict", "家庭情况已有更新，须按最新情况复核。", "facts_version")
    before = _due_until(of, c)
    asked = tuple(a for a in c.assessments if a.month < before)
    amounts = [e.MonthAmount(a.month, amount_of(state, a)) for a in asked]
    gone = c.gone_reason if c.gone_from and c.gone_from < before else ""
    if gone:
        amounts.append(e.MonthAmount(c.gone_from, 0))
    decided = e.EarlierRoundReassessed(
        state.programme, state.subject_id, c.from_month, before, changes(tuple(amounts)),
        decisive(asked) if asked else (), state.entitled(c.from_month), c.cause, c.facts_version, gone,
        order.hand.actor, appealable_on(state, order),
    )  # fmt: skip
    after = evolve(state, decided)
    span = list(dates.months_between(c.from_month, dates.add_months(before, -1)))
    if not amounts or (before == of.end and all(_as_it_was(state, after, m) for m in span)):
        return []
    reason = gone or asked[-1].reason
    never = [m for m in span if not state.entitled(m) and m not in after.paid and after.due(m) > 0 and m < dates.month_of(order.today)]
    late = tuple(e.MonthDifference(m, 0, after.due(m)) for m in never)
    found = [e.ArrearsFound(late, sum(d.due_fen for d in late), reason)] if late else []
    return [decided, *found, *differences(state, [decided, *found], reason)]


def _as_it_was(state: Case, after: Case, month: str) -> bool:
    """Whether a month of an earlier round is what it was: of a determination no amount says."""
    if state.terms.payment == "none":
        return in_an_earlier_round(state, month) == in_an_earlier_round(after, month)
    return state.entitled(month) == after.entitled(month)


def _due_until(of: Round, c: ReassessEarlierRound) -> str:
    """The month before which an earlier round is due by what is known now, never before the end that it had."""
    return max([of.end, *(dates.add_months(a.month, 1) for a in c.assessments if due_by(a))])


def note_step_overdue(state: Case, c: NoteStepOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile: the timer may be late, or run twice."""
    day = limits(state).get(c.step)
    if day is None or day >= order.today:
        return []
    if c.step == "supplement":
        return [e.ApplicationLapsed(day, state.programme, state.subject_id)]
    if c.step == "review_opens":
        return open_review(state, OpenReview(c.case_id), order)
    if c.step == "validity":
        first = dates.add_months(dates.month_of(day), 1)
        return end_case(state, EndCase(c.case_id, first, "认定有效期届满，未复审", ""), order)
    case = case_id(state.programme, state.subject_id)
    return [e.CaseStepOverdue(case, state.programme, state.subject_id, state.division, c.step, day)]


# -- what the decisions share


def _paid_out(state: Case, decided: Sequence[Any]) -> list[Any]:
    """A one-off benefit that was paid and decided once more is closed again, unless something of it is still to go out."""
    after = folded(state, decided)
    paid = after.terms.payment == "once" and after.status == "in_force" and after.first_month in after.paid and not after.arrears_fen
    return [e.CaseClosed(state.programme, state.subject_id)] if paid else []


def _nothing_new(state: Case, c: ReassessCase, assessments: tuple[Assessment, ...]) -> bool:
    """Whether the facts are those that were decided on, and the amount of every month and the gradual exit stay as they are."""
    last = assessments[-1]
    old = state.entitled(last.month) if last.month >= state.first_month else state.amount_fen
    outcome = outcome_of(replace(last, amount_fen=amount_of(state, last)), old)
    if c.facts_version != state.facts_version or c.next_turn != state.next_turn or c.cause.startswith(AGAIN) or not state.running:
        return False
    exiting = state.status == "gradual_exit" and assessments[-1].exit_ends == state.exit_ends
    same = exiting if outcome == "gradual_exit" else outcome == "unchanged" and state.exit_since is None
    return same and all(state.entitled(a.month) == amount_of(state, a) for a in assessments)


def _another_payee(state: Case, payee_id: str) -> bool:
    """Whether these facts name somebody else who can be paid: a registration may still name who has died."""
    return payee_id not in ("", state.payee_id) and all(lost.payee_id != payee_id for lost in state.payees_lost)


def follows(decided: e.CaseGranted | e.CaseReassessed | e.EarlierRoundReassessed) -> bool:
    """Whether what a recorded decision says is what its assessments say: for whoever makes them again (决定重算)."""
    if isinstance(decided, e.EarlierRoundReassessed):
        amounts = changes(tuple(e.MonthAmount(a.month, a.amount_fen) for a in decided.assessments))
        gone = decided.months[len(amounts) :]
        return (
            decided.months[: len(amounts)] == amounts
            and not any(m.amount_fen for m in gone)
            and len(gone) <= bool(decided.gone_reason)
            and all(a.programme == decided.programme for a in decided.assessments)
        )
    if isinstance(decided, e.CaseGranted):
        a = decided.assessment
        return decided.programme == a.programme and decided.amount_fen == (0 if decided.terms.payment == "none" else a.amount_fen)
    last = decided.assessments[-1]
    months = changes(tuple(e.MonthAmount(max(a.month, decided.effective_month), a.amount_fen) for a in decided.assessments))
    once = decided.months[len(months) :]  # what is paid once is followed by a month of nothing
    return (
        all(a.programme == decided.programme for a in decided.assessments)
        and decided.months[: len(months)] == months
        and len(once) <= 1
        and not any(m.amount_fen for m in once)
        and (decided.new_amount_fen, decided.exit_ends) == (last.amount_fen, last.exit_ends)
        and decided.outcome == outcome_of(last, decided.old_amount_fen)
    )


