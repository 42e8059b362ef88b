"""The embedded log as a process of its own, on a free port, for tests that must not tell it from a real server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from esdbclient import EventStoreDBClient

from shared.process import free_port

START_SECONDS = 90
ROOT = Path(__file__).resolve().parents[2]


class LogProcess:
    """One server process over one directory; it may be killed and started again."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.options = options
        self.port = free_port()  # it comes back on the same one, which no client that still looks for it may have got meanwhile
        self.process: subprocess.Popen[bytes] | None = None
        self.output = directory.parent / f"{directory.name}.out"

    def start(self) -> LogProcess:
        command = [sys.executable, "-m", "shared.eventlog.embedded", "--port", str(self.port), "--data", str(self.directory), *self.options]
        with open(self.output, "wb") as sink:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        until(lambda: self._ready() or self.process.poll() is not None, START_SECONDS, "the server is up")  # type: ignore[union-attr]
        assert self._ready(), self.output.read_text()
        return self

    def _ready(self) -> bool:
        return re.search(rf"已就绪：\S+:{self.port}\b", self.output.read_text()) is not None

    def client(self, options: str = "") -> EventStoreDBClient:
        return EventStoreDBClient(f"esdb://127.0.0.1:{self.port}?Tls=false{options}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(90)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition; fail by name if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def log_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogProcess]:
    """A server shared by the tests that only use streams of their own."""
    process = LogProcess(tmp_path_factory.mktemp("log") / "data").start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="session")
def shared_client(log_process: LogProcess) -> Iterator[EventStoreDBClient]:
    client = log_process.client()
    yield client
    client.close()


@pytest.fixture
def client(shared_client: EventStoreDBClient) -> EventStoreDBClient:
    """A client of the shared server."""
    return shared_client


@pytest.fixture
def own_log(tmp_path: Path) -> Iterator[LogProcess]:
    """A server of the test's own, for tests that count events, stop it or kill it."""
    process = LogProcess(tmp_path / "data").start()
    yield process
    process.stop()
