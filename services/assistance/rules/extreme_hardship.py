"""特困人员救助供养 (extreme-hardship support): one person who can not work, has no income, and nobody able to support him.

Old, disabled or minor; paid the basic living standard and, by what he can do for himself, a care component reckoned from the minimum
wage. Of the six acts of self-care none lost is 自理 (full), up to three lost is 半护理 (half), more is 全护理 (none).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Law, Month, People, Person, Rule, Values, numpy, outcome_of, rounded
from shared.rules.columns import Columns, extreme_hardship_columns
from shared.rules.explain import Working
from shared.rules.facts import DISABILITY_KINDS, ExtremeHardshipFacts
from shared.rules.package import Programme
from shared.rules.profile import Profile
from shared.rules.turning import Age

METHOD = "特困人员认定办法（民发〔2021〕43号）"
SUPPORT = "社会救助暂行办法（国务院令第649号）第三章（特困人员供养）"
_P = "extreme_hardship_support"
_OF_MIND = ("intellectual", "mental")
GRADES = ("自理", "半护理", "全护理")
_CARE = ("full", "half", "none")  # self-care that is left: the names of the care component's parameters


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    registered_elsewhere = 1
    not_counted = 2
    no_category = 3
    able_to_work = 4
    income = 5
    savings = 6
    able_supporter = 7
    meets_conditions = 8
    same_amount = 9
    more = 10
    less = 11


REASONS: dict[int, str] = {
    Reason.registered_elsewhere: "户籍不在本区",
    Reason.not_counted: "正在服刑、强制隔离戒毒，或者宣告失踪",
    Reason.no_category: "不属于老年人、规定等级的残疾人或未成年人",
    Reason.able_to_work: "有劳动能力",
    Reason.income: "本人收入超过规定标准，不属于无生活来源",
    Reason.savings: "本人财产超过规定",
    Reason.able_supporter: "法定赡养、抚养、扶养义务人有履行义务能力",
    Reason.meets_conditions: "无劳动能力、无生活来源，且无有能力的法定赡养、抚养、扶养义务人",
    Reason.same_amount: "仍符合条件，供养标准不变",
    Reason.more: "仍符合条件，供养标准提高",
    Reason.less: "仍符合条件，供养标准降低",
}


class extreme_hardship_old(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "老年人（自满年龄当月起）"
    reference = f"{METHOD}第五条第一项"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return person("months_of_age", period) >= parameters(period).extreme_hardship_support.old.from_age * 12


class extreme_hardship_disabled(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "规定类别和等级的残疾人"
    reference = f"{METHOD}第五条第三项、第四项"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law, grade = parameters(period).extreme_hardship_support.disability, person("disability_grade", period)
        limits = dict.fromkeys(_OF_MIND, law.of_mind_up_to) | {"visual": law.visual_up_to, "physical": law.physical_up_to}
        up_to = numpy.array([limits.get(kind, law.other_up_to) for kind in DISABILITY_KINDS])[person("disability_kind", period)]
        return (grade >= 1) & (grade <= up_to)


class extreme_hardship_minor(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "未成年人（已供养的至规定年龄，其后在校就读的继续）"
    reference = f"{METHOD}第五条第二项、终止救助供养一章"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law, age = parameters(period).extreme_hardship_support.minor, person("months_of_age", period)
        supported = person("personal_current_amount", period) > 0
        # The month in which the age is reached still counts whole, as with every age of these rules.
        return (age <= law.until_age * 12) | (
            supported & ((age <= law.kept_until_age * 12) | person("student", period) & ~_grown(age, law))
        )


def _grown(age: Values, law: Law) -> Values:
    """Too old for school to be the reason: a student of forty is no minor kept on."""
    return age > law.student_until_age * 12


class extreme_hardship_category(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "老年人、残疾人或未成年人"
    reference = f"{METHOD}第四条、第五条"

    def formula(person: People, period: Month) -> Values:
        old_or_disabled = person("extreme_hardship_old", period) | person("extreme_hardship_disabled", period)
        return old_or_disabled | person("extreme_hardship_minor", period)


class basic_living_standard(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "特困人员基本生活标准"
    reference = SUPPORT

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).extreme_hardship_support
        standard = numpy.where(person.household("rural", period), law.standard.rural, law.standard.urban)
        return numpy.where(person("centrally_placed", period), standard * law.standard.central_percent // 100, standard)


class basic_living_floor(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "基本生活标准的下限（低保标准的规定倍数）"
    reference = "国务院关于进一步健全特困人员救助供养制度的意见（国发〔2016〕14号）；民政部关于基本生活标准不低于低保标准1.3倍的规定"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        percent = parameters(period).extreme_hardship_support.standard.floor_percent
        # Rounded up: a floor that was cut by a fraction of a fen would be passed by a standard below it.
        return -(-person.household("standard", period) * percent // 100)


class standard_below_floor(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "基本生活标准低于下限"
    reference = "国务院关于进一步健全特困人员救助供养制度的意见（国发〔2016〕14号）；民政部关于基本生活标准不低于低保标准1.3倍的规定"

    def formula(person: People, period: Month) -> Values:
        return person("basic_living_standard", period) < person("basic_living_floor", period)


class extreme_hardship_income(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "本人月收入（不计入的已扣除）"
    reference = f"{METHOD}第六条"

    def formula(person: People, period: Month) -> Values:
        return person("monthly_income", period) - person("excluded_income", period)


class extreme_hardship_income_limit(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "无生活来源的收入界线"
    reference = f"{METHOD}第六条"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        by_minimum_living = parameters(period).extreme_hardship_support.income.measured_by_minimum_living
        # 低于低保标准 leaves one fen less than the standard; 不超过基本生活标准 leaves the whole of it.
        return person.household("standard", period) - 1 if by_minimum_living else person("basic_living_standard", period)


class has_no_income(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "无生活来源"
    reference = f"{METHOD}第六条"

    def formula(person: People, period: Month) -> Values:
        return person("extreme_hardship_income", period) <= person("extreme_hardship_income_limit", period)


class extreme_hardship_savings_limit(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "财产限额（低保标准乘以月数）"
    reference = f"{METHOD}第七条（财产标准由地方规定）"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return person.household("standard", period) * parameters(period).extreme_hardship_support.savings.months


class savings_within_limit(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "财产未超限"
    reference = f"{METHOD}第七条（财产标准由地方规定）"

    def formula(person: People, period: Month) -> Values:
        return person("personal_savings", period) <= person("extreme_hardship_savings_limit", period)


class self_care_grade(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "自理能力（0 自理，1 半护理，2 全护理）"
    reference = f"{METHOD}（生活自理能力评估：吃饭、穿衣、上下床、如厕、室内行走、洗澡六项）"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        lost = person("lost_acts", period)
        return (lost > 0).astype(numpy.int64) + (lost > parameters(period).extreme_hardship_support.self_care.half_up_to)


class care_component(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "照料护理标准（最低工资的规定比例）"
    reference = "国务院关于进一步健全特困人员救助供养制度的意见（国发〔2016〕14号）（照料护理标准分档）"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).extreme_hardship_support
        percent = numpy.array([law.care[left] for left in _CARE])[person("self_care_grade", period)]
        return law.minimum_wage * percent // 100


class extreme_hardship(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "符合特困人员条件"
    reference = f"{METHOD}第四条"

    def formula(person: People, period: Month) -> Values:
        return (
            person("registered_here", period)
            & person("counted", period)
            & person("extreme_hardship_category", period)
            & ~person("able_to_work", period)
            & person("has_no_income", period)
            & person("savings_within_limit", period)
            & ~person("able_supporter", period)
        )


class extreme_hardship_amount(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "决定的月供养金（基本生活加照料护理）"
    reference = SUPPORT

    def formula(person: People, period: Month, parameters: Law) -> Values:
        rounding = parameters(period).extreme_hardship_support.rounding
        due = person("basic_living_standard", period) + person("care_component", period)
        return numpy.where(person("extreme_hardship", period), rounded(due, rounding.step, rounding.mode), 0)


class extreme_hardship_outcome(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "决定结果"
    reference = f"{METHOD}第四条、终止救助供养一章"

    def formula(person: People, period: Month) -> Values:
        amount, now = person("extreme_hardship_amount", period), person("personal_current_amount", period)
        return outcome_of(person("extreme_hardship", period), amount, now)


class extreme_hardship_reason(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "决定理由"
    reference = f"{METHOD}第四条、终止救助供养一章"

    def formula(person: People, period: Month) -> Values:
        outcome = person("extreme_hardship_outcome", period)
        why: list[tuple[Values, Reason]] = [
            (~person("registered_here", period), Reason.registered_elsewhere),
            (~person("counted", period), Reason.not_counted),
            (~person("extreme_hardship_category", period), Reason.no_category),
            (person("able_to_work", period), Reason.able_to_work),
            (~person("has_no_income", period), Reason.income),
            (~person("savings_within_limit", period), Reason.savings),
            (person("able_supporter", period), Reason.able_supporter),
            (outcome == Outcome.unchanged, Reason.same_amount),
            (outcome == Outcome.raised, Reason.more),
            (outcome == Outcome.lowered, Reason.less),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


def _explain(work: Working) -> None:
    _category(work)
    _means(work)
    amount = work.value("extreme_hardship_amount")
    if work.value("extreme_hardship"):
        _amount(work, amount)
    work.tell(f"决定：{REASONS[work.value('extreme_hardship_reason')]}", amount, "extreme_hardship_amount")


def _category(work: Working) -> None:
    age = f"年龄：{max(work.value('months_of_age'), 0) // 12}周岁"
    if work.value("extreme_hardship_old"):
        work.tell(f"{age}，属于老年人", None, "extreme_hardship_old", f"{_P}.old.from_age")
    elif work.value("extreme_hardship_minor"):
        law = f"{_P}.minor"
        names = [f"{law}.until_age"]
        if work.value("months_of_age") > work.parameter(names[0]) * 12:
            names = [f"{law}.kept_until_age", f"{law}.student_until_age"]
        work.tell(f"{age}，属于未成年人", None, "extreme_hardship_minor", *names)
    elif work.value("extreme_hardship_disabled"):
        kind = DISABILITY_KINDS[work.value("disability_kind")]
        limit = "of_mind" if kind in _OF_MIND else kind if kind in ("visual", "physical") else "other"
        name = f"{_P}.disability.{limit}_up_to"
        work.tell(f"残疾{work.value('disability_grade')}级，属于规定的残疾人", None, "extreme_hardship_disabled", name)
    else:
        work.tell(f"{age}，残疾等级{work.value('disability_grade')}（0为无）", None, "extreme_hardship_category")


def _means(work: Working) -> None:
    area = "rural" if work.value("rural") else "urban"
    work.tell("本人月收入", work.value("extreme_hardship_income"), "extreme_hardship_income")
    against = [f"{_P}.income.measured_by_minimum_living", f"{_P}.standard.{area}"]
    if work.parameter(against[0]):
        against[1] = f"minimum_living_allowance.standard.{area}"
    work.tell("收入不得超过", work.value("extreme_hardship_income_limit"), "extreme_hardship_income_limit", *against)
    if work.value("personal_savings"):
        limit = work.value("extreme_hardship_savings_limit")
        work.tell("存款", work.value("personal_savings"), "savings_within_limit")
        work.tell("财产限额", limit, "extreme_hardship_savings_limit", f"{_P}.savings.months", f"minimum_living_allowance.standard.{area}")


def _amount(work: Working, amount: int) -> None:
    area = "rural" if work.value("rural") else "urban"
    basic, care = work.value("basic_living_standard"), work.value("care_component")
    placed, names = ("集中供养", [f"{_P}.standard.central_percent"]) if work.value("centrally_placed") else ("分散供养", [])
    where = "农村" if area == "rural" else "城市"
    work.tell(f"基本生活标准（{where}，{placed}）", basic, "basic_living_standard", f"{_P}.standard.{area}", *names)
    if work.value("standard_below_floor"):
        percent = work.parameter(f"{_P}.standard.floor_percent")
        floor = f"注意：基本生活标准低于低保标准的{percent}%，应予调整；下限为"
        basis = (f"{_P}.standard.floor_percent", f"minimum_living_allowance.standard.{area}")
        work.tell(floor, work.value("basic_living_floor"), "standard_below_floor", *basis)
    grade, lost = work.value("self_care_grade"), work.value("lost_acts")
    name = f"{_P}.care.{_CARE[grade]}"
    label = f"照料护理标准（{GRADES[grade]}：六项中{lost}项不能自主完成；最低工资的{work.parameter(name)}%）"
    work.tell(label, care, "care_component", f"{_P}.self_care.half_up_to", name, f"{_P}.minimum_wage")
    if amount != basic + care:
        work.tell("取整", amount - basic - care, "extreme_hardship_amount", f"{_P}.rounding.step", f"{_P}.rounding.mode")


def _columns(cases: Sequence[ExtremeHardshipFacts], profile: Profile) -> Columns:
    return extreme_hardship_columns(cases, profile.division_code)


LAW = (
    extreme_hardship_old,
    extreme_hardship_disabled,
    extreme_hardship_minor,
    extreme_hardship_category,
    basic_living_standard,
    basic_living_floor,
    standard_below_floor,
    extreme_hardship_income,
    extreme_hardship_income_limit,
    has_no_income,
    extreme_hardship_savings_limit,
    savings_within_limit,
    self_care_grade,
    care_component,
    extreme_hardship,
    extreme_hardship_amount,
    extreme_hardship_outcome,
    extreme_hardship_reason,
)

PROGRAMMES = (
    Programme(
        id=_P,
        title="特困人员救助供养",
        facts=ExtremeHardshipFacts,
        subject=lambda facts: facts.person.person_id,
        columns=_columns,
        outcome="extreme_hardship_outcome",
        amount="extreme_hardship_amount",
        reason="extreme_hardship_reason",
        reasons=REASONS,
        explain=_explain,
        stop_after_death=f"{_P}.death.stops_after_months",
        draws_on=("minimum_living_allowance.standard",),
        ages=(
            Age(f"{_P}.old.from_age"),
            Age(f"{_P}.minor.until_age", passed=True),
            Age(f"{_P}.minor.kept_until_age", passed=True),
            Age(f"{_P}.minor.student_until_age", passed=True),
        ),
    ),
)
