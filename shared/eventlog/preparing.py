"""A moment that takes long is made ready by a process of its own (后台准备): ``minzheng past``, which lets everybody else go first.

Started from a native thread of a worker, where the standard library's ``subprocess`` is eventlet's: by ``posix_spawn`` therefore, which is
the C library's. It dies with the worker (shared/tether.py); whoever asks next goes on from what it has done.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import datetime

from shared.config import ROOT, Settings
from shared.process import LOG_LIMIT, TETHER


class Preparing:
    """At most one such process of a service for each process that asks; they take turns among themselves."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings, self._service = settings, service
        self._child = 0
        self._lock = threading.Lock()

    def begin(self, moment: datetime) -> bool:
        """Start one, unless one is at work; what waits meanwhile is begun when it is asked for again."""
        with self._lock:
            if self.running:
                return False
            s = self._settings
            env = {**os.environ, "MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "PYTHONPATH": str(ROOT)}
            if s.eventstore_data is not None:
                env["EVENTSTORE_DATA"] = str(s.eventstore_data)
            command = [sys.executable, "-P", "-m", "shared.cli", "past", self._service, "--as-of", moment.isoformat(), "--quiet"]
            tethered = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command]
            log = s.var / "log" / f"past-{self._service}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            if log.exists() and log.stat().st_size > LOG_LIMIT:
                log.replace(log.with_name(f"{log.name}.1"))
            out = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
            actions = [nothing, out, (os.POSIX_SPAWN_DUP2, 1, 2)]
            self._child = os.posix_spawn(sys.executable, tethered, env, file_actions=actions, setsid=True)
            return True

    @property
    def running(self) -> bool:
        """Whether it still works; its end is taken note of here."""
        if not self._child:
            return False
        try:
            ended, _ = os.waitpid(self._child, os.WNOHANG)
        except ChildProcessError:
            ended = self._child
        if ended:
            self._child = 0
        return not ended
