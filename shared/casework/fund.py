"""Fund (资金): a balance that is never negative, every draw naming its case. Shape 3.

Life: opened → allocated, drawn, draws settled or given back, replenished, counted (reconciled) → closed when nothing is left open.
The same decider keeps fen (临时救助备用金, donations, lottery fund) and minutes (time bank): ``Terms.unit`` says which.

Must hold: 0 ≤ balance always; balance = allocated − drawn + given back; a draw names one case, is at most the terms' limit (so are
together the draws of one case that are not settled), and stays on the ledger until the formal decision settles it (catalogue A24:
reconciled with later formal approval), by another hand than drew it; the hand that counts is not one that drew since the last count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Literal

from shared.casework.shape import Act, RecordState, Shape, View, must, one_per_subject, said
from shared.domain import money
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "fund"


@dataclass(frozen=True)
class Terms:
    """draw_limit: the most one draw may take (0 = no limit). settle_days: calendar days until a draw must be settled by the formal
    decision (0 = a draw is final at once). count_every_days: how often the fund must be counted (0 = never)."""

    unit: Literal["fen", "minutes"] = "fen"
    draw_limit: int = 0
    settle_days: int = 0
    count_every_days: int = 0


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "fund_opened")
@dataclass(frozen=True)
class FundOpened:
    """资金开立."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    opened_on: date


@shape_event(NAME, "fund_allocated")
@dataclass(frozen=True)
class FundAllocated:
    """拨入 or 补充: ``document_no`` is what it rests on."""

    amount: int
    document_no: str


@shape_event(NAME, "fund_drawn")
@dataclass(frozen=True)
class FundDrawn:
    """支取 for one case; ``settle_by`` is the day until which the formal decision must settle it."""

    draw_id: str
    case_id: str
    amount: int
    by: str
    settle_by: date | None


@shape_event(NAME, "fund_draw_settled")
@dataclass(frozen=True)
class FundDrawSettled:
    """核销: the formal decision covers the draw; what it does not cover (``given_back``) has come back."""

    draw_id: str
    decision: str
    given_back: int


@shape_event(NAME, "fund_draw_overdue", published=True)
@dataclass(frozen=True)
class FundDrawOverdue:
    """逾期未核销: a draw was not settled in time: work for a person."""

    programme: str
    division: str
    draw_id: str
    settle_by: date


@shape_event(NAME, "fund_counted")
@dataclass(frozen=True)
class FundCounted:
    """盘点对账: what was counted against what the ledger says; a difference is a finding, never a silent correction."""

    counted: int
    ledger: int
    counted_on: date
    note: str
    by: str


@shape_event(NAME, "fund_count_overdue", published=True)
@dataclass(frozen=True)
class FundCountOverdue:
    """逾期未对账: the fund was not counted in time."""

    programme: str
    division: str
    due_on: date


@shape_event(NAME, "fund_closed")
@dataclass(frozen=True)
class FundClosed:
    """结清: what was left went back where it came from."""

    returned: int
    reason: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draw:
    """A draw that is not settled yet."""

    case_id: str
    amount: int
    settle_by: date | None
    overdue: bool = False
    by: str = ""


@dataclass(frozen=True)
class Fund(RecordState):
    terms: Terms = Terms()
    balance: int = 0
    allocated: int = 0
    drawn: int = 0
    given_back: int = 0
    open_draws: Mapping[str, Draw] = field(default_factory=lambda: MappingProxyType({}))
    draws: tuple[str, ...] = ()  # ids of all draws ever
    drew_since_count: tuple[str, ...] = ()  # hands
    count_due: date | None = None
    count_overdue: bool = False
    difference: int = 0  # of the last count


def evolve(state: Fund, event: Any) -> Fund:
    match event:
        case FundOpened():
            return replace(
                Fund(),
                status="open",
                programme=event.programme,
                division=event.division,
                subject_id=event.subject_id,
                terms=event.terms,
                count_due=_next_count(event.terms, event.opened_on),
            )
        case FundAllocated():
            return replace(state, balance=state.balance + event.amount, allocated=state.allocated + event.amount)
        case FundDrawn():
            new = Draw(event.case_id, event.amount, event.settle_by, by=event.by)
            still_open = {**state.open_draws, event.draw_id: new} if event.settle_by else {}
            return replace(
                state,
                balance=state.balance - event.amount,
                drawn=state.drawn + event.amount,
                open_draws=MappingProxyType(dict(still_open or state.open_draws)),
                draws=(*state.draws, event.draw_id),
                drew_since_count=(*state.drew_since_count, event.by),
            )
        case FundDrawSettled():
            left = {k: d for k, d in state.open_draws.items() if k != event.draw_id}
            back = event.given_back
            return replace(
                state, open_draws=MappingProxyType(left), balance=state.balance + back, given_back=state.given_back + back
            )
        case FundDrawOverdue():
            late = {k: replace(d, overdue=True) if k == event.draw_id else d for k, d in state.open_draws.items()}
            return replace(state, open_draws=MappingProxyType(late))
        case FundCounted():
            return replace(
                state,
                drew_since_count=(),
                count_due=_next_count(state.terms, event.counted_on),
                count_overdue=False,
                difference=event.counted - event.ledger,
            )
        case FundCountOverdue():
            return replace(state, count_overdue=True)
        case FundClosed():
            return replace(state, status="closed", balance=0)
        case _:
            raise TypeError(f"a fund knows no {type(event).__name__}")


def _next_count(terms: Terms, since: date) -> date | None:
    return since + timedelta(days=terms.count_every_days) if terms.count_every_days else None


# -- Commands ----------------------------------------------------------------------------------------------------


@command("open_fund", permission="confirm")
@dataclass(frozen=True)
class OpenFund:
    """设立: one fund for a programme and town (or for what ``subject_id`` names)."""

    programme: str
    division: str
    subject_id: str = ""
    terms: Terms = Terms()


@command("allocate_to_fund", permission="pay")
@dataclass(frozen=True)
class AllocateToFund:
    record_id: str
    amount: int
    document_no: str


@command("draw_from_fund", permission="accept")
@dataclass(frozen=True)
class DrawFromFund:
    """支取 for one case (先行救助)."""

    record_id: str
    case_id: str
    amount: int
    draw_id: str


@command("settle_fund_draw", permission="confirm")
@dataclass(frozen=True)
class SettleFundDraw:
    """核销 by the formal decision: ``covered`` of the draw is covered, the rest has been given back."""

    record_id: str
    draw_id: str
    decision: str
    covered: int


@command("count_fund", permission="review")
@dataclass(frozen=True)
class CountFund:
    record_id: str
    counted: int
    note: str = ""


@command("close_fund", permission="confirm")
@dataclass(frozen=True)
class CloseFund:
    record_id: str
    reason: str


@command("note_fund_overdue", permission="record")
@dataclass(frozen=True)
class NoteFundOverdue:
    """By the timer: what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def open_fund(state: Fund, c: OpenFund, order: Order[Any]) -> Sequence[Any]:
    if state.status == "open":
        raise Refused("already_exists", "该地已设立此项资金。", "division")
    return [FundOpened(c.programme, c.division, c.subject_id, c.terms, order.today)]


def allocate(state: Fund, c: AllocateToFund, order: Order[Any]) -> Sequence[Any]:
    must(state, "拨入", "open")
    return [FundAllocated(_positive(c.amount), said(c.document_no, "document_no", "拨款文号"))]


def draw(state: Fund, c: DrawFromFund, order: Order[Any]) -> Sequence[Any]:
    must(state, "支取", "open")
    amount = _positive(c.amount)
    if c.draw_id in state.draws:
        raise Refused("already_exists", "此支取编号已使用。", "draw_id")
    said(c.draw_id, "draw_id", "支取编号")
    said(c.case_id, "case_id", "所救助的办件")
    if state.terms.draw_limit and amount > state.terms.draw_limit:
        raise invalid("超过单次支取限额。", "amount")
    of_case = sum(d.amount for d in state.open_draws.values() if d.case_id == c.case_id)
    if state.terms.draw_limit and amount + of_case > state.terms.draw_limit:
        raise invalid("同一办件尚未核销的支取合计超过单次支取限额。", "amount")
    if amount > state.balance:
        raise Refused("out_of_order", "余额不足。", "amount")
    settle_by = order.today + timedelta(days=state.terms.settle_days) if state.terms.settle_days else None
    return [FundDrawn(c.draw_id, c.case_id, amount, order.hand.actor, settle_by)]


def settle(state: Fund, c: SettleFundDraw, order: Order[Any]) -> Sequence[Any]:
    must(state, "核销", "open")
    found = state.open_draws.get(c.draw_id)
    if found is None:
        raise Refused("not_found", "没有此笔待核销的支取。", "draw_id")
    not_the_same_hand(order, found.by)
    if not 0 <= c.covered <= found.amount:
        raise invalid("核销金额须在零与支取金额之间。", "covered")
    return [FundDrawSettled(c.draw_id, said(c.decision, "decision", "审批决定"), found.amount - c.covered)]


def count(state: Fund, c: CountFund, order: Order[Any]) -> Sequence[Any]:
    must(state, "对账", "open")
    not_the_same_hand(order, *state.drew_since_count)
    if c.counted < 0:
        raise invalid("盘点数不得为负。", "counted")
    if c.counted != state.balance:
        said(c.note, "note", "差异说明")
    return [FundCounted(c.counted, state.balance, order.today, c.note.strip(), order.hand.actor)]


def close(state: Fund, c: CloseFund, order: Order[Any]) -> Sequence[Any]:
    must(state, "结清", "open")
    if state.open_draws:
        raise Refused("out_of_order", "尚有未核销的支取，不能结清。", None)
    return [FundClosed(state.balance, said(c.reason, "reason", "结清理由"))]


def note_overdue(state: Fund, c: NoteFundOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile: the timer may be late, or run twice."""
    if state.status != "open":
        return []
    late: list[Any] = [
        FundDrawOverdue(state.programme, state.division, key, d.settle_by)
        for key, d in sorted(state.open_draws.items())
        if d.settle_by and d.settle_by < order.today and not d.overdue
    ]
    if state.count_due and state.count_due < order.today and not state.count_overdue:
        late.append(FundCountOverdue(state.programme, state.division, state.count_due))
    return late


def _positive(amount: int) -> int:
    money.check(amount, "amount")
    if amount == 0:
        raise invalid("金额须大于零。", "amount")
    return amount


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: Fund) -> View:
    if state.status != "open":
        return View(state.status, False, amount=state.balance)
    dues = [(d.settle_by, "settle") for d in state.open_draws.values() if d.settle_by and not d.overdue]
    dues += [(state.count_due, "count")] if state.count_due and not state.count_overdue else []
    first = min(dues, default=(None, ""))
    late = [(d.settle_by, "settle") for d in state.open_draws.values() if d.settle_by and d.overdue]
    late += [(state.count_due, "count")] if state.count_due and state.count_overdue else []
    return View("open", True, _list(state), due_on=first[0], due=first[1], amount=state.balance, late=min(late, default=None))


def _list(state: Fund) -> str:
    """What is late comes first: a count that is owed is not hidden by draws that are still in time."""
    if any(d.overdue for d in state.open_draws.values()):
        return "fund_overdue"
    if state.count_overdue or state.difference:
        return "fund_count"
    return "fund_settle" if state.open_draws else "fund_in_use"


SHAPE = Shape(
    name=NAME,
    title="资金",
    state=Fund(),
    terms=Terms,
    acts=(
        Act(OpenFund, "设立资金", opens=one_per_subject),
        Act(AllocateToFund, "拨入"),
        Act(DrawFromFund, "支取（每笔对应一个办件）"),
        Act(SettleFundDraw, "以正式审批核销支取"),
        Act(CountFund, "盘点对账（支取人不得盘点）"),
        Act(CloseFund, "结清"),
        Act(NoteFundOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        OpenFund: open_fund,
        AllocateToFund: allocate,
        DrawFromFund: draw,
        SettleFundDraw: settle,
        CountFund: count,
        CloseFund: close,
        NoteFundOverdue: note_overdue,
    },
    view=view,
    overdue=NoteFundOverdue,
)
