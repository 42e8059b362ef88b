"""The supervisor: order, watching, stopping, and that nothing stays behind however it ends. It runs stubs, which are quick."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from shared import process
from shared.cli import supervisor
from shared.cli.processes import PROCESSES, Process, Ready
from shared.cli.supervisor import House, HouseError
from shared.config import ROOT, run_file

STUB = (sys.executable, "-I", "-S", str(Path(__file__).with_name("stub_process.py")))


def stub(name: str, *needs: str, manner: tuple[str, ...] = (), instead: str = "") -> Process:
    return Process(name, (name, *manner), needs, Ready.FILE, f"替身{name}", instead)


STUBS = (stub("log"), stub("worker", "log"), stub("relay", "log"))
Make = Callable[..., House]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "MINZHENG_VAR": str(tmp_path / "var"), "STUB_NOTES": str(tmp_path / "notes")}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make(env: dict[str, str], said: list[str]) -> Make:
    return lambda declared=STUBS, **more: House(env, declared=declared, program=STUB, say=said.append, **more)


def notes(env: dict[str, str]) -> list[str]:
    return Path(env["STUB_NOTES"]).read_text().splitlines()


Children = Callable[[], list[psutil.Process]]


def test_starts_in_order_and_stops_in_reverse(make: Make, env: dict[str, str], children: Children) -> None:
    """A process starts when what it needs is ready, and stops before what it needs; nothing is left."""
    with make():
        assert {child.is_running() for child in children()} == {True}
    assert notes(env)[0] == "start log"
    assert notes(env)[-1] == "stop log"
    assert sorted(notes(env)[1:-1]) == ["start relay", "start worker", "stop relay", "stop worker"]
    assert not children()


def test_run_json_tells_where_everything_is_while_it_runs(make: Make, env: dict[str, str]) -> None:
    """Other commands find the house by var/run.json, which holds a password and is readable by its owner only."""
    file = run_file(Path(env["MINZHENG_VAR"]))
    with make(clock=True) as house:
        told = json.loads(file.read_text())
        assert told["pid"] == str(os.getpid())
        assert told["pid.worker"] == str(house.processes()["worker"].pid)
        assert told["MINZHENG_CLOCK_FILE"] == str(house.settings.clock_file)
        assert file.stat().st_mode & 0o777 == 0o600
    assert not file.exists()


def test_a_second_house_on_the_same_var_is_refused_and_harms_nothing(make: Make, env: dict[str, str]) -> None:
    """The message names the process that is in the way; the first house and its run.json are as before."""
    with make() as first:
        second = make()
        with pytest.raises(HouseError, match=f"已有一套进程在运行（进程号 {os.getpid()}）"):
            second.start()
        second.stop()
        assert all(running.alive for running in first.processes().values())
        assert run_file(Path(env["MINZHENG_VAR"])).exists()


def test_what_a_crash_left_is_not_tripped_over(make: Make, env: dict[str, str]) -> None:
    """A stale run.json must not be believed: its ports may be somebody else's by now."""
    var = Path(env["MINZHENG_VAR"])
    (var / "run").mkdir(parents=True)
    run_file(var).write_text('{"EVENTSTORE_URI": "esdb://127.0.0.1:1", "AMQP_URI": "amqp://127.0.0.1:1"}')
    (var / "run" / "house.lock").write_text("999999")
    (var / "run" / "worker.ready").write_text("999999")
    with make() as house:
        assert house.settings.amqp_uri == ""
        assert house.processes()["worker"].alive


def test_one_that_cannot_start_is_told_with_its_last_words(make: Make, children: Children) -> None:
    """The operator sees which process failed and why; those already started are stopped again."""
    with pytest.raises(HouseError, match=r"替身worker（worker）启动失败(.|\n)*the reason why it died"):
        make((stub("log"), stub("worker", "log", manner=("dies",)))).start()
    assert not children()


def test_one_that_dies_is_started_again_and_the_operator_is_told(make: Make, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 of one process: it comes back, after a pause that grows with each failure."""
    monkeypatch.setattr(supervisor, "BACK_OFF", (0.1, 0.4))
    with make() as house:
        for times in (1, 2):
            before = house.processes()["worker"].pid
            house.kill9("worker")
            assert process.wait_until(lambda before=before: house.processes()["worker"].pid != before, 90)
            assert house.wait_ready("worker", 90)
            assert house.processes()["worker"].restarts == times
        assert house.processes()["log"].restarts == 0
    told = [line for line in said if "意外退出" in line]
    assert ["0.1 秒后" in told[0], "0.4 秒后" in told[1]] == [True, True]


def test_whoever_restarts_the_others_survives_a_disk_that_takes_nothing(
    make: Make, env: dict[str, str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """var/run.json cannot be written: that is told, and what dies is started again all the same, also the next time."""
    monkeypatch.setattr(supervisor, "BACK_OFF", (0.1,))
    with make() as house:
        in_the_way = run_file(Path(env["MINZHENG_VAR"])).with_suffix(f".{os.getpid()}.new")
        in_the_way.mkdir()
        for times in (1, 2):
            house.kill9("worker")
            assert process.wait_until(lambda times=times: house.processes()["worker"].restarts == times, 90)
            assert house.wait_ready("worker", 90)
        assert process.wait_until(lambda: [line for line in said if "看护出错" in line], 90)
        in_the_way.rmdir()


def test_without_restarts_a_dead_process_stays_dead_until_asked_for(make: Make) -> None:
    """Tests that kill processes decide themselves when one returns, also from a thread that ends."""
    with make(restarts=False) as house:
        house.kill9("relay")
        time.sleep(0.5)
        assert not house.processes()["relay"].alive
        thread = threading.Thread(target=house.restart, args=("relay",))
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert house.processes()["relay"].alive, "its tether must not hang on the thread that asked for it"


def test_one_that_does_not_stop_is_killed(make: Make, said: list[str], children: Children) -> None:
    """A hanging process costs the limit, no more."""
    house = make((stub("log"), stub("worker", "log", manner=("stubborn",))))
    house.start()
    began = time.monotonic()
    house.stop(limit=0.5)
    assert time.monotonic() - began < 3
    assert any("替身worker（worker）没有按时停止" in line for line in said)
    assert not children()


def test_an_engine_that_somebody_else_runs_is_not_started(make: Make, env: dict[str, str]) -> None:
    """EVENTSTORE_URI given: no embedded log, and the children are told that address."""
    env["EVENTSTORE_URI"] = "esdb://example:2113"
    with make((stub("log", instead="EVENTSTORE_URI"), stub("worker", "log"))) as house:
        assert set(house.processes()) == {"worker"}
        assert house.child_env["EVENTSTORE_URI"] == "esdb://example:2113"


def test_a_taken_port_is_refused_in_words(make: Make) -> None:
    """A port that was asked for and is in use is an error at once, not a child that dies later."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HouseError, match="已被占用"):
            make(log_port=taken.getsockname()[1]).start()


RUN_UP = """
import sys
from tests.setup.test_supervisor import STUB, STUBS
from shared.cli import up
from shared.cli.supervisor import House
with up.running(House(declared=STUBS, program=STUB)) as house:
    print(*(one.pid for one in house.processes().values()), flush=True)
    up.stay()
"""


def run_up(env: dict[str, str]) -> tuple[subprocess.Popen[str], list[int]]:
    """`up` with stubs, as a process of its own; answers it and the pids of its children."""
    up = subprocess.Popen(
        [sys.executable, "-c", RUN_UP],
        env=env | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert up.stdout is not None
    return up, [int(pid) for pid in up.stdout.readline().split()]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_supervisor_ends_no_process_is_left(how: signal.Signals, env: dict[str, str]) -> None:
    """Ctrl-C and SIGTERM stop in order and exit 0; after kill -9 the kernel kills the children."""
    up, pids = run_up(env)
    assert len(pids) == 3
    assert all(psutil.pid_exists(pid) for pid in pids)
    up.send_signal(how)
    out, err = up.communicate(timeout=90)
    assert process.wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 90), (out, err)
    if how is not signal.SIGKILL:
        assert up.returncode == 0, err
        assert notes(env)[-1] == "stop log"
        assert not run_file(Path(env["MINZHENG_VAR"])).exists()


def test_an_interrupted_start_leaves_nothing_either(env: dict[str, str]) -> None:
    """Ctrl-C while something is still starting: what has started is stopped, and the exit says that it was interrupted."""
    slow = RUN_UP.replace("STUB, STUBS", "STUB, STUBS, stub")
    slow = slow.replace("declared=STUBS", "declared=(*STUBS, stub('slow', 'log', manner=('never-ready',)))")
    up = subprocess.Popen([sys.executable, "-c", slow], env=env | {"PYTHONPATH": str(ROOT)}, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.wait_until(lambda: Path(env["STUB_NOTES"]).exists() and "start slow" in notes(env), 90)
    children = psutil.Process(up.pid).children(recursive=True)
    up.send_signal(signal.SIGINT)
    err = up.communicate(timeout=90)[1]
    assert up.returncode == 1, err  # click's Exit(130) when run as a command; here it ends the script
    assert "正在停止" in err
    assert not psutil.wait_procs(children, timeout=90)[1]


def test_every_process_needs_only_what_is_declared() -> None:
    """The table is in order: what a process needs stands before it."""
    seen: set[str] = set()
    for declared in PROCESSES:
        assert set(declared.needs) <= seen, declared.name
        seen.add(declared.name)
