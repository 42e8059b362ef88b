"""Following the log (追读): a catch-up subscription, emptied by a thread of its own into a bounded queue.

Iterating a subscription blocks, and a follower has to know when there is nothing more at the moment: then it writes what
it has. So one thread iterates, and the follower takes what has come, all of it at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from shared.eventlog.client import Log, LogUnavailable, Raw
from shared.eventlog.reader import CaughtUp, Passed, Reader, Subscription

T = TypeVar("T")
QUEUED = 10_000  # events that may wait for the follower
SILENCE = 15.0  # seconds without a word after which the log is asked whether it is still there
AGAIN = 2.0  # seconds until a subscription that the log seems to have left behind is looked at once more


class Tail(Generic[T]):
    """What the log holds after a position, and then what is added to it, each event through ``read``.

    ``wake`` is called from the reading thread whenever something has come. An error ends the tail: ``take`` raises it once
    everything before it was taken, and the follower opens a new tail where it stands.
    """

    def __init__(self, log: Log, after: int, read: Callable[[Raw], T], *, wake: Callable[[], None] | None = None, **options: Any) -> None:
        self._read = read
        self._queue: deque[T | Passed | CaughtUp] = deque()
        self._arrived = threading.Event()
        self._wake = wake
        self._error: BaseException | None = None
        self._stopped = False
        self._heard = time.monotonic()
        self._head: int | None = None
        self._grown = False
        self._log = log
        self._after = after
        self._options = options
        self._reader: Reader | None = None
        self._subscription: Subscription | None = None
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
        self._thread.start()

    def take(self, most: int, timeout: float) -> list[T | Passed | CaughtUp]:
        """What has come, at most ``most``; waits up to ``timeout`` for the first. [] when nothing came in time."""
        if not self._queue:
            self._arrived.clear()
            if not self._queue and self._error is None:
                self._arrived.wait(timeout)
        if not self._queue:
            if self._error is not None:
                raise self._error
            self.listen()
            return []
        return self.come(most)

    def come(self, most: int) -> list[T | Passed | CaughtUp]:
        """What has come already, at most ``most``."""
        queue = self._queue
        self._heard, self._head, self._grown = time.monotonic(), None, False
        return [queue.popleft() for _ in range(min(most, len(queue)))]

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def error(self) -> BaseException | None:
        return self._error

    def stop(self) -> None:
        """End the subscription and its thread."""
        self._stopped = True
        if self._subscription is not None:
            self._subscription.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            # Opened here, because looking for a log that is away may take long, and the follower has other things to do.
            self._reader = Reader(self._log)
            self._subscription = self._reader.subscribe(self._after, include_checkpoints=True, include_caught_up=True, **self._options)
            if not self._stopped:
                self._receive(self._subscription)
            self._error = LogUnavailable("subscription ended")
        except Exception as error:  # of the log, or of ``read``: the follower hears of it
            self._error = error
        finally:
            if self._reader is not None:
                self._reader.close()
        self._arrived.set()
        if self._wake is not None and not self._stopped:
            self._wake()

    def _receive(self, subscription: Subscription) -> None:
        queue, read, arrived, wake = self._queue, self._read, self._arrived, self._wake
        for item in subscription:
            queue.append(read(item) if isinstance(item, Raw) else item)
            if not arrived.is_set():
                arrived.set()
            if wake is not None:
                wake()
            if len(queue) > QUEUED:
                while len(queue) > QUEUED // 2 and not self._stopped:
                    time.sleep(0.001)
            if self._stopped:
                return

    def listen(self) -> None:
        """A half-dead connection says nothing for ever: when it was silent for long, ask the log itself, and compare."""
        if time.monotonic() - self._heard < SILENCE or self._reader is None or self._error is not None:
            return
        self._heard = time.monotonic()
        try:
            head = self._reader.head()
        except LogUnavailable as error:
            self._error = error
            return
        if self._head is None or head == self._head:
            self._head = head
        elif not self._grown:  # what was added this very moment may be on its way: look once more, soon
            self._grown = True
            self._heard -= SILENCE - AGAIN
        else:
            self._error = LogUnavailable("subscription is silent while the log grows")
