"""Read-model tables of payment (发放与追回读模型): what was paid, the runs, the claims. The same for every service that pays benefits."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from shared.casework import benefit_case as bc
from shared.casework import payment_run as pr
from shared.casework import recovery as rc
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


@dataclass(frozen=True)
class PaymentTables:
    payments: sa.Table
    runs: sa.Table
    recoveries: sa.Table


def payment_tables(metadata: sa.MetaData) -> PaymentTables:
    """Declare the tables. Money is fen; days and times are ISO text."""
    return PaymentTables(
        payments=sa.Table(
            "benefit_payments",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("month", sa.String(7), primary_key=True),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
            sa.Column("arrears_fen", sa.BigInteger, nullable=False),
            sa.Column("run_id", sa.String(36), nullable=False, index=True),
        ),
        runs=sa.Table(
            "payment_runs",
            metadata,
            sa.Column("run_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("month", sa.String(7), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("count", sa.Integer, nullable=False, default=0),
            sa.Column("total_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("paid", sa.Integer, nullable=False, default=0),
            sa.Column("paid_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("failed", sa.Integer, nullable=False, default=0),
            sa.Column("failed_fen", sa.BigInteger, nullable=False, default=0),
        ),
        recoveries=sa.Table(
            "recoveries",
            metadata,
            sa.Column("recovery_id", sa.String(36), primary_key=True),
            sa.Column("case_id", sa.String(36), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("payee_id", sa.String(36), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("months", sa.Text, nullable=False),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
            sa.Column("repaid_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
        ),
    )


def aggregate_id(r: Recorded) -> str:
    """The id in the stream's name."""
    return r.stream.split("-", 1)[1]


def project_payments(model: ReadModel, t: PaymentTables) -> None:
    """Fold what one service paid, its runs and its claims into its tables."""

    @model.on(bc.BenefitPaid)
    def _paid(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(t.payments, case_id=aggregate_id(r), month=e.month, amount_fen=e.amount_fen, arrears_fen=e.arrears_fen, run_id=e.run_id)

    @model.on(pr.PaymentRunOpened)
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(t.runs, run_id=e.run_id, programme=e.programme, month=e.month, division=e.division, status="open")

    @model.on(pr.PaymentRunLocked)
    def _locked(rows: Rows, r: Recorded) -> None:
        rows.change(t.runs, {"run_id": aggregate_id(r)}, status="locked", count=r.event.count, total_fen=r.event.total_fen)

    @model.on(pr.PaymentRunApproved)
    def _approved(rows: Rows, r: Recorded) -> None:
        rows.change(t.runs, {"run_id": aggregate_id(r)}, status="approved")

    @model.on(pr.PaymentRunClosed)
    def _closed(rows: Rows, r: Recorded) -> None:
        e = r.event
        values = {"paid": e.paid, "paid_fen": e.paid_fen, "failed": e.failed, "failed_fen": e.failed_fen}
        rows.change(t.runs, {"run_id": aggregate_id(r)}, status="closed", **values)

    @model.on(rc.RecoveryOpened)
    def _claimed(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.recoveries,
            recovery_id=e.recovery_id,
            case_id=e.case_id,
            programme=e.programme,
            payee_id=e.payee_id,
            division=e.division,
            months="、".join(m.month for m in e.months),
            amount_fen=e.amount_fen,
            status="open",
            reason=e.reason,
        )

    @model.on(rc.RecoveryRepaid)
    def _repaid(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.recoveries, recovery_id=aggregate_id(r))
        if row is not None:
            rows.change(t.recoveries, {"recovery_id": row["recovery_id"]}, repaid_fen=row["repaid_fen"] + r.event.amount_fen)

    @model.on(rc.RecoveryWaiverProposed, rc.RecoveryWaived, rc.RecoverySettled)
    def _recovery_status(rows: Rows, r: Recorded) -> None:
        status = {rc.RecoveryWaiverProposed: "waiver_proposed", rc.RecoveryWaived: "waived", rc.RecoverySettled: "settled"}[type(r.event)]
        rows.change(t.recoveries, {"recovery_id": aggregate_id(r)}, status=status)


def cases_to_pay(engine: sa.Engine, cases: sa.Table, programme: str, division: str) -> list[str]:
    """Every case that may be due something: the run asks each case itself for its amount."""
    query = sa.select(cases.c.case_id).where(
        cases.c.programme == programme, cases.c.division.startswith(division), cases.c.first_month != ""
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())
