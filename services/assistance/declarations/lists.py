"""Lists of assistance (名单类项目): who is looked at before need is asked for, and whose case is looked at more closely."""

from __future__ import annotations

from shared.casework import list_entry
from shared.casework.shape import Declaration, Step

_SOMEBODY = "0a" * 16

POVERTY_RELAPSE_SCREENING = Declaration(
    code="poverty_relapse_screening",
    name="规模性返贫摸底排查",
    catalogue=("A30",),
    shape=list_entry.SHAPE,
    subject="person",
    terms=list_entry.Terms(
        # 返贫风险较高的已脱贫人口、边缘易致贫返贫人口、其他特殊脱贫人口、重点人员
        reasons=("ex_poor_at_risk", "margin_at_risk", "ex_poor_special", "key_person"),
        results=("included", "temporary_aid", "no_need"),
        case_results=("included", "temporary_aid"),
        check_days=20,
        review_every_days=365,
    ),
    example=(
        Step(
            "enlist",
            {"programme": "poverty_relapse_screening", "division": "330225101", "subject_id": _SOMEBODY, "reason": "ex_poor_at_risk"},
        ),
        Step("update_entry", {"record_id": "@id", "result": "no_need", "note": "已稳定就业，收入高于标准"}, "clerk", 10),
        Step("delist", {"record_id": "@id", "reason": "风险消除"}, "reviewer", 40),
    ),
)

NEAR_RELATIVES = ("", "of_handling_official", "of_village_committee")  # 经办人员近亲属、村（居）民委员会成员近亲属

# 最低生活保障审核确认办法（民发〔2021〕57号）: relatives of the handling officials and of village committee members are filed separately,
# and every such case is looked at by the county itself.
NEAR_RELATIVE_FILING = Declaration(
    code="near_relative_filing",
    name="近亲属享受救助备案",
    catalogue=("A02",),
    shape=list_entry.SHAPE,
    subject="person",
    terms=list_entry.Terms(
        reasons=NEAR_RELATIVES[1:],
        results=("confirmed_after_check", "case_corrected"),
        case_results=("confirmed_after_check", "case_corrected"),
        check_days=30,
        review_every_days=365,
    ),
    example=(
        Step(
            "enlist",
            {
                "programme": "near_relative_filing",
                "division": "330225101",
                "subject_id": _SOMEBODY,
                "reason": "of_village_committee",
                "refers_to": "case-1",
            },
        ),
        Step("update_entry", {"record_id": "@id", "result": "confirmed_after_check", "case_id": "case-1"}, "clerk", 12),
    ),
)

ALL = (POVERTY_RELAPSE_SCREENING, NEAR_RELATIVE_FILING)
