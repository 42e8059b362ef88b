"""A small service for the tests: counters that go up, by RPC and by other people's events, with faults on demand."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.domain.errors import Refused, Unavailable, invalid
from shared.eventsourcing.commands import command as declare_command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Answer, Hand, Notice, Order
from shared.messaging.doors import Due, Service, command, deadline, query, reaction
from shared.security import permissions

permissions.ROLES["service:counter"] = frozenset({"counter:*"})
permissions.ROLES["clerk"] = permissions.ROLES["clerk"] | {"counter:count", "counter:read"}
HERE = Path(os.environ.get("COUNTER_DIR", "/nonexistent"))  # files in it steer the faults and show what happened


@event("counter.counted", published=True)
@dataclass(frozen=True)
class Counted:
    counter_id: str
    by: int


@declare_command("counter.count", permission="counter:count")
@dataclass(frozen=True)
class Count:
    counter_id: str
    by: int = 1
    division: str = "330225"


def _count(state: int, order_command: Count, order: Order[Count]) -> Sequence[Any]:
    if order_command.by <= 0:
        raise invalid("须为正数。", "by")
    return [Counted(order_command.counter_id, order_command.by)]


COUNTER: Decider[int] = Decider(
    category="counter.counter",
    initial=0,
    evolve=lambda state, happened: state + happened.by,
    decide={Count: _count},
    division=lambda state: "330225" if state else "",
)


@dataclass(frozen=True)
class CountForm:
    resident_id: str
    by: int = 1


@dataclass(frozen=True)
class Ticked:
    counter_id: str
    by: int = 1
    behave: str = ""


@dataclass(frozen=True)
class Reported:
    person_id: str
    amount_fen: int


def flag(name: str) -> bool:
    return (HERE / name).exists()


def note(name: str, text: str) -> None:
    """One line, in one write, so that lines of two processes never mix."""
    with (HERE / name).open("a") as out:
        out.write(text + "\n")


class CounterService(Service):
    name = "counter"

    @command(Count)
    def count(self, order: Order[Count]) -> Answer:
        return self.office.handle(COUNTER, order.command.counter_id, order)

    @command(CountForm, permission="counter:count")
    def count_person(self, order: Order[CountForm]) -> Answer:
        person_id = self.office.person_id(order.command.resident_id)
        return self.office.handle(COUNTER, person_id, dataclasses.replace(order, command=Count(person_id, order.command.by)))

    @query(permission="counter:read")
    def get(self, hand: Hand, counter_id: str, as_of: datetime | None = None) -> dict[str, Any]:
        found = self.office.load(COUNTER, counter_id, as_of)
        return {"total": found.state, "version": found.version}

    @query(permission="counter:read")
    def echo(self, hand: Hand, text: str, day: date, number: int = 3, yes: bool = False, maybe: str | None = None) -> dict[str, Any]:
        return {"actor": hand.actor, "text": text, "day": day, "number": number, "yes": yes, "maybe": maybe}

    @query(permission="counter:read")
    def sleep(self, hand: Hand, milliseconds: int, label: str = "") -> str:
        note("sleeps", f"begin {label}")
        time.sleep(milliseconds / 1000)
        note("sleeps", f"end {label}")
        return label

    @query(permission="counter:read")
    def fail(self, hand: Hand, how: str) -> Any:
        if how == "bug":
            raise RuntimeError("王小明 33022519900101001X")
        if how == "decimal":
            return {"amount": Decimal("1.10")}
        if how == "object":
            return object()
        if how == "exit":
            raise SystemExit(3)
        raise Refused("not_found", "没有。", "how")

    @reaction("clock", "ticked", reads=Ticked)
    def on_ticked(self, notice: Notice[Ticked]) -> None:
        facts = notice.facts
        note("ticks", f"{facts.counter_id} {notice.event_id}")
        if facts.behave == "bug":
            raise RuntimeError("王小明 33022519900101001X")
        if facts.behave == "refuse":
            raise Refused("not_found", "没有这个计数器。", "counter_id")
        if facts.behave == "not_yet":
            raise Refused("not_yet", "还没有。", None)
        if facts.behave == "until_open" and not flag("open"):
            raise Refused("not_yet", "还没有。", None)
        if facts.behave == "away_until_open" and not flag("open"):
            raise Unavailable()
        if facts.behave == "slow":
            note("slow", f"begin {notice.event_id}")
            time.sleep(1.2)
            note("slow", f"end {notice.event_id}")
        self.office.handle(COUNTER, facts.counter_id, notice.order(Count(facts.counter_id, facts.by)))

    @reaction("clock", "struck", reads=Ticked, of=("noon", "midnight"))
    def on_struck(self, notice: Notice[Ticked]) -> None:
        note("struck", f"{notice.facts.counter_id} {notice.event_id}")
        if notice.facts.behave == "refuse":
            raise Refused("not_found", "没有这个计数器。", "counter_id")

    @reaction("hospital", "amount_reported", reads=Reported)
    def on_amount_reported(self, notice: Notice[Reported]) -> None:
        self.office.handle(COUNTER, notice.facts.person_id, notice.order(Count(notice.facts.person_id, notice.facts.amount_fen)))

    @deadline("ring")
    def on_ring(self, due: Due) -> None:
        note("rings", f"{due.aggregate_id} {due.due_at}")
        if due.data.get("fail"):
            raise RuntimeError("王小明")
        self.office.handle(COUNTER, due.aggregate_id, due.order(Count(due.aggregate_id)))


SERVICE = CounterService
