"""What every measurement stands on (台架): parts of the house of one's own in a temporary directory, and rounds side by side.

Nothing here touches a running system: every port is found free, every file is under the given directory, and every
process is tethered to this one and ended with it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import fill
from shared import clock, process
from shared.config import ROOT, Settings, load
from shared.eventlog import discovery
from shared.eventlog.client import Log, Raw
from shared.eventlog.stores import drop_schemas
from shared.messaging.node import BrokerNode
from shared.security import tokens

START_LIMIT = 180.0
DISTRICT = "330225"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of the table. ``wanted`` begins with the comparison that ``ratio`` must pass."""

    work: str
    ours: float
    limit: float
    unit: str
    ratio: float
    wanted: str

    @property
    def met(self) -> bool:
        sign, bound = self.wanted.split()[:2]
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def row(work: str, ours: float, limit: float, unit: str, wanted: str) -> Row:
    """A row with its ratio; figures keep four significant digits."""
    return Row(work, _short(ours), _short(limit), unit, _short(ours / limit) if limit else 0.0, wanted)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def side_by_side(
    ours: Callable[[], float], limit: Callable[[], float], rounds: int, say: Say = lambda line: None
) -> tuple[float, float]:
    """Medians of both, measured in turn so that whatever else the machine does falls on both; who begins alternates."""
    a: list[float] = []
    b: list[float] = []
    for n in range(rounds):
        for measure, found in ((ours, a), (limit, b)) if n % 2 == 0 else ((limit, b), (ours, a)):
            found.append(measure())
        say(f"第 {n + 1}/{rounds} 轮：{a[-1]:,.4g} 对 {b[-1]:,.4g}")
    return statistics.median(a), statistics.median(b)


class Parts:
    """Broker, logs and processes of one's own; ``close`` ends them all."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self._env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "MINZHENG_RABBITMQ_SERVER")}
        self._env |= {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "MINZHENG_VAR": str(var)}
        self._env |= {"PYTHONWARNINGS": "ignore"}  # eventlet says at every import that it is deprecated; docs/adr tells why it is used
        self._broker: BrokerNode | None = None
        self._running: dict[str, process.Process] = {}

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        for name in [n for n in self._running if not n.startswith("eventlog")]:
            self.end(name)
        for name in list(self._running):
            self.end(name)
        if self._broker is not None:
            self._broker.stop(5.0)
        if "DATABASE_URL" in self._env:
            drop_schemas(self.settings(), ("vault", "integrity", discovery.PORTAL, *discovery.services()))

    def in_postgresql(self, url: str) -> None:
        """From now on every store is in this database, in schemas of this measurement's own that go with it."""
        self._env |= {"DATABASE_URL": url, "MINZHENG_SCHEMA_PREFIX": f"bench_{os.getpid()}_"}

    @property
    def broker(self) -> str:
        """The house's own AMQP URI on a private node, started at the first asking."""
        if self._broker is None:
            self._broker = BrokerNode(self.var, env=self._env)
            self._env["AMQP_URI"] = self._broker.start()
        return self._broker.uri

    def write(self, appends: Iterable[tuple[str, list[Raw]]]) -> int:
        """Stop the log, write very many events into its file, and start it again where it was; answers how many."""
        port = int(self._env["EVENTSTORE_URI"].split(":")[2].split("?")[0])
        self.end("eventlog")
        events = fill.written(self.var / "eventlog", appends)
        self.eventlog(port=port)
        return events

    def eventlog(self, name: str = "eventlog", *, store: bool = True, port: int = 0) -> str:
        """The URI of an embedded log with a directory of its own name; the first one is everybody's EVENTSTORE_URI."""
        port = port or process.free_port()
        argv = [sys.executable, "-m", "shared.eventlog.embedded", "--port", str(port), "--data", str(self.var / name)]
        self._running[name] = process.spawn([*argv, *([] if store else ["--no-store"])], log=self._log(name), env=self._env, cwd=ROOT)
        if not process.wait_until(lambda: process.accepts(port), START_LIMIT):
            raise RuntimeError(f"{name} 没有启动：{process.tail(self._log(name))}")
        uri = f"esdb://127.0.0.1:{port}?Tls=false"
        if "EVENTSTORE_URI" not in self._env:
            self._env |= {"EVENTSTORE_URI": uri, "EVENTSTORE_DATA": str(self.var / name)}
        return uri

    def start(self, name: str, *argv: str, limit: float = START_LIMIT, **env: str) -> None:
        """A Python process of ours (``-m module …``) that touches MINZHENG_READY_FILE when it is ready, within ``limit`` seconds."""
        ready = self.var / "run" / f"{name}.ready"
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.unlink(missing_ok=True)
        given = self._env | env | {"MINZHENG_READY_FILE": str(ready)}
        started = self._running[name] = process.spawn([sys.executable, "-m", *argv], log=self._log(name), env=given, cwd=ROOT)
        if not process.wait_until(lambda: ready.exists() or started.poll() is not None, limit, 0.005) or not ready.exists():
            raise RuntimeError(f"{name} 没有启动：{process.tail(self._log(name))}")

    def spawn(self, name: str, task: Mapping[str, Any], module: str) -> None:
        """A process of ours that finds its task, as JSON, in BENCH_TASK; not waited for."""
        env = self._env | {"BENCH_TASK": json.dumps(task)}
        self._running[name] = process.spawn([sys.executable, "-m", module], log=self._log(name), env=env, cwd=ROOT)

    def end(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is not None:
            process.terminate(running)
            process.finish(running, 10.0)

    def on(self, day: datetime) -> None:
        """Set the business clock of every process started from now on, and of those that follow the file already."""
        file = self.var / "run" / "clock"
        clock.move(file, day)
        self._env["MINZHENG_CLOCK_FILE"] = str(file)

    def memory(self, name: str) -> float:
        """What a process holds in memory (resident set), in MB."""
        pages = int(Path(f"/proc/{self._running[name].pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def run(self, module: str, spec: Mapping[str, Any], limit: float = 120.0) -> Any:
        """A process of ours that reads what to do as JSON and answers in JSON: load comes from outside what is measured."""
        argv = [sys.executable, "-m", module]
        done = subprocess.run(
            argv, input=json.dumps(spec), capture_output=True, text=True, timeout=limit, env=self._env, cwd=ROOT, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{module}: {done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def command(self, *argv: str, limit: float = 600.0, **env: str) -> str:
        """``minzheng …`` as an operator runs it; what it says."""
        whole = [sys.executable, "-m", "shared.cli", *argv]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=limit, env=self._env | env, cwd=ROOT, check=False)
        if done.returncode:
            raise RuntimeError(f"{argv}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done.stdout

    def settings(self, **env: str) -> Settings:
        """What the processes are told."""
        return load(self._env | env)

    def token(self, *roles: str) -> str:
        settings = self.settings()
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        return tokens.issue(settings.token_private_key, "staff:bench-01", roles, DISTRICT)

    def _log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"


@contextmanager
def opened(uri: str, data: Path | None = None) -> Iterator[Log]:
    log = Log(uri, data=data)
    try:
        yield log
    finally:
        log.close()


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
