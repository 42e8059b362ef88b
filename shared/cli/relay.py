"""``minzheng relay``: the log to the broker (转发)."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType

import click


@click.command("relay")
@click.option("--name", default="main", show_default=True, metavar="名称", help="断点的名称；同名的只有一个在转发，其余待命。")
@click.option("--window", default=500, show_default=True, type=click.IntRange(1, 10_000), metavar="条数", help="未确认消息的上限。")
def command(name: str, window: int) -> None:
    """把事件日志转发到消息总线：只转发声明为公开的事件，且只用其公开形式。

    可以多开：一个在转发，其余待命，前者退出后立即接替。断点写在事件日志里，只前进到总线已确认的位置。
    """
    from shared import config, metrics, observing
    from shared.cli.ready import mark_ready
    from shared.eventlog import discovery
    from shared.eventlog.client import Log
    from shared.eventlog.relay import Relay
    from shared.eventlog.relay.session import LogWentBack, Options
    from shared.health import HEALTH
    from shared.logs import Teller
    from shared.process import answer_quickly

    settings = config.load()
    seen = observing.begin("relay")
    discovery.load_all()
    answer_quickly()
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    logging.getLogger("pika").setLevel(logging.CRITICAL)  # it tells of every refused connection at length; we say it once
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    tell = Teller("relay", f"转发 {name}：")
    relay = Relay(
        settings.amqp_uri,
        Log(settings.eventstore_uri, data=settings.eventstore_data),
        stopping,
        tell=tell,
        ready=lambda _active: mark_ready(),
        options=Options(name=name, window=window, services=frozenset(discovery.services())),
    )
    HEALTH.check("转发", relay.unready)
    metrics.ask("relay", relay.values)
    metrics.tell(metrics.PUBLISHED, metrics.CONFIRMED, metrics.UNROUTABLE)
    try:
        relay.run()
    except LogWentBack as error:
        tell(str(error))
        sys.exit(1)
    finally:
        seen.end()
