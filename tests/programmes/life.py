"""Half a year of a district: three services, every declared programme, and what every query answered on many days of it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from services.eldercare.declarations import PARTS
from shared.casework.benefit_case import case_id
from shared.domain.errors import Refused
from shared.messaging.doors import DoorInfo, doors_of
from shared.security.permissions import ROLES
from tests.desk import Desk
from tests.e2e.conftest import resident_id
from tests.programmes import district as town
from tests.programmes.introduced import introduce
from tests.programmes.test_declared import ALL, FIRST
from tests.programmes.test_means_test import Checked

SERVICES = ("assistance", "eldercare", "registry")
NAME = "独特姓名甲"
BORN_EARLY = resident_id("19400101", 7)
DIED = resident_id("19800101", 777)
DIED_UNTOLD = resident_id("19400101", 8)  # of elder care; nobody heard of it before June was paid
HARD_ELDER = resident_id("19400101", 9)
IDS = {"case_id", "person_id", "subject_id", "run_id", "recovery_id", "verification_id", "unit_id"}
NO_CASES = "330225199"  # a town without a case
MOST = 3  # ids of a kind
REMEMBERED = 3  # of the days on which the declared programmes live


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


def rest(d: Desk) -> None:
    """A minute has passed: no file of the past is somebody's any more."""
    for path in (d.settings.var / "past").glob("*/*.db"):
        os.utime(path, (1, 1))


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
        d.settle()
        self.objection("assistance", homes[1].case_id)
        self.remember()
        town.finish(d, homes[0])
        town.confirm(d, homes[1])
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
        gone = d.call("enrol_elder", service="eldercare", resident_id=DIED_UNTOLD, name=NAME, division="330225101")["id"]
        for n in (1, 2):
            number = resident_id("19500101", 800 + n)
            d.call("register_person", resident_id=number, name=NAME, division="330225101")
        d.settle()
        self.know(case_id=case_id("old_age_allowance", person))
        self.objection("eldercare", self.hard_elder())
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
        untold = {"resident_id": DIED_UNTOLD, "name": NAME, "died_on": "2023-05-28", "division": "330225101"}
        d.call("register_death", "registrar", service="registry", **untold)
        d.settle()  # June was paid after his death: a claim of elder care
        [claim] = d.call("list_recoveries", "auditor", service="eldercare", case_id=case_id("old_age_allowance", gone))
        self.know(recovery_id=claim["recovery_id"])
        self.remember()

    def hard_elder(self) -> str:
        """Somebody whose care subsidy is publicised: in hardship, with a loss of ability found by two hands. His case."""
        d, month = self.d, self.d.now.date().isoformat()[:7]

        def call(method: str, role: str = "clerk", **body: Any) -> Any:
            return d.call(method, role, service="eldercare", **body)

        who = call("enrol_elder", resident_id=HARD_ELDER, name=NAME, division="330225101")["id"]
        call("record_elder_hardship", person_id=who, hardship_class="minimum_living", month=month)
        scores, left = [], 50
        for part in PARTS:
            points = min(part.most, left)
            left -= points
            scores.append({"item": part.code, "points": points})
        record = {"programme": "elder_ability_assessment", "division": "330225101", "subject_id": who}
        of = {"record_id": call("request_assessment", **record)["id"], "scores": scores}
        call("submit_assessment", **of)
        call("submit_second_assessment", "reviewer", **of)
        d.settle()
        case = str(call("apply", programme="hardship_aged_disabled_subsidy", person_id=who)["id"])
        call("accept_application", case_id=case)
        call("record_survey", case_id=case, finding="情况属实")
        call("propose", "reviewer", case_id=case)
        d.settle()
        return case

    def objection(self, service: str, about: str) -> None:
        """Somebody writes on the public page about a case that is publicised."""
        told = self.d.call("report_objection", "portal", service=service, case_id=about, words="听说他家有车")
        self.know(receipt=told["receipt"])

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
        introduce(self.d.services["assistance"].office)
        steps = [(step.day, service, declared, n) for service, declared in ALL for n, step in enumerate(declared.example)]
        ids: dict[str, str] = {}
        days = [(day, list(todo)) for day, todo in groupby(sorted(steps, key=lambda s: s[0]), key=lambda s: s[0])]
        every = max(1, len(days) // REMEMBERED)
        for nth, (day, todo) in enumerate(days):
            self.d.on((FIRST + timedelta(days=day)).isoformat())
            for _, service, declared, n in todo:
                step = declared.example[n]
                body = {k: ids.get(declared.code) if v == "@id" else v for k, v in step.body.items()}
                if declared.code == "annual_entitlement_review" and "division" in body:
                    body["division"] = NO_CASES  # it begins with every case of its place, and its example knows none of this district's
                if step.act in ("start_campaign", "close_campaign", "offer_place"):
                    self.d.project()  # whether everybody is listed, or a bed is free, is asked of the rows
                answer = self.d.call(step.act, step.role, service=service, **body)
                ids.setdefault(declared.code, answer["id"])
                self.know(shape=(declared.shape.name, ids[declared.code]), record_id=ids[declared.code])
                if declared.shape.name in ("handoff", "assessment"):
                    record = {"shape": declared.shape.name, "record_id": ids[declared.code]}
                    found = self.d.call("get_record", "auditor", service=service, **record)
                    self.know(subject_id=found["subject_id"], number=found.get("number", ""))
            if nth % every == 0 or nth == len(days) - 1:
                self.remember()
