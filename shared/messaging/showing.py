"""What read doors share (查询): an aggregate as of any moment, and a read model that has seen the caller's own write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from shared.domain import division as divisions
from shared.domain.errors import Refused, Unavailable, invalid
from shared.eventlog.read_model import ReadModel
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand
from shared.office import Office
from shared.security.permissions import within

WAIT = 5.0  # seconds a read waits for the position it was asked for


def plain(value: Any) -> Any:
    """A state as plain values: dataclasses and read-only mappings become dicts."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    names = _names(kind)
    if names is not None:
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return value


_PLAIN = frozenset({str, int, bool, type(None), date, datetime})


@lru_cache(maxsize=1024)
def _names(kind: Any) -> tuple[str, ...] | None:
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else None


def shown(office: Office, decider: Decider[Any], aggregate_id: str, hand: Hand, as_of: datetime | None) -> dict[str, Any]:
    """An aggregate now, or as it was known at ``as_of``; refused outside the hand's division."""
    loaded = office.load(decider, aggregate_id, as_of)
    if loaded.version < 0:
        raise Refused("not_found", "没有此记录。", "id")
    within(hand, decider.division(loaded.state))
    return {"version": loaded.version, "position": loaded.position, **plain(loaded.state)}


def caught_up(office: Office, model: ReadModel, position: int | None) -> None:
    """Wait until the read model has seen ``position`` (what a command answered); Unavailable when it takes too long.

    A position that no command can have answered, as the log does not reach it yet, is bad input and not waited for. One that another
    service's command answered is waited for as far as there are events of ours before it: theirs make no row here.
    """
    if position is None or model.wait_for(office.read, position, 0):
        return
    if position > office.log.head():
        raise invalid("没有这个写入位置。", "position")
    if not model.wait_for(office.read, min(position, office.log.head(f"{office.service}.")), WAIT):
        raise Unavailable("查询数据尚未更新到所要求的位置，请稍后重试。")


def day_asked(office: Office, day: date | None, valid_at: date | None) -> date:
    """The day a query of one day is about, under either name; today where neither is given."""
    if day is not None and valid_at is not None and day != valid_at:
        raise invalid("与 day 须为同一日，或只填其一。", "valid_at")
    return day or valid_at or office.clock.now().date()


def area(hand: Hand, division: str | None) -> str:
    """The part of the hand's own jurisdiction (区划) that a list is narrowed to; all of it where none is named."""
    if not division:
        return hand.division
    where = divisions.check(division)
    within(hand, where)
    return where


def all_seen(office: Office, model: ReadModel) -> None:
    """Wait until the read model has seen every event of its service: payment lists are made from nothing less."""
    caught_up(office, model, office.log.head(f"{office.service}."))
