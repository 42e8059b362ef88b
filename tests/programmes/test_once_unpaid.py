"""What is paid once has no month that stands open again: a line that the bank did not pay waits in a list of its own until it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import temporary as t
from services.portal.desk import home as lists
from services.portal.web import words
from shared.casework import benefit_case as bc
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, home
from tests.programmes.test_temporary import CODE, TOWN, applied, decide, proposed, stands


@pytest.fixture
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("once"), "assistance", MINZHENG_PAYMENT_MODE="bank_file") as made:
        yield made


def waiting(d: Desk) -> list[tuple[str, str, str]]:
    d.project()
    rows = d.call("list_waiting", "auditor", worklist="payment_once_unpaid")
    return [(r["key"], r["programme"], r["due_on"]) for r in rows]


def told(d: Desk, run: str, outcome: str) -> None:
    """What the bank says of the run's one line."""
    [line] = d.call("list_payment_lines", "auditor", run_id=run, limit=9)
    reason = "" if outcome == "paid" else "账户已销户"
    body: list[dict[str, Any]] = [
        {"line_no": line["line_no"], "outcome": outcome, "amount_fen": line["amount_fen"], "reason": reason}
    ]
    source = hashlib.sha256(f"{run} {outcome}".encode()).hexdigest()
    d.call("record_payment_returns", "cashier", run_id=run, lines=body, source=source)
    d.settle()


def sent(d: Desk, run: str) -> str:
    d.settle()
    d.call("approve_payment_run", "approver", actor="staff:chief", run_id=run)
    d.call("send_payment_run", "cashier", run_id=run)
    d.settle()
    return run


def account(d: Desk, person_id: str) -> None:
    form = {"person_id": person_id, "division": TOWN, "bank_code": "103332012345", "document_no": "A1"}
    d.call("propose_payee_account", "clerk", account_no="6228480402564890018", holder="成员", **form)
    d.call("confirm_payee_account", "approver", person_id=person_id, number=1)
    d.settle()


def test_an_emergency_grant_that_the_bank_did_not_pay_waits_until_it_is_paid(d: Desk) -> None:
    """临时救助: without an account it waits; failed it waits, until the follow-up run has paid it; given back it waits again."""
    d.on("2023-07-03")
    made = home(d, Numbers(), {"born": "19800101", "monthly_income_fen": 100000})
    ref = applied(d, household_id=made.household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    proposed(d, ref)
    decide(d, ref)
    [no] = stands(d, ref)["released"]
    case_id = bc.case_id(CODE, t.grant_id(ref["matter_id"], no))
    assert waiting(d) == []
    run = str(d.call("prepare_payment_run", "cashier", programme=CODE, month="2023-07", division=TOWN)["id"])
    d.settle()
    assert waiting(d) == [(case_id, CODE, "2023-07-17")], "there is no account"
    d.call("cancel_payment_run", "cashier", run_id=run, reason="补登账户")
    account(d, made.members[0])
    run = sent(d, str(d.call("prepare_payment_run", "cashier", programme=CODE, month="2023-07", division=TOWN)["id"]))
    assert waiting(d) == [], "it is on its way"
    told(d, run, "failed")
    assert waiting(d) == [(case_id, CODE, "2023-07-17")]
    follow = sent(d, str(d.call("prepare_follow_up_run", "cashier", run_id=run)["id"]))
    told(d, follow, "paid")
    assert waiting(d) == []
    d.on("2023-07-10")
    told(d, follow, "returned")
    assert waiting(d) == [(case_id, CODE, "2023-07-24")]


def test_the_list_has_a_name_and_a_hand() -> None:
    """The cashier's, in Chinese."""
    assert (words.said("payment_once_unpaid"), lists.ACT_OF["payment_once_unpaid"]) == ("一次性发放未成", "pay")
