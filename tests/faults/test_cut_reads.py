"""A read that is cut short is the log being away, never a shorter stream.

esdbclient reconnects for all its threads: it closes the channel under the others, and a read that is under way there then
simply ends, as if the stream did. A decision made on that is made on a state that never was.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from esdbclient.exceptions import EventStoreDBClientException

from shared.eventlog.client import NO_STREAM, Log, LogUnavailable, Raw
from shared.eventlog.embedded.server import EmbeddedServer

EVENTS = 3_000
STREAM = "registry.death-1"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    ready, done, uri = threading.Event(), threading.Event(), []

    async def serve() -> None:
        async with EmbeddedServer(tmp_path, port=0) as server:
            uri.append(f"esdb://127.0.0.1:{server.port}?Tls=false")
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(90)
    log = Log(uri[0])
    try:
        yield log
    finally:
        log.close()
        done.set()
        thread.join()


def test_a_read_cut_short_by_another_threads_reconnect_is_never_taken_for_the_whole(log: Log) -> None:
    events = [Raw("registry.death_confirmed", b"{}", b"{}", str(uuid.uuid4())) for _ in range(EVENTS)]
    log.append(STREAM, events, NO_STREAM)
    stopping = threading.Event()

    def reconnect() -> None:
        while not stopping.wait(0.01):
            with suppress(EventStoreDBClientException):  # on a machine that is busy one may come too late: the next does it
                log.client.reconnect()

    thread = threading.Thread(target=reconnect)
    thread.start()
    lengths, heads, away = set(), set(), 0
    try:
        for _ in range(60):
            try:
                lengths.add(len(log.read(STREAM)))
                heads.add(log.head())
                lengths.add(len(list(log.read_all(prefix="registry."))))
            except LogUnavailable:
                away += 1
    finally:
        stopping.set()
        thread.join()
    assert lengths <= {EVENTS}
    assert len(heads) <= 1
    assert away  # else nothing was cut, and nothing was proved
