"""Words: no door asks for a field that has no Chinese name, and no code of a status or worklist is shown as it is written."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from typing import Any

from services.portal.api.schemas import Schemas
from services.portal.audit import said
from services.portal.sunshine import declared
from services.portal.web import words
from services.portal.web.portal import Portal, service_class
from shared.config import ROOT, load
from shared.eventlog import discovery
from shared.eventsourcing.commands import hints_of
from shared.eventsourcing.events import nested_dataclass
from shared.messaging.answering import declared_of
from shared.messaging.showing import plain

PORTAL = Portal(load({}))


def _fields(form: type, *where: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for f in dataclasses.fields(form):
        yield f.name, where
        inner, _ = nested_dataclass(hints_of(form)[f.name])
        if inner is not None:
            yield from _fields(inner, *where, inner.__name__)


def test_every_field_of_every_form_has_a_chinese_name() -> None:
    """At any depth, of every door of every service."""
    asked = {(name, where) for (_, method), door in PORTAL.doors.items() for name, where in _fields(door.form, method)}
    assert len(asked) > 500
    nameless = sorted({name for name, where in asked if not re.search("[\u4e00-\u9fff]", words.label(name, *where))})
    assert not nameless


def test_every_other_meaning_is_of_a_form_that_has_the_field() -> None:
    """An entry for a method or a part of a form that is gone would lie there unseen."""
    places = {(place, name) for (_, method), door in PORTAL.doors.items() for name, where in _fields(door.form, method) for place in where}
    assert set(words.IN) <= places, set(words.IN) - places


def test_every_column_of_a_read_model_has_a_chinese_name() -> None:
    """Lists are made of read models' columns; what has no name would stand in a table's head as code."""
    internal = {"table_names", "data", "name", "step", "recorded"}
    columns = {
        column.name
        for service in discovery.services()
        for table in importlib.import_module(f"services.{service}.read_model").METADATA.tables.values()
        for column in table.columns
    }
    assert len(columns) > 100
    assert not sorted(c for c in columns - internal if c == words.label(c))


def test_every_field_of_every_answer_has_a_chinese_name() -> None:
    """At any depth, of every query of every service, as the API's document describes it."""
    schemas = Schemas()
    for (service, method), door in PORTAL.doors.items():
        if door.kind == "query":
            schemas.of(declared_of(service_class(service), method), f"{service}.{method}")
    told = {(name, field) for name, part in schemas.parts.items() for field in part["properties"]}
    assert len(told) > 1500
    assert not sorted(of for of in told if not re.search("[\u4e00-\u9fff]", said.label(of[1], *of[0].split("."))))


def _codes(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The codes of a programme's terms as the desk shows them, each with the field that holds it; what has a title is shown by that."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (key == "code" and value.get("title")):
                yield from _codes(inner, key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _codes(inner, name)
    elif isinstance(value, str) and re.fullmatch("[a-z][a-z_]+", value):
        yield name, value


def test_no_code_of_a_programmes_terms_is_shown_as_it_is_written() -> None:
    """Findings, kinds, sources, results, grades: on the programme's page, and as what a form offers to choose from."""
    called = {*declared.programmes(), *declared.declarations()}
    told = {code for d in declared.declarations().values() for code in _codes(plain(d.terms)) if code[1] not in called}
    assert len(told) > 150
    assert not sorted((name, code) for name, code in told if words.said(code, name) == code)
    assert words.said("visit", "sources") == words.said("visit", "source") != words.said("visit")


def test_every_status_and_worklist_that_is_written_down_has_a_chinese_name() -> None:
    """The codes are read from where they are assigned."""
    code = re.compile(r"""\b(?:status|worklist)(?:: str)?=?\s?=\s?"([a-z_]+)\"""")
    shared = ROOT / "shared"
    files = [*(shared / "casework").rglob("*.py"), *(shared / "eventlog").glob("*_rows.py"), *(ROOT / "services").rglob("*.py")]
    found = {c for f in files if "portal" not in f.parts for c in code.findall(f.read_text(encoding="utf-8"))}
    assert len(found) > 80
    assert not sorted(c for c in found if words.said(c) == c)
