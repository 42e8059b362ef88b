"""Runs a command that dies with the process that started it (拴绳): ``python tether.py PARENT_PID COMMAND ARGS…``.

The kernel sends SIGKILL to the command when the thread that started it ends, so that even ``kill -9`` of the supervisor
leaves no process behind. A launcher of its own instead of Popen's ``preexec_fn``, which is unsafe beside threads (gRPC has some).
Imports nothing of ours: it runs before every child and is started with ``-I -S`` to be quick.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
SIGKILL = 9

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # the parent died before the line above took hold
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])
