"""What is due (期限): the table that every service's read model has, and the timer's one question to it.

A deadline is data: the service's projection writes and removes the rows, the timer of any worker process only reads them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa


def deadline_table(metadata: sa.MetaData) -> sa.Table:
    """``due_at`` is an ISO time in Asia/Shanghai, so that rows sort by text; a bare date is due when its day begins."""
    return sa.Table(
        "deadlines",
        metadata,
        sa.Column("stream", sa.String(160), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("aggregate_id", sa.String(100), nullable=False),
        sa.Column("due_at", sa.String(40), nullable=False, index=True),
        sa.Column("division", sa.String(20), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )


@dataclass(frozen=True)
class DueRow:
    """One row that is due."""

    stream: str
    name: str
    aggregate_id: str
    due_at: str
    division: str
    data: dict[str, Any]


_table = deadline_table(sa.MetaData())


LATE = timedelta(minutes=10)  # a row that has been due for so long is overdue: somebody should have dealt with it


def waiting(engine: sa.Engine, now: datetime) -> tuple[int, int]:
    """How many rows are due, and how many of them are overdue."""

    def count(until: datetime) -> int:
        asked = sa.select(sa.func.count()).select_from(_table).where(_table.c.due_at <= until.isoformat(timespec="seconds"))
        return int(connection.execute(asked).scalar_one())

    with engine.connect() as connection:
        return count(now), count(now - LATE)


def due(engine: sa.Engine, now: datetime, limit: int) -> list[DueRow]:
    """The rows that are due, the oldest first; none while the projector has not made the table yet."""
    asked = (
        sa.select(_table)
        .where(_table.c.due_at <= now.isoformat(timespec="seconds"))
        .order_by(_table.c.due_at, _table.c.stream, _table.c.name)
        .limit(limit)
    )
    try:
        with engine.connect() as connection:
            rows = connection.execute(asked).all()
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        if sa.inspect(engine).has_table(_table.name):
            raise
        return []
    return [DueRow(r.stream, r.name, r.aggregate_id, r.due_at, r.division, json.loads(r.data or "{}")) for r in rows]
