"""Rows: a batch's changes by primary key, in memory and then in the tables, the same on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from shared.eventlog.read_model import NOTHING, Checkpoint, Overtaken, ProjectionFailed, ReadModel, Rows
from shared.eventsourcing.codec import UnknownEvent
from tests.projections import sample


def contents(model: ReadModel, engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {t.name: [tuple(r) for r in connection.execute(sa.select(t).order_by(*t.primary_key.columns))] for t in model.tables}


def placed(account_id: str, moves: int, *, close: bool = False) -> list[sample.Raw]:
    """The events of an account as the log would give them."""
    stream = sample.STREAM + account_id
    return [replace(r, stream=stream, version=n, position=100 + n) for n, r in enumerate(sample.life(account_id, moves, close=close))]


def write(model: ReadModel, engine: sa.Engine, known: Checkpoint, raws: list[sample.Raw]) -> Checkpoint:
    """One batch, as the projector writes it."""
    with engine.begin() as tx:
        moved = model.advance(tx, known, raws[-1].position)
        rows = Rows(model, tx)
        for raw in raws:
            model.project(rows, raw)
        rows.flush(tx)
    return moved


def test_a_row_is_put_read_changed_and_deleted(engine: sa.Engine) -> None:
    """Before a flush from memory, after it from the table; defaults and NULLs are filled in."""
    model = sample.model()
    model.create(engine)
    accounts = model.metadata.tables["accounts"]
    for flush in (False, True):
        with engine.begin() as tx:
            rows = Rows(model, tx)
            rows.put(accounts, account_id="a", person_id="p", name="~1.p.x", opened_on="2023-07-01", division="330225")
            if flush:
                rows.flush(tx)
                rows = Rows(model, tx)
            found = rows.get(accounts, account_id="a")
            assert found is not None
            assert (found["fen"], found["open"]) == (0, True)
            assert rows.change(accounts, {"account_id": "a"}, fen=5)
            if flush:
                rows.flush(tx)
                rows = Rows(model, tx)
            assert (rows.get(accounts, account_id="a") or {})["fen"] == 5
            rows.delete(accounts, account_id="a")
            rows.flush(tx)
            assert Rows(model, tx).get(accounts, account_id="a") is None


def test_a_change_of_a_row_that_is_not_there_is_ignored_and_counted(engine: sa.Engine) -> None:
    """Not an error: the row may have been deleted by an event of another stream."""
    model = sample.model()
    model.create(engine)
    with engine.begin() as tx:
        rows = Rows(model, tx)
        assert not rows.change(model.metadata.tables["accounts"], {"account_id": "nobody"}, fen=5)
        assert rows.ignored == 1
        assert not rows.pending


def test_a_column_or_key_that_is_not_there_is_a_mistake(engine: sa.Engine) -> None:
    """A misspelt column would otherwise stay empty for ever."""
    model = sample.model()
    model.create(engine)
    accounts = model.metadata.tables["accounts"]
    with engine.begin() as tx:
        rows = Rows(model, tx)
        with pytest.raises(KeyError):
            rows.put(accounts, account_id="a", nmae="x")
        with pytest.raises(KeyError):
            rows.get(accounts, person_id="p")
        rows.put(accounts, account_id="a", person_id="p", name="n", opened_on="2023-07-01", division="")
        with pytest.raises(KeyError):
            rows.change(accounts, {"account_id": "a"}, account_id="b")


def test_a_deadline_is_set_and_settled(engine: sa.Engine) -> None:
    """In Asia/Shanghai, so that texts sort as times do."""
    model = sample.model()
    model.create(engine)
    first, *_, closed = placed("a", 1, close=True)
    known = write(model, engine, Checkpoint(1, NOTHING, 0), [first])
    assert contents(model, engine)["deadlines"] == [
        ("sample.account-a", "review", "a", "2023-07-08T17:00:00+08:00", "330225", '{"of":"a"}')
    ]
    write(model, engine, known, [closed])
    assert contents(model, engine)["deadlines"] == []


def test_a_batch_delivered_twice_changes_nothing(engine: sa.Engine) -> None:
    """The second writer finds that the checkpoint has moved, and its rows are not written."""
    model = sample.model()
    model.create(engine)
    start = Checkpoint(1, NOTHING, 0)
    raws = placed("a", 5)
    write(model, engine, start, raws)
    before = contents(model, engine)
    with pytest.raises(Overtaken):
        write(model, engine, start, raws)
    assert contents(model, engine) == before


def test_an_older_batch_cannot_follow_a_newer_one(engine: sa.Engine) -> None:
    """Out of order: whoever still believes in an older checkpoint is refused."""
    model = sample.model()
    model.create(engine)
    start = Checkpoint(1, NOTHING, 0)
    raws = placed("a", 5)
    half = write(model, engine, start, raws[:3])
    write(model, engine, half, raws[3:])
    before = contents(model, engine)
    with pytest.raises(Overtaken):
        write(model, engine, half, raws[3:4])
    assert contents(model, engine) == before


def test_a_crash_between_rows_and_checkpoint_leaves_neither(engine: sa.Engine) -> None:
    """One transaction: after the crash the batch is simply done again."""
    model = sample.model()
    model.create(engine)
    start = Checkpoint(1, NOTHING, 0)
    raws = placed("a", 5)

    class Crash(BaseException):
        pass

    def crash() -> None:
        with engine.begin() as tx:
            model.advance(tx, start, raws[-1].position)
            rows = Rows(model, tx)
            for raw in raws:
                model.project(rows, raw)
            rows.flush(tx)
            raise Crash

    with pytest.raises(Crash):
        crash()
    assert model.checkpoint(engine) == start
    assert not any(contents(model, engine).values())
    write(model, engine, start, raws)
    assert [len(rows) for rows in contents(model, engine).values()] == [1, 1, 0, 5]


def test_small_batches_and_large_ones_give_the_same_rows(engine: sa.Engine) -> None:
    """Whether a row comes from memory or from the table makes no difference."""
    model = sample.model()
    model.create(engine)
    raws = placed("a", 12, close=True)
    known = Checkpoint(1, NOTHING, 0)
    for raw in raws:
        known = write(model, engine, known, [raw])
    one_by_one = contents(model, engine)
    with engine.begin() as tx:
        for table in model.tables:
            tx.execute(sa.delete(table))
    write(model, engine, replace_position(model, engine), raws)
    assert contents(model, engine) == one_by_one


def replace_position(model: ReadModel, engine: sa.Engine) -> Checkpoint:
    with engine.begin() as tx:
        tx.execute(sa.update(model.checkpoints).values(position=NOTHING))
    found = model.checkpoint(engine)
    assert found is not None
    return found


def test_an_old_event_is_projected_in_its_newest_shape(engine: sa.Engine) -> None:
    """Projection functions know one shape only."""
    model = sample.model()
    model.create(engine)
    opened = placed("a", 0)[0]
    old = replace(sample.old_move("a", 250), stream=opened.stream, version=1, position=101)
    write(model, engine, Checkpoint(1, NOTHING, 0), [opened, old])
    assert [row[2:4] for row in contents(model, engine)["moves"]] == [(250, "unknown")]


def test_personal_fields_stay_sealed(engine: sa.Engine) -> None:
    """What a projection sees, and what its tables hold, is the sealed text."""
    model = sample.model()
    model.create(engine)
    write(model, engine, Checkpoint(1, NOTHING, 0), placed("a", 0))
    assert contents(model, engine)["accounts"][0][2] == "~1.pa.sealed"


def test_a_failure_says_where_and_never_what(engine: sa.Engine) -> None:
    """The report names event, stream, position, function and line; not the message of the error, which may quote the event."""
    model = sample.model()
    model.create(engine)
    poison = replace(sample.raw(sample.Noted("a", "poison")), stream="sample.account-a", version=7, position=99)
    with engine.connect() as connection, pytest.raises(ProjectionFailed) as failed:
        model.project(Rows(model, connection), poison)
    said = str(failed.value)
    assert "sample.account_noted" in said
    assert "_noted" in said
    assert "sample.py" in said
    assert "KeyError" in said
    assert "王小明" not in said
    assert "poison" not in said


def test_an_event_type_that_is_not_known_is_an_error(engine: sa.Engine) -> None:
    """This release is older than the log: going on would leave rows that nobody ever mends."""
    model = sample.model()
    model.create(engine)
    unknown = replace(placed("a", 0)[0], name="sample.invented_later")
    with engine.connect() as connection, pytest.raises(UnknownEvent):
        model.project(Rows(model, connection), unknown)


def test_waiting_for_a_position(engine: sa.Engine) -> None:
    """Read your own write: true once the checkpoint is there, false when the time is up."""
    model = sample.model()
    model.create(engine)
    assert not model.wait_for(engine, 104, 0.05)
    write(model, engine, Checkpoint(1, NOTHING, 0), placed("a", 4))
    assert model.wait_for(engine, 104, 0.05)
    assert not model.wait_for(engine, 105, 0.05)


def test_a_read_model_handles_only_its_own_events_and_has_no_foreign_keys() -> None:
    """Other services' facts come by message, through a decision of our own."""
    metadata = sa.MetaData()
    with pytest.raises(KeyError):
        ReadModel("other", version=1, metadata=metadata).on(sample.Opened)
    sa.Table("a", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("b", metadata, sa.Column("id", sa.Integer, sa.ForeignKey("a.id"), primary_key=True))
    with pytest.raises(ValueError, match="foreign"):
        ReadModel("sample", version=1, metadata=metadata)
