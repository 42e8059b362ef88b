"""Inspections of assistance (检查类项目): yearly review, and campaigns that look at persons, institutions and cases one by one."""

from __future__ import annotations

from typing import Any

from shared.casework import inspection
from shared.casework.shape import Declaration, Step

_SEED, _SAMPLED = "双色球2023076期 04 07 15 19 24 29 + 08", ("case-1", "case-2", "case-3")
_FROZEN = {
    "source": "中国福利彩票双色球开奖号码", "issue": "第2023076期", "issue_on": "2023-07-04", "draw_on": "2023-07-05",
    "look_up": "中国福彩网“开奖公告”栏，或任一投注站的开奖公告",
}  # fmt: skip


def _campaign(
    programme: str, title: str, scope: str, objects: tuple[str, ...], count: int = 0, division: str = "330225101"
) -> tuple[Step, ...]:
    opening: dict[str, Any] = {
        "programme": programme,
        "division": division,
        "title": title,
        "scope": scope,
        "period_from": "2023-07-03",
        "check_by": "2023-09-30",
    }
    frozen = (
        Step("freeze_campaign_list", {"record_id": "@id", "count": count, **_FROZEN}, "reviewer"),
        Step("record_campaign_seed", {"record_id": "@id", "seed": _SEED}, "clerk", 3),
    )
    return (
        Step("open_campaign", opening, "reviewer"),
        Step("list_campaign_objects", {"record_id": "@id", "objects": list(objects)}, "reviewer"),
        *(frozen if count else ()),
        Step("start_campaign", {"record_id": "@id", "count": count, "seed": _SEED if count else ""}, "reviewer", 3 if count else 0),
    )


def _put_right(code: str, object_id: str, result: str) -> tuple[Step, ...]:
    return (
        Step("record_check", {"record_id": "@id", "object_id": object_id, "result": result, "findings": [code]}, "clerk", 10),
        Step("rectify_finding", {"record_id": "@id", "finding_id": "F0001", "done": "已整改"}, "clerk", 15),
        Step("verify_rectification", {"record_id": "@id", "finding_id": "F0001", "outcome": "accepted"}, "reviewer", 18),
    )


def _closed(summary: str, *published: str) -> tuple[Step, ...]:
    end = (Step("close_campaign", {"record_id": "@id", "summary": summary}, "approver", 20),)
    return end + tuple(Step("publish_campaign", {"record_id": "@id", "where": where}, "approver", 22) for where in published)


# 最低生活保障审核确认办法（民发〔2021〕57号）: recipients without income change are reviewed yearly, the others half-yearly.
ANNUAL_ENTITLEMENT_REVIEW = Declaration(
    code="annual_entitlement_review",
    name="低保对象、特困人员年度复审",
    catalogue=("A12",),
    shape=inspection.SHAPE,
    terms=inspection.Terms(
        results=("confirmed", "adjusted", "terminated"),
        findings=("income_not_declared", "property_not_declared", "member_left", "self_care_changed", "dossier_incomplete"),
        rectify_days=20,
    ),
    example=(
        *_campaign("annual_entitlement_review", "2023年度复审", "在册低保、特困", ("case-1", "case-2")),
        *_put_right("member_left", "case-1", "adjusted"),
        Step("record_check", {"record_id": "@id", "object_id": "case-2", "result": "confirmed"}, "clerk", 18),
        *_closed("复审2户，调整1户"),
    ),
)

DISPERSED_SUPPORT_SPECIAL_INSPECTION = Declaration(
    code="dispersed_support_special_inspection",
    name="分散供养特困人员专项排查整治",
    catalogue=("A16",),
    shape=inspection.SHAPE,
    terms=inspection.Terms(
        results=("pass", "problem", "moved_to_institution", "died_before_check"),
        findings=("no_caregiver", "care_not_given", "house_unsafe", "allowance_withheld", "ill_untreated"),
        rectify_days=10,
    ),
    example=(
        *_campaign("dispersed_support_special_inspection", "分散供养排查", "全部分散供养特困人员", ("0a" * 16,)),
        *_put_right("house_unsafe", "0a" * 16, "problem"),
        *_closed("排查1人，整改1项"),
    ),
)

SUPPORT_INSTITUTION_GOVERNANCE = Declaration(
    code="support_institution_governance",
    name="特困供养机构专项治理",
    catalogue=("A18",),
    shape=inspection.SHAPE,
    public=("objects",),
    terms=inspection.Terms(
        results=("pass", "problem"),
        findings=("fire_safety", "food_safety", "rights", "accounts", "staffing", "agreement"),
        rectify_days=20,
        publish_days=20,
    ),
    example=(
        *_campaign("support_institution_governance", "供养机构治理", "全部机构", ("inst-1", "inst-2"), division="330225"),
        *_put_right("fire_safety", "inst-1", "problem"),
        Step("record_check", {"record_id": "@id", "object_id": "inst-2", "result": "pass"}, "clerk", 18),
        *_closed("检查2家，整改1项", "区政府网站"),
    ),
)

DISABLED_SUBSIDY_PRECISION_PROGRAMME = Declaration(
    code="disabled_subsidy_precision_programme",
    name="残疾人两项补贴精准管理",
    catalogue=("A78",),
    shape=inspection.SHAPE,
    # What follows from each is in ``error_ledger.py``, and looked at before the rectification is taken.
    terms=inspection.Terms(
        results=("correct", "error"),
        findings=("overpaid", "unpaid", "ineligible", "record_wrong"),
        rectify_days=30,
        follow_up=("overpaid", "unpaid", "ineligible"),
    ),
    example=(
        *_campaign("disabled_subsidy_precision_programme", "2023年第三季度差错台账", "在发两项补贴", ("case-1",), division="330225"),
        Step("record_check", {"record_id": "@id", "object_id": "case-1", "result": "error", "findings": ["record_wrong"]}, "clerk", 10),
        Step("rectify_finding", {"record_id": "@id", "finding_id": "F0001", "done": "已更正登记"}, "clerk", 12),
        Step("verify_rectification", {"record_id": "@id", "finding_id": "F0001", "outcome": "accepted"}, "reviewer", 18),
        *_closed("查1件，差错1件"),
    ),
)

# Its objects are cases: beside the public list of recipients a case's number says whose it is, so the list is public by pseudonyms.
# The salt of these is drawn by the door, so that who of several is drawn cannot be told beforehand: the example draws all.
ASSISTANCE_SPECIAL_GOVERNANCE = Declaration(
    code="assistance_special_governance",
    name="社会救助专项治理抽查",
    catalogue=("A53",),
    shape=inspection.SHAPE,
    terms=inspection.Terms(
        results=("correct", "error"),
        findings=("granted_wrongly", "denied_wrongly", "late", "dossier_incomplete", "not_publicised"),
        rectify_days=20,
        publish_days=20,
    ),
    example=(
        *_campaign("assistance_special_governance", "低保个案抽查", "全区在册个案", _SAMPLED, count=len(_SAMPLED), division="330225"),
        *_put_right("dossier_incomplete", _SAMPLED[0], "error"),
        *(Step("record_check", {"record_id": "@id", "object_id": one, "result": "correct"}, "clerk", 18) for one in _SAMPLED[1:]),
        *_closed("抽查3件，整改1件", "区政府网站"),
    ),
)

ALL = (
    ANNUAL_ENTITLEMENT_REVIEW,
    DISPERSED_SUPPORT_SPECIAL_INSPECTION,
    SUPPORT_INSTITUTION_GOVERNANCE,
    DISABLED_SUBSIDY_PRECISION_PROGRAMME,
    ASSISTANCE_SPECIAL_GOVERNANCE,
)
