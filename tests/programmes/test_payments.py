"""Payment from the list to the proof, through the doors: bank file, return file, follow-up runs, returned money, accounts, claims."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import openpyxl
import pytest
from rich.console import Console

from services.eldercare.benefits import CASES, PARTS
from services.eldercare.programmes import OLD_AGE_ALLOWANCE
from shared import config
from shared.casework import bank_file, benefit_case, payment_run, recovery
from shared.casework import payments as business
from shared.cli import payments as cli
from shared.domain import dates
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.client import LogUnavailable
from shared.eventlog.payment_rows import lines_due
from shared.eventsourcing.orders import Hand, Order
from shared.messaging.side_by_side import side_by_side
from shared.rules.assessment import Assessment
from tests.desk import DIVISION, Desk, desk

CODE = OLD_AGE_ALLOWANCE.code
FORMULA = '=HYPERLINK("http://x")'


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
            assessed = Assessment(CODE, "2023-07", person, "eligible", True, amount, "到龄", (), {}, "rules 1", "law 1", None, False)
            self.give(person, benefit_case.GrantCase(CODE, person, person, self.division, "2023-07", assessed, 0))
            if accounts:
                self.account(person, f"62284800{person_digits(person)}", holder)
        house.settle()

    def give(self, person: str, command: Any, hand: Hand | None = None) -> Any:
        case = benefit_case.case_id(CODE, person)
        order = Order(command, str(uuid.uuid4()), hand or Hand.service("eldercare"), self.house.now)
        return self.office.handle(CASES, case, order)

    def resumed(self, n: int, by: str) -> None:
        """Suspended, and resumed by this hand with nothing lost: what is due is his decision too."""
        asked = {"case_id": self.cases[n], "from_month": "2023-07", "reason": "核实"}
        self.house.call("suspend_case", "reviewer", **asked)
        self.house.call("resume_case", "approver", actor=by, with_arrears=True, **asked)
        self.house.settle()

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
        why = {"paid": "", "failed": "账户已销户", "returned": "账户已销户"}
        numbered = ((int(n[1:]), o) for n, o in outcomes.items())
        told = [{"line_no": n, "outcome": o, "amount_fen": lines[n]["amount_fen"], "reason": why[o]} for n, o in numbered]
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


def test_who_decided_a_case_prepares_and_sends_no_run_with_it(house: Desk, tmp_path: Path) -> None:
    """Across cases and runs too: who holds both posts is told for how many lines; another hand does it, whoever decided beside him."""
    town = Town(house, 5000, 6000, 7000)
    both = "staff:both"
    town.resumed(0, both)
    town.resumed(1, both)
    with pytest.raises(Refused, match="名单中有2笔"):
        house.call("prepare_payment_run", "cashier", actor=both, programme=CODE, month="2023-07", division=town.division)
    run = town.prepare()
    house.call("approve_payment_run", "approver", actor=both, run_id=run)
    with pytest.raises(Refused, match="same_hand"):
        house.call("send_payment_run", "cashier", actor=both, run_id=run)
    house.call("reject_payment_run", "approver", run_id=run, reason="重编")
    house.settle()
    run = town.prepare()
    house.call("approve_payment_run", "approver", run_id=run)
    with pytest.raises(Refused, match="名单中有2笔"):
        house.call("send_payment_run", "cashier", actor=both, run_id=run)
    house.call("send_payment_run", "cashier", run_id=run)
    house.settle()
    with pytest.raises(Refused, match="名单中有2笔"):
        house.services["eldercare"].write_bank_file(Hand(both, frozenset({"cashier"}), DIVISION), run, tmp_path)
    assert not list(tmp_path.iterdir())
    failed = town.number_of(run, 0)
    town.answer(run, **{f"n{no}": "failed" if no == failed else "paid" for no in (1, 2, 3)})
    with pytest.raises(Refused, match="名单中有1笔"):
        house.call("prepare_follow_up_run", "cashier", actor=both, run_id=run)
    follow = town.follow_up(run)
    assert [x["case_id"] for x in town.lines(follow).values()] == [town.cases[0]]


def test_what_is_decided_after_the_approval_is_not_paid_by_its_own_hand(house: Desk) -> None:
    """The list knows nothing of a later decision: the case does, and its line goes to the next round."""
    town = Town(house, 5000, 6000)
    run = town.prepare()
    house.call("approve_payment_run", "approver", run_id=run)
    town.resumed(0, "staff:both")
    house.call("send_payment_run", "cashier", actor="staff:both", run_id=run)
    house.settle()
    said = {x["case_id"]: (x["status"], x["reason"]) for x in town.lines(run).values()}
    assert said == {town.cases[0]: ("refused", "same_hand"), town.cases[1]: ("sent", "")}


def test_what_fails_is_held_or_comes_back_goes_to_the_follow_up_run(house: Desk) -> None:
    """补发批次 lists only what is still due: a failed, a held and a returned line, not the one that was paid."""
    town = Town(house, 5000, 6000, 7000, 8000)
    run = town.prepare()
    failed, held, back, paid = (town.number_of(run, n) for n in range(4))
    with pytest.raises(Refused, match="out_of_order"):
        house.call("prepare_follow_up_run", "cashier", run_id=run)
    house.call("hold_payment_line", "cashier", run_id=run, line_no=held, reason="对象死亡待核实")
    town.send(run)
    with pytest.raises(Refused, match="out_of_order"):
        house.call("hold_payment_line", "cashier", run_id=run, line_no=paid, reason="迟了")
    town.answer(run, **{f"n{failed}": "failed", f"n{back}": "paid", f"n{paid}": "paid"})
    row = town.proven(run)
    assert (row["paid_fen"], row["failed_fen"], row["held_fen"]) == (15000, 5000, 6000)
    town.answer(run, **{f"n{back}": "returned"})
    assert [sorted(town.case(n).paid) for n in range(4)] == [[], [], [], ["2023-07"]]
    follow = town.follow_up(run)
    assert {x["case_id"] for x in town.lines(follow).values()} == set(town.cases[:3])
    town.send(follow)
    town.answer(follow, n1="paid", n2="paid", n3="paid")
    assert town.proven(follow)["round"] == 1
    assert all(town.case(n).paid for n in range(4))
    with pytest.raises(Refused, match="out_of_order"):
        town.follow_up(follow)
    [kept] = house.call("list_payments", "auditor", case_id=town.cases[2])
    assert (kept["status"], kept["run_id"]) == ("paid", follow)


def test_an_amount_that_changed_after_the_list_is_not_paid_wrongly(house: Desk) -> None:
    """The case refuses the old amount; the follow-up run pays the new one."""
    town = Town(house, 5000)
    run = town.prepare()
    town.give(town.persons[0], benefit_case.EndCase(town.cases[0], "2023-08", "到期", "依据"))
    lower = Assessment(CODE, "2023-07", town.persons[0], "eligible", True, 4000, "降低", (), {}, "rules 1", "law 1", None, False)
    town.give(town.persons[0], benefit_case.ReassessCase(town.cases[0], "2023-07", (lower,), 1, "fact"))
    town.send(run)
    row = town.proven(run)
    assert (row["failed"], row["failed_fen"]) == (1, 5000)
    assert town.lines(run)[1]["reason"] == "amount_changed"
    follow = town.follow_up(run)
    assert town.lines(follow)[1]["amount_fen"] == 4000


def test_the_bank_file_holds_the_accounts_of_the_list_and_nothing_a_spreadsheet_runs(house: Desk, tmp_path: Path) -> None:
    """CSV and Excel with the same lines and hash, readable by the owner only, no formula, no trace of an account in the log."""
    town = Town(house, 5000, 1234567, holder=FORMULA)
    run = town.send(town.prepare())
    made = town.file(run, tmp_path / "out", "csv", "xlsx")
    assert [stat.S_IMODE(p.stat().st_mode) for p in made] == [0o600, 0o600]
    rows = list(csv.reader(made[0].read_text(encoding="utf-8-sig").splitlines()))
    head, columns, lines = dict(row for row in rows[:6]), rows[6], rows[7:]
    assert columns == list(bank_file.COLUMNS)
    assert (head["批次号"], head["笔数"], head["金额合计(元)"]) == (run, "2", "12395.67")
    assert sorted(line[6] for line in lines) == ["12345.67", "50.00"]
    assert {line[3] for line in lines} == {f"'{FORMULA}"}
    assert {line[5] for line in lines} == {f"62284800{person_digits(p)}" for p in town.persons}
    body = "".join(bank_file._line(line) for line in lines)
    assert head["明细SHA-256"] == hashlib.sha256(body.encode()).hexdigest()
    house.project()
    assert town.run(run)["file_sha256"] == head["明细SHA-256"]
    sheet = openpyxl.load_workbook(made[1]).worksheets[0]
    cells = [[str(c.value or "") for c in row] for row in sheet.iter_rows()]
    assert cells[7:] == lines
    assert all(c.data_type == "s" or c.value is None for row in sheet.iter_rows() for c in row)
    assert [p.read_bytes() for p in town.file(run, tmp_path / "again", "csv")] == [made[0].read_bytes()]
    account = f"62284800{person_digits(town.persons[0])}".encode()
    raws = list(town.office.log.read_all(prefix="eldercare."))
    assert not any(account in r.data or account in r.metadata for r in raws)


def test_who_makes_the_bank_file_is_known_and_no_file_is_there_before_it_is(
    house: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each making is an event by its own hand, with a look at every payee before it; no permission or no log, and there is no file."""
    town = Town(house, 5000, 6000, accounts=True)
    run = town.send(town.prepare())
    payments, office = house.services["eldercare"].payments, town.office

    def makings() -> list[str]:
        history = office.history(payments.runs.stream(run))
        return [r.event.by for r in history if isinstance(r.event, payment_run.PaymentFileMade)]

    def lookers() -> dict[str, set[str]]:
        events = [r for r in office.log.read_all(prefix="eldercare.looks-") if r.name == "eldercare.file_looked_at"]
        told = [json.loads(r.data) for r in events]
        seen = [e for e in told if e["method"] == "write_bank_file" and e["reference"] == run]
        return {e["by"]: set(e["files"]) for e in seen}

    def left(folder: Path) -> list[Path]:
        return list(folder.rglob("*")) if folder.exists() else []

    clerk = Hand("staff:clerk", frozenset({"clerk", "approver"}), DIVISION)
    with pytest.raises(Refused, match="forbidden"):
        house.services["eldercare"].write_bank_file(clerk, run, tmp_path / "clerk", ("csv",))
    with pytest.raises(Refused, match="format"):
        town.file(run, tmp_path / "odd", "pdf")
    for away in ("eldercare.looks-", "eldercare.payment_run-"):
        append = office.log.append

        def refusing(stream: str, *rest: Any, away: str = away, append: Any = append) -> Any:
            if stream.startswith(away):
                raise LogUnavailable("away")
            return append(stream, *rest)

        with monkeypatch.context() as log_away:
            log_away.setattr(office.log, "append", refusing)
            with pytest.raises(Unavailable):
                town.file(run, tmp_path / "away", "csv")
        house.later(1)  # a look of the same hand is told again after five minutes
    assert left(tmp_path / "clerk") + left(tmp_path / "odd") + left(tmp_path / "away") == []
    assert makings() == []
    town.file(run, tmp_path / "first", "csv")
    second = Hand("staff:cashier-2", frozenset({"cashier"}), DIVISION)
    house.services["eldercare"].write_bank_file(second, run, tmp_path / "second", ("csv",))
    assert makings() == ["staff:cashier", "staff:cashier-2"]
    assert lookers() == {by: set(town.persons) for by in ("staff:cashier", "staff:cashier-2")}
    [made] = (tmp_path / "first").iterdir()
    assert [p.read_bytes() for p in (tmp_path / "second").iterdir()] == [made.read_bytes()]
    house.on("2023-07-03").project()


def test_the_file_with_the_banks_answers_is_read_back_line_by_line(house: Desk, tmp_path: Path) -> None:
    """Bad lines are told by their row; the same file twice changes nothing; another amount is not taken."""
    town = Town(house, 5000, 6000, 7000)
    run = town.send(town.prepare())
    [path] = town.file(run, tmp_path)
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    account = rows[8][5]
    rows[7][9:] = ["成功", ""]
    rows[8][9:] = ["失败", f"账号{account}不存在，户名张某不符"]
    rows[9][6], rows[9][9] = "1.00", "成功"
    rows.append(["4", "", "", "", "", "", "1.00", "", "", "成功", ""])
    rows.append(["x", "", "", "", "", "", "1.00", "", "", "成功", ""])
    rows.append(["1", "", "", "", "", "", "1.00", "", "", "不明", ""])
    read = bank_file.parse_return(enumerate(rows, 1))
    assert read.run_id == run
    assert [(p.row, p.reason[:3]) for p in read.problems] == [(12, "序号不"), (13, "序号1")]
    told = [{"line_no": x.line_no, "outcome": x.outcome, "amount_fen": x.amount_fen, "reason": x.reason} for x in read.lines]
    done = town.record(run, told)
    assert (done["taken"], done["unchanged"]) == (2, 0)
    assert {p["line_no"]: p["reason"] for p in done["problems"]} == {3: "金额与送发的不符，该行不予登记。", 4: "名单中没有此序号。"}
    assert town.lines(run)[2]["reason"] == "账号＊不存在,户名＊不符"
    head = town.office.log.head("eldercare.")
    again = town.record(run, told)
    assert (again["taken"], again["unchanged"]) == (0, 2)
    assert town.office.log.head("eldercare.") == head
    assert town.run(run)["status"] == "sent", "the third line is still the bank's"


def test_a_changed_account_needs_another_hand_and_does_not_move_money_on_its_way(house: Desk, tmp_path: Path) -> None:
    """The changer cannot confirm; a list made before goes to the old account; the log and the lists never show a number whole."""
    town = Town(house, 5000)
    person = town.persons[0]
    run = town.prepare()
    number = town.account(person, "6228489999999999", confirm=False)
    with pytest.raises(Refused, match="same_hand"):
        house.call("confirm_payee_account", "approver", actor="staff:clerk", person_id=person, number=number)
    house.call("confirm_payee_account", "approver", person_id=person, number=number)
    town.send(run)
    [path] = town.file(run, tmp_path)
    assert path.read_text(encoding="utf-8-sig").splitlines()[7].split(",")[5] == f"62284800{person_digits(person)}"
    shown = house.call("list_payee_accounts", "auditor", person_id=person)
    old = f"****{person_digits(person)[-4:]}"
    assert sorted((x["status"], x["account_no"]) for x in shown) == [("former", old), ("in_force", "****9999")]


def test_a_payee_without_an_account_waits_for_the_follow_up(house: Desk) -> None:
    """The line is held from the start, with the reason; the rest is paid."""
    town = Town(house, 5000, accounts=False)
    run = town.prepare()
    assert town.lines(run)[1]["status"] == "held"
    town.send(run)
    assert town.proven(run)["held_fen"] == 5000
    town.account(town.persons[0], "6228480000000001")
    house.settle()
    follow = town.follow_up(run)
    assert town.lines(follow)[1]["status"] == "due"


def test_a_run_that_was_rejected_is_prepared_anew(house: Desk) -> None:
    """退回: nothing of it was sent, and the month has another round; a repeat of the first command still answers with the first run."""
    town = Town(house, 5000)
    asked = {"programme": CODE, "month": "2023-07", "division": town.division, "command_id": str(uuid.uuid4())}
    run = house.call("prepare_payment_run", "cashier", **asked)["id"]
    house.settle()
    with pytest.raises(Refused, match="already_exists"):
        town.prepare()
    house.call("reject_payment_run", "approver", run_id=run, reason="名单有误")
    house.settle()
    second = town.prepare()
    assert second != run
    assert town.run(second)["round"] == 1
    assert town.run(run)["status"] == "cancelled"
    again = house.call("prepare_payment_run", "cashier", **asked)
    assert (again["id"], again["repeated"]) == (run, True)
    town.send(second)
    town.answer(second, n1="failed")
    repeat = {"run_id": second, "command_id": str(uuid.uuid4())}
    third = house.call("prepare_follow_up_run", "cashier", **repeat)["id"]
    house.settle()
    assert house.call("prepare_follow_up_run", "cashier", **repeat)["id"] == third != second


def test_a_process_that_dies_while_it_lists_or_sends_is_gone_on_from(house: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer takes up what stands still; whatever was listed or reserved is found and not done again."""
    town = Town(house, *range(1000, 1007))
    for module in (business, payment_run):
        monkeypatch.setattr(module, "CHUNK", 2)
    monkeypatch.setattr("shared.casework.payment_part.CHUNK", 2)
    monkeypatch.setattr(business, "AT_ONCE", 1)
    money = house.services["eldercare"].payments
    handle, left = town.office.handle, [3]

    def dying(decider: Any, aggregate_id: str, order: Order[Any]) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return handle(decider, aggregate_id, order)

    monkeypatch.setattr(money.office, "handle", dying)
    with pytest.raises(KeyboardInterrupt):
        town.prepare()
    left[0] = -1
    run = payment_run.run_id(CODE, "2023-07", town.division)
    assert money.run(run).status == "open"
    house.later(1).settle()
    assert (money.run(run).status, money.run(run).count) == ("locked", 7)
    house.call("approve_payment_run", "approver", run_id=run)
    house.call("send_payment_run", "cashier", run_id=run)
    left[0] = 4
    with pytest.raises(KeyboardInterrupt):
        house.settle()
    left[0] = -1
    house.later(1).settle()
    assert money.run(run).status == "sent"
    paid = [sum(isinstance(r.event, benefit_case.BenefitPaid) for r in town.office.history(CASES.stream(c))) for c in town.cases]
    assert paid == [1] * 7
    assert {town.office.load(PARTS, f"{run}-{n}").state.status for n in range(4)} == {"sent"}


def test_a_run_for_nobody_is_refused_and_one_that_lost_everybody_is_cancelled(house: Desk) -> None:
    """Nothing stays open that nobody can close."""
    town = Town(house)
    with pytest.raises(Refused, match="out_of_order"):
        town.prepare()
    run = payment_run.run_id(CODE, "2023-07", town.division)
    opening = payment_run.OpenPaymentRun(CODE, "2023-07", town.division)
    money = house.services["eldercare"].payments
    town.office.handle(money.runs, run, Order(opening, str(uuid.uuid4()), CASHIER, house.now))
    house.later(1).settle()
    assert money.run(run).status == "cancelled"


def test_what_is_due_is_read_page_by_page(house: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are due, each is listed once, ascending, and from where a list stopped."""
    town = Town(house, *range(1000, 1007))
    monkeypatch.setattr("shared.eventlog.payment_rows.PAGE", 3)
    tables, read = house.services["eldercare"].tables.pay, town.office.read
    found = list(lines_due(read, tables, CODE, town.division, "2023-07"))
    assert [x.case_id for x in found] == sorted(town.cases)
    assert {x.account for x in found} == {1}
    assert [x.case_id for x in lines_due(read, tables, CODE, town.division, "2023-07", found[3].case_id)] == sorted(town.cases)[4:]


def test_claims_and_runs_stand_in_worklists_and_their_days_come(house: Desk) -> None:
    """An overpayment becomes a claim to notify; an instalment that is not in is overdue; three years after the last one it is barred."""
    town = Town(house, 5000)
    run = town.send(town.prepare())
    town.answer(run, n1="paid")
    town.give(town.persons[0], benefit_case.EndCase(town.cases[0], "2023-07", "领取人死亡", "死亡次月起停发"))
    house.settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["worklist"], claim["left_fen"], claim["limitation_on"]) == ("recovery_notify", 5000, "2026-07-03")
    this = {"recovery_id": claim["recovery_id"]}
    house.call("record_recovery_notice", "reviewer", notice_no="象民追1号", told_on="2023-07-03", due_on="2023-08-01", **this)
    plan = [{"due_on": "2023-08-31", "amount_fen": 2000}, {"due_on": "2023-09-30", "amount_fen": 3000}]
    house.call("agree_instalments", "reviewer", instalments=plan, **this)
    house.call("record_repayment", "cashier", amount_fen=2000, receipt_no="1", **this)
    house.on("2023-09-02").settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["worklist"], claim["due_on"]) == ("recovery_await", "2023-09-30")
    house.on("2023-10-02").settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["worklist"], claim["left_fen"]) == ("recovery_overdue", 3000)
    house.on("2026-09-30").settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["worklist"], claim["limitation_on"]) == ("recovery_overdue", "2026-09-30")
    house.on("2026-10-01").settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["status"], claim["worklist"]) == ("barred", "")
    house.on("2023-07-03")


def test_money_that_came_back_is_not_claimed(house: Desk) -> None:
    """Paid after a death, claimed, and given back by the bank: the claim is met, and nothing is due any more."""
    town = Town(house, 5000)
    run = town.send(town.prepare())
    town.answer(run, n1="paid")
    town.give(town.persons[0], benefit_case.EndCase(town.cases[0], "2023-07", "领取人死亡", "死亡次月起停发"))
    house.settle()
    town.answer(run, n1="returned")
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["status"], claim["left_fen"]) == ("settled", 0)
    assert town.case(0).payable("2023-07") == 0


def test_the_command_line_takes_a_return_file_and_tells_how_a_run_stands(
    house: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad lines by their row, exit codes as said, the sums of the run, and never a name or an account."""
    town = Town(house, 5000, 6000)
    run = town.send(town.prepare())
    [path] = town.file(run, tmp_path, "xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    sheet.cell(8, 10).value = "成功"
    sheet.cell(9, 10).value, sheet.cell(9, 11).value = "失败", "张某账户不符"
    sheet.append(["9", None, None, None, None, None, "1.00", None, None, "成功"])
    book.save(path)
    console = Console(file=io.StringIO())

    def call(method: str, **body: Any) -> Any:
        done = house.call(method, "cashier", **body)
        house.settle()
        return done

    assert cli.take_return(call, run, path, console) == 2
    assert cli.take_return(call, run, path, console) == 2
    said = capsys.readouterr().out
    assert "第10行：序号9：名单中没有此序号。" in said
    assert "登记 2 行，此前已登记 0 行，未登记 1 行" in said
    assert "登记 0 行，此前已登记 2 行，未登记 1 行" in said
    shown = "\n".join(cli.told(call, run, "failed"))
    paid, failed = (town.lines(run)[n]["amount_fen"] / 100 for n in (1, 2))
    assert f"实发 1 笔 {paid:,.2f} 元，失败 1 笔 {failed:,.2f} 元，暂缓 0 笔" in shown
    assert "序号2" in shown
    assert "＊账户不符" in shown
    assert "张某" not in shown + said
    with pytest.raises(click.ClickException, match="不是"):
        cli.take_return(call, "another", path, console)


def test_a_claim_is_set_off_against_the_next_payment_with_consent_only(house: Desk) -> None:
    """Not without the written consent, not more than agreed, not the whole payment; then so much less goes out, and the claim is met."""
    town = Town(house, 9000)
    run = town.send(town.prepare())
    town.answer(run, n1="paid")
    lower = Assessment(CODE, "2023-07", town.persons[0], "eligible", True, 6000, "降低", (), {}, "rules 1", "law 1", None, False)
    town.give(town.persons[0], benefit_case.ReassessCase(town.cases[0], "2023-07", (lower,), 1, "fact"))
    house.settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    this = {"recovery_id": claim["recovery_id"]}
    with pytest.raises(Refused, match="out_of_order"):
        house.call("set_off_recovery", "cashier", amount_fen=1000, **this)
    house.call("agree_set_off", "reviewer", most_fen=2000, document_no="同意书1", **this)
    with pytest.raises(Refused, match="invalid_input"):
        house.call("set_off_recovery", "cashier", amount_fen=2001, **this)
    asked = str(uuid.uuid4())
    for _ in range(2):
        house.call("set_off_recovery", "cashier", amount_fen=2000, command_id=asked, **this)
        house.settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert claim["left_fen"] == 1000
    house.on("2023-08-03")
    assert town.lines(town.prepare("2023-08"))[1]["amount_fen"] == 4000
    house.on("2023-07-03")


def lowered(town: Town, amount: int, facts: int) -> benefit_case.ReassessCase:
    """July of the first case, by other facts."""
    a = Assessment(CODE, "2023-07", town.persons[0], "eligible", True, amount, "核定", (), {}, "rules 1", "law 1", None, False)
    return benefit_case.ReassessCase(town.cases[0], "2023-07", (a,), facts, "fact")


def claimed(town: Town, amount: int) -> dict[str, str]:
    """July is paid and then lowered to ``amount``: the claim of the difference."""
    town.answer(town.send(town.prepare()), n1="paid")
    town.give(town.persons[0], lowered(town, amount, 1))
    town.house.settle()
    [claim] = town.house.call("list_recoveries", "auditor", case_id=town.cases[0])
    return {"recovery_id": claim["recovery_id"]}


def test_a_claimed_month_that_is_due_after_all_pays_back_only_what_was_repaid(house: Desk) -> None:
    """A wrong income, a claim of 30 yuan, 10 repaid and the rest waived; the income is put right: 10 go out, and not 30."""
    town = Town(house, 6000)
    this = claimed(town, 3000)
    house.call("record_repayment", "cashier", amount_fen=1000, receipt_no="收据1", **this)
    house.call("propose_waiver", "reviewer", reason="家庭困难", **this)
    house.call("reject_waiver", "approver", reason="材料不全", **this)
    house.call("propose_waiver", "reviewer", reason="家庭困难，材料已补", **this)
    house.call("approve_waiver", "approver", **this)
    town.give(town.persons[0], lowered(town, 6000, 2))
    house.settle()
    assert town.case(0).arrears_fen == 1000
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["status"], claim["left_fen"], claim["repaid_fen"]) == ("waived", 0, 0)
    town.give(town.persons[0], lowered(town, 4000, 3))
    town.give(town.persons[0], lowered(town, 6000, 4))
    house.settle()
    claims = {c["amount_fen"]: c["status"] for c in house.call("list_recoveries", "auditor", case_id=town.cases[0])}
    assert claims == {3000: "waived", 2000: "settled"}
    assert town.case(0).arrears_fen == 1000


def test_what_was_withheld_of_a_case_that_ends_is_claimed_as_before(house: Desk) -> None:
    """No payment comes that it would lessen: neither is the claim met, nor the case left with a debt."""
    town = Town(house, 9000)
    this = claimed(town, 6000)
    house.call("agree_set_off", "reviewer", most_fen=3000, document_no="同意书1", **this)
    house.call("set_off_recovery", "cashier", amount_fen=3000, **this)
    house.settle()
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["status"], claim["left_fen"]) == ("settled", 0)
    town.give(town.persons[0], benefit_case.EndCase(town.cases[0], "2023-08", "领取人死亡", "死亡次月起停发"))
    house.settle()
    assert town.case(0).arrears_fen == 0
    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    assert (claim["status"], claim["left_fen"]) == ("open", 3000)


def test_what_was_approved_as_held_is_not_released(house: Desk) -> None:
    """The approver saw the list with that line held; released, it would go out with no second look. Holding more is always possible."""
    town = Town(house, 5000, 6000)
    run = town.prepare()
    house.call("hold_payment_line", "cashier", run_id=run, line_no=1, reason="核实死亡")
    house.call("release_payment_line", "cashier", run_id=run, line_no=1)
    house.call("hold_payment_line", "cashier", run_id=run, line_no=1, reason="核实死亡")
    house.call("approve_payment_run", "approver", run_id=run)
    with pytest.raises(Refused, match="out_of_order"):
        house.call("release_payment_line", "cashier", run_id=run, line_no=1)
    house.call("hold_payment_line", "cashier", run_id=run, line_no=2, reason="账户存疑")
    assert [town.lines(run)[n]["status"] for n in (1, 2)] == ["held", "held"]


def test_the_simulated_bank_pays_an_approved_run_at_once(tmp_path: Path) -> None:
    """模拟银行, for demos and tests: approved, sent, settled and closed with its proof without anybody's doing; no account is needed."""
    with desk(tmp_path, "eldercare") as house:
        town = Town(house, 5000, 6000, accounts=False)
        run = town.prepare()
        house.call("approve_payment_run", "approver", run_id=run)
        house.settle()
        assert town.proven(run)["paid_fen"] == 11000
        with pytest.raises(Refused, match="out_of_order"):
            town.file(run, tmp_path)


def test_production_has_no_simulated_bank(tmp_path: Path) -> None:
    """The bank's files are the default there, the simulated bank the default elsewhere, and a misspelt mode is refused."""
    assert config.load({"MINZHENG_VAR": str(tmp_path)}).payment_mode == "direct"
    real = {"MINZHENG_MODE": "production", "MINZHENG_VAR": str(tmp_path), "MINZHENG_TOKEN_PUBLIC_KEY": "key.pub"}
    real["MINZHENG_MASTER_KEY"] = base64.b64encode(bytes(32)).decode()
    assert config.load(real).payment_mode == "bank_file"
    for mode in ("direct", "cash"):
        with pytest.raises(config.ConfigError, match="MINZHENG_PAYMENT_MODE"):
            config.load({**real, "MINZHENG_PAYMENT_MODE": mode})


def test_work_side_by_side_keeps_its_order_and_stops_at_an_error() -> None:
    """Every answer stands where its question stood; after an error nothing new is begun, and it is raised."""
    assert side_by_side(lambda n: n * n, range(100)) == [n * n for n in range(100)]
    assert side_by_side(lambda n: n, []) == []
    begun: list[int] = []

    def fail(n: int) -> None:
        begun.append(n)
        raise ValueError(n)

    with pytest.raises(ValueError):
        side_by_side(fail, range(100), threads=4)
    assert len(begun) <= 4


def test_the_page_of_a_run_says_what_its_row_says_and_offers_what_is_next(house: Desk) -> None:
    """Locked, approved, sent, closed: the list in which it waits, and the acts; a run that was sent is not sent again."""
    town = Town(house, 10_000)
    run = town.prepare()

    def page(role: str) -> tuple[str, set[str]]:
        answer = house.call("get_acts", role, category="payment_run", key=run)
        house.project()
        assert answer["stands"] == {"worklist": town.run(run)["worklist"]}
        return answer["stands"]["worklist"], {a["act"] for a in answer["acts"] if a["permitted"] and not a["refused"]}

    assert page("approver") == ("payment_approve", {"approve_payment_run", "reject_payment_run"})
    house.call("approve_payment_run", "approver", run_id=run)
    assert page("cashier") == ("payment_send", {"cancel_payment_run", "send_payment_run"})
    house.call("send_payment_run", "cashier", run_id=run)
    house.settle()
    assert page("cashier") == ("payment_return_file", set())
    town.answer(run, n1="paid")
    assert page("cashier") == ("", set())
    assert town.run(run)["status"] == "closed"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "  =", "\t"])
def test_no_holder_is_a_formula_to_whoever_opens_the_banks_file(sign: str) -> None:
    """The signs by which a spreadsheet knows a formula, full-width ones among them, are the same for the bank's file and every export."""
    assert bank_file.harmless(f"{sign}HYPERLINK(1)").startswith("'")
    assert bank_file.harmless("某某") == "某某"


def test_a_claim_that_nobody_was_told_of_has_a_day_for_its_notice(house: Desk) -> None:
    """It waits with that day; the day after it is told late, once, and goes on waiting with it; the notice leads it on."""
    town = Town(house, 5000)
    run = town.send(town.prepare())
    town.answer(run, n1="paid")
    town.give(town.persons[0], benefit_case.EndCase(town.cases[0], "2023-07", "领取人死亡", "死亡次月起停发"))
    house.settle()

    def stands() -> tuple[str, str, str | None]:
        [row] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
        return row["worklist"], row["due"], row["due_on"]

    [claim] = house.call("list_recoveries", "auditor", case_id=town.cases[0])
    by = dates.add_working_days(house.now.date(), recovery.NOTIFY_DAYS)
    assert stands() == ("recovery_notify", "serve_notice", by.isoformat())

    def told() -> int:
        steps = house.call("get_steps", "auditor", category="recovery", key=claim["recovery_id"])
        return [step["step"] for step in steps].count("recovery_notice_overdue")

    house.on(by.isoformat()).settle()
    assert told() == 0
    for later in (1, 20):
        house.later(later).settle()
        assert told() == 1
        assert stands() == ("recovery_notify", "serve_notice", by.isoformat())
    day = house.now.date().isoformat()
    notice = {"notice_no": "象民追9号", "told_on": day, "due_on": "2099-01-01"}
    house.call("record_recovery_notice", "reviewer", recovery_id=claim["recovery_id"], **notice)
    house.settle()
    assert stands() == ("recovery_await", "notice", "2099-01-01")
