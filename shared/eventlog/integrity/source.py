"""Where the check takes the events from (核验的来源): the log at its address, or its own file, row by row.

The file is read where it is on this machine (``EVENTSTORE_DATA``), and from a copy for which no log runs. Nothing that was done to the file
makes the check leave it in silence: what SQLite says of it is a finding, and where it cannot be read, or is another log's, the report says
that only the wire was read. Every column of a row is held
against the bytes that readers over the wire would get of it, which say all of it a second time; and SQLite looks at its trees and at the
index by which streams are read, in a thread beside. So one byte that was changed anywhere in an event, or in what leads to it, is found.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from shared.eventlog.client import Log, Raw
from shared.eventlog.embedded import storage, wire
from shared.eventlog.integrity.leaf import OF_THE_TREE, leaf, leaf_of
from shared.eventlog.near import wanted
from shared.eventlog.reader import Reader

_ROWS = (
    "select e.position, s.name, e.revision, e.created, e.id, e.type, e.body from event e left join stream s on s.id = e.stream_id"
    " where e.position > ? order by e.position"
)
_STREAM = (
    "select e.position, s.name, e.revision, e.created, e.id, e.type, e.body from stream s join event e on e.stream_id = s.id"
    " where s.name = ? order by e.revision"
)
_NEWEST = (
    "select e.position, s.name, e.revision, e.created, e.id, e.type, e.body from event e left join stream s on s.id = e.stream_id"
    " order by e.position desc limit 1"
)
_MOST_SAID = 20  # of SQLite's own findings
_END = 1 << 62
_BROKEN = (sqlite3.Error, UnicodeDecodeError)  # the second: what SQLite says holds a text of the file
_SYSTEM = "$$"  # a stream's metadata stands in a stream of that name before its own; it can hide events from whoever reads the stream


class Row(NamedTuple):
    """An event with its leaf; ``whole``: what is stored of it twice is the same both times."""

    event: Raw
    leaf: bytes
    whole: bool


class Wire:
    """The log at its address. ``warning``: why it is not the file, where there is one to read."""

    name = "网络"

    def __init__(self, log: Log, warning: str = "") -> None:
        self._log, self.warning = log, warning

    def rows(self, after: int = -1) -> Iterator[Row]:
        reader = Reader(self._log)
        try:
            for event in reader.read(after, self._log.head(), **OF_THE_TREE):
                yield Row(event, leaf_of(event), True)
        finally:
            reader.close()

    def hiding(self) -> list[str]:
        reader = Reader(Log(self._log.uri))
        try:
            found = reader.read(-1, _END, filter_include=(r"\$\$.*",), filter_by_stream_name=True)
            return _hiding(event.stream for event in found)
        finally:
            reader.close()

    def problems(self) -> list[str]:
        return []


class File:
    """The embedded log's file in its directory, or a copy of it."""

    name, warning = "文件", ""

    def __init__(self, directory: Path) -> None:
        self._path = directory / storage.FILE_NAME
        if not self._path.exists():
            raise OSError(f"{self._path} 不存在")
        self._said: list[str] = []
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()

    def rows(self, after: int = -1) -> Iterator[Row]:
        allows = wanted(**OF_THE_TREE)
        for row in self._rows(_ROWS, after):
            if allows(row.event):
                yield row
            elif not row.whole and len(self._said) < _MOST_SAID:  # marks, checkpoints, metadata: in no tree, but in this file
                self._said.append(f"{row.event.stream}@{row.event.version} 存了两遍的内容前后不一")

    def stream(self, name: str) -> list[Raw]:
        """The events of one stream."""
        return [row.event for row in self._rows(_STREAM, name)]

    def hiding(self) -> list[str]:
        """The streams whose metadata may hide events that are in the tree."""
        connection = _open(self._path)
        try:
            query = "select distinct s.name from stream s join event e on e.stream_id = s.id where substr(s.name, 1, 2) = '$$'"
            return _hiding(name for (name,) in connection.execute(query))
        except _BROKEN as error:
            self._said.append(str(error))
            return []
        finally:
            connection.close()

    def last(self) -> Raw | None:
        """The newest event; what keeps it from being read is noted."""
        return next((row.event for row in self._rows(_NEWEST)), None)

    def problems(self) -> list[str]:
        """What SQLite says of the file's structure, and where reading it came to an end before its end; [] when all is well."""
        self._looking.join()
        return list(dict.fromkeys(self._said))

    def _rows(self, query: str, *given: Any) -> Iterator[Row]:
        connection = _open(self._path)
        try:
            yield from map(_row, connection.execute(query, given))
        except _BROKEN as error:
            self._said.append(f"读到一半即止：{error}")
        finally:
            connection.close()

    def _look(self) -> None:
        try:
            connection = _open(self._path)
            try:
                said = [str(line) for (line,) in connection.execute(f"pragma integrity_check({_MOST_SAID})")]
            finally:
                connection.close()
        except _BROKEN as error:
            said = [str(error)]
        self._said += [line for line in said if line != "ok"]


def source_of(log: Log) -> Wire | File:
    """The file where it is here and is not another log's; else the wire, with a warning that it is.

    By where its newest event stands: the log that answers has one of that stream and number in that place. The rest of the row may say what
    it likes: it is a finding, no reason to look elsewhere.
    """
    if log.data is None:
        return Wire(log)
    try:
        file = File(log.data)
    except OSError as error:
        return Wire(log, f"本机的事件日志文件读不到（{error}），没有逐字节核验文件。")
    last = file.last()
    if last is None:  # there is nothing in it, or SQLite cannot read it: the first is a log that has just begun
        return file
    there = log.at(last.position)
    if there is None or (there.stream, there.version) != (last.stream, last.version):
        return Wire(log, f"{log.data} 中的文件不是这个日志的，或其最新一行被改动，没有逐字节核验文件。")
    return file


def _hiding(names: Iterable[str]) -> list[str]:
    """Of the streams of metadata, those that belong to streams of the tree; relay and seal set limits to their own."""
    allows = wanted(**OF_THE_TREE)
    ours = {name for name in names if allows(Raw("", b"", b"", "", name.removeprefix(_SYSTEM)))}
    return sorted(ours)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")  # a changed byte need not leave a text
    return connection


def _row(columns: tuple[Any, ...]) -> Row:
    position, stream, revision, created, id_, name, body = columns
    try:
        hexed = id_.hex()
        id_text = f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"
        metadata, data = _parts(body, wire.stream_field(stream), id_text, revision, position, name, created)
        found = leaf(stream, revision, name, id_, data, metadata)
        return Row(Raw(name, data, metadata, id_text, stream, revision, position), found, True)
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError):
        return Row(Raw(str(name), b"", b"", "", str(stream), revision if isinstance(revision, int) else -1, position), b"", False)


def _parts(body: bytes, stream: bytes, id_text: str, revision: int, position: int, name: str, created: int) -> tuple[bytes, bytes]:
    """(metadata, data) of a stored body that is, but for these two, exactly what its columns make of it; ValueError otherwise."""
    place = wire.varint(position)
    head = b"".join(
        (wire.ID_FIELD, id_text.encode("ascii"), stream, b"\x18", wire.varint(revision), b"\x20", place, b"\x28", place,
         wire.type_entry(name), wire.created_entry(created))
    )  # fmt: skip
    length, at = wire.read_varint(body, 1)
    whole = at + length
    length, at = wire.read_varint(body, at + 1)
    end = at + length
    if not body.startswith(head, at):
        raise ValueError("head")
    at += len(head)
    kind = wire.JSON_ENTRY if body.startswith(wire.JSON_ENTRY, at) else wire.BINARY_ENTRY
    start = at + len(kind)
    length, at = wire.read_varint(body, start + 1)
    metadata = body[at : at + length]
    length, at = wire.read_varint(body, at + length + 1)
    data = body[at : at + length]
    if wire.read_event(head + kind + wire.field(0x3A, metadata) + wire.field(0x42, data), None, place) != body or not whole >= end:
        raise ValueError("body")
    return metadata, data
