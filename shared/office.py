"""The office of one service in one process (办公室): log, vault, clock, repository and read model, put together once.

Doors (RPC, reactions, timers), command-line tools and tests all work through it; it knows nothing of AMQP. ``office.then(moment)`` is the
same office looking back: what a query finds there is what was known at that moment. ``office.on_day(day)`` is it at the close of a business
day by all it knows of that day, what was entered later than it was done among it.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from shared.clock import SHANGHAI, Clock
from shared.config import Settings
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Unavailable, out_of_order
from shared.eventlog import discovery
from shared.eventlog.client import NO_STREAM, Log, LogUnavailable
from shared.eventlog.late import late_acts
from shared.eventlog.past import NotReady, Past
from shared.eventlog.preparing import Preparing
from shared.eventlog.read_model import NOTHING
from shared.eventlog.stores import engine_for
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.days import close_of, held_on
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Order
from shared.eventsourcing.repository import Loaded, Repository
from shared.security import tokens
from shared.security.vault import Vault, derived_key

S = TypeVar("S")

PATIENCE = 2.0  # seconds a query waits for the read model of a moment; what takes longer goes on in a process of its own


class Office:
    """``read`` is the engine of this service's read model; queries open their own connections on it."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.settings = settings
        self.service = service
        self.clock = Clock(settings.clock_file)
        self.log = Log(settings.eventstore_uri, data=settings.eventstore_data)
        self._keys = engine_for(settings, "vault")
        self.vault = Vault(self._keys, settings.master_key, settings.keys_kept)
        self.repository = Repository(self.log, self.vault, derived_key(settings.master_key, b"command hashes"))
        self.read: sa.Engine = engine_for(settings, service)
        self._person_key = derived_key(settings.master_key, b"person ids")
        if settings.token_private_key is not None and settings.token_public_key is not None:
            tokens.development_keys(settings.token_private_key, settings.token_public_key)
        public, jwks = settings.token_public_key, settings.token_jwks
        self.verifier = tokens.Verifier(public, jwks) if public or jwks else None

    @property
    def stores(self) -> tuple[sa.Engine, ...]:
        """The databases without which nothing can be done here: the keys and the read model."""
        return self._keys, self.read

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

    def then(self, moment: datetime) -> Office:
        """This office as of a moment that is past."""
        return _OfficeThen(self, moment)

    def on_day(self, day: date) -> Office:
        """This office at the close of a business day, by all it knows of that day; itself where the day is not over."""
        return self if day >= self.clock.now().date() else _OfficeOnDay(self, day, None)

    @cached_property
    def past(self) -> Past:
        """The read models of moments that were asked for; for a service that has one."""
        model = discovery.read_model(self.service)
        assert model is not None
        return Past(self.settings.var / "past" / self.service, model, self.log, free=self.settings.past_free)

    @cached_property
    def preparing(self) -> Preparing:
        return Preparing(self.settings, self.service)

    def close(self) -> None:
        if "past" in self.__dict__:
            self.past.close()
        self.log.close()
        self.read.dispose()
        self._keys.dispose()


class _ClockThen(Clock):
    def __init__(self, moment: datetime) -> None:
        self._moment = moment.astimezone(SHANGHAI)

    def now(self) -> datetime:
        return self._moment


class _LogThen:
    """Whoever waits until what the log holds by now is in the read model need not wait in the past."""

    def head(self, prefix: str | None = None) -> int:
        return NOTHING


class _OfficeThen(Office):
    """An office that looks back. Made for one call; nothing can be done in it."""

    def __init__(self, office: Office, moment: datetime) -> None:
        self._office, self._moment = office, moment
        self.settings, self.service, self.vault, self.verifier = office.settings, office.service, office.vault, office.verifier
        self._person_key = office._person_key
        self.clock = _ClockThen(moment)
        self.log = cast(Log, _LogThen())

    @cached_property
    def read(self) -> sa.Engine:  # type: ignore[override]
        """Made ready only when something is read from it: a query that looks at one stream needs no table."""
        office, moment = self._office, self._moment
        try:
            return self._engine()
        except NotReady as still:
            office.preparing.begin(moment)
            raise Unavailable(f"正在准备该时刻的查询数据（已完成 {still.percent}%），请稍后再试。") from None
        except (LogUnavailable, OSError, sqlite3.OperationalError, sa.exc.OperationalError) as error:  # a full disk, a file taken away
            raise Unavailable() from error

    def _engine(self) -> sa.Engine:
        return self._office.past.at(self._moment, PATIENCE)

    def then(self, moment: datetime) -> Office:
        """Further back, and never nearer than this one looks."""
        return self._office.then(min(moment, self._moment))

    def on_day(self, day: date) -> Office:
        return self if day >= self.clock.now().date() else _OfficeOnDay(self._office, day, self._moment)

    def load(self, decider: Decider[S], aggregate_id: str, as_of: datetime | None = None) -> Loaded[S]:
        return self._office.load(decider, aggregate_id, self._moment if as_of is None else min(as_of, self._moment))

    def history(self, stream: str) -> list[Recorded]:
        return [r for r in self._office.history(stream) if r.meta.recorded_at <= self._moment]

    def handle(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> Answer:
        raise out_of_order("在过去的时刻不能办理，只能查询。")

    def rehearse(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> None:
        raise out_of_order("在过去的时刻不能办理，只能查询。")

    def close(self) -> None:
        """Everything is the office's."""


class _OfficeOnDay(_OfficeThen):
    """An office at the close of a business day, by what is known now (``known`` None) or was at a moment."""

    def __init__(self, office: Office, day: date, known: datetime | None) -> None:
        super().__init__(office, close_of(day))
        self._day, self._known = day, known

    def _engine(self) -> sa.Engine:
        model = discovery.read_model(self.service)
        assert model is not None
        assert model.late is not None
        late = late_acts(self._office.read, model.late, self._day, self._known)
        return self._office.past.on_day(self._day, late, PATIENCE)

    def on_day(self, day: date) -> Office:
        return self if day >= self._day else _OfficeOnDay(self._office, day, self._known)

    def load(self, decider: Decider[S], aggregate_id: str, as_of: datetime | None = None) -> Loaded[S]:
        """Folded from what held on the day. What was known is the office's own matter, and no query's."""
        events = self.history(decider.stream(aggregate_id))
        last = events[-1] if events else None
        return Loaded(decider.fold([r.event for r in events]), last.version if last else NO_STREAM, last.position if last else NOTHING)

    def history(self, stream: str) -> list[Recorded]:
        known = self._known
        return held_on([r for r in self._office.history(stream) if known is None or r.meta.recorded_at <= known], self._day)
