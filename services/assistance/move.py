"""Move of a whole household (家庭迁移): to another town or village of the district, or out of it (迁出).

A dated fact in the household's own stream, beside those of ``household.py``. Life: moved (with the day, the place, the papers and what
it was learned by) → from the first of the month after, handed over to the town it moved to; a move that was none is set aside, and
handed back. Out of the district nobody takes over: nothing is given any more from that month on, and the town before keeps the file.

Must hold: a month belongs to the town in which the household was by then known to live in it, whenever that is learned; until the
hand-over the old town answers for everything, from then on the new one; every move names its trigger, and what follows names the move.
What follows for cases, persons and classes is in ``doors/move.py``; what a month's rules are asked is ``household.facts_in``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order
from shared.rules.facts import AREAS

if TYPE_CHECKING:
    from services.assistance.household import Household

# 搬迁安置，购（租）房，务工，投靠亲属，户籍迁移，其他
MOVE_REASONS = ("resettlement", "housing", "work", "family", "registration", "other")
# A move counts from the first of so many months after it, as an income does; a placeholder, no document was compared for moves.
MONTHS_AFTER = 1
DISTRICT_DIGITS = 6
AWAY = "户籍迁出本区"
AWAY_BASIS = "最低生活保障审核确认办法（民发〔2021〕57号）动态管理：户籍迁出的，自迁出次月起终止救助，由迁入地受理申请"


# -- Events


@event("assistance.household_moved", published=True, public=lambda e: _news(e, e.from_month))
@dataclass(frozen=True)
class HouseholdMoved:
    """家庭迁移: from ``from_month`` on the household lives in ``division``, in town or in the country as ``area`` says. ``number`` counts
    within the household; ``trigger``: what it was learned by, a hand or an agency's message; ``evidence`` names the papers."""

    household_id: str
    number: int
    old_division: str
    division: str
    area: str
    moved_on: date
    from_month: str
    reason: str
    evidence: str
    trigger: str
    by: str


@event("assistance.household_move_set_aside", published=True, public=lambda e: _news(e, e.from_month))
@dataclass(frozen=True)
class HouseholdMoveSetAside:
    """迁移登记撤销: the move ``number`` was none; what counted from ``from_month`` on is as if nobody had said so."""

    household_id: str
    number: int
    from_month: str
    reason: str
    by: str


@event(
    "assistance.household_handed_over",
    published=True,
    public=lambda e: {"household_id": e.household_id, "division": e.division},
)
@dataclass(frozen=True)
class HouseholdHandedOver:
    """移交: from today on the household is ``division``'s; ``numbers`` are the moves, of those in force, that have begun to count."""

    household_id: str
    old_division: str
    division: str
    numbers: tuple[int, ...]


def _news(e: Any, month: str) -> dict[str, Any]:
    return {"household_id": e.household_id, "effective_month": month, "cause": "move"}


# -- State, of which the household has: ``registered_in``, ``area`` (as registered), ``towns``, ``moved``, ``handed``, ``division`` (now)


@dataclass(frozen=True)
class Place:
    """Where a household lives from ``month`` on, by its move ``number``."""

    number: int
    month: str
    division: str
    area: str


def place_in(state: Household, month: str) -> tuple[str, str]:
    """Where the household lives in a month, and whether that is in town; of two moves of one month the later corrects the other."""
    known = [p for p in state.towns if p.month <= month]
    last = max(known, key=lambda p: (p.month, p.number), default=None)
    return (last.division, last.area) if last else (state.registered_in, state.area)


def ours(state: Household, division: str) -> bool:
    """Whether a place is in the district in which the household is registered."""
    return division[:DISTRICT_DIGITS] == state.registered_in[:DISTRICT_DIGITS]


def away_in(state: Household, month: str) -> bool:
    """Whether the household lives out of the district in a month (迁出)."""
    return bool(state.towns) and not ours(state, place_in(state, month)[0])


def town_in(state: Household, month: str) -> str:
    """Whose the household is in a month: of one that left the district, the place before."""
    known = [p for p in state.towns if p.month <= month and ours(state, p.division)]
    last = max(known, key=lambda p: (p.month, p.number), default=None)
    return last.division if last else state.registered_in


def moved_in(state: Household, month: str) -> str:
    """The month in which the household moved to where it lives in this one; "" = it has lived there since it was registered."""
    since = max((p.month for p in state.towns if p.month <= month), default="")
    return dates.add_months(since, -MONTHS_AFTER) if since else ""


def handover_due(state: Household) -> str:
    """The month with which a place in the district begins that the household was not handed over to yet; "" = none."""
    return min((p.month for p in state.towns if p.number not in state.handed and ours(state, p.division)), default="")


# -- Commands


@command("move_household", permission="assistance:survey")
@dataclass(frozen=True)
class MoveHousehold:
    """家庭迁移登记, by the town whose household it is; ``area`` "": in town or in the country as before."""

    household_id: str
    moved_on: date
    division: str
    reason: str
    evidence: str
    area: str = ""
    trigger: str = ""


@command("set_aside_move", permission="assistance:survey")
@dataclass(frozen=True)
class SetAsideMove:
    """迁移登记撤销: it was none, or another household's."""

    household_id: str
    number: int
    reason: str


@command("hand_over_household", permission="assistance:note")
@dataclass(frozen=True)
class HandOverHousehold:
    """By the timer: the month has begun from which a move counts."""

    household_id: str


# -- Decisions


def move_household(state: Household, c: MoveHousehold, order: Order[Any]) -> Sequence[Any]:
    """Told twice it is one move; a move of a month that is over is handed over at once."""
    if not state.exists:
        raise Refused("not_found", "没有此家庭，请先登记。", "household_id")
    if not date(2000, 1, 1) <= c.moved_on <= order.today:
        raise invalid("迁移日期不合理，不得晚于今日。", "moved_on")
    if c.reason not in MOVE_REASONS:
        raise invalid("迁移原因不在允许的取值范围内。", "reason")
    if not c.evidence.strip():
        raise invalid("请填写依据的证明材料。", "evidence")
    if c.area and c.area not in AREAS:
        raise invalid("城乡类别须为 urban 或 rural。", "area")
    where = divisions.check(c.division)
    if ours(state, where) and len(where) == DISTRICT_DIGITS:
        raise invalid("请填写迁入的乡镇（街道）或村（社区）。", "division")
    month = dates.add_months(dates.month_of(c.moved_on), MONTHS_AFTER)
    before = place_in(state, month)
    area = c.area or before[1]
    if (where, area) == before and (not state.towns or any(p.month == month for p in state.towns)):
        return []  # told twice; that it is there already by a move of another month may be all that is known so far
    number = state.moved + 1
    moved = HouseholdMoved(
        state.household_id, number, before[0], where, area, c.moved_on, month, c.reason, c.evidence.strip(),
        c.trigger or order.hand.actor, order.hand.actor,
    )  # fmt: skip
    return [moved, *_handed_over(state, (*state.towns, Place(number, month, where, area)), order)]


def set_aside_move(state: Household, c: SetAsideMove, order: Order[Any]) -> Sequence[Any]:
    there = next((p for p in state.towns if p.number == c.number), None)
    if there is None:
        raise Refused("not_found", "没有此项迁移登记，或已撤销。", "number")
    if not c.reason.strip():
        raise invalid("请填写撤销理由。", "reason")
    gone = HouseholdMoveSetAside(state.household_id, c.number, there.month, c.reason.strip(), order.hand.actor)
    return [gone, *_handed_over(state, tuple(p for p in state.towns if p is not there), order)]


def hand_over_household(state: Household, c: HandOverHousehold, order: Order[Any]) -> Sequence[Any]:
    return _handed_over(state, state.towns, order)


def _handed_over(state: Household, towns: tuple[Place, ...], order: Order[Any]) -> list[Any]:
    """The hand-over, if other moves than those it was handed over by have begun to count."""
    this = dates.month_of(order.today)
    begun = tuple(sorted(p.number for p in towns if p.month <= this and ours(state, p.division)))
    if begun == state.handed:
        return []
    return [HouseholdHandedOver(state.household_id, state.division, town_in(replace(state, towns=towns), this), begun)]
