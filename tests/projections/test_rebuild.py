"""Rebuild: the proof that the rows follow from the log, and nothing else."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from shared.eventlog import rebuild
from shared.eventlog.lease import lease
from tests.projections import sample
from tests.projections.logserver import LogServer
from tests.projections.test_projector import following, same_as_rebuilt
from tests.projections.test_rows import contents


def test_rebuilt_rows_equal_the_live_ones(server: LogServer, engine: sa.Engine) -> None:
    """Same hashes every time; afterwards the tables are the new ones, with their indexes and nothing left beside."""
    model, log = sample.model(), server.connect()
    position = sample.fill(log, (f"a{n}" for n in range(20)), 9, close=True)
    with following(model, engine, server):
        assert model.wait_for(engine, position, 20)
    before = contents(model, engine)
    first = rebuild.rebuild(model, engine, log)
    second = rebuild.rebuild(model, engine, log)
    assert (first.compared, first.different, first.swapped) == (True, 0, True)
    assert first.hashes == second.hashes
    assert first.events == 220
    assert contents(model, engine) == before
    seen = sa.inspect(engine)
    assert sorted(seen.get_table_names()) == ["accounts", "deadlines", "late_acts", "moves", "read_model_checkpoint"]
    assert [i["name"] for i in seen.get_indexes("moves")] == ["moves_by_reason"]
    assert [i["name"] for i in seen.get_indexes("accounts")] == ["ix_accounts_person_id"]


def test_tampered_rows_are_found_and_mended(server: LogServer, engine: sa.Engine) -> None:
    """Changed, deleted and invented rows are named by table, key and column; never by what is in them."""
    model, log = sample.model(), server.connect()
    position = sample.fill(log, ["a", "b"], 3)
    with following(model, engine, server):
        assert model.wait_for(engine, position, 20)
    right = contents(model, engine)
    accounts, moves = model.metadata.tables["accounts"], model.metadata.tables["moves"]
    with engine.begin() as tx:
        tx.execute(sa.update(accounts).where(accounts.c.account_id == "a").values(fen=999_999, name="李四"))
        tx.execute(sa.delete(moves).where(moves.c.account_id == "b", moves.c.number == 2))
        tx.execute(sa.insert(moves).values(account_id="z", number=1, fen=1, reason="invented", at=""))
    report = rebuild.rebuild(model, engine, log, check=True)
    assert report.different == 3
    assert not report.swapped
    said = [str(d) for d in report.differences]
    assert said == ["accounts a：列 name、fen 不同", "moves b/2：现有表缺少这一行", "moves z/1：现有表多出这一行"]
    assert rebuild.rebuild(model, engine, log).different == 3
    assert contents(model, engine) == right
    assert same_as_rebuilt(model, engine, log) == 10


def test_a_rebuild_while_the_projector_works(server: LogServer, engine: sa.Engine) -> None:
    """Compared at one and the same position, exchanged under the projector's feet, and it goes on."""
    model, log = sample.model(), server.connect()
    position = sample.fill(log, (f"a{n}" for n in range(30)), 9)
    written = threading.Event()

    def write() -> None:
        nonlocal position
        for n in range(150):
            position = sample.fill(log, [f"b{n}"], 9, close=bool(n % 2))
        written.set()

    with following(model, engine, server):
        assert model.wait_for(engine, position, 20)
        writing = threading.Thread(target=write)
        writing.start()
        try:
            rounds = 0
            while not written.is_set() or rounds < 2:
                report = rebuild.rebuild(model, engine, log)
                assert report.compared
                assert report.differences == ()
                rounds += 1
        finally:
            writing.join()
        assert model.wait_for(engine, position, 30)
    assert same_as_rebuilt(model, engine, log) > 1800


def test_two_rebuilds_of_one_service_at_once_are_refused(server: LogServer, engine: sa.Engine) -> None:
    """They would write the same tables beside."""
    model, log = sample.model(), server.connect()
    with lease(engine, "rebuild", threading.Event()) as held:
        assert held
        with pytest.raises(rebuild.RebuildRefused):
            rebuild.rebuild(model, engine, log)


def test_more_rows_than_memory_may_hold(server: LogServer, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows given back are read from the tables beside when they are needed again."""
    monkeypatch.setattr(rebuild, "KEPT", 10)
    monkeypatch.setattr(rebuild, "BATCH", 7)
    model, log = sample.model(), server.connect()
    position = sample.fill(log, ["a", "b", "c"], 9, close=True)
    with following(model, engine, server):
        assert model.wait_for(engine, position, 20)
    assert same_as_rebuilt(model, engine, log) == 3 + 3 * 8


def test_a_failed_rebuild_leaves_everything_as_it_was(server: LogServer, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables beside are taken away, the live ones are untouched."""
    model, log = sample.model(), server.connect()
    position = sample.fill(log, ["a"], 3)
    with following(model, engine, server):
        assert model.wait_for(engine, position, 20)
    before = contents(model, engine)
    monkeypatch.setattr(rebuild, "BATCH", 2)

    def fail(events: int, position: int, end: int) -> None:
        assert "accounts__beside" in sa.inspect(engine).get_table_names()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        rebuild.rebuild(model, engine, log, progress=fail)
    assert contents(model, engine) == before
    assert "accounts__beside" not in sa.inspect(engine).get_table_names()
