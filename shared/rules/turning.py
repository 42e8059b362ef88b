"""When the calendar alone changes what the rules say (到龄): the month in which somebody reaches an age that a programme declares.

The other thing that comes by the calendar, a dated figure of the district's files, is in the engine (``next_step``).

A programme's declaration names the parameters that hold its ages (``Age``); the figures stay where they are. Pure: births and dated
values in, a month out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from shared.rules.parameters import Parameter


@dataclass(frozen=True)
class Age:
    """An age (周岁) at which the rules decide otherwise though nothing happened.

    parameter: its full name, in years. From the month in which it is reached (自满龄当月起); ``passed``: that month still counts as
    before, and the one after it is the first otherwise (至满龄当月止); ``later``: the full name of the months by which the district puts
    it off (满龄后第几个月起), "" = none.
    """

    parameter: str
    passed: bool = False
    later: str = ""


Figures = tuple[Age, Parameter, Parameter | None]  # an age, its years, and the months by which it is put off


def next_turn(ages: Iterable[Figures], births: Iterable[date], month: str) -> str:
    """The first month after ``month`` from which one of these ages changes something for somebody; "" when none is to come."""
    now, born = _index(month), {b.year * 12 + b.month - 1 for b in births}
    dated = [_months_of_age(*figures) for figures in ages]
    found = [turn for values in dated for b in born if (turn := _turn(values, b, now))]
    return f"{min(found) // 12:04d}-{min(found) % 12 + 1:02d}" if found else ""


def _months_of_age(age: Age, parameter: Parameter, later: Parameter | None) -> list[tuple[int, int]]:
    """(first month, months of age from then on), whenever one of the two figures changes."""
    first = max(p.values[0].first for p in (parameter, later) if p is not None)
    days = {d.first for p in (parameter, later) if p is not None for d in p.values if d.first >= first}

    def at(p: Parameter, day: date) -> int:
        return next(d.value for d in reversed(p.values) if d.first <= day)

    put_off = {day: at(later, day) if later is not None else 0 for day in days}
    return [(day.year * 12 + day.month - 1, at(parameter, day) * 12 + put_off[day] + age.passed) for day in sorted(days)]


def _turn(values: list[tuple[int, int]], born: int, now: int) -> int:
    """Of one person; an age that is another from some day on may be reached, or no longer be reached, on that day. 0: none to come."""
    reached = [born + months for _, months in values]
    if len(values) == 1:
        return reached[0] if reached[0] > now else 0
    begins = [first for first, _ in values]

    def older(month: int) -> bool:
        """Whether he is that old in a month, by the value of the month."""
        n = max((n for n, first in enumerate(begins) if first <= month), default=0)
        return month >= reached[n]

    return next((m for m in sorted({*reached, *begins}) if m > now and older(m) != older(m - 1)), 0)


def _index(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1
