"""Random lives of a shape's record: any commands by any hands on any days, held to what is true of every shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, settings

from shared.casework.shape import Shape
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventlog.shape_rows import decode_state, encode_state
from shared.eventsourcing.orders import Hand, Order
from tests.deciders.shapes import offered_as_decided

START = date(2023, 7, 3)
HANDS = ("staff:clerk", "staff:reviewer", "staff:approver")
FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Moment:
    """One step of a life that was not refused: the state before, the command, what was decided, the state after, the day."""

    before: Any
    command: Any
    events: tuple[Any, ...]
    after: Any
    day: date


def order(command: Any, actor: str, day: date, command_id: str = "test") -> Order[Any]:
    return Order(command, command_id, Hand(actor), datetime.combine(day, time(9), SHANGHAI))


def decide(shape: Shape, state: Any, command: Any, actor: str, day: date, command_id: str = "test") -> tuple[tuple[Any, ...], Any]:
    given = order(command, actor, day, command_id)
    try:
        events = tuple(shape.decide[type(command)](state, command, given))
    except Refused as refused:
        offered_as_decided(shape, state, given, refused)
        raise
    offered_as_decided(shape, state, given, None)
    for event in events:
        state = shape.evolve(state, event)
    return events, state


def walk(shape: Shape, steps: Iterable[tuple[Any, str, int]]) -> Iterator[Moment]:
    """Live the steps (command, hand, days gone by since the last); the timer calls when its day has come, as it would.

    A command may be a function of the state, for what can only be said knowing it. Held everywhere: an open record stands in one worklist,
    a closed one in none; what is due has a list; the row keeps the state whole; the timer comes to rest after each call.
    """
    state, day, called = shape.state, START, set[date]()
    for number, (wanted, actor, days) in enumerate(steps):
        day += timedelta(days=days)
        for moment in timer(shape, state, day):
            due_on = shape.view(moment.before).due_on
            assert due_on not in called, f"{due_on} came twice: the timer's second call would be taken for a repeat of the first"
            called.add(due_on)
            yield moment
            state = moment.after
        command = wanted(state) if callable(wanted) and not isinstance(wanted, type) else wanted
        if command is None:
            continue
        try:
            events, after = decide(shape, state, command, actor, day, f"c{number}")
        except Refused:
            continue
        lawful(shape, after)
        yield Moment(state, command, events, after, day)
        state = after


def timer(shape: Shape, state: Any, day: date) -> Iterator[Moment]:
    """The timer's calls that have come due by ``day``: each must settle what it was called for."""
    for _ in range(50):
        v = shape.view(state)
        if v.due_on is None or v.due_on >= day:
            return
        assert shape.overdue is not None
        command = shape.overdue("r", v.due)
        events, after = decide(shape, state, command, "service:assistance", day)
        assert events, f"the timer called for {v.due} of {v.due_on} and nothing came of it"
        assert decide(shape, after, command, "service:assistance", day)[0] == (), "a timer that runs twice says it twice"
        lawful(shape, after)
        yield Moment(state, command, events, after, day)
        state = after
    raise AssertionError("the timer does not come to rest")


def lawful(shape: Shape, state: Any) -> None:
    v = shape.view(state)
    assert bool(v.worklist) == v.open, f"{v.status}: open {v.open}, in worklist {v.worklist!r}"
    assert v.open or v.due_on is None
    assert len(v.worklist) <= 40
    assert len(v.due) <= 40
    assert len(v.status) <= 30
    assert decode_state(shape, encode_state(state)) == state


def lead_out(shape: Shape, state: Any, day: date, way_out: Callable[[Any, date], tuple[Any, str, date]], most: int = 60) -> Any:
    """Take the way out of wherever the record stands; fails when there is none."""
    for number in range(most):
        if not shape.view(state).open:
            return state
        command, actor, day = way_out(state, day)
        events, state = decide(shape, state, command, actor, day, f"out{number}")
        assert events, f"{type(command).__name__} led nowhere from {state.status}"
        lawful(shape, state)
    raise AssertionError(f"no way out of {state.status}")


def with_programme(command: Any, terms: Any) -> Any:
    """An opening command with its terms, as the door puts them in."""
    return replace(command, terms=terms)
