"""The book of standards and the run of a raise: four eyes, one value after the merger, every case in one slice, sums that add up."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from services.assistance import standard_run as sr
from services.assistance import standards as sd
from services.assistance.rules import engine
from shared.domain.errors import Refused
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, order

STANDARD = "minimum_living_allowance.standard"


def value(area: str, fen: int, since: date = date(2023, 8, 1), name: str = "") -> sd.StandardValue:
    return sd.StandardValue(f"{STANDARD}.{name or area}", area, fen, since, 125_500)


def both(fen: int, since: date = date(2023, 8, 1)) -> tuple[sd.StandardValue, ...]:
    return (value(sd.BOTH, fen, since, "urban"), value(sd.BOTH, fen, since, "rural"))


def draft(*values: sd.StandardValue, merges: bool = False) -> sd.DraftStandard:
    return sd.DraftStandard("330225", STANDARD, values, "一号", merges)


def published(*values: sd.StandardValue, merges: bool = False, on: Given[sd.Book] | None = None) -> Given[sd.Book]:
    """One more publication, by three hands."""
    case = (on or given(sd.DECIDER)).by("staff:clerk").when(draft(*values, merges=merges)).accepted()
    number = len(case.state.publications)
    case = case.by("staff:approver").when(sd.ApproveStandard(number)).accepted()
    return case.by("staff:director").when(sd.PublishStandard(number)).accepted()


def test_what_is_published_is_in_force_from_its_day_and_the_earlier_value_is_kept() -> None:
    """valid_at any day."""
    case = published(value("urban", 140_000, date(2023, 10, 1)), on=published(value("urban", 130_000)))
    name = f"{STANDARD}.urban"
    on = [sd.in_force_on(case.state, day) for day in (date(2023, 7, 31), date(2023, 8, 1), date(2023, 10, 1))]
    assert [page[name].amount_fen if name in page else None for page in on] == [None, 130_000, 140_000]
    assert [p.values[0].previous_fen for p in case.state.published] == [125_500, 125_500]
    assert (sd.last_month(case.state), sd.last_month(case.state, "other")) == ("2023-10", "")


def test_the_rules_are_given_exactly_the_publications_asked_for() -> None:
    """By the order of publishing, withdrawn ones included where an old decision names them."""
    case = published(value("urban", 140_000, date(2023, 10, 1)), on=published(value("urban", 130_000)))
    case = case.by("staff:approver").when(sd.WithdrawStandard(1, "有误")).accepted()
    assert [p.number for p in sd.in_the_rules(case.state)] == [2]
    assert [p.number for p in sd.in_the_rules(case.state, frozenset({1}))] == [1]
    assert sd.in_the_rules(case.state, frozenset()) == ()


def test_steps_to_one_value_may_not_widen_the_gap_and_end_in_one() -> None:
    """城乡并轨 by a schedule."""
    case = given(sd.DECIDER)
    step, later, wide = (value("urban", 140_000), value("rural", 130_000)), date(2024, 1, 1), date(2023, 10, 1)
    case.when(draft(*step, merges=True)).then_refused("invalid_input", "values")
    widening = (value("urban", 140_000, wide), value("rural", 120_000, wide))
    case.when(draft(*step, *widening, *both(140_000, later), merges=True)).then_refused("invalid_input", "values")
    case.when(draft(*step, value("urban", 140_000, wide), *both(140_000, later), merges=True)).then_refused("invalid_input", "values")
    done = published(*step, *both(140_000, later), merges=True)
    assert done.state.merged_from(STANDARD) == later
    done.when(draft(value("urban", 150_000, later))).then_refused("out_of_order", "area")
    done.when(draft(value("urban", 150_000, wide))).accepted()


def test_a_draft_made_before_the_merger_is_looked_at_again_when_it_is_published() -> None:
    """Whichever way round they come, two values after the merger do not get into the rules."""
    waiting = given(sd.DECIDER).by("staff:clerk").when(draft(value("urban", 150_000, date(2024, 2, 1)))).accepted()
    waiting = waiting.by("staff:approver").when(sd.ApproveStandard(1)).accepted()
    merged = published(*both(140_000), merges=True, on=waiting)
    merged.by("staff:director").when(sd.PublishStandard(1)).then_refused("out_of_order")
    first = waiting.by("staff:director").when(sd.PublishStandard(1)).accepted()
    late = first.by("staff:clerk").when(draft(*both(140_000), merges=True)).accepted().by("staff:approver")
    late = late.when(sd.ApproveStandard(2)).accepted().by("staff:director")
    late.when(sd.PublishStandard(2)).then_refused("out_of_order")


days = st.sampled_from([date(2023, m, 1) for m in (1, 5, 8, 12)] + [date(2023, 8, 15), date(2030, 1, 1)])
amounts = st.sampled_from([130_000, 140_000, 0, -1])
values = st.one_of(
    st.tuples(st.builds(value, st.sampled_from(["urban", "rural"]), amounts, days)),
    st.builds(both, amounts, days),
    st.builds(lambda a, b, day: (value("urban", a, day), value("rural", b, day)), amounts, amounts, days),
)
numbers = st.integers(1, 5)
asked_of_the_book = st.lists(
    st.tuples(
        st.one_of(
            st.builds(lambda v, merges: draft(*v, merges=merges), values, st.booleans()),
            st.builds(sd.ApproveStandard, numbers),
            st.builds(sd.PublishStandard, numbers),
            st.builds(sd.WithdrawStandard, numbers, st.just("有误")),
        ),
        st.sampled_from(HANDS),
    ),
    max_size=30,
)


@FEW
@drawn(asked_of_the_book)
def test_whatever_is_asked_the_rules_can_take_what_the_book_holds(asked: list[Any]) -> None:
    """No step is skipped, nobody approves or publishes his own draft, after the merger the gap is nothing, and the engine is made."""
    state = sd.DECIDER.initial
    approved: dict[int, str] = {}
    for command, hand in asked:
        try:
            events = sd.DECIDER.decide[type(command)](state, command, order(command, hand, START))
        except Refused:
            continue
        for event in events:
            before, state = state, sd.DECIDER.evolve(state, event)
            if isinstance(event, sd.StandardApproved):
                approved[event.number] = event.by
            if isinstance(event, sd.StandardApproved | sd.StandardPublished):
                assert event.by != before.publications[event.number].drafted_by
            if isinstance(event, sd.StandardPublished):
                assert event.number in approved
    since = state.merged_from(STANDARD)
    for p in state.published:
        assert since is None or all(v.area == sd.BOTH for v in p.values if v.effective_from >= since)
    rules = engine("xiangshan-2023", sd.in_the_rules(state))
    for day in (date(2023, 8, 1), date(2024, 1, 1)):
        for name, v in sd.in_force_on(state, day).items():
            assert rules.parameter(name, f"{day:%Y-%m}").value == v.amount_fen


def opened() -> Given[sr.Run]:
    opening = sr.OpenStandardRun("run", 1, "330225", STANDARD, ("minimum_living_allowance",), "2023-08", "standard:1")
    return given(sr.DECIDER).when(opening).accepted()


def test_a_run_closes_with_the_sums_of_its_slices_when_all_are_done() -> None:
    """Not before."""
    case = opened().when(sr.ListStandardSlice(("a", "b"))).accepted().when(sr.ListStandardSlice(("b", "c"))).accepted()
    assert case.state.slices == (("a", "b"), ("c",)), "a case stands in one slice"
    case = case.when(sr.PlanStandardRun(9)).accepted()
    case = case.when(sr.FinishStandardSlice(1, sr.Sums(cases=1, changed=1, raised=1, before_fen=1, after_fen=3))).accepted()
    case.when(sr.CloseStandardRun(9)).then_refused("out_of_order")
    case.when(sr.FinishStandardSlice(0, sr.Sums(cases=1))).then_refused("invalid_input", "slice")
    case.when(sr.FinishStandardSlice(0, sr.Sums(cases=2, failed=1))).then_refused("invalid_input", "slice")
    case = case.when(sr.FinishStandardSlice(0, sr.Sums(cases=2))).accepted()
    total = sr.Sums(cases=3, changed=1, raised=1, before_fen=1, after_fen=3)
    case.when(sr.CloseStandardRun(9)).then(sr.StandardRunClosed("run", 1, "330225", 9, total)).when(sr.CloseStandardRun(9)).then_nothing()


def test_a_run_over_nothing_closes_at_once() -> None:
    """A publication that changes no case."""
    opened().when(sr.PlanStandardRun(0)).accepted().when(sr.CloseStandardRun(0)).accepted()


@pytest.mark.parametrize("command", [sr.ListStandardSlice(("a",)), sr.FinishStandardSlice(0, sr.Sums()), sr.CloseStandardRun(0)])
def test_nothing_is_done_in_a_run_that_was_not_opened(command: Any) -> None:
    """Nor twice in one that is."""
    assert given(sr.DECIDER).when(command).refused is not None
    again = sr.OpenStandardRun("run", 2, "330225", STANDARD, (), "2023-09", "x")
    opened().when(again).then_nothing()


cases = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4).map(tuple)
asked_of_a_run = st.lists(
    st.one_of(
        st.builds(sr.ListStandardSlice, cases),
        st.builds(sr.PlanStandardRun, st.integers(0, 9)),
        st.builds(lambda n, m: sr.FinishStandardSlice(n, sr.Sums(cases=m, after_fen=7)), st.integers(0, 5), st.integers(0, 4)),
        st.builds(sr.CloseStandardRun, st.integers(0, 9)),
    ),
    max_size=30,
)


@FEW
@drawn(asked_of_a_run)
def test_whatever_is_asked_no_case_is_counted_twice_and_every_run_can_be_closed(asked: list[Any]) -> None:
    """Sums are those of the slices; the way out is to do what is listed."""
    state = opened().state
    for command in asked:
        try:
            events = sr.DECIDER.decide[type(command)](state, command, order(command, "service:assistance", START))
        except Refused:
            continue
        state = sr.DECIDER.fold(events, state)
        listed = [case for part in state.slices for case in part]
        assert len(listed) == len(set(listed))
        assert state.sums.cases == sum(len(state.slices[n]) for n in state.done)
    if state.status != "closed":
        for command in (
            sr.PlanStandardRun(0),
            *(sr.FinishStandardSlice(n, sr.Sums(cases=len(part))) for n, part in enumerate(state.slices)),
            sr.CloseStandardRun(0),
        ):
            events = sr.DECIDER.decide[type(command)](state, command, order(command, "service:assistance", START))
            state = sr.DECIDER.fold(events, state)
    assert state.status == "closed"
    assert state.sums.cases == len(state.listed)
