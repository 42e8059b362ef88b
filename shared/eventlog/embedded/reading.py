"""Reads and catch-up subscriptions: pages from the log, one message at a time to the caller.

No more than one page is held for a caller. gRPC's flow control makes ``write`` wait for a slow one, and a subscriber who falls behind
what memory still holds goes on from disk: slowness costs time, never memory, and nobody is thrown out for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shared.eventlog.embedded import errors, wire
from shared.eventlog.embedded.filters import Filter
from shared.eventlog.embedded.log import Log
from shared.eventlog.embedded.rules import DELETED
from shared.eventlog.embedded.storage import Entry, StreamView

FIRST_PAGE = 48  # read on the event loop itself, so kept small
PAGE = 512
LINK_TYPE = "$>"


@dataclass(frozen=True, slots=True)
class Shape:
    """How the caller wants its events."""

    resolve_links: bool
    structured_ids: bool

    @property
    def plain(self) -> bool:
        """As they are stored."""
        return not self.resolve_links and not self.structured_ids


class Outlet:
    """One caller: turns entries into messages and writes them."""

    def __init__(self, log: Log, context: Any, shape: Shape) -> None:
        self._log = log
        self._write = context.write
        self._shape = shape
        self._plain = shape.plain

    async def send(self, entry: Entry) -> None:
        await self._write(entry.body if self._plain else self._reshape(entry))

    async def say(self, message: bytes) -> None:
        await self._write(message)

    def _reshape(self, entry: Entry) -> bytes:
        if not (self._shape.resolve_links and entry.type == LINK_TYPE):
            return wire.with_structured_id(entry.body) if self._shape.structured_ids else entry.body
        link: bytes = wire.recorded_part(entry.body)
        event = self._log.linked(entry.body)
        if self._shape.structured_ids:
            link = wire.structured_record(link)
            event = None if event is None else wire.structured_record(event)
        return wire.read_event(event, link, wire.varint(entry.position))


async def read_stream(log: Log, outlet: Outlet, name: str, start: int | None, backwards: bool, limit: int, positions: bool) -> None:
    """Read a stream. ``positions``: the caller asked to be told where the stream begins and ends."""
    at = start
    first_page = True
    while True:
        view, page = await _stream_page(log, name, at, backwards, min(limit, PAGE), first_page)
        if view.state == "deleted":
            raise errors.stream_deleted(name)
        if view.state == "absent":
            if first_page:
                await outlet.say(wire.stream_not_found(name))
            return
        if first_page and positions and not backwards:
            begin = start or 0
            if begin < view.first:
                await outlet.say(wire.first_stream_position(view.first))
            elif not page and begin != view.last + 1:
                await outlet.say(wire.first_stream_position(view.last + 1))
        first_page = False
        for entry in page:
            await outlet.send(entry)
        limit -= len(page)
        if not page or limit <= 0 or (page[-1].revision <= view.first if backwards else page[-1].revision >= view.last):
            if positions:
                await outlet.say(wire.last_stream_position(view.last))
            return
        at = page[-1].revision + (-1 if backwards else 1)


async def _stream_page(
    log: Log, name: str, at: int | None, backwards: bool, limit: int, here: bool
) -> tuple[StreamView, Sequence[Entry]]:
    if here:
        return log.small_stream_page(name, at, backwards, min(limit, FIRST_PAGE))
    return await log.stream_page(name, at, backwards, limit)


async def read_all(log: Log, outlet: Outlet, start: int | None, backwards: bool, limit: int, wanted: Filter | None) -> None:
    """Read the log. Forwards a position includes the event there, backwards it does not."""
    at = (DELETED if backwards else 0) if start is None else start
    by_stream = wanted is not None and wanted.by_stream
    size = FIRST_PAGE
    while limit > 0:
        rows = size if wanted is not None else min(size, limit)
        if size == FIRST_PAGE:
            page = log.small_all_page(at, backwards, rows, by_stream)
        else:
            page = await log.all_page(at, backwards, rows, by_stream)
        size = PAGE
        for entry in page:
            if wanted is None or wanted.allows(entry.stream if by_stream else entry.type):
                await outlet.send(entry)
                limit -= 1
                if limit <= 0:
                    return
        if not page:
            return
        at = page[-1].position if backwards else page[-1].position + 1


async def subscribe_stream(log: Log, outlet: Outlet, name: str, start: int | None, from_end: bool) -> None:
    """Follow a stream, present or yet to come, from after revision ``start``. Ends only with the call or with the stream's tombstone.

    What is past is read from the stream, so its metadata hides what it hides; what is live comes from memory and is never hidden.
    """
    last = log.last_revision(name)
    if last == DELETED:
        raise errors.stream_deleted(name)
    after = last if from_end else (-1 if start is None else start)
    await outlet.say(wire.confirmation(str(uuid4())))
    while True:
        after = await _catch_up(log, outlet, name, after)
        position = log.tail  # nothing has been awaited since the stream was seen to hold no more
        await outlet.say(wire.CAUGHT_UP)
        while (page := log.recent(position, PAGE)) is not None:
            for entry in page:
                if entry.stream == name and entry.revision > after:
                    if entry.revision == DELETED:
                        raise errors.stream_deleted(name)
                    await outlet.send(entry)
                    after = entry.revision
            if page:
                position = page[-1].position
            else:
                await log.news(name)


async def _catch_up(log: Log, outlet: Outlet, name: str, after: int) -> int:
    """Send what the stream holds after a revision; the revision reached."""
    while True:
        view, page = log.small_stream_page(name, after + 1, False, FIRST_PAGE)
        while True:
            if view.state == "deleted":
                raise errors.stream_deleted(name)
            if not page:
                break
            for entry in page:
                await outlet.send(entry)
            after = page[-1].revision
            view, page = await log.stream_page(name, after + 1, False, PAGE)
        view, page = log.small_stream_page(name, after + 1, False, 1)
        if not page:
            return after


async def subscribe_all(log: Log, outlet: Outlet, start: int | None, from_end: bool, wanted: Filter | None) -> None:
    """Follow the log from after position ``start``. A filtered subscription is told by checkpoints how far it has been looked through."""
    after = log.tail if from_end else (-1 if start is None else start)
    by_stream = wanted is not None and wanted.by_stream
    checkpoint = -1  # the last one said
    considered = 0  # events looked at since
    moved = False
    behind = True
    await outlet.say(wire.confirmation(str(uuid4())))
    while True:
        recent = log.recent(after, PAGE)
        behind = behind or recent is None
        page = await log.all_page(after + 1, False, PAGE, by_stream) if recent is None else recent
        for entry in page:
            if wanted is None:
                await outlet.send(entry)
            else:
                if wanted.allows(entry.stream if by_stream else entry.type):
                    await outlet.send(entry)
                considered += 1
                if considered >= wanted.interval:
                    considered = 0
                    checkpoint = entry.position
                    await outlet.say(wire.checkpoint(checkpoint))
        if page:
            after = page[-1].position
            moved = True
            continue
        if behind:
            behind = False
            if wanted is not None and moved and after > checkpoint:
                checkpoint, considered = after, 0
                await outlet.say(wire.checkpoint(checkpoint))
            await outlet.say(wire.CAUGHT_UP)
            continue  # something may have come while we were saying so
        await log.news(None)
