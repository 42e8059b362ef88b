"""``minzheng past``: the read model as it was known at a moment, made ready before anybody asks (回溯)."""

from __future__ import annotations

import click


@click.command("past")
@click.argument("service", metavar="服务")
@click.option("--as-of", "as_of", required=True, metavar="时间", help="一个时刻：2023-07-01（当日终了）或 2023-07-01T09:00。")
@click.option("--quiet", is_flag=True, help="不显示进度（后台准备时用）。")
def command(service: str, as_of: str, quiet: bool) -> None:
    """预先准备某服务在某一时刻的查询数据，供各项查询以 as_of 使用。

    查询带 as_of 时，日志短的当场折叠；较长的由本命令在后台接着做。每日收工后为当日准备一份，次日起查询该日即时可答，
    较近的其他时刻也由此接着折叠。中断后再次运行，从断处继续。文件在 var/past/<服务>/，可随时删除。

    例：minzheng past assistance --as-of 2023-06-30
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from shared import config, process
    from shared.domain.errors import Refused
    from shared.eventlog import discovery
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.past import Past
    from shared.eventlog.read_model import ProjectionFailed
    from shared.eventlog.showing import WRITTEN, moment
    from shared.eventsourcing.codec import UnknownEvent

    settings = config.load()
    try:
        at = moment(as_of)
    except ValueError as error:
        raise click.ClickException(f"--as-of {WRITTEN}") from error
    try:
        [model] = discovery.read_models((service,))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if quiet:
        process.let_others_first()
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    past = Past(settings.var / "past" / service, model, log, free=settings.past_free)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[events]} 个事件"),
        TimeElapsedColumn(),
        console=Console(quiet=quiet),
        transient=True,
    )
    try:
        with bar, past.turn():
            task = bar.add_task(f"准备 {service}", total=1, events="0")

            def show(events: int, position: int, end: int) -> None:
                bar.update(task, total=max(end, 1), completed=position, events=f"{events:,}")

            mark = past.prepare(at, progress=show)
    except Refused as refused:  # no room for it
        raise click.ClickException(refused.message) from None
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志不可用（{error}）。") from error
    except UnknownEvent as error:
        raise click.ClickException(f"日志中有本版本不认识的事件 {error}，请升级。") from error
    except ProjectionFailed as error:
        raise click.ClickException(str(error)) from error
    finally:
        log.close()
    if not quiet:
        now = "" if mark.complete else "（该时刻距今不久，此后补记的事件会在查询时补上）"
        click.echo(f"{service}：{mark.events:,} 个事件，{past.path(at).name}{now}")
