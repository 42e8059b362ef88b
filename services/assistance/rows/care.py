"""What the records of care add up to (照护查询): who is looked after where, and how many of the visits that were due were made.

No table of its own: the folded states of the records are what is counted, each by its shape's own functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.assistance import placement_wish
from services.assistance.declarations.care import EXTREME_HARDSHIP_CENTRAL_PLACEMENT, EXTREME_HARDSHIP_SELF_CARE_ASSESSMENT
from shared.casework import graded_assessment, visit_plan
from shared.casework.shape import Shape
from shared.eventlog.shape_rows import decode_state

NOT_SELF_CARING = ("half", "none")  # 部分或完全丧失生活自理能力


def _states(engine: sa.Engine, records: sa.Table, shape: Shape, programme: str, division: str) -> Iterator[tuple[str, Any]]:
    query = sa.select(records.c.record_id, records.c.state).where(
        records.c.shape == shape.name, records.c.programme == programme, records.c.division.startswith(division)
    )
    with engine.connect() as connection:
        for record_id, text in connection.execute(query.order_by(records.c.record_id)):
            yield record_id, decode_state(shape, text)


def central_placement_share(engine: sa.Engine, records: sa.Table, division: str, day: date) -> dict[str, Any]:
    """生活不能自理特困人员集中供养率 on a day: of those whose valid grade says that they cannot look after themselves, how many live
    in an institution. ``outside``: the person_ids of the others."""
    graded = _states(engine, records, graded_assessment.SHAPE, EXTREME_HARDSHIP_SELF_CARE_ASSESSMENT.code, division)
    grades = {state.subject_id: graded_assessment.valid_on(state, day) for _, state in graded}
    dependent = sorted(person for person, grade in grades.items() if grade and grade.grade in NOT_SELF_CARING)
    wishes = _states(engine, records, placement_wish.SHAPE, EXTREME_HARDSHIP_CENTRAL_PLACEMENT.code, division)
    inside = {state.subject_id for _, state in wishes if placement_wish.valid_on(state, day)}
    outside = [person for person in dependent if person not in inside]
    placed = len(dependent) - len(outside)
    return {"day": day, "due": len(dependent), "done": placed, "percent": _percent(placed, len(dependent)), "outside": outside}


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
