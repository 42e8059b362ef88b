"""A standard rises in a whole district (提标): N cases in force, the rules in vectorised calls, every case decided and recorded.

    .venv/bin/python -m bench.standards 2000            the work itself, in one process, with a projector beside it
    .venv/bin/python -m bench.standards 2000 --whole    as it runs: broker, relay, projector and a worker
    .venv/bin/python -m bench.standards 2000 --back 3   effective three months back: arrears for the months between

Limits: rules 5 s, everything 5 minutes, both for 100,000 cases and in proportion for fewer.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import fill
from bench.parts import Parts, Row, Say, opened, row
from services.assistance import rise, standard_run, standards
from services.assistance.benefits import business
from services.assistance.read_model import TABLES
from services.assistance.rows.standards import Tables
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog import discovery
from shared.eventlog.relay import mark
from shared.eventlog.stores import engine_for
from shared.eventsourcing.orders import Hand, Order
from shared.office import Office
from shared.process import wait_until
from shared.rules.engine import RulesEngine

PROFILE, DISTRICT = "xiangshan-2023", "330225"
STANDARD = "minimum_living_allowance.standard"
DAY = datetime(2023, 6, 10, 9, tzinfo=SHANGHAI)
AT_ONCE = 8  # slices, as the reactions of a worker
RULES, ALL = 5.0, 300.0  # seconds for 100,000


def standards_rise(parts: Parts, cases: int, say: Say, *, back: int = 0, whole: bool = False) -> list[Row]:
    """Publish ten per cent more and decide everybody again; seconds of the rules, and of all of it."""
    _filled(parts, cases, say)
    if whole:
        parts.broker  # noqa: B018 - started here
    parts.start("projector", "shared.cli", "projector", limit=60 + cases / 100)
    office = Office(parts.settings(), "assistance")
    try:
        _seen(office, cases)
        if whole:
            parts.start("worker", "shared.cli", "worker", "assistance")
            parts.start("relay", "shared.cli", "relay")
        cpu = time.process_time()
        taken, rules = _raised(office, back, whole, say)
        if not whole:
            say(f"本进程用 CPU 每件 {(time.process_time() - cpu) / cases * 1000:.2f} 毫秒（其余为等待日志写盘）")
        run = _run(office)
        if (run.status, len(run.listed), run.sums.changed) != ("closed", cases, cases):
            raise RuntimeError(f"{run.status}：应复核 {cases} 件，列入 {len(run.listed)}，改变 {run.sums.changed}")
        say(f"月保障金 {run.sums.before_fen / 100:,.2f} → {run.sums.after_fen / 100:,.2f} 元；每件 {taken / cases * 1000:.2f} 毫秒")
        say(f"本进程最多占用内存 {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    finally:
        office.close()
    share = cases / 100_000
    found = [row(f"提标：{cases:,} 件全部复核并记录", taken, ALL * share, "秒", "<= 1")]
    return found if whole else [row(f"提标：其中规则（成批计算 {cases:,} 件）", rules, max(RULES * share, 0.5), "秒", "<= 1"), *found]


def _filled(parts: Parts, cases: int, say: Say) -> None:
    uri = parts.eventlog()
    parts.on(DAY)
    copies = fill.Copies(fill.life(parts.settings(), ("户主", "配偶", "子女"), ((3, 20_000),)))
    began = time.perf_counter()
    events = parts.write(stream for n in range(1, cases) for stream in copies.streams(n))  # the life itself is the first
    with opened(uri) as log:
        entry = mark.read(log, "main")  # announced long ago
        mark.append(log, "main", mark.Entry(entry.version + 1, entry.epoch + 1, log.head(), "bench"), str(uuid.uuid4()))
    say(f"{events:,} 个事件已写入（{time.perf_counter() - began:,.1f} 秒）")


def _seen(office: Office, cases: int) -> None:
    [model] = discovery.read_models(("assistance",))
    engine = engine_for(office.settings, "assistance")
    head = office.log.head("assistance.")
    try:
        if not wait_until(lambda: (k := model.checkpoint(engine)) is not None and k.position >= head, 120 + cases / 100, 0.5):
            raise RuntimeError("读模型没有赶上")
    finally:
        engine.dispose()


def _raised(office: Office, back: int, whole: bool, say: Say) -> tuple[float, float]:
    since = dates.first_day(dates.add_months("2023-07", -back))
    now = office.clock.now()

    def order(actor: str, command: Any) -> Order[Any]:
        return Order(command, str(uuid.uuid4()), Hand(actor, frozenset({"reviewer", "approver"}), DISTRICT), now)

    values = tuple(standards.StandardValue(f"{STANDARD}.{area}", area, 138_050, since, 125_500) for area in ("urban", "rural"))
    for actor, command in (
        ("staff:a", standards.DraftStandard(DISTRICT, STANDARD, values, "象民〔2023〕18号")),
        ("staff:b", standards.ApproveStandard(1)),
        ("staff:c", standards.PublishStandard(1)),
    ):
        office.handle(standards.DECIDER, DISTRICT, order(actor, command))
    began = time.perf_counter()
    if whole:
        if not wait_until(lambda: _run(office).status == "closed", 3_600, 0.2):
            raise RuntimeError("批次没有关账")
        return time.perf_counter() - began, 0.0
    spent = [0.0]
    asked = RulesEngine.assess_many

    def timed(self: RulesEngine, *args: Any) -> Any:
        at = time.perf_counter()
        try:
            return asked(self, *args)
        finally:
            spent[0] += time.perf_counter() - at

    RulesEngine.assess_many = timed  # type: ignore[method-assign,assignment]
    try:
        work = rise.Raise(office, PROFILE, business(office, PROFILE), Tables(office.read, TABLES["standards"]))
        own = Order(None, str(uuid.uuid4()), Hand.service("assistance"), now)
        run_id = work.open(1, DISTRICT, STANDARD, dates.month_of(since), "published", "象民〔2023〕18号", own)
        rules = spent[0]
        say(f"查找所涉个案 {time.perf_counter() - began:.2f} 秒")
        with ThreadPoolExecutor(AT_ONCE) as lanes:
            list(lanes.map(lambda n: work.slice(run_id, n, own), range(len(work.run(run_id).slices))))
        taken = time.perf_counter() - began
        _seen(office, len(work.run(run_id).listed))
        work.finish(run_id, own)
    finally:
        RulesEngine.assess_many = asked  # type: ignore[method-assign]
    return taken, rules


def _run(office: Office) -> standard_run.Run:
    state: standard_run.Run = office.load(standard_run.DECIDER, standard_run.run_id(DISTRICT, 1, "published")).state
    return state


def main() -> None:
    asked = argparse.ArgumentParser(description="提标：全部在保个案复核一遍的用时。")
    asked.add_argument("cases", type=int, help="在保个案件数")
    asked.add_argument("--back", type=int, default=0, help="生效日在几个月以前")
    asked.add_argument("--whole", action="store_true", help="用全部进程（消息总线、转发、投影、服务）")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-standards-") as var, Parts(Path(var)) as parts:
        for r in standards_rise(parts, given.cases, print, back=given.back, whole=given.whole):
            print(f"{r.work}：{r.ours:,} {r.unit}，限 {r.limit:,} {r.unit}　{'达到' if r.met else '未达到'}")


if __name__ == "__main__":
    main()
