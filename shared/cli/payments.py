"""``minzheng payments``: the bank's files of a payment run, out and in, and how a run stands (发放批次).

The file with accounts is made in this process, on this machine, in the directory given: account numbers travel over no bus. Everything
else goes through the service's doors like a cashier's form.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from shared.config import Settings
    from shared.eventsourcing.orders import Hand

PAUSES = (0.5, 1.0, 2.0, 4.0)  # between tries while the service is away
Call = Callable[..., Any]  # (method, **what is filled in)

STATUS = {
    "open": "编制中",
    "locked": "已锁定，待批准",
    "approved": "已批准，待送发",
    "sending": "送发中",
    "sent": "已送发，待银行回盘",
    "closed": "已关账",
    "cancelled": "已作废",
}
_service = click.option("--service", default="assistance", show_default=True, metavar="服务", help="批次所在的服务。")
_token = click.option("--token", default=None, metavar="令牌", help="发放岗位的令牌；开发模式下可省略。")


@click.group("payments")
def command() -> None:
    """发放批次：生成代发文件，登记银行回盘，查看进度。"""


@command.command("bank-file")
@click.argument("run_id", metavar="批次号")
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="目录", help="文件只写到这个目录（权限 0600）。"
)
@click.option("--format", "formats", type=click.Choice(["csv", "xlsx"]), multiple=True, default=("csv", "xlsx"), help="默认两种都生成。")
@_service
@_token
def bank_file(run_id: str, out: Path, formats: tuple[str, ...], service: str, token: str | None) -> None:
    """生成代发文件；已批准而未送发的批次先送发。

    文件含户名和账号，请按涉密文件保管，用后删除。系统只记录文件的摘要（SHA-256），不保存文件。
    """
    from rich.console import Console

    console = Console(stderr=True)
    settings, token = _ready(service, token)
    with _said(), _office(settings, service) as made:
        hand = _hand(made, service, token)
        status = made.payments.run(run_id).status
        if status in ("approved", "sending"):
            with _bureau(settings, service, token) as call:
                _send(call, run_id, status, console)
        for path in _written(made, hand, run_id, out, formats, console):
            click.echo(f"已生成 {path}")
    run = made.payments.run(run_id)
    count, fen = sum(p.count for p in run.sent), sum(p.total_fen for p in run.sent)
    click.echo(f"{count} 笔，合计 {fen // 100}.{fen % 100:02d} 元；明细SHA-256 {run.file_sha256}")


def _send(call: Call, run_id: str, status: str, console: Console) -> None:
    if status == "approved":
        call("send_payment_run", run_id=run_id, command_id=str(uuid.uuid4()))
    watch(call, run_id, console)


def _written(made: Any, hand: Hand, run_id: str, out: Path, formats: tuple[str, ...], console: Console) -> list[Path]:
    with _bar("写代发文件", console) as bar:
        task = bar.add_task("", total=sum(p.count for p in made.payments.run(run_id).sent))
        found: list[Path] = made.write_bank_file(hand, run_id, out, formats, lambda lines: bar.advance(task, lines))
    return found


@command.command("return")
@click.argument("run_id", metavar="批次号")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="文件")
@_service
@_token
def returned(run_id: str, file: Path, service: str, token: str | None) -> None:
    """登记银行回盘文件（CSV 或 Excel）：须有“序号”“金额(元)”“状态”列，失败、退汇须有“原因”。

    状态为成功、失败或退汇。有错的行逐行报告，其余照常登记；同一文件再次登记不产生任何变化。

    退出码：0 全部登记，2 有未登记的行，1 服务不可用或无权办理。
    """
    from rich.console import Console

    settings, token = _ready(service, token)
    with _said(), _bureau(settings, service, token) as call:
        sys.exit(take_return(call, run_id, file, Console(stderr=True)))


def take_return(call: Call, run_id: str, file: Path, console: Console) -> int:
    """Send the lines of a return file through ``call``; tell every line that was not taken. The exit code."""
    from shared.casework import bank_file

    with _said(), _bar("登记回盘", console) as bar:
        task = bar.add_task("", total=None)
        progress = partial(_on, bar, task)
        found = bank_file.take_return(call, run_id, file.read_bytes(), file.name, progress)
    for problem in found.problems:
        click.echo(f"第{problem.row}行：{problem.reason}")
    said = [f"登记 {found.taken} 行", f"此前已登记 {found.unchanged} 行"]
    said += [f"未登记 {len(found.problems)} 行"] if found.problems else []
    click.echo("，".join(said) + "。")
    if not found.taken and not found.problems:
        click.echo("没有任何变化：这个文件此前已登记。")
    return 2 if found.problems else 0


def _on(bar: Any, task: Any, done: int, of: int) -> None:
    bar.update(task, completed=done, total=of)


@command.command("show")
@click.argument("run_id", metavar="批次号")
@click.option("--wait", is_flag=True, help="编制或送发中的批次：显示进度，直到停下。")
@click.option("--lines", "fate", type=click.Choice(["held", "refused", "failed", "returned"]), help="列出暂缓、拒付、失败或退汇的行。")
@_service
@_token
def show(run_id: str, wait: bool, fate: str | None, service: str, token: str | None) -> None:
    """显示批次：应发、送发、实发、失败、暂缓。"""
    from rich.console import Console

    settings, token = _ready(service, token)
    with _said(), _bureau(settings, service, token) as call:
        if wait:
            watch(call, run_id, Console(stderr=True))
        for line in told(call, run_id, fate):
            click.echo(line)


def told(call: Call, run_id: str, fate: str | None = None) -> list[str]:
    """A run in a few lines, and its lines of one fate by number and reason: no names, no accounts."""
    run = call("get_payment_run", run_id=run_id)
    ends = list(run["outcomes"].values())

    def sums(parts: list[dict[str, Any]], name: str = "") -> str:
        count, fen = (name, f"{name}_fen") if name else ("count", "total_fen")
        return f"{sum(p[count] for p in parts)} 笔 {sum(p[fen] for p in parts) / 100:,.2f} 元"

    nth = f"（补发第{run['round']}批）" if run["round"] else ""
    found = [
        f"{run['programme']} {run['month']} 区划 {run['division']}{nth}：{STATUS.get(run['status'], run['status'])}",
        f"  应发 {sums(run['parts'])}，送发 {sums(run['sent'])}",
        f"  实发 {sums(ends, 'paid')}，失败 {sums(ends, 'failed')}，暂缓 {sums(ends, 'held')}（已了结 {len(ends)}/{len(run['parts'])} 段）",
    ]
    if run["file_sha256"]:
        found.append(f"  代发文件明细SHA-256 {run['file_sha256']}")
    after = 0
    while fate:
        some = call("list_payment_lines", run_id=run_id, status=fate, after=after, limit=500)
        found += [f"  序号{x['line_no']} 个案 {x['case_id']} {x['amount_fen'] / 100:,.2f} 元：{x['reason']}" for x in some]
        if len(some) < 500:
            break
        after = some[-1]["line_no"]
    return found


def watch(call: Call, run_id: str, console: Console) -> None:
    """A progress bar while the run lists or sends itself."""
    run = call("get_payment_run", run_id=run_id)
    if run["status"] not in ("open", "sending", "approved"):
        return
    with _bar("编制名单" if run["status"] == "open" else "逐行送发", console) as bar:
        task = bar.add_task("", total=None if run["status"] == "open" else len(run["parts"]))
        while run["status"] in ("open", "sending"):
            bar.update(task, completed=len(run["parts"] if run["status"] == "open" else run["sent"]))
            time.sleep(0.5)
            run = call("get_payment_run", run_id=run_id)


# -- inside


def _bar(title: str, console: Console) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), console=console)


class _said:
    """Refusals are told in one line."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        from shared.domain.errors import Refused

        if isinstance(error, Refused):
            raise click.ClickException(error.message) from None


def _ready(service: str, token: str | None) -> tuple[Settings, str]:
    from shared.cli.processes import SERVICES
    from shared.cli.token import development_token
    from shared.config import load
    from shared.domain.errors import Refused

    if service not in SERVICES:
        raise click.ClickException(f"没有服务 {service}。现有：{'、'.join(SERVICES)}。")
    settings = load()
    try:
        return settings, token or development_token(settings, ("cashier",), "", "staff:payments", 8)
    except Refused as refused:
        raise click.ClickException(refused.message) from None


class _office:
    """The service with its office in this process: for what must not travel."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.settings, self.service = settings, service

    def __enter__(self) -> Any:
        from shared.office import Office

        self.made = import_module(f"services.{self.service}.service").SERVICE()
        if not hasattr(self.made, "write_bank_file"):
            raise click.ClickException(f"服务 {self.service} 不发放津贴。")
        self.made.office = Office(self.settings, self.service)
        return self.made

    def __exit__(self, *_: object) -> None:
        pass  # the process ends with the command


def _hand(made: Any, service: str, token: str) -> Hand:
    from shared.domain.errors import Unavailable
    from shared.security.permissions import permit

    if made.office.verifier is None:
        raise Unavailable("系统未配置令牌公钥，无法办理。")
    hand: Hand = made.office.verifier.hand(token)
    permit(hand, f"{service}:pay")
    return hand


class _bureau:
    """Calls the service's doors; tries again while it is away, with the same command id."""

    def __init__(self, settings: Settings, service: str, token: str) -> None:
        from shared.messaging.client import RpcClient

        if not settings.amqp_uri:
            raise click.ClickException("没有运行中的系统：请先运行 minzheng up，或设置 AMQP_URI。")
        self.client, self.service = RpcClient(settings.amqp_uri, token, 15.0), service

    def __enter__(self) -> Call:
        self.client.__enter__()
        return self.call

    def __exit__(self, *why: Any) -> None:
        self.client.__exit__(*why)

    def call(self, method: str, **body: Any) -> Any:
        from shared.domain.errors import Unavailable

        door = getattr(getattr(self.client, self.service), method)
        for pause in PAUSES:
            try:
                return door(**body)
            except Unavailable:
                time.sleep(pause)
        return door(**body)
