"""指标: the indicators of the district's plan against their targets, each with numerator and denominator one click away.

What a plan asks for stands in ``profiles/<district>/indicators.yaml``, of a day in what was recorded of it (``filed.py``); what this house
can compute of it is declared, one ``Computed`` an indicator (``services/portal/rows/computed.py``): which running counts are divided by
which. Nothing is typed in. What the house cannot compute is listed with the reason, and no figure.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.computed import COMPUTED, Computed, few
from services.portal.rows.sunshine import SMALL, until
from services.portal.sunshine import filed
from services.portal.sunshine.figures import FEW
from services.portal.sunshine.public import Day, page, query, render
from services.portal.web.pictures import SMALL_WIDTH, Bar, bars
from services.portal.web.portal import Portal
from services.portal.web.words import SERVICES
from shared.domain.errors import Refused
from shared.eventsourcing.events import REGISTRY
from shared.eventsourcing.titles import title

COUNTS, _, _, WITHHELD = TABLES["indicators"]


def plan(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The indicators of the district's plan, as its file had them on the day."""
    return [{**vars(t), "name": t.title, "due": t.due_by, "target": _number(t.target)} for t in filed.targets(portal, day)]


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _counts(portal: Portal, day: str) -> dict[str, int]:
    found = query(portal, sa.select(COUNTS.c.measure, COUNTS.c.value).where(kept.on(COUNTS, day)))
    return {row["measure"]: int(row["value"]) for row in found}


def indicators(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every indicator of the plan on the day: computed with numerator and denominator, or with the reason why it is not."""
    now, before = _counts(portal, day.text), _counts(portal, f"{day.on.year - 1}-12-31")
    return [_with_value(row, now, before) for row in plan(portal, day)]


def _with_value(row: dict[str, Any], now: dict[str, int], before: dict[str, int]) -> dict[str, Any]:
    how = COMPUTED.get(row["identifier"]) if row["computed"] else None  # of a past day: as the release of then could compute it
    found = {**row, "how": how, "numerator": None, "denominator": None, "value": None, "withheld": False, "met": None}
    found["changed"] = how is not None and _changed(row, how)
    if how is None:
        return {**found, "why": row["why"] or "所依的算法已停用"}
    count = (now.get(how.count, 0) - (before.get(how.count, 0) if how.yearly else 0)) // how.divided_by
    over = now.get(how.over, 0) if how.over else None
    if how.persons and few(count, over, (now.get(one, 0) for one in how.beside)):
        return {**found, "withheld": True}
    value = count if over is None else round(100 * count / over, 1) if over else None
    met = _met(row["operator"], value, row["target"]) if value is not None and row["status"] == "target" else None
    return {**found, "numerator": count, "denominator": over, "value": value, "met": met}


def _changed(row: dict[str, Any], how: Computed) -> bool:
    """Whether the release of then computed it in other words than this one does; of one that did not record how, nobody knows."""
    then = (row["says"], row["over_says"], tuple(row["counted_by"]))
    return bool(row["says"]) and then != (how.says, how.over_says, how.events)


def withholdings(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The record of what was withheld of the plan's indicators, as it stood at the end of the day. What is counted from New Year on is
    withheld until then at most."""
    w, known = WITHHELD.c, {row["identifier"] for row in plan(portal, day)}
    found = query(portal, sa.select(WITHHELD).where(w.withheld, w.since <= day.text).order_by(w.identifier, w.since))
    periods = []
    for row in found:
        ends = row["until"]
        if COMPUTED[row["identifier"]].yearly:
            ends = min(ends, f"{int(row['since'][:4]) + 1}-01-01")
        told = {"indicator": row["identifier"], "programme": "", "place": "", "withheld": SMALL}
        if row["identifier"] in known:
            periods.append({**told, "from_day": row["since"], "until_day": until(ends, day.on)})
    return periods


def _met(operator: str, value: float, target: float) -> bool:
    return value >= target if operator == ">=" else value <= target if operator == "<=" else value == target


def _plain(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def said(row: dict[str, Any]) -> str:
    """The value as a page says it."""
    if row["withheld"]:
        return f"{FEW}，不公布" if row["how"].over == "" else "人数较少，不公布"
    return "尚无对象" if row["value"] is None else f"{_plain(row['value'])} {row['unit']}"


def target(row: dict[str, Any]) -> str:
    sign = {">=": "不少于 ", "<=": "不超过 ", "==": ""}[row["operator"]]
    return f"{sign}{_plain(row['target'])} {row['unit']}"


def happening(event: str) -> str:
    """What an event that is counted is called; one that this release does not know, by its code."""
    known = next((name for name in REGISTRY if name.rpartition(".")[2] == event), event)
    return title(known)


def bar(row: dict[str, Any]) -> Any:
    """Value beside target, or beside what the plan's report says, as two bars."""
    beside = "目标" if row["status"] == "target" else "所报"
    return bars(row["name"], [Bar("现在", row["value"], said(row)), Bar(beside, row["target"], target(row))], width=SMALL_WIDTH)


@page("/sunshine/indicators")
def every(portal: Portal, day: Day) -> str:
    """指标与目标."""
    rows = indicators(portal, day)
    computed = [r for r in rows if r["how"] is not None]
    others: dict[str, list[dict[str, Any]]] = {}
    for r in rows:
        if r["how"] is None:
            others.setdefault(SERVICES.get(r["service"], r["service"]), []).append(r)
    return render(
        "indicators.html", day, computed=computed, others=others, said=said, target=target, bar=bar, year=portal.profile.year,
        since=filed.since(portal, day, "targets"),
    )  # fmt: skip


@page("/sunshine/indicators/<identifier>")
def one(portal: Portal, day: Day, identifier: str) -> str:
    """How one indicator is computed: numerator, denominator, the events they come from, and how it went over the year."""
    row = next((r for r in indicators(portal, day) if r["identifier"] == identifier), None)
    if row is None:
        raise Refused("not_found", "没有此项指标。", None)
    picture, since = bar(row) if row["value"] is not None else None, filed.since(portal, day, "targets")
    return render("indicator.html", day, r=row, said=said, target=target, picture=picture, since=since, happening=happening)
