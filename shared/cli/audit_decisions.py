"""``minzheng audit decisions``: every decision made again, and compared with what was recorded (决定重算)."""

from __future__ import annotations

import json
from typing import Any

import click

SHOWN = 50  # findings told on the screen; --json tells all


@click.command("decisions")
@click.option("--service", "only", metavar="服务", help="只重算一个服务的决定。")
@click.option("--since", metavar="时间", help="只算这一时刻（含）起记录的：2023-07-01 或 2023-07-01T09:00。")
@click.option("--until", metavar="时间", help="只算到这一时刻（含；只写日期则到当日终）为止记录的。")
@click.option("--workers", type=click.IntRange(1, 64), metavar="个数", help="用几个进程重算；默认为本机的核数，至多 4 个。")
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。")
def command(only: str | None, since: str | None, until: str | None, workers: int | None, as_json: bool) -> None:
    """按记载的事实、规则版本、参数版本重算每一个决定，与记载逐项比较；规则决定之外，也重算评估等级、随机抽取，
    并把每一件办理（追回、补发、拨付、期限、结论）按当时的状态再办一次。

    有不一致时逐一指明（流名@号），退出码为 1；规则或参数的版本从来没有过的（不在版本清单中），也是不一致。由较早版本的规则或参数作出的
    决定单列，不计入一致；其中按本版本重算结果不同的，须以作出决定时的版本重算，退出码为 3。
    """
    from concurrent.futures.process import BrokenProcessPool
    from contextlib import closing, nullcontext

    from shared import config
    from shared.clock import Clock
    from shared.eventlog import discovery
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.integrity.replay import replay
    from shared.eventlog.integrity.replay_hands import Hands, as_many_as_there_are
    from shared.eventlog.integrity.report import keep
    from shared.eventlog.showing import WRITTEN, day_or_moment
    from shared.eventsourcing.codec import UnknownEvent
    from shared.office import Office

    services = discovery.services()
    if only is not None and only not in services:
        raise click.ClickException(f"没有服务 {only}。现有：{'、'.join(services)}。")
    try:
        first, last = day_or_moment(since, False), day_or_moment(until, True)
    except ValueError as error:
        raise click.ClickException(f"--since、--until {WRITTEN}") from error
    settings = config.load()
    discovery.load_all()
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    offices = {name: Office(settings, name) for name in ([only] if only else services)}
    several = workers or as_many_as_there_are()
    try:
        with (
            closing(Hands(settings, log, offices, several)) if several > 1 else nullcontext() as hands,
            click.progressbar(length=max(log.head(), 1), label="重算", hidden=as_json) as bar,
        ):
            report = replay(
                log, offices, since=first, until=last, progress=lambda position: bar.update(position - bar.pos), ranges=hands
            )
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志暂不可用（{error}）。") from error
    except UnknownEvent as error:
        raise click.ClickException(f"日志中有本版本不认识的事件 {error}，请升级后再重算。") from error
    except BrokenProcessPool as error:
        raise click.ClickException("一个重算进程中途被终止（多为内存不足）；请减少 --workers 后重试。") from error
    finally:
        log.close()
        for office in offices.values():
            office.close()
    if (only, since, until) == (None, None, None):
        keep(settings.var, as_dict(report), Clock(settings.clock_file).now())  # for the audit pages
    if as_json:
        click.echo(json.dumps(as_dict(report), ensure_ascii=False))
    else:
        _tell(report)
    if report.unequal:
        raise SystemExit(1)
    if report.others:
        raise SystemExit(3)


def as_dict(report: Any) -> dict[str, Any]:
    """The report as JSON values, for programs and pages."""
    versions = [
        {"rules_version": rules, "parameters_version": parameters, "decisions": o.decisions, "agree": o.agree}
        for (rules, parameters), o in sorted(report.versions.items())
    ]
    findings, others = (
        [{"kind": f.kind, "where": f.where, "type": f.type, "month": f.month, "differs": list(f.differs)} for f in found]
        for found in (report.findings, report.others)
    )
    counts = {"events": report.events, "decisions": report.decisions, "equal": report.equal, "unequal": report.unequal}
    named = {"findings": findings, "versions": versions, "others": others}
    return {**counts, "older": report.older, "kinds": dict(sorted(report.kinds.items())), **named}


def _tell(report: Any) -> None:
    for finding in report.findings[:SHOWN]:
        click.echo(f"✗ {finding}")
    if report.unequal > SHOWN:
        click.echo(f"  ……共 {report.unequal:,} 项不一致，--json 列出前 {len(report.findings):,} 项")
    kinds = "，".join(f"{kind} {n:,}" for kind, n in sorted(report.kinds.items()))
    verdict = f"一致 {report.equal:,}，不一致 {report.unequal:,}。"
    click.echo(f"{report.decisions:,} 项决定（{kinds or '无'}）：{verdict}")
    if not report.older:
        return
    click.echo(f"另有 {report.older:,} 项由较早版本的规则或参数作出，不能照原样重算：")
    for (rules, parameters), o in sorted(report.versions.items()):
        click.echo(f"  规则 {rules}，参数 {parameters}：{o.decisions:,} 项；按本版本重算结果相同的 {o.agree:,} 项")
    for finding in report.others[:SHOWN]:
        click.echo(f"  · {finding.where} {finding.type}：{'、'.join(finding.differs)}")
