"""Runs the cases written beside the rules (services/*/rules/cases/*.yaml), and asks what they leave untested."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from services.assistance.rules import PACKAGE as ASSISTANCE
from services.eldercare.rules import PACKAGE as ELDERCARE
from shared.config import ROOT
from shared.rules.cases import Case, cases_of, engine_for, facts_of, read_elsewhere
from shared.rules.coverage import ProgrammeCoverage, coverage
from shared.rules.errors import RulesError
from shared.rules.facts import ExpenditureFacts, PersonFacts, Spending
from shared.rules.package import RulePackage
from tests.rules.conftest import write_cases

PACKAGES = (ASSISTANCE, ELDERCARE)
CASES = [
    pytest.param(package, case, id=f"{case.programme}: {case.name}")
    for package in PACKAGES
    for cases in cases_of(package).values()
    for case in cases
]


@pytest.mark.parametrize(("package", "case"), CASES)
def test_case_beside_the_rules(package: RulePackage, case: Case) -> None:
    """Each written case comes out as written, alone and in a batch, explained to the last line, and can be recomputed."""
    engine = engine_for(package, case.figures)
    assert case.faults(engine) == []
    if case.facts is None:
        return
    assessment = engine.assess(case.programme, case.facts, case.month)
    assert f"决定：{assessment.reason}" == assessment.lines[-1].label
    assert assessment.lines[-1].amount_fen == assessment.amount_fen
    assert all(line.basis for line in assessment.lines)
    assert engine.recheck(assessment)
    assert engine.assess_each(case.programme, [case.facts, case.facts], case.month) == [assessment, assessment]
    row = engine.assess_many(case.programme, [case.facts], case.month)[0]
    assert (row.outcome, row.eligible, row.amount_fen, row.reason, row.exit_ends) == (
        assessment.outcome,
        assessment.eligible,
        assessment.amount_fen,
        assessment.reason,
        assessment.exit_ends,
    )


@pytest.fixture(scope="module")
def covered() -> dict[str, ProgrammeCoverage]:
    """The coverage of every programme."""
    return {found.programme.id: found for package in PACKAGES for found in coverage(package)}


def test_nothing_goes_without_a_case(covered: dict[str, ProgrammeCoverage]) -> None:
    """No reason, no outcome, no answer of a rule, and no figure that could be moved by one unit unnoticed."""
    assert {name: found.missing for name, found in covered.items() if found.missing} == {}
    assert {name: found.wrong for name, found in covered.items() if found.wrong} == {}


def test_every_rule_is_reached_by_a_case(covered: dict[str, ProgrammeCoverage]) -> None:
    """A variable that no programme asks for would be law that decides nothing."""
    reached = {rule.name for found in covered.values() for rule in found.rules}
    assert reached == {variable.__name__ for package in PACKAGES for variable in package.variables}


def test_figures_no_rule_uses_name_their_reader() -> None:
    """What only the gathering of facts reads says where, and is read there."""
    for package in PACKAGES:
        for parameter, where in read_elsewhere(package).items():
            assert parameter.split(".", 1)[1] in (ROOT / where).read_text(encoding="utf-8")


def test_an_untested_figure_is_told(tmp_path: Path) -> None:
    """Cases far from the boundary leave the figure, the reasons and the answers at it without proof."""
    package = write_cases(
        tmp_path,
        ELDERCARE,
        dedent("""\
        programme: old_age_allowance
        month: 2023-07
        parameters: {first.from_age: 80, first.amount: 6000}
        cases:
          - {name: 八十五岁, facts: {person: {born_on: 1938-01-01}}, outcome: eligible, amount: 6000}
          - {name: 写错的, facts: {person: {born_on: 1938-01-01}}, outcome: eligible, amount: 7000, tells: [不会有的话], silent: [档]}
        """),
    )
    (found,) = coverage(package, ("old_age_allowance",))
    assert {
        "参数 old_age_allowance.first.from_age 多一个单位，没有用例察觉",
        "参数 old_age_allowance.first.from_age 少一个单位，没有用例察觉",
        "参数 old_age_allowance.second.amount 多一个单位，没有用例察觉",
        "理由没有用例：户籍不在本区",
        "结果没有用例：ended",
    } <= set(found.missing)
    assert found.figures["old_age_allowance.first.amount"] == {-1: "八十五岁", 1: "八十五岁"}
    assert found.wrong == ("写错的：金额应为 7000，实为 6000", "写错的：说明中应有“不会有的话”", "写错的：说明中不应有“档”")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("programme: x\nmonth: 2023-07\nparameters: {}\ncases: []\n", "programme 须为"),
        ("programme: old_age_allowance\nmonth: 2023-07\nfigures: {}\nparameters: {}\ncases: []\n", "不认识的键 figures"),
        ("programme: old_age_allowance\nmonth: 2023-07\nparameters: {}\ncases: [{name: 一, sum: 1}]\n", "用例“一”中不认识的键 sum"),
    ],
)
def test_a_misspelt_case_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A key nobody reads would be an expectation nobody checks."""
    with pytest.raises(RulesError, match=message):
        cases_of(write_cases(tmp_path, ELDERCARE, text))


def test_facts_fill_in_what_a_case_leaves_out() -> None:
    """Nested facts as well: a household of the district with one adult member."""
    (programme,) = (p for p in ASSISTANCE.programmes if p.facts is ExpenditureFacts)
    facts = facts_of(programme, {"household": {"savings_fen": 5}, "spending": [{"kind": "care", "self_borne_fen": 7}]})
    assert isinstance(facts, ExpenditureFacts)
    assert (facts.household.division, facts.household.savings_fen) == ("330225", 5)
    assert [type(member) for member in facts.household.members] == [PersonFacts]
    assert facts.spending == (Spending("care", 7),)
