"""The sample service's projector as a process: ``python -m tests.projections.run_projector LOG VAR DATABASE``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from threading import Event

from shared.config import Settings
from shared.eventlog.client import Log
from shared.eventlog.projector import Projector
from shared.eventlog.stores import engine_for
from tests.projections import sample

if __name__ == "__main__":
    uri, var, database_url = sys.argv[1:]
    stopping = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    engine = engine_for(Settings(var=Path(var), database_url=database_url), "sample")
    Projector(sample.model(), engine, Log(uri), stopping, tell=lambda text: print(text, flush=True), most=50).run()
