"""低保 as code: the variables in the order of the procedure, and the engine that runs them.

Read household, assets, single_person, amount, gradual_exit, decision, in this order. Figures stand in parameters/, the
districts' own in profiles/<district>/assistance.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.assistance.rules import amount, assets, decision, gradual_exit, household, single_person
from services.assistance.rules.explanation import explain
from shared.rules.columns import Columns, household_columns
from shared.rules.engine import RulesEngine, load_engine
from shared.rules.errors import FactsError
from shared.rules.facts import HouseholdFacts
from shared.rules.package import Programme, RulePackage
from shared.rules.profile import DEFAULT_PROFILE, Profile
from shared.rules.published import Published


def _columns(cases: Sequence[HouseholdFacts], profile: Profile) -> Columns:
    # Another district's household would be measured by the wrong standard: that is a mistake of the caller, not a reason to refuse support.
    for case in cases:
        if not case.division.startswith(profile.division_code):
            raise FactsError(f"家庭 {case.household_id} 的区划 {case.division} 不属于{profile.name}（{profile.division_code}）")
    return household_columns(cases)


MINIMUM_LIVING_ALLOWANCE = Programme(
    id="minimum_living_allowance",
    title="最低生活保障",
    facts=HouseholdFacts,
    subject=lambda facts: facts.household_id,
    columns=_columns,
    outcome="minimum_living_outcome",
    amount="minimum_living_amount",
    reason="minimum_living_reason",
    reasons=decision.REASONS,
    exit_ends="gradual_exit_ends",
    explain=explain,
    stop_after_death="minimum_living_allowance.death.reassess_after_months",
)

PACKAGE = RulePackage(
    name="assistance",
    folder=Path(__file__).parent,
    variables=(*household.LAW, *assets.LAW, *single_person.LAW, *amount.LAW, *gradual_exit.LAW, *decision.LAW),
    programmes=(MINIMUM_LIVING_ALLOWANCE,),
)


def engine(profile: str = DEFAULT_PROFILE, published: tuple[Published, ...] = ()) -> RulesEngine:
    """The assistance rules with a district's figures: its files', and what it has published since."""
    return load_engine((PACKAGE,), profile, published=published)
