"""Credit lists (信用名单): lists that are a burden to whoever stands on them (失信、异常名录), entered after notice and hearing.

Only entries of such a list are kept here (those with a notice; ``list_entry.Terms.notice_days``); whether a list is shown, and that its
subjects are no persons, its declaration says.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.portal.rows import kept
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


def declare(metadata: sa.MetaData) -> sa.Table:
    return kept.table(
        metadata,
        "public_entries",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("from_day", sa.String(10), nullable=False),
        sa.Column("to_day", sa.String(10)),  # the first day it is no longer on the list
        sa.Column("expires_on", sa.String(10)),
    )


def project(model: ReadModel, entries: sa.Table) -> None:
    @model.on_short("entry_enlisted")
    def _enlisted(rows: Rows, r: Recorded) -> None:
        e = r.event
        if not e.terms.notice_days:
            return
        kept.say(
            rows, entries, r, record_id=r.stream.split("-", 1)[1], programme=e.programme, division=e.division, subject_id=e.subject_id,
            reason=e.reason, from_day=e.from_day.isoformat(), to_day=None, expires_on=e.expires_on.isoformat() if e.expires_on else None,
        )  # fmt: skip

    @model.on_short("entry_delisted")
    def _delisted(rows: Rows, r: Recorded) -> None:
        kept.change(rows, entries, r, {"record_id": r.stream.split("-", 1)[1]}, to_day=r.event.to_day.isoformat())
