"""Death of a payee who is not of the household (监护人、领款人死亡): nothing is paid to him, and somebody else is named by two hands.

Of a household whoever is left is paid by itself; a guardian has nobody behind him. Until another payee stands, the case is due as before,
and every line of it is held (暂缓) when its run is sent: the follow-up run of the month lists it for whoever is the payee by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.state import Case
from shared.domain import dates
from shared.domain.errors import invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.orders import Order

NAME_WITHIN_DAYS = 10  # working days in which another payee is named: the house's own limit


@command("lose_payee", permission="record")
@dataclass(frozen=True)
class LosePayee:
    """By the service: the payee has died."""

    case_id: str
    payee_id: str


@command("keep_payee", permission="record")
@dataclass(frozen=True)
class KeepPayee:
    """By the service: his death was none."""

    case_id: str
    payee_id: str


@command("name_payee", permission="accept")
@dataclass(frozen=True)
class NamePayee:
    """重新指定领款人 in the place of one who died; ``evidence``: what shows that he is the guardian now."""

    case_id: str
    payee_id: str
    evidence: str


@command("confirm_payee", permission="confirm")
@dataclass(frozen=True)
class ConfirmPayee:
    """By another hand; ``payee_id`` is who was looked at: another one named meanwhile is not confirmed unseen."""

    case_id: str
    payee_id: str


def lose_payee(state: Case, c: LosePayee, order: Order[Any]) -> Sequence[Any]:
    if state.payee_id != c.payee_id or state.payee_gone or not state.owes:
        return []
    due_on = dates.add_working_days(order.today, NAME_WITHIN_DAYS)
    return [e.PayeeDied(state.programme, state.subject_id, c.payee_id, due_on)]


def keep_payee(state: Case, c: KeepPayee, order: Order[Any]) -> Sequence[Any]:
    """Also of a case that has another payee by now: he may be named again."""
    return [e.PayeeLives(c.payee_id)] if any(lost.payee_id == c.payee_id for lost in state.payees_lost) else []


def name_payee(state: Case, c: NamePayee, order: Order[Any]) -> Sequence[Any]:
    if not state.payee_gone:
        raise out_of_order("该个案的领款人没有死亡登记，无须重新指定。")
    if not is_person_id(c.payee_id):
        raise invalid("领款人标识不正确。", "payee_id")
    if any(lost.payee_id == c.payee_id for lost in state.payees_lost):
        raise invalid("该人员已死亡，不能指定为领款人。", "payee_id")
    if not c.evidence.strip():
        raise invalid("请填写依据的证明材料。", "evidence")
    return [e.PayeeNamed(c.payee_id, c.evidence.strip(), order.hand.actor)]


def confirm_payee(state: Case, c: ConfirmPayee, order: Order[Any]) -> Sequence[Any]:
    named = state.payee_named
    if not state.payee_gone or named is None or named.payee_id != c.payee_id:
        raise out_of_order("没有待确认的领款人，或所指定的领款人已变更。")
    not_the_same_hand(order, named.by)
    return [e.PayeeChanged(c.payee_id)]
