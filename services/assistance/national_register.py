"""The national system's list of low-income persons (金民工程低收入人口数据) held against our own register (A31).

    <exchange>/assistance/jinmin/in/*.csv | *.xlsx    身份证号, 姓名, 救助类别, 行政区划代码

Each person of either list is the same in both, only there, only here, or of another class; each difference is a task of its own (线索,
``national_register_comparison``): assigned, looked into, answered with an outcome and a reason, late where nobody does. Nothing is granted,
changed or ended by it. The comparison itself is an event: how many there were, and which lines could not be read; nobody is named in it.

A comparison goes part by part: first through the register, page by page in the order of its entries, then through the file, so many persons
at once; each part is an event with the place it got to, and the timer asks for the next. So a district of any size is compared without ever
being read whole, and what is cut off goes on where it stopped. The file lies in ``work`` meanwhile and is deleted when it is through.

Must hold: the same file again raises nothing anew; a difference whose task is still open is not raised beside it; each part counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from services.assistance import determination
from services.assistance.verification_sources import BrokenLine
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused, invalid
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order
from shared.exchange.files import MOST_BYTES, rows_of

CATALOGUE = ("A31",)
NUMBER, CLASS, PLACE = "身份证号", "救助类别", "行政区划代码"
# As the national system writes them, and as older exports do.
CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "特困供养": "extreme_hardship", "特困人员": "extreme_hardship", "特困": "extreme_hardship",
        "最低生活保障": "minimum_living", "低保": "minimum_living",
        "低保边缘": "margin", "低保边缘家庭": "margin",
        "刚性支出困难": "expenditure", "支出型困难": "expenditure",
        "其他低收入": "low_income", "低收入家庭": "low_income",
    }
)  # fmt: skip
SAID = {"extreme_hardship": "特困", "minimum_living": "低保", "margin": "低保边缘", "expenditure": "支出型困难", "low_income": "其他低收入"}


# -- the file


@dataclass(frozen=True)
class Listed:
    """One person of a list, by his pseudonym."""

    person_id: str
    hardship_class: str
    division: str


@dataclass
class National:
    """A file as read."""

    digest: str
    persons: dict[str, Listed] = field(default_factory=dict)
    broken: list[BrokenLine] = field(default_factory=list)


def read(path: Path, person_id: Callable[[str], str]) -> National:
    """What a file says; a line that is none is told with its number and not quoted, and the name is not looked at."""
    data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
    found = National(hashlib.sha256(data or path.name.encode()).hexdigest()[:32])
    rows = rows_of(data, path.suffix) if data else None
    names = [str(c or "").strip().lstrip("\ufeff") for c in rows[0]] if rows else []
    if rows is None or any(c not in names for c in (NUMBER, CLASS, PLACE)):
        found.broken.append(BrokenLine(0, f"文件过大、无法读取，或没有表头“{NUMBER}”“{CLASS}”“{PLACE}”。"))
        return found
    at = [names.index(c) for c in (NUMBER, CLASS, PLACE)]
    for n, cells in enumerate(rows[1:], 2):
        number, its_class, place = (str(cells[i]).strip() if i < len(cells) and cells[i] is not None else "" for i in at)
        if not (number or its_class or place):
            continue
        try:
            if its_class not in CLASSES:
                raise invalid("救助类别不在已知的取值范围内。", CLASS)
            one = Listed(person_id(resident_ids.check(number)), CLASSES[its_class], divisions.check(place))
            if one.person_id in found.persons:
                raise invalid("同一人员在文件中出现两次，按首次出现的计。", NUMBER)
        except Refused as refused:
            found.broken.append(BrokenLine(n, refused.message))
        else:
            found.persons[one.person_id] = one
    return found


# -- what differs


@dataclass(frozen=True)
class Difference:
    """kind: only_there | only_here | class_differs."""

    kind: str
    person_id: str
    division: str
    what: str


def differences(
    persons: Iterable[str], theirs: Mapping[str, Listed], ours: Mapping[str, Listed], month: str
) -> Iterator[Difference]:
    """Of these persons, in their order, so that the same two lists give the same tasks."""
    for person_id in sorted(persons):
        there, here = theirs.get(person_id), ours.get(person_id)
        if there is None and here is not None:
            yield Difference("only_here", person_id, here.division, f"{month}：本区为{SAID[here.hardship_class]}，金民无此人")
        elif here is None and there is not None:
            yield Difference("only_there", person_id, there.division, f"{month}：金民为{SAID[there.hardship_class]}，本区名册无此人")
        elif here is not None and there is not None and here.hardship_class != there.hardship_class:
            both = f"金民为{SAID[there.hardship_class]}，本区为{SAID[here.hardship_class]}"
            yield Difference("class_differs", person_id, here.division, f"{month}：{both}")


def members_of(unit: determination.Unit, there: Sequence[str], month: str) -> Iterator[Listed]:
    """Who of a unit has a class of his own in a month."""
    for person_id in there:
        if found := determination.class_of(unit, person_id, month):
            yield Listed(person_id, found, unit.division)


# -- the comparison as an event


@event("assistance.national_register_compared")
@dataclass(frozen=True)
class NationalRegisterCompared:
    """金民数据比对: two lists of a month, and what came of it; ``raised``: for how many differences a task was opened now."""

    digest: str
    division: str
    month: str
    national_persons: int
    our_persons: int
    only_there: int
    only_here: int
    differs: int
    raised: int
    broken: tuple[BrokenLine, ...]
    by: str


@event("assistance.national_comparison_started")
@dataclass(frozen=True)
class NationalComparisonStarted:
    """金民数据比对开始: a file (``digest``) is to be held against the register of a month."""

    digest: str
    division: str
    month: str
    national_persons: int
    broken: tuple[BrokenLine, ...]
    by: str


@event("assistance.national_part_compared")
@dataclass(frozen=True)
class NationalPartCompared:
    """金民数据比对进展: ``looked`` persons of one side (here | there) were compared; it goes on behind ``behind`` of ``side``."""

    digest: str
    division: str
    month: str
    looked: int
    only_there: int
    only_here: int
    differs: int
    raised: int
    side: str
    behind: str


@dataclass(frozen=True)
class Running:
    """A comparison that is not through: the sums so far, and where it goes on."""

    digest: str
    month: str
    national_persons: int
    broken: tuple[BrokenLine, ...]
    by: str
    side: str = "here"
    behind: str = ""
    our_persons: int = 0
    only_there: int = 0
    only_here: int = 0
    differs: int = 0
    raised: int = 0


@dataclass(frozen=True)
class Comparisons:
    division: str = ""
    made: tuple[NationalRegisterCompared, ...] = ()
    running: tuple[Running, ...] = ()  # the first one is being compared, the others wait


def evolve(state: Comparisons, happened: Any) -> Comparisons:
    match happened:
        case NationalComparisonStarted():
            begun = Running(happened.digest, happened.month, happened.national_persons, happened.broken, happened.by)
            return replace(state, division=happened.division, running=(*state.running, begun))
        case NationalPartCompared():
            return replace(state, running=(_further(state.running[0], happened), *state.running[1:]))
        case NationalRegisterCompared():
            this = (happened.digest, happened.month)
            left = tuple(r for r in state.running if (r.digest, r.month) != this)
            return replace(state, division=happened.division, made=(*state.made, happened), running=left)
        case _:
            raise TypeError(f"a comparison knows no {type(happened).__name__}")


def _further(r: Running, part: NationalPartCompared) -> Running:
    return replace(
        r, side=part.side, behind=part.behind, our_persons=r.our_persons + (part.looked if r.side == "here" else 0),
        only_there=r.only_there + part.only_there, only_here=r.only_here + part.only_here, differs=r.differs + part.differs,
        raised=r.raised + part.raised,
    )  # fmt: skip


@command("start_national_comparison", permission="assistance:accept")
@dataclass(frozen=True)
class StartNationalComparison:
    """By the service, of a file in which there is something to compare."""

    digest: str
    division: str
    month: str
    national_persons: int
    broken: tuple[BrokenLine, ...]


@command("note_part_compared", permission="assistance:note")
@dataclass(frozen=True)
class NotePartCompared:
    """By the service: the part behind ``after`` of ``of_side``; ``side`` is "" when it was the last one."""

    digest: str
    of_side: str
    after: str
    looked: int
    only_there: int
    only_here: int
    differs: int
    raised: int
    side: str
    behind: str


@command("note_comparison", permission="assistance:accept")
@dataclass(frozen=True)
class NoteComparison:
    """By the service: a comparison that was made in one go, as every one was in earlier releases; now of a file of which nothing can be
    read, which is no list on which nobody stands."""

    digest: str
    division: str
    month: str
    national_persons: int
    our_persons: int
    only_there: int
    only_here: int
    differs: int
    raised: int
    broken: tuple[BrokenLine, ...]


def start(state: Comparisons, c: StartNationalComparison, order: Order[Any]) -> Sequence[Any]:
    if any((r.digest, r.month) == (c.digest, c.month) for r in state.running):
        return []  # it is being compared
    return [NationalComparisonStarted(c.digest, c.division, c.month, c.national_persons, c.broken, order.hand.actor)]


def note_part(state: Comparisons, c: NotePartCompared, order: Order[Any]) -> Sequence[Any]:
    """Once: what another worker has noted is another place by now."""
    r = state.running[0] if state.running else None
    if r is None or (r.digest, r.side, r.behind) != (c.digest, c.of_side, c.after):
        return []
    side = c.side or c.of_side
    part = NationalPartCompared(
        r.digest, state.division, r.month, c.looked, c.only_there, c.only_here, c.differs, c.raised, side, c.behind
    )
    if c.side:
        return [part]
    whole = _further(r, part)
    return [part, NationalRegisterCompared(
        r.digest, state.division, r.month, r.national_persons, whole.our_persons, whole.only_there, whole.only_here, whole.differs,
        whole.raised, r.broken, r.by,
    )]  # fmt: skip


def note(state: Comparisons, c: NoteComparison, order: Order[Any]) -> Sequence[Any]:
    if not c.raised and any((m.digest, m.month) == (c.digest, c.month) for m in state.made):
        return []  # the same file once more
    return [NationalRegisterCompared(**vars(c), by=order.hand.actor)]


DECIDER: Decider[Comparisons] = Decider(
    category="assistance.national_register",
    initial=Comparisons(),
    evolve=evolve,
    decide={StartNationalComparison: start, NotePartCompared: note_part, NoteComparison: note},
    division=lambda state: state.division,
)
