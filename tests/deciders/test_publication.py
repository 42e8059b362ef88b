"""What is published holds from its day on, was approved by another hand, and keeps everything that was published before it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from shared.casework import publication as pb
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D = pb.SHAPE.decider("assistance")
TERMS = pb.Terms(("text",), ("note",), (pb.Choice("note", ("a", "b")),), approve_days=5, publish_days=5)
TEXT = (pb.Entry("text", "一"),)
DRAFT = pb.DraftPublication("p", "330225", "item", TEXT, date(2023, 8, 1), "一号", TERMS)


def published() -> Given[pb.Publication]:
    """Drafted by the clerk, approved and published by the approver."""
    case = given(D).by("staff:clerk").when(DRAFT).accepted().by("staff:approver")
    return case.when(pb.ApprovePublication("r")).accepted().when(pb.PublishPublication("r")).accepted()


def test_a_version_is_in_force_from_its_day_until_the_next_one() -> None:
    """And nothing is after the withdrawal; days before it keep what they had."""
    case = published().by("staff:clerk").when(pb.AmendPublication("r", TEXT, date(2024, 1, 1), "二号")).accepted().by("staff:approver")
    case = case.when(pb.ApprovePublication("r")).accepted().when(pb.PublishPublication("r")).accepted()
    case = case.when(pb.WithdrawPublication("r", date(2025, 1, 1), "并入")).accepted()
    days = [date(2023, 7, 31), date(2023, 8, 1), date(2023, 12, 31), date(2024, 1, 1), date(2024, 12, 31), date(2025, 1, 1)]
    found = [pb.valid_on(case.state, day) for day in days]
    assert [v.document_no if v else None for v in found] == [None, "一号", "一号", "二号", "二号", None]


def test_of_two_versions_of_one_day_the_one_published_last_holds() -> None:
    """A correction is a version like any other."""
    case = published().by("staff:clerk").when(pb.AmendPublication("r", TEXT, date(2023, 8, 1), "更正")).accepted().by("staff:approver")
    case = case.when(pb.ApprovePublication("r")).accepted().when(pb.PublishPublication("r")).accepted()
    now = pb.valid_on(case.state, date(2023, 8, 1))
    assert now is not None
    assert now.document_no == "更正"


def test_the_drafter_neither_approves_nor_publishes_nor_withdraws() -> None:
    """Four eyes at every step that takes effect."""
    case = given(D).by("staff:clerk").when(DRAFT).accepted()
    case.when(pb.ApprovePublication("r")).then_refused("same_hand")
    approved = case.by("staff:approver").when(pb.ApprovePublication("r")).accepted()
    approved.by("staff:clerk").when(pb.PublishPublication("r")).then_refused("same_hand")
    published().by("staff:clerk").when(pb.WithdrawPublication("r", date(2024, 1, 1), "x")).then_refused("same_hand")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ((), "content"),
        ((pb.Entry("text", " "),), "content.0.value"),
        ((pb.Entry("text", "一"), pb.Entry("text", "二")), "content.1.name"),
        ((pb.Entry("text", "一"), pb.Entry("x", "二")), "content.1.name"),
        ((pb.Entry("text", "一"), pb.Entry("note", "c")), "content.1.value"),
    ],
)
def test_what_is_published_is_complete(content: tuple[pb.Entry, ...], field: str) -> None:
    """Fields are those of the terms, each once."""
    command = pb.DraftPublication("p", "330225", "item", content, date(2023, 8, 1), "一号", TERMS)
    given(D).when(command).then_refused("invalid_input", field)


def test_a_rejected_draft_is_drafted_again_and_a_late_one_is_told_once() -> None:
    """Neither stays lying."""
    case = given(D).by("staff:clerk").when(DRAFT).accepted()
    back = case.by("staff:approver").when(pb.RejectPublication("r", "不全")).accepted()
    assert pb.view(back.state).worklist == "publication_redraft"
    back.by("staff:clerk").when(pb.AmendPublication("r", TEXT, date(2023, 9, 1), "一号")).accepted()
    late = case.on("2023-07-20").when(pb.NotePublicationOverdue("r", "approve"))
    late.then(pb.PublicationOverdue("p", "330225", 1, "approve", date(2023, 7, 10))).when(pb.NotePublicationOverdue("r", "approve")).then()


days = st.dates(date(2023, 1, 1), date(2026, 12, 31))
contents = st.sampled_from([TEXT, (), (pb.Entry("text", "二"), pb.Entry("note", "b"))])
steps = st.lists(
    st.tuples(
        st.one_of(
            st.builds(lambda c, day: pb.DraftPublication("p", "330225", "item", c, day, "号", TERMS), contents, days),
            st.builds(lambda c, day: pb.AmendPublication("r", c, day, "号"), contents, days),
            st.just(pb.ApprovePublication("r")),
            st.just(pb.PublishPublication("r")),
            st.just(pb.RejectPublication("r", "不全")),
            st.builds(lambda day: pb.WithdrawPublication("r", day, "废止"), days),
        ),
        st.sampled_from(HANDS),
        st.integers(0, 12),
    ),
    max_size=25,
)


def _way_out(state: pb.Publication, day: date) -> tuple[Any, str, date]:
    other = "staff:approver" if state.versions[-1].drafted_by != "staff:approver" else "staff:clerk"
    if state.pending is not None:
        return pb.RejectPublication("r", "不再办理"), other, day
    return pb.WithdrawPublication("r", date(2027, 1, 1), "不再办理"), other, day


@FEW
@drawn(steps)
def test_whatever_is_asked_only_approved_versions_take_effect(asked: list[Any]) -> None:
    """No step is skipped, no version is lost or changed after it was drafted, and there is a way out of everything."""
    state: pb.Publication = pb.SHAPE.state
    approved: set[int] = set()
    for moment in walk(pb.SHAPE, asked):
        for event in moment.events:
            if isinstance(event, pb.PublicationApproved):
                assert event.by != moment.after.versions[event.number - 1].drafted_by
                approved.add(event.number)
            if isinstance(event, pb.PublicationPublished):
                assert event.number in approved
        kept = moment.before.versions
        said = [(v.number, v.content, v.effective_from, v.document_no) for v in moment.after.versions]
        assert said[: len(kept)] == [(v.number, v.content, v.effective_from, v.document_no) for v in kept]
        state = moment.after
    if state.status != "none":
        lead_out(pb.SHAPE, state, START + timedelta(days=400), _way_out)
