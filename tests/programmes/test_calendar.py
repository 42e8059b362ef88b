"""Months in which something begins or ends by itself: what is known of a month to come, and what the calendar alone changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.assistance.benefits import CASES
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, apply, case, decide, due, grant, home

LIVING, MARGIN = "minimum_living_allowance", "minimum_living_margin_household"
DISABLED = "disabled_living_subsidy"


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    """Assistance with nothing in it, on 2023-07-03."""
    with desk(tmp_path, "assistance") as made:
        made.on("2023-07-03")
        yield made


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


def earns(d: Desk, made: Home, fen: int, day: str) -> None:
    """The head's income, which counts from the month after ``day``."""
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=fen, effective_from=day)
    d.settle()


def stands(d: Desk, case_id: str) -> Any:
    return d.services["assistance"].office.load(CASES, case_id).state


# -- known of a month to come


def test_a_subsidy_granted_after_its_class_was_ended_for_next_month_ends_with_it(d: Desk, numbers: Numbers) -> None:
    """The household's facts, and the determination made of them, are looked at as far ahead as they are known, whosever the case is."""
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"})
    living = grant(d, LIVING, household_id=made.household_id)
    d.call("record_certificate", person_id=made.members[1], grade=2, kind="physical", effective_from="2020-01-01")
    d.on("2023-09-10")
    earns(d, made, 900000, "2023-09-05")
    assert case(d, living)["ended_from"] == "2023-10"
    d.on("2023-09-20")
    subsidy = apply(d, DISABLED, person_id=made.members[1])
    assert decide(d, subsidy)["first_month"] == "2023-09"
    assert due(d, subsidy, "2023-09") > 0
    assert (stands(d, subsidy).status, stands(d, subsidy).ended_from, due(d, subsidy, "2023-10")) == ("ended", "2023-10", 0)


def test_an_end_set_aside_on_appeal_looks_as_far_ahead_as_facts_are_known(d: Desk, numbers: Numbers) -> None:
    """A raise that counts only from next month is not lost because the appeal is answered before it."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-05")
    earns(d, made, 900000, "2023-08-20")
    ended = case(d, living)
    assert (ended["status"], ended["ended_from"]) == ("ended", "2023-09")
    earns(d, made, 20000, "2023-08-20")
    earns(d, made, 900000, "2023-09-04")
    d.call("file_appeal", case_id=living, decision=ended["decisions"][-1]["number"], reason="误登")
    d.call("assign_appeal", "approver", case_id=living, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=living, outcome="upheld", reason="误登")
    d.settle()
    assert due(d, living, "2023-09") > 0
    assert (stands(d, living).ended_from, due(d, living, "2023-10")) == ("2023-10", 0)


@pytest.mark.parametrize("granted_first", [True, False])
def test_a_determination_ends_in_the_month_from_which_the_rules_say_no(d: Desk, numbers: Numbers, granted_first: bool) -> None:
    """Nothing is paid in it, so no amount tells the months apart: it holds until the month whose facts end it."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 130000})
    margin = (grant if granted_first else apply)(d, MARGIN, household_id=made.household_id)
    if granted_first:
        d.on("2023-09-10")
        d.call("change_household", household_id=made.household_id, from_month="2023-10", reason="property", evidence="行驶证", vehicles=1)
        earns(d, made, 131000, "2023-07-20")  # from August, and of no consequence
    else:
        earns(d, made, 900000, "2023-09-04")
        decide(d, margin)
    s = stands(d, margin)
    assert (s.status, s.first_month, s.ended_from) == ("ended", "2023-08", "2023-10")
    unit = d.call("get_determination", "auditor", unit_id=made.household_id)
    assert [(c["hardship_class"], c["valid_from"]) for c in unit["chain"]] == [("margin", "2023-08"), ("", "2023-10")]
