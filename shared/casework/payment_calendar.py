"""Payment calendar (应发月份): of one programme and town, the months for which a run is owed, and what became of each.

Life: the months that have begun are looked at, by the clock and by whatever comes to be owed in a month that had nothing → a month that
somebody is owed something for is opened, with the day until which its run has to be sent → met by a run that was sent, in time or not;
without dues, when nobody is owed anything any more; or overdue, which is an event, and then met or without dues after all. When its run is
closed and something of the month is owed all the same (failed, held, given back by the bank, confirmed after the run), it stands open once
more, for a follow-up run (补发), with a day of its own.

Must hold: a month is opened once and ended once, but for one that ended without dues and is owed after all (a case was handed over), and
for one that is owed again, always behind a run that is closed; no month that has begun is passed over, however long nobody looked; where
nothing is owed there is no entry. The clock, the lists and the runs are looked up by the service (shared/messaging/payment_month_doors.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.domain import dates
from shared.domain.errors import invalid, out_of_order
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order, derived_id

SHAPE = "payment_calendar"
OWED = ("open", "again")  # the statuses in which a run is owed
UNIT_DIGITS = 9  # a payment unit is a town (乡镇、街道)
LATE_COMERS_DAYS = 5  # working days, at least, for what comes to be owed in a month that has begun; placeholder
FOLLOW_UP_DAYS = 10  # working days for a follow-up run (补发): time to mend an account; placeholder


def unit_of(division: str) -> str:
    return division[:UNIT_DIGITS]


def calendar_id(programme: str, unit: str) -> str:
    """One calendar for a programme and payment unit."""
    return derived_id("payment_calendar", programme, unit)


def pay_by(month: str, day: int, since: date | None = None) -> date:
    """The last day for a month's run; ``since``: the day from which something was owed, where that was after the month had begun."""
    last = dates.last_day(month)
    due = last.replace(day=min(day, last.day))
    if since is not None and dates.month_of(since) == month:
        due = max(due, dates.add_working_days(since, LATE_COMERS_DAYS))
    return due


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(SHAPE, "payment_month_opened")
@dataclass(frozen=True)
class PaymentMonthOpened:
    """应发月份: so many cases, and fen, were owed when it was looked at; the run is to be sent until ``due_on``."""

    programme: str
    division: str
    month: str
    due_on: date
    cases: int
    total_fen: int


@shape_event(SHAPE, "payment_months_looked_at")
@dataclass(frozen=True)
class PaymentMonthsLookedAt:
    """月份核查: of every month up to ``through`` it is known whether a run is owed."""

    programme: str
    division: str
    through: str


@shape_event(SHAPE, "payment_month_met", published=True)
@dataclass(frozen=True)
class PaymentMonthMet:
    """应发月份已送发: by this run."""

    programme: str
    division: str
    month: str
    run_id: str
    sent_on: date
    in_time: bool


@shape_event(SHAPE, "payment_month_without_dues")
@dataclass(frozen=True)
class PaymentMonthWithoutDues:
    """应发月份无须发放: nobody is owed anything for it any more."""

    programme: str
    division: str
    month: str


@shape_event(SHAPE, "payment_month_owed_again")
@dataclass(frozen=True)
class PaymentMonthOwedAgain:
    """应发月份待补发: its run is closed and so many cases, and fen, of it are owed all the same: failed, held, given back by the bank, or
    confirmed after the run; a follow-up run is to be sent until ``due_on``."""

    programme: str
    division: str
    month: str
    due_on: date
    cases: int
    total_fen: int
    run_id: str


@shape_event(SHAPE, "payment_month_overdue", published=True)
@dataclass(frozen=True)
class PaymentMonthOverdue:
    """逾期未送发: the month's run was not sent in time; so many cases are owed."""

    programme: str
    division: str
    month: str
    due_on: date
    cases: int


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Month:
    """status: open | met | again (a follow-up run is owed) | without_dues; ``late``: it was said that it is; ``run_id``: sent last."""

    status: str
    due_on: date
    cases: int = 0
    total_fen: int = 0
    late: bool = False
    run_id: str = ""


@dataclass(frozen=True)
class Calendar:
    programme: str = ""
    division: str = ""
    looked: str = ""  # the last month that was looked at
    months: Mapping[str, Month] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(sorted(month for month, m in self.months.items() if m.status in OWED))

    def may_open(self, month: str) -> bool:
        return month not in self.months or self.months[month].status == "without_dues"


def evolve(state: Calendar, event: Any) -> Calendar:
    match event:
        case PaymentMonthOpened():
            of = replace(state, programme=event.programme, division=event.division)
            return _with(of, event.month, Month("open", event.due_on, event.cases, event.total_fen))
        case PaymentMonthsLookedAt():
            return replace(state, programme=event.programme, division=event.division, looked=max(state.looked, event.through))
        case PaymentMonthMet():
            return _with(state, event.month, replace(state.months[event.month], status="met", run_id=event.run_id))
        case PaymentMonthWithoutDues():
            m = state.months[event.month]
            return _with(state, event.month, replace(m, status="met" if m.status == "again" else "without_dues"))
        case PaymentMonthOwedAgain():
            of = replace(state, programme=event.programme, division=event.division)
            return _with(of, event.month, Month("again", event.due_on, event.cases, event.total_fen, run_id=event.run_id))
        case PaymentMonthOverdue():
            return _with(state, event.month, replace(state.months[event.month], late=True))
        case _:
            raise TypeError(f"a payment calendar knows no {type(event).__name__}")


def _with(state: Calendar, month: str, m: Month) -> Calendar:
    return replace(state, months=MappingProxyType({**state.months, month: m}))


# -- Commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwedMonth:
    """What is owed for a month, and until when its run is to be sent."""

    month: str
    due_on: date
    cases: int
    total_fen: int


@command("look_at_payment_months", permission="record")
@dataclass(frozen=True)
class LookAtPaymentMonths:
    """By the service: ``owed`` are the months, up to ``through``, for which something is owed and no run was sent."""

    programme: str
    division: str
    through: str
    owed: tuple[OwedMonth, ...] = ()


@command("meet_payment_month", permission="record")
@dataclass(frozen=True)
class MeetPaymentMonth:
    """By the service when a run was sent."""

    month: str
    run_id: str
    sent_on: date


@command("owe_payment_month_again", permission="record")
@dataclass(frozen=True)
class OwePaymentMonthAgain:
    """By the service: of a month whose run ``run_id`` is closed so much is owed all the same."""

    programme: str
    division: str
    month: str
    run_id: str
    cases: int
    total_fen: int


@command("note_payment_month", permission="record")
@dataclass(frozen=True)
class NotePaymentMonth:
    """By the service, at a day on which it looks again: how many cases are owed still."""

    month: str
    cases: int


@command("prepare_owed_month", permission="pay")
@dataclass(frozen=True)
class PrepareOwedMonth:
    """编制 of a month that stands here; ``division``: of a part of the town only."""

    calendar_id: str
    month: str
    division: str = ""


# -- Decisions ---------------------------------------------------------------------------------------------------


def look_at_payment_months(state: Calendar, c: LookAtPaymentMonths, order: Order[Any]) -> Sequence[Any]:
    through = min(c.through, dates.month_of(order.today))
    opened = [
        PaymentMonthOpened(c.programme, c.division, m.month, m.due_on, m.cases, m.total_fen)
        for m in sorted(c.owed, key=lambda m: m.month)
        if m.cases > 0 and m.month <= through and state.may_open(m.month)
    ]
    return [*opened, PaymentMonthsLookedAt(c.programme, c.division, through)]


def meet_payment_month(state: Calendar, c: MeetPaymentMonth, order: Order[Any]) -> Sequence[Any]:
    m = state.months.get(c.month)
    if m is None or m.status not in OWED or (m.status == "again" and c.run_id == m.run_id):
        return []
    return [PaymentMonthMet(state.programme, state.division, c.month, c.run_id, c.sent_on, c.sent_on <= m.due_on)]


def owe_payment_month_again(state: Calendar, c: OwePaymentMonthAgain, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it stands open, or another run was sent meanwhile: when that is closed it is looked at once more. A month whose run was
    sent before anybody looked has no entry yet."""
    m = state.months.get(c.month)
    if c.cases <= 0 or (m is not None and (m.status != "met" or m.run_id != c.run_id)):
        return []
    due_on = dates.add_working_days(order.today, FOLLOW_UP_DAYS)
    return [PaymentMonthOwedAgain(c.programme, c.division, c.month, due_on, c.cases, c.total_fen, c.run_id)]


def note_payment_month(state: Calendar, c: NotePaymentMonth, order: Order[Any]) -> Sequence[Any]:
    m = state.months.get(c.month)
    if m is None or m.status not in OWED:
        return []
    if not c.cases:
        return [PaymentMonthWithoutDues(state.programme, state.division, c.month)]
    if m.late or order.today <= m.due_on:
        return []
    return [PaymentMonthOverdue(state.programme, state.division, c.month, m.due_on, c.cases)]


def prepare_owed_month(state: Calendar, c: PrepareOwedMonth, order: Order[Any]) -> Sequence[Any]:
    """Nothing happens here: whether the month stands open. The run is prepared by its own command."""
    m = state.months.get(c.month)
    if m is None or m.status not in OWED:
        raise out_of_order("该月没有应发而未送发的批次。")
    if c.division and not c.division.startswith(state.division):
        raise invalid("区划须在该发放单位之内。", "division")
    return []


def decider(service: str) -> Decider[Calendar]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.payment_calendar",
        initial=Calendar(),
        evolve=evolve,
        decide={
            LookAtPaymentMonths: look_at_payment_months,
            MeetPaymentMonth: meet_payment_month,
            OwePaymentMonthAgain: owe_payment_month_again,
            NotePaymentMonth: note_payment_month,
            PrepareOwedMonth: prepare_owed_month,
        },
        division=lambda state: state.division,
    )
