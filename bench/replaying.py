"""Decision replay (决定重算) over a log of many lives: every assessment made again from its recorded inputs and versions, and compared.

    .venv/bin/python -m bench.replaying 20000

A life's decisions are what its own procedure recorded: proposal, grant, and a reassessment for every change of income.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bench import fill
from bench.parts import Parts, Row, Say, opened, row
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.integrity.replay import RULES, replay
from shared.eventlog.integrity.replay_hands import Hands, as_many_as_there_are
from shared.office import Office

DAY = datetime(2023, 6, 10, 9, tzinfo=SHANGHAI)
LEAST = 2_000  # decisions a second


def decision_replay(parts: Parts, lives: int, say: Say) -> list[Row]:
    """Decisions a second, the reading of the log and the start of the processes included, by as many as the machine has cores and by one;
    all of them must come out equal."""
    uri = parts.eventlog()
    parts.on(DAY)
    copies = fill.Copies(fill.life(parts.settings(), ("户主", "配偶", "子女"), ((3, 20_000), (4, 30_000), (5, 150_000))))
    events = parts.write(stream for n in range(1, lives) for stream in copies.streams(n))  # the life itself is the first
    say(f"{events:,} 个事件已写入")
    discovery.load_all()
    offices = {"assistance": Office(parts.settings(), "assistance")}
    several = as_many_as_there_are()
    try:
        with opened(uri, parts.settings().eventstore_data) as log:
            began = time.perf_counter()
            one = replay(log, offices)
            alone = time.perf_counter() - began
            began = time.perf_counter()
            with closing(Hands(parts.settings(), log, offices, several)) as hands:
                report = replay(log, offices, ranges=hands)
                took = time.perf_counter() - began
    finally:
        offices["assistance"].close()
    # Copies are paid without runs, and what was reviewed is the first life's: only what the rules say is theirs.
    if report != one or report.wrong[RULES] or report.older or report.kinds[RULES] < 3 * lives:
        found = [str(f) for f in report.findings[:3]]
        raise RuntimeError(f"{report.decisions:,} 项决定：不一致 {report.unequal:,}，旧版 {report.older:,}；{found}")
    say(f"{report.events:,} 个事件载有 {report.decisions:,} 项决定，按规则的全部一致；{took:.1f} 秒，一个进程 {alone:.1f} 秒")
    return [
        row(f"决定重算：日志中 {report.decisions:,} 项（{several} 个进程）", report.decisions / took, LEAST, "项/秒", ">= 1"),
        row("决定重算：一个进程", report.decisions / alone, LEAST, "项/秒", ">= 1"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lives", type=int)
    with tempfile.TemporaryDirectory() as var, Parts(Path(var)) as made:
        for found in decision_replay(made, parser.parse_args().lives, print):
            print(found)
