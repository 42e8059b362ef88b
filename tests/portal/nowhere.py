"""A portal to which nothing is connected: whoever gets past the door would meet 503."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from shared.config import Settings, load
from shared.security import tokens


def unconnected(var: Path) -> Settings:
    """Settings of such a portal, with keys of its own and no limit that a test would meet."""
    told = load({"MINZHENG_VAR": str(var), "AMQP_URI": "amqp://guest:guest@127.0.0.1:1/", "EVENTSTORE_URI": "esdb://127.0.0.1:1?Tls=false"})
    assert told.token_private_key is not None
    assert told.token_public_key is not None
    tokens.development_keys(told.token_private_key, told.token_public_key)
    return dataclasses.replace(told, portal_rate="1000000/minute")
