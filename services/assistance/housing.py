"""Safety of a household's house (住房安全): what an appraisal says of it, in the household's own stream. C and D are dangerous (危房).

A dated fact beside those of ``household.py``: recorded by a clerk who has the report, or told by the housing department. Nothing that is
paid rests on it; who has a class and lives in a dangerous house is referred for housing aid (``referrals.py``), and the register flags it.

Must hold: a finding is added, never overwritten; of a month the finding made last by then holds; the same finding told twice is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from services.assistance import move
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

if TYPE_CHECKING:
    from services.assistance.household import Household

CATALOGUE = ("A28",)
GRADES = ("A", "B", "C", "D")  # 危险房屋鉴定标准 (JGJ 125-2016): C 局部危险, D 整幢危险; A and B, also after repair, are safe enough
DANGEROUS = ("C", "D")


@event(
    "assistance.house_appraised",
    published=True,
    public=lambda e: {"household_id": e.household_id, "effective_month": e.effective_month, "cause": "housing"},
)
@dataclass(frozen=True)
class HouseAppraised:
    """房屋安全鉴定: the house in which the household lives is of this grade. ``evidence`` names the report, ``source`` is a hand or an
    agency ("housing")."""

    household_id: str
    grade: str
    found_on: date
    effective_month: str
    evidence: str
    source: str


@command("appraise_house", permission="assistance:survey")
@dataclass(frozen=True)
class AppraiseHouse:
    household_id: str
    grade: str
    found_on: date
    evidence: str
    source: str = "staff"


def grade_in(state: Household, month: str) -> str:
    """The grade of the house in which it lives in a month; "" where nobody has looked since it moved in. Of two of one day the later
    recorded corrects the other."""
    since = move.moved_in(state, month)
    known = [(a.found_on, n) for n, a in enumerate(state.appraisals) if since <= a.effective_month <= month]
    return state.appraisals[max(known)[1]].grade if known else ""


def appraise(state: Household, c: AppraiseHouse, order: Order[Any]) -> Sequence[Any]:
    if not state.exists:
        raise Refused("not_found", "没有此家庭，请先登记。", "household_id")
    if c.grade not in GRADES:
        raise invalid("鉴定等级须为 A、B、C、D 之一。", "grade")
    if not date(2000, 1, 1) <= c.found_on <= order.today:
        raise invalid("鉴定日期不合理。", "found_on")
    if not c.evidence.strip():
        raise invalid("请填写鉴定报告编号。", "evidence")
    new = HouseAppraised(state.household_id, c.grade, c.found_on, dates.month_of(c.found_on), c.evidence.strip(), c.source)
    same_day = [a for a in state.appraisals if a.found_on == c.found_on]
    return [] if same_day and (same_day[-1].grade, same_day[-1].evidence) == (new.grade, new.evidence) else [new]
