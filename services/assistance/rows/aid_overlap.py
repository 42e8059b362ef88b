"""Rows of overlaps (重复救助核对): of each hand-off that was compared how it stands, and until when somebody must consider it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from services.assistance import aid_overlap
from shared.domain.decoders import decoder_of
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

_overlap: msgspec.json.Decoder[aid_overlap.Overlap] = decoder_of(aid_overlap.Overlap)


@dataclass(frozen=True)
class OverlapTables:
    overlaps: sa.Table


def declare(metadata: sa.MetaData) -> OverlapTables:
    """Declare the table. ``found``: how many aids lie near the hand-off in time."""
    return OverlapTables(
        overlaps=sa.Table(
            "aid_overlaps",
            metadata,
            sa.Column("handoff_id", sa.String(40), primary_key=True),
            sa.Column("subject_id", sa.String(40), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("number", sa.String(40), nullable=False),
            sa.Column("unit", sa.String(80), nullable=False),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("found", sa.Integer, nullable=False),
            sa.Column("worklist", sa.String(40), nullable=False, index=True),
            sa.Column("due_on", sa.String(10)),
            sa.Column("changed_at", sa.String(40), nullable=False),
            sa.Column("state", sa.Text, nullable=False),
        )
    )


def project(model: ReadModel, tables: OverlapTables) -> None:
    """Fold events into it."""

    @model.on(aid_overlap.AidOverlapCompared, aid_overlap.AidOverlapConsidered)
    def _fold(rows: Rows, r: Recorded) -> None:
        row = rows.get(tables.overlaps, handoff_id=aggregate_id(r))
        state = aid_overlap.evolve(aid_overlap.Overlap() if row is None else _overlap.decode(row["state"]), r.event)
        assert state.compared is not None
        c = state.compared
        worklist, due_on = aid_overlap.waits(state)
        rows.put(
            tables.overlaps,
            handoff_id=aggregate_id(r),
            subject_id=c.subject_id,
            programme=c.programme,
            division=c.division,
            number=c.number,
            unit=c.unit,
            status=state.status,
            found=sum(a.near for a in c.aids),
            worklist=worklist,
            due_on=due_on.isoformat() if due_on else None,
            changed_at=r.meta.recorded_at.isoformat(),
            state=msgspec.json.encode(state).decode(),
        )
