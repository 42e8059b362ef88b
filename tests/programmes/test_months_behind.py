"""Months due again behind some that were not, told late (A09, A10): each is what the rules say of it, in whatever order it is told.

An end that reaches back takes months that went by in force; nobody could apply in them. What an end settles, and what not, is ADR 25.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import permutations
from typing import Any

import pytest

from services.assistance import determination
from services.assistance.benefits import CASES
from shared.casework import benefit_case as bc
from shared.domain import dates
from tests.desk import Desk, desk
from tests.programmes.gaps import FALL, LIVING, MONTHLY, RISE, earns, months, stands, supported
from tests.programmes.people import Numbers, apply, case, decide, due, grant, happened, home, pay, single

MARGIN, CARE = "minimum_living_margin_household", "severe_disability_care_subsidy"
TOWN = "330225101"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has a household and a town of its own."""
    with desk(tmp_path_factory.mktemp("gaps"), "assistance") as made:
        yield made


@pytest.fixture
def town(old: str) -> str:
    """Nobody else is paid in it."""
    return old


def claimed(d: Desk, case_id: str) -> int:
    """What is left to be repaid, in fen."""
    return sum(int(r["left_fen"]) for r in d.call("list_recoveries", "auditor", case_id=case_id))


@pytest.mark.parametrize("told", list(permutations((RISE, FALL))), ids=["rise first", "fall first"])
def test_of_months_told_late_only_those_that_were_not_due_are_claimed(
    d: Desk, numbers: Numbers, town: str, told: tuple[tuple[int, str], ...]
) -> None:
    """He earned for a month, and it is told in November in either order: that month is claimed, and support goes on."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    for fen, day in told:
        earns(d, made, fen, day)
    assert months(d, case_id) == [MONTHLY, 0, MONTHLY, MONTHLY, MONTHLY]
    assert (claimed(d, case_id), case(d, case_id)["status"], case(d, case_id)["arrears_fen"]) == (MONTHLY, "in_force", 0)
    d.on("2023-12-11")
    pay(d, LIVING, "2023-12", town)
    assert (stands(d, case_id).sent["2023-12"].amount_fen, stands(d, case_id).sent["2023-12"].arrears_fen) == (MONTHLY, 0)
    assert all(v["same"] for v in d.call("recheck_case", "auditor", case_id=case_id))


def test_a_second_fact_that_is_told_weeks_later_pays_what_was_stopped_meanwhile(d: Desk, numbers: Numbers, town: str) -> None:
    """The end was decided in November on half of what is known in January: it runs again from October, and December goes out as arrears."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, *RISE)
    assert (case(d, case_id)["status"], claimed(d, case_id)) == ("ended", 3 * MONTHLY)
    d.on("2024-01-08")
    earns(d, made, *FALL)
    now = stands(d, case_id)
    assert (now.status, now.first_month, now.arrears_fen, now.claimed) == ("in_force", "2023-10", MONTHLY, {"2023-09": MONTHLY})
    assert claimed(d, case_id) == MONTHLY
    pay(d, LIVING, "2024-01", town)
    assert stands(d, case_id).sent["2024-01"].arrears_fen == MONTHLY
    [granted] = [e for e in happened(d, "assistance", case_id, bc.CaseGranted) if e.cause]
    assert (granted.first_month, granted.decided_on, granted.review_due) == ("2023-10", date(2024, 1, 8), date(2025, 1, 31))


def test_who_is_not_due_in_the_month_of_the_decision_applies_again(d: Desk, numbers: Numbers, town: str) -> None:
    """October is due by what is told in January, the rest is not: nothing of October is claimed, and the case stays ended from November."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, *RISE)
    d.on("2024-01-08")
    earns(d, made, 800_000, "2023-10-12")
    earns(d, made, *FALL)
    assert (months(d, case_id), case(d, case_id)["status"], case(d, case_id)["ended_from"]) == (
        [MONTHLY, 0, MONTHLY, 0, 0], "ended", "2023-11",
    )  # fmt: skip
    assert claimed(d, case_id) == 2 * MONTHLY


def test_an_end_that_was_decided_ahead_is_for_good(d: Desk, numbers: Numbers, town: str) -> None:
    """Told in time, it takes nothing back: of months behind it a fact alone gives nothing, they are applied for."""
    made, case_id = supported(d, numbers, town, "2023-08")
    d.on("2023-08-20")
    earns(d, made, *RISE)
    d.on("2023-10-09")
    earns(d, made, *FALL)
    assert (months(d, case_id), case(d, case_id)["status"]) == ([MONTHLY, 0, 0, 0, 0], "ended")


def test_a_month_that_was_taken_out_is_due_after_all(d: Desk, numbers: Numbers, town: str) -> None:
    """The income was somebody else's: the claim on September is met, whether the case runs behind it or has ended since."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, *RISE)
    earns(d, made, *FALL)
    d.on("2023-12-04")
    earns(d, made, 0, RISE[1])
    assert (months(d, case_id), claimed(d, case_id)) == ([MONTHLY] * 5, 0)
    [decided] = happened(d, "assistance", case_id, bc.EarlierRoundReassessed)
    assert (decided.from_month, decided.before) == ("2023-08", "2023-10")
    spans = determination.spans_of(r.event for r in d.services["assistance"].office.history(CASES.stream(case_id)))
    assert all(any(s.holds(m) for s in spans) for m in dates.months_between("2023-08", "2024-02"))
    assert d.call("class_on", "auditor", person_id=made.members[0], day="2023-09-15")["hardship_class"] == "minimum_living"


def test_the_class_of_a_month_that_falls_out_falls_out_too(d: Desk, numbers: Numbers, town: str) -> None:
    """What rests on the class (两项补贴、价格补贴) must not find it in a month in which it was not so."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    classes = [
        d.call("class_on", "auditor", person_id=made.members[0], day=f"2023-{m}-15")["hardship_class"] for m in ("08", "09", "10", "11")
    ]
    assert classes == ["minimum_living", "", "minimum_living", "minimum_living"]
    shown = [d.call("get_case", "auditor", case_id=case_id, valid_at=f"2023-{m}-15")["valid"]["status"] for m in ("08", "09", "10")]
    assert shown == ["in_force", "not_in_force", "in_force"]


def test_a_determination_that_pays_nothing_has_its_months_too(d: Desk, numbers: Numbers, town: str) -> None:
    """低保边缘 told late to have been too rich in one month: the class is missing in that month alone, and comes back if it was not so."""
    d.on("2023-07-03")
    members = [{"born": born, "monthly_income_fen": 150_000} for born in ("19700101", "19950101")]
    made = home(d, numbers, *members, town=town)
    case_id = grant(d, MARGIN, household_id=made.household_id)
    d.on("2023-11-20")
    earns(d, made, 900_000, "2023-08-05")
    earns(d, made, 150_000, "2023-09-05")

    def margin() -> list[bool]:
        months = ("08", "09", "10", "11")
        asked = [d.call("class_on", "auditor", person_id=made.members[0], day=f"2023-{m}-15")["hardship_class"] for m in months]
        shown = [d.call("get_case", "auditor", case_id=case_id, valid_at=f"2023-{m}-15")["valid"]["status"] for m in months]
        assert [c == "margin" for c in asked] == [s == "in_force" for s in shown]
        return [c == "margin" for c in asked]

    assert margin() == [True, False, True, True]
    earns(d, made, 150_000, "2023-08-05")
    assert margin() == [True] * 4
    assert stands(d, case_id).status == "in_force"


def test_a_month_between_application_and_grant_that_is_not_due_costs_no_more_than_itself(d: Desk, numbers: Numbers, town: str) -> None:
    """A subsidy applied for in July, excluded in August by what another agency paid, due again from September: three months of four."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101", town=town)
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2013-09-01")
    d.call("record_finding", person_id=who, found_on="2023-01-02", long_term_care=True)
    drawn = {"person_id": who, "code": "work_injury_care"}
    case_id = str(d.call("apply", programme=CARE, person_id=who)["id"])
    d.call("record_benefit_elsewhere", **drawn, month="2023-08")
    d.call("record_benefit_elsewhere", **drawn, month="2023-09", drawn=False)
    d.settle()
    d.on("2023-10-09").call("accept_application", case_id=case_id)
    decide(d, case_id)
    got = months(d, case_id, "2023-07", "2023-11")
    assert [fen > 0 for fen in got] == [True, False, True, True, True]
    pay(d, CARE, "2023-10", town)
    now = stands(d, case_id)
    assert (sum(now.paid.values()), now.arrears_fen) == (sum(got[:4]), 0), "what went by goes out with the first payment"


def test_an_exclusion_of_one_month_that_is_told_late_takes_that_month_alone(d: Desk, numbers: Numbers, town: str) -> None:
    """Another agency tells in November that it paid for September, and for September only."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101", town=town)
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2013-09-01")
    d.call("record_finding", person_id=who, found_on="2023-01-02", long_term_care=True)
    d.settle()
    case_id = grant(d, CARE, person_id=who)
    for month in dates.months_between("2023-07", "2023-11"):
        d.on(f"{month}-20")
        pay(d, CARE, month, town)
    fen = due(d, case_id, "2023-11")
    drawn: dict[str, Any] = {"person_id": who, "code": "work_injury_care"}
    d.call("record_benefit_elsewhere", **drawn, month="2023-09")
    d.settle()
    d.call("record_benefit_elsewhere", **drawn, month="2023-10", drawn=False)
    d.settle()
    assert months(d, case_id, "2023-07", "2023-12") == [fen, fen, 0, fen, fen, fen]
    assert (claimed(d, case_id), case(d, case_id)["status"]) == (fen, "in_force")


def test_who_applied_again_meanwhile_is_claimed_no_month_that_was_due(d: Desk, numbers: Numbers, town: str) -> None:
    """The end of November was on half of the facts; he applied, and is supported from December when the rest is told."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, *RISE)
    earns(d, made, 0, "2023-11-12")
    assert grant(d, LIVING, household_id=made.household_id) == case_id
    assert (months(d, case_id), claimed(d, case_id)) == ([MONTHLY, 0, 0, 0, MONTHLY], 3 * MONTHLY)
    d.on("2024-01-08")
    earns(d, made, *FALL)
    assert (months(d, case_id), claimed(d, case_id)) == ([MONTHLY, 0, MONTHLY, MONTHLY, MONTHLY], MONTHLY)


def test_what_was_suspended_stays_suspended_behind_a_month_that_falls_out(d: Desk, numbers: Numbers, town: str) -> None:
    """暂停 is another decision: a late income must not pay what it holds back."""
    made, case_id = supported(d, numbers, town, "2023-10")
    d.on("2023-11-03").call("suspend_case", "reviewer", case_id=case_id, from_month="2023-11", reason="失联")
    d.on("2023-12-04")
    earns(d, made, *RISE)
    earns(d, made, *FALL)
    assert (case(d, case_id)["status"], months(d, case_id)) == ("suspended", [MONTHLY, 0, MONTHLY, 0, 0])
    assert claimed(d, case_id) == MONTHLY


def test_a_job_taken_up_behind_a_month_that_fell_out_is_no_gradual_exit(d: Desk, numbers: Numbers, town: str) -> None:
    """渐退 is for who was supported when he began to work. Before it was told that he did, October had been given back."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    earns(d, made, 800_000, "2023-09-06", reason="employment")
    assert (months(d, case_id), claimed(d, case_id), case(d, case_id)["status"]) == ([MONTHLY, 0, 0, 0, 0], 3 * MONTHLY, "ended")
    earns(d, made, 0, RISE[1])  # the income before it was somebody else's: now he was supported when he began to work
    assert (months(d, case_id), claimed(d, case_id), case(d, case_id)["status"]) == ([MONTHLY] * 5, 0, "gradual_exit")
    assert stands(d, case_id).exit_since == "2023-10"


def test_a_round_that_was_taken_back_as_a_whole_is_due_after_all(d: Desk, numbers: Numbers, town: str) -> None:
    """Its only month fell out and the rest was given back: August is decided again like every month of an earlier round."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, 800_000, "2023-07-05")
    earns(d, made, 0, "2023-08-05")
    assert (months(d, case_id), claimed(d, case_id)) == ([0, *[MONTHLY] * 4], MONTHLY)
    earns(d, made, 0, "2023-07-05")
    assert (months(d, case_id), claimed(d, case_id)) == ([MONTHLY] * 5, 0)
    assert all(v["same"] for v in d.call("recheck_case", "auditor", case_id=case_id))


def test_a_determination_runs_again_from_the_very_month_in_which_that_is_told(d: Desk, numbers: Numbers, town: str) -> None:
    """低保边缘 found too rich in October, and not so in November any more: nothing was paid that would say so, it is granted again."""
    d.on("2023-07-03")
    members = [{"born": born, "monthly_income_fen": 150_000} for born in ("19700101", "19950101")]
    made = home(d, numbers, *members, town=town)
    case_id = grant(d, MARGIN, household_id=made.household_id)
    d.on("2023-11-06")
    for month, fen in (("2023-10", 50_000_000), ("2023-11", 0)):
        d.call("change_household", household_id=made.household_id, from_month=month, reason="property", evidence="存单", savings_fen=fen)
        d.settle()
    assert (case(d, case_id)["status"], stands(d, case_id).first_month) == ("in_force", "2023-11")


def test_months_that_are_due_again_before_another_end_have_their_class_again(d: Desk, numbers: Numbers, town: str) -> None:
    """Taken back from August, which was a mistake, with an end in November that was none: the class was so until then."""
    made, case_id = supported(d, numbers, town, "2023-10")
    d.on("2023-11-06")
    for fen, day in ((800_000, "2023-10-05"), (800_000, "2023-07-05"), (0, "2023-07-05")):
        earns(d, made, fen, day)
    assert months(d, case_id) == [MONTHLY, MONTHLY, MONTHLY, 0, 0]
    asked = [d.call("class_on", "auditor", person_id=made.members[0], day=f"2023-{m}-15")["hardship_class"] for m in ("08", "10", "11")]
    assert asked == ["minimum_living", "minimum_living", ""]


def test_a_month_that_fell_out_stays_out_behind_an_application_that_was_refused(d: Desk, numbers: Numbers, town: str) -> None:
    """低保边缘 ended from October; he applied again in vain, and is told in January to have been too rich in October alone."""
    d.on("2023-07-03")
    members = [{"born": born, "monthly_income_fen": 150_000} for born in ("19700101", "19950101")]
    made = home(d, numbers, *members, town=town)
    case_id = grant(d, MARGIN, household_id=made.household_id)
    d.on("2023-11-20")
    earns(d, made, 900_000, "2023-09-05")
    d.on("2023-12-04")
    assert decide(d, apply(d, MARGIN, household_id=made.household_id))["status"] == "refused"
    d.on("2024-01-08")
    earns(d, made, 150_000, "2023-10-05")
    days = [f"2023-{m}-15" for m in ("09", "10", "11", "12")]
    classes = [d.call("class_on", "auditor", person_id=made.members[0], day=day)["hardship_class"] for day in days]
    assert classes == ["margin", "", "margin", ""]
    shown = [d.call("get_case", "auditor", case_id=case_id, valid_at=day)["valid"]["status"] for day in days]
    assert shown == ["in_force", "not_in_force", "in_force", "not_in_force"]


def test_a_review_that_was_open_is_asked_for_still_behind_a_month_that_fell_out(d: Desk, numbers: Numbers, town: str) -> None:
    """复审 was opened by a hand that had reason to: neither a gap nor an end that is set aside answers it, and its day stays."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20").call("open_review", "reviewer", case_id=case_id)
    asked = stands(d, case_id).review_due
    earns(d, made, *RISE)  # it ends from September
    assert (stands(d, case_id).status, stands(d, case_id).review_open) == ("ended", False)
    earns(d, made, 0, RISE[1])  # it was somebody else's: restored from the very month
    assert (stands(d, case_id).status, stands(d, case_id).review_open, stands(d, case_id).review_due) == ("in_force", True, asked)
    earns(d, made, *RISE)
    d.on("2024-01-08")
    earns(d, made, *FALL)  # granted again from October
    assert (stands(d, case_id).first_month, stands(d, case_id).review_open, stands(d, case_id).review_due) == ("2023-10", True, asked)
    assert case_id in {r["case_id"] for r in d.call("list_cases", "auditor", worklist="review")}
    d.call("answer_review", "reviewer", actor="staff:other", case_id=case_id, finding="情况属实")
    assert (stands(d, case_id).review_open, stands(d, case_id).review_due) == (False, date(2025, 1, 31))


def test_what_was_repaid_of_a_month_that_is_due_after_all_goes_back_once(d: Desk, numbers: Numbers, town: str) -> None:
    """Repaid by an instalment and withheld from a payment: with the claim met, the household has what is due, however often it turns."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    recoveries, cash = d.services["assistance"].payments.recoveries, 0

    def repays(fen: int, receipt: str) -> dict[str, str]:
        nonlocal cash
        [claim] = [r for r in d.call("list_recoveries", "auditor", case_id=case_id) if r["left_fen"]]
        this, cash = {"recovery_id": claim["recovery_id"]}, cash + fen
        parts = [{"due_on": "2024-05-31", "amount_fen": fen}, {"due_on": "2024-06-30", "amount_fen": claim["left_fen"] - fen}]
        d.call("agree_instalments", "reviewer", instalments=parts, **this)
        d.call("record_repayment", "cashier", amount_fen=fen, receipt_no=receipt, **this)
        d.settle()
        return this

    def settled() -> bool:
        now = stands(d, case_id)
        had = sum(s.amount_fen + s.arrears_fen for s in now.sent.values()) + now.arrears_fen - cash
        return had - claimed(d, case_id) == sum(now.due(m) for m in now.sent)

    this = repays(100_000, "收据1")
    d.call("agree_set_off", "reviewer", most_fen=50_000, document_no="同意书1", **this)
    d.call("set_off_recovery", "cashier", amount_fen=50_000, **this)
    d.settle()
    assert (claimed(d, case_id), settled()) == (MONTHLY - 150_000, True)
    d.on("2023-12-11")
    pay(d, LIVING, "2023-12", town)
    assert settled()
    earns(d, made, 0, RISE[1])
    assert (claimed(d, case_id), stands(d, case_id).arrears_fen, settled()) == (0, 150_000, True)
    d.on("2024-01-10")
    pay(d, LIVING, "2024-01", town)
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    repays(7_000, "收据2")
    assert (claimed(d, case_id), settled()) == (MONTHLY - 7_000, True)
    earns(d, made, 0, RISE[1])
    assert (claimed(d, case_id), stands(d, case_id).arrears_fen, settled()) == (0, 7_000, True)
    refunded = [e.amount_fen for e in happened(d, "assistance", case_id, bc.RepaymentRefunded)]
    assert sorted(refunded) == [7_000, 150_000]
    assert not any(
        d.services["assistance"].office.load(recoveries, r["recovery_id"]).state.open
        for r in d.call("list_recoveries", "auditor", case_id=case_id)
    )
