"""发放: the runs of a month and those that are not closed, accounts that wait for a second hand, the bank's file and the bank's answer.

The bank's file is made in this process, which has the log, the vault and the rows at hand: accounts travel over no bus. It stands in no
directory, neither here nor at the command line's (``shared/casework/bank_file.py``), so a process that dies leaves none behind.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Blueprint, Response, render_template, request, send_file

from services.portal.api.tables import TYPES
from services.portal.desk import things
from services.portal.desk.lists import every
from services.portal.desk.view import ask, door, may, reading, today
from services.portal.web import words
from services.portal.web.asked import whole
from services.portal.web.identity import logged_in, who
from services.portal.web.portal import here as portal
from shared.casework import bank_file
from shared.domain import dates
from shared.domain.errors import Refused, invalid

LINES = 100  # on one page
UNCLOSED = ("open", "locked", "approved", "sending", "sent")


@logged_in
def runs(service: str) -> Any:
    """发放批次：一个月的全部批次，其他月份尚未关账的；待确认的收款账户。"""
    door(service, "list_payment_runs", "query")
    month = dates.check_month(request.args.get("month", "").strip() or dates.month_of(today()))
    unclosed = (run for status in UNCLOSED for run in every(service, "list_payment_runs", status=status))
    accounts = every(service, "list_payee_accounts", status="proposed") if may(service, "confirm_payee_account") else ()
    return render_template(
        "desk/payments.html",
        service=service,
        month=month,
        before=dates.add_months(month, -1),
        behind=dates.add_months(month, 1),
        unclosed=_sorted(run for run in unclosed if run["month"] != month),
        runs=_sorted(every(service, "list_payment_runs", month=month)),
        accounts=list(accounts),
        services=[(s, words.SERVICES.get(s, s)) for s in reading() if may(s, "list_payment_runs")],
    )


def _sorted(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest month first; of a month by programme, division and round."""
    by_programme = sorted(found, key=lambda run: (run["programme"], run["division"], run["round"]))
    return sorted(by_programme, key=lambda run: str(run["month"]), reverse=True)


def lines(service: str, run_id: str) -> tuple[list[dict[str, Any]], int]:
    """The lines of a run as its page's address says (``?lines=`` a fate, ``?after=`` a number), and after which the next page goes on."""
    asked = {"status": request.args.get("lines") or None, "after": whole(request.args.get("after", "")) or 0}
    found = ask(service, "list_payment_lines", run_id=run_id, limit=LINES + 1, **asked)
    return found[:LINES], found[LINES - 1]["line_no"] if len(found) > LINES else 0


@logged_in
def bank_file_made(service: str, key: str) -> Response:
    """代发文件（CSV 或 Excel）：已送发的批次；含户名和账号，每次生成及所涉领款人的查阅均记入事件日志。"""
    door(service, "send_payment_run", "command")
    kind = request.form.get("format", "")
    bank_file.check_format(kind)
    made = importlib.import_module(f"services.{service}.service").SERVICE()
    if not hasattr(made, "bank_lines"):
        raise Refused("not_found", "此服务不发放津贴。", None)
    made.office = portal().office(service)
    folder = portal().settings.var / "run"
    with made.bank_lines(who().hand, key, folder, (kind,)) as (header, lines):
        file = bank_file.nameless(folder)
        try:
            bank_file.fill(file, header, lines, kind)
            size = file.tell()
            file.seek(0)
            name = bank_file.name_of(header, kind)
            answer = send_file(file, mimetype=TYPES[kind], as_attachment=True, download_name=name, max_age=0)
        except BaseException:
            file.close()
            raise
    answer.content_length = size
    answer.headers["Cache-Control"] = "no-store"
    return answer


@logged_in
def returned(service: str, key: str) -> Any:
    """登记银行回盘文件（CSV 或 Excel）：不能登记的行逐行说明，其余照常登记；同一文件再次登记不产生变化。"""
    door(service, "record_payment_returns", "command")
    file = request.files.get("file")
    data = file.read() if file is not None else b""
    if not data or file is None:
        raise invalid("请选择回盘文件。", "file")
    found = bank_file.take_return(partial(ask, service), key, data, file.filename or "")
    return render_template("desk/returned.html", service=service, key=key, found=found, back=things.address(service, "payment_run", key))


def add(pages: Blueprint) -> None:
    pages.get("/<service>/payments")(runs)
    pages.post("/<service>/payments/<key>/bank-file")(bank_file_made)
    pages.post("/<service>/payments/<key>/returned")(returned)
