"""The bytes of the protocol that are worth building by hand.

An event is encoded once, when it is appended, as the ``ReadResp`` message its readers will receive, and is stored in that form:
reading a million events then costs no protobuf work at all. The layout follows EventStoreDB's ``streams.proto``; ``tests/contract``
checks it against the generated classes, field by field.
"""

from __future__ import annotations

from uuid import UUID

ID_FIELD = b"\x0a\x26\x12\x24"  # RecordedEvent.id, 38 bytes, UUID.string, 36 characters


def varint(value: int) -> bytes:
    """An unsigned integer in protobuf's base-128 form."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(buffer: bytes, at: int) -> tuple[int, int]:
    """The integer at an offset, and the offset after it."""
    value = shift = 0
    while True:
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def field(tag: int, payload: bytes) -> bytes:
    """A length-delimited field: tag byte, length, payload."""
    return bytes((tag,)) + varint(len(payload)) + payload


def _entry(key: bytes, value: bytes) -> bytes:
    """One entry of RecordedEvent.metadata, a map of strings."""
    return field(0x32, field(0x0A, key) + field(0x12, value))


JSON_ENTRY = _entry(b"content-type", b"application/json")
BINARY_ENTRY = _entry(b"content-type", b"application/octet-stream")


def stream_field(name: str) -> bytes:
    """RecordedEvent.stream_identifier: the same for every event of a stream, so built once an append."""
    return field(0x12, field(0x1A, name.encode("utf-8")))


def type_entry(event_type: str) -> bytes:
    return _entry(b"type", event_type.encode("utf-8"))


def created_entry(ticks: int) -> bytes:
    """When it was recorded: units of 100 ns since 1970, as text."""
    return _entry(b"created", str(ticks).encode("ascii"))


def encode_event(
    id_text: str,
    stream: bytes,
    revision: int,
    position: int,
    entries: bytes,
    custom_metadata: bytes,
    data: bytes,
) -> bytes:
    """A whole ReadResp holding one event; ``stream`` and ``entries`` come from the functions above."""
    place = varint(position)
    recorded = b"".join(
        (
            ID_FIELD,
            id_text.encode("ascii"),
            stream,
            b"\x18",
            varint(revision),
            b"\x20",
            place,
            b"\x28",
            place,
            entries,
            b"\x3a",
            varint(len(custom_metadata)),
            custom_metadata,
            b"\x42",
            varint(len(data)),
            data,
        )
    )
    return read_event(recorded, None, place)


def read_event(event: bytes | None, link: bytes | None, place: bytes) -> bytes:
    """ReadResp.event: the event, the link that led to it if one did, and the position of whichever of the two is in the log here."""
    inner = b"" if event is None else field(0x0A, event)
    if link is not None:
        inner += field(0x12, link)
    return field(0x0A, inner + b"\x18" + place)


def recorded_part(body: bytes) -> bytes:
    """The RecordedEvent inside a stored ReadResp."""
    _, at = read_varint(body, 1)
    length, at = read_varint(body, at + 1)
    return body[at : at + length]


def with_structured_id(body: bytes) -> bytes:
    """The stored ReadResp with its id as two 64-bit halves, for clients that ask for that form."""
    recorded = recorded_part(body)
    place = body[body_place(body) :]
    return read_event(structured_record(recorded), None, place)


def body_place(body: bytes) -> int:
    """Where the position of a stored ReadResp begins: after its RecordedEvent and one tag byte."""
    _, at = read_varint(body, 1)
    length, at = read_varint(body, at + 1)
    return at + length + 1


def structured_record(recorded: bytes) -> bytes:
    """A RecordedEvent with its id as two 64-bit halves."""
    number = UUID(recorded[4:40].decode("ascii")).int
    halves = b"\x08" + varint(number >> 64) + b"\x10" + varint(number & 0xFFFFFFFFFFFFFFFF)
    return field(0x0A, field(0x0A, halves)) + recorded[40:]


def confirmation(subscription_id: str) -> bytes:
    return field(0x12, field(0x0A, subscription_id.encode("ascii")))


def checkpoint(position: int) -> bytes:
    place = varint(position)
    return field(0x1A, b"\x08" + place + b"\x10" + place)


def stream_not_found(name: str) -> bytes:
    return field(0x22, field(0x0A, field(0x1A, name.encode("utf-8"))))


def first_stream_position(revision: int) -> bytes:
    return b"\x28" + varint(revision)


def last_stream_position(revision: int) -> bytes:
    return b"\x30" + varint(revision)


CAUGHT_UP = b"\x42\x00"


def appended(revision: int, position: int) -> bytes:
    """AppendResp.success; revision -1 says that the stream does not exist (an append of nothing)."""
    place = varint(position)
    current = b"\x12\x00" if revision < 0 else b"\x08" + varint(revision)
    return field(0x0A, current + field(0x1A, b"\x08" + place + b"\x10" + place))


def batch_appended(correlation: bytes, stream_identifier: bytes, revision: int, position: int) -> bytes:
    """BatchAppendResp.success; its fields happen to have the layout of AppendResp.success, under another number."""
    place = varint(position)
    current = b"\x12\x00" if revision < 0 else b"\x08" + varint(revision)
    success = field(0x1A, current + field(0x1A, b"\x08" + place + b"\x10" + place))
    return field(0x0A, correlation) + success + field(0x22, stream_identifier)


def removed(position: int) -> bytes:
    """DeleteResp and TombstoneResp."""
    place = varint(position)
    return field(0x0A, b"\x08" + place + b"\x10" + place)
