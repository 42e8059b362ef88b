"""Calls of one kind and the other in turn, over HTTP and as a bare RPC (run by bench/api.py); answers the p50 of each in milliseconds."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from shared.messaging.client import RpcClient


def main() -> None:
    task = json.load(sys.stdin)
    times: dict[str, dict[str, list[float]]] = {kind: {"http": [], "rpc": []} for kind in ("command", "query")}
    errors: list[str] = []
    with RpcClient(task["uri"], task["token"], 20.0) as client:
        threads = [threading.Thread(target=_caller, args=(task, client, number, times, errors)) for number in range(task["callers"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    p50 = {kind: {way: statistics.median(found) * 1000 if found else 0.0 for way, found in ways.items()} for kind, ways in times.items()}
    json.dump({**p50, "errors": errors[:3]}, sys.stdout)


def _caller(task: dict[str, Any], client: RpcClient, number: int, times: dict[str, dict[str, list[float]]], errors: list[str]) -> None:
    link = http.client.HTTPConnection("127.0.0.1", task["port"], timeout=20)
    bearer = {"Authorization": f"Bearer {task['token']}"}
    until, n = time.monotonic() + task["seconds"], number
    try:
        while time.monotonic() < until:
            household, person = task["people"][n % len(task["people"])]
            change = {"household_id": household, "person_id": person, "effective_from": "2023-03-05"}

            def command(way: str, change: dict[str, Any] = change, n: int = n) -> None:
                amount = {**change, "monthly_income_fen": task["first"] + 2 * n + (way == "http")}
                if way == "rpc":
                    client.call("assistance", "record_income", command_id=str(uuid.uuid4()), **amount)
                else:
                    headers = {**bearer, "Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
                    _http(link, "POST", "/api/v1/assistance/record_income", headers, json.dumps(amount))

            def query(way: str, household: str = household) -> None:
                if way == "rpc":
                    client.call("assistance", "get_household", household_id=household)
                else:
                    _http(link, "GET", f"/api/v1/assistance/get_household?household_id={household}", bearer)

            for kind, call in (("command", command), ("query", query)):
                for way in ("http", "rpc") if n // task["callers"] % 2 else ("rpc", "http"):
                    times[kind][way].append(_timed(call, way))
            n += task["callers"]
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
    finally:
        link.close()


def _timed(call: Callable[[str], None], way: str) -> float:
    began = time.perf_counter()
    call(way)
    return time.perf_counter() - began


def _http(link: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None) -> None:
    link.request(method, path, body, headers)
    answer = link.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} {said[:200]!r}")


if __name__ == "__main__":
    main()
