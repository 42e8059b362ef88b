"""Reading much of the log (通读): what the relay, the projectors and a rebuild do all day.

The same esdbclient, with two things changed that a reader of thousands of events a second feels: the stream is received
without a second thread between (half the cost of an event), and an event is taken from the message as it came instead of
through the client's own record of it, whose time stamps and links nobody here looks at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import grpc
from esdbclient.exceptions import EventStoreDBClientException
from grpc.experimental import ChannelOptions

from shared.eventlog.client import CHANNEL, TIMEOUT, Client, LogUnavailable, Raw


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


class _Client(Client):
    channel = (*CHANNEL, (ChannelOptions.SingleThreadedUnaryStream, 1))


class Reader:
    """A connection to the log for long reads. Each of its readings belongs to the thread that iterates it."""

    def __init__(self, uri: str) -> None:
        try:
            self._client = _Client(uri=uri)
        except (EventStoreDBClientException, OSError) as error:
            raise LogUnavailable(type(error).__name__) from error

    def read(self, after: int, end: int, **options: Any) -> Iterator[Raw]:
        """The events after one commit position (-1: from the beginning) and up to another, in log order."""
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
        return Subscription(self._open(self._client.subscribe_to_all, after, options))

    def subscribe_stream(self, stream: str, after: int) -> Subscription:
        """What is added to one stream after a version (-1: all of it)."""
        return Subscription(
            self._open(self._client.subscribe_to_stream, None, {"stream_name": stream, "stream_position": after if after >= 0 else None})
        )

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
    """An open catch-up subscription: iterate it in one thread, stop it from any."""

    def __init__(self, reading: Any) -> None:
        self._reading = reading

    def __iter__(self) -> Iterator[Item]:
        return _items(self._reading)

    def stop(self) -> None:
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
