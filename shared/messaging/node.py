"""A private RabbitMQ node in ``var/rabbitmq`` (私有消息总线节点).

It shares nothing with a RabbitMQ that the machine may run already, nor with the node of a second clone: its own data,
cookie, configuration and ports, its own epmd (Erlang's name server) on a port of its own, everything on the loopback.
Debian's /usr/sbin/rabbitmq-server changes to the system's ``rabbitmq`` user and data; the script below it does not, so
that one is called, as whoever we are. Both processes are children in the foreground and die with us.

A node that is killed and started again has its durable queues and what is in them.
"""
from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from shared import process
from shared.config import ROOT
from shared.messaging.definitions import (
    HOUSE_USER,
    VHOST,
    agency_uri,
    ensure_definitions,
    external_notice,
    local_passwords,
    render_definitions,
    uri,
)

__all__ = [  # noqa: RUF022 - the node first, then what is passed on from definitions
    "QUEUE_SETTLES", "BrokerError", "BrokerNode", "find_server",
    "agency_uri", "ensure_definitions", "external_notice", "render_definitions",
]

BOOT_LIMIT = 180.0  # seconds; a boot takes about four on a small machine, many times that on one that has much else to do
STOP_LIMIT = 20.0
# RabbitMQ writes a new quorum queue's place on disk down only up to a second after it has confirmed the declaration.
# Killed before that, it forgets the queue's messages and the queue never finds a leader again (measured on 3.10; later
# versions keep the same table). Who declares a queue must wait this long before anything relies on it.
QUEUE_SETTLES = 1.5
LOCK_WAIT = 5.0  # for a node that is just dying to let go of its data


class BrokerError(Exception):
    """The node cannot be started; the message is in Chinese and says why."""


def find_server(env: Mapping[str, str] | None = None) -> Path:
    """The server's own start script, below the distribution's wrapper."""
    env = os.environ if env is None else env
    candidates = [Path(env["MINZHENG_RABBITMQ_SERVER"])] if env.get("MINZHENG_RABBITMQ_SERVER") else []
    candidates += [Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), *sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))]
    on_path = shutil.which("rabbitmq-server", path=f"{env.get('PATH', os.defpath)}:/usr/sbin")
    candidates += [Path(on_path)] if on_path else []
    for candidate in candidates:
        real = candidate.resolve()
        if os.access(real, os.X_OK) and real.with_name("rabbitmq-env").exists():  # the wrapper has no rabbitmq-env beside it
            return real
    raise BrokerError("本机没有 RabbitMQ。请安装：apt-get install -y rabbitmq-server；或设置 AMQP_URI，使用现成的消息总线。")


def _find_epmd() -> str:
    found = shutil.which("epmd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/bin:/usr/lib/erlang/bin:/usr/local/lib/erlang/bin")
    if not found:
        raise BrokerError("找不到 Erlang 的 epmd 程序。请重新安装 rabbitmq-server 及其依赖 erlang-base。")
    return found


class BrokerNode:
    """The node as an object; ``port`` stays the same over restarts, so that clients find it again."""

    def __init__(self, var: Path, port: int | None = None, env: Mapping[str, str] | None = None) -> None:
        self._var = var
        self._home = var / "rabbitmq"
        self._env = os.environ if env is None else env
        self._asked_port = port
        self._log = var / "log" / "broker.log"
        self._beam: process.Process | None = None
        self._epmd: process.Process | None = None
        self._epmd_port = 0
        self._passwords: dict[str, str] = {}
        self.port = port or 0

    # ---- what a caller asks ------------------------------------------------------------------------------------

    @property
    def uri(self) -> str:
        """The AMQP URI of the house's own user."""
        return uri(HOUSE_USER, self._passwords[HOUSE_USER], f"127.0.0.1:{self.port}", VHOST)

    @property
    def pid(self) -> int | None:
        return self._beam.pid if self._beam is not None else None

    def alive(self) -> bool:
        return self._beam is not None and self._beam.poll() is None

    def start(self) -> str:
        """Start the node, wait until one can log in, answer the AMQP URI of user minzheng."""
        deadline = time.monotonic() + BOOT_LIMIT
        attempts = 3
        self.launch()
        while not self.ready():
            if not self.alive():
                attempts -= 1
                if self._asked_port or not attempts or "eaddrinuse" not in process.tail(self._log, 60):
                    raise self._failed("消息总线启动后退出")
                self.port = 0  # somebody took the port between our look and the node's; look again
                self.launch()
            if time.monotonic() > deadline:
                raise self._failed(f"消息总线在 {BOOT_LIMIT:.0f} 秒内没有就绪")
            time.sleep(0.1)
        return self.uri

    def launch(self) -> None:
        """Start the processes without waiting; :meth:`ready` tells when the node can be used."""
        if self.alive():
            return
        server = find_server(self._env)
        self._passwords = local_passwords(self._var, self._env)
        self.port = self.port or process.free_port()
        lock = self._locked()
        try:
            epmd_port = self._run_epmd()
            self._configure()
            # The node inherits the lock, so that it is free only when the node is really gone, whatever became of us.
            self._beam = process.spawn([str(server)], log=self._log, env=self._environment(epmd_port), cwd=self._home, pass_fds=[lock])
        finally:
            os.close(lock)

    def ready(self) -> bool:
        """Whether our own user can log in, which also proves that it is our node that answers."""
        return self.alive() and process.accepts(self.port) and can_log_in(self.uri)

    def kill9(self) -> None:
        """Kill the node as a power cut would; epmd, which holds no data, stays for the restart."""
        if self._beam is not None:
            process.kill(self._beam)

    def ask_to_stop(self) -> None:
        if self._beam is not None:
            process.terminate(self._beam)

    def stop(self, limit: float = STOP_LIMIT) -> bool:
        """Stop in good order within the limit, else kill; no process is left. True if it stopped by itself."""
        willing = True
        if self._beam is not None:
            if not self.ready():  # still booting, it hears no signal, and has nothing yet that killing could harm
                limit = min(limit, 2.0)
            self.ask_to_stop()
            willing = process.finish(self._beam, limit)
        if self._epmd is not None:
            process.kill(self._epmd)
        self._beam = self._epmd = None
        return willing

    def restart(self) -> str:
        self.stop()
        return self.start()

    def __enter__(self) -> BrokerNode:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- how it is done ----------------------------------------------------------------------------------------

    def _failed(self, what: str) -> BrokerError:
        self.stop(limit=5)
        return BrokerError(f"{what}。日志 {self._log} 的最后几行：\n{process.tail(self._log)}")

    def _locked(self) -> int:
        """A lock on the data, or BrokerError."""
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.1)
        os.close(lock)
        raise BrokerError(f"{self._home} 正被另一个消息总线节点使用。同一数据目录只能运行一个节点，请先停止它。")

    def _run_epmd(self) -> int:
        if self._epmd is not None and self._epmd.poll() is None:
            return self._epmd_port
        for _ in range(5):
            port = process.free_port()
            epmd = process.spawn([_find_epmd(), "-port", str(port), "-address", "127.0.0.1"], log=self._log, env={"PATH": os.defpath})
            for _ in range(500):
                if epmd.poll() is not None or process.accepts(port):
                    break
                time.sleep(0.01)
            if epmd.poll() is None:
                self._epmd, self._epmd_port = epmd, port
                return port
        raise self._failed("epmd 无法启动")

    def _configure(self) -> None:
        """Write what the node reads. The path in it is relative to the node's directory: one with spaces or 汉字 must not matter."""
        _write(self._home / "definitions.json", render_definitions(self._passwords))
        _write(self._home / "enabled_plugins", "[].\n")  # no management plugin, nothing else that listens
        _write(self._home / "advanced.config", (ROOT / "deploy/rabbitmq/advanced.config").read_text(encoding="utf-8"))
        _write(self._home / "rabbitmq-env.conf", "")  # so that the machine's own is not read
        _write(self._home / "rabbitmq.conf", "\n".join([
            f"listeners.tcp.1 = 127.0.0.1:{self.port}",
            "load_definitions = definitions.json",
            "log.file = false",
            "log.console = true",
            "log.console.level = info",
            "log.connection.level = warning",
            "raft.wal_max_size_bytes = 64000000",  # less to read again after a kill
            "vm_memory_high_watermark.relative = 0.3",
            "disk_free_limit.absolute = 200MB",
            "",
        ]))

    def _environment(self, epmd_port: int) -> dict[str, str]:
        """The node's environment: nothing that the user has set for another RabbitMQ or Erlang gets through."""
        home = f"{self._home}/"
        if not home.isascii() or " " in home:  # RabbitMQ cannot log, nor measure the free space of, such a directory by its name
            home = "/proc/self/cwd/"
        kept = {k: v for k, v in self._env.items() if k in ("PATH", "TZ", "TMPDIR")}
        return {
            "PATH": os.defpath, **kept,
            "HOME": home,  # where the Erlang cookie is
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_LOG": "-color",
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "minzheng@localhost",  # known to our own epmd only, so it cannot clash
            "RABBITMQ_DIST_PORT": str(process.free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +B i",
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",  # several nodes on one machine must not sit on the same core
            "RABBITMQ_ALLOW_INPUT": "1",  # makes the script become the node instead of minding it
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_CONF_ENV_FILE": home + "rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": home + "rabbitmq.conf",
            "RABBITMQ_CONFIG_FILES": home + "conf.d",
            "RABBITMQ_ADVANCED_CONFIG_FILE": home + "advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": home + "enabled_plugins",
            "RABBITMQ_MNESIA_BASE": home + "mnesia",
            "RABBITMQ_MNESIA_DIR": home + "mnesia/node",
            "RABBITMQ_FEATURE_FLAGS_FILE": home + "mnesia/feature_flags",
            "RABBITMQ_PLUGINS_EXPAND_DIR": home + "plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": home + "config",
            "RABBITMQ_SCHEMA_DIR": home + "schema",
            "RABBITMQ_LOG_BASE": home + "log",
            "RABBITMQ_PID_FILE": home + "node.pid",
        }


def can_log_in(amqp_uri: str) -> bool:
    """Whether the broker lets this user in, right now; never raises and never writes to the log."""
    from urllib.parse import unquote, urlsplit

    from amqp import Connection
    from amqp.exceptions import AMQPError

    parts = urlsplit(amqp_uri)
    connection = Connection(
        host=f"{parts.hostname}:{parts.port or 5672}", userid=unquote(parts.username or ""), password=unquote(parts.password or ""),
        virtual_host=unquote(parts.path.removeprefix("/")), connect_timeout=2, read_timeout=3, write_timeout=3,
    )
    try:
        connection.connect()
        connection.close()
    except (AMQPError, OSError):
        connection.collect()
        return False
    return True


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)


