"""How a process says that it is ready (就绪标记): it touches the file that the supervisor told it about."""
from __future__ import annotations

import os
from pathlib import Path

from shared.health import HEALTH

READY_FILE = "MINZHENG_READY_FILE"


def mark_ready() -> None:
    """Call when the process does its work: consumers are declared, the catch-up has begun. From then on it may say that it is ready."""
    HEALTH.mark()
    file = os.environ.get(READY_FILE)
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(str(os.getpid()))
