"""The programmes of assistance through their whole life: three hands, the rules' amounts, and what follows from a changed fact."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.assistance import determination, person
from services.assistance.programmes import PROGRAMMES
from shared.domain.errors import Refused
from shared.eventlog import deadlines
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, apply, case, case_of, decide, due, grant, home, knows, pay, single

LIVING, CARE, SUPPORT = "disabled_living_subsidy", "severe_disability_care_subsidy", "extreme_hardship_support"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("programmes"), "assistance") as made:
        yield made


def poor(d: Desk, numbers: Numbers, *more: dict[str, object]) -> Home:
    return home(d, numbers, {"born": "19700101"}, *more)


def earns(d: Desk, made: Home, fen: int, since: str) -> None:
    """The head's income changes."""
    head = made.members[0]
    d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=fen, effective_from=since)


def test_every_programme_is_short_and_its_rules_are_there() -> None:
    """A declaration is about twenty lines, and the rules know every programme that is declared."""
    from services.assistance.rules import engine

    assert set(PROGRAMMES) == set(engine().programmes)
    assert all(p.catalogue and p.code == code for code, p in PROGRAMMES.items())


@pytest.mark.parametrize(
    ("programme", "incomes", "hardship_class"),
    [
        ("minimum_living_margin_household", (150000,), "margin"),
        ("low_income_household", (220000,), "low_income"),
    ],
)
def test_a_determination_of_households_is_confirmed_pays_nothing_and_gives_its_class(
    d: Desk, numbers: Numbers, programme: str, incomes: tuple[int, ...], hardship_class: str
) -> None:
    """低保边缘、低收入: the whole procedure, no money, the class from the month it counts."""
    d.on("2023-07-03")
    made = home(d, numbers, *({"monthly_income_fen": fen} for fen in incomes))
    case_id = grant(d, programme, household_id=made.household_id)
    stands = case(d, case_id)
    assert (stands["status"], due(d, case_id, stands["first_month"])) == ("in_force", 0)
    found = d.call("class_on", "auditor", person_id=made.members[0], day=f"{stands['first_month']}-15")
    assert found["hardship_class"] == hardship_class


def test_essential_spending_of_the_members_makes_a_household_of_the_expenditure_kind(d: Desk, numbers: Numbers) -> None:
    """支出型: refused without spending, granted with the bills of the last twelve months, corrected bill by bill."""
    d.on("2023-07-03")
    made = home(d, numbers, {"monthly_income_fen": 120000}, {"born": "19820101", "monthly_income_fen": 120000})
    refused = decide(d, apply(d, "expenditure_based_hardship", household_id=made.household_id))
    assert refused["status"] == "refused"
    bill = {"person_id": made.members[1], "spending_id": "B-1", "kind": "medical", "spent_on": "2023-06-20"}
    d.call("record_spending", **bill, self_borne_fen=9_000_000)
    d.settle()
    case_id = grant(d, "expenditure_based_hardship", household_id=made.household_id)
    first = case(d, case_id)["first_month"]
    assert d.call("class_on", "auditor", person_id=made.members[0], day=f"{first}-01")["hardship_class"] == "expenditure"
    d.call("record_spending", **bill, self_borne_fen=100_000)  # insurance paid most of it after all (抵扣)
    d.settle()
    assert case(d, case_id)["status"] == "ended"


def test_minimum_living_ends_the_margin_determination_and_margin_is_refused_beside_it(d: Desk, numbers: Numbers) -> None:
    """One class at a time: a household that becomes 低保 leaves the margin with the same month."""
    d.on("2023-07-03")
    made = home(d, numbers, {"monthly_income_fen": 150000})
    margin = grant(d, "minimum_living_margin_household", household_id=made.household_id)
    earns(d, made, 20000, "2023-07-15")
    d.settle()
    living = grant(d, "minimum_living_allowance", household_id=made.household_id)
    first = case(d, living)["first_month"]
    assert case(d, margin)["status"] == "ended"
    assert d.call("class_on", "auditor", person_id=made.members[0], day=f"{first}-01")["hardship_class"] == "minimum_living"
    with pytest.raises(Refused, match="不得重复"):
        d.call("apply", programme="minimum_living_margin_household", household_id=made.household_id)


def test_extreme_hardship_support_follows_the_self_care_finding_and_pays_the_guardian(d: Desk, numbers: Numbers) -> None:
    """特困: assessed self-care gives the care component; a later finding changes it from its month; the guardian is paid."""
    d.on("2023-07-03")
    guardian = single(d, numbers, "19750101")
    who = single(d, numbers, "19450101", area="rural", payee_id=guardian)
    d.call("record_finding", person_id=who, found_on="2023-07-02", lost_acts=[], able_supporter=False, able_to_work=False)
    case_id = grant(d, SUPPORT, person_id=who)
    stands = case(d, case_id)
    assert stands["payee_id"] == guardian
    basic = due(d, case_id, "2023-08")
    assert basic > 0
    d.on("2023-09-10")
    d.call("record_finding", person_id=who, found_on="2023-09-09", lost_acts=["eat", "dress", "bed", "toilet"], placement="central")
    d.settle()
    assert due(d, case_id, "2023-08") == basic
    assert due(d, case_id, "2023-09") > basic
    assert knows(d, who).findings[-1].lost_acts == ("eat", "dress", "bed", "toilet")
    with pytest.raises(Refused, match="自理能力项目"):
        d.call("record_finding", person_id=who, found_on="2023-09-09", lost_acts=["fly"])


def test_an_income_ends_the_support_of_a_person_without_a_household(d: Desk, numbers: Numbers) -> None:
    """人社局 tells of a pension: 特困 rests on having no source of income."""
    d.on("2023-07-03")
    who = single(d, numbers, "19460101", area="rural")
    d.call("record_finding", person_id=who, found_on="2023-07-02", able_supporter=False, able_to_work=False)
    case_id = grant(d, SUPPORT, person_id=who)
    d.on("2023-10-10")
    d.tell("hrss", "income_changed", resident_id=_number(d, who), monthly_income_fen=400_000, effective_from="2023-09-01", reason="pension")
    d.settle()
    assert case(d, case_id)["status"] == "ended"
    assert due(d, case_id, "2023-09") > 0 == due(d, case_id, "2023-10")


def test_the_living_subsidy_counts_from_the_month_of_application_and_ends_with_the_class(d: Desk, numbers: Numbers) -> None:
    """困难残疾人生活补贴: 低保 and certificate, from the month applied for; the class ends, the subsidy ends with it."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19720101"})
    living = grant(d, "minimum_living_allowance", household_id=made.household_id)
    disabled = made.members[1]
    d.on("2023-08-05")
    d.call("record_certificate", person_id=disabled, grade=2, kind="physical", effective_from="2020-05-01")
    case_id = apply(d, LIVING, person_id=disabled)
    d.on("2023-09-04")  # decided only in the next month
    stands = decide(d, case_id)
    assert (stands["status"], stands["first_month"]) == ("in_force", "2023-08")
    monthly = due(d, case_id, "2023-09")
    assert monthly > 0
    assert pay(d, LIVING, "2023-09")["status"] == "closed"
    paid = d.call("list_payments", "auditor", case_id=case_id)
    assert [p["amount_fen"] + p["arrears_fen"] for p in paid] == [2 * monthly]
    d.on("2023-10-09")
    earns(d, made, 900000, "2023-10-08")
    d.settle()
    assert case(d, living)["status"] == "ended"
    assert case(d, case_id)["status"] == "ended"
    assert (due(d, case_id, "2023-10"), due(d, case_id, "2023-11")) == (monthly, 0)


def test_a_back_dated_certificate_change_yields_exact_overpayment_and_arrears(d: Desk, numbers: Numbers) -> None:
    """W22: 残联 says in November that the grade is milder since September: both subsidies are reviewed, the difference is exact."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    d.settle()
    case_id = grant(d, CARE, person_id=who)
    monthly = due(d, case_id, "2023-07")
    for month in ("2023-07", "2023-08", "2023-09", "2023-10"):
        d.on(f"{month}-20")
        pay(d, CARE, month)
    d.on("2023-11-06")
    told = {"grade": 3, "kind": "physical", "effective_from": "2023-08-12"}
    d.tell("dpf", "certificate_changed", resident_id=_number(d, who), **told)
    d.settle()
    [claim] = [r for r in d.call("list_recoveries", "auditor") if r["case_id"] == case_id]
    assert claim["amount_fen"] == 2 * monthly  # September and October; the month of the change stays
    assert case(d, case_id)["status"] == "ended"
    d.tell("dpf", "certificate_changed", resident_id=_number(d, who), **told)  # told twice
    d.settle()
    assert len(knows(d, who).certificates) == 2


def _number(d: Desk, person_id: str) -> str:
    """The resident ID that the agency knows the person by."""
    history = d.services["assistance"].office.history(person.DECIDER.stream(person_id))
    return next(str(r.event.resident_id) for r in history if isinstance(r.event, person.PersonRegistered))


def test_any_township_takes_the_application_in_and_the_home_town_decides(d: Desk, numbers: Numbers) -> None:
    """A77: filed at a window of another town; accepted and decided only where the person is registered."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101")
    d.call("record_certificate", person_id=who, grade=1, kind="visual", effective_from="2013-09-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    case_id = d.call("apply", at="330225109", programme=CARE, person_id=who)["id"]
    with pytest.raises(Refused) as elsewhere:
        d.call("accept_application", at="330225109", case_id=case_id)
    assert elsewhere.value.code == "wrong_division"
    d.call("accept_application", at="330225101", case_id=case_id)
    assert decide(d, case_id)["status"] == "in_force"
    with pytest.raises(Refused) as support:
        d.call("apply", at="330225109", programme=SUPPORT, person_id=who)
    assert support.value.code == "wrong_division"


def test_a_certificate_runs_out_by_itself(d: Desk, numbers: Numbers) -> None:
    """A76: nobody has to look at the calendar, the month after the last valid day is decided again."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101")
    d.call("record_certificate", person_id=who, grade=1, kind="visual", effective_from="2013-09-01", valid_until="2023-09-10")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    case_id = grant(d, CARE, person_id=who)
    d.on("2023-09-30")
    d.settle()
    assert case(d, case_id)["status"] == "in_force"
    d.on("2023-10-01T00:30:00")
    d.settle()
    assert case(d, case_id)["status"] == "ended"
    assert due(d, case_id, "2023-09") > 0 == due(d, case_id, "2023-10")
    office = d.services["assistance"].office
    waiting = [r for r in deadlines.due(office.read, d.now, 500) if r.aggregate_id == who]
    assert waiting == [], "what was handled is not asked for again"
    assert knows(d, who).expired == "2023-10"


def test_the_person_chooses_between_two_allowances_and_both_decisions_are_linked(d: Desk, numbers: Numbers) -> None:
    """W15: elder care's allowance excludes the care subsidy until the person keeps the subsidy and gives the other one up."""
    d.on("2023-07-03")
    who = single(d, numbers, "19400101")
    elsewhere = "hardship_aged_disabled_subsidy"
    d.tell("eldercare", "case_granted", programme=elsewhere, subject_id=who, first_month="2023-05")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    refused = decide(d, apply(d, CARE, person_id=who))
    assert refused["status"] == "refused"
    with pytest.raises(Refused, match="并未领取"):
        d.call("choose_benefit", person_id=who, kept=CARE, given_up="orphan_allowance", effective_month="2023-07")
    d.call("choose_benefit", person_id=who, kept=CARE, given_up=elsewhere, effective_month="2023-07")
    case_id = grant(d, CARE, person_id=who)
    [choice] = knows(d, who).choices
    assert (choice.kept, choice.given_up, choice.kept_case) == (CARE, elsewhere, case_id)
    assert case(d, case_id)["first_month"] == "2023-07"


def test_events_of_elder_care_count_in_any_order(d: Desk, numbers: Numbers) -> None:
    """The end of an allowance may be told before its beginning."""
    who = single(d, numbers, "19410101")
    d.tell("eldercare", "case_ended", programme="old_age_allowance", subject_id=who, first_unpaid_month="2023-09")
    d.tell("eldercare", "case_granted", programme="old_age_allowance", subject_id=who, first_month="2023-03")
    state = knows(d, who)
    drawn = {m: person.facts_in(state, m).other_benefits for m in ("2023-02", "2023-03", "2023-08", "2023-09")}
    assert drawn == {"2023-02": (), "2023-03": ("old_age_allowance",), "2023-08": ("old_age_allowance",), "2023-09": ()}


def test_extreme_hardship_with_care_takes_the_care_subsidy_back_from_the_month_it_begins(d: Desk, numbers: Numbers) -> None:
    """护理补贴 and 特困照料 exclude each other: the later decision ends the earlier one by itself."""
    d.on("2023-07-03")
    who = single(d, numbers, "19450601")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True, lost_acts=["eat", "dress"])
    care = grant(d, CARE, person_id=who)
    support = grant(d, SUPPORT, person_id=who)
    first = case(d, support)["first_month"]
    assert due(d, support, first) > 0
    assert case(d, care)["status"] == "ended"
    assert due(d, care, "2023-07") > 0 == due(d, care, first)


def test_after_a_death_every_own_case_ends_from_the_month_its_rules_say(d: Desk, numbers: Numbers) -> None:
    """The answer names each case with its month and what is claimed back; nothing can be applied for afterwards."""
    d.on("2023-07-03")
    who = single(d, numbers, "19500601", town="330225103")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    case_id = grant(d, CARE, person_id=who)
    monthly = due(d, case_id, "2023-07")
    for month in ("2023-07", "2023-08", "2023-09"):
        d.on(f"{month}-20")
        pay(d, CARE, month, "330225103")
    d.on("2023-10-10")
    opened = {"person_id": who, "died_on": "2023-07-15", "division": "330225101", "round": 1, "steps": ["household"]}
    d.tell("registry", "after_death_opened", **opened)
    d.settle()
    office = d.services["assistance"].office
    from services.assistance import after_death

    [answer] = [r.event for r in office.history(after_death.DECIDER.stream(who))]
    months = sum(1 for m in ("2023-07", "2023-08", "2023-09") if due(d, case_id, m) == 0)
    assert (answer.outcome, answer.amount_fen) == ("done", months * monthly)
    assert months == 2
    assert "重度残疾人护理补贴自2023-08起停发" in answer.note
    with pytest.raises(Refused, match="已死亡"):
        d.call("apply", programme=LIVING, person_id=who)


def test_the_death_of_a_member_ends_his_own_cases_and_looks_at_the_household_again(d: Desk, numbers: Numbers) -> None:
    """The note names both; what is claimed back is counted once."""
    from services.assistance import after_death

    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19720101"}, town="330225104")
    living = grant(d, "minimum_living_allowance", household_id=made.household_id)
    disabled = made.members[1]
    d.on("2023-08-05")
    d.call("record_certificate", person_id=disabled, grade=2, kind="physical", effective_from="2020-05-01")
    subsidy = grant(d, LIVING, person_id=disabled)
    before, monthly = due(d, living, "2023-08"), due(d, subsidy, "2023-08")
    for programme in ("minimum_living_allowance", LIVING):
        d.on("2023-09-20")
        pay(d, programme, "2023-09", "330225104")
    d.on("2023-10-05")
    d.tell("registry", "after_death_opened", person_id=disabled, died_on="2023-08-20", division="330225101", round=1, steps=["household"])
    d.settle()
    [answer] = [r.event for r in d.services["assistance"].office.history(after_death.DECIDER.stream(disabled))]
    left = before - due(d, living, "2023-09")
    assert left > 0 == due(d, subsidy, "2023-09")
    claims = {r["case_id"]: r["amount_fen"] for r in d.call("list_recoveries", "auditor") if r["case_id"] in (living, subsidy)}
    assert claims == {living: left, subsidy: monthly}
    assert answer.amount_fen == left + monthly
    assert "家庭自2023-09起减少成员" in answer.note
    assert "困难残疾人生活补贴自2023-09起停发" in answer.note


def test_a_person_of_nobody_cannot_apply_and_a_wrong_fact_is_refused_with_its_field(d: Desk, numbers: Numbers) -> None:
    """Typed errors in Chinese, nothing half done."""
    d.on("2023-07-03")
    with pytest.raises(Refused) as unknown:
        d.call("apply", programme=LIVING, person_id="0" * 32)
    assert unknown.value.field == "person_id"
    who = single(d, numbers)
    for body, field in (
        ({"grade": 5, "kind": "physical"}, "grade"),
        ({"grade": 2, "kind": ""}, "kind"),
        ({"grade": 2, "kind": "physical", "valid_until": "2019-01-01"}, "valid_until"),
    ):
        with pytest.raises(Refused) as refused:
            d.call("record_certificate", person_id=who, effective_from="2020-05-01", **body)
        assert refused.value.field == field
    assert not knows(d, who).certificates
    assert determination.CLASSES.keys() <= PROGRAMMES.keys()
    assert case_of(LIVING, who)
