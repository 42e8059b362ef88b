"""An end that was none (停发撤销): the death on which a case ended was a later day, or was registered wrongly; or it ended by the rules on
facts that are known otherwise now.

A case is ended for good, and takes an application to run again; only where it ended because nobody was there any more (``gone``), on
account of another decision that was set aside (``RestoreCase.account``), or by the rules where a late fact says otherwise of a month that
the end does not settle (``state.unsettled``), it runs again from the first month that is due. What is due then is the rules' word. Months
that went by meanwhile without payment go out as arrears; months that were paid and claimed back meet their claims; a later day of death
ends it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.due import due_by
from shared.casework.benefit_case.in_force import Correction, reassess_case
from shared.casework.benefit_case.money import GRANTED_AGAIN, differences, missed
from shared.casework.benefit_case.months import ended_after_all, granted_again, held_anew, runs
from shared.casework.benefit_case.state import Case, evolve, folded
from shared.casework.shape import said
from shared.eventsourcing.commands import command
from shared.eventsourcing.orders import Order


@command("restore_case", permission="reassess")
@dataclass(frozen=True)
class RestoreCase:
    """By the service; the correction is what the rules say of the months from the end on, and the end that there is after all.

    ``account``: what the cause of the end begins with where it was another decision (a class that ended), "" = the case must be ``gone``.
    """

    case_id: str
    reason: str
    correction: Correction
    account: str = ""


def restorable(state: Case, account: str = "") -> bool:
    """Whether the case ended because nobody was there any more, or on account of what is named."""
    return state.status == "ended" and (state.gone or bool(account and state.ended_cause.startswith(account)))


def restore_case(state: Case, c: RestoreCase, order: Order[Any]) -> Sequence[Any]:
    """Nothing where the case was ended for another reason, or the rules give nothing of the months behind the end.

    From the very month it was ended from it is restored; behind months that were not due it is granted again (ADR 25)."""
    again = c.correction.reassess
    if not restorable(state, c.account) or again is None:
        return []
    since, reason = state.ended_from, said(c.reason, "reason", "恢复理由")
    due, held = goes_on = held_anew(state, order, c.correction.changing)
    if again.effective_month > since:
        if again.effective_month > max(since, state.ended_in) or not again.assessments or not due_by(again.assessments[0]):
            return []
        decided = granted_again(state, again, runs(again.assessments), order, goes_on)
        decided += ended_after_all(state, c.correction.end if due_by(again.assessments[-1]) else None, order)
        decided += differences(state, decided, GRANTED_AGAIN)
    else:
        restored = e.CaseRestored(state.programme, state.subject_id, since, reason, due, held, order.hand.actor)
        follows = reassess_case(evolve(state, restored), again, order, until=c.correction.end)
        decided = [restored, *follows] if follows else []
    after = folded(state, decided)
    if after.ended_from == since:
        return []
    return [*decided, *missed(after, max(since, again.effective_month), order.today, reason)]
