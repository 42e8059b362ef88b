"""What must hold for every household, whatever its facts."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openfisca_core.taxbenefitsystems import TaxBenefitSystem

from bench.plain_numpy import PROGRAMME, minimum_living_allowance, parameters_of, population
from services.assistance.rules import PACKAGE, engine
from shared.rules.assessment import Assessment, Outcome
from shared.rules.columns import LARGEST_FEN, household_columns
from shared.rules.engine import RulesEngine
from shared.rules.errors import FactsError, RulesError
from shared.rules.facts import AREAS, DISABILITY_KINDS, HouseholdFacts, PersonFacts
from shared.rules.profile import load_profile, profile_ids
from tests.rules.conftest import MakeEngine

MONTH = "2023-07"
DAYS = st.dates(date(1920, 1, 1), date(2023, 12, 31))


@st.composite
def people(draw: st.DrawFn, identity: str) -> PersonFacts:
    """Any one person."""
    income = draw(st.integers(0, 400_000))
    return PersonFacts(
        person_id=identity,
        born_on=draw(DAYS),
        monthly_income_fen=income,
        excluded_income_fen=draw(st.integers(0, income)),
        employed=draw(st.booleans()),
        newly_employed_on=draw(st.none() | st.dates(date(2022, 1, 1), date(2023, 12, 31))),
        disability_grade=draw(st.integers(0, 4)),
        disability_kind=draw(st.sampled_from(DISABILITY_KINDS)),
        gravely_ill=draw(st.booleans()),
        counted=draw(st.booleans() | st.just(True)),
    )


@st.composite
def households(draw: st.DrawFn) -> HouseholdFacts:
    """Any household of Xiangshan."""
    members = tuple(draw(people(f"p{n}")) for n in range(draw(st.integers(1, 4))))
    return HouseholdFacts(
        household_id="h",
        division="330225001",
        area=draw(st.sampled_from(AREAS)),
        members=members,
        savings_fen=draw(st.just(0) | st.integers(0, 10_000_000)),
        securities_fen=draw(st.just(0) | st.integers(0, 10_000_000)),
        vehicles=draw(st.integers(0, 1)),
        homes=draw(st.integers(0, 2)),
        gradual_exit_since=draw(st.none() | st.dates(date(2022, 10, 1), date(2023, 9, 30)).map(lambda day: day.replace(day=1))),
        current_amount_fen=draw(st.just(0) | st.integers(1, 400_000)),
        applies_alone=draw(st.sampled_from(["", "", members[0].person_id])),
    )


@settings(max_examples=60, deadline=None)
@given(households())
def test_one_household_is_decided_as_in_a_crowd_and_can_be_recomputed(facts: HouseholdFacts) -> None:
    """assess == assess_many, the amount is never negative, and the record is enough to decide again."""
    rules = engine()
    assessment = rules.assess(PROGRAMME, facts, MONTH)
    row = rules.assess_many(PROGRAMME, [facts, facts], MONTH)[1]

    assert (row.outcome, row.amount_fen, row.reason, row.exit_ends) == (
        assessment.outcome,
        assessment.amount_fen,
        assessment.reason,
        assessment.exit_ends,
    )
    assert assessment.amount_fen >= 0
    assert assessment.eligible == (assessment.outcome in {"eligible", "unchanged", "raised", "lowered"})
    assert (assessment.amount_fen > 0) == (assessment.outcome not in {"ineligible", "ended"})
    assert (assessment.exit_ends is not None) == (assessment.outcome == "gradual_exit")
    assert rules.recheck(assessment)
    assert not rules.recheck(replace(assessment, amount_fen=assessment.amount_fen + 1))


@settings(max_examples=60, deadline=None)
@given(households(), st.integers(0, 3), st.integers(1, 300_000), st.booleans())
def test_more_income_never_raises_the_amount(make_engine: MakeEngine, facts: HouseholdFacts, who: int, more: int, banded: bool) -> None:
    """For an application of a whole household. (In force, a gradual exit pays the old amount on: that is its purpose.)"""
    rules = make_engine(PROGRAMME, {"bands.used": int(banded)})
    poorer = replace(facts, current_amount_fen=0, applies_alone="")
    who %= len(facts.members)
    richer = replace(
        poorer,
        members=tuple(
            replace(member, monthly_income_fen=member.monthly_income_fen + more) if n == who else member
            for n, member in enumerate(poorer.members)
        ),
    )
    assert rules.assess(PROGRAMME, richer, MONTH).amount_fen <= rules.assess(PROGRAMME, poorer, MONTH).amount_fen


@pytest.mark.parametrize("profile", profile_ids())
def test_every_district_decides_and_shows_where_its_standard_comes_from(profile: str) -> None:
    """Each profile loads; only the documented standard of Xiangshan is free of the placeholder mark."""
    rules = engine(profile)
    facts = HouseholdFacts("h", rules.profile.division_code, members=(PersonFacts("p", date(1980, 1, 1)),))
    assessment = rules.assess(PROGRAMME, facts, f"{rules.profile.year}-12")

    assert (assessment.outcome, assessment.amount_fen) == ("eligible", rules.parameter(f"{PROGRAMME}.standard.urban", "2024-12").value)
    assert assessment.placeholder is (profile != "xiangshan-2023")
    assert assessment.placeholder is any("占位参数" in line.basis for line in assessment.lines)


def test_xiangshan_standard_is_the_plans() -> None:
    """1255 元/月, from the district's own document."""
    value = engine("xiangshan-2023").parameter(f"{PROGRAMME}.standard.rural", MONTH)
    assert (value.value, value.source, value.placeholder, value.since) == (125_500, "plan", False, "2023-01-01")
    assert "1255元/月" in value.reference


def test_destitute_standard_is_above_its_floor() -> None:
    """特困 2134 元/月, at least 1.3 times 低保."""
    rules = engine("xiangshan-2023")
    basic, floor = (rules.parameter(f"extreme_hardship_support.standard.{name}", MONTH).value for name in ("urban", "floor_percent"))
    assert basic == 213_400
    assert basic * 100 >= rules.parameter(f"{PROGRAMME}.standard.urban", MONTH).value * floor


def test_jimo_rise_is_ten_percent() -> None:
    """将城乡低保…标准提高10%."""
    rules = engine("jimo-2022")
    for area in ("urban", "rural"):
        before, after = (rules.parameter(f"{PROGRAMME}.standard.{area}", month).value for month in ("2021-12", "2022-01"))
        assert after * 10 == before * 11


def test_placeholder_is_marked_only_where_the_result_rests_on_it() -> None:
    """A placeholder supplement marks whoever draws it, and nobody else."""
    rules = engine("xiangshan-2023")
    plain = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1)),))
    ill = replace(plain, members=(replace(plain.members[0], gravely_ill=True),))
    assert not rules.assess(PROGRAMME, plain, MONTH).placeholder
    marked = rules.assess(PROGRAMME, ill, MONTH)
    assert marked.placeholder
    assert [line.label for line in marked.lines if "占位参数" in line.basis] == ["分类施保：重病患者1人，标准的20%"]


def test_explanation_adds_up_to_the_amount() -> None:
    """Difference + supplements + rounding = what is decided."""
    facts = HouseholdFacts(
        "h",
        "330225",
        members=(
            PersonFacts("p1", date(1950, 1, 1), monthly_income_fen=30_033),
            PersonFacts("p2", date(2012, 1, 1)),
            PersonFacts("p3", date(1980, 1, 1), monthly_income_fen=150_000, employed=True, disability_grade=2),
        ),
    )
    assessment = engine().assess(PROGRAMME, facts, MONTH)
    parts = [line.amount_fen or 0 for line in assessment.lines if line.label.startswith(("差额", "分类施保", "取整"))]
    assert len(parts) == 5
    assert sum(parts) == assessment.amount_fen == assessment.lines[-1].amount_fen


def test_explanation_names_nobody() -> None:
    """Lines are shown to the village: no pseudonym in them."""
    facts = HouseholdFacts("household-x", "330225", members=(PersonFacts("person-x", date(1980, 1, 1), gravely_ill=True),))
    text = "".join(line.label + line.basis for line in engine().assess(PROGRAMME, facts, MONTH).lines)
    assert "person-x" not in text
    assert "household-x" not in text


def test_a_household_too_rich_is_told_who_may_apply_alone() -> None:
    """A margin household with a gravely ill member learns of 单人保."""
    facts = HouseholdFacts(
        "h", "330225", members=(PersonFacts("p1", date(1980, 1, 1), gravely_ill=True), PersonFacts("p2", date(1980, 1, 1), 300_000))
    )
    assessment = engine().assess(PROGRAMME, facts, MONTH)
    assert assessment.outcome == "ineligible"
    assert "可单独提出申请的成员：1人" in [line.label for line in assessment.lines]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "figures",
    [{}, {"bands.used": 1, "rounding.mode": 2}, {"gradual_exit.share_percent": 50, "minimum_payment": 5000}],
)
def test_agrees_with_plain_numpy(seed: int, figures: dict[str, int], make_engine: MakeEngine) -> None:
    """The rules and the same formula without OpenFisca agree on every household of a random district, and again once they are paid."""
    rules = make_engine(PROGRAMME, figures)
    columns, met = population(3000, seed), set()
    for _ in range(2):
        batch = rules.assess_many(PROGRAMME, columns, MONTH)
        plain = minimum_living_allowance(columns, parameters_of(rules, MONTH), MONTH)
        for name, values in (("outcome", batch.outcome), ("amount", batch.amount_fen), ("reason", batch.reason)):
            numpy.testing.assert_array_equal(plain[name], values, err_msg=name)
        numpy.testing.assert_array_equal(plain["exit_ends"], batch.exit_ends)
        met |= set(batch.outcome.tolist())
        paid = numpy.where(batch.amount_fen > 0, batch.amount_fen, columns.households["current_amount"])
        columns = replace(columns, households={**columns.households, "current_amount": paid})
    assert met == set(Outcome)


def test_absurd_amounts_do_not_overflow() -> None:
    """Sums past 32 bits stay exact, and what could pass 64 bits is refused before any sum."""
    rules = engine()
    rich = tuple(PersonFacts(f"p{n}", date(1980, 1, 1), monthly_income_fen=LARGEST_FEN) for n in range(9))
    facts = HouseholdFacts("h", "330225", members=rich, savings_fen=LARGEST_FEN, securities_fen=LARGEST_FEN)
    assessment = rules.assess(PROGRAMME, facts, MONTH)
    assert (assessment.outcome, assessment.amount_fen) == ("ineligible", 0)
    told = {line.label: line.amount_fen for line in assessment.lines}
    assert told["家庭可核算月收入"] == 9 * LARGEST_FEN
    assert told["金融资产"] == 2 * LARGEST_FEN

    beyond_32_bits = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1)),), savings_fen=2**31 + 5)
    assert rules.assess(PROGRAMME, beyond_32_bits, MONTH).reason == "家庭金融资产超过限额"
    for absurd in (LARGEST_FEN + 1, 2**63, 2**80, -1):
        with pytest.raises(FactsError, match="须在 0 与"):
            rules.assess(PROGRAMME, replace(beyond_32_bits, savings_fen=absurd), MONTH)


def test_facts_that_cannot_be_assessed_are_refused() -> None:
    """Each in Chinese, before any rule runs."""
    rules, person = engine(), PersonFacts("p", date(1980, 1, 1))
    good = HouseholdFacts("h", "330225", members=(person,))
    for facts, message in (
        (replace(good, members=()), "没有成员"),
        (replace(good, area="suburb"), "城乡类别不详"),
        (replace(good, division="370215"), "不属于宁波市象山县"),
        (replace(good, applies_alone="x"), "单独申请人不是"),
        (replace(good, members=(replace(person, excluded_income_fen=1),)), "不能大于月收入"),
        (replace(good, members=(replace(person, disability_grade=5),)), "残疾等级"),
        (replace(good, members=(replace(person, disability_kind="x"),)), "残疾类别不详"),
        (replace(good, savings_fen=1.5), "只收整数"),  # type: ignore[arg-type]
    ):
        with pytest.raises(FactsError, match=message):
            rules.assess(PROGRAMME, facts, MONTH)
    with pytest.raises(FactsError, match="没有可评定的对象"):
        rules.assess_many(PROGRAMME, [], MONTH)


def test_questions_that_cannot_be_answered_are_refused() -> None:
    """Unknown programme, badly written month, a month before the rules."""
    rules = engine()
    facts = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1)),))
    with pytest.raises(RulesError, match="没有名为 'x' 的项目"):
        rules.assess("x", facts, MONTH)
    for month in ("2023-7", "2023-13", "2023", "2023-07-01"):
        with pytest.raises(RulesError, match="YYYY-MM"):
            rules.assess(PROGRAMME, facts, month)
    with pytest.raises(RulesError, match="没有生效的值；最早自 2021-07-01 起"):
        rules.assess(PROGRAMME, facts, "2021-06")
    with pytest.raises(RulesError, match="没有名为 x 的参数"):
        rules.parameter("x", MONTH)


def test_columns_are_checked() -> None:
    """A bench or a read model that hands over arrays is checked like anybody else."""
    facts = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1)),))
    good = household_columns([facts, facts])
    for change, message in (
        ({"member_of": numpy.array([1, 0])}, "次序"),
        ({"member_of": numpy.array([0, 2])}, "次序"),
        ({"persons": {}}, "缺少出生日期"),
        ({"persons": {**good.persons, "shoe_size": numpy.zeros(2)}}, "没有名为 shoe_size"),
        ({"households": {"savings": numpy.zeros(3, int)}}, "应有 2 个值"),
        ({"households": {"savings": numpy.zeros(2)}}, "只收整数"),
    ):
        with pytest.raises(FactsError, match=message):
            replace(good, **change)


def test_many_threads_get_what_one_gets(make_engine: MakeEngine) -> None:
    """The engine is shared by native threads, also while it meets a month for the first time."""
    rules = make_engine(PROGRAMME, {"minimum_payment": 100})
    cases = [
        HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1940 + n, 1, 1), monthly_income_fen=n * 3000),)) for n in range(8)
    ]
    months = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 7)]
    answers: list[list[Assessment]] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        answers.append([rules.assess(PROGRAMME, case, month) for month in months for case in cases])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)


def test_a_death_reassesses_from_the_next_month() -> None:
    """成员死亡: the month of death is paid as it was."""
    rules = engine()
    assert rules.stop_month(PROGRAMME, date(2023, 12, 1)) == "2024-01"
    assert rules.last_month_payable(PROGRAMME, date(2023, 12, 1)) == "2023-12"


def test_batch_adds_up() -> None:
    """The cost of a month is the sum of its rows, and the batch says which figures have no document yet."""
    batch = engine().assess_many(PROGRAMME, population(200), MONTH)
    rows: list[Any] = list(batch)
    assert len(rows) == len(batch) == 200
    assert batch.total_fen() == sum(row.amount_fen for row in rows)
    assert f"{PROGRAMME}.supplement.old" in batch.placeholders
    assert f"{PROGRAMME}.standard.urban" not in batch.placeholders


def test_a_rise_is_costed_before_it_is_made() -> None:
    """提标测算: the same district under a supposed standard, marked as supposed, and the real engine untouched."""
    rules = engine()
    dearer = rules.what_if({f"{PROGRAMME}.standard.urban": 138_050, f"{PROGRAMME}.standard.rural": 138_050}, "2024-01")
    columns = population(500)
    costs = {
        month: (rules.assess_many(PROGRAMME, columns, month), dearer.assess_many(PROGRAMME, columns, month))
        for month in ("2023-12", "2024-01")
    }
    before, after = costs["2023-12"]
    assert before.total_fen() == after.total_fen()
    before, after = costs["2024-01"]
    assert before.total_fen() < after.total_fen()
    assert before.parameters_version != after.parameters_version
    assert f"{PROGRAMME}.standard.urban" in after.placeholders
    assert dearer.parameter(f"{PROGRAMME}.standard.urban", "2024-01").reference == "假设（仅供测算）"
    assert rules.parameter(f"{PROGRAMME}.standard.urban", "2024-01").value == 125_500
    with pytest.raises(RulesError, match="没有名为 x 的参数"):
        rules.what_if({"x": 1}, "2024-01")
    with pytest.raises(RulesError, match="超出 fen 的范围"):
        rules.what_if({f"{PROGRAMME}.standard.urban": -1}, "2024-01")


def test_an_assessment_survives_json() -> None:
    """It is stored in an event and rechecked from there."""
    facts = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1), newly_employed_on=date(2023, 7, 1)),))
    assessment = engine().assess(PROGRAMME, facts, MONTH)
    stored = msgspec.json.decode(msgspec.json.encode(assessment), type=Assessment)
    assert stored == assessment
    assert engine().recheck(stored)


def test_parameters_are_compiled_once_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenFisca 46.0.1 by itself builds the tree anew for every formula."""
    rules = RulesEngine((PACKAGE,), load_profile("xiangshan-2023"))
    facts = HouseholdFacts("h", "330225", members=(PersonFacts("p", date(1980, 1, 1)),))
    built: list[str] = []
    build = TaxBenefitSystem.get_parameters_at_instant
    monkeypatch.setattr(
        TaxBenefitSystem, "get_parameters_at_instant", lambda self, instant: built.append(str(instant)) or build(self, instant)
    )
    for month in ("2023-07", "2023-08", "2023-07"):
        rules.assess(PROGRAMME, facts, month)
    assert built == ["2023-07", "2023-08"]
