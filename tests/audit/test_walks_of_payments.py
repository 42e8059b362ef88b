"""The walk from a payment of every kind back to the application, the evidence, the rules and the hands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from services.assistance.temporary import grant_id
from shared.casework.benefit_case import case_id
from shared.eventlog.acts import Act, Acts
from shared.eventlog.walk import Node, Walk, back, payment
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import test_temporary as temporary
from tests.programmes.people import TOWN, Home, Numbers, grant, home, pay

DIBAO, PRICE = "minimum_living_allowance", "price_linked_temporary_subsidy"
ALLOWANCE, TEMPORARY = "old_age_allowance", "temporary_assistance"
SERVICES = ("assistance", "eldercare", "registry")


@dataclass
class Paid:
    """A house in which a payment of every kind was made."""

    d: Desk
    acts: Acts
    family: Home
    late: Home
    elder: str
    matter: dict[str, str]

    def act(self, stream: str, version: int) -> Act:
        found = self.acts.at(stream, version)
        assert found is not None
        return found

    def of(self, case: str, month: str, service: str = "assistance") -> Act:
        found = payment(self.acts, self.d.offices["assistance"].log, f"{service}.case-{case}", month)
        assert found is not None, (case, month)
        return found

    def first(self, name: str) -> Act:
        """The first event of a type."""
        raw = next(r for r in self.d.offices["assistance"].log.read_all() if r.name == name)
        return self.act(raw.stream, raw.version)

    def back(self, start: Act) -> Walk:
        return back(self.acts, self.d.offices["assistance"].log, start)


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    with desk(tmp_path_factory.mktemp("payments"), *SERVICES, "portal") as d:
        numbers = Numbers()
        d.on("2023-06-01")
        family = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20_000}, {"born": "20150101"})
        late = home(d, numbers, {"born": "19720101", "monthly_income_fen": 30_000})
        for one in (family, late):
            grant(d, DIBAO, household_id=one.household_id)
        d.settle()
        # 月发 of July; then an income that fell since July: arrears go out with August. 补发批次: the other's line was held in July.
        d.on("2023-07-05")
        run = d.call("prepare_payment_run", "cashier", programme=DIBAO, month="2023-07", division=TOWN)["id"]
        d.settle()
        listed = next(r for r in d.offices["assistance"].log.read_all() if r.name == "assistance.payment_lines_listed")
        held = 1 + [line["case_id"] for line in json.loads(listed.data)["lines"]].index(case_id(DIBAO, late.household_id))
        d.call("hold_payment_line", "cashier", run_id=run, line_no=held, reason="账户存疑")
        d.call("approve_payment_run", "approver", run_id=run)
        d.settle()
        follow = d.on("2023-07-12").call("prepare_follow_up_run", "cashier", run_id=run)["id"]
        d.settle()
        d.call("approve_payment_run", "approver", run_id=follow)
        d.settle()
        fell = {"household_id": family.household_id, "person_id": family.members[0], "monthly_income_fen": 0}
        d.on("2023-07-20").call("record_income", effective_from="2023-06-20", **fell)
        d.settle()
        d.on("2023-08-05")
        pay(d, DIBAO, "2023-08")
        # 价格补贴
        d.on("2023-08-10")
        index = {"cpi_bp": 400, "food_bp": 700, "document_no": "物价1号", "published_on": "2023-08-09"}
        d.call("trigger_price_linkage", "reviewer", month="2023-07", **index)
        d.call("confirm_price_linkage", "approver", month="2023-07")
        d.settle()
        pay(d, PRICE, "2023-07")
        # 临时救助: a first grant from the fund, the rest in two parts.
        fund = d.call("open_fund", "approver", programme=temporary.FUND, division=TOWN)["id"]
        d.call("allocate_to_fund", "cashier", record_id=fund, amount=5_000_000, document_no="象民〔2023〕7号")
        matter = temporary.applied(d, household_id=family.household_id, loss_fen=2_000_000)
        d.call("grant_first", **matter)
        d.call("complete_papers", **matter, finding="属实", loss_fen=2_000_000)
        temporary.proposed(d, matter, instalments=2)
        temporary.decide(d, matter)
        pay(d, TEMPORARY, "2023-08")
        # 高龄津贴
        elder = d.call("enrol_elder", service="eldercare", resident_id=resident_id("19400101", 77), name="老人", division=TOWN)["id"]
        d.settle()
        d.on("2023-09-05")
        of = {"programme": ALLOWANCE, "month": "2023-09", "division": TOWN}
        run = d.call("prepare_payment_run", "cashier", service="eldercare", **of)["id"]
        d.settle()
        d.call("approve_payment_run", "approver", service="eldercare", run_id=run)
        d.settle()
        # 惠民殡葬
        death = {"resident_id": resident_id("19400101", 77), "name": "老人", "died_on": "2023-09-08", "division": TOWN}
        d.on("2023-09-10").call("register_death", "registrar", service="registry", **death)
        d.settle()
        claim = {"person_id": elder, "organiser_resident_id": resident_id("19680101", 78), "organiser_name": "办理人"}
        d.call("claim_funeral_benefits", "funeral_officer", service="registry", **claim)
        d.call("approve_funeral_benefits", "funeral_officer", service="registry", actor="staff:second", person_id=elder)
        d.settle()
        yield Paid(d, Acts(d.offices["portal"].read, d.models["portal"]), family, late, elder, matter)


def told(walk: Walk) -> set[str]:
    return {n.act.type.partition(".")[2] for n in walk.nodes}


def hands(walk: Walk) -> set[str]:
    return {actor for actor, _ in walk.hands() if actor.startswith("staff:")}


def decided(walk: Walk, programme: str) -> list[Node]:
    """The nodes that carry what the rules said of a programme, with lines that name what they rest on."""
    found = [n for n in walk.nodes if any(a.programme == programme for a in n.assessments)]
    assert found, f"no rules of {programme} behind {walk.start.where}"
    assert all(a.rules_version and a.parameters_version and a.lines for n in found for a in n.assessments if a.eligible)
    return found


APPLIED = {"application_filed", "application_accepted", "household_surveyed", "case_proposed", "case_granted", "household_registered"}
RUN = {"payment_run_opened", "payment_run_approved", "payment_run_sending"}


def test_a_monthly_payment(paid: Paid) -> None:
    """月发: the procedure, the household, the run, three hands and the cashier."""
    walk = paid.back(paid.of(case_id(DIBAO, paid.family.household_id), "2023-07"))
    assert told(walk) >= APPLIED | RUN
    decided(walk, DIBAO)
    assert hands(walk) >= {"staff:clerk", "staff:reviewer", "staff:approver", "staff:cashier"}


def test_arrears_lead_to_the_change_they_are_of(paid: Paid) -> None:
    """补发: with August's payment; the income that fell, and the reassessment that found them."""
    start = paid.of(case_id(DIBAO, paid.family.household_id), "2023-08")
    walk = paid.back(start)
    assert told(walk) >= APPLIED | RUN | {"income_recorded", "case_reassessed", "arrears_found"}
    decided(walk, DIBAO)
    assert hands(walk) >= {"staff:clerk", "staff:reviewer", "staff:approver", "staff:cashier"}


def test_a_payment_of_a_follow_up_run(paid: Paid) -> None:
    """补发批次: its own run, the second of the month, in which the line that was held in the first goes out."""
    walk = paid.back(paid.of(case_id(DIBAO, paid.late.household_id), "2023-07"))
    assert told(walk) >= APPLIED | RUN
    runs = [n for n in walk.nodes if n.act.type.endswith(".payment_run_opened")]
    assert {n.says["round"] for n in runs} == {1}
    assert hands(walk) >= {"staff:clerk", "staff:reviewer", "staff:approver", "staff:cashier"}


def test_a_first_grant_and_an_instalment_of_temporary_assistance(paid: Paid) -> None:
    """先行救助 from the fund, and the first part as a payment: the application, what was found, the rules, the fund, and all hands."""
    matter = paid.matter
    granted = paid.back(paid.first("assistance.first_granted"))
    assert told(granted) >= {"temporary_applied", "temporary_accepted", "fund_drawn", "fund_opened", "household_registered"}
    decided(granted, TEMPORARY)
    case = case_id(TEMPORARY, grant_id(matter["matter_id"], 1))
    walk = paid.back(paid.of(case, "2023-08"))
    wanted = {"temporary_applied", "papers_completed", "temporary_proposed", "temporary_approved", "instalment_released", "case_granted"}
    assert told(walk) >= wanted | RUN | {"household_registered"}
    decided(walk, TEMPORARY)
    assert hands(walk) >= {"staff:clerk", "staff:reviewer", "staff:approver", "staff:cashier"}


def test_a_price_subsidy(paid: Paid) -> None:
    """价格补贴: the index that was published, who confirmed it, and the benefit that the household draws."""
    subsidy = next(
        r for r in paid.d.offices["assistance"].log.read_all()
        if r.name == "assistance.benefit_paid" and PRICE.encode() in paid.d.offices["assistance"].log.read(r.stream)[0].data
    )  # fmt: skip
    walk = paid.back(paid.act(subsidy.stream, subsidy.version))
    assert told(walk) >= RUN | {"price_linkage_triggered", "price_linkage_confirmed", "case_granted", "household_registered"}
    decided(walk, PRICE)
    assert "application_filed" in told(walk), "the benefit for which the household has it"
    assert hands(walk) >= {"staff:reviewer", "staff:approver", "staff:cashier"}


def test_an_old_age_allowance(paid: Paid) -> None:
    """高龄津贴 of elder care: nobody applies; who enrolled the elder, and the rules."""
    walk = paid.back(paid.of(case_id(ALLOWANCE, paid.elder), "2023-09", "eldercare"))
    assert told(walk) >= RUN | {"elder_enrolled", "case_granted"}
    decided(walk, ALLOWANCE)
    assert hands(walk) >= {"staff:clerk", "staff:cashier", "staff:approver"}


def test_a_funeral_benefit(paid: Paid) -> None:
    """惠民殡葬: the death as it was registered, the claim, and both hands."""
    walk = paid.back(paid.first("registry.funeral_benefits_approved"))
    assert told(walk) >= {"death_registered", "funeral_benefits_offered", "funeral_benefits_claimed", "funeral_benefits_approved"}
    assert hands(walk) >= {"staff:registrar", "staff:funeral_officer", "staff:second"}
