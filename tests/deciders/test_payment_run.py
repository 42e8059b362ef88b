"""The life of a payment run: opened, listed in chunks, locked, approved by another hand, closed with its sums proven."""

from __future__ import annotations

from typing import Any

import pytest

from shared.casework import payment_run as pr
from shared.eventsourcing.testing import Given, given

D = pr.decider("assistance")
RUN = pr.run_id("minimum_living_allowance", "2023-07", "330225")
OPEN = pr.OpenPaymentRun("minimum_living_allowance", "2023-07", "330225")
OPENED = pr.PaymentRunOpened(RUN, "minimum_living_allowance", "2023-07", "330225", "staff:cashier")
LINES = (pr.PaymentLine("case-a", 100000), pr.PaymentLine("case-b", 50000))
LISTED = pr.PaymentLinesListed(0, LINES)
LOCKED = pr.PaymentRunLocked(2, 150000)
APPROVED = pr.PaymentRunApproved(RUN, "minimum_living_allowance", "2023-07", "staff:chief")
CLOSED = pr.PaymentRunClosed(RUN, "minimum_living_allowance", "2023-07", 2, 150000, 1, 100000, 1, 50000)
LIFE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "open": (OPENED, LISTED),
    "locked": (OPENED, LISTED, LOCKED),
    "approved": (OPENED, LISTED, LOCKED, APPROVED),
    "closed": (OPENED, LISTED, LOCKED, APPROVED, CLOSED),
}


def at(status: str) -> Given[pr.Run]:
    found = given(D, *LIFE[status])
    assert found.state.status == status
    return found


def test_a_run_is_opened_listed_locked_approved_and_closed() -> None:
    """From the list to the proof that in = paid + failed."""
    run = given(D).by("staff:cashier").when(OPEN).then(OPENED)
    run = run.when(pr.ListPaymentLines(0, LINES)).then(LISTED)
    run = run.when(pr.LockPaymentRun(RUN)).then(LOCKED)
    run = run.by("staff:chief").when(pr.ApprovePaymentRun(RUN)).then(APPROVED)
    run.by("service:assistance").when(pr.ClosePaymentRun(1, 100000, 1, 50000)).then(CLOSED)


@pytest.mark.parametrize("status", ["open", "locked", "approved", "closed"])
def test_a_month_has_one_run(status: str) -> None:
    """A second run of the same programme, month and division is refused."""
    at(status).when(OPEN).then_refused("already_exists", "month")


@pytest.mark.parametrize(("month", "code"), [("2023-08", "invalid_input"), ("2023-7", "invalid_input"), ("", "invalid_input")])
def test_no_run_for_a_month_to_come_or_for_none(month: str, code: str) -> None:
    """August is not paid in July, and a month is written YYYY-MM."""
    given(D).when(pr.OpenPaymentRun("minimum_living_allowance", month, "330225")).then_refused(code, "month")


@pytest.mark.parametrize("status", ["none", "locked", "approved", "closed"])
def test_lines_are_listed_only_while_the_run_is_open(status: str) -> None:
    """A locked list does not grow."""
    at(status).when(pr.ListPaymentLines(1, (pr.PaymentLine("case-c", 1),))).then_refused("out_of_order")


def test_chunks_come_in_their_order() -> None:
    """A chunk that is told again, or too early, is refused."""
    for chunk in (0, 2):
        at("open").when(pr.ListPaymentLines(chunk, (pr.PaymentLine("case-c", 1),))).then_refused("out_of_order")


def test_no_case_is_listed_twice() -> None:
    """Neither within a chunk nor across chunks."""
    at("open").when(pr.ListPaymentLines(1, (pr.PaymentLine("case-a", 1),))).then_refused("invalid_input", "lines")
    twice = (pr.PaymentLine("case-c", 1), pr.PaymentLine("case-c", 2))
    at("open").when(pr.ListPaymentLines(1, twice)).then_refused("invalid_input", "lines")


@pytest.mark.parametrize(
    "lines",
    [(), (pr.PaymentLine("c", 0),), (pr.PaymentLine("c", -1),), tuple(pr.PaymentLine(f"c{n}", 1) for n in range(401))],
    ids=["empty", "nothing", "negative", "too many"],
)
def test_a_chunk_is_bounded_and_pays_something(lines: tuple[pr.PaymentLine, ...]) -> None:
    """No empty chunk, no line of nothing, no event over 64 KiB."""
    at("open").when(pr.ListPaymentLines(1, lines)).then_refused("invalid_input", "lines")


@pytest.mark.parametrize("status", ["none", "locked", "approved", "closed"])
def test_only_an_open_run_is_locked(status: str) -> None:
    """Once."""
    at(status).when(pr.LockPaymentRun(RUN)).then_refused("out_of_order")


def test_an_empty_run_is_not_locked() -> None:
    """There is nobody to pay."""
    given(D, OPENED).when(pr.LockPaymentRun(RUN)).then_refused("out_of_order")


@pytest.mark.parametrize("status", ["none", "open", "approved", "closed"])
def test_only_a_locked_run_is_approved(status: str) -> None:
    """What is approved cannot change any more."""
    at(status).by("staff:chief").when(pr.ApprovePaymentRun(RUN)).then_refused("out_of_order")


def test_whoever_made_the_list_does_not_approve_it() -> None:
    """Law 9: two hands."""
    at("locked").by("staff:cashier").when(pr.ApprovePaymentRun(RUN)).then_refused("same_hand")


@pytest.mark.parametrize("status", ["none", "open", "locked"])
def test_only_an_approved_run_is_closed(status: str) -> None:
    """Nothing was paid yet."""
    at(status).when(pr.ClosePaymentRun(2, 150000, 0, 0)).then_refused("out_of_order")


@pytest.mark.parametrize("sums", [(2, 150000, 1, 0), (1, 100000, 0, 0), (2, 149999, 0, 0), (1, 150000, 1, 50000)])
def test_a_run_whose_sums_do_not_add_up_is_not_closed(sums: tuple[int, int, int, int]) -> None:
    """In = paid + failed, in cases and in fen."""
    at("approved").when(pr.ClosePaymentRun(*sums)).then_refused("invalid_input", "paid_fen")


def test_closing_twice_changes_nothing() -> None:
    """Two workers may pay the same run at once."""
    at("closed").when(pr.ClosePaymentRun(2, 150000, 0, 0)).then_nothing()
