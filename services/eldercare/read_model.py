"""Elder care's read model (养老服务读模型): the roster, allowances, payments, claims, declared programmes."""

from __future__ import annotations

from datetime import date, datetime, time

import sqlalchemy as sa

from services.eldercare import (
    benefits,  # adopts the shapes before the model names their events
    elder,
)
from services.eldercare.declarations import DECLARATIONS
from services.eldercare.programmes import FIRST_AGE, OLD_AGE_ALLOWANCE
from shared.casework.benefit_case import CaseGranted, CaseReassessed, case_id
from shared.casework.shape import shapes_of
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog.benefit_rows import benefit_tables, project_benefits
from shared.eventlog.disclosure_rows import disclosure_tables, project_disclosures
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventlog.shape_rows import project_records, record_table
from shared.eventsourcing.codec import Recorded

METADATA = sa.MetaData()

elders = sa.Table(
    "elders",
    METADATA,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("born_on", sa.String(10), nullable=False),
    sa.Column("division", sa.String(12), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),  # sealed, as in the event
    sa.Column("died_on", sa.String(10)),
    sa.Column("allowance_from", sa.String(7), nullable=False, default=""),  # a month
)
BENEFITS = benefit_tables(METADATA)
DISCLOSED = disclosure_tables(METADATA)
RECORDS = record_table(METADATA)
MODEL = ReadModel("eldercare", version=15, metadata=METADATA)
project_benefits(MODEL, BENEFITS, benefits.turns)
project_disclosures(MODEL, DISCLOSED)
project_records(MODEL, RECORDS, shapes_of(DECLARATIONS))


def allowance_on(born: date, month: str) -> datetime:
    """The first instant of the day on which somebody comes into question for 高龄津贴: his birthday, where it is the month's of the rules
    (born on 29 February: 1 March, 民法典 第二百零二条), or its first day. ``month`` "" = enrolled before the rules' month was named."""
    year, of_birth = int((month or f"{born.year + FIRST_AGE}")[:4]), not month or int(month[5:]) == born.month
    try:
        day = born.replace(year=year) if of_birth else dates.first_day(month)
    except ValueError:
        day = date(year, 3, 1)
    return datetime.combine(day, time(), SHANGHAI)


@MODEL.on(elder.ElderEnrolled)
def _enrolled(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.put(
        elders, person_id=e.person_id, born_on=e.born_on.isoformat(), division=e.division, name=e.name, allowance_from=e.allowance_from
    )
    rows.due(r, "allowance_age", e.person_id, allowance_on(e.born_on, e.allowance_from))


@MODEL.on(elder.ElderDied)
def _died(rows: Rows, r: Recorded) -> None:
    rows.change(elders, {"person_id": r.event.person_id}, died_on=r.event.died_on.isoformat())
    rows.settle(r, "allowance_age")


@MODEL.on(elder.ElderDeathAnnulled)
def _lives(rows: Rows, r: Recorded) -> None:
    """Who never drew the allowance waits for its birthday again; a case is restored by itself."""
    person_id = r.event.person_id
    rows.change(elders, {"person_id": person_id}, died_on=None)
    person = rows.get(elders, person_id=person_id)
    if person is not None and rows.get(BENEFITS.cases, case_id=case_id(OLD_AGE_ALLOWANCE.code, person_id)) is None:
        rows.due(r, "allowance_age", person_id, allowance_on(date.fromisoformat(person["born_on"]), person["allowance_from"]))


@MODEL.on(CaseGranted, CaseReassessed)
def _granted(rows: Rows, r: Recorded) -> None:
    """高龄津贴 is granted: from now on the case itself waits for the next band (``next_turn``)."""
    if r.event.programme == OLD_AGE_ALLOWANCE.code:
        rows.delete(MODEL.deadlines, stream=f"eldercare.elder-{r.event.subject_id}", name="allowance_age")


def living_on(day: date) -> tuple[sa.ColumnElement[bool], ...]:
    """What is so of an elder who lived on a day (``valid_at``)."""
    c, on = elders.c, day.isoformat()
    return (c.born_on <= on, sa.or_(c.died_on.is_(None), c.died_on >= on))
