"""The server's threads: who asks again at once is answered by the same one, and never are all of them kept so."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from services.portal.web.staying import Staying


@pytest.fixture
def worker() -> Iterator[Staying]:
    cfg = Config()
    cfg.set("threads", 2)
    made = Staying(0, os.getppid(), [], None, 30, cfg, Logger(cfg))
    made.wsgi = _app
    yield made
    made.tmp.close()


def _app(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], Any]) -> list[bytes]:
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def handled(worker: Staying, times: int) -> tuple[Any, list[bytes]]:
    """What the worker says of a connection that asks so often, each time as soon as it was answered, and then closes; and its answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answers: list[bytes] = []
        answered = threading.Event()

        def ask() -> None:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            for _ in range(times):
                link.request("GET", "/")
                answers.append(link.getresponse().read())
            answered.set()
            link.close()

        caller = threading.Thread(target=ask)
        caller.start()
        taken, address = listener.accept()
        conn = TConn(worker.cfg, taken, address, listener.getsockname())
        kept = worker.handle(conn)
        if kept:
            assert answered.wait(60), "one answer for each time it was handled"
        caller.join(60)
        taken.close()
    return kept, answers


def test_who_asks_again_at_once_is_answered_by_the_same_thread(worker: Staying) -> None:
    """Three requests one after the other are handled at one go; the connection that is closed then is not kept."""
    worker.STAY = 60.0
    kept, answers = handled(worker, 3)
    assert (kept, len(answers)) == (False, 3)
    assert worker.places.acquire(blocking=False), "the place is free again"


def test_no_more_than_half_of_the_threads_stay(worker: Staying) -> None:
    """Of two threads one stays; the other gives its connection back as soon as it has answered, to be kept by the server."""
    worker.STAY = 60.0
    assert worker.places.acquire(blocking=False)
    assert not worker.places.acquire(blocking=False)
    kept, answers = handled(worker, 1)
    assert (kept, len(answers)) == (True, 1)


def test_who_does_not_ask_again_soon_holds_no_thread(worker: Staying) -> None:
    """After a moment without a request the connection is given back, and kept by the server."""
    worker.STAY = 0.0
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as caller:
        taken, address = listener.accept()
        with taken:
            caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert worker.handle(TConn(worker.cfg, taken, address, listener.getsockname())) is True
            assert caller.recv(100).startswith(b"HTTP/1.1 200")
    assert worker.places.acquire(blocking=False), "the place is free again"
