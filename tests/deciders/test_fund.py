"""Fund (资金): never negative, every draw of one case within the limit, settled by the decision and by another hand, counted by a third."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.assistance.declarations import DECIDERS
from shared.casework import fund as fd
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, HANDS, ID, TOWN, live
from tests.desk import desk

D = fd.SHAPE.decider("assistance")
P = "temporary_assistance_reserve_fund"
TERMS = fd.Terms(draw_limit=3000, settle_days=14, count_every_days=92)


def filled(amount: int = 10_000) -> Given[Any]:
    opened = given_that(D).by("staff:approver").when(fd.OpenFund(P, TOWN, terms=TERMS)).accepted()
    return opened.by("staff:cashier").when(fd.AllocateToFund(ID, amount, "象民1号")).accepted()


def drawn(draw_id: str = "d1", case: str = "c1", amount: int = 1000) -> Given[Any]:
    return filled().by("staff:clerk").when(fd.DrawFromFund(ID, case, amount, draw_id)).accepted()


def test_a_draw_names_its_case_and_is_within_limit_and_balance() -> None:
    """One fen beyond either is refused; an id is used once."""
    filled().when(fd.DrawFromFund(ID, "", 1000, "d1")).then_refused("invalid_input", "case_id")
    filled().when(fd.DrawFromFund(ID, "c1", 3001, "d1")).then_refused("invalid_input", "amount")
    filled(2000).when(fd.DrawFromFund(ID, "c1", 2001, "d1")).then_refused("out_of_order", "amount")
    drawn().when(fd.DrawFromFund(ID, "c2", 1, "d1")).then_refused("already_exists", "draw_id")
    assert drawn().state.balance == 9000


def test_a_limit_is_not_evaded_by_two_draws_of_one_case() -> None:
    """Together they may be as much as one; after the decision settled the first, and for another case, there is room again."""
    first = drawn(amount=2000)
    first.when(fd.DrawFromFund(ID, "c1", 1001, "d2")).then_refused("invalid_input", "amount")
    assert first.when(fd.DrawFromFund(ID, "c1", 1000, "d2")).accepted().state.balance == 7000
    assert first.when(fd.DrawFromFund(ID, "c2", 3000, "d2")).accepted().state.balance == 5000
    settled = first.by("staff:approver").when(fd.SettleFundDraw(ID, "d1", "决定1号", 2000)).accepted()
    assert settled.by("staff:clerk").when(fd.DrawFromFund(ID, "c1", 3000, "d2")).accepted().state.balance == 5000


def test_nobody_settles_what_he_drew() -> None:
    """核销 is another hand's, by a decision that is named; what it does not cover comes back."""
    drawn().when(fd.SettleFundDraw(ID, "d1", "决定1号", 1000)).then_refused("same_hand")
    other = drawn().by("staff:approver")
    other.when(fd.SettleFundDraw(ID, "d1", " ", 1000)).then_refused("invalid_input", "decision")
    other.when(fd.SettleFundDraw(ID, "d1", "决定1号", 1001)).then_refused("invalid_input", "covered")
    assert other.when(fd.SettleFundDraw(ID, "d1", "决定1号", 400)).accepted().state.balance == 9600


def test_what_is_late_stands_in_a_list_of_its_own() -> None:
    """A draw nobody settled; a count that is owed is not hidden by a draw that is in time."""
    assert fd.view(drawn().state).worklist == "fund_settle"
    late = drawn().on("2023-07-18").when(fd.NoteFundOverdue(ID, "settle")).accepted()
    assert fd.view(late.state).worklist == "fund_overdue"
    uncounted = filled().on("2023-12-01").when(fd.NoteFundOverdue(ID, "count")).accepted()
    again = uncounted.by("staff:clerk").when(fd.DrawFromFund(ID, "c9", 100, "d9")).accepted()
    assert fd.view(again.state).worklist == "fund_count"
    counted = again.by("staff:reviewer").when(fd.CountFund(ID, 9900)).accepted()
    assert fd.view(counted.state).worklist == "fund_settle"


def test_the_hand_that_counts_drew_nothing_and_a_difference_is_said() -> None:
    """盘点: a difference is a finding, and stays one until the next count."""
    drawn().when(fd.CountFund(ID, 9000)).then_refused("same_hand")
    counter = drawn().by("staff:reviewer")
    counter.when(fd.CountFund(ID, 8000)).then_refused("invalid_input", "note")
    short = counter.when(fd.CountFund(ID, 8000, "差一千")).accepted().state
    assert (short.difference, short.balance, fd.view(short).worklist) == (-1000, 9000, "fund_count")


COMMANDS = st.one_of(
    st.builds(fd.AllocateToFund, st.just(ID), st.integers(0, 5000), st.just("文号")),
    st.builds(fd.DrawFromFund, st.just(ID), st.sampled_from(["c1", "c2"]), st.integers(0, 4000), st.sampled_from(["d1", "d2", "d3"])),
    st.builds(fd.SettleFundDraw, st.just(ID), st.sampled_from(["d1", "d2", "d3"]), st.just("决定"), st.integers(0, 4000)),
    st.builds(fd.CountFund, st.just(ID), st.integers(0, 9000), st.just("说明")),
    st.builds(fd.CloseFund, st.just(ID), st.just("结清")),
)


EXITS = [*((fd.SettleFundDraw(ID, d, "决定", 0), "staff:x") for d in ("d1", "d2", "d3")), (fd.CloseFund(ID, "结清"), "staff:x")]


def legal(before: Any, events: Any, state: Any, day: date) -> None:
    assert state.balance >= 0
    assert state.status != "open" or state.balance == state.allocated - state.drawn + state.given_back
    for case in ("c1", "c2"):
        assert sum(d.amount for d in state.open_draws.values() if d.case_id == case) <= TERMS.draw_limit


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 20)), max_size=25))
def test_the_balance_is_what_came_in_less_what_went_out_and_never_negative(steps: list[Any]) -> None:
    """Whatever is tried, by whom, in whatever order; and what is late is told, once."""
    live(fd.SHAPE, [(fd.OpenFund(P, TOWN, terms=TERMS), "staff:x", 0), *steps], EXITS, legal)


def test_draws_at_the_same_moment_never_take_more_than_there_is(tmp_path: Path) -> None:
    """Eight hands at once over a real log, for three draws' worth of money: three are made, five refused, nothing is left."""
    with desk(tmp_path, "assistance") as d:
        fund = d.call("open_fund", "approver", programme=P, division=TOWN)["id"]
        d.call("allocate_to_fund", "cashier", record_id=fund, amount=900_000, document_no="象民1号")
        office, decider = d.services["assistance"].office, DECIDERS["fund"]

        def draw(n: int) -> str:
            try:
                draw_it = fd.DrawFromFund(fund, f"case-{n}", 300_000, f"draw-{n}")
                hand = Hand(f"staff:{n}", frozenset({"clerk"}), "330225")
                office.handle(decider, fund, Order(draw_it, derived_id("draw", str(n)), hand, d.now))
            except Refused as refused:
                return refused.code
            return "drawn"

        with ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(draw, range(8)))
        state = office.load(decider, fund).state
        assert (answers.count("drawn"), answers.count("out_of_order"), state.balance, len(state.open_draws)) == (3, 5, 0, 3)
        assert all(one.settle_by == date(2023, 7, 17) for one in state.open_draws.values())
