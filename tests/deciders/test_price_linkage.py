"""One month's price linkage: two hands, slices in their order, sums that add up, and a way out of every state."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.assistance import price_linkage as pl
from shared.domain.errors import Refused
from shared.eventsourcing.testing import given

TRIGGER = pl.TriggerPriceLinkage("2023-08", "330225", 360, 100, "象统〔2023〕8号", date(2023, 8, 18))


def decide(state: pl.Linkage, command: Any, day: str = "2023-08-21", hand: str = "staff:b") -> pl.Linkage:
    order = given(pl.DECIDER).on(day).by(hand, division="330225").order
    for happened in pl.DECIDER.decide[type(command)](state, command, order):
        state = pl.evolve(state, happened)
    return state


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"month": "2023-09"}, "month"),
        ({"cpi_bp": 20_000}, "cpi_bp"),
        ({"document_no": " "}, "document_no"),
        ({"published_on": date(2023, 7, 31)}, "published_on"),
    ],
)
def test_a_wrong_index_is_refused_with_its_field(changed: dict[str, Any], field: str) -> None:
    """A month to come, a unit mistaken, no document, a day before the month."""
    with pytest.raises(Refused) as refused:
        decide(pl.Linkage(), pl.TriggerPriceLinkage(**{**TRIGGER.__dict__, **changed}))
    assert refused.value.field == field


def test_the_index_can_be_corrected_until_it_is_confirmed() -> None:
    """Twenty working days run from the day of its publication."""
    state = decide(decide(pl.Linkage(), TRIGGER), pl.TriggerPriceLinkage(**{**TRIGGER.__dict__, "cpi_bp": 380}))
    assert (state.cpi_bp, state.pay_by) == (380, date(2023, 9, 15))
    confirmed = decide(state, pl.ConfirmPriceLinkage("2023-08", True, ""), hand="staff:c")
    with pytest.raises(Refused, match="已办理"):
        decide(confirmed, TRIGGER)


@settings(max_examples=60, deadline=None)
@drawn(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 200), st.booleans()), max_size=12))
def test_slices_come_in_their_order_each_once_and_add_up(told: list[tuple[int, int, bool]]) -> None:
    """Repeated, skipped or late: what is counted is what was granted in slices 1, 2, 3 … up to the last."""
    state = decide(decide(pl.Linkage(), TRIGGER), pl.ConfirmPriceLinkage("2023-08", True, ""), hand="staff:c")
    expected, units, done = 0, 0, False
    for no, granted, last in told:
        command = pl.ClosePriceSlice("2023-08", no, f"unit-{no}", granted, granted, granted * 6000, last)
        if not done and no > expected + 1:
            with pytest.raises(Refused):
                decide(state, command)
            continue
        state = decide(state, command)
        if not done and no == expected + 1:
            expected, units, done = no, units + granted, last
    assert (state.slices, state.units, state.amount_fen) == (expected, units, units * 6000)
    assert state.status == ("completed" if done else "granting")


def test_late_is_noted_once_and_paid_is_the_end() -> None:
    """On the last day nothing is late; the day after it is, unless everybody was paid."""
    state = decide(decide(pl.Linkage(), TRIGGER), pl.ConfirmPriceLinkage("2023-08", True, ""), hand="staff:c")
    done = decide(state, pl.ClosePriceSlice("2023-08", 1, "u", 1, 1, 6000, True))
    assert decide(done, pl.NotePriceOverdue("2023-08", False), "2023-09-15") == done
    late = decide(done, pl.NotePriceOverdue("2023-08", False), "2023-09-16")
    assert late.overdue
    assert decide(late, pl.NotePriceOverdue("2023-08", False), "2023-09-17") == late
    assert decide(done, pl.NotePriceOverdue("2023-08", True), "2023-09-16").status == "paid"
