"""A19: who is refused entrusted care may appeal; upheld, another hand decides the request once more. Through the doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import care_appeals
from shared.domain import dates
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.caring import dies, disabled, places, record, residents, row, today

CODE = "entrusted_care_for_low_income_disabled"


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has persons and a house of its own."""
    with desk(tmp_path_factory.mktemp("appeals"), "assistance") as made:
        yield made.on("2024-08-01")


def refused(d: Desk, institution: str) -> tuple[str, dict[str, Any]]:
    """A house, and (record, person) of somebody whom it refused."""
    house = places(d, institution)
    who, _ = disabled(d)
    his = {"record_id": house, "person_id": who}
    d.call("request_entrusted_care", **his, care_class="minimum_living_allowance")
    d.call("refuse_entrusted_care", "reviewer", **his, reason="传染病未愈")
    return house, his


def test_an_appeal_that_is_upheld_leads_to_a_place_by_another_hand(d: Desk) -> None:
    """It stands in its list with its day, is told late once, is upheld by a hand without part in it; who refused cannot decide again."""
    house, his = refused(d, "org:upheld")
    with pytest.raises(Refused) as none:
        d.call("answer_entrusted_care_appeal", "approver", **his, outcome="upheld", reason="已治愈")
    assert none.value.code == "out_of_order"
    d.call("file_entrusted_care_appeal", **his, reason="已治愈，有医院证明")
    by = dates.add_working_days(d.now.date(), 20)
    waiting = row(d, house, CODE)
    assert (waiting["worklist"], waiting["due"], waiting["due_on"]) == ("care_appeal", "appeal", by.isoformat())
    d.on(dates.add_working_days(by, 1).isoformat()).settle()
    d.later(3)
    d.settle()
    history = [r.event for r in d.services["assistance"].office.history(f"assistance.care_places-{house}")]
    assert [e.due_on for e in history if isinstance(e, care_appeals.EntrustedCareAppealOverdue)] == [by]
    late = row(d, house, CODE)
    assert (late["worklist"], late["due_on"]) == ("care_appeal", by.isoformat())
    d.call("answer_entrusted_care_appeal", "approver", **his, outcome="upheld", reason="已治愈")
    assert row(d, house, CODE)["worklist"] == "care_request"
    with pytest.raises(Refused) as same:
        d.call("admit_to_entrusted_care", "reviewer", **his)
    assert same.value.code == "same_hand"
    d.call("admit_to_entrusted_care", "reviewer", actor="staff:other", **his)
    assert residents(d, house) == [his["person_id"]]
    assert record(d, "care_places", house)["refusals"] == []


def test_an_appeal_ties_the_person_to_one_institution_and_ends_with_his_death(d: Desk) -> None:
    """While it is open he asks nowhere else; withdrawn he may; under way elsewhere it is not filed; his death ends it."""
    _, his = refused(d, "org:tied")
    other = {"record_id": places(d, "org:elsewhere"), "person_id": his["person_id"], "care_class": "minimum_living_allowance"}
    d.call("file_entrusted_care_appeal", **his, reason="已治愈")
    for elsewhere in (other, {**other, "record_id": his["record_id"]}):
        with pytest.raises(Refused):
            d.call("request_entrusted_care", **elsewhere)
    d.call("withdraw_entrusted_care_appeal", **his, reason="改去他院")
    d.call("request_entrusted_care", **other)
    with pytest.raises(Refused, match="另一机构"):
        d.call("file_entrusted_care_appeal", **his, reason="仍申请")
    d.call("refuse_entrusted_care", "reviewer", record_id=other["record_id"], person_id=his["person_id"], reason="无床位")
    d.call("file_entrusted_care_appeal", **his, reason="仍申请")
    dies(d, his["person_id"], today(d))
    [of] = [r for r in record(d, "care_places", his["record_id"])["refusals"] if r["person_id"] == his["person_id"]]
    assert of["appeal"] is None
    assert row(d, his["record_id"], CODE)["worklist"] == "care_places_in_use"
