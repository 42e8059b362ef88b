"""Rows of standards (标准): publications that wait for somebody, and the states of cases and households that a raise is reckoned from.

``household_states`` holds what the decider's own ``evolve`` makes of the events, as JSON without names; of cases the rows of what is due
(``benefit_dues``) do, and here stand only the months of gradual exits. 100,000 are read in seconds where their streams would take minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from services.assistance import household, standards
from services.assistance.household import Household
from services.assistance.rise import CaseNow
from shared.casework import benefit_case as bc
from shared.domain import dates
from shared.domain.decoders import decoder_of
from shared.domain.frozen import replace
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

PAGE = 4_000
_IN = 500  # ids in one question
_household: msgspec.json.Decoder[Household] = decoder_of(Household)
_exits: msgspec.json.Decoder[tuple[tuple[str, str], ...]] = decoder_of(tuple[tuple[str, str], ...])


@dataclass(frozen=True)
class StandardTables:
    publications: sa.Table
    dues: sa.Table
    exits: sa.Table
    households: sa.Table


def declare(metadata: sa.MetaData) -> StandardTables:
    """Declare the tables."""
    return StandardTables(
        publications=sa.Table(
            "standard_publications",
            metadata,
            sa.Column("publication_id", sa.String(40), primary_key=True),
            sa.Column("number", sa.Integer, nullable=False),
            sa.Column("programme", sa.String(120), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("worklist", sa.String(40), nullable=False),
            sa.Column("due_on", sa.String(10)),
            sa.Column("document_no", sa.Text, nullable=False),
            sa.Column("effective_from", sa.String(10), nullable=False),
        ),
        dues=metadata.tables["benefit_dues"],  # shared/eventlog/payment_rows.py
        exits=sa.Table(
            "case_exits",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("exits", sa.Text, nullable=False),
        ),
        households=sa.Table(
            "household_states",
            metadata,
            sa.Column("household_id", sa.String(36), primary_key=True),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("state", sa.Text, nullable=False),
        ),
    )


def project(model: ReadModel, tables: StandardTables) -> None:
    """Fold events into them."""
    @model.on(*household.EVENTS)
    def _household_state(rows: Rows, r: Recorded) -> None:
        row = rows.get(tables.households, household_id=aggregate_id(r))
        state = household.evolve(Household() if row is None else _household.decode(row["state"]), r.event)
        nameless = {k: replace(m, name="", resident_id="") for k, m in state.members.items()}
        rows.put(
            tables.households,
            household_id=aggregate_id(r),
            division=state.division,
            version=r.version,
            state=_text(replace(state, members=nameless)),
        )

    @model.on(bc.CaseGranted, bc.CaseReassessed, bc.CaseEnded)
    def _exits_of(rows: Rows, r: Recorded) -> None:
        due = rows.get(tables.dues, case_id=aggregate_id(r))  # as this event left it: its own projection is named before this one
        row = rows.get(tables.exits, case_id=aggregate_id(r))
        before = () if row is None else _exits.decode(row["exits"])
        exits = before if due is None else exits_after(before, bc.unpacked(due["state"], bc.Case), r.event)
        if exits != before:
            rows.put(tables.exits, case_id=aggregate_id(r), exits=msgspec.json.encode(exits).decode())

    @model.on(standards.StandardDrafted)
    def _drafted(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            tables.publications,
            publication_id=f"{e.division}-{e.number}",
            number=e.number,
            programme=e.standard,
            division=e.division,
            status="drafted",
            worklist="standard_to_approve",
            document_no=e.document_no,
            effective_from=min(v.effective_from for v in e.values).isoformat(),
        )

    @model.on(standards.StandardApproved, standards.StandardPublished, standards.StandardWithdrawn)
    def _moved(rows: Rows, r: Recorded) -> None:
        kind = type(r.event)
        status, worklist = {
            standards.StandardApproved: ("approved", "standard_to_publish"),
            standards.StandardPublished: ("published", ""),
            standards.StandardWithdrawn: ("withdrawn", ""),
        }[kind]
        key = {"publication_id": f"{r.stream.split('-', 1)[1]}-{r.event.number}"}
        rows.change(tables.publications, key, status=status, worklist=worklist)


def _text(state: Any) -> str:
    """As JSON, mappings in their own order: that of a household's members is part of the facts."""
    return msgspec.json.encode(state, enc_hook=dict).decode()


def unpacked(text: str) -> Household:
    """A household as its row keeps it."""
    return _household.decode(text)


def lean(case: bc.Case) -> bc.Case:
    """Without what only the procedure and the explanations need."""
    return replace(case, proposal=None, last_assessment=None, objection=None, appeal=None, supplement=None, decisions=(), clerks=())


def exits_after(exits: tuple[tuple[str, str], ...], after: bc.Case, happened: Any) -> tuple[tuple[str, str], ...]:
    """The months of a case's gradual exits: when each began and the first month in which it was over ("" while it runs)."""
    match happened:
        case bc.CaseReassessed():
            month = happened.effective_month
        case bc.CaseEnded():
            month = happened.first_unpaid_month
        case bc.CaseGranted():
            month = happened.first_month
        case _:
            return exits
    kept = [(since, min(over or month, month)) for since, over in exits if since < month]
    if after.exit_since:
        kept = [(since, over) for since, over in kept if since != after.exit_since]
        kept.append((after.exit_since, ""))
    return tuple(kept)


# -- Reading in bulk


class Tables:
    """``rise.Reading`` over the read model of one office."""

    def __init__(self, engine: sa.Engine, tables: StandardTables, division: str = "") -> None:
        self._engine, self._t, self._division = engine, tables, division

    def cases(self, programmes: Sequence[str]) -> Iterator[CaseNow]:
        """Every case of these programmes that was ever granted, in the order of its id."""
        d, x, after = self._t.dues.c, self._t.exits.c, ""
        while True:
            query = (
                sa.select(d.case_id, d.state, x.exits)
                .join_from(self._t.dues, self._t.exits, x.case_id == d.case_id, isouter=True)
                .where(d.case_id > after, d.programme.in_(programmes), d.division.startswith(self._division))
                .order_by(d.case_id)
                .limit(PAGE)
            )
            with self._engine.connect() as connection:
                found = connection.execute(query).all()
            for case_id, text, exits in found:
                state = bc.unpacked(text, bc.Case)
                if state.first_month:
                    yield CaseNow(case_id, state, _exits.decode(exits) if exits else ())
            if len(found) < PAGE:
                return
            after = found[-1][0]

    def households(self, ids: Iterable[str]) -> dict[str, tuple[Household, int]]:
        """Household id → its folded state without names, and the version of its stream."""
        h, wanted = self._t.households.c, sorted(set(ids))
        found: dict[str, tuple[Household, int]] = {}
        with self._engine.connect() as connection:
            for n in range(0, len(wanted), _IN):
                query = sa.select(h.household_id, h.version, h.state).where(h.household_id.in_(wanted[n : n + _IN]))
                for key, version, state in connection.execute(query):
                    found[key] = (_household.decode(state), version)
        return found

    def all_households(self, after: str = "", limit: int = PAGE) -> list[tuple[str, Household]]:
        """A page of the register, behind an id."""
        h = self._t.households.c
        query = (
            sa.select(h.household_id, h.state)
            .where(h.household_id > after, h.division.startswith(self._division))
            .order_by(h.household_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(key, _household.decode(state)) for key, state in connection.execute(query)]


def households_on(
    engine: sa.Engine, households: sa.Table, states: sa.Table, places: sa.Table, division: str, day: date, limit: int, after: str = ""
) -> list[dict[str, Any]]:
    """Households with those who counted in the month of a day (``valid_at``), by all that is known; not those of whom nobody was left."""
    h, month = households.c, dates.month_of(day)
    query = sa.select(households, states.c.state).join_from(households, states, h.household_id == states.c.household_id)
    was = sa.select(places.c.household_id).where(places.c.division.startswith(division))
    query = query.where(sa.or_(h.division.startswith(division), h.household_id.in_(was))).order_by(h.household_id).limit(PAGE)
    found: list[dict[str, Any]] = []
    while True:
        with engine.connect() as connection:
            page = [dict(row) for row in connection.execute(query.where(h.household_id > after)).mappings()]
        for row in page:
            facts = household.facts_in(_household.decode(row.pop("state")), month, 0, None)
            if facts.members and facts.division.startswith(division):  # whose it was then
                found.append({**row, "division": facts.division, "area": facts.area, "members": len(facts.members)})
                if len(found) == min(limit, _IN):
                    return found
        if len(page) < PAGE:
            return found
        after = page[-1]["household_id"]


_payments = sa.table("benefit_payments", sa.column("case_id"), sa.column("month"), sa.column("amount_fen"), sa.column("status"))


def payments_of(engine: sa.Engine, month: str, case_ids: Iterable[str]) -> dict[str, int]:
    """What was paid for a month in each of these cases, without arrears; what came back from the bank was not."""
    payments, wanted = _payments, sorted(set(case_ids))
    found: dict[str, int] = {}
    with engine.connect() as connection:
        for n in range(0, len(wanted), _IN):
            query = sa.select(payments.c.case_id, payments.c.amount_fen).where(
                payments.c.month == month, payments.c.status != "returned", payments.c.case_id.in_(wanted[n : n + _IN])
            )
            found.update({case_id: int(amount) for case_id, amount in connection.execute(query)})
    return found
