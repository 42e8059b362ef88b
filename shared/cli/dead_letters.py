"""``minzheng dead-letters``: what the reactions could not handle (死信)."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from shared.eventsourcing.orders import Hand
    from shared.messaging.dead_letters import DeadLetters, Letter
    from shared.operations import Records

T = TypeVar("T")


@click.group("dead-letters", context_settings={"help_option_names": ["--help"]})
@click.option("--service", "services", multiple=True, metavar="服务", help="只看这个服务的（可多次给出；默认全部）")
@click.pass_context
def command(ctx: click.Context, services: tuple[str, ...]) -> None:
    """列出、查看、重放、丢弃反应处理不了的消息（死信）。

    死信在消息总线中加密保存，注明原因；重放只送回原来的那个反应，同一事件重放多次只生效一次。
    """
    ctx.obj = services


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="每行一个 JSON 对象，供程序读取")
@click.pass_obj
def list_(services: tuple[str, ...], as_json: bool) -> None:
    """列出全部死信，最早的在前。"""
    from rich.console import Console
    from rich.table import Table

    from shared.messaging.dead_letters import REASONS

    letters = _tried(_house(services).list)
    if as_json:
        for letter in letters:
            named = ("id", "service", "queue", "event_id", "reason", "message", "tries", "first_failed", "failed_at")
            click.echo(json.dumps({name: getattr(letter, name) for name in named}, ensure_ascii=False))
        return
    if not letters:
        click.echo("没有死信。")
        return
    table = Table(title=f"死信 {len(letters)} 件", title_justify="left")
    for column in ("编号", "时间", "服务", "来自", "原因", "说明", "次数"):
        table.add_column(column, overflow="fold")
    for letter in letters:
        source = f"{letter.exchange.removesuffix('.events')}.{letter.routing_key}" if letter.exchange else letter.queue
        reason = REASONS.get(letter.reason, letter.reason)
        table.add_row(letter.id, letter.failed_at[:19].replace("T", " "), letter.service, source, reason, letter.message, str(letter.tries))
    Console().print(table)
    click.echo("查看：minzheng dead-letters show 编号    重放：minzheng dead-letters replay 编号")


@command.command("show")
@click.argument("letter_id", metavar="编号")
@click.pass_obj
def show(services: tuple[str, ...], letter_id: str) -> None:
    """查看一件死信：来历、原因和内容（个人信息隐去）。"""
    from rich.console import Console
    from rich.table import Table

    from shared.messaging.dead_letters import REASONS

    letter, content = _tried(lambda: _house(services).show(letter_id))
    table = Table(show_header=False, title=f"死信 {letter.id}", title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in (
        ("服务", letter.service),
        ("反应（队列）", letter.queue),
        ("来自", f"{letter.exchange} / {letter.routing_key}"),
        ("事件编号", letter.event_id or "（无）"),
        ("原因", f"{REASONS.get(letter.reason, letter.reason)}（{letter.reason}）"),
        ("说明", letter.message),
        ("处理次数", str(letter.tries)),
        ("首次失败", letter.first_failed),
        ("成为死信", letter.failed_at),
        ("内容类型", content["content_type"] or "（无）"),
        ("大小", f"{content['bytes']} 字节"),
        ("内容", json.dumps(content["body"], ensure_ascii=False, indent=2)),
    ):
        table.add_row(name, value)
    Console().print(table)


@command.command("replay")
@click.argument("letter_id", metavar="[编号]", required=False)
@click.option("--all", "everything", is_flag=True, help="重放全部")
@click.option("--reason", required=True, metavar="理由", help="为什么现在能办了（不得含个人信息）")
@click.pass_obj
def replay(services: tuple[str, ...], letter_id: str | None, everything: bool, reason: str) -> None:
    """把死信送回原来的反应重新处理（编号，或 --all）。何人、何时、为何重放，记入事件日志。"""
    if bool(letter_id) == everything:
        raise click.UsageError("请给出一个编号，或者 --all。")
    reason = _reason(reason)
    house = _house(services)
    with recording() as (records, hand):

        def before(letter: Letter) -> None:
            records.replayed(letter, hand, reason)

        if letter_id:
            letter = _tried(lambda: house.replay(letter_id, before))
            click.echo(f"已送回 {letter.queue}。")
            return
        done, left = _tried(lambda: house.replay_all(before))
    click.echo(f"已送回 {done} 件。")
    for stays in left:
        click.echo(f"未能送回：{stays.id}（原来的反应 {stays.queue or '不明'} 已不存在，或无法解封），仍保留在死信中。", err=True)
    if left:
        sys.exit(1)


@command.command("discard")
@click.argument("letter_id", metavar="编号")
@click.option("--reason", required=True, metavar="理由", help="为什么不再处理（不得含个人信息）")
@click.pass_obj
def discard(services: tuple[str, ...], letter_id: str, reason: str) -> None:
    """不再处理一件死信。何人、为何丢弃，记入事件日志；死信连同理由移入 <服务>.discarded，加密保留三十天。"""
    reason = _reason(reason)
    with recording() as (records, hand):
        letter = _tried(
            lambda: _house(services).discard(letter_id, reason, hand.actor, lambda found: records.discarded(found, hand, reason))
        )
    click.echo(f"已丢弃 {letter.id}，理由已记录，三十天内可由管理员从 {letter.service}.discarded 取回。")


def _reason(text: str) -> str:
    """Before anything is touched: the same rule as on the page."""
    from shared.operations import reason

    return _tried(lambda: reason(text))


@contextmanager
def recording() -> Iterator[tuple[Records, Hand]]:
    """Where the act is recorded, and the hand at this terminal: whoever may run this command has the house's keys already."""
    from shared.config import ConfigError, load
    from shared.eventsourcing.orders import Hand
    from shared.operations import Records
    from shared.rules.profile import load_profile

    settings = load()
    if not settings.eventstore_uri:
        raise ConfigError("没有正在运行的事件日志：请先运行 minzheng up，或设置 EVENTSTORE_URI。")
    records = Records(settings)
    try:
        yield records, Hand(f"operator:{getpass.getuser()}", frozenset({"operator"}), load_profile(settings.profile).division_code)
    finally:
        records.close()


def _house(services: tuple[str, ...]) -> DeadLetters:
    from shared.cli.processes import SERVICES
    from shared.config import ConfigError, load
    from shared.messaging.dead_letters import DeadLetters

    settings = load()
    if not settings.amqp_uri:
        raise ConfigError("没有正在运行的消息总线：请先运行 minzheng up，或设置 AMQP_URI。")
    return DeadLetters(settings.amqp_uri, settings.master_key, services or SERVICES)


def _tried(act: Callable[[], T]) -> T:
    from shared.domain.errors import Refused

    try:
        return act()
    except Refused as refused:
        raise click.ClickException(refused.message) from None
