"""Building a read model again (重建): beside the live tables, up to exactly where they are, compared row by row, exchanged at once.

The live projector goes on meanwhile. Only at the end, for the comparison and the exchange, is its checkpoint locked; it then
finds that the generation has changed and reads its checkpoint again. Exchanging is DROP and RENAME in one transaction, which
both databases can do; the indexes are made after that, because their names belong to the live tables until then.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from threading import Event
from typing import Any

import sqlalchemy as sa

from shared.eventlog.client import Log
from shared.eventlog.lease import lease
from shared.eventlog.read_model import NOTHING, Checkpoint, ReadModel, Rows
from shared.eventlog.reader import Reader

BESIDE = "__beside"
BATCH = 2_000  # events between two writes
KEPT = 400_000  # rows in memory at most
REPORTED = 20  # differences shown for one table
CLOSE = 500  # events that may be left for the time when everybody waits
CHUNK = 2_000


@dataclass(frozen=True)
class Difference:
    """A row that the log does not give. Names table, key and columns, never a value."""

    table: str
    key: tuple[Any, ...]
    kind: str  # missing | unexpected | different
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = {"missing": "现有表缺少这一行", "unexpected": "现有表多出这一行", "different": f"列 {'、'.join(self.columns)} 不同"}
        return f"{self.table} {'/'.join(map(str, self.key))}：{what[self.kind]}"


@dataclass(frozen=True)
class Report:
    """What a rebuild did."""

    service: str
    events: int
    seconds: float
    position: int
    rows: int
    hashes: dict[str, str]  # table -> content hash of the rebuilt rows in the order of their keys
    compared: bool  # False: there was nothing of this version to compare with
    differences: tuple[Difference, ...]
    different: int  # how many rows differ in all
    swapped: bool


class RebuildRefused(Exception):
    """The rebuild cannot be done now; the message says why, in Chinese."""


Progress = Callable[[int, int, int], None]  # events so far, position, position where it ends


def rebuild(
    model: ReadModel,
    engine: sa.Engine,
    log: Log,
    *,
    check: bool = False,
    force: bool = False,
    progress: Progress = lambda events, position, end: None,
    stopping: Event | None = None,
) -> Report:
    """Build ``model`` again from the log, compare with what is live, and (unless ``check``) put it in its place.

    ``force`` builds up to the end of the log whatever the live checkpoint says: after an older log was restored.
    """
    stopping = stopping or Event()
    started = time.monotonic()
    with lease(engine, "rebuild", stopping, wait=False) as held:
        if not held:
            raise RebuildRefused(f"读模型 {model.service} 正在被另一个进程重建。")
        model.create(engine)
        live = model.checkpoint(engine)
        assert live is not None
        if live.version > model.version:
            raise RebuildRefused(f"读模型 {model.service} 是较新版本（第 {live.version} 版）建立的，请先升级。")
        comparable = live.version == model.version and live.position != NOTHING and not force
        if comparable and live.position > log.head():
            raise RebuildRefused(f"读模型 {model.service} 的断点超过了日志末尾；确认日志无误后请用 --force 重建。")
        build = _Build(model, engine, log, progress, stopping)
        try:
            build.start()
            while True:
                live = model.checkpoint(engine)
                assert live is not None
                end = live.position if comparable else log.head()
                events = build.up_to(end)
                if events < CLOSE:
                    break
            return _finish(build, comparable, check, started)
        finally:
            build.clean()


def _finish(build: _Build, comparable: bool, check: bool, started: float) -> Report:
    model = build.model
    with build.engine.execution_options(writes=True).begin() as tx:
        live = model.lock(tx)
        assert live is not None
        build.join(tx)
        if comparable:
            build.up_to(live.position, tx)
        hashes, count, different, differences = _compare(build, tx, comparable)
        if not check:
            _swap(build, tx, live)
    took = time.monotonic() - started
    return Report(
        model.service, build.events, took, build.position, count, hashes, comparable, tuple(differences), different, swapped=not check
    )


class _Build:
    """The tables beside the live ones, and how far they are."""

    def __init__(self, model: ReadModel, engine: sa.Engine, log: Log, progress: Progress, stopping: Event) -> None:
        self.model = model
        self.engine = engine
        self._writes = engine.execution_options(writes=True)
        self.position = NOTHING
        self.events = 0
        self._progress = progress
        self._stopping = stopping
        metadata = sa.MetaData()
        self.beside = {table: _copy(table, metadata) for table in model.tables}
        self._reader = Reader(log)
        self._connection = engine.connect()
        self.rows = Rows(model, self._connection, actual=self.beside, fresh=True)

    def start(self) -> None:
        with self._writes.begin() as tx:
            self._drop(tx)
            for table in self.beside.values():
                tx.execute(sa.schema.CreateTable(table))

    def join(self, tx: sa.Connection) -> None:
        """Read in this transaction from now on: our own connection would stand in the way of the exchange."""
        self._connection.rollback()
        self.rows.use(tx)

    def clean(self) -> None:
        self._reader.close()
        self._connection.close()
        with self._writes.begin() as tx:
            self._drop(tx)  # nothing is left of them after an exchange; after a failure or a check all of them are

    def _drop(self, tx: sa.Connection) -> None:
        for table in self.beside.values():
            tx.execute(sa.schema.DropTable(table, if_exists=True))

    def up_to(self, end: int, tx: sa.Connection | None = None) -> int:
        """Project what the log holds up to and including ``end``; in the caller's transaction, or in batches of our own."""
        if end <= self.position:
            return 0
        began = self.events
        project, rows = self.model.project, self.rows
        for raw in self._reader.read(self.position, end, **self.model.reads):
            project(rows, raw)
            self.events += 1
            if self.events % BATCH == 0:
                self._write(tx)
                self._progress(self.events, raw.position, end)
                if self._stopping.is_set():
                    raise RebuildRefused("重建被中止。")
        self._write(tx)
        self.position = end
        self._progress(self.events, end, end)
        return self.events - began

    def _write(self, tx: sa.Connection | None) -> None:
        if tx is not None:
            self.rows.flush(tx)
        else:
            self._connection.rollback()
            with self._connection.begin():
                self.rows.flush(self._connection)
        if self.rows.kept > KEPT:
            self.rows.forget()


def _copy(table: sa.Table, metadata: sa.MetaData) -> sa.Table:
    copy = table.to_metadata(metadata, name=table.name + BESIDE)
    copy.indexes.clear()
    for constraint in copy.constraints:
        constraint.name = None  # a given name belongs to the live table
    return copy


def _swap(build: _Build, tx: sa.Connection, live: Checkpoint) -> None:
    model = build.model
    c = model.checkpoints.c
    known = tx.execute(sa.select(c.table_names).where(c.service == model.service)).scalar_one()
    quote = tx.dialect.identifier_preparer.quote
    for name in sorted({*json.loads(known), *(t.name for t in model.tables)}):
        tx.exec_driver_sql(f"DROP TABLE IF EXISTS {quote(name)}")
    for table, beside in build.beside.items():
        tx.exec_driver_sql(f"ALTER TABLE {quote(beside.name)} RENAME TO {quote(table.name)}")
        for index in table.indexes:
            tx.execute(sa.schema.CreateIndex(index))
    tx.execute(
        sa.update(model.checkpoints)
        .where(c.service == model.service)
        .values(version=model.version, position=build.position, generation=live.generation + 1, table_names=model.names())
    )


def _compare(build: _Build, tx: sa.Connection, comparable: bool) -> tuple[dict[str, str], int, int, list[Difference]]:
    hashes: dict[str, str] = {}
    count = different = 0
    differences: list[Difference] = []
    for table, beside in build.beside.items():
        content = hashlib.sha256()
        same = True
        live = _chunks(tx, table if comparable else beside)
        for rows in _chunks(tx, beside):
            count += len(rows)
            content.update("\n".join(map(repr, rows)).encode())
            content.update(b"\n")
            same = same and next(live, None) == rows
        same = same and next(live, None) is None
        live.close()  # a table that is being read cannot be dropped
        hashes[table.name] = content.hexdigest()
        if not same:
            found = _differences(tx, table, beside)
            different += len(found)
            differences += found[:REPORTED]
    return hashes, count, different, differences


def _chunks(tx: sa.Connection, table: sa.Table) -> Generator[list[tuple[Any, ...]], None, None]:
    found = tx.execute(sa.select(table).order_by(*table.primary_key.columns).execution_options(yield_per=CHUNK))
    try:
        for rows in found.partitions():
            yield [tuple(row) for row in rows]
    finally:
        found.close()


def _differences(tx: sa.Connection, table: sa.Table, beside: sa.Table) -> list[Difference]:
    """The long way, for when the tables are known to differ."""
    names = [c.name for c in table.columns]
    at = [names.index(c.name) for c in table.primary_key.columns]

    def by_key(t: sa.Table) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return {tuple(row[i] for i in at): row for rows in _chunks(tx, t) for row in rows}

    have, should = by_key(table), by_key(beside)
    found = [Difference(table.name, key, "missing") for key in should if key not in have]
    found += [Difference(table.name, key, "unexpected") for key in have if key not in should]
    for key, row in should.items():
        other = have.get(key)
        if other is not None and other != row:
            columns = tuple(n for n, a, b in zip(names, row, other, strict=True) if a != b)
            found.append(Difference(table.name, key, "different", columns))
    return sorted(found, key=lambda d: d.key)
