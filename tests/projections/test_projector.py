"""The projector against a real log: caught up, killed, standing by, stopped by an event, overtaken by a release."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from shared.domain.errors import Unavailable
from shared.eventlog import rebuild
from shared.eventlog.client import Log
from shared.eventlog.projector import LogWentBack, Projector
from shared.eventlog.read_model import ReadModel
from tests.projections import sample
from tests.projections.logserver import LogServer, Running, reachable, until
from tests.projections.test_rows import contents


class Following:
    """A projector in a thread of the test."""

    def __init__(self, model: ReadModel, engine: sa.Engine, uri: str) -> None:
        self.said: list[str] = []
        self.ready = threading.Event()
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.projector = Projector(model, engine, Log(uri), self.stopping, tell=self.said.append, ready=self.ready.set)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.projector.run()
        except BaseException as error:
            self.failure = error


@contextmanager
def following(model: ReadModel, engine: sa.Engine, server: LogServer) -> Iterator[Following]:
    made = Following(model, engine, server.uri)
    made.thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        made.thread.join(90)
        assert not made.thread.is_alive()


def same_as_rebuilt(model: ReadModel, engine: sa.Engine, log: Log) -> int:
    """Prove it and return how many rows there are."""
    report = rebuild.rebuild(model, engine, log, check=True)
    assert report.compared
    assert report.differences == ()
    return report.rows


def test_what_was_there_and_what_is_added_is_projected(server: LogServer, engine: sa.Engine) -> None:
    """Catch up, then follow; other services' events only move the position."""
    model, log = sample.model(), server.connect()
    sample.fill(log, ["a", "b"], 5, close=True)
    log.append("elsewhere.thing-1", [sample.raw(sample.Noted("x", "of another service"))], -1)
    with following(model, engine, server) as f:
        assert f.ready.wait(90)
        position = sample.fill(log, ["c"], 3)
        assert model.wait_for(engine, position, 20)
        assert [row[0] for row in contents(model, engine)["accounts"]] == ["a", "b", "c"]
        assert same_as_rebuilt(model, engine, log) == 3 + 4 + 4 + 3 + 1


def test_two_at_once_work_one_after_the_other(server: LogServer, engine: sa.Engine) -> None:
    """The second stands by, and takes over when the first has stopped."""
    model, log = sample.model(), server.connect()
    with following(model, engine, server) as first:
        assert first.ready.wait(90)
        with following(sample.model(), engine, server) as second:
            assert second.ready.wait(90)  # ready to stand in
            assert model.wait_for(engine, sample.fill(log, ["a"], 3), 20)
            first.stopping.set()
            first.thread.join(90)
            assert model.wait_for(engine, sample.fill(log, ["b"], 3), 20)
            assert second.said == []
    assert same_as_rebuilt(model, engine, log) == 10


def test_killed_in_mid_stream_again_and_again(server: LogServer, engine: sa.Engine, projector_process: Running) -> None:
    """kill -9 at any instant: the rows end equal to a rebuild."""
    model, log = sample.model(), server.connect()
    model.create(engine)
    position = -1
    for n in range(6):
        projector_process.start()
        seen = model.checkpoint(engine)
        assert seen is not None
        position = sample.fill(log, [f"{n}-{m}" for m in range(30)], 9, close=bool(n % 2))
        until(lambda seen=seen: model.checkpoint(engine).position > seen.position)  # type: ignore[union-attr, misc]
        projector_process.kill()
    projector_process.start()
    assert model.wait_for(engine, position, 30)
    assert same_as_rebuilt(model, engine, log) > 1500


def test_the_log_killed_and_started_again(server: LogServer, engine: sa.Engine) -> None:
    """The projector opens a new subscription where it stands."""
    model, log = sample.model(), server.connect()
    with following(model, engine, server) as f:
        assert f.ready.wait(90)
        assert model.wait_for(engine, sample.fill(log, ["a"], 3), 20)
        log.close()
        server.kill()
        until(lambda: any("事件日志暂不可用" in text for text in f.said))
        server.start()
        until(lambda: reachable(log))
        assert model.wait_for(engine, sample.fill(log, ["b"], 3), 30)
    assert same_as_rebuilt(model, engine, log) == 10


def test_an_event_that_fails_stops_the_projector_and_is_tried_again(server: LogServer, engine: sa.Engine) -> None:
    """What comes before it is written, it is reported without its content, and what comes after waits for it."""
    model, log = sample.model(), server.connect()
    before = sample.fill(log, ["a"], 3)
    sample.append(log, "poisoned", [sample.raw(sample.Noted("poisoned", "poison"))])
    after = sample.fill(log, ["b"], 3)
    with following(model, engine, server) as f:
        until(lambda: len([t for t in f.said if "sample.account_noted" in t]) >= 3)
        assert not any("poison " in text or "王小明" in text for text in f.said)
        reached = model.checkpoint(engine)
        assert reached is not None
        assert reached.position == before
        assert not f.ready.is_set()
    mended = sample.model()
    mended._handlers.pop("sample.account_noted")
    with following(mended, engine, server):
        assert model.wait_for(engine, after, 20)


def test_an_unknown_event_stops_the_projector(server: LogServer, engine: sa.Engine) -> None:
    """An older release must not run past what it does not understand."""
    model, log = sample.model(), server.connect()
    before = sample.fill(log, ["a"], 1)
    unknown = sample.raw(sample.Noted("x", "y"))
    log.append("sample.account-x", [sample.Raw("sample.invented_later", unknown.data, unknown.metadata, unknown.id)], -1)
    with following(model, engine, server) as f:
        until(lambda: any("sample.invented_later" in text and "请升级" in text for text in f.said))
        reached = model.checkpoint(engine)
        assert reached is not None
        assert reached.position <= before


def test_a_log_restored_from_an_older_backup_is_noticed(server: LogServer, engine: sa.Engine) -> None:
    """The checkpoint is beyond the end: stop, say so, be not ready and have no lag at all, until the read model is rebuilt by force."""
    model, log = sample.model(), server.connect()
    sample.fill(log, ["a"], 3)
    model.create(engine)
    with engine.begin() as tx:
        tx.execute(sa.update(model.checkpoints).values(position=log.head() + 1_000))
    with following(model, engine, server) as f:
        f.thread.join(90)
        assert isinstance(f.failure, LogWentBack)
        assert "rebuild --force sample" in str(f.failure)
        assert f.projector.unready() == str(f.failure)
        with pytest.raises(Unavailable, match="超过了事件日志的末尾"):
            list(f.projector.values())
    assert rebuild.rebuild(model, engine, log, force=True).swapped
    with following(model, engine, server) as f:
        assert model.wait_for(engine, sample.fill(log, ["b"], 3), 20)
        assert [value for _, _, value in f.projector.values()] == [0, 0]
    assert same_as_rebuilt(model, engine, log) == 10


def test_a_new_version_is_built_beside_and_put_in_place(server: LogServer, engine: sa.Engine) -> None:
    """The old rows serve until the new ones are complete; a projector of the older release then refuses."""
    old, log = sample.model(), server.connect()
    position = sample.fill(log, ["a", "b"], 3)
    with following(old, engine, server):
        assert old.wait_for(engine, position, 20)
    new = sample.model(2)
    with following(new, engine, server) as f:
        assert f.ready.wait(90)
        checkpoint = new.checkpoint(engine)
        assert checkpoint is not None
        assert checkpoint.version == 2
        assert [row[-1] for row in contents(new, engine)["accounts"]] == [2, 2]
        assert new.wait_for(engine, sample.fill(log, ["c"], 3), 20)
    assert same_as_rebuilt(new, engine, log) == 15
    with following(sample.model(), engine, server) as older:
        until(lambda: any("较新版本" in text for text in older.said))


def test_a_stranger_who_writes_the_checkpoint_is_noticed(server: LogServer, engine: sa.Engine) -> None:
    """The lease was lost without a word: the compared checkpoint still keeps the rows right."""
    model, log = sample.model(), server.connect()
    with following(model, engine, server) as f:
        assert f.ready.wait(90)
        assert model.wait_for(engine, sample.fill(log, ["a"], 3), 20)
        with engine.begin() as tx:
            tx.execute(sa.update(model.checkpoints).values(generation=model.checkpoints.c.generation + 1))
        assert model.wait_for(engine, sample.fill(log, ["b"], 3), 20)
        until(lambda: any("另有投影" in text for text in f.said))
    assert same_as_rebuilt(model, engine, log) == 10


@pytest.fixture
def command(server: LogServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``minzheng`` in this process, on the test's own log and an empty var."""
    from click.testing import CliRunner

    from shared.cli.main import cli

    monkeypatch.setenv("EVENTSTORE_URI", server.uri)
    monkeypatch.setenv("MINZHENG_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return lambda *argv: CliRunner().invoke(cli, list(argv))


def test_commands_say_what_is_wrong(command: Any) -> None:
    """A service that is not there, a stream that is not there."""
    for argv in (("projector", "nobody"), ("rebuild", "nobody")):
        told = command(*argv)
        assert told.exit_code == 1
        assert "没有服务 nobody" in told.output
    assert command("stream", "registry.death-nobody").exit_code == 1
    assert "流名的形式" in command("state", "nobody.thing-1").output


def test_rebuild_of_the_real_services(command: Any) -> None:
    """An empty log: nothing to compare first, then equal."""
    first = command("rebuild")
    assert first.exit_code == 0, first.output
    assert "registry" in first.output
    assert "已换上重建的" in first.output
