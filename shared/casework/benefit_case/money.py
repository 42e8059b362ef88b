"""What is due against what was paid (应发与实发): every difference is found here, month by month, never typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.state import Case, evolve, folded
from shared.casework.programme import Terms
from shared.domain import dates
from shared.eventsourcing.orders import derived_id

GRANTED_AGAIN = "停发期间已追回的月份重新核定应发"  # a month that was paid, claimed back, and is due after all


def differences(state: Case, decided: Sequence[Any], reason: str) -> list[Any]:
    """Months paid so far against what is due after these decisions: the exact overpayment and arrears.

    Arrears of a month that have not gone out are withdrawn before anything of it is claimed: what nobody has received nobody owes. Of a
    month that is claimed back and due again, the claim is met first. What was withheld from a payment that will not come is released.
    """
    after = folded(state, decided)
    case = derived_id("case", state.programme, state.subject_id)
    found: list[Any] = []
    if kept := unsent(after, {m: paid - after.due(m) for m, paid in after.paid.items()}):
        found.append(e.ArrearsWithdrawn(kept, sum(m.paid_fen - m.due_fen for m in kept), reason))
        after = evolve(after, found[-1])
    different = [e.MonthDifference(m, paid, after.due(m)) for m, paid in sorted(after.paid.items()) if paid != after.due(m)]
    over = tuple(d for d in different if d.paid_fen > d.due_fen)
    again = tuple(
        e.MonthDifference(d.month, d.paid_fen, min(d.due_fen, d.paid_fen + state.claimed[d.month]))
        for d in different
        if d.paid_fen < d.due_fen and d.month in state.claimed
    )
    had = {d.month: d.due_fen for d in again}
    under = tuple(
        e.MonthDifference(d.month, had.get(d.month, d.paid_fen), d.due_fen) for d in different if had.get(d.month, d.paid_fen) < d.due_fen
    )
    for town in dict.fromkeys(state.division_in(d.month) for d in over):  # who moved owes each town the months that were that town's
        its = tuple(d for d in over if state.division_in(d.month) == town)
        total = sum(d.paid_fen - d.due_fen for d in its)
        found.append(e.OverpaymentFound(case, state.programme, after.payee_id, town, its, total, reason))
    if again:
        total = sum(d.due_fen - d.paid_fen for d in again)
        found.append(e.ClaimedDueAgain(case, state.programme, state.division, again, total, reason))
    if under:
        found.append(e.ArrearsFound(under, sum(d.due_fen - d.paid_fen for d in under), reason))
    after = folded(after, (x for x in found if not isinstance(x, e.ArrearsWithdrawn)))
    return [*found, *_released(after, case)]


def unsent(state: Case, over: Mapping[str, int]) -> tuple[e.MonthDifference, ...]:
    """How much of what is over in each month, in fen, are arrears of that month which have not gone out."""
    left = state.arrears_fen + sum(w.amount_fen for w in state.withheld.get("", ()))  # no more than waits to be paid
    found = []
    for month, fen in sorted(over.items()):
        taken = min(fen, state.arrears_of.get(month, 0), left)
        if taken > 0:
            found.append(e.MonthDifference(month, state.paid[month], state.paid[month] - taken))
            left -= taken
    return tuple(found)


def _released(after: Case, case: str) -> list[Any]:
    """What was withheld, unless a month is still to be paid that can bear it: none of an ended case, none where less is due now."""
    waiting = after.withheld.get("", ())
    if not waiting or after.pending or after.status == "suspended":
        return []
    if after.running and after.amount_fen + after.arrears_fen > 0:
        return []
    to_come = (m for m in dates.months_between(after.schedule[0].month, after.last_change) if m not in after.paid)
    if any(after.due(m) and after.payable(m) > 0 for m in to_come):
        return []
    return [e.RepaymentReleased(case, w.recovery_id, w.withheld_id, w.amount_fen) for w in waiting]


def missed(after: Case, first: str, today: date, reason: str) -> list[Any]:
    """Months from ``first`` to the last one whose payment is over that are due now and no payment has touched: they go out as arrears."""
    last = dates.add_months(dates.month_of(today), -1)
    under = tuple(
        e.MonthDifference(m, 0, after.due(m)) for m in dates.months_between(first, last) if m not in after.paid and after.due(m) > 0
    )
    return [e.ArrearsFound(under, sum(d.due_fen for d in under), reason)] if under else []


def review_due(terms: Terms, today: date, changing: bool, valid_to: date | None = None) -> date | None:
    """The last day for the next periodic review: half-yearly where incomes change, else yearly (审核确认办法).

    Never after a determination has expired; a one-off benefit is not reviewed.
    """
    months = (changing and terms.review_months_changing) or terms.review_months
    if not months or terms.payment == "once":
        return None
    due = dates.last_day(dates.add_months(dates.month_of(today), months))
    return min(due, valid_to or due)


def valid_until(terms: Terms, first: str) -> date | None:
    """Until when a determination that counts from ``first`` holds; None where it holds until it ends."""
    return dates.last_day(dates.add_months(first, terms.valid_months - 1)) if terms.valid_months else None
