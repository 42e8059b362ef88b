"""``minzheng bench``: how fast, beside how fast it could be (测量); and ``bench chaos``, whether anything is lost when processes die."""

from __future__ import annotations

import contextlib
import gc
import json
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.parts import Row

CHAOS = "chaos"


@click.command("bench", context_settings={"help_option_names": ["--help"]})
@click.argument("works", nargs=-1, metavar="[项目…]")
@click.option("--quick", is_flag=True, help="规模小、轮数少，一两分钟看个大概。")
@click.option("--json", "as_json", is_flag=True, help="只输出 JSON（与 var/bench.json 内容相同）。")
@click.option("--rounds", type=click.IntRange(1, 10_000), default=1, show_default=True, help="chaos：每轮把每个进程各杀一次。")
@click.option("--seed", type=int, default=None, help="chaos：随机种子；不给则任取一个并显示出来。")
def command(works: tuple[str, ...], quick: bool, as_json: bool, rounds: int, seed: int | None) -> None:
    """速度测量。每一项都与同一次运行、同一台机器上测得的上限交替进行，取各轮中位数，给出比值。

    \b
    项目（不写则全部）：
      rpc         RPC 指令（令牌、校验、读取、决定、追加），对只做一次追加的 nameko RPC
      relay       转发两万个积压事件，对同窗口、同大小的 pika
      projection  重建读模型，对只读不算的 read_all
      reaction    从一个服务的追加到另一服务反应的追加，对 nameko 发布加一次追加
      appends     内嵌日志追加，对不落盘的同一服务器
      rules       按规则复核十万户，对同一公式的 numpy
      growth      日志从一万到一百万个事件，每事件成本是否增长
      district    十万户、百万个事件：每秒 60 个指令、100 个查询时的延迟，一次复核的时间
      payments    十万人的发放批次：编制、锁定、送发、代发文件、回盘、关账
      standards   提标：十万户按新标准逐户复核
      decisions   决定重算：每秒重算多少个已记录的决定
      proofs      百万个事件的日志：逐字节核验全部，离线核验一份回执，证明的长短
      api         接口（HTTP）比 RPC 多出的时间：指令、查询
      pages       公开页面：十万名在保，每秒 200 次；给出 DATABASE_URL 时读模型在 PostgreSQL 中
      soak        十分钟持续负载后进程的内存
      chaos       不测速度：加载时逐个、随机 kill -9 各进程，最后逐笔对账

    \b
    例：
      minzheng bench --quick
      minzheng bench rpc relay
      minzheng bench chaos --rounds 20 --seed 7

    全部在临时目录和空闲端口上进行，不碰正在运行的系统，结束后不留进程。机器上别的负载会同时影响两边；
    比值比绝对数可靠。如何读表，见 docs/benchmarks.md。有一项未达到时退出码为 1。
    """
    from bench.works import WORKS

    unknown = [w for w in works if w not in WORKS and w != CHAOS]
    if unknown:
        raise click.ClickException(f"没有项目 {'、'.join(unknown)}；可用的有：{'、'.join([*WORKS, CHAOS])}。")
    warnings.simplefilter("ignore", DeprecationWarning)  # eventlet's, at every import; docs/adr says why it is used all the same
    if CHAOS in works:
        if len(works) > 1:
            raise click.ClickException("chaos 须单独运行。")
        _chaos(rounds, random.SystemRandom().randrange(1_000_000) if seed is None else seed, as_json)
        return
    rows = _measure(works or tuple(WORKS), quick, as_json)
    told = json.dumps([row.as_dict() for row in rows], ensure_ascii=False, indent=2)
    _write(told)
    if as_json:
        click.echo(told)
    else:
        _show(rows)
    if not all(row.met for row in rows):
        sys.exit(1)


def _measure(works: tuple[str, ...], quick: bool, quiet: bool) -> list[Row]:
    from rich.console import Console

    from bench.parts import Parts
    from bench.works import FULL, QUICK, WORKS

    console = Console(stderr=True, quiet=quiet)
    rows = []
    for n, name in enumerate(works, 1):
        title, measure = WORKS[name]
        with console.status(f"({n}/{len(works)}) {title}……") as status, _directory() as var, Parts(var) as parts:
            gc.collect()
            rows += measure(parts, QUICK if quick else FULL, lambda line: status.update(f"({n}/{len(works)}) {title}：{line}"))  # noqa: B023
        console.print(f"({n}/{len(works)}) {title}：已测完", style="dim")
    return rows


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="minzheng-bench-") as found:
        yield Path(found)


def _write(told: str) -> None:
    from shared import config

    var = config.load().var
    var.mkdir(parents=True, exist_ok=True)
    (var / "bench.json").write_text(told + "\n", encoding="utf-8")


def _show(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="速度：我们的，与同一次运行中测得的上限")
    table.add_column("项目", min_width=30)
    for column in ("我们的", "上限", "单位", "比值", "要求"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        verdict = "[green]达到[/green]" if row.met else "[red]未达到[/red]"
        table.add_row(row.work, _figure(row.ours), _figure(row.limit), row.unit, f"{row.ratio:.2f}", row.wanted, verdict)
    console = Console()
    console.print(table)
    console.print("上限是什么、比值怎样读：docs/benchmarks.md。", style="dim")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _chaos(rounds: int, seed: int, as_json: bool) -> None:
    import dataclasses

    from bench import chaos

    def say(line: str) -> None:
        click.echo(line, err=True)

    with _directory() as var:
        try:
            result = chaos.run(var, seed=seed, rounds=rounds, say=say)
        except chaos.Broken as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(result), ensure_ascii=False, indent=2))
        return
    killed = "、".join(f"{name} {n} 次" for name, n in sorted(result.kills.items()))
    click.echo(f"全部相符（种子 {result.seed}，{result.rounds} 轮，{result.seconds:.0f} 秒）。")
    click.echo(f"  kill -9：{killed}")
    click.echo(f"  指令 {result.commands} 个，其中 {result.repeated} 个重发过；外部消息 {result.messages} 条；事件 {result.events} 个")
    click.echo(f"  死亡登记 {result.deaths} 件，各办结一次；复核决定 {result.decisions} 个")
    click.echo(f"  转发 {result.announced} 条，其中重复 {result.twice} 条；效果无一重复，无死信，读模型与重建的逐行相同")
