"""Appeal against a refusal of entrusted care (不予托养的复核). Catalogue A19; part of the places of an institution (``care_places.py``).

A refusal → an appeal within the days that the terms give → answered, by another hand than refused, asked or filed it, in its working
days: dismissed with the reason, or upheld; or withdrawn. Upheld never admits anybody: the request is open again, with a new day for its
answer, and another hand than refused it decides, by the class and the places there are then.

Must hold: one appeal at a time against a refusal, and one answer; who asks anew, is admitted, dies or lives elsewhere has none open; an
appeal that is not answered by its day is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from shared.casework.shape import must, said
from shared.domain import dates
from shared.domain.errors import Refused, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

SHAPE = "care_places"

# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(SHAPE, "entrusted_care_appeal_filed")
@dataclass(frozen=True)
class EntrustedCareAppealFiled:
    """对不予托养申请复核: ``hands`` took part in what it is against."""

    person_id: str
    reason: str
    filed_on: date
    due_on: date
    hands: tuple[str, ...]
    by: str


@shape_event(SHAPE, "entrusted_care_appeal_answered")
@dataclass(frozen=True)
class EntrustedCareAppealAnswered:
    """不予托养的复核结论."""

    person_id: str
    upheld: bool
    reason: str
    by: str


@shape_event(SHAPE, "entrusted_care_reopened")
@dataclass(frozen=True)
class EntrustedCareReopened:
    """托养申请重新受理: the refusal is set aside; the request is to be answered once more, until ``answer_by``."""

    person_id: str
    answer_by: date


@shape_event(SHAPE, "entrusted_care_appeal_withdrawn")
@dataclass(frozen=True)
class EntrustedCareAppealWithdrawn:
    """复核撤回; by the service where there is nobody any more whom it would help."""

    person_id: str
    reason: str
    by: str


@shape_event(SHAPE, "entrusted_care_appeal_overdue", published=True)
@dataclass(frozen=True)
class EntrustedCareAppealOverdue:
    """不予托养的复核逾期未答复."""

    institution_id: str
    division: str
    person_id: str
    due_on: date


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """What was refused, and until when it can be appealed against. ``refused_by``: whoever refused this request, once or again."""

    person_id: str
    care_class: str
    asked_by: str
    refused_by: tuple[str, ...]
    appeal_by: date
    appeal: EntrustedCareAppealFiled | None = None
    told: bool = False  # that the appeal was not answered in time


def kept(refusals: tuple[Refusal, ...], new: Refusal, objection_days: int) -> tuple[Refusal, ...]:
    """With a new one; without those whose days were over when it was refused."""
    day = new.appeal_by - timedelta(days=objection_days)
    return (*(r for r in without(refusals, new.person_id) if r.appeal or r.appeal_by >= day), new)


def without(refusals: tuple[Refusal, ...], person_id: str) -> tuple[Refusal, ...]:
    return tuple(r for r in refusals if r.person_id != person_id)


def open_appeals(refusals: tuple[Refusal, ...]) -> list[EntrustedCareAppealFiled]:
    return [r.appeal for r in refusals if r.appeal]


def changed(refusals: tuple[Refusal, ...], event: Any) -> tuple[Refusal, ...]:
    """The refusals after an event of an appeal: one that was answered cannot be appealed against again."""
    match event:
        case EntrustedCareAppealFiled():
            return _with(refusals, event.person_id, appeal=event, told=False)
        case EntrustedCareAppealWithdrawn():
            return _with(refusals, event.person_id, appeal=None, told=False)
        case EntrustedCareAppealOverdue():
            return _with(refusals, event.person_id, told=True)
        case EntrustedCareAppealAnswered():
            return refusals if event.upheld else without(refusals, event.person_id)  # upheld: it goes when the request is open again
        case _:
            raise TypeError(f"an appeal knows no {type(event).__name__}")


def _with(refusals: tuple[Refusal, ...], person_id: str, **now: Any) -> tuple[Refusal, ...]:
    return tuple(replace(r, **now) if r.person_id == person_id else r for r in refusals)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("file_entrusted_care_appeal", permission="accept")
@dataclass(frozen=True)
class FileEntrustedCareAppeal:
    record_id: str
    person_id: str
    reason: str


@command("answer_entrusted_care_appeal", permission="confirm")
@dataclass(frozen=True)
class AnswerEntrustedCareAppeal:
    """支持: the request is decided once more. 驳回: the refusal stands."""

    record_id: str
    person_id: str
    outcome: Literal["upheld", "dismissed"]
    reason: str


@command("withdraw_entrusted_care_appeal", permission="accept")
@dataclass(frozen=True)
class WithdrawEntrustedCareAppeal:
    record_id: str
    person_id: str
    reason: str


# -- Decisions (of ``care_places.CarePlaces``) ---------------------------------------------------------------------


def file_appeal(state: Any, c: FileEntrustedCareAppeal, order: Order[Any]) -> Sequence[Any]:
    must(state, "申请复核", "open")
    if not any(r.appeal is None for r in state.refusals):
        raise out_of_order("没有可以申请复核的不予托养决定。")
    against = next((r for r in state.refusals if r.person_id == c.person_id), None)
    if against is None:
        raise Refused("not_found", "没有对此对象的不予托养决定，或已重新申请、已复核。", "person_id")
    if against.appeal is not None:
        raise Refused("already_exists", "已有复核申请在办。", "person_id")
    if order.today > against.appeal_by:
        raise Refused("out_of_order", "已超过提出复核的期限。", "person_id")
    due = dates.add_working_days(order.today, state.terms.appeal_days)
    hands = tuple(dict.fromkeys((*against.refused_by, against.asked_by)))
    return [EntrustedCareAppealFiled(c.person_id, said(c.reason, "reason", "复核理由"), order.today, due, hands, order.hand.actor)]


def answer_appeal(state: Any, c: AnswerEntrustedCareAppeal, order: Order[Any]) -> Sequence[Any]:
    appeal = _open(state, "答复复核", c.person_id)
    not_the_same_hand(order, *appeal.hands, appeal.by)
    reason = said(c.reason, "reason", "复核结论的理由")
    answered = EntrustedCareAppealAnswered(c.person_id, c.outcome == "upheld", reason, order.hand.actor)
    if not answered.upheld:
        return [answered]
    return [answered, EntrustedCareReopened(c.person_id, dates.add_working_days(order.today, state.terms.answer_days))]


def withdraw_appeal(state: Any, c: WithdrawEntrustedCareAppeal, order: Order[Any]) -> Sequence[Any]:
    _open(state, "撤回复核", c.person_id)
    return [EntrustedCareAppealWithdrawn(c.person_id, said(c.reason, "reason", "撤回理由"), order.hand.actor)]


def moot(state: Any, person_id: str, reason: str, order: Order[Any]) -> list[Any]:
    """By the service: the appeal of somebody whom no answer would help; nothing where there is none."""
    appealed = any(a.person_id == person_id for a in open_appeals(state.refusals))
    return [EntrustedCareAppealWithdrawn(person_id, reason, order.hand.actor)] if appealed else []


def overdue(state: Any, order: Order[Any]) -> list[Any]:
    """Every appeal that is late and was not told to be."""
    late = [r.appeal for r in state.refusals if r.appeal and r.appeal.due_on < order.today and not r.told]
    return [EntrustedCareAppealOverdue(state.subject_id, state.division, a.person_id, a.due_on) for a in late]


def _open(state: Any, act: str, person_id: str) -> EntrustedCareAppealFiled:
    must(state, act, "open")
    appeals = open_appeals(state.refusals)
    if not appeals:
        raise out_of_order("没有在办的复核申请。")
    found = next((a for a in appeals if a.person_id == person_id), None)
    if found is None:
        raise Refused("not_found", "此对象没有在办的复核申请。", "person_id")
    return found
