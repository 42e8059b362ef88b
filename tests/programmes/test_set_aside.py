"""What follows when an end is set aside (停发决定纠正): what the case excludes yields, what rested on its class comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.benefits import CASES
from shared.casework import benefit_case as bc
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, case, grant, home

LIVING, EXPENDITURE = "minimum_living_allowance", "expenditure_based_hardship"


@pytest.fixture
def numbers() -> Numbers:
    """A series for the desk of one test."""
    return Numbers()


@pytest.fixture
def d(tmp_path: Any) -> Iterator[Desk]:
    """A desk of its own: the days of these tests are not those of each other."""
    with desk(tmp_path, "assistance") as made:
        yield made


def stands(d: Desk, case_id: str) -> bc.Case:
    state: bc.Case = d.services["assistance"].office.load(CASES, case_id).state
    return state


def earns(d: Desk, made: Home, fen: int, day: str) -> None:
    """The head's income from a day on."""
    who = made.members[0]
    d.call("record_income", household_id=made.household_id, person_id=who, monthly_income_fen=fen, effective_from=day)
    d.settle()


def upheld(d: Desk, case_id: str) -> None:
    """An appeal against the newest decision, upheld by a hand that took no part."""
    number = case(d, case_id)["decisions"][-1]["number"]
    d.call("file_appeal", case_id=case_id, decision=number, reason="误登")
    d.call("assign_appeal", "approver", case_id=case_id, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=case_id, outcome="upheld", reason="误登")
    d.settle()


def test_a_case_that_runs_again_ends_what_it_excludes(d: Desk, numbers: Numbers) -> None:
    """低保 ended by a wrong income, 支出型 granted in its place; the end is set aside: no month is due twice."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 120000}, {"born": "19820101", "monthly_income_fen": 120000})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-08-05")
    earns(d, made, 150000, "2023-08-04")
    assert stands(d, living).status == "ended"
    spent: dict[str, Any] = {"spending_id": "D-1", "kind": "medical", "spent_on": "2023-06-20", "self_borne_fen": 9_000_000}
    d.call("record_spending", person_id=made.members[1], **spent)
    d.settle()
    other = grant(d, EXPENDITURE, household_id=made.household_id)
    d.on("2023-09-10")
    earns(d, made, 120000, "2023-08-04")
    number = next(x["number"] for x in case(d, living)["decisions"] if x["kind"] == "ended")
    assert number == case(d, living)["decisions"][-1]["number"]
    upheld(d, living)
    assert (stands(d, living).status, stands(d, other).status) == ("in_force", "ended")
    assert [(stands(d, living).due(m) > 0, stands(d, other).due(m)) for m in ("2023-09", "2023-10")] == [(True, 0), (True, 0)]
