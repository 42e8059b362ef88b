"""SQLite files that several processes make, use and remove (文件): one at a time writes, whoever was killed is cleared up after.

Each is written under a lock beside it (``alone``), so that a journal that lies beside a file nobody holds is what a kill has left.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

PAUSE = 0.05


def writing(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # begin below opens the transaction, not the driver: tables are made in it too

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def reading(path: Path) -> sa.Engine:
    """No connection is kept: the disk that a removed file takes is free when nobody reads from it any more."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri(path, "ro"), uri=True, timeout=10, check_same_thread=False)

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)


def uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


def _journal(path: Path) -> Path:
    """What SQLite needs to undo the write it is at (rollback journal)."""
    return path.with_name(f"{path.name}-journal")


def settle(path: Path) -> None:
    """Undo what somebody who was killed left half written, which only who may write can; whoever cannot be mended is removed.

    Under the lock of the file only: whatever journal there is, nobody is at work on it.
    """
    if not _journal(path).exists():
        return
    try:
        with closing(sqlite3.connect(uri(path, "rw"), uri=True, timeout=10)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        remove(path)
    else:
        _journal(path).unlink(missing_ok=True)  # one that held nothing yet


def remove(path: Path) -> None:
    """The file before its journal: without it a half-written one would pass for whole."""
    path.unlink(missing_ok=True)
    _journal(path).unlink(missing_ok=True)


def put(new: Path, path: Path) -> None:
    """In the place of ``path``, which is settled or not there: a journal that still lies beside it is nobody's."""
    _journal(path).unlink(missing_ok=True)
    os.replace(new, path)


def copy(source: Path, target: Path) -> None:
    """By SQLite itself, which copies a state between two transactions and no other; OperationalError when the source is gone."""
    with closing(sqlite3.connect(uri(source, "ro"), uri=True, timeout=10)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)


def touch(path: Path) -> None:
    """By our own clock: the kernel's stands still for milliseconds, in which several may be used."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def use(path: Path, inode: int) -> bool:
    """Note that the file is used; False when it is not there any more, or another one is."""
    try:
        touch(path)
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False


@contextmanager
def alone(path: Path, until: float | None) -> Iterator[bool]:
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
