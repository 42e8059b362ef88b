"""Payment runs in total (发放批次合计): programme, month, how many payees and fen, and the proof that in = paid + failed + held.

``withheld`` is the record of what of a run may not be told, and why: ``small``, it has few payees, or the figure of its place was withheld
when it was sent or closed, and would follow from it (which of the two would tell which of the places that are withheld is the small one);
``parts``, few were paid, failed or held: a follow-up run over those few is small itself, and would follow from the parts. What was once
withheld of a run stays so.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.rows import kept
from services.portal.rows.sunshine import is_withheld, small
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
        sa.Column("withheld", sa.String(10), nullable=False),  # "" | small | parts
    )


def why(count: int, parts: tuple[int, ...], place_is_withheld: bool) -> str:
    """What of a run is withheld, by which rule."""
    if small(count) or place_is_withheld:
        return "small"
    return "parts" if any(map(small, parts)) else ""


def project(model: ReadModel, runs: sa.Table) -> None:
    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        kept.change(rows, runs, r, {"run_id": r.stream.split("-", 1)[1]}, **values)

    def rule(rows: Rows, r: Recorded, count: int, parts: tuple[int, ...]) -> str:
        before = kept.now(rows, runs, run_id=r.stream.split("-", 1)[1])
        if before is None:
            return ""
        place = is_withheld(rows, runs.metadata, before["programme"], before["division"])
        return str(before["withheld"]) or why(count, parts, place)

    @model.on_short("payment_run_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        nothing: dict[str, Any] = dict.fromkeys(_FIGURES, 0)
        kept.say(
            rows, runs, r, run_id=r.stream.split("-", 1)[1], programme=e.programme, month=e.month, division=e.division, round=e.round,
            status="open", sent_on=None, closed_on=None, withheld="", **nothing,
        )  # fmt: skip

    @model.on_short("payment_run_approved")
    def _approved(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="approved")

    @model.on_short("payment_run_cancelled")
    def _cancelled(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="cancelled")

    @model.on_short("payment_run_sent")
    def _sent(rows: Rows, r: Recorded) -> None:
        figures = {"count": r.event.count, "total_fen": r.event.total_fen}
        change(rows, r, status="sent", sent_on=kept.day_of(r), withheld=rule(rows, r, r.event.count, ()), **figures)

    @model.on_short("payment_run_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        e = r.event
        hidden = rule(rows, r, e.count, (e.paid, e.failed, e.held))
        change(rows, r, status="closed", closed_on=kept.day_of(r), withheld=hidden, **{name: getattr(e, name) for name in _FIGURES})
