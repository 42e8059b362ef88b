"""Standards doors (标准)."""

from __future__ import annotations

from shared.messaging.doors import Service


class StandardsDoors(Service):
    """标准."""
