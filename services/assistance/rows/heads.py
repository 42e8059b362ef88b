"""Rows of households whose head (户主) is there no more and of whom nobody has named another: they wait until one is named, in a list of
their own when the days for it are over.

Until then the eldest who is left is paid (``household.payee_in``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from services.assistance import household
from services.assistance.rows.standards import unpacked
from shared.domain import dates
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

HEAD_WANTED, HEAD_OVERDUE = "household_head_wanted", "household_head_overdue"  # the worklists
HEAD_LATE = "household_head_late"  # the deadline
NAMED_WITHIN_DAYS = 30  # a placeholder, no document names one


@dataclass(frozen=True)
class HeadTables:
    wanted: sa.Table
    households: sa.Table


def declare(metadata: sa.MetaData) -> HeadTables:
    """Declare the tables."""
    return HeadTables(
        wanted=sa.Table(
            "household_heads_wanted",
            metadata,
            sa.Column("household_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False, default=""),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("subject_id", sa.String(36), nullable=False),
            sa.Column("worklist", sa.String(40), nullable=False, default=""),
            sa.Column("due_on", sa.String(10)),
        ),
        households=metadata.tables["household_states"],  # rows/standards.py, whose projection is named before this one
    )


def project(model: ReadModel, tables: HeadTables) -> None:
    """Fold events into them."""

    @model.on(*household.EVENTS)
    def _head(rows: Rows, r: Recorded) -> None:
        household_id = r.stream.split("-", 1)[1]
        row = rows.get(tables.households, household_id=household_id)
        known = rows.get(tables.wanted, household_id=household_id)
        if row is None or (known is None and isinstance(r.event, household.HouseholdRegistered)):
            return
        day = r.meta.recorded_at.date()
        state = unpacked(row["state"])
        wanted = household.head_wanted(state, dates.add_months(dates.month_of(day), 1))  # an end of this month counts from the next
        if wanted and known is None:
            due_on = day + timedelta(days=NAMED_WITHIN_DAYS)
            rows.put(
                tables.wanted, household_id=household_id, division=state.division, subject_id=household_id, worklist=HEAD_WANTED,
                due_on=due_on.isoformat(),
            )  # fmt: skip
            rows.due(r, HEAD_LATE, household_id, due_on + timedelta(days=1), {"due_on": due_on.isoformat()})
        elif not wanted and known is not None:
            rows.delete(tables.wanted, household_id=household_id)
            rows.settle(r, HEAD_LATE)
        elif isinstance(r.event, household.HeadOverdue):
            rows.change(tables.wanted, {"household_id": household_id}, worklist=HEAD_OVERDUE)
            rows.settle(r, HEAD_LATE)
        elif known is not None and known["division"] != state.division:
            rows.change(tables.wanted, {"household_id": household_id}, division=state.division)
