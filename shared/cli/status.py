"""``minzheng status``: how the running house is (运行状况)."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shared.ops import Overview, ProcessState


@click.command("status", context_settings={"help_option_names": ["--help"]})
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 对象，供程序读取")
def command(as_json: bool) -> None:
    """进程是否存活、就绪，转发、投影、封存落后多少，队列和死信有多少。

    没有问到的逐项写明。退出码为 1：没有进程，有进程不在运行或未就绪，有一处落后过久，有消息的队列无人取件，有死信，或有没问到的。
    """
    from shared.config import load
    from shared.ops import collect

    overview = collect(load())
    if as_json:
        click.echo(json.dumps({**_plain(overview), "well": overview.well}, ensure_ascii=False, indent=2))
    else:
        _show(overview)
    raise SystemExit(0 if overview.well else 1)


def _plain(overview: Overview) -> dict[str, Any]:
    return {**dataclasses.asdict(overview), "at": overview.at.isoformat(timespec="seconds")}


def _show(overview: Overview) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="进程", title_justify="left")
    for column in ("名称", "进程号", "状态", "重启", "内存", "说明"):
        table.add_column(column, overflow="fold")
    for process in overview.processes:
        memory = f"{process.memory / 2**20:,.0f} MB" if process.memory is not None else "—"
        table.add_row(process.name, _or(process.pid), _state(process), _or(process.restarts), memory, process.why)
    console.print(table if overview.processes else "没有找到正在运行的进程：请先运行 minzheng up。")

    table = Table(title="滞后", title_justify="left")
    for column in ("", "日志末尾减断点", "最早一件等了", ""):
        table.add_column(column)
    for behind in overview.lags:
        table.add_row(behind.about, f"{behind.positions:,}", f"{behind.seconds:,.1f} 秒", "落后过久" if behind.late else "")
    console.print(table)

    waiting = [queue for queue in overview.queues if queue.messages and not queue.queue.endswith((".dead", ".discarded"))]
    dead = f"{sum(overview.dead_letters.values())} 件" if overview.dead_letters else "没有问到"
    console.print(f"队列 {len(overview.queues)} 个，其中 {len(waiting)} 个有消息等待；死信 {dead}。", highlight=False)
    for queue in sorted(waiting, key=lambda q: -q.messages)[:20]:
        taken = "到时自动送回" if queue.retry else "无人取件" if queue.alone else f"{queue.consumers} 个消费者"
        console.print(f"  {queue.queue}  {queue.messages:,} 条，{taken}", highlight=False)
    for service, count in overview.dead_letters.items():
        if count:
            console.print(f"  {service}.dead  {count:,} 件：minzheng dead-letters --service {service} list", highlight=False)
    for what in overview.unknown:
        console.print(f"没有问到 {what}", highlight=False)


def _state(process: ProcessState) -> str:
    if process.running is False:
        return "没有运行"
    if process.alive is None:
        return "运行"
    if not process.alive:
        return "停住"
    return "就绪" if process.ready else "未就绪"


def _or(value: object) -> str:
    return "—" if value is None else str(value)
