"""Hand-off (转办): what can happen to it, and how it stands: whose turn it is, until when, by which number it is asked for."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.casework.shape import RecordState, View
from shared.domain import resident_id
from shared.domain.errors import invalid
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import derived_id

NAME = "handoff"


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


USUAL = Terms()  # of a programme that sets nothing

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


@shape_event(NAME, "handoff_person_answered")
@dataclass(frozen=True)
class HandoffPersonAnswered:
    """逐人答复: what the receiver did for one of those concerned; when each has an answer, it is done."""

    person_id: str
    outcome: str
    result: str


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
class PersonAnswer:
    """One person's own answer."""

    outcome: str
    result: str


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
    answers: Mapping[str, PersonAnswer] = field(default_factory=lambda: MappingProxyType({}))  # person -> his own answer


def persons(state: Handoff) -> tuple[str, ...]:
    """Whom it concerns, each of whom can be answered for."""
    return state.concerned or ((state.subject_id,) if resident_id.is_person_id(state.subject_id) else ())


def evolve(state: Handoff, event: Any) -> Handoff:
    match event:
        case HandoffSent():
            return Handoff(
                "sent", event.programme, place_of(event.to_unit, event.division), event.subject_id, event.terms, event.number,
                event.division, event.from_unit, event.to_unit, event.what, event.dossier_hash, event.documents, event.accept_by,
                hops=(event.to_unit,), concerned=event.concerned,
            )  # fmt: skip
        case HandoffAccepted():
            return replace(state, status="accepted", due_on=event.done_by, late=False)
        case HandoffTakenUp():
            return replace(state, refers_to=event.refers_to, taken_as=event.taken_as)
        case HandoffReturned():
            return _back(replace(state, status="returned", reason=event.reason, due_on=event.resend_by))
        case HandoffResent():
            return replace(
                state, status="sent", to_unit=event.to_unit, division=place_of(event.to_unit, state.home), dossier_hash=event.dossier_hash,
                documents=event.documents, due_on=event.accept_by, late=False, hops=(*state.hops, event.to_unit),
            )  # fmt: skip
        case HandoffDone():
            answered = replace(state, answered_for=event.answered_for, decision=event.decision)
            return _answered(answered, event)
        case HandoffPersonAnswered():
            answer = PersonAnswer(event.outcome, event.result)
            return replace(state, answers=MappingProxyType({**state.answers, event.person_id: answer}))
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


def place_of(unit: str, home: str) -> str:
    """Where the people of a unit work: a town of this district by its code; anybody else's answer is entered where it was taken in."""
    return unit if unit.isdigit() and unit.startswith(home[:6]) else home


def _back(state: Handoff) -> Handoff:
    return replace(state, division=place_of(state.from_unit, state.home), late=False)


def _answered(state: Handoff, event: HandoffDone | HandoffCorrected) -> Handoff:
    return _back(replace(state, status="done", outcome=event.outcome, result=event.result, due_on=event.acknowledge_by))


def acceptance_no(division: str, command_id: str) -> str:
    """统一受理编号: the district's code, 15 digits, and a check digit, so that a mistyped number is not somebody else's. One in which a
    resident ID could be read (one in sixty) is passed over: citizens ask by it, and no address takes a resident ID."""
    return next(number for n in itertools.count() if not resident_id.stands_in(number := _number(division, command_id, n)))


def _number(division: str, command_id: str, n: int) -> str:
    key = derived_id("acceptance", command_id, *([str(n)] if n else []))
    body = f"{division[:6]}{int(key.replace('-', ''), 16) % 10**15:015d}"
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


# -- How it stands -----------------------------------------------------------------------------------------------

DUES = {"sent": "accept", "accepted": "done", "returned": "resend", "done": "acknowledge"}


def view(state: Handoff) -> View:
    if state.status not in DUES:
        return View(state.status, False, title=state.number)
    title = state.number + ("（依据已终止）" if state.basis_ended else "（结果更正）" if state.corrected else "")
    due = DUES[state.status]
    worklist = "handoff_overdue" if state.late else f"handoff_{due}"
    due_on = None if state.late else state.due_on
    return View(state.status, True, worklist, responsible_unit(state), due_on, "" if state.late else due, len(state.hops), title)
