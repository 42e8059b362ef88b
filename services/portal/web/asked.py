"""What an address or a form asks for (所问): numbers and moments, read so that nothing anybody types breaks a page."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import request

from shared.clock import SHANGHAI
from shared.domain.errors import invalid
from shared.eventlog.showing import moment

DIGITS = 15  # of a number that somebody may mean
YEARS = range(1900, 9000)  # of a moment: beyond them no time zone can be reckoned with


def whole(text: str, most: int = DIGITS) -> int | None:
    """A whole number, in at most so many digits of ASCII ("²" is a digit as well); None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else None


def moment_asked(name: str) -> datetime | None:
    """A moment out of the address: a day (its end) or a time."""
    text = request.values.get(name, "").strip()
    try:
        at = moment(text) if text else None
        if at is not None and at.year not in YEARS:
            raise ValueError(at.year)
    except ValueError:
        raise invalid("请写作日期或时间，如 2023-07-01 或 2023-07-01T09:00。", name) from None
    return at


def local(at: datetime) -> str:
    """A time as an address says it: Asia/Shanghai, to the microsecond."""
    return at.astimezone(SHANGHAI).replace(tzinfo=None).isoformat()


def field_value(at: datetime) -> str:
    """A time for a field of a form, which knows seconds: the first whole one that is not before it, so that its event counts."""
    return local(at + timedelta(microseconds=-at.microsecond % 1_000_000))[:19]
