"""The life of a placement: a person is counted in one household only."""

from __future__ import annotations

from services.assistance import placement as p
from shared.eventsourcing.testing import given

WHO = "0a" * 16
PLACE = p.PlacePerson(WHO, "a1" * 16, "330225101")
PLACED = p.PersonPlaced(WHO, "a1" * 16, "330225101")


def test_a_person_is_placed_in_a_household() -> None:
    """Written before the household itself is."""
    assert given(p.DECIDER).when(PLACE).then(PLACED).state == p.Placement(
        "a1" * 16, "330225101", (p.Stay(p.ALWAYS, "a1" * 16),)
    )


def test_the_same_placement_changes_nothing() -> None:
    """An import may be repeated."""
    given(p.DECIDER, PLACED).when(PLACE).then_nothing()


def test_nobody_is_in_two_households() -> None:
    """He would be paid for twice."""
    given(p.DECIDER, PLACED).when(p.PlacePerson(WHO, "a2" * 16, "330225102")).then_refused("already_exists", "person_id")


def test_who_moves_out_is_counted_nowhere_until_another_takes_him_in() -> None:
    """Every month knows where he was; his last household keeps what is known of him."""
    left = p.PersonLeftHousehold(WHO, "a1" * 16, "2023-07")
    out = given(p.DECIDER, PLACED).when(p.ReleasePerson(WHO, "a1" * 16, "2023-07")).then(left)
    assert (out.state.household_id, out.state.home_in("2023-06"), out.state.home_in("2023-07")) == ("a1" * 16, "a1" * 16, "")
    out.when(p.PlacePerson(WHO, "a2" * 16, "330225102", "2023-06")).then_refused("already_exists", "person_id")
    there = out.when(p.PlacePerson(WHO, "a2" * 16, "330225102", "2023-09")).accepted()
    assert [there.state.home_in(m) for m in ("2023-06", "2023-08", "2023-09")] == ["a1" * 16, "", "a2" * 16]
    assert there.state.households == ("a1" * 16, "a2" * 16)


def test_a_newly_registered_household_counts_a_mover_from_when_he_left() -> None:
    """The register names no month; before that he was counted elsewhere."""
    out = given(p.DECIDER, PLACED, p.PersonLeftHousehold(WHO, "a1" * 16, "2023-07"))
    out.when(p.PlacePerson(WHO, "a2" * 16, "330225102")).then(p.PersonPlaced(WHO, "a2" * 16, "330225102", "2023-07"))


def test_a_move_told_twice_changes_nothing() -> None:
    """Also when he lives elsewhere by now."""
    moved = (PLACED, p.PersonLeftHousehold(WHO, "a1" * 16, "2023-07"), p.PersonPlaced(WHO, "a2" * 16, "330225102", "2023-08"))
    given(p.DECIDER, *moved).when(p.ReleasePerson(WHO, "a1" * 16, "2023-07")).then_nothing()
    given(p.DECIDER, *moved).when(p.PlacePerson(WHO, "a2" * 16, "330225102", "2023-08")).then_nothing()


def test_who_comes_into_another_household_is_handed_over_when_its_month_has_begun() -> None:
    """Once; also where he left again before, or is back: it is said where he is. What was his first household is never handed over."""
    a, b = "a1" * 16, "a2" * 16
    out = given(p.DECIDER, PLACED, p.PersonLeftHousehold(WHO, a, "2023-10"), p.PersonPlaced(WHO, b, "330225102", "2023-10"))
    assert [out.state.known_by(m) for m in ("2023-09", "2023-10")] == [a, b]
    out.when(p.HandOverPerson(WHO, a, "330225101", "2023-09")).then_nothing()
    over = p.HandOverPerson(WHO, b, "330225102", "2023-10")
    there = out.when(over).then(p.PersonHandedOver(WHO, b, "330225102", "2023-10"))
    there.when(over).then_nothing()
    back = given(p.DECIDER, *out.events, p.PersonLeftHousehold(WHO, b, "2023-10"), p.PersonPlaced(WHO, a, "330225101", "2023-10"))
    assert (back.state.known_by("2023-10"), back.state.coming) == (a, ("2023-10", "2023-10"))
    home = p.HandOverPerson(WHO, a, "330225101", "2023-11")
    assert back.when(home).then(p.PersonHandedOver(WHO, a, "330225101", "2023-10")).state.coming == ()
    given(p.DECIDER, PLACED).when(home).then_nothing()


def test_whom_nobody_counts_is_known_by_who_counted_him_last() -> None:
    """Not by a household in which he never was a month, nor by one that counts him only later."""
    a, b, c = "a1" * 16, "a2" * 16, "a3" * 16
    left = p.PersonLeftHousehold(WHO, a, "2023-07")
    never = p.PersonPlaced(WHO, b, "330225102", "2023-08"), p.PersonLeftHousehold(WHO, b, "2023-08")
    state = given(p.DECIDER, PLACED, left, *never, p.PersonPlaced(WHO, c, "330225103", "2023-11")).state
    assert [state.known_by(m) for m in ("2023-06", "2023-09", "2023-11")] == [a, a, c]
    assert given(p.DECIDER).state.known_by("2023-09") == ""


def test_whom_a_newly_registered_household_counts_is_its_towns_from_the_month_after() -> None:
    """Where another town of the district has what is known of him: it names no month, and those that are gone are not its own."""
    a = "a1" * 16
    given(p.DECIDER).when(p.PlacePerson(WHO, a, "330225101", known_in="330225101")).then(PLACED)
    given(p.DECIDER).when(p.PlacePerson(WHO, a, "330225101", known_in="330203001")).then(PLACED)
    placed = p.PersonPlaced(WHO, a, "330225101", p.ALWAYS, "2023-09", "330225102")
    case = given(p.DECIDER).on("2023-08-20").when(p.PlacePerson(WHO, a, "330225101", known_in="330225102")).then(placed)
    assert [case.state.home_in(m) for m in ("2023-08", "2023-09")] == [a, a], "he is reckoned with from the first month on"
    assert [case.state.answering(m) for m in ("2023-08", "2023-09")] == [("", ""), (a, "")]
    assert (case.state.has_him, case.state.coming) == ("", ("2023-09",))
    over = p.HandOverPerson(WHO, a, "330225101", "2023-09")
    assert case.when(over).then(p.PersonHandedOver(WHO, a, "330225101", "2023-09")).state.has_him == a
    gone = case.when(p.ReleasePerson(WHO, a, "2023-09")).accepted()
    assert gone.state.answering("2023-10") == ("", ""), "he left before he was that town's"


def test_who_is_registered_elsewhere_is_handed_over_once_the_month_has_begun() -> None:
    """For each month that was told once; whom a household counts meanwhile stays known to it."""
    case = given(p.DECIDER).when(p.NotePersonMove(WHO, "2023-10")).then(p.PersonMoveNoted(WHO, "2023-10"))
    case.when(p.NotePersonMove(WHO, "2023-10")).then_nothing()
    case.when(p.HandOverPerson(WHO, "", "330225102", "2023-09")).then_nothing()
    two = case.when(p.NotePersonMove(WHO, "2023-12")).accepted()
    over = two.when(p.HandOverPerson(WHO, "", "330225102", "2023-11")).then(p.PersonHandedOver(WHO, "", "330225102", "2023-10"))
    assert over.state.moving == ("2023-12",)
    over.when(p.NotePersonMove(WHO, "2023-10")).then(p.PersonMoveNoted(WHO, "2023-10"))
    assert over.when(PLACE).then(PLACED).state.moving == ("2023-12",)
