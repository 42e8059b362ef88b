"""The works that are measured (测量项目), each beside its limit in the same run. docs/benchmarks.md says how to read them."""

from __future__ import annotations

import asyncio
import json
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

import grpc
import pika
from esdbclient import EventStoreDBClient
from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from bench import api, district, fill, pages, payments, plain_numpy, proofs, replaying, standards
from bench.parts import DISTRICT, Parts, Row, Say, opened, percentile, row, side_by_side, timed
from services.assistance.rules import engine as rules_engine
from shared.clock import SHANGHAI
from shared.eventlog import discovery, rebuild
from shared.eventlog.client import Log, Raw
from shared.eventlog.relay import mark
from shared.eventlog.stores import engine_for
from shared.eventsourcing import codec
from shared.messaging import names
from shared.messaging.client import RpcClient
from shared.process import wait_until

CALLERS = 16  # of an RPC at once
APPENDERS = 32
WINDOW = 500  # unconfirmed messages, the relay's default
HEARD = "bench.heard"  # the queue that a relay's messages come to


@dataclass(frozen=True)
class Scale:
    """How much: the full run, or a quick look."""

    rounds: int
    seconds: float  # of one round of calls
    backlog: int
    events: int
    causes: int
    households: int
    small: int
    large: int


FULL = Scale(rounds=5, seconds=4.0, backlog=20_000, events=100_000, causes=250, households=100_000, small=10_000, large=1_000_000)
QUICK = Scale(rounds=3, seconds=2.0, backlog=20_000, events=30_000, causes=120, households=100_000, small=10_000, large=100_000)


# -- 1. A command by RPC -----------------------------------------------------------------------------------------------------


def rpc(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """record_income on households that are known: token, schema, load, decide, append, against a bare RPC with a raw append."""
    uri = parts.eventlog()
    parts.broker  # noqa: B018 - started here
    parts.start("worker", "shared.cli", "worker", "assistance")
    token = parts.token("clerk")
    people = _households(parts, token, 200)
    with opened(uri) as log:
        sample = _one_income(parts, log, token, people[0])
    parts.start("bare", "bench.bare", BENCH_DATA=str(len(sample.data)), BENCH_METADATA=str(len(sample.metadata)))
    task: dict[str, Any] = {"uri": parts.broker, "token": token, "callers": CALLERS, "people": people, "seconds": scale.seconds}
    latency: dict[str, list[float]] = {"assistance": [], "bare": []}
    alone: dict[str, list[float]] = {"assistance": [], "bare": []}
    first = 0

    def run(service: str, method: str) -> float:
        nonlocal first
        first += 1_000_000
        answer = parts.run("bench.load", {**task, "service": service, "method": method, "first": first})
        if answer["errors"]:
            raise RuntimeError(f"{service}.{method}：{answer['errors']}")
        latency[service].append(answer["p50"])
        one = {**task, "callers": 1, "seconds": 1.0, "service": service, "method": method, "first": first + 500_000}
        alone[service].append(parts.run("bench.load", one)["p50"])
        return float(answer["rate"])

    run("assistance", "record_income")  # every household is in the worker's memory from here on: a known aggregate
    run("bare", "record")
    for kept in (latency, alone):
        for found in kept.values():
            found.clear()
    ours, limit = side_by_side(lambda: run("assistance", "record_income"), lambda: run("bare", "record"), scale.rounds, say)
    median = statistics.median
    return [
        row(f"RPC 指令，追加一个事件（{CALLERS} 个同时调用者）", ours, limit, "次/秒", ">= 0.7"),
        row(f"　其中 p50 延迟（{CALLERS} 个同时调用者）", median(latency["assistance"]), median(latency["bare"]), "毫秒", "<= 1.43"),
        row("　其中 p50 延迟（一个调用者）", median(alone["assistance"]), median(alone["bare"]), "毫秒", "<= 1.43"),
    ]


def _households(parts: Parts, token: str, count: int) -> list[tuple[str, str]]:
    """(household, its head) of as many registered households."""
    from bench.chaos import Town, household_form

    town = Town(7)
    found: list[tuple[str, str]] = []
    with RpcClient(parts.broker, token, 20.0) as client:

        def register(number: int) -> None:
            for _ in range(number, count, 8):
                answer = client.call("assistance", "register_household", command_id=str(uuid.uuid4()), **household_form(town))
                state = client.call("assistance", "get_household", household_id=answer["id"])
                found.append((answer["id"], state["head_id"]))

        threads = [threading.Thread(target=register, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return found


def _one_income(parts: Parts, log: Log, token: str, person: tuple[str, str]) -> Raw:
    with RpcClient(parts.broker, token) as client:
        body = {"household_id": person[0], "person_id": person[1], "monthly_income_fen": 1, "effective_from": "2023-03-05"}
        answer = client.call("assistance", "record_income", command_id=str(uuid.uuid4()), **body)
    return log.read(answer["stream"])[-1]


# -- 2. The relay --------------------------------------------------------------------------------------------------------------


def relay(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """A backlog in the log, published by a relay that has just started, against pika with the same window, sizes and properties."""
    uri = parts.eventlog()
    broker = parts.broker
    _declare_heard(broker)
    count = scale.backlog
    copies = fill.Copies(_published(fill.life(parts.settings())), "relay")
    number = 0

    def ours() -> float:
        nonlocal number
        with opened(uri) as log:
            fill.fill(log, ((stream, of) for n in range(number, number + count // len(copies)) for stream, of in copies.streams(n)))
        number += count // len(copies)
        _purge(broker)
        return _relayed(parts, broker, count // len(copies) * len(copies))

    ours()  # a sample of its messages, and every process warm
    to, properties, body = _sample(broker)
    kept = ("content_type", "content_encoding", "type", "correlation_id", "timestamp", "headers")
    like = {name: getattr(properties, name) for name in kept}

    def limit() -> float:
        _purge(broker)
        task = {"uri": broker, "to": to, "body": body.hex(), "count": count, "window": WINDOW, "like": like}
        return _arriving(broker, count, lambda: parts.spawn("raw-relay", task, "bench.raw_relay"), lambda: parts.end("raw-relay"))

    found = side_by_side(ours, limit, scale.rounds, say)
    return [row(f"转发 {count:,} 个积压事件", *found, "个/秒", ">= 0.8")]


def _published(life: list[Raw]) -> list[Raw]:
    """Those of a life that leave the service, each stream's numbering closed up."""
    from shared.eventsourcing.events import REGISTRY

    discovery.load_all()
    return [e for e in life if REGISTRY[e.name].published]


def _relayed(parts: Parts, broker: str, count: int, **env: Any) -> float:
    """Events a second that a relay, just started, brings to the queue."""
    argv = ("shared.cli", "relay", "--window", str(WINDOW))
    return _arriving(broker, count, lambda: parts.start("relay", *argv, **env), lambda: parts.end("relay"))


def _arriving(broker: str, count: int, start: Callable[[], None], end: Callable[[], None]) -> float:
    """Messages a second from the first that is seen in the queue to the last: what starts them up is not counted, on either side."""
    with _Depth(broker) as depth:
        start()
        if not wait_until(lambda: depth() > 0, 60.0, 0.005):
            raise RuntimeError("没有消息到来")
        first, began = depth(), time.perf_counter()
        if not wait_until(lambda: depth() >= count, 120.0, 0.01):
            raise RuntimeError(f"只到来 {depth()}/{count}")
        took = time.perf_counter() - began
    end()
    return (count - first) / took


class _Depth:
    """How many messages the queue holds, asked on one open channel."""

    def __init__(self, broker: str) -> None:
        self._broker = broker

    def __enter__(self) -> Callable[[], int]:
        self._connection = pika.BlockingConnection(pika.URLParameters(self._broker))
        channel = self._connection.channel()
        return lambda: int(channel.queue_declare(HEARD, passive=True).method.message_count)

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _declare_heard(broker: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    channel = connection.channel()
    channel.queue_declare(HEARD, durable=True, arguments={"x-queue-type": "quorum"})
    for service in ("registry", "assistance", "eldercare"):
        channel.exchange_declare(names.events_exchange(service), "topic", durable=True)
        channel.queue_bind(HEARD, names.events_exchange(service), "#")
    connection.close()


def _purge(broker: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    connection.channel().queue_purge(HEARD)
    connection.close()


def _sample(broker: str) -> tuple[tuple[str, str], pika.BasicProperties, bytes]:
    """One of the relay's messages, and where it was published to: the limit takes the same way through the broker."""
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    method, properties, body = connection.channel().basic_get(HEARD, auto_ack=True)
    connection.close()
    assert properties is not None
    assert body is not None
    assert method is not None
    return (method.exchange, method.routing_key), properties, body


# -- 3. Rebuilding a read model ---------------------------------------------------------------------------------------------------


def projection(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """Rebuild of a service's read model, exchange included, against reading the same events with esdbclient and nothing else."""
    uri = parts.eventlog()
    copies = fill.Copies(fill.life(parts.settings()))
    with opened(uri) as log:
        fill.fill(log, copies.up_to(scale.events - len(copies)))

    def ours() -> float:
        return scale.events / _rebuilt(parts, uri)

    def limit() -> float:
        client = EventStoreDBClient(uri=uri)
        took = timed(lambda: sum(1 for _ in client.read_all()))
        client.close()
        return scale.events / took

    found = side_by_side(ours, limit, scale.rounds if scale.rounds < 5 else 3, say)
    return [row(f"由 {scale.events:,} 个事件重建读模型", *found, "个/秒", ">= 0.6")]


def _rebuilt(parts: Parts, uri: str) -> float:
    [model] = discovery.read_models(("assistance",))
    engine = engine_for(parts.settings(), "assistance")
    try:
        with opened(uri, parts.settings().eventstore_data) as log:
            report = rebuild.rebuild(model, engine, log)
    finally:
        engine.dispose()
    if report.different:
        raise RuntimeError(f"重建的读模型不同：{report.differences[:3]}")
    return report.seconds


# -- 4. From one service's append to another's effect ----------------------------------------------------------------------------


def reaction(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """assistance.after_death_answered in the log, relay, broker, the registry's reaction, the step in its process; against nameko
    and one raw append.

    The processes are open and known to the worker, as they are when their answers come: both sides make one call to the log.
    """
    uri = parts.eventlog()
    broker = parts.broker
    parts.start("worker", "shared.cli", "worker", "registry")
    name, data, metadata, person = _answered_event()
    parts.start("bare", "bench.bare", BENCH_DATA="120", BENCH_METADATA=str(len(metadata)))
    parts.start("relay", "shared.cli", "relay")
    task = {"rate": 40.0, "name": name, "data": data, "metadata": metadata, "person": person}
    found: dict[str, list[float]] = {"log": [], "nameko": []}

    def run(by: str) -> float:
        wanted = ("registry.after_death_step_done", "registry.after_death_step_skipped") if by == "log" else ("bench.done",)
        with opened(uri) as log:
            people = _open_processes(log, scale.causes) if by == "log" else [uuid.uuid4().hex for _ in range(scale.causes)]
            start = log.head()
            given: dict[str, float] = parts.run("bench.pacer", {**task, "people": people, "by": by, "uri": uri if by == "log" else broker})
            effects: dict[str, float] = {}

            def all_there() -> bool:
                for e in log.client.read_all(commit_position=start):
                    if e.type in wanted:
                        effects[json.loads(e.metadata)["$causationId"]] = e.recorded_at.timestamp()
                return given.keys() <= effects.keys()

            if not wait_until(all_there, 30.0, 0.2):
                raise RuntimeError(f"{by}：{len(given.keys() - effects.keys())} 个效果没有到来")
        taken = [(effects[cause] - at) * 1000 for cause, at in given.items()]
        found[by] += taken
        return percentile(taken, 0.5)

    run("log")
    run("nameko")
    found["log"].clear()
    found["nameko"].clear()
    side_by_side(lambda: run("log"), lambda: run("nameko"), scale.rounds, say)
    rows = []
    for share in (0.5, 0.99):
        both = percentile(found["log"], share), percentile(found["nameko"], share)
        rows.append(row(f"从一个服务的追加到另一服务反应的追加 p{int(share * 100)}", *both, "毫秒", "<= 2"))
    return rows


def _open_processes(log: Log, count: int) -> list[str]:
    """Deaths, and after them the registry's own reactions, until every process is open and its own step done; answers the persons."""
    from services.registry.death import DeathRegistered

    people = [uuid.uuid4().hex for _ in range(count)]
    start = log.head()
    for person in people:
        name, data = codec.encode(DeathRegistered(person, date(2023, 3, 1), DISTRICT, "hospital"), lambda _p, text: text)
        log.append(f"registry.death-{person}", [Raw(name, data, _meta("registry"), str(uuid.uuid4()))], -1)

    def all_open() -> bool:
        done = {e.stream_name for e in log.client.read_all(commit_position=start) if e.type == "registry.after_death_step_done"}
        return len(done) == count

    if not wait_until(all_open, 60.0, 0.3):
        raise RuntimeError("身后事项没有全部开办")
    return people


def _answered_event() -> tuple[str, str, str, str]:
    """assistance.after_death_answered as assistance would append it, and the person in it."""
    from services.assistance.after_death import AfterDeathAnswered

    person = uuid.uuid4().hex
    event = AfterDeathAnswered(person, DISTRICT, 1, "household", "skipped", "该人员不在救助家庭登记中", 0)
    name, data = codec.encode(event, lambda _p, text: text)
    return name, data.decode(), _meta("assistance").decode(), person


def _meta(service: str) -> bytes:
    now = datetime(2023, 3, 2, 9, tzinfo=SHANGHAI)
    return codec.encode_meta(codec.Meta(
        correlation_id=str(uuid.uuid4()), causation_id=str(uuid.uuid4()), command_id=str(uuid.uuid4()), command_hash="0" * 32, schema=1,
        actor=f"service:{service}", division=DISTRICT, occurred_at=now, recorded_at=now,
    ))  # fmt: skip


# -- 5. Appends to the embedded log -------------------------------------------------------------------------------------------------


def appends(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """32 callers, each appending one event after another to a stream of its own; the limit is the same server with --no-store."""
    targets = {kind: _target(parts.eventlog(f"eventlog-{kind}", store=kind == "store")) for kind in ("store", "nothing")}
    streams = {kind: _Streams() for kind in targets}

    def run(kind: str) -> float:
        return asyncio.run(_append_for(targets[kind], streams[kind], scale.seconds))

    run("store")
    run("nothing")
    found = side_by_side(lambda: run("store"), lambda: run("nothing"), scale.rounds, say)
    return [row(f"内嵌日志追加（{APPENDERS} 个同时调用者）", *found, "次/秒", ">= 0.7")]


def _target(uri: str) -> str:
    return uri.split("://")[1].split("?")[0]


class _Streams:
    """What each caller knows of its stream."""

    def __init__(self) -> None:
        self.revisions = [-1] * APPENDERS


async def _append_for(target: str, streams: _Streams, seconds: float) -> float:
    """Appends a second. The messages are made by hand: what is measured is the server, and a client that is slow hides it."""
    done = 0
    until = time.perf_counter() + seconds
    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.stream_unary("/event_store.client.streams.Streams/Append")

        async def caller(number: int) -> None:
            nonlocal done
            stream = shared_pb2.StreamIdentifier(stream_name=f"bench.append-{number}".encode())
            while time.perf_counter() < until:
                revision = streams.revisions[number]
                options = streams_pb2.AppendReq.Options(stream_identifier=stream)
                if revision < 0:
                    options.no_stream.SetInParent()
                else:
                    options.revision = revision
                proposed = streams_pb2.AppendReq.ProposedMessage(
                    id=shared_pb2.UUID(string=str(uuid.uuid4())), metadata={"type": "bench.done", "content-type": "application/json"},
                    custom_metadata=b"m" * 350, data=b"d" * 250,
                )  # fmt: skip
                messages = (streams_pb2.AppendReq(options=options), streams_pb2.AppendReq(proposed_message=proposed))
                answer = streams_pb2.AppendResp.FromString(await call(iter([m.SerializeToString() for m in messages]), timeout=10))
                if answer.WhichOneof("result") != "success":
                    raise RuntimeError("追加被拒绝")
                streams.revisions[number] = revision + 1
                done += 1

        began = time.perf_counter()
        await asyncio.gather(*(caller(n) for n in range(APPENDERS)))
        return done / (time.perf_counter() - began)


# -- 6. The rules --------------------------------------------------------------------------------------------------------------------


def rules(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """All households of a district in one month, by OpenFisca and by the same formula in plain numpy; both agree to the fen."""
    engine = rules_engine()
    people = plain_numpy.population(scale.households)
    month = "2023-07"
    law = plain_numpy.parameters_of(engine, month)
    batch = engine.assess_many(plain_numpy.PROGRAMME, people, month)
    if not (batch.amount_fen == plain_numpy.minimum_living_allowance(people, law, month)["amount"]).all():
        raise RuntimeError("规则引擎与 numpy 的结果不一致")
    found = side_by_side(
        lambda: timed(lambda: engine.assess_many(plain_numpy.PROGRAMME, people, month)),
        lambda: timed(lambda: plain_numpy.minimum_living_allowance(people, law, month)),
        scale.rounds, say,
    )  # fmt: skip
    return [row(f"按规则复核 {scale.households:,} 户", *found, "秒", "<= 10")]


# -- 7. A log that has grown -----------------------------------------------------------------------------------------------------------


def growth(parts: Parts, scale: Scale, say: Say) -> list[Row]:
    """Cost of one event with few and with many events in the log: append, stream read, relay, projection."""
    sizes = {"small": scale.small, "large": scale.large}
    parts.eventlog("eventlog-life")
    life = fill.life_of_facts(parts.settings())
    uris: dict[str, str] = {}
    for kind, size in sizes.items():
        uris[kind] = parts.eventlog(f"eventlog-{kind}")
        with opened(uris[kind]) as log:
            took = timed(lambda log=log, size=size: fill.fill(log, fill.Copies(life).up_to(size)))  # type: ignore[misc]
        say(f"{size:,} 个事件已写入（{size / took:,.0f} 个/秒）")
    titles = f"{scale.large:,} 个事件时，对 {scale.small:,} 个时"
    rows = []
    counts = {"append": 1_000, "read": 1_000, "relay": 5_000}
    broker = parts.broker
    _declare_heard(broker)
    for title, measure in (
        ("追加", lambda kind: _append_cost(uris[kind], counts["append"])),
        ("读一条流", lambda kind: _read_cost(uris[kind], life, counts["read"], sizes[kind])),
        ("转发", lambda kind: _relay_cost(parts, broker, uris[kind], life, counts["relay"])),
        ("投影", lambda kind: _projection_cost(parts, uris[kind], sizes[kind], kind)),
    ):
        cost: Callable[[str], float] = measure
        rounds = 1 if title == "投影" else scale.rounds
        found = side_by_side(partial(cost, "large"), partial(cost, "small"), rounds, say)
        rows.append(row(f"每事件成本：{title}（{titles}）", *found, "微秒", "<= 1.25"))
    return rows


def _append_cost(uri: str, count: int) -> float:
    """Microseconds for an append by a caller who is alone."""
    stream = f"bench.append-{uuid.uuid4().hex}"
    with opened(uri) as log:
        log.append(stream, [Raw("bench.done", b"{}", b"{}", str(uuid.uuid4()))], -1)

        def work() -> None:
            for n in range(count):
                log.append(stream, [Raw("bench.done", b"d" * 250, b"m" * 350, str(uuid.uuid4()))], n)

        return timed(work) / count * 1e6


def _read_cost(uri: str, life: list[Raw], count: int, events: int) -> float:
    """Microseconds for an event read with its stream, streams taken from all over the log."""
    copies = fill.Copies(life)
    lives = events // len(copies)
    chosen = [copies.streams(n * lives // count % lives)[-1] for n in range(count)]
    with opened(uri) as log:
        read = 0

        def work() -> None:
            nonlocal read
            for stream, of in chosen:
                found = log.read(stream)
                if len(found) != len(of):
                    raise RuntimeError(f"{stream}：{len(found)} 个事件，应为 {len(of)}")
                read += len(found)

        log.read(chosen[0][0])
        took = timed(work)
        return took / read * 1e6


def _relay_cost(parts: Parts, broker: str, uri: str, life: list[Raw], count: int) -> float:
    """Microseconds for an event at the end of the log, its checkpoint just before."""
    published = _published(life)
    copies = fill.Copies(published, uuid.uuid4().hex)
    with opened(uri) as log:
        entry = mark.read(log, "main")
        if entry.position < 0:
            # Whoever relayed all before: what is measured is the end of the log.
            mark.append(log, "main", mark.Entry(entry.version + 1, entry.epoch + 1, log.head(), "bench"), str(uuid.uuid4()))
        appended = fill.fill(log, copies.up_to(count))
    _purge(broker)
    return 1e6 / _relayed(parts, broker, appended, EVENTSTORE_URI=uri)


def _projection_cost(parts: Parts, uri: str, events: int, kind: str) -> float:
    """Microseconds for an event of a rebuild of the whole log."""
    [model] = discovery.read_models(("assistance",))
    times = []
    for _ in range(1 if kind == "large" else 5):
        settings = replace(parts.settings(), var=parts.var / f"models-{kind}")
        engine = engine_for(settings, "assistance")
        try:
            with opened(uri) as log:
                report = rebuild.rebuild(model, engine, log, force=True)
        finally:
            engine.dispose()
        times.append(report.seconds / report.events * 1e6)
    return statistics.median(times)


WORKS: dict[str, tuple[str, Callable[[Parts, Scale, Say], list[Row]]]] = {
    "rpc": ("RPC 指令", rpc),
    "relay": ("转发", relay),
    "projection": ("重建读模型", projection),
    "reaction": ("跨服务反应", reaction),
    "appends": ("内嵌日志追加", appends),
    "rules": ("规则批量复核", rules),
    "growth": ("日志增大后的成本", growth),
    "district": ("全区规模", lambda parts, scale, say: district.district(parts, district.FULL if scale is FULL else district.QUICK, say)),
    "payments": ("发放批次", lambda parts, scale, say: payments.payment_run(parts, 100_000 if scale is FULL else 2_000, say)),
    "standards": ("提标复核", lambda parts, scale, say: standards.standards_rise(parts, 100_000 if scale is FULL else 2_000, say)),
    "decisions": ("决定重算", lambda parts, scale, say: replaying.decision_replay(parts, 20_000 if scale is FULL else 5_000, say)),
    "api": ("接口", lambda parts, scale, say: api.api(parts, 4.0 if scale is FULL else 2.0, scale.rounds, say)),
    "pages": ("公开页面", lambda parts, scale, say: pages.pages(parts, 100_000, 30.0 if scale is FULL else 10.0, say)),
    "proofs": ("完整性", lambda parts, scale, say: proofs.proofs(parts, 1_000_000 if scale is FULL else 100_000, say)),
    "soak": ("持续负载", lambda parts, scale, say: district.soak(parts, district.FULL if scale is FULL else district.QUICK, say)),
}
