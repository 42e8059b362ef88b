"""What an operator is shown when there is little or nothing to ask, and where processes in other places are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared.config import ConfigError, load
from shared.health import Door, Health
from shared.ops import collect, processes_of
from shared.process import free_port


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


def test_who_was_killed_is_not_shown_as_running(tmp_path: Path) -> None:
    """A file that a process left behind counts for nothing, unless the supervisor still wants that process: then it is missing."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "relay.metrics.json").write_text(json.dumps({"process": "relay", "pid": gone.pid, "host": "127.0.0.1", "port": 1}))
    settings = load({"MINZHENG_VAR": str(tmp_path)})
    assert processes_of(settings, {}) == ()
    (tmp_path / "run.json").write_text(json.dumps({"pid.relay": str(gone.pid), "restarts.relay": "3"}))
    [relay] = processes_of(settings, {})
    assert (relay.running, relay.alive, relay.ready, relay.restarts, relay.why) == (False, None, None, 3, "没有运行")


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
