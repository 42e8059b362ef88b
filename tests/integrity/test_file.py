"""The embedded log's own file, byte by byte: what was changed behind the log's back is found where the file lies, or in a copy of it."""

from __future__ import annotations

import json
import random
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from shared import config
from shared.cli.audit import command
from shared.eventlog import discovery
from shared.eventlog.client import Log, Raw
from shared.eventlog.embedded import storage
from shared.eventlog.integrity.nodes import Nodes
from shared.eventlog.integrity.seal import STREAM, note_in, notes_of
from shared.eventlog.integrity.source import File, Wire, source_of
from shared.eventlog.integrity.verify import Report, verify
from shared.eventlog.stores import engine_for
from tests.contract.conftest import LogProcess
from tests.integrity.test_seal import KEY, ORIGIN, Sealed, sealed

__all__ = ["sealed"]


class Copy:
    """The file of a log that has been stopped, changed in a copy of its own each time."""

    def __init__(self, sealed: Sealed, tmp_path: Path) -> None:
        self.engine, self.note = sealed.engine, notes_of(sealed.log)[-1]
        sealed.log.close()
        sealed.process.kill()
        self.file, self.directory = sealed.process.directory / storage.FILE_NAME, tmp_path / "copy"
        with sqlite3.connect(self.file) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        self.directory.mkdir()
        self.bytes = self.file.read_bytes()

    def check(self, changed: bytes | None = None, sql: Callable[[sqlite3.Connection], Any] | None = None) -> Report:
        target = self.directory / storage.FILE_NAME
        target.write_bytes(self.bytes if changed is None else changed)
        if sql is not None:
            with sqlite3.connect(target) as connection:
                sql(connection)
            connection.close()
        file = File(self.directory)
        return verify(file, self.engine, [note_in(e) for e in file.stream(STREAM)], ORIGIN, KEY.public_key())

    def flipped(self, at: int, bit: int) -> bytes:
        return self.bytes[:at] + bytes((self.bytes[at] ^ 1 << bit,)) + self.bytes[at + 1 :]

    def read(self) -> list[Any] | str:
        """Everything that a reader of the copy gets: the log in order, and every stream by its index."""
        try:
            reader = storage.Reader(self.directory / storage.FILE_NAME)
            try:
                events = [e for e in reader.all_page(0, False, 1000, True) if not e.stream.startswith("$")]
                streams = [reader.stream_page(f"sample.thing-{n}", None, False, 100) for n in range(5)]
                return [events, streams, reader.stream_page(STREAM, None, False, 100), reader.tail()]
            finally:
                reader.close()
        except sqlite3.Error as error:
            return str(error)


@pytest.fixture
def copied(sealed: Sealed, tmp_path: Path) -> Copy:
    return Copy(sealed, tmp_path)


def test_an_untouched_file_is_sound(copied: Copy) -> None:
    """Without any log that runs over it."""
    assert copied.check() == Report(events=15, checkpoints=2)


@pytest.mark.parametrize("number", range(15))
def test_any_bit_of_any_event_is_found_and_the_event_named(copied: Copy, number: int) -> None:
    """In the row's body: data, metadata, the id, the stream's name, the time at which the log took it."""
    with sqlite3.connect(copied.file) as connection:
        query = "select body, name, revision from event e join stream s on s.id = e.stream_id where instr(body, ?)"
        body, stream, revision = connection.execute(query, (f'"n{number}"'.encode(),)).fetchone()
    connection.close()
    start = copied.bytes.index(body)
    chance = random.Random(number)  # noqa: S311 - not a secret
    for at in sorted({*chance.sample(range(len(body)), 40), body.index(b'"n')}):
        found = copied.check(copied.flipped(start + at, chance.randrange(8)))
        assert [(f.index, f.where) for f in found.findings if f.what == "changed"] == [(number, f"{stream}@{revision}")], at


def test_no_changed_byte_anywhere_in_the_file_is_read_unnoticed(copied: Copy) -> None:
    """Rows, the index by which streams are read, streams' names, inner pages: it is found, or nobody reads anything else."""
    chance = random.Random(20230703)  # noqa: S311 - not a secret
    copied.check()
    before = copied.read()
    found = 0
    for at in (chance.randrange(len(copied.bytes)) for _ in range(400)):
        report = copied.check(copied.flipped(at, chance.randrange(8)))
        found += not report.sound
        assert not report.sound or copied.read() == before, at
    assert found > 20


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("update event set created = created + 10000000 where revision = 2 and stream_id = 2", "changed"),
        ("update event set type = 'sample.undone' where revision = 1 and stream_id = 4", "changed"),
        ("update event set id = randomblob(16) where revision = 1 and stream_id = 4", "changed"),
        ("update stream set name = 'sample.other' where name = 'sample.thing-1'", "changed"),
        ("update event set revision = 9 where revision = 2 and stream_id = 4", "changed"),
        ("delete from event where revision = 0 and stream_id = 3", "removed"),
    ],
)
def test_columns_that_say_something_else_than_the_body_are_found(copied: Copy, sql: str, what: str) -> None:
    """Readers near and far would be told different things."""
    assert what in {f.what for f in copied.check(sql=lambda c: c.execute(sql)).findings}


def test_an_index_that_leads_past_an_event_is_found(copied: Copy) -> None:
    """The log in order is whole, but whoever reads the stream misses one: SQLite's own check says so."""

    def hide(connection: sqlite3.Connection) -> None:
        connection.executescript(
            "drop index event_by_stream; create unique index event_by_stream on event (stream_id, revision) where revision <> 1;"
            " pragma writable_schema = on;"
            " update sqlite_master set sql = 'create unique index event_by_stream on event (stream_id, revision)'"
            " where name = 'event_by_stream';"
        )

    found = copied.check(sql=hide)
    assert {f.what for f in found.findings} == {"file"}
    assert all("event_by_stream" in f.where for f in found.findings)


def test_metadata_that_hides_a_streams_events_is_found(sealed: Sealed) -> None:
    """Nothing was deleted, and nobody would read it any more; over the wire and in the file."""
    hiding = Raw("$metadata", b'{"$tb": 2}', b"", str(uuid.uuid4()))
    sealed.log.append("$$sample.thing-3", [hiding], -1)
    assert len(sealed.log.read("sample.thing-3")) == 1
    for found in (sealed.check(), verify(File(sealed.process.directory), sealed.engine, [], ORIGIN, KEY.public_key())):
        assert [(f.what, str(f)) for f in found.findings] == [("hidden", "系统流 $$sample.thing-3 可能使 sample.thing-3 的事件读不到")]


def test_the_file_is_only_taken_for_the_log_it_belongs_to(sealed: Sealed, tmp_path: Path) -> None:
    """The log that answers has the file's newest event; else, or without a file, the wire is read."""
    assert isinstance(source_of(sealed.log), Wire)
    with_file = Log(sealed.log.uri, data=sealed.process.directory)
    assert isinstance(source_of(with_file), File)
    assert verify(with_file, sealed.engine, notes_of(sealed.log), ORIGIN, KEY.public_key()) == Report(events=15, checkpoints=2)
    with_file.close()
    other = LogProcess(tmp_path / "other").start()
    strange = Log(f"esdb://127.0.0.1:{other.port}?Tls=false", data=sealed.process.directory)
    strange.append("sample.thing-1", [Raw("sample.happened", b"{}", b"{}", str(uuid.uuid4()))], -1)
    wire = source_of(strange)
    assert isinstance(wire, Wire)
    assert "不是这个日志的" in wire.warning
    strange.close()
    other.kill()


def test_a_file_that_was_changed_is_not_left_for_the_wire(sealed: Sealed, tmp_path: Path) -> None:
    """Neither for another id in its newest row, which would hide what was changed elsewhere, nor when SQLite cannot read it. A file that is
    not there is told."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("update event set id = randomblob(16) where position = (select max(position) from event)")
        connection.execute("update event set created = created + 10000000 where revision = 1 and stream_id = 4")

    sealed.tampered(change)
    for data, expected in ((sealed.process.directory, "changed"), (tmp_path / "torn", "file")):
        data.mkdir(exist_ok=True)
        if expected == "file":
            (data / storage.FILE_NAME).write_bytes(b"no database, and long enough to be none" * 100)
        log = Log(sealed.log.uri, data=data)
        report = verify(log, sealed.engine, notes_of(sealed.log), ORIGIN, KEY.public_key())
        assert (report.source, report.warning, report.sound) == ("文件", "", False)
        assert expected in {f.what for f in report.findings}
        log.close()
    nowhere = Log(sealed.log.uri, data=tmp_path / "nowhere")
    report = verify(nowhere, sealed.engine, notes_of(sealed.log), ORIGIN, KEY.public_key())
    assert (report.source, "读不到" in report.warning) == ("网络", True)
    nowhere.close()


def test_the_command_checks_a_copy_for_which_no_log_runs(
    copied: Copy, sealed: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``audit verify --data``: against the tree and the key of the house; a changed event is named, and the exit status says so."""
    var = tmp_path / "house"
    (var / "keys").mkdir(parents=True)
    with sealed.engine.connect().execution_options(single=True) as connection:
        connection.exec_driver_sql("vacuum into ?", (str(var / "integrity.db"),))
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (var / "keys" / "seal.pub").write_bytes(pem)
    monkeypatch.setenv("MINZHENG_VAR", str(var))
    monkeypatch.delenv("EVENTSTORE_URI", raising=False)
    copied.check()
    run = CliRunner()
    told = run.invoke(command, ["verify", "--data", str(copied.directory)])
    assert (told.exit_code, "15 个事件，2 个检查点，尚未封存 0 个：全部相符。" in told.output) == (0, True), told.output
    copied.check(copied.flipped(copied.bytes.index(b'"n8"') + 2, 0))
    told = run.invoke(command, ["verify", "--data", str(copied.directory), "--json"])
    assert told.exit_code == 1
    said = json.loads(told.output)
    assert "sample.thing-3@1" in [f["where"] for f in said["findings"]]
    assert (said["source"], said["warning"]) == ("file", "")
    told = run.invoke(command, ["verify", "--data", str(var)])
    assert (told.exit_code, "没有事件日志" in told.output) == (1, True)
    told = run.invoke(command, ["verify"])
    assert "没有正在运行的事件日志" in told.output


def test_the_command_takes_the_checkpoint_outside_along_and_names_by_the_index(
    copied: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log cut short whose tree is gone too is sound by itself: the file says no. What was removed is named by the audit index."""
    var = tmp_path / "house"
    (var / "keys").mkdir(parents=True)
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (var / "keys" / "seal.pub").write_bytes(pem)
    monkeypatch.setenv("MINZHENG_VAR", str(var))
    monkeypatch.delenv("EVENTSTORE_URI", raising=False)
    copied.check(
        sql=lambda c: c.execute("delete from event where position >= (select position from event where instr(body, ?))", (b'"n7"',))
    )
    run = CliRunner()
    assert run.invoke(command, ["verify", "--data", str(copied.directory)]).exit_code == 0
    (var / "integrity").mkdir()
    (var / "integrity" / "checkpoint").write_text(copied.note, encoding="utf-8")
    told = run.invoke(command, ["verify", "--data", str(copied.directory)])
    assert (told.exit_code, "检查点证明曾有 15 个事件，日志中只有 7 个" in told.output) == (1, True), told.output
    with copied.engine.connect().execution_options(single=True) as connection:
        (var / "integrity.db").unlink()
        connection.exec_driver_sql("vacuum into ?", (str(var / "integrity.db"),))
        place = Nodes(connection).position(9)
    discovery.load_all()
    model, portal = discovery.read_model(discovery.PORTAL), engine_for(config.load(), discovery.PORTAL)
    assert model is not None
    model.create(portal)
    acts = model.metadata.tables["acts"]
    row = {c.name: place if c.name == "position" else 0 if c.name == "version" else "sample.thing-4" for c in acts.columns}
    with portal.execution_options(writes=True).begin() as tx:
        tx.execute(acts.insert().values(**{**row, "version": 1}))
    portal.dispose()
    told = run.invoke(command, ["verify", "--data", str(copied.directory)])
    assert f"第 10 个事件 sample.thing-4@1（提交位置 {place}） 被删除" in told.output
    (var / "integrity.db").write_bytes(b"no database at all" * 300)
    told = run.invoke(command, ["verify", "--data", str(copied.directory)])
    assert (told.exit_code, "完整性树有损" in told.output, "曾有 15 个事件" in told.output) == (1, True, True), told.output
