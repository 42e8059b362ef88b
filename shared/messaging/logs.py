"""Log lines of the workers (日志): shared/logs.py, and eventlet kept from printing tracebacks, which quote an exception's text."""

from __future__ import annotations

from shared import logs
from shared.logs import here, place, say, warn

__all__ = ["here", "place", "say", "set_up", "warn"]


def set_up(level: str, process: str = "") -> None:
    from eventlet import debug, greenpool

    debug.hub_exceptions(False)
    greenpool.DEBUG = False
    logs.set_up(level, process)
