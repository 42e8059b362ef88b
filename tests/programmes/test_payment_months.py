"""应发月份 through the doors: opened by the clock, in a list of the cashier's, met by the run, late as an event."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.eldercare.benefits import CALENDARS, CASES
from services.eldercare.programmes import OLD_AGE_ALLOWANCE
from shared.casework import benefit_case as bc
from shared.casework import payment_calendar as pc
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from shared.rules.assessment import Assessment
from tests.desk import Desk, desk

CODE = OLD_AGE_ALLOWANCE.code
TOWN, OTHER = "330225101", "330225102"


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    """A desk with a simulated bank."""
    with desk(tmp_path, "eldercare") as made:
        yield made


def granted(d: Desk, division: str = TOWN, first: str = "2023-07", amount: int = 5000) -> str:
    """A case in force, by the service's own hand; its id."""
    person = uuid.uuid4().hex
    case = bc.case_id(CODE, person)
    assessed = Assessment(CODE, first, person, "eligible", True, amount, "到龄", (), {}, "rules 1", "law 1", None, False)
    give(d, case, bc.GrantCase(CODE, person, person, division, first, assessed, 0))
    return case


def give(d: Desk, case: str, command: Any) -> None:
    order = Order(command, str(uuid.uuid4()), Hand.service("eldercare"), d.now)
    d.services["eldercare"].office.handle(CASES, case, order)
    d.settle()


def months(d: Desk, **where: Any) -> list[dict[str, Any]]:
    d.project()
    found = d.call("list_payment_months", "cashier", programme=CODE, **where)
    return sorted(found, key=lambda m: (m["month"], m["division"]))


def said(d: Desk, division: str = TOWN) -> list[str]:
    """What happened to the town's calendar, in short."""
    history = d.services["eldercare"].office.history(CALENDARS.stream(pc.calendar_id(CODE, division)))
    names = ((r.name.removeprefix("eldercare.payment_month").lstrip("s").lstrip("_"), r.event) for r in history)
    return [f"{name} {getattr(e, 'month', getattr(e, 'through', ''))}" for name, e in names]


def pay(d: Desk, month: str, division: str) -> str:
    run: str = d.call("prepare_payment_run", "cashier", programme=CODE, month=month, division=division)["id"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()
    return run


def test_a_month_begins_is_due_late_and_paid(d: Desk) -> None:
    """The first of August opens it for the town that owes; the cashier sees it with its day; the sixteenth it is late; the run ends it."""
    d.on("2023-07-20")
    granted(d, first="2023-08")
    granted(d, first="2023-08")
    d.settle()
    assert (months(d), said(d)) == ([], [])
    d.on("2023-08-01").settle()
    [month] = months(d)
    assert {n: month[n] for n in ("month", "division", "status", "cases", "amount_fen", "due_on", "worklist", "overdue")} == {
        "month": "2023-08", "division": TOWN, "status": "open", "cases": 2, "amount_fen": 10000, "due_on": "2023-08-15",
        "worklist": "payment_month_owed", "overdue": False,
    }  # fmt: skip
    [waits] = d.call("list_waiting", "cashier", worklist="payment_month_owed")
    assert (waits["key"], waits["item"], waits["due_on"]) == (pc.calendar_id(CODE, TOWN), "2023-08", "2023-08-15")
    acts = d.call("get_acts", "cashier", category="payment_calendar", key=waits["key"], item="2023-08")
    [prepare] = [a for a in acts["acts"] if a["act"] == "prepare_owed_month"]
    assert (prepare["permitted"], prepare["given"]["month"], acts["stands"]["worklist"]) == (True, "2023-08", "payment_month_owed")
    d.on("2023-08-15").settle()
    assert said(d) == ["opened 2023-08", "looked_at 2023-08"]
    d.on("2023-08-16").settle()
    d.settle()
    assert said(d)[2:] == ["overdue 2023-08"]
    assert [m["worklist"] for m in months(d, overdue=True)] == ["payment_month_overdue"]
    d.on("2023-08-18")
    asked = {"calendar_id": waits["key"], "month": "2023-08", "command_id": "once", "expected_version": 2}  # as the page saw it
    run = d.call("prepare_owed_month", "cashier", **asked)["id"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()
    [month] = months(d)
    assert (month["status"], month["run_id"], month["sent_on"], month["worklist"], month["due_on"]) == ("met", run, "2023-08-18", "", None)
    assert not d.services["eldercare"].office.load(CALENDARS, waits["key"]).state.open
    again = d.call("prepare_owed_month", "cashier", **asked)
    assert (again["id"], again["repeated"]) == (run, True)
    d.on("2023-09-01").settle()
    assert said(d)[3:] == ["met 2023-08", "opened 2023-09", "looked_at 2023-09"]


def test_after_a_stand_still_of_months_each_has_its_entry(d: Desk) -> None:
    """Nobody looked from July to October: one look opens four months, those whose day is over are late, and one run a month ends them."""
    d.on("2023-06-20")
    granted(d, first="2023-07")
    d.on("2023-10-05").settle()
    assert [(m["month"], m["status"], m["overdue"]) for m in months(d)] == [
        ("2023-07", "open", True), ("2023-08", "open", True), ("2023-09", "open", True), ("2023-10", "open", False),
    ]  # fmt: skip
    pay(d, "2023-08", "330225")
    assert [m["month"] for m in months(d, status="open")] == ["2023-07", "2023-09", "2023-10"]


def test_what_was_paid_before_anybody_looked_is_no_entry(d: Desk) -> None:
    """A run that was sent while the timer stood still: the look finds it, and opens only the month behind it."""
    d.on("2023-06-20")
    granted(d, first="2023-07")
    d.on("2023-07-05").project()
    money = d.services["eldercare"].payments
    run: str = d.call("prepare_payment_run", "cashier", programme=CODE, month="2023-07", division="330225")["id"]
    d.call("approve_payment_run", "approver", run_id=run)
    for step in (money.approved, money.send_more):  # as its reactions would, and nothing else moves
        step(run, Order(None, str(uuid.uuid4()), Hand.service("eldercare"), d.now))
    assert money.run(run).status in ("sent", "closed")
    d.settle()
    assert (months(d), said(d)) == ([], ["looked_at 2023-07"])
    d.on("2023-08-01").settle()
    assert [m["month"] for m in months(d)] == ["2023-08"]


def test_nothing_owed_is_no_entry_and_what_comes_late_has_its_days(d: Desk) -> None:
    """The town's one case ended: no entry in August. A new one of the 14th that counts from August opens it, with five working days."""
    d.on("2023-06-20")
    case = granted(d, first="2023-07")
    d.on("2023-07-01").settle()
    pay(d, "2023-07", TOWN)
    give(d, case, bc.EndCase(case, "2023-08", "迁出", "依据"))
    d.on("2023-08-01").settle()
    assert said(d)[-1] == "looked_at 2023-08"
    assert [m["month"] for m in months(d)] == ["2023-07"]
    d.on("2023-08-14")
    granted(d, first="2023-08")
    assert [(m["month"], m["due_on"], m["cases"]) for m in months(d, status="open")] == [("2023-08", "2023-08-21", 1)]


def test_a_look_that_did_not_see_a_grant_is_done_again(d: Desk) -> None:
    """The read model was behind when the month began: the grant it had not seen opens the month when it is seen."""
    d.on("2023-06-20")
    case = granted(d, first="2023-07")
    give(d, case, bc.EndCase(case, "2023-07", "迁出", "依据"))
    d.on("2023-07-01").project()
    [row] = [r for r in _due(d) if r.name == "payment_month_begins"]
    person = uuid.uuid4().hex
    assessed = Assessment(CODE, "2023-07", person, "eligible", True, 5000, "到龄", (), {}, "rules 1", "law 1", None, False)
    grant = bc.GrantCase(CODE, person, person, TOWN, "2023-07", assessed, 0)
    order = Order(grant, str(uuid.uuid4()), Hand.service("eldercare"), d.now)
    d.services["eldercare"].office.handle(CASES, bc.case_id(CODE, person), order)
    d.services["eldercare"].on_payment_month_begins(row)
    assert said(d) == ["looked_at 2023-07"]
    d.settle()
    assert said(d) == ["looked_at 2023-07", "opened 2023-07", "looked_at 2023-07"]


def test_a_month_whose_cases_end_before_it_is_paid_owes_nothing_any_more(d: Desk) -> None:
    """Late, and then without dues: at the latest when the next month begins nobody waits for it."""
    d.on("2023-06-20")
    case = granted(d, first="2023-07")
    other = granted(d, first="2023-07")
    d.on("2023-07-16").settle()
    assert said(d)[-1] == "overdue 2023-07"
    give(d, case, bc.EndCase(case, "2023-07", "死亡", "依据"))
    give(d, other, bc.EndCase(other, "2023-07", "死亡", "依据"))
    assert [m["status"] for m in months(d)] == ["open"]
    d.on("2023-08-01").settle()
    assert [(m["status"], m["worklist"]) for m in months(d)] == [("without_dues", "")]


def test_a_run_meets_the_towns_it_covers(d: Desk) -> None:
    """The district's run all of them, a town's its own, a village's its town when nothing else is owed there."""
    d.on("2023-06-20")
    for division in (f"{TOWN}001", f"{TOWN}002", OTHER):
        granted(d, division, first="2023-07")
    d.on("2023-07-01").settle()
    pay(d, "2023-07", f"{TOWN}001")
    assert [m["division"] for m in months(d, status="open")] == [TOWN, OTHER]
    pay(d, "2023-07", f"{TOWN}002")
    assert [m["division"] for m in months(d, status="open")] == [OTHER]
    d.on("2023-08-01").settle()
    pay(d, "2023-08", "330225")
    assert [(m["month"], m["division"]) for m in months(d, status="open")] == [("2023-07", OTHER)]


def test_a_benefit_that_is_paid_once_owes_no_month(d: Desk) -> None:
    """Temporary assistance and price subsidies have limits of their own."""
    d.on("2023-07-01")
    person = uuid.uuid4().hex
    assessed = Assessment(CODE, "2023-07", person, "eligible", True, 5000, "一次", (), {}, "rules 1", "law 1", None, False)
    once = replace(OLD_AGE_ALLOWANCE.terms, payment="once")
    give(d, bc.case_id(CODE, person), bc.GrantCase(CODE, person, person, TOWN, "2023-07", assessed, 0, once))
    d.on("2023-08-01").settle()
    assert (months(d), said(d)) == ([], [])


def test_a_deadline_that_is_called_again_after_a_kill_changes_nothing(d: Desk) -> None:
    """The worker died behind the command and before the row was gone: the same row, the same command, one entry."""
    d.on("2023-06-20")
    granted(d, first="2023-07")
    d.on("2023-07-01").project()
    made = d.services["eldercare"]
    [row] = [r for r in _due(d) if r.name == "payment_month_begins"]
    for _ in range(3):
        made.on_payment_month_begins(row)
    d.settle()
    assert said(d) == ["opened 2023-07", "looked_at 2023-07"]
    with pytest.raises(Refused, match="没有应发而未送发"):
        d.call("prepare_owed_month", "cashier", calendar_id=pc.calendar_id(CODE, TOWN), month="2023-06")


def test_what_is_confirmed_after_the_run_is_owed_again_with_its_day(d: Desk) -> None:
    """The follow-up run is prepared from the list; sent, the month is met again; with nobody owed any more it leaves the list."""
    d.on("2023-07-20")
    granted(d, first="2023-08")
    d.on("2023-08-01").settle()
    pay(d, "2023-08", TOWN)
    assert [m["status"] for m in months(d)] == ["met"]
    d.on("2023-08-10")
    late = granted(d, first="2023-08", amount=7000)
    [again] = months(d)
    assert {n: again[n] for n in ("status", "cases", "amount_fen", "worklist", "due_on", "overdue")} == {
        "status": "again", "cases": 1, "amount_fen": 7000, "worklist": "payment_month_again", "due_on": "2023-08-24", "overdue": False,
    }  # fmt: skip
    this = pc.calendar_id(CODE, TOWN)
    page = d.call("get_acts", "cashier", category="payment_calendar", key=this, item="2023-08")
    assert page["stands"]["worklist"] == "payment_month_again"
    granted(d, first="2023-08", amount=100)
    assert said(d).count("owed_again 2023-08") == 1, "told once"
    run = d.call("prepare_owed_month", "cashier", calendar_id=this, month="2023-08", command_id="follow-up")["id"]
    d.settle()
    assert d.call("prepare_owed_month", "cashier", calendar_id=this, month="2023-08", command_id="follow-up")["repeated"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()
    state = d.services["eldercare"].office.load(CASES, late).state
    assert (state.paid["2023-08"], months(d)[0]["status"], months(d)[0]["run_id"]) == (7000, "met", run)
    d.on("2023-08-20")
    gone = granted(d, first="2023-08", amount=900)
    assert months(d)[0]["worklist"] == "payment_month_again"
    give(d, gone, bc.EndCase(gone, "2023-08", "误登", "办法"))
    d.on("2023-09-05").settle()
    assert [(m["month"], m["status"]) for m in months(d)] == [("2023-08", "met"), ("2023-09", "open")]


def test_what_the_bank_could_not_pay_and_what_was_held_is_owed_again_when_the_run_is_closed(tmp_path: Path) -> None:
    """Not before; late, it is an event; a payment given back after the close comes to the list by itself."""
    with desk(tmp_path, "eldercare", MINZHENG_PAYMENT_MODE="bank_file") as d:
        d.on("2023-08-02")
        cases = [granted(d, first="2023-08", amount=1000 * (n + 1)) for n in range(3)]
        for n, case in enumerate(cases):
            who = d.services["eldercare"].office.load(CASES, case).state.payee_id
            form = {"division": TOWN, "bank_code": "103332012345", "document_no": "A1", "holder": "张某"}
            d.call("propose_payee_account", "clerk", person_id=who, account_no=f"6228480012345{n:03d}", **form)
            d.call("confirm_payee_account", "approver", person_id=who, number=1)
        d.settle()
        run = d.call("prepare_payment_run", "cashier", programme=CODE, month="2023-08", division=TOWN)["id"]
        d.settle()
        lines = {x["case_id"]: x for x in d.call("list_payment_lines", "auditor", run_id=run)}
        d.call("hold_payment_line", "cashier", run_id=run, line_no=lines[cases[0]]["line_no"], reason="核实")
        d.call("approve_payment_run", "approver", run_id=run)
        d.call("send_payment_run", "cashier", run_id=run)
        d.settle()

        def told(case: str, outcome: str, source: str) -> None:
            x = lines[case]
            why = "" if outcome == "paid" else "销户"
            line = {"line_no": x["line_no"], "outcome": outcome, "amount_fen": x["amount_fen"], "reason": why}
            d.call("record_payment_returns", "cashier", run_id=run, lines=[line], source=source * 64)
            d.settle()

        told(cases[1], "failed", "a")
        assert [m["status"] for m in months(d)] == ["met"], "the run is not closed"
        told(cases[2], "paid", "b")
        [month] = months(d)
        assert (month["status"], month["cases"], month["amount_fen"]) == ("again", 2, 3000)
        d.on("2023-08-20").settle()
        assert [m["worklist"] for m in months(d, overdue=True)] == ["payment_month_overdue"]
        told(cases[2], "returned", "c")
        assert said(d).count("owed_again 2023-08") == 1
        assert sum(bool(d.services["eldercare"].office.load(CASES, c).state.paid) for c in cases) == 0


def _due(d: Desk) -> list[Any]:
    from shared.eventlog import deadlines
    from shared.messaging.doors import Due

    rows = deadlines.due(d.services["eldercare"].office.read, d.now, 100)
    hand = Hand.service("eldercare")
    return [Due(r.stream, r.aggregate_id, r.name, r.due_at, r.division, r.data, hand, d.now) for r in rows]
