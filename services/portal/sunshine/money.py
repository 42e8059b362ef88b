"""发放 and 资金: payment runs in total with the proof that in = paid + failed + held, and funds with the proof that in = out + balance."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.sunshine import until
from services.portal.sunshine import declared
from services.portal.sunshine.public import PER_PAGE, Day, page, paging, query, render
from services.portal.web.pictures import Bar, line
from services.portal.web.portal import Portal
from services.portal.web.shown import money
from shared.casework.programme import LEVELS
from shared.domain.errors import Refused

RUNS = TABLES["runs"]
FUNDS, MOVES = TABLES["funds"]
_PARTS = ("paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")
_COUNTS = ("count", "total_fen", "paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")
KINDS = {"allocated": "拨入", "drawn": "支取", "given_back": "退回", "counted": "盘点", "closed": "结清缴回"}


# -- 发放


def runs(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The runs of the programmes whose figures are public, from the sending on, newest month first. Of one with few payees there is the
    run and no figure, and where few were paid, failed or held, none of these parts (``withheld``); of one below the level of place that its
    programme declares there is the place above it and no more (``_at_its_level``)."""
    public = [p.code for p in declared.counted()]
    statement = sa.select(RUNS).where(kept.on(RUNS, day.text), RUNS.c.status.in_(("sent", "closed")), RUNS.c.programme.in_(public))
    found = query(portal, statement.order_by(RUNS.c.month.desc(), RUNS.c.programme, RUNS.c.division, RUNS.c.round))
    for row in found:
        row["proven"] = row["status"] == "closed" and all(
            row[f"{total}"] == sum(row[f"{part}{unit}"] for part in ("paid", "failed", "held"))
            for total, unit in (("count", ""), ("total_fen", "_fen"))
        )
        _at_its_level(row)
        row.update(dict.fromkeys({"": (), "parts": _PARTS}.get(row["withheld"], _COUNTS)))
    return _once(found)


def _at_its_level(row: dict[str, Any]) -> None:
    """A run of a smaller place than its programme may name (声明的级别) is one of the place above, without figures, number or event.

    Its figure would be the smaller place's. Its number is made of the place, so that whoever tries a few hundred codes would find it.
    """
    place = row["division"]
    row["division"] = place[: LEVELS[declared.public(row["programme"]).level]]
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
    public = [p.code for p in declared.counted()]
    asked = sa.select(c.run_id, c.programme, c.division, c.withheld, c.since, c.until)
    asked = asked.where(c.status.in_(("sent", "closed")), c.programme.in_(public), c.since <= day.text).order_by(c.run_id, c.since)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in query(portal, asked):
        _at_its_level(row)
        if row["withheld"]:
            told = {name: row[name] for name in ("run_id", "programme", "withheld")} | {"place": row["division"]}
            told |= {"from_day": row["since"], "until_day": until(row["until"], day.on)}
            found.setdefault(tuple(told.values()), told)
    return sorted(found.values(), key=lambda told: (told["run_id"], told["from_day"], told["programme"], told["place"], told["until_day"]))


@page("/sunshine/payments")
def payments(portal: Portal, day: Day) -> str:
    """发放批次: every run with its proof."""
    found = runs(portal, day)
    p = paging(len(found))
    sums = months(portal, day)
    names = sorted({code for of in sums.values() for code in of}, key=declared.name)
    return render(
        "payments.html", day, rows=found[p.offset : p.offset + PER_PAGE], p=p, picture=over_months(portal, day), sums=sums, names=names,
        name=declared.name,
    )  # fmt: skip


# -- 资金


def funds(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every fund as it stood, with whether in = out + balance."""
    found = query(portal, sa.select(FUNDS).where(kept.on(FUNDS, day.text)).order_by(FUNDS.c.programme, FUNDS.c.division, FUNDS.c.record_id))
    sums = sa.select(
        MOVES.c.record_id,
        sa.func.sum(sa.case((MOVES.c.kind == "allocated", MOVES.c.amount), else_=0)).label("came"),
        sa.func.sum(sa.case((MOVES.c.kind != "allocated", -MOVES.c.amount), else_=0)).label("went"),
    ).where(MOVES.c.day <= day.text)
    moved = {row["record_id"]: row for row in query(portal, sums.group_by(MOVES.c.record_id))}
    for row in found:
        m = moved.get(row["record_id"], {"came": 0, "went": 0})  # added up from the movements, not taken from the row
        row["came"], row["went"] = int(m["came"]), int(m["went"])
        row["proven"] = row["came"] == row["went"] + row["balance"]
    return found


def moves(portal: Portal, day: Day, record_id: str | None = None) -> list[dict[str, Any]]:
    """The movements by the day, oldest first, each with the balance behind it."""
    statement = sa.select(MOVES).where(MOVES.c.day <= day.text)
    if record_id is not None:
        statement = statement.where(MOVES.c.record_id == record_id)
    return query(portal, statement.order_by(MOVES.c.record_id, MOVES.c.version))


def amount(unit: str, value: int) -> str:
    """Of a fund in its unit: fen or minutes."""
    return money(value) if unit == "fen" else f"{value:,} 分钟"


@page("/sunshine/funds")
def all_funds(portal: Portal, day: Day) -> str:
    """资金: what came in, what went out, what is left."""
    return render("funds.html", day, rows=funds(portal, day), name=declared.name, amount=amount)


@page("/sunshine/funds/<record_id>")
def fund(portal: Portal, day: Day, record_id: str) -> str:
    """One fund: every movement with the balance behind it, and the balance over time."""
    found = next((row for row in funds(portal, day) if row["record_id"] == record_id), None)
    if found is None:
        raise Refused("not_found", "该日没有此项资金。", None)
    rows = moves(portal, day, record_id)
    last = [next(m for m in reversed(rows) if m["day"] == d) for d in dict.fromkeys(m["day"] for m in rows)][-24:]
    points = [Bar(m["day"][5:], m["balance"], f"{m['balance'] / 100:,.0f}") for m in last]
    return render(
        "fund.html", day, fund=found, rows=rows, kinds=KINDS, name=declared.name(found["programme"]), amount=amount,
        picture=line("余额", points) if points else None,
    )  # fmt: skip
