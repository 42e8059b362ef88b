"""Read-model tables of the benefit shapes (救助个案读模型), the same for every service that adopts them.

``benefit_tables`` declares them on a service's metadata, ``project_benefits`` folds the shapes' events into them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from shared.casework import benefit_case as bc
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog.payment_rows import PaymentTables, aggregate_id, has_months_in, payment_tables, project_payments
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.titles import title

__all__ = [
    "CALENDAR_TURNED", "STEP_DUE", "BenefitTables", "aggregate_id", "benefit_tables", "cases_on",
    "listed", "of_case", "project_benefits", "start_of",
]  # fmt: skip

PAGE = 500
CALENDAR_TURNED = "calendar_turned"  # the deadline's name: the month has begun in which the calendar alone changes what a case rests on
STEP_DUE = "case_step"  # the deadlines' name; the step stands behind a colon and in the data


@dataclass(frozen=True)
class BenefitTables:
    cases: sa.Table
    decisions: sa.Table
    pay: PaymentTables


def benefit_tables(metadata: sa.MetaData) -> BenefitTables:
    """Declare the tables. Money is fen; days and times are ISO text."""
    return BenefitTables(
        cases=sa.Table(
            "benefit_cases",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("subject_id", sa.String(36), nullable=False, index=True),
            sa.Column("payee_id", sa.String(36), nullable=False, index=True),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("status", sa.String(20), nullable=False, index=True),
            sa.Column("amount_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("first_month", sa.String(7), nullable=False, default=""),
            sa.Column("publicised_until", sa.String(10)),
            sa.Column("exit_ends", sa.String(7)),
            sa.Column("worklist", sa.String(40), nullable=False, default="", index=True),  # "" when it waits for nobody
            sa.Column("responsible", sa.String(80), nullable=False, default=""),  # whose turn it is, where one hand is named
            sa.Column("due_on", sa.String(10)),
            sa.Column("due", sa.String(40), nullable=False, default=""),
            sa.Column("progress", sa.Text, nullable=False, default=""),  # benefit_case.Progress: what limits and worklist follow from
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("changed_at", sa.String(40), nullable=False),
        ),
        decisions=sa.Table(
            "benefit_decisions",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("version", sa.Integer, primary_key=True),
            sa.Column("outcome", sa.String(20), nullable=False),
            sa.Column("old_amount_fen", sa.BigInteger, nullable=False),
            sa.Column("new_amount_fen", sa.BigInteger, nullable=False),
            sa.Column("effective_month", sa.String(7), nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("rules_version", sa.String(120), nullable=False),
            sa.Column("parameters_version", sa.String(120), nullable=False),
            sa.Column("placeholder", sa.Boolean, nullable=False),
            sa.Column("recorded_at", sa.String(40), nullable=False),
        ),
        pay=payment_tables(metadata),
    )


def start_of(month: str) -> datetime:
    """The first instant of a month in Asia/Shanghai."""
    return datetime.combine(dates.first_day(month), time(), SHANGHAI)


_CAUSES = {"restored": "停发后各月重新核定", "review": "复审", "appeal": "复核", "clock": "时间届满", "standard": "标准调整"}


def on_account_of(cause: str) -> str:
    """Why a case was granted again without an application, in words: by the fact that its decision names; "" where none does."""
    kind, _, _ = cause.partition(":")
    name = cause.split(" ", 1)[0]
    fact = title(name) if title(name) != name else "有关情况变动"  # told by somebody whose events this service does not know
    return f"因“{_CAUSES.get(kind, fact)}”恢复，无须申请：" if cause else ""


def project_benefits(model: ReadModel, t: BenefitTables, turns: Callable[[str], bool] = lambda _: False) -> None:
    """Fold the shapes' events of one service into its benefit tables.

    ``turns``: the programmes whose cases the calendar alone may change. Those that were decided before a decision named the month are due
    at once, from the last month that was decided, and name it from then on.
    """

    def _set(rows: Rows, r: Recorded, **values: Any) -> None:
        rows.change(t.cases, {"case_id": aggregate_id(r)}, version=r.version, changed_at=r.meta.recorded_at.isoformat(), **values)

    def _stand(rows: Rows, r: Recorded, **values: Any) -> None:
        """Fold the event into the case's procedure: whose turn it is, and every limit that began or ended by it."""
        case_id = aggregate_id(r)
        row = rows.get(t.cases, case_id=case_id)
        before = bc.unpacked(row["progress"] if row is not None else "", bc.Progress)
        after = bc.advance(before, r.event)
        waiting = bc.worklist(after)
        stands = {
            "status": after.status,
            "worklist": waiting.worklist,
            "due_on": waiting.due_on.isoformat() if waiting.due_on else None,
            "due": waiting.due,
            "progress": bc.packed(after),
            "version": r.version,
            "changed_at": r.meta.recorded_at.isoformat(),
            **values,
        }
        rows.put(t.cases, **{**(row or {"case_id": case_id, "amount_fen": 0, "first_month": ""}), **stands})
        old, new = bc.limits(before), bc.limits(after)
        for step, last in new.items():
            if old.get(step) != last:
                rows.due(r, f"{STEP_DUE}:{step}", case_id, last + timedelta(days=1), {"step": step})
        for step in old.keys() - new.keys():
            rows.settle(r, f"{STEP_DUE}:{step}")

    @model.on(bc.ApplicationFiled)
    def _filed(rows: Rows, r: Recorded) -> None:
        e = r.event
        opened = {"programme": e.programme, "subject_id": e.subject_id, "payee_id": e.payee_id, "division": e.division}
        _stand(rows, r, **opened, amount_fen=0, first_month=_first_month(rows, r), publicised_until=None, exit_ends=None)

    def _first_month(rows: Rows, r: Recorded) -> str:
        """A case of an earlier round may still be owed something: it stays a candidate for payment."""
        row = rows.get(t.cases, case_id=aggregate_id(r))
        return str(row["first_month"]) if row is not None else ""

    @model.on(
        bc.SupplementRequested, bc.SupplementAnswered, bc.ApplicationAccepted, bc.AcceptanceRefused, bc.ApplicationWithdrawn,
        bc.ApplicationLapsed, bc.AuthorisationRecorded, bc.MeansTestRequested, bc.MeansTestRecorded, bc.HouseholdSurveyed,
        bc.ProcedureExtended, bc.ObjectionRaised, bc.ObjectionAnswered, bc.RefusalTold, bc.CaseSuspended, bc.CaseResumed,
        bc.SuspensionSetAside,
        bc.ReviewOpened, bc.ReviewAnswered, bc.CaseStepOverdue, bc.ApplicationReopened, bc.CaseRestored,
    )  # fmt: skip
    def _moved(rows: Rows, r: Recorded) -> None:
        _stand(rows, r)

    @model.on(bc.CaseHandedOver)
    def _handed_over(rows: Rows, r: Recorded) -> None:
        _stand(rows, r, division=r.event.division)

    @model.on(bc.CaseProposed)
    def _proposed(rows: Rows, r: Recorded) -> None:
        until = r.event.publicised_until
        _stand(rows, r, publicised_until=until.isoformat() if until else None)

    @model.on(bc.ProposalVoided, bc.CaseRefused)
    def _no_proposal(rows: Rows, r: Recorded) -> None:
        _stand(rows, r, publicised_until=None)

    @model.on(bc.CaseGranted)
    def _granted(rows: Rows, r: Recorded) -> None:
        e = r.event
        opened = {"programme": e.programme, "subject_id": e.subject_id, "payee_id": e.payee_id, "division": e.division}
        _stand(rows, r, **opened, amount_fen=e.amount_fen, first_month=e.first_month, publicised_until=None, exit_ends=None)
        _decided(rows, r, "granted_again" if e.cause else "granted", 0, e.amount_fen, e.first_month, e.assessment, on_account_of(e.cause))
        _turn(rows, r, e.programme, e.first_month)

    @model.on(bc.CaseReassessed)
    def _reassessed(rows: Rows, r: Recorded) -> None:
        e = r.event
        _stand(rows, r, amount_fen=e.new_amount_fen, exit_ends=e.exit_ends)
        _decided(rows, r, e.outcome, e.old_amount_fen, e.new_amount_fen, e.effective_month, bc.deciding(e.assessments, e.outcome))
        if e.outcome == "gradual_exit" and e.exit_ends:
            over = dates.add_months(e.exit_ends, 1)
            rows.due(r, "gradual_exit_over", aggregate_id(r), start_of(over), {"month": over})
        else:
            rows.settle(r, "gradual_exit_over")
        _turn(rows, r, e.programme, max(e.effective_month, e.assessments[-1].month))

    def _turn(rows: Rows, r: Recorded, programme: str, decided_to: str) -> None:
        month = r.event.next_turn
        if month:
            rows.due(r, CALENDAR_TURNED, aggregate_id(r), start_of(month), {"month": month})
        elif month is None and turns(programme):
            rows.due(r, CALENDAR_TURNED, aggregate_id(r), r.meta.recorded_at, {"month": decided_to})
        else:
            rows.settle(r, CALENDAR_TURNED)

    @model.on(bc.EarlierRoundReassessed)
    def _earlier(rows: Rows, r: Recorded) -> None:
        e = r.event
        _set(rows, r)
        if e.assessments:
            _decided(rows, r, "earlier_round", e.old_amount_fen, e.months[0].amount_fen, e.from_month, e.assessments[0])

    @model.on(bc.CaseEnded, bc.CaseClosed)
    def _ended(rows: Rows, r: Recorded) -> None:
        _stand(rows, r, amount_fen=0, exit_ends=None)
        rows.settle(r, "gradual_exit_over")
        rows.settle(r, CALENDAR_TURNED)

    def _decided(rows: Rows, r: Recorded, outcome: str, old: int, new: int, month: str, assessment: Any, why: str = "") -> None:
        rows.put(
            t.decisions,
            case_id=aggregate_id(r),
            version=r.version,
            outcome=outcome,
            old_amount_fen=old,
            new_amount_fen=new,
            effective_month=month,
            reason=why + assessment.reason,
            rules_version=assessment.rules_version,
            parameters_version=assessment.parameters_version,
            placeholder=assessment.placeholder,
            recorded_at=r.meta.recorded_at.isoformat(),
        )

    @model.on(bc.AppealAssigned)
    def _assigned(rows: Rows, r: Recorded) -> None:
        _set(rows, r, responsible=r.event.to)

    @model.on(bc.AppealFiled, bc.AppealAnswered, bc.AppealWithdrawn)
    def _nobody_named(rows: Rows, r: Recorded) -> None:
        _stand(rows, r, responsible="")

    @model.on(bc.PayeeChanged)
    def _payee(rows: Rows, r: Recorded) -> None:
        _set(rows, r, payee_id=r.event.payee_id)

    @model.on(bc.PayeeDied, bc.PayeeLives, bc.PayeeNamed)
    def _payee_lost(rows: Rows, r: Recorded) -> None:
        _set(rows, r)

    @model.on(bc.PaymentReturned)
    def _returned(rows: Rows, r: Recorded) -> None:
        _stand(rows, r)  # a one-off benefit that closed runs again

    @model.on(
        bc.BenefitPaid, bc.RepaymentRefunded, bc.RepaymentWithheld, bc.RepaymentReleased,
        bc.OverpaymentFound, bc.ArrearsFound, bc.ArrearsWithdrawn, bc.ClaimedDueAgain,
    )  # fmt: skip
    def _paid_or_different(rows: Rows, r: Recorded) -> None:
        _set(rows, r)

    project_payments(model, t.pay)


# -- Queries: each takes the asking hand's division, and shows nothing beyond it


def listed(
    engine: sa.Engine,
    table: sa.Table,
    division: str,
    where: Mapping[str, Any],
    limit: int,
    after: str = "",
    due_before: str | None = None,
    also: Sequence[sa.ColumnElement[bool]] = (),
) -> list[dict[str, Any]]:
    """Rows of a table that has a division, in the order of its primary key, beginning behind ``after``.

    ``due_before``: only those whose ``due_on`` lies before that day; ``also``: what else must be so of a row.
    """
    key, *rest = table.primary_key.columns
    query = sa.select(table).where(table.c.division.startswith(division), *also).order_by(key, *rest)
    for name, value in where.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    if due_before is not None:
        query = query.where(table.c.due_on < due_before)
    most = min(limit, 500)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query.where(key > after).limit(most)).mappings()]
        if rest and len(rows) == most:  # the next page begins behind this key: whoever else has it belongs on this one
            last = rows[-1][key.name]
            others = connection.execute(query.where(key == last)).mappings()
            rows = [r for r in rows if r[key.name] != last] + [dict(row) for row in others]
        return rows


def cases_on(
    engine: sa.Engine, t: BenefitTables, division: str, where: Mapping[str, Any], day: date, limit: int, after: str = ""
) -> list[dict[str, Any]]:
    """Cases in force on a day (``valid_at``), suspended ones among them, each with what was so then (``bc.on_day``) in ``valid``.

    ``status`` in ``where`` is the status on that day; everything else is how the case stands by now. Read page by page: what was due in
    which month stands in each row's state, and no stream is opened.
    """
    c, d = t.cases.c, t.pay.dues.c
    query = sa.select(t.cases, d.state).join_from(t.cases, t.pay.dues, c.case_id == d.case_id)
    query = query.where(has_months_in(t.pay, t.cases, division), d.payable.is_(True)).order_by(c.case_id).limit(PAGE)
    for name, value in where.items():
        if value is not None and name != "status":
            query = query.where(c[name] == value)
    found: list[dict[str, Any]] = []
    while True:
        with engine.connect() as connection:
            page = [dict(row) for row in connection.execute(query.where(c.case_id > after)).mappings()]
        for row in page:
            case = bc.unpacked(row.pop("state"), bc.Case)
            valid = bc.on_day(case, day)
            if not case.division_in(dates.month_of(day)).startswith(division):
                continue  # it was another town's then
            if valid["status"] != "not_in_force" and where.get("status") in (None, valid["status"]):
                found.append({**row, "valid": valid})
                if len(found) == min(limit, PAGE):
                    return found
        if len(page) < PAGE:
            return found
        after = page[-1]["case_id"]


def of_case(engine: sa.Engine, table: sa.Table, case_id: str) -> list[dict[str, Any]]:
    """All rows of one case in a table, in the order of its primary key."""
    query = sa.select(table).where(table.c.case_id == case_id).order_by(*table.primary_key.columns)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
