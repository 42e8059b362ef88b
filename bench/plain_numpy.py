"""低保 in plain numpy: the same procedure without OpenFisca, to check the rules against and to measure what OpenFisca costs.

    python -m bench.plain_numpy [households]

prints the time of one vectorised call over a random population, through the engine and through the plain twin,
and of one household decided alone, with and without its explanation.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy

from services.assistance.rules import MINIMUM_LIVING_ALLOWANCE, engine
from services.assistance.rules.decision import Reason
from shared.rules.assessment import Outcome
from shared.rules.base import rounded
from shared.rules.columns import Columns
from shared.rules.engine import RulesEngine
from shared.rules.facts import HouseholdFacts, PersonFacts

PROGRAMME = MINIMUM_LIVING_ALLOWANCE.id


def parameters_of(rules: RulesEngine, month: str) -> dict[str, int]:
    """The figures of the month by their names without the programme's."""
    return {value.name.removeprefix(PROGRAMME + "."): value.value for value in rules.parameters(PROGRAMME, month)}


def minimum_living_allowance(columns: Columns, law: dict[str, int], month: str) -> dict[str, Any]:
    """Outcome, amount, reason and last month of a gradual exit for each household."""
    p, h, of, count = columns.persons, columns.households, columns.member_of, columns.household_count
    now = numpy.datetime64(month, "M")

    def total(values: Any) -> Any:
        return numpy.bincount(of, weights=values, minlength=count).astype(numpy.int64)

    # Household and income.
    born = p["born_on"].astype("datetime64[M]")
    months = (now - born).astype(numpy.int64)
    together = p["counted"] & (born <= now)
    counts = numpy.where(together, p["monthly_income"] - p["excluded_income"], 0)
    cost = numpy.minimum(counts * law["employment_cost.percent"] // 100, law["employment_cost.ceiling"])
    countable = counts - numpy.where(p["employed"], cost, 0)
    people, income = total(together), total(countable)
    standard = numpy.where(h["rural"], law["standard.rural"], law["standard.urban"])
    whole = standard * people

    # Property.
    assets_ok = h["savings"] + h["securities"] <= whole * law["property.financial_assets_months"]
    securities_ok = h["securities"] <= whole * law["property.securities_months"]
    vehicles_ok = h["vehicles"] <= law["property.vehicles"]
    homes_ok = h["homes"] <= law["property.homes"]
    property_ok = assets_ok & securities_ok & vehicles_ok & homes_ok

    # Alone or as a household.
    grade = p["disability_grade"]
    severe = (grade >= 1) & ((grade <= 2) | ((grade == 3) & p["intellectual_or_mental"]))
    below, below_margin = income < whole, income * 100 < whole * law["margin.percent"]
    alone = total(p["applies_alone"]) > 0
    entitled_alone = total(p["applies_alone"] & together & (severe | p["gravely_ill"])) > 0
    protected = together & (~alone[of] | p["applies_alone"])
    heads = total(protected)
    own_income, own_standard = total(numpy.where(protected, countable, 0)), standard * heads
    applicant_ok = ~alone | entitled_alone
    current = h["current_amount"]
    paid = current > 0
    income_ok = (own_income < own_standard) & (~alone | (below_margin & ~(below & ~paid)))

    # Amount.
    if law["bands.used"]:
        scaled = own_income * 100
        pays = numpy.where(scaled <= own_standard * law["bands.second.income_up_to"], law["bands.second.pays"], law["bands.third.pays"])
        pays = numpy.where(scaled <= own_standard * law["bands.first.income_up_to"], law["bands.first.pays"], pays)
        basic = own_standard * pays // 100
    else:
        basic = numpy.maximum(own_standard - own_income, 0)
    basic = numpy.maximum(basic, law["minimum_payment"])
    percent = numpy.maximum(
        numpy.maximum(
            (months >= law["supplement.old_from_age"] * 12) * law["supplement.old"],
            (months <= law["supplement.minor_until_age"] * 12) * law["supplement.minor"],
        ),
        numpy.maximum(severe * law["supplement.severely_disabled"], p["gravely_ill"] * law["supplement.gravely_ill"]),
    )
    supplements = total(standard[of] * numpy.where(protected, percent, 0) // 100)
    calculated = rounded(basic + supplements, law["rounding.step"], law["rounding.mode"])

    # Gradual exit.
    since, length = h["gradual_exit_since"].astype("datetime64[M]"), law["gradual_exit.months"]
    new_job = p["newly_employed_on"].astype("datetime64[M]")
    newly = protected & (new_job <= now) & (new_job > now - law["gradual_exit.new_employment_within"])
    running = (since <= now) & (now < since + length)
    may_begin = ~(since <= now) & ((total(newly) > 0) | (law["gradual_exit.needs_new_employment"] == 0)) & (length > 0)
    leaving = paid & (heads > 0) & property_ok & applicant_ok & ~income_ok & (running | may_begin)
    share = rounded(current * law["gradual_exit.share_percent"] // 100, law["rounding.step"], law["rounding.mode"])
    exit_amount = numpy.where(running, current, numpy.minimum(share, current))
    ends = numpy.where(leaving, numpy.where(running, since, now) + (length - 1), numpy.datetime64("NaT"))

    # Decision.
    meets = (heads > 0) & property_ok & applicant_ok & income_ok
    amount = numpy.where(meets, calculated, numpy.where(leaving, exit_amount, 0))
    outcome = numpy.select(
        [~paid & meets, ~paid, meets & (amount == current), meets & (amount > current), meets, leaving],
        [Outcome.eligible, Outcome.ineligible, Outcome.unchanged, Outcome.raised, Outcome.lowered, Outcome.gradual_exit],
        Outcome.ended,
    )
    in_exit = since <= now
    reason = numpy.select(
        [
            heads == 0, ~assets_ok, ~securities_ok, ~vehicles_ok, ~homes_ok, ~applicant_ok,
            leaving & running, leaving, ~income_ok & paid & in_exit,
            ~income_ok & alone & ~paid & below, ~income_ok & alone & ~below_margin, ~income_ok & alone, ~income_ok,
            in_exit & paid, outcome == Outcome.unchanged, outcome == Outcome.raised, outcome == Outcome.lowered, alone,
        ],
        [
            Reason.no_members, Reason.financial_assets, Reason.securities, Reason.vehicles, Reason.homes, Reason.not_entitled_alone,
            Reason.exit_goes_on, Reason.exit_begins, Reason.exit_over,
            Reason.apply_as_household, Reason.above_margin, Reason.own_income, Reason.income,
            Reason.restored, Reason.same_amount, Reason.more, Reason.less, Reason.meets_conditions_alone,
        ],
        Reason.meets_conditions,
    )  # fmt: skip
    return {"outcome": outcome, "amount": amount, "reason": reason, "exit_ends": ends.astype("datetime64[M]")}


def population(households: int, seed: int = 1) -> Columns:
    """A random district: every branch of the rules is met by somebody."""
    chance = numpy.random.default_rng(seed)
    sizes = chance.choice([1, 2, 3, 4, 5, 6], households, p=[0.28, 0.3, 0.2, 0.13, 0.06, 0.03])
    member_of: Any = numpy.repeat(numpy.arange(households), sizes)
    persons = len(member_of)

    def some(share: float, count: int) -> Any:
        return chance.random(count) < share

    def days(first: str, last: str, count: int) -> Any:
        start, end = numpy.datetime64(first, "D"), numpy.datetime64(last, "D")
        return start + chance.integers(0, (end - start).astype(int), count)

    income = numpy.where(some(0.45, persons), 0, chance.integers(0, 350_000, persons))
    excluded = numpy.where(some(0.1, persons), chance.integers(0, 50_000, persons), 0)
    first_member = numpy.r_[True, member_of[1:] != member_of[:-1]]
    never_person: Any = numpy.full(persons, numpy.datetime64("NaT"), "datetime64[D]")
    never: Any = numpy.full(households, numpy.datetime64("NaT"), "datetime64[D]")
    exit_since = days("2022-11-01", "2023-08-01", households).astype("datetime64[M]").astype("datetime64[D]")
    return Columns(
        member_of=member_of,
        persons={
            "born_on": days("1928-01-01", "2023-09-01", persons),
            "monthly_income": income,
            "excluded_income": numpy.minimum(excluded, income),
            "employed": some(0.4, persons),
            "newly_employed_on": numpy.where(some(0.1, persons), days("2021-01-01", "2023-09-01", persons), never_person),
            "disability_grade": numpy.where(some(0.15, persons), chance.integers(1, 5, persons), 0),
            "intellectual_or_mental": some(0.1, persons),
            "gravely_ill": some(0.08, persons),
            "counted": ~some(0.03, persons),
            "applies_alone": first_member & some(0.1, households)[member_of],
        },
        households={
            "rural": some(0.5, households),
            "savings": numpy.where(some(0.3, households), chance.integers(0, 8_000_000, households), 0),
            "securities": numpy.where(some(0.05, households), chance.integers(0, 8_000_000, households), 0),
            "vehicles": some(0.05, households).astype(int),
            "homes": 1 + some(0.05, households).astype(int),
            "gradual_exit_since": numpy.where(some(0.1, households), exit_since, never),
            "current_amount": numpy.where(some(0.5, households), chance.integers(1, 400_000, households), 0),
        },
    )


def _best_of(times: int, run: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def main(households: int = 100_000, month: str = "2023-07") -> None:
    """Measure, and check in passing that both agree."""
    rules = engine()
    people = population(households)
    law = parameters_of(rules, month)
    batch = rules.assess_many(PROGRAMME, people, month)
    if not (batch.amount_fen == minimum_living_allowance(people, law, month)["amount"]).all():
        raise SystemExit("the engine and plain numpy disagree")
    through_engine = _best_of(7, lambda: rules.assess_many(PROGRAMME, people, month))
    plain = _best_of(7, lambda: minimum_living_allowance(people, law, month))
    print(f"{households} households, {people.person_count} persons, one month")
    print(f"engine      {through_engine:.3f} s")
    print(f"plain numpy {plain:.3f} s")
    print(f"ratio       {through_engine / plain:.2f}")
    alone = HouseholdFacts(
        "h", rules.profile.division_code, members=(PersonFacts("p1", date(1950, 1, 1)), PersonFacts("p2", date(1980, 1, 1)))
    )
    explained = _best_of(200, lambda: rules.assess(PROGRAMME, alone, month))
    bare = _best_of(200, lambda: rules.assess_many(PROGRAMME, [alone], month))
    print(f"one decision with its explanation {explained * 1000:.2f} ms, without {bare * 1000:.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
