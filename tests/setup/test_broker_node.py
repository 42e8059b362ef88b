"""The private RabbitMQ node: what it lets in, what survives a kill, what it leaves behind."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import psutil
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from shared.config import ConfigError, Settings
from shared.messaging import definitions, names, node
from shared.messaging.node import QUEUE_SETTLES, BrokerError, BrokerNode, agency_uri, ensure_definitions, find_server
from shared.process import wait_until

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}

try:
    find_server()
except BrokerError:
    pytest.skip("RabbitMQ is not installed", allow_module_level=True)


Children = Callable[[], list[psutil.Process]]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("节点 一")  # a directory name with a space and 汉字 must do


@pytest.fixture(scope="module")
def broker(var: Path) -> Iterator[BrokerNode]:
    with BrokerNode(var, env=ENV) as running:
        yield running


def settings(broker: BrokerNode, var: Path) -> Settings:
    return Settings(var=var, amqp_uri=broker.uri)


def channel(uri: str) -> BlockingChannel:
    return pika.BlockingConnection(pika.URLParameters(uri)).channel()


FORBIDDEN: dict[str, Callable[[BlockingChannel], object]] = {
    "write to another agency's exchange": lambda it: it.basic_publish("hospital.events", "x", b"{}"),
    "write to a service's exchange": lambda it: it.basic_publish("registry.events", "x", b"{}"),
    "write to a queue directly": lambda it: it.basic_publish("", "inbox", b"{}"),
    "declare a queue": lambda it: it.queue_declare("mine"),
    "declare an exchange": lambda it: it.exchange_declare("mine", exchange_type="topic"),
    "read a queue": lambda it: it.basic_get("inbox"),
}


def test_everything_listens_on_the_loopback_only(broker: BrokerNode, children: Children) -> None:
    """Neither AMQP, nor Erlang's distribution, nor epmd can be reached from another machine."""
    addresses = {
        connection.laddr.ip
        for child in children()
        for connection in child.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}


def test_definitions_are_loaded_and_there_is_no_default_user(broker: BrokerNode) -> None:
    """All exchanges of the definitions exist, and guest/guest is not let in."""
    admin = channel(broker.uri)
    for name in definitions.exchanges():
        admin.exchange_declare(name, passive=True)
    admin.connection.close()
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(definitions.uri("guest", "guest", f"127.0.0.1:{broker.port}")))


def test_an_agency_may_write_to_its_own_exchange_and_do_nothing_else(broker: BrokerNode, var: Path) -> None:
    """人社局 publishes income changes; it can neither write, read nor declare anything else."""
    admin = channel(broker.uri)
    admin.queue_declare("inbox", durable=True)
    admin.queue_bind("inbox", "hrss.events", "#")
    mine = channel(agency_uri(settings(broker, var), "hrss", ENV))
    mine.confirm_delivery()
    mine.basic_publish("hrss.events", "income_changed", b"{}", mandatory=True)
    mine.connection.close()
    assert admin.basic_get("inbox", auto_ack=True)[2] == b"{}"
    admin.connection.close()
    for what, action in FORBIDDEN.items():
        hrss = channel(agency_uri(settings(broker, var), "hrss", ENV))
        hrss.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker) as closed:
            action(hrss)
        hrss.connection.close()
        assert closed.value.reply_code == 403, what


def test_passwords_are_made_once_and_are_nobody_elses_to_read(broker: BrokerNode, var: Path) -> None:
    """Each user has a password of its own in var/keys, readable by its owner only; neither it nor its hash is in the repository."""
    files = {file.name: file for file in (var / "keys").iterdir()}
    agencies = ("hrss", "hospital", "dpf", "housing", "education", "medicare", "psb")
    assert set(files) == {"amqp-minzheng", *(f"amqp-{agency}" for agency in agencies)}
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    assert len({file.read_text() for file in files.values()}) == len(files)
    assert (var / "rabbitmq" / "definitions.json").stat().st_mode & 0o077 == 0


def test_an_unknown_agency_is_told_which_are_known(broker: BrokerNode, var: Path) -> None:
    """A wrong agency name is an error in words, not a login failure later."""
    with pytest.raises(ConfigError, match="hrss、hospital"):
        agency_uri(settings(broker, var), "market", ENV)


def test_a_second_node_on_the_same_data_is_refused(broker: BrokerNode, var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes on one directory would destroy it."""
    monkeypatch.setattr(node, "LOCK_WAIT", 0.2)
    with pytest.raises(BrokerError, match="正被另一个消息总线节点使用"):
        BrokerNode(var, env=ENV).start()
    assert broker.ready()


def test_an_external_broker_gets_its_exchanges_declared(broker: BrokerNode) -> None:
    """With AMQP_URI given we declare what we need, again and again without harm; a wrong login is an error in words."""
    assert ensure_definitions(broker.uri) == definitions.exchanges()
    with pytest.raises(ConfigError, match="无法使用 AMQP_URI"):
        ensure_definitions(broker.uri.replace("minzheng:", "minzheng:x"))


def test_durable_messages_survive_kill_9(broker: BrokerNode) -> None:
    """After kill -9 the node comes back on the same port with every confirmed message of its quorum queues."""
    before, uri = broker.pid, broker.uri
    publisher = channel(uri)
    publisher.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    publisher.confirm_delivery()
    for number in range(20):
        publisher.basic_publish("", "kept", str(number).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    time.sleep(node.QUEUE_SETTLES)
    broker.kill9()
    assert not broker.alive()
    with contextlib.suppress(AMQPConnectionError):
        publisher.connection.close()
    assert broker.start() == uri
    assert broker.pid != before
    reader = channel(uri)
    found = [body for _, _, body in itertools.islice(reader.consume("kept", auto_ack=True, inactivity_timeout=20), 20)]
    reader.connection.close()
    assert found == [str(number).encode() for number in range(20)]


def test_stop_leaves_no_process(broker: BrokerNode, children: Children) -> None:
    """Neither the node, nor its port helpers, nor epmd outlive a stop."""
    running = children()
    assert {"beam.smp", "epmd"} <= {child.name() for child in running}
    assert broker.stop(), "it should stop by itself"
    _, left = psutil.wait_procs(running, timeout=5)
    assert not left


def test_what_a_retry_queue_holds_when_the_node_is_killed_comes_out_soon(tmp_path: Path) -> None:
    """With the queues of a whole house the node hands on what has waited long enough before it knows its own exchanges; what is not
    handed on then is by default looked at again after three minutes, and lies in no queue that anybody could see."""
    broker = BrokerNode(tmp_path)
    broker.start()
    try:
        target, waiting = "counter.on.x.e1.f", names.retry(0.3)
        sent = 0

        def publish(channel: Any) -> None:
            nonlocal sent
            with contextlib.suppress(pika.exceptions.AMQPError, OSError):
                while True:
                    properties = pika.BasicProperties(delivery_mode=2)
                    channel.basic_publish(waiting, target, str(sent).encode(), properties, mandatory=True)
                    sent += 1

        channel = pika.BlockingConnection(pika.URLParameters(broker.uri)).channel()
        channel.confirm_delivery()
        for n in range(500):
            channel.queue_declare(f"counter.on.x.e{n}.f", durable=True, arguments=names.reaction_arguments("counter"))
        channel.queue_declare(names.rejected("counter"), durable=True, arguments=names.kept_arguments())
        channel.exchange_declare(waiting, "fanout", durable=True)
        channel.queue_declare(waiting, durable=True, arguments=names.retry_arguments(0.3))
        channel.queue_bind(waiting, waiting)
        time.sleep(QUEUE_SETTLES)
        load = threading.Thread(target=publish, args=(channel,))
        load.start()
        assert wait_until(lambda: sent >= 1000, 90)
        broker.kill9()
        load.join()
        broker.start()
        with contextlib.closing(pika.BlockingConnection(pika.URLParameters(broker.uri))) as link:
            channel, came = link.channel(), set[bytes]()

            def all_came() -> bool:
                while (got := channel.basic_get(target, auto_ack=True))[0] is not None:
                    came.add(got[2])
                return len(came) >= sent

            assert wait_until(all_came, 90), f"{sent - len(came)} of {sent} wait"
    finally:
        broker.stop()
