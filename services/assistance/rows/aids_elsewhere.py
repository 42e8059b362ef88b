"""Rows of what another service of the house paid (他处已获救助), by person: the register reads them beside its own payments."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.assistance.aids_elsewhere import AidElsewherePaid
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


@dataclass(frozen=True)
class AidTables:
    aids: sa.Table
    back: sa.Table


def declare(metadata: sa.MetaData) -> AidTables:
    """Declare the tables. ``fen`` of what came back is 0; news of that may come before news of the payment."""

    def key() -> tuple[sa.Column[str], sa.Column[int]]:
        return sa.Column("run_id", sa.String(36), primary_key=True), sa.Column("line_no", sa.Integer, primary_key=True)

    return AidTables(
        aids=sa.Table(
            "aids_elsewhere",
            metadata,
            *key(),
            sa.Column("person_id", sa.String(32), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("month", sa.String(7), nullable=False),
            sa.Column("fen", sa.BigInteger, nullable=False),
        ),
        back=sa.Table("aids_elsewhere_back", metadata, *key()),
    )


def project(model: ReadModel, tables: AidTables) -> None:
    """Fold events into them."""

    @model.on(AidElsewherePaid)
    def _paid(rows: Rows, r: Recorded) -> None:
        e = r.event
        for no in e.back:
            rows.put(tables.back, run_id=e.run_id, line_no=no)
            rows.change(tables.aids, {"run_id": e.run_id, "line_no": no}, fen=0)
        for line in e.paid:
            fen = 0 if rows.get(tables.back, run_id=e.run_id, line_no=line.line_no) else line.amount_fen
            rows.put(
                tables.aids, run_id=e.run_id, line_no=line.line_no, person_id=line.person_id, programme=e.programme, month=e.month, fen=fen
            )
