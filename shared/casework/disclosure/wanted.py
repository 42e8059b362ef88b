"""What is to stand of a case (应公开内容): from the case as it is, what its programme declares, and whom it is about. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.casework.benefit_case import Case
from shared.casework.disclosure.events import Counted, Kind, Shown
from shared.casework.masking import masked
from shared.casework.programme import LEVELS, Disclosure
from shared.domain import dates

FULL_AGE = 18
OF_A_MINOR = ("name", "amount_fen")  # is told of nobody below that age, or of whom it is not known


@dataclass(frozen=True)
class Who:
    """Whom a case is about, as its service knows him today: the applicant (head of the household, elder, person)."""

    person_id: str
    name: str
    born_on: date | None
    members: int = 1
    area: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is to stand of a case."""

    programme: str
    division: str
    kind: Kind
    fields: tuple[str, ...]
    shown: Shown
    masking: str
    counted: Counted | None = None
    until: date | None = None
    ends_on: date | None = None
    changes_on: date | None = None


def wanted(case: Case, declared: Disclosure, who: Who, today: date) -> Wanted | None:
    """What is to be public of a case on a day; None: nothing."""
    if case.status == "publicised" and case.proposal is not None:
        amount = None if case.terms.payment == "none" else case.proposal.assessment.amount_fen
        return publicity(case.programme, case.division, amount, case.proposal.publicised_until, declared, who, today)
    if not case.running and case.status not in ("ended", "closed"):
        return None
    return _recipient(case, declared, who, today)


def publicity(
    programme: str, division: str, amount_fen: int | None, until: date | None, declared: Disclosure, who: Who, today: date
) -> Wanted | None:  # fmt: skip
    """What is to stand while the result of a review is publicised (公示), of a case or of a procedure of its own."""
    if until is None or today > until or not declared.proposal:
        return None
    values = {"amount_fen": amount_fen, "status": "proposed", "first_month": ""}
    return _cut(programme, division, declared, who, today, "proposal", values, None, until=until)


def _recipient(case: Case, declared: Disclosure, who: Who, today: date) -> Wanted | None:
    last = _last_day(case)
    if last is not None and (case.first_month == "" or last < dates.first_day(case.first_month)):
        return None  # ended before it began
    ends_on = last + timedelta(days=declared.listed_days) if last is not None else None
    if (ends_on is not None and today > ends_on) or not (declared.recipient or declared.totals):
        return None
    over = last is not None and today > last
    month = max(dates.month_of(min(today, last) if last is not None else today), case.first_month)
    money = case.terms.payment != "none"
    due = case.due(month) if money else 0
    status = "ended" if over else "suspended" if case.suspended_in(month) else "in_force"
    values = {"amount_fen": due if money else None, "status": status, "first_month": case.first_month}
    counted = Counted(place_at(case.division, declared), who.members, due) if declared.totals and not over else None
    turns = [] if over else [_next_change(case, month), last + timedelta(days=1) if last is not None else None]
    changes_on = min((day for day in turns if day is not None), default=None)
    return _cut(case.programme, case.division, declared, who, today, "recipient", values, counted, ends_on=ends_on, changes_on=changes_on)


def _last_day(case: Case) -> date | None:
    """The last day it is in force, if that is known."""
    if case.status == "ended":
        return dates.last_day(dates.add_months(case.ended_from, -1)) if case.ended_from else None
    if case.terms.payment == "once":
        return dates.last_day(case.first_month)
    return None


def _next_change(case: Case, month: str) -> date | None:
    """The first day of the next month, as far as is known now, in which another amount is due or the payment stands otherwise."""
    turns = {s.month for s in case.schedule} | {m for s in case.suspensions for m in (s.first, s.until) if m}
    for later in sorted(m for m in turns if m > month):
        if (case.due(later), case.suspended_in(later)) != (case.due(month), case.suspended_in(month)):
            return dates.first_day(later)
    return None


def number(case_id: str) -> str:
    """公示编号, as the page and the village's board have it, so that a line of the one is found on the other."""
    return case_id[:8].upper()


def place_at(division: str, declared: Disclosure) -> str:
    return division[: LEVELS[declared.level]]


def _cut(
    programme: str, division: str, declared: Disclosure, who: Who, today: date, kind: Kind, values: dict[str, Any],
    counted: Counted | None, *, until: date | None = None, ends_on: date | None = None, changes_on: date | None = None,
) -> Wanted:  # fmt: skip
    """Only what is declared, the name masked by the rule of the day. Of a minor, whom the missing name marks, neither name nor amount
    is told, and the place no nearer than the town."""
    rule = declared.masking_on(today)
    whole = {"name": masked(who.name, rule.keep), "members": who.members, "area": who.area, **values}
    minor = who.born_on is None or dates.age_on(who.born_on, today) < FULL_AGE
    listed = declared.proposal if kind == "proposal" else declared.recipient
    shown_fields = tuple(f for f in listed if whole[f] not in (None, "") and not (minor and f in OF_A_MINOR))
    kept = {f: whole[f] for f in shown_fields}
    place = place_at(division, declared)
    shown = Shown(place[: LEVELS["town"]] if minor else place, who.person_id if "name" in kept else "", **kept)
    masking = f"{rule.since.isoformat()} {rule.keep}" if "name" in kept else ""
    return Wanted(programme, division, kind, shown_fields, shown, masking, counted, until, ends_on, changes_on)
