"""Settings: where they come from, and what production refuses."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import pytest

from shared.config import ConfigError, load
from shared.security.vault import KEPT_SECONDS

KEY = base64.b64encode(b"k" * 32).decode()


def production(tmp_path: Path, **more: str) -> dict[str, str]:
    base = {
        "MINZHENG_MODE": "production",
        "MINZHENG_VAR": str(tmp_path),
        "MINZHENG_MASTER_KEY": KEY,
        "MINZHENG_TOKEN_PUBLIC_KEY": "/etc/token.pub",
    }
    return {k: v for k, v in {**base, **more}.items() if v}


def test_production_starts_with_its_keys(tmp_path: Path) -> None:
    """And has no key to sign tokens with."""
    settings = load(production(tmp_path))
    assert (settings.production, settings.master_key, settings.token_private_key) == (True, b"k" * 32, None)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"MINZHENG_CLOCK_FILE": "/tmp/clock"}, "MINZHENG_CLOCK_FILE"),
        ({"MINZHENG_MASTER_KEY": ""}, "MINZHENG_MASTER_KEY"),
        ({"MINZHENG_TOKEN_PUBLIC_KEY": ""}, "MINZHENG_TOKEN_PUBLIC_KEY"),
        ({"MINZHENG_MASTER_KEY": "c2hvcnQ="}, "32"),
        ({"MINZHENG_MODE": "prod"}, "MINZHENG_MODE"),
    ],
    ids=["movable clock", "no master key", "no token key", "short key", "unknown mode"],
)
def test_production_refuses_what_is_for_demos(tmp_path: Path, change: dict[str, str], named: str) -> None:
    """By the name of the variable."""
    with pytest.raises(ConfigError, match=named):
        load(production(tmp_path, **change))


def test_the_disk_that_stays_free_is_a_number_of_megabytes(tmp_path: Path) -> None:
    """A gigabyte where nothing is said; what is no number is refused by name."""
    assert load(production(tmp_path)).past_free == 1 << 30
    assert load(production(tmp_path, MINZHENG_PAST_FREE_MB="20")).past_free == 20 << 20
    with pytest.raises(ConfigError, match="MINZHENG_PAST_FREE_MB"):
        load(production(tmp_path, MINZHENG_PAST_FREE_MB="1G"))


def test_production_does_not_listen_to_a_running_demo(tmp_path: Path) -> None:
    """run.json is of a development house."""
    (tmp_path / "run.json").write_text(json.dumps({"EVENTSTORE_URI": "esdb://demo", "MINZHENG_CLOCK_FILE": "/tmp/clock"}))
    settings = load(production(tmp_path))
    assert (settings.eventstore_uri, settings.clock_file) == ("", None)
    assert not (tmp_path / "keys").exists()


def test_the_environment_goes_before_a_running_house_and_that_before_the_default(tmp_path: Path) -> None:
    """In this order."""
    (tmp_path / "run.json").write_text(json.dumps({"EVENTSTORE_URI": "esdb://running", "AMQP_URI": "amqp://running"}))
    settings = load({"MINZHENG_VAR": str(tmp_path), "AMQP_URI": "amqp://given"})
    assert (settings.amqp_uri, settings.eventstore_uri, settings.profile) == ("amqp://given", "esdb://running", "xiangshan-2023")


def test_the_file_of_a_running_log_goes_with_its_address(tmp_path: Path) -> None:
    """Whoever names another log in the environment does not read the running one's file."""
    (tmp_path / "run.json").write_text(json.dumps({"EVENTSTORE_URI": "esdb://running", "EVENTSTORE_DATA": "/running"}))
    assert load({"MINZHENG_VAR": str(tmp_path)}).eventstore_data == Path("/running")
    assert load({"MINZHENG_VAR": str(tmp_path), "EVENTSTORE_URI": "esdb://other"}).eventstore_data is None
    given = {"MINZHENG_VAR": str(tmp_path), "EVENTSTORE_URI": "esdb://other", "EVENTSTORE_DATA": "/other"}
    assert load(given).eventstore_data == Path("/other")


@pytest.mark.parametrize("content", ["", "[]", "{", "5"])
def test_a_broken_run_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    """A process may be killed while it is written."""
    (tmp_path / "run.json").write_text(content)
    assert load({"MINZHENG_VAR": str(tmp_path)}).eventstore_uri == ""


def test_the_master_key_is_made_once(tmp_path: Path) -> None:
    """By the first of many processes that start at the same instant; nobody else can read it."""
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(load({"MINZHENG_VAR": str(tmp_path)}).master_key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found)), len(found[0])) == (8, 1, 32)
    assert (tmp_path / "keys" / "master.key").stat().st_mode & 0o077 == 0


def test_the_master_key_may_come_from_a_file(tmp_path: Path) -> None:
    """As secrets are given to containers."""
    (tmp_path / "secret").write_text(KEY + "\n")
    assert load({"MINZHENG_VAR": str(tmp_path), "MINZHENG_MASTER_KEY_FILE": str(tmp_path / "secret")}).master_key == b"k" * 32


def test_settings_show_no_secret() -> None:
    """URIs may hold passwords."""
    settings = load({"AMQP_URI": "amqp://minzheng:geheim@x/", "MINZHENG_MASTER_KEY": KEY, "DATABASE_URL": "postgresql://u:geheim@x/y"})
    assert "geheim" not in repr(settings)
    assert "kkkk" not in repr(settings)


@pytest.mark.parametrize("rate", ["600", "600/fortnight", "0/minute", "600 per minute", "600/minute;5/second", "/minute"])
def test_a_rate_that_is_none_is_told_at_the_start(tmp_path: Path, rate: str) -> None:
    """And not as a fault of every page."""
    with pytest.raises(ConfigError, match="MINZHENG_PORTAL_RATE"):
        load({"MINZHENG_VAR": str(tmp_path), "MINZHENG_PORTAL_RATE": rate})
    assert load({"MINZHENG_VAR": str(tmp_path), "MINZHENG_PORTAL_RATE": "100000/hour"}).portal_rate == "100000/hour"


@pytest.mark.parametrize("rate", ["10", "10/minute;", "10/minute;0/day"])
def test_a_rate_of_objections_that_is_none_is_told_at_the_start(tmp_path: Path, rate: str) -> None:
    """Each part of it is one; several hold together."""
    with pytest.raises(ConfigError, match="MINZHENG_OBJECTION_RATE"):
        load({"MINZHENG_VAR": str(tmp_path), "MINZHENG_OBJECTION_RATE": rate})
    assert load({"MINZHENG_VAR": str(tmp_path)}).objection_rate == "10/minute;20/hour;30/day"


@pytest.mark.parametrize("seconds", ["0", "31", "5s", "1.5"])
def test_a_key_is_held_for_half_a_minute_at_most(tmp_path: Path, seconds: str) -> None:
    """That an erased person is forgotten within it is promised; sooner may be asked for."""
    with pytest.raises(ConfigError, match="MINZHENG_KEYS_KEPT"):
        load({"MINZHENG_VAR": str(tmp_path), "MINZHENG_KEYS_KEPT": seconds})
    assert load({"MINZHENG_VAR": str(tmp_path), "MINZHENG_KEYS_KEPT": "6"}).keys_kept == 6
    assert load({"MINZHENG_VAR": str(tmp_path)}).keys_kept == KEPT_SECONDS
