"""A change of nothing is what was paid, also where facts came late, cases were suspended, ended, set aside or begun again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.assistance.read_model import TABLES
from services.assistance.rows.past import costed
from services.assistance.simulation import Asked
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Home, Numbers, case, due, grant, home

LIVING = "minimum_living_allowance"


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    """A desk of its own for every life."""
    with desk(tmp_path, "assistance") as made:
        yield made


def pay(d: Desk, month: str) -> str:
    d.settle()
    run = d.call("prepare_payment_run", "cashier", programme=LIVING, month=month, division=TOWN)["id"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()
    return str(run)


def ask(d: Desk, month: str, programme: str = LIVING, **more: Any) -> Any:
    d.settle()
    asked = Asked({}, "2024-03", month, programme)
    return costed(d.services["assistance"].office, TABLES["standards"], "xiangshan-2023", asked, each_case=True, **more)


def earns(d: Desk, made: Home, fen: int, day: str) -> None:
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=fen, effective_from=day)
    d.settle()


def test_a_change_of_nothing_is_what_was_paid_and_what_was_corrected_since(d: Desk) -> None:
    """Back-dated income and death, a suspension, an end set aside on appeal, a second round and a payment that came back: of every past
    month what was paid is there to the fen, what was decided anew since is told apart, and nothing is left that nobody can explain."""
    numbers = Numbers()
    lives = ("plain", "less", "suspended", "restored", "again", "back")
    d.on("2023-03-03")
    homes = {n: home(d, numbers, {"born": "19700101"}, {"born": "20150101"}) for n in lives}
    homes["died"] = home(d, numbers, {"born": "19500101"})
    cases = {}
    for n, made in homes.items():
        d.on("2023-03-03")
        cases[n] = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-04-20")
    pay(d, "2023-04")
    d.on("2023-05-20")
    run = pay(d, "2023-05")
    [back] = [x for x in d.call("list_payment_lines", "auditor", run_id=run) if x["case_id"] == cases["back"]]
    came = [{"line_no": back["line_no"], "outcome": "returned", "amount_fen": back["amount_fen"], "reason": "户名不符"}]
    d.call("record_payment_returns", "cashier", run_id=run, lines=came, source="a" * 64)
    d.on("2023-06-05")
    earns(d, homes["less"], 60_000, "2023-04-10")  # from May, which was paid
    d.call("suspend_case", "reviewer", case_id=cases["suspended"], from_month="2023-06", reason="核查")
    for n in ("restored", "again"):
        earns(d, homes[n], 900_000, "2023-05-10")  # from June
    died = {"person_id": homes["died"].members[0], "died_on": "2023-04-20", "division": TOWN, "round": 1, "steps": ["household"]}
    d.tell("registry", "after_death_opened", **died)  # paid in May all the same
    d.on("2023-06-20")
    pay(d, "2023-06")
    d.on("2023-07-05")
    d.call("resume_case", "approver", case_id=cases["suspended"], from_month="2023-07", with_arrears=True, reason="核查无误")
    for n in ("restored", "again"):
        earns(d, homes[n], 0, "2023-05-10" if n == "restored" else "2023-06-10")
    [ended] = [x for x in case(d, cases["restored"])["decisions"] if x["kind"] == "ended"]
    d.call("file_appeal", case_id=cases["restored"], decision=ended["number"], reason="收入登记有误")
    d.call("assign_appeal", "approver", case_id=cases["restored"], to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=cases["restored"], outcome="upheld", reason="收入登记有误")
    d.settle()
    grant(d, LIVING, household_id=homes["again"].household_id)
    d.on("2023-07-28")
    pay(d, "2023-07")
    d.on("2023-08-20")
    pay(d, "2023-08")
    names = {case_id: n for n, case_id in cases.items()}
    corrected = {}
    for month in ("2023-04", "2023-05", "2023-06", "2023-07", "2023-08"):
        report = ask(d, month)
        rows = [p for c in names for p in d.call("list_payments", "auditor", case_id=c) if (p["month"], p["status"]) == (month, "paid")]
        assert (report.paid_cases, report.paid_fen) == (len(rows), sum(p["amount_fen"] for p in rows)), month
        assert (report.not_as_paid, report.differences) == (0, []), month
        assert {names[c]: was for c, _, was, _ in report.by_case} == {n: due(d, c, month) for n, c in cases.items() if due(d, c, month)}
        corrected[month] = (report.corrected_cases, report.corrected_fen)
        assert ask(d, month, as_of=d.now).as_dict() == report.as_dict(), month
    whole, alone = due(d, cases["plain"], "2023-05"), due(d, cases["died"], "2023-04")
    less = whole - due(d, cases["less"], "2023-05")
    assert corrected["2023-05"] == (2, -less - alone), "the income of May, and who had died"
    assert [m for m, (n, _) in corrected.items() if n] == ["2023-05"]
