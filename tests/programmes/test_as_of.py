"""Every query of every service, asked again about the past: exactly the answers that were given then."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import typing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import office
from shared.config import ROOT
from shared.domain.errors import Refused
from shared.eventlog import discovery
from shared.eventsourcing.orders import Hand, Order
from shared.process import wait_until
from tests.desk import Desk, desk
from tests.programmes import district as town
from tests.programmes.life import BORN_EARLY, DIED, NAME, SERVICES, Life, answered, queries, required, rest, role_of
from tests.projections.test_rows import contents

OF_NOBODY = ("list_programmes", "list_standards")  # what is declared or published is the same for everybody


def test_every_query_answers_about_every_day_what_it_answered_then(life: Life) -> None:
    """All queries of all services, remembered on many days of a life, asked again behind it: the same, refusals included."""
    d = life.d
    assert {service for service, _ in queries(d)} == set(discovery.services()) == set(SERVICES)
    told: set[tuple[str, str]] = set()
    different = []
    for moment, asked in life.moments:
        rest(d)  # however many days this life has
        for q in asked:
            then = answered(d, q.service, q.method, q.role, **q.body, as_of=moment.isoformat())
            if then != q.answer:
                different.append(f"{q.service}.{q.method}({q.body}) at {moment:%Y-%m-%d}: {q.answer} != {then}")
            if not (isinstance(q.answer, tuple) and q.answer[0] in ("not_found", "invalid_input")):
                told.add((q.service, q.method))
    assert different == []
    silent = {(service, info.method) for service, info in queries(d)} - told
    assert len(silent) * 8 < len(queries(d)), f"this life tells nothing of {sorted(silent)}"


def test_what_was_remembered_is_not_what_is_so_now(life: Life) -> None:
    """The comparison above would see it if ``as_of`` were not heeded: of most questions the answer has changed since."""
    _, asked = life.moments[3]
    now = [answered(life.d, q.service, q.method, q.role, **q.body) for q in asked]
    changed = {q.method for q, answer in zip(asked, now, strict=True) if answer != q.answer}
    assert changed >= {"list_cases", "list_households", "list_records", "list_worklists", "list_register", "list_deaths", "list_elders"}


def test_lists_of_the_past_end_at_the_border_of_the_division(life: Life) -> None:
    """The next district's hand sees in the past what it sees today: nothing of this one; a town's hand its own town."""
    d = life.d
    moment = life.moments[-1][0].isoformat()
    for service, info in queries(d):
        if info.method.startswith("list_") and not required(info) and info.method not in OF_NOBODY:
            rows = d.call(info.method, role_of(info), service=service, at="330226", as_of=moment)
            listed = [rows] if isinstance(rows, list) else [part for part in rows.values() if isinstance(part, list)]
            assert listed, f"{service}.{info.method}"
            assert not any(listed), f"{service}.{info.method}"
    for household_id in life.known["household_id"][1:]:
        with pytest.raises(Refused, match="wrong_division"):
            d.call("get_household", at="330226", household_id=household_id, as_of=moment)
    seen = {row["division"] for row in d.call("list_households", at=town.TOWNS[0], as_of=moment)}
    assert seen == {town.TOWNS[0]}


def test_names_are_opened_for_the_answer_and_sealed_in_every_file_of_the_past(life: Life) -> None:
    """As in the log itself: a file that is copied away names nobody, and destroying a person's key takes the name out of the past too."""
    d = life.d
    moment = life.moments[-1][0].isoformat()
    assert {row["name"] for row in d.call("list_deaths", "auditor", service="registry", as_of=moment)} == {NAME}
    files = list((d.settings.var / "past").glob("*/*.db"))
    assert len({file.parent.name for file in files}) == len(SERVICES)
    told = json.dumps(NAME)[1:-1].encode()
    for file in files:
        held = file.read_bytes()
        for text in (NAME.encode(), told, DIED.encode(), BORN_EARLY.encode()):
            assert text not in held, file.name


def test_files_are_few_although_many_moments_were_asked_for(life: Life) -> None:
    """No more than are kept, whatever was asked; those of the last minute stay for their readers."""
    past = life.d.services["registry"].office.past
    for path in past.directory.glob("*.db"):
        os.utime(path, (1, 1))
    past.prepare(life.moments[0][0] + timedelta(seconds=1))
    assert len(list(past.directory.glob("*.db"))) == past._kept


def test_nothing_can_be_done_in_the_past(life: Life) -> None:
    """An office that looks back refuses every command, and its clock stands."""
    here = life.d.services["registry"].office
    moment = life.moments[2][0]
    then = here.then(moment)
    order: Order[Any] = Order(None, "x", Hand.service("registry"), moment)
    decider = next(discovery.deciders("registry"))
    for act in (then.handle, then.rehearse):
        with pytest.raises(Refused, match="只能查询"):
            act(decider, "x", order)
    assert then.clock.now() == moment


def test_the_past_of_a_read_model_in_postgresql_is_a_file_too(tmp_path: Path, postgresql_url: str) -> None:
    """The same rows, whatever database the live ones are in."""
    with desk(tmp_path, "assistance", DATABASE_URL=postgresql_url, MINZHENG_SCHEMA_PREFIX="asof_") as d:
        homes = [town.register(d.on("2023-03-01"), n, 60_000, 0) for n in (1, 2)]
        town.file(d, homes[0])
        d.project()
        moment = d.now.isoformat()
        lists = ("list_cases", "list_households", "list_worklists")
        then = [d.call(method, "auditor") for method in lists]
        d.later(9)
        town.confirm(d, homes[0])
        town.file(d, homes[1])
        d.project()
        assert all(d.call(method, "auditor") != told for method, told in zip(lists, then, strict=True) if method != "list_households")
        assert [d.call(method, "auditor", as_of=moment) for method in lists] == then
        assert d.services["assistance"].office.read.dialect.name == "postgresql"
        assert len(list((tmp_path / "past" / "assistance").glob("*.db"))) == 1


def test_the_whole_logs_read_model_has_a_past_too(tmp_path: Path) -> None:
    """What the portal keeps over every service's events, as it was at a moment."""
    with desk(tmp_path, "registry", discovery.PORTAL) as d:
        death = {"name": NAME, "died_on": "2023-07-02", "division": "330225101"}
        d.call("register_death", "registrar", resident_id=BORN_EARLY, **death)
        d.settle()
        office, model = d.offices[discovery.PORTAL], d.models[discovery.PORTAL]
        moment, then = d.now, contents(model, office.read)
        d.later(1).call("register_death", "registrar", resident_id=DIED, **death)
        d.settle()
        assert contents(model, office.read) != then
        assert contents(model, office.past.at(moment, None)) == then


def test_a_moment_to_come_is_now(life: Life) -> None:
    """Nothing is known of it but what is known by now, and no file is made."""
    d = life.d
    files = set((d.settings.var / "past").rglob("*.db"))
    later = (d.now + timedelta(days=1)).isoformat()
    assert d.call("list_cases", as_of=later) == d.call("list_cases")
    assert set((d.settings.var / "past").rglob("*.db")) == files


def test_a_position_to_wait_for_is_no_matter_in_the_past(life: Life) -> None:
    """Whoever asks with his own command's position and a moment gets the moment."""
    moment, asked = life.moments[-1]
    [then] = [q.answer for q in asked if (q.service, q.method) == ("assistance", "list_cases")]
    position = life.d.services["assistance"].office.log.head()
    assert life.d.call("list_cases", "clerk", position=position, as_of=moment.isoformat()) == then


def test_a_moment_without_a_zone_is_refused(life: Life) -> None:
    """Whose nine o'clock it is must be said."""
    with pytest.raises(Refused, match="时间须带时区"):
        life.d.call("list_cases", as_of="2023-07-01T09:00:00")


BEYOND = ("0001-01-01", "0999-01-01", "1899-12-31", "3000-01-01", "9999-12-31")
MONTH = re.compile(r"\d{4}-\d{2}")


def test_no_moment_near_the_ends_of_the_calendar_is_a_fault_of_ours(life: Life) -> None:
    """Every query refuses it by the field's name; the first there is shows nothing, and no file of another year passes for one of it."""
    d = life.d
    d.call("list_cases", as_of=life.moments[-1][0].isoformat())  # a file to mistake for an earlier one
    moments = ("0001-01-01T00:00:00+08:00", "0999-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-08:00")
    for service, info in queries(d):
        [body] = life.bodies(info)[-1:]
        for moment in moments:
            code, _, field = answered(d, service, info.method, role_of(info), **body, as_of=moment)
            assert (code, field) == ("invalid_input", "as_of"), f"{service}.{info.method} {moment}"
    assert d.call("list_cases", as_of="1970-01-01T00:00:00Z") == []


def test_no_day_and_no_month_that_a_query_takes_is_a_fault_of_ours(life: Life) -> None:
    """Whatever stands there, the answer is one or a refusal: of a day that nobody can mean with the field's name."""
    d, days, months = life.d, 0, 0
    for service, info in queries(d):
        hints = typing.get_type_hints(info.form)
        [body] = life.bodies(info)[-1:]
        for name, hint in hints.items():
            if date in (hint, *typing.get_args(hint)):
                days += 1
                for day in BEYOND:
                    code, _, field = answered(d, service, info.method, role_of(info), **{**body, name: day})
                    assert (code, field) == ("invalid_input", name), f"{service}.{info.method} {name}={day}"
                for day in ("1900-01-01", "2999-12-31"):
                    answered(d, service, info.method, role_of(info), **{**body, name: day})
            elif "month" in name or MONTH.fullmatch(str(body.get(name))):
                months += 1
                for month in (*(day[:7] for day in BEYOND), "1900-01", "2999-12", "0000-00", "x"):
                    answered(d, service, info.method, role_of(info), **{**body, name: month})
    assert (days > 20, months > 5) == (True, True)


def test_what_takes_long_is_made_ready_by_a_process_of_its_own(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says that it is being prepared and how far it is; later it is the answer itself."""
    d = life.d
    monkeypatch.setattr(office, "PATIENCE", 0.0)
    moment = life.moments[-1][0] + timedelta(seconds=1)
    [then] = [q.answer for q in life.moments[-1][1] if (q.service, q.method) == ("assistance", "list_cases")]
    here = d.services["assistance"].office
    for kept in here.past.directory.glob("*.db"):
        kept.unlink()  # or it would go on from one of them at once
    with pytest.raises(Refused, match=r"正在准备该时刻的查询数据（已完成 \d+%），请稍后再试。") as refused:
        d.call("list_cases", as_of=moment.isoformat())
    assert refused.value.code == "unavailable"
    assert here.preparing.running
    assert not here.preparing.begin(moment), "one at a time"
    assert wait_until(lambda: not here.preparing.running, 90)
    assert here.past.path(moment).exists(), (d.settings.var / "log" / "past-assistance.log").read_text()
    assert d.call("list_cases", as_of=moment.isoformat()) == then


IN_A_WORKER = """
import sys
from shared.messaging.green import eventlet
eventlet.monkey_patch(thread=False)
from datetime import datetime
from shared import config
from shared.eventlog.preparing import Preparing
from shared.messaging.boundary import Lane
made, lane = Preparing(config.load(), "registry"), Lane("trial", 1)
assert lane.call(made.begin, datetime.fromisoformat(sys.argv[1]))
while lane.call(lambda: made.running):
    eventlet.sleep(0.05)
"""


def environment(d: Desk) -> dict[str, str]:
    var = d.settings.var
    return {**os.environ, "MINZHENG_VAR": str(var), "EVENTSTORE_URI": d.settings.eventstore_uri, "EVENTSTORE_DATA": str(var / "eventlog")}


def test_a_worker_starts_that_process_from_its_native_threads(life: Life) -> None:
    """Where the standard library is eventlet's, from the lane on which queries run."""
    moment = life.moments[4][0] + timedelta(seconds=2)
    subprocess.run([sys.executable, "-c", IN_A_WORKER, moment.isoformat()], cwd=ROOT, env=environment(life.d), check=True, timeout=120)
    assert life.d.services["registry"].office.past.path(moment).exists()


def test_an_operator_prepares_a_day_ahead(life: Life) -> None:
    """``minzheng past``: the day's end, told in Chinese; a service or a time that is none is told in one line."""
    d = life.d
    minzheng = [sys.executable, "-m", "shared.cli", "past"]
    done = subprocess.run(
        [*minzheng, "registry", "--as-of", "2023-06-10"], cwd=ROOT, env=environment(d), check=True, capture_output=True, text=True
    )
    assert "个事件" in done.stdout
    assert d.services["registry"].office.past.path(datetime.fromisoformat("2023-06-10T23:59:59.999999+08:00")).exists()
    refused = {
        ("nobody", "2023-06-10"): "没有服务",
        ("registry", "gestern"): "须为日期或 ISO 时间",
        ("registry", "0001-01-01"): "1970 至 2999 年",
    }
    for (service, day), said in refused.items():
        words = (service, "--as-of", day)
        failed = subprocess.run([*minzheng, *words], cwd=ROOT, env=environment(d), check=False, timeout=120, capture_output=True, text=True)
        assert failed.returncode == 1
        assert said in failed.stderr


def test_every_form_has_as_of_and_no_query_needs_it(life: Life) -> None:
    """Who describes the doors (API, contracts) finds it in each, and it may be left out."""
    for service, info in queries(life.d):
        [as_of] = [f for f in dataclasses.fields(info.form) if f.name == "as_of"]
        assert as_of.default is None, f"{service}.{info.method}"
