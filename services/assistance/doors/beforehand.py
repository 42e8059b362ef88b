"""What is looked at before an act of a declared programme (先行核对): where more than the record itself has a say, the act is refused here.

``with_shapes(before=BEFORE)`` asks for each. What is checked is what our own books say; about somebody who is in none of them they say
nothing, and the claim rests on the paper that the form names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.assistance import care_places, determination, error_ledger, household, person, placement
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.care import SEVERE_DISABILITY_HARDSHIP_CARE
from services.assistance.doors.windows import DISPERSED, dispersed, reviewed_first
from services.assistance.read_model import MODEL
from services.assistance.risk_flags import severe
from shared.casework import handoff, inspection, service_order
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Order
from shared.messaging.showing import all_seen

# 托养对象类别 -> the hardship classes (困难类别) that it claims; a margin household is one of low income. 计划生育特殊家庭 is no class of
# ours: its certificate is 卫健's.
CLAIMED = {"minimum_living_allowance": ("minimum_living",), "low_income": ("low_income", "margin")}


def entrusted_as_claimed(service: Any, order: Order[care_places.RequestEntrustedCare]) -> None:
    """托养申请: the class is the one determined for this month, of a rural household where it is 低保, and the person is certified."""
    c = order.command
    claimed = CLAIMED.get(c.care_class)
    if claimed is None or not _known(service, c.person_id):
        return
    month = dates.month_of(order.today)
    found, home_id = _class(service, c.person_id, month)
    if found not in claimed:
        raise invalid("与该人员本月的困难类别认定不一致。", "care_class")
    home: household.Household = service.office.load(household.DECIDER, home_id).state
    if found == "minimum_living" and home.area != "rural":
        raise invalid("该家庭不是农村低保家庭。", "care_class")
    if not _certified(service, c.person_id, month)[0]:
        raise invalid("该人员没有有效的残疾人证。", "person_id")


def severe_and_in_hardship(service: Any, order: Order[service_order.OrderService]) -> None:
    """困难重度残疾人照护: hardship (any class) and severe disability, both of this month."""
    c = order.command
    if c.programme != SEVERE_DISABILITY_HARDSHIP_CARE.code or not _known(service, c.subject_id):
        return
    month = dates.month_of(order.today)
    if not _class(service, c.subject_id, month)[0]:
        raise invalid("该人员本月没有困难类别认定。", "subject_id")
    if not severe(*_certified(service, c.subject_id, month)):
        raise invalid("该人员没有有效的重度残疾人证。", "subject_id")


def everybody_listed(service: Any, order: Order[inspection.StartCampaign]) -> None:
    """分散供养排查: it begins when every dispersed 特困 person of the place is on its list: its coverage is that of the register."""
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], order.command.record_id).state
    if state.programme != DISPERSED or state.status != "listing":
        return
    all_seen(service.office, MODEL)
    left = set(dispersed(service, state.division, dates.month_of(order.today))) - set(state.objects)
    if left:
        raise Refused("out_of_order", f"还有{len(left)}名分散供养特困人员未列入，请先将在册人员全部列入。", "record_id")


def nobody_drawn(service: Any, order: Order[inspection.FreezeCampaignList]) -> None:
    """分散供养排查 looks at every person: none is left out by a draw."""
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], order.command.record_id).state
    if state.programme == DISPERSED:
        raise Refused("out_of_order", "专项排查须逐人检查，不作抽查。", "record_id")


def _known(service: Any, person_id: str) -> bool:
    place: placement.Placement = service.office.load(placement.DECIDER, person_id).state
    own: person.Person = service.office.load(person.DECIDER, person_id).state
    return bool(place.household_id) or own.registered is not None


def _class(service: Any, person_id: str, month: str) -> tuple[str, str]:
    """The person's class in a month, and the unit that counts him."""
    place: placement.Placement = service.office.load(placement.DECIDER, person_id).state
    unit_id = place.home_in(month) or person_id
    unit: determination.Unit = service.office.load(determination.DECIDER, unit_id).state
    return determination.class_of(unit, person_id, month), unit_id


def _certified(service: Any, person_id: str, month: str) -> tuple[int, str]:
    """Grade and kind of a disability in a month, (0, "") = none: as the household has it, or by his own certificate."""
    place: placement.Placement = service.office.load(placement.DECIDER, person_id).state
    home: household.Household = service.office.load(household.DECIDER, place.home_in(month) or person_id).state
    if home.exists and person_id in home.members:
        there = household.person_in(home, person_id, month)
        return there.disability_grade, there.disability_kind
    held = person.facts_in(service.office.load(person.DECIDER, person_id).state, month).certificate
    over = held is None or (held.valid_until is not None and dates.month_of(held.valid_until) < month)
    return (0, "") if held is None or over else (held.grade, held.kind)


def overlap_considered(service: Any, order: Order[handoff.AcknowledgeHandoff]) -> None:
    """受灾人员救助: the answer that a household was aided is acknowledged when its overlap with our aid is considered."""
    service.acknowledged_after_overlap(order.command.record_id, order)


def led_to_what_it_says(service: Any, order: Order[inspection.RectifyFinding]) -> None:
    """整改: the claim, arrears, payment or case that a finding is said to have led to is there, and of the person it speaks of."""
    error_ledger.check(service.office, order.command)


BEFORE: Mapping[str, Callable[[Any, Order[Any]], None]] = {
    "record_check": reviewed_first,
    "freeze_campaign_list": nobody_drawn,
    "start_campaign": everybody_listed,
    "rectify_finding": led_to_what_it_says,
    "request_entrusted_care": entrusted_as_claimed,
    "order_service": severe_and_in_hardship,
    "acknowledge_handoff": overlap_considered,
}
