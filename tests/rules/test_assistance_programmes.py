"""What must hold for every programme of assistance beside 低保, whatever the facts and whichever the district."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.assistance.rules import PACKAGE, engine
from shared.rules.columns import LARGEST_FEN, Columns, disability_columns
from shared.rules.engine import RulesEngine
from shared.rules.errors import FactsError
from shared.rules.facts import (
    CAUSES,
    EXCLUDING_BENEFITS,
    HARDSHIP_CLASSES,
    PLACEMENTS,
    SELF_CARE_ACTS,
    SPENDING_KINDS,
    BeneficiaryFacts,
    DisabilityFacts,
    ExpenditureFacts,
    ExtremeHardshipFacts,
    HouseholdFacts,
    PersonFacts,
    PriceFacts,
    Spending,
    TemporaryFacts,
)
from shared.rules.package import Programme
from shared.rules.profile import profile_ids
from tests.rules.test_minimum_living_allowance import households, people

MONTH = "2023-07"
PROGRAMMES = {programme.id: programme for programme in PACKAGE.programmes}
OTHERS = [programme for programme in PACKAGE.programmes if programme.id != "minimum_living_allowance"]
DIVISIONS = st.sampled_from(["330225001", "370215001"])
CURRENT = st.just(0) | st.integers(1, 400_000)
FEN = st.just(0) | st.integers(0, 9_000_000)
CLASSES = st.sampled_from(HARDSHIP_CLASSES)

FACTS: dict[type[Any], st.SearchStrategy[Any]] = {
    BeneficiaryFacts: st.builds(BeneficiaryFacts, person=people("person-x"), division=DIVISIONS, current_amount_fen=CURRENT),
    HouseholdFacts: households(),
    ExpenditureFacts: st.builds(
        ExpenditureFacts,
        household=households(),
        spending=st.lists(st.builds(Spending, kind=st.sampled_from(SPENDING_KINDS), self_borne_fen=FEN), max_size=4).map(tuple),
    ),
    ExtremeHardshipFacts: st.builds(
        ExtremeHardshipFacts,
        person=people("person-x"),
        division=DIVISIONS,
        area=st.sampled_from(["urban", "rural"]),
        able_supporter=st.booleans(),
        able_to_work=st.booleans(),
        savings_fen=FEN,
        lost_acts=st.lists(st.sampled_from(SELF_CARE_ACTS), unique=True).map(tuple),
        placement=st.sampled_from(PLACEMENTS),
        current_amount_fen=CURRENT,
    ),
    TemporaryFacts: st.builds(
        TemporaryFacts,
        household=households(),
        kind=st.sampled_from(["emergency", "expenditure"]),
        cause=st.sampled_from(CAUSES),
        loss_fen=FEN,
        hardship_class=CLASSES,
        given_this_year_fen=FEN,
        deliberated_fen=FEN,
        same_cause=st.booleans(),
        untrue=st.booleans(),
    ),
    DisabilityFacts: st.builds(
        DisabilityFacts,
        person=people("person-x"),
        division=DIVISIONS,
        hardship_class=CLASSES,
        long_term_care=st.booleans(),
        other_benefits=st.lists(st.sampled_from([*EXCLUDING_BENEFITS, "old_age_allowance"]), unique=True).map(tuple),
        certificate_until=st.none() | st.dates(date(2023, 5, 1), date(2023, 9, 30)),
        current_amount_fen=CURRENT,
        applied_on=st.none() | st.dates(date(2023, 5, 1), date(2023, 9, 30)),
    ),
    PriceFacts: st.builds(
        PriceFacts,
        subject_id=st.just("person-x"),
        division=st.just("330225001"),
        persons=st.integers(0, 6),
        hardship_class=CLASSES,
        cpi_bp=st.integers(-500, 900),
        food_bp=st.integers(-500, 900),
        area=st.sampled_from(["urban", "rural"]),
        current_amount_fen=CURRENT,
    ),
}


@pytest.mark.parametrize("programme", OTHERS, ids=lambda programme: programme.id)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_case_is_decided_alone_as_in_a_crowd(programme: Programme, data: st.DataObject) -> None:
    """One answer, explained to the amount, recomputable from its record, naming nobody; what is refused is paid nothing."""
    rules, facts = engine(), data.draw(FACTS[programme.facts])
    assessment = rules.assess(programme.id, facts, MONTH)

    row = rules.assess_many(programme.id, [facts, facts], MONTH)[1]
    assert (row.outcome, row.amount_fen, row.reason) == (assessment.outcome, assessment.amount_fen, assessment.reason)
    assert assessment.outcome in {outcome.name for outcome in programme.outcomes}
    assert assessment.eligible == (assessment.outcome not in {"ineligible", "ended"})
    assert assessment.amount_fen >= 0
    assert (assessment.amount_fen > 0) == (assessment.eligible and programme.pays != "nothing")
    assert assessment.lines[-1].label == f"决定：{assessment.reason}"
    assert assessment.lines[-1].amount_fen == assessment.amount_fen
    assert all(line.basis for line in assessment.lines)
    assert assessment.placeholder is any("占位参数" in line.basis for line in assessment.lines)
    assert "person-x" not in "".join(line.label + line.basis for line in assessment.lines)
    assert rules.recheck(assessment)
    assert not rules.recheck(replace(assessment, amount_fen=assessment.amount_fen + 1))


@settings(max_examples=30, deadline=None)
@given(FACTS[ExtremeHardshipFacts], st.sampled_from(SELF_CARE_ACTS))
def test_losing_an_act_never_lowers_the_support(facts: ExtremeHardshipFacts, act: str) -> None:
    """特困: who can do less for himself is not paid less."""
    frailer = replace(facts, lost_acts=tuple(dict.fromkeys((*facts.lost_acts, act))))
    before, after = (engine().assess("extreme_hardship_support", case, MONTH).amount_fen for case in (facts, frailer))
    assert after >= before


@settings(max_examples=30, deadline=None)
@given(FACTS[TemporaryFacts], st.integers(0, 5_000_000))
def test_a_year_holds_no_more_than_its_ceiling_without_deliberation(facts: TemporaryFacts, given_fen: int) -> None:
    """临时救助: with what was given before, the grant stays within twelve standards a head; a deliberated one is what was deliberated."""
    rules = engine()
    months = rules.parameter("temporary_assistance.ceiling.year_months", MONTH).value
    plain = replace(facts, deliberated_fen=0, given_this_year_fen=given_fen)
    amount = rules.assess("temporary_assistance", plain, MONTH).amount_fen
    base = int(rules.variables_used("temporary_assistance", plain, MONTH)["temporary_base"][0])
    assert amount == 0 or amount + given_fen <= base * months
    raised = rules.assess("temporary_assistance", replace(plain, deliberated_fen=base * 100 + 1), MONTH)
    assert raised.amount_fen in (0, base * 100 + 1)


@settings(max_examples=30, deadline=None)
@given(FACTS[DisabilityFacts], st.sampled_from(EXCLUDING_BENEFITS))
def test_drawing_more_elsewhere_never_raises_a_subsidy(facts: DisabilityFacts, code: str) -> None:
    """两项补贴: an exclusion takes away or leaves alone."""
    drawing = replace(facts, other_benefits=tuple(dict.fromkeys((*facts.other_benefits, code))))
    for programme in ("disabled_living_subsidy", "severe_disability_care_subsidy"):
        before, after = (engine().assess(programme, case, MONTH).amount_fen for case in (facts, drawing))
        assert after in (0, before)


def _plain_facts(rules: RulesEngine) -> dict[str, Any]:
    """For each programme, somebody of the district who meets its conditions."""
    here = rules.profile.division_code
    old = PersonFacts("p", date(1950, 1, 1), disability_grade=1, disability_kind="physical")
    standard = rules.parameter("minimum_living_allowance.standard.urban", f"{rules.profile.year}-12").value

    def household(percent: int) -> HouseholdFacts:
        return HouseholdFacts("h", here, members=(PersonFacts("p", date(1980, 1, 1), standard * percent // 100),))

    return {
        "minimum_living_allowance": household(50),
        "minimum_living_margin_household": household(120),
        "low_income_household": household(180),
        "expenditure_based_hardship": ExpenditureFacts(household(120), (Spending("medical", 9_000_000),)),
        "extreme_hardship_support": ExtremeHardshipFacts(old, here),
        "temporary_assistance": TemporaryFacts(household(50), hardship_class="minimum_living"),
        "disabled_living_subsidy": DisabilityFacts(old, here, "minimum_living"),
        "severe_disability_care_subsidy": DisabilityFacts(old, here, long_term_care=True),
        "price_linked_temporary_subsidy": PriceFacts("s", here, 1, "minimum_living", 400, 0),
    }


@pytest.mark.parametrize("profile", profile_ids())
def test_every_district_has_figures_for_every_programme(profile: str) -> None:
    """In its year somebody who meets the conditions is granted, and every placeholder the result rests on is told."""
    rules = engine(profile)
    for programme, facts in _plain_facts(rules).items():
        assessment = rules.assess(programme, facts, f"{rules.profile.year}-12")
        assert assessment.outcome == "eligible", programme
        assert assessment.placeholder is any("占位参数" in line.basis for line in assessment.lines)
        for figure in rules.parameters(programme, f"{rules.profile.year}-12"):
            assert figure.source in {"law", "plan", "placeholder"}
    assert set(_plain_facts(rules)) == set(PROGRAMMES)


@pytest.mark.parametrize("profile", profile_ids())
@pytest.mark.parametrize("area", ["urban", "rural"])
def test_no_district_pays_the_destitute_less_than_the_floor(profile: str, area: str) -> None:
    """特困 at least 1.3 × 低保, in the district's year and today's."""
    rules = engine(profile)
    for month in (f"{rules.profile.year}-12", "2025-01"):
        names = (f"extreme_hardship_support.standard.{area}", "extreme_hardship_support.standard.floor_percent")
        basic, percent = (rules.parameter(name, month).value for name in names)
        assert basic * 100 >= rules.parameter(f"minimum_living_allowance.standard.{area}", month).value * percent


def test_a_standard_below_the_floor_is_told_and_still_paid() -> None:
    """A district that raised 低保 and forgot 特困 reads so in every explanation."""
    rules = engine("jimo-2022").what_if({"minimum_living_allowance.standard.urban": 90_000}, "2022-07")
    facts = _plain_facts(engine("jimo-2022"))["extreme_hardship_support"]
    before, after = (rules.assess("extreme_hardship_support", facts, month) for month in ("2022-06", "2022-07"))
    assert before.amount_fen == after.amount_fen
    (told,) = [line for line in after.lines if "应予调整" in line.label]
    assert told.amount_fen == 117_000
    assert "不低于低保标准的1.3倍" in told.basis
    assert not [line for line in before.lines if "应予调整" in line.label]


def test_jimo_raises_the_urban_destitute_by_ten_percent() -> None:
    """将城乡低保、城市特困人员保障标准提高10%: the rural one stays."""
    rules = engine("jimo-2022")
    for area, percent in (("urban", 110), ("rural", 100)):
        before, after = (rules.parameter(f"extreme_hardship_support.standard.{area}", month).value for month in ("2021-12", "2022-01"))
        assert after * 100 == before * percent


def test_xiangshan_pays_what_its_plan_says() -> None:
    """2134 元/月, before the care component."""
    rules = engine("xiangshan-2023")
    assessment = rules.assess("extreme_hardship_support", _plain_facts(rules)["extreme_hardship_support"], MONTH)
    (basic,) = [line for line in assessment.lines if line.label.startswith("基本生活标准")]
    assert basic.amount_fen == 213_400
    assert "2134元/月" in basic.basis
    assert "占位" not in basic.basis


@pytest.mark.parametrize(
    ("programme", "change", "message"),
    [
        ("expenditure_based_hardship", lambda f: replace(f, spending=(Spending("rent", 1),)), "支出类别不详"),
        ("expenditure_based_hardship", lambda f: replace(f, spending=(Spending("care", -1), Spending("care", 2))), "自负支出"),
        ("expenditure_based_hardship", lambda f: replace(f, spending=(Spending("care", LARGEST_FEN + 1),)), "须在 0 与"),
        ("expenditure_based_hardship", lambda f: replace(f, household=replace(f.household, division="370215")), "不属于宁波市象山县"),
        ("extreme_hardship_support", lambda f: replace(f, lost_acts=("sing",)), "自理能力项目"),
        ("extreme_hardship_support", lambda f: replace(f, lost_acts=("eat", "eat")), "自理能力项目重复"),
        ("extreme_hardship_support", lambda f: replace(f, placement="abroad"), "供养方式不详"),
        ("extreme_hardship_support", lambda f: replace(f, area="suburb"), "城乡类别不详"),
        ("extreme_hardship_support", lambda f: replace(f, savings_fen=-1), "存款"),
        ("temporary_assistance", lambda f: replace(f, kind="loan"), "临时救助类型不详"),
        ("temporary_assistance", lambda f: replace(f, cause="boredom"), "救助事由不详"),
        ("temporary_assistance", lambda f: replace(f, hardship_class="rich"), "困难类别不详"),
        ("temporary_assistance", lambda f: replace(f, deliberated_fen=LARGEST_FEN + 1), "一事一议"),
        ("temporary_assistance", lambda f: replace(f, household=replace(f.household, division="370215")), "不属于宁波市象山县"),
        ("disabled_living_subsidy", lambda f: replace(f, hardship_class="rich"), "困难类别不详"),
        ("disabled_living_subsidy", lambda f: replace(f, person=replace(f.person, disability_grade=5)), "残疾等级"),
        ("price_linked_temporary_subsidy", lambda f: replace(f, cpi_bp=40_000), "居民消费价格指数"),
        ("price_linked_temporary_subsidy", lambda f: replace(f, food_bp=1.5), "只收整数"),
        ("price_linked_temporary_subsidy", lambda f: replace(f, persons=-1), "在册保障人数"),
        ("price_linked_temporary_subsidy", lambda f: replace(f, area="suburb"), "城乡类别不详"),
        ("price_linked_temporary_subsidy", lambda f: replace(f, division="370215"), "不属于宁波市象山县"),
    ],
)
def test_facts_that_can_not_be_assessed_are_refused(programme: str, change: Callable[[Any], Any], message: str) -> None:
    """Each in Chinese, before any rule runs."""
    rules = engine()
    with pytest.raises(FactsError, match=message):
        rules.assess(programme, change(_plain_facts(rules)[programme]), MONTH)


def test_a_district_is_decided_from_columns() -> None:
    """Ten thousand disabled persons as arrays come out as the same few persons one by one."""
    rules = engine()
    few = [
        DisabilityFacts(PersonFacts("p", date(1980, 1, 1), disability_grade=grade), "330225", its_class, care, drawn)
        for grade in range(5)
        for its_class in HARDSHIP_CLASSES
        for care in (False, True)
        for drawn in ((), ("orphan_allowance",), ("extreme_hardship_care",))
    ]
    columns = disability_columns(few, "330225")
    del columns.persons["certificate_until"]  # type: ignore[attr-defined]  # what is not given does not end
    times = 10_000 // len(few)
    many = Columns(numpy.arange(len(few) * times), {name: numpy.tile(values, times) for name, values in columns.persons.items()})
    for programme in ("disabled_living_subsidy", "severe_disability_care_subsidy"):
        batch = rules.assess_many(programme, many, MONTH)
        alone = [rules.assess(programme, facts, MONTH) for facts in few]
        numpy.testing.assert_array_equal(batch.amount_fen, numpy.tile([one.amount_fen for one in alone], times))
        assert batch.total_fen() == sum(one.amount_fen for one in alone) * times > 0


def test_a_supposed_rise_reaches_whoever_draws_on_the_standard() -> None:
    """What 低保 rises to is what 临时救助, 价格补贴 and 低保边缘 are reckoned from, and the version of the figures says so."""
    rules = engine()
    risen = rules.what_if({"minimum_living_allowance.standard.urban": 150_600}, MONTH)
    facts = _plain_facts(rules)
    before, after = (one.assess("temporary_assistance", facts["temporary_assistance"], MONTH).amount_fen for one in (rules, risen))
    assert after * 10 == before * 12
    margin = replace(facts["minimum_living_margin_household"], members=(PersonFacts("p", date(1980, 1, 1), 150_599),))
    assert rules.assess("minimum_living_margin_household", margin, MONTH).outcome == "eligible"
    assert risen.assess("minimum_living_margin_household", margin, MONTH).reason == "家庭人均收入低于低保标准，应申请低保"
    assert risen.assess("temporary_assistance", facts["temporary_assistance"], "2023-06").amount_fen == before
    assert risen.parameters_version == f"{rules.parameters_version}+minimum_living_allowance.standard.urban=150600@{MONTH}"
    assert rules.assess("temporary_assistance", facts["temporary_assistance"], MONTH).amount_fen == before


def test_each_programme_stops_the_month_after_a_death() -> None:
    """The month of death is paid."""
    rules = engine()
    for programme in PROGRAMMES:
        assert rules.stop_month(programme, date(2023, 12, 31)) == "2024-01"
