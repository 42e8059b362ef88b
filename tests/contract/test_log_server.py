"""The process: its command line, gossip and small services, a directory of its own, a clean stop, and a kill at any instant."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from uuid import UUID, uuid4

import grpc
import pytest
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import EventStoreDBClientException, FollowerNotFound, GrpcError, NotFound, ServiceUnavailable
from esdbclient.protos.Grpc import streams_pb2

from shared.eventlog.embedded import wire, writer
from shared.eventlog.embedded.log import Log, Ring
from shared.eventlog.embedded.storage import Entry, StorageError
from tests.contract.conftest import ROOT, LogProcess

ANY, NONE = StreamState.ANY, StreamState.NO_STREAM


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared.eventlog.embedded", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)


def test_help_names_every_option() -> None:
    """``--help`` explains what an operator can set, and nothing meant for benchmarks."""
    result = run("--help")
    assert result.returncode == 0
    for option in ("--port", "--data", "--host", "--max-append-size", "--advertise", "--log-level", "SIGTERM"):
        assert option in result.stdout
    assert "--no-store" not in result.stdout


def test_gossip(log_process: LogProcess, client: EventStoreDBClient) -> None:
    """The cluster is one leader, at the address by which the caller came."""
    [member] = client.gossip.read(timeout=10)
    assert (member.state, member.address, member.port) == ("NODE_STATE_LEADER", "localhost", log_process.port)
    uri = f"esdb://localhost:{log_process.port},127.0.0.1:{log_process.port}?Tls=false"
    with EventStoreDBClient(uri + "&NodePreference=leader") as discovered:
        discovered.append_event(f"t.gossip-{uuid4()}", current_version=NONE, event=NewEvent(type="T", data=b""))
    with pytest.raises(FollowerNotFound):
        EventStoreDBClient(uri + "&NodePreference=follower&MaxDiscoverAttempts=1")


def test_any_connection_options_are_fine(log_process: LogProcess) -> None:
    """Keep-alives, preferences and a user name in the URI do no harm."""
    options = "&KeepAliveInterval=10&KeepAliveTimeout=5000&NodePreference=random&ConnectionName=x&DefaultDeadline=10"
    with log_process.client(options) as client:
        stream = f"t.options-{uuid4()}"
        client.append_event(stream, current_version=NONE, event=NewEvent(type="T", data=b""))
        assert len(client.get_stream(stream)) == 1


def test_what_is_not_done_says_so(client: EventStoreDBClient) -> None:
    """Projections and persistent subscriptions answer UNIMPLEMENTED; listing the latter says there are none."""
    assert client.list_subscriptions() == []
    assert client.list_subscriptions_to_stream("t.any") == []
    for attempt in (
        lambda: client.create_subscription_to_all(group_name="g"),
        lambda: client.create_subscription_to_stream(group_name="g", stream_name="s"),
        lambda: client.get_subscription_info(group_name="g"),
        lambda: client.delete_subscription(group_name="g"),
        lambda: client.create_projection(name="p", query=""),
        lambda: client.get_projection_statistics(name="p"),
    ):
        with pytest.raises(GrpcError) as caught:
            attempt()
        assert caught.value.args[0].code() is grpc.StatusCode.UNIMPLEMENTED


def test_features_and_health(log_process: LogProcess) -> None:
    """Clients that ask learn that BatchAppend is supported; a health check is answered."""
    with grpc.insecure_channel(f"127.0.0.1:{log_process.port}") as channel:
        ask = channel.unary_unary("/event_store.client.server_features.ServerFeatures/GetSupportedMethods")
        answer = ask(b"", timeout=10)
        assert b"batchappend" in answer
        assert b"event_store.client.streams.streams" in answer
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


def test_a_directory_belongs_to_one_process(own_log: LogProcess) -> None:
    """A second server on the same directory is refused at once, in words."""
    result = run("--port", "0", "--data", str(own_log.directory))
    assert result.returncode == 1
    assert "正由另一个进程" in result.stderr
    assert "Traceback" not in result.stderr
    with own_log.client() as client:
        client.append_event("s", current_version=NONE, event=NewEvent(type="T", data=b""))


def test_a_taken_port_and_a_foreign_file(own_log: LogProcess, tmp_path: Path) -> None:
    """What cannot work is said in one line, with a failing exit status."""
    taken = run("--port", str(own_log.port), "--data", str(tmp_path / "other"))
    assert (taken.returncode, len(taken.stderr.strip().splitlines())) == (1, 1)
    assert "无法监听" in taken.stderr
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for content in ("text", "database", "newer"):
        path = foreign / "eventlog.sqlite3"
        path.unlink(missing_ok=True)
        if content == "text":
            path.write_text("这不是数据库" * 200)
        else:
            with sqlite3.connect(path) as connection:
                connection.execute("create table other (x)")
                if content == "newer":
                    connection.execute(f"pragma application_id = {0x4D5A4C47}")
                    connection.execute("pragma user_version = 99")
            connection.close()
        refused = run("--port", "0", "--data", str(foreign))
        assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1), refused.stderr


def test_graceful_stop(own_log: LogProcess) -> None:
    """SIGTERM ends subscriptions with UNAVAILABLE and exits 0; everything is there on the next start."""
    client = own_log.client()
    client.append_events("s", current_version=NONE, events=[NewEvent(type="T", data=b"") for _ in range(3)])
    outcome: list[BaseException] = []
    ready = threading.Event()

    def follow() -> None:
        try:
            for item in client.subscribe_to_all(include_caught_up=True, timeout=90):
                if item.is_caught_up:
                    ready.set()
        except EventStoreDBClientException as error:
            outcome.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    assert ready.wait(90)
    assert own_log.stop() == 0
    thread.join(90)
    assert len(outcome) == 1
    assert isinstance(outcome[0], ServiceUnavailable)
    client.close()
    assert "Traceback" not in own_log.output.read_text()
    own_log.start()
    with own_log.client() as client:
        assert [event.stream_position for event in client.get_stream("s")] == [0, 1, 2]


def test_the_server_prints_one_line(own_log: LogProcess) -> None:
    """Nothing is printed but where it listens: no names, no contents."""
    with own_log.client() as client:
        client.append_event("t.secret", current_version=NONE, event=NewEvent(type="T", data=b"secret"))
        with pytest.raises(NotFound):
            client.get_stream("t.nothing")
        with pytest.raises(GrpcError):
            client.append_event("", current_version=ANY, event=NewEvent(type="T", data=b"secret"))
    assert own_log.stop() == 0
    said = own_log.output.read_text()
    assert "secret" not in said
    assert [line for line in said.splitlines() if "已就绪" in line] == said.splitlines()[:1]


@pytest.mark.parametrize("rounds", [3])
def test_kill_at_any_instant(own_log: LogProcess, rounds: int) -> None:
    """Killed while eight writers append: every acknowledged event is there once, none in part, positions rise, and writing goes on."""
    acknowledged: list[tuple[str, UUID, int]] = []
    attempted: Counter[UUID] = Counter()

    for cycle in range(rounds):
        enough = threading.Semaphore(0)

        def append(nth: int, cycle: int = cycle, enough: threading.Semaphore = enough) -> None:
            stream, version = f"w.{cycle}-{nth}", -1
            client = own_log.client()
            try:
                while True:
                    batch = [NewEvent(type="T", data=json.dumps({"n": n, "of": 3}).encode()) for n in range(3 if nth % 2 else 1)]
                    attempted.update(event.id for event in batch)
                    expected = NONE if version < 0 else version
                    if len(batch) == 1:
                        position = client.streams.append(stream, expected, batch, timeout=60)
                    else:
                        position = client.streams.batch_append(stream, expected, batch, timeout=60)
                    version += len(batch)
                    acknowledged.append((stream, batch[-1].id, position))
                    acknowledged.extend((stream, event.id, -1) for event in batch[:-1])
                    enough.release()
            except (EventStoreDBClientException, grpc.RpcError):
                pass
            finally:
                client.close()

        threads = [threading.Thread(target=append, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(60 + 35 * cycle):
            assert enough.acquire(timeout=90)
        own_log.kill()
        for thread in threads:
            thread.join(90)
            assert not thread.is_alive()
        own_log.start()
        with own_log.client() as client:
            whole = list(client.read_all())
            found = Counter(event.id for event in whole)
            assert set(found.values()) == {1}
            assert {identifier for _, identifier, _ in acknowledged} <= set(found) <= set(attempted)
            positions = [event.commit_position for event in whole]
            assert positions == sorted(set(positions))
            places = {event.id: (event.stream_name, event.commit_position) for event in whole}
            for stream, identifier, position in acknowledged:
                assert places[identifier][0] == stream
                assert position in (-1, places[identifier][1])
            for stream in {event.stream_name for event in whole}:
                events = client.get_stream(stream)
                assert [event.stream_position for event in events] == list(range(len(events)))
                if stream.startswith("w.") and int(stream[-1]) % 2:  # three events an append, all or none
                    assert [json.loads(event.data)["n"] for event in events] == [0, 1, 2] * (len(events) // 3)
            last = positions[-1]
            assert last is not None
            extra = NewEvent(type="T", data=b"")
            attempted[extra.id] += 1
            assert client.append_event(f"after-{cycle}", current_version=NONE, event=extra) > last


def test_events_survive_without_a_log_of_the_wal(own_log: LogProcess) -> None:
    """After a stop the directory holds the database; a copy of it is a log."""
    with own_log.client() as client:
        client.append_event("s", current_version=NONE, event=NewEvent(type="T", data=b"kept"))
    assert own_log.stop() == 0
    assert {path.name for path in own_log.directory.iterdir()} <= {"eventlog.sqlite3", "eventlog.lock"}
    with sqlite3.connect(own_log.directory / "eventlog.sqlite3") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        [body] = connection.execute("select body from event where type = 'T'").fetchone()
    connection.close()
    assert streams_pb2.ReadResp.FromString(body).event.event.data == b"kept"


def test_wire_matches_the_generated_classes() -> None:
    """The bytes built by hand are what protobuf's own classes read, and would write."""
    entries = wire.type_entry("类型") + wire.created_entry(17) + wire.JSON_ENTRY
    for position in (0, 1, 127, 128, 300, 2**31, 2**63 - 1):
        body = wire.encode_event(str(UUID(int=7)), wire.stream_field("流-1"), position, position, entries, b"\x00m", b"d" * 200)
        read = streams_pb2.ReadResp.FromString(body)
        event = read.event.event
        assert (event.stream_revision, event.commit_position, event.prepare_position) == (position, position, position)
        assert read.event.commit_position == position
        assert read.event.WhichOneof("position") == "commit_position"
        assert event.stream_identifier.stream_name.decode() == "流-1"
        assert dict(event.metadata) == {"type": "类型", "created": "17", "content-type": "application/json"}
        assert (event.custom_metadata, event.data, event.id.string) == (b"\x00m", b"d" * 200, str(UUID(int=7)))
        assert streams_pb2.ReadResp.FromString(wire.with_structured_id(body)).event.event.id.structured.least_significant_bits == 7
    assert streams_pb2.ReadResp.FromString(wire.CAUGHT_UP).WhichOneof("content") == "caught_up"
    assert streams_pb2.ReadResp.FromString(wire.checkpoint(300)).checkpoint.commit_position == 300
    assert streams_pb2.AppendResp.FromString(wire.appended(-1, 0)).success.WhichOneof("current_revision_option") == "no_stream"


@pytest.mark.parametrize("where", ["flush", "commit"])
def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """When the disk refuses, everyone in the batch is told, nothing of it is there, and the log goes on from what is."""

    async def scenario() -> None:
        log = Log(tmp_path)
        event = NewEvent(type="T", data=b"{}")
        row = writer.NewEvent(event.id.bytes, str(event.id), event.type, True, b"", event.data)

        def append(stream: str) -> asyncio.Future[writer.Result]:
            return log.submit(lambda hand: hand.append(stream, -1, [row]))

        assert isinstance(await append("s-1"), writer.Appended)
        with monkeypatch.context() as patch:

            def refuse(self: writer.Writer) -> None:
                raise sqlite3.OperationalError("database or disk is full")

            patch.setattr(writer.Writer, where, refuse)
            outcomes = await asyncio.gather(append("s-2"), append("s-3"), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageError, StorageError]
        assert log.small_stream_page("s-2", None, False, 10)[1] == []
        assert await append("s-2") == await append("s-2")  # written once, then a repetition
        assert [entry.revision for entry in log.small_stream_page("s-2", None, False, 10)[1]] == [0]
        await log.close()

    asyncio.run(scenario())


def test_a_memory_that_forgets() -> None:
    """The writer's memories are bounded: what is used stays, what is not is forgotten."""
    memory: writer.Memory[int, int] = writer.Memory(10)
    for n in range(1, 100):
        memory.put(n, n)
        assert memory.get(1) == 1
    assert memory.get(2) is None
    assert memory.get(99) == 99
    assert sum(memory.get(n) is not None for n in range(1, 100)) <= 10


def test_the_ring_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ring of newest events trims itself in number and bytes, and says when it no longer holds what is asked for."""
    monkeypatch.setattr("shared.eventlog.embedded.log.RING_ENTRIES", 8)
    ring = Ring(-1)
    ring.extend([Entry(n, "s", n, "T", b"x") for n in range(20)])
    assert ring.after(3, 100) is None
    held = ring.after(ring.since, 100)
    assert held is not None
    assert [entry.position for entry in held] == list(range(ring.since + 1, 20))
    assert len(held) <= 8
    assert ring.after(18, 100) == [Entry(19, "s", 19, "T", b"x")]
    assert ring.after(500, 100) == []
    monkeypatch.setattr("shared.eventlog.embedded.log.RING_BYTES", 1000)
    ring.extend([Entry(n, "s", n, "T", b"x" * 400) for n in range(20, 30)])
    assert ring.after(ring.since, 100) == [Entry(n, "s", n, "T", b"x" * 400) for n in range(ring.since + 1, 30)]
    assert ring.since >= 26
