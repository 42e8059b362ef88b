"""低保 三：单独提出申请 (单人保): a member of a margin household (低保边缘家庭) who is supported alone."""

from __future__ import annotations

from shared.rules.base import MONTH, Household, Law, Month, People, Person, Rule, Values, numpy

SEVERE, SEVERE_IF_OF_MIND = 2, 3


class severely_disabled(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "重度残疾（一级、二级，或三级智力、三级精神残疾）"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(person: People, period: Month) -> Values:
        grade = person("disability_grade", period)
        return (grade >= 1) & ((grade <= SEVERE) | ((grade == SEVERE_IF_OF_MIND) & person("intellectual_or_mental", period)))


class income_below_standard(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "家庭人均收入低于低保标准"
    reference = "社会救助暂行办法（国务院令第649号）第九条"

    def formula(household: People, period: Month) -> Values:
        return household("household_income", period) < household("household_standard", period)


class income_below_margin(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "家庭人均收入低于低保标准的规定倍数（低保边缘）"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        percent = parameters(period).minimum_living_allowance.margin.percent
        return household("household_income", period) * 100 < household("household_standard", period) * percent


class margin_household(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "最低生活保障边缘家庭"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(household: People, period: Month) -> Values:
        not_poor_enough = ~household("income_below_standard", period)
        return not_poor_enough & household("income_below_margin", period) & household("property_within_limits", period)


class condition_to_apply_alone(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "重度残疾或患重特大疾病的共同生活成员"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(person: People, period: Month) -> Values:
        return person("living_together", period) & (person("severely_disabled", period) | person("gravely_ill", period))


class may_apply_alone(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "可单独提出申请"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(person: People, period: Month) -> Values:
        return person("condition_to_apply_alone", period) & person.household("margin_household", period)


class single_person_case(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "单人保"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(household: People, period: Month) -> Values:
        return household.any(household.members("applies_alone", period))


class protected(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "保障对象（家庭全体成员，或单独申请人一人；已纳入特困供养的除外）"
    # 国发〔2016〕14号: 纳入特困人员救助供养范围的，不再适用最低生活保障政策.
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第七条、第八条；国发〔2016〕14号（纳入特困供养的不再适用低保）"

    def formula(person: People, period: Month) -> Values:
        alone = person.household("single_person_case", period)
        whose = ~alone | person("applies_alone", period)
        return person("living_together", period) & whose & ~person("supported_in_extreme_hardship", period)


class applicant_meets_condition(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "单独申请人符合条件（按家庭申请的不限）"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(household: People, period: Month) -> Values:
        entitled = household.members("applies_alone", period) & household.members("condition_to_apply_alone", period)
        return ~household("single_person_case", period) | household.any(entitled)


class protected_people(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "保障人数"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month) -> Values:
        return household.sum(household.members("protected", period))


class protected_income(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "保障对象的可核算月收入"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month) -> Values:
        return household.sum(numpy.where(household.members("protected", period), household.members("countable_income", period), 0))


class protected_standard(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "低保标准乘以保障人数"
    reference = "社会救助暂行办法（国务院令第649号）第十二条"

    def formula(household: People, period: Month) -> Values:
        return household("standard", period) * household("protected_people", period)


class income_condition(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "收入符合条件"
    reference = "社会救助暂行办法（国务院令第649号）第九条；最低生活保障审核确认办法（民发〔2021〕57号）第八条"

    def formula(household: People, period: Month) -> Values:
        below = household("protected_income", period) < household("protected_standard", period)
        # Someone already supported alone is not cut off because the household has grown poorer still: it is told to apply as a whole.
        poor_household_must_apply_whole = household("income_below_standard", period) & (household("current_amount", period) == 0)
        alone = household("income_below_margin", period) & ~poor_household_must_apply_whole
        return below & (~household("single_person_case", period) | alone)


LAW = (
    severely_disabled,
    income_below_standard,
    income_below_margin,
    margin_household,
    condition_to_apply_alone,
    may_apply_alone,
    single_person_case,
    protected,
    applicant_meets_condition,
    protected_people,
    protected_income,
    protected_standard,
    income_condition,
)
