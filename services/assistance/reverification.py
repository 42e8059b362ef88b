"""Periodic re-verification (定期复核): everybody in the register is checked again, and none is forgotten. Catalogue A42, workflow W28.

    campaign started → object list (slice by slice) → locked → each object asked, or blocked → reported → closed at 100 %

Must hold: the list is made once, from the register, and closed only when every object on it has a report or was excused with a
reason (the case had ended); an object that cannot be asked (authorisation missing or expired) is named as blocked and waits for a
person; a mismatch opens a review and never stops a payment by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance.means_test import clean
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order, derived_id

CATALOGUE = ("A42", "W28")
CHUNK = 500  # objects in one event of the list
SLICE = 50  # objects asked about in one go


def campaign_id(division: str, period: str, programmes: tuple[str, ...]) -> str:
    """One campaign for a place, a period and these programmes."""
    return derived_id("reverification", division, period, *sorted(programmes))


# -- Events ------------------------------------------------------------------------------------------------------


@event("assistance.reverification_started")
@dataclass(frozen=True)
class ReverificationStarted:
    """复核活动: ``period`` names it ("2023"), every object is to be reported by ``due_on``."""

    campaign_id: str
    division: str
    period: str
    programmes: tuple[str, ...]
    due_on: date
    by: str


@dataclass(frozen=True)
class Listed:
    """An object: the case and what it is about."""

    case_id: str
    programme: str
    subject_id: str


@event("assistance.reverification_objects_listed")
@dataclass(frozen=True)
class ObjectsListed:
    """复核对象列入."""

    chunk: int
    objects: tuple[Listed, ...]


@event("assistance.reverification_list_locked")
@dataclass(frozen=True)
class ListLocked:
    """复核名单锁定."""

    total: int


@dataclass(frozen=True)
class Asked:
    """One object of a slice: its verification, or (``reason``) why it could not be asked."""

    case_id: str
    verification_id: str
    reason: str = ""


@event("assistance.reverification_slice_asked")
@dataclass(frozen=True)
class SliceAsked:
    """分批发起核对."""

    asked: tuple[Asked, ...]


@event("assistance.reverification_blocked_retried")
@dataclass(frozen=True)
class BlockedRetried:
    """受阻对象重新核对: the blocked ones are asked again: the papers have come in."""

    case_ids: tuple[str, ...]


@event("assistance.reverification_object_reported")
@dataclass(frozen=True)
class ObjectReported:
    """复核对象出具报告."""

    case_id: str
    report_id: str
    verdict: str


@event("assistance.reverification_mismatch_found", published=True)
@dataclass(frozen=True)
class MismatchFound:
    """复核不一致: work for a person (review, visit, decision); nothing is stopped by this."""

    campaign_id: str
    case_id: str
    programme: str
    subject_id: str
    division: str
    report_id: str


@event("assistance.reverification_object_excused")
@dataclass(frozen=True)
class ObjectExcused:
    """不再复核: the case has ended meanwhile."""

    case_id: str
    reason: str
    by: str


@event("assistance.reverification_overdue", published=True)
@dataclass(frozen=True)
class ReverificationOverdue:
    """逾期: not everybody has been checked in time."""

    campaign_id: str
    division: str
    period: str
    due_on: date
    left: int


@event("assistance.reverification_closed", published=True)
@dataclass(frozen=True)
class ReverificationClosed:
    """复核率 = reported / (total - excused), and is 100 %."""

    campaign_id: str
    division: str
    period: str
    total: int
    reported: int
    different: int
    excused: int


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Object:
    """waiting | asked | blocked | reported | excused"""

    listed: Listed
    status: str = "waiting"
    verification_id: str = ""
    reason: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Campaign:
    status: str = "none"  # none | listing | running | closed
    campaign_id: str = ""
    division: str = ""
    period: str = ""
    programmes: tuple[str, ...] = ()
    due_on: date | None = None
    chunks: int = 0
    objects: Mapping[str, Object] = field(default_factory=lambda: MappingProxyType({}))
    overdue: bool = False
    started_by: str = ""

    def having(self, *statuses: str) -> tuple[str, ...]:
        return tuple(case_id for case_id, o in self.objects.items() if o.status in statuses)


def evolve(state: Campaign, happened: Any) -> Campaign:
    match happened:
        case ReverificationStarted():
            return Campaign(
                "listing", happened.campaign_id, happened.division, happened.period, happened.programmes, happened.due_on,
                started_by=happened.by,
            )  # fmt: skip
        case ObjectsListed():
            more = {o.case_id: Object(o) for o in happened.objects}
            return replace(state, chunks=happened.chunk + 1, objects=MappingProxyType({**state.objects, **more}))
        case ListLocked():
            return replace(state, status="running")
        case SliceAsked():
            done = {
                a.case_id: replace(
                    state.objects[a.case_id],
                    status="blocked" if a.reason else "asked",
                    verification_id=a.verification_id,
                    reason=a.reason,
                )
                for a in happened.asked
            }
            return replace(state, objects=MappingProxyType({**state.objects, **done}))
        case BlockedRetried():
            again = {c: replace(state.objects[c], status="waiting", reason="") for c in happened.case_ids}
            return replace(state, objects=MappingProxyType({**state.objects, **again}))
        case ObjectReported():
            return _object(state, happened.case_id, status="reported", verdict=happened.verdict)
        case ObjectExcused():
            return _object(state, happened.case_id, status="excused", reason=happened.reason)
        case ReverificationOverdue():
            return replace(state, overdue=True)
        case ReverificationClosed():
            return replace(state, status="closed")
        case MismatchFound():
            return state
        case _:
            raise TypeError(f"a campaign knows no {type(happened).__name__}")


def _object(state: Campaign, case_id: str, **values: Any) -> Campaign:
    return replace(state, objects=MappingProxyType({**state.objects, case_id: replace(state.objects[case_id], **values)}))


# -- Commands ----------------------------------------------------------------------------------------------------


@command("start_reverification", permission="assistance:review")
@dataclass(frozen=True)
class StartReverification:
    division: str
    period: str
    programmes: tuple[str, ...]
    due_on: date


@command("list_reverification_objects", permission="assistance:review")
@dataclass(frozen=True)
class ListObjects:
    chunk: int
    objects: tuple[Listed, ...]


@command("lock_reverification_list", permission="assistance:review")
@dataclass(frozen=True)
class LockList:
    campaign_id: str


@command("note_reverification_slice", permission="assistance:verify")
@dataclass(frozen=True)
class NoteSlice:
    asked: tuple[Asked, ...]


@command("retry_reverification", permission="assistance:review")
@dataclass(frozen=True)
class RetryBlocked:
    campaign_id: str


@command("note_reverification_report", permission="assistance:verify")
@dataclass(frozen=True)
class NoteReport:
    case_id: str
    verification_id: str
    report_id: str
    verdict: str


@command("excuse_reverification", permission="assistance:review")
@dataclass(frozen=True)
class ExcuseObject:
    campaign_id: str
    case_id: str
    reason: str


@command("note_reverification_overdue", permission="assistance:verify")
@dataclass(frozen=True)
class NoteOverdue:
    campaign_id: str


@command("close_reverification", permission="assistance:review")
@dataclass(frozen=True)
class CloseReverification:
    campaign_id: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def start(state: Campaign, c: StartReverification, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        if state.due_on == c.due_on:
            return []  # started by the attempt before, which listed only a part
        raise Refused("already_exists", "本期复核已经开始。", "period")
    if not c.programmes:
        raise invalid("请指明复核哪些项目。", "programmes")
    if c.due_on < order.today:
        raise invalid("完成期限不能早于今天。", "due_on")
    identity = campaign_id(c.division, c.period, c.programmes)
    period = clean(c.period, "period", "复核期")
    return [ReverificationStarted(identity, c.division, period, tuple(sorted(c.programmes)), c.due_on, order.hand.actor)]


def list_objects(state: Campaign, c: ListObjects, order: Order[Any]) -> Sequence[Any]:
    if state.status != "listing" or c.chunk != state.chunks:
        raise out_of_order("复核清单已锁定，或不是下一批。")
    new = tuple(o for o in c.objects if o.case_id not in state.objects)
    return [ObjectsListed(c.chunk, new)] if new else []


def lock_list(state: Campaign, c: LockList, order: Order[Any]) -> Sequence[Any]:
    if state.status == "running":
        return []
    if state.status != "listing":
        raise out_of_order("复核清单不在编制中。")
    if not state.objects:
        raise Refused("not_found", "没有在册的复核对象。", "programmes")
    return [ListLocked(len(state.objects))]


def note_slice(state: Campaign, c: NoteSlice, order: Order[Any]) -> Sequence[Any]:
    new = tuple(a for a in c.asked if a.case_id in state.objects and state.objects[a.case_id].status == "waiting")
    return [SliceAsked(new)] if new else []


def retry_blocked(state: Campaign, c: RetryBlocked, order: Order[Any]) -> Sequence[Any]:
    _running(state)
    blocked = state.having("blocked")
    if not blocked:
        raise out_of_order("没有受阻的复核对象。")
    return [BlockedRetried(blocked)]


def note_report(state: Campaign, c: NoteReport, order: Order[Any]) -> Sequence[Any]:
    """A later version of the report may find the mismatch that the first did not; the same once more changes nothing."""
    o = state.objects.get(c.case_id)
    if o is None or o.status not in ("waiting", "asked", "reported") or o.verdict == c.verdict:
        return []
    if o.verification_id not in ("", c.verification_id):
        return []  # of another verification than the campaign's
    happened: list[Any] = [ObjectReported(c.case_id, c.report_id, c.verdict)]
    if c.verdict == "different":
        happened.append(
            MismatchFound(state.campaign_id, c.case_id, o.listed.programme, o.listed.subject_id, state.division, c.report_id)
        )
    return happened


def excuse(state: Campaign, c: ExcuseObject, order: Order[Any]) -> Sequence[Any]:
    _running(state)
    o = state.objects.get(c.case_id)
    if o is None:
        raise Refused("not_found", "复核清单中没有此办件。", "case_id")
    if o.status in ("reported", "excused"):
        raise out_of_order("该对象已有核对结果，或已说明理由。")
    not_the_same_hand(order, state.started_by)  # who answers for the rate does not say of whom it is not asked
    return [ObjectExcused(c.case_id, clean(c.reason, "reason", "不再复核的理由"), order.hand.actor)]


def note_overdue(state: Campaign, c: NoteOverdue, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("listing", "running") or state.overdue or state.due_on is None or order.today <= state.due_on:
        return []
    left = len(state.having("waiting", "asked", "blocked"))
    return [ReverificationOverdue(state.campaign_id, state.division, state.period, state.due_on, left)]


def close(state: Campaign, c: CloseReverification, order: Order[Any]) -> Sequence[Any]:
    _running(state)
    left = len(state.having("waiting", "asked", "blocked"))
    if left:
        raise out_of_order(f"尚有{left}个对象没有核对报告，复核率未达100%。")
    reported = state.having("reported")
    different = sum(state.objects[case].verdict == "different" for case in reported)
    return [
        ReverificationClosed(
            state.campaign_id, state.division, state.period, len(state.objects), len(reported), different, len(state.having("excused"))
        )
    ]


def _running(state: Campaign) -> None:
    if state.status == "none":
        raise Refused("not_found", "没有此复核活动。", "campaign_id")
    if state.status != "running":
        raise out_of_order("复核活动不在进行中。")


CAMPAIGNS: Decider[Campaign] = Decider(
    category="assistance.reverification",
    initial=Campaign(),
    evolve=evolve,
    decide={
        StartReverification: start,
        ListObjects: list_objects,
        LockList: lock_list,
        NoteSlice: note_slice,
        RetryBlocked: retry_blocked,
        NoteReport: note_report,
        ExcuseObject: excuse,
        NoteOverdue: note_overdue,
        CloseReverification: close,
    },
    division=lambda state: state.division,
)
