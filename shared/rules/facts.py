"""The facts a decision is made from: plain, frozen, free of names. Money is integer fen (分) a month.

A fact is what was found, not what follows from it: nobody passes "is eligible" or "is old". Whoever
gathers the facts has already turned the resident ID into a pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

URBAN, RURAL = "urban", "rural"
AREAS = (URBAN, RURAL)

# 残疾类别 (GB/T 26341). Grade 3 is severe for the intellectual and the mental kind only.
DISABILITY_KINDS = ("", "visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple")


@dataclass(frozen=True)
class PersonFacts:
    """One member of a household, or one person who draws a benefit of his own.

    monthly_income_fen is the gross income of all kinds; excluded_income_fen (不计入收入: 优抚, 奖学金, 见义勇为 …) is the
    part OF IT that does not count, so it is never larger. newly_employed_on is the day of the newest job, if it is
    known. counted is False for a person whom the law leaves out of the household (in prison, declared missing …). extreme_hardship:
    supported as 特困 in the month, and therefore not protected by the household's 低保.
    """

    person_id: str
    born_on: date
    monthly_income_fen: int = 0
    excluded_income_fen: int = 0
    employed: bool = False
    newly_employed_on: date | None = None
    disability_grade: int = 0
    disability_kind: str = ""
    gravely_ill: bool = False
    student: bool = False
    counted: bool = True
    extreme_hardship: bool = False


@dataclass(frozen=True)
class HouseholdFacts:
    """A household living together (共同生活家庭), all of whose members are listed, counted or not.

    gradual_exit_since: first month of a gradual exit (渐退) now running. current_amount_fen: what is paid a month now,
    0 when nothing is in force. applies_alone: person_id of a member who applies, or is supported, alone (单人保).
    """

    household_id: str
    division: str
    area: str = URBAN
    members: tuple[PersonFacts, ...] = ()
    savings_fen: int = 0
    securities_fen: int = 0
    vehicles: int = 0
    homes: int = 1
    gradual_exit_since: date | None = None
    current_amount_fen: int = 0
    applies_alone: str = ""


@dataclass(frozen=True)
class BeneficiaryFacts:
    """A person who draws a benefit by himself: where his registration (户籍) is, and what he is paid a month now."""

    person: PersonFacts
    division: str
    current_amount_fen: int = 0


SELF_CARE_ACTS = ("eat", "dress", "bed", "toilet", "walk", "bathe")  # 自理能力六项: 吃饭、穿衣、上下床、如厕、室内行走、洗澡
SPENDING_KINDS = ("medical", "education", "care", "disability", "accident", "other")  # 医疗、教育、照料、残疾、意外、其他
CAUSES = ("sudden_event", "accident", "grave_illness", "other")  # 突发事件、意外伤害、重大疾病、其他特殊困难
KINDS = ("emergency", "expenditure")  # 急难型、支出型
PLACEMENTS = ("dispersed", "central")  # 分散供养、集中供养
# What else a person may draw that the disability subsidies look at (see their exclusion tables): 孤儿基本生活费、特困照料护理费、
# 经济困难高龄失能老人补贴、工伤保险生活护理费. The first and third bear the catalogue's identifiers; other codes are without consequence.
EXCLUDING_BENEFITS = ("orphan_allowance", "extreme_hardship_care", "hardship_aged_disabled_subsidy", "work_injury_care")
# 低保、特困、低保边缘、支出型、低收入
HARDSHIP_CLASSES = ("", "minimum_living", "extreme_hardship", "margin", "expenditure", "low_income")
# What assistance pays that elder care's subsidy for the old and disabled looks at: 重度残疾人护理补贴, by the catalogue's identifier.
ELDER_EXCLUDING_BENEFITS = ("severe_disability_care_subsidy",)


@dataclass(frozen=True)
class Spending:
    """Essential spending (刚性支出) of a household in the last 12 months: ``self_borne_fen`` after insurance and other aid."""

    kind: str  # one of SPENDING_KINDS
    self_borne_fen: int


@dataclass(frozen=True)
class ExpenditureFacts:
    """支出型困难家庭: a household and what it had to spend in the last 12 months."""

    household: HouseholdFacts
    spending: tuple[Spending, ...] = ()


@dataclass(frozen=True)
class ExtremeHardshipFacts:
    """特困人员: one person. ``able_supporter``: somebody with a duty of support (法定赡养、抚养、扶养义务人) is able to fulfil it.

    lost_acts: which of ``SELF_CARE_ACTS`` the person can not do alone. placement: "central" (集中) or "dispersed" (分散), by the
    person's wish.
    """

    person: PersonFacts
    division: str
    area: str = URBAN
    able_supporter: bool = False
    able_to_work: bool = False
    savings_fen: int = 0
    lost_acts: tuple[str, ...] = ()
    placement: str = "dispersed"
    current_amount_fen: int = 0


@dataclass(frozen=True)
class TemporaryFacts:
    """临时救助: one grant for one cause. kind: "emergency" (急难型) or "expenditure" (支出型).

    loss_fen: what the emergency cost, or was spent and self-borne. given_this_year_fen: temporary assistance the household got in this
    year. deliberated_fen: what a deliberation (一事一议) raised the grant to, 0 = none. same_cause: a grant for the same cause lies
    within the period in which it may not be repeated. untrue: it was verified that what was claimed is not so (不属实)."""

    household: HouseholdFacts
    kind: str = "emergency"
    cause: str = "other"  # one of CAUSES
    loss_fen: int = 0
    hardship_class: str = ""
    given_this_year_fen: int = 0
    deliberated_fen: int = 0
    same_cause: bool = False
    untrue: bool = False


@dataclass(frozen=True)
class DisabilityFacts:
    """残疾人两项补贴: one disabled person. division: where the registration (户籍) is, wherever the application was made.

    other_benefits: codes of what else the person draws that month; those of ``EXCLUDING_BENEFITS`` count. certificate_until: last day of
    the disability certificate, None when it does not end. applied_on: day of the application, from whose month on the subsidy is
    counted; None when it is not in question (a review).
    """

    person: PersonFacts
    division: str
    hardship_class: str = ""
    long_term_care: bool = False
    other_benefits: tuple[str, ...] = ()
    certificate_until: date | None = None
    current_amount_fen: int = 0
    applied_on: date | None = None


@dataclass(frozen=True)
class HardElderFacts:
    """经济困难高龄失能老人补贴: one old person. ability_grade: 能力等级 (GB/T 42195), 0 able or not assessed, 1 slightly, 2 moderately,
    3 severely, 4 wholly disabled (失能). other_benefits: codes of what else the person draws; those of ``ELDER_EXCLUDING_BENEFITS`` count.
    """

    person: PersonFacts
    division: str
    hardship_class: str = ""
    ability_grade: int = 0
    other_benefits: tuple[str, ...] = ()
    current_amount_fen: int = 0


@dataclass(frozen=True)
class PriceFacts:
    """价格临时补贴: a household or person in register in the month, and its index: changes against a year before in basis points.

    persons: how many of them are covered. area: whose standard the amount is reckoned from. current_amount_fen: what is paid a month now.
    """

    subject_id: str
    division: str
    persons: int
    hardship_class: str
    cpi_bp: int
    food_bp: int
    area: str = URBAN
    current_amount_fen: int = 0


def births(facts: Any) -> tuple[date, ...]:
    """The birthdays of everybody whom the facts of a programme are about."""
    if isinstance(facts, HouseholdFacts):
        return tuple(m.born_on for m in facts.members)
    if isinstance(facts, ExpenditureFacts | TemporaryFacts):
        return births(facts.household)
    person = getattr(facts, "person", None)
    return (person.born_on,) if isinstance(person, PersonFacts) else ()
