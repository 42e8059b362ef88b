"""A service's own rows of what is public (公开) and of the objections from the page: for its deadlines and worklists.

The pages themselves are folded by the portal, from the same events.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from shared.casework import disclosure as d
from shared.eventlog.payment_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

DISCLOSURE_DUE = "disclosure_due"
OBJECTION_DUE = "public_objection_due"  # the receipt stands behind a colon and in the data
WAITING, LATE = "public_objection", "public_objection_overdue"


@dataclass(frozen=True)
class DisclosureTables:
    disclosures: sa.Table
    objections: sa.Table


def disclosure_tables(metadata: sa.MetaData) -> DisclosureTables:
    """Declare the tables. Nobody's name stands in them, and nobody's words."""
    return DisclosureTables(
        disclosures=sa.Table(
            "disclosures",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("kind", sa.String(10), nullable=False),
            sa.Column("listed", sa.Boolean, nullable=False),
            sa.Column("until", sa.String(10)),
            sa.Column("ends_on", sa.String(10)),
            sa.Column("changes_on", sa.String(10)),
        ),
        objections=sa.Table(
            "public_objections",
            metadata,
            sa.Column("objection_id", sa.String(36), primary_key=True),  # what lists page by, as a receipt may stand in no address
            sa.Column("receipt", sa.String(36), nullable=False, index=True),
            sa.Column("case_id", sa.String(36), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("status", sa.String(10), nullable=False),
            sa.Column("worklist", sa.String(40), nullable=False, index=True),
            sa.Column("received_on", sa.String(10), nullable=False),
            sa.Column("due_on", sa.String(10)),
        ),
    )


def objection_id(receipt: str) -> str:
    """An objection's own id: it follows from the receipt, and not the other way round."""
    return hashlib.sha256(f"objection {receipt}".encode()).hexdigest()[:20]


def project_disclosures(model: ReadModel, t: DisclosureTables) -> None:
    """Fold one service's events into its tables."""

    def _until(rows: Rows, r: Recorded, row: dict[str, Any]) -> None:
        """Write the row, and the day on which something is to be done about it."""
        rows.put(t.disclosures, **row)
        days = [_behind(row["until"]), _behind(row["ends_on"]), row["changes_on"]]
        due = min((day for day in days if day), default=None)
        if due is None or not row["kind"]:
            rows.settle(r, DISCLOSURE_DUE)
        else:
            rows.due(r, DISCLOSURE_DUE, row["case_id"], due)

    @model.on(d.DisclosurePublished)
    def _published(rows: Rows, r: Recorded) -> None:
        e = r.event
        row = {
            "case_id": e.case_id, "programme": e.programme, "division": e.division, "kind": e.kind, "listed": bool(e.fields),
            "until": _iso(e.until), "ends_on": _iso(e.ends_on), "changes_on": _iso(e.changes_on),
        }  # fmt: skip
        _until(rows, r, row)

    @model.on(d.DisclosureCorrected, d.DisclosureRescheduled)
    def _moved(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.disclosures, case_id=aggregate_id(r))
        if row is not None:
            listed = bool(r.event.fields) if isinstance(r.event, d.DisclosureCorrected) else row["listed"]
            _until(rows, r, {**row, "listed": listed, "ends_on": _iso(r.event.ends_on), "changes_on": _iso(r.event.changes_on)})

    @model.on(d.DisclosureWithdrawn)
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.disclosures, case_id=aggregate_id(r))
        if row is not None:
            _until(rows, r, {**row, "listed": False} if r.event.counted else {**row, **_NOTHING})

    @model.on(d.DisclosureExpired)
    def _expired(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.disclosures, case_id=aggregate_id(r))
        if row is not None:
            _until(rows, r, {**row, **_NOTHING})

    @model.on(d.DisclosureFieldsHidden, d.DisclosureRestored)
    def _nothing(rows: Rows, r: Recorded) -> None:
        """What the page says then stands in an event of its own."""

    # -- objections

    @model.on(d.PublicObjectionReported)
    def _reported(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.objections, objection_id=objection_id(e.receipt), receipt=e.receipt, case_id=e.case_id, programme=e.programme,
            division=e.division, status="received", worklist=WAITING, received_on=e.received_on.isoformat(), due_on=e.due_on.isoformat(),
        )  # fmt: skip
        rows.due(r, f"{OBJECTION_DUE}:{e.receipt}", e.case_id, e.due_on + timedelta(days=1), {"receipt": e.receipt})

    @model.on(d.PublicObjectionTaken, d.PublicObjectionRejected, d.PublicObjectionMoot)
    def _dealt_with(rows: Rows, r: Recorded) -> None:
        status = r.name.rpartition("_")[2]  # taken | rejected | moot
        rows.change(t.objections, {"objection_id": objection_id(r.event.receipt)}, status=status, worklist="", due_on=None)
        rows.settle(r, f"{OBJECTION_DUE}:{r.event.receipt}")

    @model.on(d.PublicObjectionOverdue)
    def _late(rows: Rows, r: Recorded) -> None:
        rows.change(t.objections, {"objection_id": objection_id(r.event.receipt)}, worklist=LATE)
        rows.settle(r, f"{OBJECTION_DUE}:{r.event.receipt}")


_NOTHING: dict[str, Any] = {"kind": "", "listed": False, "until": None, "ends_on": None, "changes_on": None}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _behind(day: str | None) -> str | None:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat() if day else None
