"""Files of cells as people really send them: read alike at the desk and at the command line, or refused in words, never a fault."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import openpyxl
import pytest

from shared.casework import bank_file, cells
from shared.domain.errors import Refused

HEAD = "序号,金额(元),状态,原因"
SHEET = "xl/worksheets/sheet1.xml"


def book(*rows: list[str]) -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    sheet = made.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    made.save(out)
    return out.getvalue()


def parts(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """An Excel file with its parts changed or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = change(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
    return out.getvalue()


GOOD = book(HEAD.split(","), ["1", "50.00", "成功", ""])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_end_anywhere(end: str) -> None:
    """Also with the lone carriage return of old machines: each line is a line."""
    data = end.join([HEAD, "1,50.00,成功,", "2,60.00,失败,账户已销户", ""]).encode()
    read = bank_file.parse_return(cells.rows_of(data, "回盘.CSV"))
    assert [(x.line_no, x.outcome, x.amount_fen) for x in read.lines] == [(1, "paid", 5000), (2, "failed", 6000)]
    assert read.problems == []


def test_excel_is_read_by_what_stands_in_it() -> None:
    """Not by the size it says it has: a sheet of two rows that claims a million by sixteen thousand is two rows."""
    claims = parts(GOOD, lambda name, part: part.replace(b'ref="A1:D2"', b'ref="A1:XFD1048576"') if name == SHEET else part)
    assert claims != GOOD
    for data in (GOOD, claims):
        rows = list(cells.rows_of(data, "回盘.xlsx"))
        assert [n for n, _ in rows] == [1, 2]
        assert max(len(row) for _, row in rows) == 4
        assert [x.amount_fen for x in bank_file.parse_return(iter(rows)).lines] == [5000]


BROKEN = {
    "a field longer than any": ("x.csv", f"{HEAD}\n1,{'9' * 200_000},成功,\n".encode()),
    "neither encoding": ("x.csv", b"\xff\xfe\x00\x01\xff"),
    "excel named csv": ("x.csv", GOOD),
    "no archive": ("x.xlsx", b"not a zip"),
    "cut off": ("x.xlsx", GOOD[: len(GOOD) // 2]),
    "an archive of something else": ("x.xlsx", parts(GOOD, lambda name, part: None if name.startswith("[Content") else part)),
    "no sheet": ("x.xlsx", parts(GOOD, lambda name, part: None if name == SHEET else part)),
    "a sheet that ends in the middle": ("x.xlsx", parts(GOOD, lambda name, part: part[:-40] if name == SHEET else part)),
    "a row numbered beyond any sheet": (
        "x.xlsx",
        parts(GOOD, lambda name, part: part.replace(b'r="2"', b'r="999999999999"', 1) if name == SHEET else part),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_refused_in_words(name: str) -> None:
    """However it breaks, and where: one refusal at the field of the file."""
    called, data = BROKEN[name]
    with pytest.raises(Refused) as refused:
        bank_file.parse_return(cells.rows_of(data, called))
    assert (refused.value.code, refused.value.field) == ("invalid_input", "file")


def test_an_archive_that_unpacks_to_more_than_any_file_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what its directory says, before anything of it is opened."""
    monkeypatch.setattr(cells, "MOST_UNPACKED", 1000)
    with pytest.raises(cells.Unreadable, match="过大"):
        list(cells.rows_of(GOOD, "x.xlsx"))
