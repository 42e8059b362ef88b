"""``minzheng rules`` as an operator meets it: without a running house, and with decisions in the read model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from services.assistance.rules import PACKAGE, engine
from shared.cli import rules
from shared.cli.main import cli
from shared.eventlog.benefit_rows import benefit_tables
from tests.rules.conftest import write_cases


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house that never ran, told of in lines wide enough not to be folded."""
    for name in ("MINZHENG_MODE", "MINZHENG_PROFILE", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINZHENG_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "400")
    return tmp_path / "var"


def run(*words: str) -> Result:
    """The command as typed."""
    return CliRunner().invoke(cli, ["rules", *words])


def test_list_names_every_programme() -> None:
    """Of every service, with how it pays."""
    said = run("list")
    assert said.exit_code == 0, said.output
    for package in rules.packages():
        for programme in package.programmes:
            assert programme.id in said.output
            assert programme.title in said.output
    assert {package.name for package in rules.packages()} == {"assistance", "eldercare"}


def test_show_tells_the_figures_of_a_district_and_where_they_come_from() -> None:
    """象山's own plan beside the placeholders, and the 低保 standard that the programme leans on."""
    said = run("show", "extreme_hardship_support", "--profile", "xiangshan-2023", "--month", "2023-07")
    assert said.exit_code == 0, said.output
    (line,) = (line for line in said.output.splitlines() if "城市特困人员基本生活标准" in line)
    assert "2,134.00 元" in line
    assert "2023-01-01" in line
    assert "区计划" in line
    assert "占位，待核定" in said.output
    assert "minimum_living_allowance.standard.urban" in said.output
    assert engine("xiangshan-2023").parameters_version in said.output


@pytest.mark.parametrize(
    ("programme", "figure", "value"),
    [
        ("price_linked_temporary_subsidy", "trigger.cpi", "3.50%"),
        ("price_linked_temporary_subsidy", "rounding.mode", "进位"),
        ("price_linked_temporary_subsidy", "classes.margin", "否"),
        ("severe_disability_care_subsidy", "grades.other_up_to", "2"),
        ("minimum_living_allowance", "margin.percent", "150%"),
        ("minimum_living_allowance", "gradual_exit.months", "6 个月"),
        ("minimum_living_allowance", "supplement.old_from_age", "70 岁"),
    ],
)
def test_show_writes_each_unit_as_people_read_it(programme: str, figure: str, value: str) -> None:
    """Percent of basis points, words for flags and rounding."""
    lines = run("show", programme, "--month", "2023-07").output.splitlines()
    (at,) = (n for n, line in enumerate(lines) if f"{programme}.{figure} " in line)
    assert f" {value} " in lines[at - 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "x"), "没有名为 x 的项目"),
        (("coverage", "x"), "没有名为 x 的项目"),
        (("show", "temporary_assistance", "--profile", "nowhere-2023"), "没有名为 'nowhere-2023' 的区县档案"),
        (("show", "temporary_assistance", "--month", "2023-7"), "YYYY-MM"),
        (("show", "temporary_assistance", "--month", "2020-01"), "没有生效的值"),
    ],
)
def test_what_can_not_be_shown_is_said(words: tuple[str, ...], message: str) -> None:
    """In Chinese, with exit code 1 and no traceback."""
    said = run(*words)
    assert said.exit_code == 1
    assert message in said.output


def test_coverage_tells_paragraph_cases_and_answers_of_each_rule(var: Path) -> None:
    """All of them, as JSON; no decisions where nothing ever ran, and the asking leaves nothing behind."""
    said = run("coverage", "disabled_living_subsidy", "--json")
    assert said.exit_code == 0, said.output
    (found,) = json.loads(said.output)
    assert found["missing"] == found["wrong"] == []
    assert found["decisions"] == {}
    assert "没有读模型" in found["note"]
    assert {rule["decisions"] for rule in found["rules"]} == {0}
    assert not list(var.glob("*.db"))
    assert found["rules_version"] == engine().rules_version
    (excluded,) = (rule for rule in found["rules"] if rule["name"] == "living_excluded")
    assert "政策衔接" in excluded["reference"]
    assert "孤儿不享受" in excluded["cases"]
    assert min(excluded["answers"].values()) > 0
    assert "已享受孤儿基本生活费，不重复享受" in excluded["reasons"]
    assert found["reasons"]["残疾人证已过有效期"] == ["残疾人证上月末到期"]
    assert found["figures"]["disabled_living_subsidy.exclusions.orphan_allowance"] == {"less": "孤儿不享受", "more": None}


def test_coverage_counts_the_decisions_of_this_version_and_of_others(var: Path) -> None:
    """From the read model's rows: two under the rules as they stand, one under older ones, none of another programme's."""
    var.mkdir()
    metadata = sa.MetaData()
    tables = benefit_tables(metadata)
    made = sa.create_engine(f"sqlite:///{var / 'assistance.db'}")
    metadata.create_all(made)
    now = engine().rules_version
    with made.begin() as tx:
        for case_id, programme in (
            ("c1", "disabled_living_subsidy"),
            ("c2", "disabled_living_subsidy"),
            ("c3", "minimum_living_allowance"),
        ):
            case = {"payee_id": "p", "subject_id": "p", "division": "330225", "status": "in_force", "version": 1, "changed_at": ""}
            tx.execute(tables.cases.insert().values(case_id=case_id, programme=programme, **case))
        for case_id, version, under in (("c1", 1, "older"), ("c1", 2, now), ("c2", 1, now), ("c3", 1, now)):
            amounts = {"old_amount_fen": 0, "new_amount_fen": 1, "effective_month": "2023-07", "placeholder": False, "recorded_at": ""}
            decided = {"outcome": "eligible", "reason": "", "rules_version": under, "parameters_version": ""}
            tx.execute(tables.decisions.insert().values(case_id=case_id, version=version, **decided, **amounts))
    made.dispose()
    (found,) = json.loads(run("coverage", "disabled_living_subsidy", "--json").output)
    assert found["decisions"] == {"older": 1, now: 2}
    assert not found["note"]
    assert {rule["decisions"] for rule in found["rules"]} == {2}
    assert "本版本 2 个决定，共 3 个" in run("coverage", "disabled_living_subsidy").output


def test_coverage_fails_where_a_branch_has_no_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names the branch."""
    text = (PACKAGE.folder / "cases" / "low_income_household.yaml").read_text(encoding="utf-8")
    without = "\n".join(line for line in text.splitlines() if "有车" not in line)
    package = write_cases(tmp_path, PACKAGE, without)
    monkeypatch.setattr(rules, "packages", lambda: [package])
    said = run("coverage", "low_income_household")
    assert said.exit_code == 1
    assert "欠缺  低收入家庭：理由没有用例：家庭车辆超过规定" in said.output


def test_help_explains_each_command() -> None:
    """In Chinese, with an example."""
    assert "minzheng rules coverage temporary_assistance" in run("--help").output
    for name in ("list", "show", "coverage"):
        assert run(name, "--help").exit_code == 0
