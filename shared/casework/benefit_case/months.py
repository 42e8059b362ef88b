"""The rules' word on several months (逐月核定): what it comes down to in events, and how a case goes on behind months that are not due.

Months that are due one after the other are one decision. The first that is not closes it with an end, and the next that is due is granted
again without an application (恢复): nobody could apply in months that are decided late (ADR 25).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.due import due_by
from shared.casework.benefit_case.money import review_due
from shared.casework.benefit_case.procedure import appealable_on
from shared.casework.benefit_case.state import Case, Round, earlier_rounds, folded, reaches
from shared.domain import dates
from shared.domain.frozen import replace
from shared.eventsourcing.orders import Order
from shared.rules.assessment import Assessment

if TYPE_CHECKING:
    from shared.casework.benefit_case.in_force import EndCase, ReassessCase


def decided_run(
    state: Case, c: ReassessCase, run: tuple[Assessment, ...], effective: str, order: Order[Any], once: bool = False
) -> list[Any]:
    """One run of months decided again, and the end with which it closes."""
    last = run[-1]
    months = changes(tuple(e.MonthAmount(a.month if a.month > effective else effective, amount_of(state, a)) for a in run))
    old = state.entitled(last.month) if last.month >= state.first_month else state.amount_fen
    outcome = outcome_of(replace(last, amount_fen=amount_of(state, last)), old)
    if once and outcome != "ended":
        months = (*months, e.MonthAmount(dates.add_months(state.first_month, 1), 0))
    day, by = appealable_on(state, order), order.hand.actor
    again = e.CaseReassessed(
        state.programme,
        state.subject_id,
        outcome,
        old,
        amount_of(state, last),
        effective,
        months,
        decisive(run),
        c.cause,
        c.facts_version,
        last.exit_ends,
        by,
        day if outcome != "unchanged" or otherwise(state, months) else None,
        "" if once or outcome == "ended" else c.next_turn,
    )
    if outcome != "ended":
        return [again]
    basis = last.lines[-1].basis if last.lines else ""
    return [again, e.CaseEnded(state.programme, state.subject_id, over_from(run, effective), last.reason, basis, by, day)]


def otherwise(state: Case, months: tuple[e.MonthAmount, ...]) -> bool:
    """Whether a month is decided otherwise than before, though the newest is as it was: that too can be appealed against."""
    steps = sorted({m.month for m in months} | {s.month for s in state.schedule if months[0].month <= s.month <= months[-1].month})
    now = {m.month: m.amount_fen for m in months}
    amount = 0
    for month in steps:
        amount = now.get(month, amount)
        if amount != state.entitled(month):
            return True
    return False


def granted_again(
    state: Case, c: ReassessCase, again: Sequence[tuple[Assessment, ...]], order: Order[Any], goes_on: tuple[date | None, date | None]
) -> list[Any]:
    """恢复: behind months that were not due it runs again from the first that is, each run of months by the rules; ``goes_on``: until when
    it is reviewed and holds. Who decided before has a hand in it still, and what was suspended stays suspended."""
    decided: list[Any] = []
    for first, *rest in again:
        now = folded(state, decided)
        decided.append(
            e.CaseGranted(
                now.programme,
                now.subject_id,
                now.payee_id,
                now.division,
                first.month,
                amount_of(now, first),
                first,
                c.facts_version,
                by=order.hand.actor,
                decided_on=appealable_on(now, order),
                terms=now.terms,
                review_due=goes_on[0],
                valid_to=goes_on[1],
                hands=now.signed,
                next_turn=c.next_turn,
                cause=c.cause,
            )
        )
        if now.suspended_when_ended:
            still = "停发前已暂停，恢复后仍暂停"
            since = max(first.month, now.suspensions[-1].first)
            decided.append(e.CaseSuspended(now.programme, now.subject_id, since, still, now.suspended_by, None))
        if rest:
            decided += decided_run(folded(state, decided), c, tuple(rest), rest[0].month, order)
    return decided


def ended_after_all(state: Case, until: EndCase | None, order: Order[Any]) -> list[Any]:
    """The end that there is all the same, behind the months that were decided again."""
    if until is None:
        return []
    day = appealable_on(state, order)
    return [
        e.CaseEnded(
            state.programme, state.subject_id, until.first_unpaid_month, until.reason, until.basis, order.hand.actor, day, until.gone
        )
    ]


def goes_on_until(state: Case, order: Order[Any], changing: bool) -> tuple[date | None, date | None]:
    """Until when a case that is granted again is reviewed and holds: as it did, or anew if it had ended."""
    if state.running:
        return state.review_due, state.valid_to
    return held_anew(state, order, changing)


def held_anew(state: Case, order: Order[Any], changing: bool) -> tuple[date | None, date | None]:
    """(next review, last day it holds) of a case that had ended and runs again from today."""
    months = state.terms.valid_months
    held = dates.last_day(dates.add_months(dates.month_of(order.today), months)) if months else None
    return review_due(state.terms, order.today, changing, held), held


def month_before(state: Case, first: str, said: Mapping[str, tuple[int, str | None]]) -> tuple[int, str | None]:
    """What the rules are asked about ``first``, a month from which a case is looked at, with: what was due in the month before, and since
    when that was gradual exit. The first of a round has none before it and is asked about with its own. A round that goes on behind months
    which an end does not settle comes with what those are (ADR 25): a new job is no gradual exit for who was not supported. ``said``:
    month → what the same fact makes of the one before it."""
    of = next((r for r in earlier_rounds(state) if r.end <= r.open_to and r.first < first == reaches(state, r)), None)
    if of is None:
        return state.entitled(dates.add_months(first, -1)) or state.entitled(first), None
    amount, since = said.get(first, (state.entitled(dates.add_months(first, -1)), None))
    return amount if first <= of.open_to else amount or state.entitled(first), since


@dataclass(frozen=True)
class Stretch:
    """Months [first, before) of a round that is over, and with what the rules are asked about the first of them."""

    first: str
    before: str
    amount_fen: int
    exit_since: str | None


def looked_at_again(state: Case, r: Round, effective_month: str, said: Mapping[str, tuple[int, str | None]]) -> Stretch | None:
    """What of an earlier round a fact that counts from ``effective_month`` has decided again, with its own amounts and gradual exit; None:
    nothing. ``said`` as in ``month_before``."""
    before = reaches(state, r)
    if effective_month >= before or r.first >= before:
        return None
    first = max(min(effective_month, dates.add_months(r.end, -1)), r.first)
    inside = state.entitled(dates.add_months(first, -1)), None
    amount, since = inside if first > r.first else month_before(state, first, said)
    return Stretch(first, before, amount, r.exit_since if r.exit_since and r.exit_since < first else since)


def runs(assessments: tuple[Assessment, ...]) -> list[tuple[Assessment, ...]]:
    """The months that are due one after the other, each run closed by the first that is not; what follows that and is not due either says
    nothing new."""
    found: list[list[Assessment]] = [[]]
    for a in assessments:
        if not found[-1] or due_by(found[-1][-1]):
            found[-1].append(a)
        elif due_by(a):
            found.append([a])
    return [tuple(run) for run in found]


def why_different(first: tuple[Assessment, ...], again: Sequence[tuple[Assessment, ...]], decided: Sequence[Any]) -> str:
    """Why months are due otherwise than they were paid: of months that fall out, why they do."""
    if again:
        return next((a.reason for run in (first, *again) for a in run if not due_by(a)), first[-1].reason)
    outcome = next(x.outcome for x in decided if isinstance(x, e.CaseReassessed))
    return deciding(first, outcome).reason


def deciding(assessments: tuple[Assessment, ...], outcome: str) -> Assessment:
    """The assessment that says why: the newest with the decision's own outcome (a later month may read "unchanged")."""
    return next((a for a in reversed(assessments) if a.outcome == outcome), assessments[-1])


def outcome_of(last: Assessment, old_fen: int) -> str:
    """Against what was due before this decision, which may lie several months back; each assessment speaks of its own month only."""
    if last.outcome in ("ended", "gradual_exit"):
        return last.outcome
    if not last.eligible:
        return "ended"
    return "raised" if last.amount_fen > old_fen else "lowered" if last.amount_fen < old_fen else "unchanged"


def over_from(assessments: tuple[Assessment, ...], effective: str) -> str:
    """The month of the first of the assessments that end it: of a determination every amount is nothing, so that no amount says."""
    first = assessments[-1]
    for a in reversed(assessments):
        if a.eligible or a.outcome == "gradual_exit":
            break
        first = a
    return max(first.month, effective)


def amount_of(state: Case, a: Assessment) -> int:
    return 0 if state.terms.payment == "none" else a.amount_fen


def changes(months: tuple[e.MonthAmount, ...]) -> tuple[e.MonthAmount, ...]:
    """Only the months in which the amount changes, the first always."""
    kept: list[e.MonthAmount] = []
    for m in months:
        if not kept or kept[-1].amount_fen != m.amount_fen:
            kept.append(m)
    return tuple(kept)


def decisive(assessments: tuple[Assessment, ...]) -> tuple[Assessment, ...]:
    """Assessments that differ in amount or outcome from the one before; the newest always (an event stays small)."""
    kept = [
        a
        for n, a in enumerate(assessments)
        if n == 0 or (a.amount_fen, a.outcome) != (assessments[n - 1].amount_fen, assessments[n - 1].outcome)
    ]
    return tuple(kept if kept[-1] is assessments[-1] else [*kept, assessments[-1]])
