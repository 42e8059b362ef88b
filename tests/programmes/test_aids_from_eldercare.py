"""What elder care pays stands in the register of low-income persons beside what assistance pays, and nothing that came back does (A31)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import aids_elsewhere
from services.eldercare import aid_told
from shared.eventsourcing.testing import given
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Numbers, grant, home

LIVING, ALLOWANCE = "minimum_living_allowance", "old_age_allowance"
LINE = aid_told.AidLine(1, "0a" * 16, 6000)
TELL = aid_told.TellAid("r", 0, ALLOWANCE, "2023-09", TOWN, (LINE,), ())


def told(paid: tuple[aid_told.AidLine, ...], *back: int) -> aid_told.AidTold:
    return aid_told.AidTold("r", 0, ALLOWANCE, "2023-09", TOWN, paid, back)


def test_a_line_is_told_once_and_taken_back_once() -> None:
    """The bank answers in pieces, and each piece is announced more than once."""
    other = aid_told.AidLine(2, "0b" * 16, 7000)
    both = aid_told.TellAid("r", 0, ALLOWANCE, "2023-09", TOWN, (LINE, other), (1,))
    given(aid_told.DECIDER).when(TELL).then(told((LINE,)))
    case = given(aid_told.DECIDER, told((LINE,))).when(TELL).then_nothing()
    case.when(both).then(told((other,), 1))
    given(aid_told.DECIDER, told((LINE,)), told((other,), 1)).when(both).then_nothing()


def test_news_is_noted_once_in_whatever_order_it_comes() -> None:
    """Also where the line came back before the news that it was paid."""
    line = aids_elsewhere.PaidLine(1, "0a" * 16, 6000)
    body = ("eldercare", "r", 0, ALLOWANCE, "2023-09", TOWN)
    back, paid = aids_elsewhere.NoteAidPaid(*body, (), (1,)), aids_elsewhere.NoteAidPaid(*body, (line,), ())
    returned, noted = aids_elsewhere.AidElsewherePaid(*body, (), (1,)), aids_elsewhere.AidElsewherePaid(*body, (line,), ())
    case = given(aids_elsewhere.DECIDER).when(back).then(returned)
    case.when(paid).then(noted)
    given(aids_elsewhere.DECIDER, returned, noted).when(paid).then_nothing()


@pytest.fixture
def d(tmp_path: Any) -> Iterator[Desk]:
    """Both services at one desk."""
    with desk(tmp_path, "assistance", "eldercare") as made:
        yield made


def shown(d: Desk, unit_id: str, day: str) -> list[tuple[str, str, str, str, str, int, int]]:
    """The aids of a unit that elder care paid."""
    [entry] = d.call("list_register", "auditor", unit_id=unit_id, valid_at=day)["entries"]
    names = ("programme", "subject_id", "kind", "first_month", "last_month", "fen", "fen_this_year")
    return [tuple(a[n] for n in names) for a in entry["aids"] if a["programme"] == ALLOWANCE]  # type: ignore[misc]


def test_an_allowance_that_elder_care_paid_is_an_aid_in_the_register(d: Desk) -> None:
    """Paid for two months, of which one comes back from the bank; of who is in no household of the register nothing is shown."""
    numbers = Numbers()
    d.on("2023-07-03")
    born = "19400101"
    made = home(d, numbers, {"born": born}, {"born": "19420101"})
    grant(d, LIVING, household_id=made.household_id)
    numbers.next = 0
    for number in (numbers.resident(born), numbers.resident("19350101")):
        d.call("enrol_elder", service="eldercare", resident_id=number, name="某老人", division=TOWN)
    d.settle()
    runs = []
    for month, day in (("2023-07", "2023-08-14"), ("2023-08", "2023-08-21")):
        d.on(day)
        made_run = {"programme": ALLOWANCE, "month": month, "division": TOWN}
        run = d.call("prepare_payment_run", "cashier", service="eldercare", **made_run)["id"]
        d.settle()
        d.call("approve_payment_run", "approver", service="eldercare", run_id=run)
        d.settle()
        runs.append(run)
    old = made.members[0]
    lines = d.call("list_payment_lines", "auditor", service="eldercare", run_id=runs[0])
    assert len(lines) == 2
    each = lines[0]["amount_fen"]
    assert shown(d, made.household_id, "2023-08-31") == [(ALLOWANCE, old, "money", "2023-07", "2023-08", 2 * each, 2 * each)]
    assert shown(d, made.household_id, "2024-01-31")[0][-2:] == (2 * each, 0)
    told_of = d.services["eldercare"].office.load(aid_told.DECIDER, f"{runs[0]}-0")
    d.tell("eldercare", "payment_lines_settled", run_id=runs[0], number=0)
    assert d.services["eldercare"].office.load(aid_told.DECIDER, f"{runs[0]}-0").version == told_of.version
    came_back = [{"line_no": line["line_no"], "outcome": "returned", "amount_fen": each, "reason": "户名不符"} for line in lines]
    d.call("record_payment_returns", "cashier", service="eldercare", run_id=runs[0], lines=came_back, source="a" * 64)
    d.settle()
    assert shown(d, made.household_id, "2023-08-31") == [(ALLOWANCE, old, "money", "2023-08", "2023-08", each, each)]
