"""The life of a household: registered once, its incomes and its dead recorded, each from the month it counts from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from services.assistance import household as h
from shared.eventsourcing.testing import Given, given

HEAD = h.Member("0a" * 16, date(1985, 4, 12), "户主", 260000, employed=True, name="甲", resident_id="1")
CHILD = h.Member("0b" * 16, date(2015, 5, 20), "子", student=True, name="乙", resident_id="2")
REGISTER = h.RegisterHousehold("a1" * 16, "330225101", "rural", HEAD.person_id, (HEAD, CHILD), 1000000)
REGISTERED = h.HouseholdRegistered("a1" * 16, "330225101", "rural", HEAD.person_id, (HEAD, CHILD), 1000000, 0, 0, 1, "staff")


def there(*more: Any) -> Given[h.Household]:
    return given(h.DECIDER, REGISTERED, *more)


def income(fen: int, day: str, reason: str = "other", person: h.Member = HEAD) -> h.RecordIncome:
    return h.RecordIncome(REGISTER.household_id, person.person_id, fen, date.fromisoformat(day), reason, "hrss")


def death(day: str, month: str, person: h.Member = CHILD) -> h.RecordDeath:
    return h.RecordDeath(REGISTER.household_id, person.person_id, date.fromisoformat(day), month)


def earns(case: Given[h.Household], month: str) -> int:
    """What the head earns in a month, by all that is known."""
    return next(m for m in h.facts_in(case.state, month, 0, None).members if m.person_id == HEAD.person_id).monthly_income_fen


# -- registration


def test_a_household_is_registered() -> None:
    """With its members and what it owns."""
    given(h.DECIDER).when(REGISTER).then(REGISTERED)


def test_the_same_file_once_more_changes_nothing() -> None:
    """An import may be repeated."""
    there().when(REGISTER).then_nothing()
    there().when(replace(REGISTER, source="import", division="330225101000")).then_nothing()


@pytest.mark.parametrize("change", [{"savings_fen": 1}, {"area": "urban"}, {"members": (HEAD,)}, {"division": "330225102"}])
def test_another_content_under_the_same_number_is_refused(change: dict[str, Any]) -> None:
    """A register is changed by events, not by importing over it."""
    there().when(replace(REGISTER, **change)).then_refused("already_exists", "household_id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"members": ()}, "members"),
        ({"members": (HEAD,) * 2}, "members"),
        ({"members": tuple(replace(HEAD, person_id=f"{n:032x}") for n in range(31))}, "members"),
        ({"head_id": "0c" * 16}, "head_id"),
        ({"area": "village"}, "area"),
        ({"division": "33022"}, "division"),
        ({"savings_fen": -1}, "savings_fen"),
        ({"securities_fen": 10**12}, "securities_fen"),
        ({"vehicles": -1}, "vehicles"),
        ({"homes": 101}, "vehicles"),
    ],
    ids=["nobody", "twice", "too many", "foreign head", "area", "division", "negative", "absurd", "vehicles", "homes"],
)
def test_a_household_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    """The field is named."""
    given(h.DECIDER).when(replace(REGISTER, **change)).then_refused("invalid_input", field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"person_id": "110105"}, "members.1.person_id"),
        ({"born_on": date(2023, 7, 4)}, "members.1.born_on"),
        ({"born_on": date(1889, 12, 31)}, "members.1.born_on"),
        ({"monthly_income_fen": -1}, "members.1.monthly_income_fen"),
        ({"monthly_income_fen": 10**10}, "members.1.monthly_income_fen"),
        ({"excluded_income_fen": 1}, "members.1.excluded_income_fen"),
        ({"disability_grade": 5}, "members.1.disability_grade"),
        ({"disability_kind": "bad"}, "members.1.disability_kind"),
    ],
)
def test_a_member_who_cannot_be_is_refused_by_place_and_field(change: dict[str, Any], field: str) -> None:
    """The second member is members.1."""
    given(h.DECIDER).when(replace(REGISTER, members=(HEAD, replace(CHILD, **change)))).then_refused("invalid_input", field)


# -- incomes


def test_an_income_counts_from_the_month_after_it_began() -> None:
    """动态管理: nobody pays back a month begun in good faith."""
    case = there().when(income(400000, "2023-07-01", "employment")).accepted()
    assert case.events[-1].effective_month == "2023-08"
    assert (earns(case, "2023-07"), earns(case, "2023-08")) == (260000, 400000)


def test_an_income_told_twice_is_recorded_once() -> None:
    """Also when another one came in between."""
    case = there().when(income(400000, "2023-07-01")).accepted()
    case.when(income(400000, "2023-07-01")).then_nothing()
    case.when(income(300000, "2023-06-01")).accepted().when(income(400000, "2023-07-01")).then_nothing()


def test_a_correction_of_the_same_day_holds() -> None:
    """Of two amounts of one day the later word is right."""
    case = there().when(income(400000, "2023-07-01")).accepted().when(income(350000, "2023-07-01")).accepted()
    assert earns(case, "2023-08") == 350000


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("days", [("2023-05-10", "2023-07-01"), ("2023-07-01", "2023-07-20")], ids=["months apart", "same month"])
def test_two_late_incomes_give_the_same_facts_in_either_order(order: tuple[int, int], days: tuple[str, str]) -> None:
    """The one that begins later holds, whichever was told first."""
    facts = (income(300000, days[0]), income(500000, days[1]))
    case = there()
    for n in order:
        case = case.when(facts[n]).accepted()
    assert earns(case, "2023-08") == 500000
    assert earns(case, "2023-07") == (300000 if days[0] == "2023-05-10" else 260000)


def works(case: Given[h.Household], month: str) -> tuple[bool, date | None]:
    """Whether the child works in a month, and since when at the newest job."""
    found = next(m for m in h.facts_in(case.state, month, 0, None).members if m.person_id == CHILD.person_id)
    return found.employed, found.newly_employed_on


@pytest.mark.parametrize(
    ("later", "still"),
    [
        (income(180000, "2023-05-10", "other", CHILD), True),
        (income(180000, "2023-05-10", "pension", CHILD), False),
        (income(180000, "2023-05-10", "business", CHILD), False),
        (income(0, "2023-05-10", "other", CHILD), False),
        (h.ChangeHousehold("a1" * 16, "2023-06", "other", "离职证明", members=(h.MemberChange(CHILD.person_id, employed=False),)), False),
    ],
    ids=["another wage", "a pension", "a business", "nothing", "said so"],
)
def test_work_goes_on_until_something_takes_its_place(later: Any, still: bool) -> None:
    """A10: a wage that rose is a wage: the cost of going to work is deducted from it as before."""
    case = there().when(income(150000, "2023-03-10", "employment", CHILD)).accepted().when(later).accepted()
    begun = date(2023, 3, 10)
    assert [works(case, month) for month in ("2023-03", "2023-04", "2023-05")] == [(False, None), (True, begun), (True, begun)]
    assert works(case, "2023-06") == ((True, begun) if still else (False, None))


def test_a_new_job_is_remembered_as_one() -> None:
    """渐退 hangs on it."""
    case = there().when(income(400000, "2023-07-01", "employment")).accepted()
    facts = h.facts_in(case.state, "2023-08", 0, None).members[0]
    assert (facts.newly_employed_on, facts.employed) == (date(2023, 7, 1), True)


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (replace(income(1, "2023-07-01"), person_id="0c" * 16), "unknown_person", "person_id"),
        (income(-1, "2023-07-01"), "invalid_input", "monthly_income_fen"),
        (income(10**10, "2023-07-01"), "invalid_input", "monthly_income_fen"),
        (income(1, "1999-12-31"), "invalid_input", "effective_from"),
        (income(1, "2025-01-01"), "invalid_input", "effective_from"),
        (income(1, "2023-07-01", "lottery"), "invalid_input", "reason"),
    ],
    ids=["stranger", "negative", "absurd", "long ago", "far ahead", "reason"],
)
def test_an_income_that_cannot_be_is_refused(command: h.RecordIncome, code: str, field: str) -> None:
    """Code and field are named."""
    there().when(command).then_refused(code, field)


def test_a_household_that_is_not_there_has_no_incomes() -> None:
    """First the register."""
    given(h.DECIDER).when(income(1, "2023-07-01")).then_refused("unknown_person")


# -- deaths


def test_a_dead_member_counts_no_more_from_the_month_named() -> None:
    """In July still, in August no more."""
    case = there().when(death("2023-07-01", "2023-08")).then(h.MemberDied("a1" * 16, CHILD.person_id, date(2023, 7, 1), "2023-08"))
    assert [len(h.facts_in(case.state, m, 0, None).members) for m in ("2023-07", "2023-08")] == [2, 1]


def test_the_same_death_is_recorded_once() -> None:
    """Told again by the process."""
    there().when(death("2023-07-01", "2023-08")).accepted().when(death("2023-07-01", "2023-08")).then_nothing()


def test_an_earlier_day_of_death_counts_from_earlier() -> None:
    """What hung on the later day is asked again from the earlier month."""
    case = there().when(death("2023-07-01", "2023-08")).accepted().when(death("2023-05-01", "2023-06")).accepted()
    assert (case.events[-1].effective_month, case.events[-1].changed_from) == ("2023-06", "")


def test_a_later_day_of_death_is_asked_again_from_the_earlier_month() -> None:
    """The months in which the member counts after all must be decided again too."""
    case = there().when(death("2023-05-01", "2023-06")).accepted().when(death("2023-07-01", "2023-08")).accepted()
    assert (case.events[-1].effective_month, case.events[-1].changed_from) == ("2023-08", "2023-06")
    assert len(h.facts_in(case.state, "2023-07", 0, None).members) == 2


def test_the_death_of_a_stranger_is_refused() -> None:
    """Not of this household."""
    there().when(replace(death("2023-07-01", "2023-08"), person_id="0c" * 16)).then_refused("unknown_person", "person_id")
    given(h.DECIDER).when(death("2023-07-01", "2023-08")).then_refused("unknown_person")


def test_an_income_before_the_death_is_taken_in_either_order() -> None:
    """Heard of after the death, it still counts for the months before; for those after, there is nobody."""
    case = there().when(death("2023-07-01", "2023-08", HEAD)).accepted()
    case.when(income(300000, "2023-05-10")).accepted()
    case.when(income(300000, "2023-07-10")).then_refused("unknown_person", "person_id")


def test_somebody_who_is_not_counted_is_still_listed() -> None:
    """The rules are told about everybody, and who does not count."""
    absent = replace(CHILD, counted=False)
    case = given(h.DECIDER, replace(REGISTERED, members=(HEAD, absent)))
    assert [m.counted for m in h.facts_in(case.state, "2023-07", 0, None).members] == [True, False]


# -- certificates


def paper(grade: int, month: str, kind: str = "physical", until: str = "") -> h.Certificate:
    """A certificate that takes effect in a month."""
    valid = date.fromisoformat(until) if until else None
    return h.Certificate(grade, kind if grade else "", valid, date.fromisoformat(f"{month}-03"), month)


def disabled(case: Given[h.Household], month: str) -> tuple[int, str]:
    """Grade and kind of the child in a month."""
    child = next(m for m in h.facts_in(case.state, month, 0, None).members if m.person_id == CHILD.person_id)
    return child.disability_grade, child.disability_kind


def note(*papers: h.Certificate, person: str = CHILD.person_id) -> h.NoteCertificates:
    return h.NoteCertificates(REGISTER.household_id, person, papers)


def test_a_members_certificate_counts_in_its_months_and_the_register_before_it() -> None:
    """分类施保: own and dated; cancelled or run out it gives no grade, whatever the register says."""
    said = replace(REGISTERED, members=(HEAD, replace(CHILD, disability_grade=4, disability_kind="visual")))
    case = given(h.DECIDER, said).when(note(paper(1, "2023-05"), paper(3, "2023-08", until="2023-10-15"))).accepted()
    months = {m: disabled(case, m)[0] for m in ("2023-04", "2023-05", "2023-07", "2023-08", "2023-09", "2023-10", "2023-11")}
    assert months == {"2023-04": 4, "2023-05": 1, "2023-07": 1, "2023-08": 1, "2023-09": 3, "2023-10": 3, "2023-11": 0}
    assert h.known_until(case.state) == "2023-09", "a milder one counts from the month after"
    gone = there().when(note(paper(1, "2023-05"), paper(0, "2023-09"))).accepted()
    assert (disabled(gone, "2023-09"), disabled(gone, "2023-10")) == ((1, "physical"), (0, ""))


def test_what_was_carried_over_is_not_carried_over_again() -> None:
    """Only what came since; of two of one month the later recorded counts; of a stranger nothing is noted."""
    case = there().when(note(paper(2, "2023-05"))).accepted()
    case.when(note(paper(2, "2023-05"))).then_nothing()
    more = case.when(note(paper(2, "2023-05"), paper(1, "2023-05", "visual"))).accepted()
    assert [e.certificate.grade for e in more.events if isinstance(e, h.MemberCertified)] == [2, 1]
    assert disabled(more, "2023-05") == (1, "visual")
    there().when(note(paper(1, "2023-05"), person="0c" * 16)).then_nothing()


# -- changes (家庭情况变更)

NEWBORN = h.Member("0c" * 16, date(2023, 6, 20), "子", name="丙", resident_id="3")


def change(month: str, reason: str = "other", **what: Any) -> h.ChangeHousehold:
    return h.ChangeHousehold(REGISTER.household_id, month, reason, "证明材料", **what)


def counts(state: h.Household, month: str) -> list[str]:
    """Who is a member in a month."""
    return [m.person_id for m in h.facts_in(state, month, 0, None).members]


def test_a_birth_a_move_and_property_count_from_the_month_named() -> None:
    """And the months before stay as they were."""
    case = there().when(change("2023-08", "birth", joined=(NEWBORN,), left=(CHILD.person_id,), savings_fen=30_000_000)).accepted()
    happened = case.events[-1]
    assert (happened.joined, happened.left, happened.savings_fen, happened.homes) == ((NEWBORN,), (CHILD.person_id,), 30_000_000, None)
    assert counts(case.state, "2023-07") == [HEAD.person_id, CHILD.person_id]
    assert counts(case.state, "2023-08") == [HEAD.person_id, NEWBORN.person_id]
    assert [h.facts_in(case.state, m, 0, None).savings_fen for m in ("2023-07", "2023-08")] == [1000000, 30_000_000]


def test_an_earlier_month_told_later_does_not_undo_what_begins_after_it() -> None:
    """The fact that begins latest holds, as with incomes; of two of one month the later word is right."""
    case = there().when(change("2023-07", savings_fen=5)).accepted().when(change("2023-05", savings_fen=3, vehicles=1)).accepted()
    assert [h.facts_in(case.state, m, 0, None).savings_fen for m in ("2023-04", "2023-05", "2023-07")] == [1000000, 3, 5]
    assert h.facts_in(case.state, "2023-08", 0, None).vehicles == 1
    again = case.when(change("2023-07", savings_fen=4)).accepted()
    assert h.facts_in(again.state, "2023-08", 0, None).savings_fen == 4


def test_a_member_falls_ill_leaves_and_comes_back() -> None:
    """What is told at his coming back says nothing of the months when he was here before."""
    ill = h.MemberChange(CHILD.person_id, gravely_ill=True, student=False)
    case = there().when(change("2023-03", "illness", members=(ill,))).accepted().when(change("2023-04", left=(CHILD.person_id,))).accepted()
    back = case.when(change("2023-06", "moved_in", joined=(replace(CHILD, monthly_income_fen=700),))).accepted()
    assert [CHILD.person_id in counts(back.state, m) for m in ("2023-03", "2023-04", "2023-05", "2023-06")] == [True, False, False, True]
    then, now = (h.person_in(back.state, CHILD.person_id, m) for m in ("2023-03", "2023-06"))
    assert (then.gravely_ill, then.student, then.monthly_income_fen) == (True, False, 0)
    assert (now.gravely_ill, now.student, now.monthly_income_fen) == (False, True, 700)


def test_a_change_told_twice_is_recorded_once_and_only_what_is_new_is() -> None:
    """Figures that were told of the month already are left out of the event."""
    told = change("2023-08", joined=(NEWBORN,), savings_fen=5, homes=1, members=(h.MemberChange(HEAD.person_id, employed=True),))
    case = there().when(told).accepted()
    case.when(told).then_nothing()
    more = case.when(replace(told, savings_fen=6)).accepted().events[-1]
    assert (more.joined, more.savings_fen, more.homes, more.members) == ((), 6, None, ())


def test_what_is_as_before_bounds_what_comes_to_light_later() -> None:
    """A review finds the savings as they were registered, and nobody ill; then it is learnt how it was in the months before."""
    well, ill = (h.MemberChange(CHILD.person_id, gravely_ill=now) for now in (False, True))
    case = there().when(change("2023-07", savings_fen=1000000, members=(well,))).accepted()
    late = case.when(change("2023-04", savings_fen=90_000_000, members=(ill,))).accepted()
    facts = [h.facts_in(late.state, month, 0, None) for month in ("2023-03", "2023-06", "2023-07")]
    assert [f.savings_fen for f in facts] == [1000000, 90_000_000, 1000000]
    assert [f.members[1].gravely_ill for f in facts] == [False, True, False]


def test_the_first_file_may_still_be_imported_after_a_change() -> None:
    """A birth does not make the registration another one."""
    there().when(change("2023-07", joined=(NEWBORN,))).accepted().when(REGISTER).then_nothing()


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (change("2023-7", savings_fen=1), "invalid_input", "from_month"),
        (change("2023-09", savings_fen=1), "invalid_input", "from_month"),
        (change("1999-12", savings_fen=1), "invalid_input", "from_month"),
        (change("2023-07", "mood", savings_fen=1), "invalid_input", "reason"),
        (replace(change("2023-07", savings_fen=1), evidence=" "), "invalid_input", "evidence"),
        (change("2023-07", savings_fen=-1), "invalid_input", "savings_fen"),
        (change("2023-07", homes=101), "invalid_input", "homes"),
        (change("2023-07", left=("0d" * 16,)), "unknown_person", "left.0"),
        (change("2023-07", members=(h.MemberChange("0d" * 16, student=True),)), "unknown_person", "members.0"),
        (change("2023-07", joined=(CHILD,), left=(CHILD.person_id,)), "invalid_input", "joined"),
        (change("2023-07", joined=(replace(NEWBORN, born_on=date(2030, 1, 1)),)), "invalid_input", "joined.0.born_on"),
        (change("2023-07", joined=tuple(replace(HEAD, person_id=f"{n:032x}") for n in range(29))), "invalid_input", "joined"),
        (replace(change("2023-07", savings_fen=1), household_id="a2" * 16), None, None),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_is_refused(command: h.ChangeHousehold, code: str | None, field: str | None) -> None:
    """Code and field are named; a household that is not there has nothing to change."""
    if code is None:
        given(h.DECIDER).when(command).then_refused("not_found", "household_id")
    else:
        there().when(command).then_refused(code, field)


def test_the_dead_do_not_move_in() -> None:
    """Not even where they lived before."""
    dead = there().when(death("2023-05-01", "2023-06")).accepted()
    dead.when(change("2023-07", joined=(CHILD,))).then_refused("out_of_order", "joined.0.person_id")


def test_an_income_of_one_who_moved_out_is_still_taken() -> None:
    """It counts for himself, until he is registered elsewhere; the household no longer asks."""
    case = there().when(change("2023-06", left=(CHILD.person_id,))).accepted().when(income(90000, "2023-07-01", person=CHILD)).accepted()
    assert h.person_in(case.state, CHILD.person_id, "2023-08").monthly_income_fen == 90000
    assert counts(case.state, "2023-08") == [HEAD.person_id]


_MONTHS = [f"2023-{m:02d}" for m in range(1, 9)]
_IDS = [HEAD.person_id, CHILD.person_id, NEWBORN.person_id]
_CHANGES = st.builds(
    lambda month, who, moves, savings, ill: (month, who, moves, savings, ill),
    st.sampled_from(_MONTHS),
    st.sampled_from(_IDS),
    st.sampled_from(["in", "out", "stay"]),
    st.sampled_from([None, 0, 7, 30_000_000]),
    st.sampled_from([None, True, False]),
)


@drawn(st.lists(_CHANGES, max_size=12))
def test_no_change_ever_touches_a_month_before_the_one_it_names(changes: list[tuple[Any, ...]]) -> None:
    """Random lives: the months before stay; in the month named it is as was said; a repeat changes nothing; rows fold the same."""
    case = there()
    members = {m.person_id: m for m in (HEAD, CHILD, replace(NEWBORN, born_on=date(2023, 1, 1)))}
    for month, who, moves, savings, ill in changes:
        known = who in case.state.members
        detail = (h.MemberChange(who, gravely_ill=ill),) if ill is not None and known else ()
        command = change(
            month,
            joined=(members[who],) if moves == "in" else (),
            left=(who,) if moves == "out" and known else (),
            savings_fen=savings,
            members=detail if moves == "stay" else (),
        )
        before = {m: h.facts_in(case.state, m, 0, None) for m in _MONTHS}
        case = case.when(command).accepted()
        after = {m: h.facts_in(case.state, m, 0, None) for m in _MONTHS}
        assert all(after[m] == before[m] for m in _MONTHS if m < month)
        here = {m.person_id: m for m in after[month].members}
        stayed = moves == "stay" and who in {m.person_id for m in before[month].members}
        assert (who in here) == (moves == "in" or stayed)
        assert savings in (None, after[month].savings_fen)
        if detail and moves == "stay":
            assert h.person_in(case.state, who, month).gravely_ill == ill
        case.when(command).then_nothing()


# -- 单人保 and 特困


def test_one_member_applies_alone_from_a_month_on_and_only_for_the_allowance() -> None:
    """The margin determination asks about the household as before; when he is gone, nobody is left to be supported."""
    case = there().when(h.NoteApplicant(REGISTER.household_id, CHILD.person_id, "2023-07")).accepted()
    programmes = (h.ALONE_IN, "low_income_household")
    asked = [h.facts_in(case.state, m, 0, None, p).applies_alone for m in ("2023-06", "2023-07") for p in programmes]
    assert asked == ["", "", CHILD.person_id, ""]
    assert h.payee_in(case.state, h.facts_in(case.state, "2023-07", 0, None, h.ALONE_IN)) == CHILD.person_id
    gone = case.when(death("2023-07-01", "2023-08")).accepted()
    assert h.facts_in(gone.state, "2023-08", 0, None, h.ALONE_IN).members == ()
    assert len(h.facts_in(gone.state, "2023-08", 0, None).members) == 1
    case.when(h.NoteApplicant(REGISTER.household_id, CHILD.person_id, "2023-08")).then_nothing()
    case.when(h.NoteApplicant(REGISTER.household_id, "", "2023-08")).accepted()


def test_nobody_applies_alone_who_does_not_live_there() -> None:
    """The field of the application is named."""
    there().when(h.NoteApplicant(REGISTER.household_id, "0d" * 16, "2023-07")).then_refused("unknown_person", "applies_alone")


def test_a_members_months_of_support_are_carried_over_as_they_are_known() -> None:
    """A later note replaces the one before; of a stranger nothing is kept."""
    spans = (h.SupportSpan("2023-03", "2023-05"),)
    case = there().when(h.NoteSupport(REGISTER.household_id, HEAD.person_id, spans)).accepted()
    assert [h.person_in(case.state, HEAD.person_id, m).extreme_hardship for m in ("2023-02", "2023-03", "2023-05")] == [False, True, False]
    case.when(h.NoteSupport(REGISTER.household_id, HEAD.person_id, spans)).then_nothing()
    case.when(h.NoteSupport(REGISTER.household_id, "0d" * 16, spans)).then_nothing()


def test_the_head_is_named_from_a_month_on_and_never_ahead() -> None:
    """The same once more is nothing; before that month the registered one was the head; the same file imported again changes nothing."""
    named = h.ChangeHead("a1" * 16, CHILD.person_id, "2023-07", "户口簿")
    case = given(h.DECIDER, REGISTERED).on("2023-08-10")
    decided = h.HeadChanged("a1" * 16, CHILD.person_id, "2023-07", "户口簿", "staff:test")
    case = case.when(named).then(decided)
    case.when(named).then_nothing()
    case.when(REGISTER).then_nothing()
    assert [h.head_of(case.state, m) for m in ("2023-06", "2023-07")] == [HEAD.person_id, CHILD.person_id]
    case.when(replace(named, from_month="2023-09")).then_refused("invalid_input", "from_month")
    case.when(replace(named, evidence=" ")).then_refused("invalid_input", "evidence")
    case.when(replace(named, head_id="0e" * 16)).then_refused("unknown_person", "head_id")
    earlier = h.HeadChanged("a1" * 16, HEAD.person_id, "2023-06", "户口簿", "staff:test")
    assert h.head_of(given(h.DECIDER, REGISTERED, decided, earlier).state) == CHILD.person_id, "the one that begins latest"
