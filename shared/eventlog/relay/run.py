"""Sessions one after another (转发进程): whatever ends one, the next begins at the last confirmed event."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from threading import Event

from shared import metrics
from shared.eventlog.client import Log
from shared.eventlog.lag import PATIENCE, of_relay
from shared.eventlog.relay.mark import Deposed
from shared.eventlog.relay.session import PAUSES, Counts, LogWentBack, Options, Session, describe
from shared.health import beat

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
        self._asking = Log(log.uri, timeout=PATIENCE)  # for scrapes: the other one is closed whenever something goes wrong
        self._stopping = stopping
        self._tell = tell
        self._ready = ready
        self._options = options or Options()
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.counts = Counts()
        self._session: Session | None = None
        self._standing_by = False

    def unready(self) -> str:
        """Why it neither publishes nor stands by, in Chinese; "" when it does."""
        session = self._session
        if session is None or not (session.publishing or self._standing_by):
            return "没有连上消息总线"
        return "" if self._standing_by or session.following else "读不到事件日志"

    def values(self) -> Iterable[metrics.Value]:
        """For a scrape. The lag is told by the one that works."""
        name, session = self._options.name, self._session
        publishing = session is not None and session.publishing
        yield metrics.RELAY_ACTIVE, (name,), float(publishing)
        if session is not None and publishing:
            behind = of_relay(self._asking, name, session.reached)
            yield metrics.RELAY_LAG_POSITIONS, (name,), behind.positions
            yield metrics.RELAY_LAG_SECONDS, (name,), behind.seconds

    def _begun(self, active: bool) -> None:
        self._standing_by = not active
        self._ready(active)

    def run(self) -> None:
        failures = 0
        said = ""
        while not self._stopping.is_set():
            began = time.monotonic()
            beat("relay")
            try:
                self._standing_by = False
                self._session = Session(
                    self._amqp_uri, self._log, self._options, self._holder, self.counts, self._stopping, self._tell, self._begun
                )
                self._session.run()
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
                self._session, self._standing_by = None, False
                self._stopping.wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
