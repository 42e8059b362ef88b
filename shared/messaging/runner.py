"""The worker process (工作进程): hosts services on nameko with the standard library patched the one way that works with gRPC.

Patching comes before every other import. ``thread=False``: gRPC needs real threads and locks (architecture, "Two processes
in one"); nothing in shared/messaging may therefore hold a real lock while it gives up the hub.
"""

from shared.messaging.green import eventlet

eventlet.monkey_patch(thread=False)

import importlib  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
import types  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from typing import Any  # noqa: E402

import kombu.pools  # noqa: E402
from eventlet.event import Event  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from shared import metrics, observing  # noqa: E402
from shared.cli.ready import mark_ready  # noqa: E402
from shared.config import ConfigError, Settings  # noqa: E402
from shared.eventlog.client import Log, LogUnavailable  # noqa: E402
from shared.health import HEALTH, beat  # noqa: E402
from shared.messaging import links, logs  # noqa: E402
from shared.messaging.boundary import Lane  # noqa: E402
from shared.messaging.consumer import QueueConsumer  # noqa: E402
from shared.messaging.container import lane_sizes  # noqa: E402
from shared.messaging.depths import Depths, queues_of  # noqa: E402
from shared.messaging.doors import check_service  # noqa: E402
from shared.messaging.node import QUEUE_SETTLES  # noqa: E402
from shared.process import answer_quickly, let_others_first  # noqa: E402

STOP_LIMIT = 20.0  # seconds for what is in flight to end after SIGTERM; then it is left to be delivered again
_WAIT = 1.0


def run(services: Sequence[str], settings: Settings) -> int:
    """Host services until SIGTERM or SIGINT; returns the exit status. A name is a folder of services/ or a dotted module."""
    eventlet.spawn_n(_beat)
    kombu.pools.set_limit(sum(lane_sizes(settings).values()) * len(services) + 50)
    if not settings.amqp_uri or not settings.eventstore_uri:
        raise ConfigError("须设置 AMQP_URI 和 EVENTSTORE_URI，或先运行 minzheng up。")
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _once(stopping))
    eventlet.spawn_n(_idle, stopping)
    classes = [_service_class(name) for name in services]
    if not _wait_for_parts(settings, stopping):
        return 0
    runner = ServiceRunner(nameko_config(settings))
    for cls in classes:
        runner.add_service(cls)
    runner.start()
    _tell_health(runner, settings)
    eventlet.sleep(QUEUE_SETTLES)  # a queue declared just now may be lost with the broker: nobody relies on us before
    if not any(container._died.ready() for container in runner.containers):
        answer_quickly()
        mark_ready()
        logs.say("worker_ready", services=[cls.name for cls in classes])
    died: list[BaseException] = []
    eventlet.spawn_n(_watch, runner, died, stopping)
    stopping.wait()
    return _stop(runner, died)


def nameko_config(settings: Settings) -> dict[str, Any]:
    return {
        "AMQP_URI": settings.amqp_uri,
        "HEARTBEAT": links.HEARTBEAT,
        "max_workers": settings.max_workers,
        "SERVICE_CONTAINER_CLS": "shared.messaging.container.Container",
        "serializer": "json",
        "ACCEPT": ["json"],
        "settings": settings,
    }


def _service_class(name: str) -> Any:
    module = name if "." in name else f"services.{name}.service"
    try:
        cls = importlib.import_module(module).SERVICE
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise ConfigError(f"没有名为 {name} 的服务。") from error
    check_service(cls)
    return cls


def _once(stopping: Event) -> Callable[[int, types.FrameType | None], None]:
    def stop(_number: int, _frame: types.FrameType | None) -> None:
        if not stopping.ready():
            eventlet.spawn_n(lambda: stopping.ready() or stopping.send(None))

    return stop


def _wait_for_parts(settings: Settings, stopping: Event) -> bool:
    """Wait for broker and log instead of dying; False when asked to stop meanwhile."""
    lane = Lane("start", 1)
    log = Log(settings.eventstore_uri, timeout=3.0)

    def broker() -> None:
        link = links.connection(settings.amqp_uri)
        try:
            link.connect()
        finally:
            links.close_quietly(link)

    parts: list[tuple[str, Callable[[], Any]]] = [("broker", broker), ("log", lambda: lane.call(log.head))]
    for name, probe in parts:
        told = 0.0
        while True:
            if stopping.ready():
                return False
            try:
                probe()
                break
            except Exception as error:
                if not links.broken(error) and not isinstance(error, LogUnavailable):
                    raise
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    logs.warn("waiting_for", part=name, error=type(error).__name__)
                eventlet.sleep(_WAIT)
    lane.call(log.close)
    return True


def _beat() -> None:
    """The hub's heart: it beats as long as greenlets get their turn."""
    while True:
        beat("hub")
        eventlet.sleep(0.5)


def _tell_health(runner: ServiceRunner, settings: Settings) -> None:
    """What a scrape and a probe are told of these services."""
    consumers = [c for container in runner.containers for c in container.extensions if isinstance(c, QueueConsumer)]

    def broker() -> str:
        away = sorted({consumer.container.service_name for consumer in consumers if consumer.away})
        if away:
            return f"{'、'.join(away)} 没有连上"
        unheard = sorted({queue for consumer in consumers for queue in consumer.unheard})
        return f"队列 {'、'.join(unheard)} 无人取件" if unheard else ""

    def count(told: dict[str, int]) -> None:
        for consumer in consumers:
            consumer.counted(told)

    offices = [provider.office for container in runner.containers for provider in container.dependencies if provider.attr_name == "office"]
    HEALTH.check("消息总线", broker)
    observing.needs_log(settings.eventstore_uri)
    observing.needs_store(*(store for office in offices for store in office.stores))
    depths = Depths(settings.amqp_uri, {queue for container in runner.containers for queue in queues_of(container)}, count)
    metrics.ask("queues", depths.values)
    eventlet.spawn_n(depths.run)


def _idle(stopping: Event) -> None:
    """Keeps the hub looking at signals: a signal handler's greenlet starts only when the hub next wakes."""
    while not stopping.ready():
        eventlet.sleep(0.2)


def _watch(runner: ServiceRunner, died: list[BaseException], stopping: Event) -> None:
    """A container that dies takes the process down: the supervisor starts a whole one again."""
    try:
        runner.wait()
    except BaseException as error:
        died.append(error)
        logs.say("container_died", logging.ERROR, error=type(error).__name__, at=logs.place(error.__traceback__))
    if not stopping.ready():
        stopping.send(None)


def _stop(runner: ServiceRunner, died: list[BaseException]) -> int:
    logs.say("worker_stopping")
    stopped = False
    try:
        with eventlet.Timeout(STOP_LIMIT, False):
            runner.stop()
            stopped = True
        if not stopped:
            logs.warn("stop_limit_reached", seconds=STOP_LIMIT)
            with eventlet.Timeout(3, False):
                runner.kill()
    except Exception as error:
        logs.say("stop_failed", logging.ERROR, error=type(error).__name__, at=logs.place(error.__traceback__))
        stopped = False
    logs.say("worker_stopped", clean=stopped and not died)
    return 0 if stopped and not died else 1


def main(services: Sequence[str], settings: Settings) -> None:
    if "rpc" not in settings.doors:
        let_others_first()
    seen = observing.begin("worker-" + "-".join(name.rpartition(".")[2] for name in services), set_up_logs=logs.set_up)
    try:
        status = run(services, settings)
    except ConfigError:
        seen.end()
        raise
    except Exception as error:
        logs.say("worker_failed", logging.ERROR, error=type(error).__name__, at=logs.place(error.__traceback__))
        status = 1
    seen.end()
    logging.shutdown()
    os._exit(status)  # a native thread that hangs in a call must not keep the process
