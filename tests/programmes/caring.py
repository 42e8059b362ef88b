"""Persons in care for the tests of care: in 特困 or certified, placed, entrusted, visited; and the news of a death, taken back or not."""

from __future__ import annotations

from typing import Any

from tests.desk import Desk
from tests.programmes.introduced import register_institution
from tests.programmes.people import Numbers, grant, home, single

TOWN = "330225101"
NUMBERS = Numbers()
HOME_CARE = {"programme": "extreme_hardship_home_care", "division": TOWN, "responsible": "carer:1", "agreement_no": "ZL-1"}
HOME_CARE |= {"provider": "org:p"}
WISH = {"programme": "extreme_hardship_central_placement", "division": TOWN, "document_no": "YY-1"}
SPECIAL = {"programme": "extreme_hardship_mental_care", "division": TOWN, "mode": "integrated", "plan": "每日服药看护"}
GOOD = [{"code": code, "in_order": True} for code in ("agreement", "carer", "records", "standard", "supervision")]


def today(d: Desk) -> str:
    return d.now.date().isoformat()


def record(d: Desk, of: str, record_id: str) -> Any:
    return d.call("get_record", "auditor", shape=of, record_id=record_id)


def row(d: Desk, record_id: str, programme: str) -> dict[str, Any]:
    d.project()
    [found] = [r for r in d.call("list_records", "auditor", programme=programme, limit=500) if r["record_id"] == record_id]
    return dict(found)


def supported(d: Desk) -> tuple[str, str]:
    """Somebody in 特困 whose support has begun, and the case."""
    who = single(d, NUMBERS, "19450101", TOWN, area="rural")
    d.call("record_finding", person_id=who, found_on=today(d), lost_acts=[], able_supporter=False, able_to_work=False)
    support = grant(d, "extreme_hardship_support", person_id=who)
    d.later(31)
    d.settle()
    return who, support


def disabled(d: Desk, grade: int = 1, kind: str = "physical") -> tuple[str, Any]:
    """A certified member of a household in 低保."""
    made = home(d, NUMBERS, {"born": "19700101"}, {"born": "19720101"})
    d.call("record_certificate", person_id=made.members[1], grade=grade, kind=kind, effective_from="2020-01-01")
    grant(d, "minimum_living_allowance", household_id=made.household_id)
    d.later(31)
    d.settle()
    return made.members[1], made


def dies(d: Desk, who: str, day: str, number: int = 1) -> None:
    d.tell("registry", "after_death_opened", person_id=who, died_on=day, division=TOWN, round=number, steps=["household"])
    d.settle()


def lives(d: Desk, who: str) -> None:
    d.tell("registry", "after_death_annulled", person_id=who, division=TOWN, round=1, steps=["household"])
    d.settle()


def placed(d: Desk, who: str, institution: str) -> str:
    register_institution(d.services["assistance"].office, institution)
    wish = str(d.call("record_placement_wish", **WISH, subject_id=who)["id"])
    d.project()
    d.call("offer_place", "reviewer", record_id=wish, institution_id=institution)
    d.call("take_offered_place", record_id=wish)
    d.call("place_in_institution", record_id=wish, moved_on=today(d))
    d.settle()
    return wish


def places(d: Desk, institution: str) -> str:
    body = {"programme": "entrusted_care_for_low_income_disabled", "division": TOWN, "subject_id": institution, "places": 5}
    return str(d.call("open_care_places", "approver", **body)["id"])


def residents(d: Desk, record_id: str) -> list[str]:
    return [r["person_id"] for r in record(d, "care_places", record_id)["residents"]]


def visited(d: Desk, order: str) -> None:
    d.call("check_in_service", record_id=order)
    d.call("check_out_service", record_id=order)
    d.call("confirm_service", "reviewer", record_id=order, proof="签字")
