"""Answers as JSON schema (答复的模式): from what each query declares (``shared/messaging/answering.py``), field by field, none left open.

A value goes out as the services show it (``plain``, ``wire.encode``): a dataclass as an object with all its fields, a mapping with its keys
as texts, a tuple or a set as an array, days and times as ISO texts. A dataclass that stands inside becomes a part of its own,
named by its module (``recovery.Instalment``); an answer is named by its operation (``assistance.get_case``).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from typing import Any, Literal, NotRequired, Required

import sqlalchemy as sa

from shared.messaging.answering import Kept, OneOf, Rows

Schema = dict[str, Any]
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    types.NoneType: {"type": "null"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
    object: {},
}


class Schemas:
    """The answers of one document, and the parts they are made of, by name."""

    def __init__(self) -> None:
        self.parts: dict[str, Schema] = {}
        self._names: dict[type, str] = {}

    def of(self, declared: Any, name: str) -> Schema:
        """The schema of an answer; what of it is an object stands among the parts under ``name``."""
        if declared is None:  # a query that does not say: tests/programmes/test_answers.py lets none through
            return {}
        if isinstance(declared, OneOf):
            return {"anyOf": [self.of(kind, f"{name}.{which}") for which, kind in declared.kinds.items()]}
        if isinstance(declared, dict):
            self.parts[name] = _object({n: self.of(one, f"{name}.{n}") for n, one in declared.items()}, list(declared))
            return _ref(name)
        if not isinstance(declared, Kept | Rows):
            return self.hint(declared)
        if isinstance(declared, Kept):
            hints = typing.get_type_hints(declared.state)
            own = {f.name: self.hint(hints[f.name]) for f in dataclasses.fields(declared.state)}
        else:
            own = {str(c.name): _column(c) for c in declared.table.columns}
        always = {n: s for n, s in own.items() if n not in declared.without} | {n: self.hint(h) for n, h in declared.adds.items()}
        self.parts[name] = _object(always | {n: self.hint(h) for n, h in declared.sometimes.items()}, list(always))
        return {"type": "array", "items": _ref(name)} if declared.many else _ref(name)

    def hint(self, hint: Any) -> Schema:
        """The schema of a type's values as they go out."""
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        origin, arms = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return _either([self.hint(arm) for arm in arms])
        if origin is Literal:
            return {"enum": list(arms)}
        if origin in (NotRequired, Required, typing.Annotated, typing.Final):
            return self.hint(arms[0])
        if origin is tuple and not (len(arms) == 2 and arms[1] is Ellipsis):
            return {"type": "array", "prefixItems": [self.hint(arm) for arm in arms], "minItems": len(arms), "maxItems": len(arms)}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.hint(arms[1])}
        if isinstance(origin, type) and issubclass(origin, Sequence | Set):
            return {"type": "array", "items": self.hint(arms[0])}
        if hasattr(hint, "__supertype__"):
            return self.hint(hint.__supertype__)
        if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint):
            return self._part(typing.cast(type, hint))
        if hint in (dict, Mapping):
            return {"type": "object"}
        raise TypeError(f"no schema for {hint}")

    def _part(self, cls: type) -> Schema:
        if cls not in self._names:
            module = [part for part in cls.__module__.split(".") if part not in ("shared", "services", "casework")]
            for n in range(1, len(module) + 1):
                name = ".".join((*module[-n:], cls.__name__))
                if name not in self.parts:
                    break
            self._names[cls], self.parts[name] = name, {}  # there before its fields, which may name it again
            hints = typing.get_type_hints(cls, include_extras=True)
            names = [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else list(hints)
            # Python itself does not see NotRequired in an annotation that is not evaluated yet.
            needed = [n for n in names if typing.get_origin(hints[n]) is not NotRequired] if getattr(cls, "__total__", True) else []
            self.parts[name] = _object({n: self.hint(hints[n]) for n in names}, needed)
        return _ref(self._names[cls])


def _object(fields: dict[str, Schema], required: list[str]) -> Schema:
    found: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    return {**found, "required": required} if required else found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _either(arms: list[Schema]) -> Schema:
    if all(set(arm) == {"type"} and isinstance(arm["type"], str) for arm in arms):
        return {"type": list(dict.fromkeys(arm["type"] for arm in arms))}
    return {"anyOf": arms}


def _column(column: sa.Column[Any]) -> Schema:
    kind = "boolean" if isinstance(column.type, sa.Boolean) else "integer" if isinstance(column.type, sa.Integer) else "string"
    return {"type": [kind, "null"]} if column.nullable else {"type": kind}
