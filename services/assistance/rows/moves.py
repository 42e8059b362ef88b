"""Rows of households that moved (家庭迁移): whose each was in which months, and the day on which one is handed over, or a person who moves
alone; whose means tests are that were handed over with it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa

from services.assistance import household, means_test, move, placement
from services.assistance.rows.standards import unpacked
from shared.eventlog.benefit_rows import start_of
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

HANDOVER = "household_handover"  # the deadline's name: a month has begun from which a move counts
ARRIVAL = "person_handover"  # likewise: from which another household counts a person, or he is registered elsewhere


@dataclass(frozen=True)
class MoveTables:
    places: sa.Table
    households: sa.Table
    verifications: sa.Table
    signatures: sa.Table


def declare(metadata: sa.MetaData) -> MoveTables:
    """Declare the tables. ``valid_from`` and ``valid_to`` (exclusive, "" = open) are months; of who never moved there is no row."""
    return MoveTables(
        places=sa.Table(
            "household_places",
            metadata,
            sa.Column("household_id", sa.String(36), primary_key=True),
            sa.Column("valid_from", sa.String(7), primary_key=True),
            sa.Column("valid_to", sa.String(7), nullable=False, default=""),
            sa.Column("division", sa.String(12), nullable=False, index=True),
        ),
        households=metadata.tables["household_states"],  # rows/standards.py, whose projection is named before this one
        verifications=metadata.tables["verifications"],  # rows/means_test.py, likewise
        signatures=metadata.tables["verification_signatures"],
    )


def project(model: ReadModel, tables: MoveTables) -> None:
    """Fold events into them."""

    @model.on(move.HouseholdMoved, move.HouseholdMoveSetAside, move.HouseholdHandedOver)
    def _moved(rows: Rows, r: Recorded) -> None:
        e = r.event
        row = rows.get(tables.households, household_id=e.household_id)
        assert row is not None
        state = unpacked(row["state"])
        if isinstance(e, move.HouseholdMoveSetAside):
            rows.delete(tables.places, household_id=e.household_id, valid_from=e.from_month)
        edges = sorted({household.ALWAYS, *(p.month for p in state.towns)})
        for first, end in zip(edges, (*edges[1:], ""), strict=True):
            key = {"household_id": e.household_id, "valid_from": first}
            rows.put(tables.places, **key, valid_to=end, division=move.town_in(state, first))
        month = move.handover_due(state)
        if month:
            rows.due(r, HANDOVER, e.household_id, start_of(month))
        else:
            rows.settle(r, HANDOVER)


    def arrives(rows: Rows, r: Recorded, *more: str, after: str = "") -> None:
        """The first of the months for which he is to be handed over still: one of them does not do away with another."""
        row = rows.get(model.deadlines, stream=r.stream, name=ARRIVAL)
        known = json.loads(row["data"]).get("months", []) if row is not None else []
        months = sorted({m for m in (*known, *more) if m > after})
        if months:
            rows.due(r, ARRIVAL, r.event.person_id, start_of(months[0]), {"months": months})
        else:
            rows.settle(r, ARRIVAL)

    @model.on(placement.PersonPlaced)
    def _placed(rows: Rows, r: Recorded) -> None:
        month = r.event.over_from or r.event.from_month
        if month != placement.ALWAYS:
            arrives(rows, r, month)

    @model.on(placement.PersonMoveNoted)
    def _moves(rows: Rows, r: Recorded) -> None:
        arrives(rows, r, r.event.from_month)

    @model.on(placement.PersonHandedOver)
    def _arrived(rows: Rows, r: Recorded) -> None:
        arrives(rows, r, after=r.event.from_month)

    @model.on(means_test.VerificationHandedOver)
    def _check(rows: Rows, r: Recorded) -> None:
        rows.change(tables.verifications, {"verification_id": r.event.verification_id}, division=r.event.division)

    @model.on(means_test.AuthorisationHandedOver)
    def _signed(rows: Rows, r: Recorded) -> None:
        for person_id in r.event.signed:
            rows.change(tables.signatures, {"case_id": r.event.case_id, "person_id": person_id}, division=r.event.division)


def in_month(places: sa.Table, unit: sa.ColumnElement[str], month: str) -> sa.ColumnElement[bool]:
    """On what a table of households is joined with its places: that of the month, where the household ever moved."""
    c = places.c
    return sa.and_(c.household_id == unit, c.valid_from <= month, sa.or_(c.valid_to == "", c.valid_to > month))
