"""Assessment (评估): the grade is what the form's bands make of the scores, and nobody reads one that does not hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.casework import graded_assessment as ga
from shared.casework.graded_assessment import Band, Item, Score
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, FIRST, HANDS, ID, SUBJECT, TOWN, live

D = ga.SHAPE.decider("assistance")
P = "extreme_hardship_self_care_assessment"
ITEMS = tuple(Item(f"i{n}", f"第{n}项", need="care" if n < 3 else "") for n in range(6))
BANDS = (Band("full", "全自理", 0, 0), Band("half", "半护理", 1, 3), Band("none", "全护理", 4, 6))
TERMS = ga.Terms("2021", ITEMS, BANDS, valid_days=365)
TWO = replace(TERMS, second_assessor=True)


def lost(n: int) -> tuple[Score, ...]:
    return tuple(Score(i.code, int(k < n)) for k, i in enumerate(ITEMS))


def asked(terms: ga.Terms = TERMS) -> Given[Any]:
    return given_that(D).when(ga.RequestAssessment(P, TOWN, SUBJECT, "首次评估", terms)).accepted().by("staff:clerk")


def graded(n: int = 2) -> Given[Any]:
    return asked().when(ga.SubmitAssessment(ID, lost(n))).accepted()


@pytest.mark.parametrize(("n", "grade"), [(0, "full"), (1, "half"), (3, "half"), (4, "none"), (6, "none")])
def test_the_grade_follows_from_the_scores(n: int, grade: str) -> None:
    """六项自理能力: none lost is full, one to three half, four to six none; valid for a year, both ends included."""
    scored = asked().when(ga.SubmitAssessment(ID, lost(n)))
    needs = ("care",) if n else ()
    [_, found] = scored.events
    assert found == ga.AssessmentGraded(P, TOWN, SUBJECT, "2021", grade, n, needs, FIRST, date(2024, 7, 1))
    state = scored.accepted().state
    held = [ga.valid_on(state, day) for day in (date(2023, 7, 2), FIRST, date(2024, 7, 1), date(2024, 7, 2))]
    assert [g.grade if g else None for g in held] == [None, grade, grade, None]


@pytest.mark.parametrize(
    "scores",
    [lost(2)[:5], (*lost(2), Score("i0", 1)), (*lost(2)[:5], Score("i5", 2)), (*lost(2)[:5], Score("i5", -1)), (Score("x", 1),)],
    ids=["one left out", "one twice", "too many points", "too few", "another form"],
)
def test_the_form_is_filled_in_whole(scores: tuple[Score, ...]) -> None:
    """Every item once, within its points; nothing else."""
    asked().when(ga.SubmitAssessment(ID, scores)).then_refused("invalid_input", "scores")


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, items=()),
        replace(TERMS, bands=BANDS[1:]),
        replace(TERMS, bands=BANDS[:2]),
        replace(TERMS, bands=(BANDS[0], Band("half", "", 2, 3), BANDS[2])),
        replace(TERMS, items=(*ITEMS[:5], ITEMS[0])),
    ],
    ids=["no items", "no grade for 0", "no grade for 6", "a gap", "an item twice"],
)
def test_a_form_gives_every_total_exactly_one_grade(terms: ga.Terms) -> None:
    """A declaration of which that is not so is a mistake, found before anybody is graded by it."""
    with pytest.raises(TypeError):
        ga.check_form(terms)


def test_two_assessors_agree_or_a_third_decides() -> None:
    """Different hands; the same grade from both stands, different grades go to a third."""
    once = asked(TWO).when(ga.SubmitAssessment(ID, lost(1))).accepted()
    assert (once.state.status, once.state.grades) == ("assessed", ())
    once.when(ga.SubmitSecondAssessment(ID, lost(2))).then_refused("same_hand")
    agreed = once.by("staff:reviewer").when(ga.SubmitSecondAssessment(ID, lost(2))).accepted()
    assert ga.valid_on(agreed.state, FIRST) == ga.Grade("half", 2, "2021", ("care",), FIRST, date(2024, 7, 1))
    differ = once.by("staff:reviewer").when(ga.SubmitSecondAssessment(ID, lost(5))).accepted()
    assert (ga.view(differ.state).worklist, ga.valid_on(differ.state, FIRST)) == ("assessment_third", None)
    differ.when(ga.DecideAssessment(ID, lost(4))).then_refused("same_hand")
    decided = differ.by("staff:approver").when(ga.DecideAssessment(ID, lost(4))).accepted()
    held = ga.valid_on(decided.state, FIRST)
    assert held
    assert held.grade == "none"


def test_an_upheld_objection_is_assessed_again_by_others() -> None:
    """The old grade holds until the new one; no day has two."""
    objected = graded(2).on("2023-07-10").by("staff:clerk").when(ga.ObjectToAssessment(ID, "低估")).accepted()
    objected.when(ga.AnswerAssessmentObjection(ID, True, "成立")).then_refused("same_hand")
    upheld = objected.by("staff:approver").when(ga.AnswerAssessmentObjection(ID, True, "成立")).accepted()
    upheld.by("staff:clerk").when(ga.SubmitAssessment(ID, lost(5))).then_refused("same_hand")
    held = ga.valid_on(upheld.state, date(2023, 7, 10))
    assert held
    assert held.grade == "half"
    again = upheld.on("2023-07-12").by("staff:clerk2").when(ga.SubmitAssessment(ID, lost(5))).accepted().state
    grades = [ga.valid_on(again, date(2023, 7, d)) for d in (3, 11, 12)]
    assert [g.grade for g in grades if g] == ["half", "half", "none"]


def test_a_refused_objection_leaves_the_grade_and_a_late_one_is_none() -> None:
    """Objected within the days the terms give; afterwards a new assessment is asked for."""
    objected = graded(2).on("2023-09-01").when(ga.ObjectToAssessment(ID, "低估")).accepted()
    refused = objected.by("staff:approver").when(ga.AnswerAssessmentObjection(ID, False, "评分属实")).accepted()
    assert refused.state.status == "graded"
    graded(2).on("2023-09-02").when(ga.ObjectToAssessment(ID, "低估")).then_refused("out_of_order")


def test_an_expired_grade_is_told_once_and_waits_for_a_new_one() -> None:
    """期满: published, in a worklist, and nobody reads it any more; it is asked for again by the terms of that day."""
    over = graded().on("2024-07-02").when(ga.NoteAssessmentOverdue(ID, "expire"))
    told = over.then(ga.AssessmentExpired(P, TOWN, SUBJECT, "half", date(2024, 7, 1)))
    told.when(ga.NoteAssessmentOverdue(ID, "expire")).then_nothing()
    assert (ga.view(told.state).worklist, ga.valid_on(told.state, date(2024, 7, 2))) == ("assessment_renew", None)
    again = told.when(ga.RequestAssessment(P, TOWN, SUBJECT, "复评", replace(TERMS, form="2024"))).accepted()
    new = again.when(ga.SubmitAssessment(ID, lost(6))).accepted().state
    held = ga.valid_on(new, date(2024, 7, 2))
    assert held
    assert (held.grade, held.form) == ("none", "2024")


def test_a_late_assessment_is_told() -> None:
    """Ten working days from the request, told the day after."""
    late = asked().on("2023-07-18").when(ga.NoteAssessmentOverdue(ID, "assess"))
    told = late.then(ga.AssessmentOverdue(P, TOWN, SUBJECT, "assess", date(2023, 7, 17)))
    told.when(ga.NoteAssessmentOverdue(ID, "assess")).then_nothing()


def test_an_ended_assessment_has_no_grade() -> None:
    """From the day of its end; what held before is still answered for."""
    ended = graded().on("2023-08-01").when(ga.EndAssessment(ID, "去世")).accepted()
    assert ga.valid_on(ended.state, date(2023, 8, 1)) is None
    assert ga.valid_on(ended.state, date(2023, 7, 31)) is not None
    ended.on("2024-08-01").when(ga.NoteAssessmentOverdue(ID, "expire")).then_nothing()


SHORT = replace(TERMS, valid_days=30)
SHEETS = st.integers(0, 6).map(lost)
COMMANDS = st.one_of(
    st.sampled_from(
        [
            ga.RequestAssessment(P, TOWN, SUBJECT, "复评", SHORT),
            ga.RequestAssessment(P, TOWN, SUBJECT, "复评", replace(SHORT, second_assessor=True)),
            ga.ObjectToAssessment(ID, "低估"),
            ga.AnswerAssessmentObjection(ID, True, "成立"),
            ga.AnswerAssessmentObjection(ID, False, "不成立"),
            ga.EndAssessment(ID, "去世"),
            ga.NoteAssessmentOverdue(ID, "assess"),
        ]
    ),
    st.builds(ga.SubmitAssessment, st.just(ID), SHEETS),
    st.builds(ga.SubmitSecondAssessment, st.just(ID), SHEETS),
    st.builds(ga.DecideAssessment, st.just(ID), SHEETS),
)
RUNNING = {"requested", "assessed", "disagreed", "objected"}
NEXT = {
    "none": {"requested"},
    "requested": {"assessed", "graded", "ended"},
    "assessed": {"disagreed", "graded", "ended"},
    "disagreed": {"graded", "ended"},
    "graded": {"objected", "expired", "requested", "ended"},
    "objected": {"requested", "graded", "expired", "ended"},
    "expired": {"requested", "ended"},
    "ended": {"requested"},
}


def legal(before: ga.Assessment, events: Any, after: ga.Assessment, day: date) -> None:
    """What an assessment promises after any step."""
    assert after.status == before.status or after.status in NEXT[before.status]
    spans = [(g.valid_from, g.valid_to) for g in after.grades if g.valid_to is None or g.valid_from <= g.valid_to]
    assert all(a[1] is not None and a[1] < b[0] for a, b in pairwise(spans)), "two grades on one day"
    assert len({s.by for s in after.sheets}) == len(after.sheets), "one hand assessed twice"
    assert not {s.by for s in after.sheets} & set(after.barred)
    for event in events:
        if isinstance(event, ga.AssessmentGraded):
            sheet = after.sheets[-1]
            points = sum(s.points for s in sheet.scores)
            assert event.total == points
            assert event.grade == ("full" if points == 0 else "half" if points <= 3 else "none")
            assert ga.valid_on(after, day) == after.grades[-1]
            if after.terms.second_assessor:
                assert len(after.sheets) >= 2
    if after.status == "ended":
        assert ga.valid_on(after, day) is None


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from((*HANDS, "staff:other")), st.sampled_from([0, 0, 1, 9, 31])), max_size=30))
def test_any_life_of_an_assessment_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: every grade from its scores, one a day at most, no hand twice, a way out."""
    first = (ga.RequestAssessment(P, TOWN, SUBJECT, "首次", replace(SHORT, second_assessor=len(steps) % 2 == 1)), "staff:clerk", 0)
    live(ga.SHAPE, [first, *steps], [(ga.EndAssessment(ID, "去世"), "staff:reviewer")], legal)
