"""A worker seen from outside: its door answers on native threads, whatever the hub does; its traces reach a collector."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared import tracing
from tests.messaging.house import TICKS, House, new_id, wait_for
from tests.messaging.test_timer import put_deadline
from tests.observing.conftest import get, scraped


def where(house: House, process: str) -> str:
    file = house.var / "run" / f"{process}.metrics.json"
    told = json.loads(wait_for(lambda: file.exists() and file.read_text(), f"the address of {process}"))
    return f"http://{told['host']}:{told['port']}"


def test_a_hub_that_stands_still_is_found(alone: House) -> None:
    """The door goes on answering and says that the loop does not turn; when it turns again all is well."""
    with alone.worker("tests.messaging.services.stuck", MINZHENG_PROCESS="stuck", MINZHENG_HEART_LIMIT="1"):
        door = where(alone, "stuck")
        wait_for(lambda: get(f"{door}/readyz") == (200, "ok\n"), "ready")
        alone.flag("stuck")
        try:
            wait_for(lambda: get(f"{door}/healthz") == (503, "停住：hub\n"), "the stuck hub")
            scrape = scraped(door)
            assert (scrape.value("minzheng_alive"), scrape.value("minzheng_ready")) == (0, 0)
        finally:
            alone.flag("stuck", up=False)
        wait_for(lambda: get(f"{door}/healthz") == (200, "ok\n"), "the hub turns")
        wait_for(lambda: get(f"{door}/readyz") == (200, "ok\n"), "ready again")


def test_a_consumer_that_consumes_nothing_is_told_and_begins_again(alone: House) -> None:
    """Its connections live and say nothing. The worker asks the broker: it is not ready, and says which queues; then it works again."""
    with alone.worker("tests.messaging.services.silent", MINZHENG_PROCESS="silent") as worker, alone.client() as client:
        door = where(alone, "silent")
        wait_for(lambda: get(f"{door}/readyz") == (200, "ok\n"), "ready")
        seen: list[str] = []

        def told(text: str) -> bool:
            seen.append(get(f"{door}/readyz")[1])
            return text in seen[-1]

        alone.flag("silent")
        try:
            wait_for(lambda: told("无人取件"), "the queues without a consumer")
            assert all(name in seen[-1] for name in ("rpc-counter", TICKS)), seen[-1]
        finally:
            alone.flag("silent", up=False)
        alone.tick(counter := new_id())
        assert client.counter.echo(text="heard", day="2023-07-01")["text"] == "heard"
        wait_for(lambda: alone.events(counter) == 1, "the effect")
        wait_for(lambda: told("ok"), "ready again")
        assert {queue for line in worker.said("consumers_lost") for queue in line["queues"]} >= {"rpc-counter", TICKS}
        assert worker.stop() == 0


def test_a_queue_that_somebody_deletes_is_declared_and_consumed_again(alone: House) -> None:
    """The broker says so on the connection, which is given up for another; what was in the queue is gone, the worker is not."""
    with alone.worker() as worker, alone.client() as client:
        with alone.channel() as channel:
            channel.queue_delete("rpc-counter")
            channel.queue_delete(TICKS)
        wait_for(lambda: alone.depth(TICKS) == 0 and alone.depth("rpc-counter") == 0, "both queues")
        alone.tick(counter := new_id())
        wait_for(lambda: alone.events(counter) == 1, "the effect")
        assert client.counter.echo(text="heard", day="2023-07-01")["text"] == "heard"
        assert worker.process.poll() is None


def test_a_worker_under_load_is_scraped_and_goes_on(alone: House) -> None:
    """Scrapes without pause beside calls without pause: every one of both is answered, and counted."""
    with alone.worker(MINZHENG_PROCESS="loaded"), alone.client() as client:
        door = where(alone, "loaded")
        answers: list[int] = []
        done = threading.Event()

        def scrape() -> None:
            while not done.is_set():
                answers.append(get(f"{door}/metrics")[0])

        threads = [threading.Thread(target=scrape) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(100):
                client.counter.count(command_id=new_id(), counter_id="loaded")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert len(answers) > 4
        assert set(answers) == {200}
        assert scraped(door).value("minzheng_rpc_total", method="count", outcome="ok") == 100


def test_a_retry_is_counted_with_its_reason(alone: House) -> None:
    """Each try, each retry and the dead letter at the end."""
    with alone.worker(MINZHENG_PROCESS="retrying"):
        door = where(alone, "retrying")
        event_id = alone.tick(new_id(), "not_yet")
        wait_for(lambda: alone.letters(event_id), "a dead letter")
        reaction = {"service": "counter", "reaction": "clock.ticked.on_ticked"}
        scrape = scraped(door)
        assert scrape.value("minzheng_retries_total", reason="not_yet", **reaction) == 2
        assert scrape.value("minzheng_dead_letters_total", reason="not_yet", **reaction) == 1
        assert scrape.value("minzheng_reactions_total", outcome="retry", **reaction) == 2
        assert scrape.value("minzheng_reaction_seconds_count", **reaction) == 3


class _Collector:
    """An OTLP/HTTP collector, as far as traces go."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/v1/traces":
                    outer.spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[_Collector]:
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


def test_spans_reach_a_collector(alone: House) -> None:
    """From a worker, whose standard library is eventlet's, over OTLP/HTTP: the reaction, and the decision that hangs on it."""
    with _Collector().running() as collector, alone.worker(MINZHENG_TRACES=collector.address):
        event_id = alone.tick(counter := new_id())
        wait_for(lambda: alone.events(counter) == 1, "the effect")
        trace = tracing.trace_id(event_id).to_bytes(16, "big")
        wait_for(lambda: len([s for s in collector.spans if s.trace_id == trace]) == 2, "two spans", 90)
        spans = {s.name: s for s in collector.spans if s.trace_id == trace}
        assert set(spans) == {"counter.on_ticked", "Count"}
        assert spans["Count"].parent_span_id == spans["counter.on_ticked"].span_id
        assert spans["counter.on_ticked"].parent_span_id == b""


def test_a_collector_that_is_away_keeps_nobody_from_working(alone: House) -> None:
    """Spans are lost, work is not; the worker stops as it should."""
    with _Collector().running() as gone:
        pass
    worker = alone.start_worker(MINZHENG_TRACES=gone.address)
    alone.tick(counter := new_id())
    wait_for(lambda: alone.events(counter) == 1, "the effect")
    assert worker.stop(40) == 0


def test_deadlines_that_wait_are_told(alone: House) -> None:
    """One that fails stays due and, long past its day, overdue; each try is counted with its outcome."""
    put_deadline(alone, new_id(), due_at="2023-01-01T00:00:00+08:00", fail=True)
    with alone.worker(MINZHENG_PROCESS="timed"):
        door = where(alone, "timed")
        wait_for(lambda: scraped(door).value("minzheng_deadlines_total", service="counter", deadline="ring") >= 1, "a try")
        scrape = scraped(door)
        assert scrape.value("minzheng_deadlines_due", service="counter") >= 1
        assert scrape.value("minzheng_deadlines_overdue", service="counter") >= 1
        assert scrape.value("minzheng_deadlines_total", outcome="ok") <= scrape.value("minzheng_deadlines_total") - 1
