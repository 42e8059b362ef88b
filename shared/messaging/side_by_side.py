"""The same for many things, side by side (并行): native threads for one step that waits mostly for the log.

A door's work runs on a native thread already (``boundary.py``); here that thread gets a few helpers for as long as the step takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.messaging import green  # noqa: F401  before eventlet

# isort: split
from eventlet import patcher

THREADS = 8

_threading: Any = patcher.original("threading")


def side_by_side(do: Callable[[Any], Any], what: Sequence[Any], threads: int = THREADS) -> list[Any]:
    """``[do(one) for one in what]``; after the first error nothing new is begun, and it is raised once all have stopped."""
    found: list[Any] = [None] * len(what)
    errors: list[BaseException] = []
    numbers = iter(range(len(what)))
    lock = _threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            try:
                found[n] = do(what[n])
            except BaseException as error:
                errors.append(error)
                return

    helpers = [_threading.Thread(target=work, name=f"side-by-side-{n}", daemon=True) for n in range(min(threads, len(what)))]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
    return found
