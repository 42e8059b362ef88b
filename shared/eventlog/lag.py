"""How far one who follows the log is behind (滞后): the relay, a projection, the seal.

Two figures: positions (head minus checkpoint; their unit is the engine's) and the age in seconds of the oldest event that is still to come,
which is what an alarm goes by. Both are zero when the log holds nothing more for the follower, whatever others have added meanwhile. Who is
beyond the end of the log (an older backup of it was restored) is not level with it: there is no figure then, and the reason is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from esdbclient.exceptions import EventStoreDBClientException

from shared.domain.errors import Unavailable
from shared.eventlog.client import Log, LogUnavailable
from shared.eventlog.integrity.leaf import OF_THE_TREE
from shared.eventlog.integrity.nodes import Nodes
from shared.eventlog.read_model import NOTHING

PATIENCE = 3.0  # seconds for one question to the log: whoever scrapes waits for it


@dataclass(frozen=True)
class Lag:
    """How far behind."""

    positions: int
    seconds: float


def lag(log: Log, position: int, **of: Any) -> Lag:
    """Of a follower that has dealt with everything up to ``position``; ``of``: the filter of what it follows.

    LogUnavailable when the log is away, Unavailable when the position is beyond its end.
    """
    try:
        after = {"commit_position": position} if position >= 0 else {}
        waiting = None
        # A read begins at its position, and that may be the very event that was dealt with.
        for event in log.client.read_all(**after, limit=2, timeout=PATIENCE, **of):
            if event.commit_position > position:
                waiting = event
                break
        head = int(log.client.get_commit_position(timeout=PATIENCE, filter_exclude=()))
    except (EventStoreDBClientException, ValueError) as error:
        raise LogUnavailable(type(error).__name__) from error
    if waiting is None and position > head:
        raise Unavailable(f"断点 {position} 超过了事件日志的末尾 {head}：日志可能恢复自较早的备份。")
    if waiting is None:
        return Lag(0, 0.0)
    age = (datetime.now(UTC) - waiting.recorded_at).total_seconds() if waiting.recorded_at is not None else 0.0
    return Lag(head - max(position, 0), max(age, 0.0))


def of_relay(log: Log, name: str, position: int | None = None) -> Lag:
    """Of the relay: where it says it is, or by its mark in the log (a few seconds older)."""
    from shared.eventlog.relay import mark
    from shared.eventlog.relay.session import OF_EVERYBODY  # not above: a projector has no use for AMQP

    return lag(log, mark.read(log, name).position if position is None else position, **OF_EVERYBODY)


def of_projection(log: Log, engine: sa.Engine, service: str, reads: dict[str, Any]) -> Lag:
    """Of a read model, by the checkpoint in its tables; ``reads`` is what the model follows."""
    checkpoints = sa.table("read_model_checkpoint", sa.column("service"), sa.column("position"))
    with engine.connect() as connection:
        try:
            position = connection.execute(sa.select(checkpoints.c.position).where(checkpoints.c.service == service)).scalar()
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):
            position = None  # no projector has ever run here
    return lag(log, NOTHING if position is None else int(position), **reads)


def of_seal(log: Log, engine: sa.Engine) -> Lag:
    """Of the seal, by the last leaf of its tree."""
    Nodes.create(engine)
    with engine.connect() as connection:
        kept = Nodes(connection)
        size = kept.size
        position = kept.position(size - 1) if size else -1
    return lag(log, position, **OF_THE_TREE)
