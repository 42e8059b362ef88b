"""Funds (资金): what came in, what went out, what is left, of each. ``fund_moves``: every movement with the balance behind it.

Which case a draw was for is not kept here: the page shows the money, not whom it helped.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.rows import kept
from shared.eventlog.read_model import ReadModel, Row, Rows
from shared.eventsourcing.codec import Recorded


def declare(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table]:
    """(funds, moves). ``paid_out`` is what was drawn and did not come back, or went back where it came from at the end."""
    funds = kept.table(
        metadata,
        "public_funds",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),  # open | closed
        sa.Column("allocated", sa.BigInteger, nullable=False),
        sa.Column("paid_out", sa.BigInteger, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("draws", sa.Integer, nullable=False),
        sa.Column("counted_on", sa.String(10)),
        sa.Column("difference", sa.BigInteger),  # of the last count: counted less ledger
    )
    moves = sa.Table(
        "public_fund_moves",
        metadata,
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("day", sa.String(10), nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),  # allocated | drawn | given_back | counted | closed
        sa.Column("amount", sa.BigInteger, nullable=False),  # positive: in, negative: out
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("document_no", sa.Text, nullable=False, default=""),
    )
    return funds, moves


def project(model: ReadModel, tables: tuple[sa.Table, sa.Table]) -> None:
    funds, moves = tables

    def move(rows: Rows, r: Recorded, kind: str, amount: int, document_no: str = "", **values: Any) -> None:
        key = {"record_id": r.stream.split("-", 1)[1]}
        before = kept.now(rows, funds, **key)
        if before is None:
            return
        after: Row = {**before, "balance": before["balance"] + amount, **values}
        after["paid_out"] = after["allocated"] - after["balance"]
        kept.say(rows, funds, r, **after)
        rows.put(
            moves, **key, version=r.version, stream=r.stream, day=kept.day_of(r), kind=kind, amount=amount, balance=after["balance"],
            document_no=document_no,
        )  # fmt: skip

    def before(rows: Rows, r: Recorded, column: str) -> int:
        row = kept.now(rows, funds, record_id=r.stream.split("-", 1)[1])
        return int(row[column]) if row else 0

    @model.on_short("fund_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        kept.say(
            rows, funds, r, record_id=r.stream.split("-", 1)[1], programme=e.programme, division=e.division, unit=e.terms.unit,
            status="open", allocated=0, paid_out=0, balance=0, draws=0, counted_on=None, difference=None,
        )  # fmt: skip

    @model.on_short("fund_allocated")
    def _allocated(rows: Rows, r: Recorded) -> None:
        e = r.event
        move(rows, r, "allocated", e.amount, e.document_no, allocated=before(rows, r, "allocated") + e.amount)

    @model.on_short("fund_drawn")
    def _drawn(rows: Rows, r: Recorded) -> None:
        move(rows, r, "drawn", -r.event.amount, draws=before(rows, r, "draws") + 1)

    @model.on_short("fund_draw_settled")
    def _settled(rows: Rows, r: Recorded) -> None:
        if r.event.given_back:
            move(rows, r, "given_back", r.event.given_back)

    @model.on_short("fund_counted")
    def _counted(rows: Rows, r: Recorded) -> None:
        e = r.event
        move(rows, r, "counted", 0, counted_on=e.counted_on.isoformat(), difference=e.counted - e.ledger)

    @model.on_short("fund_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        move(rows, r, "closed", -r.event.returned, status="closed")
