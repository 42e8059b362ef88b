"""A case is handed over to another town (移交): whom it is about moved there.

The months stay whose they were: what was owed, paid or paid too much for a month in which they lived in the old town remains the old
town's matter (``Case.division_in``); everything else, from who may look at the case to whose list it stands in, is the new town's from the
event on. Arrears alone go out with the next payment of the case, whichever town's it is and whichever months they were of: the money is
the district's, nobody is to wait for a town whose run of that month is closed, and the account is the new town's to look after;
``ArrearsFound`` says of which months. A claim needs a town that answers for it: it stays with the month.

The service hands over when the month has begun from which the move counts, and says all towns anew, so that a move that
turns out to be untrue is one more hand-over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.state import Case
from shared.eventsourcing.commands import command
from shared.eventsourcing.orders import Order


@command("hand_over_case", permission="record")
@dataclass(frozen=True)
class HandOverCase:
    """By the service. ``towns``: ascending, the first from the first month of all; none where everything is ``division``'s."""

    case_id: str
    division: str
    towns: tuple[e.CasePlace, ...]
    cause: str


def hand_over_case(state: Case, c: HandOverCase, order: Order[Any]) -> Sequence[Any]:
    """Nothing of a case that was over before they moved: it stays where it was."""
    if state.status == "none" or (state.division, state.towns) == (c.division, c.towns):
        return []
    if not state.open and not any(p.month < state.last_change for p in (*c.towns[1:], *state.towns[1:])):
        return []
    since = c.towns[-1].month if c.towns else state.towns[-1].month if state.towns else state.first_month
    return [
        e.CaseHandedOver(
            state.programme, state.subject_id, state.division, c.division, since, c.towns, c.cause, order.hand.actor
        )
    ]
