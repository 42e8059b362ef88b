"""Payment from the list to the proof, through the doors: bank file, return file, follow-up runs, returned money, accounts, claims."""

from __future__ import annotations

import csv
import hashlib
import re
import stat
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from services.eldercare.benefits import CASES, PARTS
from services.eldercare.programmes import OLD_AGE_ALLOWANCE
from shared.casework import bank_file, benefit_case, payment_run
from shared.casework import payments as business
from shared.casework.payment_part import LineResult
from shared.domain.errors import Refused
from shared.eventlog.payment_rows import lines_due
from shared.eventsourcing.orders import Hand, Order
from shared.rules.assessment import Assessment
from tests.desk import DIVISION, Desk, desk

CODE = OLD_AGE_ALLOWANCE.code
FORMULA = "=HYPERLINK(\"http://x\")"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk with the bank's files; every test pays a town of its own."""
    with desk(tmp_path_factory.mktemp("payments"), "eldercare", MINZHENG_PAYMENT_MODE="bank_file") as made:
        yield made


TOWNS = iter(f"3302251{n:02}" for n in range(1, 100))


class Town:
    """Persons with a case and (unless said otherwise) an account, in a town of their own."""

    def __init__(self, house: Desk, *amounts: int, accounts: bool = True, holder: str = "张某") -> None:
        self.house, self.division = house, next(TOWNS)
        self.office = house.services["eldercare"].office
        house.on("2023-07-03")
        self.persons = [uuid.uuid4().hex for _ in amounts]
        self.cases = [benefit_case.case_id(CODE, p) for p in self.persons]
        for person, amount in zip(self.persons, amounts, strict=True):
            assessed = Assessment(CODE, "2023-07", person, "eligible", True, amount, "年满八十周岁", (), {}, "rules 1", "law 1", None, False)
            self.give(person, benefit_case.GrantCase(CODE, person, person, self.division, "2023-07", assessed, 0))
            if accounts:
                self.account(person, f"62284800{person_digits(person)}", holder)
        house.settle()

    def give(self, person: str, command: Any, hand: Hand | None = None) -> Any:
        case = benefit_case.case_id(CODE, person)
        order = Order(command, str(uuid.uuid4()), hand or Hand.service("eldercare"), self.house.now)
        return self.office.handle(CASES, case, order)

    def account(self, person: str, account_no: str, holder: str = "张某", confirm: bool = True) -> int:
        form = {"person_id": person, "division": self.division, "bank_code": "103332012345", "document_no": "A1"}
        self.house.call("propose_payee_account", "clerk", account_no=account_no, holder=holder, **form)
        number: int = self.office.load(self.house.services["eldercare"]._accounts, person).state.accounts
        if confirm:
            self.house.call("confirm_payee_account", "approver", person_id=person, number=number)
        return number

    def prepare(self, month: str = "2023-07") -> str:
        run: str = self.house.call("prepare_payment_run", "cashier", programme=CODE, month=month, division=self.division)["id"]
        self.house.settle()
        return run

    def follow_up(self, run: str) -> str:
        made: str = self.house.call("prepare_follow_up_run", "cashier", run_id=run)["id"]
        self.house.settle()
        return made

    def send(self, run: str) -> str:
        self.house.call("approve_payment_run", "approver", run_id=run)
        self.house.call("send_payment_run", "cashier", run_id=run)
        self.house.settle()
        return run

    def answer(self, run: str, **outcomes: str) -> Any:
        """The bank's answer by line number: ``n1="paid", n2="failed"``."""
        lines = self.lines(run)
        told = [
            {"line_no": int(n[1:]), "outcome": o, "amount_fen": lines[int(n[1:])]["amount_fen"], "reason": "账户已销户" if o != "paid" else ""}
            for n, o in outcomes.items()
        ]
        return self.record(run, told)

    def record(self, run: str, told: list[dict[str, Any]]) -> Any:
        source = hashlib.sha256(repr(told).encode()).hexdigest()
        done = self.house.call("record_payment_returns", "cashier", run_id=run, lines=told, source=source)
        self.house.settle()
        return done

    def lines(self, run: str) -> dict[int, dict[str, Any]]:
        return {x["line_no"]: x for x in self.house.call("list_payment_lines", "auditor", run_id=run, limit=500)}

    def run(self, run: str) -> dict[str, Any]:
        return next(r for r in self.house.call("list_payment_runs", "auditor", programme=CODE, limit=500) if r["run_id"] == run)

    def case(self, n: int) -> benefit_case.Case:
        state: benefit_case.Case = self.office.load(CASES, self.cases[n]).state
        return state

    def number_of(self, run: str, n: int) -> int:
        return next(no for no, x in self.lines(run).items() if x["case_id"] == self.cases[n])

    def file(self, run: str, out: Path, *formats: str) -> list[Path]:
        made: list[Path] = self.house.services["eldercare"].write_bank_file(CASHIER, run, out, formats or ("csv",))
        return made

    def proven(self, run: str) -> dict[str, Any]:
        """A closed run: in = paid + failed + held."""
        row = self.run(run)
        assert row["status"] == "closed"
        assert row["count"] == row["paid"] + row["failed"] + row["held"]
        assert row["total_fen"] == row["paid_fen"] + row["failed_fen"] + row["held_fen"]
        assert row["worklist"] == ""
        return row


CASHIER = Hand("staff:cashier", frozenset({"cashier"}), DIVISION)


def person_digits(person: str) -> str:
    return f"{int(person[:9], 16):011d}"[:11]


def test_a_run_goes_to_the_bank_and_closes_with_its_answer(house: Desk, tmp_path: Path) -> None:
    """Prepared, approved by another hand, sent, answered line by line: the run closes by itself when the last line is in."""
    town = Town(house, 5000, 8000)
    run = town.prepare()
    assert town.run(run)["status"] == "locked"
    assert town.run(run)["worklist"] == "payment_approve"
    with pytest.raises(Refused, match="same_hand"):
        house.call("approve_payment_run", "approver", actor="staff:cashier", run_id=run)
    town.send(run)
    assert [town.case(n).paid for n in (0, 1)] == [{"2023-07": 5000}, {"2023-07": 8000}]
    assert town.run(run)["worklist"] == "payment_return_file"
    first, second = town.lines(run).values()
    assert first["decision"] == 0  # the version of the decision in the case's own stream
    town.answer(run, n1="paid")
    assert town.run(run)["status"] == "sent"
    town.answer(run, n2="paid")
    row = town.proven(run)
    assert (row["paid"], row["paid_fen"]) == (2, 13000)
    assert {first["amount_fen"], second["amount_fen"]} == {5000, 8000}
