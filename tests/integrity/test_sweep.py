"""What lies outside the log after an erasure: bank files are written anew without the person, files that nobody could read are removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from shared.casework import bank_file
from shared.cli.erasure import command
from shared.eventlog.stores import engine_for
from shared.eventsourcing.events import ERASED
from shared.security.vault import Vault, keys
from tests.desk import DIVISION, Desk, desk
from tests.integrity.test_erasure import ACCOUNT, NAME, NUMBER, OFFICER, OTHER, OTHER_ACCOUNT, OTHER_NUMBER, SUPERVISOR

GONE, STAYS = "0a" * 16, "0b" * 16


def bank_rows() -> list[bank_file.BankRow]:
    def one(no: int, payee: str, holder: str, account: str) -> bank_file.BankRow:
        return bank_file.BankRow(no, f"case-{no}", payee, holder, "103332012345", account, 10_000 + no, "2023-07", "高龄津贴")

    return [one(1, GONE, NAME, ACCOUNT), one(2, STAYS, OTHER, OTHER_ACCOUNT), one(3, GONE, NAME, ACCOUNT)]


@pytest.mark.parametrize("kind", bank_file.FORMATS)
def test_a_bank_file_loses_the_person_and_nothing_else(tmp_path: Path, kind: str) -> None:
    """Holder and account of his lines; amounts, the others' lines and the head stay, and the head says how many. Again changes nothing."""
    header = bank_file.Header("run-1", "高龄津贴", "2023-07", 3, 30_006)
    with bank_file.body(tmp_path, bank_rows()) as lines:
        path = bank_file.write(tmp_path, header, lines, kind)
        sha = lines.sha256
    before = cells(path)
    assert bank_file.without(path, {GONE}, ERASED) == 2
    after = cells(path)
    assert [bank_file.GONE, "2"] in [row[:2] for row in after]
    assert any(sha in row for row in after)
    table = [row for row in after if row[0] in "123"]
    assert [(row[3], row[5]) for row in table] == [(ERASED, ERASED), (OTHER, OTHER_ACCOUNT), (ERASED, ERASED)]
    assert [[c for n, c in enumerate(row) if n not in (3, 5)] for row in table] == [
        [c for n, c in enumerate(row) if n not in (3, 5)] for row in before if row[0] in "123"
    ]
    assert path.stat().st_mode & 0o077 == 0
    assert bank_file.without(path, {GONE}, ERASED) == 0
    assert cells(path) == after
    assert bank_file.without(path, {STAYS}, ERASED) == 1
    assert [bank_file.GONE, "3"] in [row[:2] for row in cells(path)]


def cells(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        import csv

        return list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return [["" if c is None else str(c) for c in row] for row in rows]


def test_a_table_that_is_no_bank_file_is_left_alone(tmp_path: Path) -> None:
    """Whatever it holds."""
    path = tmp_path / "other.csv"
    path.write_text(f"姓名,账号\n{NAME},{ACCOUNT}\n", encoding="utf-8")
    assert bank_file.without(path, {GONE}, ERASED) is None
    assert ACCOUNT in path.read_text(encoding="utf-8")


def test_the_command_sweeps_what_the_house_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of outside units that could not be read, bank files in the directories given; what still waits is told, and so is what is no
    bank file. Only persons whose erasure is recorded."""
    with desk(tmp_path, "registry", "assistance", "eldercare") as d:
        office = d.services["registry"].office
        person = office.person_id(NUMBER)
        folder, unreadable = tmp_path / "bank", tmp_path / "exchange" / "assistance" / "bank" / "unreadable"
        waiting = unreadable.parent / "out"
        for directory in (folder, unreadable, waiting):
            directory.mkdir(parents=True)
        rows = [bank_file.BankRow(**{**row_of(r), "payee_id": person}) for r in bank_rows() if r.payee_id == GONE]
        with bank_file.body(folder, rows) as lines:
            path = bank_file.write(folder, bank_file.Header("r", "x", "2023-07", 2, 20_004), lines, "csv")
        (folder / "other.csv").write_text("a,b\n", encoding="utf-8")
        (folder / "broken.xlsx").write_bytes(b"no workbook")
        (folder / "old.xls").write_bytes(b"a workbook of before")
        shouted = folder / "AGAIN.CSV"
        shutil.copy(path, shouted)
        (unreadable / "one.csv").write_text(f"{NUMBER},{NAME}", encoding="gb18030")
        (unreadable / "two.csv").write_text(f"{OTHER_NUMBER},{OTHER}", encoding="utf-8")
        (waiting / "q.csv").write_text(f"1,{NUMBER},{NAME}", encoding="utf-8")
        monkeypatch.setenv("MINZHENG_VAR", str(tmp_path))
        monkeypatch.setenv("EVENTSTORE_URI", office.log.uri)
        monkeypatch.delenv("AMQP_URI", raising=False)
        run = CliRunner()
        assert "没有已删除个人信息的人员" in run.invoke(command, ["sweep", str(folder)]).output
        form = {"ground": "period_expired", "document_ref": "申请书1", "retention_ended_on": "2023-06-30", "draws_nothing": True}
        more = {"retention_finding": "期满", "no_open_matter_ref": "核实表1"}
        d.call("propose_erasure", OFFICER, person_id=person, division=DIVISION, **form, **more)
        d.settle()
        d.call("approve_erasure", SUPERVISOR, person_id=person, number=1)
        assert ACCOUNT in path.read_text(encoding="utf-8")
        before = Vault(engine_for(d.settings, "vault"), d.settings.master_key)
        sealed = before.seal(person, NAME)
        backup = backed_up(d, person)
        d.settle()
        assert Vault(engine_for(d.settings, "vault"), d.settings.master_key).open(sealed) == ERASED
        restored(d, person, backup)
        assert Vault(engine_for(d.settings, "vault"), d.settings.master_key).open(sealed) == NAME
        told = run.invoke(command, ["sweep", str(folder)])
        assert told.exit_code == 0, told.output
        of_the_house = ("人员 1 人", "消息总线没有运行", "删除 1 个", "q.csv 仍含已删除人员")
        of_the_bank = ("改写 2 笔", "other.csv：不是代发文件", "broken.xlsx：读不出")
        assert [said for said in of_the_house + of_the_bank if said not in told.output] == []
        assert "再次销毁 1 人的密钥" in told.output
        assert Vault(engine_for(d.settings, "vault"), d.settings.master_key).open(sealed) == ERASED
        assert backup not in b"".join(p.read_bytes() for p in tmp_path.glob("vault.db*"))
        assert "old.xls：不是 .csv、.xlsx 文件，未查看" in told.output
        assert ACCOUNT not in shouted.read_text(encoding="utf-8")
        assert [p.name for p in unreadable.iterdir()] == ["two.csv"]
        assert NAME not in path.read_text(encoding="utf-8")
        assert ACCOUNT not in path.read_text(encoding="utf-8")
        assert run.invoke(command, ["list"]).output.split()[:2] == [person, "2023-07-03"]
        shutil.rmtree(tmp_path / "exchange")


def backed_up(d: Desk, person: str) -> bytes:
    """The person's wrapped key, as a backup of the vault holds it."""
    with engine_for(d.settings, "vault").connect() as connection:
        return bytes(connection.execute(sa.select(keys.c.wrapped).where(keys.c.person_id == person)).scalar_one())


def restored(d: Desk, person: str, wrapped: bytes) -> None:
    """The vault as it was before the erasure."""
    with engine_for(d.settings, "vault").execution_options(writes=True).begin() as tx:
        tx.execute(keys.update().where(keys.c.person_id == person).values(wrapped=wrapped, destroyed_at=None))


def row_of(row: bank_file.BankRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in bank_file.BankRow.__slots__}
