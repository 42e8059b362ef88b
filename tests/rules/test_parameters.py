"""What the parameter loader refuses, and that it says where."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from services.assistance.rules import PACKAGE
from shared.rules.engine import RulesEngine
from shared.rules.errors import ParameterError, RulesError
from shared.rules.parameters import as_openfisca, load_parameters
from shared.rules.profile import PROFILES, load_profile, profile_ids
from tests.rules.conftest import write_profile

GOOD = """\
standard:
  urban:
    description: 城市标准
    unit: fen
    values:
      2021-07-01:
        value: 70000
        reference: 文件一
        source: law
        until: 2022-12-31
      2023-01-01:
        value: 80000
        reference: 文件二
        source: plan
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with one good parameter file."""
    folder = tmp_path / "parameters"
    folder.mkdir()
    (folder / "benefit.yaml").write_text(GOOD, encoding="utf-8")
    return folder


def test_good_file_is_read(base: Path) -> None:
    """Values by date, through to OpenFisca's own tree."""
    parameters = load_parameters(base)
    urban = parameters["benefit.standard.urban"]
    found = [urban.at(day) for day in (date(2021, 6, 30), date(2022, 12, 31), date(2023, 1, 1))]
    assert [dated and dated.value for dated in found] == [None, 70000, 80000]
    assert as_openfisca(parameters)("2023-05-01").benefit.standard.urban == 80000


def test_closed_value_ends(base: Path) -> None:
    """A last value with an end is in force no longer, for OpenFisca either."""
    path = base / "benefit.yaml"
    path.write_text(GOOD.replace("source: plan", "source: plan\n        until: 2023-12-31"), encoding="utf-8")
    parameters = load_parameters(base)
    assert parameters["benefit.standard.urban"].at(date(2024, 1, 1)) is None
    assert "urban" not in list(as_openfisca(parameters)("2024-01-01").benefit.standard)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("2023-01-01:", "2023-02-01:", 11, "日期有空档"),
        ("2023-01-01:", "2022-12-01:", 11, "日期重叠"),
        ("2023-01-01:", "2021-06-01:", 11, "由早到晚"),
        ("2023-01-01:", "2021-07-01:", 11, "出现两次"),
        ("2023-01-01:", "2023-01-15:", 11, "须为某月1日"),
        ("2023-01-01:", "2023-1-1:", 11, "应写作 YYYY-MM-DD"),
        ("2023-01-01:", "2023-02-30:", 11, "应写作 YYYY-MM-DD"),
        ("until: 2022-12-31", "until: 2022-12-30", 10, "最后一日"),
        ("until: 2022-12-31", "until: 2021-06-30", 10, "最后一日"),
        ("value: 80000", "value: 80000.5", 12, "须为整数"),
        ("value: 80000", "value: '80000'", 12, "须为整数"),
        ("value: 80000", "value: 0x10", 12, "须为整数"),
        ("value: 80000", "value: 010", 12, "不能以 0 开头"),
        ("value: 80000", "value: true", 12, "须为整数"),
        ("value: 80000", "value: [1]", 12, "须为整数"),
        ("value: 80000", "value: -1", 12, "超出 fen 的范围"),
        ("        reference: 文件二\n", "", 11, "缺少 reference"),
        ("reference: 文件二", "reference:", 13, "不能为空"),
        ("        source: plan\n", "", 11, "缺少 source"),
        ("source: plan", "source: hearsay", 14, "source 只能是"),
        ("        value: 80000\n", "", 11, "缺少 value"),
        ("source: plan", "source: plan\n        colour: red", 15, "不认识的键 colour"),
        ("unit: fen", "unit: fen\n    colour: red", 5, "不认识的键 colour"),
        ("unit: fen", "unit: yuan", 4, "单位 yuan 不认识"),
        ("    unit: fen\n", "", 3, "缺少 unit"),
        ("    description: 城市标准\n", "", 3, "缺少 description"),
        ("    values:", "    valves:", 3, "保留字 description"),
        ("urban:", "ur-ban:", 2, "只能用字母"),
        ("standard:\n", "standard: [\n", 3, "不是合法的 YAML"),
        ("source: plan", "source: plan\nother: 5", 15, "应是键值对"),
    ],
)
def test_refusal_names_file_and_line(base: Path, old: str, new: str, line: int, message: str) -> None:
    """Whoever keeps the figures is told where to look."""
    assert old in GOOD
    path = base / "benefit.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ParameterError) as refusal:
        load_parameters(base)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}:{line}: ")


def test_district_lies_over_the_nation_from_its_first_date(base: Path, tmp_path: Path) -> None:
    """Earlier months keep the national value."""
    own = tmp_path / "district.yaml"
    own.write_text(
        dedent("""\
        benefit:
          standard:
            urban:
              values:
                2022-05-01: {value: 90000, reference: 区文件, source: plan}
        """),
        encoding="utf-8",
    )
    urban = load_parameters(base, own)["benefit.standard.urban"]
    days = (date(2022, 4, 30), date(2022, 5, 1), date(2030, 1, 1))
    assert [dated and dated.value for dated in map(urban.at, days)] == [70000, 90000, 90000]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("benefit:\n  standard:\n    rural:\n      values: {}\n", 3, "没有名为 benefit.standard.rural 的参数"),
        ("other:\n  x: 1\n", 1, "没有名为 other 的参数"),
        ("benefit:\n  standard:\n    values: {}\n", 3, "不是参数"),
        ("benefit:\n  standard:\n    urban:\n      unit: fen\n      values: {}\n", 4, "不认识的键 unit"),
        ("benefit:\n  standard:\n    urban:\n      values: {}\n", 4, "没有任何值"),
    ],
)
def test_district_cannot_invent_parameters(base: Path, tmp_path: Path, text: str, line: int, message: str) -> None:
    """A misspelt name would otherwise silently leave the national value in force."""
    own = tmp_path / "district.yaml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as refusal:
        load_parameters(base, own)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(f"{own}:{line}: ")


OWN = """\
benefit:
  standard:
    urban:
      values:
        2022-05-01: {value: 90000, reference: 区文件一, source: plan, until: 2022-12-31}
        2023-01-01: {value: 95000, reference: 区文件二, source: plan}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("2023-01-01:", "2023-03-01:", 6, "benefit.standard.urban 在 2023-01-01 至 2023-02-28 之间没有值（日期有空档）"),
        ("2023-01-01:", "2022-11-01:", 6, "benefit.standard.urban 在 2022-11-01 至 2022-12-31 之间有两个值（日期重叠）"),
        ("2023-01-01:", "2022-05-01:", 6, "2022-05-01 出现两次"),
        ("2023-01-01:", "2022-04-01:", 6, "日期须由早到晚"),
        ("until: 2022-12-31", "untill: 2022-12-31", 5, "不认识的键 untill"),
        ("until: 2022-12-31", "until: 2022-12", 5, "应写作 YYYY-MM-DD"),
    ],
)
def test_gaps_and_overlaps_in_a_districts_dates_are_refused(
    base: Path, tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    """A district's own values follow each other day by day, as the nation's must; the refusal names its file and line."""
    own = tmp_path / "district.yaml"
    own.write_text(OWN, encoding="utf-8")
    values = load_parameters(base, own)["benefit.standard.urban"].values
    assert [(dated.first, dated.last) for dated in values] == [
        (date(2021, 7, 1), date(2022, 4, 30)),
        (date(2022, 5, 1), date(2022, 12, 31)),
        (date(2023, 1, 1), None),
    ]
    assert old in OWN
    own.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ParameterError) as refusal:
        load_parameters(base, own)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(f"{own}:{line}: ")


def test_gap_between_nation_and_district_is_refused(base: Path, tmp_path: Path) -> None:
    """The national value ended before the district's begins."""
    (base / "benefit.yaml").write_text(GOOD[: GOOD.index("      2023-01-01")], encoding="utf-8")
    own = tmp_path / "district.yaml"
    own.write_text("benefit: {standard: {urban: {values: {2023-02-01: {value: 1, reference: 区文件, source: plan}}}}}\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="日期有空档") as refusal:
        load_parameters(base, own)
    assert str(refusal.value).startswith(f"{own}:1: benefit.standard.urban 在 2022-12-31 之后、2023-02-01 之前没有值")


def test_profiles() -> None:
    """Five districts, each with its GB/T 2260 code; others are refused."""
    found = {profile: load_profile(profile).division_code for profile in profile_ids()}
    assert found == {
        "jimo-2022": "370215",
        "wujin-2023": "320412",
        "xianan-2021": "421202",
        "xiangshan-2023": "330225",
        "xincheng-2024": "610102",
    }
    for wrong in ("nowhere-2023", "../profiles/jimo-2022", "", "jimo-2022/"):
        with pytest.raises(RulesError, match="没有名为"):
            load_profile(wrong)


def test_versions_depend_on_content_alone(tmp_path: Path) -> None:
    """The same files elsewhere have the same version; one changed figure has another, the rules' version stays."""
    copy = tmp_path / "profiles"
    shutil.copytree(PROFILES, copy)
    here, there = (RulesEngine((PACKAGE,), load_profile("wujin-2023", folder)) for folder in (PROFILES, copy))
    assert (here.rules_version, here.parameters_version) == (there.rules_version, there.parameters_version)
    assert here.rules_version.endswith("+openfisca-46.0.1")
    assert here.parameters_version.startswith("wujin-2023@")

    own = copy / "wujin-2023" / "assistance.yaml"
    own.write_text(own.read_text(encoding="utf-8").replace("106000", "106001"), encoding="utf-8")
    changed = RulesEngine((PACKAGE,), load_profile("wujin-2023", copy))
    assert changed.rules_version == here.rules_version
    assert changed.parameters_version != here.parameters_version


def test_versions_depend_on_the_rule_files(tmp_path: Path) -> None:
    """A rule file edited is another version of the rules."""
    folder = tmp_path / "rules"
    shutil.copytree(PACKAGE.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "amount.py").write_text("# edited\n", encoding="utf-8")
    profile = load_profile("wujin-2023")
    edited, as_is = (RulesEngine((package,), profile) for package in (replace(PACKAGE, folder=folder), PACKAGE))
    assert edited.rules_version != as_is.rules_version
    assert edited.parameters_version == as_is.parameters_version


def test_an_old_decision_survives_a_new_standard(tmp_path: Path) -> None:
    """A value added for next year changes the version of the parameters, not last year's decision."""
    from services.assistance.rules import MINIMUM_LIVING_ALLOWANCE as PROGRAMME
    from shared.rules.facts import HouseholdFacts, PersonFacts

    folder = write_profile(tmp_path, PACKAGE, PROGRAMME.id, {"standard.urban": 100_000})
    facts = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1)),))
    before = RulesEngine((PACKAGE,), load_profile("test-2023", folder))
    assessment = before.assess(PROGRAMME.id, facts, "2023-07")

    own = folder / "test-2023" / "assistance.yaml"
    text = own.read_text(encoding="utf-8")
    own.write_text(text + "        2024-01-01: {value: 110000, reference: 测试用, source: plan}\n", encoding="utf-8")
    after = RulesEngine((PACKAGE,), load_profile("test-2023", folder))
    assert after.assess(PROGRAMME.id, facts, "2024-01").amount_fen == 110_000
    assert after.parameters_version != assessment.parameters_version
    assert after.recheck(assessment)
