"""Rows of the referrals that wait for a department (专项救助转介): as long as there are any, its deliveries are looked for."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.assistance.referral_answers import DEPARTMENTS
from services.assistance.referrals import CODE
from shared.casework import handoff
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

PICKUP = "referral_pickup"  # the deadline's name
_CODES = {unit: code for code, unit in DEPARTMENTS.items()}


@dataclass(frozen=True)
class ReferralTables:
    waiting: sa.Table
    departments: sa.Table


def declare(metadata: sa.MetaData) -> ReferralTables:
    """Declare the tables: which referral waits for whom, and how many do for each department."""
    return ReferralTables(
        waiting=sa.Table(
            "referrals_waiting",
            metadata,
            sa.Column("record_id", sa.String(36), primary_key=True),
            sa.Column("department", sa.String(20), nullable=False),
        ),
        departments=sa.Table(
            "referral_departments",
            metadata,
            sa.Column("department", sa.String(20), primary_key=True),
            sa.Column("waiting", sa.Integer, nullable=False),
        ),
    )


def project(model: ReadModel, tables: ReferralTables) -> None:
    """Fold events into them."""
    t = tables

    def count(rows: Rows, r: Recorded, department: str, more: int) -> None:
        row = rows.get(t.departments, department=department)
        left = (row["waiting"] if row is not None else 0) + more
        rows.put(t.departments, department=department, waiting=left)
        due = {"stream": f"assistance.referral_department-{department}", "name": PICKUP}
        if left <= 0:
            rows.delete(model.deadlines, **due)
        elif more > 0:
            at = r.meta.recorded_at.isoformat(timespec="seconds")
            rows.put(model.deadlines, **due, aggregate_id=department, due_at=at, division=r.meta.division[:6], data="{}")

    def waits(rows: Rows, r: Recorded, to_unit: str) -> None:
        over(rows, r)
        if to_unit in _CODES:
            rows.put(t.waiting, record_id=aggregate_id(r), department=_CODES[to_unit])
            count(rows, r, _CODES[to_unit], 1)

    def over(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.waiting, record_id=aggregate_id(r))
        if row is not None:
            rows.delete(t.waiting, record_id=aggregate_id(r))
            count(rows, r, row["department"], -1)

    @model.on(handoff.HandoffSent)
    def _sent(rows: Rows, r: Recorded) -> None:
        if r.event.programme == CODE:
            waits(rows, r, r.event.to_unit)

    @model.on(handoff.HandoffResent)
    def _resent(rows: Rows, r: Recorded) -> None:
        record = rows.get(model.metadata.tables["records"], record_id=aggregate_id(r))
        if record is not None and record["programme"] == CODE:
            waits(rows, r, r.event.to_unit)

    @model.on(handoff.HandoffReturned, handoff.HandoffWithdrawn, handoff.HandoffDone)
    def _over(rows: Rows, r: Recorded) -> None:
        over(rows, r)
