"""Lists as tables, whatever stands in them: no column is lost, nothing in a name makes a file unreadable, and an empty one says so."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook

from services.portal.api import operations, tables
from services.portal.web.portal import Portal
from shared.config import load
from shared.domain.errors import Refused

OPERATION = next(o for o in operations.of(Portal(load({})).doors) if o.method == "list_waiting")


def table(kind: str, *rows: dict[str, Any]) -> list[list[Any]]:
    """What a spreadsheet reads from the file, with its head."""
    with Flask("table").test_request_context():
        made = tables.download(OPERATION, iter(rows), kind)
        made.direct_passthrough = False
        raw = made.get_data()
        made.close()
    if kind == "csv":
        return [list(line) for line in csv.reader(io.StringIO(raw.decode("utf-8-sig")))]
    sheet = load_workbook(io.BytesIO(raw)).active
    assert sheet is not None
    return [[cell.value or "" for cell in line] for line in sheet.iter_rows()]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_the_first_row_lacks_is_a_column_too(kind: str) -> None:
    """Two rows with different fields: each value stands under its own head."""
    head, first, second = table(kind, {"place": "1", "programme": "甲"}, {"place": "2", "responsible": "staff:li", "due": "survey"})
    assert head == ["地点", "项目", "责任人", "到期环节"]
    assert first == ["1", "甲", "", ""]
    assert second == ["2", "", "staff:li", "survey"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_of_nothing_has_a_head_and_no_row(kind: str) -> None:
    """Whoever opens it reads that there is nothing, and does not wonder about an empty file."""
    assert table(kind) == [["没有符合条件的记录"]]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_character_of_a_name_makes_the_file_unreadable(kind: str) -> None:
    """Every one that XML cannot hold: what controls a terminal, halves of a pair, and the two that are no characters."""
    broken = "".join(map(chr, [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF]))
    assert table(kind, {"title": f"王{broken}某"})[1] == ["王某"]


def test_a_list_of_sixty_thousand_rows_is_exported_whole() -> None:
    """A whole district's: no row is lost in the middle, and none at the end."""
    head, *rows = table("csv", *({"place": f"{n:05d}"} for n in range(60_001)))
    assert head == ["地点"]
    assert [row[0] for row in rows] == [f"{n:05d}" for n in range(60_001)]


def test_a_table_that_is_too_long_for_a_file_says_how_to_have_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Excel: the other form, which holds more, or the list's own filters; nothing is cut without a word."""
    monkeypatch.setitem(tables.MOST, "xlsx", 2)
    two = [{"place": "1"}, {"place": "2"}]
    assert len(table("xlsx", *two)) == 3
    said = r"超过2行，没有导出：请改导 CSV（至多1000000行），或加上筛选条件（.*town.*programme.*）分批导出。"
    with pytest.raises(Refused, match=said) as refused:
        table("xlsx", *two, {"place": "3"})
    assert refused.value.field == "format"


def test_nothing_of_an_excel_file_has_a_name_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that is killed in the middle leaves no names and accounts in the temporary directory, where no erasure would reach them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[int] = []

    def rows() -> Iterator[list[Any]]:
        for number in range(3_000):
            seen.append(len(list(tmp_path.iterdir())))
            yield [f"金丝雀{number}" * 200, number]

    with tempfile.TemporaryFile() as file:
        tables._excel(file, rows())
        file.seek(0)
        sheet = load_workbook(file).active
        assert sheet is not None
        assert sheet.max_row == 3_000
        assert sheet["B3000"].value == 2_999
    assert set(seen) == {0}
