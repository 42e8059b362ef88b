"""A broker for all these tests, a log and a queue for each, and relays as threads or as processes."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

from shared.eventlog.client import Log
from shared.eventlog.relay import Relay
from shared.eventlog.relay.session import Options
from shared.messaging.node import BrokerError, BrokerNode, find_server
from tests.projections.logserver import LogServer, Running


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerNode]:
    try:
        find_server()
    except BrokerError:
        pytest.skip("RabbitMQ is not installed")
    node = BrokerNode(tmp_path_factory.mktemp("broker"))
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LogServer]:
    running = LogServer(tmp_path / "eventlog")
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def log(server: LogServer) -> Iterator[Log]:
    made = server.connect()
    yield made
    made.close()


class Inbox:
    """A durable queue bound to the sample service's exchange, as somebody else's service would have it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.queue = f"inbox-{uuid.uuid4().hex[:8]}"
        with self.open() as connection:
            channel = connection.channel()
            channel.exchange_declare("sample.events", "topic", durable=True)
            channel.queue_declare(self.queue, durable=True)
            channel.queue_bind(self.queue, "sample.events", "#")

    def open(self) -> Any:
        return pika.BlockingConnection(pika.URLParameters(self.uri))

    def count(self) -> int:
        with self.open() as connection:
            return int(connection.channel().queue_declare(self.queue, passive=True).method.message_count)

    def read(self) -> list[tuple[Any, Any, bytes]]:
        """Everything in the queue, taken out."""
        found = []
        with self.open() as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(self.queue, auto_ack=True)
                if method is None:
                    return found
                found.append((method, properties, body))

    def close(self) -> None:
        with self.open() as connection:
            connection.channel().queue_delete(self.queue)


@pytest.fixture
def inbox(broker: BrokerNode) -> Iterator[Inbox]:
    made = Inbox(broker.uri)
    yield made
    made.close()


@pytest.fixture
def name() -> str:
    """The relay's name: one of its own for each test, because the broker is shared."""
    return uuid.uuid4().hex[:8]


class Relaying:
    """A relay in a thread of the test."""

    def __init__(self, uri: str, log_uri: str, options: Options) -> None:
        self.said: list[str] = []
        self.active = threading.Event()
        self.standing_by = threading.Event()
        self.stopping = threading.Event()
        self.relay = Relay(uri, Log(log_uri), self.stopping, tell=self.said.append, ready=self._ready, options=options)
        self.thread = threading.Thread(target=self.relay.run)

    def _ready(self, active: bool) -> None:
        (self.active if active else self.standing_by).set()

    def stop(self) -> None:
        self.stopping.set()
        if self.thread.ident is not None:
            self.thread.join(90)
            assert not self.thread.is_alive()


class Relays:
    """Starts relays and stops them all at the end."""

    def __init__(self, uri: str, log_uri: str, name: str, folder: Path) -> None:
        self._uri, self._log_uri, self._name, self._folder = uri, log_uri, name, folder
        self._made: list[Relaying | Running] = []

    def thread(self, **options: Any) -> Relaying:
        made = Relaying(self._uri, self._log_uri, Options(name=self._name, services=frozenset({"sample"}), seconds=0.2, **options))
        self._made.append(made)
        made.thread.start()
        return made

    def process(self) -> Running:
        log = self._folder / f"relay-{len(self._made)}.log"
        made = Running([sys.executable, "-m", "tests.relay.run_relay", self._uri, self._log_uri, self._name], log)
        self._made.append(made)
        return made

    def end(self) -> None:
        for made in self._made:
            made.kill() if isinstance(made, Running) else made.stop()


@pytest.fixture
def relays(broker: BrokerNode, server: LogServer, name: str, tmp_path: Path) -> Iterator[Relays]:
    made = Relays(broker.uri, server.uri, name, tmp_path)
    yield made
    made.end()
