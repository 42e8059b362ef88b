"""A small district for the tests of standards: 低保 households of several kinds, granted and paid through the doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.assistance import household
from services.assistance.benefits import CASES
from shared.casework import benefit_case as bc
from tests.desk import Desk
from tests.e2e.conftest import resident_id
from tests.programmes import people

PROGRAMME = "minimum_living_allowance"
TOWNS = ("330225101", "330225102")


@dataclass(frozen=True)
class Home:
    """A household of the register, and its case if it has one."""

    household_id: str
    case_id: str
    body: dict[str, Any]


BORN = ("19800101", "19820202", "20150303")


def register(d: Desk, number: int, *incomes: int, area: str = "urban", born: tuple[str, ...] = BORN, **more: Any) -> Home:
    """A household whose members earn ``incomes`` (fen a month)."""
    members = [
        {
            "resident_id": resident_id(born[n % len(born)], 100 * number % 900 + n + 1, f"33022{5 + number // 9 % 4}"),
            "name": f"测试{number}之{n}",
            "relation": "户主" if n == 0 else "成员",
            "monthly_income_fen": income,
        }
        for n, income in enumerate(incomes)
    ]
    body = {"household_no": f"H{number:05d}", "division": TOWNS[number % 2], "area": area, "members": members, **more}
    answer = d.call("register_household", **body)
    return Home(answer["id"], bc.case_id(PROGRAMME, answer["id"]), body)


def grant(d: Desk, home: Home) -> None:
    """The whole procedure of one application, on the days it takes; the desk's clock moves by the publicity."""
    file(d, home)
    finish(d, home)


def file(d: Desk, home: Home) -> None:
    d.call("apply", programme=PROGRAMME, household_id=home.household_id)
    d.call("accept_application", case_id=home.case_id)
    people.check_means(d, home.case_id)
    d.call("record_survey", case_id=home.case_id, finding="情况属实")
    d.call("propose", "reviewer", case_id=home.case_id)


def finish(d: Desk, home: Home, days: int = 9) -> None:
    d.later(days)
    confirm(d, home)


def confirm(d: Desk, home: Home) -> None:
    shown = d.call("get_case", "auditor", case_id=home.case_id)
    d.call("confirm", "approver", case_id=home.case_id, reviewed=shown["proposal"]["reviewed"])


def grant_all(d: Desk, homes: list[Home]) -> None:
    """All of them on the same days."""
    for home in homes:
        file(d, home)
    d.later(9)
    for home in homes:
        confirm(d, home)
    d.settle()


def pay(d: Desk, month: str) -> str:
    """The month's run, approved and paid; answers its id."""
    d.settle()
    answer = d.call("prepare_payment_run", "cashier", programme=PROGRAMME, month=month, division="330225")
    d.call("approve_payment_run", "approver", run_id=answer["id"])
    d.settle()
    return str(answer["id"])


def case(d: Desk, home: Home) -> bc.Case:
    state: bc.Case = d.services["assistance"].office.load(CASES, home.case_id).state
    return state


def house(d: Desk, home: Home) -> household.Household:
    state: household.Household = d.services["assistance"].office.load(household.DECIDER, home.household_id).state
    return state


STANDARD = f"{PROGRAMME}.standard"


def publish(d: Desk, urban_fen: int, rural_fen: int, since: str, document: str = "象民〔2023〕18号", standard: str = STANDARD) -> int:
    """Draft, approve and publish by three hands; answers the publication's number."""
    amounts = [{"area": "urban", "amount_fen": urban_fen}, {"area": "rural", "amount_fen": rural_fen}]
    drafted = d.call("draft_standard", "reviewer", standard=standard, amounts=amounts, effective_from=since, document_no=document)
    d.call("approve_standard", "approver", number=drafted["number"])
    d.call("publish_standard", "approver", actor="staff:director", number=drafted["number"])
    return int(drafted["number"])
