"""What outside agencies report of a household (外部通报的家庭变动): which agency is believed in what, and what becomes of the rest.

Life of a report: it comes in for somebody of a household of ours → what its agency is trusted with is recorded at once, with the agency
as its trigger, and followed like a clerk's own entry → everything else becomes a task (线索) in the list of the household's town: somebody
is assigned, looks, and either enters the change with its papers and names what he opened, or puts the report aside with the reason.

Must hold: nothing that an agency is not trusted with changes a household by itself; a report that comes twice is one; nobody's name or
number is in a task. Of somebody whom we do not have nothing is taken in: a matter for a person (dead letter), as with every message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance import household, move, placement
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.discovery import HOUSEHOLD_CHANGE_REPORTS
from shared.casework import clue
from shared.casework.benefits import Office
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Notice, Order, derived_id

CATALOGUE = ("A11",)
KINDS: Mapping[str, str] = MappingProxyType({"moved": "全户迁移", "left": "成员户籍迁出", "born": "家庭新生儿"})
AGENCIES: Mapping[str, str] = MappingProxyType({"psb": "公安部门", "hospital": "卫健部门（医院）", "housing": "住建部门"})
# 公安 keeps the register of who is registered where (户口登记条例), and where a household is registered decides whose it is: a move of all
# of it is believed. Who lives together and is supported by whom (共同生活的家庭成员) that register does not know: a student's registration
# moves and he stays a member; a newborn has to be entered with his relation and papers. 住建 knows of a resettlement, not of registration.
TRUSTED: Mapping[str, frozenset[str]] = MappingProxyType({"psb": frozenset({"moved"})})
MOST_REFERENCE = 60


@dataclass(frozen=True)
class Report:
    """One report: what (``kind``), when, of a household by one who lives there; ``division``: where it moved; ``reference``: the agency's
    own number of it."""

    kind: str
    person_id: str
    happened_on: date
    reference: str
    division: str = ""


def take(office: Office, report: Report, notice: Notice[Any]) -> None:
    """Record it, or make it somebody's task."""
    reference = _reference(report.reference)
    place: placement.Placement = office.load(placement.DECIDER, report.person_id).state
    month = dates.month_of(report.happened_on)
    if report.kind == "moved":  # of the household that has him when the move counts; who left it is no word for it
        home_id = place.home_in(dates.add_months(month, move.MONTHS_AFTER))
    else:
        home_id = place.home_in(month) or place.household_id
    if not home_id:
        raise Refused("unknown_person", "该人员不在任何已登记家庭中。", "person_id")
    if report.kind in TRUSTED.get(notice.source, ()):
        _record(office, home_id, report, reference, notice)
    else:
        _ask(office, home_id, report, reference, notice.source, notice.order(None))


def _record(office: Office, home_id: str, report: Report, reference: str, notice: Notice[Any]) -> None:
    """A move of the whole household; of nothing else is anybody trusted."""
    trigger = f"agency:{notice.source}"
    moving = move.MoveHousehold(home_id, report.happened_on, report.division, "registration", reference, trigger=trigger)
    office.handle(household.DECIDER, home_id, notice.order(moving))


def _ask(office: Office, home_id: str, report: Report, reference: str, source: str, order: Order[Any]) -> None:
    of = HOUSEHOLD_CHANGE_REPORTS
    home: household.Household = office.load(household.DECIDER, home_id).state
    to = f"，迁往{report.division}" if report.division else ""
    what = f"{AGENCIES[source]}通报{KINDS[report.kind]}（{report.happened_on.isoformat()}{to}，{reference}），须核实后登记"
    told = clue.ReportClue(of.code, home.division, source, report.kind, what, subject_id=report.person_id, terms=of.terms)
    record_id = derived_id("household report", source, report.kind, report.person_id, report.happened_on.isoformat(), reference)
    if office.load(DECIDERS[clue.NAME], record_id).state.status == "none":
        office.handle(DECIDERS[clue.NAME], record_id, order.to(told))


def _reference(text: str) -> str:
    """The agency's number of the report; a resident ID is none."""
    reference = text.strip()
    if not 0 < len(reference) <= MOST_REFERENCE or re.search(r"\d{14,}", reference):
        raise invalid(f"通报编号须为1至{MOST_REFERENCE}字，且不含公民身份号码。", "reference")
    return reference
