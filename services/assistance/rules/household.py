"""低保 一：谁算一家人，收入怎么算 (household and income).

社会救助暂行办法 (国务院令第649号); 最低生活保障审核确认办法 (民发〔2021〕57号). All money is fen a month.
"""

from __future__ import annotations

from shared.rules.base import MONTH, Household, Law, Month, People, Person, Rule, Values, calendar_month, numpy


class living_together(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "共同生活的家庭成员"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第七条"

    def formula(person: People, period: Month) -> Values:
        born = person("born_on", period).astype("datetime64[M]") <= calendar_month(period)
        return person("counted", period) & born


class months_of_age(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "月龄（出生当月为0）"
    reference = "中华人民共和国民法典第十五条（出生时间）"

    def formula(person: People, period: Month) -> Values:
        return (calendar_month(period) - person("born_on", period).astype("datetime64[M]")).astype(numpy.int64)


class income_that_counts(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "计入家庭收入的个人收入（扣减就业成本前）"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第三章（家庭收入）"

    def formula(person: People, period: Month) -> Values:
        counts = person("monthly_income", period) - person("excluded_income", period)
        return numpy.where(person("living_together", period), counts, 0)


class employment_cost(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "就业成本扣减"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第三章（家庭收入）"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        cost = parameters(period).minimum_living_allowance.employment_cost
        deducted = numpy.minimum(person("income_that_counts", period) * cost.percent // 100, cost.ceiling)
        return numpy.where(person("employed", period), deducted, 0)


class countable_income(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "个人可核算月收入"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第三章（家庭收入）"

    def formula(person: People, period: Month) -> Values:
        return person("income_that_counts", period) - person("employment_cost", period)


class household_people(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "共同生活的家庭成员人数"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第七条"

    def formula(household: People, period: Month) -> Values:
        return household.sum(household.members("living_together", period))


class household_income(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "家庭可核算月收入"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第三章（家庭收入）"

    def formula(household: People, period: Month) -> Values:
        return household.sum(household.members("countable_income", period))


class standard(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "最低生活保障标准（每人每月）"
    reference = "社会救助暂行办法（国务院令第649号）第十条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        by_area = parameters(period).minimum_living_allowance.standard
        return numpy.where(household("rural", period), by_area.rural, by_area.urban)


class household_standard(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "低保标准乘以家庭人数"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month) -> Values:
        # Per-head income below the standard, multiplied out: nothing is divided, so nothing needs rounding.
        return household("standard", period) * household("household_people", period)


LAW = (
    living_together,
    months_of_age,
    income_that_counts,
    employment_cost,
    countable_income,
    household_people,
    household_income,
    standard,
    household_standard,
)
