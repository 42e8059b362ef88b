"""One test for each pitfall of engines.md, section 3.2, by its number there (docs/adr/0005 says where each is mended)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import amqp
import pika
import pytest

from shared.config import ROOT
from shared.domain.errors import Refused, Unavailable
from shared.messaging import links, names, reactions, rpc, wire
from tests.messaging.house import AMOUNTS, COUNTER, DELAYS, TICKS, House, Wire, Worker, new_id, wait_for

TRIES = 1 + len(DELAYS.split(","))
MORTAL = "tests.messaging.services.mortal"


def ticks(house: House, event_id: str) -> int:
    """How often a reaction was run for this event."""
    return [line.split()[1] for line in house.board_lines("ticks")].count(event_id)


def slow(house: House, event_id: str) -> list[str]:
    return [line.split()[0] for line in house.board_lines("slow") if line.endswith(event_id)]


def python(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_pitfall_01_the_log_is_used_by_many_greenlets_while_the_hub_lives(house: House, standing: Worker) -> None:
    with house.client() as client, ThreadPoolExecutor(8) as pool:
        counters = [new_id() for _ in range(40)]
        counted = [pool.submit(client.counter.count, command_id="1", counter_id=c) for c in counters]
        sleeping = [pool.submit(client.counter.sleep, milliseconds=300) for _ in range(4)]
        assert client.counter.echo(text="alive", day="2023-07-01")["text"] == "alive"
        assert [f.result()["version"] for f in counted] == [0] * 40
        assert [f.result() for f in sleeping] == [""] * 4


def test_pitfall_02_a_graceful_stop_does_not_duplicate_work(alone: House) -> None:
    counter = new_id()
    worker = alone.start_worker()
    event_id = alone.tick(counter, "slow")
    with alone.client() as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.counter.sleep, milliseconds=1000, label="goodbye")
        wait_for(lambda: slow(alone, event_id) and "begin goodbye" in alone.board_lines("sleeps"), "both in flight")
        assert worker.stop() == 0
        assert asked.result() == "goodbye"
    assert slow(alone, event_id) == ["begin", "end"]
    assert alone.events(counter) == 1
    with alone.worker():
        alone.tick(after := new_id())
        wait_for(lambda: alone.events(after) == 1, "the next message")
        assert alone.depth(TICKS) == 0
    assert slow(alone, event_id) == ["begin", "end"]
    assert worker.said("worker_stopped")[0]["clean"]


def test_pitfall_03_a_lost_connection_does_not_run_a_message_twice(alone: House) -> None:
    network = Wire(alone.broker.port)
    uri = alone.broker.uri.replace(f":{alone.broker.port}/", f":{network.port}/")
    counter = new_id()
    try:
        with alone.worker(AMQP_URI=uri) as worker:
            event_id = alone.tick(counter, "slow")
            wait_for(lambda: slow(alone, event_id) == ["begin"], "the message in flight")
            assert network.cut() > 0
            wait_for(lambda: len(worker.said("broker_connected")) >= 4, "both connections again")
            wait_for(lambda: alone.events(counter) == 1, "the effect")
            alone.tick(after := new_id())
            wait_for(lambda: alone.events(after) == 1, "the next message")
            assert slow(alone, event_id) == ["begin", "end"]
        assert alone.depth(TICKS) == 0  # the second delivery was acknowledged in place of the first
    finally:
        network.close()


def test_pitfall_04_default_error_does_not_lose_the_message(house: House, standing: Worker) -> None:
    event_ids = [house.tick(new_id(), "bug") for _ in range(3)]
    for event_id in event_ids:
        letter = wait_for(lambda e=event_id: house.letters(e), "a dead letter")[0]
        assert letter.reason == "RuntimeError"
        assert letter.message.startswith("处理程序出错，位置 tests/messaging/services/counter.py:")


def test_pitfall_05_a_poison_message_is_no_hot_loop(house: House, standing: Worker) -> None:
    event_id = house.tick(new_id(), "bug")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert letter.tries == ticks(house, event_id) == TRIES


def test_pitfall_05_what_kills_its_worker_ends_among_the_dead_letters(alone: House) -> None:
    """The broker counts the deliveries; what it sets aside is sealed as soon as a worker is there."""
    event_id = alone.tick(new_id(), name="欧阳锋锋锋")
    rounds = 0
    with alone.channel() as channel:
        channel.basic_qos(prefetch_count=1)
        for method, _, _ in channel.consume(TICKS, inactivity_timeout=3):
            if method is None:
                break
            rounds += 1
            channel.basic_reject(method.delivery_tag, requeue=True)  # counts as a worker that died with it
    assert rounds == names.DELIVERIES + 1
    wait_for(lambda: alone.depth(names.rejected("counter")) == 1, "the broker's own dead letter")
    with alone.worker():
        letter = wait_for(lambda: alone.letters(event_id), "a dead letter")[0]
        assert (letter.reason, letter.queue, letter.exchange, letter.routing_key) == ("delivery_limit", TICKS, "clock.events", "ticked")
        assert alone.depth(names.rejected("counter")) == 0
        assert "欧阳锋锋锋".encode() not in letter.body
        alone.dead.replay(letter.id)
        wait_for(lambda: ticks(alone, event_id) == 1, "the replay")


def test_pitfall_06_a_retry_comes_later_and_succeeds(house: House, standing: Worker) -> None:
    house.flag("open", up=False)
    counter = new_id()
    event_id = house.tick(counter, "until_open")
    wait_for(lambda: ticks(house, event_id) >= 1, "the first try")
    house.flag("open")
    wait_for(lambda: house.events(counter) == 1, "the effect")
    house.flag("open", up=False)
    assert not house.letters(event_id)


def test_pitfall_06_an_outage_is_waited_out_and_fills_no_dead_letters(house: House, standing: Worker) -> None:
    house.flag("open", up=False)
    counter = new_id()
    event_id = house.tick(counter, "away_until_open")
    wait_for(lambda: ticks(house, event_id) > TRIES + 2, "more tries than the schedule has")
    assert not house.letters(event_id)
    house.flag("open")
    wait_for(lambda: house.events(counter) == 1, "the effect")
    house.flag("open", up=False)


def test_pitfall_07_an_undecodable_body_is_kept_and_not_logged(house: House, standing: Worker) -> None:
    event_id = house.publish("clock", "ticked", "{欧阳锋锋锋".encode())
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert "欧阳锋锋锋".encode() not in letter.body
    assert "欧阳锋锋锋" not in standing.log.read_text()
    _, content = house.dead.show(letter.id)
    assert content["bytes"] == len("{欧阳锋锋锋".encode())


def test_pitfall_08_an_rpc_does_not_wait_for_ever(alone: House) -> None:
    with alone.worker():
        pass  # from now on the queue is there
    with alone.client(timeout=0.5) as client:
        with pytest.raises(Unavailable, match="未在规定时间内"):
            client.counter.sleep(milliseconds=1, label="stale")
        # A request that nobody waits for any more is not carried out when a worker comes.
        wait_for(lambda: alone.depth(names.rpc_queue("counter")) == 0, "the stale request is gone")
        with alone.worker():
            assert client.as_(alone.token(), timeout=10).counter.echo(text="x", day="2023-07-01")["text"] == "x"
    assert "begin stale" not in alone.board_lines("sleeps")


def test_pitfall_08_a_worker_answers_unavailable_before_its_callers_give_up() -> None:
    assert rpc.LOG_LIMIT * 2 < rpc.LIMIT < 10


def test_pitfall_09_reply_queues_are_classic_and_leave_with_their_client(house: House, standing: Worker) -> None:
    client = house.client()
    client.counter.echo(text="x", day="2023-07-01")
    queue = f"rpc.reply-client-{client._link.reply_to}"
    with house.channel() as channel, pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
        channel.queue_declare(queue, passive=True)
    assert closed.value.reply_code == 405  # there, and its client's alone
    client.close()
    wait_for(lambda: house.depth(queue) == -1, "the reply queue is gone")
    assert names.reply_arguments() == {"x-queue-type": "classic", "x-expires": 60_000}


def test_pitfall_10_a_flood_of_events_does_not_starve_the_rpcs(house: House, standing: Worker) -> None:
    event_ids = [house.tick(new_id(), "slow") for _ in range(6)]
    wait_for(lambda: sum(len(slow(house, e)) for e in event_ids) >= 2, "the reactions' workers busy")
    with house.client() as client:
        for _ in range(20):
            client.counter.count(command_id=new_id(), counter_id=new_id())
    assert sum(slow(house, e).count("end") for e in event_ids) < len(event_ids), "the RPCs waited for the reactions"
    wait_for(lambda: sum(slow(house, e).count("end") for e in event_ids) == len(event_ids), "all done")


def test_pitfall_10_busy_rpcs_do_not_starve_one_another_or_the_reactions(house: House, standing: Worker) -> None:
    with house.client() as client, ThreadPoolExecutor(8) as pool:
        label = new_id()
        sleeping = [pool.submit(client.counter.sleep, milliseconds=1500, label=label) for _ in range(8)]
        wait_for(lambda: house.board_lines("sleeps").count(f"begin {label}") == 8, "all RPC workers busy")
        house.tick(counter := new_id())
        wait_for(lambda: house.events(counter) == 1, "the reaction")
        assert house.board_lines("sleeps").count(f"end {label}") < 8
        assert [f.result() for f in sleeping] == [label] * 8


def test_pitfall_11_prefetch_is_bounded_for_each_queue(alone: House) -> None:
    with alone.worker():
        event_ids = [alone.tick(new_id(), "slow") for _ in range(5)]
        # 8 workers for RPC make 4 for reactions, and half of those may be taken from one queue.
        wait_for(lambda: sum(len(slow(alone, e)) for e in event_ids) == 2 and alone.depth(TICKS) == 3, "two taken, three left")
        wait_for(lambda: sum(slow(alone, e).count("end") for e in event_ids) == 5, "all done")


def test_pitfall_12_heartbeats_and_keepalive_on_every_connection() -> None:
    out = python(
        "from shared.messaging.green import eventlet\n"
        "from shared.messaging import links\n"
        "a = links.connection('amqp://x:y@127.0.0.1:1/z')\n"
        "print(a.heartbeat, a.transport_options['socket_settings'] == links.SOCKET, len(links.SOCKET))"
    )
    assert out.split() == ["10.0", "True", "4"]


def test_pitfall_13_a_confirm_has_a_time_limit(house: House) -> None:
    """The Outbox hands a limit to every confirm, and starts again on a new connection when it passes."""
    published: list[dict[str, Any]] = []

    class Channel:
        def basic_publish_confirm(self, message: Any, **options: Any) -> None:
            published.append(options)
            if len(published) < 3:
                raise TimeoutError

    from shared.messaging.links import CONFIRM_LIMIT, Outbox

    outbox = Outbox()
    outbox._open = lambda declare: setattr(outbox, "_channel", Channel())  # type: ignore[method-assign]
    assert outbox.publish("", "q", lambda: None, lambda channel: None, lambda: True)
    assert [o["confirm_timeout"] for o in published] == [CONFIRM_LIMIT] * 3
    assert all(o["mandatory"] for o in published)


def test_pitfall_14_what_cannot_be_routed_is_noticed(house: House, standing: Worker) -> None:
    """Without its retry queues a retry would vanish in the exchange: it is returned, and the queues are made anew."""
    for delay in (0.2, 0.4):
        with house.channel() as channel:
            channel.queue_delete(names.retry(delay))
    event_id = house.tick(new_id(), "bug")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert letter.tries == TRIES
    assert ticks(house, event_id) == TRIES


def test_pitfall_15_no_two_connections_share_their_options() -> None:
    out = python(
        "from shared.messaging.green import eventlet\n"
        "from shared.messaging import links\n"
        "a = links.connection('amqp://x:y@127.0.0.1:1/z', confirms=True)\n"
        "b = links.connection('amqp://x:y@127.0.0.1:1/z')\n"
        "print(a.transport_options['confirm_publish'], b.transport_options['confirm_publish'])"
    )
    assert out.split() == ["True", "False"]


def test_pitfall_16_queues_are_the_expected_ones_with_the_expected_arguments(house: House, standing: Worker) -> None:
    expected = {
        TICKS: names.reaction_arguments("counter"),
        AMOUNTS: names.reaction_arguments("counter"),
        "counter.rejected": names.kept_arguments(),
        "counter.dead": names.kept_arguments(),
        "counter.discarded": names.discarded_arguments(),
        "minzheng.retry.200": names.retry_arguments(0.2),
        "minzheng.retry.400": names.retry_arguments(0.4),
        "rpc-counter": names.rpc_arguments(),
    }
    for queue, arguments in expected.items():
        with house.channel() as channel:
            channel.queue_declare(queue, durable=True, arguments=arguments)  # refused if any argument differs
    assert names.reaction_arguments("counter") == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 10,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "counter.rejected",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def test_pitfall_17_the_worker_does_without_pkg_resources() -> None:
    python(
        "import sys\nsys.modules['pkg_resources'] = None\nimport shared.messaging.runner, nameko.runners\n"
        "assert 'nameko.cli' not in sys.modules"
    )


def test_pitfall_18_a_dead_container_takes_the_process_down(alone: House) -> None:
    alone.flag("die", up=False)
    worker = alone.start_worker(MORTAL)
    alone.flag("die")
    wait_for(lambda: worker.process.poll() is not None, "the end of the process")
    alone.flag("die", up=False)
    assert worker.process.returncode == 1
    assert worker.said("container_died")[0]["error"] == "RuntimeError"
    assert "王小明" not in worker.log.read_text()


def test_pitfall_18_what_a_method_raises_kills_nothing(house: House, standing: Worker) -> None:
    with house.client() as client:
        for how in ("bug", "exit"):
            with pytest.raises(Refused, match="系统内部错误"):
                client.counter.fail(how=how)
    assert standing.process.poll() is None


def test_pitfall_19_a_stop_has_a_deadline(alone: House) -> None:
    worker = alone.start_worker(MORTAL)
    with alone.client(timeout=8) as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.counter.sleep, milliseconds=60_000, label="endless")
        wait_for(lambda: "begin endless" in alone.board_lines("sleeps"), "the request in flight")
        assert worker.stop() == 1
        assert worker.said("stop_limit_reached")
        alone.purge(names.rpc_queue("counter"))
        with pytest.raises(Unavailable):
            asked.result()


def test_pitfall_20_patching_comes_first_and_leaves_threads_alone() -> None:
    out = python(
        "import sys\n"
        "before = set(sys.modules)\n"
        "import eventlet, eventlet.patcher as p\n"
        "real, seen = eventlet.monkey_patch, []\n"
        "def patch(**k):\n"
        "    seen.append([m for m in set(sys.modules) - before if m.split('.')[0] in ('kombu', 'nameko', 'amqp', 'grpc', 'ssl', 'requests')"
        " and m != 'ssl'])\n"
        "    real(**k)\n"
        "eventlet.monkey_patch = patch\n"
        "import shared.messaging.runner\n"
        "print(seen, p.is_monkey_patched('socket'), p.is_monkey_patched('thread'))"
    )
    assert out.strip() == "[[]] True False"


def test_pitfall_21_one_encoder_knows_our_values_and_refuses_the_others() -> None:
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    assert wire.decode(wire.encode({"d": date(2023, 7, 1), "u": UUID(int=1), "t": (1, None), "名": "好"})) == {
        "d": "2023-07-01",
        "u": "00000000-0000-0000-0000-000000000001",
        "t": [1, None],
        "名": "好",
    }
    for bad in (Decimal("1"), {"deep": [{"in": Decimal("1")}]}, float("nan"), object(), {1: 2, "x": object()}):
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            wire.encode(bad)


def test_pitfall_22_two_timers_do_a_thing_once(house: House, standing: Worker) -> None:
    """See test_timer.py, which runs the same row through two workers."""
    from tests.messaging.test_timer import put_deadline, rings

    counter = new_id()
    with house.worker():
        put_deadline(house, counter)
        wait_for(lambda: len(rings(house, counter)) >= 2, "both timers")
    assert house.events(counter) == 1


def test_pitfall_23_no_handler_may_come_near_the_brokers_ack_timeout() -> None:
    assert rpc.LIMIT < reactions.LIMIT <= 120 < 30 * 60


def test_pitfall_24_a_connection_on_which_a_write_failed_is_not_replaced_behind_its_consumer(house: House) -> None:
    """The acknowledgement is the first to notice; who reads next is told, instead of listening on another connection to nothing."""
    network = Wire(house.broker.port)
    link = links.connection(house.broker.uri.replace(f":{house.broker.port}/", f":{network.port}/"))
    try:
        link.connect()
        first, channel = link.connection, link.default_channel
        network.cut()

        def refused() -> bool:
            try:
                channel.basic_qos(0, 1, False)
            except OSError:
                return True
            return False

        wait_for(refused, "a write that fails")
        assert not link.connected
        for use in (lambda: link.drain_events(timeout=0.1), link.heartbeat_check):
            with pytest.raises(amqp.exceptions.RecoverableConnectionError):
                use()
        link.close()
        link.connect()
        assert link.connection is not first, "who asks for another one gets it"
    finally:
        links.close_quietly(link)
        network.close()


def test_a_broker_that_is_killed_loses_nothing(alone: House) -> None:
    """kill -9 of the broker under load: every confirmed event has its effect once, and callers are told in time."""
    with alone.worker() as worker, alone.client(timeout=5) as client:
        counters = [new_id() for _ in range(30)]
        for counter in counters:
            alone.tick(counter)
        alone.broker.kill9()
        with pytest.raises(Unavailable):
            client.counter.echo(text="x", day="2023-07-01")
        alone.broker.start()
        wait_for(lambda: all(alone.events(c) == 1 for c in counters), "all effects", 120)

        def answered() -> bool:
            try:
                return bool(client.counter.echo(text="back", day="2023-07-01"))
            except Unavailable:
                return False

        wait_for(answered, "RPCs again")
        assert worker.process.poll() is None
    assert not alone.letters()[:0]


def test_what_waits_for_another_try_when_the_broker_is_killed_is_tried_soon(alone: House) -> None:
    """Both were away at once: whatever waited has its effect. With the queues of a whole house: tests/setup/test_broker_node.py."""
    with alone.worker() as worker:
        alone.kill_log()
        counters = [new_id() for _ in range(5)]
        for counter in counters:
            alone.tick(counter)
        try:
            wait_for(lambda: len(worker.said("retry")) >= len(counters), "messages that wait")
            alone.broker.kill9()
        finally:
            alone.start_log()
        alone.broker.start()
        wait_for(lambda: all(alone.events(c) == 1 for c in counters), "all effects", 90)
    ours = (ROOT / "deploy/rabbitmq/advanced.config").read_bytes()
    assert (alone.var / "rabbitmq/advanced.config").read_bytes() == ours


def test_a_worker_that_is_killed_loses_nothing(alone: House) -> None:
    counters = [new_id() for _ in range(40)]
    stop = threading.Event()
    killed = 0

    def kill_now_and_then() -> None:
        nonlocal killed
        while not stop.is_set():
            worker = alone.start_worker()
            time.sleep(0.3)
            worker.kill9()
            killed += 1

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        for counter in counters:
            alone.tick(counter)
        wait_for(lambda: killed >= 2, "two kills", 180)
    finally:
        stop.set()
        killer.join()
    with alone.worker():
        wait_for(lambda: all(alone.events(c) == 1 for c in counters), "all effects", 120)


def test_a_worker_waits_for_log_and_broker(alone: House) -> None:
    alone.kill_log()
    worker = alone.start_worker(COUNTER, wait=False)
    try:
        said = wait_for(lambda: worker.said("waiting_for"), "a line about waiting")
        assert said[0]["part"] == "log"
        assert worker.process.poll() is None
    finally:
        alone.start_log()
    worker.wait_ready()
    assert worker.stop() == 0


def test_an_unreachable_broker_is_no_crash(house: House) -> None:
    worker = house.start_worker(COUNTER, wait=False, AMQP_URI="amqp://x:y@127.0.0.1:1/z")
    said = wait_for(lambda: worker.said("waiting_for"), "a line about waiting")
    assert said[0]["part"] == "broker"
    assert worker.stop() == 0
    assert isinstance(amqp.exceptions.AMQPError(), Exception)
