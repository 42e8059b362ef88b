"""公示 that is owed is seen and can be objected to: of temporary assistance, and where a name would tell too much; all renewed at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from services.assistance import temporary as t
from services.assistance import temporary_publicity as tp
from services.assistance.programmes import PROGRAMMES
from shared.casework import disclosure
from shared.casework.programme import Disclosure
from shared.cli import renew_disclosures
from shared.clock import SHANGHAI
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery
from shared.eventsourcing.testing import given
from tests.deciders.samples import assessed
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, apply, grant, single
from tests.programmes.test_disclosure import LIVING, VILLAGE, family, hard_elder, lines, publicised, said

CODE = "temporary_assistance"
TOWN = VILLAGE[:9]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Both services that pay benefits, and the portal's rows."""
    with desk(tmp_path_factory.mktemp("publicity"), "assistance", "eldercare", "portal") as made:
        yield made


# -- the decider of a matter

RUN = (
    t.TemporaryApplied("h1", "m1", TOWN, "0" * 32, "expenditure", "grave_illness", date(2023, 7, 1), 600_000, "", False, "staff:clerk"),
    t.TemporaryAccepted("m1", datetime(2023, 7, 1, 9, tzinfo=SHANGHAI), None, "staff:clerk"),
    t.PapersCompleted("m1", date(2023, 7, 2), "属实", 600_000, "staff:clerk"),
    t.TemporaryProposed("m1", assessed("2023-07", 80_000), "hash", 1, "cash", date(2023, 7, 6), "staff:reviewer", "h1", date(2023, 7, 3)),
)
RAISED = tp.TemporaryObjectionRaised("m1", "有车", date(2023, 7, 4), date(2023, 8, 2), "staff:window")
RAISE = tp.RaiseTemporaryObjection("h1", "m1", "有车", date(2023, 7, 4))


def test_an_objection_within_the_publicity_is_taken_down_once() -> None:
    """Received in time counts, taken down later; before, behind and twice are refused."""
    given(t.DECIDER, *RUN).on("2023-07-05").by("staff:window").when(RAISE).then(RAISED)
    for day in (date(2023, 7, 2), date(2023, 7, 7)):
        late = dataclasses.replace(RAISE, received_on=day)
        given(t.DECIDER, *RUN).on("2023-07-10").by("staff:window").when(late).then_refused("out_of_order")
    given(t.DECIDER, *RUN, RAISED).on("2023-07-05").by("staff:window").when(RAISE).then_refused("already_exists")


def test_nothing_is_decided_while_an_objection_is_open() -> None:
    """Also when the publicity is over; who took part, or took it down, does not answer."""
    decide = t.DecideTemporary("h1", "m1", "hash", False, 1_000_000)
    given(t.DECIDER, *RUN, RAISED).on("2023-07-10").by("staff:approver").when(decide).then_refused("out_of_order")
    answer = tp.AnswerTemporaryObjection("h1", "m1", "dismissed", "查无车辆")
    for hand in ("staff:clerk", "staff:reviewer", "staff:window"):
        given(t.DECIDER, *RUN, RAISED).on("2023-07-10").by(hand).when(answer).then_refused("same_hand")
    answered = tp.TemporaryObjectionAnswered("h1", "m1", False, "查无车辆", "staff:approver")
    given(t.DECIDER, *RUN, RAISED).on("2023-07-10").by("staff:approver").when(answer).then(answered)


def test_an_upheld_objection_sends_the_matter_back_to_its_review() -> None:
    """And one that nobody answered in time is late, once."""
    upheld = tp.TemporaryObjectionAnswered("h1", "m1", True, "确有车辆", "staff:approver")
    m = given(t.DECIDER, *RUN, RAISED, upheld).state.matters["m1"]
    assert (m.status, m.proposal, m.objection) == ("verified", None, None)
    late = t.NoteTemporaryOverdue("h1", "m1", "objection")
    overdue = t.TemporaryOverdue("h1", "m1", TOWN, "objection")
    given(t.DECIDER, *RUN, RAISED).on("2023-08-03").when(late).then(overdue)
    assert given(t.DECIDER, *RUN, RAISED).on("2023-08-02").when(late).events == ()
    assert given(t.DECIDER, *RUN, RAISED, overdue).on("2023-08-04").when(late).events == ()


# -- the house: temporary assistance


def matter(d: Desk, numbers: Numbers) -> dict[str, str]:
    """A reviewed matter of the kind after spending, under publicity until three days later."""
    home = family(d, numbers, {"born": "20150101"}).household_id
    today = d.now.date().isoformat()
    told = {"kind": "expenditure", "cause": "grave_illness", "happened_on": today, "division": TOWN, "loss_fen": 6_000_000}
    d.call("apply_temporary", **told, household_id=home)
    ref = {"subject_id": home, "matter_id": list(d.call("get_temporary", "auditor", subject_id=home)["matters"])[-1]}
    d.call("accept_temporary", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=6_000_000)
    propose(d, ref)
    return ref


def propose(d: Desk, ref: dict[str, str]) -> None:
    d.call("propose_temporary", "reviewer", **ref)
    d.settle()


def state(d: Desk, ref: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_temporary", "auditor", subject_id=ref["subject_id"])["matters"][ref["matter_id"]]
    return found


def decide(d: Desk, ref: dict[str, str]) -> None:
    d.call("decide_temporary", "approver", **ref, reviewed=state(d, ref)["proposal"]["reviewed"])
    d.settle()


def report(d: Desk, case_id: str, words: str, **more: str) -> str:
    receipt = str(d.call("report_objection", "portal", case_id=case_id, words=words, **more)["receipt"])
    d.settle()
    return receipt


def test_a_matter_after_spending_is_on_the_page_and_is_objected_to(d: Desk, numbers: Numbers) -> None:
    """The line with masked name, persons, amount and town; an objection with a contact stops the decision, taken in it becomes the
    matter's own, and its answer is told by the receipt; behind the publicity the line is gone."""
    d.on("2023-09-04")
    ref = matter(d, numbers)
    case_id = ref["matter_id"]
    [line] = lines(d, case_id)
    amount = state(d, ref)["proposal"]["assessment"]["amount_fen"]
    assert (line["kind"], line["name"], line["members"], line["amount_fen"], line["place"]) == ("proposal", "金*", 2, amount, TOWN)
    receipt = report(d, case_id, "他家有轿车", contact="13800000000")
    [waiting] = d.call("list_public_objections", case_id=case_id)
    assert d.call("get_public_objection", receipt=receipt)["page"] == {"category": "temporary", "key": ref["subject_id"], "item": case_id}
    d.on("2023-09-07")
    with pytest.raises(Refused, match="公众异议"):
        decide(d, ref)
    with pytest.raises(Refused) as own:
        d.call("reject_public_objection", case_id=case_id, receipt=receipt, reason="无事实")
    assert own.value.code == "same_hand"
    d.call("take_public_objection", case_id=case_id, receipt=receipt, reason="群众反映车辆，须核实", actor="staff:window")
    d.settle()
    acts = d.call("get_acts", "approver", category="temporary", key=ref["subject_id"], item=case_id)
    assert (acts["stands"]["worklist"], str(acts["stands"]["due_on"])) == ("objection", "2023-10-11")
    assert "answer_temporary_objection" in {a["act"] for a in acts["acts"]}
    [row] = [r for r in d.call("list_waiting", "auditor", worklist="objection") if r["key"] == case_id]
    assert row["due_on"] == "2023-10-11"
    d.on("2023-09-11")
    with pytest.raises(Refused, match="尚未答复"):
        decide(d, ref)
    assert d.call("get_objection_answer", "portal", receipt=receipt)["status"] == "taken"
    d.call("answer_temporary_objection", "approver", actor="staff:head", **ref, outcome="dismissed", reason="车辆已于两年前注销")
    d.settle()
    told = d.call("get_objection_answer", "portal", receipt=receipt)
    assert (told["status"], told["reason"]) == ("dismissed", "车辆已于两年前注销")
    assert lines(d, case_id) == []
    decide(d, ref)
    assert state(d, ref)["status"] == "paid_out"
    assert waiting["receipt"] == receipt


def test_an_upheld_objection_takes_a_matter_off_the_page_until_it_is_reviewed_again(d: Desk, numbers: Numbers) -> None:
    """What waits beside it is moot; the next review is publicised anew; a deliberation meanwhile voids that, too."""
    d.on("2023-10-09")
    ref = matter(d, numbers)
    case_id = ref["matter_id"]
    first, second = report(d, case_id, "他家有轿车"), report(d, case_id, "他家有两套房")
    d.call("take_public_objection", case_id=case_id, receipt=first, reason="须核实", actor="staff:window")
    d.call("answer_temporary_objection", "approver", actor="staff:head", **ref, outcome="upheld", reason="确有轿车")
    d.settle()
    assert said(d, case_id) == ()
    assert [d.call("get_objection_answer", "portal", receipt=r)["status"] for r in (first, second)] == ["upheld", "moot"]
    propose(d, ref)
    assert said(d, case_id)[:2] == ("proposal", "金*")
    hands = ["staff:a", "staff:b", "staff:c"]
    d.call("record_deliberation", "reviewer", **ref, participants=hands, minutes_no="纪要1号", raised_fen=2_000_000, reason="特别困难")
    d.settle()
    assert said(d, case_id) == ()


def test_a_withdrawn_application_leaves_the_page_and_what_waits_beside_it_is_moot(d: Desk, numbers: Numbers) -> None:
    """An objection that was taken in goes with it, and one that came from the page has its answer; nothing is late afterwards."""
    d.on("2024-03-04")
    ref = matter(d, numbers)
    case_id = ref["matter_id"]
    taken, waiting = report(d, case_id, "他家有轿车"), report(d, case_id, "他家有两套房")
    d.call("take_public_objection", case_id=case_id, receipt=taken, reason="须核实", actor="staff:window")
    d.call("withdraw_temporary", **ref, reason="已有亲友帮助")
    d.settle()
    assert said(d, case_id) == ()
    assert [d.call("get_objection_answer", "portal", receipt=r)["status"] for r in (taken, waiting)] == ["moot", "moot"]
    d.later(60)
    d.settle()
    assert (state(d, ref)["status"], list(state(d, ref)["overdue"])) == ("withdrawn", [])


def test_an_objection_nobody_answers_is_late_in_its_own_list(d: Desk, numbers: Numbers) -> None:
    """After twenty working days it is a supervisor's; the page of the matter says what its row says."""
    d.on("2023-11-06")
    ref = matter(d, numbers)
    d.call("raise_temporary_objection", actor="staff:window", **ref, reason="有车")
    d.on("2023-12-05")
    d.settle()
    stands = d.call("get_acts", "approver", category="temporary", key=ref["subject_id"], item=ref["matter_id"])["stands"]
    [row] = [r for r in d.call("list_waiting", "auditor", worklist="objection_escalated") if r["key"] == ref["matter_id"]]
    assert stands["worklist"] == "objection_escalated"
    assert str(stands["due_on"]) == row["due_on"] == "2023-12-04"


def test_an_emergency_is_not_publicised(d: Desk, numbers: Numbers) -> None:
    """Help that must not wait has no publicity to wait for."""
    d.on("2024-01-08")
    home = family(d, numbers).household_id
    d.call("apply_temporary", kind="emergency", cause="accident", happened_on="2024-01-08", division=TOWN, household_id=home)
    ref = {"subject_id": home, "matter_id": list(d.call("get_temporary", "auditor", subject_id=home)["matters"])[-1]}
    d.call("accept_temporary", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    propose(d, ref)
    assert lines(d, ref["matter_id"]) == []


# -- what is owed is shown


def test_whatever_waits_out_a_publicity_declares_what_is_shown_of_it() -> None:
    """No programme makes somebody wait seven days for a page that says nothing."""
    for code, (_, p) in discovery.programmes().items():
        if p.publicity and (p.on_application or p.begins == "apply_temporary"):
            assert p.public.proposal, code


def test_where_a_name_would_tell_of_a_disability_the_page_has_a_number_and_the_board_the_name(d: Desk, numbers: Numbers) -> None:
    """经济困难高龄失能老人补贴: no name, amount or village on the page, and neither there nor on the board its own name; yet it can be
    objected to by the number; what a hand takes from the page the board does not name either."""
    d.on("2024-02-05")
    case_id = hard_elder(d, numbers)
    [line] = lines(d, case_id)
    assert (line["kind"], line["name"], line["person_id"], line["amount_fen"], line["place"]) == ("proposal", None, "", None, TOWN)
    [hung] = d.call("get_board_notice", service="eldercare", division=VILLAGE)
    assert hung == {
        "number": disclosure.number(case_id), "name": "金*", "title": "养老服务补贴", "division": VILLAGE, "until": "2024-02-12",
        "members": None, "area": None, "amount_fen": None,
    }  # fmt: skip
    assert d.call("get_board_notice", service="eldercare", division="330225102") == []
    with pytest.raises(Refused, match="辖区"):
        d.call("get_board_notice", service="eldercare", at="330225102", division=VILLAGE)
    receipt = d.call("report_objection", "portal", service="eldercare", case_id=case_id, words="他的子女有赡养能力")["receipt"]
    d.settle()
    assert d.call("get_objection_answer", "portal", service="eldercare", receipt=receipt)["status"] == "received"
    d.call("correct_disclosure", "approver", service="eldercare", case_id=case_id, hidden=["place"], reason="人身安全")
    d.settle()
    assert d.call("get_board_notice", service="eldercare", division=VILLAGE) == []  # the board would tell the village
    d.call("correct_disclosure", "approver", service="eldercare", case_id=case_id, hidden=[], reason="已解除", actor="staff:second")
    d.settle()
    assert [row["name"] for row in d.call("get_board_notice", service="eldercare", division=VILLAGE)] == ["金*"]
    d.call("withdraw_disclosure", "approver", service="eldercare", case_id=case_id, reason="人身安全")
    d.settle()
    assert d.call("get_board_notice", service="eldercare", division=VILLAGE) == []


def test_a_notice_that_is_longer_than_a_page_goes_on(d: Desk, numbers: Numbers) -> None:
    """Page by page, in one order, nobody twice and nobody left out; and what hung on a day can be asked for later."""
    d.on("2024-03-04")
    cases = {hard_elder(d, numbers) for _ in range(3)}
    whole = d.call("get_board_notice", service="eldercare", division=VILLAGE)
    assert {row["number"] for row in whole} == {disclosure.number(case) for case in cases}
    after, pages = "", []
    while page := d.call("get_board_notice", service="eldercare", division=VILLAGE, limit=1, after=after):
        assert len(page) == 1
        pages += page
        after = "|".join(page[0][name] for name in ("division", "until", "number"))
    assert pages == whole
    d.on("2024-03-20").settle()
    assert d.call("get_board_notice", service="eldercare", division=VILLAGE) == []
    assert d.call("get_board_notice", service="eldercare", division=VILLAGE, valid_at="2024-03-05") == whole
    assert d.call("get_board_notice", service="eldercare", division=VILLAGE, valid_at="2024-03-03") == []


# -- renewed all at once


class Door:
    """A service's RPCs as the operator's command calls them."""

    def __init__(self, d: Desk, service: str, fails: int = -1) -> None:
        self.d, self.service, self.fails, self.renewed = d, service, fails, 0

    def compare_disclosures(self, **body: Any) -> Any:
        return self.d.call("compare_disclosures", "reviewer", service=self.service, **body)

    def renew_disclosure(self, **body: Any) -> Any:
        if self.renewed == self.fails:
            raise Unavailable("服务暂不可用。")
        self.renewed += 1
        return self.d.call("renew_disclosure", "reviewer", service=self.service, **body)


def test_every_case_whose_form_differs_is_renewed_and_only_those(
    d: Desk, numbers: Numbers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A declaration that says less, a child's line among them, a matter under review: the command finds each, says where to go on when
    the house goes away, renews the rest the second time, and finds nothing the third."""
    d.on("2024-03-04")
    cases = [grant(d, LIVING, household_id=family(d, numbers).household_id) for _ in range(3)]
    waiting = apply(d, LIVING, household_id=family(d, numbers).household_id)
    publicised(d, waiting)
    child = str(single(d, numbers, "20140101", town=VILLAGE, area="rural"))
    d.call("record_finding", person_id=child, found_on="2024-03-02", able_supporter=False, able_to_work=False)
    theirs = apply(d, "extreme_hardship_support", person_id=child)
    publicised(d, theirs)
    ref = matter(d, numbers)
    door = Door(d, "assistance")
    assert renew_disclosures.renew(door, "assistance", "", True) == (0, [])
    less = {"proposal": ("members",), "recipient": ("members",), "level": "town", "totals": True, "basis": ("试验",)}
    for code in (LIVING, CODE):
        monkeypatch.setitem(PROGRAMMES, code, dataclasses.replace(PROGRAMMES[code], public=Disclosure(**less)))
    orphan = Disclosure(**{**less, "proposal": ("area",), "recipient": ("area",)})
    monkeypatch.setitem(
        PROGRAMMES, "extreme_hardship_support", dataclasses.replace(PROGRAMMES["extreme_hardship_support"], public=orphan)
    )
    monkeypatch.setattr(renew_disclosures, "PER_QUESTION", 2)
    differing = {*cases, waiting, ref["matter_id"]}
    found, failed = renew_disclosures.renew(door, "assistance", "", True)
    assert (found, failed, door.renewed) == (len(differing), [], 0)
    with pytest.raises(renew_disclosures.click.ClickException, match="--service assistance"):
        renew_disclosures.renew(Door(d, "assistance", fails=2), "assistance", "", False)
    again = Door(d, "assistance")
    assert renew_disclosures.renew(again, "assistance", "", False)[1] == []
    assert again.renewed == len(differing) - 2
    d.settle()
    for case_id in differing:
        [line] = lines(d, case_id)
        assert (line["name"], line["place"]) == (None, TOWN)
    assert renew_disclosures.renew(again, "assistance", "", False) == (0, [])
    assert "更新 0 件" in capsys.readouterr().out


def test_what_a_town_may_renew_is_its_own(d: Desk) -> None:
    """A reviewer of another town is told of none of its cases."""
    told = d.call("compare_disclosures", "reviewer", at="330225109")
    assert (told["compared"], told["differing"], told["next"]) == (0, [], "")


def test_the_command_says_which_services_there_are_and_that_a_house_must_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be is told in one line."""
    monkeypatch.delenv("AMQP_URI", raising=False)
    run = CliRunner().invoke
    assert "eldercare" in run(renew_disclosures.command, ["--service", "registry"]).output
    assert "--service" in run(renew_disclosures.command, ["--after", "x"]).output
    assert "接着办" in run(renew_disclosures.command, ["--help"]).output
