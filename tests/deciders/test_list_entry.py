"""A list says who stood on it on any day, gives notice where it burdens, and lets nobody stand on it for ever unlooked at."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given as drawn
from hypothesis import strategies as st

from shared.casework import list_entry as le
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D = le.SHAPE.decider("assistance")
WHO, TOWN = "0a" * 16, "330225101"
SCREENING = le.Terms(reasons=("ex_poor", "margin"), results=("included", "no_need"), case_results=("included",), check_days=10)
CREDIT = le.Terms(notice_days=5, valid_months=36, repair_months=6)
ENLIST = le.Enlist("p", TOWN, WHO, "ex_poor", terms=SCREENING)


def enlisted(terms: le.Terms = SCREENING) -> Given[le.Entry]:
    """On the list since Monday 2023-07-03."""
    return given(D).when(le.Enlist("p", TOWN, WHO, "ex_poor", terms=terms)).accepted()


def noticed() -> Given[le.Entry]:
    """Told on 2023-07-03 that it is to be listed; it may answer until 2023-07-10."""
    return given(D).by("staff:clerk").when(le.Enlist("p", TOWN, WHO, "未报年报", terms=CREDIT)).accepted().by("staff:approver")


def test_an_entry_counts_from_its_day_and_waits_for_its_check() -> None:
    """Enlisted with effect from an earlier day; the first check is due in working days."""
    entry = given(D).when(le.Enlist("p", TOWN, WHO, "ex_poor", from_day=date(2023, 6, 30), terms=SCREENING)).then(
        le.EntryEnlisted("p", TOWN, WHO, SCREENING, "ex_poor", "", "", date(2023, 6, 30), None, date(2023, 7, 17))
    )
    assert [le.valid_on(entry.state, date(2023, 6, d)) for d in (29, 30)] == [False, True]
    assert le.view(entry.state).worklist == "list_check"


def test_nobody_stands_on_a_list_twice_at_a_time() -> None:
    """A second entry is refused while the first stands; afterwards it opens a new period."""
    enlisted().when(ENLIST).then_refused("already_exists", "subject_id")
    again = enlisted().on("2023-08-01").when(le.Delist("r", "已脱困")).accepted().on("2023-09-01").when(ENLIST).accepted()
    days = [date(2023, 7, 31), date(2023, 8, 1), date(2023, 8, 31), date(2023, 9, 1)]
    assert [le.valid_on(again.state, d) for d in days] == [True, False, False, True]


def test_an_entry_is_not_dated_into_the_future_nor_into_an_earlier_period() -> None:
    """Periods on the list never overlap."""
    tomorrow = le.Enlist("p", TOWN, WHO, "ex_poor", from_day=date(2023, 7, 4), terms=SCREENING)
    given(D).when(tomorrow).then_refused("invalid_input", "from_day")
    off = enlisted().on("2023-08-01").when(le.Delist("r", "已脱困")).accepted()
    off.when(le.Enlist("p", TOWN, WHO, "ex_poor", from_day=date(2023, 7, 20), terms=SCREENING)).then_refused("invalid_input", "from_day")


def test_a_result_that_leads_to_aid_names_the_case_and_one_that_does_not_says_why() -> None:
    """Nobody is left on a screening list with a bare tick."""
    enlisted().when(le.UpdateEntry("r", "included")).then_refused("invalid_input", "case_id")
    enlisted().when(le.UpdateEntry("r", "no_need")).then_refused("invalid_input", "note")
    enlisted().when(le.UpdateEntry("r", "other", note="x")).then_refused("invalid_input", "result")
    done = enlisted().when(le.UpdateEntry("r", "included", "case-1")).accepted()
    assert (done.state.case_id, le.view(done.state).worklist) == ("case-1", "list_in_force")


def test_a_check_that_is_late_is_said_once() -> None:
    """The day after it was due, and not again; the check takes it off the list of late ones."""
    entry = enlisted().on("2023-07-17").when(le.NoteEntryOverdue("r", "check")).then_nothing()
    entry = entry.on("2023-07-18").when(le.NoteEntryOverdue("r", "check")).then(le.EntryOverdue("p", TOWN, "check", date(2023, 7, 17)))
    entry.when(le.NoteEntryOverdue("r", "check")).then_nothing()
    assert le.view(entry.state).worklist == "list_overdue"
    assert le.view(entry.when(le.UpdateEntry("r", "no_need", note="务工")).accepted().state).worklist == "list_in_force"


def test_a_burdening_list_gives_notice_and_waits_for_the_answer() -> None:
    """Not before the days are over, and not by the hand that gave the notice."""
    case = noticed()
    assert not le.valid_on(case.state, date(2023, 7, 3))
    case.on("2023-07-10").when(le.DecideListing("r", "enlist")).then_refused("not_yet_due")
    case.on("2023-07-11").by("staff:clerk").when(le.DecideListing("r", "enlist")).then_refused("same_hand")
    done = case.on("2023-07-11").when(le.DecideListing("r", "enlist")).accepted()
    assert [le.valid_on(done.state, date(2023, 7, d)) for d in (10, 11)] == [False, True]


def test_who_asks_to_be_heard_is_heard_before_the_decision() -> None:
    """And may be let off with a reason."""
    case = noticed().when(le.AnswerListingNotice("r", "已补报", True)).accepted()
    case.when(le.DecideListing("r", "enlist")).then_refused("out_of_order")
    heard = case.on("2023-07-12").when(le.HoldListingHearing("r", "笔录1号")).accepted()
    heard.when(le.DecideListing("r", "drop")).then_refused("invalid_input", "reason")
    heard.when(le.DecideListing("r", "drop", "已改正")).then(le.EntryDropped("已改正"))


def test_a_late_answer_and_a_hearing_nobody_asked_for_are_refused() -> None:
    """The days for an answer are working days."""
    noticed().on("2023-07-11").when(le.AnswerListingNotice("r", "x")).then_refused("out_of_order")
    noticed().when(le.AnswerListingNotice("r", "x")).accepted().when(le.HoldListingHearing("r", "x")).then_refused("out_of_order")


def test_repair_takes_off_the_list_and_another_hand_decides_it() -> None:
    """Not before its time; a refusal has a reason, and the entry stands on."""
    listed = noticed().on("2023-07-11").when(le.DecideListing("r", "enlist")).accepted()
    listed.on("2024-01-10").when(le.AskForRepair("r", "已整改")).then_refused("not_yet_due")
    asked = listed.on("2024-01-11").by("staff:clerk").when(le.AskForRepair("r", "已整改")).accepted()
    asked.when(le.DecideRepair("r", "repair")).then_refused("same_hand")
    refused = asked.by("staff:approver").when(le.DecideRepair("r", "refuse", "未缴清")).accepted()
    assert le.valid_on(refused.state, date(2024, 1, 12))
    asked.by("staff:approver").when(le.DecideRepair("r", "repair")).then(le.EntryDelisted("p", TOWN, WHO, le.REPAIRED, date(2024, 1, 11)))
    enlisted().when(le.AskForRepair("r", "x")).then_refused("out_of_order")


def test_an_entry_expires_on_its_day_however_late_the_timer_is() -> None:
    """Asked for a day after the expiry, the list says no even before the timer came by."""
    listed = noticed().on("2023-07-11").when(le.DecideListing("r", "enlist")).accepted()
    assert [le.valid_on(listed.state, date(2026, 7, d)) for d in (10, 11)] == [True, False]
    listed.on("2026-07-10").when(le.NoteEntryOverdue("r", "expire")).then_nothing()
    listed.on("2026-08-01").when(le.NoteEntryOverdue("r", "expire")).then(le.EntryDelisted("p", TOWN, WHO, le.EXPIRED, date(2026, 7, 11)))


def test_a_day_off_the_list_lies_between_entry_and_today() -> None:
    """An entry made by mistake is taken back as of its own first day."""
    entry = enlisted().on("2023-07-20")
    entry.when(le.Delist("r", "x", date(2023, 7, 21))).then_refused("invalid_input", "to_day")
    entry.when(le.Delist("r", "x", date(2023, 7, 2))).then_refused("invalid_input", "to_day")
    wrong = entry.when(le.Delist("r", "误列", date(2023, 7, 3))).accepted()
    assert not le.valid_on(wrong.state, date(2023, 7, 3))


STEPS = {
    ("none", "noticed"), ("none", "enlisted"), ("noticed", "answered"), ("noticed", "enlisted"), ("noticed", "dropped"),
    ("answered", "heard"), ("answered", "enlisted"), ("answered", "dropped"), ("heard", "enlisted"), ("heard", "dropped"),
    ("enlisted", "repair"), ("repair", "enlisted"), ("enlisted", "delisted"), ("repair", "delisted"), ("delisted", "enlisted"),
    ("delisted", "noticed"), ("dropped", "noticed"), ("dropped", "enlisted"),
}  # fmt: skip
SHORT = le.Terms(notice_days=3, repair_months=0, valid_months=2, check_days=2)
TERMS = st.sampled_from([SCREENING, CREDIT, le.Terms(review_every_days=30), SHORT])
DAYS = st.one_of(st.none(), st.integers(0, 60).map(lambda n: START + timedelta(days=n)))
COMMANDS = st.one_of(
    st.builds(le.Enlist, st.just("p"), st.just(TOWN), st.just(WHO), st.sampled_from(["ex_poor", "x"]), from_day=DAYS, terms=TERMS),
    st.builds(le.AnswerListingNotice, st.just("r"), st.sampled_from(["说明", " "]), st.booleans()),
    st.builds(le.HoldListingHearing, st.just("r"), st.just("笔录")),
    st.builds(le.DecideListing, st.just("r"), st.sampled_from(["enlist", "drop"]), st.sampled_from(["理由", ""])),
    st.builds(le.UpdateEntry, st.just("r"), st.sampled_from(["included", "no_need"]), st.sampled_from(["c", ""]), st.just("说明")),
    st.builds(le.AskForRepair, st.just("r"), st.just("已整改")),
    st.builds(le.DecideRepair, st.just("r"), st.sampled_from(["repair", "refuse"]), st.just("理由")),
    st.builds(le.Delist, st.just("r"), st.just("移出"), DAYS),
)


def way_out(state: le.Entry, day: date) -> tuple[Any, str, date]:
    late = max(day, state.answer_by or day) + timedelta(days=1)
    if state.status in ("enlisted", "repair"):
        return le.Delist("r", "移出"), "staff:x", max(day, state.since)
    if state.status == "answered" and state.hearing:
        return le.HoldListingHearing("r", "笔录"), "staff:x", day
    return le.DecideListing("r", "drop", "理由"), "staff:x", late


@FEW
@drawn(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 20)), max_size=15))
def test_any_life_of_an_entry_is_legal(steps: list[Any]) -> None:
    """Periods never overlap, no step is skipped, and from everywhere there is a way off the list."""
    state, day, seen = le.SHAPE.state, START, set()
    for moment in walk(le.SHAPE, steps):
        state, day = moment.after, moment.day
        seen.add((moment.before.status, state.status))
        for first, then in zip(state.periods, state.periods[1:], strict=False):
            assert first.to_day is not None
            assert first.from_day <= first.to_day <= then.from_day
        on = state.status in ("enlisted", "repair")
        assert on == (bool(state.periods) and state.periods[-1].to_day is None)
        if on:
            assert le.valid_on(state, day), "what is on the list today is on it today"
    assert {s for s in seen if s[0] != s[1]} <= STEPS
    assert lead_out(le.SHAPE, state, day, way_out).status in ("none", "delisted", "dropped")
