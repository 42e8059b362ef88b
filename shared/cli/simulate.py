"""``minzheng simulate``: what a change of the rules' figures would cost, before it is made (政策测算)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

BAR = 30  # characters of the longest bar


@click.command("simulate")
@click.option("--set", "settings_", multiple=True, metavar="参数=改变", help="改变哪个参数、改成什么（见上）；可重复。")
@click.option("--from", "since", metavar="月份", default="", help="改变自该月起算，如 2023-08；默认为本月。")
@click.option("--month", metavar="月份", default="", help="以哪个月的在保个案测算，过去任一月均可；默认本月（或以后的 --from）。")
@click.option("--programme", metavar="项目", default="minimum_living_allowance", show_default=True, help="测算哪一个项目的个案。")
@click.option("--profile", metavar="方案", default="", help="区县方案；默认为系统所用的。")
@click.option("--as-of", metavar="日期", default="", help="按该日（含）当时所知的事实和已公布的标准测算；默认按现在所知。")
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), metavar="文件", help="逐件写出前后金额（元）。")
def command(
    settings_: tuple[str, ...], since: str, month: str, programme: str, profile: str, as_of: str, as_json: bool, csv_file: Path | None
) -> None:
    """在改变标准之前算出要花多少钱、涉及多少户。只读：不写入任何记录。

    每一件在保个案按现行参数和改变后的参数各算一遍，用的是与审核相同的规则。显示：件数、符合条件的前后变化、提高与降低与停发、
    登记在册而未在保的家庭中新符合条件的、月支出前后与差额（元）、全年、分街镇、每件增减的分布。

    \b
    改变的写法（金额以元计，其余按参数的单位）：
      +10%    在现值上提高百分之十        -5%   降低百分之五
      +50     提高50元                    950   改为950元
      minimum_living_allowance.standard=+10%   城乡两个标准都提高

    以家庭情况审定的项目（低保、低保边缘、低收入）成批计算；以个人情况审定的（特困、两项补贴）和支出型逐件读取，一件约需几毫秒，
    有进度显示。这些项目的“未在保”只看已有残疾人证、认定或支出记录的人员（家庭）。按次发放的项目不能测算。

    不给 --set 就是“什么也不改”：应当与该月实际发放逐件相等。发放之后该月又另行核定的（迟报的情况、终止、暂停），差额已在补发或追回，
    单列件数和金额；此外不等的按个案编号列出。

    \b
    例：
      minzheng simulate --set minimum_living_allowance.standard.urban=+10% --from 2023-08
      minzheng simulate --set minimum_living_allowance.standard=+10% --month 2023-05 --csv 测算.csv
      minzheng simulate --month 2023-05            与5月实际发放核对
    """
    from importlib import import_module

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from shared import config
    from shared.domain import dates
    from shared.domain.errors import Refused
    from shared.eventlog import discovery
    from shared.eventlog.showing import WRITTEN, moment
    from shared.office import Office
    from shared.rules.errors import RulesError

    changes = dict(_parted(one) for one in settings_)
    try:
        then = moment(as_of) if as_of else None
    except ValueError as error:
        raise click.ClickException(f"--as-of {WRITTEN}") from error
    settings = config.load()
    console = Console(stderr=True)
    discovery.load_all()
    past, simulation = import_module("services.assistance.rows.past"), import_module("services.assistance.simulation")
    tables = import_module("services.assistance.read_model").TABLES["standards"]
    office = Office(settings, "assistance")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    names = {"events": "读取事件", "cases": "在保个案", "households": "登记家庭", "persons": "登记人员"}
    try:
        today = dates.month_of(office.clock.now().date())
        first = dates.check_month(since, "--from") if since else today
        asked = simulation.Asked(changes, first, dates.check_month(month, "--month") if month else max(first, today), programme)
        with Progress(*columns, console=console, transient=True) as bar:
            tasks: dict[str, Any] = {}

            def progress(what: str, n: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(names[what], total=None)
                bar.advance(tasks[what], n)

            report = past.costed(
                office, tables, profile or settings.profile, asked, as_of=then, progress=progress, each_case=csv_file is not None
            )
    except Refused as refused:
        raise click.ClickException(refused.message) from None
    except (RulesError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        office.close()
    if csv_file is not None:
        with csv_file.open("w", encoding="utf-8-sig", newline="") as out:  # the mark lets a spreadsheet read it as UTF-8
            lines = csv.writer(out)
            lines.writerow(("个案", "区划", "现行月金额(元)", "改变后月金额(元)", "增减(元)"))
            lines.writerows((c, d, _plain(a), _plain(b), _plain(b - a)) for c, d, a, b in report.by_case)
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        show(report.as_dict(), Console())


def _parted(text: str) -> tuple[str, str]:
    name, equals, change = text.partition("=")
    if not equals or not name.strip() or not change.strip():
        raise click.ClickException(f"看不懂“{text}”：写作 参数=改变，如 minimum_living_allowance.standard.urban=+10%。")
    return name.strip(), change.strip()


def _plain(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def show(r: dict[str, Any], console: Console) -> None:
    """Print a report as ``Report.as_dict`` gives it."""
    from rich.table import Table

    console.print(f"[bold]测算[/bold]  {r['programme']}  以 {r['month']} 的在保个案，改变自 {r['effective_month']} 起（未写入任何记录）")
    for c in r["changes"]:
        now, then = (_yuan(c[k]) + "元" if c["unit"] == "fen" else str(c[k]) for k in ("before", "after"))
        console.print(f"  {c['description']}（{c['parameter']}）：{now} → {then}")
    if not r["changes"]:
        console.print("  不作任何改变。")
    totals = Table(show_header=True, box=None, pad_edge=False)
    for title in ("", "现行", "改变后", "增减"):
        totals.add_column(title, justify="left" if not title else "right")
    was, will = r["eligible_before"], r["eligible_after"]
    totals.add_row("符合条件（件）", f"{was:,}", f"{will:,}", f"{will - was:+,}")
    totals.add_row("月支出（元）", _yuan(r["before_fen"]), _yuan(r["after_fen"]), _yuan(r["difference_fen"]))
    totals.add_row("全年（元）", _yuan(12 * r["before_fen"]), _yuan(12 * r["after_fen"]), _yuan(r["yearly_fen"]))
    console.print(totals)
    unit = "人" if r["subject"] == "person" else "户"
    console.print(
        f"在保 {r['cases']:,} 件：提高 {r['raised']:,}，降低 {r['lowered']:,}，停发 {r['ended']:,}，不变 {r['unchanged']:,}。\n"
        f"登记在册未在保 {r['not_in_receipt']:,} {unit}：新符合条件 {r['newly_eligible']:,} {unit}"
        f"（如全部申请，每月另需 {_yuan(r['newly_eligible_fen'])} 元）；现行标准下已符合而未申请 {r['already_eligible']:,} {unit}。"
    )
    if r["towns"]:
        towns = Table(title="分街镇", title_justify="left", box=None, pad_edge=False)
        for title in ("街镇", "件数", "现行（元/月）", "改变后（元/月）", "增减", "新符合"):
            towns.add_column(title, justify="left" if title == "街镇" else "right")
        for t in r["towns"]:
            more = _yuan(t["after_fen"] - t["before_fen"])
            towns.add_row(t["division"], f"{t['cases']:,}", _yuan(t["before_fen"]), _yuan(t["after_fen"]), more, f"{t['newly_eligible']:,}")
        console.print(towns)
    bars = [b for b in r["distribution"] if b["cases"]]
    if bars:
        console.print("每件每月增减的分布（元）")
        most = max(b["cases"] for b in bars)
        for b in bars:
            console.print(f"  {_span(b):>16} {'█' * max(1, round(BAR * b['cases'] / most))} {b['cases']:,}", highlight=False)
    if r["paid_cases"]:
        same = "与实际发放逐件相等" if not r["not_as_paid"] else f"[red]与实际发放不等的 {r['not_as_paid']:,} 件[/red]"
        console.print(f"核对 {r['month']} 的发放：{r['paid_cases']:,} 件，{_yuan(r['paid_fen'])} 元；现行规则{same}。")
        if r["corrected_cases"]:
            net = _yuan(r["corrected_fen"])
            console.print(f"  其中发放后另行核定的 {r['corrected_cases']:,} 件，已补发或追回，净额 {net} 元", highlight=False)
        for d in r["differences"]:
            console.print(f"  {d['case_id']}  已发 {_yuan(d['paid_fen'])}  按规则 {_yuan(d['by_rules_fen'])}", highlight=False)


def _span(bar: dict[str, Any]) -> str:
    low, high = bar["over_fen"], bar["up_to_fen"]
    if low is None:
        return f"减 {-high // 100} 以上"
    if high is None:
        return f"增 {low // 100} 以上"
    return f"{low // 100:+} 至 {high // 100:+}"
