"""Before a person is erased (删除个人信息前的核实): a service that pays benefits says what of him is still open here."""

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
        with self.office.read.connect() as connection:
            cases, records, owed = (int(connection.execute(count).scalar_one()) for count in counts)
        answer = erasure_answer.AnswerErasure(f.person_id, f.division, f.number, cases, records + self.open_beside(f.person_id), owed)
        self.office.handle(erasure_answer.decider(self.name), f.person_id, notice.order(answer))
