"""Catalogue of assistance programmes (社会救助项目目录): what there is, for whom, by which standard, from which department. Catalogue A01.

Tiers (分层分类): basic 基本生活救助, special 专项救助, emergency 急难救助, supplement 社会力量. One record a programme; the catalogue
of any day is what was in force on it.
"""

from __future__ import annotations

from shared.casework import publication
from shared.casework.publication import Choice
from shared.casework.shape import Declaration, Step

TIERS = ("basic", "special", "emergency", "supplement")
_FIELDS = ("name", "tier", "eligible_class", "standard", "department", "documents")


def _content(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


_DEFINED = _content(
    name="最低生活保障",
    tier="basic",
    eligible_class="共同生活家庭成员人均收入低于当地低保标准、财产状况符合规定的家庭",
    standard="minimum_living_allowance.standard",
    department="区民政局",
    documents="申请书；授权书；户口簿；收入财产申报",
)

ASSISTANCE_PROGRAMME_CATALOGUE = Declaration(
    code="assistance_programme_catalogue",
    name="社会救助项目目录",
    catalogue=("A01",),
    shape=publication.SHAPE,
    terms=publication.Terms(
        required=_FIELDS, optional=("note",), choices=(Choice("tier", TIERS),), approve_days=10, publish_days=10
    ),
    example=(
        Step(
            "draft_publication",
            {
                "programme": "assistance_programme_catalogue",
                "division": "330225",
                "subject_id": "minimum_living_allowance",
                "content": _DEFINED,
                "effective_from": "2023-08-01",
                "document_no": "象民〔2023〕20号",
            },
            "reviewer",
        ),
        Step("approve_publication", {"record_id": "@id"}, "approver", 1),
        Step("publish_publication", {"record_id": "@id"}, "approver", 2),
        Step(
            "amend_publication",
            {
                "record_id": "@id",
                "content": [e for e in _DEFINED if e["name"] != "documents"] + _content(documents="申请书；授权书"),
                "effective_from": "2024-01-01",
                "document_no": "象民〔2023〕41号",
            },
            "reviewer",
            120,
        ),
        Step("approve_publication", {"record_id": "@id"}, "approver", 121),
        Step("publish_publication", {"record_id": "@id"}, "approver", 122),
        Step("withdraw_publication", {"record_id": "@id", "effective_from": "2025-01-01", "reason": "并入分层分类目录"}, "approver", 400),
    ),
    public=("subject_id", *_FIELDS),
)

ALL = (ASSISTANCE_PROGRAMME_CATALOGUE,)
