"""经济困难高龄失能老人补贴 (subsidy for the old and disabled of hardship classes). Catalogue E03; exclusion W15.

Paid to those registered here who belong to a covered hardship class and are old, or disabled by their ability assessment, or both, as
the district says. Who draws a benefit that the exclusion table marks 1 is not granted this one. One that is being paid goes on when
such a benefit comes later: which of the two is kept is the person's choice, and the other service, which knew of this one, yields.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Law, Month, People, Person, Rule, Values, calendar_month, numpy, outcome_of
from shared.rules.columns import Columns, hard_elder_columns
from shared.rules.explain import Working
from shared.rules.facts import ELDER_EXCLUDING_BENEFITS, HARDSHIP_CLASSES, HardElderFacts
from shared.rules.package import Programme
from shared.rules.profile import Profile

OLD_LAW = "中华人民共和国老年人权益保障法第三十七条"
NOTICE = "财政部、民政部、全国老龄办关于建立健全经济困难的高龄失能等老年人补贴制度的通知（财社〔2014〕113号）"
P = "hardship_aged_disabled_subsidy"
_BENEFITS = dict(zip(ELDER_EXCLUDING_BENEFITS, ("重度残疾人护理补贴",), strict=True))
_CLASS_NAMES = ("无", "低保", "特困", "低保边缘", "支出型", "低收入")
_GRADE_NAMES = ("能力完好或未评估", "轻度失能", "中度失能", "重度失能", "完全失能")


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    registered_elsewhere = 1
    hardship_class = 2
    age_and_ability = 3
    severe_disability_care_subsidy = 4
    meets_conditions = 5
    same_amount = 6
    more = 7
    less = 8


REASONS: dict[int, str] = {
    Reason.registered_elsewhere: "户籍不在本区",
    Reason.hardship_class: "不属于本补贴所及的困难家庭",
    Reason.age_and_ability: "未达到规定的高龄、失能条件",
    **{Reason[code]: f"已享受{name}，不重复享受，可由本人择高选择一项" for code, name in _BENEFITS.items()},
    Reason.meets_conditions: "经济困难的高龄失能老人，符合补贴条件",
    Reason.same_amount: "仍符合条件，金额不变",
    Reason.more: "仍符合条件，金额提高",
    Reason.less: "仍符合条件，金额降低",
}


class elder_class_covered(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "属于本补贴所及的困难家庭"
    reference = NOTICE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        covered = parameters(period).hardship_aged_disabled_subsidy.classes
        flags = numpy.array([False, *(bool(covered[name]) for name in HARDSHIP_CLASSES[1:])])
        return flags[person("personal_hardship_class", period)]


class elder_is_aged(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "高龄（满龄当月起）"
    reference = NOTICE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        months = (calendar_month(period) - person("born_on", period).astype("datetime64[M]")).astype(numpy.int64)
        return months >= parameters(period).hardship_aged_disabled_subsidy.age.from_age * 12


class elder_is_disabled(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "失能（能力评估达到规定等级）"
    reference = NOTICE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return person("ability_grade", period) >= parameters(period).hardship_aged_disabled_subsidy.ability.from_grade


class elder_age_and_ability(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "达到规定的高龄、失能条件"
    reference = NOTICE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        aged, disabled = person("elder_is_aged", period), person("elder_is_disabled", period)
        return numpy.where(parameters(period).hardship_aged_disabled_subsidy.both_needed, aged & disabled, aged | disabled)


class elder_subsidy_excluded(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "因享受其他待遇不予发给"
    reference = f"{NOTICE}；国发〔2015〕52号（政策衔接）"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        table = parameters(period).hardship_aged_disabled_subsidy.exclusions
        draws = numpy.logical_or.reduce([person(f"draws_{code}", period) & bool(table[code]) for code in ELDER_EXCLUDING_BENEFITS])
        # Only a grant is refused for it: if both services ended theirs for the other's sake, the person would be left with neither.
        return draws & (person("personal_current_amount", period) == 0)


class elder_subsidy_due(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "符合补贴条件"
    reference = f"{OLD_LAW}；{NOTICE}"

    def formula(person: People, period: Month) -> Values:
        meets = person("elder_class_covered", period) & person("elder_age_and_ability", period)
        return person("registered_here", period) & meets & ~person("elder_subsidy_excluded", period)


class elder_subsidy_amount(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "经济困难高龄失能老人补贴月金额"
    reference = NOTICE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        amount = parameters(period).hardship_aged_disabled_subsidy.amount.monthly
        return numpy.where(person("elder_subsidy_due", period), amount, 0)


class elder_subsidy_outcome(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "决定结果"
    reference = NOTICE

    def formula(person: People, period: Month) -> Values:
        amount, now = person("elder_subsidy_amount", period), person("personal_current_amount", period)
        return outcome_of(person("elder_subsidy_due", period), amount, now)


class elder_subsidy_reason(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "决定理由"
    reference = NOTICE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        outcome, excluded = person("elder_subsidy_outcome", period), person("elder_subsidy_excluded", period)
        table = parameters(period).hardship_aged_disabled_subsidy.exclusions
        why: list[tuple[Values, Reason]] = [
            (~person("registered_here", period), Reason.registered_elsewhere),
            (~person("elder_class_covered", period), Reason.hardship_class),
            (~person("elder_age_and_ability", period), Reason.age_and_ability),
            *((excluded & person(f"draws_{code}", period) & bool(table[code]), Reason[code]) for code in ELDER_EXCLUDING_BENEFITS),
            (outcome == Outcome.unchanged, Reason.same_amount),
            (outcome == Outcome.raised, Reason.more),
            (outcome == Outcome.lowered, Reason.less),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


def explain(work: Working) -> None:
    """Tell how the decision was reached."""
    if not work.value("registered_here"):
        work.tell("户籍不在本区", None, "elder_subsidy_due")
    its_class = work.value("personal_hardship_class")
    covers = (f"{P}.classes.{HARDSHIP_CLASSES[its_class]}",) if its_class else ()
    work.tell(f"困难类别：{_CLASS_NAMES[its_class]}", None, "elder_class_covered", *covers)
    aged = "已满" if work.value("elder_is_aged") else "未满"
    work.tell(f"年龄：{aged}{work.parameter(f'{P}.age.from_age')}周岁", None, "elder_is_aged", f"{P}.age.from_age")
    work.tell(f"能力评估：{_GRADE_NAMES[work.value('ability_grade')]}", None, "elder_is_disabled", f"{P}.ability.from_grade")
    both = "须同时高龄和失能" if work.parameter(f"{P}.both_needed") else "高龄或失能即可"
    work.tell(both, None, "elder_age_and_ability", f"{P}.both_needed")
    for code, name in _BENEFITS.items():
        if work.value(f"draws_{code}"):
            refused, table = work.value("elder_subsidy_excluded"), work.parameter(f"{P}.exclusions.{code}")
            says = "不得同时享受" if refused else "不影响已在发的本补贴" if table else "不影响"
            work.tell(f"已享受{name}：{says}", None, "elder_subsidy_excluded", f"{P}.exclusions.{code}")
    if work.value("elder_subsidy_due"):
        work.tell("补贴标准", work.value("elder_subsidy_amount"), "elder_subsidy_amount", f"{P}.amount.monthly")
    work.tell(f"决定：{REASONS[work.value('elder_subsidy_reason')]}", work.value("elder_subsidy_amount"), "elder_subsidy_amount")


def _columns(cases: Sequence[HardElderFacts], profile: Profile) -> Columns:
    return hard_elder_columns(cases, profile.division_code)


LAW = (
    elder_class_covered,
    elder_is_aged,
    elder_is_disabled,
    elder_age_and_ability,
    elder_subsidy_excluded,
    elder_subsidy_due,
    elder_subsidy_amount,
    elder_subsidy_outcome,
    elder_subsidy_reason,
)
PROGRAMMES = (
    Programme(
        id=P,
        title="经济困难高龄失能老人补贴",
        facts=HardElderFacts,
        subject=lambda facts: facts.person.person_id,
        columns=_columns,
        outcome="elder_subsidy_outcome",
        amount="elder_subsidy_amount",
        reason="elder_subsidy_reason",
        reasons=REASONS,
        explain=explain,
        stop_after_death=f"{P}.death.stops_after_months",
    ),
)
