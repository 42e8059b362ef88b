"""Proofs over a log of a district's size (完整性): the check of the whole, one receipt, and how long proofs are; the bureau's limits.

The log is in the mix of the house's own events. What is timed is ``minzheng audit verify`` itself, from start to exit, over the file of
the running log, and over the wire, as where the file is on another machine; and a receipt's check by the stand-alone script's own
functions, signature included, without starting Python.
"""

from __future__ import annotations

import json
import math
import random
import time

from bench import fill
from bench.parts import Parts, Row, Say, opened, percentile, row
from shared.cli.sealing import checking_key, origin_of, signing_key
from shared.clock import Clock
from shared.eventlog.integrity import standalone, tree
from shared.eventlog.integrity.nodes import Nodes
from shared.eventlog.integrity.receipt import receipt
from shared.eventlog.integrity.seal import Seal
from shared.eventlog.stores import engine_for

RELATIONS = ("户主", "配偶", "子女")
SECONDS = 60.0  # for a million events
RECEIPTS = 200


def proofs(parts: Parts, events: int, say: Say) -> list[Row]:
    """``events`` in the log, sealed; then checked."""
    uri = parts.eventlog()
    copies = fill.Copies(fill.life(parts.settings(), RELATIONS, ()))
    written = parts.write(copies.up_to(events - len(copies)))
    say(f"{written:,} 个事件已写入")
    settings = parts.settings()
    engine = engine_for(settings, "integrity")
    try:
        with opened(uri, settings.eventstore_data) as log:
            began = time.perf_counter()
            size = Seal(log, engine, signing_key(settings), origin_of(settings), Clock()).catch_up().size
            say(f"{size:,} 个事件已封存（{size / (time.perf_counter() - began):,.0f} 个/秒）")
            began = time.perf_counter()
            told = json.loads(parts.command("audit", "verify", "--json"))
            took = time.perf_counter() - began
            if not told["sound"] or told["events"] < size:
                raise RuntimeError(f"核验不符：{told}")
            began = time.perf_counter()
            told = json.loads(parts.command("audit", "verify", "--json", EVENTSTORE_DATA=""))
            wire = time.perf_counter() - began
            if not told["sound"] or told["source"] != "wire":
                raise RuntimeError(f"核验不符：{told}")
            chance = random.Random(7)  # noqa: S311 - not a secret
            streams = [copies.streams(chance.randrange(written // len(copies)))[-1][0] for _ in range(RECEIPTS)]
            receipts = [receipt(log, engine, stream, 0) for stream in streams]
        key, origin, taken = checking_key(settings), origin_of(settings), []
        for given in receipts:
            text = json.dumps(given)
            began = time.perf_counter()
            standalone.check_receipt(json.loads(text), origin, key)
            taken.append((time.perf_counter() - began) * 1000)
        with engine.connect() as connection:
            kept = Nodes(connection)
            inclusion = max(len(tree.inclusion(chance.randrange(size), size, kept)) for _ in range(2_000))
            consistency = max(len(tree.consistency(chance.randrange(1, size), size, kept)) for _ in range(2_000))
    finally:
        engine.dispose()
    return [
        row(f"核验整个日志（{size:,} 个事件，逐字节）", took, SECONDS * events / 1_000_000, "秒", "<= 1"),
        row(f"日志文件不在本机、经网络核验（{size:,} 个事件），对读文件", wire, took, "秒", "<= 8"),
        row("离线核验一份回执 p95（不计启动）", percentile(taken, 0.95), 10.0, "毫秒", "<= 1"),
        row(f"含于证明的散列数（{size:,} 个事件），对 log2", inclusion, math.log2(size), "个", "<= 2"),
        row("一致性证明的散列数，对 log2", consistency, math.log2(size), "个", "<= 2"),
    ]
