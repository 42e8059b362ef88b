"""Benefits of two services that exclude each other (W15): what elder care knows before it grants, and what a person's choice does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.eldercare import elder
from services.eldercare.benefits import CASES as ELDER_CASES
from services.eldercare.declarations import PARTS
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Numbers, case_of, due, grant, home, single
from tests.programmes.people import decide as assistance_decides

CARE, SUBSIDY = "severe_disability_care_subsidy", "hardship_aged_disabled_subsidy"
BORN = "19400101"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Both services at one desk; nobody appears in two tests."""
    with desk(tmp_path_factory.mktemp("exclusive"), "assistance", "eldercare") as made:
        yield made


def elder_call(d: Desk, method: str, role: str = "clerk", **body: Any) -> Any:
    return d.call(method, role, service="eldercare", **body)


def assessed(d: Desk, person_id: str, points: int = 50) -> None:
    """能力评估 by two hands who come to the same grade; 50 points are a moderate loss."""
    scores, left = [], points
    for part in PARTS:
        given = min(part.most, left)
        left -= given
        scores.append({"item": part.code, "points": given})
    record_id = elder_call(d, "request_assessment", programme="elder_ability_assessment", division=TOWN, subject_id=person_id)["id"]
    elder_call(d, "submit_assessment", record_id=record_id, scores=scores)
    elder_call(d, "submit_second_assessment", "reviewer", record_id=record_id, scores=scores)
    d.settle()


def old(d: Desk, numbers: Numbers, hardship: str = "minimum_living") -> str:
    """An old person with a moderate loss of ability, on elder care's roster and registered with assistance, who needs long-term care."""
    who = single(d, numbers, BORN)
    number = next(
        str(r.event.resident_id)
        for r in d.services["assistance"].office.history(f"assistance.person_facts-{who}")
        if hasattr(r.event, "resident_id")
    )
    assert elder_call(d, "enrol_elder", resident_id=number, name="某老人", division=TOWN)["id"] == who
    elder_call(d, "record_elder_hardship", person_id=who, hardship_class=hardship, month="2023-01")
    assessed(d, who)
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    d.settle()
    return who


def applied(d: Desk, who: str) -> str:
    """Applied for, accepted and surveyed."""
    case_id = str(elder_call(d, "apply", programme=SUBSIDY, person_id=who)["id"])
    elder_call(d, "accept_application", case_id=case_id)
    elder_call(d, "record_survey", case_id=case_id, finding="情况属实")
    return case_id


def decided(d: Desk, case_id: str, settle: bool = True) -> dict[str, Any]:
    """Reviewed and confirmed; how the case of elder care stands then."""
    elder_call(d, "propose", "reviewer", case_id=case_id)
    shown = elder_call(d, "get_case", "auditor", case_id=case_id)
    if shown["proposal"]["publicised_until"]:
        d.later(8)
    elder_call(d, "confirm", "approver", case_id=case_id, reviewed=shown["proposal"]["reviewed"])
    if settle:
        d.settle()
    return stands(d, case_id)


def stands(d: Desk, case_id: str) -> dict[str, Any]:
    found: dict[str, Any] = elder_call(d, "get_case", "auditor", case_id=case_id)
    return found


def elder_due(d: Desk, case_id: str, month: str) -> int:
    return int(d.services["eldercare"].office.load(ELDER_CASES, case_id).state.due(month))


def test_what_assistance_pays_is_known_before_elder_care_grants(d: Desk, numbers: Numbers) -> None:
    """The care subsidy runs: the elder's subsidy is refused for it, with the reason, and the care subsidy goes on."""
    d.on("2023-07-03")
    who = old(d, numbers)
    care = grant(d, CARE, person_id=who)
    refused = decided(d, applied(d, who))
    assert refused["status"] == "refused"
    assert "已享受重度残疾人护理补贴" in refused["last_assessment"]["reason"]
    assert due(d, care, "2023-09") > 0


def test_the_elders_subsidy_is_granted_and_assistance_refuses_the_care_subsidy(d: Desk, numbers: Numbers) -> None:
    """The other way round: elder care's grant stands in the way of the care subsidy, as assistance was told."""
    d.on("2023-07-03")
    who = old(d, numbers)
    subsidy = decided(d, applied(d, who))
    assert subsidy["status"] == "in_force"
    d.on("2023-08-03")
    care = d.call("apply", programme=CARE, person_id=who)["id"]
    d.call("accept_application", case_id=care)
    assert assistance_decides(d, care)["status"] == "refused"
    assert elder_due(d, case_of(SUBSIDY, who), "2023-08") > 0


def test_elder_cares_decisions_are_made_again_case_by_case(d: Desk, numbers: Numbers) -> None:
    """Like assistance, elder care makes every decision of a case again from what the log holds of it, and gets the same."""
    d.on("2023-07-03")
    case_id = applied(d, old(d, numbers))
    decided(d, case_id)
    again = elder_call(d, "recheck_case", "auditor", case_id=case_id)
    assert again
    assert all(v["same"] and not v["older"] for v in again)


def test_the_one_given_up_ends_and_the_other_is_granted(d: Desk, numbers: Numbers) -> None:
    """The person keeps the care subsidy: elder care's subsidy ends with the month, never both and never neither by mistake."""
    d.on("2023-07-03")
    who = old(d, numbers)
    case_id = applied(d, who)
    assert decided(d, case_id)["status"] == "in_force"
    d.on("2023-09-04")
    d.call("choose_benefit", person_id=who, kept=CARE, given_up=SUBSIDY, effective_month="2023-10")
    d.settle()
    ended = stands(d, case_id)
    assert ended["status"] == "ended"
    assert (elder_due(d, case_id, "2023-09") > 0, elder_due(d, case_id, "2023-10")) == (True, 0)
    state: elder.Elder = d.services["eldercare"].office.load(elder.DECIDER, who).state
    assert [(c.kept, c.kept_case, c.given_up, c.given_up_case) for c in state.choices] == [(CARE, case_of(CARE, who), SUBSIDY, case_id)]
    d.on("2023-10-09")
    care = grant(d, CARE, person_id=who)
    assert due(d, care, "2023-10") > 0
    assert elder_due(d, case_id, "2023-10") == 0
    with pytest.raises(Refused, match="已选择领取另一项待遇"):
        elder_call(d, "propose", "reviewer", case_id=applied(d, who))


def test_what_was_given_up_at_assistance_stands_no_longer_in_the_way(d: Desk, numbers: Numbers) -> None:
    """The person keeps the elder's subsidy: the care subsidy ends, and the refused application succeeds when it is made again."""
    d.on("2023-07-03")
    who = old(d, numbers)
    care = grant(d, CARE, person_id=who)
    assert decided(d, applied(d, who))["status"] == "refused"
    d.call("choose_benefit", person_id=who, kept=SUBSIDY, given_up=CARE, effective_month="2023-09")
    d.on("2023-08-20")
    d.settle()
    assert (due(d, care, "2023-08") > 0, due(d, care, "2023-09")) == (True, 0)
    again = decided(d, applied(d, who))
    assert (again["status"], again["first_month"]) == ("in_force", "2023-09")


def test_both_granted_at_one_time_leave_the_person_with_exactly_one(d: Desk, numbers: Numbers) -> None:
    """Neither had heard of the other's grant: assistance yields from the first month of the elder's subsidy, elder care does not."""
    d.on("2023-07-03")
    who = old(d, numbers)
    subsidy = applied(d, who)
    care = d.call("apply", programme=CARE, person_id=who)["id"]
    d.call("accept_application", case_id=care)
    d.call("propose", "reviewer", case_id=care)
    reviewed = d.call("get_case", "auditor", case_id=care)["proposal"]["reviewed"]
    assert decided(d, subsidy, settle=False)["status"] == "in_force"
    d.call("confirm", "approver", case_id=care, reviewed=reviewed)
    assert d.call("get_case", "auditor", case_id=care)["status"] == "in_force"
    d.settle()
    first = stands(d, subsidy)["first_month"]
    assert stands(d, subsidy)["status"] == "in_force"
    assert d.call("get_case", "auditor", case_id=care)["status"] == "ended"
    assert (due(d, care, first), elder_due(d, subsidy, first) > 0) == (0, True)
    assert due(d, care, "2023-07") > 0


def test_an_end_set_aside_on_appeal_takes_its_place_back_from_the_other_benefit(d: Desk, numbers: Numbers) -> None:
    """The subsidy ended by mistake, the care subsidy came in its place: after the appeal one runs, and it is the one that came first."""
    d.on("2023-07-03")
    who = old(d, numbers)
    case_id = applied(d, who)
    assert decided(d, case_id)["status"] == "in_force"
    d.on("2023-09-04")
    elder_call(d, "record_elder_hardship", person_id=who, hardship_class="", month="2023-10")
    d.settle()
    assert stands(d, case_id)["status"] == "ended"
    d.on("2023-10-09")
    care = grant(d, CARE, person_id=who)
    assert due(d, care, "2023-11") > 0
    elder_call(d, "record_elder_hardship", person_id=who, hardship_class="margin", month="2023-10")
    [ended] = [x for x in stands(d, case_id)["decisions"] if x["kind"] == "ended"]
    elder_call(d, "file_appeal", case_id=case_id, decision=ended["number"], reason="困难类别登记有误")
    elder_call(d, "assign_appeal", "approver", case_id=case_id, to="staff:other")
    elder_call(d, "answer_appeal", "approver", actor="staff:other", case_id=case_id, outcome="upheld", reason="困难类别登记有误")
    d.settle()
    assert stands(d, case_id)["status"] == "in_force"
    assert (elder_due(d, case_id, "2023-11") > 0, due(d, care, "2023-11")) == (True, 0)


def test_the_class_follows_assistance_and_the_subsidy_ends_with_it(d: Desk, numbers: Numbers) -> None:
    """低保 is determined and ends: both reach the elder on the roster without a form."""
    d.on("2023-07-03")
    who = numbers.resident(BORN)
    person_id = elder_call(d, "enrol_elder", resident_id=who, name="某老人", division=TOWN)["id"]
    form = {"name": "某老人", "relation": "户主", "resident_id": who}
    household = d.call("register_household", household_no="W15-1", division=TOWN, area="rural", members=[form])["id"]
    grant(d, "minimum_living_allowance", household_id=household)
    assessed(d, person_id)
    case_id = applied(d, person_id)
    assert decided(d, case_id)["status"] == "in_force"
    d.on("2023-09-04")
    body = {"household_id": household, "person_id": person_id, "monthly_income_fen": 900_000, "effective_from": "2023-09-01"}
    d.call("record_income", **body)
    d.settle()
    ended = stands(d, case_id)
    assert ended["status"] == "ended"
    assert (elder_due(d, case_id, "2023-09") > 0, elder_due(d, case_id, "2023-10")) == (True, 0)
    # The income was wrong, and the end of 低保 is set aside: what ended with the class comes back with it.
    d.call("record_income", **{**body, "monthly_income_fen": 0})
    living = case_of("minimum_living_allowance", household)
    number = d.call("get_case", "auditor", case_id=living)["decisions"][-1]["number"]
    d.call("file_appeal", case_id=living, decision=number, reason="收入登记有误")
    d.call("assign_appeal", "approver", case_id=living, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=living, outcome="upheld", reason="收入登记有误")
    d.settle()
    assert stands(d, case_id)["status"] == "in_force"
    assert elder_due(d, case_id, "2023-10") == elder_due(d, case_id, "2023-09")


def test_anothers_extreme_hardship_says_nothing_of_the_elder(d: Desk, numbers: Numbers) -> None:
    """特困 is determined for one person: the class of the others of the household stays as it was."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": BORN}, {"born": "19450101"}, town="330225102")
    told = {"unit_id": made.household_id, "no": 3, "hardship_class": "extreme_hardship", "valid_from": "2023-06", "members": made.members}
    d.tell("assistance", "class_changed", **told, case_id=case_of("extreme_hardship_support", made.members[1]))
    for member in made.members:
        state: elder.Elder = d.services["eldercare"].office.load(elder.DECIDER, member).state
        assert state.hardship == ()


def test_an_assessment_that_expires_ends_the_subsidy_and_a_death_ends_both(d: Desk, numbers: Numbers) -> None:
    """No valid grade, no subsidy from the month after; after a death the answer names what ended and nobody is assessed any more."""
    d.on("2023-07-03")
    late, dead = old(d, numbers), old(d, numbers)
    cases = {who: applied(d, who) for who in (late, dead)}
    for case_id in cases.values():
        assert decided(d, case_id)["status"] == "in_force"
    d.on("2023-10-10")
    d.tell("registry", "after_death_opened", person_id=dead, died_on="2023-10-02", division=TOWN, round=1, steps=["old_age_allowance"])
    d.settle()
    assert (elder_due(d, cases[dead], "2023-10") > 0, elder_due(d, cases[dead], "2023-11")) == (True, 0)
    [answer] = [
        r.event for r in d.services["eldercare"].office.history(f"eldercare.elder-{dead}") if isinstance(r.event, elder.AfterDeathAnswered)
    ]
    assert answer.outcome == "done"
    assert "经济困难高龄失能老人补贴自2023-11起停发" in answer.note
    [row] = elder_call(d, "list_records", "auditor", subject_id=dead)
    assert row["status"] == "ended"
    with pytest.raises(Refused, match="已死亡"):
        elder_call(d, "apply", programme=SUBSIDY, person_id=dead)
    d.on("2024-07-08")
    d.settle()
    assert elder_call(d, "list_records", "auditor", subject_id=late)[0]["worklist"] == "assessment_renew"
    assert (elder_due(d, cases[late], "2024-07") > 0, elder_due(d, cases[late], "2024-08")) == (True, 0)


def test_cases_runs_accounts_claims_and_records_wait_in_elder_cares_worklists(d: Desk, numbers: Numbers) -> None:
    """What somebody must do is in one list by programme and town, as at assistance, and nobody of another town sees it."""
    town = "330225108"
    d.on("2024-08-05")
    who, gone = (elder_call(d, "enrol_elder", resident_id=numbers.resident(BORN), name="某老人", division=town)["id"] for _ in range(2))
    d.settle()
    run = elder_call(d, "prepare_payment_run", "cashier", programme="old_age_allowance", month="2024-08", division=town)["id"]
    d.settle()
    elder_call(d, "approve_payment_run", "approver", run_id=run)
    d.settle()
    d.on("2024-09-05")
    d.tell("registry", "after_death_opened", person_id=gone, died_on="2024-07-20", division=town, round=1, steps=["old_age_allowance"])
    d.settle()
    elder_call(d, "request_assessment", programme="elder_ability_assessment", division=town, subject_id=who)
    elder_call(d, "apply", programme=SUBSIDY, person_id=who)
    card = {"bank_code": "102332252001", "account_no": "6222020200112233440", "holder": "某老人", "document_no": "YHK-1"}
    elder_call(d, "propose_payee_account", person_id=who, division=town, **card)
    d.project()
    elder_call(d, "prepare_payment_run", "cashier", programme="old_age_allowance", month="2024-09", division=town)
    d.settle()
    lists = elder_call(d, "list_worklists", "auditor", at=town)
    assert {(row["worklist"], row["programme"]) for row in lists} == {
        ("in_force", "old_age_allowance"),
        ("accept", SUBSIDY),
        ("assessment_first", "elder_ability_assessment"),
        ("payment_approve", "old_age_allowance"),
        ("payment_month_owed", "old_age_allowance"),
        ("payee_account_confirm", ""),
        ("recovery_notify", "old_age_allowance"),
    }
    assert {row["town"] for row in lists} == {town}
    assert elder_call(d, "list_worklists", "auditor", at="330225199") == []


def test_what_is_drawn_by_month_follows_every_decision_around_a_gap(d: Desk, numbers: Numbers) -> None:
    """September was another agency's, and he was said to have died in July: elder care knows of no month behind it until he lives."""
    d.on("2023-07-03")
    who = old(d, numbers)
    care = grant(d, CARE, person_id=who)
    months = [f"2023-{m:02d}" for m in range(7, 13)]

    def told() -> list[str]:
        d.settle()
        state: elder.Elder = d.services["eldercare"].office.load(elder.DECIDER, who).state
        drawn = [m for m in months if CARE in elder.drawn_in(state, m)]
        assert drawn == [m for m in months if due(d, care, m)]
        return drawn

    d.on("2023-11-20")
    assert told() == months
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-09")
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-10", drawn=False)
    assert told() == [m for m in months if m != "2023-09"]
    where = {"person_id": who, "division": TOWN, "steps": ["household", "old_age_allowance"]}
    d.tell("registry", "after_death_opened", died_on="2023-07-20", round=1, **where)
    assert told() == ["2023-07"]
    d.tell("registry", "after_death_annulled", round=2, **where)
    assert told() == [m for m in months if m != "2023-09"]
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-08")  # and August too, of the round before
    assert told() == [m for m in months if m not in ("2023-08", "2023-09")]
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-08", drawn=False)
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-09", drawn=False)
    assert told() == months


def test_assistance_knows_by_month_what_elder_care_pays_around_a_gap(d: Desk, numbers: Numbers) -> None:
    """The class was missing in October, in September too, and then in neither: told late, each month is what elder care pays in it."""
    d.on("2023-07-03")
    who = old(d, numbers)
    case_id = applied(d, who)
    assert decided(d, case_id)["status"] == "in_force"
    months = [f"2023-{m:02d}" for m in range(8, 13)]
    d.on("2023-11-20")
    steps = ((("", "10"), ("margin", "11")), (("", "09"), ("margin", "11")), (("margin", "09"),))
    for told, without in zip(steps, (["2023-10"], ["2023-09", "2023-10"], []), strict=True):
        for hardship, month in told:
            elder_call(d, "record_elder_hardship", person_id=who, hardship_class=hardship, month=f"2023-{month}")
            d.settle()
        paid = [m for m in months if elder_due(d, case_id, m)]
        assert paid == [m for m in months if m not in without]
        known = [d.call("get_person", "auditor", person_id=who, valid_at=f"{m}-15")["valid"]["other_benefits"] for m in months]
        assert [m for m, codes in zip(months, known, strict=True) if SUBSIDY in codes] == paid
