"""Log lines: JSON from every process, with its name and what it is at work on, and nobody's name or number."""

from __future__ import annotations

import json

from tests.e2e.conftest import new_id, until
from tests.observing.conftest import CANARY, OURS, Watched, python


def test_every_process_writes_lines_that_a_program_can_read(watched: Watched) -> None:
    """Time, level, event and process in each line of each log, also after the log and the broker were away."""
    house = watched.bureau.house
    house.kill9("eventlog")
    until(lambda: all(watched.ask(p, "/readyz")[0] == 503 for p in ("relay", "projector")))
    house.restart("eventlog")
    until(lambda: all(watched.ask(p, "/readyz")[0] == 200 for p in OURS))
    written = {process: watched.lines(process) for process in OURS}  # each line is parsed
    for process, lines in written.items():
        for line in lines:
            assert {"time", "level", "event"} <= set(line)
            assert line["process"] == process
    assert [line for line in written["relay"] if line["event"] == "relay" and "事件日志" in line["said"]]
    assert [line for line in written["projector"] if line["event"] == "projector" and "事件日志" in line["said"]]
    assert [line for line in written["eventlog"] if "已就绪" in line["said"]]


def test_a_line_says_under_which_correlation_id(watched: Watched) -> None:
    """The reaction to an agency's message, and the dead letter it became, carry the message's id."""
    message = new_id()
    body = {"resident_id": watched.bureau.person(), "name": CANARY, "monthly_income_fen": 1, "effective_from": "2023-03-01", "reason": "x"}
    watched.bureau.publish("hrss", "income_changed", body, message_id=message)  # of somebody nobody knows: nothing to do, or refused
    until(lambda: [line for line in watched.lines("worker-assistance") if line.get("correlation") == message])


def test_nobody_is_named(watched: Watched) -> None:
    """Registered, refused, become a dead letter, asked for wrongly: no log of any process has the name or the number."""
    bureau = watched.bureau
    who = bureau.person()
    bureau.household({"resident_id": who, "name": CANARY, "monthly_income_fen": 0})
    wrong = who[:-1] + ("0" if who[-1] != "0" else "1")
    message = new_id()
    bureau.publish("hrss", "income_changed", {"resident_id": wrong, "name": CANARY}, message_id=message)
    bureau.publish("hrss", "income_changed", f"{CANARY} {who}".encode(), message_id=(last := new_id()))
    until(lambda: {letter.event_id for letter in bureau.letters()} >= {message, last})
    for file in (watched.var / "log").glob("*.log"):
        text = file.read_text(errors="replace")
        assert CANARY not in text, file.name
        assert who not in text, file.name
        assert wrong not in text, file.name


def test_what_nobody_caught_is_told_without_its_words() -> None:
    """An exception's text may quote the data: the line has its class and its place, in the main thread and in others."""
    code = (
        "import threading; from shared import logs; logs.set_up('INFO', 'trial')\n"
        f"def fail(): raise ValueError('{CANARY}')\n"
        "t = threading.Thread(target=fail); t.start(); t.join(); fail()"
    )
    ran = python(code)
    assert ran.returncode == 1
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [(line["event"], line["error"], line["process"]) for line in lines] == [("uncaught", "ValueError", "trial")] * 2
    assert CANARY not in ran.stderr


def test_at_a_terminal_an_operator_reads_sentences() -> None:
    """Without the setting a process started by hand says the same in plain Chinese."""
    code = "from shared.logs import Teller; Teller('relay', '转发 main：')('消息总线不可用，稍后重试。')"
    ran = python(code)
    assert ran.stderr == "转发 main：消息总线不可用，稍后重试。\n"
