"""What is looked at before an act of a declared programme (先行核对): where more than the record itself has a say, the act is refused here.

``with_shapes(before=BEFORE)`` asks for each; one that answers with an order has put in what the books say. What is checked is what our own
books say: somebody who is in none of them is registered first (``care_checks.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.assistance import care_appeals, care_places, error_ledger, standing
from services.assistance.declarations import DECIDERS
from services.assistance.doors import care_checks
from services.assistance.doors.windows import ANNUAL_REVIEW, DISPERSED, dispersed, reviewed, reviewed_first, rolled_to_a_meeting
from services.assistance.read_model import MODEL
from shared.casework import handoff, inspection
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Order
from shared.messaging.showing import all_seen


def entrusted(service: Any, order: Order[care_places.RequestEntrustedCare]) -> Order[Any]:
    """托养申请: of somebody on file, in no second institution, of the class that is asked for; what it rests on is put in."""
    c = order.command
    care_checks.one_place(service, c.person_id, c.record_id, order.today)
    care_checks.as_claimed(service.office, c.person_id, c.care_class, dates.month_of(order.today))
    return care_checks.rests_on(service, order)


def appealed(service: Any, order: Order[care_appeals.FileEntrustedCareAppeal]) -> None:
    """不予托养的复核: for somebody who lives, and who has no place and asks for none in a second institution meanwhile."""
    care_checks.one_place(service, order.command.person_id, order.command.record_id, order.today)


def still_as_claimed(service: Any, order: Order[care_places.AdmitToEntrustedCare]) -> None:
    """托养接收: what was so when it was asked for is so when he comes in."""
    c = order.command
    places: care_places.CarePlaces = service.office.load(DECIDERS[care_places.NAME], c.record_id).state
    asked = next((r for r in places.requests if r.person_id == c.person_id), None)
    if asked is not None:
        care_checks.one_place(service, c.person_id, c.record_id, order.today)
        care_checks.as_claimed(service.office, c.person_id, asked.care_class, dates.month_of(order.today))


def reclassified(service: Any, order: Order[care_places.ReclassifyCareResident]) -> None:
    """变更托养类别: into a class that is his this month."""
    c = order.command
    standing.alive(service.office, c.person_id, "person_id")
    care_checks.as_claimed(service.office, c.person_id, c.care_class, dates.month_of(order.today))


def everybody_listed(service: Any, order: Order[inspection.StartCampaign]) -> None:
    """分散供养排查、年度复审: it begins when everybody of the place's register is on its list: its coverage is that of the register."""
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], order.command.record_id).state
    if state.programme not in (DISPERSED, ANNUAL_REVIEW) or state.status != "listing":
        return
    all_seen(service.office, MODEL)
    if state.programme == DISPERSED:
        left = set(dispersed(service, state.division, dates.month_of(order.today))) - set(state.objects)
        what = f"{len(left)}名分散供养特困人员"
    else:
        left = set(reviewed(service, state.division)) - set(state.objects)
        what = f"{len(left)}件在册低保、特困个案"
    if left:
        raise Refused("out_of_order", f"还有{what}未列入，请先将在册对象全部列入。", "record_id")


def looked_at(service: Any, order: Order[inspection.RecordCheck]) -> None:
    """复审: the case's own answer comes first. 分散供养排查: who has died, or lives in an institution, is not said to be as others are."""
    reviewed_first(service, order)
    c = order.command
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], c.record_id).state
    if state.programme != DISPERSED or c.object_id not in state.objects:
        return
    dead = standing.died_on(service.office, c.object_id) is not None
    if dead != (c.result == "died_before_check"):
        raise invalid("该人员已死亡，检查结果须为检查前已死亡。" if dead else "该人员没有死亡登记。", "result")
    if c.result == "moved_to_institution" and not care_checks.lives_in(service.office, c.object_id, order.today):
        raise invalid("该人员没有入住机构的登记。", "result")


def nobody_left_out(service: Any, order: Order[inspection.CloseCampaign]) -> None:
    """分散供养排查: who came into dispersed support while it ran is looked at too, as long as objects can be added."""
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], order.command.record_id).state
    if state.programme != DISPERSED or state.status != "checking" or state.check_by is None or order.today > state.check_by:
        return
    all_seen(service.office, MODEL)
    left = set(dispersed(service, state.division, dates.month_of(order.today))) - set(state.objects)
    if left:
        raise Refused("out_of_order", f"检查期间新增{len(left)}名分散供养特困人员，请列入并检查后再结束。", "record_id")


def nobody_drawn(service: Any, order: Order[inspection.FreezeCampaignList]) -> None:
    """分散供养排查 and 年度复审 look at everybody: nobody is left out by a draw."""
    state: inspection.Campaign = service.office.load(DECIDERS[inspection.NAME], order.command.record_id).state
    if state.programme == DISPERSED:
        raise Refused("out_of_order", "专项排查须逐人检查，不作抽查。", "record_id")
    if state.programme == ANNUAL_REVIEW:
        raise Refused("out_of_order", "年度复审须逐户复审，不作抽查。", "record_id")


def overlap_considered(service: Any, order: Order[handoff.AcknowledgeHandoff]) -> None:
    """受灾人员救助: the answer that a household was aided is acknowledged when its overlap with our aid is considered."""
    service.acknowledged_after_overlap(order.command.record_id, order)


def led_to_what_it_says(service: Any, order: Order[inspection.RectifyFinding]) -> None:
    """整改: the claim, arrears, payment or case that a finding is said to have led to is there, and of the person it speaks of."""
    error_ledger.check(service.office, order.command)


BEFORE: Mapping[str, Callable[[Any, Order[Any]], Order[Any] | None]] = {
    "record_check": looked_at,
    "close_campaign": nobody_left_out,
    "roll_over_decision": rolled_to_a_meeting,
    "freeze_campaign_list": nobody_drawn,
    "start_campaign": everybody_listed,
    "rectify_finding": led_to_what_it_says,
    "file_record": care_checks.institution_filed,
    "change_record": care_checks.institution_changed,
    "request_entrusted_care": entrusted,
    "admit_to_entrusted_care": still_as_claimed,
    "file_entrusted_care_appeal": appealed,
    "reclassify_care_resident": reclassified,
    "record_placement_wish": care_checks.wished,
    "offer_place": care_checks.place_offered,
    "open_visit_plan": care_checks.plan_opened,
    "request_assessment": care_checks.assessment_asked,
    "order_service": care_checks.ordered,
    "enlist": care_checks.enlisted,
    "update_entry": care_checks.entry_checked,
    "resolve_clue": care_checks.clue_resolved,
    "draw_from_fund": care_checks.drawn,
    "settle_fund_draw": care_checks.settled,
    "acknowledge_handoff": overlap_considered,
}
