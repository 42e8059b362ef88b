"""A hand-off of which a case came is answered by the case's own decision: once, without amounts, and corrected when that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS
from shared.casework import benefit_case as bc
from shared.casework import handoff
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, check_means, decide, home

HERE, THERE = "330225101", "330225102"
ALLOWANCE, DOSSIER = "minimum_living_allowance", handoff.dossier_hash(b"papers")
IN_WRITING = "，理由以送达申请人的书面告知为准。"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test registers a household of its own."""
    with desk(tmp_path_factory.mktemp("handed"), "assistance") as made:
        yield made


@pytest.fixture
def d(house: Desk) -> Desk:
    return house.on("2023-07-03")


def sent(d: Desk, person_id: str) -> str:
    """Taken in at another window."""
    answer = d.call(
        "send_handoff", programme="one_window_acceptance", division=HERE, from_unit=HERE, to_unit=THERE, what="救助申请",
        dossier_hash=DOSSIER, subject_id=person_id, documents=["申请表", "身份证明"],
    )  # fmt: skip
    return str(answer["id"])


def taken(d: Desk, numbers: Numbers, income_fen: int = 0) -> tuple[Home, str, str]:
    """The household, its hand-off, and the case that the competent town made of it."""
    found = home(d, numbers, {"born": "19700101", "monthly_income_fen": income_fen}, town=THERE)
    record_id = sent(d, found.members[0])
    answer = d.call("apply_from_handoff", at=THERE, record_id=record_id, programme=ALLOWANCE, dossier_hash=DOSSIER)
    return found, record_id, str(answer["id"])


def surveyed(d: Desk, case_id: str) -> None:
    d.call("accept_application", case_id=case_id)
    check_means(d, case_id)
    d.call("record_survey", case_id=case_id, finding="情况属实")


def stands(d: Desk, record_id: str) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_record", "auditor", shape="handoff", record_id=record_id)
    return found


def told(d: Desk, record_id: str) -> list[str]:
    """What happened to the hand-off since it went out."""
    history = d.services["assistance"].office.history(DECIDERS["handoff"].stream(record_id))
    return [r.name.removeprefix("assistance.handoff_") for r in history[1:]]


def test_a_grant_is_the_answer_and_nobody_types_another(d: Desk, numbers: Numbers) -> None:
    """The sender hears programme and month, no amount; the same news once more, or of a reassessment, says nothing again."""
    found, record_id, case_id = taken(d, numbers)
    shown = stands(d, record_id)
    assert (shown["status"], shown["refers_to"], shown["taken_as"]) == ("accepted", case_id, ALLOWANCE)
    with pytest.raises(Refused, match="不能手工办结") as typed:
        d.call("finish_handoff", at=THERE, record_id=record_id, outcome="refused", result="不符合条件")
    assert typed.value.code == "out_of_order"
    surveyed(d, case_id)
    first = decide(d, case_id)["first_month"]
    shown = stands(d, record_id)
    assert (shown["status"], shown["outcome"], shown["result"]) == ("done", "granted", f"最低生活保障：予以确认，自{first}起。")
    again = {"programme": ALLOWANCE, "subject_id": found.household_id, "first_month": first}
    d.tell("assistance", "case_granted", **again)
    d.call("acknowledge_handoff", at=HERE, record_id=record_id, told="短信")
    d.on(f"{first}-10")
    d.call("record_income", household_id=found.household_id, person_id=found.members[0], monthly_income_fen=500000,
           effective_from=d.now.date().isoformat())  # fmt: skip
    d.settle()
    assert told(d, record_id) == ["accepted", "taken_up", "done", "acknowledged"]


def test_a_grant_that_is_taken_back_whole_corrects_the_answer_and_so_does_its_return(d: Desk, numbers: Numbers) -> None:
    """No month was ever due: by a late fact, whose decision is then set aside on appeal; by a death, which was none."""
    found, record_id, case_id = taken(d, numbers)
    surveyed(d, case_id)
    first = decide(d, case_id)["first_month"]
    d.call("acknowledge_handoff", at=HERE, record_id=record_id, told="短信")

    def earns(fen: int) -> None:
        d.call("record_income", household_id=found.household_id, person_id=found.members[0], monthly_income_fen=fen,
               effective_from="2023-07-04")  # fmt: skip
        d.settle()

    def outcome() -> tuple[str, str]:
        shown = stands(d, record_id)
        return shown["status"], shown["outcome"]

    earns(900_000)
    assert d.call("get_case", "auditor", case_id=case_id)["status"] == "ended"
    assert (*outcome(), stands(d, record_id)["result"]) == ("done", "refused", "最低生活保障：原予以确认的决定已撤销，自始不发。")
    earns(0)
    number = d.call("get_case", "auditor", case_id=case_id)["decisions"][-1]["number"]
    d.call("file_appeal", case_id=case_id, decision=number, reason="误登")
    d.call("assign_appeal", "approver", case_id=case_id, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=case_id, outcome="upheld", reason="误登")
    d.settle()
    assert (*outcome(), stands(d, record_id)["result"]) == ("done", "granted", f"最低生活保障：予以确认，自{first}起。")
    where = {"person_id": found.members[0], "division": THERE, "steps": ["household"]}
    d.tell("registry", "after_death_opened", died_on="2023-07-05", round=1, **where)
    d.settle()
    assert outcome() == ("done", "withdrawn")
    d.tell("registry", "after_death_annulled", round=2, **where)
    d.settle()
    assert outcome() == ("done", "granted")
    assert told(d, record_id)[3:] == ["acknowledged", "corrected", "corrected", "corrected", "corrected"]


def test_a_matter_that_is_closed_by_a_death_is_answered(d: Desk, numbers: Numbers) -> None:
    """临时救助 handed on: its applicant dies before it is decided."""
    found = home(d, numbers, {"born": "19700101"}, town=THERE)
    record_id = sent(d, found.members[0])
    d.call("accept_handoff", at=THERE, record_id=record_id, dossier_hash=DOSSIER)
    applying = {"kind": "emergency", "cause": "other", "happened_on": "2023-07-03", "division": THERE}
    d.call("apply_temporary", at=THERE, household_id=found.household_id, handoff_id=record_id, **applying)
    matter = next(iter(d.call("get_temporary", "auditor", subject_id=found.household_id)["matters"]))
    where = {"person_id": found.members[0], "division": THERE, "steps": ["household"]}
    d.tell("registry", "after_death_opened", died_on="2023-07-02", round=1, **where)
    d.settle()
    d.call("close_temporary_deceased", at=THERE, subject_id=found.household_id, matter_id=matter)
    d.settle()
    assert (stands(d, record_id)["status"], stands(d, record_id)["outcome"]) == ("done", "withdrawn")


@pytest.mark.parametrize(
    ("act", "outcome", "result"),
    [("refuse_acceptance", "refused", "不予受理" + IN_WRITING), ("withdraw_application", "withdrawn", "申请人撤回申请。")],
)
def test_what_ends_an_application_early_is_an_answer_too(d: Desk, numbers: Numbers, act: str, outcome: str, result: str) -> None:
    """The reason is the applicant's to read, not every window's."""
    _, record_id, case_id = taken(d, numbers)
    d.call(act, case_id=case_id, reason="户籍不符")
    d.settle()
    shown = stands(d, record_id)
    assert (shown["status"], shown["outcome"], shown["result"]) == ("done", outcome, "最低生活保障：" + result)


def test_papers_that_never_came_and_an_applicant_who_died(d: Desk, numbers: Numbers) -> None:
    """Both are answered by what happened to the case."""
    _, lapsed, case_id = taken(d, numbers)
    d.call("request_supplement", case_id=case_id, missing=["户口簿"], due_on="2023-07-05")
    _, died, pending = taken(d, numbers)
    made = d.services["assistance"]
    made.benefits.end(pending, "2023-07", "保障对象死亡", "办法", Order(None, "died", Hand.service("assistance"), d.now))
    d.later(20)
    d.settle()
    assert [(stands(d, r)["outcome"], stands(d, r)["result"]) for r in (lapsed, died)] == [
        ("withdrawn", "最低生活保障：逾期未补正，视为放弃申请。"),
        ("refused", "最低生活保障：不予确认" + IN_WRITING),  # who dies is refused
    ]


def test_a_refusal_corrected_on_appeal_is_told_and_acknowledged_once_more(d: Desk, numbers: Numbers) -> None:
    """The sender had told the applicant of a refusal: the correction waits in his list until he has told him of the grant."""
    found, record_id, case_id = taken(d, numbers, 500000)
    surveyed(d, case_id)
    assert decide(d, case_id)["status"] == "refused"
    assert (stands(d, record_id)["outcome"], stands(d, record_id)["result"]) == ("refused", "最低生活保障：不予确认" + IN_WRITING)
    d.call("acknowledge_handoff", at=HERE, record_id=record_id, told="短信")
    d.call("tell_refusal", case_id=case_id, how="邮寄送达")
    [decision] = d.call("get_case", "auditor", case_id=case_id)["decisions"]
    d.call("file_appeal", case_id=case_id, decision=decision["number"], reason="收入已减少")
    d.call("assign_appeal", "approver", case_id=case_id, to="staff:other")
    d.call("record_income", household_id=found.household_id, person_id=found.members[0], monthly_income_fen=0, effective_from="2023-06-01")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=case_id, outcome="upheld", reason="收入减少属实")
    d.settle()
    assert stands(d, record_id)["status"] == "acknowledged", "nothing is decided yet"
    first = decide(d, case_id)["first_month"]
    shown = stands(d, record_id)
    assert (shown["status"], shown["outcome"], shown["corrected"]) == ("done", "granted", True)
    assert shown["result"] == f"最低生活保障：予以确认，自{first}起。"
    [row] = [r for r in d.call("list_records", "auditor", worklist="handoff_acknowledge") if r["record_id"] == record_id]
    assert row["title"] == shown["number"] + "（结果更正）"
    acceptance = d.call("get_acceptance", number=shown["number"])
    assert (acceptance["stands"], acceptance["corrected"]) == ("已办结，待告知", True)
    d.call("acknowledge_handoff", at=HERE, record_id=record_id, told="电话")
    assert told(d, record_id) == ["accepted", "taken_up", "done", "acknowledged", "corrected", "acknowledged"]


def test_a_later_application_of_the_same_household_is_no_answer(d: Desk, numbers: Numbers) -> None:
    """The case is one stream: what is decided of a second application is not what the first hand-off asked, however late news comes."""
    found, record_id, case_id = taken(d, numbers)
    d.call("withdraw_application", case_id=case_id, reason="本人意愿")
    d.settle()
    d.call("apply", programme=ALLOWANCE, household_id=found.household_id)
    surveyed(d, case_id)
    assert decide(d, case_id)["status"] == "in_force"
    d.tell("assistance", "application_withdrawn", programme=ALLOWANCE, subject_id=found.household_id)
    assert (stands(d, record_id)["outcome"], told(d, record_id)) == ("withdrawn", ["accepted", "taken_up", "done", "overdue"])


def test_a_service_that_died_between_the_case_and_the_hand_off_loses_no_answer(d: Desk, numbers: Numbers) -> None:
    """The case says that it came of this: its decision finds the hand-off, although nobody repeated the command."""
    found = home(d, numbers, {"born": "19700101"}, town=THERE)
    record_id, made = sent(d, found.members[0]), d.services["assistance"]
    kept = made.office.handle

    def dies(decider: Any, key: str, order: Any) -> Any:
        if isinstance(order.command, handoff.TakeUpHandoff):
            raise ConnectionError("killed")
        return kept(decider, key, order)

    made.office.handle = dies
    try:
        with pytest.raises(ConnectionError):
            d.call("apply_from_handoff", at=THERE, record_id=record_id, programme=ALLOWANCE, dossier_hash=DOSSIER)
    finally:
        made.office.handle = kept
    case_id = bc.case_id(ALLOWANCE, found.household_id)
    assert (made.office.load(CASES, case_id).state.handoff_id, stands(d, record_id)["status"]) == (record_id, "sent")
    surveyed(d, case_id)
    decide(d, case_id)
    assert (stands(d, record_id)["outcome"], stands(d, record_id)["refers_to"]) == ("granted", case_id)
    assert told(d, record_id) == ["accepted", "taken_up", "done"]


def test_a_hand_off_that_was_accepted_first_becomes_a_case_later(d: Desk, numbers: Numbers) -> None:
    """The receiver registers the household in between; one answered by hand has no case and takes none."""
    found = home(d, numbers, {"born": "19700101"}, town=THERE)
    record_id, by_hand = sent(d, found.members[0]), sent(d, found.members[0])
    for one in (record_id, by_hand):
        d.call("accept_handoff", at=THERE, record_id=one, dossier_hash=DOSSIER)
    answer = d.call("apply_from_handoff", at=THERE, record_id=record_id, programme=ALLOWANCE, dossier_hash=DOSSIER)
    d.call("finish_handoff", at=THERE, record_id=by_hand, outcome="referred", result="已转县级办理")
    with pytest.raises(Refused, match="不能办理"):
        d.call("apply_from_handoff", record_id=by_hand, programme=ALLOWANCE, dossier_hash=DOSSIER)
    assert (stands(d, record_id)["refers_to"], stands(d, by_hand)["refers_to"]) == (answer["id"], "")


@pytest.mark.parametrize(
    ("act", "outcome", "text"),
    [("refuse_temporary_acceptance", "refused", "不予受理" + IN_WRITING), ("withdraw_temporary", "withdrawn", "申请人撤回申请。")],
)
def test_a_matter_that_is_not_accepted_or_withdrawn_answers_the_hand_off(
    d: Desk, numbers: Numbers, act: str, outcome: str, text: str
) -> None:
    """The sender hears that nothing was decided, too, without the reason that is the applicant's."""
    found = home(d, numbers, {"born": "19800101", "monthly_income_fen": 300000}, {"born": "20150101"}, town=THERE)
    record_id = sent(d, found.members[1])
    d.call("accept_handoff", at=THERE, record_id=record_id, dossier_hash=DOSSIER)
    what = {"kind": "emergency", "cause": "accident", "happened_on": "2023-07-03", "division": THERE, "household_id": found.household_id}
    d.call("apply_temporary", **what, handoff_id=record_id)
    [matter_id] = d.call("get_temporary", "auditor", subject_id=found.household_id)["matters"]
    d.call(act, subject_id=found.household_id, matter_id=matter_id, reason="家中私事")
    d.settle()
    shown = stands(d, record_id)
    assert (shown["status"], shown["outcome"], shown["result"]) == ("done", outcome, f"临时救助：{text}")


def test_a_matter_of_temporary_assistance_answers_the_hand_off_it_came_of(d: Desk, numbers: Numbers) -> None:
    """It names the accepted hand-off; of somebody else's nothing is begun."""
    found = home(d, numbers, {"born": "19800101", "monthly_income_fen": 300000}, {"born": "20150101"}, town=THERE)
    record_id, others = sent(d, found.members[1]), sent(d, "0d" * 16)
    what = {"kind": "emergency", "cause": "grave_illness", "happened_on": "2023-07-03", "division": THERE}
    what["household_id"] = found.household_id
    with pytest.raises(Refused, match="不是该申请对象"):
        d.call("apply_temporary", **what, handoff_id=others)
    with pytest.raises(Refused, match="材料摘要"):
        d.call("apply_temporary", **what, handoff_id=record_id)
    d.call("accept_handoff", at=THERE, record_id=record_id, dossier_hash=DOSSIER)
    d.call("apply_temporary", **what, handoff_id=record_id)
    [matter_id] = d.call("get_temporary", "auditor", subject_id=found.household_id)["matters"]
    ref = {"subject_id": found.household_id, "matter_id": matter_id}
    assert (stands(d, record_id)["refers_to"], stands(d, record_id)["taken_as"]) == (matter_id, "temporary_assistance")
    d.call("accept_temporary", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=3_000_000)
    d.call("propose_temporary", "reviewer", **ref)
    reviewed = d.call("get_temporary", "auditor", subject_id=found.household_id)["matters"][matter_id]["proposal"]["reviewed"]
    d.call("decide_temporary", "approver", **ref, reviewed=reviewed)
    d.settle()
    shown = stands(d, record_id)
    assert (shown["status"], shown["outcome"], shown["result"]) == ("done", "granted", "临时救助：予以救助。")
