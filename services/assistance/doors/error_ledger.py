"""The doors of the error ledger (差错台账的门): its findings, and the rate of errors of a quarter."""

from __future__ import annotations

from typing import Any

from services.assistance.error_ledger import months_of, quarter_of
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.error_ledger import error_rate
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand
from shared.messaging.doors import Service, query
from shared.messaging.showing import caught_up


class ErrorLedgerDoors(Service):
    """两项补贴差错台账."""

    @query(permission="assistance:read")
    def get_error_rate(self, hand: Hand, quarter: str = "", position: int | None = None) -> Any:
        """两项补贴季度差错率：分子为该季度发现的差错（按类别，件数和金额），分母为该季度各月实发的人月数和金额；差错率为万分比。"""
        caught_up(self.office, MODEL, position)
        asked = quarter or quarter_of(self.office.clock.now().date())
        months_of(asked)
        return error_rate(self.office.read, TABLES["error_ledger"], hand.division, asked)

    @query(permission="assistance:read")
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
