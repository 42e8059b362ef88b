"""A household whose months fall out and are due again (ADR 25), for the tests of it and of its readers."""

from __future__ import annotations

from services.assistance.benefits import CASES
from shared.casework import benefit_case as bc
from shared.domain import dates
from tests.desk import Desk
from tests.programmes.people import Home, Numbers, due, grant, home, pay

LIVING = "minimum_living_allowance"
MONTHLY = 251_000  # two adults without income in a village of 象山, 2023
RISE, FALL = (800_000, "2023-08-05"), (0, "2023-09-05")  # an income counts from the month after: only September is not due


def stands(d: Desk, case_id: str) -> bc.Case:
    state: bc.Case = d.services["assistance"].office.load(CASES, case_id).state
    return state


def months(d: Desk, case_id: str, first: str = "2023-08", last: str = "2023-12") -> list[int]:
    return [due(d, case_id, m) for m in dates.months_between(first, last)]


def supported(d: Desk, numbers: Numbers, town: str, paid_to: str = "2023-11") -> tuple[Home, str]:
    """Two adults on 低保 from August, paid to the month named."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19950101"}, town=town)
    case_id = grant(d, LIVING, household_id=made.household_id)
    for month in dates.months_between("2023-08", paid_to):
        d.on(f"{month}-10")
        pay(d, LIVING, month, town)
    return made, case_id


def earns(d: Desk, made: Home, fen: int, day: str, who: int = -1, reason: str = "other") -> None:
    income = {"person_id": made.members[who], "monthly_income_fen": fen, "effective_from": day, "reason": reason}
    d.call("record_income", household_id=made.household_id, **income)
    d.settle()
