"""The consumer (消费者): nameko's QueueConsumer with the raw message handed on, what is in flight counted, and reconnects that are quick.

What is mended, by the numbers of docs/adr/0005: 2 (a graceful stop keeps the connection until every message in flight is
settled), 3 (a message that is delivered again while it is still being worked on is not worked on twice), 7 (nothing is
decoded here, so nothing undecodable is dropped or logged), 11 (prefetch per kind of queue), 12 (heartbeats), 25 (the broker is asked
whether it knows that we consume).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Hashable, Iterator, Mapping
from functools import partial
from typing import Any

from amqp.exceptions import RecoverableConnectionError
from eventlet.semaphore import Semaphore
from kombu import Connection
from nameko import messaging

from shared.messaging import links, logs


class Flight:
    """A message being worked on. After a lost connection ``message`` is the broker's second delivery of the same one."""

    __slots__ = ("key", "message")

    def __init__(self, key: Hashable, message: Any) -> None:
        self.key, self.message = key, message


def raw_body(message: Any) -> bytes:
    """The body as bytes, whatever py-amqp made of it."""
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)


class QueueConsumer(messaging.QueueConsumer):  # type: ignore[misc]
    """One connection and channel for the queues of one kind; providers have ``queue``, ``flight_key(message)`` and ``receive(flight)``."""

    def __init__(self) -> None:
        super().__init__()
        self._flights: set[Flight] = set()
        self._by_key: dict[Hashable, Flight] = {}
        self._writing = Semaphore()
        self._checked = 0.0
        self._link: Any = None
        self.away = False  # it should be consuming and cannot: the broker is not there
        self.unheard: frozenset[str] = frozenset()  # queues that it should be consuming from, and the broker says that nobody does
        self._looks = 0  # for so many looks of the broker's
        self._lost = False  # it is to begin again

    # -- messages ----------------------------------------------------------------------------------------------

    def take(self, provider: Any, message: Any) -> None:
        key = provider.flight_key(message)
        if key is not None:
            earlier = self._by_key.get(key)
            if earlier is not None and message.delivery_info.get("redelivered") and earlier.message.channel is not message.channel:
                earlier.message = message  # settled instead of the first, whose channel is gone
                return
        flight = Flight(key, message)
        self._flights.add(flight)
        if key is not None:
            self._by_key.setdefault(key, flight)
        if self.container.has_room(provider):
            provider.receive(flight)  # spawns and returns: one greenlet less on the common way
        else:
            self.container.spawn_managed_thread(partial(provider.receive, flight), identifier="receive")

    def settle(self, flight: Flight, *, back: bool = False) -> None:
        """Acknowledge, or give back to the queue (``back``: only when this process is going down)."""
        self._flights.discard(flight)
        if flight.key is not None and self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]
        message = flight.message
        if not message.channel.connection:
            return  # the broker has taken it back already
        try:
            with self._writing:
                if back:
                    message.requeue()
                else:
                    message.ack()
        except Exception as error:
            if not links.broken(error):
                raise

    # -- kombu's mixin -----------------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        return links.connection(self.amqp_uri)

    @contextlib.contextmanager
    def establish_connection(self) -> Iterator[Connection]:
        """As kombu's, but with pauses of at most two seconds: a broker that is back is used at once."""
        self.away = True
        with self.create_connection() as link:
            link.ensure_connection(self.on_connection_error, None, interval_start=0.2, interval_step=0.3, interval_max=2)
            self._link = link
            yield link

    def consume(self, limit: Any = None, timeout: Any = None, safety_interval: float = 0.25, **kwargs: Any) -> Any:
        """As kombu's, but an idle consumer looks up four times a second: how soon it notices that it is to stop."""
        return super().consume(limit, timeout, safety_interval, **kwargs)

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        self.declare(channel)
        self._consumers = {}
        for provider in self._providers:
            consumer = consumer_cls(queues=[provider.queue], on_message=partial(self.take, provider))
            consumer.qos(prefetch_count=self.prefetch_count)
            self._consumers[provider] = consumer
        self.declared(channel)
        return self._consumers.values()

    def declare(self, channel: Any) -> None:
        """What must be there besides the queues that are consumed."""

    def declared(self, channel: Any) -> None:
        """The queues that are consumed are there."""

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        self.away, self.unheard, self._lost = False, frozenset(), False
        super().on_consume_ready(connection, channel, consumers, **kwargs)

    def counted(self, consumers: Mapping[str, int]) -> None:
        """What the broker says of how many consume from each queue. None where we believe that we do is told (``unheard``); none at
        the next look either: our consumer was lost without a word, on a connection that lives, and begins again. If that does not help
        (a queue that has no leader), it does so after 4, 8, 16 … looks. Another worker of the service would hide it."""
        if self.away:
            return
        self.unheard = frozenset(name for provider in self._consumers if not consumers.get(name := provider.queue.name))
        self._looks = self._looks + 1 if self.unheard else 0
        if self._looks > 1 and self._looks & (self._looks - 1) == 0:
            logs.warn("consumers_lost", service=self.container.service_name, queues=sorted(self.unheard))
            self._lost = True

    def on_iteration(self) -> None:
        if self._lost:
            raise RecoverableConnectionError("nobody consumes")  # as if the connection had been lost
        self._cancel_consumers_if_requested()
        if not self._consumers and not self._flights:
            self.should_stop = True
        elif time.monotonic() - self._checked > links.HEARTBEAT / 4:
            self._checked = time.monotonic()
            with self._writing:
                self._link.heartbeat_check()

    def on_connection_error(self, error: Exception, interval: float) -> None:
        logs.warn("broker_away", error=type(error).__name__, retry_in=interval)

    def on_connection_revived(self) -> None:
        logs.say("broker_connected", service=self.container.service_name)


class RpcQueueConsumer(QueueConsumer):
    """For RPC requests."""

    @property
    def prefetch_count(self) -> int:
        return int(self.container.lanes["rpc"])


class BusQueueConsumer(QueueConsumer):
    """For reactions: its own connection, so that a flood of events does not stand before an RPC."""

    @property
    def prefetch_count(self) -> int:
        return max(2, int(self.container.lanes["bus"]) // 2)

    def declare(self, channel: Any) -> None:
        self.container.declare(channel)

    def declared(self, channel: Any) -> None:
        for provider in self._providers:
            provider.bound(channel)
