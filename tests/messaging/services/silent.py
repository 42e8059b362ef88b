"""Counter, whose consumers can be made to consume nothing on connections that live: while the flag is up they are withdrawn at the broker.

Nothing in the worker knows of it, as after a lost connection that was replaced behind the consumer (docs/adr/0005, 24).
"""

from __future__ import annotations

from typing import Any

import eventlet

from shared.messaging import depths
from shared.messaging.consumer import QueueConsumer
from tests.messaging.services.counter import SERVICE, flag

__all__ = ["SERVICE"]
depths.EVERY = 1.0
_begun: list[QueueConsumer] = []
_on_consume_ready = QueueConsumer.on_consume_ready


def _note(consumer: QueueConsumer, *args: Any, **kwargs: Any) -> None:
    _begun.append(consumer)
    _on_consume_ready(consumer, *args, **kwargs)


def _watch() -> None:
    while True:
        while _begun and flag("silent"):
            for one in _begun.pop()._consumers.values():
                for tag in one._active_tags.values():
                    one.channel.basic_cancel(tag, nowait=True)
        eventlet.sleep(0.05)


QueueConsumer.on_consume_ready = _note
eventlet.spawn_n(_watch)
