"""低保 五：渐退 (gradual exit): income has risen above the standard, and support ends after some months, not at once.

Only a household whose property still is within the limits, and which is paid now, can exit gradually. The amount of the exit is fixed when
it begins and stays; should income fall below the standard again, the ordinary amount returns and the exit is over.
"""

from __future__ import annotations

from shared.rules.base import MONTH, NEVER, Household, Law, Month, People, Person, Rule, Values, calendar_month, date, numpy, rounded


class new_employment(Rule):
    value_type = bool
    entity = Person
    definition_period = MONTH
    label = "规定月数内新就业"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）（就业渐退）"

    def formula(person: People, period: Month, parameters: Law) -> Values:
        window = parameters(period).minimum_living_allowance.gradual_exit.new_employment_within
        since, now = person("newly_employed_on", period).astype("datetime64[M]"), calendar_month(period)
        # Comparisons with an absent date (NaT) are false, which is what is meant.
        return person("protected", period) & (since <= now) & (since > now - window)


class gradual_exit_running(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "渐退期内"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）（就业渐退）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        months = parameters(period).minimum_living_allowance.gradual_exit.months
        since, now = household("gradual_exit_since", period).astype("datetime64[M]"), calendar_month(period)
        return (since <= now) & (now < since + months)


class gradual_exit_may_begin(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "可以进入渐退"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）（就业渐退）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).minimum_living_allowance.gradual_exit
        begun = household("gradual_exit_since", period).astype("datetime64[M]") <= calendar_month(period)
        employed = household.any(household.members("new_employment", period)) | (law.needs_new_employment == 0)
        return ~begun & employed & (law.months > 0)


class gradual_exit(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "渐退"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）（就业渐退）"

    def formula(household: People, period: Month) -> Values:
        return (
            (household("current_amount", period) > 0)
            & (household("protected_people", period) > 0)
            & household("property_within_limits", period)
            & household("applicant_meets_condition", period)
            & ~household("income_condition", period)
            & (household("gradual_exit_running", period) | household("gradual_exit_may_begin", period))
        )


class gradual_exit_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "渐退期月保障金"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）（就业渐退）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).minimum_living_allowance
        current = household("current_amount", period)
        share = rounded_share(current, law.gradual_exit.share_percent, law.rounding)
        # The share is taken once, when the exit begins; what is paid from then on already is the share.
        return numpy.where(household("gradual_exit_running", period), current, share)


class gradual_exit_ends(Rule):
    value_type = date
    entity = Household
    definition_period = MONTH
    label = "渐退期最后一个月"
    reference = "最低生活保障审核确认办法（民发〔2021〕57号）（就业渐退）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        months = parameters(period).minimum_living_allowance.gradual_exit.months
        since = household("gradual_exit_since", period).astype("datetime64[M]")
        begins = numpy.where(household("gradual_exit_running", period), since, calendar_month(period))
        return numpy.where(household("gradual_exit", period), (begins + (months - 1)).astype("datetime64[D]"), NEVER)


def rounded_share(amount: Values, percent: int, rounding: Law) -> Values:
    """A share of what is paid now, rounded like any amount, and never more than it."""
    return numpy.minimum(rounded(amount * percent // 100, rounding.step, rounding.mode), amount)


LAW = (new_employment, gradual_exit_running, gradual_exit_may_begin, gradual_exit, gradual_exit_amount, gradual_exit_ends)
