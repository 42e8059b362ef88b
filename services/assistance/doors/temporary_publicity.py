"""Doors of the publicity of temporary assistance (临时救助公示): the page follows the matter, and objections come back to it.

The disclosure of a matter has the matter's id; whose it is says the row of the matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.assistance import temporary, temporary_deceased, temporary_publicity
from services.assistance.benefits import applicant
from services.assistance.programmes import TEMPORARY_ASSISTANCE
from services.assistance.read_model import TABLES
from services.assistance.rows.temporary import OBJECTION_DUE
from shared.casework import disclosure
from shared.eventsourcing.orders import Notice, Order
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.disclosure_doors import About
from shared.messaging.doors import OWN, Due, command, deadline, reaction

CODE = TEMPORARY_ASSISTANCE.code


@dataclass(frozen=True)
class MatterMoved:
    """What is read of the service's own news about a matter: which one it is."""

    subject_id: str
    matter_id: str


class TemporaryPublicityDoors(BenefitService):
    """临时救助公示."""

    # -- what the page says follows the matter

    def about_another(self, case_id: str, today: date) -> About:
        """A matter, by its row."""
        subject_id = self._subject_of(case_id)
        return self._about_matter(subject_id, case_id, today) if subject_id else super().about_another(case_id, today)

    def _about_matter(self, subject_id: str, matter_id: str, today: date) -> About:
        loaded = self.office.load(temporary.DECIDER, subject_id)
        m: temporary.Matter = loaded.state.matters[matter_id]

        def wants() -> disclosure.Wanted | None:
            who = applicant(self.office, subject_id, m.payee_id, CODE, today)
            return temporary_publicity.wanted(m, self.benefits.programmes[CODE].public, who, today)

        why = temporary_publicity.WHY.get(m.status, "审核结果作废")
        hands = (*m.clerks, *((m.proposal.by,) if m.proposal is not None else ()))
        page = ("temporary", subject_id, matter_id)
        heard = temporary_publicity.heard_from(m)
        return About(loaded.version, m.division, wants, why, heard, m.objection is not None, hands, page)

    def _subject_of(self, matter_id: str) -> str:
        c = TABLES["temporary"].matters.c
        with self.office.read.connect() as connection:
            found = connection.execute(sa.select(c.subject_id).where(c.matter_id == matter_id)).scalar_one_or_none()
        return str(found or "")

    def disclosable(self) -> list[sa.Select[Any]]:
        """Cases, and the matters under review."""
        c = TABLES["temporary"].matters.c
        return [*super().disclosable(), sa.select(c.matter_id.label("id"), c.division).where(c.status == "proposed")]

    def named(self, case_id: str, today: date) -> disclosure.Who | None:
        """The applicant of a matter, too."""
        subject_id = self._subject_of(case_id)
        if not subject_id:
            return super().named(case_id, today)
        state: temporary.Temporary = self.office.load(temporary.DECIDER, subject_id).state
        return applicant(self.office, subject_id, state.matters[case_id].payee_id, CODE, today)

    def _follow_matter(self, notice: Notice[MatterMoved]) -> None:
        f, order = notice.facts, notice.order(None)
        if f.subject_id:  # none in the events of earlier releases
            self.keep_equal(f.matter_id, lambda: self._about_matter(f.subject_id, f.matter_id, order.today), order)

    @reaction(OWN, "temporary_proposed", reads=MatterMoved)
    def disclose_temporary_proposed(self, notice: Notice[MatterMoved]) -> None:
        """公示 begins."""
        self._follow_matter(notice)

    @reaction(OWN, "temporary_proposal_voided", reads=MatterMoved)
    def disclose_temporary_voided(self, notice: Notice[MatterMoved]) -> None:
        """What was publicised is not what will be decided."""
        self._follow_matter(notice)

    @reaction(OWN, "temporary_objection_answered", reads=MatterMoved)
    def disclose_temporary_answered(self, notice: Notice[MatterMoved]) -> None:
        """Upheld: the review is void."""
        self._follow_matter(notice)

    @reaction(OWN, "temporary_refused", reads=MatterMoved)
    def disclose_temporary_refused(self, notice: Notice[MatterMoved]) -> None:
        """不予救助: what waits has nothing to object to."""
        self._follow_matter(notice)

    @reaction(OWN, "temporary_withdrawn", reads=MatterMoved)
    def disclose_temporary_withdrawn(self, notice: Notice[MatterMoved]) -> None:
        """撤回申请: nothing will be decided."""
        self._follow_matter(notice)

    @reaction(OWN, "temporary_closed", reads=MatterMoved)
    def disclose_temporary_closed(self, notice: Notice[MatterMoved]) -> None:
        """终止办理 after a death: nothing will be decided."""
        self._follow_matter(notice)

    # -- objections

    @command(temporary_publicity.RaiseTemporaryObjection)
    def raise_temporary_objection(self, order: Order[temporary_publicity.RaiseTemporaryObjection]) -> Any:
        """登记临时救助公示异议；答复前不得审批。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary_publicity.AnswerTemporaryObjection)
    def answer_temporary_objection(self, order: Order[temporary_publicity.AnswerTemporaryObjection]) -> Any:
        """答复临时救助公示异议：成立的须重新审核（与经办、审核、登记异议者不得为同一人）。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    def object_to(self, case_id: str, reason: str, received_on: date, order: Order[Any]) -> None:
        """What came in from the page becomes the matter's objection."""
        subject_id = self._subject_of(case_id)
        if not subject_id:
            super().object_to(case_id, reason, received_on, order)
            return
        raised = temporary_publicity.RaiseTemporaryObjection(subject_id, case_id, reason, received_on)
        self.office.handle(temporary.DECIDER, subject_id, order.to(raised, "objection"))

    def became(self, case_id: str, version: int) -> dict[str, str]:
        """What became of a matter's objection, too."""
        subject_id = self._subject_of(case_id)
        if not subject_id:
            return super().became(case_id, version)
        for r in self.office.history(temporary.DECIDER.stream(subject_id)):
            if r.version <= version or getattr(r.event, "matter_id", "") != case_id:
                continue
            if isinstance(r.event, temporary_publicity.TemporaryObjectionAnswered):
                return {"status": "upheld" if r.event.upheld else "dismissed", "reason": r.event.reason}
            if isinstance(r.event, temporary.TemporaryProposalVoided | temporary.TemporaryWithdrawn | temporary_deceased.TemporaryClosed):
                return {"status": "moot", "reason": disclosure.MOOT}
        return {}

    @deadline(OBJECTION_DUE)
    def on_temporary_objection_due(self, due: Due) -> None:
        """公示异议逾期未答复。"""
        note = temporary.NoteTemporaryOverdue(due.aggregate_id, due.data["matter_id"], due.data["what"])
        self.office.handle(temporary.DECIDER, due.aggregate_id, due.order(note))
