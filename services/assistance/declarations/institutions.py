"""Institutions of 特困 support (供养服务机构): which there are, who manages them, and who runs them.

A campaign of governance looks at all of them. A place is offered only in one that stands here, and only while it has a bed free
(``institution_beds.py``).
"""

from __future__ import annotations

from shared.casework import record
from shared.casework.record import Field
from shared.casework.shape import Declaration, Step

PRIVATE_RUN = "public_built_private_run"  # 公办民营

SUPPORT_INSTITUTION_REGISTER = Declaration(
    code="support_institution_register",
    name="特困供养服务机构登记",
    catalogue=("A18",),
    shape=record.SHAPE,
    subject="institution",
    # 机构以其在养老服务中的编号登记，一机构一份；公办民营须写明运营方及公开择优选定的文号。
    terms=record.Terms(
        fields=(
            Field("name", "机构名称"),
            Field("managing_body", "管理主体", choices=("district", "town", "other")),
            Field("operation", "运营方式", choices=("public", PRIVATE_RUN)),
            Field("operator", "运营方", required=False),
            Field("selection_no", "公开择优选定文号", required=False),
            Field("places", "核定床位"),
        ),
        single=True,
    ),
    example=(
        Step(
            "file_record",
            {
                "programme": "support_institution_register",
                "division": "330225100",
                "subject_id": "org:jinglao-9",
                "entries": [
                    {"code": "name", "value": "石浦敬老院"},
                    {"code": "managing_body", "value": "district"},
                    {"code": "operation", "value": "public"},
                    {"code": "places", "value": "80"},
                ],
            },
        ),
        Step("check_record", {"record_id": "@id", "note": "与养老机构备案一致"}, "reviewer", 2),
        Step("register_record", {"record_id": "@id"}, "approver", 3),
        Step(
            "change_record",
            {
                "record_id": "@id",
                "entries": [
                    {"code": "operation", "value": PRIVATE_RUN},
                    {"code": "operator", "value": "org:kangyang"},
                    {"code": "selection_no", "value": "象采〔2023〕41号"},
                ],
                "reason": "公开择优选定运营方",
            },
            "clerk",
            60,
        ),
        Step("check_record", {"record_id": "@id"}, "reviewer", 62),
    ),
)

ALL = (SUPPORT_INSTITUTION_REGISTER,)
