"""The life of funeral benefits: offered, claimed once by the organiser, approved by another hand, or declined."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.registry import funeral as f
from shared.eventsourcing.testing import Given, given

WHO, ORGANISER, DAY = "0a" * 16, "0b" * 16, date(2023, 6, 20)
OFFERED = f.FuneralBenefitsOffered(WHO, DAY, "330225101", f.BASIC_ITEMS)
CLAIMED = f.FuneralBenefitsClaimed(ORGANISER, "staff:a", "承办人")
LIFE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "offered": (OFFERED,),
    "claimed": (OFFERED, CLAIMED),
    "approved": (OFFERED, CLAIMED, f.FuneralBenefitsApproved(WHO)),
    "declined": (OFFERED, f.FuneralBenefitsDeclined("家属放弃")),
}
OFFER, CLAIM = f.OfferFuneralBenefits(WHO, DAY, "330225101"), f.ClaimFuneralBenefits(WHO, ORGANISER, "承办人")
APPROVE, DECLINE = f.ApproveFuneralBenefits(WHO), f.DeclineFuneralBenefits(WHO, "家属放弃")


def at(status: str) -> Given[f.Funeral]:
    found = given(f.DECIDER, *LIFE[status])
    assert found.state.status == status
    return found


def test_benefits_are_offered_claimed_and_approved() -> None:
    """By two hands."""
    case = given(f.DECIDER).when(OFFER).then(OFFERED)
    case = case.by("staff:a").when(CLAIM).then(CLAIMED)
    case.by("staff:b").when(APPROVE).then(f.FuneralBenefitsApproved(WHO))


@pytest.mark.parametrize("status", ["offered", "claimed", "approved", "declined"])
def test_benefits_are_offered_once(status: str) -> None:
    """Also when the day of death is corrected."""
    at(status).when(OFFER).then_nothing()


@pytest.mark.parametrize("status", ["none", "claimed", "approved", "declined"])
def test_benefits_are_claimed_once_and_only_when_offered(status: str) -> None:
    """One payee for each deceased."""
    at(status).when(CLAIM).then_refused("out_of_order")


@pytest.mark.parametrize("organiser", [WHO, "not a person_id"])
def test_the_organiser_is_another_living_person(organiser: str) -> None:
    """Nobody organises his own funeral."""
    at("offered").when(f.ClaimFuneralBenefits(WHO, organiser)).then_refused("invalid_input", "organiser_id")


def test_whoever_took_the_claim_does_not_approve_it() -> None:
    """Law 9."""
    at("claimed").by("staff:a").when(APPROVE).then_refused("same_hand")


@pytest.mark.parametrize("status", ["none", "offered", "approved", "declined"])
def test_only_a_claim_is_approved(status: str) -> None:
    """There is nothing to approve."""
    at(status).by("staff:b").when(APPROVE).then_refused("out_of_order")


@pytest.mark.parametrize("status", ["offered", "claimed"])
def test_benefits_may_be_declined_with_a_reason(status: str) -> None:
    """Not wanted, or not due."""
    at(status).when(DECLINE).then(f.FuneralBenefitsDeclined("家属放弃"))
    at(status).when(f.DeclineFuneralBenefits(WHO, " ")).then_refused("invalid_input", "reason")


@pytest.mark.parametrize("status", ["none", "approved", "declined"])
def test_what_is_settled_or_was_never_offered_is_not_declined(status: str) -> None:
    """Too late, or too early."""
    at(status).when(DECLINE).then_refused("out_of_order")
