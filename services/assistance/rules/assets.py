"""低保 二：财产状况是否符合规定 (property test).

Every limit is a parameter; to hold exactly the limit is still within it.
"""

from __future__ import annotations

from shared.rules.base import MONTH, Household, Law, Month, People, Rule, Values


class financial_assets(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "金融资产（存款、证券、基金等）"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第三章（家庭财产）"

    def formula(household: People, period: Month) -> Values:
        return household("savings", period) + household("securities", period)


class financial_assets_limit(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "金融资产限额（低保标准乘以人数乘以月数）"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("household_standard", period) * parameters(period).minimum_living_allowance.property.financial_assets_months


class financial_assets_within_limit(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "金融资产未超限"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month) -> Values:
        return household("financial_assets", period) <= household("financial_assets_limit", period)


class securities_limit(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "证券基金限额（低保标准乘以人数乘以月数）"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("household_standard", period) * parameters(period).minimum_living_allowance.property.securities_months


class securities_within_limit(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "证券基金未超限"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month) -> Values:
        return household("securities", period) <= household("securities_limit", period)


class vehicles_within_limit(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "车辆未超限"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("vehicles", period) <= parameters(period).minimum_living_allowance.property.vehicles


class homes_within_limit(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "住房未超限"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("homes", period) <= parameters(period).minimum_living_allowance.property.homes


class property_within_limits(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "家庭财产状况符合规定"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month) -> Values:
        return (
            household("financial_assets_within_limit", period)
            & household("securities_within_limit", period)
            & household("vehicles_within_limit", period)
            & household("homes_within_limit", period)
        )


LAW = (
    financial_assets,
    financial_assets_limit,
    financial_assets_within_limit,
    securities_limit,
    securities_within_limit,
    vehicles_within_limit,
    homes_within_limit,
    property_within_limits,
)
