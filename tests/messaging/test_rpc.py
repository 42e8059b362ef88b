"""The RPC doors as callers see them: answers, refusals, and what other people's clients get."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pika
import pytest
from nameko.exceptions import RemoteError
from nameko.standalone.rpc import ClusterRpcProxy

from shared.config import ROOT
from shared.domain.errors import Refused, Unavailable
from shared.messaging import wire
from shared.messaging.client import RpcClient
from shared.process import free_port
from tests.messaging.deaf import may_go_deaf
from tests.messaging.house import RESIDENT_ID, House, Worker, new_id, wait_for


def refused(client: RpcClient, method: str, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        client.call("counter", method, **kwargs)
    return caught.value


def test_a_command_answers_with_version_and_position(client: RpcClient, house: House) -> None:
    counter = new_id()
    answer = client.counter.count(command_id=new_id(), counter_id=counter, by=3)
    assert (answer["version"], answer["events"], answer["repeated"]) == (0, ["counter.counted"], False)
    assert answer["stream"] == f"counter.counter-{counter}"
    assert client.counter.get(counter_id=counter) == {"total": 3, "version": 0}
    assert house.log.read(f"counter.counter-{counter}")[0].position == answer["position"]


def test_the_same_command_id_has_its_effect_once(client: RpcClient, house: House) -> None:
    counter, command_id = new_id(), new_id()
    first = client.counter.count(command_id=command_id, counter_id=counter)
    second = client.counter.count(command_id=command_id, counter_id=counter)
    assert second == {**first, "repeated": True}
    assert house.events(counter) == 1
    assert refused(client, "count", command_id=command_id, counter_id=counter, by=2).code == "command_id_reused"


def test_a_door_may_take_another_form_than_the_command(client: RpcClient, house: House) -> None:
    command_id = new_id()
    answer = client.counter.count_person(command_id=command_id, resident_id=RESIDENT_ID, by=5)
    assert RESIDENT_ID not in str(answer)
    assert client.counter.count_person(command_id=command_id, resident_id=RESIDENT_ID, by=5)["repeated"]


def test_a_querys_form_is_its_own_parameters(client: RpcClient) -> None:
    assert client.counter.echo(text="好", day="2023-07-01") == {
        "actor": "staff:wang", "text": "好", "day": "2023-07-01", "number": 3, "yes": False, "maybe": None,
    }  # fmt: skip
    assert client.counter.get(counter_id=new_id(), as_of="2023-07-01T00:00:00+08:00") == {"total": 0, "version": -1}


@pytest.mark.parametrize(
    ("method", "kwargs", "code", "field"),
    [
        ("count", {"counter_id": "a"}, "invalid_input", "command_id"),
        ("count", {"counter_id": "a", "command_id": ""}, "invalid_input", "command_id"),
        ("count", {"counter_id": "a", "command_id": 7}, "invalid_input", "command_id"),
        ("count", {"counter_id": "a", "command_id": "x" * 101}, "invalid_input", "command_id"),
        ("count", {"counter_id": "a", "command_id": f"c-{RESIDENT_ID}"}, "invalid_input", "command_id"),
        ("count", {"counter_id": "a", "command_id": "c", "expected_version": "1"}, "invalid_input", "expected_version"),
        ("count", {"counter_id": "a", "command_id": "c", "expected_version": 9}, "version_conflict", "expected_version"),
        ("count", {"counter_id": "a", "command_id": "c", "by": "1"}, "invalid_input", "by"),
        ("count", {"counter_id": "a", "command_id": "c", "by": -1}, "invalid_input", "by"),
        ("count", {"counter_id": "a", "command_id": "c", "colour": "red"}, "invalid_input", "colour"),
        ("count", {"counter_id": "a", "command_id": "c", "division": "330203"}, "wrong_division", "division"),
        ("count", {"command_id": "c"}, "invalid_input", "counter_id"),
        ("count_person", {"resident_id": "110105194912310021", "command_id": "c"}, "invalid_input", "resident_id"),
        ("echo", {"text": "x"}, "invalid_input", "day"),
        ("echo", {"text": "x", "day": "2023-02-30"}, "invalid_input", "day"),
        ("echo", {"text": "x", "day": "2023-02-01", "number": 1.5}, "invalid_input", "number"),
        ("echo", {"text": "x", "day": "2023-02-01", "more": 1}, "invalid_input", "more"),
        ("get", {"counter_id": "a", "as_of": "2023-02-01T00:00:00"}, "invalid_input", "as_of"),
        ("nothing", {}, "not_found", "method"),
        ("_timer", {}, "not_found", "method"),
        ("on_ticked", {}, "not_found", "method"),
        ("count", {"counter_id": "a", "command_id": "c", "division": "x" * wire.MOST_BYTES}, "too_large", None),
    ],
)
def test_bad_input_is_refused_with_code_and_field(client: RpcClient, method: str, kwargs: dict[str, Any], code: str, field: str) -> None:
    answer = refused(client, method, **kwargs)
    assert (answer.code, answer.field) == (code, field)
    assert answer.message.endswith("。")


def test_who_may_call(client: RpcClient, house: House) -> None:
    forged = house.token()[:-6] + "AAAAAA"
    for token, code in [
        (None, "unauthenticated"),
        ("nonsense", "unauthenticated"),
        (forged, "unauthenticated"),
        (house.token(seconds=-60), "unauthenticated"),
        (house.token("cashier"), "forbidden"),
    ]:
        assert refused(client.as_(token), "count", command_id="c", counter_id="a").code == code
        # The door is checked before the form, so that nobody without a right to it learns what it asks for.
        assert refused(client.as_(token), "count", colour="red").code == code


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"args": [], "kwargs": {"text": "x"', "application/json"),
        (b"[]", "application/json"),
        (b'{"args": ["a"], "kwargs": {}}', "application/json"),
        (b'{"args": []}', "application/json"),
        (b'{"args": [], "kwargs": {}}', "application/x-python-serialize"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_a_malformed_request_is_answered(house: House, standing: Worker, body: bytes, content_type: str) -> None:
    with house.channel() as channel:
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "nameko-rpc", routing_key=queue)
        properties = pika.BasicProperties(content_type=content_type, reply_to=queue, correlation_id="1")
        channel.basic_publish("nameko-rpc", "counter.echo", body, properties)
        reply = wait_for(lambda: channel.basic_get(queue, auto_ack=True)[2], "a reply")
    error = wire.decode(reply)["error"]
    assert (error["exc_type"], error["exc_args"][0]) == ("Refused", "invalid_input")


def test_a_bug_is_told_by_number_and_never_by_its_text(client: RpcClient, standing: Worker) -> None:
    for how in ("bug", "decimal", "object", "exit"):
        answer = refused(client, "fail", how=how)
        assert answer.code == "internal"
        number = answer.message.split("编号 ")[1].split("。")[0]
        logged = wait_for(lambda n=number: [x for x in standing.said("rpc_failed") if x["number"] == n], "a log line")
        assert logged[0]["at"].startswith(("tests/messaging/services/counter.py", "shared/messaging/"))
    assert "王小明" not in standing.log.read_text()


def test_many_callers_on_one_client(client: RpcClient) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: client.counter.echo(text=str(n), day="2023-07-01")["text"], range(200)))
    assert answers == [str(n) for n in range(200)]


def test_no_worker_is_unavailable_at_once(client: RpcClient) -> None:
    with pytest.raises(Unavailable, match="没有工作进程"):
        client.nobody.anything()


def test_a_front_end_is_told_at_once_that_nobody_is_there(alone: House) -> None:
    """The queue is there but its only worker was killed: the call gives up, and so does the next. One that waited its time out would wait
    an hour, which no test lives to see."""
    worker = alone.start_worker()
    with RpcClient(alone.broker.uri, alone.token(), 3600.0, at_once=True) as client:
        assert client.counter.echo(text="here", day="2023-07-01")["text"] == "here"
        worker.kill9()
        with pytest.raises(Unavailable, match="没有工作进程"):
            client.counter.echo(text="nobody", day="2023-07-01")
        with pytest.raises(Unavailable, match="没有工作进程"):
            client.nobody.anything()
        with alone.worker():
            assert client.counter.echo(text="again", day="2023-07-01")["text"] == "again"


def test_a_service_that_hangs_holds_one_call_and_no_more(alone: House) -> None:
    """A stopped process still counts as a consumer: once it let a call run out of time one tries, and the others are told at once."""
    front = RpcClient(alone.broker.uri, alone.token(), 2.0, at_once=True)
    with alone.worker() as worker, front as client, ThreadPoolExecutor(1) as pool:
        assert client.counter.echo(text="here", day="2023-07-01")["text"] == "here"
        os.kill(worker.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable, match="规定时间"):
                client.counter.echo(text="hangs", day="2023-07-01")
            trying = pool.submit(client.as_(alone.token(), timeout=60.0).counter.echo, text="tries", day="2023-07-01")
            wait_for(lambda: client._link._waiting, "a call that tries")
            with pytest.raises(Unavailable, match="没有及时答复"):
                client.counter.echo(text="another", day="2023-07-01")
        finally:
            os.kill(worker.process.pid, signal.SIGCONT)
        assert trying.result()["text"] == "tries"
        assert client.counter.echo(text="again", day="2023-07-01")["text"] == "again"


def test_a_front_end_waits_for_work_that_takes_its_time(client: RpcClient, house: House, standing: Worker) -> None:
    """That nothing came yet is no sign that nobody is there."""
    with RpcClient(house.broker.uri, house.token(), 60.0, at_once=True) as patient, ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: patient.counter.count(command_id=new_id(), counter_id=new_id())["version"], range(200)))
    assert answers == [0] * 200


def test_a_front_end_without_a_broker_is_told_at_once() -> None:
    """Nobody listens on the broker's port: no call waits its time out, an hour, which no test lives to see."""
    nowhere = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    with RpcClient(nowhere, "token", 3600.0, at_once=True) as client, pytest.raises(Unavailable, match="消息总线"):
        client.counter.echo(text="nobody", day="2023-07-01")


def _eight(client: RpcClient) -> list[str]:
    """What eight threads are told that call at once."""

    def one(n: int) -> str:
        try:
            return str(client.counter.echo(text=str(n), day="2023-07-01")["text"])
        except Unavailable as away:
            return away.message

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(8)))


def _works_again(client: RpcClient) -> None:
    well = [str(n) for n in range(8)]
    wait_for(lambda: _eight(client) == well, "eight answers")


def test_a_connection_that_goes_deaf_is_found_out_by_the_calls_on_it(
    house: House, standing: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing arrives any more and nobody says so: eight callers are told, and those that come after go over a new connection. Calls that
    waited their time out, and heartbeats, would take an hour, which no test lives to see."""
    monkeypatch.setattr("shared.messaging.client._HEARTBEAT", 3600)
    with may_go_deaf(house.broker.uri) as between, RpcClient(between.uri, house.token(), 3600.0, at_once=True) as client:
        _works_again(client)
        for made in (1, 2):
            assert between.connections == made
            between.deafen()
            assert {said[:10] for said in _eight(client)} == {"与消息总线的连接中断"}
            _works_again(client)


def test_a_service_that_takes_long_is_no_deaf_connection(alone: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped worker answers nothing for longer than a deaf connection is borne; the broker goes on to say that it is there, and the
    connection stays."""
    monkeypatch.setattr("shared.messaging.client._DEAF", 0.5)
    with (
        alone.worker() as worker,
        may_go_deaf(alone.broker.uri) as between,
        RpcClient(between.uri, alone.token(), 3.0, at_once=True) as client,
    ):
        assert client.counter.echo(text="here", day="2023-07-01")["text"] == "here"
        os.kill(worker.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable, match="规定时间"):
                client.counter.echo(text="hangs", day="2023-07-01")
        finally:
            os.kill(worker.process.pid, signal.SIGCONT)
        wait_for(lambda: _eight(client) == [str(n) for n in range(8)], "eight answers")
        assert between.connections == 1


def test_a_broker_that_is_killed_is_told_to_eight_callers_and_work_resumes(alone: House) -> None:
    """kill -9 under calls that wait: each is told at once (their time is an hour), and the same client works when the broker is back."""
    front = RpcClient(alone.broker.uri, alone.token(), 3600.0, at_once=True)
    with alone.worker() as worker, front as client, ThreadPoolExecutor(1) as pool:
        _works_again(client)
        os.kill(worker.process.pid, signal.SIGSTOP)
        try:
            waiting = pool.submit(_eight, client)
            wait_for(lambda: len(client._link._waiting) == 8, "eight calls that wait")
            alone.broker.kill9()
            assert {said[:10] for said in waiting.result()} == {"与消息总线的连接中断"}
            assert {said[:4] for said in _eight(client)} == {"消息总线"}
        finally:
            alone.broker.start()
            os.kill(worker.process.pid, signal.SIGCONT)
        _works_again(client)


def test_a_caller_with_patience_waits_out_what_is_away(client: RpcClient, house: House) -> None:
    """The same call under the same command id, again and again; who has none is told meanwhile."""
    call = {"command_id": new_id(), "counter_id": new_id()}
    with ThreadPoolExecutor(1) as pool:
        house.kill_log()
        try:
            asked = pool.submit(client.as_(house.token(), patience=200).counter.count, **call)
            assert refused(client.as_(house.token(), timeout=15), "count", command_id=new_id(), counter_id=new_id()).code == "unavailable"
            assert not asked.done()
        finally:
            house.start_log()
        assert asked.result()["version"] == 0
    assert house.events(call["counter_id"]) == 1


def test_a_queue_for_answers_that_is_deleted_is_made_anew(house: House, standing: Worker) -> None:
    """The client begins again with another one; on the connection that it has, which lives, no answer would ever come."""
    with house.client(60.0) as client:
        assert client.counter.echo(text="before", day="2023-07-01")["text"] == "before"
        link = client._link
        lost = f"rpc.reply-client-{link.reply_to}"
        link._connection.ioloop.add_callback_threadsafe(lambda: link._channel.queue_delete(lost))
        wait_for(lambda: link.reply_to not in lost, "another queue")
        assert client.counter.echo(text="after", day="2023-07-01")["text"] == "after"


def test_a_client_without_files_begins_again_when_there_are_some(house: House, standing: Worker) -> None:
    """Its connection is lost while the process may open no more files: calls are refused meanwhile, and answered afterwards."""
    code = """
import os, resource, sys
from shared.domain.errors import Unavailable
from shared.messaging.client import RpcClient
from shared.process import wait_until

client = RpcClient(sys.argv[1], sys.argv[2], 90.0)
assert client.counter.echo(text="before", day="2023-07-01")["text"] == "before"
link, soft = client._link, resource.getrlimit(resource.RLIMIT_NOFILE)
lost = link._connection
spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]  # no gap is left below the last
resource.setrlimit(resource.RLIMIT_NOFILE, (spare[-1] + 1, soft[1]))
filled = []
lost.ioloop.add_callback_threadsafe(lost.close)
def none_left():
    try:
        while True:
            filled.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return link._failures > 1 or not link._thread.is_alive()
assert wait_until(none_left, 90)
try:
    client.as_(sys.argv[2], timeout=0.5).counter.echo(text="meanwhile", day="2023-07-01")
except Unavailable:
    print("refused")
for file in (*spare, *filled):
    os.close(file)
resource.setrlimit(resource.RLIMIT_NOFILE, soft)
print(client.counter.echo(text="after", day="2023-07-01")["text"])
client.close()
"""
    argv = [sys.executable, "-c", code, house.broker.uri, house.token()]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert ran.stdout.split() == ["refused", "after"], ran.stdout + ran.stderr


def test_the_log_away_is_unavailable_and_work_resumes(client: RpcClient, house: House) -> None:
    counter, command_id = new_id(), new_id()
    client.counter.count(command_id=new_id(), counter_id=counter)
    house.kill_log()
    try:
        assert refused(client.as_(house.token(), timeout=15), "count", command_id=command_id, counter_id=counter).code == "unavailable"
        assert client.counter.echo(text="still here", day="2023-07-01")["text"] == "still here"
    finally:
        house.start_log()

    def again() -> bool:
        try:
            return bool(client.counter.count(command_id=command_id, counter_id=counter))
        except Unavailable:
            return False

    wait_for(again, "the log to be used again")
    assert house.events(counter) == 2


def test_a_stock_nameko_proxy_works_against_us(house: House, standing: Worker) -> None:
    config = {"AMQP_URI": house.broker.uri}
    with ClusterRpcProxy(config, context_data={"auth_token": house.token()}, timeout=10) as bureau:
        assert bureau.counter.echo(text="hello", day="2023-07-01")["text"] == "hello"
        with pytest.raises(RemoteError, match=r"Refused \[invalid_input\]"):
            bureau.counter.echo(text="hello", day="never")


def test_the_callers_correlation_id_reaches_the_log(client: RpcClient, house: House) -> None:
    counter = new_id()
    client.as_(house.token(), correlation_id="case-7").counter.count(command_id=new_id(), counter_id=counter)
    assert wire.decode(house.log.read(f"counter.counter-{counter}")[0].metadata)["$correlationId"] == "case-7"
