"""Rows of improvement projects (善居工程等改造项目) as aids received: what was done in somebody's home, when, and what it cost.

A project is an aid from the month in which it is put to use; one that is given up, or not done yet, is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from shared.casework import project as works
from shared.domain import dates
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


@dataclass(frozen=True)
class ImprovementTables:
    improvements: sa.Table


def declare(metadata: sa.MetaData) -> ImprovementTables:
    """Declare the table. ``month``: in which it was given over, "" as long as it was not; ``fen``: what it has cost."""
    return ImprovementTables(
        improvements=sa.Table(
            "improvements",
            metadata,
            sa.Column("record_id", sa.String(40), primary_key=True),
            sa.Column("subject_id", sa.String(40), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("month", sa.String(7), nullable=False),
            sa.Column("fen", sa.BigInteger, nullable=False),
        )
    )


def project(model: ReadModel, tables: ImprovementTables) -> None:
    """Fold events into them."""
    t = tables.improvements

    @model.on(works.ProjectPlanned)
    def _planned(rows: Rows, r: Recorded) -> None:
        e = r.event
        if e.subject_id:
            rows.put(t, record_id=aggregate_id(r), subject_id=e.subject_id, programme=e.programme, division=e.division, month="", fen=0)

    @model.on(works.ProjectCostRecorded)
    def _cost(rows: Rows, r: Recorded) -> None:
        row = rows.get(t, record_id=aggregate_id(r))
        if row is not None:
            rows.change(t, {"record_id": aggregate_id(r)}, fen=row["fen"] + r.event.amount_fen)

    @model.on(works.ProjectOpened)
    def _opened(rows: Rows, r: Recorded) -> None:
        if rows.get(t, record_id=aggregate_id(r)) is not None:
            rows.change(t, {"record_id": aggregate_id(r)}, month=dates.month_of(r.event.opened_on))

    @model.on(works.ProjectClosed)
    def _closed(rows: Rows, r: Recorded) -> None:
        if r.event.result == "cancelled":
            rows.delete(t, record_id=aggregate_id(r))
