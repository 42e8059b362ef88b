"""A service's read model (读模型): its tables, and the functions that fold its events into them.

A projection function sees one event at a time and changes rows by primary key only, through ``Rows``. That is what makes
three things possible: batches written in few statements, the same SQL on SQLite and PostgreSQL, and a rebuild that can be
compared with the live tables row by row. Rows and checkpoint are written in one transaction, and the checkpoint is
compared before it is set, so a second projector can delay the first but never spoil its rows.

Values are plain: str, int, bool, None; times as ISO text (SQLite keeps no time zone). No foreign keys.

A service's model sees the service's own events. The portal's sees everybody's (``whole=True``): it names what it folds by the part of the
name that all services share (``on_short``), or takes every event as an act, without opening it (``on_every``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from shared.clock import SHANGHAI
from shared.eventlog.client import Raw
from shared.eventlog.deadlines import deadline_table
from shared.eventlog.integrity.leaf import OF_THE_TREE
from shared.eventlog.late import late_table, note
from shared.eventlog.reader import of_service
from shared.eventsourcing import codec
from shared.eventsourcing.codec import Recorded, UnknownEvent
from shared.eventsourcing.events import REGISTRY, type_of

NOTHING = -1  # the position of a read model that has seen no event yet
Row = dict[str, Any]
Handler = Callable[["Rows", Recorded], None]
H = TypeVar("H", bound=Handler)


class Overtaken(Exception):
    """The checkpoint is not where this writer left it: somebody else has written. Read it again before going on."""


class ProjectionFailed(Exception):
    """An event could not be projected. Says which one and where in our code, never what is in it."""

    def __init__(self, raw: Raw, function: str, cause: BaseException) -> None:
        self.position = raw.position
        frame = cause.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}" if frame else "?"
        super().__init__(
            f"事件 {raw.name}（编号 {raw.id}，流 {raw.stream} 第 {raw.version} 号，位置 {raw.position}）"
            f"在 {function} 中投影失败：{type(cause).__name__}，{where}。"
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a read model is. ``generation`` counts the rebuilds, so that a writer notices when its tables were exchanged."""

    version: int
    position: int
    generation: int


class ReadModel:
    """The tables of one service and what its events do to them. ``version`` grows whenever the same events give other rows."""

    def __init__(self, service: str, *, version: int, metadata: sa.MetaData, whole: bool = False) -> None:
        for table in metadata.sorted_tables:
            if table.foreign_keys:
                raise ValueError(f"{table.name}: a read model has no foreign keys")
        self.service = service
        self.version = version
        self.metadata = metadata
        self.deadlines = deadline_table(metadata)
        self.late = None if whole else late_table(metadata)  # of the whole log nobody asks about a business day
        self.tables: tuple[sa.Table, ...] = tuple(metadata.sorted_tables)  # what a rebuild rebuilds: all but the checkpoint
        self.checkpoints = sa.Table(
            "read_model_checkpoint",
            metadata,
            sa.Column("service", sa.String(40), primary_key=True),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("position", sa.BigInteger, nullable=False),
            sa.Column("generation", sa.Integer, nullable=False),
            sa.Column("table_names", sa.Text, nullable=False),  # so that a later version can drop what it no longer has
        )
        self.whole = whole
        self._every: tuple[Handler, ...] = ()
        self._handlers: dict[str, tuple[Handler, ...]] = {}  # by the event's name; of a model of the whole log, by the name without service

    @property
    def reads(self) -> dict[str, Any]:
        """The options under which the log gives what this model folds; of the whole log, exactly what is sealed and can be proven."""
        return OF_THE_TREE if self.whole else of_service(self.service)

    def on(self, *events: type) -> Callable[[H], H]:
        """Declare a projection function for these events of this service; KeyError for one that is not its own."""
        return self._declare([type_of(cls, self.service).name for cls in events])

    def on_short(self, *names: str) -> Callable[[H], H]:
        """Of a model of the whole log: declare a projection function for the events ``<any service>.<name>``."""
        if not self.whole:
            raise ValueError(f"{self.service}: only a model of the whole log folds other services' events")
        return self._declare(names)

    def _declare(self, names: Sequence[str]) -> Callable[[H], H]:
        def declare(function: H) -> H:
            for name in names:
                self._handlers[name] = (*self._handlers.get(name, ()), function)
            return function

        return declare

    def on_every(self, function: H) -> H:
        """Declare a projection function for every event this model reads. It gets who, when and where; ``event`` is None, for the body
        is decoded for those alone who declared the event by name."""
        self._every = (*self._every, function)
        return function

    @property
    def handled(self) -> frozenset[str]:
        """The names of the events that change a row."""
        return frozenset(self._handlers)

    def project(self, rows: Rows, raw: Raw) -> None:
        """Apply one event of the log. A type that this release does not know is an error: it would be missed for ever."""
        handlers = self._handlers.get(raw.name.partition(".")[2] if self.whole else raw.name, ())
        kind = REGISTRY.get(raw.name)
        if kind is None:
            raise UnknownEvent(raw.name)
        late = self.late if kind.day else None
        if not handlers and not self._every and late is None:
            return
        at = "codec"
        try:
            meta = codec.decode_meta(raw.metadata)
            recorded = Recorded(None, raw.name, raw.id, raw.stream, raw.version, raw.position, meta)
            for function in self._every:
                at = f"{function.__module__}.{function.__qualname__}"
                function(rows, recorded)
            if handlers or late is not None:
                at = "codec"
                recorded = replace(recorded, event=codec.decode(raw.name, meta.schema, raw.data, None))
            if late is not None:
                note(rows, late, recorded)
            for function in handlers:
                at = f"{function.__module__}.{function.__qualname__}"
                function(rows, recorded)
        except (UnknownEvent, sa.exc.SQLAlchemyError):
            raise  # an older release; the database: neither is the projection's fault
        except Exception as error:
            raise ProjectionFailed(raw, at, error) from None

    # ---- the checkpoint ----------------------------------------------------------------------------------------

    def create(self, engine: sa.Engine) -> None:
        """Make the tables when they are not there. Those of another version are left alone: that is the projector's work."""
        with engine.execution_options(writes=True).begin() as tx:
            if engine.dialect.name == "postgresql":
                tx.execute(sa.text("SELECT pg_advisory_xact_lock(20230702)"))  # two processes may both find nothing there
            tx.execute(sa.schema.CreateTable(self.checkpoints, if_not_exists=True))
            if self._checkpoint(tx) is not None:
                return
            for table in self.tables:
                tx.execute(sa.schema.CreateTable(table, if_not_exists=True))
                for index in sorted(table.indexes, key=lambda i: i.name or ""):
                    tx.execute(sa.schema.CreateIndex(index, if_not_exists=True))
            first = {"service": self.service, "version": self.version, "position": NOTHING, "generation": 0, "table_names": self.names()}
            tx.execute(upsert(engine.dialect.name, self.checkpoints, keep=True), first)

    def names(self) -> str:
        return json.dumps([t.name for t in self.tables])

    def checkpoint(self, engine: sa.Engine) -> Checkpoint | None:
        """How far the live tables are; None when there are none yet."""
        with engine.connect() as connection:
            try:
                return self._checkpoint(connection)
            except (sa.exc.OperationalError, sa.exc.ProgrammingError):
                connection.rollback()
                if not sa.inspect(connection).has_table(self.checkpoints.name):
                    return None
                return self._checkpoint(connection)  # it was made between the two questions, or this says again what is wrong

    def lock(self, tx: sa.Connection) -> Checkpoint | None:
        """Keep every writer of these tables waiting until this transaction ends; where they are."""
        c = self.checkpoints.c
        tx.execute(sa.update(self.checkpoints).where(c.service == self.service).values(generation=c.generation))
        return self._checkpoint(tx)

    def _checkpoint(self, connection: sa.Connection) -> Checkpoint | None:
        c = self.checkpoints.c
        found = connection.execute(sa.select(c.version, c.position, c.generation).where(c.service == self.service)).one_or_none()
        return None if found is None else Checkpoint(*found)

    def wait_for(self, engine: sa.Engine, position: int, timeout: float) -> bool:
        """Wait until the read model has seen ``position`` (read your own write); False when the time is up."""
        deadline = time.monotonic() + timeout
        pause = 0.002
        while True:
            reached = self.checkpoint(engine)
            if reached is not None and reached.position >= position:
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 0.05)

    def advance(self, tx: sa.Connection, known: Checkpoint, position: int) -> Checkpoint:
        """Set the checkpoint if it is where we left it; the first statement of every writing transaction, for it takes the lock."""
        c = self.checkpoints.c
        moved = tx.execute(
            sa.update(self.checkpoints)
            .where(c.service == self.service, c.version == known.version, c.position == known.position, c.generation == known.generation)
            .values(position=position)
        )
        if moved.rowcount != 1:
            raise Overtaken(self.service)
        return Checkpoint(known.version, position, known.generation)


class _Shape:
    """What Rows needs to know of one table, worked out once."""

    def __init__(self, table: sa.Table, actual: sa.Table, dialect: str) -> None:
        self.name = table.name
        self.blank: Row = {
            c.name: getattr(c.default, "arg", None) if c.default is not None and c.default.is_scalar else None for c in table.columns
        }
        self.keys = tuple(c.name for c in table.primary_key.columns)
        if not self.keys:
            raise ValueError(f"{table.name}: a table of a read model has a primary key")
        one: Callable[[Row], Any] = itemgetter(*self.keys)
        self.key: Callable[[Row], tuple[Any, ...]] = one if len(self.keys) > 1 else lambda row, k=self.keys[0]: (row[k],)  # type: ignore[misc]
        of_key = [actual.c[k] == sa.bindparam(f"key_{k}") for k in self.keys]
        self.select = sa.select(actual).where(*of_key)
        self.delete = sa.delete(actual).where(*of_key)
        self.upsert = upsert(dialect, actual)

    def named(self, key: tuple[Any, ...]) -> Row:
        return {f"key_{k}": v for k, v in zip(self.keys, key, strict=True)}


class Rows:
    """The rows that one batch touches: read once, changed in memory, written in few statements by ``flush``.

    ``fresh`` says that the tables were empty when this object was made, so that a row it has not seen is not there and
    need not be asked for. ``actual`` gives the table to use instead of a declared one (a rebuild writes beside).
    """

    def __init__(
        self,
        model: ReadModel,
        connection: sa.Connection,
        *,
        actual: Mapping[sa.Table, sa.Table] | None = None,
        fresh: bool = False,
        shapes: dict[sa.Table, _Shape] | None = None,
    ) -> None:
        self._model = model
        self._connection = connection
        self._shapes = shapes_of(model, connection.dialect.name, actual) if shapes is None else shapes
        self._seen: dict[sa.Table, dict[tuple[Any, ...], Row | None]] = {t: {} for t in self._shapes}
        self._changed: dict[sa.Table, dict[tuple[Any, ...], None]] = {t: {} for t in self._shapes}
        self._complete = fresh
        self.ignored = 0  # changes of rows that are not there

    # ---- for projection functions ------------------------------------------------------------------------------

    def put(self, table: sa.Table, /, **values: Any) -> None:
        """Write a whole row, new or in place of the one with this primary key; columns not named get their default or NULL."""
        shape = self._shapes[table]
        row = {**shape.blank, **values}
        if len(row) != len(shape.blank):
            raise KeyError(f"{shape.name} has no column {sorted(set(row) - set(shape.blank))}")
        key = shape.key(row)
        self._seen[table][key] = row
        self._changed[table][key] = None

    def get(self, table: sa.Table, /, **key: Any) -> Row | None:
        """The row with this primary key as the events so far have left it, or None."""
        row = self._find(table, self._key(table, key))
        return None if row is None else dict(row)

    def change(self, table: sa.Table, key: Mapping[str, Any], /, **values: Any) -> bool:
        """Set some columns of a row. No such row: nothing happens but that ``ignored`` is counted; False is returned."""
        where = self._key(table, key)
        row = self._find(table, where)
        if row is None:
            self.ignored += 1
            return False
        shape = self._shapes[table]
        changed = {**row, **values}
        if len(changed) != len(shape.blank) or shape.key(changed) != where:
            raise KeyError(f"{shape.name}: change names a column that is not there, or another primary key")
        self._seen[table][where] = changed
        self._changed[table][where] = None
        return True

    def delete(self, table: sa.Table, /, **key: Any) -> None:
        """Take a row away; it is no error when it is not there."""
        where = self._key(table, key)
        self._seen[table][where] = None
        self._changed[table][where] = None

    def due(self, r: Recorded, name: str, aggregate_id: str, due_at: datetime | date | str, data: Mapping[str, Any] | None = None) -> None:
        """Set (or move) the deadline ``name`` of the stream of ``r``."""
        self.put(
            self._model.deadlines,
            stream=r.stream,
            name=name,
            aggregate_id=aggregate_id,
            due_at=_iso(due_at),
            division=r.meta.division,
            data=json.dumps(data or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        )

    def settle(self, r: Recorded, name: str) -> None:
        """The deadline ``name`` of the stream of ``r`` is met or no longer matters."""
        self.delete(self._model.deadlines, stream=r.stream, name=name)

    # ---- for the projector and the rebuild ---------------------------------------------------------------------

    def use(self, connection: sa.Connection) -> None:
        """Read from this connection from now on."""
        self._connection = connection

    @property
    def kept(self) -> int:
        """How many rows are held in memory."""
        return sum(map(len, self._seen.values()))

    @property
    def pending(self) -> bool:
        return any(self._changed.values())

    def flush(self, tx: sa.Connection) -> None:
        """Write what has changed since the last flush, in the caller's transaction."""
        for table, changed in self._changed.items():
            if not changed:
                continue
            shape, seen = self._shapes[table], self._seen[table]
            rows = [row for key in changed if (row := seen[key]) is not None]
            gone = [shape.named(key) for key in changed if seen[key] is None]
            if rows:
                tx.execute(shape.upsert, rows)
            if gone:
                tx.execute(shape.delete, gone)
            changed.clear()

    def forget(self) -> None:
        """Give the memory back; rows are read from the tables again when they are needed."""
        assert not self.pending
        for seen in self._seen.values():
            seen.clear()
        self._complete = False

    def _key(self, table: sa.Table, key: Mapping[str, Any]) -> tuple[Any, ...]:
        keys = self._shapes[table].keys
        if len(key) != len(keys):
            raise KeyError(f"the primary key of {table.name} is {keys}")
        return tuple(key[k] for k in keys)

    def _find(self, table: sa.Table, key: tuple[Any, ...]) -> Row | None:
        seen = self._seen[table]
        try:
            return seen[key]
        except KeyError:
            if self._complete:
                return None
        shape = self._shapes[table]
        found = self._connection.execute(shape.select, shape.named(key)).mappings().one_or_none()
        row = seen[key] = None if found is None else dict(found)
        return row


def _iso(at: datetime | date | str) -> str:
    """As the deadline table wants it: Asia/Shanghai, to the second, so that texts sort as times do."""
    if isinstance(at, datetime):
        return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
    return at if isinstance(at, str) else at.isoformat()


def shapes_of(model: ReadModel, dialect: str, actual: Mapping[sa.Table, sa.Table] | None = None) -> dict[sa.Table, _Shape]:
    """The statements for every table of the model; worth keeping from one batch to the next."""
    return {table: _Shape(table, (actual or {}).get(table, table), dialect) for table in model.tables}


def upsert(dialect: str, table: sa.Table, *, keep: bool = False) -> Any:
    """INSERT that writes over (or, with ``keep``, leaves) the row with the same primary key; the same SQL on both databases."""
    keys: Sequence[sa.Column[Any]] = list(table.primary_key.columns)
    insert: Any = postgresql_insert(table) if dialect == "postgresql" else sqlite_insert(table)
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    if keep or not rest:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)
