"""残疾人两项补贴 (the two disability subsidies): for living (困难残疾人生活补贴) and for care (重度残疾人护理补贴).

Living: disabled persons of the hardship classes that the district covers. Care: the severely disabled who need long-term care, whatever
their income. Both are paid where the registration is, with a certificate in force, from the month of the application on; neither together
with what its exclusion table names. The tables are parameters: who draws a benefit marked 1 is excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Law, Month, People, Person, Rule, Values, calendar_month, numpy, outcome_of
from shared.rules.columns import Columns, disability_columns
from shared.rules.explain import Working
from shared.rules.facts import EXCLUDING_BENEFITS, HARDSHIP_CLASSES, DisabilityFacts
from shared.rules.package import Programme
from shared.rules.profile import Profile

OPINION = "国务院关于全面建立困难残疾人生活补贴和重度残疾人护理补贴制度的意见（国发〔2015〕52号）"
SUBJECTS, STANDARD, BRIDGES, PROCEDURE = (f"{OPINION}（{part}）" for part in ("补贴对象", "补贴标准", "政策衔接", "申领程序"))
LIVING, CARE = "disabled_living_subsidy", "severe_disability_care_subsidy"
_BENEFITS = dict(
    zip(EXCLUDING_BENEFITS, ("孤儿基本生活费", "特困人员照料护理费", "经济困难高龄失能老人补贴", "工伤保险生活护理费"), strict=True)
)
_CLASS_NAMES = ("无", "低保", "特困", "低保边缘", "支出型", "低收入")
SEVERE = 2  # the grade up to which the living subsidy pays its higher rate


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    registered_elsewhere = 1
    no_certificate = 2
    certificate_expired = 3
    before_application = 4
    hardship_class = 5
    grade = 6
    no_long_term_care = 7
    orphan_allowance = 8
    extreme_hardship_care = 9
    hardship_aged_disabled_subsidy = 10
    work_injury_care = 11
    meets_conditions = 12
    same_amount = 13
    more = 14
    less = 15


_COMMON: dict[int, str] = {
    Reason.registered_elsewhere: "户籍不在本区",
    Reason.no_certificate: "没有残疾人证",
    Reason.certificate_expired: "残疾人证已过有效期",
    Reason.before_application: "自递交申请当月起计发，申请之前的月份不发",
    **{Reason[code]: f"已享受{name}，不重复享受" for code, name in _BENEFITS.items()},
    Reason.same_amount: "仍符合条件，金额不变",
    Reason.more: "仍符合条件，金额提高",
    Reason.less: "仍符合条件，金额降低",
}
LIVING_REASONS: dict[int, str] = _COMMON | {
    Reason.hardship_class: "不属于生活补贴所及的困难家庭",
    Reason.meets_conditions: "困难家庭中的残疾人，符合生活补贴条件",
}
CARE_REASONS: dict[int, str] = _COMMON | {
    Reason.grade: "残疾等级不属于护理补贴范围",
    Reason.no_long_term_care: "不需要长期照护",
    Reason.meets_conditions: "需要长期照护的重度残疾人，符合护理补贴条件",
}


class holds_certificate(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "持有残疾人证"
    reference = SUBJECTS

    def formula(person: People, period: Month) -> Values:
        return person("disability_grade", period) >= 1


class certificate_expired(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "残疾人证在本月之前已过期"
    reference = PROCEDURE

    def formula(person: People, period: Month) -> Values:
        # A certificate without an end (NaT) is never before anything.
        return person("certificate_until", period).astype("datetime64[M]") < calendar_month(period)


class before_application(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "申请之前的月份"
    reference = PROCEDURE

    def formula(person: People, period: Month) -> Values:
        return person("applied_on", period).astype("datetime64[M]") > calendar_month(period)


class begins_after_application(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "自申请后首个符合条件的月份起计发"
    reference = PROCEDURE

    def formula(person: People, period: Month) -> Values:
        earlier = person("applied_on", period).astype("datetime64[M]") < calendar_month(period)
        return earlier & (person("personal_current_amount", period) == 0)


class certified_applicant(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "户籍在本区、证件有效、自申请当月起"
    reference = f"{SUBJECTS}；{PROCEDURE}"

    def formula(person: People, period: Month) -> Values:
        return (
            person("registered_here", period)
            & person("holds_certificate", period)
            & ~person("certificate_expired", period)
            & ~person("before_application", period)
        )


class living_class_covered(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "属于生活补贴所及的困难家庭"
    reference = SUBJECTS

    def formula(person: People, period: Month, parameters: Law) -> Values:
        covered = parameters(period).disabled_living_subsidy.classes
        flags = numpy.array([False, *(bool(covered[name]) for name in HARDSHIP_CLASSES[1:])])
        return flags[person("personal_hardship_class", period)]


class living_excluded(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "因享受其他待遇不享受生活补贴"
    reference = BRIDGES

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return _excluded(person, period, parameters(period).disabled_living_subsidy.exclusions)


class living_subsidy_due(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "符合生活补贴条件"
    reference = SUBJECTS

    def formula(person: People, period: Month) -> Values:
        return person("certified_applicant", period) & person("living_class_covered", period) & ~person("living_excluded", period)


class living_subsidy_amount(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "困难残疾人生活补贴月金额"
    reference = STANDARD

    def formula(person: People, period: Month, parameters: Law) -> Values:
        amount = parameters(period).disabled_living_subsidy.amount
        by_grade = numpy.where(person("disability_grade", period) <= SEVERE, amount.severe, amount.other)
        return numpy.where(person("living_subsidy_due", period), by_grade, 0)


class living_subsidy_outcome(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "生活补贴决定结果"
    reference = PROCEDURE

    def formula(person: People, period: Month) -> Values:
        amount, now = person("living_subsidy_amount", period), person("personal_current_amount", period)
        return outcome_of(person("living_subsidy_due", period), amount, now)


class living_subsidy_reason(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "生活补贴决定理由"
    reference = PROCEDURE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        conditions = [(~person("living_class_covered", period), Reason.hardship_class)]
        table, outcome = parameters(period).disabled_living_subsidy.exclusions, person("living_subsidy_outcome", period)
        return _reason(person, period, conditions, table, outcome)


class care_grade_covered(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "残疾等级属于护理补贴范围"
    reference = SUBJECTS

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law, grade = parameters(period).severe_disability_care_subsidy.grades, person("disability_grade", period)
        return (grade >= 1) & (grade <= numpy.where(person("intellectual_or_mental", period), law.of_mind_up_to, law.other_up_to))


class care_excluded(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "因享受其他待遇不享受护理补贴"
    reference = BRIDGES

    def formula(person: People, period: Month, parameters: Law) -> Values:
        return _excluded(person, period, parameters(period).severe_disability_care_subsidy.exclusions)


class care_subsidy_due(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "符合护理补贴条件"
    reference = SUBJECTS

    def formula(person: People, period: Month) -> Values:
        severe = person("care_grade_covered", period) & person("long_term_care", period)
        return person("certified_applicant", period) & severe & ~person("care_excluded", period)


class care_subsidy_amount(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "重度残疾人护理补贴月金额"
    reference = STANDARD

    def formula(person: People, period: Month, parameters: Law) -> Values:
        amount = parameters(period).severe_disability_care_subsidy.amount
        by_grade = numpy.array([0, amount.first, amount.second, amount.other, amount.other])[person("disability_grade", period)]
        return numpy.where(person("care_subsidy_due", period), by_grade, 0)


class care_subsidy_outcome(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "护理补贴决定结果"
    reference = PROCEDURE

    def formula(person: People, period: Month) -> Values:
        amount, now = person("care_subsidy_amount", period), person("personal_current_amount", period)
        return outcome_of(person("care_subsidy_due", period), amount, now)


class care_subsidy_reason(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "护理补贴决定理由"
    reference = PROCEDURE

    def formula(person: People, period: Month, parameters: Law) -> Values:
        conditions = [
            (~person("care_grade_covered", period), Reason.grade),
            (~person("long_term_care", period), Reason.no_long_term_care),
        ]
        table, outcome = parameters(period).severe_disability_care_subsidy.exclusions, person("care_subsidy_outcome", period)
        return _reason(person, period, conditions, table, outcome)


def _excluded(person: People, period: Month, table: Law) -> Values:
    return numpy.logical_or.reduce([person(f"draws_{code}", period) & bool(table[code]) for code in EXCLUDING_BENEFITS])


def _reason(person: People, period: Month, conditions: list[tuple[Values, Reason]], table: Law, outcome: Values) -> Values:
    """What both subsidies have in common, with the conditions of the one asked for in their place."""
    why: list[tuple[Values, Reason]] = [
        (~person("registered_here", period), Reason.registered_elsewhere),
        (~person("holds_certificate", period), Reason.no_certificate),
        (person("certificate_expired", period), Reason.certificate_expired),
        (person("before_application", period), Reason.before_application),
        *conditions,
        *((person(f"draws_{code}", period) & bool(table[code]), Reason[code]) for code in EXCLUDING_BENEFITS),
        (outcome == Outcome.unchanged, Reason.same_amount),
        (outcome == Outcome.raised, Reason.more),
        (outcome == Outcome.lowered, Reason.less),
    ]
    return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.meets_conditions)


def _certificate(work: Working) -> None:
    if not work.value("registered_here"):
        work.tell("户籍不在本区，应由户籍所在地发给", None, "certified_applicant")
    of_mind = "（智力或精神）" if work.value("intellectual_or_mental") else ""
    work.tell(f"残疾等级：{work.value('disability_grade')}{of_mind}（0为无残疾人证）", None, "holds_certificate")
    if work.value("certificate_expired"):
        work.tell("残疾人证在本月之前已过期", None, "certificate_expired")


def _since(work: Working) -> None:
    if work.value("begins_after_application"):
        work.tell("自申请当月起逐月核定，本月为首个应予计发的月份", None, "begins_after_application")


def _exclusions(work: Working, programme: str) -> None:
    for code, name in _BENEFITS.items():
        if work.value(f"draws_{code}"):
            parameter = f"{programme}.exclusions.{code}"
            says = "不得同时享受" if work.parameter(parameter) else "不影响"
            work.tell(f"已享受{name}：{says}", None, "living_excluded" if programme == LIVING else "care_excluded", parameter)


def _explain_living(work: Working) -> None:
    _certificate(work)
    its_class = work.value("personal_hardship_class")
    covers = (f"{LIVING}.classes.{HARDSHIP_CLASSES[its_class]}",) if its_class else ()
    work.tell(f"困难类别：{_CLASS_NAMES[its_class]}", None, "living_class_covered", *covers)
    _exclusions(work, LIVING)
    if work.value("living_subsidy_due"):
        _since(work)
        tier, name = ("一级、二级", "severe") if work.value("disability_grade") <= SEVERE else ("三级、四级", "other")
        work.tell(f"补贴标准（{tier}）", work.value("living_subsidy_amount"), "living_subsidy_amount", f"{LIVING}.amount.{name}")
    work.tell(f"决定：{LIVING_REASONS[work.value('living_subsidy_reason')]}", work.value("living_subsidy_amount"), "living_subsidy_amount")


def _explain_care(work: Working) -> None:
    _certificate(work)
    limit = f"{CARE}.grades.{'of_mind' if work.value('intellectual_or_mental') else 'other'}_up_to"
    work.tell(f"护理补贴范围：至{work.parameter(limit)}级", None, "care_grade_covered", limit)
    work.tell(f"{'需要' if work.value('long_term_care') else '不需要'}长期照护", None, "care_subsidy_due")
    _exclusions(work, CARE)
    if work.value("care_subsidy_due"):
        _since(work)
        grade = work.value("disability_grade")
        name = ("first", "second", "other", "other")[grade - 1]
        work.tell(
            f"补贴标准（{'一二三四'[grade - 1]}级）", work.value("care_subsidy_amount"), "care_subsidy_amount", f"{CARE}.amount.{name}"
        )
    work.tell(f"决定：{CARE_REASONS[work.value('care_subsidy_reason')]}", work.value("care_subsidy_amount"), "care_subsidy_amount")


def _columns(cases: Sequence[DisabilityFacts], profile: Profile) -> Columns:
    return disability_columns(cases, profile.division_code)


def _programme(code: str, title: str, variables: str, reasons: dict[int, str], explain: Callable[[Working], None]) -> Programme:
    return Programme(
        id=code,
        title=title,
        facts=DisabilityFacts,
        subject=lambda facts: facts.person.person_id,
        columns=_columns,
        outcome=f"{variables}_outcome",
        amount=f"{variables}_amount",
        reason=f"{variables}_reason",
        reasons=reasons,
        explain=explain,
        stop_after_death=f"{code}.death.stops_after_months",
    )


LAW = (
    holds_certificate,
    certificate_expired,
    before_application,
    begins_after_application,
    certified_applicant,
    living_class_covered,
    living_excluded,
    living_subsidy_due,
    living_subsidy_amount,
    living_subsidy_outcome,
    living_subsidy_reason,
    care_grade_covered,
    care_excluded,
    care_subsidy_due,
    care_subsidy_amount,
    care_subsidy_outcome,
    care_subsidy_reason,
)

PROGRAMMES = (
    _programme(LIVING, "困难残疾人生活补贴", "living_subsidy", LIVING_REASONS, _explain_living),
    _programme(CARE, "重度残疾人护理补贴", "care_subsidy", CARE_REASONS, _explain_care),
)
