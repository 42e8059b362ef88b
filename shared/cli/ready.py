"""How a process says that it is ready (就绪标记): it touches the file that the supervisor told it about."""
from __future__ import annotations

import os
from pathlib import Path

READY_FILE = "MINZHENG_READY_FILE"


def mark_ready() -> None:
    """Call once, when the process does its work: consumers are declared, the catch-up has begun. Without a supervisor it does nothing."""
    file = os.environ.get(READY_FILE)
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(str(os.getpid()))
