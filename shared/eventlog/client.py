"""The one way to the log (日志): esdbclient, to the embedded server or to a cluster.

Every call has a deadline and is emptied before it returns, so that it may run behind the native-thread boundary.
Errors become three: WrongVersion (decide again), LogUnavailable (try later), and bugs.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import esdbclient
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import (
    AlreadyExists,
    CancelledByClient,
    DeadlineExceeded,
    DiscoveryFailed,
    EventStoreDBClientException,
    GrpcError,
    NodeIsNotLeader,
    NotFound,
    ServiceUnavailable,
    WrongCurrentVersion,
)
from esdbclient.protos.Grpc import streams_pb2
from esdbclient.streams import ReadResponse
from grpc.experimental import ChannelOptions

from shared.eventlog.near import Nearby
from shared.eventlog.raw import Raw

NO_STREAM = -1
TIMEOUT = 10.0  # seconds for one call


class WrongVersion(Exception):
    """The stream is not at the version the writer expected."""


class LogUnavailable(Exception):
    """The log did not answer in time; an append may or may not have happened."""


@contextmanager
def _reaching() -> Iterator[None]:
    """Tells a log that is away from everything else that may go wrong."""
    try:
        yield
    except (ServiceUnavailable, DeadlineExceeded, NodeIsNotLeader, DiscoveryFailed, CancelledByClient, GrpcError) as error:
        raise LogUnavailable(type(error).__name__) from error
    except ValueError as error:
        # esdbclient reconnects by closing the channel that other threads are just about to use; gRPC then says this.
        if "closed" not in str(error).lower():
            raise
        raise LogUnavailable("ChannelClosed") from error


# gRPC shares connections, and the growing pauses between tries to make one, between all channels of a process to the same
# address; left alone, a log that was away for long would be asked again only minutes after it is back.
# And a call that streams would start a thread of its own to receive on; the thread that reads can do that itself, at half the cost.
CHANNEL = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    (ChannelOptions.SingleThreadedUnaryStream, 1),
)


class CutShort(GrpcError):  # type: ignore[misc,unused-ignore]
    """A read ended before its end."""


class _WholeRead(ReadResponse):  # type: ignore[misc,unused-ignore]
    """A read that raises when it is cut short. esdbclient's own simply ends, and its reconnecting, which closes the channel under
    every thread that is reading, would make a stream look shorter than it is, or empty."""

    def _get_next_read_resp(self) -> Any:
        try:
            return super()._get_next_read_resp()
        except CancelledByClient as error:
            raise CutShort from error


class _Streams:
    """The streams service of a connection, with reads that are whole."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def read(self, **options: Any) -> Any:
        found = self._service.read(**options)
        if type(found) is ReadResponse:  # a subscription is one too, and may be stopped by whoever holds it
            found.__class__ = _WholeRead
        return found


def _one_request(channel: Any) -> Any:
    """BatchAppend as esdbclient calls it, with one request and one answer, but without the two threads that Python's gRPC starts
    for every call that could have more: on the wire both are the same, and the thread that appends does it all itself."""
    call = channel.unary_unary(
        "/event_store.client.streams.Streams/BatchAppend",
        request_serializer=streams_pb2.BatchAppendReq.SerializeToString,
        response_deserializer=streams_pb2.BatchAppendResp.FromString,
    )

    def append(requests: Iterator[Any], **options: Any) -> tuple[Any]:
        return (call(next(requests), **options),)

    return append


class Client(EventStoreDBClient):  # type: ignore[misc,unused-ignore]
    """esdbclient, which comes back soon after the log does and never takes a part of a stream for the whole."""

    @property
    def streams(self) -> Any:
        return _Streams(super().streams)

    def _construct_esdb_connection(self, grpc_target: str, grpc_options: Any = ()) -> Any:
        connection = super()._construct_esdb_connection(grpc_target, grpc_options)
        connection.streams._stub.BatchAppend = _one_request(connection._grpc_channel)
        return connection

    def _construct_grpc_channel(self, grpc_target: str, grpc_options: Any = ()) -> Any:
        return super()._construct_grpc_channel(grpc_target, (*grpc_options, *CHANNEL))


class Log:
    """Appends to and reads from one EventStoreDB (embedded or cluster). Thread-safe."""

    def __init__(self, uri: str, timeout: float = TIMEOUT, data: Path | None = None) -> None:
        self.uri = uri
        self.data = data  # where the embedded log keeps its file, if that is on this machine (near.py)
        self.timeout = timeout
        self._client: Any = None
        self._making = threading.Lock()
        self._nearby = Nearby(data)

    @property
    def client(self) -> Any:
        """The esdbclient itself, for those who need more (relay, projectors, operators). Connects on first use."""
        if self._client is None:
            # One of many threads that begin together: a second client would be collected, and its channel closed under those who use it.
            with self._making:
                if self._client is None:
                    try:
                        self._client = Client(uri=self.uri)
                    except (EventStoreDBClientException, OSError) as error:
                        raise LogUnavailable(type(error).__name__) from error
        return self._client

    def append(self, stream: str, events: Sequence[Raw], expected: int) -> int:
        """Append atomically when the stream is at version ``expected`` (NO_STREAM = -1); returns the commit position."""
        new = [NewEvent(type=e.name, data=e.data, metadata=e.metadata, content_type="application/json", id=UUID(e.id)) for e in events]
        at = StreamState.NO_STREAM if expected == NO_STREAM else expected
        try:
            with _reaching():
                return int(self.client.append_to_stream(stream, current_version=at, events=new, timeout=self.timeout))
        except (WrongCurrentVersion, AlreadyExists) as error:
            raise WrongVersion(stream) from error
        except LogUnavailable:
            self._nearby.close()  # it may be another log that comes back at the address
            raise

    def read(self, stream: str, start: int = 0, limit: int | None = None) -> list[Raw]:
        """The events of a stream from version ``start``; [] for a stream that is not there."""
        near = self._nearby.take(self.holds)
        if near is not None:
            try:
                found = near.stream(stream, start, limit)
            except sqlite3.Error:
                near.close()  # the wire knows it too
            else:
                self._nearby.give_back(near)
                return found
        options: dict[str, Any] = {"stream_position": start or None, "timeout": self.timeout}
        if limit is not None:
            options["limit"] = limit
        with _reaching():
            try:
                return [_raw(e) for e in self.client.get_stream(stream, **options)]
            except NotFound:
                return []

    def last(self, stream: str) -> Raw | None:
        """The newest event of a stream, read from its end; None for a stream that is not there."""
        with _reaching():
            try:
                found = self.client.get_stream(stream, backwards=True, limit=1, timeout=self.timeout)
            except NotFound:
                return None
            return _raw(found[0]) if found else None

    def read_all(self, after: int | None = None, prefix: str | None = None, limit: int | None = None) -> Iterator[Raw]:
        """All events after a commit position, in log order; ``prefix`` keeps the streams of one service. Not for workers: lazy."""
        options: dict[str, Any] = {}
        if prefix:
            options = {"filter_include": (f"{re.escape(prefix)}.*",), "filter_by_stream_name": True}
        if limit is not None:
            options["limit"] = limit + 1 if after is not None else limit
        left = limit
        with _reaching():
            for e in self.client.read_all(commit_position=after, **options):
                if after is not None and e.commit_position <= after:
                    continue  # a read is inclusive of its position
                yield _raw(e)
                if left is not None:
                    left -= 1
                    if left <= 0:
                        return

    def head(self, prefix: str | None = None) -> int:
        """The newest commit position in the log, or of the streams that begin with ``prefix`` (0 when there is none)."""
        options: dict[str, Any] = {"filter_include": (f"{re.escape(prefix)}.*",), "filter_by_stream_name": True} if prefix else {}
        with _reaching():
            return int(self.client.get_commit_position(timeout=self.timeout, **options))

    def end(self) -> int:
        """The last position that the log has at all, the engine's own events included: no follower can have come further."""
        with _reaching():
            return int(self.client.get_commit_position(timeout=self.timeout, filter_exclude=()))

    def at(self, position: int) -> Raw | None:
        """The event at a commit position, as the log that answers at the address has it; None where none begins."""
        with _reaching():
            for found in self.client.read_all(commit_position=position, filter_exclude=(), limit=1, timeout=self.timeout):
                return _raw(found) if found.commit_position == position else None
        return None

    def holds(self, event: Raw) -> bool:
        """Whether the log that answers at the address has this very event in this very place."""
        found = self.at(event.position)
        return found is not None and found.id == event.id

    def close(self) -> None:
        self._nearby.close()
        if self._client is not None:
            self._client.close()
            self._client = None


def _raw(e: Any) -> Raw:
    return Raw(
        e.type, e.data, e.metadata, str(e.id), e.stream_name, e.stream_position, -1 if e.commit_position is None else e.commit_position
    )


__all__ = ["NO_STREAM", "Log", "LogUnavailable", "Raw", "WrongVersion", "esdbclient"]
