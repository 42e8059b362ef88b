"""Causes at a steady pace (定速): appended to the log, or dispatched by nameko; answers when each was given, by its id."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from shared.eventlog.client import NO_STREAM, Log, Raw


def main() -> None:
    task = json.load(sys.stdin)
    give = _append(task) if task["by"] == "log" else _dispatch(task)
    given: dict[str, float] = {}
    begin = time.time() + 0.2
    for n in range(task["count"]):
        time.sleep(max(0.0, begin + n / task["rate"] - time.time()))
        cause = str(uuid.uuid4())
        given[cause] = time.time()
        give(cause)
    json.dump(given, sys.stdout)


def _append(task: dict[str, Any]) -> Callable[[str], None]:
    log = Log(task["uri"])
    log.head()  # connected before the first is timed

    def give(cause: str) -> None:
        data = task["data"].replace(task["person"], uuid.UUID(cause).hex).encode()
        log.append(f"registry.after_death-{uuid.UUID(cause).hex}", [Raw(task["name"], data, task["metadata"].encode(), cause)], NO_STREAM)

    return give


def _dispatch(task: dict[str, Any]) -> Callable[[str], None]:
    import eventlet  # noqa: F401
    from nameko.standalone.events import event_dispatcher

    dispatch = event_dispatcher({"AMQP_URI": task["uri"]})
    filler = "x" * max(0, len(task["data"]) - 60)
    dispatch("bench", "warm_up", {})

    def give(cause: str) -> None:
        dispatch("bench", "happened", {"id": cause, "filler": filler})

    return give


if __name__ == "__main__":
    main()
