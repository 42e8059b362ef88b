"""The office of one service in one process (办公室): log, vault, clock, repository and read model, put together once.

Doors (RPC, reactions, timers), command-line tools and tests all work through it; it knows nothing of AMQP.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from shared.clock import Clock
from shared.config import Settings
from shared.domain import resident_id as resident_ids
from shared.eventlog.client import Log
from shared.eventlog.stores import engine_for
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Order
from shared.eventsourcing.repository import Loaded, Repository
from shared.security import tokens
from shared.security.vault import Vault, derived_key

S = TypeVar("S")


class Office:
    """``read`` is the engine of this service's read model; queries open their own connections on it."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.settings = settings
        self.service = service
        self.clock = Clock(settings.clock_file)
        self.log = Log(settings.eventstore_uri, data=settings.eventstore_data)
        self.vault = Vault(engine_for(settings, "vault"), settings.master_key)
        self.repository = Repository(self.log, self.vault, derived_key(settings.master_key, b"command hashes"))
        self.read: sa.Engine = engine_for(settings, service)
        self._person_key = derived_key(settings.master_key, b"person ids")
        if settings.token_private_key is not None and settings.token_public_key is not None:
            tokens.development_keys(settings.token_private_key, settings.token_public_key)
        self.verifier = tokens.Verifier(settings.token_public_key) if settings.token_public_key else None

    def handle(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> Answer:
        return self.repository.handle(decider, aggregate_id, order)

    def load(self, decider: Decider[S], aggregate_id: str, as_of: datetime | None = None) -> Loaded[S]:
        return self.repository.load(decider, aggregate_id, as_of)

    def history(self, stream: str) -> list[Recorded]:
        """Every event of a stream, personal fields opened."""
        return self.repository.history(stream)

    def rehearse(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> None:
        """Raise what ``handle`` would refuse now, and append nothing."""
        self.repository.rehearse(decider, aggregate_id, order)

    def pseudonym(self, kind: str, text: str) -> str:
        """A keyed id for something that is named by text from outside (a household number 户号): repeats meet the same record."""
        return hmac.new(self._person_key, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()[:32]

    def person_id(self, resident_id: str) -> str:
        """The pseudonym of a checked resident ID (公民身份号码)."""
        return resident_ids.person_id(resident_id, self._person_key)

    def close(self) -> None:
        self.log.close()
        self.read.dispose()
