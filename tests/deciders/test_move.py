"""A whole household moves: from the first of the month after, the town it moved to has it; out of the district nobody does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from services.assistance import household as h
from services.assistance import housing, move, person, placement
from shared.casework import benefit_case as bc
from shared.casework import payee_account
from shared.eventsourcing.testing import Given, given
from tests.deciders.samples import CASE, PROGRAMME, SUBJECT, TOWN, D, end, granted, in_force, paid, pay
from tests.deciders.test_household import REGISTER, REGISTERED

OLD, NEW, THIRD, AWAY = "330225101", "330225102", "330225103", "330226101"
MOVE = move.MoveHousehold(REGISTER.household_id, date(2023, 8, 20), NEW, "housing", "户口簿")
HAND_OVER = move.HandOverHousehold(REGISTER.household_id)


def there(*more: Any) -> Given[h.Household]:
    return given(h.DECIDER, REGISTERED, *more)


def moved(number: int, day: str, month: str, to: str = NEW, old: str = OLD, area: str = "rural") -> move.HouseholdMoved:
    on = date.fromisoformat(day)
    return move.HouseholdMoved(REGISTER.household_id, number, old, to, area, on, month, "housing", "户口簿", "staff:test", "staff:test")


def over(to: str, *numbers: int, old: str = OLD) -> move.HouseholdHandedOver:
    return move.HouseholdHandedOver(REGISTER.household_id, old, to, numbers)


def where(case: Given[h.Household], *months: str) -> list[tuple[str, str]]:
    """Town and area of the facts that the rules are asked about."""
    return [(f.division, f.area) for f in (h.facts_in(case.state, m, 0, None) for m in months)]


# -- the household


def test_a_move_counts_from_the_first_of_the_month_after_and_is_handed_over_then() -> None:
    """Until that day the old town has the household; the same move told twice is one."""
    case = there().on("2023-08-25").when(MOVE).then(moved(1, "2023-08-20", "2023-09"))
    assert (case.state.division, move.handover_due(case.state)) == (OLD, "2023-09")
    case.when(MOVE).then_nothing()
    case.when(HAND_OVER).then_nothing()
    case = case.on("2023-09-01").when(HAND_OVER).then(over(NEW, 1))
    assert (case.state.division, move.handover_due(case.state)) == (NEW, "")
    case.when(HAND_OVER).then_nothing()
    assert where(case, "2023-08", "2023-09") == [(OLD, "rural"), (NEW, "rural")]
    assert h.known_until(case.state) == "2023-09"


def test_a_move_learned_of_late_is_handed_over_at_once() -> None:
    """Into town at that: another standard from its month on, and the file that was imported is known again as it was."""
    late = replace(MOVE, moved_on=date(2023, 5, 31), area="urban")
    case = there().on("2023-08-25").when(late).then(moved(1, "2023-05-31", "2023-06", area="urban"), over(NEW, 1))
    assert where(case, "2023-05", "2023-06") == [(OLD, "rural"), (NEW, "urban")]
    case.when(REGISTER).then_nothing()


def test_out_of_the_district_nobody_is_left_here_and_nobody_takes_over() -> None:
    """The members live on elsewhere; the town before keeps the file."""
    case = there().on("2023-08-25").when(replace(MOVE, division=AWAY)).then(moved(1, "2023-08-20", "2023-09", AWAY))
    assert [move.away_in(case.state, m) for m in ("2023-08", "2023-09")] == [False, True]
    gone = h.facts_in(case.state, "2023-09", 0, None)
    assert (gone.division, gone.members, move.handover_due(case.state)) == (OLD, (), "")
    assert len(h.facts_in(case.state, "2023-09", 0, None, wherever=True).members) == 2
    case.on("2023-09-01").when(HAND_OVER).then_nothing()
    back = replace(MOVE, moved_on=date(2023, 10, 8), division=THIRD)
    case = case.on("2023-11-02").when(back).then(moved(2, "2023-10-08", "2023-11", THIRD, AWAY), over(THIRD, 2))
    assert len(h.facts_in(case.state, "2023-11", 0, None).members) == 2


def test_a_move_that_was_none_is_set_aside_and_handed_back() -> None:
    """What is known of it is as before; once more there is nothing to set aside, and the same move may be told anew."""
    aside = move.SetAsideMove(REGISTER.household_id, 1, "误登记为他户")
    gone = move.HouseholdMoveSetAside(REGISTER.household_id, 1, "2023-09", "误登记为他户", "staff:test")
    there(moved(1, "2023-08-20", "2023-09")).on("2023-08-28").when(aside).then(gone)
    case = there(moved(1, "2023-08-20", "2023-09"), over(NEW, 1)).on("2023-10-12").when(aside).then(gone, over(OLD, old=NEW))
    assert where(case, "2023-09") == [(OLD, "rural")]
    case.when(aside).then_refused("not_found", "number")
    case.when(replace(aside, reason=" ")).then_refused("not_found", "number")
    case.when(MOVE).then(moved(2, "2023-08-20", "2023-09"), over(NEW, 2))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"moved_on": date(2023, 8, 26)}, "moved_on"), ({"moved_on": date(1999, 12, 31)}, "moved_on"),
        ({"division": "33022510"}, "division"), ({"division": "330225"}, "division"),
        ({"reason": "whim"}, "reason"), ({"evidence": " "}, "evidence"), ({"area": "both"}, "area"),
    ],
    ids=["tomorrow", "long ago", "no code", "the district", "reason", "no papers", "area"],
)  # fmt: skip
def test_a_move_needs_a_day_a_place_a_reason_and_papers(change: dict[str, Any], field: str) -> None:
    """The field that is wrong is named."""
    there().on("2023-08-25").when(replace(MOVE, **change)).then_refused("invalid_input", field)
    given(h.DECIDER).when(MOVE).then_refused("not_found", "household_id")


@drawn(st.permutations([(3, NEW), (5, THIRD), (6, AWAY), (7, NEW)]))
def test_every_month_has_one_town_in_whatever_order_moves_are_learned_of(order: list[tuple[int, str]]) -> None:
    """And the household ends up where the newest one says, handed over each time at most once."""
    case = there().on("2023-12-05")
    for month, to in order:
        outcome = case.when(replace(MOVE, moved_on=date(2023, month, 10), division=to))
        assert sum(isinstance(e, move.HouseholdHandedOver) for e in outcome.events) <= 1
        case = outcome.accepted()
    months = [f"2023-{n:02}" for n in range(3, 9)]
    assert [move.place_in(case.state, m)[0] for m in months] == [OLD, NEW, NEW, THIRD, AWAY, NEW]
    assert [move.town_in(case.state, m) for m in months] == [OLD, NEW, NEW, THIRD, THIRD, NEW]
    assert (case.state.division, move.handover_due(case.state)) == (NEW, "")


def test_what_was_found_of_a_house_is_left_behind_with_it() -> None:
    """The dangerous one is no longer theirs; what is found of the new one counts."""
    bad = housing.HouseAppraised(REGISTER.household_id, "D", date(2023, 3, 2), "2023-03", "鉴定1", "housing")
    new = replace(bad, grade="B", found_on=date(2023, 9, 4), effective_month="2023-09", evidence="鉴定2")
    case = there(bad, moved(1, "2023-08-20", "2023-09"))
    assert [housing.grade_in(case.state, m) for m in ("2023-08", "2023-09")] == ["D", ""]
    assert housing.grade_in(there(bad, moved(1, "2023-08-20", "2023-09"), new).state, "2023-09") == "B"


# -- its members


def test_who_lives_in_the_household_follows_it_and_who_left_does_not() -> None:
    """Of his placement the town changes alone; what is on file of him goes along where anything is."""
    follow = placement.FollowHousehold("0a" * 16, "a1" * 16, NEW, "2023-09")
    placed = placement.PersonPlaced("0a" * 16, "a1" * 16, OLD)
    case = given(placement.DECIDER, placed).when(follow).then(placement.PersonFollowed("0a" * 16, "a1" * 16, NEW))
    assert (case.state.division, case.state.spans()) == (NEW, given(placement.DECIDER, placed).state.spans())
    case.when(follow).then_nothing()
    given(placement.DECIDER, placed, placement.PersonLeftHousehold("0a" * 16, "a1" * 16, "2023-07")).when(follow).then_nothing()
    along = person.MoveAlong("0a" * 16, NEW)
    entered = person.PersonEntered("0a" * 16, OLD)
    given(person.DECIDER, entered).when(along).then(person.PersonMovedAlong("0a" * 16, NEW)).when(along).then_nothing()
    given(person.DECIDER).when(along).then_nothing()


def test_the_account_that_somebody_is_paid_to_is_the_new_towns_to_change() -> None:
    """With what waits to be confirmed; nothing for who has none."""
    accounts = payee_account.decider("assistance")
    number = payee_account.PayeeAccountProposed("0a" * 16, OLD, 1, "102332000018", "6228480402564890018", "甲", "卡1", "staff:clerk")
    over = payee_account.HandOverPayeeAccount("0a" * 16, NEW)
    case = given(accounts, number).when(over).then(payee_account.PayeeAccountHandedOver("0a" * 16, OLD, NEW))
    case.when(over).then_nothing()
    confirm = payee_account.ConfirmPayeeAccount("0a" * 16, 1)
    assert (case.by("staff:approver").when(confirm).accepted().state.in_force is not None, accounts.division(case.state)) == (True, NEW)
    given(accounts).when(over).then_nothing()


# -- its cases


PLACES = (bc.CasePlace("0000-01", TOWN), bc.CasePlace("2023-10", NEW))
OVER = bc.HandOverCase(CASE, NEW, PLACES, "assistance.household_handed_over 1")
HANDED = bc.CaseHandedOver(PROGRAMME, SUBJECT, TOWN, NEW, "2023-10", PLACES, OVER.cause, "staff:test")


def test_a_case_is_handed_over_and_each_of_its_months_keeps_its_town() -> None:
    """The old town pays what was its own, the new one what is; neither may pay the other's. Told twice it is handed over once."""
    case = in_force().on("2023-10-01").when(OVER).then(HANDED)
    case.when(OVER).then_nothing()
    assert (case.state.division, [case.state.division_in(m) for m in ("2023-08", "2023-09", "2023-10")]) == (NEW, [TOWN, TOWN, NEW])
    case = case.on("2023-10-20")
    for month, wrong, right in (("2023-09", NEW, TOWN), ("2023-10", TOWN, NEW)):
        line = replace(pay(month, 100000), division=wrong)
        case.when(line).then_refused("handed_over", "division")
        assert case.when(replace(line, division=right)).accepted().state.paid == {month: 100000}
        assert case.when(replace(line, division="330225")).accepted().state.paid == {month: 100000}
    back = case.when(bc.HandOverCase(CASE, TOWN, (), "assistance.household_move_set_aside 2")).accepted()
    assert (back.state.division, back.state.division_in("2023-10"), back.state.towns) == (TOWN, TOWN, ())


def test_what_was_paid_too_much_is_claimed_by_the_town_whose_month_it_was() -> None:
    """Two towns, two claims, exact together; what comes back of the old town's month is the old town's too."""
    case = in_force(*paid("2023-08", "2023-09"), HANDED, *paid("2023-10")).on("2023-10-20")
    found = [x for x in case.when(end("2023-09")).accepted().events if isinstance(x, bc.OverpaymentFound)]
    assert [(x.division, x.amount_fen, [m.month for m in x.months]) for x in found] == [
        (TOWN, 100000, ["2023-09"]), (NEW, 100000, ["2023-10"]),
    ]  # fmt: skip
    back = case.when(bc.ReturnPayment(CASE, "2023-09", "run 2023-09", "账户错误")).accepted()
    assert [x.division for x in back.events if isinstance(x, bc.PaymentReturned)] == [TOWN]


def test_a_case_that_was_over_before_they_moved_stays_where_it_was() -> None:
    """One that ended behind the move had months there: it goes along, and a new round elsewhere leaves the earlier months alone."""
    over_before = bc.CaseEnded(PROGRAMME, SUBJECT, "2023-10", "收入超过标准", "")
    in_force(over_before).on("2023-11-02").when(OVER).then_nothing()
    over_behind = replace(over_before, first_unpaid_month="2023-12")
    case = in_force(over_behind).on("2024-01-05").when(OVER).then(HANDED)
    again = given(D, *case.events, replace(granted(), division=THIRD, first_month="2024-02", payee_id="0e" * 16))
    assert [again.state.division_in(m) for m in ("2023-09", "2023-11", "2024-02")] == [TOWN, NEW, THIRD]
    given(D).when(OVER).then_nothing()


def test_an_application_on_its_way_goes_along() -> None:
    """Who decides it is the new town."""
    filed = in_force().events[:1]
    case = given(D, *filed).when(OVER).accepted()
    assert (case.state.status, case.state.division) == (given(D, *filed).state.status, NEW)
