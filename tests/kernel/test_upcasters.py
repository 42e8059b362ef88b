"""Versions of an event: what was stored by an older release is read in the newest shape; what a newer one stored is not guessed at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.errors import Refused
from shared.eventsourcing import codec
from shared.eventsourcing.events import event, personal, public_form

seen: list[tuple[int, Any]] = []


def to_2(body: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had yuan and one word for the whole name."""
    seen.append((1, dict(body)))
    return {"person_id": body["person_id"], "name": body["whole_name"], "amount_fen": body["yuan"] * 100}


def to_3(body: dict[str, Any]) -> dict[str, Any]:
    """Version 2 did not say why."""
    seen.append((2, dict(body)))
    return {**body, "reason": "unknown"}


@event("kernel.granted", version=3, published=True, upcasters={1: to_2, 2: to_3})
@dataclass(frozen=True)
class Granted:
    person_id: str
    amount_fen: int
    reason: str
    name: str = personal(of="person_id", default="")


WANTED = Granted("p", 125500, "unknown", "opened")
STORED = {
    1: {"person_id": "p", "whole_name": "sealed", "yuan": 1255},
    2: {"person_id": "p", "name": "sealed", "amount_fen": 125500},
    3: {"person_id": "p", "name": "sealed", "amount_fen": 125500, "reason": "unknown"},
}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_is_read_as_the_newest(version: int) -> None:
    """One step a version, one after another, and personal fields opened at the end."""
    seen.clear()
    assert codec.decode("kernel.granted", version, json.dumps(STORED[version]).encode(), lambda sealed: "opened") == WANTED
    assert [step for step, _ in seen] == list(range(version, 3))


def test_projections_see_personal_fields_sealed() -> None:
    """Upcast all the same."""
    assert codec.decode("kernel.granted", 1, json.dumps(STORED[1]).encode(), None).name == "sealed"


@pytest.mark.parametrize(("name", "version"), [("kernel.granted", 4), ("kernel.never_heard_of", 1)])
def test_what_a_newer_release_stored_is_not_guessed_at(name: str, version: int) -> None:
    """The release is older than the log: it must stop, not skip."""
    with pytest.raises(codec.UnknownEvent):
        codec.decode(name, version, b"{}", None)


def test_a_fields_of_a_later_minor_shape_are_ignored() -> None:
    """An optional field more does not need a new version."""
    body = {**STORED[3], "added": 1}
    assert codec.decode("kernel.granted", 3, json.dumps(body).encode(), lambda sealed: "opened") == WANTED


def test_an_event_is_sealed_when_written_and_public_without_its_personal_fields() -> None:
    """What is stored, and what leaves."""
    name, data = codec.encode(WANTED, lambda person, text: f"<{person}:{len(text)}>")
    assert (name, json.loads(data)["name"]) == ("kernel.granted", "<p:6>")
    assert public_form(WANTED) == {"person_id": "p", "amount_fen": 125500, "reason": "unknown"}


def test_an_event_that_is_too_large_is_refused() -> None:
    """64 KiB, personal fields sealed."""
    with pytest.raises(Refused) as refused:
        codec.encode(Granted("p", 1, "x" * 66_000), lambda person, text: text)
    assert refused.value.code == "too_large"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": "kernel.Bad_Case"}, ValueError),
        ({"name": "kernel"}, ValueError),
        ({"name": "kernel.odd", "version": 2}, ValueError),
        ({"name": "kernel.odd", "version": 2, "upcasters": {2: to_2}}, ValueError),
        ({"name": "kernel.odd", "published": True, "keyed": "kind"}, ValueError),  # a key is a field of a public form that is written out
        ({"name": "kernel.granted"}, ValueError),
    ],
    ids=["capitals", "no service", "no upcaster", "wrong upcaster", "keyed without a public form", "name taken"],
)
def test_a_bad_declaration_fails_at_import(arguments: dict[str, Any], error: type[Exception]) -> None:
    """Not at the first event."""

    @dataclass(frozen=True)
    class Odd:
        x: int = 0

    name = arguments.pop("name")
    with pytest.raises(error):
        event(name, **arguments)(Odd)


def test_an_event_is_frozen() -> None:
    """A fact does not change."""

    @dataclass
    class Soft:
        x: int = 0

    with pytest.raises(TypeError):
        event("kernel.soft")(Soft)


def test_a_personal_field_names_whose_it_is() -> None:
    """A field beside it; and it is a text."""
    from shared.eventsourcing.events import personal_plan

    @dataclass(frozen=True)
    class Whose:
        name: str = personal(of="nobody", default="")

    @dataclass(frozen=True)
    class Number:
        person_id: str
        age: int = personal(of="person_id", default=0)

    for bad in (Whose, Number):
        with pytest.raises(TypeError):
            personal_plan(bad)
