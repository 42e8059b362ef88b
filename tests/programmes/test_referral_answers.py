"""Referrals are many: several are accepted and answered at once, and departments answer by file and by message."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.assistance import referral_answers, referrals
from services.assistance.declarations import DECIDERS
from services.assistance.verification_sources import SOURCES, SourceAnswersTaken
from services.portal.web.app import create_app
from shared.domain.errors import Refused
from shared.security import tokens
from tests.desk import DIVISION, Desk, desk
from tests.programmes.people import TOWN, Numbers, grant, home
from tests.programmes.test_another_town import Wire

LIVING = "minimum_living_allowance"
MEDICAL, SCHOOL, HOUSING, WORK = (n.unit for n in referrals.NEEDS)
HEAD = "受理编号,材料摘要,办理情况,说明\r\n"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test registers households of its own."""
    with desk(tmp_path_factory.mktemp("answers"), "assistance") as made:
        yield made


def referred(d: Desk, numbers: Numbers, town: str = TOWN) -> dict[str, dict[str, Any]]:
    """A household with every need, determined: what went out, by department."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19850101"}, {"born": "20120101", "student": True}, town=town, homes=0)
    grant(d, LIVING, household_id=made.household_id)
    rows = d.call("list_records", "auditor", programme=referrals.CODE, subject_id=made.household_id, limit=500)
    found = [{"id": row["record_id"], **now(d, row["record_id"])} for row in rows]
    return {f["to_unit"]: f for f in found}


def now(d: Desk, record_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = d.call("get_record", "auditor", shape="handoff", record_id=record_id)
    return shown


def pick(*sent: dict[str, Any]) -> list[dict[str, str]]:
    return [{"record_id": s["id"], "dossier_hash": s["dossier_hash"]} for s in sent]


def test_several_are_accepted_and_answered_at_once(d: Desk, numbers: Numbers) -> None:
    """One command of each, one event of each; what cannot be done is told, and the second try does nothing twice."""
    sent = referred(d, numbers)
    for wrong in ([], [{"record_id": str(uuid.uuid4()), "dossier_hash": "0" * 64} for _ in range(201)]):
        with pytest.raises(Refused) as none:
            d.call("accept_handoffs", selected=wrong)
        assert none.value.field == "selected"
    stale = {"record_id": sent[HOUSING]["id"], "dossier_hash": "0" * 64}
    body = {"selected": [*pick(sent[MEDICAL], sent[SCHOOL]), stale], "command_id": str(uuid.uuid4())}
    answer = d.call("accept_handoffs", **body)
    assert answer["done"] == [sent[MEDICAL]["id"], sent[SCHOOL]["id"]]
    assert [(left["record_id"], left["reason"]) for left in answer["left"]] == [
        (sent[HOUSING]["id"], "收到的材料与转出时不一致，请退回并说明。")
    ]
    assert d.call("accept_handoffs", **body)["done"] == answer["done"]
    histories = {s["id"]: list(d.services["assistance"].office.history(DECIDERS["handoff"].stream(s["id"]))) for s in sent.values()}
    assert [len(histories[sent[unit]["id"]]) for unit in (MEDICAL, SCHOOL, HOUSING)] == [2, 2, 1]
    assert len({r.meta.command_id for s in (MEDICAL, SCHOOL) for r in histories[sent[s]["id"]][1:]}) == 2
    answer = d.call("finish_handoffs", selected=pick(*sent.values()), outcome="aided", result="已纳入")
    assert (len(answer["done"]), answer["left"]) == (4, [])
    assert {now(d, s["id"])["status"] for s in sent.values()} == {"done"}  # the two that nobody had accepted too
    with pytest.raises(Refused) as done:
        d.call("finish_handoffs", selected=pick(sent[WORK]), outcome="declined", result="重复")
    assert done.value.code == "out_of_order"


def test_the_desk_accepts_and_answers_what_was_chosen(d: Desk, numbers: Numbers) -> None:
    """Chosen in the list, shown as they stand, done and told; what cannot be done keeps its reason, and nobody chosen is said in words."""
    sent = referred(d, numbers)
    app = create_app(d.settings)
    app.config["WTF_CSRF_ENABLED"] = False
    app.extensions["portal"]._made["rpc"] = Wire(d)
    assert d.settings.token_private_key is not None
    with app.test_client() as client:
        with client.session_transaction() as session:
            session["token"] = tokens.issue(d.settings.token_private_key, "staff:desk", ("clerk",), DIVISION)
        chosen = [f"{s['id']} {s['dossier_hash']}" for s in (sent[MEDICAL], sent[SCHOOL])]
        stale = f"{sent[HOUSING]['id']} {'0' * 64}"

        def post(*handoffs: str, **more: str) -> TestResponse:
            form = {"handoff": list(handoffs), "worklist": "handoff_accept", "command_id": str(uuid.uuid4()), **more}
            return client.post("/desk/assistance/handoffs/selected", data=form)

        assert "请选择" in post().text
        shown = post(*chosen)
        assert (shown.status_code, all(s["number"] in shown.text for s in (sent[MEDICAL], sent[SCHOOL]))) == (200, True)
        part = post(*chosen, stale, act="accept")
        assert (part.status_code, "收到的材料与转出时不一致" in part.text, "已办理2件" in part.text) == (200, True, True)
        assert [now(d, sent[unit]["id"])["status"] for unit in (MEDICAL, SCHOOL, HOUSING)] == ["accepted", "accepted", "sent"]
        nothing_said = post(*chosen, act="finish", outcome="aided", result="")
        assert (nothing_said.status_code, now(d, sent[MEDICAL]["id"])["status"]) == (422, "accepted")
        done = post(*chosen, act="finish", outcome="aided", result="已纳入")
        assert (done.status_code, "done=2" in done.headers["Location"]) == (303, True)
        assert {now(d, sent[unit]["id"])["status"] for unit in (MEDICAL, SCHOOL)} == {"done"}
    app.extensions["portal"].close()


def test_a_hand_of_another_town_is_refused_whole_and_its_own_is_done(d: Desk, numbers: Numbers) -> None:
    """Where each that was chosen is another town's, the order is refused as it would be of one, and nothing is done; among its own, another
    town's is left, with the reason."""
    first, second = referred(d, numbers), referred(d, numbers, "330225102")
    answer = {"outcome": "aided", "result": "已纳入"}
    for method, more in (("accept_handoffs", {}), ("finish_handoffs", answer)):
        with pytest.raises(Refused) as refused:
            d.call(method, at="330225109", selected=pick(first[MEDICAL], first[SCHOOL], second[MEDICAL]), **more)
        assert refused.value.code == "wrong_division"
    assert {now(d, sent["id"])["status"] for sent in (*first.values(), *second.values())} == {"sent"}
    for method, more, status in (("accept_handoffs", {}, "accepted"), ("finish_handoffs", answer, "done")):
        done = d.call(method, at="330225102", selected=pick(first[MEDICAL], second[MEDICAL]), **more)
        assert done["done"] == [second[MEDICAL]["id"]]
        assert done["left"] == [{"record_id": first[MEDICAL]["id"], "reason": "不在本辖区内，无权办理。"}]
        assert (now(d, first[MEDICAL]["id"])["status"], now(d, second[MEDICAL]["id"])["status"]) == ("sent", status)


def deliver(d: Desk, department: str, *lines: tuple[str, ...], text: str = "") -> Path:
    """What a department writes."""
    into = referral_answers.folder(d.settings.var / "exchange" / "assistance", department)
    path = into / f"{uuid.uuid4().hex}.csv"
    path.write_bytes((text or HEAD + "".join(",".join(line) + "\r\n" for line in lines)).encode("gb18030"))
    return path


def test_a_department_answers_by_file(d: Desk, numbers: Numbers) -> None:
    """Line by line: what is taken, what was taken before, and what cannot be, with its number; the file is gone then."""
    sent, other = referred(d, numbers), referred(d, numbers)
    med, med2, school = sent[MEDICAL], other[MEDICAL], sent[SCHOOL]
    d.settle()
    file = deliver(
        d, "medicare", (med["number"], med["dossier_hash"], "签收", ""), (med2["number"], med2["dossier_hash"], "已救助", "已参保资助"),
        (school["number"], school["dossier_hash"], "签收", ""), (med["number"][:-1] + "x", med["dossier_hash"], "签收", ""),
        (med["number"], "0" * 64, "已救助", "已纳入"), (med["number"], med["dossier_hash"], "已阅", ""),
    )  # fmt: skip
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    [told] = d.call("take_in_referral_answers", department="medicare")["files"]
    assert (told["taken"], told["repeated"]) == (2, 0)
    assert [(b["line"], b["reason"]) for b in told["broken"]] == [
        (4, "没有转给本单位的此受理编号。"), (5, "受理编号不正确，请核对。"), (6, "材料摘要与转出时不一致，请退回并说明。"),
        (7, "办理情况须为“签收”“已救助”“不予救助”或“退回”。"),
    ]  # fmt: skip
    assert (now(d, med["id"])["status"], now(d, med2["id"])["outcome"], now(d, school["id"])["status"]) == ("accepted", "aided", "sent")
    assert not file.exists()
    events = [r.event for r in d.services["assistance"].office.history(SOURCES.stream("referral_medicare"))]
    assert [(e.taken, len(e.broken)) for e in events if isinstance(e, SourceAnswersTaken)] == [(2, 4)]
    deliver(d, "medicare", (med["number"], med["dossier_hash"], "签收", ""))
    [again] = d.call("take_in_referral_answers", department="medicare")["files"]
    assert (again["taken"], again["repeated"], again["broken"]) == (0, 1, [])
    deliver(d, "medicare", text="编号,结果\r\n1,签收\r\n")
    [wrong] = d.call("take_in_referral_answers", department="medicare")["files"]
    assert wrong["broken"] == [{"line": 0, "reason": "没有表头“受理编号”“材料摘要”“办理情况”“说明”。"}]


def test_the_timer_looks_for_deliveries_as_long_as_something_waits(d: Desk, numbers: Numbers) -> None:
    """Nobody need ask; where nothing waits nothing is looked for."""
    sent = referred(d, numbers)[SCHOOL]
    d.settle()
    deliver(d, "education", (sent["number"], sent["dossier_hash"], "不予救助", "已由学校减免"))
    d.settle()
    assert (now(d, sent["id"])["status"], now(d, sent["id"])["outcome"]) == ("done", "declined")


def test_a_department_answers_by_message(d: Desk, numbers: Numbers) -> None:
    """Returned with a reason, or aided; told twice it is one answer; of another department's it may say nothing."""
    sent = referred(d, numbers)
    housing, work = sent[HOUSING], sent[WORK]
    told = {"number": work["number"], "dossier_hash": work["dossier_hash"], "outcome": "aided", "result": "已推荐公益性岗位"}
    d.tell("hrss", "referral_answered", **told)
    d.tell("hrss", "referral_answered", **told)
    assert (now(d, work["id"])["status"], now(d, work["id"])["result"]) == ("done", "已推荐公益性岗位")
    back = {"number": housing["number"], "dossier_hash": "", "outcome": "returned", "result": "须附房屋鉴定报告"}
    d.tell("housing", "referral_answered", **back)
    assert (now(d, housing["id"])["status"], now(d, housing["id"])["reason"]) == ("returned", "须附房屋鉴定报告")
    with pytest.raises(Refused) as refused:
        d.tell("education", "referral_answered", **told)
    assert refused.value.code == "not_found"


def out_of(d: Desk, department: str) -> dict[str, list[list[str]]]:
    """What lies at a department, by acceptance number: the lines of its list without the heads."""
    found: dict[str, list[list[str]]] = {}
    for path in sorted((d.settings.var / "exchange" / "assistance" / "referrals" / department / "out").glob("*.csv")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        head, *lines = [line.split(",") for line in path.read_text(encoding="utf-8-sig").splitlines()]
        assert head == ["人员编号", "身份证号", "姓名", "受理编号", "材料摘要", "转介事项", "答复期限"]
        for line in lines:
            found.setdefault(line[3], []).append(line)
    return found


def test_the_list_reaches_the_department_and_each_person_in_it_is_answered_for(d: Desk, numbers: Numbers) -> None:
    """A28: one line a person goes out by itself; one is aided, one declined, then the referral is done and the list is taken away."""
    sent = referred(d, numbers)[MEDICAL]
    d.settle()
    lines = out_of(d, "medicare")[sent["number"]]
    assert [line[0] for line in lines] == [f"{sent['number']}-1", f"{sent['number']}-2"]
    assert all(len(line[1]) == 18 and line[2].startswith("成员") and line[4] == sent["dossier_hash"] for line in lines)
    head = HEAD.replace("\r\n", ",人员编号\r\n")
    one, two = (line[0] for line in lines)

    def answered(*rows: tuple[str, ...]) -> Any:
        text = head + "".join(",".join((sent["number"], sent["dossier_hash"], *row)) + "\r\n" for row in rows)
        deliver(d, "medicare", text=text)
        [told] = d.call("take_in_referral_answers", department="medicare")["files"]
        return told

    told = answered(("已救助", "已参保资助", one), ("退回", "非本县参保", two), ("已救助", "无此人", f"{sent['number']}-3"))
    assert (told["taken"], [b["line"] for b in told["broken"]]) == (1, [3, 4])
    state = now(d, sent["id"])
    assert (state["status"], {p: a["outcome"] for p, a in state["answers"].items()}) == ("accepted", {state["concerned"][0]: "aided"})
    with pytest.raises(Refused, match="逐人答复"):
        d.call("finish_handoff", record_id=sent["id"], outcome="aided", result="已纳入")
    with pytest.raises(Refused, match="already_exists"):
        d.call("answer_handoff_for_person", record_id=sent["id"], person_id=state["concerned"][0], outcome="declined", result="改")
    assert answered(("已救助", "已参保资助", one))["repeated"] == 1
    assert answered(("不予救助", "已由职工医保覆盖", two))["taken"] == 1
    state = now(d, sent["id"])
    assert (state["status"], state["outcome"], state["answered_for"]) == ("done", "aided", state["concerned"][:1])
    assert state["result"] == "已参保资助；已由职工医保覆盖"
    d.settle()
    assert sent["number"] not in out_of(d, "medicare")
    [carried] = [r for r in d.call("list_records", "auditor", subject_id=sent["id"], limit=9) if r["shape"] == "exchange"]
    assert (carried["status"], carried["title"]) == ("reconciled", "医疗保障局：2/2")


def test_a_referral_that_is_over_leaves_nothing_at_the_department(d: Desk, numbers: Numbers) -> None:
    """Returned: the list is taken away; sent again: another list; answered at the desk: away for good."""
    sent = referred(d, numbers)[HOUSING]
    d.settle()
    assert sent["number"] in out_of(d, "housing")
    d.call("return_handoff", record_id=sent["id"], reason="须附房屋鉴定报告")
    d.settle()
    assert sent["number"] not in out_of(d, "housing")
    again = {"record_id": sent["id"], "to_unit": HOUSING, "dossier_hash": "1" * 64}
    d.call("resend_handoff", **again)
    d.settle()
    assert {line[4] for line in out_of(d, "housing")[sent["number"]]} == {"1" * 64}
    d.call("accept_handoff", record_id=sent["id"], dossier_hash="1" * 64)
    d.call("finish_handoff", record_id=sent["id"], outcome="aided", result="已列入公租房")
    d.settle()
    assert sent["number"] not in out_of(d, "housing")


def test_a_department_that_cannot_be_reached_is_tried_again_and_its_way_can_be_switched(d: Desk, numbers: Numbers) -> None:
    """Over a bus that is away nothing is lost: it waits for its next try, and goes out by whatever way the department has then."""
    with pytest.raises(Refused):
        d.call("switch_referral_way", "clerk", department="education", adapter="amqp")
    d.on("2023-07-03").call("switch_referral_way", "approver", department="education", adapter="amqp")
    sent = referred(d, numbers)[SCHOOL]
    d.settle()
    [carried] = [r for r in d.call("list_records", "auditor", subject_id=sent["id"], limit=9) if r["shape"] == "exchange"]
    assert (carried["status"], sent["number"] in out_of(d, "education")) == ("prepared", False)
    d.call("switch_referral_way", "approver", department="education", adapter="files")
    d.later(1).settle()
    assert sent["number"] in out_of(d, "education")
