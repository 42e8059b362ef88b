"""Discovery and monitoring (主动发现、监测预警): what neighbours, hotlines and comparisons of data say, answered in time."""

from __future__ import annotations

from shared.casework import clue
from shared.casework.clue import Level
from shared.casework.shape import Declaration, Step

_SOMEBODY = "0a" * 16
_FINDINGS = ("hardship", "emergency", "already_covered", "not_in_need", "not_found")  # 困难属实、急难、已享受、不困难、查无此人
_WARNINGS = (Level("orange", 2, 10), Level("red", 1, 3), Level("yellow", 3, 20))  # 预警等级

PROACTIVE_DISCOVERY = Declaration(
    code="proactive_discovery",
    name="主动发现",
    catalogue=("A35",),
    shape=clue.SHAPE,
    subject="person",
    terms=clue.Terms(
        sources=("village", "grid", "hotline", "volunteer", "social_worker", "visit", "data_rule"),
        kinds=("illness", "accident", "disaster", "disability", "unemployment", "child", "elder", "other"),
        findings=_FINDINGS,
        levels=(Level("normal", 1, 10), Level("urgent", 0, 1)),  # an emergency is helped within 24 hours
    ),
    example=(
        Step(
            "report_clue",
            {
                "programme": "proactive_discovery",
                "division": "330225101",
                "source": "hotline",
                "kind": "illness",
                "what": "突发大病，无力支付医药费",
                "place": "丹东街道",
                "reporter": "12345:20230703001",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk"}),
        Step("verify_clue", {"record_id": "@id", "finding": "hardship", "subject_id": _SOMEBODY}, "clerk", 2),
        Step("resolve_clue", {"record_id": "@id", "outcome": "apply", "opened": "case-1"}, "reviewer", 3),
        Step("tell_reporter", {"record_id": "@id", "channel": "电话回复12345工单"}, "clerk", 4),
    ),
)

LOW_INCOME_DYNAMIC_MONITORING = Declaration(
    code="low_income_dynamic_monitoring",
    name="低收入人口动态监测",
    catalogue=("A32",),
    shape=clue.SHAPE,
    subject="person",
    terms=clue.Terms(
        sources=("data_rule",),
        # What the register is compared with: medical cost, disability, employment, death, property, schooling.
        kinds=("medical_cost", "disability", "job_lost", "death", "property", "schooling"),
        findings=_FINDINGS,
        levels=_WARNINGS,
    ),
    example=(
        Step(
            "report_clue",
            {
                "programme": "low_income_dynamic_monitoring",
                "division": "330225101",
                "source": "data_rule",
                "kind": "medical_cost",
                "urgency": "red",
                "subject_id": _SOMEBODY,
                "what": "近三个月自负医疗费用超过预警线",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk"}),
        Step("verify_clue", {"record_id": "@id", "finding": "already_covered", "note": "已由支出型救助覆盖"}, "clerk", 1),
        Step("resolve_clue", {"record_id": "@id", "outcome": "no_need", "reason": "已享受支出型救助"}, "reviewer", 2),
    ),
)

MONITORING_WARNING_HANDLING = Declaration(
    code="monitoring_warning_handling",
    name="监测预警信息核实处理",
    catalogue=("A33",),
    shape=clue.SHAPE,
    subject="person",
    terms=clue.Terms(sources=("platform", "province", "department"), findings=_FINDINGS, levels=_WARNINGS),
    example=(
        Step(
            "report_clue",
            {
                "programme": "monitoring_warning_handling",
                "division": "330225101",
                "source": "province",
                "kind": "收入骤减",
                "subject_id": _SOMEBODY,
                "what": "省级平台下发预警",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk", "verify_by": "2023-07-07"}),
        Step("verify_clue", {"record_id": "@id", "finding": "hardship"}, "clerk", 3),
        Step("resolve_clue", {"record_id": "@id", "outcome": "refer", "opened": "医疗救助转介2023-18"}, "reviewer", 4),
    ),
)

NATIONAL_REGISTER_COMPARISON = Declaration(
    code="national_register_comparison",
    name="低收入人口金民数据比对",
    catalogue=("A31",),
    shape=clue.SHAPE,
    subject="person",
    terms=clue.Terms(
        sources=("jinmin",),
        kinds=("only_there", "only_here", "class_differs"),
        # 本区登记有误，金民登记有误，比对后已变化，查无此人
        findings=("our_record_wrong", "their_record_wrong", "changed_meanwhile", "not_found"),
        levels=(Level("normal", 3, 20),),  # placeholder
    ),
    example=(
        Step(
            "report_clue",
            {
                "programme": "national_register_comparison",
                "division": "330225101",
                "source": "jinmin",
                "kind": "only_there",
                "subject_id": _SOMEBODY,
                "what": "2023-07：金民为低保，本区名册无此人",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk"}, "clerk", 1),
        Step("verify_clue", {"record_id": "@id", "finding": "their_record_wrong", "note": "已于6月终止"}, "clerk", 5),
        Step("resolve_clue", {"record_id": "@id", "outcome": "refer", "opened": "金民更正单2023-7"}, "reviewer", 6),
    ),
)

DISABLED_SUBSIDY_MONITORING = Declaration(
    code="disabled_subsidy_monitoring",
    name="残疾人两项补贴数据监测",
    catalogue=("A76",),
    shape=clue.SHAPE,
    subject="person",
    terms=clue.Terms(
        sources=("data_rule", "province"),
        kinds=("death", "hukou_moved", "certificate_expired", "class_changed", "eligible_not_granted"),
        findings=("to_stop", "to_adjust", "to_grant", "record_wrong", "no_change"),  # 应停、应调、应补、数据有误、无变化
        levels=_WARNINGS,
    ),
    example=(
        Step(
            "report_clue",
            {
                "programme": "disabled_subsidy_monitoring",
                "division": "330225102",
                "source": "data_rule",
                "kind": "certificate_expired",
                "urgency": "yellow",
                "subject_id": _SOMEBODY,
                "what": "残疾人证已过有效期",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk"}),
        Step("verify_clue", {"record_id": "@id", "finding": "to_stop"}, "clerk", 5),
        Step("resolve_clue", {"record_id": "@id", "outcome": "refer", "opened": "case-3"}, "reviewer", 6),
    ),
)

ASSISTANCE_COMPLAINT = Declaration(
    code="assistance_complaint",
    name="社会救助群众监督",
    catalogue=("A53",),
    shape=clue.SHAPE,
    terms=clue.Terms(
        sources=("hotline", "letter", "visit", "online", "inspection"),
        kinds=("granted_wrongly", "denied_wrongly", "embezzled", "treated_badly"),  # 错保、漏保、侵占、作风
        findings=("true", "partly_true", "untrue", "not_found"),
        levels=(Level("normal", 2, 20), Level("urgent", 1, 5)),
        tell_days=5,
    ),
    example=(
        Step(
            "report_clue",
            {
                "programme": "assistance_complaint",
                "division": "330225101",
                "source": "letter",
                "kind": "granted_wrongly",
                "what": "反映某户名下有车仍享受低保",
                "reporter": "letter:2023-018",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk"}),
        Step("verify_clue", {"record_id": "@id", "finding": "true", "note": "车辆属实，超出规定"}, "clerk", 8),
        Step("resolve_clue", {"record_id": "@id", "outcome": "refer", "opened": "recovery-1", "reason": "终止并追回"}, "reviewer", 9),
        Step("tell_reporter", {"record_id": "@id", "channel": "书面答复"}, "clerk", 10),
    ),
)

HOUSEHOLD_CHANGE_REPORTS = Declaration(
    code="household_change_reports",
    name="外部通报家庭变动核实",
    catalogue=("A11",),
    shape=clue.SHAPE,
    subject="person",
    terms=clue.Terms(
        sources=("psb", "hospital", "housing"),
        kinds=("moved", "left", "born"),  # 全户迁移，成员户籍迁出，家庭新生儿
        findings=("confirmed", "already_registered", "not_so"),  # 属实、已登记、不属实
    ),
    example=(
        Step(
            "report_clue",
            {
                "programme": "household_change_reports",
                "division": "330225101",
                "source": "psb",
                "kind": "born",
                "subject_id": _SOMEBODY,
                "what": "公安部门通报家庭新生儿（2023-07-01，户2023-118），须核实后登记",
            },
        ),
        Step("assign_clue", {"record_id": "@id", "responsible": "staff:clerk"}),
        Step("verify_clue", {"record_id": "@id", "finding": "confirmed", "note": "户口簿、出生医学证明"}, "clerk", 1),
        Step("resolve_clue", {"record_id": "@id", "outcome": "apply", "opened": "家庭情况变更登记"}, "reviewer", 2),
    ),
)

ALL = (
    PROACTIVE_DISCOVERY,
    LOW_INCOME_DYNAMIC_MONITORING,
    MONITORING_WARNING_HANDLING,
    NATIONAL_REGISTER_COMPARISON,
    DISABLED_SUBSIDY_MONITORING,
    HOUSEHOLD_CHANGE_REPORTS,
    ASSISTANCE_COMPLAINT,
)
