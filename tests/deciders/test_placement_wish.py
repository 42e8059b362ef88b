"""Placement wish (集中供养意愿): who wishes to come in is offered a place in time, and is nowhere twice."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.assistance import placement_wish as pw
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, FIRST, HANDS, ID, SUBJECT, TOWN, live

D = pw.SHAPE.decider("assistance")
P = "extreme_hardship_central_placement"
WISH = pw.RecordPlacementWish(P, TOWN, SUBJECT, "YY-1")


def wished() -> Given[Any]:
    return given_that(D).by("staff:clerk").when(WISH).accepted()


def taken() -> Given[Any]:
    offered = wished().by("staff:reviewer").when(pw.OfferPlace(ID, "org-1")).accepted().by("staff:clerk")
    return offered.when(pw.TakeOfferedPlace(ID)).accepted()


def test_nobody_is_placed_without_an_offer() -> None:
    """Wished, offered by another hand, taken, placed; none of it skipped."""
    wished().when(pw.PlaceInInstitution(ID, FIRST)).then_refused("out_of_order")
    wished().when(pw.OfferPlace(ID, "org-1")).then_refused("same_hand")
    wished().when(WISH).then_refused("already_exists", "subject_id")
    given_that(D).when(pw.RecordPlacementWish(P, TOWN, SUBJECT, "")).then_refused("invalid_input", "document_no")
    taken().when(pw.PlaceInInstitution(ID, date(2023, 7, 4))).then_refused("invalid_input", "moved_on")
    placed = taken().when(pw.PlaceInInstitution(ID, FIRST))
    placed.then(pw.PersonMovedIn(P, TOWN, SUBJECT, "org-1", FIRST))
    assert not pw.view(placed.accepted().state).open


def test_a_wish_without_an_offer_is_an_exception() -> None:
    """愿进未进: told after twenty working days, in a list of its own until a place is offered."""
    assert (pw.view(wished().state).due, pw.view(wished().state).due_on) == ("offer", date(2023, 7, 31))
    late = wished().on("2023-08-01").when(pw.NotePlacementOverdue(ID, "offer"))
    told = late.then(pw.PlacementOverdue(P, TOWN, SUBJECT, "offer", date(2023, 7, 31)))
    told.when(pw.NotePlacementOverdue(ID, "offer")).then_nothing()
    assert pw.view(told.state).worklist == "placement_exception"
    offered = told.by("staff:reviewer").when(pw.OfferPlace(ID, "org-1")).accepted()
    assert pw.view(offered.state).worklist == "placement_answer"


def test_a_declined_offer_leaves_the_wish_open() -> None:
    """Another place is owed, with a day of its own."""
    declined = taken().on("2023-07-10").when(pw.DeclineOfferedPlace(ID, "太远")).accepted()
    view = pw.view(declined.state)
    assert (view.worklist, view.due_on) == ("placement_offer", date(2023, 8, 7))


def test_a_stay_is_answered_for_on_any_day() -> None:
    """From the day of moving in until the day before leaving; a later stay is another."""
    placed = taken().when(pw.PlaceInInstitution(ID, FIRST)).accepted().on("2023-09-01")
    placed.when(pw.LeaveInstitution(ID, FIRST - timedelta(days=1), "出院")).then_refused("invalid_input", "moved_on")
    left = placed.when(pw.LeaveInstitution(ID, date(2023, 8, 20), "随亲属生活")).accepted()
    assert [pw.valid_on(left.state, d) for d in (FIRST, date(2023, 8, 19), date(2023, 8, 20))] == [True, True, False]
    again = left.when(WISH).accepted().by("staff:reviewer").when(pw.OfferPlace(ID, "org-2")).accepted().by("staff:clerk")
    again = again.when(pw.TakeOfferedPlace(ID)).accepted()
    again.when(pw.PlaceInInstitution(ID, date(2023, 8, 19))).then_refused("invalid_input", "moved_on")
    back = again.when(pw.PlaceInInstitution(ID, date(2023, 9, 1))).accepted().state
    assert pw.valid_on(back, date(2023, 8, 1))
    assert pw.valid_on(back, date(2023, 9, 1))


DAYS = st.integers(0, 60).map(lambda n: FIRST + timedelta(days=n))
COMMANDS = st.one_of(
    st.sampled_from(
        [
            WISH,
            pw.OfferPlace(ID, "org-1"),
            pw.OfferPlace(ID, "org-2"),
            pw.TakeOfferedPlace(ID),
            pw.DeclineOfferedPlace(ID, "远"),
            pw.WithdrawPlacementWish(ID, "改居家"),
            pw.NotePlacementOverdue(ID, "offer"),
            pw.ResumeStay(ID, "出院"),
        ]
    ),
    st.builds(pw.PlaceInInstitution, st.just(ID), DAYS),
    st.builds(pw.LeaveInstitution, st.just(ID), DAYS, st.just("出院")),
)
NEXT = {
    "none": {"wished"},
    "wished": {"offered", "withdrawn"},
    "offered": {"wished", "taken", "withdrawn"},
    "taken": {"wished", "placed", "withdrawn"},
    "placed": {"left"},
    "left": {"wished", "placed"},  # again only where what he left for was not so
}


def legal(before: pw.PlacementWish, events: Any, after: pw.PlacementWish, day: date) -> None:
    """What a placement wish promises after any step."""
    assert after.status == before.status or after.status in NEXT.get(before.status, {"wished"})
    assert all(a.last is not None and a.last < b.first for a, b in pairwise(after.stays)), "in two places at once"
    assert all(s.last is None or s.first <= s.last + timedelta(days=1) for s in after.stays), "one of no day ends before it begins"
    assert pw.valid_on(after, day) == (after.status == "placed") or any(s.last and s.last >= day for s in after.stays)


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.sampled_from([0, 0, 1, 30])), max_size=25))
def test_any_life_of_a_wish_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: no step skipped, nowhere twice, lateness told once, a way out."""
    live(pw.SHAPE, [(WISH, "staff:clerk", 0), *steps], [(pw.WithdrawPlacementWish(ID, "改居家"), "staff:clerk")], legal)


def test_nobody_moves_in_before_the_place_was_offered() -> None:
    """A day of years ago would make him one of the institution's for all months since."""
    taken().when(pw.PlaceInInstitution(ID, FIRST - timedelta(days=1))).then_refused("invalid_input", "moved_on")


def test_who_leaves_on_the_day_of_moving_in_lived_there_on_no_day() -> None:
    """As when he dies that day."""
    left = taken().when(pw.PlaceInInstitution(ID, FIRST)).accepted().when(pw.LeaveInstitution(ID, FIRST, "死亡")).accepted()
    assert left.state.status == "left"
    assert not pw.valid_on(left.state, FIRST)


def test_a_stay_that_ended_for_what_was_not_so_has_no_gap() -> None:
    """He never left: the stay goes on from the day after its last, for the same reason alone, once."""
    placed = taken().when(pw.PlaceInInstitution(ID, FIRST)).accepted().on("2023-09-01")
    left = placed.when(pw.LeaveInstitution(ID, date(2023, 8, 20), "死亡")).accepted()
    left.when(pw.ResumeStay(ID, "出院")).then_nothing()
    back = left.when(pw.ResumeStay(ID, "死亡")).accepted()
    assert (back.state.status, back.state.stays[-1].institution_id) == ("placed", placed.state.institution_id)
    assert all(pw.valid_on(back.state, day) for day in (date(2023, 8, 19), date(2023, 8, 20), date(2023, 9, 1)))
    back.when(pw.ResumeStay(ID, "死亡")).then_nothing()
