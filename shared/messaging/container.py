"""The container (容器): nameko's, with a lane of workers for each kind of entrypoint and nothing said about the data.

Mended, by the numbers of docs/adr/0005: 10 (RPCs, reactions and the timer cannot starve one another), 18 (what an
entrypoint raises ends as its result and never kills the container), 21 (exceptions are not logged with their text).
"""

from __future__ import annotations

import sys
from typing import Any

from eventlet.greenpool import GreenPool
from nameko.containers import ServiceContainer
from nameko.extensions import iter_extensions

from shared.config import Settings
from shared.messaging import names
from shared.messaging.boundary import Lane

SPARE = 4  # native threads above the greenlets of a lane: for calls that were given up but still run


def lane_sizes(settings: Settings) -> dict[str, int]:
    """Workers by kind of entrypoint. Reactions get half: they can wait, a clerk at a window cannot."""
    return {"rpc": settings.max_workers, "bus": max(2, settings.max_workers // 2), "timer": 1}


class _Pools:
    """Stands in nameko's place of one GreenPool."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._pools = {kind: GreenPool(size) for kind, size in sizes.items()}

    def spawn(self, fn: Any, worker_ctx: Any, handle_result: Any) -> Any:
        return self._pools[worker_ctx.entrypoint.lane].spawn(fn, worker_ctx, handle_result)

    def free(self, kind: str) -> int:
        return int(self._pools[kind].free())

    def waitall(self) -> None:
        for pool in self._pools.values():
            pool.waitall()


class Container(ServiceContainer):  # type: ignore[misc]
    """Hosts one ``shared.messaging.doors.Service``."""

    def __init__(self, service_cls: type, config: dict[str, Any]) -> None:
        super().__init__(service_cls, config)
        self.settings: Settings = config["settings"]
        self.lanes = lane_sizes(self.settings)
        self._worker_pool = _Pools(self.lanes)
        self._native: dict[str, Lane] = {}
        closed = [e for e in self.entrypoints if e.lane not in self.settings.doors]
        if closed:  # another process of this service has these open
            self.entrypoints.difference_update(closed)
            self.subextensions.clear()
            for extension in self.entrypoints | self.dependencies:
                self.subextensions.update(iter_extensions(extension))

    @property
    def being_killed(self) -> bool:
        return bool(self._being_killed)

    def native(self, kind: str) -> Lane:
        """The native threads behind a kind of entrypoint, made when the first one asks."""
        if kind not in self._native:
            spare = 0 if kind == "timer" else SPARE
            self._native[kind] = Lane(f"{self.service_name}-{kind}", self.lanes[kind] + spare)
        return self._native[kind]

    def has_room(self, provider: Any) -> bool:
        return self._worker_pool.free(provider.lane) > 0

    def declare(self, channel: Any) -> None:
        """The queues behind the reactions: retries, what the broker rejects, dead letters, discarded ones."""
        declare_house_queues(channel, self.service_name, self.settings.retry_delays)

    def _run_worker(self, worker_ctx: Any, handle_result: Any) -> None:
        self._inject_dependencies(worker_ctx)
        self._worker_setup(worker_ctx)
        result = exc_info = None
        try:
            result = worker_ctx.entrypoint.work(worker_ctx.service, *worker_ctx.args)
        except Exception:
            exc_info = sys.exc_info()
        if handle_result is not None:
            result, exc_info = handle_result(worker_ctx, result, exc_info)
        self._worker_result(worker_ctx, result, exc_info)
        del exc_info
        self._worker_teardown(worker_ctx)


def declare_house_queues(channel: Any, service: str, delays: tuple[float, ...]) -> None:
    """Idempotent; ``channel`` is py-amqp's."""

    def queue(name: str, arguments: names.Arguments) -> None:
        channel.queue_declare(queue=name, durable=True, exclusive=False, auto_delete=False, arguments=arguments)

    for delay in delays:
        name = names.retry(delay)
        channel.exchange_declare(exchange=name, type="fanout", durable=True, auto_delete=False)
        queue(name, names.retry_arguments(delay))
        channel.queue_bind(queue=name, exchange=name)
    queue(names.rejected(service), names.kept_arguments())
    queue(names.dead(service), names.kept_arguments())
    queue(names.discarded(service), names.discarded_arguments())
