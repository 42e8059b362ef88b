"""Lists page by page: every row once, whatever a page holds; and whoever has just written something waits until the rows show it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from services.assistance.programmes import MINIMUM_LIVING_ALLOWANCE
from shared.domain.errors import Refused
from shared.eventlog import discovery
from shared.eventlog.disclosure_rows import objection_id
from shared.messaging.doors import doors_of
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import people
from tests.programmes.people import TOWN, Numbers, home

LIVING = MINIMUM_LIVING_ALLOWANCE.code
FAR = 10**12  # a place that the log has not reached
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all: nobody appears in two tests."""
    with desk(tmp_path_factory.mktemp("lists"), "assistance", "registry") as made:
        yield made


def paged(d: Desk, method: str, role: str, key: Callable[[dict[str, Any]], Any], size: int, **asked: Any) -> Rows:
    """All rows, page by page."""
    found: Rows = []
    after: Any = None
    while True:
        more = {} if after is None else {"after": after}
        page = d.call(method, role, limit=size, **more, **asked)
        found += page
        if len(page) < size:
            return found
        after = key(page[-1])


def test_every_list_that_is_cut_can_be_gone_on_with() -> None:
    """Whatever takes a limit takes the place behind which the next page begins: otherwise "the whole table" would be its first page."""
    lists = {
        (service, info.method): {f.name for f in dataclasses.fields(info.form)}
        for service in discovery.services()
        for info in doors_of(import_module(f"services.{service}.service").SERVICE)
        if info.method.startswith("list_") and info.kind == "query"
    }
    assert len(lists) > 30
    assert [door for door, names in lists.items() if "limit" in names and "after" not in names] == []


@pytest.mark.parametrize("size", [1, 2, 3])
def test_temporary_matters_come_page_by_page_with_the_most_urgent_first(d: Desk, numbers: Numbers, size: int) -> None:
    """Emergencies before the others, the late and the first due first; every page goes on behind the last row's place."""
    d.on("2023-06-05")
    for kind, cause in (("expenditure", "grave_illness"), ("emergency", "accident"), ("emergency", "other"), ("expenditure", "other")):
        made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 300000})
        happened = {"kind": kind, "cause": cause, "happened_on": "2023-06-05", "division": TOWN}
        d.call("apply_temporary", household_id=made.household_id, **happened)
    d.settle()
    whole = d.call("list_temporary", "auditor", limit=500)
    assert [m["urgency"] for m in whole] == sorted(m["urgency"] for m in whole)
    assert {0, 1} == {m["urgency"] for m in whole}
    assert paged(d, "list_temporary", "auditor", lambda m: m["place"], size) == whole


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_case_that_two_campaigns_examine_is_in_the_list_twice(d: Desk, numbers: Numbers, size: int) -> None:
    """The next page begins behind a case only when the page has it in every campaign."""
    if not d.call("list_reverifications", "reviewer"):
        d.on("2023-07-03")
        for _ in range(3):
            people.grant(d, LIVING, household_id=home(d, numbers, {"monthly_income_fen": 0}).household_id)
        for period in ("2023", "2024"):
            start = {"division": "330225", "period": period, "programmes": [LIVING], "due_on": "2024-12-31"}
            d.call("start_reverification", "reviewer", **start)
            d.settle()
    whole = d.call("list_reverification_objects", "reviewer", limit=500)
    assert len(whole) == 6
    assert len({m["case_id"] for m in whole}) == 3
    found = paged(d, "list_reverification_objects", "reviewer", lambda m: m["case_id"], size)
    assert sorted((m["campaign_id"], m["case_id"]) for m in found) == sorted((m["campaign_id"], m["case_id"]) for m in whole)


def test_rows_of_what_waits_all_have_the_same_fields(d: Desk, numbers: Numbers) -> None:
    """A case, which nobody is responsible for, and a temporary matter, which has no subject's title: what a row lacks is empty."""
    d.on("2023-07-03")
    made = home(d, numbers, {"monthly_income_fen": 0})
    d.call("apply", programme=LIVING, household_id=made.household_id)
    happened = {"kind": "emergency", "cause": "accident", "happened_on": d.now.date().isoformat(), "division": TOWN}
    d.call("apply_temporary", household_id=made.household_id, **happened)
    d.settle()
    rows = d.call("list_waiting", "auditor", limit=500)
    assert {row["list"] for row in rows} >= {"benefit_cases", "temporary_matters"}
    assert len({tuple(row) for row in rows}) == 1


def objected(d: Desk, numbers: Numbers) -> str:
    """A case under publicity to which the public objects; the receipt. The read model has not seen the objection yet."""
    d.on("2023-07-03")
    case_id = people.apply(d, LIVING, household_id=home(d, numbers, {"monthly_income_fen": 0}).household_id)
    d.call("propose", "reviewer", case_id=case_id)
    d.settle()
    return str(d.call("report_objection", "portal", case_id=case_id, words="有车")["receipt"])


def test_a_query_of_rows_waits_for_the_place_it_is_told(d: Desk, numbers: Numbers) -> None:
    """Those that open no list look at rows as well: a place that nobody wrote at is refused, and one that was written at is waited for."""
    receipt = objected(d, numbers)
    changes = {"changes": {"minimum_living_allowance.standard.urban": "+10%"}, "effective_month": "2023-08"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("find_person", "clerk", {"resident_id": resident_id("19800101", 1)}),
        ("get_objection_answer", "portal", {"receipt": receipt}),
        ("get_public_objection", "clerk", {"receipt": receipt}),
        ("simulate_standard", "reviewer", changes),
    ]
    for method, role, body in asked:
        with pytest.raises(Refused) as caught:
            d.call(method, role, position=FAR, **body)
        assert (caught.value.code, caught.value.field) == ("invalid_input", "position"), method
    d.settle()
    seen = d.offices["assistance"].log.head("assistance.")
    assert d.call("get_objection_answer", "portal", receipt=receipt, position=seen)["status"] == "received"
    assert d.call("find_person", resident_id=resident_id("19800101", 1), position=seen)


def test_another_services_place_in_the_log_is_not_waited_for(d: Desk) -> None:
    """A place that a command of the registry answered: the read model of assistance has seen all that is its own before it."""
    d.settle()
    died = {"resident_id": resident_id("19300101", 7), "name": "某人", "died_on": "2023-07-01", "division": TOWN}
    answer = d.call("register_death", "registrar", service="registry", **died)
    assert d.call("list_households", position=answer["position"])


def test_no_receipt_stands_where_a_list_goes_on(d: Desk, numbers: Numbers) -> None:
    """A receipt is the objector's only key: the lists that have it page by an id from which it does not follow."""
    receipt = objected(d, numbers)
    d.settle()
    [row] = [o for o in d.call("list_public_objections") if o["receipt"] == receipt]
    assert next(iter(row.items())) == ("objection_id", objection_id(receipt))
    waits = [w for w in d.call("list_waiting", worklist="public_objection") if w["key"] == row["objection_id"]]
    assert len(waits) == 1
    assert receipt not in str(waits)
