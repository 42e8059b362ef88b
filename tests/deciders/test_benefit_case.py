"""The life of a benefit case: applied, accepted, surveyed, publicised, in force, reassessed, ended; and its money to the fen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from shared.casework import benefit_case as bc
from shared.casework.programme import Terms
from shared.eventsourcing.testing import Given, given
from tests.deciders.samples import (
    CASE,
    FILE,
    FILED,
    PAYEE,
    PROGRAMME,
    SUBJECT,
    TOWN,
    D,
    assessed,
    end,
    granted,
    in_force,
    only,
    paid,
    pay,
    reassess,
)

ACCEPTED = bc.ApplicationAccepted(PROGRAMME, SUBJECT, date(2023, 7, 3), "staff:clerk")
SURVEYED = bc.HouseholdSurveyed(date(2023, 7, 5), "情况属实", "staff:clerk")
REVIEWED = assessed("2023-08", 100000)
PROPOSED = bc.CaseProposed(
    REVIEWED, bc.reviewed_hash(REVIEWED), 0, date(2023, 7, 13), "staff:reviewer", date(2023, 7, 6), PROGRAMME, SUBJECT
)
REJECTED = assessed("2023-08", 0, reason="人均收入高于标准")
PROPOSED_NO = bc.CaseProposed(REJECTED, bc.reviewed_hash(REJECTED), 0, None, "staff:reviewer", date(2023, 7, 6), PROGRAMME, SUBJECT)
ENDED = bc.CaseEnded(PROGRAMME, SUBJECT, "2023-10", "收入超过标准", "")
VOIDED = bc.ProposalVoided("审核后家庭情况发生变化，须重新审核。", PROGRAMME, SUBJECT)

ACCEPT, SURVEY = bc.AcceptApplication(CASE), bc.RecordSurvey(CASE, "情况属实")
PROPOSE = bc.ProposeCase(CASE, REVIEWED, 0, 7)
CONFIRM = bc.ConfirmCase(CASE, PROPOSED.reviewed, 0)
GRANT = bc.GrantCase(PROGRAMME, SUBJECT, PAYEE, TOWN, "2023-08", REVIEWED, 0)

LIFE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "applied": (FILED,),
    "accepted": (FILED, ACCEPTED),
    "surveyed": (FILED, ACCEPTED, SURVEYED),
    "publicised": (FILED, ACCEPTED, SURVEYED, PROPOSED),
    "refused": (FILED, ACCEPTED, SURVEYED, PROPOSED_NO, bc.CaseRefused("人均收入高于标准")),
    "in_force": (FILED, ACCEPTED, SURVEYED, PROPOSED, granted()),
    "ended": (FILED, ACCEPTED, SURVEYED, PROPOSED, granted(), ENDED),
}


def at(status: str) -> Given[bc.Case]:
    found = given(D, *LIFE[status])
    assert found.state.status == status
    return found


# -- the procedure


def test_an_application_is_filed_accepted_surveyed_reviewed_and_confirmed() -> None:
    """The whole procedure, by three hands, with seven days of publicity: in force from the month after confirmation."""
    case = given(D).by("staff:clerk").when(FILE).then(FILED)
    case = case.when(ACCEPT).then(ACCEPTED)
    case = case.on("2023-07-05").when(SURVEY).then(SURVEYED)
    case = case.on("2023-07-06").by("staff:reviewer").when(PROPOSE).then(PROPOSED)
    case = case.on("2023-07-14").by("staff:approver").when(CONFIRM).accepted()
    assert case.events[-1] == replace(granted(by="staff:approver"), reviewed=PROPOSED.reviewed)
    assert (case.state.status, case.state.due("2023-07"), case.state.due("2023-08")) == ("in_force", 0, 100000)


def test_who_proposed_or_decided_a_case_is_no_hand_of_its_payment() -> None:
    """The reviewer, the approver, and whoever resumed it or answered its review; not the clerk, nor the house's own hand."""
    case = given(D, *LIFE["publicised"], granted(by="staff:approver"))
    assert case.state.signed == ("staff:reviewer", "staff:approver")
    kept = bc.unpacked(bc.packed(replace(case.state, proposal=None)), bc.Case)
    assert kept.signed == case.state.signed
    resumed = given(
        D, *case.events, bc.CaseSuspended(PROGRAMME, SUBJECT, "2023-08", "核实", "staff:clerk", None),
        bc.CaseResumed(PROGRAMME, SUBJECT, "2023-08", True, "属实", "staff:head"),
        bc.ReviewAnswered("continue", "属实", date(2023, 8, 1), None, None, "staff:second reviewer"),
    ).on("2023-08-20").by("service:assistance")  # fmt: skip
    pay = bc.PayBenefit(CASE, "2023-08", "run-1", 100000, PAYEE)
    for hand in ("staff:reviewer", "staff:approver", "staff:head", "staff:second reviewer"):
        resumed.when(replace(pay, hands=("staff:cashier", hand))).then_refused("same_hand")
    paid = resumed.when(replace(pay, hands=("staff:cashier", "staff:clerk"))).accepted()
    assert paid.state.paid == {"2023-08": 100000}


def test_a_new_round_is_signed_by_its_own_hands() -> None:
    """Whoever decided an earlier round does not stand behind what is granted now; an approval made elsewhere stands behind its grant."""
    over = given(D, *LIFE["publicised"], granted(by="staff:approver"), ENDED).on("2024-01-02").by("service:assistance")
    again = replace(GRANT, first_month="2024-01", hands=("staff:mayor", "", "service:eldercare"))
    assert over.when(again).accepted().state.signed == ("staff:mayor",)


@pytest.mark.parametrize("status", ["none", "refused", "ended"])
def test_a_subject_without_an_open_case_may_apply(status: str) -> None:
    """Also again, after a refusal or an end: a new round."""
    case = at(status).by("staff:clerk").when(FILE).then(FILED)
    assert case.state.round == at(status).state.round + 1


@pytest.mark.parametrize("status", ["applied", "accepted", "surveyed", "publicised", "in_force"])
def test_a_second_application_is_refused_while_one_is_open(status: str) -> None:
    """One open case for a subject and programme."""
    at(status).when(FILE).then_refused("already_exists", "subject_id")


STEPS: dict[str, tuple[Any, str]] = {
    "accept": (ACCEPT, "applied"),
    "survey": (SURVEY, "accepted"),
    "propose": (PROPOSE, "surveyed"),
    "confirm": (CONFIRM, "publicised"),
}


@pytest.mark.parametrize(("step", "status"), [(s, st) for s, (_, right) in STEPS.items() for st in LIFE if st != right])
def test_a_step_out_of_order_is_refused(step: str, status: str) -> None:
    """Every step has the one state it follows on; in any other it is refused."""
    at(status).when(STEPS[step][0]).then_refused("out_of_order")


def test_a_survey_without_a_finding_is_refused() -> None:
    """The surveyor says what he found."""
    at("accepted").when(bc.RecordSurvey(CASE, "  ")).then_refused("invalid_input", "finding")


def test_the_clerk_does_not_review() -> None:
    """Law 9: whoever filed, accepted or surveyed cannot review."""
    at("surveyed").by("staff:clerk").when(PROPOSE).then_refused("same_hand")


@pytest.mark.parametrize("hand", ["staff:clerk", "staff:reviewer"])
def test_neither_clerk_nor_reviewer_approves(hand: str) -> None:
    """Law 9: the approver is a third hand."""
    at("publicised").on("2023-07-14").by(hand).when(CONFIRM).then_refused("same_hand")


def test_every_hand_of_the_round_counts() -> None:
    """A surveyor who neither filed nor accepted cannot review what he surveyed."""
    other = replace(SURVEYED, by="staff:surveyor")
    given(D, FILED, ACCEPTED, other).by("staff:surveyor").when(PROPOSE).then_refused("same_hand")


def test_hands_of_an_earlier_round_may_act_again() -> None:
    """The clerk of a refused application may review the next one, which others filed."""
    case = given(D, *LIFE["refused"], replace(FILED, by="staff:b"), replace(ACCEPTED, by="staff:b"), replace(SURVEYED, by="staff:b"))
    case.by("staff:clerk").when(PROPOSE).accepted()


@pytest.mark.parametrize("day", ["2023-07-06", "2023-07-12", "2023-07-13"])
def test_nothing_is_confirmed_before_publicity_is_over(day: str) -> None:
    """Seven days mean seven whole days: the last of them is still too early."""
    at("publicised").on(day).by("staff:approver").when(CONFIRM).then_refused("not_yet_due")


def test_what_is_confirmed_is_what_was_reviewed() -> None:
    """An approver who has something else before him is refused."""
    other = bc.ConfirmCase(CASE, bc.reviewed_hash(assessed("2023-08", 200000)), 0)
    at("publicised").on("2023-07-14").by("staff:approver").when(other).then_refused("version_conflict", "reviewed")


def test_changed_facts_void_the_proposal_at_confirmation() -> None:
    """The household changed after the review: back to the reviewer."""
    changed = replace(CONFIRM, facts_version=1)
    case = at("publicised").on("2023-07-14").by("staff:approver").when(changed).then(VOIDED)
    assert (case.state.status, case.state.proposal) == ("surveyed", None)


def test_another_result_for_the_first_month_voids_the_proposal() -> None:
    """The standard changed during publicity: nobody is granted what no longer holds."""
    case = at("publicised").on("2023-07-14").by("staff:approver").when(replace(CONFIRM, outdated=True)).accepted()
    assert case.state.status == "surveyed"


def test_changed_facts_void_the_proposal_at_once() -> None:
    """A fact that comes in during publicity does not wait for the approver."""
    at("publicised").when(reassess("2023-08", assessed("2023-08", 1), facts=1)).then(VOIDED)


def test_a_fact_that_was_reviewed_already_voids_nothing() -> None:
    """The notice of a fact may come after the review that knew it."""
    at("publicised").when(reassess("2023-08", assessed("2023-08", 1), facts=0)).then_nothing()


def test_an_ineligible_household_is_refused_without_publicity() -> None:
    """There is nothing to publicise, but a second hand still confirms the refusal."""
    case = at("surveyed").by("staff:reviewer").on("2023-07-06").when(replace(PROPOSE, assessment=REJECTED)).then(PROPOSED_NO)
    confirm = bc.ConfirmCase(CASE, PROPOSED_NO.reviewed, 0)
    case.by("staff:approver").when(confirm).then(bc.CaseRefused("人均收入高于标准", "staff:approver", None, None, PROGRAMME, SUBJECT))


def test_the_reviewed_hash_names_every_detail() -> None:
    """Two assessments that differ in one line of the explanation have different hashes."""
    assert bc.reviewed_hash(REVIEWED) != bc.reviewed_hash(replace(REVIEWED, lines=()))
    assert bc.reviewed_hash(REVIEWED) == bc.reviewed_hash(assessed("2023-08", 100000))


# -- without application


def test_a_benefit_is_granted_without_application() -> None:
    """免申即享: on the rules' word alone."""
    given(D).when(GRANT).then(granted(by="staff:test"))


@pytest.mark.parametrize("status", ["applied", "accepted", "surveyed", "publicised", "in_force"])
def test_a_grant_to_an_open_case_changes_nothing(status: str) -> None:
    """The timer may run twice."""
    at(status).when(GRANT).then_nothing()


def test_nothing_is_granted_to_the_ineligible() -> None:
    """The rules say no: nothing happens, which is no error."""
    given(D).when(replace(GRANT, assessment=REJECTED)).then_nothing()


@pytest.mark.parametrize("month", ["2023-08", "2023-10"])
def test_an_ended_case_is_not_resumed_before_its_end(month: str) -> None:
    """What was ended from October on cannot begin again in October or before."""
    at("ended").when(replace(GRANT, first_month=month)).then_refused("out_of_order")


def test_a_month_that_was_claimed_back_and_is_due_after_all_meets_its_claim() -> None:
    """Paid for November, claimed back by an end in October, granted again from November on: the claim is met, nothing goes out twice."""
    case = in_force(*paid("2023-10", "2023-11")).on("2023-11-20").when(end("2023-10")).accepted()
    case = case.when(replace(GRANT, first_month="2023-11")).accepted()
    assert only(case.events, bc.ClaimedDueAgain).months == (bc.MonthDifference("2023-11", 0, 100000),)
    assert not [e for e in case.events if isinstance(e, bc.ArrearsFound)]
    assert dict(case.state.claimed) == {"2023-10": 100000}
    case.on("2023-12-10").when(pay("2023-12", 200000)).then_refused("amount_changed", "expected_fen")
    case.on("2023-12-10").when(pay("2023-12", 100000)).accepted()


def test_only_what_is_due_beyond_the_claim_goes_out() -> None:
    """Lowered by a wrong income and claimed, then raised beyond what was paid: the claim first, the rest as arrears."""
    lower = reassess("2023-09", assessed("2023-09", 70000), assessed("2023-10", 70000))
    case = in_force(*paid("2023-08", "2023-09")).when(lower).accepted()
    case = case.when(reassess("2023-09", assessed("2023-09", 120000), assessed("2023-10", 120000), facts=9)).accepted()
    assert only(case.events, bc.ClaimedDueAgain).months == (bc.MonthDifference("2023-09", 70000, 100000),)
    assert only(case.events, bc.ArrearsFound).months == (bc.MonthDifference("2023-09", 100000, 120000),)
    case.when(pay("2023-10", 140000)).accepted()


def test_arrears_that_nobody_received_are_withdrawn_and_not_claimed() -> None:
    """Raised by a wrong fact and put right before the next payment: nothing is claimed, and nothing more goes out."""
    more = reassess("2023-08", assessed("2023-08", 130000), assessed("2023-09", 130000))
    back = reassess("2023-08", assessed("2023-08", 90000), assessed("2023-09", 90000), facts=9)
    case = in_force(*paid("2023-08")).when(more).accepted().when(back).accepted()
    assert only(case.events, bc.ArrearsWithdrawn).months == (bc.MonthDifference("2023-08", 130000, 100000),)
    assert only(case.events, bc.OverpaymentFound).months == (bc.MonthDifference("2023-08", 100000, 90000),)
    assert (case.state.arrears_fen, dict(case.state.arrears_of)) == (0, {})
    case.when(pay("2023-09", 90000)).accepted()


def test_arrears_on_their_way_are_claimed_and_met_when_the_payment_comes_back() -> None:
    """Sent with the next month and not due any more: claimed; the bank gives it back, so the claim is met."""
    more = reassess("2023-08", assessed("2023-08", 130000), assessed("2023-09", 130000))
    back = reassess("2023-08", assessed("2023-08", 100000), assessed("2023-09", 100000), facts=9)
    case = in_force(*paid("2023-08")).when(more).accepted().when(pay("2023-09", 160000)).accepted().when(back).accepted()
    assert only(case.events, bc.OverpaymentFound).amount_fen == 60000
    case = case.when(bc.ReturnPayment(CASE, "2023-09", "run 2023-09", "账户已销")).accepted()
    assert only(case.events, bc.ClaimedDueAgain).months == (bc.MonthDifference("2023-08", 100000, 130000),)
    assert only(case.events, bc.ArrearsWithdrawn).amount_fen == 30000
    assert (case.state.arrears_fen, dict(case.state.claimed)) == (0, {})
    case.when(pay("2023-09", 100000)).accepted()


def test_what_was_withheld_is_released_when_the_next_payment_cannot_bear_it() -> None:
    """The amount falls below what was withheld by consent: the household is not left without a payment for months."""
    case = in_force(*paid("2023-08")).when(bc.WithholdRepayment(CASE, "rec", "w1", 60000)).accepted()
    case = case.when(reassess("2023-09", assessed("2023-09", 50000))).accepted()
    assert only(case.events, bc.RepaymentReleased).amount_fen == 60000
    case.when(pay("2023-09", 50000)).accepted()


def test_a_repayment_is_withheld_once_before_each_payment() -> None:
    """However much arrears there are: the payee agreed to so much of a month's payment."""
    withhold = bc.WithholdRepayment(CASE, "rec", "w1", 20000)
    case = in_force(*paid("2023-08")).when(reassess("2023-08", assessed("2023-08", 190000), assessed("2023-09", 100000))).accepted()
    case = case.when(withhold).then(bc.RepaymentWithheld(CASE, "rec", "w1", 20000))
    case.when(replace(withhold, withheld_id="w2")).then_refused("out_of_order")
    case = case.when(pay("2023-09", 170000)).accepted()
    case.when(replace(withhold, withheld_id="w2")).accepted()


def test_what_was_withheld_from_a_payment_that_will_not_come_is_released() -> None:
    """The case ends before it: the claim stands as before. One that is still to be paid is lessened, and comes back with a return."""
    withheld = in_force(*paid("2023-08", "2023-09")).when(bc.WithholdRepayment(CASE, "rec", "w1", 20000)).accepted()
    ended = withheld.when(end("2023-10")).accepted()
    assert only(ended.events, bc.RepaymentReleased) == bc.RepaymentReleased(CASE, "rec", "w1", 20000)
    assert (ended.state.arrears_fen, dict(ended.state.withheld)) == (0, {})
    later = withheld.when(end("2023-11")).accepted()
    assert not [e for e in later.events if isinstance(e, bc.RepaymentReleased)]
    gone = later.when(pay("2023-10", 80000)).accepted()
    back = gone.when(bc.ReturnPayment(CASE, "2023-10", "run 2023-10", "账户已销")).accepted()
    assert [w.withheld_id for w in back.state.withheld[""]] == ["w1"]
    assert back.state.payable("2023-10") == 80000


def test_a_line_goes_to_the_payee_it_was_listed_for() -> None:
    """Whoever became the payee since is paid by the next list, to his own account."""
    in_force().when(replace(pay("2023-08"), payee_id="c3" * 16)).then_refused("payee_changed", "payee_id")
    in_force().when(replace(pay("2023-08"), payee_id=PAYEE)).accepted()


def test_an_ended_case_may_be_granted_again_later() -> None:
    """A new round, after a gap in which nothing is due."""
    case = at("ended").when(replace(GRANT, first_month="2023-12")).accepted().state
    assert [case.due(m) for m in ("2023-09", "2023-10", "2023-11", "2023-12")] == [100000, 0, 0, 100000]


# -- payment


def test_a_month_is_paid_once() -> None:
    """The second payment of a month is refused, whatever run it comes from."""
    case = in_force().when(pay("2023-08")).then(*paid("2023-08"))
    case.when(replace(pay("2023-08"), run_id="another")).then_refused("already_paid", "month")


def test_no_month_is_paid_in_advance() -> None:
    """November is not paid in October."""
    in_force().when(pay("2023-11")).then_refused("invalid_input", "month")


def test_a_month_before_the_first_is_not_paid() -> None:
    """Nothing is due before the grant."""
    in_force().when(pay("2023-07")).then_refused("out_of_order")


@pytest.mark.parametrize("status", ["none", "applied", "publicised", "refused"])
def test_nothing_is_paid_without_a_grant(status: str) -> None:
    """No money without a decision."""
    at(status).on("2023-10-10").when(pay("2023-08")).then_refused("out_of_order")


def test_an_amount_that_changed_since_the_list_was_locked_is_not_paid() -> None:
    """The line of the run and the case must agree to the fen."""
    in_force().when(pay("2023-08", 99999)).then_refused("amount_changed", "expected_fen")


def test_a_month_that_is_no_month_is_refused() -> None:
    """2023-13 does not exist."""
    in_force().when(pay("2023-13")).then_refused("invalid_input", "month")


def test_an_ended_case_is_still_paid_for_the_months_before() -> None:
    """September was due, although the case ended in October."""
    in_force(ENDED).when(pay("2023-09")).then(*paid("2023-09"))


# -- reassessment


def test_a_fact_for_the_future_changes_only_the_future() -> None:
    """From November on less is due; what was paid stays as it is."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10")).when(reassess("2023-11", assessed("2023-11", 60000))).accepted()
    decided = only(case.events, bc.CaseReassessed)
    assert (decided.outcome, decided.old_amount_fen, decided.new_amount_fen) == ("lowered", 100000, 60000)
    assert [case.state.due(m) for m in ("2023-10", "2023-11", "2024-05")] == [100000, 60000, 60000]


@pytest.mark.parametrize(("amount", "outcome"), [(100000, "unchanged"), (130000, "raised"), (70000, "lowered")])
def test_the_outcome_compares_with_what_was_due(amount: int, outcome: str) -> None:
    """Unchanged, raised or lowered against what was due for that very month."""
    outcome_ = only(in_force().when(reassess("2023-10", assessed("2023-10", amount))).events, bc.CaseReassessed).outcome
    assert outcome_ == outcome


def test_a_back_dated_fall_is_claimed_back_month_by_month() -> None:
    """Income rose in August and is heard of in October: the overpayment is exact, month by month."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10"))
    late = reassess("2023-09", assessed("2023-09", 70000), assessed("2023-10", 65000), facts=1)
    over = only(case.when(late).events, bc.OverpaymentFound)
    assert over.months == (bc.MonthDifference("2023-09", 100000, 70000), bc.MonthDifference("2023-10", 100000, 65000))
    assert (over.amount_fen, over.payee_id, over.case_id) == (65000, PAYEE, CASE)


def test_back_dated_arrears_go_out_with_the_next_payment() -> None:
    """Income fell in August and is heard of in October: what was paid too little is added to the next month."""
    case = in_force(*paid("2023-08", "2023-09"))
    late = reassess("2023-09", assessed("2023-09", 120000), assessed("2023-10", 120000))
    case = case.when(late).accepted()
    arrears = only(case.events, bc.ArrearsFound)
    assert arrears.months == (bc.MonthDifference("2023-09", 100000, 120000),)
    case = case.when(pay("2023-10", 140000)).then(bc.BenefitPaid("2023-10", 120000, 20000, "run 2023-10"))
    assert case.state.arrears_fen == 0


def test_one_decision_may_find_both() -> None:
    """Too much for one month and too little for another are told apart, not netted."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10"))
    late = reassess("2023-09", assessed("2023-09", 90000), assessed("2023-10", 130000))
    events = case.when(late).events
    assert only(events, bc.OverpaymentFound).amount_fen == 10000
    assert only(events, bc.ArrearsFound).amount_fen == 30000


def test_a_second_look_at_the_same_facts_finds_nothing_more() -> None:
    """What was claimed once is accounted for: the same fact told again changes nothing."""
    case = in_force(*paid("2023-08", "2023-09"))
    late = reassess("2023-09", assessed("2023-09", 70000), assessed("2023-10", 70000))
    case.when(late).accepted().when(late).then_nothing()


def test_months_not_paid_yet_are_no_overpayment() -> None:
    """Only what was paid can be claimed back."""
    late = reassess("2023-08", assessed("2023-08", 70000), assessed("2023-09", 70000), assessed("2023-10", 70000))
    assert [type(e) for e in in_force().when(late).events] == [bc.CaseReassessed]


def test_a_fact_before_the_first_month_counts_from_the_first_month() -> None:
    """The case does not reach back before its own beginning."""
    decided = only(in_force().when(reassess("2023-06", assessed("2023-10", 50000))).events, bc.CaseReassessed)
    assert decided.effective_month == "2023-08"


def test_only_the_months_in_which_the_amount_changes_are_kept() -> None:
    """An event stays small: amounts that repeat are told once."""
    months = [assessed(f"2023-{m:02d}", 80000 if m < 10 else 90000) for m in (8, 9, 10)]
    decided = only(in_force().when(reassess("2023-08", *months)).events, bc.CaseReassessed)
    assert decided.months == (bc.MonthAmount("2023-08", 80000), bc.MonthAmount("2023-10", 90000))


def test_stale_facts_are_refused() -> None:
    """A reaction that read an older household must read again."""
    case = in_force().when(reassess("2023-10", assessed("2023-10", 80000), facts=2)).accepted()
    case.when(reassess("2023-09", assessed("2023-09", 1), facts=1)).then_refused("version_conflict", "facts_version")


@pytest.mark.parametrize("status", ["none", "applied", "accepted", "surveyed", "refused"])
def test_a_case_that_is_not_in_force_is_not_reassessed(status: str) -> None:
    """The facts will be read when the case comes to review."""
    at(status).when(reassess("2023-08", assessed("2023-08", 1))).then_nothing()


def test_a_reassessment_without_assessments_changes_nothing() -> None:
    """There is nothing to decide on."""
    in_force().when(reassess("2023-10")).then_nothing()


def test_the_clock_may_ask_again_on_the_same_facts() -> None:
    """A birthday or the end of a gradual exit is no new fact, but a new month."""
    case = in_force().when(reassess("2023-10", assessed("2023-10", 100000), facts=0, cause="clock:2023-10-01")).accepted()
    assert case.state.status == "in_force"


# -- two late facts


def _both_orders(*, income_first: bool) -> Given[bc.Case]:
    """An income from September on and a death from October on; each notice brings all facts known when it is handled."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10"))
    if income_first:
        sept = reassess("2023-09", assessed("2023-09", 80000), assessed("2023-10", 80000), facts=1)
        octo = reassess("2023-10", assessed("2023-10", 40000), facts=2)
    else:
        octo = reassess("2023-10", assessed("2023-10", 60000), facts=1)
        sept = reassess("2023-09", assessed("2023-09", 80000), assessed("2023-10", 40000), facts=2)
    for late in (sept, octo) if income_first else (octo, sept):
        case = case.when(late).accepted()
    return case


@pytest.mark.parametrize("income_first", [True, False])
def test_two_late_facts_give_the_same_money_in_either_order(income_first: bool) -> None:
    """However they come in, what is due and what is claimed back in all is the same."""
    case = _both_orders(income_first=income_first)
    assert [case.state.due(m) for m in ("2023-08", "2023-09", "2023-10")] == [100000, 80000, 40000]
    assert sum(e.amount_fen for e in case.events if isinstance(e, bc.OverpaymentFound)) == 20000 + 60000


def test_both_facts_known_at_the_first_notice_are_decided_once() -> None:
    """Both facts were in the log when the first notice was handled: the second finds nothing to do."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10"))
    first = reassess("2023-09", assessed("2023-09", 80000), assessed("2023-10", 40000), facts=2)
    case.when(first).accepted().when(reassess("2023-10", assessed("2023-10", 40000), facts=2)).then_nothing()


def test_a_fact_for_a_later_month_is_decided_although_the_facts_are_known() -> None:
    """The first notice looked only as far as October; the income that begins in November was on record, but not decided."""
    case = in_force().when(reassess("2023-09", assessed("2023-09", 80000), assessed("2023-10", 80000), facts=2)).accepted()
    case = case.when(reassess("2023-11", assessed("2023-11", 50000), facts=2)).accepted()
    assert [case.state.due(m) for m in ("2023-10", "2023-11")] == [80000, 50000]


def test_a_decision_must_look_as_far_as_the_one_before() -> None:
    """November was decided already: a late fact about September that stops at October would undo it, and is refused."""
    case = in_force().when(reassess("2023-11", assessed("2023-11", 50000), facts=1)).accepted()
    short = reassess("2023-09", assessed("2023-09", 80000), assessed("2023-10", 80000), facts=2)
    case.when(short).then_refused("version_conflict", "assessments")
    whole = replace(short, assessments=(*short.assessments, assessed("2023-11", 40000)))
    assert case.when(whole).accepted().state.due("2023-11") == 40000


# -- gradual exit

EXIT = [assessed(f"2023-{m}", 50000, "gradual_exit", "2024-03") for m in ("10", "11", "12")]


def test_a_gradual_exit_begins_with_its_end_in_sight() -> None:
    """渐退: income rose above the standard, half is paid for six months."""
    case = in_force().when(reassess("2023-10", EXIT[0])).accepted().state
    assert (case.status, case.exit_since, case.exit_ends, case.due("2023-10")) == ("gradual_exit", "2023-10", "2024-03", 50000)


def test_a_gradual_exit_goes_on_from_where_it_began() -> None:
    """Another look during the exit does not start it anew."""
    case = in_force().when(reassess("2023-10", EXIT[0])).accepted().on("2023-12-10")
    state = case.when(reassess("2023-12", EXIT[2], facts=2)).accepted().state
    assert (state.exit_since, state.exit_ends) == ("2023-10", "2024-03")


def test_a_back_dated_exit_began_in_its_own_first_month() -> None:
    """Of several months decided at once, the exit begins with the first that is one."""
    months = (assessed("2023-09", 100000), EXIT[0], EXIT[1])
    assert in_force().on("2023-11-10").when(reassess("2023-09", *months)).accepted().state.exit_since == "2023-10"


def test_an_earlier_fact_moves_the_beginning_of_the_exit() -> None:
    """The job began earlier than thought: the exit is counted from there."""
    case = in_force().when(reassess("2023-10", EXIT[0])).accepted()
    earlier = [assessed(m, 50000, "gradual_exit", "2024-02") for m in ("2023-09", "2023-10")]
    state = case.when(reassess("2023-09", *earlier, facts=2)).accepted().state
    assert (state.exit_since, state.exit_ends) == ("2023-09", "2024-02")


def test_an_interrupted_exit_begins_anew() -> None:
    """An ordinary month in between: the later exit is another one."""
    case = in_force().when(reassess("2023-10", EXIT[0])).accepted().on("2023-12-10")
    months = (assessed("2023-11", 90000), EXIT[2])
    assert case.when(reassess("2023-11", *months, facts=2)).accepted().state.exit_since == "2023-12"


def test_a_gradual_exit_ends_when_its_months_are_over() -> None:
    """The clock asks about the month after, and the rules say that it is over."""
    case = in_force().when(reassess("2023-10", EXIT[0])).accepted().on("2024-04-01")
    over = reassess("2024-04", assessed("2024-04", 0, "ended", reason="渐退期满"), facts=1, cause="clock:2024-04-01")
    case = case.when(over).accepted()
    assert only(case.events, bc.CaseEnded).first_unpaid_month == "2024-04"
    assert (case.state.status, case.state.exit_since, case.state.due("2024-03")) == ("ended", None, 50000)


def test_a_gradual_exit_is_reversed_when_income_falls_again() -> None:
    """The job is lost: the ordinary amount returns and the exit is forgotten."""
    case = in_force().when(reassess("2023-10", EXIT[0])).accepted().on("2023-12-10")
    state = case.when(reassess("2023-12", assessed("2023-12", 100000, "raised"), facts=2)).accepted().state
    assert (state.status, state.exit_since, state.exit_ends, state.due("2023-12")) == ("in_force", None, None, 100000)


# -- the end


def test_a_reassessment_may_end_the_case() -> None:
    """Too much income: nothing is due from that month on, and what was paid for it is claimed back."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10"))
    late = reassess("2023-10", assessed("2023-10", 0, "ended", reason="收入超过标准"))
    decided, ended, over = case.when(late).events
    assert (decided.outcome, ended.first_unpaid_month, ended.reason, ended.basis) == ("ended", "2023-10", "收入超过标准", "办法第十条")
    assert over.amount_fen == 100000


def test_a_death_ends_the_case_and_claims_back_what_was_paid_after_it() -> None:
    """Died in August, heard of in October: September and October are claimed back to the fen."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10")).when(end("2023-09")).accepted()
    over = only(case.events, bc.OverpaymentFound)
    assert [m.month for m in over.months] == ["2023-09", "2023-10"]
    assert (over.amount_fen, case.state.status) == (200000, "ended")


def test_a_case_may_be_ended_earlier_than_before() -> None:
    """The death lay further back than thought: only the difference is claimed."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10")).when(end("2023-10")).accepted().when(end("2023-09")).accepted()
    assert [e.amount_fen for e in case.events if isinstance(e, bc.OverpaymentFound)] == [100000, 100000]
    assert case.state.last_change == "2023-09"


def test_unpaid_months_too_are_taken_back_by_an_earlier_end() -> None:
    """Nothing was paid yet, but it still would be: ending earlier stops it."""
    case = in_force(ENDED).when(end("2023-09")).accepted().state
    assert [case.due(m) for m in ("2023-08", "2023-09")] == [100000, 0]


@pytest.mark.parametrize("month", ["2023-10", "2023-11"])
def test_a_case_is_never_ended_later_than_it_was(month: str) -> None:
    """The same end once more, or a later one, changes nothing."""
    at("ended").when(end(month)).then_nothing()


@pytest.mark.parametrize("status", ["none", "refused"])
def test_what_never_ran_has_no_end(status: str) -> None:
    """Nothing to stop."""
    at(status).when(end("2023-09")).then_nothing()


@pytest.mark.parametrize("status", ["applied", "accepted", "surveyed", "publicised"])
def test_a_death_refuses_a_pending_application(status: str) -> None:
    """The applicant died before the decision."""
    at(status).when(end("2023-09")).then(bc.CaseRefused("领取人死亡", "staff:test", None, None, PROGRAMME, SUBJECT))


def test_a_case_is_not_ended_before_it_began() -> None:
    """An end before the first month is an end from the first month."""
    assert only(in_force().when(end("2023-01")).events, bc.CaseEnded).first_unpaid_month == "2023-08"


def test_a_late_fact_about_the_months_before_the_end_is_settled() -> None:
    """The case has ended, but September was paid too high: it is claimed back all the same, and the case stays ended."""
    case = in_force(*paid("2023-08", "2023-09"), ENDED)
    late = reassess("2023-09", assessed("2023-09", 70000), assessed("2023-10", 120000), facts=3)
    case = case.when(late).accepted()
    assert only(case.events, bc.OverpaymentFound).amount_fen == 30000
    assert (case.state.status, case.state.due("2023-09"), case.state.due("2023-10")) == ("ended", 70000, 0)


def test_a_late_fact_about_the_months_after_the_end_changes_nothing() -> None:
    """An ended case is not revived by a fact; that takes an application."""
    in_force(ENDED).when(reassess("2023-10", assessed("2023-10", 90000), facts=3)).then_nothing()


@pytest.mark.parametrize("end_first", [True, False])
def test_an_end_and_a_late_fact_give_the_same_money_in_either_order(end_first: bool) -> None:
    """Income from September on, ended from October on: the same claims whichever comes first."""
    case = in_force(*paid("2023-08", "2023-09", "2023-10"))
    income = reassess("2023-09", assessed("2023-09", 70000), assessed("2023-10", 70000), facts=3)
    for step in (end("2023-10"), income) if end_first else (income, end("2023-10")):
        case = case.when(step).accepted()
    assert [case.state.due(m) for m in ("2023-08", "2023-09", "2023-10")] == [100000, 70000, 0]
    assert sum(e.amount_fen for e in case.events if isinstance(e, bc.OverpaymentFound)) == 30000 + 100000


# -- a second round


def test_a_second_round_leaves_the_first_rounds_payments_alone() -> None:
    """What was rightly paid before the gap is not claimed back when the second round is reassessed."""
    second = (FILED, ACCEPTED, SURVEYED, PROPOSED, granted("2024-01", 90000, 5))
    case = in_force(*paid("2023-08", "2023-09"), ENDED, *second).on("2024-02-10")
    events = case.when(reassess("2024-02", assessed("2024-02", 80000), facts=6)).events
    assert [type(e) for e in events] == [bc.CaseReassessed]


def test_a_death_found_during_a_second_application_settles_the_first_round() -> None:
    """The pending application is refused, and what was paid after the death is claimed back."""
    case = in_force(*paid("2023-08", "2023-09"), ENDED, FILED).when(end("2023-09")).accepted()
    assert only(case.events, bc.CaseRefused).reason == "领取人死亡"
    assert only(case.events, bc.OverpaymentFound).amount_fen == 100000


def test_a_foreign_event_is_a_bug() -> None:
    """An event of another aggregate in this stream is never passed over in silence."""
    with pytest.raises(TypeError):
        bc.evolve(bc.Case(), object())


# -- what a programme owes

WHOLE = Terms(authorisation=True, means_test=True, refusal_notice_days=3, objection_days=60, answer_days=20, review_months=12)
WHOLE_MONTHLY = Terms(objection_days=60, answer_days=20)
ASKED = bc.MeansTestRequested(CASE, PROGRAMME, SUBJECT, TOWN, 1, "授权1", "", date(2023, 7, 3))


def under(terms: Terms, *events: Any) -> Given[bc.Case]:
    """An application under these terms, and what happened since."""
    return given(D, replace(FILED, terms=terms), *events).by("staff:clerk")


def confirmed(terms: Terms, amount: int = 100000, on: str = "2023-07-14", month: str = "2023-08") -> Given[bc.Case]:
    """A programme without survey and publicity, confirmed on a day; ``month`` is the one that was reviewed."""
    review = assessed(month, amount, "eligible")
    case = under(replace(terms, survey=False, publicity=False), ACCEPTED).on(on).by("staff:reviewer")
    case = case.when(replace(PROPOSE, assessment=review)).accepted()
    return case.by("staff:approver").when(bc.ConfirmCase(CASE, bc.reviewed_hash(review), 0)).accepted()


def test_a_programme_that_owes_every_step_takes_every_step() -> None:
    """Authorisation by all members, then the check of means, which is asked for by itself, then the survey."""
    case = under(WHOLE).when(ACCEPT).then(ACCEPTED)
    case.when(SURVEY).then_refused("out_of_order")
    case.when(bc.RecordMeansTest(CASE, "r", "complete")).then_refused("out_of_order")
    signed = bc.RecordAuthorisation(CASE, "授权1", date(2023, 7, 3))
    case = case.when(signed).then(bc.AuthorisationRecorded("授权1", date(2023, 7, 3), "staff:clerk"), ASKED)
    case.when(SURVEY).then_refused("out_of_order")
    case = case.when(bc.RecordMeansTest(CASE, "r", "complete")).then(bc.MeansTestRecorded("r", "complete", (), "staff:clerk"))
    case = case.when(SURVEY).accepted()
    case.by("staff:reviewer").when(PROPOSE).accepted()


def test_a_programme_that_owes_no_survey_knows_none() -> None:
    """两项补贴: accepted, reviewed, confirmed."""
    case = under(Terms(survey=False, publicity=False), ACCEPTED)
    case.when(SURVEY).then_refused("out_of_order")
    assert only(case.by("staff:reviewer").when(PROPOSE).events, bc.CaseProposed).publicised_until is None


def test_a_partial_report_names_what_is_missing() -> None:
    """And a complete one names nothing."""
    case = under(WHOLE, ACCEPTED, bc.AuthorisationRecorded("授权1", date(2023, 7, 3), "staff:clerk"), ASKED)
    case.when(bc.RecordMeansTest(CASE, "r", "partial")).then_refused("invalid_input", "missing_sources")
    case.when(bc.RecordMeansTest(CASE, "r", "complete", ("不动产",))).then_refused("invalid_input", "missing_sources")
    case.when(bc.RecordMeansTest(CASE, "r", "partial", ("不动产", "不动产"))).then(
        bc.MeansTestRecorded("r", "partial", ("不动产",), "staff:clerk")
    )


def test_a_report_for_a_withdrawn_application_is_nobodys_error() -> None:
    """It was on its way when the applicant withdrew."""
    case = under(WHOLE, ACCEPTED, bc.ApplicationWithdrawn("已就业", "staff:clerk"))
    case.by("service:assistance").when(bc.RecordMeansTest(CASE, "r", "complete")).then_nothing()
    case.by("staff:clerk").when(bc.RecordMeansTest(CASE, "r", "complete")).then_refused("out_of_order")


def test_what_is_reviewed_cannot_change_unseen() -> None:
    """While it is publicised, neither a report nor a survey nor papers can be put in behind the reviewer."""
    case = at("publicised")
    case.when(SURVEY).then_refused("out_of_order")
    case.when(bc.RecordMeansTest(CASE, "r", "complete")).then_refused("out_of_order")
    case.when(bc.RequestSupplement(CASE, ("户口簿",), date(2023, 7, 10))).then_refused("out_of_order")


# -- one payment, none, and the month of the application


def test_a_one_off_benefit_is_paid_once_and_closes_by_itself() -> None:
    """One amount in one month, whatever the household earns later."""
    case = confirmed(Terms(payment="once", first_month="of_decision"))
    assert [case.state.due(m) for m in ("2023-06", "2023-07", "2023-08")] == [0, 100000, 0]
    case.when(reassess("2023-08", assessed("2023-08", 10000))).then_nothing()
    case = case.when(pay("2023-07")).then(*paid("2023-07"), bc.CaseClosed(PROGRAMME, SUBJECT))
    assert (case.state.status, bc.worklist(case.state).worklist) == ("closed", "")
    case.when(pay("2023-07")).then_refused("already_paid", "month")
    case.on("2023-08-10").when(pay("2023-08")).then_refused("out_of_order")


def test_a_one_off_benefit_that_the_bank_gave_back_is_paid_again() -> None:
    """The case closes with the payment that arrives."""
    case = confirmed(Terms(payment="once", first_month="of_decision")).when(pay("2023-07")).accepted()
    case = case.when(bc.ReturnPayment(CASE, "2023-07", "run 2023-07", "账户已销")).accepted()
    assert case.state.status == "in_force"
    assert case.when(replace(pay("2023-07"), run_id="again")).accepted().state.status == "closed"


def test_a_one_off_amount_that_was_wrong_is_claimed_back_to_the_fen() -> None:
    """A fact about the very month corrects it, also after it was paid."""
    case = confirmed(Terms(payment="once", first_month="of_decision")).when(pay("2023-07")).accepted()
    case = case.when(reassess("2023-07", assessed("2023-07", 60000))).accepted()
    assert only(case.events, bc.OverpaymentFound).amount_fen == 40000
    assert [case.state.due(m) for m in ("2023-07", "2023-08")] == [60000, 0]


def test_a_determination_pays_nothing_and_expires() -> None:
    """低保边缘: in force from one day to another; when nobody reviews it, it is over."""
    case = confirmed(Terms(payment="none", first_month="of_decision", valid_months=12, review_months=12))
    assert (case.state.amount_fen, case.state.valid_to, case.state.status) == (0, date(2024, 6, 30), "in_force")
    assert case.state.review_due == date(2024, 6, 30), "it can still be reviewed before it expires"
    case.on("2023-09-10").when(pay("2023-09", 0)).then_refused("out_of_order")
    assert bc.on_day(case.state, date(2024, 6, 30))["status"] == "in_force"
    assert bc.on_day(case.state, date(2024, 7, 1))["status"] == "not_in_force"
    case.on("2024-06-30").when(bc.NoteStepOverdue(CASE, "validity")).then_nothing()
    ended = only(case.on("2024-07-01").when(bc.NoteStepOverdue(CASE, "validity")).events, bc.CaseEnded)
    assert ended.first_unpaid_month == "2024-07"


def test_what_counts_from_the_month_of_application_is_owed_from_then() -> None:
    """两项补贴: applied in July, confirmed in September: July and August go out as arrears with September."""
    case = confirmed(Terms(first_month="of_application"), on="2023-09-04", month="2023-07")
    assert case.state.first_month == "2023-07"
    assert only(case.events, bc.ArrearsFound).months == (
        bc.MonthDifference("2023-07", 0, 100000),
        bc.MonthDifference("2023-08", 0, 100000),
    )
    case.on("2023-09-20").when(pay("2023-09", 300000)).then(bc.BenefitPaid("2023-09", 100000, 200000, "run 2023-09"))
    case.when(pay("2023-08")).then_refused("already_paid", "month")


def test_where_the_month_of_application_gives_nothing_the_first_that_does_is_the_first_owed() -> None:
    """The month that was reviewed is the first in which the rules give anything: what lies before it is not owed."""
    case = confirmed(Terms(first_month="of_application"), on="2023-09-04", month="2023-08")
    assert (case.state.first_month, case.state.due("2023-07"), case.state.due("2023-08")) == ("2023-08", 0, 100000)
    found = only(case.events, bc.ArrearsFound)
    assert (found.months, found.reason) == ((bc.MonthDifference("2023-08", 0, 100000),), "自申请后首个符合条件的月份起计发")


# -- limits and worklists


def test_limits_stand_still_while_papers_are_awaited() -> None:
    """Five working days to accept; three of them pass while the household looks for its papers."""
    case = under(Terms(accept_days=5))
    assert bc.limits(case.state) == {"accept": date(2023, 7, 10)}
    case = case.when(bc.RequestSupplement(CASE, ("户口簿",), date(2023, 7, 20))).accepted()
    assert bc.limits(case.state) == {"supplement": date(2023, 7, 20)}
    case = case.on("2023-07-06").when(bc.AnswerSupplement(CASE)).accepted()
    assert bc.limits(case.state) == {"accept": date(2023, 7, 13)}


def test_papers_that_never_come_let_the_application_lapse() -> None:
    """By the timer, on the day after the last one."""
    case = under(Terms()).when(bc.RequestSupplement(CASE, ("户口簿",), date(2023, 7, 20))).accepted()
    case.on("2023-07-20").when(bc.NoteStepOverdue(CASE, "supplement")).then_nothing()
    lapsed = case.on("2023-07-21").when(bc.NoteStepOverdue(CASE, "supplement"))
    lapsed = lapsed.then(bc.ApplicationLapsed(date(2023, 7, 20), PROGRAMME, SUBJECT))
    assert lapsed.state.status == "lapsed"
    lapsed.when(FILE).accepted()


def test_a_limit_that_passed_is_said_once_and_the_case_stays_in_its_list() -> None:
    """The whole procedure within thirty working days of acceptance."""
    case = under(Terms(whole_days=30), ACCEPTED)
    day = bc.limits(case.state)["whole"]
    case = case.on("2023-09-01").when(bc.NoteStepOverdue(CASE, "whole")).accepted()
    assert only(case.events, bc.CaseStepOverdue) == bc.CaseStepOverdue(CASE, PROGRAMME, SUBJECT, TOWN, "whole", day)
    assert bc.worklist(case.state) == bc.Waiting("survey", day, "whole")
    case.when(bc.NoteStepOverdue(CASE, "whole")).then_nothing()


def test_incomes_that_change_are_reviewed_twice_a_year() -> None:
    """Without change yearly (审核确认办法)."""
    for changing, due in ((False, date(2024, 7, 31)), (True, date(2024, 1, 31))):
        grant = replace(GRANT, terms=Terms(review_months=12, review_months_changing=6), changing=changing)
        assert only(given(D).when(grant).events, bc.CaseGranted).review_due == due


# -- suspension and appeal, hands


def test_who_suspended_does_not_resume() -> None:
    """Resuming may pay arrears: another hand decides it."""
    case = in_force().by("staff:reviewer").when(bc.SuspendCase(CASE, "2023-11", "失联")).accepted().on("2023-12-04")
    resume = bc.ResumeCase(CASE, "2023-12", True, "返回")
    case.when(resume).then_refused("same_hand")
    case = case.by("staff:approver").when(resume).accepted()
    assert only(case.events, bc.ArrearsFound).months == (bc.MonthDifference("2023-11", 0, 100000),)


def test_a_suspended_case_is_still_reassessed_and_ended() -> None:
    """The facts go on; only the money stands still."""
    case = in_force().when(bc.SuspendCase(CASE, "2023-11", "失联")).accepted()
    case = case.when(reassess("2023-10", assessed("2023-10", 60000))).accepted()
    assert (case.state.status, case.state.entitled("2023-11"), case.state.due("2023-11")) == ("suspended", 60000, 0)
    assert case.when(end("2023-11")).accepted().state.status == "ended"


def test_an_appeal_is_answered_by_a_hand_that_took_no_part() -> None:
    """Neither those of the decision nor the one that took it down, and only the one it was given to."""
    case = confirmed(WHOLE_MONTHLY)
    [decision] = case.state.decisions
    assert decision.hands == ("staff:clerk", "staff:reviewer", "staff:approver")
    case = case.by("staff:desk").when(bc.FileAppeal(CASE, decision.number, "金额有误")).accepted()
    for hand in (*decision.hands, "staff:desk"):
        case.by("staff:head").when(bc.AssignAppeal(CASE, hand)).then_refused("same_hand", "to")
    case = case.by("staff:head").when(bc.AssignAppeal(CASE, "staff:other")).accepted()
    dismissed = bc.AnswerAppeal(CASE, "dismissed", "计算无误")
    case.by("staff:reviewer").when(dismissed).then_refused("same_hand")
    case.by("staff:head").when(dismissed).then_refused("forbidden")
    case.by("staff:other").when(dismissed).then(bc.AppealAnswered(1, False, "计算无误", "staff:other"))


def test_an_appeal_comes_in_time_or_not_at_all() -> None:
    """Sixty days after the decision, the last of them included."""
    case = confirmed(WHOLE_MONTHLY)
    appeal = bc.FileAppeal(CASE, 1, "金额有误")
    case.on("2023-09-13").when(replace(appeal, decision=7)).then_refused("not_found", "decision")
    case.on("2023-09-12").when(appeal).accepted()
    case.on("2023-09-13").when(appeal).then_refused("out_of_order", "decision")


@pytest.mark.parametrize("status", ["applied", "accepted", "surveyed", "publicised"])
def test_a_refusal_that_is_set_aside_skips_no_step_that_was_not_taken(status: str) -> None:
    """A death that was none refused the application: it goes on behind the step it had come to, never behind the survey it never had."""
    refused = bc.CaseRefused("申请人死亡", "staff:head", date(2023, 7, 10), None, PROGRAMME, SUBJECT)
    [filed, *steps] = LIFE[status]
    filed = replace(filed, terms=Terms(objection_days=60, answer_days=20))
    case = given(D, filed, *steps, refused).on("2023-07-14").by("staff:desk").when(bc.FileAppeal(CASE, 1, "人还在")).accepted()
    case = case.by("staff:head2").when(bc.AssignAppeal(CASE, "staff:other")).accepted()
    case = case.by("staff:other").when(bc.AnswerAppeal(CASE, "upheld", "死亡登记有误")).accepted()
    assert case.state.status == {"publicised": "surveyed"}.get(status, status)


def test_an_upheld_appeal_has_the_rules_decide_the_months_again() -> None:
    """Never a typed amount: what is owed follows from the assessments."""
    case = confirmed(WHOLE_MONTHLY).on("2023-08-20").when(pay("2023-08")).accepted()
    case = case.by("staff:desk").when(bc.FileAppeal(CASE, 1, "少算一人")).accepted()
    case = case.by("staff:head").when(bc.AssignAppeal(CASE, "staff:other")).accepted()
    again = bc.Correction(reassess("2023-08", assessed("2023-08", 130000), facts=0, cause="appeal:1"))
    case = case.by("staff:other").when(bc.AnswerAppeal(CASE, "upheld", "少算一人属实", again)).accepted()
    assert only(case.events, bc.ArrearsFound).amount_fen == 30000
    assert case.state.due("2023-09") == 130000


def upheld(case: Given[bc.Case], kind: str, correction: bc.Correction | None = None) -> Given[bc.Case]:
    """An appeal against the newest decision of that kind, filed, given to a hand that took no part, and upheld by it."""
    number = [d.number for d in case.state.decisions if d.kind == kind][-1]
    case = case.by("staff:desk").when(bc.FileAppeal(CASE, number, "决定有误")).accepted()
    case = case.by("staff:head").when(bc.AssignAppeal(CASE, "staff:other")).accepted()
    return case.by("staff:other").when(bc.AnswerAppeal(CASE, "upheld", "申请人所述属实", correction or bc.Correction())).accepted()


def running(*months: str) -> Given[bc.Case]:
    """Confirmed from August on under the whole procedure, and paid for these months."""
    case = confirmed(WHOLE_MONTHLY)
    for month in months:
        case = case.by("staff:cashier").on(f"{month}-20").when(pay(month)).accepted()
    return case


def test_months_decided_otherwise_can_be_appealed_against_though_the_newest_is_as_it_was() -> None:
    """August lowered and claimed, September as before: there is a decision to appeal against."""
    case = running("2023-08").on("2023-09-05").by("service:assistance")
    lower = reassess("2023-08", assessed("2023-08", 70000), assessed("2023-09", 100000))
    case = case.when(lower).accepted()
    assert only(case.events, bc.CaseReassessed).outcome == "unchanged"
    assert [d.kind for d in case.state.decisions][-1] == "reassessed"
    assert only(case.events, bc.OverpaymentFound).amount_fen == 30000


def test_a_wrong_suspension_is_put_right_after_the_case_has_ended() -> None:
    """The suspended months up to the end go out; the case stays ended."""
    case = running("2023-08").by("staff:reviewer").on("2023-09-01").when(bc.SuspendCase(CASE, "2023-09", "失联")).accepted()
    case = case.on("2023-10-10").by("service:assistance").when(end("2023-11")).accepted()
    case = upheld(case.on("2023-10-20"), "suspended")
    assert only(case.events, bc.ArrearsFound).months == (bc.MonthDifference("2023-09", 0, 100000),)
    assert case.state.status == "ended"
    assert (case.state.due("2023-10"), case.state.due("2023-11")) == (100000, 0)


def test_a_wrong_suspension_is_put_right_after_the_case_was_resumed_without_its_months() -> None:
    """Resumed without the months, which the appeal gives; a second one finds nothing to put right."""
    case = running("2023-08").by("staff:reviewer").on("2023-09-01").when(bc.SuspendCase(CASE, "2023-09", "失联")).accepted()
    case = case.by("staff:approver").on("2023-10-08").when(bc.ResumeCase(CASE, "2023-10", False, "返回")).accepted()
    case = upheld(case, "suspended")
    assert only(case.events, bc.SuspensionSetAside).from_month == "2023-09"
    assert only(case.events, bc.ArrearsFound).months == (bc.MonthDifference("2023-09", 0, 100000),)
    with pytest.raises(AssertionError, match="暂停的月份已经补发"):
        upheld(case, "suspended")


def test_an_end_set_aside_brings_a_suspension_back_that_was_on() -> None:
    """Suspended, then ended: the end was wrong, whether the suspension was is another question."""
    case = running("2023-08").by("staff:reviewer").on("2023-09-01").when(bc.SuspendCase(CASE, "2023-09", "失联")).accepted()
    case = case.on("2023-10-10").by("service:assistance").when(end("2023-10")).accepted()
    again = bc.Correction(reassess("2023-10", assessed("2023-10", 100000), facts=0, cause="appeal:1"))
    case = upheld(case.on("2023-11-05"), "ended", again)
    assert (case.state.status, case.state.due("2023-09"), case.state.due("2023-11")) == ("suspended", 0, 0)
    assert not [x for x in case.events if isinstance(x, bc.ArrearsFound)]
    case.by("staff:approver").when(bc.ResumeCase(CASE, "2023-11", False, "返回")).accepted()


def test_the_whole_procedure_is_extended_once_where_the_terms_allow_it() -> None:
    """Thirty working days after acceptance, forty-five in special cases."""
    case = under(Terms(whole_days=30, extend_days=15), ACCEPTED).by("staff:approver")
    assert bc.limits(case.state)["whole"] == date(2023, 8, 14)
    case = case.when(bc.ExtendProcedure(CASE, "家庭情况复杂")).then(bc.ProcedureExtended(15, "家庭情况复杂", "staff:approver"))
    assert bc.limits(case.state)["whole"] == date(2023, 9, 4)
    case.when(bc.ExtendProcedure(CASE, "再延")).then_refused("already_exists")
    under(Terms(whole_days=30), ACCEPTED).when(bc.ExtendProcedure(CASE, "x")).then_refused("out_of_order")


def test_an_objection_that_nobody_answers_is_escalated() -> None:
    """Twenty working days; then it stands in the list of those who look after the others."""
    terms = Terms(answer_days=20)
    case = given(D, replace(FILED, terms=terms), ACCEPTED, SURVEYED, PROPOSED).on("2023-07-07").by("staff:desk")
    case = case.when(bc.RaiseObjection(CASE, "另有住房")).accepted()
    assert bc.worklist(case.state) == bc.Waiting("objection", date(2023, 8, 4), "objection")
    case = case.on("2023-08-07").when(bc.NoteStepOverdue(CASE, "objection")).accepted()
    assert bc.worklist(case.state).worklist == "objection_escalated"
    case = case.by("staff:other").when(bc.AnswerObjection(CASE, "dismissed", "查无此事")).accepted()
    assert bc.worklist(case.state).worklist == "confirm"


def test_nobody_objects_after_the_publicity() -> None:
    """The last day counts; the day after, an appeal against the decision is the way."""
    at("publicised").on("2023-07-13").when(bc.RaiseObjection(CASE, "另有住房")).accepted()
    at("publicised").on("2023-07-14").when(bc.RaiseObjection(CASE, "另有住房")).then_refused("out_of_order")


# -- a payee who has died

DIED = bc.PayeeDied(PROGRAMME, SUBJECT, PAYEE, date(2023, 10, 24))
HEIR = "d4" * 16
NAME, CONFIRM_HEIR = bc.NamePayee(CASE, HEIR, "监护协议"), bc.ConfirmPayee(CASE, HEIR)


def test_nothing_is_paid_to_a_payee_who_has_died_until_two_hands_have_named_another() -> None:
    """Told once; the months stay due; who names does not confirm; the arrears of waiting go to the new payee."""
    case = in_force().when(bc.LosePayee(CASE, PAYEE)).then(DIED)
    case.when(bc.LosePayee(CASE, PAYEE)).then()
    case.when(pay("2023-08")).then_refused("payee_died", "payee_id")
    assert case.state.due("2023-08") == 100000
    case.when(replace(NAME, payee_id=PAYEE)).then_refused("invalid_input", "payee_id")
    case.when(CONFIRM_HEIR).then_refused("out_of_order")
    named = case.by("staff:clerk").when(NAME).then(bc.PayeeNamed(HEIR, "监护协议", "staff:clerk"))
    named.when(pay("2023-08")).then_refused("payee_died")
    named.when(CONFIRM_HEIR).then_refused("same_hand")
    named.by("staff:approver").when(replace(CONFIRM_HEIR, payee_id="e5" * 16)).then_refused("out_of_order")
    confirmed = named.by("staff:approver").when(CONFIRM_HEIR).then(bc.PayeeChanged(HEIR))
    confirmed.when(pay("2023-08")).accepted()
    again = confirmed.when(replace(reassess("2023-10", assessed("2023-10", 90000)), payee_id=PAYEE)).accepted()
    assert again.state.payee_id == HEIR, "facts that are older than his death do not bring him back"


def test_a_payee_who_lives_after_all_is_paid_again() -> None:
    """Also where another was named meanwhile: he is not in force without a confirmation, and the first may be named again."""
    in_force().when(bc.KeepPayee(CASE, PAYEE)).then()
    lost = in_force(DIED)
    back = lost.when(bc.KeepPayee(CASE, PAYEE)).then(bc.PayeeLives(PAYEE))
    back.when(pay("2023-08")).accepted()
    back.when(NAME).then_refused("out_of_order")
    moved = in_force(DIED, bc.PayeeNamed(HEIR, "协议", "staff:clerk"), bc.PayeeChanged(HEIR))
    assert moved.when(bc.KeepPayee(CASE, PAYEE)).then(bc.PayeeLives(PAYEE)).state.payee_id == HEIR


def test_a_case_that_owes_nothing_hears_of_no_payees_death() -> None:
    """Another's payee, a case that is over and was paid; one that is over and owes a month still does."""
    in_force().when(bc.LosePayee(CASE, HEIR)).then()
    over = bc.CaseEnded(PROGRAMME, SUBJECT, "2023-10", "死亡", "")
    in_force(*paid("2023-08", "2023-09"), over).when(bc.LosePayee(CASE, PAYEE)).then()
    in_force(*paid("2023-08"), over).when(bc.LosePayee(CASE, PAYEE)).then(DIED)
