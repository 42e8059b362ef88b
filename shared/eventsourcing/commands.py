"""Commands (命令): frozen dataclasses, with the permission each needs and the marshmallow schema its door checks.

The schema is derived from the dataclass, so the form, the API and the decider can never disagree about a field.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, Literal, TypeVar, cast

import marshmallow as ma

from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.events import is_frozen, nested_dataclass

T = TypeVar("T", bound=type)


@dataclass(frozen=True)
class CommandType:
    name: str
    cls: type
    permission: str  # "<service>:<act>"; a shape's command says only "<act>", the service that runs it is put before

    def permission_in(self, service: str) -> str:
        return self.permission if ":" in self.permission else f"{service}:{self.permission}"


_COMMANDS: dict[type, CommandType] = {}


def command(name: str, *, permission: str) -> Callable[[T], T]:
    """Register a frozen dataclass as a command. ``permission`` is "<service>:<act>"; see shared/security/permissions.py."""

    def register(cls: T) -> T:
        if not is_frozen(cls):
            raise TypeError(f"{name}: a command is a frozen dataclass")
        _COMMANDS[cls] = CommandType(name, cls, permission)
        return cls

    return register


def command_type(command_or_class: Any) -> CommandType:
    return _COMMANDS[command_or_class if isinstance(command_or_class, type) else type(command_or_class)]


_FIELDS: dict[type, type[ma.fields.Field[Any]]] = {
    str: ma.fields.String,
    int: ma.fields.Integer,
    bool: ma.fields.Boolean,
    date: ma.fields.Date,
    datetime: ma.fields.AwareDateTime,
}
_ERRORS = {
    "required": "缺少必填字段。",
    "null": "不能为空。",
    "invalid": "格式或类型不正确。",
    "invalid_date": "日期不正确。",
    "format": "日期格式不正确。",
    "type": "类型不正确。",
    "too_large": "数值过大。",
    "invalid_utf8": "不是有效的文本。",
    "invalid_awareness": "时间须带时区。",
}
MOST_TEXT = 2000  # characters in one text field


@cache
def schema_for(cls: type) -> type[ma.Schema]:
    """The marshmallow schema of a dataclass: unknown fields refused, integers strict, texts bounded."""
    hints = typing.get_type_hints(cls)
    fields: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        fields[f.name] = _field(hints[f.name], required, f.metadata)
    meta = type("Meta", (), {"unknown": ma.RAISE})
    return cast(
        "type[ma.Schema]",
        type(
            f"{cls.__name__}Schema",
            (ma.Schema,),
            {**fields, "Meta": meta, "error_messages": {"unknown": "未知字段。", "type": "须为对象。"}},
        ),
    )


def _field(hint: Any, required: bool, metadata: Mapping[str, Any]) -> Any:
    options: dict[str, Any] = {"required": required, "error_messages": dict(_ERRORS)}
    description = metadata.get("description")
    if description or metadata.get("personal"):
        options["metadata"] = {"description": description or "", "personal": bool(metadata.get("personal"))}
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        arms = [a for a in typing.get_args(hint) if a is not type(None)]
        options["allow_none"] = len(arms) < len(typing.get_args(hint))
        hint = arms[0]
        origin = typing.get_origin(hint)
    inner, many = nested_dataclass(hint)
    if inner is not None and many:
        return ma.fields.List(ma.fields.Nested(schema_for(inner)), **options)
    if inner is not None:
        return ma.fields.Nested(schema_for(inner), **options)
    if origin is tuple:
        return ma.fields.List(_field(typing.get_args(hint)[0], True, {}), **options)
    if origin is Literal:
        return ma.fields.String(validate=ma.validate.OneOf(typing.get_args(hint), error="不在允许的取值范围内。"), **options)
    if origin is dict or hint is dict:
        return ma.fields.Dict(**options)
    if hint is int:
        return ma.fields.Integer(strict=True, **options)
    if hint is str:
        return ma.fields.String(validate=ma.validate.Length(max=MOST_TEXT, error=f"文本过长（最多{MOST_TEXT}字）。"), **options)
    if hint in (date, datetime):
        options["validate"] = _in_the_calendar
    return _FIELDS[hint](**options)


def _in_the_calendar(value: date) -> None:
    """Not so near to its ends that what is reckoned from a day leaves it."""
    if value.year not in dates.YEARS:
        raise ma.ValidationError(dates.OUT_OF_YEARS)


def parse(cls: type, body: Any) -> Any:
    """A dataclass from what came in at a door; refuses with the first wrong field named and a message in Chinese."""
    if not isinstance(body, Mapping):
        raise invalid("须为对象。")
    try:
        loaded = _schema(cls).load(cast(Any, dict(body)))
    except ma.ValidationError as error:
        raise refused(error.messages) from None  # the original holds the input: it may be personal
    except (RecursionError, OverflowError) as error:
        raise Refused("invalid_input", "格式或类型不正确。", None) from error
    return _build(cls, cast(dict[str, Any], loaded))


def refused(messages: Any) -> Refused:
    """marshmallow's messages as the first wrong field and what is wrong with it."""
    field, message = _first(messages)
    return invalid(message, ".".join(part if _shows_nothing(part) else "?" for part in field.split(".")))


@lru_cache(maxsize=4096)
def _schema(cls: type) -> ma.Schema:
    """One of a class is enough for all threads: to load changes nothing in it, and to make one takes longer than to load."""
    return schema_for(cls)()


@lru_cache(maxsize=4096)
def hints_of(cls: type) -> dict[str, Any]:
    """The annotations of a form, evaluated once."""
    return typing.get_type_hints(cls)


def _shows_nothing(part: str) -> bool:
    """A part of a field's path that may be repeated: a plain word or a place in a list. An unknown field's name is input too."""
    return part.isascii() and len(part) <= 60 and (part.replace("-", "_").isidentifier() or (part.isdigit() and len(part) < 5))


def _first(messages: Any, path: str = "") -> tuple[str, str]:
    if isinstance(messages, dict):
        key, value = next(iter(messages.items()))
        return _first(value, f"{path}.{key}" if path and key != "_schema" else (path if key == "_schema" else str(key)))
    return path, str(messages[0]) if isinstance(messages, list) and messages else str(messages)


def _build(cls: type, values: dict[str, Any]) -> Any:
    hints = hints_of(cls)
    ready: dict[str, Any] = {}
    for name, value in values.items():
        inner, many = nested_dataclass(hints[name])
        if inner is not None and value is not None:
            value = tuple(_build(inner, v) for v in value) if many else _build(inner, value)
        elif isinstance(value, list):
            value = tuple(value)
        ready[name] = value
    return cls(**ready)
