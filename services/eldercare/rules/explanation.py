"""高龄津贴：把一次评定说清楚 (the lines of an explanation)."""

from __future__ import annotations

from services.eldercare.rules.old_age_allowance import REASONS
from shared.rules.explain import Working

_P = "old_age_allowance"
BANDS = ("first", "second", "third")


def explain(work: Working) -> None:
    """Tell how the decision was reached."""
    age = work.value("allowance_months_of_age") + work.parameter(f"{_P}.starts_after_months")
    waits = (f"{_P}.starts_after_months",) if work.value("age_band") or age >= work.parameter(f"{_P}.first.from_age") * 12 else ()
    work.tell(f"年龄：{max(age, 0) // 12}周岁（按月计，满龄当月起算）", None, "allowance_months_of_age", *waits)
    if not work.value("registered_here"):
        work.tell("户籍不在本区", None, "old_age_allowance_amount")
    elif band := work.value("age_band"):
        name = BANDS[band - 1]
        since = work.parameter(f"{_P}.{name}.from_age")
        work.tell(f"第{band}档：{since}周岁起", work.value("old_age_allowance_amount"), "", f"{_P}.{name}.from_age", f"{_P}.{name}.amount")
    else:
        since = work.parameter(f"{_P}.first.from_age")
        work.tell(f"起发年龄：{since}周岁", None, "", f"{_P}.first.from_age")
    decided = REASONS[work.value("old_age_allowance_reason")]
    work.tell(f"决定：{decided}", work.value("old_age_allowance_amount"), "old_age_allowance_amount")
