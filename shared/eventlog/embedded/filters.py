"""Which events of $all a reader asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_REMEMBERED = 8192


class Filter:
    """A test on the event's type or its stream's name; answers are remembered, for types repeat."""

    def __init__(self, by_stream: bool, test: Callable[[str], bool], interval: int) -> None:
        self.by_stream = by_stream
        self.interval = interval  # a checkpoint is due after so many events considered
        self._test = test
        self._known: dict[str, bool] = {}

    def allows(self, text: str) -> bool:
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[text] = self._test(text)
        return known


def from_request(options: Any) -> Filter:
    """Build a filter from ``ReadReq.Options.FilterOptions``. Raises ValueError for one that cannot be."""
    which = options.WhichOneof("filter")
    if which is None:
        raise ValueError("no filter")
    window = options.WhichOneof("window")
    if window is None:
        raise ValueError("no window")
    expression = getattr(options, which)
    size = max(1, options.max) if window == "max" else 32
    return Filter(which == "stream_identifier", _test(expression), size * max(1, options.checkpointIntervalMultiplier))


def _test(expression: Any) -> Callable[[str], bool]:
    if expression.regex:
        # The server's patterns are .NET's: unanchored, and with (?<name>…) where Python writes (?P<name>…).
        try:
            pattern = re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", expression.regex))
        except re.error as error:
            raise ValueError("bad pattern") from error
        return lambda text: pattern.search(text) is not None
    prefixes = tuple(expression.prefix)
    return lambda text: text.startswith(prefixes)
