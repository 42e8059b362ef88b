"""The doors of the error ledger (差错台账的门): its findings, and the rate of errors of a quarter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.assistance.doors.answers import ErrorRate
from services.assistance.error_ledger import SUBSIDIES, correct, months_of, put_right, quarter_of
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.error_ledger import accepted_of, error_rate
from shared.casework import benefit_case
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice
from shared.messaging.answering import answers, rows
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, query, reaction
from shared.messaging.showing import caught_up


@dataclass(frozen=True)
class FindingAccepted:
    """Our own ``assistance.campaign_finding_accepted``."""

    record_id: str
    finding_id: str
    object_id: str
    code: str
    from_month: str


@dataclass(frozen=True)
class CaseMoved:
    """Our own ``assistance.case_reassessed`` and ``case_ended``."""

    programme: str
    subject_id: str


@dataclass(frozen=True)
class ClaimOpened:
    """Our own ``assistance.recovery_opened``."""

    case_id: str
    programme: str


class ErrorLedgerDoors(BenefitService):
    """两项补贴差错台账."""

    @reaction(OWN, "campaign_finding_accepted", reads=FindingAccepted)
    def on_finding_accepted(self, notice: Notice[FindingAccepted]) -> None:
        """认可的差错 starts the correction of its case."""
        correct(self.benefits, notice.facts, notice.order(None))

    @reaction(OWN, "case_reassessed", reads=CaseMoved, of=SUBSIDIES)
    def on_finding_corrected(self, notice: Notice[CaseMoved]) -> None:
        """A fact that was wrong is corrected: what came of that puts the accepted finding right."""
        self._moved(notice)

    @reaction(OWN, "case_ended", reads=CaseMoved)
    def on_finding_ended(self, notice: Notice[CaseMoved]) -> None:
        """Who was found not entitled draws it no longer."""
        self._moved(notice)

    @reaction(OWN, "recovery_opened", reads=ClaimOpened)
    def on_finding_claimed(self, notice: Notice[ClaimOpened]) -> None:
        """What was paid too much is claimed."""
        if notice.facts.programme in SUBSIDIES:
            caught_up(self.office, MODEL, notice.position)  # the acceptance that led to it may be of this moment
            self._put_right(notice.facts.case_id, notice)

    def _moved(self, notice: Notice[CaseMoved]) -> None:
        if notice.facts.programme in SUBSIDIES:  # seldom
            self._put_right(benefit_case.case_id(notice.facts.programme, notice.facts.subject_id), notice)

    def _put_right(self, case_id: str, notice: Notice[Any]) -> None:
        for record_id, finding_id, after in accepted_of(self.office.read, TABLES["error_ledger"], case_id):
            put_right(self.office, record_id, finding_id, after, notice.order(None))

    @query(permission="assistance:read")
    @answers(list[ErrorRate])
    def get_error_rate(self, hand: Hand, quarter: str = "", position: int | None = None) -> Any:
        """两项补贴季度差错率：分子为该季度发现的差错（按类别，件数和金额），分母为该季度各月实发的人月数和金额；差错率为万分比。"""
        caught_up(self.office, MODEL, position)
        asked = quarter or quarter_of(self.office.clock.now().date())
        months_of(asked)
        return error_rate(self.office.read, TABLES["error_ledger"], hand.division, asked)

    @query(permission="assistance:read")
    @answers(rows(TABLES["error_ledger"].findings))
    def list_error_findings(
        self,
        hand: Hand,
        quarter: str | None = None,
        programme: str | None = None,
        code: str | None = None,
        status: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """两项补贴差错台账：每项差错的类别、对象、整改情况，转入的追回、补发或发放及其金额。"""
        caught_up(self.office, MODEL, position)
        where = {"quarter": quarter, "programme": programme, "code": code, "status": status}
        return listed(self.office.read, TABLES["error_ledger"].findings, hand.division, where, limit, after)
