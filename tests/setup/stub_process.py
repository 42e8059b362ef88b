"""What the supervisor's tests run in place of the house's processes: ``stub_process.py NAME [dies|stubborn|never-ready]``.

It notes its start and stop in $STUB_NOTES, so that a test can see the order of things.
"""

import os
import signal
import sys
import time
from pathlib import Path

name, manner = sys.argv[1], sys.argv[2:]


def note(what: str) -> None:
    with Path(os.environ["STUB_NOTES"]).open("a") as notes:
        notes.write(f"{what} {name}\n")


def stop(*_: object) -> None:
    note("stop")
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in manner else stop)
note("start")
if "dies" in manner:
    sys.exit("the reason why it died")
if "never-ready" not in manner:
    Path(os.environ["MINZHENG_READY_FILE"]).write_text(str(os.getpid()))
while True:
    time.sleep(0.05)
