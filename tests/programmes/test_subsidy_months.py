"""From which month a disability subsidy counts, and until which (A73–A77): by the application and by the certificates on file, in whatever
order somebody learnt of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from shared.casework import handoff
from shared.domain import dates
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Numbers, case, decide, due, grant, home, pay, single

ALLOWANCE, LIVING, CARE = "minimum_living_allowance", "disabled_living_subsidy", "severe_disability_care_subsidy"
CERTIFIED = {"grade": 1, "kind": "physical"}


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("subsidies"), "assistance") as made:
        yield made


def in_care(d: Desk, numbers: Numbers, *, certified: bool = True, town: str = TOWN) -> str:
    """Somebody who needs long-term care."""
    who = single(d, numbers, "19700101", town=town)
    if certified:
        d.call("record_certificate", person_id=who, **CERTIFIED, effective_from="2013-09-01")
    d.call("record_finding", person_id=who, found_on="2023-01-02", long_term_care=True)
    d.settle()
    return who


def months(d: Desk, case_id: str, first: str, last: str) -> list[bool]:
    """In which of these months something is due."""
    return [due(d, case_id, month) > 0 for month in dates.months_between(first, last)]


def test_what_was_applied_for_at_another_window_counts_from_the_month_in_which_it_was(d: Desk, numbers: Numbers) -> None:
    """A77: the hand-off went out in July and was taken up in August; the applicant loses no month by it, and the limits run from August."""
    d.on("2023-07-28")
    who, papers = in_care(d, numbers), handoff.dossier_hash(b"papers")
    sent = d.call(
        "send_handoff", programme="disabled_subsidy_cross_province", division="330225", from_unit="340102", to_unit=TOWN, what="护理补贴",
        dossier_hash=papers, subject_id=who, documents=["申请表", "残疾人证"],
    )["id"]  # fmt: skip
    d.on("2023-08-01")
    case_id = d.call("apply_from_handoff", record_id=sent, programme=CARE, dossier_hash=papers)["id"]
    shown = case(d, case_id)
    assert (shown["applied_on"], shown["filed_on"]) == (date(2023, 7, 28), date(2023, 8, 1))
    d.call("accept_application", case_id=case_id)
    assert decide(d, case_id)["first_month"] == "2023-07"
    assert "2023-07" in d.call("get_record", "auditor", shape="handoff", record_id=sent)["result"]


def test_an_acceptance_refused_in_error_costs_the_applicant_no_month(d: Desk, numbers: Numbers) -> None:
    """The refusal is set aside on appeal two months later: the limits begin anew, the months are those of the application."""
    d.on("2023-07-03")
    who = in_care(d, numbers)
    case_id = d.call("apply", programme=CARE, person_id=who)["id"]
    d.call("refuse_acceptance", case_id=case_id, reason="不属本单位受理")
    d.call("file_appeal", case_id=case_id, decision=case(d, case_id)["decisions"][-1]["number"], reason="户籍在本镇")
    d.call("assign_appeal", "approver", case_id=case_id, to="staff:other")
    d.on("2023-09-04").call("answer_appeal", "approver", actor="staff:other", case_id=case_id, outcome="upheld", reason="应予受理")
    d.settle()
    assert (case(d, case_id)["status"], case(d, case_id)["filed_on"]) == ("applied", date(2023, 9, 4))
    d.call("accept_application", case_id=case_id)
    assert decide(d, case_id)["first_month"] == "2023-07"


def test_a_month_of_an_earlier_round_that_was_taken_back_in_error_is_given_back(d: Desk, numbers: Numbers) -> None:
    """He applied anew since: that application says nothing of the months that came of the one before."""
    d.on("2023-04-03")
    who = in_care(d, numbers)
    case_id = grant(d, CARE, person_id=who)
    d.on("2023-07-03").call("record_certificate", person_id=who, grade=0, effective_from="2023-06-20")
    d.settle()
    d.on("2023-09-04").call("record_certificate", person_id=who, **CERTIFIED, effective_from="2023-09-01")
    assert grant(d, CARE, person_id=who) == case_id
    due_then = [True, True, True, False, False, True]
    assert months(d, case_id, "2023-04", "2023-09") == due_then
    drawn = {"person_id": who, "code": "work_injury_care"}
    d.call("record_benefit_elsewhere", **drawn, month="2023-07", drawn=False)
    d.call("record_benefit_elsewhere", **drawn, month="2023-06")
    d.settle()
    assert months(d, case_id, "2023-04", "2023-09") == [True, True, False, False, False, True]
    d.call("record_benefit_elsewhere", **drawn, month="2023-06", drawn=False)
    d.settle()
    assert months(d, case_id, "2023-04", "2023-09") == due_then


def test_a_certificate_that_is_older_than_was_known_gives_the_months_since_the_application(d: Desk, numbers: Numbers) -> None:
    """Granted from September, with the certificate of that month; in November an older one turns up: July, when he applied, and August go
    out with the next payment, and nothing of June. Cancelled again, they are withdrawn before anybody has had them."""
    town = "330225301"
    d.on("2023-07-03")
    who = in_care(d, numbers, certified=False, town=town)
    case_id = str(d.call("apply", programme=CARE, person_id=who)["id"])
    d.on("2023-09-04").call("record_certificate", person_id=who, **CERTIFIED, effective_from="2023-09-01")
    d.call("accept_application", case_id=case_id)
    assert decide(d, case_id)["first_month"] == "2023-09"
    for month in ("2023-09", "2023-10", "2023-11"):
        d.on(f"{month}-20")
        pay(d, CARE, month, town)
    monthly = due(d, case_id, "2023-11")
    d.call("record_certificate", person_id=who, **CERTIFIED, effective_from="2023-05-10")
    d.settle()
    assert months(d, case_id, "2023-05", "2023-12") == [False, False] + [True] * 6
    assert case(d, case_id)["arrears_fen"] == due(d, case_id, "2023-07") + due(d, case_id, "2023-08") == 2 * monthly
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-08")
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-09", drawn=False)
    d.settle()
    assert (months(d, case_id, "2023-07", "2023-10"), case(d, case_id)["arrears_fen"]) == ([True, False, True, True], monthly)
    d.on("2023-12-20")
    pay(d, CARE, "2023-12", town)
    assert (case(d, case_id)["status"], case(d, case_id)["arrears_fen"]) == ("in_force", 0)
    assert d.call("list_recoveries", "auditor", case_id=case_id) == []
    assert all(v["same"] for v in d.call("recheck_case", "auditor", case_id=case_id))


def test_a_milder_certificate_behind_one_that_had_run_out_counts_from_its_own_month(d: Desk, numbers: Numbers) -> None:
    """A milder grade waits for the month after only where a better one is drawn on: here nothing was in force."""
    d.on("2023-03-01")
    found = home(d, numbers, {"born": "19700101"}, {"born": "19720101"})
    who = found.members[1]
    d.call("record_certificate", person_id=who, **CERTIFIED, effective_from="2020-01-10", valid_until="2023-02-20")
    grant(d, ALLOWANCE, household_id=found.household_id)
    d.on("2023-05-03").call("record_certificate", person_id=who, grade=3, kind="physical", effective_from="2023-05-02")
    d.settle()
    case_id = grant(d, LIVING, person_id=who)
    assert (case(d, case_id)["first_month"], due(d, case_id, "2023-05")) == ("2023-05", 32_000)


@pytest.mark.parametrize(
    ("later", "is_due"),
    [
        ({"effective_from": "2013-01-10", "valid_until": "2023-01-09"}, [True, True, True, False, False, False]),
        ({"effective_from": "2023-11-10", "valid_until": "2033-11-09"}, [True, True, True, False, False, False]),
        ({"effective_from": "2023-08-25", "valid_until": "2033-08-24"}, [True, True, True, True, True, True]),
    ],
    ids=["of before", "of after a gap", "in time"],
)
def test_a_certificate_runs_out_whatever_else_is_recorded_meanwhile(
    d: Desk, numbers: Numbers, later: dict[str, str], is_due: list[bool]
) -> None:
    """Another certificate, of before or of later on, does not stand in for the one that counts; one that follows it in time does."""
    d.on("2023-03-01")
    who = in_care(d, numbers, certified=False)
    d.call("record_certificate", person_id=who, **CERTIFIED, effective_from="2023-01-10", valid_until="2023-08-20")
    d.settle()
    case_id = grant(d, CARE, person_id=who)
    d.on("2023-06-05").call("record_certificate", person_id=who, **CERTIFIED, **later)
    d.settle()
    d.on("2023-09-02").settle()
    d.on("2023-10-09").settle()
    assert months(d, case_id, "2023-06", "2023-11") == is_due
    shown = d.call("list_persons", "auditor")
    held = next(row for row in shown if row["person_id"] == who)["certificate_until"]
    assert held == max("2023-08-20", later["valid_until"])


@pytest.mark.parametrize(("begins", "goes_on"), [("2023-08-05", True), ("2023-09-02", False)], ids=["followed on", "after a gap"])
def test_a_renewal_that_is_told_late_gives_back_what_had_ended(d: Desk, numbers: Numbers, begins: str, goes_on: bool) -> None:
    """残联's message comes in September: what was his all along takes no new application, and the month nobody paid goes out as arrears; a
    certificate that came later than the old one ran out is a matter for an application."""
    d.on("2023-06-05")
    who = in_care(d, numbers, certified=False)
    d.call("record_certificate", person_id=who, **CERTIFIED, effective_from="2013-01-10", valid_until="2023-07-20")
    d.settle()
    case_id = grant(d, CARE, person_id=who)
    d.on("2023-08-02").settle()
    assert case(d, case_id)["status"] == "ended"
    d.on("2023-09-06").tell("dpf", "certificate_changed", person_id=who, **CERTIFIED, effective_from=begins, valid_until="2033-08-04")
    d.settle()
    shown = case(d, case_id)
    assert (shown["status"], shown["arrears_fen"]) == (("in_force", 50_000) if goes_on else ("ended", 0))
    assert months(d, case_id, "2023-07", "2023-10") == [True, goes_on, goes_on, goes_on]
