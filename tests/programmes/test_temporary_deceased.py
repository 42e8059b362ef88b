"""A death in temporary assistance, what was taken down wrongly, and a refusal that must be told: no money to the dead, no claim on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import temporary as t
from services.assistance.benefits import CASES
from services.portal.desk.record import main_act
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, home, pay, single
from tests.programmes.test_temporary import (
    CODE,
    FUND,
    TOWN,
    applied,
    approved_in_three,
    decide,
    died,
    fund_of,
    in_list,
    page,
    payees,
    proposed,
    said,
    stands,
)


@pytest.fixture
def numbers() -> Numbers:
    """A series for the desk of one test."""
    return Numbers()


@pytest.fixture
def d(tmp_path: Any) -> Iterator[Desk]:
    """A desk with a reserve fund."""
    with desk(tmp_path, "assistance") as made:
        made.on("2025-06-02")
        fund = made.call("open_fund", "approver", programme=FUND, division=TOWN)["id"]
        made.call("allocate_to_fund", "cashier", record_id=fund, amount=5_000_000, document_no="象民〔2025〕7号")
        yield made


def part(d: Desk, ref: dict[str, str], no: int = 1) -> bc.Case:
    """The case of one instalment."""
    found: bc.Case = d.services["assistance"].office.load(CASES, bc.case_id(CODE, t.grant_id(ref["matter_id"], no))).state
    return found


def lives(d: Desk, person_id: str) -> None:
    """The death was none."""
    d.tell("registry", "after_death_annulled", person_id=person_id, division=TOWN, round=2, steps=["household"])
    d.settle()


def test_an_instalment_on_its_way_to_the_dead_goes_to_who_is_left(d: Desk, numbers: Numbers) -> None:
    """Released, not paid, the payee dies: the other adult is paid the same amount, once, however often the news comes."""
    house = home(d, numbers, {"born": "19600101"}, {"born": "19620101"})
    head, other = house.members
    ref = approved_in_three(d, household_id=house.household_id)
    fen = part(d, ref).due("2025-06")
    d.on("2025-06-05")
    died(d, head, "2025-06-04")
    version = d.services["assistance"].office.load(CASES, bc.case_id(CODE, t.grant_id(ref["matter_id"], 1))).version
    died(d, head, "2025-06-04")
    assert d.services["assistance"].office.load(CASES, bc.case_id(CODE, t.grant_id(ref["matter_id"], 1))).version == version
    assert (payees(d, ref), part(d, ref).due("2025-06")) == ([other], fen)
    pay(d, CODE, "2025-06")
    assert (part(d, ref).status, dict(part(d, ref).paid)) == ("closed", {"2025-06": fen})
    d.on("2025-06-20")
    lives(d, head)
    assert payees(d, ref) == [other], "what was paid was paid"


def test_a_member_who_moved_out_is_not_paid_for_those_who_stayed(d: Desk, numbers: Numbers) -> None:
    """The payee left the household before the payment."""
    house = home(d, numbers, {"born": "19600101"}, {"born": "19620101"})
    ref = approved_in_three(d, household_id=house.household_id)
    d.on("2025-06-05")
    left = {"from_month": "2025-06", "reason": "moved_out", "evidence": "户籍迁移证明", "left": [house.members[0]]}
    d.call("change_household", household_id=house.household_id, **left)
    d.settle()
    assert payees(d, ref) == [house.members[1]]


def test_nothing_is_paid_when_nobody_is_left_and_what_was_due_comes_back_with_him(d: Desk, numbers: Numbers) -> None:
    """A single person: the instalment's case ends unpaid and claims nothing; the death was none, and the next run pays it, once."""
    who = single(d, numbers, "19910101")
    ref = approved_in_three(d, person_id=who)
    fen = part(d, ref).due("2025-06")
    d.on("2025-06-06")
    died(d, who, "2025-06-05")
    assert (part(d, ref).status, part(d, ref).due("2025-06")) == ("ended", 0)
    assert d.call("list_recoveries", "auditor") == []
    d.on("2025-07-10")
    lives(d, who)
    assert (part(d, ref).status, part(d, ref).payable("2025-07")) == ("in_force", fen)
    pay(d, CODE, "2025-07")
    assert (part(d, ref).status, part(d, ref).payable("2025-08")) == ("closed", 0)
    [line] = d.call("list_payments", "auditor", case_id=bc.case_id(CODE, t.grant_id(ref["matter_id"], 1)))
    assert line["arrears_fen"] + line["amount_fen"] == fen


def test_what_is_released_while_the_news_is_on_its_way_is_not_paid_to_the_dead(d: Desk, numbers: Numbers) -> None:
    """Approved and released; the death is heard before the release is: the instalment's case is never left to the dead."""
    house = home(d, numbers, {"born": "19600101"}, {"born": "19620101"})
    ref = applied(d, household_id=house.household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    reviewed = proposed(d, ref, instalments=3)["reviewed"]
    d.call("decide_temporary", "approver", **ref, reviewed=reviewed)
    died(d, house.members[0], "2025-06-01")
    assert payees(d, ref) == [house.members[1]]


def test_a_matter_of_which_nobody_lives_is_closed_without_a_claim_and_open_again_if_he_does(d: Desk, numbers: Numbers) -> None:
    """对象死亡终止办理: the draw is settled, nothing is claimed, no deadline fires; annulled, it waits for its papers again."""
    who = single(d, numbers, "19910101")
    ref = applied(d, person_id=who)
    d.call("grant_first", **ref)
    first, papers = stands(d, ref)["first"]["amount_fen"], in_list(d, ref)
    with pytest.raises(Refused, match="尚在"):
        d.call("close_temporary_deceased", **ref)
    assert "close_temporary_deceased" not in page(d, ref)[1]
    d.on("2025-06-05")
    died(d, who, "2025-06-04")
    assert page(d, ref)[1]["close_temporary_deceased"]["refused"] == ""
    d.call("close_temporary_deceased", **ref)
    d.settle()
    assert (stands(d, ref)["status"], in_list(d, ref)) == ("deceased", {"worklist": "", "due_on": None})
    assert d.call("list_recoveries", "auditor") == []
    assert ref["matter_id"] not in fund_of(d).open_draws
    d.on("2025-06-12")
    lives(d, who)
    assert said(page(d, ref)[0]) == in_list(d, ref) == papers
    d.on("2025-07-01").settle()
    assert list(stands(d, ref)["overdue"]) == ["papers"]
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    proposed(d, ref)
    m = decide(d, ref)
    assert m["approved"]["drawn_fen"] == first
    assert d.call("list_recoveries", "auditor") == [], "the decision covers what was drawn"


def test_what_was_taken_down_wrongly_is_corrected_by_a_second_hand(d: Desk, numbers: Numbers) -> None:
    """核实更正: not by whoever took it down, and who corrects reviews nothing; the review made on it is void, and the amount follows."""
    who = single(d, numbers, "19910101")
    ref = applied(d, person_id=who)
    with pytest.raises(Refused, match="不能办理"):
        d.call("correct_papers", **ref, finding="损失较小", loss_fen=100)
    d.call("complete_papers", **ref, finding="损失较大", loss_fen=900_000)
    with pytest.raises(Refused) as same:
        d.call("correct_papers", **ref, finding="损失较小", loss_fen=90_000)
    assert same.value.code == "same_hand"
    before = proposed(d, ref)["assessment"]["amount_fen"]
    d.call("correct_papers", actor="staff:second", **ref, finding="多写一个零", loss_fen=90_000)
    assert (stands(d, ref)["status"], stands(d, ref)["loss_fen"], in_list(d, ref)["worklist"]) == ("verified", 90_000, "temporary_review")
    with pytest.raises(Refused) as took_part:
        d.call("propose_temporary", "reviewer", actor="staff:second", **ref)
    assert took_part.value.code == "same_hand"
    assert 0 < proposed(d, ref)["assessment"]["amount_fen"] < before
    decide(d, ref)
    with pytest.raises(Refused, match="不能办理"):
        d.call("correct_papers", actor="staff:third", **ref, finding="又不对", loss_fen=1)


def test_a_refusal_is_told_in_writing_within_its_days(d: Desk, numbers: Numbers) -> None:
    """Of acceptance and of assistance alike it waits in a list until it was told; late, that is an event; who appeals has heard of it."""
    refs = []
    for _ in range(2):
        ref = {"subject_id": single(d, numbers, "19910101"), "matter_id": ""}
        d.call("apply_temporary", kind="emergency", cause="other", happened_on="2025-06-02", division=TOWN, person_id=ref["subject_id"])
        state = d.services["assistance"].office.load(t.DECIDER, ref["subject_id"]).state
        refs.append({**ref, "matter_id": next(iter(state.matters))})
        d.call("refuse_temporary_acceptance", **refs[-1], reason="不属于受理范围")
    untrue = applied(d, person_id=single(d, numbers, "19920101"))
    d.call("complete_papers", **untrue, finding="未发生", loss_fen=0, untrue=True)
    proposed(d, untrue)
    assert decide(d, untrue)["status"] == "refused"
    for ref in (*refs, untrue):
        assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "temporary_refusal_notice", "due_on": "2025-06-05"}
        assert main_act("temporary_refusal_notice", acts := page(d, ref)[1]) in acts
    d.call("record_temporary_refusal_notice", **refs[0], how="邮寄")
    with pytest.raises(Refused, match="没有待告知"):
        d.call("record_temporary_refusal_notice", **refs[0], how="邮寄")
    d.call("file_temporary_appeal", **refs[1], reason="应予受理")
    d.on("2025-06-06").settle()
    d.settle()
    assert [list(stands(d, ref)["overdue"]) for ref in (*refs, untrue)] == [[], [], ["notice"]]
    assert [in_list(d, ref)["worklist"] for ref in (*refs, untrue)] == ["", "objection", "temporary_refusal_notice"]
    d.call("record_temporary_refusal_notice", **untrue, how="当面送达")
    assert in_list(d, untrue) == {"worklist": "", "due_on": None}
