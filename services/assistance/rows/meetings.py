"""Rows of meetings that are held once a quarter (每季度一次的会议): which quarter is owed, and that none was held in it.

From the first meeting on, each one held owes that of the quarter after; what was not held is told quarter by quarter, and waits in the
list of what is overdue until the next one is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.assistance.declarations.sessions import DISABLED_SUBSIDY_CONSULTATION_MEETING
from shared.casework import session
from shared.domain import dates
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

QUARTERLY = frozenset({DISABLED_SUBSIDY_CONSULTATION_MEETING.code})
NEXT_MEETING = "next_meeting_due"
SAID_WITHIN = 10  # working days after the quarter in which its attendance may still come in: a placeholder, no document names one


@dataclass(frozen=True)
class MeetingTables:
    meetings: sa.Table
    records: sa.Table


def declare(metadata: sa.MetaData) -> MeetingTables:
    """Declare the tables: of each programme and place the last meeting held (``subject_id``), and the quarter that is owed (``due``)."""
    return MeetingTables(
        meetings=sa.Table(
            "quarterly_meetings",
            metadata,
            sa.Column("programme", sa.String(60), primary_key=True),
            sa.Column("division", sa.String(12), primary_key=True),
            sa.Column("subject_id", sa.String(40), nullable=False),
            sa.Column("stream", sa.String(120), nullable=False),
            sa.Column("held_on", sa.String(10), nullable=False),
            sa.Column("due", sa.String(40), nullable=False),
            sa.Column("due_on", sa.String(10)),
            sa.Column("worklist", sa.String(40), nullable=False, default=""),
        ),
        records=metadata.tables["records"],
    )


def after(month: str) -> tuple[str, str, date]:
    """The quarter after that of a month: its name, its last month and its last day."""
    year, number = int(month[:4]), int(month[5:])
    last = dates.add_months(f"{year:04d}-{(number - 1) // 3 * 3 + 1:02d}", 5)
    return f"{last[:4]}年第{int(last[5:]) // 3}季度", last, dates.last_day(last)


def project(model: ReadModel, tables: MeetingTables) -> None:
    """Fold events into them."""
    t = tables.meetings

    def owe(rows: Rows, r: Recorded, month: str, key: dict[str, str], **values: Any) -> None:
        due, last_month, last_day = after(month)
        rows.due(
            r, NEXT_MEETING, aggregate_id(r), dates.add_working_days(last_day, SAID_WITHIN + 1),
            {"quarter": due, "month": last_month, "last_day": last_day.isoformat()},
        )  # fmt: skip
        rows.change(t, key, due=due, **values)

    @model.on(session.SessionHeld)
    def _held(rows: Rows, r: Recorded) -> None:
        record = rows.get(tables.records, record_id=aggregate_id(r))
        if record is None or record["programme"] not in QUARTERLY:
            return
        key, held_on = {"programme": record["programme"], "division": record["division"]}, r.event.held_on.isoformat()
        before = rows.get(t, **key)
        if before is not None:
            if before["held_on"] > held_on:
                return  # put on record only now
            rows.delete(model.deadlines, stream=before["stream"], name=NEXT_MEETING)
        rows.put(t, **key, subject_id=aggregate_id(r), stream=r.stream, held_on=held_on, due="", due_on=None, worklist="")
        owe(rows, r, held_on[:7], key)

    @model.on(session.SessionOverdue)
    def _missed(rows: Rows, r: Recorded) -> None:
        key = {"programme": r.event.programme, "division": r.event.division}
        last = rows.get(t, **key)
        if last is not None and last["stream"] == r.stream and last["due"] == r.event.due:
            missed = last["due_on"] or r.event.due_on.isoformat()  # of several the first
            owe(rows, r, dates.month_of(r.event.due_on), key, worklist="session_overdue", due_on=missed)
