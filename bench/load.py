"""Callers in a process of their own (负载): as many at once as told, for as long as told, one RPC after another.

Reads its task as JSON and answers {"rate", "p50", "p99", "errors"}; latencies in milliseconds. The same for ours and for the limit.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import threading
import time
import uuid
from typing import Any

from shared.domain.errors import Refused
from shared.messaging.client import RpcClient


def main() -> None:
    task = json.load(sys.stdin)
    amounts = itertools.count(int(task["first"]))
    people = task["people"]
    latencies: list[float] = []
    errors: list[str] = []
    began = time.perf_counter()
    until = began + task["seconds"]
    with RpcClient(task["uri"], task["token"], 20.0) as client:

        def call(number: int) -> None:
            method = getattr(getattr(client, task["service"]), task["method"])
            for n in itertools.count(number, task["callers"]):
                household_id, person_id = people[n % len(people)]
                start = time.perf_counter()
                if start > until:
                    return
                try:
                    method(**_command(household_id, person_id, next(amounts)))
                    latencies.append(time.perf_counter() - start)
                except Refused as error:
                    errors.append(str(error))

        threads = [threading.Thread(target=call, args=(n,)) for n in range(task["callers"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took = time.perf_counter() - began
    ordered = sorted(latencies)
    json.dump(
        {
            "rate": len(latencies) / took,
            "p50": statistics.median(ordered) * 1000,
            "p99": ordered[int(len(ordered) * 0.99)] * 1000,
            "errors": errors[:3],
        },
        sys.stdout,
    )


def _command(household_id: str, person_id: str, amount: int) -> dict[str, Any]:
    return {
        "command_id": str(uuid.uuid4()),
        "household_id": household_id,
        "person_id": person_id,
        "monthly_income_fen": amount % 100_000,
        "effective_from": "2023-03-05",
        "reason": "other",
    }


if __name__ == "__main__":
    main()
