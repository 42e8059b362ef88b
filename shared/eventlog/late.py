"""What was entered later than it was done (补录): the one thing that the read model of a past day has to learn afterwards. docs/adr/0017.

A row for every event whose business day lies before the day on which it was recorded (shared/eventsourcing/days.py); there are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.days import close_of, day_of, day_recorded

if TYPE_CHECKING:
    from shared.eventlog.read_model import Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def late_table(metadata: sa.MetaData) -> sa.Table:
    """Declare the table; ``recorded`` in microseconds since 1970, so that times compare whatever their zone."""
    return sa.Table(
        "late_acts",
        metadata,
        sa.Column("stream", sa.String(160), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("day", sa.String(10), nullable=False, index=True),
        sa.Column("recorded", sa.BigInteger, nullable=False),
    )


def note(rows: Rows, table: sa.Table, r: Recorded) -> None:
    """Keep a row of an event that was entered later than it was done."""
    day = day_of(r)
    if day < day_recorded(r):
        at = _micros(r.meta.recorded_at)
        rows.put(table, stream=r.stream, version=r.version, position=r.position, day=day.isoformat(), recorded=at)


@dataclass(frozen=True)
class LateAct:
    """Where such an event stands."""

    stream: str
    version: int
    position: int


def late_acts(engine: sa.Engine, table: sa.Table, day: date, known: datetime | None) -> tuple[LateAct, ...]:
    """What was done by a day, entered behind its close, and known at a moment (None: by now), in log order."""
    c = table.c
    query = sa.select(c.stream, c.version, c.position).where(c.day <= day.isoformat(), c.recorded > _micros(close_of(day)))
    if known is not None:
        query = query.where(c.recorded <= _micros(known))
    with engine.connect() as connection:
        return tuple(LateAct(*row) for row in connection.execute(query.order_by(c.position, c.version)))
