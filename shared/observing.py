"""What every process does to be seen (可观测): log lines, traces, its door for health and metrics. One call at the start, one at the end.

The settings are apart from ``shared.config.Settings``: a process that needs no key and no database (the embedded log) is seen as well.

    MINZHENG_PROCESS        its name; given by the supervisor, else made from the command and the process number
    MINZHENG_METRICS_HOST   where it is asked (127.0.0.1; in a container 0.0.0.0, on a network of its own; towards:postgres: only at the
                            address by which it reaches that host, for a container that is on an outer network as well)
    MINZHENG_METRICS_PORT   the port; absent or 0: a free one, which var/run/<process>.metrics.json names; off: none
    MINZHENG_TRACES         nothing (off), "file", or http://collector:4318
    MINZHENG_LOG_FORMAT     json or text
    MINZHENG_HEART_LIMIT    seconds without a turn of its loop after which a process counts as stuck (30)
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from shared import health, logs, metrics, tracing
from shared.config import ROOT, ConfigError
from shared.process import birth

PROCESS = "MINZHENG_PROCESS"
LOG_FORMAT = "MINZHENG_LOG_FORMAT"
METRICS_PORT = "MINZHENG_METRICS_PORT"
TOWARDS = "towards:"


@dataclass(frozen=True)
class Seen:
    """How a process is to be seen."""

    process: str
    kind: str  # what it is called when nobody has named it: its name is this and its number; "" when it was named
    var: Path
    host: str
    port: int  # 0: a free one; -1: none
    traces: str
    json: bool
    log_level: str
    heart_limit: float


def load(default: str, env: Mapping[str, str] | None = None) -> Seen:
    """``default``: what the process is called when nobody has named it."""
    env = os.environ if env is None else env
    given = env.get(METRICS_PORT, "").strip() or "0"
    if given != "off" and not (given.isdigit() and int(given) < 65536):
        raise ConfigError("MINZHENG_METRICS_PORT 须为端口号、0（自动寻找）或 off。")
    traces = env.get("MINZHENG_TRACES", "").strip()
    if traces and traces != "file" and not traces.startswith(("http://", "https://")):
        raise ConfigError("MINZHENG_TRACES 须为空、file 或 OTLP/HTTP 收集器的地址（http://…:4318）。")
    form = env.get(LOG_FORMAT, "").strip() or "text"
    if form not in ("json", "text"):
        raise ConfigError("MINZHENG_LOG_FORMAT 只能是 json 或 text。")
    named = env.get(PROCESS, "").strip()
    return Seen(
        process=named or f"{default}-{os.getpid()}",
        kind="" if named else default,
        var=Path(env.get("MINZHENG_VAR", str(ROOT / "var"))).resolve(),
        host=env.get("MINZHENG_METRICS_HOST", "").strip() or "127.0.0.1",
        port=-1 if given == "off" else int(given),
        traces=traces,
        json=form == "json",
        log_level=env.get("MINZHENG_LOG_LEVEL", "INFO"),
        heart_limit=float(env.get("MINZHENG_HEART_LIMIT", "") or health.LIMIT),
    )


class Observing:
    """A process that is seen; ``end`` before it goes."""

    def __init__(self, seen: Seen, door: health.Door | None = None, file: Path | None = None) -> None:
        self.seen, self._door, self._file = seen, door, file

    def end(self) -> None:
        """Write the last spans; take away the file that says where we are asked."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        if self._door is not None:
            self._door.close()
        tracing.stop()


def begin(default: str, *, set_up_logs: Callable[[str, str], None] | None = None) -> Observing:
    """Be seen from now on. ``set_up_logs``: of a process that always writes JSON."""
    seen = load(default)
    if set_up_logs is not None:
        set_up_logs(seen.log_level, seen.process)
    elif seen.json:
        logs.set_up(seen.log_level, seen.process)
    health.HEALTH.limit = seen.heart_limit
    metrics.ask("health", health.HEALTH.values)
    tracing.start(seen.traces, seen.var, seen.process)
    succeed(seen)
    if seen.port < 0:
        return Observing(seen)
    return Observing(seen, *_open(seen))


def succeed(seen: Seen) -> None:
    """Take the place of one that was killed: the file it left says that it does not run, until it is started again, under a new number.

    A named process writes over its own. Of a kind of which several were killed, each that is started takes the place of one.
    """
    if not seen.kind:
        return
    for left in sorted((seen.var / "run").glob(f"{seen.kind}-*.metrics.json")):
        if re.fullmatch(rf"{re.escape(seen.kind)}-\d+\.metrics\.json", left.name):
            try:
                told = json.loads(left.read_text())
                if birth(int(told["pid"])) != told["born"]:
                    left.unlink()
                    return
            except (OSError, ValueError, KeyError):
                continue  # another one was quicker


def _towards(host: str) -> str:
    """Our own address on the network where that host is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # nothing is sent
        return str(probe.getsockname()[0])


def _open(seen: Seen) -> tuple[health.Door, Path]:
    try:
        host = _towards(seen.host.removeprefix(TOWARDS)) if seen.host.startswith(TOWARDS) else seen.host
        door = health.Door(host, seen.port)
    except OSError as error:
        raise ConfigError(f"无法在 {seen.host}:{seen.port} 提供指标（MINZHENG_METRICS_PORT）：{error.strerror or error}。") from error
    return door, health.announce(seen.var, seen.process, host, door.port)


def needs_log(uri: str) -> None:
    """Ready only while the log answers."""
    from shared.eventlog.client import Log, LogUnavailable

    log = Log(uri, timeout=2.0)

    def check() -> str:
        try:
            log.head()
        except LogUnavailable as error:
            log.close()  # a new channel next time: an old one may wait before it tries again
            return f"没有答复（{error}）"
        return ""

    health.HEALTH.check("事件日志", check)


def needs_store(*engines: sa.Engine) -> None:
    """Ready only while the database answers: every store of it that this process works with."""

    def check() -> str:
        try:
            for engine in engines:
                with engine.connect() as connection:
                    # Of a file more than that it can be opened: that its first page is one of a database.
                    connection.exec_driver_sql("PRAGMA schema_version" if engine.dialect.name == "sqlite" else "SELECT 1")
        except sa.exc.SQLAlchemyError as error:
            return f"没有答复（{type(error).__name__}）"
        return ""

    health.HEALTH.check("数据库", check)


# ---- several workers under one server (the portal) ---------------------------------------------------------------------


def adopt_logs(seen: Seen, *loggers: str) -> None:
    """Log lines of a library that brings handlers of its own: by our formatter, which quotes nothing, even where the rest is text."""
    if seen.json:
        logs.set_up(seen.log_level, seen.process)
    for name in loggers:
        logs.adopt(name)


def begin_shared(seen: Seen) -> None:
    """In each worker of a server: one of them holds the lock and answers for all, the others wait to take over."""
    metrics.ask("health", health.HEALTH.values)
    tracing.start(seen.traces, seen.var, f"{seen.process}-{os.getpid()}")
    if seen.port >= 0:
        threading.Thread(target=_answer_for_all, args=(seen,), name="metrics-lock", daemon=True).start()


def end_shared() -> None:
    """A worker of a server goes."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
    for file in _announced:
        file.unlink(missing_ok=True)  # before the lock goes with this process: whoever takes over says so anew
    tracing.stop()


def _answer_for_all(seen: Seen) -> None:
    _lock.append(lock := (seen.var / "run" / f"{seen.process}.metrics.lock").open("a"))
    fcntl.flock(lock, fcntl.LOCK_EX)  # a thread of its own waits; the kernel frees the lock with the process that holds it
    while True:
        try:
            _announced.append(_open(seen)[1])
            return
        except (ConfigError, OSError):  # the one before us has not quite let go of the port; or the disk is full
            time.sleep(1.0)


_lock: list[object] = []  # keeps the file open
_announced: list[Path] = []  # where this worker said that it answers for all


# ---- the portal's requests ---------------------------------------------------------------------------------------------


class Request:
    """One HTTP request; whoever answers it says the status."""

    status = 500


@contextmanager
def http_request(method: str, route: str, correlation: str) -> Iterator[Request]:
    """Around one request of the portal: its time, its span (the root of the trace) and the correlation id in its log lines.

    ``route`` is the pattern (``/desk/cases/<case_id>``), never the address that was asked for. ``correlation`` is what is handed to
    ``RpcClient.as_(…, correlation_id=…)``: by it the calls hang on this span.
    """
    request = Request()
    began = time.perf_counter()
    before, logs.here.correlation = logs.here.correlation, correlation
    span = tracing.begin(f"{method} {route}", tracing.SERVER, parent=0)
    try:
        yield request
    finally:
        logs.here.correlation = before
        metrics.HTTP_SECONDS.labels(method, route, str(request.status)).observe(time.perf_counter() - began)
        if span is not None:
            span.end(correlation, str(request.status), failed=request.status >= 500, method=method, route=route)
