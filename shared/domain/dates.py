"""Dates (日期): months as "YYYY-MM", working days (工作日) with the State Council's holidays and make-up days."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar

from shared.domain.errors import invalid

YEARS = range(1900, 3000)  # of a day that anybody means. What the house reckons from it (months, limits, zones) stays in the calendar
OUT_OF_YEARS = f"须在{YEARS.start}年至{YEARS.stop - 1}年之间。"
_MONTH = re.compile(r"\A(\d{4})-(0[1-9]|1[0-2])\Z", re.ASCII)


def check_month(month: str, field: str = "month") -> str:
    if not _MONTH.match(month):
        raise invalid("月份格式须为 YYYY-MM。", field)
    if int(month[:4]) not in YEARS:
        raise invalid(OUT_OF_YEARS, field)
    return month


def month_of(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}"


def add_months(month: str, n: int) -> str:
    """add_months("2023-11", 3) == "2024-02"."""
    year, m = int(month[:4]), int(month[5:])
    total = year * 12 + m - 1 + n
    return f"{total // 12:04d}-{total % 12 + 1:02d}"


def months_between(first: str, last: str) -> list[str]:
    """All months from first to last, both included; empty when last lies before first."""
    months: list[str] = []
    while first <= last:
        months.append(first)
        first = add_months(first, 1)
    return months


def first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> date:
    return first_day(add_months(month, 1)) - timedelta(days=1)


@lru_cache(maxsize=8192)  # the calendar looks at all its holidays at every question
def is_working_day(day: date) -> bool:
    """By the published holiday calendar; for years not published yet, Monday to Friday (the best anybody can say)."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


@lru_cache(maxsize=65_536)  # every event of a case asks for its limits
def add_working_days(day: date, n: int) -> date:
    """The day n working days after ``day`` (the day itself does not count, 民法典 第二百零一条)."""
    while n > 0:
        day += timedelta(days=1)
        if is_working_day(day):
            n -= 1
    return day


def working_days_between(first: date, last: date) -> int:
    """Working days after ``first`` up to ``last``: what ``add_working_days`` would count."""
    return sum(is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def age_on(born: date, day: date) -> int:
    """Full years (周岁) on that day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
