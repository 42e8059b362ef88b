"""Determination doors (困难类别)."""

from __future__ import annotations

from shared.messaging.doors import Service


class DeterminationDoors(Service):
    """困难类别."""
