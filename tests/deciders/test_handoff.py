"""A matter that is handed off has one responsible unit at every moment, arrives as it left, and its result comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from shared.casework import handoff as ho
from shared.domain import resident_id
from shared.domain.errors import Refused
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D = ho.SHAPE.decider("assistance")
WHO, HERE, THERE, OTHER = "0a" * 16, "330225101", "330225102", "330225103"
H1, H2 = ho.dossier_hash(b"form"), ho.dossier_hash(b"form", b"card")
TERMS = ho.Terms(documents=("申请表",), outcomes=("aided", "declined"), resends=2)
SEND = ho.SendHandoff("p", HERE, HERE, THERE, "低保申请", H1, WHO, ("申请表",), TERMS)


def sent() -> Given[ho.Handoff]:
    """Sent on Monday 2023-07-03; to be accepted by Wednesday."""
    return given(D).when(SEND).accepted()


def test_a_matter_goes_out_and_its_result_comes_back() -> None:
    """The unit whose turn it is, the list it waits in and the division whose people may act change together."""
    case = sent()
    seen = [(ho.responsible_unit(case.state), ho.view(case.state).worklist, case.state.division)]
    for command in (ho.AcceptHandoff("r", H1), ho.FinishHandoff("r", "aided", "已纳入"), ho.AcknowledgeHandoff("r", "短信")):
        case = case.when(command).accepted()
        seen.append((ho.responsible_unit(case.state), ho.view(case.state).worklist, case.state.division))
    assert seen == [(THERE, "handoff_accept", THERE), (THERE, "handoff_done", THERE), (HERE, "handoff_acknowledge", HERE), ("", "", HERE)]


def test_who_sent_it_takes_it_back_until_somebody_has_accepted_it() -> None:
    """By its sender, with a reason; who has it in his list sends it back instead, and what is accepted is somebody's work."""
    case = sent()
    sender, receiver = case.by("staff:s", "clerk", division=HERE), case.by("staff:t", "clerk", division=THERE)
    receiver.when(ho.WithdrawHandoff("r", "误收")).then_refused("wrong_division", "record_id")
    sender.when(ho.WithdrawHandoff("r", " ")).then_refused("invalid_input", "reason")
    back = sender.when(ho.WithdrawHandoff("r", "误转")).accepted()
    assert (back.state.status, ho.view(back.state).open) == ("withdrawn", False)
    back.when(ho.AcceptHandoff("r", H1)).then_refused("out_of_order")
    accepted = receiver.when(ho.AcceptHandoff("r", H1)).accepted()
    accepted.by("staff:s", "clerk", division=HERE).when(ho.WithdrawHandoff("r", "误转")).then_refused("out_of_order")


def test_each_of_those_concerned_is_answered_for_himself_and_the_last_one_finishes_it() -> None:
    """A28: aided and declined stand beside each other; the whole is told by the outcome that somebody got, and to whom it applies."""
    anne, ben = "a1" * 16, "b2" * 16
    several = replace(SEND, concerned=(anne, ben))
    begun = given(D).when(several).accepted()
    begun.when(ho.AnswerHandoffForPerson("r", anne, "aided", "已纳入")).then_refused("out_of_order")
    at = begun.when(ho.AcceptHandoff("r", H1)).accepted()
    at.when(ho.AnswerHandoffForPerson("r", WHO, "aided", "已纳入")).then_refused("not_found", "person_id")
    at.when(ho.AnswerHandoffForPerson("r", anne, "granted", "已纳入")).then_refused("invalid_input", "outcome")
    one = at.when(ho.AnswerHandoffForPerson("r", anne, "declined", "已有医保")).then(ho.HandoffPersonAnswered(anne, "declined", "已有医保"))
    one.when(ho.AnswerHandoffForPerson("r", anne, "declined", "已有医保 ")).then_nothing()
    one.when(ho.AnswerHandoffForPerson("r", anne, "aided", "改")).then_refused("already_exists", "person_id")
    one.when(ho.FinishHandoff("r", "aided", "已纳入")).then_refused("out_of_order", "record_id")
    done = one.when(ho.AnswerHandoffForPerson("r", ben, "aided", "已纳入")).accepted().state
    assert (done.status, done.outcome, done.answered_for, done.result) == ("done", "aided", (ben,), "已有医保；已纳入")
    assert {p: a.outcome for p, a in done.answers.items()} == {anne: "declined", ben: "aided"}
    same = one.when(ho.AnswerHandoffForPerson("r", ben, "declined", "已有医保")).accepted().state
    assert (same.outcome, same.answered_for, same.result) == ("declined", (), "已有医保")
    alone = sent().when(ho.AcceptHandoff("r", H1)).accepted().when(ho.AnswerHandoffForPerson("r", WHO, "aided", "已纳入")).accepted()
    assert alone.state.status == "done"


def test_a_unit_outside_the_district_answers_through_the_window_that_took_it_in() -> None:
    """Nobody of ours works there, so the record stays where its papers are."""
    for unit in ("110105004", "应急管理局"):
        case = given(D).when(ho.SendHandoff("p", HERE, HERE, unit, "x", H1, documents=("申请表",), terms=TERMS)).accepted()
        assert (case.state.division, ho.responsible_unit(case.state)) == (HERE, unit)


def test_a_town_sends_for_itself_and_to_a_code_that_is_one() -> None:
    """What comes back is the sender's work: no other town names it; from outside the district a window enters what arrived."""
    town = given(D).by("staff:a", "clerk", division=HERE)
    other = ho.SendHandoff("p", HERE, OTHER, THERE, "x", H1, documents=("申请表",), terms=TERMS)
    town.when(other).then_refused("wrong_division", "from_unit")
    given(D).by("staff:a", "clerk", division="330225").when(other).accepted()
    town.when(ho.SendHandoff("p", HERE, "340102", HERE, "x", H1, documents=("申请表",), terms=TERMS)).accepted()
    wrong = ho.SendHandoff("p", HERE, HERE, "33022510", "x", H1, documents=("申请表",), terms=TERMS)
    town.when(wrong).then_refused("invalid_input", "to_unit")


def test_what_is_accepted_is_what_was_sent() -> None:
    """Another hash is refused: it goes back with the reason."""
    sent().when(ho.AcceptHandoff("r", H2)).then_refused("invalid_input", "dossier_hash")
    sent().when(ho.AcceptHandoff("r", "x")).then_refused("invalid_input", "dossier_hash")


def test_an_incomplete_dossier_does_not_leave() -> None:
    """The refusal names what is missing; nor does a matter go to its own sender, or to who does not take such."""
    refused = given(D).when(ho.SendHandoff("p", HERE, HERE, THERE, "x", H1, terms=TERMS)).then_refused("invalid_input", "documents")
    assert "申请表" in refused.message
    given(D).when(ho.SendHandoff("p", HERE, HERE, HERE, "x", H1, terms=TERMS)).then_refused("invalid_input", "to_unit")
    only = ho.Terms(units=("医保局",))
    given(D).when(ho.SendHandoff("p", HERE, HERE, THERE, "x", H1, terms=only)).then_refused("invalid_input", "to_unit")


def test_a_return_says_why_and_comes_back_completed_or_to_another_unit() -> None:
    """Sent again unchanged to the same unit, it at least answers the reason."""
    sent().when(ho.ReturnHandoff("r", " ")).then_refused("invalid_input", "reason")
    back = sent().when(ho.ReturnHandoff("r", "非本辖区")).accepted()
    assert (ho.responsible_unit(back.state), back.state.division) == (HERE, HERE)
    back.when(ho.ResendHandoff("r", THERE, H1)).then_refused("invalid_input", "note")
    again = back.when(ho.ResendHandoff("r", OTHER, H2)).accepted()
    assert (ho.responsible_unit(again.state), again.state.hops) == (OTHER, (THERE, OTHER))
    again.when(ho.AcceptHandoff("r", H2)).accepted()


def test_it_does_not_go_round_for_ever() -> None:
    """After as many returns as the terms allow, the sender settles it otherwise."""
    case = sent()
    for unit in (OTHER, THERE):
        case = case.when(ho.ReturnHandoff("r", "非本辖区")).accepted().when(ho.ResendHandoff("r", unit, H1)).accepted()
    case = case.when(ho.ReturnHandoff("r", "非本辖区")).accepted()
    case.when(ho.ResendHandoff("r", OTHER, H1)).then_refused("out_of_order")
    case.when(ho.WithdrawHandoff("r", "改由县级直接办理")).accepted()


def test_what_is_accepted_is_answered_and_not_sent_back() -> None:
    """And a result is one of those the programme knows."""
    case = sent().when(ho.AcceptHandoff("r", H1)).accepted()
    case.when(ho.ReturnHandoff("r", "x")).then_refused("out_of_order")
    case.when(ho.FinishHandoff("r", "maybe", "x")).then_refused("invalid_input", "outcome")
    case.when(ho.FinishHandoff("r", "declined", "")).then_refused("invalid_input", "result")


def test_a_late_hop_is_said_once_and_names_who_is_late() -> None:
    """The next step has its own day."""
    case = sent().on("2023-07-05").when(ho.NoteHandoffOverdue("r", "accept")).then_nothing()
    number = case.state.number
    case = case.on("2023-07-06").when(ho.NoteHandoffOverdue("r", "accept"))
    case = case.then(ho.HandoffOverdue("p", THERE, number, "accept", date(2023, 7, 5), THERE))
    case.when(ho.NoteHandoffOverdue("r", "accept")).then_nothing()
    assert ho.view(case.state).worklist == "handoff_overdue"
    assert ho.view(case.when(ho.AcceptHandoff("r", H1)).accepted().state).worklist == "handoff_done"


def taken_up() -> Given[ho.Handoff]:
    return sent().when(ho.TakeUpHandoff("r", "case", "minimum_living_allowance", H1)).accepted()


def decided(decision: int, outcome: str, refers_to: str = "case") -> ho.FollowCase:
    return ho.FollowCase("r", refers_to, "minimum_living_allowance", decision, outcome, f"最低生活保障：{outcome}")


def test_what_a_case_came_of_is_accepted_with_it_and_answered_by_nobody_s_hand() -> None:
    """By the dossier as it was sent; a second case does not come of it, and no result is typed."""
    sent().when(ho.TakeUpHandoff("r", "case", "p", H2)).then_refused("invalid_input", "dossier_hash")
    case = taken_up()
    assert (case.state.status, case.state.refers_to) == ("accepted", "case")
    case.when(ho.TakeUpHandoff("r", "other", "p")).then_refused("out_of_order")
    assert "立案" in case.when(ho.FinishHandoff("r", "declined", "x")).then_refused("out_of_order").message
    assert sent().when(ho.AcceptHandoff("r", H1)).accepted().when(ho.TakeUpHandoff("r", "case", "p")).accepted().state.refers_to == "case"


def test_a_decision_is_told_once_and_an_older_one_not_behind_it() -> None:
    """News of a case may come twice and in any order; another case's is not an answer."""
    done = taken_up().when(decided(7, "granted")).accepted()
    assert (done.state.status, done.state.outcome, ho.responsible_unit(done.state)) == ("done", "granted", HERE)
    for again in (decided(7, "granted"), decided(5, "refused"), decided(9, "refused", "another")):
        done.when(again).then_nothing()
    taken_up().when(decided(7, "granted", "another")).then_nothing()


def test_a_correction_is_acknowledged_once_more() -> None:
    """What was acknowledged waits for the sender again, with the result as it is now; the same result again is no correction."""
    heard = taken_up().when(decided(5, "refused")).accepted().when(ho.AcknowledgeHandoff("r", "短信")).accepted()
    heard.when(decided(6, "refused")).then_nothing()
    other = heard.when(decided(9, "granted")).accepted()
    assert isinstance(other.events[-1], ho.HandoffCorrected)
    assert (other.events[-1].old_outcome, other.state.outcome) == ("refused", "granted")
    assert ho.view(other.state).worklist == "handoff_acknowledge"
    assert other.when(ho.AcknowledgeHandoff("r", "电话")).accepted().state.status == "acknowledged"


def test_of_several_whom_it_concerns_each_is_answered_for() -> None:
    """The outcome may be that of some of them; nobody else is named, and no resident ID."""
    one, two = "0b" * 16, "0c" * 16
    several = ho.SendHandoff("p", HERE, HERE, THERE, "x", H1, WHO, ("申请表",), TERMS, (one, two))
    given(D).when(replace(several, concerned=("330225",))).then_refused("invalid_input", "concerned")
    case = given(D).when(several).accepted().when(ho.AcceptHandoff("r", H1)).accepted()
    case.when(ho.FinishHandoff("r", "aided", "x", ("0d" * 16,))).then_refused("invalid_input", "answered_for")
    assert case.when(ho.FinishHandoff("r", "aided", "x", (one,))).accepted().state.answered_for == (one,)
    assert case.when(ho.FinishHandoff("r", "aided", "x", (two, one))).accepted().state.answered_for == (), "all of them"


def test_what_is_so_no_longer_is_taken_back_or_told() -> None:
    """Before anybody begins it is taken back; who has begun is told once; an answer stands."""
    ended = ho.NoteBasisEnded("r", "困难类别自2023-09起终止")
    number = sent().state.number
    sent().when(ended).then(ho.HandoffWithdrawn(number, WHO, ended.reason))
    begun = sent().when(ho.AcceptHandoff("r", H1)).accepted()
    begun = begun.when(ended).then(ho.HandoffBasisEnded("p", HERE, number, WHO, THERE, ended.reason))
    begun.when(ended).then_nothing()
    assert (ho.view(begun.state).worklist, ho.view(begun.state).title) == ("handoff_done", number + "（依据已终止）")
    done = begun.when(ho.FinishHandoff("r", "aided", "已救助")).accepted()
    done.when(ended).then_nothing()


@drawn(st.uuids().map(str), st.integers(0, 21), st.integers(1, 9))
def test_a_mistyped_acceptance_number_is_nobodys(command_id: str, place: int, other: int) -> None:
    """One wrong digit is noticed, wherever it stands; the right number leads to the record, with spaces too."""
    number = ho.acceptance_no(HERE, command_id)
    assert ho.record_of(f"{number[:6]} {number[6:]}") == ho.record_of(number)
    wrong = number[:place] + str((int(number[place]) + other) % 10) + number[place + 1 :]
    with pytest.raises(Refused, match="number"):
        ho.record_of(wrong)


def test_no_acceptance_number_reads_like_a_resident_id() -> None:
    """Citizens ask by it, and no address takes a resident ID: of a thousand numbers some fifteen would be refused for ever."""
    for n in range(1000):
        number = ho.acceptance_no(HERE, f"c{n}")
        assert not resident_id.stands_in(number)
        assert ho.record_of(number)


STEPS = {
    ("none", "sent"), ("sent", "accepted"), ("sent", "returned"), ("returned", "sent"), ("returned", "withdrawn"),
    ("accepted", "done"), ("done", "acknowledged"), ("acknowledged", "done"), ("sent", "done"), ("sent", "withdrawn"),
}  # fmt: skip
UNITS = st.sampled_from([HERE, THERE, OTHER, "应急管理局", "110105004"])
HASHES = st.sampled_from([H1, H2, "x"])
SENDS = st.builds(
    ho.SendHandoff, st.just("p"), st.just(HERE), st.just(HERE), st.sampled_from([THERE, "应急管理局"]), st.just("x"), st.just(H1),
    documents=st.just(("申请表",)), terms=st.sampled_from([TERMS, ho.Terms()]),
)  # fmt: skip
COMMANDS = st.one_of(
    st.builds(ho.AcceptHandoff, st.just("r"), HASHES),
    st.builds(ho.ReturnHandoff, st.just("r"), st.sampled_from(["非本辖区", ""])),
    st.builds(ho.ResendHandoff, st.just("r"), UNITS, HASHES, st.just(("申请表",)), st.sampled_from(["", "说明"])),
    st.builds(ho.WithdrawHandoff, st.just("r"), st.just("申请人放弃")),
    st.builds(ho.FinishHandoff, st.just("r"), st.sampled_from(["aided", "declined", "?"]), st.just("结果")),
    st.builds(ho.AcknowledgeHandoff, st.just("r"), st.just("短信")),
    st.builds(ho.TakeUpHandoff, st.just("r"), st.sampled_from(["case", "other"]), st.just("p"), HASHES),
    st.builds(decided, st.integers(0, 9), st.sampled_from(["granted", "refused"]), st.sampled_from(["case", "other"])),
    st.builds(ho.NoteBasisEnded, st.just("r"), st.just("类别终止")),
    st.builds(ho.SendHandoff, st.just("p"), st.just(HERE), st.just(HERE), UNITS, st.just("x"), HASHES, terms=st.just(ho.Terms())),
)


def way_out(state: ho.Handoff, day: date) -> tuple[Any, str, date]:
    nexts = {
        "sent": ho.ReturnHandoff("r", "退回"),
        "returned": ho.WithdrawHandoff("r", "撤回"),
        "accepted": decided(10, "granted", state.refers_to) if state.refers_to else ho.FinishHandoff("r", "declined", "不予"),
        "done": ho.AcknowledgeHandoff("r", "短信"),
    }
    return nexts[state.status], "staff:x", day


@FEW
@drawn(SENDS, st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 15)), max_size=15))
def test_there_is_one_responsible_unit_at_every_moment(first: Any, steps: list[Any]) -> None:
    """From the sending to the end exactly one of sender and receiver, due on a day or said to be late; and there is always a way on."""
    state, day, seen = ho.SHAPE.state, START, set()
    for moment in walk(ho.SHAPE, [(first, "staff:clerk", 0), *steps]):
        state, day = moment.after, moment.day
        seen.add((moment.before.status, state.status))
        v, unit = ho.view(state), ho.responsible_unit(state)
        assert bool(unit) == v.open
        assert v.responsible == unit
        if v.open:
            assert unit in (state.from_unit, state.to_unit)
            assert state.from_unit != state.to_unit
            assert state.late or v.due_on is not None, "whose turn it is, has a day"
            assert state.division.startswith(state.home[:6])
        if unit != ho.responsible_unit(moment.before) and moment.before.status != "none":
            folded = [moment.before]
            for event in moment.events:
                folded.append(ho.evolve(folded[-1], event))
            units = [ho.responsible_unit(s) for s in folded]
            assert sum(a != b for a, b in pairwise(units)) == 1, "responsibility passes by one event, never through a gap"
        assert state.hops[-1] == state.to_unit
    assert {s for s in seen if s[0] != s[1]} <= STEPS
    assert not ho.view(lead_out(ho.SHAPE, state, day + timedelta(days=1), way_out)).open
