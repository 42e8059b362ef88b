"""差错台账 of the two subsidies: what a finding led to is there and of whom it speaks; what led to nothing waits; the rate of a quarter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.assistance import error_ledger, person
from services.assistance.benefits import CASES
from services.assistance.programmes import SEVERE_DISABILITY_CARE_SUBSIDY
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Numbers, apply, case, decide, due, grant, pay, single

CARE = SEVERE_DISABILITY_CARE_SUBSIDY.code


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    """A desk with a simulated bank."""
    with desk(tmp_path, "assistance") as made:
        yield made


def cared_for(d: Desk, numbers: Numbers) -> str:
    who = single(d, numbers, "19700101")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    d.settle()
    return who


def arrears_of(d: Desk, case_id: str) -> str:
    """The event that said what the case was owed."""
    history = d.services["assistance"].office.history(CASES.stream(case_id))
    return next(r.id for r in history if isinstance(r.event, bc.ArrearsFound))


def waiting(d: Desk) -> list[tuple[str, str]]:
    d.project()
    return [(w["item"], w["due_on"]) for w in d.call("list_waiting", "clerk", worklist="finding_follow_up")]


def test_a_finding_of_the_ledger_is_put_right_by_what_it_led_to(d: Desk) -> None:
    """An overpayment by its claim, an underpayment by its arrears, somebody ineligible by the end of his case: each of this case."""
    numbers = Numbers()
    d.on("2023-07-03")
    late, gone = cared_for(d, numbers), cared_for(d, numbers)
    ended = grant(d, CARE, person_id=gone)
    owed = apply(d, CARE, person_id=late)
    d.on("2023-07-20").settle()
    run = pay(d, CARE, "2023-07")
    d.on("2023-08-02")
    decide(d, owed)
    monthly = due(d, owed, "2023-08")
    d.on("2023-08-20").settle()
    pay(d, CARE, "2023-08")
    d.on("2023-09-05")
    history = d.services["assistance"].office.history(person.DECIDER.stream(gone))
    number = next(str(r.event.resident_id) for r in history if isinstance(r.event, person.PersonRegistered))
    d.tell("dpf", "certificate_changed", resident_id=number, grade=3, kind="physical", effective_from="2023-07-12")
    d.settle()
    assert case(d, ended)["status"] == "ended"
    [claim] = d.call("list_recoveries", "auditor")
    assert (claim["case_id"], claim["amount_fen"]) == (ended, monthly)

    campaign = {"programme": error_ledger.LEDGER, "division": "330225", "title": "差错台账", "scope": "两项补贴"}
    record = d.call("open_campaign", "reviewer", **campaign, period_from="2023-09-05", check_by="2023-09-30")["id"]
    ref = {"record_id": record}
    d.call("list_campaign_objects", "reviewer", **ref, objects=[owed, ended, "0a" * 16])
    d.call("start_campaign", "reviewer", **ref)
    d.call("record_check", **ref, object_id=owed, result="error", findings=["unpaid"], rectify_by="2023-09-20")
    d.call("record_check", **ref, object_id=ended, result="error", findings=["overpaid", "ineligible"], rectify_by="2023-09-15")
    d.call("record_check", **ref, object_id="0a" * 16, result="error", findings=["overpaid"], rectify_by="2023-09-29")
    assert waiting(d) == [("F0002", "2023-09-15"), ("F0003", "2023-09-15"), ("F0001", "2023-09-20"), ("F0004", "2023-09-29")]

    arrears, claimed = arrears_of(d, owed), claim["recovery_id"]
    wrong: list[tuple[str, str, str, str]] = [
        ("F0001", "", "invalid_input", "须填写该个案的补发"),
        ("F0001", "追回一", "not_found", "没有此编号"),
        ("F0001", "0b" * 16, "not_found", "没有此编号"),
        ("F0001", claimed, "invalid_input", "不是该问题所涉人员的"),
        ("F0001", run["run_id"], "invalid_input", "不是该问题所涉人员的"),  # July's run paid the other one alone
        ("F0001", owed, "invalid_input", "须填写该个案的补发"),
        ("F0002", arrears, "not_found", "没有此编号"),
        ("F0002", ended, "invalid_input", "须填写该个案的追回"),
        ("F0003", run["run_id"], "invalid_input", "追回事项编号，或已终止"),
        ("F0004", claimed, "invalid_input", "不是两项补贴的个案"),
    ]
    for finding, refers_to, code, text in wrong:
        with pytest.raises(Refused, match=text) as refused:
            d.call("rectify_finding", **ref, finding_id=finding, done="已办", refers_to=refers_to)
        assert refused.value.code == code, (finding, refers_to)
    for finding, refers_to in (("F0001", arrears), ("F0002", claimed), ("F0003", ended)):
        d.call("rectify_finding", **ref, finding_id=finding, done="已办", refers_to=refers_to)
    assert [item for item, _ in waiting(d)] == ["F0004"]
    d.call("verify_rectification", "reviewer", **ref, finding_id="F0001", outcome="accepted")
    d.call("verify_rectification", "reviewer", **ref, finding_id="F0003", outcome="again", note="证据不足")
    assert [item for item, _ in waiting(d)] == ["F0004", "F0003"]
    found = {f["finding_id"]: (f["status"], f["code"], f["amount_fen"]) for f in d.call("list_error_findings", "auditor")}
    assert found == {
        "F0001": ("settled", "unpaid", monthly), "F0002": ("rectified", "overpaid", monthly), "F0003": ("open", "ineligible", 0),
        "F0004": ("open", "overpaid", 0),
    }  # fmt: skip

    rate = {(r["programme"], r["code"]): r for r in d.call("get_error_rate", "auditor", quarter="2023-Q3")}
    of_care = rate[CARE, ""]
    assert (of_care["findings"], of_care["open"], of_care["error_fen"]) == (3, 1, 2 * monthly)
    # July and August of the one, August with July's arrears of the other.
    assert (of_care["person_months"], of_care["paid_fen"]) == (3, 4 * monthly)
    assert (of_care["per_10000_months"], of_care["per_10000_fen"]) == (10000, 5000)
    assert {code: rate[CARE, code]["findings"] for code in ("overpaid", "unpaid", "ineligible", "record_wrong")} == {
        "overpaid": 1, "unpaid": 1, "ineligible": 1, "record_wrong": 0,
    }  # fmt: skip
    assert (rate["disabled_living_subsidy", ""]["findings"], rate["disabled_living_subsidy", ""]["per_10000_months"]) == (0, None)
    assert rate["", ""]["findings"] == 4
    assert all(r["findings"] == 0 for r in d.call("get_error_rate", "auditor", quarter="2023-Q2"))
    assert sum(r["findings"] for r in d.call("get_error_rate", "auditor", at="330225199", quarter="2023-Q3")) == 0
    with pytest.raises(Refused, match="季度须写作"):
        d.call("get_error_rate", "auditor", quarter="2023年三季度")


def test_a_finding_is_accepted_by_the_checked_unit_and_of_nothing_that_corrects_no_case(d: Desk) -> None:
    """Not by whoever found it; once; from a month that has begun. The facts on file say otherwise than it: then it waits."""
    numbers = Numbers()
    d.on("2023-07-03")
    who = cared_for(d, numbers)
    owed = grant(d, CARE, person_id=who)
    ref = checked(d, owed, "unpaid", "record_wrong")
    with pytest.raises(Refused, match="同一经办人"):
        d.call("accept_finding", actor="staff:checker", **ref, finding_id="F0001", from_month="2023-07")
    of = (({"finding_id": "F0002"}, "不涉及个案的更正"), ({"from_month": "2099-01"}, "起始月份"), ({"from_month": "x"}, "月份"))
    for wrong, text in of:
        with pytest.raises(Refused, match=text):
            d.call("accept_finding", **{**ref, "finding_id": "F0001", "from_month": "2023-07", **wrong})
    d.call("accept_finding", **ref, finding_id="F0001", from_month="2023-07")
    d.settle()
    assert [item for item, _ in waiting(d)] == ["F0001"], "the facts on file say otherwise: somebody has to correct them"
    with pytest.raises(Refused, match="已认可"):
        d.call("accept_finding", **ref, finding_id="F0001", from_month="2023-07")


def test_an_accepted_finding_waits_for_the_fact_that_was_wrong(d: Desk) -> None:
    """Decided again by what is on file nothing comes of it; when the certificate is corrected, the claim that follows puts it right."""
    numbers = Numbers()
    d.on("2023-07-03")
    who = cared_for(d, numbers)
    paid = grant(d, CARE, person_id=who)
    d.on("2023-07-20").settle()
    pay(d, CARE, "2023-07")
    d.on("2023-08-20").settle()
    pay(d, CARE, "2023-08")
    ref = checked(d, paid, "overpaid", "ineligible")
    for finding in ("F0001", "F0002"):
        d.call("accept_finding", **ref, finding_id=finding, from_month="2023-08")
    d.settle()
    assert {item for item, _ in waiting(d)} == {"F0001", "F0002"}
    history = d.services["assistance"].office.history(person.DECIDER.stream(who))
    number = next(str(r.event.resident_id) for r in history if isinstance(r.event, person.PersonRegistered))
    d.tell("dpf", "certificate_changed", resident_id=number, grade=3, kind="physical", effective_from="2023-07-12")
    d.settle()
    [claim] = d.call("list_recoveries", "auditor")
    assert waiting(d) == []
    found = {f["finding_id"]: (f["status"], f["refers_to"], f["amount_fen"]) for f in d.call("list_error_findings", "auditor")}
    assert (found["F0001"], found["F0002"][0]) == (("rectified", claim["recovery_id"], claim["amount_fen"]), "rectified")
    assert found["F0002"][1] in (claim["recovery_id"], paid)
    d.call("verify_rectification", "reviewer", **ref, finding_id="F0001", outcome="accepted")
    d.call("verify_rectification", "reviewer", **ref, finding_id="F0002", outcome="again", note="须附证明")
    assert [item for item, _ in waiting(d)] == ["F0002"]
    d.call("accept_finding", **ref, finding_id="F0002", from_month="2023-08")  # taken up once more


def checked(d: Desk, case_id: str, *findings: str) -> dict[str, str]:
    """A campaign of the ledger over one case, in which a hand of its own found this."""
    campaign = {"programme": error_ledger.LEDGER, "division": "330225", "title": "差错台账", "scope": "两项补贴"}
    day = d.now.date().isoformat()
    ref = {"record_id": d.call("open_campaign", "reviewer", **campaign, period_from=day, check_by="2023-12-29")["id"]}
    d.call("list_campaign_objects", "reviewer", **ref, objects=[case_id])
    d.call("start_campaign", "reviewer", **ref)
    d.call("record_check", actor="staff:checker", **ref, object_id=case_id, result="error", findings=list(findings))
    return ref


def test_what_any_campaign_refers_to_is_of_its_object(d: Desk) -> None:
    """Another programme's finding needs no reference; one that is given is there, and of the person or the case."""
    numbers = Numbers()
    d.on("2023-07-03")
    one, other = cared_for(d, numbers), cared_for(d, numbers)
    mine, his = grant(d, CARE, person_id=one), grant(d, CARE, person_id=other)
    campaign = {"programme": "annual_entitlement_review", "division": TOWN, "title": "复审", "scope": "在册"}
    record = d.call("open_campaign", "reviewer", **campaign, period_from="2023-07-03", check_by="2023-09-30")["id"]
    ref = {"record_id": record}
    d.call("list_campaign_objects", "reviewer", **ref, objects=[one, "inst-1"])
    d.settle()
    d.call("start_campaign", "reviewer", **ref)
    for object_id in (one, "inst-1"):
        d.call("record_check", **ref, object_id=object_id, result="adjusted", findings=["dossier_incomplete"])
    with pytest.raises(Refused, match="不是该问题所涉人员的"):
        d.call("rectify_finding", **ref, finding_id="F0001", done="已补", refers_to=his)
    with pytest.raises(Refused, match="没有此编号"):
        d.call("rectify_finding", **ref, finding_id="F0002", done="已补", refers_to="case-9")
    d.call("rectify_finding", **ref, finding_id="F0001", done="已补", refers_to=mine)
    d.call("rectify_finding", **ref, finding_id="F0002", done="已补")
    assert waiting(d) == []


@pytest.mark.parametrize(
    ("quarter", "months"), [("2023-Q1", ["2023-01", "2023-02", "2023-03"]), ("2023-Q4", ["2023-10", "2023-11", "2023-12"])]
)
def test_a_quarter_is_three_months(quarter: str, months: list[str]) -> None:
    """Written as the page writes it."""
    assert error_ledger.months_of(quarter) == months
