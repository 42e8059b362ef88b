"""``minzheng audit bundle | open``: an archive for auditors, and the check of one (审计包)."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(dir_okay=False, path_type=Path)
SCOPES = "stream:流名、person:人员标识、case:个案编号、service:服务、division:区划，或 all"


@click.command("bundle")
@click.option("--scope", required=True, metavar="范围", help=f"{SCOPES}。")
@click.option("--from", "since", metavar="日期", help="期间起（含）；不给则从最初。")
@click.option("--to", "until", metavar="日期", help="期间止（含）；不给则到现在。")
@click.option("--older", type=FILE, metavar="文件", help="审计方此前另存的检查点：附一致性证明。")
@click.option("--reason", required=True, prompt="理由或文号", metavar="理由", help="为什么制作（理由或文号），连同何人、何时记入事件日志。")
@click.option("--out", required=True, type=NEW, metavar="文件", help="写入这个 ZIP 文件（权限 0600）。")
def make(scope: str, since: str | None, until: str | None, older: Path | None, reason: str, out: Path) -> None:
    """制作审计包：一个范围、一段期间的全部事件及证明，所用规则与参数的文本，核验程序。个人信息保持密封。
    何人、何时、为何制作，先记入事件日志，再写出文件。

    \b
    例：
      minzheng audit bundle --scope person:0f1e… --from 2023-01-01 --to 2023-12-31 --reason 象审〔2024〕3号 --out 审计包.zip
      python3 审计包.zip --key seal.pub --timeline       # 在任何机器上
    """
    from shared import bundles
    from shared.cli.audit import opened_house
    from shared.cli.dead_letters import recording
    from shared.cli.sealing import checking_key, origin_of, public_pem
    from shared.clock import Clock
    from shared.domain.errors import Refused, Unavailable
    from shared.eventlog import discovery
    from shared.eventlog.integrity import bundle
    from shared.eventlog.integrity.checkpoint import CheckpointError, opened
    from shared.eventlog.integrity.nodes import Nodes
    from shared.eventlog.integrity.receipt import NotSealed
    from shared.eventlog.showing import WRITTEN, day_or_moment

    try:
        chosen = bundle.Scope.parse(scope)
    except ValueError as error:
        raise click.ClickException(f"范围写作 {SCOPES}。") from error
    try:
        first, last = day_or_moment(since, False), day_or_moment(until, True)
    except ValueError as error:
        raise click.ClickException(f"--from、--to {WRITTEN}") from error
    try:
        why = bundles.reason(reason)
    except Refused as error:
        raise click.ClickException(error.message) from error
    discovery.load_all()
    with opened_house() as (settings, log, engine), recording() as (records, hand):

        def noted(made: bundle.Made) -> None:
            taken = bundles.TakeAuditBundle(str(chosen), first, last, why, made.events, made.checkpoint, hand.division)
            records.bundle(taken, hand.actor)

        origin, note = origin_of(settings), older.read_text(encoding="utf-8") if older else ""
        try:
            if note:
                opened(note, origin, checking_key(settings))
            with engine.connect() as connection:
                length = 0 if chosen.kind == "stream" else Nodes(connection).size * (1 if chosen.by_name else 2)
            asked = bundle.Asked(chosen, first, last, note)
            with click.progressbar(length=length, label="制作") as bar:
                now = Clock(settings.clock_file).now()
                pem = public_pem(settings)
                made = bundle.make(out, log, engine, asked, origin, pem, settings.profile, now, bar.update, noted)
        except (NotSealed, CheckpointError) as error:
            raise click.ClickException(str(error)) from error
        except Unavailable as error:
            raise click.ClickException(error.message) from error
    click.echo(f"已写入 {out}：{made.events:,} 个事件，{len(made.streams):,} 条流。")
    if made.unsealed:
        click.echo(f"另有 {made.unsealed:,} 个事件尚未封存，不在包中。")


@click.command("open")
@click.argument("archive", metavar="审计包", type=FILE)
@click.option("--key", type=FILE, metavar="文件", help="封存公钥；不给则用本系统的。")
@click.option("--timeline", is_flag=True, help="逐流列出历史。")
@click.option("--stream", default="", metavar="流名", help="只列这一条流的历史。")
def check(archive: Path, key: Path | None, timeline: bool, stream: str) -> None:
    """核验一个审计包，用本系统自己的核验程序，而不是包中的；不连日志。有不符时退出码为 1。"""
    import zipfile

    from shared import config
    from shared.cli.sealing import public_pem
    from shared.eventlog.integrity import bundle_check, standalone

    try:
        found = bundle_check.Bundle(archive)
        public = standalone.key_in(key.read_bytes() if key else public_pem(config.load()))
        manifest, wrong = bundle_check.check(found, public, "")
        if timeline or stream:
            click.echo("\n".join(bundle_check.timeline(found, stream)) + "\n")
    except standalone.Wrong as error:
        raise click.ClickException(f"不成立：{error}。") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise click.ClickException(f"读不出：{type(error).__name__}。") from error
    click.echo("\n".join(bundle_check.tell(found, manifest, wrong)))
    if wrong:
        raise SystemExit(1)
