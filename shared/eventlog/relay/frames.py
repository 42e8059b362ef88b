"""A persistent message as the bytes of its AMQP 0-9-1 frames (帧).

pika builds them from objects anew for every message, which costs more than everything else the relay does; most of a
message is the same for all events of one type, and is made once here. tests/relay compares the bytes with pika's own.
"""

from __future__ import annotations

from struct import pack

CHANNEL = 1  # the relay publishes on the first channel of its connection
_END = b"\xce"
_BASIC, _PUBLISH = 60, 40
_MANDATORY = 1
# content_type, content_encoding, headers, delivery_mode, correlation_id, message_id, timestamp, type: in this order
_FLAGS = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10 | 1 << 7 | 1 << 6 | 1 << 5
_PERSISTENT = 2


_BYTE = tuple(pack(">B", n) for n in range(256))
_LONG = tuple(pack(">I", n) for n in range(1024))


def short(text: str) -> bytes:
    """A text of at most 255 bytes."""
    data = text.encode()
    return _BYTE[len(data)] + data


def long(text: str) -> bytes:
    data = text.encode()
    size = len(data)
    return (_LONG[size] if size < 1024 else pack(">I", size)) + data


def key(name: str) -> bytes:
    """The name of a header whose value is a text; ``long`` makes the value."""
    return short(name) + b"S"


def several(texts: list[str]) -> bytes:
    """The value of a header that is a list of texts, as it stands behind the header's name."""
    listed = b"".join(b"S" + long(text) for text in texts)
    return b"A" + pack(">I", len(listed)) + listed


def _frame(kind: int, payload: bytes) -> bytes:
    return pack(">BHI", kind, CHANNEL, len(payload)) + payload + _END


class Template:
    """What all messages of one exchange, routing key and type have in common."""

    def __init__(self, exchange: str, routing_key: str, kind: str, headers: dict[str, str]) -> None:
        method = pack(">HHH", _BASIC, _PUBLISH, 0) + short(exchange) + short(routing_key) + pack(">B", _MANDATORY)
        self._method = _frame(1, method)
        self._content = short("application/json") + short("utf-8")
        self._headers = b"".join(key(k) + long(v) for k, v in headers.items())
        self._type = short(kind)

    def message(self, headers: bytes, correlation_id: bytes, message_id: bytes, timestamp: int, body: bytes, frame_max: int) -> bytes:
        """The frames of one message; ``headers``, ``correlation_id`` and ``message_id`` are already in their form on the wire."""
        table = self._headers + headers
        header = b"".join(
            (
                pack(">HHQH", _BASIC, 0, len(body), _FLAGS),
                self._content,
                pack(">I", len(table)),
                table,
                pack(">B", _PERSISTENT),
                correlation_id,
                message_id,
                pack(">Q", timestamp),
                self._type,
            )
        )
        most = frame_max - 8
        if 0 < len(body) <= most:
            return b"".join(
                (
                    self._method,
                    pack(">BHI", 2, CHANNEL, len(header)),
                    header,
                    _END,
                    pack(">BHI", 3, CHANNEL, len(body)),
                    body,
                    _END,
                )
            )
        parts = [_frame(3, body[i : i + most]) for i in range(0, len(body), most)]
        return self._method + _frame(2, header) + b"".join(parts)
