"""How long the queues are (队列深度): each worker looks at those that it consumes, and at those where its own messages are set aside.

A passive declare a queue, every few seconds, on a connection of its own and on the hub, which it never blocks. Several workers of one
service see the same queues and tell the same numbers: take the largest. The scrape reads what was seen last, and nothing once that is old.
The consumers are told what was seen too (``QueueConsumer.counted``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import amqp
import eventlet

from shared import metrics
from shared.messaging import links, logs, names
from shared.messaging.reactions import BusEntrypoint
from shared.messaging.rpc import Rpc

EVERY = 10.0  # seconds
STALE = 60.0


def queues_of(container: Any) -> list[str]:
    """The queues that concern one service's container."""
    service = container.service_name
    found = {entrypoint.queue.name for entrypoint in container.entrypoints if isinstance(entrypoint, BusEntrypoint)}
    if found:
        found |= {names.dead(service), names.discarded(service), names.rejected(service)}
        found |= {names.retry(delay) for delay in container.settings.retry_delays}
    if any(isinstance(entrypoint, Rpc) for entrypoint in container.entrypoints):
        found.add(names.rpc_queue(service))
    return sorted(found)


class Depths:
    """Looks at some queues for ever; ``values`` is for a scrape."""

    def __init__(self, uri: str, queues: Iterable[str], tell: Callable[[dict[str, int]], None] = lambda consumers: None) -> None:
        """``tell`` is called after each look with how many consume from each queue."""
        self._uri, self._queues, self._tell = uri, tuple(queues), tell
        self._seen: dict[str, tuple[int, int]] = {}
        self._at = 0.0

    def values(self) -> Iterable[metrics.Value]:
        if time.monotonic() - self._at > STALE:
            return
        for queue, (messages, consumers) in list(self._seen.items()):
            yield metrics.QUEUE_MESSAGES, (queue,), messages
            yield metrics.QUEUE_CONSUMERS, (queue,), consumers

    def run(self) -> None:
        while True:
            try:
                self._look()
            except Exception as error:
                if links.broken(error):
                    logs.say("depths_unseen", 10, error=type(error).__name__)  # that the broker is away is told elsewhere
                else:  # a greenlet that ended here would end the looking, and nobody would hear of it
                    logs.warn("depths_failed", error=type(error).__name__, at=logs.place(error.__traceback__))
            eventlet.sleep(EVERY)

    def _look(self) -> None:
        link = links.connection(self._uri, heartbeat=0)
        try:
            link.connect()
            channel = link.default_channel
            seen = {}
            for queue in self._queues:
                try:
                    told = channel.queue_declare(queue, passive=True)
                except amqp.exceptions.NotFound:  # of another release, or deleted; the broker closes the channel with it
                    channel = link.channel()
                else:
                    seen[queue] = (int(told.message_count), int(told.consumer_count))
            self._seen, self._at = seen, time.monotonic()
            self._tell({queue: consumers for queue, (_, consumers) in seen.items()})
        finally:
            links.close_quietly(link)
