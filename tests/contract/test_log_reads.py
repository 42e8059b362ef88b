"""Reads of a stream and of the whole log: directions, limits, starts, filters, links."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
import pytest
from esdbclient import ESDB_SYSTEM_EVENTS_REGEX, EventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.exceptions import GrpcDeadlineExceeded, NotFound
from esdbclient.protos.Grpc import streams_pb2, streams_pb2_grpc

from tests.contract.conftest import LogProcess

COUNT = 120  # more than the server's first page


def fill(client: EventStoreDBClient, count: int = COUNT, event_type: str = "T") -> str:
    stream = f"t.reads-{uuid4()}"
    client.append_events(stream, current_version=StreamState.ANY, events=[NewEvent(type=event_type, data=b"%d" % n) for n in range(count)])
    return stream


def revisions(found: Any) -> list[int]:
    return [event.stream_position for event in found]


def test_absent_stream(client: EventStoreDBClient) -> None:
    """Whatever the direction, start and limit, a stream that does not exist is not found."""
    stream = f"t.absent-{uuid4()}"
    for start in (None, 0, 1):
        for backwards in (False, True):
            for limit in (1, 10):
                with pytest.raises(NotFound):
                    client.get_stream(stream, stream_position=start, backwards=backwards, limit=limit)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("start", [None, 0, 1, 47, 48, 60, COUNT - 1, COUNT, COUNT + 50, 2**63, 2**64 - 1])
@pytest.mark.parametrize("limit", [1, 5, 48, 100, 10_000, None])
def test_stream_reads(client: EventStoreDBClient, reads_stream: str, backwards: bool, start: int | None, limit: int | None) -> None:
    """A read gives exactly the slice that its start (inclusive), direction and limit name."""
    whole = list(range(COUNT))
    if start is None or (start > 2**63 and backwards):
        expected = whole[::-1] if backwards else whole
    elif backwards:
        expected = [n for n in reversed(whole) if n <= start]
    else:
        expected = [n for n in whole if n >= start]
    options = {} if limit is None else {"limit": limit}
    found = client.get_stream(reads_stream, stream_position=start, backwards=backwards, **options)
    assert revisions(found) == expected[: limit or COUNT]


@pytest.fixture(scope="module")
def reads_stream(shared_client: EventStoreDBClient) -> str:
    return fill(shared_client)


def test_read_all_both_ways(own_log: LogProcess) -> None:
    """The log is read forwards from a position inclusive, backwards exclusive, and the directions mirror each other."""
    with own_log.client() as client:
        first, second = fill(client, 3), fill(client, 100)
        forwards = list(client.read_all())
        assert [(e.stream_name, e.stream_position) for e in forwards] == [(first, n) for n in range(3)] + [(second, n) for n in range(100)]
        positions = [event.commit_position for event in forwards]
        assert positions == sorted(set(positions))
        assert [e.id for e in client.read_all(backwards=True)] == [e.id for e in reversed(forwards)]
        for at in (0, 2, 3, 60, 102):
            assert [e.id for e in client.read_all(commit_position=positions[at])] == [e.id for e in forwards[at:]]
            assert [e.id for e in client.read_all(commit_position=positions[at], backwards=True)] == [e.id for e in reversed(forwards[:at])]
            assert [e.id for e in client.read_all(commit_position=positions[at], limit=2)] == [e.id for e in forwards[at : at + 2]]
        assert list(client.read_all(commit_position=positions[-1] + 10_000)) == []
        assert [e.id for e in client.read_all(limit=70)] == [e.id for e in forwards[:70]]
        assert client.get_commit_position() == positions[-1]
        assert [e.id for e in client.get_stream(second)] == [e.id for e in forwards[3:]]
        assert [e.commit_position for e in client.get_stream(second)] == positions[3:]


def test_a_new_log_begins_with_a_system_event(own_log: LogProcess) -> None:
    """Position 0 belongs to a system event, so that subscribing from 0 misses nothing of ours."""
    with own_log.client() as client:
        assert client.get_commit_position() == 0
        assert list(client.read_all()) == []
        [event] = client.read_all(filter_exclude=())
        assert event.type.startswith("$")
        assert event.commit_position == 0
        assert client.append_event("s", current_version=StreamState.NO_STREAM, event=NewEvent(type="T", data=b"")) > 0


TYPES = ["OrderCreated", "OrderUpdated", "InvoiceCreated", "InvoiceUpdated", "SomethingElse"]
SYSTEM = ESDB_SYSTEM_EVENTS_REGEX


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"filter_include": "OrderCreated"}, {"OrderCreated"}),
        ({"filter_include": ["OrderCreated", "InvoiceUpdated"]}, {"OrderCreated", "InvoiceUpdated"}),
        ({"filter_include": "Order"}, set()),
        ({"filter_include": "Order.*"}, {"OrderCreated", "OrderUpdated"}),
        ({"filter_include": ".*Created"}, {"OrderCreated", "InvoiceCreated"}),
        ({"filter_exclude": [SYSTEM, "OrderCreated"]}, set(TYPES) - {"OrderCreated"}),
        ({"filter_exclude": [SYSTEM, "Order"]}, set(TYPES)),
        ({"filter_exclude": [SYSTEM, "Order.*"]}, {"InvoiceCreated", "InvoiceUpdated", "SomethingElse"}),
        ({"filter_exclude": [SYSTEM, ".*thing.*"]}, set(TYPES) - {"SomethingElse"}),
        ({"filter_exclude": ".*"}, set()),
        ({"filter_include": "Order.*", "filter_exclude": ["Order.*"]}, {"OrderCreated", "OrderUpdated"}),
        ({}, set(TYPES)),
    ],
)
def test_filters_on_types(client: EventStoreDBClient, options: dict[str, Any], expected: set[str]) -> None:
    """Include and exclude patterns match whole type names, include before exclude, system events hidden by default."""
    start = client.append_event(f"t.f-{uuid4()}", current_version=StreamState.ANY, event=NewEvent(type="SomethingElse", data=b""))
    stream = f"t.filters-{uuid4()}"
    client.append_events(stream, current_version=StreamState.ANY, events=[NewEvent(type=name, data=b"") for name in TYPES])
    client.set_stream_metadata(stream, metadata={"a": 1})
    found = [event for event in client.read_all(commit_position=start, **options) if event.stream_name == stream]
    assert {event.type for event in found} == expected


def test_filters_on_streams(client: EventStoreDBClient) -> None:
    """The same patterns on stream names."""
    left, right = uuid4().hex, uuid4().hex
    names = [f"{left}-1", f"{left}-2", f"{right}-3"]
    positions = [client.append_event(n, current_version=StreamState.ANY, event=NewEvent(type="T", data=b"")) for n in names]

    def found(**options: Any) -> list[str]:
        return [e.stream_name for e in client.read_all(commit_position=positions[0], filter_by_stream_name=True, **options)]

    assert found(filter_include=names[:2]) == names[:2]
    assert found(filter_include=f"{left}.*") == names[:2]
    assert found(filter_exclude=[SYSTEM, f"{left}.*"]) == names[2:]
    assert found(filter_exclude=[SYSTEM, left]) == names
    assert found(filter_include=f"{right}.*", limit=1) == names[2:]
    assert found(filter_include=f"{left}.*", backwards=True) == []


def request(build: Callable[[Any], None]) -> streams_pb2.ReadReq:
    made = streams_pb2.ReadReq()
    made.options.uuid_option.string.SetInParent()
    made.options.count = 100
    build(made.options)
    return made


def test_filters_by_prefix(log_process: LogProcess, client: EventStoreDBClient) -> None:
    """Other clients filter by prefixes, which are not patterns."""
    prefix = uuid4().hex
    for n in range(3):
        client.append_event(f"{prefix}.{n}", current_version=StreamState.ANY, event=NewEvent(type=f"{prefix}.{n}", data=b""))

    def by(kind: str) -> Callable[[Any], None]:
        def build(options: Any) -> None:
            options.all.start.SetInParent()
            getattr(options.filter, kind).prefix.extend([f"{prefix}.1", f"{prefix}.2"])
            options.filter.count.SetInParent()
            options.filter.checkpointIntervalMultiplier = 1

        return build

    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        stub = streams_pb2_grpc.StreamsStub(channel)
        for kind in ("event_type", "stream_identifier"):
            found = [answer.event.event.stream_identifier.stream_name.decode() for answer in stub.Read(request(by(kind)), timeout=10)]
            assert found == [f"{prefix}.1", f"{prefix}.2"]


def test_first_and_last_stream_position(log_process: LogProcess, client: EventStoreDBClient) -> None:
    """A client that asks for it is told where the stream begins and ends."""
    stream = fill(client, 5)
    client.set_stream_metadata(stream, metadata={"$tb": 2})

    def build(options: Any) -> None:
        options.stream.stream_identifier.stream_name = stream.encode()
        options.stream.start.SetInParent()
        options.no_filter.SetInParent()
        options.control_option.compatibility = 1

    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        answers = list(streams_pb2_grpc.StreamsStub(channel).Read(request(build), timeout=10))
    assert [answer.WhichOneof("content") for answer in answers] == ["first_stream_position", *["event"] * 3, "last_stream_position"]
    assert (answers[0].first_stream_position, answers[-1].last_stream_position) == (2, 4)


@pytest.mark.parametrize("fault", ["no uuid option", "no source", "no count", "filtered stream", "backward subscription", "bad pattern"])
def test_senseless_reads(log_process: LogProcess, fault: str) -> None:
    """A request that makes no sense is an invalid argument."""
    made = streams_pb2.ReadReq()
    options = made.options
    if fault != "no uuid option":
        options.uuid_option.string.SetInParent()
    if fault == "filtered stream":
        options.stream.stream_identifier.stream_name = b"s"
        options.stream.start.SetInParent()
    elif fault != "no source":
        options.all.start.SetInParent()
    if fault == "backward subscription":
        options.subscription.SetInParent()
        options.read_direction = streams_pb2.ReadReq.Options.Backwards
    elif fault != "no count":
        options.count = 1
    if fault in ("filtered stream", "bad pattern"):
        options.filter.event_type.regex = "(" if fault == "bad pattern" else "a"
        options.filter.max = 32
        options.filter.checkpointIntervalMultiplier = 1
    else:
        options.no_filter.SetInParent()
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel, pytest.raises(grpc.RpcError) as caught:
        list(streams_pb2_grpc.StreamsStub(channel).Read(made, timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_links(client: EventStoreDBClient) -> None:
    """A link event is followed when asked, shown as it is when not, and skipped when what it points at is gone."""
    stream, links = fill(client, 3, "Linked"), f"t.links-{uuid4()}"
    gone = fill(client, 1)
    client.append_events(
        links,
        current_version=StreamState.ANY,
        events=[NewEvent(type="$>", data=f"{n}@{name}".encode()) for n, name in ((1, stream), (2, stream), (0, gone), (0, "t.never"))],
    )
    client.delete_stream(gone, current_version=0)
    plain = client.get_stream(links)
    assert [event.type for event in plain] == ["$>"] * 4
    targets = client.get_stream(stream)
    resolved = client.get_stream(links, resolve_links=True)
    assert [event.id for event in resolved] == [targets[1].id, targets[2].id]
    for event, link in zip(resolved, plain, strict=False):
        assert event.is_resolved_event
        assert isinstance(event.link, RecordedEvent)
        assert (event.link.id, event.link.stream_position, event.link.stream_name) == (link.id, link.stream_position, links)
        assert event.link.commit_position == link.commit_position
    in_all = list(client.read_all(commit_position=plain[0].commit_position, filter_exclude=(), resolve_links=True))
    assert [event.id for event in in_all if event.link is not None] == [targets[1].id, targets[2].id]
    with client.subscribe_to_stream(links, resolve_links=True, timeout=10) as subscription:
        assert [next(subscription).id, next(subscription).id] == [targets[1].id, targets[2].id]


def test_a_read_can_be_stopped(client: EventStoreDBClient, reads_stream: str) -> None:
    """A read that is stopped gives nothing more and leaves the server well."""
    response = client.read_stream(reads_stream)
    next(response)
    response.stop()
    assert list(response) == []
    assert len(client.get_stream(reads_stream)) == COUNT


def test_a_read_keeps_its_deadline(client: EventStoreDBClient, reads_stream: str) -> None:
    """A read whose time is over raises so."""
    response = client.read_stream(reads_stream, timeout=0.001)
    time.sleep(0.1)
    with pytest.raises(GrpcDeadlineExceeded):
        list(response)


def test_large_events_are_read_in_pages(client: EventStoreDBClient) -> None:
    """Thirty events of a megabyte each come through whole, a page at a time."""
    stream = f"t.heavy-{uuid4()}"
    for n in range(30):
        client.append_event(stream, current_version=StreamState.ANY, event=NewEvent(type="T", data=bytes([n]) * 1_000_000))
    found = client.get_stream(stream)
    assert [event.data[0] for event in found] == list(range(30))
    assert {len(event.data) for event in found} == {1_000_000}
    assert revisions(client.get_stream(stream, backwards=True)) == list(range(29, -1, -1))
