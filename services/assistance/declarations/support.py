"""Help beside money (帮扶与服务): visits, regular support, needs and the services that meet them, proxies, statements, pilots."""

from __future__ import annotations

from shared.casework import graded_assessment, project, record, service_order, visit_plan
from shared.casework.graded_assessment import Band, Item
from shared.casework.project import Stage
from shared.casework.record import Field
from shared.casework.service_order import ServiceClass
from shared.casework.shape import Declaration, Step
from shared.casework.visit_plan import Finding

PERSON, HOUSEHOLD, TOWN = "a1" * 16, "b2" * 16, "330225100"
FINDINGS = (
    Finding("income_lost", "收入骤减", clue=True),
    Finding("gravely_ill", "新患重病", clue=True),
    Finding("accident", "突发意外", clue=True),
    Finding("not_covered", "应保未保", clue=True),
    Finding("child_unattended", "儿童无人照看", clue=True),
    Finding("lonely", "需要陪伴"),
)

REGULAR_SUPPORT_FOR_LOW_INCOME = Declaration(
    code="regular_support_for_low_income",
    name="低收入人口常态化帮扶",
    catalogue=("A34",),
    shape=visit_plan.SHAPE,
    subject="household",
    terms=visit_plan.Terms(every_days=90, review_days=365, measures=True, findings=FINDINGS),
    example=(
        Step(
            "open_visit_plan",
            {
                "programme": "regular_support_for_low_income",
                "division": TOWN,
                "subject_id": HOUSEHOLD,
                "responsible": "staff:chen",
                "measures": ["公益岗位", "助学"],
            },
        ),
        Step("record_visit", {"record_id": "@id", "visited_on": "2023-09-01", "mode": "on_site", "findings": ["gravely_ill"]}, "clerk", 61),
        Step("review_visit_plan", {"record_id": "@id", "outcome": "须加密", "measures": ["医疗救助"], "every_days": 30}, "reviewer", 70),
        Step("record_visit", {"record_id": "@id", "visited_on": "2023-09-20", "mode": "online"}, "clerk", 80),
        Step("close_visit_plan", {"record_id": "@id", "reason": "收入稳定，退出监测"}, "reviewer", 365),
    ),
)

HARDSHIP_VISIT = Declaration(
    code="hardship_visit",
    name="困难群众探访关爱",
    catalogue=("A37",),
    shape=visit_plan.SHAPE,
    subject="person",
    terms=visit_plan.Terms(every_days=30, findings=FINDINGS),
    example=(
        Step("open_visit_plan", {"programme": "hardship_visit", "division": TOWN, "subject_id": PERSON, "responsible": "staff:lin"}),
        Step("record_visit", {"record_id": "@id", "visited_on": "2023-07-20", "mode": "online", "findings": ["lonely"]}, "clerk", 17),
        Step("record_visit", {"record_id": "@id", "visited_on": "2023-08-10", "findings": ["income_lost"]}, "clerk", 38),
    ),
)

FULL_PROCESS_PROXY_APPLICATION = Declaration(
    code="full_process_proxy_application",
    name="社会救助全程代办",
    catalogue=("A36",),
    shape=record.SHAPE,
    subject="person",
    # 每一环节都载明代办人与申请人；环节逐步推进。
    terms=record.Terms(
        fields=(
            Field("agent", "代办人", fixed=True),
            Field("principal", "申请人", fixed=True),
            Field("authorisation_no", "授权书编号", fixed=True),
            Field("matter", "代办事项", fixed=True),
            Field("step", "代办环节", choices=("apply", "submit", "collect_result"), stepwise=True),
            Field("case_id", "办件编号", required=False),
        ),
        single=True,
        certificate="DB",
        valid_days=180,
        checked_changes=False,
    ),
    example=(
        Step(
            "file_record",
            {
                "programme": "full_process_proxy_application",
                "division": TOWN,
                "subject_id": PERSON,
                "reference": "minimum_living_allowance",
                "entries": [
                    {"code": "agent", "value": "staff:wang"},
                    {"code": "principal", "value": PERSON},
                    {"code": "authorisation_no", "value": "SQ-2023-08"},
                    {"code": "matter", "value": "minimum_living_allowance"},
                    {"code": "step", "value": "apply"},
                ],
            },
        ),
        Step("check_record", {"record_id": "@id", "note": "授权书有效"}, "reviewer", 1),
        Step("register_record", {"record_id": "@id"}, "approver", 2),
        Step("certify_record", {"record_id": "@id"}, "approver", 2),
        Step(
            "change_record",
            {
                "record_id": "@id",
                "entries": [{"code": "step", "value": "submit"}, {"code": "case_id", "value": "case-1"}],
                "reason": "已提交申请",
            },
            "clerk",
            4,
        ),
        Step("rely_on_record", {"record_id": "@id", "relied_by": "case-1"}, "clerk", 4),
        Step(
            "change_record",
            {"record_id": "@id", "entries": [{"code": "step", "value": "collect_result"}], "reason": "代领决定书"},
            "clerk",
            40,
        ),
        Step("cancel_record", {"record_id": "@id", "reason": "代办完成"}, "clerk", 41),
    ),
)

BENEFIT_STATEMENT_DELIVERY = Declaration(
    code="benefit_statement_delivery",
    name="幸福清单",
    catalogue=("A38",),
    shape=record.SHAPE,
    subject="household",
    # 登记号为时期（reference），同一家庭同一时期一份；送达后补登回执。
    terms=record.Terms(
        fields=(
            Field("period", "清单时期", fixed=True),
            Field("items", "所列项目数", fixed=True),
            Field("statement_no", "清单编号", fixed=True),
            Field("channel", "送达方式", choices=("app", "sms", "paper", "visit")),
            Field("delivered_on", "送达日期"),
            Field("read_on", "阅知日期", required=False),
        ),
        single=True,
        checked_changes=False,
    ),
    example=(
        Step(
            "file_record",
            {
                "programme": "benefit_statement_delivery",
                "division": TOWN,
                "subject_id": HOUSEHOLD,
                "reference": "2023-H1",
                "entries": [
                    {"code": "period", "value": "2023-H1"},
                    {"code": "items", "value": "7"},
                    {"code": "statement_no", "value": "XF-2023-0001"},
                    {"code": "channel", "value": "paper"},
                    {"code": "delivered_on", "value": "2023-07-03"},
                ],
            },
        ),
        Step("check_record", {"record_id": "@id"}, "reviewer", 1),
        Step("register_record", {"record_id": "@id"}, "approver", 2),
        Step(
            "change_record",
            {"record_id": "@id", "entries": [{"code": "read_on", "value": "2023-07-06"}], "reason": "收到回执"},
            "clerk",
            3,
        ),
    ),
)

NEEDS_FORM = (
    Item("income", "收入", most=4, weight=3, need="income_support", need_from=2),
    Item("care", "照料", most=4, weight=2, need="care", need_from=2),
    Item("health", "健康", most=4, weight=2, need="resource_linking", need_from=2),
    Item("housing", "住房", most=4, need="home_environment", need_from=3),
    Item("education", "教育", most=4, need="resource_linking", need_from=2),
    Item("employment", "就业", most=4, need="employment_guidance", need_from=2),
    Item("psychological", "心理", most=4, weight=2, need="psychological_comfort", need_from=2),
)

COMPREHENSIVE_ASSISTANCE_ASSESSMENT = Declaration(
    code="comprehensive_assistance_assessment",
    name="社会救助综合评估",
    catalogue=("A45",),
    shape=graded_assessment.SHAPE,
    subject="household",
    # 量表、权重与分级为占位，以本区评估办法为准；量表换版后，复评按新版。
    terms=graded_assessment.Terms(
        form="综合评估表（试行）",
        items=NEEDS_FORM,
        bands=(Band("low", "一般", 0, 11), Band("middle", "较困难", 12, 27), Band("high", "特别困难", 28, 48)),
        valid_days=365,
        assess_days=10,
    ),
    example=(
        Step(
            "request_assessment",
            {"programme": "comprehensive_assistance_assessment", "division": TOWN, "subject_id": HOUSEHOLD, "reason": "首次评估"},
        ),
        Step(
            "submit_assessment",
            {
                "record_id": "@id",
                "scores": [
                    {"item": "income", "points": 3},
                    {"item": "care", "points": 2},
                    {"item": "health", "points": 3},
                    {"item": "housing", "points": 1},
                    {"item": "education", "points": 0},
                    {"item": "employment", "points": 2},
                    {"item": "psychological", "points": 2},
                ],
            },
            "clerk",
            6,
        ),
    ),
)

SERVICE_TYPE_ASSISTANCE = Declaration(
    code="service_type_assistance",
    name="服务类社会救助",
    catalogue=("A46",),
    shape=service_order.SHAPE,
    subject="person",
    # 单价与次数为占位；由慈善组织、社工或志愿者提供的不结算费用。
    terms=service_order.Terms(
        classes=(
            ServiceClass("companionship", "精神慰藉", price_fen=5_000),
            ServiceClass("psychological_comfort", "心理抚慰", price_fen=10_000),
            ServiceClass("care", "照料护理", price_fen=6_000),
            ServiceClass("social_inclusion", "社会融入"),
            ServiceClass("resource_linking", "资源链接"),
            ServiceClass("employment_guidance", "就业引导"),
        ),
        unit="times",
        period="month",
        entitlement=8,
        modes=("home", "community", "online"),
    ),
    example=(
        Step(
            "order_service",
            {
                "programme": "service_type_assistance",
                "division": TOWN,
                "subject_id": PERSON,
                "service_class": "psychological_comfort",
                "entitlement": 4,
                "need": "psychological_comfort",
                "plan": "每周一次心理疏导",
            },
        ),
        Step("assign_service", {"record_id": "@id", "provider": "org:social-work"}, "reviewer", 2),
        Step("check_in_service", {"record_id": "@id"}, "clerk", 4),
        Step("check_out_service", {"record_id": "@id"}, "clerk", 4),
        Step("confirm_service", {"record_id": "@id", "proof": "签字0707"}, "reviewer", 4),
        Step("rate_service", {"record_id": "@id", "score": 5, "note": "耐心"}, "clerk", 4),
        Step("settle_service", {"record_id": "@id"}, "cashier", 20),
        Step("cancel_service", {"record_id": "@id", "reason": "疏导结束"}, "clerk", 21),
    ),
)

ASSISTANCE_INNOVATION_PROJECT = Declaration(
    code="assistance_innovation_project",
    name="社会救助改革创新与品牌",
    catalogue=("A57",),
    shape=project.SHAPE,
    terms=project.Terms(
        stages=(
            Stage("scheme", "方案", ("scheme",)),
            Stage("trial", "试点实施", ("trial_report",)),
            Stage("evaluation", "评估", ("evaluation_report",)),
        ),
        results=("promoted", "kept_local", "not_continued"),
    ),
    example=(
        Step(
            "plan_project",
            {
                "programme": "assistance_innovation_project",
                "division": TOWN,
                "goal": "党建+社会救助示范点",
                "responsible": "staff:town",
                "budget_fen": 0,
                "milestones": [
                    {"code": "scheme", "due_on": "2023-07-31"},
                    {"code": "trial", "due_on": "2023-10-31"},
                    {"code": "evaluation", "due_on": "2023-11-30"},
                ],
            },
        ),
        Step("start_project", {"record_id": "@id"}, "approver", 5),
        Step(
            "reach_milestone",
            {"record_id": "@id", "milestone": "scheme", "evidence": [{"kind": "scheme", "document_no": "FA-1"}]},
            "clerk",
            20,
        ),
        Step("accept_milestone", {"record_id": "@id"}, "reviewer", 22),
        Step(
            "propose_project_change",
            {
                "record_id": "@id",
                "budget_fen": 500_000,
                "milestones": [
                    {"code": "scheme", "due_on": "2023-07-31"},
                    {"code": "trial", "due_on": "2023-11-15"},
                    {"code": "evaluation", "due_on": "2023-12-15"},
                ],
                "reason": "增设两个点位",
            },
            "clerk",
            30,
        ),
        Step("decide_project_change", {"record_id": "@id", "approved": True}, "approver", 33),
    ),
)

ALL = (
    REGULAR_SUPPORT_FOR_LOW_INCOME,
    HARDSHIP_VISIT,
    FULL_PROCESS_PROXY_APPLICATION,
    BENEFIT_STATEMENT_DELIVERY,
    COMPREHENSIVE_ASSISTANCE_ASSESSMENT,
    SERVICE_TYPE_ASSISTANCE,
    ASSISTANCE_INNOVATION_PROJECT,
)
