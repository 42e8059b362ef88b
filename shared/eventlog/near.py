"""The log's own file, read on its own machine (近读): what a reader of very many events may take instead of the wire.

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

from shared.eventlog.client import Raw
from shared.eventlog.embedded import storage

PAGE = 1024  # events


class Near:
    """A read-only connection to the file. Made, used and closed by one thread."""

    def __init__(self, directory: Path) -> None:
        path = directory / storage.FILE_NAME
        if not path.exists():
            raise OSError(f"{path.name} is not there")
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

    def close(self) -> None:
        self._reader.close()


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
