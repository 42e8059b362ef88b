"""Dead letters (死信): list, show, replay and discard. Plain threads and pika, for the command line and for tests.

A letter is looked at by taking it without acknowledging it, by one at a time (in_hand.py); leaving gives everything back. Replaying
publishes it to the queue of the one reaction it was for, waits for the broker's confirm, and only then acknowledges the letter: a crash
in between leaves a double, which the event id makes harmless. Discarding moves it to ``<service>.discarded`` in the same way.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import pika
from pika.exceptions import AMQPConnectionError, AMQPError, ChannelClosedByBroker, UnroutableError

from shared.clock import SHANGHAI
from shared.domain.errors import Refused, Unavailable
from shared.messaging import in_hand, names, wire
from shared.security.vault import Sealer

_PATIENCE = 2.0  # seconds; a quorum queue gives back, and takes down what was acknowledged, in its own time
_NO_SUCH_QUEUE = 404
# Why a message was set aside, in words; what is not here is the class of an exception.
REASONS = {
    "invalid_input": "内容不合要求",
    "too_large": "内容过大",
    "command_id_reused": "同一编号内容不同",
    "not_found": "找不到对象",
    "unknown_person": "查无此人",
    "delivery_limit": "多次使进程中断",
    "forbidden": "无权办理",
    "out_of_order": "步骤次序不符",
}
# Shown in the clear; of every other text only its length: what an agency sends may name people anywhere.
_PLAIN = frozenset({"type", "reason", "outcome", "step", "programme", "division", "status", "currency", "month"})


@dataclass(frozen=True)
class Letter:
    """One dead letter as far as it may be seen; the body stays sealed until it is shown."""

    id: str
    service: str
    queue: str  # the reaction it was for
    exchange: str
    routing_key: str
    event_id: str
    reason: str  # code of the refusal or class of the exception
    message: str
    tries: int
    first_failed: str
    failed_at: str
    body: bytes
    headers: dict[str, Any]
    tag: int = 0


Before = Callable[[Letter], None]


def _nothing(letter: Letter) -> None:
    """Tests and benches need no record."""


class DeadLetters:
    """The dead letters of some services. Not thread-safe; one connection, opened for each call.

    ``before`` is called with a letter that was found, before it is moved: operators' tools record the act there (shared/operations.py).
    """

    def __init__(self, amqp_uri: str, master_key: bytes, services: tuple[str, ...]) -> None:
        self._parameters = pika.URLParameters(amqp_uri)
        self._parameters.socket_timeout = 5
        self._parameters.blocked_connection_timeout = 10
        self._sealer = Sealer(master_key)
        self._services = services
        self._held: dict[int, str] = {}  # what was taken and not yet moved: tag → queue

    def list(self) -> Sequence[Letter]:
        """All letters, the oldest first."""
        with self._channel() as channel:
            letters = [replace(letter, tag=0) for service in self._services for letter in self._taken(channel, service)]
        return sorted(letters, key=lambda letter: (letter.failed_at, letter.id))

    def show(self, letter_id: str) -> tuple[Letter, dict[str, Any]]:
        """A letter and its unsealed content with texts masked, fit for a screen."""
        with self._channel() as channel:
            letter = self._find(channel, letter_id)[0]
        envelope = wire.unseal(letter.body, self._sealer)
        try:
            body: Any = masked(msgspec.json.decode(envelope.body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = f"〔不是 JSON，{len(envelope.body)} 字节〕"
        return letter, {"content_type": envelope.content_type[:80], "bytes": len(envelope.body), "body": body}

    def replay(self, letter_id: str, before: Before = _nothing) -> Letter:
        """Give a letter (all of that id) back to its reaction."""
        with self._channel() as channel:
            found = self._find(channel, letter_id)
            for letter in found:
                body = self._again(channel, letter)
                before(letter)
                self._move(channel, letter, letter.queue, body, _replayed(letter))
            return found[0]

    def replay_all(self, before: Before = _nothing, only: Callable[[Letter], bool] = lambda letter: True) -> tuple[int, Sequence[Letter]]:
        """(how many were given back, those whose reaction no longer exists and which therefore stay); ``only``: of these."""
        done: set[str] = set()
        left: deque[Letter] = deque()
        with self._channel() as channel:
            for service in self._services:
                for letter in self._taken(channel, service):
                    if letter.id in done or not only(letter):
                        continue  # it has failed again already, or is a double; it stays for the next time
                    try:
                        body = self._again(channel, letter)
                    except Refused:
                        left.append(letter)
                        continue
                    before(letter)  # what cannot be recorded is not moved, nor is any that comes after it
                    self._move(channel, letter, letter.queue, body, _replayed(letter))
                    done.add(letter.id)
                self._give_back(channel)
        return len(done), tuple(left)

    def discard(self, letter_id: str, reason: str, by: str = "", before: Before = _nothing) -> Letter:
        """Move a letter (all of that id) aside for good, with the reason; it is kept, sealed, for 30 days."""
        if not reason.strip():
            raise Refused("invalid_input", "须说明丢弃的理由。", "reason")
        if wire.holds_resident_id(reason):
            raise Refused("invalid_input", "理由中不得含有身份证号码。", "reason")
        with self._channel() as channel:
            found = self._find(channel, letter_id)
            self._must_be_there(channel, names.discarded(found[0].service))
            before(found[0])
            for letter in found:
                told = {
                    **letter.headers,
                    "x-mz-discarded": reason.strip()[:500],
                    "x-mz-discarded-by": by,
                    "x-mz-discarded-at": datetime.now(SHANGHAI).isoformat(timespec="seconds"),
                }
                self._move(channel, letter, names.discarded(letter.service), letter.body, told)
            return found[0]

    # -- inside ------------------------------------------------------------------------------------------------

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        try:
            connection = pika.BlockingConnection(self._parameters)
        except (AMQPConnectionError, OSError):
            raise Unavailable("无法连接消息总线，请确认它正在运行。") from None
        try:
            with in_hand.alone(connection):
                self._held = {}
                channel = connection.channel()
                channel.confirm_delivery()
                try:
                    yield channel
                finally:
                    with suppress(AMQPError):
                        self._give_back(channel)
        except AMQPError as error:
            raise Unavailable(f"与消息总线的连接中断（{type(error).__name__}），未完成的部分可重新执行。") from None
        finally:
            if connection.is_open:
                connection.close()

    def _taken(self, channel: Any, service: str, queue: str = "") -> Iterator[Letter]:
        """Take the (dead) letters of a service one by one, until they are moved or given back."""
        queue = queue or names.dead(service)
        if not _is_there(channel, queue):
            return  # no worker of it has ever run here
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None:
                return
            self._held[method.delivery_tag] = queue
            yield _letter(service, method.delivery_tag, properties, body)

    def _give_back(self, channel: Any) -> None:
        """All that was taken and not moved; over when the queues have it again: whoever counts next must not find it gone."""
        held, self._held = Counter(self._held.values()), {}
        if not held or not channel.is_open:
            return
        channel.basic_nack(0, multiple=True, requeue=True)
        until = time.monotonic() + _PATIENCE
        for queue, count in held.items():
            while channel.queue_declare(queue, passive=True).method.message_count < count and time.monotonic() < until:
                time.sleep(0.02)

    def _find(self, channel: Any, letter_id: str) -> Sequence[Letter]:
        until = time.monotonic() + _PATIENCE
        while True:
            taken = [letter for service in self._services for letter in self._taken(channel, service)]
            found = [letter for letter in taken if letter.id == letter_id]
            if found:
                return found
            self._give_back(channel)
            if time.monotonic() > until:
                raise Refused("not_found", f"没有编号为 {letter_id} 的死信。", "id")
            time.sleep(0.2)

    def _again(self, channel: Any, letter: Letter) -> bytes:
        """The message as its reaction is to have it again; Refused, before anything is recorded, when it cannot be given back."""
        try:
            envelope = wire.unseal(letter.body, self._sealer)
        except Refused:
            raise Refused("invalid_input", "死信无法解封：主密钥与封存时不同，或内容已损坏。", None) from None
        again = wire.Envelope(
            body=envelope.body,
            content_type=envelope.content_type,
            message_id=envelope.message_id,
            exchange=envelope.exchange,
            routing_key=envelope.routing_key,
            queue=envelope.queue,
            headers=envelope.headers,
        )
        if not letter.queue.startswith(f"{letter.service}.on."):
            raise Refused("not_found", "死信没有注明原来的反应，无法重放。", None)
        self._must_be_there(channel, letter.queue)
        return wire.seal(again, self._sealer)

    def _must_be_there(self, channel: Any, queue: str) -> None:
        if not _is_there(channel, queue):
            raise Refused("not_found", f"队列 {queue} 已不存在，死信保留。", None)

    def _move(self, channel: Any, letter: Letter, queue: str, body: bytes, headers: dict[str, Any]) -> None:
        properties = pika.BasicProperties(content_type=wire.SEALED, delivery_mode=2, message_id=letter.id, headers=headers)
        try:
            channel.basic_publish("", queue, body, properties, mandatory=True)  # returns when it is confirmed
        except UnroutableError:
            raise Refused("not_found", f"队列 {queue} 已不存在，死信保留。", None) from None
        channel.basic_ack(letter.tag)
        self._held.pop(letter.tag, None)


def _replayed(letter: Letter) -> dict[str, str]:
    return {"x-mz-replayed": letter.id}


def _is_there(channel: Any, queue: str) -> bool:
    """Whether the broker has this queue; asked on a channel of its own, which is closed for having asked in vain."""
    asking = channel.connection.channel()
    try:
        asking.queue_declare(queue, passive=True)
    except ChannelClosedByBroker as refused:
        if refused.reply_code != _NO_SUCH_QUEUE:
            raise
        return False
    asking.close()
    return True


def _letter(service: str, tag: int, properties: Any, body: bytes) -> Letter:
    headers = dict(properties.headers or {})

    def text(name: str) -> str:
        return str(headers.get(f"x-mz-{name}") or "")

    return Letter(
        id=str(properties.message_id or ""),
        service=service,
        queue=text("queue"),
        exchange=text("exchange"),
        routing_key=text("routing-key"),
        event_id=text("id"),
        reason=text("reason"),
        message=text("message"),
        tries=int(headers.get("x-mz-tries") or 0),
        first_failed=text("first-failed"),
        failed_at=text("failed-at"),
        body=body,
        headers={k: v for k, v in headers.items() if k.startswith("x-mz-")},
        tag=tag,
    )


def masked(value: Any, name: str = "") -> Any:
    """The shape of a body with its personal side hidden: numbers, dates and a few known words stay, texts become their length."""
    if isinstance(value, dict):
        return {(k if len(k) <= 40 and not wire.holds_resident_id(k) else "〔…〕"): masked(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v, name) for v in value[:20]] + ([f"〔另有 {len(value) - 20} 项〕"] if len(value) > 20 else [])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if abs(value) < 10**10 else "〔已隐去，数值〕"  # a resident ID or an account number may come as a number
    if isinstance(value, str):
        if name in _PLAIN and len(value) <= 60 and not wire.holds_resident_id(value):
            return value
        if _is_time(value) or (len(value) == 32 and name.endswith("person_id")):
            return value
        return f"〔已隐去，{len(value)} 字〕"
    return value


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "-" in value  # "20230701" reads as a date too, and so do other numbers
