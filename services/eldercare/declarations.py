"""The programmes of elder care that lean on a shape as it is (养老服务项目声明). What the rules decide is in ``programmes.py``.

老年人能力评估规范 (GB/T 42195-2022) names the parts and the bands; the points of each part are placeholders until a district says by
which form it assesses.

养老服务失信联合惩戒 rests on 《养老服务市场失信联合惩戒对象名单管理办法（试行）》 (民发〔2019〕103号), from general knowledge and not
compared with its text.
"""

from __future__ import annotations

from shared.casework import graded_assessment, list_entry
from shared.casework.graded_assessment import Band, Item
from shared.casework.shape import Declaration, Step, adopted, declared

PERSON, TOWN = "b2" * 16, "330225100"
PROVIDER = "52330225MJ8888888N"  # of the example: a 统一社会信用代码 that nobody has
PARTS = (
    Item("self_care", "自理能力", 36),
    Item("mobility", "基础运动能力", 16),
    Item("mind", "精神状态", 20),
    Item("senses", "感知觉与社会参与", 18),
)


def _points(*points: int) -> list[dict[str, object]]:
    return [{"item": part.code, "points": n} for part, n in zip(PARTS, points, strict=True)]


ELDER_ABILITY_ASSESSMENT = Declaration(
    code="elder_ability_assessment",
    name="老年人能力评估",
    catalogue=("E12",),
    shape=graded_assessment.SHAPE,
    subject="person",
    # The grade is the level of the standard: what 经济困难高龄失能老人补贴 asks for is reckoned in it.
    terms=graded_assessment.Terms(
        form="GB/T 42195-2022",
        items=PARTS,
        bands=(
            Band("4", "能力完全丧失", 0, 29),
            Band("3", "能力重度受损", 30, 45),
            Band("2", "能力中度受损", 46, 65),
            Band("1", "能力轻度受损", 66, 89),
            Band("0", "能力完好", 90, 90),
        ),
        second_assessor=True,
        valid_days=365,
    ),
    example=(
        Step("request_assessment", {"programme": "elder_ability_assessment", "division": TOWN, "subject_id": PERSON}),
        Step("submit_assessment", {"record_id": "@id", "scores": _points(16, 6, 12, 10)}, "clerk", 2),
        Step("submit_second_assessment", {"record_id": "@id", "scores": _points(20, 8, 14, 10)}, "reviewer", 3),
        Step("decide_assessment", {"record_id": "@id", "scores": _points(18, 7, 14, 10)}, "approver", 5),
        Step("object_to_assessment", {"record_id": "@id", "reason": "夜间须人照看"}, "clerk", 9),
        Step("end_assessment", {"record_id": "@id", "reason": "迁出本区"}, "reviewer", 12),
    ),
)

# 民发〔2019〕103号: notice before listing, the provider may state its case, a decision, publication, and after two years on the list
# removal may be asked for. The days of the steps are placeholders until the district says by which text it counts them.
CARE_PROVIDER_DISHONESTY_LIST = Declaration(
    code="care_provider_dishonesty_list",
    name="养老服务失信联合惩戒对象名单",
    catalogue=("E69",),
    shape=list_entry.SHAPE,
    subject="institution",
    terms=list_entry.Terms(
        reasons=(
            "elders_abused", "elders_property_infringed", "subsidy_defrauded", "illegal_fundraising", "hazard_not_removed",
            "residents_abandoned", "records_falsified",
        ),
        notice_days=10,  # placeholder
        decide_days=20,  # placeholder
        repair_months=24,
        repair_days=15,  # placeholder
    ),
    public=("subject_id", "reason", "from_day", "to_day"),
    example=(
        Step(
            "enlist",
            {
                "programme": "care_provider_dishonesty_list", "division": "330225", "subject_id": PROVIDER, "reason": "hazard_not_removed",
                "refers_to": "消防行政处罚决定书〔2023〕5号",
            },
        ),
        Step("answer_listing_notice", {"record_id": "@id", "statement": "已在整改，请求听证", "hearing": True}, "clerk", 4),
        Step("hold_listing_hearing", {"record_id": "@id", "record": "听证笔录：隐患仍在"}, "reviewer", 14),
        Step("decide_listing", {"record_id": "@id", "outcome": "enlist", "reason": "重大隐患逾期未改"}, "approver", 18),
        Step("ask_for_repair", {"record_id": "@id", "grounds": "隐患已除，满二年未再失信"}, "clerk", 755),
        Step("decide_repair", {"record_id": "@id", "outcome": "repair"}, "approver", 762),
    ),
)  # fmt: skip

DECLARATIONS = declared(ELDER_ABILITY_ASSESSMENT, CARE_PROVIDER_DISHONESTY_LIST)
DECIDERS = adopted("eldercare", DECLARATIONS)
