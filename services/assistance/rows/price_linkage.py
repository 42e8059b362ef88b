"""Rows of price linkage (价格临时补贴): every month's index and what came of it, and the day until which it must be paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.assistance import price_linkage
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

PAY_DUE = "price_subsidy_due"


@dataclass(frozen=True)
class LinkageTables:
    linkages: sa.Table


def declare(metadata: sa.MetaData) -> LinkageTables:
    """Declare the tables. Money is fen, changes are basis points."""
    return LinkageTables(
        linkages=sa.Table(
            "price_linkages",
            metadata,
            sa.Column("month", sa.String(7), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("worklist", sa.String(40), nullable=False),
            sa.Column("due_on", sa.String(10)),
            sa.Column("cpi_bp", sa.Integer, nullable=False),
            sa.Column("food_bp", sa.Integer, nullable=False),
            sa.Column("document_no", sa.String(80), nullable=False),
            sa.Column("units", sa.Integer, nullable=False, default=0),
            sa.Column("persons", sa.Integer, nullable=False, default=0),
            sa.Column("amount_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("overdue", sa.Boolean, nullable=False, default=False),
        )
    )


def project(model: ReadModel, tables: LinkageTables) -> None:
    """Fold events into them."""
    t = tables.linkages

    @model.on(price_linkage.PriceLinkageTriggered)
    def _triggered(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t,
            month=e.month,
            programme="price_linked_temporary_subsidy",
            division=e.division,
            status="triggered",
            worklist="price_confirm",
            due_on=e.pay_by.isoformat(),
            cpi_bp=e.cpi_bp,
            food_bp=e.food_bp,
            document_no=e.document_no,
        )
        rows.due(r, PAY_DUE, e.month, e.pay_by + timedelta(days=1), {"month": e.month})

    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        rows.change(t, {"month": r.event.month}, **values)

    @model.on(price_linkage.PriceLinkageConfirmed)
    def _confirmed(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="granting", worklist="price_granting")

    @model.on(price_linkage.PriceLinkageStopped)
    def _stopped(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="stopped", worklist="", due_on=None)
        rows.settle(r, PAY_DUE)

    @model.on(price_linkage.PriceLinkageCompleted)
    def _completed(rows: Rows, r: Recorded) -> None:
        e = r.event
        change(rows, r, status="completed", worklist="", units=e.units, persons=e.persons, amount_fen=e.amount_fen)

    @model.on(price_linkage.PriceLinkagePaid)
    def _paid(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="paid", due_on=None)
        rows.settle(r, PAY_DUE)

    @model.on(price_linkage.PriceLinkageOverdue)
    def _overdue(rows: Rows, r: Recorded) -> None:
        change(rows, r, overdue=True)
        rows.settle(r, PAY_DUE)


def waits(state: price_linkage.Linkage) -> tuple[str, date | None]:
    """The list in which a month stands, and the day until which it must be paid: as its row says."""
    worklist = {"triggered": "price_confirm", "granting": "price_granting"}.get(state.status, "")
    return worklist, state.pay_by if state.status in ("triggered", "granting", "completed") else None


def unpaid(engine: sa.Engine, cases: sa.Table, programme: str, month: str) -> int:
    """How many subsidies of a month are granted and not paid."""
    c = cases.c
    query = sa.select(sa.func.count()).where(c.programme == programme, c.first_month == month, c.status == "in_force")
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())
