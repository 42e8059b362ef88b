"""What an operator is shown when there is little or nothing to ask, and where processes in other places are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.cli.portal import _count_together
from shared.clock import SHANGHAI
from shared.config import ROOT, ConfigError, load
from shared.health import HEALTH, THREADS, Door, Health
from shared.observing import load as seen_as
from shared.observing import needs_store, succeed
from shared.ops import LagState, Overview, ProcessState, QueueState, collect, processes_of
from shared.process import birth, free_port
from tests.observing.conftest import get


def test_nothing_runs_and_nothing_fails(tmp_path: Path) -> None:
    """Every question that had no answer is named; the answer to it is not made up."""
    settings = load({"MINZHENG_VAR": str(tmp_path)})
    away = replace(
        settings,
        eventstore_uri=f"esdb://127.0.0.1:{free_port()}?Tls=false",
        amqp_uri=f"amqp://minzheng:x@127.0.0.1:{free_port()}/minzheng",
    )
    overview = collect(away, {})
    assert (overview.processes, overview.lags, overview.queues, dict(overview.dead_letters)) == ((), (), (), {})
    assert not overview.well
    for what in ("转发滞后", "投影 registry滞后", "投影 portal滞后", "封存滞后", "队列"):
        assert [line for line in overview.unknown if line.startswith(f"{what}：")], what


def left_behind(var: Path, process: str, pid: int, born: str) -> Path:
    """What a process says of itself while it runs, and leaves when it is killed."""
    (var / "run").mkdir(exist_ok=True)
    file = var / "run" / f"{process}.metrics.json"
    file.write_text(json.dumps({"process": process, "pid": pid, "born": born, "host": "127.0.0.1", "port": 1}))
    return file


def test_who_was_killed_is_shown_as_not_running(tmp_path: Path) -> None:
    """By the file it left, or because the supervisor still wants it; also when its number is another's by now, as ours is here."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    born = birth(gone.pid)
    gone.wait()
    settings = load({"MINZHENG_VAR": str(tmp_path)})
    left_behind(tmp_path, "relay", gone.pid, born)
    left_behind(tmp_path, "seal-77", os.getpid(), born)
    for state in processes_of(settings, {}):
        assert (state.running, state.alive, state.ready, state.why, state.since) == (False, None, None, "没有运行", ""), state.name
    told = {"pid.relay": str(gone.pid), "restarts.relay": "3", "pid.portal": str(os.getpid()), "born.portal": born}
    (tmp_path / "run.json").write_text(json.dumps(told))
    states = {state.name: state for state in processes_of(settings, {})}
    assert {name: state.running for name, state in states.items()} == {"relay": False, "portal": False, "seal-77": False}
    assert states["relay"].restarts == 3


def test_whoever_is_started_takes_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    """Without a name each start has a new number: of two relays that were killed one is replaced by one, nobody else's file is touched."""
    for process, pid, born in (("relay-7", 2**22 + 7, "x-1"), ("relay-8", 2**22 + 8, "x-1"), ("relay-extra-9", 2**22 + 9, "x-1")):
        left_behind(tmp_path, process, pid, born)
    left_behind(tmp_path, "relay-1", os.getpid(), birth(os.getpid()))  # one that runs
    left_behind(tmp_path, "seal-7", 2**22 + 7, "x-1")

    def left() -> set[str]:
        return {state.name for state in processes_of(load({"MINZHENG_VAR": str(tmp_path)}), {}) if not state.running}

    assert left() == {"relay-7", "relay-8", "relay-extra-9", "seal-7"}
    succeed(seen_as("relay", {"MINZHENG_VAR": str(tmp_path), "MINZHENG_PROCESS": "relay-b"}))
    assert len(left()) == 4  # it has a name, and so a file, of its own
    succeed(seen_as("relay", {"MINZHENG_VAR": str(tmp_path)}))
    assert left() == {"relay-8", "relay-extra-9", "seal-7"}
    assert {state.name for state in processes_of(load({"MINZHENG_VAR": str(tmp_path)}), {}) if state.running} == {"relay-1"}


def test_a_house_without_processes_or_without_takers_is_not_well() -> None:
    """Nobody runs, somebody is too far behind, letters lie where nobody takes them: each alone is enough; a wait for a retry is none."""
    relay = ProcessState("relay", 7, running=True, alive=True, ready=True)
    house = Overview(datetime.now(SHANGHAI), (relay,), (LagState("relay", "转发", 9, 60.0), LagState("seal", "封存", 9, 600.0)), (), {}, ())
    assert house.well
    assert not replace(house, processes=()).well
    assert not replace(house, processes=(replace(relay, alive=False),)).well
    assert not replace(house, lags=(LagState("projection portal", "投影 portal", 9, 60.5),)).well
    assert not replace(house, lags=(LagState("seal", "封存", 9, 600.5),)).well
    empty, waiting, taken = QueueState("rpc-registry", 0, 0), QueueState("rpc-registry", 1, 0), QueueState("rpc-registry", 9, 1)
    retry = QueueState("minzheng.retry.1000", 5, 0)
    assert replace(house, queues=(empty, taken, retry)).well
    assert not replace(house, queues=(waiting,)).well


def test_a_caller_that_cannot_be_accepted_does_not_close_the_door() -> None:
    """While the process may open no file nobody is let in, and no thread of the door gives up; afterwards it answers again."""
    code = """
import resource, sys, threading, time
from shared.health import HEALTH, Door

class Counted:
    def __init__(self, socket):
        self.socket, self.failed = socket, 0

    def accept(self):
        try:
            return self.socket.accept()
        except OSError:
            self.failed += 1
            raise

HEALTH.mark()
door = Door("127.0.0.1", 0)
print(door.port, flush=True)
door._socket = Counted(door._socket)
enough, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
print("no more", flush=True)
while door._socket.failed < 6 and any(t.name.startswith("metrics-") for t in threading.enumerate()):
    time.sleep(0.02)
resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))
print("free again", flush=True)
sys.stdin.read()
"""
    env = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    argv = [sys.executable, "-P", "-c", code]
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert process.stdout.readline() == "no more\n"
        for _ in range(THREADS):  # each thread has asked for a file before it waited: for one caller it still has one
            assert get(f"http://127.0.0.1:{port}/readyz")[0] == 200
        assert process.stdout.readline() == "free again\n"
        assert get(f"http://127.0.0.1:{port}/readyz")[0] == 200
        process.stdin.close()


def test_a_store_that_is_away_is_no_readiness(tmp_path: Path, postgresql_url: str) -> None:
    """A file that is no database any more; a server that lets nobody in: not ready, and ready again when it does."""
    file, page = tmp_path / "registry.db", b"ruined" * 1000
    sqlite = sa.create_engine(f"sqlite:///{file}", poolclass=sa.pool.NullPool)
    needs_store(sqlite)
    with sqlite.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE a (b)")
    before = file.read_bytes()

    def said() -> list[str]:
        return [line for line in HEALTH.unready() if line.startswith("数据库")]

    assert said() == []
    file.write_bytes(page)
    assert said() == ["数据库：没有答复（DatabaseError）"]
    file.write_bytes(before)
    assert said() == []
    server = sa.create_engine(sa.make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    name = f"away_{os.getpid()}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        mine = sa.create_engine(sa.make_url(postgresql_url).set(drivername="postgresql+psycopg", database=name), pool_pre_ping=True)
        try:
            needs_store(sqlite, mine)
            assert said() == []
            connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            assert said() == ["数据库：没有答复（OperationalError）"]
            connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert said() == []
        finally:
            HEALTH._checks.pop("数据库", None)
            mine.dispose()
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()
    sqlite.dispose()


def test_another_portal_beside_it_takes_nothing_of_what_a_portal_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers on one var: each counts in files of its own; only what servers that are gone have left is taken away."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    counts = tmp_path / "portal.counts"
    for name in (str(os.getpid()), str(2**22 + 1), "77"):
        (counts / name).mkdir(parents=True)
        (counts / name / "counter_7.db").write_bytes(b"")
    (counts / "counter_9.db").write_bytes(b"")  # as an earlier release left it
    _count_together(counts, 77)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(counts / "77")
    assert {str(file.relative_to(counts)) for file in counts.rglob("*")} == {str(os.getpid()), f"{os.getpid()}/counter_7.db", "77"}


def test_processes_in_other_places_are_asked_where_they_are_said_to_be(tmp_path: Path) -> None:
    """A door of this very process stands in for a container's; one that does not answer is neither alive nor ready."""
    door = Door("127.0.0.1", 0)
    try:
        settings = load({"MINZHENG_VAR": str(tmp_path)})
        targets = f"relay=http://127.0.0.1:{door.port}, seal=http://127.0.0.1:{free_port()}"
        relay, seal = processes_of(settings, {"MINZHENG_TARGETS": targets})
        assert (relay.name, relay.pid, relay.alive, relay.ready, relay.why) == ("relay", None, True, False, "启动尚未完成")
        assert (seal.alive, seal.ready) == (False, False)
        assert seal.why.startswith("没有答复")
    finally:
        door.close()
    with pytest.raises(ConfigError, match="MINZHENG_TARGETS"):
        processes_of(settings, {"MINZHENG_TARGETS": "relay"})


def test_a_heart_that_was_silent_for_too_long_is_stuck() -> None:
    """Its own limit counts where it knows that the next turn is a long one; a loop that ended on purpose is not missed."""
    health = Health()
    health.limit = -1.0  # every beat is too long ago
    health.mark()
    health.beat("loop")
    health.beat("rebuilding", 3600.0)
    assert health.stuck() == ["loop"]
    assert health.unready() == ["loop 停住了"]
    health.forget("loop")
    assert (health.stuck(), health.unready()) == ([], [])


def test_a_check_that_fails_itself_is_no_readiness() -> None:
    """Not ready before the start is over, nor when a check raises; its words are not repeated, they may quote the data."""
    health = Health()
    assert health.unready() == ["启动尚未完成"]
    health.mark()

    def check() -> str:
        raise ValueError("欧阳金丝雀")

    health.check("数据库", check)
    assert health.unready() == ["数据库：无法检查（ValueError）"]


def test_a_port_that_is_taken_is_told_by_name(tmp_path: Path) -> None:
    """Two processes with one port: the second does not start, and says which setting it is."""
    door = Door("127.0.0.1", 0)
    try:
        env = {**os.environ, "MINZHENG_VAR": str(tmp_path), "MINZHENG_METRICS_PORT": str(door.port)}
        argv = [sys.executable, "-P", "-m", "shared.cli", "eventlog", "--port", "0", "--data", str(tmp_path / "log")]
        ran = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    finally:
        door.close()
    assert ran.returncode == 2
    assert "MINZHENG_METRICS_PORT" in ran.stderr
    assert "Traceback" not in ran.stderr
