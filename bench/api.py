"""The API beside the bare RPC (接口): what HTTP, login, schema and answer add to a call; one of each in turn, on the same data.

Both go to the same worker; the bare one over the same client that the portal uses. The limit is the issue's 5 milliseconds.
"""

from __future__ import annotations

import statistics
from typing import Any

from bench.parts import Parts, Row, Say, row
from shared.process import free_port

LIMIT_MS = 5.0


def api(parts: Parts, seconds: float, rounds: int, say: Say) -> list[Row]:
    """p50 of what the API adds to a command and to a query, with one caller and with eight."""
    from bench.works import _households

    parts.eventlog()
    parts.broker  # noqa: B018 - started here
    parts.start("worker", "shared.cli", "worker", "assistance")
    token = parts.token("clerk")
    people = _households(parts, token, 100)
    port = free_port()
    parts.start("portal", "shared.cli", "portal", "--port", str(port), MINZHENG_PORTAL_RATE="1000000/minute")
    task: dict[str, Any] = {"uri": parts.broker, "port": port, "token": token, "people": people, "seconds": seconds}
    parts.run("bench.api_calls", {**task, "callers": 8, "seconds": 3.0, "first": 0})  # every process warm
    rows = []
    for callers, words in ((1, "一个调用者"), (8, "8 个同时调用者")):
        found: dict[str, list[tuple[float, float]]] = {"command": [], "query": []}
        for n in range(rounds):
            answer = parts.run("bench.api_calls", {**task, "callers": callers, "first": 1_000_000 * (callers * 10 + n + 1)})
            if answer["errors"]:
                raise RuntimeError(f"接口：{answer['errors']}")
            for kind, both in found.items():
                both.append((answer[kind]["http"], answer[kind]["rpc"]))
            say(f"{words}，第 {n + 1}/{rounds} 轮：指令 {found['command'][-1]}，查询 {found['query'][-1]}（接口，RPC；毫秒）")
        for kind, name in (("command", "指令"), ("query", "查询")):
            over = statistics.median(http - rpc for http, rpc in found[kind])
            bare = statistics.median(rpc for _, rpc in found[kind])
            rows.append(row(f"接口比 RPC 多出的 p50（{name}，{words}；RPC {bare:.1f}）", max(over, 0.0), LIMIT_MS, "毫秒", "<= 1"))
    return rows
