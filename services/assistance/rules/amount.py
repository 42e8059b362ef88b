"""低保 四：发多少 (amount): the difference or a band, the classified supplements, the least payment, the rounding.

Divisions, and how each rounds: a supplement of so many percent is cut to whole fen (舍去); a band likewise; the
month's total is then brought to the district's unit in the district's way (rounding.step, rounding.mode).
"""

from __future__ import annotations

from shared.rules.base import MONTH, Household, Law, Month, People, Person, Rule, Values, numpy, rounded


class income_difference(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "差额（低保标准减人均收入，乘以保障人数）"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month) -> Values:
        return numpy.maximum(household("protected_standard", period) - household("protected_income", period), 0)


class banded_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "分档保障金"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第四章（分档计算）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        bands = parameters(period).minimum_living_allowance.bands
        income, full = household("protected_income", period) * 100, household("protected_standard", period)
        percent = numpy.select(
            [income <= full * bands.first.income_up_to, income <= full * bands.second.income_up_to],
            [bands.first.pays, bands.second.pays],
            bands.third.pays,
        )
        return full * percent // 100


class basic_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "最低生活保障金（分类施保前）"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).minimum_living_allowance
        calculated = household("banded_amount" if law.bands.used else "income_difference", period)
        return numpy.maximum(calculated, law.minimum_payment)


class is_old(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "老年人（自满年龄当月起）"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return person("months_of_age", period) >= parameters(period).minimum_living_allowance.supplement.old_from_age * 12


class is_minor(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "未成年人（至成年当月止）"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return person("months_of_age", period) <= parameters(period).minimum_living_allowance.supplement.minor_until_age * 12


class supplement_percent(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "分类施保比例（符合多类的取最高一类）"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        percent = parameters(period).minimum_living_allowance.supplement
        highest = numpy.maximum.reduce(
            [
                person("is_old", period) * percent.old,
                person("is_minor", period) * percent.minor,
                person("severely_disabled", period) * percent.severely_disabled,
                person("gravely_ill", period) * percent.gravely_ill,
            ]
        )
        return numpy.where(person("protected", period), highest, 0)


class supplement(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "分类施保金（个人）"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(person: People, period: Month) -> Values:
        return person.household("standard", period) * person("supplement_percent", period) // 100


class supplements(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "分类施保金"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month) -> Values:
        return household.sum(household.members("supplement", period))


class calculated_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "符合条件时的月保障金"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        rounding = parameters(period).minimum_living_allowance.rounding
        return rounded(household("basic_amount", period) + household("supplements", period), rounding.step, rounding.mode)


LAW = (
    income_difference,
    banded_amount,
    basic_amount,
    is_old,
    is_minor,
    supplement_percent,
    supplement,
    supplements,
    calculated_amount,
)
