"""残疾人证: which of the certificates on file counts in a month, and from which each of them, in whatever order they were told.

A certificate counts from the month in which it takes effect; a milder one, or a cancellation, while a better one is in force from the month
after, so that nobody pays back a month begun in good faith. The one that takes effect latest by the month holds; of two of the same
day the one recorded last corrects the other. Behind its last valid month none counts in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar

from shared.domain import dates


class Certificate(Protocol):
    """Of a person's file or of a household's stream. ``grade``: 1 (worst) to 4, 0 = cancelled."""

    @property
    def grade(self) -> int: ...
    @property
    def valid_until(self) -> date | None: ...
    @property
    def effective_from(self) -> date: ...


C = TypeVar("C", bound=Certificate)


def counted(known: Sequence[C]) -> list[tuple[str, C]]:
    """Each with the month from which it counts, by the day on which it takes effect; ``known`` as recorded, corrected ones left out."""
    by_day: dict[date, C] = {}
    for c in known:
        by_day[c.effective_from] = c
    found: list[tuple[str, C]] = []
    for day in sorted(by_day):
        c, month = by_day[day], dates.month_of(day)
        before = next((b for since, b in reversed(found) if since <= month), None)
        in_force = before is not None and (before.valid_until is None or month <= dates.month_of(before.valid_until))
        if before is not None and in_force and _severity(c.grade) < _severity(before.grade):
            month = dates.add_months(month, 1)
        found.append((month, c))
    return found


def in_month(known: Sequence[C], month: str) -> C | None:
    """The one that counts in a month, whether it is still valid or not."""
    there = [(since, n, c) for n, (since, c) in enumerate(counted(known)) if since <= month]
    return max(there, key=lambda t: t[:2])[2] if there else None


def changed_from(before: Sequence[C], after: Sequence[C], otherwise: str) -> str:
    """The first month in which another one counts than did; ``otherwise``: where none does."""
    months = sorted({month for month, _ in (*counted(before), *counted(after))})
    return next((m for m in months if in_month(before, m) is not in_month(after, m)), otherwise)


def _severity(grade: int) -> int:
    return 5 - grade if grade else 0
