"""The benefit programmes of assistance (社会救助项目), declared as data: what is here is a programme, there is no list elsewhere.

A programme is this declaration, one rules file and its parameters; docs/adding-a-programme.md walks through one. ``add`` takes one in
at run time.
"""

from __future__ import annotations

from shared.casework.programme import Disclosure, Programme

# What is public of each (阳光公开) is declared with the programme; docs/disclosure.md shows it in one table. Rule of thumb: where the
# law has the list hung out in the village, the masked name of the applicant is listed; where being listed would tell of a disability,
# nobody is, and only the district's figures are public.
ASSISTANCE_ACT = "社会救助暂行办法（国务院令第649号）第十一条：初审意见在申请人所在村、社区公示，批准后在申请人所在村、社区公布"

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
    pay_by_day=10,  # placeholder: 每月10日前发放到户
    public=Disclosure(
        proposal=("name", "members", "area", "amount_fen"),
        recipient=("name", "members", "area", "amount_fen", "first_month", "status"),
        totals=True,
        basis=(ASSISTANCE_ACT, "最低生活保障审核确认办法（民发〔2021〕57号）：公示期七日"),
    ),
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
    public=Disclosure(  # confirmed without money: publicised before, not listed afterwards
        proposal=("name", "members"),
        totals=True,
        basis=("低保边缘家庭的认定参照最低生活保障审核确认程序公示",),
    ),
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
    public=Disclosure(
        proposal=("name", "members"),
        totals=True,
        basis=("低收入家庭的认定参照最低生活保障审核确认程序公示",),
    ),
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
    public=Disclosure(  # that it rests on an illness must not be guessed from an amount
        proposal=("name", "members"),
        totals=True,
        basis=("支出型困难家庭的认定参照最低生活保障审核确认程序公示",),
    ),
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
    pay_by_day=10,  # placeholder, as 低保
    public=Disclosure(  # no amount: the care part of it follows from the grade of self-care, and so would tell it beside the name
        proposal=("name", "area"),
        recipient=("name", "area", "first_month", "status"),
        totals=True,
        basis=("特困人员认定办法（民发〔2021〕43号）：审核意见在村（社区）公示，期限七日；未成年人不公开姓名",),
    ),
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
    pay_by_day=15,  # placeholder: 残疾人两项补贴按月发放，日期由区县规定
    public=Disclosure(level="town", totals=True),  # being listed would tell of a disability
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
    pay_by_day=15,  # placeholder: 残疾人两项补贴按月发放，日期由区县规定
    public=Disclosure(level="town", totals=True),  # being listed would tell of a disability
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
    begins="apply_temporary",
    publicity_days=3,
    public=Disclosure(  # the kind after spending alone is publicised; in an emergency help does not wait for it
        proposal=("name", "members", "amount_fen"),
        recipient=("name", "amount_fen", "first_month"),
        level="town",
        listed_days=90,
        basis=("社会救助暂行办法（国务院令第649号）：临时救助经审核、公示后审批",),
    ),
)

# Granted to whoever stands in the register of the month, by ``price_linkage.py``. Nobody is listed: who gets it is who is listed already.
PRICE_LINKED_TEMPORARY_SUBSIDY = Programme(
    code="price_linked_temporary_subsidy",
    name="价格临时补贴",
    catalogue=("A29",),
    subject="household",
    on_application=False,
    payment="once",
    first_month="of_decision",
    facts="price",
    begins="trigger_price_linkage",
)

# 两项补贴: any township of the district takes the application in; it is decided where the person is registered (跨乡镇、跨省通办).
APPLIED_FOR_ANYWHERE = frozenset({DISABLED_LIVING_SUBSIDY.code, SEVERE_DISABILITY_CARE_SUBSIDY.code})

PROGRAMMES: dict[str, Programme] = {p.code: p for p in list(vars().values()) if isinstance(p, Programme)}


def add(programme: Programme) -> Programme:
    """Take in a programme at run time, once; its rules go to ``rules.add``. A code that is taken is a mistake."""
    if PROGRAMMES.setdefault(programme.code, programme) != programme:
        raise ValueError(f"programme {programme.code} is declared already")
    return programme
