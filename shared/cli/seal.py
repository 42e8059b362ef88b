"""``minzheng seal``: the log into the tree, and signed checkpoints (封存)."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click


@click.command("seal")
@click.option("--once", is_flag=True, help="封存现有的事件，签名一个检查点后退出。")
def command(once: bool) -> None:
    """跟随事件日志，把事件逐批封入默克尔树，并签名检查点。

    检查点写入事件日志（integrity.checkpoints）和 var/integrity/checkpoint。封存不在业务途中：它停下时业务照常，恢复后接着做。可以多开。
    """
    from shared import config, metrics, observing, process
    from shared.cli.ready import mark_ready
    from shared.cli.sealing import origin_of, signing_key
    from shared.clock import Clock
    from shared.eventlog.client import Log, LogUnavailable
    from shared.eventlog.integrity.seal import NotGoingOn, Seal, published_in
    from shared.eventlog.stores import engine_for

    settings = config.load()
    process.let_others_first()
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    published = published_in(settings.var)
    store = engine_for(settings, "integrity")
    seal = Seal(log, store, signing_key(settings), origin_of(settings), Clock(settings.clock_file), published)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    seen = None
    try:
        if once:
            made = seal.catch_up()
            click.echo(f"已封存 {made.size:,} 个事件；检查点：{published}")
        else:
            seen = observing.begin("seal")
            observing.needs_log(settings.eventstore_uri)
            observing.needs_store(store)
            metrics.ask("seal", seal.values)
            metrics.tell(metrics.SEALED, metrics.CHECKPOINTS)
            seal.run(stopping, mark_ready)
    except NotGoingOn as error:
        raise click.ClickException(str(error)) from error
    except LogUnavailable as error:
        raise click.ClickException(f"事件日志暂不可用（{error}）。") from error
    finally:
        if seen is not None:
            seen.end()
        log.close()
