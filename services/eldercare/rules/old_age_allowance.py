"""高龄津贴 (old-age allowance): paid from 80 on, more from 90 and from 100, granted without application when the birthday comes.

中华人民共和国老年人权益保障法第三十三条. Amounts are fen a month. Whoever is registered (户籍) elsewhere is paid elsewhere.
"""

from __future__ import annotations

from enum import IntEnum

from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Law, Month, People, Person, Rule, Values, calendar_month, numpy

LAW_OF_THE_OLD = "中华人民共和国老年人权益保障法第三十三条"


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    registered_elsewhere = 1
    too_young = 2
    old_enough = 3
    same_amount = 4
    more = 5
    less = 6


REASONS: dict[int, str] = {
    Reason.registered_elsewhere: "户籍不在本区",
    Reason.too_young: "未到高龄津贴起发年龄",
    Reason.old_enough: "已到高龄津贴起发年龄，户籍在本区",
    Reason.same_amount: "仍符合条件，金额不变",
    Reason.more: "仍符合条件，金额提高",
    Reason.less: "仍符合条件，金额降低",
}


class allowance_months_of_age(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "计发月龄（满龄后推迟起发的月数已减去）"
    reference = LAW_OF_THE_OLD

    def formula(person: People, period: Month, parameters: Law) -> Values:
        age = (calendar_month(period) - person("born_on", period).astype("datetime64[M]")).astype(numpy.int64)
        return age - parameters(period).old_age_allowance.starts_after_months


class age_band(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "年龄档（0 未到年龄，1 至 3 档）"
    reference = LAW_OF_THE_OLD

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law, age = parameters(period).old_age_allowance, person("allowance_months_of_age", period)
        return numpy.select([age >= law.third.from_age * 12, age >= law.second.from_age * 12, age >= law.first.from_age * 12], [3, 2, 1], 0)


class old_age_allowance_amount(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    unit = "fen"
    label = "高龄津贴月金额"
    reference = LAW_OF_THE_OLD

    def formula(person: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).old_age_allowance
        amounts = numpy.array([0, law.first.amount, law.second.amount, law.third.amount])
        return numpy.where(person("registered_here", period), amounts[person("age_band", period)], 0)


class old_age_allowance_outcome(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "决定结果"
    reference = LAW_OF_THE_OLD

    def formula(person: People, period: Month) -> Values:
        amount, now = person("old_age_allowance_amount", period), person("personal_current_amount", period)
        entitled = person("registered_here", period) & (person("age_band", period) > 0)
        applies = now == 0
        return numpy.select(
            [applies & entitled, applies, ~entitled, amount == now, amount > now],
            [Outcome.eligible, Outcome.ineligible, Outcome.ended, Outcome.unchanged, Outcome.raised],
            Outcome.lowered,
        )


class old_age_allowance_reason(Rule):
    value_type = int
    entity = Person
    definition_period = MONTH
    label = "决定理由"
    reference = LAW_OF_THE_OLD

    def formula(person: People, period: Month) -> Values:
        outcome = person("old_age_allowance_outcome", period)
        why: list[tuple[Values, Reason]] = [
            (~person("registered_here", period), Reason.registered_elsewhere),
            (person("age_band", period) == 0, Reason.too_young),
            (outcome == Outcome.unchanged, Reason.same_amount),
            (outcome == Outcome.raised, Reason.more),
            (outcome == Outcome.lowered, Reason.less),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.old_enough)


LAW = (allowance_months_of_age, age_band, old_age_allowance_amount, old_age_allowance_outcome, old_age_allowance_reason)
