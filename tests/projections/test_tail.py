"""Following the log: a subscription that says nothing while the log grows is given up, and one that is only late is not."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import process
from shared.eventlog import tail as tails
from shared.eventlog.client import NO_STREAM, Log, LogUnavailable, Raw
from shared.eventlog.tail import Tail
from tests.desk import running_log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with running_log(tmp_path) as uri:
        made = Log(uri)
        yield made
        made.close()


def added(log: Log) -> None:
    stream = f"tail.thing-{uuid.uuid4().hex}"
    log.append(stream, [Raw("tail.thing_happened", b"{}", b"{}", str(uuid.uuid4()))], NO_STREAM)


def test_silence_while_the_log_grows_is_believed_at_the_second_look(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was added the very moment of the first look may be on its way; if it still has not come, the subscription is dead."""
    monkeypatch.setattr(tails, "SILENCE", 0.0)
    monkeypatch.setattr(tails, "AGAIN", 0.0)
    go_on = threading.Event()

    def read(raw: Raw) -> Raw:  # stands for a connection on which nothing comes through
        go_on.wait(90)
        return raw

    added(log)
    tail: Tail[Raw] = Tail(log, -1, read)
    try:
        assert process.wait_until(lambda: tail._subscription is not None, 90)
        tail.listen()
        added(log)
        tail.listen()
        assert tail.error is None
        tail.listen()
        assert isinstance(tail.error, LogUnavailable)
    finally:
        go_on.set()
        tail.stop()


def test_what_comes_between_two_looks_clears_the_suspicion(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late message is a sign of life: the next difference is looked at twice again."""
    monkeypatch.setattr(tails, "SILENCE", 0.0)
    monkeypatch.setattr(tails, "AGAIN", 0.0)
    tail: Tail[Raw] = Tail(log, -1, lambda raw: raw)
    try:
        assert process.wait_until(lambda: tail._subscription is not None, 90)
        for _ in range(3):
            tail.listen()
            added(log)
            tail.listen()
            assert process.wait_until(lambda: any(isinstance(item, Raw) for item in tail.come(10)), 90)
        assert tail.error is None
    finally:
        tail.stop()
