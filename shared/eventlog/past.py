"""The read model as it was known at a moment (回溯读模型): what ``as_of`` on a list is answered from. docs/adr/0017.

One SQLite file a moment, folded by the service's own projections from the events that were recorded by then, also where the live read
model is in PostgreSQL. It is made when first asked for, from the newest file of an earlier moment if there is one, and kept until others
were used more lately. Written beside and renamed: what has its name is whole, and what a crash leaves is gone on from. The disk is the
log's first: before a file is made others make room for it, and it is refused rather than the last of the disk used (``_room``).

Events stand in the log nearly, but not exactly, in the order of their ``recorded_at``: clocks differ, commands overlap. So every event is
judged by its own time, and a file says which it left out (``Mark``). One thing is assumed: no event stands behind another that was
recorded more than ``SKEW`` later. Behind the first that is so much later than the moment nothing is looked for any more.

A business day (``valid_at``) is the moment of its close, and what was entered later than it was done (``on_day``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shared.domain.errors import Unavailable
from shared.eventlog.client import Log
from shared.eventlog.late import LateAct
from shared.eventlog.raw import Raw
from shared.eventlog.read_model import NOTHING, ReadModel, Rows, shapes_of, upsert
from shared.eventlog.reader import Reader
from shared.eventlog.sqlite_files import alone, copy, put, reading, remove, settle, touch, uri, use, writing
from shared.eventsourcing import codec
from shared.eventsourcing.days import close_of, day_of

SKEW = timedelta(hours=1)
KEPT = 12  # files a service, begun ones among them
MOST = 2 * KEPT  # files a service at any instant, however many moments are asked for within a minute
RESTING = 60.0  # seconds since a file was used before it may be removed: somebody may be about to open it
FREE = 1 << 30  # bytes that must stay free where the files are: the log may be on the same disk
STALE = 24 * 3600.0  # seconds after which what was begun and never asked for again is removed
BATCH = 2_000  # events between two writes
ROWS = 400_000  # in memory at most
FEW_ROWS = 30_000  # where a query waits: a worker's memory is for its windows
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

    def __init__(
        self, directory: Path, model: ReadModel, log: Log, *, kept: int = KEPT, most: int = MOST, resting: float = RESTING, free: int = FREE
    ) -> None:
        self.directory = directory
        self._model = model
        self._log = log
        self._kept, self._most = kept, most
        self._resting = resting
        self._free = free
        self._engines: OrderedDict[Path, _Open] = OrderedDict()
        self._lock = threading.Lock()

    # ---- for queries -------------------------------------------------------------------------------------------

    def at(self, as_of: datetime, patience: float | None) -> sa.Engine:
        """The read model as it was known at ``as_of``, to read from; NotReady when it takes more than ``patience`` seconds."""
        path = self.path(as_of)
        found = self._engines.get(path)
        if found is None or not found.complete or not use(path, found.inode):
            self.prepare(as_of, patience)
            found = self._opened(path)
        return found.engine

    def on_day(self, day: date, late: Sequence[LateAct], patience: float | None) -> sa.Engine:
        """The read model as it stood at the close of a business day, and behind it what was entered later than it was done (``late``).

        Of a day of which nothing was entered later it is the moment's own file. Else one more lies beside that, a copy with those events.
        """
        moment = close_of(day)
        engine = self.at(moment, patience)
        if not late:
            return engine
        base = self.path(moment)
        mark = _mark_of(base) or Mark()
        told = f"{mark.last} {' '.join(str(act.position) for act in late)}"
        path = base.with_name(f"{base.stem}-late{hashlib.sha256(told.encode()).hexdigest()[:12]}.db")
        found = self._engines.get(path)
        if found is None or not use(path, found.inode):
            with alone(path.with_suffix(".lock"), None if patience is None else time.monotonic() + patience) as mine:
                if not mine:
                    raise NotReady(99)
                settle(path)
                if not path.exists():
                    self._add(base, path, day, late)
                touch(path)
            found = self._opened(path)
        return found.engine

    def _add(self, base: Path, path: Path, day: date, late: Sequence[LateAct]) -> None:
        """A copy of a moment's file, and behind all that is in it what was entered later; nothing of a record that began later itself."""
        building = path.with_suffix(".building")
        remove(building)
        self._room(path)
        copy(base, building)
        engine = writing(building)
        try:
            with engine.begin() as tx:
                rows = Rows(self._model, tx, shapes=self._shapes)
                for act in late:
                    history = self._log.read(act.stream, limit=act.version + 1)
                    if day_of(codec.recorded(history[0], None)) <= day:
                        self._model.project(rows, history[act.version])
                rows.flush(tx)
        finally:
            engine.dispose()
        self._place(building, path)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For who prepares at leisure: one at a time on a machine, the next when it is done."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with alone(self.directory / "turn", None):
            yield

    def close(self) -> None:
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].engine.dispose()

    @cached_property
    def _shapes(self) -> dict[sa.Table, Any]:
        return shapes_of(self._model, "sqlite")  # they take longer than a short fold

    def path(self, as_of: datetime) -> Path:
        """Named by moment and version of the model: another version of the rows is another file. Names sort as their moments do."""
        at = as_of.astimezone(UTC)
        return self.directory / f"{at.year:04}{at:%m%dT%H%M%S.%f}Z-v{self._model.version}.db"

    def _opened(self, path: Path) -> _Open:
        with self._lock:
            inode = path.stat().st_ino
            found = self._engines.get(path)
            if found is None or found.inode != inode:
                if found is not None:
                    found.engine.dispose()  # whoever reads from it still does so to the end
                found = _Open(reading(path), inode, False)
            mark = _mark_of(path)
            found = self._engines[path] = replace(found, complete=mark is not None and mark.complete)
            self._engines.move_to_end(path)
            while len(self._engines) > self._kept:
                self._engines.popitem(last=False)[1].engine.dispose()
            return found

    # ---- making one --------------------------------------------------------------------------------------------

    def prepare(self, as_of: datetime, patience: float | None = None, progress: Progress = lambda events, position, end: None) -> Mark:
        """Make the file of this moment, or see that it holds all that is known of it by now.

        NotReady after ``patience`` seconds: what was done is kept, and whoever comes next goes on from there. Unavailable where there is
        no room for it.
        """
        until = None if patience is None else time.monotonic() + patience
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.path(as_of)
        with alone(path.with_suffix(".lock"), until) as mine:
            if not mine:
                raise NotReady(self._percent(path))
            reader = Reader(self._log)
            try:
                mark = self._made(path, micros(as_of), reader, until, progress)
            finally:
                reader.close()
            touch(path)
        return mark

    def _made(self, path: Path, moment: int, reader: Reader, until: float | None, progress: Progress) -> Mark:
        building = path.with_suffix(".building")
        settle(path)
        settle(building)
        end = reader.head()
        ready = self._known(path)
        if ready is not None and (ready.complete or ready.scanned == end):
            return ready
        if ready is not None:
            seen, more = self._look(ready, moment, reader, end)
            if not more:
                _note(path, seen)
                return seen
        self._room(path)
        if self._known(building) is None:
            self._begin(building, path, ready, moment)
        fold = _Fold(building, self._model, self._shapes, moment, ROWS if until is None else FEW_ROWS)
        try:
            fold.up_to(reader, end, until, progress, self._space)
            fold.finish()
        finally:
            fold.close()
        self._place(building, path)
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
        for start, mark in [(path, same)] if same is not None else self._bases(path, moment):
            remove(new)
            try:
                copy(start, new)
            except sqlite3.OperationalError:
                if same is not None:
                    raise
                continue  # taken away meanwhile: the one before it, then
            if same is None:  # what stands behind the last event is looked at again: some of it was known by the later moment
                mark = replace(mark, scanned=mark.last, skipped=mark.hidden, complete=False)
            _note(new, mark)
            break
        else:
            remove(new)
            engine = writing(new)
            with engine.begin() as tx:
                for table in (*self._model.tables, self._model.checkpoints, _marks):
                    tx.execute(sa.schema.CreateTable(table))
                tx.execute(sa.insert(_marks).values(one=1, **asdict(Mark())))
            engine.dispose()
        put(new, building)

    def _bases(self, path: Path, moment: int) -> Iterator[tuple[Path, Mark]]:
        """Files of an earlier moment from which one may go on, newest first: no event they left out would have to go before their last."""
        earlier = (p for p in self.directory.glob(f"*-v{self._model.version}.db") if p.name < path.name)
        for found in sorted(earlier, reverse=True):
            mark = self._known(found)
            if mark is not None and mark.hidden > moment:
                yield found, mark

    def _known(self, path: Path) -> Mark | None:
        """The mark of a file that is there and comes from this log; one of a log that was exchanged for a backup is removed."""
        mark = _mark_of(path)
        if mark is None or mark.last == NOTHING or self._log.holds(Raw("", b"", b"", mark.last_id, position=mark.last)):
            return mark
        remove(path)
        return None

    def _percent(self, path: Path) -> int:
        mark = _mark_of(path.with_suffix(".building")) or Mark()
        return _percent(mark.scanned, self._log.head())

    # ---- room ----------------------------------------------------------------------------------------------------

    def _room(self, path: Path) -> None:
        """Before one is made: what nobody used for longest makes room for it, and its place is taken. Unavailable when there is none.

        Begun ones count as well. What was used within a minute stays: somebody may be about to open it.
        """
        building = path.with_suffix(".building")
        with alone(self.directory / "room", None):
            now = time.time()
            files = self._others(path, now)
            for one in sorted(files):
                if len(files) < self._kept and self._has_space(_need(files, building)):
                    break
                if one in files and now - one.used >= self._resting and self._removed(one.path):
                    files = [other for other in files if other.path.stem != one.path.stem]
            if len(files) + path.exists() >= self._most:
                raise Unavailable("正在查询的历史时刻过多，请过一分钟再试。")
            self._space(_need(files, building))
            if not building.exists():
                building.touch()

    def _place(self, building: Path, path: Path) -> None:
        """Give what is made its name. Not while somebody counts: between its old name and its new one it would be in no count."""
        with alone(self.directory / "room", None):
            put(building, path)

    def _space(self, need: int = 0) -> None:
        if not self._has_space(need):
            raise Unavailable("磁盘空间不足，暂时不能准备历史时刻的查询数据，请联系系统管理员。")

    def _has_space(self, need: int) -> bool:
        return shutil.disk_usage(self.directory).free >= self._free + need

    def _others(self, but: Path, now: float) -> list[_File]:
        """The data files of other moments. What was given up for a day, begun ones and those of other versions, is removed."""
        moments: dict[str, dict[Path, os.stat_result]] = {}
        for path in self.directory.iterdir():
            if path.suffix and path.stem != but.stem:
                with suppress(FileNotFoundError):
                    moments.setdefault(path.stem, {})[path] = path.stat()
        files: list[_File] = []
        for stem, parts in moments.items():
            data = {path: stat for path, stat in parts.items() if path.suffix in (".db", ".building")}
            used = max(stat.st_mtime_ns for stat in (data or parts).values()) / 1e9
            ours = stem.endswith(f"-v{self._model.version}")
            whole = any(path.suffix == ".db" for path in data)
            if now - used > STALE and not (ours and whole) and self._removed(next(iter(parts))):
                continue
            files += [_File(ours, used, path, stat.st_size) for path, stat in data.items()]
        return files

    def _removed(self, path: Path) -> bool:
        """Take away all there is of a moment, unless somebody is at work on it."""
        with alone(path.with_suffix(".lock"), 0.0) as mine:
            if mine:
                for suffix in (".db", ".building", ".new"):
                    remove(path.with_suffix(suffix))
                path.with_suffix(".lock").unlink(missing_ok=True)
            return mine


@dataclass(frozen=True, slots=True, order=True)
class _File:
    """A data file of a moment, in the order in which they go: of other versions first, then what was used longest ago."""

    ours: bool
    used: float
    path: Path
    size: int


def _need(files: list[_File], building: Path) -> int:
    """What a file that is not begun will take, about: as much as another one."""
    return 0 if building.exists() else max((one.size for one in files), default=0)


class _Fold:
    """The rows that are being made in one file, and how far they are."""

    def __init__(self, path: Path, model: ReadModel, shapes: dict[sa.Table, Any], moment: int, most: int) -> None:
        mark = _mark_of(path)
        assert mark is not None
        self.mark, self._model, self._moment, self._most = mark, model, moment, most
        self._engine = writing(path)
        self._connection = self._engine.connect()
        self._rows = Rows(model, self._connection, fresh=mark.last == NOTHING, shapes=shapes)

    def up_to(self, reader: Reader, end: int, until: float | None, progress: Progress, space: Callable[[], None]) -> None:
        """Fold what was known by the moment, in the order of the log; ``space`` refuses where the disk has none left for it."""
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
                space()
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


def _mark_of(path: Path) -> Mark | None:
    """None for a file that is not there, or is none of ours."""
    names = list(Mark.__dataclass_fields__)
    try:
        with closing(sqlite3.connect(uri(path, "ro"), uri=True, timeout=10)) as connection:
            found = connection.execute(f"SELECT {', '.join(names)} FROM past_mark").fetchone()
    except sqlite3.Error:
        return None
    return None if found is None else Mark(**{**dict(zip(names, found, strict=True)), "complete": bool(found[names.index("complete")])})


def _note(path: Path, mark: Mark) -> None:
    engine = writing(path)
    with engine.begin() as tx:
        tx.execute(sa.update(_marks).values(**asdict(mark)))
    engine.dispose()
