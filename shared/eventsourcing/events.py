"""Event types (事件类型) and their registry.

An event is a frozen dataclass of plain values (str, int, bool, date, datetime, tuples and nested frozen dataclasses).
Its name is written out, ``<service>.<past_tense_name>``, and never follows from the Python path. A field that tells who
somebody is, is declared ``personal(of="person_id")``: it is stored encrypted under that person's key (law 8).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T", bound=type)
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
ERASED = "〔已删除〕"


def personal(*, of: str, **kwargs: Any) -> Any:
    """Declare a personal field (个人信息); ``of`` names the field beside it that holds the person_id it belongs to."""
    return dataclasses.field(metadata={"personal": of}, **kwargs)


@dataclass(frozen=True)
class EventType:
    """What the house knows about one kind of event."""

    name: str
    version: int
    cls: type
    published: bool
    to_public: Callable[[Any], dict[str, Any]] | None
    public_version: int
    upcasters: Mapping[int, Upcaster]
    day: str = ""  # the field that says on which day it was so, where that may lie before the day on which it was recorded
    keyed: str = ""  # the public field by whose value it is announced once more (shared/messaging/names.py: further_key)

    @property
    def service(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def short(self) -> str:
        return self.name.split(".", 1)[1]


REGISTRY: dict[str, EventType] = {}
_BY_CLASS: dict[tuple[type, str], EventType] = {}


def event(
    name: str,
    *,
    version: int = 1,
    published: bool = False,
    public: Callable[[Any], dict[str, Any]] | None = None,
    public_version: int = 1,
    upcasters: Mapping[int, Upcaster] | None = None,
    day: str = "",
    keyed: str = "",
) -> Callable[[T], T]:
    """Register a frozen dataclass as an event type.

    ``upcasters[n]`` turns the stored dict of version n into that of version n + 1. ``published`` lets the relay announce
    it in its public form: ``public(event)``, or by default all fields that are not personal. ``day`` names the field with the business
    day (业务日期) of an act that may be recorded later than it was done (shared/eventsourcing/days.py). ``keyed`` names the public field,
    a code, by whose value whoever needs few of these events may be told of those alone (``@reaction(…, of=codes)``).
    """
    service, _, short = name.partition(".")
    if not service.isidentifier() or not short.isidentifier() or name != name.lower():
        raise ValueError(f"event name {name!r} is not <service>.<past_tense_name>")
    if keyed and not (published and public is not None):
        raise ValueError(f"{name}: keyed={keyed!r} is a field of its public form")
    steps = dict(upcasters or {})
    if set(steps) != set(range(1, version)):
        raise ValueError(f"{name} is version {version} but has upcasters for {sorted(steps)}")

    def register(cls: T) -> T:
        if not is_frozen(cls):
            raise TypeError(f"{name}: an event is a frozen dataclass")
        if day and day not in {f.name for f in dataclasses.fields(cast(Any, cls))}:
            raise TypeError(f"{name}: day={day!r} names no field of it")
        if name in REGISTRY and REGISTRY[name].cls.__qualname__ != cls.__qualname__:
            raise ValueError(f"event name {name!r} is taken by {REGISTRY[name].cls.__qualname__}")
        kind = EventType(name, version, cls, published, public, public_version, steps, day, keyed)
        REGISTRY[name] = kind
        _BY_CLASS[cls, service] = kind
        _BY_CLASS.setdefault((cls, ""), kind)
        return cls

    return register


def is_frozen(cls: type) -> bool:
    return dataclasses.is_dataclass(cls) and bool(getattr(cls, "__dataclass_params__").frozen)  # noqa: B009


_SHAPE_EVENTS: dict[str, list[tuple[str, type, dict[str, Any]]]] = {}


def shape_event(shape: str, name: str, **options: Any) -> Callable[[T], T]:
    """An event of a casework shape (办件形态): every service that adopts the shape owns a type ``<service>.<name>`` of it."""

    def register(cls: T) -> T:
        _SHAPE_EVENTS.setdefault(shape, []).append((name, cls, options))
        return cls

    return register


def adopt(service: str, shape: str) -> None:
    """Make a shape's events a service's own, so that its streams and exchange carry its name."""
    for name, cls, options in _SHAPE_EVENTS[shape]:
        event(f"{service}.{name}", **options)(cls)


def shape_events(shape: str) -> list[type]:
    """The event classes of a shape, in the order of their declaration."""
    return [cls for _, cls, _ in _SHAPE_EVENTS[shape]]


def type_of(event_or_class: Any, service: str = "") -> EventType:
    """The registered type of an event (or of its class) in a service; KeyError when it was never registered there.

    Without a service: the first that registered it, which is enough wherever the name does not matter.
    """
    return _BY_CLASS[event_or_class if isinstance(event_or_class, type) else type(event_or_class), service]


def nested_dataclass(annotation: Any) -> tuple[type | None, bool]:
    """(dataclass inside the annotation or None, whether it stands in a tuple): understands X, X | None and tuple[X, ...]."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        for arm in typing.get_args(annotation):
            found = nested_dataclass(arm)
            if found[0] is not None:
                return found
        return None, False
    if origin is tuple:
        inner, _ = nested_dataclass(typing.get_args(annotation)[0])
        return inner, inner is not None
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return annotation, False
    return None, False


@dataclass(frozen=True)
class PersonalPlan:
    """Where the personal fields of a dataclass are: its own as (field, subject field), and those of nested dataclasses."""

    own: tuple[tuple[str, str], ...]
    nested: tuple[tuple[str, bool, PersonalPlan], ...]

    def __bool__(self) -> bool:
        return bool(self.own or self.nested)


@cache
def personal_plan(cls: type) -> PersonalPlan:
    hints = typing.get_type_hints(cls)
    own = []
    nested = []
    names = {f.name for f in dataclasses.fields(cls)}
    for f in dataclasses.fields(cls):
        of = f.metadata.get("personal")
        if of is not None:
            if of not in names:
                raise TypeError(f"{cls.__qualname__}.{f.name}: personal(of={of!r}) names no field beside it")
            arms = set(typing.get_args(hints[f.name])) or {hints[f.name]}
            if not arms <= {str, type(None)}:
                raise TypeError(f"{cls.__qualname__}.{f.name}: a personal field is str or str | None")
            own.append((f.name, cast(str, of)))
            continue
        inner, many = nested_dataclass(hints[f.name])
        if inner is not None:
            plan = personal_plan(inner)
            if plan:
                nested.append((f.name, many, plan))
    return PersonalPlan(tuple(own), tuple(nested))


def whole(value: Any) -> Any:
    """A decoded event with every field set. msgspec leaves a default to the class, where encoding does not find it again: an event
    stored before a field was added would be announced without it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{f.name: whole(getattr(value, f.name)) for f in dataclasses.fields(value)})
    if isinstance(value, tuple):
        return tuple(whole(part) for part in value)
    return value


def public_form(happened: Any) -> dict[str, Any]:
    """The versioned public form of a published event: plain values only, no personal field at any depth."""
    kind = type_of(happened)
    if kind.to_public is not None:
        told = {name: whole(value) for name, value in kind.to_public(happened).items()}
        return cast(dict[str, Any], msgspec.to_builtins(told))
    return without_personal(msgspec.to_builtins(whole(happened)), personal_plan(kind.cls))


def without_personal(body: dict[str, Any], plan: PersonalPlan) -> dict[str, Any]:
    if not plan:
        return body
    hidden = {name for name, _ in plan.own}
    shown = {k: v for k, v in body.items() if k not in hidden}
    for name, many, inner in plan.nested:
        value = shown.get(name)
        if value is not None:
            shown[name] = [without_personal(v, inner) for v in value] if many else without_personal(value, inner)
    return shown
