"""发放: runs with what went in and what came of it, accounts that wait for a second hand, and the bank's answer as the file it is.

The bank's file itself is made by the command line on the bureau's own machine (``minzheng payments bank-file``): it holds accounts, and
none of them goes through a page.
"""

from __future__ import annotations

import csv
import hashlib
import io
import uuid
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, render_template, request

from services.portal.desk import things
from services.portal.desk.view import ask, door, may, reading
from services.portal.web import words
from services.portal.web.identity import logged_in
from shared.casework import bank_file
from shared.domain.errors import invalid

AT_ONCE = 400  # lines of a return file in one call


@logged_in
def runs(service: str) -> Any:
    """发放批次：应发、送发、实发、失败、暂缓；待确认的收款账户。"""
    door(service, "list_payment_runs", "query")
    status = request.args.get("status") or None
    found = sorted(ask(service, "list_payment_runs", status=status, limit=500), key=lambda r: (r["month"], r["round"]), reverse=True)
    accounts = ask(service, "list_payee_accounts", "casework", status="proposed") if may(service, "confirm_payee_account") else []
    services = [(s, words.SERVICES.get(s, s)) for s in reading() if may(s, "list_payment_runs")]
    return render_template("desk/payments.html", service=service, runs=found, accounts=accounts, services=services, status=status)


@logged_in
def returned(service: str, key: str) -> Any:
    """登记银行回盘文件（CSV 或 Excel）：不能登记的行逐行说明，其余照常登记；同一文件再次登记不产生变化。"""
    door(service, "record_payment_returns", "command")
    file = request.files.get("file")
    raw = file.read() if file is not None else b""
    if not raw or file is None:
        raise invalid("请选择回盘文件。", "file")
    read = bank_file.parse_return(_cells(raw, file.filename or ""))
    if read.run_id and read.run_id != key:
        raise invalid("这是另一个批次的回盘文件。", "file")
    source = hashlib.sha256(raw).hexdigest()
    problems = [(p.row, p.reason) for p in read.problems]
    taken = unchanged = 0
    for n in range(0, len(read.lines), AT_ONCE):
        lines = [
            {"line_no": x.line_no, "outcome": x.outcome, "amount_fen": x.amount_fen, "reason": x.reason}
            for x in read.lines[n : n + AT_ONCE]
        ]
        # The file's own hash and place make the command's id: the same file twice is the same command.
        command_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key}:{source}:{n}"))
        answer = ask(service, "record_payment_returns", command_id=command_id, run_id=key, lines=lines, source=source)
        taken, unchanged = taken + answer["taken"], unchanged + answer["unchanged"]
        problems += [(read.rows.get(p["line_no"], 0), f"序号{p['line_no']}：{p['reason']}") for p in answer["problems"]]
    return render_template(
        "desk/returned.html", service=service, key=key, taken=taken, unchanged=unchanged, problems=sorted(problems),
        back=things.address(service, "payment_run", key),
    )  # fmt: skip


def _cells(raw: bytes, name: str) -> Iterator[tuple[int, list[Any]]]:
    """Rows of cells with their numbers in the file."""
    if name.lower().endswith((".xlsx", ".xlsm")):
        from openpyxl import load_workbook

        try:
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        except Exception:  # whatever a broken archive raises
            raise invalid("无法读取这个 Excel 文件。", "file") from None
        for n, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield n, list(row)
        return
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise invalid("文件须为 UTF-8 或 GB18030 编码。", "file")
    yield from enumerate(csv.reader(io.StringIO(text)), 1)


def add(pages: Blueprint) -> None:
    pages.get("/<service>/payments")(runs)
    pages.post("/<service>/payments/<key>/returned")(returned)
