"""Costing over this office's read model, or over its log as it was known on an earlier day (``as_of``).

Facts of households are read in bulk; facts of persons, and of a household's bills, from their streams, subject by subject.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.assistance import household, person, placement, simulation, standards
from services.assistance.benefits import CASES, district, gather
from services.assistance.household import Household
from services.assistance.programmes import PROGRAMMES
from services.assistance.read_model import TABLES
from services.assistance.rise import CaseNow, in_bulk
from services.assistance.rows.standards import StandardTables, Tables, exits_after, lean, payments_of
from services.assistance.rules import engine
from shared.casework import benefit_case as bc
from shared.casework.benefits import Asked
from shared.domain.errors import Refused
from shared.eventlog.reader import Reader, of_service
from shared.eventlog.showing import recorded
from shared.office import Office

MOST_SINGLE = 500  # cases whose facts are read one by one, where an answer is wanted within seconds


class Past:
    """``rise.Reading`` as of a moment: every case and household of the log, folded up to it, and what had been paid by then."""

    def __init__(self, office: Office, as_of: datetime, progress: Callable[[str, int], None] = lambda _what, _n: None) -> None:
        self._cases: dict[str, CaseNow] = {}
        self._houses: dict[str, tuple[Household, int]] = {}
        self._paid: dict[tuple[str, str], int] = {}
        self._persons: set[str] = set()
        case_stream, house_stream = f"{CASES.category}-", f"{household.DECIDER.category}-"
        person_stream = f"{person.DECIDER.category}-"
        reader = Reader(office.log)
        try:
            for n, raw in enumerate(reader.read(-1, office.log.head(), **of_service(office.service))):
                if n % 1000 == 0:
                    progress("events", 1000)
                if raw.stream.startswith(person_stream):
                    self._persons.add(raw.stream.split("-", 1)[1])
                if not raw.stream.startswith((case_stream, house_stream)):
                    continue
                r = recorded(raw)
                if r.meta.recorded_at > as_of:
                    continue
                key = raw.stream.split("-", 1)[1]
                if raw.stream.startswith(case_stream):
                    self._case(key, r.event)
                else:
                    state = household.evolve(self._houses[key][0] if key in self._houses else Household(), r.event)
                    self._houses[key] = (state, r.version)
        finally:
            reader.close()

    def _case(self, key: str, event: Any) -> None:
        before = self._cases.get(key, CaseNow(key, bc.Case()))
        after = lean(CASES.evolve(before.state, event))
        self._cases[key] = replace(before, state=after, exits=exits_after(before.exits, after, event))
        if isinstance(event, bc.BenefitPaid):
            self._paid[key, event.month] = event.amount_fen
        elif isinstance(event, bc.PaymentReturned):
            self._paid.pop((key, event.month), None)

    def cases(self, programmes: Sequence[str]) -> Iterator[CaseNow]:
        """Every case of these programmes that had been granted."""
        for key in sorted(self._cases):
            now = self._cases[key]
            if now.state.programme in programmes and now.state.first_month:
                yield now

    def households(self, ids: Iterable[str]) -> dict[str, tuple[Household, int]]:
        """Household id → its folded state, and the version of its stream."""
        return {key: self._houses[key] for key in set(ids) if key in self._houses}

    def all_households(self, after: str = "") -> list[tuple[str, Household]]:
        """All at once: they are in memory."""
        return [] if after else [(key, self._houses[key][0]) for key in sorted(self._houses)]

    def persons(self, after: str = "") -> list[str]:
        """All at once."""
        return [] if after else sorted(self._persons)

    def paid(self, month: str, ids: Iterable[str]) -> dict[str, int]:
        return {key: self._paid[key, month] for key in ids if (key, month) in self._paid}


def _persons_page(engine: sa.Engine, division: str, after: str) -> list[str]:
    """A page of the persons of whom facts are known, behind an id."""
    p = TABLES["person"].persons.c
    query = (
        sa.select(p.person_id)
        .where(p.person_id > after, p.division.startswith(division))
        .order_by(p.person_id)
        .limit(simulation.SINGLE_PAGE)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


class _Then:
    """The office as it was known at a moment: for reading alone."""

    def __init__(self, office: Office, as_of: datetime) -> None:
        self._office, self._as_of = office, as_of

    def load(self, decider: Any, aggregate_id: str) -> Any:
        return self._office.load(decider, aggregate_id, self._as_of)


class OneByOne:
    """Facts from the streams, subject by subject, as the case alone would be decided."""

    def __init__(self, office: Any, asked: simulation.Asked, persons: Callable[[str], list[str]]) -> None:
        self._office, self._programme, self._month, self._persons = office, PROGRAMMES[asked.programme], asked.month, persons
        self._seen: set[str] = set()

    def facts_of(self, page: list[CaseNow]) -> list[tuple[CaseNow, Any]]:
        """Those of each case; nothing of who has died or gave the benefit up."""
        found = ((now, self._asked(now.state.subject_id, *simulation.question(now, self._month))) for now in page)
        return [(now, facts) for now, facts in found if facts is not None]

    def register(self, after: str, but: Container[str]) -> list[tuple[str, str, Any]]:
        """Who of the persons known to assistance, or of their households, might apply."""
        found = []
        for person_id in self._persons(after):
            subject_id = self._applicant(person_id)
            new = bool(subject_id) and subject_id not in but and subject_id not in self._seen
            self._seen.add(subject_id)
            found.append((person_id, subject_id, self._asked(subject_id, 0, None) if new else None))
        return found

    def _applicant(self, person_id: str) -> str:
        """Whose application it would be; "" when nothing was ever recorded of the person that such an application rests on."""
        own: person.Person = self._office.load(person.DECIDER, person_id).state
        if self._programme.subject == "household":
            home: str = self._office.load(placement.DECIDER, person_id).state.household_id if own.spending else ""
            return home
        rests_on = {"disability": own.certificates, "extreme_hardship": own.findings}
        return person_id if rests_on.get(self._programme.facts, True) else ""

    def _asked(self, subject_id: str, amount: int, since: str | None) -> Any:
        try:
            return gather(self._office, Asked(self._programme.code, subject_id, self._month, amount, since)).facts
        except Refused as refused:  # SubjectGone among them
            if refused.code == "unavailable":
                raise
            return None


def costed(
    office: Office,
    tables: StandardTables,
    profile: str,
    asked: simulation.Asked,
    *,
    as_of: datetime | None = None,
    division: str = "",
    most: int = 0,
    progress: Callable[[str, int], None] = lambda _what, _n: None,
    each_case: bool = False,
) -> simulation.Report:
    """What a change would cost, on the cases of ``asked.month``; as was known at ``as_of``, publications included. Changes nothing."""
    simulation.costable(asked.programme)
    state: standards.Book = office.load(standards.DECIDER, district(profile), as_of).state
    rules = engine(profile, standards.in_the_rules(state))
    then = None if as_of is None else Past(office, as_of, progress)
    reading: Tables | Past = then or Tables(office.read, tables, division)
    if in_bulk(asked.programme):
        facts_of = simulation.facts_of_households(reading.households, asked.month)
        register = simulation.register_of_households(reading.all_households, asked.month)
    else:
        persons = then.persons if then is not None else lambda after: _persons_page(office.read, division, after)
        one_by_one = OneByOne(office if as_of is None else _Then(office, as_of), asked, persons)
        facts_of, register = one_by_one.facts_of, one_by_one.register
        most = min(most, MOST_SINGLE) if most else 0

    def payments(ids: Iterable[str]) -> dict[str, int]:
        return payments_of(office.read, asked.month, ids) if then is None else then.paid(asked.month, ids)

    return simulation.simulate(
        rules, asked, reading.cases((asked.programme,)), facts_of, register, payments, most=most, progress=progress, each_case=each_case
    )
