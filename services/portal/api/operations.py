"""The doors of all services as HTTP operations (业务接口): nothing is listed, everything follows from the declarations."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from shared.eventsourcing.commands import hints_of
from shared.messaging.doors import DoorInfo

# What tells who somebody is, and the receipt that is an objector's only key: never in an address, which proxies and browsers keep.
PERSONAL = frozenset(
    {
        "resident_id", "organiser_resident_id", "name", "organiser_name", "holder", "account_no", "certificate_no", "contact", "words",
        "receipt",
    }
)  # fmt: skip
# Lists whose page goes on from another column than their first (or from several, joined by |), the one that is called otherwise among
# them, and the one whose rows stand inside an answer.
_KEYS = {
    "list_payment_lines": "line_no", "list_temporary": "place", "list_waiting": "place", "list_register": "entry_id",
    "get_board_notice": "division|until|number",
}  # fmt: skip
_INSIDE = {"list_register": "entries"}
MOST_A_PAGE = 500  # rows that a service gives at once


@dataclass(frozen=True)
class Listing:
    """A query whose answer is rows: ``inside`` the answer's field that holds them, ``key`` what the next page goes on from."""

    inside: str
    key: str
    pages: bool  # whether it takes after and limit

    def rows(self, answer: Any) -> list[dict[str, Any]]:
        return list(answer[self.inside] if self.inside else answer)

    def after(self, row: Mapping[str, Any]) -> Any:
        if "|" in self.key:
            return "|".join(str(row[name]) for name in self.key.split("|"))
        return row[self.key or next(iter(row))]


@dataclass(frozen=True)
class Operation:
    """One door: ``by_get`` when its form goes into an address."""

    service: str
    method: str
    door: DoorInfo
    by_get: bool
    listing: Listing | None

    @property
    def is_command(self) -> bool:
        return self.door.kind == "command"

    @property
    def title(self) -> str:
        """What it does, in a few words: the beginning of what the door says of itself."""
        return re.split(r"[；。]", self.about)[0].strip()[:80] or self.method

    @property
    def about(self) -> str:
        """All that the door says of itself, on one line."""
        return "".join(line.strip() for line in self.door.about.strip().splitlines())

    @property
    def form(self) -> type:
        return self.door.form


def of(doors: Mapping[tuple[str, str], DoorInfo]) -> list[Operation]:
    """All of them, by service and method."""
    return [operation(service, method, door) for (service, method), door in sorted(doors.items(), key=lambda d: d[0])]


def operation(service: str, method: str, door: DoorInfo) -> Operation:
    """One door as an operation."""
    if door.kind == "command":
        return Operation(service, method, door, False, None)
    hints = hints_of(door.form)
    names = {f.name for f in dataclasses.fields(door.form)}
    by_get = not names & PERSONAL and all(_plain(hints[name]) for name in names)
    lists = method.startswith("list_") or method in _KEYS
    listing = Listing(_INSIDE.get(method, ""), _KEYS.get(method, ""), names >= {"after", "limit"}) if lists else None
    return Operation(service, method, door, by_get, listing)


def _plain(hint: Any) -> bool:
    """Whether a value of that type is one parameter of an address, or the same one several times."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return all(_plain(arm) for arm in typing.get_args(hint) if arm is not type(None))
    if origin is tuple:
        return _plain(typing.get_args(hint)[0])
    return origin is Literal or hint in (str, int, bool, date, datetime)
