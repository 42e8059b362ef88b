"""One connection of the relay to the broker (会话): lease, window of unconfirmed messages, back-pressure, drain.

The lease is an exclusive queue on the same connection that publishes. The broker frees it when it considers that connection
gone, and a connection that is gone cannot publish: so a relay that has lost the lease has also lost the power to do harm,
whatever it believes. The checkpoint's expected version (mark.py) is the second fence, for a broker that is itself split.

Everything here runs on pika's loop in one thread, except what says otherwise.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection

from shared import metrics, tracing
from shared.eventlog.client import Log
from shared.eventlog.reader import Passed
from shared.eventlog.relay import forms, mark
from shared.eventlog.relay.forms import Forms, Message, Traced, Unpublished
from shared.eventlog.relay.frames import CHANNEL
from shared.eventlog.tail import Tail
from shared.health import beat
from shared.messaging import names

LEASE_CHANNEL = 2
LEASE_PAUSE = 0.5  # seconds between two tries of a relay that stands by
TICK = 0.2
GATHER = 0.003  # seconds for a fuller write while there is a backlog; an event of the moment never waits
FEW = 100  # messages that are too few to send while there is a backlog
SHARE = 8  # when the window has been full, wait until this part of it is free: fewer and larger writes
DRAIN = 5.0  # seconds to wait for confirms when stopping
LOCKED = 405  # the broker's word for "somebody else has this exclusive queue"
OF_EVERYBODY = {"filter_exclude": (r"relay\..*", r"\$.*"), "filter_by_stream_name": True}
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Options:
    """How a relay works; the defaults are for service, tests change them."""

    name: str = "main"
    window: int = 500  # unconfirmed messages
    every: int = mark.EVERY
    seconds: float = mark.SECONDS
    heartbeat: int = 20
    services: frozenset[str] = frozenset()  # whose every event type must be known


@dataclass
class Counts:
    """What a relay has done since it started."""

    published: int = 0
    confirmed: int = 0
    unroutable: Counter[str] = field(default_factory=Counter)


class BrokerUnavailable(Exception):
    """The broker is away, or ended the connection, or refused a message: begin again from the last confirmed event."""


def _guarded(step: Callable[..., None]) -> Callable[..., None]:
    """pika takes an error in a callback for a lost connection: keep ours, and end the session with it."""

    def guarded(self: Session, *arguments: Any) -> None:
        try:
            step(self, *arguments)
        except Exception as error:
            self._end(error)

    return guarded


class Session:
    """``run`` returns when ``stopping`` was set, and raises whatever else ended the session."""

    def __init__(
        self,
        uri: str,
        log: Log,
        options: Options,
        holder: str,
        counts: Counts,
        stopping: Event,
        tell: Callable[[str], None],
        ready: Callable[[bool], None],
    ) -> None:
        self._uri = uri
        self._log = log
        self._options = options
        self._holder = holder
        self._counts = counts
        self._stopping = stopping
        self._tell = tell
        self._ready = ready  # called with True when publishing begins, with False while standing by
        self._connection: Any = None
        self._channel: Any = None
        self._failure: BaseException | None = None
        self._blocked = False
        self._publishing = False
        self._drain_until = 0.0
        self._tag = 0
        self._window: deque[list[int]] = deque()  # [delivery tag, position that is reached when it and all before are confirmed]
        self._early: set[int] = set()  # confirmed out of turn
        self._traced: deque[tuple[int, Traced, int]] = deque()  # delivery tag, what its span says, when it was sent
        self._taken = -1
        self.reached = -1  # everything up to here is confirmed by the broker
        self._tail: Tail[Message | Passed] | None = None
        self._tail_failures = 0
        self._forms: Forms | None = None
        self._keeper: mark.Keeper | None = None
        self._woken = False
        self._backlog = True  # until everything that was in the log at the beginning has come
        self._gathering = False

    @property
    def publishing(self) -> bool:
        """Whether this relay is the one that works, and follows the log."""
        return self._publishing

    @property
    def following(self) -> bool:
        """Whether the log is being read; not while it is away."""
        return self._tail is not None and self._tail.error is None

    def run(self) -> None:
        parameters = pika.URLParameters(self._uri)
        parameters.heartbeat = self._options.heartbeat
        parameters.socket_timeout = 5
        parameters.stack_timeout = 10
        parameters.client_properties = {"connection_name": f"relay {self._options.name}"}
        self._connection = SelectConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=lambda _c, error: self._end(BrokerUnavailable(type(error).__name__)),
            on_close_callback=self._on_close,
        )
        loop = self._connection.ioloop
        try:
            loop.start()
        finally:
            self._publishing = False
            if self._tail is not None:
                self._tail.stop()
            if self._keeper is not None:
                self._keeper.close(2.0)
            if not self._connection.is_closed:
                self._hang_up(loop)
            loop.close()
        if self._failure is not None:
            raise self._failure

    # ---- beginning: connection, lease, checkpoint, exchanges, confirms -----------------------------------------

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._block(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._block(False))
        connection.ioloop.call_later(TICK, self._tick)
        self._ask_for_lease()

    @_guarded
    def _ask_for_lease(self) -> None:
        if self._connection.is_open:
            self._connection.channel(channel_number=LEASE_CHANNEL, on_open_callback=self._declare_lease)

    @_guarded
    def _declare_lease(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_lease_closed)
        channel.queue_declare(f"relay.{self._options.name}.lease", exclusive=True, auto_delete=True, callback=self._on_lease)

    def _on_lease_closed(self, _channel: Any, reason: Any) -> None:
        if self._connection.is_closing or self._connection.is_closed:
            return
        if getattr(reason, "reply_code", 0) == LOCKED and not self._publishing:
            self._ready(False)
            self._connection.ioloop.call_later(LEASE_PAUSE, self._ask_for_lease)
        else:
            self._end(BrokerUnavailable(f"lease channel closed: {getattr(reason, 'reply_code', '')}"))

    @_guarded
    def _on_lease(self, _ok: Any) -> None:
        entry = mark.claim(self._log, self._options.name, self._holder)
        head = self._log.head()
        if entry.position > head:
            raise LogWentBack(f"转发断点 {entry.position} 超过了事件日志的末尾 {head}：日志可能恢复自较早的备份。转发已停止，请核对日志。")
        self._taken = self.reached = entry.position
        self._keeper = mark.Keeper(
            self._log, self._options.name, entry, self._deposed, every=self._options.every, seconds=self._options.seconds
        )
        self._connection.channel(channel_number=CHANNEL, on_open_callback=self._declare_exchanges)

    @_guarded
    def _declare_exchanges(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        # The last says that a relay which says the further keys has the lease: from here on a queue needs no wider binding.
        exchanges = [names.FURTHER_KEYS, *(forms.exchange(service) for service in forms.published_services())]

        def declare(_ok: Any = None) -> None:
            if exchanges:
                channel.exchange_declare(exchanges.pop(), exchange_type="topic", durable=True, callback=declare)
            else:
                channel.confirm_delivery(ack_nack_callback=self._on_confirm, callback=self._begin)

        declare()

    @_guarded
    def _begin(self, _ok: Any) -> None:
        self._forms = Forms(self._options.services, self._connection.params.frame_max or forms.FRAME_MAX)
        self._publishing = True
        self._ready(True)
        self._follow()

    # ---- publishing --------------------------------------------------------------------------------------------

    @_guarded
    def _follow(self) -> None:
        if self._publishing:
            assert self._forms is not None
            self._woken = False
            self._backlog = True
            self._tail = Tail(self._log, self._taken, self._forms.message, wake=self._wake, **OF_EVERYBODY)

    def _wake(self) -> None:
        """From the tail's thread: something has come."""
        if not self._woken:
            self._woken = True
            self._connection.ioloop.add_callback_threadsafe(self._pump)

    @_guarded
    def _pump(self) -> None:
        """Send what has come, as far as the window allows."""
        tail = self._tail
        if tail is None or not self._publishing or self._blocked or self._drain_until:
            return  # whoever ends that state calls again
        if self._backlog and tail.waiting < FEW:
            self._gather()
        else:
            self._send(tail)

    def _gather(self) -> None:
        """Come back in a moment: to send a backlog in ones and twos costs everybody, the broker most."""
        if not self._gathering:
            self._gathering = True
            self._connection.ioloop.call_later(GATHER, self._gathered)

    @_guarded
    def _gathered(self) -> None:
        self._gathering = False
        if self._tail is not None and self._publishing and not self._blocked and not self._drain_until:
            self._send(self._tail)

    def _send(self, tail: Tail[Message | Passed]) -> None:
        window = self._window
        while True:
            room = self._options.window - len(window)
            if room <= self._options.window // SHARE:
                return  # still "woken": a confirm brings us here, and by then there is room for more than one
            self._woken = False
            if not tail.waiting:
                break
            self._woken = True
            frames = []
            passed = 0
            for item in tail.come(room):
                if isinstance(item, Message):
                    self._tag += 1
                    window.append([self._tag, item.position])
                    frames.append(item.frames)
                    if item.traced is not None:
                        self._traced.append((self._tag, item.traced, time.time_ns()))
                    self._taken = item.position
                elif isinstance(item, Passed):
                    self._taken = item.position
                    passed += isinstance(item, Unpublished)
                    if window:
                        window[-1][1] = item.position
                else:
                    self._backlog = False
            if frames:
                self._counts.published += len(frames)
                metrics.PUBLISHED.inc(len(frames))
                self._tail_failures = 0
                self._connection._output_marshaled_frames([b"".join(frames)])  # what basic_publish ends in
            if passed and not window:
                assert self._keeper is not None
                self.reached = self._taken
                self._keeper.reached(self._taken, passed)
            if self._backlog and tail.waiting < FEW:
                self._gather()
                return
        if tail.error is not None and not tail.waiting:
            self._tail_failed(tail)

    def _tail_failed(self, tail: Tail[Message | Passed]) -> None:
        assert tail.error is not None
        self._tail = None
        tail.stop()
        self._tell(describe(tail.error))
        self._connection.ioloop.call_later(PAUSES[min(self._tail_failures, len(PAUSES) - 1)], self._follow)
        self._tail_failures += 1

    @_guarded
    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if method.NAME != "Basic.Ack":
            self._end(BrokerUnavailable("消息总线没有收下一条消息"))
            return
        window, tag, early = self._window, method.delivery_tag, self._early
        position = -1
        count = 0
        if method.multiple:
            while window and window[0][0] <= tag:
                first, position = window.popleft()
                early.discard(first)
                count += 1
        elif window and window[0][0] == tag:
            position = window.popleft()[1]
            count = 1
        else:
            early.add(tag)
        while early and window and window[0][0] in early:
            first, position = window.popleft()
            early.discard(first)
            count += 1
        if count:
            self._counts.confirmed += count
            metrics.CONFIRMED.inc(count)
            if self._traced:
                self._tell_traces()
            assert self._keeper is not None
            self.reached = position
            self._keeper.reached(position, count)
            self._pump()

    def _tell_traces(self) -> None:
        """The spans of what is confirmed by now, the oldest first."""
        first = self._window[0][0] if self._window else self._tag + 1
        while self._traced and self._traced[0][0] < first:
            _, told, sent = self._traced.popleft()
            name, service = f"publish {told.event}", told.event.partition(".")[0]
            tracing.record(
                name, tracing.PRODUCER, told.correlation, tracing.event_span(told.event_id), told.parent, sent,
                service=service, event=told.event, event_id=told.event_id,
            )  # fmt: skip

    def _on_return(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        """Nobody listens to this event yet: no error for an announcement, but worth knowing."""
        self._counts.unroutable[f"{method.exchange} {method.routing_key}"] += 1
        metrics.UNROUTABLE.inc()

    def _block(self, blocked: bool) -> None:
        self._blocked = blocked
        self._tell("消息总线暂停接收（磁盘或内存告警），转发等待。" if blocked else "消息总线恢复接收，转发继续。")
        if not blocked:
            self._pump()

    # ---- ending ------------------------------------------------------------------------------------------------

    @_guarded
    def _tick(self) -> None:
        beat("relay")
        if self._failure is not None:
            return
        if self._stopping.is_set():
            self._drain_until = self._drain_until or time.monotonic() + DRAIN
            if not self._window or time.monotonic() > self._drain_until:
                self._connection.ioloop.stop()
                return
        elif self._tail is not None:
            self._tail.listen()
            if self._tail.error is not None and not self._tail.waiting:
                self._tail_failed(self._tail)
        self._connection.ioloop.call_later(TICK, self._tick)

    def _deposed(self) -> None:
        """From the checkpoint's thread."""
        self._publishing = False
        self._connection.ioloop.add_callback_threadsafe(lambda: self._end(mark.Deposed(f"转发 {self._options.name} 已由另一进程接管。")))

    def _on_channel_closed(self, _channel: Any, reason: Any) -> None:
        if not (self._connection.is_closing or self._connection.is_closed):
            self._end(BrokerUnavailable(f"channel closed: {getattr(reason, 'reply_code', '')}"))

    def _on_close(self, _connection: Any, reason: Any) -> None:
        self._end(BrokerUnavailable(type(reason).__name__))

    def _end(self, failure: BaseException) -> None:
        self._publishing = False
        if self._failure is None:
            self._failure = failure
        self._connection.ioloop.stop()

    def _hang_up(self, loop: Any) -> None:
        """Say goodbye, so that the broker frees the lease at once; not for longer than a moment."""
        if self._connection.is_open:
            self._connection.close()
        if not self._connection.is_closed:
            loop.call_later(1.0, loop.stop)
            loop.start()


class LogWentBack(Exception):
    """The checkpoint is beyond the end of the log."""


def describe(error: BaseException) -> str:
    """An error for the operator: what and where, never what an event holds."""
    from shared.eventlog.client import LogUnavailable
    from shared.eventsourcing.codec import UnknownEvent

    if isinstance(error, LogUnavailable):
        return f"事件日志暂不可用（{error}），稍后重试。"
    if isinstance(error, UnknownEvent):
        return f"日志中有本版本不认识的事件 {error}：程序比日志旧。转发停在此处，请升级。"
    if isinstance(error, forms.Leak | mark.Deposed | LogWentBack):
        return str(error)
    if isinstance(error, BrokerUnavailable):
        return f"消息总线不可用（{error}），稍后重试。"
    return f"{type(error).__name__}，稍后重试。"
