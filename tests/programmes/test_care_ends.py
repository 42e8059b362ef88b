"""Care ends with what it rests on (a death, a move, 特困, a class), and goes on when that end was none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.assistance import person
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.caring import (
    GOOD,
    HOME_CARE,
    NUMBERS,
    TOWN,
    WISH,
    dies,
    disabled,
    lives,
    placed,
    places,
    record,
    residents,
    row,
    supported,
    today,
    visited,
)
from tests.programmes.people import case, grant, home, knows


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has persons of its own."""
    with desk(tmp_path_factory.mktemp("ends"), "assistance") as made:
        yield made


def test_visits_to_the_dead_are_not_paid(d: Desk) -> None:
    """A82: of three visits one was before the death that is told later: 6,000 fen, and the order is over."""
    d.on("2024-08-01")
    who, _ = disabled(d)
    body = {"programme": "severe_disability_hardship_care", "division": TOWN, "service_class": "home_care", "plan": "翻身"}
    order = d.call("order_service", **body, subject_id=who)["id"]
    d.call("assign_service", "reviewer", record_id=order, provider="org:p")
    visited(d, order)
    died = today(d)
    for _ in range(2):
        d.later(2)
        visited(d, order)
    d.later(3)
    dies(d, who, died)
    with pytest.raises(Refused, match="已停止"):
        d.call("check_in_service", record_id=order)
    d.call("settle_service", "cashier", record_id=order)
    over = record(d, "service_order", order)
    assert (over["status"], over["settled_fen"]) == ("completed", 6_000)


def test_who_was_entrusted_leaves_with_his_death_and_has_one_place(d: Desk) -> None:
    """A19: a second institution refuses him while he lives in the first or asks it; a request of the dead is answered."""
    d.on("2024-08-01")
    first, second = places(d, "org:one"), places(d, "org:two")
    (who, _), (asker, _) = disabled(d), disabled(d)
    asked = {"person_id": who, "care_class": "minimum_living_allowance"}
    command = d.call("request_entrusted_care", record_id=first, **asked, command_id="ask-1")
    assert d.call("request_entrusted_care", record_id=first, **asked, command_id="ask-1")["repeated"]
    assert command["events"] == ["assistance.entrusted_care_requested"]
    with pytest.raises(Refused, match="另一机构"):
        d.call("request_entrusted_care", record_id=second, **asked)
    d.call("admit_to_entrusted_care", "reviewer", record_id=first, person_id=who)
    d.call("request_entrusted_care", record_id=second, person_id=asker, care_class="minimum_living_allowance")
    d.settle()
    assert [d.services["assistance"].open_beside(one) for one in (who, asker)] == [1, 1], "who is looked after is not erased"
    d.later(4)
    for one in (who, asker):
        dies(d, one, today(d))
    assert d.services["assistance"].open_beside(who) == 0
    assert residents(d, first) == []
    assert record(d, "care_places", second)["requests"] == []
    [left] = [r.event for r in d.services["assistance"].office.history(f"assistance.care_places-{first}")][-1:]
    assert (left.person_id, left.left_on.isoformat()) == (who, today(d))


def test_who_dies_on_the_day_of_moving_in_does_not_live_there_for_ever(d: Desk) -> None:
    """A14: also where the death was before it; the bed is free."""
    d.on("2024-08-01")
    house = places(d, "org:day")
    for days in (0, 3):
        who, _ = supported(d)
        wish = placed(d, who, "org:day")
        died = today(d)
        d.later(0)
        dies(d, who, died if not days else f"{today(d)[:8]}01")
        assert record(d, "placement_wish", wish)["status"] == "left"
        assert who not in residents(d, house)


def test_a_death_whose_day_is_corrected_moves_the_end_of_stay_and_visits(d: Desk) -> None:
    """Later, then earlier: on each day he lived there as the last word says."""
    d.on("2024-08-01")
    who, _ = supported(d)
    wish = placed(d, who, "org:corrected")
    moved = d.now.date()
    plan = d.call("open_visit_plan", programme="hardship_visit", division=TOWN, subject_id=who, responsible="staff:lin")["id"]
    d.later(40)
    for number, days in enumerate((20, 30, 10), 1):
        died = moved + timedelta(days=days)
        dies(d, who, died.isoformat(), number)
        stay, stretch = record(d, "placement_wish", wish)["stays"][-1], record(d, "visit_plan", plan)["stretches"][-1]
        assert (stay["last"], stretch["last"]) == (died - timedelta(days=1), died)
    settled = d.services["assistance"].office.log.head()
    dies(d, who, died.isoformat(), 4)
    told = [r for r in d.services["assistance"].office.history(f"assistance.placement_wish-{wish}") if r.position > settled]
    assert told == [], "the same day once more"


def test_a_plan_of_the_dead_is_not_late(d: Desk) -> None:
    """A15: told forty days after, the plan closes with the day of death: the one visit that was due was made."""
    d.on("2024-08-01")
    who, _ = supported(d)
    begun = today(d)
    plan = d.call("open_visit_plan", **HOME_CARE, subject_id=who)["id"]
    d.later(5)
    d.call("record_visit", record_id=plan, visited_on=today(d), checks=GOOD)
    d.later(2)
    died = today(d)
    d.later(40)
    d.settle()
    assert row(d, plan, HOME_CARE["programme"])["worklist"] == "visit_overdue"
    dies(d, who, died)
    state = record(d, "visit_plan", plan)
    assert (state["status"], state["stretches"][-1]["last"].isoformat()) == ("closed", died)
    covered = d.call("visit_coverage", "auditor", programme=HOME_CARE["programme"], first=begun, last=today(d))
    [town] = [t for t in covered if t["town"] == TOWN]
    assert (town["due"], town["done"]) == (1, 1)


def test_a_household_of_which_nobody_lives_is_not_visited(d: Desk) -> None:
    """A34: with the last of them; and it goes on when that death was none."""
    d.on("2024-08-01")
    made = home(d, NUMBERS, {"born": "19500101"}, {"born": "19520101"})
    body = {"programme": "regular_support_for_low_income", "division": TOWN, "subject_id": made.household_id}
    plan = d.call("open_visit_plan", **body, responsible="staff:chen", measures=["助学"])["id"]
    dies(d, made.members[0], "2024-08-01")
    assert record(d, "visit_plan", plan)["status"] == "open"
    d.later(10)
    dies(d, made.members[1], today(d))
    assert record(d, "visit_plan", plan)["status"] == "closed"
    lives(d, made.members[1])
    assert record(d, "visit_plan", plan)["status"] == "open"


def test_a_death_that_was_none_leaves_care_as_it_was(d: Desk) -> None:
    """Stay, priority bed, visits, list: what his file says, his placement and his institution say alike."""
    d.on("2024-08-01")
    house = places(d, "org:back")
    who, support = supported(d)
    wish = placed(d, who, "org:back")
    visits = d.call("open_visit_plan", programme="hardship_visit", division=TOWN, subject_id=who, responsible="staff:lin")["id"]
    entry = d.call("enlist", programme="poverty_relapse_screening", division=TOWN, subject_id=who, reason="key_person")["id"]
    d.later(10)
    dies(d, who, today(d))
    assert (record(d, "list_entry", entry)["status"], residents(d, house)) == ("delisted", [])
    d.later(3)
    lives(d, who)
    stands = {
        "case": case(d, support)["status"],
        "wish": record(d, "placement_wish", wish)["status"],
        "visits": record(d, "visit_plan", visits)["status"],
        "entry": record(d, "list_entry", entry)["status"],
        "bed": residents(d, house),
        "file": person.facts_in(knows(d, who), today(d)[:7]).placement,
    }
    assert stands == {"case": "in_force", "wish": "placed", "visits": "open", "entry": "enlisted", "bed": [who], "file": "central"}


def test_who_moves_into_an_institution_is_not_looked_after_at_home(d: Desk) -> None:
    """A15: the plan ends with the day of moving in and is late no more; a new one is refused while he lives there."""
    d.on("2024-08-01")
    who, _ = supported(d)
    plan = d.call("open_visit_plan", **HOME_CARE, subject_id=who)["id"]
    d.later(2)
    placed(d, who, "org:moved")
    moved = today(d)
    d.later(60)
    d.settle()
    state = record(d, "visit_plan", plan)
    assert (state["status"], state["stretches"][-1]["last"].isoformat(), state["told_until"]) == ("closed", moved, None)
    with pytest.raises(Refused, match="集中供养"):
        d.call("open_visit_plan", **HOME_CARE, subject_id=who)


def test_what_rests_on_support_ends_with_it_and_goes_on_when_the_end_is_set_aside(d: Desk) -> None:
    """The supporter turned out able: visits end, the wish is withdrawn; an appeal sets the end aside: the visits go on."""
    d.on("2024-08-01")
    who, support = supported(d)
    plan = d.call("open_visit_plan", **HOME_CARE, subject_id=who)["id"]
    wish = d.call("record_placement_wish", **WISH, subject_id=who)["id"]
    d.call("record_finding", person_id=who, found_on=today(d), able_supporter=True)
    d.settle()
    assert case(d, support)["status"] == "ended"
    assert (record(d, "visit_plan", plan)["status"], record(d, "placement_wish", wish)["status"]) == ("closed", "withdrawn")
    d.later(3)
    d.call("record_finding", person_id=who, found_on=today(d), able_supporter=False)
    d.call("file_appeal", case_id=support, decision=case(d, support)["decisions"][-1]["number"], reason="无力赡养")
    d.call("assign_appeal", "approver", case_id=support, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=support, outcome="upheld", reason="核实有误")
    d.settle()
    assert case(d, support)["status"] == "in_force"
    assert record(d, "visit_plan", plan)["status"] == "open"
    assert record(d, "placement_wish", wish)["status"] == "withdrawn", "a wish is said anew"


def test_places_registered_after_somebody_moved_in_are_not_all_free(d: Desk) -> None:
    """A19: whoever lives there by his placement has one of them; who has left has none."""
    d.on("2024-08-01")
    (stays, _), (left, _) = supported(d), supported(d)
    for who in (stays, left):
        wish = placed(d, who, "org:before")
    d.later(2)
    d.call("leave_institution", record_id=wish, moved_on=today(d), reason="随亲属生活")
    d.settle()
    house = places(d, "org:before")
    d.settle()
    assert residents(d, house) == [stays]


def test_an_order_whose_ground_has_gone_is_looked_at_within_days(d: Desk) -> None:
    """A82: the certificate ran out, or the class ended: not at the review of next year; what still stands is left alone."""
    d.on("2024-08-01")
    body = {"programme": "severe_disability_hardship_care", "division": TOWN, "service_class": "home_care", "plan": "翻身"}
    (certified, _), (poor, made), (still, _) = disabled(d), disabled(d), disabled(d)
    d.call("record_certificate", person_id=certified, grade=1, kind="physical", effective_from=today(d), valid_until="2025-03-15")
    orders = {who: d.call("order_service", **body, subject_id=who)["id"] for who in (certified, poor, still)}
    income = {"household_id": made.household_id, "person_id": made.members[0], "monthly_income_fen": 2_000_000}
    d.call("record_income", **income, effective_from="2025-02-10")
    d.settle()
    d.on("2025-06-20")
    d.settle()

    def review(who: str) -> str:
        [due] = [x for x in record(d, "service_order", orders[who])["deadlines"] if x["due"] == "review"]
        return str(due["on"])

    told = [e.event for e in d.services["assistance"].office.history(f"assistance.service_order-{orders[certified]}")]
    assert [e.reason for e in told if type(e).__name__ == "ServiceReviewCalled"] == ["该人员没有有效的重度残疾人证。"]
    assert review(certified) < "2025-07-01"
    assert review(poor) < "2025-07-01"
    assert review(still) > "2025-08-01"
    for who in (certified, poor):
        d.call("assign_service", "reviewer", record_id=orders[who], provider="org:p")
    d.on("2025-07-10")
    d.settle()
    assert row(d, orders[certified], body["programme"])["worklist"] == "service_review"


def test_who_is_entrusted_by_a_class_that_ended_is_looked_at_and_goes_on_by_another_fee(d: Desk) -> None:
    """A19: free as 低保; the household is margin now: 600 yuan a month, once somebody has said so; a class that is not his is refused."""
    d.on("2024-08-01")
    house = places(d, "org:class")
    who, made = disabled(d)
    d.call("request_entrusted_care", record_id=house, person_id=who, care_class="minimum_living_allowance")
    d.call("admit_to_entrusted_care", "reviewer", record_id=house, person_id=who)
    income = {"household_id": made.household_id, "monthly_income_fen": 140_000}
    for member in made.members:
        d.call("record_income", **income, person_id=member, effective_from=today(d))
    d.settle()
    d.later(250)
    d.settle()
    state = record(d, "care_places", house)
    assert [(r["lost"], r["told"]) for r in state["residents"]] == [("与该人员本月的困难类别认定不一致。", True)]
    assert row(d, house, "entrusted_care_for_low_income_disabled")["worklist"] == "care_ground_lost"
    ask = {"record_id": house, "person_id": who}
    with pytest.raises(Refused) as refused:
        d.call("reclassify_care_resident", "reviewer", **ask, care_class="low_income")
    assert refused.value.field == "care_class", "nothing is determined yet"
    grant(d, "minimum_living_margin_household", household_id=made.household_id)
    d.later(31)
    d.settle()
    d.call("reclassify_care_resident", "reviewer", **ask, care_class="low_income")
    last = d.services["assistance"].office.history(f"assistance.care_places-{house}")[-1].event
    assert (last.fee_rule, last.fee_fen) == ("low", 60_000)
    assert row(d, house, "entrusted_care_for_low_income_disabled")["worklist"] == "care_places_in_use"
