"""Care begins for who is on file and lives, by what the file says; what a record says it led to is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.declarations import DECIDERS
from shared.casework import fund, shape
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk
from tests.programmes.caring import (
    GOOD,
    HOME_CARE,
    NUMBERS,
    SPECIAL,
    TOWN,
    WISH,
    dies,
    disabled,
    places,
    record,
    row,
    supported,
    today,
)
from tests.programmes.people import apply, grant, home, single


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has persons of its own."""
    with desk(tmp_path_factory.mktemp("checks"), "assistance") as made:
        yield made


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


def test_money_leaves_the_reserve_fund_by_a_first_grant_alone(d: Desk) -> None:
    """A24: by hand it is refused; the matter's own draw is settled by its decision, not before it, and whole."""
    d.on("2023-07-03")
    reserve = d.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division=TOWN)["id"]
    d.call("allocate_to_fund", "cashier", record_id=reserve, amount=2_000_000, document_no="象民1号")
    made = home(d, NUMBERS, {"born": "19500101"})
    body = {"kind": "emergency", "cause": "accident", "happened_on": "2023-07-02", "division": TOWN, "loss_fen": 500_000}
    d.call("apply_temporary", household_id=made.household_id, **body)
    d.project()
    [matter] = [m for m in d.call("list_temporary", "auditor") if m["subject_id"] == made.household_id]
    of = {"subject_id": made.household_id, "matter_id": matter["matter_id"]}
    d.call("accept_temporary", **of)
    with pytest.raises(Refused, match="先行救助"):
        d.call("draw_from_fund", record_id=reserve, case_id=of["matter_id"], amount=100_000, draw_id="hand")
    d.call("grant_first", **of)
    d.project()
    [(draw_id, draw)] = record(d, "fund", reserve)["open_draws"].items()
    settle = {"record_id": reserve, "draw_id": draw_id, "decision": "决定1号"}
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


def test_a_first_grant_is_within_the_limit_that_its_fund_was_set_up_with(d: Desk) -> None:
    """A24: a fund of an older, lower limit gives as much as that, instead of refusing help in an emergency."""
    d.on("2023-07-03")
    town = "330225206"
    fund_id = shape.one_per_subject(fund.OpenFund("temporary_assistance_reserve_fund", town), "")
    older = fund.OpenFund("temporary_assistance_reserve_fund", town, terms=fund.Terms(draw_limit=50_000, settle_days=14))
    approver = Hand("staff:approver", frozenset({"approver"}), "330225")
    d.services["assistance"].office.handle(DECIDERS["fund"], fund_id, Order(older, "older-fund", approver, d.now))
    d.call("allocate_to_fund", "cashier", record_id=fund_id, amount=2_000_000, document_no="象民1号")
    made = home(d, NUMBERS, {"born": "19500101"}, town=town)
    body = {"kind": "emergency", "cause": "accident", "happened_on": "2023-07-02", "division": town, "loss_fen": 500_000}
    d.call("apply_temporary", household_id=made.household_id, **body)
    d.project()
    [matter] = [m for m in d.call("list_temporary", "auditor") if m["subject_id"] == made.household_id]
    of = {"subject_id": made.household_id, "matter_id": matter["matter_id"]}
    d.call("accept_temporary", **of)
    d.call("grant_first", **of)
    assert [draw["amount"] for draw in record(d, "fund", fund_id)["open_draws"].values()] == [50_000]
