"""``minzheng audit walk | acts | looks | diff``: from any event to what is behind it, who did what, who looked, what changed (追溯)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

PERIOD = (
    click.option("--from", "since", metavar="时间", help="这一时刻（含）起：2023-07-01 或 2023-07-01T09:00。"),
    click.option("--to", "until", metavar="时间", help="到这一时刻（含；只写日期则到当日终）为止。"),
)
JSON = click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。")


def _period(function: Any) -> Any:
    return PERIOD[0](PERIOD[1](function))


@contextmanager
def _opened() -> Iterator[tuple[Any, Any]]:
    """(index, log), closed again. Says when the index is not at the end of the log: what came since is not in the answer."""
    from shared import config
    from shared.eventlog import discovery
    from shared.eventlog.acts import Acts
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.integrity.leaf import OF_THE_TREE
    from shared.eventlog.reader import Reader
    from shared.eventsourcing.codec import UnknownEvent

    settings = config.load()
    discovery.load_all()
    log, found = Log(settings.eventstore_uri, data=settings.eventstore_data), Acts.of(settings)
    try:
        reached = found.position
        if reached < 0:
            raise click.ClickException("还没有审计索引：请先运行 minzheng projector portal 或 minzheng rebuild portal。")
        reader = Reader(log)
        if next(reader.read(reached, log.head(), **OF_THE_TREE), None) is not None:
            click.echo(f"注意：审计索引只到位置 {reached}，此后的事件未列入。", err=True)
        reader.close()
        yield found, log
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志暂不可用（{error}）。") from error
    except UnknownEvent as error:
        raise click.ClickException(f"日志中有本版本不认识的事件 {error}，请升级。") from error
    finally:
        log.close()
        found.close()


def _times(since: str | None, until: str | None) -> tuple[Any, Any]:
    from shared.eventlog.showing import WRITTEN, day_or_moment

    try:
        return day_or_moment(since, False), day_or_moment(until, True)
    except ValueError as error:
        raise click.ClickException(f"时间{WRITTEN}") from error


@click.command("walk")
@click.argument("event", metavar="流名@号")
@click.option("--forward", "onward", is_flag=True, help="看由它引起的一切；不给则看它背后的一切。")
@click.option("--month", metavar="YYYY-MM", help="流名为个案时：自该月的发放起追溯（不必写 @号）。")
@click.option("--most", type=click.IntRange(1), default=300, show_default=True, help="至多列出多少个事件。")
@JSON
def walk(event: str, onward: bool, month: str | None, most: int, as_json: bool) -> None:
    """从任一事件追溯：起因、同一事项此前的经过、依据的材料、规则版本与说明、经手人；或（--forward）它引起的一切。

    \b
    minzheng audit walk assistance.case-1f3c…@17
    minzheng audit walk assistance.case-1f3c… --month 2023-08      自该月的发放起
    minzheng audit walk registry.death-9f3c…@0 --forward           一位居民去世之后
    """
    from shared.eventlog.walk import back, forward, payment

    stream, _, version = event.rpartition("@") if "@" in event else (event, "", "")
    if not stream or (not month and not version.isdecimal()):
        raise click.ClickException("请写作 流名@号，例如 assistance.case-…@4；或写个案的流名和 --month。")
    with _opened() as (found, log):
        start = payment(found, log, stream, month) if month else found.at(stream, int(version))
        if start is None:
            raise click.ClickException(f"审计索引中没有 {event}{f' {month} 的发放' if month else ''}。")
        walked = (forward if onward else back)(found, log, start, most)
    if as_json:
        click.echo(json.dumps(walked.as_dict(), ensure_ascii=False))
    else:
        _tell(walked)


def _tell(walked: Any) -> None:
    """Stream by stream, each event with what is behind it; decisions with rules and explanation."""
    from shared.domain.money import yuan
    from shared.eventlog.walk import KINDS

    by_position = {node.act.position: node for node in walked.nodes}
    for stream, nodes in walked.streams():
        click.echo(f"{nodes[0].act.about}  {stream}")
        told = None  # what is confirmed is what was reviewed: explained once
        for node in nodes:
            act, amount = node.act, "" if node.amount_fen is None else f"  {yuan(node.amount_fen)}"
            mark = "●" if act == walked.start else "├"
            click.echo(f"  {mark} #{act.version}  {act.recorded_at[:19]}  {act.title}  {act.actor}{amount}")
            for edge in walked.behind(act.position):
                if edge.kind != "before":
                    cause = by_position[edge.cause].act
                    click.echo(f"  │     {KINDS[edge.kind]} ← {cause.about}·{cause.title}  {cause.where}")
            for a in [a for a in node.assessments[-1:] if a != told]:
                told = a
                click.echo(f"  │     规则 {a.rules_version}；参数 {a.parameters_version}")
                click.echo(f"  │     {a.month}：{a.reason}，{yuan(a.amount_fen)}")
                for line in a.lines:
                    amount = "" if line.amount_fen is None else f"  {yuan(line.amount_fen)}"
                    click.echo(f"  │       {line.label}{amount}（{line.basis}）")
    click.echo("经手：")
    for actor, acts_of in walked.hands():
        click.echo(f"  {actor}：{'、'.join(acts_of)}")
    if walked.cut:
        click.echo(f"只列出 {len(walked.nodes)} 个事件，还有更多；--most 可列出更多。")


@click.command("acts")
@click.argument("actor", metavar="经手人")
@_period
@click.option("--most", type=click.IntRange(1), default=500, show_default=True, help="至多列出多少个。")
@JSON
def acts(actor: str, since: str | None, until: str | None, most: int, as_json: bool) -> None:
    """一个经手人（staff:…、service:…、agency:…）在一段时间内办理的全部事项。"""
    first, last = _times(since, until)
    with _opened() as (found, _):
        done = found.of_actor(actor, first, last, limit=most + 1)
    if as_json:
        click.echo(json.dumps([act.as_dict() for act in done[:most]], ensure_ascii=False))
        return
    for act in done[:most]:
        click.echo(f"{act.recorded_at[:19]}  {act.about}·{act.title}  {act.where}")
    more = "，还有更多" if len(done) > most else ""
    click.echo(f"{actor}：{len(done[:most])} 个{more}。")


@click.command("looks")
@click.argument("file_id", metavar="档案编号")
@_period
@click.option("--most", type=click.IntRange(1), default=500, show_default=True, help="至多列出多少次。")
@JSON
def looks(file_id: str, since: str | None, until: str | None, most: int, as_json: bool) -> None:
    """谁在何时、为何查阅过一份档案（家庭、人员、个案的编号），新的在前。"""
    from dataclasses import asdict

    from shared.casework.looks import PURPOSES

    first, last = _times(since, until)
    with _opened() as (found, _):
        seen = found.looks_at(file_id, first, last, most)
    if as_json:
        click.echo(json.dumps([asdict(look) for look in seen], ensure_ascii=False))
        return
    for look in seen:
        listed = f"（名单，{look.files} 份）" if look.files > 1 else ""
        why = "".join((PURPOSES.get(look.purpose, look.purpose), f" {look.reference}" if look.reference else ""))
        click.echo(f"{look.looked_at[:19]}  {look.actor}  {why}  {look.service}.{look.method}{listed}")
    click.echo(f"{file_id}：{len(seen)} 次查阅。")


@click.command("diff")
@click.argument("stream", metavar="流名")
@click.argument("first", metavar="时间一")
@click.argument("second", metavar="时间二")
@JSON
def diff(stream: str, first: str, second: str, as_json: bool) -> None:
    """一个对象在两个时刻之间有哪些字段不同；个人信息一律遮盖，只说是否改写。

    例：minzheng audit diff assistance.household-9f3c… 2023-07-01 2023-08-01
    """
    from shared import config
    from shared.eventlog import moments
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.showing import WRITTEN, moment

    settings = config.load()
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    try:
        was, became, changes = moments.difference(log, stream, moment(first), moment(second), rest=True)
    except ValueError as error:
        raise click.ClickException(f"时间{WRITTEN}") from error
    except moments.NoSuchStream as error:
        raise click.ClickException(f"没有事件流 {stream}。") from error
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志暂不可用（{error}）。") from error
    finally:
        log.close()
    if as_json:
        told = [{"field": c.field, "before": c.before, "after": c.after, "rewritten": moments.rewritten(c)} for c in changes]
        ends = {"from": was.version, "to": became.version, "broken": list(became.broken)}
        click.echo(json.dumps({"stream": stream, **ends, "changes": told}, ensure_ascii=False))
        return
    for number in became.broken:
        click.echo(f"⚠ 事件 {stream}@{number} 已损坏，读不出；状态只算到第 {became.broken[0]} 号之前。请运行 minzheng audit verify 查明。")
    click.echo(f"{stream}  第 {was.version} 号 → 第 {became.version} 号，{len(changes)} 个字段不同")
    for c in changes:
        said = "个人信息已改写" if moments.rewritten(c) else f"{_value(c.before)} → {_value(c.after)}"
        click.echo(f"  {c.field}：{said}")


def _value(value: Any) -> str:
    return "（无）" if value is None else json.dumps(value, ensure_ascii=False)
