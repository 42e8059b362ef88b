"""Care, day by day: grades, wishes, places, visits and certificates, and what follows from one for the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from services.assistance import person
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.introduced import register_institution
from tests.programmes.people import Numbers, case, due, grant, home, pay, single

TOWN = "330225100"
ACTS = ("eat", "dress", "bed", "toilet", "walk", "bathe")


NUMBERS = Numbers()


def somebody(house: Desk, town: str = TOWN) -> str:
    """A person of the register, of whom no test knows yet."""
    return single(house, NUMBERS, "19450101", town, area="rural")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has persons of its own."""
    with desk(tmp_path_factory.mktemp("care"), "assistance") as made:
        yield made


def supported(house: Desk, town: str = TOWN) -> str:
    """Somebody in 特困, from the month after this one on."""
    who = somebody(house, town)
    day = house.now.date().isoformat()
    house.call("record_finding", person_id=who, found_on=day, lost_acts=[], able_supporter=False, able_to_work=False)
    grant(house, "extreme_hardship_support", person_id=who)
    return who


def graded(house: Desk, who: str, lost: int) -> str:
    asked = house.call("request_assessment", programme="extreme_hardship_self_care_assessment", division=TOWN, subject_id=who)
    scores = [{"item": act, "points": int(n < lost)} for n, act in enumerate(ACTS)]
    house.call("submit_assessment", record_id=asked["id"], scores=scores)
    house.call("submit_second_assessment", "reviewer", record_id=asked["id"], scores=scores)
    return str(asked["id"])


def placed(house: Desk, who: str, institution: str, day: str, town: str = TOWN) -> str:
    wish = house.call(
        "record_placement_wish", programme="extreme_hardship_central_placement", division=town, subject_id=who, document_no="YY-1"
    )
    register_institution(house.services["assistance"].office, institution)
    house.project()
    house.call("offer_place", "reviewer", record_id=wish["id"], institution_id=institution)
    house.call("take_offered_place", record_id=wish["id"])
    house.call("place_in_institution", record_id=wish["id"], moved_on=day)
    return str(wish["id"])


def record(house: Desk, shape: str, record_id: str, **more: Any) -> Any:
    return house.call("get_record", "auditor", shape=shape, record_id=record_id, **more)


def test_the_share_of_those_in_institutions_follows_from_support_self_care_and_stays(house: Desk) -> None:
    """Of those in 特困 who cannot look after themselves on a day: how many live in an institution that day, and who does not."""
    who = [supported(house.on("2023-07-03"), "330225108") for _ in range(4)]
    house.on("2023-08-07")
    stranger = somebody(house, "330225108")
    for dependent, lost in zip((*who[:3], stranger), (0, 2, 5, 6), strict=True):
        graded(house, dependent, lost)
    house.call("record_finding", person_id=who[3], found_on="2023-08-07", lost_acts=["eat", "dress", "bed", "walk"])  # by a survey
    house.on("2023-08-10")
    wish = placed(house, who[2], "org:share", "2023-08-10", "330225108")
    house.settle()

    def share(**on: str) -> dict[str, Any]:
        found: dict[str, Any] = house.call("central_placement_share", "auditor", at="330225108", **on)
        return found

    assert (share()["due"], share()["done"], share()["percent"]) == (3, 1, 33.3), "who is not in 特困 does not count"
    assert share()["outside"] == sorted([who[1], who[3]])
    assert share(day="2023-08-09")["done"] == 0
    assert share(day="2023-07-31")["due"] == 0, "their support begins in August"
    house.on("2023-08-20")
    house.call("leave_institution", record_id=wish, moved_on="2023-08-20", reason="随亲属生活")
    house.settle()
    assert share()["done"] == 0
    assert share(day="2023-08-19")["done"] == 1


def test_a_grade_that_expired_is_not_read(house: Desk) -> None:
    """The day after it ends the timer says so, and no consumer finds a valid grade."""
    house.on("2023-07-03")
    assessment = graded(house, somebody(house), 5)
    assert record(house, "assessment", assessment, valid_at="2024-07-01")["valid"]["grade"] == "none"
    house.on("2024-07-02").settle()
    shown = record(house, "assessment", assessment, valid_at="2024-07-02")
    assert (shown["status"], shown["valid"]) == ("expired", None)


def low_income(house: Desk) -> str:
    """A certified person of a household of the margin class."""
    made = home(house, NUMBERS, {"born": "19700101", "monthly_income_fen": 130_000}, {"born": "19720101", "monthly_income_fen": 130_000})
    house.call("record_certificate", person_id=made.members[1], grade=3, kind="physical", effective_from="2020-01-01")
    grant(house, "minimum_living_margin_household", household_id=made.household_id)
    house.later(31)
    house.settle()
    return made.members[1]


def test_who_moves_in_takes_a_place_before_the_entrusted(house: Desk) -> None:
    """特困优先: the last free place goes to whoever is placed, and is free again when they leave; the request says what it rests on."""
    house.on("2023-08-01")
    disabled, who = low_income(house), supported(house)
    body = {"programme": "entrusted_care_for_low_income_disabled", "division": TOWN, "subject_id": "org:small", "places": 2}
    places = house.call("open_care_places", "approver", **body)["id"]
    wish = placed(house, who, "org:small", house.now.date().isoformat())
    house.settle()
    assert [r["care_class"] for r in record(house, "care_places", places)["residents"]] == ["extreme_hardship"]
    house.call("request_entrusted_care", record_id=places, person_id=disabled, care_class="low_income")
    asked = house.services["assistance"].office.history(f"assistance.care_places-{places}")[-1].event
    assert asked.basis.endswith("在册（困难类别：低保边缘；残疾人证：肢体三级）")
    with pytest.raises(Refused) as refused:
        house.call("admit_to_entrusted_care", "reviewer", record_id=places, person_id=disabled)
    assert refused.value.code == "out_of_order"
    house.later(9)
    house.call("leave_institution", record_id=wish, moved_on=house.now.date().isoformat(), reason="随亲属生活")
    house.settle()
    house.call("admit_to_entrusted_care", "reviewer", record_id=places, person_id=disabled)
    assert [r["care_class"] for r in record(house, "care_places", places)["residents"]] == ["low_income"]


def test_the_care_component_follows_the_grade_and_the_place(house: Desk) -> None:
    """The assessors' sheet is what the rules decide on: nobody types it over; moving in makes the support central."""
    house.on("2024-08-01")
    who = somebody(house, "330225101")
    house.call("record_finding", person_id=who, found_on="2024-07-30", able_supporter=False, able_to_work=False)
    graded(house, who, 0)
    house.settle()
    support = grant(house, "extreme_hardship_support", person_id=who)
    first = case(house, support)["first_month"]
    basic = due(house, support, first)
    house.on("2024-10-08")
    graded(house, who, 5)
    house.settle()
    assert due(house, support, "2024-09") == basic
    assert due(house, support, "2024-10") > basic
    placed(house, who, "org:any", "2024-10-08", "330225101")
    house.settle()
    found = house.services["assistance"].office.load(person.DECIDER, who).state.findings[-1]
    assert found.placement == "central"


def test_a_wish_without_an_offer_waits_in_the_list_of_exceptions(house: Desk) -> None:
    """愿进未进 is seen: after twenty working days the wish stands there, until a place is offered."""
    house.on("2023-08-01")
    who = somebody(house)
    house.call("apply", programme="extreme_hardship_support", person_id=who)  # the wish is part of it
    body = {"programme": "extreme_hardship_central_placement", "division": TOWN, "subject_id": who, "document_no": "YY-2"}
    wish = house.call("record_placement_wish", **body)["id"]
    house.on("2023-08-29").settle()
    assert record(house, "placement_wish", wish)["overdue"] is False
    house.on("2023-08-30").settle()
    waiting = house.call("list_records", "auditor", worklist="placement_exception", limit=500)
    assert wish in [row["record_id"] for row in waiting]
    register_institution(house.services["assistance"].office, "org:late")
    house.project()
    house.call("offer_place", "reviewer", record_id=wish, institution_id="org:late")
    house.project()
    assert wish not in [r["record_id"] for r in house.call("list_records", "auditor", worklist="placement_exception", limit=500)]


def test_a_missed_visit_is_told_and_counted_and_a_finding_becomes_a_clue(house: Desk) -> None:
    """Coverage by town follows from the windows; what a visit finds is a clue with a day to be answered by."""
    house.on("2023-09-01")
    plan = house.call(
        "open_visit_plan", programme="hardship_visit", division="330225103", subject_id="c1" * 16, responsible="staff:lin", provider="org:w"
    )["id"]
    house.on("2023-09-20")
    house.call("record_visit", record_id=plan, visited_on="2023-09-20", mode="online", findings=["gravely_ill", "lonely"])
    house.settle()
    clues = house.call("list_records", "auditor", programme="proactive_discovery", subject_id="c1" * 16)
    assert [(c["status"], c["division"]) for c in clues] == [("reported", "330225103")]
    house.settle()
    assert len(house.call("list_records", "auditor", programme="proactive_discovery", subject_id="c1" * 16)) == 1
    house.on("2023-10-31").settle()
    assert record(house, "visit_plan", plan)["told_until"] == date(2023, 10, 30)
    [town] = [
        t
        for t in house.call("visit_coverage", "auditor", programme="hardship_visit", first="2023-09-01", last="2023-10-31")
        if t["town"] == "330225103"
    ]
    assert (town["plans"], town["commissioned"], town["due"], town["done"], town["percent"]) == (1, 1, 2, 1, 50.0)
    with pytest.raises(Refused):
        house.call("visit_coverage", "auditor", programme="hardship_visit", first="2023-09-01", last="2023-11-01")


def test_a_certificate_is_verified_by_its_number(house: Desk) -> None:
    """Genuine and standing, genuine but overtaken by a change, or no number at all."""
    house.on("2023-11-01")
    entries = {"agent": "staff:wang", "principal": "d1" * 16, "authorisation_no": "SQ-9", "matter": "temporary_assistance", "step": "apply"}
    filed = house.call(
        "file_record",
        programme="full_process_proxy_application",
        division=TOWN,
        subject_id="d1" * 16,
        reference="temporary_assistance",
        entries=[{"code": k, "value": v} for k, v in entries.items()],
    )["id"]
    house.call("check_record", "reviewer", record_id=filed)
    house.call("register_record", "approver", record_id=filed)
    house.call("certify_record", "approver", record_id=filed)
    number = record(house, "record", filed)["certificate"]
    said = {"genuine": True, "stands": True, "programme": "full_process_proxy_application"}
    assert house.call("verify_certificate", "auditor", number=number.lower()) == said
    assert house.call("verify_certificate", "auditor", number=number, day="2023-10-31")["stands"] is False
    house.call("change_record", record_id=filed, entries=[{"code": "step", "value": "submit"}], reason="已提交")
    assert house.call("verify_certificate", "auditor", number=number) == said | {"stands": False}
    other = number[:-1] + ("0" if number[-1] != "0" else "1")
    assert house.call("verify_certificate", "auditor", number=other) == {"genuine": False, "stands": False}
    house.on("2024-04-29").settle()
    assert record(house, "record", filed)["status"] == "expired"


def test_after_a_death_nobody_is_visited_any_more(house: Desk) -> None:
    """Plan, grade, place and order end with the person; what was rendered and is not settled waits for the cashier."""
    house.on("2024-10-07")
    who = supported(house)
    house.on("2024-11-04")
    assessment = graded(house, who, 5)
    wish = placed(house, who, "org:last", "2024-11-04")
    plan = house.call("open_visit_plan", programme="hardship_visit", division=TOWN, subject_id=who, responsible="staff:lin")["id"]
    orders = {}
    for kind in ("psychological_comfort", "social_inclusion"):
        body = {"programme": "service_type_assistance", "division": TOWN, "subject_id": who, "service_class": kind}
        orders[kind] = house.call("order_service", **body)["id"]
    rendered = orders["psychological_comfort"]
    house.call("assign_service", "reviewer", record_id=rendered, provider="org:sw")
    house.call("check_in_service", record_id=rendered)
    house.call("check_out_service", record_id=rendered)
    house.call("confirm_service", "reviewer", record_id=rendered, proof="签字")
    house.settle()
    house.on("2024-11-11")
    house.tell("registry", "after_death_opened", person_id=who, died_on="2024-11-10", division=TOWN, round=1, steps=["household"])
    house.settle()
    stands = {
        "assessment": record(house, "assessment", assessment)["status"],
        "wish": record(house, "placement_wish", wish)["status"],
        "plan": record(house, "visit_plan", plan)["status"],
        "ordered": record(house, "service_order", orders["social_inclusion"])["status"],
        "rendered": record(house, "service_order", rendered)["status"],
    }
    assert stands == {"assessment": "ended", "wish": "left", "plan": "closed", "ordered": "cancelled", "rendered": "assigned"}
    assert record(house, "placement_wish", wish, valid_at="2024-11-09")["valid"] is True
    assert record(house, "placement_wish", wish, valid_at="2024-11-10")["valid"] is False
    with pytest.raises(Refused, match="已停止"):
        house.call("check_in_service", record_id=rendered)
    house.call("settle_service", "cashier", record_id=rendered)
    ended = record(house, "service_order", rendered)
    assert (ended["status"], ended["settled_fen"]) == ("completed", 10_000), "with the last that was owed it ends by itself"


def test_needs_are_matched_with_services_only_by_a_valid_grade(house: Desk) -> None:
    """What the form shows leads to what can be ordered or referred to; without a grade in force nothing is offered."""
    house.on("2025-01-06")
    unit = "e1" * 16
    asked = house.call("request_assessment", programme="comprehensive_assistance_assessment", division=TOWN, subject_id=unit)["id"]
    with pytest.raises(Refused) as refused:
        house.call("matched_services", "auditor", subject_id=unit)
    assert refused.value.code == "not_found"
    points = {"income": 3, "care": 2, "health": 0, "housing": 3, "education": 0, "employment": 0, "psychological": 1}
    house.call("submit_assessment", record_id=asked, scores=[{"item": k, "points": v} for k, v in points.items()])
    found = {m["need"]: m for m in house.call("matched_services", "auditor", subject_id=unit)}
    assert list(found) == ["income_support", "care", "home_environment"]
    assert found["care"]["services"] == [{"programme": "service_type_assistance", "service_class": "care"}]
    assert found["home_environment"]["referrals"] == ["home_environment_improvement"]
    with pytest.raises(Refused):
        house.call("matched_services", "auditor", subject_id=unit, day="2026-01-06")


def test_a_statement_lists_what_was_paid_and_rendered(house: Desk) -> None:
    """幸福清单: each programme with its months and its sum, and the services; months outside it do not count."""
    house.on("2025-02-10")
    who = somebody(house, "330225105")
    house.call("record_finding", person_id=who, found_on="2025-02-01", able_supporter=False, able_to_work=False, lost_acts=[])
    support = grant(house, "extreme_hardship_support", person_id=who)
    months = ("2025-03", "2025-04")
    for month in months:
        house.on(f"{month}-20")
        pay(house, "extreme_hardship_support", month, "330225105")
    house.call("open_visit_plan", programme="hardship_visit", division="330225105", subject_id=who, responsible="staff:lin")
    house.settle()
    monthly = due(house, support, "2025-03")
    statement = house.call("benefit_statement", "auditor", subject_id=who, first="2025-03", last="2025-04")
    assert statement["benefits"] == [{"programme": "extreme_hardship_support", "months": 2, "fen": 2 * monthly}]
    assert statement["total_fen"] == 2 * monthly > 0
    assert [s["programme"] for s in statement["services"]] == ["hardship_visit"]
    assert house.call("benefit_statement", "auditor", subject_id=who, first="2025-04", last="2025-04")["total_fen"] == monthly
    with pytest.raises(Refused, match="wrong_division"):
        house.call("benefit_statement", "auditor", at="330226", subject_id=who, first="2025-03", last="2025-04")
    with pytest.raises(Refused):
        house.call("benefit_statement", "auditor", subject_id=who, first="2025-05", last="2025-04")


def test_every_dispersed_person_of_the_register_is_on_the_list_before_the_campaign_begins(house: Desk) -> None:
    """分散供养排查: who lives in an institution is not on it, nobody is left out by hand or by a draw."""
    town = "330225107"
    house.on("2024-08-01")
    at_home, other, inside = (somebody(house, town) for _ in range(3))
    for who in (at_home, other, inside):
        house.call("record_finding", person_id=who, found_on="2024-07-30", lost_acts=[], able_supporter=False, able_to_work=False)
        grant(house, "extreme_hardship_support", person_id=who)
    day = house.now.date().isoformat()
    house.call("record_finding", person_id=inside, found_on=day, placement="central")
    house.settle()
    opening = {"title": "分散供养排查", "scope": "全部分散供养", "period_from": day, "check_by": "2024-12-31"}
    campaign = house.call(
        "open_campaign", "reviewer", programme="dispersed_support_special_inspection", division=town, **opening
    )["id"]
    house.call("list_campaign_objects", "reviewer", record_id=campaign, objects=[at_home])
    house.project()
    with pytest.raises(Refused, match="还有1名"):
        house.call("start_campaign", "reviewer", record_id=campaign)
    source = {"source": "开奖号码", "issue": "第1期", "issue_on": "2024-12-01", "look_up": "投注站", "draw_on": "2024-12-01"}
    with pytest.raises(Refused, match="逐人检查"):
        house.call("freeze_campaign_list", "reviewer", record_id=campaign, count=1, **source)
    house.call("list_campaign_cases", "reviewer", record_id=campaign)
    house.project()
    house.call("start_campaign", "reviewer", record_id=campaign)
    assert set(record(house, "inspection", campaign)["objects"]) == {at_home, other}
    for who in (at_home, other):
        house.call("record_check", record_id=campaign, object_id=who, result="pass")
    house.project()
    house.call("close_campaign", "approver", record_id=campaign, summary="排查2人")


def test_care_of_the_severely_disabled_asks_for_class_and_certificate(house: Desk) -> None:
    """困难重度残疾人照护: without the month's class, or with a light grade, the order is refused with its field."""
    house.on("2025-03-03")
    made = home(house, NUMBERS, {"born": "19700101"}, {"born": "19720101"})
    who = made.members[1]
    order = {
        "programme": "severe_disability_hardship_care", "division": "330225101", "subject_id": who, "service_class": "home_care",
        "entitlement": 8, "need": "评估", "plan": "每周两次",
    }  # fmt: skip
    with pytest.raises(Refused, match="困难类别认定"):
        house.call("order_service", **order)
    grant(house, "minimum_living_allowance", household_id=made.household_id)
    house.later(31)
    house.settle()
    house.call("record_certificate", person_id=who, grade=3, kind="physical", effective_from="2025-01-01")
    house.settle()
    with pytest.raises(Refused, match="重度残疾人证") as refused:
        house.call("order_service", **order)
    assert refused.value.field == "subject_id"
    house.call("record_certificate", person_id=who, grade=2, kind="physical", effective_from="2025-02-01")
    house.settle()
    assert record(house, "service_order", house.call("order_service", **order)["id"])["status"] == "ordered"


def test_entrusted_care_is_asked_for_in_the_class_that_was_determined(house: Desk) -> None:
    """托养: another class than the month's, or no certificate, is refused with its field; as determined it is taken in."""
    house.on("2025-03-03")
    body = {"programme": "entrusted_care_for_low_income_disabled", "division": "330225101", "subject_id": "org:claimed", "places": 3}
    places = house.call("open_care_places", "approver", **body)["id"]
    made = home(house, NUMBERS, {"born": "19700101"}, {"born": "19720101"})
    who = made.members[1]
    grant(house, "minimum_living_allowance", household_id=made.household_id)
    house.later(31)
    house.settle()
    asked = {"record_id": places, "person_id": who, "basis": "低保证0312"}
    with pytest.raises(Refused) as refused:
        house.call("request_entrusted_care", care_class="low_income", **asked)
    assert refused.value.field == "care_class"
    with pytest.raises(Refused, match="残疾人证"):
        house.call("request_entrusted_care", care_class="minimum_living_allowance", **asked)
    house.call("record_certificate", person_id=who, grade=3, kind="physical", effective_from="2025-01-01")
    house.settle()
    house.call("request_entrusted_care", care_class="minimum_living_allowance", **asked)
    assert [r["person_id"] for r in record(house, "care_places", places)["requests"]] == [who]
