"""The bank's files (代发文件与回盘文件): what a run gives the bank to pay, and what the bank answers. CSV and Excel.

Out: a head of what the file is (run, month, count, total, SHA-256 over its lines), a row of column names, one line a payment. It
holds names and accounts, so it is written for its owner only (mode 0600), in the directory given, and nowhere else; what is written on
the way to it has no name there, so that nothing is left of a process that is killed.
In: the same file with 状态 and 原因 filled in, or any table with the columns 序号, 金额(元), 状态, 原因. Every bad line is told.

No text of ours is a formula when a spreadsheet opens the file: what could begin one gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal, cast

from shared.casework import workbook
from shared.casework.cells import rows_of
from shared.casework.payment_part import LineResult
from shared.casework.payment_run import CHUNK
from shared.domain.errors import invalid
from shared.eventsourcing.orders import derived_id

NO, CASE, PAYEE, HOLDER, BANK, ACCOUNT, YUAN, MONTH, PROGRAMME = (
    "序号", "个案编号", "领款人编号", "户名", "开户行行号", "账号", "金额(元)", "月份", "项目",
)  # fmt: skip
STATUS, REASON = "状态", "原因"
COLUMNS = (NO, CASE, PAYEE, HOLDER, BANK, ACCOUNT, YUAN, MONTH, PROGRAMME, STATUS, REASON)
RUN, SHEET = "批次号", "代发明细"
FORMATS = ("csv", "xlsx")
HEADER_WITHIN = 20  # rows above the column names
OUTCOMES: dict[str, Literal["paid", "failed", "returned"]] = {
    "成功": "paid",
    "交易成功": "paid",
    "失败": "failed",
    "交易失败": "failed",
    "退汇": "returned",
    "退票": "returned",
}
MOST_LINES = 500_000


@dataclass(frozen=True)
class Header:
    run_id: str
    programme: str
    month: str
    count: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class BankRow:
    """One payment. ``holder`` and ``account`` are personal, and open."""

    no: int
    case_id: str
    payee_id: str
    holder: str
    bank_code: str
    account: str
    amount_fen: int
    month: str
    programme: str

    def cells(self) -> tuple[str, ...]:
        texts = (self.case_id, self.payee_id, self.holder, self.bank_code, self.account)
        return (str(self.no), *map(harmless, texts), yuan(self.amount_fen), harmless(self.month), harmless(self.programme), "", "")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    flat = " ".join(text.split())
    return f"'{flat}" if workbook.is_formula(text) or workbook.is_formula(flat) else flat


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def head(header: Header, sha256: str) -> list[tuple[str, str]]:
    return [
        (RUN, header.run_id),
        (PROGRAMME, harmless(header.programme)),
        (MONTH, header.month),
        ("笔数", str(header.count)),
        ("金额合计(元)", yuan(header.total_fen)),
        ("明细SHA-256", sha256),
    ]


@dataclass(frozen=True)
class Body:
    """The lines as CSV in a file without a name. ``sha256`` is over these bytes, so it is the same for every format, and again whenever
    the file is made."""

    file: IO[bytes]
    sha256: str
    count: int
    total_fen: int


@contextmanager
def body(out: Path, rows: Iterable[BankRow]) -> Iterator[Body]:
    """Write the lines once, on the disk of ``out``; they are gone when the block ends. However many there are, they take little memory."""
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    found, count, total = hashlib.sha256(), 0, 0
    with nameless(out) as file:
        for row in rows:
            line = _line(row.cells()).encode()
            file.write(line)
            found.update(line)
            count, total = count + 1, total + row.amount_fen
        yield Body(file, found.hexdigest(), count, total)


def nameless(out: Path) -> IO[bytes]:
    """A file on the disk of a directory that stands in none: for its writer only, and gone with it."""
    return cast("IO[bytes]", tempfile.TemporaryFile(dir=out))


def check_format(kind: str) -> None:
    if kind not in FORMATS:
        raise invalid("文件格式须为 csv 或 xlsx。", "format")


def name_of(header: Header, kind: str) -> str:
    return f"代发_{header.programme}_{header.month}_{header.run_id[:8]}.{kind}"


def write(out: Path, header: Header, lines: Body, kind: str) -> Path:
    """Write the file whole or not at all, in a directory; its path. Refuses lines that do not add up to the head."""
    check_format(kind)
    path = out / name_of(header, kind)
    with _whole(path) as file:
        fill(file, header, lines, kind)
    return path


def fill(file: IO[bytes], header: Header, lines: Body, kind: str) -> None:
    """The same into a file that is open."""
    check_format(kind)
    if (lines.count, lines.total_fen) != (header.count, header.total_fen):
        raise invalid("名单与批次的笔数或金额不符，未生成文件。", "count")
    lines.file.seek(0)
    if kind == "csv":
        file.write("\ufeff".encode())  # so that Excel reads it as UTF-8
        for row in (*head(header, lines.sha256), COLUMNS):
            file.write(_line(row).encode())
        shutil.copyfileobj(lines.file, file)
        return
    text = io.TextIOWrapper(lines.file, encoding="utf-8", newline="")
    try:
        workbook.write(file, SHEET, chain([*head(header, lines.sha256), COLUMNS], csv.reader(text)))
    finally:
        text.detach()  # the lines may be wanted once more


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner only, under another name until it is whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


# -- erased persons ------------------------------------------------------------------------------------------------------

GONE = "删除个人信息笔数"


def without(path: Path, erased: Container[str], gone: str) -> int | None:
    """Write a bank's file anew without holders and accounts of erased persons (by 领款人编号), ``gone`` in their place; how many lines, or
    None for a file that is none of ours. The head says how many; its SHA-256 is that of the lines as they were sent."""
    rows = _rows_of(path)
    at = next((n for n, row in enumerate(rows[:HEADER_WITHIN]) if {PAYEE, HOLDER, ACCOUNT} <= set(row)), None)
    if at is None:
        return None
    payee, hidden = rows[at].index(PAYEE), [rows[at].index(name) for name in (HOLDER, ACCOUNT)]
    count = 0
    for row in rows[at + 1 :]:
        if len(row) > max(payee, *hidden) and row[payee] in erased and any(row[n] != gone for n in hidden):
            count += 1
            for n in hidden:
                row[n] = gone
    if count:
        head = [row for row in rows[:at] if row[:1] != [GONE]]
        before = sum(int(row[1]) for row in rows[:at] if row[:1] == [GONE])
        with _whole(path) as file:
            top = [*head, [GONE, str(before + count)], rows[at]]
            if path.suffix.lower() == ".csv":
                file.write("\ufeff".encode() + "".join(map(_line, [*top, *rows[at + 1 :]])).encode())
            else:
                workbook.write(file, SHEET, [*top, *rows[at + 1 :]])
    return count


def _rows_of(path: Path) -> list[list[str]]:
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [list(row) for row in csv.reader(file)]
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True)
    try:
        return [["" if cell is None else str(cell) for cell in row] for row in book.worksheets[0].iter_rows(values_only=True)]
    finally:
        book.close()


# -- the bank's answer ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BadLine:
    """A line of the file that cannot be read, by its row in the file."""

    row: int
    reason: str


@dataclass
class Answered:
    """What a return file says: ``run_id`` as its head names it, "" when it has none."""

    run_id: str = ""
    lines: list[LineResult] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)  # line number -> row of the file
    problems: list[BadLine] = field(default_factory=list)


@dataclass
class TakenIn:
    """What came of a return file: lines that were taken, lines that had been before, and what is wrong, by the row of the file."""

    taken: int = 0
    unchanged: int = 0
    problems: list[BadLine] = field(default_factory=list)


def take_return(
    call: Callable[..., Any], run_id: str, data: bytes, name: str, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> TakenIn:
    """Hand a return file in, a part's worth of lines at once, through ``call(method, **form)``. The same file is the same commands."""
    read = parse_return(rows_of(data, name))
    if read.run_id and read.run_id != run_id:
        raise invalid("这是另一个批次的回盘文件，不是本批次的。", "file")
    source = hashlib.sha256(data).hexdigest()
    found = TakenIn(problems=list(read.problems))
    for n in range(0, len(read.lines), CHUNK):
        some = read.lines[n : n + CHUNK]
        lines = [{"line_no": x.line_no, "outcome": x.outcome, "amount_fen": x.amount_fen, "reason": x.reason} for x in some]
        asked = {"run_id": run_id, "lines": lines, "source": source}
        done = call("record_payment_returns", command_id=derived_id("return", run_id, source, f"{n}+{CHUNK}"), **asked)
        found.taken, found.unchanged = found.taken + done["taken"], found.unchanged + done["unchanged"]
        found.problems += [BadLine(read.rows.get(p["line_no"], 0), f"序号{p['line_no']}：{p['reason']}") for p in done["problems"]]
        progress(n + len(some), len(read.lines))
    found.problems.sort(key=lambda p: (p.row, p.reason))
    return found


def parse_return(rows: Iterable[tuple[int, list[Any]]]) -> Answered:
    """Read rows of cells, each with its number in the file; refuses a file without the columns."""
    found = Answered()
    where: dict[str, int] = {}
    for n, (number, cells) in enumerate(rows):
        texts = [_text(cell) for cell in cells]
        if not where:
            if NO in texts and STATUS in texts:
                where = {column: texts.index(column) for column in (NO, YUAN, STATUS, REASON, HOLDER, ACCOUNT) if column in texts}
                if YUAN not in where:
                    raise invalid(f"回盘文件缺少“{YUAN}”列。", "file")
            elif texts[:1] == [RUN]:
                found.run_id = texts[1] if len(texts) > 1 else ""
            elif n >= HEADER_WITHIN:
                break
            continue
        if not any(texts):
            continue
        if len(found.lines) + len(found.problems) >= MOST_LINES:
            raise invalid(f"回盘文件超过{MOST_LINES}行。", "file")
        _read(found, number, {column: texts[at] if at < len(texts) else "" for column, at in where.items()})
    if not where:
        raise invalid(f"回盘文件须有“{NO}”“{YUAN}”“{STATUS}”列。", "file")
    return found


def _read(found: Answered, number: int, row: dict[str, str]) -> None:
    no, status, reason = row[NO], row[STATUS], row.get(REASON, "")
    if not re.fullmatch(r"[0-9]{1,7}", no):
        found.problems.append(BadLine(number, "序号不是数字。"))
        return
    if not status:
        found.problems.append(BadLine(number, f"序号{no}没有状态。"))
        return
    if status not in OUTCOMES:
        found.problems.append(BadLine(number, f"序号{no}的状态须为“成功”“失败”或“退汇”。"))
        return
    try:
        fen = _fen(row[YUAN])
    except ValueError:
        found.problems.append(BadLine(number, f"序号{no}的金额格式不正确。"))
        return
    if int(no) in found.rows:
        found.problems.append(BadLine(number, f"序号{no}在文件中出现两次。"))
        return
    for personal in (row.get(HOLDER, ""), row.get(ACCOUNT, "")):
        reason = reason.replace(personal, "＊") if personal else reason
    found.rows[int(no)] = number
    found.lines.append(LineResult(int(no), OUTCOMES[status], fen, "" if OUTCOMES[status] == "paid" else reason))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    return unicodedata.normalize("NFKC", str(cell)).strip().strip("'\u200b\ufeff").strip()


def _fen(text: str) -> int:
    """Yuan as fen; ValueError for what is no amount to the fen."""
    raw = re.sub(r"[,\s¥元]", "", text)
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,4})?", raw):
        raise ValueError
    try:
        exact = Decimal(raw) * 100
    except InvalidOperation:
        raise ValueError from None
    if exact != exact.to_integral_value():
        raise ValueError
    return int(exact)
