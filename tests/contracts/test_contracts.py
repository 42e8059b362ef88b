"""Contracts: what is published is documented, stays compatible, holds nobody's name, and is what its readers read."""

from __future__ import annotations

import copy
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.cli import asyncapi
from shared.domain.errors import Refused
from shared.eventlog import discovery
from shared.eventsourcing.events import REGISTRY, EventType, personal_plan
from shared.messaging.parsing import tolerant

KINDS = asyncapi.published()
OURS = discovery.services()
REACTIONS = asyncapi.reactions()
INSIDE = [r for r in REACTIONS if r[1] in OURS]
PERSONAL = ("金丝雀", "画眉鸟", "11010519491231002X", "SW330225202300001", "6228480402564890018", "白头翁")
FIELDS = {
    "name", "resident_id", "organiser_name", "certificate_no", "account_no", "holder", "objection_words", "objector_contact", "salt",
}  # fmt: skip


def of(kind: EventType) -> str:
    return kind.name


def test_the_document_is_current() -> None:
    """docs/asyncapi.yaml says what the code declares; mend it with minzheng asyncapi."""
    assert asyncapi.FILE.read_text(encoding="utf-8") == asyncapi.render()


def test_the_document_is_asyncapi_3_and_every_reference_resolves() -> None:
    """Channels, operations and messages fit together, so that a reader's tools can follow them."""
    document = yaml.safe_load(asyncapi.FILE.read_text(encoding="utf-8"))
    assert document["asyncapi"] == "3.0.0"

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                found: Any = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)

    follow(document)
    assert set(document["channels"]) == {o["channel"]["$ref"].split("/")[-1] for o in document["operations"].values()}


@pytest.mark.parametrize("kind", KINDS, ids=of)
def test_a_published_version_never_changes_incompatibly(kind: EventType) -> None:
    """Within one public version no field is removed, renamed, retyped or made uncertain."""
    frozen = asyncapi.frozen_path(kind)
    assert frozen.exists(), "a new public version: minzheng asyncapi freezes it"
    assert asyncapi.incompatible(json.loads(frozen.read_text(encoding="utf-8")), asyncapi.payload(kind)) == []


@pytest.mark.parametrize("path", sorted(asyncapi.FROZEN.glob("*.json")), ids=lambda p: p.stem)
def test_what_was_published_once_is_published_still(path: Path) -> None:
    """A frozen contract belongs to an event type that still leaves the house."""
    name = path.stem.rsplit(".v", 1)[0]
    assert REGISTRY[name].published


def test_the_comparison_sees_every_incompatible_change() -> None:
    """Removing, retyping and no longer guaranteeing a field are all noticed, at any depth; adding one is no harm."""
    month = {"type": "object", "required": ["m"], "properties": {"m": {"type": "string"}}}
    old = {"type": "object", "required": ["a", "l"], "properties": {"a": {"type": "integer"}, "l": {"type": "array", "items": month}}}

    def changed(how: Any) -> list[str]:
        new = copy.deepcopy(old)
        how(new)
        return asyncapi.incompatible(old, new)

    assert changed(lambda n: n["properties"].update(b={"type": "string"})) == []
    assert changed(lambda n: n["properties"].pop("a"))
    assert changed(lambda n: n["properties"]["a"].update(type="string"))
    assert changed(lambda n: n["required"].remove("a"))
    assert changed(lambda n: n["properties"]["l"]["items"]["properties"].pop("m"))


@pytest.mark.parametrize("kind", KINDS, ids=of)
@pytest.mark.parametrize("case", ["complete", "required"])
def test_no_personal_value_leaves_the_house(kind: EventType, case: str) -> None:
    """The public form of a golden example holds none of its personal values, at any depth."""
    body = json.dumps(asyncapi.public_example(kind, case), ensure_ascii=False)
    assert [value for value in PERSONAL if value in body] == []


@pytest.mark.parametrize("kind", KINDS, ids=of)
def test_no_personal_field_is_in_a_schema(kind: EventType) -> None:
    """Not even the name of a personal field is announced."""

    def names(schema: dict[str, Any]) -> set[str]:
        found = set(schema.get("properties", {}))
        for inner in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
            found |= names(inner)
        return found

    assert names(asyncapi.payload(kind)) & FIELDS == set()


@pytest.mark.parametrize("kind", KINDS, ids=of)
@pytest.mark.parametrize("case", ["complete", "required"])
def test_the_schema_fits_the_public_form(kind: EventType, case: str) -> None:
    """What is sent is what the document says: every field, of its type."""
    schema, body = asyncapi.payload(kind), asyncapi.public_example(kind, case)
    assert set(body) == set(schema["properties"])
    assert [name for name, value in body.items() if not asyncapi._fits(value, schema["properties"][name])] == []


@pytest.mark.parametrize(("service", "source", "event", "reads", "method"), INSIDE, ids=lambda v: v if isinstance(v, str) else "")
def test_every_consumer_can_read_its_producer(service: str, source: str, event: str, reads: type, method: str) -> None:
    """A reaction's event exists, is published, and its public form has every field that the reaction must have."""
    kind = REGISTRY[f"{source}.{event}"]
    assert kind.published
    for case in ("complete", "required"):
        assert type(tolerant(reads, asyncapi.public_example(kind, case))) is reads


def test_what_a_reaction_asks_for_alone_is_what_the_event_is_keyed_by() -> None:
    """Or its queue would stay empty: the field is in the public form, and each value is a programme of the service that announces it."""
    narrow = set()
    for service, source, event, _, method in INSIDE:
        door = getattr(import_module(f"services.{service}.service").SERVICE, method)
        for values in (e.of for e in door.nameko_entrypoints if getattr(e, "of", ())):
            kind = REGISTRY[f"{source}.{event}"]
            assert kind.keyed == "programme" in asyncapi.public_example(kind, "required")
            assert set(values) <= set(import_module(f"services.{source}.programmes").PROGRAMMES)
            narrow.add(method)
    assert narrow == {"on_finding_corrected", "on_support_decided_again", "on_assistance_restored", "on_assistance_earlier_round"}


@pytest.mark.parametrize(("service", "source", "event", "reads", "method"), INSIDE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_consumer_ignores_what_it_does_not_read(service: str, source: str, event: str, reads: type, method: str) -> None:
    """A producer may add a field without asking anybody."""
    body = asyncapi.public_example(REGISTRY[f"{source}.{event}"])
    assert tolerant(reads, {**body, "added_tomorrow": {"x": 1}}) == tolerant(reads, body)


def test_agencies_send_a_resident_id_that_nobody_behind_the_door_reads() -> None:
    """What we accept from outside is documented with the resident ID that the agency sends, and read as a person_id."""
    found = {f"{source}.{event}": asyncapi.accepted(reads) for source, event, reads in asyncapi.agencies()}
    assert {"hrss.income_changed", "hospital.death_reported"} <= set(found)
    for schema in found.values():
        # An answer to a query of ours, or to a referral, names nobody but by its number.
        assert {"query_no", "number", "resident_id"} & set(schema["required"])
        assert "person_id" not in schema["properties"]


def test_an_agency_message_without_a_required_field_is_refused() -> None:
    """Tolerant of what is too much, not of what is missing."""
    reads = next(r[3] for r in REACTIONS if r[1:3] == ("hrss", "income_changed"))
    with pytest.raises(Refused) as refused:
        tolerant(reads, {"person_id": "0" * 32})
    assert (refused.value.code, refused.value.field) == ("invalid_input", "monthly_income_fen")


def test_personal_fields_are_known_to_this_test() -> None:
    """The names looked for above are all the personal fields that the house has."""
    found: set[str] = set()

    def collect(plan: Any) -> None:
        found.update(name for name, _ in plan.own)
        for _, _, inner in plan.nested:
            collect(inner)

    for kind in REGISTRY.values():
        if kind.service in OURS:
            collect(personal_plan(kind.cls))
    assert found == FIELDS
