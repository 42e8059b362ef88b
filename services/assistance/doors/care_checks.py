"""What our books say of a person before something is begun for him (先行核对: 照护、名单、线索、备用金); ``beforehand.py`` names each.

Nobody is cared for who is in no register of ours or has died; what an order or a request rests on is put in from what is on file, and only
added to by hand; a result that says it led somewhere names what is there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from services.assistance import (
    care_appeals,
    care_places,
    care_stay,
    household,
    institution_beds,
    move,
    placement,
    placement_wish,
    standing,
    temporary,
)
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.declarations.care import (
    ENTRUSTED_CARE_FOR_LOW_INCOME_DISABLED,
    EXTREME_HARDSHIP_CENTRAL_PLACEMENT,
    EXTREME_HARDSHIP_HOME_CARE,
    EXTREME_HARDSHIP_MENTAL_CARE,
    SEVERE_DISABILITY_HARDSHIP_CARE,
)
from services.assistance.declarations.discovery import LOW_INCOME_DYNAMIC_MONITORING, MONITORING_WARNING_HANDLING
from services.assistance.declarations.funds import TEMPORARY_ASSISTANCE_RESERVE_FUND
from services.assistance.declarations.institutions import PRIVATE_RUN, SUPPORT_INSTITUTION_REGISTER
from services.assistance.declarations.lists import POVERTY_RELAPSE_SCREENING
from services.assistance.read_model import MODEL, RECORDS, TABLES
from services.assistance.risk_flags import severe
from services.assistance.rows import care
from shared.casework import benefit_case, clue, fund, graded_assessment, list_entry, record, service_order, visit_plan
from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Order, derived_id
from shared.messaging.showing import all_seen

ELDER_FROM = 60
# 托养对象类别 -> the hardship classes (困难类别) that it claims; a margin household is one of low income. 计划生育特殊家庭 is no class of
# ours: its certificate is 卫健's.
CLAIMED = {"minimum_living_allowance": ("minimum_living",), "low_income": ("low_income", "margin")}
OTHER_KIND = "与该人员有效残疾人证的残疾类别（精神、智力）不一致。"
NO_APPLICATION = ("not_in_need", "not_found")  # 不困难、查无此人: from neither follows an application


# -- where a person lives


def lives_in(office: Any, person_id: str, day: date) -> str:
    """The institution in which he lives by his placement on that day, "" = none."""
    wish_id = derived_id(EXTREME_HARDSHIP_CENTRAL_PLACEMENT.code, "", person_id)
    wish: placement_wish.PlacementWish = office.load(DECIDERS[placement_wish.NAME], wish_id).state
    return next((s.institution_id for s in wish.stays if s.first <= day and (s.last is None or day <= s.last)), "")


def places_of(institution_id: str) -> str:
    """The record of an institution's places."""
    return derived_id(ENTRUSTED_CARE_FOR_LOW_INCOME_DISABLED.code, "", institution_id)


def entrusted_to(office: Any, person_id: str) -> list[tuple[str, care_places.CarePlaces]]:
    """(record, state) of every institution's places where he lives as entrusted, or asks to, or appeals against a refusal."""
    stay: care_stay.CareStay = office.load(care_stay.DECIDER, person_id).state
    found = []
    for institution in stay.institutions:
        record_id = places_of(institution)
        places: care_places.CarePlaces = office.load(DECIDERS[care_places.NAME], record_id).state
        here = [r.person_id for r in places.residents if r.care_class != care_places.PRIORITY] + [r.person_id for r in places.requests]
        here += [a.person_id for a in care_appeals.open_appeals(places.refusals)]
        if person_id in here:
            found.append((record_id, places))
    return found


# -- A14, A15, A17, A82: care


def wished(service: Any, order: Order[placement_wish.RecordPlacementWish]) -> None:
    """集中供养意愿: of somebody in 特困, or who asks for it."""
    _in_support(service, order.command.subject_id, order.command.division, order.today)


def place_offered(service: Any, order: Order[placement_wish.OfferPlace]) -> None:
    """安排床位: in an institution of this district's register, in force, that has a place free: the bed is held before it is offered."""
    c, office, wishes = order.command, service.office, DECIDERS[placement_wish.NAME]
    loaded = office.load(wishes, c.record_id)
    if order.command_id in (loaded.done or {}):
        return  # offered already: the same order once more
    office.rehearse(wishes, c.record_id, order)
    institution = c.institution_id.strip()
    beds_id = derived_id("institution beds", institution)
    before: institution_beds.Beds = office.load(institution_beds.DECIDER, beds_id).state
    all_seen(office, MODEL)
    found = care.registered(office.read, RECORDS, loaded.state.division[:6], institution)
    if not found:
        raise invalid("该机构未在本区供养服务机构登记中（或登记未生效、已注销），不能安排床位。", "institution_id")
    taken_by = tuple(wish for _, wish, _ in care.places_taken(office.read, RECORDS, institution))
    over = tuple(h.offer for h in before.holds.values() if _is_over(office, h, institution, order.today))
    bed = institution_beds.HoldInstitutionBed(
        institution, found[0].division, c.record_id, order.command_id, found[0].beds, taken_by, over
    )
    office.handle(institution_beds.DECIDER, beds_id, order.by(service.benefits.hand()).to(bed, f"bed {institution}"))


def _is_over(office: Any, held: institution_beds.Hold, institution_id: str, today: date) -> bool:
    """Whether the offer that a bed is held for has come to nothing, or its stay has ended; one that is not there yet may be on its way."""
    wishes = DECIDERS[placement_wish.NAME]
    history = office.history(wishes.stream(held.wish_id))
    if not any(r.meta.command_id == held.offer for r in history):
        return (today - held.reserved_on).days > 1
    state: placement_wish.PlacementWish = wishes.fold([r.event for r in history])
    return state.status not in placement_wish.HAS_A_PLACE or state.institution_id != institution_id


def plan_opened(service: Any, order: Order[visit_plan.OpenVisitPlan]) -> None:
    """探访、照料、帮扶计划: for somebody who lives; care at home for a 特困 person who lives in no institution."""
    c = order.command
    of = DECLARATIONS.get(c.programme)
    if of is None or of.subject != "person":
        return
    standing.alive(service.office, c.subject_id, "subject_id")
    if of is EXTREME_HARDSHIP_HOME_CARE:
        _in_support(service, c.subject_id, c.division, order.today)
        if lives_in(service.office, c.subject_id, order.today):
            raise invalid("该人员已在机构集中供养。", "subject_id")


def assessment_asked(service: Any, order: Order[graded_assessment.RequestAssessment]) -> None:
    """评估 of somebody who lives."""
    of = DECLARATIONS.get(order.command.programme)
    if of is not None and of.subject == "person":
        standing.alive(service.office, order.command.subject_id, "subject_id")


def ordered(service: Any, order: Order[service_order.OrderService]) -> Order[Any] | None:
    """服务下单: care by class, certificate and self-care as they are on file this month: what it rests on is not typed."""
    c, office = order.command, service.office
    standing.alive(office, c.subject_id, "subject_id")
    if c.programme not in (SEVERE_DISABILITY_HARDSHIP_CARE.code, EXTREME_HARDSHIP_MENTAL_CARE.code):
        return None
    month = dates.month_of(order.today)
    standing.on_file(office, c.subject_id, "subject_id")
    of_his_town(office, c.subject_id, c.division)
    if why := lacks(office, c, month):
        raise invalid(why, "service_class" if why == OTHER_KIND else "subject_id")
    said(c.plan, "plan", "照护计划")
    return order.to(replace(c, need=standing.joined(standing.ground(office, c.subject_id, month), c.need)))


def lacks(office: Any, of: service_order.OrderService | service_order.ServiceOrder, month: str) -> str:
    """What an order of these two programmes, asked for or running, does not rest on in a month; "" = it has its ground."""
    grade, kind = standing.certificate_in(office, of.subject_id, month)
    if of.programme == EXTREME_HARDSHIP_MENTAL_CARE.code:
        if not standing.extreme_hardship(office, of.subject_id, month):
            return "该人员不是特困人员，也未申请特困供养。"
        return "" if grade and kind in (of.service_class, "multiple") else OTHER_KIND
    if not standing.class_in(office, of.subject_id, month)[0]:
        return "该人员本月没有困难类别认定。"
    return "" if severe(grade, kind) else "该人员没有有效的重度残疾人证。"


def of_his_town(office: Any, person_id: str, division: str) -> None:
    """A record of care is the town's in which the person is registered: its windows look after him, and its figures count him."""
    where = standing.where(office, person_id)[:9]
    if where and not division.startswith(where):
        raise invalid("须登记在该人员所在的乡镇（街道）。", "division")


def _in_support(service: Any, person_id: str, division: str, today: date) -> None:
    standing.on_file(service.office, person_id, "subject_id")
    of_his_town(service.office, person_id, division)
    if not standing.extreme_hardship(service.office, person_id, dates.month_of(today)):
        raise invalid("该人员不是特困人员，也未申请特困供养。", "subject_id")


# -- A18: the institutions


def institution_filed(service: Any, order: Order[record.FileRecord]) -> None:
    """供养服务机构登记: who runs a house that the public built was chosen in the open (公开择优); its beds are counted."""
    if order.command.programme == SUPPORT_INSTITUTION_REGISTER.code:
        said(order.command.subject_id, "subject_id", "机构编号")
        _beds_counted(order.command.entries)
        _chosen_openly({e.code: e.value for e in order.command.entries})


def institution_changed(service: Any, order: Order[record.ChangeRecord]) -> None:
    """The same of what a change leaves."""
    state: record.Record = service.office.load(DECIDERS[record.NAME], order.command.record_id).state
    if state.programme == SUPPORT_INSTITUTION_REGISTER.code:
        _beds_counted(order.command.entries)
        _chosen_openly({e.code: e.value for e in (*state.entries, *order.command.entries)})


def _beds_counted(entries: tuple[record.Entry, ...]) -> None:
    if any(e.code == "places" and e.value.strip() and care.beds_of(e.value.strip()) is None for e in entries):
        raise invalid("核定床位须填写床位数（整数）。", "entries")


def _chosen_openly(entries: dict[str, str]) -> None:
    if entries.get("operation") == PRIVATE_RUN and not (entries.get("operator", "").strip() and entries.get("selection_no", "").strip()):
        raise invalid("公办民营的机构须填写运营方和公开择优选定文号。", "entries")


# -- A19: entrusted care


def one_place(service: Any, person_id: str, record_id: str, today: date) -> None:
    """托养: of somebody on file who lives, and in no second institution."""
    office = service.office
    standing.on_file(office, person_id, "person_id")
    if lives_in(office, person_id, today):
        raise invalid("该人员已在机构集中供养。", "person_id")
    if any(other != record_id for other, _ in entrusted_to(office, person_id)):
        raise invalid("该人员已在另一机构托养（或已申请、在申请复核），请先在该机构办理离院或答复。", "person_id")


def as_claimed(office: Any, person_id: str, care_class: str, month: str) -> None:
    """托养: refuse a class that is not the person's in a month, by the field that is wrong."""
    field, why = not_of_class(office, person_id, care_class, month)
    if why:
        raise invalid(why, field)


def not_of_class(office: Any, person_id: str, care_class: str, month: str) -> tuple[str, str]:
    """Why somebody is not of a 托养 class in a month, and in which field; ("", "") = he is. It is the class determined for the month, of a
    rural household where it is 低保, and he is certified. 计划生育特殊家庭: its certificate is 卫健's, named by hand; disabled, or old and
    not able to look after himself, is what we know."""
    certified = standing.certificate_in(office, person_id, month)[0]
    claimed = CLAIMED.get(care_class)
    if claimed is None:
        born = standing.born_on(office, person_id)
        old = born is not None and dates.month_of(born) <= dates.add_months(month, -12 * ELDER_FROM)
        frail = old and standing.lost_acts(office, person_id, month)
        return ("", "") if frail or certified else ("person_id", "该人员没有有效的残疾人证，也不是失能老人。")
    found, home_id = standing.class_in(office, person_id, month)
    if found not in claimed:
        return "care_class", "与该人员本月的困难类别认定不一致。"
    home: household.Household = office.load(household.DECIDER, home_id).state
    if found == "minimum_living" and move.place_in(home, month)[1] != "rural":
        return "care_class", "该家庭不是农村低保家庭。"
    return ("", "") if certified else ("person_id", "该人员没有有效的残疾人证。")


def rests_on(service: Any, order: Order[care_places.RequestEntrustedCare]) -> Order[Any]:
    """The request with what it rests on, put in; and where he asked is noted before the request itself is taken in."""
    c = order.command
    office, month = service.office, dates.month_of(order.today)
    asked = order.to(replace(c, basis=standing.joined(standing.ground(office, c.person_id, month), c.basis)))
    office.rehearse(DECIDERS[care_places.NAME], c.record_id, asked)
    places: care_places.CarePlaces = office.load(DECIDERS[care_places.NAME], c.record_id).state
    place: placement.Placement = office.load(placement.DECIDER, c.person_id).state
    note = care_stay.NoteCareStay(c.person_id, place.division or places.division, places.subject_id)
    office.handle(care_stay.DECIDER, c.person_id, order.by(service.benefits.hand()).to(note, f"care stay {places.subject_id}"))
    return asked


# -- A30: lists


def enlisted(service: Any, order: Order[list_entry.Enlist]) -> None:
    """列入: somebody who lives."""
    of = DECLARATIONS.get(order.command.programme)
    if of is not None and of.subject == "person":
        standing.alive(service.office, order.command.subject_id, "subject_id")


def entry_checked(service: Any, order: Order[list_entry.UpdateEntry]) -> None:
    """摸底排查: what a result says it led to is a case of the person or of his household, or help that he was given."""
    c = order.command
    entry: list_entry.Entry = service.office.load(DECIDERS[list_entry.NAME], c.record_id).state
    if entry.programme != POVERTY_RELAPSE_SCREENING.code or c.result not in entry.terms.case_results:
        return
    kinds = ("temporary",) if c.result == "temporary_aid" else ("case",)
    if not led_to(service, c.case_id, entry.subject_id, kinds):
        raise invalid("该编号不是此人或其家庭的救助办件。", "case_id")


def led_to(service: Any, number: str, subject_id: str, kinds: tuple[str, ...] = ("case", "temporary")) -> bool:
    """Whether the number is that of a case (not refused or withdrawn before it began) or a matter of temporary assistance of the person or
    household, or of the household that counts him."""
    place: placement.Placement = service.office.load(placement.DECIDER, subject_id).state
    of = {subject_id, *place.households}
    if "case" in kinds:
        case: benefit_case.Case = service.office.load(CASES, number.strip()).state if _is_id(number) else benefit_case.Case()
        if case.subject_id in of and (case.open or case.first_month):
            return True
    if "temporary" in kinds:
        for one_of in of:
            state: temporary.Temporary = service.office.load(temporary.DECIDER, one_of).state
            if number.strip() in state.matters:
                return True
    return False


def _is_id(number: str) -> bool:
    return 0 < len(number.strip()) <= 100 and all(ch.isalnum() or ch in "-_." for ch in number.strip())


# -- A32, A33: warnings


def clue_resolved(service: Any, order: Order[clue.ResolveClue]) -> None:
    """预警: an application that it is said to have led to is there, is his, and does not contradict what was found on the spot."""
    c = order.command
    found: clue.Clue = service.office.load(DECIDERS[clue.NAME], c.record_id).state
    if found.programme not in (LOW_INCOME_DYNAMIC_MONITORING.code, MONITORING_WARNING_HANDLING.code) or c.outcome != "apply":
        return
    if found.finding in NO_APPLICATION:
        raise invalid("核实结果为不困难或查无此人，不能办理为转申请。", "outcome")
    if c.opened.strip() and not (found.subject_id and led_to(service, c.opened, found.subject_id)):
        raise invalid("该编号不是此人或其家庭的救助办件；可由线索直接转申请。", "opened")


# -- A24: the reserve fund


def drawn(service: Any, order: Order[fund.DrawFromFund]) -> None:
    """备用金: money leaves it by the first grant of a matter alone: by the rules, counted in what is approved, once."""
    state: fund.Fund = service.office.load(DECIDERS[fund.NAME], order.command.record_id).state
    if state.programme == TEMPORARY_ASSISTANCE_RESERVE_FUND.code:
        raise out_of_order("备用金只能由临时救助事项的“先行救助”支取，请在该事项中办理。")


def settled(service: Any, order: Order[fund.SettleFundDraw]) -> None:
    """备用金: a matter's draw is settled by its decision, and whole: what that does not cover is a claim, not cash that has come back."""
    c = order.command
    state: fund.Fund = service.office.load(DECIDERS[fund.NAME], c.record_id).state
    draw = state.open_draws.get(c.draw_id)
    if state.programme != TEMPORARY_ASSISTANCE_RESERVE_FUND.code or draw is None:
        return
    all_seen(service.office, MODEL)
    rows = listed(service.office.read, TABLES["temporary"].matters, "", {"matter_id": draw.case_id}, 1)
    if not rows:
        return  # of the time when money was drawn by hand
    if rows[0]["status"] not in ("approved", *temporary.OVER):
        raise Refused("out_of_order", "该事项尚未作出正式决定，不能核销。", "draw_id")
    if c.covered != draw.amount:
        raise invalid("先行救助的款已付出，须全额核销；决定未覆盖的部分另行追回。", "covered")
