"""低保 六：决定 (decision): what becomes of an application, or of a household already supported."""

from __future__ import annotations

from enum import IntEnum

from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Household, Month, People, Rule, Values, numpy


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    no_members = 1
    financial_assets = 2
    securities = 3
    vehicles = 4
    homes = 5
    not_entitled_alone = 6
    apply_as_household = 7
    above_margin = 8
    own_income = 9
    exit_over = 10
    exit_begins = 11
    exit_goes_on = 12
    income = 13
    restored = 14
    meets_conditions = 15
    same_amount = 16
    more = 17
    less = 18
    meets_conditions_alone = 19
    supported_in_extreme_hardship = 20


REASONS: dict[int, str] = {
    Reason.no_members: "没有计入的共同生活家庭成员",
    Reason.supported_in_extreme_hardship: "已纳入特困人员救助供养，不再适用最低生活保障",
    Reason.financial_assets: "家庭金融资产超过限额",
    Reason.securities: "家庭证券、基金超过限额",
    Reason.vehicles: "家庭车辆超过规定",
    Reason.homes: "家庭住房超过规定",
    Reason.not_entitled_alone: "单独申请人不属于重度残疾人或重特大疾病患者",
    Reason.apply_as_household: "家庭人均收入低于低保标准，应以家庭为单位申请",
    Reason.above_margin: "家庭人均收入不低于低保边缘标准，不能单独申请",
    Reason.own_income: "单独申请人本人收入不低于低保标准",
    Reason.exit_over: "家庭人均收入不低于低保标准，渐退期已满，停发",
    Reason.exit_begins: "因新就业家庭人均收入不低于低保标准，进入渐退期",
    Reason.exit_goes_on: "家庭人均收入仍不低于低保标准，渐退期内继续发放",
    Reason.income: "家庭人均收入不低于低保标准",
    Reason.restored: "家庭人均收入回落到低保标准以下，渐退终止，恢复发放",
    Reason.meets_conditions: "家庭人均收入低于低保标准，财产状况符合规定",
    Reason.same_amount: "仍符合条件，保障金不变",
    Reason.more: "仍符合条件，保障金提高",
    Reason.less: "仍符合条件，保障金降低",
    Reason.meets_conditions_alone: "低保边缘家庭中的重度残疾人或重特大疾病患者，本人收入低于低保标准",
}


class meets_conditions(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "符合低保条件"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month) -> Values:
        return (
            (household("protected_people", period) > 0)
            & household("property_within_limits", period)
            & household("applicant_meets_condition", period)
            & household("income_condition", period)
        )


class minimum_living_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "决定的月保障金"
    reference = "社会救助暂行办法（国务院令第649号）第十二条、第十三条"

    def formula(household: People, period: Month) -> Values:
        exit_amount = numpy.where(household("gradual_exit", period), household("gradual_exit_amount", period), 0)
        return numpy.where(household("meets_conditions", period), household("calculated_amount", period), exit_amount)


class minimum_living_outcome(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定结果"
    reference = "社会救助暂行办法（国务院令第649号）第十三条"

    def formula(household: People, period: Month) -> Values:
        meets, now = household("meets_conditions", period), household("current_amount", period)
        amount = household("minimum_living_amount", period)
        applies = now == 0
        return numpy.select(
            [
                applies & meets,
                applies,
                meets & (amount == now),
                meets & (amount > now),
                meets,
                household("gradual_exit", period),
            ],
            [Outcome.eligible, Outcome.ineligible, Outcome.unchanged, Outcome.raised, Outcome.lowered, Outcome.gradual_exit],
            Outcome.ended,
        )


class minimum_living_reason(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定理由"
    reference = "社会救助暂行办法（国务院令第649号）第十三条"

    def formula(household: People, period: Month) -> Values:
        def given(variable: str) -> Values:
            return household(variable, period)

        outcome, alone, paid = given("minimum_living_outcome"), given("single_person_case"), given("current_amount") > 0
        income_fails = ~given("income_condition")
        in_exit = given("gradual_exit_since") <= numpy.datetime64(str(period.start), "D")
        supported = household.any(household.members("supported_in_extreme_hardship", period))
        why: list[tuple[Values, Reason]] = [
            (supported & (given("protected_people") == 0), Reason.supported_in_extreme_hardship),
            (given("protected_people") == 0, Reason.no_members),
            (~given("financial_assets_within_limit"), Reason.financial_assets),
            (~given("securities_within_limit"), Reason.securities),
            (~given("vehicles_within_limit"), Reason.vehicles),
            (~given("homes_within_limit"), Reason.homes),
            (~given("applicant_meets_condition"), Reason.not_entitled_alone),
            (given("gradual_exit") & given("gradual_exit_running"), Reason.exit_goes_on),
            (given("gradual_exit"), Reason.exit_begins),
            (income_fails & paid & in_exit, Reason.exit_over),
            (income_fails & alone & ~paid & given("income_below_standard"), Reason.apply_as_household),
            (income_fails & alone & ~given("income_below_margin"), Reason.above_margin),
            (income_fails & alone, Reason.own_income),
            (income_fails, Reason.income),
            (in_exit & paid, Reason.restored),
            (outcome == Outcome.unchanged, Reason.same_amount),
            (outcome == Outcome.raised, Reason.more),
            (outcome == Outcome.lowered, Reason.less),
            (alone, Reason.meets_conditions_alone),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


LAW = (meets_conditions, minimum_living_amount, minimum_living_outcome, minimum_living_reason)
