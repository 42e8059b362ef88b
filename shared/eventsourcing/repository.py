"""The one command handler of the house (仓储): load, decide, append with the version that was read.

Nothing else appends domain events. A clash is decided again; a command id that the stream already holds returns what it
returned the first time; a refusal is never made on a stale state.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from shared import metrics, tracing
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.client import NO_STREAM, Log, LogUnavailable, Raw, WrongVersion
from shared.eventsourcing import codec
from shared.eventsourcing.codec import Meta, Recorded
from shared.eventsourcing.commands import command_type
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import ERASED, type_of
from shared.eventsourcing.orders import Answer, Order, derived_id
from shared.security.permissions import permit, within
from shared.security.vault import Vault

S = TypeVar("S")
_GONE = ERASED.encode()
_TRIES = 8  # a command that clashes this often meets a stream that should be split


@dataclass(frozen=True, slots=True)
class _Done:
    """What a command did the first time."""

    hash: str
    version: int
    position: int
    events: tuple[str, ...]


@dataclass(slots=True)
class Loaded(Generic[S]):
    """An aggregate folded up to ``version`` (-1 = there is no stream)."""

    state: S
    version: int = NO_STREAM
    position: int = -1
    done: dict[str, _Done] | None = None
    erasures: int = -1  # how many persons were erased when its personal fields were opened


class Repository:
    """Loads and changes aggregates. Thread-safe; one per process.

    It keeps the states of ``kept`` streams at most, and no more than ``events`` were folded into together: a state grows with
    its stream (facts by month, the commands it has done), so a number of streams alone would bound no memory.
    """

    def __init__(self, log: Log, vault: Vault, hash_key: bytes, kept: int = 4_000, events: int = 20_000) -> None:
        self._log = log
        self._vault = vault
        self._hash_key = hash_key
        self._kept, self._most_events = kept, events
        self._cache: OrderedDict[str, Loaded[Any]] = OrderedDict()
        self._weight = 0  # events in the kept states
        self._erasures = -1  # of the vault, when what is in memory was folded
        self._lock = threading.Lock()

    def handle(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> Answer:
        """Decide a command and append its events. Raises Refused (typed) or Unavailable; nothing is ever half done."""
        if not tracing.on():
            return self._handle(decider, aggregate_id, order)
        span = tracing.begin(type(order.command).__name__)
        outcome = "ok"
        try:
            answer = self._handle(decider, aggregate_id, order)
            if answer.repeated or not answer.events:
                outcome = "repeated" if answer.repeated else "nothing"
            elif span is not None:
                span.id = tracing.append_span(answer.stream, order.command_id)  # what the events' own spans hang on
            return answer
        except Refused as refused:
            outcome = refused.code
            raise
        finally:
            if span is not None:
                told = {"service": decider.service, "aggregate": decider.category, "command_id": order.command_id}
                span.end(order.correlation_id or order.command_id, outcome, failed=outcome == "unavailable", **told)

    def _handle(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> Answer:
        permit(order.hand, command_type(order.command).permission_in(decider.service))
        stream = decider.stream(aggregate_id)
        body_hash = self._hash(order)
        loaded = self._kept_state(decider, stream)
        fresh = loaded is None
        for _ in range(_TRIES):
            if loaded is None:
                loaded, fresh = self._read_on(decider, stream, None), True
            done = (loaded.done or {}).get(order.command_id)
            if done is not None:
                if not hmac.compare_digest(done.hash, body_hash):
                    raise Refused("command_id_reused", "该指令编号已用于另一内容。", "command_id")
                return Answer(stream, aggregate_id, done.version, done.position, done.events, repeated=True)
            try:
                where = decider.where_of(loaded.state, order.command)
                within(order.hand, where)
                if order.expected_version is not None and order.expected_version != loaded.version:
                    raise Refused("version_conflict", "记录已被他人更新，请刷新后重试。", "expected_version")
                decided = tuple(decider.decide[type(order.command)](loaded.state, order.command, order))
            except Refused:
                if fresh:
                    raise
                # The kept state may be behind: look once more before refusing anybody.
                loaded, fresh = self._read_on(decider, stream, loaded), True
                continue
            if not decided:
                if not fresh:
                    loaded, fresh = self._read_on(decider, stream, loaded), True
                    continue
                return Answer(stream, aggregate_id, loaded.version, loaded.position, ())
            where = where or decider.division(decider.fold(decided, loaded.state))
            meta = Meta(
                correlation_id=order.correlation_id or order.command_id,
                causation_id=order.causation_id or order.command_id,
                command_id=order.command_id,
                command_hash=body_hash,
                schema=1,
                actor=order.hand.actor,
                division=where,
                occurred_at=order.occurred_at or order.now,
                recorded_at=order.now,
            )
            raws = [self._raw(event, meta, stream, n) for n, event in enumerate(decided)]
            try:
                position = self._log.append(stream, raws, loaded.version)
            except WrongVersion:
                metrics.CONFLICTS.labels(decider.service).inc()
                loaded, fresh = self._read_on(decider, stream, loaded), True
                continue
            except LogUnavailable as error:
                self._forget(stream)
                raise Unavailable() from error
            names = tuple(r.name for r in raws)
            for name in names:
                metrics.APPENDED.labels(decider.service, name).inc()
            version = loaded.version + len(raws)
            ids = dict(loaded.done or {})
            ids[order.command_id] = _Done(body_hash, version, position, names)
            if any(_GONE in raw.data for raw in raws):
                self._forget(stream)  # of an erased person the log keeps less than was decided
            else:
                self._keep(stream, Loaded(decider.fold(decided, loaded.state), version, position, ids, loaded.erasures))
            return Answer(stream, aggregate_id, version, position, names)
        raise Unavailable("该记录正被频繁更新，请稍后重试。")

    def rehearse(self, decider: Decider[S], aggregate_id: str, order: Order[Any]) -> None:
        """Decide without appending: raises what ``handle`` would raise now. For commands that must go before others."""
        permit(order.hand, command_type(order.command).permission_in(decider.service))
        loaded = self.load(decider, aggregate_id)
        if order.command_id not in (loaded.done or {}):
            within(order.hand, decider.where_of(loaded.state, order.command))
            decider.decide[type(order.command)](loaded.state, order.command, order)

    def load(self, decider: Decider[S], aggregate_id: str, as_of: datetime | None = None) -> Loaded[S]:
        """The aggregate as the log has it now, or as we knew it at ``as_of`` (by recorded_at)."""
        stream = decider.stream(aggregate_id)
        if as_of is None:
            return self._read_on(decider, stream, self._kept_state(decider, stream))
        events = [r for r in self.history(stream) if r.meta.recorded_at <= as_of]
        last = events[-1] if events else None
        return Loaded(decider.fold([r.event for r in events]), last.version if last else NO_STREAM, last.position if last else -1)

    def history(self, stream: str) -> list[Recorded]:
        """Every event of a stream with its metadata, personal fields opened."""
        try:
            raws = self._log.read(stream)
        except LogUnavailable as error:
            raise Unavailable() from error
        self._vault.know(person for r in raws for person in codec.sealed_for(r.data))
        return [self._recorded(raw) for raw in raws]

    # -- inside ------------------------------------------------------------------------------------------------

    def _hash(self, order: Order[Any]) -> str:
        asked = order.command if order.asked is None else order.asked
        body = type(asked).__name__.encode() + b"\0" + msgspec.json.encode(asked, order="deterministic")
        return hmac.new(self._hash_key, body, hashlib.sha256).hexdigest()[:32]

    def _raw(self, event: Any, meta: Meta, stream: str, n: int) -> Raw:
        service = stream.split(".", 1)[0]
        name, data = codec.encode(event, self._vault.seal, service)
        version = type_of(event, service).version
        stamped = meta if version == meta.schema else msgspec.structs.replace(meta, schema=version)
        # Body and time are in the id: the log answers a second append of the same ids with success, whatever is in it, and what would
        # be folded then is not what it holds. Only a repeat of this very append is one; any other races, loses and reads the first.
        event_id = derived_id(stream, meta.command_id, meta.command_hash, meta.recorded_at.isoformat(), str(n))
        return Raw(name, data, codec.encode_meta(stamped), event_id)

    def _recorded(self, raw: Raw) -> Recorded:
        return codec.recorded(raw, self._vault.open)

    def _read_on(self, decider: Decider[S], stream: str, known: Loaded[S] | None) -> Loaded[S]:
        start = 0 if known is None else known.version + 1
        erasures = self._erasures if known is None else known.erasures
        try:
            raws = self._log.read(stream, start)
        except LogUnavailable as error:
            raise Unavailable() from error
        if known is not None and not raws:
            return known
        self._vault.know(person for r in raws for person in codec.sealed_for(r.data))
        recorded = [self._recorded(r) for r in raws]
        loaded = self._folded(decider, recorded, known)
        loaded.erasures = erasures
        self._keep(stream, loaded)
        return loaded

    def _folded(self, decider: Decider[S], recorded: Sequence[Recorded], known: Loaded[S] | None) -> Loaded[S]:
        loaded = (
            Loaded(decider.initial, done={})
            if known is None
            else Loaded(known.state, known.version, known.position, dict(known.done or {}))
        )
        done = loaded.done if loaded.done is not None else {}
        for r in recorded:
            loaded.state = decider.evolve(loaded.state, r.event)
            loaded.version, loaded.position = r.version, r.position
            earlier = done.get(r.meta.command_id)
            done[r.meta.command_id] = _Done(r.meta.command_hash, r.version, r.position, (earlier.events if earlier else ()) + (r.name,))
        loaded.done = done
        return loaded

    def _kept_state(self, decider: Decider[S], stream: str) -> Loaded[S] | None:
        self._drop_if_erased()
        with self._lock:
            found = self._cache.get(stream)
            if found is not None:
                self._cache.move_to_end(stream)
            return found

    def _drop_if_erased(self) -> None:
        """States hold personal fields opened: when anybody was erased, all of them are folded anew (it is rare, and they are few)."""
        erasures = self._vault.erasures()
        with self._lock:
            if erasures != self._erasures:
                self._cache.clear()
                self._weight = 0
                self._erasures = erasures

    def _keep(self, stream: str, loaded: Loaded[Any]) -> None:
        with self._lock:
            if loaded.erasures != self._erasures:
                return  # somebody was erased while this was folded
            kept = self._cache.get(stream)
            if kept is None or kept.version <= loaded.version:  # another thread may have read further meanwhile
                self._weight += loaded.version - (NO_STREAM if kept is None else kept.version)
                self._cache[stream] = loaded
            self._cache.move_to_end(stream)
            while len(self._cache) > 1 and (len(self._cache) > self._kept or self._weight > self._most_events):
                self._weight -= self._cache.popitem(last=False)[1].version - NO_STREAM

    def _forget(self, stream: str) -> None:
        with self._lock:
            gone = self._cache.pop(stream, None)
            if gone is not None:
                self._weight -= gone.version - NO_STREAM
