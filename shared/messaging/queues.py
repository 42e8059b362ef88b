"""The queues as an operator sees them (队列): how many messages and consumers, asked of the broker. Plain threads and pika.

For whoever is no worker: the page of the operators, ``minzheng status``. It works when no worker does, which is when queues grow.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache

import pika
from pika.exceptions import AMQPConnectionError, AMQPError, ChannelClosedByBroker

from shared.config import Settings
from shared.domain.errors import Unavailable
from shared.messaging import in_hand, names


@dataclass(frozen=True)
class Depth:
    """One queue."""

    queue: str
    messages: int  # ready; what a worker has in hand is not counted
    consumers: int


@cache
def of_service(service: str) -> tuple[str, ...]:
    """Every queue of a service: calls, reactions, and where messages are set aside."""
    from shared.messaging.doors import reactions_of

    cls = importlib.import_module(f"services.{service}.service").SERVICE
    reactions = [names.reaction_queue(service, source, event, method) for source, event, _, method in reactions_of(cls)]
    return names.rpc_queue(service), *reactions, names.rejected(service), names.dead(service), names.discarded(service)


def of_retries(settings: Settings) -> tuple[str, ...]:
    """Where messages of all services wait for their next try."""
    return tuple(names.retry(delay) for delay in settings.retry_delays)


def depths(amqp_uri: str, queues: Iterable[str], *, alone: float = 0.0) -> list[Depth]:
    """Those of these queues that there are; Unavailable when the broker cannot be asked.

    ``alone``: for dead letters, how many seconds to wait until nobody has any in hand, where they would not be counted.
    """
    parameters = pika.URLParameters(amqp_uri)
    parameters.socket_timeout = parameters.blocked_connection_timeout = 5
    parameters.connection_attempts = 1
    found = []
    try:
        connection = pika.BlockingConnection(parameters)
        try:
            with in_hand.alone(connection, alone) if alone else nullcontext():
                channel = connection.channel()
                for queue in queues:
                    try:
                        told = channel.queue_declare(queue, passive=True).method
                        found.append(Depth(queue, told.message_count, told.consumer_count))
                    except ChannelClosedByBroker:  # there is no such queue yet, and the channel is closed for having asked
                        channel = connection.channel()
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPConnectionError, AMQPError, OSError) as error:
        raise Unavailable(f"无法连接消息总线（{type(error).__name__}）。") from None
    return found
