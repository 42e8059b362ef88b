"""A key per person (一人一密钥): personal fields are sealed with it, and destroying it erases the person from the log.

Keys lie in a table of their own, wrapped by the master key, because the log is never changed and a key inside it
could not be destroyed. Sealed text is ``~1.<person_id>.<base64>`` (AES-256-GCM, nonce in front, person_id as
associated data), so whoever may open it needs nothing but the vault.

A destroyed key must not live on anywhere (docs/adr/0018): in no file of the vault, and in no process for longer than 30 seconds. Whoever
keeps in memory what was opened (keys here, folded states in the repository) keeps it only as long as ``erasures`` stays what it was.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.errors import Unavailable
from shared.eventsourcing.events import ERASED

_KEPT = 20_000  # keys kept in memory
KEPT_SECONDS = 30.0  # a destroyed key is gone from every process after this long at most (Settings.keys_kept: sooner)
_LOCK = 20_230_703  # PostgreSQL: two processes may both make the table

metadata = sa.MetaData()
keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=True),  # NULL = destroyed
    sa.Column("destroyed_at", sa.String(40), nullable=True),
)
_destroyed = sa.Index(
    "person_keys_destroyed",
    keys.c.destroyed_at,
    sqlite_where=keys.c.destroyed_at.is_not(None),
    postgresql_where=keys.c.destroyed_at.is_not(None),
)
# Built once: to build a question takes SQLAlchemy longer than SQLite to answer it.
_OF_ONE = sa.select(keys.c.wrapped).where(keys.c.person_id == sa.bindparam("person"))
_WHOLE = sa.select(keys.c.wrapped, keys.c.destroyed_at).where(keys.c.person_id == sa.bindparam("person"))
_ERASURES = sa.select(sa.func.count()).where(keys.c.destroyed_at.is_not(None))
_THEIRS = sa.select(keys.c.person_id, keys.c.wrapped).where(keys.c.person_id.in_(sa.bindparam("persons", expanding=True)))


class Vault:
    """Seals and opens personal fields. Thread-safe."""

    def __init__(self, engine: sa.Engine, master_key: bytes, kept: float = KEPT_SECONDS) -> None:
        """``kept``: seconds that a key is held in memory."""
        self._engine, self._kept = engine, min(kept, KEPT_SECONDS)
        self._writer = engine.execution_options(writes=True)  # see shared/eventlog/stores.py
        self._reader = engine.execution_options(single=True)
        self._wrap = AESGCM(master_key)
        self._cache: OrderedDict[str, tuple[float, AESGCM | None]] = OrderedDict()
        self._erasures: tuple[float, int] = (0.0, -1)  # (until when it need not be asked again, how many)
        self._lock = threading.Lock()
        self._asking = threading.Lock()  # an answer from before a destruction must not be kept after it
        with self._writer.begin() as tx:
            if tx.dialect.name == "postgresql":
                tx.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
            tx.execute(sa.schema.CreateTable(keys, if_not_exists=True))
            tx.execute(sa.schema.CreateIndex(_destroyed, if_not_exists=True))

    def erasures(self) -> int:
        """How many persons were erased, as of 30 seconds ago at most. When it changes, nothing that was opened before may be shown again:
        the keys in memory are dropped here, the caller drops what it keeps."""
        until, known = self._erasures
        if time.monotonic() < until:
            return known
        with self._asking:
            until, known = self._erasures
            now = time.monotonic()
            if now < until:
                return known
            try:
                with self._reader.connect() as connection:
                    found = int(connection.execute(_ERASURES).scalar_one())
            except sa.exc.OperationalError as error:
                raise Unavailable() from error
            with self._lock:
                if found != known:
                    self._cache.clear()
                self._erasures = (now + self._kept, found)
        return found

    def seal(self, person_id: str, text: str) -> str:
        """Encrypt under the person's key, made on first use; for an erased person nothing is kept at all."""
        key = self._key(person_id, make=True)
        if key is None:
            return ERASED
        nonce = os.urandom(12)
        box = nonce + key.encrypt(nonce, text.encode(), person_id.encode())
        return f"~1.{person_id}.{base64.b64encode(box).decode()}"

    def open(self, sealed: str) -> str:
        """Decrypt; what was sealed for an erased person reads 〔已删除〕, and plain text is returned as it is."""
        if not sealed.startswith("~1."):
            return sealed
        _, person_id, box64 = sealed.split(".", 2)
        key = self._key(person_id, make=False)
        if key is None:
            return ERASED
        box = base64.b64decode(box64)
        try:
            return key.decrypt(box[:12], box[12:], person_id.encode()).decode()
        except InvalidTag:
            return ERASED

    def know(self, person_ids: Iterable[str]) -> None:
        """Fetch the keys of several persons that are not in memory in one question, before what they seal is opened."""
        now, known = time.monotonic(), self._erasures[1]
        with self._lock:
            wanted = sorted({p for p in person_ids if (kept := self._cache.get(p)) is None or kept[0] <= now})
        for start in range(0, len(wanted), 500):
            try:
                with self._reader.connect() as connection:
                    rows = connection.execute(_THEIRS, {"persons": wanted[start : start + 500]}).all()
            except sa.exc.OperationalError as error:
                raise Unavailable() from error
            self._remember(now, known, {person_id: self._unwrapped(person_id, wrapped) for person_id, wrapped in rows})

    def destroy(self, person_id: str, at: str) -> None:
        """Destroy the key for ever, in the table and in the vault's files. ``at`` is the ISO time of the decision; the first one stands.

        May be called again, and must be when it failed: only when it returns is the wrapped key in no file any more.
        """
        gone = {"wrapped": None, "destroyed_at": at}
        with self._writer.begin() as tx:
            found = tx.execute(_WHOLE, {"person": person_id}).first()
            if found is None:
                tx.execute(keys.insert().values(person_id=person_id, **gone))
            elif found.destroyed_at is None:
                tx.execute(keys.update().where(keys.c.person_id == person_id).values(**gone))
        with self._asking, self._lock:
            self._cache.clear()
            self._erasures = (0.0, -1)
        if self._engine.dialect.name == "sqlite":
            self._scrub(None if found is None else found.wrapped, unsure=found is not None and found.wrapped is None)

    def not_destroyed(self, person_ids: Iterable[str]) -> list[str]:
        """Of these, those whose key is there, or for whom one could be made: after an older vault was restored, the erased among them."""
        wanted, gone = sorted(set(person_ids)), set[str]()
        with self._reader.connect() as connection:
            for start in range(0, len(wanted), 500):
                asked = sa.select(keys.c.person_id).where(
                    keys.c.person_id.in_(wanted[start : start + 500]), keys.c.destroyed_at.is_not(None)
                )
                gone |= set(connection.execute(asked.where(keys.c.wrapped.is_(None))).scalars())
        return [person for person in wanted if person not in gone]

    def _scrub(self, wrapped: bytes | None, unsure: bool) -> None:
        """SQLite: the journal is written back and cut to nothing, and the file is looked through for the wrapped key. Pages that were
        split while the table grew may hold old copies in the space between their rows; then the file is written anew. ``unsure``: an
        earlier try may have been cut off behind the transaction, and what to look for is not known any more."""
        file = Path(str(self._engine.url.database))
        connection = self._engine.connect().execution_options(single=True)
        try:
            self._truncate(connection)
            if unsure or (wrapped is not None and _within(file, wrapped)):
                connection.exec_driver_sql("VACUUM")
                self._truncate(connection)
                if wrapped is not None and _within(file, wrapped):
                    raise Unavailable("密钥库文件中仍有该密钥的残留，请稍后重试。")
        except sa.exc.OperationalError as error:
            raise Unavailable("密钥库正忙，尚未确认密钥已从文件中清除，请稍后重试。") from error
        finally:
            connection.close()

    @staticmethod
    def _truncate(connection: sa.Connection) -> None:
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise Unavailable("密钥库正忙，尚未确认密钥已从文件中清除，请稍后重试。")

    def prepare(self, person_ids: Iterable[str]) -> None:
        """Make the missing keys of many persons in one transaction (imports)."""
        wanted = sorted(set(person_ids))
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            with self._writer.begin() as tx:
                there = set(tx.execute(sa.select(keys.c.person_id).where(keys.c.person_id.in_(part))).scalars())
                new = [{"person_id": p, "wrapped": self._wrapped(p, os.urandom(32))} for p in part if p not in there]
                if new:
                    tx.execute(self._insert_if_absent(), new)

    def _wrapped(self, person_id: str, key: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._wrap.encrypt(nonce, key, person_id.encode())

    def _insert_if_absent(self) -> sa.Insert:
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as pg

            return pg(keys).on_conflict_do_nothing()
        from sqlalchemy.dialects.sqlite import insert as lite

        return lite(keys).on_conflict_do_nothing()

    def _key(self, person_id: str, *, make: bool) -> AESGCM | None:
        now, erasures = time.monotonic(), self._erasures[1]
        with self._lock:
            kept = self._cache.get(person_id)
            if kept is not None and kept[0] > now:
                self._cache.move_to_end(person_id)
                return kept[1]
        try:
            found, known = self._fetch(person_id)
            if not known and make:
                # Two processes may meet here: the first insert wins and both read the same key back.
                with self._writer.begin() as tx:
                    tx.execute(self._insert_if_absent().values(person_id=person_id, wrapped=self._wrapped(person_id, os.urandom(32))))
                found, known = self._fetch(person_id)
        except sa.exc.OperationalError as error:
            raise Unavailable() from error
        if known:
            self._remember(now, erasures, {person_id: found})
        return found

    def _remember(self, now: float, erasures: int, found: Mapping[str, AESGCM | None]) -> None:
        with self._lock:
            if erasures != self._erasures[1]:
                return  # somebody was erased meanwhile: whose key this is, is not asked
            for person_id, key in found.items():
                self._cache[person_id] = (now + self._kept, key)
                self._cache.move_to_end(person_id)
            while len(self._cache) > _KEPT:
                self._cache.popitem(last=False)

    def _fetch(self, person_id: str) -> tuple[AESGCM | None, bool]:
        with self._reader.connect() as connection:
            row = connection.execute(_OF_ONE, {"person": person_id}).first()
        return (None, False) if row is None else (self._unwrapped(person_id, row.wrapped), True)

    def _unwrapped(self, person_id: str, wrapped: bytes | None) -> AESGCM | None:
        return None if wrapped is None else AESGCM(self._wrap.decrypt(wrapped[:12], wrapped[12:], person_id.encode()))


def _within(file: Path, what: bytes) -> bool:
    """Whether the bytes stand anywhere in the database or its journal."""
    return any(path.exists() and what in path.read_bytes() for path in (file, file.with_name(file.name + "-wal")))


class Sealer:
    """Seals whole messages that are set aside (dead letters, retries) with one key derived from the master key."""

    def __init__(self, master_key: bytes) -> None:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._box = AESGCM(HKDF(hashes.SHA256(), 32, None, b"minzheng set-aside messages").derive(master_key))

    def seal(self, body: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._box.encrypt(nonce, body, b"")

    def open(self, sealed: bytes) -> bytes:
        return self._box.decrypt(sealed[:12], sealed[12:], b"")


def derived_key(master_key: bytes, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose (person_id hashing, command hashing), so that no two uses share one."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(hashes.SHA256(), 32, None, b"minzheng " + purpose).derive(master_key)
