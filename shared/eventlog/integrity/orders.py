"""Orders decided again (指令重断): what its decider makes of the same order, against what the log says that it made of it.

An order is what one command of one hand did: the events of one append, which name it. The command is not in the log, but what was typed
into it is, in its events; time and hand stand in their metadata; and the state it met follows from the events before. So a command of the
decider is looked for that has these inputs, and the decider is asked once more. What it works out for itself must come out as it is
recorded: amounts claimed and paid, sums, months, days by which something is due, verdicts, classes, outcomes, and what the house did of
itself. What was typed (an income, a receipt, a finding) is an input: nothing here says that it is true.

What an event does not carry by the name that the command has for it is told by tables: ``shared/casework/asking.py`` for the shapes, the
service's ``replaying.GIVEN`` for its own. Where it cannot be found in the record at all, the type is ``UNHELD``, with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any

from shared.casework.asking import Given
from shared.domain.errors import Refused
from shared.eventlog.client import Raw
from shared.eventlog.showing import recorded
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Order

NOT_FOLLOWING = "（不能由此前的记载得出）"
OTHER_EVENTS = "随之发生的事件"
# What a decider may raise that is asked about something that no door would have let through.
_CANNOT = (Refused, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OverflowError, StopIteration)


@dataclass(frozen=True)
class Asked:
    """One order asked about once more: where what differs stands, and what; () when nothing does. ``first``: its first event."""

    first: Recorded
    at: Recorded
    differs: tuple[str, ...]


class Orders:
    """Asks the deciders of the house about the orders of whole streams."""

    def __init__(self, given: Mapping[type, Given], unheld: Mapping[str, str]) -> None:
        """``given``: by command; ``unheld``: event type (without its service) → why its order cannot be asked about."""
        self._given, self._unheld = given, unheld
        self._likely: dict[tuple[str, str], list[type]] = {}  # the commands that made such events, the last one first

    def of_stream(self, decider: Decider[Any], raws: Iterable[Raw]) -> Iterator[Asked]:
        """Every order of a stream, from its first event on. It ends before an event that cannot be read (BrokenEvent), and after one that
        does not go with those before it."""
        state = decider.initial
        for _, several in groupby(map(recorded, raws), key=lambda r: r.meta.command_id):
            group = tuple(several)
            events = tuple(r.event for r in group)
            try:
                if group[0].name.partition(".")[2] not in self._unheld:
                    yield self._asked(decider, state, group, events)
                state = decider.fold(events, state)
            except _CANNOT:
                yield Asked(group[0], group[0], (NOT_FOLLOWING,))
                return

    def _asked(self, decider: Decider[Any], state: Any, group: Sequence[Recorded], events: tuple[Any, ...]) -> Asked:
        meta, key = group[0].meta, group[0].stream.partition("-")[2]
        order = Order[Any](
            None, meta.command_id, Hand(meta.actor), meta.recorded_at, meta.correlation_id, meta.causation_id, meta.occurred_at
        )
        kind = (decider.category, type(events[0]).__name__)
        likely = self._likely.setdefault(kind, list(decider.decide))
        near: tuple[int, int, tuple[str, ...]] | None = None
        for command in tuple(likely):
            for made in self._commands(command, state, events, order, key):
                try:
                    again = tuple(decider.decide[command](state, made, replace(order, command=made)))
                except _CANNOT:
                    continue
                if again == events:
                    if likely[0] is not command:
                        likely.remove(command)
                        likely.insert(0, command)
                    return Asked(group[0], group[0], ())
                near = _nearer(near, again, events)
        if near is None:
            return Asked(group[0], group[0], (NOT_FOLLOWING,))
        return Asked(group[0], group[near[1]], near[2])

    def _commands(self, command: type, state: Any, events: Sequence[Any], order: Order[Any], key: str) -> Iterator[Any]:
        """The commands of a kind that these events may come from."""
        told: Iterable[Mapping[str, Any]] = ({},)
        if command in self._given:
            try:
                told = tuple(self._given[command](state, events, order))
            except _CANNOT:  # events of another command do not have what is looked for
                return
        for values in told:
            filled = dict(values)
            for name, default in _fields(command):
                if name in filled:
                    continue
                found = next((getattr(e, name) for e in events if hasattr(e, name)), MISSING)
                if found is MISSING and default is MISSING:
                    found = getattr(state, name, MISSING)
                    if name.endswith("_id") and found in (MISSING, ""):
                        found = key
                if found is MISSING:
                    found = default
                if found is MISSING:
                    break
                filled[name] = found
            else:
                yield command(**filled)


@cache
def _fields(command: type) -> tuple[tuple[str, Any], ...]:
    """Names and defaults of a command's fields."""
    fields = dataclasses.fields(command)
    return tuple((f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in fields)


def _nearer(
    near: tuple[int, int, tuple[str, ...]] | None, again: Sequence[Any], events: Sequence[Any]
) -> tuple[int, int, tuple[str, ...]] | None:
    """The nearest so far: (how much differs, in which event first, what of it). Events of another kind are no answer to the same order."""
    if not again or type(again[0]) is not type(events[0]):
        return near
    found: tuple[int, int, tuple[str, ...]]
    for n, (is_now, was) in enumerate(zip(again, events, strict=False)):
        if type(is_now) is not type(was):
            found = (1_000 - n, n, (OTHER_EVENTS,))
            break
        fields = tuple(f.name for f in dataclasses.fields(was) if getattr(was, f.name) != getattr(is_now, f.name))
        if fields:
            found = (len(fields), n, fields)
            break
    else:
        found = (500, min(len(again), len(events)) - 1, (OTHER_EVENTS,))
    return found if near is None or found < near else near
