"""Rows of the register of low-income persons (低收入人口数据库): every determination with the months in which it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.assistance import determination
from services.assistance.rows.moves import in_month
from shared.eventlog.benefit_rows import start_of
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

NEED_ARISES = "need_arises"  # the deadline's name: an age is reached at which somebody of the unit may need more (转介)


@dataclass(frozen=True)
class RegisterTables:
    register: sa.Table
    places: sa.Table


def declare(metadata: sa.MetaData) -> RegisterTables:
    """Declare the tables. ``valid_from`` and ``valid_to`` (exclusive, "" = open) are months; ``superseded_by``: no longer in any month."""
    return RegisterTables(
        register=sa.Table(
            "hardship_register",
            metadata,
            sa.Column("entry_id", sa.String(60), primary_key=True),  # unit and number
            sa.Column("unit_id", sa.String(40), nullable=False, index=True),
            sa.Column("no", sa.Integer, nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("hardship_class", sa.String(20), nullable=False, index=True),
            sa.Column("valid_from", sa.String(7), nullable=False),
            sa.Column("valid_to", sa.String(7), nullable=False, default=""),
            sa.Column("persons", sa.Integer, nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("case_id", sa.String(36), nullable=False),
            sa.Column("superseded_by", sa.Integer),
            sa.Column("recorded_at", sa.String(40), nullable=False),
        ),
        places=metadata.tables["household_places"],  # rows/moves.py
    )


def entry_id(unit_id: str, no: int) -> str:
    return f"{unit_id}.{no:04d}"


def project(model: ReadModel, tables: RegisterTables) -> None:
    """Fold events into them."""

    @model.on(determination.ClassGranted, determination.ClassChanged, determination.ClassEnded)
    def _determined(rows: Rows, r: Recorded) -> None:
        e = r.event
        for no in e.supersedes:
            rows.change(tables.register, {"entry_id": entry_id(e.unit_id, no)}, superseded_by=e.no)
        if e.cuts >= 0:
            rows.change(tables.register, {"entry_id": entry_id(e.unit_id, e.cuts)}, valid_to=e.valid_from)
        rows.put(
            tables.register,
            entry_id=entry_id(e.unit_id, e.no),
            unit_id=e.unit_id,
            no=e.no,
            division=e.division,
            hardship_class=e.hardship_class,
            valid_from=e.valid_from,
            persons=len(e.members),
            reason=e.reason,
            case_id=e.case_id,
            recorded_at=r.meta.recorded_at.isoformat(),
        )
        if not e.hardship_class:
            rows.settle(r, NEED_ARISES)
        elif isinstance(e, determination.ClassGranted):  # of an earlier release nothing says when; of today's the look follows at once
            rows.due(r, NEED_ARISES, e.unit_id, r.meta.recorded_at + timedelta(days=1))

    @model.on(determination.NeedForeseen)
    def _foreseen(rows: Rows, r: Recorded) -> None:
        if r.event.month:
            rows.due(r, NEED_ARISES, r.event.unit_id, start_of(r.event.month))
        else:
            rows.settle(r, NEED_ARISES)


# -- Queries: each takes the asking hand's division, and shows nothing beyond it


def _there(t: RegisterTables) -> Any:
    return sa.func.coalesce(t.places.c.division, t.register.c.division)


def in_register(
    engine: sa.Engine, t: RegisterTables, division: str, month: str, after: str = "", limit: int = 100, hardship_class: str | None = None,
    unit_id: str | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Who stands in the register in a month, each unit once, in the order of ``entry_id``, beginning behind ``after``; by the town that a
    household that moved was in then."""
    c, there = t.register.c, _there(t)
    query = (
        sa.select(*(column for column in c if column is not c.division), there.label("division"))
        .join_from(t.register, t.places, in_month(t.places, c.unit_id, month), isouter=True)
        .where(there.startswith(division), c.entry_id > after, c.superseded_by.is_(None), c.hardship_class != "")
        .where(c.valid_from <= month, sa.or_(c.valid_to == "", c.valid_to > month))
        .order_by(c.entry_id)
        .limit(min(limit, 500))
    )
    if hardship_class is not None:
        query = query.where(c.hardship_class == hardship_class)
    if unit_id is not None:
        query = query.where(c.unit_id == unit_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def register_counts(engine: sa.Engine, t: RegisterTables, division: str, month: str) -> list[dict[str, Any]]:
    """How many units and persons of each class stand in the register in a month."""
    c = t.register.c
    query = (
        sa.select(c.hardship_class, sa.func.count().label("units"), sa.func.sum(c.persons).label("persons"))
        .join_from(t.register, t.places, in_month(t.places, c.unit_id, month), isouter=True)
        .where(_there(t).startswith(division), c.superseded_by.is_(None), c.hardship_class != "")
        .where(c.valid_from <= month, sa.or_(c.valid_to == "", c.valid_to > month))
        .group_by(c.hardship_class)
        .order_by(c.hardship_class)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
