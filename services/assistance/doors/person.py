"""Person doors (人员)."""

from __future__ import annotations

from shared.messaging.doors import Service


class PersonDoors(Service):
    """人员."""
