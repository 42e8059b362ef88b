"""From what came in to a form (解析): strict for callers of RPCs, tolerant for readers of other people's events."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from shared.eventsourcing.commands import hints_of, parse
from shared.eventsourcing.events import nested_dataclass

AS_OF = "as_of"  # what every query may be asked with: the moment whose knowledge is wanted
VALID_AT = "valid_at"  # and the business day that is meant, unless the query says why it has none (``timeless``)


def tolerant(reads: type, body: Mapping[str, Any]) -> Any:
    """A dataclass from the fields it declares; everything else in the message is somebody else's concern."""
    return parse(reads, _known(reads, body))


def _known(cls: type, body: Mapping[str, Any]) -> dict[str, Any]:
    hints = hints_of(cls)
    known: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name not in body:
            continue
        value = body[field.name]
        inner, many = nested_dataclass(hints[field.name])
        if inner is not None and many and isinstance(value, list):
            value = [_known(inner, v) if isinstance(v, Mapping) else v for v in value]
        elif inner is not None and isinstance(value, Mapping):
            value = _known(inner, value)
        known[field.name] = value
    return known


@cache
def form_of(method: Callable[..., Any]) -> type:
    """The form of a query: a dataclass made from the method's own parameters after ``self`` and ``hand``, ``as_of`` and ``valid_at``."""
    hints = typing.get_type_hints(method)
    fields: list[Any] = []
    for parameter in list(inspect.signature(method).parameters.values())[2:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{method.__qualname__}: a query has no *args and **kwargs")
        if parameter.name not in hints:
            raise TypeError(f"{method.__qualname__}: parameter {parameter.name} has no annotation")
        if parameter.default is parameter.empty:
            fields.append((parameter.name, hints[parameter.name]))
        else:
            fields.append((parameter.name, hints[parameter.name], dataclasses.field(default=parameter.default)))
    if all(name != AS_OF for name, *_ in fields):
        fields.append((AS_OF, datetime | None, dataclasses.field(default=None)))
    if all(name != VALID_AT for name, *_ in fields) and not getattr(method, "timeless", ""):
        fields.append((VALID_AT, date | None, dataclasses.field(default=None)))
    return dataclasses.make_dataclass(method.__name__, fields, frozen=True, kw_only=True)
