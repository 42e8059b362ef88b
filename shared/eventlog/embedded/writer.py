"""The one hand that writes: applies appends and deletes to an open transaction.

Everything here runs between a ``begin`` and the commit that answers it. The writer sees its own uncommitted work, so two appends of
the same batch meet each other exactly as if they had come one after the other.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from shared.eventlog.embedded import rules, storage, wire
from shared.eventlog.embedded.rules import ANY, DELETED, NO_STREAM, Decision, Outcome, decide
from shared.eventlog.embedded.storage import Entry, Row

METADATA_TYPE = "$metadata"
TOMBSTONE_TYPE = "$streamDeleted"
REMEMBERED_IDS = 100_000
REMEMBERED_STREAMS = 50_000

K = TypeVar("K")
V = TypeVar("V")


class NewEvent(NamedTuple):
    """An event to append, its parts as they came."""

    id: bytes
    id_text: str
    type: str
    json: bool
    metadata: bytes
    data: bytes


class Appended(NamedTuple):
    """Written, now or the first time. ``revision`` is -1 if nothing was appended to nothing."""

    revision: int
    position: int


class WrongVersion(NamedTuple):
    current: int


class StreamGone(NamedTuple):
    """Tombstoned, or soft-deleted where the stream was expected to exist."""

    stream: str


Result = Appended | WrongVersion | StreamGone


class _Head:
    """What the writer knows of a stream's end."""

    __slots__ = ("id", "last", "soft_deleted")

    def __init__(self, stream: int | None, last: int, soft_deleted: bool) -> None:
        self.id = stream
        self.last = last
        self.soft_deleted = soft_deleted


class Memory(Generic[K, V]):
    """A bounded map that forgets what was not used for long: two generations, the older dropped when the younger is full."""

    def __init__(self, bound: int) -> None:
        self._half = max(1, bound // 2)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is None and (found := self._old.pop(key, None)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def clear(self) -> None:
        self._young, self._old = {}, {}


class Writer:
    """Applies commands to the database; keeps the ends of streams and the newest ids in bounded memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._clock = time.time_ns
        self._heads: Memory[str, _Head] = Memory(REMEMBERED_STREAMS)
        self._recent: Memory[tuple[bytes, str], int] = Memory(REMEMBERED_IDS)  # id and stream -> revision
        self._rows: list[Row] = []
        self.entries: list[Entry] = []  # written in the open transaction, for live readers once it is committed
        self._recall()

    # -- the transaction

    def begin(self) -> None:
        self._connection.execute("begin immediate")

    def flush(self) -> None:
        """Put what was buffered into the transaction: before a look-up that might need it, and before the commit."""
        if self._rows:
            self._connection.executemany(storage.INSERT_EVENT, self._rows)
            self._rows.clear()

    def commit(self) -> None:
        """The only call made from another thread: it waits for the disk."""
        self._connection.execute("commit")

    def committed(self) -> list[Entry]:
        entries, self.entries = self.entries, []
        return entries

    def rollback(self) -> None:
        """Forget the batch and everything believed because of it."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        self._rows.clear()
        self.entries.clear()
        self._recall()

    def close(self) -> None:
        self._connection.close()

    def _recall(self) -> None:
        """Learn from the database where the log ends and which ids are the newest."""
        self._heads.clear()
        self._recent.clear()
        last = self._connection.execute("select position, created, body from event order by position desc limit 1").fetchone()
        self.tail = -1 if last is None else last[0]
        self._next = 0 if last is None else last[0] + storage.span(last[2])
        self._created = 0 if last is None else last[1]
        newest = self._connection.execute(
            "select e.id, s.name, e.revision from event e cross join stream s on s.id = e.stream_id"
            " order by e.position desc limit ?",
            (REMEMBERED_IDS // 2,),
        ).fetchall()
        for event_id, name, revision in reversed(newest):
            self._recent.put((event_id, name), revision)

    # -- the commands

    def found(self) -> None:
        """A new log begins with a system event, so that position 0 is nobody's: a subscription from 0 misses nothing."""
        if self.tail < 0:
            data = json.dumps({"$maxAge": 30 * 24 * 3600}).encode()
            self._record("$$$scavenges", self._head("$$$scavenges"), [self._system_event(METADATA_TYPE, data)])

    def append(self, stream: str, expected: int, events: Sequence[NewEvent]) -> Result:
        head = self._head(stream)
        original = self._head(stream[2:]) if stream.startswith("$$") else None
        if original is not None and original.last == DELETED:
            return StreamGone(stream)
        decision = self._decide(stream, head, expected, [event.id for event in events])
        if decision.outcome is Outcome.WRONG_VERSION:
            return WrongVersion(head.last)
        if decision.outcome is Outcome.DELETED:
            return StreamGone(stream)
        if decision.outcome is Outcome.ALREADY_WRITTEN:
            return Appended(decision.last, self._position(head, decision.last))
        if not events:
            return Appended(head.last, max(0, self.tail))
        reopen_at = head.last + 1
        reopen_original = original is not None and original.soft_deleted
        result = self._record(stream, head, events)
        if decision.reopen:
            self._reopen(stream, reopen_at)
        if original is not None and reopen_original:
            self._reopen(stream[2:], original.last + 1)
        return result

    def delete(self, stream: str, expected: int) -> Result:
        """Soft: the metadata hides all there is. The numbering goes on if the stream is written again."""
        refusal = self._refuse_removal(stream, expected)
        if refusal is not None:
            return refusal
        metastream = "$$" + stream
        metahead = self._head(metastream)
        if self._head(stream).last < 0 and metahead.last < 0:
            return WrongVersion(-1)
        data = json.dumps({"$tb": DELETED}).encode()
        return self._record(metastream, metahead, [self._system_event(METADATA_TYPE, data)])

    def tombstone(self, stream: str, expected: int) -> Result:
        """Hard: a last event at the highest revision there can be. The name is spent."""
        refusal = self._refuse_removal(stream, expected)
        if refusal is not None:
            return refusal
        head = self._head(stream)
        head.last = DELETED - 1
        fresh_id, text = storage.new_id()
        return self._record(stream, head, [NewEvent(fresh_id, text, TOMBSTONE_TYPE, False, b"", b"")])

    # -- their parts

    def _refuse_removal(self, stream: str, expected: int) -> Result | None:
        head = self._head(stream)
        if stream.startswith("$$") and self._head(stream[2:]).last == DELETED:
            return StreamGone(stream)
        decision = self._decide(stream, head, expected, [storage.new_id()[0]])
        if decision.outcome is Outcome.WRONG_VERSION:
            return WrongVersion(head.last)
        if decision.outcome is Outcome.DELETED:
            return StreamGone(stream)
        return None

    def _decide(self, stream: str, head: _Head, expected: int, ids: Sequence[bytes]) -> Decision:
        if head.last < 0 and not head.soft_deleted and expected in (ANY, NO_STREAM):
            return rules.WRITE  # a new stream, the commonest case, needs no questions

        def recent(event_id: bytes) -> int | None:
            return self._recent.get((event_id, stream))

        def recorded(revision: int) -> bytes | None:
            self.flush()
            row = self._connection.execute("select id from event where stream_id = ? and revision = ?", (head.id, revision)).fetchone()
            return None if row is None else row[0]

        return decide(expected, ids, head.last, head.soft_deleted, lambda: self._head("$$" + stream).last >= 0, recent, recorded)

    def _head(self, stream: str) -> _Head:
        head = self._heads.get(stream)
        if head is None:
            self.flush()
            number = storage.stream_id(self._connection, stream)
            last = storage.last_revision(self._connection, number)
            raw = b"" if stream.startswith("$$") else storage.load_metadata(self._connection, stream)[1]
            head = _Head(number, last, bool(raw) and storage.parse_metadata(raw).soft_deleted)
            self._heads.put(stream, head)
        return head

    def _position(self, head: _Head, revision: int) -> int:
        self.flush()
        row = self._connection.execute("select position from event where stream_id = ? and revision = ?", (head.id, revision)).fetchone()
        return 0 if row is None else int(row[0])

    def _record(self, stream: str, head: _Head, events: Sequence[NewEvent]) -> Appended:
        """Write events at a stream's end. Nothing is judged here."""
        if head.id is None:
            head.id = int(self._connection.execute("insert into stream (name) values (?)", (stream,)).lastrowid or 0)
        # A clock set back must not make times in the log run backwards: $maxAge is searched by halves.
        self._created = created = max(self._created, self._clock() // 100)
        stamp = wire.created_entry(created)
        name = wire.stream_field(stream)
        revision, position = head.last, self._next
        for event in events:
            revision += 1
            position = self._next
            entries = wire.type_entry(event.type) + stamp + (wire.JSON_ENTRY if event.json else wire.BINARY_ENTRY)
            body = wire.encode_event(event.id_text, name, revision, position, entries, event.metadata, event.data)
            self._next = position + storage.span(body)
            self._rows.append(Row(position, head.id, revision, created, event.id, event.type, body))
            self.entries.append(Entry(position, stream, revision, event.type, body))
            self._recent.put((event.id, stream), revision)
        head.last = revision
        self.tail = position
        if stream.startswith("$$"):
            last = events[-1]
            self._head(stream[2:]).soft_deleted = last.json and storage.parse_metadata(last.data).soft_deleted
        return Appended(revision, position)

    def _reopen(self, stream: str, first: int) -> None:
        """Write metadata under which a soft-deleted stream shows what comes from ``first`` on, its other settings kept."""
        self.flush()
        _, raw = storage.load_metadata(self._connection, stream)
        try:
            settings = json.loads(raw)
        except ValueError:
            return
        if isinstance(settings, dict):
            settings["$tb"] = first
            metastream = "$$" + stream
            self._record(metastream, self._head(metastream), [self._system_event(METADATA_TYPE, json.dumps(settings).encode())])

    @staticmethod
    def _system_event(event_type: str, data: bytes) -> NewEvent:
        fresh_id, text = storage.new_id()
        return NewEvent(fresh_id, text, event_type, True, b"", data)
