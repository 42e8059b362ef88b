"""Risk flags (风险提示) of who stands in the register of low-income persons: what follows from the facts of a month by itself.

Nobody types a flag: these follow from the facts of persons and households here, those of clues, re-verifications and claims from the
rows of what is open (``rows/register.py``). A flag decides nothing; it says where somebody should look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain import dates
from shared.rules.facts import PersonFacts

SEVERE = 2  # 重度: grade one and two, and three of the intellectual and the mental kind
SEVERE_AT_THREE = ("intellectual", "mental")
ELDER_FROM = 60  # 老年人权益保障法第二条


@dataclass(frozen=True)
class Flag:
    """``flag``: open_clue, reverification_difference, claim_open, severe_disability, self_care_lost, elder_alone, dangerous_house.
    ``person_id`` "" = of the household. ``detail``: a code that says more; ``reference``: the record, case or claim in which
    it can be read."""

    flag: str
    person_id: str = ""
    detail: str = ""
    reference: str = ""


def severe(grade: int, kind: str) -> bool:
    """Whether a certificate says 重度."""
    return 0 < grade <= SEVERE or (grade == SEVERE + 1 and kind in SEVERE_AT_THREE)


def of_facts(there: Sequence[PersonFacts], lost_acts: dict[str, tuple[str, ...]], in_institution: set[str], month: str) -> Iterator[Flag]:
    """Flags of those who live together in a month. ``lost_acts``: self-care acts that a person has lost (生活自理能力)."""
    for one in there:
        if severe(one.disability_grade, one.disability_kind):
            yield Flag("severe_disability", one.person_id, one.disability_kind)
        if lost_acts.get(one.person_id):
            yield Flag("self_care_lost", one.person_id, str(len(lost_acts[one.person_id])))
    if len(there) == 1 and there[0].person_id not in in_institution and is_elder(there[0].born_on, month):
        yield Flag("elder_alone", there[0].person_id)


def is_elder(born_on: date, month: str) -> bool:
    """Whether somebody is of the age by the end of the month."""
    return dates.month_of(born_on) <= dates.add_months(month, -12 * ELDER_FROM)
