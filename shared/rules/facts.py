"""The facts a decision is made from: plain, frozen, free of names. Money is integer fen (分) a month.

A fact is what was found, not what follows from it: nobody passes "is eligible" or "is old". Whoever
gathers the facts has already turned the resident ID into a pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

URBAN, RURAL = "urban", "rural"
AREAS = (URBAN, RURAL)

# 残疾类别 (GB/T 26341). Grade 3 is severe for the intellectual and the mental kind only.
DISABILITY_KINDS = ("", "visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple")


@dataclass(frozen=True)
class PersonFacts:
    """One member of a household, or one person who draws a benefit of his own.

    monthly_income_fen is the gross income of all kinds; excluded_income_fen (不计入收入: 优抚, 奖学金, 见义勇为 …) is the
    part OF IT that does not count, so it is never larger. newly_employed_on is the day of the newest job, if it is
    known. counted is False for a person whom the law leaves out of the household (in prison, declared missing …).
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
