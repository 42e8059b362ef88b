"""What the page says of a case from its publicity to its end, on each day; who may change that; what nobody may ever read there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.assistance.benefits import DISCLOSURES
from services.assistance.programmes import PROGRAMMES
from services.eldercare.declarations import PARTS
from services.eldercare.programmes import PROGRAMMES as ELDER_PROGRAMMES
from services.portal.read_model import MODEL, TABLES
from services.portal.rows import sunshine
from shared.casework import disclosure as di
from shared.casework.programme import DISCLOSABLE, LEVELS, Disclosure
from shared.domain.errors import Refused
from shared.eventlog.read_model import Rows
from shared.eventsourcing.events import ERASED
from shared.messaging.doors import doors_of
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, apply, case, decide, grant, home, pay, single

T = TABLES["sunshine"]
VILLAGE = "330225101007"
LIVING = "minimum_living_allowance"
CANARY = "金丝雀"  # every name in this file begins with it


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Both services that pay benefits, and the portal's rows; nobody appears in two tests."""
    with desk(tmp_path_factory.mktemp("disclosure"), "assistance", "eldercare", "portal") as made:
        yield made


def family(d: Desk, numbers: Numbers, *more: dict[str, Any], village: str = VILLAGE, **given: Any) -> Home:
    first = {"born": "19700101", "monthly_income_fen": 20000, "name": f"{CANARY}甲", **given}
    return home(d, numbers, first, *({"name": f"{CANARY}乙", **m} for m in more), town=village)


def earns(d: Desk, made: Home, fen: int, since: str) -> None:
    """The head's income changes."""
    head = made.members[0]
    d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=fen, effective_from=since)


def publicised(d: Desk, case_id: str) -> str:
    """Reviewed, and the publicity has begun; the hash to confirm."""
    d.call("propose", "reviewer", case_id=case_id)
    d.settle()
    return str(case(d, case_id)["proposal"]["reviewed"])


def lines(d: Desk, case_id: str, on: str | None = None, division: str = "330225") -> list[dict[str, Any]]:
    """What the page says of a case at the end of a day, names opened: the recipients of its programme, and the proposals. By its stream,
    for what is no longer told of a past day has no case."""
    engine, vault = d.offices["portal"].read, d.offices["portal"].vault
    day = date.fromisoformat(on) if on else None
    found = sunshine.proposals(engine, T, division, day, today=d.now.date(), limit=500)
    for programme in (*PROGRAMMES, *ELDER_PROGRAMMES):
        found += sunshine.recipients(engine, T, programme, division, day, limit=500)
    mine = [r for r in found if r.stream.endswith(case_id)]
    vault.know(r.person_id for r in mine if r.person_id)
    return [{**dataclasses.asdict(r), "name": vault.open(r.name) if r.name is not None else None} for r in mine]


def said(d: Desk, case_id: str, on: str | None = None) -> tuple[Any, ...]:
    """(kind, name, amount, status) of the one line, () when there is none."""
    found = lines(d, case_id, on)
    assert len(found) <= 1
    return (found[0]["kind"], found[0]["name"], found[0]["amount_fen"], found[0]["status"]) if found else ()


def test_the_page_of_a_case_on_each_day_of_its_life(d: Desk, numbers: Numbers) -> None:
    """公示 → 异议 → 在保 → 提高 → 暂停 → 恢复 → 终止: each day's page is what the case was on that day, then and for ever; who it was
    is told for as long as the publicity, the listing lasts, and of no day any more when it is over."""
    d.on("2023-07-03")
    made = family(d, numbers, {"born": "20150101"})
    case_id = apply(d, LIVING, household_id=made.household_id)
    d.settle()
    assert said(d, case_id) == ()
    reviewed = publicised(d, case_id)
    first = case(d, case_id)["proposal"]["assessment"]["amount_fen"]
    d.on("2023-07-10")
    receipt = d.call("report_objection", "portal", case_id=case_id, words="听说他家有车", contact="13800000000")["receipt"]
    d.settle()
    d.on("2023-07-12")
    d.settle()
    assert said(d, case_id) == ()  # the publicity is over, and nothing is confirmed yet
    with pytest.raises(Refused, match="公众异议"):
        d.call("confirm", "approver", case_id=case_id, reviewed=reviewed)
    d.call("take_public_objection", case_id=case_id, receipt=receipt, reason="反映有车辆", actor="staff:window")
    d.call("answer_objection", "approver", case_id=case_id, outcome="dismissed", reason="经查无车辆", actor="staff:second")
    d.call("confirm", "approver", case_id=case_id, reviewed=reviewed)
    d.settle()
    d.on("2023-08-10")
    earns(d, made, 0, "2023-08-09")
    d.settle()
    now = said(d, case_id)
    d.on("2023-09-02")
    d.settle()  # the new amount counts from September, and so does the page
    raised = said(d, case_id)
    assert now == ("recipient", "金*", first, "in_force")
    assert raised[2] > first
    d.on("2023-09-20")
    d.call("suspend_case", "reviewer", case_id=case_id, from_month="2023-10", reason="人户分离待核")
    d.settle()
    d.on("2023-10-05")
    d.settle()
    d.on("2023-11-06")
    d.call("resume_case", "approver", case_id=case_id, from_month="2023-11", with_arrears=False, reason="已核实")
    d.settle()
    d.on("2023-12-04")
    earns(d, made, 900000, "2023-12-01")
    d.settle()
    assert [said(d, case_id, day) for day in ("2023-07-12", "2023-09-02")] == [("recipient", "金*", first, "in_force"), raised]
    assert said(d, case_id, "2023-07-03") == ("proposal", None, first, "")  # its seven days are over
    d.on("2024-01-02")
    d.settle()
    assert case(d, case_id)["status"] == "ended"
    on = {
        "2023-07-02": (),
        "2023-07-03": ("proposal", None, first, ""),
        "2023-07-10": ("proposal", None, first, ""),
        "2023-07-11": (),
        "2023-07-12": ("recipient", None, first, "in_force"),
        "2023-08-31": ("recipient", None, first, "in_force"),
        "2023-09-02": ("recipient", None, *raised[2:]),
        "2023-10-05": ("recipient", None, 0, "suspended"),
        "2023-11-06": ("recipient", None, *raised[2:]),
        "2023-12-31": ("recipient", None, *raised[2:]),
        "2024-01-02": (),
    }
    assert {day: said(d, case_id, day) for day in on} == on
    [line] = lines(d, case_id, "2023-07-03")
    assert (line["case_id"], line["person_id"]) == ("", "")  # nor anything by which the name could be looked up elsewhere
    assert case_id not in line["key"]
    assert (line["place"], line["members"], line["area"], line["until_day"]) == (VILLAGE, 2, "rural", "2023-07-10")
    assert d.call("get_objection_answer", "portal", receipt=receipt) == {
        "receipt": receipt, "received_on": "2023-07-10", "status": "dismissed", "reason": "经查无车辆",
    }  # fmt: skip


def test_an_upheld_objection_takes_the_proposal_off_the_page_and_a_new_one_comes(d: Desk, numbers: Numbers) -> None:
    """异议成立: nothing is shown until it is reviewed anew; two objections become one of the case, both are answered by it."""
    d.on("2023-07-03")
    case_id = apply(d, LIVING, household_id=family(d, numbers).household_id)
    publicised(d, case_id)
    receipts = [d.call("report_objection", "portal", case_id=case_id, words=w)["receipt"] for w in ("有房出租", "有门面房")]
    for receipt in receipts:
        d.call("take_public_objection", case_id=case_id, receipt=receipt, reason="反映有房产", actor="staff:window")
    d.settle()
    assert [d.call("get_objection_answer", "portal", receipt=r)["status"] for r in receipts] == ["taken", "taken"]
    d.on("2023-07-05")
    d.call("answer_objection", "approver", case_id=case_id, outcome="upheld", reason="须补查房产", actor="staff:second")
    d.settle()
    assert said(d, case_id) == ()
    assert [d.call("get_objection_answer", "portal", receipt=r)["status"] for r in receipts] == ["upheld", "upheld"]
    d.on("2023-07-06")
    publicised(d, case_id)
    assert said(d, case_id)[0] == "proposal"
    assert lines(d, case_id)[0]["until_day"] == "2023-07-13"


def test_an_objection_waits_in_one_list_until_a_clerk_takes_or_rejects_it(d: Desk, numbers: Numbers) -> None:
    """Its words are opened for the clerk only; it is late aloud; who handled the case cannot put it aside."""
    d.on("2023-07-03")
    case_id = apply(d, LIVING, household_id=family(d, numbers).household_id)
    publicised(d, case_id)
    written = {"case_id": case_id, "words": "说是我写的", "contact": "画眉鸟13800000000", "command_id": "page-1"}
    receipt = d.call("report_objection", "portal", **written)["receipt"]
    assert d.call("report_objection", "portal", **written)["receipt"] == receipt  # the page was sent twice
    d.settle()
    [waiting] = d.call("list_public_objections", worklist="public_objection", case_id=case_id)
    assert (waiting["receipt"], waiting["due_on"]) == (receipt, "2023-07-06")
    assert [row["worklist"] for row in d.call("list_worklists", "auditor")].count("public_objection") == 1
    opened = d.call("get_public_objection", receipt=receipt)
    assert (opened["words"], opened["contact"]) == ("说是我写的", "画眉鸟13800000000")
    d.on("2023-07-08")
    d.settle()
    assert [o["worklist"] for o in d.call("list_public_objections", case_id=case_id)] == ["public_objection_overdue"]
    with pytest.raises(Refused) as own:
        d.call("reject_public_objection", case_id=case_id, receipt=receipt, reason="无事实")
    assert own.value.code == "same_hand"
    d.call("reject_public_objection", case_id=case_id, receipt=receipt, reason="未说明事实", actor="staff:window")
    d.settle()
    assert [o["worklist"] for o in d.call("list_public_objections", case_id=case_id)] == [""]
    told = d.call("get_objection_answer", "portal", receipt=receipt)
    assert (told["status"], told["reason"]) == ("rejected", "未说明事实")


def test_the_open_form_stops_no_benefit_by_itself(d: Desk, numbers: Numbers) -> None:
    """One sentence without a name to each of many cases: they are confirmed on their day; one with a way to ask back stops for three
    working days at most. All of them are put aside at once with one reason, save those the hand itself had a part in."""
    d.on("2023-07-03")
    cases = [apply(d, LIVING, household_id=family(d, numbers).household_id) for _ in range(3)]
    reviewed = [publicised(d, case_id) for case_id in cases]
    d.on("2023-07-10")
    words = [{"words": "不该给他们"}, {"words": "不该给他们"}, {"words": "不该给他们", "contact": "随便写的"}]
    receipts = [d.call("report_objection", "portal", case_id=c, **w)["receipt"] for c, w in zip(cases, words, strict=True)]
    d.on("2023-07-11")
    d.call("confirm", "approver", case_id=cases[0], reviewed=reviewed[0])
    with pytest.raises(Refused, match="公众异议"):
        d.call("confirm", "approver", case_id=cases[2], reviewed=reviewed[2])
    d.on("2023-07-14")  # received on a Monday, due on the Thursday
    d.call("confirm", "approver", case_id=cases[2], reviewed=reviewed[2])
    d.settle()
    assert {d.call("get_objection_answer", "portal", receipt=r)["status"] for r in receipts} == {"received"}  # they are still answered
    with pytest.raises(Refused) as own:
        d.call("reject_public_objections", receipts=receipts, reason="未说明事实")
    assert own.value.code == "same_hand"
    with pytest.raises(Refused, match="理由"):
        d.call("reject_public_objections", receipts=receipts, reason=" ", actor="staff:window")
    told = {"receipts": [*receipts, "0" * 20], "reason": "未说明事实", "actor": "staff:window", "command_id": "all-at-once"}
    done = d.call("reject_public_objections", **told)
    assert (done["rejected"], done["left"]) == (receipts, ["没有此回执号；刚提交的请稍候再查。"])
    assert d.call("reject_public_objections", **told)["rejected"] == receipts  # sent twice
    d.settle()
    answers = [d.call("get_objection_answer", "portal", receipt=r) for r in receipts]
    assert [(a["status"], a["reason"]) for a in answers] == [("rejected", "未说明事实")] * 3
    d.call("confirm", "approver", case_id=cases[1], reviewed=reviewed[1])


def test_objections_of_several_towns_are_rejected_by_each_for_its_own(d: Desk, numbers: Numbers) -> None:
    """Where each is another town's the order is refused whole; among its own, another town's is left, with the reason."""
    d.on("2023-07-03")
    cases = [apply(d, LIVING, household_id=family(d, numbers, village=v).household_id) for v in (VILLAGE, "330225102001")]
    for case_id in cases:
        publicised(d, case_id)
    receipts = [d.call("report_objection", "portal", case_id=c, words="不该给他们")["receipt"] for c in cases]
    d.settle()
    told = {"receipts": receipts, "reason": "未说明事实", "actor": "staff:window"}
    with pytest.raises(Refused) as refused:
        d.call("reject_public_objections", at="330225109", **told)
    assert refused.value.code == "wrong_division"
    assert {d.call("get_objection_answer", "portal", receipt=r)["status"] for r in receipts} == {"received"}
    done = d.call("reject_public_objections", at="330225102", **told)
    assert (done["rejected"], done["left"]) == (receipts[1:], ["不在本辖区内，无权办理。"])
    d.settle()
    assert [d.call("get_objection_answer", "portal", receipt=r)["status"] for r in receipts] == ["received", "rejected"]


def test_an_objection_to_a_proposal_that_comes_to_nothing_is_moot(d: Desk, numbers: Numbers) -> None:
    """The proposal is void while it waits: it is closed, says so by the receipt, and does not stand in the way of the next proposal."""
    d.on("2023-07-03")
    made = family(d, numbers)
    case_id = apply(d, LIVING, household_id=made.household_id)
    publicised(d, case_id)
    written = {"words": "他家收入不实", "contact": "13800000000"}
    first = d.call("report_objection", "portal", case_id=case_id, **written)["receipt"]
    d.settle()
    d.on("2023-07-04")
    earns(d, made, 10000, "2023-07-01")
    d.settle()
    assert case(d, case_id)["proposal"] is None
    assert d.call("get_objection_answer", "portal", receipt=first)["status"] == "moot"
    assert [o["worklist"] for o in d.call("list_public_objections", case_id=case_id)] == [""]
    reviewed = publicised(d, case_id)
    second = d.call("report_objection", "portal", case_id=case_id, **written)["receipt"]  # the same words, about another proposal
    d.settle()
    d.on("2023-07-12")
    d.settle()  # the publicity is over, and what came in time is heard
    assert d.call("get_objection_answer", "portal", receipt=second)["status"] == "received"
    d.call("confirm", "approver", case_id=case_id, reviewed=reviewed)
    d.settle()
    assert d.call("get_objection_answer", "portal", receipt=second)["status"] == "received"


def test_the_portal_s_hand_reports_and_looks_up_and_does_nothing_else(d: Desk) -> None:
    """Every other door of both services is closed to it, and its own two to everybody else."""
    open_to = set()
    for name in ("assistance", "eldercare"):
        for door in doors_of(type(d.services[name])):
            try:
                d.call(door.method, "portal", service=name, raw=True)
            except Refused as refused:
                if refused.code != "forbidden":
                    open_to.add(door.method)
            else:
                open_to.add(door.method)
    assert open_to == {"report_objection", "get_objection_answer"}
    for role in ("clerk", "approver", "auditor", "registrar"):
        with pytest.raises(Refused) as refused_:
            d.call("report_objection", role, case_id="x", words="y")
        assert refused_.value.code == "forbidden"


def test_objections_are_heard_in_time_and_nowhere_else(d: Desk, numbers: Numbers) -> None:
    """Not of a case that is not under publicity, not after it; one that came in time is taken after it; an unknown receipt is not found."""
    d.on("2023-07-03")
    case_id = apply(d, LIVING, household_id=family(d, numbers).household_id)
    with pytest.raises(Refused, match="公示期"):
        d.call("report_objection", "portal", case_id=case_id, words="早了")
    publicised(d, case_id)
    d.on("2023-07-10")
    receipt = d.call("report_objection", "portal", case_id=case_id, words="最后一天")["receipt"]
    d.settle()
    d.on("2023-07-11")
    with pytest.raises(Refused, match="公示期"):
        d.call("report_objection", "portal", case_id=case_id, words="晚了")
    with pytest.raises(Refused, match="公示期"):
        d.call("raise_objection", case_id=case_id, reason="晚了")
    d.call("take_public_objection", case_id=case_id, receipt=receipt, reason="已及时提出", actor="staff:window")
    assert case(d, case_id)["objection"]["raised_on"] == date(2023, 7, 10)
    with pytest.raises(Refused) as unknown:
        d.call("get_objection_answer", "portal", receipt="0" * 20)
    assert unknown.value.code == "not_found"


def test_a_withdrawal_and_a_correction_are_at_once_and_reach_the_page_of_every_day(d: Desk, numbers: Numbers) -> None:
    """人身安全: off the page of every day, still counted; restored by another hand; a hidden name stays hidden when the amount changes."""
    d.on("2023-07-03")
    made = family(d, numbers, village="330225102001")
    case_id = grant(d, LIVING, household_id=made.household_id)
    confirmed = d.now.date().isoformat()
    before = said(d, case_id)
    d.on("2023-08-01")
    counted = _counted(d, "330225102001")
    with pytest.raises(Refused) as not_his:
        d.call("withdraw_disclosure", "clerk", case_id=case_id, reason="人身安全")
    assert not_his.value.code == "forbidden"
    d.call("withdraw_disclosure", "approver", case_id=case_id, reason="人身安全")
    d.settle()
    assert said(d, case_id) == said(d, case_id, confirmed) == said(d, case_id, "2023-07-31") == ()
    assert _counted(d, "330225102001") == counted > 0
    d.on("2023-08-05")
    with pytest.raises(Refused) as same:
        d.call("restore_disclosure", "approver", case_id=case_id, reason="已解除")
    assert same.value.code == "same_hand"
    d.call("restore_disclosure", "approver", case_id=case_id, reason="已解除", actor="staff:second")
    d.settle()
    assert said(d, case_id) == said(d, case_id, confirmed) == before
    assert said(d, case_id, "2023-08-01") == ()
    d.on("2023-08-07")
    d.call("correct_disclosure", "approver", case_id=case_id, hidden=["name", "place"], reason="本人请求")
    d.settle()
    assert (said(d, case_id)[1], lines(d, case_id)[0]["place"]) == (None, "330225102")
    d.on("2023-08-10")
    earns(d, made, 0, "2023-08-09")
    d.settle()
    d.on("2023-09-02")
    d.settle()
    assert said(d, case_id)[1] is None
    assert said(d, case_id)[2] > before[2]
    for day in (confirmed, "2023-08-05", "2023-08-07"):
        assert (said(d, case_id, day)[1], lines(d, case_id, day)[0]["place"]) == (None, "330225102")
        assert lines(d, case_id, day, division="330225102001") == []  # not by the page it was on, either
    d.call("correct_disclosure", "approver", case_id=case_id, hidden=[], reason="已同意", actor="staff:second")
    d.settle()
    names = {day: said(d, case_id, day)[1:2] for day in (confirmed, "2023-08-01", "2023-08-04", "2023-08-05", "2023-08-07")}
    assert names == {confirmed: ("金*",), "2023-08-01": (), "2023-08-04": (), "2023-08-05": ("金*",), "2023-08-07": (None,)}


def _counted(d: Desk, place: str) -> int:
    """How many cases the rows count at a place, withheld or not."""
    with d.offices["portal"].read.connect() as connection:
        c = T.figures.c
        found = connection.execute(sa.select(c.cases).where(c.place == place, c.until_day == sunshine.NEVER)).scalars()
        return sum(found)


def test_an_erased_person_is_no_longer_read_on_any_day_s_page(d: Desk, numbers: Numbers) -> None:
    """个人信息删除 reaches the page of every past day, and what somebody wrote in an objection; the rest stays."""
    d.on("2023-07-03")
    made = family(d, numbers, village="330225103001")
    case_id = apply(d, LIVING, household_id=made.household_id)
    publicised(d, case_id)
    receipt = d.call("report_objection", "portal", case_id=case_id, words="说说我自己", contact="画眉鸟")["receipt"]
    d.settle()
    d.on("2023-07-05")
    before = said(d, case_id)
    objector = next(
        r.event.objector_id
        for r in d.services["assistance"].office.history(DISCLOSURES.stream(case_id))
        if isinstance(r.event, di.PublicObjectionReported)
    )
    for office in d.offices.values():
        for person in (made.members[0], objector):
            office.vault.destroy(person, d.now.isoformat())
    assert said(d, case_id, "2023-07-03") == said(d, case_id) == ("proposal", ERASED, before[2], "")
    opened = d.call("get_public_objection", receipt=receipt)
    assert (opened["words"], opened["contact"]) == (ERASED, ERASED)
    d.call("reject_public_objection", case_id=case_id, receipt=receipt, reason="未说明事实", actor="staff:window")
    decide_after = case(d, case_id)["proposal"]["reviewed"]
    d.on("2023-07-11")
    d.call("confirm", "approver", case_id=case_id, reviewed=decide_after)
    d.settle()
    assert said(d, case_id)[:2] == ("recipient", ERASED)


# -- every programme: nothing that is not declared, nobody's full name


def _every_programme(d: Desk, numbers: Numbers) -> dict[str, str]:
    """A case in force of every programme that is declared, each with a name that must not be found; programme → case."""
    found: dict[str, str] = {}

    def person(born: str = "19450101", **more: Any) -> str:
        number = numbers.resident(born)
        return str(d.call("register_person", resident_id=number, name=f"{CANARY}丙", division=VILLAGE, **more)["id"])

    d.on("2023-07-03")
    found[LIVING] = grant(d, LIVING, household_id=family(d, numbers, {"born": "20150101"}).household_id)
    margin = family(d, numbers, monthly_income_fen=150000).household_id
    found["minimum_living_margin_household"] = grant(d, "minimum_living_margin_household", household_id=margin)
    low = family(d, numbers, monthly_income_fen=220000).household_id
    found["low_income_household"] = grant(d, "low_income_household", household_id=low)
    ill = family(d, numbers, {"born": "19820101", "monthly_income_fen": 120000}, monthly_income_fen=120000)
    bill = {"person_id": ill.members[1], "spending_id": "B-1", "kind": "medical", "spent_on": "2023-06-20"}
    d.call("record_spending", **bill, self_borne_fen=9_000_000)
    d.settle()
    found["expenditure_based_hardship"] = grant(d, "expenditure_based_hardship", household_id=ill.household_id)
    alone = person(area="rural")
    helpless = {"lost_acts": ["eat", "dress", "bed", "toilet"], "able_supporter": False, "able_to_work": False}
    d.call("record_finding", person_id=alone, found_on="2023-07-02", **helpless)
    found["extreme_hardship_support"] = grant(d, "extreme_hardship_support", person_id=alone)
    disabled = person("19700101")
    d.call("record_certificate", person_id=disabled, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=disabled, found_on="2023-07-01", long_term_care=True)
    d.settle()
    found["severe_disability_care_subsidy"] = grant(d, "severe_disability_care_subsidy", person_id=disabled)
    poor = family(d, numbers, {"born": "19720101"})
    grant(d, LIVING, household_id=poor.household_id)
    d.later(31)
    d.settle()
    d.call("record_certificate", person_id=poor.members[1], grade=2, kind="physical", effective_from="2020-05-01")
    found["disabled_living_subsidy"] = grant(d, "disabled_living_subsidy", person_id=poor.members[1])
    found["temporary_assistance"] = _temporary(d, numbers)
    number = numbers.resident("19330101")
    elder = d.call("enrol_elder", service="eldercare", resident_id=number, name=f"{CANARY}丁", division=VILLAGE)["id"]
    d.settle()
    [allowance] = d.call("list_cases", "auditor", service="eldercare", subject_id=elder)
    found["old_age_allowance"] = allowance["case_id"]
    found["hardship_aged_disabled_subsidy"] = _hard_elder(d, numbers)
    return found


def _temporary(d: Desk, numbers: Numbers) -> str:
    """临时救助 in one instalment, from application to its payment."""
    from services.assistance import temporary as t
    from shared.casework import benefit_case as bc

    made = family(d, numbers, monthly_income_fen=300000)
    day = d.now.date().isoformat()
    d.call("apply_temporary", kind="emergency", cause="accident", happened_on=day, division=VILLAGE, household_id=made.household_id)
    [matter] = d.call("get_temporary", "auditor", subject_id=made.household_id)["matters"]
    ref = {"subject_id": made.household_id, "matter_id": matter}
    d.call("accept_temporary", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=2_000_000)
    d.call("propose_temporary", "reviewer", **ref)
    reviewed = d.call("get_temporary", "auditor", subject_id=made.household_id)["matters"][matter]["proposal"]["reviewed"]
    d.call("decide_temporary", "approver", **ref, reviewed=reviewed)
    d.settle()
    return bc.case_id("temporary_assistance", t.grant_id(matter, 1))


def hard_elder(d: Desk, numbers: Numbers) -> str:
    """经济困难高龄失能老人补贴, reviewed and publicised: on the roster, in hardship, with a loss of ability found by two hands."""
    number = numbers.resident("19400101")
    elder = d.call("enrol_elder", service="eldercare", resident_id=number, name=f"{CANARY}戊", division=VILLAGE)["id"]
    month = d.now.date().isoformat()[:7]
    d.call("record_elder_hardship", service="eldercare", person_id=elder, hardship_class="minimum_living", month=month)
    scores, left = [], 50
    for part in PARTS:
        given = min(part.most, left)
        left -= given
        scores.append({"item": part.code, "points": given})
    asked = {"programme": "elder_ability_assessment", "division": VILLAGE, "subject_id": elder}
    record_id = d.call("request_assessment", service="eldercare", **asked)["id"]
    d.call("submit_assessment", service="eldercare", record_id=record_id, scores=scores)
    d.call("submit_second_assessment", "reviewer", service="eldercare", record_id=record_id, scores=scores)
    d.settle()
    case_id = str(d.call("apply", service="eldercare", programme="hardship_aged_disabled_subsidy", person_id=elder)["id"])
    d.call("accept_application", service="eldercare", case_id=case_id)
    d.call("record_survey", service="eldercare", case_id=case_id, finding="情况属实")
    d.call("propose", "reviewer", service="eldercare", case_id=case_id)
    d.settle()
    return case_id


def _hard_elder(d: Desk, numbers: Numbers) -> str:
    """And confirmed."""
    case_id = hard_elder(d, numbers)
    reviewed = d.call("get_case", "auditor", service="eldercare", case_id=case_id)["proposal"]["reviewed"]
    d.later(8)
    d.call("confirm", "approver", service="eldercare", case_id=case_id, reviewed=reviewed)
    d.settle()
    return case_id


def test_nothing_undeclared_and_nobody_s_full_name_is_in_any_row_of_any_programme(d: Desk, numbers: Numbers) -> None:
    """Every programme is declared, lived, and held to its declaration; the rows, names opened, hold none of the names."""
    lived = _every_programme(d, numbers)
    declared = {**PROGRAMMES, **ELDER_PROGRAMMES}
    assert set(lived) == set(declared) - {"price_linked_temporary_subsidy"}  # of which nothing is public, whoever gets it
    assert declared["price_linked_temporary_subsidy"].public == type(declared[LIVING].public)()
    engine, vault = d.offices["portal"].read, d.offices["portal"].vault
    with engine.connect() as connection:
        rows = [dict(r) for r in connection.execute(sa.select(T.disclosures)).mappings()]
        figures = {r.programme for r in connection.execute(sa.select(T.figures))}
    kinds: dict[str, set[str]] = {}
    for row in rows:
        public = declared[row["programme"]].public
        allowed = public.proposal if row["kind"] == "proposal" else public.recipient
        told = {name for name in DISCLOSABLE if row[name] not in (None, "")}
        assert told <= set(json.loads(row["fields"])) <= set(allowed), row["programme"]
        assert len(row["place"]) <= LEVELS[public.level]
        assert (row["name"] is None) == (row["person_id"] == "")
        if row["name"] is not None:
            assert row["name"] == ERASED or row["name"].startswith("~1.")
            assert vault.open(row["name"]) in ("金*", ERASED)
        assert CANARY not in json.dumps({**row, "name": vault.open(row["name"] or "")}, ensure_ascii=False)
        kinds.setdefault(row["programme"], set()).add(row["kind"])
    listed = {code for code, found in kinds.items() if "recipient" in found}
    assert listed == {code for code, p in declared.items() if p.public.recipient}
    assert figures == {code for code, p in declared.items() if p.public.totals}
    for disability in ("disabled_living_subsidy", "severe_disability_care_subsidy"):
        assert disability not in kinds, "being listed would tell of a disability"
    assert kinds["hardship_aged_disabled_subsidy"] == {"proposal"}
    assert not [r for r in rows if r["programme"] == "hardship_aged_disabled_subsidy" and (r["person_id"] or r["amount_fen"])]


def test_a_one_off_benefit_leaves_the_page_after_its_declared_days(d: Desk, numbers: Numbers) -> None:
    """临时救助: listed from the approval, and for ninety days behind the month."""
    d.on("2024-03-04")
    case_id = _temporary(d, numbers)
    assert said(d, case_id)[:2] == ("recipient", "金*")
    assert lines(d, case_id)[0]["place"] == VILLAGE[:9]
    d.on("2024-03-20")
    pay(d, "temporary_assistance", "2024-03", VILLAGE)
    assert said(d, case_id)[:2] == ("recipient", "金*")
    d.on("2024-06-29")
    d.settle()
    assert said(d, case_id)[:2] == ("recipient", "金*")
    d.on("2024-06-30")
    d.settle()
    assert said(d, case_id) == ()


def test_a_changed_declaration_counts_when_a_case_is_renewed(d: Desk, numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    """公开范围变更: what is no longer declared goes with the next look at the case, which a reviewer of its place may ask for."""
    d.on("2024-03-04")
    case_id = grant(d, LIVING, household_id=family(d, numbers).household_id)
    assert said(d, case_id)[0] == "recipient"
    less = dataclasses.replace(PROGRAMMES[LIVING], public=Disclosure(totals=True))
    monkeypatch.setitem(PROGRAMMES, LIVING, less)
    d.settle()
    assert said(d, case_id)[0] == "recipient"  # a declaration alone is no event
    with pytest.raises(Refused) as elsewhere:
        d.call("renew_disclosure", "reviewer", at="330225102", case_id=case_id)
    assert elsewhere.value.code == "wrong_division"
    answer = d.call("renew_disclosure", "reviewer", case_id=case_id)
    d.settle()
    assert said(d, case_id) == ()
    assert d.call("renew_disclosure", "reviewer", case_id=case_id)["version"] == answer["version"]


def test_a_child_is_listed_in_its_town_without_name_or_amount(d: Desk, numbers: Numbers) -> None:
    """特困 of an orphan: the line is there, and nothing in it says who; in the village's list it is not, in the village's figure it is."""
    d.on("2024-03-04")
    child = str(single(d, numbers, "20140101", town=VILLAGE, area="rural"))
    d.call("record_finding", person_id=child, found_on="2024-03-02", able_supporter=False, able_to_work=False)
    case_id = apply(d, "extreme_hardship_support", person_id=child)
    decide(d, case_id)
    [line] = lines(d, case_id)
    assert (line["name"], line["person_id"], line["amount_fen"], line["place"]) == (None, "", None, VILLAGE[:9])
    assert lines(d, case_id, division=VILLAGE) == []
    state: di.State = d.services["assistance"].office.load(DISCLOSURES, case_id).state
    assert state.counted is not None
    assert (state.counted.place, state.counted.amount_fen > 0) == (VILLAGE, True)


def test_what_is_public_does_not_depend_on_the_order_or_number_of_messages(d: Desk, numbers: Numbers) -> None:
    """Every notice again, late and backwards: nothing is said that was not said."""
    d.on("2024-03-04")
    case_id = grant(d, LIVING, household_id=family(d, numbers).household_id)
    service = d.services["assistance"]
    before = [r.name for r in service.office.history(DISCLOSURES.stream(case_id))]
    told = {"programme": LIVING, "subject_id": case(d, case_id)["subject_id"], "first_month": "2024-04"}
    for r in reversed(service.office.history(f"assistance.case-{case_id}")):
        for event in ("case_proposed", "case_granted", "proposal_voided", "case_reassessed", "case_suspended"):
            more = {"effective_month": "2024-04", "outcome": "raised", "from_month": "2024-04", "publicised_until": None}
            d._hand_out("assistance", event, json.dumps({**told, **more}).encode(), r.id, {})
    d.settle()
    assert [r.name for r in service.office.history(DISCLOSURES.stream(case_id))] == before


def test_the_rows_folded_anew_are_those_that_stood(d: Desk, tmp_path: Path) -> None:
    """All that happened in this module, in one batch from the beginning: the same pages, figures and withholdings."""
    fresh = sa.create_engine(f"sqlite:///{tmp_path / 'anew.db'}")
    MODEL.create(fresh)
    with fresh.execution_options(writes=True).begin() as tx:
        rows = Rows(MODEL, tx, fresh=True)
        for raw in d.offices["portal"].log.read_all():
            MODEL.project(rows, raw)
        rows.flush(tx)
    for table in (T.disclosures, T.standing, T.families, T.figures):
        asked = sa.select(table).order_by(*table.primary_key.columns)
        with fresh.connect() as anew, d.offices["portal"].read.connect() as live:
            found = anew.execute(asked).all()
            assert found == live.execute(asked).all(), table.name
            assert len(found) > 5
    fresh.dispose()
