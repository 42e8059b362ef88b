"""Death of a guardian who is paid for somebody (监护人、领款人死亡): his cases hold what they pay, and another payee is named by two hands.

Whoever is paid for his own household is not looked at here: of it the next one is paid by itself (``household.payee_in``). The cases of a
payee are found in the rows, which have an index of payees; which of them he is the payee of by now each case knows itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.assistance import household, person, standing
from services.assistance.read_model import BENEFITS, MODEL
from shared.casework import benefit_case as bc
from shared.eventsourcing.orders import Notice, Order
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, command, reaction
from shared.messaging.showing import caught_up


@dataclass(frozen=True)
class PayeeDeath:
    """``registry.after_death_opened``: what we read of it."""

    person_id: str
    division: str
    died_on: date


@dataclass(frozen=True)
class PayeeLife:
    """``registry.after_death_annulled``: what we read of it."""

    person_id: str


@dataclass(frozen=True)
class RunsAgain:
    """Our own ``assistance.case_restored`` and ``case_granted``."""

    programme: str
    subject_id: str


class PayeeDoors(BenefitService):
    """领款人死亡."""

    @reaction("registry", "after_death_opened", reads=PayeeDeath)
    def on_death_hold_payments(self, notice: Notice[PayeeDeath]) -> None:
        """Every case of somebody else that he is the payee of is told. His death is noted, so that nobody names him from now on."""
        f = notice.facts
        cases = [c for c in self._paid_to(f.person_id, notice.position) if self._by_guardian(c, f.person_id)]
        if cases:
            known: person.Person = self.office.load(person.DECIDER, f.person_id).state
            died = person.RecordPersonDeath(f.person_id, known.division or f.division, f.died_on)
            self.office.handle(person.DECIDER, f.person_id, notice.order(died, "payee death"))
        for case_id in cases:
            lose = bc.LosePayee(case_id, f.person_id)
            self.office.handle(self.benefits.cases, case_id, notice.order(lose, f"payee {case_id}"))

    @reaction("registry", "after_death_annulled", reads=PayeeLife)
    def on_life_pay_again(self, notice: Notice[PayeeLife]) -> None:
        """The death was none: whoever is still paid to him is paid to him again."""
        f = notice.facts
        annul = person.AnnulPersonDeath(f.person_id)
        self.office.handle(person.DECIDER, f.person_id, notice.order(annul, "payee lives"))
        for case_id in self._paid_to(f.person_id, notice.position):
            keep = bc.KeepPayee(case_id, f.person_id)
            self.office.handle(self.benefits.cases, case_id, notice.order(keep, f"payee {case_id}"))

    @reaction(OWN, "case_restored", reads=RunsAgain)
    def on_restored_to_the_dead(self, notice: Notice[RunsAgain]) -> None:
        """停发撤销 of a case that owed nothing when its payee died: what it owes now is held."""
        self._owes_again(notice)

    @reaction(OWN, "case_granted", reads=RunsAgain)
    def on_granted_to_the_dead(self, notice: Notice[RunsAgain]) -> None:
        """The same of one that is granted again behind months that were not due (ADR 25)."""
        self._owes_again(notice)

    def _owes_again(self, notice: Notice[RunsAgain]) -> None:
        case_id = bc.case_id(notice.facts.programme, notice.facts.subject_id)
        case: bc.Case = self.office.load(self.benefits.cases, case_id).state
        if case.payee_gone or not self._by_guardian(case_id, case.payee_id):
            return
        if standing.died_on(self.office, case.payee_id) is not None:
            lose = bc.LosePayee(case_id, case.payee_id)
            self.office.handle(self.benefits.cases, case_id, notice.order(lose, f"payee {case_id}"))

    @command(bc.NamePayee, permission="accept")
    def name_payee(self, order: Order[bc.NamePayee]) -> Any:
        """监护人（领款人）死亡的，重新指定领款人；经另一人确认后生效，暂缓的发放转入补发批次。"""
        return self._of_the_living(order)

    @command(bc.ConfirmPayee, permission="confirm")
    def confirm_payee(self, order: Order[bc.ConfirmPayee]) -> Any:
        """确认重新指定的领款人（与指定人不得为同一人）。"""
        return self._of_the_living(order)

    def _of_the_living(self, order: Order[Any]) -> Any:
        """The case's own answer comes first: whoever may not touch it learns of nobody."""
        self.office.rehearse(self.benefits.cases, order.command.case_id, order)
        standing.alive(self.office, order.command.payee_id, "payee_id")
        return self.benefits.act(order)

    def _paid_to(self, person_id: str, position: int | None) -> list[str]:
        caught_up(self.office, MODEL, position)
        c = BENEFITS.cases.c
        with self.office.read.connect() as connection:
            return list(connection.execute(sa.select(c.case_id).where(c.payee_id == person_id).order_by(c.case_id)).scalars())

    def _by_guardian(self, case_id: str, person_id: str) -> bool:
        """Whether the case is of somebody else, and of no household that names its payee itself."""
        case: bc.Case = self.office.load(self.benefits.cases, case_id).state
        of = case.last_assessment.subject if case.last_assessment is not None else case.subject_id
        home: household.Household = self.office.load(household.DECIDER, of).state
        return not home.exists and person_id not in (of, case.subject_id)
