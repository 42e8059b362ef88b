"""Assessments and cases for the decider tests: the rules' answers without the rules."""

from __future__ import annotations

from datetime import date
from typing import Any

from shared.casework import benefit_case as bc
from shared.eventsourcing.testing import Given, given
from shared.rules.assessment import Assessment, Line

D = bc.decider("assistance")
SUBJECT, PAYEE, TOWN = "a1" * 16, "b2" * 16, "330225101"
PROGRAMME = "minimum_living_allowance"
CASE = bc.case_id(PROGRAMME, SUBJECT)


def assessed(month: str, amount: int, outcome: str = "", exit_ends: str | None = None, reason: str = "按规则计算") -> Assessment:
    """What the rules say of a month: an amount of 0 is ineligible unless said otherwise."""
    eligible = amount > 0 and outcome != "gradual_exit"
    outcome = outcome or ("eligible" if eligible else "ineligible")
    lines = (Line("家庭月人均收入", 50000, "办法第十条"),)
    return Assessment(
        PROGRAMME, month, SUBJECT, outcome, eligible, amount, reason, lines, {"m": month}, "rules 1", "law 1", exit_ends, False
    )


FILED = bc.ApplicationFiled(PROGRAMME, SUBJECT, PAYEE, TOWN, "staff:clerk", date(2023, 7, 3))
FILE = bc.FileApplication(PROGRAMME, SUBJECT, PAYEE, TOWN)


def granted(first: str = "2023-08", amount: int = 100000, facts: int = 0, by: str = "") -> bc.CaseGranted:
    return bc.CaseGranted(PROGRAMME, SUBJECT, PAYEE, TOWN, first, amount, assessed(first, amount), facts, by=by, next_turn="")


def paid(*months: str, amount: int = 100000) -> list[bc.BenefitPaid]:
    return [bc.BenefitPaid(m, amount, 0, f"run {m}") for m in months]


def reassess(effective: str, *assessments: Assessment, facts: int = 1, cause: str = "assistance.income_recorded e1") -> bc.ReassessCase:
    return bc.ReassessCase(CASE, effective, assessments, facts, cause)


def end(month: str) -> bc.EndCase:
    return bc.EndCase(CASE, month, "领取人死亡", "死亡次月起停发")


def pay(month: str, expected: int = 100000) -> bc.PayBenefit:
    return bc.PayBenefit(CASE, month, f"run {month}", expected)


def in_force(*more: Any, first: str = "2023-08", amount: int = 100000) -> Given[bc.Case]:
    """A case granted from ``first`` on, and what happened since; today is 2023-10-10."""
    return given(D, granted(first, amount), *more).on("2023-10-10")


def only(events: tuple[Any, ...], kind: type) -> Any:
    """The one event of that kind."""
    found = [e for e in events if isinstance(e, kind)]
    assert len(found) == 1, found
    return found[0]
