"""Rows of the error ledger (差错台账): every finding of the two subsidies with what followed from it, and the errors of a quarter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.assistance.error_ledger import FOLLOWS, LEDGER, SUBSIDIES, months_of, quarter_of
from shared.casework import benefit_case as bc
from shared.casework import inspection
from shared.clock import SHANGHAI
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

FOLLOW_UP = "finding_follow_up"  # the worklist


@dataclass(frozen=True)
class LedgerTables:
    findings: sa.Table
    arrears: sa.Table
    records: sa.Table
    cases: sa.Table
    recoveries: sa.Table
    payments: sa.Table
    runs: sa.Table


def declare(metadata: sa.MetaData) -> LedgerTables:
    """Declare the tables. Money is fen. ``error_findings`` are the ledger's, ``case_arrears`` what the two subsidies' cases were found to
    be owed, by the event that says so."""
    of = metadata.tables
    return LedgerTables(
        findings=sa.Table(
            "error_findings",
            metadata,
            sa.Column("record_id", sa.String(36), primary_key=True),
            sa.Column("finding_id", sa.String(10), primary_key=True),
            sa.Column("quarter", sa.String(7), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),  # the subsidy
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("subject_id", sa.String(60), nullable=False),  # the case
            sa.Column("code", sa.String(40), nullable=False),
            sa.Column("status", sa.String(20), nullable=False),  # open | rectified | settled
            sa.Column("accepted_month", sa.String(7), nullable=False, default=""),  # the first month that is wrong
            sa.Column("accepted_at", sa.Integer, nullable=False, default=-1),  # the case's version then
            sa.Column("refers_to", sa.String(60), nullable=False, default=""),
            sa.Column("amount_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("worklist", sa.String(40), nullable=False, default="", index=True),
            sa.Column("due_on", sa.String(10)),
            sa.Column("due", sa.String(40), nullable=False, default=""),
        ),
        arrears=sa.Table(
            "case_arrears",
            metadata,
            sa.Column("event_id", sa.String(36), primary_key=True),
            sa.Column("case_id", sa.String(36), nullable=False),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
        ),
        records=of["records"],
        cases=of["benefit_cases"],
        recoveries=of["recoveries"],
        payments=of["benefit_payments"],
        runs=of["payment_runs"],
    )


def project(model: ReadModel, tables: LedgerTables) -> None:
    """Fold events into them."""
    t = tables

    @model.on(bc.ArrearsFound)
    def _arrears(rows: Rows, r: Recorded) -> None:
        case = rows.get(t.cases, case_id=aggregate_id(r))
        if case is not None and case["programme"] in SUBSIDIES:
            rows.put(t.arrears, event_id=r.id, case_id=case["case_id"], amount_fen=r.event.amount_fen)

    def _ledger(rows: Rows, r: Recorded) -> dict[str, Any] | None:
        record = rows.get(t.records, record_id=aggregate_id(r))
        return record if record is not None and record["programme"] == LEDGER else None

    @model.on(inspection.CampaignObjectChecked)
    def _found(rows: Rows, r: Recorded) -> None:
        if not r.event.findings or (record := _ledger(rows, r)) is None:
            return
        case = rows.get(t.cases, case_id=r.event.object_id)
        for f in r.event.findings:
            waits = f.code in FOLLOWS
            rows.put(
                t.findings,
                record_id=record["record_id"],
                finding_id=f.finding_id,
                quarter=quarter_of(r.meta.recorded_at.astimezone(SHANGHAI).date()),
                programme=case["programme"] if case is not None else "",
                division=case["division"] if case is not None else record["division"],
                subject_id=r.event.object_id,
                code=f.code,
                status="open",
                worklist=FOLLOW_UP if waits else "",
                due_on=f.rectify_by.isoformat() if waits else None,
                due="rectify" if waits else "",
            )

    @model.on(inspection.CampaignFindingAccepted)
    def _accepted(rows: Rows, r: Recorded) -> None:
        e = r.event
        case = rows.get(t.cases, case_id=e.object_id)
        at = case["version"] if case is not None else -1
        rows.change(t.findings, {"record_id": e.record_id, "finding_id": e.finding_id}, accepted_month=e.from_month, accepted_at=at)

    @model.on(inspection.CampaignFindingRectified)
    def _rectified(rows: Rows, r: Recorded) -> None:
        e, key = r.event, {"record_id": aggregate_id(r), "finding_id": r.event.finding_id}
        found = rows.get(t.findings, **key)
        if found is None:
            return
        amount = _amount(rows, e.refers_to, found["subject_id"])
        rows.change(t.findings, key, status="rectified", refers_to=e.refers_to, amount_fen=amount, worklist="", due_on=None, due="")

    def _amount(rows: Rows, refers_to: str, case_id: str) -> int:
        """What was claimed, found as arrears, or paid by the run; 0 where the reference is of no money."""
        for table, key in ((t.recoveries, {"recovery_id": refers_to}), (t.arrears, {"event_id": refers_to})):
            row = rows.get(table, **key)
            if row is not None and row["case_id"] == case_id:
                return int(row["amount_fen"])
        run = rows.get(t.runs, run_id=refers_to)
        paid = rows.get(t.payments, case_id=case_id, month=run["month"]) if run is not None else None
        return int(paid["amount_fen"] + paid["arrears_fen"]) if paid is not None else 0

    @model.on(inspection.CampaignRectificationVerified)
    def _verified(rows: Rows, r: Recorded) -> None:
        e, key = r.event, {"record_id": aggregate_id(r), "finding_id": r.event.finding_id}
        found = rows.get(t.findings, **key)
        if found is None:
            return
        if e.accepted:
            rows.change(t.findings, key, status="settled")
        else:
            waits = found["code"] in FOLLOWS
            rows.change(
                t.findings, key, status="open", refers_to="", amount_fen=0, accepted_month="", worklist=FOLLOW_UP if waits else "",
                due_on=e.rectify_by.isoformat() if waits and e.rectify_by else None, due="rectify" if waits else "",
            )  # fmt: skip


# -- Queries


def accepted_of(engine: sa.Engine, t: LedgerTables, case_id: str) -> list[tuple[str, str, int]]:
    """The findings of a case that were accepted and wait for what puts them right: record, finding, and the case's version then."""
    f = t.findings.c
    asked = sa.select(f.record_id, f.finding_id, f.accepted_at).where(
        f.subject_id == case_id, f.status == "open", f.accepted_month != "", f.worklist != ""
    )
    with engine.connect() as connection:
        return [(record_id, finding_id, int(at)) for record_id, finding_id, at in connection.execute(asked)]


def error_rate(engine: sa.Engine, t: LedgerTables, division: str, quarter: str) -> list[dict[str, Any]]:
    """Of each subsidy, and of both: how many person-months and fen were paid for the quarter, and what was found wrong in it, by kind and
    in all. Rates are per ten thousand; None where nothing was paid."""
    f, p, c = t.findings.c, t.payments.c, t.cases.c
    paid = (
        sa.select(c.programme, sa.func.count(), sa.func.coalesce(sa.func.sum(p.amount_fen + p.arrears_fen), 0))
        .join_from(t.payments, t.cases, p.case_id == c.case_id)
        .where(p.month.in_(months_of(quarter)), p.status == "paid", c.programme.in_(SUBSIDIES), c.division.startswith(division))
        .group_by(c.programme)
    )
    found = (
        sa.select(
            f.programme, f.code, sa.func.count(), sa.func.sum(f.amount_fen), sa.func.sum(sa.case((f.status == "open", 1), else_=0))
        )
        .where(f.quarter == quarter, f.division.startswith(division))
        .group_by(f.programme, f.code)
    )
    with engine.connect() as connection:
        months = {programme: (int(n), int(fen)) for programme, n, fen in connection.execute(paid)}
        errors = [(programme, code, int(n), int(fen), int(left)) for programme, code, n, fen, left in connection.execute(found)]
    rows = []
    for programme in (*SUBSIDIES, ""):
        of = [e for e in errors if programme in ("", e[0])]
        counts = [months.get(s, (0, 0)) for s in SUBSIDIES if programme in ("", s)]
        people, fen = sum(n for n, _ in counts), sum(fen for _, fen in counts)
        for code in ("overpaid", "unpaid", "ineligible", "record_wrong", ""):
            mine = [e for e in of if code in ("", e[1])]
            n, amount, left = sum(e[2] for e in mine), sum(e[3] for e in mine), sum(e[4] for e in mine)
            rows.append(
                {
                    "quarter": quarter, "programme": programme, "code": code, "findings": n, "error_fen": amount, "open": left,
                    "person_months": people, "paid_fen": fen,
                    "per_10000_months": round(10_000 * n / people) if people else None,
                    "per_10000_fen": round(10_000 * amount / fen) if fen else None,
                }
            )  # fmt: skip
    return rows
