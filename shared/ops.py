"""The state of the house for an operator (运行状况): processes, lags, queues, dead letters: what ``minzheng status`` shows, and the page.

Everything is asked now, of whoever knows it: a process by its door (shared/health.py), how far the followers of the log are of the log and
of their own tables, the queues of the broker. What could not be asked is named in ``unknown`` and missing from the rest; nothing fails.

Processes are found by ``var/run.json`` and ``var/run/*.metrics.json``; where they run in containers of their own, ``MINZHENG_TARGETS``
names them: ``worker-registry=http://worker-registry:9464,relay=http://relay:9464``. A file whose process is gone was left by one that was
killed: it is shown as not running until another of its kind has taken its place (shared/observing.py).
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psutil

from shared.clock import SHANGHAI
from shared.config import ConfigError, Settings, run_file
from shared.domain.errors import Unavailable
from shared.eventlog import discovery, lag
from shared.eventlog.client import Log, LogUnavailable
from shared.eventlog.integrity.leaf import OF_THE_TREE
from shared.eventlog.reader import of_service
from shared.eventlog.stores import engine_for
from shared.messaging import names
from shared.process import birth

PATIENCE = 3.0  # seconds for one door
RELAY = "main"
WHOLE = frozenset({"portal"})  # read models of the whole log
LATE = {"seal": 600.0}  # seconds behind the log that an operator must see to (docs/operations.md); sealing holds nobody up
LATE_ELSE = 60.0
DEAD = ".dead"
SET_ASIDE = (DEAD, ".discarded", ".rejected")  # ends of the queues in which messages are meant to lie


@dataclass(frozen=True)
class ProcessState:
    """One process, as far as it told."""

    name: str
    pid: int | None = None
    running: bool | None = None  # None: it is on another machine and did not answer
    alive: bool | None = None  # its loop turns; None: nobody to ask
    ready: bool | None = None
    why: str = ""  # why it is not alive or not ready, in Chinese
    restarts: int | None = None
    since: str = ""  # when it was started, as an ISO time
    memory: int | None = None  # bytes in RAM
    address: str = ""  # where it is asked


@dataclass(frozen=True)
class LagState:
    """How far a follower of the log is behind."""

    follower: str  # "relay", "projection registry", "seal"
    about: str
    positions: int
    seconds: float

    @property
    def late(self) -> bool:
        """Longer than it may be."""
        return self.seconds > LATE.get(self.follower, LATE_ELSE)


@dataclass(frozen=True)
class QueueState:
    """A queue of the house."""

    queue: str
    messages: int
    consumers: int

    @property
    def retry(self) -> bool:
        """Messages wait here for their next try, and go back by themselves."""
        return self.queue.startswith(names.RETRIES)

    @property
    def alone(self) -> bool:
        """Somebody should be taking from it, and nobody is."""
        return self.consumers == 0 and not self.retry and not self.queue.endswith((DEAD, ".discarded"))


@dataclass(frozen=True)
class Overview:
    """Everything, at one moment."""

    at: datetime
    processes: tuple[ProcessState, ...]
    lags: tuple[LagState, ...]
    queues: tuple[QueueState, ...]  # of all that there are
    dead_letters: Mapping[str, int]  # by service
    unknown: tuple[str, ...]  # what could not be asked, in Chinese

    @property
    def well(self) -> bool:
        """Whether there is nothing an operator must see to."""
        working = bool(self.processes) and all(False not in (p.running, p.alive, p.ready) for p in self.processes)
        followed = not any(one.late for one in self.lags)
        taken = not any(q.alone and q.messages for q in self.queues)
        return working and followed and taken and not self.unknown and not any(self.dead_letters.values())


def collect(settings: Settings, env: Mapping[str, str] | None = None) -> Overview:
    """Ask everybody; takes as long as the slowest answer, at most some seconds."""
    unknown: list[str] = []

    def tried(what: str, ask: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return ask()
        except (LogUnavailable, Unavailable) as error:
            unknown.append(f"{what}：{getattr(error, 'message', '') or f'事件日志没有答复（{error}）'}")
        except Exception as error:
            unknown.append(f"{what}：{type(error).__name__}")
        return otherwise

    # In this thread: the doors bring in eventlet, which makes a second copy of ``threading``, and that takes the thread it is made in for
    # the main one. A thread of the pool could never be joined again.
    queue_names = tried("队列的名称", lambda: _queue_names(settings), ())
    with ThreadPoolExecutor(4, thread_name_prefix="ops") as pool:
        processes = pool.submit(tried, "进程", lambda: processes_of(settings, os.environ if env is None else env), ())
        queues = pool.submit(_queues, settings, queue_names, tried)
        lags = pool.submit(_lags, settings, tried)
        asked = queues.result()
        dead = {q.queue.removesuffix(DEAD): q.messages for q in asked if q.queue.endswith(DEAD)}
        return Overview(datetime.now(SHANGHAI), processes.result(), lags.result(), asked, dead, tuple(unknown))


# ---- processes ---------------------------------------------------------------------------------------------------------


def processes_of(settings: Settings, env: Mapping[str, str]) -> tuple[ProcessState, ...]:
    """Every process that is known of, those in the order of the supervisor first."""
    told = _json(run_file(settings.var))
    doors = {str(d["process"]): d for d in (_json(f) for f in sorted((settings.var / "run").glob("*.metrics.json"))) if "process" in d}
    supervised = [name.removeprefix("pid.") for name in told if name.startswith("pid.")]
    targets = _targets(env.get("MINZHENG_TARGETS", ""))
    known = list(dict.fromkeys([*supervised, *doors, *targets]))

    def one(name: str) -> ProcessState:
        door = doors.get(name, {})
        born = told.get(f"born.{name}") if f"pid.{name}" in told else door.get("born")
        pid = int(told.get(f"pid.{name}") or door.get("pid") or 0) or None
        running = _runs(pid, born) if pid is not None else None
        # A server with several processes (the portal) is told of by one of them, whose number is not the server's.
        answers = bool(door) and _runs(int(door["pid"]), door.get("born"))
        address = targets.get(name) or (f"http://{_host(str(door['host']))}:{door['port']}" if answers else "")
        alive, live_why = _probe(f"{address}/healthz") if address else (None, "")
        ready, ready_why = _probe(f"{address}/readyz") if address else (None, "")
        return ProcessState(
            name=name,
            pid=pid,
            running=running,
            alive=alive,
            ready=ready,
            why=live_why or ready_why or ("没有运行" if running is False else ""),
            restarts=int(told[f"restarts.{name}"]) if f"restarts.{name}" in told else None,
            since=_since(pid) if running else "",
            memory=_memory(pid) if running else None,
            address=address,
        )

    if not known:
        return ()
    with ThreadPoolExecutor(min(len(known), 8), thread_name_prefix="probe") as pool:
        return tuple(pool.map(one, known))


def _targets(text: str) -> dict[str, str]:
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, address = part.partition("=")
        if not address.startswith(("http://", "https://")):
            raise ConfigError("MINZHENG_TARGETS 的形式是 名称=http://主机:端口，以逗号分隔。")
        found[name] = address.rstrip("/")
    return found


def _json(file: Any) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _host(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _runs(pid: int, born: Any) -> bool:
    """Whether the very process runs that said this of itself: its number may have been given to another one meanwhile."""
    found = birth(pid)
    return bool(found) and (not born or found == born)


def _since(pid: int | None) -> str:
    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), SHANGHAI).isoformat(timespec="seconds")
    except psutil.Error:
        return ""


def _memory(pid: int | None) -> int | None:
    """Of a process and its children (the portal has several, the broker's node as well)."""
    try:
        process = psutil.Process(pid)
        return sum(int(p.memory_info().rss) for p in (process, *process.children(recursive=True)))
    except psutil.Error:
        return None


def _probe(url: str) -> tuple[bool, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - an address of our own
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        with error:
            return False, error.read(2000).decode(errors="replace").strip().replace("\n", "；")
    except OSError as error:
        return False, f"没有答复（{type(error).__name__}）"


# ---- lags and queues ---------------------------------------------------------------------------------------------------


def _lags(settings: Settings, tried: Callable[[str, Callable[[], Any], Any], Any]) -> tuple[LagState, ...]:
    log = Log(settings.eventstore_uri, timeout=PATIENCE)

    def projection(service: str) -> lag.Lag:
        engine = engine_for(settings, service)
        try:
            return lag.of_projection(log, engine, service, OF_THE_TREE if service in WHOLE else of_service(service))
        finally:
            engine.dispose()

    def seal() -> lag.Lag:
        engine = engine_for(settings, "integrity")
        try:
            return lag.of_seal(log, engine)
        finally:
            engine.dispose()

    questions: list[tuple[str, str, Callable[[], lag.Lag]]] = [("relay", "转发", lambda: lag.of_relay(log, RELAY))]
    questions += [(f"projection {s}", f"投影 {s}", lambda s=s: projection(s)) for s in (*discovery.services(), *sorted(WHOLE))]  # type: ignore[misc]
    questions.append(("seal", "封存", seal))
    found = []
    try:
        for follower, about, ask in questions:
            behind = tried(f"{about}滞后", ask, None)
            if behind is not None:
                found.append(LagState(follower, about, behind.positions, behind.seconds))
    finally:
        log.close()
    return tuple(found)


def _queue_names(settings: Settings) -> tuple[str, ...]:
    from shared.messaging import queues

    return tuple(queue for service in discovery.services() for queue in queues.of_service(service)) + queues.of_retries(settings)


def _queues(settings: Settings, of: tuple[str, ...], tried: Callable[[str, Callable[[], Any], Any], Any]) -> tuple[QueueState, ...]:
    """Of all queues; dead letters are counted while nobody has them in hand, else they would seem to be gone."""
    from shared.messaging.queues import depths

    dead = [name for name in of if name.endswith(DEAD)]
    others = tried("队列", lambda: depths(settings.amqp_uri, [name for name in of if name not in dead]), None)
    if others is None:
        return ()  # nor can the dead letters be asked for
    letters = tried("死信", lambda: depths(settings.amqp_uri, dead, alone=PATIENCE), ())
    return tuple(QueueState(d.queue, d.messages, d.consumers) for d in (*others, *letters))
