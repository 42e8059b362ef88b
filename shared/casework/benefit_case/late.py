"""An end that was none (停发撤销): the death on which a case ended was a later day, or was registered wrongly.

A case is ended for good, and takes an application to run again; only where it ended because nobody was there any more (``gone``), or on
account of another decision that was set aside (``RestoreCase.account``), it is restored from the very month it was ended from. What is due
then is the rules' word. Months that went by meanwhile without payment go out as arrears; months that were paid and claimed back meet their
claims; a later day of death ends it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.in_force import Correction, reassess_case
from shared.casework.benefit_case.money import missed, review_due
from shared.casework.benefit_case.state import Case, evolve, folded
from shared.casework.shape import said
from shared.domain import dates
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
    """Nothing where the case was ended for another reason, or the rules give nothing of the months behind the end."""
    if not restorable(state, c.account) or c.correction.reassess is None:
        return []
    since, months = state.ended_from, state.terms.valid_months
    held = dates.last_day(dates.add_months(dates.month_of(order.today), months)) if months else None
    due = review_due(state.terms, order.today, c.correction.changing, held)
    reason = said(c.reason, "reason", "恢复理由")
    decided: list[Any] = [e.CaseRestored(state.programme, state.subject_id, since, reason, due, held, order.hand.actor)]
    decided += reassess_case(evolve(state, decided[0]), c.correction.reassess, order, until=c.correction.end)
    after = folded(state, decided)
    if after.ended_from == since or not any(isinstance(event, e.CaseReassessed) for event in decided):
        return []
    return [*decided, *missed(after, since, order.today, reason)]
