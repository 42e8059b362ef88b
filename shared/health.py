"""Whether a process lives and can work (存活与就绪), and the small HTTP server that tells: ``/healthz``, ``/readyz``, ``/metrics``.

**Alive** is not that this server answers, but that the loop which does the work still turns: each loop beats (``beat``), and a heart that
was silent for longer than its limit is what ``/healthz`` reports. **Ready** is that the process has begun its work (``mark``) and can
reach what it needs now: every check (``check``) is asked anew.

The server runs on native threads with sockets of its own: in a worker, where eventlet has put green ones into the standard library, the
hub never serves a scrape, and a hub that is stuck does not keep anybody from learning of it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from shared import metrics
from shared.process import birth

THREADS = 3  # one scrape that waits for a log that is away must not keep a probe waiting
PATIENCE = 5.0  # seconds for a caller to say what he wants, and to take the answer
PAUSE = 0.2  # seconds after a caller could not be accepted
LIMIT = 30.0  # seconds without a beat after which a loop counts as stuck
TEXT = "text/plain; charset=utf-8"
Check = Callable[[], str]  # "" when all is well, else what is wrong, in Chinese
Answer = tuple[int, str, bytes]


class Health:
    """The hearts and checks of one process."""

    def __init__(self) -> None:
        self.limit = LIMIT
        self._hearts: dict[str, tuple[float, float]] = {}  # name -> (last beat, its own limit or 0)
        self._checks: dict[str, Check] = {}
        self._marked = False

    def beat(self, heart: str, limit: float = 0.0) -> None:
        """The loop turns. ``limit``: seconds that the next turn may take, when it is known to be a long one."""
        self._hearts[heart] = (time.monotonic(), limit)

    def forget(self, heart: str) -> None:
        """This loop has ended, and was meant to."""
        self._hearts.pop(heart, None)

    def check(self, name: str, check: Check) -> None:
        self._checks[name] = check

    def mark(self) -> None:
        """The process has begun its work."""
        self._marked = True

    def stuck(self) -> list[str]:
        """Which loops do not turn."""
        now = time.monotonic()
        return [heart for heart, (last, limit) in list(self._hearts.items()) if now - last > max(self.limit, limit)]

    def unready(self) -> list[str]:
        """Why the process cannot work now; [] when it can."""
        wrong = [] if self._marked else ["启动尚未完成"]
        for name, check in list(self._checks.items()):
            try:
                said = check()
            except Exception as error:
                said = f"无法检查（{type(error).__name__}）"
            if said:
                wrong.append(f"{name}：{said}")
        return wrong + [f"{heart} 停住了" for heart in self.stuck()]

    def values(self) -> Iterable[metrics.Value]:
        yield metrics.ALIVE, (), float(not self.stuck())
        yield metrics.READY, (), float(not self.unready())


HEALTH = Health()
beat = HEALTH.beat


def answer(path: str, accept: str = "") -> Answer:
    """(status, content type, body) of one of the three paths; for the server below, and for the portal to mount."""
    path = path.partition("?")[0]
    if path == "/healthz":
        stuck = HEALTH.stuck()
        return (200, TEXT, b"ok\n") if not stuck else (503, TEXT, f"停住：{'、'.join(stuck)}\n".encode())
    if path == "/readyz":
        wrong = HEALTH.unready()
        return (200, TEXT, b"ok\n") if not wrong else (503, TEXT, ("\n".join(wrong) + "\n").encode())
    if path == "/metrics":
        from prometheus_client import REGISTRY, CollectorRegistry
        from prometheus_client.exposition import choose_encoder
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = REGISTRY
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # several workers under one server (the portal): their sum, from their files
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            registry.register(metrics.questions)
        encode, content_type = choose_encoder(accept)
        return 200, content_type, encode(registry)
    return 404, TEXT, "没有此页。\n".encode()


def metrics_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The three paths as a WSGI application, for a process that has an HTTP server already (the portal)."""
    status, content_type, body = answer(str(environ.get("PATH_INFO") or "/"), str(environ.get("HTTP_ACCEPT") or ""))
    said = {200: "200 OK", 404: "404 Not Found", 503: "503 Service Unavailable"}[status]
    start_response(said, [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
    return [body]


class _Handler(BaseHTTPRequestHandler):
    """One request on a connection that is closed after it."""

    timeout = PATIENCE
    server_version, sys_version = "minzheng", ""

    def do_GET(self) -> None:
        status, content_type, body = answer(self.path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        """A scrape every few seconds is no news."""


def _sockets() -> Any:
    """The socket module with native sockets."""
    if "eventlet" in sys.modules:
        from eventlet import patcher

        return patcher.original("socket")
    import socket

    return socket


class Door:
    """The HTTP server of one process; ``port`` is the one it found when none was given."""

    def __init__(self, host: str, port: int) -> None:
        family = _sockets().AF_INET6 if ":" in host else _sockets().AF_INET
        self._socket = _sockets().create_server((host, port), family=family, backlog=32)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._closing = threading.Event()
        for n in range(THREADS):
            threading.Thread(target=self._serve, name=f"metrics-{n}", daemon=True).start()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, address = self._socket.accept()
            except OSError:  # closed; or no file is left, or the caller has gone again: that passes
                self._closing.wait(PAUSE)
                continue
            try:
                _Handler(connection, address, None)  # type: ignore[arg-type]
            except Exception:  # a caller that hangs up early is nobody's trouble
                pass
            finally:
                connection.close()

    def close(self) -> None:
        self._closing.set()
        try:
            self._socket.shutdown(_sockets().SHUT_RDWR)  # wakes the threads that wait for a caller
        except OSError:
            pass
        self._socket.close()


def announce(var: Path, process: str, host: str, port: int) -> Path:
    """Say in ``var/run/<process>.metrics.json`` which process this is and where it is to be asked; the file to take away at the end."""
    file = var / "run" / f"{process}.metrics.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {"process": process, "pid": os.getpid(), "born": birth(os.getpid()), "host": host, "port": port}
    new = file.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(told, ensure_ascii=False))
    new.replace(file)
    return file
