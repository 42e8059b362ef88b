"""到龄: the month in which the calendar alone changes what the rules say, from the ages that a programme declares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from services.assistance.rules import PACKAGE, engine
from shared.rules.facts import ExtremeHardshipFacts, HouseholdFacts, PersonFacts
from shared.rules.parameters import Dated, Parameter
from shared.rules.published import Published
from shared.rules.turning import Age, next_turn

LIVING, SUPPORT = "minimum_living_allowance", "extreme_hardship_support"


def age_of(*values: tuple[str, int]) -> Parameter:
    """A parameter in years, each value from its day on."""
    dated = tuple(Dated(date.fromisoformat(day), None, value, "文", "law", "", "x:1") for day, value in values)
    return Parameter("p.age", "年龄", "year", dated, "x:1")


@pytest.mark.parametrize(
    ("passed", "born", "month", "turn"),
    [
        (False, "1953-11-15", "2023-10", "2023-11"),
        (False, "1953-11-15", "2023-11", ""),  # that month is decided already
        (True, "1953-11-15", "2023-11", "2023-12"),
        (False, "1953-12-31", "2023-11", "2023-12"),
        (False, "1956-02-29", "2023-11", "2026-02"),
        (True, "1953-12-31", "2023-11", "2024-01"),  # over the turn of the year
    ],
)
def test_the_turn_is_the_month_in_which_an_age_is_reached_or_passed(passed: bool, born: str, month: str, turn: str) -> None:
    """By months, as the rules count ages: the day of the birthday does not matter."""
    found = next_turn([(Age("p.age", passed), age_of(("2000-01-01", 70)), None)], [date.fromisoformat(born)], month)
    assert found == turn


@pytest.mark.parametrize(
    ("values", "turn"),
    [
        ((("2000-01-01", 70), ("2024-03-01", 60)), "2024-03"),  # 62 by then: older from the day on that the age is another
        ((("2000-01-01", 60), ("2024-03-01", 70)), "2024-03"),  # and no longer old
        ((("2000-01-01", 70), ("2024-03-01", 65)), "2027-01"),  # old first at 65, by the value of that month
        ((("2000-01-01", 63), ("2024-03-01", 70)), "2032-01"),  # 63 would be reached when it no longer is the age
    ],
)
def test_an_age_that_is_another_from_some_day_on_counts_by_the_value_of_each_month(values: tuple[tuple[str, int], ...], turn: str) -> None:
    """Somebody born in January 1962, seen from November 2023."""
    assert next_turn([(Age("p.age"), age_of(*values), None)], [date(1962, 1, 20)], "2023-11") == turn


@pytest.mark.parametrize(
    ("put_off", "turn"),
    [
        ((("2000-01-01", 1),), "2032-02"),
        ((("2000-01-01", 0), ("2032-01-01", 2)), "2032-03"),  # put off by the value of the month in which it would be reached
        ((("2000-01-01", 2), ("2032-02-01", 0)), "2032-02"),
    ],
)
def test_a_district_may_put_an_age_off_by_months(put_off: tuple[tuple[str, int], ...], turn: str) -> None:
    """Somebody born in January 1962 who turns 70 in January 2032."""
    age = Age("p.age", later="p.later")
    assert next_turn([(age, age_of(("2000-01-01", 70)), age_of(*put_off))], [date(1962, 1, 20)], "2023-11") == turn


def test_of_several_people_and_ages_the_first_to_come_is_the_turn() -> None:
    """The figures are the district's; a household's whole list is looked at, a person programme's one person."""
    rules, head = engine(), PersonFacts("a" * 32, date(1980, 1, 1))
    child, old = replace(head, born_on=date(2005, 9, 10)), replace(head, born_on=date(1953, 11, 15))
    house = HouseholdFacts("h" * 32, "330225101", members=(head, child, old))
    assert [rules.next_turn(LIVING, house, m) for m in ("2023-08", "2023-10", "2023-11")] == ["2023-10", "2023-11", "2050-01"]
    alone = ExtremeHardshipFacts(child, "330225101")
    assert [rules.next_turn(SUPPORT, alone, m) for m in ("2021-09", "2021-10", "2023-10")] == ["2021-10", "2023-10", "2029-10"]
    assert rules.next_turn("minimum_living_margin_household", house, "2023-08") == ""


def test_a_dated_figure_of_the_files_is_a_step_and_a_published_one_is_none() -> None:
    """The first month of a later value; the same value once more, what lies behind, and what is published change nothing."""
    rules = engine("xincheng-2024")
    assert [rules.next_step(LIVING, m) for m in ("2023-10", "2023-12", "2024-01")] == ["2024-01", "2024-01", ""]
    house = HouseholdFacts("h" * 32, "330225101", members=(PersonFacts("a" * 32, date(1953, 11, 15)),))
    assert [rules.next_look(LIVING, house, m) for m in ("2023-10", "2023-11", "2024-01")] == ["2023-11", "2024-01", ""]
    urban = Published(1, f"{LIVING}.standard.urban", 90_000, date(2024, 6, 1), "新民〔2024〕1号")
    assert engine("xincheng-2024", (urban,)).next_step(LIVING, "2024-01") == ""
    assert engine("xincheng-2024").what_if({f"{LIVING}.standard.urban": 99_000}, "2024-09").next_step(LIVING, "2024-01") == "2024-09"


@pytest.mark.parametrize("kind", ["old", "child"])
def test_the_turn_is_where_the_rules_say_otherwise_and_no_month_before_it_is(kind: str) -> None:
    """The declaration is held against the formulas: month by month, the amount changes in the turn and not before."""
    rules = engine()
    born = {"old": date(1953, 11, 15), "child": date(2005, 9, 10)}[kind]
    house = HouseholdFacts("h" * 32, "330225101", members=(PersonFacts("a" * 32, date(1980, 1, 1)), PersonFacts("b" * 32, born)))
    months = [f"2023-{m:02d}" for m in range(7, 13)]
    amounts = {m: rules.assess(LIVING, house, m).amount_fen for m in months}
    turn = rules.next_turn(LIVING, house, "2023-07")
    assert turn in months
    assert [m for a, m in pairwise(months) if amounts[m] != amounts[a]] == [turn]


def test_whatever_is_counted_in_years_of_age_is_declared_as_an_age() -> None:
    """A programme that comes to have such a figure and does not declare it would be paid on unchanged past the birthday."""
    rules = engine()
    counted = {name for name in rules.parameter_names if rules.parameter(name, "2023-08").unit == "year"}
    declared = {age.parameter for programme in PACKAGE.programmes for age in programme.ages}
    assert counted == declared
