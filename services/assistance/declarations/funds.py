"""Funds of assistance (资金类项目): what a town may give at once, before the papers are complete."""

from __future__ import annotations

from shared.casework import fund
from shared.casework.shape import Declaration, Step

TEMPORARY_ASSISTANCE_RESERVE_FUND = Declaration(
    code="temporary_assistance_reserve_fund",
    name="临时救助备用金",
    catalogue=("A24",),
    shape=fund.SHAPE,
    terms=fund.Terms(unit="fen", draw_limit=300_000, settle_days=14, count_every_days=92),
    example=(
        Step("open_fund", {"programme": "temporary_assistance_reserve_fund", "division": "330225100"}, "approver"),
        Step("allocate_to_fund", {"record_id": "@id", "amount": 2_000_000, "document_no": "象民〔2023〕7号"}, "cashier"),
        Step("draw_from_fund", {"record_id": "@id", "case_id": "case-1", "amount": 100_000, "draw_id": "2023-001"}, "clerk"),
        Step("settle_fund_draw", {"record_id": "@id", "draw_id": "2023-001", "decision": "case-1", "covered": 100_000}, "approver", 3),
        Step("count_fund", {"record_id": "@id", "counted": 1_900_000}, "reviewer", 60),
        Step("close_fund", {"record_id": "@id", "reason": "年度结转"}, "approver", 61),
    ),
)

ALL = (TEMPORARY_ASSISTANCE_RESERVE_FUND,)
