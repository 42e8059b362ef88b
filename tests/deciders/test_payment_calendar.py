"""The months for which a run is owed: opened by the clock, met by a run, without dues, or overdue."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from shared.casework import payment_calendar as pc
from shared.eventsourcing.testing import given

D = pc.decider("assistance")
PROGRAMME, TOWN = "disabled_living_subsidy", "330225101"
CALENDAR = pc.calendar_id(PROGRAMME, TOWN)
JULY = pc.OwedMonth("2023-07", date(2023, 7, 17), 3, 90000)
AUGUST = pc.OwedMonth("2023-08", date(2023, 8, 15), 4, 120000)


def opened(m: pc.OwedMonth) -> pc.PaymentMonthOpened:
    return pc.PaymentMonthOpened(PROGRAMME, TOWN, m.month, m.due_on, m.cases, m.total_fen)


def looked(through: str) -> pc.PaymentMonthsLookedAt:
    return pc.PaymentMonthsLookedAt(PROGRAMME, TOWN, through)


def look(through: str, *owed: pc.OwedMonth) -> pc.LookAtPaymentMonths:
    return pc.LookAtPaymentMonths(PROGRAMME, TOWN, through, owed)


MET = pc.PaymentMonthMet(PROGRAMME, TOWN, "2023-07", "run-1", date(2023, 7, 17), True)
LATE = pc.PaymentMonthOverdue(PROGRAMME, TOWN, "2023-07", date(2023, 7, 17), 2)


def test_a_month_is_opened_by_the_clock_and_met_by_its_run() -> None:
    """In time until the last day, by the run that was sent; a run once more changes nothing."""
    month = given(D).on("2023-07-01").when(look("2023-07", JULY)).then(opened(JULY), looked("2023-07"))
    assert month.state.open == ("2023-07",)
    met = month.on("2023-07-20").when(pc.MeetPaymentMonth("2023-07", "run-1", date(2023, 7, 17))).then(MET)
    assert met.state.open == ()
    met.when(pc.MeetPaymentMonth("2023-07", "run-2", date(2023, 7, 20))).then_nothing()
    late = month.on("2023-07-20").when(pc.MeetPaymentMonth("2023-07", "run-1", date(2023, 7, 18))).accepted()
    assert not late.events[-1].in_time


def test_a_month_is_owed_again_behind_the_run_that_met_it() -> None:
    """补发: with days of its own; late as any; met by another run, or nothing is owed any more; told of an older run it changes nothing."""
    met = given(D, opened(JULY), looked("2023-07"), MET).on("2023-07-25")
    owe = pc.OwePaymentMonthAgain(PROGRAMME, TOWN, "2023-07", "run-1", 1, 500)
    met.when(pc.OwePaymentMonthAgain(PROGRAMME, TOWN, "2023-07", "run-0", 1, 500)).then_nothing()
    met.when(pc.OwePaymentMonthAgain(PROGRAMME, TOWN, "2023-07", "run-1", 0, 0)).then_nothing()
    owed = pc.PaymentMonthOwedAgain(PROGRAMME, TOWN, "2023-07", date(2023, 8, 8), 1, 500, "run-1")
    again = met.when(owe).then(owed)
    given(D).on("2023-07-25").when(owe).then(owed)  # its run was sent before anybody looked
    again.when(owe).then_nothing()
    again.when(pc.PrepareOwedMonth("x", "2023-07")).then_nothing()
    again.when(pc.MeetPaymentMonth("2023-07", "run-1", date(2023, 7, 25))).then_nothing()
    again.on("2023-08-08").when(pc.NotePaymentMonth("2023-07", 1)).then_nothing()
    late = again.on("2023-08-09").when(pc.NotePaymentMonth("2023-07", 1))
    late.then(pc.PaymentMonthOverdue(PROGRAMME, TOWN, "2023-07", date(2023, 8, 8), 1))
    second = again.when(pc.MeetPaymentMonth("2023-07", "run-2", date(2023, 8, 1))).accepted()
    assert (second.state.months["2023-07"].status, second.state.months["2023-07"].run_id) == ("met", "run-2")
    over = again.when(pc.NotePaymentMonth("2023-07", 0)).accepted()
    assert (over.state.months["2023-07"].status, over.state.open) == ("met", ())
    again.on("2023-08-20").when(look("2023-08", JULY)).then(looked("2023-08"))


def test_months_nobody_looked_at_are_opened_together_and_once() -> None:
    """After a stand-still of months each has its entry; the same look once more opens none again, not even one that is over."""
    both = given(D).on("2023-08-20").when(look("2023-08", AUGUST, JULY)).then(opened(JULY), opened(AUGUST), looked("2023-08"))
    over = given(D, *both.events, MET)
    for calendar in (both, over):
        calendar.on("2023-08-21").when(look("2023-08", AUGUST, JULY)).then(looked("2023-08"))


def test_where_nothing_is_owed_there_is_no_entry() -> None:
    """The month is known to have been looked at; what comes to be owed in it later opens it after all."""
    nothing = given(D).on("2023-07-01").when(look("2023-07", pc.OwedMonth("2023-07", JULY.due_on, 0, 0))).then(looked("2023-07"))
    assert dict(nothing.state.months) == {}
    nothing.on("2023-07-12").when(look("2023-07", JULY)).then(opened(JULY), looked("2023-07"))


def test_no_month_to_come_is_opened() -> None:
    """A look never reaches beyond the month of its day, whatever it was told."""
    given(D).on("2023-07-31").when(look("2023-09", JULY, AUGUST)).then(opened(JULY), looked("2023-07"))


def test_a_late_month_is_said_once_and_can_still_be_met() -> None:
    """Not on its last day; the day after with what is owed then; afterwards a run or the end of every due ends it."""
    july = given(D, opened(JULY), looked("2023-07"))
    july.on("2023-07-17").when(pc.NotePaymentMonth("2023-07", 2)).then_nothing()
    late = july.on("2023-07-18").when(pc.NotePaymentMonth("2023-07", 2)).then(LATE)
    late.on("2023-08-01").when(pc.NotePaymentMonth("2023-07", 2)).then_nothing()
    met = late.when(pc.MeetPaymentMonth("2023-07", "run-1", date(2023, 7, 25))).accepted()
    assert not met.events[-1].in_time
    gone = late.on("2023-08-01").when(pc.NotePaymentMonth("2023-07", 0)).then(pc.PaymentMonthWithoutDues(PROGRAMME, TOWN, "2023-07"))
    gone.when(pc.NotePaymentMonth("2023-07", 1)).then_nothing()


@pytest.mark.parametrize("events", [(), (looked("2023-07"),), (opened(JULY), looked("2023-07"), MET)], ids=["none", "empty", "met"])
def test_only_a_month_that_stands_open_is_prepared_here(events: tuple[Any, ...]) -> None:
    """What is not owed a run, or had it, is no matter of the calendar."""
    given(D, *events).when(pc.PrepareOwedMonth(CALENDAR, "2023-07")).then_refused("out_of_order")


def test_a_part_of_the_town_may_be_prepared_and_nothing_beside_it() -> None:
    """A village of the town, not another town."""
    july = given(D, opened(JULY), looked("2023-07"))
    july.when(pc.PrepareOwedMonth(CALENDAR, "2023-07", "330225101001")).then_nothing()
    july.when(pc.PrepareOwedMonth(CALENDAR, "2023-07", "330225102")).then_refused("invalid_input", "division")


@pytest.mark.parametrize(
    ("month", "day", "since", "due"),
    [
        ("2023-07", 15, None, date(2023, 7, 15)),
        ("2023-02", 31, None, date(2023, 2, 28)),
        ("2023-07", 15, date(2023, 7, 5), date(2023, 7, 15)),
        ("2023-07", 15, date(2023, 7, 14), date(2023, 7, 21)),
        ("2023-07", 15, date(2023, 8, 2), date(2023, 7, 15)),
    ],
)
def test_the_last_day_is_the_programmes_unless_the_first_due_came_later(month: str, day: int, since: date | None, due: date) -> None:
    """What comes to be owed in the middle of its month has five working days at least."""
    assert pc.pay_by(month, day, since) == due


ACT = st.tuples(
    st.sampled_from(("look", "look", "meet", "meet", "again", "note", "note", "prepare")),
    st.sampled_from(("2023-07", "2023-08", "2023-09")),
    st.integers(0, 3),
    st.sampled_from((0, 0, 1, 9, 31)),
)


@for_all(st.lists(ACT, max_size=40))
def test_any_life_of_a_calendar_passes_over_no_month_and_ends_each(acts: list[tuple[str, str, int, int]]) -> None:
    """Opened only when it has begun, and once, unless nothing was owed; owed again only behind the run that met it; late once; what stands
    open is met by the next run, or ends where nothing is owed."""
    calendar, day = given(D), date(2023, 7, 1)
    said: set[tuple[str, date]] = set()
    for number, (act, month, n, days) in enumerate(acts):
        day += timedelta(days=days)
        before = calendar.state
        owed = pc.OwedMonth(month, pc.pay_by(month, 15, day), n, n * 100)
        command: Any = {
            "look": look(month, owed),
            "meet": pc.MeetPaymentMonth(month, f"run-{n}", day),
            "again": pc.OwePaymentMonthAgain(PROGRAMME, TOWN, month, f"run-{n}", n, n * 100),
            "note": pc.NotePaymentMonth(month, n),
            "prepare": pc.PrepareOwedMonth(CALENDAR, month),
        }[act]
        outcome = calendar.on(day.isoformat()).by(f"staff:{number}").when(command)
        if outcome.refused is not None:
            assert act == "prepare"
            assert month not in before.open
            continue
        calendar = outcome.accepted()
        for e in outcome.events:
            was = before.months.get(month)
            match e:
                case pc.PaymentMonthOpened():
                    assert e.month <= day.isoformat()[:7]
                    assert was is None or was.status == "without_dues"
                    assert e.cases > 0
                case pc.PaymentMonthOwedAgain():
                    assert was is None or (was.status, was.run_id) == ("met", e.run_id)
                case pc.PaymentMonthMet():
                    assert was is not None
                    assert was.status == "open" or (was.status == "again" and was.run_id != e.run_id)
                case pc.PaymentMonthOverdue():
                    assert was is not None
                    assert was.status in pc.OWED
                    assert day > e.due_on
                    assert not was.late
                    said.add((month, e.due_on))
        assert before.looked <= calendar.state.looked <= day.isoformat()[:7]
        for open_month in calendar.state.open:
            over = calendar.when(pc.NotePaymentMonth(open_month, 0)).accepted().state
            met = calendar.when(pc.MeetPaymentMonth(open_month, "another run", day)).accepted().state
            assert open_month not in (*over.open, *met.open)
    assert all(due < day for _month, due in said)
