"""What the records of care add up to (照护查询): who is looked after where, which institutions have a place, and how many of the visits
that were due were made.

No table of its own: the folded states of the records are what is counted, each by its shape's own functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.assistance import care_places, person, placement_wish
from services.assistance.declarations.care import (
    ENTRUSTED_CARE_FOR_LOW_INCOME_DISABLED,
    EXTREME_HARDSHIP_CENTRAL_PLACEMENT,
    EXTREME_HARDSHIP_HOME_CARE,
    EXTREME_HARDSHIP_MENTAL_CARE,
)
from services.assistance.declarations.institutions import SUPPORT_INSTITUTION_REGISTER
from services.assistance.programmes import EXTREME_HARDSHIP_SUPPORT
from services.assistance.rows.person import PersonTables, persons_of
from shared.casework import record, service_order, visit_plan
from shared.casework.shape import Shape
from shared.domain import dates
from shared.eventlog.benefit_rows import BenefitTables, cases_on
from shared.eventlog.shape_rows import decode_state

OF_MIND = ("mental", "intellectual", "multiple")
PAGE = 500


@dataclass(frozen=True)
class Sources:
    """The rows that are joined."""

    benefits: BenefitTables
    persons: PersonTables
    records: sa.Table


@dataclass(frozen=True)
class Supported:
    """One person in support. ``inside``: lives in an institution by his placement; ``central``: so it says on his file, by whatever hand;
    ``mind``: kind of a disability of the mind, "" = none."""

    person_id: str
    town: str
    lost_acts: int
    inside: bool
    central: bool
    mind: str


def _states(engine: sa.Engine, records: sa.Table, shape: Shape, programme: str, division: str) -> Iterator[tuple[str, Any]]:
    query = sa.select(records.c.record_id, records.c.state).where(
        records.c.shape == shape.name, records.c.programme == programme, records.c.division.startswith(division)
    )
    with engine.connect() as connection:
        for record_id, text in connection.execute(query.order_by(records.c.record_id)):
            yield record_id, decode_state(shape, text)


def in_support(engine: sa.Engine, sources: Sources, division: str, day: date) -> list[Supported]:
    """特困人员 on a day: everybody whose support was in force then, with what is on file of him for its month. Self-care is what the care
    component is paid by: the last finding, whether assessors or a survey made it."""
    rows: list[dict[str, Any]] = []
    where = {"programme": EXTREME_HARDSHIP_SUPPORT.code}
    while page := cases_on(engine, sources.benefits, division, where, day, PAGE, rows[-1]["case_id"] if rows else ""):
        rows += page
    stays = {
        state.subject_id: placement_wish.valid_on(state, day)
        for _, state in _states(engine, sources.records, placement_wish.SHAPE, EXTREME_HARDSHIP_CENTRAL_PLACEMENT.code, "")
    }
    persons = persons_of(engine, sources.persons, (row["subject_id"] for row in rows))
    found = []
    for row in rows:
        who = row["subject_id"]
        then = person.facts_in(persons.get(who, person.Person()), dates.month_of(day))
        holds = then.certificate
        mind = holds.kind if holds is not None and holds.grade and holds.kind in OF_MIND else ""
        found.append(Supported(who, row["division"][:9], len(then.lost_acts), bool(stays.get(who)), then.placement == "central", mind))
    return sorted(found, key=lambda s: s.person_id)


def living_in(engine: sa.Engine, records: sa.Table, institution_id: str) -> list[tuple[str, date]]:
    """(person, since) of everybody whose placement says that he lives in an institution."""
    wishes = _states(engine, records, placement_wish.SHAPE, EXTREME_HARDSHIP_CENTRAL_PLACEMENT.code, "")
    return [(w.subject_id, w.stays[-1].first) for _, w in wishes if w.status == "placed" and w.stays[-1].institution_id == institution_id]


@dataclass(frozen=True)
class Institution:
    """One of the register, in force. ``beds``: 核定床位, None where what is registered is no number."""

    institution_id: str
    division: str
    institution_name: str
    managing_body: str
    operation: str
    beds: int | None


def registered(engine: sa.Engine, records: sa.Table, division: str, institution_id: str = "") -> list[Institution]:
    """登记在册的供养服务机构 of a place: all of them, or the one."""
    query = sa.select(records.c.subject_id, records.c.division, records.c.state).where(
        records.c.programme == SUPPORT_INSTITUTION_REGISTER.code, records.c.status == "registered", records.c.division.startswith(division)
    )
    if institution_id:
        query = query.where(records.c.subject_id == institution_id)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(records.c.division, records.c.subject_id)).all()
    found = []
    for institution, where, text in rows:
        state: record.Record = decode_state(record.SHAPE, text)
        told = {e.code: e.value.strip() for e in state.entries}
        names = (told.get("name", ""), told.get("managing_body", ""), told.get("operation", ""))
        found.append(Institution(institution, where, *names, beds_of(told.get("places", ""))))
    return found


def beds_of(text: str) -> int | None:
    """核定床位 as it is written in the register; None where that is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def places_taken(engine: sa.Engine, records: sa.Table, institution_id: str = "") -> list[tuple[str, str, str]]:
    """(institution, wish, status) of everybody who has a place in an institution or an offer of one, in all or in the one."""
    query = sa.select(records.c.responsible, records.c.record_id, records.c.status).where(
        records.c.programme == EXTREME_HARDSHIP_CENTRAL_PLACEMENT.code, records.c.status.in_(placement_wish.HAS_A_PLACE)
    )
    if institution_id:
        query = query.where(records.c.responsible == institution_id)
    with engine.connect() as connection:
        return [(row.responsible, row.record_id, row.status) for row in connection.execute(query)]


def institution_places(engine: sa.Engine, records: sa.Table, division: str, town: str) -> list[dict[str, Any]]:
    """空床位 of the registered institutions, by town. Who is entrusted there is told, and takes no place from 特困."""
    living: Counter[str] = Counter()
    promised: Counter[str] = Counter()
    for institution, _, status in places_taken(engine, records):
        (living if status == "placed" else promised)[institution] += 1
    entrusted = {
        kept.subject_id: sum(r.care_class != care_places.PRIORITY for r in kept.residents)
        for _, kept in _states(engine, records, care_places.SHAPE, ENTRUSTED_CARE_FOR_LOW_INCOME_DISABLED.code, division)
        if kept.status == "open"
    }
    return [
        {
            "institution_id": i.institution_id, "institution_name": i.institution_name, "town": i.division[:9],
            "managing_body": i.managing_body, "operation": i.operation, "beds": i.beds, "in_residence": living[i.institution_id],
            "promised": promised[i.institution_id], "entrusted": entrusted.get(i.institution_id, 0),
            "free": None if i.beds is None else i.beds - living[i.institution_id] - promised[i.institution_id],
        }
        for i in registered(engine, records, town or division)
    ]  # fmt: skip


def central_placement_share(engine: sa.Engine, sources: Sources, division: str, day: date) -> dict[str, Any]:
    """生活不能自理特困人员集中供养率 on a day: of those in support who have lost acts of self-care, how many live in an institution.
    ``outside``: the person_ids of the others."""
    dependent = [s for s in in_support(engine, sources, division, day) if s.lost_acts]
    outside = [s.person_id for s in dependent if not s.inside]
    placed = len(dependent) - len(outside)
    return {"day": day, "due": len(dependent), "done": placed, "percent": _percent(placed, len(dependent)), "outside": outside}


def extreme_hardship_care(engine: sa.Engine, sources: Sources, division: str, day: date) -> dict[str, Any]:
    """分散供养照料 on a day: of everybody in support who lives in no institution, how many are cared for by a commissioned third party
    (第三方照料), by town; and ``gaps``: who lacks what. no_plan (无照料协议和照料人), no_provider, visit_missing, check_lacking (五有);
    no_special_care: a disability of the mind and no special care, also in an institution."""
    plans = {
        plan.subject_id: plan
        for _, plan in _states(engine, sources.records, visit_plan.SHAPE, EXTREME_HARDSHIP_HOME_CARE.code, "")
        if any(s.first <= day and (s.last is None or day <= s.last) for s in plan.stretches)
    }
    special = {
        order.subject_id
        for _, order in _states(engine, sources.records, service_order.SHAPE, EXTREME_HARDSHIP_MENTAL_CARE.code, "")
        if order.status in service_order.RUNNING
    }
    towns: dict[str, dict[str, Any]] = {}
    gaps: list[dict[str, str]] = []
    for s in in_support(engine, sources, division, day):
        lacks = [] if not s.mind or s.person_id in special else ["no_special_care"]
        if not s.inside and not s.central:
            town = towns.setdefault(s.town, {"town": s.town, "dispersed": 0, "plans": 0, "commissioned": 0})
            plan = plans.get(s.person_id)
            town["dispersed"] += 1
            town["plans"] += plan is not None
            town["commissioned"] += plan is not None and bool(plan.provider)
            lacks += _lacks(plan)
        gaps += [{"person_id": s.person_id, "town": s.town, "gap": gap} for gap in lacks]
    due, done = (sum(t[name] for t in towns.values()) for name in ("dispersed", "commissioned"))
    by_town = [{**t, "percent": _percent(t["commissioned"], t["dispersed"])} for _, t in sorted(towns.items())]
    return {"day": day, "due": due, "done": done, "percent": _percent(done, due), "towns": by_town, "gaps": gaps}


def _lacks(plan: visit_plan.VisitPlan | None) -> list[str]:
    if plan is None:
        return ["no_plan"]
    found = [("no_provider", not plan.provider), ("visit_missing", visit_plan.missing(plan)), ("check_lacking", bool(plan.lacking))]
    return [gap for gap, so in found if so]


def visit_coverage(engine: sa.Engine, records: sa.Table, division: str, programme: str, first: date, last: date) -> list[dict[str, Any]]:
    """探访覆盖率 by town in a period: plans, those with a commissioned provider (第三方), visits due and made."""
    towns: dict[str, dict[str, Any]] = {}
    for _, plan in _states(engine, records, visit_plan.SHAPE, programme, division):
        row = towns.setdefault(plan.division[:9], {"town": plan.division[:9], "plans": 0, "commissioned": 0, "due": 0, "done": 0})
        covered = visit_plan.coverage(plan, first, last)
        row["due"] += covered.due
        row["done"] += covered.done
        if plan.status == "open":
            row["plans"] += 1
            row["commissioned"] += bool(plan.provider)
    return [{**row, "percent": _percent(row["done"], row["due"])} for _, row in sorted(towns.items())]


def benefit_statement(
    engine: sa.Engine, tables: tuple[sa.Table, sa.Table, sa.Table], division: str, subject_id: str, first: str, last: str
) -> dict[str, Any]:
    """幸福清单 of one subject (household or person) over months: what was paid, by programme, and the records of service and care.

    tables: cases, payments, records. A payment that the bank gave back is none. Fen.
    """
    cases, payments, records = tables
    fen = sa.func.sum(payments.c.amount_fen + payments.c.arrears_fen).label("fen")
    paid = (
        sa.select(cases.c.programme, sa.func.count().label("months"), fen)
        .join(payments, payments.c.case_id == cases.c.case_id)
        .where(cases.c.subject_id == subject_id, cases.c.division.startswith(division), payments.c.month.between(first, last))
        .where(payments.c.status == "paid")
        .group_by(cases.c.programme)
        .order_by(cases.c.programme)
    )
    kept = sa.select(records.c.shape, records.c.programme, records.c.status, records.c.title, records.c.changed_at).where(
        records.c.subject_id == subject_id,
        records.c.division.startswith(division),
        records.c.shape.in_(("service_order", "visit_plan", "placement_wish", "project")),
    )
    with engine.connect() as connection:
        benefits = [dict(row) for row in connection.execute(paid).mappings()]
        services = [dict(row) for row in connection.execute(kept.order_by(records.c.programme, records.c.record_id)).mappings()]
    return {"first": first, "last": last, "total_fen": sum(b["fen"] for b in benefits), "benefits": benefits, "services": services}


def _percent(part: int, whole: int) -> float | None:
    """One decimal; None where there is nothing to divide by."""
    return round(100 * part / whole, 1) if whole else None
