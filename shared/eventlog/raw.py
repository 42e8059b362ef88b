"""An event as the log carries it (原始事件): bytes, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Raw:
    """An event as bytes, to append or as read."""

    name: str
    data: bytes
    metadata: bytes
    id: str
    stream: str = ""
    version: int = -1
    position: int = -1
