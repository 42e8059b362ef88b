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


class supported_in_extreme_hardship(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "已纳入特困人员救助供养"


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


class disability_kind(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "残疾类别（0 不详，其后依次为视力、听力、言语、肢体、智力、精神、多重）"


class student(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "在校学生"


class able_supporter(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "法定赡养、抚养、扶养义务人有履行义务能力"


class able_to_work(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "有劳动能力"


class personal_savings(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "本人存款"


class lost_acts(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "自理能力六项中不能自主完成的项数"


class centrally_placed(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "集中供养"


class personal_hardship_class(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "本人困难类别（0 无，其后依次为低保、特困、低保边缘、支出型、低收入）"


class long_term_care(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "需要长期照护"


class certificate_until(Rule):
    value_type = date
    default_value = date(9999, 12, 31)
    entity = Person
    definition_period = MONTH
    label = "残疾人证有效期至"


class applied_on(Rule):
    value_type = date
    entity = Person
    definition_period = MONTH
    label = "申请日期"


class draws_orphan_allowance(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "享受孤儿基本生活费"


class draws_extreme_hardship_care(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "享受特困人员照料护理费"


class draws_hardship_aged_disabled_subsidy(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "享受经济困难高龄失能老人补贴"


class draws_work_injury_care(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "领取工伤保险生活护理费"


class draws_severe_disability_care_subsidy(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "享受重度残疾人护理补贴"


class ability_grade(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "能力等级（0 完好或未评估，其后依次为轻度、中度、重度、完全失能）"


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


class spending_medical(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月医疗自负支出"


class spending_education(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月教育自负支出"


class spending_care(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月照料自负支出"


class spending_disability(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月残疾康复自负支出"


class spending_accident(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月意外事故自负支出"


class spending_other(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "近12个月其他自负支出"


class hardship_class(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "家庭困难类别（0 无，其后依次为低保、特困、低保边缘、支出型、低收入）"


class emergency(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "急难型（否则为支出型）"


class cause(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "救助事由（0 突发事件，1 意外伤害，2 重大疾病，3 其他）"


class loss(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "急难损失或自负支出"


class given_this_year(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "本年度已获临时救助"


class deliberated(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "一事一议确定的金额（0 为未经一事一议）"


class same_cause(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "规定期限内同一事由已获救助"


class untrue(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "经核实所称情况不属实"


class covered_persons(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "在册保障人数"


class cpi_change(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "居民消费价格指数同比涨幅（万分之一）"


class food_change(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "食品价格同比涨幅（万分之一）"


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
    supported_in_extreme_hardship,
    registered_here,
    personal_current_amount,
    disability_kind,
    student,
    able_supporter,
    able_to_work,
    personal_savings,
    lost_acts,
    centrally_placed,
    personal_hardship_class,
    long_term_care,
    certificate_until,
    applied_on,
    draws_orphan_allowance,
    draws_extreme_hardship_care,
    draws_hardship_aged_disabled_subsidy,
    draws_work_injury_care,
    draws_severe_disability_care_subsidy,
    ability_grade,
)
HOUSEHOLD_INPUTS: tuple[type[Rule], ...] = (
    rural,
    savings,
    securities,
    vehicles,
    homes,
    gradual_exit_since,
    current_amount,
    spending_medical,
    spending_education,
    spending_care,
    spending_disability,
    spending_accident,
    spending_other,
    hardship_class,
    emergency,
    cause,
    loss,
    given_this_year,
    deliberated,
    same_cause,
    untrue,
    covered_persons,
    cpi_change,
    food_change,
)
INPUTS = PERSON_INPUTS + HOUSEHOLD_INPUTS
