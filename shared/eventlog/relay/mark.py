"""How far the relay is (转发断点): a stream in the log, ``relay.checkpoint-<name>``, and who may write it.

Every entry is appended with the version its writer last saw. A relay that takes over appends an entry of its own first, with
the next epoch; whatever the one before it appends after that is refused, and it knows that it is deposed. Old entries are
dropped by the log ($maxCount), so the stream stays short.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from esdbclient import StreamState
from esdbclient.exceptions import EventStoreDBClientException, NotFound

from shared.eventlog.client import NO_STREAM, Log, LogUnavailable, Raw, WrongVersion

KEPT = 20  # entries
EVERY = 5_000  # confirmed events, or
SECONDS = 5.0  # what a relay that dies may announce again


class Deposed(Exception):
    """Another relay has taken over."""


def stream_of(name: str) -> str:
    return f"relay.checkpoint-{name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest entry of the stream."""

    version: int
    epoch: int
    position: int
    holder: str


def read(log: Log, name: str) -> Entry:
    """Where the relay ``name`` is; position -1 when it has never been anywhere."""
    try:
        newest = log.client.get_stream(stream_of(name), backwards=True, limit=1, timeout=log.timeout)
    except NotFound:
        newest = ()
    except (EventStoreDBClientException, ValueError) as error:
        raise LogUnavailable(type(error).__name__) from error
    for e in newest:
        body = json.loads(e.data)
        return Entry(e.stream_position, body["epoch"], body["position"], body["holder"])
    return Entry(NO_STREAM, 0, -1, "")


def append(log: Log, name: str, entry: Entry, entry_id: str) -> None:
    """Append after the version before ``entry.version``. The same id may be sent again when it is not known whether it arrived."""
    body = {"epoch": entry.epoch, "position": entry.position, "holder": entry.holder}
    raw = Raw("relay.checkpoint", json.dumps(body).encode(), b"{}", entry_id)
    try:
        log.append(stream_of(name), [raw], entry.version - 1)
    except WrongVersion as error:
        raise Deposed(f"转发 {name} 已由另一进程接管。") from error


def claim(log: Log, name: str, holder: str) -> Entry:
    """Take over: from now on only we can move the checkpoint."""
    found = read(log, name)
    if found.version == NO_STREAM:
        try:
            log.client.set_stream_metadata(
                stream_of(name), metadata={"$maxCount": KEPT}, current_version=StreamState.ANY, timeout=log.timeout
            )
        except (EventStoreDBClientException, ValueError) as error:
            raise LogUnavailable(type(error).__name__) from error
    ours = Entry(found.version + 1, found.epoch + 1, found.position, holder)
    append(log, name, ours, str(uuid.uuid4()))
    return ours


class Keeper:
    """Writes the checkpoint from a thread of its own, so that publishing never waits for it."""

    def __init__(
        self, log: Log, name: str, entry: Entry, deposed: Callable[[], None], *, every: int = EVERY, seconds: float = SECONDS
    ) -> None:
        self._log = log
        self._name = name
        self._entry = entry
        self._deposed = deposed
        self._every = every
        self._seconds = seconds
        self._reached = entry.position
        self._count = 0
        self._closing = False
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self._thread.start()

    def reached(self, position: int, events: int) -> None:
        """Everything up to ``position`` is confirmed; ``events`` more than last time."""
        if not events:
            return  # our own entries passing by: to write these down would make one more
        self._reached = position
        self._count += events
        if self._count >= self._every:
            self._count = 0
            self._bell.set()

    def close(self, limit: float) -> None:
        """Write what is left, if it can be written within ``limit`` seconds."""
        self._closing = True
        self._bell.set()
        self._thread.join(limit)

    def _run(self) -> None:
        while True:
            self._bell.wait(self._seconds)
            self._bell.clear()
            closing = self._closing
            if self._reached > self._entry.position and not self._write(self._reached):
                return
            if closing:
                return

    def _write(self, position: int) -> bool:
        entry = Entry(self._entry.version + 1, self._entry.epoch, position, self._entry.holder)
        entry_id = str(uuid.uuid4())
        while True:
            try:
                append(self._log, self._name, entry, entry_id)
            except LogUnavailable:
                if self._closing:
                    return False
                time.sleep(0.5)
            except Deposed:
                self._deposed()
                return False
            else:
                self._entry = entry
                return True
