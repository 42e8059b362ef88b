"""发放 and 资金: payment runs in total with the proof that in = paid + failed + held, and funds with the proof that in = out + balance.

Of a fund what came in is told by the day, what was spent by months in which it was for five cases at least (``rows/funds.py``): neither
figure, nor the difference of any two that are told on whatever days, is of fewer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.funds import next_month
from services.portal.rows.sunshine import SMALL_CELL, until
from services.portal.sunshine import filed
from services.portal.sunshine.public import PER_PAGE, Day, page, paging, query, render
from services.portal.web.pictures import Bar, line
from services.portal.web.portal import Portal
from services.portal.web.shown import money
from shared.domain import dates
from shared.domain.errors import Refused

RUNS = TABLES["runs"]
FUNDS, MOVES, SPENDING, *_ = TABLES["funds"]
_PARTS = ("paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")
_COUNTS = ("count", "total_fen", "paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")
KINDS = {"allocated": "拨入", "spent": "支出（支取减退回）", "counted": "盘点", "closed": "结清缴回"}


# -- 发放


def runs(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The runs of the programmes whose figures are public, from the sending on, newest month first. Of one with few payees there is the
    run and no figure, and where few were paid, failed or held, none of these parts (``withheld``); of one below the level of place that its
    programme declares there is the place above it and no more (``_at_its_level``)."""
    public = filed.counted(portal, day)
    statement = sa.select(RUNS).where(kept.on(RUNS, day.text), RUNS.c.status.in_(("sent", "closed")), RUNS.c.programme.in_(public))
    found = query(portal, statement.order_by(RUNS.c.month.desc(), RUNS.c.programme, RUNS.c.division, RUNS.c.round))
    levels = filed.levels(portal, day)
    for row in found:
        row["proven"] = row["status"] == "closed" and all(
            row[f"{total}"] == sum(row[f"{part}{unit}"] for part in ("paid", "failed", "held"))
            for total, unit in (("count", ""), ("total_fen", "_fen"))
        )
        _at_its_level(row, levels[row["programme"]])
        row.update(dict.fromkeys({"": (), "parts": _PARTS}.get(row["withheld"], _COUNTS)))
    return _once(found)


def _at_its_level(row: dict[str, Any], digits: int) -> None:
    """A run of a smaller place than its programme may name (声明的级别) is one of the place above, without figures, number or event.

    Its figure would be the smaller place's. Its number is made of the place, so that whoever tries a few hundred codes would find it.
    """
    place = row["division"]
    row["division"] = place[:digits]
    if row["division"] != place:
        row.update(withheld="level", run_id="", stream="", version=-1)


def _once(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the runs without a number one line each month, place and round: how many there are tells in how many places below somebody is.
    It is closed, and proven, when all of them are. In an order in which no smaller place has a part."""
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in found:
        key = (row["programme"], row["month"], row["division"], row["round"], row["run_id"])
        other = lines.setdefault(key, row)
        if other is not row:
            both = (other, row)
            closed = all(one["status"] == "closed" for one in both)
            other["sent_on"] = max(one["sent_on"] for one in both)
            other["closed_on"] = max(one["closed_on"] for one in both) if closed else None
            other["status"] = "closed" if closed else "sent"
            other["proven"] = all(one["proven"] for one in both)
    newest = sorted(lines.values(), key=lambda row: (row["programme"], row["division"], row["round"], row["run_id"]))
    return sorted(newest, key=lambda row: row["month"], reverse=True)


def months(portal: Portal, day: Day) -> dict[str, dict[str, int]]:
    """Month → programme → fen due (应发) in the runs that are closed; a run whose figures are withheld is not in it.

    Due and not paid: from a sum of what was paid would follow what a run withholds of those few who were not. A follow-up run (补发) is
    over lines that are in it already.
    """
    found: dict[str, dict[str, int]] = {}
    for row in runs(portal, day):
        if row["status"] == "closed" and row["total_fen"] is not None and not row["round"]:
            of = found.setdefault(row["month"], {})
            of[row["programme"]] = of.get(row["programme"], 0) + row["total_fen"]
    return dict(sorted(found.items()))


def over_months(portal: Portal, day: Day, last: int = 24) -> Any:
    """The picture of what was due month by month; None where nothing was."""
    paid = {month: sum(of.values()) for month, of in months(portal, day).items()}
    points = [Bar(month, fen, f"{fen / 1_000_000:,.2f}万") for month, fen in list(paid.items())[-last:]]
    about = "；".join(f"{p.label}：{money(int(p.value or 0))}" for p in points)
    return line("各月应发金额（万元）", points, about=about) if points else None


def withholdings(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The record of what was withheld of runs: of which, by which rule, from which day to which, as it stood at the end of the day."""
    c = RUNS.c
    asked = sa.select(c.run_id, c.programme, c.division, c.withheld, c.since, c.until)
    asked = asked.where(c.status.in_(("sent", "closed")), c.programme.in_(filed.counted(portal, day)), c.since <= day.text)
    levels: dict[str, list[tuple[str, str, int]]] = {}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in query(portal, asked.order_by(c.run_id, c.since)):
        if row["programme"] not in levels:
            levels[row["programme"]] = filed.periods(portal, row["programme"])
        for first, behind, digits in levels[row["programme"]]:
            since, ends = max(row["since"], first), min(row["until"], behind)
            one = dict(row)
            _at_its_level(one, digits)
            if one["withheld"] and since < ends and since <= day.text:
                told = {name: one[name] for name in ("run_id", "programme", "withheld")} | {"place": one["division"]}
                told |= {"from_day": since, "until_day": until(ends, day.on)}
                found.setdefault(tuple(told.values()), told)
    return sorted(found.values(), key=lambda told: (told["run_id"], told["from_day"], told["programme"], told["place"], told["until_day"]))


@page("/sunshine/payments")
def payments(portal: Portal, day: Day) -> str:
    """发放批次: every run with its proof."""
    found = runs(portal, day)
    p = paging(len(found))
    sums = months(portal, day)
    name = filed.names(portal, day)
    names = sorted({code for of in sums.values() for code in of}, key=name)
    return render(
        "payments.html", day, rows=found[p.offset : p.offset + PER_PAGE], p=p, picture=over_months(portal, day), sums=sums, names=names,
        name=name,
    )  # fmt: skip


# -- 资金


@dataclass(frozen=True)
class Ledger:
    """What may be told of one fund on a day: ``lines`` by the day from which they are told, with the balance by what was told so far."""

    lines: list[dict[str, Any]]
    came: int
    went: int  # spending that is told, less what was given back
    balance: int | None  # None: what went back at the closing is withheld
    through: str  # the last month whose spending is told
    proven: bool


def funds(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every fund as it may be told, with whether in = out + balance, by the whole ledger."""
    found = query(portal, sa.select(FUNDS).where(kept.on(FUNDS, day.text)).order_by(FUNDS.c.programme, FUNDS.c.division, FUNDS.c.record_id))
    moved, spent = _by_fund(portal, day, MOVES, MOVES.c.day <= day.text), _by_fund(portal, day, SPENDING, kept.on(SPENDING, day.text))
    for row in found:
        ledger = _ledger(moved.get(row["record_id"], []), spent.get(row["record_id"], []), day, row.pop("balance"))
        row.update(vars(ledger))
    return found


def _by_fund(portal: Portal, day: Day, of: sa.Table, standing: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in query(portal, sa.select(of).where(standing)):
        found.setdefault(row["record_id"], []).append(row)
    return found


def _ledger(moved: list[dict[str, Any]], spent: list[dict[str, Any]], day: Day, balance: int) -> Ledger:
    """Lay the movements and the spending of one fund together. What went back at the closing is told when all the spending before it is: of
    the spending that is not told it would be the difference."""
    untold = [p["first_month"] for p in spent if p["told_from"] > day.text]
    lines: list[dict[str, Any]] = [
        {**m, "sort": (m["day"], 1, m["version"]), "first_month": None, "last_month": None, "cases": None, "withheld": ""} for m in moved
    ]
    for p in spent:
        if p["told_from"] <= day.text:
            told = {name: p[name] for name in ("record_id", "first_month", "last_month")}
            told |= {"day": p["told_from"], "kind": "spent", "amount": -p["spent"], "cases": len(json.loads(p["cases"]))}
            lines.append({**told, "sort": (p["told_from"], 0, 0), "version": -1, "document_no": "", "withheld": ""})
    lines.sort(key=lambda told: told["sort"])
    after: int | None = 0
    for number, told in enumerate(lines, 1):
        if told["kind"] == "closed" and any(month <= told["day"][:7] for month in untold):
            told.update(amount=None, withheld="beside")
        after = None if after is None or told["amount"] is None else after + told["amount"]
        told.update(number=number, balance=after)
    came = sum(m["amount"] for m in moved if m["kind"] == "allocated")
    went = -sum(told["amount"] for told in lines if told["kind"] == "spent")
    waiting = [month for month in untold if month < day.text[:7]]
    through = dates.add_months(min(waiting) if waiting else day.text[:7], -1)
    whole = sum(m["amount"] for m in moved) - sum(p["spent"] for p in spent)
    return Ledger(lines, came, went, after, through, whole == balance)


def moves(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The lines of all funds: for the open data, and for receipts."""
    return [told for fund in funds(portal, day) for told in fund["lines"]]


def fund_withholdings(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The record of spending that was not told when its month was over (``small``), and of what therefore was not told of a closing
    (``beside``): of which fund, from which day to which, as it stood at the end of the day."""
    found = []
    spent = _by_fund(portal, day, SPENDING, kept.on(SPENDING, day.text))
    moved = _by_fund(portal, day, MOVES, sa.and_(MOVES.c.day <= day.text, MOVES.c.kind == "closed"))
    for fund in query(portal, sa.select(FUNDS).where(kept.on(FUNDS, day.text)).order_by(FUNDS.c.record_id)):
        told = {"record_id": fund["record_id"], "programme": fund["programme"], "place": fund["division"]}
        periods = [(p["first_month"], p["told_from"]) for p in spent.get(fund["record_id"], [])]
        hidden = [("small", next_month(first), until_day) for first, until_day in periods]
        for closing in moved.get(fund["record_id"], []):
            late = [until_day for first, until_day in periods if first <= closing["day"][:7]]
            hidden += [("beside", closing["day"], max(late))] if late else []
        for why, from_day, until_day in sorted(hidden):
            if from_day <= day.text and from_day < until_day:
                found.append({**told, "withheld": why, "from_day": from_day, "until_day": until(until_day, day.on)})
    return found


def amount(unit: str, value: int | None) -> str:
    """Of a fund in its unit: fen or minutes."""
    return "不公布" if value is None else money(value) if unit == "fen" else f"{value:,} 分钟"


@page("/sunshine/funds")
def all_funds(portal: Portal, day: Day) -> str:
    """资金: what came in, what went out, what is left."""
    return render("funds.html", day, rows=funds(portal, day), name=filed.names(portal, day), amount=amount)


@page("/sunshine/funds/<record_id>")
def fund(portal: Portal, day: Day, record_id: str) -> str:
    """One fund: what came in, line by line, the spending by months, and the balance by both."""
    found = next((row for row in funds(portal, day) if row["record_id"] == record_id), None)
    if found is None:
        raise Refused("not_found", "该日没有此项资金。", None)
    told = [line for line in found["lines"] if line["balance"] is not None]
    last = [next(m for m in reversed(told) if m["day"] == d) for d in dict.fromkeys(m["day"] for m in told)][-24:]
    points = [Bar(m["day"][5:], m["balance"], f"{m['balance'] / 100:,.0f}") for m in last]
    return render(
        "fund.html", day, fund=found, rows=found["lines"], kinds=KINDS, name=filed.names(portal, day)(found["programme"]), amount=amount,
        picture=line("余额", points) if points else None, few=SMALL_CELL,
    )  # fmt: skip
