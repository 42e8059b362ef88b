"""The rules of social assistance as code, and the engine that runs them.

低保 first: household, assets, single_person, amount, gradual_exit, decision, in this order. Then one file a programme, whose ``LAW`` is
its variables and whose ``PROGRAMMES`` says what they answer; a file put into this folder is found without being listed. Figures stand
in parameters/, the districts' own in profiles/<district>/assistance.yaml, examples in cases/.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from services.assistance.rules import decision
from services.assistance.rules.explanation import explain
from services.assistance.rules.households import columns_in_district
from shared.rules.engine import RulesEngine, load_engine
from shared.rules.facts import HouseholdFacts
from shared.rules.package import Programme, RulePackage
from shared.rules.profile import DEFAULT_PROFILE
from shared.rules.published import Published
from shared.rules.turning import Age

MINIMUM_LIVING_ALLOWANCE = Programme(
    id="minimum_living_allowance",
    title="最低生活保障",
    facts=HouseholdFacts,
    subject=lambda facts: facts.household_id,
    columns=columns_in_district,
    outcome="minimum_living_outcome",
    amount="minimum_living_amount",
    reason="minimum_living_reason",
    reasons=decision.REASONS,
    exit_ends="gradual_exit_ends",
    explain=explain,
    stop_after_death="minimum_living_allowance.death.reassess_after_months",
    ages=(  # 分类施保: is_old, is_minor
        Age("minimum_living_allowance.supplement.old_from_age"),
        Age("minimum_living_allowance.supplement.minor_until_age", passed=True),
    ),
)

_FILES = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]

PACKAGE = RulePackage(
    name="assistance",
    folder=Path(__file__).parent,
    variables=tuple(variable for file in _FILES for variable in getattr(file, "LAW", ())),
    programmes=(MINIMUM_LIVING_ALLOWANCE, *(programme for file in _FILES for programme in getattr(file, "PROGRAMMES", ()))),
)


ADDED: list[RulePackage] = []  # rules that came in at run time, each with a folder of its own (see services/assistance/adding.py)


def engine(profile: str = DEFAULT_PROFILE, published: tuple[Published, ...] = ()) -> RulesEngine:
    """The assistance rules with a district's figures: its files', and what it has published since."""
    return load_engine((PACKAGE, *ADDED), profile, published=published)
