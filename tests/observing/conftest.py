"""One running house that is watched: traces into files, and somebody to be recognised by should he turn up where he must not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.cli.processes import PROCESSES
from shared.cli.supervisor import House
from shared.config import ROOT
from shared.messaging.client import RpcClient
from shared.security import tokens
from tests.e2e.conftest import Bureau

CANARY = "欧阳金丝雀"  # a name that stands nowhere else
OURS = tuple(p.name for p in PROCESSES if p.name not in ("broker", "portal"))  # the portal has a test of its own


@dataclass(frozen=True)
class Sample:
    """One line of a scrape."""

    name: str
    labels: dict[str, str]
    value: float


class Scrape(list[Sample]):
    """All lines of one scrape."""

    def value(self, name: str, **labels: str) -> float:
        """The sum over the series with these labels; 0 when there is none."""
        return sum(s.value for s in self if s.name == name and labels.items() <= s.labels.items())

    def has(self, name: str) -> bool:
        return any(s.name == name for s in self)


def get(url: str) -> tuple[int, str]:
    """Status and body, whatever the status is."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of ours
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def python(code: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own, with the house's modules and none of our environment."""
    argv = [sys.executable, "-P", "-c", code]
    return subprocess.run(argv, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


def address(var: Path, process: str) -> str:
    """Where a process said that it is to be asked."""
    told = json.loads((var / "run" / f"{process}.metrics.json").read_text())
    return f"http://{told['host']}:{told['port']}"


def scraped(url: str) -> Scrape:
    status, text = get(f"{url}/metrics")
    assert status == 200
    return Scrape(Sample(s.name, s.labels, s.value) for family in text_string_to_metric_families(text) for s in family.samples)


@dataclass
class Watched:
    """The house and how it is seen."""

    bureau: Bureau
    var: Path

    def ask(self, process: str, path: str) -> tuple[int, str]:
        return get(address(self.var, process) + path)

    def scrape(self, process: str) -> Scrape:
        return scraped(address(self.var, process))

    def lines(self, process: str) -> list[dict[str, Any]]:
        """What a process wrote; an error when it is not JSON."""
        return [json.loads(line) for line in (self.var / "log" / f"{process}.log").read_text().splitlines()]

    def spans(self) -> list[dict[str, Any]]:
        """Every span that was written by now."""
        files = (self.var / "traces").glob("*.jsonl")
        return [json.loads(line) for file in files for line in file.read_text().splitlines() if line.endswith("}")]


def start(var: Path, only: tuple[str, ...], **more: str) -> House:
    env = {**os.environ, "MINZHENG_VAR": str(var), "MINZHENG_TIMER_PERIOD": "0.5", "MINZHENG_RETRY_DELAYS": "0.2,0.4", **more}
    for name in ("EVENTSTORE_URI", "AMQP_URI", "MINZHENG_CLOCK_FILE", "MINZHENG_METRICS_PORT", "MINZHENG_LOG_FORMAT"):
        env.pop(name, None)
    return House(env, clock=True, restarts=False, only=only)


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    var = tmp_path_factory.mktemp("watched")
    told = {"MINZHENG_TRACES": "file", "MINZHENG_LOG_LEVEL": "DEBUG", "MINZHENG_PORTAL_PROCESSES": "1"}
    with start(var, (*OURS, "broker", "portal"), **told) as house:
        settings = house.settings
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        with RpcClient(settings.amqp_uri, timeout=20) as link:
            yield Watched(Bureau(house, settings, link), var)
