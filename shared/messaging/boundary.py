"""The native-thread boundary (原生线程边界): greenlets carry AMQP, native threads carry everything else.

gRPC and SQL drivers block the thread they are called on, and a blocked hub sends no heartbeats. So a door's whole work
runs on a lane: a fixed number of native threads, each lane its own, so that reactions never take the threads of the RPCs.

The technique is eventlet.tpool's (a queue there, a socket back). tpool itself is not used because it has one pool for
everybody and because it runs a call on the hub after all whenever some thread happens to be importing a module.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from shared.messaging.green import eventlet

# isort: split
from eventlet import greenio, patcher
from eventlet.event import Event

_queue = patcher.original("queue")
_threading = patcher.original("threading")
_socket = patcher.original("socket")

T = TypeVar("T")


class TookTooLong(Exception):
    """The call was given up. It may still be running on its thread, but it was not begun if it had not been yet."""


class _Call:
    __slots__ = ("abandoned", "args", "done", "error", "fn", "result")

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.fn, self.args = fn, args
        self.done = Event()
        self.result: Any = None
        self.error: BaseException | None = None
        self.abandoned = False


class _Bell:
    """Wakes the hub from native threads; one per process, made on first use by the hub's own thread."""

    def __init__(self) -> None:
        self._finished: deque[_Call] = deque()
        self._rung = False
        reader, self._writer = _socket.socketpair()
        reader.setblocking(False)
        self._reader = greenio.GreenSocket(reader)
        eventlet.spawn_n(self._listen)

    def ring(self, call: _Call) -> None:
        self._finished.append(call)
        if not self._rung:  # at worst two threads both ring, which is harmless
            self._rung = True
            self._writer.send(b"!")

    def _listen(self) -> None:
        while True:
            self._reader.recv(4096)
            self._rung = False  # before the deque is emptied: what comes in meanwhile rings again
            while self._finished:
                self._finished.popleft().done.send(None)


_bell: _Bell | None = None


class Lane:
    """A fixed number of native threads for one kind of work."""

    def __init__(self, name: str, threads: int) -> None:
        global _bell
        if _bell is None:
            _bell = _Bell()
        self.name = name
        self._bell = _bell
        self._calls = _queue.SimpleQueue()
        for n in range(threads):
            _threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True).start()

    def call(self, fn: Callable[..., T], *args: Any, limit: float | None = None) -> T:
        """Run ``fn`` on a thread of this lane while the greenlet waits; TookTooLong after ``limit`` seconds."""
        call = _Call(fn, args)
        self._calls.put(call)
        if limit is None:
            call.done.wait()
        else:
            timer = eventlet.Timeout(limit)
            try:
                call.done.wait()
            except eventlet.Timeout as timeout:
                if timeout is not timer:
                    raise
                call.abandoned = True
                raise TookTooLong from None
            finally:
                timer.cancel()
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def _work(self) -> None:
        while True:
            call: _Call = self._calls.get()
            if call.abandoned:
                continue
            try:
                call.result = call.fn(*call.args)
            except BaseException:
                # Also SystemExit and the like: a thread that ends would silently narrow the lane.
                error = sys.exc_info()[1]
                call.error = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
            self._bell.ring(call)
            del call
