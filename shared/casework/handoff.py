"""Hand-off (转办): a matter goes from one unit to another with its dossier, and its result comes back. Shape 12.

Life: sent → accepted → done → acknowledged; or returned with a reason, and then sent again, to the same unit or another, or withdrawn.
Of an accepted one a case may come (taken up, 立案): then its decision is the answer, and one that is corrected on appeal is an answer anew.

Must hold: one responsible unit at every moment from the sending to the acknowledgement (``responsible_unit``); what was accepted is
what was sent, by the hash of the dossier; nothing is returned without a reason; each hop has its due day, and a late one is an event;
where a case came of it nobody types the result; whoever it concerns (``concerned``) is answered for, one way or the other.

Every hand-off has an acceptance number (统一受理编号), which a citizen can ask by: the record's id follows from it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.casework.shape import Act, RecordState, Shape, View, must, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order, derived_id

NAME = "handoff"
_HASH = re.compile(r"\A[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Terms:
    """Days are working days, each counted from the step before: until the receiver accepts or returns, until it answers, and until the
    sender acknowledges the answer (or sends again what came back). units: who may receive (none = anybody). documents: what a dossier
    must hold to be complete. outcomes: the codes of results (none = free text). resends: how often at most it goes out again."""

    accept_days: int = 2
    done_days: int = 20
    acknowledge_days: int = 3
    units: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    resends: int = 5


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "handoff_sent", published=True)
@dataclass(frozen=True)
class HandoffSent:
    """转出: ``dossier_hash`` is the SHA-256 of the dossier as it left; ``documents`` what lies in it."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    number: str
    from_unit: str
    to_unit: str
    what: str
    dossier_hash: str
    documents: tuple[str, ...]
    accept_by: date
    concerned: tuple[str, ...] = ()  # the persons whom it concerns, where those are several


@shape_event(NAME, "handoff_accepted")
@dataclass(frozen=True)
class HandoffAccepted:
    """签收: the receiver has the dossier whole and is responsible from now on."""

    done_by: date
    by: str


@shape_event(NAME, "handoff_taken_up")
@dataclass(frozen=True)
class HandoffTakenUp:
    """立案: a case of ``taken_as`` came of it, under ``refers_to`` (the case, or the matter of temporary assistance)."""

    refers_to: str
    taken_as: str
    by: str


@shape_event(NAME, "handoff_returned")
@dataclass(frozen=True)
class HandoffReturned:
    """退回, always with the reason; the sender sends it again or withdraws it."""

    reason: str
    resend_by: date
    by: str


@shape_event(NAME, "handoff_resent")
@dataclass(frozen=True)
class HandoffResent:
    """重新转出: completed, or to the unit that is competent."""

    to_unit: str
    dossier_hash: str
    documents: tuple[str, ...]
    note: str
    accept_by: date


@shape_event(NAME, "handoff_withdrawn", published=True)
@dataclass(frozen=True)
class HandoffWithdrawn:
    """撤回: nobody has to act on it any more."""

    number: str
    subject_id: str
    reason: str


@shape_event(NAME, "handoff_done", published=True)
@dataclass(frozen=True)
class HandoffDone:
    """办结: the receiver's answer on its way back. ``answered_for``: to whom of those concerned it applies, none named = to all.
    ``decision``: where a case came of it, the place of its decision among the case's events."""

    programme: str
    division: str
    number: str
    subject_id: str
    from_unit: str
    to_unit: str
    outcome: str
    result: str
    in_time: bool
    acknowledge_by: date
    answered_for: tuple[str, ...] = ()
    decision: int = -1


@shape_event(NAME, "handoff_corrected", published=True)
@dataclass(frozen=True)
class HandoffCorrected:
    """结果更正: the case that came of it was decided otherwise, on appeal; the sender tells the citizen again."""

    programme: str
    division: str
    number: str
    subject_id: str
    from_unit: str
    to_unit: str
    old_outcome: str
    outcome: str
    result: str
    acknowledge_by: date
    decision: int


@shape_event(NAME, "handoff_basis_ended", published=True)
@dataclass(frozen=True)
class HandoffBasisEnded:
    """转办依据终止: the receiver, who has begun, is told that what it was sent for is so no longer; its answer is still wanted."""

    programme: str
    division: str
    number: str
    subject_id: str
    to_unit: str
    reason: str


@shape_event(NAME, "handoff_acknowledged")
@dataclass(frozen=True)
class HandoffAcknowledged:
    """结果签收: the sender has the answer and has told the citizen."""

    told: str
    by: str


@shape_event(NAME, "handoff_overdue", published=True)
@dataclass(frozen=True)
class HandoffOverdue:
    """超时: ``due`` (accept, done, resend, acknowledge) was not done in time by ``responsible``."""

    programme: str
    division: str
    number: str
    due: str
    due_on: date
    responsible: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handoff(RecordState):
    """status: none | sent | accepted | returned | done | acknowledged | withdrawn. ``division``: where the responsible unit is, so that its
    people may act; ``home`` is where it was taken in."""

    terms: Terms = Terms()
    number: str = ""
    home: str = ""
    from_unit: str = ""
    to_unit: str = ""
    what: str = ""
    dossier_hash: str = ""
    documents: tuple[str, ...] = ()
    due_on: date | None = None  # of the step that is owed now
    late: bool = False
    outcome: str = ""
    result: str = ""
    reason: str = ""  # of the last return
    hops: tuple[str, ...] = ()  # the units it went to, in order
    escalations: int = 0
    refers_to: str = ""  # the case that came of it
    taken_as: str = ""  # of which programme
    decision: int = -1  # which of the case's events the answer is
    corrected: bool = False
    concerned: tuple[str, ...] = ()  # the persons whom it concerns, where those are several
    answered_for: tuple[str, ...] = ()  # to whom of them the outcome applies; none named = to all
    basis_ended: str = ""  # why what it was sent for is so no longer


def evolve(state: Handoff, event: Any) -> Handoff:
    match event:
        case HandoffSent():
            return Handoff(
                "sent", event.programme, _place(event.to_unit, event.division), event.subject_id, event.terms, event.number, event.division,
                event.from_unit, event.to_unit, event.what, event.dossier_hash, event.documents, event.accept_by, hops=(event.to_unit,),
                concerned=event.concerned,
            )  # fmt: skip
        case HandoffAccepted():
            return replace(state, status="accepted", due_on=event.done_by, late=False)
        case HandoffTakenUp():
            return replace(state, refers_to=event.refers_to, taken_as=event.taken_as)
        case HandoffReturned():
            return _back(replace(state, status="returned", reason=event.reason, due_on=event.resend_by))
        case HandoffResent():
            return replace(
                state, status="sent", to_unit=event.to_unit, division=_place(event.to_unit, state.home), dossier_hash=event.dossier_hash,
                documents=event.documents, due_on=event.accept_by, late=False, hops=(*state.hops, event.to_unit),
            )  # fmt: skip
        case HandoffDone():
            answered = replace(state, answered_for=event.answered_for, decision=event.decision)
            return _answered(answered, event)
        case HandoffCorrected():
            return _answered(replace(state, corrected=True, decision=event.decision), event)
        case HandoffBasisEnded():
            return replace(state, basis_ended=event.reason)
        case HandoffAcknowledged():
            return replace(state, status="acknowledged", due_on=None, late=False)
        case HandoffWithdrawn():
            return replace(state, status="withdrawn", due_on=None, late=False)
        case HandoffOverdue():
            return replace(state, late=True, escalations=state.escalations + 1)
        case _:
            raise TypeError(f"a hand-off knows no {type(event).__name__}")


def responsible_unit(state: Handoff) -> str:
    """The one unit whose turn it is; "" before the sending and after the end."""
    return {"sent": state.to_unit, "accepted": state.to_unit, "returned": state.from_unit, "done": state.from_unit}.get(state.status, "")


def _place(unit: str, home: str) -> str:
    """Where the people of a unit work: a town of this district by its code; anybody else's answer is entered where it was taken in."""
    return unit if unit.isdigit() and unit.startswith(home[:6]) else home


def _back(state: Handoff) -> Handoff:
    return replace(state, division=_place(state.from_unit, state.home), late=False)


def _answered(state: Handoff, event: HandoffDone | HandoffCorrected) -> Handoff:
    return _back(replace(state, status="done", outcome=event.outcome, result=event.result, due_on=event.acknowledge_by))


def acceptance_no(division: str, command_id: str) -> str:
    """统一受理编号: the district's code, 15 digits, and a check digit, so that a mistyped number is not somebody else's."""
    body = f"{division[:6]}{int(derived_id('acceptance', command_id).replace('-', ''), 16) % 10**15:015d}"
    return body + _check_digit(body)


def record_of(number: str) -> str:
    """The record of an acceptance number; refuses one that is mistyped."""
    text = number.replace(" ", "")
    if not (text.isascii() and text.isdigit() and len(text) == 22 and _check_digit(text[:-1]) == text[-1]):
        raise invalid("受理编号不正确，请核对。", "number")
    return derived_id(NAME, text)


def _check_digit(body: str) -> str:
    doubled = [int(d) * (2 - n % 2) for n, d in enumerate(reversed(body))]
    return str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def dossier_hash(*parts: bytes) -> str:
    """The hash of a dossier: of its documents' hashes, in their order."""
    return hashlib.sha256(b"".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()


# -- Commands ----------------------------------------------------------------------------------------------------


@command("send_handoff", permission="accept")
@dataclass(frozen=True)
class SendHandoff:
    """转出. A unit is a division's code or a department's name; ``what`` names nobody."""

    programme: str
    division: str
    from_unit: str
    to_unit: str
    what: str
    dossier_hash: str
    subject_id: str = ""
    documents: tuple[str, ...] = ()
    terms: Terms = Terms()
    concerned: tuple[str, ...] = ()


@command("accept_handoff", permission="accept")
@dataclass(frozen=True)
class AcceptHandoff:
    """签收: ``dossier_hash`` as the receiver computed it over what arrived."""

    record_id: str
    dossier_hash: str


@command("take_up_handoff", permission="accept")
@dataclass(frozen=True)
class TakeUpHandoff:
    """立案: by the service, as the receiver files the case; one that is not accepted yet is accepted with it, by the dossier's hash."""

    record_id: str
    refers_to: str
    taken_as: str
    dossier_hash: str = ""


@command("follow_case", permission="record")
@dataclass(frozen=True)
class FollowCase:
    """By the service: what the case that came of it was decided, ``decision`` being the place of that among the case's events."""

    record_id: str
    refers_to: str
    taken_as: str
    decision: int
    outcome: str
    result: str


@command("note_basis_ended", permission="record")
@dataclass(frozen=True)
class NoteBasisEnded:
    """By the service: what it was sent for is so no longer."""

    record_id: str
    reason: str


@command("return_handoff", permission="accept")
@dataclass(frozen=True)
class ReturnHandoff:
    record_id: str
    reason: str


@command("resend_handoff", permission="accept")
@dataclass(frozen=True)
class ResendHandoff:
    record_id: str
    to_unit: str
    dossier_hash: str
    documents: tuple[str, ...] = ()
    note: str = ""


@command("withdraw_handoff", permission="accept")
@dataclass(frozen=True)
class WithdrawHandoff:
    record_id: str
    reason: str


@command("finish_handoff", permission="accept")
@dataclass(frozen=True)
class FinishHandoff:
    """办结. ``answered_for``: to whom of those concerned the outcome applies, if not to all; of the others it says the contrary."""

    record_id: str
    outcome: str
    result: str
    answered_for: tuple[str, ...] = ()


@command("acknowledge_handoff", permission="accept")
@dataclass(frozen=True)
class AcknowledgeHandoff:
    """结果签收: ``told`` says how the citizen was told."""

    record_id: str
    told: str


@command("note_handoff_overdue", permission="record")
@dataclass(frozen=True)
class NoteHandoffOverdue:
    """By the timer."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def send(state: Handoff, c: SendHandoff, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        raise Refused("already_exists", "此受理编号已使用。", None)
    from_unit = said(c.from_unit, "from_unit", "转出单位")
    to_unit = _receiver(c.to_unit, from_unit, c.terms)
    number = acceptance_no(c.division, order.command_id)
    accept_by = dates.add_working_days(order.today, c.terms.accept_days)
    return [
        HandoffSent(
            c.programme, c.division, c.subject_id, c.terms, number, from_unit, to_unit, said(c.what, "what", "转办事项"),
            _whole(c.dossier_hash), _complete(c.documents, c.terms), accept_by, _several(c.concerned),
        )
    ]  # fmt: skip


def accept(state: Handoff, c: AcceptHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "签收", "sent")
    if _whole(c.dossier_hash) != state.dossier_hash:
        raise invalid("收到的材料与转出时不一致，请退回并说明。", "dossier_hash")
    return [HandoffAccepted(dates.add_working_days(order.today, state.terms.done_days), order.hand.actor)]


def take_up(state: Handoff, c: TakeUpHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "立案", "sent", "accepted")
    if state.refers_to:
        raise Refused("out_of_order", "此项转办已立案。", "record_id")
    accepted: Sequence[Any] = ()
    if state.status == "sent":
        accepted = accept(state, AcceptHandoff(c.record_id, c.dossier_hash), order)
    elif c.dossier_hash and _whole(c.dossier_hash) != state.dossier_hash:
        raise invalid("收到的材料与转出时不一致。", "dossier_hash")
    return [*accepted, HandoffTakenUp(c.refers_to, c.taken_as, order.hand.actor)]


def follow_case(state: Handoff, c: FollowCase, order: Order[Any]) -> Sequence[Any]:
    """Once for each decision, in whatever order news of them comes; a case of which somebody died before he wrote it down here says
    itself that it came of this."""
    if state.status not in ("sent", "accepted", "done", "acknowledged") or c.decision <= state.decision:
        return []
    by = dates.add_working_days(order.today, state.terms.acknowledge_days)
    s = state
    if state.status in ("done", "acknowledged"):
        if state.refers_to != c.refers_to or (state.outcome, state.result) == (c.outcome, c.result):
            return []
        return [
            HandoffCorrected(
                s.programme, s.home, s.number, s.subject_id, s.from_unit, s.to_unit, s.outcome, c.outcome, c.result, by, c.decision
            )
        ]
    if state.refers_to and state.refers_to != c.refers_to:
        return []
    begun: list[Any] = []
    if state.status == "sent":
        begun.append(HandoffAccepted(dates.add_working_days(order.today, state.terms.done_days), order.hand.actor))
    if not state.refers_to:
        begun.append(HandoffTakenUp(c.refers_to, c.taken_as, order.hand.actor))
    in_time = state.due_on is None or order.today <= state.due_on
    done = HandoffDone(
        s.programme, s.home, s.number, s.subject_id, s.from_unit, s.to_unit, c.outcome, c.result, in_time, by, decision=c.decision
    )
    return [*begun, done]


def note_basis_ended(state: Handoff, c: NoteBasisEnded, order: Order[Any]) -> Sequence[Any]:
    """Where nobody has begun it is taken back; who has begun is told; what is answered stays answered."""
    if state.status in ("sent", "returned"):
        return [HandoffWithdrawn(state.number, state.subject_id, c.reason)]
    if state.status != "accepted" or state.basis_ended:
        return []
    return [HandoffBasisEnded(state.programme, state.home, state.number, state.subject_id, state.to_unit, c.reason)]


def return_(state: Handoff, c: ReturnHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "退回", "sent")
    resend_by = dates.add_working_days(order.today, state.terms.acknowledge_days)
    return [HandoffReturned(said(c.reason, "reason", "退回理由"), resend_by, order.hand.actor)]


def resend(state: Handoff, c: ResendHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "重新转出", "returned")
    if len(state.hops) > state.terms.resends:
        raise Refused("out_of_order", "多次退回，请由主管单位协调后撤回或另行办理。", None)
    to_unit = _receiver(c.to_unit, state.from_unit, state.terms)
    found = _whole(c.dossier_hash)
    if to_unit == state.to_unit and found == state.dossier_hash:
        said(c.note, "note", "对退回理由的说明")  # neither the unit nor the papers changed: then at least a word to the reason
    accept_by = dates.add_working_days(order.today, state.terms.accept_days)
    return [HandoffResent(to_unit, found, _complete(c.documents or state.documents, state.terms), c.note.strip(), accept_by)]


def withdraw(state: Handoff, c: WithdrawHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "撤回", "returned")
    return [HandoffWithdrawn(state.number, state.subject_id, said(c.reason, "reason", "撤回理由"))]


def finish(state: Handoff, c: FinishHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "办结", "accepted")
    if state.refers_to:
        raise Refused("out_of_order", "此项转办已立案办理，结果随办件的决定自动反馈，不能手工办结。", "record_id")
    outcome, result = said(c.outcome, "outcome", "办理结果"), said(c.result, "result", "结果说明")
    if state.terms.outcomes and outcome not in state.terms.outcomes:
        raise invalid("办理结果不在允许的取值范围内。", "outcome")
    by = dates.add_working_days(order.today, state.terms.acknowledge_days)
    in_time = state.due_on is None or order.today <= state.due_on
    s = state
    if unknown := [p for p in c.answered_for if p not in state.concerned]:
        raise invalid(f"有{len(unknown)}人不在此项转办所涉人员中。", "answered_for")
    to = () if set(c.answered_for) == set(state.concerned) else tuple(dict.fromkeys(c.answered_for))
    return [HandoffDone(s.programme, s.home, s.number, s.subject_id, s.from_unit, s.to_unit, outcome, result, in_time, by, to)]


def acknowledge(state: Handoff, c: AcknowledgeHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "结果签收", "done")
    return [HandoffAcknowledged(said(c.told, "told", "告知申请人的方式"), order.hand.actor)]


def note_overdue(state: Handoff, c: NoteHandoffOverdue, order: Order[Any]) -> Sequence[Any]:
    if state.due_on is None or state.late or order.today <= state.due_on:
        return []
    return [HandoffOverdue(state.programme, state.division, state.number, _DUES[state.status], state.due_on, responsible_unit(state))]


def _receiver(unit: str, from_unit: str, terms: Terms) -> str:
    found = said(unit, "to_unit", "接收单位")
    if found == from_unit:
        raise invalid("接收单位不能是转出单位。", "to_unit")
    if terms.units and found not in terms.units:
        raise invalid("该单位不接收此类事项。", "to_unit")
    return found


def _whole(text: str) -> str:
    if not _HASH.match(text):
        raise invalid("材料摘要须为64位十六进制的SHA-256。", "dossier_hash")
    return text


def _several(persons: tuple[str, ...]) -> tuple[str, ...]:
    if not all(is_person_id(p) for p in persons):
        raise invalid("所涉人员须填人员标识，不是身份证号码。", "concerned")
    return tuple(dict.fromkeys(persons))


def _complete(documents: tuple[str, ...], terms: Terms) -> tuple[str, ...]:
    missing = [d for d in terms.documents if d not in documents]
    if missing:
        raise invalid(f"材料不齐，缺少：{'、'.join(missing)}。", "documents")
    return documents


# -- How it stands -----------------------------------------------------------------------------------------------

_DUES = {"sent": "accept", "accepted": "done", "returned": "resend", "done": "acknowledge"}


def view(state: Handoff) -> View:
    if state.status not in _DUES:
        return View(state.status, False, title=state.number)
    title = state.number + ("（依据已终止）" if state.basis_ended else "（结果更正）" if state.corrected else "")
    due = _DUES[state.status]
    worklist = "handoff_overdue" if state.late else f"handoff_{due}"
    due_on = None if state.late else state.due_on
    return View(state.status, True, worklist, responsible_unit(state), due_on, "" if state.late else due, len(state.hops), title)


SHAPE = Shape(
    name=NAME,
    title="转办",
    state=Handoff(),
    terms=Terms,
    acts=(
        Act(SendHandoff, "转出", opens=lambda c, command_id: record_of(acceptance_no(c.division, command_id))),
        Act(AcceptHandoff, "签收（材料摘要须一致）"),
        Act(TakeUpHandoff, "立案", by_service=True),
        Act(ReturnHandoff, "退回（须说明理由）"),
        Act(ResendHandoff, "补正后或改向重新转出"),
        Act(WithdrawHandoff, "撤回"),
        Act(FinishHandoff, "办结并反馈结果"),
        Act(AcknowledgeHandoff, "结果签收并告知申请人"),
        Act(FollowCase, "按办件的决定反馈结果", by_service=True),
        Act(NoteBasisEnded, "转办依据终止登记", by_service=True),
        Act(NoteHandoffOverdue, "超时登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        SendHandoff: send,
        AcceptHandoff: accept,
        TakeUpHandoff: take_up,
        ReturnHandoff: return_,
        ResendHandoff: resend,
        WithdrawHandoff: withdraw,
        FinishHandoff: finish,
        AcknowledgeHandoff: acknowledge,
        FollowCase: follow_case,
        NoteBasisEnded: note_basis_ended,
        NoteHandoffOverdue: note_overdue,
    },
    view=view,
    overdue=NoteHandoffOverdue,
)
