"""``minzheng rebuild``: read models again from the log, and the proof that they are the same (重建)."""

from __future__ import annotations

import sys

import click


@click.command("rebuild")
@click.argument("services", nargs=-1, metavar="[服务…]")
@click.option("--check", is_flag=True, help="只比较，不替换。")
@click.option("--force", is_flag=True, help="不与现有的比较，一直建到日志末尾并替换（日志恢复自较早的备份之后用）。")
def command(services: tuple[str, ...], check: bool, force: bool) -> None:
    """从事件日志重建读模型：在旁边建好，与现有的逐行比较，然后一次换上。

    投影可以同时运行。比较的结果只报告表名、主键和列名，不显示内容。有不同之处时退出码为 1（不带 --check 时已换成重建的）。
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from shared import config
    from shared.eventlog import discovery, rebuild
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.read_model import ProjectionFailed
    from shared.eventlog.stores import engine_for
    from shared.eventsourcing.codec import UnknownEvent

    settings = config.load()
    try:
        models = discovery.read_models(services)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    console = Console()
    different = False
    for model in models:
        engine = engine_for(settings, model.service)
        try:
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TextColumn("{task.fields[events]} 个事件，{task.fields[rate]} 个/秒"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            ) as bar:
                task = bar.add_task(f"重建 {model.service}", total=1, events=0, rate="—")

                def show(events: int, position: int, end: int, bar: Progress = bar, task: int = task) -> None:
                    speed = bar.tasks[0].elapsed or 0.0
                    bar.update(
                        task,  # type: ignore[arg-type]
                        total=max(end, 1),
                        completed=position,
                        events=f"{events:,}",
                        rate=f"{events / speed:,.0f}" if speed > 0 else "—",
                    )

                report = rebuild.rebuild(model, engine, log, check=check, force=force, progress=show)
        except rebuild.RebuildRefused as error:
            raise click.ClickException(str(error)) from error
        except LogUnavailable as error:
            raise click.ClickException(f"事件日志不可用（{error}）。") from error
        except UnknownEvent as error:
            raise click.ClickException(f"日志中有本版本不认识的事件 {error}，请升级后再重建。") from error
        except ProjectionFailed as error:
            raise click.ClickException(str(error)) from error
        finally:
            engine.dispose()
        different = different or bool(report.different)
        _tell(report)
    if different:
        sys.exit(1)


def _tell(report: object) -> None:
    from shared.eventlog.rebuild import Report

    assert isinstance(report, Report)
    speed = report.events / report.seconds if report.seconds > 0 else 0.0
    click.echo(
        f"{report.service}：{report.events:,} 个事件，{report.rows:,} 行，"
        f"{report.seconds:.1f} 秒（{speed:,.0f} 个/秒），位置 {report.position}"
    )
    for table, content in report.hashes.items():
        click.echo(f"  {table:<32} sha256 {content[:16]}…")
    if not report.compared:
        click.echo("  没有可比较的现有内容。")
    elif not report.different:
        click.echo("  与现有的逐行相同。")
    else:
        click.echo(f"  与现有的有 {report.different} 行不同：")
        for difference in report.differences:
            click.echo(f"    {difference}")
        if len(report.differences) < report.different:
            click.echo(f"    ……另有 {report.different - len(report.differences)} 行")
    click.echo("  已换上重建的。" if report.swapped else "  只作比较，没有替换。")
