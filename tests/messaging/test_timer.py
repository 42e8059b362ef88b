"""The timer: what is due is done, by every worker and yet once; what fails is tried again, and alone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog import deadlines
from shared.eventlog.stores import engine_for
from shared.eventsourcing.orders import Hand
from shared.messaging.timer import Due, Waiting
from tests.messaging.house import House, Worker, new_id, wait_for

metadata = sa.MetaData()
table = deadlines.deadline_table(metadata)
PAST = "2023-07-01T09:00:00+08:00"


def put_deadline(house: House, counter: str, due_at: str = PAST, name: str = "ring", **data: object) -> None:
    engine = engine_for(house.settings, "counter")
    metadata.create_all(engine)
    row = {"stream": f"counter.counter-{counter}", "name": name, "aggregate_id": counter, "due_at": due_at, "division": "330225"}
    with engine.begin() as tx:
        tx.execute(table.insert().values(**row, data=json.dumps(data)))
    engine.dispose()


def rings(house: House, counter: str) -> list[str]:
    return [line for line in house.board_lines("rings") if line.startswith(counter)]


def test_what_is_due_is_done_once(house: House, standing: Worker) -> None:
    counter, later, unknown = new_id(), new_id(), new_id()
    put_deadline(house, unknown, name="nobody_knows")
    put_deadline(house, later, due_at="2999-01-01T00:00:00+08:00")
    put_deadline(house, counter)
    wait_for(lambda: house.events(counter) == 1, "the effect")
    assert not rings(house, later)
    assert wait_for(lambda: [x for x in standing.said("deadline_failed") if x["deadline"] == "nobody_knows"], "a line about it")


def test_one_that_fails_is_tried_again_and_blocks_no_other(house: House, standing: Worker) -> None:
    bad, good = new_id(), new_id()
    put_deadline(house, bad, due_at="2023-01-01T00:00:00+08:00", fail=True)
    put_deadline(house, good)
    wait_for(lambda: house.events(good) == 1, "the good one")
    wait_for(lambda: len(rings(house, bad)) >= 2, "another try of the bad one")

    def failed() -> list[dict[str, Any]]:
        return [x for x in standing.said("deadline_failed") if bad in x["stream"]]

    wait_for(lambda: len(failed()) >= 2, "both told")  # a line is written a moment after the try
    assert [x["again_in"] for x in failed()[:2]] == [0.6, 1.2]
    assert "王小明" not in standing.log.read_text()


def test_a_missing_table_is_nothing_due() -> None:
    engine = sa.create_engine("sqlite://")
    now = datetime.now(SHANGHAI)
    assert deadlines.due(engine, now, 10) == []
    metadata.create_all(engine)
    rows = [("a", now), ("b", now + timedelta(seconds=5)), ("c", now - timedelta(days=1))]
    with engine.begin() as tx:
        for name, at in rows:
            tx.execute(
                table.insert().values(
                    stream=name, name="n", aggregate_id=name, due_at=at.isoformat(timespec="seconds"), division="", data=""
                )
            )
        tx.execute(table.insert().values(stream="d", name="n", aggregate_id="d", due_at=str(now.date()), division="", data="{}"))
    assert [r.stream for r in deadlines.due(engine, now, 10)] == ["c", "d", "a"]
    engine.dispose()


def test_the_command_id_follows_from_the_row() -> None:
    def due(at: str) -> Due:
        return Due("s", "a", "n", at, "", {}, Hand.service("x"), datetime.now(SHANGHAI))

    assert due(PAST).order(1).command_id == due(PAST).order(1).command_id
    assert due(PAST).order(1).command_id != due(PAST).order(1, "second").command_id
    assert due(PAST).order(1).command_id != due("2024-01-01").order(1).command_id


def test_pauses_grow_and_are_forgotten() -> None:
    waiting, key = Waiting(), ("s", "n", PAST)
    assert [waiting.failed(key, 0.0, 5.0) for _ in range(8)] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert (waiting.may(key, 599.0), waiting.may(key, 600.0), waiting.held(1.0)) == (False, True, 1)
    assert waiting.held(5000.0) == 0
    assert waiting.rows == {}
