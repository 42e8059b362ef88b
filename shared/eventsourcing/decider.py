"""A decider (决策器): one aggregate as pure functions. No framework, no clock, no log in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Order

S = TypeVar("S")


@dataclass(frozen=True)
class Decider(Generic[S]):
    """``decide[type(command)](state, command, order) -> events`` and ``evolve(state, event) -> state``.

    ``category`` is "<service>.<aggregate>": an aggregate's stream is ``<category>-<id>``. ``division`` tells whose
    jurisdiction the record is in once it exists, "" before (``of_item``: of one thing of it, which commands name by their field ``item``,
    where a record holds things of several; "" = the record's); ``subjects`` (if given) which persons the record is about.
    """

    category: str
    initial: S
    evolve: Callable[[S, Any], S]
    decide: Mapping[type, Callable[[S, Any, Order[Any]], Sequence[Any]]]
    division: Callable[[S], str]
    of_item: Callable[[S, str], str] | None = None
    item: str = ""

    def where(self, state: S, item: str = "") -> str:
        """Whose jurisdiction a thing of the record is in, or the record."""
        return (self.of_item(state, item) if self.of_item is not None and item else "") or self.division(state)

    def where_of(self, state: S, command: Any) -> str:
        """Whose jurisdiction it is in what a command is about; before there is anything, as the command says."""
        named = str(getattr(command, self.item, "")) if self.item else ""
        return self.where(state, named) or str(getattr(command, "division", "") or "")

    @property
    def service(self) -> str:
        return self.category.split(".", 1)[0]

    def stream(self, aggregate_id: str) -> str:
        if not aggregate_id or len(aggregate_id) > 100 or not all(c.isalnum() or c in "-_." for c in aggregate_id):
            raise invalid("编号格式不正确。", "id")
        return f"{self.category}-{aggregate_id}"

    def fold(self, events: Sequence[Any], state: S | None = None) -> S:
        folded = self.initial if state is None else state
        for event in events:
            folded = self.evolve(folded, event)
        return folded


def not_the_same_hand(order: Order[Any], *earlier: str) -> None:
    """Law 9: refuse a hand that already acted in an earlier step of this procedure (岗位分离)."""
    if order.hand.actor in earlier:
        raise Refused("same_hand", "同一经办人不得办理同一事项的前后环节。", None)


def people(*actors: str) -> tuple[str, ...]:
    """Those of these hands that are people's, each once: what the house or an agency did bars nobody."""
    return tuple(dict.fromkeys(a for a in actors if a and not a.startswith(("service:", "agency:"))))
