"""What is read from the log's file is what the wire says, to the byte; and when in doubt it is the wire that is read."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.eventlog.client import NO_STREAM, Log, LogUnavailable, Raw
from shared.eventlog.near import PAGE, Near
from shared.eventlog.reader import CaughtUp, Passed, Reader, of_service
from shared.eventlog.relay.session import OF_EVERYBODY
from shared.process import wait_until
from tests.contract.conftest import LogProcess

ALL = 1 << 62
EVERYTHING: dict[str, Any] = {}
CHOICES = pytest.mark.parametrize("options", [EVERYTHING, of_service("assistance"), OF_EVERYBODY], ids=["all", "service", "relay"])


@pytest.fixture
def process(tmp_path: Path) -> Iterator[LogProcess]:
    running = LogProcess(tmp_path / "data").start()
    yield running
    running.kill()


@pytest.fixture
def wire(process: LogProcess) -> Iterator[Log]:
    """The log by its address alone, with more than two pages of several services' events in it."""
    log = Log(f"esdb://127.0.0.1:{process.port}?Tls=false")
    for n in range(2 * PAGE // 16 + 5):
        service = ("assistance", "registry", "relay", "assistance2")[n % 4]
        log.append(f"{service}.thing-{n}", [_event(f"{service}.happened") for _ in range(16)], NO_STREAM)
    yield log
    log.close()


@pytest.fixture
def near(wire: Log, process: LogProcess) -> Log:
    return Log(wire.uri, data=process.directory)


def _event(name: str) -> Raw:
    return Raw(name, b'{"n":1}', b'{"m":2}', str(uuid.uuid4()))


def _opened(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each reading found the file."""
    found: list[bool] = []
    original = reader._near

    def watched(after: int) -> Near | None:
        answer = original(after)
        found.append(answer is not None)
        return answer

    monkeypatch.setattr(reader, "_near", watched)
    return found


@CHOICES
def test_a_reading_from_the_file_is_the_reading_by_wire(
    wire: Log, near: Log, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_wire = list(Reader(wire).read(-1, ALL, **options))
    reader = Reader(near)
    used = _opened(reader, monkeypatch)
    assert list(reader.read(-1, ALL, **options)) == by_wire
    assert used == [True]
    middle = by_wire[len(by_wire) // 3].position
    end = by_wire[2 * len(by_wire) // 3].position
    some = [e for e in by_wire if middle < e.position <= end]
    assert list(reader.read(middle, end, **options)) == list(Reader(wire).read(middle, end, **options)) == some


@CHOICES
def test_a_subscription_goes_from_the_file_over_to_the_wire_without_a_gap(wire: Log, near: Log, options: dict[str, Any]) -> None:
    """Events keep coming while the file is read."""
    stopping = threading.Event()

    def append() -> None:
        n = 0
        while not stopping.is_set():
            wire.append(f"assistance.late-{n}", [_event("assistance.late")], NO_STREAM)
            n += 1

    writer = threading.Thread(target=append)
    writer.start()
    reader = Reader(near)
    subscription = reader.subscribe(-1, include_checkpoints=True, include_caught_up=True, **options)
    got: list[Raw] = []
    reached = -1
    live = 0
    try:
        for item in subscription:
            if isinstance(item, Raw):
                assert item.position > reached
                got.append(item)
                reached = item.position
                live += 1 if live else 0
            elif isinstance(item, Passed):
                assert item.position >= reached
                reached = item.position
            elif isinstance(item, CaughtUp):
                live = 1
            if live > 50:
                break
    finally:
        stopping.set()
        writer.join()
        subscription.stop()
    assert got == [e for e in Reader(wire).read(-1, ALL, **options) if e.position <= got[-1].position]


def test_another_logs_file_is_not_believed(wire: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = LogProcess(tmp_path / "other").start()
    try:
        stranger = Log(f"esdb://127.0.0.1:{other.port}?Tls=false")
        for n in range(20):
            stranger.append(f"assistance.strange-{n}", [_event("assistance.strange")], NO_STREAM)
        stranger.close()
    finally:
        other.kill()
    reader = Reader(Log(wire.uri, data=other.directory))
    used = _opened(reader, monkeypatch)
    assert list(reader.read(-1, ALL)) == list(Reader(wire).read(-1, ALL))
    assert used == [False]


@pytest.mark.parametrize("damage", ["missing", "not a database"])
def test_without_a_file_to_read_the_wire_is_read(wire: Log, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "elsewhere"
    if damage != "missing":
        directory.mkdir()
        (directory / "eventlog.sqlite3").write_bytes(b"not a database at all" * 100)
    reader = Reader(Log(wire.uri, data=directory))
    used = _opened(reader, monkeypatch)
    assert list(reader.read(-1, ALL)) == list(Reader(wire).read(-1, ALL))
    assert used == [False]


def test_a_stream_from_the_file_is_the_stream_by_wire(wire: Log, near: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any version, however many, one that is not there, one cut at its beginning, and one that was just written."""
    wire.append("assistance.long-1", [_event("assistance.happened") for _ in range(2 * PAGE + 3)], NO_STREAM)
    wire.client.set_stream_metadata("assistance.long-1", metadata={"$tb": 5})
    asked = [
        ("assistance.long-1", 0, None),
        ("assistance.long-1", PAGE, None),
        ("assistance.long-1", 7, PAGE + 9),
        ("assistance.long-1", 9_999, None),
    ]
    asked += [("assistance.thing-4", 3, 2), ("assistance.thing-0", 0, None), ("assistance.nobody-1", 0, None)]
    by_wire = [wire.read(*a) for a in asked]
    with monkeypatch.context() as only_near:
        near.read("assistance.nobody-1")  # whose file it is is asked by wire, once
        only_near.setattr(type(near.client), "get_stream", None)
        assert [near.read(*a) for a in asked] == by_wire
        for n in range(5):
            near.append("assistance.own-1", [_event("assistance.happened")], n - 1)
            assert len(near.read("assistance.own-1")) == n + 1
    assert wire.read("assistance.own-1") == near.read("assistance.own-1")


def test_a_stream_is_not_read_from_another_logs_file(wire: Log, tmp_path: Path) -> None:
    """Nor from one that was right before the log at the address was exchanged for another."""
    other = LogProcess(tmp_path / "other").start()
    stranger = Log(f"esdb://127.0.0.1:{other.port}?Tls=false", data=other.directory)
    stranger.append("assistance.thing-0", [_event("assistance.strange")], NO_STREAM)
    assert len(stranger.read("assistance.thing-0")) == 1
    misled = Log(wire.uri, data=other.directory)
    assert misled.read("assistance.thing-0") == wire.read("assistance.thing-0") != stranger.read("assistance.thing-0")
    other.kill()
    with pytest.raises(LogUnavailable):
        stranger.append("assistance.thing-0", [_event("assistance.strange")], 0)
    with pytest.raises(LogUnavailable):
        stranger.read("assistance.thing-0")


def test_a_restored_logs_file_is_opened_anew(process: LogProcess, wire: Log, near: Log, tmp_path: Path) -> None:
    """A reader that was idle while an older copy was put in the file's place does not go on reading the file that is gone."""
    stream, backup = "assistance.thing-0", tmp_path / "backup"
    before = len(wire.read(stream))
    process.kill()
    shutil.copytree(process.directory, backup)
    process.start()
    _fresh(process).append(stream, [_event("assistance.later")], before - 1)
    wait_until(lambda: _read(near, stream) is not None, 90.0)
    assert len(near.read(stream)) == before + 1
    process.kill()
    shutil.rmtree(process.directory)
    shutil.copytree(backup, process.directory)
    process.start()
    wait_until(lambda: _read(near, stream) is not None, 90.0)
    assert len(near.read(stream)) == before
    _fresh(process).append(stream, [_event("assistance.other")], before - 1)
    assert [e.name for e in near.read(stream, before)] == ["assistance.other"]


def _fresh(process: LogProcess) -> Log:
    return Log(f"esdb://127.0.0.1:{process.port}?Tls=false")


def _read(log: Log, stream: str) -> list[Raw] | None:
    """None while its connection has not yet come back."""
    try:
        return log.read(stream)
    except LogUnavailable:
        return None


def test_a_killed_logs_file_shows_only_what_was_committed(process: LogProcess, near: Log) -> None:
    """What the file shows after a kill is what the log says when it is back."""
    process.kill()
    file = Near(process.directory)
    shown = [e.id for e in _walk(file)]
    file.close()
    process.start()
    client = process.client()
    assert [str(e.id) for e in client.read_all(filter_exclude=())] == shown
    client.close()


def _walk(file: Near) -> Iterator[Raw]:
    after = -1
    while page := file.page(after):
        yield from page
        after = page[-1].position
