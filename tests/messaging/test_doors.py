"""A service's windows and its events may be open in processes of their own: each does its part, and nobody does the other's."""

from __future__ import annotations

import subprocess
import sys

from shared.config import ROOT
from shared.messaging.client import RpcClient
from tests.messaging.house import TICKS, House, new_id, wait_for


def answers(client: RpcClient) -> bool:
    return bool(client.counter.sleep(milliseconds=1, label="hello") == "hello")


def test_windows_answer_and_leave_the_events_to_others(alone: House) -> None:
    """An event waits in its queue while only the windows are open, and is handled as soon as a process for events is there."""
    with alone.worker():
        pass  # the queues are there
    counter = new_id()
    with alone.worker(MINZHENG_DOORS="rpc"), alone.client() as client:
        alone.tick(counter)
        assert answers(client)
        wait_for(lambda: alone.depth(TICKS) == 1, "the event in its queue")
        assert alone.events(counter) == 0
        with alone.worker(MINZHENG_DOORS="bus,timer"):
            wait_for(lambda: alone.events(counter) == 1, "the effect")
            assert all(answers(client) for _ in range(20))  # none of them goes to the process that has no window


def test_an_unknown_door_is_refused(house: House) -> None:
    """With the names that there are."""
    asked = [sys.executable, "-m", "shared.cli", "worker", "assistance", "--doors", "rpc,windows"]
    told = subprocess.run(asked, cwd=ROOT, env=house.env(), capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode != 0
    assert "rpc、bus、timer" in told.stderr + told.stdout
