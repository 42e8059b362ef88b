"""``minzheng stream``: the events of one stream, readable (事件流)."""

from __future__ import annotations

import json

import click


@click.command("stream")
@click.argument("name", metavar="流名")
@click.option("--follow", is_flag=True, help="显示现有的之后，继续等待新的，直到 Ctrl-C。")
@click.option("--as-of", metavar="时间", help="只显示到这一时刻（含）为止记录的：2023-07-01 或 2023-07-01T09:00。")
@click.option("--json", "as_json", is_flag=True, help="每行一个 JSON 对象，供程序读取。")
def command(name: str, follow: bool, as_of: str | None, as_json: bool) -> None:
    """显示一条事件流：第几号、何时、做了什么、谁、因何而起。个人信息一律遮盖。

    例：minzheng stream assistance.household-9f3c…
    """
    from shared import config
    from shared.eventlog import discovery
    from shared.eventlog.client import Log, LogUnavailable, Raw
    from shared.eventlog.reader import Reader
    from shared.eventlog.showing import WRITTEN, moment, plain, recorded
    from shared.eventsourcing.codec import BrokenEvent, UnknownEvent

    settings = config.load()
    discovery.load_all()
    try:
        until = moment(as_of) if as_of else None
    except ValueError as error:
        raise click.ClickException(f"--as-of {WRITTEN}") from error
    if follow and until:
        raise click.ClickException("--follow 与 --as-of 不能同时使用。")

    def show(raw: Raw) -> None:
        try:
            r = recorded(raw)
        except BrokenEvent:
            click.echo(f"#{raw.version} {raw.name}（已损坏，读不出；请运行 minzheng audit verify 查明，{len(raw.data)} 字节）")
            return
        except UnknownEvent:
            click.echo(f"#{raw.version} {raw.name}（本版本不认识的事件，{len(raw.data)} 字节）")
            return
        if until is not None and r.meta.recorded_at > until:
            return
        facts = plain(r.event)
        m = r.meta
        if as_json:
            head = {"version": r.version, "position": r.position, "id": r.id, "type": r.name, "schema": m.schema}
            told = {"actor": m.actor, "division": m.division, "command_id": m.command_id}
            why = {"correlation_id": m.correlation_id, "causation_id": m.causation_id}
            when = {"occurred_at": m.occurred_at.isoformat(), "recorded_at": m.recorded_at.isoformat()}
            click.echo(json.dumps({**head, **when, **told, **why, "facts": facts}, ensure_ascii=False))
            return
        click.echo(f"#{r.version}  {m.recorded_at.isoformat(timespec='seconds')}  {r.name} v{m.schema}")
        click.echo(f"    经办 {m.actor}  区划 {m.division or '—'}  发生于 {m.occurred_at.isoformat(timespec='seconds')}")
        click.echo(f"    编号 {r.id}  起因 {m.causation_id}  事由 {m.correlation_id}")
        click.echo(f"    {json.dumps(facts, ensure_ascii=False)}")

    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    try:
        raws = log.read(name)
        for raw in raws:
            show(raw)
        if not raws:
            click.echo(f"没有事件流 {name}。", err=True)
            if not follow:
                raise SystemExit(1)
        if follow:
            for item in Reader(log).subscribe_stream(name, raws[-1].version if raws else -1):
                if isinstance(item, Raw):
                    show(item)
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志不可用（{error}）。") from error
