"""In which months something is due (应发月份), by what the rules said of each: read from the assessments, for of a determination every
amount is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.rules.assessment import Assessment

if TYPE_CHECKING:
    from shared.casework.benefit_case.events import EarlierRoundReassessed


def due_by(a: Assessment) -> bool:
    """Whether the rules give anything in the month: of a determination every amount is nothing, so that no amount says."""
    return a.outcome != "ended" and (a.eligible or a.outcome == "gradual_exit")


def due_again(decided: EarlierRoundReassessed) -> tuple[tuple[str, str], ...]:
    """The months [first, end) of an earlier round in which it was due by what was learnt later; none behind those in which somebody was
    there, where it says so."""
    until = decided.months[-1].month if decided.gone_reason else decided.before
    spans: list[tuple[str, str]] = []
    for n, a in enumerate(decided.assessments):
        end = min(decided.assessments[n + 1].month, until) if n + 1 < len(decided.assessments) else until
        if not due_by(a) or a.month >= until:
            continue
        if spans and spans[-1][1] == a.month:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((a.month, end))
    return tuple(spans)


def turns(decided: EarlierRoundReassessed) -> tuple[tuple[str, bool], ...]:
    """The same as months from which it is, or is not, due: what is announced of it."""
    found: dict[str, bool] = {decided.from_month: False}
    for first, end in due_again(decided):
        found[first] = True
        if end < decided.before:
            found[end] = False
    return tuple(sorted(found.items()))
