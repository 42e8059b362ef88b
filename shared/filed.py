"""What a release's own files say in public (随版本公开的数字), as events: the standards of the parameter files, the targets of the plan,
and what the declarations are called and make public.

The public pages show these beside what the log says, and ``?on=`` asks what a page said on a day. A file has no days of recording: the
next release simply says something else. So the portal records, when it starts, what it shows of files, whenever that differs from what
was recorded last (``services/portal/sunshine/filed.py``). One stream a district, ``operations.filed-<division>``; nobody is named in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Hand, Order

PERMISSION = "operations:filed"
HAND = Hand.service("portal")


@dataclass(frozen=True)
class FiledValue:
    """One value of a standard, in force from its first day to its last (None: until further notice); ``amount_fen``."""

    first: date
    last: date | None
    amount_fen: int
    reference: str
    source: str


@dataclass(frozen=True)
class FiledStandard:
    parameter: str
    description: str
    values: tuple[FiledValue, ...]


@dataclass(frozen=True)
class FiledTarget:
    """An indicator of the plan. ``target`` as it is written; ``computed``: the release could compute it, else ``why`` not. How it was
    computed: ``says`` and ``over_says``, its numerator and denominator in words, and ``counted_by``, the events they follow from."""

    id: str
    identifier: str
    title: str
    service: str
    operator: str
    target: str
    unit: str
    status: str
    phrase: str
    due_by: str
    computed: bool
    why: str
    says: str = ""
    over_says: str = ""
    counted_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class FiledScope:
    """What is public of a programme or of a declaration, and what it is called (``title``): ``public``, the fields (of a programme, those
    of its list of recipients). Of a programme also ``place_level``, down to which its figures go, and ``totals``, whether they are public
    at all."""

    code: str
    place_level: str = ""
    totals: bool = False
    public: tuple[str, ...] = ()
    title: str = ""


@event("operations.standards_filed")
@dataclass(frozen=True)
class StandardsFiled:
    """参数文件中的标准。"""

    division: str
    standards: tuple[FiledStandard, ...]


@event("operations.targets_filed")
@dataclass(frozen=True)
class TargetsFiled:
    """计划中的指标与目标。"""

    division: str
    targets: tuple[FiledTarget, ...]


@event("operations.scopes_filed")
@dataclass(frozen=True)
class ScopesFiled:
    """声明的公开范围。"""

    division: str
    scopes: tuple[FiledScope, ...]


Filing = StandardsFiled | TargetsFiled | ScopesFiled


@command("operations.file", permission=PERMISSION)
@dataclass(frozen=True)
class File:
    """What this release's files say."""

    division: str
    standards: tuple[FiledStandard, ...]
    targets: tuple[FiledTarget, ...]
    scopes: tuple[FiledScope, ...]


@dataclass(frozen=True)
class Filed:
    """What was recorded last of each."""

    standards: StandardsFiled | None = None
    targets: TargetsFiled | None = None
    scopes: ScopesFiled | None = None


def evolve(state: Filed, happened: Filing) -> Filed:
    match happened:
        case StandardsFiled():
            return replace(state, standards=happened)
        case TargetsFiled():
            return replace(state, targets=happened)
        case ScopesFiled():
            return replace(state, scopes=happened)


def _file(state: Filed, c: File, order: Order[File]) -> Sequence[Filing]:
    """Of each that says something else than before; nothing for a release whose files say the same."""
    now: tuple[Filing, ...] = (
        StandardsFiled(c.division, c.standards), TargetsFiled(c.division, c.targets), ScopesFiled(c.division, c.scopes)
    )  # fmt: skip
    return [one for one in now if one not in (state.standards, state.targets, state.scopes)]


FILED: Decider[Filed] = Decider(
    category="operations.filed", initial=Filed(), evolve=evolve, decide={File: _file},
    division=lambda state: state.standards.division if state.standards else "",
)  # fmt: skip
