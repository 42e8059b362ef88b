"""An RPC client for whoever is not a service (RPC 客户端): portal, demo, command line, tests. Plain threads, no eventlet.

    with RpcClient(amqp_uri, token) as bureau:
        answer = bureau.registry.register_death(command_id="…", person_id="…", …)

Speaks nameko's protocol on one connection with an I/O thread of its own; any number of threads may call at once. A refusal
arrives as Refused, everything else (no worker, no broker, no answer in time) as Unavailable: the same call may then be
made again with the same command_id, and has its effect once.

Usually a call waits its time out, so that a worker that is just being started again may still answer. With ``at_once`` it gives up
as soon as it is known that nobody is there: no connection, a queue without consumers, or a broker that answers nothing on this connection,
which is then dropped for a new one. That is for a front end whose user waits.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec
import pika
from pika.exceptions import AMQPError, AMQPHeartbeatTimeout, ChannelClosedByBroker

from shared import logs, tracing
from shared.domain.errors import Refused, Unavailable
from shared.messaging import names, wire

_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
_LOOK = 0.25  # seconds after which a call that is to give up at once asks whether anybody is there, and again
_CONNECTING = 1.0  # seconds such a call waits for the very first connection
_HEARTBEAT = 10  # seconds; a connection that went away without a word is found out after two or three of them
_AGAIN = 0.3  # seconds until a caller with patience asks again
_DEAF = 4.0  # seconds after which it is found out by such a call: the broker is asked about queues, and says nothing


_NOBODY = "该业务目前没有工作进程，请稍后重试。"
_TRY = 8.0  # seconds for which one call alone tries a service that let one run out of time
_SILENT = "该业务没有及时答复，正在等待其恢复，请稍后重试。"


class _NoWorker(Exception):
    """The request was returned, as no queue is bound for that service, or nobody consumes from it."""


class _Waiting:
    """One call that waits for its answer; ``queue`` is looked at when it is to give up at once."""

    __slots__ = ("answer", "queue", "since")

    def __init__(self, queue: str) -> None:
        self.answer: Future[bytes] = Future()
        self.queue, self.since = queue, time.monotonic()


class _Connection(pika.SelectConnection):  # type: ignore[misc]  # pika has no types
    """A message goes out as one piece and at once. Of itself pika sends each of its frames by itself, after one more turn of its loop."""

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport._on_socket_writable()


class _Link:
    """The connection and its I/O thread; reconnects by itself."""

    def __init__(self, uri: str, at_once: bool = False) -> None:
        self._at_once = at_once
        self._parameters = pika.URLParameters(uri)
        self._parameters.heartbeat = _HEARTBEAT
        self._parameters.blocked_connection_timeout = 10
        self._parameters.socket_timeout = 5
        self._waiting: dict[str, _Waiting] = {}
        self._away: dict[str, float] = {}  # queues that had no consumer, and when that was seen
        self._silent: set[str] = set()  # queues whose service let a call run out of time and has answered none since
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._tried = threading.Event()  # a connection was made, or could not be
        self._closed = False
        self._failures = 0
        self._unheard: float | None = None  # since when the broker owes an answer of its own, on this connection
        self._connection: Any = None
        self._channel: Any = None
        self.reply_to = ""
        self._thread = threading.Thread(target=self._run, name="rpc-client", daemon=True)
        self._thread.start()

    # -- any thread ----------------------------------------------------------------------------------------------

    def ask(self, routing_key: str, body: bytes, headers: dict[str, str], timeout: float, correlation_id: str) -> bytes:
        until = time.monotonic() + timeout
        if self._closed or not self._connected(timeout):
            raise Unavailable("消息总线暂时不可用，请稍后重试。")
        waiting = _Waiting(names.rpc_queue(routing_key.partition(".")[0]) if self._at_once else "")
        if self._at_once and time.monotonic() - self._away.get(waiting.queue, 0.0) < _LOOK:
            raise Unavailable(_NOBODY)
        with self._lock:
            if waiting.queue in self._silent and self._tries(waiting.queue):
                raise Unavailable(_SILENT)
            if not self._ready.is_set():  # lost just now, and whoever waited was told: nobody would tell this call
                raise Unavailable("与消息总线的连接中断，请以同一指令编号重试。")
            self._waiting[correlation_id] = waiting

        def publish() -> None:
            if self._channel is None or not self._channel.is_open:
                self._fail(correlation_id, AMQPError())
                return
            properties = pika.BasicProperties(
                content_type=wire.JSON,
                content_encoding="utf-8",
                reply_to=self.reply_to,
                correlation_id=correlation_id,
                headers=headers,
                delivery_mode=1,
                expiration=str(max(1, int((until - time.monotonic()) * 1000))),  # a request nobody waits for any more dies
            )
            self._channel.basic_publish(names.RPC_EXCHANGE, routing_key, body, properties, mandatory=True)

        try:
            self._connection.ioloop.add_callback_threadsafe(publish)
            return waiting.answer.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            if waiting.queue:
                self._silent.add(waiting.queue)
            raise Unavailable("未在规定时间内收到答复，请以同一指令编号重试。") from None
        except _NoWorker:
            raise Unavailable(_NOBODY) from None
        except AMQPError:
            raise Unavailable("与消息总线的连接中断，请以同一指令编号重试。") from None
        finally:
            with self._lock:
                self._waiting.pop(correlation_id, None)

    def _tries(self, queue: str) -> bool:
        """Whether a call waits to see if a silent service answers again: one does at a time, the others are told at once."""
        return any(w.queue == queue and time.monotonic() - w.since < _TRY for w in self._waiting.values())

    def _connected(self, timeout: float) -> bool:
        if self._at_once:
            self._tried.wait(min(timeout, _CONNECTING))
            return self._ready.is_set()
        return self._ready.wait(timeout)

    def close(self) -> None:
        self._closed = True
        connection = self._connection
        if connection is not None:
            connection.ioloop.add_callback_threadsafe(lambda: self._shut(connection))
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    # -- the I/O thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed:
            made: Any = None
            try:
                made = self._connection = _Connection(  # it may not even be made: where no file is left, for a moment
                    self._parameters,
                    on_open_callback=lambda connection: connection.channel(on_open_callback=self._opened),
                    on_open_error_callback=self._ended,
                    on_close_callback=self._ended,
                )
                made.ioloop.start()
            except Exception as error:  # the same as a lost connection; a thread that ended here would leave every later call waiting
                if not isinstance(error, AMQPError | OSError):
                    logs.warn("rpc_link_failed", error=type(error).__name__, at=logs.place(error.__traceback__))
            self._lost()
            try:
                if made is not None:
                    made.ioloop.close()
            except (AMQPError, OSError):
                pass
            if not self._closed:
                time.sleep(_PAUSES[min(self._failures, len(_PAUSES) - 1)])
                self._failures += 1

    def _ended(self, connection: Any, _reason: Any) -> None:
        connection.ioloop.call_later(0.01, connection.ioloop.stop)  # pika closes its socket one turn later

    def _shut(self, connection: Any) -> None:
        if connection.is_closed:
            connection.ioloop.stop()
        elif not connection.is_closing:
            connection.close()

    def _opened(self, channel: Any) -> None:
        token = str(uuid.uuid4())
        queue = f"rpc.reply-client-{token}"

        def bound(_frame: Any) -> None:
            channel.basic_consume(queue, self._answered, auto_ack=True, exclusive=True, callback=consuming)

        def consuming(_frame: Any) -> None:
            self.reply_to, self._channel, self._failures, self._unheard = token, channel, 0, None
            self._ready.set()
            self._tried.set()
            if self._at_once:
                self._look(self._connection)

        def declared(_frame: Any) -> None:
            channel.queue_bind(queue, names.RPC_EXCHANGE, routing_key=token, callback=bound)

        def exchange(_frame: Any) -> None:
            channel.queue_declare(queue, exclusive=True, auto_delete=True, arguments=names.reply_arguments(), callback=declared)

        channel.add_on_close_callback(lambda _channel, _reason: self._shut(self._connection))
        channel.add_on_cancel_callback(lambda _frame: self._shut(self._connection))  # the queue for answers was deleted: nothing would come
        channel.add_on_return_callback(self._returned)
        channel.exchange_declare(names.RPC_EXCHANGE, "topic", durable=True, callback=exchange)

    def _look(self, connection: Any) -> None:
        """Again and again: of calls that wait longer than usual, whether anybody consumes from their queues. A broker that does not say
        is not reached any more: whatever waits is told so, and the next call goes over a new connection."""
        if connection is not self._connection or not connection.is_open:
            return
        if self._unheard is not None and time.monotonic() - self._unheard > _DEAF:
            connection._terminate_stream(AMQPHeartbeatTimeout("no answer"))  # as a heartbeat that failed: to close is to wait for an answer
            return
        connection.ioloop.call_later(_LOOK, lambda: self._look(connection))
        late = time.monotonic() - _LOOK
        with self._lock:
            queues = {w.queue for w in self._waiting.values() if w.since < late}
        if queues and self._unheard is None:
            self._unheard = time.monotonic()
        for queue in queues:
            connection.channel(on_open_callback=lambda channel, queue=queue: self._count(channel, queue))

    def _count(self, channel: Any, queue: str) -> None:
        def counted(frame: Any) -> None:
            self._unheard = None
            if frame.method.consumer_count == 0:
                self._nobody(queue)
            channel.close()

        def closed(_channel: Any, reason: Any) -> None:
            if isinstance(reason, ChannelClosedByBroker):  # no queue at all; our own close has nothing left to say
                self._unheard = None
                self._nobody(queue)

        channel.add_on_close_callback(closed)
        channel.queue_declare(queue, passive=True, callback=counted)

    def _nobody(self, queue: str) -> None:
        self._away[queue] = time.monotonic()
        with self._lock:
            concerned = [correlation_id for correlation_id, w in self._waiting.items() if w.queue == queue]
        for correlation_id in concerned:
            self._fail(correlation_id, _NoWorker())

    def _lost(self) -> None:
        self._channel = None
        self._tried.set()
        with self._lock:
            self._ready.clear()
            waiting = list(self._waiting)
        for correlation_id in waiting:
            self._fail(correlation_id, AMQPError())

    def _answered(self, _channel: Any, _deliver: Any, properties: Any, body: bytes) -> None:
        with self._lock:
            waiting = self._waiting.pop(properties.correlation_id, None)
        self._unheard = None
        if waiting is not None:
            self._silent.discard(waiting.queue)
            waiting.answer.set_result(body)

    def _returned(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self._fail(properties.correlation_id, _NoWorker())

    def _fail(self, correlation_id: str, error: Exception) -> None:
        with self._lock:
            waiting = self._waiting.pop(correlation_id, None)
        if waiting is not None:
            waiting.answer.set_exception(error)


class RpcClient:
    """Calls ``client.<service>.<method>(**fields)``. Thread-safe."""

    def __init__(
        self,
        amqp_uri: str,
        token: str | None = None,
        timeout: float = 10.0,
        *,
        correlation_id: str = "",
        why: tuple[str, str] = ("", ""),
        at_once: bool = False,
        patience: float = 0.0,
        _link: _Link | None = None,
    ) -> None:
        """``patience``: seconds in which what is away for a moment is asked again, by the same call with the same command id."""
        self._link = _link or _Link(amqp_uri, at_once)
        self._own = _link is None
        self._uri = amqp_uri
        self._timeout = timeout
        self._token = token
        self._correlation_id = correlation_id
        self._why = why
        self._patience = patience

    def as_(
        self,
        token: str | None,
        *,
        correlation_id: str = "",
        timeout: float | None = None,
        purpose: str = "",
        reference: str = "",
        patience: float | None = None,
    ) -> RpcClient:
        """The same connection with another hand's token: what a front end that serves many people uses.

        ``purpose`` says why that hand looks at a file (shared/casework/looks.py), ``reference`` the number of what it is for.
        """
        return RpcClient(
            self._uri,
            token,
            timeout or self._timeout,
            correlation_id=correlation_id,
            why=(purpose, reference),
            patience=self._patience if patience is None else patience,
            _link=self._link,
        )

    def call(self, service: str, method: str, **kwargs: Any) -> Any:
        until = time.monotonic() + self._patience
        while True:
            try:
                return self._call(service, method, kwargs)
            except Unavailable:
                if time.monotonic() >= until:
                    raise
                time.sleep(_AGAIN)

    def _call(self, service: str, method: str, kwargs: dict[str, Any]) -> Any:
        headers = {}
        if self._token:
            headers["nameko.auth_token"] = self._token
        correlation = self._correlation_id or logs.here.correlation  # of the request of the portal that this thread answers
        if correlation:
            headers["nameko.correlation_id"] = correlation
        headers |= {f"nameko.{name}": said for name, said in zip(("purpose", "purpose_reference"), self._why, strict=True) if said}
        request = str(uuid.uuid4())
        if not tracing.on():
            return self._asked(service, method, kwargs, headers, request)
        span = tracing.begin(f"{service}.{method}", tracing.CLIENT, tracing.call_span(request))
        outcome = "ok"
        try:
            return self._asked(service, method, kwargs, headers, request)
        except Refused as refused:
            outcome = refused.code
            raise
        finally:
            if span is not None:
                trace = correlation or wire.fit_id(kwargs.get("command_id")) or request
                span.end(trace, outcome, failed=outcome == "unavailable", service=service, method=method)

    def _asked(self, service: str, method: str, kwargs: dict[str, Any], headers: dict[str, str], request: str) -> Any:
        body = wire.encode({"args": [], "kwargs": kwargs})
        reply = msgspec.json.decode(self._link.ask(f"{service}.{method}", body, headers, self._timeout, request))
        if reply["error"] is not None:
            raise _error(reply["error"])
        return reply["result"]

    def __getattr__(self, service: str) -> _Service:
        if service.startswith("_"):
            raise AttributeError(service)
        return _Service(self, service)

    def close(self) -> None:
        if self._own:
            self._link.close()

    def __enter__(self) -> RpcClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Service:
    def __init__(self, client: RpcClient, service: str) -> None:
        self._client, self._service = client, service

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(**kwargs: Any) -> Any:
            return self._client.call(self._service, method, **kwargs)

        return call


def _error(form: dict[str, Any]) -> Refused:
    if str(form.get("exc_path", "")).endswith("domain.errors.Refused"):
        code, message, field = form["exc_args"]
        return Unavailable(message) if code == "unavailable" else Refused(code, message, field)
    return Refused("internal", f"对方服务出错：{form.get('exc_type')}。", None)  # a service that is not of this house
