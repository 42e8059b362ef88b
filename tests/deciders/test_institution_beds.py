"""Beds of an institution: the last one is held for one offer."""

from __future__ import annotations

from dataclasses import replace

from services.assistance import institution_beds as ib
from shared.eventsourcing.testing import given

HELD = ib.HoldInstitutionBed("org:1", "330225101", "wish-1", "offer-1", 2)
D = ib.DECIDER


def test_a_bed_is_held_for_an_offer() -> None:
    """With the day, from which it is known how long nothing came of it."""
    case = given(D).when(HELD).accepted()
    [event] = case.events
    assert (event.wish_id, event.offer, event.released_offers) == ("wish-1", "offer-1", ())
    assert case.state.holds["wish-1"] == ib.Hold("wish-1", "offer-1", event.reserved_on)


def test_the_last_bed_is_held_once() -> None:
    """Who is there by the rows and whom a bed is held for count once each; where the register tells no number there is no last one."""
    first = given(D).when(HELD).accepted()
    second = replace(HELD, wish_id="wish-2", offer="offer-2")
    first.when(replace(second, beds=1)).then_refused("invalid_input", "institution_id")
    first.when(replace(second, taken_by=("wish-9",))).then_refused("invalid_input", "institution_id")
    first.when(replace(second, taken_by=("wish-1",))).accepted()
    first.when(second).accepted().when(replace(HELD, wish_id="wish-3", offer="offer-3")).then_refused("invalid_input", "institution_id")
    first.when(replace(second, beds=None, taken_by=("wish-7", "wish-8", "wish-9"))).accepted()
    given(D).when(replace(HELD, beds=0)).then_refused("invalid_input", "institution_id")


def test_what_is_over_gives_its_bed_up() -> None:
    """The hold of that very offer: one that was made anew for the same wish since stands."""
    full = given(D).when(replace(HELD, beds=1)).accepted()
    second = ib.HoldInstitutionBed("org:1", "330225101", "wish-2", "offer-2", 1, over=("offer-1",))
    freed = full.when(second).accepted()
    assert (list(freed.state.holds), freed.events[-1].released_offers) == (["wish-2"], ("offer-1",))
    again = full.when(replace(HELD, beds=1, offer="offer-3")).accepted()
    assert again.state.holds["wish-1"].offer == "offer-3"
    again.when(second).then_refused("invalid_input", "institution_id")
