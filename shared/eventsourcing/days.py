"""On which business day something was so (业务日期): what ``valid_at`` asks of whatever is done day by day. docs/adr/0017.

An act is done on the day on which it is recorded, unless its event names the field that says otherwise (``day=`` of its type): a notice
served on Monday and entered on Thursday held from Monday on. Nothing is done before its own record began.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from shared.clock import SHANGHAI
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.events import REGISTRY


def close_of(day: date) -> datetime:
    """The last instant of a business day."""
    return datetime.combine(day, time.max, SHANGHAI)


def day_recorded(r: Recorded) -> date:
    return r.meta.recorded_at.astimezone(SHANGHAI).date()


def day_of(r: Recorded) -> date:
    """The business day of an event: what it says itself, but no later than the day on which it was recorded."""
    field = REGISTRY[r.name].day
    said = getattr(r.event, field) if field else None
    return min(said, day_recorded(r)) if said is not None else day_recorded(r)


def held_on(history: Sequence[Recorded], day: date) -> list[Recorded]:
    """What of a record's history held at the close of a business day; nothing of a record that began later."""
    if not history or day_of(history[0]) > day:
        return []
    return [r for r in history if day_of(r) <= day]
