"""Rows of comparisons with the national system (金民数据比对): as long as one runs in a district, its next part is due."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.assistance import national_register as nr
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

NEXT_PART = "national_comparison_part"  # the deadline's name


@dataclass(frozen=True)
class NationalTables:
    running: sa.Table


def declare(metadata: sa.MetaData) -> NationalTables:
    """Declare the table: how many comparisons of a district are not through."""
    return NationalTables(
        running=sa.Table(
            "national_comparisons",
            metadata,
            sa.Column("division", sa.String(12), primary_key=True),
            sa.Column("waiting", sa.Integer, nullable=False),
        )
    )


def project(model: ReadModel, tables: NationalTables) -> None:
    """Fold events into them."""
    t = tables.running

    @model.on(nr.NationalComparisonStarted)
    def _started(rows: Rows, r: Recorded) -> None:
        row = rows.get(t, division=r.event.division)
        rows.put(t, division=r.event.division, waiting=(row["waiting"] if row is not None else 0) + 1)
        rows.due(r, NEXT_PART, r.event.division, r.meta.recorded_at)

    @model.on(nr.NationalPartCompared)
    def _part(rows: Rows, r: Recorded) -> None:
        rows.due(r, NEXT_PART, r.event.division, r.meta.recorded_at, {"after": r.version})

    @model.on(nr.NationalRegisterCompared)
    def _through(rows: Rows, r: Recorded) -> None:
        row = rows.get(t, division=r.event.division)
        if row is None or not row["waiting"]:
            return  # of an earlier release, which compared in one go, or a file that cannot be read
        rows.change(t, {"division": r.event.division}, waiting=row["waiting"] - 1)
        if row["waiting"] > 1:
            rows.due(r, NEXT_PART, r.event.division, r.meta.recorded_at, {"after": r.version})
        else:
            rows.settle(r, NEXT_PART)
