"""What can be done with a disclosure (公开办理): kept equal to the case by the service, corrected, withdrawn and restored by hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.casework.disclosure import events as e
from shared.casework.disclosure.state import FIELDS, PLACE, Report, State, without
from shared.casework.disclosure.wanted import Wanted
from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.orders import Order

MOST_OPEN = 20  # objections to one case that wait at the same time; further ones are refused, so that a flood stays small
MOST_WORDS, MOST_CONTACT = 1000, 100
MOOT = "公示的审核结果已作废或申请已终结，不再据以确认；重新审核的另行公示。"
ANSWER_DAYS = 3  # working days until a reported objection must be taken or rejected


# -- Commands ----------------------------------------------------------------------------------------------------


@command("keep_disclosure", permission="record")
@dataclass(frozen=True)
class KeepDisclosure:
    """By the service: make what is public what the case now is. ``case_version``: of the case that was looked at.

    ``heard_from``: objections received before that day have nothing to object to any more (None: none has).
    """

    case_id: str
    wanted: Wanted | None
    case_version: int
    reason: str
    heard_from: date | None = date.min


@command("correct_disclosure", permission="confirm")
@dataclass(frozen=True)
class CorrectDisclosure:
    """更正公开内容: ``hidden`` are all fields kept from the page from now on ("place": told no nearer than the town)."""

    case_id: str
    hidden: tuple[str, ...]
    reason: str


@command("withdraw_disclosure", permission="confirm")
@dataclass(frozen=True)
class WithdrawDisclosure:
    """撤回公开, at once: personal safety, a court's order, at the person's request."""

    case_id: str
    reason: str


@command("restore_disclosure", permission="confirm")
@dataclass(frozen=True)
class RestoreDisclosure:
    """恢复公开, by another hand: what the case now is becomes public again."""

    case_id: str
    reason: str


@command("report_public_objection", permission="object")
@dataclass(frozen=True)
class ReportPublicObjection:
    """From the page: ``receipt`` and the pseudonym are put in by the service."""

    case_id: str
    receipt: str
    objector_id: str
    digest: str
    words: str
    contact: str = ""


@command("take_public_objection", permission="accept")
@dataclass(frozen=True)
class TakePublicObjection:
    """The case's objection was raised, or was open, at this version of the case."""

    case_id: str
    receipt: str
    case_version: int


@command("reject_public_objection", permission="accept")
@dataclass(frozen=True)
class RejectPublicObjection:
    """``hands``: those who took a step of the case, put in by the service."""

    case_id: str
    receipt: str
    reason: str
    hands: tuple[str, ...] = ()


@command("note_public_objection_overdue", permission="record")
@dataclass(frozen=True)
class NotePublicObjectionOverdue:
    """By the timer."""

    case_id: str
    receipt: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def keep(state: State, c: KeepDisclosure, order: Order[Any]) -> Sequence[Any]:
    if c.case_version < state.case_version:
        return []  # the case was looked at before somebody else looked at it
    over = [r for r in state.waiting if c.heard_from is None or r.received_on < c.heard_from]
    moot = [e.PublicObjectionMoot(r.receipt, MOOT, order.today) for r in over]
    return [*_made_equal(state, c.case_id, c.wanted, c.case_version, c.reason, order.today), *moot]


def correct(state: State, c: CorrectDisclosure, order: Order[Any]) -> Sequence[Any]:
    """What is hidden is gone with this very append; what is shown again, the service looks up in the case (``keep``)."""
    if not state.kind and not state.hidden:
        raise out_of_order("该办件没有公开的内容。")
    hidden = tuple(dict.fromkeys(c.hidden))
    if unknown := [h for h in hidden if h not in (*FIELDS, PLACE)]:
        raise invalid(f"没有此公开内容：{'、'.join(unknown)}。", "hidden")
    reason = said(c.reason, "reason", "更正理由")
    if set(hidden) == set(state.hidden):
        return []
    if set(state.hidden) - set(hidden):  # something is shown again
        not_the_same_hand(order, state.hidden_by)
    by = order.hand.actor
    told = e.DisclosureFieldsHidden(hidden, reason, by)
    if state.shown is None:
        return [told]
    kept, shown = without(state.fields, state.shown, hidden)
    changed = _changed(state.shown, shown)
    if not changed:
        return [told]
    if not kept and state.counted is None:
        return [told, e.DisclosureWithdrawn(reason, False, False, by)]
    after = e.DisclosureCorrected(
        kept, shown, changed, reason, state.case_version, state.counted, state.ends_on, state.changes_on, by
    )
    return [told, after]


def withdraw(state: State, c: WithdrawDisclosure, order: Order[Any]) -> Sequence[Any]:
    if state.held_by:
        raise Refused("already_exists", "已撤回公开。", None)
    if not state.kind:
        raise out_of_order("该办件没有公开的内容。")
    reason = said(c.reason, "reason", "撤回理由")
    return [e.DisclosureWithdrawn(reason, True, state.counted is not None, order.hand.actor)]


def restore(state: State, c: RestoreDisclosure, order: Order[Any]) -> Sequence[Any]:
    if not state.held_by:
        raise out_of_order("未撤回公开，无须恢复。")
    not_the_same_hand(order, state.held_by)
    return [e.DisclosureRestored(said(c.reason, "reason", "恢复理由"), order.hand.actor)]


def report(state: State, c: ReportPublicObjection, order: Order[Any]) -> Sequence[Any]:
    if state.kind != "proposal" or state.until is None or order.today > state.until:
        raise out_of_order("该事项不在公示期内，不能提出公示异议。")
    words, contact = said(c.words, "words", "异议内容"), c.contact.strip()
    if len(words) > MOST_WORDS:
        raise invalid(f"异议内容不超过{MOST_WORDS}字。", "words")
    if len(contact) > MOST_CONTACT:
        raise invalid(f"联系方式不超过{MOST_CONTACT}字。", "contact")
    if any(r.digest == c.digest for r in state.waiting):
        raise Refused("already_exists", "相同内容的异议已收到，正在办理。", "words")
    if len(state.waiting) >= MOST_OPEN:
        raise Refused("out_of_order", "该事项已收到较多异议，正在办理，请稍后再提或到乡镇（街道）窗口提出。", None)
    due = dates.add_working_days(order.today, ANSWER_DAYS)
    return [
        e.PublicObjectionReported(
            c.receipt, c.objector_id, state.case_id, state.programme, state.division, order.today, due, c.digest, words, contact or None
        )
    ]


def take(state: State, c: TakePublicObjection, order: Order[Any]) -> Sequence[Any]:
    _reports(state, c.receipt)
    return [e.PublicObjectionTaken(c.receipt, c.case_version, order.today, order.hand.actor)]


def reject(state: State, c: RejectPublicObjection, order: Order[Any]) -> Sequence[Any]:
    _reports(state, c.receipt)
    not_the_same_hand(order, *c.hands)
    return [e.PublicObjectionRejected(c.receipt, said(c.reason, "reason", "不予受理的理由"), order.today, order.hand.actor)]


def note_overdue(state: State, c: NotePublicObjectionOverdue, order: Order[Any]) -> Sequence[Any]:
    r = state.reports.get(c.receipt)
    if r is None or r.status != "received" or r.late or order.today <= r.due_on:
        return []
    return [e.PublicObjectionOverdue(r.receipt, state.case_id, state.programme, state.division, r.due_on)]


# -- what the decisions share


def _changed(before: e.Shown, after: e.Shown) -> tuple[str, ...]:
    return tuple(f for f in (PLACE, *FIELDS) if getattr(before, f) != getattr(after, f))


def _reports(state: State, receipt: str) -> Report:
    r = state.reports.get(receipt)
    if r is None:
        raise Refused("not_found", "没有此异议。", "receipt")
    if r.status != "received":
        raise out_of_order("该异议已办理。")
    return r


def _made_equal(state: State, case_id: str, w: Wanted | None, version: int, reason: str, today: date) -> list[Any]:
    """The event, if one is needed, behind which exactly ``w`` stands, less what hands keep from the page."""
    if w is not None:
        kept, shown = without(w.fields, w.shown, (*state.hidden, *(FIELDS if state.held_by else ())))
        w = replace(w, fields=kept, shown=shown, masking=w.masking if "name" in kept else "") if kept or w.counted else None
    if w is None:
        if not state.kind:
            return []
        last = max((d for d in (state.until, state.ends_on) if d is not None), default=None)
        over = last is not None and last < today
        return [e.DisclosureExpired(last)] if over and last else [e.DisclosureWithdrawn(reason, False, False)]
    if state.shown is None or (state.kind, state.until, state.division) != (w.kind, w.until, w.division):
        return [
            e.DisclosurePublished(
                case_id, w.programme, w.division, w.kind, w.fields, w.shown, w.masking, version, today, w.counted, w.until, w.ends_on,
                w.changes_on,
            )
        ]  # fmt: skip
    changed = _changed(state.shown, w.shown)
    if changed or state.fields != w.fields or state.counted != w.counted:
        return [e.DisclosureCorrected(w.fields, w.shown, changed, reason, version, w.counted, w.ends_on, w.changes_on)]
    if (state.ends_on, state.changes_on) != (w.ends_on, w.changes_on):
        return [e.DisclosureRescheduled(w.ends_on, w.changes_on, version)]
    return []
