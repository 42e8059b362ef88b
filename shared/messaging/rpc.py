"""RPC doors on the wire (RPC 入口): nameko's protocol, with the whole request handled on a native thread under a time limit.

The hub sees bytes in and bytes out. A request is acknowledged after its answer is sent; one that is delivered again
finds its command id in the stream and is answered as the first time.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from kombu import Exchange, Queue
from nameko import rpc
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint

from shared import metrics, tracing
from shared.domain.errors import Refused, Unavailable, invalid
from shared.messaging import logs, names, wire
from shared.messaging.boundary import TookTooLong
from shared.messaging.consumer import Flight, RpcQueueConsumer, raw_body
from shared.messaging.faults import as_refusal
from shared.messaging.links import Replies

LIMIT = 9.0  # seconds until a standing request is answered "unavailable": before a caller with the usual 10 gives up
LOG_LIMIT = 4.0  # seconds for one call to the log: two of them, and the answer is still in time


class RpcConsumer(rpc.RpcConsumer):  # type: ignore[misc]
    """One queue a service, dispatched by the method's name in the routing key."""

    queue_consumer = RpcQueueConsumer()
    replies = Replies()
    lane = "rpc"
    queue: Any

    def setup(self) -> None:
        if self.queue is None:
            service = self.container.service_name
            self.queue = Queue(
                names.rpc_queue(service),
                exchange=Exchange(names.RPC_EXCHANGE, durable=True, type="topic"),
                routing_key=f"{service}.*",
                durable=True,
                queue_arguments=names.rpc_arguments(),
            )
            self.queue_consumer.register_provider(self)

    def flight_key(self, message: Any) -> tuple[str, str] | None:
        reply_to, correlation_id = message.properties.get("reply_to"), message.properties.get("correlation_id")
        return (reply_to, correlation_id) if reply_to and correlation_id else None

    def receive(self, flight: Flight) -> None:
        message = flight.message
        name = message.delivery_info["routing_key"].rpartition(".")[2]
        door = next((p for p in self._providers if p.method_name == name), None)
        if not message.properties.get("reply_to"):
            logs.warn("rpc_without_reply_to", service=self.container.service_name)
            self.queue_consumer.settle(flight)
        elif door is None:
            self.answer(flight, refusal(Refused("not_found", "没有这个业务接口。", "method")))
        else:
            try:
                self.container.spawn_worker(door, (message,), {}, handle_result=partial(self._answered, flight))
            except ContainerBeingKilled:
                self.queue_consumer.settle(flight, back=True)

    def answer(self, flight: Flight, body: bytes) -> None:
        properties = flight.message.properties
        self.replies.send(properties["reply_to"], properties.get("correlation_id"), body)
        self.queue_consumer.settle(flight)

    def _answered(self, flight: Flight, worker_ctx: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        if exc_info is not None:
            result = refusal(as_refusal(exc_info[1], worker_ctx.entrypoint.method_name))
        self.answer(flight, result)
        return None, None


def refusal(refused: Refused) -> bytes:
    return wire.encode({"result": None, "error": wire.error_form(refused)})


class Rpc(Entrypoint):  # type: ignore[misc]
    """Base of ``@command`` and ``@query``: subclasses say what ``serve`` does on the native thread."""

    rpc_consumer = RpcConsumer()
    lane = "rpc"

    def setup(self) -> None:
        self.kind: str = getattr(self.container.service_cls, self.method_name).minzheng_door.kind  # "command" | "query"
        self.rpc_consumer.register_provider(self)

    def stop(self) -> None:
        self.rpc_consumer.unregister_provider(self)

    def work(self, service: Any, message: Any) -> bytes:
        try:
            answer: bytes = self.container.native("rpc").call(self._native, service, message, limit=LIMIT)
            return answer
        except TookTooLong:
            metrics.RPC_GIVEN_UP.labels(self.container.service_name, self.method_name).inc()
            logs.warn("rpc_too_long", door=f"{self.container.service_name}.{self.method_name}", seconds=LIMIT)
            return refusal(Unavailable())

    def _native(self, service: Any, message: Any) -> bytes:
        began = time.perf_counter()
        logs.here.correlation = ""
        request = str(message.properties.get("correlation_id") or "")
        name = f"{service.name}.{self.method_name}"
        span = tracing.begin(name, tracing.SERVER, parent=tracing.call_span(request)) if tracing.on() else None
        outcome = metrics.OK
        try:
            return wire.encode({"result": self._served(service, message), "error": None})
        except Exception as error:
            refused = as_refusal(error, name)
            outcome = refused.code
            return refusal(refused)
        finally:
            metrics.RPC.labels(service.name, self.method_name, self.kind, outcome).inc()
            metrics.RPC_SECONDS.labels(service.name, self.method_name).observe(time.perf_counter() - began)
            if span is not None:
                failed = outcome in ("unavailable", "internal")
                told = {"service": service.name, "method": self.method_name}
                span.end(logs.here.correlation or request, outcome, failed=failed, **told)
            logs.here.correlation = ""

    def _served(self, service: Any, message: Any) -> Any:
        if not wire.is_json(message.content_type):
            raise invalid("内容类型须为 application/json。")
        request = wire.decode(raw_body(message))
        if not isinstance(request, dict) or not isinstance(request.get("kwargs"), dict) or request.get("args"):
            raise invalid("请求须只含具名参数（kwargs）。")
        headers = {k[7:]: v for k, v in message.headers.items() if k.startswith("nameko.")}
        logs.here.correlation = wire.fit_id(headers.get("correlation_id") or request["kwargs"].get("command_id"))
        return self.serve(service, request["kwargs"], headers)

    def serve(self, service: Any, kwargs: dict[str, Any], context: dict[str, Any]) -> Any:
        raise NotImplementedError
