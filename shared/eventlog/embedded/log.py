"""The log in memory: a queue of commands, one group commit at a time, and the newest events for those who listen.

All of it lives on the event loop's thread; only the wait for the disk is elsewhere. While one batch is being committed the next
gathers, so many callers share one flush, and a lone caller waits for nobody. A command is answered only after its commit.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from shared import metrics
from shared.eventlog.embedded import storage
from shared.eventlog.embedded.storage import Entry, Reader
from shared.eventlog.embedded.writer import Result, Writer

T = TypeVar("T")

BATCH_COMMANDS = 512
BATCH_BYTES = 4 << 20
RING_ENTRIES = 8192
RING_BYTES = 32 << 20
READER_THREADS = 4

logger = logging.getLogger("minzheng.eventlog")


class LogClosed(Exception):
    """The server is stopping."""


class Ring:
    """The newest committed events, so that live readers need no disk. Bounded in number and in bytes; trimmed by halves."""

    def __init__(self, tail: int) -> None:
        self.since = tail  # everything after this position is here
        self._positions: list[int] = []
        self._entries: list[Entry] = []
        self._bytes = 0

    def extend(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)
        for entry in entries:
            self._positions.append(entry.position)
            self._bytes += len(entry.body)
        while len(self._entries) > 1 and (len(self._entries) > RING_ENTRIES or self._bytes > RING_BYTES):
            half = len(self._entries) // 2
            self._bytes -= sum(len(entry.body) for entry in self._entries[:half])
            self.since = self._positions[half - 1]
            del self._entries[:half]
            del self._positions[:half]

    def after(self, position: int, limit: int) -> list[Entry] | None:
        """Entries after a position, or None if some of them are no longer here."""
        if position < self.since:
            return None
        start = bisect_right(self._positions, position)
        return self._entries[start : start + limit]


class _Command:
    """One thing to do in a transaction, and who waits for it."""

    __slots__ = ("answer", "expires", "run", "size")

    def __init__(self, run: Callable[[Writer], Result], size: int, expires: float | None, answer: asyncio.Future[Result]) -> None:
        self.run = run
        self.size = size
        self.expires = expires
        self.answer = answer


class Log:
    """A log in a directory. Made, used and closed on one event loop."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / storage.FILE_NAME
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(storage.open_writer(self._path))
        self._commands: deque[_Command] = deque()
        self._in_flight: list[tuple[_Command, Result]] | None = None
        self._began = 0.0  # when it was given to the committing thread
        self._flush_scheduled = False
        self._to_commit: SimpleQueue[bool] = SimpleQueue()
        self._committer = threading.Thread(target=self._commit_forever, name="eventlog-commit", daemon=True)
        self._committer.start()
        self._writer.begin()
        self._writer.found()
        self._writer.flush()
        self._writer.commit()
        self._writer.committed()
        self.tail = self._writer.tail
        self._ring = Ring(self.tail)
        self._waiting_for_any: list[asyncio.Future[None]] = []
        self._waiting_for_stream: dict[str, list[asyncio.Future[None]]] = {}
        self._reader = Reader(self._path)  # for small reads, made right here on the loop
        self._local = threading.local()
        self._readers: list[Reader] = []
        self._pool = ThreadPoolExecutor(READER_THREADS, "eventlog-read")
        self._closing = False

    # -- writing

    def submit(self, run: Callable[[Writer], Result], size: int = 0, expires: float | None = None) -> asyncio.Future[Result]:
        """Queue a command. The future raises TimeoutError if its time (of the loop's clock) passed before its turn came."""
        answer: asyncio.Future[Result] = self._loop.create_future()
        if self._closing:
            answer.set_exception(LogClosed())
            return answer
        self._commands.append(_Command(run, size, expires, answer))
        if not self._flush_scheduled and self._in_flight is None:
            # Not at once: whatever else this turn of the loop brings in joins the batch.
            self._flush_scheduled = True
            self._loop.call_soon(self._start_batch)
        return answer

    def _start_batch(self) -> None:
        self._flush_scheduled = False
        if self._in_flight is not None or not self._commands:
            return
        taken = self._take()
        batch: list[tuple[_Command, Result]] = []
        try:
            self._writer.begin()
            for command in taken:
                batch.append((command, command.run(self._writer)))
            self._writer.flush()
        except Exception as error:  # whatever it was, nothing of this batch may be half done
            self._fail(taken, error)
            return
        self._in_flight = batch
        self._began = time.perf_counter()
        self._to_commit.put(True)

    def _take(self) -> list[_Command]:
        """The next batch: those still waited for, up to a bound of number and bytes."""
        taken: list[_Command] = []
        size = 0
        while self._commands and len(taken) < BATCH_COMMANDS and size < BATCH_BYTES:
            command = self._commands.popleft()
            if command.answer.done():  # the caller went away before its turn: its append never happened
                continue
            if command.expires is not None and self._loop.time() >= command.expires:
                command.answer.set_exception(TimeoutError())
                continue
            taken.append(command)
            size += command.size
        return taken

    def _commit_forever(self) -> None:
        """The committing thread: its only work is to wait for the disk."""
        while self._to_commit.get():
            failure: Exception | None = None
            try:
                self._writer.commit()
            except sqlite3.Error as error:
                failure = error
            try:
                self._loop.call_soon_threadsafe(self._finish_batch, failure)
            except RuntimeError:  # the loop is gone: nobody is left to answer
                return

    def _finish_batch(self, failure: Exception | None) -> None:
        batch, self._in_flight = self._in_flight or [], None
        if failure is not None:
            self._fail([command for command, _ in batch], failure)
        else:
            entries = self._writer.committed()
            metrics.LOG_GROUP.observe(len(batch))
            metrics.LOG_COMMIT_SECONDS.observe(time.perf_counter() - self._began)
            metrics.LOG_EVENTS.inc(len(entries))
            self.tail = self._writer.tail
            if entries:  # subscribers first: whoever appended has only to hear that it is done, they have still far to go
                self._ring.extend(entries)
                self._wake(entries)
            for command, result in batch:
                if not command.answer.done():
                    command.answer.set_result(result)
        if self._commands:
            self._start_batch()

    def _fail(self, commands: Sequence[_Command], error: Exception) -> None:
        """Nothing of the batch is on disk: say so to everyone in it, and start from what is."""
        logger.error("批次未能写入磁盘，已回滚：%s", type(error).__name__)
        for command in commands:
            if not command.answer.done():
                command.answer.set_exception(storage.StorageError(type(error).__name__))
        try:
            self._writer.rollback()
        except sqlite3.Error:
            # What is on disk is whole, but this process no longer knows it: better to write nothing more than to guess.
            logger.critical("数据库无法回滚，停止接受写入，请检查磁盘后重启")
            self.stop_listening()
            for command in self._commands:
                if not command.answer.done():
                    command.answer.set_exception(LogClosed())
            self._commands.clear()
        if self._commands and not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._start_batch)

    # -- reading

    def small_stream_page(self, name: str, at: int | None, backwards: bool, limit: int) -> tuple[storage.StreamView, list[Entry]]:
        """The first, small page of a stream, read on the spot: most streams end in it, and a thread would cost more than the read."""
        return self._reader.stream_page(name, at, backwards, limit)

    def small_all_page(self, at: int, backwards: bool, limit: int, with_stream: bool) -> list[Entry]:
        return self._reader.all_page(at, backwards, limit, with_stream)

    def last_revision(self, name: str) -> int:
        """The true last revision of a stream, hidden or not."""
        return self._reader.last_revision(name)

    def linked(self, body: bytes) -> bytes | None:
        return self._reader.linked(body)

    async def stream_page(self, name: str, at: int | None, backwards: bool, limit: int) -> tuple[storage.StreamView, list[Entry]]:
        """A page of a stream, read in another thread."""
        return await self._elsewhere(lambda reader: reader.stream_page(name, at, backwards, limit))

    async def all_page(self, at: int, backwards: bool, limit: int, with_stream: bool) -> list[Entry]:
        """A page of the log, read in another thread."""
        return await self._elsewhere(lambda reader: reader.all_page(at, backwards, limit, with_stream))

    async def _elsewhere(self, ask: Callable[[Reader], T]) -> T:
        return await self._loop.run_in_executor(self._pool, self._ask, ask)

    def _ask(self, ask: Callable[[Reader], T]) -> T:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = Reader(self._path)
            self._readers.append(reader)
        return ask(reader)

    def recent(self, position: int, limit: int) -> list[Entry] | None:
        """Committed events after a position if memory still holds them all."""
        return self._ring.after(position, limit)

    # -- waiting

    async def news(self, stream: str | None) -> None:
        """Until something is committed, in one stream or at all. Only after having looked: no await may stand between."""
        if self._closing:
            raise LogClosed
        waiter: asyncio.Future[None] = self._loop.create_future()
        waiters = self._waiting_for_any if stream is None else self._waiting_for_stream.setdefault(stream, [])
        waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in waiters:
                waiters.remove(waiter)
                if stream is not None and not waiters:
                    self._waiting_for_stream.pop(stream, None)

    def _wake(self, entries: Sequence[Entry]) -> None:
        waiters, self._waiting_for_any = self._waiting_for_any, []
        if self._waiting_for_stream:
            for name in {entry.stream for entry in entries}:
                waiters = waiters + self._waiting_for_stream.pop(name, [])
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # -- the end

    def values(self) -> Iterable[metrics.Value]:
        """For a scrape."""
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        yield metrics.LOG_BYTES, (), sum(file.stat().st_size for file in files if file.exists())
        yield metrics.LOG_HEAD, (), self.tail

    @property
    def closing(self) -> bool:
        """Whether it refuses appends: it is being stopped, or what is on disk could not be made sense of."""
        return self._closing

    def stop_listening(self) -> None:
        """Refuse new commands and end every wait."""
        self._closing = True
        waiters = self._waiting_for_any + [waiter for some in self._waiting_for_stream.values() for waiter in some]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(LogClosed())

    async def close(self) -> None:
        """Finish what was accepted, then let go of the file."""
        self.stop_listening()
        while self._in_flight is not None or self._commands:
            await asyncio.sleep(0.005)
        self._to_commit.put(False)
        await self._loop.run_in_executor(None, self._committer.join)
        self._pool.shutdown(wait=True)
        for reader in [*self._readers, self._reader]:
            reader.close()
        self._writer.close()
