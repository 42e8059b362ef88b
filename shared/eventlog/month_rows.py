"""Rows of the payment calendar (应发月份): which units owe which months, when a unit's months are looked at, and when a month is late.

A unit (a programme in a town) begins with its first case. Its deadline stands at the first day of the next month; where something comes to
be owed in a month that was looked at already and had nothing, or whose looking may have missed it, the months are looked at once more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.casework import benefit_case as bc
from shared.casework import payment_calendar as pc
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

BEGINS = "payment_month_begins"
LATE = "payment_month_late"
OWED, AGAIN, OVERDUE = "payment_month_owed", "payment_month_again", "payment_month_overdue"  # the worklists
PAGE = 2000  # cases read at once


@dataclass(frozen=True)
class MonthTables:
    units: sa.Table
    months: sa.Table


def month_tables(metadata: sa.MetaData) -> MonthTables:
    """Declare the tables. Money is fen; days are ISO text."""
    return MonthTables(
        units=sa.Table(
            "payment_units",
            metadata,
            sa.Column("calendar_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("first", sa.String(7), nullable=False),
            sa.Column("looked", sa.String(7), nullable=False, default=""),
            sa.Column("fresh", sa.String(10), nullable=False, default=""),  # the day of what a look may have missed
        ),
        months=sa.Table(
            "owed_months",
            metadata,
            sa.Column("calendar_id", sa.String(36), primary_key=True),
            sa.Column("month", sa.String(7), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("cases", sa.Integer, nullable=False),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
            sa.Column("overdue", sa.Boolean, nullable=False, default=False),
            sa.Column("run_id", sa.String(36), nullable=False, default=""),
            sa.Column("sent_on", sa.String(10)),
            sa.Column("worklist", sa.String(40), nullable=False, default="", index=True),
            sa.Column("due_on", sa.String(10)),
            sa.Column("due", sa.String(40), nullable=False, default=""),
        ),
    )


def month_waits(m: pc.Month | None) -> dict[str, Any]:
    """The list in which a month stands, and its day: as its row says."""
    if m is None or m.status not in pc.OWED:
        return {}
    return {"worklist": OVERDUE if m.late else AGAIN if m.status == "again" else OWED, "due_on": m.due_on, "due": "payment_month"}


def comes_to_be_owed(model: ReadModel, t: MonthTables, rows: Rows, r: Recorded, before: bc.Case, case: bc.Case) -> None:
    """A case was decided: its unit begins, or owes a month more than it knew."""
    if case.terms.payment != "monthly" or not case.schedule:
        return
    day = r.meta.recorded_at.astimezone(SHANGHAI).date()
    month = dates.month_of(day)
    unit = pc.unit_of(case.division_in(month))
    this = pc.calendar_id(case.programme, unit)
    row = rows.get(t.units, calendar_id=this)
    newly = case.due(month) > 0 and before.due(month) <= 0 and month not in case.paid
    if row is None:
        first = max(case.first_month, month)
        row = {"calendar_id": this, "programme": case.programme, "division": unit, "first": first, "looked": "", "fresh": ""}
        rows.put(t.units, **row)
        if first > month:
            _look(model, rows, r, row, dates.first_day(first))
            return
        newly = True
    if not newly:
        return
    if not row["looked"] and month <= row["first"]:
        row["first"] = month
        rows.change(t.units, {"calendar_id": this}, first=month, fresh=day.isoformat())
        _look(model, rows, r, row, r.meta.recorded_at, day)
    elif row["looked"] < month:
        rows.change(t.units, {"calendar_id": this}, fresh=day.isoformat())
    elif rows.get(t.months, calendar_id=this, month=month) is None:
        _look(model, rows, r, row, r.meta.recorded_at, day)


def handed_over(model: ReadModel, t: MonthTables, rows: Rows, r: Recorded, before: bc.Case, case: bc.Case) -> None:
    """A case was handed over: each unit looks at the months that have begun, are unpaid, and came to it or left it by that."""
    if case.terms.payment != "monthly" or not case.schedule:
        return
    day = r.meta.recorded_at.astimezone(SHANGHAI).date()
    now = dates.month_of(day)
    unpaid = [m for m in dates.months_between(case.schedule[0].month, now) if case.due(m) > 0 and m not in case.paid]
    of: dict[str, list[str]] = {}
    for month in unpaid:
        units = {pc.unit_of(before.division_in(month)), pc.unit_of(case.division_in(month))}
        for unit in units if len(units) > 1 else ():
            of.setdefault(unit, []).append(month)
    for unit, months in sorted(of.items()):
        this = pc.calendar_id(case.programme, unit)
        row = rows.get(t.units, calendar_id=this)
        if row is None:
            row = {"calendar_id": this, "programme": case.programme, "division": unit, "first": months[0], "looked": "", "fresh": ""}
            rows.put(t.units, **row)
        _look(model, rows, r, row, r.meta.recorded_at, day if months[-1] == now else None, months[0])


def _look(
    model: ReadModel, rows: Rows, r: Recorded, unit: dict[str, Any], when: date | datetime, since: date | None = None, again: str = ""
) -> None:
    """The unit's months are looked at when the day has come; ``again``: from this one on, though they were looked at before."""
    data = {"programme": unit["programme"], "division": unit["division"], "first": unit["first"]}
    stream = f"{r.stream.partition('.')[0]}.{pc.SHAPE}-{unit['calendar_id']}"
    if again:
        waits = rows.get(model.deadlines, stream=stream, name=BEGINS)
        data |= {"again": min(again, json.loads(waits["data"]).get("again", again) if waits is not None else again)}
        # To the microsecond, and due by now: what one case adds is not taken for what another added in the same second.
        when = r.meta.recorded_at - timedelta(seconds=1)
    if since is not None:
        data |= {"since": since.isoformat()}
    exact = "microseconds" if again else "seconds"
    at = when.astimezone(SHANGHAI).isoformat(timespec=exact) if isinstance(when, datetime) else when.isoformat()
    rows.put(
        model.deadlines,
        stream=stream,
        name=BEGINS,
        aggregate_id=unit["calendar_id"],
        due_at=at,
        division=unit["division"],
        data=json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    )


def project_months(model: ReadModel, t: MonthTables) -> None:
    """Fold the calendars of one service into its tables."""

    def _key(r: Recorded) -> dict[str, Any]:
        return {"calendar_id": r.stream.split("-", 1)[1], "month": r.event.month}

    @model.on(pc.PaymentMonthOpened)
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.months, **_key(r), programme=e.programme, division=e.division, status="open", cases=e.cases, amount_fen=e.total_fen,
            worklist=OWED, due_on=e.due_on.isoformat(), due="payment_month",
        )  # fmt: skip
        rows.due(r, f"{LATE}:{e.month}", _key(r)["calendar_id"], e.due_on + timedelta(days=1), {"month": e.month})

    @model.on(pc.PaymentMonthsLookedAt)
    def _looked(rows: Rows, r: Recorded) -> None:
        e = r.event
        this = r.stream.split("-", 1)[1]
        unit = rows.get(t.units, calendar_id=this)
        if unit is None:
            return
        looked = max(unit["looked"], e.through)
        rows.change(t.units, {"calendar_id": this}, looked=looked, fresh="")
        since = date.fromisoformat(unit["fresh"]) if unit["fresh"] else None
        missed = since is not None and dates.month_of(since) == looked and rows.get(t.months, calendar_id=this, month=looked) is None
        if missed:
            _look(model, rows, r, unit, r.meta.recorded_at, since)
        else:
            _look(model, rows, r, unit, dates.first_day(dates.add_months(looked, 1)))

    def _over(rows: Rows, r: Recorded, status: str, **values: Any) -> None:
        rows.change(t.months, _key(r), status=status, worklist="", due_on=None, due="", **values)
        rows.settle(r, f"{LATE}:{r.event.month}")

    @model.on(pc.PaymentMonthMet)
    def _met(rows: Rows, r: Recorded) -> None:
        _over(rows, r, "met", run_id=r.event.run_id, sent_on=r.event.sent_on.isoformat())

    @model.on(pc.PaymentMonthWithoutDues)
    def _without(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.months, **_key(r))
        _over(rows, r, "met" if row is not None and row["status"] == "again" else "without_dues")

    @model.on(pc.PaymentMonthOwedAgain)
    def _again(rows: Rows, r: Recorded) -> None:
        e = r.event
        sent = rows.get(t.months, **_key(r)) or {}
        rows.put(
            t.months, **_key(r), programme=e.programme, division=e.division, status="again", cases=e.cases, amount_fen=e.total_fen,
            worklist=AGAIN, due_on=e.due_on.isoformat(), due="payment_month", overdue=False, run_id=e.run_id, sent_on=sent.get("sent_on"),
        )  # fmt: skip
        rows.due(r, f"{LATE}:{e.month}", _key(r)["calendar_id"], e.due_on + timedelta(days=1), {"month": e.month})

    @model.on(pc.PaymentMonthOverdue)
    def _overdue(rows: Rows, r: Recorded) -> None:
        rows.change(t.months, _key(r), overdue=True, worklist=OVERDUE)
        rows.settle(r, f"{LATE}:{r.event.month}")


# -- Queries


def owed_in(
    engine: sa.Engine, dues: sa.Table, places: sa.Table, programme: str, unit: str, months: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """How many cases of a unit are owed something for each month and were not paid, and how many fen; one reading for all of them."""
    found = dict.fromkeys(months, (0, 0))
    town, was = (sa.func.substr(t.c.division, 1, pc.UNIT_DIGITS) for t in (dues, places))
    here = sa.or_(town == unit, dues.c.case_id.in_(sa.select(places.c.case_id).where(was == unit)))
    query = sa.select(dues.c.state).where(dues.c.programme == programme, dues.c.payable.is_(True), here)
    with engine.connect() as connection:
        for state in connection.execution_options(yield_per=PAGE).execute(query).scalars():
            case = bc.unpacked(state, bc.Case)
            for month in months:
                its = pc.unit_of(case.division_in(month)) == unit
                if its and month not in case.paid and (fen := case.payable(month)) > 0 and case.due(month) > 0:
                    lines, total = found[month]
                    found[month] = lines + 1, total + fen
    return found


def sent_runs(engine: sa.Engine, runs: sa.Table, programme: str, unit: str, months: Sequence[str]) -> dict[str, str]:
    """The months for which a run was sent that covers the unit, each with the first such run."""
    c = runs.c
    query = sa.select(c.month, c.run_id, c.division).where(
        c.programme == programme, c.month.in_(months), c.status.in_(("sent", "closed"))
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(c.month, c.round.desc())).all()
    return {row.month: row.run_id for row in rows if unit.startswith(row.division)}


def units(engine: sa.Engine, t: MonthTables, programme: str) -> list[tuple[str, str]]:
    """(calendar, unit) of every town that has, or had, cases of a programme."""
    c = t.units.c
    with engine.connect() as connection:
        asked = sa.select(c.calendar_id, c.division).where(c.programme == programme).order_by(c.division)
        return [(row.calendar_id, row.division) for row in connection.execute(asked)]


def open_months(engine: sa.Engine, t: MonthTables, programme: str, month: str) -> list[tuple[str, str]]:
    """(calendar, unit) of those for which a run is owed for this month."""
    c = t.months.c
    query = sa.select(c.calendar_id, c.division).where(c.programme == programme, c.month == month, c.status.in_(pc.OWED))
    with engine.connect() as connection:
        return [(row.calendar_id, row.division) for row in connection.execute(query.order_by(c.division))]
