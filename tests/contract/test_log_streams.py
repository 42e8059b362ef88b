"""The life of a stream: metadata and what it hides, soft delete and a second life, tombstone."""

from __future__ import annotations

from uuid import uuid4

import grpc
import pytest
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import NotFound, StreamIsDeleted, WrongCurrentVersion
from esdbclient.protos.Grpc import shared_pb2, streams_pb2, streams_pb2_grpc

from tests.contract.conftest import LogProcess, until

ANY, NONE, EXISTS = StreamState.ANY, StreamState.NO_STREAM, StreamState.EXISTS
FOREVER = 2**63 - 1


def event() -> NewEvent:
    return NewEvent(type="T", data=b"{}")


def new_stream(client: EventStoreDBClient, count: int) -> str:
    stream = f"t.life-{uuid4()}"
    client.append_events(stream, current_version=NONE, events=[event() for _ in range(count)])
    return stream


def revisions(client: EventStoreDBClient, stream: str, backwards: bool = False) -> list[int]:
    return [found.stream_position for found in client.get_stream(stream, backwards=backwards)]


def test_metadata_is_set_and_read(client: EventStoreDBClient) -> None:
    """Metadata has versions of its own; only the newest is shown."""
    stream = new_stream(client, 1)
    assert client.get_stream_metadata(stream) == ({}, NONE)
    client.set_stream_metadata(stream, metadata={"a": "甲"})
    assert client.get_stream_metadata(stream) == ({"a": "甲"}, 0)
    client.set_stream_metadata(stream, metadata={"b": 2}, current_version=0)
    assert client.get_stream_metadata(stream) == ({"b": 2}, 1)
    with pytest.raises(Exception, match="not 0"):
        client.set_stream_metadata(stream, metadata={"c": 3}, current_version=0)
    assert revisions(client, f"$${stream}") == [1]


def test_metadata_without_a_stream(client: EventStoreDBClient) -> None:
    """A stream may have metadata before it has events; it then counts as existing for an append, not for a read."""
    stream = f"t.bare-{uuid4()}"
    client.set_stream_metadata(stream, metadata={"a": 1}, current_version=NONE)
    with pytest.raises(NotFound):
        client.get_stream(stream)
    client.append_event(stream, current_version=EXISTS, event=event())
    assert revisions(client, stream) == [0]


def test_max_count_and_truncate_before(client: EventStoreDBClient) -> None:
    """$maxCount and $tb hide the older events from reads of the stream, both ways; $all still has them."""
    stream = new_stream(client, 10)
    client.set_stream_metadata(stream, metadata={"$maxCount": 3})
    assert revisions(client, stream) == [7, 8, 9]
    assert revisions(client, stream, backwards=True) == [9, 8, 7]
    client.set_stream_metadata(stream, metadata={"$maxCount": 3, "$tb": 8})
    assert revisions(client, stream) == [8, 9]
    client.set_stream_metadata(stream, metadata={"$tb": 2})
    assert revisions(client, stream) == list(range(2, 10))
    assert [e.stream_position for e in client.get_stream(stream, stream_position=1, limit=2)] == [2, 3]
    assert [e.stream_position for e in client.get_stream(stream, stream_position=1, backwards=True)] == []
    client.set_stream_metadata(stream, metadata={"$tb": 50})
    assert client.get_stream(stream) == ()
    assert sum(e.stream_name == stream for e in client.read_all()) == 10
    client.set_stream_metadata(stream, metadata={})
    assert revisions(client, stream) == list(range(10))


def test_max_age(client: EventStoreDBClient) -> None:
    """$maxAge hides what is older than so many seconds, by itself as time goes."""
    stream = new_stream(client, 3)
    client.set_stream_metadata(stream, metadata={"$maxAge": 1})
    until(lambda: client.get_stream(stream) == (), 10, "the events have grown old")
    client.append_event(stream, current_version=2, event=event())
    assert revisions(client, stream) == [3]
    client.set_stream_metadata(stream, metadata={"$maxAge": 3600})
    assert revisions(client, stream) == [0, 1, 2, 3]


@pytest.mark.parametrize("data", [b"not json", b"[1]", b'{"$maxCount": "three", "$tb": -1, "$maxAge": true}', b'{"$maxCount": 0}'])
def test_malformed_metadata_hides_nothing(client: EventStoreDBClient, data: bytes) -> None:
    """Metadata that cannot be understood is as none."""
    stream = new_stream(client, 3)
    client.append_event(f"$${stream}", current_version=ANY, event=NewEvent(type="$metadata", data=data))
    assert revisions(client, stream) == [0, 1, 2]


def test_soft_delete_and_a_second_life(client: EventStoreDBClient) -> None:
    """A deleted stream is not found; written again, its numbering goes on and only the new events show."""
    stream = new_stream(client, 2)
    with pytest.raises(WrongCurrentVersion):
        client.delete_stream(stream, current_version=0)
    client.delete_stream(stream, current_version=1)
    with pytest.raises(NotFound):
        client.get_stream(stream)
    assert client.get_current_version(stream) is NONE
    assert client.get_stream_metadata(stream)[0] == {"$tb": FOREVER}
    with pytest.raises(WrongCurrentVersion):
        client.delete_stream(stream, current_version=0)
    client.delete_stream(stream, current_version=1)
    with pytest.raises(WrongCurrentVersion):
        client.append_event(stream, current_version=0, event=event())
    client.append_event(stream, current_version=NONE, event=event())
    assert revisions(client, stream) == [2]
    assert client.get_stream_metadata(stream)[0] == {"$tb": 2}
    client.append_events(stream, current_version=2, events=[event(), event()])
    assert revisions(client, stream) == [2, 3, 4]
    client.delete_stream(stream, current_version=EXISTS)
    with pytest.raises(StreamIsDeleted):
        client.delete_stream(stream, current_version=EXISTS)
    with pytest.raises(StreamIsDeleted):
        client.append_events(stream, current_version=EXISTS, events=[event(), event()])
    client.append_event(stream, current_version=4, event=event())
    assert revisions(client, stream) == [5]


@pytest.mark.parametrize("version", [ANY, NONE, 1])
def test_every_version_that_reopens(client: EventStoreDBClient, version: int | StreamState) -> None:
    """A deleted stream takes appends that expect any version, none, or the last one; its other settings stay."""
    stream = new_stream(client, 2)
    client.set_stream_metadata(stream, metadata={"$maxCount": 5, "owner": "x"})
    client.delete_stream(stream, current_version=ANY)
    client.delete_stream(stream, current_version=ANY)
    client.append_events(stream, current_version=version, events=[event(), event()])
    assert revisions(client, stream) == [2, 3]
    assert client.get_stream_metadata(stream)[0]["$tb"] == 2


def test_repeating_the_past_of_a_deleted_stream(client: EventStoreDBClient) -> None:
    """An append that repeats what was there before the delete is still a repetition."""
    stream, first = f"t.life-{uuid4()}", event()
    client.append_event(stream, current_version=NONE, event=first)
    client.delete_stream(stream, current_version=0)
    client.append_event(stream, current_version=NONE, event=first)
    with pytest.raises(NotFound):
        client.get_stream(stream)


def test_metadata_of_a_deleted_stream_reopens_it(client: EventStoreDBClient) -> None:
    """Setting metadata on a deleted stream brings it back, empty, under the new settings."""
    stream = new_stream(client, 2)
    client.delete_stream(stream, current_version=1)
    client.set_stream_metadata(stream, metadata={"$maxCount": 7})
    assert client.get_stream_metadata(stream)[0] == {"$maxCount": 7, "$tb": 2}
    assert client.get_stream(stream) == ()
    client.append_event(stream, current_version=1, event=event())
    assert revisions(client, stream) == [2]


@pytest.mark.parametrize("version", [ANY, NONE, EXISTS, 3])
def test_deleting_what_never_was(client: EventStoreDBClient, version: int | StreamState) -> None:
    """A stream that never existed cannot be deleted."""
    with pytest.raises(NotFound):
        client.delete_stream(f"t.never-{uuid4()}", current_version=version)


def test_tombstone(client: EventStoreDBClient) -> None:
    """A tombstoned stream is deleted for every reader, writer and deleter, its metadata too, for good."""
    stream = new_stream(client, 2)
    with pytest.raises(WrongCurrentVersion):
        client.tombstone_stream(stream, current_version=0)
    client.tombstone_stream(stream, current_version=1)
    for attempt in (
        lambda: client.get_stream(stream),
        lambda: client.get_stream(stream, backwards=True, limit=1),
        lambda: client.get_current_version(stream),
        lambda: client.append_events(stream, current_version=ANY, events=[event(), event()]),
        lambda: client.delete_stream(stream, current_version=ANY),
        lambda: client.get_stream_metadata(stream),
    ):
        with pytest.raises(StreamIsDeleted):
            attempt()
    for version in (1, 2, ANY, NONE, EXISTS):
        with pytest.raises(StreamIsDeleted):
            client.tombstone_stream(stream, current_version=version)
    with pytest.raises(Exception, match="is deleted"):
        client.set_stream_metadata(stream, metadata={})
    last = next(iter(client.read_all(filter_exclude=(), backwards=True, limit=1)))
    assert (last.type, last.stream_name, last.stream_position) == ("$streamDeleted", stream, FOREVER)


@pytest.mark.parametrize(("version", "works"), [(ANY, True), (NONE, True), (EXISTS, False), (0, False)])
def test_tombstoning_what_never_was(client: EventStoreDBClient, version: int | StreamState, works: bool) -> None:
    """A name can be spent before it is used, unless a stream was expected."""
    stream = f"t.spent-{uuid4()}"
    if not works:
        with pytest.raises(NotFound):
            client.tombstone_stream(stream, current_version=version)
        return
    client.tombstone_stream(stream, current_version=version)
    with pytest.raises(StreamIsDeleted):
        client.append_events(stream, current_version=NONE, events=[event(), event()])


def test_tombstoning_a_deleted_stream(client: EventStoreDBClient) -> None:
    """A soft-deleted stream can be tombstoned, but does not exist."""
    stream = new_stream(client, 1)
    client.delete_stream(stream, current_version=0)
    with pytest.raises(StreamIsDeleted):
        client.tombstone_stream(stream, current_version=EXISTS)
    client.tombstone_stream(stream, current_version=ANY)
    with pytest.raises(StreamIsDeleted):
        client.get_stream(stream)


def test_faults_carry_the_servers_words(log_process: LogProcess, client: EventStoreDBClient) -> None:
    """Refusals have the status, text and trailers by which clients of every language know them."""
    stream = new_stream(client, 2)
    request = streams_pb2.DeleteReq(options=streams_pb2.DeleteReq.Options(revision=7))
    request.options.stream_identifier.CopyFrom(shared_pb2.StreamIdentifier(stream_name=stream.encode()))
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        stub = streams_pb2_grpc.StreamsStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Delete(request, timeout=10)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert caught.value.details() == (
            f"Delete failed due to WrongExpectedVersion. Stream: {stream}, Expected version: 7, Actual version: 1"
        )
        trailers = dict(caught.value.trailing_metadata())
        assert trailers["exception"] == "wrong-expected-version"
        assert (trailers["expected-version"], trailers["actual-version"], trailers["stream-name"]) == ("7", "1", stream)
        request.options.revision = 1
        answer = stub.Delete(request, timeout=10)
        assert answer.position.commit_position == client.get_commit_position(filter_exclude=())
        chinese = f"流-{uuid4()}"
        client.tombstone_stream(chinese, current_version=ANY)
        request.options.stream_identifier.stream_name = chinese.encode()
        with pytest.raises(grpc.RpcError) as caught:
            stub.Delete(request, timeout=10)
        assert caught.value.details() == f"Event stream '{chinese}' is deleted."
        assert dict(caught.value.trailing_metadata())["exception"] == "stream-deleted"
