"""The clock at the edge (时钟). Deciders never read it; doors read it once and pass the time on as a value.

All business dates are Asia/Shanghai. In demos and tests the clock may be moved by a file that holds a number of
seconds to add; production refuses that setting (``shared.config``), and nothing in the house sleeps until a deadline.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock:
    """Tells the business time; ``shift`` is re-read whenever the file changes, so every process moves together."""

    def __init__(self, shift_file: Path | None = None) -> None:
        self._file = shift_file
        self._seen: tuple[int, int] | None = None
        self._shift = timedelta()

    def now(self) -> datetime:
        if self._file is not None:
            try:
                stat = self._file.stat()
                if (stat.st_mtime_ns, stat.st_size) != self._seen:
                    self._shift = timedelta(seconds=float(self._file.read_text() or 0))
                    self._seen = (stat.st_mtime_ns, stat.st_size)
            except FileNotFoundError:
                self._shift = timedelta()
        return datetime.now(SHANGHAI) + self._shift


def move(shift_file: Path, to: datetime) -> None:
    """Set the business clock of every process that reads this file (demos and tests only)."""
    seconds = (to - datetime.now(SHANGHAI)).total_seconds()
    new = shift_file.with_name(f"{shift_file.name}.{os.getpid()}")
    shift_file.parent.mkdir(parents=True, exist_ok=True)
    new.write_text(f"{seconds:.3f}")
    os.replace(new, shift_file)
