"""What a district publishes is laid between the values of its files by date, and a decision names what it was made with."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assistance.rules import PACKAGE, engine
from shared.rules.errors import ParameterError
from shared.rules.facts import HouseholdFacts, PersonFacts
from shared.rules.parameters import Dated, Parameter
from shared.rules.published import Published, laid_between, named, numbers_in
from shared.rules.reading import readers_of

URBAN = "minimum_living_allowance.standard.urban"


def _parameter(*days: date, last: date | None = None) -> Parameter:
    ends = [day - timedelta(days=1) for day in days[1:]] + [last]
    values = tuple(Dated(day, end, 100 + n, "文件", "law", "", "f:1") for n, (day, end) in enumerate(zip(days, ends, strict=True)))
    return Parameter("p", "参数", "fen", values, "f:1")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 500)), max_size=8))
def test_on_any_day_the_value_that_began_latest_holds(asked: list[tuple[int, int]]) -> None:
    """Of the file's values and the published ones together; of two of one day the one published last."""
    base = _parameter(date(2023, 1, 1), date(2024, 1, 1))
    published = [Published(n + 1, "p", value, date(2023 + m // 12, m % 12 + 1, 1), f"{n}号") for n, (m, value) in enumerate(asked)]
    laid = laid_between(base, published)
    for m in range(48):
        day = date(2023 + m // 12, m % 12 + 1, 15)
        every = [(d.first, 0, d.value) for d in base.values] + [(p.first, p.number, p.value) for p in published]
        found = laid.at(day)
        assert found is not None
        assert found.value == max(x for x in every if x[0] <= day)[2]
    assert all(a.last == b.first - timedelta(days=1) for a, b in zip(laid.values, laid.values[1:], strict=False))


def test_a_gap_a_value_before_the_first_and_one_out_of_range_are_refused() -> None:
    """As in the files."""
    ended = _parameter(date(2023, 1, 1), last=date(2023, 6, 30))
    laid_between(ended, [Published(1, "p", 1, date(2023, 7, 1), "x")])
    for value, day in ((1, date(2023, 8, 1)), (1, date(2022, 8, 1)), (-1, date(2023, 5, 1))):
        with pytest.raises(ParameterError):
            laid_between(ended, [Published(1, "p", value, day, "x")])


@given(st.sets(st.integers(1, 300)))
def test_a_version_names_its_publications(numbers: set[int]) -> None:
    """Shortly, and so that they are found again."""
    text = "x-2023@0123456789abcdef" + named(Published(n, "p", 1, date(2023, 1, 1), "x") for n in numbers)
    assert numbers_in(text) == numbers
    assert named(Published(n, "p", 1, date(2023, 1, 1), "x") for n in (1, 2, 3, 5)) == "+published:1-3,5"


def test_a_decision_is_made_again_with_exactly_what_it_names() -> None:
    """A later publication for the same month changes today's answer, not the old one."""
    facts = HouseholdFacts("h", "330225101", "urban", (PersonFacts("p", date(1980, 1, 1), 50_000),))
    one = Published(1, URBAN, 130_000, date(2023, 8, 1), "一号")
    two = Published(2, URBAN, 140_000, date(2023, 8, 1), "二号")
    first, second = engine("xiangshan-2023", (one,)), engine("xiangshan-2023", (one, two))
    made = first.assess("minimum_living_allowance", facts, "2023-08")
    assert (made.amount_fen, first.parameter(URBAN, "2023-08").source) == (80_000, "published")
    assert first.parameters_version.endswith("+published:1")
    assert not second.recheck(made)
    assert engine("xiangshan-2023", (one,)).recheck(made)
    assert numbers_in(made.parameters_version) == {1}
    assert second.what_if({URBAN: 150_000}, "2023-08").parameter(URBAN, "2023-08").value == 150_000
    assert second.what_if({URBAN: 150_000}, "2023-09").parameter(URBAN, "2023-08").value == 140_000


def test_who_reads_a_standard_is_found_in_the_rules_themselves() -> None:
    """No programme whose answer changes is left out."""
    found = readers_of(PACKAGE, URBAN)
    rules = engine("xiangshan-2023")
    facts = HouseholdFacts("h", "330225101", "urban", (PersonFacts("p", date(1980, 1, 1), 140_000),))
    twice = rules.what_if({URBAN: 251_000, "minimum_living_allowance.standard.rural": 251_000}, "2023-01")
    for package_programme in PACKAGE.programmes:
        if package_programme.facts is HouseholdFacts:
            a, b = (r.assess(package_programme.id, facts, "2023-07") for r in (rules, twice))
            assert (a.outcome, a.amount_fen) == (b.outcome, b.amount_fen) or package_programme.id in found
    assert "minimum_living_allowance" in found
