"""Temporary doors (临时救助)."""

from __future__ import annotations

from shared.messaging.doors import Service


class TemporaryDoors(Service):
    """临时救助."""
