"""``minzheng renew-disclosures``: what is public made equal to what is declared now, of every case (公开内容核对更新)."""

from __future__ import annotations

import sys
import uuid
from typing import Any

import click

PER_QUESTION = 50
PATIENCE = 60.0  # seconds that one question may take: fifty cases are looked at


@click.command("renew-disclosures")
@click.option("--service", "only", metavar="服务", default=None, help="只核对这个服务；默认全部发放待遇的服务。")
@click.option("--after", metavar="编号", default="", help="从这个编号之后接着核对（中断时显示），须与 --service 同用。")
@click.option("--check", is_flag=True, help="只核对，不更新；有不一致的退出码为 1。")
@click.option("--token", default=None, metavar="令牌", help="审核人员的令牌；开发模式下可省略（自行签发一枚）。")
def command(only: str | None, after: str, check: bool, token: str | None) -> None:
    """逐件核对应公开与已公开的内容，不一致的按现行公开范围更新：升级前的个案、公开范围变更之后、未成年人的旧公示行。

    在运行中的系统上进行，不影响业务。中断后可从显示的编号接着办，也可以从头再来：一致的不再改动，不重复发布。
    人工撤回的、隐去的栏目不因此恢复。

    \b
    例：
      minzheng renew-disclosures --check
      minzheng renew-disclosures
      minzheng renew-disclosures --service assistance --after 3f0c…
    """
    from shared.eventlog import discovery

    services = sorted({service for service, _ in discovery.programmes().values()})
    if only is not None and only not in services:
        raise click.ClickException(f"没有这个服务，或它不发放待遇。可选：{'、'.join(services)}。")
    if after and only is None:
        raise click.ClickException("--after 须与 --service 同用。")
    bureau = _bureau(token)
    differing, failed = 0, []
    for service in [only] if only else services:
        found, left = renew(getattr(bureau, service), service, after, check)
        differing += found
        failed += left
    for line in failed:
        click.echo(f"✗ {line}", err=True)
    if failed or (check and differing):
        sys.exit(1)


def renew(door: Any, service: str, after: str, check: bool) -> tuple[int, list[str]]:
    """One service, with a bar; how many differed, and what could not be renewed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from shared.domain.errors import Refused, Unavailable

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("件"), TimeElapsedColumn())
    compared, differing, failed = 0, 0, []
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"核对 {service}", total=None)
            while True:
                page = door.compare_disclosures(after=after, limit=PER_QUESTION)
                for case_id in page["differing"]:
                    differing += 1
                    if check:
                        continue
                    try:
                        door.renew_disclosure(command_id=str(uuid.uuid4()), case_id=case_id)
                    except Refused as refused:
                        if isinstance(refused, Unavailable):
                            raise
                        failed.append(f"{case_id}：{refused.message}")
                compared += page["compared"]
                bar.update(task, total=compared + page["remaining"], completed=compared)
                if not page["next"]:
                    break
                after = page["next"]
    except (Refused, KeyboardInterrupt) as stopped:
        why = stopped.message if isinstance(stopped, Refused) else "已中断"
        again = f"minzheng renew-disclosures --service {service}" + (f" --after {after}" if after else "") + (" --check" if check else "")
        raise click.ClickException(f"{why}（{service} 已核对 {compared:,} 件）。接着办：{again}") from None
    done = f"不一致 {differing:,} 件" if check else f"更新 {differing - len(failed):,} 件"
    click.echo(f"{service}：核对 {compared:,} 件，{done}。")
    return differing, failed


def _bureau(token: str | None) -> Any:
    """A connection to the running house."""
    from shared.cli.token import development_token, home_division
    from shared.config import load
    from shared.domain.errors import Refused
    from shared.messaging.client import RpcClient

    settings = load()
    if not settings.amqp_uri:
        raise click.ClickException("没有运行中的系统：请先运行 minzheng up，或设置 AMQP_URI。")
    try:
        given = token or development_token(settings, ("reviewer",), home_division(settings), "staff:renewing", 8)
    except Refused as refused:
        raise click.ClickException(refused.message) from None
    return RpcClient(settings.amqp_uri, given, PATIENCE)
