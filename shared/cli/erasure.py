"""``minzheng erasure``: who was erased, and what the house keeps of them outside the log (个人信息删除)."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shared.config import Settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
TABLES = (".csv", ".xlsx")


@click.group("erasure")
def command() -> None:
    """个人信息删除：提出和批准由两人在系统中办理（registry），这里列出已删除的，并清除日志之外的残留。"""


@command.command("list")
def list_() -> None:
    """已删除个人信息的人员标识和时间。"""
    from shared import config

    for person_id, at in erased(config.load()).items():
        click.echo(f"{person_id}  {at[:19].replace('T', ' ')}")


@command.command("sweep")
@click.argument("folders", metavar="[目录…]", nargs=-1, type=FOLDER)
def sweep(folders: tuple[Path, ...]) -> None:
    """清除日志之外的残留：恢复了旧备份的密钥库、死信、外部单位退回的无法读取的文件；所给目录中的代发文件和回盘文件。

    从删除之前的备份恢复密钥库后，已删除人员的密钥又在其中：这里再次销毁。恢复后须先运行本命令，再开放系统。

    密钥销毁后，日志、读模型、查询和导出中的个人信息即不可读，不需要这一步。这里处理的是以系统密钥而不是本人密钥密封、
    或者交给银行的明文文件：死信内容清空；代发文件、回盘文件中该人员的户名和账号改写为〔已删除〕，其余各笔不动。

    依会计档案规定仍须保存的文件不要放在所给目录中。可以重复运行。
    """
    from shared import config

    settings = config.load()
    gone = erased(settings)
    if not gone:
        click.echo("没有已删除个人信息的人员。")
        return
    click.echo(f"已删除个人信息的人员 {len(gone)} 人。")
    for line in (*_keys(settings, gone), *_letters(settings, gone), *_unreadable(settings, gone), *_bank_files(folders, gone)):
        click.echo(line)


def erased(settings: Settings) -> dict[str, str]:
    """Person → when it was recorded, the earliest first."""
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.reader import Reader

    if not settings.eventstore_uri:
        raise click.ClickException("没有正在运行的事件日志：请先运行 minzheng up，或设置 EVENTSTORE_URI。")
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    try:
        reader, head = Reader(log), log.head()
        try:
            found = reader.read(-1, head, filter_include=(r"registry\.erasure-.*",), filter_by_stream_name=True)
            events = [e for e in found if e.name == "registry.person_erased"]
        finally:
            reader.close()
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志暂不可用（{error}）。") from error
    finally:
        log.close()
    return {str(json.loads(e.data)["person_id"]): str(json.loads(e.metadata)["recorded_at"]) for e in events}


def _keys(settings: Settings, gone: dict[str, str]) -> Iterator[str]:
    """The keys of erased persons that are there again."""
    from shared.domain.errors import Unavailable
    from shared.eventlog.stores import engine_for
    from shared.security.vault import Vault

    engine = engine_for(settings, "vault")
    try:
        vault = Vault(engine, settings.master_key)
        back = vault.not_destroyed(gone)
        for person_id in back:
            vault.destroy(person_id, gone[person_id])
        yield f"密钥库：再次销毁 {len(back)} 人的密钥。"
    except Unavailable as error:
        raise click.ClickException(error.message) from None
    finally:
        engine.dispose()


def _of_number(settings: Settings, gone: dict[str, str]) -> Any:
    """Whether a resident ID is an erased person's."""
    from shared.domain import resident_id
    from shared.security.vault import derived_key

    key = derived_key(settings.master_key, b"person ids")
    return lambda number: resident_id.person_id(number, key) in gone


def _letters(settings: Settings, gone: dict[str, str]) -> Iterator[str]:
    from shared.cli.dead_letters import recording
    from shared.cli.processes import SERVICES
    from shared.domain.errors import Refused
    from shared.messaging.forgetting import REASON, Forgetting

    if not settings.amqp_uri:
        yield "死信：消息总线没有运行，未检查。"
        return
    try:
        with recording() as (records, hand):
            house = Forgetting(settings.amqp_uri, settings.master_key, SERVICES)
            count = house.forget(_of_number(settings, gone), lambda letter: records.discarded(letter, hand, REASON))
    except Refused as refused:
        raise click.ClickException(refused.message) from None
    yield f"死信：清空 {count} 件。"


def _unreadable(settings: Settings, gone: dict[str, str]) -> Iterator[str]:
    """Answer files of outside units that could not be read, and request files that still wait."""
    from shared.messaging.forgetting import names_one

    is_erased, removed, waiting = _of_number(settings, gone), 0, []
    for path in sorted((settings.var / "exchange").rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if any(names_one(data.decode(encoding, "ignore"), is_erased) for encoding in ("utf-8", "gb18030", "utf-16")):
            if path.parent.name == "unreadable":
                path.unlink()
                removed += 1
            else:
                waiting.append(path)
    yield f"无法读取的来文：删除 {removed} 个。"
    for path in waiting:
        yield f"✗ {path.relative_to(settings.var)} 仍含已删除人员：请先办结或放弃该次查询。"


def _bank_files(folders: tuple[Path, ...], gone: dict[str, str]) -> Iterator[str]:
    from shared.casework import bank_file
    from shared.eventsourcing.events import ERASED

    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            if path.suffix.lower() not in TABLES:
                yield f"  {path}：不是 {'、'.join(TABLES)} 文件，未查看。"
                continue
            try:
                count = bank_file.without(path, gone, ERASED)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                yield f"✗ {path}：读不出（{type(error).__name__}），未处理。"
                continue
            if count is None:
                yield f"  {path}：不是代发文件，未处理。"
            elif count:
                yield f"  {path}：改写 {count} 笔。"
