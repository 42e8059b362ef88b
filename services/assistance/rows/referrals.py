"""Rows of the referrals that wait for a department (专项救助转介): each is to be delivered to it, or taken away again (``DELIVERY``); as
long as there are any, its own deliveries are looked for (``PICKUP``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from services.assistance.declarations import DECIDERS
from services.assistance.referral_delivery import CODES
from services.assistance.referrals import CODE
from shared.casework import exchange, handoff
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventlog.shape_rows import decode_state
from shared.eventsourcing.codec import Recorded

PICKUP, DELIVERY = "referral_pickup", "referral_delivery"  # the deadlines' names


@dataclass(frozen=True)
class ReferralTables:
    waiting: sa.Table
    departments: sa.Table
    exchanges: sa.Table
    records: sa.Table


def declare(metadata: sa.MetaData) -> ReferralTables:
    """Declare the tables: which referral waits for whom, how many do for each department, and which exchange carries a referral."""
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
        exchanges=sa.Table(
            "referral_exchanges",
            metadata,
            sa.Column("record_id", sa.String(36), primary_key=True),
            sa.Column("exchange_id", sa.String(36), nullable=False),
            sa.Column("open", sa.Boolean, nullable=False),
        ),
        records=metadata.tables["records"],
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
        if to_unit in CODES:
            rows.put(t.waiting, record_id=aggregate_id(r), department=CODES[to_unit])
            count(rows, r, CODES[to_unit], 1)
            record = rows.get(t.records, record_id=aggregate_id(r))
            if record is not None and handoff.persons(decode_state(handoff.SHAPE, record["state"])):
                rows.due(r, DELIVERY, aggregate_id(r), r.meta.recorded_at)

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
        record = rows.get(t.records, record_id=aggregate_id(r))
        if record is not None and record["programme"] == CODE:
            waits(rows, r, r.event.to_unit)

    @model.on(handoff.HandoffReturned, handoff.HandoffWithdrawn, handoff.HandoffDone)
    def _over(rows: Rows, r: Recorded) -> None:
        over(rows, r)
        carried = rows.get(t.exchanges, record_id=aggregate_id(r))
        if carried is not None and carried["open"]:
            rows.due(r, DELIVERY, aggregate_id(r), r.meta.recorded_at)
        else:
            rows.settle(r, DELIVERY)

    def carries(rows: Rows, r: Recorded) -> str:
        """The referral that an exchange carries; "" of another, and of an earlier hop's."""
        asked = rows.get(t.records, record_id=aggregate_id(r))
        carried = rows.get(t.exchanges, record_id=asked["subject_id"]) if asked is not None and asked["programme"] == CODE else None
        return str(carried["record_id"]) if carried is not None and carried["exchange_id"] == aggregate_id(r) else ""

    def deliver(rows: Rows, r: Recorded, record_id: str, at: datetime) -> None:
        stream = DECIDERS[handoff.NAME].stream(record_id)
        rows.put(
            model.deadlines, stream=stream, name=DELIVERY, aggregate_id=record_id, due_at=at.isoformat(timespec="seconds"),
            division=r.meta.division, data="{}",
        )  # fmt: skip

    @model.on(exchange.ExchangePrepared)
    def _prepared(rows: Rows, r: Recorded) -> None:
        if r.event.programme == CODE:
            rows.put(t.exchanges, record_id=r.event.subject_id, exchange_id=aggregate_id(r), open=True)

    @model.on(exchange.ExchangeSendFailed)
    def _send_failed(rows: Rows, r: Recorded) -> None:
        if record_id := carries(rows, r):
            deliver(rows, r, record_id, r.event.again_at)

    @model.on(exchange.ExchangeRetried)
    def _retried(rows: Rows, r: Recorded) -> None:
        if record_id := carries(rows, r):
            deliver(rows, r, record_id, r.meta.recorded_at)

    @model.on(exchange.ExchangeSent, exchange.ExchangeFailed, exchange.ExchangeGivenUp, exchange.ExchangeReconciled)
    def _settled(rows: Rows, r: Recorded) -> None:
        if record_id := carries(rows, r):
            still = isinstance(r.event, exchange.ExchangeSent | exchange.ExchangeFailed)
            rows.change(t.exchanges, {"record_id": record_id}, open=still)
            record = rows.get(t.records, record_id=record_id)
            if still and record is not None and record["status"] not in ("sent", "accepted"):
                deliver(rows, r, record_id, r.meta.recorded_at)  # it is over meanwhile: taken away
                return
            rows.delete(model.deadlines, stream=DECIDERS[handoff.NAME].stream(record_id), name=DELIVERY)
