"""The read model of a moment: exactly the events recorded by then, in whatever order, whoever prepares it, whatever happens meanwhile."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config import ROOT
from shared.domain.errors import Unavailable
from shared.eventlog import past as past_module
from shared.eventlog.client import Log
from shared.eventlog.past import FREE, NEVER, SKEW, NotReady, Past
from shared.eventlog.raw import Raw
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing import codec
from tests.projections import sample
from tests.projections.logserver import LogServer
from tests.projections.test_rows import contents

START = datetime(2023, 7, 1, 9, 0, tzinfo=UTC)  # of ``sample.meta``
HOUR = int(SKEW.total_seconds())
Contents = dict[str, list[tuple[object, ...]]]


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def truth(log: Log, moment: datetime) -> Contents:
    """Every event of the log that was recorded by the moment, folded one by one."""
    model, engine = sample.model(), sa.create_engine("sqlite://")
    model.create(engine)
    with engine.begin() as tx:
        rows = Rows(model, tx)
        for raw in log.read_all(prefix="sample."):
            if codec.decode_meta(raw.metadata).recorded_at <= moment:
                model.project(rows, raw)
        rows.flush(tx)
    return contents(model, engine)


def counting(model: ReadModel) -> list[Raw]:
    """What is folded from now on."""
    folded: list[Raw] = []
    project = model.project

    def noted(rows: Rows, raw: Raw) -> None:
        folded.append(raw)
        project(rows, raw)

    model.project = noted  # type: ignore[method-assign]
    return folded


def write(log: Log, *seconds: int, account: str = "a") -> None:
    """One account; its events stand in the log in this order, recorded at these seconds."""
    moves = (sample.Moved(account, 1 + n, "x") for n in range(len(seconds)))
    events = [sample.Opened(account, f"p{account}", "2023-07-01", "王小明"), *moves]
    sample.append(log, account, [sample.raw(e, n) for e, n in zip(events, seconds, strict=False)])


def more(log: Log, second: int, account: str = "a") -> None:
    sample.append(log, account, [sample.raw(sample.Moved(account, 1, "more"), second)], len(log.read(sample.STREAM + account)) - 1)


@pytest.fixture
def log(server: LogServer) -> Iterator[Log]:
    made = server.connect()
    yield made
    made.close()


@pytest.fixture
def past(tmp_path: Path, log: Log) -> Iterator[Past]:
    made = Past(tmp_path / "past", sample.model(), log)
    yield made
    made.close()


@pytest.fixture
def shown(past: Past) -> Callable[[datetime], Contents]:
    return lambda moment: contents(sample.model(), past.at(moment, None))


# -- exact


@pytest.fixture(scope="module")
def disorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Thirty accounts over ten hours; every event stands up to half an hour from where its time would put it."""
    server = LogServer(tmp_path_factory.mktemp("disorder") / "eventlog")
    server.start()
    log, chance = server.connect(), random.Random(20230701)  # noqa: S311 - no secret
    for n in range(30):
        around = n * HOUR // 3
        write(log, *(around + chance.randint(-HOUR // 2, HOUR // 2) + HOUR for _ in range(12)), account=f"a{n:02}")
    yield log
    log.close()
    server.kill()


@given(moments=st.lists(st.integers(0, 12 * HOUR), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_moments_in_any_order_show_what_was_recorded_by_then(
    disorder: Log, tmp_path_factory: pytest.TempPathFactory, moments: list[int]
) -> None:
    """One file goes on from another wherever it may; the rows are those of a fold of the whole log."""
    past = Past(tmp_path_factory.mktemp("moments"), sample.model(), disorder)
    try:
        for second in moments:
            assert contents(sample.model(), past.at(at(second), None)) == truth(disorder, at(second))
    finally:
        past.close()


def test_a_later_moment_folds_only_what_came_since(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """Day by day is cheap: nothing of the day before is folded again."""
    write(log, *range(0, 1000, 10))
    past.prepare(at(500))
    folded = counting(past._model)
    past.prepare(at(700))
    assert len(folded) == 20
    assert shown(at(700)) == truth(log, at(700))


def test_a_file_that_left_something_out_before_its_end_is_no_start_for_what_came_by_then(
    past: Past, log: Log, shown: Callable[[datetime], Contents]
) -> None:
    """The event at 100 stands in front of the one at 50: who goes on from 60 would miss it at 100, but not at 99."""
    write(log, 0, 100, 50, 200)
    mark = past.prepare(at(60))
    assert (mark.hidden, mark.skipped) == (int(at(100).timestamp()) * 1_000_000,) * 2
    folded = counting(past._model)
    past.prepare(at(99))
    assert folded == []
    past.prepare(at(100))
    assert len(folded) == 3
    for second in (60, 99, 100):
        assert shown(at(second)) == truth(log, at(second))


def test_what_is_recorded_by_then_and_comes_late_is_added(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """A command that took its time stands behind later ones; a moment just past is looked at again until nothing can come any more."""
    write(log, 0, 10)
    before = shown(at(60))
    more(log, 70)
    assert shown(at(60)) == before
    more(log, 55)
    assert shown(at(60)) == truth(log, at(60)) != before
    assert not past.prepare(at(60)).complete
    more(log, 61 + HOUR)
    assert past.prepare(at(60)).complete
    assert shown(at(60)) == truth(log, at(60))


def test_behind_an_event_an_hour_later_nothing_is_looked_for(past: Past, log: Log) -> None:
    """What makes an early moment of a long log cheap, and the one thing that is assumed of clocks."""
    write(log, 0, 10, 11 + HOUR, 12 + HOUR, 13 + HOUR)
    mark = past.prepare(at(10))
    assert (mark.complete, mark.events, mark.skipped) == (True, 2, int(at(11 + HOUR).timestamp()) * 1_000_000)
    assert mark.scanned < log.head()


def test_before_the_first_event_there_is_nothing(shown: Callable[[datetime], Contents], log: Log) -> None:
    """An empty read model, not an error."""
    write(log, 0, 10)
    assert set(map(len, shown(at(-1)).values())) == {0}


# -- by and by, side by side, and after a crash


def test_who_is_impatient_goes_on_from_what_was_done(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """Every try folds a piece, says how far it is, and the last one is the answer."""
    sample.fill(log, (f"a{n}" for n in range(50)), 9)
    folded, told = counting(past._model), []
    while True:
        try:
            past.at(at(20), 0.0)
            break
        except NotReady as still:
            told.append(still.percent)
            assert not past.path(at(20)).exists()
    assert len(folded) == 500
    assert len(told) == 5
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 99
    assert shown(at(20)) == truth(log, at(20))


def files_of(past: Past) -> set[str]:
    """What lies there beside the locks."""
    return {p.name for p in past.directory.iterdir() if p.suffix not in ("", ".lock")}


def test_a_kill_in_the_middle_of_a_write_is_undone_and_gone_on_from(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """SIGKILL between the first pages of a batch and its commit: the journal brings back the batch before, and the rest is folded."""
    sample.fill(log, (f"a{n}" for n in range(50)), 9)
    building = past.path(at(20)).with_suffix(".building")
    assert preparing(past, log, at(20), "write").wait(90) == -9
    assert hot(building)
    folded = counting(past._model)
    assert shown(at(20)) == truth(log, at(20))
    assert len(folded) == 300, "two batches of a hundred were written"
    assert files_of(past) == {past.path(at(20)).name}


def test_a_kill_while_a_finished_file_is_written_to_is_undone(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """Its next reader has it as it was; a beginning that was nothing yet and a journal without a file are no start either."""
    sample.fill(log, (f"a{n}" for n in range(50)), 9)
    before, path = shown(at(20)), past.path(at(20))
    past.close()
    assert subprocess.run([sys.executable, "-c", KILLED_WRITING, str(path)], cwd=ROOT, check=False, timeout=90).returncode == -9
    assert hot(path)
    again = Past(past.directory, sample.model(), log)
    folded = counting(again._model)
    assert contents(sample.model(), again.at(at(20), None)) == before
    assert folded == [], "it is mended, not made anew"
    path.with_name(f"{path.name}-journal").write_bytes(b"left over")
    path.unlink()
    path.with_suffix(".building").write_bytes(b"")
    path.with_suffix(".building").with_name(f"{path.stem}.building-journal").write_bytes(b"left over")
    assert contents(sample.model(), again.at(at(20), None)) == before
    assert files_of(past) == {path.name}
    again.close()


KILLED_WRITING = """
import os, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("PRAGMA cache_size = 1")
file.execute("BEGIN")
file.execute("UPDATE moves SET reason = 'half'")
file.execute("UPDATE past_mark SET complete = NOT complete")
os.kill(os.getpid(), 9)
"""


def hot(path: Path) -> bool:
    """Whether a half-written file lies there: who only reads is refused it."""
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file, pytest.raises(sqlite3.OperationalError):
        file.execute("SELECT * FROM past_mark").fetchone()
    return True


CRASHING = """
import os, sys
import sqlalchemy as sa
from datetime import datetime
from pathlib import Path
from shared.eventlog import past
from shared.eventlog.client import Log
from tests.projections import sample
past.BATCH = 100
if sys.argv[4] == "write":  # in the third batch: its pages are partly in the file, the cache being small, and not yet committed
    marks = []

    @sa.event.listens_for(sa.Engine, "begin")
    def small(connection):
        connection.exec_driver_sql("PRAGMA cache_size = 1")

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def kill(connection, cursor, statement, *_):
        marks.extend(["x"] * statement.startswith("UPDATE past_mark"))
        if len(marks) == 3:
            os.kill(os.getpid(), 9)
die = (lambda *_: os.kill(os.getpid(), 9)) if sys.argv[4] == "die" else (lambda *_: None)
past.Past(Path(sys.argv[1]), sample.model(), Log(sys.argv[2])).prepare(datetime.fromisoformat(sys.argv[3]), progress=die)
"""


def preparing(past: Past, log: Log, moment: datetime, how: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", CRASHING, str(past.directory), log.uri, moment.isoformat(), how]
    return subprocess.Popen(argv, cwd=ROOT)


def test_a_crash_in_the_middle_leaves_nothing_half(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """Killed behind its first batch: there is no file of that moment, and the next one folds the rest alone."""
    sample.fill(log, (f"a{n}" for n in range(50)), 9)
    assert preparing(past, log, at(20), "die").wait(90) == -9
    assert not list(past.directory.glob("*.db"))
    folded = counting(past._model)
    assert shown(at(20)) == truth(log, at(20))
    assert len(folded) == 400
    assert files_of(past) == {past.path(at(20)).name}


def test_several_that_prepare_the_same_moment_do_not_harm_each_other(past: Past, log: Log, shown: Callable[[datetime], Contents]) -> None:
    """Two processes and four threads: one folds, the others wait and use it."""
    sample.fill(log, (f"a{n}" for n in range(30)), 9)
    others = [preparing(past, log, at(20), "live") for _ in range(2)]
    found: list[Contents] = []
    pasts = [Past(past.directory, sample.model(), log) for _ in range(4)]
    threads = [threading.Thread(target=lambda p=p: found.append(contents(sample.model(), p.at(at(20), None)))) for p in pasts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert [other.wait(90) for other in others] == [0, 0]
    assert found == [truth(log, at(20))] * 4
    assert len(list(past.directory.glob("*.db"))) == 1
    for one in pasts:
        one.close()


def test_who_is_impatient_does_not_wait_for_another_one(past: Past, log: Log) -> None:
    """While somebody else folds, the answer is how far he is."""
    write(log, 0, 10)
    inside, go_on = threading.Event(), threading.Event()

    def slowly(*_: Any) -> None:
        inside.set()
        go_on.wait(90)

    other = threading.Thread(target=lambda: Past(past.directory, sample.model(), log).prepare(at(5), progress=slowly))
    other.start()
    assert inside.wait(90)
    with pytest.raises(NotReady):
        past.at(at(5), 0.0)
    go_on.set()
    other.join(90)
    assert past.at(at(5), 0.0)


# -- kept


def test_the_least_recently_used_files_are_removed_and_made_again(tmp_path: Path, log: Log) -> None:
    """At most so many; one that is used stays; one that is asked for again is folded again."""
    write(log, *range(0, 100, 10))
    past = Past(tmp_path / "few", sample.model(), log, kept=3, resting=0.0)
    for second in (10, 20, 30):
        past.at(at(second), None)
    past.at(at(10), None)
    for second in (40, 50):
        past.at(at(second), None)
    assert {p.name for p in past.directory.glob("*.db")} == {past.path(at(s)).name for s in (10, 40, 50)}
    assert contents(sample.model(), past.at(at(20), None)) == truth(log, at(20))
    assert len(list(past.directory.glob("*.db"))) == 3
    assert len(list(past.directory.glob("*.lock"))) == 3, "of what was removed no lock is left"
    past.close()


def test_a_file_that_was_just_used_is_not_removed_under_its_reader(tmp_path: Path, log: Log) -> None:
    """Too many for a minute rather than a file that is gone when it is opened."""
    write(log, 0, 10, 20)
    past = Past(tmp_path / "few", sample.model(), log, kept=1)
    for second in (0, 10, 20):
        past.prepare(at(second))
    assert len(list(past.directory.glob("*.db"))) == 3


def test_many_moments_at_once_are_refused_before_the_files_are_too_many(tmp_path: Path, log: Log) -> None:
    """However many are asked for within a minute, begun ones counted; what nobody used for a minute makes room first."""
    sample.fill(log, (f"a{n}" for n in range(20)), 9)
    past = Past(tmp_path / "few", sample.model(), log, kept=2, most=3)
    past.prepare(at(0))
    for second in (1, 2):
        with pytest.raises(NotReady):
            past.at(at(second), 0.0)
    with pytest.raises(Unavailable, match="正在查询的历史时刻过多"):
        past.at(at(3), None)
    assert files_of(past) == {past.path(at(0)).name, *(past.path(at(s)).with_suffix(".building").name for s in (1, 2))}
    assert past.at(at(1), None), "what has its place already is gone on with"
    os.utime(past.path(at(2)).with_suffix(".building"), (1, 1))
    past.at(at(3), None)
    assert files_of(past) == {past.path(at(s)).name for s in (0, 1, 3)}
    past.close()


def test_many_that_come_at_the_same_instant_do_not_pass_the_bound_together(tmp_path: Path, log: Log) -> None:
    """Places are taken one at a time: of eight threads three get one, the others are refused."""
    sample.fill(log, (f"a{n}" for n in range(20)), 9)
    pasts = [Past(tmp_path / "few", sample.model(), log, kept=1, most=3) for _ in range(8)]
    together, answers = threading.Barrier(8), []

    def ask(n: int) -> None:
        together.wait(90)
        try:
            pasts[n].at(at(n), None)
            answers.append("made")
        except Unavailable:
            answers.append("refused")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert sorted(answers) == ["made"] * 3 + ["refused"] * 5
    assert len(files_of(pasts[0])) == 3
    for past in pasts:
        past.close()


def test_a_disk_that_is_nearly_full_is_left_to_the_log(tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in use is removed before anything is made, and where that is not enough it is refused; what is there is still read."""
    write(log, *range(0, 100, 10))
    free = [10 << 30]
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free[0]))
    past = Past(tmp_path / "full", sample.model(), log)
    for second in (0, 10, 20):
        past.at(at(second), None)
    for second in (0, 10):
        os.utime(past.path(at(second)), (1, 1))
    free[0] = FREE - 1
    with pytest.raises(Unavailable, match="磁盘空间不足"):
        past.at(at(30), None)
    assert files_of(past) == {past.path(at(20)).name}
    assert contents(sample.model(), past.at(at(20), None)) == truth(log, at(20))
    free[0] = FREE + past.path(at(20)).stat().st_size
    assert contents(sample.model(), past.at(at(30), None)) == truth(log, at(30))
    past.close()


def test_a_disk_that_fills_up_meanwhile_ends_the_fold(past: Past, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at before every batch; what was done is gone on from when there is room again."""
    sample.fill(log, (f"a{n}" for n in range(50)), 9)
    monkeypatch.setattr(past_module, "BATCH", 100)
    full: list[int] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=0 if len(full) >= 2 else FREE))
    with pytest.raises(Unavailable, match="磁盘空间不足"):
        past.prepare(at(20), progress=lambda events, *_: full.append(events))
    assert full == [100, 200]
    full.clear()
    folded = counting(past._model)
    past.prepare(at(20))
    assert len(folded) == 300


def test_a_removed_file_takes_no_disk_although_it_was_read_from(past: Past, log: Log) -> None:
    """No connection to it is kept open: what is unlinked is free."""
    write(log, 0, 10)
    contents(sample.model(), past.at(at(10), None))
    held = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    assert not [name for name in held if name.startswith(str(past.directory))]


def test_a_base_that_is_taken_away_meanwhile_is_done_without(
    past: Past, log: Log, shown: Callable[[datetime], Contents], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between being chosen and being copied: the one before it is gone on from, no empty file is left in its place, and nobody notices."""
    write(log, *range(0, 100, 10))
    for second in (20, 40):
        past.prepare(at(second))
    copied = past_module.copy

    def late(source: Path, target: Path) -> None:
        if source == past.path(at(40)):
            source.unlink()
        copied(source, target)

    monkeypatch.setattr(past_module, "copy", late)
    folded = counting(past._model)
    assert shown(at(60)) == truth(log, at(60))
    assert len(folded) == 4
    assert files_of(past) == {past.path(at(s)).name for s in (20, 60)}


def test_names_sort_as_their_moments_do(past: Past) -> None:
    """Also before the year 1000: a base is looked for by name."""
    moments = [datetime(year, 1, 1, tzinfo=UTC) for year in (2, 999, 1000, 1969, 2023, 9998)]
    assert [past.path(m).name for m in moments] == sorted(past.path(m).name for m in moments)


def test_a_later_version_of_the_rows_is_another_file(tmp_path: Path, past: Past, log: Log) -> None:
    """Rows of another shape are never mixed up."""
    write(log, 0, 10)
    past.prepare(at(10))
    later = Past(past.directory, sample.model(2), log)
    assert "version" in sa.inspect(later.at(at(10), None)).get_columns("accounts")[-1]["name"]
    assert len(list(past.directory.glob("*.db"))) == 2
    later.close()


def test_files_of_a_log_that_was_exchanged_are_not_used(tmp_path: Path, past: Path, log: Log) -> None:
    """After a restore the past is that of the log that answers now."""
    write(log, 0, 10, 20)
    assert isinstance(past, Past)
    past.prepare(at(20))
    other = LogServer(tmp_path / "other" / "eventlog")
    other.start()
    try:
        restored = other.connect()
        write(restored, 5, account="b")
        again = Past(past.directory, sample.model(), restored)
        for second in (20, 30):
            assert contents(sample.model(), again.at(at(second), None)) == truth(restored, at(second))
        again.close()
        restored.close()
    finally:
        other.kill()


def test_nobody_writes_through_an_engine_of_the_past(past: Past, log: Log) -> None:
    """It is opened to be read; indexes and checkpoint are those of any read model."""
    write(log, 0, 10)
    engine = past.at(at(10), None)
    with pytest.raises(sa.exc.OperationalError, match="readonly"), engine.begin() as tx:
        tx.execute(sa.text("DELETE FROM accounts"))
    checkpoint = sample.model().checkpoint(engine)
    assert checkpoint is not None
    assert checkpoint.position == past.prepare(at(10)).last
    assert [i["name"] for i in sa.inspect(engine).get_indexes("moves")] == ["moves_by_reason"]
    with sqlite3.connect(past.path(at(10))) as file:
        assert file.execute("SELECT hidden FROM past_mark").fetchone() == (NEVER,)
    file.close()
