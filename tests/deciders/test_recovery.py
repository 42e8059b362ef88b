"""The life of a recovery claim: opened with its exact amount, repaid in parts, settled; or waived by two hands."""

from __future__ import annotations

from typing import Any

import pytest

from shared.casework import recovery as r
from shared.casework.benefit_case import MonthDifference
from shared.eventsourcing.testing import Given, given

D = r.decider("assistance")
MONTHS = (MonthDifference("2023-08", 100000, 70000), MonthDifference("2023-09", 100000, 0))
OPEN = r.OpenRecovery("rec", "case", "minimum_living_allowance", "b2" * 16, "330225101", MONTHS, 130000, "收入变化")
OPENED = r.RecoveryOpened("rec", "case", "minimum_living_allowance", "b2" * 16, "330225101", MONTHS, 130000, "收入变化")
PROPOSED = r.RecoveryWaiverProposed("家庭困难", "staff:a")
LIFE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "open": (OPENED,),
    "waiver_proposed": (OPENED, PROPOSED),
    "settled": (OPENED, r.RecoveryRepaid(130000, "1"), r.RecoverySettled(130000)),
    "waived": (OPENED, PROPOSED, r.RecoveryWaived(130000)),
}
PROPOSE, APPROVE = r.ProposeWaiver("rec", "家庭困难"), r.ApproveWaiver("rec")


def at(status: str) -> Given[r.Recovery]:
    found = given(D, *LIFE[status])
    assert found.state.status == status
    return found


def repay(fen: int) -> r.RecordRepayment:
    return r.RecordRepayment("rec", fen, "收据1")


def test_a_claim_opens_with_the_amount_of_its_months() -> None:
    """Month by month, to the fen."""
    given(D).when(OPEN).then(OPENED)


def test_a_claim_whose_months_do_not_add_up_is_refused() -> None:
    """The amount is never typed."""
    wrong = r.OpenRecovery("rec", "case", "p", "b2" * 16, "330225101", MONTHS, 130001, "x")
    given(D).when(wrong).then_refused("invalid_input", "amount_fen")


@pytest.mark.parametrize("status", ["open", "waiver_proposed", "settled", "waived"])
def test_a_claim_is_opened_once(status: str) -> None:
    """The same overpayment told again changes nothing."""
    at(status).when(OPEN).then_nothing()


def test_a_claim_is_repaid_in_parts_and_settled_with_the_last() -> None:
    """Every part counts; the last fen settles it."""
    claim = at("open").when(repay(100000)).then(r.RecoveryRepaid(100000, "收据1"))
    assert claim.state.left_fen == 30000
    claim.when(repay(30000)).then(r.RecoveryRepaid(30000, "收据1"), r.RecoverySettled(130000))


@pytest.mark.parametrize("fen", [0, -1, 130001, 10**12])
def test_no_more_is_repaid_than_is_owed_and_no_less_than_a_fen(fen: int) -> None:
    """A slip of the keyboard is no repayment."""
    at("open").when(repay(fen)).then_refused("invalid_input", "amount_fen")


@pytest.mark.parametrize("status", ["none", "settled", "waived"])
def test_nothing_is_repaid_on_a_claim_that_is_not_open(status: str) -> None:
    """Neither before nor after."""
    at(status).when(repay(1)).then_refused("out_of_order")


def test_money_that_comes_in_while_a_waiver_is_proposed_is_taken() -> None:
    """The waiver is then of what is left."""
    claim = at("waiver_proposed").when(repay(30000)).accepted()
    claim.by("staff:b").when(APPROVE).then(r.RecoveryWaived(100000))


def test_a_waiver_takes_two_hands() -> None:
    """Proposed by one, approved by another."""
    claim = at("open").by("staff:a").when(PROPOSE).then(PROPOSED)
    claim.when(APPROVE).then_refused("same_hand")
    claim.by("staff:b").when(APPROVE).then(r.RecoveryWaived(130000))


def test_a_waiver_needs_a_reason() -> None:
    """Nobody is let off without one."""
    at("open").when(r.ProposeWaiver("rec", " ")).then_refused("invalid_input", "reason")


@pytest.mark.parametrize("status", ["none", "waiver_proposed", "settled", "waived"])
def test_a_waiver_is_proposed_for_an_open_claim_only(status: str) -> None:
    """Once."""
    at(status).when(PROPOSE).then_refused("out_of_order")


@pytest.mark.parametrize("status", ["none", "open", "settled", "waived"])
def test_only_a_proposed_waiver_is_approved(status: str) -> None:
    """There is nothing to approve."""
    at(status).by("staff:b").when(APPROVE).then_refused("out_of_order")
