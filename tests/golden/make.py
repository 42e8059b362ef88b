"""Writes the golden examples that are missing: ``python -m tests.golden.make``. It never rewrites one; a new shape is a new version.

One file for each version of each event type, with two bodies as the log stores them (personal fields opened): ``complete`` has
every field, ``required`` only those without a default. MANIFEST holds the SHA-256 of every file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from datetime import date, datetime
from pathlib import Path
from typing import Any

from shared.eventlog import discovery
from shared.eventsourcing.events import REGISTRY, EventType, nested_dataclass

HERE = Path(__file__).parent
MANIFEST = HERE / "MANIFEST"

PERSON = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SAMPLES: dict[str, Any] = {
    "household_id": "a1" * 16,
    "subject_id": "a1" * 16,
    "person_id": PERSON,
    "payee_id": PERSON,
    "head_id": PERSON,
    "organiser_id": "1e" * 16,
    "case_id": "6f1c5f0e-3a52-5d0e-9a0e-0d2b6f3a9c11",
    "run_id": "0b7a2f5e-94b7-5f63-8c39-5b1a3c1d7e22",
    "recovery_id": "c2a94c11-7c0b-5c41-8f1e-2f4f7ad0b933",
    "programme": "minimum_living_allowance",
    "division": "330225101",
    "by": "staff:li",
    "source": "hrss",
    "area": "rural",
    "relation": "配偶",
    "disability_kind": "physical",
    "outcome": "lowered",
    "step": "household",
    "service": "assistance",
    "month": "2023-08",
    "first_month": "2023-08",
    "effective_month": "2023-08",
    "changed_from": "2023-07",
    "first_unpaid_month": "2023-08",
    "exit_ends": "2024-01",
    "reason": "家庭收入变化",
    "name": "金丝雀",
    "account_no": "6228480402564890018",
    "holder": "白头翁",
    "organiser_name": "画眉鸟",
    "objection_words": "画眉鸟",
    "objector_contact": "白头翁",
    "objector_id": "0b" * 16,
    "salt": "白头翁",
    "salt_key": "5a" * 16,
    "resident_id": "11010519491231002X",
    "certificate_no": "SW330225202300001",
    "rules_version": "assistance 1",
    "parameters_version": "xiangshan-2023 1",
}


def sample(name: str, hint: Any, complete: bool) -> Any:
    """A plausible stored value of a field."""
    if name in SAMPLES and isinstance(SAMPLES[name], str) and hint in (str, str | None):
        return SAMPLES[name]
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return sample(name, next(a for a in typing.get_args(hint) if a is not type(None)), complete)
    inner, many = nested_dataclass(hint)
    if inner is not None:
        body = example(inner, complete)
        return [body] if many else body
    if origin is typing.Literal:
        return typing.get_args(hint)[0]
    if origin is tuple:
        return [sample(name.removesuffix("s"), typing.get_args(hint)[0], complete)]
    if origin is dict or hint is dict:
        return {"area": "rural", "members": [{"person_id": PERSON, "monthly_income_fen": 260000}]} if complete else {}
    plain = {bool: True, date: "2023-07-15", datetime: "2023-07-15T09:30:00+08:00", str: f"{name}示例"}
    if hint is int:
        return 125500 if name.endswith("_fen") else 1
    return plain[hint]


def example(cls: type, complete: bool) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {
        f.name: sample(f.name, hints[f.name], complete)
        for f in dataclasses.fields(cls)
        if complete or (f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING)
    }


def path_of(kind: EventType, version: int) -> Path:
    return HERE / f"{kind.name}.v{version}.json"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest() -> dict[str, str]:
    """File name → SHA-256."""
    lines = MANIFEST.read_text().splitlines() if MANIFEST.exists() else []
    return {name: sha for sha, name in (line.split("  ", 1) for line in lines if line)}


def main() -> None:
    discovery.load_all()
    known = manifest()
    for kind in (REGISTRY[name] for name in sorted(REGISTRY)):
        path = path_of(kind, kind.version)
        if not path.exists():
            cases = {"complete": example(kind.cls, True), "required": example(kind.cls, False)}
            body = {"type": kind.name, "version": kind.version, **cases}
            path.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            print("+", path.name)
        known.setdefault(path.name, digest(path))
    MANIFEST.write_text("".join(f"{known[name]}  {name}\n" for name in sorted(known)))


if __name__ == "__main__":
    main()
