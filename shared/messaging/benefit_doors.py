"""The doors of a service that pays benefits (津贴服务的门): cases here, payment and claims in ``payment_doors.py``.

The same for every such service.

A service inherits them and brings its read model and its benefit business; its own file holds what is its own. Permissions say
only the act ("pay"), and reactions that name no source listen to the service itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.eventsourcing.orders import Hand
from shared.messaging.doors import query
from shared.messaging.payment_doors import PaymentDoors
from shared.messaging.showing import shown


class BenefitService(PaymentDoors):
    """``model`` and ``tables`` are the service's read model; ``benefits`` its business in this office."""

    # -- cases

    @query(permission="read")
    def get_case(self, hand: Hand, case_id: str, as_of: datetime | None = None) -> Any:
        """个案：环节、金额、最近一次决定及其说明（可查询过去任一时刻）。"""
        return shown(self.office, self.benefits.cases, case_id, hand, as_of)

    @query(permission="read")
    def list_cases(
        self,
        hand: Hand,
        programme: str | None = None,
        status: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区个案列表。"""
        return self._listed(self.tables.cases, hand, position, after, limit, programme=programme, status=status)

    @query(permission="read")
    def list_decisions(self, hand: Hand, case_id: str, position: int | None = None) -> Any:
        """一个个案的历次决定：金额、理由、规则与参数版本。"""
        return self._of_case(self.tables.decisions, hand, case_id, position)
