"""The file: one SQLite database in a directory that one process owns.

Tables: ``stream`` gives every name a small integer; ``event`` holds the log in the order it was written, under a position that grows
like a byte offset, with the very bytes its readers will get. One index finds an event by stream and revision. Nothing is ever
counted or scanned: whatever is asked costs a walk down a tree, whether the log holds ten thousand events or a million.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple
from uuid import uuid4

from shared.eventlog.embedded import wire
from shared.eventlog.embedded.rules import DELETED

FILE_NAME = "eventlog.sqlite3"
LOCK_NAME = "eventlog.lock"
SCHEMA_VERSION = 1
APPLICATION_ID = 0x4D5A4C47  # "MZLG": so that no other SQLite file is taken for a log
PAGE_BYTES = 1 << 20  # a page of a read ends after so many bytes, however many events were asked for

_SCHEMA = """
create table stream (id integer primary key, name text not null unique);
create table event (
  position integer primary key,
  stream_id integer not null,
  revision integer not null,
  created integer not null,
  id blob not null,
  type text not null,
  body blob not null
);
create unique index event_by_stream on event (stream_id, revision);
"""


class StorageError(Exception):
    """The directory or the file in it cannot be used as a log."""


class DirectoryInUse(StorageError):
    """Another process holds the directory."""


class Entry(NamedTuple):
    """One event as a reader meets it. ``body`` is the encoded ReadResp."""

    position: int
    stream: str
    revision: int
    type: str
    body: bytes


class Row(NamedTuple):
    """One event as the writer stores it."""

    position: int
    stream_id: int
    revision: int
    created: int
    id: bytes
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a stream's metadata hides. Anything malformed hides nothing, as at the real server."""

    max_count: int | None = None
    max_age: int | None = None
    truncate_before: int | None = None

    @property
    def soft_deleted(self) -> bool:
        return self.truncate_before == DELETED


NO_METADATA = Metadata()
_METASTREAM = Metadata(max_count=1)


def parse_metadata(data: bytes) -> Metadata:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return NO_METADATA
    if not isinstance(found, dict):
        return NO_METADATA

    def number(key: str, least: int) -> int | None:
        value = found.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= least else None

    return Metadata(number("$maxCount", 1), number("$maxAge", 1), number("$tb", 0))


def event_data(body: bytes) -> bytes:
    """The data of a stored event: its last field, found by walking over the ones before."""
    recorded = wire.recorded_part(body)
    at = 0
    while at < len(recorded):
        tag = recorded[at]
        if tag & 7 == 0:
            _, at = wire.read_varint(recorded, at + 1)
            continue
        length, start = wire.read_varint(recorded, at + 1)
        if tag == 0x42:
            return recorded[start : start + length]
        at = start + length
    return b""


def is_json(body: bytes) -> bool:
    return wire.JSON_ENTRY in body[: len(body) - len(event_data(body))]


def span(row_body: bytes) -> int:
    """How far an event moves the log's end: what it would take as a record on disk, more or less."""
    return len(row_body) + 57


def take_directory(directory: Path) -> IO[str]:
    """Create the directory if need be and hold it for this process; the lock dies with the process, however it dies."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = open(directory / LOCK_NAME, "a+", encoding="ascii")  # noqa: SIM115 - held open on purpose
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read(20).strip()
        handle.close()
        raise DirectoryInUse(f"目录 {directory} 正由另一个进程{f'（{owner}）' if owner else ''}使用，同一目录只能有一个事件日志") from error
    handle.seek(0)
    handle.truncate()
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, cached_statements=64)
    connection.execute("pragma mmap_size = 268435456")
    connection.execute(f"pragma cache_size = {-16384 if read_only else -65536}")
    return connection


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes. Creates the schema in a new file; refuses a file that is not ours or is newer than this code."""
    fresh = not path.exists() or path.stat().st_size == 0
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(path, read_only=False)
        if not fresh:
            _check_version(connection, path)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma wal_autocheckpoint = 4000")
        if fresh:
            connection.executescript(
                f"begin; {_SCHEMA} pragma application_id = {APPLICATION_ID}; pragma user_version = {SCHEMA_VERSION}; commit;"
            )
    except (sqlite3.DatabaseError, StorageError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} 不能作为事件日志打开：{error}") from error
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("pragma application_id").fetchone()[0]
    version = connection.execute("pragma user_version").fetchone()[0]
    if application == 0 and version == 0 and connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0:
        # Killed between creating the file and its first commit: still an empty file.
        connection.executescript(
            f"begin; {_SCHEMA} pragma application_id = {APPLICATION_ID}; pragma user_version = {SCHEMA_VERSION}; commit;"
        )
        return
    if application != APPLICATION_ID:
        raise StorageError(f"{path} 不是事件日志文件")
    if version != SCHEMA_VERSION:
        raise StorageError(f"{path} 的格式版本是 {version}，本程序只认识版本 {SCHEMA_VERSION}")


INSERT_EVENT = "insert into event (position, stream_id, revision, created, id, type, body) values (?, ?, ?, ?, ?, ?, ?)"


def stream_id(connection: sqlite3.Connection, name: str) -> int | None:
    found = connection.execute("select id from stream where name = ?", (name,)).fetchone()
    return None if found is None else found[0]


def last_revision(connection: sqlite3.Connection, stream: int | None) -> int:
    """The revision of the last event of a stream; -1 for none, ``DELETED`` for a tombstoned stream."""
    if stream is None:
        return -1
    found = connection.execute("select max(revision) from event where stream_id = ?", (stream,)).fetchone()[0]
    return -1 if found is None else found


def load_metadata(connection: sqlite3.Connection, name: str) -> tuple[int, bytes]:
    """The revision and raw data of the newest metadata of a stream; (-1, b"") if there is none."""
    found = connection.execute(
        "select revision, body from event where stream_id = (select id from stream where name = ?) order by revision desc limit 1",
        ("$$" + name,),
    ).fetchone()
    if found is None:
        return -1, b""
    return found[0], event_data(found[1]) if is_json(found[1]) else b""


class StreamView(NamedTuple):
    """What a reader may see of a stream at one moment: revisions ``first`` to ``last``."""

    state: str  # "present", "absent" or "deleted"
    id: int
    first: int
    last: int


_ABSENT = StreamView("absent", 0, 0, -1)
_DELETED = StreamView("deleted", 0, 0, -1)


class Reader:
    """Committed events, through a read-only connection of its own. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path, read_only=True)

    def close(self) -> None:
        self._connection.close()

    def tail(self) -> int:
        found = self._connection.execute("select max(position) from event").fetchone()[0]
        return -1 if found is None else found

    def last_revision(self, name: str) -> int:
        return last_revision(self._connection, stream_id(self._connection, name))

    def view(self, name: str) -> StreamView:
        """What can be seen of a stream, its metadata applied."""
        connection = self._connection
        if name.startswith("$$"):
            if last_revision(connection, stream_id(connection, name[2:])) == DELETED:
                return _DELETED
            metadata = _METASTREAM
        else:
            _, raw = load_metadata(connection, name)
            metadata = parse_metadata(raw) if raw else NO_METADATA
        stream = stream_id(connection, name)
        last = last_revision(connection, stream)
        if last == DELETED:
            return _DELETED
        if stream is None or last < 0 or metadata.soft_deleted:
            return _ABSENT
        first = metadata.truncate_before or 0
        if metadata.max_count is not None:
            first = max(first, last - metadata.max_count + 1)
        if metadata.max_age is not None:
            first = max(first, self._first_since(stream, first, last, time.time_ns() // 100 - metadata.max_age * 10_000_000))
        return StreamView("present", stream, first, last)

    def _first_since(self, stream: int, first: int, last: int, ticks: int) -> int:
        """The first revision recorded at or after a moment: a binary search, for times never run backwards in a stream."""
        low, high = first, last + 1
        while low < high:
            middle = (low + high) // 2
            created = self._connection.execute(
                "select created from event where stream_id = ? and revision = ?", (stream, middle)
            ).fetchone()
            if created is not None and created[0] >= ticks:
                high = middle
            else:
                low = middle + 1
        return low

    def stream_page(self, name: str, at: int | None, backwards: bool, limit: int) -> tuple[StreamView, list[Entry]]:
        """Up to ``limit`` events of a stream from revision ``at`` on, inclusive; ``None`` is the first or, backwards, the last."""
        connection = self._connection
        connection.execute("begin")
        try:
            view = self.view(name)
            if view.state != "present":
                return view, []
            if backwards:
                top = view.last if at is None else min(at, view.last)
                rows = connection.execute(
                    "select position, revision, type, body from event where stream_id = ? and revision between ? and ?"
                    " order by revision desc limit ?",
                    (view.id, view.first, top, limit),
                )
            else:
                bottom = view.first if at is None else max(at, view.first)
                rows = connection.execute(
                    "select position, revision, type, body from event where stream_id = ? and revision between ? and ?"
                    " order by revision limit ?",
                    (view.id, bottom, view.last, limit),
                )
            return view, list(_page(Entry(position, name, revision, kind, body) for position, revision, kind, body in rows))
        finally:
            connection.execute("commit")

    def plain_page(self, name: str, at: int, limit: int) -> list[Entry] | None:
        """``stream_page`` forwards in two questions instead of six, for a stream that never had metadata and is not seen to be deleted."""
        ids = dict(self._connection.execute("select name, id from stream where name in (?, ?)", (name, f"$${name}")).fetchall())
        if f"$${name}" in ids or name.startswith("$"):
            return None
        if name not in ids:
            return []
        rows = self._connection.execute(
            "select position, revision, type, body from event where stream_id = ? and revision >= ? order by revision limit ?",
            (ids[name], at, limit),
        ).fetchall()
        if rows and rows[-1][1] == DELETED:
            return None
        return [Entry(position, name, revision, kind, body) for position, revision, kind, body in rows]

    def all_page(self, at: int, backwards: bool, limit: int, with_stream: bool) -> list[Entry]:
        """Events of the log from position ``at``: forwards inclusive, backwards exclusive. Stream names are looked up only if asked for."""
        condition = "e.position < ? order by e.position desc" if backwards else "e.position >= ? order by e.position"
        if with_stream:
            rows = self._connection.execute(
                f"select e.position, s.name, e.revision, e.type, e.body from event e cross join stream s on s.id = e.stream_id"
                f" where {condition} limit ?",
                (at, limit),
            )
        else:
            rows = self._connection.execute(
                f"select e.position, '', e.revision, e.type, e.body from event e where {condition} limit ?",
                (at, limit),
            )
        return list(_page(map(Entry._make, rows)))

    def linked(self, body: bytes) -> bytes | None:
        """The RecordedEvent that a link (``revision@stream``) points at, if it can be seen."""
        revision_text, _, name = event_data(body).decode("utf-8", "replace").partition("@")
        if not revision_text.isdecimal() or not name:
            return None
        _, found = self.stream_page(name, int(revision_text), False, 1)
        if not found or found[0].revision != int(revision_text):
            return None
        return wire.recorded_part(found[0].body)


def _page(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Entries until a page's worth of bytes has gone by; always at least one."""
    size = 0
    for entry in entries:
        yield entry
        size += len(entry.body)
        if size >= PAGE_BYTES:
            return


def new_id() -> tuple[bytes, str]:
    fresh = uuid4()
    return fresh.bytes, str(fresh)
