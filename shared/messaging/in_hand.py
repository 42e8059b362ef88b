"""Dead letters are looked at by taking them (死信一次一人): whoever does so does it alone in the whole house, on whatever machine he is.

Two who took at once would each see a part, and a third would count none. The lock is an exclusive queue in the broker: any other
connection that declares it is refused, and the broker takes it away with the connection of its holder, however that ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pika.exceptions import ChannelClosedByBroker

from shared.domain.errors import Unavailable
from shared.messaging import names

PATIENCE = 5.0  # seconds; a look takes a moment, only giving very many letters back takes longer
_PAUSE = 0.1
_RESOURCE_LOCKED = 405


@contextmanager
def alone(connection: Any, patience: float = PATIENCE) -> Iterator[None]:
    """Nobody else has dead letters in hand meanwhile; Unavailable when somebody has them for longer than ``patience`` seconds."""
    until = time.monotonic() + patience
    while True:
        channel = connection.channel()
        try:
            channel.queue_declare(names.IN_HAND, exclusive=True)
            break
        except ChannelClosedByBroker as refused:
            if refused.reply_code != _RESOURCE_LOCKED:
                raise
        if time.monotonic() > until:
            raise Unavailable("另有人正在查看或办理死信，请稍后重试。")
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        if channel.is_open:
            channel.queue_delete(names.IN_HAND)
