"""Following the log (追读): a catch-up subscription, emptied by a thread of its own into a bounded queue.

Iterating a subscription blocks, and a follower has to know when there is nothing more at the moment: then it writes what
it has. So one thread iterates, and the follower takes what has come, all of it at once.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from esdbclient.exceptions import EventStoreDBClientException

from shared.eventlog.client import Log, LogUnavailable, Raw

T = TypeVar("T")
QUEUED = 10_000  # events that may wait for the follower
SILENCE = 15.0  # seconds without a word after which the log is asked whether it is still there


def raw(e: Any) -> Raw:
    """An event as the client gives it, in our own words."""
    return Raw(e.type, e.data, e.metadata, str(e.id), e.stream_name, e.stream_position, e.commit_position)


def of_service(service: str) -> dict[str, Any]:
    """The subscription or read options that keep the streams of one service."""
    return {"filter_include": (re.escape(f"{service}.") + ".*",), "filter_by_stream_name": True}


def between(log: Log, service: str, after: int, end: int) -> Iterator[Raw]:
    """The events of one service after one commit position and up to another, in log order."""
    try:
        with log.client.read_all(commit_position=None if after < 0 else after, **of_service(service)) as events:
            for e in events:
                if e.commit_position <= after:
                    continue  # a read is inclusive of its position
                if e.commit_position > end:
                    return
                yield raw(e)
    except (EventStoreDBClientException, ValueError) as error:  # ValueError: the channel was closed under us
        raise LogUnavailable(type(error).__name__) from error


class CaughtUp:
    """Everything that was in the log when the subscription was opened has been handed out."""


class Passed:
    """Events that the filter left out were passed up to ``position``."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


CAUGHT_UP = CaughtUp()


class Tail(Generic[T]):
    """What the log holds after a position, and then what is added to it, each event through ``read``.

    ``wake`` is called from the reading thread whenever something has come. An error ends the tail: ``take`` raises it once
    everything before it was taken, and the follower opens a new tail where it stands.
    """

    def __init__(
        self, log: Log, after: int | None, read: Callable[[Any], T], *, wake: Callable[[], None] | None = None, **subscription: Any
    ) -> None:
        self._log = log
        self._read = read
        self._queue: deque[T | Passed | CaughtUp] = deque()
        self._arrived = threading.Event()
        self._wake = wake
        self._error: BaseException | None = None
        self._stopped = False
        self._heard = time.monotonic()
        self._head: int | None = None
        try:
            self._subscription = log.client.subscribe_to_all(
                commit_position=after, include_checkpoints=True, include_caught_up=True, **subscription
            )
        except (EventStoreDBClientException, ValueError) as error:  # ValueError: the channel was closed under us
            raise LogUnavailable(type(error).__name__) from error
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
        self._thread.start()

    def take(self, most: int, timeout: float) -> list[T | Passed | CaughtUp]:
        """What has come, at most ``most``; waits up to ``timeout`` for the first. [] when nothing came in time."""
        queue = self._queue
        if not queue:
            self._arrived.clear()
            if not queue and self._error is None:
                self._arrived.wait(timeout)
        if not queue:
            if self._error is not None:
                raise self._error
            self._listen()
            return []
        self._heard, self._head = time.monotonic(), None
        return [queue.popleft() for _ in range(min(most, len(queue)))]

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def error(self) -> BaseException | None:
        return self._error

    def stop(self) -> None:
        self._stopped = True
        self._subscription.stop()

    def _run(self) -> None:
        queue, read, arrived, wake = self._queue, self._read, self._arrived, self._wake
        try:
            for e in self._subscription:
                if e.type:
                    queue.append(read(e))
                elif e.is_checkpoint:
                    queue.append(Passed(e.commit_position))
                else:
                    queue.append(CAUGHT_UP)
                if not arrived.is_set():
                    arrived.set()
                if wake is not None:
                    wake()
                if len(queue) > QUEUED:
                    while len(queue) > QUEUED // 2 and not self._stopped:
                        time.sleep(0.001)
            ended: BaseException = LogUnavailable("subscription ended")
        except EventStoreDBClientException as error:
            ended = LogUnavailable(type(error).__name__)
        except Exception as error:  # of ``read``: the follower must hear of it
            ended = error
        self._error = ended
        arrived.set()
        if wake is not None:
            wake()

    def _listen(self) -> None:
        """A half-dead connection says nothing for ever: when it was silent for long, ask the log itself, and compare."""
        if time.monotonic() - self._heard < SILENCE:
            return
        self._heard = time.monotonic()
        head = self._log.head()
        if self._head is not None and head != self._head:
            raise LogUnavailable("subscription is silent while the log grows")
        self._head = head
