"""An Excel file written as it goes (电子表格): a handful of parts in an archive, row by row, into the file that is given and nowhere else.

Written here, because a library that writes large ones puts the sheet by as a file of the system's temporary directory first, with every
name and account in it; after a kill it lies there, and no erasure reaches it. Every text is a text: an account number is no number, and
nothing is a formula.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO
from xml.sax.saxutils import escape

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="{title}" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what Excel's XML cannot hold

Cell = str | int | float


def write(file: IO[bytes], title: str, rows: Iterable[Sequence[Cell]]) -> None:
    """One sheet."""
    from openpyxl.utils import get_column_letter

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _PARTS.items():
            archive.writestr(name, _XML + part.replace("{title}", escape(title)))
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_XML}<worksheet xmlns="{_SHEET}"><sheetData>'.encode())
            for n, row in enumerate(rows, 1):
                cells = "".join(_cell(f"{get_column_letter(column)}{n}", value) for column, value in enumerate(row, 1))
                sheet.write(f'<row r="{n}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width signs begin a formula as well


def is_formula(text: str) -> bool:
    """Whether a spreadsheet that opens a text file would take this for a formula."""
    return text.lstrip(" ").startswith(_FORMULA)


def without_control(text: str) -> str:
    """A text without what an Excel file cannot hold."""
    return _NO_XML.sub("", text)


def _cell(at: str, value: Cell) -> str:
    if isinstance(value, int | float):
        return f'<c r="{at}"><v>{value}</v></c>'
    said = escape(without_control(value))
    return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{said}</t></is></c>' if said else ""
