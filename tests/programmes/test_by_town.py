"""Long lists narrowed to a part of the hand's own jurisdiction (按乡镇、村筛选), so that a district's list can be had in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id

PLACES = ("330225101", "330225101001", "330225102")
LISTS = [
    ("assistance", "list_households", "household_id"),
    ("assistance", "list_persons", "person_id"),
    ("assistance", "list_cases", "case_id"),
    ("assistance", "list_records", "record_id"),
    ("eldercare", "list_elders", "person_id"),
]


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """In two towns, and in a village of the first: a household with a case, a person, a record and an elder."""
    with desk(tmp_path_factory.mktemp("towns"), "assistance", "eldercare") as made:
        made.on("2023-07-03")
        for n, place in enumerate(PLACES):
            member = {"resident_id": resident_id("19800101", 10 + n), "name": "某人", "relation": "户主"}
            home = made.call("register_household", household_no=f"T{n}", division=place, area="rural", members=[member])["id"]
            made.call("apply", programme="minimum_living_allowance", household_id=home)
            made.call("register_person", resident_id=resident_id("19500101", 20 + n), name="某人", division=place)
            made.call("enrol_elder", service="eldercare", resident_id=resident_id("19400101", 30 + n), name="某老人", division=place)
            clue = {"programme": "proactive_discovery", "source": "hotline", "kind": "illness", "what": f"突发大病{n}", "place": "某街道"}
            made.call("report_clue", division=place, **clue)
        made.project()
        yield made


@pytest.mark.parametrize(("service", "method", "key"), LISTS, ids=[method for _, method, _ in LISTS])
@pytest.mark.parametrize("day", [None, "2023-07-03"], ids=["now", "on a day"])
def test_a_list_of_a_town_has_its_villages_and_nobody_elses(d: Desk, service: str, method: str, key: str, day: str | None) -> None:
    """The parts make the whole, page by page too; the code's long spelling is the same town."""
    more: dict[str, Any] = {"valid_at": day} if day else {}

    def listed(**asked: Any) -> list[str]:
        rows = d.call(method, "auditor", service=service, **more, **asked)
        assert all(row["division"].startswith(asked.get("division", "330225").removesuffix("000")) for row in rows)
        return [row[key] for row in rows]

    whole = listed()
    first, village, second = (listed(division=place) for place in PLACES)
    assert sorted([*first, *second]) == whole
    assert listed(division="330225101000") == first
    assert listed(division="330225") == whole
    if (method, day) == ("list_cases", "2023-07-03"):  # of a day it has those in force, and these were only applied for
        assert whole == []
        return
    assert set(village) < set(first)
    assert listed(division=PLACES[0], limit=1) == first[:1]
    assert listed(division=PLACES[0], limit=1, after=first[0]) == first[1:2]


@pytest.mark.parametrize(("service", "method", "key"), LISTS, ids=[method for _, method, _ in LISTS])
def test_nobody_narrows_a_list_to_another_jurisdiction(d: Desk, service: str, method: str, key: str) -> None:
    """A town's hand to the next town: refused by the field; a code that is none as well."""
    for place, code in ((PLACES[2], "wrong_division"), ("12", "invalid_input")):
        with pytest.raises(Refused) as refused:
            d.call(method, "auditor", service=service, at=PLACES[0], division=place)
        assert (refused.value.code, refused.value.field) == (code, "division")
