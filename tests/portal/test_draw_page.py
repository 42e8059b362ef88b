"""A draw by lot laid open to an auditor: the whole list with what is behind each pseudonym, and the register it was of."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.portal.web.portal import Portal
from shared.casework.draw_proof import against
from shared.casework.inspection import CampaignListFrozen
from shared.clock import SHANGHAI
from tests.desk import DIVISION
from tests.portal.test_damaged import House, _looks, _sit, house
from tests.programmes.people import Numbers, grant, home

__all__ = ["house"]
SEED = "公开摇号第77期 09 12 31"


def granted(house: House, number: int) -> None:
    """One more household on 低保."""
    numbers = Numbers()
    numbers.next = number
    lived = home(house.d, numbers, {"born": "19700101", "monthly_income_fen": 20_000})
    grant(house.d, "minimum_living_allowance", household_id=lived.household_id)


def frozen(house: House, change: Callable[[list[str]], list[str]] = lambda cases: cases) -> str:
    """A look at the cases of the district, its list frozen and drawn from by two hands; ``change``: what was listed of the register."""
    d = house.d
    for number in range(5):
        granted(house, 100 + number)
    d.settle()
    opening = {"title": "低保个案抽查", "scope": "在册", "check_by": "2023-12-31", "division": DIVISION}
    opening["period_from"] = d.now.date().isoformat()
    record = str(d.call("open_campaign", "reviewer", programme="assistance_special_governance", **opening)["id"])
    cases = [row["case_id"] for row in d.call("list_cases", "auditor", programme="minimum_living_allowance", limit=500)]
    d.call("list_campaign_objects", "reviewer", record_id=record, objects=change(cases))
    tomorrow = (d.now.date() + timedelta(days=1)).isoformat()
    source = {"source": "公开摇号", "issue": "第77期", "issue_on": tomorrow, "look_up": "市公证处网站", "draw_on": tomorrow}
    d.call("freeze_campaign_list", "reviewer", record_id=record, count=2, **source)
    d.later(1)
    d.call("record_campaign_seed", record_id=record, seed=SEED)
    d.call("start_campaign", "reviewer", record_id=record, count=2, seed=SEED)
    d.settle()
    return record


@pytest.fixture
def through_the_desk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page asks of a service goes through that service's real door, without the broker between."""

    def call(_self: Portal, _token: str | None, service: str, method: str, /, *, correlation_id: str = "", **fields: Any) -> Any:
        why = {"purpose": fields.pop("purpose")}
        answer = house.d.call(method, "auditor", service=service, why=why, **fields)
        return json.loads(json.dumps(answer, default=str))

    monkeypatch.setattr(Portal, "call", call)


@pytest.mark.usefixtures("through_the_desk")
def test_the_whole_list_and_its_register_are_on_a_page(house: House) -> None:
    """Every object with its pseudonym, those drawn, list, salt and two hands as they should be; nothing missing of the register; the
    look is an event; the same as a table."""
    record = frozen(house)
    looks = _looks(house)
    _sit(house, "staff:audit-5", DIVISION)
    status, text = house.get(f"/audit/draw/assistance/{record}")
    assert status == 200
    opened = house.d.call("get_draw", "auditor", record_id=record)
    assert len(opened["entries"]) == 6
    for case, pseudonym, _ in opened["entries"]:
        assert (case in text, pseudonym in text) == (True, True)
    assert (text.count(">抽中<"), text.count('tag bad">不符'), ">两人<" in text, SEED in text) == (2, 0, True, True)
    assert "封存之时在册 6 件，名单 6 件：在册而不在名单上 0 件，在名单上而当时不在册 0 件" in text
    assert _looks(house) >= looks + 1
    salt = next(r.event.salt for r in house.d.offices["assistance"].history(f"assistance.inspection-{record}")
                if isinstance(r.event, CampaignListFrozen))  # fmt: skip
    assert salt not in text
    assert f"/audit/draw/assistance/{record}" in house.get(f"/audit/stream/assistance.inspection-{record}")[1]
    rows = list(csv.reader(io.StringIO(house.get(f"/audit/draw/assistance/{record}?format=csv")[1].lstrip("\ufeff"))))
    assert [(row[1], row[2], row[3] == "抽中") for row in rows[1:]] == [tuple(entry) for entry in opened["entries"]]


@pytest.mark.usefixtures("through_the_desk")
def test_who_was_left_off_the_list_or_put_on_it_is_named(house: House) -> None:
    """By the register as it stood when the list was frozen: a case that was granted since is not missing."""
    record = frozen(house, lambda cases: [*cases[1:], "no-such-case"])
    left_off = set(house.d.call("get_draw_register", "auditor", record_id=record)["missing"])
    granted(house, 200)
    house.d.settle()
    status, text = house.get(f"/audit/draw/assistance/{record}")
    assert (status, "在册而不在名单上 1 件，在名单上而当时不在册 1 件" in text) == (200, True)
    assert len(left_off) == 1
    assert left_off <= set(text.replace("<", ">").split(">"))


def test_what_is_no_draw_is_said_so(house: House) -> None:
    """Nothing frozen, nothing of that number, and nobody who may not audit."""
    assert house.get("/audit/draw/assistance/00000000-0000-4000-8000-000000000000")[0] == 404
    assert house.get("/audit/draw/nobody/x")[0] == 404


def test_a_list_is_held_against_its_register() -> None:
    """Both ways; the same list differs in nothing."""
    moment = datetime(2023, 7, 3, tzinfo=SHANGHAI)
    held = against(["a", "b"], ["b", "c", "d"], moment)
    assert (held.registered, held.missing, held.beyond) == (3, ("c", "d"), ("a",))
    assert against(["a"], ["a"], moment).missing == against(["a"], ["a"], moment).beyond == ()
