"""What the page of a record is made of: the acts that are possible now, the steps so far, what waits where, whoever is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import people

ALLOWANCE = "minimum_living_allowance"
NEXT_TOWN = "330225102"


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path, "assistance", "registry") as made:
        yield made


def acts(d: Desk, category: str, key: str, role: str = "clerk", actor: str = "") -> dict[str, str]:
    """What is offered to a hand, with what stands in its way."""
    rows = d.call("get_acts", role, actor=actor, category=category, key=key)["acts"]
    return {row["act"]: "not permitted" if not row["permitted"] else row["refused"] for row in rows}


def test_a_case_offers_what_its_step_allows_and_says_what_another_hand_must_do(d: Desk) -> None:
    """From the application to the confirmation: each time the next act, by whose hand, and why not by this one."""
    home = people.home(d, people.Numbers(), {"monthly_income_fen": 0})
    case = d.call("apply", programme=ALLOWANCE, household_id=home.household_id)["id"]
    offered = acts(d, "case", case)
    assert offered["accept_application"] == ""
    assert d.call("get_acts", category="case", key=case)["stands"]["worklist"] == "accept"
    assert not {"record_survey", "propose", "confirm", "suspend_case", "file_appeal"} & offered.keys()
    d.call("accept_application", case_id=case)
    people.check_means(d, case)
    assert acts(d, "case", case)["record_survey"] == ""
    d.call("record_survey", case_id=case, finding="属实")
    assert acts(d, "case", case)["propose"] == "not permitted"
    assert acts(d, "case", case, "reviewer", "staff:clerk")["propose"] == "same_hand"
    assert acts(d, "case", case, "reviewer")["propose"] == ""
    d.call("propose", "reviewer", case_id=case)
    assert acts(d, "case", case, "approver")["confirm"] == "not_yet_due"
    d.later(9)
    assert acts(d, "case", case, "approver", "staff:reviewer")["confirm"] == "same_hand"
    assert acts(d, "case", case, "approver")["confirm"] == ""


def test_a_records_steps_say_what_was_done_by_whom_and_nothing_of_a_person(d: Desk) -> None:
    """Each event with its Chinese title, hand and time; a name or number of a member is in none."""
    number = resident_id("19500101", 7)
    member = {"resident_id": number, "name": "欧阳测试", "relation": "户主"}
    made = d.call("register_household", household_no="页1", division=people.TOWN, area="urban", members=[member])
    steps = d.call("get_steps", category="household", key=made["id"])
    assert [(s["step"], s["title"], s["by"]) for s in steps] == [("household_registered", "家庭登记", "staff:clerk")]
    assert "欧阳测试" not in str(steps)
    assert number not in str(steps)


def test_what_waits_is_listed_with_the_most_urgent_first_and_page_by_page(d: Desk) -> None:
    """Cases and records of the same desk in one order by their day; the next page goes on behind the last row."""
    numbers = people.Numbers()
    for n in range(3):
        home = people.home(d, numbers, {"monthly_income_fen": 0}, town=people.TOWN if n else NEXT_TOWN)
        d.call("apply", programme=ALLOWANCE, household_id=home.household_id)
        d.later(1)
    d.settle()
    rows = d.call("list_waiting", worklist="accept")
    assert [row["list"] for row in rows] == ["benefit_cases"] * 3
    assert [row["due_on"] for row in rows] == sorted(row["due_on"] for row in rows)
    first = d.call("list_waiting", worklist="accept", limit=2)
    assert first + d.call("list_waiting", worklist="accept", limit=2, after=first[-1]["place"]) == rows
    assert [row["division"] for row in d.call("list_waiting", worklist="accept", town=NEXT_TOWN)] == [NEXT_TOWN]
    assert d.call("list_waiting", at="330226") == []
    counts = [(row["waiting"], row["late"], row["soon"]) for row in d.call("list_worklists") if row["worklist"] == "accept"]
    assert tuple(map(sum, zip(*counts, strict=True))) == (3, 0, 1)  # the first within two working days
    d.on(rows[1]["due_on"])  # the first is over its day by then, or due on the same one
    counts = [(row["waiting"], row["late"], row["soon"]) for row in d.call("list_worklists") if row["worklist"] == "accept"]
    late = sum(row["due_on"] < rows[1]["due_on"] for row in rows)
    assert tuple(map(sum, zip(*counts, strict=True))) == (3, late, 3 - late)
    assert d.call("list_waiting", worklist="accept", town=NEXT_TOWN, at=people.TOWN) == []


def test_a_person_is_found_by_the_resident_id_within_the_hands_division(d: Desk) -> None:
    """His household, its case and his own registrations by their ids; a hand of elsewhere finds nothing; a wrong number is refused."""
    number = resident_id("19800101", 9)
    member = {"resident_id": number, "name": "测试", "relation": "户主"}
    home = d.call("register_household", household_no="页2", division=people.TOWN, area="urban", members=[member])["id"]
    case = d.call("apply", programme=ALLOWANCE, household_id=home)["id"]
    d.settle()
    found = d.call("find_person", resident_id=number)
    assert {("household", home), ("case", case)} <= {(row["category"], row["key"]) for row in found}
    assert number not in str(found)
    assert d.call("find_person", at="330226", resident_id=number) == []
    with pytest.raises(Refused) as caught:
        d.call("find_person", resident_id="110101199001010000")
    assert caught.value.field == "resident_id"


def test_nobody_sees_acts_or_steps_of_another_districts_record(d: Desk) -> None:
    """The division of the record counts here as everywhere; what is not there is said to be not there."""
    home = people.home(d, people.Numbers(), {"monthly_income_fen": 0})
    for method in ("get_acts", "get_steps"):
        with pytest.raises(Refused) as caught:
            d.call(method, at="330226", category="household", key=home.household_id)
        assert caught.value.code == "wrong_division"
        with pytest.raises(Refused) as caught:
            d.call(method, category="household", key="0" * 32)
        assert caught.value.code == "not_found"
        with pytest.raises(Refused) as caught:
            d.call(method, category="payroll", key=home.household_id)
        assert caught.value.code == "invalid_input"
