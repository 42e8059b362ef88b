"""Care begins for who is on file and lives, ends with what it rests on (a death, a move, 特困), and goes on when that end was none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import person
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, apply, case, grant, home, knows, single

TOWN = "330225101"
NUMBERS = Numbers()
HOME_CARE = {"programme": "extreme_hardship_home_care", "division": TOWN, "responsible": "carer:1", "agreement_no": "ZL-1"}
HOME_CARE |= {"provider": "org:p"}
WISH = {"programme": "extreme_hardship_central_placement", "division": TOWN, "document_no": "YY-1"}
SPECIAL = {"programme": "extreme_hardship_mental_care", "division": TOWN, "mode": "integrated", "plan": "每日服药看护"}
GOOD = [{"code": code, "in_order": True} for code in ("agreement", "carer", "records", "standard", "supervision")]


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has persons of its own."""
    with desk(tmp_path_factory.mktemp("ends"), "assistance") as made:
        yield made


def today(d: Desk) -> str:
    return d.now.date().isoformat()


def record(d: Desk, shape: str, record_id: str) -> Any:
    return d.call("get_record", "auditor", shape=shape, record_id=record_id)


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
    wish = str(d.call("record_placement_wish", **WISH, subject_id=who)["id"])
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


# -- who is not on file, or has died


def test_nobody_is_cared_for_who_is_in_no_register_of_ours(d: Desk) -> None:
    """A14, A15, A17, A19, A82: by the field that names him; and nobody who is in no hardship that the act is for."""
    d.on("2024-08-01")
    house = places(d, "org:strangers")
    stranger, other = "f" * 32, single(d, NUMBERS, "19500101", TOWN)
    acts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("record_placement_wish", WISH),
        ("open_visit_plan", HOME_CARE),
        ("order_service", {**SPECIAL, "service_class": "mental"}),
        ("order_service", {"programme": "severe_disability_hardship_care", "division": TOWN, "service_class": "home_care", "plan": "x"}),
    )
    for act, body in acts:
        with pytest.raises(Refused) as refused:
            d.call(act, **body, subject_id=stranger)
        assert (refused.value.code, refused.value.field) == ("unknown_person", "subject_id"), act
        with pytest.raises(Refused) as refused:
            d.call(act, **body, subject_id=other)
        assert (refused.value.code, refused.value.field) == ("invalid_input", "subject_id"), act
    for care_class in ("minimum_living_allowance", "low_income", "family_planning_special"):
        with pytest.raises(Refused) as refused:
            d.call("request_entrusted_care", record_id=house, person_id=stranger, care_class=care_class, basis="低保证")
        assert refused.value.code == "unknown_person"
    with pytest.raises(Refused, match="失能"):
        d.call("request_entrusted_care", record_id=house, person_id=other, care_class="family_planning_special", basis="扶助证")


def test_nothing_is_begun_for_somebody_who_has_died(d: Desk) -> None:
    """A visit, an assessment, a wish, an order, a place on a list: also of a member of a household."""
    d.on("2024-08-01")
    made = home(d, NUMBERS, {"born": "19500101"}, {"born": "19520101"})
    who = made.members[1]
    dies(d, who, "2024-07-30")
    body = {"division": TOWN, "subject_id": who}
    acts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("open_visit_plan", {"programme": "hardship_visit", "responsible": "staff:lin"}),
        ("request_assessment", {"programme": "extreme_hardship_self_care_assessment"}),
        ("record_placement_wish", {"programme": "extreme_hardship_central_placement", "document_no": "Y"}),
        ("order_service", {"programme": "service_type_assistance", "service_class": "care"}),
        ("enlist", {"programme": "poverty_relapse_screening", "reason": "key_person"}),
    )
    for act, more in acts:
        with pytest.raises(Refused, match="已死亡"):
            d.call(act, **body, **more)


def test_special_care_rests_on_the_certificate_and_has_a_plan(d: Desk) -> None:
    """A17: the kind of care is the certificate's, and what it rests on is put in."""
    d.on("2024-08-01")
    who, _ = supported(d)
    body = {**SPECIAL, "subject_id": who}
    with pytest.raises(Refused) as refused:
        d.call("order_service", **body, service_class="mental")
    assert refused.value.field == "service_class"
    d.call("record_certificate", person_id=who, grade=2, kind="intellectual", effective_from="2020-01-01")
    d.settle()
    assert {g["gap"] for g in d.call("extreme_hardship_care", "auditor")["gaps"] if g["person_id"] == who} == {"no_plan", "no_special_care"}
    with pytest.raises(Refused):
        d.call("order_service", **body, service_class="mental")
    with pytest.raises(Refused) as refused:
        d.call("order_service", **{**body, "plan": " "}, service_class="intellectual")
    assert refused.value.field == "plan"
    order = d.call("order_service", **body, service_class="intellectual", need="医生建议")["id"]
    [first] = [r.event for r in d.services["assistance"].office.history(f"assistance.service_order-{order}")]
    assert first.need == f"{today(d)[:7]}在册（困难类别：特困；残疾人证：智力二级）；医生建议"
    d.project()
    assert {g["gap"] for g in d.call("extreme_hardship_care", "auditor")["gaps"] if g["person_id"] == who} == {"no_plan"}


# -- A death


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
    d.later(4)
    for one in (who, asker):
        dies(d, one, today(d))
    assert residents(d, first) == []
    assert record(d, "care_places", second)["requests"] == []
    [left] = [r.event for r in d.services["assistance"].office.history(f"assistance.care_places-{first}")][-1:]
    assert (left.person_id, left.left_on.isoformat()) == (who, today(d))


def test_who_is_no_longer_of_the_class_is_not_admitted(d: Desk) -> None:
    """A19: what was so when it was asked for is so when he comes in."""
    d.on("2024-08-01")
    house = places(d, "org:late")
    who, made = disabled(d)
    d.call("request_entrusted_care", record_id=house, person_id=who, care_class="minimum_living_allowance")
    income = {"household_id": made.household_id, "person_id": made.members[0], "monthly_income_fen": 2_000_000}
    d.call("record_income", **income, effective_from=today(d))
    d.settle()
    d.later(250)
    d.settle()
    with pytest.raises(Refused) as refused:
        d.call("admit_to_entrusted_care", "reviewer", record_id=house, person_id=who)
    assert refused.value.field == "care_class"
    d.call("refuse_entrusted_care", "reviewer", record_id=house, person_id=who, reason="已退出低保")


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


# -- A move, the end of 特困


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


# -- A15: who has nobody


def test_the_share_of_third_party_care_is_of_everybody_who_is_dispersed(d: Desk) -> None:
    """A15: three in support at home, one with a commissioned carer, one with a neighbour, one with nobody: 33.3 %, and who lacks what."""
    d.on("2025-01-06")
    before = d.call("extreme_hardship_care", "auditor")
    (served, _), (neighbour, _), (nobody, _) = supported(d), supported(d), supported(d)
    plan = d.call("open_visit_plan", **HOME_CARE, subject_id=served)["id"]
    d.call("open_visit_plan", **{**HOME_CARE, "provider": ""}, subject_id=neighbour)
    d.settle()
    found = d.call("extreme_hardship_care", "auditor")
    assert (found["due"] - before["due"], found["done"] - before["done"]) == (3, 1)
    gaps = {(g["person_id"], g["gap"]) for g in found["gaps"] if g["person_id"] in (served, neighbour, nobody)}
    assert gaps == {(neighbour, "no_provider"), (nobody, "no_plan")}
    d.later(8)
    d.settle()
    lacking = [{"code": k["code"], "in_order": k["code"] != "records"} for k in GOOD]
    assert (served, "visit_missing") in {(g["person_id"], g["gap"]) for g in d.call("extreme_hardship_care", "auditor")["gaps"]}
    d.call("record_visit", record_id=plan, visited_on=today(d), checks=lacking)
    d.settle()
    assert {g["gap"] for g in d.call("extreme_hardship_care", "auditor")["gaps"] if g["person_id"] == served} == {"check_lacking"}
    assert d.call("extreme_hardship_care", "auditor", at="330226")["due"] == 0


# -- A24, A30, A33: what it led to


def test_money_leaves_the_reserve_fund_by_a_first_grant_alone(d: Desk) -> None:
    """A24: by hand it is refused; the matter's own draw is settled by its decision, not before it, and whole."""
    d.on("2023-07-03")
    fund = d.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division=TOWN)["id"]
    d.call("allocate_to_fund", "cashier", record_id=fund, amount=2_000_000, document_no="象民1号")
    made = home(d, NUMBERS, {"born": "19500101"})
    body = {"kind": "emergency", "cause": "accident", "happened_on": "2023-07-02", "division": TOWN, "loss_fen": 500_000}
    d.call("apply_temporary", household_id=made.household_id, **body)
    d.project()
    [matter] = [m for m in d.call("list_temporary", "auditor") if m["subject_id"] == made.household_id]
    of = {"subject_id": made.household_id, "matter_id": matter["matter_id"]}
    d.call("accept_temporary", **of)
    with pytest.raises(Refused, match="先行救助"):
        d.call("draw_from_fund", record_id=fund, case_id=of["matter_id"], amount=100_000, draw_id="hand")
    d.call("grant_first", **of)
    d.project()
    [(draw_id, draw)] = record(d, "fund", fund)["open_draws"].items()
    settle = {"record_id": fund, "draw_id": draw_id, "decision": "决定1号"}
    with pytest.raises(Refused, match="尚未作出正式决定"):
        d.call("settle_fund_draw", "approver", **settle, covered=draw["amount"])
    assert draw["case_id"] == of["matter_id"]


def test_a_result_of_the_screening_names_a_case_of_his(d: Desk) -> None:
    """A30: another's, or none, is refused; his own and his household's are taken."""
    d.on("2023-07-03")
    one, other = home(d, NUMBERS, {"born": "19800101"}), home(d, NUMBERS, {"born": "19800101"})
    mine, theirs = (apply(d, "minimum_living_allowance", household_id=h.household_id) for h in (one, other))
    listed = {"programme": "poverty_relapse_screening", "division": TOWN, "subject_id": one.members[0], "reason": "margin_at_risk"}
    entry = d.call("enlist", **listed)["id"]
    for case_id in (theirs, "case-1", "无此编号"):
        with pytest.raises(Refused) as refused:
            d.call("update_entry", record_id=entry, result="included", case_id=case_id)
        assert refused.value.field == "case_id"
    with pytest.raises(Refused):
        d.call("update_entry", record_id=entry, result="temporary_aid", case_id=mine)
    d.call("update_entry", record_id=entry, result="included", case_id=mine)
    assert record(d, "list_entry", entry)["case_id"] == mine


def test_a_warning_is_resolved_by_an_application_that_is_there_and_does_not_contradict_what_was_found(d: Desk) -> None:
    """A33: who was found not in need has not applied by it; the application it names is his."""
    d.on("2023-07-03")
    made = home(d, NUMBERS, {"born": "19800101"})

    def warned(finding: str) -> str:
        body = {"programme": "monitoring_warning_handling", "division": TOWN, "source": "province", "kind": "收入骤减", "what": "预警"}
        found = str(d.call("report_clue", **body, subject_id=made.members[0])["id"])
        d.call("assign_clue", record_id=found, responsible="staff:clerk")
        d.call("verify_clue", record_id=found, finding=finding)
        return found

    with pytest.raises(Refused) as refused:
        d.call("resolve_clue", "reviewer", record_id=warned("not_in_need"), outcome="apply", opened="case-1")
    assert refused.value.field == "outcome"
    hard = warned("hardship")
    with pytest.raises(Refused) as refused:
        d.call("resolve_clue", "reviewer", record_id=hard, outcome="apply", opened="case-1")
    assert refused.value.field == "opened"
    filed = apply(d, "minimum_living_allowance", household_id=made.household_id)
    d.call("resolve_clue", "reviewer", record_id=hard, outcome="apply", opened=filed)
    assert record(d, "clue", hard)["status"] == "closed"


def test_what_was_told_to_be_late_keeps_its_day_and_comes_first(d: Desk) -> None:
    """A33: warnings that nobody answered are counted as late, from the first day missed on, and stand before what is still in time."""
    town = "330225109"
    d.on("2023-07-03")
    body = {"programme": "monitoring_warning_handling", "division": town, "source": "province", "kind": "收入骤减", "what": "预警"}
    late = d.call("report_clue", **body)["id"]
    d.on("2023-07-10")
    d.settle()
    fresh = d.call("report_clue", **body)["id"]
    d.settle()
    waiting = d.call("list_waiting", "auditor", at=town)
    assert [(w["key"], w["worklist"], w["due"], w["due_on"]) for w in waiting] == [
        (late, "clue_overdue", "assign", "2023-07-05"), (fresh, "clue_assign", "assign", "2023-07-12"),
    ]  # fmt: skip
    counted = {r["worklist"]: (r["waiting"], r["late"], r["first_due"]) for r in d.call("list_worklists", "auditor", at=town)}
    assert counted == {"clue_overdue": (1, 1, "2023-07-05"), "clue_assign": (1, 0, "2023-07-12")}
    d.call("assign_clue", record_id=late, responsible="staff:clerk")
    d.project()
    [row] = [w for w in d.call("list_waiting", "auditor", at=town) if w["key"] == late]
    assert (row["worklist"], row["due_on"]) == ("clue_verify", "2023-07-17"), "what is done is late no more"
    d.on("2023-08-01")
    d.settle()
    [row] = [w for w in d.call("list_waiting", "auditor", at=town) if w["key"] == late]
    assert (row["worklist"], row["due"], row["due_on"]) == ("clue_overdue", "answer", "2023-07-17")


# -- A16: the campaign


def test_a_campaign_says_by_town_how_far_it_is_and_who_died_is_not_said_to_pass(d: Desk) -> None:
    """A16: two towns; one person died, one came into support meanwhile; a rectification nobody looked at is late."""
    d.on("2026-03-02")
    towns = ("330225203", "330225204")
    people = {}
    for town in towns:
        who = single(d, NUMBERS, "19450101", town, area="rural")
        d.call("record_finding", person_id=who, found_on=today(d), lost_acts=[], able_supporter=False, able_to_work=False)
        grant(d, "extreme_hardship_support", person_id=who)
        people[town] = who
    d.later(31)
    d.settle()
    campaigns = {}
    for town in towns:
        opening = {"programme": "dispersed_support_special_inspection", "division": town, "title": "排查", "scope": "全部"}
        made = d.call("open_campaign", "reviewer", **opening, period_from=today(d), check_by="2026-12-31")["id"]
        d.project()
        d.call("list_campaign_cases", "reviewer", record_id=made)
        d.project()
        d.call("start_campaign", "reviewer", record_id=made)
        campaigns[town] = made
    first, second = (campaigns[t] for t in towns)
    d.call("record_check", record_id=first, object_id=people[towns[0]], result="problem", findings=["house_unsafe"])
    d.call("rectify_finding", record_id=first, finding_id="F0001", done="已加固")
    d.project()
    covered = d.call("inspection_coverage", "auditor", record_id=first)
    assert covered["towns"] == [
        {"town": towns[0], "objects": 1, "checked": 1, "open_findings": 1, "to_verify": 1, "percent": 100.0}
    ]
    assert d.call("inspection_coverage", "auditor", record_id=second)["percent"] == 0.0
    with pytest.raises(Refused):
        d.call("inspection_coverage", "auditor", at=towns[1], record_id=first)
    dies(d, people[towns[1]], today(d))
    for result in ("pass", "moved_to_institution"):
        with pytest.raises(Refused, match="已死亡"):
            d.call("record_check", record_id=second, object_id=people[towns[1]], result=result)
    late = single(d, NUMBERS, "19450101", towns[1], area="rural")
    d.call("record_finding", person_id=late, found_on=today(d), lost_acts=[], able_supporter=False, able_to_work=False)
    grant(d, "extreme_hardship_support", person_id=late)
    d.settle()
    d.call("record_check", record_id=second, object_id=people[towns[1]], result="died_before_check")
    d.project()
    with pytest.raises(Refused, match="新增1名"):
        d.call("close_campaign", "approver", record_id=second, summary="排查1人")
    d.call("list_campaign_objects", "reviewer", record_id=second, objects=[late])
    with pytest.raises(Refused, match="没有入住"):
        d.call("record_check", record_id=second, object_id=late, result="moved_to_institution")
    d.call("record_check", record_id=second, object_id=late, result="pass")
    d.project()
    d.call("close_campaign", "approver", record_id=second, summary="排查2人，其中1人检查前死亡")
    d.later(20)
    d.settle()
    found = row(d, first, "dispersed_support_special_inspection")
    assert (found["worklist"], found["due"]) == ("inspection_overdue", "F0001复查")
    d.call("verify_rectification", "reviewer", record_id=first, finding_id="F0001", outcome="accepted")
    assert row(d, first, "dispersed_support_special_inspection")["worklist"] == "inspection_close"


# -- A18: the institutions


def test_an_institution_is_registered_with_who_manages_and_who_runs_it(d: Desk) -> None:
    """A18: a house that the public built is run by somebody chosen in the open; a campaign looks at all that are registered."""
    d.on("2026-03-02")
    town = "330225205"
    private = "public_built_private_run"
    entries = {"name": "敬老院", "managing_body": "district", "operation": private, "operator": "org:run", "places": "80"}
    body = {"programme": "support_institution_register", "division": town}

    def filed(institution: str, **more: str) -> str:
        told = [{"code": code, "value": value} for code, value in (entries | more).items() if value]
        return str(d.call("file_record", **body, subject_id=institution, entries=told)["id"])

    with pytest.raises(Refused, match="公开择优"):
        filed("org:h1")
    first, second = filed("org:h1", selection_no="象采1号"), filed("org:h2", operation="public", operator="")
    for made in (first, second):
        d.call("check_record", "reviewer", record_id=made)
        d.call("register_record", "approver", record_id=made)
    change = [{"code": "operation", "value": private}]
    with pytest.raises(Refused, match="公开择优"):
        d.call("change_record", record_id=second, entries=change, reason="公办民营")
    filed("org:h3", operation="public", operator="")  # not registered yet
    opening = {"programme": "support_institution_governance", "division": town, "title": "专项治理", "scope": "全部机构"}
    campaign = d.call("open_campaign", "reviewer", **opening, period_from=today(d), check_by="2026-12-31")["id"]
    d.project()
    d.call("list_campaign_cases", "reviewer", record_id=campaign)
    assert list(record(d, "inspection", campaign)["objects"]) == ["org:h1", "org:h2"]


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


# -- what an order rests on, where it belongs, and what it may say


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


def test_care_is_kept_in_the_town_in_which_the_person_is_registered(d: Desk) -> None:
    """Another town's window would see him, and its figures count him."""
    d.on("2024-08-01")
    who, _ = supported(d)
    for act, body in (("record_placement_wish", WISH), ("open_visit_plan", HOME_CARE)):
        with pytest.raises(Refused) as refused:
            d.call(act, **{**body, "division": "330225102"}, subject_id=who)
        assert refused.value.field == "division"


def test_no_resident_id_is_written_in_the_clear(d: Desk) -> None:
    """Into what a clue says, or a note at any depth: a record of a shape knows persons by their ids."""
    d.on("2024-08-01")
    number = NUMBERS.resident("19800101")
    clue = {"programme": "proactive_discovery", "division": TOWN, "source": "hotline", "kind": "illness"}
    with pytest.raises(Refused) as refused:
        d.call("report_clue", **clue, what=f"某人（{number}）住院")
    assert (refused.value.code, refused.value.field) == ("invalid_input", "what")
    filed = {"programme": "support_institution_register", "division": TOWN, "subject_id": "org:x"}
    with pytest.raises(Refused) as refused:
        d.call("file_record", **filed, entries=[{"code": "name", "value": f"院长{number}"}])
    assert refused.value.field == "entries"


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
