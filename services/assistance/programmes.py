"""The benefit programmes of assistance (社会救助项目), declared as data: what is here is a programme, there is no list elsewhere.

A programme is this declaration, one rules file and its parameters; docs/adding-a-programme.md walks through one. ``add`` takes one in
at run time.
"""

from __future__ import annotations

from shared.casework.programme import Programme

MINIMUM_LIVING_ALLOWANCE = Programme(
    code="minimum_living_allowance",
    name="最低生活保障",
    catalogue=("A02", "A09", "A10", "A11"),
    subject="household",
    on_application=True,
    authorisation=True,
    means_test=True,
    publicity_days=7,
    confirm_days=10,
)

MINIMUM_LIVING_MARGIN_HOUSEHOLD = Programme(
    code="minimum_living_margin_household",
    name="最低生活保障边缘家庭",
    catalogue=("A04",),
    subject="household",
    on_application=True,
    authorisation=True,
    means_test=True,
    payment="none",
    review_months=12,
    exclusive_with=("minimum_living_allowance",),
)

LOW_INCOME_HOUSEHOLD = Programme(
    code="low_income_household",
    name="低收入家庭",
    catalogue=("A05",),
    subject="household",
    on_application=True,
    authorisation=True,
    means_test=True,
    payment="none",
    review_months=12,
    exclusive_with=("minimum_living_allowance", "minimum_living_margin_household"),
)

EXPENDITURE_BASED_HARDSHIP = Programme(
    code="expenditure_based_hardship",
    name="支出型困难家庭",
    catalogue=("A06",),
    subject="household",
    on_application=True,
    authorisation=True,
    means_test=True,
    facts="expenditure",
    review_months=12,
    exclusive_with=("minimum_living_allowance", "minimum_living_margin_household", "low_income_household"),
)

EXTREME_HARDSHIP_SUPPORT = Programme(
    code="extreme_hardship_support",
    name="特困人员救助供养",
    catalogue=("A13",),
    subject="person",
    on_application=True,
    authorisation=True,
    means_test=True,
    facts="extreme_hardship",
    review_months=12,
)

DISABLED_LIVING_SUBSIDY = Programme(
    code="disabled_living_subsidy",
    name="困难残疾人生活补贴",
    catalogue=("A73", "A75", "A77", "A80"),
    subject="person",
    on_application=True,
    survey=False,
    publicity=False,
    first_month="of_application",
    facts="disability",
    review_months=12,
)

SEVERE_DISABILITY_CARE_SUBSIDY = Programme(
    code="severe_disability_care_subsidy",
    name="重度残疾人护理补贴",
    catalogue=("A74", "A75", "A77", "A80"),
    subject="person",
    on_application=True,
    survey=False,
    publicity=False,
    first_month="of_application",
    facts="disability",
    review_months=12,
)

# Applied for, approved and released in ``temporary.py``; what is to be paid of it becomes a case of this programme.
TEMPORARY_ASSISTANCE = Programme(
    code="temporary_assistance",
    name="临时救助",
    catalogue=("A20",),
    subject="household",
    on_application=False,
    payment="once",
    first_month="of_decision",
    facts="temporary",
    publicity_days=3,
)

# Granted to whoever stands in the register of the month, by ``price_linkage.py``.
PRICE_LINKED_TEMPORARY_SUBSIDY = Programme(
    code="price_linked_temporary_subsidy",
    name="价格临时补贴",
    catalogue=("A29",),
    subject="household",
    on_application=False,
    payment="once",
    first_month="of_decision",
    facts="price",
)

# 两项补贴: any township of the district takes the application in; it is decided where the person is registered (跨乡镇、跨省通办).
APPLIED_FOR_ANYWHERE = frozenset({DISABLED_LIVING_SUBSIDY.code, SEVERE_DISABILITY_CARE_SUBSIDY.code})

PROGRAMMES: dict[str, Programme] = {p.code: p for p in list(vars().values()) if isinstance(p, Programme)}


def add(programme: Programme) -> Programme:
    """Take in a programme at run time, once; its rules go to ``rules.add``. A code that is taken is a mistake."""
    if PROGRAMMES.setdefault(programme.code, programme) != programme:
        raise ValueError(f"programme {programme.code} is declared already")
    return programme
