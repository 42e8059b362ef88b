"""Overlap of aids: what another department gives for a disaster is found, considered by a named hand, and never silently counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.assistance import aid_overlap as ao
from services.assistance import temporary as t
from shared.domain.errors import Refused
from shared.eventsourcing.testing import given
from tests.deciders.samples import assessed

HOUSEHOLD, HEAD, MATTER, HANDOFF, NUMBER = "h1", "0a" * 16, "m1", "f1", "3302250000000000000018"
TOWN = "330225101"


def note(status: str = "sent", on: date = date(2023, 7, 20), **more: Any) -> ao.NoteAidElsewhere:
    return replace(ao.NoteAidElsewhere(HOUSEHOLD, TOWN, HANDOFF, NUMBER, "应急管理局", status, on, 6), **more)


def noted(status: str = "sent", **more: Any) -> ao.AidElsewhereNoted:
    return ao.noted(note(status, **more))


def found(status: str = "sent") -> ao.TemporaryOverlapFound:
    return ao.TemporaryOverlapFound(
        MATTER, "emergency", "sudden_event", date(2023, 7, 19), HANDOFF, NUMBER, "应急管理局", status, date(2023, 7, 20), 6
    )


APPLY = t.ApplyTemporary(HOUSEHOLD, MATTER, TOWN, HEAD, "emergency", "sudden_event", date(2023, 7, 19))
APPLIED = t.TemporaryApplied(HOUSEHOLD, MATTER, TOWN, HEAD, "emergency", "sudden_event", date(2023, 7, 19), 0, "", False, "staff:clerk")
CHECKED = t.PapersCompleted(MATTER, date(2023, 7, 22), "属实", 0, "staff:clerk")
PROPOSE = t.ProposeTemporary(HOUSEHOLD, MATTER, assessed("2023-07", 300_000), 1, "cash", 7)
REF = {"subject_id": HOUSEHOLD, "matter_id": MATTER}


def answered(outcome: str, *numbers: str) -> ao.TemporaryOverlapAnswered:
    return ao.TemporaryOverlapAnswered(MATTER, numbers or (NUMBER,), outcome, "另购口粮", "staff:reviewer")


def answer(outcome: Any, reason: str = "另购口粮") -> ao.AnswerTemporaryOverlap:
    return ao.AnswerTemporaryOverlap(**REF, outcome=outcome, reason=reason)


def test_an_application_of_a_household_that_was_handed_over_finds_the_overlap() -> None:
    """The finding says what was compared: cause and day here, the hand-off there."""
    given(t.DECIDER, noted()).on("2023-07-21").by("staff:clerk").when(APPLY).then(APPLIED, found())


@pytest.mark.parametrize(("happened_on", "finds"), [("2022-12-31", 0), ("2023-01-01", 1), ("2023-07-21", 1)])
def test_what_lies_further_from_the_hand_off_than_the_declared_months_is_none(happened_on: str, finds: int) -> None:
    """Six months before the month of the hand-off, and not one more."""
    state = t.evolve(t.Temporary(), noted())
    order = given(t.DECIDER).on("2023-07-21").by("staff:clerk").order
    events = t.apply_temporary(state, replace(APPLY, happened_on=date.fromisoformat(happened_on)), order)
    assert [type(e) for e in events] == [t.TemporaryApplied, *[ao.TemporaryOverlapFound] * finds]


def test_a_hand_off_that_comes_after_the_application_is_found_too_and_once() -> None:
    """Whichever comes second sees the first; told again it changes nothing."""
    given(t.DECIDER, APPLIED).by("service:assistance").when(note()).then(noted(), found())
    given(t.DECIDER, APPLIED, noted(), found()).by("service:assistance").when(note()).then()
    given(t.DECIDER, APPLIED, noted("aided"), found("aided")).by("service:assistance").when(note()).then()  # told late


def test_neither_review_nor_approval_goes_on_before_the_answer() -> None:
    """The reviewer is refused with the department's name; the approver of a proposal that was there before, too."""
    held = (APPLIED, CHECKED, noted(), found())
    told = given(t.DECIDER, *held).by("staff:reviewer").when(PROPOSE).then_refused("out_of_order")
    assert "应急管理局" in told.message
    given(t.DECIDER, *held, answered("distinct")).by("staff:reviewer").when(PROPOSE).accepted()
    proposed = t.TemporaryProposed(MATTER, PROPOSE.assessment, "hash", 1, "cash", None, "staff:reviewer")
    decide = t.DecideTemporary(**REF, reviewed="hash", outdated=False, township_fen=500_000)
    late = given(t.DECIDER, APPLIED, CHECKED, proposed, noted(), found()).by("staff:approver")
    late.when(decide).then_refused("out_of_order")
    late.by("staff:reviewer").when(answer("distinct")).accepted().by("staff:approver").when(decide).accepted()


def test_the_answer_is_a_named_hand_s_with_a_reason_and_not_the_clerk_s() -> None:
    """By whom and why; nothing to answer is refused."""
    held = (APPLIED, CHECKED, noted(), found())
    given(t.DECIDER, *held).by("staff:reviewer").when(answer("distinct")).then(answered("distinct"))
    given(t.DECIDER, *held).by("staff:reviewer").when(answer("distinct", " ")).then_refused("invalid_input")
    given(t.DECIDER, *held).by("staff:clerk").when(answer("distinct")).then_refused("same_hand")
    given(t.DECIDER, APPLIED, CHECKED).by("staff:reviewer").when(answer("distinct")).then_refused("out_of_order")


def test_what_is_found_to_be_double_counts_as_helped_with_and_its_refusal_says_why() -> None:
    """The rules are told of the same cause; the reason is not theirs but that of whoever considered it."""
    events = (APPLIED, CHECKED, noted("aided"), found("aided"), answered("double"))
    state = t.Temporary()
    for happened in events:
        state = t.evolve(state, happened)
    assert t.helped_before(state, state.matters[MATTER], 12, date(2023, 7, 25))
    refused = assessed("2023-07", 0, reason="同一事由")
    proposed = t.TemporaryProposed(MATTER, refused, "hash", 1, "cash", None, "staff:reviewer")
    decide = t.DecideTemporary(**REF, reviewed="hash", outdated=False, township_fen=500_000)
    why = "经核对，应急管理局已就同一事由救助，不重复救助：另购口粮"
    given(t.DECIDER, *events, proposed).on("2023-07-25").by("staff:approver").when(decide).then(
        t.TemporaryRefused(HOUSEHOLD, MATTER, 0, why, "staff:approver", date(2023, 7, 25)),
        t.TemporaryNoticeOwed(MATTER, date(2023, 7, 28)),
    )


def test_what_was_answered_while_it_was_under_way_is_asked_again_when_it_was_aided_and_falls_away_when_it_was_declined() -> None:
    """New knowledge, a new question; nothing given, no question, and what was double is so no more."""
    before = (APPLIED, CHECKED, noted(), found(), answered("double"))
    given(t.DECIDER, *before).by("service:assistance").when(note("aided")).then(noted("aided"), found("aided"))
    lifted = ao.TemporaryOverlapLifted(MATTER, HANDOFF, NUMBER, "declined")
    given(t.DECIDER, *before).by("service:assistance").when(note("declined")).then(noted("declined"), lifted)
    state = t.Temporary()
    for happened in (*before, noted("declined"), lifted):
        state = t.evolve(state, happened)
    assert not t.helped_before(state, state.matters[MATTER], 12, date(2023, 7, 25))


def test_an_appeal_that_is_upheld_asks_once_more() -> None:
    """Decided once more, considered once more."""
    refused = t.TemporaryRefused(HOUSEHOLD, MATTER, 0, "不重复救助", "staff:approver", date(2023, 7, 25))
    filed = t.TemporaryAppealFiled(MATTER, 1, "应急只修了屋顶", date(2023, 7, 26), date(2023, 9, 1), ("staff:approver",), "staff:clerk")
    events = (APPLIED, CHECKED, noted("aided"), found("aided"), answered("double"), refused, filed)
    upheld = t.TemporaryAppealAnswered(MATTER, True, "理由成立", "staff:other")
    given(t.DECIDER, *events).on("2023-07-28").by("staff:other").when(
        t.AnswerTemporaryAppeal(**REF, outcome="upheld", reason="理由成立")
    ).then(upheld, found("aided"))


# -- of the hand-off

GIVEN = ao.OurAid("temporary", MATTER, HOUSEHOLD, "temporary_assistance", "paid_out", "sudden_event", "2023-07-19", 300_000, True)
CASE = ao.OurAid("case", "c1", HOUSEHOLD, "minimum_living_allowance", "in_force", "", "2022-01", 80_000, False)


def compare(occasion: str, *aids: ao.OurAid) -> ao.CompareAid:
    return ao.CompareAid(
        HANDOFF, NUMBER, "disaster_victim_assistance", HOUSEHOLD, TOWN, "应急管理局", occasion, date(2023, 7, 20), 6, aids
    )


def compared(occasion: str, *aids: ao.OurAid, by: date | None = None) -> ao.AidOverlapCompared:
    c = compare(occasion, *aids)
    return ao.AidOverlapCompared(
        c.handoff_id, c.number, c.programme, c.subject_id, c.division, c.unit, c.occasion, c.handed_on, c.months, c.aids, by
    )


def state_of(*events: Any) -> ao.Overlap:
    state = ao.Overlap()
    for happened in events:
        state = ao.evolve(state, happened)
    return state


def test_the_comparison_is_recorded_with_all_that_was_compared_once_for_each_occasion() -> None:
    """Also where nothing is near; a repeat, and a late "sent", change nothing."""
    order = given(ao.DECIDER).on("2023-07-20").by("service:assistance")
    order.when(compare("sent", CASE)).then(compared("sent", CASE))
    order.when(compare("aided", GIVEN, CASE)).then(compared("aided", GIVEN, CASE, by=date(2023, 7, 25)))
    given(ao.DECIDER, compared("sent", CASE)).by("service:assistance").when(compare("sent", GIVEN)).then()
    given(ao.DECIDER, compared("aided", CASE)).by("service:assistance").when(compare("sent", GIVEN)).then()


def test_only_what_was_aided_and_is_near_waits_to_be_considered_and_stays_considered() -> None:
    """A household in 低保 for years is no question; what was considered when it was sent is not asked again."""
    considered = ao.AidOverlapConsidered(HANDOFF, (MATTER,), "distinct", "应急修房，我局发口粮", "staff:reviewer")
    assert state_of(compared("aided", CASE)).status == "clear"
    assert state_of(compared("sent", GIVEN)).status == "found"
    waiting = state_of(compared("sent", GIVEN), compared("aided", GIVEN, by=date(2023, 7, 25)))
    assert (waiting.status, ao.waits(waiting)) == ("to_consider", ("overlap_consider", date(2023, 7, 25)))
    done = state_of(compared("sent", GIVEN), considered, compared("aided", GIVEN))
    assert (done.status, ao.waits(done)) == ("considered", ("", None))
    again = state_of(compared("sent", GIVEN), considered, compared("aided", GIVEN, replace(GIVEN, reference="m2")))
    assert (again.status, again.left) == ("to_consider", ("m2",))


def test_a_conclusion_needs_something_to_conclude_on_and_a_reason() -> None:
    """Named hand, reason, the aids it is about."""
    conclude = ao.ConsiderAidOverlap(HANDOFF, "distinct", "应急修房，我局发口粮")
    waiting = given(ao.DECIDER, compared("aided", GIVEN, CASE)).by("staff:reviewer")
    waiting.when(conclude).then(ao.AidOverlapConsidered(HANDOFF, (MATTER,), "distinct", "应急修房，我局发口粮", "staff:reviewer"))
    waiting.when(replace(conclude, reason="")).then_refused("invalid_input")
    given(ao.DECIDER, compared("aided", CASE)).by("staff:reviewer").when(conclude).then_refused("out_of_order")


def test_a_matter_that_is_over_is_not_asked_about() -> None:
    """What was decided before the hand-off is the hand-off's to consider."""
    over = t.TemporaryRefused(HOUSEHOLD, MATTER, 0, "不符合条件", "staff:approver", date(2023, 7, 25))
    given(t.DECIDER, APPLIED, CHECKED, over).by("service:assistance").when(note()).then(noted())


def test_a_hand_off_alone_makes_no_matter() -> None:
    """The household's stream exists with it, and applies as ever."""
    state = t.evolve(t.Temporary(), noted("declined"))
    assert (state.division, state.matters) == (TOWN, {})
    with pytest.raises(Refused, match="没有此临时救助事项"):
        t.accept_temporary(state, t.AcceptTemporary(HOUSEHOLD, MATTER), given(t.DECIDER).by("staff:clerk").order)
