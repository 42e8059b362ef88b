"""A whole district (全区规模): 100,000 households, 300,000 persons, 1,000,000 events in the log; commands and reads at a steady pace.

Limits here are the bureau's (milliseconds for an answer, megabytes for a process), not the machine's: the column beside a figure is
what is wanted of it. ``soak`` keeps the pace for ten minutes and looks at the worker's memory.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench import fill
from bench.parts import Parts, Row, Say, opened, percentile, row
from services.assistance import household
from services.assistance.service import Assistance
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.relay import mark
from shared.eventsourcing.orders import Hand, Order
from shared.office import Office
from shared.process import wait_until

COMMANDS, READS = 60, 100  # a second
TENTHS = 10  # how often a soak looks at the memory: a curve tells whether it levels off, two figures do not
PROCESSES = {"windows": "窗口", "events": "事件"}  # workers of one service
RELATIONS = ("户主", "配偶", "子女")


@dataclass(frozen=True)
class Size:
    households: int
    seconds: float
    soak: float


FULL = Size(households=100_000, seconds=60.0, soak=600.0)
QUICK = Size(households=2_000, seconds=10.0, soak=30.0)


def district(parts: Parts, size: Size, say: Say) -> list[Row]:
    """Commands and reads among so many households, everything running: worker, relay, projector."""
    households = _settled(parts, size, say)
    found = _load(parts, households, size.seconds, say)
    return [
        row("一次复核（规则、说明、追加）", _reassessment(parts, households[:: max(1, len(households) // 50)]), 20.0, "毫秒", "<= 1"),
        row(f"{size.households:,} 户：指令 p95（每秒 {COMMANDS} 指令、{READS} 查询）", found["command"]["p95"], 150.0, "毫秒", "<= 1"),
        row(f"{size.households:,} 户：查询 p95", found["read"]["p95"], 50.0, "毫秒", "<= 1"),
    ]


def _reassessment(parts: Parts, households: list[list[str]]) -> float:
    """Milliseconds for the decision after a changed income, in this process: facts, rules with every line of the explanation, append."""
    service = Assistance()
    service.office = Office(parts.settings(), "assistance")
    own = Hand.service("assistance")
    taken = []
    try:
        for n, (household_id, person_id, case_id) in enumerate(households):
            now = service.office.clock.now()
            record = household.RecordIncome(household_id, person_id, 40_000 + n, now.date(), "other", "bench")
            service.office.handle(household.DECIDER, household_id, Order(record, str(uuid.uuid4()), own, now))
            began = time.perf_counter()
            service.benefits.reassess(case_id, "2023-07", f"bench {n}", Order(None, str(uuid.uuid4()), own, now))
            taken.append((time.perf_counter() - began) * 1000)
    finally:
        service.office.close()
    return percentile(taken, 0.5)


def soak(parts: Parts, size: Size, say: Say) -> list[Row]:
    """The worker's memory at the end against what it was when a fifth of the time had gone; the curve between is said as it goes."""
    few = Size(min(size.households, 5_000), size.seconds, size.soak)
    households = _settled(parts, few, say)
    curve: list[dict[str, float]] = []
    for n in range(TENTHS):
        _load(parts, households, few.soak / TENTHS, say, seed=n)
        curve.append({name: parts.memory(name) for name in PROCESSES})
        say("内存（MB）：" + "，".join(f"{what} {curve[-1][name]:,.0f}" for name, what in PROCESSES.items()))
    began = curve[TENTHS // 5 - 1]
    return [
        row(f"内存（{what}）：{few.soak:,.0f} 秒持续负载后，对开始后不久", curve[-1][name], began[name], "MB", "<= 1.15")
        for name, what in PROCESSES.items()
    ]


def _settled(parts: Parts, size: Size, say: Say) -> list[list[str]]:
    """Fill the log, start everything, wait until the read model has seen it all; the households' (id, head, case)."""
    uri = parts.eventlog()
    parts.broker  # noqa: B018 - started here
    parts.on(datetime(2023, 6, 10, 9, tzinfo=SHANGHAI))  # the households' own year: a fact is decided on for its month, not for three years
    copies = fill.Copies(fill.life(parts.settings(), RELATIONS, ()))  # granted, and nothing has changed since: twelve events
    began = time.perf_counter()
    events = parts.write(stream for n in range(size.households) for stream in copies.streams(n))
    with opened(uri) as log:
        say(f"{events:,} 个事件已写入（{events / (time.perf_counter() - began):,.0f} 个/秒）")
        head = log.head("assistance.")
        # What is in the log was announced long ago: what is measured is a day, not the catching up with a million events.
        entry = mark.read(log, "main")
        mark.append(log, "main", mark.Entry(entry.version + 1, entry.epoch + 1, log.head(), "bench"), str(uuid.uuid4()))
    households = [[ids["household"], ids["person"], ids["case"]] for ids in map(copies.ids, range(size.households))]
    office = Office(parts.settings(), "assistance")
    office.vault.prepare(person for n in range(size.households) for person in copies.persons(n))  # everybody has a key, as in life
    office.close()
    parts.start("projector", "shared.cli", "projector", limit=60 + events / 2_000)
    # One process answers the windows and one the events, as where a service is busy (docs/adr/0015).
    parts.start("windows", "shared.cli", "worker", "assistance", MINZHENG_DOORS="rpc")
    parts.start("events", "shared.cli", "worker", "assistance", MINZHENG_DOORS="bus,timer")
    parts.start("relay", "shared.cli", "relay")
    [model] = discovery.read_models(("assistance",))
    _wait_for(parts, model, head, events)
    return households


def _wait_for(parts: Parts, model: Any, head: int, events: int) -> None:
    from shared.eventlog.stores import engine_for

    engine = engine_for(parts.settings(), "assistance")
    try:
        seen = wait_until(lambda: (known := model.checkpoint(engine)) is not None and known.position >= head, 60 + events / 2_000, 0.5)
    finally:
        engine.dispose()
    if not seen:
        raise RuntimeError("读模型没有赶上")


def _load(parts: Parts, households: list[list[str]], seconds: float, say: Say, seed: int = 7) -> dict[str, Any]:
    some = households[:: max(1, len(households) // 20_000)]
    task = {"uri": parts.broker, "token": parts.token("clerk"), "households": some, "seed": seed}
    found: dict[str, Any] = parts.run("bench.mixed", {**task, "commands": COMMANDS, "reads": READS, "seconds": seconds}, seconds + 120)
    if found["errors"]:
        raise RuntimeError(f"{found['failed']} 个失败：{found['errors']}")
    say(f"{seconds:,.0f} 秒：指令 p95 {found['command']['p95']:.1f} 毫秒，查询 p95 {found['read']['p95']:.1f} 毫秒")
    return found
