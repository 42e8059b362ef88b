"""The projector (投影): follows the log and folds one service's events into its read model.

In batches as large as what has come meanwhile: in the stream of the day that is one event, written at once; after an
absence it is thousands. Rows and checkpoint are one transaction, so being killed at any instant costs nothing but a repeat.
An event that cannot be projected stops its service, and only that; it is reported, tried again at growing intervals, and never skipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event

import sqlalchemy as sa

from shared import metrics
from shared.eventlog import rebuild
from shared.eventlog.client import Log, LogUnavailable, Raw
from shared.eventlog.lag import PATIENCE, of_projection
from shared.eventlog.lease import lease
from shared.eventlog.read_model import NOTHING, Checkpoint, Overtaken, ProjectionFailed, ReadModel, Rows, shapes_of
from shared.eventlog.reader import CaughtUp, Passed
from shared.eventlog.tail import Tail
from shared.eventsourcing.codec import UnknownEvent
from shared.health import HEALTH, beat

MOST = 2_000  # events in one batch
FILL = 0.05  # seconds to wait for a fuller batch while catching up; never once caught up
IDLE = 1.0
REBUILDING = 6 * 3600.0  # seconds that a rebuild may take before the process counts as stuck
REST = 1.0  # seconds between two writes of a checkpoint that only passed other services' events
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


class LogWentBack(Exception):
    """The checkpoint is beyond the end of the log: an older backup of it was restored, and the rows tell what it no longer holds."""


class NewerModel(Exception):
    """The tables were made by a newer release."""


class Projector:
    """One service's projector. ``run`` returns when ``stopping`` is set, and raises only LogWentBack."""

    def __init__(
        self,
        model: ReadModel,
        engine: sa.Engine,
        log: Log,
        stopping: Event,
        *,
        tell: Callable[[str], None],
        ready: Callable[[], None] = lambda: None,
        most: int = MOST,
    ) -> None:
        self._model = model
        self._engine = engine
        self._log = log
        self._stopping = stopping
        self._tell = tell
        self._ready = ready  # called when caught up, and when standing by while another one works
        self._most = most
        self._shapes = shapes_of(model, engine.dialect.name)
        self._alone = NOTHING  # the position of an event that failed: what comes before it is written first
        self._failures = 0
        self.ignored = 0
        self._wrong = ""  # why nothing is projected at the moment
        self._heart = f"projector-{model.service}"
        self._asking = Log(log.uri, timeout=PATIENCE)  # for scrapes: the other one is closed whenever something goes wrong

    def unready(self) -> str:
        """Why it does not project, in Chinese; "" when it does, or stands by."""
        return self._wrong

    def values(self) -> Iterable[metrics.Value]:
        """For a scrape: by the checkpoint in the tables, whoever of several projectors moves it."""
        behind = of_projection(self._asking, self._engine, self._model.service, self._model.reads)
        yield metrics.PROJECTION_LAG_POSITIONS, (self._model.service,), behind.positions
        yield metrics.PROJECTION_LAG_SECONDS, (self._model.service,), behind.seconds

    def _stand_by(self) -> None:
        beat(self._heart)
        self._ready()

    def run(self) -> None:
        try:
            self._run()
        finally:
            HEALTH.forget(self._heart)

    def _run(self) -> None:
        while not self._stopping.is_set():
            beat(self._heart)
            try:
                with lease(self._engine, "projector", self._stopping, waiting=self._stand_by) as held:
                    if held:
                        self._follow(self._prepare())
            except LogWentBack as error:
                self._wrong = str(error)  # this thread ends, the process goes on for the other services: it must not look well
                raise
            except Exception as error:
                self._report(error)
                self._log.close()  # a new channel next time: an old one may wait minutes before it tries again
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                self._failures += 1
                beat(self._heart, pause + HEALTH.limit)
                self._stopping.wait(pause)

    # ---- inside ------------------------------------------------------------------------------------------------

    def _prepare(self) -> Checkpoint:
        model = self._model
        model.create(self._engine)
        known = model.checkpoint(self._engine)
        assert known is not None
        if known.version > model.version:
            raise NewerModel(f"读模型 {model.service} 是较新版本（第 {known.version} 版）建立的，本程序只认识第 {model.version} 版。")
        if known.version < model.version:
            self._tell(f"读模型 {model.service} 由第 {known.version} 版改为第 {model.version} 版，先在旁边重建。")
            beat(self._heart, REBUILDING)
            rebuild.rebuild(model, self._engine, self._log, stopping=self._stopping)
            renewed = model.checkpoint(self._engine)
            assert renewed is not None
            known = renewed
        if known.position > self._log.end():
            raise LogWentBack(
                f"读模型 {model.service} 已到位置 {known.position}，超过了事件日志的末尾：日志可能恢复自较早的备份。"
                f"投影已停止；确认日志无误后，请执行 minzheng rebuild --force {model.service}。"
            )
        return known

    def _follow(self, known: Checkpoint) -> None:
        tail: Tail[Raw] = Tail(self._log, known.position, lambda raw: raw, **self._model.reads)
        catching_up = True
        written = 0.0
        try:
            with self._engine.connect() as connection:
                while not self._stopping.is_set():
                    beat(self._heart)
                    if catching_up and tail.waiting < self._most:
                        self._stopping.wait(FILL)
                    items = tail.take(self._most, IDLE)
                    if not items:
                        continue
                    rows = Rows(self._model, connection, shapes=self._shapes)
                    position = known.position
                    events = 0
                    for item in items:
                        if isinstance(item, Raw):
                            if item.position == self._alone and events:
                                known = self._write(connection, rows, known, position)
                                events = 0
                            self._model.project(rows, item)
                            position = item.position
                            events += 1
                        elif isinstance(item, Passed):
                            position = max(position, item.position)
                        elif isinstance(item, CaughtUp):
                            catching_up = False
                    self.ignored += rows.ignored
                    if events:
                        metrics.PROJECTED.labels(self._model.service).inc(sum(isinstance(item, Raw) for item in items))
                    if events or (position > known.position and time.monotonic() - written > REST):
                        known = self._write(connection, rows, known, position)
                        written = time.monotonic()
                    else:
                        connection.rollback()
                    if not catching_up:
                        self._wrong = ""
                        self._ready()
        finally:
            tail.stop()

    def _write(self, connection: sa.Connection, rows: Rows, known: Checkpoint, position: int) -> Checkpoint:
        connection.rollback()  # what was read is in ``rows``; SQLite cannot write in a transaction that has read an older state
        with connection.begin():
            moved = self._model.advance(connection, known, position)
            rows.flush(connection)
        self._failures, self._alone, self._wrong = 0, NOTHING, ""
        return moved

    def _report(self, error: Exception) -> None:
        service = self._model.service
        if isinstance(error, ProjectionFailed):
            self._alone = error.position
            said = f"{error}投影停在此处，稍后重试，不会跳过。"
        elif isinstance(error, UnknownEvent):
            said = f"日志中有本版本不认识的事件 {error}：程序比日志旧。投影停在此处，请升级。"
        elif isinstance(error, NewerModel):
            said = f"{error}请升级。"
        elif isinstance(error, LogUnavailable):
            said = f"事件日志暂不可用（{error}），稍后重试。"
        elif isinstance(error, Overtaken):
            said = "另有投影写过或重建过读模型，重新读取断点后继续。"
        else:
            said = f"{type(error).__name__}，稍后重试。"
        self._wrong = said
        self._tell(f"投影 {service}：{said}")
