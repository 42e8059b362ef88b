"""The read model as it was known at a moment (回溯读模型): what ``as_of`` on a list is answered from. docs/adr/0017.

One SQLite file a moment, folded by the service's own projections from the events that were recorded by then, also where the live read
model is in PostgreSQL. It is made when first asked for, from the newest file of an earlier moment if there is one, and kept until others
were used more lately. Written beside and renamed: what has its name is whole, and what a crash leaves is gone on from.

Events stand in the log nearly, but not exactly, in the order of their ``recorded_at``: clocks differ, commands overlap. So every event is
judged by its own time, and a file says which it left out (``Mark``). One thing is assumed: no event stands behind another that was
recorded more than ``SKEW`` later. Behind the first that is so much later than the moment nothing is looked for any more.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from shared.eventlog.client import Log
from shared.eventlog.raw import Raw
from shared.eventlog.read_model import NOTHING, ReadModel, Rows, shapes_of, upsert
from shared.eventlog.reader import Reader
from shared.eventsourcing import codec

SKEW = timedelta(hours=1)
KEPT = 12  # files a service
RESTING = 60.0  # seconds since a file was used before it may be removed: somebody may be about to open it
STALE = 24 * 3600.0  # seconds after which what was begun and never asked for again is removed
BATCH = 2_000  # events between two writes
ROWS = 400_000  # in memory at most
FEW_ROWS = 30_000  # where a query waits: a worker's memory is for its windows
CONNECTIONS = 35  # of one file in one process: above the workers of a process, so none waits
PAUSE = 0.05
NEVER = 2**62

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
Progress = Callable[[int, int, int], None]  # events folded, position reached, position where the log ends


class NotReady(Exception):
    """The file of this moment is still being made; ``percent`` of the log has been gone through."""

    def __init__(self, percent: int) -> None:
        super().__init__(percent)
        self.percent = percent


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file is. Times are microseconds since 1970, NEVER where there is none."""

    scanned: int = NOTHING  # the position up to which every event was looked at
    last: int = NOTHING  # the position of the last event that was folded, and its id: is this still the same log?
    last_id: str = ""
    skipped: int = NEVER  # the earliest time of an event that was left out, being later than the moment
    hidden: int = NEVER  # the earliest of those that stand in front of ``last``: at that moment this file is no start any more
    complete: bool = False  # no event that was recorded by then can be found any more
    events: int = 0


_marks = sa.Table(
    "past_mark",
    sa.MetaData(),
    sa.Column("one", sa.Integer, primary_key=True),
    sa.Column("scanned", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("last_id", sa.String(40), nullable=False),
    sa.Column("skipped", sa.BigInteger, nullable=False),
    sa.Column("hidden", sa.BigInteger, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class _Open:
    engine: sa.Engine
    inode: int
    complete: bool


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICRO


class Past:
    """The kept moments of one service. Thread-safe; several processes may share the directory."""

    def __init__(self, directory: Path, model: ReadModel, log: Log, *, kept: int = KEPT, resting: float = RESTING) -> None:
        self.directory = directory
        self._model = model
        self._log = log
        self._kept = kept
        self._resting = resting
        self._engines: OrderedDict[datetime, _Open] = OrderedDict()
        self._lock = threading.Lock()

    # ---- for queries -------------------------------------------------------------------------------------------

    def at(self, as_of: datetime, patience: float | None) -> sa.Engine:
        """The read model as it was known at ``as_of``, to read from; NotReady when it takes more than ``patience`` seconds."""
        path = self.path(as_of)
        found = self._engines.get(as_of)
        if found is None or not found.complete or not _used(path, found.inode):
            self.prepare(as_of, patience)
            found = self._opened(as_of, path)
        return found.engine

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For who prepares at leisure: one at a time on a machine, the next when it is done."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with _alone(self.directory / "turn", None):
            yield

    def close(self) -> None:
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].engine.dispose()

    @cached_property
    def _shapes(self) -> dict[sa.Table, Any]:
        return shapes_of(self._model, "sqlite")  # they take longer than a short fold

    def path(self, as_of: datetime) -> Path:
        """Named by moment and version of the model: another version of the rows is another file."""
        return self.directory / f"{as_of.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z-v{self._model.version}.db"

    def _opened(self, as_of: datetime, path: Path) -> _Open:
        with self._lock:
            inode = path.stat().st_ino
            found = self._engines.get(as_of)
            if found is None or found.inode != inode:
                if found is not None:
                    found.engine.dispose()  # whoever reads from it still does so to the end
                found = _Open(_reading(path), inode, False)
            mark = _mark_of(path)
            found = self._engines[as_of] = replace(found, complete=mark is not None and mark.complete)
            self._engines.move_to_end(as_of)
            while len(self._engines) > self._kept:
                self._engines.popitem(last=False)[1].engine.dispose()
            return found

    # ---- making one --------------------------------------------------------------------------------------------

    def prepare(self, as_of: datetime, patience: float | None = None, progress: Progress = lambda events, position, end: None) -> Mark:
        """Make the file of this moment, or see that it holds all that is known of it by now.

        NotReady after ``patience`` seconds: what was done is kept, and whoever comes next goes on from there.
        """
        until = None if patience is None else time.monotonic() + patience
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.path(as_of)
        with _alone(path.with_suffix(".lock"), until) as alone:
            if not alone:
                raise NotReady(self._percent(path))
            reader = Reader(self._log)
            try:
                mark = self._made(path, micros(as_of), reader, until, progress)
            finally:
                reader.close()
            _touch(path)
        self._tidy(path)
        return mark

    def _made(self, path: Path, moment: int, reader: Reader, until: float | None, progress: Progress) -> Mark:
        end = reader.head()
        ready = self._known(path)
        if ready is not None and (ready.complete or ready.scanned == end):
            return ready
        if ready is not None:
            seen, more = self._look(ready, moment, reader, end)
            if not more:
                _note(path, seen)
                return seen
        building = path.with_suffix(".building")
        if self._known(building) is None:
            building.unlink(missing_ok=True)
            self._begin(building, path, ready, moment)
        fold = _Fold(building, self._model, self._shapes, moment, ROWS if until is None else FEW_ROWS)
        try:
            fold.up_to(reader, end, until, progress)
            fold.finish()
        finally:
            fold.close()
        os.replace(building, path)
        return fold.mark

    def _look(self, mark: Mark, moment: int, reader: Reader, end: int) -> tuple[Mark, bool]:
        """Whether what was added since holds anything that was known by the moment; until then the file is as it should be."""
        for raw in reader.read(mark.scanned, end, **self._model.reads):
            at = micros(codec.decode_meta(raw.metadata).recorded_at)
            if at <= moment:
                return mark, True
            mark = replace(mark, scanned=raw.position, skipped=min(mark.skipped, at))
            if _too_late(at, moment):
                return replace(mark, complete=True), False
        return replace(mark, scanned=end), False

    def _begin(self, building: Path, path: Path, same: Mark | None, moment: int) -> None:
        """Start from this moment's own file when something is to be added, else from the newest of an earlier one, else from nothing."""
        new = building.with_suffix(".new")
        new.unlink(missing_ok=True)
        start, mark = (path, same) if same is not None else self._base(path, moment)
        if start is not None and mark is not None:
            _copy(start, new)
            if same is None:  # what stands behind the last event is looked at again: some of it was known by the later moment
                mark = replace(mark, scanned=mark.last, skipped=mark.hidden, complete=False)
            _note(new, mark)
        else:
            engine = _writing(new)
            with engine.begin() as tx:
                for table in (*self._model.tables, self._model.checkpoints, _marks):
                    tx.execute(sa.schema.CreateTable(table))
                tx.execute(sa.insert(_marks).values(one=1, **asdict(Mark())))
            engine.dispose()
        os.replace(new, building)

    def _base(self, path: Path, moment: int) -> tuple[Path, Mark] | tuple[None, None]:
        """The newest file of an earlier moment from which one may go on: no event it left out would have to go in front of its last."""
        earlier = (p for p in self.directory.glob(f"*-v{self._model.version}.db") if p.name < path.name)
        for found in sorted(earlier, reverse=True):
            mark = self._known(found)
            if mark is not None and mark.hidden > moment:
                return found, mark
        return None, None

    def _known(self, path: Path) -> Mark | None:
        """The mark of a file that is there and comes from this log; one of a log that was exchanged for a backup is removed."""
        mark = _mark_of(path)
        if mark is None or mark.last == NOTHING or self._log.holds(Raw("", b"", b"", mark.last_id, position=mark.last)):
            return mark
        path.unlink(missing_ok=True)
        return None

    def _percent(self, path: Path) -> int:
        mark = _mark_of(path.with_suffix(".building")) or Mark()
        return _percent(mark.scanned, self._log.head())

    def _tidy(self, but: Path) -> None:
        """Keep the files that were used last; drop those of other versions, and what was begun and given up."""
        now, kept, others = time.time(), [], []
        for path in self.directory.iterdir():
            with suppress(FileNotFoundError):
                used = path.stat().st_mtime_ns / 1e9
                if path.suffix == ".db":
                    kept.append((path.stem.endswith(f"-v{self._model.version}"), used, path))
                elif path.suffix and now - used > STALE and not path.with_suffix(".db").exists():
                    others.append(path)
        kept.sort(reverse=True)
        gone = [path for ours, used, path in kept[self._kept :] if path != but and now - used >= self._resting]
        gone += [path for ours, used, path in kept[: self._kept] if not ours and now - used > STALE]
        for path in (*gone, *others):
            with _alone(path.with_suffix(".lock"), 0.0) as alone:
                if alone:
                    for suffix in (".db", ".building", ".new", ".lock"):
                        path.with_suffix(suffix).unlink(missing_ok=True)


class _Fold:
    """The rows that are being made in one file, and how far they are."""

    def __init__(self, path: Path, model: ReadModel, shapes: dict[sa.Table, Any], moment: int, most: int) -> None:
        mark = _mark_of(path)
        assert mark is not None
        self.mark, self._model, self._moment, self._most = mark, model, moment, most
        self._engine = _writing(path)
        self._connection = self._engine.connect()
        self._rows = Rows(model, self._connection, fresh=mark.last == NOTHING, shapes=shapes)

    def up_to(self, reader: Reader, end: int, until: float | None, progress: Progress) -> None:
        """Fold what was known by the moment, in the order of the log."""
        m = self.mark
        scanned, last, last_id, skipped, hidden, events = m.scanned, m.last, m.last_id, m.skipped, m.hidden, m.events
        complete, moment = False, self._moment
        reading = reader.read(scanned, end, **self._model.reads)
        for n, raw in enumerate(reading, 1):
            at = micros(codec.decode_meta(raw.metadata).recorded_at)
            scanned = raw.position
            if at > moment:
                skipped = min(skipped, at)
                if _too_late(at, moment):
                    complete = True
                    break
            else:
                self._model.project(self._rows, raw)
                hidden = min(hidden, skipped)
                last, last_id, events = raw.position, raw.id, events + 1
            late = until is not None and n % 100 == 0 and time.monotonic() > until
            if n % BATCH == 0 or late:
                self._write(Mark(scanned, last, last_id, skipped, hidden, False, events))
                progress(events, scanned, end)
                if late:
                    raise NotReady(_percent(scanned, end))
        self._write(Mark(scanned if complete else end, last, last_id, skipped, hidden, complete, events))
        progress(events, end, end)

    def _write(self, mark: Mark) -> None:
        """Rows and mark in one transaction: killed at any instant, the file is as it was after one batch or another."""
        self._connection.rollback()
        with self._connection.begin():
            self._rows.flush(self._connection)
            self._connection.execute(sa.update(_marks).values(**asdict(mark)))
        self.mark = mark
        if self._rows.kept > self._most:
            self._rows.forget()

    def finish(self) -> None:
        """Indexes and checkpoint; then it is a read model like any other."""
        model = self._model
        with self._connection.begin():
            for table in model.tables:
                for index in sorted(table.indexes, key=lambda i: i.name or ""):
                    self._connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
            self._connection.execute(
                upsert("sqlite", model.checkpoints),
                {
                    "service": model.service,
                    "version": model.version,
                    "position": self.mark.last,
                    "generation": 0,
                    "table_names": model.names(),
                },
            )

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()


def _too_late(at: int, moment: int) -> bool:
    return at > moment + SKEW // _MICRO


def _percent(position: int, end: int) -> int:
    return min(99, 100 * max(position, 0) // max(end, 1))


# -- files


def _writing(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # begin below opens the transaction, not the driver: tables are made in it too

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _reading(path: Path) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10, check_same_thread=False)

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=2, max_overflow=CONNECTIONS)


def _mark_of(path: Path) -> Mark | None:
    """None for a file that is not there, or is none of ours."""
    names = list(Mark.__dataclass_fields__)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as connection:
            found = connection.execute(f"SELECT {', '.join(names)} FROM past_mark").fetchone()
    except sqlite3.Error:
        return None
    return None if found is None else Mark(**{**dict(zip(names, found, strict=True)), "complete": bool(found[names.index("complete")])})


def _note(path: Path, mark: Mark) -> None:
    engine = _writing(path)
    with engine.begin() as tx:
        tx.execute(sa.update(_marks).values(**asdict(mark)))
    engine.dispose()


def _copy(source: Path, target: Path) -> None:
    """By SQLite itself, which copies a state between two transactions and no other."""
    with closing(sqlite3.connect(source, timeout=10)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)


def _touch(path: Path) -> None:
    """By our own clock: the kernel's stands still for milliseconds, in which several may be used."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def _used(path: Path, inode: int) -> bool:
    """Note that the file is used; False when it is not there any more, or another one is."""
    try:
        _touch(path)
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False


@contextmanager
def _alone(path: Path, until: float | None) -> Iterator[bool]:
    """Hold the lock of a file; False when somebody else still has it at that time (None: wait for ever)."""
    while True:
        file = path.open("a")
        try:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if until is not None and time.monotonic() >= until:
                        yield False
                        return
                time.sleep(PAUSE)
            if _same(path, file.fileno()):
                yield True
                return
        finally:
            file.close()  # and with it the lock; when the file was removed under us, once more


def _same(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
