"""The local runner (守护者): every process of the house on one machine, started in order, watched, stopped in order.

``House`` starts what :data:`shared.cli.processes.PROCESSES` declares, except what the environment says somebody else runs
(``EVENTSTORE_URI``, ``AMQP_URI``). It tells the children everything by environment, and other commands by ``var/run.json``.

However it ends, nothing stays behind: Ctrl-C stops in reverse order within a limit; after ``kill -9`` of the supervisor
the kernel kills the children (:mod:`shared.tether`). A second ``up`` on the same ``var`` is refused by a lock that the
kernel frees with its holder, so a crash leaves nothing that has to be cleaned up by hand.
"""
from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared import process
from shared.cli.processes import PROCESSES, Process, Ready
from shared.cli.ready import READY_FILE
from shared.config import ROOT, Settings, load, run_file
from shared.messaging.node import BrokerError, BrokerNode, ensure_definitions, external_notice
from shared.observing import LOG_FORMAT, METRICS_PORT, PROCESS

START_LIMIT = 180.0  # seconds for one process to become ready: one that dies is noticed at once, a busy machine only makes it late
STOP_LIMIT = 25.0  # seconds for the processes of one wave to stop by themselves; a worker takes up to 20 to finish what it has begun
CALM = 60.0  # a process that has run this long is well again: its back-off starts anew
BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each next restart


class HouseError(Exception):
    """The house cannot be started; the message is in Chinese and says why and what to do."""


@dataclass(frozen=True)
class Running:
    """What one can know of a process from outside."""

    name: str
    about: str
    pid: int | None
    alive: bool
    restarts: int
    log: Path


class Child(Protocol):
    """A process the supervisor can start and stop; BrokerNode is one as well."""

    @property
    def pid(self) -> int | None: ...
    def alive(self) -> bool: ...
    def launch(self) -> None: ...
    def ready(self) -> bool: ...
    def kill9(self) -> None: ...
    def ask_to_stop(self) -> None: ...
    def stop(self, limit: float) -> bool: ...


class Command:
    """A child that is a command of our own command line: ``python -m shared.cli …``."""

    def __init__(self, declared: Process, argv: Sequence[str], env: dict[str, str], var: Path, port: int) -> None:
        self._declared, self._argv, self._port = declared, argv, port
        self._log = var / "log" / f"{declared.name}.log"
        self._ready_file = var / "run" / f"{declared.name}.ready"
        self._env = env  # the house's own dict, read at each launch: it learns the engines' addresses as they come up
        self._running: process.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running is not None else None

    def alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def launch(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        own = {READY_FILE: str(self._ready_file), PROCESS: self._declared.name}
        self._running = process.spawn(self._argv, log=self._log, env=self._env | own, cwd=ROOT)

    def ready(self) -> bool:
        if not self.alive():
            return False
        return answers_grpc(self._port) if self._declared.ready is Ready.GRPC else self._ready_file.exists()

    def kill9(self) -> None:
        if self._running is not None:
            process.kill(self._running)

    def ask_to_stop(self) -> None:
        if self._running is not None:
            process.terminate(self._running)

    def stop(self, limit: float) -> bool:
        self.ask_to_stop()
        willing = self._running is None or process.finish(self._running, limit)
        self._ready_file.unlink(missing_ok=True)
        return willing


class Watched:
    """A child with what the watchdog remembers of it. ``lock`` is held by whoever starts or stops it."""

    def __init__(self, declared: Process, child: Child) -> None:
        self.declared, self.child = declared, child
        self.lock = threading.RLock()
        self.wanted = False  # it should be running; a child that is not and should be is restarted
        self.failures = 0
        self.restarts = 0
        self.since = 0.0
        self.due: float | None = None  # when to restart it

    @property
    def label(self) -> str:
        return f"{self.declared.about}（{self.declared.name}）"

    def launch(self) -> None:
        self.child.launch()
        self.wanted, self.since, self.due = True, time.monotonic(), None


class House:
    """All processes, as one object: a context manager for tests, the body of ``up`` and ``demo`` for people."""

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        log_port: int | None = None,
        amqp_port: int | None = None,
        clock: bool = False,
        restarts: bool = True,
        only: Collection[str] | None = None,
        declared: Sequence[Process] = PROCESSES,
        program: Sequence[str] = (sys.executable, "-P", "-m", "shared.cli"),
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """``clock``: use a business clock that can be moved; ``restarts``: start again what dies; ``only``: these processes.

        ``declared`` and ``program`` are what it runs and how; the tests of this class run something quicker.
        """
        self._env = dict(os.environ if env is None else env)
        self._var = Path(self._env.get("MINZHENG_VAR") or ROOT / "var").resolve()
        self._log_port, self._amqp_port = log_port, amqp_port
        self._clock, self._restarts, self._only, self._say = clock, restarts, only, say
        self._declared, self._program = declared, program
        self._watched: dict[str, Watched] = {}
        self._child_env: dict[str, str] = {}
        self._lock: int | None = None
        self._stopping = threading.Event()
        self._watchdog: threading.Thread | None = None
        self.settings = Settings(var=self._var)  # complete once the house is started

    # ---- what a caller asks ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and return when all of it is ready; if one cannot start, none is left running."""
        self._take_lock()
        try:
            self._stopping.clear()
            run_file(self._var).unlink(missing_ok=True)  # a crash may have left one: what it says is no longer true
            self._prepare()
            self._start_in_order()
            self._write_run_file()
            if self._restarts:
                self._watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._watchdog.start()
        except BaseException:
            self.stop(limit=3.0)  # a node that is still booting does not listen, and has nothing to lose
            raise

    def empty(self) -> None:
        """Begin with nothing (demos): take away what an earlier run left, unless one is still running there."""
        self._take_lock()
        try:
            for left in self._var.iterdir():
                if left.name != "run":
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            (self._var / "run" / "clock").unlink(missing_ok=True)
        finally:
            assert self._lock is not None
            os.close(self._lock)
            self._lock = None

    def stop(self, limit: float = STOP_LIMIT) -> None:
        """Stop everything in reverse order; each wave has ``limit`` seconds, then it is killed. Harmless when nothing runs."""
        if self._lock is None:
            return
        self._stopping.set()
        if self._watchdog is not None and self._watchdog is not threading.current_thread():
            self._watchdog.join()
        self._watchdog = None
        run_file(self._var).unlink(missing_ok=True)
        while self._watched:
            needed = {need for watched in self._watched.values() for need in watched.declared.needs}
            wave = {name: watched for name, watched in self._watched.items() if name not in needed}
            self._stop_wave(list(wave.values()), limit)
            self._watched = {name: watched for name, watched in self._watched.items() if name in needed}
        os.close(self._lock)
        self._lock = None

    def restart(self, name: str) -> None:
        """Stop a process if it runs, start it, and wait until it is ready."""
        watched = self._watched[name]
        with watched.lock:
            watched.wanted = False
            watched.child.stop(STOP_LIMIT)
            watched.launch()
            watched.restarts += 1
            self._await_ready(watched)
        self._write_run_file()

    def kill9(self, name: str) -> None:
        """Kill a process as a power cut would. With ``restarts`` it comes back by itself; without, ask for ``restart``."""
        watched = self._watched[name]
        with watched.lock:
            watched.child.kill9()

    def wait_ready(self, name: str, limit: float = START_LIMIT) -> bool:
        """Wait until a process (again) does its work, e.g. after ``kill9``."""
        return process.wait_until(self._watched[name].child.ready, limit)

    def processes(self) -> dict[str, Running]:
        """What runs, by name."""
        return {
            name: Running(name, w.declared.about, w.child.pid, w.child.alive(), w.restarts, self._var / "log" / f"{name}.log")
            for name, w in self._watched.items()
        }

    @property
    def child_env(self) -> dict[str, str]:
        """The environment that the children have; for a process of one's own that should see the same house."""
        return dict(self._child_env)

    def __enter__(self) -> House:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- starting ----------------------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        if self._lock is not None:
            raise HouseError("已经启动过了。")
        (self._var / "run").mkdir(parents=True, exist_ok=True)
        lock = os.open(self._var / "run" / "house.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode() or "?"
            os.close(lock)
            raise HouseError(
                f"{self._var} 已有一套进程在运行（进程号 {holder}）。"
                f"请先停止它（Ctrl-C 或 kill {holder}），或用环境变量 MINZHENG_VAR 指定另一个目录。"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _prepare(self) -> None:
        """Find ports, make the children's environment, and the children (not yet started)."""
        env = dict(self._env)
        env["MINZHENG_VAR"] = str(self._var)
        env["PYTHONPATH"] = str(ROOT) + (f":{env['PYTHONPATH']}" if env.get("PYTHONPATH") else "")
        env["PYTHONUTF8"] = "1"
        env["PYTHONUNBUFFERED"] = "1"
        env.pop(READY_FILE, None)
        if env.get(METRICS_PORT) != "off":
            env.pop(METRICS_PORT, None)  # one port is not enough for all: each finds one, and says so in var/run
        env.setdefault(LOG_FORMAT, "json")
        if self._clock:
            env.setdefault("MINZHENG_CLOCK_FILE", str(self._var / "run" / "clock"))
        self._watched = {}
        self._child_env = env
        load(env)  # refuses wrong settings before anything runs
        log_port = self._port(self._log_port, "MINZHENG_LOG_PORT")
        for declared in self._ours():
            child: Child
            if declared.name == "broker":
                child = BrokerNode(self._var, self._port(self._amqp_port, "MINZHENG_AMQP_PORT", find=False) or None, env)
            else:
                argv = [*self._program, *(part.format(log_port=log_port, var=self._var) for part in declared.argv)]
                child = Command(declared, argv, env, self._var, log_port)
            self._watched[declared.name] = Watched(declared, child)
        if "eventlog" in self._watched:
            env["EVENTSTORE_URI"] = f"esdb://127.0.0.1:{log_port}?Tls=false"
            env["EVENTSTORE_DATA"] = str(self._var / "eventlog")
        if "portal" in self._watched:
            env["MINZHENG_PORTAL_PORT"] = str(self._port(None, "MINZHENG_PORTAL_PORT"))
        if env.get("AMQP_URI"):
            ensure_definitions(env["AMQP_URI"])
            self._say(external_notice())

    def _ours(self) -> list[Process]:
        """What we start: all that is declared, without what the environment says somebody else runs."""
        chosen = [p for p in self._declared if self._only is None or p.name in self._only]
        return [p for p in chosen if not (p.instead and self._env.get(p.instead))]

    def _port(self, given: int | None, variable: str, *, find: bool = True) -> int:
        asked = given or int(self._env.get(variable) or 0)
        if asked and process.accepts(asked):
            raise HouseError(f"端口 {asked} 已被占用，请换一个，或不指定端口（自动寻找空闲端口）。")
        return asked or (process.free_port() if find else 0)

    def _start_in_order(self) -> None:
        """Start each process as soon as all that it needs is ready; those that need nothing start side by side."""
        waiting = dict(self._watched)
        starting: dict[str, Watched] = {}
        done: set[str] = set()
        while waiting or starting:
            for name in [n for n, w in waiting.items() if all(need in done or need not in self._watched for need in w.declared.needs)]:
                watched = starting[name] = waiting.pop(name)
                self._say(f"启动 {watched.declared.about}（{name}）……")
                watched.launch()
            for name, watched in list(starting.items()):
                if self._became_ready(watched):
                    del starting[name]
                    done.add(name)
                    self._publish(watched)
            time.sleep(0.05)

    def _became_ready(self, watched: Watched) -> bool:
        """Whether it is ready; raises when it has died or takes too long."""
        if watched.child.ready():
            return True
        if not watched.child.alive():
            raise self._failed(watched, "启动失败")
        if time.monotonic() - watched.since > START_LIMIT:
            raise self._failed(watched, f"在 {START_LIMIT:.0f} 秒内没有就绪")
        return False

    def _failed(self, watched: Watched, what: str) -> HouseError:
        log = self._var / "log" / f"{watched.declared.name}.log"
        return HouseError(f"{watched.label}{what}。日志 {log} 的最后几行：\n{process.tail(log)}")

    def _await_ready(self, watched: Watched) -> None:
        while not self._became_ready(watched):
            time.sleep(0.05)

    def _publish(self, watched: Watched) -> None:
        """Tell later children where an engine is; its port is known only when it runs."""
        if isinstance(watched.child, BrokerNode):
            self._child_env["AMQP_URI"] = watched.child.uri

    def _write_run_file(self) -> None:
        """Say in var/run.json what runs and where, for every other command on this machine; readable by us alone."""
        names = ("EVENTSTORE_URI", "EVENTSTORE_DATA", "AMQP_URI", "MINZHENG_CLOCK_FILE", "MINZHENG_PORTAL_PORT", "MINZHENG_DEV_LOGIN")
        told = {name: self._child_env[name] for name in names if self._child_env.get(name)}
        for name, running in self.processes().items():
            told |= {f"pid.{name}": str(running.pid), f"born.{name}": process.birth(running.pid or 0)}
            told |= {f"restarts.{name}": str(running.restarts)}
        told["pid"] = str(os.getpid())
        file = run_file(self._var)
        new = file.with_suffix(f".{os.getpid()}.new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(told, ensure_ascii=False, indent=2))
        os.replace(new, file)
        self.settings = load(self._child_env)

    # ---- watching and stopping ---------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping.wait(0.2):
            for watched in list(self._watched.values()):
                if watched.lock.acquire(blocking=False):  # else somebody is restarting it just now
                    try:
                        self._look_after(watched)
                    except Exception as error:  # a full disk, say: whoever restarts the others must not end of it
                        self._say(f"{watched.label}的看护出错（{type(error).__name__}），继续。")
                    finally:
                        watched.lock.release()

    def _look_after(self, watched: Watched) -> None:
        now = time.monotonic()
        if not watched.wanted or watched.child.alive():
            return
        if watched.due is None:
            watched.failures = 1 if now - watched.since > CALM else watched.failures + 1
            delay = BACK_OFF[min(watched.failures, len(BACK_OFF)) - 1]
            watched.due = now + delay
            log = self._var / "log" / f"{watched.declared.name}.log"
            self._say(f"{watched.label}意外退出，{delay:g} 秒后重新启动。日志：{log}")
        elif now >= watched.due:
            try:
                watched.launch()
            except (OSError, BrokerError) as error:
                watched.since, watched.due = now, None  # it counts as one more failure
                self._say(f"{watched.label}无法启动：{error}")
                return
            watched.restarts += 1
            self._write_run_file()
            self._say(f"{watched.label}已重新启动（第 {watched.restarts} 次）。")

    def _stop_wave(self, wave: list[Watched], limit: float) -> None:
        deadline = time.monotonic() + limit
        for watched in wave:
            watched.wanted = False
            watched.child.ask_to_stop()
        for watched in wave:
            with watched.lock:
                if not watched.child.stop(deadline - time.monotonic()):
                    self._say(f"{watched.label}没有按时停止，已强行结束。")


def answers_grpc(port: int) -> bool:
    """Whether a gRPC server answers on this port; any answer will do, an error of its own as well."""
    if not process.accepts(port):
        return False
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = channel.unary_unary("/event_store.client.gossip.Gossip/Read", lambda _: b"", lambda answer: answer)
        try:
            ask(None, timeout=2)
        except grpc.RpcError as error:
            return error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    return True
