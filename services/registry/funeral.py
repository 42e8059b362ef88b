"""Funeral benefits (惠民殡葬, R26–R28): basic services reduced or free, once per deceased, one payee.

Life: offered (by the after-death process) → claimed by the organiser of the funeral → approved by another hand | declined.
Which items are free is the district's policy (profile); here stands only that an offer was made, taken or not, and by whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.domain.errors import invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order

CATALOGUE = ("R26",)

# 基本殡葬服务四项: transport, storage, cremation, urn keeping (domain/rules.md, 殡葬)
BASIC_ITEMS: tuple[str, ...] = ("遗体接运", "遗体存放", "遗体火化", "骨灰寄存")


@event("registry.funeral_benefits_offered", published=True)
@dataclass(frozen=True)
class FuneralBenefitsOffered:
    """惠民殡葬待遇告知: what the organiser of the funeral may claim."""

    person_id: str
    died_on: date
    division: str
    items: tuple[str, ...]


@event("registry.funeral_benefits_claimed")
@dataclass(frozen=True)
class FuneralBenefitsClaimed:
    """惠民殡葬待遇申领: ``organiser_id`` is the one payee (丧事承办人)."""

    organiser_id: str
    by: str
    organiser_name: str = personal(of="organiser_id", default="")


@event("registry.funeral_benefits_approved", published=True)
@dataclass(frozen=True)
class FuneralBenefitsApproved:
    """惠民殡葬待遇批准."""

    person_id: str


@event("registry.funeral_benefits_declined")
@dataclass(frozen=True)
class FuneralBenefitsDeclined:
    """不予惠民殡葬待遇."""

    reason: str


@event("registry.funeral_benefits_taken_back")
@dataclass(frozen=True)
class FuneralBenefitsTakenBack:
    """惠民殡葬待遇撤回: the death was annulled; ``status`` is how far it had come. At the person's death they are offered anew."""

    status: str


@dataclass(frozen=True)
class Funeral:
    status: str = "none"  # none | offered | claimed | approved | declined
    person_id: str = ""
    division: str = ""
    items: tuple[str, ...] = ()
    claimed_by: str = ""


def evolve(state: Funeral, happened: Any) -> Funeral:
    match happened:
        case FuneralBenefitsOffered():
            return Funeral("offered", happened.person_id, happened.division, happened.items)
        case FuneralBenefitsClaimed():
            return replace(state, status="claimed", claimed_by=happened.by)
        case FuneralBenefitsApproved():
            return replace(state, status="approved")
        case FuneralBenefitsDeclined():
            return replace(state, status="declined")
        case FuneralBenefitsTakenBack():
            return Funeral(division=state.division)
        case _:
            raise TypeError(f"funeral benefits know no {type(happened).__name__}")


@command("offer_funeral_benefits", permission="registry:process")
@dataclass(frozen=True)
class OfferFuneralBenefits:
    person_id: str
    died_on: date
    division: str


@command("claim_funeral_benefits", permission="registry:funeral")
@dataclass(frozen=True)
class ClaimFuneralBenefits:
    person_id: str
    organiser_id: str
    organiser_name: str = ""


@command("approve_funeral_benefits", permission="registry:funeral")
@dataclass(frozen=True)
class ApproveFuneralBenefits:
    person_id: str


@command("decline_funeral_benefits", permission="registry:funeral")
@dataclass(frozen=True)
class DeclineFuneralBenefits:
    person_id: str
    reason: str


@command("take_back_funeral_benefits", permission="registry:process")
@dataclass(frozen=True)
class TakeBackFuneralBenefits:
    person_id: str


def take_back(state: Funeral, c: TakeBackFuneralBenefits, order: Order[Any]) -> Sequence[Any]:
    return [] if state.status == "none" else [FuneralBenefitsTakenBack(state.status)]


def offer(state: Funeral, c: OfferFuneralBenefits, order: Order[Any]) -> Sequence[Any]:
    return [] if state.status != "none" else [FuneralBenefitsOffered(c.person_id, c.died_on, c.division, BASIC_ITEMS)]


def claim(state: Funeral, c: ClaimFuneralBenefits, order: Order[Any]) -> Sequence[Any]:
    if state.status != "offered":
        raise out_of_order("惠民殡葬待遇未在待申领状态，每位逝者只能申领一次。")
    if not is_person_id(c.organiser_id) or c.organiser_id == c.person_id:
        raise invalid("承办人标识不正确。", "organiser_id")
    return [FuneralBenefitsClaimed(c.organiser_id, order.hand.actor, c.organiser_name)]


def approve(state: Funeral, c: ApproveFuneralBenefits, order: Order[Any]) -> Sequence[Any]:
    if state.status != "claimed":
        raise out_of_order("尚无待批准的申领。")
    not_the_same_hand(order, state.claimed_by)
    return [FuneralBenefitsApproved(c.person_id)]


def decline(state: Funeral, c: DeclineFuneralBenefits, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("offered", "claimed"):
        raise out_of_order("惠民殡葬待遇不在办理中。")
    if not c.reason.strip():
        raise invalid("请填写理由。", "reason")
    return [FuneralBenefitsDeclined(c.reason.strip())]


DECIDER: Decider[Funeral] = Decider(
    category="registry.funeral",
    initial=Funeral(),
    evolve=evolve,
    decide={
        OfferFuneralBenefits: offer,
        ClaimFuneralBenefits: claim,
        ApproveFuneralBenefits: approve,
        DeclineFuneralBenefits: decline,
        TakeBackFuneralBenefits: take_back,
    },
    division=lambda state: state.division,
)
