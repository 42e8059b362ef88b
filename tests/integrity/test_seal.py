"""The seal follows a real log; the check of the whole names every event that was changed, removed, inserted or moved in its file."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.clock import Clock
from shared.config import Settings
from shared.eventlog.client import NO_STREAM, Log, Raw
from shared.eventlog.embedded import storage
from shared.eventlog.integrity import tree
from shared.eventlog.integrity.checkpoint import opened
from shared.eventlog.integrity.leaf import leaf_of
from shared.eventlog.integrity.nodes import Nodes, places, rows
from shared.eventlog.integrity.seal import NotGoingOn, Seal, TreeAhead, TreeDamaged, notes_of
from shared.eventlog.integrity.verify import Report, verify
from shared.eventlog.stores import engine_for
from tests.contract.conftest import LogProcess

ORIGIN = "minzheng.330225"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass
class Sealed:
    """A log with fifteen events of five streams, and its seal."""

    process: LogProcess
    log: Log
    engine: sa.Engine
    seal: Seal

    def check(self, notes: list[str] | None = None) -> Report:
        return verify(self.log, self.engine, notes_of(self.log) if notes is None else notes, ORIGIN, KEY.public_key())

    def add(self, stream: str, version: int, note: str = "x") -> None:
        body = json.dumps({"note": note}).encode()
        self.log.append(stream, [Raw("sample.happened", body, b"{}", str(uuid.uuid4()))], version)

    def tampered(self, change: Callable[[sqlite3.Connection], None]) -> Report:
        """Stop the log, change its file behind its back, start it again and check."""
        self.log.close()
        self.process.kill()
        with sqlite3.connect(self.process.directory / storage.FILE_NAME) as connection:
            change(connection)
        connection.close()
        self.process.start()
        self.log = Log(f"esdb://127.0.0.1:{self.process.port}?Tls=false")
        return self.check()


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Sealed]:
    process = LogProcess(tmp_path / "data").start()
    log = Log(f"esdb://127.0.0.1:{process.port}?Tls=false")
    engine = engine_for(Settings(var=tmp_path), "integrity")
    made = Sealed(process, log, engine, Seal(log, engine, KEY, ORIGIN, Clock(), tmp_path / "checkpoint"))
    for n in range(15):
        made.add(f"sample.thing-{n % 5}", n // 5 - 1, f"n{n}")
        if n in (6, 14):
            made.seal.catch_up()
    yield made
    made.log.close()
    made.process.kill()
    engine.dispose()


def test_every_event_is_in_the_tree_and_provable(sealed: Sealed) -> None:
    """Against a checkpoint anybody may hold, with a path as long as the tree is high."""
    checkpoint = opened(notes_of(sealed.log)[-1], ORIGIN, KEY.public_key())
    assert checkpoint.size == 15
    with sealed.engine.connect() as connection:
        kept = Nodes(connection)
        for event in (e for n in range(5) for e in sealed.log.read(f"sample.thing-{n}")):
            index = kept.index_of(event.position)
            assert index is not None
            path = tree.inclusion(index, checkpoint.size, kept)
            assert len(path) <= 4
            tree.verify_inclusion(index, checkpoint.size, leaf_of(event), path, checkpoint.root)


def test_two_checkpoints_are_consistent(sealed: Sealed) -> None:
    """The earlier tree is the beginning of the later one."""
    first, second = (opened(note, ORIGIN, KEY.public_key()) for note in notes_of(sealed.log))
    with sealed.engine.connect() as connection:
        proof = tree.consistency(first.size, second.size, Nodes(connection))
    tree.verify_consistency(first.size, second.size, first.root, second.root, proof)


def test_an_untouched_log_is_sound_and_events_to_come_are_no_error(sealed: Sealed) -> None:
    """What is not sealed yet is counted."""
    assert sealed.check() == Report(events=15, checkpoints=2)
    sealed.add("sample.thing-9", NO_STREAM)
    found = sealed.check()
    assert (found.sound, found.events, found.unsealed) == (True, 16, 1)


def test_sealing_again_signs_nothing_new(sealed: Sealed, tmp_path: Path) -> None:
    """A second seal beside the first adds no leaf twice; the newest checkpoint lies outside the log too."""
    sealed.seal.catch_up()
    Seal(sealed.log, sealed.engine, KEY, ORIGIN, Clock()).catch_up()
    assert sealed.check() == Report(events=15, checkpoints=2)
    assert (tmp_path / "checkpoint").read_text(encoding="utf-8") == notes_of(sealed.log)[-1]


def test_one_byte_changed_in_the_file_is_found_and_named(sealed: Sealed) -> None:
    """The event, and that the checkpoint does not hold either."""

    def change(connection: sqlite3.Connection) -> None:
        (body,) = connection.execute("select body from event where instr(body, ?)", (b'"n8"',)).fetchone()
        connection.execute("update event set body = ? where body = ?", (body.replace(b'"n8"', b'"n9"'), body))

    found = sealed.tampered(change)
    assert [(f.what, f.index, f.where) for f in found.findings if f.what == "changed"] == [("changed", 8, "sample.thing-3@1")]
    assert next(f.where for f in found.findings if f.what == "rewritten").startswith("第 8 至 15 个事件之间与")


def test_an_event_removed_from_the_file_is_found(sealed: Sealed) -> None:
    """The last of a stream: nothing else in the log would show it."""
    found = sealed.tampered(lambda c: c.execute("delete from event where instr(body, ?)", (b'"n14"',)) and None)
    assert [(f.what, f.index) for f in found.findings if f.what == "removed"] == [("removed", 14)]
    assert any("曾有 15 个事件" in f.where for f in found.findings)


def test_a_removed_event_is_named(sealed: Sealed) -> None:
    """By whoever has an index of the log, else by the number that its stream lacks; the last of a stream by its place alone."""
    (place,) = (e.position for e in sealed.log.read("sample.thing-3") if e.version == 1)
    (last,) = (e.position for e in sealed.log.read("sample.thing-4") if e.version == 2)
    found = sealed.tampered(lambda c: c.execute("delete from event where position in (?, ?)", (place, last)) and None)
    assert [f.where for f in found.findings if f.what == "removed"] == [f"sample.thing-3@1（提交位置 {place}）", f"（提交位置 {last}）"]
    known = {last: "sample.thing-4@2"}
    again = verify(sealed.log, sealed.engine, [], ORIGIN, KEY.public_key(), named=known.get)
    assert [f.where for f in again.findings if f.what == "removed"][1] == f"sample.thing-4@2（提交位置 {last}）"


def test_an_event_inserted_into_the_file_is_found(sealed: Sealed) -> None:
    """Between two others, in a stream of its own."""

    def insert(connection: sqlite3.Connection) -> None:
        columns = "stream_id, revision, created, id, type, body"
        position, *event = connection.execute(f"select position, {columns} from event where instr(body, ?)", (b'"n4"',)).fetchone()
        event[1], event[3] = 77, uuid.uuid4().bytes
        connection.execute(f"insert into event (position, {columns}) values (?, ?, ?, ?, ?, ?, ?)", (position + 1, *event))

    found = sealed.tampered(insert)
    assert [(f.what, f.index) for f in found.findings if f.what == "inserted"] == [("inserted", 5)]


def test_two_events_in_each_others_place_are_found(sealed: Sealed) -> None:
    """The same events in another order are another history."""

    def swap(connection: sqlite3.Connection) -> None:
        one, two = (connection.execute("select position from event where instr(body, ?)", (n,)).fetchone()[0] for n in (b'"n5"', b'"n6"'))
        for old, new in ((one, -1), (two, one), (-1, two)):
            connection.execute("update event set position = ? where position = ?", (new, old))

    found = sealed.tampered(swap)
    assert [f.where for f in found.findings if f.what == "moved"] == ["sample.thing-0@1"]  # said to come behind the other
    assert any(f.what == "rewritten" for f in found.findings)


def test_log_and_tree_changed_together_are_betrayed_by_a_checkpoint(sealed: Sealed) -> None:
    """Whoever rewrites both cannot rewrite what others hold."""
    outside = notes_of(sealed.log)

    def change(connection: sqlite3.Connection) -> None:
        (old,) = connection.execute("select body from event where instr(body, ?)", (b'"n2"',)).fetchone()
        connection.execute("update event set body = ? where body = ?", (old.replace(b"n2", b"n0"), old))

    (body,) = sealed.log.read("sample.thing-2")[:1]
    with sealed.engine.execution_options(writes=True).begin() as tx:
        kept = Nodes(tx)
        leaves, places_ = [kept(0, n) for n in range(15)], [kept.position(n) for n in range(15)]
        leaves[2] = leaf_of(Raw(body.name, body.data.replace(b"n2", b"n0"), body.metadata, body.id, body.stream, body.version))
        tx.execute(rows.delete())
        tx.execute(places.delete())
        again = Nodes(tx)
        again.append(leaves, places_)
        again.flush()
    sealed.tampered(change)
    found = sealed.check(outside)
    assert [f.what for f in found.findings] == ["rewritten"]
    assert "第 1 至 7 个事件之间" in found.findings[0].where


def test_a_forged_checkpoint_is_not_believed(sealed: Sealed) -> None:
    """A signature by another key, or a statement that was changed."""
    note = notes_of(sealed.log)[-1]
    found = sealed.check([note.replace("\n15\n", "\n14\n")])
    assert [f.what for f in found.findings] == ["checkpoint"]


def test_a_tree_ahead_of_its_log_stops_the_seal(sealed: Sealed) -> None:
    """A log that was set back to an older copy is nothing to go on from."""
    sealed.tampered(lambda c: c.execute("delete from event where position > (select min(position) from event)") and None)
    with pytest.raises(TreeAhead):
        Seal(sealed.log, sealed.engine, KEY, ORIGIN, Clock()).catch_up()


def set_back(sealed: Sealed) -> None:
    """The log as it was after seven events and their checkpoint."""
    (place,) = (e.position for e in sealed.log.read("sample.thing-2") if e.version == 1)  # the eighth
    sealed.tampered(lambda c: c.execute("delete from event where position >= ?", (place,)) and None)


def test_a_log_set_back_and_grown_past_the_tree_stops_the_seal(sealed: Sealed) -> None:
    """Its head is beyond the kept tree's again, but what was sealed last does not stand there."""
    set_back(sealed)
    for n in range(3):
        sealed.add(f"sample.other-{n}", NO_STREAM, "long" * 2_000)
    with pytest.raises(TreeAhead, match="已是另一个"):
        Seal(sealed.log, sealed.engine, KEY, ORIGIN, Clock()).catch_up()


def test_a_log_set_back_with_its_tree_does_not_overwrite_the_checkpoint_outside(sealed: Sealed, tmp_path: Path) -> None:
    """Log and tree agree, and nothing in them shows it: the file does, while it is larger, and when the log has grown past it."""
    outside = tmp_path / "checkpoint"
    note = outside.read_text(encoding="utf-8")
    set_back(sealed)
    engine = engine_for(Settings(var=tmp_path / "other"), "integrity")
    with pytest.raises(TreeAhead, match="曾有 15 个事件，现在只有 7 个"):
        Seal(sealed.log, engine, KEY, ORIGIN, Clock(), outside).catch_up()
    assert verify(sealed.log, engine, notes_of(sealed.log), ORIGIN, KEY.public_key()).sound  # by what is in the log alone
    for n in range(10):
        sealed.add(f"sample.other-{n}", NO_STREAM)
    with pytest.raises(NotGoingOn, match="前 15 个叶子与"):
        Seal(sealed.log, engine, KEY, ORIGIN, Clock(), outside).catch_up()
    assert outside.read_text(encoding="utf-8") == note
    assert [f.what for f in verify(sealed.log, engine, [note], ORIGIN, KEY.public_key()).findings] == ["rewritten"]
    engine.dispose()


def test_a_seal_killed_between_log_and_file_writes_the_file_later(sealed: Sealed, tmp_path: Path) -> None:
    """The checkpoint is in the log, the file is one behind or not there: the next one that seals mends it, without another checkpoint."""
    first, newest = notes_of(sealed.log)
    for before in (first, None):
        outside = tmp_path / "checkpoint"
        outside.unlink()
        if before is not None:
            outside.write_text(before, encoding="utf-8")
        Seal(sealed.log, sealed.engine, KEY, ORIGIN, Clock(), outside).catch_up()
        assert outside.read_text(encoding="utf-8") == newest
    assert notes_of(sealed.log) == [first, newest]


def test_a_tree_thrown_away_is_made_again_and_signs_nothing_on_the_way(sealed: Sealed, tmp_path: Path) -> None:
    """While it is smaller than what was signed it says nothing; then all is as before."""
    engine = engine_for(Settings(var=tmp_path / "other"), "integrity")
    again = Seal(sealed.log, engine, KEY, ORIGIN, Clock(), tmp_path / "checkpoint")
    assert again.sign(whole=False).size == 0
    assert again.catch_up().size == 15
    assert len(notes_of(sealed.log)) == 2
    engine.dispose()


@pytest.mark.parametrize(("level", "at"), [(1, 6), (2, 2), (3, 0)])
def test_one_wrong_bit_in_the_kept_tree_is_found_and_nothing_false_is_signed(sealed: Sealed, level: int, at: int) -> None:
    """Above the leaves: the next checkpoint would be of a root that no log has."""
    with sealed.engine.execution_options(writes=True).begin() as tx:
        row = bytearray(tx.execute(sa.select(rows.c.hashes).where(rows.c.level == level)).scalar_one())
        row[at * 32] ^= 1
        tx.execute(rows.update().where(rows.c.level == level).values(hashes=bytes(row)))
    found = sealed.check()
    assert {f.what for f in found.findings} == {"tree"}
    assert f"第 {level} 层第 {at + 1} 个散列" in str(found.findings[0])
    sealed.add("sample.thing-9", NO_STREAM)
    with pytest.raises(TreeDamaged, match="请先运行 minzheng audit verify"):
        Seal(sealed.log, sealed.engine, KEY, ORIGIN, Clock()).catch_up()
    assert len(notes_of(sealed.log)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        "delete from tree_rows where level = 0",
        "update tree_rows set hashes = substr(hashes, 1, 100) where level = 0",
        "update tree_rows set hashes = 7 where level = 0",
        "update tree_places set positions = 7",
        "drop table tree_places",
    ],
)
def test_a_kept_tree_that_cannot_be_read_is_a_finding_and_the_checkpoints_decide(sealed: Sealed, damage: str) -> None:
    """Said once, with what to do; a changed event shows against the checkpoints all the same."""
    with sealed.engine.execution_options(writes=True).begin() as tx:
        tx.execute(sa.text(damage))
    found = sealed.check()
    assert [f.what for f in found.findings] == ["tree"]
    assert "请清空完整性库，重新封存" in str(found.findings[0])
    assert (found.events, found.checkpoints) == (15, 2)

    def change(connection: sqlite3.Connection) -> None:
        (body,) = connection.execute("select body from event where instr(body, ?)", (b'"n8"',)).fetchone()
        connection.execute("update event set body = ? where body = ?", (body.replace(b'"n8"', b'"n9"'), body))

    assert "rewritten" in {f.what for f in sealed.tampered(change).findings}
