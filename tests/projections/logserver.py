"""Processes of ours for tests of projections and of the relay: started, killed, started again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shared import process
from shared.config import ROOT
from shared.eventlog.client import Log, LogUnavailable


def until(found: Callable[[], object], limit: float = 90.0) -> None:
    """Wait for what happens by itself; the limit is only there so that a failing test ends."""
    deadline = time.monotonic() + limit
    while not found():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


def reachable(log: Log) -> bool:
    """Whether this client reaches its log again."""
    try:
        return log.head() >= 0
    except LogUnavailable:
        log.close()
        return False


class Running:
    """A command that may be started and killed any number of times."""

    def __init__(self, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.argv = argv
        self.log = log
        self.env = env or {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process: process.Process | None = None

    def start(self) -> None:
        self.process = process.spawn(self.argv, log=self.log, env=self.env, cwd=ROOT)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            process.kill(self.process)
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            process.terminate(self.process)
            assert process.finish(self.process, 60), self.log.read_text()
            self.process = None

    def said(self, text: str) -> bool:
        return self.log.exists() and text in self.log.read_text()


class LogServer(Running):
    """The embedded log; its port stays the same over restarts."""

    def __init__(self, data: Path) -> None:
        self.port = process.free_port()
        self.uri = f"esdb://127.0.0.1:{self.port}?Tls=false"
        argv = [sys.executable, "-m", "shared.eventlog.embedded", "--port", str(self.port), "--data", str(data)]
        super().__init__(argv, data.with_name("eventlog.log"))

    def start(self) -> None:
        super().start()
        until(lambda: process.accepts(self.port))

    def connect(self) -> Log:
        return Log(self.uri)
