"""Any window takes any matter in: it gets to who is competent and back, several at once are one thing, a clue becomes a case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.assistance import one_thing
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS
from shared.casework import benefit_case as bc
from shared.casework import draws, handoff, inspection
from shared.domain.errors import Refused
from shared.domain.money import yuan
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import people

HERE, THERE, OTHER = "330225101", "330225102", "330225103"
ALLOWANCE, DOSSIER = "minimum_living_allowance", handoff.dossier_hash(b"papers")
FIRST = "2023-07-03"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test registers households of its own."""
    with desk(tmp_path_factory.mktemp("window"), "assistance") as made:
        yield made


@pytest.fixture
def d(house: Desk) -> Desk:
    return house.on(FIRST)


_NUMBER = iter(range(1, 100))


def home(d: Desk, income_fen: int = 0, division: str = HERE) -> tuple[str, str]:
    """A household of one; answers its id and the head's."""
    n = next(_NUMBER)
    head = {"resident_id": resident_id("19700101", n), "name": f"测试{n}", "relation": "户主", "monthly_income_fen": income_fen}
    answer = d.call("register_household", household_no=f"W{n}", division=division, area="urban", members=[head])
    return answer["id"], d.call("get_household", "auditor", household_id=answer["id"])["head_id"]


def submit(d: Desk, household_id: str, *items: dict[str, str], **more: Any) -> str:
    form = {"programme": "social_assistance_one_thing", "division": HERE, "subject_id": household_id, "dossier_hash": DOSSIER}
    answer = d.call("submit_one_thing", **{**form, "items": items, **more})
    d.settle()
    return str(answer["id"])


def medical() -> dict[str, str]:
    return {"code": "special_assistance_referral", "to_unit": "医疗保障局"}


def process(d: Desk, record_id: str) -> one_thing.OneThing:
    state: one_thing.OneThing = d.services["assistance"].office.load(DECIDERS["one_thing"], record_id).state
    return state


def decide(d: Desk, case_id: str) -> None:
    """The whole procedure of an application, to whatever the rules say."""
    d.call("accept_application", case_id=case_id)
    people.check_means(d, case_id)
    d.call("record_survey", case_id=case_id, finding="情况属实")
    d.call("propose", "reviewer", case_id=case_id)
    d.later(9)
    reviewed = d.call("get_case", "auditor", case_id=case_id)["proposal"]["reviewed"]
    d.call("confirm", "approver", case_id=case_id, reviewed=reviewed)
    d.settle()


def waits_in(d: Desk, record_id: str) -> str:
    d.project()
    rows = d.call("list_records", "auditor", limit=500)
    return next(r["worklist"] for r in rows if r["record_id"] == record_id)


# -- one thing


def test_one_form_opens_every_item_and_one_notice_tells_them_all(d: Desk) -> None:
    """The case and the hand-off run in their own streams; when both are through, the notice is due, and with it the process closes."""
    household_id, _ = home(d)
    record_id = submit(d, household_id, {"code": ALLOWANCE}, medical())
    items = process(d, record_id).items
    case_id, sent = items["1-01"].refers_to, items["1-02"].refers_to
    assert case_id == bc.case_id(ALLOWANCE, household_id)
    assert d.call("get_record", "auditor", shape="handoff", record_id=sent)["dossier_hash"] == DOSSIER
    decide(d, case_id)
    assert process(d, record_id).status == "open", "one item is still owed"
    d.call("accept_handoff", record_id=sent, dossier_hash=DOSSIER)
    d.call("finish_handoff", record_id=sent, outcome="aided", result="已纳入医疗救助")
    d.settle()
    assert waits_in(d, record_id) == "one_thing_notice"
    lines = d.call("get_one_thing_notice", "auditor", record_id=record_id)["lines"]
    amount = d.services["assistance"].office.load(CASES, case_id).state.amount_fen
    assert lines == [f"最低生活保障：已确认（自2023-08起，每月{yuan(amount)}）", "医疗救助：已办理（已纳入医疗救助）"]
    d.call("deliver_one_thing_notice", record_id=record_id, channel="上门")
    assert process(d, record_id).status == "closed"
    assert waits_in(d, record_id) == ""


def test_a_refusal_is_a_result_too(d: Desk) -> None:
    """A household above the standard: its case is refused, and the notice says so."""
    household_id, _ = home(d, income_fen=900_000)
    record_id = submit(d, household_id, {"code": ALLOWANCE})
    decide(d, process(d, record_id).items["1-01"].refers_to)
    assert process(d, record_id).items["1-01"].outcome == "refused"
    [line] = d.call("get_one_thing_notice", "auditor", record_id=record_id)["lines"]
    assert line.startswith("最低生活保障：不予确认（"), "with the reason"
    assert d.call("collect_one_thing", record_id=record_id)["events"] == [], "what is known already is not told again"


def test_a_result_that_is_decided_otherwise_later_is_told_once_more(d: Desk) -> None:
    """Refused, told, set aside on appeal and granted: the notice is due again; a later application is another matter."""
    household_id, head = home(d, income_fen=900_000)
    record_id = submit(d, household_id, {"code": ALLOWANCE})
    case_id = process(d, record_id).items["1-01"].refers_to
    decide(d, case_id)
    d.call("deliver_one_thing_notice", record_id=record_id, channel="上门")

    def earns(fen: int, day: str) -> None:
        d.call("record_income", household_id=household_id, person_id=head, monthly_income_fen=fen, effective_from=day)
        d.settle()

    earns(0, "2023-06-01")
    [refusal] = d.call("get_case", "auditor", case_id=case_id)["decisions"]
    d.call("file_appeal", case_id=case_id, decision=refusal["number"], reason="误登")
    d.call("assign_appeal", "approver", case_id=case_id, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=case_id, outcome="upheld", reason="误登")
    d.settle()
    assert process(d, record_id).items["1-01"].outcome == "refused", "it is not decided yet"
    if bc.next_step(d.services["assistance"].office.load(CASES, case_id).state):
        people.check_means(d, case_id)
        d.call("record_survey", case_id=case_id, finding="情况属实")
    d.call("propose", "reviewer", case_id=case_id)
    d.later(9)
    reviewed = d.call("get_case", "auditor", case_id=case_id)["proposal"]["reviewed"]
    d.call("confirm", "approver", actor="staff:third", case_id=case_id, reviewed=reviewed)
    d.settle()
    state = process(d, record_id)
    assert (state.status, state.items["1-01"].outcome, waits_in(d, record_id)) == ("settled", "granted", "one_thing_notice")
    d.call("deliver_one_thing_notice", record_id=record_id, channel="短信")
    first = d.services["assistance"].office.load(CASES, case_id).state.first_month
    d.on(f"{first}-20")
    earns(900_000, d.now.date().isoformat())
    assert process(d, record_id).status == "closed", "an end behind the first month is none of it"
    d.later(40)
    earns(0, d.now.date().isoformat())
    d.later(40)
    again = d.call("apply", programme=ALLOWANCE, household_id=household_id)["id"]
    d.call("refuse_acceptance", case_id=again, reason="材料指向他人")
    d.settle()
    assert (process(d, record_id).status, process(d, record_id).items["1-01"].outcome) == ("closed", "granted")


def test_what_cannot_be_begun_is_skipped_with_the_reason(d: Desk) -> None:
    """Nothing is lost: an unknown household's items stand in the notice with why."""
    record_id = submit(d, "nobody", {"code": ALLOWANCE}, medical())
    state = process(d, record_id)
    assert (state.items["1-01"].outcome, state.items["1-01"].note) == ("skipped", "没有此家庭，请先登记。")
    assert state.items["1-02"].refers_to
    d.call("skip_one_thing_item", "reviewer", record_id=record_id, item_id="1-02", reason="家庭不存在")
    assert process(d, record_id).status == "settled"


def test_a_household_has_one_process_at_a_time_and_then_another(d: Desk) -> None:
    """A second form while the first runs is refused; after the notice, a new round begins with items of its own."""
    household_id, _ = home(d)
    record_id = submit(d, household_id, medical())
    with pytest.raises(Refused, match="already_exists"):
        submit(d, household_id, medical())
    d.call("skip_one_thing_item", "reviewer", record_id=record_id, item_id="1-01", reason="无需")
    d.call("deliver_one_thing_notice", record_id=record_id, channel="短信")
    assert submit(d, household_id, medical()) == record_id
    assert list(process(d, record_id).items) == ["2-01"]


@pytest.mark.parametrize(
    ("items", "field"),
    [((), "items"), (({"code": ALLOWANCE}, {"code": ALLOWANCE}), "items"), (({"code": "x"},), "items.0.code")],
)
def test_a_form_asks_for_what_is_offered_once_each(d: Desk, items: Any, field: str) -> None:
    """The refusal names the field."""
    with pytest.raises(Refused) as refused:
        submit(d, "h", *items)
    assert refused.value.field == field


def test_a_late_item_becomes_work_for_a_person(d: Desk) -> None:
    """After its working days the item is said to be late, once, and the process waits in the list of late ones."""
    household_id, _ = home(d)
    record_id = submit(d, household_id, medical())
    d.later(60)
    d.settle()
    assert waits_in(d, record_id) == "one_thing_late"
    history = d.services["assistance"].office.history(DECIDERS["one_thing"].stream(record_id))
    assert [r.name for r in history].count("assistance.one_thing_item_late") == 1


@pytest.mark.parametrize(("act", "outcome"), [("refuse_acceptance", "not_accepted"), ("withdraw_application", "withdrawn")])
def test_an_application_that_goes_no_further_is_settled(d: Desk, act: str, outcome: str) -> None:
    """Not accepted, or withdrawn: nobody waits for it."""
    household_id, _ = home(d)
    record_id = submit(d, household_id, {"code": ALLOWANCE})
    d.call(act, case_id=process(d, record_id).items["1-01"].refers_to, reason="户籍不符")
    d.settle()
    item = process(d, record_id).items["1-01"]
    assert (item.outcome, item.note, process(d, record_id).status) == (outcome, "户籍不符", "settled")


def test_an_item_that_comes_back_and_is_withdrawn_is_settled(d: Desk) -> None:
    """The department returned it, the window withdrew it: the notice says why."""
    household_id, _ = home(d)
    record_id = submit(d, household_id, medical())
    sent = process(d, record_id).items["1-01"].refers_to
    d.call("return_handoff", record_id=sent, reason="已参加外地医保")
    d.call("withdraw_handoff", record_id=sent, reason="申请人同意")
    d.settle()
    assert d.call("get_one_thing_notice", "auditor", record_id=record_id)["lines"] == ["医疗救助：已撤回（已参加外地医保）"]


def test_news_that_comes_again_or_late_begins_nothing(d: Desk) -> None:
    """Told twice, the items stay as they are; told of an earlier round, the new one is left alone."""
    household_id, _ = home(d)
    record_id = submit(d, household_id, medical())
    before = process(d, record_id)
    d.tell("assistance", "one_thing_opened", record_id=record_id, round=1)
    assert process(d, record_id) == before
    d.call("skip_one_thing_item", "reviewer", record_id=record_id, item_id="1-01", reason="无需")
    d.call("deliver_one_thing_notice", record_id=record_id, channel="短信")
    submit(d, household_id, {"code": ALLOWANCE})
    second = process(d, record_id)
    d.tell("assistance", "one_thing_opened", record_id=record_id, round=1)
    assert process(d, record_id) == second


def test_a_service_that_died_between_filing_and_writing_it_down_goes_on(d: Desk) -> None:
    """The application is in the log, the process does not know it yet: the same news once more finds it and files nothing twice."""
    household_id, _ = home(d)
    d.settle()
    made, heard = d.services["assistance"], d._delivered
    kept, made._record = made._record, lambda *_: None
    try:
        record_id = submit(d, household_id, {"code": ALLOWANCE})
        assert process(d, record_id).items["1-01"].refers_to == ""
    finally:
        made._record = kept
    d._delivered = heard  # the broker delivers again what was not acknowledged
    d.settle()
    assert process(d, record_id).items["1-01"].refers_to == bc.case_id(ALLOWANCE, household_id)
    assert [r.name for r in made.office.history(CASES.stream(bc.case_id(ALLOWANCE, household_id)))] == ["assistance.application_filed"]


# -- one window


def accepted_at_a_window(d: Desk) -> tuple[str, str]:
    answer = d.call(
        "send_handoff", at=HERE, programme="one_window_acceptance", division=HERE, from_unit=HERE, to_unit=THERE, what="低保申请",
        dossier_hash=DOSSIER, documents=["申请表", "身份证明"],
    )  # fmt: skip
    return answer["id"], d.call("get_record", "auditor", shape="handoff", record_id=answer["id"])["number"]


def test_the_unit_whose_turn_it_is_acts_and_no_other(d: Desk) -> None:
    """A record follows responsibility: the receiving town accepts, a third cannot, and the sender acknowledges the result."""
    record_id, _ = accepted_at_a_window(d)
    for town in (HERE, OTHER):
        with pytest.raises(Refused, match="wrong_division"):
            d.call("accept_handoff", at=town, record_id=record_id, dossier_hash=DOSSIER)
    d.call("accept_handoff", at=THERE, record_id=record_id, dossier_hash=DOSSIER)
    d.call("finish_handoff", at=THERE, record_id=record_id, outcome="granted", result="已确认")
    with pytest.raises(Refused, match="wrong_division"):
        d.call("acknowledge_handoff", at=THERE, record_id=record_id, told="短信")
    d.call("acknowledge_handoff", at=HERE, record_id=record_id, told="短信")


def test_any_window_of_the_district_tells_how_a_matter_stands(d: Desk) -> None:
    """By its acceptance number, without saying whose it is; not to another district, and not by a mistyped number."""
    record_id, number = accepted_at_a_window(d)
    d.call("return_handoff", at=THERE, record_id=record_id, reason="户籍不在本街道")
    shown = d.call("get_acceptance", at=OTHER, number=number)
    assert (shown["stands"], shown["responsible_unit"], shown["return_reason"]) == ("已退回，待补正或改转", HERE, "户籍不在本街道")
    assert "subject_id" not in shown
    with pytest.raises(Refused, match="wrong_division"):
        d.call("get_acceptance", at="370282", number=number)
    with pytest.raises(Refused, match="number"):
        d.call("get_acceptance", number=number[:-1] + str((int(number[-1]) + 1) % 10))
    with pytest.raises(Refused, match="not_found"):
        d.call("get_acceptance", number=handoff.acceptance_no(HERE, "never"))


def test_a_hop_that_takes_too_long_is_said_by_the_timer(d: Desk) -> None:
    """Not accepted in a working day: the event names who is late, and the record waits in the list of late ones."""
    record_id, number = accepted_at_a_window(d)
    d.later(3)
    d.settle()
    history = d.services["assistance"].office.history(DECIDERS["handoff"].stream(record_id))
    assert (history[-1].name, history[-1].event.responsible, history[-1].event.number) == ("assistance.handoff_overdue", THERE, number)
    assert waits_in(d, record_id) == "handoff_overdue"


# -- a clue, a review, a meeting


def verified_clue(d: Desk, subject_id: str, finding: str = "hardship") -> str:
    record_id = d.call(
        "report_clue", programme="monitoring_warning_handling", division=HERE, source="province", kind="收入骤减", what="预警",
        subject_id=subject_id,
    )["id"]  # fmt: skip
    d.call("assign_clue", record_id=record_id, responsible="staff:clerk")
    d.call("verify_clue", record_id=record_id, finding=finding)
    return str(record_id)


def test_a_valid_warning_opens_an_application_from_what_is_on_file(d: Desk) -> None:
    """Nobody fills in a form again: the household is the one the person is registered in, and the clue names the case."""
    household_id, head_id = home(d)
    record_id = verified_clue(d, head_id)
    answer = d.call("apply_from_clue", "reviewer", record_id=record_id, programme=ALLOWANCE, command_id="same-one")
    assert answer["id"] == bc.case_id(ALLOWANCE, household_id)
    assert d.services["assistance"].office.load(CASES, answer["id"]).state.status == "applied"
    clue = d.call("get_record", "auditor", shape="clue", record_id=record_id)
    assert (clue["outcome"], clue["opened"], clue["status"]) == ("apply", answer["id"], "closed")


def test_a_clue_about_somebody_unknown_opens_nothing(d: Desk) -> None:
    """The person is registered first; the clue stays where it is."""
    record_id = verified_clue(d, "0c" * 16)
    with pytest.raises(Refused, match="not_found"):
        d.call("apply_from_clue", "reviewer", record_id=record_id, programme=ALLOWANCE)
    assert d.call("get_record", "auditor", shape="clue", record_id=record_id)["status"] == "verified"


def test_a_clue_nobody_answers_is_escalated_by_the_timer(d: Desk) -> None:
    """First that nobody was sent, then that there is no answer."""
    clue = {"source": "grid", "kind": "illness", "what": "独居老人患病"}
    record_id = d.call("report_clue", programme="proactive_discovery", division=HERE, **clue)["id"]
    d.later(40)
    d.settle()
    history = d.services["assistance"].office.history(DECIDERS["clue"].stream(record_id))
    assert [r.event.due for r in history if r.name == "assistance.clue_overdue"] == ["assign", "answer"]
    assert waits_in(d, record_id) == "clue_overdue"


def test_a_review_looks_at_every_case_in_the_register(d: Desk) -> None:
    """The list is the register of the town, whole and without a draw; each case's own review says its outcome, and none is left open."""
    town = "330225104"
    cases = []
    for _ in range(2):
        household_id, _members = home(d, division=town)
        d.call("apply", programme=ALLOWANCE, household_id=household_id)
        cases.append(bc.case_id(ALLOWANCE, household_id))
        decide(d, cases[-1])
    case_id, other = cases
    opening = {"title": "年度复审", "scope": "在册", "period_from": d.now.date().isoformat(), "check_by": "2023-12-31"}
    record_id = d.call("open_campaign", "reviewer", programme="annual_entitlement_review", division=town, **opening)["id"]
    d.project()
    d.call("list_campaign_objects", "reviewer", record_id=record_id, objects=[case_id])
    d.project()
    with pytest.raises(Refused, match="还有1件在册低保、特困个案未列入"):
        d.call("start_campaign", "reviewer", record_id=record_id)
    source = {"source": "开奖号码", "issue": "第1期", "issue_on": "2023-12-01", "look_up": "投注站", "draw_on": "2023-12-01"}
    with pytest.raises(Refused, match="逐户复审"):
        d.call("freeze_campaign_list", "reviewer", record_id=record_id, count=1, **source)
    d.call("list_campaign_cases", "reviewer", record_id=record_id)
    d.project()
    d.call("start_campaign", "reviewer", record_id=record_id)
    state: inspection.Campaign = d.services["assistance"].office.load(DECIDERS["inspection"], record_id).state
    assert set(state.objects) == {case_id, other}
    with pytest.raises(Refused, match="2个对象"):
        d.call("close_campaign", "approver", record_id=record_id, summary="复审完成")
    with pytest.raises(Refused, match="先在个案中办理复审"):
        d.call("record_check", record_id=record_id, object_id=case_id, result="terminated")
    d.call("open_review", "reviewer", case_id=case_id)
    d.call("answer_review", "reviewer", actor="staff:second", case_id=case_id, finding="无变化")
    with pytest.raises(Refused, match="结论不一致"):
        d.call("record_check", record_id=record_id, object_id=case_id, result="terminated")
    d.call("record_check", record_id=record_id, object_id=case_id, result="confirmed")
    with pytest.raises(Refused, match="1个对象"):
        d.call("close_campaign", "approver", record_id=record_id, summary="复审完成")
    d.call("open_review", "reviewer", case_id=other)
    d.call("answer_review", "reviewer", actor="staff:second", case_id=other, finding="无变化")
    d.call("record_check", record_id=record_id, object_id=other, result="confirmed")
    d.call("close_campaign", "approver", record_id=record_id, summary="复审完成")


def test_a_list_that_is_frozen_twice_by_one_command_has_one_salt(d: Desk) -> None:
    """The door draws a salt each time it is asked; a repeat is known by what was asked, and adds nothing. Nobody can hand one in."""
    opening = {"title": "抽查", "scope": "在册", "period_from": d.now.date().isoformat(), "check_by": "2023-12-31"}
    record_id = d.call("open_campaign", "reviewer", programme="assistance_special_governance", division="330225", **opening)["id"]
    d.call("list_campaign_objects", "reviewer", record_id=record_id, objects=[f"case-{n}" for n in range(9)])
    tomorrow = (d.now.date() + timedelta(days=1)).isoformat()
    source = {"source": "双色球开奖号码", "issue": "第99期", "issue_on": tomorrow, "draw_on": tomorrow, "look_up": "投注站"}
    freezing = {"record_id": record_id, "count": 3, **source}
    with pytest.raises(Refused) as refused:
        d.call("freeze_campaign_list", "reviewer", **freezing, salt="00" * 32)
    assert refused.value.field == "salt"
    assert not d.call("freeze_campaign_list", "reviewer", **freezing, command_id="frozen")["repeated"]
    assert d.call("freeze_campaign_list", "reviewer", **freezing, command_id="frozen")["repeated"]
    stream = f"assistance.inspection-{record_id}"
    events = [r.event for r in d.services["assistance"].office.history(stream)]
    [frozen] = [e for e in events if isinstance(e, inspection.CampaignListFrozen)]
    assert frozen.salt_hash == draws.commitment(frozen.salt or "")
    d.later(1)
    d.call("record_campaign_seed", record_id=record_id, seed="03 07 11")
    with pytest.raises(Refused, match="不同"):
        d.call("start_campaign", "reviewer", record_id=record_id, count=3, seed="03 07 12")
    d.call("start_campaign", "reviewer", record_id=record_id, count=3, seed="03 07 11", command_id="drawn")
    assert d.call("start_campaign", "reviewer", record_id=record_id, count=3, seed="03 07 11", command_id="drawn")["repeated"]
    state: inspection.Campaign = d.services["assistance"].office.load(DECIDERS["inspection"], record_id).state
    assert tuple(state.objects) == draws.drawn_by_pseudonym(frozen.salt or "", [f"case-{n}" for n in range(9)], 3, "03 07 11")


def test_a_campaign_over_institutions_takes_no_cases(d: Desk) -> None:
    """Where no institution is registered there is nothing to list, however many cases there are."""
    town = "330225105"
    household_id, _ = home(d, division=town)
    d.call("apply", programme=ALLOWANCE, household_id=household_id)
    decide(d, bc.case_id(ALLOWANCE, household_id))
    opening = {"title": "治理", "scope": "机构", "period_from": d.now.date().isoformat(), "check_by": "2023-12-31"}
    record_id = d.call("open_campaign", "reviewer", programme="support_institution_governance", division=town, **opening)["id"]
    d.project()
    with pytest.raises(Refused, match="供养服务机构"):
        d.call("list_campaign_cases", "reviewer", record_id=record_id)


def test_a_decision_that_is_rolled_over_is_owed_by_the_next_meeting(d: Desk) -> None:
    """This meeting closes, the next one has it with its owner and its day."""
    members = ["民政局", "残联", "财政局"]
    meeting = {"programme": "disabled_subsidy_consultation_meeting", "division": "330225", "topic": "会商", "place": "会议室", "places": 9}
    first = d.call("schedule_session", held_on=FIRST, **meeting)["id"]
    following = d.call("schedule_session", held_on="2023-10-09", **meeting)["id"]
    d.call("record_attendance", record_id=first, present=members)
    d.call("record_decision", "reviewer", record_id=first, decision_id="1", text="补发", owner="残联", deadline="2023-08-01")
    with pytest.raises(Refused, match="out_of_order"):
        d.call("close_session", "reviewer", record_id=first, summary="结束")
    training = d.call(
        "schedule_session", programme="assistance_worker_training", division="330225", topic="培训", place="党校", held_on=FIRST, places=9
    )["id"]
    for nobody in ("no-such", training, first):
        with pytest.raises(Refused) as lost:
            d.call("roll_over_decision", "reviewer", record_id=first, decision_id="1", next_session=nobody, deadline="2023-10-31")
        assert lost.value.field == "next_session"
    d.call("roll_over_decision", "reviewer", record_id=first, decision_id="1", next_session=following, deadline="2023-10-31")
    d.settle()
    d.call("close_session", "reviewer", record_id=first, summary="结束")
    taken = d.call("get_record", "auditor", shape="session", record_id=following)["decisions"]
    assert [(x["text"], x["owner"], str(x["deadline"])) for x in taken.values()] == [("补发", "残联", "2023-10-31")]


def test_a_quarter_without_its_meeting_is_told_and_waits_until_the_next_is_held(d: Desk) -> None:
    """每季度一次: the timer says each quarter in which none was held; the one that is held takes it off the list."""
    division, members = "330225109", ["民政局", "残联", "财政局"]
    meeting = {
        "programme": "disabled_subsidy_consultation_meeting", "division": division, "topic": "会商", "place": "会议室", "places": 9
    }  # fmt: skip

    def held(day: str) -> str:
        d.on(day)
        record_id = str(d.call("schedule_session", held_on=day, **meeting)["id"])
        d.call("record_attendance", record_id=record_id, present=members)
        d.call("close_session", "reviewer", record_id=record_id, summary="结束")
        d.settle()
        return record_id

    def told(record_id: str) -> list[str]:
        history = d.services["assistance"].office.history(DECIDERS["session"].stream(record_id))
        return [r.event.due for r in history if r.name == "assistance.session_overdue"]

    def waiting() -> list[tuple[str, str, str]]:
        rows = d.call("list_waiting", "auditor", worklist="session_overdue", town=division)
        return [(r["subject_id"], r["due_on"], r["list"]) for r in rows]

    first = held("2023-07-10")
    second = held("2023-12-29")
    d.on("2024-01-31").settle()
    assert (told(first), told(second), waiting()) == ([], [], [])
    d.on("2024-04-10").settle()
    assert told(second) == [], "its attendance may still come in"
    d.on("2024-04-30").settle()
    d.on("2024-07-31").settle()
    d.settle()
    assert (told(first), told(second)) == ([], ["2024年第1季度", "2024年第2季度"])
    assert waiting() == [(second, "2024-03-31", "quarterly_meetings")]
    third = held("2024-08-05")
    assert (waiting(), told(third)) == ([], [])


def test_the_competent_town_takes_a_hand_off_and_it_is_an_application_in_one_step(d: Desk) -> None:
    """W05: taken in at another window; only the town it was sent to, with the papers as sent, makes the case of it, once."""
    household_id, head = home(d, division=THERE)
    sent = d.call(
        "send_handoff", programme="one_window_acceptance", division=HERE, from_unit=HERE, to_unit=THERE, what="低保申请",
        dossier_hash=DOSSIER, subject_id=head, documents=["申请表", "身份证明"],
    )["id"]  # fmt: skip
    case_id, asked = bc.case_id(ALLOWANCE, household_id), {"record_id": sent, "programme": ALLOWANCE}
    with pytest.raises(Refused, match="wrong_division"):
        d.call("apply_from_handoff", at=OTHER, dossier_hash=DOSSIER, **asked)
    with pytest.raises(Refused, match="材料与转出时不一致"):
        d.call("apply_from_handoff", at=THERE, dossier_hash="0" * 64, **asked)
    assert d.services["assistance"].office.load(CASES, case_id).state.status == "none", "what is refused leaves no case"
    answer = d.call("apply_from_handoff", at=THERE, dossier_hash=DOSSIER, command_id="taken-once", **asked)
    again = d.call("apply_from_handoff", at=THERE, dossier_hash=DOSSIER, command_id="taken-once", **asked)
    assert (answer["id"], again["id"]) == (case_id, case_id)
    assert d.call("get_record", "auditor", shape="handoff", record_id=sent)["status"] == "accepted"
    with pytest.raises(Refused, match="out_of_order"):
        d.call("apply_from_handoff", at=THERE, dossier_hash=DOSSIER, **asked)
    decide(d, case_id)
    assert d.call("get_case", "auditor", case_id=case_id)["status"] == "in_force"
    d.settle()
    assert d.call("get_record", "auditor", shape="handoff", record_id=sent)["outcome"] == "granted", "the decision is the answer"
    d.call("acknowledge_handoff", record_id=sent, told="短信")


def test_who_sent_a_matter_takes_it_back_before_anybody_has_accepted_it(d: Desk) -> None:
    """By its number, from the sender's own window; the receiver cannot, and it leaves his list."""
    _, head = home(d)
    body = {
        "programme": "one_window_acceptance", "division": HERE, "from_unit": HERE, "to_unit": THERE, "what": "低保申请",
        "dossier_hash": DOSSIER, "subject_id": head, "documents": ["申请表", "身份证明"],
    }  # fmt: skip
    sent, kept = (d.call("send_handoff", at=HERE, **body)["id"] for _ in range(2))
    numbers = [d.call("get_record", "auditor", shape="handoff", record_id=r)["number"] for r in (sent, kept)]
    with pytest.raises(Refused, match="wrong_division"):
        d.call("take_back_handoff", at=THERE, number=numbers[0], reason="误收")
    with pytest.raises(Refused, match="wrong_division"):
        d.call("withdraw_handoff", at=THERE, record_id=sent, reason="误收")
    with pytest.raises(Refused, match="受理编号不正确"):
        d.call("take_back_handoff", at=HERE, number=numbers[0][:-1], reason="误转")
    assert waits_in(d, sent) == "handoff_accept"
    d.call("take_back_handoff", at=HERE, number=numbers[0], reason="误转")
    assert (waits_in(d, sent), d.call("get_record", "auditor", shape="handoff", record_id=sent)["status"]) == ("", "withdrawn")
    d.call("accept_handoff", at=THERE, record_id=kept, dossier_hash=DOSSIER)
    with pytest.raises(Refused, match="out_of_order"):
        d.call("take_back_handoff", at=HERE, number=numbers[1], reason="误转")


def test_a_referral_to_a_department_is_no_application(d: Desk) -> None:
    """Only what was taken in as an application becomes one."""
    _, head = home(d)
    referred = d.call(
        "send_handoff", programme="special_assistance_referral", division=HERE, from_unit=HERE, to_unit="医疗保障局", what="医疗救助",
        dossier_hash=DOSSIER, subject_id=head,
    )["id"]  # fmt: skip
    with pytest.raises(Refused, match="不是救助申请"):
        d.call("apply_from_handoff", record_id=referred, programme=ALLOWANCE, dossier_hash=DOSSIER)
