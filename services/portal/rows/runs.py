"""Payment runs in total (发放批次合计): programme, month, how many payees and fen, and the proof that in = paid + failed + held."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.rows import kept
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

_FIGURES = ("count", "total_fen", "paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")


def declare(metadata: sa.MetaData) -> sa.Table:
    return kept.table(
        metadata,
        "public_runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),  # open | approved | sent | closed | cancelled; public from "sent" on
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES),
        sa.Column("sent_on", sa.String(10)),
        sa.Column("closed_on", sa.String(10)),
    )


def project(model: ReadModel, runs: sa.Table) -> None:
    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        kept.change(rows, runs, r, {"run_id": r.stream.split("-", 1)[1]}, **values)

    @model.on_short("payment_run_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        nothing: dict[str, Any] = dict.fromkeys(_FIGURES, 0)
        kept.say(
            rows, runs, r, run_id=r.stream.split("-", 1)[1], programme=e.programme, month=e.month, division=e.division, round=e.round,
            status="open", sent_on=None, closed_on=None, **nothing,
        )  # fmt: skip

    @model.on_short("payment_run_approved")
    def _approved(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="approved")

    @model.on_short("payment_run_cancelled")
    def _cancelled(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="cancelled")

    @model.on_short("payment_run_sent")
    def _sent(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="sent", count=r.event.count, total_fen=r.event.total_fen, sent_on=kept.day_of(r))

    @model.on_short("payment_run_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="closed", closed_on=kept.day_of(r), **{name: getattr(r.event, name) for name in _FIGURES})
