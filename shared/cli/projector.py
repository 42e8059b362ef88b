"""``minzheng projector``: the log into the read models (投影)."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from types import FrameType

import click


@click.command("projector")
@click.argument("services", nargs=-1, metavar="[服务…]")
def command(services: tuple[str, ...]) -> None:
    """把事件日志折叠成读模型。不写服务名则全部，每个服务一个线程。

    可以多开：同一服务只有一个在写，其余待命，前者退出后立即接替。读模型的版本变了，先在旁边重建再换上。
    """
    from shared import config, metrics, observing, process
    from shared.cli.ready import mark_ready
    from shared.eventlog import discovery
    from shared.eventlog.client import Log
    from shared.eventlog.projector import LogWentBack, Projector
    from shared.eventlog.stores import engine_for
    from shared.health import HEALTH
    from shared.logs import Teller

    settings = config.load()
    seen = observing.begin("projector")
    observing.needs_log(settings.eventstore_uri)
    try:
        models = discovery.read_models(services)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not models:
        raise click.ClickException("没有一个服务有读模型。")
    process.let_others_first()
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    behind = {model.service for model in models}
    lock = threading.Lock()
    failed: list[str] = []

    def ready(service: str) -> None:
        with lock:
            if service not in behind:
                return
            behind.discard(service)
            if not behind:
                mark_ready()

    say = Teller("projector")

    def work(projector: Projector, service: str) -> None:
        try:
            projector.run()
        except LogWentBack as error:
            say(str(error))
            failed.append(service)
            if len(failed) == len(models):
                stopping.set()

    threads = []
    stores = {model.service: engine_for(settings, model.service) for model in models}
    observing.needs_store(*stores.values())
    for model in models:
        service = model.service
        projector = Projector(
            model,
            stores[service],
            Log(settings.eventstore_uri, data=settings.eventstore_data),
            stopping,
            tell=say,
            ready=partial(ready, service),
        )
        HEALTH.check(f"投影 {service}", projector.unready)
        metrics.ask(f"projection {service}", projector.values)
        threads.append(threading.Thread(target=work, args=(projector, service), name=f"projector-{service}"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.end()
    if failed:
        sys.exit(1)
