"""临时救助 (temporary assistance): one grant for one cause, to a household struck by an emergency or by spending it can not bear.

The emergency kind (急难型) asks for no means test; the expenditure kind (支出型) does, of households that are in no hardship class yet.
The grant is a multiple of the monthly 低保 standard for all who live together, by cause and class, never more (but for the rounding)
than what was lost. A year has a ceiling; above it only a deliberation (一事一议) goes. Who decides follows from the amount: the township
up to its own ceiling, then the county.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from services.assistance.rules.explanation import tell_property
from services.assistance.rules.households import must_be_of
from shared.rules.base import MONTH, Household, Law, Month, People, Rule, Values, numpy, outcome_of, rounded
from shared.rules.columns import Columns, temporary_columns
from shared.rules.explain import Working
from shared.rules.facts import CAUSES, HARDSHIP_CLASSES, TemporaryFacts
from shared.rules.package import Programme
from shared.rules.profile import Profile

NOTICE = "国务院关于全面建立临时救助制度的通知（国发〔2014〕47号）"
OPINION = "民政部、财政部关于进一步加强和改进临时救助工作的意见（民发〔2018〕23号）"
_P = "temporary_assistance"
_CAUSES = dict(zip(CAUSES, ("突发事件", "意外伤害", "重大疾病", "其他特殊困难"), strict=True))
_CLASSES = tuple(name or "none" for name in HARDSHIP_CLASSES)
_CLASS_NAMES = ("其他困难家庭", "低保", "特困", "低保边缘", "支出型", "低收入")
TOWNSHIP, COUNTY, DELIBERATION = 1, 2, 3


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    no_members = 1
    untrue = 11  # of a later release than those below: a number that was recorded keeps its meaning
    same_cause = 2
    class_not_covered = 3
    nothing_spent = 4
    property = 5
    income = 6
    ceiling_reached = 7
    deliberated = 8
    up_to_ceiling = 9
    granted = 10


REASONS: dict[int, str] = {
    Reason.no_members: "没有计入的共同生活家庭成员",
    Reason.untrue: "经核实，所称情况不属实",
    Reason.same_cause: "规定期限内已因同一事由获得临时救助，不重复救助",
    Reason.class_not_covered: "本区临时救助不包括此类家庭",
    Reason.nothing_spent: "没有自负的生活必需支出",
    Reason.property: "家庭财产状况不符合规定",
    Reason.income: "家庭人均收入不低于上年度当地居民人均可支配收入",
    Reason.ceiling_reached: "本年度临时救助已达限额，超出须经一事一议",
    Reason.deliberated: "超出限额，按一事一议确定的金额救助",
    Reason.up_to_ceiling: "符合临时救助条件，以本年度限额余额为止",
    Reason.granted: "符合临时救助条件",
}


class temporary_base(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "救助基数（低保月标准乘以共同生活人数）"
    reference = f"{NOTICE}（救助标准由地方规定）"

    def formula(household: People, period: Month) -> Values:
        return household("household_standard", period)


class temporary_class_percent(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "按困难类别发给的比例"
    reference = f"{NOTICE}（救助标准由地方规定）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).temporary_assistance.class_percent
        return numpy.array([law[name] for name in _CLASSES])[household("hardship_class", period)]


class temporary_by_cause(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "按事由和困难类别的救助标准"
    reference = f"{NOTICE}（救助标准由地方规定）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).temporary_assistance.multiple_percent
        percent = numpy.array([law[name] for name in CAUSES])[household("cause", period)]
        # Cut between the two percentages, so that the product of all three stays within 64 bits.
        return household("temporary_base", period) * percent // 100 * household("temporary_class_percent", period) // 100


class temporary_by_loss(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "以损失或自负支出为限"
    reference = f"{NOTICE}（救助标准由地方规定）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        percent = parameters(period).temporary_assistance.expenditure.percent
        loss = household("loss", period)
        # An emergency whose cost nobody knows yet is helped all the same: that is what it is for.
        unknown = numpy.where(loss > 0, loss, household("temporary_by_cause", period))
        return numpy.where(household("emergency", period), unknown, loss * percent // 100)


class temporary_calculated(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "按标准计算的救助金"
    reference = f"{NOTICE}（救助标准由地方规定）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        rounding = parameters(period).temporary_assistance.rounding
        due = numpy.minimum(household("temporary_by_cause", period), household("temporary_by_loss", period))
        return rounded(due, rounding.step, rounding.mode)


class temporary_room(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "本年度限额余额"
    reference = f"{OPINION}（最高限额、一事一议）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        ceiling = household("temporary_base", period) * parameters(period).temporary_assistance.ceiling.year_months
        return numpy.maximum(ceiling - household("given_this_year", period), 0)


class temporary_without_deliberation(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "不经一事一议的救助金"
    reference = f"{OPINION}（最高限额、一事一议）"

    def formula(household: People, period: Month) -> Values:
        return numpy.minimum(household("temporary_calculated", period), household("temporary_room", period))


class temporary_raised_by_deliberation(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "经一事一议提高"
    reference = f"{OPINION}（最高限额、一事一议）"

    def formula(household: People, period: Month) -> Values:
        return household("deliberated", period) > household("temporary_without_deliberation", period)


class temporary_means_condition(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "家庭经济状况符合规定（急难型和已认定的困难家庭不限）"
    reference = f"{OPINION}（对象范围：急难型、支出型）"

    def formula(household: People, period: Month) -> Values:
        poor = household("property_within_limits", period) & household("income_below_disposable", period)
        return household("emergency", period) | (household("hardship_class", period) > 0) | poor


class temporary_condition(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "符合临时救助条件"
    reference = f"{OPINION}（对象范围：急难型、支出型）"

    def formula(household: People, period: Month) -> Values:
        return (
            (household("household_people", period) > 0)
            & ~household("untrue", period)
            & ~household("same_cause", period)
            & (household("temporary_class_percent", period) > 0)
            & (household("emergency", period) | (household("loss", period) > 0))
            & household("temporary_means_condition", period)
        )


class temporary_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "决定的救助金"
    reference = f"{NOTICE}；{OPINION}"

    def formula(household: People, period: Month) -> Values:
        raised = household("temporary_raised_by_deliberation", period)
        amount = numpy.where(raised, household("deliberated", period), household("temporary_without_deliberation", period))
        return numpy.where(household("temporary_condition", period), amount, 0)


class temporary_within_township(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "在乡镇（街道）审批限额以内"
    reference = f"{NOTICE}（小额救助由乡镇、街道审批）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("temporary_amount", period) <= parameters(period).temporary_assistance.ceiling.township


class temporary_decided_by(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "由谁决定（1 乡镇街道，2 县级民政部门，3 一事一议）"
    reference = f"{NOTICE}（小额救助由乡镇、街道审批）；{OPINION}（一事一议）"

    def formula(household: People, period: Month) -> Values:
        by_amount = numpy.where(household("temporary_within_township", period), TOWNSHIP, COUNTY)
        return numpy.where(household("temporary_raised_by_deliberation", period), DELIBERATION, by_amount)


class temporary_outcome(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定结果"
    reference = f"{NOTICE}；{OPINION}"

    def formula(household: People, period: Month) -> Values:
        amount = household("temporary_amount", period)
        return outcome_of(amount > 0, amount, amount * 0)


class temporary_reason(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定理由"
    reference = f"{NOTICE}；{OPINION}"

    def formula(household: People, period: Month) -> Values:
        means_fail, normal = ~household("temporary_means_condition", period), household("temporary_without_deliberation", period)
        why: list[tuple[Values, Reason]] = [
            (household("household_people", period) == 0, Reason.no_members),
            (household("untrue", period), Reason.untrue),
            (household("same_cause", period), Reason.same_cause),
            (household("temporary_class_percent", period) == 0, Reason.class_not_covered),
            (~household("emergency", period) & (household("loss", period) == 0), Reason.nothing_spent),
            (means_fail & ~household("property_within_limits", period), Reason.property),
            (means_fail, Reason.income),
            (household("temporary_raised_by_deliberation", period), Reason.deliberated),
            (normal == 0, Reason.ceiling_reached),
            (normal < household("temporary_calculated", period), Reason.up_to_ceiling),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.granted)


_DECIDED_BY = {
    TOWNSHIP: "由乡镇（街道）决定",
    COUNTY: "超过乡镇（街道）审批限额，由县级民政部门决定",
    DELIBERATION: "经一事一议，由县级民政部门决定",
}


def _explain(work: Working) -> None:
    area = "rural" if work.value("rural") else "urban"
    cause, its_class = CAUSES[work.value("cause")], work.value("hardship_class")
    kind = "急难型" if work.value("emergency") else "支出型"
    work.tell(f"{kind}，事由：{_CAUSES[cause]}", None, "temporary_means_condition")
    if not work.value("emergency") and not its_class:
        tell_property(work)
        work.tell("家庭可核算月收入", work.value("household_income"), "household_income")
        limit = f"expenditure_based_hardship.disposable_income.{area}"
        work.tell("上年度人均可支配收入乘以人数（全年）", work.value("disposable_income_limit"), "disposable_income_limit", limit)
    people = f"低保月标准乘以{work.value('household_people')}人"
    work.tell(people, work.value("temporary_base"), "temporary_base", f"minimum_living_allowance.standard.{area}")
    names = (f"{_P}.multiple_percent.{cause}", f"{_P}.class_percent.{_CLASSES[its_class]}")
    multiple, share = (work.parameter(name) for name in names)
    label = f"标准的{multiple}%，{_CLASS_NAMES[its_class]}按{share}%"
    work.tell(label, work.value("temporary_by_cause"), "temporary_by_cause", *names)
    if work.value("loss"):
        if work.value("emergency"):
            work.tell("以损失为限", work.value("temporary_by_loss"), "temporary_by_loss")
        else:
            part = f"自负支出的{work.parameter(f'{_P}.expenditure.percent')}%为限"
            work.tell(part, work.value("temporary_by_loss"), "temporary_by_loss", f"{_P}.expenditure.percent")
    calculated, amount = work.value("temporary_calculated"), work.value("temporary_amount")
    work.tell("按标准计算（取整后）", calculated, "temporary_calculated", f"{_P}.rounding.step", f"{_P}.rounding.mode")
    if work.value("given_this_year") or work.value("temporary_room") < calculated:
        work.tell("本年度已获临时救助", work.value("given_this_year"), "temporary_room")
        work.tell("本年度限额余额", work.value("temporary_room"), "temporary_room", f"{_P}.ceiling.year_months")
    if work.value("deliberated"):
        work.tell("一事一议确定的金额", work.value("deliberated"), "temporary_raised_by_deliberation")
    if amount:
        work.tell(_DECIDED_BY[work.value("temporary_decided_by")], None, "temporary_decided_by", f"{_P}.ceiling.township")
    work.tell(f"决定：{REASONS[work.value('temporary_reason')]}", amount, "temporary_amount")


def _columns(cases: Sequence[TemporaryFacts], profile: Profile) -> Columns:
    must_be_of(profile, ((case.household.household_id, case.household.division) for case in cases))
    return temporary_columns(cases)


LAW = (
    temporary_base,
    temporary_class_percent,
    temporary_by_cause,
    temporary_by_loss,
    temporary_calculated,
    temporary_room,
    temporary_without_deliberation,
    temporary_raised_by_deliberation,
    temporary_means_condition,
    temporary_condition,
    temporary_amount,
    temporary_within_township,
    temporary_decided_by,
    temporary_outcome,
    temporary_reason,
)

PROGRAMMES = (
    Programme(
        id=_P,
        title="临时救助",
        facts=TemporaryFacts,
        subject=lambda facts: facts.household.household_id,
        columns=_columns,
        outcome="temporary_outcome",
        amount="temporary_amount",
        reason="temporary_reason",
        reasons=REASONS,
        explain=_explain,
        stop_after_death=f"{_P}.death.stops_after_months",
        pays="once",
        draws_on=(
            "minimum_living_allowance.standard",
            "minimum_living_allowance.employment_cost",
            "minimum_living_allowance.property",
            "expenditure_based_hardship.disposable_income",
        ),
    ),
)
