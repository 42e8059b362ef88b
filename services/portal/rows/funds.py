"""Funds (资金): what came in, what was spent of it, what is left, of each. ``fund_spending``: by month, and never one draw alone.

A draw is for one household, so its amount is nobody's to read, neither by itself nor as the difference of two balances. Spending is told
month by month, once the month is over, and of a month in which it was for fewer than ``SMALL_CELL`` cases it is told together with the
next month's, and so on until there are as many (``told_from``): what lies between two figures that are ever told is of five cases at
least. What a draw gave back at its settling (核销退回) is spending with the other sign, of the same case.

``fund_draws`` knows which case a draw was for, and ``fund_subjects`` whose a matter of temporary assistance is, so that several draws for
one household are one; no page reads them.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from services.portal.rows import kept
from services.portal.rows.sunshine import NEVER, small
from shared.domain import dates
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

Tables = tuple[sa.Table, sa.Table, sa.Table, sa.Table, sa.Table]


def declare(metadata: sa.MetaData) -> Tables:
    """(funds, moves, spending, draws, subjects). ``balance`` is the ledger's, for the proof that in = out + balance; no page shows it."""
    funds = kept.table(
        metadata,
        "public_funds",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),  # open | closed
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("period", sa.String(7), nullable=False),  # the first month of the spending that is under way; "" before the first draw
        sa.Column("counted_on", sa.String(10)),
        sa.Column("difference", sa.BigInteger),  # of the last count: counted less ledger
    )
    moves = sa.Table(
        "public_fund_moves",
        metadata,
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("day", sa.String(10), nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),  # allocated | counted | closed
        sa.Column("amount", sa.BigInteger, nullable=False),  # positive: in, negative: back where it came from
        sa.Column("document_no", sa.Text, nullable=False, default=""),
    )
    spending = kept.table(
        metadata,
        "public_fund_spending",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("first_month", sa.String(7), primary_key=True),
        sa.Column("last_month", sa.String(7), nullable=False),
        sa.Column("cases", sa.Text, nullable=False),  # for whom, each once, as JSON; no page shows more than how many
        sa.Column("spent", sa.BigInteger, nullable=False),  # drawn less given back
        sa.Column("told_from", sa.String(10), nullable=False),  # NEVER: of too few, until more follow
    )
    draws = sa.Table(
        "fund_draws",
        metadata,
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("draw_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
    )
    subjects = sa.Table(
        "fund_subjects",
        metadata,
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),  # of whom it is about
    )
    return funds, moves, spending, draws, subjects


def next_month(month: str) -> str:
    """The first day behind a month, as ISO text."""
    return f"{dates.add_months(month, 1)}-01"


def project(model: ReadModel, tables: Tables) -> None:
    funds, moves, spending, draws, subjects = tables

    def key(r: Recorded) -> dict[str, str]:
        return {"record_id": r.stream.split("-", 1)[1]}

    def move(rows: Rows, r: Recorded, kind: str, amount: int, document_no: str = "", **values: Any) -> None:
        before = kept.now(rows, funds, **key(r))
        if before is not None:
            kept.say(rows, funds, r, **{**before, "balance": before["balance"] + amount, **values})
            rows.put(
                moves, **key(r), version=r.version, stream=r.stream, day=kept.day_of(r), kind=kind, amount=amount, document_no=document_no
            )

    def spend(rows: Rows, r: Recorded, case_id: str, amount: int) -> None:
        """Of the month's spending, or of that of the months before it as well, where these were of too few to be told."""
        fund = kept.now(rows, funds, **key(r))
        if fund is None:
            return
        month = kept.day_of(r)[:7]
        under_way = kept.now(rows, spending, **key(r), first_month=fund["period"]) if fund["period"] else None
        if under_way is None or under_way["told_from"] <= f"{month}-01":
            under_way = {**key(r), "first_month": month, "cases": "[]", "spent": 0}
        about = rows.get(subjects, case_id=case_id)
        cases = sorted({*msgspec.json.decode(under_way["cases"]), about["stream"] if about else case_id})
        kept.say(
            rows, spending, r, **key(r), first_month=under_way["first_month"], last_month=month, cases=msgspec.json.encode(cases).decode(),
            spent=under_way["spent"] + amount, told_from=NEVER if small(len(cases)) else next_month(month),
        )  # fmt: skip
        kept.say(rows, funds, r, **{**fund, "balance": fund["balance"] - amount, "period": under_way["first_month"]})

    @model.on_short("fund_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        e, before = r.event, kept.now(rows, funds, **key(r))
        kept.say(
            rows, funds, r, **key(r), programme=e.programme, division=e.division, unit=e.terms.unit, status="open", balance=0,
            counted_on=None, difference=None, period=before["period"] if before else "",  # closed and opened anew: what waits, waits on
        )  # fmt: skip

    @model.on_short("temporary_applied")
    def _applied(rows: Rows, r: Recorded) -> None:
        rows.put(subjects, case_id=r.event.matter_id, stream=r.stream)

    @model.on_short("fund_allocated")
    def _allocated(rows: Rows, r: Recorded) -> None:
        move(rows, r, "allocated", r.event.amount, r.event.document_no)

    @model.on_short("fund_drawn")
    def _drawn(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(draws, **key(r), draw_id=e.draw_id, case_id=e.case_id)
        spend(rows, r, e.case_id, e.amount)

    @model.on_short("fund_draw_settled")
    def _settled(rows: Rows, r: Recorded) -> None:
        drawn = rows.get(draws, **key(r), draw_id=r.event.draw_id)
        if r.event.given_back and drawn is not None:
            spend(rows, r, drawn["case_id"], -r.event.given_back)

    @model.on_short("fund_counted")
    def _counted(rows: Rows, r: Recorded) -> None:
        e = r.event
        move(rows, r, "counted", 0, counted_on=e.counted_on.isoformat(), difference=e.counted - e.ledger)

    @model.on_short("fund_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        move(rows, r, "closed", -r.event.returned, status="closed")
