"""Child processes that never outlive us (子进程): start, watch, stop, and ports for them.

Used by the supervisor and the private broker node, and by tests that run servers of their own.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

TETHER = Path(__file__).with_name("tether.py")
LOG_LIMIT = 20_000_000  # bytes; a longer log is set aside (one generation) when its process is started again
CLAIM = "minzheng-port-"
CLAIMS = 200  # ports a process may hold at once
ENOUGH_PORTS = 1000
Process = subprocess.Popen[bytes]
_claims: deque[int] = deque()  # what holds them, the oldest first


@lru_cache(maxsize=1)
def _starter(_pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="starter")


def spawn(argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | None = None, pass_fds: Collection[int] = ()) -> Process:
    """Start a command in a session of its own, tethered to this process; what it prints is added to ``log``.

    A tether hangs on the *thread* that started the child, so all children are started from one thread that lives as
    long as the process does: a test or a watchdog may start one from a thread that ends.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as out:
        tethered = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *argv]
        return (
            _starter(os.getpid())
            .submit(
                subprocess.Popen,
                tethered,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
            .result()
        )


def terminate(process: Process) -> None:
    """Ask the process to stop (SIGTERM)."""
    if process.poll() is None:
        process.terminate()


def kill(process: Process) -> None:
    """Kill the process and everything in its session's group at once, and wait until the process is gone."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it had ended, and nothing was left of its group
    process.wait()


def finish(process: Process, limit: float) -> bool:
    """Wait for a process that was asked to stop; kill it after ``limit`` seconds. True if it stopped by itself."""
    try:
        process.wait(max(limit, 0.01))
        willing = True
    except subprocess.TimeoutExpired:
        willing = False
    kill(process)  # also what it may have left in its group
    return willing


def quiet_ports() -> range:
    """Ports that no outgoing connection is given: those below the kernel's range for these, or above it, whichever are more."""
    try:
        first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        first, last = 32768, 60999
    found = max(range(15000, min(first, 32000)), range(max(last + 1, 15000), 65536), key=len)
    return found if len(found) >= ENOUGH_PORTS else range(15000, 32000)


def free_port() -> int:
    """A port of the loopback on which nothing listens and that no other process of ours is given (端口): ours as long as we live.

    Whoever is to listen binds it only later, a broker seconds later, and lets go of it whenever it is started again. So a port is claimed
    by a name beside it, of a socket that sends nothing: names of this kind are seen wherever the port is, whoever runs there, and the
    kernel takes them back with the process. A process that asks for very many gives up its oldest.
    """
    ports = quiet_ports()
    for _ in range(500):
        port = random.choice(ports)  # noqa: S311 - not a secret
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as claim, socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                claim.bind(f"\0{CLAIM}{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _claims.append(claim.detach())
        while len(_claims) > CLAIMS:
            os.close(_claims.popleft())
        return port
    raise RuntimeError("找不到空闲端口。")


def accepts(port: int) -> bool:
    """Whether something listens on this port of the loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for a message that says why something died."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def birth(pid: int) -> str:
    """Which process this is: the boot and the tick it was started at; "" when none of this number runs. A number alone is given again."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except (OSError, ValueError):
        return ""
    return "" if state in (b"Z", b"X") else f"{boot}-{int(rest[18])}"


def answer_quickly() -> None:
    """Tune the interpreter of a process that others wait for; call it when everything is loaded.

    A full collection over all modules (OpenFisca, numpy, gRPC) takes tens of milliseconds and finds nothing, so what is there now is
    left out of it; and a thread that wants the interpreter gets it after half a millisecond instead of five.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def let_others_first() -> None:
    """For processes whose work can wait a moment (projector, reactions in a process of their own): when the processor is short, those that
    somebody stands at a window for (RPC, log, broker) go first. Nothing is taken from anybody while there is enough."""
    os.nice(10)
    if os.getsid(0) == os.getpid():  # Linux shares the processor between sessions first: a session of one's own has a nice value of its own
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text("10")


def wait_until(condition: Callable[[], bool], limit: float, pause: float = 0.05) -> bool:
    """Poll until the condition holds; False when the time is up."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
