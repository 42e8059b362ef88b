"""Rows of persons (人员): what a worklist of disability certificates and self-care needs, the day on which a certificate runs out, and
the day on which a household or person is looked at by the rules of monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.assistance import monitoring, person
from shared.domain import dates
from shared.eventlog.benefit_rows import start_of
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

EXPIRED = "certificate_expired"
WATCHED = "watch_due"


@dataclass(frozen=True)
class PersonTables:
    persons: sa.Table


def declare(metadata: sa.MetaData) -> PersonTables:
    """Declare the tables."""
    return PersonTables(
        persons=sa.Table(
            "persons",
            metadata,
            sa.Column("person_id", sa.String(32), primary_key=True),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("disability_grade", sa.Integer, nullable=False, default=0),
            sa.Column("disability_kind", sa.String(20), nullable=False, default=""),
            sa.Column("certificate_until", sa.String(10)),
            sa.Column("lost_acts", sa.Integer),
            sa.Column("long_term_care", sa.Boolean),
            sa.Column("died_on", sa.String(10)),
            sa.Column("version", sa.Integer, nullable=False),
        )
    )


def project(model: ReadModel, tables: PersonTables) -> None:
    """Fold events into them."""

    @model.on(person.PersonEntered)
    def _entered(rows: Rows, r: Recorded) -> None:
        rows.put(tables.persons, person_id=r.event.person_id, division=r.event.division, version=r.version)

    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        rows.change(tables.persons, {"person_id": r.event.person_id}, version=r.version, **values)

    @model.on(person.CertificateRecorded)
    def _certificate(rows: Rows, r: Recorded) -> None:
        e = r.event
        until = e.valid_until.isoformat() if e.valid_until else None
        change(rows, r, disability_grade=e.grade, disability_kind=e.kind, certificate_until=until)
        if e.valid_until is not None and e.grade:
            month = dates.add_months(dates.month_of(e.valid_until), 1)
            rows.due(r, EXPIRED, e.person_id, start_of(month), {"month": month})
        else:
            rows.settle(r, EXPIRED)

    @model.on(person.CertificateExpired)
    def _expired(rows: Rows, r: Recorded) -> None:
        change(rows, r)
        rows.settle(r, EXPIRED)

    @model.on(person.FindingRecorded)
    def _finding(rows: Rows, r: Recorded) -> None:
        e = r.event
        found: dict[str, Any] = {} if e.lost_acts is None else {"lost_acts": len(e.lost_acts)}
        if e.long_term_care is not None:
            found["long_term_care"] = e.long_term_care
        change(rows, r, **found)

    @model.on(person.PersonDeathRecorded)
    def _died(rows: Rows, r: Recorded) -> None:
        change(rows, r, died_on=r.event.died_on.isoformat())
        rows.settle(r, EXPIRED)

    @model.on(monitoring.WatchSet)
    def _watched(rows: Rows, r: Recorded) -> None:
        rows.due(r, WATCHED, r.event.subject_id, r.event.look_on)

    @model.on(monitoring.WatchLooked)
    def _looked(rows: Rows, r: Recorded) -> None:
        rows.settle(r, WATCHED)

    @model.on(
        person.PersonRegistered,
        person.PersonIncomeRecorded,
        person.BenefitElsewhereRecorded,
        person.EssentialSpendingRecorded,
        person.BenefitChosen,
        person.PersonFactsChanged,
    )
    def _version(rows: Rows, r: Recorded) -> None:
        change(rows, r)
