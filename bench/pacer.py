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
    for n, person in enumerate(task["people"]):
        time.sleep(max(0.0, begin + n / task["rate"] - time.time()))
        cause = str(uuid.uuid4())
        given[cause] = time.time()
        give(cause, person)
    json.dump(given, sys.stdout)


def _append(task: dict[str, Any]) -> Callable[[str, str], None]:
    log = Log(task["uri"])
    log.head()  # connected before the first is timed

    def give(cause: str, person: str) -> None:
        data = task["data"].replace(task["person"], person).encode()
        log.append(f"assistance.after_death-{person}", [Raw(task["name"], data, task["metadata"].encode(), cause)], NO_STREAM)

    return give


def _dispatch(task: dict[str, Any]) -> Callable[[str, str], None]:
    from nameko.standalone.events import event_dispatcher

    dispatch = event_dispatcher({"AMQP_URI": task["uri"]})
    filler = "x" * max(0, len(task["data"]) - 110)
    dispatch("bench", "warm_up", {})

    def give(cause: str, person: str) -> None:
        dispatch("bench", "happened", {"id": cause, "person": person, "filler": filler})

    return give


if __name__ == "__main__":
    main()
