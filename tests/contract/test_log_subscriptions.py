"""Catch-up subscriptions: where they begin, what they are told, how they end, and that slowness is nobody else's trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from esdbclient import Checkpoint, EventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.exceptions import GrpcDeadlineExceeded, StreamIsDeleted

from tests.contract.conftest import LogProcess, until

ANY = StreamState.ANY
WAIT = 90  # seconds a subscription is given before it counts as silent


def events(count: int, event_type: str = "T") -> list[NewEvent]:
    return [NewEvent(type=event_type, data=b"%d" % n) for n in range(count)]


def write(client: EventStoreDBClient, stream: str, count: int, event_type: str = "T") -> list[NewEvent]:
    written = events(count, event_type)
    client.append_events(stream, current_version=ANY, events=written)
    return written


def take(subscription: Iterator[RecordedEvent], count: int) -> list[Any]:
    return [event.id for event in islice(subscription, count)]


def ids(written: list[NewEvent]) -> list[Any]:
    return [event.id for event in written]


def test_all_from_the_start_then_live(own_log: LogProcess) -> None:
    """The past comes first, then what is written meanwhile, each event once and in order."""
    with own_log.client() as client:
        past = write(client, "a-1", 600)
        with client.subscribe_to_all(timeout=WAIT) as subscription:
            assert take(subscription, 600) == ids(past)
            for n in range(5):
                live = write(client, f"a-{n}", 3)
                assert take(subscription, 3) == ids(live)
        assert subscription.subscription_id


def test_all_from_a_position_is_exclusive(client: EventStoreDBClient) -> None:
    """A subscription begins after the position it names, unlike a read."""
    stream = f"t.subs-{uuid4()}"
    position = client.append_event(stream, current_version=ANY, event=events(1)[0])
    after = write(client, stream, 3)
    with client.subscribe_to_all(commit_position=position, timeout=WAIT) as subscription:
        assert take(subscription, 3) == ids(after)
    with client.subscribe_to_all(commit_position=client.get_commit_position(), timeout=WAIT) as subscription:
        live = write(client, stream, 2)
        assert take(subscription, 2) == ids(live)


def test_all_from_the_end(client: EventStoreDBClient) -> None:
    """From the end, only what is written after the confirmation."""
    write(client, f"t.subs-{uuid4()}", 3)
    with client.subscribe_to_all(from_end=True, timeout=WAIT) as subscription:
        live = write(client, f"t.subs-{uuid4()}", 3)
        assert take(subscription, 3) == ids(live)


def test_all_from_beyond_the_end(own_log: LogProcess) -> None:
    """From a position not yet reached, events up to it are passed over."""
    with own_log.client() as client:
        one = client.append_event("s", current_version=ANY, event=events(1)[0])
        two = client.append_event("s", current_version=ANY, event=events(1)[0])
        skipped_to = two + 2 * (two - one)
        with client.subscribe_to_all(commit_position=skipped_to, timeout=WAIT) as subscription:
            for _ in range(4):
                write(client, "s", 1)
            expected = [e.id for e in client.read_all() if e.commit_position is not None and e.commit_position > skipped_to]
            assert expected
            assert take(subscription, len(expected)) == expected


def test_all_filtered_live_and_past(client: EventStoreDBClient) -> None:
    """Filters hold for the past and for what comes."""
    mark = uuid4().hex
    past = write(client, f"{mark}-1", 3, f"{mark}.wanted")
    write(client, f"{mark}-1", 3, f"{mark}.other")
    with (
        client.subscribe_to_all(filter_include=[f"{mark}.wanted"], timeout=WAIT) as by_type,
        client.subscribe_to_all(filter_include=[f"{mark}-2"], filter_by_stream_name=True, timeout=WAIT) as by_stream,
    ):
        assert take(by_type, 3) == ids(past)
        other = write(client, f"{mark}-2", 2, f"{mark}.other")
        live = write(client, f"{mark}-1", 2, f"{mark}.wanted")
        assert take(by_type, 2) == ids(live)
        assert take(by_stream, 2) == ids(other)


def test_system_events_are_shown_when_asked_for(client: EventStoreDBClient) -> None:
    """Without the default filter a subscription begins with the log's own first event."""
    with client.subscribe_to_all(filter_exclude=(), timeout=WAIT) as subscription:
        assert next(subscription).type.startswith("$")


def test_checkpoints_while_catching_up(own_log: LogProcess) -> None:
    """Checkpoints come at the interval and at the end of the past, always at a position that is an event's, never beyond the end."""
    with own_log.client() as client:
        write(client, "s", 95)
        positions = {event.commit_position for event in client.read_all(filter_exclude=())}
        found: list[int | None] = []
        with client.subscribe_to_all(
            filter_exclude=".*",
            include_checkpoints=True,
            window_size=2,
            checkpoint_interval_multiplier=5,
            include_caught_up=True,
            timeout=WAIT,
        ) as subscription:
            for item in subscription:
                if item.is_caught_up:
                    break
                assert isinstance(item, Checkpoint)
                found.append(item.commit_position)
            assert len(found) == 10  # 96 events with the log's own first one: nine intervals of ten, and the end
            assert found == sorted(set(found))  # type: ignore[type-var]
            assert set(found) <= positions
            assert found[-1] == client.get_commit_position()
            write(client, "s", 10)
            live = next(subscription)
            assert live.is_checkpoint
            assert live.commit_position == client.get_commit_position()


def test_a_large_window_gives_one_checkpoint_not_past_the_end(own_log: LogProcess) -> None:
    """The checkpoint on catching up is not beyond the last event: resuming from it loses nothing."""
    with own_log.client() as client:
        written = write(client, "s", 3)
        with client.subscribe_to_all(
            include_checkpoints=True, window_size=10_000, checkpoint_interval_multiplier=500, include_caught_up=True, timeout=WAIT
        ) as subscription:
            items = list(islice(subscription, 5))
        assert [item.id for item in items[:3]] == ids(written)
        assert items[3].is_checkpoint
        assert items[3].commit_position == client.get_commit_position(filter_exclude=())
        assert items[4].is_caught_up
        more = write(client, "s", 1)
        with client.subscribe_to_all(commit_position=items[3].commit_position, timeout=WAIT) as subscription:
            assert take(subscription, 1) == ids(more)


@pytest.mark.parametrize("from_end", [False, True])
def test_caught_up_is_said_once(client: EventStoreDBClient, from_end: bool) -> None:
    """A subscriber is told when the past ends, even an empty past, and live events follow."""
    stream = f"t.caught-{uuid4()}"
    past = write(client, stream, 70)
    with client.subscribe_to_stream(stream, from_end=from_end, include_caught_up=True, timeout=WAIT) as subscription:
        if not from_end:
            assert take(subscription, 70) == ids(past)
        assert next(subscription).is_caught_up
        live = write(client, stream, 2)
        assert take(subscription, 2) == ids(live)
    with client.subscribe_to_all(from_end=True, include_caught_up=True, timeout=WAIT) as subscription:
        assert next(subscription).is_caught_up
        live = write(client, stream, 2)
        assert take(subscription, 2) == ids(live)


def test_stream_from_the_start_a_position_and_the_end(client: EventStoreDBClient) -> None:
    """A stream is followed from its start, from after a revision, or from its end; other streams do not show."""
    stream = f"t.follow-{uuid4()}"
    past = write(client, stream, 3)
    with (
        client.subscribe_to_stream(stream, timeout=WAIT) as whole,
        client.subscribe_to_stream(stream, stream_position=1, timeout=WAIT) as rest,
        client.subscribe_to_stream(stream, from_end=True, timeout=WAIT) as end,
        client.subscribe_to_stream(stream, stream_position=4, timeout=WAIT) as future,
    ):
        write(client, f"{stream}-other", 3)
        live = write(client, stream, 3)
        assert take(whole, 6) == ids(past + live)
        assert take(rest, 4) == ids(past[2:] + live)
        assert take(end, 3) == ids(live)
        assert take(future, 1) == ids(live[2:])


def test_stream_yet_to_come(client: EventStoreDBClient) -> None:
    """One may wait for a stream that does not exist."""
    stream = f"t.later-{uuid4()}"
    with client.subscribe_to_stream(stream, timeout=WAIT) as subscription:
        written = write(client, stream, 2)
        assert take(subscription, 2) == ids(written)


def test_stream_deleted_and_written_again(client: EventStoreDBClient) -> None:
    """A subscription outlives a soft delete and sees the stream's next events."""
    stream = f"t.again-{uuid4()}"
    past = write(client, stream, 2)
    with client.subscribe_to_stream(stream, timeout=WAIT) as subscription:
        assert take(subscription, 2) == ids(past)
        client.delete_stream(stream, current_version=1)
        live = write(client, stream, 1)
        assert take(subscription, 1) == ids(live)


def test_live_events_are_not_hidden_by_max_count(client: EventStoreDBClient) -> None:
    """What is pushed live is pushed whole, whatever the stream keeps."""
    stream = f"t.kept-{uuid4()}"
    client.set_stream_metadata(stream, metadata={"$maxCount": 1})
    write(client, stream, 3)
    with client.subscribe_to_stream(stream, include_caught_up=True, timeout=WAIT) as subscription:
        assert next(subscription).stream_position == 2
        assert next(subscription).is_caught_up
        live = write(client, stream, 4)
        assert take(subscription, 4) == ids(live)


def test_tombstone_ends_a_stream_subscription(client: EventStoreDBClient) -> None:
    """A tombstone ends those who follow the stream, and nobody can begin to."""
    stream = f"t.ended-{uuid4()}"
    past = write(client, stream, 1)
    with client.subscribe_to_stream(stream, timeout=WAIT) as subscription:
        assert take(subscription, 1) == ids(past)
        client.tombstone_stream(stream, current_version=0)
        with pytest.raises(StreamIsDeleted):
            next(subscription)
    with pytest.raises(StreamIsDeleted):
        list(client.subscribe_to_stream(stream, timeout=WAIT))


def test_subscriptions_keep_their_deadline_and_can_be_stopped(client: EventStoreDBClient) -> None:
    """A subscription ends with its deadline, or silently when stopped."""
    with pytest.raises(GrpcDeadlineExceeded):
        list(client.subscribe_to_all(from_end=True, timeout=0.2))
    subscription = client.subscribe_to_all()
    subscription.stop()
    assert list(subscription) == []


def test_many_subscribers_and_writers(own_log: LogProcess) -> None:
    """Thirty subscriptions and sixteen writers at once: everybody sees everything, in the same order."""
    subscribers, writers, each = 30, 16, 10
    total = writers * each
    seen: list[list[Any]] = [[] for _ in range(subscribers)]
    faults: list[BaseException] = []

    def follow(nth: int) -> None:
        try:
            with own_log.client() as client, client.subscribe_to_all(timeout=90) as subscription:
                seen[nth] = take(subscription, total)
        except BaseException as error:
            faults.append(error)

    def append(nth: int) -> None:
        try:
            with own_log.client() as client:
                for n in range(each):
                    client.append_event(f"w-{nth}", current_version=StreamState.NO_STREAM if n == 0 else n - 1, event=events(1)[0])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=follow, args=(n,)) for n in range(subscribers)]
    threads += [threading.Thread(target=append, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not faults
    with own_log.client() as client:
        whole = [event.id for event in client.read_all()]
    assert len(whole) == total
    assert all(one == whole for one in seen)


def test_a_slow_reader_costs_nothing_but_time(own_log: LogProcess) -> None:
    """A subscriber who stops reading does not fill the server's memory, hinder others, or lose an event."""
    rounds, size = 120, 500_000

    def memory() -> int:
        assert own_log.process is not None
        with open(f"/proc/{own_log.process.pid}/status") as status:
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("RssAnon"))

    with own_log.client() as writer, own_log.client() as reader:
        subscription = reader.subscribe_to_all(timeout=90)
        write(writer, "s", 1)
        first = next(subscription)
        before = memory()
        for _ in range(rounds):
            writer.append_event("s", current_version=ANY, event=NewEvent(type="T", data=b"x" * size))
        assert memory() - before < 150  # the ring's 32 MiB and a page or two, not 60 MB of backlog a subscriber
        rest = list(islice(subscription, rounds))
        assert [event.stream_position for event in [first, *rest]] == list(range(rounds + 1))
        subscription.stop()


def test_live_events_come_at_once(client: EventStoreDBClient) -> None:
    """A live event is pushed by its commit, not found by polling."""
    stream = f"t.now-{uuid4()}"
    arrived: dict[Any, float] = {}

    def follow() -> None:
        with client.subscribe_to_stream(stream, timeout=WAIT) as subscription:
            for event in islice(subscription, 50):
                arrived[event.id] = time.monotonic()

    thread = threading.Thread(target=follow)
    thread.start()
    sent: dict[Any, float] = {}
    for event in events(50):
        sent[event.id] = time.monotonic()
        client.append_event(stream, current_version=ANY, event=event)
    until(lambda: len(arrived) == 50, WAIT, "fifty events")
    thread.join(WAIT)
    delays = sorted(arrived[key] - sent[key] for key in sent)
    assert delays[25] < 0.25
