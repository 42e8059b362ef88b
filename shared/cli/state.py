"""``minzheng state``: an aggregate folded from its events (状态)."""

from __future__ import annotations

import json

import click


@click.command("state")
@click.argument("stream", metavar="流名")
@click.option("--as-of", metavar="时间", help="我们在这一时刻（含）所知的状态：2023-07-01 或 2023-07-01T09:00。")
def command(stream: str, as_of: str | None) -> None:
    """显示一个对象的状态，由它的事件折叠而成；--as-of 回到过去的某一时刻。个人信息一律遮盖。

    例：minzheng state assistance.household-9f3c… --as-of 2023-07-01
    """
    from shared import config
    from shared.eventlog import discovery
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.showing import WRITTEN, moment, plain, recorded
    from shared.eventsourcing.codec import UnknownEvent

    settings = config.load()
    decider = discovery.decider(stream)
    if decider is None:
        raise click.ClickException(f"没有哪个服务有事件流 {stream}；流名的形式是 <服务>.<对象>-<编号>。")
    discovery.load_all()
    try:
        until = moment(as_of) if as_of else None
    except ValueError as error:
        raise click.ClickException(f"--as-of {WRITTEN}") from error
    try:
        events = [recorded(raw) for raw in Log(settings.eventstore_uri).read(stream)]
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志不可用（{error}）。") from error
    except UnknownEvent as error:
        raise click.ClickException(f"流中有本版本不认识的事件 {error}，请升级。") from error
    if until is not None:
        events = [r for r in events if r.meta.recorded_at <= until]
    if not events:
        click.echo(f"没有事件流 {stream}，或者在那时还没有。", err=True)
        raise SystemExit(1)
    last = events[-1]
    state = decider.fold([r.event for r in events])
    click.echo(f"{stream}  第 {last.version} 号  位置 {last.position}  记录于 {last.meta.recorded_at.isoformat(timespec='seconds')}")
    click.echo(json.dumps(plain(state), ensure_ascii=False, indent=2))
