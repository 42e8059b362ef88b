"""高龄津贴: what must hold for everybody, and what happens after a death."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eldercare.rules import engine
from shared.rules.facts import BeneficiaryFacts, PersonFacts
from shared.rules.profile import profile_ids
from tests.rules.conftest import MakeEngine

PROGRAMME = "old_age_allowance"


def born(day: date) -> BeneficiaryFacts:
    """Somebody of Xiangshan."""
    return BeneficiaryFacts(PersonFacts("p", day), "330225001")


@given(st.dates(date(1900, 1, 1), date(2023, 12, 31)), st.dates(date(1900, 1, 1), date(2023, 12, 31)))
def test_the_older_never_gets_less(one: date, other: date) -> None:
    """The bands rise with age."""
    rules = engine()
    older, younger = (rules.assess(PROGRAMME, born(day), "2023-12") for day in sorted((one, other)))
    assert older.amount_fen >= younger.amount_fen >= 0
    assert rules.recheck(older)


@pytest.mark.parametrize("profile", profile_ids())
def test_amounts_of_every_district_are_placeholders_and_say_so(profile: str) -> None:
    """No plan gives an amount."""
    rules = engine(profile)
    facts = BeneficiaryFacts(PersonFacts("p", date(1930, 5, 1)), rules.profile.division_code)
    assessment = rules.assess(PROGRAMME, facts, f"{rules.profile.year}-06")
    assert assessment.outcome == "eligible"
    assert assessment.placeholder
    assert any("占位参数" in line.basis for line in assessment.lines)


def test_too_young_rests_on_the_law_alone() -> None:
    """Eighty is in the law: a refusal for age is no placeholder."""
    assert not engine().assess(PROGRAMME, born(date(1960, 1, 1)), "2023-07").placeholder


def test_paid_through_the_month_of_death() -> None:
    """And from the month of death itself where a district says so."""
    assert engine().stop_month(PROGRAMME, date(2023, 7, 1)) == "2023-08"
    assert engine().stop_month(PROGRAMME, date(2023, 12, 31)) == "2024-01"
    assert engine().last_month_payable(PROGRAMME, date(2023, 7, 31)) == "2023-07"


def test_stop_month_is_a_dated_parameter_of_the_district(make_engine: MakeEngine) -> None:
    """A district may stop in the month of death."""
    rules = make_engine(PROGRAMME, {"death.stops_after_months": 0})
    assert rules.stop_month(PROGRAMME, date(2023, 7, 31)) == "2023-07"
    assert rules.stop_month(PROGRAMME, date(2022, 12, 31)) == "2023-01"  # the older value still rules the older death
