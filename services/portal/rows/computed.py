"""Which indicators this house computes, and from which running counts (指标的算法): one ``Computed`` an indicator, nothing is typed in.

``few`` is the rule by which one is withheld. It is kept with the counts, so that the withholding is recorded as they are folded
(``indicators.py``), and the page says the same (``services/portal/sunshine/indicators.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.portal.rows.sunshine import small


@dataclass(frozen=True)
class Computed:
    """How an indicator follows from the log. ``over`` "": a plain number, no quotient.

    yearly: what happened since the year began (a count of happenings); otherwise what is so on the day. persons: it counts persons, so that
    a small count is withheld. events: by which the counts move. divided_by: of a number told in another unit than it is counted in.
    beside: counts of those who are in none of these; how many of a programme there are is told, and with it they would follow.
    """

    count: str
    says: str
    events: tuple[str, ...]
    over: str = ""
    over_says: str = ""
    yearly: bool = False
    persons: bool = False
    divided_by: int = 1
    beside: tuple[str, ...] = ()


_HOME = "home_improvement_households"
_IN_SUPPORT = ("case_granted", "case_reassessed", "case_ended", "case_restored")  # whether somebody is 特困
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
        "由第三方机构承担照料护理的分散供养特困人员",
        ("visit_plan_opened", "visit_responsible_changed", "visit_plan_closed", "person_moved_in", "person_moved_out", *_IN_SUPPORT),
        over="home_care",
        over_says="全部分散供养特困人员（在册，未入住机构）",
        persons=True,
        beside=("inside",),
    ),
    "willing_destitute_institutional_admission_rate": Computed(
        "wishing_inside",
        "有集中供养意愿且已入住的人",
        ("placement_wished", "person_moved_in", "person_moved_out", "placement_wish_withdrawn", *_IN_SUPPORT),
        over="wishing",
        over_says="登记了集中供养意愿的特困人员（在册）",
        persons=True,
        beside=("unwilling_inside", "unwilling_dispersed"),
    ),
    "nonselfcare_destitute_institutional_rate": Computed(
        "dependent_inside",
        "生活不能自理且集中供养的人",
        ("person_finding_recorded", "person_moved_in", "person_moved_out", *_IN_SUPPORT),
        over="dependent",
        over_says="认定为部分或完全丧失自理能力的特困人员（在册）",
        persons=True,
        beside=("able_inside", "able_dispersed"),
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


def few(count: int, over: int | None, beside: Iterable[int] = ()) -> bool:
    """Whether an indicator over persons is withheld: a numerator, a denominator, what is left of it or who stands beside it is few, for the
    one follows from the others."""
    return small(count) or (over is not None and (small(over) or small(over - count))) or any(map(small, beside))
