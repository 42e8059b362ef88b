"""A running house tells how it is: every process by its door, `minzheng status` all of them together."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from shared.config import ROOT
from shared.domain.errors import Refused
from shared.ops import collect
from tests.e2e.conftest import new_id, until
from tests.observing.conftest import CANARY, OURS, Watched, get, start

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{32}|\d{15}")


@pytest.mark.parametrize("process", OURS)
def test_every_process_is_alive_and_ready(watched: Watched, process: str) -> None:
    """Each found a port by itself, said which, and answers."""
    assert watched.ask(process, "/healthz") == (200, "ok\n")
    until(lambda: watched.ask(process, "/readyz") == (200, "ok\n"))
    scrape = watched.scrape(process)
    assert (scrape.value("minzheng_alive"), scrape.value("minzheng_ready")) == (1, 1)
    assert scrape.value("process_resident_memory_bytes") > 1_000_000
    assert watched.ask(process, "/anything-else")[0] == 404


def test_what_is_done_is_counted(watched: Watched) -> None:
    """One household registered: a call, events, commits, messages, rows and leaves; afterwards nobody is behind."""
    worker, log, relay = watched.scrape("worker-assistance"), watched.scrape("eventlog"), watched.scrape("relay")
    projector, seal = watched.scrape("projector"), watched.scrape("seal")
    door = {"service": "assistance", "method": "register_household", "kind": "command", "outcome": "ok"}

    family = watched.bureau.household({"resident_id": watched.bureau.person(), "name": CANARY, "monthly_income_fen": 0})

    after = watched.scrape("worker-assistance")
    assert after.value("minzheng_rpc_total", **door) == worker.value("minzheng_rpc_total", **door) + 1
    assert after.value("minzheng_rpc_seconds_count", method="register_household") > 0
    assert after.value("minzheng_rpc_total", method="get_household", kind="query") > 0
    appended = {"service": "assistance", "event": "assistance.household_registered"}
    new = after.value("minzheng_events_appended_total", **appended) - worker.value("minzheng_events_appended_total", **appended)
    assert new == 1
    found = watched.scrape("eventlog")
    assert found.value("minzheng_log_events_total") > log.value("minzheng_log_events_total")
    assert found.value("minzheng_log_group_commands_count") == found.value("minzheng_log_commit_seconds_count") > 0
    assert found.value("minzheng_log_bytes") > 4096
    assert found.value("minzheng_log_head_position") > log.value("minzheng_log_head_position")

    def grown(process: str, name: str, before: Any, **labels: str) -> None:
        until(lambda: watched.scrape(process).value(name, **labels) > before.value(name, **labels))

    grown("projector", "minzheng_projection_events_total", projector, service="assistance")
    grown("seal", "minzheng_seal_events_total", seal)
    case = watched.bureau.staff("clerk").assistance.apply(
        command_id=new_id(), programme="minimum_living_allowance", household_id=family["id"] if "id" in family else family["household_id"]
    )
    watched.bureau.staff("clerk").assistance.accept_application(command_id=new_id(), case_id=case["id"])
    grown("relay", "minzheng_relay_published_total", relay)
    grown("relay", "minzheng_relay_confirmed_total", relay)
    grown("worker-assistance", "minzheng_reactions_total", worker, outcome="ok")
    for process, name in (("relay", "relay"), ("projector", "projection"), ("seal", "seal")):
        until(lambda process=process, name=name: watched.scrape(process).value(f"minzheng_{name}_lag_positions") == 0)
        assert watched.scrape(process).has(f"minzheng_{name}_lag_seconds")
    assert watched.scrape("relay").value("minzheng_relay_active", relay="main") == 1


def test_a_refusal_is_counted_by_its_code(watched: Watched) -> None:
    """Who may not, and what is not there: two codes, no label of anything the caller sent."""
    asked: list[tuple[str, dict[str, Any]]] = [("forbidden", {}), ("not_found", {})]
    for code, _ in asked:
        who = watched.bureau.staff("registrar" if code == "forbidden" else "clerk")
        before = watched.scrape("worker-assistance").value("minzheng_rpc_total", method="get_household", outcome=code)
        with pytest.raises(Refused, match=code):
            who.assistance.get_household(household_id="0" * 32)
        assert watched.scrape("worker-assistance").value("minzheng_rpc_total", method="get_household", outcome=code) == before + 1


def test_dead_letters_and_queues_are_counted(watched: Watched) -> None:
    """A message nobody can handle: the counter of the reaction, the depth of the queue, and what the operator is shown."""
    dead = {"queue": "assistance.dead"}
    reaction = "hrss.income_changed.on_income_changed"
    before = watched.scrape("worker-assistance")
    watched.bureau.publish("hrss", "income_changed", {"resident_id": "nobody's", "name": CANARY}, message_id=new_id())
    until(
        lambda: watched.scrape("worker-assistance").value("minzheng_dead_letters_total", reaction=reaction)
        == before.value("minzheng_dead_letters_total", reaction=reaction) + 1
    )
    assert watched.scrape("worker-assistance").value("minzheng_reactions_total", reaction=reaction, outcome="dead") > 0
    until(lambda: watched.scrape("worker-assistance").value("minzheng_queue_messages", **dead) >= 1)
    assert watched.scrape("worker-assistance").value("minzheng_queue_consumers", queue=f"assistance.on.{reaction}") == 1
    overview = collect(watched.bureau.settings)
    assert overview.dead_letters["assistance"] >= 1
    assert not overview.well


def test_no_label_grows_with_the_work(watched: Watched) -> None:
    """Ids, numbers and names are in no label, whatever was done before."""
    for process in OURS:
        for sample in watched.scrape(process):
            for label, value in sample.labels.items():
                assert not ID.search(value), (sample.name, label)
                assert CANARY not in value


def test_status_names_everybody(watched: Watched) -> None:
    """The command prints one object with every process, every follower of the log and every queue."""
    env = {**os.environ, "MINZHENG_VAR": str(watched.var), "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    argv = [sys.executable, "-P", "-m", "shared.cli", "status"]
    told = json.loads(subprocess.run([*argv, "--json"], env=env, capture_output=True, text=True, check=False).stdout)
    assert {p["name"] for p in told["processes"]} >= {*OURS, "broker"}
    assert all(p["running"] and p["alive"] and p["ready"] for p in told["processes"] if p["name"] in OURS)
    assert all(p["memory"] > 1_000_000 and p["pid"] and p["restarts"] is not None for p in told["processes"])
    assert {lag["follower"] for lag in told["lags"]} >= {"relay", "projection registry", "projection portal", "seal"}
    assert {q["queue"] for q in told["queues"]} >= {"rpc-registry", "registry.dead", "assistance.on.hrss.income_changed.on_income_changed"}
    assert told["unknown"] == []
    shown = subprocess.run(argv, env=env, capture_output=True, text=True, check=False).stdout
    assert "worker-registry" in shown
    assert "就绪" in shown


def test_without_a_broker_they_live_but_are_not_ready_and_come_back(watched: Watched) -> None:
    """Who needs the broker says so and goes on living; who does not, does not mind; it returns, and so do they."""
    house = watched.bureau.house
    needs = ("relay", "worker-registry", "worker-assistance", "worker-eldercare")
    house.kill9("broker")
    try:
        for process in needs:
            until(lambda process=process: watched.ask(process, "/readyz")[0] == 503)
            assert "总线" in watched.ask(process, "/readyz")[1]
            assert watched.ask(process, "/healthz")[0] == 200
            assert watched.scrape(process).value("minzheng_ready") == 0
        assert watched.ask("projector", "/readyz")[0] == 200
        overview = collect(watched.bureau.settings)
        states = {p.name: p for p in overview.processes}
        assert (states["broker"].running, states["relay"].alive, states["relay"].ready) == (False, True, False)
        assert [what for what in overview.unknown if "消息总线" in what]
        assert {lag.follower for lag in overview.lags} >= {"relay", "seal"}  # these can be asked all the same
    finally:
        house.restart("broker")
    for process in needs:
        until(lambda process=process: watched.ask(process, "/readyz")[0] == 200)


def test_without_a_log_nobody_is_ready_and_the_question_has_no_answer(watched: Watched) -> None:
    """A lag that cannot be asked is no number at all; an old one would look like a house in order."""
    house = watched.bureau.house
    house.kill9("eventlog")
    try:
        for process in ("relay", "projector", "seal", "worker-registry"):
            until(lambda process=process: watched.ask(process, "/readyz")[0] == 503)
            assert watched.ask(process, "/healthz")[0] == 200
        scrape = watched.scrape("projector")
        assert not scrape.has("minzheng_projection_lag_positions")
        assert watched.scrape("projector").value("minzheng_questions_failed_total", question="projection registry") > 0
    finally:
        house.restart("eventlog")
    for process in OURS:
        until(lambda process=process: watched.ask(process, "/readyz")[0] == 200)
    until(lambda: watched.scrape("projector").has("minzheng_projection_lag_positions"))


def test_without_their_database_nobody_is_ready(tmp_path: Path, postgresql_url: str) -> None:
    """PostgreSQL lets nobody in: worker, projector and seal live on and say what is missing; it does again, and they are ready."""
    address = sa.make_url(postgresql_url).set(drivername="postgresql+psycopg")
    name = f"house_{os.getpid()}"
    ours = ("worker-eldercare", "projector", "seal")
    server = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            url = sa.make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
            with start(tmp_path, ("eventlog", "broker", *ours), DATABASE_URL=url):
                seen = Watched(None, tmp_path)  # type: ignore[arg-type]
                for process in ours:
                    until(lambda process=process: seen.ask(process, "/readyz")[0] == 200)
                connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
                for process in ours:
                    until(lambda process=process: "数据库：没有答复" in seen.ask(process, "/readyz")[1])
                    assert seen.ask(process, "/readyz")[0] == 503
                    assert seen.ask(process, "/healthz")[0] == 200
                connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                for process in ours:
                    until(lambda process=process: seen.ask(process, "/readyz")[0] == 200)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


def test_the_portals_processes_answer_as_one(tmp_path: Path) -> None:
    """Two processes of one server count together; whichever serves the metrics, when it is killed the other takes over; all stopped, no
    file says that any of them should be running."""
    with start(tmp_path, ("eventlog", "broker", "portal"), MINZHENG_PORTAL_PROCESSES="2") as house:
        port = house.child_env["MINZHENG_PORTAL_PORT"]
        seen = Watched(None, tmp_path)  # type: ignore[arg-type]
        until(lambda: (tmp_path / "run" / "portal.metrics.json").exists() and seen.ask("portal", "/readyz")[0] == 200)

        def ask(times: int) -> None:
            for _ in range(times):
                assert get(f"http://127.0.0.1:{port}/api/openapi.json")[0] == 200  # /healthz the portal asks itself

        ask(20)
        counted = {"route": "/api/openapi.json", "status": "200"}
        until(lambda: seen.scrape("portal").value("minzheng_http_seconds_count", **counted) == 20)
        serving = json.loads((tmp_path / "run" / "portal.metrics.json").read_text())["pid"]
        assert serving != house.processes()["portal"].pid  # one of the server's children: we started it
        os.kill(serving, 9)
        until(lambda: json.loads((tmp_path / "run" / "portal.metrics.json").read_text())["pid"] != serving)
        ask(5)
        until(lambda: seen.scrape("portal").value("minzheng_http_seconds_count", **counted) == 25)
        assert seen.scrape("portal").value("minzheng_alive") == 1
        until(lambda: seen.lines("portal"))  # the server tells of the process that was killed, in its own words
        assert all(line["process"] == "portal" and line["level"] for line in seen.lines("portal"))
    assert not list((tmp_path / "run").glob("*.metrics.json"))  # who ends by himself leaves nothing that says he was killed
