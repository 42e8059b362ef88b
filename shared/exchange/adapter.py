"""What every adapter to an outside source does (接口适配): send a request out, take answers in. The core knows no more of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from shared.domain import money
from shared.domain.errors import Refused, invalid
from shared.exchange.declared import Source, SourceField

OUTCOMES = {"有": "found", "无": "none", "失败": "failed", "found": "found", "none": "none", "failed": "failed"}
MOST_COUNT = 100
MOST_FEN = 100 * money.ABSURD_FEN


class AdapterDown(Exception):
    """The source cannot be reached now; the message holds nothing of the request."""


@dataclass(frozen=True)
class Ask:
    """One person of a request as it goes out. Resident ID and name are in the clear: made at the moment of writing, kept nowhere."""

    query_no: str
    resident_id: str
    name: str
    more: tuple[tuple[str, str], ...] = ()  # what else the other side has to know, by the name of its column


@dataclass(frozen=True)
class Reply:
    """One answer as it came in. ``line``: where in the file (0 for a message). Values are fen or counts by the source's field names."""

    line: int
    query_no: str
    outcome: str
    values: tuple[tuple[str, int], ...]

    @property
    def digest(self) -> str:
        """Names the content exactly: the same answer sent again has the same."""
        return hashlib.sha256(repr((self.query_no, self.outcome, self.values)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Broken:
    """A line that is no answer, and why. The line itself is not quoted: it may hold anything."""

    line: int
    reason: str


class Adapter(Protocol):
    """One source's way in and out."""

    def send(self, exchange_id: str, asks: Sequence[Ask]) -> str:
        """Send a request; a repeat replaces it. Answers what it can be known by. Raises AdapterDown."""
        ...

    def forget(self, exchange_id: str) -> None:
        """Nothing of this request need be kept any more."""
        ...


def reply_of(source: Source, line: int, query_no: str, outcome: str, given: Mapping[str, Any]) -> Reply:
    """A checked answer from what a source sent; Refused with the reason when it is none. Money comes as yuan text or fen int."""
    query_no = query_no.strip()
    if not query_no or len(query_no) > 60 or not all(c.isascii() and (c.isalnum() or c == "-") for c in query_no):
        raise invalid("查询编号缺失或格式不正确。", "query_no")
    meant = OUTCOMES.get(outcome.strip())
    if meant is None:
        raise invalid("结果须为“有”“无”或“失败”。", "outcome")
    if meant != "found":
        return Reply(line, query_no, meant, ())
    return Reply(line, query_no, meant, tuple((f.name, _amount(f, given.get(f.name))) for f in source.fields))


def _amount(f: SourceField, value: Any) -> int:
    if isinstance(value, bool) or value is None or (isinstance(value, str) and not value.strip()):
        raise invalid(f"缺少“{f.label}”。", f.name)
    if f.kind == "money" and not isinstance(value, int):
        amount = _number(f, value) * 100
    else:
        amount = _number(f, value)
    if amount != int(amount):
        raise invalid(f"“{f.label}”的小数位数过多。", f.name)
    if amount < 0:
        raise invalid(f"“{f.label}”不能为负数。", f.name)
    if amount > (MOST_FEN if f.kind == "money" else MOST_COUNT):
        raise invalid(f"“{f.label}”超出合理范围。", f.name)
    return int(amount)


def _number(f: SourceField, value: Any) -> Decimal:
    try:
        found = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        raise invalid(f"“{f.label}”不是数字。", f.name) from None
    if not found.is_finite() or abs(found) > 10**15:
        raise invalid(f"“{f.label}”超出合理范围。", f.name)
    return found


def broken(line: int, refused: Refused) -> Broken:
    return Broken(line, refused.message)
