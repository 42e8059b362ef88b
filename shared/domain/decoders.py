"""JSON decoders of our dataclasses (解码器), made by one thread at a time.

msgspec marks a dataclass as known before it has finished looking at it. A second thread that decodes one at that very moment reads what
is not there yet, and the process dies of it (tests/kernel/test_decoders.py). So nobody makes a typed decoder but here.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_made: dict[Any, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


def decoder_of(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder of a type. Ask for it also before ``msgspec.convert``: what it has looked at is looked at for good."""
    found = _made.get(kind)
    if found is None:
        with _making:
            found = _made.get(kind)
            if found is None:
                found = _made[kind] = msgspec.json.Decoder(kind)
    return found
