"""The means test from the signature to the report, over real files and with an outside source that shares no code with us."""

from __future__ import annotations

import importlib.util
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.assistance import means_test as mt
from services.assistance.programmes import MINIMUM_LIVING_ALLOWANCE
from services.assistance.verifying import HAND
from shared.casework import benefit_case as bc
from shared.config import ROOT
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.orders import Order
from shared.exchange.adapter import Ask
from shared.exchange.declared import load_sources
from shared.messaging.source_queues import sealed, source_key
from tests.desk import Desk, desk

CODE = MINIMUM_LIVING_ALLOWANCE.code
TOWN = "330225101"
SOURCES = ("hrss", "bank", "securities", "vehicle", "property", "tax")
SPEC = importlib.util.spec_from_file_location("means_test_source", ROOT / "examples" / "means_test_source.py")
assert SPEC is not None
assert SPEC.loader is not None
SIMULATOR = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SIMULATOR)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all: every test has a household of its own, in a month of its own."""
    with desk(tmp_path_factory.mktemp("means"), "assistance") as made:
        yield made


def resident(born: str, n: int) -> str:
    """A valid resident number, another for every n."""
    body = f"330225{born}{n:03d}"
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    check = (12 - sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11) % 11
    return body + ("X" if check == 10 else str(check))


class Checked:
    """One household: two adults and a child, 300 yuan a month, 1000 yuan saved, one home."""

    def __init__(self, house: Desk, n: int, day: str) -> None:
        self.house, self.n = house.on(day), n
        self.numbers = (resident("19600101", n), resident("19620202", n), resident("20150303", n))
        incomes = (30000, 0, 0)
        members = [
            {"resident_id": number, "name": f"某{n}", "relation": "成员", "monthly_income_fen": income}
            for number, income in zip(self.numbers, incomes, strict=True)
        ]
        body = {"household_no": f"M{n}", "division": TOWN, "area": "rural", "savings_fen": 100_000, "members": members}
        self.household_id = house.call("register_household", **body)["id"]
        self.persons = [house.services["assistance"].office.person_id(number) for number in self.numbers]
        self.case_id = bc.case_id(CODE, self.household_id)
        self.of = {"programme": CODE, "subject_id": self.household_id}

    def applied(self) -> Checked:
        self.house.call("apply", programme=CODE, household_id=self.household_id)
        self.house.call("accept_application", case_id=self.case_id)
        self.house.settle()
        return self

    def sign(self, *who: int, until: str = "", day: str = "") -> Checked:
        today = self.house.now.date()
        for n in who or (0, 1):
            self.house.call(
                "record_member_authorisation",
                **self.of,
                person_id=self.persons[n],
                signed_on=day or today.isoformat(),
                valid_until=until or today.replace(year=today.year + 1).isoformat(),
                document_ref=f"授权〔2023〕{self.n}-{n}",
            )
        self.house.settle()
        return self

    @property
    def state(self) -> mt.Verification:
        office = self.house.services["assistance"].office
        ledger = office.load(mt.AUTHORISATIONS, self.case_id).state
        found: mt.Verification = office.load(mt.VERIFICATIONS, mt.verification_id(self.case_id, max(ledger.requests, 1))).state
        return found

    @property
    def verification_id(self) -> str:
        assert self.state.opened is not None
        return self.state.opened.verification_id

    def directory(self, system: str) -> Path:
        return Path(self.house.settings.var) / "exchange" / "assistance" / system

    def answers(self, *sources: str, **people: dict[str, int]) -> None:
        """The outside sources answer: everybody as declared unless ``people`` (by "p0", "p1" …) says otherwise; None is not known."""
        declared = load_sources("xiangshan-2023").sources
        usual: dict[str, list[dict[str, int] | None]] = {
            "hrss": [{"wage_fen": 10000, "pension_fen": 20000}, {"wage_fen": 0, "pension_fen": 0}, None],
            "bank": [{"deposits_fen": 60_000}, {"deposits_fen": 40_000}, None],
            "securities": [None, None, None],
            "vehicle": [None, None, None],
            "property": [{"homes": 1}, None, None],
            "tax": [{"declared_income_fen": 120_000}, None, None],
        }
        for source in sources or SOURCES:
            said = [people.get(f"p{n}", known) for n, known in enumerate(usual[source])]
            register = {
                "columns": {f.name: f.label for f in declared[source].fields},
                "people": {number: values for number, values in zip(self.numbers, said, strict=True) if values is not None},
            }
            in_use = self.house.services["assistance"].checks.systems(source)[-1]
            SIMULATOR.answer_files(self.directory(in_use.name), register)

    def look(self, version: int = 0, **more: Any) -> Any:
        body = {"verification_id": self.verification_id, "case_id": self.case_id, "purpose": "审核", "version": version, **more}
        return self.house.call("look_at_report", "reviewer", **body)


def refused(code: str, act: Any, *args: Any, **body: Any) -> Refused:
    with pytest.raises(Refused) as found:
        act(*args, **body)
    assert found.value.code == code, found.value
    return found.value


def test_a_check_from_the_signatures_to_the_report_in_the_case(house: Desk) -> None:
    """Asked only when all adults have signed; complete when all sources have answered; the case goes on with the report."""
    one = Checked(house, 1, "2023-07-03").applied()
    one.sign(0)
    assert one.state.status == "none", "one signature of two is none"
    one.sign(1)
    assert one.state.status == "asking"
    case = house.call("get_case", "auditor", case_id=one.case_id)
    assert case["status"] == "authorised"
    requests = [one.directory(s) / "out" / f"{one.state.queries[s].exchange_id}.csv" for s in SOURCES]
    for request in requests:
        assert stat.S_IMODE(request.stat().st_mode) == 0o600
        assert stat.S_IMODE(request.parent.stat().st_mode) == 0o700
        text = request.read_text(encoding="utf-8-sig")
        assert one.numbers[0] in text
        assert one.persons[0] not in text
    one.answers()
    house.settle()
    report = one.look()["report"]
    assert (report["version"], report["completeness"], report["verdict"]) == (1, "complete", "consistent")
    assert {(f["what"], f["declared"], f["found"]) for f in report["findings"] if not f["person_id"]} == {
        ("savings", 100_000, 100_000), ("securities", 0, 0), ("vehicles", 0, 0), ("homes", 1, 1),
    }  # fmt: skip
    assert report["shown"] == ["declared_income_fen"]
    assert not any(request.exists() for request in requests), "a request is deleted when its answer is in"
    assert not list(one.directory("bank").glob("in/*.csv"))
    case = house.call("get_case", "auditor", case_id=one.case_id)
    assert (case["status"], case["means_test"]["report_id"], case["means_test"]["verdict"]) == (
        "means_tested", f"{one.verification_id}.1", "complete",
    )  # fmt: skip


def test_a_later_version_reaches_the_case_while_nobody_has_gone_on_from_the_first(house: Desk) -> None:
    """No second check is made of it; once the survey is done the case keeps what it went by."""
    one = Checked(house, 32, "2023-07-03").applied().sign()
    one.answers()
    house.settle()
    objection = {"verification_id": one.verification_id, "sources": ["bank"], "reason": "存款已支出"}
    house.call("object_to_report", **objection, version=1)
    house.settle()
    one.answers("bank")
    house.settle()
    case = house.call("get_case", "auditor", case_id=one.case_id)
    assert (case["status"], case["means_test"]["report_id"]) == ("means_tested", f"{one.verification_id}.2")
    events = house.services["assistance"].office.history(f"assistance.case-{one.case_id}")
    house._delivered = -1  # the bus brings everything once more
    house.settle()
    assert len(house.services["assistance"].office.history(f"assistance.case-{one.case_id}")) == len(events)
    house.call("record_survey", case_id=one.case_id, finding="情况属实")
    house.call("object_to_report", **objection, version=2)
    house.settle()
    one.answers("bank")
    house.settle()
    case = house.call("get_case", "auditor", case_id=one.case_id)
    assert (case["status"], case["means_test"]["report_id"]) == ("surveyed", f"{one.verification_id}.2")
    assert len(house.call("list_verifications", case_id=one.case_id)) == 1


def test_property_that_a_report_found_is_registered_or_explained_before_the_case_goes_on(house: Desk) -> None:
    """300,000 yuan in the bank: neither proposed nor reviewed on the declared facts; on the changed ones the rules refuse."""
    hidden, explained = Checked(house, 61, "2023-07-03"), Checked(house, 62, "2023-07-03")
    for one in (hidden, explained):
        one.applied().sign()
        one.answers("bank", p0={"deposits_fen": 30_000_000})
        one.answers("hrss", "securities", "vehicle", "tax", "property")
        house.settle()
        house.call("record_survey", case_id=one.case_id, finding="情况属实")
        with pytest.raises(Refused, match="核对结果与申报不一致（存款"):
            house.call("propose", "reviewer", case_id=one.case_id)
    changed = {"household_id": hidden.household_id, "from_month": "2023-07", "reason": "means_test", "evidence": "核对报告"}
    house.call("change_household", **changed, savings_fen=20_000_000)
    with pytest.raises(Refused, match="核对结果与申报不一致"):
        house.call("propose", "reviewer", case_id=hidden.case_id)  # less than was found is not what was found
    house.call("change_household", **changed, savings_fen=30_040_000)
    house.call("propose", "reviewer", case_id=hidden.case_id)
    assert not house.call("get_case", "auditor", case_id=hidden.case_id)["proposal"]["assessment"]["eligible"]
    told = {"verification_id": explained.verification_id, "explanation": "代管的村集体资金，有村委会证明"}
    refused("version_conflict", house.call, "explain_difference", **told, version=2)
    refused("invalid_input", house.call, "explain_difference", **{**told, "explanation": " "}, version=1)
    house.call("explain_difference", **told, version=1)
    refused("out_of_order", house.call, "explain_difference", **told, version=1)
    house.call("propose", "reviewer", case_id=explained.case_id)
    assert explained.look()["explained"][0]["explanation"] == told["explanation"]


def test_every_query_and_every_look_is_written_down_with_its_purpose(house: Desk) -> None:
    """A report is read for its own case only, with a purpose; the trace says who, when and what for, and holds no amount."""
    one = Checked(house, 2, "2023-07-04").sign()
    house.call("request_verification", **one.of)
    house.settle()
    refused("out_of_order", one.look)
    one.answers()
    house.settle()
    shown = house.call("get_verification", "auditor", verification_id=one.verification_id)
    assert (shown["status"], shown["case_id"], [r["version"] for r in shown["reports"]]) == ("reported", one.case_id, [1])
    assert {s["status"] for s in shown["sources"]} == {"answered"}
    steps = house.call("get_steps", "auditor", category="verification", key=one.verification_id)
    assert "60000" not in str((shown, steps))  # amounts are read in the report alone
    page = house.call("get_acts", "reviewer", category="verification", key=one.verification_id)
    offered = {a["act"]: a["given"] for a in page["acts"]}
    assert (page["stands"]["worklist"], offered["look_at_report"]["case_id"]) == ("", one.case_id)
    assert offered["object_to_report"]["version"] == 1
    assert "explain_difference" not in offered  # there is none
    refused("forbidden", one.look, case_id="another")
    refused("invalid_input", one.look, purpose=" ")
    refused("invalid_input", one.look, purpose=f"看{one.numbers[0]}")
    one.look()
    trace = house.call("get_verification_log", "auditor", verification_id=one.verification_id)
    assert [t["by"] for t in trace if t["event"] == "assistance.report_looked_at"] == ["staff:reviewer"]
    assert [t["purpose"] for t in trace if "purpose" in t] == ["审核"]
    assert sum(t["event"] == "assistance.source_answered" for t in trace) == 18
    assert not any(number in str(trace) for number in one.numbers)
    assert "60000" not in str(trace)


def test_a_missing_source_makes_the_report_partial_and_a_late_answer_a_new_version(house: Desk) -> None:
    """When the time limit passes the report is made with the missing source named; the late answer adds a version, the old stays."""
    one = Checked(house, 3, "2023-08-01").sign()
    house.call("request_verification", **one.of)
    house.settle()
    one.answers("hrss", "securities", "vehicle", "property", "tax")
    house.settle()
    assert one.state.status == "asking"
    one.answers("bank", p1={"deposits_fen": 90_000})
    answer = one.directory("bank") / "in" / f"{one.state.queries['bank'].exchange_id}.csv"
    late = answer.rename(answer.with_suffix(".late"))  # the bank has read the request and takes its time
    house.on("2023-08-17").settle()
    assert not list((one.directory("bank") / "out").glob(f"{one.state.queries['bank'].exchange_id}*"))
    first = one.look()["report"]
    assert (first["completeness"], first["verdict"]) == ("partial", "partial")
    assert first["missing"] == [{"source": "bank", "reason": "逾期未答复"}]
    [savings] = [f for f in first["findings"] if f["what"] == "savings"]
    assert (savings["verdict"], savings["missing"]) == ("partial", ["bank"])
    house.on("2023-08-21")
    late.rename(answer)
    house.settle()
    waiting = [w for w in house.call("list_worklists") if w["worklist"] == "verification_answers"]
    assert waiting == []
    second = one.look()["report"]
    assert (second["version"], second["completeness"], second["verdict"], second["why"]) == (2, "complete", "different", "late_answer")
    [savings] = [f for f in second["findings"] if f["what"] == "savings"]
    assert (savings["declared"], savings["found"], savings["difference"]) == (100_000, 150_000, 50_000)
    again = one.look(version=1)["report"]
    assert again == first, "a report is never changed"


def test_an_objection_has_the_source_asked_again_and_the_old_report_stays(house: Desk) -> None:
    """The bank had mistaken somebody; asked once more it says what is so."""
    one = Checked(house, 4, "2023-09-04").sign()
    house.call("request_verification", **one.of)
    house.settle()
    one.answers("bank", p0={"deposits_fen": 5_000_000})
    one.answers("hrss", "securities", "vehicle", "property", "tax")
    house.settle()
    assert one.look()["report"]["verdict"] == "different"
    objection = {"verification_id": one.verification_id, "version": 1, "reason": "存款不是本人的"}
    refused("not_found", house.call, "object_to_report", **objection, sources=["moon"])
    refused("version_conflict", house.call, "object_to_report", **{**objection, "version": 7}, sources=["bank"])
    house.call("object_to_report", **objection, sources=["bank"])
    house.settle()
    assert one.state.queries["bank"].round == 2
    assert one.state.pending == ("bank",)
    one.answers("bank")
    house.settle()
    last = one.look()
    assert (last["report"]["version"], last["report"]["verdict"], last["report"]["why"]) == (2, "consistent", "objection")
    assert [o["version"] for o in last["objections"]] == [1]
    assert one.look(version=1)["report"]["verdict"] == "different"
    house.on("2023-10-09")
    late = {**objection, "version": 2}
    refused("out_of_order", house.call, "object_to_report", **late, sources=["bank"])


def test_broken_lines_are_reported_by_number_and_the_rest_is_taken(house: Desk) -> None:
    """Unknown numbers, negative and absurd amounts, words for numbers: each with its line and reason, in CSV and Excel."""
    one = Checked(house, 5, "2023-10-09").sign()
    house.call("request_verification", **one.of)
    house.settle()
    [first, second, third] = [mt.query_no(one.state.queries["bank"].exchange_id, n) for n in (1, 2, 3)]
    foreign = mt.query_no(one.state.queries["tax"].exchange_id, 1)
    book = openpyxl.Workbook()
    for row in (
        ("查询编号", "结果", "存款余额"),
        (first, "有", "600.00"),
        (second, "有", "-1"),
        (third, "有", "99999999999999"),
        (second, "有", "很多"),
        (foreign, "有", "1"),
        ("no-such-01", "无", ""),
        (second, "也许", "1"),
        (second, "有", "1.234"),
        (third, "无", None),
        (second, "有", None),
    ):
        book.active.append(row)
    book.save(one.directory("bank") / "in" / "answers.xlsx")
    [file] = house.call("take_in_answers", source="bank")["files"]
    assert (file["taken"], file["unknown"]) == (2, 2)
    assert [b["line"] for b in file["broken"]] == [3, 4, 5, 6, 7, 8, 9, 11]
    assert file["broken"][0]["reason"] == "“存款余额”不能为负数。"
    assert one.state.queries["bank"].answers[one.persons[0]].values == (mt.Value("deposits_fen", 60_000),)
    (one.directory("bank") / "in" / "junk.csv").write_bytes(b"\xff\xfe\x00\x01")
    [file] = house.call("take_in_answers", source="bank")["files"]
    assert [b["line"] for b in file["broken"]] == [0]
    assert house.call("take_in_answers", source="bank")["files"] == [], "what cannot be read is put aside once"
    refused("not_found", house.call, "take_in_answers", source="moon")


def test_the_same_answer_twice_changes_nothing_and_another_one_is_kept_and_shown(house: Desk) -> None:
    """The first stands; the second waits in the list of what differs."""
    one = Checked(house, 6, "2023-10-10").sign()
    house.call("request_verification", **one.of)
    house.settle()
    number = mt.query_no(one.state.queries["bank"].exchange_id, 1)

    def deliver(name: str, yuan: str) -> dict[str, Any]:
        (one.directory("bank") / "in" / name).write_text(f"查询编号,结果,存款余额\n{number},有,{yuan}\n", encoding="gb18030")
        [file] = house.call("take_in_answers", source="bank")["files"]
        return dict(file)

    assert deliver("a.csv", "600")["taken"] == 1
    assert deliver("b.csv", "600.00")["repeated"] == 1
    assert deliver("c.csv", "601")["different"] == 1
    assert deliver("d.csv", "601")["different"] == 1
    assert one.state.queries["bank"].answers[one.persons[0]].values == (mt.Value("deposits_fen", 60_000),)
    assert [d.values for d in one.state.differing] == [(mt.Value("deposits_fen", 60_100),)]


def test_a_withdrawn_authorisation_ends_the_check_and_takes_no_answer_any_more(house: Desk) -> None:
    """The requests are taken back, what is missing says so, and what comes later is not used."""
    one = Checked(house, 7, "2023-10-11").sign()
    house.call("request_verification", **one.of)
    house.settle()
    one.answers("hrss")
    house.settle()
    request = one.directory("bank") / "out" / f"{one.state.queries['bank'].exchange_id}.csv"
    kept = request.read_bytes()
    house.call("withdraw_member_authorisation", **one.of, person_id=one.persons[1], reason="不再申请")
    house.settle()
    assert not request.exists()
    [report] = one.state.reports
    assert (report.completeness, report.why) == ("partial", "withdrawal")
    assert {m.reason for m in report.missing} == {"授权已撤回"}
    request.write_bytes(kept)  # the bank had read it before
    one.answers("bank")
    house.settle()
    assert len(one.state.reports) == 1
    assert one.state.queries["bank"].answers == {}
    assert refused("forbidden", house.call, "request_verification", **one.of).field == "authorisation"
    request.unlink()


def test_nothing_is_asked_under_an_authorisation_that_is_over_or_not_allowed_for(house: Desk) -> None:
    """Expired, too long, of a stranger, or with a resident ID where a document number belongs: refused with the field."""
    one = Checked(house, 8, "2023-10-12")
    assert refused("invalid_input", one.sign, 0, until="2023-10-11").field == "valid_until"
    assert refused("invalid_input", one.sign, 0, until="2033-10-11").field == "valid_until"
    assert refused("invalid_input", one.sign, 0, day="2023-10-13").field == "signed_on"
    stranger = {"person_id": "a" * 32, "signed_on": "2023-10-12", "valid_until": "2023-11-12", "document_ref": "x"}
    assert refused("unknown_person", house.call, "record_member_authorisation", **one.of, **stranger).field == "person_id"
    number = {**stranger, "person_id": one.persons[0], "document_ref": one.numbers[0]}
    assert refused("invalid_input", house.call, "record_member_authorisation", **one.of, **number).field == "document_ref"
    one.sign(until="2023-10-31")
    assert house.call("get_authorisation", **one.of)["unsigned"] == []
    house.on("2023-11-01")
    assert refused("forbidden", house.call, "request_verification", **one.of).field == "authorisation"
    assert house.call("get_authorisation", **one.of)["unsigned"] == one.persons[:2]


def test_a_street_checks_only_under_a_grant_for_its_role_and_time(house: Desk) -> None:
    """Delegated by the district, not by itself, and gone when withdrawn."""
    one = Checked(house, 9, "2023-11-02").sign()
    refused("forbidden", house.call, "request_verification", at=TOWN, **one.of)
    grant = {"division": TOWN, "post": "clerk", "valid_from": "2023-11-02", "valid_until": "2024-11-02", "basis": "象民〔2023〕40号"}
    refused("forbidden", house.call, "grant_check_right", "approver", at=TOWN, **grant)
    house.call("grant_check_right", "approver", **grant)
    house.call("request_verification", at=TOWN, **one.of)
    refused("already_exists", house.call, "request_verification", at=TOWN, **one.of)
    house.settle()
    one.answers()
    house.settle()
    house.call("withdraw_check_right", "approver", division=TOWN, post="clerk", reason="权限调整")
    refused("forbidden", house.call, "request_verification", at=TOWN, **one.of)
    house.call("request_verification", **one.of)
    house.settle()
    assert [r["withdrawn_on"] for r in house.call("list_check_rights")] == ["2023-11-02"]
    one.answers()
    house.settle()


def test_a_suspended_source_is_not_asked_and_is_named_as_missing(house: Desk) -> None:
    """Suspending and resuming are events; the supply of every source is counted."""
    house.on("2023-11-03")
    house.call("suspend_source", "approver", source="tax", reason="协议续签中")
    refused("out_of_order", house.call, "suspend_source", "approver", source="tax", reason="再停")
    refused("not_found", house.call, "suspend_source", "approver", source="moon", reason="x")
    one = Checked(house, 10, "2023-11-03").sign()
    house.call("request_verification", **one.of)
    house.settle()
    assert one.state.queries["tax"].reason == "来源停用：协议续签中"
    one.answers("hrss", "bank", "securities", "vehicle", "property")
    house.settle()
    [report] = one.state.reports
    assert [m.source for m in report.missing] == ["tax"]
    house.call("resume_source", "approver", source="tax")
    sources = {s["code"]: s for s in house.call("get_verification_sources")}
    assert sources["tax"]["suspended"] == ""
    assert sources["provident_fund"]["status"] == "planned"
    assert sources["bank"]["supply"]["on_time"] >= 1
    assert sources["bank"]["supply"]["broken"] >= 1


def test_what_cannot_be_sent_is_sent_when_the_source_is_back(house: Desk) -> None:
    """The core does not wait: the other sources are asked, and the timer tries again."""
    one = Checked(house, 11, "2023-11-06").sign()
    out = one.directory("vehicle") / "out"
    out.rename(out.with_name("away"))
    out.write_text("the share is not mounted")
    house.call("request_verification", **one.of)
    house.settle()
    sent = {s: (one.directory(s) / "out" / f"{one.state.queries[s].exchange_id}.csv").exists() for s in SOURCES if s != "vehicle"}
    assert all(sent.values())
    [row] = house.call("list_records", subject_id=one.verification_id, worklist="exchange_send")
    assert row["title"].startswith("vehicle")
    out.unlink()
    out.with_name("away").rename(out)
    house.later(1).settle()
    assert (out / f"{one.state.queries['vehicle'].exchange_id}.csv").exists()
    one.answers()
    house.settle()
    assert one.state.reports[0].completeness == "complete"


def test_a_street_checks_for_the_programme_it_was_granted_and_for_no_other(house: Desk) -> None:
    """A43: the scope is unit, post and programme; the list says under which rights a programme may be checked, and on which day."""
    one = Checked(house, 15, "2023-12-05").sign()
    grant = {"division": TOWN, "post": "clerk", "valid_from": "2023-12-05", "basis": "象民〔2023〕41号"}
    assert refused("unknown_programme", house.call, "grant_check_right", "approver", **grant, programme="temporary").field == "programme"
    house.call("grant_check_right", "approver", **grant, programme="extreme_hardship_support")
    assert "最低生活保障" in refused("forbidden", house.call, "request_verification", at=TOWN, **one.of).message
    campaign = {"division": TOWN, "period": "2023年末", "due_on": "2023-12-31"}
    both = ["extreme_hardship_support", "minimum_living_allowance"]
    refused("forbidden", house.call, "start_reverification", at=TOWN, **campaign, programmes=both)
    house.call("grant_check_right", "approver", **grant, programme="minimum_living_allowance")
    house.call("request_verification", at=TOWN, **one.of)
    house.settle()
    one.answers()
    house.settle()
    house.call("withdraw_check_right", "approver", division=TOWN, post="clerk", reason="调整", programme="minimum_living_allowance")
    refused("forbidden", house.call, "request_verification", at=TOWN, **one.of)
    house.project()

    def rights(**asked: str) -> list[tuple[str, str | None]]:
        rows = house.call("list_check_rights", **asked, limit=500)
        return [(r["programme"], r["withdrawn_on"]) for r in rows if r["division"] == TOWN and r["valid_from"] == "2023-12-05"]

    assert rights() == [("extreme_hardship_support", None), ("minimum_living_allowance", "2023-12-05")]
    assert rights(programme="minimum_living_allowance") == [("minimum_living_allowance", "2023-12-05")]
    assert rights(valid_at="2023-12-05") == [("extreme_hardship_support", None)]


def test_a_switch_of_systems_moves_every_open_request_exactly_once_and_compares_the_lists(house: Desk) -> None:
    """Old numbers close, new ones go out by the new system, the lists are held against each other; a late old answer is only shown."""
    one, two = Checked(house, 12, "2023-12-04").sign(), Checked(house, 13, "2023-12-04").sign()
    for checked in (one, two):
        house.call("request_verification", **checked.of)
    house.settle()
    old = {c.n: c.state.queries["property"].exchange_id for c in (one, two)}
    ours = [r for r in house.call("list_records", worklist="exchange_answer", limit=500) if r["title"].startswith("property")]
    theirs = [r["record_id"] for r in ours if r["record_id"] != old[12]] + ["old-system-77"]
    refused("forbidden", house.call, "start_cut_over", "clerk", source="property", system="city2", adapter="files", theirs=[])
    started = house.call("start_cut_over", "approver", source="property", system="city2", adapter="files", theirs=theirs)
    house.settle()
    state = house.call("get_cut_over", cut_over_id=started["id"])
    assert state["status"] == "differing"
    page = {"category": "cut_over", "key": started["id"]}
    assert house.call("get_acts", "approver", **page)["stands"] == {"worklist": "cut_over_differing"}
    assert (state["only_ours"], state["only_theirs"]) == ([old[12]], ["old-system-77"])
    new = {c.n: c.state.queries["property"].exchange_id for c in (one, two)}
    assert set(state["moved"]) == set(state["ours"])
    scopes = [(n["programme"], n["unit"], n["migrated"], n["answered"]) for n in state["by_scope"]]
    assert scopes == [("minimum_living_allowance", TOWN, len(state["ours"]), 0)]
    assert [state["moved"][old[n]] for n in (12, 13)] == [new[12], new[13]]
    assert not list((one.directory("property") / "out").glob(f"{old[12]}*"))
    number = mt.query_no(old[12], 1)
    (one.directory("property") / "in" / "late.csv").write_text(f"查询编号,结果,住房套数\n{number},有,3\n", encoding="utf-8")
    house.settle()
    assert one.state.queries["property"].answers == {}
    assert [d.values for d in one.state.differing] == [(mt.Value("homes", 3),)]
    refused("same_hand", house.call, "settle_cut_over", "approver", cut_over_id=started["id"], note="自查")
    house.call("settle_cut_over", "approver", actor="staff:other", cut_over_id=started["id"], note="旧系统77号为演练")
    assert house.call("get_acts", "approver", **page)["stands"] == {"worklist": ""}
    one.answers()
    house.settle()
    assert one.state.reports[0].verdict == "consistent"


def test_what_is_asked_while_a_switch_begins_goes_to_the_new_system_and_no_second_switch_begins(house: Desk) -> None:
    """The way is switched before the open requests are listed: between the command and its first slice nothing goes to the old one."""
    one = Checked(house, 14, "2023-12-11").sign()
    house.project()
    switch = {"source": "vehicle", "adapter": "files", "theirs": []}
    started = house.call("start_cut_over", "approver", system="traffic2", command_id="switched", **switch)
    house.project()
    refused("already_exists", house.call, "start_cut_over", "approver", system="traffic3", **switch)
    house.call("request_verification", **one.of)
    house.tell("assistance", "verification_opened", verification_id=one.verification_id)
    asked = one.state.queries["vehicle"].exchange_id
    assert [(one.directory(s) / "out" / f"{asked}.csv").exists() for s in ("vehicle", "traffic2")] == [False, True]
    made, log = house.services["assistance"], house.services["assistance"].office.log
    assert made._prepared("vehicle", started["position"], log.head()) == [asked]
    assert made._prepared("vehicle", started["position"], started["position"]) == made._prepared("hrms", 0, log.head()) == []
    house.settle()
    assert house.call("start_cut_over", "approver", system="traffic2", command_id="switched", **switch)["repeated"]
    assert asked not in house.call("get_cut_over", cut_over_id=started["id"])["ours"]
    one.answers()
    house.settle()
    assert one.state.reports[0].completeness == "complete"


def test_rights_to_check_are_listed_grant_by_grant_and_each_holds_on_its_own_days(house: Desk) -> None:
    """This year's and next year's stand beside each other; what is withdrawn holds on no later day."""
    house.on("2023-12-12")
    of = {"division": "330225103", "post": "clerk"}
    house.call("grant_check_right", "approver", **of, valid_from="2023-01-01", valid_until="2023-12-31", basis="文一")
    house.call("grant_check_right", "approver", **of, valid_from="2024-01-01", basis="文二")

    def held(day: str) -> list[tuple[str, str | None]]:
        house.project()
        rows = house.call("list_check_rights", "auditor", valid_at=day)
        return [(r["valid_from"], r["valid_until"]) for r in rows if r["division"] == "330225103"]

    assert held("2023-12-12") == [("2023-01-01", "2023-12-31")]
    assert held("2024-01-01") == [("2024-01-01", None)]
    house.on("2024-02-01").call("withdraw_check_right", "approver", **of, reason="机构调整")
    assert (held("2024-01-31"), held("2024-02-01")) == ([("2024-01-01", None)], [])


def test_a_campaign_leaves_nobody_out_and_a_mismatch_opens_a_review_without_stopping_the_payment(house: Desk) -> None:
    """Blocked ones are named and retried, coverage is counted, closing needs 100 %."""
    first, second = Checked(house, 14, "2024-01-02"), Checked(house, 15, "2024-01-02")
    for one in (first, second):
        one.applied().sign()
        one.answers()
        house.settle()
        house.call("record_survey", case_id=one.case_id, finding="情况属实")
        house.call("propose", "reviewer", case_id=one.case_id)
    house.later(9)
    for one in (first, second):
        case = house.call("get_case", "auditor", case_id=one.case_id)
        house.call("confirm", "approver", case_id=one.case_id, reviewed=case["proposal"]["reviewed"])
    house.settle()
    house.call("withdraw_member_authorisation", **second.of, person_id=second.persons[0], reason="暂不同意")
    house.on("2024-03-01").settle()
    start = {"division": "330225", "period": "2024", "programmes": [CODE], "due_on": "2024-03-20"}
    campaign = house.call("start_reverification", "reviewer", **start)["id"]
    house.settle()
    [blocked] = house.call("list_reverification_objects", "reviewer", campaign_id=campaign, worklist="reverification_blocked")
    assert blocked["case_id"] == second.case_id
    held = house.call("get_reverification", "auditor", campaign_id=campaign)
    assert (held["total"], held["blocked"], [*held["objects"]]) == (2, 1, [second.case_id])
    assert [*house.call("get_reverification", "auditor", campaign_id=campaign, case_id=first.case_id)["objects"]] == [first.case_id]
    for one in (first, second):
        page = house.call("get_acts", "reviewer", category="reverification", key=campaign, item=one.case_id)
        waiting = house.call("list_waiting", "auditor", worklist=page["stands"]["worklist"], limit=500)
        [row] = [r for r in waiting if r["key"] == one.case_id]
        assert (row["item"], row["due_on"]) == (campaign, str(page["stands"]["due_on"]))
        [excuse] = [a for a in page["acts"] if a["act"] == "excuse_reverification"]
        assert excuse["given"] == {"campaign_id": campaign, "case_id": one.case_id}
    assert "retry_reverification" in {a["act"] for a in page["acts"]}
    first.answers("bank", p0={"deposits_fen": 9_000_000})
    first.answers("hrss", "securities", "vehicle", "tax", "property")
    house.settle()
    before = house.call("get_case", "auditor", case_id=first.case_id)
    assert (before["status"], before["review_open"]) == ("in_force", True)
    flagged = {e["unit_id"]: e["risk_flags"] for e in house.call("list_register", "auditor", limit=500)["entries"]}
    [flag] = [f for f in flagged[first.household_id] if f["flag"] == "reverification_difference"]
    assert (flag["detail"], flag["reference"]) == (CODE, first.case_id)
    assert flagged[second.household_id] == []
    with pytest.raises(Refused, match="家庭情况变更登记"):
        house.call("answer_review", "reviewer", case_id=first.case_id, finding="情况未变")
    refused("out_of_order", house.call, "close_reverification", "reviewer", campaign_id=campaign)
    rates = {i["code"]: i for i in house.call("means_test_indicators", first="2024-01-01", last="2024-12-31")}
    assert (rates["coverage_rate"]["numerator"], rates["coverage_rate"]["denominator"]) == (1, 2)
    second.sign()
    house.call("retry_reverification", "reviewer", campaign_id=campaign)
    house.settle()
    second.answers()
    house.settle()
    [row] = [r for r in house.call("list_waiting", "auditor", worklist="reverification_close", limit=500) if r["key"] == campaign]
    assert row["due_on"] == "2024-03-20"
    house.on("2024-03-21").settle()
    assert [r["key"] for r in house.call("list_waiting", "auditor", worklist="reverification_overdue", limit=500)] == [campaign]
    house.call("close_reverification", "reviewer", campaign_id=campaign)
    house.project()
    assert campaign not in {r["key"] for r in house.call("list_waiting", "auditor", limit=500)}
    rates = {i["code"]: i for i in house.call("means_test_indicators", first="2024-01-01", last="2024-12-31")}
    assert (rates["coverage_rate"]["numerator"], rates["coverage_rate"]["denominator"]) == (2, 2)
    assert rates["report_rate"]["numerator"] == rates["report_rate"]["denominator"] == 4
    house.settle()
    assert not house.call("get_case", "auditor", case_id=second.case_id)["review_open"]


def test_somebody_whom_no_household_counts_is_checked_by_himself(house: Desk) -> None:
    """Only what was declared of him is compared; what else a source says is shown."""
    number = resident("19500505", 30)
    house.on("2024-05-06")
    person = {"resident_id": number, "name": "某老", "division": TOWN, "monthly_income_fen": 15000, "savings_fen": 20000}
    person_id = house.call("register_person", **person)["id"]
    of = {"programme": "extreme_hardship_support", "subject_id": person_id}
    refused("forbidden", house.call, "request_verification", **of)
    signature = {"signed_on": "2024-05-06", "valid_until": "2025-05-06", "document_ref": "授权30"}
    house.call("record_member_authorisation", **of, person_id=person_id, **signature)
    house.call("request_verification", **of)
    house.settle()
    [row] = house.call("list_verifications", case_id=bc.case_id(*of.values()))
    said = {"hrss": {"wage_fen": 0, "pension_fen": 15000}, "bank": {"deposits_fen": 20000}, "vehicle": {"vehicles": 1}}
    declared = load_sources("xiangshan-2023").sources
    checks = house.services["assistance"].checks
    for source in ("hrss", "bank", "vehicle", "property", "tax"):
        columns = {f.name: f.label for f in declared[source].fields}
        people = {number: said[source]} if source in said else {}
        directory = house.settings.var / "exchange" / "assistance" / checks.systems(source)[-1].name
        SIMULATOR.answer_files(directory, {"columns": columns, "people": people})
    house.settle()
    look = {"verification_id": row["verification_id"], "case_id": row["case_id"], "purpose": "审核"}
    report = house.call("look_at_report", "reviewer", **look)["report"]
    assert [(f["what"], f["difference"]) for f in report["findings"]] == [("income", 0), ("savings", 0)]
    assert report["verdict"] == "consistent"
    assert set(report["shown"]) == {"vehicles", "homes", "declared_income_fen"}


def test_what_comes_while_papers_are_awaited_is_taken_up_with_them(house: Desk) -> None:
    """补正: neither the last signature nor the report is refused or lost, and no limit of the case runs out for it."""
    one = Checked(house, 40, "2024-09-02").applied()
    house.call("request_supplement", case_id=one.case_id, missing=["授权书"], due_on="2024-09-20")
    one.sign()
    assert one.state.opened is None, "nothing is asked while papers are awaited"
    house.call("answer_supplement", case_id=one.case_id)
    house.settle()
    assert one.state.opened is not None
    house.call("request_supplement", case_id=one.case_id, missing=["户口簿"], due_on="2024-09-20")
    one.answers()
    house.settle()
    assert one.state.reports
    assert house.call("get_case", "auditor", case_id=one.case_id)["status"] == "authorised"
    house.call("answer_supplement", case_id=one.case_id)
    assert house.call("get_case", "auditor", case_id=one.case_id)["status"] == "means_tested"


def test_signature_and_acceptance_heard_side_by_side_authorise_once(house: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers hear of both at once and come to the same; the slower one finds it done and is no dead letter."""
    one = Checked(house, 41, "2024-10-08")
    house.call("apply", programme=CODE, household_id=one.household_id)
    house.call("accept_application", case_id=one.case_id)
    office = house.services["assistance"].office
    whole = office.handle

    def overtaken(decider: Any, ident: str, order: Order[Any]) -> Any:
        if isinstance(order.command, bc.RecordAuthorisation):
            whole(decider, ident, order.to(order.command, "the quicker one"))
        return whole(decider, ident, order)

    monkeypatch.setattr(office, "handle", overtaken)
    one.sign()
    names = [r.name for r in office.history(f"assistance.case-{one.case_id}")]
    assert names.count("assistance.authorisation_recorded") == names.count("assistance.means_test_requested") == 1
    assert len(one.state.queries) == len(SOURCES)
    monkeypatch.undo()
    one.answers()
    house.settle()


def test_a_crash_after_any_step_is_made_good_by_the_next_attempt(house: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is told to fail right after each append; the same orders again bring it to the same end, each event once."""
    one = Checked(house, 31, "2024-06-03").sign()
    made = house.services["assistance"]
    whole = made.office.handle
    crashes = 0

    def handle(*args: Any) -> Any:
        nonlocal crashes
        answer = whole(*args)
        if answer.events and not answer.repeated:
            crashes += 1
            raise Unavailable()
        return answer

    def until_done(act: Any) -> None:
        for _ in range(60):
            try:
                act()
                return
            except Unavailable:
                continue
        raise AssertionError("never done")

    def order(step: str) -> Order[Any]:
        return Order(None, f"crash {step}", HAND, house.now)

    monkeypatch.setattr(made.office, "handle", handle)
    until_done(lambda: made.checks.request(CODE, one.household_id, "request", order("request")))
    until_done(lambda: made.checks.dispatch(one.verification_id, order("dispatch")))
    one.answers()
    for source in SOURCES:
        until_done(lambda source=source: made.checks.collect(source, order(f"collect {source}")))  # type: ignore[misc]
    monkeypatch.undo()
    assert crashes == 2 + 12 + 18 * 2 + 6 + 6, "request and opening, prepared and sent, answers twice, reconciled, deliveries"
    assert [(r.version, r.completeness, r.verdict) for r in one.state.reports] == [(1, "complete", "consistent")]
    names = [r.name for r in made.office.history(mt.VERIFICATIONS.stream(one.verification_id))]
    assert names == ["assistance.verification_opened", *["assistance.source_answered"] * 18, "assistance.verification_reported"]
    house.settle()


def test_no_resident_id_stands_in_the_log_or_the_read_model(house: Desk) -> None:
    """What was written in the request files stayed there."""
    office = house.services["assistance"].office
    for raw in office.log.read_all(prefix="assistance."):
        assert b"33022519600101" not in raw.data
        assert b"33022519600101" not in raw.metadata
        assert "33022519600101" not in raw.stream
    rates = {i["code"]: i for i in house.call("means_test_indicators", first="2023-07-01", last="2023-12-31")}
    assert (rates["recheck_rate"]["numerator"], rates["recheck_rate"]["denominator"]) == (3, 3)


def test_a_source_on_the_bus_is_asked_sealed_and_answers_by_number(tmp_path: Path) -> None:
    """While the bus is away the request waits in the outbox; an answer proves that it went out; what was not asked is counted."""
    with desk(tmp_path, "assistance", MINZHENG_PROFILE="wujin-2023") as other:
        one = Checked(other, 20, "2023-07-03").sign()
        other.call("request_verification", **one.of)
        other.settle()
        exchange_id = one.state.queries["hrss"].exchange_id
        record = other.call("get_record", shape="exchange", record_id=exchange_id)
        assert (record["status"], record["attempt"]) == ("prepared", 1)
        values = [{"name": "wage_fen", "amount": 30000}, {"name": "pension_fen", "amount": 0}]
        for n in (1, 1, 2, 3):
            found = {"outcome": "found", "values": values} if n == 1 else {"outcome": "none"}
            other.tell("hrss", "verification_answered", query_no=mt.query_no(exchange_id, n), **found)
        other.tell("hrss", "verification_answered", query_no="nobody-asked-01", outcome="none")
        other.settle()
        assert one.state.queries["hrss"].status == "answered"
        [supply] = [s["supply"] for s in other.call("get_verification_sources") if s["code"] == "hrss"]
        assert (supply["taken"], supply["unknown"], supply["on_time"]) == (3, 1, 1)
        with pytest.raises(Refused):
            other.tell("hrss", "verification_answered", query_no=mt.query_no(exchange_id, 1), outcome="found", values=values[:1])


def test_what_lies_in_a_query_queue_only_the_source_can_read(house: Desk) -> None:
    """Sealed with the source's own key and bound to the request's id; another source's key opens nothing."""
    settings = house.settings
    body = sealed(source_key(settings, "hrss"), "x-1", [Ask("x-1-01", resident("19600101", 1), "某人")])
    assert resident("19600101", 1).encode() not in body
    opened = AESGCM(source_key(settings, "hrss")).decrypt(body[:12], body[12:], b"x-1")
    assert json.loads(opened)["queries"][0]["resident_id"] == resident("19600101", 1)
    for key, request in ((source_key(settings, "bank"), b"x-1"), (source_key(settings, "hrss"), b"x-2")):
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(body[:12], body[12:], request)


def test_every_event_delivered_again_changes_nothing(house: Desk) -> None:
    """At least once is what the bus promises."""
    log = house.services["assistance"].office.log
    house.settle()
    before = log.head()
    house._delivered = -1
    house.settle()
    # A grant that is heard of months later looks at the months since: that is the case's own affair.
    assert {r.name for r in log.read_all(after=before, prefix="assistance.")} <= {"assistance.case_reassessed"}
