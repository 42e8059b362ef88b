"""Rows of meetings that are held once a quarter (每季度一次的会议): which quarter is owed, and that none was held in it.

From the first case on that is granted of what a meeting confers about, the quarter of that day is owed in the district; each meeting that
is held owes that of the quarter after. What was not held is told quarter by quarter, and waits in the list of what is overdue until the
next one is held.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.assistance import quarterly_meetings as qm
from services.assistance.quarterly_meetings import QUARTERLY, meeting_id, quarter_after, quarter_of
from shared.casework import benefit_case as bc
from shared.casework import session
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

NEXT_MEETING = "next_meeting_due"
SAID_WITHIN = 10  # working days after the quarter in which its attendance may still come in: a placeholder, no document names one


@dataclass(frozen=True)
class MeetingTables:
    meetings: sa.Table
    records: sa.Table


def declare(metadata: sa.MetaData) -> MeetingTables:
    """Declare the tables: of each programme and place the last meeting held (``subject_id``, "" as long as there was none), the stream on
    which a missed quarter is told, and the quarter that is owed (``due``)."""
    return MeetingTables(
        meetings=sa.Table(
            "quarterly_meetings",
            metadata,
            sa.Column("programme", sa.String(60), primary_key=True),
            sa.Column("division", sa.String(12), primary_key=True),
            sa.Column("subject_id", sa.String(40), nullable=False),
            sa.Column("stream", sa.String(120), nullable=False),
            sa.Column("held_on", sa.String(10), nullable=False),
            sa.Column("title", sa.String(60), nullable=False, default=""),
            sa.Column("due", sa.String(40), nullable=False),
            sa.Column("due_on", sa.String(10)),
            sa.Column("worklist", sa.String(40), nullable=False, default=""),
        ),
        records=metadata.tables["records"],
    )


def project(model: ReadModel, tables: MeetingTables) -> None:
    """Fold events into them."""
    t = tables.meetings

    def owe(rows: Rows, key: dict[str, str], quarter: qm.Quarter, **values: Any) -> None:
        """The next quarter that is owed; its deadline stands on the stream on which it would be told."""
        rows.change(t, key, due=quarter.name, **values)
        row = rows.get(t, **key)
        assert row is not None
        data = {"quarter": quarter.name, "month": quarter.last_month, "last_day": quarter.last_day.isoformat()}
        rows.put(
            model.deadlines, stream=row["stream"], name=NEXT_MEETING, aggregate_id=row["subject_id"] or meeting_id(**key),
            due_at=dates.add_working_days(quarter.last_day, SAID_WITHIN + 1).isoformat(), division=key["division"],
            data=json.dumps({**data, **({} if row["subject_id"] else key)}, ensure_ascii=False, sort_keys=True),
        )  # fmt: skip

    @model.on(bc.CaseGranted)
    def _in_force(rows: Rows, r: Recorded) -> None:
        for programme in (code for code, about in QUARTERLY.items() if r.event.programme in about):
            key = {"programme": programme, "division": r.event.division[:6]}
            if rows.get(t, **key) is None:
                stream = qm.DECIDER.stream(meeting_id(**key))
                rows.put(t, **key, subject_id="", stream=stream, held_on="", title="", due="", due_on=None, worklist="")
                owe(rows, key, quarter_of(dates.month_of(r.meta.recorded_at.astimezone(SHANGHAI).date())))

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
        rows.put(t, **key, subject_id=aggregate_id(r), stream=r.stream, held_on=held_on, title="", due="", due_on=None, worklist="")
        owe(rows, key, quarter_after(held_on[:7]))

    def missed(rows: Rows, r: Recorded, quarter: str) -> None:
        """Told of the stream that owes it; of several quarters the first is shown, until one is held."""
        key = {"programme": r.event.programme, "division": r.event.division}
        last = rows.get(t, **key)
        if last is None or (last["stream"], last["due"]) != (r.stream, quarter):
            return
        day = r.event.due_on if isinstance(r.event, session.SessionOverdue) else r.event.last_day
        first = {} if last["worklist"] else {"worklist": "session_overdue", "due_on": day.isoformat(), "title": f"{quarter}未召开"}
        owe(rows, key, quarter_after(dates.month_of(day)), **first)

    @model.on(session.SessionOverdue)
    def _missed(rows: Rows, r: Recorded) -> None:
        missed(rows, r, r.event.due)

    @model.on(qm.QuarterlyMeetingMissed)
    def _never_held(rows: Rows, r: Recorded) -> None:
        missed(rows, r, r.event.quarter)
