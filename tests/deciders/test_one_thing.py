"""A one-thing process owes every item it was asked for, closes with one notice of all results, and loses nothing on the way."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from services.assistance import one_thing as ot
from services.assistance.declarations import DECIDERS
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D, HOME, TOWN, PAPERS = DECIDERS["one_thing"], "household-1", "330225101", "ab" * 32
TERMS = ot.Terms((ot.Offered("allowance", "低保", 35), ot.Offered("referral", "医疗救助", 25, "医疗保障局")), 3)
WANTED = (ot.Wanted("allowance"), ot.Wanted("referral", to_unit="医疗保障局"))
SUBMIT = ot.SubmitOneThing("p", TOWN, HOME, PAPERS, WANTED, TERMS)


def opened() -> Given[ot.OneThing]:
    """On Monday 2023-07-03, with two items."""
    return given(D).when(SUBMIT).accepted()


def results(*of: tuple[str, str, str]) -> ot.RecordOneThingItems:
    return ot.RecordOneThingItems("r", tuple(ot.Result(key, outcome=outcome, note=note) for key, outcome, note in of))


def test_it_opens_with_every_item_and_its_day() -> None:
    """Due days are working days of the item; the member it is for is named where there is one."""
    person = "0a" * 16
    case = given(D).when(ot.SubmitOneThing("p", TOWN, HOME, PAPERS, (ot.Wanted("allowance", person), WANTED[1]), TERMS)).accepted()
    assert [(k, i.subject_id, i.due_on) for k, i in case.state.items.items()] == [
        ("1-01", person, date(2023, 8, 21)),
        ("1-02", HOME, date(2023, 8, 7)),
    ]


def test_it_is_settled_with_the_last_item_and_closed_with_the_notice() -> None:
    """A refusal is a result; the count is of what led to something."""
    case = opened().when(results(("1-01", "refused", "收入超过标准"))).then(ot.OneThingItemSettled("1-01", "refused", "收入超过标准"))
    case.when(ot.DeliverOneThingNotice("r", "上门")).then_refused("out_of_order")
    case = case.when(results(("1-02", "aided", ""))).then(ot.OneThingItemSettled("1-02", "aided", ""), ot.OneThingSettled(date(2023, 7, 6)))
    assert ot.notice(case.state) == ("低保：不予确认（收入超过标准）", "医疗救助：已办理")
    case.when(ot.DeliverOneThingNotice("r", "上门")).then(ot.OneThingClosed(HOME, "上门", START, 1))


def test_what_is_known_changes_nothing() -> None:
    """Answers come late, twice, and for items of an earlier round."""
    case = opened().when(ot.RecordOneThingItems("r", (ot.Result("1-01", "case-1"),))).then(ot.OneThingItemBegun("1-01", "case-1"))
    case.when(ot.RecordOneThingItems("r", (ot.Result("1-01", "case-1"),))).then_nothing()
    case = case.when(results(("1-01", "granted", ""))).accepted()
    case.when(results(("1-01", "refused", "另一说法"))).then_nothing()
    case.when(results(("0-01", "granted", ""))).then_nothing()
    given(D).when(results(("1-01", "granted", ""))).then_nothing()


def test_a_result_that_was_none_is_corrected_and_told_once_more() -> None:
    """Where the notice was due or delivered its days run anew; what was skipped, is owed or is so already stays as it is."""

    def correct(*of: tuple[str, str, str]) -> ot.CorrectOneThingItems:
        return ot.CorrectOneThingItems("r", tuple(ot.Result(key, outcome=outcome, note=note) for key, outcome, note in of))

    case = opened().when(results(("1-01", "refused", "超标"))).accepted()
    case.when(correct(("1-02", "aided", ""))).then_nothing()
    corrected = ot.OneThingItemCorrected("1-01", "refused", "granted", "自2023-08起")
    case.when(correct(("1-01", "granted", "自2023-08起"))).then(corrected)
    case = case.when(ot.SkipOneThingItem("r", "1-02", "已自行办理")).accepted().when(ot.DeliverOneThingNotice("r", "上门")).accepted()
    case.when(correct(("1-01", "refused", ""), ("1-02", "granted", ""), ("9", "granted", ""))).then_nothing()
    again = case.when(correct(("1-01", "granted", "自2023-08起"))).then(corrected, ot.OneThingSettled(date(2023, 7, 6)))
    assert (ot.notice(again.state)[0], ot.view(again.state).worklist) == ("低保：已确认（自2023-08起）", "one_thing_notice")
    again.when(ot.DeliverOneThingNotice("r", "短信")).then(ot.OneThingClosed(HOME, "短信", START, 1))


def test_nothing_is_skipped_without_a_word() -> None:
    """Neither by hand nor by the service."""
    opened().when(ot.SkipOneThingItem("r", "1-01", " ")).then_refused("invalid_input", "reason")
    opened().when(results(("1-01", "skipped", ""))).then_refused("invalid_input", "note")
    opened().when(ot.SkipOneThingItem("r", "9", "x")).then_refused("not_found", "item_id")
    opened().when(results(("1-01", "perhaps", ""))).then_refused("invalid_input", "results")


@pytest.mark.parametrize(
    ("field", "command"),
    [
        ("subject_id", ot.SubmitOneThing("p", TOWN, " ", PAPERS, WANTED, TERMS)),
        ("dossier_hash", ot.SubmitOneThing("p", TOWN, HOME, "x", WANTED, TERMS)),
        ("items", ot.SubmitOneThing("p", TOWN, HOME, PAPERS, (), TERMS)),
        ("items", ot.SubmitOneThing("p", TOWN, HOME, PAPERS, (WANTED[0], WANTED[0]), TERMS)),
        ("items.1.code", ot.SubmitOneThing("p", TOWN, HOME, PAPERS, (WANTED[0], ot.Wanted("referral")), TERMS)),
    ],
)
def test_a_form_is_checked(field: str, command: Any) -> None:
    """The refusal names the field."""
    given(D).when(command).then_refused("invalid_input", field)


def test_a_late_item_and_a_late_notice_are_said_once() -> None:
    """The day after; and the process says which."""
    case = opened().on("2023-08-07").when(ot.NoteOneThingOverdue("r", "1-02")).then_nothing().on("2023-08-08")
    case = case.when(ot.NoteOneThingOverdue("r", "1-02"))
    record_id = case.given.state.record_id
    case = case.then(ot.OneThingItemLate(record_id, TOWN, "1-02", "referral", date(2023, 8, 7)))
    case.when(ot.NoteOneThingOverdue("r", "1-02")).then_nothing()
    case = case.when(results(("1-01", "granted", ""), ("1-02", "aided", ""))).accepted()
    case = case.on("2023-08-14").when(ot.NoteOneThingOverdue("r", "notice")).then(ot.OneThingNoticeLate(record_id, TOWN, date(2023, 8, 11)))
    case.when(ot.NoteOneThingOverdue("r", "notice")).then_nothing()


KEYS = st.sampled_from(["1-01", "1-02", "2-01", "2-02"])
OUTCOMES = st.sampled_from(["", *ot.RESULTS, "skipped"])
RESULTS = st.lists(st.builds(ot.Result, KEYS, st.sampled_from(["", "x"]), OUTCOMES, st.just("理由")), max_size=2)
COMMANDS = st.one_of(
    st.just(SUBMIT),
    st.builds(ot.RecordOneThingItems, st.just("r"), RESULTS.map(tuple)),
    st.builds(ot.SkipOneThingItem, st.just("r"), KEYS, st.just("理由")),
    st.builds(ot.CorrectOneThingItems, st.just("r"), RESULTS.map(tuple)),
    st.builds(ot.DeliverOneThingNotice, st.just("r"), st.sampled_from(["上门", ""])),
)
STEPS = {("none", "open"), ("open", "settled"), ("settled", "closed"), ("closed", "open"), ("closed", "settled")}


def way_out(state: ot.OneThing, day: date) -> tuple[Any, str, date]:
    for key in state.owed:
        return ot.SkipOneThingItem("r", key, "理由"), "staff:x", day
    return ot.DeliverOneThingNotice("r", "上门"), "staff:x", day


@FEW
@drawn(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 20)), max_size=15))
def test_any_life_of_a_process_is_legal(steps: list[Any]) -> None:
    """Settled means every item has a result, closed means it was told, a result changes by a correction alone, and there is always a way
    on."""
    state, day = ot.SHAPE.state, START
    for moment in walk(ot.SHAPE, [(SUBMIT, "staff:clerk", 0), *steps]):
        before, state, day = moment.before, moment.after, moment.day
        assert before.status == state.status or (before.status, state.status) in STEPS
        assert (state.status == "open") == bool(state.owed)
        if before.round == state.round and not isinstance(moment.command, ot.CorrectOneThingItems):
            for key, item in before.items.items():
                assert not item.outcome or state.items[key].outcome == item.outcome
        assert all(i.note for i in state.items.values() if i.outcome == "skipped")
        assert len(ot.notice(state)) == len(state.items)
    assert lead_out(ot.SHAPE, state, day, way_out).status == "closed"
