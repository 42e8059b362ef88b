"""Log lines of the processes (日志): one JSON object a line on stderr, never a payload, never a token, never an exception's text.

Our own lines are made by ``say`` from fields that we chose: when, how grave, what happened, which process, and under which correlation id
(事由编号), if the thread is at work on something that has one. From other libraries only the template of a message is kept and not what
was filled in, and of an exception its class and where it was raised: both may quote the data.

A worker always writes JSON. The other processes do under ``MINZHENG_LOG_FORMAT=json``, which the supervisor sets for what it starts;
started by hand at a terminal they say the same in plain sentences (``Teller``).
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from shared.clock import SHANGHAI
from shared.config import ROOT

_log = logging.getLogger("minzheng.house")


class _Here(threading.local):
    """What this thread is at work on."""

    correlation = ""


here = _Here()
_process = ""
_json = False


def say(event: str, level: int = logging.INFO, **fields: Any) -> None:
    if _log.isEnabledFor(level):
        _log.log(level, event, extra={"fields": fields})


def warn(event: str, **fields: Any) -> None:
    say(event, logging.WARNING, **fields)


def place(trace: TracebackType | None) -> str:
    """Where an exception was raised, as the last line of ours that it went through: "services/registry/death.py:88"."""
    frames = traceback.extract_tb(trace)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path.is_relative_to(ROOT) and ".venv" not in path.parts:
            return f"{path.relative_to(ROOT)}:{frame.lineno}"
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


class Teller:
    """What a process has to tell its operator, in Chinese: a line of JSON, or the sentence as it is at a terminal."""

    def __init__(self, event: str, prefix: str = "", out: Any = None) -> None:
        self._event, self._prefix, self._out = event, prefix, out

    def __call__(self, text: str) -> None:
        if _json:
            say(self._event, said=text)
        else:
            print(self._prefix + text, file=self._out or sys.stderr, flush=True)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, SHANGHAI).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name.startswith("minzheng."):
            line["event"] = record.getMessage()
        else:
            line["event"] = str(record.msg)[:200] if record.args else "library"
            line["logger"] = f"{record.name}:{record.lineno}"
        if _process:
            line["process"] = _process
        if here.correlation:
            line["correlation"] = here.correlation
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["at"] = place(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


def adopt(logger: str) -> None:
    """The lines of a library's logger are formatted here, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    adopted = logging.getLogger(logger)
    adopted.handlers[:], adopted.propagate = [handler], False


def _last_words(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    say("uncaught", logging.ERROR, error=kind.__name__ if kind else "?", at=place(trace))


def set_up(level: str, process: str = "") -> None:
    """JSON from now on, also for what nobody caught: Python's own traceback quotes the exception's text."""
    global _process, _json
    _process, _json = process, True
    sys.excepthook = _last_words
    threading.excepthook = lambda told: _last_words(told.exc_type, told.exc_value, told.exc_traceback)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.getLogger("minzheng").setLevel(level)
