"""Rows of persons (人员): what a worklist of disability certificates and self-care needs, the day on which a certificate runs out, and
the day on which a household or person is looked at by the rules of monitoring.

``person_states`` holds the folded person without name and number: how somebody was on another day (``valid_at``) is read from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from services.assistance import monitoring, person
from shared.domain import dates
from shared.domain.decoders import decoder_of
from shared.domain.frozen import replace
from shared.eventlog.benefit_rows import start_of
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.days import day_recorded

PAGE = 500
_person: msgspec.json.Decoder[person.Person] = decoder_of(person.Person)
EXPIRED = "certificate_expired"
WATCHED = "watch_due"


@dataclass(frozen=True)
class PersonTables:
    persons: sa.Table
    states: sa.Table


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
        ),
        states=sa.Table(
            "person_states",
            metadata,
            sa.Column("person_id", sa.String(32), primary_key=True),
            sa.Column("state", sa.Text, nullable=False),
        ),
    )


def project(model: ReadModel, tables: PersonTables) -> None:
    """Fold events into them."""

    @model.on(
        person.PersonEntered,
        person.PersonRegistered,
        person.PersonChanged,
        person.PersonIncomeRecorded,
        person.CertificateRecorded,
        person.CertificateExpired,
        person.FindingRecorded,
        person.BenefitElsewhereRecorded,
        person.EssentialSpendingRecorded,
        person.BenefitChosen,
        person.PersonDeathRecorded,
        person.PersonDeathAnnulled,
    )
    def _state(rows: Rows, r: Recorded) -> None:
        person_id = r.event.person_id
        row = rows.get(tables.states, person_id=person_id)
        state = person.evolve(person.Person() if row is None else _person.decode(row["state"]), r.event)
        if state.registered is not None:
            state = replace(state, registered=replace(state.registered, name="", resident_id=""))
        rows.put(tables.states, person_id=person_id, state=msgspec.json.encode(state, enc_hook=dict).decode())

    @model.on(person.PersonEntered)
    def _entered(rows: Rows, r: Recorded) -> None:
        rows.put(tables.persons, person_id=r.event.person_id, division=r.event.division, version=r.version)

    def folded(rows: Rows, r: Recorded) -> person.Person:
        """The person behind the event: ``_state`` comes first."""
        row = rows.get(tables.states, person_id=r.event.person_id)
        return person.Person() if row is None else _person.decode(row["state"])

    def lapses(rows: Rows, r: Recorded) -> None:
        """The day on which the next certificate has run out, if one does."""
        month = person.next_lapse(folded(rows, r), dates.month_of(day_recorded(r)))
        if month:
            rows.due(r, EXPIRED, r.event.person_id, start_of(month), {"month": month})
        else:
            rows.settle(r, EXPIRED)

    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        rows.change(tables.persons, {"person_id": r.event.person_id}, version=r.version, **values)

    @model.on(person.PersonChanged)
    def _changed(rows: Rows, r: Recorded) -> None:
        change(rows, r)  # another town has him once he was handed over to it

    @model.on(person.PersonMovedAlong)
    def _moved_along(rows: Rows, r: Recorded) -> None:
        change(rows, r, division=r.event.division)

    @model.on(person.CertificateRecorded)
    def _certificate(rows: Rows, r: Recorded) -> None:
        # One of years ago may be put on file only now: shown is the one that counts from the latest month.
        last = person.facts_in(folded(rows, r), "9999-12").certificate or r.event
        until = last.valid_until.isoformat() if last.valid_until else None
        change(rows, r, disability_grade=last.grade, disability_kind=last.kind, certificate_until=until)
        lapses(rows, r)

    @model.on(person.CertificateExpired)
    def _expired(rows: Rows, r: Recorded) -> None:
        change(rows, r)
        lapses(rows, r)

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

    @model.on(person.PersonDeathAnnulled)
    def _lives(rows: Rows, r: Recorded) -> None:
        change(rows, r, died_on=None)
        lapses(rows, r)

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


# -- Queries: each takes the asking hand's division, and shows nothing beyond it


def persons_on(
    engine: sa.Engine, t: PersonTables, division: str, day: date, disability_grade: int | None, limit: int, after: str = ""
) -> list[dict[str, Any]]:
    """Persons who lived on a day (``valid_at``), as they were in its month by all that is known: certificate and findings of then."""
    p = t.persons.c
    lived = sa.or_(p.died_on.is_(None), p.died_on >= day.isoformat())
    query = sa.select(t.persons, t.states.c.state).join_from(t.persons, t.states, p.person_id == t.states.c.person_id)
    query = query.where(p.division.startswith(division), lived).order_by(p.person_id).limit(PAGE)
    month, found = dates.month_of(day), list[dict[str, Any]]()
    while True:
        with engine.connect() as connection:
            page = [dict(row) for row in connection.execute(query.where(p.person_id > after)).mappings()]
        for row in page:
            then = person.facts_in(_person.decode(row.pop("state")), month)
            held = then.certificate if then.certificate is not None and _holds(then.certificate, month) else None
            grade = held.grade if held is not None else 0
            if disability_grade in (None, grade):
                until = held.valid_until.isoformat() if held is not None and held.valid_until else None
                kind = held.kind if held is not None and grade else ""
                certified = {"disability_grade": grade, "disability_kind": kind, "certificate_until": until}
                found.append({**row, **certified, "lost_acts": len(then.lost_acts), "long_term_care": then.long_term_care})
                if len(found) == min(limit, PAGE):
                    return found
        if len(page) < PAGE:
            return found
        after = page[-1]["person_id"]


def persons_of(engine: sa.Engine, t: PersonTables, ids: Iterable[str]) -> dict[str, person.Person]:
    """Person id → the folded person without name and number, of those of whom something is on file."""
    wanted, found = sorted(set(ids)), dict[str, person.Person]()
    with engine.connect() as connection:
        for n in range(0, len(wanted), PAGE):
            query = sa.select(t.states).where(t.states.c.person_id.in_(wanted[n : n + PAGE]))
            found.update({row.person_id: _person.decode(row.state) for row in connection.execute(query)})
    return found


def _holds(certificate: person.CertificateRecorded, month: str) -> bool:
    return certificate.valid_until is None or month <= dates.month_of(certificate.valid_until)
