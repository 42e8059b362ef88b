"""Who somebody is by our own books (在册情况): known or not, alive, of which class, with which certificate and self-care.

Asked before an act of care is taken in, so that nobody types over what is on file, and nobody is cared for who is in no register of ours or
has died. ``ground`` says in words what an order or a request rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance import determination, household, person, placement
from services.assistance.benefits import CASES
from services.assistance.programmes import EXTREME_HARDSHIP_SUPPORT
from services.assistance.referrals import NAMES
from shared.casework import benefit_case
from shared.domain import dates
from shared.domain.errors import Refused, invalid

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "": "类别不详", "visual": "视力", "hearing": "听力", "speech": "言语", "physical": "肢体", "intellectual": "智力", "mental": "精神",
        "multiple": "多重",
    }
)  # fmt: skip
GRADES = ("", "一级", "二级", "三级", "四级")


def known(office: Any, person_id: str) -> bool:
    """Whether a household counts or counted him, or he is registered by himself."""
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    own: person.Person = office.load(person.DECIDER, person_id).state
    return bool(place.household_id) or own.registered is not None


def died_on(office: Any, person_id: str) -> date | None:
    """The day on which he died, as far as we know."""
    own: person.Person = office.load(person.DECIDER, person_id).state
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    if own.died_on is not None or not place.household_id:
        return own.died_on
    home: household.Household = office.load(household.DECIDER, place.household_id).state
    return home.died.get(person_id)


def alive(office: Any, person_id: str, field: str) -> None:
    """Refuse somebody who has died."""
    if died_on(office, person_id) is not None:
        raise invalid("该人员已死亡，不能办理。", field)


def on_file(office: Any, person_id: str, field: str) -> None:
    """Refuse somebody who is in no register of ours, or has died."""
    if not known(office, person_id):
        raise Refused("unknown_person", "该人员不在本系统的家庭或人员登记中，请先登记。", field)
    alive(office, person_id, field)


def class_in(office: Any, person_id: str, month: str) -> tuple[str, str]:
    """The person's class (困难类别) in a month, and the unit that counts him."""
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    unit_id = place.home_in(month) or person_id
    unit: determination.Unit = office.load(determination.DECIDER, unit_id).state
    return determination.class_of(unit, person_id, month), unit_id


def certificate_in(office: Any, person_id: str, month: str) -> tuple[int, str]:
    """Grade and kind of a disability in a month, (0, "") = none: as the household has it, or by his own certificate."""
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    home: household.Household = office.load(household.DECIDER, place.home_in(month) or person_id).state
    if home.exists and person_id in home.members:
        there = household.person_in(home, person_id, month)
        return there.disability_grade, there.disability_kind
    held = person.facts_in(office.load(person.DECIDER, person_id).state, month).certificate
    over = held is None or (held.valid_until is not None and dates.month_of(held.valid_until) < month)
    return (0, "") if held is None or over else (held.grade, held.kind)


def lost_acts(office: Any, person_id: str, month: str) -> int:
    """How many of the six acts of self-care he has lost (自理能力), by the last finding."""
    return len(person.facts_in(office.load(person.DECIDER, person_id).state, month).lost_acts)


def born_on(office: Any, person_id: str) -> date | None:
    """As his own registration or his household has it."""
    own: person.Person = office.load(person.DECIDER, person_id).state
    if own.registered is not None:
        return own.registered.born_on
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    home: household.Household = office.load(household.DECIDER, place.household_id or person_id).state
    return home.members[person_id].born_on if person_id in home.members else None


def where(office: Any, person_id: str) -> str:
    """The division in which he is registered, by himself or with the household that has him, "" = we do not know him."""
    own: person.Person = office.load(person.DECIDER, person_id).state
    place: placement.Placement = office.load(placement.DECIDER, person_id).state
    if place.has_him and place.free_from is None:
        home: household.Household = office.load(household.DECIDER, place.has_him).state
        return home.division or place.division
    return own.division or place.division


def supported(office: Any, person_id: str) -> bool:
    """特困: support is in force."""
    case: benefit_case.Case = office.load(CASES, benefit_case.case_id(EXTREME_HARDSHIP_SUPPORT.code, person_id)).state
    return case.running


def extreme_hardship(office: Any, person_id: str, month: str) -> bool:
    """特困: determined for the month, granted, or asked for and not decided yet (the wish where to live is part of the application)."""
    case: benefit_case.Case = office.load(CASES, benefit_case.case_id(EXTREME_HARDSHIP_SUPPORT.code, person_id)).state
    return case.open or class_in(office, person_id, month)[0] == "extreme_hardship"


def ground(office: Any, person_id: str, month: str) -> str:
    """身份依据 in words: class, certificate and self-care of the month, as far as they are on file."""
    found = class_in(office, person_id, month)[0]
    grade, kind = certificate_in(office, person_id, month)
    lost = lost_acts(office, person_id, month)
    told = [
        f"困难类别：{NAMES[found]}" if found else "",
        f"残疾人证：{KINDS[kind]}{GRADES[grade]}" if grade else "",
        f"自理能力：丧失{lost}项" if lost else "",
    ]
    return "；".join(t for t in told if t) and f"{month}在册（{'；'.join(t for t in told if t)}）"


def joined(found: str, typed: str) -> str:
    """What is on file, and what was typed beside it."""
    return "；".join(t for t in (found, typed.strip()) if t)
