"""What was entered later than it was done: noted in the read model, and folded behind the close of a business day."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog.client import NO_STREAM, Log
from shared.eventlog.late import LateAct, late_acts
from shared.eventlog.past import Past
from shared.eventlog.raw import Raw
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing import codec
from shared.eventsourcing.codec import Meta, Recorded
from shared.eventsourcing.days import close_of, held_on
from shared.eventsourcing.events import event
from tests.projections.logserver import LogServer
from tests.projections.test_rows import contents

FIRST = date(2023, 7, 1)


@event("sample.visit_entered", day="visited_on")
@dataclass(frozen=True)
class Visited:
    visit: str
    visited_on: date | None


@event("sample.visit_remarked", day="made_on")
@dataclass(frozen=True)
class Remarked:
    """No projection of ours folds it."""

    made_on: date


def model() -> ReadModel:
    """Visits by the record they belong to, in the order in which they were folded."""
    metadata = sa.MetaData()
    visits = sa.Table(
        "visits", metadata, sa.Column("record", sa.String(60), primary_key=True), sa.Column("told", sa.Text, nullable=False)
    )
    made = ReadModel("sample", version=1, metadata=metadata)

    @made.on(Visited)
    def _visited(rows: Rows, r: Recorded) -> None:
        row = rows.get(visits, record=r.stream)
        rows.put(visits, record=r.stream, told=f"{row['told'] if row else ''} {r.event.visit}")

    return made


def raw(happened: object, at: datetime) -> Raw:
    name, data = codec.encode(happened, lambda person, text: text)
    meta = Meta(
        correlation_id="c", causation_id="c", command_id=str(uuid.uuid4()), command_hash="0" * 32, schema=1, actor="staff:test",
        division="330225", occurred_at=at, recorded_at=at,
    )  # fmt: skip
    return Raw(name, data, codec.encode_meta(meta), str(uuid.uuid4()))


def noon(day: int) -> datetime:
    return datetime(2023, 7, 1, 12, tzinfo=SHANGHAI) + timedelta(days=day)


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


@pytest.fixture
def log(server: LogServer) -> Iterator[Log]:
    made = server.connect()
    yield made
    made.close()


def projected(log: Log, engine: sa.Engine) -> ReadModel:
    made = model()
    made.create(engine)
    with engine.begin() as tx:
        rows = Rows(made, tx)
        for one in log.read_all(prefix="sample."):
            made.project(rows, one)
        rows.flush(tx)
    return made


def test_only_what_was_entered_behind_its_day_is_noted(log: Log, engine: sa.Engine) -> None:
    """The same day, no day and a day to come are none; a type that nothing folds is noted too; a moment bounds what was known."""
    happened = [
        (Visited("same", on(0)), 0), (Visited("none", None), 1), (Visited("ahead", on(9)), 2), (Visited("late", on(1)), 4),
        (Remarked(on(2)), 5),
    ]  # fmt: skip
    log.append("sample.visits-a", [raw(e, noon(day)) for e, day in happened], NO_STREAM)
    made = projected(log, engine)
    assert made.late is not None
    assert [(a.stream, a.version) for a in late_acts(engine, made.late, on(3), None)] == [("sample.visits-a", 3), ("sample.visits-a", 4)]
    assert [a.version for a in late_acts(engine, made.late, on(1), None)] == [3]
    assert [a.version for a in late_acts(engine, made.late, on(3), noon(4))] == [3]
    assert late_acts(engine, made.late, on(0), None) == ()
    assert [a.version for a in late_acts(engine, made.late, on(4), None)] == [4]  # the other was entered on that very day


def _random(log: Log) -> None:
    chance = random.Random(20230701)  # noqa: S311 - no secret
    told = sorted((chance.randint(0, 20), n % 6) for n in range(120))  # recorded in the order of the days
    versions: dict[int, int] = {}
    for n, (day, record) in enumerate(told):
        behind = chance.choice((0, 0, 0, 1, 3, 9))
        log.append(f"sample.visits-{record}", [raw(Visited(f"v{n}", on(day - behind)), noon(day))], versions.get(record, NO_STREAM))
        versions[record] = versions.get(record, NO_STREAM) + 1


def _truth(log: Log, day: date, known: datetime | None) -> dict[str, str]:
    """Each record folded by itself: what had been recorded by the close of the day, and behind it what was entered later."""
    told = {}
    for record in range(6):
        stream = f"sample.visits-{record}"
        history = [codec.recorded(one, None) for one in log.read(stream)]
        held = held_on([r for r in history if known is None or r.meta.recorded_at <= known], day)
        if held:
            told[stream] = "".join(f" {r.event.visit}" for r in held)
    return told


def test_a_business_day_is_what_each_record_says_of_it(log: Log, tmp_path: Path, engine: sa.Engine) -> None:
    """Every day of three weeks in a disorder of late entries, by what is known now and was known at some moment: rows as by the streams."""
    _random(log)
    made, past = projected(log, engine), Past(tmp_path / "past", model(), log, resting=0.0)
    assert made.late is not None
    differing = 0
    for day in range(21):
        for known in (None, noon(day + 2)):
            late = late_acts(engine, made.late, on(day), known)
            rows = contents(model(), past.on_day(on(day), late, None))["visits"]
            assert {str(record): str(told) for record, told in rows} == _truth(log, on(day), known), (day, known)
            differing += rows != contents(model(), past.at(close_of(on(day)), None))["visits"]
    past.close()
    assert differing > 10


def test_nothing_is_done_before_its_own_record_began(log: Log, tmp_path: Path) -> None:
    """A first entry of a later day, with a second that tells of an earlier one: of that day the record is not there."""
    log.append("sample.visits-a", [raw(Visited("first", None), noon(5)), raw(Visited("second", on(1)), noon(6))], NO_STREAM)
    past = Past(tmp_path / "past", model(), log)
    [position] = [one.position for one in log.read("sample.visits-a", 1)]
    late = (LateAct("sample.visits-a", 1, position),)
    assert contents(model(), past.on_day(on(2), late, None))["visits"] == []
    assert contents(model(), past.on_day(on(5), late, None))["visits"] == [("sample.visits-a", " first second")]
    past.close()
