"""A small house for the tests: a real broker, a real log, workers in processes of their own, and eyes on the queues."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pika

from shared import process
from shared.clock import SHANGHAI
from shared.config import ROOT, Settings, load
from shared.eventlog.client import Log
from shared.messaging import names
from shared.messaging.client import RpcClient
from shared.messaging.dead_letters import DeadLetters, Letter
from shared.messaging.node import BrokerNode
from shared.security import tokens

COUNTER = "tests.messaging.services.counter"
STRUCK = "counter.on.clock.struck.on_struck"
TICKS = "counter.on.clock.ticked.on_ticked"
AMOUNTS = "counter.on.hospital.amount_reported.on_amount_reported"
RESIDENT_ID = "11010519491231002X"
DELAYS = "0.2,0.4"


def wait_for(condition: Callable[[], Any], what: str, limit: float = 90.0) -> Any:
    """What the condition gives once it is true; a test never waits for a time, only for this."""
    found: list[Any] = []

    def met() -> bool:
        found[:] = [condition()]
        return bool(found[0])

    assert process.wait_until(met, limit, 0.03), f"not within {limit} s: {what}"
    return found[0]


@dataclass
class Worker:
    process: process.Process
    log: Path
    ready: Path

    def wait_ready(self) -> Worker:
        wait_for(lambda: self.ready.exists() or self.process.poll() is not None, "worker ready", 90)
        assert self.process.poll() is None, process.tail(self.log)
        return self

    def kill9(self) -> None:
        process.kill(self.process)

    def stop(self, limit: float = 60) -> int:
        process.terminate(self.process)
        process.finish(self.process, limit)
        return int(self.process.returncode)

    def lines(self) -> list[dict[str, Any]]:
        found = []
        for line in self.log.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"event": "not json", "text": line})
        return found

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("event") == event]


class House:
    def __init__(self, var: Path) -> None:
        self.var = var
        self.broker = BrokerNode(var)
        self.log_port = process.free_port()
        self._log_process: process.Process | None = None
        self._workers: list[Worker] = []
        self._log: Log | None = None
        self.board = var / "board"

    # -- parts ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self.board.mkdir(parents=True)
        self.broker.start()
        self.start_log()
        self.settings: Settings = replace(load(self.env()), max_workers=8)
        tokens.development_keys(self.settings.token_private_key, self.settings.token_public_key)  # type: ignore[arg-type]

    def env(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "MINZHENG_VAR": str(self.var),
            "EVENTSTORE_URI": f"esdb://127.0.0.1:{self.log_port}?Tls=false",
            "AMQP_URI": self.broker.uri,
            "MINZHENG_RETRY_DELAYS": DELAYS,
            "MINZHENG_TIMER_PERIOD": "0.3",
            "MINZHENG_MAX_WORKERS": "8",
            "MINZHENG_CLOCK_FILE": str(self.var / "clock"),
            "COUNTER_DIR": str(self.board),
            **more,
        }

    def start_log(self) -> None:
        argv = [sys.executable, "-m", "shared.eventlog.embedded", "--port", str(self.log_port), "--data", str(self.var / "eventlog")]
        self._log_process = process.spawn(argv, log=self.var / "log" / "eventlog.log", env=self.env(), cwd=ROOT)
        wait_for(lambda: process.accepts(self.log_port), "log listens")

    def kill_log(self) -> None:
        assert self._log_process is not None
        process.kill(self._log_process)

    def start_worker(self, *services: str, wait: bool = True, **more: str) -> Worker:
        number = len(self._workers)
        ready = self.var / f"worker-{number}.ready"
        argv = [sys.executable, "-m", "shared.cli", "worker", *(services or (COUNTER,))]
        log = self.var / "log" / f"worker-{number}.log"
        worker = Worker(process.spawn(argv, log=log, env=self.env(MINZHENG_READY_FILE=str(ready), **more), cwd=ROOT), log, ready)
        self._workers.append(worker)
        return worker.wait_ready() if wait else worker

    @contextmanager
    def worker(self, *services: str, **more: str) -> Iterator[Worker]:
        worker = self.start_worker(*services, **more)
        try:
            yield worker
        finally:
            worker.stop()

    def running(self) -> list[Worker]:
        return [w for w in self._workers if w.process.poll() is None]

    def close(self) -> None:
        for worker in self._workers:
            process.kill(worker.process)
        if self._log is not None:
            self._log.close()
        if self._log_process is not None:
            process.kill(self._log_process)
        self.broker.stop()

    def letters(self, event_id: str = "") -> list[Letter]:
        """The dead letters of counter, of one event."""
        return [x for x in self.dead.list() if not event_id or x.event_id == event_id]

    @property
    def dead(self) -> DeadLetters:
        return DeadLetters(self.broker.uri, self.settings.master_key, ("counter",))

    # -- the log -------------------------------------------------------------------------------------------------

    @property
    def log(self) -> Log:
        if self._log is None:
            self._log = Log(f"esdb://127.0.0.1:{self.log_port}?Tls=false", timeout=3)
        return self._log

    def events(self, counter: str) -> int:
        """How many events a counter's stream has."""
        return len(self.log.read(f"counter.counter-{counter}"))

    # -- callers -------------------------------------------------------------------------------------------------

    def token(self, *roles: str, seconds: int = 3600) -> str:
        assert self.settings.token_private_key is not None
        return tokens.issue(self.settings.token_private_key, "staff:wang", roles or ("clerk",), "330225", seconds)

    def client(self, timeout: float = 30.0) -> RpcClient:
        return RpcClient(self.broker.uri, self.token(), timeout)

    # -- the broker ----------------------------------------------------------------------------------------------

    @contextmanager
    def channel(self, uri: str | None = None) -> Iterator[Any]:
        connection = pika.BlockingConnection(pika.URLParameters(uri or self.broker.uri))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            if connection.is_open:
                connection.close()

    def publish(
        self, source: str, event: str, body: Any, message_id: str | None = "", content_type: str | None = "application/json",
        further: str = "",
    ) -> str:  # fmt: skip
        """Publish as a service or an agency would; returns the message id ("" = a new one, None = send none). ``further``: one more key."""
        if message_id == "":
            message_id = str(uuid.uuid4())
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self.channel() as channel:
            properties = pika.BasicProperties(
                content_type=content_type, message_id=message_id, delivery_mode=2, headers={names.FURTHER: [further]} if further else None
            )
            channel.basic_publish(f"{source}.events", event, payload, properties, mandatory=True)
        return message_id or ""

    def tick(self, counter: str, behave: str = "", message_id: str | None = "", **more: Any) -> str:
        return self.publish("clock", "ticked", {"counter_id": counter, "behave": behave, **more}, message_id)

    def depth(self, queue: str) -> int:
        """Messages ready in a queue; -1 when there is no such queue."""
        with self.channel() as channel:
            try:
                return int(channel.queue_declare(queue, passive=True).method.message_count)
            except pika.exceptions.ChannelClosedByBroker:
                return -1

    def purge(self, *queues: str) -> None:
        for queue in queues:
            with self.channel() as channel:
                channel.queue_purge(queue)

    # -- the board -----------------------------------------------------------------------------------------------

    def flag(self, name: str, up: bool = True) -> None:
        if up:
            (self.board / name).touch()
        else:
            (self.board / name).unlink(missing_ok=True)

    def board_lines(self, name: str) -> list[str]:
        try:
            return (self.board / name).read_text().splitlines()
        except FileNotFoundError:
            return []

    def now(self) -> datetime:
        return datetime.now(SHANGHAI)


class Wire:
    """A TCP relay before the broker, to cut connections as a bad network does."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    @staticmethod
    def _pump(a: socket.socket, b: socket.socket) -> None:
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for end in (a, b):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> int:
        """Cut every connection; new ones are let through."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        return len(pairs)

    def close(self) -> None:
        self._server.close()
        self.cut()


def new_id() -> str:
    return uuid.uuid4().hex
