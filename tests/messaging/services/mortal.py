"""Counter under another name of module, with a part that dies on demand and little patience when it is stopped."""

from __future__ import annotations

import eventlet
from nameko.extensions import DependencyProvider

from shared.messaging import runner
from tests.messaging.services.counter import CounterService, flag

runner.STOP_LIMIT = 1.0


class Dies(DependencyProvider):
    def start(self) -> None:
        self.container.spawn_managed_thread(self._watch)

    def _watch(self) -> None:
        while not flag("die"):
            eventlet.sleep(0.05)
        raise RuntimeError("王小明 33022519900101001X")


class Mortal(CounterService):
    dies = Dies()


SERVICE = Mortal
