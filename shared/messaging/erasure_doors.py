"""Before a person is erased (删除个人信息前的核实): a service that pays says what of him is still open here, and where he is on file."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from shared.casework import erasure_answer
from shared.casework.benefit_case import OVER
from shared.eventlog.benefit_rows import BenefitTables
from shared.eventlog.read_model import ReadModel
from shared.eventsourcing.orders import Notice
from shared.messaging.doors import Service, reaction
from shared.messaging.showing import all_seen
from shared.rules.profile import load_profile

WHOSE = ("person_id", "subject_id", "payee_id", "household_id", "unit_id", "head_id")  # columns that say whose a row is


@dataclass(frozen=True)
class ErasureProposed:
    """``registry.erasure_proposed``: what we read of it."""

    person_id: str
    division: str
    number: int


class ErasureDoors(Service):
    """``model``, ``tables`` and ``records`` are the service's read model."""

    model: ReadModel
    tables: BenefitTables
    records: sa.Table

    def subjects_of(self, person_id: str) -> tuple[str, ...]:
        """What a case that he draws from may be about: himself, and where the service has households, the one that counts him."""
        return (person_id,)

    def files_about(self, person_id: str) -> tuple[str, ...]:
        """Whose records are his too, now or before: himself, and where the service has households, each that ever counted him."""
        return (person_id,)

    def open_beside(self, person_id: str) -> int:
        """What is under way for him here that is neither a case nor a declared record."""
        return 0

    @reaction("registry", "erasure_proposed", reads=ErasureProposed)
    def on_erasure_proposed(self, notice: Notice[ErasureProposed]) -> None:
        """Cases, records and claims that are open, counted when the read model has seen everything of ours."""
        f = notice.facts
        if self.office.log.head(f"{self.name}.") > 0:  # a house that has just begun has nothing to wait for
            all_seen(self.office, self.model)
        c, r, claims = self.tables.cases.c, self.records.c, self.tables.pay.recoveries.c
        subjects = self.subjects_of(f.person_id)
        mine = sa.or_(c.subject_id.in_(subjects), c.payee_id == f.person_id)
        counts = (
            sa.select(sa.func.count()).where(mine, c.status.not_in(OVER)),
            sa.select(sa.func.count()).where(r.subject_id.in_(subjects), r.open.is_(True)),
            sa.select(sa.func.count()).where(claims.payee_id == f.person_id, claims.status.in_(("open", "waiver_proposed"))),
        )
        places = self._places(f.person_id)
        with self.office.read.connect() as connection:
            cases, records, owed = (int(connection.execute(count).scalar_one()) for count in counts)
        beside = records + self.open_beside(f.person_id)
        answer = erasure_answer.AnswerErasure(f.person_id, f.division, f.number, cases, beside, owed, places)
        self.office.handle(erasure_answer.decider(self.name), f.person_id, notice.order(answer))

    def _places(self, person_id: str) -> tuple[str, ...]:
        """The divisions of all that is on file of him here, whatever has become of it: every table of ours that says both whose a row is
        and where. A record that names no place is the whole district's."""
        about, found = self.files_about(person_id), set[str]()
        with self.office.read.connect() as connection:
            for table in self.model.metadata.tables.values():
                whose = [table.c[name].in_(about) for name in WHOSE if name in table.c]
                if whose and "division" in table.c:
                    found |= set(connection.execute(sa.select(table.c.division).where(sa.or_(*whose)).distinct()).scalars())
        district = load_profile(self.office.settings.profile).division_code
        return tuple(sorted({division or district for division in found}))
