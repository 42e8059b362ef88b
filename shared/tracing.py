"""Traces (链路): from the HTTP request to the last reaction, as OpenTelemetry spans, behind the setting ``MINZHENG_TRACES``.

No header carries a trace through the house: its ids follow from those that every message and event has anyway (docs/adr/0019).

    trace id    the correlation id: a UUID is one as it is, any other text is hashed
    span id     a hash of what the span is about: the AMQP id of a call, stream and command id of an append, an event's id
    parent      within a thread the span that is open; across processes the span of the cause, whose id is computed as its maker did

So a trace goes through the log as well: a reaction that comes an hour later, or after a restart, hangs on the event that caused it. A span
says service, method and outcome, and the ids above; never a body, a name, a stream's id or an exception's text.

While it is off, a span costs the question whether it is on. OpenTelemetry is imported only when it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

from shared.process import birth

MOST_BYTES = 50_000_000  # of one file; a longer one is set aside, one generation
MOST_LEFT = 16  # files of processes without a name that are gone
QUEUED = 8_192  # spans that may wait to be written; more are dropped, work never waits
PAUSE_MS = 1_000.0

# The kinds of OpenTelemetry, by name: it is not imported here.
SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL = "SERVER", "CLIENT", "PRODUCER", "CONSUMER", "INTERNAL"


class _Here(threading.local):
    """The span that is open in this thread (0: none)."""

    span = 0


_here = _Here()
_sink: _Sink | None = None


def on() -> bool:
    return _sink is not None


@lru_cache(maxsize=4096)
def trace_id(correlation: str) -> int:
    """The trace of a correlation id."""
    try:
        return uuid.UUID(correlation).int
    except ValueError:
        return int.from_bytes(hashlib.sha256(correlation.encode()).digest()[:16], "big")


def span_id(*about: str) -> int:
    """The id of the span that is about this: whoever knows what it is about knows its id."""
    return int.from_bytes(hashlib.sha256("\x1f".join(about).encode()).digest()[:8], "big") or 1


def call_span(request: str) -> int:
    """The client's side of an RPC, by the AMQP correlation id of the request."""
    return span_id("call", request)


def append_span(stream: str, command_id: str) -> int:
    """A decision and its append."""
    return span_id("append", stream, command_id)


def event_span(event_id: str) -> int:
    """An event on its way to the broker."""
    return span_id("event", event_id)


class Span:
    """An open span; the next one of this thread is its child. ``end`` must be called, in the same thread."""

    __slots__ = ("_before", "began", "id", "kind", "name", "parent")

    def __init__(self, name: str, kind: str, own: int, parent: int | None) -> None:
        self.name, self.kind, self.id = name, kind, own or secrets.randbits(64) or 1
        self._before = _here.span
        self.parent = self._before if parent is None else parent
        self.began = time.time_ns()
        _here.span = self.id

    def end(self, correlation: str, outcome: str = "ok", *, failed: bool = False, **told: str) -> None:
        _here.span = self._before
        record(self.name, self.kind, correlation, self.id, self.parent, self.began, outcome, failed=failed, **told)


def begin(name: str, kind: str = INTERNAL, own: int = 0, parent: int | None = None) -> Span | None:
    """Open a span, or None while traces are off. ``own`` is its id, drawn by lot when nobody needs to know it; without a ``parent`` it
    hangs on the one that is open in this thread."""
    return Span(name, kind, own, parent) if _sink is not None else None


def record(
    name: str, kind: str, correlation: str, own: int, parent: int, began: int, outcome: str = "ok", *, failed: bool = False, **told: str
) -> None:
    """A span that has ended; for whoever cannot hold one open (the relay, between sending and the broker's confirm)."""
    if _sink is not None:
        _sink.put(name, kind, trace_id(correlation), own, parent, began, outcome, failed, told)


class _Lines:
    """``<process>.jsonl``, in a folder that does not grow for ever: neither the file, nor the number of those that nobody writes."""

    def __init__(self, folder: Path, process: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{process}.jsonl"
        self._out = self._path.open("a", encoding="utf-8")
        nobodys = [file for file in folder.glob("*-*.jsonl*") if (own := _NUMBERED.search(file.name)) and not birth(int(own[1]))]
        for file in sorted(nobodys, key=_age)[:-MOST_LEFT]:
            file.unlink(missing_ok=True)

    def write(self, text: str) -> None:
        if self._out.tell() > MOST_BYTES:
            self._out.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._out = self._path.open("a", encoding="utf-8")
        self._out.write(text)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self._out.close()


_NUMBERED = re.compile(r"-(\d+)\.jsonl(?:\.1)?$")


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0  # another process has just taken it away


class _Sink:
    """OpenTelemetry's batching, fed with spans whose ids are ours (its own tracer would draw them by lot)."""

    def __init__(self, to: str, var: Path, process: str) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        exporter: SpanExporter
        self._file: Any = None
        if to == "file":
            self._file = _Lines(var / "traces", process)
            exporter = ConsoleSpanExporter(out=self._file, formatter=lambda span: span.to_json(indent=None) + "\n")
        else:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(endpoint=to.rstrip("/") + "/v1/traces", timeout=3)  # a process that stops waits so long
        self._trace, self._span = trace, ReadableSpan
        self._flags, self._state = trace.TraceFlags(trace.TraceFlags.SAMPLED), trace.TraceState()
        self._resource = Resource({"service.name": "minzheng", "service.instance.id": process, "process.pid": os.getpid()})
        self._scope = InstrumentationScope("minzheng")
        self._processor = BatchSpanProcessor(exporter, max_queue_size=QUEUED, schedule_delay_millis=PAUSE_MS)

    def put(
        self, name: str, kind: str, trace: int, own: int, parent: int, began: int, outcome: str, failed: bool, told: dict[str, str]
    ) -> None:
        api = self._trace
        self._processor.on_end(
            self._span(
                name=name,
                context=api.SpanContext(trace, own, False, self._flags, self._state),
                parent=api.SpanContext(trace, parent, True, self._flags, self._state) if parent else None,
                resource=self._resource,
                attributes={f"minzheng.{key}": value for key, value in told.items()} | {"minzheng.outcome": outcome},
                kind=api.SpanKind[kind],
                status=api.Status(api.StatusCode.ERROR if failed else api.StatusCode.OK),
                start_time=began,
                end_time=time.time_ns(),
                instrumentation_scope=self._scope,
            )
        )

    def close(self) -> None:
        self._processor.shutdown()  # type: ignore[no-untyped-call]
        if self._file is not None:
            self._file.close()


def start(to: str, var: Path, process: str) -> None:
    """Write spans from now on: ``to`` is "" (off), "file" (var/traces/<process>.jsonl) or the address of an OTLP/HTTP collector."""
    global _sink
    if to and _sink is None:
        _sink = _Sink(to, var, process)


def stop() -> None:
    """Write what is left and stop."""
    global _sink
    sink, _sink = _sink, None
    if sink is not None:
        sink.close()
