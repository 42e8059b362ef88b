"""Decisions made again by several processes (多进程重算): one reads the log (``replay.py``), the others take its ranges in turn.

Each is a process of its own that was started anew, with its own connections and its own rules; it is niced, for the house works beside it.
None is started before there is a whole range: a small log costs what it did. Twice as many ranges as processes are under way at once, so
that reading does not run ahead of memory.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from shared.config import Settings
from shared.eventlog import discovery
from shared.eventlog.client import Log
from shared.eventlog.integrity.replay import Here, Report, Span, Work
from shared.office import Office

MOST = 4  # processes, unless somebody asks for more: each holds the rules and its ranges, some 200 MB


def as_many_as_there_are() -> int:
    """The cores that this process may use, within reason."""
    return min(len(os.sched_getaffinity(0)), MOST)


@dataclass
class _Own:
    """What a process has made at its start."""

    here: Here | None = None


_own = _Own()


def _start(settings: Settings, services: tuple[str, ...]) -> None:
    os.nice(10)
    discovery.load_all()
    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    _own.here = Here(log, {service: Office(settings, service) for service in services})


def _made(work: Work, span: Span) -> Report:
    assert _own.here is not None
    [report] = _own.here.give(work, span)
    return report


class Hands:
    """``workers`` processes; ``close`` ends them. What is less than a whole range is made again here, with the caller's offices."""

    def __init__(self, settings: Settings, log: Log, offices: Mapping[str, Office], workers: int) -> None:
        self._here = Here(log, offices)
        # Started anew, not forked: this process has threads and connections by now.
        fresh = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, fresh, initializer=_start, initargs=(settings, tuple(offices)))
        self._under_way: deque[Future[Report]] = deque()
        self._most = 2 * workers

    def give(self, work: Work, span: Span) -> Iterator[Report]:
        self._under_way.append(self._pool.submit(_made, work, span))
        while len(self._under_way) > self._most:
            yield self._under_way.popleft().result()

    def rest(self, work: Work, span: Span) -> Iterator[Report]:
        last = self._here.give(work, span)  # while the others are at theirs
        while self._under_way:
            yield self._under_way.popleft().result()
        yield from last

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
