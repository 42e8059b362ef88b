"""Two benefits of two services that exclude each other (W15), with each service, the relay and the broker as processes of their own."""

from __future__ import annotations

from typing import Any

from shared.casework import benefit_case
from tests.e2e.conftest import TOWN, Bureau, new_id, until

CARE, SUBSIDY = "severe_disability_care_subsidy", "hardship_aged_disabled_subsidy"
SCORES = [{"item": "self_care", "points": 20}, *({"item": part, "points": 10} for part in ("mobility", "mind", "senses"))]


def test_the_choice_made_at_assistance_ends_the_subsidy_of_elder_care(bureau: Bureau) -> None:
    """Granted by elder care, known to assistance, given up at its window, ended at elder care: each by a message over the broker."""
    before = {letter.id for letter in bureau.letters()}  # the house is everybody's, and others send it what it cannot take
    bureau.at("2023-03-01")
    number = bureau.person("19400101")
    ours, theirs = bureau.staff("clerk").assistance, bureau.staff("clerk").eldercare
    who: str = ours.register_person(command_id=new_id(), resident_id=number, name="测试戊", division=TOWN)["id"]
    assert theirs.enrol_elder(command_id=new_id(), resident_id=number, name="测试戊", division=TOWN)["id"] == who
    theirs.record_elder_hardship(command_id=new_id(), person_id=who, hardship_class="margin", month="2023-01")
    asked = {"programme": "elder_ability_assessment", "division": TOWN, "subject_id": who}
    sheet = {"record_id": theirs.request_assessment(command_id=new_id(), **asked)["id"], "scores": SCORES}
    theirs.submit_assessment(command_id=new_id(), **sheet)
    bureau.staff("reviewer").eldercare.submit_second_assessment(command_id=new_id(), **sheet)
    until(lambda: theirs.get_elder(person_id=who)["ability"])

    case: str = theirs.apply(command_id=new_id(), programme=SUBSIDY, person_id=who)["id"]
    theirs.accept_application(command_id=new_id(), case_id=case)
    theirs.record_survey(command_id=new_id(), case_id=case, finding="属实")
    bureau.staff("reviewer").eldercare.propose(command_id=new_id(), case_id=case)
    bureau.at("2023-03-09")
    approver = bureau.staff("approver").eldercare
    seen = approver.get_case(case_id=case)
    approver.confirm(command_id=new_id(), case_id=case, reviewed=seen["proposal"]["reviewed"])
    assert approver.get_case(case_id=case)["status"] == "in_force"

    def told() -> list[bool]:
        return [e["drawn"] for e in ours.get_person(person_id=who)["elsewhere"] if e["code"] == SUBSIDY]

    until(lambda: told() == [True])
    bureau.at("2023-05-04")
    chosen: dict[str, Any] = {"person_id": who, "kept": CARE, "given_up": SUBSIDY, "effective_month": "2023-06"}
    ours.choose_benefit(command_id=new_id(), **chosen)
    until(lambda: approver.get_case(case_id=case)["status"] == "ended")
    assert approver.get_case(case_id=case, valid_at="2023-05-31")["valid"]["due_fen"] > 0
    [choice] = theirs.get_elder(person_id=who)["choices"]
    assert (choice["kept_case"], choice["given_up"]) == (benefit_case.case_id(CARE, who), SUBSIDY)
    until(lambda: told() == [True, False])
    assert not [letter for letter in bureau.letters() if letter.id not in before]
