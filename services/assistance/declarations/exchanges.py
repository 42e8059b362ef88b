"""Exchanges of assistance (数据交换类项目): what is asked of outside systems by hand, where no adapter of ours reaches them."""

from __future__ import annotations

from shared.casework import exchange
from shared.casework.shape import Declaration, Step

_P50 = "verification_system_adapters"

VERIFICATION_SYSTEM_ADAPTERS = Declaration(
    code=_P50,
    name="市级核对平台委托查询",
    catalogue=("P50",),
    shape=exchange.SHAPE,
    terms=exchange.Terms(system="city_verification_platform", send_working_days=3, answer_days=15),
    example=(
        Step(
            "prepare_exchange",
            {
                "programme": _P50,
                "division": "330225100",
                "subject_id": "",
                "items": [{"key": "2023-0001", "about": "case-1"}, {"key": "2023-0002", "about": "case-2"}],
                "purpose": "象民核委〔2023〕3号",
            },
        ),
        Step("send_exchange", {"record_id": "@id", "reference": "平台批次 20230703-1"}),
        Step("acknowledge_exchange", {"record_id": "@id", "reference": "受理号 8812"}),
        Step("answer_exchange", {"record_id": "@id", "key": "2023-0001", "outcome": "found", "digest": "核对报告 2023-551"}, "clerk", 5),
        Step("answer_exchange", {"record_id": "@id", "key": "2023-0002", "outcome": "none", "digest": "核对报告 2023-552"}, "clerk", 6),
        Step("reconcile_exchange", {"record_id": "@id", "theirs": 2}, "reviewer", 7),
    ),
)

ALL = (VERIFICATION_SYSTEM_ADAPTERS,)
