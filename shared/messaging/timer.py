"""The timer (定时器): calls the @deadline methods for what is due in the service's read model.

Every worker process has one, and all may call for the same row: the command's id follows from the row, so the second
call changes nothing. A row that fails is left alone for longer and longer; one that succeeded is not asked for again
until the projector had time to remove it. Both are remembered in memory only: after a restart it is simply tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nameko import timer as nameko_timer

from shared import metrics
from shared.eventlog import deadlines
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.messaging import logs
from shared.messaging.faults import Kind, kind_of, reason_of

AT_ONCE = 200
_REST = 30.0  # seconds until a row that was dealt with is looked at again, if it is still there
_MOST = 600.0


@dataclass(frozen=True)
class Due:
    """A deadline that has come (到期)."""

    stream: str
    aggregate_id: str
    name: str
    due_at: str
    division: str
    data: dict[str, Any]
    hand: Hand
    now: datetime

    def order(self, command: Any, step: str = "") -> Order[Any]:
        """The command this deadline causes; the same row always yields the same command id."""
        command_id = derived_id(self.stream, self.name, self.due_at, step)
        asked = (self.stream, self.name, self.due_at)
        return Order(command=command, command_id=command_id, hand=self.hand, now=self.now, asked=asked)


@dataclass
class _Memory:
    """When a row may be looked at again, and how often it has failed."""

    until: float = 0.0
    failures: int = 0


@dataclass
class Waiting:
    rows: dict[tuple[str, str, str], _Memory] = field(default_factory=dict)

    def held(self, now: float) -> int:
        self.rows = {k: m for k, m in self.rows.items() if m.until > now - _MOST}  # forget what was not due again for long
        return sum(m.until > now for m in self.rows.values())

    def may(self, key: tuple[str, str, str], now: float) -> bool:
        return self.rows.get(key, _Memory()).until <= now

    def succeeded(self, key: tuple[str, str, str], now: float) -> None:
        self.rows[key] = _Memory(now + _REST)

    def failed(self, key: tuple[str, str, str], now: float, period: float) -> float:
        memory = self.rows.setdefault(key, _Memory())
        memory.failures += 1
        pause = min(period * 2.0**memory.failures, _MOST)
        memory.until = now + pause
        return pause


class Timer(nameko_timer.Timer):  # type: ignore[misc]
    """One a service; does nothing for a service without @deadline methods."""

    lane = "timer"

    def __init__(self, **kwargs: Any) -> None:
        self.methods: dict[str, str] = {}
        self.waiting = Waiting()
        self.withdraw: Callable[[], None] = lambda: None
        super().__init__(interval=1.0, eager=True, **kwargs)

    def setup(self) -> None:
        self.interval = self.container.settings.timer_period
        self.methods = deadline_methods(self.container.service_cls)

    def start(self) -> None:
        if self.methods:
            self.withdraw = metrics.ask("deadlines", self._waiting_rows)
            super().start()

    def stop(self) -> None:
        self.withdraw()
        if self.methods:
            super().stop()

    def kill(self) -> None:
        self.withdraw()
        if self.gt is not None:
            super().kill()

    def work(self, service: Any) -> None:
        self.container.native("timer").call(self._native, service)

    def handle_result(self, worker_ctx: Any, result: Any, exc_info: Any) -> tuple[None, None]:
        if exc_info is not None:
            level = 30 if kind_of(exc_info[1]) is Kind.AWAY else 40
            logs.say("timer_failed", level, service=worker_ctx.service_name, error=exc_info[0].__name__, at=logs.place(exc_info[2]))
        self.worker_complete.send()
        return None, None

    # -- on a native thread ------------------------------------------------------------------------------------

    def _waiting_rows(self) -> Iterable[metrics.Value]:
        """For a scrape: how many deadlines of the service wait for a timer."""
        service = self.container.service_name
        office = next(provider.office for provider in self.container.dependencies if provider.attr_name == "office")
        due, overdue = deadlines.waiting(office.read, office.clock.now())
        return (metrics.DEADLINES_DUE, (service,), due), (metrics.DEADLINES_OVERDUE, (service,), overdue)

    def _native(self, service: Any) -> None:
        office = service.office
        now = office.clock.now()
        rows = deadlines.due(office.read, now, AT_ONCE + self.waiting.held(time.monotonic()))
        for row in rows:
            if self.should_stop.ready():
                return
            key = (row.stream, row.name, row.due_at)
            if not self.waiting.may(key, time.monotonic()):
                continue
            name = row.name.partition(":")[0]  # "late_step:household" is one of several
            due = Due(row.stream, row.aggregate_id, row.name, row.due_at, row.division, row.data, Hand.service(service.name), now)
            try:
                method = self.methods.get(name)
                if method is None:
                    raise LookupError(row.name)
                getattr(service, method)(due)
            except Exception as error:
                pause = self.waiting.failed(key, time.monotonic(), self.interval)
                code, text = reason_of(error)
                metrics.DEADLINES.labels(service.name, name if name in self.methods else "other", code).inc()
                logs.warn("deadline_failed", deadline=row.name, stream=row.stream, reason=code, said=text, again_in=pause)
                if kind_of(error) is Kind.AWAY:
                    return  # nothing else will succeed in this round
            else:
                metrics.DEADLINES.labels(service.name, name, metrics.OK).inc()
                self.waiting.succeeded(key, time.monotonic())


def deadline_methods(service_cls: type) -> dict[str, str]:
    """Deadline name -> method name."""
    found: dict[str, str] = {}
    for attribute in dir(service_cls):
        name = getattr(getattr(service_cls, attribute), "minzheng_deadline", None)
        if name is not None:
            if name in found:
                raise TypeError(f"{service_cls.__name__}: deadline {name} is declared twice")
            found[name] = attribute
    return found
