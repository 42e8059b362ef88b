"""The server before the application: what it says in its own lines when somebody starts it by hand, and what it answers by itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.portal.web.watching import HEART
from shared import process
from shared.config import ROOT, Settings, load
from shared.security import tokens
from tests.e2e.conftest import until

WHO = b"zhangsan-110101199001011237"


def _sent(port: int, raw: bytes, close: bool = False) -> bytes:
    """What comes back for these bytes, as they are; with ``close`` to somebody who says that there are no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(raw)
        if close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@contextmanager
def _running(var: Path, metrics: str = "off") -> Iterator[tuple[Settings, int, Path]]:
    """The portal as it is started by hand, with nothing behind it: its settings, its port, and what it says."""
    told = load({"MINZHENG_VAR": str(var)})
    assert told.token_private_key is not None
    assert told.token_public_key is not None
    tokens.development_keys(told.token_private_key, told.token_public_key)
    port = process.free_port()
    asked = [sys.executable, "-P", "-m", "shared.cli", "portal", "--port", str(port), "--processes", "1"]
    away = {"AMQP_URI": "amqp://guest:guest@127.0.0.1:1/", "EVENTSTORE_URI": "esdb://127.0.0.1:1?Tls=false"}
    env = {k: v for k, v in os.environ.items() if not k.startswith("MINZHENG_")}
    env |= {"MINZHENG_VAR": str(var), "MINZHENG_METRICS_PORT": metrics, "PYTHONPATH": str(ROOT), **away}
    log = var / "said.txt"
    with log.open("wb") as out, subprocess.Popen(asked, cwd=ROOT, env=env, stdout=out, stderr=out) as server:
        try:
            until(lambda: server.poll() is not None or _listens(port))
            yield told, port, log
        finally:
            server.terminate()
            server.wait(60)


def test_no_line_of_the_server_quotes_a_request(tmp_path: Path) -> None:
    """Started by hand, where logs are text: a request that is none, too long a line, too long a header. Each is answered and told of,
    and nothing of it is in the lines: they are ours, made of what the server's programmers wrote and not of what was sent."""
    with _running(tmp_path) as (_, port, log):
        found = [
            _sent(port, b"GET /desk?name=" + WHO + b" HTTP/9.9\r\nHost: x\r\n\r\n"),
            _sent(port, b"GET /desk?name=" + WHO + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
            _sent(port, b"GET /desk HTTP/1.1\r\nHost: x\r\nX-Name: " + WHO + b"x" * 9000 + b"\r\n\r\n"),
            _sent(port, b"GET /desk HTTP/1.1\r\nHost: x\r\n" + WHO + b" : no name of a header\r\n\r\n"),
        ]
    assert [answer.split()[1] for answer in found] == [b"400", b"414", b"431", b"400"]
    said = log.read_text(encoding="utf-8")
    assert WHO.decode() not in said
    assert "Traceback" not in said
    of_the_server = [json.loads(line) for line in said.splitlines() if "gunicorn" in line]
    assert len([line for line in of_the_server if line["level"] == "warning"]) >= 4


def test_a_body_that_does_not_come_as_it_was_announced_is_no_fault_of_ours(tmp_path: Path) -> None:
    """In pieces whose lengths are wrong, or shorter than was said: 400. In pieces and more than a request may hold: 413. In pieces that are
    right: taken, and 503, as nobody is there."""
    with _running(tmp_path) as (told, port, log):
        assert told.token_private_key is not None
        token = tokens.issue(told.token_private_key, "staff:clerk", ("clerk",), "330225")
        head = (
            f"POST /api/v1/assistance/accept_application HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Idempotency-Key: one\r\nContent-Type: application/json\r\nConnection: close\r\n"
        ).encode()
        pieces = head + b"Transfer-Encoding: chunked\r\n\r\n"
        found = [
            _sent(port, pieces + b"10\r\n" + b'{"case_id":"xyz"}' + b"\r\n0\r\n\r\n"),
            _sent(port, pieces + b"zz\r\n" + b'{"case_id":"xyz"}' + b"\r\n0\r\n\r\n"),
            _sent(port, pieces + b"200000\r\n" + b'{"case_id":"' + b"x" * 0x200000 + b'"}' + b"\r\n0\r\n\r\n"),
            _sent(port, pieces + b"11\r\n" + b'{"case_id":"xyz"}' + b"\r\n0\r\n\r\n"),
            _sent(port, head + b"Content-Length: 17\r\n\r\n" + b'{"case_id":', close=True),
        ]
    assert [answer.split()[1] for answer in found] == [b"400", b"400", b"413", b"503", b"400"]
    assert all(b"application/problem+json" in answer for answer in found)
    assert '"fault"' not in log.read_text(encoding="utf-8")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_private_door_says_when_the_threads_of_the_public_one_hang(tmp_path: Path) -> None:
    """All threads wait for requests that never end: nobody is answered, and /healthz and /readyz of the metrics' door say what stopped;
    as soon as the callers have gone, all is well again."""
    private = process.free_port()

    def told(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{private}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    with _running(tmp_path, str(private)) as (_, port, _log):
        until(lambda: _listens(private))
        until(lambda: told("/healthz")[0] == 200)
        assert HEART not in told("/readyz")[1]
        callers = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(40)]
        for caller in callers:
            caller.sendall(b"GET /sunshine HTTP/1.1\r\nHost: x\r\n")  # and no end
        until(lambda: told("/healthz")[0] == 503)
        assert HEART in told("/healthz")[1]
        assert f"{HEART} 停住了" in told("/readyz")[1]
        for caller in callers:
            caller.close()
        until(lambda: told("/healthz")[0] == 200)
        assert HEART not in told("/readyz")[1]
