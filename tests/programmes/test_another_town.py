"""Another town's hand before every door, with every post and the id of a record that is not his: 403, over the API, at the desk, on the
audit's pages and the operators'. Token, portal and doors are the real ones; between the last two is no broker, which decides nothing."""

from __future__ import annotations

import dataclasses
import io
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from services.assistance.declarations import DECIDERS
from services.portal.api import operations
from services.portal.api.pages import _sample
from services.portal.desk import things
from services.portal.desk.act import opening_acts
from services.portal.desk.forms import Known
from services.portal.web.app import create_app
from shared.casework import handoff
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.eventlog import discovery
from shared.messaging.disclosure_doors import DisclosureDoors
from shared.messaging.doors import DoorInfo
from shared.security import tokens
from shared.security.permissions import ROLES
from tests.desk import DIVISION, Desk
from tests.portal.hands import typed
from tests.programmes.life import BORN_EARLY, Life, answered, role_of

ELSEWHERE = "330225200"  # a town of this district in which nobody of this life has ever been
EVERY_ROLE = tuple(r for r in ROLES if not r.startswith(tokens.SERVICE))

TOWN = "330225101"
ALLOWANCES = ("minimum_living_allowance", "hardship_aged_disabled_subsidy")  # that are applied for
# What a form names by a field, beside the record that it is about.
CATEGORIES = {
    "household_id": "household", "case_id": "case", "person_id": "person", "subject_id": "household", "run_id": "payment_run",
    "recovery_id": "recovery", "unit_id": "determination", "verification_id": "verification",
}  # fmt: skip
PERSONS = {"assistance": "person", "eldercare": "elder", "registry": "death"}
KNOWN: dict[str, Any] = {
    "division": TOWN, "object_id": "0" * 32, "resident_id": BORN_EARLY, "organiser_resident_id": BORN_EARLY, "source": "hrss",
    "effective_month": "2023-08", "standard": "minimum_living_allowance.standard",
    "amounts": [{"area": "urban", "amount_fen": 130_000}], "department": "medicare",
}  # fmt: skip


class Wire:
    """Where the portal has its connection: the services' doors, of the same process."""

    def __init__(self, d: Desk, token: str | None = None, context: dict[str, str] | None = None) -> None:
        self.d, self.token, self.context = d, token, context or {}

    def as_(self, token: str | None, *, correlation_id: str = "", purpose: str = "", reference: str = "") -> Wire:
        said = {"correlation_id": correlation_id, "purpose": purpose, "purpose_reference": reference}
        return Wire(self.d, token, {name: value for name, value in said.items() if value})

    def call(self, service: str, method: str, **fields: Any) -> Any:
        made = self.d.services[service]
        plain = msgspec.json.decode(msgspec.json.encode(fields))
        answer = self.d._door(made, method).serve(made, plain, {"auth_token": self.token, **self.context})
        return msgspec.json.decode(msgspec.json.encode(answer))

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def app(lived: Life) -> Iterator[Flask]:
    made = create_app(dataclasses.replace(lived.d.settings, portal_rate="1000000/minute"))
    made.config["WTF_CSRF_ENABLED"] = False
    made.extensions["portal"]._made["rpc"] = Wire(lived.d)
    yield made
    made.extensions["portal"].close()


def token(life: Life, division: str) -> str:
    assert life.d.settings.token_private_key is not None
    return tokens.issue(life.d.settings.token_private_key, "staff:elsewhere", EVERY_ROLE, division)


class Hand:
    """Somebody with every post, of one town."""

    def __init__(self, app: Flask, life: Life, division: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = token(life, division)
        with self.client.session_transaction() as session:
            session["token"] = self.token

    def api(self, op: operations.Operation, body: dict[str, Any]) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid.uuid4())}
        path = f"/api/v1/{op.service}/{op.method}"
        if op.by_get:
            return self.client.get(path, query_string=body, headers=headers)
        return self.client.post(path, json=body, headers=headers)


def kept(d: Desk) -> dict[tuple[str, str], list[str]]:
    """(service, category) -> the keys of its records, as the log has them."""
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for raw in d.offices["assistance"].log.read_all():
        service, _, rest = raw.stream.partition(".")
        category, _, key = rest.partition("-")
        found[service, category][key] = None
    return {of: list(keys) for of, keys in found.items()}


def programme_of(service: str, method: str) -> str:
    """A programme that an act can be about: of an opening act one of its shape."""
    declared = list(things.declared(service).values())
    of_shape = [x.code for x in declared if isinstance(x, Declaration) and method in opening_acts(x)]
    return next(iter(of_shape), next((x.code for x in declared if isinstance(x, Programme) and x.code in ALLOWANCES), ""))


def selections(life: Life, service: str, there: dict[tuple[str, str], list[str]]) -> dict[str, list[Any]]:
    """What a form over several records at once names, every one of them this life's."""
    office, made = life.d.offices[service], life.d.services[service]
    sent = [(key, office.load(DECIDERS[handoff.NAME], key).state) for key in there.get((service, "handoff"), [])]
    found: dict[str, list[Any]] = {"selected": [{"record_id": key, "dossier_hash": state.dossier_hash} for key, state in sent]}
    if isinstance(made, DisclosureDoors):
        public = [office.load(made.disclosures, key).state for key in there[service, "disclosure"]]
        found["receipts"] = [receipt for state in public for receipt in state.reports]
    return {name: of for name, of in found.items() if of}


def bodies(life: Life, service: str, info: DoorInfo, there: dict[tuple[str, str], list[str]]) -> Iterator[dict[str, Any]]:
    """A command's form filled in about what this life has: each record of the decider it comes down to, and else what its fields name."""
    d, made = life.d, life.d.services[service]
    names = [f.name for f in dataclasses.fields(info.form)]
    plain = _sample(info.form)
    own = {n: of[0] for n, category in CATEGORIES.items() if (of := there.get((service, category)))}
    own["person_id"] = there[service, PERSONS[service]][0]
    many = {n: of for n, of in selections(life, service, there).items() if n in plain}
    if isinstance(plain.get("number"), str):  # 受理编号, by which a window names what it sent
        sent = (d.offices[service].load(DECIDERS[handoff.NAME], key).state for key in there[service, "handoff"])
        plain["number"] = next(state.number for state in sent if state.number)
    plain |= {n: value for n, value in (KNOWN | own | many).items() if n in plain}
    if not any(n in plain for n in CATEGORIES) and (optional := next((n for n in own if n in names), "")):
        plain[optional] = own[optional]
    if "programme" in plain:
        plain["programme"] = programme_of(service, info.method)
    of = {x.category: x for x in discovery.deciders(service) if (info.does or info._form) in x.decide}
    about = False
    for decider in of.values():
        category = decider.category.partition(".")[2]
        for key in there.get((service, category), [])[:2]:
            about = True
            if category == "payment_part":
                yield plain | {"run_id": key.rpartition("-")[0]}
                continue
            state = d.offices[service].load(decider, key).state
            item = made.item_of(category, state)
            given = {**made.known_of(category, state, key, item), names[0]: made.named_by(category, key, item)}
            if item and len(names) > 1 and names[1].endswith("_id"):
                given[names[1]] = item
            where = {"division": decider.division(state)} if "division" in names else {}
            yield plain | {n: v for n, v in (given | where).items() if n in names}
    if not about:
        yield plain


def wire(body: dict[str, Any]) -> dict[str, Any]:
    return dict(msgspec.json.decode(msgspec.json.encode(body)))


def test_no_command_is_done_to_another_towns_record(app: Flask, life: Life) -> None:
    """Every command of every service about a record of this life, by a hand of another town with every post: not his, whatever else may
    be wrong with it; and nothing is appended."""
    there, before = Hand(app, life, ELSEWHERE), life.d.offices["assistance"].log.head()
    here, tried, wrong = kept(life.d), set(), []
    for op in operations.of(app.extensions["portal"].doors):
        if not op.is_command or op.door.permission.endswith(":object"):  # what the public writes comes by the portal's own hand
            continue
        for body in bodies(life, op.service, op.door, here):
            answer = there.api(op, wire(body))
            tried.add((op.service, op.method))
            if answer.status_code != 403:
                wrong.append((op.service, op.method, answer.status_code, answer.json["detail"], body))
    assert not wrong, "\n".join(map(str, wrong))
    assert len(tried) > 300
    assert life.d.offices["assistance"].log.head() == before


# Queries that a record is named to and that are for the whole district, or for everybody.
FOR_EVERYBODY = {
    "get_acceptance",  # 统一受理编号: any window of the district says how it stands, and not whose it is
    "verify_certificate",  # 证书校验: genuine or not, and no more, wherever its holder goes
    "find_person",  # by the number he shows: whoever is not this town's is not found
}
NAMES_A_RECORD = re.compile(r".*_id|key|number|receipt")


def test_no_query_shows_another_towns_record(app: Flask, life: Life) -> None:
    """Every query that names a record of this life, asked by a hand of another town with every post, and of the next district: 403.
    Lists, and what is counted, hold nothing of this town for the first."""
    there, next_district = Hand(app, life, ELSEWHERE), Hand(app, life, "330226")
    names = ("household_id", "case_id", "person_id", "run_id", "recovery_id")
    own = {value for name in names for value in life.known[name]} - {"0" * 32, ""}
    here = kept(life.d)
    registered = {*here["assistance", "household"], *here["assistance", "person"]}
    refused: set[str] = set()
    wrong = []
    for op in operations.of(app.extensions["portal"].doors):
        if op.is_command or op.door.permission.endswith(":object"):
            continue
        for body in life.bodies(op.door):
            told = answered(life.d, op.service, op.method, role_of(op.door), **body)
            if isinstance(told, tuple) or "0" * 32 in body.values():  # what is not there, or not asked rightly, is nobody's
                continue
            answer = there.api(op, body)
            if op.method == "benefit_statement" and body["subject_id"] not in registered:
                continue
            named = [n for n in body if NAMES_A_RECORD.fullmatch(n)] and op.method not in FOR_EVERYBODY
            if op.method == "class_on" and not told["hardship_class"]:  # of somebody who was never looked into nothing is known to anybody
                continue
            if named or op.method == "get_price_linkage":
                refused.add(op.method)
                if (answer.status_code, answer.json["code"] if answer.status_code != 200 else "") != (403, "wrong_division"):
                    wrong.append((op.service, op.method, answer.status_code, body, answer.text[:100]))
            elif answer.status_code != 200 or any(value in answer.text for value in own):
                wrong.append((op.service, op.method, answer.status_code, body, answer.text[:100]))
            assert next_district.api(op, body).status_code == 403
    assert not wrong, "\n".join(map(str, wrong))
    assert len(refused) > 20, refused


def pages_of(life: Life, here: dict[tuple[str, str], list[str]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, address, form) of every page that names a record in its address, for one record of each kind that this life has."""
    for (service, category), keys in sorted(here.items()):
        if service not in life.d.services or category == "looks":  # a look is no record: each says for itself whose it is
            continue
        key, stream = keys[0], f"{service}.{category}-{keys[0]}"
        if category in things.shapes(service) or (category in things.THINGS and (service, category) != ("assistance", "after_death")):
            yield "GET", f"/desk/{service}/{category}/{key}?for=casework", {}
        if category == "handoff":
            chosen = f"/desk/{service}/handoffs/selected", {"handoff": f"{key} {'0' * 64}"}
            yield "POST", *chosen
            yield "POST", chosen[0], {**chosen[1], "act": "accept", "worklist": "handoff_accept"}
        if category == "inspection":
            yield "GET", f"/audit/draw/{service}/{key}", {}
        if category == "payment_run":
            yield "POST", f"/desk/{service}/payments/{key}/bank-file", {"format": "csv"}
            yield "POST", f"/desk/{service}/payments/{key}/returned", {"file": (io.BytesIO(RETURNED.encode()), "x.csv")}
        if category == "case":
            yield "GET", f"/audit/decisions/{service}/{key}", {}
            yield "GET", f"/desk/{service}/ask/get_case?case_id={key}&ask=1", {}
        yield "GET", f"/audit/stream/{stream}", {}
        yield "POST", f"/audit/stream/{stream}/open", {"reason": "核查"}
        yield "GET", f"/audit/walk/{stream}/0", {}
        yield "GET", f"/audit/diff/{stream}?first=2023-01-01&second=2030-01-01", {}
        yield "GET", f"/audit/receipt/{stream}/0", {}
        yield "POST", "/audit/bundle", {"kind": "stream", "value": stream}
    for what in ("replay", "discard"):
        for method in ("GET", "POST"):
            yield method, f"/ops/dead-letters/{'0' * 32}/{what}", {}
            yield method, "/ops/dead-letters/replay", {}


RETURNED = "序号,金额(元),状态\n1,1.00,成功\n"
# Routes with something variable in them that name no record of a division: what is declared, lists of the hand's own division, the
# purpose that is asked for before a record is opened, and letters, which are the machinery's and for whoever may see how the house runs.
# An objection is named there by its place in the hand's own list: the test of objections, below, asks for another town's.
NO_RECORD = {
    "desk.worklist", "desk.programmes", "desk.programme", "desk.runs", "desk.purpose", "desk.objection", "desk.rejections", "desk.act",
    "ops.letter",
}  # fmt: skip


def test_no_page_shows_another_towns_record(app: Flask, life: Life) -> None:
    """Every page of the desk, the audit and the operators whose address names a record, for every kind of record: 403, and of what the
    district's hand is not refused."""
    there, district, here = Hand(app, life, ELSEWHERE), Hand(app, life, DIVISION), kept(life.d)
    wrong, endpoints = [], set()
    before = life.d.offices["assistance"].log.head()
    asked = list(pages_of(life, here))
    for method, address, form in asked:
        answer = there.client.open(address, method=method, data=form or None)
        if answer.status_code != 403:
            wrong.append((method, address, answer.status_code))
        with app.test_request_context(address, method=method):
            endpoints.add(request.endpoint)
    assert not wrong, "\n".join(map(str, wrong))
    assert life.d.offices["assistance"].log.head() == before, "a look that was refused is no look"
    rules = {r.endpoint for r in app.url_map.iter_rules() if r.arguments and r.rule.startswith(("/desk", "/audit", "/ops"))}
    assert rules - NO_RECORD <= endpoints, "a page of which nobody thought"
    for method, address, _ in asked:
        if method == "GET" and address.startswith("/desk"):
            assert district.client.get(address).status_code == 200, address


def test_no_form_of_the_desk_is_done_to_another_towns_record(app: Flask, life: Life) -> None:
    """Every act's form, filled in about a record of this life and sent by a hand of another town: the service refuses."""
    there, before = Hand(app, life, ELSEWHERE), life.d.offices["assistance"].log.head()
    here, sent, wrong = kept(life.d), 0, []
    for op in operations.of(app.extensions["portal"].doors):
        if not op.is_command or op.door.permission.endswith(":object"):
            continue
        body = wire(next(bodies(life, op.service, op.door, here)))
        answer = there.client.post(f"/desk/{op.service}/do/{op.method}", data=MultiDict(typed(op.form, body, Known(op.method))))
        sent += 1
        if answer.status_code != 403:
            wrong.append((op.service, op.method, answer.status_code, body))
    assert not wrong, "\n".join(map(str, wrong))
    assert sent > 300
    assert life.d.offices["assistance"].log.head() == before


def test_another_towns_objections_are_not_to_be_had_by_their_place_in_a_list(app: Flask, life: Life) -> None:
    """What a form over several records names, there is in this life; an objection that stands in another town's list is nobody's at the
    desk, by itself or chosen among several."""
    here, there = kept(life.d), Hand(app, life, ELSEWHERE)
    named = {service: selections(life, service, here) for service in ("assistance", "eldercare")}
    assert (named["assistance"].keys(), named["eldercare"].keys()) == ({"selected", "receipts"}, {"receipts"})
    before = life.d.offices["assistance"].log.head()
    for service, of in named.items():
        for receipt in of["receipts"]:
            [row] = [r for r in life.d.call("list_public_objections", service=service) if r["receipt"] == receipt]
            assert there.client.get(f"/desk/{service}/objections/{row['objection_id']}").status_code == 404
            form = {"objection": row["objection_id"], "reason": "未说明事实"}
            told = there.client.post(f"/desk/{service}/objections/rejections", data=form)
            assert (told.status_code, receipt in told.text, row["case_id"] in told.text) == (422, False, False)
    assert life.d.offices["assistance"].log.head() == before
