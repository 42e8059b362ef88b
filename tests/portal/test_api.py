"""The API: every door over HTTP, as a staff front end calls it."""

from __future__ import annotations

import csv
import dataclasses
import io
import typing
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from flask import Flask
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from services.portal.api import answers, operations, tables
from services.portal.web.portal import Portal
from shared.casework import looks
from shared.config import load
from shared.domain.errors import Refused
from shared.eventlog.client import Log
from shared.eventsourcing.commands import hints_of
from shared.security import tokens
from tests.e2e.conftest import ALLOWANCE, DISTRICT, TOWN, Bureau, until
from tests.portal.conftest import Login, accessible, picture

EVIL = '=HYPERLINK("http://x","y")<script>alert(1)</script>'
STAFF = ("clerk", "reviewer", "approver", "cashier", "registrar", "auditor")


class Api:
    """Calls as some hand of the district."""

    def __init__(self, base: str, bureau: Bureau) -> None:
        self.base, self.bureau, self.session = f"{base}/api/v1", bureau, requests.Session()
        self.session.headers["Connection"] = "close"  # on a busy machine the server may tire of a kept one just as it is used again

    def token(self, *roles: str, division: str = DISTRICT) -> str:
        assert self.bureau.settings.token_private_key is not None
        return tokens.issue(self.bureau.settings.token_private_key, f"staff:{'-'.join(roles)}", roles, division)

    def get(self, path: str, *roles: str, headers: dict[str, str] | None = None, **asked: Any) -> requests.Response:
        given = {"Authorization": f"Bearer {self.token(*(roles or ('clerk',)))}", **(headers or {})}
        return self.session.get(f"{self.base}/{path}", params=asked, headers=given, timeout=30)

    def post(self, path: str, *roles: str, headers: dict[str, str] | None = None, **form: Any) -> requests.Response:
        given = {"Authorization": f"Bearer {self.token(*(roles or ('clerk',)))}", "Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
        return self.session.post(f"{self.base}/{path}", json=form, headers=given, timeout=30)


@pytest.fixture(scope="module")
def api(base: str, bureau: Bureau) -> Iterator[Api]:
    bureau.at("2023-07-03")
    made = Api(base, bureau)
    yield made
    made.session.close()


def register(api: Api, name: str = "测试甲", **headers: str) -> requests.Response:
    member = {"resident_id": api.bureau.person(), "name": name, "relation": "户主"}
    household = {"household_no": str(uuid.uuid4()), "division": TOWN, "area": "urban", "members": [member]}
    return api.post("assistance/register_household", headers=headers, **household)


def problem(answer: requests.Response, status: int, field: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    assert told["status"] == status
    assert told.get("field") == field, told
    return told


# -- commands


def test_a_command_answers_with_where_it_stands(api: Api) -> None:
    """Version as ETag, place in the log as X-Position, the events that happened."""
    answer = register(api)
    told = answer.json()
    assert answer.status_code == 200, answer.text
    assert (answer.headers["ETag"], answer.headers["X-Position"]) == (f'"{told["version"]}"', str(told["position"]))
    assert told["events"] == ["assistance.household_registered"]


def test_the_same_key_has_its_effect_once(api: Api) -> None:
    """A repeat has the same answer; another content under the key is refused."""
    key = str(uuid.uuid4())
    member = {"resident_id": api.bureau.person(), "name": "测试乙", "relation": "户主"}
    form: dict[str, Any] = {"household_no": key, "division": TOWN, "area": "urban", "members": [member]}
    first = api.post("assistance/register_household", headers={"Idempotency-Key": key}, **form).json()
    again = api.post("assistance/register_household", headers={"Idempotency-Key": key}, **form).json()
    assert {**again, "repeated": False} == first
    assert again["repeated"] is True
    other = api.post("assistance/register_household", headers={"Idempotency-Key": key}, **form | {"homes": 3})
    assert problem(other, 422, "Idempotency-Key")["code"] == "command_id_reused"


def test_a_key_is_one_of_a_record(api: Api) -> None:
    """As the document says: another record under the same key is another command, and has its own effect."""
    key, cases = {"Idempotency-Key": str(uuid.uuid4())}, []
    for _ in range(2):
        cases.append(api.post("assistance/apply", programme=ALLOWANCE, household_id=register(api).json()["id"]).json()["id"])
    answers_ = [api.post("assistance/accept_application", headers=key, case_id=case) for case in cases]
    assert [(a.status_code, a.json()["id"], a.json()["repeated"]) for a in answers_] == [(200, case, False) for case in cases]


def test_a_command_without_a_key_is_refused(api: Api) -> None:
    """Without its id a command could not be sent again safely."""
    answer = api.session.post(
        f"{api.base}/assistance/accept_application",
        json={"case_id": "x"},
        headers={"Authorization": f"Bearer {api.token('clerk')}"},
        timeout=30,
    )
    problem(answer, 422, "Idempotency-Key")


def test_a_command_may_insist_on_the_version_that_was_seen(api: Api) -> None:
    """If-Match with a version that is not the record's: refused, nothing happens."""
    home = register(api).json()["id"]
    case = api.post("assistance/apply", programme=ALLOWANCE, household_id=home)
    stale = api.post("assistance/accept_application", headers={"If-Match": '"7"'}, case_id=case.json()["id"])
    assert problem(stale, 409, "If-Match")["code"] == "version_conflict"
    fresh = api.post("assistance/accept_application", headers={"If-Match": case.headers["ETag"]}, case_id=case.json()["id"])
    assert fresh.status_code == 200


def test_bad_input_is_told_in_chinese_with_the_field(api: Api) -> None:
    """An unknown field, a nested wrong one, what is no JSON, and what is no object."""
    problem(api.post("assistance/accept_application", case_id="x", colour="red"), 422, "colour")
    wrong = {"household_no": "1", "division": TOWN, "area": "urban", "members": [{"resident_id": 5, "name": "甲", "relation": "户主"}]}
    told = problem(api.post("assistance/register_household", **wrong), 422, "members.0.resident_id")
    assert told["detail"] == "格式或类型不正确。"
    headers = {"Authorization": f"Bearer {api.token('clerk')}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    for body in (b"{", b"[1]", b"\xff", b'{"case_id": NaN}'):
        answer = api.session.post(f"{api.base}/assistance/accept_application", data=body, headers=headers, timeout=30)
        problem(answer, 422)
    plain = headers | {"Content-Type": "text/plain"}
    problem(api.session.post(f"{api.base}/assistance/accept_application", data=b"x", headers=plain, timeout=30), 415)


def test_more_than_a_request_may_hold_is_refused(api: Api) -> None:
    """Over 1 MiB: 413, whatever it says."""
    problem(api.post("assistance/accept_application", case_id="x" * 1_100_000), 413)


def test_a_refusal_of_the_service_keeps_its_code(api: Api) -> None:
    """What the service says is what the caller reads: 404, 403, 409."""
    problem(api.get("assistance/get_case", case_id=str(uuid.uuid4())), 404, "id")
    assert problem(api.post("assistance/confirm", case_id="x", reviewed="y"), 403)["detail"] == "无权办理此事项。"
    home = register(api).json()["id"]
    case = api.post("assistance/apply", programme=ALLOWANCE, household_id=home).json()["id"]
    told = problem(api.post("assistance/record_survey", case_id=case, finding="属实"), 409)
    assert told["code"] == "out_of_order"


# -- queries


def test_a_read_waits_for_the_callers_own_write(api: Api) -> None:
    """The position that a command answered, handed back: the list has the row."""
    home = register(api).json()["id"]
    case = api.post("assistance/apply", programme=ALLOWANCE, household_id=home)
    by_header = api.get("assistance/list_cases", headers={"X-Position": case.headers["X-Position"]}, subject_id=home).json()
    by_field = api.get("assistance/list_cases", position=case.headers["X-Position"], subject_id=home).json()
    assert [c["case_id"] for c in by_header] == [c["case_id"] for c in by_field] == [case.json()["id"]]


def test_a_search_waits_for_the_callers_own_write(api: Api) -> None:
    """What is no list looks at rows as well where its document has the header, and waits like one."""
    number = api.bureau.person()
    members = [{"resident_id": number, "name": "测试丙", "relation": "户主"}]
    home = api.post("assistance/register_household", household_no=number[-4:], division=TOWN, area="urban", members=members).json()["id"]
    case = api.post("assistance/apply", programme=ALLOWANCE, household_id=home)

    def searched(position: str) -> requests.Response:
        clerk = {"Authorization": f"Bearer {api.token('clerk')}", "X-Position": position}
        return api.session.post(f"{api.base}/assistance/find_person", json={"resident_id": number}, headers=clerk, timeout=30)

    found = searched(case.headers["X-Position"]).json()
    assert {"case", "household"} <= {row["category"] for row in found}
    assert problem(searched("999999999999"), 422, "position")["code"] == "invalid_input"


def test_a_file_is_read_as_it_was_known(api: Api) -> None:
    """as_of, with its time zone, in an address."""
    home = register(api).json()["id"]
    assert api.get("assistance/get_household", household_id=home, as_of="2099-01-01T00:00:00+08:00").json()["version"] == 0
    problem(api.get("assistance/get_household", household_id=home, as_of="2020-01-01T00:00:00+08:00"), 404, "id")
    problem(api.get("assistance/get_household", household_id=home, as_of="yesterday"), 422, "as_of")


def test_a_list_goes_on_where_the_last_page_ended(api: Api) -> None:
    """Following Link from page to page gives every row once."""
    made = {register(api).json()["id"] for _ in range(5)}
    last = register(api)
    seen: list[str] = []
    answer = api.get("assistance/list_households", limit=2, position=last.headers["X-Position"])
    while True:
        assert len(answer.json()) <= 2
        seen += [row["household_id"] for row in answer.json()]
        following = answer.links.get("next")
        if following is None:
            break
        answer = api.session.get(
            f"{api.base.removesuffix('/api/v1')}{following['url']}", headers={"Authorization": f"Bearer {api.token('clerk')}"}, timeout=30
        )
    assert len(seen) == len(set(seen))
    assert made | {last.json()["id"]} <= set(seen)


def test_a_limit_that_is_none_is_refused(api: Api) -> None:
    """A negative limit would be no limit in SQL."""
    problem(api.get("assistance/list_cases", limit=-1), 422, "limit")
    problem(api.get("assistance/list_cases", limit="1_0"), 422, "limit")


def test_what_tells_who_somebody_is_never_stands_in_an_address(api: Api) -> None:
    """A search by resident ID is a POST; in an address the number is refused, whatever the parameter and however it is written."""
    number = api.bureau.person()
    clerk = {"Authorization": f"Bearer {api.token('clerk')}"}
    found = api.session.post(f"{api.base}/assistance/find_person", json={"resident_id": number}, headers=clerk, timeout=30)
    assert found.status_code in (200, 404), found.text
    assert api.get("assistance/find_person", resident_id=number).status_code in (405, 422)
    hidden = "".join(f"%{ord(c):02x}" for c in number)
    answer = api.session.get(f"{api.base}/assistance/list_cases?subject_id={hidden}", headers=clerk, timeout=30)
    assert "身份证" in problem(answer, 422)["detail"]


# Texts that a caller writes into an address: ids, codes, numbers of records, places, moments. A new one is looked at before it is put here:
# what tells who somebody is, or is somebody's key to his own affair, belongs into operations.PERSONAL.
IN_ADDRESSES = {
    "after", "calendar_id", "campaign_id", "case_id", "category", "code", "cut_over_id", "division", "first", "handoff_id",
    "hardship_class", "household_id", "item", "key", "last", "month", "number", "person_id", "programme", "quarter", "record_id",
    "recovery_id", "responsible", "run_id", "shape", "status", "subject_id", "town", "unit_id", "verdict", "verification_id",
    "what", "worklist",
}  # fmt: skip


def _holds_text(hint: Any) -> bool:
    return hint is str or any(_holds_text(arm) for arm in typing.get_args(hint))


def test_no_operation_asks_for_personal_data_in_an_address() -> None:
    """By the names of the fields of every door: no text goes into an address that nobody has looked at."""
    found = operations.of(Portal(load({})).doors)
    texts = {f.name for op in found if op.by_get for f in dataclasses.fields(op.form) if _holds_text(hints_of(op.form)[f.name])}
    assert texts == IN_ADDRESSES
    by_post = {op.method for op in found if not op.by_get and not op.is_command}
    assert by_post == {"find_person", "get_objection_answer", "get_public_objection", "simulate_standard"}


def test_why_a_file_is_looked_at_is_recorded(api: Api, bureau: Bureau) -> None:
    """The purpose and the letter it answers, from two headers into the look's event."""
    home = register(api).json()["id"]
    why = {"X-Purpose": "complaint", "X-Purpose-Reference": quote("信访〔2023〕7号")}
    assert api.get("assistance/get_household", "auditor", headers=why, household_id=home).status_code == 200
    log = Log(bureau.settings.eventstore_uri)
    [raw] = log.read(looks.decider("assistance").stream(home))
    log.close()
    assert "信访〔2023〕7号" in raw.data.decode()
    assert '"complaint"' in raw.data.decode()
    problem(api.get("assistance/get_household", headers={"X-Purpose": "curiosity"}, household_id=home), 422, "X-Purpose")


# -- tables


def exported(api: Api, kind: str, service: str = "eldercare", method: str = "list_elders") -> bytes:
    answer = api.get(f"{service}/{method}", format=kind)
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store", "names stand in it"
    return answer.content


@pytest.fixture(scope="module")
def evil(api: Api) -> str:
    """An elder whose name is a formula and markup, on the roster."""
    form = {"resident_id": api.bureau.person("19400101"), "name": EVIL, "division": TOWN}
    enrolled = api.post("eldercare/enrol_elder", **form)
    assert enrolled.status_code == 200, enrolled.text
    api.get("eldercare/list_elders", position=enrolled.headers["X-Position"])
    return str(enrolled.json()["id"])


def test_a_list_as_csv_opens_in_a_spreadsheet_and_holds_no_formula(api: Api, evil: str) -> None:
    """A byte order mark, a head in Chinese, and a name that would be a formula with an apostrophe before it."""
    raw = exported(api, "csv")
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    assert {"人员标识", "姓名", "行政区划"} <= set(head)
    [row] = [r for r in rows if evil in r]
    assert row[head.index("姓名")] == f"'{EVIL}"


def test_a_list_as_excel_holds_no_formula(api: Api, evil: str) -> None:
    """Every cell is a text or a number."""
    sheet = load_workbook(io.BytesIO(exported(api, "xlsx"))).active
    assert sheet is not None
    head = [c.value for c in sheet[1]]
    cells = [c for row in sheet.iter_rows(min_row=2) for c in row]
    assert {c.data_type for c in cells} <= {"s", "inlineStr", "n"}
    assert f"'{EVIL}" in [row[head.index("姓名")].value for row in sheet.iter_rows(min_row=2)]


def test_a_name_that_is_markup_is_text_on_a_page(page: Page, login: Login, evil: str) -> None:
    """On the desk's page of the record the name stands as it was written, and nothing of it runs."""
    login("clerk", f"/desk/eldercare/elder/{evil}")
    page.get_by_role("button", name="查阅").click()  # the desk asks why before it shows anybody
    expect(page.locator("main")).to_contain_text(EVIL)
    assert page.locator("main script").count() == 0


def test_a_table_is_asked_for_by_accept_as_well(api: Api, evil: str) -> None:
    """Content negotiation, for programs; JSON where nothing else is said."""
    asked = api.get("eldercare/list_elders", headers={"Accept": tables.TYPES["csv"]})
    assert asked.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert api.get("eldercare/list_elders").headers["Content-Type"] == "application/json"


def test_a_table_has_the_rows_of_all_pages(api: Api, evil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a page holds come out once each; more than a table may hold are refused."""
    rows = [{"case_id": f"{n:05d}"} for n in range(1234)]
    asked: list[str] = []

    def call(after: str = "", limit: int = 100) -> list[dict[str, Any]]:
        asked.append(after)
        return [r for r in rows if r["case_id"] > after][:limit]

    op = next(o for o in operations.of(Portal(api.bureau.settings).doors) if o.method == "list_cases")
    with Flask("table").test_request_context():
        whole = answers.of_query(op, {"format": "csv"}, call)
        whole.direct_passthrough = False
        assert len(whole.get_data().decode("utf-8-sig").splitlines()) == 1235
        whole.close()
        assert asked == ["", "00499", "00999"]
        monkeypatch.setitem(tables.MOST, "csv", 1000)
        with pytest.raises(Refused, match=r"超过1000行，没有导出：请加上筛选条件（.*division.*）分批导出。"):
            answers.of_query(op, {"format": "csv"}, call)


def test_both_clocks_stand_in_the_document_and_work(api: Api) -> None:
    """Of every query ``as_of`` and ``valid_at``, but for what a release declares; a list and a record of a business day over HTTP."""
    paths = requests.get(f"{api.base.removesuffix('/v1')}/openapi.json", timeout=30).json()["paths"]
    queries = [op for op in operations.of(Portal(api.bureau.settings).doors) if not op.is_command]
    for op in queries:
        [described] = paths[f"/api/v1/{op.service}/{op.method}"].values() if op.by_get else [None]
        names = {f.name for f in dataclasses.fields(op.form)}
        if described is not None:
            names = {p["name"] for p in described["parameters"] if p["in"] == "query"}
        assert "as_of" in names, op.method
        assert ("valid_at" in names) is (op.method != "list_programmes"), op.method
    api.bureau.at("2023-07-05")
    home = register(api).json()
    case = api.post("assistance/apply", programme=ALLOWANCE, household_id=home["id"]).json()
    waiting = {"X-Position": str(case["position"])}
    asked = {"worklist": "accept", "limit": 500}
    now = api.get("assistance/list_waiting", headers=waiting, **asked).json()
    assert case["id"] in {row["key"] for row in now}
    yesterday = until(lambda: _rows(api.get("assistance/list_waiting", headers=waiting, **asked, valid_at="2023-07-04")))
    assert case["id"] not in {row["key"] for row in yesterday[0]}
    key = {"category": "case", "key": case["id"]}
    problem(api.get("assistance/get_steps", **key, valid_at="2023-07-04"), 404, "key")
    api.bureau.at("2023-07-06")
    [step] = api.get("assistance/get_steps", **key, valid_at="2023-07-05").json()
    assert step["step"] == "application_filed"
    problem(api.get("assistance/get_steps", **key, valid_at="gestern"), 422, "valid_at")
    api.bureau.at("2023-07-03")


def _rows(answer: requests.Response) -> list[Any] | None:
    """The rows in a list of one; None while that day is being prepared."""
    return [answer.json()] if answer.status_code == 200 else None


def test_every_list_goes_on_from_its_last_row(api: Api) -> None:
    """Page by page with one row each, every list of every service gives what it gives at once: its key is the right one."""
    for n in range(2):
        home = register(api).json()["id"]
        case = api.post("assistance/apply", programme=ALLOWANCE, household_id=home)
        elder = api.post("eldercare/enrol_elder", resident_id=api.bureau.person("19400101"), name=f"老人{n}", division=TOWN)
    api.get("assistance/list_cases", position=case.headers["X-Position"])
    api.get("eldercare/list_elders", position=elder.headers["X-Position"])
    paged = set()
    for op in operations.of(Portal(api.bureau.settings).doors):
        if op.listing is None or not op.listing.pages or op.method == "list_payment_lines":
            continue
        path = f"{op.service}/{op.method}"
        answer = api.get(path, *STAFF)
        assert answer.status_code == 200, answer.text
        whole = op.listing.rows(answer.json())[:4]
        if len(whole) < 2:
            continue
        paged.add(op.method)
        one = op.listing.rows(api.get(path, *STAFF, limit=1).json())
        two = op.listing.rows(api.get(path, *STAFF, limit=1, after=op.listing.after(one[0])).json())
        assert [*one, *two] == whole[:2], path
    assert paged >= {"list_households", "list_cases", "list_elders", "list_waiting"}


# -- the document and the pages


def test_the_document_has_every_door_with_words(base: str, bureau: Bureau) -> None:
    """OpenAPI 3.1: an operation for each RPC, every field and parameter described in Chinese."""
    document = requests.get(f"{base}/api/openapi.json", timeout=30).json()
    assert document["openapi"] == "3.1.0"
    doors = Portal(bureau.settings).doors
    assert set(document["paths"]) == {f"/api/v1/{service}/{method}" for service, method in doors}
    schemas = {name: schema for name, schema in document["components"]["schemas"].items() if name != "Problem"}
    fields = [f for schema in schemas.values() for f in schema.get("properties", {}).values()]
    assert len(fields) > 500
    assert all(f.get("description") for f in fields)  # in Chinese: test_words
    answered = [o["responses"]["200"]["content"]["application/json"]["schema"] for m in document["paths"].values() for o in m.values()]
    assert all("$ref" in a or "anyOf" in a or "$ref" in a["items"] for a in answered), "nobody answers something that is not described"
    operations_ = [o for methods in document["paths"].values() for o in methods.values()]
    assert all(o["summary"] and "权限" in o["description"] for o in operations_)
    assert all(p.get("description") for o in operations_ for p in o["parameters"])
    assert len({o["operationId"] for o in operations_}) == len(doors)
    waits = {o["operationId"] for o in operations_ if "X-Position" in {p["name"] for p in o["parameters"]}}
    rows = {f"{s}_{m}" for (s, m), door in doors.items() if "position" in {f.name for f in dataclasses.fields(door.form)}}
    assert waits == rows


def test_the_pages_say_how_to_call(page: Page) -> None:
    """Somebody searches, opens an operation and reads its form and an example; nothing comes from another server."""
    page.goto("/api")
    accessible(page)
    picture(page, "api")
    page.fill("#q", "死亡登记")
    page.get_by_role("button", name="查找").click()
    page.click("text=register_death")
    accessible(page)
    picture(page, "api-operation")
    assert "公民身份号码" in page.inner_text("main")
    assert "Idempotency-Key" in page.inner_text("pre")


# -- away


def test_a_service_that_is_away_is_told_at_once(api: Api, bureau: Bureau) -> None:
    """The workers' process is killed: 503 with Retry-After long before a call's time is out, and work goes on when it is back."""
    bureau.house.kill9("worker-assistance")
    try:
        answer = api.session.get(
            f"{api.base}/assistance/list_cases", headers={"Authorization": f"Bearer {api.token('clerk')}"}, timeout=5
        )  # an answer within the time of a call that waits it out (8 s)
        assert problem(answer, 503)["code"] == "unavailable"
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        bureau.house.restart("worker-assistance")
        assert bureau.house.wait_ready("worker-assistance")
    until(lambda: api.get("assistance/list_cases").status_code == 200)
