"""Connections to the broker on the hub (连接): how they are opened, one for replies, one for what must not be lost.

Consuming and publishing have connections of their own: a broker short of memory stops those that publish, and an
acknowledgement must never wait behind that. kombu's pools are not used: with real locks a full pool would stop the hub.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import amqp
import eventlet
from eventlet.semaphore import Semaphore
from kombu import Connection
from nameko.extensions import SharedExtension

from shared.messaging import logs
from shared.messaging.names import RPC_EXCHANGE
from shared.messaging.wire import JSON

HEARTBEAT = 10
CONFIRM_LIMIT = 10.0  # seconds; a confirm that is not there by then is treated as a lost connection
# A peer that went away without a word is noticed after 10 + 3 x 5 s idle, or 15 s with data unacknowledged.
SOCKET = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3, socket.TCP_USER_TIMEOUT: 15_000}


def broken(error: BaseException) -> bool:
    """Whether this is the connection's fault and not ours."""
    return isinstance(error, OSError | amqp.exceptions.AMQPError)


class Link(Connection):  # type: ignore[misc]
    """A connection that is lost when it is lost. kombu's own opens another one in its place wherever it is used next (celery/kombu#220): a
    consumer whose acknowledgement was the first to fail then listened for good on a connection on which it consumes nothing."""

    @property
    def connection(self) -> Any:
        if not self._closed and self._connection is not None and not self.connected:
            raise amqp.exceptions.RecoverableConnectionError("the connection was lost")
        return super().connection


def connection(uri: str, *, heartbeat: int = HEARTBEAT, confirms: bool = False) -> Link:
    """A connection that is not open yet. The options are a fresh dict each time (nameko shares one between all publishers)."""
    options = {"socket_settings": dict(SOCKET), "confirm_publish": confirms}
    return Link(uri, heartbeat=heartbeat, connect_timeout=5, transport_options=options)


def close_quietly(link: Any) -> None:
    if link is not None:
        try:
            link.close()
        except Exception as error:
            if not broken(error):
                logs.warn("close_failed", error=type(error).__name__)


class Replies(SharedExtension):  # type: ignore[misc]
    """Sends the answers of RPCs, without confirms: an answer that gets lost is asked for again under the same command id."""

    def __init__(self) -> None:
        self._link: Any = None
        self._channel: Any = None
        self._writing = Semaphore()  # two greenlets must not write frames into each other

    def send(self, reply_to: str, correlation_id: str | None, body: bytes) -> None:
        message = amqp.basic_message.Message(
            body, content_type=JSON, content_encoding="utf-8", delivery_mode=1, correlation_id=correlation_id or "", headers={}
        )
        for attempt in range(3):
            try:
                with self._writing:
                    self._open_channel().basic_publish(message, exchange=RPC_EXCHANGE, routing_key=reply_to)
                return
            except Exception as error:
                if not broken(error):
                    raise
                self._drop()
                eventlet.sleep(0.2 * attempt)
        logs.warn("reply_lost")

    def _open_channel(self) -> Any:
        if self._channel is None:
            link = connection(self.container.config["AMQP_URI"])
            link.connect()
            self._link, self._channel = link, link.default_channel
            self.container.spawn_managed_thread(lambda: self._keep_alive(link), identifier="replies")
        return self._channel

    def _keep_alive(self, link: Any) -> None:
        """Reads what the broker has to say (heartbeats, a close) until the connection is given up."""
        try:
            while self._link is link:
                try:
                    link.drain_events(timeout=2)
                except TimeoutError:
                    pass
                with self._writing:
                    if self._link is link:
                        link.heartbeat_check()
        except Exception as error:
            if self._link is link:
                if not broken(error):
                    logs.warn("reply_link_failed", error=type(error).__name__, at=logs.place(error.__traceback__))
                self._drop()

    def _drop(self) -> None:
        link, self._link, self._channel = self._link, None, None
        close_quietly(link)

    def stop(self) -> None:
        self._drop()

    kill = stop


class Outbox(SharedExtension):  # type: ignore[misc]
    """Publishes what must not be lost (retries, dead letters): mandatory, confirmed, tried until it is taken."""

    def __init__(self) -> None:
        self._link: Any = None
        self._channel: Any = None
        self._one = Semaphore()  # one confirm at a time on the channel

    def publish(
        self, exchange: str, routing_key: str, message: Callable[[], Any], declare: Callable[[Any], None], still: Callable[[], bool]
    ) -> bool:
        """True when the broker has confirmed it; False when ``still`` says that it no longer matters (the container is being killed)."""
        pause = 0.1
        while still():
            try:
                with self._one:
                    if self._channel is None:
                        self._open(declare)
                    self._channel.basic_publish_confirm(
                        message(), exchange=exchange, routing_key=routing_key, mandatory=True, confirm_timeout=CONFIRM_LIMIT
                    )
                return True
            except Exception as error:
                # An unroutable message comes back as a ChannelError: the queue was deleted, and opening anew declares it.
                if not broken(error) and not isinstance(error, amqp.exceptions.MessageNacked):
                    raise
                logs.warn("set_aside_delayed", to=routing_key, exchange=exchange, error=type(error).__name__)
                self._drop()
            eventlet.sleep(pause)
            pause = min(pause * 2, 3.0)
        return False

    def _open(self, declare: Callable[[Any], None]) -> None:
        # No heartbeats: nobody reads this connection between two publishes, and a dead one shows at the next.
        link = connection(self.container.config["AMQP_URI"], heartbeat=0, confirms=True)
        link.connect()
        channel = link.default_channel
        declare(channel)
        self._link, self._channel = link, channel

    def _drop(self) -> None:
        link, self._link, self._channel = self._link, None, None
        close_quietly(link)

    def stop(self) -> None:
        self._drop()

    kill = stop
