"""低保：把一次评定说清楚 (the lines of an explanation), in the order in which a caseworker works it out."""

from __future__ import annotations

from services.assistance.rules.decision import REASONS, Reason
from shared.rules.explain import Working

_P = "minimum_living_allowance"

# Supplement categories: the variable that says a member belongs to it, what it is called, its percent.
_CATEGORIES = (
    ("is_old", "老年人", f"{_P}.supplement.old"),
    ("is_minor", "未成年人", f"{_P}.supplement.minor"),
    ("severely_disabled", "重度残疾人", f"{_P}.supplement.severely_disabled"),
    ("gravely_ill", "重病患者", f"{_P}.supplement.gravely_ill"),
)


def explain(work: Working) -> None:
    """Tell how the decision was reached."""
    tell_income(work)
    if work.value("single_person_case"):
        work.tell("单独申请人可核算月收入", work.value("protected_income"), "protected_income", f"{_P}.margin.percent")
    supported = sum(s and t for s, t in zip(work.each("supported_in_extreme_hardship"), work.each("living_together"), strict=True))
    if supported:
        work.tell(f"已纳入特困人员救助供养、不再计入保障人数的成员：{supported}人", None, "protected")
    tell_property(work)
    if work.value("meets_conditions"):
        _amount(work)
    elif work.value("gradual_exit"):
        _gradual_exit(work)
    elif work.value("single_person_case") == 0 and any(work.each("may_apply_alone")):
        work.tell(f"可单独提出申请的成员：{sum(work.each('may_apply_alone'))}人", None, "may_apply_alone", f"{_P}.margin.percent")
    work.tell(f"决定：{REASONS[work.value('minimum_living_reason')]}", work.value("minimum_living_amount"), "minimum_living_amount")


def tell_income(work: Working) -> None:
    """Who lives together, what comes in, and the standard it is measured by."""
    together = work.each("living_together")
    gross = sum(income for income, counts in zip(work.each("monthly_income"), together, strict=True) if counts)
    excluded = sum(income for income, counts in zip(work.each("excluded_income"), together, strict=True) if counts)
    work.tell(f"共同生活的家庭成员：{work.value('household_people')}人", None, "household_people")
    work.tell("家庭月收入（扣减前）", gross, "income_that_counts")
    if excluded:
        work.tell("不计入家庭收入", -excluded, "income_that_counts")
    costs = sum(work.each("employment_cost"))
    if costs:
        work.tell("就业成本扣减", -costs, "employment_cost", f"{_P}.employment_cost.percent", f"{_P}.employment_cost.ceiling")
    income, people = work.value("household_income"), work.value("household_people")
    work.tell("家庭可核算月收入", income, "household_income")
    if people:
        # For reading only: the decision compares totals, so this cut to whole fen decides nothing.
        work.tell("人均月收入（取整到分，仅供阅读）", income // people, "household_income")
    area = "rural" if work.value("rural") else "urban"
    work.tell(f"低保标准（{'农村' if area == 'rural' else '城市'}，每人每月）", work.value("standard"), "standard", f"{_P}.standard.{area}")


def tell_property(work: Working) -> None:
    """Limits are told only where something is held against them: nothing rests on a limit that no holding comes near."""
    held = f"{_P}.property"
    if work.value("financial_assets"):
        work.tell("金融资产", work.value("financial_assets"), "financial_assets")
        work.tell("金融资产限额", work.value("financial_assets_limit"), "financial_assets_limit", f"{held}.financial_assets_months")
    if work.value("securities"):
        work.tell("证券、基金限额", work.value("securities_limit"), "securities_limit", f"{held}.securities_months")
    if work.value("vehicles"):
        allowed = work.parameter(f"{held}.vehicles")
        work.tell(f"车辆：{work.value('vehicles')}辆，规定不超过{allowed}辆", None, "vehicles_within_limit", f"{held}.vehicles")
    if work.value("homes") > 1 or not work.value("homes_within_limit"):
        allowed = work.parameter(f"{held}.homes")
        work.tell(f"住房：{work.value('homes')}套，规定不超过{allowed}套", None, "homes_within_limit", f"{held}.homes")


def _amount(work: Working) -> None:
    if work.parameter(f"{_P}.bands.used"):
        bands = [f"{_P}.bands.{name}" for name in ("first.income_up_to", "second.income_up_to", "first.pays", "second.pays", "third.pays")]
        calculated = work.value("banded_amount")
        work.tell("分档保障金", calculated, "banded_amount", *bands)
    else:
        calculated = work.value("income_difference")
        work.tell(f"差额（标准减人均收入，乘以{work.value('protected_people')}人）", calculated, "income_difference")
    if work.value("basic_amount") != calculated:
        work.tell("按最低发放额", work.value("basic_amount"), "basic_amount", f"{_P}.minimum_payment")
    _supplements(work)
    before = work.value("basic_amount") + work.value("supplements")
    if work.value("calculated_amount") != before:
        work.tell("取整", work.value("calculated_amount") - before, "calculated_amount", f"{_P}.rounding.step", f"{_P}.rounding.mode")
    if work.value("single_person_case") and work.value("income_below_standard"):
        work.tell(REASONS[Reason.apply_as_household], None, "income_condition")


def _supplements(work: Working) -> None:
    supplements, percents = work.each("supplement"), work.each("supplement_percent")
    left = [bool(amount) for amount in supplements]
    for variable, name, parameter in _CATEGORIES:
        percent = work.parameter(parameter)
        belongs = work.each(variable)
        drawn = [i for i, open_ in enumerate(left) if open_ and belongs[i] and percents[i] == percent]
        for i in drawn:
            left[i] = False
        if drawn:
            total = sum(supplements[i] for i in drawn)
            work.tell(f"分类施保：{name}{len(drawn)}人，标准的{percent}%", total, "supplements", parameter)


def _gradual_exit(work: Working) -> None:
    law = f"{_P}.gradual_exit"
    names = [f"{law}.months"]
    if not work.value("gradual_exit_running"):
        names += [f"{law}.share_percent", f"{law}.needs_new_employment", f"{law}.new_employment_within"]
    work.tell(f"渐退期：{work.parameter(names[0])}个月", work.value("gradual_exit_amount"), "gradual_exit_amount", *names)
