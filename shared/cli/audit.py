"""``minzheng audit``: is the log what it was, and proofs that others can check (审计)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from shared.cli import audit_bundle, audit_decisions, audit_walk

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("audit")
def command() -> None:
    """核验事件日志，出具任何人都能离线核验的证明；重算全部决定；追溯因果。只读。"""


for _one in (audit_decisions.command, audit_walk.walk, audit_walk.acts, audit_walk.looks, audit_walk.diff):
    command.add_command(_one)
for _one in (audit_bundle.make, audit_bundle.check):
    command.add_command(_one)


@contextmanager
def opened_house(log: bool = True) -> Iterator[tuple[Any, Any, Any]]:
    """(settings, log, engine of the tree), closed again; a log that is away is said so, and so is a tree that cannot be read. Without
    ``log`` none is asked for."""
    import sqlalchemy as sa

    from shared import config
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.integrity.nodes import MissingNode, Nodes
    from shared.eventlog.integrity.verify import REBUILD
    from shared.eventlog.stores import engine_for

    settings = config.load()
    if log and not settings.eventstore_uri:
        raise click.ClickException("没有正在运行的事件日志：请先运行 minzheng up，或设置 EVENTSTORE_URI。")
    opened, engine = Log(settings.eventstore_uri, data=settings.eventstore_data), engine_for(settings, "integrity")
    try:
        with suppress(sa.exc.SQLAlchemyError):  # whoever reads the tree will be told again
            Nodes.create(engine)
        yield settings, opened, engine
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志暂不可用（{error}）。") from error
    except (MissingNode, sa.exc.SQLAlchemyError) as error:
        raise click.ClickException(f"完整性树有损（{type(error).__name__}）：{REBUILD}。") from error
    finally:
        opened.close()
        engine.dispose()


@command.command("verify")
@click.option("--checkpoint", "outside", multiple=True, type=FILE, metavar="文件", help="另存于系统之外的检查点，一并核对；可多次给出。")
@click.option("--data", type=FOLDER, metavar="目录", help="核验这个目录中的日志文件（副本、备份），不连日志。")
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。")
def verify_log(outside: tuple[Path, ...], data: Path | None, as_json: bool) -> None:
    """逐个事件重新计算，与封存时的叶子、树和全部签名检查点核对；被改动、删除、插入、挪动的事件逐一指明。

    日志文件在本机时（EVENTSTORE_DATA）直接读文件，逐字节核对每一行，并检查文件结构；读不到文件时只经网络核验，并予提示。
    封存时另写的检查点（var/integrity/checkpoint）总是一并核对。有不符时退出码为 1。
    """
    from shared.cli.sealing import checking_key, origin_of
    from shared.eventlog.integrity.nodes import DAMAGED, Nodes
    from shared.eventlog.integrity.seal import STREAM, note_in, notes_of, published_in
    from shared.eventlog.integrity.source import File, source_of
    from shared.eventlog.integrity.verify import verify

    with opened_house(log=data is None) as (settings, log, engine):
        try:
            source = source_of(log) if data is None else File(data)
        except OSError as error:
            raise click.ClickException(f"{data} 中没有事件日志。") from error
        found = [note_in(event) for event in source.stream(STREAM)] if isinstance(source, File) else notes_of(log)
        published = published_in(settings.var)
        files = [*outside, *([published] if published.exists() else [])]
        beside = [path.read_text(encoding="utf-8", errors="replace") for path in files]
        notes = found + [note for note in dict.fromkeys(beside) if note not in found]
        size = 0
        with suppress(*DAMAGED), engine.connect() as connection:
            size = Nodes(connection).size
        with click.progressbar(length=size, label="核验", hidden=as_json) as bar:
            key, named = checking_key(settings), _named_by_index(settings)
            report = verify(source, engine, notes, origin_of(settings), key, bar.update, named)
            newest = source.last() if isinstance(source, File) else None
            for gone in _beyond_the_end(settings, log.head() if not isinstance(source, File) else newest.position if newest else -1):
                report.add("tail", -1, gone)
    if as_json:
        findings = [{"what": f.what, "index": f.index, "where": f.where, "said": str(f)} for f in report.findings]
        told: dict[str, Any] = {"sound": report.sound, "events": report.events, "checkpoints": report.checkpoints}
        told |= {"unsealed": report.unsealed, "source": "file" if isinstance(source, File) else "wire", "warning": report.warning}
        click.echo(json.dumps({**told, "findings": findings}, ensure_ascii=False))
    else:
        for finding in report.findings:
            click.echo(f"✗ {finding}")
        if report.warning:
            click.echo(f"⚠ {report.warning}")
        verdict = "全部相符" if report.sound else "有不符"
        click.echo(
            f"来源：{report.source}。{report.events:,} 个事件，{report.checkpoints} 个检查点，尚未封存 {report.unsealed:,} 个：{verdict}。"
        )
    if not report.sound:
        raise SystemExit(1)


def _beyond_the_end(settings: Any, end: int) -> list[str]:
    """Events that the audit index has read and the log no longer has: cut off behind the last seal, they are in no tree."""
    import sqlalchemy as sa

    from shared.eventlog import discovery
    from shared.eventlog.acts import Acts

    discovery.load_all()
    index = Acts.of(settings)
    try:
        gone = index.behind(end, 20)
        return [f"日志止于位置 {end}，审计索引已有其后的 {act.where}（提交位置 {act.position}）：末尾被截去" for act in gone]
    except sa.exc.SQLAlchemyError:
        return []
    finally:
        index.close()


def _named_by_index(settings: Any) -> Any:
    """How the audit index calls the event that stood at a position: of a removed one the log itself says nothing."""

    def named(position: int) -> str | None:
        import sqlalchemy as sa

        from shared.eventlog import discovery
        from shared.eventlog.acts import Acts

        discovery.load_all()
        index = Acts.of(settings)
        try:
            found = index.at_position(position)
        except sa.exc.SQLAlchemyError:
            return None
        finally:
            index.close()
        return None if found is None else found.where

    return named


@command.command("receipt")
@click.argument("event", metavar="流名@号")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="写入文件；不给则输出到屏幕。")
def receipt_of(event: str, out: Path | None) -> None:
    """某一事件的回执：事件本身、它的位置、到根的路径、签名的检查点。用 shared/eventlog/integrity/standalone.py 离线核验。

    例：minzheng audit receipt assistance.case-1f3c…@4 --out 回执.json
    """
    from shared.eventlog.integrity.receipt import NotSealed, receipt

    stream, _, version = event.rpartition("@")
    if not stream or not version.isdecimal():
        raise click.ClickException("请写作 流名@号，例如 assistance.case-…@4。")
    with opened_house() as (_, log, engine):
        try:
            _write(receipt(log, engine, stream, int(version)), out)
        except NotSealed as error:
            raise click.ClickException(str(error)) from error


@command.command("consistency")
@click.argument("older", type=click.IntRange(1), metavar="较早的大小")
@click.argument("newer", type=click.IntRange(1), metavar="[较晚的大小]", required=False)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="写入文件；不给则输出到屏幕。")
def consistency_of(older: int, newer: int | None, out: Path | None) -> None:
    """两个检查点之间的一致性证明：较早的日志是较晚的开头。大小见 minzheng audit checkpoints。"""
    from shared.eventlog.integrity.receipt import NotSealed, consistency

    with opened_house() as (_, log, engine):
        try:
            _write(consistency(log, engine, older, newer), out)
        except NotSealed as error:
            raise click.ClickException(str(error)) from error


@command.command("checkpoints")
def checkpoints_of() -> None:
    """全部检查点：大小、签名时间。"""
    from shared.cli.sealing import checking_key, origin_of
    from shared.eventlog.integrity.checkpoint import CheckpointError, opened
    from shared.eventlog.integrity.seal import notes_of

    with opened_house() as (settings, log, _):
        for note in notes_of(log):
            try:
                found = opened(note, origin_of(settings), checking_key(settings))
                click.echo(f"{found.size:>12,}  {found.time.isoformat(timespec='seconds')}  {found.root.hex()}")
            except CheckpointError as error:
                click.echo(f"✗ {error}")


def _write(made: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(made, ensure_ascii=False, indent=2)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")
        click.echo(f"已写入 {out}。")
