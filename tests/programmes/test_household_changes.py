"""What becomes of cases when a household changes: births, moves, property, deaths, 特困 of a member, a member who applies alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import after_death, household
from services.assistance.benefits import CASES
from services.assistance.read_model import TABLES
from services.assistance.rows.standards import Tables
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, apply, case, case_of, decide, due, grant, home, pay, single

LIVING, MARGIN, SUPPORT, EXPENDITURE = (
    "minimum_living_allowance", "minimum_living_margin_household", "extreme_hardship_support", "expenditure_based_hardship",
)  # fmt: skip
STANDARD = 125_500  # 低保 in the country in 2023


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("changes"), "assistance") as made:
        yield made


def change(d: Desk, made: Home, month: str, **what: Any) -> Any:
    """家庭情况变更登记 by the clerk, and what follows from it."""
    body = {"household_id": made.household_id, "from_month": month, "reason": "other", "evidence": "户口簿、查询结果", **what}
    answer = d.call("change_household", **body)
    d.settle()
    return answer


def newborn(numbers: Numbers, born: str, **more: Any) -> dict[str, Any]:
    return {"resident_id": numbers.resident(born), "name": f"成员{numbers.next}", "relation": "子女", **more}


def history(d: Desk, case_id: str) -> list[Any]:
    return [r.event for r in d.services["assistance"].office.history(CASES.stream(case_id))]


def supported(d: Desk, who: str, found_on: str = "2023-07-02") -> str:
    d.call("record_finding", person_id=who, found_on=found_on, lost_acts=[], able_supporter=False, able_to_work=False)
    return grant(d, SUPPORT, person_id=who)


# -- deaths


def test_a_death_in_a_household_of_the_expenditure_kind_is_decided_again_and_answered(d: Desk, numbers: Numbers) -> None:
    """Who dies takes his bills along: the household is decided again without them, and the process of the registry hears of it."""
    d.on("2023-07-03")
    made = home(d, numbers, {"monthly_income_fen": 120000}, {"born": "19820101", "monthly_income_fen": 120000})
    dead = made.members[1]
    bill = {"person_id": dead, "spending_id": "D-1", "kind": "medical", "spent_on": "2023-06-20", "self_borne_fen": 9_000_000}
    d.call("record_spending", **bill)
    d.settle()
    case_id = grant(d, EXPENDITURE, household_id=made.household_id)
    month = case(d, case_id)["first_month"]
    assert due(d, case_id, month) > 0
    d.on("2023-08-15")
    pay(d, EXPENDITURE, month)
    d.on("2023-10-12")
    d.tell("registry", "after_death_opened", person_id=dead, died_on="2023-07-10", division="330225101", round=1, steps=["household"])
    d.settle()
    assert due(d, case_id, "2023-10") == 0
    answers = d.services["assistance"].office.history(after_death.DECIDER.stream(dead))
    assert [(r.event.step, r.event.outcome) for r in answers if hasattr(r.event, "outcome")] == [("household", "done")]


# -- changes


def test_savings_that_a_check_found_end_the_support_and_claim_back_exactly_what_was_paid_since(d: Desk, numbers: Numbers) -> None:
    """300,000 yuan since September: the months from then on are decided again, those before stay."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, town="330225102")
    case_id = grant(d, LIVING, household_id=made.household_id)
    monthly = due(d, case_id, "2023-08")
    for month, day in (("2023-08", "2023-08-15"), ("2023-09", "2023-09-15"), ("2023-10", "2023-10-15")):
        d.on(day)
        pay(d, LIVING, month, "330225102")
    change(d, made, "2023-09", reason="means_test", savings_fen=30_000_000)
    stands = case(d, case_id)
    assert (stands["status"], [due(d, case_id, m) for m in ("2023-08", "2023-09", "2023-10")]) == ("ended", [monthly, 0, 0])
    found = [e.amount_fen for e in history(d, case_id) if isinstance(e, bc.OverpaymentFound)]
    assert sum(found) == 2 * monthly
    assert "金融资产" in stands["last_assessment"]["reason"]
    shown = [d.call("get_household", "auditor", household_id=made.household_id, valid_at=f"{m}-01") for m in ("2023-08", "2023-09")]
    assert [s["valid"]["property"]["savings_fen"] for s in shown] == [0, 30_000_000]


def test_a_birth_that_is_registered_late_gives_the_arrears_of_its_months(d: Desk, numbers: Numbers) -> None:
    """Born in August, told in October: three months more for one more person."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19900101"}, town="330225103")
    case_id = grant(d, LIVING, household_id=made.household_id)
    alone = due(d, case_id, "2023-08")
    d.on("2023-08-15")
    pay(d, LIVING, "2023-08", "330225103")
    d.on("2023-09-15")
    pay(d, LIVING, "2023-09", "330225103")
    d.on("2023-10-10")
    change(d, made, "2023-09", reason="birth", joined=[newborn(numbers, "20230820")])
    more = due(d, case_id, "2023-09") - alone
    assert more >= STANDARD
    assert due(d, case_id, "2023-08") == alone
    assert [e.amount_fen for e in history(d, case_id) if isinstance(e, bc.ArrearsFound)] == [more]
    rows = d.call("list_households", "auditor", limit=500)
    assert next(r["members"] for r in rows if r["household_id"] == made.household_id) == 2


def test_a_member_who_moves_out_keeps_his_own_case_and_may_join_another_household(d: Desk, numbers: Numbers) -> None:
    """The household gets less from that month on; his subsidy goes on with his own class, then with that of the new household."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19950101"}, town="330225104")
    who = made.members[1]
    living = grant(d, LIVING, household_id=made.household_id)
    both = due(d, living, "2023-08")
    d.on("2023-08-15")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2023-08-10")
    d.call("record_finding", person_id=who, found_on="2023-08-10", long_term_care=True)
    d.settle()
    care, aid = (grant(d, code, person_id=who) for code in ("severe_disability_care_subsidy", "disabled_living_subsidy"))
    assert (due(d, care, "2023-09") > 0, due(d, aid, "2023-09") > 0) == (True, True)
    d.on("2023-09-20")
    change(d, made, "2023-10", reason="moved_out", left=[who])
    assert due(d, living, "2023-09") >= both > due(d, living, "2023-10") >= STANDARD
    # Care is a matter of his certificate; the subsidy for the poor ends with the class that his household gave him.
    assert [(case(d, c)["status"], due(d, c, "2023-10") > 0) for c in (care, aid)] == [("in_force", True), ("ended", False)]
    d.on("2023-10-20")
    d.settle()
    other = home(d, numbers, {"born": "19680101"}, town="330225105")
    member = d.services["assistance"].office.load(household.DECIDER, made.household_id).state.members[who]
    joining = {"resident_id": member.resident_id, "name": member.name, "relation": "子女"}
    with pytest.raises(Refused, match="已登记在另一家庭"):
        change(d, other, "2023-09", reason="moved_in", joined=[joining])
    change(d, other, "2023-11", reason="moved_in", joined=[joining])
    found = [d.call("get_household", "auditor", household_id=h.household_id, valid_at="2023-11-01")["valid"] for h in (made, other)]
    assert [[m["person_id"] for m in there["members"]] for there in found] == [[made.members[0]], [other.members[0], who]]
    other_case = grant(d, LIVING, household_id=other.household_id)
    assert due(d, other_case, "2023-12") >= 2 * STANDARD
    assert d.call("class_on", "auditor", person_id=who, day="2023-09-15")["hardship_class"] == "minimum_living"
    assert d.call("class_on", "auditor", person_id=who, day="2023-10-15")["hardship_class"] == ""
    assert d.call("class_on", "auditor", person_id=who, day="2023-12-15")["hardship_class"] == "minimum_living"


def test_a_change_is_all_or_nothing_and_tells_what_is_wrong(d: Desk, numbers: Numbers) -> None:
    """One who is counted elsewhere, or dead, keeps the other from being placed."""
    d.on("2023-07-03")
    made, elsewhere = home(d, numbers, {}), home(d, numbers, {})
    office = d.services["assistance"].office
    taken = office.load(household.DECIDER, elsewhere.household_id).state.members[elsewhere.members[0]]
    fresh = newborn(numbers, "20230601")
    with pytest.raises(Refused, match="已登记在另一家庭"):
        change(d, made, "2023-07", joined=[fresh, {"resident_id": taken.resident_id, "name": taken.name, "relation": "亲属"}])
    change(d, elsewhere, "2023-07", joined=[fresh])
    assert len(d.call("get_household", "auditor", household_id=elsewhere.household_id)["members"]) == 2


def test_the_facts_of_a_person_without_a_household_may_be_changed_from_a_month_on(d: Desk, numbers: Numbers) -> None:
    """特困: savings end it from their month; a guardian that is named later is paid."""
    d.on("2023-07-03")
    who, guardian = single(d, numbers, "19450101", area="rural"), single(d, numbers, "19750101")
    case_id = supported(d, who)
    d.on("2023-09-10")
    d.call("change_person", person_id=who, from_month="2023-09", evidence="监护协议", payee_id=guardian)
    d.settle()
    assert case(d, case_id)["payee_id"] == guardian
    d.on("2023-11-10")
    d.call("change_person", person_id=who, from_month="2023-10", evidence="银行查询结果", savings_fen=50_000_000)
    d.settle()
    assert (due(d, case_id, "2023-09") > 0, due(d, case_id, "2023-10"), case(d, case_id)["status"]) == (True, 0, "ended")


# -- 特困 and 低保


def test_who_is_granted_extreme_hardship_support_leaves_the_allowance_of_his_household(d: Desk, numbers: Numbers) -> None:
    """国发〔2016〕14号: a single old man's 低保 ends with the first month of 特困; of two the other goes on alone, until 特困 ends."""
    d.on("2023-07-03")
    lonely = home(d, numbers, {"born": "19480101"}, town="330225106")
    couple = home(d, numbers, {"born": "19750101"}, {"born": "19480101"}, town="330225106")
    lone_case, pair_case = (grant(d, LIVING, household_id=h.household_id) for h in (lonely, couple))
    both = due(d, pair_case, "2023-08")
    d.on("2023-08-05")
    own = supported(d, lonely.members[0], "2023-08-04")
    first = case(d, own)["first_month"]
    assert (case(d, lone_case)["status"], case(d, lone_case)["ended_from"]) == ("ended", first)
    d.on("2023-08-20")
    old = supported(d, couple.members[1], "2023-08-19")
    begins = case(d, old)["first_month"]
    assert due(d, pair_case, "2023-08") == both > due(d, pair_case, begins) >= STANDARD
    d.on("2023-11-10")
    d.call("record_finding", person_id=couple.members[1], found_on="2023-11-05", able_supporter=True)
    d.settle()
    ended = case(d, old)["ended_from"]
    assert (case(d, old)["status"], due(d, pair_case, ended)) == ("ended", both)


def test_who_is_supported_already_is_not_counted_when_his_household_applies(d: Desk, numbers: Numbers) -> None:
    """Also when 特困 came before the household was registered."""
    d.on("2023-07-03")
    number = numbers.resident("19460101")
    who = str(d.call("register_person", resident_id=number, name="某人", division="330225107", area="rural")["id"])
    supported(d, who)
    members = [newborn(numbers, "19800101", relation="户主"), {"resident_id": number, "name": "某人", "relation": "父"}]
    made = d.call("register_household", household_no="X1", division="330225107", area="rural", members=members)["id"]
    case_id = grant(d, LIVING, household_id=made)
    assert due(d, case_id, case(d, case_id)["first_month"]) == STANDARD


# -- 单人保


def test_a_member_of_a_margin_household_is_supported_alone_beside_its_determination(d: Desk, numbers: Numbers) -> None:
    """单人保: applied for, granted by his own income, paid to himself, listed as one; the household's margin class stays."""
    d.on("2023-07-03")
    disabled = {"born": "19780101", "disability_grade": 1, "disability_kind": "physical"}
    made = home(d, numbers, {"born": "19750101", "monthly_income_fen": 300_000}, disabled, town="330225108")
    head, who = made.members
    margin = grant(d, MARGIN, household_id=made.household_id)
    with pytest.raises(Refused, match="不是该家庭"):
        d.call("apply", programme=LIVING, household_id=made.household_id, applies_alone="0d" * 16)
    with pytest.raises(Refused, match="单独"):
        d.call("apply", programme=EXPENDITURE, household_id=made.household_id, applies_alone=who)
    own = grant(d, LIVING, household_id=made.household_id, applies_alone=who)
    stands = case(d, own)
    assert (stands["payee_id"], stands["last_assessment"]["inputs"]["applies_alone"]) == (who, who)
    first = stands["first_month"]
    assert due(d, own, first) >= STANDARD
    assert case(d, margin)["status"] == "in_force"
    classes = [d.call("class_on", "auditor", person_id=p, day=f"{first}-01")["hardship_class"] for p in (head, who)]
    assert classes == ["margin", "minimum_living"]
    d.on("2023-10-10")
    d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=310_000, effective_from="2023-09-01")
    d.settle()
    assert [case(d, c)["status"] for c in (own, margin)] == ["in_force", "in_force"]
    change(d, made, "2023-10", reason="moved_out", left=[who])
    assert (case(d, own)["status"], case(d, own)["ended_from"]) == ("ended", "2023-10")
    assert case_of(LIVING, made.household_id) == own


def test_who_was_supported_alone_keeps_his_months_when_the_whole_household_is(d: Desk, numbers: Numbers) -> None:
    """First one member, later all: of the earlier months the class is his alone, of the later ones everybody's; and the other way round."""
    d.on("2023-07-03")
    made = home(
        d, numbers, {"born": "19750101", "monthly_income_fen": 300_000},
        {"born": "19780101", "disability_grade": 1, "disability_kind": "physical"}, town="330225108",
    )  # fmt: skip
    head, who = made.members
    grant(d, MARGIN, household_id=made.household_id)
    own = grant(d, LIVING, household_id=made.household_id, applies_alone=who)
    first = case(d, own)["first_month"]
    d.on("2023-10-10")
    d.call("record_income", household_id=made.household_id, person_id=who, monthly_income_fen=600_000, effective_from="2023-09-10")
    d.settle()
    assert case(d, own)["status"] == "ended"
    d.on("2023-12-05")
    for person_id in made.members:
        body = {"household_id": made.household_id, "person_id": person_id, "monthly_income_fen": 20_000}
        d.call("record_income", **body, effective_from="2023-11-20")
    d.settle()
    whole = grant(d, LIVING, household_id=made.household_id)
    then = case(d, whole)["first_month"]

    def classes(month: str) -> list[str]:
        return [d.call("class_on", "auditor", person_id=p, day=f"{month}-01")["hardship_class"] for p in (head, who)]

    assert whole == own
    assert classes(then) == ["minimum_living", "minimum_living"]
    assert classes(first) == ["margin", "minimum_living"]
    assert classes("2023-07")[1] == ""


def test_who_is_neither_severely_disabled_nor_gravely_ill_may_not_apply_alone(d: Desk, numbers: Numbers) -> None:
    """The rules refuse with their reason; as a whole, the household may apply again."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19750101", "monthly_income_fen": 300_000}, {"born": "19780101"})
    refused = decide(d, apply(d, LIVING, household_id=made.household_id, applies_alone=made.members[1]))
    assert refused["status"] == "refused"
    assert "单独申请人不属于" in refused["last_assessment"]["reason"]
    whole = decide(d, apply(d, LIVING, household_id=made.household_id))
    assert whole["last_assessment"]["reason"] == "家庭人均收入不低于低保标准"


# -- near relatives (近亲属备案)


def test_a_declared_near_relative_is_filed_before_the_case_is_confirmed(d: Desk, numbers: Numbers) -> None:
    """The declaration stands in the case; without the filing nobody confirms it."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, town="330225109")
    with pytest.raises(Refused) as unknown:
        d.call("apply", programme=LIVING, household_id=made.household_id, near_relative="cousin")
    assert unknown.value.field == "near_relative"
    case_id = apply(d, LIVING, household_id=made.household_id, near_relative="of_village_committee")
    with pytest.raises(Refused, match="近亲属享受救助备案"):
        decide(d, case_id)
    entry = {"programme": "near_relative_filing", "division": "330225109", "subject_id": made.members[0]}
    d.call("enlist", **entry, reason="of_village_committee", refers_to=case_id)
    d.call("confirm", "approver", case_id=case_id, reviewed=case(d, case_id)["proposal"]["reviewed"])
    assert (case(d, case_id)["status"], case(d, case_id)["near_relative"]) == ("in_force", "of_village_committee")


# -- the whole


def test_states_in_bulk_are_what_the_streams_say_and_what_is_told_again_changes_no_amount(d: Desk) -> None:
    """After all these lives: rises and simulations read the same facts, and a bus that repeats itself changes no amount."""
    office = d.services["assistance"].office
    d.settle()
    homes = [row["household_id"] for row in d.call("list_households", "auditor", limit=500)]
    bulk = Tables(office.read, TABLES["standards"]).households(homes)
    assert len(homes) > 10
    for household_id in homes:
        loaded = office.load(household.DECIDER, household_id)
        assert bulk[household_id][1] == loaded.version
        for month in ("2023-06", "2023-08", "2023-09", "2023-10", "2023-12"):
            asked = (month, 1, None, LIVING)
            assert household.facts_in(bulk[household_id][0], *asked) == household.facts_in(loaded.state, *asked)
    cases = [row["case_id"] for row in d.call("list_cases", "auditor", limit=500)]

    def stands() -> dict[str, Any]:
        states = {c: office.load(CASES, c).state for c in cases}
        return {c: (s.status, [s.due(f"2023-{m:02d}") for m in range(1, 13)], s.payee_id) for c, s in states.items()}

    before = stands()
    d._delivered = -1
    d.settle()
    assert stands() == before


# -- the head


def heads_wanted(d: Desk, household_id: str, worklist: str = "household_head_wanted") -> list[dict[str, Any]]:
    d.project()
    rows = d.call("list_waiting", "auditor", worklist=worklist, limit=500)
    return [row for row in rows if row["subject_id"] == household_id]


def test_a_head_who_died_is_followed_by_whom_the_household_names(d: Desk, numbers: Numbers) -> None:
    """The eldest is paid for the time being and the household waits in a list; named, the new head is paid as soon as his account is."""
    town = "330225106"
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19550101"}, {"born": "19850101"}, town=town)
    head, eldest, child = made.members
    case_id = grant(d, LIVING, household_id=made.household_id)
    assert (case(d, case_id)["payee_id"], heads_wanted(d, made.household_id)) == (head, [])
    d.on("2023-08-10")
    d.tell("registry", "after_death_opened", person_id=head, died_on="2023-08-05", division=town, round=1, steps=["household"])
    d.settle()
    assert case(d, case_id)["payee_id"] == eldest
    [waits] = heads_wanted(d, made.household_id)
    assert (waits["division"], waits["due_on"]) == (town, "2023-09-09")
    body = {"household_id": made.household_id, "from_month": "2023-08", "evidence": "户口簿"}
    for wrong, code in (({"head_id": head}, "unknown_person"), ({"head_id": child, "from_month": "2023-09"}, "invalid_input")):
        with pytest.raises(Refused) as refused:
            d.call("change_head", **{**body, **wrong})
        assert refused.value.code == code
    before = due(d, case_id, "2023-09")
    d.call("change_head", **body, head_id=child)
    d.settle()
    assert (case(d, case_id)["payee_id"], due(d, case_id, "2023-09"), heads_wanted(d, made.household_id)) == (child, before, [])
    rows = {row["household_id"]: row for row in d.call("list_households", "auditor", at=town)}
    assert rows[made.household_id]["head_id"] == child
    again = len(history(d, case_id))
    assert d.call("change_head", **body, head_id=child)["events"] in ([], ())
    d.settle()
    assert len(history(d, case_id)) == again
    d.on("2023-09-15")
    pay(d, LIVING, "2023-09", town)
    assert [e for e in history(d, case_id) if isinstance(e, bc.BenefitPaid)][-1].month == "2023-09"


def test_a_head_whom_nobody_names_in_time_is_an_event_and_stands_in_a_list_of_its_own(d: Desk, numbers: Numbers) -> None:
    """户主逾期未变更: once, on the day after; named, it leaves the list; wanted again, the days run anew."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19550101"}, {"born": "19850101"}, town="330225108")
    change(d, made, "2023-08", reason="moved_out", left=[made.members[0]])
    [waits] = heads_wanted(d, made.household_id)
    assert waits["due_on"] == "2023-08-02"

    def told() -> list[str]:
        stream = household.DECIDER.stream(made.household_id)
        found = [r.event for r in d.services["assistance"].office.history(stream) if isinstance(r.event, household.HeadOverdue)]
        return [e.due_on.isoformat() for e in found]

    d.on("2023-08-02").settle()
    assert told() == []
    for day in ("2023-08-03", "2023-08-04"):
        d.on(day).settle()
        assert told() == ["2023-08-02"]
    late = "household_head_overdue"
    assert (len(heads_wanted(d, made.household_id)), len(heads_wanted(d, made.household_id, late))) == (0, 1)
    d.call("change_head", household_id=made.household_id, from_month="2023-08", evidence="户口簿", head_id=made.members[1])
    d.settle()
    assert heads_wanted(d, made.household_id, late) == []
    change(d, made, "2023-09", reason="moved_out", left=[made.members[1]])
    d.on("2023-10-30").settle()
    assert told() == ["2023-08-02", "2023-09-03"]


def test_a_household_without_a_head_waits_until_he_lives_after_all_or_all_of_it_are_gone(d: Desk, numbers: Numbers) -> None:
    """Who moved out as head leaves the question behind; a household of nobody asks nothing."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19850101"}, town="330225107")
    change(d, made, "2023-08", reason="moved_out", left=[made.members[0]])
    assert len(heads_wanted(d, made.household_id)) == 1
    change(d, made, "2023-08", reason="moved_out", left=[made.members[1]])
    assert heads_wanted(d, made.household_id) == []
    other = home(d, numbers, {"born": "19500101"}, {"born": "19850101"}, town="330225107")
    died = {"person_id": other.members[0], "division": "330225107", "steps": ["household"]}
    d.tell("registry", "after_death_opened", **died, died_on="2023-07-01", round=1)
    assert len(heads_wanted(d, other.household_id)) == 1
    d.tell("registry", "after_death_annulled", **died, round=2)
    assert heads_wanted(d, other.household_id) == []
