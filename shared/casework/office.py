"""What casework needs of an office (办公室): load, handle, history. The real one is ``shared.office.Office``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Order


class Office(Protocol):
    def handle(self, decider: Decider[Any], aggregate_id: str, order: Order[Any]) -> Answer: ...

    def load(self, decider: Decider[Any], aggregate_id: str) -> Any: ...

    def history(self, stream: str) -> Sequence[Any]: ...
