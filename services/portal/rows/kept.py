"""Rows that are never overwritten from one day to the next (逐日留存): what a public page said on a day is answerable for ever.

A row holds from the day on which it was recorded (``since``) until the day on which something else was (``until``, that day no longer);
what holds now has ``until`` OPEN. What changed twice on one day leaves no row of that day's morning: a page of the past says what had been
recorded by the end of the day. ``stream`` and ``version`` are the event that said it last, for its receipt (回执).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog.read_model import Row, Rows
from shared.eventsourcing.codec import Recorded

OPEN = "9999-12-31"


def table(metadata: sa.MetaData, name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of such rows; ``columns`` with what names a row as primary key."""
    return sa.Table(
        name,
        metadata,
        *columns,
        sa.Column("until", sa.String(10), primary_key=True),
        sa.Column("since", sa.String(10), nullable=False, index=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def day_of(r: Recorded) -> str:
    """The day on which an event was recorded, as ISO text."""
    return r.meta.recorded_at.astimezone(SHANGHAI).date().isoformat()


def now(rows: Rows, of: sa.Table, /, **key: Any) -> Row | None:
    """The row as it holds now."""
    return rows.get(of, **key, until=OPEN)


def say(rows: Rows, of: sa.Table, r: Recorded, /, **values: Any) -> None:
    """From this event's day on the row says this, whole."""
    today = day_of(r)
    before = now(rows, of, **{c.name: values[c.name] for c in of.primary_key.columns if c.name != "until"})
    if before is not None and before["since"] < today:
        rows.put(of, **{**before, "until": today})
    since = today if before is None else max(today, before["since"])
    rows.put(of, **{**values, "since": since, "until": OPEN, "stream": r.stream, "version": r.version})


def change(rows: Rows, of: sa.Table, r: Recorded, key: dict[str, Any], /, **values: Any) -> bool:
    """From this event's day on some columns of the row say something else; False when there is no such row."""
    before = now(rows, of, **key)
    if before is None:
        return False
    say(rows, of, r, **{**before, **values})
    return True


def on(of: sa.Table, day: str) -> sa.ColumnElement[bool]:
    """The condition for what held at the end of a day."""
    return sa.and_(of.c.since <= day, of.c.until > day)
