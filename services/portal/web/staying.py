"""The server's threads (服务线程): gunicorn's gthread, whose threads stay with their connection for a moment.

Of itself gthread gives a connection back to its main thread after every answer, and takes it up again for the next request: two changes of
thread and a dozen calls of the system, which among eight callers cost a third of what the server does for a request. Whoever asks again at
once, as a front end does, is answered by the same thread. Half of the threads may stay so: the others are there for whoever comes.
"""

from __future__ import annotations

import select
import threading
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Staying(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """``worker_class`` of the portal's server."""

    STAY = 0.025  # seconds

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = threading.Semaphore(self.cfg.threads // 2)

    def handle(self, conn: Any) -> Any:
        """Requests of one connection, as long as the next one comes soon; then as gthread: whether it is kept."""
        kept = super().handle(conn)
        while kept is True and self.alive and self._soon(conn):
            kept = super().handle(conn)
        return kept

    def _soon(self, conn: Any) -> bool:
        if conn.parser.unreader.buf.getvalue() or not self.places.acquire(blocking=False):  # what was read ahead is gthread's to take up
            return False
        try:
            look = select.poll()
            look.register(conn.sock, select.POLLIN)
            return bool(look.poll(self.STAY * 1000))
        finally:
            self.places.release()
