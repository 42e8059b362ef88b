"""What an assessment says: the outcome, the amount, and every line it was reached by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Outcome(IntEnum):
    """How a case stands after the decision. The first two answer an application, the others a case in force."""

    ineligible = 0
    eligible = 1
    unchanged = 2
    raised = 3
    lowered = 4
    gradual_exit = 5
    ended = 6


@dataclass(frozen=True)
class Line:
    """One line of the explanation: what it is, its amount in fen if it has one, and the paragraph it rests on."""

    label: str
    amount_fen: int | None
    basis: str


@dataclass(frozen=True)
class Assessment:
    """A decision that can be explained today and recomputed in ten years.

    inputs holds the facts as plain JSON values, enough to recompute. eligible: the conditions are met; a gradual exit is paid
    without meeting them. amount_fen is the monthly amount after the decision (during a gradual exit: what
    is paid during it). exit_ends is the last month paid of a gradual exit.
    placeholder: the result rests on at least one parameter that no document backs yet.
    """

    programme: str
    month: str
    subject: str
    outcome: str
    eligible: bool
    amount_fen: int
    reason: str
    lines: tuple[Line, ...]
    inputs: dict[str, Any]
    rules_version: str
    parameters_version: str
    exit_ends: str | None
    placeholder: bool
