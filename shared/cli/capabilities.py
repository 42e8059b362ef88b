"""``minzheng capabilities``: the catalogue, row by row, with what carries it (能力目录)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shared.casework.catalogue import Carrier, Row


@click.command("capabilities", context_settings={"help_option_names": ["--help"]})
@click.option("--service", "service", default="", help="只看一个服务的行；workflow 为跨服务流程，platform 为平台能力。")
@click.option("--missing", is_flag=True, help="只看还没有承载的行。")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON：每行及其承载者。")
def command(service: str, missing: bool, as_json: bool) -> None:
    """能力目录：五个区县的工作计划要求做到的 467 项，每项由哪个项目或聚合承载。

    \b
    例：
      minzheng capabilities --service assistance
      minzheng capabilities --missing
      minzheng capabilities --json | jq '.[] | select(.carriers == [])'

    承载者写在声明里（programmes.py、declarations/ 的 catalogue，或某个房间的 CATALOGUE），这里只是清点，不另记账。
    """
    from shared.casework.catalogue import rows

    chosen = [r for r in rows() if not service or r.service == service]
    if not chosen:
        known = "、".join(dict.fromkeys(r.service for r in rows()))
        raise click.ClickException(f"目录中没有服务 {service}；可用的有：{known}。")
    carried = _carried()
    shown = [(r, carried.get(r.row, [])) for r in chosen if not (missing and carried.get(r.row))]
    if as_json:
        told = [{**asdict(r), "carriers": [asdict(c) for c in found]} for r, found in shown]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    _show(shown, [(r, carried.get(r.row, [])) for r in chosen])


def _carried() -> dict[str, list[Carrier]]:
    from shared.eventlog import discovery

    found: dict[str, list[Carrier]] = {}
    for name in discovery.services():
        for carrier in discovery.carriers(name):
            found.setdefault(carrier.row, []).append(carrier)
    return found


def _show(shown: list[tuple[Row, list[Carrier]]], chosen: list[tuple[Row, list[Carrier]]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="能力目录")
    for column in ("行", "名称", "标识", "承载"):
        table.add_column(column, overflow="fold")
    for row, carriers in shown:
        by = "\n".join(f"{c.name}（{c.service}，{c.how}）" for c in carriers) or "[dim]—[/dim]"
        table.add_row(row.row, row.term, row.identifier, by)
    console = Console()
    console.print(table)
    groups: dict[str, list[int]] = {}
    for row, carriers in chosen:
        count = groups.setdefault(row.service, [0, 0])
        count[0] += bool(carriers)
        count[1] += 1
    for name, (done, whole) in groups.items():
        console.print(f"{name:12} {'█' * round(30 * done / whole):<30} {done}/{whole}")
