"""The small words of the house: resident IDs, divisions, money, months, working days, refusals."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain import dates, division, money
from shared.domain import resident_id as ids
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.orders import Hand
from shared.security.permissions import ROLES, permit, within

GOOD = "11010519491231002X"  # the example of GB 11643
KEY = b"k" * 32
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def digit(first17: str) -> str:
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, WEIGHTS, strict=True)) % 11]


def refused(call: Any, field: str | None = None) -> None:
    with pytest.raises(Refused) as found:
        call()
    assert found.value.code == "invalid_input"
    assert field is None or found.value.field == field


# -- resident IDs


@pytest.mark.parametrize("number", [GOOD, GOOD.lower(), f" {GOOD} ", "１１０１０５19491231002X"])
def test_a_right_number_has_one_spelling(number: str) -> None:
    """Capital X, no blanks, plain digits."""
    assert ids.check(number) == GOOD
    assert ids.born_on(GOOD) == date(1949, 12, 31)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        (GOOD, True), (f"信访{GOOD}号", True), ("１１０１０５１９４９１２３１００２Ｘ", True), ("110105 19491231 002X", True),
        ("110105\u200b19491231\u3000002x", True), ("110105194912310021", False), ("110105-19491231-002X", False), ("1101 0519", False),
    ],
)  # fmt: skip
def test_a_number_is_found_in_a_text_however_it_was_typed(text: str, stands: bool) -> None:
    """Among other words, full-width, in groups with blanks or with what nobody sees; with another checksum it is no such number."""
    assert ids.stands_in(text) is stands


@pytest.mark.parametrize(
    "number",
    [
        "110105194912310021",
        "11010519491231002",
        "11010519491231002XX",
        "",
        "X" * 18,
        "1101051949123100 X",
        "440524188001010014a",
    ],
    ids=["checksum", "17", "19", "empty", "letters", "hole", "letter"],
)
def test_a_wrong_number_is_refused(number: str) -> None:
    """Length, characters or checksum."""
    refused(lambda: ids.check(number), "resident_id")


@pytest.mark.parametrize("born", ["19490230", "20231301", "00000101", "20230001"])
def test_a_birthday_that_does_not_exist_is_refused(born: str) -> None:
    """Although the checksum is right."""
    first17 = f"330225{born}001"
    refused(lambda: ids.check(first17 + digit(first17)))


@given(st.dates(date(1900, 1, 1), date(2023, 7, 1)), st.integers(0, 999), st.integers(0, 16), st.integers(0, 9))
def test_the_checksum_is_that_of_the_standard(born: date, order: int, place: int, other: int) -> None:
    """Every number that GB 11643 gives is right; one digit changed, it is wrong."""
    first17 = f"330225{born:%Y%m%d}{order:03d}"
    number = first17 + digit(first17)
    assert ids.check(number) == number
    assume(number[place] != str(other))
    refused(lambda: ids.check(number[:place] + str(other) + number[place + 1 :]))


def test_a_person_id_is_keyed_and_the_same_for_every_spelling() -> None:
    """32 hex characters, another one under another key."""
    one = ids.person_id(GOOD, KEY)
    assert one == ids.person_id(GOOD.lower(), KEY) != ids.person_id(GOOD, b"x" * 32)
    assert ids.is_person_id(one)
    assert not ids.is_person_id(GOOD)
    assert not ids.is_person_id(one.upper())


# -- divisions


@pytest.mark.parametrize(
    ("code", "short"), [("330225", "330225"), ("330225000000", "330225"), ("330225101000", "330225101"), ("330225101001", "330225101001")]
)
def test_a_division_has_one_spelling(code: str, short: str) -> None:
    """The shortest."""
    assert division.check(code) == short


@pytest.mark.parametrize("code", ["", "33022", "3302251", "33022510100100", "33022X", "３３０２２５", "330225 "])
def test_what_is_no_division_is_refused(code: str) -> None:
    """6, 9 or 12 plain digits."""
    refused(lambda: division.check(code), "division")


@pytest.mark.parametrize(
    ("hand", "record", "covered"),
    [
        ("330225", "330225101", True),
        ("330225101", "330225", False),
        ("330225101", "330225102", False),
        ("", "330225", True),
        ("330225", "", False),
        ("330225101", "330225101001", True),
    ],
)
def test_a_division_covers_what_lies_in_it(hand: str, record: str, covered: bool) -> None:
    """The county its towns, not the town the county, nobody but a service what names no place."""
    assert division.covers(hand, record) is covered
    if not covered:
        with pytest.raises(Refused):
            within(Hand("x", frozenset(), hand), record)


def test_every_role_has_permissions_of_known_services() -> None:
    """A typing slip in the table would be a door that nobody can open."""
    services = {"assistance", "eldercare", "childwelfare", "orgs", "registry", "operations"}
    for role, permissions in ROLES.items():
        assert permissions, role
        assert {p.split(":")[0] for p in permissions} <= services


def test_no_staff_role_may_do_everything() -> None:
    """Only a service's own hand may, in its own service."""
    for role, permissions in ROLES.items():
        assert role.startswith("service:") or not any(p.endswith("*") for p in permissions)
    with pytest.raises(Refused):
        permit(Hand("x", frozenset({"service:registry"})), "assistance:pay")


# -- money


@pytest.mark.parametrize("fen", [-1, True, 1.0, "1", None, money.ABSURD_FEN + 1])
def test_what_is_no_sensible_amount_is_refused(fen: Any) -> None:
    """Negative, no whole number, absurd."""
    refused(lambda: money.check(fen, "amount_fen"), "amount_fen")


@pytest.mark.parametrize("fen", [0, 1, money.ABSURD_FEN])
def test_a_sensible_amount_passes(fen: int) -> None:
    """From nothing to the limit."""
    assert money.check(fen, "x") == fen


@pytest.mark.parametrize(("fen", "shown"), [(125500, "1255.00元"), (5, "0.05元"), (-150, "-1.50元"), (0, "0.00元")])
def test_fen_become_yuan_on_a_page_only(fen: int, shown: str) -> None:
    """With two places, and the sign where it belongs."""
    assert money.yuan(fen) == shown


# -- dates


@pytest.mark.parametrize("month", ["2023-7", "2023-00", "2023-13", "", "2023-07\n", "2023-07-01", "２０２３-07"])
def test_what_is_no_month_is_refused(month: str) -> None:
    """YYYY-MM."""
    refused(lambda: dates.check_month(month), "month")


@given(st.integers(2000, 2100), st.integers(1, 12), st.integers(-300, 300))
def test_months_are_added_and_counted(year: int, month: int, n: int) -> None:
    """There and back; and as many months in between as were added."""
    first = f"{year:04d}-{month:02d}"
    last = dates.add_months(first, n)
    assert dates.add_months(last, -n) == first
    assert len(dates.months_between(first, last)) == max(0, n + 1)
    assert dates.month_of(dates.last_day(first)) == first


def test_the_last_day_of_february() -> None:
    """Leap years too."""
    assert (dates.last_day("2023-02"), dates.last_day("2024-02")) == (date(2023, 2, 28), date(2024, 2, 29))


@pytest.mark.parametrize(
    ("day", "working"),
    [("2023-10-07", True), ("2023-10-08", True), ("2023-10-02", False), ("2023-07-01", False), ("2023-07-03", True), ("2023-06-22", False)],
    ids=["make-up Saturday", "make-up Sunday", "holiday Monday", "Saturday", "Monday", "dragon boat Thursday"],
)
def test_working_days_are_those_of_the_state_council(day: str, working: bool) -> None:
    """Make-up Saturdays work, holiday Mondays do not."""
    assert dates.is_working_day(date.fromisoformat(day)) is working


def test_working_days_step_over_a_holiday_and_count_the_make_up_days() -> None:
    """From 2023-09-28, the day before the long holiday: Saturday and Sunday after it count."""
    assert [dates.add_working_days(date(2023, 9, 28), n).isoformat() for n in (0, 1, 2, 3)] == [
        "2023-09-28",
        "2023-10-07",
        "2023-10-08",
        "2023-10-09",
    ]


def test_years_not_published_yet_go_by_the_week() -> None:
    """The best anybody can say."""
    assert dates.is_working_day(date(2150, 1, 2))
    assert not dates.is_working_day(date(2150, 1, 3))


@pytest.mark.parametrize(("day", "age"), [("2023-03-14", 85), ("2023-03-15", 86), ("2024-02-29", 86)])
def test_an_age_is_reached_on_the_birthday(day: str, age: int) -> None:
    """周岁."""
    assert dates.age_on(date(1937, 3, 15), date.fromisoformat(day)) == age


# -- refusals


def copied(error: Refused) -> Refused:
    """As between processes."""
    found = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert isinstance(found, Refused)
    return found


def test_a_refusal_travels_whole() -> None:
    """Its args are what a foreign client sees; it can be pickled."""
    error = Refused("forbidden", "无权办理此事项。", "x")
    assert error.args == ("forbidden", "无权办理此事项。", "x")
    assert str(copied(error)) == "[forbidden] 无权办理此事项。（x）"
    away = copied(Unavailable("稍后"))
    assert (type(away), away.code, away.message) == (Unavailable, "unavailable", "稍后")
