"""The relay with a real log and a real broker: what it says, and that nothing is lost whoever dies."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.eventlog.client import Log, Raw
from shared.eventlog.reader import Passed
from shared.eventlog.relay import mark
from shared.eventlog.relay.forms import Forms, Leak, Message
from shared.eventlog.relay.session import BrokerUnavailable, Counts, Options, Session
from shared.eventsourcing.codec import UnknownEvent
from shared.messaging import names
from shared.messaging.node import BrokerNode
from tests.projections import sample
from tests.projections.logserver import LogServer, reachable, until
from tests.relay.conftest import Inbox, Relays


def published(log: Log) -> list[Raw]:
    """What the log holds for the world, in its order."""
    return [r for r in log.read_all(prefix="sample.") if r.name != "sample.account_noted"]


def first_seen(inbox: Inbox) -> list[str]:
    """The ids of the messages in the order they came first; repeats are allowed."""
    return list(dict.fromkeys(p.message_id for _, p, _ in inbox.read()))


def test_published_events_leave_in_their_public_form(log: Log, inbox: Inbox, relays: Relays) -> None:
    """Log order, nameko's exchange and key, CloudEvents headers; no private event, no personal field, no private shape. What is keyed has
    a further key, and is there once for whoever listens to both."""
    events = [*sample.life("a", 1, close=True), sample.raw(sample.Noted("a", "private")), sample.old_move("a", 250)]
    sample.append(log, "a", events)
    relays.thread()
    until(lambda: inbox.count() == 4)
    messages = inbox.read()
    assert [m.routing_key for m, _, _ in messages] == ["account_opened", "account_moved", "account_closed", "account_moved"]
    assert {m.exchange for m, _, _ in messages} == {"sample.events"}
    bodies = [json.loads(body) for _, _, body in messages]
    assert bodies == [
        {"account_id": "a", "person_id": "pa", "opened_on": "2023-07-01"},
        {"account_id": "a", "fen": 100, "reason": "stipend"},
        {"account": "a"},
        {"account_id": "a", "fen": 250, "reason": "unknown"},
    ]
    stored = published(log)
    for (_, properties, _), raw in zip(messages, stored, strict=True):
        assert properties.message_id == raw.id
        assert (properties.content_type, properties.content_encoding, properties.delivery_mode) == ("application/json", "utf-8", 2)
        assert properties.type == raw.name
        headers = properties.headers
        assert headers["cloudEvents_id"] == raw.id
        assert headers["cloudEvents_type"] == raw.name
        assert headers["cloudEvents_source"] == "/minzheng/sample"
        assert headers["cloudEvents_specversion"] == "1.0"
        assert headers["cloudEvents_time"].startswith("2023-07-01T09:00:0")
        assert headers["cloudEvents_position"] == str(raw.position)
        assert properties.correlation_id == headers["cloudEvents_correlationid"] == headers["nameko.correlation_id"]
        assert headers["cloudEvents_correlationid"].startswith("correlation-")
        assert headers["cloudEvents_causationid"].startswith("causation-")
    assert [properties.headers.get("CC") for _, properties, _ in messages] == [None, None, ["account_closed.a"], None]
    assert messages[2][1].headers["cloudEvents_dataschema"] == "urn:minzheng:sample.account_closed:3"


def test_what_is_keyed_comes_to_whoever_asks_for_it_alone(log: Log, inbox: Inbox, relays: Relays) -> None:
    """Of three accounts that close a queue bound by one account's key has the one; and whoever looks sees that further keys are said."""
    with inbox.open() as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "sample.events", names.further_key("account_closed", "b"))
        for account in ("a", "b", "c"):
            sample.append(log, account, sample.life(account, 1, close=True))
        relays.thread()
        until(lambda: inbox.count() == 9 and channel.queue_declare(queue, passive=True).method.message_count == 1)
        _, _, body = channel.basic_get(queue, auto_ack=True)
        assert json.loads(body) == {"account": "b"}
        channel.exchange_declare(names.FURTHER_KEYS, "topic", passive=True)


def test_the_checkpoint_follows_and_its_stream_stays_short(log: Log, inbox: Inbox, relays: Relays, name: str) -> None:
    """After a quiet moment it stands at the last event, and it does not feed on itself."""
    relay = relays.thread(every=5)
    position = -1
    for n in range(30):
        position = sample.fill(log, [f"a{n}"], 9)
        until(lambda position=position: mark.read(log, name).position >= position)  # type: ignore[misc]
    entries = mark.read(log, name).version
    assert len(log.read(mark.stream_of(name))) <= mark.KEPT
    relay.stop()
    assert mark.read(log, name).version == entries  # nothing new, nothing written
    again = relays.thread()
    assert again.active.wait(90)
    sample.fill(log, ["later"], 0)
    until(lambda: inbox.count() == 301)
    assert again.relay.counts.published == 1


def test_nobody_listening_is_no_error_but_counted(log: Log, relays: Relays, inbox: Inbox) -> None:
    """An announcement need not have hearers."""
    with inbox.open() as connection:
        connection.channel().queue_unbind(inbox.queue, "sample.events", "#")
    relay = relays.thread()
    sample.append(log, "a", sample.life("a", 2))
    until(lambda: relay.relay.counts.confirmed == 3)
    assert relay.relay.counts.unroutable == {"sample.events account_opened": 1, "sample.events account_moved": 2}
    assert relay.said == []


def test_killed_in_mid_stream_again_and_again(log: Log, inbox: Inbox, relays: Relays, name: str) -> None:
    """kill -9: every event published at least once and in order; the checkpoint is never ahead of what the broker has."""
    relay = relays.process()
    for n in range(5):
        relay.start()
        before = inbox.count()
        sample.fill(log, [f"{n}-{m}" for m in range(40)], 9)
        until(lambda before=before: inbox.count() > before + 50)  # type: ignore[misc]
        relay.kill()
        reached = mark.read(log, name).position
        due = sum(1 for r in published(log) if r.position <= reached)
        assert inbox.count() >= due
    relay.start()
    last = published(log)[-1].position
    until(lambda: mark.read(log, name).position >= last)
    assert first_seen(inbox) == [r.id for r in published(log)]


def test_of_two_relays_one_is_active_and_the_other_takes_over(log: Log, inbox: Inbox, relays: Relays, name: str) -> None:
    """The lease goes with the connection: a killed relay is replaced without waiting for a time-out."""
    first, second = relays.process(), relays.process()
    first.start()
    until(lambda: first.said("active"))
    second.start()
    until(lambda: second.said("standing by"))
    sample.fill(log, ["a"], 9)
    until(lambda: inbox.count() == 10)
    assert not second.said("active")
    epoch = mark.read(log, name).epoch
    first.kill()
    until(lambda: second.said("active"))
    sample.fill(log, ["b"], 9)
    until(lambda: len(set(_peek(inbox))) == 20)
    assert mark.read(log, name).epoch == epoch + 1
    assert first_seen(inbox) == [r.id for r in published(log)]


def _peek(inbox: Inbox) -> list[str]:
    with inbox.open() as connection:
        channel = connection.channel()
        found = []
        while True:
            method, properties, _ = channel.basic_get(inbox.queue)
            if method is None:
                return found  # closing the connection puts them back
            found.append(properties.message_id)


def test_a_deposed_relay_stops_publishing(log: Log, inbox: Inbox, relays: Relays, name: str) -> None:
    """The second fence: somebody has taken the checkpoint though we still hold the broker's lease."""
    relay = relays.thread()
    assert relay.active.wait(90)
    mark.claim(log, name, "somebody else")
    sample.fill(log, ["a"], 3)
    until(lambda: any("接管" in text for text in relay.said))
    # It has begun anew, as a relay that stands in: with an entry of its own, from the checkpoint.
    until(lambda: mark.read(log, name).epoch == 3)
    sample.fill(log, ["b"], 3)
    until(lambda: mark.read(log, name).position >= published(log)[-1].position)
    assert first_seen(inbox) == [r.id for r in published(log)]


def test_the_log_killed_and_started_again(log: Log, server: LogServer, inbox: Inbox, relays: Relays) -> None:
    """The session with the broker goes on; reading is taken up where it stood."""
    relay = relays.thread()
    sample.fill(log, ["a"], 9)
    until(lambda: inbox.count() == 10)
    log.close()
    server.kill()
    until(lambda: any("事件日志暂不可用" in text for text in relay.said))
    server.start()
    until(lambda: reachable(log))
    sample.fill(log, ["b"], 9)
    until(lambda: inbox.count() >= 20)
    assert first_seen(inbox) == [r.id for r in published(log)]


def test_the_broker_killed_and_started_again(log: Log, broker: BrokerNode, inbox: Inbox, relays: Relays, name: str) -> None:
    """Events go on being appended meanwhile; they are announced when the broker is back."""
    relay = relays.thread()
    sample.fill(log, ["a"], 9)
    until(lambda: inbox.count() == 10)
    broker.kill9()
    sample.fill(log, [f"b{n}" for n in range(20)], 9)
    until(lambda: any("消息总线不可用" in text for text in relay.said))
    broker.start()
    last = published(log)[-1].position
    until(lambda: mark.read(log, name).position >= last, 90)
    assert first_seen(inbox) == [r.id for r in published(log)]


def test_an_unknown_event_stops_the_relay_and_what_follows_waits(log: Log, inbox: Inbox, relays: Relays) -> None:
    """It would go unannounced for ever; other parties' streams may hold what they like."""
    relay = relays.thread()
    strange = sample.raw(sample.Noted("x", "y"))
    log.append("elsewhere.thing-1", [Raw("elsewhere.unheard_of", b"{}", strange.metadata, strange.id)], -1)
    sample.fill(log, ["a"], 3)
    until(lambda: inbox.count() == 4)
    another = sample.raw(sample.Noted("x", "y"))
    log.append("sample.account-x", [Raw("sample.invented_later", b"{}", another.metadata, another.id)], -1)
    sample.fill(log, ["b"], 3)
    until(lambda: any("sample.invented_later" in text for text in relay.said))
    until(lambda: len(relay.said) > 2)
    assert inbox.count() == 4


def test_a_public_form_with_a_personal_field_is_refused() -> None:
    """Even a sealed one never leaves."""
    opened = replace(sample.life("a", 0)[0], stream="sample.account-a", version=0, position=1)
    leaking = replace(
        opened, name="sample.account_moved", data=b'{"account_id":"~1.pa.sealed","fen":1,"reason":"x"}', metadata=sample.meta(2)
    )
    forms = Forms(frozenset({"sample"}))
    assert isinstance(forms.message(opened), Message)
    with pytest.raises(Leak):
        forms.message(leaking)


def test_unknown_types_matter_only_in_our_own_streams() -> None:
    """A stream of somebody else is passed over."""
    raw = Raw("x.unheard_of", b"{}", sample.meta(), "1", "x.thing-1", 0, 9)
    assert isinstance(Forms(frozenset({"sample"})).message(raw), Passed)
    with pytest.raises(UnknownEvent):
        Forms(frozenset({"x"})).message(raw)


class _Kept:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def reached(self, position: int, events: int) -> None:
        self.calls.append((position, events))


class _Frame:
    def __init__(self, name: str, tag: int, multiple: bool) -> None:
        self.method = type("Method", (), {"NAME": name, "delivery_tag": tag, "multiple": multiple})


@pytest.fixture
def session() -> Any:
    """A session with four unconfirmed messages, without broker or log."""
    from threading import Event

    made: Any = Session("", Log(""), Options(), "test", Counts(), Event(), lambda text: None, lambda active: None)
    made._keeper = _Kept()
    made._window.extend([tag, 100 + tag] for tag in (1, 2, 3, 4))
    return made


def test_the_checkpoint_waits_for_the_lowest_confirmed(session: Any) -> None:
    """Confirms out of turn are remembered, and count when those before them have come."""
    session._on_confirm(_Frame("Basic.Ack", 3, False))
    session._on_confirm(_Frame("Basic.Ack", 2, False))
    assert session._keeper.calls == []
    session._on_confirm(_Frame("Basic.Ack", 1, False))
    assert session._keeper.calls == [(103, 3)]
    session._on_confirm(_Frame("Basic.Ack", 4, True))
    assert session._keeper.calls == [(103, 3), (104, 1)]
    assert session._early == set()


def test_a_message_that_the_broker_does_not_take_ends_the_session(session: Any) -> None:
    """To keep the order, publishing begins again from the last confirmed event."""
    session._connection = type("Connection", (), {"ioloop": type("Loop", (), {"stop": lambda self: None})()})()
    session._on_confirm(_Frame("Basic.Nack", 1, False))
    assert isinstance(session._failure, BrokerUnavailable)
    assert session._keeper.calls == []


def test_a_blocked_broker_is_not_written_to(session: Any) -> None:
    """Until it says that it takes messages again."""

    class _Tail:
        waiting = 1
        error = None
        taken = 0

        def come(self, most: int) -> list[Any]:
            self.taken += 1
            self.waiting = 0
            return [Passed(200)]

    tail = session._tail = _Tail()
    session._publishing, session._backlog = True, False
    session._block(True)
    session._pump()
    assert tail.taken == 0
    session._block(False)
    assert tail.taken == 1
