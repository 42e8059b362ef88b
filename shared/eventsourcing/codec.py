"""Between an event and the bytes in the log (编解码): schema version, upcasters, encryption of personal fields.

Only this module knows how an event is stored. Handlers see the newest shape, projections the same with personal
fields still sealed, and nobody sees the JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from shared.domain.decoders import decoder_of
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.events import REGISTRY, PersonalPlan, personal_plan, type_of

MOST_BYTES = 64 * 1024  # engines 4.2: attachments go by reference


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """Law 3: what every event carries beside its facts. ``$`` names are EventStoreDB's own for its projections."""

    correlation_id: str = msgspec.field(name="$correlationId")
    causation_id: str = msgspec.field(name="$causationId")
    command_id: str
    command_hash: str  # keyed hash of the command's body: tells a repeat from another body under the same id
    schema: int
    actor: str
    division: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the log."""

    event: Any
    name: str
    id: str
    stream: str
    version: int  # place in its stream, from 0
    position: int  # commit position in the log
    meta: Meta


class UnknownEvent(Exception):
    """The log holds an event type or a schema version this release does not know: it is older than the log."""


class BrokenEvent(Unavailable):
    """An event that cannot be read: nobody of ours wrote it so. Named, for whoever asks to tell the auditor; never taken for anything."""

    def __init__(self, where: str) -> None:
        super().__init__(f"事件 {where} 已损坏，读不出。请由审计人员运行 minzheng audit verify 查明。")
        self.where = where

    def __reduce__(self) -> tuple[type[BrokenEvent], tuple[str]]:
        return BrokenEvent, (self.where,)


# What a body or metadata may raise that somebody changed; the last ones in an upcaster that meets no field, or a seal that is none.
_BROKEN = (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
_meta_decoder = msgspec.json.Decoder(Meta)
_encoder = msgspec.json.Encoder()

Seal = Callable[[str, str], str]  # (person_id, text) -> sealed
Open = Callable[[str], str]  # sealed -> text, or ERASED


def encode_meta(meta: Meta) -> bytes:
    return _encoder.encode(meta)


def decode_meta(data: bytes) -> Meta:
    return _meta_decoder.decode(data)


def encode(happened: Any, seal: Seal, service: str = "") -> tuple[str, bytes]:
    """(type name, JSON) with personal fields sealed; refuses an event over 64 KiB."""
    kind = type_of(happened, service)
    plan = personal_plan(kind.cls)
    if plan:
        body = msgspec.to_builtins(happened)
        _walk(body, plan, seal)
        data = _encoder.encode(body)
    else:
        data = _encoder.encode(happened)
    if len(data) > MOST_BYTES:
        raise Refused("too_large", "单个事件超过64KiB，附件请以引用方式提交。", None)
    return kind.name, data


def decode(name: str, schema: int, data: bytes, open_: Open | None) -> Any:
    """The event in its newest shape; with ``open_`` None personal fields stay sealed (projections, relay)."""
    kind = REGISTRY.get(name)
    if kind is None or schema > kind.version:
        raise UnknownEvent(f"{name} v{schema}")
    plan = personal_plan(kind.cls)
    if schema == kind.version and (open_ is None or not plan):
        return decoder_of(kind.cls).decode(data)
    body = msgspec.json.decode(data)
    for step in range(schema, kind.version):
        body = kind.upcasters[step](body)
    if open_ is not None and plan:
        opener = open_
        _walk(body, plan, lambda _person, sealed: opener(sealed))
    decoder_of(kind.cls)
    return msgspec.convert(body, kind.cls)


def recorded(raw: Any, open_: Open | None) -> Recorded:
    """An event of the log with its metadata; UnknownEvent of a type that this release does not know, BrokenEvent of what it cannot read."""
    try:
        meta = decode_meta(raw.metadata)
        event = decode(raw.name, meta.schema, raw.data, open_)
    except _BROKEN as error:
        raise BrokenEvent(f"{raw.stream}@{raw.version}") from error
    return Recorded(event, raw.name, raw.id, raw.stream, raw.version, raw.position, meta)


_SEALED = re.compile(rb'"~1\.([^."]{1,64})\.')


def sealed_for(data: bytes) -> list[str]:
    """The persons whose keys an event's JSON needs (shared/security/vault.py says how sealed text begins)."""
    return [person.decode() for person in _SEALED.findall(data)]


def _walk(body: dict[str, Any], plan: PersonalPlan, change: Seal) -> None:
    for name, of in plan.own:
        value = body.get(name)
        if value is not None:
            body[name] = change(body[of], value)
    for name, many, inner in plan.nested:
        value = body.get(name)
        if value is None:
            continue
        for part in value if many else (value,):
            _walk(part, inner, change)
