"""支出型困难家庭 (expenditure-based hardship): essential spending has eaten up an income that is not poor by itself.

Three tests: income per head below last year's local disposable income per head; property within the limits of 低保; essential
spending of the last twelve months, of the kinds that count, above a share of the year's income. What is paid a month is a share of
the excess, up to a multiple of the 低保 standard. All limits are parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from services.assistance.rules.explanation import tell_income, tell_property
from services.assistance.rules.households import must_be_of
from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Household, Law, Month, People, Rule, Values, numpy, outcome_of, rounded
from shared.rules.columns import Columns, expenditure_columns
from shared.rules.explain import Working
from shared.rules.facts import SPENDING_KINDS, ExpenditureFacts
from shared.rules.package import Programme
from shared.rules.profile import Profile

REFORM = "关于改革完善社会救助制度的意见（中办发〔2020〕18号）（支出型贫困家庭救助）"
_P = "expenditure_based_hardship"
_KINDS = dict(zip(SPENDING_KINDS, ("医疗", "教育", "照料", "残疾康复", "意外事故", "其他"), strict=True))


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    no_members = 1
    financial_assets = 2
    securities = 3
    vehicles = 4
    homes = 5
    income = 6
    spending = 7
    meets_conditions = 8
    same_amount = 9
    more = 10
    less = 11


REASONS: dict[int, str] = {
    Reason.no_members: "没有计入的共同生活家庭成员",
    Reason.financial_assets: "家庭金融资产超过限额",
    Reason.securities: "家庭证券、基金超过限额",
    Reason.vehicles: "家庭车辆超过规定",
    Reason.homes: "家庭住房超过规定",
    Reason.income: "家庭人均收入不低于上年度当地居民人均可支配收入",
    Reason.spending: "刚性支出未超过家庭收入的规定比例",
    Reason.meets_conditions: "家庭人均收入低于上年度人均可支配收入，刚性支出超过收入的规定比例，财产状况符合规定",
    Reason.same_amount: "仍符合条件，金额不变",
    Reason.more: "仍符合条件，金额提高",
    Reason.less: "仍符合条件，金额降低",
}


class essential_spending(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月刚性支出（计入类别的自负部分）"
    reference = REFORM

    def formula(household: People, period: Month, parameters: Law) -> Values:
        counts = parameters(period).expenditure_based_hardship.counts
        return sum(household(f"spending_{kind}", period) * counts[kind] for kind in SPENDING_KINDS)


class disposable_income_limit(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "上年度当地居民人均可支配收入乘以人数（全年）"
    reference = REFORM

    def formula(household: People, period: Month, parameters: Law) -> Values:
        by_area = parameters(period).expenditure_based_hardship.disposable_income
        each = numpy.where(household("rural", period), by_area.rural, by_area.urban)
        return each * household("household_people", period)


class income_below_disposable(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "家庭人均收入低于上年度当地居民人均可支配收入"
    reference = REFORM

    def formula(household: People, period: Month) -> Values:
        return household("household_income", period) * 12 < household("disposable_income_limit", period)


class spending_threshold(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "刚性支出界线（全年收入乘以规定比例）"
    reference = REFORM

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("household_income", period) * 12 * parameters(period).expenditure_based_hardship.share.percent // 100


class spending_above_threshold(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "刚性支出超过收入的规定比例"
    reference = REFORM

    def formula(household: People, period: Month) -> Values:
        return household("essential_spending", period) > household("spending_threshold", period)


class expenditure_aid_calculated(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "超出部分按比例折算到月"
    reference = REFORM

    def formula(household: People, period: Month, parameters: Law) -> Values:
        excess = numpy.maximum(household("essential_spending", period) - household("spending_threshold", period), 0)
        return excess * parameters(period).expenditure_based_hardship.aid.percent // 100 // 12


class expenditure_aid_ceiling(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "月救助金上限（低保标准乘以人数乘以倍数）"
    reference = REFORM

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("household_standard", period) * parameters(period).expenditure_based_hardship.aid.ceiling_percent // 100


class expenditure_hardship(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "符合支出型困难家庭条件"
    reference = REFORM

    def formula(household: People, period: Month) -> Values:
        return (
            (household("household_people", period) > 0)
            & household("property_within_limits", period)
            & household("income_below_disposable", period)
            & household("spending_above_threshold", period)
        )


class expenditure_hardship_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "决定的月救助金"
    reference = REFORM

    def formula(household: People, period: Month, parameters: Law) -> Values:
        rounding = parameters(period).expenditure_based_hardship.rounding
        law = parameters(period).expenditure_based_hardship.aid
        due = numpy.minimum(household("expenditure_aid_calculated", period), household("expenditure_aid_ceiling", period))
        due = numpy.maximum(due, law.least)
        return numpy.where(household("expenditure_hardship", period), rounded(due, rounding.step, rounding.mode), 0)


class expenditure_hardship_outcome(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定结果"
    reference = REFORM

    def formula(household: People, period: Month) -> Values:
        amount, now = household("expenditure_hardship_amount", period), household("current_amount", period)
        return outcome_of(household("expenditure_hardship", period), amount, now)


class expenditure_hardship_reason(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定理由"
    reference = REFORM

    def formula(household: People, period: Month) -> Values:
        outcome = household("expenditure_hardship_outcome", period)
        why: list[tuple[Values, Reason]] = [
            (household("household_people", period) == 0, Reason.no_members),
            (~household("financial_assets_within_limit", period), Reason.financial_assets),
            (~household("securities_within_limit", period), Reason.securities),
            (~household("vehicles_within_limit", period), Reason.vehicles),
            (~household("homes_within_limit", period), Reason.homes),
            (~household("income_below_disposable", period), Reason.income),
            (~household("spending_above_threshold", period), Reason.spending),
            (outcome == Outcome.unchanged, Reason.same_amount),
            (outcome == Outcome.raised, Reason.more),
            (outcome == Outcome.lowered, Reason.less),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


def _explain(work: Working) -> None:
    tell_income(work)
    tell_property(work)
    area = "rural" if work.value("rural") else "urban"
    limit = work.value("disposable_income_limit")
    work.tell("上年度人均可支配收入乘以人数（全年）", limit, "disposable_income_limit", f"{_P}.disposable_income.{area}")
    for kind, name in _KINDS.items():
        spent = work.value(f"spending_{kind}")
        if spent:
            counts = work.parameter(f"{_P}.counts.{kind}")
            work.tell(f"近12个月{name}自负支出{'' if counts else '（不计入）'}", spent, "essential_spending", f"{_P}.counts.{kind}")
    share = f"刚性支出界线（全年收入的{work.parameter(f'{_P}.share.percent')}%）"
    work.tell(share, work.value("spending_threshold"), "spending_threshold", f"{_P}.share.percent")
    amount = work.value("expenditure_hardship_amount")
    if work.value("expenditure_hardship"):
        due = work.value("expenditure_aid_calculated")
        work.tell(f"超出部分的{work.parameter(f'{_P}.aid.percent')}%，折算到月", due, "expenditure_aid_calculated", f"{_P}.aid.percent")
        if due > work.value("expenditure_aid_ceiling"):
            due = work.value("expenditure_aid_ceiling")
            work.tell("以月救助金上限为止", due, "expenditure_aid_ceiling", f"{_P}.aid.ceiling_percent")
        if due < work.parameter(f"{_P}.aid.least"):
            due = work.parameter(f"{_P}.aid.least")
            work.tell("按最低发放额", due, "expenditure_hardship_amount", f"{_P}.aid.least")
        if amount != due:
            work.tell("取整", amount - due, "expenditure_hardship_amount", f"{_P}.rounding.step", f"{_P}.rounding.mode")
    work.tell(f"决定：{REASONS[work.value('expenditure_hardship_reason')]}", amount, "expenditure_hardship_amount")


def _columns(cases: Sequence[ExpenditureFacts], profile: Profile) -> Columns:
    must_be_of(profile, ((case.household.household_id, case.household.division) for case in cases))
    return expenditure_columns(cases)


LAW = (
    essential_spending,
    disposable_income_limit,
    income_below_disposable,
    spending_threshold,
    spending_above_threshold,
    expenditure_aid_calculated,
    expenditure_aid_ceiling,
    expenditure_hardship,
    expenditure_hardship_amount,
    expenditure_hardship_outcome,
    expenditure_hardship_reason,
)

PROGRAMMES = (
    Programme(
        id=_P,
        title="支出型困难家庭救助",
        facts=ExpenditureFacts,
        subject=lambda facts: facts.household.household_id,
        columns=_columns,
        outcome="expenditure_hardship_outcome",
        amount="expenditure_hardship_amount",
        reason="expenditure_hardship_reason",
        reasons=REASONS,
        explain=_explain,
        stop_after_death=f"{_P}.death.reassess_after_months",
        draws_on=("minimum_living_allowance.standard", "minimum_living_allowance.employment_cost", "minimum_living_allowance.property"),
    ),
)
