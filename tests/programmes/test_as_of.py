"""Every query of every service, asked again about the past: exactly the answers that were given then."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from shared import office
from shared.config import ROOT
from shared.domain.errors import Refused
from shared.eventlog import discovery
from shared.eventsourcing.orders import Hand, Order
from shared.messaging.doors import DoorInfo, doors_of
from shared.process import wait_until
from shared.security.permissions import ROLES
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import district as town
from tests.programmes.test_declared import ALL, FIRST
from tests.programmes.test_means_test import Checked

SERVICES = ("assistance", "eldercare", "registry")
NAME = "独特姓名甲"
BORN_EARLY = resident_id("19400101", 7)
DIED = resident_id("19800101", 777)
OF_NOBODY = ("list_programmes", "list_standards")  # what is declared or published is the same for everybody
IDS = {"case_id", "person_id", "subject_id", "run_id", "recovery_id", "verification_id", "unit_id"}
MOST = 4  # ids of a kind
REMEMBERED = 4  # of the days on which the declared programmes live


@dataclass(frozen=True)
class Asked:
    """A question, and what was answered to it then."""

    service: str
    method: str
    role: str
    body: dict[str, Any]
    answer: Any


def queries(d: Desk) -> list[tuple[str, DoorInfo]]:
    return [(name, info) for name, made in d.services.items() for info in doors_of(type(made)) if info.kind == "query"]


def required(info: DoorInfo) -> list[str]:
    return [f.name for f in dataclasses.fields(info.form) if f.default is dataclasses.MISSING]


def role_of(info: DoorInfo) -> str:
    return next(role for role, held in ROLES.items() if info.permission in held and not role.startswith("service:"))


def answered(d: Desk, service: str, method: str, role: str, **body: Any) -> Any:
    try:
        return d.call(method, role, service=service, **body)
    except Refused as refused:
        return refused.args


class Life:
    """Half a year of a district. ``remember`` asks every query about everything that is known by then, and keeps the answers."""

    def __init__(self, d: Desk) -> None:
        self.d = d
        self.moments: list[tuple[datetime, list[Asked]]] = []
        # Whatever a query must be asked with, by the parameter's name; grows with what happens.
        self.known: dict[str, list[Any]] = {
            "first": ["2023-03-01"],
            "last": ["2023-03-31"],
            "day": ["2023-08-01", "2023-03-20"],
            "month": ["2023-03", "2023-07"],
            "programme": [town.PROGRAMME],
            "shape": [],
            "resident_id": [DIED, BORN_EARLY],
            "changes": [{f"{town.STANDARD}.urban": "+10%"}],
            "effective_month": ["2023-09"],
        }

    def know(self, **what: Any) -> None:
        for name, value in what.items():
            there = self.known.setdefault(name, [])
            if value not in there:
                there.append(value)

    def remember(self) -> None:
        self.d.project()
        asked = []
        for service, info in queries(self.d):
            for body in self.bodies(info):
                role = role_of(info)
                asked.append(Asked(service, info.method, role, body, answered(self.d, service, info.method, role, **body)))
        self.moments.append((self.d.now, asked))
        for q in asked:
            self.learn(q.answer)

    def learn(self, answer: Any) -> None:
        """The ids in a list's first and last rows: the next questions are about them too."""
        rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
        for row in (*rows[:1], *rows[-1:]):
            for name in IDS & row.keys():
                if len(self.known.setdefault(name, [])) < MOST:
                    self.know(**{name: row[name]})

    def bodies(self, info: DoorInfo) -> list[dict[str, Any]]:
        names = required(info)
        if info.method == "benefit_statement":  # its period is in months
            return [{"subject_id": s, "first": "2023-01", "last": "2023-12"} for s in self.known["subject_id"]]
        if info.method == "visit_coverage":
            return [{"programme": "elder_visit", "first": "2023-03-01", "last": "2023-03-02"}]
        if info.method == "get_standard_run":
            return [{"number": 1}, {"number": 2}]
        if not names:
            return [{}]
        if names == ["category", "key"]:
            of = {"case": "case_id", "household": "household_id", "elder": "person_id", "death": "person_id"}
            return [{"category": category, "key": key} for category, name in of.items() for key in self.known[name][-3:]]
        if names == ["shape", "record_id"]:
            return [{"shape": shape, "record_id": record} for shape, record in self.known["shape"]]
        asked = [self.known.get(name, ["无此编号"]) for name in names]
        return [{name: values[n % len(values)] for name, values in zip(names, asked, strict=True)} for n in range(max(map(len, asked)))]

    # -- what happens

    def live(self) -> None:
        self.know(
            case_id="0" * 32, household_id="0" * 32, person_id="0" * 32, subject_id="0" * 32, run_id="0" * 32, unit_id="0" * 32,
            verification_id="0" * 32, recovery_id="0" * 32, cut_over_id="0" * 32, record_id="0" * 32,
        )  # fmt: skip
        self.households()
        self.elders()
        self.checks()
        self.programmes()

    def households(self) -> None:
        d = self.d.on("2023-03-01")
        homes = [town.register(d, 1, 60_000, 0, 0), town.register(d, 2, 100_000, area="rural", born=("19500101",))]
        for home in homes:
            self.know(household_id=home.household_id, subject_id=home.household_id, case_id=home.case_id, unit_id=home.household_id)
            self.know(person_id=next(iter(d.call("get_household", household_id=home.household_id)["members"])))
        self.remember()
        for home in homes:
            town.file(d, home)
        self.remember()
        town.finish(d, homes[0])
        d.settle()
        self.remember()
        d.on("2023-04-03")
        self.know(run_id=town.pay(d, "2023-04"))
        self.remember()
        changed = {"monthly_income_fen": 90_000, "effective_from": "2023-02-10"}
        d.later(3).call("record_income", household_id=homes[0].household_id, person_id=self.known["person_id"][1], **changed)
        d.settle()  # found overpaid: a claim
        for claim in d.call("list_recoveries", "auditor"):
            self.know(recovery_id=claim["recovery_id"])
        self.remember()
        town.publish(d, 138_050, 138_050, "2023-05-01")
        self.remember()
        d.settle()
        self.remember()
        d.on("2023-05-10").call("trigger_price_linkage", "reviewer", month="2023-04", cpi_bp=400, food_bp=700, document_no="物价1号",
                                published_on="2023-05-09")  # fmt: skip
        self.know(month="2023-04")
        d.call("confirm_price_linkage", "approver", month="2023-04")
        d.settle()
        self.remember()

        urgent = {"kind": "emergency", "cause": "accident", "happened_on": "2023-05-11", "division": homes[0].body["division"]}
        d.on("2023-05-12").call("apply_temporary", household_id=homes[0].household_id, loss_fen=500_000, **urgent)
        d.settle()
        self.remember()

    def elders(self) -> None:
        d = self.d.on("2023-06-01")
        person = d.call("enrol_elder", service="eldercare", resident_id=BORN_EARLY, name=NAME, division="330225101")["id"]
        self.know(person_id=person, subject_id=person)
        d.settle()
        self.remember()
        of = {"programme": "old_age_allowance", "month": "2023-06", "division": "330225"}
        run = d.call("prepare_payment_run", "cashier", service="eldercare", **of)["id"]
        self.know(run_id=run)
        d.call("approve_payment_run", "approver", service="eldercare", run_id=run)
        d.settle()
        self.remember()
        member = {"resident_id": DIED, "name": NAME, "relation": "户主", "monthly_income_fen": 30000}
        home = d.call("register_household", household_no="W1", division="330225101", area="rural", members=[member])["id"]
        self.know(household_id=home, subject_id=home)
        d.settle()
        death = {"resident_id": DIED, "name": NAME, "died_on": "2023-06-09", "division": "330225101"}
        dead = d.on("2023-06-10").call("register_death", "registrar", service="registry", **death)["id"]
        self.know(person_id=dead)
        self.remember()
        d.settle()
        self.remember()

    def checks(self) -> None:
        one = Checked(self.d, 3, "2023-06-12").applied()
        self.know(case_id=one.case_id, household_id=one.household_id, subject_id=one.household_id)
        self.remember()
        one.sign()
        self.know(verification_id=one.verification_id)
        self.remember()
        grant = {"division": "330225101", "post": "clerk", "valid_from": "2023-06-12", "valid_until": "2024-06-12", "basis": "象民1号"}
        self.d.call("grant_check_right", "approver", **grant)
        self.remember()
        switch = {"source": "property", "system": "city2", "adapter": "files", "theirs": []}
        self.know(cut_over_id=self.d.call("start_cut_over", "approver", **switch)["id"])
        start = {"division": "330225", "period": "2023", "programmes": [town.PROGRAMME], "due_on": "2023-12-31"}
        self.d.settle()
        self.d.call("start_reverification", "reviewer", **start)
        self.d.settle()
        self.remember()

    def programmes(self) -> None:
        """Every declared programme lives its example, all of them at once, day by day; what is due is not called meanwhile."""
        steps = [(step.day, service, declared, n) for service, declared in ALL for n, step in enumerate(declared.example)]
        ids: dict[str, str] = {}
        days = [(day, list(todo)) for day, todo in groupby(sorted(steps, key=lambda s: s[0]), key=lambda s: s[0])]
        every = max(1, len(days) // REMEMBERED)
        for nth, (day, todo) in enumerate(days):
            self.d.on((FIRST + timedelta(days=day)).isoformat())
            for _, service, declared, n in todo:
                step = declared.example[n]
                body = {k: ids.get(declared.code) if v == "@id" else v for k, v in step.body.items()}
                answer = self.d.call(step.act, step.role, service=service, **body)
                ids.setdefault(declared.code, answer["id"])
                self.know(shape=(declared.shape.name, ids[declared.code]), record_id=ids[declared.code])
                if declared.shape.name in ("handoff", "assessment"):
                    record = {"shape": declared.shape.name, "record_id": ids[declared.code]}
                    found = self.d.call("get_record", "auditor", service=service, **record)
                    self.know(subject_id=found["subject_id"], number=found.get("number", ""))
            if nth % every == 0 or nth == len(days) - 1:
                self.remember()

@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with desk(tmp_path_factory.mktemp("as_of"), *SERVICES) as d:
        made = Life(d)
        made.live()
        d.later(30)
        yield made


def test_every_query_answers_about_every_day_what_it_answered_then(life: Life) -> None:
    """All queries of all services, remembered on many days of a life, asked again behind it: the same, refusals included."""
    d = life.d
    assert {service for service, _ in queries(d)} == set(discovery.services()) == set(SERVICES)
    told: set[tuple[str, str]] = set()
    different = []
    for moment, asked in life.moments:
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
    assert wait_until(lambda: not here.preparing.running, 60)
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
    for words, said in ((("nobody", "--as-of", "2023-06-10"), "没有服务"), (("registry", "--as-of", "gestern"), "须为日期或 ISO 时间")):
        failed = subprocess.run([*minzheng, *words], cwd=ROOT, env=environment(d), check=False, timeout=120, capture_output=True, text=True)
        assert failed.returncode == 1
        assert said in failed.stderr


def test_every_form_has_as_of_and_no_query_needs_it(life: Life) -> None:
    """Who describes the doors (API, contracts) finds it in each, and it may be left out."""
    for service, info in queries(life.d):
        [as_of] = [f for f in dataclasses.fields(info.form) if f.name == "as_of"]
        assert as_of.default is None, f"{service}.{info.method}"
