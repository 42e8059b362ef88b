"""Random lives of a shape: what must hold of each of them after every step, whatever was asked in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings

from shared.casework.possible import Possible, possible
from shared.casework.shape import Shape
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventlog.shape_rows import decode_state, encode_state
from shared.eventsourcing.orders import Hand, Order

FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIRST = date(2023, 7, 3)
HANDS = ("staff:clerk", "staff:reviewer", "staff:approver", "staff:cashier")
ID = "6f1c5f0e-3a52-5d0e-9a0e-0d2b6f3a9c11"
SUBJECT, TOWN = "a1" * 16, "330225101"


def order(command: Any, hand: str, day: date, minute: int = 0) -> Order[Any]:
    return Order(command, "c", Hand(hand), datetime(day.year, day.month, day.day, 9, tzinfo=SHANGHAI) + timedelta(minutes=minute))


def given_to(shape: Shape, state: Any, command: Any, hand: str, day: date, minute: int = 0) -> tuple[Any, Sequence[Any]]:
    """The state after a command, and its events; unchanged where it was refused. Nothing but a refusal may be raised."""
    given = order(command, hand, day, minute)
    try:
        events = shape.decide[type(command)](state, command, given)
    except Refused as refused:
        offered_as_decided(shape, state, given, refused)
        return state, ()
    offered_as_decided(shape, state, given, None)
    for event in events:
        state = shape.evolve(state, event)
    return state, events


# Where only what is filled in shows that an act is out of order: of which resident, object, document, finding, step, provider.
BY_CONTENT = {
    "LeaveCarePlace", "RequestEntrustedCare", "AdmitToEntrustedCare", "RecordCheck", "RecordProjectCost", "VerifyRectification",
    "ChangeRecord", "AssignService", "ReachMilestone", "DrawFromFund", "RectifyFinding", "ReclassifyCareResident",
    "FileEntrustedCareAppeal",
}  # fmt: skip


def offered_as_decided(shape: Shape, state: Any, given: Order[Any], refused: Refused | None) -> None:
    """What is done was offered before, and what was offered is never out of order, whatever is filled in."""
    kind = type(given.command)
    opens = {act.command for act in shape.acts if act.opens or act.by_service}
    if kind in opens or given.hand.actor.startswith("service:") or kind not in {act.command for act in shape.acts}:
        return
    known = {"record_id": given.command.record_id}
    offered = possible(shape.decide, state, given, [kind], known)
    if refused is None:
        assert offered == [Possible(kind)], f"{kind.__name__} was done, but not offered: {offered}"
    elif refused.code == "out_of_order" and kind.__name__ not in BY_CONTENT:
        assert offered != [Possible(kind)], f"{kind.__name__} was offered, but is out of order: {refused}"


def live(
    shape: Shape,
    steps: Iterable[tuple[Any, str, int]],
    exits: Sequence[tuple[Any, str]],
    legal: Callable[[Any, Sequence[Any], Any, date], None] = lambda *_: None,
) -> Any:
    """Take the steps (command, hand, days later); ``legal(before, events, after, day)`` says what the shape itself promises.

    After every step an open record waits in exactly one worklist and a closed one in none, the row's JSON is the state, and what
    is late is told once and is then no longer due. In the end ``exits`` (command, hand), in turn, bring it out of any open state.
    """
    state, day = shape.state, FIRST
    for command, hand, days in steps:
        day += timedelta(days=days)
        before, (state, events) = state, given_to(shape, state, command, hand, day)
        legal(before, events, state, day)
        if state.status == "none":
            continue
        view = shape.view(state)
        assert bool(view.worklist) == view.open, view
        assert decode_state(shape, encode_state(state)) == state
        if view.due_on is not None:
            assert view.due
            if view.due_on < day:
                assert shape.overdue is not None
                before, (state, told) = state, given_to(shape, state, shape.overdue(ID, view.due), "service:assistance", day)
                assert told, f"{view.due} is late, and nobody is told"
                legal(before, told, state, day)
                left = shape.view(state).due_on
                assert left is None or left >= day, f"{view.due} is told again and again"
    if state.status != "none" and shape.view(state).open:
        out = state
        for _ in range(8):
            for command, hand in exits:
                if shape.view(out).open:
                    out, _events = given_to(shape, out, command, hand, day)
        assert not shape.view(out).open, f"no way out of {state}"
    return state
