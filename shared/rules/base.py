"""The ground the rule files stand on: the variable class, and the few words their formulas use.

A rule file imports everything from here, so that it reads as procedure and not as plumbing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy
from openfisca_core.periods import DateUnit
from openfisca_core.variables import Variable

from shared.rules.assessment import Outcome
from shared.rules.entities import Household, Person

__all__ = [
    "MONTH",
    "NEVER",
    "Household",
    "Law",
    "Month",
    "People",
    "Person",
    "Rule",
    "Values",
    "calendar_month",
    "date",
    "numpy",
    "outcome_of",
    "rounded",
]

MONTH = DateUnit.MONTH
NEVER = numpy.datetime64("NaT")

# Arguments and results of formulas, in the words of the domain. OpenFisca is untyped, so all of them are Any to the checker.
People = Any
Month = Any
Law = Any
Values = Any

ROUND_DOWN, ROUND_UP, ROUND_HALF_UP = 0, 1, 2


class Rule(Variable):  # type: ignore[misc]
    """An OpenFisca variable whose integers are 64 bits wide.

    OpenFisca keeps int variables in 32 bits, which end at 2 147 483 647 fen = 21 474 836.47 yuan: the sum of a
    household's savings may pass that, and would wrap around to a debt without a word.
    """

    def __init__(self, baseline_variable: Any = None) -> None:
        super().__init__(baseline_variable)
        if self.value_type is int:
            self.dtype = numpy.int64


def calendar_month(period: Month) -> Values:
    """The month of a period as a numpy date, to be compared with dates cut to months."""
    return numpy.datetime64(str(period.start)[:7], "M")


def rounded(amount: Values, unit: int, mode: int) -> Values:
    """Round fen to a multiple of unit: 0 down (舍去), 1 up (进位), 2 half up (四舍五入). Integers only, no float in between."""
    if mode == ROUND_UP:
        return -(-amount // unit) * unit
    if mode == ROUND_HALF_UP:
        return (amount + unit // 2) // unit * unit
    return amount // unit * unit


def outcome_of(entitled: Values, amount: Values, now: Values) -> Values:
    """The outcome codes of a benefit without gradual exit: an application where nothing is paid now, else a case in force."""
    applies = now == 0
    return numpy.select(
        [applies & entitled, applies, ~entitled, amount == now, amount > now],
        [Outcome.eligible, Outcome.ineligible, Outcome.ended, Outcome.unchanged, Outcome.raised],
        Outcome.lowered,
    )
