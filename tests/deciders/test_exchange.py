"""An exchange asks once, takes each answer once, and shows whatever does not agree."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from shared.casework import exchange as x
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from shared.eventsourcing.testing import Given, given

D = x.SHAPE.decider("assistance")
TERMS = x.Terms(system="bank", send_working_days=3, answer_days=15, attempts=2, retry_minutes=10)
ITEMS = (x.Item("q-01", "p1"), x.Item("q-02", "p2"))
PREPARED = x.ExchangePrepared("checks", "330225100", "v1", TERMS, ITEMS, "case-1", date(2023, 7, 6))
SENT = x.ExchangeSent("out.csv", date(2023, 7, 3), date(2023, 7, 18))


def answered(key: str, outcome: Any = "found", digest: str = "d", day: str = "2023-07-04", late: bool = False) -> x.ExchangeAnswered:
    return x.ExchangeAnswered(key, outcome, digest, date.fromisoformat(day), late)


def on(day: str, *events: Any) -> Given[x.Exchange]:
    return given(D, *events).on(day)


def test_a_request_is_prepared_with_its_purpose_and_the_day_until_which_it_must_go_out() -> None:
    """3 working days from Monday are Thursday; the same request again changes nothing."""
    prepare = x.PrepareExchange("checks", "330225100", "v1", ITEMS, "case-1", TERMS)
    on("2023-07-03").when(prepare).then(PREPARED).when(prepare).then_nothing()


def test_a_request_without_purpose_or_with_a_number_twice_is_refused() -> None:
    """Purpose-bound: nothing is asked for nothing."""
    on("2023-07-03").when(x.PrepareExchange("checks", "330225100", "v1", ITEMS, " ", TERMS)).then_refused("invalid_input", "purpose")
    twice = (ITEMS[0], ITEMS[0])
    on("2023-07-03").when(x.PrepareExchange("checks", "330225100", "v1", twice, "c", TERMS)).then_refused("invalid_input", "items")


def test_the_same_sending_and_receipt_again_change_nothing() -> None:
    """Idempotent outwards."""
    sent = on("2023-07-03", PREPARED).when(x.SendExchange("r", "out.csv")).then(SENT)
    sent.when(x.SendExchange("r", "out.csv")).then_nothing()
    there = sent.when(x.AcknowledgeExchange("r", "8812")).then(x.ExchangeAcknowledged("8812"))
    there.when(x.AcknowledgeExchange("r", "8812")).then_nothing()


def test_a_failed_sending_is_tried_again_later_and_in_the_end_waits_for_a_person() -> None:
    """The outbox: pauses grow, the last failure is announced, a retry gives fresh attempts."""
    at = datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)
    first = x.ExchangeSendFailed(1, "连接失败", at + timedelta(minutes=10))
    once = on("2023-07-03", PREPARED).when(x.NoteExchangeSendFailed("r", "连接失败")).then(first)
    second = x.ExchangeSendFailed(2, "连接失败", at + timedelta(minutes=20))
    failed = once.when(x.NoteExchangeSendFailed("r", "连接失败")).then(
        second, x.ExchangeFailed("checks", "330225100", "v1", "bank", "连接失败")
    )
    assert x.view(failed.state).worklist == "exchange_failed"
    again = failed.when(x.RetryExchange("r")).then(x.ExchangeRetried(date(2023, 7, 6)))
    assert (again.state.status, again.state.attempt) == ("prepared", 0)


def test_the_same_answer_changes_nothing_and_another_one_is_a_difference_that_is_kept() -> None:
    """Idempotent inwards; the first answer stands until a person has looked."""
    one = on("2023-07-04", PREPARED, SENT).when(x.AnswerExchange("r", "q-01", "found", "d")).then(answered("q-01"))
    one.when(x.AnswerExchange("r", "q-01", "found", "d")).then_nothing()
    other = one.when(x.AnswerExchange("r", "q-01", "found", "e")).then(x.ExchangeDifferenceFound("q-01", "second_answer", "e"))
    other.when(x.AnswerExchange("r", "q-01", "found", "e")).then_nothing()
    assert other.state.answers["q-01"].digest == "d"


def test_none_is_an_answer_and_a_failed_query_can_still_be_answered() -> None:
    """Not known to the source is not the same as could not be asked."""
    failed = on("2023-07-04", PREPARED, SENT, answered("q-01", "none"), answered("q-02", "failed", "f"))
    assert failed.state.missing == ()
    failed.when(x.AnswerExchange("r", "q-02", "found", "g")).then(answered("q-02", "found", "g"))


def test_an_answer_to_a_number_that_was_not_asked_is_refused() -> None:
    """Whoever answers what nobody asked is told so."""
    on("2023-07-04", PREPARED, SENT).when(x.AnswerExchange("r", "q-09", "found", "d")).then_refused("not_found", "key")


def test_an_answer_before_we_know_of_the_sending_proves_that_it_went_out() -> None:
    """After a crash between the file and the event nothing is lost."""
    on("2023-07-03", PREPARED).when(x.AnswerExchange("r", "q-01", "found", "d")).then(
        x.ExchangeSent("先于回执收到答复", date(2023, 7, 3), date(2023, 7, 18)), answered("q-01", day="2023-07-03")
    )


def test_reconciling_counts_every_item_and_lists_what_is_missing() -> None:
    """asked = found + none + failed + missing; what does not agree waits for a person."""
    half = on("2023-07-10", PREPARED, SENT, answered("q-01"))
    half.when(x.ReconcileExchange("r")).then_refused("out_of_order")
    differing = half.on("2023-07-19").when(x.ReconcileExchange("r", 2)).then(x.ExchangeReconciled(2, 1, 0, 0, ("q-02",), 2, False))
    assert x.view(differing.state).worklist == "exchange_differing"
    late = differing.when(x.AnswerExchange("r", "q-02", "none", "n")).then(answered("q-02", "none", "n", "2023-07-19", True))
    done = late.when(x.ReconcileExchange("r")).then(x.ExchangeReconciled(2, 1, 1, 0, (), 2, True))
    assert not x.view(done.state).open


def test_a_count_of_theirs_that_differs_is_a_difference() -> None:
    """They say three, we asked two."""
    all_there = on("2023-07-10", PREPARED, SENT, answered("q-01"), answered("q-02"))
    differing = all_there.when(x.ReconcileExchange("r", 3)).then(x.ExchangeReconciled(2, 2, 0, 0, (), 3, False))
    settled = differing.when(x.SettleExchangeDifferences("r", "对方重复计数"))
    assert settled.accepted().state.status == "reconciled"


def test_a_moved_request_takes_no_answer_any_more_but_shows_it() -> None:
    """Dual run: what the old system still says is kept and does not count."""
    moved = on("2023-07-05", PREPARED, SENT).when(x.MoveExchange("r", "new")).then(x.ExchangeMoved("new"))
    moved.when(x.MoveExchange("r", "new")).then_nothing()
    moved.when(x.AnswerExchange("r", "q-01", "found", "d")).then(x.ExchangeDifferenceFound("q-01", "after_move", "d"))


def test_what_is_late_is_said_once() -> None:
    """First that it was not sent, later that it was not answered."""
    unsent = on("2023-07-07", PREPARED)
    said = unsent.when(x.NoteExchangeOverdue("r", "send")).then(
        x.ExchangeOverdue("checks", "330225100", "v1", "bank", "send", date(2023, 7, 6))
    )
    said.when(x.NoteExchangeOverdue("r", "send")).then_nothing()
    on("2023-07-19", PREPARED, SENT).when(x.NoteExchangeOverdue("r", "answer")).then(
        x.ExchangeOverdue("checks", "330225100", "v1", "bank", "answer", date(2023, 7, 18))
    )
    on("2023-07-18", PREPARED, SENT).when(x.NoteExchangeOverdue("r", "answer")).then_nothing()


def test_what_goes_through_an_adapter_is_not_answered_by_hand() -> None:
    """A clerk cannot write what the bank said."""
    by_adapter = x.ExchangePrepared("checks", "330225100", "v1", x.Terms(by_service_only=True), ITEMS, "case-1", date(2023, 7, 6))
    by_hand = on("2023-07-04", by_adapter, SENT)
    by_hand.when(x.AnswerExchange("r", "q-01", "none", "d")).then_refused("forbidden")
    by_hand.by("service:assistance").when(x.AnswerExchange("r", "q-01", "none", "d")).then(answered("q-01", "none"))


COMMANDS = st.one_of(
    st.just(x.SendExchange("r", "out.csv")),
    st.just(x.NoteExchangeSendFailed("r", "连接失败")),
    st.just(x.AcknowledgeExchange("r", "8812")),
    st.builds(
        x.AnswerExchange,
        st.just("r"),
        st.sampled_from(["q-01", "q-02", "q-09"]),
        st.sampled_from(["found", "none", "failed"]),
        st.sampled_from(["d", "e"]),
    ),
    st.builds(x.ReconcileExchange, st.just("r"), st.sampled_from([-1, 2, 3])),
    st.just(x.SettleExchangeDifferences("r", "已核实")),
    st.just(x.RetryExchange("r")),
    st.just(x.GiveUpExchange("r", "不再需要")),
    st.just(x.MoveExchange("r", "new")),
    st.just(x.NoteExchangeOverdue("r", "answer")),
)
CLOSED = {"reconciled", "given_up", "moved"}
WAYS_OUT = {
    "prepared": x.GiveUpExchange("r", "撤销"),
    "sent": x.GiveUpExchange("r", "撤销"),
    "acknowledged": x.GiveUpExchange("r", "撤销"),
    "failed": x.RetryExchange("r"),
    "differing": x.SettleExchangeDifferences("r", "已核实"),
}


@settings(deadline=None, max_examples=200)
@hypothesis_given(st.lists(st.tuples(COMMANDS, st.integers(0, 9)), max_size=15))
def test_whatever_is_done_in_whatever_order_the_books_agree(steps: list[tuple[Any, int]]) -> None:
    """No answer is overwritten but a failed one, every repeat changes nothing, every open state has a list and a way out."""
    state, now = D.fold([PREPARED]), datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)
    for command, days in steps:
        now += timedelta(days=days)
        order: Order[Any] = Order(command, "c", Hand("staff:a"), now)
        before = state
        try:
            state = D.fold(tuple(D.decide[type(command)](state, command, order)), state)
        except Refused:
            assert state is before
            continue
        for key, given_first in before.answers.items():
            assert given_first.outcome == "failed" or state.answers[key] == given_first
        assert set(state.answers) <= set(state.items)
        assert len(state.answers) + len(state.missing) == len(state.items)
        if not isinstance(command, x.NoteExchangeSendFailed | x.GiveUpExchange | x.RetryExchange | x.ReconcileExchange):
            try:
                again = tuple(D.decide[type(command)](state, command, order))
            except Refused:
                again = ()
            assert again == ()
        v = x.view(state)
        assert v.open == (state.status not in CLOSED)
        if v.open:
            assert v.worklist
            out = WAYS_OUT[state.status]
            assert D.decide[type(out)](state, out, order)


@pytest.mark.parametrize("status", x.OPEN)
def test_every_open_state_is_one_the_walk_above_knows(status: str) -> None:
    """A state added later needs a way out too."""
    assert status in WAYS_OUT
