"""The life of a recovery claim: opened with its exact amount, repaid in parts, settled; or waived by two hands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from shared.casework import recovery as r
from shared.casework.benefit_case import MonthDifference
from shared.domain.errors import Refused
from shared.eventlog.payment_rows import claim_waits
from shared.eventsourcing.testing import Given, given

D = r.decider("assistance")
MONTHS = (MonthDifference("2023-08", 100000, 70000), MonthDifference("2023-09", 100000, 0))
OPEN = r.OpenRecovery("rec", "case", "minimum_living_allowance", "b2" * 16, "330225101", MONTHS, 130000, "收入变化")
TODAY = date(2023, 7, 3)
OPENED = r.RecoveryOpened(
    "rec", "case", "minimum_living_allowance", "b2" * 16, "330225101", MONTHS, 130000, "收入变化", TODAY, 3, 10, date(2023, 7, 17)
)
PROPOSED = r.RecoveryWaiverProposed("家庭困难", "staff:a")
LIFE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "open": (OPENED,),
    "waiver_proposed": (OPENED, PROPOSED),
    "settled": (OPENED, r.RecoveryRepaid(130000, "1"), r.RecoverySettled(130000)),
    "waived": (OPENED, PROPOSED, r.RecoveryWaived(130000)),
    "barred": (OPENED, r.RecoveryBarred("rec", "330225101", 130000, date(2026, 7, 3))),
}
PROPOSE, APPROVE = r.ProposeWaiver("rec", "家庭困难"), r.ApproveWaiver("rec")


def at(status: str) -> Given[r.Recovery]:
    found = given(D, *LIFE[status])
    assert found.state.status == status
    return found


def repay(fen: int, receipt: str = "收据1") -> r.RecordRepayment:
    return r.RecordRepayment("rec", fen, receipt)


def test_a_claim_opens_with_the_amount_of_its_months() -> None:
    """Month by month, to the fen."""
    given(D).when(OPEN).then(OPENED)


def test_a_claim_whose_months_do_not_add_up_is_refused() -> None:
    """The amount is never typed."""
    wrong = r.OpenRecovery("rec", "case", "p", "b2" * 16, "330225101", MONTHS, 130001, "x")
    given(D).when(wrong).then_refused("invalid_input", "amount_fen")


@pytest.mark.parametrize("status", ["open", "waiver_proposed", "settled", "waived", "barred"])
def test_a_claim_is_opened_once(status: str) -> None:
    """The same overpayment told again changes nothing."""
    at(status).when(OPEN).then_nothing()


def test_a_claim_is_repaid_in_parts_and_settled_with_the_last() -> None:
    """Every part counts, each receipt once; the last fen settles it."""
    claim = at("open").when(repay(100000)).then(r.RecoveryRepaid(100000, "收据1", TODAY))
    assert claim.state.left_fen == 30000
    claim.when(repay(30000)).then_refused("invalid_input", "receipt_no")
    claim.when(repay(30000, " ")).then_refused("invalid_input", "receipt_no")
    claim.when(repay(30000, "收据2")).then(r.RecoveryRepaid(30000, "收据2", TODAY), r.RecoverySettled(130000))


@pytest.mark.parametrize("fen", [0, -1, 130001, 10**12])
def test_no_more_is_repaid_than_is_owed_and_no_less_than_a_fen(fen: int) -> None:
    """A slip of the keyboard is no repayment."""
    at("open").when(repay(fen)).then_refused("invalid_input", "amount_fen")


@pytest.mark.parametrize("status", ["none", "settled", "waived", "barred"])
def test_nothing_is_repaid_on_a_claim_that_is_not_open(status: str) -> None:
    """Neither before nor after."""
    at(status).when(repay(1)).then_refused("out_of_order")


def test_money_that_comes_in_while_a_waiver_is_proposed_is_taken() -> None:
    """The waiver is then of what is left."""
    claim = at("waiver_proposed").when(repay(30000)).accepted()
    claim.by("staff:b").when(APPROVE).then(r.RecoveryWaived(100000))


def test_a_waiver_takes_two_hands() -> None:
    """Proposed by one, approved by another."""
    claim = at("open").by("staff:a").when(PROPOSE).then(PROPOSED)
    claim.when(APPROVE).then_refused("same_hand")
    claim.by("staff:b").when(APPROVE).then(r.RecoveryWaived(130000))


def test_a_waiver_needs_a_reason() -> None:
    """Nobody is let off without one."""
    at("open").when(r.ProposeWaiver("rec", " ")).then_refused("invalid_input", "reason")


@pytest.mark.parametrize("status", ["none", "waiver_proposed", "settled", "waived", "barred"])
def test_a_waiver_is_proposed_for_an_open_claim_only(status: str) -> None:
    """Once."""
    at(status).when(PROPOSE).then_refused("out_of_order")


@pytest.mark.parametrize("status", ["none", "open", "settled", "waived", "barred"])
def test_only_a_proposed_waiver_is_approved_or_rejected(status: str) -> None:
    """There is nothing to approve."""
    at(status).by("staff:b").when(APPROVE).then_refused("out_of_order")
    at(status).by("staff:b").when(r.RejectWaiver("rec", "有能力归还")).then_refused("out_of_order")


def test_a_waiver_that_is_rejected_leaves_the_claim_open() -> None:
    """With a reason; and it can be proposed again."""
    at("waiver_proposed").when(r.RejectWaiver("rec", " ")).then_refused("invalid_input", "reason")
    back = at("waiver_proposed").by("staff:b").when(r.RejectWaiver("rec", "有能力归还"))
    again = back.then(r.RecoveryWaiverRejected("有能力归还", "staff:b"))
    assert (again.state.status, again.state.left_fen) == ("open", 130000)
    again.when(PROPOSE).accepted()


# -- notice, instalments, limitation

NOTICE = r.RecordRecoveryNotice("rec", "象民追〔2023〕1号", date(2023, 7, 3), date(2023, 8, 2))
NOTIFIED = r.RecoveryNotified("象民追〔2023〕1号", date(2023, 7, 3), date(2023, 8, 2), "staff:test")
PLAN = (r.Instalment(date(2023, 8, 31), 50000), r.Instalment(date(2023, 9, 30), 80000))
AGREED = r.RecoveryInstalmentsAgreed(PLAN, TODAY, "staff:test")


def test_a_notice_names_its_due_day_and_begins_the_limitation_anew() -> None:
    """追回通知书: three years from the day it was served."""
    told = at("open").on("2024-01-10").when(replace(NOTICE, told_on=date(2024, 1, 8), due_on=date(2024, 2, 8))).accepted()
    assert told.state.limitation_on == date(2027, 1, 8)
    assert told.state.next_due == date(2024, 2, 8)
    at("open").when(NOTICE).then(NOTIFIED)


@pytest.mark.parametrize(
    ("field_name", "value"),
    [("notice_no", " "), ("told_on", date(2023, 7, 4)), ("due_on", date(2023, 7, 2))],
    ids=["no number", "served tomorrow", "due before it was served"],
)
def test_a_wrong_notice_is_refused(field_name: str, value: Any) -> None:
    """Typed errors name the field."""
    at("open").when(replace(NOTICE, **{field_name: value})).then_refused("invalid_input", field_name)


def test_instalments_add_up_to_what_is_left() -> None:
    """In order, all to come, to the fen; a new plan replaces the old one."""
    claim = at("open").when(r.AgreeInstalments("rec", PLAN)).then(AGREED)
    for wrong in ((), PLAN[:1], PLAN[::-1], (r.Instalment(TODAY, 130000),), (r.Instalment(date(2023, 9, 1), 0), PLAN[0], PLAN[1])):
        claim.when(r.AgreeInstalments("rec", wrong)).then_refused("invalid_input", "instalments")
    part = claim.when(repay(30000)).accepted()
    rest = (r.Instalment(date(2023, 10, 31), 100000),)
    assert part.when(r.AgreeInstalments("rec", rest)).accepted().state.next_due == date(2023, 10, 31)


def test_repayments_meet_the_instalments_in_their_order() -> None:
    """What is in by the day is not overdue; what is missing is told once."""
    claim = given(D, OPENED, AGREED).when(repay(40000)).accepted()
    assert claim.state.missing_on(date(2023, 8, 31)) == 10000
    note = r.NoteInstalmentOverdue("rec", date(2023, 8, 31))
    claim.on("2023-08-31").when(note).then_nothing()
    late = claim.on("2023-09-01").when(note).then(r.RecoveryInstalmentOverdue("rec", "330225101", date(2023, 8, 31), 10000))
    late.when(note).then_nothing()
    assert late.state.next_due == date(2023, 9, 30)
    paid = claim.when(repay(10000, "收据2")).accepted()
    paid.on("2023-09-01").when(note).then_nothing()
    assert paid.state.next_due == date(2023, 9, 30)


def test_a_notice_that_is_not_served_by_its_day_is_told_late_once() -> None:
    """Ten working days from the claim; the claim goes on waiting for its notice with the day that passed, until it is served."""
    note = r.NoteRecoveryNoticeOverdue("rec")
    waiting = at("open")
    assert (claim_waits(waiting.state), waiting.state.unserved_by) == (("recovery_notify", "serve_notice"), date(2023, 7, 17))
    waiting.on("2023-07-17").when(note).then_nothing()
    late = waiting.on("2023-07-18").when(note).then(r.RecoveryNoticeOverdue("rec", "330225101", date(2023, 7, 17)))
    late.when(note).then_nothing()
    assert (claim_waits(late.state)[0], late.state.unserved_by) == ("recovery_notify", date(2023, 7, 17))
    assert late.when(NOTICE).accepted().state.unserved_by is None
    for told in (NOTICE, r.AgreeInstalments("rec", PLAN)):
        waiting.when(told).accepted().on("2023-07-18").when(note).then_nothing()
    for over in ("settled", "waived", "barred", "none"):
        at(over).on("2024-01-01").when(note).then_nothing()


def test_a_claim_of_before_there_was_a_day_for_its_notice_has_none() -> None:
    """What was not set then is not told late now."""
    old = given(D, replace(OPENED, notify_days=0, notify_by=None))
    assert (claim_waits(old.state), old.state.unserved_by) == (("recovery_notify", ""), None)
    old.on("2023-12-01").when(r.NoteRecoveryNoticeOverdue("rec")).then_nothing()


def test_a_settled_claim_that_is_open_again_has_a_new_day_for_its_notice() -> None:
    """A set-off that settled it before anybody was told in writing is released: its notice is due by the days from then."""
    consent = at("open").when(r.AgreeSetOff("rec", 130000, "A1")).accepted()
    settled = consent.when(r.RecordSetOff("rec", 130000, "w1")).accepted()
    again = settled.on("2023-10-09").when(r.ReleaseSetOff("rec", "w1")).accepted()
    assert again.state.unserved_by == date(2023, 10, 23)
    again.on("2023-10-23").when(r.NoteRecoveryNoticeOverdue("rec")).then_nothing()
    again.on("2023-10-24").when(r.NoteRecoveryNoticeOverdue("rec")).accepted()
    told = consent.when(NOTICE).accepted().when(r.RecordSetOff("rec", 130000, "w1")).accepted()
    assert told.when(r.ReleaseSetOff("rec", "w1")).accepted().state.unserved_by is None


def test_a_claim_is_barred_after_its_limitation_unless_something_interrupted_it() -> None:
    """民法典 第一百八十八条、第一百九十五条: three years; a notice, a plan or a repayment begins them anew."""
    bar = r.BarRecovery("rec")
    at("open").on("2026-07-03").when(bar).then_nothing()
    at("open").on("2026-07-04").when(bar).then(r.RecoveryBarred("rec", "330225101", 130000, date(2026, 7, 3)))
    told = at("open").on("2024-01-10").when(replace(NOTICE, told_on=date(2024, 1, 8), due_on=date(2024, 2, 8))).accepted()
    told.on("2026-07-04").when(bar).then_nothing()
    told.on("2027-01-09").when(bar).accepted()
    part = at("open").on("2025-01-01").when(repay(1)).accepted()
    part.on("2026-07-04").when(bar).then_nothing()
    for over in ("settled", "waived", "barred", "none"):
        at(over).on("2030-01-01").when(bar).then_nothing()


def test_a_plan_is_not_barred_before_its_last_instalment() -> None:
    """民法典 第一百八十九条: the period runs from the day the last instalment is due."""
    plan = (r.Instalment(date(2026, 12, 31), 60000), r.Instalment(date(2027, 12, 31), 70000))
    agreed = at("open").when(r.AgreeInstalments("rec", plan)).accepted()
    assert agreed.state.limitation_on == date(2030, 12, 31)
    agreed.on("2029-01-01").when(r.BarRecovery("rec")).then_nothing()


def test_a_claim_of_before_there_was_a_limitation_date_is_not_barred() -> None:
    """Its first notice begins one."""
    old = given(D, replace(OPENED, opened_on=None))
    old.on("2040-01-01").when(r.BarRecovery("rec")).then_nothing()
    assert old.when(NOTICE).accepted().state.limitation_on == date(2026, 7, 3)


def test_a_leap_day_ends_on_the_last_of_february() -> None:
    """Three years after 29 February there is none."""
    claim = at("open").on("2024-02-29").when(repay(1)).accepted()
    assert claim.state.limitation_on == date(2027, 2, 28)


def test_nothing_is_set_off_without_a_written_consent() -> None:
    """And never more than was agreed for a month, or than is left."""
    with pytest.raises(Refused, match="out_of_order"):
        r.can_set_off(at("open").state, 100)
    at("open").when(r.AgreeSetOff("rec", 5000, " ")).then_refused("invalid_input", "document_no")
    at("open").when(r.AgreeSetOff("rec", 0, "A1")).then_refused("invalid_input", "most_fen")
    agreed = at("open").when(r.AgreeSetOff("rec", 5000, "A1")).accepted()
    r.can_set_off(agreed.state, 5000)
    with pytest.raises(Refused, match="invalid_input"):
        r.can_set_off(agreed.state, 5001)
    taken = agreed.when(r.RecordSetOff("rec", 5000, "w1")).then(r.RecoverySetOff(5000, "w1", TODAY))
    assert taken.state.left_fen == 125000
    taken.when(r.RecordSetOff("rec", 5000, "w1")).then_nothing()


def test_a_claim_is_met_by_the_money_that_came_back() -> None:
    """Of what is left first; what had been repaid goes back to the household; a repeat meets nothing."""
    meet = r.MeetByReturn("rec", "2023-09", "run", 100000)
    met = at("open").when(meet).then(r.RecoveryMetByReturn("2023-09", "run", 100000, 0))
    assert met.state.left_fen == 30000
    met.when(meet).then_nothing()
    repaid = at("open").when(repay(90000)).accepted()
    done = repaid.when(meet).then(r.RecoveryMetByReturn("2023-09", "run", 100000, 60000), r.RecoverySettled(130000))
    assert (done.state.repaid_fen, done.state.left_fen) == (30000, 0)
    at("waived").when(meet).then_nothing()
    at("none").when(meet).then_refused("out_of_order")


def test_what_was_set_off_goes_back_too() -> None:
    """A claim that was met by withholding, and whose money was never had."""
    taken = at("open").when(r.AgreeSetOff("rec", 130000, "A1")).accepted().when(r.RecordSetOff("rec", 130000, "w1")).accepted()
    assert taken.state.status == "settled"
    back = taken.when(r.MeetByReturn("rec", "2023-09", "run", 100000)).then(r.RecoveryMetByReturn("2023-09", "run", 100000, 100000))
    assert (back.state.set_off_fen, back.state.met_fen, back.state.left_fen) == (30000, 100000, 0)


def test_a_claim_of_a_month_that_is_due_after_all_is_met_by_that() -> None:
    """What is left of it first, claimed or waived; only what was repaid goes back; once for one cause."""
    again = r.MeetByDecision("rec", "2023-09", "e1", 100000)
    met = at("open").when(again).then(r.RecoveryMetByDecision("2023-09", "e1", 100000, 100000, 0))
    assert met.state.left_fen == 30000
    met.when(again).then_nothing()
    part = at("open").when(repay(90000)).accepted()
    part.when(again).then(r.RecoveryMetByDecision("2023-09", "e1", 100000, 100000, 60000), r.RecoverySettled(130000))
    at("waived").when(again).then(r.RecoveryMetByDecision("2023-09", "e1", 100000, 100000, 0))
    at("settled").when(again).then(r.RecoveryMetByDecision("2023-09", "e1", 100000, 100000, 100000))
    at("none").when(again).then_refused("out_of_order")


def test_what_lessened_no_payment_is_claimed_as_before() -> None:
    """Of a claim that it had settled too; not of one that was waived since."""
    consent = at("open").when(r.AgreeSetOff("rec", 130000, "A1")).accepted()
    settled = consent.when(r.RecordSetOff("rec", 130000, "w1")).accepted()
    free = r.ReleaseSetOff("rec", "w1")
    opened = settled.when(free).then(r.RecoverySetOffReleased(130000, "w1", TODAY, date(2023, 7, 17)))
    assert (opened.state.status, opened.state.left_fen) == ("open", 130000)
    opened.when(free).then_nothing()
    part = consent.when(r.RecordSetOff("rec", 5000, "w1")).accepted()
    waived = part.when(PROPOSE).accepted().by("staff:b").when(APPROVE).accepted()
    waived.when(free).then_nothing()
    at("open").when(free).then_nothing()


WHAT = "repay notice unserved plan propose approve reject bar overdue meet again agree set_off release"
acts = st.sampled_from(WHAT.split())


@for_all(st.lists(st.tuples(acts, st.integers(0, 1200), st.integers(1, 140000)), max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_life_of_a_claim_accounts_for_every_fen(told: list[Any]) -> None:
    """Claimed = repaid + set off + met + waived + barred + left, and it closes once, unless a set-off that settled it is released; an open
    one stands in a list, and whoever pays the rest is out of it."""
    claim, day, closed = given(D, OPENED), TODAY, 0
    for n, (act, later, fen) in enumerate(told):
        day = date.fromordinal(day.toordinal() + later % 200)
        soon = date.fromordinal(day.toordinal() + 30)
        command: Any = {
            "repay": repay(fen, f"收据{n}"),
            "reject": r.RejectWaiver("rec", "有能力归还"),
            "again": r.MeetByDecision("rec", "2023-08", f"e{n}", fen),
            "release": r.ReleaseSetOff("rec", next(iter(claim.state.withheld), "")),
            "notice": r.RecordRecoveryNotice("rec", "号", day, soon),
            "unserved": r.NoteRecoveryNoticeOverdue("rec"),
            "plan": r.AgreeInstalments("rec", (r.Instalment(soon, max(claim.state.left_fen, 1)),)),
            "propose": PROPOSE,
            "approve": APPROVE,
            "bar": r.BarRecovery("rec"),
            "overdue": r.NoteInstalmentOverdue("rec", claim.state.next_due or day),
            "meet": r.MeetByReturn("rec", "2023-09", f"run{n}", fen),
            "agree": r.AgreeSetOff("rec", fen, "A1"),
            "set_off": r.RecordSetOff("rec", fen, f"w{n}"),
        }[act]
        outcome = claim.on(day.isoformat()).by(f"staff:{n}").when(command)
        if outcome.refused is not None:
            continue
        ends = [e for e in outcome.events if isinstance(e, r.RecoverySettled | r.RecoveryWaived | r.RecoveryBarred)]
        given_up = sum(e.amount_fen for e in ends if not isinstance(e, r.RecoverySettled))
        closed += len(ends) - (claim.state.status == "settled" and any(isinstance(e, r.RecoverySetOffReleased) for e in outcome.events))
        claim = outcome.accepted()
        s = claim.state
        assert s.repaid_fen + s.set_off_fen + s.met_fen + s.left_fen == s.amount_fen
        assert min(s.repaid_fen, s.set_off_fen, s.met_fen, s.left_fen) >= 0
        assert s.left_fen == (given_up if ends else s.left_fen)
        assert bool(claim_waits(s)[0]) == s.open
        if s.open:
            out = claim.by("staff:z").when(repay(s.left_fen, "末次收据")).accepted()
            assert (out.state.status, out.state.left_fen) == ("settled", 0)
    assert closed <= 1
    assert (closed == 1) == (not claim.state.open)
