"""Given / when / then for deciders: ``given(D, *events).when(command).then(*events)``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Order

S = TypeVar("S")


@dataclass(frozen=True)
class Given(Generic[S]):
    decider: Decider[S]
    events: tuple[Any, ...]
    order: Order[Any]

    def on(self, day: str) -> Given[S]:
        """Set the business time, "2023-07-01" or a full ISO time (Asia/Shanghai)."""
        now = datetime.fromisoformat(day)
        now = now.replace(hour=now.hour or 9, tzinfo=SHANGHAI) if now.tzinfo is None else now
        return replace(self, order=replace(self.order, now=now))

    def by(self, actor: str, *roles: str, division: str = "") -> Given[S]:
        return replace(self, order=replace(self.order, hand=Hand(actor, frozenset(roles), division)))

    def when(self, command: Any) -> Outcome[S]:
        state = self.decider.fold(self.events)
        order = replace(self.order, command=command)
        try:
            events = tuple(self.decider.decide[type(command)](state, command, order))
        except Refused as refused:
            return Outcome(self, (), refused)
        self.decider.fold(events, state)  # whatever was decided must also be foldable
        return Outcome(self, events, None)

    @property
    def state(self) -> S:
        return self.decider.fold(self.events)


@dataclass(frozen=True)
class Outcome(Generic[S]):
    given: Given[S]
    events: tuple[Any, ...]
    refused: Refused | None

    def then(self, *expected: Any) -> Given[S]:
        assert self.refused is None, f"refused: {self.refused}"
        assert self.events == expected, f"\n decided: {self.events}\nexpected: {expected}"
        return replace(self.given, events=self.given.events + self.events)

    def then_nothing(self) -> Given[S]:
        return self.then()

    def then_refused(self, code: str, field: str | None = None) -> Refused:
        assert self.refused is not None, f"was not refused but decided {self.events}"
        assert self.refused.code == code, f"refused with {self.refused}, not {code}"
        if field is not None:
            assert self.refused.field == field, f"field {self.refused.field}, not {field}"
        return self.refused

    def accepted(self) -> Given[S]:
        """Go on from whatever was decided."""
        assert self.refused is None, f"refused: {self.refused}"
        return replace(self.given, events=self.given.events + self.events)


def given(decider: Decider[S], *events: Any) -> Given[S]:
    now = datetime(2023, 7, 3, 9, 0, tzinfo=SHANGHAI)
    order: Order[Any] = Order(command=None, command_id="test", hand=Hand("staff:test"), now=now)
    return Given(decider, events, order)
