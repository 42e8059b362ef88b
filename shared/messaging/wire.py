"""What goes over the wire (线上格式): JSON bodies, typed errors, and the sealed form of a message that is set aside.

One encoder for all answers: dataclasses, dates, UUIDs and tuples are known, ``Decimal`` and floats that are no numbers
are refused, because money is an integer number of fen everywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from decimal import Decimal
from typing import Any

import msgspec

from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused, invalid
from shared.security.vault import Sealer

JSON = "application/json"
SEALED = "application/vnd.minzheng.sealed"
MOST_BYTES = 1024 * 1024  # one message or request
MOST_ID = 100  # characters in an id that a caller gives
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # its groups are too short for a resident ID


def encode(value: Any) -> bytes:
    """JSON of an answer; TypeError for what has no place in one."""
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,))
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode(body: bytes) -> Any:
    if len(body) > MOST_BYTES:
        raise Refused("too_large", "内容超过1MiB，附件请以引用方式提交。", None)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("内容不是有效的 JSON。") from None  # the original quotes the input


def is_json(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == JSON


def error_form(refused: Refused) -> dict[str, Any]:
    """nameko's form of an exception; whatever the subclass, it arrives as Refused(code, message, field)."""
    return {
        "exc_type": "Refused",
        "exc_path": "shared.domain.errors.Refused",
        "exc_args": [refused.code, refused.message, refused.field],
        "value": str(refused),
    }


def holds_resident_id(text: str) -> bool:
    """Whether an id that somebody gave us has a resident ID in it: ids are stored in the clear. Random hex may look like one, so check."""
    return resident_ids.stands_in(text)


def fit_id(given: object) -> str:
    """An id from outside if it may stand in a log line as it is, else ""."""
    if not isinstance(given, str) or len(given) > MOST_ID or not given.isprintable():
        return ""
    return given if _UUID.fullmatch(given) or not holds_resident_id(given) else ""


def safe_id(given: str, key: bytes) -> str:
    """An id from outside as it may stand in the log: as it is, or its keyed hash when it is too long or holds a resident ID."""
    if len(given) <= MOST_ID and given.isprintable() and not holds_resident_id(given):
        return given
    return "id-" + hmac.new(key, given.encode(), hashlib.sha256).hexdigest()[:32]


class Envelope(msgspec.Struct, kw_only=True):
    """A message with all that came with it: what is sealed when it is set aside for a retry or as a dead letter."""

    body: bytes
    content_type: str
    message_id: str  # as the sender gave it; "" if he gave none
    exchange: str
    routing_key: str
    queue: str  # the reaction's queue it was for, and the only one it is ever replayed to
    headers: dict[str, str]
    tries: int = 0  # how often it has failed
    away: int = 0  # of them, because something was away: an outage must not use up the schedule
    first_failed: str = ""  # ISO time


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def seal(envelope: Envelope, sealer: Sealer) -> bytes:
    return sealer.seal(_encoder.encode(envelope))


def unseal(body: bytes, sealer: Sealer) -> Envelope:
    """Raises Refused when it was not sealed by this house."""
    from cryptography.exceptions import InvalidTag

    try:
        return _decoder.decode(sealer.open(body))
    except (InvalidTag, msgspec.DecodeError, ValueError):
        raise invalid("密封内容无法打开（密钥不符或内容损坏）。") from None
