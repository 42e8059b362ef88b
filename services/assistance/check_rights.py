"""Right to check (核对权限下放): who may ask; and the cut-over of a source from an old system to a new one (新旧系统切换). Catalogue A43.

The district may ask for verifications of itself until that is withdrawn; a town or street only under a grant: for one role and one
programme (or all of them), from a day, until a day or until withdrawn. Who grants does so from above: no unit grants to itself. A grant
takes the place of what was granted before of the same scope (role and programme) from its own first day on; until then the earlier one
holds, so that a period is prolonged before it is over. A right of all programmes is not withdrawn for one of them: it is withdrawn, and
granted by programme.

A cut-over takes every request that a source has not answered over to another system: each exactly once (the old number is closed
with the new one written in it), counted by the scope it was asked in (programme and town), then both sides' lists are held against each
other and what differs is shown until somebody has settled it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Literal

from services.assistance.means_test import clean
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

CATALOGUE = ("A43",)
ROLES = ("clerk", "reviewer", "approver")

# -- The right: events, state ----------------------------------------------------------------------------------------


@event("assistance.check_right_granted")
@dataclass(frozen=True)
class CheckRightGranted:
    """下放 to a unit (its division code) for one role. ``valid_until`` None: until withdrawn. ``basis``: the document it rests on.
    ``programme``: for which alone, "" = for all."""

    unit: str
    role: str
    valid_from: date
    valid_until: date | None
    basis: str
    by: str
    programme: str = ""


@event("assistance.check_right_withdrawn")
@dataclass(frozen=True)
class CheckRightWithdrawn:
    """收回, from the day of the event on; ``programme``: what was granted for it alone, "" = whatever the role may check."""

    unit: str
    role: str
    reason: str
    by: str
    programme: str = ""


@dataclass(frozen=True)
class Grant:
    valid_from: date
    valid_until: date | None
    withdrawn: bool = False
    programme: str = ""  # for which alone; "" = for all

    def holds(self, day: date) -> bool:
        return not self.withdrawn and self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def covers(self, programme: str, day: date) -> bool:
        return self.holds(day) and self.programme in ("", programme)


def until(grants: Iterable[Grant], first: date, programme: str) -> tuple[Grant, ...]:
    """What is left of grants when another one of a programme begins on a day: those of its scope up to the day before, the rest whole."""
    before = first - timedelta(days=1) if first > date.min else first
    cut = (
        g if g.programme != programme else replace(g, valid_until=min(g.valid_until or before, before))
        for g in grants
        if g.programme != programme or g.valid_from < first
    )
    return tuple(cut)


@dataclass(frozen=True)
class CheckRight:
    unit: str = ""
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=lambda: MappingProxyType({}))  # by role, one after another


def granted(state: CheckRight, unit: str, role: str) -> tuple[Grant, ...]:
    """What a role of a unit was ever granted; a district has it of itself, for all programmes, until that is withdrawn."""
    return state.grants.get(role, (Grant(date.min, None),) if len(unit) <= 6 else ())


def unit_of(division: str) -> str:
    """The town of a place: no smaller unit holds a right."""
    return division[:9]


def may_check(state: CheckRight, unit: str, roles: Iterable[str], day: date, programme: str) -> bool:
    """Whether a hand of this unit with these roles may ask for a verification for this programme on the day."""
    return any(grant.covers(programme, day) for role in roles if role in ROLES for grant in granted(state, unit, role))


def evolve_right(state: CheckRight, happened: Any) -> CheckRight:
    match happened:
        case CheckRightGranted():
            before = until(granted(state, happened.unit, happened.role), happened.valid_from, happened.programme)
            grants = (*before, Grant(happened.valid_from, happened.valid_until, programme=happened.programme))
        case CheckRightWithdrawn():
            grants = tuple(
                replace(g, withdrawn=g.withdrawn or happened.programme in ("", g.programme))
                for g in granted(state, happened.unit, happened.role)
            )
        case _:
            raise TypeError(f"a right to check knows no {type(happened).__name__}")
    return CheckRight(happened.unit, MappingProxyType({**state.grants, happened.role: grants}))


@command("grant_check_right", permission="assistance:confirm")
@dataclass(frozen=True)
class GrantCheckRight:
    """``post``: the role (岗位) in that unit that may check; ``programme``: for which alone, "" = for all."""

    division: str
    post: Literal["clerk", "reviewer", "approver"]
    valid_from: date
    basis: str
    valid_until: date | None = None
    programme: str = ""


@command("withdraw_check_right", permission="assistance:confirm")
@dataclass(frozen=True)
class WithdrawCheckRight:
    """``programme``: what was granted for it alone, "" = everything that the post may check."""

    division: str
    post: Literal["clerk", "reviewer", "approver"]
    reason: str
    programme: str = ""


def grant_right(state: CheckRight, c: GrantCheckRight, order: Order[Any]) -> Sequence[Any]:
    _from_above(c.division, order)
    if c.valid_until is not None and c.valid_until < max(c.valid_from, order.today):
        raise invalid("权限期限早于今天或起始日。", "valid_until")
    same_scope = [g for g in state.grants.get(c.post, ()) if g.programme == c.programme]
    if same_scope[-1:] == [Grant(c.valid_from, c.valid_until, programme=c.programme)]:
        return []
    basis = clean(c.basis, "basis", "下放依据")
    return [CheckRightGranted(c.division, c.post, c.valid_from, c.valid_until, basis, order.hand.actor, c.programme)]


def withdraw_right(state: CheckRight, c: WithdrawCheckRight, order: Order[Any]) -> Sequence[Any]:
    _from_above(c.division, order)
    whole = granted(state, c.division, c.post)
    known = [g for g in whole if c.programme in ("", g.programme)]
    if all(g.withdrawn for g in known):
        if any(not g.withdrawn and not g.programme for g in whole):
            raise Refused("out_of_order", "该单位此岗位的权限不分项目，请先整体收回，再按项目下放。", "programme")
        if not known:
            raise Refused("not_found", "该单位没有此项权限。", "division")
        return []
    return [CheckRightWithdrawn(c.division, c.post, clean(c.reason, "reason", "收回理由"), order.hand.actor, c.programme)]


def _from_above(unit: str, order: Order[Any]) -> None:
    divisions.check(unit)
    if len(unit) > 9:
        raise invalid("核对权限下放至区县或乡镇（街道）。", "division")
    if len(order.hand.division) >= 9 and order.hand.division == unit:
        raise Refused("forbidden", "不得自行授予或收回本单位的核对权限。", "division")


RIGHTS: Decider[CheckRight] = Decider(
    category="assistance.check_right",
    initial=CheckRight(),
    evolve=evolve_right,
    decide={GrantCheckRight: grant_right, WithdrawCheckRight: withdraw_right},
    division=lambda state: state.unit,
)


# -- The cut-over ----------------------------------------------------------------------------------------------------


@event("assistance.cut_over_started")
@dataclass(frozen=True)
class CutOverStarted:
    """切换 of a source to ``system``. ``ours``: the requests that we have open there; ``theirs``: those the old system lists as open."""

    source: str
    division: str
    system: str
    adapter: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    by: str


@event("assistance.request_migrated")
@dataclass(frozen=True)
class RequestMigrated:
    """核对请求迁移: one request is over: under ``new_id``, or (``new_id`` empty) it had been answered or closed before its turn came.
    ``programme`` and ``unit``: the scope it was asked in."""

    old_id: str
    new_id: str
    programme: str = ""
    unit: str = ""


@dataclass(frozen=True)
class ScopeCount:
    """The requests of one scope (项目、乡镇街道): ours = migrated + answered."""

    programme: str
    unit: str
    ours: int
    migrated: int
    answered: int


@event("assistance.cut_over_reconciled")
@dataclass(frozen=True)
class CutOverReconciled:
    """切换对账: ours = migrated + answered, and so in every scope; ``only_ours`` and ``only_theirs`` stand on one list only."""

    ours: int
    migrated: int
    answered: int
    only_ours: tuple[str, ...]
    only_theirs: tuple[str, ...]
    agrees: bool
    by_scope: tuple[ScopeCount, ...] = ()


@event("assistance.cut_over_settled")
@dataclass(frozen=True)
class CutOverSettled:
    """切换差异处理 by another hand than the one that started it."""

    note: str
    by: str


@dataclass(frozen=True)
class CutOver:
    status: str = "none"  # none | migrating | differing | closed
    source: str = ""
    division: str = ""
    system: str = ""
    adapter: str = ""
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    started_by: str = ""
    only_ours: tuple[str, ...] = ()
    only_theirs: tuple[str, ...] = ()
    by_scope: tuple[ScopeCount, ...] = ()  # of what has moved, in the order of programme and unit

    @property
    def left(self) -> tuple[str, ...]:
        return tuple(old for old in self.ours if old not in self.moved)


def evolve_cut_over(state: CutOver, happened: Any) -> CutOver:
    match happened:
        case CutOverStarted():
            return CutOver(
                "migrating", happened.source, happened.division, happened.system, happened.adapter, happened.ours, happened.theirs,
                started_by=happened.by,
            )  # fmt: skip
        case RequestMigrated():
            moved = MappingProxyType({**state.moved, happened.old_id: happened.new_id})
            return replace(state, moved=moved, by_scope=_counted(state.by_scope, happened))
        case CutOverReconciled():
            status = "closed" if happened.agrees else "differing"
            return replace(state, status=status, only_ours=happened.only_ours, only_theirs=happened.only_theirs)
        case CutOverSettled():
            return replace(state, status="closed")
        case _:
            raise TypeError(f"a cut-over knows no {type(happened).__name__}")


def _counted(before: tuple[ScopeCount, ...], m: RequestMigrated) -> tuple[ScopeCount, ...]:
    counts = {(n.programme, n.unit): n for n in before}
    had = counts.get((m.programme, m.unit), ScopeCount(m.programme, m.unit, 0, 0, 0))
    over = bool(m.new_id)
    counts[m.programme, m.unit] = replace(had, ours=had.ours + 1, migrated=had.migrated + over, answered=had.answered + (not over))
    return tuple(counts[scope] for scope in sorted(counts))


@command("start_cut_over", permission="assistance:confirm")
@dataclass(frozen=True)
class StartCutOver:
    """``ours`` is put in by the service from its open requests; ``theirs`` is the list of the old system."""

    source: str
    division: str
    system: str
    adapter: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


@command("migrate_request", permission="assistance:verify")
@dataclass(frozen=True)
class MigrateRequest:
    old_id: str
    new_id: str
    programme: str = ""
    unit: str = ""


@command("reconcile_cut_over", permission="assistance:verify")
@dataclass(frozen=True)
class ReconcileCutOver:
    cut_over_id: str


@command("settle_cut_over", permission="assistance:confirm")
@dataclass(frozen=True)
class SettleCutOver:
    cut_over_id: str
    note: str


def start_cut_over(state: CutOver, c: StartCutOver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        raise Refused("already_exists", "此项切换已经开始。", "source")
    if len(set(c.theirs)) != len(c.theirs):
        raise invalid("旧系统清单中有重复的编号。", "theirs")
    return [CutOverStarted(c.source, c.division, c.system, c.adapter, c.ours, c.theirs, order.hand.actor)]


def migrate_request(state: CutOver, c: MigrateRequest, order: Order[Any]) -> Sequence[Any]:
    if state.moved.get(c.old_id) == c.new_id and c.old_id in state.moved:
        return []
    if state.status != "migrating" or c.old_id not in state.left:
        raise out_of_order("此查询不在待迁移清单中，或已迁移。")
    return [RequestMigrated(c.old_id, c.new_id, c.programme, c.unit)]


def reconcile_cut_over(state: CutOver, c: ReconcileCutOver, order: Order[Any]) -> Sequence[Any]:
    if state.status in ("differing", "closed"):
        return []
    if state.status != "migrating" or state.left:
        raise out_of_order("尚有未迁移的查询。")
    migrated = sum(bool(new) for new in state.moved.values())
    only_ours = tuple(sorted(set(state.ours) - set(state.theirs)))
    only_theirs = tuple(sorted(set(state.theirs) - set(state.ours)))
    agrees = not only_ours and not only_theirs
    answered = len(state.ours) - migrated
    return [CutOverReconciled(len(state.ours), migrated, answered, only_ours, only_theirs, agrees, state.by_scope)]


def settle_cut_over(state: CutOver, c: SettleCutOver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "differing":
        raise out_of_order("没有待处理的切换差异。")
    not_the_same_hand(order, state.started_by)
    return [CutOverSettled(clean(c.note, "note", "差异处理说明"), order.hand.actor)]


CUT_OVERS: Decider[CutOver] = Decider(
    category="assistance.cut_over",
    initial=CutOver(),
    evolve=evolve_cut_over,
    decide={
        StartCutOver: start_cut_over,
        MigrateRequest: migrate_request,
        ReconcileCutOver: reconcile_cut_over,
        SettleCutOver: settle_cut_over,
    },
    division=lambda state: state.division,
)
