"""The benefit programmes of elder care (养老津贴项目), declared as data."""

from __future__ import annotations

from shared.casework.programme import Disclosure, Programme

OLD_AGE_ALLOWANCE = Programme(
    code="old_age_allowance",
    name="高龄津贴",
    catalogue=("E01",),
    subject="person",
    on_application=False,
    begins="enrol_elder",
    review_months=0,  # what changes it is the birthday or a death, and both are told; no review is owed
    review_months_changing=0,
    public=Disclosure(
        recipient=("name", "amount_fen", "first_month"),
        totals=True,
        basis=("关于进一步加强惠民惠农财政补贴资金“一卡通”管理的指导意见（财办〔2020〕37号）：公开补贴对象和金额，保护个人隐私",),
    ),
)

# Excludes, and is excluded by, assistance's 重度残疾人护理补贴: what assistance announced is a fact of the elder that the rules look at,
# so it is not named in ``exclusive_with``, which looks at this service's own cases.
HARDSHIP_AGED_DISABLED_SUBSIDY = Programme(
    code="hardship_aged_disabled_subsidy",
    name="经济困难高龄失能老人补贴",
    catalogue=("E03", "W15"),
    subject="person",
    on_application=True,
    facts="hard_elder",
    review_months=12,
    public=Disclosure(  # a name beside it would tell of a disability: the name hangs on the village's board alone (docs/disclosure.md)
        proposal=("status",),
        level="town",
        totals=True,
        listed_as="养老服务补贴",
        basis=("养老服务补贴的审核意见在村（社区）公示栏张榜公示；网上只列公示编号和乡镇（街道），不列姓名、金额",),
    ),
)

PROGRAMMES: dict[str, Programme] = {p.code: p for p in (OLD_AGE_ALLOWANCE, HARDSHIP_AGED_DISABLED_SUBSIDY)}
FIRST_AGE = 80  # 周岁 for which an elder waits who was enrolled before his enrolment named the month; the rules have the figures
