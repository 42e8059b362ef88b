"""A stream at a moment, and what changed between two (时点与差异): folded from what was recorded by then, field by field.

Personal fields are masked unless an opener is given; that a masked one was written anew is told, not what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.eventlog import discovery
from shared.eventlog.client import Log
from shared.eventlog.showing import MASKED, plain, sealed_plain
from shared.eventsourcing import codec
from shared.eventsourcing.codec import BrokenEvent, Open, Recorded


class NoSuchStream(Exception):
    """No service has such a stream, or it has no event."""


@dataclass(frozen=True)
class Moment:
    """What was known of a stream at a moment: ``version`` -1 and an empty state before its first event."""

    stream: str
    version: int
    recorded_at: datetime | None  # of the newest event that counts
    state: dict[str, Any]
    broken: tuple[int, ...] = ()  # numbers of events of the stream that cannot be read; what is known ends before the first of them


@dataclass(frozen=True)
class Change:
    """One field that differs; None on the side where it was not there."""

    field: str  # "members.9f3c.monthly_income_fen"
    before: Any
    after: Any


def as_of(log: Log, stream: str, at: datetime | None = None, open_: Open | None = None) -> Moment:
    """The stream as it was known at a moment (included), or now."""
    return _moment(stream, events_of(log, stream, open_), at, plain)


def difference(
    log: Log, stream: str, first: datetime, second: datetime, open_: Open | None = None, *, rest: bool = False
) -> tuple[Moment, Moment, list[Change]]:
    """The two moments, and every field that differs between them. ``rest``: of a stream with events that cannot be read, what is known from
    before the first of them, instead of BrokenEvent."""
    events, broken = (events_of(log, stream, open_), ()) if not rest else _before_what_is_broken(log, stream, open_)
    was, became = (dict(_leaves(_moment(stream, events, at, sealed_plain).state)) for at in (first, second))
    changes = [Change(name, was.get(name), became.get(name)) for name in {**was, **became} if was.get(name) != became.get(name)]
    told = [Change(c.field, plain(c.before), plain(c.after)) for c in changes]
    at_first, at_second = (replace(_moment(stream, events, at, plain), broken=broken) for at in (first, second))
    return at_first, at_second, told


def _before_what_is_broken(log: Log, stream: str, open_: Open | None) -> tuple[list[Recorded], tuple[int, ...]]:
    events, errors = readable_of(log, stream, open_)
    broken = tuple(int(error.where.rpartition("@")[2]) for error in errors)
    return ([r for r in events if r.version < broken[0]] if broken else events), broken


def rewritten(change: Change) -> bool:
    """Whether all that is told of a change is that a masked field was written anew."""
    return bool(change.before == change.after == MASKED)


def events_of(log: Log, stream: str, open_: Open | None = None) -> list[Recorded]:
    """Every event of a stream, sealed fields as they stand, or opened."""
    discovery.load_all()
    found = [codec.recorded(raw, open_) for raw in log.read(stream)]
    if not found:
        raise NoSuchStream(stream)
    return found


def readable_of(log: Log, stream: str, open_: Open | None = None) -> tuple[list[Recorded], list[BrokenEvent]]:
    """Every event of a stream that can be read, and of each that cannot, where it is. What stands behind one of those does not fold."""
    discovery.load_all()
    found: list[Recorded] = []
    broken: list[BrokenEvent] = []
    for raw in log.read(stream):
        try:
            found.append(codec.recorded(raw, open_))
        except BrokenEvent as error:
            broken.append(error)
    if not found and not broken:
        raise NoSuchStream(stream)
    return found, broken


def _moment(stream: str, events: list[Recorded], at: datetime | None, shown: Any) -> Moment:
    decider = discovery.decider(stream)
    if decider is None:
        raise NoSuchStream(stream)
    known = [r for r in events if at is None or r.meta.recorded_at <= at]
    if not known:
        return Moment(stream, -1, None, {})
    return Moment(stream, known[-1].version, known[-1].meta.recorded_at, shown(decider.fold([r.event for r in known])))


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a state under its path; what is empty has none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _leaves(inner, f"{name}.{n}")
    else:
        yield name, value
