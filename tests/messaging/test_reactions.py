"""Reactions: one effect per event, bad messages set aside with their reason, and no resident ID in the clear behind the door."""

from __future__ import annotations

import dataclasses
import getpass
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner

from shared.cli import processes
from shared.cli.dead_letters import command as dead_letters_command
from shared.config import ROOT
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing import codec
from shared.eventsourcing.orders import Hand
from shared.messaging import names, wire
from shared.messaging.dead_letters import Letter
from shared.messaging.node import agency_uri
from shared.messaging.queues import depths
from shared.operations import Records
from shared.process import free_port
from tests.messaging.house import AMOUNTS, RESIDENT_ID, TICKS, House, Worker, new_id, wait_for

pytestmark = pytest.mark.usefixtures("standing")
NAME = "欧阳锋锋锋"  # a name that stands nowhere else


def person(house: House) -> str:
    from shared.domain.resident_id import person_id
    from shared.security.vault import derived_key

    return person_id(RESIDENT_ID, derived_key(house.settings.master_key, b"person ids"))


def test_an_event_has_its_effect(house: House) -> None:
    counter = new_id()
    event_id = house.tick(counter, by=4)
    wait_for(lambda: house.events(counter) == 1, "the effect")
    recorded = house.log.read(f"counter.counter-{counter}")[0]
    meta = wire.decode(recorded.metadata)
    assert meta["$causationId"] == meta["$correlationId"] == event_id
    assert meta["actor"] == "service:counter"
    assert wire.decode(recorded.data)["by"] == 4


def test_the_same_event_twice_has_one_effect(house: House) -> None:
    counter = new_id()
    event_id = house.tick(counter)
    house.tick(counter, message_id=event_id)
    wait_for(lambda: len([x for x in house.board_lines("ticks") if x.endswith(event_id)]) == 2, "both deliveries")
    house.tick(other := new_id())
    wait_for(lambda: house.events(other) == 1, "the next one")
    assert house.events(counter) == 1
    assert not house.letters(event_id)


def test_the_same_id_with_another_body_is_set_aside(house: House) -> None:
    counter = new_id()
    event_id = house.tick(counter)
    wait_for(lambda: house.events(counter) == 1, "the effect")
    house.tick(counter, message_id=event_id, by=9)
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert letter.reason == "command_id_reused"
    assert house.events(counter) == 1


def test_without_an_id_the_body_is_the_id(house: House) -> None:
    counter = new_id()
    for _ in range(2):
        house.tick(counter, message_id=None)
    seen = wait_for(lambda: (x := [x for x in house.board_lines("ticks") if x.startswith(counter)]) and len(x) == 2 and x, "both")
    assert seen[0] == seen[1]
    house.tick(counter, message_id=None, by=2)
    wait_for(lambda: house.events(counter) == 2, "two effects of three messages")


def test_a_reader_ignores_what_it_does_not_read(house: House) -> None:
    counter = new_id()
    house.tick(counter, colour="red", nested={"any": ["thing"]})
    wait_for(lambda: house.events(counter) == 1, "the effect")


@pytest.mark.parametrize(
    ("body", "content_type", "reason", "said"),
    [
        (b'{"counter_id": "x"', "application/json", "invalid_input", "JSON"),
        (b"\xff\xfe\x00", "application/json", "invalid_input", "JSON"),
        (b"[1]", "application/json", "invalid_input", "对象"),
        (b"{}", "application/json", "invalid_input", "counter_id"),
        (b'{"counter_id": 5}', "application/json", "invalid_input", "counter_id"),
        (b'{"counter_id": "x", "by": -5}', "application/json", "invalid_input", "by"),
        (b'{"counter_id": "x"}', "text/plain", "invalid_input", "内容类型"),
        (b'{"counter_id": "x"}', "application/x-python-serialize", "invalid_input", "内容类型"),
        (b'{"counter_id": "x"}', None, "invalid_input", "内容类型"),
        (b'{"counter_id": "x"}', wire.SEALED, "invalid_input", "密封"),
        (b'{"counter_id": "x", "more": "' + b"y" * wire.MOST_BYTES + b'"}', "application/json", "too_large", "1MiB"),
    ],
)
def test_a_bad_message_is_set_aside_at_once_and_blocks_nothing(
    house: House, body: bytes, content_type: str | None, reason: str, said: str
) -> None:
    event_id = house.publish("clock", "ticked", body, content_type=content_type)
    house.tick(good := new_id())
    wait_for(lambda: house.events(good) == 1, "the next message")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert (letter.reason, letter.queue, letter.tries) == (reason, TICKS, 1)
    assert said in letter.message


def test_an_agencys_resident_id_becomes_a_person_id_at_the_door(house: House) -> None:
    before = house.events(person(house))
    with house.channel(agency_uri(house.settings, "hospital", {})) as channel:
        body = json.dumps({"resident_id": RESIDENT_ID, "amount_fen": 100, "name": NAME}).encode()
        properties = pika.BasicProperties(content_type="application/json", message_id=f"{RESIDENT_ID}-2023")
        channel.basic_publish("hospital.events", "amount_reported", body, properties, mandatory=True)
    wait_for(lambda: house.events(person(house)) == before + 1, "the effect")
    recorded = house.log.read(f"counter.counter-{person(house)}")[-1]
    # Not even an agency that uses resident IDs as message ids gets one into the log.
    assert RESIDENT_ID.encode() not in recorded.data + recorded.metadata


def test_nothing_behind_the_door_keeps_personal_data_in_the_clear(house: House, standing: Worker) -> None:
    house.purge(names.dead("counter"))
    ids = [
        house.publish("hospital", "amount_reported", {"resident_id": RESIDENT_ID, "amount_fen": -1, "name": NAME}),
        house.publish("hospital", "amount_reported", {"resident_id": RESIDENT_ID, "amount_fen": NAME}),
        house.publish("hospital", "amount_reported", {"resident_id": RESIDENT_ID[:-1] + "1", "name": NAME}),
        house.publish("hospital", "amount_reported", f"{NAME} {RESIDENT_ID}".encode()),
        house.publish("hospital", "amount_reported", {NAME: RESIDENT_ID}, content_type=f"text/{RESIDENT_ID}"),
        house.publish("clock", "ticked", {"counter_id": "x", "behave": "bug", "name": NAME, "resident_id": RESIDENT_ID}),
    ]
    wait_for(lambda: {letter.event_id for letter in house.letters()} >= set(ids), "all dead letters")
    house.publish("hospital", "amount_reported", {"name": NAME}, message_id=RESIDENT_ID)
    wait_for(lambda: len(house.letters()) == len(ids) + 1, "the last dead letter")
    with house.channel() as channel:
        while True:
            method, properties, body = channel.basic_get(names.dead("counter"))
            if method is None:
                break
            whole = repr(properties) + repr(properties.headers) + repr(body)
            assert RESIDENT_ID not in whole
            assert NAME not in whole
            assert RESIDENT_ID.encode() not in body
            assert NAME.encode() not in body
    for file in (house.var / "log").glob("worker-*.log"):
        assert RESIDENT_ID not in file.read_text()
        assert NAME not in file.read_text()
    assert not [line for line in standing.lines() if line["event"] == "not json"]


def test_a_retry_queue_holds_sealed_bodies_only(house: House) -> None:
    with house.worker(MINZHENG_RETRY_DELAYS="3600"):
        # Two workers share the queue: publish until the patient one has taken one.
        event_ids = []

        def held() -> bool:
            event_ids.append(house.tick("x", "not_yet", name=NAME))
            return house.depth(names.retry(3600)) > 0

        wait_for(held, "a message waits for its retry")
    with house.channel() as channel:
        _, properties, body = channel.basic_get(names.retry(3600))
        assert properties.content_type == wire.SEALED
        assert NAME.encode() not in body
        assert NAME not in repr(properties.headers)
    house.purge(names.retry(3600))
    # Those that the standing worker took become dead letters in a moment, and must not turn up in the next test.
    others = set(event_ids) - {properties.message_id}
    wait_for(lambda: {letter.event_id for letter in house.letters()} >= others, "the others' dead letters")


def run_cli(house: House, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(dead_letters_command, ["--service", "counter", *arguments], env={**house.env(), "COLUMNS": "200"})
    return result.exit_code, result.output


OPERATOR = f"operator:{getpass.getuser()}"


def acts(house: House, letter: Letter) -> list[tuple[str, str, str]]:
    """What the log says was done to a letter: type, why, by whom."""
    raws = house.log.read(f"operations.dead_letter-{letter.id}")
    return [(r.name, json.loads(r.data)["why"], codec.decode_meta(r.metadata).actor) for r in raws]


def test_nothing_is_moved_that_is_not_recorded(house: House) -> None:
    """A hand that may not, or a log that is away: the letter stays where it is."""
    event_id = house.tick(new_id(), "refuse")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    clerk = Hand("staff:wang", frozenset({"clerk"}), "330225")
    records = Records(house.settings)
    with pytest.raises(Refused, match="forbidden"):
        house.dead.discard(letter.id, "不办", clerk.actor, lambda found: records.discarded(found, clerk, "不办"))
    away = Records(dataclasses.replace(house.settings, eventstore_uri=f"esdb://127.0.0.1:{free_port()}?Tls=false"))
    operator = Hand("operator:li", frozenset({"operator"}), "330225")
    with pytest.raises(Unavailable):
        house.dead.replay(letter.id, lambda found: away.replayed(found, operator, "已开门"))
    with pytest.raises(Unavailable):
        house.dead.replay_all(lambda found: away.replayed(found, operator, "已开门"), lambda found: found.id == letter.id)
    for why in ("", "  ", "字" * 501, f"核对了{RESIDENT_ID}"):  # a reason that may not be kept is no reaction that is gone
        with pytest.raises(Refused, match="invalid_input"):
            house.dead.replay_all(lambda found, why=why: records.replayed(found, operator, why), lambda found: found.id == letter.id)
        for act in (("replay", letter.id), ("replay", "--all"), ("discard", letter.id)):
            status, said = run_cli(house, *act, "--reason", why)
            assert (status, "理由" in said, "未能送回" in said) == (1, True, False)
    assert wait_for(lambda: house.letters(event_id), "the letter, where it was")[0].id == letter.id
    assert acts(house, letter) == []


def test_operators_list_show_replay_and_discard(house: House) -> None:
    """List, look, give back, discard; who did it and why stands in the log."""
    assert "registry" in processes.SERVICES  # what is listed when no service is named
    house.purge(names.dead("counter"))
    assert run_cli(house, "list") == (0, "没有死信。\n")
    house.flag("open", up=False)
    counter = new_id()
    event_id = house.publish(
        "clock", "ticked", {"counter_id": counter, "behave": "until_open", "name": NAME, "by": 2, "account": 6222020200112233445}
    )
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert (letter.reason, letter.tries) == ("not_yet", 3)

    status, listed = run_cli(house, "list")
    assert status == 0
    assert letter.id in listed
    assert "clock.ticked" in listed
    status, shown = run_cli(house, "show", letter.id)
    assert status == 0
    assert TICKS in shown
    assert '"by": 2' in shown
    assert NAME not in shown
    assert "6222020200112233445" not in shown

    house.flag("open")
    assert run_cli(house, "replay", letter.id)[0] == 2  # no reason given
    status, said = run_cli(house, "replay", letter.id, "--reason", "已开门")
    assert (status, TICKS in said) == (0, True)
    wait_for(lambda: house.events(counter) == 1, "the effect of the replay")
    # A quorum queue takes an acknowledgement down in its own time; another connection may see the letter for a moment.
    wait_for(lambda: run_cli(house, "list") == (0, "没有死信。\n"), "the letter to be gone")
    house.flag("open", up=False)
    assert acts(house, letter) == [("operations.dead_letter_replayed", "已开门", OPERATOR)]

    event_id = house.tick(counter, "refuse")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    assert run_cli(house, "discard", letter.id)[0] == 2  # no reason given
    assert run_cli(house, "discard", letter.id, "--reason", "测试数据")[0] == 0
    assert not house.letters()
    assert acts(house, letter) == [("operations.dead_letter_discarded", "测试数据", OPERATOR)]
    with house.channel() as channel:
        _, properties, _ = channel.basic_get(names.discarded("counter"))
        assert properties.headers["x-mz-discarded"] == "测试数据"
    house.purge(names.discarded("counter"))
    assert run_cli(house, "replay", "nothing-like-it", "--reason", "试")[0] == 1
    assert run_cli(house, "replay", "--reason", "试")[0] == 2


def test_replay_goes_to_its_own_reaction_and_to_no_other(house: House) -> None:
    """A second consumer of the same event does not see it again."""
    with house.channel() as channel:
        channel.queue_declare("somebody-elses", exclusive=True)
        channel.queue_bind("somebody-elses", "clock.events", "ticked")
        event_id = house.tick(new_id(), "refuse")
        wait_for(lambda: house.letters(event_id), "a dead letter")
        assert channel.basic_get("somebody-elses", auto_ack=True)[0] is not None
        done, left = house.dead.replay_all()
        assert (done >= 1, list(left)) == (True, [])
        seen = wait_for(lambda: Counter(x.split()[1] for x in house.board_lines("ticks"))[event_id] == 2, "the replay")
        assert seen
        wait_for(lambda: house.letters(event_id), "dead once more")
        assert channel.basic_get("somebody-elses", auto_ack=True)[0] is None


def test_a_letter_whose_reaction_is_gone_stays(house: House) -> None:
    """It is not given back, one by one or with all others, and nothing in the log says that it was."""
    event_id = house.tick(new_id(), "refuse")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    with house.channel() as channel:
        method, properties, body = None, None, b""
        while method is None or properties.message_id != letter.id:
            method, properties, body = channel.basic_get(names.dead("counter"))
        properties.headers["x-mz-queue"] = "counter.on.clock.ticked.on_ticked_in_former_times"
        channel.basic_publish("", names.dead("counter"), body, properties)
        channel.basic_ack(method.delivery_tag)
    status, said = run_cli(house, "replay", letter.id, "--reason", "已开门")
    assert (status, "已不存在" in said) == (1, True)
    records = Records(house.settings)
    operator = Hand("operator:li", frozenset({"operator"}), "330225")
    done, left = house.dead.replay_all(lambda found: records.replayed(found, operator, "已开门"), lambda found: found.id == letter.id)
    assert (done, [one.id for one in left]) == (0, [letter.id])
    assert house.letters(event_id)
    assert acts(house, letter) == []
    house.dead.discard(letter.id, "test")


def test_whoever_looks_at_the_letters_does_so_alone(house: House) -> None:
    """While one has them in hand another is told so and none is counted as gone; given back, they are all there at once."""
    event_id = house.tick(new_id(), "refuse")
    wait_for(lambda: house.letters(event_id), "a dead letter")
    dead, there = names.dead("counter"), len(house.letters())
    held: list[int] = []

    def looking(letter: Letter) -> bool:
        if not held:
            held.append(house.depth(dead))  # the broker counts only what nobody has in hand
            with pytest.raises(Unavailable, match="另有人"):
                house.dead.list()
            with pytest.raises(Unavailable, match="另有人"):
                depths(house.broker.uri, [dead], alone=0.5)
        return False

    assert house.dead.replay_all(only=looking) == (0, ())
    assert held[0] < there
    assert house.depth(dead) == there
    assert [depth.messages for depth in depths(house.broker.uri, [dead], alone=0.5)] == [there]
    house.dead.discard(house.letters(event_id)[0].id, "test")


def test_an_interrupted_replay_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the publish and the acknowledgement: a double, whose effect is one."""
    house.flag("open", up=False)
    counter = new_id()
    event_id = house.tick(counter, "until_open")
    letter = wait_for(lambda: house.letters(event_id), "a dead letter")[0]
    house.flag("open")
    with monkeypatch.context() as patch:
        patch.setattr("pika.adapters.blocking_connection.BlockingChannel.basic_ack", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            house.dead.replay(letter.id)
    wait_for(lambda: house.events(counter) == 1, "the effect")
    assert house.letters(event_id)
    house.dead.replay(letter.id)
    wait_for(lambda: [x.split()[1] for x in house.board_lines("ticks")].count(event_id) == 5, "the second replay")
    house.flag("open", up=False)
    assert house.events(counter) == 1


def test_a_stock_nameko_service_hears_our_events(house: House, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = ROOT / "tests" / "messaging" / "services" / "stock.py"
    stock = subprocess.Popen([sys.executable, "-W", "ignore", str(script), house.broker.uri, str(heard)], cwd=tmp_path)
    try:
        wait_for(lambda: heard.exists() and "ready" in heard.read_text(), "the stock service")
        house.tick(counter := new_id())
        wait_for(lambda: counter in heard.read_text(), "the event in the stock service")
        wait_for(lambda: house.events(counter) == 1, "the event in ours")
    finally:
        stock.kill()
        stock.wait()
        with house.channel() as channel:
            channel.queue_delete("evt-clock-ticked--stock.on_ticked")
    assert house.depth(AMOUNTS) == 0
