"""Temporary assistance through its whole life: help within 24 hours, papers after, the place of emergency, deliberation, instalments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.assistance import temporary as t
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS
from services.portal.desk.record import main_act
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from shared.eventsourcing.testing import given
from tests.deciders.samples import assessed
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, home, pay, single

TOWN, OTHER = "330225101", "330225102"
FUND = "temporary_assistance_reserve_fund"
CODE = "temporary_assistance"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module, with a reserve fund in two towns."""
    with desk(tmp_path_factory.mktemp("temporary"), "assistance") as made:
        made.on("2023-06-01")
        for town in (TOWN, OTHER):
            fund = made.call("open_fund", "approver", programme=FUND, division=town)["id"]
            made.call("allocate_to_fund", "cashier", record_id=fund, amount=5_000_000, document_no="象民〔2023〕7号")
        yield made


def family(d: Desk, numbers: Numbers) -> Home:
    return home(d, numbers, {"born": "19800101", "monthly_income_fen": 300000}, {"born": "20150101"})


def applied(d: Desk, **more: Any) -> dict[str, str]:
    """An accepted matter; what every further call begins with."""
    body: dict[str, Any] = {"kind": "emergency", "cause": "accident", "happened_on": d.now.date().isoformat(), "division": TOWN, **more}
    subject = str(body.get("household_id") or body["person_id"])
    d.call("apply_temporary", **body)
    matter = list(matters(d, subject))[-1]
    ref = {"subject_id": subject, "matter_id": matter}
    d.call("accept_temporary", **ref)
    return ref


def matters(d: Desk, subject: str) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_temporary", "auditor", subject_id=subject)["matters"]
    return found


def stands(d: Desk, ref: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = matters(d, ref["subject_id"])[ref["matter_id"]]
    return found


def proposed(d: Desk, ref: dict[str, str], **more: Any) -> dict[str, Any]:
    d.call("propose_temporary", "reviewer", **ref, **more)
    found: dict[str, Any] = stands(d, ref)["proposal"]
    return found


def decide(d: Desk, ref: dict[str, str], at: str = "330225", actor: str = "") -> dict[str, Any]:
    reviewed = stands(d, ref)["proposal"]["reviewed"]
    d.call("decide_temporary", "approver", at=at, actor=actor, **ref, reviewed=reviewed)
    d.settle()
    return stands(d, ref)


def fund_of(d: Desk, town: str = TOWN) -> Any:
    d.project()
    records = d.call("list_records", "auditor", programme=FUND, limit=500)
    [record] = [r for r in records if r["division"] == town]
    return d.services["assistance"].office.load(DECIDERS["fund"], record["record_id"]).state


def payments(d: Desk, ref: dict[str, str]) -> list[int]:
    """What the matter's instalments are paid with, in fen, by the cases that payment runs see."""
    m = stands(d, ref)
    ids = [bc.case_id(CODE, t.grant_id(ref["matter_id"], no)) for no in m["released"]]
    return [d.call("get_case", "auditor", case_id=i)["last_assessment"]["amount_fen"] for i in ids]


def test_an_emergency_is_helped_first_and_decided_after(d: Desk, numbers: Numbers) -> None:
    """A22: within 24 hours from the town's fund; papers; the formal decision settles the draw and pays the rest, once."""
    d.on("2023-07-03")
    before = fund_of(d).balance
    ref = applied(d, household_id=family(d, numbers).household_id)
    with pytest.raises(Refused, match="不能办理"):
        d.call("propose_temporary", "reviewer", **ref)
    d.on("2023-07-03T20:00:00")
    d.call("grant_first", **ref)
    d.settle()
    m = stands(d, ref)
    assert (m["status"], m["first"]["in_time"]) == ("granted_pending_papers", True)
    first = m["first"]["amount_fen"]
    assert 0 < first <= 300_000
    assert m["first"]["papers_by"].isoformat() == "2023-07-17"
    assert fund_of(d).balance == before - first
    d.on("2023-07-10")
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    proposal = proposed(d, ref)
    total = proposal["assessment"]["amount_fen"]
    assert total >= first
    with pytest.raises(Refused) as same:
        d.call("decide_temporary", "approver", actor="staff:reviewer", **ref, reviewed=proposal["reviewed"])
    assert same.value.code == "same_hand"
    m = decide(d, ref)
    assert m["status"] == "paid_out"
    assert sum(payments(d, ref)) == total - first
    assert ref["matter_id"] not in fund_of(d).open_draws
    for decided in ("staff:reviewer", "staff:approver"):  # who decided the matter does not pay its instalment, whatever post he holds
        with pytest.raises(Refused, match="名单中有1笔"):
            d.call("prepare_payment_run", "cashier", actor=decided, programme=CODE, month="2023-07", division="330225")
    run = pay(d, CODE, "2023-07", "330225")
    assert run["status"] == "closed"
    with pytest.raises(Refused):
        pay(d, CODE, "2023-07", "330225")


def test_the_first_grant_repeated_draws_once(d: Desk, numbers: Numbers) -> None:
    """The same command again, and a draw that was made before a crash, leave the fund as it is."""
    d.on("2023-07-04")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("grant_first", **ref, command_id="first-1")
    balance = fund_of(d).balance
    assert d.call("grant_first", **ref, command_id="first-1")["repeated"]
    with pytest.raises(Refused, match="不能办理"):
        d.call("grant_first", **ref)
    assert fund_of(d).balance == balance


def test_a_crash_between_the_draw_and_the_grant_doubles_nothing(d: Desk, numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The money had left the fund when the worker died: the next try finds the draw, and grants what was drawn."""
    d.on("2023-07-04")
    ref = applied(d, household_id=family(d, numbers).household_id)
    before = fund_of(d).balance
    office = d.services["assistance"].office
    real = office.handle

    def dies(decider: Any, aggregate_id: str, order: Any) -> Any:
        if isinstance(order.command, t.GrantFirst):
            raise RuntimeError("the worker is gone")
        return real(decider, aggregate_id, order)

    monkeypatch.setattr(office, "handle", dies)
    with pytest.raises(RuntimeError):
        d.call("grant_first", **ref)
    assert stands(d, ref)["status"] == "accepted"
    monkeypatch.undo()
    d.call("grant_first", **ref)
    assert fund_of(d).balance == before - stands(d, ref)["first"]["amount_fen"]


def test_help_that_does_not_come_and_papers_that_do_not_come_are_events(d: Desk, numbers: Numbers) -> None:
    """After 24 hours, and after ten working days: a supervisor hears of it, the matter stands first in the queue."""
    d.on("2023-07-05T10:00:00")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.on("2023-07-06T10:00:00")
    d.settle()
    assert not stands(d, ref)["overdue"]
    d.on("2023-07-06T10:00:01")
    d.settle()
    assert list(stands(d, ref)["overdue"]) == ["first_grant"]
    d.call("grant_first", **ref)
    assert stands(d, ref)["first"]["in_time"] is False
    d.on("2023-07-20")
    d.settle()
    assert list(stands(d, ref)["overdue"]) == ["first_grant"]
    d.on("2023-07-21")
    d.settle()
    assert list(stands(d, ref)["overdue"]) == ["first_grant", "papers"]
    queue = [m["matter_id"] for m in d.call("list_temporary", "auditor")]
    assert ref["matter_id"] in queue


def test_what_the_first_grant_exceeded_the_decision_by_becomes_a_claim(d: Desk, numbers: Numbers) -> None:
    """The papers show a smaller loss: the draw is settled in full, the difference is claimed, nothing is corrected in silence."""
    d.on("2023-08-01")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("grant_first", **ref)
    first = stands(d, ref)["first"]["amount_fen"]
    given_back = fund_of(d).given_back
    d.call("complete_papers", **ref, finding="损失较小", loss_fen=100_000)
    total = proposed(d, ref)["assessment"]["amount_fen"]
    assert 0 < total < first
    m = decide(d, ref)
    assert (m["status"], payments(d, ref)) == ("paid_out", [])
    [claim] = [r for r in d.call("list_recoveries", "auditor") if r["case_id"] == bc.case_id(CODE, ref["matter_id"])]
    assert claim["amount_fen"] == first - total
    assert fund_of(d).given_back == given_back


def test_the_township_decides_up_to_its_ceiling_and_above_it_the_county(d: Desk, numbers: Numbers) -> None:
    """The approver's division is looked at; the decision says on which level it was taken."""
    d.on("2023-08-02")
    big = applied(d, household_id=family(d, numbers).household_id, cause="grave_illness")
    d.call("complete_papers", **big, finding="属实", loss_fen=0)
    proposed(d, big)
    with pytest.raises(Refused) as above:
        decide(d, big, at=TOWN)
    assert above.value.code == "wrong_division"
    assert decide(d, big)["approved"]["level"] == "county"
    small = applied(d, household_id=family(d, numbers).household_id)
    d.call("complete_papers", **small, finding="属实", loss_fen=80_000)
    proposed(d, small)
    assert decide(d, small, at=TOWN)["approved"]["level"] == "township"


def test_only_a_recorded_deliberation_goes_above_the_ceiling(d: Desk, numbers: Numbers) -> None:
    """A25 一事一议: participants, minutes and reason; the reviewed proposal falls and the county decides the raised amount."""
    d.on("2023-08-03")
    ref = applied(d, household_id=family(d, numbers).household_id, cause="grave_illness", loss_fen=9_000_000)
    d.call("complete_papers", **ref, finding="属实", loss_fen=9_000_000)
    normal = proposed(d, ref)["assessment"]["amount_fen"]
    held = {"minutes_no": "专题会议〔2023〕3号", "raised_fen": normal + 2_000_000, "reason": "重大疾病，自负费用高"}
    with pytest.raises(Refused) as few:
        d.call("record_deliberation", "reviewer", **ref, participants=["staff:a"], **held)
    assert few.value.field == "participants"
    d.call("record_deliberation", "reviewer", **ref, participants=["staff:a", "staff:b", "staff:c"], **held)
    assert stands(d, ref)["status"] == "verified"
    assert proposed(d, ref)["assessment"]["amount_fen"] == normal + 2_000_000
    m = decide(d, ref)
    assert (m["approved"]["level"], m["approved"]["amount_fen"]) == ("deliberation", normal + 2_000_000)


def test_one_approval_is_paid_in_instalments_and_the_rest_can_be_cancelled(d: Desk, numbers: Numbers) -> None:
    """A26: each release after a look at how things stand; never more than approved; the year's sum counts what was given."""
    d.on("2023-08-04")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    total = proposed(d, ref, instalments=3)["assessment"]["amount_fen"]
    m = decide(d, ref)
    parts = m["approved"]["instalments"]
    assert (sum(parts), len(parts), m["status"]) == (total, 3, "approved")
    assert payments(d, ref) == [parts[0]]
    with pytest.raises(Refused, match="应拨付第2期"):
        d.call("release_instalment", "reviewer", **ref, no=3, finding="仍需救助")
    with pytest.raises(Refused) as unsaid:
        d.call("release_instalment", "reviewer", **ref, no=2, finding=" ")
    assert unsaid.value.field == "finding"
    d.call("release_instalment", "reviewer", **ref, no=2, finding="仍需救助")
    d.settle()
    assert payments(d, ref) == list(parts[:2])
    second = bc.case_id(CODE, t.grant_id(ref["matter_id"], 2))
    [again] = d.call("recheck_case", "auditor", case_id=second)
    assert (again["amount_fen"], again["same"], again["older"]) == (parts[1], True, False), "a part is made again from the whole"
    d.call("cancel_remaining", "approver", **ref, reason="已恢复工作")
    m = stands(d, ref)
    assert (m["status"], m["cancelled_fen"]) == ("paid_out", parts[2])
    with pytest.raises(Refused, match="不能办理"):
        d.call("release_instalment", "reviewer", **ref, no=3, finding="仍需救助")


def died(d: Desk, person_id: str, on: str, nth: int = 1) -> None:
    """The registry tells of a death, and everything that follows is done."""
    d.tell("registry", "after_death_opened", person_id=person_id, died_on=on, division=TOWN, round=nth, steps=["household"])
    d.settle()


def payees(d: Desk, ref: dict[str, str]) -> list[str]:
    """Whom the cases of the matter's released instalments pay, in their order."""
    ids = [bc.case_id(CODE, t.grant_id(ref["matter_id"], no)) for no in stands(d, ref)["released"]]
    return [d.services["assistance"].office.load(CASES, i).state.payee_id for i in ids]


def approved_in_three(d: Desk, **who: Any) -> dict[str, str]:
    """A matter that was approved in three instalments; the first is released."""
    ref = applied(d, **who)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    proposed(d, ref, instalments=3)
    decide(d, ref)
    return ref


def test_an_instalment_goes_to_whoever_is_paid_for_the_household_on_its_day(d: Desk, numbers: Numbers) -> None:
    """The head dies between two releases: the other adult is paid, already in the month of the death; with nobody left nothing is."""
    d.on("2025-06-02")
    house = home(d, numbers, {"born": "19600101"}, {"born": "19620101"})
    head, other = house.members
    ref = approved_in_three(d, household_id=house.household_id)
    assert payees(d, ref) == [head]
    d.on("2025-06-20")
    died(d, head, "2025-06-18")
    d.call("release_instalment", "reviewer", **ref, no=2, finding="仍需救助")
    d.settle()
    assert payees(d, ref) == [other, other], "the first was not paid yet"
    d.project()
    [row] = [m for m in d.call("list_temporary", "auditor", limit=500) if m["matter_id"] == ref["matter_id"]]
    assert row["payee_id"] == stands(d, ref)["payee_id"] == other
    d.on("2025-08-01")
    died(d, other, "2025-07-10")
    with pytest.raises(Refused, match="领款人已死亡"):
        d.call("release_instalment", "reviewer", **ref, no=3, finding="仍需救助")
    d.call("cancel_remaining", "approver", **ref, reason="领款人已死亡")
    assert (stands(d, ref)["status"], len(stands(d, ref)["released"])) == ("paid_out", 2)


def test_nothing_more_is_released_to_a_single_person_who_died(d: Desk, numbers: Numbers) -> None:
    """The release says so, and the rest is cancelled; were it that he lives after all, it is released."""
    d.on("2025-06-03")
    lived, dead = single(d, numbers, "19900101"), single(d, numbers, "19910101")
    refs = [approved_in_three(d, person_id=who) for who in (lived, dead)]
    d.on("2025-06-21")
    died(d, dead, "2025-06-19")
    d.call("release_instalment", "reviewer", **refs[0], no=2, finding="仍需救助")
    for day in ("2025-06-22", "2025-09-01"):
        d.on(day)
        with pytest.raises(Refused, match="领款人已死亡"):
            d.call("release_instalment", "reviewer", **refs[1], no=2, finding="仍需救助")
    d.settle()
    assert (payees(d, refs[0]), payees(d, refs[1])) == ([lived, lived], [dead])
    d.tell("registry", "after_death_annulled", person_id=dead, division=TOWN, round=2, steps=["household"])
    d.settle()
    d.call("release_instalment", "reviewer", **refs[1], no=2, finding="死亡登记系误登，仍需救助")
    d.settle()
    assert payees(d, refs[1]) == [dead, dead]
    died(d, dead, "2025-08-30", 3)
    with pytest.raises(Refused, match="领款人已死亡"):
        d.call("release_instalment", "reviewer", **refs[1], no=3, finding="仍需救助")
    d.call("cancel_remaining", "approver", **refs[1], reason="本人已死亡")
    assert stands(d, refs[1])["status"] == "paid_out"


def test_what_is_approved_after_the_death_of_a_single_person_is_not_released(d: Desk, numbers: Numbers) -> None:
    """He died between review and decision: it is approved, for what was drawn is covered, and the rest waits to be cancelled; of a
    household the first instalment goes to whoever is left."""
    d.on("2025-06-04")
    house = home(d, numbers, {"born": "19600101"}, {"born": "19620101"})
    alone = single(d, numbers, "19920101")
    refs = [applied(d, cause="grave_illness", **who) for who in ({"household_id": house.household_id}, {"person_id": alone})]
    for ref in refs:
        d.call("grant_first", **ref)
        d.call("complete_papers", **ref, finding="属实", loss_fen=0)
        proposed(d, ref)
    d.on("2025-06-10")
    died(d, house.members[0], "2025-06-08")
    died(d, alone, "2025-06-08")
    assert decide(d, refs[0])["status"] == "paid_out"
    assert payees(d, refs[0]) == [house.members[1]]
    m = decide(d, refs[1])
    assert (m["status"], list(m["released"])) == ("approved", [])
    assert said(page(d, refs[1])[0]) == in_list(d, refs[1]) == {"worklist": "temporary_release", "due_on": None}
    d.call("cancel_remaining", "approver", **refs[1], reason="本人已死亡")
    state: t.Temporary = d.services["assistance"].office.load(t.DECIDER, alone).state
    assert state.matters[refs[1]["matter_id"]].given_fen == m["first"]["amount_fen"]


def test_the_same_cause_is_not_helped_twice_within_the_period(d: Desk, numbers: Numbers) -> None:
    """The second matter of the cause is refused by the rules; another cause is not."""
    d.on("2023-08-07")
    house = family(d, numbers).household_id
    first = applied(d, household_id=house)
    with pytest.raises(Refused, match="在办"):
        d.call("apply_temporary", kind="emergency", cause="other", happened_on="2023-08-07", division=TOWN, household_id=house)
    d.call("complete_papers", **first, finding="属实", loss_fen=50_000)
    proposed(d, first)
    decide(d, first)
    d.on("2023-12-04")
    again = applied(d, household_id=house)
    with pytest.raises(Refused, match="同一事由"):
        d.call("grant_first", **again)
    d.call("complete_papers", **again, finding="同一事故", loss_fen=50_000)
    proposed(d, again)
    assert decide(d, again)["status"] == "refused"
    other = applied(d, household_id=house, cause="sudden_event")
    d.call("grant_first", **other)
    assert stands(d, other)["status"] == "granted_pending_papers"


def test_a_grant_counts_in_the_year_of_its_own_day_on_both_sides_of_new_year(d: Desk, numbers: Numbers) -> None:
    """First granted in December and approved in January: each year's ceiling counts its part, and a later matter has only what is left."""
    d.on("2025-12-30")
    house = family(d, numbers).household_id
    ref = applied(d, household_id=house, cause="grave_illness")
    d.call("grant_first", **ref)
    d.on("2026-01-10")
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    proposed(d, ref)
    m = decide(d, ref)
    drawn, whole = m["first"]["amount_fen"], m["approved"]["amount_fen"]
    assert 0 < drawn < whole
    state: t.Temporary = d.services["assistance"].office.load(t.DECIDER, house).state
    assert [t.given_in_year(state, year, "") for year in (2025, 2026, 2027)] == [drawn, whole - drawn, 0]
    other = applied(d, household_id=house, cause="sudden_event")
    d.call("complete_papers", **other, finding="属实", loss_fen=0)
    said = [line["amount_fen"] for line in proposed(d, other)["assessment"]["lines"] if line["label"] == "本年度已获临时救助"]
    assert said == [whole - drawn]


def test_what_was_cancelled_and_approved_again_is_given_by_the_day_of_the_second_decision() -> None:
    """The first decision's year keeps what was paid of it, the second's gets the rest; a refusal takes all away."""
    total = assessed("2023-12", 90_000)
    ref, day = (SUBJECT, MATTER), "2023-12-20"
    state = t.DECIDER.initial

    def on(day: str, who: str, c: Any) -> None:
        nonlocal state
        order = given(t.DECIDER).on(day).by(f"staff:{who}", division="330225").order
        for happened in t.DECIDER.decide[type(c)](state, c, order):
            state = t.evolve(state, happened)

    on(day, "a", t.ApplyTemporary(*ref, TOWN, PAYEE, "expenditure", "accident", given(t.DECIDER).on(day).order.today, 90_000))
    on(day, "a", t.AcceptTemporary(*ref))
    on(day, "a", t.CompletePapers(*ref, "属实", 90_000))
    on(day, "b", t.ProposeTemporary(*ref, total, 3, "cash", 1))
    on("2023-12-30", "c", t.DecideTemporary(*ref, bc.reviewed_hash(total), False, 200_000))
    on("2023-12-31", "c", t.CancelRemaining(*ref, "已恢复"))
    assert t.given_in_year(state, 2023, "") == 30_000
    on("2024-01-02", "a", t.FileTemporaryAppeal(*ref, "仍需"))
    on("2024-01-03", "d", t.AnswerTemporaryAppeal(*ref, "upheld", "有误"))
    on("2024-01-04", "b", t.ProposeTemporary(*ref, total, 1, "cash", 1))
    on("2024-01-10", "c", t.DecideTemporary(*ref, bc.reviewed_hash(total), False, 200_000))
    assert [t.given_in_year(state, year, "") for year in (2023, 2024)] == [30_000, 60_000]
    state = t.evolve(state, t.TemporaryRefused(*ref, 0, "不符合", "staff:c", given(t.DECIDER).on("2024-02-01").order.today))
    assert [t.given_in_year(state, year, "") for year in (2023, 2024)] == [0, 0]


def test_a_referral_gives_no_money_and_bars_none(d: Desk, numbers: Numbers) -> None:
    """转介服务: nothing of it counts towards the year's ceiling, and money for the same cause may follow; goods count in full."""
    d.on("2025-03-03")
    house = family(d, numbers).household_id
    ref = applied(d, household_id=house)
    d.call("complete_papers", **ref, finding="属实", loss_fen=50_000)
    proposed(d, ref, form="referral")
    m = decide(d, ref)
    assert (m["status"], m["referred"], m["granted_on"], payments(d, ref)) == ("paid_out", True, None, [])
    state: t.Temporary = d.services["assistance"].office.load(t.DECIDER, house).state
    assert (state.matters[ref["matter_id"]].given_fen, t.given_in_year(state, 2025, "")) == (0, 0)
    goods = applied(d, household_id=house)
    d.call("complete_papers", **goods, finding="属实", loss_fen=50_000)
    assert proposed(d, goods, form="goods")["assessment"]["eligible"]
    assert decide(d, goods)["status"] == "paid_out"
    state = d.services["assistance"].office.load(t.DECIDER, house).state
    assert t.given_in_year(state, 2025, "") == 50_000
    third = applied(d, household_id=house)
    d.call("complete_papers", **third, finding="属实", loss_fen=50_000)
    assert "同一事由" in proposed(d, third)["assessment"]["reason"]


def test_an_appeal_against_a_referral_may_bring_money_but_not_the_same_referral_again(d: Desk, numbers: Numbers) -> None:
    """Upheld: another referral of no more leaves the decision standing; in cash the whole is paid."""
    d.on("2025-04-01")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=50_000)
    proposed(d, ref, form="referral")
    first = decide(d, ref)
    upheld(d, ref)
    proposed(d, ref, form="referral")
    assert decide(d, ref)["approved"] == first["approved"]
    d.call("file_temporary_appeal", **ref, reason="需要资金")
    another = "staff:another-county-officer"
    d.call("answer_temporary_appeal", "approver", actor=another, **ref, outcome="upheld", reason="转介不能解决")
    proposed(d, ref, form="cash")
    m = decide(d, ref)
    assert (m["referred"], sum(payments(d, ref))) == (False, 50_000)
    assert m["granted_on"] == m["decided_on"]


def test_nobody_is_helped_twice_by_applying_alone_and_with_the_family(d: Desk, numbers: Numbers) -> None:
    """Who is counted in a household applies with it; what somebody had by himself counts when a household takes him in."""
    d.on("2023-08-07")
    house = family(d, numbers)
    what: dict[str, Any] = {"kind": "emergency", "cause": "accident", "happened_on": "2023-08-07", "division": TOWN}
    with pytest.raises(Refused, match="以其家庭申请") as counted:
        d.call("apply_temporary", **what, person_id=house.members[1])
    assert counted.value.field == "person_id"
    number = numbers.resident("19900101")
    alone = str(d.call("register_person", resident_id=number, name="来人", division=TOWN)["id"])
    own = applied(d, person_id=alone)
    joined = {"resident_id": number, "name": "来人", "relation": "成员"}
    d.call(
        "change_household", household_id=house.household_id, from_month="2023-08", reason="moved_in", evidence="户口迁移证", joined=[joined]
    )
    with pytest.raises(Refused, match="在办"):
        d.call("apply_temporary", **what, household_id=house.household_id)
    d.call("complete_papers", **own, finding="属实", loss_fen=50_000)
    proposed(d, own)
    assert decide(d, own)["status"] in ("approved", "paid_out")
    ref = applied(d, household_id=house.household_id)
    with pytest.raises(Refused, match="同一事由"):
        d.call("grant_first", **ref)


def test_the_place_of_emergency_helps_whoever_is_there_and_asks_the_home_place(d: Desk, numbers: Numbers) -> None:
    """A23: a migrant is helped at once where it happened; the review waits for the home place's answer."""
    d.on("2023-09-04")
    migrant = single(d, numbers, "19900101", town=OTHER)
    ref = applied(d, person_id=migrant, division=OTHER, hukou_division="420106")
    d.call("grant_first", at=OTHER, **ref)
    d.settle()
    office = d.services["assistance"].office
    history = office.history(t.DECIDER.stream(migrant))
    [told] = [r.event for r in history if isinstance(r.event, t.HukouPlaceNotified)]
    assert (told.hukou_division, told.division) == ("420106", OTHER)
    d.call("complete_papers", at=OTHER, **ref, finding="属实", loss_fen=0)
    with pytest.raises(Refused, match="户籍地"):
        d.call("propose_temporary", "reviewer", **ref)
    [sent] = [r for r in d.call("list_records", "auditor", programme="emergency_notice_to_hukou_place") if r["subject_id"] == migrant]
    record = d.call("get_record", "auditor", shape="handoff", record_id=sent["record_id"])
    d.call("accept_handoff", record_id=sent["record_id"], dossier_hash=record["dossier_hash"])
    d.call("finish_handoff", record_id=sent["record_id"], outcome="no_overlap", result="户籍地未救助")
    d.settle()
    proposed(d, ref)
    assert decide(d, ref)["approved"]["drawn_fen"] > 0
    with pytest.raises(Refused) as elsewhere:
        d.call("apply_temporary", at=TOWN, kind="emergency", cause="other", happened_on="2023-09-04", division=OTHER, person_id=migrant)
    assert elsewhere.value.code == "wrong_division"


def test_who_is_paid_for_a_person_is_whom_his_file_names_now(d: Desk, numbers: Numbers) -> None:
    """A guardian who was registered since is paid, not the one of the first registration."""
    d.on("2023-09-04")
    first, second = single(d, numbers, "19700101"), single(d, numbers, "19720101")
    ward = single(d, numbers, "20150101", payee_id=first)
    d.call("change_person", person_id=ward, from_month="2023-09", evidence="监护人变更判决", payee_id=second)
    ref = applied(d, person_id=ward)
    assert stands(d, ref)["payee_id"] == second


def test_the_next_matter_may_be_another_towns(d: Desk, numbers: Numbers) -> None:
    """Helped at home in August, struck by an accident in the next town in September: that town takes it in."""
    d.on("2023-08-28")
    house = family(d, numbers).household_id
    first = applied(d, household_id=house, cause="other")
    d.call("complete_papers", **first, finding="属实", loss_fen=50_000)
    proposed(d, first)
    decide(d, first)
    d.on("2023-09-04")
    there = {"kind": "emergency", "cause": "accident", "happened_on": "2023-09-04", "household_id": house, "division": OTHER}
    d.call("apply_temporary", at=OTHER, **there)
    ref = {"subject_id": house, "matter_id": list(matters(d, house))[-1]}
    with pytest.raises(Refused) as home_town:
        d.call("accept_temporary", at=TOWN, **ref)
    assert home_town.value.code == "wrong_division"
    d.call("accept_temporary", at=OTHER, **ref)
    d.call("grant_first", at=OTHER, **ref)
    assert fund_of(d, OTHER).open_draws[ref["matter_id"]].amount == stands(d, ref)["first"]["amount_fen"]
    # What is still to be done about the older matter stays its own town's, and is none of the newer one's.
    appeal = {**first, "reason": "金额过低"}
    with pytest.raises(Refused) as elsewhere:
        d.call("file_temporary_appeal", at=OTHER, **appeal)
    assert elsewhere.value.code == "wrong_division"
    assert "file_temporary_appeal" in page(d, first, at=TOWN, item=first["matter_id"])[1]
    d.call("file_temporary_appeal", at=TOWN, **appeal)
    d.call("answer_temporary_appeal", "approver", at=TOWN, actor=COUNTY_OFFICER, **first, outcome="dismissed", reason="核实无误")
    assert d.call("get_temporary", at=TOWN, subject_id=house)["matters"].keys() == {first["matter_id"], ref["matter_id"]}
    with pytest.raises(Refused) as nobodys:
        d.call("get_temporary", at="330225103", subject_id=house)
    assert nobodys.value.code == "wrong_division"


def test_a_home_place_that_has_helped_already_is_heard(d: Desk, numbers: Numbers) -> None:
    """Its answer by telephone counts like that of the hand-off: nobody is helped twice for the same cause."""
    d.on("2023-09-04")
    migrant = single(d, numbers, "19910101", town=OTHER)
    ref = applied(d, person_id=migrant, division=OTHER, hukou_division="420106")
    d.call("record_hukou_answer", at=OTHER, **ref, already_helped=True, reference="电话核查0904")
    d.call("complete_papers", at=OTHER, **ref, finding="属实", loss_fen=0)
    proposed(d, ref)
    assert decide(d, ref)["status"] == "refused"


def test_the_expenditure_kind_goes_the_whole_way_with_publicity(d: Desk, numbers: Numbers) -> None:
    """支出型: no first grant; publicised before it is decided; a fact that changes meanwhile voids the proposal."""
    d.on("2023-09-05")
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 100000}, {"born": "20150101"})
    ref = applied(d, household_id=made.household_id, kind="expenditure", cause="grave_illness", loss_fen=600_000)
    with pytest.raises(Refused, match="急难型"):
        d.call("grant_first", **ref)
    d.call("complete_papers", **ref, finding="票据属实", loss_fen=600_000)
    proposed(d, ref)
    with pytest.raises(Refused, match="公示期"):
        decide(d, ref)
    d.later(4)
    assert decide(d, ref)["status"] == "paid_out"
    assert sum(payments(d, ref)) == stands(d, ref)["approved"]["amount_fen"] > 0


# -- against a decision

COUNTY_OFFICER = "staff:county-officer"  # took no part in any matter


def upheld(d: Desk, ref: dict[str, str]) -> None:
    d.call("file_temporary_appeal", **ref, reason="认定有误")
    d.call("answer_temporary_appeal", "approver", actor=COUNTY_OFFICER, **ref, outcome="upheld", reason="原认定事实不清")
    d.settle()


def claim_of(d: Desk, ref: dict[str, str]) -> dict[str, Any]:
    d.project()
    [row] = [r for r in d.call("list_recoveries", "auditor", limit=500) if r["case_id"] == bc.case_id(CODE, ref["matter_id"])]
    return dict(row)


def parts_follow(d: Desk, ref: dict[str, str]) -> None:
    """Every instalment's assessment is made again from the whole (决定重算)."""
    for no in stands(d, ref)["released"]:
        [again] = d.call("recheck_case", "auditor", case_id=bc.case_id(CODE, t.grant_id(ref["matter_id"], no)))
        assert (again["same"], again["older"]) == (True, False)


@pytest.mark.parametrize(
    ("month", "repaid", "loss"),
    [("2024-01", 0, 0), ("2024-02", 40_000, 0), ("2024-03", 100, 100_000), ("2024-04", 250_000, 100_000), ("2024-05", 300_000, 100_000)],
)
def test_a_refusal_set_aside_on_appeal_meets_its_claim_and_pays_what_is_missing(
    d: Desk, numbers: Numbers, month: str, repaid: int, loss: int
) -> None:
    """Refused, claimed, partly repaid; upheld, decided again: the household has in the end what was approved, or the claim has the rest."""
    d.on(f"{month}-04")
    migrant = single(d, numbers, "19920101", town=OTHER)
    ref = applied(d, person_id=migrant, division=OTHER, hukou_division="420106")
    d.call("grant_first", at=OTHER, **ref)
    drawn = stands(d, ref)["first"]["amount_fen"]
    d.call("record_hukou_answer", at=OTHER, **ref, already_helped=True, reference="电话核查0304")
    d.call("complete_papers", at=OTHER, **ref, finding="属实", loss_fen=loss)
    proposed(d, ref)
    assert decide(d, ref)["status"] == "refused"
    claim = claim_of(d, ref)
    assert claim["amount_fen"] == drawn
    repaid = min(repaid, drawn)
    if repaid:
        d.call("record_repayment", "cashier", recovery_id=claim["recovery_id"], amount_fen=repaid, receipt_no="收1号")
    upheld(d, ref)
    assert (stands(d, ref)["status"], in_list(d, ref)) == ("verified", {"worklist": "temporary_review", "due_on": None})
    d.call("record_hukou_answer", at=OTHER, **ref, already_helped=False, reference="更正函1号")
    total = proposed(d, ref)["assessment"]["amount_fen"]
    assert total > 0
    with pytest.raises(Refused) as same:
        decide(d, ref, actor=COUNTY_OFFICER)
    assert same.value.code == "same_hand"
    m = decide(d, ref)
    assert m["status"] == "paid_out"
    has = drawn - repaid
    assert sum(payments(d, ref)) == max(total - has, 0)
    assert claim_of(d, ref)["left_fen"] == max(has - total, 0)
    parts_follow(d, ref)
    if loss:
        assert total < drawn
    if total > has:
        run = pay(d, CODE, month, OTHER)
        assert (run["status"], sum(o["paid_fen"] for o in run["outcomes"].values())) == ("closed", sum(payments(d, ref)))
        with pytest.raises(Refused):
            pay(d, CODE, month, OTHER)


@pytest.mark.parametrize(("month", "early", "loss"), [("2024-06", 0, 0), ("2024-07", 30_000, 0), ("2024-08", 0, 100_000)])
def test_what_comes_in_between_a_second_decision_and_its_settling_goes_back_as_a_part_of_its_own(
    d: Desk, numbers: Numbers, month: str, early: int, loss: int
) -> None:
    """Repaid at the counter after the decision was signed and before the claim was met: nobody has to give it back by hand."""
    d.on(f"{month}-04")
    migrant = single(d, numbers, "19920101", town=OTHER)
    ref = applied(d, person_id=migrant, division=OTHER, hukou_division="420106")
    d.call("grant_first", at=OTHER, **ref)
    drawn = stands(d, ref)["first"]["amount_fen"]
    d.call("record_hukou_answer", at=OTHER, **ref, already_helped=True, reference="电话核查0304")
    d.call("complete_papers", at=OTHER, **ref, finding="属实", loss_fen=loss)
    proposed(d, ref)
    decide(d, ref)
    claim = claim_of(d, ref)["recovery_id"]
    if early:
        d.call("record_repayment", "cashier", recovery_id=claim, amount_fen=early, receipt_no="收1号")
    upheld(d, ref)
    d.call("record_hukou_answer", at=OTHER, **ref, already_helped=False, reference="更正函1号")
    total = proposed(d, ref)["assessment"]["amount_fen"]
    d.call("decide_temporary", "approver", **ref, reviewed=stands(d, ref)["proposal"]["reviewed"])
    late = drawn - early if loss else 20_000  # of the second kind all of it comes in, and only what is due goes back
    d.call("record_repayment", "cashier", recovery_id=claim, amount_fen=late, receipt_no="收2号")
    d.settle()
    m = stands(d, ref)
    has = drawn - early - late
    assert (m["status"], sum(payments(d, ref))) == ("paid_out", total - has)
    assert payments(d, ref)[-1] == (total if loss else late)
    assert claim_of(d, ref)["left_fen"] == 0
    parts_follow(d, ref)
    d.settle()
    assert stands(d, ref) == m


def test_approved_too_little_appealed_and_the_difference_is_paid_once(d: Desk, numbers: Numbers) -> None:
    """Late, dismissed, by a hand that took part; then upheld: what was cancelled and what is more go out in one part."""
    d.on("2024-04-01")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=80_000)
    with pytest.raises(Refused, match="不能办理"):
        d.call("file_temporary_appeal", **ref, reason="过早")
    first = proposed(d, ref, instalments=2)["assessment"]["amount_fen"]
    decide(d, ref)
    paid = payments(d, ref)
    d.on("2024-04-08")
    d.call("file_temporary_appeal", **ref, reason="金额过低")
    with pytest.raises(Refused) as twice:
        d.call("file_temporary_appeal", **ref, reason="金额过低")
    assert twice.value.code == "already_exists"
    answer = {**ref, "outcome": "dismissed", "reason": "核实无误"}
    for actor in ("staff:clerk", "staff:reviewer", "staff:approver"):
        with pytest.raises(Refused) as same:
            d.call("answer_temporary_appeal", "approver", actor=actor, **answer)
        assert same.value.code == "same_hand"
    assert said(page(d, ref, "approver")[0]) == in_list(d, ref)
    assert in_list(d, ref)["worklist"] == "objection"
    assert main_act("objection", page(d, ref, "approver")[1]) == "answer_temporary_appeal"
    d.call("answer_temporary_appeal", "approver", actor=COUNTY_OFFICER, **answer)
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "temporary_release", "due_on": None}
    d.call("file_temporary_appeal", **ref, reason="再次申请")
    d.call("withdraw_temporary_appeal", **ref)
    d.call("file_temporary_appeal", **ref, reason="再次申请")
    due = stands(d, ref)["appeal"]["due_on"]
    d.on(due.isoformat())
    d.settle()
    assert not stands(d, ref)["overdue"]
    d.later(1)
    d.settle()
    assert list(stands(d, ref)["overdue"]) == ["appeal"]
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "objection_escalated", "due_on": due.isoformat()}
    d.call("cancel_remaining", "approver", **ref, reason="已恢复工作")
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "objection_escalated", "due_on": due.isoformat()}
    d.call("answer_temporary_appeal", "approver", actor="staff:other-officer", **{**answer, "outcome": "upheld"})
    d.call("complete_papers", **ref, finding="原核实有遗漏", loss_fen=200_000)
    total = proposed(d, ref, instalments=3)["assessment"]["amount_fen"]
    assert total > first
    m = decide(d, ref)
    assert (m["status"], m["cancelled_fen"], list(m["released"])) == ("paid_out", 0, [1, 2])
    assert payments(d, ref) == [*paid, total - sum(paid)]
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "", "due_on": None}
    parts_follow(d, ref)
    d.later(61)
    with pytest.raises(Refused, match="期限"):
        d.call("file_temporary_appeal", **ref, reason="太晚")
    assert "file_temporary_appeal" not in page(d, ref)[1]


def test_a_second_decision_is_never_worse_than_the_first(d: Desk, numbers: Numbers) -> None:
    """Upheld, and the rules give no more: the first decision stands, with what was still to be released."""
    d.on("2024-05-06")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=80_000)
    proposed(d, ref, instalments=2)
    before = decide(d, ref)
    upheld(d, ref)
    with pytest.raises(Refused, match="不能办理"):
        d.call("release_instalment", "reviewer", **ref, no=2, finding="仍需救助")
    with pytest.raises(Refused, match="在办"):
        d.call("apply_temporary", kind="emergency", cause="other", happened_on="2024-05-06", division=TOWN, household_id=ref["subject_id"])
    d.call("complete_papers", **ref, finding="损失更小", loss_fen=50_000)
    proposed(d, ref)
    after = decide(d, ref)
    for what in ("status", "proposal", "approved", "released", "cancelled_fen", "earlier"):
        assert after[what] == before[what]
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "temporary_release", "due_on": None}
    d.call("release_instalment", "reviewer", **ref, no=2, finding="仍需救助")
    d.settle()
    assert sum(payments(d, ref)) == before["approved"]["amount_fen"]
    parts_follow(d, ref)


def test_an_emergency_that_was_found_untrue_is_refused_and_what_was_drawn_is_claimed(d: Desk, numbers: Numbers) -> None:
    """不属实: the rules refuse it, also above the ceiling; the refusal says what was found, the draw is settled and claimed back once."""
    d.on("2024-07-01")
    house = family(d, numbers).household_id
    ref = applied(d, household_id=house)
    d.call("grant_first", **ref)
    first = stands(d, ref)["first"]["amount_fen"]
    with pytest.raises(Refused) as both:
        d.call("complete_papers", **ref, finding="事故并未发生", loss_fen=1, untrue=True)
    assert both.value.field == "loss_fen"
    d.call("complete_papers", **ref, finding="事故并未发生", loss_fen=0, untrue=True)
    held = {"minutes_no": "纪要9号", "raised_fen": 900_000, "reason": "特别困难"}
    d.call("record_deliberation", "reviewer", **ref, participants=["staff:a", "staff:b", "staff:c"], **held)
    assessment = proposed(d, ref)["assessment"]
    assert (assessment["eligible"], assessment["amount_fen"], assessment["reason"]) == (False, 0, "经核实，所称情况不属实")
    assert decide(d, ref)["status"] == "refused"
    told = [r.event for r in d.services["assistance"].office.history(t.DECIDER.stream(house)) if isinstance(r.event, t.TemporaryRefused)]
    assert [e.reason for e in told] == ["经核实，所称情况不属实：事故并未发生"]
    claim = claim_of(d, ref)
    assert claim["left_fen"] == claim["amount_fen"] == first
    assert ref["matter_id"] not in fund_of(d).open_draws
    upheld(d, ref)
    d.call("complete_papers", **ref, finding="事故属实，原核实有误", loss_fen=0)
    assert proposed(d, ref)["assessment"]["eligible"]
    assert decide(d, ref)["status"] == "paid_out"
    assert claim_of(d, ref)["left_fen"] == 0


def test_an_application_is_withdrawn_before_it_is_decided_and_not_after(d: Desk, numbers: Numbers) -> None:
    """撤回申请: from every step before the decision the matter is over and in no list; the same cause may be applied for again."""
    d.on("2024-07-02")
    house = family(d, numbers).household_id
    papers = ("complete_papers", "clerk", {"finding": "属实", "loss_fen": 50_000})
    for steps in ((), (papers,), (papers, ("propose_temporary", "reviewer", {}))):
        ref = applied(d, household_id=house)
        for act, role, typed in steps:
            d.call(act, role, **ref, **typed)
        with pytest.raises(Refused) as unsaid:
            d.call("withdraw_temporary", **ref, reason=" ")
        assert unsaid.value.field == "reason"
        assert page(d, ref)[1]["withdraw_temporary"]["refused"] == ""
        d.call("withdraw_temporary", **ref, reason="已有亲友帮助")
        d.settle()
        assert stands(d, ref)["status"] == "withdrawn"
        assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "", "due_on": None}
        assert not page(d, ref)[1].keys() & {"withdraw_temporary", "file_temporary_appeal"}
        with pytest.raises(Refused, match="不能办理"):
            d.call("file_temporary_appeal", **ref, reason="不服")
    ref = applied(d, household_id=house)
    d.call("complete_papers", **ref, finding="属实", loss_fen=50_000)
    proposed(d, ref)
    assert decide(d, ref)["status"] == "paid_out"
    with pytest.raises(Refused, match="不能办理"):
        d.call("withdraw_temporary", **ref, reason="不再需要")
    upheld(d, ref)
    with pytest.raises(Refused, match="经复核"):
        d.call("withdraw_temporary", **ref, reason="不再需要")


def test_what_a_first_grant_drew_is_claimed_back_when_the_application_is_withdrawn(d: Desk, numbers: Numbers) -> None:
    """The draw is settled, the whole is a claim once; nobody is late with papers that will not come, and nothing of it was given."""
    d.on("2024-07-03")
    house = family(d, numbers).household_id
    ref = applied(d, household_id=house)
    d.call("grant_first", **ref)
    first = stands(d, ref)["first"]["amount_fen"]
    d.call("withdraw_temporary", **ref, reason="不愿接受核实")
    d.settle()
    claim = claim_of(d, ref)
    assert claim["left_fen"] == claim["amount_fen"] == first
    assert ref["matter_id"] not in fund_of(d).open_draws
    d.later(30)
    d.settle()
    m = stands(d, ref)
    assert (m["status"], list(m["overdue"])) == ("withdrawn", [])
    assert claim_of(d, ref)["amount_fen"] == first
    state: t.Temporary = d.services["assistance"].office.load(t.DECIDER, house).state
    assert t.given_in_year(state, 2024, "") == 0


def test_a_refusal_of_acceptance_has_its_reason_and_its_appeal(d: Desk, numbers: Numbers) -> None:
    """不予受理: appealed against it begins again, must be accepted, and is decided and paid as if it had been at once."""
    d.on("2024-08-01")
    house = family(d, numbers).household_id
    what: dict[str, Any] = {"kind": "emergency", "cause": "accident", "happened_on": "2024-08-01", "division": TOWN}
    d.call("apply_temporary", **what, household_id=house)
    ref = {"subject_id": house, "matter_id": list(matters(d, house))[-1]}
    with pytest.raises(Refused) as unsaid:
        d.call("refuse_temporary_acceptance", **ref, reason="")
    assert unsaid.value.field == "reason"
    d.call("refuse_temporary_acceptance", **ref, reason="不属于临时救助范围")
    d.settle()
    assert stands(d, ref)["status"] == "not_accepted"
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "temporary_refusal_notice", "due_on": "2024-08-06"}
    with pytest.raises(Refused, match="不能办理"):
        d.call("accept_temporary", **ref)
    d.call("file_temporary_appeal", **ref, reason="确有急难")
    assert in_list(d, ref)["worklist"] == "objection"
    with pytest.raises(Refused, match="在办"):
        d.call("apply_temporary", **what, household_id=house)
    d.call("answer_temporary_appeal", "approver", actor=COUNTY_OFFICER, **ref, outcome="upheld", reason="属于急难型")
    d.settle()
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "temporary_accept", "due_on": None}
    with pytest.raises(Refused, match="应予受理"):
        d.call("refuse_temporary_acceptance", **ref, reason="仍不受理")
    d.call("accept_temporary", **ref)
    d.call("grant_first", **ref)
    d.call("complete_papers", **ref, finding="损失较小", loss_fen=100_000)
    drawn, total = stands(d, ref)["first"]["amount_fen"], proposed(d, ref)["assessment"]["amount_fen"]
    with pytest.raises(Refused) as same:
        decide(d, ref, actor=COUNTY_OFFICER)
    assert same.value.code == "same_hand"
    assert (decide(d, ref)["status"], payments(d, ref)) == ("paid_out", [])
    assert claim_of(d, ref)["amount_fen"] == drawn - total > 0


def test_a_refusal_of_acceptance_may_stand_and_another_application_come_after_it(d: Desk, numbers: Numbers) -> None:
    """The cause is not barred by it; while that other one is under way the refusal is not appealed against."""
    d.on("2024-08-05")
    house = family(d, numbers).household_id
    d.call("apply_temporary", kind="emergency", cause="accident", happened_on="2024-08-05", division=TOWN, household_id=house)
    ref = {"subject_id": house, "matter_id": list(matters(d, house))[-1]}
    d.call("refuse_temporary_acceptance", **ref, reason="材料指向他人")
    again = applied(d, household_id=house)
    with pytest.raises(Refused, match="在办"):
        d.call("file_temporary_appeal", **ref, reason="不服")
    d.call("grant_first", **again)
    assert stands(d, again)["status"] == "granted_pending_papers"


def test_a_refusal_that_is_refused_again_claims_nothing_more(d: Desk, numbers: Numbers) -> None:
    """The claim of the first refusal is the only one; a refusal of an older release cannot be appealed against."""
    d.on("2024-06-03")
    migrant = single(d, numbers, "19930101", town=OTHER)
    ref = applied(d, person_id=migrant, division=OTHER, hukou_division="420106")
    d.call("grant_first", at=OTHER, **ref)
    d.call("record_hukou_answer", at=OTHER, **ref, already_helped=True, reference="电话核查0603")
    d.call("complete_papers", at=OTHER, **ref, finding="属实", loss_fen=0)
    proposed(d, ref)
    decide(d, ref)
    upheld(d, ref)
    proposed(d, ref)
    assert decide(d, ref)["status"] == "refused"
    claim = claim_of(d, ref)
    assert claim["left_fen"] == claim["amount_fen"] == stands(d, ref)["first"]["amount_fen"]
    at = given(t.DECIDER).on("2024-06-03").order.now
    made = t.TemporaryApplied(SUBJECT, MATTER, TOWN, PAYEE, "emergency", "accident", at.date(), 0, "", False, "staff:a")
    state = t.DECIDER.fold([made, t.TemporaryRefused(SUBJECT, MATTER, 0, "不符合", "staff:c")])
    with pytest.raises(Refused, match="期限"):
        t.file_appeal(state, t.FileTemporaryAppeal(SUBJECT, MATTER, "不服"), given(t.DECIDER).on("2024-06-03").order)


# -- the decider by itself

SUBJECT, PAYEE, MATTER = "a1" * 16, "b2" * 16, "matter-1"


@settings(max_examples=80, deadline=None)
@drawn(st.lists(st.integers(0, 14), max_size=24), st.integers(1, 12), st.integers(0, 900_000), st.integers(0, 900_000))
def test_no_sequence_pays_more_than_was_approved(steps: list[int], instalments: int, first_fen: int, total_fen: int) -> None:
    """Whatever is tried in whatever order: released and drawn together never exceed the approved amount, or a claim covers the rest;
    a decision that is appealed against and made again takes nothing away, and pays only what is missing."""
    total = assessed("2023-07", total_fen)
    more = assessed("2023-07", total_fen + 100_000)
    ref = (SUBJECT, MATTER)
    tries: list[tuple[Any, str]] = [
        (t.ApplyTemporary(SUBJECT, MATTER, TOWN, PAYEE, "emergency", "accident", given(t.DECIDER).on("2023-07-03").order.today), "a"),
        (t.AcceptTemporary(*ref), "a"),
        (t.GrantFirst(*ref, "fund", first_fen, assessed("2023-07", max(first_fen, 1))), "a"),
        (t.CompletePapers(*ref, "属实", 0), "a"),
        (t.ProposeTemporary(*ref, total, instalments, "cash", 0), "b"),
        (t.DecideTemporary(*ref, bc.reviewed_hash(total), False, 200_000), "c"),
        (t.CancelRemaining(*ref, "已恢复"), "c"),
        (t.NoteTemporaryOverdue(*ref, "papers"), "a"),
        (t.FileTemporaryAppeal(*ref, "金额过低"), "a"),
        (t.AnswerTemporaryAppeal(*ref, "upheld", "有误"), "d"),
        (t.WithdrawTemporaryAppeal(*ref), "a"),
        (t.ProposeTemporary(*ref, more, instalments, "cash", 0), "b"),
        (t.DecideTemporary(*ref, bc.reviewed_hash(more), False, 200_000), "c"),
        (t.WithdrawTemporary(*ref, "不再需要"), "a"),
    ]
    best = 0
    state = t.DECIDER.initial
    for step in [0, 1, *steps, 2, 3, 4, 5, *steps, 10, 4, 5, *[14] * instalments]:
        m = state.matters.get(MATTER)
        release = t.ReleaseInstalment(*ref, len(m.released) + 1 if m else 1, "仍需")
        c, hand = tries[step] if step < len(tries) else (release, "b")
        order = given(t.DECIDER).on("2023-07-03").by(f"staff:{hand}", division="330225").order
        try:
            for happened in t.DECIDER.decide[type(c)](state, c, order):
                state = t.evolve(state, happened)
        except Refused:
            continue
        now = state.matters[MATTER]
        if now.approved:
            assert now.approved.amount_fen >= best
            best = now.approved.amount_fen
            assert now.paid_fen <= max(best - now.drawn_fen, 0)
    m = state.matters[MATTER]
    assert m.status in ("granted_pending_papers", "verified", "proposed", "approved", "paid_out", "refused", "withdrawn")
    assert not (m.status == "withdrawn" and (m.approved or m.released or m.given_fen))
    if m.approved:
        paid = sum(m.approved.instalments[: len(m.released)])
        left = m.cancelled_fen + sum(m.approved.instalments[len(m.released) :]) * (m.cancelled_fen == 0)
        assert paid + left == max(m.approved.amount_fen - m.drawn_fen, 0)
        assert m.given_fen >= 0


def test_a_part_after_an_appeal_that_does_not_add_up_is_none_of_the_whole() -> None:
    """What the household has and what is paid make the whole to the fen: another sum is not taken for an instalment (决定重算)."""
    whole = assessed("2023-07", 80_000)

    def part(drawn: int, paid: int, fen: int) -> Any:
        less = [t.Line(label, -gone, t.STAGED) for label, gone in ((t.DRAWN, drawn), (t.PAID, paid)) if gone]
        return replace(whole, amount_fen=fen, lines=(*whole.lines, *less, t.Line(t.AGAIN, fen, t.STAGED)))

    assert t.is_part_of(part(30_000, 20_000, 30_000), whole)
    assert t.is_part_of(part(0, 20_000, 60_000), whole)
    wrong = ((30_000, 20_000, 40_000), (30_000, -20_000, 70_000), (80_000, 0, 0), (0, 0, 80_000), (50_000, 40_000, -10_000))
    for numbers in wrong:
        assert not t.is_part_of(part(*numbers), whole)


def test_the_24_hours_run_from_acceptance_to_the_minute() -> None:
    """Granted in the 24th hour it is in time, a minute later it is not."""
    at = given(t.DECIDER).on("2023-07-03T09:30:00").order.now
    made = t.TemporaryApplied(SUBJECT, MATTER, TOWN, PAYEE, "emergency", "accident", at.date(), 0, "", False, "staff:a")
    taken = t.TemporaryAccepted(MATTER, at, at + timedelta(hours=24), "staff:a")
    for now, in_time in (("2023-07-04T09:30:00", True), ("2023-07-04T09:31:00", False)):
        order = given(t.DECIDER, made, taken).on(now).order
        state = t.DECIDER.fold([made, taken])
        [granted] = t.grant_first(state, t.GrantFirst(SUBJECT, MATTER, "fund", 100, assessed("2023-07", 100)), order)
        assert granted.in_time is in_time


def page(d: Desk, ref: dict[str, str], role: str = "clerk", **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page of a matter is told: where it stands, and what is offered to a hand, by act."""
    answer = d.call("get_acts", role, category="temporary", key=ref["subject_id"], **more)
    return answer["stands"], {row["act"]: row for row in answer["acts"]}


def in_list(d: Desk, ref: dict[str, str]) -> dict[str, Any]:
    """The list in which the matter's row stands, and its day."""
    d.project()
    [row] = [m for m in d.call("list_temporary", "auditor", limit=500) if m["matter_id"] == ref["matter_id"]] or [{}]
    return {"worklist": row.get("worklist", ""), "due_on": row.get("due_on")}


def said(stands: dict[str, Any]) -> dict[str, Any]:
    return {"worklist": stands["worklist"], "due_on": stands["due_on"] and str(stands["due_on"])}


def test_the_page_of_a_matter_says_what_its_row_says_and_offers_what_is_next(d: Desk, numbers: Numbers) -> None:
    """Emergency, from the application to the last instalment: list, day and acts; of a matter that is not there nothing is offered."""
    d.on("2023-10-09")
    house = family(d, numbers).household_id
    told = {"kind": "emergency", "cause": "accident", "happened_on": "2023-10-09", "division": TOWN}
    d.call("apply_temporary", **told, household_id=house)
    ref = {"subject_id": house, "matter_id": list(matters(d, house))[-1]}
    way = (
        ("temporary_accept", None, "accept_temporary", "clerk", {}),
        ("temporary_first_grant", "2023-10-10", "grant_first", "clerk", {}),
        ("temporary_papers", "2023-10-23", "complete_papers", "clerk", {"finding": "属实", "loss_fen": 0}),
        ("temporary_review", None, "propose_temporary", "reviewer", {"instalments": 2}),
        ("temporary_decide", None, "decide_temporary", "approver", {}),
        ("temporary_release", None, "release_instalment", "reviewer", {"finding": "仍需救助"}),
    )
    acts = {act for _, _, act, _, _ in way}
    for worklist, due_on, act, role, typed in way:
        stood, offered = page(d, ref, role)
        assert said(stood) == in_list(d, ref) == {"worklist": worklist, "due_on": due_on}
        beside = {"complete_papers"} if act == "grant_first" else set()  # 核实 may come before any help
        assert offered.keys() & acts == {act} | beside
        assert (offered[act]["permitted"], offered[act]["refused"]) == (True, "")
        assert (page(d, ref, role, item=ref["matter_id"]), page(d, ref, role, item="x")[1]) == ((stood, offered), {})
        d.call(act, role, **{**ref, **offered[act]["given"], **typed})
        d.settle()
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "", "due_on": None}
    assert not page(d, ref)[1].keys() & acts


def test_the_publicity_of_a_proposed_matter_is_said_at_its_decision(d: Desk, numbers: Numbers) -> None:
    """支出型: until the publicity is over the decision waits for its day, and the page says so."""
    d.on("2023-10-10")
    ref = applied(d, household_id=family(d, numbers).household_id, kind="expenditure", cause="grave_illness", loss_fen=6_000_000)
    assert said(page(d, ref)[0]) == in_list(d, ref) == {"worklist": "temporary_verify", "due_on": None}
    assert "grant_first" not in page(d, ref)[1]
    d.call("complete_papers", **ref, finding="属实", loss_fen=6_000_000)
    proposed(d, ref)
    assert page(d, ref, "approver")[1]["decide_temporary"]["refused"] == "not_yet_due"
    d.on("2023-10-23")
    assert page(d, ref, "approver")[1]["decide_temporary"]["refused"] == ""


def test_the_page_of_a_claim_says_what_its_row_says_whatever_the_address_says(d: Desk, numbers: Numbers) -> None:
    """Untold, told, by instalments, late: list and day as in the row; a matter named beside a claim is none of its form."""
    d.on("2023-08-01")
    ref = applied(d, household_id=family(d, numbers).household_id)
    d.call("grant_first", **ref)
    d.call("complete_papers", **ref, finding="损失较小", loss_fen=100_000)
    proposed(d, ref)
    decide(d, ref)
    case = bc.case_id(CODE, ref["matter_id"])

    def claim() -> dict[str, Any]:
        [row] = [r for r in d.call("list_recoveries", "auditor", limit=500) if r["case_id"] == case]
        return dict(row)

    key = claim()["recovery_id"]
    left = claim()["left_fen"]
    plan = [{"due_on": "2023-10-31", "amount_fen": 1}, {"due_on": "2023-11-30", "amount_fen": left - 1}]
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("", {}),
        ("record_recovery_notice", {"notice_no": "追1号", "told_on": "2023-08-01", "due_on": "2023-09-30"}),
        ("agree_instalments", {"instalments": plan}),
        ("propose_waiver", {"reason": "家庭困难"}),
    )
    seen = []
    for act, typed in steps:
        if act:
            d.call(act, "reviewer", recovery_id=key, **typed)
        d.project()
        answer = d.call("get_acts", "reviewer", category="recovery", key=key, item="x")
        row = claim()
        assert said(answer["stands"]) == {"worklist": row["worklist"], "due_on": row["due_on"]}
        assert all("x" not in offered["given"].values() for offered in answer["acts"])
        seen.append((row["worklist"], row["due_on"]))
    waits = ["recovery_notify", "recovery_await", "recovery_await", "recovery_waiver"]
    assert seen == list(zip(waits, ("2023-08-15", "2023-09-30", "2023-10-31", "2023-10-31"), strict=True))
