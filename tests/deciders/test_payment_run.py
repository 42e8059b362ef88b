"""The life of a payment run and its parts: listed, locked, approved by another hand, sent, settled, closed with its sums proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from shared.casework import benefit_case as bc
from shared.casework import payee_account as pa
from shared.casework import payment_part as pp
from shared.casework import payment_run as pr
from shared.casework import payments as business
from shared.casework import recovery as rc
from shared.casework.benefit_case import BenefitPaid, OverpaymentFound, PaymentReturned
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventsourcing.events import type_of
from shared.eventsourcing.orders import Answer, Hand, Order, derived_id
from shared.eventsourcing.testing import Given, given
from tests.deciders.samples import assessed

D, PARTS, ACCOUNTS = pr.decider("assistance"), pp.decider("assistance"), pa.decider("assistance")
CASES, CLAIMS = bc.decider("assistance"), rc.decider("assistance")
PROGRAMME, MONTH, TOWN = "minimum_living_allowance", "2023-07", "330225"
RUN = pr.run_id(PROGRAMME, MONTH, TOWN)
OPEN = pr.OpenPaymentRun(PROGRAMME, MONTH, TOWN, 0, pr.BANK_FILE)
OPENED = pr.PaymentRunOpened(RUN, PROGRAMME, MONTH, TOWN, "staff:cashier", 0, pr.BANK_FILE)
SUMS = (pr.PartSum(2, 150000), pr.PartSum(1, 70000))
LISTED = pr.PaymentPartsListed(RUN, 0, SUMS, "case-c")
LOCKED = pr.PaymentRunLocked(3, 220000)
APPROVED = pr.PaymentRunApproved(RUN, PROGRAMME, MONTH, "staff:chief")
SENDING = pr.PaymentRunSending(RUN, "staff:cashier")
RESERVED = (pr.PartSum(2, 150000), pr.PartSum(0, 0))
PARTS_SENT = pr.PaymentPartsSent(RUN, 0, RESERVED)
SENT = pr.PaymentRunSent(RUN, 2, 150000)
FIRST = pr.PartOutcome(0, 1, 100000, 1, 50000, 0, 0)
SECOND = pr.PartOutcome(1, 0, 0, 0, 0, 1, 70000)
SETTLED = pr.PaymentPartsSettled((SECOND, FIRST))
CLOSED = pr.PaymentRunClosed(RUN, PROGRAMME, MONTH, 3, 220000, 1, 100000, 1, 50000, 1, 70000)
CANCELLED = pr.PaymentRunCancelled("重复", "staff:cashier")
LIFE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "open": (OPENED, LISTED),
    "locked": (OPENED, LISTED, LOCKED),
    "approved": (OPENED, LISTED, LOCKED, APPROVED),
    "sending": (OPENED, LISTED, LOCKED, APPROVED, SENDING),
    "sent": (OPENED, LISTED, LOCKED, APPROVED, SENDING, PARTS_SENT, SENT),
    "closed": (OPENED, LISTED, LOCKED, APPROVED, SENDING, PARTS_SENT, SENT, SETTLED, CLOSED),
    "cancelled": (OPENED, LISTED, CANCELLED),
}


def at(status: str) -> Given[pr.Run]:
    found = given(D, *LIFE[status])
    assert found.state.status == status
    return found


def test_a_run_lives_from_the_list_to_the_proof() -> None:
    """In = paid + failed + held, in lines and in fen, said by the run itself when the last part is settled."""
    run = given(D).by("staff:cashier").when(OPEN).then(OPENED)
    run = run.when(pr.ListPaymentParts(0, SUMS, "case-c")).then(LISTED)
    run = run.when(pr.LockPaymentRun(RUN)).then(LOCKED)
    run = run.by("staff:chief").when(pr.ApprovePaymentRun(RUN)).then(APPROVED)
    run = run.by("staff:cashier").when(pr.SendPaymentRun(RUN)).then(SENDING)
    run = run.by("service:assistance").when(pr.RecordSentParts(0, RESERVED)).then(PARTS_SENT, SENT)
    made = run.by("staff:cashier").when(pr.RecordPaymentFile(RUN, "csv", "ab" * 32, 2, 150000))
    run = made.then(pr.PaymentFileMade("csv", "ab" * 32, 2, 150000, "staff:cashier"))
    run = run.when(pr.RecordSettledParts((SECOND,))).then(pr.PaymentPartsSettled((SECOND,)))
    run.when(pr.RecordSettledParts((FIRST, SECOND))).then(pr.PaymentPartsSettled((FIRST,)), CLOSED)


@pytest.mark.parametrize("status", [s for s in LIFE if s != "none"])
def test_a_round_of_a_month_has_one_run(status: str) -> None:
    """A second run of the same programme, month, division and round is refused."""
    at(status).when(OPEN).then_refused("already_exists", "month")


def test_every_round_is_a_run_of_its_own() -> None:
    """补发批次: the first round keeps the name that a month's run always had."""
    assert pr.run_id(PROGRAMME, MONTH, TOWN) == derived_id("payment_run", PROGRAMME, MONTH, TOWN)
    assert len({pr.run_id(PROGRAMME, MONTH, TOWN, n) for n in range(4)}) == 4


@pytest.mark.parametrize("month", ["2023-08", "2023-7", ""])
def test_no_run_for_a_month_to_come_or_for_none(month: str) -> None:
    """August is not paid in July, and a month is written YYYY-MM."""
    given(D).when(pr.OpenPaymentRun(PROGRAMME, month, TOWN)).then_refused("invalid_input", "month")


@pytest.mark.parametrize("status", [s for s in LIFE if s != "open"])
def test_a_list_grows_only_while_the_run_is_open(status: str) -> None:
    """A locked list does not grow, and is locked once: a second worker who comes with the same finds it done."""
    at(status).when(pr.ListPaymentParts(0, (*SUMS, pr.PartSum(1, 1)), "case-d")).then_refused("out_of_order")
    lock = at(status).when(pr.LockPaymentRun(RUN))
    if status in ("none", "cancelled"):
        lock.then_refused("out_of_order")
    else:
        lock.then_nothing()
        at(status).when(pr.ListPaymentParts(0, SUMS, "case-c")).then_nothing()


def test_parts_come_in_their_order_and_once() -> None:
    """Another worker may have listed the same parts: only what is new is added, and nothing is left out."""
    at("open").when(pr.ListPaymentParts(0, SUMS, "case-c")).then_nothing()
    at("open").when(pr.ListPaymentParts(3, SUMS, "case-d")).then_refused("out_of_order")
    third = pr.PartSum(1, 5)
    at("open").when(pr.ListPaymentParts(1, (SUMS[1], third), "case-d")).then(pr.PaymentPartsListed(RUN, 2, (third,), "case-d"))
    at("open").when(pr.ListPaymentParts(2, (third,), "case-c")).then_refused("invalid_input", "parts")
    at("open").when(pr.ListPaymentParts(2, (pr.PartSum(0, 0),), "case-d")).then_refused("invalid_input", "parts")


def test_an_empty_run_is_not_locked_but_can_be_cancelled() -> None:
    """There is nobody to pay; the way out is to cancel it."""
    given(D, OPENED).when(pr.LockPaymentRun(RUN)).then_refused("out_of_order")
    given(D, OPENED).by("staff:cashier").when(pr.CancelPaymentRun(RUN, "重复")).then(CANCELLED)


@pytest.mark.parametrize("status", list(LIFE))
def test_a_run_is_cancelled_only_before_it_is_sent(status: str) -> None:
    """What is reserved in the cases cannot be undone by a word; and a reason is given."""
    for command in (pr.CancelPaymentRun(RUN, "重复"), pr.RejectPaymentRun(RUN, "重复")):
        outcome = at(status).by("staff:cashier").when(command)
        if status in ("open", "locked", "approved"):
            outcome.then(CANCELLED)
        else:
            outcome.then_refused("out_of_order")
    at("locked").when(pr.RejectPaymentRun(RUN, " ")).then_refused("invalid_input", "reason")


SIGNED = pr.PaymentPartsListed(RUN, 0, SUMS, "case-c", (pr.HandLines(0, "staff:chief", 2), pr.HandLines(1, "staff:chief", 1)))


def test_who_decided_a_case_neither_locks_nor_sends_its_run() -> None:
    """The run knows by its own events who decided how many of its lines; for that hand it stands still, for every other it goes on."""
    said = given(D, OPENED).by("service:assistance").when(pr.ListPaymentParts(0, SUMS, "case-c", SIGNED.hands))
    run = said.then(SIGNED)
    assert "3笔" in str(run.by("staff:chief").when(pr.LockPaymentRun(RUN)).then_refused("same_hand"))
    run.by("staff:other").when(pr.LockPaymentRun(RUN)).then(LOCKED)
    himself = given(D, replace(OPENED, by="staff:chief"), SIGNED).by("service:assistance")
    assert "3笔" in str(himself.when(pr.LockPaymentRun(RUN)).then_refused("same_hand"))
    approved = given(D, OPENED, SIGNED, LOCKED, replace(APPROVED, by="staff:head"))
    assert "3笔" in str(approved.by("staff:chief").when(pr.SendPaymentRun(RUN)).then_refused("same_hand"))
    approved.by("staff:cashier").when(pr.SendPaymentRun(RUN)).then(SENDING)
    sent = given(D, OPENED, SIGNED, LOCKED, APPROVED, SENDING, PARTS_SENT, SENT)
    assert "3笔" in str(sent.by("staff:chief").when(pr.RecordPaymentFile(RUN, "csv", "ab" * 32, 2, 150000)).then_refused("same_hand"))


def test_hands_are_counted_once_whoever_lists_a_part_again() -> None:
    """A worker who comes late with the same parts and one more adds the hands of that one alone."""
    third = pr.PartSum(1, 5)
    hands = (*SIGNED.hands, pr.HandLines(2, "staff:head", 1))
    late = given(D, OPENED, SIGNED).when(pr.ListPaymentParts(0, (*SUMS, third), "case-d", hands))
    run = late.then(pr.PaymentPartsListed(RUN, 2, (third,), "case-d", (pr.HandLines(2, "staff:head", 1),)))
    assert dict(run.state.hands) == {"staff:chief": 3, "staff:head": 1}


@pytest.mark.parametrize("status", [s for s in LIFE if s != "locked"])
def test_only_a_locked_run_is_approved(status: str) -> None:
    """What is approved cannot change any more."""
    at(status).by("staff:chief").when(pr.ApprovePaymentRun(RUN)).then_refused("out_of_order")


def test_three_steps_take_two_hands() -> None:
    """Law 9: whoever made the list does not approve it, whoever approved does not send."""
    at("locked").by("staff:cashier").when(pr.ApprovePaymentRun(RUN)).then_refused("same_hand")
    at("approved").by("staff:chief").when(pr.SendPaymentRun(RUN)).then_refused("same_hand")


@pytest.mark.parametrize("status", list(LIFE))
def test_a_run_is_sent_once_after_its_approval(status: str) -> None:
    """Sent again it changes nothing; before it is refused."""
    outcome = at(status).by("staff:cashier").when(pr.SendPaymentRun(RUN))
    if status == "approved":
        outcome.then(SENDING)
    elif status in ("sending", "sent", "closed"):
        outcome.then_nothing()
    else:
        outcome.then_refused("out_of_order")


def test_no_more_is_sent_than_was_listed() -> None:
    """Neither lines nor fen nor parts."""
    for sums in ((pr.PartSum(3, 1),), (pr.PartSum(2, 150001),), (*RESERVED, pr.PartSum(0, 0)), (pr.PartSum(-1, 0),)):
        at("sending").when(pr.RecordSentParts(0, sums)).then_refused("invalid_input", "parts")
    at("sending").when(pr.RecordSentParts(1, RESERVED)).then_refused("out_of_order")
    at("sent").when(pr.RecordSentParts(0, RESERVED)).then_nothing()


@pytest.mark.parametrize(
    "outcome",
    [replace(FIRST, paid=2), replace(FIRST, paid_fen=99999), replace(FIRST, failed=0, failed_fen=0), replace(FIRST, number=2)],
    ids=["a line too many", "a fen too few", "a line left out", "no such part"],
)
def test_a_part_that_does_not_add_up_is_not_settled(outcome: pr.PartOutcome) -> None:
    """In = paid + failed + held, part by part."""
    at("sent").when(pr.RecordSettledParts((outcome,))).then_refused("invalid_input", "parts")


def test_a_run_settles_while_it_is_sent_and_closes_with_whatever_comes_last() -> None:
    """The last part may be settled before it is said to be sent."""
    run = at("sending").when(pr.RecordSettledParts((FIRST, SECOND))).then(pr.PaymentPartsSettled((FIRST, SECOND)))
    run.when(pr.RecordSentParts(0, RESERVED)).then(PARTS_SENT, SENT, CLOSED)
    at("closed").when(pr.RecordSettledParts((FIRST,))).then_nothing()
    at("approved").when(pr.RecordSettledParts((FIRST,))).then_refused("out_of_order")


def test_the_bank_file_says_what_was_sent_and_always_the_same() -> None:
    """Another sum, or another content the second time, is refused."""
    at("sent").when(pr.RecordPaymentFile(RUN, "csv", "ab" * 32, 3, 150000)).then_refused("invalid_input", "total_fen")
    made = at("sent").when(pr.RecordPaymentFile(RUN, "csv", "ab" * 32, 2, 150000)).accepted()
    made.when(pr.RecordPaymentFile(RUN, "xlsx", "cd" * 32, 2, 150000)).then_refused("invalid_input", "sha256")
    made.when(pr.RecordPaymentFile(RUN, "xlsx", "ab" * 32, 2, 150000)).accepted()
    at("sending").when(pr.RecordPaymentFile(RUN, "csv", "ab" * 32, 2, 150000)).then_refused("out_of_order")


# -- parts ---------------------------------------------------------------------------------------------------------------

LINES = (
    pr.PaymentLine("case-a", 100000, "p1", 1, 4),
    pr.PaymentLine("case-b", 50000, "p2", 0, 4),
    pr.PaymentLine("case-c", 70000, "p3", 2, 1),
)
LIST = pp.ListPaymentLines(0, LINES, RUN, PROGRAMME, MONTH, TOWN, accounts=True)
NO_ACCOUNT = (pr.LineReason(2, pp.NO_ACCOUNT),)
PART = pr.PaymentLinesListed(0, LINES, RUN, PROGRAMME, MONTH, TOWN, NO_ACCOUNT)
BEGUN, REFUSED = pp.PaymentPartSending(RUN), pp.PaymentPartSent(RUN, (pr.LineReason(3, "amount_changed"),))
SOURCE = "ef" * 32


def result(no: int, outcome: Any = "paid", fen: int = 100000, reason: str = "") -> pp.LineResult:
    return pp.LineResult(no, outcome, fen, reason or ("账户已销户" if outcome != "paid" else ""))


def settle(*results: pp.LineResult) -> pp.SettlePaymentLines:
    return pp.SettlePaymentLines(RUN, results, SOURCE)


def test_a_line_without_an_account_is_held_from_the_start() -> None:
    """Only where the bank's file needs one."""
    given(PARTS).when(LIST).then(PART)
    given(PARTS).when(replace(LIST, accounts=False)).then(replace(PART, held=()))


@pytest.mark.parametrize(
    "lines",
    [(), (pr.PaymentLine("c", 0),), (pr.PaymentLine("c", -1),), tuple(pr.PaymentLine(f"c{n:03}", 1) for n in range(401)),
     (pr.PaymentLine("c", 1), pr.PaymentLine("c", 2)), (pr.PaymentLine("d", 1), pr.PaymentLine("c", 2))],
    ids=["empty", "nothing", "negative", "too many", "twice", "out of order"],
)  # fmt: skip
def test_a_part_is_bounded_ordered_and_pays_something(lines: tuple[pr.PaymentLine, ...]) -> None:
    """No empty part, no line of nothing, nobody twice, no event over 64 KiB."""
    given(PARTS).when(replace(LIST, lines=lines)).then_refused("invalid_input", "lines")


def test_a_part_is_listed_once() -> None:
    """Whoever comes second reads what the first one listed."""
    given(PARTS, PART).when(replace(LIST, lines=LINES[:1])).then_nothing()


def test_a_line_is_held_and_released_before_it_is_sent() -> None:
    """With a reason, by a hand that is named; a line without an account waits for the follow-up run."""
    held = given(PARTS, PART).by("staff:cashier").when(pp.HoldPaymentLine(RUN, 1, "对象死亡"))
    held = held.then(pp.PaymentLineHeld(1, "对象死亡", "staff:cashier"))
    held.when(pp.HoldPaymentLine(RUN, 1, "再次")).then_nothing()
    held.when(pp.ReleasePaymentLine(RUN, 1)).then(pp.PaymentLineReleased(1, "staff:cashier"))
    held.when(pp.ReleasePaymentLine(RUN, 3)).then_nothing()
    held.when(pp.ReleasePaymentLine(RUN, 2)).then_refused("out_of_order")
    given(PARTS, PART).when(pp.HoldPaymentLine(RUN, 1, " ")).then_refused("invalid_input", "reason")
    given(PARTS, PART).when(pp.HoldPaymentLine(RUN, 4, "x")).then_refused("invalid_input", "line_no")
    given(PARTS, PART, BEGUN).when(pp.HoldPaymentLine(RUN, 1, "x")).then_refused("out_of_order")
    given(PARTS).when(pp.BeginPart(RUN)).then_refused("out_of_order")


def test_a_part_is_sent_and_settled_line_by_line() -> None:
    """Held lines stay out, refused ones fail, and the bank's word ends the rest."""
    part = given(PARTS, PART).when(pp.BeginPart(RUN)).then(BEGUN)
    part.when(pp.BeginPart(RUN)).then_nothing()
    part.when(pp.FinishPart(RUN, (pr.LineReason(2, "x"),))).then_refused("invalid_input", "refused")
    part = part.when(pp.FinishPart(RUN, REFUSED.refused)).then(REFUSED)
    part.when(pp.FinishPart(RUN, ())).then_nothing()
    assert part.state.fates == ("sent", "held", "refused")
    assert not part.state.complete
    done = part.when(settle(result(1))).then(pp.PaymentLinesSettled(RUN, 0, (1,), (), SOURCE))
    assert done.state.complete
    assert done.state.outcome == pr.PartOutcome(0, 1, 100000, 1, 70000, 1, 50000)
    done.when(settle(result(1))).then_nothing()
    back = done.when(settle(result(1, "returned"))).then(pp.PaymentLinesReturned(RUN, 0, (pr.LineReason(1, "账户已销户"),), SOURCE))
    assert back.state.outcome == done.state.outcome, "the run closed with it paid"
    back.when(settle(result(1, "returned"))).then_nothing()
    back.when(settle(result(1))).then_nothing()


@pytest.mark.parametrize(
    "wrong",
    [result(1, fen=99999), result(4), result(0), result(2, fen=50000), result(3, fen=70000), result(1, "returned"),
     pp.LineResult(1, "failed", 100000)],
    ids=["another amount", "no such line", "no line 0", "held", "refused by its case", "returned unpaid", "failed without a reason"],
)  # fmt: skip
def test_a_wrong_line_of_a_return_file_is_refused_by_its_number(wrong: pp.LineResult) -> None:
    """Nothing of it is taken."""
    refused = given(PARTS, PART, BEGUN, REFUSED).when(settle(wrong)).then_refused("invalid_input", "lines")
    assert f"第{wrong.line_no}行" in refused.message


@pytest.mark.parametrize(("was", "says"), [("paid", "failed"), ("failed", "paid"), ("failed", "returned")])
def test_a_line_is_settled_once(was: Any, says: Any) -> None:
    """What was paid does not fail afterwards (it comes back, 退汇), and what failed is paid by the follow-up run."""
    part = given(PARTS, PART, BEGUN, REFUSED).when(settle(result(1, was))).accepted()
    part.when(settle(result(1, says))).then_refused("invalid_input", "lines")


# -- accounts ------------------------------------------------------------------------------------------------------------

PROPOSE = pa.ProposePayeeAccount("p1", TOWN, "103332012345", "6228 4800 1234 5678", "张某", "A1")
PROPOSED = pa.PayeeAccountProposed("p1", TOWN, 1, "103332012345", "6228480012345678", "张某", "A1", "staff:clerk")
CONFIRMED = pa.PayeeAccountConfirmed("p1", 1, "staff:chief")


def test_an_account_takes_two_hands_and_the_old_one_pays_until_then() -> None:
    """The changer may not confirm, the first account included."""
    first = given(ACCOUNTS).by("staff:clerk").when(PROPOSE).then(PROPOSED)
    first.when(pa.ConfirmPayeeAccount("p1", 1)).then_refused("same_hand")
    there = first.by("staff:chief").when(pa.ConfirmPayeeAccount("p1", 1)).then(CONFIRMED)
    there.when(PROPOSE).then_nothing()
    changed = there.by("staff:thief").when(replace(PROPOSE, account_no="6228480099999999")).accepted()
    assert changed.state.in_force is not None
    assert changed.state.in_force.number == 1
    changed.when(pa.ConfirmPayeeAccount("p1", 2)).then_refused("same_hand")
    changed.by("staff:chief").when(pa.ConfirmPayeeAccount("p1", 1)).then_refused("out_of_order")
    changed.when(PROPOSE).then_refused("out_of_order")
    rejected = changed.by("staff:chief").when(pa.RejectPayeeAccount("p1", 2, "材料不符")).accepted()
    assert rejected.state.in_force == there.state.in_force
    third = rejected.by("staff:clerk").when(replace(PROPOSE, account_no="6228480099999999")).accepted()
    assert third.state.proposed is not None
    assert third.state.proposed.number == 3


@pytest.mark.parametrize(
    ("field_name", "value"),
    [("account_no", "12"), ("account_no", "=1+1"), ("bank_code", "1"), ("holder", " "), ("holder", "a\nb"), ("document_no", "")],
)
def test_an_account_is_plain_digits_with_a_holder_and_a_document(field_name: str, value: str) -> None:
    """Typed errors name the field."""
    given(ACCOUNTS).when(replace(PROPOSE, **{field_name: value})).then_refused("invalid_input", field_name)


# -- any order, any crash --------------------------------------------------------------------------------------------------


class Crash(Exception):
    """The process is gone, before or after what it was about to append."""


@dataclass
class Stored:
    event: Any
    id: str


@dataclass
class House:
    """Payments over deciders in memory, with every message delivered late, twice and by processes that die."""

    streams: dict[str, list[Any]] = field(default_factory=dict)
    done: dict[tuple[str, str], str] = field(default_factory=dict)
    messages: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # (event, id, facts)
    crash_in: int = -1
    commands: int = 0

    def load(self, decider: Any, aggregate_id: str) -> Any:
        events = self.streams.get(decider.stream(aggregate_id), [])
        return SimpleNamespace(state=decider.fold([s.event for s in events]), version=len(events) - 1, done={})

    def history(self, stream: str) -> list[Stored]:
        return list(self.streams.get(stream, []))

    def handle(self, decider: Any, aggregate_id: str, order: Order[Any]) -> Answer:
        stream = decider.stream(aggregate_id)
        body = repr(order.command if order.asked is None else order.asked)
        known = self.done.get((stream, order.command_id))
        if known is not None:
            if known != body:
                raise Refused("command_id_reused", "", "command_id")
            return Answer(stream, aggregate_id, 0, 0, repeated=True)
        state = self.load(decider, aggregate_id).state
        decided = decider.decide[type(order.command)](state, order.command, order)
        decider.fold(decided, state)
        self.crash_in -= 1
        if self.crash_in == 0:
            raise Crash
        if decided:
            self.done[stream, order.command_id] = body
        for event in decided:
            self.commands += 1
            event_id = f"e{self.commands}"
            self.streams.setdefault(stream, []).append(Stored(event, event_id))
            kind = type_of(event, "assistance")
            if kind.published:
                self.messages.append((kind.short, event_id, event))
        if self.crash_in == 1 and decided:
            self.crash_in = -1
            raise Crash
        return Answer(stream, aggregate_id, 0, 0)


PERSONS = ("a", "b", "e")
NEXT = {"none": "prepare", "locked": "approve", "approved": "send", "closed": "follow", "cancelled": "prepare", "sent": "paid"}
GO_ON = ("payment_parts_listed", "payment_run_approved", "payment_run_sending", "payment_parts_sent")


class Bureau:
    """A town of five, its cashier, approver and bank."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.house = House()
        self.money = business.Payments(self.house, {PROGRAMME: None}, CASES, D, CLAIMS)  # type: ignore[dict-item]
        self.cases = {p: bc.case_id(PROGRAMME, p) for p in PERSONS}
        self.asked = 0
        self.crash = 0
        for n, p in enumerate(PERSONS):
            self.case(p, bc.GrantCase(PROGRAMME, p, p, TOWN, MONTH, assessed(MONTH, 10000 * (n + 1)), 0))

    def order(self, command: Any, actor: str = "service:assistance", command_id: str = "") -> Order[Any]:
        self.asked += 1
        now = datetime(2023, 7, 25, 9, tzinfo=SHANGHAI)
        return Order(command, command_id or f"c{self.asked}", Hand(actor), now)

    def case(self, person: str, command: Any) -> None:
        self.house.handle(CASES, self.cases[person], self.order(command))

    def state(self, person: str) -> bc.Case:
        found: bc.Case = self.house.load(CASES, self.cases[person]).state
        return found

    @property
    def due(self) -> business.Due:
        return business.Due(self.lines_due, self.signed, self.own)

    def signed(self, cases: Sequence[str]) -> dict[str, int]:
        return dict(Counter(hand for p, c in self.cases.items() if c in cases for hand in self.state(p).signed))

    def own(self, hand: str) -> int:
        return sum(hand in self.state(p).signed for p, c in self.cases.items() if any(x.case_id == c for x in self.lines_due("")))

    def lines_due(self, after: str) -> Iterator[pr.PaymentLine]:
        for case_id, p in sorted((c, p) for p, c in self.cases.items()):
            case = self.state(p)
            if case_id > after and MONTH not in case.paid and case.payable(MONTH) > 0:
                yield pr.PaymentLine(case_id, case.payable(MONTH), p, int(p != "e"), 0)

    def runs(self) -> list[pr.Run]:
        found = [self.house.load(D, pr.run_id(PROGRAMME, MONTH, TOWN, n)).state for n in range(30)]
        return [r for r in found if r.status != "none"]

    def part(self, run: pr.Run, number: int) -> pp.Part:
        return self.money.part(run.run_id, number)

    # -- what happens

    def tried(self, do: Any, crash: int = -1) -> None:
        """Refusals are answers, a crash ends the process; neither may leave anything that cannot go on."""
        self.house.crash_in = crash
        try:
            do()
        except (Refused, Crash):
            pass
        finally:
            self.house.crash_in = -1

    def act(self, what: str, n: int, crash: int) -> None:
        prepare = business.Prepare(PROGRAMME, MONTH, TOWN)
        last = self.runs()[-1] if self.runs() else None
        if what == "go":  # the ordinary next step
            what = NEXT.get(last.status if last else "none", "all")
        if what == "all":
            self.settle_all()
        elif what == "prepare":
            self.tried(lambda: self.money.prepare_run(self.due, self.mode, self.order(prepare, "staff:cashier")), crash)
        elif what == "follow":
            self.tried(lambda: self.money.prepare_follow_up(self.due, self.mode, self.order(prepare, "staff:cashier")), crash)
        elif what == "deliver" and self.house.messages:
            self.tried(lambda: self.react(*self.house.messages[n % len(self.house.messages)]), crash)
        elif what == "change":
            person = PERSONS[n % len(PERSONS)]
            amount = (n // 5 % 4) * 7000 + 3000
            facts = self.state(person).facts_version + 1
            change = bc.ReassessCase(self.cases[person], MONTH, (assessed(MONTH, amount),), facts, "fact")
            self.tried(lambda: self.case(person, change))
        elif what == "sign":  # the cashier holds another post too
            person = PERSONS[n % len(PERSONS)]
            case = self.state(person)
            decided = bc.ReassessCase(self.cases[person], MONTH, (assessed(MONTH, case.due(MONTH)),), case.facts_version, f"review:{n}")
            signing = self.order(decided, "staff:cashier")
            self.tried(lambda: self.house.handle(CASES, self.cases[person], signing))
        elif last is not None and what in ("approve", "send", "cancel", "stalled"):
            command, actor = {
                "approve": (pr.ApprovePaymentRun(last.run_id), "staff:chief"),
                "send": (pr.SendPaymentRun(last.run_id), "staff:cashier"),
                "cancel": (pr.CancelPaymentRun(last.run_id, "重编"), "staff:cashier"),
                "stalled": (None, "service:assistance"),
            }[what]
            if command is None:
                self.tried(lambda: self.money.list_more(last.run_id, self.due, self.order(None)), crash)
                self.tried(lambda: self.money.send_more(last.run_id, self.order(None)), crash)
            else:
                self.tried(lambda: self.house.handle(D, last.run_id, self.order(command, actor)), crash)
        elif last is not None and what in ("hold", "release"):
            line = n % 3 + 1
            kind = pp.HoldPaymentLine(last.run_id, line, "存疑") if what == "hold" else pp.ReleasePaymentLine(last.run_id, line)
            self.tried(lambda: self.money.hold(self.order(kind, "staff:cashier")), crash)
        elif what in ("paid", "failed", "returned") and self.runs():
            run = self.runs()[n % len(self.runs())]
            self.tried(lambda: self.bank(run, n // 7, what), crash)

    def bank(self, run: pr.Run, n: int, outcome: Any) -> None:
        lines = list(self.money.lines(run.run_id))
        if lines:
            line = lines[n % len(lines)]
            told = pp.LineResult(line["line_no"], outcome, line["amount_fen"], "" if outcome == "paid" else "账户异常")
            self.money.settle(run.run_id, [told], "ab" * 32, self.order(None, "staff:cashier"))

    def react(self, event: str, event_id: str, facts: Any) -> None:
        """As the doors do; the same message always gives the same command ids."""
        order = replace(self.order(facts), command_id=derived_id(event_id, event), asked=event_id)
        if event == "payment_parts_listed":
            self.money.list_more(facts.run_id, self.due, order)
        elif event == "payment_run_approved":
            self.money.approved(facts.run_id, order)
        elif event in GO_ON:
            self.money.send_more(facts.run_id, order)
        elif event in ("payment_lines_settled", "payment_lines_returned"):
            self.money.settled(facts.run_id, facts.number, order)
        elif event == "overpayment_found":
            self.money.open_recovery(event_id, facts, order)
        elif event == "claimed_due_again":
            self.money.due_again(event_id, facts, order)
        elif event == "payment_returned":
            self.money.payment_returned(facts, order)

    def settle_all(self) -> None:
        """Everything delivered, more than once and oldest last."""
        seen = -1
        while seen != self.house.commands:
            seen = self.house.commands
            for message in [*self.house.messages, *reversed(self.house.messages)]:
                self.tried(lambda m=message: self.react(*m))

    def finish(self) -> None:
        """Whatever state it was left in: ordinary acts bring it to its end."""
        for _ in range(12):
            self.settle_all()
            for run in self.runs():
                for command, actor in ((pr.ApprovePaymentRun, "staff:chief"), (pr.SendPaymentRun, "staff:another cashier")):
                    self.tried(lambda r=run, c=command, a=actor: self.house.handle(D, r.run_id, self.order(c(r.run_id), a)))
                if run.status == "open":
                    self.tried(lambda r=run: self.money.list_more(r.run_id, self.due, self.order(None)))
                    if not run.parts:
                        cancel = pr.CancelPaymentRun(run.run_id, "无应发")
                        self.tried(lambda r=run, c=cancel: self.house.handle(D, r.run_id, self.order(c, "staff:cashier")))
                if run.status == "sending":
                    self.tried(lambda r=run: self.money.send_more(r.run_id, self.order(None)))
            self.settle_all()
            for run in self.runs():
                for n in range(len(list(self.money.lines(run.run_id)))):
                    self.tried(lambda r=run, n=n: self.bank(r, n, "paid"))
            self.settle_all()

    # -- what must hold

    def never_twice(self) -> None:
        for p, case_id in self.cases.items():
            events = [s.event for s in self.house.streams[CASES.stream(case_id)]]
            paid = sum(isinstance(e, BenefitPaid) and e.month == MONTH for e in events)
            back = sum(isinstance(e, PaymentReturned) and e.month == MONTH for e in events)
            assert paid - back in (0, 1), p

    def never_by_who_decided(self) -> None:
        for case_id in self.cases.values():
            case = CASES.initial
            for stored in self.house.streams[CASES.stream(case_id)]:
                if isinstance(stored.event, BenefitPaid):
                    run = self.house.load(D, stored.event.run_id).state
                    assert not {run.opener, run.sender} & set(case.signed), stored
                case = CASES.evolve(case, stored.event)

    def had(self, person: str) -> int:
        """Fen the bank put into a person's account and did not take back."""
        return sum(
            line["amount_fen"]
            for run in self.runs()
            for line in self.money.lines(run.run_id)
            if line["case_id"] == self.cases[person] and line["status"] == "paid"
        )

    def claimed(self, person: str) -> int:
        stream = self.house.streams[CASES.stream(self.cases[person])]
        claims = [self.house.load(CLAIMS, derived_id("recovery", s.id)).state for s in stream if isinstance(s.event, OverpaymentFound)]
        return sum(c.left_fen for c in claims if c.open)

    def proven(self) -> None:
        for run in self.runs():
            closed = [s.event for s in self.house.streams[D.stream(run.run_id)] if isinstance(s.event, pr.PaymentRunClosed)]
            assert len(closed) == (run.status == "closed")
            for e in closed:
                assert e.count == e.paid + e.failed + e.held == run.count
                assert e.total_fen == e.paid_fen + e.failed_fen + e.held_fen == run.total_fen
                parts = [self.part(run, n) for n in range(len(run.parts))]
                assert e.paid_fen == sum(p.of("paid", "returned").total_fen for p in parts)


acts = st.sampled_from(
    ["go"] * 8 + ["all"] * 6 + ["failed"] * 3 + ["returned"] * 3 + ["change"] * 3 + ["deliver"] * 3
    + ["prepare", "follow", "approve", "sign", "send", "paid", "hold", "release", "cancel", "stalled"]
)  # fmt: skip
steps = st.lists(st.tuples(acts, st.integers(0, 60), st.sampled_from([-1, -1, -1, 1, 2, 3, 4, 5, 7, 9])), min_size=10, max_size=60)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@for_all(steps, st.sampled_from([pr.BANK_FILE, pr.DIRECT]))
def test_whatever_happens_in_whatever_order_everybody_is_paid_once(told: list[Any], mode: str) -> None:
    """Crashes, repeats, failures, returned money and changed amounts: nothing is paid twice, nothing lost, nothing stuck."""
    with mock.patch.object(pp, "CHUNK", 2), mock.patch.object(business, "CHUNK", 2), mock.patch.object(business, "AT_ONCE", 1):
        bureau = Bureau(mode)
        for what, n, crash in told:
            bureau.act(what, n, crash)
            bureau.never_twice()
        bureau.finish()
        bureau.never_twice()
        bureau.never_by_who_decided()
        bureau.proven()
        for run in bureau.runs():
            assert run.status in ("closed", "cancelled"), run
        for person in PERSONS:
            case = bureau.state(person)
            due = case.due(MONTH) if MONTH in case.paid else 0
            assert bureau.had(person) - bureau.claimed(person) + case.arrears_fen == due, person


def test_a_run_of_all_is_paid_in_follow_ups_until_nothing_is_due() -> None:
    """The bank fails two and gives one back; the follow-up lists exactly these."""
    with mock.patch.object(pp, "CHUNK", 2), mock.patch.object(business, "CHUNK", 2), mock.patch.object(business, "AT_ONCE", 1):
        bureau = Bureau(pr.BANK_FILE)
        bureau.act("prepare", 0, -1)
        bureau.settle_all()
        [run] = bureau.runs()
        assert (run.status, run.count, run.total_fen) == ("locked", 3, 60000)
        bureau.act("approve", 0, -1)
        bureau.act("send", 0, -1)
        bureau.settle_all()
        fates = {line["case_id"]: line["status"] for line in bureau.money.lines(run.run_id)}
        assert fates[bureau.cases["e"]] == "held", "no account"
        sent = [line for line in bureau.money.lines(run.run_id) if line["status"] == "sent"]
        for n, line in enumerate(sent):
            bureau.bank(run, line["line_no"] - 1, "failed" if n == 0 else "paid")
        bureau.settle_all()
        assert bureau.runs()[0].status == "closed"
        bureau.bank(run, sent[1]["line_no"] - 1, "returned")
        bureau.settle_all()
        bureau.act("follow", 0, -1)
        bureau.settle_all()
        follow = bureau.runs()[1]
        listed = {line["case_id"] for line in bureau.money.lines(follow.run_id)}
        assert listed == {bureau.cases["e"], sent[0]["case_id"], sent[1]["case_id"]}
        assert follow.round == 1


def test_who_decided_one_case_of_a_month_pays_it_through_nobody_but_another() -> None:
    """He is told for how many lines he may not prepare; decided while a list is made it is made anew, after the approval his lines fail."""
    with mock.patch.object(pp, "CHUNK", 2), mock.patch.object(business, "CHUNK", 2), mock.patch.object(business, "AT_ONCE", 1):
        bureau = Bureau(pr.BANK_FILE)
        bureau.act("sign", 0, -1)
        prepare = bureau.order(business.Prepare(PROGRAMME, MONTH, TOWN), "staff:cashier")
        with pytest.raises(Refused, match="名单中有1笔") as refused:
            bureau.money.prepare_run(bureau.due, pr.BANK_FILE, prepare)
        assert (refused.value.code, bureau.runs()) == ("same_hand", [])

        bureau = Bureau(pr.BANK_FILE)
        bureau.act("prepare", 0, -1)
        later = max(bureau.cases, key=lambda p: bureau.cases[p])  # the list has not come to this one
        bureau.act("sign", PERSONS.index(later), -1)
        bureau.settle_all()
        [run] = bureau.runs()
        assert (run.status, dict(run.hands)) == ("cancelled", {"staff:cashier": 1})

        bureau = Bureau(pr.BANK_FILE)
        for what in ("prepare", "all", "approve"):
            bureau.act(what, 0, -1)
        line = next(iter(bureau.money.lines(bureau.runs()[0].run_id)))
        bureau.act("sign", next(n for n, p in enumerate(PERSONS) if bureau.cases[p] == line["case_id"]), -1)
        bureau.act("send", 0, -1)
        bureau.settle_all()
        said = {x["line_no"]: (x["status"], x["reason"]) for x in bureau.money.lines(bureau.runs()[0].run_id)}
        assert said[line["line_no"]] == ("refused", "same_hand")
        assert "sent" in {status for status, _ in said.values()}


@pytest.mark.parametrize("repaid", [0, 4000, 10000], ids=["nothing repaid", "in part", "all repaid"])
def test_a_claim_for_money_that_came_back_is_met_and_what_was_repaid_goes_back(repaid: int) -> None:
    """Paid 20000, lowered to 10000, the bank gives all back: 10000 is due again, and the household owes nothing and loses nothing."""
    with mock.patch.object(pp, "CHUNK", 2), mock.patch.object(business, "CHUNK", 2):
        bureau = Bureau(pr.BANK_FILE)
        for what in ("prepare", "all", "approve", "send", "all", "paid"):
            bureau.act(what, 0, -1)
        run = bureau.runs()[0]
        line = next(x for x in bureau.money.lines(run.run_id) if x["case_id"] == bureau.cases["b"])
        bureau.bank(run, line["line_no"] - 1, "paid")
        bureau.case("b", bc.ReassessCase(bureau.cases["b"], MONTH, (assessed(MONTH, 10000),), 1, "fact"))
        bureau.settle_all()
        assert bureau.claimed("b") == 10000
        [claim] = [i for i, _ in bureau.money._claims_of(bureau.cases["b"], MONTH)]
        if repaid:
            bureau.house.handle(CLAIMS, claim, bureau.order(rc.RecordRepayment(claim, repaid, "收据1"), "staff:cashier"))
        bureau.bank(run, line["line_no"] - 1, "returned")
        bureau.settle_all()
        state = bureau.house.load(CLAIMS, claim).state
        assert (state.status, state.left_fen) == ("settled", 0)
        assert bureau.state("b").payable(MONTH) == 10000 + repaid
