"""Erasure (个人信息删除): a person's keys are destroyed, so that what identifies him opens nowhere any more. One stream per person.

Life: proposed by the officer for personal information (个人信息保护负责人) on a ground of the law → approved by a second hand, of what was
proposed and nothing else → the keys are destroyed, and that is recorded. Before the approval it may be refused or withdrawn, and proposed
anew; after it there is no way back. What stays: the events, under a pseudonym, without name, number, account; every proof still holds.

Must hold: nobody approves what he proposed; no ground, no finding on retention, no erasure; while a period of retention runs
(第四十七条第二款) there is none either. That the person draws nothing and has no matter open, the proposer states, by document; every
service that pays answers to the proposal what it has open (``shared/casework/erasure_answer.py``), and nothing is approved before all
have answered "nothing". The answers also name where everything stands that is on file of him: the place for which the erasure was proposed
must cover it all, and so does then the division of either hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args

from shared.domain import division as divisions
from shared.domain.errors import invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

# 法定事由: 个人信息保护法 第四十七条 第一款 第（一）至（五）项.
Ground = Literal["purpose_fulfilled", "period_expired", "consent_withdrawn", "unlawful_processing", "other_law"]
GROUNDS: dict[str, str] = {
    "purpose_fulfilled": "个人信息保护法第四十七条第一款第（一）项：处理目的已实现、无法实现或者为实现处理目的不再必要",
    "period_expired": "个人信息保护法第四十七条第一款第（二）项：停止提供产品或者服务，或者保存期限已届满",
    "consent_withdrawn": "个人信息保护法第四十七条第一款第（三）项：个人撤回同意",
    "unlawful_processing": "个人信息保护法第四十七条第一款第（四）项：违反法律、行政法规或者违反约定处理个人信息",
    "other_law": "个人信息保护法第四十七条第一款第（五）项：法律、行政法规规定的其他情形",
}
assert tuple(GROUNDS) == get_args(Ground)

# Who is asked what the person still has open, by service.
ASKED: dict[str, str] = {"assistance": "社会救助", "eldercare": "养老服务"}

# -- Events


@event(
    "registry.erasure_proposed",
    published=True,
    public=lambda e: {"person_id": e.person_id, "division": e.division, "number": e.number},
)
@dataclass(frozen=True)
class ErasureProposed:
    """删除个人信息的提出. ``number`` counts the proposals for this person; ``retention_finding`` says why no period of retention runs."""

    person_id: str
    division: str
    number: int
    ground: str
    document_ref: str
    retention_ended_on: date
    retention_finding: str
    no_open_matter_ref: str  # the statement that the person draws no benefit and has nothing open
    by: str
    law: str = ""  # for "other_law": which


@event("registry.erasure_answer_noted")
@dataclass(frozen=True)
class ErasureAnswerNoted:
    """在办事项核实的答复: what a service has open of the person, and where what it has of him stands (one of before says nowhere: "")."""

    person_id: str
    number: int
    service: str
    cases: int
    records: int
    claims: int
    divisions: tuple[str, ...] = ("",)


@event("registry.erasure_withdrawn")
@dataclass(frozen=True)
class ErasureWithdrawn:
    """撤回删除申请."""

    person_id: str
    number: int
    reason: str
    by: str


@event("registry.erasure_refused")
@dataclass(frozen=True)
class ErasureRefused:
    """不予删除."""

    person_id: str
    number: int
    reason: str
    by: str


@event("registry.erasure_approved", published=True, public=lambda e: {"person_id": e.person_id})
@dataclass(frozen=True)
class ErasureApproved:
    """删除个人信息的批准: from here on the keys are destroyed, if need be again and again until it is done."""

    person_id: str
    number: int
    by: str


@event("registry.person_erased", published=True, public=lambda e: {"person_id": e.person_id})
@dataclass(frozen=True)
class PersonErased:
    """个人信息已删除: the keys are in no file of the vault. Whoever keeps anything of the person's elsewhere may follow this."""

    person_id: str
    number: int


# -- State


@dataclass(frozen=True)
class Answered:
    """A service's answer to the proposal."""

    service: str
    cases: int
    records: int
    claims: int
    divisions: tuple[str, ...] = ("",)

    @property
    def open(self) -> bool:
        return bool(self.cases or self.records or self.claims)


@dataclass(frozen=True)
class Erasure:
    status: str = "none"  # none | proposed | withdrawn | refused | approved | erased
    person_id: str = ""
    division: str = ""
    number: int = 0
    ground: str = ""
    law: str = ""
    document_ref: str = ""
    retention_ended_on: date | None = None
    retention_finding: str = ""
    no_open_matter_ref: str = ""
    proposed_by: str = ""
    decided_by: str = ""
    reason: str = ""
    answers: tuple[Answered, ...] = ()


def evolve(state: Erasure, happened: Any) -> Erasure:
    match happened:
        case ErasureProposed():
            return Erasure(
                "proposed",
                happened.person_id,
                happened.division,
                happened.number,
                happened.ground,
                happened.law,
                happened.document_ref,
                happened.retention_ended_on,
                happened.retention_finding,
                happened.no_open_matter_ref,
                happened.by,
            )
        case ErasureAnswerNoted():
            answer = Answered(happened.service, happened.cases, happened.records, happened.claims, happened.divisions)
            return replace(state, answers=(*state.answers, answer))
        case ErasureWithdrawn():
            return replace(state, status="withdrawn", reason=happened.reason)
        case ErasureRefused():
            return replace(state, status="refused", decided_by=happened.by, reason=happened.reason)
        case ErasureApproved():
            return replace(state, status="approved", decided_by=happened.by)
        case PersonErased():
            return replace(state, status="erased")
        case _:
            raise TypeError(f"an erasure knows no {type(happened).__name__}")


# -- Commands


@command("propose_erasure", permission="registry:erase")
@dataclass(frozen=True)
class ProposeErasure:
    """``draws_nothing``: the proposer states that the person draws no benefit and has no matter open in any service."""

    person_id: str
    division: str
    ground: Ground
    document_ref: str
    retention_ended_on: date
    retention_finding: str
    draws_nothing: bool
    no_open_matter_ref: str
    law: str = ""


@command("withdraw_erasure", permission="registry:erase")
@dataclass(frozen=True)
class WithdrawErasure:
    person_id: str
    number: int
    reason: str


@command("refuse_erasure", permission="registry:approve_erasure")
@dataclass(frozen=True)
class RefuseErasure:
    person_id: str
    number: int
    reason: str


@command("approve_erasure", permission="registry:approve_erasure")
@dataclass(frozen=True)
class ApproveErasure:
    """``number`` is the proposal that was looked at: another one made meanwhile is not approved unseen."""

    person_id: str
    number: int


@command("note_erasure_answer", permission="registry:process")
@dataclass(frozen=True)
class NoteErasureAnswer:
    person_id: str
    number: int
    service: str
    cases: int
    records: int
    claims: int
    divisions: tuple[str, ...]


@command("record_person_erased", permission="registry:process")
@dataclass(frozen=True)
class RecordPersonErased:
    person_id: str
    number: int


# -- Decisions


def propose_erasure(state: Erasure, c: ProposeErasure, order: Order[Any]) -> Sequence[Any]:
    if not is_person_id(c.person_id):
        raise invalid("人员标识不正确。", "person_id")
    if state.status == "erased":
        raise out_of_order("该人员的个人信息已经删除。")
    if state.status in ("proposed", "approved"):
        raise out_of_order("该人员已有删除个人信息的事项在办。")
    for field, text, missing in (
        ("document_ref", c.document_ref, "请填写依据材料编号。"),
        ("retention_finding", c.retention_finding, "请写明法定保存期限已届满的认定。"),
        ("no_open_matter_ref", c.no_open_matter_ref, "请填写不再领取待遇、无在办事项的核实材料编号。"),
    ):
        if not text.strip():
            raise invalid(missing, field)
    if c.ground == "other_law" and not c.law.strip():
        raise invalid("请写明所依据的法律、行政法规及条款。", "law")
    if c.retention_ended_on > order.today:
        raise invalid("法律、行政法规规定的保存期限未届满的，不得删除（个人信息保护法第四十七条第二款）。", "retention_ended_on")
    if not c.draws_nothing:
        raise invalid("仍在领取待遇或有在办事项的，不得删除个人信息。", "draws_nothing")
    return [
        ErasureProposed(
            c.person_id,
            divisions.check(c.division),
            state.number + 1,
            c.ground,
            c.document_ref.strip(),
            c.retention_ended_on,
            c.retention_finding.strip(),
            c.no_open_matter_ref.strip(),
            order.hand.actor,
            c.law.strip() if c.ground == "other_law" else "",
        )
    ]


def withdraw_erasure(state: Erasure, c: WithdrawErasure, order: Order[Any]) -> Sequence[Any]:
    _proposed(state, c.number)
    return [ErasureWithdrawn(state.person_id, c.number, _reason(c.reason), order.hand.actor)]


def refuse_erasure(state: Erasure, c: RefuseErasure, order: Order[Any]) -> Sequence[Any]:
    _proposed(state, c.number)
    not_the_same_hand(order, state.proposed_by)
    return [ErasureRefused(state.person_id, c.number, _reason(c.reason), order.hand.actor)]


def approve_erasure(state: Erasure, c: ApproveErasure, order: Order[Any]) -> Sequence[Any]:
    _proposed(state, c.number)
    not_the_same_hand(order, state.proposed_by)
    answered = {a.service for a in state.answers}
    if waited := [title for service, title in ASKED.items() if service not in answered]:
        raise out_of_order(f"{'、'.join(waited)}尚未答复是否仍有在办事项，请稍后再批准。")
    if beyond := sorted({d for a in state.answers for d in a.divisions if not divisions.covers(state.division, d)}):
        where = "、".join(d or "未写明的区划" for d in beyond)
        raise out_of_order(f"该人员在 {where} 也有档案，不在所提 {state.division} 之内；须撤回，由管辖其全部档案的经办机构重新提出。")
    if held := [_said(a) for a in state.answers if a.open]:
        raise out_of_order(f"{'；'.join(held)}。办结后须撤回并重新提出。")
    return [ErasureApproved(state.person_id, c.number, order.hand.actor)]


def record_person_erased(state: Erasure, c: RecordPersonErased, order: Order[Any]) -> Sequence[Any]:
    if state.status == "erased":
        return []
    if state.status != "approved" or state.number != c.number:
        raise out_of_order("该事项未经批准。")
    return [PersonErased(state.person_id, c.number)]


def note_erasure_answer(state: Erasure, c: NoteErasureAnswer, order: Order[Any]) -> Sequence[Any]:
    if state.status != "proposed" or state.number != c.number or c.service in {a.service for a in state.answers}:
        return []
    return [ErasureAnswerNoted(state.person_id, c.number, c.service, c.cases, c.records, c.claims, c.divisions)]


def _said(a: Answered) -> str:
    counts = ((a.cases, "件在保或在办个案"), (a.records, "件在办事项"), (a.claims, "件未结追回"))
    return f"{ASKED.get(a.service, a.service)}有" + "、".join(f"{n}{what}" for n, what in counts if n)


def _proposed(state: Erasure, number: int) -> None:
    if state.status != "proposed" or state.number != number:
        raise out_of_order("该提议不在待批准状态。")


def _reason(reason: str) -> str:
    if not reason.strip():
        raise invalid("请填写理由。", "reason")
    return reason.strip()


DECIDER: Decider[Erasure] = Decider(
    category="registry.erasure",
    initial=Erasure(),
    evolve=evolve,
    decide={
        ProposeErasure: propose_erasure,
        WithdrawErasure: withdraw_erasure,
        RefuseErasure: refuse_erasure,
        ApproveErasure: approve_erasure,
        NoteErasureAnswer: note_erasure_answer,
        RecordPersonErased: record_person_erased,
    },
    division=lambda state: state.division,
)
