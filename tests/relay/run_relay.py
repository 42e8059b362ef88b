"""A relay as a process: ``python -m tests.relay.run_relay BROKER LOG NAME``."""

from __future__ import annotations

import logging
import signal
import sys
from threading import Event

from shared.eventlog.client import Log
from shared.eventlog.relay import Relay
from shared.eventlog.relay.session import Options
from tests.projections import sample  # noqa: F401 - registers the event types

if __name__ == "__main__":
    broker, log, name = sys.argv[1:]
    stopping = Event()
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    Relay(
        broker,
        Log(log),
        stopping,
        tell=lambda text: print(text, flush=True),
        ready=lambda active: print("active" if active else "standing by", flush=True),
        options=Options(name=name, services=frozenset({"sample"}), seconds=0.1, every=50, window=100),
    ).run()
