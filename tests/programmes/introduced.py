"""Whom the declared examples speak of (示例中的人): they have fixed ids, and care is for people on file, so the file is made here.

Written by the deciders themselves, since no resident ID gives an id that stands in a declaration.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from services.assistance import determination as dt
from services.assistance import person
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.institutions import SUPPORT_INSTITUTION_REGISTER
from shared.casework import record
from shared.eventsourcing.orders import Hand, Order, derived_id

TOWN = "330225100"
# Person, programme of the class, grade and kind of the certificate.
WHO = (
    ("a1" * 16, "extreme_hardship_support", 2, "mental"),
    ("c3" * 16, "low_income_household", 3, "physical"),
    ("d4" * 16, "", 2, "visual"),
)

INSTITUTIONS = ("org:jinglao-1", "org:jinglao-2")  # in which a place is offered


def introduce(office: Any) -> None:
    """Register them and the institutions, with class and certificate of years ago; once more changes nothing."""
    for who, programme, grade, kind in WHO:
        for decider, command in _known(who, programme, grade, kind):
            made_by = derived_id("introduce", who, type(command).__name__)
            order: Order[Any] = Order(command, made_by, Hand.service("assistance"), office.clock.now())
            office.vault.prepare([who])
            office.handle(decider, who, order)
    for institution in INSTITUTIONS:
        register_institution(office, institution)


def register_institution(office: Any, institution_id: str, division: str = TOWN, beds: int = 80) -> None:
    """A 特困 institution of the register, by three hands; once more changes nothing."""
    record_id = derived_id(SUPPORT_INSTITUTION_REGISTER.code, "", institution_id, "")
    told = {"name": "示例敬老院", "managing_body": "district", "operation": "public", "places": str(beds)}
    entries = tuple(record.Entry(code, value) for code, value in told.items())
    filed = record.FileRecord(
        SUPPORT_INSTITUTION_REGISTER.code, division, institution_id, entries=entries, terms=SUPPORT_INSTITUTION_REGISTER.terms
    )
    steps = (("clerk", filed), ("reviewer", record.CheckRecord(record_id)), ("approver", record.RegisterRecord(record_id)))
    for role, command in steps:
        hand = Hand(f"staff:{role}", frozenset({role}), "330225")
        made_by = derived_id("introduce", institution_id, type(command).__name__)
        office.handle(DECIDERS[record.NAME], record_id, Order(command, made_by, hand, office.clock.now()))


def _known(who: str, programme: str, grade: int, kind: str) -> list[tuple[Any, Any]]:
    register = person.RegisterPerson(who, date(1950, 1, 1), TOWN, "rural", 0, 0, "", "示例人员", "")
    told = [(person.DECIDER, register), (person.DECIDER, person.RecordCertificate(who, TOWN, grade, kind, date(2015, 1, 1)))]
    if programme:
        spans = (dt.Span("2015-01"),)
        told.append((dt.DECIDER, dt.NoteGround(who, TOWN, derived_id("ground", who), programme, who, spans, (who,))))
    return told
