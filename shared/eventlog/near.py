"""The log's own file, read on its own machine (近读): what a reader may take instead of the wire.

gRPC in Python costs both sides together some fifty microseconds an event, most of what a backlog, a rebuild or an audit
takes. The embedded log keeps the very bytes it would send, in a file that SQLite lets others read while it writes; a commit
is seen by them only when it is on disk. So what is past is read there, and only what is new comes by subscription.

Used when ``EVENTSTORE_DATA`` names the directory (``minzheng up`` tells its children), and only after the log that answers at the
address has been seen to be the one in the file. Anything amiss with the file, and the wire is used: nothing depends on this. docs/adr/0013.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from esdbclient.client import DEFAULT_EXCLUDE_FILTER
from esdbclient.protos.Grpc import streams_pb2

from shared.eventlog.embedded import storage
from shared.eventlog.raw import Raw

PAGE = 1024  # events


class Near:
    """A read-only connection to the file. Used by one thread at a time."""

    turn = 0  # of its ``Nearby``

    def __init__(self, directory: Path) -> None:
        path = directory / storage.FILE_NAME
        if not path.exists():
            raise OSError(f"{path.name} is not there")
        self.file = _identity(path)  # before it is opened: if it is exchanged in between, the next look sees that
        self._reader = storage.Reader(path)
        try:
            self.tail = self._reader.tail()
        except sqlite3.Error:
            self._reader.close()
            raise

    def last(self) -> Raw | None:
        """The newest event when the file was opened."""
        for event in self.page(self.tail - 1):
            return event
        return None

    def page(self, after: int) -> list[Raw]:
        """Events after a commit position, in log order; [] at the end."""
        return [_raw(entry) for entry in self._reader.all_page(after + 1, False, PAGE, True)]

    def stream(self, name: str, start: int, limit: int | None) -> list[Raw]:
        """The events of a stream from a version on; [] for one that is not there."""
        plain = self._reader.plain_page(name, start, PAGE) if limit is None else None
        if plain is not None and len(plain) < PAGE:
            return [_raw(entry) for entry in plain]
        found: list[Raw] = []
        while limit is None or len(found) < limit:
            view, page = self._reader.stream_page(name, start or None, False, PAGE if limit is None else min(PAGE, limit - len(found)))
            found += map(_raw, page)
            if view.state == "deleted":
                raise sqlite3.DataError(name)  # the wire says it properly
            if not page or page[-1].revision >= view.last:
                break
            start = page[-1].revision + 1
        return found

    def close(self) -> None:
        self._reader.close()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


class Nearby:
    """The connections to the file that one ``Log`` has open, as many as its threads need at once. Thread-safe."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._free: list[Near] = []  # append and pop of a list are atomic
        self._known = False
        self._turn = 0

    def take(self, holds: Callable[[Raw], bool]) -> Near | None:
        """A connection, if the file is here and ``holds`` says of its newest event that the log at the address has it."""
        if self._directory is None:
            return None
        while self._free:
            try:
                near = self._free.pop()
            except IndexError:  # another thread took it
                break
            if self._is_there(near):
                return near
            near.close()
            self.close()  # another file is in its place: a log that was restored
        made: Near | None = None
        try:
            turn = self._turn
            made = Near(self._directory)
            made.turn = turn
            if not self._known:
                last = made.last()
                if last is None or not holds(last):
                    made.close()
                    return None
                self._known = turn == self._turn
            return made
        except (OSError, sqlite3.Error):
            return None
        except BaseException:
            if made is not None:
                made.close()
            raise

    def _is_there(self, near: Near) -> bool:
        try:
            return self._directory is not None and _identity(self._directory / storage.FILE_NAME) == near.file
        except OSError:
            return False

    def give_back(self, near: Near) -> None:
        """When it has been read from."""
        if near.turn == self._turn:
            self._free.append(near)
        else:
            near.close()

    def close(self) -> None:
        """Forget what was found: the next to ask looks again whose file it is."""
        self._known = False
        self._turn += 1
        while self._free:
            try:
                self._free.pop().close()
            except IndexError:
                return


def _raw(entry: storage.Entry) -> Raw:
    e = streams_pb2.ReadResp.FromString(entry.body).event.event
    return Raw(entry.type, e.data, e.custom_metadata, e.id.string, entry.stream, entry.revision, entry.position)


def wanted(
    *, filter_include: Sequence[str] = (), filter_exclude: Sequence[str] = (), filter_by_stream_name: bool = False, **_: Any
) -> Callable[[Raw], bool]:
    """esdbclient's filter options as a question to an event: whole names, system events left out by default."""
    chosen = tuple(filter_include) or tuple(filter_exclude) or DEFAULT_EXCLUDE_FILTER
    found = re.compile("|".join(f"(?:{pattern})" for pattern in chosen)).fullmatch
    include = bool(filter_include)
    seen: dict[str, bool] = {}

    def allows(event: Raw) -> bool:
        name = event.stream if filter_by_stream_name else event.name
        try:
            return seen[name]
        except KeyError:
            pass
        if len(seen) > 50_000:
            seen.clear()
        answer = seen[name] = (found(name) is not None) is include
        return answer

    return allows


def past(near: Near, after: int, allows: Callable[[Raw], bool]) -> Iterator[tuple[list[Raw], int]]:
    """Pages of wanted events from after a position to the end of the file, each with the position it reaches."""
    while page := near.page(after):
        after = page[-1].position
        yield [event for event in page if allows(event)], after
