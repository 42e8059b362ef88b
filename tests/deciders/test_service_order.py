"""Service order (服务工单): rendered, confirmed by the recipient, settled; never beyond the entitlement."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.casework import service_order as so
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, HANDS, ID, SUBJECT, TOWN, live

D = so.SHAPE.decider("assistance")
P = "service_type_assistance"
CLASSES = (so.ServiceClass("care", "照料护理", price_fen=50, fee_fen=10),)
TERMS = so.Terms(CLASSES, unit="minutes", period="month", entitlement=100, review_days=90)
ORDER = so.OrderService(P, TOWN, SUBJECT, "care", plan="每周两次", terms=TERMS)


def assigned(terms: so.Terms = TERMS) -> Given[Any]:
    ordered = given_that(D).by("staff:clerk").when(so.OrderService(P, TOWN, SUBJECT, "care", terms=terms)).accepted()
    return ordered.by("staff:reviewer").when(so.AssignService(ID, "org-1")).accepted()


def served(minutes: int, terms: so.Terms = TERMS) -> Given[Any]:
    inside = assigned(terms).by("staff:clerk").when(so.CheckInService(ID)).accepted()
    return inside.on(f"2023-07-03T{9 + minutes // 60:02d}:{minutes % 60:02d}:30+08:00").when(so.CheckOutService(ID)).accepted()


def confirmed(minutes: int = 60) -> Given[Any]:
    return served(minutes).by("staff:reviewer").when(so.ConfirmService(ID, "回访录音-1")).accepted()


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (so.OrderService(P, TOWN, SUBJECT, "massage", terms=TERMS), "service_class"),
        (so.OrderService(P, TOWN, SUBJECT, "care", "by_letter", terms=TERMS), "mode"),
        (so.OrderService(P, TOWN, SUBJECT, "care", entitlement=101, terms=TERMS), "entitlement"),
        (so.OrderService(P, TOWN, SUBJECT, "care", terms=so.Terms(CLASSES)), "entitlement"),
        (so.OrderService(P, TOWN, "", "care", terms=TERMS), "subject_id"),
    ],
    ids=["no such class", "no such mode", "above the programme's", "none at all", "for nobody"],
)
def test_only_what_the_terms_offer_is_ordered(command: so.OrderService, field: str) -> None:
    """Class, mode and entitlement are the programme's; an order may ask for less."""
    given_that(D).when(command).then_refused("invalid_input", field)


def test_the_minutes_are_those_on_the_spot() -> None:
    """Nobody types them: they are between check-in and check-out."""
    assert served(61).state.units == 61
    assert so.used_in(served(61).state, "2023-07") == 61
    assert served(61, so.Terms(CLASSES, unit="times", entitlement=2)).state.units == 1


def test_nothing_is_used_past_the_entitlement_of_the_period() -> None:
    """A long visit counts what is left; the next is refused until the next month."""
    long = served(130)
    assert long.state.units == 100
    done = long.by("staff:reviewer").when(so.ConfirmService(ID, "录音")).accepted()
    done.by("staff:clerk").when(so.CheckInService(ID)).then_refused("out_of_order")
    done.on("2023-08-01").by("staff:clerk").when(so.CheckInService(ID)).accepted()


def test_a_forgotten_check_out_does_not_eat_the_entitlement() -> None:
    """One visit counts at most what the terms say, and the lack of a check-out is told the day after."""
    short = so.Terms(CLASSES, unit="minutes", entitlement=6000, most_minutes=120)
    inside = assigned(short).by("staff:clerk").when(so.CheckInService(ID)).accepted()
    assert so.view(inside.state).due_on == date(2023, 7, 3)
    told = inside.on("2023-07-04").when(so.NoteServiceOverdue(ID, "check_out")).accepted()
    assert told.when(so.CheckOutService(ID)).accepted().state.units == 120


def test_nothing_is_settled_without_the_recipients_confirmation() -> None:
    """Not before it, not by who rendered it or took it, and nothing twice."""
    served(60).by("staff:cashier").when(so.SettleService(ID)).then_refused("out_of_order")
    assigned().by("staff:cashier").when(so.SettleService(ID)).then_refused("out_of_order")
    served(60).when(so.ConfirmService(ID, "录音")).then_refused("same_hand")
    served(60).by("staff:reviewer").when(so.ConfirmService(ID, " ")).then_refused("invalid_input", "proof")
    confirmed().when(so.SettleService(ID)).then_refused("same_hand")
    confirmed().by("staff:clerk").when(so.SettleService(ID)).then_refused("same_hand")
    settled = confirmed().by("staff:cashier").when(so.SettleService(ID))
    settled.then(so.ServiceSettled("org-1", 60, 3000, 600, "staff:cashier")).when(so.SettleService(ID)).then_refused("out_of_order")


def test_a_disputed_visit_is_looked_at_and_confirmed_again() -> None:
    """The outcome never counts more than was claimed; 0 gives the entitlement back; what still counts is asked again."""
    disputed = served(60).by("staff:reviewer").when(so.DisputeService(ID, "只来了半小时")).accepted()
    disputed.by("staff:cashier").when(so.SettleService(ID)).then_refused("out_of_order")
    disputed.by("staff:clerk").when(so.ResolveServiceDispute(ID, 0, "x")).then_refused("same_hand")
    by = disputed.by("staff:approver")
    by.when(so.ResolveServiceDispute(ID, 61, "查实")).then_refused("invalid_input", "units")
    halved = by.when(so.ResolveServiceDispute(ID, 30, "查实")).accepted()
    assert (halved.state.status, so.used_in(halved.state, "2023-07")) == ("served", 30)
    void = by.when(so.ResolveServiceDispute(ID, 0, "未服务")).accepted()
    assert (void.state.status, so.used_in(void.state, "2023-07")) == ("assigned", 0)
    void.by("staff:clerk").when(so.CancelService(ID, "另行安排")).then(so.ServiceEnded("cancelled", "另行安排", "staff:clerk"))


def test_an_order_ends_when_everything_is_settled() -> None:
    """What was confirmed is paid before the order ends or goes to another provider."""
    confirmed().when(so.CancelService(ID, "期满")).then_refused("out_of_order")
    confirmed().when(so.AssignService(ID, "org-2")).then_refused("out_of_order")
    settled = confirmed().by("staff:cashier").when(so.SettleService(ID)).accepted()
    settled.when(so.CancelService(ID, "期满")).then(so.ServiceEnded("completed", "期满", "staff:cashier"))
    assert settled.when(so.AssignService(ID, "org-2")).accepted().state.provider == "org-2"


def test_ordering_anew_grants_nothing_twice() -> None:
    """What an earlier order used of the month is used; each class has an order of its own unless the terms say otherwise."""
    over = confirmed(100).by("staff:cashier").when(so.SettleService(ID)).accepted().when(so.CancelService(ID, "期满")).accepted()
    again = over.by("staff:clerk").when(ORDER).accepted().by("staff:reviewer").when(so.AssignService(ID, "org-2")).accepted()
    again.by("staff:clerk").when(so.CheckInService(ID)).then_refused("out_of_order")
    again.when(so.CancelService(ID, "不需要")).then(so.ServiceEnded("cancelled", "不需要", "staff:reviewer"))
    assert so.order_id(TERMS, P, SUBJECT, "care") != so.order_id(TERMS, P, SUBJECT, "other")
    single = so.Terms(CLASSES, entitlement=1, single=True)
    assert so.order_id(single, P, SUBJECT, "care") == so.order_id(single, P, SUBJECT, "other")


def test_a_visit_is_rated_once_it_is_confirmed() -> None:
    """One to five, once a visit."""
    served(60).when(so.RateService(ID, 5)).then_refused("out_of_order")
    confirmed().when(so.RateService(ID, 6)).then_refused("invalid_input", "score")
    confirmed().when(so.RateService(ID, 5)).accepted().when(so.RateService(ID, 4)).then_refused("out_of_order")


def test_what_nobody_does_in_time_is_told_once() -> None:
    """Assignment and review each have their day."""
    ordered = given_that(D).when(ORDER).accepted()
    assert so.view(ordered.state).due_on == date(2023, 7, 10)
    late = ordered.on("2023-07-11").when(so.NoteServiceOverdue(ID, "assign"))
    told = late.then(so.ServiceOverdue(P, TOWN, SUBJECT, "", "assign", date(2023, 7, 10)))
    told.when(so.NoteServiceOverdue(ID, "assign")).then_nothing()
    reviewing = assigned().on("2023-10-02").when(so.NoteServiceOverdue(ID, "review")).accepted()
    assert so.view(reviewing.state).worklist == "service_review"
    assert so.view(reviewing.when(so.ReviewService(ID, "有效")).accepted().state).worklist == "service_visit"


SMALL = so.Terms(CLASSES, unit="times", period="month", entitlement=2, review_days=20)
COMMANDS = st.one_of(
    st.sampled_from(
        [
            so.OrderService(P, TOWN, SUBJECT, "care", terms=SMALL),
            so.AssignService(ID, "org-1"),
            so.AssignService(ID, "org-2"),
            so.CheckInService(ID),
            so.CheckOutService(ID),
            so.ConfirmService(ID, "录音"),
            so.DisputeService(ID, "未到"),
            so.RateService(ID, 4),
            so.SettleService(ID),
            so.ReviewService(ID, "继续"),
            so.CancelService(ID, "不再需要"),
            so.NoteServiceOverdue(ID, "assign"),
            so.StopService(ID, date(2023, 7, 4), "死亡"),
            so.StopService(ID, date(2023, 7, 30), "死亡"),
            so.ResumeService(ID, "撤销"),
            so.CallServiceReview(ID, "证件到期"),
        ]
    ),
    st.builds(so.ResolveServiceDispute, st.just(ID), st.integers(-1, 3), st.just("查实")),
)
NEXT = {
    "none": {"ordered"},
    "ordered": {"assigned", "cancelled"},
    "assigned": {"serving", "cancelled", "completed"},
    "serving": {"served"},
    "served": {"assigned", "disputed"},
    "disputed": {"served", "assigned"},
}


def legal(before: so.ServiceOrder, events: Any, after: so.ServiceOrder, day: date) -> None:
    """What a service order promises after any step."""
    assert after.status == before.status or after.status in NEXT.get(before.status, {"ordered"})
    assert all(0 <= u.units <= after.entitlement for u in after.used), "past the entitlement"
    assert 0 <= after.settled <= after.confirmed
    assert after.confirmed + after.units == sum(u.units for u in after.used), "a unit was lost"
    assert after.settled_fen == after.settled * 50
    for event in events:
        if isinstance(event, so.ServiceSettled):
            assert event.by not in before.hands
            assert event.units == before.confirmed - before.settled > 0


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.sampled_from([0, 0, 0, 1, 15])), max_size=35))
def test_any_life_of_a_service_order_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: no step skipped, nothing past the entitlement, nothing settled unconfirmed, a way out."""
    procedure = [
        (so.OrderService(P, TOWN, SUBJECT, "care", terms=SMALL), "staff:clerk", 0),
        (so.AssignService(ID, "org-1"), "staff:reviewer", 0),
        (so.CheckInService(ID), "staff:clerk", 0),
        (so.CheckOutService(ID), "staff:clerk", 0),
        (so.ConfirmService(ID, "录音"), "staff:reviewer", 0),
    ]
    exits = [
        (so.CheckOutService(ID), "staff:x"),
        (so.DisputeService(ID, "未到"), "staff:x"),
        (so.ResolveServiceDispute(ID, 0, "未到"), "staff:y"),
        (so.SettleService(ID), "staff:z"),
        (so.CancelService(ID, "不再需要"), "staff:x"),
    ]
    live(so.SHAPE, [*procedure[: len(steps) % 6], *steps], exits, legal)


def _day(n: int) -> str:
    return f"2023-07-{n:02d}"


TIMES = so.Terms((so.ServiceClass("care", "照料护理", price_fen=6_000),), entitlement=10)


def rendered(state: Given[Any], day: int, hand: str = "clerk", proof: bool = True) -> Given[Any]:
    inside = state.on(_day(day)).by(f"staff:{hand}").when(so.CheckInService(ID)).accepted().when(so.CheckOutService(ID)).accepted()
    return inside.by("staff:reviewer").when(so.ConfirmService(ID, "签字")).accepted() if proof else inside


def stopped(state: Given[Any], day: int, last: int) -> Given[Any]:
    return state.on(_day(day)).by("service:assistance").when(so.StopService(ID, date(2023, 7, last), "死亡")).accepted()


def test_nothing_is_paid_that_was_rendered_to_somebody_who_had_died() -> None:
    """Three visits, the last two after the death that was told on the tenth: one is settled, and the order ends with it."""
    served_on = rendered(rendered(rendered(assigned(TIMES), 4), 6), 9)
    over = stopped(served_on, 10, 5)
    assert (over.state.confirmed, over.state.void_units) == (1, 2)
    over.by("staff:clerk").when(so.CheckInService(ID)).then_refused("out_of_order")
    settled = over.by("staff:cashier").when(so.SettleService(ID)).accepted()
    assert (settled.state.settled_fen, settled.state.status) == (6_000, "completed")
    assert not so.view(settled.state).open


def test_an_order_that_was_stopped_with_nothing_owed_ends_at_once() -> None:
    """Ordered, assigned, or all its visits after the death."""
    assert stopped(assigned(TIMES), 10, 5).state.status == "cancelled"
    assert stopped(rendered(assigned(TIMES), 9), 10, 5).state.status == "completed"


def test_a_visit_under_way_when_the_order_is_stopped_has_a_way_out() -> None:
    """Of a day before the death it is confirmed, of a later one disputed and counted as nothing; the order ends behind it."""
    early = stopped(rendered(assigned(TIMES), 4, proof=False), 10, 5)
    kept = early.by("staff:reviewer").when(so.ConfirmService(ID, "家属签字")).accepted()
    kept = kept.by("staff:cashier").when(so.SettleService(ID)).accepted()
    assert (kept.state.settled_fen, kept.state.status) == (6_000, "completed")
    late = stopped(rendered(assigned(TIMES), 8, proof=False), 10, 5)
    late.by("staff:reviewer").when(so.ConfirmService(ID, "签字")).then_refused("out_of_order")
    disputed = late.by("staff:reviewer").when(so.DisputeService(ID, "已死亡")).accepted()
    nothing = disputed.by("staff:approver").when(so.ResolveServiceDispute(ID, 0, "已死亡")).accepted()
    assert (nothing.state.settled_fen, nothing.state.status) == (0, "cancelled")


def test_a_death_that_was_none_or_another_day_gives_back_what_did_not_count() -> None:
    """The units count again; with a later day those up to it."""
    served_on = rendered(rendered(assigned(TIMES), 4), 8)
    over = stopped(served_on, 10, 5)
    back = over.by("service:assistance").when(so.ResumeService(ID, "撤销")).accepted()
    assert (back.state.confirmed, back.state.last_day, back.state.void_units) == (2, None, 0)
    back.when(so.ResumeService(ID, "撤销")).then_nothing()
    later = stopped(over, 11, 9)
    assert (later.state.confirmed, later.state.void_units) == (2, 0)
    later.when(so.StopService(ID, date(2023, 7, 9), "死亡")).then_nothing()
    assert rendered(back, 12).state.confirmed == 3
