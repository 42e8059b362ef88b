"""Golden examples: every event that was ever stored can be read for ever."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest

from shared.eventlog import discovery
from shared.eventsourcing import codec
from shared.eventsourcing.events import REGISTRY, personal_plan
from tests.golden.make import HERE, digest, manifest

discovery.load_all()
OURS = {name: kind for name, kind in REGISTRY.items() if kind.service in discovery.services()}
FILES = sorted(HERE.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.parametrize("case", ["complete", "required"])
def test_every_version_decodes_to_the_newest_class(path: Path, case: str) -> None:
    """A stored event of any version, with all its fields or only those it must have, becomes an event of today."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    happened = codec.decode(stored["type"], stored["version"], json.dumps(stored[case]).encode(), lambda sealed: sealed)
    assert type(happened) is REGISTRY[stored["type"]].cls


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_version_of_every_type_has_an_example(name: str) -> None:
    """A type without golden examples could change its shape unseen (add them with python -m tests.golden.make)."""
    missing = [v for v in range(1, OURS[name].version + 1) if not (HERE / f"{name}.v{v}.json").exists()]
    assert missing == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_newest_example_has_every_field(name: str) -> None:
    """The complete example loses nothing when it is read and written again."""
    kind = OURS[name]
    stored = json.loads((HERE / f"{name}.v{kind.version}.json").read_text(encoding="utf-8"))
    happened = codec.decode(name, kind.version, json.dumps(stored["complete"]).encode(), lambda sealed: sealed)
    written = json.loads(msgspec.json.encode(happened))
    assert set(stored["complete"]) <= {f.name for f in dataclasses.fields(kind.cls)}
    assert {k: written[k] for k in stored["complete"]} == stored["complete"]


@pytest.mark.parametrize("name", sorted(n for n, k in OURS.items() if personal_plan(k.cls)))
def test_personal_fields_are_sealed_when_written(name: str) -> None:
    """No personal value of a golden example is left in the bytes that would be stored."""
    kind = OURS[name]
    stored = json.loads((HERE / f"{name}.v{kind.version}.json").read_text(encoding="utf-8"))
    happened = codec.decode(name, kind.version, json.dumps(stored["complete"]).encode(), lambda sealed: sealed)
    _, data = codec.encode(happened, lambda person, text: "sealed", kind.service)
    for value in ("金丝雀", "画眉鸟", "11010519491231002X", "SW330225202300001", "6228480402564890018", "白头翁"):
        assert value.encode() not in data


def test_no_golden_file_was_edited() -> None:
    """Stored events cannot be changed, so neither can their examples: a new shape is a new version with an upcaster."""
    assert {name: digest(HERE / name) for name in manifest()} == manifest()


def test_every_golden_file_is_in_the_manifest() -> None:
    """A file that the manifest does not know is not protected by it."""
    assert {p.name for p in FILES} == set(manifest())
