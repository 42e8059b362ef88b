"""The audit index (审计索引): one row for every event of every service, so that an auditor's question needs no reading of the whole log.

What is kept is who, when, where and why; what happened stays in the log, in the event that the row leads to. The rows are exactly the
events that are sealed (shared/eventlog/integrity/leaf.py). ``shared/eventlog/walk.py`` asks the questions.
"""

from __future__ import annotations

import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


def declare(metadata: sa.MetaData) -> sa.Table:
    """Times are texts in Asia/Shanghai to the microsecond: they sort as times do, and the answer to "by then" is exact."""
    acts = sa.Table(
        "acts",
        metadata,
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False, index=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False, index=True),
        sa.Column("correlation_id", sa.Text, nullable=False, index=True),
        sa.Column("causation_id", sa.Text, nullable=False, index=True),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("occurred_at", sa.String(32), nullable=False),
    )
    sa.Index("ix_acts_stream", acts.c.stream, acts.c.version)
    sa.Index("ix_acts_actor", acts.c.actor, acts.c.recorded_at)
    sa.Index("ix_acts_recorded", acts.c.recorded_at)
    return acts


def project(model: ReadModel, acts: sa.Table) -> None:
    """Every event, as it comes."""

    @model.on_every
    def _act(rows: Rows, r: Recorded) -> None:
        m = r.meta
        rows.put(
            acts,
            position=r.position,
            event_id=r.id,
            stream=r.stream,
            version=r.version,
            type=r.name,
            service=r.name.partition(".")[0],
            actor=m.actor,
            division=m.division,
            command_id=m.command_id,
            correlation_id=m.correlation_id,
            causation_id=m.causation_id,
            recorded_at=m.recorded_at.astimezone(SHANGHAI).isoformat(timespec="microseconds"),
            occurred_at=m.occurred_at.astimezone(SHANGHAI).isoformat(timespec="microseconds"),
        )
