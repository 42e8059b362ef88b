"""What follows when an end is set aside (停发决定纠正): what the case excludes yields, what rested on its class comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.benefits import CASES
from services.assistance.price_linkage import subsidy_subject
from shared.casework import benefit_case as bc
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, case, case_of, grant, home, pay

LIVING, EXPENDITURE = "minimum_living_allowance", "expenditure_based_hardship"
SUBSIDY, PRICE = "disabled_living_subsidy", "price_linked_temporary_subsidy"


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


def drawn_in_its_place(d: Desk, numbers: Numbers, spent_fen: int) -> tuple[Home, str, str]:
    """低保 wrongly ended from September, and 支出型 paid for that month in its place."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 120000}, {"born": "19820101", "monthly_income_fen": 120000})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-08-05")
    earns(d, made, 150000, "2023-08-04")
    spent: dict[str, Any] = {"spending_id": "D-1", "kind": "medical", "spent_on": "2023-06-20", "self_borne_fen": spent_fen}
    d.call("record_spending", person_id=made.members[1], **spent)
    d.settle()
    other = grant(d, EXPENDITURE, household_id=made.household_id)
    d.on("2023-09-08")
    pay(d, EXPENDITURE, "2023-09")
    assert stands(d, other).paid["2023-09"] > 0
    return made, living, other


def test_who_drew_the_higher_one_by_our_mistake_keeps_it(d: Desk, numbers: Numbers) -> None:
    """Of what was paid in its place no more is claimed than the months are due after all: the household has the higher of the two."""
    made, living, other = drawn_in_its_place(d, numbers, 9_000_000)
    had = stands(d, other).paid["2023-09"]
    d.on("2023-09-10")
    earns(d, made, 120000, "2023-08-04")
    upheld(d, living)
    due = stands(d, living).due("2023-09")
    assert 0 < due < had, "the one in its place was higher"
    [claim] = d.call("list_recoveries", "auditor", case_id=other)
    assert (claim["amount_fen"], claim["left_fen"], claim["status"]) == (had, due, "open")
    pay(d, LIVING, "2023-09")
    got = had + stands(d, living).paid["2023-09"] - claim["left_fen"]
    assert got == had == max(had, due)
    d.settle()
    assert d.call("list_recoveries", "auditor", case_id=other) == [claim]


def test_what_ended_meanwhile_is_not_paid_beside_what_runs_again(d: Desk, numbers: Numbers) -> None:
    """支出型 in the place of 低保 was over before the appeal was answered: its month is claimed as if it ran still, never due twice."""
    made, living, other = drawn_in_its_place(d, numbers, 9_000_000)
    d.on("2023-09-10")
    earns(d, made, 900_000, "2023-09-09")
    assert (stands(d, other).status, stands(d, other).ended_from) == ("ended", "2023-10")
    earns(d, made, 120000, "2023-08-04")
    earns(d, made, 120000, "2023-09-09")
    upheld(d, living)
    assert (stands(d, other).due("2023-09"), stands(d, other).ended_from) == (0, "2023-09")
    assert stands(d, living).due("2023-09") > 0
    [claim] = d.call("list_recoveries", "auditor", case_id=other)
    assert claim["left_fen"] == stands(d, living).due("2023-09")


def price_of_august(d: Desk, unit_id: str) -> str:
    """The price subsidy of August, triggered by one hand, confirmed by another and paid; the case of the unit."""
    d.on("2023-09-18")
    index = {"month": "2023-08", "cpi_bp": 360, "food_bp": 100, "document_no": "象发改〔2023〕1号", "published_on": "2023-09-15"}
    d.call("trigger_price_linkage", "reviewer", **index)
    d.call("confirm_price_linkage", "approver", month="2023-08")
    d.settle()
    case_id = case_of(PRICE, subsidy_subject(unit_id, "2023-08"))
    pay(d, PRICE, "2023-08", "330225")
    return case_id


def test_the_price_subsidy_follows_members_who_had_left(d: Desk, numbers: Numbers) -> None:
    """One of two had moved out before the month: his share is claimed, though the household's class stays."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"})
    grant(d, LIVING, household_id=made.household_id)
    price = price_of_august(d, made.household_id)
    paid = stands(d, price).paid["2023-08"]
    d.on("2023-09-25")
    left = {"from_month": "2023-08", "reason": "moved_out", "evidence": "户籍迁移证明", "left": [made.members[1]]}
    d.call("change_household", household_id=made.household_id, **left)
    d.settle()
    assert paid == 2 * stands(d, price).due("2023-08")
    assert sum(r["amount_fen"] for r in d.call("list_recoveries", "auditor", case_id=price)) == paid // 2


def test_the_price_subsidy_comes_back_with_the_class(d: Desk, numbers: Numbers) -> None:
    """低保 wrongly ended takes the subsidy with it, and gives it back: the claim is met, and nothing is to be paid twice."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000})
    living = grant(d, LIVING, household_id=made.household_id)
    price = price_of_august(d, made.household_id)
    paid = stands(d, price).paid["2023-08"]
    d.on("2023-09-20")
    earns(d, made, 900000, "2023-07-10")
    assert (stands(d, price).status, dict(stands(d, price).claimed)) == ("ended", {"2023-08": paid})
    d.on("2023-09-25")
    earns(d, made, 20000, "2023-07-10")
    upheld(d, living)
    assert (stands(d, price).due("2023-08"), dict(stands(d, price).claimed), stands(d, price).arrears_fen) == (paid, {}, 0)
    assert stands(d, price).status == "closed", "it was paid"
    assert [r["status"] for r in d.call("list_recoveries", "auditor", case_id=price)] == ["settled"], "met by the decision"


def with_a_subsidy(d: Desk, numbers: Numbers) -> tuple[Home, str, str, int]:
    """低保 of a household, and the living subsidy of a disabled member that rests on its class, paid for August."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"})
    who = made.members[1]
    living = grant(d, LIVING, household_id=made.household_id)
    d.call("record_certificate", person_id=who, grade=2, kind="physical", effective_from="2020-01-01")
    d.settle()
    d.on("2023-08-03")
    subsidy = grant(d, SUBSIDY, person_id=who)
    d.on("2023-08-20")
    pay(d, SUBSIDY, "2023-08")
    return made, living, subsidy, stands(d, subsidy).paid["2023-08"]


def test_a_subsidy_that_ended_with_the_class_comes_back_with_it(d: Desk, numbers: Numbers) -> None:
    """困难残疾人生活补贴 ended ahead because 低保 did, by a wrong income: the appeal that gives the one back gives the other back too."""
    made, living, subsidy, paid = with_a_subsidy(d, numbers)
    d.on("2023-09-05")
    earns(d, made, 900000, "2023-09-02")
    assert (stands(d, subsidy).status, stands(d, subsidy).ended_from) == ("ended", "2023-10")
    earns(d, made, 20000, "2023-09-02")
    assert stands(d, subsidy).status == "ended", "nothing was taken back: a fact alone revives neither"
    d.on("2023-10-05")
    upheld(d, living)
    assert stands(d, subsidy).status == "in_force"
    assert [stands(d, subsidy).due(m) for m in ("2023-09", "2023-10")] == [paid, paid]


def test_a_class_that_was_taken_back_by_a_late_income_comes_back_with_the_right_one(d: Desk, numbers: Numbers) -> None:
    """Both had ended from August, told in September, by a wrong income: corrected, both run again, and what was claimed is met."""
    made, _, subsidy, paid = with_a_subsidy(d, numbers)
    d.on("2023-09-05")
    earns(d, made, 900000, "2023-07-10")
    assert (stands(d, subsidy).status, dict(stands(d, subsidy).claimed)) == ("ended", {"2023-08": paid})
    earns(d, made, 20000, "2023-07-10")
    assert (stands(d, subsidy).status, dict(stands(d, subsidy).claimed)) == ("in_force", {})
    assert (stands(d, subsidy).due("2023-09"), stands(d, subsidy).arrears_fen) == (paid, 0)
    assert [r["status"] for r in d.call("list_recoveries", "auditor", case_id=subsidy)] == ["settled"]
