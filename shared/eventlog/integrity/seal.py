"""Sealing (封存): a process beside everything else follows the log, adds its events to the tree and signs how far it came.

Nobody waits for it: events are in the log long before they are in the tree, and a seal that is away for a day has a day to catch up with.
Where it stands is in its own tables, moved in the transaction that adds the leaves; two at once do not harm each other, the second finds
what it has there already. Checkpoints are appended to ``integrity.checkpoints`` in the log and written to a file for whoever keeps them
outside: who has one can show that the log was rewritten before it, whatever was done to log and tree together.

Nothing is signed that does not begin with what was signed before: the newest checkpoint in the log and the one in the file are held against
the kept tree first, and the kept tree's last leaf against the log before anything is added to it. A tree that was damaged, and a log that
was set back (with its tree or without), stop the seal; somebody has to look (docs/integrity.md).
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import metrics
from shared.clock import Clock
from shared.eventlog.client import NO_STREAM, Log, LogUnavailable, Raw, WrongVersion
from shared.eventlog.integrity import tree
from shared.eventlog.integrity.checkpoint import Checkpoint, signed, size_of, stated
from shared.eventlog.integrity.leaf import OF_THE_TREE, leaf_of
from shared.eventlog.integrity.nodes import MissingNode, Nodes
from shared.eventlog.lag import PATIENCE, of_seal
from shared.eventlog.reader import CaughtUp
from shared.eventlog.tail import Tail
from shared.health import HEALTH, beat

STREAM = "integrity.checkpoints"
SIGNED = "integrity.checkpoint_signed"
MOST = 4_000  # events in one transaction
EVERY = 10.0  # seconds between checkpoints while events come; the last one follows when they stop
IDLE = 0.5
_LOCK = 20_230_702


class NotGoingOn(Exception):
    """What was sealed before, and what is there now, do not fit: nothing is signed. The message is in Chinese."""


class TreeAhead(NotGoingOn):
    """Something was sealed that the log has not: a log that was set back, or the tree of another."""


class TreeDamaged(NotGoingOn):
    """The kept tree has not the root that was signed, or cannot be read."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}，没有签名。{REBUILD}")


REBUILD = "请先运行 minzheng audit verify；日志无误、只是完整性树有损的，清空完整性库后重新封存即可。"


class Seal:
    """Keeps the tree of one log. ``origin`` names it in every checkpoint (``minzheng.<district>``)."""

    def __init__(
        self, log: Log, engine: sa.Engine, key: Ed25519PrivateKey, origin: str, clock: Clock, published: Path | None = None
    ) -> None:
        self._log, self._engine, self._key, self._origin, self._clock, self._published = log, engine, key, origin, clock, published
        self._asking = Log(log.uri, timeout=PATIENCE)  # for scrapes
        Nodes.create(engine)
        self._signed = -1  # size of the newest checkpoint

    def run(self, stopping: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Seal until told to stop; a log that is away is waited for."""
        while not stopping.is_set():
            beat("seal")
            try:
                self._follow(stopping, ready)
            except LogUnavailable:
                stopping.wait(2.0)

    def values(self) -> Iterable[metrics.Value]:
        """For a scrape."""
        behind = of_seal(self._asking, self._engine)
        yield metrics.SEAL_LAG_POSITIONS, (), behind.positions
        yield metrics.SEAL_LAG_SECONDS, (), behind.seconds

    def catch_up(self) -> Checkpoint:
        """Seal what is in the log now, and sign; for commands and tests."""
        done = threading.Event()
        self._follow(done, done.set)
        return self.sign()

    def sign(self, *, whole: bool = True) -> Checkpoint:
        """Sign the tree as it stands, unless a checkpoint of this size is there; refused when what was signed before is not its beginning.

        ``whole``: the tree has everything that the log has; one that is still being made again may be smaller than what was signed.
        """
        newest = newest_note(self._log)  # before the tree is looked at, which only grows
        published = self._told()
        try:
            with self._engine.connect() as connection:
                kept = Nodes(connection)
                size = kept.size
                at = kept.position(size - 1) if size else -1
                made = Checkpoint(self._origin, size, tree.root(size, kept), at, self._clock.now())
                behind = [
                    not self._begins(kept, size, note, where, whole=whole)
                    for note, where in ((newest[1] if newest else None, "日志中最新的检查点"), (published, f"{self._published}"))
                    if note is not None
                ]
        except MissingNode as error:
            raise TreeDamaged("完整性树不全") from error
        if any(behind):
            return made
        note = signed(made, self._key) if newest is None or size_of(newest[1]) < size else newest[1]
        if newest is None or note != newest[1]:
            version = NO_STREAM if newest is None else newest[0]
            body = json.dumps({"note": note}, ensure_ascii=False).encode()
            try:
                self._log.append(STREAM, [Raw(SIGNED, body, b"{}", str(uuid.uuid4()))], version)
            except WrongVersion:  # another one has signed; ours says nothing more
                return made
            metrics.CHECKPOINTS.inc()
        if note != published:  # also after a seal was killed between the two
            self._publish(note)
        self._signed = size
        return made

    @staticmethod
    def _begins(kept: Nodes, size: int, note: str, where: str, *, whole: bool) -> bool:
        """Whether the tree of a checkpoint is the beginning of the kept one; False while the kept one is still being made again."""
        known = stated(note)
        if known is None:
            raise NotGoingOn(f"{where}不是检查点，没有签名：请先运行 minzheng audit verify 查明。")
        if known.size > size and whole:
            raise TreeAhead(f"{where}证明曾有 {known.size} 个事件，现在只有 {size} 个：日志被退回，没有签名。")
        if known.size <= size and tree.root(known.size, kept) != known.root:
            raise TreeDamaged(f"完整性树的前 {known.size} 个叶子与{where}不符")
        return known.size <= size

    def _told(self) -> str | None:
        """The checkpoint in the file outside the log."""
        try:
            return None if self._published is None else self._published.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def _publish(self, note: str) -> None:
        if self._published is not None:
            self._published.parent.mkdir(parents=True, exist_ok=True)
            beside = self._published.with_suffix(f".{os.getpid()}")
            beside.write_text(note, encoding="utf-8")
            beside.replace(self._published)

    def _follow(self, stopping: threading.Event, ready: Callable[[], None]) -> None:
        with self._engine.connect() as connection:
            kept = Nodes(connection)
            try:
                size = kept.size
                at, last = (kept.position(size - 1), kept(0, size - 1)) if size else (-1, b"")
            except MissingNode as error:
                raise TreeDamaged("完整性树不全") from error
        if at > self._log.head():
            raise TreeAhead("完整性树中的事件多于事件日志：日志被退回，或这是另一个日志的树。")
        if size:
            there = self._log.at(at)
            if there is None or leaf_of(there) != last:
                raise TreeAhead("最后封存的事件在日志中已是另一个：日志被退回后又有新增，或被改动，或这是另一个日志的树。")
        tail: Tail[Raw] = Tail(self._log, at, lambda raw: raw, **OF_THE_TREE)
        signed_at, behind = time.monotonic(), True
        try:
            while not stopping.is_set():
                beat("seal")
                items = tail.take(MOST, IDLE)
                events = [item for item in items if isinstance(item, Raw)]
                if events:
                    size = self._add(events)
                caught_up = any(isinstance(item, CaughtUp) for item in items)
                behind = behind and not caught_up
                if size > self._signed and (caught_up or (time.monotonic() - signed_at > EVERY) or (not behind and not items)):
                    self.sign(whole=not behind)
                    signed_at = time.monotonic()
                if caught_up:
                    ready()
        finally:
            tail.stop()
            HEALTH.forget("seal")  # who seals once is not missed afterwards

    def _add(self, events: list[Raw]) -> int:
        with self._engine.execution_options(writes=True).begin() as tx:
            if tx.dialect.name == "postgresql":
                tx.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
            kept = Nodes(tx)
            size = kept.size
            last = kept.position(size - 1) if size else -1
            new = [e for e in events if e.position > last]
            if new:
                metrics.SEALED.inc(len(new))
                size = kept.append([leaf_of(e) for e in new], [e.position for e in new])
                kept.flush()
        return size


def published_in(var: Path) -> Path:
    """Where the newest checkpoint lies outside the log."""
    return var / "integrity" / "checkpoint"


def newest_note(log: Log) -> tuple[int, str] | None:
    """The newest checkpoint in the log with its version in the stream. There are thousands a day: it is read from the end."""
    newest = log.last(STREAM)
    return None if newest is None else (newest.version, note_in(newest))


def notes_of(log: Log) -> list[str]:
    """All checkpoints in the log, oldest first."""
    return [note_in(raw) for raw in log.read(STREAM)]


def note_of(log: Log, size: int) -> str | None:
    """The checkpoint of a size, found by halves: they grow with the stream. One that nobody can read any more is stepped over."""
    newest = newest_note(log)
    low, high = 0, -1 if newest is None else newest[0]
    while low <= high:
        middle = (low + high) // 2
        for at in range(middle, high + 1):
            note = "".join(note_in(raw) for raw in log.read(STREAM, at, 1))
            found = size_of(note)
            if found >= 0:
                break
        else:
            found = size + 1  # nothing behind the middle: on before it
        if found == size:
            return note
        low, high = (at + 1, high) if found < size else (low, middle - 1)
    return None


def note_in(event: Raw) -> str:
    """The checkpoint that an event holds; "" for one that holds none any more: whoever opens it says so."""
    try:
        note = str(json.loads(event.data)["note"])
        note.encode()  # half of a surrogate pair is no text that a page or a file could hold
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return note
