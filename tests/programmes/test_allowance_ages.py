"""高龄津贴 by the clock: it begins on the birthday, is raised in the month of the next band, and old events find their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import msgspec
import pytest

from services.eldercare import elder
from services.eldercare.benefits import CASES
from services.eldercare.read_model import allowance_on
from services.eldercare.rules import PACKAGE
from shared.eventlog.read_model import Rows
from shared.rules.engine import RulesEngine
from shared.rules.profile import load_profile
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes.people import TOWN, case_of

CODE = "old_age_allowance"


@pytest.fixture
def d(tmp_path: object) -> Iterator[Desk]:
    """A desk of elder care alone."""
    with desk(tmp_path, "eldercare") as made:  # type: ignore[arg-type]
        yield made


def due(d: Desk, who: str, month: str) -> int:
    return int(d.services["eldercare"].office.load(CASES, case_of(CODE, who)).state.due(month))


def enrol(d: Desk, born: str) -> str:
    who = str(d.call("enrol_elder", resident_id=resident_id(born, 7), name="某老人", division=TOWN)["id"])
    d.settle()
    return who


def test_it_begins_on_the_birthday_and_is_raised_in_the_month_of_the_next_one(d: Desk) -> None:
    """Nobody does anything: the case waits for the month that the rules name."""
    who = enrol(d, "19430920")
    assert not due(d, who, "2023-09")
    d.on("2023-09-19")
    d.settle()
    assert not due(d, who, "2023-09")
    d.on("2023-09-20")
    d.settle()
    first = due(d, who, "2023-09")
    state = d.services["eldercare"].office.load(CASES, case_of(CODE, who)).state
    assert (first > 0, due(d, who, "2023-08"), state.next_turn) == (True, 0, "2033-09")
    d.on("2033-09-01")
    d.settle()
    assert due(d, who, "2033-08") == first < due(d, who, "2033-09")
    d.on("2043-09-01")
    d.settle()
    state = d.services["eldercare"].office.load(CASES, case_of(CODE, who)).state
    assert (due(d, who, "2043-09") > due(d, who, "2043-08"), state.next_turn) == (True, "")


def test_events_of_an_earlier_release_are_found_by_the_timer(d: Desk) -> None:
    """Such an enrolment names no month and such a grant no turn: both read models, before and after, come to the same amounts."""
    who = enrol(d, "19330920")
    office, model = d.services["eldercare"].office, d.models["eldercare"]
    (enrolled,) = [raw for raw in office.log.read(f"eldercare.elder-{who}") if raw.name.endswith(".elder_enrolled")]
    (granted,) = [raw for raw in office.log.read(CASES.stream(case_of(CODE, who))) if raw.name.endswith(".case_granted")]
    data = msgspec.json.decode(granted.data)
    assert data.pop("next_turn") == "2023-09"
    with office.read.execution_options(writes=True).begin() as tx:
        rows = Rows(model, tx)
        model.project(rows, replace(granted, data=msgspec.json.encode(data)))
        rows.flush(tx)
    old = msgspec.json.decode(enrolled.data)
    assert old.pop("allowance_from") == "2013-09"
    assert allowance_on(date(1933, 9, 20), "") == allowance_on(date(1933, 9, 20), "2013-09")
    d.on("2023-10-08")
    d.settle()
    assert due(d, who, "2023-09") > due(d, who, "2023-08") > 0


def test_the_roster_waits_for_the_month_of_the_rules_and_within_it_for_the_birthday() -> None:
    """Where the rules begin a month later, the first day of it."""
    profile = load_profile("xiangshan-2023")
    facts = elder.facts(elder.Elder(person_id="a1" * 16, born_on=date(1943, 9, 20)), 0)
    rules = RulesEngine((PACKAGE,), profile, ())
    assert rules.next_turn(CODE, facts, "1943-09") == "2023-09"
    assert allowance_on(date(1943, 9, 20), "2023-09").date() == date(2023, 9, 20)
    assert allowance_on(date(1943, 9, 20), "2023-10").date() == date(2023, 10, 1)
    assert allowance_on(date(1944, 2, 29), "2024-02").date() == date(2024, 2, 29)
    assert allowance_on(date(1944, 2, 29), "").date() == date(2024, 2, 29)
    assert allowance_on(date(1948, 2, 29), "2027-02").date() == date(2027, 3, 1)
