"""The read model of the declared programmes (项目读模型): one table for all shapes, each record with how it stands and whose turn it is.

A row is the folded state of its record beside the columns that its shape's ``view`` names, so that a new shape or programme
needs no projection of its own. The state holds no personal field (shared/casework/shape.py says so, a test holds every shape to it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.casework.shape import Shape, View
from shared.domain import dates
from shared.domain.decoders import decoder_of
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.events import shape_events

PAGE = 500
SOON = 2  # working days: what is due by then is said to be
OVERDUE = "record_overdue"  # the deadline's name; shape and record follow from its stream


def record_table(metadata: sa.MetaData) -> sa.Table:
    """Declare the table. Days and times are ISO text; ``amount`` is what the shape counts in (fen, minutes, points)."""
    return sa.Table(
        "records",
        metadata,
        sa.Column("record_id", sa.String(40), primary_key=True),
        sa.Column("shape", sa.String(20), nullable=False),
        sa.Column("programme", sa.String(60), nullable=False, index=True),
        sa.Column("subject_id", sa.String(60), nullable=False, index=True),
        sa.Column("division", sa.String(12), nullable=False, index=True),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("worklist", sa.String(40), nullable=False, index=True),
        sa.Column("responsible", sa.String(80), nullable=False),
        sa.Column("due_on", sa.String(10)),
        sa.Column("due", sa.String(40), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.String(40), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def encode_state(state: Any) -> str:
    return msgspec.json.encode(state, enc_hook=_plain, order="deterministic").decode()


def decode_state(shape: Shape, text: str) -> Any:
    return decoder_of(type(shape.state)).decode(text)


def project_records(model: ReadModel, table: sa.Table, shapes: Iterable[Shape]) -> None:
    """Fold the events of these shapes into the table, and keep each record's one deadline."""
    for shape in shapes:
        model.on(*shape_events(shape.name))(_projection(table, shape))


def _projection(table: sa.Table, shape: Shape) -> Callable[[Rows, Recorded], None]:
    def fold(rows: Rows, r: Recorded) -> None:
        record_id = aggregate_id(r)
        row = rows.get(table, record_id=record_id)
        state = shape.evolve(shape.state if row is None else decode_state(shape, row["state"]), r.event)
        v: View = shape.view(state)
        shown_on, shown = v.late or (v.due_on, v.due)
        rows.put(
            table,
            record_id=record_id,
            shape=shape.name,
            programme=state.programme,
            subject_id=state.subject_id,
            division=state.division,
            status=v.status,
            open=v.open,
            worklist=v.worklist,
            responsible=v.responsible,
            due_on=shown_on.isoformat() if shown_on else None,
            due=shown,
            amount=v.amount,
            title=v.title,
            version=r.version,
            changed_at=r.meta.recorded_at.isoformat(),
            state=encode_state(state),
        )
        if v.due_on is not None and shape.overdue is not None:
            # ``due_on`` is the last day on which it is still in time.
            rows.due(r, OVERDUE, record_id, v.due_on + timedelta(days=1), {"due": v.due, "shape": shape.name})
        else:
            rows.settle(r, OVERDUE)

    fold.__qualname__ = f"{shape.name}.fold"
    return fold


# -- Queries: each takes the asking hand's division, and shows nothing beyond it


def valid_records(
    engine: sa.Engine,
    table: sa.Table,
    shapes: Iterable[Shape],
    division: str,
    where: Mapping[str, Any],
    day: date,
    limit: int,
    after: str = "",
) -> list[tuple[dict[str, Any], Any]]:
    """Records of these shapes that were valid on a day (``valid_at``), each with what its shape's ``valid_on`` says; read page by page."""
    by_name = {shape.name: shape for shape in shapes if shape.valid_on is not None}
    c = table.c
    query = sa.select(table).where(c.division.startswith(division), c.shape.in_(by_name)).order_by(c.record_id).limit(PAGE)
    for name, value in where.items():
        if value is not None:
            query = query.where(c[name] == value)
    found: list[tuple[dict[str, Any], Any]] = []
    while True:
        with engine.connect() as connection:
            page = [dict(row) for row in connection.execute(query.where(c.record_id > after)).mappings()]
        for row in page:
            shape = by_name[row["shape"]]
            assert shape.valid_on is not None
            valid = shape.valid_on(decode_state(shape, row["state"]), day)
            if valid:
                found.append((row, valid))
                if len(found) == min(limit, PAGE):
                    return found
        if len(page) < PAGE:
            return found
        after = page[-1]["record_id"]


def worklists(engine: sa.Engine, tables: Iterable[sa.Table], division: str, today: date) -> list[dict[str, Any]]:
    """How many open things wait in which list, by programme and town, and since when something there is late (``first_due``).

    ``late``: of those how many are over their day; ``soon``: how many are due within two working days.
    """
    found: list[dict[str, Any]] = []
    day, until = today.isoformat(), dates.add_working_days(today, SOON).isoformat()
    with engine.connect() as connection:
        for t in tables:
            town = sa.func.substr(t.c.division, 1, 9).label("town")
            query = (
                sa.select(
                    t.c.worklist,
                    t.c.programme,
                    town,
                    sa.func.count().label("waiting"),
                    sa.func.min(t.c.due_on).label("first_due"),
                    sa.func.coalesce(sa.func.sum(sa.case((t.c.due_on < day, 1), else_=0)), 0).label("late"),
                    sa.func.coalesce(sa.func.sum(sa.case((t.c.due_on.between(day, until), 1), else_=0)), 0).label("soon"),
                )
                .where(t.c.division.startswith(division), t.c.worklist != "")
                .group_by(t.c.worklist, t.c.programme, town)
                .order_by(t.c.worklist, t.c.programme, town)
            )
            found += [dict(row) for row in connection.execute(query).mappings()]
    return found


WAITING = ("status", "responsible", "due", "subject_id", "title", "shape", "amount", "amount_fen")  # shown of a row, where its table has it
_NEVER = "9999-12-31"


def waiting(
    engine: sa.Engine, tables: Iterable[sa.Table], division: str, where: Mapping[str, str | None], town: str | None, limit: int, after: str
) -> list[dict[str, Any]]:
    """What waits in the lists, the most urgent first; ``after``: the ``place`` of the last row that was seen."""
    parts = []
    for t in tables:
        if any(value is not None and name not in t.c for name, value in where.items()):
            continue
        keys = list(t.primary_key.columns)
        due = sa.func.coalesce(t.c.due_on, _NEVER)
        item = sa.cast(keys[1], sa.String(80)) if len(keys) > 1 else sa.literal("")
        place = due + "|" + sa.literal(t.name) + "|" + keys[0] + "|" + item
        shown = [
            sa.cast(t.c[name], sa.String(500)).label(name) if name in t.c else sa.literal("").label(name) for name in WAITING
        ]  # of one type in every table
        query = sa.select(
            place.label("place"), sa.literal(t.name).label("list"), sa.cast(keys[0], sa.String(80)).label("key"), item.label("item"),
            t.c.worklist, t.c.programme, t.c.division, t.c.due_on, *shown,
        ).where(t.c.worklist != "", place > after)  # fmt: skip
        query = query.where(t.c.division.startswith(division), t.c.division.startswith(town or division))
        for name, value in where.items():
            if value is not None:
                query = query.where(t.c[name] == value)
        parts.append(query)
    if not parts:
        return []
    every = sa.union_all(*parts).subquery()
    with engine.connect() as connection:
        rows = connection.execute(sa.select(every).order_by(every.c.place).limit(max(0, min(limit, 500)))).mappings()
        return [dict(row) for row in rows]


def about(engine: sa.Engine, records: sa.Table, subject_id: str, programmes: Iterable[str]) -> list[str]:
    """The open records of these programmes about somebody, wherever they are."""
    c = records.c
    query = sa.select(c.record_id).where(c.subject_id == subject_id, c.open, c.programme.in_(tuple(programmes))).order_by(c.record_id)
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def of_subjects(engine: sa.Engine, cases: sa.Table, records: sa.Table, division: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Cases and records of these subjects: category, key, programme, status."""
    queries = (
        sa.select(sa.literal("case").label("category"), cases.c.case_id.label("key"), cases.c.programme, cases.c.status).where(
            cases.c.division.startswith(division), sa.or_(cases.c.subject_id.in_(keys), cases.c.payee_id.in_(keys))
        ),
        sa.select(records.c.shape.label("category"), records.c.record_id.label("key"), records.c.programme, records.c.status).where(
            records.c.division.startswith(division), records.c.subject_id.in_(keys)
        ),
    )
    with engine.connect() as connection:
        return [dict(row) for query in queries for row in connection.execute(query.order_by("programme", "key")).mappings()]
