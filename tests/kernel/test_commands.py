"""Forms at the door: strict, bounded, with the wrong field named and nothing of the input repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Refused
from shared.eventsourcing.commands import MOST_TEXT, command_type, parse
from shared.messaging.parsing import tolerant

CANARY = "金丝雀赵四33022519370315286X"


@dataclass(frozen=True)
class Part:
    name: str
    amount: int = 0
    since: date | None = None


@dataclass(frozen=True)
class Form:
    text: str
    number: int
    yes: bool = False
    day: date | None = None
    at: datetime | None = None
    kind: Literal["a", "b"] = "a"
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] = ()
    one: Part | None = None
    free: dict[str, Any] = field(default_factory=dict)


GOOD = {"text": "x", "number": 1}


def refused(body: Any) -> Refused:
    with pytest.raises(Refused) as found:
        parse(Form, body)
    assert found.value.code == "invalid_input"
    assert found.value.__cause__ is None or CANARY not in str(found.value.__cause__)
    return found.value


def test_a_form_becomes_its_dataclass() -> None:
    """Dates as dates, lists as tuples, parts as parts, the rest as the defaults say."""
    body = {**GOOD, "day": "2023-07-03", "parts": [{"name": "n"}], "words": ["w"], "one": {"name": "m", "amount": 2}}
    assert parse(Form, body) == Form("x", 1, day=date(2023, 7, 3), parts=(Part("n"),), words=("w",), one=Part("m", 2))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"number": "1"}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": None}, "number"),
        ({"text": 5}, "text"),
        ({"text": "x" * (MOST_TEXT + 1)}, "text"),
        ({"day": "2023-02-30"}, "day"),
        ({"day": 20230703}, "day"),
        ({"at": "2023-07-03T09:00:00"}, "at"),
        ({"day": "0001-01-01"}, "day"),
        ({"day": "1899-12-31"}, "day"),
        ({"day": "9999-12-31"}, "day"),
        ({"at": "0001-01-01T00:00:00+08:00"}, "at"),
        ({"at": "9999-12-31T23:59:59-08:00"}, "at"),
        ({"parts": [{"name": "n", "since": "9999-12-31"}]}, "parts.0.since"),
        ({"kind": "c"}, "kind"),
        ({"parts": {}}, "parts"),
        ({"parts": [{"name": "n"}, {"name": 5}]}, "parts.1.name"),
        ({"parts": [{}]}, "parts.0.name"),
        ({"parts": [5]}, "parts.0"),
        ({"words": ["w", 5]}, "words.1"),
        ({"one": {"name": "n", "amount": "2"}}, "one.amount"),
        ({"one": {"name": "n", "more": 1}}, "one.more"),
        ({"unknown": 1}, "unknown"),
        ({"free": []}, "free"),
    ],
)
def test_the_wrong_field_is_named_by_its_path(change: dict[str, Any], where: str) -> None:
    """Also deep inside."""
    assert refused({**GOOD, **change}).field == where


def test_a_missing_field_is_named() -> None:
    """The first of them."""
    assert refused({"number": 1}).field == "text"


@pytest.mark.parametrize("body", [None, 5, "x", [], [GOOD]])
def test_a_form_is_an_object(body: Any) -> None:
    """Nothing else."""
    refused(body)


@pytest.mark.parametrize(
    "change",
    [
        {"number": CANARY},
        {"day": CANARY},
        {"kind": CANARY},
        {"yes": CANARY},
        {"parts": CANARY},
        {"one": {"name": 1, "amount": CANARY}},
        {"at": CANARY},
    ],
)
def test_nothing_of_the_input_is_repeated(change: dict[str, Any]) -> None:
    """A refusal crosses the wire and stands in logs."""
    error = refused({**GOOD, **change})
    assert CANARY not in f"{error}{error.args}{error.__cause__!r}"


def test_a_name_in_place_of_a_field_name_is_not_repeated() -> None:
    """What stands where a field's name should be may be personal as well."""
    for body in ({**GOOD, CANARY: 1}, {**GOOD, "one": {"name": "n", CANARY: 1}}):
        error = refused(body)
        assert CANARY not in f"{error}{error.args}"


def test_a_tolerant_reader_passes_over_what_it_does_not_know() -> None:
    """At any depth; what it does read is still checked."""
    body = {**GOOD, "more": 1, "parts": [{"name": "n", "more": 1}]}
    assert tolerant(Form, body) == Form("x", 1, parts=(Part("n"),))
    with pytest.raises(Refused):
        tolerant(Form, {**GOOD, "parts": [{"name": 5}]})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "number", "parts", "one", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*Form.__dataclass_fields__, "x"]), json_values, max_size=6))
def test_any_body_is_a_form_or_a_refusal(body: dict[str, Any]) -> None:
    """Never another exception."""
    try:
        assert isinstance(parse(Form, body), Form)
    except Refused as refusal:
        code = refusal.code
        assert code == "invalid_input"


def test_a_shapes_command_needs_the_permission_of_the_service_that_runs_it() -> None:
    """ "pay" in assistance is assistance:pay."""
    from services.registry.death import RegisterDeath
    from shared.casework.benefit_case import PayBenefit

    assert command_type(PayBenefit).permission_in("assistance") == "assistance:pay"
    assert command_type(RegisterDeath).permission_in("assistance") == "registry:register"
