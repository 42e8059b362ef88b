"""One-thing processes of assistance (一件事): what one form offers together."""

from __future__ import annotations

from services.assistance import one_thing
from services.assistance.one_thing import Offered
from shared.casework import handoff
from shared.casework.shape import Declaration, Step

_HOUSEHOLD = "household-of-the-example"

SOCIAL_ASSISTANCE_ONE_THING = Declaration(
    code="social_assistance_one_thing",
    name="社会救助一件事",
    catalogue=("W01",),
    shape=one_thing.SHAPE,
    subject="household",
    terms=one_thing.Terms(
        offers=(
            Offered("minimum_living_allowance", "最低生活保障", 35),
            Offered("minimum_living_margin_household", "最低生活保障边缘家庭", 35),
            Offered("extreme_hardship_support", "特困人员救助供养", 35),
            Offered("disabled_living_subsidy", "困难残疾人生活补贴", 20),
            Offered("severe_disability_care_subsidy", "重度残疾人护理补贴", 20),
            Offered("special_assistance_referral", "医疗救助", 25, "医疗保障局"),
            Offered("special_assistance_referral", "住房救助", 25, "住房和城乡建设局"),
            Offered("special_assistance_referral", "教育救助", 25, "教育局"),
            Offered("special_assistance_referral", "就业救助", 25, "人力资源和社会保障局"),
        ),
    ),
    example=(
        Step(
            "submit_one_thing",
            {
                "programme": "social_assistance_one_thing",
                "division": "330225101",
                "subject_id": _HOUSEHOLD,
                "dossier_hash": handoff.dossier_hash(b"example"),
                "items": [{"code": "minimum_living_allowance"}, {"code": "special_assistance_referral", "to_unit": "医疗保障局"}],
            },
        ),
        Step("skip_one_thing_item", {"record_id": "@id", "item_id": "1-01", "reason": "已享受"}, "reviewer", 3),
        Step("skip_one_thing_item", {"record_id": "@id", "item_id": "1-02", "reason": "无需医疗救助"}, "reviewer", 3),
        Step("deliver_one_thing_notice", {"record_id": "@id", "channel": "上门送达"}, "clerk", 5),
    ),
)

ALL = (SOCIAL_ASSISTANCE_ONE_THING,)
