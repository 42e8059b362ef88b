"""A query over the bus reaches the source and nobody else: a real broker, the source a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner
from pika.exceptions import ChannelClosedByBroker

from shared.cli.source_key import command
from shared.config import ROOT, Settings
from shared.exchange.adapter import AdapterDown, Ask
from shared.exchange.declared import load_sources
from shared.messaging.node import BrokerError, BrokerNode, agency_uri, find_server
from shared.messaging.source_queues import QueueAdapter, source_key

try:
    find_server()
except BrokerError:
    pytest.skip("RabbitMQ is not installed", allow_module_level=True)

HRSS = load_sources("wujin-2023").sources["hrss"]
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
KNOWN, STRANGER = "330225196001010018", "330225196202020029"


def test_a_source_reads_its_queries_and_answers_by_number(tmp_path: Path) -> None:
    """Confirmed by the broker, unreadable to others, answered in fen; without a broker the adapter says so."""
    with BrokerNode(tmp_path, env=ENV) as broker:
        settings = Settings(var=tmp_path, amqp_uri=broker.uri, master_key=b"k" * 32)
        asks = [Ask("x-1-01", KNOWN, "某人"), Ask("x-1-02", STRANGER, "某乙")]
        assert QueueAdapter(settings, HRSS).send("x-1", asks) == "hrss.queries/x-1"
        ours = pika.BlockingConnection(pika.URLParameters(broker.uri))
        admin = ours.channel()
        admin.queue_declare("answers")
        admin.queue_bind("answers", "hrss.events", "verification_answered")
        theirs = pika.BlockingConnection(pika.URLParameters(agency_uri(settings, "hospital", ENV)))
        with pytest.raises(ChannelClosedByBroker):
            theirs.channel().basic_get("hrss.queries")
        theirs.close()
        register = tmp_path / "register.json"
        people = {KNOWN: {"wage_fen": 123456, "pension_fen": 0}}
        register.write_text(json.dumps({"columns": {}, "people": people}), encoding="utf-8")
        key = base64.b64encode(source_key(settings, "hrss")).decode()
        env = {**os.environ, "AMQP_URI": agency_uri(settings, "hrss", ENV), "SOURCE_KEY": key}
        program = [sys.executable, str(ROOT / "examples" / "means_test_source.py"), "amqp", "hrss", str(register)]
        done = subprocess.run(program, env=env, capture_output=True, text=True, check=True)
        assert done.stdout == "answered 2\n"
        answers = []
        while True:
            method, _, body = admin.basic_get("answers", auto_ack=True)
            if method is None:
                break
            answers.append(json.loads(body))
        ours.close()
        values = [{"name": "wage_fen", "amount": 123456}, {"name": "pension_fen", "amount": 0}]
        assert answers == [
            {"query_no": "x-1-01", "outcome": "found", "values": values},
            {"query_no": "x-1-02", "outcome": "none", "values": []},
        ]
    with pytest.raises(AdapterDown):
        QueueAdapter(settings, HRSS).send("x-2", asks)


def test_the_key_is_written_for_its_owner_alone_and_never_over_another_file(tmp_path: Path) -> None:
    """Handed over as a file, shown on no screen."""
    out = tmp_path / "hrss.key"
    runner, env = CliRunner(), {"MINZHENG_MASTER_KEY": base64.b64encode(b"k" * 32).decode(), "MINZHENG_VAR": str(tmp_path)}
    first = runner.invoke(command, ["hrss", "--out", str(out)], env=env)
    assert (first.exit_code, first.output) == (0, "")
    assert out.stat().st_mode & 0o777 == 0o600
    assert base64.b64decode(out.read_bytes()) == source_key(Settings(master_key=b"k" * 32), "hrss")
    assert runner.invoke(command, ["hrss", "--out", str(out)], env=env).exit_code == 1
