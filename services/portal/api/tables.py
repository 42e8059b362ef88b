"""A list as a table (导出): CSV that a spreadsheet opens as it is, or Excel. No cell is a formula, whatever somebody's name is."""

from __future__ import annotations

import csv
import dataclasses
import io
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

import msgspec
from flask import Response, send_file

from services.portal.api.operations import Operation
from services.portal.web import words
from services.portal.web.shown import cell
from shared.casework import workbook
from shared.casework.workbook import without_control
from shared.domain.errors import Refused

TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_IN_MEMORY = 2 * 1024 * 1024
_LONGEST = 32_000  # characters of a cell in Excel
_NOTHING = "没有符合条件的记录"
MOST = {"csv": 1_000_000, "xlsx": 200_000}  # rows of a file: a whole district's; a sheet ends at 1,048,576, and takes longer to write
_NARROWS = ("division", "town", "programme", "status", "month", "worklist")  # what parts a list that is too long for one file


def download(op: Operation, rows: Iterator[dict[str, Any]], kind: str) -> Response:
    """The whole table, made before it is sent: what goes wrong on the way is told as a problem, never as half a table."""
    file = cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  closed with the answer that it becomes
    try:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
            table = _table(op, cast("IO[bytes]", kept), _keep(cast("IO[bytes]", kept), rows, op, kind))
            (_csv if kind == "csv" else _excel)(file, table)
    except BaseException:
        file.close()
        raise
    size = file.seek(0, 2)
    file.seek(0)
    answer = send_file(file, mimetype=TYPES[kind], as_attachment=True, download_name=f"{op.service}-{op.method}.{kind}", max_age=0)
    answer.content_length = size  # without a length the server ends an empty table twice, which no client can read
    return answer


def _keep(kept: IO[bytes], rows: Iterator[dict[str, Any]], op: Operation, kind: str) -> list[str]:
    """The rows put by, and every field that any of them has: one that the first lacks is a column too."""
    columns: dict[str, None] = {}
    for number, row in enumerate(rows):
        if number >= MOST[kind]:
            raise Refused("invalid_input", _too_many(op, kind), "format")
        columns |= dict.fromkeys(row)
        kept.write(msgspec.json.encode(row) + b"\n")
    kept.seek(0)
    return list(columns)


def _too_many(op: Operation, kind: str) -> str:
    """That nothing was left out without a word, and how to have the rest as well."""
    asked = {f.name for f in dataclasses.fields(op.form)}
    by = "、".join(f"{words.label(name, op.method)} {name}" for name in _NARROWS if name in asked)
    csv_holds = f"改导 CSV（至多{MOST['csv']}行），或" if kind == "xlsx" else ""
    return f"超过{MOST[kind]}行，没有导出：请{csv_holds}加上筛选条件{f'（{by}）' if by else ''}分批导出。"


def _table(op: Operation, kept: IO[bytes], columns: list[str]) -> Iterator[Sequence[Any]]:
    """The head in Chinese, then the rows; where there are none, the head says so."""
    yield [words.label(name, op.method) for name in columns] or [_NOTHING]
    for line in kept:
        row = msgspec.json.decode(line)
        yield [_shown(row.get(name)) for name in columns]


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return cell(without_control(text)[:_LONGEST])


def _csv(file: IO[bytes], table: Iterator[Sequence[Any]]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    csv.writer(text).writerows(table)
    text.detach()


def _excel(file: IO[bytes], table: Iterator[Sequence[Any]]) -> None:
    workbook.write(file, "清单", table)
