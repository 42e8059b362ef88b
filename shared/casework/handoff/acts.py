"""Hand-off (转办): what can be done with it, and what is decided then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.casework.handoff.state import (
    DUES,
    USUAL,
    Handoff,
    HandoffAccepted,
    HandoffAcknowledged,
    HandoffBasisEnded,
    HandoffCorrected,
    HandoffDone,
    HandoffOverdue,
    HandoffPersonAnswered,
    HandoffResent,
    HandoffReturned,
    HandoffSent,
    HandoffTakenUp,
    HandoffWithdrawn,
    PersonAnswer,
    Terms,
    acceptance_no,
    persons,
    place_of,
    responsible_unit,
)
from shared.casework.shape import must, said
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.orders import Order

_HASH = re.compile(r"\A[0-9a-f]{64}\Z")

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
    terms: Terms = USUAL
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


@command("answer_handoff_for_person", permission="accept")
@dataclass(frozen=True)
class AnswerHandoffForPerson:
    """逐人答复: of one of those concerned."""

    record_id: str
    person_id: str
    outcome: str
    result: str


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
    from_unit = _sender(c.from_unit, c.division, order)
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
    """What came back, and what nobody has taken yet: by who sent it, not by whose list it stands in."""
    must(state, "撤回", "sent", "returned")
    if state.status == "sent" and not divisions.covers(order.hand.division, place_of(state.from_unit, state.home)):
        raise Refused("wrong_division", "尚未签收的转办只能由转出单位撤回；接收单位请退回并说明。", "record_id")
    return [HandoffWithdrawn(state.number, state.subject_id, said(c.reason, "reason", "撤回理由"))]


def finish(state: Handoff, c: FinishHandoff, order: Order[Any]) -> Sequence[Any]:
    outcome, result = _result(state, "办结", c.outcome, c.result)
    if state.answers:
        raise Refused("out_of_order", "此项转办已有逐人答复，其余人员请逐人答复。", "record_id")
    if unknown := [p for p in c.answered_for if p not in state.concerned]:
        raise invalid(f"有{len(unknown)}人不在此项转办所涉人员中。", "answered_for")
    to = () if set(c.answered_for) == set(state.concerned) else tuple(dict.fromkeys(c.answered_for))
    return [_done(state, outcome, result, to, order)]


def answer_for_person(state: Handoff, c: AnswerHandoffForPerson, order: Order[Any]) -> Sequence[Any]:
    """The last of them finishes it: by the first of the outcomes that anybody got, naming to whom it applies."""
    known = state.answers.get(c.person_id)
    if known == PersonAnswer(c.outcome.strip(), c.result.strip()):
        return []
    outcome, result = _result(state, "逐人答复", c.outcome, c.result)
    if c.person_id not in persons(state):
        raise Refused("not_found", "此人不在此项转办所涉人员中。", "person_id")
    if known is not None:
        raise Refused("already_exists", "此人已有答复。", "person_id")
    told = HandoffPersonAnswered(c.person_id, outcome, result)
    answers = {**state.answers, c.person_id: PersonAnswer(outcome, result)}
    if any(p not in answers for p in persons(state)):
        return [told]
    given = [answers[p] for p in persons(state)]
    whole = next(o for o in (*state.terms.outcomes, outcome) if any(a.outcome == o for a in given))
    to = tuple(p for p in persons(state) if answers[p].outcome == whole)
    every = "；".join(dict.fromkeys(a.result for a in given))
    return [told, _done(state, whole, every, () if len(to) == len(given) else to, order)]


def _result(state: Handoff, act: str, outcome: str, result: str) -> tuple[str, str]:
    must(state, act, "accepted")
    if state.refers_to:
        raise Refused("out_of_order", "此项转办已立案办理，结果随办件的决定自动反馈，不能手工办结。", "record_id")
    found, text = said(outcome, "outcome", "办理结果"), said(result, "result", "结果说明")
    if state.terms.outcomes and found not in state.terms.outcomes:
        raise invalid("办理结果不在允许的取值范围内。", "outcome")
    return found, text


def _done(s: Handoff, outcome: str, result: str, to: tuple[str, ...], order: Order[Any]) -> HandoffDone:
    by = dates.add_working_days(order.today, s.terms.acknowledge_days)
    in_time = s.due_on is None or order.today <= s.due_on
    return HandoffDone(s.programme, s.home, s.number, s.subject_id, s.from_unit, s.to_unit, outcome, result, in_time, by, to)


def acknowledge(state: Handoff, c: AcknowledgeHandoff, order: Order[Any]) -> Sequence[Any]:
    must(state, "结果签收", "done")
    return [HandoffAcknowledged(said(c.told, "told", "告知申请人的方式"), order.hand.actor)]


def note_overdue(state: Handoff, c: NoteHandoffOverdue, order: Order[Any]) -> Sequence[Any]:
    if state.due_on is None or state.late or order.today <= state.due_on:
        return []
    return [HandoffOverdue(state.programme, state.division, state.number, DUES[state.status], state.due_on, responsible_unit(state))]


def _sender(unit: str, home: str, order: Order[Any]) -> str:
    """A town of the district sends for itself: what comes back is its work, so nobody else names it."""
    found = said(unit, "from_unit", "转出单位")
    if found.isdigit() and divisions.check(found, "from_unit").startswith(home[:6]) and not divisions.covers(order.hand.division, found):
        raise Refused("wrong_division", "不得以其他单位的名义转出。", "from_unit")
    return found


def _receiver(unit: str, from_unit: str, terms: Terms) -> str:
    found = said(unit, "to_unit", "接收单位")
    if found == from_unit:
        raise invalid("接收单位不能是转出单位。", "to_unit")
    if found.isdigit():
        divisions.check(found, "to_unit")  # of a code that is none nobody would ever see it
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
