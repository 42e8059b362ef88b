"""Payee account (收款账户): where a person's money goes. Changed by two hands, because a changed account is how money is stolen.

Life: proposed by one hand → confirmed by another (in force from then on) or rejected; the one before stays in force until then. The
first account is no exception. Every account keeps its number: a payment list names the number that was in force when it was made, so a
change afterwards does not move that money.

Must hold: nobody confirms what he proposed; account number and holder's name are sealed under the person's key and are never shown
whole: lists have the last four digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.errors import invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import adopt, personal, shape_event
from shared.eventsourcing.orders import Order

SHAPE = "payee_account"


@shape_event(SHAPE, "payee_account_proposed")
@dataclass(frozen=True)
class PayeeAccountProposed:
    """收款账户登记: ``bank_code`` is the 12-digit code of the branch (联行号)."""

    person_id: str
    division: str
    number: int
    bank_code: str
    account_no: str = personal(of="person_id")
    holder: str = personal(of="person_id")
    document_no: str = ""
    by: str = ""


@shape_event(SHAPE, "payee_account_confirmed")
@dataclass(frozen=True)
class PayeeAccountConfirmed:
    """收款账户确认."""

    person_id: str
    number: int
    by: str


@shape_event(SHAPE, "payee_account_rejected")
@dataclass(frozen=True)
class PayeeAccountRejected:
    """收款账户退回."""

    person_id: str
    number: int
    reason: str
    by: str


@shape_event(SHAPE, "payee_account_handed_over")
@dataclass(frozen=True)
class PayeeAccountHandedOver:
    """收款账户移交: the person moved with his household; another town registers and confirms his accounts from now on."""

    person_id: str
    old_division: str
    division: str


@dataclass(frozen=True)
class Account:
    """One account, with the personal fields as the reader has them: open in the log's own reader, sealed in a projection."""

    number: int
    bank_code: str
    account_no: str
    holder: str
    by: str


@dataclass(frozen=True)
class PayeeAccount:
    person_id: str = ""
    division: str = ""
    accounts: int = 0  # how many were ever proposed
    in_force: Account | None = None
    proposed: Account | None = None


def evolve(state: PayeeAccount, event: Any) -> PayeeAccount:
    match event:
        case PayeeAccountProposed():
            proposed = Account(event.number, event.bank_code, event.account_no, event.holder, event.by)
            return replace(state, person_id=event.person_id, division=event.division, accounts=event.number, proposed=proposed)
        case PayeeAccountConfirmed():
            return replace(state, in_force=state.proposed, proposed=None)
        case PayeeAccountRejected():
            return replace(state, proposed=None)
        case PayeeAccountHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"a payee account knows no {type(event).__name__}")


@command("propose_payee_account", permission="register")
@dataclass(frozen=True)
class ProposePayeeAccount:
    """登记或变更 an account; ``document_no`` is what it rests on (the copy of the bank card in the file)."""

    person_id: str
    division: str
    bank_code: str
    account_no: str
    holder: str
    document_no: str


@command("confirm_payee_account", permission="confirm")
@dataclass(frozen=True)
class ConfirmPayeeAccount:
    """``number`` is the account that was looked at: another one proposed meanwhile is not confirmed unseen."""

    person_id: str
    number: int


@command("reject_payee_account", permission="confirm")
@dataclass(frozen=True)
class RejectPayeeAccount:
    person_id: str
    number: int
    reason: str


@command("hand_over_payee_account", permission="record")
@dataclass(frozen=True)
class HandOverPayeeAccount:
    """By the service, of somebody whose household was handed over to another town."""

    person_id: str
    division: str


def masked(account_no: str) -> str:
    """For a list: ****1234."""
    return f"****{account_no[-4:]}" if account_no[-4:].isdigit() else account_no


def propose_payee_account(state: PayeeAccount, c: ProposePayeeAccount, order: Order[Any]) -> Sequence[Any]:
    account_no, bank_code, holder = re.sub(r"[\s-]", "", c.account_no), c.bank_code.strip(), c.holder.strip()
    if not re.fullmatch(r"[0-9]{8,30}", account_no):
        raise invalid("账号须为8至30位数字。", "account_no")
    if not re.fullmatch(r"[0-9]{12}", bank_code):
        raise invalid("开户行行号须为12位数字。", "bank_code")
    if not holder or len(holder) > 60 or not holder.isprintable():
        raise invalid("请填写户名。", "holder")
    if not c.document_no.strip():
        raise invalid("请填写依据材料编号。", "document_no")
    if state.proposed is not None:
        raise out_of_order("该领款人已有待确认的账户，请先确认或退回。")
    now = state.in_force
    if now is not None and (now.bank_code, now.account_no, now.holder) == (bank_code, account_no, holder):
        return []
    number = state.accounts + 1
    by = order.hand.actor
    return [PayeeAccountProposed(c.person_id, c.division, number, bank_code, account_no, holder, c.document_no.strip(), by)]


def confirm_payee_account(state: PayeeAccount, c: ConfirmPayeeAccount, order: Order[Any]) -> Sequence[Any]:
    proposed = _proposed(state, c.number)
    not_the_same_hand(order, proposed.by)
    return [PayeeAccountConfirmed(state.person_id, c.number, order.hand.actor)]


def reject_payee_account(state: PayeeAccount, c: RejectPayeeAccount, order: Order[Any]) -> Sequence[Any]:
    _proposed(state, c.number)
    if not c.reason.strip():
        raise invalid("请填写退回理由。", "reason")
    return [PayeeAccountRejected(state.person_id, c.number, c.reason.strip(), order.hand.actor)]


def hand_over_payee_account(state: PayeeAccount, c: HandOverPayeeAccount, order: Order[Any]) -> Sequence[Any]:
    if not state.accounts or state.division == c.division:
        return []
    return [PayeeAccountHandedOver(c.person_id, state.division, c.division)]


def _proposed(state: PayeeAccount, number: int) -> Account:
    if state.proposed is None or state.proposed.number != number:
        raise out_of_order("该账户不在待确认状态。")
    return state.proposed


def decider(service: str) -> Decider[PayeeAccount]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.payee_account",
        initial=PayeeAccount(),
        evolve=evolve,
        decide={
            ProposePayeeAccount: propose_payee_account,
            ConfirmPayeeAccount: confirm_payee_account,
            RejectPayeeAccount: reject_payee_account,
            HandOverPayeeAccount: hand_over_payee_account,
        },
        division=lambda state: state.division,
    )
