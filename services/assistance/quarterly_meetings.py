"""Meetings that are owed once a quarter (每季度一次的会议, A79): the quarters in which none was held, as long as there never was one.

A meeting of the kind is owed in a district from the day on which what it confers about is in force there: from the first case that is
granted of it on, the quarter of that day included. What is missed before the first meeting is told here, on the stream of programme and
district, for there is no record of a meeting that it could be told on; from the first one that is held on, the records themselves tell
(``session.NoteMeetingMissed``). When a quarter is over is the rows' to know (``rows/meetings.py``).

Must hold: a quarter is told once, and never before it is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance.declarations.sessions import DISABLED_SUBSIDY_CONSULTATION_MEETING
from services.assistance.programmes import DISABLED_LIVING_SUBSIDY, SEVERE_DISABILITY_CARE_SUBSIDY
from shared.domain import dates
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

CATALOGUE = ("A79",)
# Which meeting is held every quarter, and on which benefits it confers.
QUARTERLY: Mapping[str, frozenset[str]] = MappingProxyType(
    {DISABLED_SUBSIDY_CONSULTATION_MEETING.code: frozenset({DISABLED_LIVING_SUBSIDY.code, SEVERE_DISABILITY_CARE_SUBSIDY.code})}
)


@dataclass(frozen=True)
class Quarter:
    """One quarter (季度): as it is called, its last month and its last day."""

    name: str
    last_month: str
    last_day: date


def quarter_of(month: str) -> Quarter:
    number = (int(month[5:]) - 1) // 3 + 1
    last = f"{month[:4]}-{number * 3:02d}"
    return Quarter(f"{month[:4]}年第{number}季度", last, dates.last_day(last))


def quarter_after(month: str) -> Quarter:
    return quarter_of(dates.add_months(month, 3))


def meeting_id(programme: str, division: str) -> str:
    return f"{programme}.{division}"


@event("assistance.quarterly_meeting_missed", published=True)
@dataclass(frozen=True)
class QuarterlyMeetingMissed:
    """当季未召开会议: in ``quarter``, which ended on ``last_day``, none was held, nor was there ever one before."""

    programme: str
    division: str
    quarter: str
    last_day: date


@dataclass(frozen=True)
class Meetings:
    division: str = ""
    missed: tuple[str, ...] = ()


def evolve(state: Meetings, happened: Any) -> Meetings:
    match happened:
        case QuarterlyMeetingMissed():
            return replace(state, division=happened.division, missed=(*state.missed, happened.quarter))
        case _:
            raise TypeError(f"meetings of a quarter know no {type(happened).__name__}")


@command("note_first_meeting_missed", permission="assistance:note")
@dataclass(frozen=True)
class NoteFirstMeetingMissed:
    """By the timer."""

    programme: str
    division: str
    quarter: str
    last_day: date


def note_missed(state: Meetings, c: NoteFirstMeetingMissed, order: Order[Any]) -> Sequence[Any]:
    if c.quarter in state.missed or order.today <= c.last_day:
        return []
    return [QuarterlyMeetingMissed(c.programme, c.division, c.quarter, c.last_day)]


DECIDER: Decider[Meetings] = Decider(
    category="assistance.quarterly_meetings",
    initial=Meetings(),
    evolve=evolve,
    decide={NoteFirstMeetingMissed: note_missed},
    division=lambda state: state.division,
)
