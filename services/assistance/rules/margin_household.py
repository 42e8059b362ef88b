"""低保边缘家庭、低收入家庭 (margin and low-income households): two determinations that pay nothing and open the way to other help.

Both ask for property within the limits of 低保. Income per head: of a margin household not below the 低保 standard and below its
multiple (1.5 times by law); of a low-income household above that, up to the district's ceiling.
"""

from __future__ import annotations

from enum import IntEnum

from services.assistance.rules.explanation import tell_income, tell_property
from services.assistance.rules.households import columns_in_district
from shared.rules.base import MONTH, Household, Law, Month, People, Rule, Values, numpy, outcome_of
from shared.rules.explain import Working
from shared.rules.facts import HouseholdFacts
from shared.rules.package import Programme

MARGIN = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"
LOW_INCOME = "城市低收入家庭认定办法（民发〔2008〕156号）"


class Reason(IntEnum):
    """Why the determination is as it is; the first that applies, in the order below."""

    no_members = 1
    financial_assets = 2
    securities = 3
    vehicles = 4
    homes = 5
    below_standard = 6
    within_margin = 7
    above_ceiling = 8
    meets_conditions = 9


_PROPERTY: dict[int, str] = {
    Reason.no_members: "没有计入的共同生活家庭成员",
    Reason.financial_assets: "家庭金融资产超过限额",
    Reason.securities: "家庭证券、基金超过限额",
    Reason.vehicles: "家庭车辆超过规定",
    Reason.homes: "家庭住房超过规定",
    Reason.below_standard: "家庭人均收入低于低保标准，应申请低保",
}
MARGIN_REASONS: dict[int, str] = _PROPERTY | {
    Reason.above_ceiling: "家庭人均收入不低于低保边缘标准",
    Reason.meets_conditions: "家庭人均收入不低于低保标准、低于低保边缘标准，财产状况符合规定",
}
LOW_INCOME_REASONS: dict[int, str] = _PROPERTY | {
    Reason.within_margin: "家庭人均收入低于低保边缘标准，应认定为低保边缘家庭",
    Reason.above_ceiling: "家庭人均收入高于低收入家庭标准",
    Reason.meets_conditions: "家庭人均收入不高于低收入家庭标准，财产状况符合规定",
}


def first_obstacle(household: People, period: Month) -> list[tuple[Values, IntEnum]]:
    """What stands in the way before income is looked at."""
    return [
        (household("household_people", period) == 0, Reason.no_members),
        (~household("financial_assets_within_limit", period), Reason.financial_assets),
        (~household("securities_within_limit", period), Reason.securities),
        (~household("vehicles_within_limit", period), Reason.vehicles),
        (~household("homes_within_limit", period), Reason.homes),
        (household("income_below_standard", period), Reason.below_standard),
    ]


class determination_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "认定不发给金额"
    reference = MARGIN

    def formula(household: People, period: Month) -> Values:
        return household("household_people", period) * 0


class margin_household_outcome(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "低保边缘家庭认定结果"
    reference = MARGIN

    def formula(household: People, period: Month) -> Values:
        met = household("margin_household", period) & (household("household_people", period) > 0)
        nothing = household("determination_amount", period)
        return outcome_of(met, nothing, nothing)


class margin_household_reason(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "低保边缘家庭认定理由"
    reference = MARGIN

    def formula(household: People, period: Month) -> Values:
        why = [*first_obstacle(household, period), (~household("income_below_margin", period), Reason.above_ceiling)]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


class low_income_limit(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "低收入家庭标准（低保标准乘以倍数和人数）"
    reference = LOW_INCOME

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("household_standard", period) * parameters(period).low_income_household.ceiling.percent // 100


class income_within_low_income_limit(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "家庭人均收入不高于低收入家庭标准"
    reference = LOW_INCOME

    def formula(household: People, period: Month) -> Values:
        return household("household_income", period) <= household("low_income_limit", period)


class low_income_outcome(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "低收入家庭认定结果"
    reference = LOW_INCOME

    def formula(household: People, period: Month) -> Values:
        met = household("low_income_reason", period) == Reason.meets_conditions
        nothing = household("determination_amount", period)
        return outcome_of(met, nothing, nothing)


class low_income_reason(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "低收入家庭认定理由"
    reference = LOW_INCOME

    def formula(household: People, period: Month) -> Values:
        why = [
            *first_obstacle(household, period),
            (household("income_below_margin", period), Reason.within_margin),
            (~household("income_within_low_income_limit", period), Reason.above_ceiling),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


def _explain_margin(work: Working) -> None:
    tell_income(work)
    tell_property(work)
    percent = work.parameter("minimum_living_allowance.margin.percent")
    limit = work.value("household_standard") * percent // 100
    work.tell(f"低保边缘标准（低保标准的{percent}%，全家每月）", limit, "income_below_margin", "minimum_living_allowance.margin.percent")
    work.tell(f"决定：{MARGIN_REASONS[work.value('margin_household_reason')]}", work.value("determination_amount"), "margin_household")


def _explain_low_income(work: Working) -> None:
    tell_income(work)
    tell_property(work)
    name = "low_income_household.ceiling.percent"
    limit = f"低收入家庭标准（低保标准的{work.parameter(name)}%，全家每月）"
    work.tell(limit, work.value("low_income_limit"), "low_income_limit", name, "minimum_living_allowance.margin.percent")
    work.tell(f"决定：{LOW_INCOME_REASONS[work.value('low_income_reason')]}", work.value("determination_amount"), "low_income_outcome")


LAW = (
    determination_amount,
    margin_household_outcome,
    margin_household_reason,
    low_income_limit,
    income_within_low_income_limit,
    low_income_outcome,
    low_income_reason,
)

PROGRAMMES = (
    Programme(
        id="minimum_living_margin_household",
        title="低保边缘家庭",
        facts=HouseholdFacts,
        subject=lambda facts: facts.household_id,
        columns=columns_in_district,
        outcome="margin_household_outcome",
        amount="determination_amount",
        reason="margin_household_reason",
        reasons=MARGIN_REASONS,
        explain=_explain_margin,
        stop_after_death="minimum_living_margin_household.death.reassess_after_months",
        pays="nothing",
        draws_on=("minimum_living_allowance",),
    ),
    Programme(
        id="low_income_household",
        title="低收入家庭",
        facts=HouseholdFacts,
        subject=lambda facts: facts.household_id,
        columns=columns_in_district,
        outcome="low_income_outcome",
        amount="determination_amount",
        reason="low_income_reason",
        reasons=LOW_INCOME_REASONS,
        explain=_explain_low_income,
        stop_after_death="low_income_household.death.reassess_after_months",
        pays="nothing",
        draws_on=("minimum_living_allowance",),
    ),
)
