"""Counter, with a hub that can be stopped: while the flag is up the loop of greenlets stands still, as after a call that blocks."""

from __future__ import annotations

import eventlet
from eventlet import patcher

from tests.messaging.services.counter import SERVICE, flag

__all__ = ["SERVICE"]
_time = patcher.original("time")


def _watch() -> None:
    while True:
        while flag("stuck"):
            _time.sleep(0.05)
        eventlet.sleep(0.05)


eventlet.spawn_n(_watch)
