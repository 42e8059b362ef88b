"""``minzheng standards``: the district's standards, and publishing one with its raise under one's eyes (保障标准)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import click

PATIENCE = 60.0  # seconds without any progress until watching is given up; the run itself goes on


@click.group("standards")
def command() -> None:
    """保障标准：查看、拟定、批准、公布，看着个案逐一复核。

    拟定、批准、公布分开办理：拟定人不得批准，也不得公布。公布后系统自动复核所涉的全部在保个案，补发按月计算；
    中途断电，恢复后接着办，不重不漏。

    \b
    例：
      minzheng standards show
      minzheng standards draft minimum_living_allowance.standard --urban 1380.50 --rural 1290 --from 2023-08-01 --document 民发18号
      minzheng standards approve 1 --token …
      minzheng standards publish 1 --token … --watch
    """


def _options(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--token", default=None, metavar="令牌", help="经办人的令牌；开发模式下可省略（自行签发一枚）。")(function)


@command.command("show")
@click.option("--on", "on", metavar="日期", default=None, help="该日有效的标准；默认今日。")
@_options
def show(on: str | None, token: str | None) -> None:
    """某日有效的各项金额标准，及其文号、来源、城乡差距。"""
    from rich.console import Console
    from rich.table import Table

    with _bureau(token, "auditor") as bureau:
        rows = _told(lambda: bureau.assistance.get_standards(**({"valid_at": _day(on)} if on else {})))
        book = _told(lambda: bureau.assistance.list_standards())
    table = Table(box=None, pad_edge=False)
    for title in ("标准", "金额（元）", "自", "城乡差距（元）", "依据"):
        table.add_column(title)
    for r in rows:
        gap = "" if r["gap_fen"] is None else f"{r['gap_fen'] / 100:.2f}" + ("（已并轨）" if r["merged"] else "")
        note = "（占位，待核定）" if r["placeholder"] else ""
        table.add_row(f"{r['description']} {r['parameter']}", f"{r['amount_fen'] / 100:,.2f}", r["since"], gap, r["reference"] + note)
    console = Console()
    console.print(table)
    names = {"drafted": "拟定", "approved": "已批准", "published": "已公布", "withdrawn": "已撤回"}
    for p in book:
        said = f"{p['number']:>3}  {names[p['status']]}  {p['standard']}  自 {p['effective_from']}  {p['document_no']}"
        console.print(said, highlight=False)


@command.command("draft")
@click.argument("standard", metavar="标准")
@click.option("--urban", metavar="元", help="城市。")
@click.option("--rural", metavar="元", help="农村。")
@click.option("--both", metavar="元", help="城乡同一数值。")
@click.option("--amount", metavar="元", help="不分城乡的标准。")
@click.option("--from", "since", required=True, metavar="日期", help="生效日，某月1日；可在以前（自动补发）。")
@click.option("--document", required=True, metavar="文号", help="依据文号。")
@_options
def draft(
    standard: str, urban: str | None, rural: str | None, both: str | None, amount: str | None, since: str, document: str, token: str | None
) -> None:
    """拟定一项标准，如 minimum_living_allowance.standard。"""
    given = {"urban": urban, "rural": rural, "both": both, "": amount}
    amounts = [{"area": area, "amount_fen": _fen(text)} for area, text in given.items() if text is not None]
    if not amounts:
        raise click.ClickException("请给出金额：--urban、--rural、--both 或 --amount。")
    body = {"standard": standard, "amounts": amounts, "effective_from": _day(since), "document_no": document}
    with _bureau(token, "reviewer") as bureau:
        answer = _told(lambda: bureau.assistance.draft_standard(command_id=str(uuid.uuid4()), **body))
    click.echo(f"已拟定，编号 {answer['number']}。须由另一人批准：minzheng standards approve {answer['number']}")


@command.command("approve")
@click.argument("number", type=int, metavar="编号")
@_options
def approve(number: int, token: str | None) -> None:
    """批准拟定的标准（与拟定不得为同一人）。"""
    with _bureau(token, "approver") as bureau:
        _told(lambda: bureau.assistance.approve_standard(command_id=f"standards:approve:{number}", number=number))
    click.echo(f"已批准。公布：minzheng standards publish {number}")


@command.command("publish")
@click.argument("number", type=int, metavar="编号")
@click.option("--watch", is_flag=True, help="显示复核进度，直到关账。")
@_options
def publish(number: int, watch: bool, token: str | None) -> None:
    """公布已批准的标准；所涉个案随即逐一复核。"""
    with _bureau(token, "approver") as bureau:
        _told(lambda: bureau.assistance.publish_standard(command_id=f"standards:publish:{number}", number=number))
        click.echo("已公布，自生效月起进入规则。")
        if watch:
            follow(bureau, number)


@command.command("withdraw")
@click.argument("number", type=int, metavar="编号")
@click.option("--reason", required=True, metavar="理由")
@click.option("--watch", is_flag=True, help="显示复核进度，直到关账。")
@_options
def withdraw(number: int, reason: str, watch: bool, token: str | None) -> None:
    """撤回：已公布的，所涉个案按撤回后的标准重新复核。"""
    with _bureau(token, "approver") as bureau:
        _told(lambda: bureau.assistance.withdraw_standard(command_id=f"standards:withdraw:{number}", number=number, reason=reason))
        click.echo("已撤回。")
        if watch:
            follow(bureau, number, "withdrawn")


@command.command("run")
@click.argument("number", type=int, metavar="编号")
@click.option("--withdrawn", is_flag=True, help="撤回后的复核，而非公布后的。")
@_options
def run(number: int, withdrawn: bool, token: str | None) -> None:
    """看一个批次的复核进度与结果（可随时再看）。"""
    with _bureau(token, "auditor") as bureau:
        follow(bureau, number, "withdrawn" if withdrawn else "published")


def follow(bureau: Any, number: int, what: str = "published") -> None:
    """A bar until the run is closed, then its sums."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from shared.domain.errors import Refused, Unavailable

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("件"), TimeElapsedColumn())
    seen, last = -1, time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("查找所涉个案", total=None)
        while True:
            try:
                r = bureau.assistance.get_standard_run(number=number, what=what)
            except Unavailable:
                r = None
            except Refused as refused:
                if refused.code != "not_found":
                    raise click.ClickException(refused.message) from None
                r = None
            if r is not None:
                bar.update(task, description="逐件复核", total=r["listed"] or None, completed=r["cases"])
                if r["status"] == "closed":
                    break
                if (now := r["cases"] + r["slices"]) != seen:
                    seen, last = now, time.monotonic()
            if time.monotonic() - last > PATIENCE:
                raise click.ClickException(f"一分钟没有进展；批次并未中止，可再看：minzheng standards run {number}")
            time.sleep(0.3)
    click.echo(report(r))


def report(r: dict[str, Any]) -> str:
    """The sums of a closed run in a few lines."""

    def yuan(fen: int) -> str:
        return f"{fen / 100:,.2f}"

    return (
        f"共 {r['examined']:,} 件，改变 {r['changed']:,} 件：提高 {r['raised']:,}，降低 {r['lowered']:,}，停发 {r['ended']:,}。\n"
        f"所改变的个案月保障金合计 {yuan(r['before_fen'])} → {yuan(r['after_fen'])} 元；补发 {yuan(r['arrears_fen'])} 元，"
        f"多发 {yuan(r['overpaid_fen'])} 元。"
        + (f"\n未能复核、须逐件查看的 {r['failed']:,} 件：{'、'.join(r['failed_cases'])}" if r["failed"] else "")
    )


def _bureau(token: str | None, role: str) -> Any:
    """A connection to the running house. In development each step is signed by a hand of its own, so that four eyes are four."""
    from shared.cli.token import development_token, home_division
    from shared.config import load
    from shared.domain.errors import Refused
    from shared.messaging.client import RpcClient

    settings = load()
    if not settings.amqp_uri:
        raise click.ClickException("没有运行中的系统：请先运行 minzheng up，或设置 AMQP_URI。")
    try:
        given = token or development_token(settings, (role,), home_division(settings), f"staff:{role}", 1)
    except Refused as refused:
        raise click.ClickException(refused.message) from None
    return RpcClient(settings.amqp_uri, given, 15.0)


def _told(call: Callable[[], Any]) -> Any:
    from shared.domain.errors import Refused

    try:
        return call()
    except Refused as refused:
        raise click.ClickException(refused.message) from None


def _fen(text: str) -> int:
    try:
        fen = Decimal(text) * 100
        if fen != fen.to_integral_value() or fen <= 0:
            raise InvalidOperation
    except InvalidOperation:
        raise click.ClickException(f"金额“{text[:20]}”不正确：以元计，至多两位小数。") from None
    return int(fen)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.ClickException(f"日期“{text[:20]}”应写作 YYYY-MM-DD。") from None
