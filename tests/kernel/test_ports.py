"""Ports that are found now and bound later: nobody else is given one meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared import process
from shared.config import ROOT

FEW = range(65000, 65008)
ASKING = """
import sys
from shared import process
process.CLAIM = {claim!r}
process.quiet_ports = lambda: range({first}, {end})
for _ in range({times}):
    print(process.free_port(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _claims_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has few ports, and claims that no other run of it on this machine sees."""
    held: deque[int] = deque()
    monkeypatch.setattr(process, "CLAIM", f"minzheng-test-{uuid.uuid4()}-")
    monkeypatch.setattr(process, "_claims", held)
    yield
    for claim in held:
        os.close(claim)


@contextmanager
def asking(times: int) -> Iterator[list[int]]:
    """What another process finds that asks for so many of the few ports, and lives until this ends."""
    program = ASKING.format(claim=process.CLAIM, first=FEW.start, end=FEW.stop, times=times)
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        yield [int(other.stdout.readline()) for _ in range(times)]
        other.communicate()


def test_processes_are_never_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight ports three processes find all, each once, though nothing listens on any; those of one that ends come free again."""
    monkeypatch.setattr(process, "quiet_ports", lambda: FEW)
    with asking(2) as one, asking(2) as two:
        mine = [process.free_port() for _ in range(4)]
        assert sorted([*one, *two, *mine]) == list(FEW)
        with pytest.raises(RuntimeError, match="找不到空闲端口"):
            process.free_port()
    assert {process.free_port() for _ in range(4)} == {*one, *two}


def test_a_port_on_which_somebody_listens_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that knows nothing of our claims has it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = int(server.getsockname()[1])
        monkeypatch.setattr(process, "quiet_ports", lambda: range(taken, taken + 1))
        with pytest.raises(RuntimeError, match="找不到空闲端口"):
            process.free_port()


def test_a_port_is_outside_the_range_of_outgoing_connections() -> None:
    """What the kernel may give a connection of anybody at any moment is no place to listen."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if first < 16000 and last > 64500:
        pytest.skip("this machine gives outgoing connections all ports")
    assert not first <= process.free_port() <= last


def test_a_process_that_asks_for_very_many_gives_up_its_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are not used up: the first port is given again once two others were asked for after it."""
    monkeypatch.setattr(process, "quiet_ports", lambda: FEW[:3])
    monkeypatch.setattr(process, "CLAIMS", 2)
    first = process.free_port()
    assert {first, process.free_port(), process.free_port()} == {*FEW[:3]}
    assert process.free_port() == first
