"""The one command handler, against the real log: decided on what is there, appended once, answered the same again."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SHANGHAI
from shared.config import Settings
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.client import Log
from shared.eventlog.stores import engine_for
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.eventsourcing.repository import Repository
from shared.security.vault import Vault
from tests.kernel.conftest import MASTER, LogProcess
from tests.kernel.ledger import LEDGER, Close, Note, NoteNow

Make = Callable[[], Repository]
STAFF = Hand("staff:wang", frozenset({"registrar"}), "330225")
NOW = datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)


def order(command: Any, command_id: str = "", hand: Hand = STAFF, **more: Any) -> Order[Any]:
    return Order(command, command_id or uuid.uuid4().hex, hand, more.pop("now", NOW), **more)


def new() -> str:
    return uuid.uuid4().hex


def refused(code: str, field: str | None, call: Callable[[], Any]) -> None:
    with pytest.raises(Refused) as found:
        call()
    assert (found.value.code, found.value.field) == (code, field)


def test_a_command_appends_its_events_after_the_version_it_read(repository: Make) -> None:
    """Two commands, three events, one after another; the answer says where they stand."""
    repo, ledger = repository(), new()
    first = repo.handle(LEDGER, ledger, order(Note(1, twice=True)))
    second = repo.handle(LEDGER, ledger, order(Note(5)))
    assert (first.version, second.version, second.events) == (1, 2, ("kernel.noted",))
    assert first.position < second.position
    assert (first.stream, first.id) == (f"kernel.ledger-{ledger}", ledger)
    assert repository().load(LEDGER, ledger).state.total == 7


def test_a_clash_is_decided_again(repository: Make) -> None:
    """Another process appended meanwhile: the kept state is behind, so the command is decided on what is there."""
    mine, other, ledger = repository(), repository(), new()
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, order(Note(10)))
    answer = mine.handle(LEDGER, ledger, order(Note(100)))
    assert (answer.version, mine.load(LEDGER, ledger).state.total) == (2, 111)


def test_a_clash_may_end_in_a_refusal(repository: Make) -> None:
    """On the state as it is now, not as it was when the command came."""
    mine, other, ledger = repository(), repository(), new()
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, order(Close(1)))
    refused("out_of_order", None, lambda: mine.handle(LEDGER, ledger, order(Note(1))))


def test_nobody_is_refused_on_a_stale_state(repository: Make) -> None:
    """What the kept state would refuse, the log allows by now."""
    mine, other, ledger = repository(), repository(), new()
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, order(Note(1)))
    answer = mine.handle(LEDGER, ledger, order(Close(2)))
    assert answer.events == ("kernel.closed",)


def test_nothing_to_do_is_not_said_on_a_stale_state(repository: Make) -> None:
    """An empty decision appends nothing, and names the version that it was really made on."""
    mine, other, ledger = repository(), repository(), new()
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, order(Close(1)))
    answer = mine.handle(LEDGER, ledger, order(Close(1)))
    assert (answer.events, answer.version, answer.repeated) == ((), 1, False)


def test_many_at_once_lose_nothing(repository: Make) -> None:
    """Four processes, one ledger: every note is in it once."""
    ledger, failures = new(), []

    def work() -> None:
        repo = repository()
        for _ in range(10):
            command_id = new()
            for _ in range(20):
                try:
                    repo.handle(LEDGER, ledger, order(Note(1), command_id))
                    break
                except Unavailable:
                    time.sleep(0.01)
            else:
                failures.append(command_id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, repository().load(LEDGER, ledger).state.total) == ([], 40)


# -- the same command again


def test_a_repeated_command_returns_the_first_answer(repository: Make) -> None:
    """Also from another process, also after others came in between, also when it would be refused by now."""
    mine, ledger, note = repository(), new(), order(Note(1, twice=True, most=2))
    first = mine.handle(LEDGER, ledger, note)
    mine.handle(LEDGER, ledger, order(Note(7)))
    for repo in (mine, repository()):
        again = repo.handle(LEDGER, ledger, note)
        assert (again.version, again.position, again.events) == (first.version, first.position, first.events)
        assert again.repeated
    assert repository().load(LEDGER, ledger).state.total == 9


def test_a_repeat_is_known_where_the_first_was_not_seen(repository: Make) -> None:
    """The process whose kept state is behind finds the command in the log, not in its cache."""
    mine, other, ledger, note = repository(), repository(), new(), order(Note(1))
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, note)
    again = mine.handle(LEDGER, ledger, replace(note, now=NOW + timedelta(seconds=1)))
    assert (again.version, again.repeated) == (1, True)
    assert mine.load(LEDGER, ledger).state.total == 2


def test_a_kept_state_is_what_the_log_holds(repository: Make) -> None:
    """The same command at another moment: the second process must not go on with what it would have decided itself."""
    mine, other, ledger, note = repository(), repository(), new(), order(NoteNow())
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, note)
    mine.handle(LEDGER, ledger, replace(note, now=NOW.replace(day=20)))
    assert mine.load(LEDGER, ledger).state.total == repository().load(LEDGER, ledger).state.total == 1 + NOW.day


def test_another_body_under_the_same_id_is_refused_where_the_first_was_not_seen(repository: Make) -> None:
    """The kept state is behind the log: two bodies under one command id must not pass for one."""
    mine, other, ledger = repository(), repository(), new()
    mine.handle(LEDGER, ledger, order(Note(1)))
    other.handle(LEDGER, ledger, order(Note(10), "raced"))
    refused("command_id_reused", "command_id", lambda: mine.handle(LEDGER, ledger, order(Note(100), "raced")))
    assert mine.load(LEDGER, ledger).state.total == 11


def test_a_command_id_is_not_used_for_another_body(repository: Make) -> None:
    """Neither by another amount, nor by another command."""
    repo, ledger = repository(), new()
    repo.handle(LEDGER, ledger, order(Note(1), "same"))
    for body in (Note(2), Close(1)):
        refused("command_id_reused", "command_id", lambda body=body: repository().handle(LEDGER, ledger, order(body, "same")))


def test_a_repeat_is_judged_by_what_was_asked(repository: Make) -> None:
    """The service makes a command from what the caller sent, and may make another one the second time."""
    repo, ledger, asked = repository(), new(), Note(3)
    repo.handle(LEDGER, ledger, order(Note(1), "c", asked=asked))
    assert repo.handle(LEDGER, ledger, order(Note(2), "c", asked=asked)).repeated


# -- who, where, on what


def test_the_version_that_the_caller_saw_must_be_the_one_there_is(repository: Make) -> None:
    """Told to the caller, who looks again."""
    mine, other, ledger = repository(), repository(), new()
    mine.handle(LEDGER, ledger, order(Note(1), expected_version=-1))
    other.handle(LEDGER, ledger, order(Note(1), expected_version=0))
    refused("version_conflict", "expected_version", lambda: mine.handle(LEDGER, ledger, order(Note(1), expected_version=0)))
    assert mine.handle(LEDGER, ledger, order(Note(1), expected_version=1)).version == 2


@pytest.mark.parametrize(
    "hand",
    [
        Hand("staff:x", frozenset({"clerk"}), "330225"),
        Hand("staff:x", frozenset(), "330225"),
        Hand("staff:x", frozenset({"boss"}), "330225"),
    ],
)
def test_a_hand_without_the_permission_is_refused(repository: Make, hand: Hand) -> None:
    """Another role, none, or one that does not exist."""
    refused("forbidden", None, lambda: repository().handle(LEDGER, new(), order(Note(1), hand=hand)))


def test_a_service_may_act_in_its_own_house_only(repository: Make) -> None:
    """Law 9 for reactions."""
    assert repository().handle(LEDGER, new(), order(Note(1), hand=Hand.service("registry"))).version == 0
    refused("forbidden", None, lambda: repository().handle(LEDGER, new(), order(Note(1), hand=Hand.service("assistance"))))


def test_a_hand_of_another_division_is_refused(repository: Make) -> None:
    """Neither a new record elsewhere, nor one that is there, nor one above it; whatever division the command claims."""
    repo, ledger = repository(), new()
    repo.handle(LEDGER, ledger, order(Note(1)))
    town = Hand("staff:x", frozenset({"registrar"}), "330225102")
    refused("wrong_division", "division", lambda: repo.handle(LEDGER, new(), order(Note(1), hand=town)))
    refused("wrong_division", "division", lambda: repo.handle(LEDGER, ledger, order(Note(1, division="330225102"), hand=town)))
    refused("wrong_division", "division", lambda: repo.handle(LEDGER, new(), order(Close(0), hand=town)))


def test_a_rehearsal_refuses_and_appends_nothing(repository: Make) -> None:
    """What must be known before other commands are given."""
    repo, ledger = repository(), new()
    repo.rehearse(LEDGER, ledger, order(Note(1)))
    assert repo.load(LEDGER, ledger).version == -1
    repo.handle(LEDGER, ledger, order(Note(1)))
    refused("out_of_order", None, lambda: repo.rehearse(LEDGER, ledger, order(Close(5))))
    assert repo.load(LEDGER, ledger).version == 0


@pytest.mark.parametrize("bad", ["", "a b", "x" * 101, "a/b", "甲\n"])
def test_an_id_that_would_make_a_bad_stream_name_is_refused(repository: Make, bad: str) -> None:
    """Before anything is read."""
    refused("invalid_input", "id", lambda: repository().load(LEDGER, bad))


# -- what is recorded


def test_every_event_says_who_when_where_and_why(repository: Make) -> None:
    """Law 3, and ids that follow from the command."""
    repo, ledger = repository(), new()
    yesterday = NOW - timedelta(days=1)
    sent = order(Note(1, twice=True), "c1", correlation_id="k", causation_id="e", occurred_at=yesterday)
    repo.handle(LEDGER, ledger, sent)
    stream = LEDGER.stream(ledger)
    for n, r in enumerate(repository().history(stream)):
        assert (r.meta.actor, r.meta.division, r.meta.command_id) == ("staff:wang", "330225101", "c1")
        assert (r.meta.correlation_id, r.meta.causation_id, r.meta.schema) == ("k", "e", 1)
        assert (r.meta.occurred_at, r.meta.recorded_at) == (yesterday, NOW)
        assert (r.id, r.version) == (derived_id(stream, "c1", r.meta.command_hash, NOW.isoformat(), str(n)), n)


def test_a_record_can_be_seen_as_it_was(repository: Make) -> None:
    """As of any time, by when it was recorded: also before there was anything."""
    repo, ledger = repository(), new()
    for day in range(3):
        repo.handle(LEDGER, ledger, order(Note(1), now=NOW + timedelta(days=day)))
    then = [repo.load(LEDGER, ledger, NOW + timedelta(days=day, minutes=1)) for day in (-1, 0, 1, 2)]
    assert [(x.version, x.state.total) for x in then] == [(-1, 0), (0, 1), (1, 2), (2, 3)]


def test_an_event_of_more_than_64_kib_is_refused(repository: Make) -> None:
    """Attachments go by reference; nothing is appended."""
    repo, ledger = repository(), new()
    refused("too_large", None, lambda: repo.handle(LEDGER, ledger, order(Note(1, text="民" * 22_000))))
    assert repo.load(LEDGER, ledger).version == -1


def test_a_small_cache_forgets_and_reads_again(repository: Make, eventlog: LogProcess, var: Path) -> None:
    """Bounded memory, the same answers."""
    engine, log = engine_for(Settings(var=var), "vault"), Log(eventlog.uri, timeout=5)
    repo = Repository(log, Vault(engine, MASTER), b"h" * 32, kept=2)
    ledgers = [new() for _ in range(5)]
    for amount in (1, 2):
        for ledger in ledgers:
            repo.handle(LEDGER, ledger, order(Note(amount)))
    assert [repo.load(LEDGER, ledger).state.total for ledger in ledgers] == [3] * 5
    log.close()
    engine.dispose()


def test_a_long_stream_counts_by_its_events(repository: Make, eventlog: LogProcess, var: Path) -> None:
    """What is kept is bounded by the events folded into it: a few long streams push the others out, the last one used stays."""
    engine, log = engine_for(Settings(var=var), "vault"), Log(eventlog.uri, timeout=5)
    repo = Repository(log, Vault(engine, MASTER), b"h" * 32, events=10)
    ledgers = [new() for _ in range(3)]
    for ledger in ledgers:
        for _ in range(6):
            repo.handle(LEDGER, ledger, order(Note(1)))
    assert list(repo._cache) == [LEDGER.stream(ledgers[-1])]
    assert repo._weight == 6
    for _ in range(20):
        repo.handle(LEDGER, ledgers[0], order(Note(1)))
    assert list(repo._cache) == [LEDGER.stream(ledgers[0])]
    assert repo._weight == 26
    assert [repo.load(LEDGER, ledger).state.total for ledger in ledgers] == [26, 6, 6]
    log.close()
    engine.dispose()


# -- the log away


def test_the_log_away_is_unavailable_within_the_timeout_and_nothing_is_half_done(tmp_path: Path) -> None:
    """Down, a command ends in a typed answer; back again, the same command has its effect once, and knows its earlier ones."""
    server = LogProcess(tmp_path / "log").start()
    engine, log = engine_for(Settings(var=tmp_path), "vault"), Log(server.uri, timeout=2)
    repo = Repository(log, Vault(engine, MASTER), b"h" * 32)
    ledger, before, during = new(), order(Note(1)), order(Note(10))
    try:
        first = repo.handle(LEDGER, ledger, before)
        server.kill()
        began = time.monotonic()
        refused("unavailable", None, lambda: repo.handle(LEDGER, ledger, during))
        refused("unavailable", None, lambda: repo.handle(LEDGER, new(), order(Note(1))))
        refused("unavailable", None, lambda: repo.history(LEDGER.stream(ledger)))
        assert time.monotonic() - began < 15
        server.start()
        again = None
        until = time.monotonic() + 90
        while again is None:
            try:
                again = repo.handle(LEDGER, ledger, during)
            except Unavailable:
                assert time.monotonic() < until
        assert (again.version, repo.handle(LEDGER, ledger, during).repeated) == (1, True)
        repeated = repo.handle(LEDGER, ledger, before)
        assert (repeated.position, repeated.repeated) == (first.position, True)
        assert repo.load(LEDGER, ledger).state.total == 11
    finally:
        server.kill()
        log.close()
        engine.dispose()
