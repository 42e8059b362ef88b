"""指标: the indicators of the district's plan against their targets, each with numerator and denominator one click away.

What a plan asks for stands in ``profiles/<district>/indicators.yaml``; what this house can compute of it is declared here, one ``Computed``
an indicator: which running counts (``services/portal/rows/indicators.py``) are divided by which. Nothing is typed in. What the house
cannot compute is listed with the reason, and no figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.sunshine.figures import FEW, small
from services.portal.sunshine.public import Day, page, query, render
from services.portal.web.pictures import Bar, bars
from services.portal.web.portal import Portal
from services.portal.web.words import SERVICES
from shared.domain.errors import Refused
from shared.eventlog import discovery

COUNTS, _ = TABLES["indicators"]


@dataclass(frozen=True)
class Computed:
    """How an indicator follows from the log. ``over`` "": a plain number, no quotient.

    yearly: what happened since the year began (a count of happenings); otherwise what is so on the day. persons: it counts persons, so that
    a small count is withheld. events: by which the counts move. divided_by: of a number told in another unit than it is counted in.
    """

    count: str
    says: str
    events: tuple[str, ...]
    over: str = ""
    over_says: str = ""
    yearly: bool = False
    persons: bool = False
    divided_by: int = 1


_HOME = "home_improvement_households"
COMPUTED: dict[str, Computed] = {
    "proactive_discovery_households": Computed(
        "discovered", "本年主动发现、核实后转申请或转介的线索", ("clue_resolved",), yearly=True, persons=True
    ),
    "full_agency_cases_households": Computed(
        "registered full_process_proxy_application", "本年登记在册的全程代办", ("record_registered",), yearly=True, persons=True
    ),
    "care_visits": Computed("visits", "本年登记的探访（次）", ("visit_recorded",), yearly=True),
    "benefit_lists_delivered": Computed(
        "registered benefit_statement_delivery", "本年登记送达的幸福清单", ("record_registered",), yearly=True, persons=True
    ),
    "home_improvement_budget": Computed(
        "home_improvement_fen",
        "善居工程各项目的批准预算合计",
        ("project_planned", "project_change_decided", "project_closed"),
        divided_by=100,
    ),
    _HOME: Computed("home_improvement_done", "本年结项的善居工程户数", ("project_closed",), yearly=True, persons=True),
    "destitute_institution_problems_found": Computed(
        "institution_findings", "特困供养机构专项治理检查发现的问题", ("campaign_object_checked",), yearly=True
    ),
    "destitute_institution_rectification_rate": Computed(
        "institution_findings_settled",
        "已整改并经复查销号的问题",
        ("campaign_object_checked", "campaign_rectification_verified"),
        over="institution_findings",
        over_says="检查发现的问题",
    ),
    "dispersed_destitute_purchased_care_rate": Computed(
        "home_care_commissioned",
        "照料护理计划中由第三方机构承担的人",
        ("visit_plan_opened", "visit_responsible_changed", "visit_plan_closed"),
        over="home_care",
        over_says="有照料护理计划的分散供养特困人员",
        persons=True,
    ),
    "willing_destitute_institutional_admission_rate": Computed(
        "wishing_inside",
        "有集中供养意愿且已入住的人",
        ("placement_wished", "person_moved_in", "person_moved_out", "placement_wish_withdrawn"),
        over="wishing",
        over_says="登记了集中供养意愿的特困人员",
        persons=True,
    ),
    "nonselfcare_destitute_institutional_rate": Computed(
        "dependent_inside",
        "生活不能自理且集中供养的人",
        ("assessment_graded", "assessment_expired", "assessment_ended", "person_moved_in", "person_moved_out"),
        over="dependent",
        over_says="评估为部分或完全丧失自理能力的特困人员",
        persons=True,
    ),
    "mental_health_lectures": Computed(
        "sessions psychological_support_sessions", "本年举办的心理健康大讲堂", ("session_held",), yearly=True
    ),
    "assistance_policy_trainings": Computed(
        "sessions assistance_worker_training", "本年举办的社会救助培训", ("session_held",), yearly=True
    ),
    "means_check_report_rate": Computed(
        "checks_reported",
        "申请核对中已出具报告的",
        ("verification_opened", "verification_reported"),
        over="checks",
        over_says="经授权立项的申请核对",
        persons=True,
    ),
    "means_recheck_rate": Computed(
        "rechecks_reported",
        "在册复核已出具报告的对象",
        ("reverification_objects_listed", "reverification_object_reported", "reverification_object_excused"),
        over="rechecks",
        over_says="列入复核的在册对象（死亡、终止等免于复核的除外）",
        persons=True,
    ),
}

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
    if how.persons and (small(count) or (over is not None and (small(over) or small(over - count)))):
        return {**found, "withheld": True}  # nor what is left of it: the one follows from the other
    value = count if over is None else round(100 * count / over, 1) if over else None
    met = _met(row["operator"], value, row["target"]) if value is not None and row["status"] == "target" else None
    return {**found, "numerator": count, "denominator": over, "value": value, "met": met}


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
