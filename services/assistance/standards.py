"""Book of standards (保障标准簿): which standard was published, from when, by which document. Catalogue A07, A08, A81.

One stream per district. Life of a publication: drafted → approved by another hand → published → superseded by a later one, or withdrawn.
What is published feeds the rules from its effective date on, and every case in force it touches is decided again (``standard_run.py``).

Must hold: the drafter does not approve; the value before is kept with the draft; a value counts from the first day of a month; on any
day the value in force is the published one that began latest, and of two of one day the one published last; from the day on which town
and country are one (城乡并轨) only one value may be published for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.domain import dates, money
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order
from shared.rules.published import Published

CATALOGUE = ("A07", "A08", "A81")
BOTH = "both"
AREAS = ("", "urban", "rural", BOTH)  # "" = a standard that makes no difference between town and country
MONTHS_BACK, MONTHS_AHEAD = 36, 12  # how far a publication may reach
MOST_VALUES = 24


@dataclass(frozen=True)
class StandardValue:
    """One value of a publication: ``parameter`` is its full name in the rules, ``previous_fen`` what it was until then."""

    parameter: str
    area: str
    amount_fen: int
    effective_from: date
    previous_fen: int


# -- Events


@event("assistance.standard_drafted")
@dataclass(frozen=True)
class StandardDrafted:
    """拟定: ``number`` is its place in the book; ``merges`` says that from the last value on town and country are one."""

    number: int
    division: str
    standard: str
    values: tuple[StandardValue, ...]
    document_no: str
    merges: bool
    by: str


@event("assistance.standard_approved")
@dataclass(frozen=True)
class StandardApproved:
    """批准, by another hand."""

    number: int
    by: str


@event(
    "assistance.standard_published",
    published=True,
    public=lambda e: {
        "number": e.number,
        "division": e.division,
        "standard": e.standard,
        "effective_from": e.effective_from,
        "document_no": e.document_no,
    },
)
@dataclass(frozen=True)
class StandardPublished:
    """公布: counts from ``effective_from`` (its first value's day) on, which may lie back."""

    number: int
    division: str
    standard: str
    effective_from: date
    document_no: str
    by: str


@event(
    "assistance.standard_withdrawn",
    published=True,
    public=lambda e: {
        "number": e.number,
        "division": e.division,
        "standard": e.standard,
        "effective_from": e.effective_from,
        "was_published": e.was_published,
    },
)
@dataclass(frozen=True)
class StandardWithdrawn:
    """撤回 or, before the publication, 撤销拟定: as if it had never been, but for the record."""

    number: int
    division: str
    standard: str
    effective_from: date
    was_published: bool
    reason: str
    by: str


# -- State


@dataclass(frozen=True)
class Publication:
    number: int
    standard: str
    values: tuple[StandardValue, ...]
    document_no: str
    merges: bool
    status: str  # drafted | approved | published | withdrawn
    drafted_by: str
    order: int = 0  # of publishing; 0 = not published yet

    @property
    def effective_from(self) -> date:
        return min(v.effective_from for v in self.values)


@dataclass(frozen=True)
class Book:
    division: str = ""
    publications: Mapping[int, Publication] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def published(self) -> tuple[Publication, ...]:
        """In the order of their publishing."""
        return tuple(sorted((p for p in self.publications.values() if p.status == "published"), key=lambda p: p.order))

    def merged_from(self, standard: str) -> date | None:
        """The day from which town and country are one for this standard, if that is published."""
        return min((p.values[-1].effective_from for p in self.published if p.standard == standard and p.merges), default=None)


def evolve(state: Book, happened: Any) -> Book:
    match happened:
        case StandardDrafted():
            new = Publication(
                happened.number, happened.standard, happened.values, happened.document_no, happened.merges, "drafted", happened.by
            )
            return Book(happened.division, MappingProxyType({**state.publications, happened.number: new}))
        case StandardApproved():
            return _set(state, happened.number, status="approved")
        case StandardPublished():
            return _set(state, happened.number, status="published", order=1 + max(p.order for p in state.publications.values()))
        case StandardWithdrawn():
            return _set(state, happened.number, status="withdrawn")
        case _:
            raise TypeError(f"a book of standards knows no {type(happened).__name__}")


def _set(state: Book, number: int, **values: Any) -> Book:
    changed = replace(state.publications[number], **values)
    return replace(state, publications=MappingProxyType({**state.publications, number: changed}))


def in_the_rules(state: Book, numbers: frozenset[int] | None = None) -> tuple[Published, ...]:
    """What the rules are to know: everything published, or exactly the publications that an earlier decision names.

    The rules' own number of a value is the order of its publishing, which decides between two of one day.
    """
    every = state.published if numbers is None else state.publications.values()
    chosen = [p for p in every if numbers is None or (p.order and p.order in numbers)]
    return tuple(
        Published(p.order, v.parameter, v.amount_fen, v.effective_from, p.document_no)
        for p in sorted(chosen, key=lambda p: p.order)
        for v in p.values
    )


def in_force_on(state: Book, day: date) -> dict[str, StandardValue]:
    """Parameter → the published value in force on a day (valid_at); nothing for what was never published."""
    found: dict[str, StandardValue] = {}
    for p in state.published:
        for v in p.values:
            if v.effective_from <= day and (v.parameter not in found or v.effective_from >= found[v.parameter].effective_from):
                found[v.parameter] = v
    return found


def last_month(state: Book, standard: str = "") -> str:
    """The last month from which anything published counts; "" when nothing is."""
    return max((dates.month_of(v.effective_from) for p in state.published for v in p.values if p.standard.startswith(standard)), default="")


# -- Commands


@command("draft_standard", permission="assistance:review")
@dataclass(frozen=True)
class DraftStandard:
    """拟定: made by the door, which knows the parameters of the rules and what each is now."""

    division: str
    standard: str
    values: tuple[StandardValue, ...]
    document_no: str
    merges: bool = False


@command("approve_standard", permission="assistance:confirm")
@dataclass(frozen=True)
class ApproveStandard:
    """批准（与拟定不得为同一人）。"""

    number: int


@command("publish_standard", permission="assistance:confirm")
@dataclass(frozen=True)
class PublishStandard:
    """公布：自生效月起进入规则，在保个案随即逐一复核。"""

    number: int


@command("withdraw_standard", permission="assistance:confirm")
@dataclass(frozen=True)
class WithdrawStandard:
    """撤回（已公布的须由拟定以外的人撤回，并按撤回后的标准重新复核）。"""

    number: int
    reason: str


# -- Decisions


def draft_standard(state: Book, c: DraftStandard, order: Order[Any]) -> Sequence[Any]:
    where = divisions.check(c.division)
    if not c.document_no.strip():
        raise invalid("请填写文号。", "document_no")
    if not 0 < len(c.values) <= MOST_VALUES:
        raise invalid(f"一次公布须有1至{MOST_VALUES}个数值。", "values")
    if len({(v.parameter, v.effective_from) for v in c.values}) != len(c.values):
        raise invalid("同一标准同一日期出现两次。", "values")
    now = dates.month_of(order.today)
    for n, v in enumerate(c.values):
        money.check(v.amount_fen, f"values.{n}.amount_fen")
        if v.area not in AREAS:
            raise invalid("城乡类别须为 urban、rural 或 both。", f"values.{n}.area")
        if v.amount_fen == 0:
            raise invalid("标准须大于零。", f"values.{n}.amount_fen")
        if v.effective_from.day != 1:
            raise invalid("按月计发，生效日须为某月1日。", f"values.{n}.effective_from")
        if not dates.add_months(now, -MONTHS_BACK) <= dates.month_of(v.effective_from) <= dates.add_months(now, MONTHS_AHEAD):
            raise invalid(f"生效日须在此前{MONTHS_BACK}个月至此后{MONTHS_AHEAD}个月之间。", f"values.{n}.effective_from")
    values = tuple(sorted(c.values, key=lambda v: (v.effective_from, v.parameter)))
    if c.merges:
        _converges(values)
    _one_value(state, c.standard, values)
    number = len(state.publications) + 1
    return [StandardDrafted(number, where, c.standard, values, c.document_no.strip(), c.merges, order.hand.actor)]


def approve_standard(state: Book, c: ApproveStandard, order: Order[Any]) -> Sequence[Any]:
    p = _publication(state, c.number)
    if p.status != "drafted":
        raise out_of_order("只能批准拟定中的标准。")
    not_the_same_hand(order, p.drafted_by)
    return [StandardApproved(c.number, order.hand.actor)]


def publish_standard(state: Book, c: PublishStandard, order: Order[Any]) -> Sequence[Any]:
    p = _publication(state, c.number)
    if p.status != "approved":
        raise out_of_order("未经批准的标准不能公布。")
    not_the_same_hand(order, p.drafted_by)
    _one_value(state, p.standard, p.values)
    if p.merges:
        since = p.values[-1].effective_from
        apart = [v for other in state.published if other.standard == p.standard for v in other.values]
        if any(v.effective_from >= since and v.area != BOTH for v in apart):
            raise out_of_order("并轨日之后已公布分城乡的标准，须先撤回。")
    return [StandardPublished(p.number, state.division, p.standard, p.effective_from, p.document_no, order.hand.actor)]


def withdraw_standard(state: Book, c: WithdrawStandard, order: Order[Any]) -> Sequence[Any]:
    p = _publication(state, c.number)
    if p.status == "withdrawn":
        raise out_of_order("该标准已撤回。")
    if not c.reason.strip():
        raise invalid("请填写撤回理由。", "reason")
    if p.status == "published":
        not_the_same_hand(order, p.drafted_by)
    return [
        StandardWithdrawn(
            p.number, state.division, p.standard, p.effective_from, p.status == "published", c.reason.strip(), order.hand.actor
        )
    ]


def _publication(state: Book, number: int) -> Publication:
    if number not in state.publications:
        raise Refused("not_found", "没有此编号的标准。", "number")
    return state.publications[number]


def _converges(values: tuple[StandardValue, ...]) -> None:
    """城乡并轨 by a dated schedule: the difference never grows, and the last step has one value for both."""
    last, gap = values[-1].effective_from, -1
    for day in sorted({v.effective_from for v in values}):
        step = {v.parameter: v.amount_fen for v in values if v.effective_from == day}
        if len(step) != 2:
            raise invalid("并轨的每一步须同时给出城市和农村的数值。", "values")
        now = max(step.values()) - min(step.values())
        if gap >= 0 and now > gap:
            raise invalid("并轨各步的城乡差距不得扩大。", "values")
        gap = now
    if gap != 0 or any(v.area != BOTH for v in values if v.effective_from == last):
        raise invalid("并轨的最后一步须为城乡同一数值。", "values")


def _one_value(state: Book, standard: str, values: tuple[StandardValue, ...]) -> None:
    since = state.merged_from(standard)
    if since is not None and any(v.effective_from >= since and v.area != BOTH for v in values):
        raise Refused("out_of_order", f"自{since.isoformat()}起城乡标准已并轨，只能公布同一数值。", "area")


DECIDER: Decider[Book] = Decider(
    category="assistance.standards",
    initial=Book(),
    evolve=evolve,
    decide={
        DraftStandard: draft_standard,
        ApproveStandard: approve_standard,
        PublishStandard: publish_standard,
        WithdrawStandard: withdraw_standard,
    },
    division=lambda state: state.division,
)
