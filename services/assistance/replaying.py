"""How this service's decisions are made again (决定重算): with the figures an assessment names, published standards included.

``shared/eventlog/integrity/replay.py`` looks for this room in every service whose rules decide anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.assistance import (
    care_appeals,
    care_places,
    check_rights,
    determination,
    household,
    institution_beds,
    national_register,
    one_thing,
    person,
    placement,
    price_linkage,
    standards,
)
from services.assistance import means_test as mt
from services.assistance import placement_wish as pw
from services.assistance import reverification as rv
from services.assistance import temporary as t
from services.assistance.benefits import district, rules_of
from services.assistance.temporary import is_part_of
from services.assistance.temporary_publicity import AnswerTemporaryObjection, RaiseTemporaryObjection
from shared.casework import asking
from shared.casework.asking import Given
from shared.casework.benefits import Office
from shared.domain import dates
from shared.eventsourcing.orders import Order
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine
from shared.rules.published import numbers_in


def engine_of(office: Office, parameters_version: str) -> RulesEngine:
    """The rules as ``parameters_version`` names them: the district's files of this release, and exactly those publications."""
    return rules_of(office, parameters_version.partition("@")[0], parameters_version)


def derived(recorded: Assessment, again: Assessment) -> bool:
    """临时救助 is paid in instalments: each part's assessment is the whole one with the part as its last line."""
    return is_part_of(recorded, again)


def figures(assessment: Assessment) -> tuple[str, ...]:
    """Where the figures of an assessment were published: the district's book of standards, if anything of it was in the rules."""
    if not numbers_in(assessment.parameters_version):
        return ()
    return (standards.DECIDER.stream(district(assessment.parameters_version.partition("@")[0])),)


# -- What an order said that its events do not carry under the same name (shared/eventlog/integrity/orders.py)

ANY_FEN = 10**12  # more than anybody may approve
BEYOND = "超过乡镇（街道）审批限额"  # how the rules begin to say that the county decides


def _approved(state: t.Temporary, events: Sequence[Any], order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """审批. Who decides stands in the lines of what was proposed (由谁决定); decided in a later month, the limit may be another by then."""
    proposal = state.matters[events[0].matter_id].proposal
    assert proposal is not None
    beyond = any(line.label.startswith(BEYOND) for line in proposal.assessment.lines)
    limits: tuple[int, ...] = (-1,) if beyond else (ANY_FEN,)
    if proposal.assessment.month != dates.month_of(order.today):
        limits = (ANY_FEN, -1)
    for outdated in (False, True):
        for gone in (False, True):
            for township_fen in limits:
                yield {"reviewed": proposal.reviewed, "outdated": outdated, "township_fen": township_fen, "gone": gone}


def _one_thing_opened(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    own = events[0].subject_id
    items = events[0].items
    for named in (False, True):  # who is asked for: the household itself may be named, or nobody
        person_of = [i.subject_id if named or i.subject_id != own else "" for i in items]
        yield {"items": tuple(one_thing.Wanted(i.code, p, i.to_unit) for i, p in zip(items, person_of, strict=True))}


def _one_thing_recorded(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    results: dict[str, one_thing.Result] = {}
    for e in events:
        if isinstance(e, one_thing.OneThingItemBegun):
            results[e.item_id] = one_thing.Result(e.item_id, e.refers_to)
        elif isinstance(e, one_thing.OneThingItemSettled):
            begun = results.get(e.item_id, one_thing.Result(e.item_id))
            results[e.item_id] = one_thing.Result(e.item_id, begun.refers_to, e.outcome, e.note)
    return ({"results": tuple(results.values())},)


def _finish_days(_state: Any, events: Sequence[Any], order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """In how many working days a means test or a second look at it is to end: what the programme or the form said."""
    days = 0
    while dates.add_working_days(order.today, days) < events[0].finish_by:
        days += 1
    return ({"finish_working_days": days},)


def _members(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """Of whom it is a class: a determination names them, and whoever was told of it is one of them."""
    told = [m for e in events[1:] for m in (e.members if hasattr(e, "members") else (e.person_id,))]
    return ({"members": tuple(dict.fromkeys(told))},)


def _applied(_state: t.Temporary, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """申请. Refusals of earlier matters that were told at the window come first, and each names its own matter."""
    return ({"matter_id": asking.of(events, t.TemporaryApplied).matter_id},)


GIVEN: dict[type, Given] = {
    t.ApplyTemporary: _applied,
    t.ProposeTemporary: lambda _s, e, o: ({"publicity_days": asking.days_public(e[0].publicised_until, o)},),
    t.DecideTemporary: _approved,
    t.AnswerTemporaryAppeal: asking.answered,
    AnswerTemporaryObjection: asking.answered,
    RaiseTemporaryObjection: lambda _s, e, _o: ({"received_on": e[0].raised_on},),
    one_thing.SubmitOneThing: _one_thing_opened,
    one_thing.RecordOneThingItems: _one_thing_recorded,
    one_thing.NoteOneThingOverdue: asking.late,
    care_places.NoteCareOverdue: asking.late,
    care_places.TakePriorityPlace: lambda _s, e, _o: ({"moved_on": e[-1].admitted_on},),
    care_places.LeaveForGood: lambda _s, e, o: ({"left_on": getattr(e[-1], "left_on", o.today)},),
    care_appeals.AnswerEntrustedCareAppeal: asking.answered,
    care_places.GiveUpPriorityPlace: lambda _s, e, _o: ({"moved_on": e[0].left_on},),
    pw.NotePlacementOverdue: asking.late,
    # How many beds there were stands in the register, and who was there in the wishes: that the hold follows is asked without them.
    institution_beds.HoldInstitutionBed: lambda _s, e, _o: ({"beds": None, "over": e[0].released_offers},),
    check_rights.GrantCheckRight: lambda _s, e, _o: ({"division": e[0].unit, "post": e[0].role},),
    check_rights.WithdrawCheckRight: lambda _s, e, _o: ({"division": e[0].unit, "post": e[0].role},),
    determination.NoteGround: _members,
    national_register.NotePartCompared: lambda s, e, _o: (
        {"of_side": s.running[0].side, "after": s.running[0].behind, "side": "" if len(e) > 1 else e[0].side},
    ),
    rv.NoteReport: lambda s, e, _o: ({"verification_id": s.objects[e[0].case_id].verification_id},),
    household.NoteCertificates: lambda s, e, _o: (
        {"certificates": (*s.certificates.get(e[0].person_id, ()), *(c.certificate for c in e))},
    ),
    placement.FollowHousehold: lambda _s, _e, o: ({"month": dates.month_of(o.today)},),
    placement.HandOverPerson: lambda _s, _e, o: ({"month": dates.month_of(o.today)},),
    person.RecordFinding: lambda s, e, _o: ({"division": getattr(e[0], "division", s.division)},),
    mt.RecordMemberAuthorisation: lambda _s, e, _o: ({"members": (e[0].person_id,), "most_months": 12 * 100},),
    mt.OpenVerification: _finish_days,
    mt.ObjectToReport: _finish_days,
    mt.LookAtReport: lambda s, _e, _o: ({"case_id": s.opened.case_id},),
    mt.MissSources: lambda _s, e, _o: ({}, {"source": "", "exchange_id": ""}),
    price_linkage.ConfirmPriceLinkage: lambda _s, e, _o: (
        {"triggered": not isinstance(e[0], price_linkage.PriceLinkageStopped), "reason": getattr(e[0], "reason", "")},
    ),
    price_linkage.ClosePriceSlice: lambda _s, e, _o: ({"last": len(e) > 1},),
    price_linkage.NotePriceOverdue: lambda _s, e, _o: ({"paid": isinstance(e[0], price_linkage.PriceLinkagePaid)},),
}
