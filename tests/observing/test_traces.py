"""Traces: one thread from a message to the last reaction, hung together by ids that every event has anyway."""

from __future__ import annotations

import json
import os
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.assistance.benefits import CASES
from shared import tracing
from shared.config import ConfigError
from shared.eventlog.client import Log
from shared.eventsourcing import codec
from shared.messaging.client import RpcClient
from shared.messaging.queues import depths, of_service
from shared.observing import http_request, load
from tests.e2e.conftest import new_id, until
from tests.observing.conftest import CANARY, Watched, python


def of(spans: list[dict[str, Any]], correlation: str) -> list[dict[str, Any]]:
    wanted = f"0x{tracing.trace_id(correlation):032x}"
    return [span for span in spans if span["context"]["trace_id"] == wanted]


def way(spans: list[dict[str, Any]], last: str) -> list[str]:
    """The names from the root of the trace to a span."""
    by_id = {span["context"]["span_id"]: span for span in spans}
    span = next(s for s in spans if s["name"] == last)
    names = [span["name"]]
    while span["parent_id"] is not None:
        span = by_id[span["parent_id"]]
        names.insert(0, span["name"])
    return names


def granted_by(eventstore_uri: str, case_id: str) -> str:
    """The correlation id of the order that granted a case."""
    log = Log(eventstore_uri)
    try:
        [grant] = [raw for raw in log.read(CASES.stream(case_id)) if raw.name == "assistance.case_granted"]
    finally:
        log.close()
    return codec.decode_meta(grant.metadata).correlation_id


def test_from_an_agencys_message_to_the_last_reaction(watched: Watched) -> None:
    """An income change: reaction, decision, publication, reaction and so on to the disclosure; each hangs on its cause."""
    bureau = watched.bureau
    who = bureau.person()
    family = bureau.household({"resident_id": who, "name": CANARY, "monthly_income_fen": 0})
    case = bureau.granted(family["id"] if "id" in family else family["household_id"])
    # What a grant brings with it is over: it asks what is known by then, and would decide of this income before the message's own thread.
    grant = granted_by(bureau.settings.eventstore_uri, case)
    until(lambda: [s for s in of(watched.spans(), grant) if s["name"] == "assistance.on_case_granted"])
    message = new_id()
    body = {"resident_id": who, "monthly_income_fen": 40_000, "effective_from": "2023-03-01", "reason": "employment"}
    bureau.publish("hrss", "income_changed", body, message_id=message)
    last = "assistance.disclose_reassessed"

    def there() -> Any:
        spans = sorted((s["start_time"], s["name"], s["attributes"]["minzheng.outcome"]) for s in of(watched.spans(), message))
        return spans, bureau.letters(), depths(bureau.settings.amqp_uri, of_service("assistance"))

    until(lambda: [s for s in of(watched.spans(), message) if s["name"] == last], seen=there)
    expected = [
        "assistance.on_income_changed",
        "RecordIncome",
        "publish assistance.income_recorded",
        "assistance.on_income_recorded",
        "ReassessCase",
        "publish assistance.case_reassessed",
        last,
    ]
    # The relay and the worker write on their own time: the middle may come after the end.
    until(lambda: {s["name"] for s in of(watched.spans(), message)} >= set(expected))
    spans = of(watched.spans(), message)
    assert way(spans, last) == expected
    roots = [s for s in spans if s["parent_id"] is None]
    assert [s["name"] for s in roots] == expected[:1]
    known = {s["context"]["span_id"] for s in spans}
    assert [s["name"] for s in spans if s["parent_id"] and s["parent_id"] not in known] == []
    assert len(known) == len(spans)  # no two spans have one id
    told = {s["name"]: (s["kind"], s["attributes"]["minzheng.outcome"], s["status"]["status_code"]) for s in spans}
    assert told["assistance.on_income_changed"] == ("SpanKind.CONSUMER", "ok", "OK")
    assert told["publish assistance.income_recorded"] == ("SpanKind.PRODUCER", "ok", "OK")


def test_a_trace_follows_from_what_the_log_holds(watched: Watched) -> None:
    """From an event alone one computes its trace, the span it is and the span it hangs on."""
    bureau = watched.bureau
    answer = bureau.staff("clerk").assistance.register_household(
        command_id=(command := new_id()), household_no=new_id(), division="330225100", area="urban",
        members=[{"name": CANARY, "relation": "户主", "resident_id": bureau.person()}],
    )  # fmt: skip
    log = Log(bureau.settings.eventstore_uri)
    try:
        [event, *_] = log.read(answer["stream"])
    finally:
        log.close()
    meta = codec.decode_meta(event.metadata)
    assert meta.correlation_id == command
    append = f"0x{tracing.append_span(event.stream, meta.command_id):016x}"
    until(lambda: [s for s in of(watched.spans(), meta.correlation_id) if s["context"]["span_id"] == append])


def test_a_call_hangs_on_its_caller(watched: Watched, tmp_path: Path) -> None:
    """The request of the portal, the client's call, the door and the decision: one line over two processes and no header."""
    correlation = new_id()
    tracing.start("file", tmp_path, "test")
    try:
        with http_request("POST", "/desk/households", correlation) as request:
            watched.bureau.staff("clerk").assistance.register_household(
                command_id=new_id(), household_no=new_id(), division="330225100", area="urban",
                members=[{"name": CANARY, "relation": "户主", "resident_id": watched.bureau.person()}],
            )  # fmt: skip
            request.status = 201
    finally:
        tracing.stop()
    ours = [json.loads(line) for line in (tmp_path / "traces" / "test.jsonl").read_text().splitlines()]
    until(lambda: len(of(watched.spans(), correlation)) >= 2)
    spans = ours + of(watched.spans(), correlation)
    door = "assistance.register_household"
    assert way(spans, "RegisterHousehold") == ["POST /desk/households", door, door, "RegisterHousehold"]
    kinds = [s["kind"] for s in spans if s["name"] == door]
    assert sorted(kinds) == ["SpanKind.CLIENT", "SpanKind.SERVER"]
    assert next(s for s in spans if s["name"].startswith("POST"))["attributes"]["minzheng.outcome"] == "201"


def test_from_an_http_request_to_a_reaction(watched: Watched) -> None:
    """A front end calls the API: the portal's request, its call, the door, the decision, the event on its way and what reacts to it."""
    bureau = watched.bureau
    family = bureau.household({"resident_id": bureau.person(), "name": CANARY, "monthly_income_fen": 0})
    form = {
        "household_id": family["household_id"], "person_id": next(iter(family["members"])), "monthly_income_fen": 40_000,
        "effective_from": "2023-03-01", "reason": "employment",
    }  # fmt: skip
    asked = urllib.request.Request(
        f"http://127.0.0.1:{bureau.house.child_env['MINZHENG_PORTAL_PORT']}/api/v1/assistance/record_income",
        json.dumps(form).encode(),
        {
            "Authorization": f"Bearer {bureau.staff('clerk')._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": (correlation := new_id()),
        },
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - an address of ours
        assert answer.status == 200
        assert answer.headers["X-Correlation-Id"] == correlation
    door, last = "assistance.record_income", "assistance.on_income_recorded"
    expected = ["POST /api/v1/assistance/record_income", door, door, "RecordIncome", "publish assistance.income_recorded", last]
    until(lambda: Counter(s["name"] for s in of(watched.spans(), correlation)) >= Counter(expected))
    spans = of(watched.spans(), correlation)
    assert way(spans, last) == expected  # who else reacts is not asked here
    assert next(s for s in spans if s["name"].startswith("POST"))["attributes"]["minzheng.outcome"] == "200"


def test_files_of_traces_do_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long file is set aside, one generation; of processes that are gone only some files stay, of those that have a name all."""
    monkeypatch.setattr(tracing, "MOST_BYTES", 20_000)
    monkeypatch.setattr(tracing, "MOST_LEFT", 2)
    folder = tmp_path / "traces"
    folder.mkdir()
    for n in range(5):
        left = folder / f"portal-{2**22 + n}.jsonl"
        left.touch()
        os.utime(left, (n, n))
    (folder / "seal.jsonl").touch()
    (folder / f"relay-{os.getpid()}.jsonl").touch()
    tracing.start("file", tmp_path, "test")
    try:
        for n in range(300):
            tracing.record("step", tracing.INTERNAL, new_id(), n + 1, 0, 0)
    finally:
        tracing.stop()
    kept = {file.name: file.stat().st_size for file in folder.iterdir()}
    mine = {"test.jsonl": kept.pop("test.jsonl"), "test.jsonl.1": kept.pop("test.jsonl.1")}
    assert all(0 < size < 22_000 for size in mine.values())
    assert set(kept) == {"seal.jsonl", f"relay-{os.getpid()}.jsonl", f"portal-{2**22 + 3}.jsonl", f"portal-{2**22 + 4}.jsonl"}
    newest = (folder / "test.jsonl").read_text().splitlines()[-1]
    assert json.loads(newest)["context"]["span_id"] == f"0x{300:016x}"


def test_a_refusal_is_an_outcome_and_no_error(watched: Watched) -> None:
    """Somebody who may not is told so; the span says the code, and its status is not that of a fault."""
    correlation = new_id()
    bureau = watched.bureau
    token = bureau.staff("registrar")._token
    from shared.domain.errors import Refused

    with pytest.raises(Refused, match="forbidden"):
        bureau.link.as_(token, correlation_id=correlation).assistance.get_household(household_id="0" * 32)
    until(lambda: of(watched.spans(), correlation))
    [span] = of(watched.spans(), correlation)
    assert (span["attributes"]["minzheng.outcome"], span["status"]["status_code"]) == ("forbidden", "OK")


def test_no_span_says_anything_of_a_person(watched: Watched) -> None:
    """After all that was done: no name, no resident ID, no stream, no person's id in the files."""
    bureau = watched.bureau
    who = bureau.person()
    bureau.household({"resident_id": who, "name": CANARY, "monthly_income_fen": 0})
    until(lambda: watched.spans())
    for file in (watched.var / "traces").glob("*.jsonl"):
        text = file.read_text()
        assert CANARY not in text
        assert who not in text
        assert "household-" not in text
        assert "person_id" not in text


def test_ids_are_the_ones_that_are_there() -> None:
    """A UUID is a trace as it is, other text by its hash; what a span is about makes its id, in every process the same."""
    one = uuid.uuid4()
    assert tracing.trace_id(str(one)) == one.int
    assert tracing.trace_id("hrss-0001") == tracing.trace_id("hrss-0001") != tracing.trace_id("hrss-0002")
    assert 0 < tracing.trace_id("hrss-0001") < 2**128
    assert 0 < tracing.span_id("a", "b") < 2**64
    assert tracing.span_id("a", "b") != tracing.span_id("ab") != tracing.span_id("a", "", "b")


def test_off_is_off() -> None:
    """Without the setting no span is opened and OpenTelemetry is not even imported."""
    assert not tracing.on()
    assert tracing.begin("anything") is None
    code = "import sys, shared.observing, shared.eventlog.relay, shared.messaging.client; print('opentelemetry' in sys.modules)"
    ran = python(code)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "value"),
    [("MINZHENG_TRACES", "yes"), ("MINZHENG_LOG_FORMAT", "xml"), ("MINZHENG_METRICS_PORT", "-3"), ("MINZHENG_METRICS_PORT", "70000")],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str) -> None:
    """The operator is told which variable it is."""
    with pytest.raises(ConfigError, match=name):
        load("test", {name: value})


def test_a_client_without_traces_is_no_worse_off(watched: Watched) -> None:
    """The door's span is there all the same; its caller's is simply not known."""
    correlation = new_id()
    with RpcClient(watched.bureau.settings.amqp_uri, watched.bureau.staff("clerk")._token, correlation_id=correlation) as client:
        client.assistance.list_worklists()
    until(lambda: of(watched.spans(), correlation))
    assert {s["name"] for s in of(watched.spans(), correlation)} == {"assistance.list_worklists"}
