"""Runs the cases written beside the rules: services/*/rules/cases/*.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from shared.rules.assessment import Outcome
from shared.rules.facts import BeneficiaryFacts, HouseholdFacts
from tests.rules.conftest import PACKAGES, MakeEngine

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("services/*/rules/cases/*.yaml"))
PERSON = {"born_on": "1980-01-01"}


class _Loader(yaml.SafeLoader):
    """Leaves dates as text, as they come in a message."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _files() -> Iterator[dict[str, Any]]:
    for path in FILES:
        yield yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader without dates


CASES = [pytest.param(file, case, id=f"{file['programme']}: {case['name']}") for file in _files() for case in file["cases"]]


def facts_of(programme: str, given: dict[str, Any]) -> Any:
    """The facts a case writes, over the defaults the head of its file names."""
    if programme == "old_age_allowance":
        person = {"person_id": "p", "born_on": "1940-01-01"} | given.get("person", {})
        return msgspec.convert({"division": "330225001"} | given | {"person": person}, BeneficiaryFacts)
    members = [{"person_id": f"p{n}"} | PERSON | member for n, member in enumerate(given.get("members", [{}]), 1)]
    return msgspec.convert({"household_id": "h", "division": "330225"} | given | {"members": members}, HouseholdFacts)


@pytest.mark.parametrize(("file", "case"), CASES)
def test_case_beside_the_rules(file: dict[str, Any], case: dict[str, Any], make_engine: MakeEngine) -> None:
    """Each written case comes out as written, alone and in a batch, and can be recomputed."""
    programme, month = file["programme"], case.get("month", file["month"])
    engine = make_engine(programme, file["parameters"] | case.get("parameters", {}))
    facts = facts_of(programme, case.get("facts", {}))

    assessment = engine.assess(programme, facts, month)

    assert (case["outcome"], case["amount"]) == (assessment.outcome, assessment.amount_fen)
    assert case.get("reason", assessment.reason) == assessment.reason
    assert case.get("exit_ends") == assessment.exit_ends
    assert f"决定：{assessment.reason}" == assessment.lines[-1].label
    assert all(line.basis for line in assessment.lines)
    assert engine.recheck(assessment)
    row = engine.assess_many(programme, [facts], month)[0]
    assert (row.outcome, row.eligible, row.amount_fen, row.reason, row.exit_ends) == (
        assessment.outcome,
        assessment.eligible,
        assessment.amount_fen,
        assessment.reason,
        assessment.exit_ends,
    )


def test_every_reason_and_outcome_has_a_case(make_engine: MakeEngine) -> None:
    """No branch of a programme goes without an example."""
    for file in _files():
        programme = file["programme"]
        reached = [
            make_engine(programme, file["parameters"] | case.get("parameters", {})).assess(
                programme, facts_of(programme, case.get("facts", {})), case.get("month", file["month"])
            )
            for case in file["cases"]
        ]
        (declared,) = (p for p in PACKAGES[programme].programmes if p.id == programme)
        assert set(declared.reasons.values()) == {assessment.reason for assessment in reached}
        expected = {outcome.name for outcome in Outcome}
        assert {assessment.outcome for assessment in reached} == (expected if declared.exit_ends else expected - {"gradual_exit"})
