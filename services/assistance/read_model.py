"""Assistance's read model (社会救助读模型): households, their members, cases, decisions, payments, claims."""

from __future__ import annotations

import sqlalchemy as sa

from services.assistance import (
    benefits,  # adopts the shapes before the model names their events
    household,
    housing,
    move,
)
from services.assistance.declarations import DECLARATIONS
from services.assistance.rows import (
    aid_overlap,
    aids_elsewhere,
    determination,
    error_ledger,
    heads,
    improvements,
    means_test,
    meetings,
    moves,
    national_register,
    person,
    price_linkage,
    referrals,
    referred_aids,
    standards,
    temporary,
)
from shared.casework.shape import shapes_of
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog.benefit_rows import benefit_tables, project_benefits
from shared.eventlog.disclosure_rows import disclosure_tables, project_disclosures
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventlog.shape_rows import project_records, record_table
from shared.eventsourcing.codec import Recorded

METADATA = sa.MetaData()

households = sa.Table(
    "households",
    METADATA,
    sa.Column("household_id", sa.String(36), primary_key=True),
    sa.Column("division", sa.String(12), nullable=False, index=True),
    sa.Column("area", sa.String(10), nullable=False),
    sa.Column("head_id", sa.String(32), nullable=False),
    sa.Column("members", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
members = sa.Table(
    "members",
    METADATA,
    sa.Column("household_id", sa.String(36), primary_key=True),
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("relation", sa.String(40), nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # sealed, as in the event
    sa.Column("monthly_income_fen", sa.BigInteger, nullable=False),
    sa.Column("died_on", sa.String(10)),
    sa.Column("left_from", sa.String(7)),
)
BENEFITS = benefit_tables(METADATA)
DISCLOSED = disclosure_tables(METADATA)
RECORDS = record_table(METADATA)
FEATURES = (
    means_test, standards, moves, person, temporary, determination, price_linkage, meetings, aid_overlap, error_ledger, heads, referrals,
    aids_elsewhere, improvements, national_register, referred_aids,
)  # fmt: skip
TABLES = {feature.__name__.rsplit(".", 1)[1]: feature.declare(METADATA) for feature in FEATURES}
MODEL = ReadModel("assistance", version=29, metadata=METADATA)
project_benefits(MODEL, BENEFITS, benefits.turns)
project_disclosures(MODEL, DISCLOSED)
project_records(MODEL, RECORDS, shapes_of(DECLARATIONS))
for _feature in FEATURES:
    _feature.project(MODEL, TABLES[_feature.__name__.rsplit(".", 1)[1]])


@MODEL.on(household.HouseholdRegistered)
def _registered(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.put(
        households,
        household_id=e.household_id,
        division=e.division,
        area=e.area,
        head_id=e.head_id,
        members=len(e.members),
        version=r.version,
    )
    for m in e.members:
        _member(rows, e.household_id, m)


@MODEL.on(household.IncomeRecorded)
def _income(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.change(members, {"household_id": e.household_id, "person_id": e.person_id}, monthly_income_fen=e.monthly_income_fen)
    rows.change(households, {"household_id": e.household_id}, version=r.version)


@MODEL.on(
    household.MemberCertified, household.AppliedAlone, household.MemberSupported, housing.HouseAppraised, move.HouseholdMoved,
    move.HouseholdMoveSetAside, household.HeadOverdue,
)  # fmt: skip
def _noted(rows: Rows, r: Recorded) -> None:
    rows.change(households, {"household_id": r.event.household_id}, version=r.version)


@MODEL.on(move.HouseholdHandedOver)
def _handed_over(rows: Rows, r: Recorded) -> None:
    e = r.event
    row = rows.get(TABLES["standards"].households, household_id=e.household_id)
    assert row is not None
    _, area = move.place_in(standards.unpacked(row["state"]), dates.month_of(r.meta.recorded_at.astimezone(SHANGHAI).date()))
    rows.change(households, {"household_id": e.household_id}, division=e.division, area=area, version=r.version)


@MODEL.on(household.HouseholdChanged)
def _changed(rows: Rows, r: Recorded) -> None:
    e = r.event
    for m in e.joined:
        _member(rows, e.household_id, m)
    for person_id in e.left:
        rows.change(members, {"household_id": e.household_id, "person_id": person_id}, left_from=e.from_month)
    house = rows.get(households, household_id=e.household_id)
    if house is not None:
        count = house["members"] + len(e.joined) - len(e.left)
        rows.change(households, {"household_id": e.household_id}, members=count, version=r.version)


@MODEL.on(household.HeadChanged)
def _head(rows: Rows, r: Recorded) -> None:
    """Dated ones may come in any order."""
    row = rows.get(TABLES["standards"].households, household_id=r.event.household_id)
    head_id = r.event.head_id if row is None else household.head_of(standards.unpacked(row["state"]))
    rows.change(households, {"household_id": r.event.household_id}, head_id=head_id, version=r.version)


@MODEL.on(household.MemberDied)
def _died(rows: Rows, r: Recorded) -> None:
    e = r.event
    member = rows.get(members, household_id=e.household_id, person_id=e.person_id)
    house = rows.get(households, household_id=e.household_id)
    first = member is not None and member["died_on"] is None and member["left_from"] is None
    rows.change(members, {"household_id": e.household_id, "person_id": e.person_id}, died_on=e.died_on.isoformat())
    if house is not None:
        rows.change(households, {"household_id": e.household_id}, members=house["members"] - (1 if first else 0), version=r.version)


@MODEL.on(household.MemberDeathAnnulled)
def _lives(rows: Rows, r: Recorded) -> None:
    e = r.event
    member = rows.get(members, household_id=e.household_id, person_id=e.person_id)
    house = rows.get(households, household_id=e.household_id)
    here = member is not None and member["died_on"] is not None and member["left_from"] is None
    rows.change(members, {"household_id": e.household_id, "person_id": e.person_id}, died_on=None)
    if house is not None:
        rows.change(households, {"household_id": e.household_id}, members=house["members"] + (1 if here else 0), version=r.version)


def _member(rows: Rows, household_id: str, m: household.Member) -> None:
    rows.put(
        members,
        household_id=household_id,
        person_id=m.person_id,
        relation=m.relation,
        name=m.name,
        monthly_income_fen=m.monthly_income_fen,
        left_from=None,
    )
