"""Whose households these rules may speak of: those of the district whose figures they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.rules.columns import Columns, household_columns
from shared.rules.errors import FactsError
from shared.rules.facts import HouseholdFacts
from shared.rules.profile import Profile


def must_be_of(profile: Profile, subjects: Iterable[tuple[str, str]]) -> None:
    """Subjects as (id, division). Another district's would be measured by the wrong standard: the caller's mistake."""
    for subject, division in subjects:
        if not division.startswith(profile.division_code):
            raise FactsError(f"家庭 {subject} 的区划 {division} 不属于{profile.name}（{profile.division_code}）")


def columns_in_district(cases: Sequence[HouseholdFacts], profile: Profile) -> Columns:
    """Households of the district as columns."""
    must_be_of(profile, ((case.household_id, case.division) for case in cases))
    return household_columns(cases)
