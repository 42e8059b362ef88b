"""Elder care's rules as code: one file a programme, and the engine. Figures in parameters/ and profiles/<district>/eldercare.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.eldercare.rules import hardship_aged_disabled_subsidy, old_age_allowance
from services.eldercare.rules.explanation import BANDS, explain
from shared.rules.columns import Columns, person_columns
from shared.rules.engine import RulesEngine, load_engine
from shared.rules.facts import BeneficiaryFacts
from shared.rules.package import Programme, RulePackage
from shared.rules.profile import DEFAULT_PROFILE, Profile
from shared.rules.turning import Age


def _columns(cases: Sequence[BeneficiaryFacts], profile: Profile) -> Columns:
    return person_columns(cases, profile.division_code)


OLD_AGE_ALLOWANCE = Programme(
    id="old_age_allowance",
    title="高龄津贴",
    facts=BeneficiaryFacts,
    subject=lambda facts: facts.person.person_id,
    columns=_columns,
    outcome="old_age_allowance_outcome",
    amount="old_age_allowance_amount",
    reason="old_age_allowance_reason",
    reasons=old_age_allowance.REASONS,
    explain=explain,
    stop_after_death="old_age_allowance.death.stops_after_months",
    ages=tuple(Age(f"old_age_allowance.{band}.from_age", later="old_age_allowance.starts_after_months") for band in BANDS),
)

PACKAGE = RulePackage(
    name="eldercare",
    folder=Path(__file__).parent,
    variables=(*old_age_allowance.LAW, *hardship_aged_disabled_subsidy.LAW),
    programmes=(OLD_AGE_ALLOWANCE, *hardship_aged_disabled_subsidy.PROGRAMMES),
)


def engine(profile: str = DEFAULT_PROFILE) -> RulesEngine:
    """The eldercare rules with a district's figures."""
    return load_engine((PACKAGE,), profile)
