"""Calendar months as the rules count them: "2023-07" outside, OpenFisca periods inside."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

from openfisca_core import periods

from shared.rules.errors import RulesError

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def month_of(day: date) -> str:
    """The month a day lies in."""
    return f"{day.year:04d}-{day.month:02d}"


def add_months(month: str, count: int) -> str:
    """The month that lies count months later (or earlier)."""
    year, index = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + count, 12)
    return f"{year:04d}-{index + 1:02d}"


@lru_cache(maxsize=4096)
def period_of(month: str) -> Any:
    """The OpenFisca period of a month; parsing costs more than the assessment of a household, hence the cache."""
    if not _MONTH.fullmatch(month):
        raise RulesError(f"月份应写作 YYYY-MM，收到的是 {month!r}")
    return periods.period(month)
