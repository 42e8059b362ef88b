"""Questions to the audit index (审计索引): who did what when, and what led to what, without reading the whole log.

The index is the portal's table ``acts`` (one row for every event of the house) and ``looks``; the answers are ``Act``s, which say where in
the log their event is. What happened is read there. ``walk.py`` goes from one act to those behind it and those after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.config import Settings
from shared.eventlog import discovery
from shared.eventlog.read_model import ReadModel
from shared.eventlog.stores import engine_for
from shared.eventsourcing.titles import title

CHUNK = 400  # values in one IN


@dataclass(frozen=True)
class Act:
    """One event as the index knows it: times as ISO texts in Asia/Shanghai."""

    position: int
    event_id: str
    stream: str
    version: int
    type: str
    service: str
    actor: str
    division: str
    command_id: str
    correlation_id: str
    causation_id: str
    recorded_at: str
    occurred_at: str

    @property
    def where(self) -> str:
        """How an event is named to people and tools: stream@number."""
        return f"{self.stream}@{self.version}"

    @property
    def title(self) -> str:
        return title(self.type)

    @property
    def about(self) -> str:
        """What kind of matter its stream is: 救助个案, 家庭, 发放批次."""
        return discovery.about(self.stream)

    def as_dict(self) -> dict[str, Any]:
        """For pages and programs."""
        told = {"where": self.where, "title": self.title, "about": self.about, "type": self.type, "actor": self.actor}
        place = {"division": self.division, "recorded_at": self.recorded_at, "occurred_at": self.occurred_at}
        return {**told, **place, "event_id": self.event_id, "position": self.position}


@dataclass(frozen=True)
class Look:
    """One look at a file (查阅)."""

    file_id: str
    service: str
    actor: str
    division: str
    method: str
    purpose: str
    reference: str
    files: int
    looked_at: str


class Acts:
    """The index of one house. Read only; safe from any thread."""

    def __init__(self, engine: sa.Engine, model: ReadModel, division: str = "", services: Collection[str] | None = None) -> None:
        self._engine = engine.execution_options(single=True)
        self._model = model
        self._acts, self._looks = model.metadata.tables["acts"], model.metadata.tables["looks"]
        self._columns = [self._acts.c[name] for name in Act.__dataclass_fields__]
        self._division, self._services = division, services

    def within(self, division: str, services: Collection[str]) -> Acts:
        """The same index as far as somebody of a division may see it, in these services: every question ends there, walks too."""
        return Acts(self._engine, self._model, division, services)

    @classmethod
    def of(cls, settings: Settings) -> Acts:
        model = discovery.read_model(discovery.PORTAL)
        assert model is not None
        return cls(engine_for(settings, discovery.PORTAL), model)

    def close(self) -> None:
        self._engine.dispose()

    @property
    def position(self) -> int:
        """How far the index is; -1 while there is none."""
        known = self._model.checkpoint(self._engine)
        return -1 if known is None else known.position

    # ---- one event ---------------------------------------------------------------------------------------------

    def at(self, stream: str, version: int) -> Act | None:
        return next(self._found(self._acts.c.stream == stream, self._acts.c.version == version), None)

    def behind(self, position: int, most: int) -> list[Act]:
        """The first events after a position: of a log that ends there, those it no longer has."""
        return list(self._found(self._acts.c.position > position, limit=most))

    def at_position(self, position: int) -> Act | None:
        return next(self._found(self._acts.c.position == position), None)

    def last_of(self, stream: str, before: int) -> Act | None:
        """The newest event of a stream before a position."""
        c = self._acts.c
        return next(self._found(c.stream == stream, c.position < before, newest=True, limit=1), None)

    # ---- several -----------------------------------------------------------------------------------------------

    def of_stream(self, stream: str, upto: int | None = None, limit: int | None = None) -> list[Act]:
        """A stream's events in order, up to a position; with ``limit`` the newest of them."""
        c = self._acts.c
        where = [c.stream == stream, *([] if upto is None else [c.position <= upto])]
        return sorted(self._found(*where, newest=True, limit=limit), key=lambda a: a.position)

    def of_actor(
        self, actor: str, since: datetime | None = None, until: datetime | None = None, *, after: int = -1, limit: int = 500
    ) -> list[Act]:
        """Everything one hand (``staff:zhang3``; "": all hands) recorded in a period, ends included, in order; ``after``: to go on from
        a position."""
        c = self._acts.c
        where = [*([c.actor == actor] if actor else []), *self._period(c.recorded_at, since, until)]
        where += [] if after < 0 else [c.position > after]
        return list(self._found(*where, limit=limit))

    def by_event_ids(self, ids: Collection[str]) -> list[Act]:
        return list(self._in(self._acts.c.event_id, ids))

    def caused_by(self, ids: Collection[str]) -> list[Act]:
        """What these events, or commands, caused."""
        return list(self._in(self._acts.c.causation_id, ids))

    def of_commands(self, ids: Collection[str]) -> list[Act]:
        return list(self._in(self._acts.c.command_id, ids))

    def of_correlation(self, correlation_id: str, limit: int = 500) -> list[Act]:
        """Everything that one matter set in motion, as far as it was told along."""
        return list(self._found(self._acts.c.correlation_id == correlation_id, limit=limit))

    def streams_there(self, streams: Collection[str]) -> set[str]:
        """Which of these streams have an event."""
        c, found = self._acts.c, set()
        with self._engine.connect() as connection:
            for part in _chunks(streams):
                asked = sa.select(c.stream).where(c.stream.in_(part), c.version == 0, *self._seen(c))
                found |= set(connection.execute(asked).scalars())
        return found

    # ---- many --------------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """How many events of each type there are."""
        c = self._acts.c
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(c.type, sa.func.count()).where(*self._seen(c)).group_by(c.type)).all()
        return {str(name): int(n) for name, n in found}

    def per_day(self, actor: str = "", since: datetime | None = None, until: datetime | None = None) -> dict[str, int]:
        """How many acts were recorded on each day; of one hand, or of all."""
        c = self._acts.c
        day = sa.func.substr(c.recorded_at, 1, 10)
        asked = sa.select(day, sa.func.count()).where(*self._seen(c), *self._period(c.recorded_at, since, until))
        asked = asked.where(c.actor == actor) if actor else asked
        with self._engine.connect() as connection:
            return {str(on): int(n) for on, n in connection.execute(asked.group_by(day).order_by(day)).all()}

    def looks_at(self, file_id: str, since: datetime | None = None, until: datetime | None = None, limit: int = 500) -> list[Look]:
        """All looks at one file, the newest first."""
        return self._looked(self._looks.c.file_id == file_id, since, until, limit)

    def looks_by(self, actor: str, since: datetime | None = None, until: datetime | None = None, limit: int = 500) -> list[Look]:
        """All looks of one hand, at whatever file, the newest first."""
        return self._looked(self._looks.c.actor == actor, since, until, limit)

    # ---- inside ------------------------------------------------------------------------------------------------

    def _in(self, column: sa.Column[Any], values: Collection[str]) -> Iterator[Act]:
        for part in _chunks(values):
            yield from self._found(column.in_(part))

    def _seen(self, c: Any) -> list[Any]:
        """The conditions for what may be seen, by the columns of acts or looks."""
        if self._services is None:
            return []
        return [c.division.startswith(self._division, autoescape=True), c.service.in_(sorted(self._services))]

    @staticmethod
    def _period(column: Any, since: datetime | None, until: datetime | None) -> list[Any]:
        return [*([] if since is None else [column >= _text(since)]), *([] if until is None else [column <= _text(until)])]

    def _looked(self, which: Any, since: datetime | None, until: datetime | None, limit: int) -> list[Look]:
        c = self._looks.c
        asked = sa.select(*(c[name] for name in Look.__dataclass_fields__)).where(which, *self._seen(c))
        asked = asked.where(*self._period(c.looked_at, since, until)).order_by(c.position.desc(), c.file_id).limit(limit)
        with self._engine.connect() as connection:
            return [Look(*row) for row in connection.execute(asked)]

    def _found(self, *where: Any, newest: bool = False, limit: int | None = None) -> Iterator[Act]:
        c = self._acts.c
        asked = sa.select(*self._columns).where(*where, *self._seen(c)).order_by(c.position.desc() if newest else c.position).limit(limit)
        with self._engine.connect() as connection:
            rows = connection.execute(asked).all()
        return (Act(*row) for row in rows)


def _chunks(values: Collection[str]) -> Iterator[Sequence[str]]:
    known = sorted(set(values))
    for n in range(0, len(known), CHUNK):
        yield known[n : n + CHUNK]


def _text(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="microseconds")
