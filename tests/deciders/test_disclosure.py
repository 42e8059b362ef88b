"""What is public of a case follows from the case and its declaration, is never a full name, and hands may only take away from it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from shared.casework import benefit_case as bc
from shared.casework import disclosure as di
from shared.casework.masking import STAR, masked
from shared.casework.programme import DISCLOSABLE, LEVELS, NOTHING_PUBLIC, Disclosure, Masking, Terms
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventsourcing.events import ERASED
from shared.eventsourcing.orders import Hand, Order
from shared.eventsourcing.testing import Given, given
from tests.deciders import samples as s
from tests.deciders.test_case_properties import ANY_TERMS, HANDS, MANY, STEPS, asked, hand_of

D = di.decider("assistance")
NAME = "金丝雀赵四"
WHO = di.Who("c3" * 16, NAME, date(1970, 1, 1), 3, "rural")
VILLAGE = "330225101007"
OPEN = Disclosure(
    proposal=("name", "members", "amount_fen"),
    recipient=("name", "members", "area", "amount_fen", "first_month", "status"),
    totals=True,
    basis=("办法",),
)
FILED = bc.ApplicationFiled(s.PROGRAMME, s.SUBJECT, s.PAYEE, VILLAGE, "staff:clerk", date(2023, 7, 3))
REVIEWED = s.assessed("2023-08", 100000)
PROPOSED = bc.CaseProposed(
    REVIEWED, bc.reviewed_hash(REVIEWED), 0, date(2023, 7, 13), "staff:reviewer", date(2023, 7, 6), s.PROGRAMME, s.SUBJECT
)  # fmt: skip
GRANTED = replace(s.granted(), division=VILLAGE)


def case(*events: Any) -> bc.Case:
    return s.D.fold(events)


def wanted(day: str, *events: Any, declared: Disclosure = OPEN, who: di.Who = WHO) -> di.Wanted | None:
    return di.wanted(case(*events), declared, who, date.fromisoformat(day))


def kept(g: Given[di.State], day: str, *events: Any, declared: Disclosure = OPEN, who: di.Who = WHO) -> Given[di.State]:
    """The service looked at the case that day."""
    keep = di.KeepDisclosure(s.CASE, wanted(day, *events, declared=declared, who=who), len(events), "审核结果作废")
    return g.on(day).when(keep).accepted()


def told(g: Given[di.State]) -> list[type]:
    return [type(e) for e in g.events]


PROPOSAL = (FILED, PROPOSED)
RECIPIENT = (FILED, PROPOSED, GRANTED)


# -- names


@pytest.mark.parametrize(
    ("name", "page"),
    [("张三", "张*"), ("张三丰", "张*"), ("欧阳修", "欧阳*"), ("欧阳", "欧*"), ("买买提·艾山", "买*"), ("张", "*"), (ERASED, ERASED)],
)
def test_the_surname_stays_and_the_rest_is_one_star(name: str, page: str) -> None:
    """Whatever the length of a name, no more of it is told than the surname."""
    assert masked(name, "surname") == page
    assert masked(name, "nothing") == (ERASED if name == ERASED else STAR)


@drawn(st.text(min_size=1, max_size=12), st.sampled_from(["surname", "nothing"]))
def test_no_full_name_is_ever_shown(name: str, keep: Any) -> None:
    """Of any text, something is hidden."""
    shown = masked(name, keep)
    assert shown.endswith(STAR)
    assert len(shown.removesuffix(STAR)) < max(len(name.strip()), 1)


# -- what is to stand


def test_a_proposal_is_public_until_its_last_day_and_with_the_declared_fields_only() -> None:
    """公示: the masked name and what was proposed, at the village; the day behind the last nothing."""
    found = wanted("2023-07-06", *PROPOSAL)
    assert found is not None
    assert (found.kind, found.until, found.fields) == ("proposal", date(2023, 7, 13), ("name", "members", "amount_fen"))
    assert found.shown == di.Shown(VILLAGE, WHO.person_id, members=3, amount_fen=100000, name="金*")
    assert found.counted is None
    assert wanted("2023-07-13", *PROPOSAL) == found
    assert wanted("2023-07-14", *PROPOSAL) is None
    assert wanted("2023-07-06", FILED) is None


def test_a_recipient_is_public_with_the_amount_of_the_month() -> None:
    """在保: what is due this month, the month from which something else is due already known."""
    lower = bc.CaseReassessed(
        s.PROGRAMME, s.SUBJECT, "lowered", 100000, 60000, "2023-10", (bc.MonthAmount("2023-10", 60000),), (s.assessed("2023-10", 60000),),
        "fact", 1,
    )  # fmt: skip
    now = wanted("2023-09-20", *RECIPIENT, lower)
    then = wanted("2023-10-01", *RECIPIENT, lower)
    assert now is not None
    assert then is not None
    assert (now.shown.amount_fen, now.changes_on, now.shown.first_month) == (100000, date(2023, 10, 1), "2023-08")
    assert (then.shown.amount_fen, then.changes_on) == (60000, None)
    assert then.counted == di.Counted(VILLAGE, 3, 60000)


def test_before_the_first_month_the_amount_of_that_month_is_told() -> None:
    """Confirmed in July, paid from August: nobody reads that the household gets nothing."""
    found = wanted("2023-07-20", *RECIPIENT)
    assert found is not None
    assert found.shown.amount_fen == 100000


def test_a_suspended_case_says_so_and_is_due_nothing() -> None:
    """暂停: from its month on."""
    suspended = bc.CaseSuspended(s.PROGRAMME, s.SUBJECT, "2023-10", "失联", "staff:reviewer", date(2023, 9, 20))
    found = wanted("2023-10-02", *RECIPIENT, suspended)
    assert found is not None
    assert (found.shown.status, found.shown.amount_fen) == ("suspended", 0)


def test_an_ended_case_stays_to_its_last_day_and_as_long_as_declared_behind_it() -> None:
    """停发: in force until the month is over, then listed as ended for the declared days, then not at all; never counted behind its end."""
    ended = bc.CaseEnded(s.PROGRAMME, s.SUBJECT, "2023-10", "领取人死亡", "")
    before = wanted("2023-09-30", *RECIPIENT, ended)
    assert before is not None
    assert (before.shown.status, before.ends_on, before.changes_on) == ("in_force", date(2023, 9, 30), date(2023, 10, 1))
    assert wanted("2023-10-01", *RECIPIENT, ended) is None
    longer = replace(OPEN, listed_days=30)
    behind = wanted("2023-10-30", *RECIPIENT, ended, declared=longer)
    assert behind is not None
    assert (behind.shown.status, behind.counted, behind.ends_on) == ("ended", None, date(2023, 10, 30))
    assert wanted("2023-10-31", *RECIPIENT, ended, declared=longer) is None


def test_a_minor_is_never_named_nor_anybody_of_whom_the_age_is_not_known() -> None:
    """Orphans and children, whom the missing name marks: no name and not whose key it would be, no amount, no village."""
    for born in (date(2010, 1, 1), None):
        found = wanted("2023-07-20", *RECIPIENT, who=replace(WHO, born_on=born))
        assert found is not None
        assert "name" not in found.fields
        assert (found.shown.name, found.shown.person_id, found.masking) == (None, "", "")
        assert (found.fields, found.shown.place) == (("members", "area", "first_month", "status"), VILLAGE[:9])
        assert found.counted == di.Counted(VILLAGE, 3, 100000)


def test_the_masking_rule_is_that_of_the_day() -> None:
    """A stricter rule holds from its day on; before the first rule nothing of a name stays."""
    rules = replace(OPEN, masking=(Masking(date(2023, 7, 1), "surname"), Masking(date(2023, 9, 1), "nothing")))
    names = [
        w.shown.name for day in ("2023-08-31", "2023-09-01") if (w := wanted(day, *RECIPIENT, declared=rules)) is not None
    ]
    assert names == ["金*", "*"]
    assert rules.masking_on(date(2020, 1, 1)).keep == "nothing"


def test_the_place_is_told_as_far_as_declared() -> None:
    """A programme of the town tells no village, in the list and in the figures."""
    found = wanted("2023-08-20", *RECIPIENT, declared=replace(OPEN, level="town"))
    assert found is not None
    assert found.counted is not None
    assert (found.shown.place, found.counted.place) == ("330225101", "330225101")


def test_what_cannot_be_declared() -> None:
    """A field that is not among the disclosable, a list without a basis, rules of masking out of order: refused when the house starts."""
    for wrong in ({"recipient": ("disability_grade",)}, {"recipient": ("name",), "basis": ()}, {"masking": ()}):
        with pytest.raises(ValueError, match=r"."):
            Disclosure(**wrong)


# -- the stream follows the case


def test_from_publicity_to_the_end() -> None:
    """Published, over, published among the recipients, corrected, expired; each told once."""
    g = kept(given(D), "2023-07-06", *PROPOSAL)
    g = kept(g, "2023-07-07", *PROPOSAL)  # told twice
    g = kept(g, "2023-07-14", *PROPOSAL)
    g = kept(g, "2023-07-14", *RECIPIENT)
    suspended = bc.CaseSuspended(s.PROGRAMME, s.SUBJECT, "2023-10", "失联", "staff:reviewer", date(2023, 9, 20))
    g = kept(g, "2023-09-20", *RECIPIENT, suspended)
    g = kept(g, "2023-10-01", *RECIPIENT, suspended)
    ended = bc.CaseEnded(s.PROGRAMME, s.SUBJECT, "2023-12", "收入超过标准", "")
    g = kept(g, "2023-11-20", *RECIPIENT, suspended, ended)
    g = kept(g, "2023-12-01", *RECIPIENT, suspended, ended)
    assert told(g) == [
        di.DisclosurePublished, di.DisclosureExpired, di.DisclosurePublished, di.DisclosureRescheduled, di.DisclosureCorrected,
        di.DisclosureRescheduled, di.DisclosureExpired,
    ]  # fmt: skip
    assert g.events[4].changed == ("amount_fen", "status")
    assert (g.state.kind, di.due_on(g.state)) == ("", None)


def test_a_voided_proposal_is_withdrawn_and_a_new_one_published() -> None:
    """An objection was upheld: the page says nothing until there is another result."""
    g = kept(given(D), "2023-07-06", *PROPOSAL)
    voided = bc.ProposalVoided("公示异议成立，须重新审核。", s.PROGRAMME, s.SUBJECT)
    g = kept(g, "2023-07-08", *PROPOSAL, voided)
    assert g.events[-1] == di.DisclosureWithdrawn("审核结果作废", False, False)
    again = replace(PROPOSED, publicised_until=date(2023, 7, 17))
    g = kept(g, "2023-07-10", *PROPOSAL, voided, again)
    assert g.events[-1].until == date(2023, 7, 17)


def test_a_look_that_is_older_than_the_last_changes_nothing() -> None:
    """Two reactions may overlap: the one that saw the older case comes too late."""
    g = kept(given(D), "2023-07-14", *RECIPIENT)
    old = di.KeepDisclosure(s.CASE, wanted("2023-07-13", *PROPOSAL), len(PROPOSAL), "")
    g.on("2023-07-14").when(old).then_nothing()


def test_a_case_that_is_only_counted_shows_nothing() -> None:
    """两项补贴: no field, no name, no key; a figure."""
    g = kept(given(D), "2023-08-20", *RECIPIENT, declared=Disclosure(level="town", totals=True))
    published = g.events[0]
    assert (published.fields, published.shown) == ((), di.Shown("330225101"))
    assert published.counted == di.Counted("330225101", 3, 100000)


# -- hands


def withdrawn() -> Given[di.State]:
    g = kept(given(D), "2023-08-20", *RECIPIENT).by("staff:a")
    return g.when(di.WithdrawDisclosure(s.CASE, "人身安全")).accepted()


def test_what_a_hand_withdrew_stays_away_but_is_counted_until_another_restores_it() -> None:
    """The case goes on; the page does not name it; the same hand cannot bring it back."""
    g = withdrawn()
    assert g.events[-1] == di.DisclosureWithdrawn("人身安全", True, True, "staff:a")
    suspended = bc.CaseSuspended(s.PROGRAMME, s.SUBJECT, "2023-10", "失联", "staff:reviewer", date(2023, 9, 20))
    g = kept(g, "2023-10-02", *RECIPIENT, suspended)
    corrected = g.events[-1]
    assert (corrected.fields, corrected.shown, corrected.counted) == ((), di.Shown(VILLAGE), di.Counted(VILLAGE, 3, 0))
    g.when(di.WithdrawDisclosure(s.CASE, "再次")).then_refused("already_exists")
    g.by("staff:a").when(di.RestoreDisclosure(s.CASE, "已解除")).then_refused("same_hand")
    g = g.by("staff:b").when(di.RestoreDisclosure(s.CASE, "已解除")).accepted()
    g = kept(g, "2023-10-03", *RECIPIENT, suspended)
    assert g.state.shown is not None
    assert (g.state.fields, g.state.shown.name) == (OPEN.recipient, "金*")


def test_a_withdrawn_proposal_does_not_come_back_when_it_is_granted() -> None:
    """人身安全 does not end with the procedure."""
    g = kept(given(D), "2023-07-06", *PROPOSAL).by("staff:a").when(di.WithdrawDisclosure(s.CASE, "人身安全")).accepted()
    g = kept(g, "2023-07-14", *RECIPIENT)
    assert g.events[-1].fields == ()
    assert g.events[-1].counted is not None


def test_fields_are_hidden_at_once_and_shown_again_by_another_hand() -> None:
    """更正: the name goes, the amount stays, the place is told no nearer than the town; and it stays so when the case changes."""
    g = kept(given(D), "2023-08-20", *RECIPIENT).by("staff:a")
    g.when(di.CorrectDisclosure(s.CASE, ("illness",), "x")).then_refused("invalid_input", "hidden")
    g = g.when(di.CorrectDisclosure(s.CASE, ("name", "place"), "本人请求")).accepted()
    assert told(g)[-2:] == [di.DisclosureFieldsHidden, di.DisclosureCorrected]
    assert g.events[-1].changed == ("place", "name")
    assert g.state.shown == di.Shown("330225101", members=3, area="rural", amount_fen=100000, first_month="2023-08", status="in_force")
    g = kept(g, "2023-08-21", *RECIPIENT)
    assert told(g)[-1] is di.DisclosureCorrected  # nothing came back
    g.by("staff:a").when(di.CorrectDisclosure(s.CASE, ("name",), "x")).then_refused("same_hand")
    g.by("staff:a").when(di.CorrectDisclosure(s.CASE, ("name", "place", "area"), "也不公开")).accepted()  # more may always be hidden
    g = kept(g.by("staff:b").when(di.CorrectDisclosure(s.CASE, (), "已同意")).accepted(), "2023-08-22", *RECIPIENT)
    assert g.state.shown is not None
    assert (g.state.shown.name, g.state.shown.place) == ("金*", VILLAGE)


# -- objections from the page


def report(receipt: str, words: str = "他家有车") -> di.ReportPublicObjection:
    return di.ReportPublicObjection(s.CASE, receipt, "0b" * 16, f"digest of {words}", words, "13800000000")


def publicised() -> Given[di.State]:
    return kept(given(D), "2023-07-06", *PROPOSAL).by("service:portal")


def test_an_objection_is_taken_in_only_during_the_publicity() -> None:
    """On its last day still, the day after no more, and not to what is no proposal."""
    g = publicised()
    g.on("2023-07-13").when(report("r1")).accepted()
    g.on("2023-07-14").when(report("r1")).then_refused("out_of_order")
    kept(g, "2023-07-14", *RECIPIENT).when(report("r1")).then_refused("out_of_order")
    given(D).when(report("r1")).then_refused("out_of_order")


def test_an_objection_says_something_and_not_too_much_and_once() -> None:
    """Empty, too long, the same words again while they wait, more than so many at a time: refused."""
    g = publicised()
    g.when(report("r1", " ")).then_refused("invalid_input", "words")
    g.when(report("r1", "长" * 1001)).then_refused("invalid_input", "words")
    g = g.when(report("r0")).accepted()
    g.when(report("r1")).then_refused("already_exists", "words")
    for n in range(1, di.MOST_OPEN):
        g = g.when(report(f"r{n}", f"第{n}件")).accepted()
    g.when(report("more", "又一件")).then_refused("out_of_order")
    g = g.by("staff:z").when(di.RejectPublicObjection(s.CASE, "r0", "无事实")).accepted()
    g.when(report("more", "又一件")).accepted()


def test_an_objection_is_dealt_with_once_and_not_by_the_case_s_own_hands() -> None:
    """Taken or rejected with a reason; never both, never by who handled the case."""
    g = publicised().when(report("r1")).accepted().by("staff:clerk")
    g.when(di.RejectPublicObjection(s.CASE, "r1", " ")).then_refused("invalid_input", "reason")
    g.when(di.RejectPublicObjection(s.CASE, "r1", "无事实", ("staff:clerk",))).then_refused("same_hand")
    g.when(di.TakePublicObjection(s.CASE, "r9", 3)).then_refused("not_found")
    done = g.when(di.TakePublicObjection(s.CASE, "r1", 3)).accepted()
    assert done.state.reports["r1"].status == "taken"
    assert done.state.waiting == []
    done.by("staff:z").when(di.RejectPublicObjection(s.CASE, "r1", "无事实")).then_refused("out_of_order")


def test_an_objection_that_nobody_deals_with_is_late_once() -> None:
    """The timer may come early and twice."""
    g = publicised().on("2023-07-06").when(report("r1")).accepted()  # Thursday; until Tuesday
    note = di.NotePublicObjectionOverdue(s.CASE, "r1")
    g.on("2023-07-11").when(note).then_nothing()
    g = g.on("2023-07-12").when(note).then(di.PublicObjectionOverdue("r1", s.CASE, s.PROGRAMME, VILLAGE, date(2023, 7, 11)))
    g.on("2023-07-13").when(note).then_nothing()


def test_what_waits_is_moot_when_there_is_nothing_left_to_object_to() -> None:
    """The case was withdrawn, or is proposed anew since: closed once, and dealt with by nobody any more; what came later is heard."""
    g = publicised().when(report("r1")).accepted().on("2023-07-08").when(report("r2", "又一件")).accepted()
    assert g.state.stops(date(2023, 7, 11))
    keep = di.KeepDisclosure(s.CASE, None, 9, "申请已撤回", date(2023, 7, 7))
    g = g.on("2023-07-10").when(keep).then(
        di.DisclosureWithdrawn("申请已撤回", False, False), di.PublicObjectionMoot("r1", di.MOOT, date(2023, 7, 10))
    )  # fmt: skip
    g = g.when(replace(keep, heard_from=None)).then(di.PublicObjectionMoot("r2", di.MOOT, date(2023, 7, 10)))
    g.when(replace(keep, heard_from=None)).then_nothing()
    g.when(di.TakePublicObjection(s.CASE, "r1", 3)).then_refused("out_of_order")
    assert not g.state.stops(date(2023, 7, 10))


def test_an_objection_without_a_contact_stops_nothing() -> None:
    """Nor does one whose time to be taken is over."""
    g = publicised().on("2023-07-06").when(replace(report("r1"), contact=" ")).accepted()
    assert not g.state.stops(date(2023, 7, 6))
    g = g.when(report("r2", "有联系方式")).accepted()
    assert [g.state.stops(date(2023, 7, day)) for day in (6, 11, 12)] == [True, True, False]


# -- any life

DECLARED = st.builds(
    Disclosure,
    proposal=st.lists(st.sampled_from(sorted(DISCLOSABLE)), unique=True).map(tuple),
    recipient=st.lists(st.sampled_from(sorted(DISCLOSABLE)), unique=True).map(tuple),
    level=st.sampled_from(sorted(LEVELS)),
    totals=st.booleans(),
    listed_days=st.sampled_from([0, 0, 40]),
    basis=st.just(("办法",)),
)
BY_HAND = st.sampled_from(["", "", "", "", "withdraw", "restore", "hide", "show", "report", "take", "reject", "late"])
UNDECLARED: dict[str, Any] = {"members": None, "area": "", "amount_fen": None, "first_month": "", "status": "", "name": None}


def hands_act(act: str, state: di.State) -> Any:
    waiting = state.waiting[0].receipt if state.waiting else "none"
    return {
        "withdraw": di.WithdrawDisclosure(s.CASE, "人身安全"),
        "restore": di.RestoreDisclosure(s.CASE, "解除"),
        "hide": di.CorrectDisclosure(s.CASE, ("name", "place"), "请求"),
        "show": di.CorrectDisclosure(s.CASE, (), "同意"),
        "report": report(f"r{len(state.reports)}", f"第{len(state.reports)}件"),
        "take": di.TakePublicObjection(s.CASE, waiting, 1),
        "reject": di.RejectPublicObjection(s.CASE, waiting, "无事实"),
        "late": di.NotePublicObjectionOverdue(s.CASE, waiting),
    }[act]


@MANY
@drawn(ANY_TERMS, st.one_of(st.just(OPEN), DECLARED), st.booleans(), st.booleans(), st.lists(st.tuples(STEPS, BY_HAND), max_size=40))
def test_any_life_shows_what_is_declared_and_nothing_else(
    terms: Terms, declared: Disclosure, minor: bool, begun: bool, steps: list[Any]
) -> None:
    """Of whatever case, whoever meddles: only declared fields, no full name, nothing hidden, and a due day never in the past."""
    who = replace(WHO, born_on=date(2015, 1, 1)) if minor else WHO
    life: bc.Case = s.D.fold([replace(GRANTED, terms=terms)]) if begun else s.D.initial
    state, version = D.initial, int(begun)
    now = datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)

    def tell(command: Any, hand: str) -> None:
        nonlocal state
        try:
            for event in D.decide[type(command)](state, command, Order(command, "c", Hand(hand), now)):
                state = di.evolve(state, event)
                lawful(event)
        except Refused:
            return

    def lawful(event: Any) -> None:
        if not isinstance(event, di.DisclosurePublished | di.DisclosureCorrected):
            return
        kind = event.kind if isinstance(event, di.DisclosurePublished) else state.kind
        allowed = declared.proposal if kind == "proposal" else declared.recipient
        assert set(event.fields) <= set(allowed) - set(state.hidden)
        for name, nothing in UNDECLARED.items():
            assert name in event.fields or getattr(event.shown, name) == nothing, f"{name} was not declared"
        assert event.shown.name in (None, "金*")
        assert not minor or (event.shown.name, event.shown.amount_fen, event.shown.place[9:]) == (None, None, "")
        assert (event.shown.person_id == "") == (event.shown.name is None)
        assert NAME not in repr(event)
        assert len(event.shown.place) <= (9 if "place" in state.hidden else LEVELS[declared.level])
        assert not state.held_by or not event.fields
        assert event.counted is None or declared.totals

    def look() -> None:
        tell(di.KeepDisclosure(s.CASE, di.wanted(life, declared, who, now.date()), version, "作废"), "service:assistance")

    for (act, hand, days, n), by_hand in steps:
        now += timedelta(days=days)
        command = asked(life, act, terms, now.date(), n)
        try:
            for event in s.D.decide[type(command)](life, command, Order(command, "c", Hand(hand_of(life, act, hand)), now)):
                life, version = s.D.evolve(life, event), version + 1
        except Refused:
            pass
        if by_hand:
            tell(hands_act(by_hand, state), HANDS[n % 4])
        look()
        due = di.due_on(state)
        assert due is None or due > now.date(), "what was due is done by the look of that day"
        again = state
        look()
        assert state == again, "a second look at the same case changes nothing"
        if (w := di.wanted(life, declared, who, now.date())) is None or (not w.fields and w.counted is None):
            assert state.kind == ""


def test_every_field_of_a_page_can_be_declared_and_no_other() -> None:
    """The list of what may be public, what an event can hold, and what this test takes for nothing are the same."""
    assert {f.name for f in fields(di.Shown)} - {"place", "person_id"} == set(DISCLOSABLE) == set(UNDECLARED)
    assert NOTHING_PUBLIC.proposal == NOTHING_PUBLIC.recipient == ()
