"""Appends: expected versions, the idempotency table, what is kept of an event, sizes and faults."""

from __future__ import annotations

import datetime
import itertools
from uuid import UUID, uuid4

import grpc
import pytest
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import (
    BadRequestError,
    ExceptionThrownByHandler,
    GrpcDeadlineExceeded,
    GrpcError,
    MaximumAppendSizeExceededError,
    NotFound,
    StreamIsDeleted,
    WrongCurrentVersion,
)
from esdbclient.protos.Grpc import shared_pb2, streams_pb2, streams_pb2_grpc

from tests.contract.conftest import LogProcess

ANY, NONE, EXISTS = StreamState.ANY, StreamState.NO_STREAM, StreamState.EXISTS


def events(count: int) -> list[NewEvent]:
    return [NewEvent(type="Happened", data=b'{"n":%d}' % n) for n in range(count)]


def new_stream(client: EventStoreDBClient, count: int) -> tuple[str, list[NewEvent]]:
    stream, written = f"t.appends-{uuid4()}", events(count)
    client.append_events(stream, current_version=NONE, events=written)
    return stream, written


def ids(client: EventStoreDBClient, stream: str) -> list[UUID]:
    return [event.id for event in client.get_stream(stream)]


# How a client appends decides the method: one event goes by Append, several by BatchAppend. Both must judge alike.
BOTH_WAYS = pytest.mark.parametrize("many", [False, True], ids=["append", "batch"])


def put(client: EventStoreDBClient, many: bool, stream: str, version: int | StreamState, *new: NewEvent) -> int:
    if many or len(new) != 1:
        return client.append_events(stream, current_version=version, events=new)
    return client.append_event(stream, current_version=version, event=new[0])


@BOTH_WAYS
@pytest.mark.parametrize("version", [ANY, NONE])
def test_first_append_opens_the_stream(client: EventStoreDBClient, many: bool, version: StreamState) -> None:
    """A stream begins with its first append, at revision 0."""
    stream = f"t.new-{uuid4()}"
    position = put(client, many, stream, version, *events(1))
    [event] = client.get_stream(stream)
    assert (event.stream_position, event.commit_position, event.prepare_position) == (0, position, position)
    assert client.get_current_version(stream) == 0


@BOTH_WAYS
@pytest.mark.parametrize("version", [0, 7, EXISTS])
def test_absent_stream_where_one_is_expected(client: EventStoreDBClient, many: bool, version: int | StreamState) -> None:
    """Expecting a version of a stream that does not exist is a wrong version that says so."""
    stream = f"t.absent-{uuid4()}"
    with pytest.raises(WrongCurrentVersion) as caught:
        put(client, many, stream, version, *events(1))
    assert caught.value.args[0] == f"Stream {stream!r} does not exist"
    assert client.get_current_version(stream) is NONE


@BOTH_WAYS
@pytest.mark.parametrize("version", [0, 2, 9, NONE])
def test_wrong_version_names_the_current_one(client: EventStoreDBClient, many: bool, version: int | StreamState) -> None:
    """A wrong expected version writes nothing and tells the version there is."""
    stream, written = new_stream(client, 2)
    with pytest.raises(WrongCurrentVersion) as caught:
        put(client, many, stream, version, *events(1))
    assert caught.value.args[0] == f"Stream position of last event is 1 not {version}"
    assert ids(client, stream) == [event.id for event in written]


@BOTH_WAYS
@pytest.mark.parametrize("version", [1, ANY, EXISTS])
def test_append_goes_on_from_the_current_version(client: EventStoreDBClient, many: bool, version: int | StreamState) -> None:
    """The current version, any, and stream-exists all append at the end."""
    stream, written = new_stream(client, 2)
    more = events(1)
    put(client, many, stream, version, *more)
    assert ids(client, stream) == [event.id for event in written + more]


@BOTH_WAYS
@pytest.mark.parametrize("start", [0, 1, 2])
def test_repeat_with_the_past_version_is_idempotent(client: EventStoreDBClient, many: bool, start: int) -> None:
    """The same ids at the same past version succeed without writing, and answer the first position."""
    stream, written = new_stream(client, 3)
    recorded = client.get_stream(stream)
    version = NONE if start == 0 else start - 1
    assert put(client, many, stream, version, written[start]) == recorded[start].commit_position
    assert put(client, True, stream, version, *written[start:]) == recorded[2].commit_position
    assert len(client.get_stream(stream)) == 3


@pytest.mark.parametrize("case", ["first differs", "later differs", "goes past the end", "wrong order"])
def test_overlap_that_is_not_the_same_is_a_wrong_version(client: EventStoreDBClient, case: str) -> None:
    """Anything but the very same ids at a past version is refused, and nothing of it is written."""
    stream, written = new_stream(client, 3)
    proposed = {
        "first differs": [*events(1), written[2]],
        "later differs": [written[1], *events(1)],
        "goes past the end": [written[1], written[2], *events(1)],
        "wrong order": [written[2], written[1]],
    }[case]
    with pytest.raises(WrongCurrentVersion):
        client.append_events(stream, current_version=0, events=proposed)
    assert ids(client, stream) == [event.id for event in written]


@BOTH_WAYS
def test_repeat_with_the_current_version_is_written_again(client: EventStoreDBClient, many: bool) -> None:
    """At exactly the current version ids are not looked at: the real server appends a second time, and so do we."""
    stream, written = new_stream(client, 2)
    put(client, many, stream, 1, written[1])
    assert ids(client, stream) == [written[0].id, written[1].id, written[1].id]


@BOTH_WAYS
@pytest.mark.parametrize("version", [ANY, EXISTS])
def test_repeat_without_a_version_is_idempotent(client: EventStoreDBClient, many: bool, version: StreamState) -> None:
    """Without a version, remembered ids tell a repetition; it answers the first position."""
    stream, written = new_stream(client, 3)
    recorded = client.get_stream(stream)
    assert put(client, many, stream, version, written[1]) == recorded[1].commit_position
    assert put(client, True, stream, version, *written) == recorded[2].commit_position
    assert len(client.get_stream(stream)) == 3


def test_repeat_without_a_version_then_something_new_is_refused(client: EventStoreDBClient) -> None:
    """Known ids followed by new ones cannot be one repetition."""
    stream, written = new_stream(client, 1)
    with pytest.raises(WrongCurrentVersion):
        client.append_events(stream, current_version=ANY, events=[written[0], *events(1)])
    assert len(client.get_stream(stream)) == 1


def test_new_id_followed_by_a_known_one_is_written(client: EventStoreDBClient) -> None:
    """Without a version only the first id decides whether it is a repetition."""
    stream, written = new_stream(client, 1)
    client.append_events(stream, current_version=ANY, events=[*events(1), written[0]])
    assert len(client.get_stream(stream)) == 3


def test_ids_are_known_by_stream(client: EventStoreDBClient) -> None:
    """The same event id in another stream is another event."""
    _, written = new_stream(client, 1)
    other = f"t.other-{uuid4()}"
    client.append_events(other, current_version=ANY, events=written)
    assert ids(client, other) == [written[0].id]


def test_repeat_after_a_restart(own_log: LogProcess) -> None:
    """Idempotency is read from the log, so it outlives the process, with a version and without."""
    client = own_log.client()
    stream, written = new_stream(client, 2)
    last = client.get_stream(stream)[-1].commit_position
    client.close()
    assert own_log.stop() == 0
    own_log.start()
    client = own_log.client()
    assert client.append_events(stream, current_version=NONE, events=written) == last
    assert client.append_events(stream, current_version=ANY, events=written) == last
    assert client.append_event(stream, current_version=EXISTS, event=written[1]) == last
    assert len(client.get_stream(stream)) == 2
    client.close()


def test_append_of_nothing(client: EventStoreDBClient) -> None:
    """An empty append judges the version, writes nothing and answers a position."""
    stream = f"t.empty-{uuid4()}"
    assert isinstance(client.append_events(stream, current_version=NONE, events=[]), int)
    assert client.get_current_version(stream) is NONE
    with pytest.raises(WrongCurrentVersion):
        client.append_events(stream, current_version=3, events=[])


def test_an_event_comes_back_as_it_was(client: EventStoreDBClient) -> None:
    """Type, id, data, metadata and content type are kept to the byte; the time of recording is now."""
    stream = f"t.凭证-{uuid4()}"
    before = datetime.datetime.now(datetime.UTC)
    new = [
        NewEvent(type="救助.已受理", data=bytes(range(256)), metadata=b"\x00\xffmeta", content_type="application/octet-stream"),
        NewEvent(type="Json", data='{"姓名": "甲"}'.encode(), metadata=b'{"a": 1}'),
        NewEvent(type="NoData", data=b"", metadata=b""),
    ]
    client.append_event(stream, current_version=NONE, event=new[0])
    client.append_events(stream, current_version=0, events=new[1:])
    after = datetime.datetime.now(datetime.UTC)
    recorded = client.get_stream(stream)
    for sent, got in zip(new, recorded, strict=True):
        assert (got.id, got.type, got.data) == (sent.id, sent.type, sent.data)
        assert (got.metadata, got.content_type) == (sent.metadata, sent.content_type)
        assert got.stream_name == stream
        assert got.link is None
        assert got.recorded_at is not None
        assert before - datetime.timedelta(milliseconds=1) <= got.recorded_at <= after + datetime.timedelta(milliseconds=1)
    assert [event.stream_position for event in recorded] == [0, 1, 2]


def test_positions_grow_and_are_not_contiguous(client: EventStoreDBClient) -> None:
    """Commit positions rise with every event, look like offsets, and the append answers the last one."""
    stream, _ = new_stream(client, 5)
    last = client.append_events(stream, current_version=4, events=events(5))
    positions = [event.commit_position for event in client.get_stream(stream)]
    assert positions == sorted(set(positions))
    assert positions[-1] == last == client.get_commit_position()
    assert min(b - a for a, b in itertools.pairwise(positions)) > 1  # type: ignore[operator]


@BOTH_WAYS
def test_append_that_is_too_large(client: EventStoreDBClient, many: bool) -> None:
    """More than the server's limit in one append is refused as a whole; up to the limit is written."""
    stream = f"t.large-{uuid4()}"
    half = NewEvent(type="T", data=b"x" * 600_000)
    with pytest.raises(MaximumAppendSizeExceededError if many else GrpcError) as caught:
        put(client, many, stream, ANY, half, NewEvent(type="T", data=b"x" * 600_000)) if many else put(
            client, many, stream, ANY, NewEvent(type="T", data=b"x" * 1_200_000)
        )
    if many:
        assert caught.value.args[0] == "Max size is 1048576"
    else:
        assert caught.value.args[0].code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "Maximum Append Size of 1048576 Exceeded" in caught.value.args[0].details()
    with pytest.raises(NotFound):
        client.get_stream(stream)
    put(client, many, stream, ANY, NewEvent(type="T", data=b"x" * (1_048_576 - 2)))
    assert len(client.get_stream(stream)[0].data) == 1_048_574


def test_append_size_limit_can_be_set(tmp_path: object) -> None:
    """``--max-append-size`` moves the limit."""
    process = LogProcess(tmp_path / "data", "--max-append-size", "100").start()  # type: ignore[operator]
    with process.client() as client, pytest.raises(MaximumAppendSizeExceededError):
        client.append_events("s", current_version=ANY, events=[NewEvent(type="T", data=b"x" * 99)])
    assert process.stop() == 0


def test_invalid_names(client: EventStoreDBClient) -> None:
    """A stream without a name, or of an empty metastream, cannot be written or read."""
    for name in ("", "$$"):
        with pytest.raises(ExceptionThrownByHandler):
            client.append_event(name, current_version=ANY, event=events(1)[0])
        with pytest.raises(BadRequestError):
            client.append_events(name, current_version=ANY, events=events(2))
    with pytest.raises(ExceptionThrownByHandler):
        client.get_stream("")
    with pytest.raises(GrpcError) as caught:
        client.append_event("$all", current_version=ANY, event=events(1)[0])
    assert caught.value.args[0].code() is grpc.StatusCode.PERMISSION_DENIED


def test_event_without_type_or_id(client: EventStoreDBClient) -> None:
    """An event must have a type and an id."""
    nobody = NewEvent(type="T", data=b"", id=UUID(int=0))
    with pytest.raises(ExceptionThrownByHandler):
        client.append_event("t.bad", current_version=ANY, event=NewEvent(type="", data=b""))
    with pytest.raises(ExceptionThrownByHandler):
        client.append_event("t.bad", current_version=ANY, event=nobody)
    with pytest.raises(BadRequestError):
        client.append_events("t.bad", current_version=ANY, events=[*events(1), nobody])
    assert client.get_current_version("t.bad") is NONE


def test_no_time_means_not_written(client: EventStoreDBClient) -> None:
    """An append whose deadline is over is not made."""
    stream = f"t.deadline-{uuid4()}"
    with pytest.raises(GrpcDeadlineExceeded):
        client.append_events(stream, current_version=NONE, events=events(200), timeout=0)
    with pytest.raises(NotFound):
        client.get_stream(stream)


def test_appending_to_a_tombstoned_stream(client: EventStoreDBClient) -> None:
    """Every append to a tombstoned stream says that it is deleted, whatever version it expects."""
    stream, written = new_stream(client, 1)
    client.tombstone_stream(stream, current_version=0)
    for many in (False, True):
        for version in (0, 1, ANY, NONE, EXISTS):
            with pytest.raises(StreamIsDeleted if many else Exception) as caught:
                put(client, many, stream, version, written[0])
            assert many or "is deleted" in str(caught.value)


def test_many_events_are_one_append(client: EventStoreDBClient) -> None:
    """A thousand events go in together, in order."""
    stream, written = new_stream(client, 1000)
    assert ids(client, stream) == [event.id for event in written]


def test_batched_appends_over_one_call(log_process: LogProcess) -> None:
    """One BatchAppend call carries many appends, in pieces too; each is answered under its own correlation id."""
    stream = f"t.batch-{uuid4()}".encode()

    def request(correlation: UUID, final: bool, first: bool, count: int) -> streams_pb2.BatchAppendReq:
        made = streams_pb2.BatchAppendReq(correlation_id=shared_pb2.UUID(string=str(correlation)), is_final=final)
        if first:
            made.options.stream_identifier.stream_name = stream
            made.options.any.SetInParent()
        for _ in range(count):
            made.proposed_messages.add(
                id=shared_pb2.UUID(string=str(uuid4())), metadata={"type": "T", "content-type": "application/json"}, data=b"{}"
            )
        return made

    one, two, bad = uuid4(), uuid4(), uuid4()
    refused = request(bad, True, True, 1)
    refused.options.stream_position = 77
    requests = [request(one, False, True, 2), request(two, True, True, 1), refused, request(one, True, False, 3)]
    requests += [request(uuid4(), True, True, 1) for _ in range(200)]
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        answers = list(streams_pb2_grpc.StreamsStub(channel).BatchAppend(iter(requests), timeout=20))
    by_id = {answer.correlation_id.string: answer for answer in answers}
    assert len(by_id) == 203
    assert by_id[str(two)].success.current_revision == 0
    assert by_id[str(one)].success.current_revision == 5
    assert by_id[str(bad)].error.details.Is(shared_pb2.WrongExpectedVersion.DESCRIPTOR)
    assert by_id[str(bad)].stream_identifier.stream_name == stream
    assert sum(answer.WhichOneof("result") == "success" for answer in answers) == 202


def test_batch_deadline(log_process: LogProcess) -> None:
    """A batched append may bring its own deadline; one that is over is a timeout, not a write."""
    request = streams_pb2.BatchAppendReq(correlation_id=shared_pb2.UUID(string=str(uuid4())), is_final=True)
    request.options.stream_identifier.stream_name = b"t.late"
    request.options.any.SetInParent()
    request.options.deadline.SetInParent()
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        [answer] = list(streams_pb2_grpc.StreamsStub(channel).BatchAppend(iter([request]), timeout=10))
    assert answer.error.details.Is(shared_pb2.Timeout.DESCRIPTOR)


def test_metadata_properties_are_required(log_process: LogProcess) -> None:
    """A proposed event must say its type and content type; the refusal carries the server's trailers."""
    options = streams_pb2.AppendReq.Options(any=shared_pb2.Empty())
    options.stream_identifier.stream_name = b"t.incomplete"
    proposed = streams_pb2.AppendReq.ProposedMessage(id=shared_pb2.UUID(string=str(uuid4())), metadata={"type": "T"})
    requests = [streams_pb2.AppendReq(options=options), streams_pb2.AppendReq(proposed_message=proposed)]
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel, pytest.raises(grpc.RpcError) as caught:
        streams_pb2_grpc.StreamsStub(channel).Append(iter(requests), timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert dict(caught.value.trailing_metadata())["exception"] == "missing-required-metadata-property"


def test_structured_ids(log_process: LogProcess, client: EventStoreDBClient) -> None:
    """Ids may come and go as two halves; they are the same ids."""
    number = uuid4()
    high, low = (int.from_bytes(part, "big", signed=True) for part in (number.bytes[:8], number.bytes[8:]))
    identifier = shared_pb2.UUID(structured=shared_pb2.UUID.Structured(most_significant_bits=high, least_significant_bits=low))
    stream = f"t.halves-{uuid4()}"
    options = streams_pb2.AppendReq.Options(no_stream=shared_pb2.Empty())
    options.stream_identifier.stream_name = stream.encode()
    proposed = streams_pb2.AppendReq.ProposedMessage(
        id=identifier, metadata={"type": "T", "content-type": "application/json"}, data=b"{}", custom_metadata=b"m"
    )
    read = streams_pb2.ReadReq()
    read.options.stream.stream_identifier.stream_name = stream.encode()
    read.options.stream.start.SetInParent()
    read.options.count = 10
    read.options.no_filter.SetInParent()
    read.options.uuid_option.structured.SetInParent()
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        stub = streams_pb2_grpc.StreamsStub(channel)
        stub.Append(iter([streams_pb2.AppendReq(options=options), streams_pb2.AppendReq(proposed_message=proposed)]), timeout=10)
        [answer] = list(stub.Read(read, timeout=10))
    assert answer.event.event.id == identifier
    assert (answer.event.event.data, answer.event.event.custom_metadata) == (b"{}", b"m")
    assert answer.event.commit_position == answer.event.event.commit_position
    assert ids(client, stream) == [number]
