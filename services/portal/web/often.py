"""How often somebody may ask (访问频次): counted in each process's memory, over a window that slides.

Two numbers are kept of each: requests of the period under way, and of the one before, which counts for the part of it that the window still
covers. So nothing is looked at but those two, however many requests there were. What a rate may look like shared/config.py says.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from flask import request
from werkzeug.exceptions import TooManyRequests

F = TypeVar("F", bound=Callable[..., Any])
_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@lru_cache(maxsize=64)
def rates(said: str) -> tuple[tuple[int, int], ...]:
    """``10/minute;30/day`` as so many in so many seconds, each of which holds."""
    parts = (part.strip().partition("/") for part in said.split(";"))
    return tuple((int(most), _PERIODS[period]) for most, _, period in parts)


def address() -> str:
    """Where a request comes from, as the proxy saw it where one was named."""
    return request.remote_addr or ""


class Limiter:
    """Counts; one is enough for all threads of a process."""

    FORGET = 10.0  # seconds between two times at which whoever counts forgets what is over

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._one = now, threading.Lock()
        self.counted: dict[tuple[str, int], tuple[int, int, int]] = {}  # whom, and of what period -> its number, the one before, its own
        self._again = 0.0
        self._exempt: set[Any] = set()

    def exempt(self, view: Any) -> None:
        """Of this view nobody is counted."""
        self._exempt.add(view)

    def counts(self, view: Any) -> bool:
        """Whether who asks for this view is counted: not who asks for none."""
        return view is not None and view not in self._exempt

    def hit(self, whom: str, said: str) -> None:
        """One request more; TooManyRequests, and it is not counted, when that is too many."""
        now = self._now()
        for most, period in rates(said):
            wait = self._count((whom, period), most, now)
            if wait is not None:
                raise TooManyRequests(retry_after=int(wait) + 1)

    def _count(self, key: tuple[str, int], most: int, now: float) -> float | None:
        """None when it is counted, or the seconds after which there is room again."""
        period = key[1]
        number, left = int(now // period), period - now % period
        with self._one:
            self._forget(now)
            counted, before, own = self.counted.get(key, (number, 0, 0))
            if counted != number:
                before, own = own if counted == number - 1 else 0, 0
            if int(before * left / period + own) < most:
                self.counted[key] = number, before, own + 1
                return None
            return left if own >= most else left - (most - own) * period / before

    def _forget(self, now: float) -> None:
        if now >= self._again:
            self._again = now + self.FORGET
            for key in [key for key, (number, _, _) in self.counted.items() if (number + 2) * key[1] <= now]:
                del self.counted[key]

    def limit(self, said: str | Callable[[], str]) -> Callable[[F], F]:
        """A view that one address may ask for so often, whatever token it shows."""

        def guard(view: F) -> F:
            @wraps(view)
            def counted(*args: Any, **kwargs: Any) -> Any:
                self.hit(f"{view.__module__}.{view.__name__} {address()}", said if isinstance(said, str) else said())
                return view(*args, **kwargs)

            return cast(F, counted)

        return guard

    def reset(self) -> None:
        """Nobody has been counted."""
        with self._one:
            self.counted.clear()
