"""``minzheng stream`` and ``minzheng state``: readable, by anybody, with every personal field masked."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from services.registry.death import DECIDER, DeathConfirmed, DeathRegistered
from shared.clock import SHANGHAI
from shared.eventlog.client import NO_STREAM, Raw
from shared.eventlog.showing import MASKED, moment, plain
from shared.eventsourcing import codec
from shared.eventsourcing.codec import Meta
from tests.projections.logserver import LogServer

PERSON = "p" * 32
STREAM = DECIDER.stream(PERSON)


def raw(happened: Any, at: datetime) -> Raw:
    name, data = codec.encode(happened, lambda person, text: f"~1.{person}.{'x' * len(text)}", "registry")
    meta = Meta(
        correlation_id="c", causation_id="k", command_id=str(uuid.uuid4()), command_hash="", schema=1, actor="staff:zhang3",
        division="330225", occurred_at=at, recorded_at=at,
    )  # fmt: skip
    return Raw(name, data, codec.encode_meta(meta), str(uuid.uuid4()))


@pytest.fixture
def told(server: LogServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``minzheng`` in this process, on a log with one death in it."""
    from shared.cli.main import cli

    monkeypatch.setenv("EVENTSTORE_URI", server.uri)
    monkeypatch.setenv("MINZHENG_VAR", str(tmp_path / "var"))
    log = server.connect()
    first = DeathRegistered(PERSON, date(2023, 6, 30), "330225", "registrar", name="王小明", resident_id="330225193001010015")
    events = [
        raw(first, datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)),
        raw(DeathConfirmed(PERSON, "hospital"), datetime(2023, 7, 5, 9, tzinfo=SHANGHAI)),
    ]
    log.append(STREAM, events, NO_STREAM)
    log.close()
    return lambda *argv: CliRunner().invoke(cli, list(argv))


def test_a_stream_is_shown_with_who_when_and_why(told: Any) -> None:
    """Both for people and for programs."""
    shown = told("stream", STREAM)
    assert shown.exit_code == 0, shown.output
    for text in ("#0", "registry.death_registered v1", "staff:zhang3", "330225", "#1", "registry.death_confirmed", MASKED):
        assert text in shown.output
    assert "~1." not in shown.output
    lines = [json.loads(line) for line in told("stream", STREAM, "--json").output.splitlines()]
    assert [line["version"] for line in lines] == [0, 1]
    assert lines[0]["facts"]["died_on"] == "2023-06-30"
    assert lines[0]["facts"]["name"] == MASKED


def test_a_stream_as_of_a_day(told: Any) -> None:
    """What was recorded later is not shown."""
    assert "#1" not in told("stream", STREAM, "--as-of", "2023-07-04").output
    assert "#1" in told("stream", STREAM, "--as-of", "2023-07-05").output
    assert told("stream", STREAM, "--as-of", "yesterday").exit_code == 1


def test_a_state_now_and_then(told: Any) -> None:
    """The same fold that decisions are made on."""
    now = told("state", STREAM)
    assert now.exit_code == 0, now.output
    assert "第 1 号" in now.output
    assert "~1." not in now.output
    assert "第 0 号" in told("state", STREAM, "--as-of", "2023-07-04").output
    assert told("state", STREAM, "--as-of", "2023-07-02").exit_code == 1


def test_every_decider_of_the_house_is_found() -> None:
    """Those of the casework shapes too."""
    from shared.eventlog import discovery

    for stream in ("assistance.household-x", "registry.after_death-x", "eldercare.elder-x"):
        assert discovery.decider(stream) is not None
    for service in ("assistance", "eldercare"):
        assert len(list(discovery.deciders(service))) >= 4
    assert discovery.decider("nobody.thing-1") is None


def test_times_are_of_shanghai_unless_they_say_otherwise() -> None:
    """A day means its end."""
    assert moment("2023-07-01").isoformat() == "2023-07-01T23:59:59.999999+08:00"
    assert moment("2023-07-01T09:00").isoformat() == "2023-07-01T09:00:00+08:00"
    assert moment("2023-07-01T09:00+00:00").utcoffset() == datetime(2023, 1, 1, tzinfo=SHANGHAI).utcoffset() * 0  # type: ignore[operator]


@pytest.mark.parametrize("text", ["0001-01-01", "0999-01-01", "1969-12-31T23:59", "3000-01-01", "9999-12-31", "gestern"])
def test_a_time_when_nothing_can_have_been_recorded_is_none(text: str) -> None:
    """Close to the calendar's ends no zone can be reckoned with, so no command gets that far."""
    with pytest.raises(ValueError):
        moment(text)


def test_values_become_plain_at_any_depth() -> None:
    """Sealed texts are masked in lists, mappings and nested facts."""
    assert plain({"a": ["~1.p.x", 1], "b": frozenset({"z", "y"}), date(2023, 1, 1): None}) == {
        "a": [MASKED, 1], "b": ["y", "z"], "2023-01-01": None,
    }  # fmt: skip
