"""An event as a message (公开形式): what leaves the service, where it goes, and what rides in its headers.

Only types declared published leave, and only in their public form. The attributes are CloudEvents' (AMQP binding); position,
correlation and causation ids ride as extension attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from shared import tracing
from shared.eventlog.client import Raw
from shared.eventlog.reader import Passed
from shared.eventlog.relay.frames import Template, key, long, several, short
from shared.eventsourcing import codec
from shared.eventsourcing.codec import UnknownEvent
from shared.eventsourcing.events import REGISTRY, EventType, personal_plan, whole, without_personal
from shared.messaging.names import FURTHER, further_key

FRAME_MAX = 131_072  # RabbitMQ's default
_ID, _TIME, _POSITION = key("cloudEvents_id"), key("cloudEvents_time"), key("cloudEvents_position")
_CORRELATION, _CAUSATION = key("cloudEvents_correlationid"), key("cloudEvents_causationid")
_NAMEKO = key("nameko.correlation_id")  # nameko hands it on by itself
_FURTHER = short(FURTHER)
_SEALED = b'"~1.'  # how a sealed personal field begins


class Leak(Exception):
    """The public form of a type holds a personal field, if only a sealed one: a mistake in its declaration."""


class Traced(NamedTuple):
    """What the span of an event on its way says."""

    event: str
    event_id: str
    correlation: str
    parent: int  # the append that made the event


@dataclass(frozen=True, slots=True)
class Message:
    """An event ready to be sent."""

    frames: bytes
    position: int
    traced: Traced | None = None  # while traces are on


class Unpublished(Passed):
    """An event that stays in its service."""

    __slots__ = ()


def exchange(service: str) -> str:
    """Where a service's events go: nameko's own name, so that its event handlers find them."""
    return f"{service}.events"


def published_services() -> list[str]:
    return sorted({kind.service for kind in REGISTRY.values() if kind.published})


class Forms:
    """Turns events of the log into messages; ``services`` are those whose every type must be known."""

    def __init__(self, services: frozenset[str], frame_max: int = FRAME_MAX) -> None:
        self._services = services
        self._frame_max = frame_max
        self._known: dict[str, _Form | None] = {}
        self._encode = msgspec.json.Encoder().encode

    def message(self, raw: Raw) -> Message | Passed:
        """The message for an event, or that there is none. A type of ours that is not known would go unannounced for ever: an error."""
        try:
            form = self._known[raw.name]
        except KeyError:
            form = self._known[raw.name] = self._form(raw)
        if form is None:
            return Unpublished(raw.position)
        meta = codec.decode_meta(raw.metadata)
        kind = form.kind
        further: list[str] = []
        if meta.schema == kind.version and form.as_stored:
            body = raw.data
        else:
            told = public(kind, codec.decode(raw.name, meta.schema, raw.data, None))
            body = self._encode(told)
            further = further_of(kind, told)
        if _SEALED in body:
            raise Leak(f"事件类型 {raw.name} 的公开形式含有个人信息字段，声明有误。")
        message_id, correlation = long(raw.id), long(meta.correlation_id)
        headers = b"".join(
            (
                _ID,
                message_id,
                _TIME,
                long(meta.occurred_at.isoformat()),
                _POSITION,
                long(str(raw.position)),
                _CORRELATION,
                correlation,
                _CAUSATION,
                long(meta.causation_id),
                _NAMEKO,
                correlation,
            )
        )
        if further:
            headers += _FURTHER + several(further)
        frames = form.template.message(
            headers, short(meta.correlation_id), short(raw.id), int(meta.recorded_at.timestamp()), body, self._frame_max
        )
        return Message(frames, raw.position, _traced(raw, meta) if tracing.on() else None)

    def _form(self, raw: Raw) -> _Form | None:
        kind = REGISTRY.get(raw.name)
        if kind is None:
            if raw.stream.split(".", 1)[0] in self._services:
                raise UnknownEvent(raw.name)
            return None
        return _Form(kind) if kind.published else None


def _traced(raw: Raw, meta: codec.Meta) -> Traced:
    return Traced(raw.name, raw.id, meta.correlation_id, tracing.append_span(raw.stream, meta.command_id))


class _Form:
    """What is the same for all events of one type."""

    def __init__(self, kind: EventType) -> None:
        self.kind = kind
        self.as_stored = kind.to_public is None and not personal_plan(kind.cls)
        self.template = Template(
            exchange(kind.service),
            kind.short,
            kind.name,
            {
                "cloudEvents_specversion": "1.0",
                "cloudEvents_type": kind.name,
                "cloudEvents_source": f"/minzheng/{kind.service}",
                "cloudEvents_dataschema": f"urn:minzheng:{kind.name}:{kind.public_version}",
            },
        )


def further_of(kind: EventType, told: Any) -> list[str]:
    """The routing keys of an event beside its name, by its public form."""
    return [further_key(kind.short, told[kind.keyed])] if kind.keyed else []


def public(kind: EventType, happened: object) -> Any:
    """The public form of an event under the type it has in its own service."""
    if kind.to_public is not None:
        return {name: whole(value) for name, value in kind.to_public(happened).items()}  # only what is told need be whole
    return without_personal(msgspec.to_builtins(whole(happened)), personal_plan(kind.cls))
