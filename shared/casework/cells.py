"""Rows of cells (表格文件) out of a file that somebody chose: CSV as bureaus and banks write it, or Excel. One reader for every door.

Whatever is wrong with the file, and however it breaks (a quote that is not closed, an archive that is cut off, a sheet that is no XML),
is one refusal in words; nothing of the file's content stands in it.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from shared.domain.errors import Refused

Row = tuple[int, list[Any]]  # with its number in the file
EXCEL = (".xlsx", ".xlsm")
MOST_ROWS = 1_048_576
MOST_UNPACKED = 512 * 1024 * 1024  # bytes of an Excel file's parts: half a million lines take some 350 MB


class Unreadable(Refused):
    """The file as a whole cannot be read; the message is for whoever chose it."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid_input", message, "file")


def rows_of(data: bytes, name: str) -> Iterator[Row]:
    """The rows of a file by what its name says it is, read as they are asked for; Unreadable, possibly in the middle."""
    return _excel(data) if name.lower().endswith(EXCEL) else _csv(data)


def _csv(data: bytes) -> Iterator[Row]:
    if data[:4] == b"PK\x03\x04" or data[:4] == b"\xd0\xcf\x11\xe0":
        raise Unreadable("这是 Excel 文件，请以 .xlsx 为扩展名（旧的 .xls 请另存为 .xlsx）。")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            content = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Unreadable("文件既不是 UTF-8 也不是 GB18030 编码。")
    first = content[: content.find("\n")] if "\n" in content else content
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable(f"第{begins}行附近的引号或内容不完整，无法读取。") from None
        yield begins, list(cells)
        begins = reader.line_num + 1


def _excel(data: bytes) -> Iterator[Row]:
    import openpyxl

    try:
        if sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist()) > MOST_UNPACKED:
            raise Unreadable("这个 Excel 文件解压后过大，请拆分，或另存为 CSV。")
        book = _quietly(lambda: openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True))
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its size may be anything, and every row would be filled up to it
            rows = sheet.iter_rows(values_only=True)
            number = 0
            while (cells := _quietly(lambda: next(rows, None))) is not None:
                number += 1
                if number > MOST_ROWS:  # a row says its own number, and openpyxl makes up those before it
                    raise Unreadable("这个 Excel 文件的行数超出了 Excel 自身的上限。")
                yield number, list(cells)
        finally:
            book.close()
    except Unreadable:
        raise
    except Exception as error:  # the archive, its XML and what openpyxl makes of them break in many ways, some at the last row
        raise Unreadable("不是可以读取的 Excel 文件（.xlsx）。") from error


def _quietly(read: Callable[[], Any]) -> Any:
    """Without the warnings about styles, extensions and dates that do not matter here; some of them quote a cell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read()
