"""价格临时补贴 (price-linked temporary subsidy): paid for each person in register in a month in which prices have risen enough.

Triggered when the consumer price index or its food part has risen by the district's threshold against a year before; ends when neither
holds. The amount per person is the 低保 standard times the rise of the index, not below a least amount; or a fixed sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from services.assistance.rules.households import must_be_of
from shared.domain.money import yuan
from shared.rules.assessment import Outcome
from shared.rules.base import MONTH, Household, Law, Month, People, Rule, Values, numpy, outcome_of, rounded
from shared.rules.columns import Columns, price_columns
from shared.rules.explain import Working
from shared.rules.facts import HARDSHIP_CLASSES, PriceFacts
from shared.rules.package import Programme
from shared.rules.profile import Profile

LINKAGE = "国家发展改革委等关于进一步健全社会救助和保障标准与物价上涨挂钩联动机制的通知（发改价格〔2021〕1553号）"
_P = "price_linked_temporary_subsidy"
_CLASS_NAMES = ("无", "低保", "特困", "低保边缘", "支出型", "低收入")


class Reason(IntEnum):
    """Why the decision is as it is; the first that applies, in the order below."""

    nobody = 1
    not_covered = 2
    not_triggered = 3
    over = 4
    same_amount = 5
    more = 6
    less = 7
    triggered_by_index = 8
    triggered_by_food = 9


REASONS: dict[int, str] = {
    Reason.nobody: "本月没有在册保障人员",
    Reason.not_covered: "不属于价格临时补贴的保障对象",
    Reason.not_triggered: "价格涨幅未达到启动条件",
    Reason.over: "价格涨幅不再达到启动条件，停发",
    Reason.same_amount: "继续达到启动条件，金额不变",
    Reason.more: "继续达到启动条件，金额提高",
    Reason.less: "继续达到启动条件，金额降低",
    Reason.triggered_by_index: "居民消费价格指数涨幅达到启动条件",
    Reason.triggered_by_food: "食品价格涨幅达到启动条件",
}


class price_triggered_by_index(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "居民消费价格指数同比涨幅达到启动条件"
    reference = f"{LINKAGE}（启动条件）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("cpi_change", period) >= parameters(period).price_linked_temporary_subsidy.trigger.cpi


class price_triggered_by_food(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "食品价格同比涨幅达到启动条件"
    reference = f"{LINKAGE}（启动条件）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        return household("food_change", period) >= parameters(period).price_linked_temporary_subsidy.trigger.food


class price_triggered(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "联动机制启动（任一条件达到；都不达到即停）"
    reference = f"{LINKAGE}（启动条件、中止条件）"

    def formula(household: People, period: Month) -> Values:
        return household("price_triggered_by_index", period) | household("price_triggered_by_food", period)


class price_class_covered(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "属于价格临时补贴保障对象"
    reference = f"{LINKAGE}（保障对象）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        covered = parameters(period).price_linked_temporary_subsidy.classes
        flags = numpy.array([False, *(bool(covered[name]) for name in HARDSHIP_CLASSES[1:])])
        return flags[household("hardship_class", period)]


class price_subsidy_each(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "每人每月补贴标准"
    reference = f"{LINKAGE}（补贴标准）"

    def formula(household: People, period: Month, parameters: Law) -> Values:
        law = parameters(period).price_linked_temporary_subsidy
        # Triggered by food alone the index may even have fallen: then nothing comes of the formula, and the least amount is paid.
        by_index = household("standard", period) * numpy.maximum(household("cpi_change", period), 0) // 10_000
        linked = rounded(numpy.maximum(by_index, law.amount.least), law.rounding.step, law.rounding.mode)
        return numpy.where(law.amount.by_standard, linked, law.amount.fixed)


class price_subsidy_due(Rule):
    value_type = bool
    entity = Household
    definition_period = MONTH
    label = "应发价格临时补贴"
    reference = f"{LINKAGE}（保障对象、启动条件）"

    def formula(household: People, period: Month) -> Values:
        return (household("covered_persons", period) > 0) & household("price_class_covered", period) & household("price_triggered", period)


class price_subsidy_amount(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    unit = "fen"
    label = "当月价格临时补贴"
    reference = f"{LINKAGE}（补贴标准）"

    def formula(household: People, period: Month) -> Values:
        amount = household("price_subsidy_each", period) * household("covered_persons", period)
        return numpy.where(household("price_subsidy_due", period), amount, 0)


class price_subsidy_outcome(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定结果"
    reference = f"{LINKAGE}（启动条件、中止条件）"

    def formula(household: People, period: Month) -> Values:
        amount, now = household("price_subsidy_amount", period), household("current_amount", period)
        return outcome_of(household("price_subsidy_due", period), amount, now)


class price_subsidy_reason(Rule):
    value_type = int
    entity = Household
    definition_period = MONTH
    label = "决定理由"
    reference = f"{LINKAGE}（启动条件、中止条件）"

    def formula(household: People, period: Month) -> Values:
        outcome, triggered = household("price_subsidy_outcome", period), household("price_triggered", period)
        why: list[tuple[Values, Reason]] = [
            (household("covered_persons", period) == 0, Reason.nobody),
            (~household("price_class_covered", period), Reason.not_covered),
            (~triggered & (outcome == Outcome.ended), Reason.over),
            (~triggered, Reason.not_triggered),
            (outcome == Outcome.unchanged, Reason.same_amount),
            (outcome == Outcome.raised, Reason.more),
            (outcome == Outcome.lowered, Reason.less),
            (household("price_triggered_by_index", period), Reason.triggered_by_index),
        ]
        return numpy.select([condition for condition, _ in why], [reason for _, reason in why], Reason.triggered_by_food)


def _percent(basis_points: int) -> str:
    sign, rest = ("-" if basis_points < 0 else ""), abs(basis_points)
    return f"{sign}{rest // 100}.{rest % 100:02d}%"


def _explain(work: Working) -> None:
    its_class = work.value("hardship_class")
    covers = (f"{_P}.classes.{HARDSHIP_CLASSES[its_class]}",) if its_class else ()
    work.tell(f"困难类别：{_CLASS_NAMES[its_class]}；在册{work.value('covered_persons')}人", None, "price_class_covered", *covers)
    for what, change, variable, name in (
        ("居民消费价格指数", "cpi_change", "price_triggered_by_index", f"{_P}.trigger.cpi"),
        ("食品价格", "food_change", "price_triggered_by_food", f"{_P}.trigger.food"),
    ):
        reached = "达到" if work.value(variable) else "未达到"
        label = f"{what}同比涨幅{_percent(work.value(change))}，{reached}启动条件{_percent(work.parameter(name))}"
        work.tell(label, None, variable, name)
    if work.value("price_subsidy_due"):
        names = [f"{_P}.amount.by_standard"]
        if work.parameter(names[0]):
            area = "rural" if work.value("rural") else "urban"
            names += [f"minimum_living_allowance.standard.{area}", f"{_P}.amount.least", f"{_P}.rounding.step", f"{_P}.rounding.mode"]
            label = f"每人每月（低保标准乘以涨幅，不低于{yuan(work.parameter(f'{_P}.amount.least'))}）"
        else:
            names.append(f"{_P}.amount.fixed")
            label = "每人每月（定额）"
        work.tell(label, work.value("price_subsidy_each"), "price_subsidy_each", *names)
    work.tell(f"决定：{REASONS[work.value('price_subsidy_reason')]}", work.value("price_subsidy_amount"), "price_subsidy_amount")


def _columns(cases: Sequence[PriceFacts], profile: Profile) -> Columns:
    must_be_of(profile, ((case.subject_id, case.division) for case in cases))
    return price_columns(cases)


LAW = (
    price_triggered_by_index,
    price_triggered_by_food,
    price_triggered,
    price_class_covered,
    price_subsidy_each,
    price_subsidy_due,
    price_subsidy_amount,
    price_subsidy_outcome,
    price_subsidy_reason,
)

PROGRAMMES = (
    Programme(
        id=_P,
        title="价格临时补贴",
        facts=PriceFacts,
        subject=lambda facts: facts.subject_id,
        columns=_columns,
        outcome="price_subsidy_outcome",
        amount="price_subsidy_amount",
        reason="price_subsidy_reason",
        reasons=REASONS,
        explain=_explain,
        stop_after_death=f"{_P}.death.stops_after_months",
        draws_on=("minimum_living_allowance.standard",),
    ),
)
