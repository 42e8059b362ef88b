"""指标: the indicators of the district's plan against their targets, each with numerator and denominator one click away.

What a plan asks for stands in ``profiles/<district>/indicators.yaml``; what this house can compute of it is declared, one ``Computed``
an indicator (``services/portal/rows/computed.py``): which running counts are divided by which. Nothing is typed in. What the house
cannot compute is listed with the reason, and no figure.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.computed import COMPUTED, few
from services.portal.rows.sunshine import SMALL, until
from services.portal.sunshine.figures import FEW
from services.portal.sunshine.public import Day, page, query, render
from services.portal.web.pictures import Bar, bars
from services.portal.web.portal import Portal
from services.portal.web.words import SERVICES
from shared.domain.errors import Refused
from shared.eventlog import discovery

COUNTS, _, _, WITHHELD = TABLES["indicators"]


# Why the others are not computed: of a service that is not there yet, or for want of something the log does not hold.
_NOT_HERE = "所属业务（{}）尚未由本系统办理"
_WHY = {
    "one_matter_joint_handling_rate": "日志记有联办事项，但哪些事项应当联办（分母）未登记",
    "support_needs_resolved": "帮扶需求分散在工单、转办和评估中，尚无统一的需求编号",
    "relief_activities_held": "救助帮扶活动未作为场次登记",
    "social_work_supervisions": "社工督导未作为场次登记",
    "relief_beneficiary_persontimes": "活动受益人次未登记",
    "disability_subsidy_coverage_rate": "全部符合条件的残疾人（分母）由残联掌握，本系统只有申请人",
    "minimum_living_admin_budget_rate": "工作经费预算由财政部门掌握",
    "purchased_assistance_budget_rate": "购买服务预算由财政部门掌握",
}
_SERVICE_WHY = {
    "eldercare": "养老设施、床位和服务尚未由本系统办理（现有津贴、补贴和能力评估）",
    "registry": "本系统的登记业务现有死亡登记与身后事，尚无此项",
    "assistance": "日志中没有计算所需的记录",
}


@lru_cache(maxsize=8)
def _plan(file: Path) -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(file.read_text(encoding="utf-8"))["indicators"]) if file.exists() else ()


def plan(portal: Portal) -> tuple[dict[str, Any], ...]:
    """The indicators of the district's plan, as its file has them."""
    return _plan(portal.profile.folder / "indicators.yaml")


def _counts(portal: Portal, day: str) -> dict[str, int]:
    found = query(portal, sa.select(COUNTS.c.measure, COUNTS.c.value).where(kept.on(COUNTS, day)))
    return {row["measure"]: int(row["value"]) for row in found}


def indicators(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every indicator of the plan on the day: computed with numerator and denominator, or with the reason why it is not."""
    now, before = _counts(portal, day.text), _counts(portal, f"{day.on.year - 1}-12-31")
    return [_with_value(row, now, before) for row in plan(portal)]


def _with_value(row: dict[str, Any], now: dict[str, int], before: dict[str, int]) -> dict[str, Any]:
    how = COMPUTED.get(row["identifier"])
    found = {**row, "how": how, "numerator": None, "denominator": None, "value": None, "withheld": False, "why": "", "met": None}
    if how is None:
        return {**found, "why": _why(row)}
    count = (now.get(how.count, 0) - (before.get(how.count, 0) if how.yearly else 0)) // how.divided_by
    over = now.get(how.over, 0) if how.over else None
    if how.persons and few(count, over):
        return {**found, "withheld": True}
    value = count if over is None else round(100 * count / over, 1) if over else None
    met = _met(row["operator"], value, row["target"]) if value is not None and row["status"] == "target" else None
    return {**found, "numerator": count, "denominator": over, "value": value, "met": met}


def withholdings(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The record of what was withheld of the plan's indicators, as it stood at the end of the day. What is counted from New Year on is
    withheld until then at most."""
    w, known = WITHHELD.c, {row["identifier"] for row in plan(portal)}
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


def _why(row: dict[str, Any]) -> str:
    if row["identifier"] in _WHY:
        return _WHY[row["identifier"]]
    if row["service"] not in discovery.services():
        return _NOT_HERE.format(SERVICES.get(row["service"], row["service"]))
    return _SERVICE_WHY.get(row["service"], "日志中没有计算所需的记录")


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


def bar(row: dict[str, Any]) -> Any:
    """Value beside target, as two bars."""
    return bars(row["name"], [Bar("现在", row["value"], said(row)), Bar("目标", row["target"], target(row))], width=620)


@page("/sunshine/indicators")
def every(portal: Portal, day: Day) -> str:
    """指标与目标."""
    rows = indicators(portal, day)
    computed = [r for r in rows if r["how"] is not None]
    others: dict[str, list[dict[str, Any]]] = {}
    for r in rows:
        if r["how"] is None:
            others.setdefault(SERVICES.get(r["service"], r["service"]), []).append(r)
    return render("indicators.html", day, computed=computed, others=others, said=said, target=target, bar=bar, year=portal.profile.year)


@page("/sunshine/indicators/<identifier>")
def one(portal: Portal, day: Day, identifier: str) -> str:
    """How one indicator is computed: numerator, denominator, the events they come from, and how it went over the year."""
    row = next((r for r in indicators(portal, day) if r["identifier"] == identifier), None)
    if row is None:
        raise Refused("not_found", "没有此项指标。", None)
    return render("indicator.html", day, r=row, said=said, target=target, picture=bar(row) if row["value"] is not None else None)
