"""The outside sources of the means test (核对数据来源) as the demo and the end-to-end tests have them: each a process of its own.

The bureau asks them as it asks any source, by files or over the bus, and takes in what they answer; nothing here reaches behind its
doors. What a source knows is told to its process on standard input, so that no resident ID lies about in a file of ours.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Collection
from typing import Any

import click

from shared.config import ROOT, Settings
from shared.exchange.declared import Source, load_sources
from shared.messaging.definitions import agency_uri
from shared.messaging.source_queues import source_key

SERVICE = "assistance"


class OutsideSources:
    """What the sources of this district know; ``clerk`` is assistance under a clerk's token."""

    def __init__(self, settings: Settings, clerk: Any) -> None:
        self.settings, self.clerk = settings, clerk
        found = load_sources(settings.profile)
        self.declared = {code: source for code, source in found.sources.items() if source.status == "active"}
        self._people: dict[str, dict[str, dict[str, int]]] = {code: {} for code in self.declared}
        self._failing: dict[str, list[str]] = {code: [] for code in self.declared}

    def know(self, household: dict[str, Any]) -> None:
        """They know of this household exactly what it has declared."""
        for code, source in self.declared.items():
            for person_id, member in household["members"].items():
                values = _as_declared(source, household, member, head=person_id == household["head_id"])
                if any(values.values()):
                    self._people[code][member["resident_id"]] = values

    def say(self, code: str, resident_id: str, **values: int) -> None:
        """One source knows something else of one person: fen or counts by its own fields."""
        self._people[code][resident_id] = {f.name: values.get(f.name, 0) for f in self.declared[code].fields}

    def fail(self, code: str, resident_id: str) -> None:
        """One source cannot look one person up."""
        self._failing[code].append(resident_id)

    def asked(self, programme: str, cases: Collection[str]) -> bool:
        """Whether every query about these cases has gone out."""
        checks = {r["verification_id"] for r in self.clerk.list_verifications(status="asking", limit=500) if r["case_id"] in cases}
        wanted = len(load_sources(self.settings.profile).asked_for(programme))
        out = [r for r in self.clerk.list_records(worklist="exchange_answer", limit=500) if r["subject_id"] in checks]
        return len(checks) == len(cases) and len(out) == wanted * len(cases)

    def answer(self) -> int:
        """Each source answers what it was asked, side by side; then the clerk takes the files in. How many persons were answered for."""
        ways = {s["code"]: s["systems"][-1] for s in self.clerk.get_verification_sources() if s["code"] in self.declared}
        running = {code: self._start(way["name"], way["adapter"]) for code, way in ways.items()}
        answered = 0
        for code, process in running.items():
            source = self.declared[code]
            register = {
                "columns": {f.name: f.label for f in source.fields}, "people": self._people[code], "failing": self._failing[code],
            }  # fmt: skip
            said, wrong = process.communicate(json.dumps(register, ensure_ascii=False), timeout=60)
            if process.returncode:
                raise click.ClickException(f"{source.name} 未能答复：{wrong.strip().splitlines()[-1:]}")
            answered += int(said.split()[-1])
        for code, way in ways.items():
            if way["adapter"] == "files":
                self.clerk.take_in_answers(command_id=str(uuid.uuid4()), source=code)
        return answered

    def _start(self, system: str, adapter: str) -> subprocess.Popen[str]:
        env = {"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"}
        if adapter == "amqp":
            key = base64.b64encode(source_key(self.settings, system)).decode()
            env |= {"AMQP_URI": agency_uri(self.settings, system), "SOURCE_KEY": key}
            where = system
        else:
            where = str(self.settings.var / "exchange" / SERVICE / system)
        program = [sys.executable, str(ROOT / "examples" / "means_test_source.py"), adapter, where, "-"]
        pipe = subprocess.PIPE
        return subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env)


def _as_declared(source: Source, household: dict[str, Any], member: dict[str, Any], *, head: bool) -> dict[str, int]:
    """A source's values for one member: his own income; what the household has stands under its head's name."""
    income = int(member["monthly_income_fen"])
    had = {"income": income, "": 12 * income}
    had |= {what: int(household[name]) if head else 0 for what, name in _HOUSEHOLD.items()}
    values: dict[str, int] = {}
    for f in source.fields:
        told = any(f.compares and f.compares == other.compares for other in source.fields if other.name in values)
        values[f.name] = 0 if told else had[f.compares]
    return values


_HOUSEHOLD = {"savings": "savings_fen", "securities": "securities_fen", "vehicles": "vehicles", "homes": "homes"}
