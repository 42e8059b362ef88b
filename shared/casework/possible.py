"""What may be done next (可办事项): asked of the decider itself, with an empty form, so that no table of statuses can differ from it.

Deciders are pure: to ask changes nothing. A decider first looks whether an act is in order and whose hand it is, and only then at what
was filled in. What it says of an empty form therefore tells which acts are not in order now (they are not offered), which another
hand has to do (they are shown with the reason), and which only lack what is to be filled in (they are offered). An act that is wholly
filled in and would change nothing is done already, and not offered either.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from shared.domain.errors import Refused
from shared.eventsourcing.commands import hints_of
from shared.eventsourcing.orders import Order

OUT_OF_ORDER = frozenset({"out_of_order", "already_exists"})
ANOTHER = frozenset({"same_hand", "forbidden", "not_yet_due"})  # in order, but not by this hand, or not yet


@dataclass(frozen=True)
class Possible:
    """A command that is in order now; ``refused`` and ``why`` say what stands in this hand's way, if anything does."""

    command: type
    refused: str = ""
    why: str = ""


def possible(
    decide: Mapping[type, Callable[[Any, Any, Order[Any]], Sequence[Any]]],
    state: Any,
    order: Order[Any],
    commands: Iterable[type],
    given: Mapping[str, Any],
) -> list[Possible]:
    """Those of the commands that are in order. ``given``: fields that are known beforehand (which record, what was reviewed)."""
    found = []
    for command in commands:
        lacks = any(f.name not in given for f in dataclasses.fields(command))
        try:
            events = decide[command](state, blank(command, given), replace(order, command=command))
        except Refused as refused:
            about_a_field = refused.field is not None and refused.field not in given  # a refusal of what was filled in, not of the act
            # What is known beforehand and is not there cannot be acted on either (a matter that a record does not have).
            not_there = refused.code == "not_found" and refused.field in given
            if refused.code in ANOTHER:
                found.append(Possible(command, refused.code, refused.message))
            elif about_a_field or not (refused.code in OUT_OF_ORDER or not_there):
                found.append(Possible(command))
        else:
            if events or lacks:
                found.append(Possible(command))
    return found


def blank(cls: type, given: Mapping[str, Any] = types.MappingProxyType({})) -> Any:
    """A form nobody filled in: defaults, and nothing where there is none."""
    hints = hints_of(cls)
    values = {}
    for f in dataclasses.fields(cls):
        if f.name in given:
            values[f.name] = given[f.name]
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            values[f.name] = _nothing(hints[f.name])
    return cls(**values)


_NOTHING: dict[Any, Any] = {str: "", int: 0, bool: False, date: date(1970, 1, 1), datetime: datetime(1970, 1, 1, tzinfo=UTC), dict: {}}


def _nothing(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return None
    if origin is Literal:
        return typing.get_args(hint)[0]
    if origin is tuple:
        return ()
    if origin is not None:
        return {}
    return blank(hint) if dataclasses.is_dataclass(hint) and isinstance(hint, type) else _NOTHING[hint]
