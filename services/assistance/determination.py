"""Hardship determination (困难类别认定): one current class for each household, with its reason, and every earlier one.

Life: nothing → a class is granted when a case of a programme that carries one begins (its ground) → changed when a stronger
ground comes or the strongest goes → ended when none is left → granted again. One stream per household; a person of 特困 whom no
household counts is a unit of his own. The register of low-income persons (低收入人口数据库) is built from these events alone.

Must hold: 特困 > 低保 > 低保边缘 > 低收入 > 支出型, the strongest ground of a month is the class of the month; a determination is never
overwritten: a later one supersedes it and both stay readable; the answer does not depend on the order in which the cases' events
come. Relied on by the disability subsidies, 临时救助, 价格临时补贴, and by whoever subscribes to class_granted/changed/ended.

The unit's class is not always that of each of its members: another's 特困 or 单人保 is not his, and what begins or ends behind it changes
no class of the unit. Where the determinations do not say what somebody is, a note of that one member does (``member_class_noted``); so does
one who was asked for by another service (an elder who enrols).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from services.assistance.programmes import PROGRAMMES
from shared.casework.benefit_case import CaseEnded, CaseGranted, CaseReassessed, EarlierRoundReassessed, due_again, due_by
from shared.domain import dates
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

CATALOGUE = ("A03", "A31", "W08")

# Programme -> the class (困难类别) that its running case carries.
CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "extreme_hardship_support": "extreme_hardship",  # 特困
        "minimum_living_allowance": "minimum_living",  # 低保
        "minimum_living_margin_household": "margin",  # 低保边缘
        "low_income_household": "low_income",  # 低收入
        "expenditure_based_hardship": "expenditure",  # 支出型
    }
)
PRECEDENCE = ("extreme_hardship", "minimum_living", "margin", "low_income", "expenditure")  # strongest first


# -- Events


@dataclass(frozen=True)
class Span:
    """Months in which a case runs: from ``first`` to before ``end`` ("" = still running). ``person_id``: the one person of the unit whom it
    is about in them (单人保), where that is not the same in all months of the case; "" = as the ground says."""

    first: str
    end: str = ""
    person_id: str = ""

    def holds(self, month: str) -> bool:
        return self.first <= month and (not self.end or month < self.end)


@event("assistance.hardship_ground_noted")
@dataclass(frozen=True)
class HardshipGroundNoted:
    """认定依据: the months in which one case of the unit runs, as they are known now; the latest note of a case holds."""

    unit_id: str
    division: str
    case_id: str
    programme: str
    subject_id: str
    hardship_class: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Determined:
    """One determination. ``no`` counts within the unit. ``supersedes``: determinations that no longer hold in any month;
    ``cuts``: the one that holds only up to ``valid_from`` now (-1 = none). ``members``: persons of the unit at the time."""

    unit_id: str
    division: str
    no: int
    hardship_class: str
    old_class: str
    valid_from: str
    reason: str
    case_id: str
    members: tuple[str, ...]
    supersedes: tuple[int, ...]
    cuts: int


@event("assistance.class_granted", published=True)
@dataclass(frozen=True)
class ClassGranted(Determined):
    """认定: the unit has a class from ``valid_from`` on, and had none."""


@event("assistance.class_changed", published=True)
@dataclass(frozen=True)
class ClassChanged(Determined):
    """类别变更: another class from ``valid_from`` on."""


@event("assistance.class_ended", published=True)
@dataclass(frozen=True)
class ClassEnded(Determined):
    """终止认定: no class from ``valid_from`` on; ``hardship_class`` is empty."""


@event("assistance.member_class_noted", published=True)
@dataclass(frozen=True)
class MemberClassNoted:
    """成员困难类别: what one member of the unit is from ``month`` on, where its determinations do not say it. ``no``: the last of them by
    then; ``turn`` counts the notes of the unit. Of what is said of a month, the later by (no, turn) holds; a determination's turn is 0."""

    unit_id: str
    division: str
    no: int
    turn: int
    person_id: str
    hardship_class: str
    month: str


@event("assistance.need_foreseen")
@dataclass(frozen=True)
class NeedForeseen:
    """转介预期: in this month somebody of the unit reaches an age at which he may need what he does not need yet; "" = nobody."""

    unit_id: str
    month: str


# -- State


@dataclass(frozen=True)
class Unit:
    unit_id: str = ""
    division: str = ""
    grounds: Mapping[str, HardshipGroundNoted] = field(default_factory=lambda: MappingProxyType({}))  # by case
    chain: tuple[Determined, ...] = ()  # every determination ever made, in the order of recording
    members: tuple[str, ...] = ()
    noted: tuple[MemberClassNoted, ...] = ()
    foreseen: str | None = None  # the month in which the needs are looked at again; None = never looked at in this round

    @property
    def current(self) -> Determined | None:
        return self.chain[-1] if self.chain else None


def evolve(state: Unit, happened: Any) -> Unit:
    match happened:
        case HardshipGroundNoted():
            grounds = MappingProxyType({**state.grounds, happened.case_id: happened})
            return replace(state, unit_id=happened.unit_id, division=happened.division, grounds=grounds)
        case ClassGranted() | ClassChanged() | ClassEnded():
            foreseen = None if isinstance(happened, ClassEnded) else state.foreseen
            return replace(state, chain=(*state.chain, happened), members=happened.members, foreseen=foreseen)
        case NeedForeseen():
            return replace(state, foreseen=happened.month)
        case MemberClassNoted():
            return replace(state, noted=(*state.noted, happened))
        case _:
            raise TypeError(f"a determination knows no {type(happened).__name__}")


def determined_in(state: Unit, month: str) -> Determined | None:
    """The determination that holds in a month: of those that begin by then, the one recorded last."""
    return next((d for d in reversed(state.chain) if d.valid_from <= month), None)


def class_in(state: Unit, month: str) -> str:
    """The unit's class in a month, "" = none."""
    found = determined_in(state, month)
    return found.hardship_class if found else ""


def known_until(state: Unit) -> str:
    """The last month in which a ground of the unit begins or is over, as is known now; it may be still to come."""
    return max((m for g in state.grounds.values() for s in g.spans for m in (s.first, s.end)), default="")


def class_of(state: Unit, person_id: str, month: str) -> str:
    """The class of one person of the unit: a ground of another person of it (a 特困 person in a family) is not his."""
    of_him = (state.unit_id, person_id)
    grounds = [replace(g, spans=tuple(s for s in g.spans if (s.person_id or g.subject_id) in of_him)) for g in state.grounds.values()]
    ground = _strongest(grounds, month)
    return ground.hardship_class if ground else ""


def told_of(state: Unit, person_id: str, month: str) -> str:
    """What the determinations and notes of the unit tell of a person in a month to whoever reads them one by one."""
    said = [(d.no, 0, d.hardship_class) for d in state.chain if d.valid_from <= month and _speaks_of(state, d, person_id)]
    said += [(n.no, n.turn, n.hardship_class) for n in state.noted if n.person_id == person_id and n.month <= month]
    return max(said, default=(0, 0, ""))[2]


def _speaks_of(state: Unit, made: Determined, person_id: str) -> bool:
    """特困 is one person's: of the others of the household such a determination says nothing."""
    ground = state.grounds.get(made.case_id)
    return made.hardship_class != PRECEDENCE[0] or (ground is not None and ground.subject_id == person_id)


def spans_of(history: Iterable[Any]) -> tuple[Span, ...]:
    """The months in which a case ran, from its own events: an end may come earlier later on, and takes back what lay behind it.

    An end that was set aside on appeal is followed by a decision of the months behind it; a late fact about the months before an end
    is followed by the end once more. One that took the whole run back is set aside as a whole too. Months between rounds may be found due.
    """
    spans: list[Span] = []
    granted = ""
    for happened in history:
        match happened:
            case CaseGranted():
                granted = happened.first_month
                spans.append(Span(granted))
            case CaseReassessed() if granted and (happened.outcome != "ended" or due_by(happened.assessments[0])):  # its end follows
                spans = [s for s in spans if s.first != granted] + [Span(granted)]
            case CaseEnded():
                kept = [s for s in spans if s.first < happened.first_unpaid_month]
                spans = [replace(s, end=_earlier(s.end, happened.first_unpaid_month)) for s in kept]
            case EarlierRoundReassessed():
                outside = (("", happened.from_month), (happened.before, ""))
                spans = sorted((*clipped(spans, outside), *(Span(*months) for months in due_again(happened))), key=lambda s: s.first)
    return tuple(spans)


def clipped(spans: Iterable[Span], within: Iterable[tuple[str, str]]) -> tuple[Span, ...]:
    """Of these months those that lie within others, given as (first, first no more or "")."""
    found = [Span(max(s.first, first), _earlier(s.end, end), s.person_id) for s in spans for first, end in within]
    return tuple(s for s in found if not s.end or s.first < s.end)


def _earlier(one: str, other: str) -> str:
    """Of two ends, of which "" is none."""
    return min((m for m in (one, other) if m), default="")


def _strongest(grounds: Iterable[HardshipGroundNoted], month: str) -> HardshipGroundNoted | None:
    there = [g for g in grounds if any(s.holds(month) for s in g.spans)]
    return min(there, key=lambda g: (PRECEDENCE.index(g.hardship_class), g.case_id), default=None)


# -- Commands


@command("note_ground", permission="assistance:determine")
@dataclass(frozen=True)
class NoteGround:
    """By the service when a case that carries a class began or ended. ``spans`` are all months in which the case ran or runs."""

    unit_id: str
    division: str
    case_id: str
    programme: str
    subject_id: str
    spans: tuple[Span, ...]
    members: tuple[str, ...]


@command("answer_class", permission="assistance:determine")
@dataclass(frozen=True)
class AnswerClass:
    """By the service when another service asks what a member of the unit is from a month on."""

    unit_id: str
    person_id: str
    month: str


@command("foresee_need", permission="assistance:determine")
@dataclass(frozen=True)
class ForeseeNeed:
    """By the service, as the unit's needs are looked at."""

    unit_id: str
    month: str


# -- Decisions


def note_ground(state: Unit, c: NoteGround, order: Order[Any]) -> Sequence[Any]:
    noted = HardshipGroundNoted(c.unit_id, c.division, c.case_id, c.programme, c.subject_id, CLASSES[c.programme], c.spans)
    known = state.grounds.get(c.case_id)
    if known == noted or (known is None and not c.spans):
        return []
    after = evolve(state, noted)
    edges = _edges(state) | _edges(after)
    decided: list[Any] = [noted]
    for month in sorted(edges | {d.valid_from for d in state.chain}):
        ground = _strongest(after.grounds.values(), month)
        new = ground.hardship_class if ground else ""
        if class_in(after, month) == new:
            continue
        made = _determined(after, ground, month, c.members)
        decided.append(made)
        after = evolve(after, made)
        # Recorded last, it would hold for all months after it: those that were decided otherwise follow, each by its own edge.
    for month in sorted(edges | {d.valid_from for d in after.chain} | {n.month for n in after.noted}):
        for person_id in c.members:
            if told_of(after, person_id, month) != (now := class_of(after, person_id, month)):
                said = _noted(after, person_id, now, month)
                decided.append(said)
                after = evolve(after, said)
    return decided


def answer_class(state: Unit, c: AnswerClass, order: Order[Any]) -> Sequence[Any]:
    """From the month on, and from every month known by now in which he becomes something else; nothing of who is nothing."""
    dates.check_month(c.month)
    answer: list[Any] = []
    before = ""
    for month in (c.month, *(m for m in sorted(_edges(state)) if m > c.month)):
        if (now := class_of(state, c.person_id, month)) != before:
            said = _noted(state, c.person_id, now, month)
            answer.append(said)
            state, before = evolve(state, said), now
    return answer


def foresee_need(state: Unit, c: ForeseeNeed, order: Order[Any]) -> Sequence[Any]:
    return [] if state.foreseen == c.month else [NeedForeseen(state.unit_id, c.month)]


def _edges(state: Unit) -> set[str]:
    """The months in which a ground of the unit begins or is over."""
    return {m for g in state.grounds.values() for s in g.spans for m in (s.first, s.end) if m}


def _noted(state: Unit, person_id: str, hardship_class: str, month: str) -> MemberClassNoted:
    return MemberClassNoted(
        state.unit_id, state.division, len(state.chain) - 1, len(state.noted) + 1, person_id, hardship_class, month
    )


def _determined(state: Unit, ground: HardshipGroundNoted | None, month: str, members: tuple[str, ...]) -> Determined:
    old = class_in(state, month)  # what was thought of this month until now
    new = ground.hardship_class if ground else ""
    gone = {n for d in state.chain for n in d.supersedes}
    supersedes = tuple(d.no for d in state.chain if d.no not in gone and d.valid_from >= month)
    cut = determined_in(state, dates.add_months(month, -1))
    kind = ClassEnded if not new else ClassChanged if old else ClassGranted
    reason = f"{PROGRAMMES[ground.programme].name}在保" if ground else "已无在保或在册的认定依据"
    return kind(
        state.unit_id, state.division, len(state.chain), new, old, month, reason, ground.case_id if ground else "", members, supersedes,
        cut.no if cut else -1,
    )  # fmt: skip


DECIDER: Decider[Unit] = Decider(
    category="assistance.determination",
    initial=Unit(),
    evolve=evolve,
    decide={NoteGround: note_ground, AnswerClass: answer_class, ForeseeNeed: foresee_need},
    division=lambda state: state.division,
)
