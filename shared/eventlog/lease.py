"""One works, the others wait (值班锁): a lock that the operating system or the database frees when its holder is gone.

SQLite lives on one machine, so a file lock does; in PostgreSQL it is an advisory lock of a session. Neither is a fence: a
holder may lose it without knowing. What it guards must be fenced by itself, as the read model's checkpoint is.
"""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import sqlalchemy as sa

PAUSE = 0.25  # seconds between two tries of one who waits
_FAMILY = 20230703  # our advisory locks, so that they are not taken for somebody else's


@contextmanager
def lease(
    engine: sa.Engine, name: str, stopping: Event, *, wait: bool = True, waiting: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Hold the lock ``name`` of this store; False when it was not to be had (``stopping`` was set, or we were not to wait).

    ``waiting`` is called while somebody else holds it.
    """
    if engine.dialect.name == "postgresql":
        yield from _advisory(engine, name, stopping, wait, waiting)
    else:
        yield from _file(Path(f"{engine.url.database}.{name}.lock"), stopping, wait, waiting)


def _file(path: Path, stopping: Event, wait: bool, waiting: Callable[[], None]) -> Iterator[bool]:
    with path.open("a") as file:
        while not stopping.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if not wait:
                    break
                waiting()
                stopping.wait(PAUSE)
            else:
                yield True
                return
        yield False


def _advisory(engine: sa.Engine, name: str, stopping: Event, wait: bool, waiting: Callable[[], None]) -> Iterator[bool]:
    # In one database every store is a schema: the lock is the schema's.
    with engine.connect() as connection:
        connection.detach()  # closed at the end and not given back to the pool, so that the lock goes with it
        store = connection.execute(sa.text("SELECT current_schema()")).scalar_one()
        key = zlib.crc32(f"{store}.{name}".encode()) - 2**31
        while not stopping.is_set():
            got = connection.execute(sa.text("SELECT pg_try_advisory_lock(:family, :key)"), {"family": _FAMILY, "key": key}).scalar_one()
            connection.commit()
            if got:
                try:
                    yield True
                finally:
                    # Closing alone would free it too, but only when the server gets round to it.
                    with suppress(sa.exc.DBAPIError):
                        connection.execute(sa.text("SELECT pg_advisory_unlock(:family, :key)"), {"family": _FAMILY, "key": key})
                        connection.commit()
                return
            if not wait:
                break
            waiting()
            stopping.wait(PAUSE)
        yield False
