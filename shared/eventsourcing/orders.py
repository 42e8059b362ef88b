"""Who acts, when, and by which command: what goes into a decider beside the state.

Time, ids and the hand come in as values, so a decision can be made again from what the log holds.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Generic, TypeVar

C = TypeVar("C")

NAMESPACE = uuid.UUID("6d696e7a-6865-5e67-8000-e6b091e694bf")


def derived_id(*parts: str) -> str:
    """A command or aggregate id that follows from its causes, so that a repeat is recognised as one."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))


@dataclass(frozen=True)
class Hand:
    """Who acts (经办人): a person on duty, a service of the house, or an outside agency."""

    actor: str  # staff id "staff:zhang3", "service:assistance", "agency:hrss"; never a name
    roles: frozenset[str] = frozenset()
    division: str = ""  # "" = everywhere (services only)

    @staticmethod
    def service(name: str) -> Hand:
        return Hand(f"service:{name}", frozenset({f"service:{name}"}), "")


@dataclass(frozen=True)
class Order(Generic[C]):
    """A command with its circumstances (指令): everything a decision may depend on besides the state."""

    command: C
    command_id: str
    hand: Hand
    now: datetime
    correlation_id: str = ""
    causation_id: str = ""
    occurred_at: datetime | None = None  # when the fact was so, if it differs from now
    expected_version: int | None = None  # the stream version the caller saw; None = decide on whatever is there
    asked: Any = None  # what the caller sent, where the command was made from it: this is what a repeat is compared by

    @property
    def today(self) -> date:
        """Asia/Shanghai date of ``now`` (the clock gives times in that zone)."""
        return self.now.date()

    def to(self, command: Any, step: str = "") -> Order[Any]:
        """The same order with the command that was made from what the caller sent; ``step`` names one of several commands."""
        asked = self.command if self.asked is None else self.asked
        if not step:
            return replace(self, command=command, asked=asked)
        return replace(
            self,
            command=command,
            asked=asked,
            command_id=derived_id(self.command_id, step),
            correlation_id=self.correlation_id or self.command_id,  # the step's own id would not lead back to the order
            causation_id=self.causation_id or self.command_id,
            expected_version=None,
        )

    def by(self, hand: Hand) -> Order[Any]:
        """The same order by another hand (a service that goes on where a person's step ended)."""
        return replace(self, hand=hand)


@dataclass(frozen=True)
class Answer:
    """What a command returns, also when it is sent again: the stream's version after it and its place in the log."""

    stream: str
    id: str
    version: int
    position: int
    events: tuple[str, ...] = ()
    repeated: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "stream": self.stream,
            "id": self.id,
            "version": self.version,
            "position": self.position,
            "events": list(self.events),
            "repeated": self.repeated,
        }


@dataclass(frozen=True)
class Notice(Generic[C]):
    """Another service's event as a reaction receives it (通知): only the fields it declared, and where it came from."""

    facts: C
    event_id: str
    source: str  # "registry", "hrss"
    type: str  # "registry.death_registered"
    reaction: str  # the reaction's own name; part of every command id derived here
    hand: Hand
    now: datetime
    correlation_id: str = ""
    occurred_at: datetime | None = None
    position: int | None = None  # of the causing event in the log; None for outside agencies
    headers: dict[str, str] = field(default_factory=dict)

    def order(self, command: Any, step: str = "") -> Order[Any]:
        """The command this notice causes; the same notice always yields the same command id (law 4)."""
        return Order(
            command=command,
            command_id=derived_id(self.event_id, self.reaction, step),
            hand=self.hand,
            now=self.now,
            correlation_id=self.correlation_id or self.event_id,
            causation_id=self.event_id,
            occurred_at=self.occurred_at,
            asked=self.facts,
        )
