"""The means test decides alone: signatures first, one check at a time, every answer once, a report at the end that never changes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from services.assistance import check_rights as cr
from services.assistance import means_test as mt
from services.assistance import reverification as rv
from services.assistance import verification_sources as vs
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Order
from shared.eventsourcing.testing import Given, given

CASE, TOWN = "6f1c5f0e-3a52-5d0e-9a0e-0d2b6f3a9c11", "330225101"
LOW, EXTREME = "minimum_living_allowance", "extreme_hardship_support"
ANNE, BEN = "a1" * 16, "b2" * 16
VERIFICATION = mt.verification_id(CASE, 1)
BANK = mt.AskedSource("bank", "银行", "x-bank", (mt.AskedField("deposits_fen", "存款余额", "savings"),))
HRSS = mt.AskedSource("hrss", "社保", "x-hrss", (mt.AskedField("wage_fen", "月工资", "income"), mt.AskedField("note_fen", "附注", "")))


def signed(person: str, until: str = "2024-07-01", on: str = "2023-07-01") -> mt.MemberAuthorisationRecorded:
    return mt.MemberAuthorisationRecorded(
        CASE, "minimum_living_allowance", "s", TOWN, person, date.fromisoformat(on), date.fromisoformat(until), "档1", "staff:a"
    )


def ask(*adults: str) -> mt.RequestVerification:
    return mt.RequestVerification(CASE, adults, "request", "staff:a")


def test_a_check_needs_the_signature_of_every_adult_on_that_day() -> None:
    """Missing, expired, not yet begun or withdrawn: nothing is asked."""
    one = given(mt.AUTHORISATIONS, signed(ANNE)).on("2023-07-03")
    one.when(ask(ANNE, BEN)).then_refused("forbidden", "authorisation")
    one.when(ask()).then_refused("forbidden", "authorisation")
    given(mt.AUTHORISATIONS).on("2023-07-03").when(ask(ANNE)).then_refused("forbidden", "authorisation")
    both = given(mt.AUTHORISATIONS, signed(ANNE), signed(BEN, "2023-12-31")).on("2023-07-03")
    both.when(ask(ANNE, BEN)).then(
        mt.VerificationRequested(VERIFICATION, 1, "request", (ANNE, BEN), date(2023, 12, 31), "staff:a")
    ).when(ask(ANNE, BEN)).then_refused("already_exists")
    both.on("2024-01-01").when(ask(ANNE, BEN)).then_refused("forbidden", "authorisation")
    gone = both.when(mt.WithdrawMemberAuthorisation(CASE, BEN, "不再申请")).accepted()
    gone.when(ask(ANNE, BEN)).then_refused("forbidden", "authorisation")
    gone.when(mt.WithdrawMemberAuthorisation(CASE, BEN, "不再申请")).then_nothing()


def test_the_next_check_follows_when_the_last_has_its_report() -> None:
    """One at a time, numbered."""
    asked = given(mt.AUTHORISATIONS, signed(ANNE)).on("2023-07-03").when(ask(ANNE)).accepted()
    settled = asked.when(mt.SettleVerification(VERIFICATION)).then(mt.VerificationSettled(VERIFICATION))
    settled.when(mt.SettleVerification(VERIFICATION)).then_nothing()
    assert settled.when(ask(ANNE)).accepted().state.open_id == mt.verification_id(CASE, 2)


def opened(savings: int = 100_000, income: int = 30_000, *sources: mt.AskedSource, tolerance: int = 0) -> Given[mt.Verification]:
    declared = (mt.Declared(ANNE, "income", income), mt.Declared(BEN, "income", 0), mt.Declared("", "savings", savings))
    command = mt.OpenVerification(
        VERIFICATION, CASE, "minimum_living_allowance", "s", TOWN, "2023-07", (ANNE, BEN), (ANNE, BEN), declared,
        sources or (BANK, HRSS), "request", tolerance, 20, 10, "staff:a",
    )  # fmt: skip
    return given(mt.VERIFICATIONS).on("2023-07-03").when(command).accepted()


def bank(person: str, fen: int, exchange: str = "x-bank") -> mt.TakeSourceAnswer:
    return mt.TakeSourceAnswer(exchange, "bank", person, "found", (mt.Value("deposits_fen", fen),))


def hrss(person: str, fen: int) -> mt.TakeSourceAnswer:
    return mt.TakeSourceAnswer("x-hrss", "hrss", person, "found", (mt.Value("wage_fen", fen), mt.Value("note_fen", 7)))


def none(source: mt.AskedSource, person: str, outcome: Any = "none") -> mt.TakeSourceAnswer:
    return mt.TakeSourceAnswer(source.exchange_id, source.source, person, outcome)


def after(it: Given[mt.Verification], *commands: Any) -> Given[mt.Verification]:
    for c in commands:
        it = it.when(c).accepted()
    return it


def report(it: Given[mt.Verification]) -> mt.VerificationReported:
    return it.state.reports[-1]


def test_the_report_is_made_with_the_last_answer_and_lists_the_difference_in_fen() -> None:
    """Savings are the household's, incomes each person's; a person whom the source does not know has nothing there."""
    asked = after(opened(), bank(ANNE, 60_000), none(BANK, BEN), hrss(ANNE, 30_000))
    assert asked.state.reports == ()
    made = report(after(asked, none(HRSS, BEN)))
    assert (made.version, made.completeness, made.verdict) == (1, "complete", "different")
    assert [(f.person_id, f.what, f.declared, f.found, f.difference, f.verdict) for f in made.findings] == [
        ("", "savings", 100_000, 60_000, -40_000, "different"),
        (ANNE, "income", 30_000, 30_000, 0, "consistent"),
        (BEN, "income", 0, 0, 0, "consistent"),
    ]
    assert made.shown == ("note_fen",)


def test_a_failed_query_is_not_none() -> None:
    """What could not be looked up leaves the report partial with the source named, until it is answered."""
    partial = after(opened(), bank(ANNE, 100_000), none(BANK, BEN, "failed"), hrss(ANNE, 30_000), none(HRSS, BEN))
    assert report(partial).missing == (mt.MissingSource("bank", "查询失败"),)
    assert report(partial).verdict == "partial"
    whole = after(partial, none(BANK, BEN))
    made = [(r.version, r.completeness, r.verdict) for r in whole.state.reports]
    assert made == [(1, "partial", "partial"), (2, "complete", "consistent")]


def test_more_than_declared_is_a_difference_even_while_a_source_is_missing() -> None:
    """Too little may be for want of an answer; too much cannot."""
    late = after(opened(), bank(ANNE, 100_001), hrss(ANNE, 29_999), none(HRSS, BEN), mt.MissSources("逾期未答复", why="time_limit"))
    by_what = {(f.what, f.person_id): f.verdict for f in report(late).findings}
    assert by_what == {("savings", ""): "different", ("income", ANNE): "different", ("income", BEN): "consistent"}
    assert (report(late).verdict, report(late).completeness, report(late).why) == ("different", "partial", "time_limit")


def test_a_small_difference_is_tolerated_as_far_as_the_district_says() -> None:
    """Interest of a quarter is no hidden fortune."""
    near = after(opened(100_000, 30_000, BANK, tolerance=500), bank(ANNE, 100_500), none(BANK, BEN))
    assert report(near).verdict == "consistent"
    far = after(opened(100_000, 30_000, BANK, tolerance=500), bank(ANNE, 100_501), none(BANK, BEN))
    assert report(far).verdict == "different"


def test_the_same_answer_changes_nothing_and_another_one_is_kept_beside_it() -> None:
    """The first stands until the source is asked again."""
    one = after(opened(), bank(ANNE, 1))
    one.when(bank(ANNE, 1)).then_nothing()
    other = one.when(bank(ANNE, 2)).then(mt.SourceAnswerDiffered("bank", "x-bank", ANNE, "found", (mt.Value("deposits_fen", 2),)))
    other.when(bank(ANNE, 2)).then_nothing()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (mt.TakeSourceAnswer("x-other", "bank", ANNE, "none"), "not_found"),
        (mt.TakeSourceAnswer("x-bank", "moon", ANNE, "none"), "not_found"),
        (mt.TakeSourceAnswer("x-bank", "bank", "c3" * 16, "none"), "not_found"),
        (mt.TakeSourceAnswer("x-bank", "bank", ANNE, "found", (mt.Value("deposits_fen", -1),)), "invalid_input"),
        (mt.TakeSourceAnswer("x-bank", "bank", ANNE, "found", (mt.Value("deposits_fen", 10**18),)), "invalid_input"),
        (mt.TakeSourceAnswer("x-bank", "bank", ANNE, "found", (mt.Value("gold", 1),)), "invalid_input"),
        (mt.TakeSourceAnswer("x-bank", "bank", ANNE, "found"), "invalid_input"),
        (mt.TakeSourceAnswer("x-bank", "bank", ANNE, "none", (mt.Value("deposits_fen", 1),)), "invalid_input"),
    ],
)
def test_an_answer_that_is_none_is_refused(wrong: mt.TakeSourceAnswer, code: str) -> None:
    """To what was not asked, of whom nobody asked, negative, absurd, or with other fields than declared."""
    opened().when(wrong).then_refused(code)


def test_a_suspended_source_is_missing_from_the_start() -> None:
    """Nothing is waited for, and the report says why."""
    away = mt.AskedSource("hrss", "社保", "x-hrss", HRSS.fields, "来源停用：检修")
    made = report(after(opened(100_000, 30_000, BANK, away), bank(ANNE, 100_000), none(BANK, BEN)))
    assert made.missing == (mt.MissingSource("hrss", "来源停用：检修"),)
    assert made.verdict == "partial"


def test_an_objection_asks_again_and_an_answer_to_the_first_request_does_not_count_any_more() -> None:
    """The old report stays as it was."""
    first = after(opened(100_000, 30_000, BANK), bank(ANNE, 900_000), none(BANK, BEN))
    again = mt.AskedSource("bank", "银行", "x-bank-2", BANK.fields)
    objection = mt.ObjectToReport(VERIFICATION, 1, (again,), "不是本人", 20)
    objected = first.when(objection).accepted()
    objected.when(objection).then_refused("out_of_order")
    assert objected.when(bank(ANNE, 5)).events == (
        mt.SourceAnswerDiffered("bank", "x-bank", ANNE, "found", (mt.Value("deposits_fen", 5),)),
    )
    second = after(objected, bank(ANNE, 100_000, "x-bank-2"), mt.TakeSourceAnswer("x-bank-2", "bank", BEN, "none"))
    assert [(r.version, r.verdict, r.why) for r in second.state.reports] == [(1, "different", "answers"), (2, "consistent", "objection")]
    first.on("2023-07-18").when(objection).then_refused("out_of_order")


def test_a_report_is_read_for_its_case_and_a_purpose() -> None:
    """Whoever looks is written down."""
    made = after(opened(100_000, 30_000, BANK), bank(ANNE, 1), none(BANK, BEN)).by("staff:r")
    made.when(mt.LookAtReport(VERIFICATION, CASE, "审核")).then(mt.ReportLookedAt(1, "审核", "staff:r"))
    made.when(mt.LookAtReport(VERIFICATION, "other", "审核")).then_refused("forbidden", "case_id")
    made.when(mt.LookAtReport(VERIFICATION, CASE, "审核", 2)).then_refused("not_found", "version")
    opened().when(mt.LookAtReport(VERIFICATION, CASE, "审核")).then_refused("out_of_order")


ANSWERS = st.builds(
    lambda source, person, outcome, fen: (
        bank(person, fen) if source == "bank" else hrss(person, fen)
    ) if outcome == "found" else none(BANK if source == "bank" else HRSS, person, outcome),
    st.sampled_from(["bank", "hrss"]),
    st.sampled_from([ANNE, BEN]),
    st.sampled_from(["found", "none", "failed"]),
    st.sampled_from([0, 30_000, 100_000]),
)
OTHERS = st.sampled_from(
    [
        mt.MissSources("逾期未答复", why="time_limit"),
        mt.MissSources("发送失败", "bank"),
        mt.LookAtReport(VERIFICATION, CASE, "审核"),
        mt.MoveSource("bank", "x-bank", "x-new"),
        mt.ObjectToReport(VERIFICATION, 1, (mt.AskedSource("hrss", "社保", "x-hrss-2", HRSS.fields),), "有误", 20),
    ]
)


@settings(deadline=None, max_examples=200)
@hypothesis_given(st.lists(st.one_of(ANSWERS, OTHERS), max_size=25))
def test_in_whatever_order_answers_come_a_check_ends_in_a_report_that_never_changes(commands: list[Any]) -> None:
    """Nothing pending means reported; versions count up; a report once made stays; the time limit is always a way out."""
    state = opened().state
    order: Order[Any] = Order(None, "c", Hand("service:assistance"), datetime(2023, 7, 4, 9, tzinfo=SHANGHAI))
    for c in commands:
        before = state
        try:
            happened = tuple(mt.VERIFICATIONS.decide[type(c)](state, c, order))
        except Refused:
            continue
        state = mt.VERIFICATIONS.fold(happened, state)
        assert state.reports[: len(before.reports)] == before.reports
        assert [r.version for r in state.reports] == list(range(1, len(state.reports) + 1))
        assert (state.status == "asking") == bool(state.pending)
        for r in state.reports:
            assert (r.completeness == "partial") == bool(r.missing)
            assert all(f.difference == f.found - f.declared for f in r.findings)
    end = mt.MissSources("逾期未答复", why="time_limit")
    state = mt.VERIFICATIONS.fold(tuple(mt.VERIFICATIONS.decide[mt.MissSources](state, end, order)), state)
    assert state.status == "reported"
    assert not state.pending


# -- sources, rights, cut-over, campaigns


def test_a_source_is_suspended_and_resumed_and_a_delivery_counts_once() -> None:
    """With a reason, in order, idempotent."""
    at = given(vs.SOURCES).on("2023-07-03").by("staff:c")
    away = at.when(vs.SuspendSource("bank", "330225", "检修")).then(vs.SourceSuspended("bank", "330225", "检修", "staff:c"))
    away.when(vs.SuspendSource("bank", "330225", "检修")).then_refused("out_of_order")
    back = away.when(vs.ResumeSource("bank", "330225")).then(vs.SourceResumed("bank", "330225", "staff:c"))
    back.when(vs.ResumeSource("bank", "330225")).then_refused("out_of_order")
    note = vs.NoteSourceAnswers("bank", "330225", "digest", 3, 0, 0, 1, 0, (vs.BrokenLine(4, "没有此查询编号"),))
    back.when(note).accepted().when(note).then_nothing()
    back.when(vs.SwitchSource("bank", "330225", "../up", "files", "staff:c")).then_refused("invalid_input", "system")


def right(*events: Any) -> cr.CheckRight:
    return cr.RIGHTS.fold(events)


def test_a_district_may_check_of_itself_and_a_street_under_a_grant_only() -> None:
    """For a role, from a day until a day, and not after it was withdrawn."""
    day, grant = date(2023, 7, 3), cr.CheckRightGranted(TOWN, "clerk", date(2023, 7, 1), date(2023, 12, 31), "文", "staff:c")
    assert cr.may_check(right(), "330225", ["clerk"], day, LOW)
    assert not cr.may_check(right(), "330225", ["auditor"], day, LOW)
    assert not cr.may_check(right(), TOWN, ["clerk"], day, LOW)
    assert cr.may_check(right(grant), TOWN, ["clerk"], day, LOW)
    assert not cr.may_check(right(grant), TOWN, ["reviewer"], day, LOW)
    assert not cr.may_check(right(grant), TOWN, ["clerk"], date(2023, 6, 30), LOW)
    assert not cr.may_check(right(grant), TOWN, ["clerk"], date(2024, 1, 1), LOW)
    assert not cr.may_check(right(grant, cr.CheckRightWithdrawn(TOWN, "clerk", "x", "staff:c")), TOWN, ["clerk"], day, LOW)
    gone = cr.CheckRightWithdrawn("330225", "clerk", "x", "staff:c")
    assert not cr.may_check(right(gone), "330225", ["clerk"], day, LOW)
    given(cr.RIGHTS).by("staff:t", division=TOWN).when(
        cr.GrantCheckRight(TOWN, "clerk", day, "文")
    ).then_refused("forbidden", "division")
    given(cr.RIGHTS).when(cr.GrantCheckRight("330225101001", "clerk", day, "文")).then_refused("invalid_input", "division")


def test_a_right_that_is_prolonged_holds_in_between_and_one_that_is_granted_anew_takes_the_place_of_the_old() -> None:
    """下放 for the next year takes nothing of this year's; an earlier end cuts; a withdrawal takes both, the one to come too."""
    year = cr.CheckRightGranted(TOWN, "clerk", date(2023, 1, 1), date(2023, 12, 31), "文", "staff:c")
    following = given(cr.RIGHTS, year).on("2023-07-03").by("staff:c").when(cr.GrantCheckRight(TOWN, "clerk", date(2024, 1, 1), "文二"))
    both = following.then(cr.CheckRightGranted(TOWN, "clerk", date(2024, 1, 1), None, "文二", "staff:c"))
    both.when(cr.GrantCheckRight(TOWN, "clerk", date(2024, 1, 1), "文二")).then_nothing()
    days = [date(2022, 12, 31), date(2023, 7, 3), date(2023, 12, 31), date(2024, 1, 1)]
    assert [cr.may_check(both.state, TOWN, ["clerk"], day, LOW) for day in days] == [False, True, True, True]
    withdrawn = both.when(cr.WithdrawCheckRight(TOWN, "clerk", "滥用")).accepted()
    assert not any(cr.may_check(withdrawn.state, TOWN, ["clerk"], day, LOW) for day in days)
    withdrawn.when(cr.WithdrawCheckRight(TOWN, "clerk", "滥用")).then_nothing()
    shorter = both.when(cr.GrantCheckRight(TOWN, "clerk", date(2023, 7, 1), "文三", date(2023, 9, 30))).accepted()
    days = [date(2023, 6, 30), date(2023, 9, 30), date(2023, 10, 1), date(2024, 1, 1)]
    assert [cr.may_check(shorter.state, TOWN, ["clerk"], day, LOW) for day in days] == [True, True, False, False]


def test_a_right_of_one_programme_is_a_scope_of_its_own() -> None:
    """特困 alone is granted, prolonged and withdrawn beside 低保; a right of all programmes is not withdrawn for one of them."""
    first, day = date(2023, 1, 1), date(2023, 7, 3)
    of_support = cr.GrantCheckRight(TOWN, "clerk", first, "文", None, EXTREME)
    one = given(cr.RIGHTS).on("2023-07-03").by("staff:c").when(of_support).then(
        cr.CheckRightGranted(TOWN, "clerk", first, None, "文", "staff:c", EXTREME)
    )
    one.when(of_support).then_nothing()
    assert [cr.may_check(one.state, TOWN, ["clerk"], day, p) for p in (EXTREME, LOW)] == [True, False]
    both = one.when(cr.GrantCheckRight(TOWN, "clerk", date(2023, 7, 1), "文二", None, LOW)).accepted()
    assert [cr.may_check(both.state, TOWN, ["clerk"], day, p) for p in (EXTREME, LOW)] == [True, True]
    assert not cr.may_check(both.state, TOWN, ["clerk"], first, LOW)
    shorter = both.when(cr.GrantCheckRight(TOWN, "clerk", day, "文三", date(2023, 7, 31), LOW)).accepted().state
    august = date(2023, 8, 1)
    assert [cr.may_check(shorter, TOWN, ["clerk"], august, p) for p in (EXTREME, LOW)] == [True, False]
    less = both.when(cr.WithdrawCheckRight(TOWN, "clerk", "调整", LOW)).then(
        cr.CheckRightWithdrawn(TOWN, "clerk", "调整", "staff:c", LOW)
    )
    less.when(cr.WithdrawCheckRight(TOWN, "clerk", "调整", LOW)).then_nothing()
    assert [cr.may_check(less.state, TOWN, ["clerk"], day, p) for p in (EXTREME, LOW)] == [True, False]
    less.when(cr.WithdrawCheckRight(TOWN, "clerk", "调整", "price_linked_temporary_subsidy")).then_refused("not_found", "division")
    nothing = both.when(cr.WithdrawCheckRight(TOWN, "clerk", "调整")).accepted().state
    assert not any(cr.may_check(nothing, TOWN, ["clerk"], day, p) for p in (EXTREME, LOW))
    whole = given(cr.RIGHTS, cr.CheckRightGranted(TOWN, "clerk", first, None, "文", "staff:c")).on("2023-07-03").by("staff:c")
    whole.when(cr.WithdrawCheckRight(TOWN, "clerk", "调整", LOW)).then_refused("out_of_order", "programme")


def test_a_district_keeps_its_own_right_beside_what_it_is_granted() -> None:
    """What it has of itself holds for every programme until it is withdrawn; a grant of all takes its place on its first day only."""
    own = given(cr.RIGHTS).on("2023-07-03").by("staff:c", division="33")
    low = own.when(cr.GrantCheckRight("330225", "clerk", date(2024, 1, 1), "文", None, LOW)).accepted()
    assert cr.may_check(low.state, "330225", ["clerk"], date(2023, 7, 3), EXTREME)
    limited = own.when(cr.GrantCheckRight("330225", "clerk", date(2024, 1, 1), "文", date(2024, 12, 31))).accepted().state
    days = [date(2023, 7, 3), date(2024, 6, 1), date(2025, 1, 1)]
    assert [cr.may_check(limited, "330225", ["clerk"], day, LOW) for day in days] == [True, True, False]
    low_only = low.when(cr.WithdrawCheckRight("330225", "clerk", "调整")).accepted()
    again = low_only.when(cr.GrantCheckRight("330225", "clerk", date(2023, 7, 3), "文二", None, LOW)).accepted().state
    assert [cr.may_check(again, "330225", ["clerk"], date(2023, 7, 3), p) for p in (LOW, EXTREME)] == [True, False]


def test_a_cut_over_takes_every_request_once_and_agrees_only_when_both_lists_do() -> None:
    """Not before all are over; another hand settles what differs."""
    start = cr.StartCutOver("bank", "330225", "city2", "files", ("a", "b"), ("b", "c"))
    begun = given(cr.CUT_OVERS).by("staff:c").when(start).accepted()
    begun.when(start).then_refused("already_exists")
    begun.when(cr.ReconcileCutOver("x")).then_refused("out_of_order")
    moved = begun.when(cr.MigrateRequest("a", "a2", LOW, TOWN)).then(cr.RequestMigrated("a", "a2", LOW, TOWN))
    moved.when(cr.MigrateRequest("a", "a2", LOW, TOWN)).then_nothing()
    moved.when(cr.MigrateRequest("a", "a3")).then_refused("out_of_order")
    moved.when(cr.MigrateRequest("z", "z2")).then_refused("out_of_order")
    over = moved.when(cr.MigrateRequest("b", "", EXTREME, TOWN)).accepted().when(cr.ReconcileCutOver("x"))
    by_scope = (cr.ScopeCount(EXTREME, TOWN, 1, 0, 1), cr.ScopeCount(LOW, TOWN, 1, 1, 0))
    differing = over.then(cr.CutOverReconciled(2, 1, 1, ("a",), ("c",), False, by_scope))
    differing.when(cr.SettleCutOver("x", "演练")).then_refused("same_hand")
    assert differing.by("staff:d").when(cr.SettleCutOver("x", "演练")).accepted().state.status == "closed"


LISTED = tuple(rv.Listed(c, "minimum_living_allowance", f"s{c}") for c in ("c1", "c2", "c3"))
STARTED = rv.ReverificationStarted("k", "330225", "2023", ("minimum_living_allowance",), date(2023, 12, 31), "staff:r")
RUNNING = (STARTED, rv.ObjectsListed(0, LISTED), rv.ListLocked(3))


def test_a_campaign_closes_when_everybody_is_reported_or_excused() -> None:
    """复核率 100 %: what is left is counted in the refusal."""
    asked = rv.NoteSlice((rv.Asked("c1", "v1"), rv.Asked("c2", "", "没有有效授权"), rv.Asked("c9", "v9")))
    going = given(rv.CAMPAIGNS, *RUNNING).on("2023-07-03").when(asked).accepted()
    assert going.state.having("blocked") == ("c2",)
    going.when(rv.CloseReverification("k")).then_refused("out_of_order")
    found = going.when(rv.NoteReport("c1", "v1", "v1.1", "different")).then(
        rv.ObjectReported("c1", "v1.1", "different"),
        rv.MismatchFound("k", "c1", "minimum_living_allowance", "sc1", "330225", "v1.1"),
    )
    found.when(rv.NoteReport("c1", "v1", "v1.1", "different")).then_nothing()
    found.when(rv.NoteReport("c1", "v0", "v0.1", "consistent")).then_nothing()
    found.by("staff:r").when(rv.ExcuseObject("k", "c2", "已停发")).then_refused("same_hand")
    excused = found.when(rv.ExcuseObject("k", "c2", "已停发")).accepted()
    excused.when(rv.ExcuseObject("k", "c1", "已停发")).then_refused("out_of_order")
    whole = excused.when(rv.NoteReport("c3", "v3", "v3.1", "partial")).accepted()
    whole.when(rv.CloseReverification("k")).then(rv.ReverificationClosed("k", "330225", "2023", 3, 2, 1, 1))


def test_blocked_ones_are_asked_again_and_lateness_is_told_once() -> None:
    """Nobody is forgotten because a paper was missing."""
    blocked = given(rv.CAMPAIGNS, *RUNNING, rv.SliceAsked((rv.Asked("c1", "", "没有有效授权"),))).on("2023-07-03")
    again = blocked.when(rv.RetryBlocked("k")).then(rv.BlockedRetried(("c1",)))
    assert again.state.having("waiting") == ("c1", "c2", "c3")
    again.when(rv.RetryBlocked("k")).then_refused("out_of_order")
    late = again.on("2024-01-01").when(rv.NoteOverdue("k")).then(rv.ReverificationOverdue("k", "330225", "2023", date(2023, 12, 31), 3))
    late.when(rv.NoteOverdue("k")).then_nothing()


def test_a_list_that_was_cut_off_goes_on_and_is_locked_once() -> None:
    """The same campaign started again lists what is missing; an empty register has nothing to review."""
    start = rv.StartReverification("330225", "2023", ("minimum_living_allowance",), date(2023, 12, 31))
    begun = given(rv.CAMPAIGNS).on("2023-07-03").when(start).accepted()
    begun.when(start).then_nothing()
    begun.when(rv.LockList("k")).then_refused("not_found")
    part = begun.when(rv.ListObjects(0, LISTED[:2])).then(rv.ObjectsListed(0, LISTED[:2]))
    part.when(rv.ListObjects(0, LISTED)).then_refused("out_of_order")
    whole = part.when(rv.ListObjects(1, LISTED)).then(rv.ObjectsListed(1, LISTED[2:]))
    whole.when(rv.LockList("k")).then(rv.ListLocked(3)).when(rv.LockList("k")).then_nothing()


@pytest.mark.parametrize("decider", [mt.AUTHORISATIONS, mt.VERIFICATIONS, vs.SOURCES, cr.RIGHTS, cr.CUT_OVERS, rv.CAMPAIGNS])
def test_an_aggregate_folds_its_own_events_only(decider: Decider[Any]) -> None:
    """A foreign event is a mistake, not nothing."""
    with pytest.raises((TypeError, AttributeError)):
        decider.evolve(decider.initial, timedelta(1))
