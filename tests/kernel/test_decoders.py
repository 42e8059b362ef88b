"""Events are decoded by many threads at once from the first moment on, and the process lives."""

from __future__ import annotations

import subprocess
import sys

from shared.config import ROOT

ALL_AT_ONCE = """
import sys, threading
from shared.eventlog import discovery
from shared.eventsourcing import codec
from shared.eventsourcing.events import REGISTRY

discovery.load_all()
sys.setswitchinterval(1e-6)  # threads change places in the middle of everything
together = threading.Barrier(8)

def decode():
    for kind in list(REGISTRY.values()):
        together.wait(60)
        try:
            codec.decode(kind.name, kind.version, b"{}", None)
        except Exception:
            pass  # what is missing is not the matter

threads = [threading.Thread(target=decode) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(REGISTRY))
"""


def test_the_first_event_of_a_kind_may_come_to_many_threads_at_once() -> None:
    """msgspec alone dies of it (signal 11): see shared/domain/decoders.py."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALL_AT_ONCE], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) > 100
