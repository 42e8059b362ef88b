"""A district for the tests of the public pages: lived day by day through the real doors, its pages remembered at the end of each day.

The services run in one process over a real log, the portal's own application is served beside them over HTTP, and the seal follows the log.
Names are the canary: every full name given to anybody is kept, and none may be on a page.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.portal.sunshine import filed
from services.portal.web.app import create_app
from shared.casework.fund import DrawFromFund
from shared.casework.shape import Declaration, Step
from shared.cli.sealing import origin_of, signing_key
from shared.clock import SHANGHAI, Clock
from shared.eventlog import discovery
from shared.eventlog.integrity.seal import Seal
from shared.eventlog.stores import engine_for
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk
from tests.programmes.introduced import introduce
from tests.programmes.life import NO_CASES
from tests.programmes.people import Home, Numbers, apply, home, pay

LIVING, HARDSHIP, CARE = "minimum_living_allowance", "extreme_hardship_support", "severe_disability_care_subsidy"
XIZHOU, SHIPU, HEPU = "330225101001", "330225100002", "330225102003"
TOWNS = {XIZHOU: 7, SHIPU: 6, HEPU: 2, "330225002001": 9, "330225103004": 5, "330225200001": 11}  # households of each
ALL = sum(TOWNS.values())
FIRST = datetime(2023, 7, 3, tzinfo=SHANGHAI)
BESIDE = "330225103"  # the town whose figure is withheld for that of HEPU's
DRAWN = 7  # of the cases of the district
SHAPES = ("fund", "inspection", "list_entry", "project", "publication", "session", "visit_plan")  # whose examples are lived
DAYS = 50  # of the declared examples, the steps within so many days
PATHS = ("/", "/sunshine/proposals", "/sunshine/recipients", "/sunshine/standards", "/sunshine/payments", "/sunshine/funds",
         "/sunshine/inspections", "/sunshine/credit", "/sunshine/indicators")  # fmt: skip
_LINK = re.compile(r'href="(/[^"#]*)')
_ON = re.compile(r"(?:\?|&amp;)on=\d{4}-\d\d-\d\d")
_SAID = re.compile(r'<div id="said">(.*?)</div>\s*<form method="get"[^>]*day-picker', re.DOTALL)


@dataclass
class District:
    """What was lived, and what the pages said at the end of each day."""

    desk: Desk
    app: Flask
    names: set[str] = field(default_factory=set)
    remembered: dict[str, dict[str, str]] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)  # by day and name, but those that say less of a past day
    numbers: Numbers = field(default_factory=Numbers)
    waiting: str = ""  # a case under publicity
    lot: str = ""  # an inspection drawn by lot from 132 objects
    of_cases: dict[str, str] = field(default_factory=dict)  # place → inspection of its cases: the district, a town with few, one beside
    ids: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)  # what stands in events and may be in no receipt

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def home(self, town: str, name: str, *more: dict[str, Any], **head: Any) -> Home:
        members = [{"name": name, **head}, *more]
        self.names |= {str(m.get("name")) for m in members}
        made = home(self.desk, self.numbers, *members, town=town)
        self.ids |= set(made.members)
        self.secrets |= {made.household_id, *made.members}
        return made

    def remember(self) -> None:
        """What every page that can be reached says today, its own addresses stripped of the day."""
        self.desk.settle()
        day = self.desk.now.date().isoformat()
        self.remembered[day] = {path: part(text) for path, text in self.read().items()}
        codes = [r["name"] for r in self.client.get("/sunshine/data/datapackage.json").get_json()["resources"]]
        self.tables[day] = {code: self.client.get(f"/sunshine/data/{code}.json").get_json()["rows"] for code in codes}

    def read(self, on: str = "") -> dict[str, str]:
        """Every public page that links lead to (receipts, forms and files left out), today or as of a day."""
        seen: dict[str, str] = {}
        todo = [p + (f"?on={on}" if on else "") for p in PATHS]
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            answer = self.client.get(path)
            if answer.mimetype != "text/html" or answer.status_code != 200:
                continue
            seen[path] = answer.get_data(as_text=True)
            for link in _LINK.findall(seen[path]):
                link = link.replace("&amp;", "&")
                back = on and "on=" not in link  # the notice's own way back to today
                if link.startswith(PATHS[1:]) and not link.endswith("/objection") and ".txt" not in link and not back:
                    todo.append(link)
        return seen


def part(text: str) -> str:
    """What a page says: its own part, without the day in its addresses."""
    found = _SAID.search(text)
    assert found, text[:500]
    return _ON.sub("", found[1])


def said(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return part(answer.get_data(as_text=True))


def examples(d: Desk) -> None:
    """The declared programmes' examples, all together in the order of the days."""
    introduce(d.services["assistance"].office)
    steps: list[tuple[int, int, Declaration, Step]] = []
    for declaration in DECLARATIONS.values():
        if declaration.shape.name in SHAPES:
            steps += [(s.day, n, declaration, s) for n, s in enumerate(declaration.example) if s.day <= DAYS]
    ids: dict[str, str] = {}
    for day, _, declaration, step in sorted(steps, key=lambda s: (s[0], s[2].code, s[1])):
        d.on(f"{FIRST + timedelta(days=day):%Y-%m-%d}")
        body = {k: ids.get(declaration.code, "") if v == "@id" else v for k, v in step.body.items()}
        if declaration.code == "annual_entitlement_review" and "division" in body:
            body["division"] = NO_CASES  # it begins with every case of its place, and its example knows none of this district's
        if step.act in ("start_campaign", "close_campaign", "offer_place"):
            d.project()  # whether everybody is listed, or a bed is free, is asked of the rows
        answer = d.call(step.act, step.role, **body)
        ids.setdefault(declaration.code, answer["id"])


def drawn(d: Desk, record: str, case_id: str, fen: int, draw_id: str) -> None:
    """A draw as the first grant of a matter makes it, or as hands made it before: no door of the fund makes one."""
    clerk = Hand("staff:clerk", frozenset({"clerk"}), "330225")
    draw = DrawFromFund(record, case_id, fen, draw_id)
    d.services["assistance"].office.handle(DECIDERS["fund"], record, Order(draw, str(uuid.uuid4()), clerk, d.now))
    d.project()


SEED = """双色球2023090期 "01 05 <9>" x'; touch seeded #"""  # with what would run in a shell
INJECTED = "<script>alert(1)</script>"


def ill_meant(made: District) -> None:
    """What somebody writes to harm whoever reads it: in a title, in a document number that a spreadsheet would run. And a longer draw."""
    d = made.desk
    fund = {"programme": "temporary_assistance_reserve_fund", "division": "330225102"}
    record = d.call("open_fund", "approver", **fund)["id"]
    d.call("allocate_to_fund", "cashier", record_id=record, amount=500_000, document_no="=HYPERLINK(1)")
    drawn(d, record, "case-9", 120_000, "D1")
    d.call("settle_fund_draw", "approver", record_id=record, draw_id="D1", decision="case-9", covered=100_000)
    opening = {"programme": "support_institution_governance", "division": "330225", "title": "八月供养机构抽查", "scope": "全部机构"}
    d.call("count_fund", "reviewer", record_id=record, counted=400_000, note="盘点时王某某在场")
    made.secrets |= {"case-9", "盘点时王某某在场"}
    d.call("open_campaign", "reviewer", **{**opening, "title": f"抽查{INJECTED}"}, period_from="2023-08-20", check_by="2023-12-31")
    lot = d.call("open_campaign", "reviewer", **opening, period_from=d.now.date().isoformat(), check_by="2023-12-31")["id"]
    objects = [f"院-{n:03d}" for n in range(130)] + ["𠀀-1", "ﬀ-1"]  # of which Python and JavaScript disagree about the order
    d.call("list_campaign_objects", "reviewer", record_id=lot, objects=objects)
    tomorrow = (d.now.date() + timedelta(days=1)).isoformat()
    source = {"source": "双色球开奖号码", "issue": "第2023090期", "look_up": "中国福彩网开奖公告"}
    source |= {"issue_on": tomorrow, "draw_on": tomorrow}
    d.call("freeze_campaign_list", "reviewer", record_id=lot, count=40, **source)
    d.project()
    for place, count in (("330225", DRAWN), (HEPU[:9], 1), (BESIDE, 2)):
        opening = {"programme": "assistance_special_governance", "division": place, "title": f"个案抽查{place}", "scope": "在册个案"}
        day = d.now.date().isoformat()
        record = d.call("open_campaign", "reviewer", **opening, period_from=day, check_by="2023-12-31")["id"]
        d.project()
        d.call("list_campaign_cases", "reviewer", record_id=record)
        d.call("freeze_campaign_list", "reviewer", record_id=record, count=count, **source)
        made.of_cases[place] = record
    theirs = d.call("get_record", "auditor", shape="inspection", record_id=made.of_cases[BESIDE])["objects"]
    opening = {"programme": "assistance_special_governance", "division": "330225", "title": "全区个案抽查", "scope": "在册个案"}
    record = d.call("open_campaign", "reviewer", **opening, period_from=d.now.date().isoformat(), check_by="2023-12-31")["id"]
    d.call("list_campaign_objects", "reviewer", record_id=record, objects=list(theirs))  # of one town, though it is called the district's
    d.call("freeze_campaign_list", "reviewer", record_id=record, count=2, **source)
    made.of_cases["one town's"] = record
    d.settle()
    made.remember()
    d.later(1)
    d.project()
    for record, count in ((lot, 40), (made.of_cases["330225"], DRAWN)):
        d.call("record_campaign_seed", "clerk", record_id=record, seed=SEED + "?")
        d.call("record_campaign_seed", "clerk", record_id=record, seed=SEED)
        d.call("start_campaign", "reviewer", record_id=record, count=count, seed=SEED)
    made.lot = lot
    d.settle()


def granted(made: District, towns: list[str]) -> None:
    """A household of each, through application, publicity and confirmation, all on the same days."""
    d, cases = made.desk, []
    for town in towns:
        n = len(made.names)
        name = "欧阳甲天下" if n == 0 else f"{'王李张刘陈杨黄周吴徐'[n % 10]}钱孙{n:02d}"
        one = made.home(town, name, monthly_income_fen=4000 * (n % 9))
        cases.append(apply(d, LIVING, household_id=one.household_id))
        made.secrets.add(cases[-1])
        d.call("propose", "reviewer", case_id=cases[-1])
    d.settle()
    d.later(8)
    for case_id in cases:
        shown = d.call("get_case", "auditor", case_id=case_id)
        d.call("confirm", "approver", case_id=case_id, reviewed=shown["proposal"]["reviewed"])
    d.settle()


def live(made: District) -> None:
    """From March to August 2023."""
    d = made.desk
    d.on("2023-03-01")
    filed.record(d.settings)  # as the portal does when it starts
    towns = [town for town, count in TOWNS.items() for _ in range(count)]
    granted(made, towns[:-4])
    d.on("2023-03-10")
    made.remember()
    d.on("2023-04-20")
    pay(d, LIVING, "2023-04", "330225")
    made.remember()
    d.on("2023-04-24")
    granted(made, towns[-4:])
    d.on("2023-05-08")
    published = d.call(
        "draft_standard", "reviewer", standard=f"{LIVING}.standard", amounts=[{"area": "both", "amount_fen": 130000}],
        effective_from="2023-06-01", document_no="象民〔2023〕11号",
    )  # fmt: skip
    d.call("approve_standard", "approver", number=published.get("number", 1))
    d.call("publish_standard", "approver", number=published.get("number", 1))
    d.settle()
    made.remember()
    for month in ("2023-05", "2023-06"):
        d.on(f"{month}-21")
        pay(d, LIVING, month, "330225")
    examples(d)
    made.remember()
    d.later(7)
    ill_meant(made)
    pay(d, LIVING, "2023-07", HEPU[:9])
    made.remember()
    d.on("2023-08-24")
    late = made.home(SHIPU, "孙行者大圣", {"name": "沙悟净小童", "born": "20150606"})
    made.waiting = apply(d, LIVING, household_id=late.household_id)
    made.secrets.add(made.waiting)
    d.call("propose", "reviewer", case_id=made.waiting)
    d.settle()
    pay(d, LIVING, "2023-08", "330225")
    made.remember()
    d.later(1)


@contextmanager
def district(var: Path, **env: str) -> Iterator[District]:
    """The district, lived; its portal answers on ``base``."""
    with desk(var, "assistance", "eldercare", "registry", "portal", MINZHENG_PORTAL_RATE="100000/minute", **env) as d:
        discovery.load_all()
        made, tree = District(d, create_app(d.settings)), engine_for(d.settings, "integrity")
        seal_up = Seal(d.offices["portal"].log, tree, signing_key(d.settings), origin_of(d.settings), Clock(d.settings.clock_file))
        live(made)
        seal_up.catch_up()
        seal_up.sign()
        yield made
        made.app.extensions["portal"].close()
        tree.dispose()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application over HTTP on loopback; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()
