"""What comes to light late: a death that was on another day or was none, and a fact about a round of a case that was over long ago."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.eldercare.benefits import CASES as ELDER_CASES
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, case, case_of, due, grant, happened, home, pay, single

ALLOWANCE, LIVING, SUPPORT = "old_age_allowance", "minimum_living_allowance", "extreme_hardship_support"
TOWN = "330225101"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Three services at one desk; nobody appears in two tests, and every test has a town of its own."""
    with desk(tmp_path_factory.mktemp("late"), "assistance", "eldercare", "registry") as made:
        yield made


def elder(d: Desk, numbers: Numbers, town: str) -> tuple[str, str, str]:
    """Somebody of 86 on the roster, whose allowance runs: his number, his id, his case."""
    number = numbers.resident("19370315")
    person_id = str(d.call("enrol_elder", service="eldercare", resident_id=number, name="某老人", division=town)["id"])
    d.settle()
    return number, person_id, case_of(ALLOWANCE, person_id)


def elder_case(d: Desk, case_id: str) -> bc.Case:
    state: bc.Case = d.services["eldercare"].office.load(ELDER_CASES, case_id).state
    return state


def pay_elders(d: Desk, month: str, town: str) -> None:
    body = {"programme": ALLOWANCE, "month": month, "division": town}
    run = d.call("prepare_payment_run", "cashier", service="eldercare", **body)["id"]
    d.settle()
    d.call("approve_payment_run", "approver", service="eldercare", run_id=run)
    d.settle()


def dies(d: Desk, number: str, died_on: str, town: str) -> None:
    form = {"resident_id": number, "name": "某人", "died_on": died_on, "division": town}
    d.call("register_death", "registrar", service="registry", **form)
    d.settle()


def process(d: Desk, person_id: str) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_after_death", "registrar", service="registry", person_id=person_id)
    return found


def test_a_later_day_of_death_gives_back_what_was_claimed_of_the_months_between(d: Desk, numbers: Numbers) -> None:
    """Thought dead in July, dead in September: August and September were his, and their claims are met by that."""
    town = "330225101"
    d.on("2023-07-03")
    number, who, case_id = elder(d, numbers, town)
    monthly = elder_case(d, case_id).due("2023-07")
    for month in ("2023-07", "2023-08", "2023-09"):
        d.on(f"{month}-15")
        pay_elders(d, month, town)
    d.on("2023-09-20")
    dies(d, number, "2023-07-20", town)
    assert [elder_case(d, case_id).due(f"2023-{m}") for m in ("07", "08", "09")] == [monthly, 0, 0]
    d.on("2023-10-11")
    body = {"person_id": who, "died_on": "2023-09-02", "reason": "以医院证明为准"}
    d.call("correct_death_date", "registrar", service="registry", **body)
    d.settle()
    after = elder_case(d, case_id)
    assert [after.due(f"2023-{m}") for m in ("07", "08", "09", "10")] == [monthly, monthly, monthly, 0]
    assert (after.status, after.ended_from, after.arrears_fen) == ("ended", "2023-10", 0)
    [again] = happened(d, "eldercare", case_id, bc.ClaimedDueAgain)
    assert again.amount_fen == 2 * monthly
    [claim] = d.call("list_recoveries", "auditor", service="eldercare")
    assert (claim["left_fen"], claim["repaid_fen"]) == (0, 0)
    done = process(d, who)
    assert (done["status"], done["round"]) == ("closed", 2)
    assert "改自2023-10起停发" in done["steps"]["old_age_allowance"]["note"]


def test_months_that_nobody_paid_meanwhile_go_out_as_arrears(d: Desk, numbers: Numbers) -> None:
    """The wrong day was known before the months were paid: what he lived to see is paid with the next run, once."""
    town = "330225102"
    d.on("2023-07-03")
    number, who, case_id = elder(d, numbers, town)
    monthly = elder_case(d, case_id).due("2023-07")
    d.on("2023-07-25")
    dies(d, number, "2023-07-20", town)
    d.on("2023-10-11")
    d.call("correct_death_date", "registrar", service="registry", person_id=who, died_on="2023-09-02", reason="以医院证明为准")
    d.settle()
    assert elder_case(d, case_id).arrears_fen == 2 * monthly
    pay_elders(d, "2023-10", town)
    [paid] = happened(d, "eldercare", case_id, bc.BenefitPaid)
    assert (paid.amount_fen, paid.arrears_fen) == (0, 2 * monthly)
    assert elder_case(d, case_id).arrears_fen == 0


def test_an_annulled_death_lets_everything_run_again_as_if_nobody_had_said_it(d: Desk, numbers: Numbers) -> None:
    """Allowance, 特困 and the household come back from the months they ended; the months that went by are paid."""
    town = "330225103"
    d.on("2023-07-03")
    number, who, case_id = elder(d, numbers, town)
    d.call("register_person", resident_id=number, name="某老人", division=town)
    d.call("record_finding", person_id=who, found_on="2023-07-02", lost_acts=[], able_supporter=False, able_to_work=False)
    support = grant(d, SUPPORT, person_id=who)
    monthly, kept = elder_case(d, case_id).due("2023-08"), due(d, support, "2023-08")
    assert monthly > 0 < kept
    d.on("2023-09-12")
    dies(d, number, "2023-08-30", town)
    assert (elder_case(d, case_id).status, case(d, support)["status"]) == ("ended", "ended")
    d.on("2023-11-08")
    with pytest.raises(Refused, match="撤销理由"):
        d.call("annul_death", "registrar", service="registry", person_id=who, reason=" ")
    d.call("annul_death", "registrar", service="registry", person_id=who, reason="同名误登")
    d.settle()
    after = elder_case(d, case_id)
    assert (after.status, [after.due(f"2023-{m}") for m in ("08", "09", "10", "11")]) == ("in_force", [monthly] * 4)
    assert after.arrears_fen == 2 * monthly  # September and October; November is paid in its own run
    stands = case(d, support)
    assert (stands["status"], due(d, support, "2023-09"), stands["review_due"] is not None) == ("in_force", kept, True)
    assert d.call("get_person", "auditor", person_id=who)["died_on"] is None
    unit = d.call("get_determination", "auditor", unit_id=who)
    assert unit["chain"][-1]["hardship_class"] == "extreme_hardship"
    done = process(d, who)
    assert (done["status"], done["round"], done["died_on"]) == ("closed", 2, None)
    assert "已恢复发放" in done["steps"]["household"]["note"]
    assert d.call("list_deaths", "registrar", service="registry", at=town) == []
    assert d.call("list_elders", "auditor", service="eldercare", at=town)[0]["died_on"] is None
    d.on("2023-11-20")
    dies(d, number, "2023-11-18", town)  # and one day he dies
    assert elder_case(d, case_id).ended_from == "2023-12"
    assert process(d, who)["round"] == 3


def test_a_household_that_was_thought_dead_is_supported_again(d: Desk, numbers: Numbers) -> None:
    """The one member was declared dead: 低保 ended because nobody was left; annulled, it goes on from that month."""
    town = "330225104"
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19600101"}, town=town)
    case_id = grant(d, LIVING, household_id=made.household_id)
    monthly = due(d, case_id, "2023-08")
    number = next(
        str(m.resident_id)
        for r in d.services["assistance"].office.history(f"assistance.household-{made.household_id}")
        for m in getattr(r.event, "members", ())
    )
    d.on("2023-08-20")
    dies(d, number, "2023-08-10", town)
    assert case(d, case_id)["status"] == "ended"
    d.on("2023-10-05")
    d.call("annul_death", "registrar", service="registry", person_id=made.members[0], reason="证件被冒用")
    d.settle()
    assert (case(d, case_id)["status"], [due(d, case_id, f"2023-{m}") for m in ("08", "09", "10")]) == ("in_force", [monthly] * 3)
    house = d.call("get_household", "auditor", household_id=made.household_id, valid_at="2023-10-01")
    assert len(house["valid"]["members"]) == 1


def test_an_end_for_another_reason_is_not_set_aside_with_the_death(d: Desk, numbers: Numbers) -> None:
    """He had too much already when he was declared dead: annulled, 特困 stays ended."""
    town = "330225105"
    d.on("2023-07-03")
    who = single(d, numbers, town=town)
    d.call("record_finding", person_id=who, found_on="2023-07-02", lost_acts=[], able_supporter=False, able_to_work=False)
    support = grant(d, SUPPORT, person_id=who)
    d.on("2023-08-10")
    d.call("record_finding", person_id=who, found_on="2023-08-05", able_supporter=True)
    d.settle()
    ended = case(d, support)["ended_from"]
    number = next(
        str(r.event.resident_id)
        for r in d.services["assistance"].office.history(f"assistance.person_facts-{who}")
        if hasattr(r.event, "resident_id")
    )
    d.on("2023-10-10")
    dies(d, number, "2023-10-02", town)
    d.call("annul_death", "registrar", service="registry", person_id=who, reason="误登")
    d.settle()
    assert (case(d, support)["status"], case(d, support)["ended_from"]) == ("ended", ended)


def first_round(d: Desk, numbers: Numbers, town: str) -> tuple[str, dict[str, str], int]:
    """A household's 低保, paid for August and September and ended by an income: its case, its head for ``record_income``, what was due."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 60_000}, town=town)
    case_id = grant(d, LIVING, household_id=made.household_id)
    first = due(d, case_id, "2023-08")
    for month in ("2023-08", "2023-09"):
        d.on(f"{month}-15")
        pay(d, LIVING, month, town)
    d.on("2023-10-02")
    earns = {"household_id": made.household_id, "person_id": made.members[0]}
    d.call("record_income", **earns, monthly_income_fen=900_000, effective_from="2023-09-20")
    d.settle()
    return case_id, earns, first


def test_a_late_fact_about_the_first_round_is_settled_during_the_second(d: Desk, numbers: Numbers) -> None:
    """September's income was wrong: its arrears are found to the fen, while the second round runs on untouched."""
    town = "330225106"
    case_id, earns, first = first_round(d, numbers, town)
    assert case(d, case_id)["status"] == "ended"
    d.on("2023-11-15")
    d.call("record_income", **earns, monthly_income_fen=60_000, effective_from="2023-11-10")
    d.settle()
    assert grant(d, LIVING, household_id=earns["household_id"]) == case_id
    d.on("2024-01-10")
    pay(d, LIVING, "2024-01", town)
    second = due(d, case_id, "2024-01")
    d.call("record_income", **earns, monthly_income_fen=20_000, effective_from="2023-08-10")
    d.settle()
    assert [due(d, case_id, m) for m in ("2023-08", "2023-09", "2023-10", "2024-01")] == [first, first + 40_000, 0, second]
    [decided] = happened(d, "assistance", case_id, bc.EarlierRoundReassessed)
    assert (decided.from_month, decided.before, decided.old_amount_fen) == ("2023-09", "2023-10", first)
    assert [e.amount_fen for e in happened(d, "assistance", case_id, bc.ArrearsFound)] == [40_000]
    again = d.call("recheck_case", "auditor", case_id=case_id)
    assert all(v["same"] for v in again)
    d.call("record_income", **earns, monthly_income_fen=60_000, effective_from="2023-08-10")
    d.settle()  # corrected back: what was found and not yet sent is owed no longer
    assert due(d, case_id, "2023-09") == first
    assert case(d, case_id)["arrears_fen"] == sum(e.amount_fen for e in happened(d, "assistance", case_id, bc.OverpaymentFound))


def test_a_late_fact_is_settled_while_a_second_application_waits_and_after_it_was_withdrawn(d: Desk, numbers: Numbers) -> None:
    """The round is over whatever became of the application behind it."""
    town = "330225107"
    case_id, earns, first = first_round(d, numbers, town)
    d.on("2023-10-20").call("apply", programme=LIVING, household_id=earns["household_id"])
    d.call("record_income", **earns, monthly_income_fen=20_000, effective_from="2023-08-10")
    d.settle()
    assert (case(d, case_id)["status"], due(d, case_id, "2023-09")) == ("applied", first + 40_000)
    d.call("withdraw_application", case_id=case_id, reason="不再申请")
    d.call("record_income", **earns, monthly_income_fen=10_000, effective_from="2023-08-10")
    d.settle()
    assert (case(d, case_id)["status"], due(d, case_id, "2023-09")) == ("withdrawn", first + 50_000)
    assert case(d, case_id)["arrears_fen"] == 50_000
