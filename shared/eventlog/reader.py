"""Reading much of the log (通读): what the relay, the projectors and a rebuild do all day.

The same esdbclient, with one thing changed that a reader of thousands of events a second feels: an event is taken from the message
as it came instead of through the client's own record of it, whose time stamps and links nobody here looks at. What is past may
come from the log's own file (near.py).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
from esdbclient.exceptions import EventStoreDBClientException

from shared.eventlog.client import TIMEOUT, Client, Log, LogUnavailable, Raw
from shared.eventlog.near import Near, past, wanted


class CaughtUp:
    """Everything that was in the log when the subscription was opened has been handed out."""


class Passed:
    """Events that the filter left out were passed up to ``position``."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


CAUGHT_UP = CaughtUp()
Item = Raw | Passed | CaughtUp


def of_service(service: str) -> dict[str, Any]:
    """The options that keep the streams of one service."""
    return {"filter_include": (re.escape(f"{service}.") + ".*",), "filter_by_stream_name": True}


class Reader:
    """A connection to the log for long reads. Each of its readings belongs to the thread that iterates it."""

    def __init__(self, log: Log) -> None:
        self._data = log.data
        try:
            self._client = Client(uri=log.uri)
        except (EventStoreDBClientException, OSError) as error:
            raise LogUnavailable(type(error).__name__) from error

    def read(self, after: int, end: int, **options: Any) -> Iterator[Raw]:
        """The events after one commit position (-1: from the beginning) and up to another, in log order."""
        near = self._near(after)
        if near is not None:
            try:
                for page, reached in past(near, after, wanted(**options)):
                    for event in page:
                        if event.position > end:
                            return
                        yield event
                    after = reached
                    if after >= end:
                        return
            except sqlite3.Error:
                pass  # the wire knows the rest
            finally:
                near.close()
        reading = self._open(self._client.read_all, after, options)
        try:
            for item in _items(reading):
                if isinstance(item, Raw):
                    if item.position > end:
                        return
                    if item.position > after:  # a read is inclusive of its position
                        yield item
        finally:
            reading.stop()

    def subscribe(self, after: int, **options: Any) -> Subscription:
        """The events after a position, and then for ever what is added."""
        return Subscription(
            lambda position: self._open(self._client.subscribe_to_all, position, options), after, self._near, wanted(**options)
        )

    def subscribe_stream(self, stream: str, after: int) -> Subscription:
        """What is added to one stream after a version (-1: all of it)."""
        position = {"stream_name": stream, "stream_position": after if after >= 0 else None}
        return Subscription(lambda _after: self._open(self._client.subscribe_to_stream, None, position))

    def _near(self, after: int) -> Near | None:
        """The log's file, if it is here, has anything to tell, and is the file of the log that answers at the address."""
        if self._data is None:
            return None
        near = None
        try:
            near = Near(self._data)
            last = near.last()
            if last is not None and last.position > after and self._has(last):
                return near
        except (OSError, sqlite3.Error):
            pass
        if near is not None:
            near.close()
        return None

    def _has(self, event: Raw) -> bool:
        with suppress(EventStoreDBClientException, ValueError):
            for found in self._client.read_all(commit_position=event.position, filter_exclude=(), limit=1, timeout=TIMEOUT):
                return found.commit_position == event.position and str(found.id) == event.id
        return False

    def _open(self, method: Any, after: int | None, options: dict[str, Any]) -> Any:
        if after is not None:
            options = {**options, "commit_position": after if after >= 0 else None}
        try:
            return method(**options)
        except (EventStoreDBClientException, ValueError) as error:  # ValueError: the channel was closed under us
            raise LogUnavailable(type(error).__name__) from error

    def head(self) -> int:
        try:
            return int(self._client.get_commit_position(timeout=TIMEOUT))
        except (EventStoreDBClientException, ValueError) as error:
            raise LogUnavailable(type(error).__name__) from error

    def close(self) -> None:
        self._client.close()


class Subscription:
    """A catch-up subscription: iterate it in one thread, stop it from any. ``near`` offers the file in which the past may be read."""

    def __init__(
        self,
        follow: Callable[[int], Any],
        after: int = -1,
        near: Callable[[int], Near | None] = lambda _after: None,
        allows: Callable[[Raw], bool] = lambda _event: True,
    ) -> None:
        self._follow = follow
        self._after = after
        self._near = near
        self._allows = allows
        self._reading: Any = None
        self._stopped = False

    def __iter__(self) -> Iterator[Item]:
        near = self._near(self._after)
        if near is not None:
            yield from self._past(near)
        if self._stopped:
            return
        self._reading = self._follow(self._after)
        if self._stopped:  # by another thread, which did not see it yet
            self._reading.stop()
        yield from _items(self._reading)

    def _past(self, near: Near) -> Iterator[Item]:
        try:
            for page, reached in past(near, self._after, self._allows):
                yield from page
                if not page or page[-1].position < reached:
                    yield Passed(reached)
                self._after = reached
                if self._stopped:
                    return
        except sqlite3.Error:
            pass  # the wire knows the rest, from the last whole page on
        finally:
            near.close()

    def stop(self) -> None:
        self._stopped = True
        if self._reading is not None:
            self._reading.stop()


def _items(reading: Any) -> Iterator[Item]:
    try:
        for message in reading._read_resps:
            content = message.WhichOneof("content")
            if content == "event":
                read = message.event
                e = read.event
                yield Raw(
                    e.metadata["type"],
                    e.data,
                    e.custom_metadata,
                    e.id.string,
                    e.stream_identifier.stream_name.decode(),
                    e.stream_revision,
                    read.commit_position,
                )
            elif content == "checkpoint":
                yield Passed(message.checkpoint.commit_position)
            elif content == "caught_up":
                yield CAUGHT_UP
    except grpc.RpcError as error:
        code = error.code().name if isinstance(error, grpc.Call) else type(error).__name__
        raise LogUnavailable(code) from None
