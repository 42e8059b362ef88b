"""When the calendar alone changes what the rules say (到龄): the month in which somebody reaches an age that a programme declares.

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
    before, and the one after it is the first otherwise (至满龄当月止).
    """

    parameter: str
    passed: bool = False


def next_turn(ages: Iterable[tuple[Age, Parameter]], births: Iterable[date], month: str) -> str:
    """The first month after ``month`` from which one of these ages changes something for somebody; "" when none is to come."""
    now, born = _index(month), {b.year * 12 + b.month - 1 for b in births}
    found = [turn for age, parameter in ages for b in born if (turn := _turn(age, parameter, b, now))]
    return f"{min(found) // 12:04d}-{min(found) % 12 + 1:02d}" if found else ""


def _turn(age: Age, parameter: Parameter, born: int, now: int) -> int:
    """Of one person; an age that is another from some day on may be reached, or no longer be reached, on that day. 0: none to come."""
    values = parameter.values
    reached = [born + dated.value * 12 + age.passed for dated in values]
    if len(values) == 1:
        return reached[0] if reached[0] > now else 0
    begins = [dated.first.year * 12 + dated.first.month - 1 for dated in values]

    def older(month: int) -> bool:
        """Whether he is that old in a month, by the value of the month."""
        n = max((n for n, first in enumerate(begins) if first <= month), default=0)
        return month >= reached[n]

    return next((m for m in sorted({*reached, *begins}) if m > now and older(m) != older(m - 1)), 0)


def _index(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1
