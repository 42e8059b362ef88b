"""A district's day in a process of its own (混合负载): commands and reads at a steady pace, each timed from when it was due.

Reads its task as JSON: {"uri", "token", "households": [[household, person, case], …], "commands", "reads", "seconds", "seed"},
commands and reads being a second's. Answers {"command": {"p50", "p95", "max", "count"}, "read": {…}, "errors"}; milliseconds.
Nobody waits for a slow answer: callers come when they come, so a queue that builds up shows in the figures.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from queue import SimpleQueue
from typing import Any

from shared.domain.errors import Refused
from shared.messaging.client import RpcClient

CALLERS = 48


def main() -> None:
    task = json.load(sys.stdin)
    chance = random.Random(task["seed"])  # noqa: S311 - not a secret
    took: dict[str, list[float]] = {"command": [], "read": []}
    errors: list[str] = []
    due: SimpleQueue[tuple[str, float, list[str]] | None] = SimpleQueue()

    def caller(client: RpcClient) -> None:
        while (item := due.get()) is not None:
            kind, at, household = item
            try:
                _ask(client, kind, household, chance.random())
                took[kind].append((time.perf_counter() - at) * 1000)
            except Refused as error:
                errors.append(f"{kind}: {error}")

    with RpcClient(task["uri"], task["token"], 20.0) as client:
        threads = [threading.Thread(target=caller, args=(client,), daemon=True) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        begin = time.perf_counter() + 0.2
        times = sorted(
            [(begin + n / task["commands"], "command") for n in range(int(task["commands"] * task["seconds"]))]
            + [(begin + n / task["reads"], "read") for n in range(int(task["reads"] * task["seconds"]))]
        )
        for at, kind in times:
            time.sleep(max(0.0, at - time.perf_counter()))
            due.put((kind, at, chance.choice(task["households"])))
        for _ in threads:
            due.put(None)
        for thread in threads:
            thread.join(30)
    json.dump({kind: _figures(found) for kind, found in took.items()} | {"errors": errors[:3], "failed": len(errors)}, sys.stdout)


def _ask(client: RpcClient, kind: str, household: list[str], share: float) -> Any:
    household_id, person_id, case_id = household
    if kind == "command":
        body = {"household_id": household_id, "person_id": person_id, "monthly_income_fen": int(share * 100_000)}
        return client.call(
            "assistance", "record_income", command_id=str(uuid.uuid4()), effective_from="2023-06-05", reason="other", **body
        )
    if share < 0.4:
        return client.call("assistance", "get_case", case_id=case_id)
    if share < 0.7:
        return client.call("assistance", "get_household", household_id=household_id)
    if share < 0.9:
        return client.call("assistance", "list_decisions", case_id=case_id)
    return client.call("assistance", "list_cases", programme="minimum_living_allowance", after=case_id, limit=20)


def _figures(found: list[float]) -> dict[str, float]:
    ordered = sorted(found)
    if not ordered:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0, "count": 0}
    return {"p50": ordered[len(ordered) // 2], "p95": ordered[int(len(ordered) * 0.95)], "max": ordered[-1], "count": len(ordered)}


if __name__ == "__main__":
    main()
