"""Overlap of aids (重复救助核对): what another department gives a household for a disaster is held against civil-affairs aid.

Two places ask. **The hand-off** (受灾人员救助移交): when it goes out, and again when the answer is that the household was aided, the house
compares with temporary assistance of the same people and with their cases in force; what was compared is an event, one stream for each
hand-off. Life: compared → (aided, and something near it in time) to consider → considered; before that the result cannot be acknowledged.
**The matter of temporary assistance** of a household that was handed over: the finding is an event in the household's own stream
(``temporary.py``), and reviewer and approver cannot go on before it is answered.

Must hold: aid of another department forbids nothing by itself: a named hand says, with a reason, that it is for something else
(``distinct``), or the same (``double``), and then the matter is refused; nothing that was compared is typed; what was considered stays
so until something new is found. Emergencies are helped first all the same (先行救助): the answer is owed before the review.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

CATALOGUE = ("A27",)
COUNTED = ("sent", "aided")  # under way elsewhere, or given; "declined" and "withdrawn" are over
CONSIDER_DAYS = 3  # working days, as the answer of a hand-off is acknowledged in
Outcome = Literal["distinct", "double"]


@dataclass(frozen=True)
class Watched:
    """Of which hand-offs it is asked. months: how far from the hand-off, before and behind, aid may be for the same cause. aid: the
    outcomes that mean that aid was given."""

    months: int
    aid: tuple[str, ...]


def near(handed_on: date, month: str, months: int) -> bool:
    """Whether a month lies within so many of the hand-off."""
    there = dates.month_of(handed_on)
    return dates.add_months(there, -months) <= month <= dates.add_months(there, months)


# -- In the stream of temporary assistance


@event("assistance.aid_elsewhere_noted")
@dataclass(frozen=True)
class AidElsewhereNoted:
    """他部门救助: how a hand-off of the household (or person) stands. ``status``: sent, aided, declined or withdrawn."""

    subject_id: str
    division: str
    handoff_id: str
    number: str
    unit: str
    status: str
    handed_on: date
    months: int


@event("assistance.temporary_overlap_found")
@dataclass(frozen=True)
class TemporaryOverlapFound:
    """可能重复救助: the matter's cause and day, and the hand-off that lies within ``months`` of it."""

    matter_id: str
    kind: str
    cause: str
    happened_on: date
    handoff_id: str
    number: str
    unit: str
    status: str
    handed_on: date
    months: int


@event("assistance.temporary_overlap_lifted")
@dataclass(frozen=True)
class TemporaryOverlapLifted:
    """重复情形消除: the other department declined, or the hand-off was withdrawn."""

    matter_id: str
    handoff_id: str
    number: str
    status: str


@event("assistance.temporary_overlap_answered")
@dataclass(frozen=True)
class TemporaryOverlapAnswered:
    """重复救助核对结论: for the hand-offs that were found, by ``number``."""

    matter_id: str
    numbers: tuple[str, ...]
    outcome: str
    reason: str
    by: str


@command("note_aid_elsewhere", permission="assistance:record")
@dataclass(frozen=True)
class NoteAidElsewhere:
    """By the service, when a hand-off went out, was answered or withdrawn."""

    subject_id: str
    division: str
    handoff_id: str
    number: str
    unit: str
    status: str
    handed_on: date
    months: int


@command("answer_temporary_overlap", permission="assistance:review")
@dataclass(frozen=True)
class AnswerTemporaryOverlap:
    """重复救助核对: outcome distinct (不属同一事由重复救助) or double (属重复救助), and why."""

    subject_id: str
    matter_id: str
    outcome: Outcome
    reason: str


def noted(c: NoteAidElsewhere) -> AidElsewhereNoted:
    return AidElsewhereNoted(c.subject_id, c.division, c.handoff_id, c.number, c.unit, c.status, c.handed_on, c.months)


@dataclass(frozen=True)
class Findings:
    """What a matter knows of overlaps: those to be answered, those that were (hand-off and its status then), those found to be double."""

    open: tuple[TemporaryOverlapFound, ...] = ()
    answered: tuple[tuple[str, str], ...] = ()
    double: tuple[TemporaryOverlapFound, ...] = ()
    last: TemporaryOverlapAnswered | None = None


NOTHING = Findings()


def evolve_findings(state: Findings, happened: Any) -> Findings:
    match happened:
        case TemporaryOverlapFound():
            others = tuple(f for f in state.open if f.handoff_id != happened.handoff_id)
            return replace(state, open=(*others, happened), double=tuple(f for f in state.double if f.handoff_id != happened.handoff_id))
        case TemporaryOverlapLifted():
            gone = happened.handoff_id
            kept = tuple(f for f in state.open if f.handoff_id != gone)
            return replace(state, open=kept, double=tuple(f for f in state.double if f.handoff_id != gone))
        case TemporaryOverlapAnswered():
            answered = tuple((f.handoff_id, f.status) for f in state.open)
            double = state.open if happened.outcome == "double" else ()
            return Findings((), (*state.answered, *answered), (*state.double, *double), happened)
        case _:
            raise TypeError(f"findings know no {type(happened).__name__}")


def found_of(
    known: Findings, matter_id: str, kind: str, cause: str, happened_on: date, elsewhere: Iterable[AidElsewhereNoted]
) -> list[TemporaryOverlapFound | TemporaryOverlapLifted]:
    """What is new of a matter: a hand-off near it that was not found in this status before, and one of which nothing comes any more."""
    found: list[TemporaryOverlapFound | TemporaryOverlapLifted] = []
    seen = {(f.handoff_id, f.status) for f in known.open} | set(known.answered)
    standing = {f.handoff_id for f in (*known.open, *known.double)}
    for e in elsewhere:
        if e.status not in COUNTED:
            if e.handoff_id in standing:
                found.append(TemporaryOverlapLifted(matter_id, e.handoff_id, e.number, e.status))
        elif (e.handoff_id, e.status) not in seen and near(e.handed_on, dates.month_of(happened_on), e.months):
            found.append(
                TemporaryOverlapFound(
                    matter_id, kind, cause, happened_on, e.handoff_id, e.number, e.unit, e.status, e.handed_on, e.months
                )
            )
    return found


# -- Of the hand-off


@dataclass(frozen=True)
class OurAid:
    """Civil-affairs aid of the same people, as it stood: a matter of temporary assistance (``temporary``) or a case in force (``case``).
    ``near``: it began within the months that are asked about, so that it may be for the same cause."""

    kind: str
    reference: str
    subject_id: str
    programme: str
    status: str
    cause: str
    since: str
    fen: int
    near: bool


@event("assistance.aid_overlap_compared")
@dataclass(frozen=True)
class AidOverlapCompared:
    """比对: on the hand-off's ``occasion`` (sent, aided) with all of ``aids``. ``consider_by``: None where nothing is to be considered."""

    handoff_id: str
    number: str
    programme: str
    subject_id: str
    division: str
    unit: str
    occasion: str
    handed_on: date
    months: int
    aids: tuple[OurAid, ...]
    consider_by: date | None


@event("assistance.aid_overlap_considered")
@dataclass(frozen=True)
class AidOverlapConsidered:
    """核对结论: of the aids named by ``references``."""

    handoff_id: str
    references: tuple[str, ...]
    outcome: str
    reason: str
    by: str


@dataclass(frozen=True)
class Overlap:
    """status: none | clear (nothing near) | found (sent, may be considered) | to_consider | considered."""

    status: str = "none"
    compared: AidOverlapCompared | None = None
    considered: tuple[AidOverlapConsidered, ...] = ()
    division: str = ""

    @property
    def left(self) -> tuple[str, ...]:
        """The aids near it that nobody considered yet."""
        done = {reference for c in self.considered for reference in c.references}
        return tuple(a.reference for a in self.compared.aids if a.near and a.reference not in done) if self.compared else ()


def evolve(state: Overlap, happened: Any) -> Overlap:
    match happened:
        case AidOverlapCompared():
            after = replace(state, compared=happened, division=happened.division)
        case AidOverlapConsidered():
            after = replace(state, considered=(*state.considered, happened))
        case _:
            raise TypeError(f"an overlap knows no {type(happened).__name__}")
    return replace(after, status=_stands(after))


def _stands(state: Overlap) -> str:
    assert state.compared is not None
    if state.left:
        return "to_consider" if state.compared.occasion == "aided" else "found"
    return "considered" if any(a.near for a in state.compared.aids) else "clear"


def waits(state: Overlap) -> tuple[str, date | None]:
    """The list in which it stands, and until when."""
    if state.status == "to_consider" and state.compared is not None:
        return "overlap_consider", state.compared.consider_by
    return "", None


@command("compare_aid", permission="assistance:record")
@dataclass(frozen=True)
class CompareAid:
    """By the service."""

    handoff_id: str
    number: str
    programme: str
    subject_id: str
    division: str
    unit: str
    occasion: str
    handed_on: date
    months: int
    aids: tuple[OurAid, ...]


@command("consider_aid_overlap", permission="assistance:review")
@dataclass(frozen=True)
class ConsiderAidOverlap:
    """重复救助核对: outcome distinct or double, and why; what follows for civil-affairs aid is done there."""

    handoff_id: str
    outcome: Outcome
    reason: str


def compare(state: Overlap, c: CompareAid, order: Order[Any]) -> Sequence[Any]:
    """Once for each occasion: a repeat changes nothing, and what was aided is not merely sent any more."""
    if state.compared is not None and state.compared.occasion in (c.occasion, "aided"):
        return []
    due = c.occasion == "aided" and any(a.near for a in c.aids)
    by = dates.add_working_days(order.today, CONSIDER_DAYS) if due else None
    return [
        AidOverlapCompared(
            c.handoff_id, c.number, c.programme, c.subject_id, c.division, c.unit, c.occasion, c.handed_on, c.months, c.aids, by
        )
    ]  # fmt: skip


def consider(state: Overlap, c: ConsiderAidOverlap, order: Order[Any]) -> Sequence[Any]:
    if not state.left:
        raise out_of_order("没有待核对的重复救助情形。")
    return [AidOverlapConsidered(c.handoff_id, state.left, c.outcome, said(c.reason, "reason", "核对结论的理由"), order.hand.actor)]


DECIDER: Decider[Overlap] = Decider(
    category="assistance.aid_overlap",
    initial=Overlap(),
    evolve=evolve,
    decide={CompareAid: compare, ConsiderAidOverlap: consider},
    division=lambda state: state.division,
)
