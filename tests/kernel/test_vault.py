"""A key per person: sealed at rest, opened for handlers, gone for ever when destroyed; and nowhere in the clear."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.config import Settings
from shared.domain.errors import Unavailable
from shared.eventlog.client import Log
from shared.eventlog.projector import Projector
from shared.eventlog.stores import drop_schemas, engine_for
from shared.eventsourcing.events import ERASED
from shared.eventsourcing.orders import Hand, Order
from shared.eventsourcing.repository import Repository
from shared.security.vault import Sealer, Vault, derived_key, keys
from tests.kernel.conftest import MASTER, LogProcess
from tests.kernel.ledger import LEDGER, Note, Witness

A, B = "0a" * 16, "0b" * 16
CANARY, CANARY_ID = "金丝雀赵四", "33022519370315286X"
STAFF = Hand("staff:wang", frozenset({"registrar"}), "330225")


@pytest.fixture
def vault(tmp_path: Path) -> Any:
    engine = engine_for(Settings(var=tmp_path), "vault")
    yield Vault(engine, MASTER)
    engine.dispose()


def another(tmp_path: Path) -> Vault:
    """The vault of another process, which has nothing in memory."""
    return Vault(engine_for(Settings(var=tmp_path), "vault"), MASTER)


def test_what_is_sealed_opens_again_and_never_looks_the_same(vault: Vault) -> None:
    """With a nonce of its own each time, so that equal names cannot be told to be equal."""
    one, two = vault.seal(A, CANARY), vault.seal(A, CANARY)
    assert one != two
    assert CANARY not in one
    assert vault.open(one) == vault.open(two) == CANARY


def test_plain_text_is_returned_as_it_is(vault: Vault) -> None:
    """Fields that were never sealed."""
    assert vault.open("") == ""
    assert vault.open("某某") == "某某"


def test_a_destroyed_key_erases_the_person_and_nobody_else(vault: Vault) -> None:
    """Erased reads 〔已删除〕; others are untouched; nothing new is kept of an erased person."""
    mine, other = vault.seal(A, CANARY), vault.seal(B, CANARY)
    vault.destroy(A, "2023-07-03T09:00:00+08:00")
    assert (vault.open(mine), vault.open(other)) == (ERASED, CANARY)
    assert vault.seal(A, CANARY) == ERASED


def test_a_person_may_be_erased_before_anything_is_known_of_him(vault: Vault) -> None:
    """The decision may come first."""
    vault.destroy(B, "2023-07-03T09:00:00+08:00")
    assert vault.seal(B, CANARY) == ERASED


def test_a_destroyed_key_stays_destroyed(vault: Vault, tmp_path: Path) -> None:
    """Also for a process that starts later, and for imports that prepare keys."""
    sealed = vault.seal(A, CANARY)
    vault.destroy(A, "2023-07-03T09:00:00+08:00")
    later = another(tmp_path)
    later.prepare([A, B])
    assert (later.open(sealed), later.seal(A, "x")) == (ERASED, ERASED)


def test_a_sealed_text_moved_to_another_person_does_not_open(vault: Vault) -> None:
    """The person is part of what is authenticated."""
    vault.seal(B, "x")
    assert vault.open(vault.seal(A, CANARY).replace(A, B)) == ERASED


def test_two_processes_make_one_key(vault: Vault, tmp_path: Path) -> None:
    """Eight at once for the same new persons: what any of them sealed, every other opens."""
    people = [uuid.uuid4().hex for _ in range(10)]
    vaults = [another(tmp_path) for _ in range(8)]
    sealed: list[str] = []

    def work(mine: Vault) -> None:
        sealed.extend(mine.seal(p, CANARY) for p in people)

    threads = [threading.Thread(target=work, args=(v,)) for v in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sealed) == 80
    assert {another(tmp_path).open(s) for s in sealed} == {CANARY}


def test_a_key_lies_wrapped(vault: Vault) -> None:
    """What is in the table opens nothing without the master key."""
    sealed = vault.seal(A, CANARY)
    with vault._engine.connect() as connection:
        wrapped = connection.execute(sa.select(keys.c.wrapped)).scalar_one()
    assert len(wrapped) == 12 + 32 + 16
    from cryptography.exceptions import InvalidTag

    with pytest.raises(InvalidTag):
        Vault(vault._engine, b"x" * 32).open(sealed)


def test_set_aside_messages_open_only_with_the_master_key() -> None:
    """Dead letters and retries."""
    box = Sealer(MASTER).seal(CANARY.encode())
    assert CANARY.encode() not in box
    assert Sealer(MASTER).open(box) == CANARY.encode()


def test_every_purpose_has_a_key_of_its_own() -> None:
    """No two uses share one."""
    assert derived_key(MASTER, b"person ids") != derived_key(MASTER, b"command hashes")


def test_two_persons_in_one_event_are_erased_one_by_one(repository: Callable[[], Repository], var: Path) -> None:
    """The witness is forgotten, the holder is not; the log stays whole."""
    holder, witness, ledger = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex
    note = Note(1, person_id=holder, holder="甲", witnesses=(Witness(witness, "乙"),))
    repository().handle(LEDGER, ledger, Order(note, "c", STAFF, datetime(2023, 7, 3, tzinfo=SHANGHAI)))
    state = repository().load(LEDGER, ledger).state
    assert (state.holder, state.witness) == ("甲", "乙")
    vault = Vault(engine_for(Settings(var=var), "vault"), MASTER)
    vault.destroy(witness, "2023-07-03T09:00:00+08:00")
    state = repository().load(LEDGER, ledger).state
    assert (state.holder, state.witness, state.total) == ("甲", ERASED, 1)


def test_no_file_holds_a_canary_in_the_clear(tmp_path: Path) -> None:
    """A name and a resident ID go through log, read models and logs, and are found in no file of any of them."""
    from services.registry import death
    from services.registry.read_model import MODEL

    server = LogProcess(tmp_path / "log").start()
    settings = Settings(var=tmp_path / "var")
    engine, reads, log = engine_for(settings, "vault"), engine_for(settings, "registry"), Log(server.uri, timeout=5)
    try:
        repo = Repository(log, Vault(engine, MASTER), b"h" * 32)
        now = datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)
        register = death.RegisterDeath(A, now.date(), "330225101", "registrar", None, "SW" + CANARY_ID, CANARY, CANARY_ID)
        repo.handle(death.DECIDER, A, Order(register, "c", STAFF, now))
        repo.handle(LEDGER, "l", Order(Note(1, person_id=A, holder=CANARY, resident_id=CANARY_ID), "d", STAFF, now))
        assert repo.load(death.DECIDER, A).state.name == CANARY
        _project(MODEL, reads, log)
        with reads.connect() as connection:
            rows = connection.execute(sa.text("SELECT name FROM deaths")).scalars().all()
        assert [Vault(engine, MASTER).open(name) for name in rows] == [CANARY]
        files = [f for f in tmp_path.rglob("*") if f.is_file()]
        assert len(files) > 3
        for file in files:
            data = file.read_bytes()
            for canary in (CANARY, CANARY_ID):
                for encoding in ("utf-8", "utf-16-le", "gb18030"):
                    assert canary.encode(encoding) not in data, file.name
    finally:
        server.kill()
        log.close()
        engine.dispose()
        reads.dispose()


def _project(model: Any, engine: sa.Engine, log: Log) -> None:
    """Fold what is in the log into the read model, by its real projector."""
    stopping, said = threading.Event(), []
    running = threading.Thread(target=Projector(model, engine, log, stopping, tell=said.append).run)
    running.start()
    try:
        assert model.wait_for(engine, log.head(model.service + "."), 20), said
    finally:
        stopping.set()
        running.join(90)
    assert not running.is_alive()
    assert CANARY not in "".join(said)


def test_the_wrapped_key_is_in_no_file_after_it_was_destroyed(vault: Vault, tmp_path: Path) -> None:
    """Neither in the table's pages, nor in the journal, nor in a page that was given back while it held a copy."""
    people = [uuid.uuid4().hex for _ in range(300)]
    vault.prepare(people)
    with vault._engine.connect() as connection:
        wrapped = {row.person_id: row.wrapped for row in connection.execute(sa.select(keys))}
    with sqlite3.connect(tmp_path / "vault.db") as careless:  # as a page split or a tool of somebody's may leave it
        careless.execute("PRAGMA secure_delete=OFF")
        careless.execute("CREATE TABLE copies AS SELECT wrapped FROM person_keys WHERE person_id = ?", (people[0],))
        careless.execute("DROP TABLE copies")
    careless.close()
    for person in people[:5]:
        assert wrapped[person] in everything_in(tmp_path)
        vault.destroy(person, "2023-07-03T09:00:00+08:00")
        assert wrapped[person] not in everything_in(tmp_path)
    assert wrapped[people[5]] in everything_in(tmp_path)


def everything_in(directory: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def test_a_destruction_that_was_cut_off_is_done_again(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction is there, the file was not cleared: the second time clears it, and the time of the first decision stands."""
    sealed = vault.seal(A, CANARY)
    with vault._engine.connect() as connection:
        wrapped = connection.execute(sa.select(keys.c.wrapped)).scalar_one()
    reader = sqlite3.connect(tmp_path / "vault.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM person_keys").fetchall()  # somebody reads the old state: the journal must wait for him
    monkeypatch.setattr(Vault, "_truncate", staticmethod(_at_once(Vault._truncate)))
    with pytest.raises(Unavailable):
        vault.destroy(A, "2023-07-03T09:00:00+08:00")
    assert wrapped in everything_in(tmp_path)
    assert vault.open(sealed) == ERASED
    reader.close()
    vault.destroy(A, "2023-07-04T09:00:00+08:00")
    assert wrapped not in everything_in(tmp_path)
    with vault._engine.connect() as connection:
        assert connection.execute(sa.select(keys.c.destroyed_at)).scalar_one() == "2023-07-03T09:00:00+08:00"


def _at_once(truncate: Callable[[sa.Connection], None]) -> Callable[[sa.Connection], None]:
    def impatient(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
        truncate(connection)

    return impatient


class Seconds:
    """A clock for what is kept in memory, in the test's hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


def test_a_destroyed_key_leaves_every_process_within_half_a_minute(
    repository: Callable[[], Repository], var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and folded states that another process has in memory; what it folds meanwhile from the old key is not kept either."""
    seconds = Seconds()
    monkeypatch.setattr("shared.security.vault.time", seconds)
    holder, ledger, other = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex
    elsewhere = repository()
    for record in (ledger, other):
        note = Note(1, person_id=holder, holder="甲", witnesses=())
        elsewhere.handle(LEDGER, record, Order(note, f"c-{record}", STAFF, datetime(2023, 7, 3, tzinfo=SHANGHAI)))
    assert elsewhere.load(LEDGER, ledger).state.holder == "甲"
    elsewhere._forget(LEDGER.stream(other))
    Vault(engine_for(Settings(var=var), "vault"), MASTER).destroy(holder, "2023-07-03T09:00:00+08:00")
    seconds.now += 29
    assert elsewhere.load(LEDGER, other).state.holder == "甲"  # folded now, with the key that is still in memory
    seconds.now += 2
    for record in (ledger, other):
        assert elsewhere.load(LEDGER, record).state.holder == ERASED
    elsewhere.handle(LEDGER, ledger, Order(Note(1, person_id=holder, holder="甲"), "d", STAFF, datetime(2023, 7, 4, tzinfo=SHANGHAI)))
    state = elsewhere.load(LEDGER, ledger).state
    assert (state.holder, state.total) == (ERASED, 2)  # what is said of him anew is not kept, here as in the log


def test_keys_in_postgresql_are_destroyed_and_counted_too(tmp_path: Path, postgresql_url: str) -> None:
    """The same table and the same questions; four processes may begin at once."""
    settings = Settings(var=tmp_path, database_url=postgresql_url, schema_prefix="erasure_")
    engines = [engine_for(settings, "vault") for _ in range(4)]
    vaults: list[Vault] = []
    threads = [threading.Thread(target=lambda e=engine: vaults.append(Vault(e, MASTER))) for engine in engines]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    here, elsewhere = vaults[:2]
    sealed, other = here.seal(A, CANARY), here.seal(B, CANARY)
    assert (elsewhere.open(sealed), elsewhere.erasures(), len(vaults)) == (CANARY, 0, 4)
    here.destroy(A, "2023-07-03T09:00:00+08:00")
    here.destroy(A, "2023-07-04T09:00:00+08:00")
    assert (here.open(sealed), here.open(other), here.erasures()) == (ERASED, CANARY, 1)
    assert Vault(engines[3], MASTER).open(sealed) == ERASED
    for engine in engines:
        engine.dispose()
    drop_schemas(settings, ("vault",))
