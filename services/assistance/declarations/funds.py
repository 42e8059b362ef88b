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
        # What is drawn is drawn by the first grant of a matter, and settled by its decision: both by the house itself.
        Step("count_fund", {"record_id": "@id", "counted": 2_000_000}, "reviewer", 60),
        Step("close_fund", {"record_id": "@id", "reason": "年度结转"}, "approver", 61),
    ),
)

ALL = (TEMPORARY_ASSISTANCE_RESERVE_FUND,)
