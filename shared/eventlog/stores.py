"""SQL stores (数据库): SQLite files in ``var/`` by default, one PostgreSQL database by ``DATABASE_URL``. Same code, same SQL.

In PostgreSQL every store is a schema of its own, so that two services never see each other's tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from shared.config import Settings

# A server that went away without a word is noticed after 10 + 3 x 5 s, or 15 s with something unacknowledged, and not after two hours: a
# timer or a projector that asks it would stand still meanwhile. It may think as long as it likes. (The broker's: shared/messaging/links.py)
REACHED = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
POOL = 30  # connections at most for one store in one process; above the workers of a process, so none waits


def engine_for(settings: Settings, store: str) -> sa.Engine:
    """The engine of one store: "vault", "registry", "assistance", …"""
    if settings.database_url:
        url = sa.make_url(settings.database_url).set(drivername="postgresql+psycopg")
        schema = settings.schema_prefix + store
        engine = sa.create_engine(
            url,
            pool_size=5,
            max_overflow=POOL,
            pool_pre_ping=True,
            connect_args={"options": f"-csearch_path={schema}", **REACHED},
        )
        with engine.begin() as tx:
            # Two processes may both create it at once: the lock makes the second wait and then find it.
            tx.execute(sa.text("SELECT pg_advisory_xact_lock(20230701)"))
            tx.execute(sa.text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        return engine
    settings.var.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        f"sqlite:///{settings.var / (store + '.db')}",
        pool_size=5,
        max_overflow=POOL,
        connect_args={"timeout": 10, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin below opens the transaction, not the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL" if store != "vault" else "PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA secure_delete=ON" if store == "vault" else "PRAGMA secure_delete=FAST")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes then fails at once when somebody wrote in between; one that says from
        # the beginning that it will write (engine.execution_options(writes=True)) waits for its turn. One statement that
        # reads (single=True) needs none.
        options = connection.get_execution_options()
        if not options.get("single"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")

    return engine


def drop_schemas(settings: Settings, stores: Iterable[str]) -> None:
    """Take away the schemas of a demo. Refused without a prefix: those are real."""
    if not settings.schema_prefix:
        raise ValueError("only schemas with a prefix may be dropped")
    engine = sa.create_engine(sa.make_url(settings.database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as tx:
        for store in stores:
            tx.execute(sa.text(f'DROP SCHEMA IF EXISTS "{settings.schema_prefix}{store}" CASCADE'))
    engine.dispose()
