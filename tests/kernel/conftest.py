"""One real embedded log for the folder; repositories over it are as cheap as objects, like several processes in one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared import process
from shared.config import ROOT, Settings
from shared.eventlog.client import Log
from shared.eventlog.stores import engine_for
from shared.eventsourcing.repository import Repository
from shared.security.vault import Vault

MASTER = b"k" * 32


class LogProcess:
    """The embedded log on a port of its own; it can be killed and started again."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, process.free_port()
        self.output = data.with_suffix(".log")

    @property
    def uri(self) -> str:
        return f"esdb://127.0.0.1:{self.port}?Tls=false"

    def start(self) -> LogProcess:
        argv = [sys.executable, "-m", "shared.eventlog.embedded", "--port", str(self.port), "--data", str(self.data)]
        self.process = process.spawn(argv, log=self.output, env=dict(os.environ), cwd=ROOT)
        assert process.wait_until(lambda: process.accepts(self.port), 90), process.tail(self.output)
        return self

    def kill(self) -> None:
        process.kill(self.process)


@pytest.fixture(scope="session")
def eventlog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogProcess]:
    running = LogProcess(tmp_path_factory.mktemp("kernel") / "eventlog").start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernel-var")


@pytest.fixture
def repository(eventlog: LogProcess, var: Path) -> Iterator[Callable[[], Repository]]:
    """Makes repositories that share the log and the vault, and nothing else: what two processes are to each other."""
    opened = []

    def make() -> Repository:
        log, engine = Log(eventlog.uri, timeout=5), engine_for(Settings(var=var), "vault")
        opened.append((log, engine))
        return Repository(log, Vault(engine, MASTER), b"h" * 32)

    yield make
    for log, engine in opened:
        log.close()
        engine.dispose()
