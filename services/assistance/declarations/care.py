"""Care of those in hardship (照护): 特困 self-care assessment, care at home and in institutions, severe disability, the home itself.

特困人员认定办法（民发〔2021〕43号）: the six acts and the grades. Where a district sets a figure and its plan does not name one, the figure
here is a placeholder and says so.
"""

from __future__ import annotations

from services.assistance import care_places, placement_wish
from services.assistance.care_places import CareClass
from shared.casework import graded_assessment, project, service_order, visit_plan
from shared.casework.graded_assessment import Band, Item
from shared.casework.project import Stage
from shared.casework.service_order import ServiceClass
from shared.casework.shape import Declaration, Step
from shared.casework.visit_plan import Check, Finding

PERSON, TOWN = "a1" * 16, "330225100"
SIX_ACTS = (
    Item("eat", "自主吃饭"),
    Item("dress", "自主穿衣"),
    Item("bed", "自主上下床"),
    Item("toilet", "自主如厕"),
    Item("walk", "室内自主行走"),
    Item("bathe", "自主洗澡"),
)


def _lost(*acts: str) -> list[dict[str, object]]:
    return [{"item": i.code, "points": int(i.code in acts)} for i in SIX_ACTS]


EXTREME_HARDSHIP_SELF_CARE_ASSESSMENT = Declaration(
    code="extreme_hardship_self_care_assessment",
    name="特困人员生活自理能力评估",
    catalogue=("A13",),
    shape=graded_assessment.SHAPE,
    subject="person",
    # 六项自理能力：全部具备为全自理，丧失三项以下为半护理，四项以上为全护理。一项丧失计一分。
    terms=graded_assessment.Terms(
        form="民发〔2021〕43号",
        items=SIX_ACTS,
        bands=(Band("full", "全自理", 0, 0), Band("half", "半护理（部分丧失）", 1, 3), Band("none", "全护理（完全丧失）", 4, 6)),
        second_assessor=True,
        valid_days=365,
    ),
    example=(
        Step("request_assessment", {"programme": "extreme_hardship_self_care_assessment", "division": TOWN, "subject_id": PERSON}),
        Step("submit_assessment", {"record_id": "@id", "scores": _lost("bathe", "walk")}, "clerk", 2),
        Step("submit_second_assessment", {"record_id": "@id", "scores": _lost("bathe", "walk", "toilet", "bed")}, "reviewer", 3),
        Step("decide_assessment", {"record_id": "@id", "scores": _lost("bathe", "walk", "toilet")}, "approver", 5),
        Step("object_to_assessment", {"record_id": "@id", "reason": "上下床须人搀扶"}, "clerk", 9),
        Step("end_assessment", {"record_id": "@id", "reason": "迁出本区"}, "reviewer", 12),
    ),
)

EXTREME_HARDSHIP_CENTRAL_PLACEMENT = Declaration(
    code="extreme_hardship_central_placement",
    name="特困人员集中供养（愿进全进）",
    catalogue=("A14",),
    shape=placement_wish.SHAPE,
    subject="person",
    terms=placement_wish.Terms(offer_days=20, answer_days=10, place_days=10),
    example=(
        Step(
            "record_placement_wish",
            {
                "programme": "extreme_hardship_central_placement",
                "division": TOWN,
                "subject_id": PERSON,
                "document_no": "YY-2023-3",
            },
        ),
        Step("offer_place", {"record_id": "@id", "institution_id": "org:jinglao-1"}, "reviewer", 10),
        Step("decline_offered_place", {"record_id": "@id", "reason": "离家太远"}, "clerk", 12),
        Step("offer_place", {"record_id": "@id", "institution_id": "org:jinglao-2"}, "reviewer", 20),
        Step("take_offered_place", {"record_id": "@id"}, "clerk", 22),
        Step("place_in_institution", {"record_id": "@id", "moved_on": "2023-07-28"}, "clerk", 25),
        Step("leave_institution", {"record_id": "@id", "moved_on": "2024-06-01", "reason": "随亲属生活"}, "clerk", 334),
    ),
)

EXTREME_HARDSHIP_HOME_CARE = Declaration(
    code="extreme_hardship_home_care",
    name="分散供养特困人员照料护理",
    catalogue=("A15",),
    shape=visit_plan.SHAPE,
    subject="person",
    # “五有”各地自定；此处为占位，以本区工作规范为准。
    terms=visit_plan.Terms(
        every_days=7,
        review_days=365,
        agreement=True,
        modes=("on_site",),
        findings=(
            Finding("carer_absent", "照料人不在岗", clue=True),
            Finding("neglect", "疑似疏于照料", clue=True),
            Finding("health_worse", "健康状况变差", clue=True),
            Finding("unwell", "身体不适"),
        ),
        checks=(
            Check("agreement", "有照料协议"),
            Check("carer", "有照料人"),
            Check("records", "有照料记录"),
            Check("standard", "有服务标准"),
            Check("supervision", "有监督检查"),
        ),
    ),
    example=(
        Step(
            "open_visit_plan",
            {
                "programme": "extreme_hardship_home_care",
                "division": TOWN,
                "subject_id": PERSON,
                "responsible": "carer:017",
                "provider": "org:91330225",
                "agreement_no": "ZL-2023-017",
            },
        ),
        Step(
            "record_visit",
            {
                "record_id": "@id",
                "visited_on": "2023-07-08",
                "findings": ["unwell"],
                "checks": [
                    {"code": "agreement", "in_order": True},
                    {"code": "carer", "in_order": True},
                    {"code": "records", "in_order": False},
                    {"code": "standard", "in_order": True},
                    {"code": "supervision", "in_order": True},
                ],
            },
            "clerk",
            5,
        ),
        Step(
            "change_visit_responsible",
            {"record_id": "@id", "responsible": "carer:021", "provider": "org:91330225", "reason": "调岗"},
            "reviewer",
            6,
        ),
    ),
)

EXTREME_HARDSHIP_MENTAL_CARE = Declaration(
    code="extreme_hardship_mental_care",
    name="精神和智力障碍特困人员专业照料",
    catalogue=("A17",),
    shape=service_order.SHAPE,
    subject="person",
    terms=service_order.Terms(
        classes=(ServiceClass("mental", "精神障碍照料"), ServiceClass("intellectual", "智力障碍照料")),
        unit="times",  # one a day in the institution
        period="month",
        entitlement=31,
        modes=("institution", "integrated"),  # integrated: 医养结合
        review_days=180,
        single=True,
    ),
    example=(
        Step(
            "order_service",
            {
                "programme": "extreme_hardship_mental_care",
                "division": TOWN,
                "subject_id": PERSON,
                "service_class": "mental",
                "mode": "integrated",
                "plan": "住院后转入医养结合机构，每日服药看护",
            },
        ),
        Step("assign_service", {"record_id": "@id", "provider": "org:fuyi"}, "reviewer", 1),
        Step("check_in_service", {"record_id": "@id"}, "clerk", 2),
        Step("check_out_service", {"record_id": "@id"}, "clerk", 2),
        Step("confirm_service", {"record_id": "@id", "proof": "监护人签字0703"}, "reviewer", 3),
        Step("review_service", {"record_id": "@id", "outcome": "病情稳定，继续"}, "reviewer", 170),
        Step("settle_service", {"record_id": "@id"}, "cashier", 171),
    ),
)

ENTRUSTED_CARE_FOR_LOW_INCOME_DISABLED = Declaration(
    code="entrusted_care_for_low_income_disabled",
    name="低收入残疾人无偿或低收费托养",
    catalogue=("A19",),
    shape=care_places.SHAPE,
    subject="institution",
    # 低收费标准与预留床位为占位，由区县确定；复核期限与各项目相同（六十日内提出，二十个工作日内答复）。
    terms=care_places.Terms(
        classes=(
            CareClass("minimum_living_allowance", "农村低保残疾人", "free"),
            CareClass("low_income", "低收入家庭残疾人", "low", 60_000),
            CareClass("family_planning_special", "计划生育特殊家庭残疾或失能老人", "low", 60_000),
        ),
        answer_days=15,
        reserve=1,
        objection_days=60,
        appeal_days=20,
    ),
    example=(
        Step(
            "open_care_places",
            {
                "programme": "entrusted_care_for_low_income_disabled",
                "division": TOWN,
                "subject_id": "org:jinglao-2",
                "places": 40,
            },
            "approver",
        ),
        Step(
            "request_entrusted_care",
            {"record_id": "@id", "person_id": "c3" * 16, "care_class": "low_income"},
            "clerk",
            1,
        ),
        Step("admit_to_entrusted_care", {"record_id": "@id", "person_id": "c3" * 16}, "reviewer", 6),
        Step(
            "request_entrusted_care",
            {"record_id": "@id", "person_id": "d4" * 16, "care_class": "family_planning_special", "basis": "计划生育特殊家庭扶助证0312"},
            "clerk",
            8,
        ),
        Step("refuse_entrusted_care", {"record_id": "@id", "person_id": "d4" * 16, "reason": "传染病未愈"}, "reviewer", 9),
        Step("file_entrusted_care_appeal", {"record_id": "@id", "person_id": "d4" * 16, "reason": "已治愈，有医院证明"}, "clerk", 12),
        Step(
            "answer_entrusted_care_appeal",
            {"record_id": "@id", "person_id": "d4" * 16, "outcome": "dismissed", "reason": "证明未载明已无传染性"},
            "approver",
            20,
        ),
        Step("leave_care_place", {"record_id": "@id", "person_id": "c3" * 16, "reason": "家属接回"}, "clerk", 60),
    ),
)

SEVERE_DISABILITY_HARDSHIP_CARE = Declaration(
    code="severe_disability_hardship_care",
    name="困难重度残疾人照护服务",
    catalogue=("A82",),
    shape=service_order.SHAPE,
    subject="person",
    # 次数与单价为占位：由区县按照护方式确定。
    terms=service_order.Terms(
        classes=(
            ServiceClass("home_care", "居家照护", price_fen=6_000),
            ServiceClass("day_care", "日间照料", price_fen=8_000),
            ServiceClass("residential_care", "集中托养", price_fen=10_000),
        ),
        unit="times",
        period="month",
        entitlement=12,
        modes=("home", "day", "residential"),
        review_days=365,
        single=True,
    ),
    example=(
        Step(
            "order_service",
            {
                "programme": "severe_disability_hardship_care",
                "division": TOWN,
                "subject_id": PERSON,
                "service_class": "home_care",
                "entitlement": 8,
                "need": "入户评估2023-07",
                "plan": "每周两次翻身、洗浴",
            },
        ),
        Step("assign_service", {"record_id": "@id", "provider": "org:care"}, "reviewer", 2),
        Step("check_in_service", {"record_id": "@id"}, "clerk", 4),
        Step("check_out_service", {"record_id": "@id"}, "clerk", 4),
        Step("dispute_service", {"record_id": "@id", "reason": "未洗浴"}, "reviewer", 5),
        Step("resolve_service_dispute", {"record_id": "@id", "units": 1, "reason": "已补服务"}, "approver", 7),
        Step("confirm_service", {"record_id": "@id", "proof": "回访录音0710"}, "reviewer", 7),
        Step("rate_service", {"record_id": "@id", "score": 4}, "clerk", 8),
        Step("settle_service", {"record_id": "@id"}, "cashier", 28),
        Step("cancel_service", {"record_id": "@id", "reason": "转为集中托养"}, "clerk", 29),
    ),
)

HOME_ENVIRONMENT_IMPROVEMENT = Declaration(
    code="home_environment_improvement",
    name="善居工程",
    catalogue=("A47",),
    shape=project.SHAPE,
    subject="household",
    # 象山2023年：50户1 000 000元，户均20 000元。
    terms=project.Terms(
        stages=(
            Stage("survey", "入户勘查与方案", ("survey_sheet", "before_photo")),
            Stage("works", "施工", ("after_photo",)),
            Stage("handover", "竣工验收与交付", ("acceptance_sheet", "household_signature")),
        ),
        budget_limit=2_000_000,
        results=("completed", "partly_completed"),
    ),
    example=(
        Step(
            "plan_project",
            {
                "programme": "home_environment_improvement",
                "division": TOWN,
                "subject_id": "b2" * 16,
                "goal": "修缮屋面、改造卫生间",
                "responsible": "staff:zhou",
                "budget_fen": 1_800_000,
                "milestones": [
                    {"code": "survey", "due_on": "2023-07-20"},
                    {"code": "works", "due_on": "2023-09-20"},
                    {"code": "handover", "due_on": "2023-09-30"},
                ],
            },
        ),
        Step("start_project", {"record_id": "@id", "contractor": "org:build"}, "approver", 3),
        Step(
            "reach_milestone",
            {
                "record_id": "@id",
                "milestone": "survey",
                "evidence": [{"kind": "survey_sheet", "document_no": "KC-1"}, {"kind": "before_photo", "document_no": "ZP-1"}],
            },
            "clerk",
            10,
        ),
        Step("accept_milestone", {"record_id": "@id"}, "reviewer", 12),
        Step(
            "reach_milestone",
            {"record_id": "@id", "milestone": "works", "evidence": [{"kind": "after_photo", "document_no": "ZP-2"}]},
            "clerk",
            60,
        ),
        Step("return_milestone", {"record_id": "@id", "reason": "防水未做", "due_on": "2023-09-18"}, "reviewer", 62),
        Step(
            "reach_milestone",
            {"record_id": "@id", "milestone": "works", "evidence": [{"kind": "after_photo", "document_no": "ZP-3"}]},
            "clerk",
            70,
        ),
        Step("accept_milestone", {"record_id": "@id"}, "reviewer", 71),
        Step("record_project_cost", {"record_id": "@id", "amount_fen": 1_750_000, "document_no": "PZ-1"}, "cashier", 72),
        Step(
            "reach_milestone",
            {
                "record_id": "@id",
                "milestone": "handover",
                "evidence": [{"kind": "acceptance_sheet", "document_no": "YS-1"}, {"kind": "household_signature", "document_no": "QZ-1"}],
            },
            "clerk",
            75,
        ),
        Step("accept_milestone", {"record_id": "@id"}, "reviewer", 76),
        Step("open_project", {"record_id": "@id"}, "approver", 77),
        Step("close_project", {"record_id": "@id", "result": "completed", "evaluation": "住户满意"}, "approver", 90),
    ),
)

ALL = (
    EXTREME_HARDSHIP_SELF_CARE_ASSESSMENT,
    EXTREME_HARDSHIP_CENTRAL_PLACEMENT,
    EXTREME_HARDSHIP_HOME_CARE,
    EXTREME_HARDSHIP_MENTAL_CARE,
    ENTRUSTED_CARE_FOR_LOW_INCOME_DISABLED,
    SEVERE_DISABILITY_HARDSHIP_CARE,
    HOME_ENVIRONMENT_IMPROVEMENT,
)
