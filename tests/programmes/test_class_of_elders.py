"""The class of somebody on elder care's roster: told when he enrols, and when it moves behind another member's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.eldercare import elder
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Home, Numbers, grant, home

LIVING, SUPPORT = "minimum_living_allowance", "extreme_hardship_support"
OLD = "19400101"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Both services at one desk."""
    with desk(tmp_path_factory.mktemp("classes"), "assistance", "eldercare") as made:
        yield made


def enrol(d: Desk, who: str) -> None:
    """On the roster, by his number as assistance has it."""
    [number] = [
        m.resident_id
        for r in d.services["assistance"].office.history(f"assistance.household-{of[who].household_id}")
        for m in getattr(r.event, "members", ())
        if m.person_id == who
    ]
    assert d.call("enrol_elder", service="eldercare", resident_id=number, name="某老人", division=TOWN)["id"] == who
    d.settle()


of: dict[str, Home] = {}


def family(d: Desk, numbers: Numbers) -> Home:
    """An old couple."""
    made = home(d, numbers, {"born": OLD}, {"born": "19420101"})
    of.update(dict.fromkeys(made.members, made))
    return made


def class_of(d: Desk, who: str, month: str) -> str:
    """As elder care knows it."""
    state: elder.Elder = d.services["eldercare"].office.load(elder.DECIDER, who).state
    return elder.class_in(state, month)


def test_who_enrols_after_he_was_determined_has_his_class_at_once(d: Desk, numbers: Numbers) -> None:
    """No clerk looks it up; of a household without a class there is nothing to tell."""
    d.on("2023-07-03")
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    poor = family(d, numbers)
    d.on("2023-09-05")
    enrol(d, made.members[0])
    enrol(d, poor.members[0])
    assert class_of(d, made.members[0], "2023-09") == "minimum_living"
    assert class_of(d, made.members[0], "2023-08") == ""
    assert class_of(d, poor.members[0], "2023-09") == ""


def test_the_end_of_the_households_class_behind_a_members_own_is_told(d: Desk, numbers: Numbers) -> None:
    """The husband is 特困, so the household's class does not move when its 低保 ends; the wife's does."""
    d.on("2023-07-03")
    made = family(d, numbers)
    husband, wife = made.members
    enrol(d, wife)
    grant(d, LIVING, household_id=made.household_id)
    d.call("record_finding", person_id=husband, found_on="2023-07-10", able_supporter=False, able_to_work=False)
    grant(d, SUPPORT, person_id=husband)
    assert class_of(d, wife, "2023-09") == "minimum_living"
    d.on("2023-10-10")
    earned = {"monthly_income_fen": 900_000, "effective_from": "2023-10-09"}
    d.call("record_income", household_id=made.household_id, person_id=wife, **earned)
    d.settle()
    assert d.call("class_on", "auditor", person_id=husband, day="2023-11-01")["hardship_class"] == "extreme_hardship"
    assert (class_of(d, wife, "2023-10"), class_of(d, wife, "2023-11")) == ("minimum_living", "")
