"""MeansTest doors (家庭经济状况核对)."""

from __future__ import annotations

from shared.messaging.doors import Service


class MeansTestDoors(Service):
    """家庭经济状况核对."""
