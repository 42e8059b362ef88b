"""Forms made from what the doors ask for: what is typed becomes exactly the body that was meant, and nothing lacks its word."""

from __future__ import annotations

import dataclasses
import importlib
import re
import typing
import warnings
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.desk import home, said, things
from services.portal.desk.forms import Known, body_of, fen, fields_of, yuan
from services.portal.web import words
from shared.casework.clue import ReportClue
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.eventlog import discovery
from shared.eventsourcing.commands import parse
from shared.messaging.doors import DoorInfo, doors_of
from shared.messaging.showing import plain
from tests.portal.hands import typed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    DOORS = {
        (service, info.method): info
        for service in discovery.services()
        for info in doors_of(importlib.import_module(f"services.{service}.service").SERVICE)
    }
STEPS = [
    (service, d, step)
    for service in discovery.services()
    for d in things.declared(service).values()
    if isinstance(d, Declaration)
    for step in d.example
]


@dataclasses.dataclass(frozen=True)
class Line:
    name: str
    amount_fen: int
    on: date | None = None
    checked: bool = True


@dataclasses.dataclass(frozen=True)
class Sheet:
    what: str
    lines: tuple[Line, ...]
    told: bool
    kinds: tuple[str, ...] = ()
    ready: bool = False
    maybe: bool | None = None


KNOWN = Known("a_method", sent=True)


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_money_is_the_same_after_it_was_typed(amount: int) -> None:
    """Every amount of fen is typed in yuan and read back to the fen."""
    assert fen(yuan(amount)) == amount
    assert fen(f"{amount // 100:,}.{amount % 100:02d} 元") == amount if amount >= 0 else True


@pytest.mark.parametrize("text", ["1.005", "一百", "1e3", "", "1..2", "0x10", "1,2.3.4", "NaN", "12345678901234567"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """A third decimal place, letters, nothing: no amount is guessed."""
    with pytest.raises(ValueError):
        fen(text)


def test_rows_boxes_and_lists_become_the_body_that_was_meant() -> None:
    """Rows left blank are not sent, a box that was not ticked is no, a list is what stands on its lines."""
    sent = {
        "what": "甲", "lines.rows": "3", "lines.0.name": "一", "lines.0.amount_fen": "12.5", "lines.0.checked": "1", "lines.2.name": "三",
        "lines.2.amount_fen": "1,000", "lines.2.on": "2023-07-03", "told": "false", "kinds": "a\r\n\r\n b ", "maybe": "",
    }  # fmt: skip
    body, errors, places = body_of(Sheet, sent, KNOWN)
    assert errors == {}
    assert body == {
        "what": "甲",
        "lines": [
            {"name": "一", "amount_fen": 1250, "checked": True},
            {"name": "三", "amount_fen": 100000, "on": "2023-07-03", "checked": False},
        ],
        "told": False,
        "kinds": ["a", "b"],
        "ready": False,
    }
    assert places["lines.1."] == "lines.2.", "an error of the second row sent stands at the third row of the form"
    assert parse(Sheet, body).lines[1].amount_fen == 100000


def test_what_cannot_be_read_is_told_at_its_field_and_kept() -> None:
    """A wrong amount and a wrong day are named with what was typed still in them."""
    sent = {"what": "甲", "lines.rows": "1", "lines.0.name": "一", "lines.0.amount_fen": "一百", "lines.0.on": "2023-02-30", "told": "true"}
    _, errors, _ = body_of(Sheet, sent, KNOWN)
    assert set(errors) == {"lines.0.amount_fen", "lines.0.on"}
    rows = next(f for f in fields_of(Sheet, sent, KNOWN, errors) if f.path == "lines").rows[0]
    assert [(f.value, bool(f.error)) for f in rows[:3]] == [("一", False), ("一百", True), ("2023-02-30", True)]


@pytest.mark.parametrize(("service", "d", "step"), STEPS, ids=lambda x: getattr(x, "code", getattr(x, "act", str(x))))
def test_every_declared_example_can_be_typed_into_its_form(service: str, d: Declaration, step: Any) -> None:
    """What an example's step says is what the form sends when it is typed in, whatever the act asks for."""
    info: DoorInfo = DOORS[service, step.act]
    known = Known(info.method, plain(d.terms), sent=True)
    pairs: dict[str, Any] = {}
    for name, value in typed(info.form, step.body, known):
        pairs[name] = [*pairs[name], value] if isinstance(pairs.get(name), list) else [pairs[name], value] if name in pairs else value
    body, errors, _ = body_of(info.form, pairs, known)
    assert errors == {}
    assert parse(info.form, body) == parse(info.form, dict(step.body))


@pytest.mark.parametrize("where", sorted(DOORS), ids=".".join)
def test_every_form_can_be_shown_empty_and_names_each_field(where: tuple[str, str]) -> None:
    """No door asks for something the desk cannot show, or has no word for."""
    info = DOORS[where]
    for f in fields_of(info.form, {}, Known(info.method)):
        assert any("\u4e00" <= c <= "\u9fff" for c in f.label), f"{where}: {f.path} is called {f.label}"


def test_how_urgent_a_clue_is_is_chosen_and_not_typed() -> None:
    """The programme's terms list it as levels: the form offers them by their words."""
    terms = plain(things.declared("assistance")["proactive_discovery"].terms)
    urgency = next(f for f in fields_of(ReportClue, {}, Known("report_clue", terms=terms)) if f.path == "urgency")
    assert urgency.kind == "one"
    assert {code for code, _ in urgency.options} == {level["urgency"] for level in terms["levels"]}
    assert all(re.search("[\u4e00-\u9fff]", said) for _, said in urgency.options)


def test_every_part_of_a_record_has_a_word() -> None:
    """Whatever a state or its terms hold is named in Chinese on the record's page."""
    nameless: set[str] = set()
    done: set[type] = set()

    def walk(hint: Any) -> None:
        for arm in typing.get_args(hint):
            walk(arm)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint not in done:
            done.add(hint)
            for f in dataclasses.fields(hint):
                if said.label(f.name) == f.name:
                    nameless.add(f"{hint.__name__}.{f.name}")
                walk(typing.get_type_hints(hint)[f.name])

    for service in discovery.services():
        for decider in discovery.deciders(service):
            if decider.category.partition(".")[2] in things.THINGS.keys() | things.shapes(service).keys():
                walk(type(decider.initial))
    assert nameless == set()


def test_every_list_is_somebodys() -> None:
    """Each worklist that has a word belongs to a post, or simply stands."""
    lists = home.ACT_OF.keys() | home.STANDING
    assert {name for name in lists if words.said(name) == name} == set()


def test_every_programme_has_a_name_and_a_beginning() -> None:
    """A benefit that is applied for, a declared programme with its opening act: what the programme's page begins with is a door."""
    for service in discovery.services():
        for d in things.declared(service).values():
            assert things.name_of(d.code) == d.name
            if isinstance(d, Programme):
                assert not d.on_application or (service, "apply") in DOORS
            else:
                assert any(a.opens for a in d.shape.acts)
