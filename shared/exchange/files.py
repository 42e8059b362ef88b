"""Requests and answers as files (文件交换): for sources that take a list and give a list back.

    <root>/<source>/out/<exchange_id>.csv    查询编号, 身份证号, 姓名    written by us, taken by the source
    <root>/<source>/in/*.csv | *.xlsx        查询编号, 结果, one column a field    written by the source, taken in by us

Resident IDs stand in request files only, for as long as the answer is awaited: directories are 0700, files 0600, and a request is
deleted when its answer has been taken in. Files are written aside and renamed, so nobody ever sees half of one; a source that does
the same, or writes names that begin with a dot until it is done, is never read half way.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.casework.workbook import is_formula
from shared.domain.errors import Refused
from shared.exchange.adapter import AdapterDown, Ask, Broken, Reply, broken, reply_of
from shared.exchange.declared import Source

NUMBER, RESULT = "查询编号", "结果"
MOST_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class AnswerFile:
    """An answer file as read: what it says, and what of it cannot be read. ``digest`` names its content."""

    path: Path
    digest: str
    replies: tuple[Reply, ...]
    broken: tuple[Broken, ...]


class FileAdapter:
    """One source's directories; ``system`` names them where it is not the source's code, ``number`` the column of what is asked by."""

    def __init__(self, root: Path, source: Source, system: str = "", number: str = NUMBER) -> None:
        self.source, self.system, self.number = source, system or source.code, number
        self.out, self.into = root / self.system / "out", root / self.system / "in"

    def send(self, exchange_id: str, asks: Sequence[Ask]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow((self.number, "身份证号", "姓名", *(label for label, _ in asks[0].more)))
        writer.writerows((a.query_no, a.resident_id, _inert(a.name), *(_inert(text) for _, text in a.more)) for a in asks)
        try:
            self._directories()
            aside = self.out / f".{exchange_id}.{os.getpid()}"
            aside.unlink(missing_ok=True)
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(text.getvalue().encode("utf-8-sig"))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.out / f"{exchange_id}.csv")
        except OSError as error:
            raise AdapterDown(f"无法写入查询文件：{type(error).__name__}") from None
        return f"{self.system}/out/{exchange_id}.csv"

    def forget(self, exchange_id: str) -> None:
        """Also of what somebody was writing who died in the middle: it has the same names in it."""
        for path in (self.out / f"{exchange_id}.csv", *self.out.glob(f".{exchange_id}.*")):
            path.unlink(missing_ok=True)

    def collect(self) -> list[AnswerFile]:
        """The answer files that are there, in the order of their names."""
        if not self.into.is_dir():
            return []
        found = sorted(p for p in self.into.iterdir() if p.is_file() and not p.name.startswith(".") and p.suffix in (".csv", ".xlsx"))
        return [self._read(path) for path in found]

    def taken(self, file: AnswerFile) -> None:
        """What the file says is in the log. A file that could not be read at all is kept aside for its sender."""
        if not file.replies and file.broken and file.broken[0].line == 0 and file.path.exists():
            aside = file.path.parent / "unreadable"
            aside.mkdir(mode=0o700, exist_ok=True)
            file.path.replace(aside / f"{file.digest[:16]}{file.path.suffix}")
        else:
            file.path.unlink(missing_ok=True)

    def _directories(self) -> None:
        for directory in (self.out.parent.parent, self.out.parent, self.out, self.into):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)

    def _read(self, path: Path) -> AnswerFile:
        try:
            if path.stat().st_size > MOST_BYTES:
                return AnswerFile(path, hashlib.sha256(path.name.encode()).hexdigest()[:32], (), (Broken(0, "文件过大。"),))
            data = path.read_bytes()
        except FileNotFoundError:  # another worker has taken it
            return AnswerFile(path, "", (), ())
        digest = hashlib.sha256(data).hexdigest()[:32]
        rows = rows_of(data, path.suffix)
        if rows is None:
            return AnswerFile(path, digest, (), (Broken(0, "文件无法读取，须为 UTF-8 或 GB18030 的 CSV，或 .xlsx。"),))
        columns = {str(name or "").strip().lstrip("\ufeff"): n for n, name in enumerate(rows[0])} if rows else {}
        if NUMBER not in columns or RESULT not in columns:
            return AnswerFile(path, digest, (), (Broken(0, f"没有表头“{NUMBER}”和“{RESULT}”。"),))
        replies: list[Reply] = []
        wrong: list[Broken] = []
        for line, cells in enumerate(rows[1:], 2):
            if not any(str(c or "").strip() for c in cells):
                continue
            try:
                replies.append(self._reply(line, columns, cells))
            except Refused as refused:
                wrong.append(broken(line, refused))
        return AnswerFile(path, digest, tuple(replies), tuple(wrong))

    def _reply(self, line: int, columns: dict[str, int], cells: Sequence[Any]) -> Reply:
        def cell(name: str) -> str:
            n = columns.get(name, -1)
            return "" if n < 0 or n >= len(cells) or cells[n] is None else str(cells[n])

        return reply_of(self.source, line, cell(NUMBER), cell(RESULT), {f.name: cell(f.label) for f in self.source.fields})


def _inert(text: str) -> str:
    """What a spreadsheet would take for a formula is made a text."""
    return f"'{text}" if is_formula(text) else text


def rows_of(data: bytes, suffix: str) -> list[list[Any]] | None:
    """The cells of a CSV or Excel file, row by row; None where it cannot be read."""
    return _excel(data) if suffix == ".xlsx" else _csv(data)


def _csv(data: bytes) -> list[list[Any]] | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return [list(row) for row in csv.reader(io.StringIO(data.decode(encoding), newline=""), strict=True)]
        except UnicodeDecodeError:
            continue
        except csv.Error:
            return None
    return None


def _excel(data: bytes) -> list[list[Any]] | None:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        finally:
            book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError):
        return None
