"""Sessions one after another (转发进程): whatever ends one, the next begins at the last confirmed event."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable
from threading import Event

from shared.eventlog.client import Log
from shared.eventlog.relay.mark import Deposed
from shared.eventlog.relay.session import PAUSES, Counts, LogWentBack, Options, Session, describe

STEADY = 30.0  # a session this long was a good one: the pauses begin anew


class Relay:
    """``run`` returns when ``stopping`` is set; raises only LogWentBack."""

    def __init__(
        self,
        amqp_uri: str,
        log: Log,
        stopping: Event,
        *,
        tell: Callable[[str], None],
        ready: Callable[[bool], None] = lambda active: None,
        options: Options | None = None,
    ) -> None:
        self._amqp_uri = amqp_uri
        self._log = log
        self._stopping = stopping
        self._tell = tell
        self._ready = ready
        self._options = options or Options()
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.counts = Counts()

    def run(self) -> None:
        failures = 0
        said = ""
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                Session(self._amqp_uri, self._log, self._options, self._holder, self.counts, self._stopping, self._tell, self._ready).run()
            except LogWentBack:
                raise
            except Exception as error:
                if time.monotonic() - began > STEADY:
                    failures, said = 0, ""
                if (text := describe(error)) != said:
                    self._tell(text)
                    said = text
                if not isinstance(error, Deposed):
                    self._log.close()  # a new channel next time: an old one may wait minutes before it tries again
                self._stopping.wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
