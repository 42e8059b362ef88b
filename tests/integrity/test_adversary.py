"""Somebody with the files of a real house in his hands: whatever he changes in the log, the tree or the checkpoints is found and named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cli.audit import command
from shared.cli.sealing import origin_of, signing_key
from shared.clock import Clock
from shared.eventlog.embedded import storage
from shared.eventlog.integrity.checkpoint import Checkpoint, opened, signed
from shared.eventlog.integrity.seal import Seal, notes_of, published_in
from shared.eventlog.stores import engine_for
from tests.desk import desk
from tests.programmes.people import Numbers, grant, home, pay

DIBAO = "minimum_living_allowance"
Change = Callable[[sqlite3.Connection], Any]


@dataclass
class Seized:
    """A house's files after it was stopped: as they were at the first seal, and now; three events came after the last seal."""

    then: Path
    now: Path
    note: str  # the newest checkpoint
    sealed: list[tuple[int, str, int]]  # (position, stream, revision) of what is in the tree, in order
    tail: list[str]  # what came after the last seal


def stopped(var: Path, to: Path) -> Path:
    """A copy of log, tree, index and keys, journals written back."""
    to.mkdir()
    for name in ("eventlog", "keys"):
        shutil.copytree(var / name, to / name, ignore=shutil.ignore_patterns("*.lock"))
    for name in ("integrity.db", "portal.db"):
        with sqlite3.connect(var / name) as connection:
            connection.execute("vacuum into ?", (str(to / name),))
        connection.close()
    with sqlite3.connect(to / "eventlog" / storage.FILE_NAME) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return to


def pem_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def seized(tmp_path_factory: pytest.TempPathFactory) -> Seized:
    base = tmp_path_factory.mktemp("adversary")
    with desk(base / "var", "assistance", "portal") as d:
        d.on("2023-06-01")
        family = home(d, Numbers(), {"born": "19700101"}, {"born": "20150101"})
        log, tree = d.offices["assistance"].log, engine_for(d.settings, "integrity")
        key = signing_key(d.settings)
        (base / "var" / "keys" / "seal.pub").write_bytes(pem_of(key))
        seal = Seal(log, tree, key, origin_of(d.settings), Clock())
        seal.catch_up()
        then = stopped(base / "var", base / "then")
        case = grant(d, DIBAO, household_id=family.household_id)
        d.settle()
        d.on("2023-07-05")
        pay(d, DIBAO, "2023-07")
        seal.catch_up()
        end = log.head()
        note = notes_of(log)[-1]
        before = [(r.position, r.stream, r.version) for r in log.read_all() if r.name.partition(".")[0] == "assistance"]
        income = {"household_id": family.household_id, "person_id": family.members[0], "monthly_income_fen": 1}
        d.call("record_income", effective_from="2023-07-01", **income)
        d.settle()
        tail = [f"{r.stream}@{r.version}" for r in log.read_all() if r.position > end and r.name.startswith("assistance.")]
        assert case
        tree.dispose()
        now = stopped(base / "var", base / "now")
    return Seized(then, now, note, before, tail)


class Copy:
    """The seized files in a folder of its own, and what the check says of them."""

    def __init__(self, seized: Seized, folder: Path) -> None:
        self.var, self.seized = folder / "house", seized
        shutil.copytree(seized.now, self.var)
        published = published_in(self.var)
        published.parent.mkdir(exist_ok=True)
        published.write_text(seized.note, encoding="utf-8")

    @property
    def log(self) -> Path:
        return self.var / "eventlog" / storage.FILE_NAME

    def change(self, *sql: str, of: Path | None = None) -> None:
        with sqlite3.connect(of or self.log) as connection:
            connection.create_function("flip", 2, _flip)
            for statement in sql:
                connection.executescript(statement) if ";" in statement else connection.execute(statement)
        connection.close()

    def said(self) -> list[str]:
        """Every finding in words; [] when all is well."""
        env = {"MINZHENG_VAR": str(self.var), "EVENTSTORE_URI": ""}
        told = CliRunner().invoke(command, ["verify", "--data", str(self.log.parent), "--json"], env=env)
        assert told.exit_code in (0, 1), told.output
        report = json.loads(told.output)
        assert report["sound"] is (told.exit_code == 0) is (report["findings"] == [])
        return [finding["said"] for finding in report["findings"]]


def _flip(body: bytes, needle: str) -> bytes:
    """One bit of a byte within what is found."""
    at = body.index(needle.encode()) + len(needle.encode()) // 2
    return body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]


@pytest.fixture
def copy(seized: Seized, tmp_path: Path) -> Copy:
    return Copy(seized, tmp_path)


def test_the_seized_files_are_sound(copy: Copy) -> None:
    """Before anybody touches them, the events behind the last seal included."""
    assert copy.said() == []
    assert len(copy.seized.tail) > 1


def place(copy: Copy, n: int) -> tuple[int, str]:
    position, stream, revision = copy.seized.sealed[n]
    return position, f"{stream}@{revision}"


COLUMNS: dict[str, str] = {
    "data": "update event set body = flip(body, '\"programme\"') where position = {0}",
    "metadata": "update event set body = flip(body, 'recorded_at') where position = {0}",
    "who": "update event set body = flip(body, 'staff:') where position = {0}",
    "stream name in the body": "update event set body = flip(body, 'assistance.case') where position = {0}",
    "type in the body": "update event set body = flip(body, 'application_filed') where position = {0}",
    "stream": "update event set stream_id = (select min(id) from stream where id <> stream_id) + 1000 where position = {0}",
    "number": "update event set revision = revision + 500 where position = {0}",
    "type": "update event set type = 'assistance.application_withdrawn' where position = {0}",
    "time": "update event set created = created + 10000000 where position = {0}",
    "id": "update event set id = randomblob(16) where position = {0}",
    "empty": "update event set body = x'' where position = {0}",
}


@pytest.mark.parametrize("what", COLUMNS)
def test_a_change_in_any_column_names_the_event(copy: Copy, what: str) -> None:
    """Data, metadata, hand, stream, number, type, time, id: of an application in the middle of the log."""
    with sqlite3.connect(copy.log) as connection:
        [position] = connection.execute("select position from event where type = 'assistance.application_filed'").fetchone()
    connection.close()
    [where] = [f"{stream}@{revision}" for at, stream, revision in copy.seized.sealed if at == position]
    copy.change(COLUMNS[what].format(position))
    said = copy.said()
    named = [s for s in said if "被改动" in s or "读到" in s or "有损" in s]
    assert named, said
    moved = what in ("stream", "number")  # the row itself says that it is another
    assert moved or any(where in s for s in said), said


def test_an_event_put_elsewhere_is_named(copy: Copy) -> None:
    """Two rows exchanged, of one stream and of two; a row at another position."""
    (a, first), (b, second) = place(copy, 3), place(copy, 6)
    copy.change(f"update event set position = -1 where position = {a}", f"update event set position = {a} where position = {b}",
                f"update event set position = {b} where position = -1")  # fmt: skip
    said = copy.said()
    assert all(any(where in s for s in said) for where in (first, second)), said
    assert any("检查点不符" in s for s in said)


def test_a_removed_event_is_named(copy: Copy) -> None:
    """By the index, which knows what stood there; the checkpoints no longer hold."""
    position, where = place(copy, 5)
    copy.change(f"delete from event where position = {position}")
    said = copy.said()
    assert any(where in s and "被删除" in s for s in said), said


def test_an_inserted_event_is_named(copy: Copy) -> None:
    """Between two others, well formed: a payment copied under the next free number."""
    position, _ = place(copy, 5)
    made = f"select {position} + 1, stream_id, 900, created, randomblob(16), type, body from event where position = {position}"
    copy.change(f"insert into event {made}")
    said = copy.said()
    assert any("@900" in s and ("插入" in s or "被改动" in s) for s in said), said


@pytest.mark.parametrize("behind", [True, False])
def test_a_tail_that_was_cut_off_is_named(copy: Copy, behind: bool) -> None:
    """Behind the last seal, where no tree knows of it, by what the index has read; and before it, by the checkpoint as well."""
    last = copy.seized.sealed[-1][0] if behind else copy.seized.sealed[-4][0]
    copy.change(f"delete from event where position > {last}")
    said = copy.said()
    assert all(any(where in s and "末尾被截去" in s for s in said) for where in copy.seized.tail), said
    assert any("日志中只有" in s for s in said) is not behind, said


def test_a_file_that_was_set_back_is_found(copy: Copy) -> None:
    """An older copy of the log alone: tree, checkpoint and index are ahead of it."""
    shutil.copy(copy.seized.then / "eventlog" / storage.FILE_NAME, copy.log)
    said = copy.said()
    assert any("日志中只有" in s for s in said)
    assert any("被删除" in s for s in said)
    assert any("末尾被截去" in s for s in said)


def test_log_tree_and_index_set_back_together_are_found(copy: Copy) -> None:
    """All of it from the same earlier day agrees with itself: the checkpoint outside is newer, and says so."""
    for name in ("eventlog/" + storage.FILE_NAME, "integrity.db", "portal.db"):
        shutil.copy(copy.seized.then / name, copy.var / name)
    size = int(copy.seized.note.split("\n")[1])
    assert any(f"检查点证明曾有 {size} 个事件，日志中只有" in s for s in copy.said())
    published_in(copy.var).unlink()
    assert copy.said() == [], "nothing inside tells: keep checkpoints outside"


def test_checkpoints_by_another_key_are_named(copy: Copy) -> None:
    """Another house's key in place of ours, or another's checkpoint among ours: each note that it did not sign, by its number."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    origin = copy.seized.note.split("\n")[0]
    size, root = int(copy.seized.note.split("\n")[1]), bytes(32)
    ours = serialization.load_pem_public_key((copy.var / "keys" / "seal.pub").read_bytes())
    real = opened(copy.seized.note, origin, ours)  # type: ignore[arg-type]
    published_in(copy.var).write_text(signed(Checkpoint(origin, size, root, real.position, real.time), other), encoding="utf-8")
    said = copy.said()
    assert [s for s in said if "个检查点：" in s], said
    published_in(copy.var).write_text(copy.seized.note, encoding="utf-8")
    for name in ("seal.pub", "seal.key"):
        (copy.var / "keys" / name).unlink(missing_ok=True)
    (copy.var / "keys" / "seal.pub").write_bytes(pem_of(other))
    said = copy.said()
    assert len([s for s in said if "个检查点：" in s]) >= 2, said


def test_leaves_and_log_changed_together_do_not_agree_with_what_was_signed(copy: Copy) -> None:
    """Whoever forges the tree as well still has no signature: the stretch between two checkpoints is named."""
    position, _ = place(copy, 5)
    copy.change(f"delete from event where position = {position}")
    copy.change("delete from tree_rows; delete from tree_places;", of=copy.var / "integrity.db")
    assert any("检查点不符" in s for s in copy.said())


def test_an_index_or_a_table_of_the_file_that_was_bent_is_found(copy: Copy) -> None:
    """The names of streams, the index by which they are read, the schema."""
    for sql in (
        "update stream set name = 'assistance.case-0' where name like 'assistance.case-%'",
        "drop index event_by_stream; create unique index event_by_stream on event (stream_id, revision) where revision <> 1;"
        " pragma writable_schema = on; update sqlite_master set sql = 'create unique index event_by_stream on event (stream_id, revision)'"
        " where name = 'event_by_stream';",
    ):
        shutil.copy(copy.seized.now / "eventlog" / storage.FILE_NAME, copy.log)
        copy.change(sql)
        assert copy.said(), sql
