"""Events and states for an operator's eyes (显示): personal fields masked, whatever their depth."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from shared.eventlog.client import Raw
from shared.eventsourcing import codec
from shared.eventsourcing.codec import Recorded

MASKED = "〔个人信息，已加密〕"
WRITTEN = "须为日期或 ISO 时间（1970 至 2999 年）：2023-07-01 或 2023-07-01T09:00。"
YEARS = range(1970, 3000)
_SEALED = "~1."


def recorded(raw: Raw) -> Recorded:
    """The event with its personal fields sealed; UnknownEvent when this release does not know its type, BrokenEvent when it is none."""
    return codec.recorded(raw, None)


def plain(value: Any) -> Any:
    """A state or an event as JSON values, what is sealed masked."""
    return _shown(value, MASKED)


def sealed_plain(value: Any) -> Any:
    """The same, what is sealed as it stands: to tell whether it was written anew, never to show."""
    return _shown(value, "")


def _shown(value: Any, mask: str) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _shown(getattr(value, f.name), mask) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(k)): _shown(v, mask) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(v, mask) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((_shown(v, mask) for v in value), key=str)
    if isinstance(value, str):
        return mask if mask and value.startswith(_SEALED) else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def day_or_moment(text: str | None, end: bool) -> datetime | None:
    """One end of a period: a day stands for its beginning or its ``end``; None when nothing was said."""
    return None if text is None else moment(text if end or len(text) != 10 else f"{text}T00:00")


def moment(text: str) -> datetime:
    """``--as-of``: a day (its end) or an ISO time, in Asia/Shanghai unless it says otherwise; ValueError when it is neither.

    Nothing was recorded before 1970 or will be after 2999, and close to the calendar's ends no zone can be reckoned with.
    """
    from shared.clock import SHANGHAI

    if len(text) == 10:
        text += "T23:59:59.999999"
    at = datetime.fromisoformat(text)
    if at.year not in YEARS:
        raise ValueError(at.year)
    return at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at
