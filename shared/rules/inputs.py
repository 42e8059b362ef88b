"""The facts as OpenFisca variables: what is given, before any rule has looked at it. Money is fen a month."""

from __future__ import annotations

from shared.rules.base import MONTH, Household, Person, Rule, date


class born_on(Rule):
    value_type = date
    entity = Person
    definition_period = MONTH
    label = "出生日期"


class monthly_income(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "月收入（全部来源，扣减前）"


class excluded_income(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "月收入中不计入家庭收入的部分"


class employed(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "就业"


class newly_employed_on(Rule):
    value_type = date
    entity = Person
    definition_period = MONTH
    label = "最近一次新就业日期"


class disability_grade(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "残疾等级（0 无，1 至 4 级）"


class intellectual_or_mental(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "智力或精神残疾"


class gravely_ill(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "患重特大疾病"


class counted(Rule):
    value_type = bool
    default_value = True
    entity = Person
    definition_period = MONTH
    label = "未被排除在共同生活家庭成员之外"


class applies_alone(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "单独提出申请"


class registered_here(Rule):
    value_type = bool
    default_value = True
    entity = Person
    definition_period = MONTH
    label = "户籍在本区"


class personal_current_amount(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "本人现发月金额"


class rural(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "农村家庭"


class savings(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "存款"


class securities(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "证券、基金等"


class vehicles(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "车辆数"


class homes(Rule):
    value_type = int
    default_value = 1
    entity = Household
    definition_period = MONTH
    label = "住房套数"


class gradual_exit_since(Rule):
    value_type = date
    entity = Household
    definition_period = MONTH
    label = "渐退起始月"


class current_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "现发月金额"


PERSON_INPUTS: tuple[type[Rule], ...] = (
    born_on,
    monthly_income,
    excluded_income,
    employed,
    newly_employed_on,
    disability_grade,
    intellectual_or_mental,
    gravely_ill,
    counted,
    applies_alone,
    registered_here,
    personal_current_amount,
)
HOUSEHOLD_INPUTS: tuple[type[Rule], ...] = (rural, savings, securities, vehicles, homes, gradual_exit_since, current_amount)
INPUTS = PERSON_INPUTS + HOUSEHOLD_INPUTS
