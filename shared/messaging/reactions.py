"""Reactions on the wire (反应): one queue each, retries with growing delays, then dead letters. Nothing is lost, nothing loops.

A message is acknowledged after its effect is in the log, or after the broker has confirmed that it stands in a retry
queue or among the dead letters. Whatever is set aside is sealed: an agency's message may hold a resident ID.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import amqp
from kombu import Exchange, Queue, binding
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint

from shared import metrics, tracing
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Notice
from shared.messaging import logs, names, wire
from shared.messaging.consumer import BusQueueConsumer, Flight, raw_body
from shared.messaging.faults import Kind, kind_of, reason_of
from shared.messaging.links import Outbox
from shared.messaging.parsing import tolerant
from shared.security.permissions import ROLES
from shared.security.vault import Sealer, derived_key

LIMIT = 120.0  # seconds for one reaction; far below the broker's 30 minutes, after which it would close the channel
_PATIENT = 2  # while something is away the delay stops growing here, so that work resumes soon after it is back
Door = Callable[[Any, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class SetAside:
    """What to publish before the original is acknowledged."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    headers: dict[str, Any]


def is_agency(source: str) -> bool:
    """Whether a source is outside the house: the services of the house are those that have a hand of their own."""
    return f"service:{source}" not in ROLES


def person_at_the_door(office: Any, body: dict[str, Any]) -> dict[str, Any]:
    """The default door for agencies: the resident ID is checked and becomes a person_id (law 8)."""
    if "resident_id" not in body:
        return body
    kept = {k: v for k, v in body.items() if k != "resident_id"}
    kept["person_id"] = office.person_id(str(body["resident_id"]))
    return kept


class _Held:
    """Keys and helpers of one container's reactions, made once."""

    def __init__(self, container: Any) -> None:
        key = container.settings.master_key
        self.sealer = Sealer(key)
        self.id_key = derived_key(key, b"message ids")

    def digest(self, *parts: str | bytes) -> str:
        """Keyed, because a body may hold a resident ID and there are few enough of them to try them all."""
        joined = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
        return hmac.new(self.id_key, joined, hashlib.sha256).hexdigest()


class BusEntrypoint(Entrypoint):  # type: ignore[misc]
    """What reactions and the drain of rejected messages share: take, work on a native thread, set aside if need be, acknowledge."""

    queue_consumer = BusQueueConsumer()
    outbox = Outbox()
    lane = "bus"
    queue: Queue

    def bound(self, channel: Any) -> None:
        """The queue is there, with its bindings, and nothing is consumed yet."""

    def flight_key(self, message: Any) -> tuple[str, str] | None:
        message_id = message.properties.get("message_id")
        return (self.queue.name, message_id) if message_id else None

    def setup(self) -> None:
        self.held = _Held(self.container)
        self.queue_consumer.register_provider(self)

    def stop(self) -> None:
        self.queue_consumer.unregister_provider(self)

    def receive(self, flight: Flight) -> None:
        try:
            self.container.spawn_worker(self, (flight.message,), {}, handle_result=partial(self._worked, flight))
        except ContainerBeingKilled:
            self.queue_consumer.settle(flight, back=True)

    def work(self, service: Any, message: Any) -> SetAside | None:
        result: SetAside | None = self.container.native("bus").call(self.native, service, message, limit=LIMIT)
        return result

    def native(self, service: Any, message: Any) -> SetAside | None:
        raise NotImplementedError

    def _worked(self, flight: Flight, worker_ctx: Any, result: SetAside | None, exc_info: Any) -> tuple[None, None]:
        if exc_info is not None:
            # ``native`` turns every failure into a SetAside. If it failed itself or took too long, the message goes back,
            # which the broker counts: after ten times it is among the dead letters.
            logs.warn("reaction_broken", error=exc_info[0].__name__, at=logs.place(exc_info[2]))
            self.queue_consumer.settle(flight, back=True)
            return None, None
        if result is not None and not self._set_aside(result):
            return None, None  # killed before the broker confirmed: unacknowledged, so it comes again
        self.queue_consumer.settle(flight)
        return None, None

    def _set_aside(self, away: SetAside) -> bool:
        def message() -> Any:
            return amqp.basic_message.Message(
                away.body, content_type=wire.SEALED, delivery_mode=2, message_id=away.message_id, application_headers=away.headers
            )

        return self.outbox.publish(
            away.exchange, away.routing_key, message, self.container.declare, lambda: not self.container.being_killed
        )

    def label(self, queue: str) -> str:
        """A reaction in the metrics: its queue's name without the service; what is no queue of ours is "other"."""
        before = f"{self.container.service_name}.on."
        return queue.removeprefix(before) if queue.startswith(before) else "other"

    def dead_letter(self, envelope: wire.Envelope, code: str, text: str, now: datetime) -> SetAside:
        service = self.container.service_name
        safe = wire.safe_id(envelope.message_id, self.held.id_key) if envelope.message_id else ""
        metrics.DEAD_LETTERS.labels(service, self.label(envelope.queue), code).inc()
        logs.warn("dead_letter", service=service, queue=envelope.queue, id=safe, reason=code, tries=envelope.tries)
        headers = {
            "x-mz-queue": envelope.queue,
            "x-mz-exchange": envelope.exchange,
            "x-mz-routing-key": envelope.routing_key,
            "x-mz-id": safe,
            "x-mz-reason": code,
            "x-mz-message": text,
            "x-mz-tries": envelope.tries,
            "x-mz-first-failed": envelope.first_failed or now.isoformat(timespec="seconds"),
            "x-mz-failed-at": now.isoformat(timespec="milliseconds"),
        }
        body = wire.seal(envelope, self.held.sealer)
        # The dead letter's own id: two agencies, or two reactions, may have used the same message id.
        letter = self.held.digest(envelope.queue, envelope.message_id, envelope.body)[:12]
        return SetAside("", names.dead(service), body, letter, headers)


def envelope_of(message: Any, queue: str) -> wire.Envelope:
    info = message.delivery_info
    return wire.Envelope(
        body=raw_body(message),
        content_type=str(message.content_type or ""),
        message_id=str(message.properties.get("message_id") or ""),
        exchange=str(info.get("exchange") or ""),
        routing_key=str(info.get("routing_key") or ""),
        queue=queue,
        headers={str(k): str(v) for k, v in (message.headers or {}).items() if not str(k).startswith("x-") and k != names.FURTHER},
    )


class Reaction(BusEntrypoint):
    """``@reaction(source, event, reads=…)``, or of some of these events alone, with ``of=``"""

    def __init__(self, source: str, event: str, reads: type, door: Door | None, of: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.source, self.event, self.reads, self.of = source, event, reads, of
        self.door = door or (person_at_the_door if source and is_agency(source) else None)
        super().__init__(**kwargs)

    def setup(self) -> None:
        service = self.container.service_name
        self.source = self.source or service  # no source: the service itself
        exchange = Exchange(names.events_exchange(self.source), type="topic", durable=True, auto_delete=False)
        keys = [names.further_key(self.event, value) for value in self.of] or [self.event]
        self.queue = Queue(
            names.reaction_queue(service, self.source, self.event, self.method_name),
            bindings=[binding(exchange, key) for key in keys],  # beside which kombu forgets an exchange of the queue's own
            durable=True,
            queue_arguments=names.reaction_arguments(service),
        )
        super().setup()

    def bound(self, channel: Any) -> None:
        """What the queue was bound by before it was narrowed is taken off, for a binding outlives the release that made it. Not while a
        relay may still work that does not say the further keys: what it announces would come to no queue."""
        if self.of and _further_keys_are_said(channel):
            channel.queue_unbind(self.queue.name, names.events_exchange(self.source), self.event)

    # -- on a native thread ------------------------------------------------------------------------------------

    def native(self, service: Any, message: Any) -> SetAside | None:
        began = time.perf_counter()
        logs.here.correlation = ""
        reaction = self.label(self.queue.name)
        outcome = metrics.OK
        try:
            away = self._react(service, message)
            if away is not None:
                outcome = "dead" if away.routing_key == names.dead(self.container.service_name) else "retry"
            return away
        finally:
            metrics.REACTIONS.labels(self.container.service_name, reaction, outcome).inc()
            metrics.REACTION_SECONDS.labels(self.container.service_name, reaction).observe(time.perf_counter() - began)
            logs.here.correlation = ""

    def _react(self, service: Any, message: Any) -> SetAside | None:
        envelope = envelope_of(message, self.queue.name)
        span: tracing.Span | None = None
        outcome = metrics.OK
        notice: Notice[Any] | None = None
        try:
            if message.content_type == wire.SEALED:
                envelope = wire.unseal(envelope.body, self.held.sealer)
            notice = self.notice(service.office, envelope)
            logs.here.correlation = notice.correlation_id or notice.event_id
            if tracing.on():
                span = self._span(notice, envelope.tries)
            getattr(service, self.method_name)(notice)
        except Exception as error:
            outcome = reason_of(error)[0]
            return self._failed(envelope, error, service.office.clock.now())
        finally:
            if span is not None and notice is not None:
                told = {"service": self.container.service_name, "method": self.method_name, "event": notice.type}
                span.end(logs.here.correlation, outcome, failed=outcome != metrics.OK, event_id=notice.event_id, **told)
        logs.say("reacted", 10, queue=self.queue.name, id=notice.event_id)
        return None

    def _span(self, notice: Notice[Any], tries: int) -> tracing.Span | None:
        """Hangs on the event's own span; an agency's message has none, and is where a trace begins."""
        own = tracing.span_id("reaction", notice.event_id, self.queue.name, str(tries))
        parent = tracing.event_span(notice.event_id) if notice.position is not None else 0
        return tracing.begin(notice.reaction, tracing.CONSUMER, own, parent)

    def notice(self, office: Any, envelope: wire.Envelope) -> Notice[Any]:
        if not wire.is_json(envelope.content_type):
            raise Refused("invalid_input", "消息的内容类型须为 application/json。", None)
        body = wire.decode(envelope.body)
        if not isinstance(body, dict):
            raise Refused("invalid_input", "消息须为 JSON 对象。", None)
        if self.door is not None:
            body = self.door(office, body)
        headers = {k: v for k, v in envelope.headers.items() if k.startswith("cloudEvents_")}
        return Notice(
            facts=tolerant(self.reads, body),
            event_id=self._event_id(envelope),
            source=self.source,
            type=f"{self.source}.{self.event}",
            reaction=f"{self.container.service_name}.{self.method_name}",
            hand=Hand.service(self.container.service_name),
            now=office.clock.now(),
            correlation_id=wire.safe_id(headers.get("cloudEvents_correlationid", ""), self.held.id_key),
            occurred_at=_time(headers.get("cloudEvents_time")),
            position=int(headers["cloudEvents_position"]) if headers.get("cloudEvents_position", "").isdigit() else None,
            headers=headers,
        )

    def _event_id(self, envelope: wire.Envelope) -> str:
        if envelope.message_id:
            return wire.safe_id(envelope.message_id, self.held.id_key)
        # Not the exchange of this delivery: a retry comes by another way and must have the same id.
        return self.held.digest(names.events_exchange(self.source), self.event, envelope.body)

    def _failed(self, envelope: wire.Envelope, error: Exception, now: datetime) -> SetAside:
        delays = self.container.settings.retry_delays
        kind = kind_of(error)
        code, text = reason_of(error)
        envelope.tries += 1
        envelope.first_failed = envelope.first_failed or now.isoformat(timespec="seconds")
        if kind is Kind.AWAY and delays:
            envelope.away += 1
            delay = delays[min(envelope.away, len(delays), _PATIENT + 1) - 1]
        elif kind is Kind.REFUSED or envelope.tries - envelope.away > len(delays):
            return self.dead_letter(envelope, code, text, now)
        else:
            delay = delays[envelope.tries - envelope.away - 1]
        safe = wire.safe_id(envelope.message_id, self.held.id_key) if envelope.message_id else ""
        metrics.RETRIES.labels(self.container.service_name, self.label(envelope.queue), code).inc()
        logs.say("retry", queue=envelope.queue, id=safe, reason=code, tries=envelope.tries, delay=delay, at=logs.place(error.__traceback__))
        # The routing key is the reaction's own queue: that is where the retry queue's dead-lettering takes it back to.
        return SetAside(names.retry(delay), self.queue.name, wire.seal(envelope, self.held.sealer), safe, {"x-mz-tries": envelope.tries})


def _further_keys_are_said(channel: Any) -> bool:
    asking = channel.connection.channel()  # its own: the broker closes one on which something is asked for that is not there
    try:
        asking.exchange_declare(names.FURTHER_KEYS, "topic", passive=True)
    except amqp.exceptions.NotFound:
        return False
    asking.close()
    return True


class Rejected(BusEntrypoint):
    """Drains what the broker set aside itself (delivery limit), sealing it into the dead letters."""

    def setup(self) -> None:
        self.queue = Queue(names.rejected(self.container.service_name), durable=True, queue_arguments=names.kept_arguments())
        if any(isinstance(e, Reaction) for e in self.container.entrypoints):
            super().setup()

    def native(self, service: Any, message: Any) -> SetAside | None:
        headers = message.headers or {}
        deaths = headers.get("x-death") or [{}]
        origin = str(headers.get("x-first-death-queue") or deaths[-1].get("queue") or "")
        envelope = envelope_of(message, origin)
        envelope.exchange = str(deaths[-1].get("exchange") or "")
        envelope.routing_key = str((deaths[-1].get("routing-keys") or [""])[0])
        try:
            if message.content_type == wire.SEALED:  # it was on a retry when it broke the worker
                envelope = wire.unseal(envelope.body, self.held.sealer)
        except Refused:
            pass  # not ours: kept as it is
        return self.dead_letter(envelope, "delivery_limit", "处理中进程多次中断，消息总线已停止投递。", service.office.clock.now())


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
