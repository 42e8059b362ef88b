"""Project (项目): stage after stage, each accepted by another hand, within a budget that only an approved change moves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.casework import project as pj
from shared.casework.project import Evidence, Milestone, Stage
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, FIRST, HANDS, ID, TOWN, live

D = pj.SHAPE.decider("assistance")
P = "home_environment_improvement"
STAGES = (Stage("survey", "入户勘查", ("before",)), Stage("works", "施工", ("after",)))
TERMS = pj.Terms(STAGES, budget_limit=2_000_000, results=("completed", "partly"))
DAYS = (Milestone("survey", date(2023, 7, 20)), Milestone("works", date(2023, 9, 20)))
PLAN = pj.PlanProject(P, TOWN, "修缮卧室与卫生间", "staff:zhou", 2_000_000, DAYS, terms=TERMS)
BEFORE, AFTER = (Evidence("before", "ZP-1"),), (Evidence("after", "ZP-2"),)


def planned() -> Given[Any]:
    return given_that(D).by("staff:clerk").when(PLAN).accepted()


def running() -> Given[Any]:
    return planned().by("staff:approver").when(pj.StartProject(ID, "org-9")).accepted()


def reached() -> Given[Any]:
    return running().by("staff:clerk").when(pj.ReachMilestone(ID, "survey", BEFORE)).accepted()


def all_accepted() -> Given[Any]:
    first = reached().by("staff:reviewer").when(pj.AcceptMilestone(ID)).accepted().by("staff:clerk")
    second = first.when(pj.ReachMilestone(ID, "works", AFTER)).accepted()
    return second.by("staff:reviewer").when(pj.AcceptMilestone(ID)).accepted().by("staff:approver")


@pytest.mark.parametrize(
    ("days", "budget", "field"),
    [
        (DAYS[:1], 1, "milestones"),
        (DAYS[::-1], 1, "milestones"),
        ((DAYS[0], Milestone("works", date(2023, 7, 19))), 1, "milestones"),
        ((Milestone("survey", date(2023, 7, 2)), DAYS[1]), 1, "milestones"),
        (DAYS, 2_000_001, "budget_fen"),
        (DAYS, -1, "budget_fen"),
    ],
    ids=["a stage left out", "another order", "backwards", "in the past", "above the limit", "negative"],
)
def test_a_plan_has_a_day_for_every_stage_and_a_budget(days: tuple[Milestone, ...], budget: int, field: str) -> None:
    """Every stage, in order, not in the past; within the limit of the programme."""
    given_that(D).when(pj.PlanProject(P, TOWN, "修缮", "staff:zhou", budget, days, terms=TERMS)).then_refused("invalid_input", field)


def test_no_stage_is_skipped() -> None:
    """Not before the start, not out of order, not the next before this one is accepted, not opened before all are."""
    planned().when(pj.StartProject(ID)).then_refused("same_hand")
    planned().when(pj.ReachMilestone(ID, "survey", BEFORE)).then_refused("out_of_order")
    running().when(pj.ReachMilestone(ID, "works", AFTER)).then_refused("out_of_order", "milestone")
    reached().when(pj.ReachMilestone(ID, "works", AFTER)).then_refused("out_of_order")
    reached().by("staff:approver").when(pj.OpenProject(ID)).then_refused("out_of_order")
    all_accepted().when(pj.CloseProject(ID, "completed", "好")).then_refused("out_of_order")


def test_a_stage_shows_its_evidence_and_is_accepted_by_another_hand() -> None:
    """Before and after, each with its number; who reached it neither accepts it nor sends it back."""
    running().when(pj.ReachMilestone(ID, "survey", AFTER)).then_refused("invalid_input", "evidence")
    running().when(pj.ReachMilestone(ID, "survey", (Evidence("before", " "),))).then_refused("invalid_input", "evidence")
    reached().when(pj.AcceptMilestone(ID)).then_refused("same_hand")
    back = reached().by("staff:reviewer").when(pj.ReturnMilestone(ID, "未拍全", date(2023, 7, 25))).accepted()
    assert (back.state.status, back.state.accepted, back.state.milestones[0].due_on) == ("running", 0, date(2023, 7, 25))


def test_costs_stay_within_the_budget_until_a_change_is_approved() -> None:
    """Above it nothing is recorded; the change needs another hand, and never goes below what was spent."""
    full = running().by("staff:cashier").when(pj.RecordProjectCost(ID, 1_900_000, "PZ-1")).accepted()
    full.when(pj.RecordProjectCost(ID, 1, "PZ-1")).then_refused("already_exists", "document_no")
    full.when(pj.RecordProjectCost(ID, 100_001, "PZ-2")).then_refused("out_of_order", "amount_fen")
    clerk = full.by("staff:clerk")
    clerk.when(pj.ProposeProjectChange(ID, 1_800_000, DAYS, "减项")).then_refused("invalid_input", "budget_fen")
    asked = clerk.when(pj.ProposeProjectChange(ID, 1_950_000, DAYS, "减项")).accepted()
    assert pj.view(asked.state).worklist == "project_change"
    asked.when(pj.DecideProjectChange(ID, True)).then_refused("same_hand")
    more = asked.by("staff:cashier").when(pj.RecordProjectCost(ID, 100_000, "PZ-3")).accepted()
    more.by("staff:approver").when(pj.DecideProjectChange(ID, True)).then_refused("out_of_order")
    assert asked.by("staff:approver").when(pj.DecideProjectChange(ID, True)).accepted().state.budget_fen == 1_950_000
    refused = asked.by("staff:approver").when(pj.DecideProjectChange(ID, False, "不同意")).accepted().state
    assert (refused.budget_fen, refused.change) == (2_000_000, None)


def test_an_accepted_stage_keeps_its_day() -> None:
    """A change moves what lies ahead only, and not into the past."""
    one = reached().by("staff:reviewer").when(pj.AcceptMilestone(ID)).accepted().by("staff:clerk")
    moved = (Milestone("survey", date(2023, 8, 1)), DAYS[1])
    one.when(pj.ProposeProjectChange(ID, 1, moved, "补")).then_refused("invalid_input", "milestones")
    late = one.when(pj.ProposeProjectChange(ID, 1_000_000, (DAYS[0], Milestone("works", date(2023, 7, 10))), "提前")).accepted()
    late.on("2023-07-11").by("staff:approver").when(pj.DecideProjectChange(ID, True)).then_refused("invalid_input", "milestones")


def test_a_late_milestone_is_an_event_told_once() -> None:
    """And the next one after it is told when it is late too."""
    late = running().on("2023-07-21").when(pj.NoteProjectOverdue(ID, "survey"))
    told = late.then(pj.ProjectOverdue(P, TOWN, "", "staff:zhou", "survey", date(2023, 7, 20)))
    told.when(pj.NoteProjectOverdue(ID, "survey")).then_nothing()
    view = pj.view(told.state)
    assert (view.due, view.due_on) == ("works", date(2023, 9, 20))
    assert view.title.startswith("【逾期】")
    assert planned().on("2023-08-01").when(pj.NoteProjectOverdue(ID, "start")).events[0].due == "survey"


def test_a_project_closes_with_its_result_and_its_cost() -> None:
    """Opened when all is accepted; closed with one of the results its terms name."""
    opened = all_accepted().when(pj.OpenProject(ID)).accepted()
    opened.when(pj.CloseProject(ID, "great", "好")).then_refused("invalid_input", "result")
    opened.when(pj.CancelProject(ID, "不做了")).then_refused("out_of_order")
    spent = opened.by("staff:cashier").when(pj.RecordProjectCost(ID, 5, "PZ-1")).accepted().by("staff:approver")
    closed = spent.when(pj.CloseProject(ID, "partly", "两户未完成"))
    closed.then(pj.ProjectClosed(P, TOWN, "", "partly", "两户未完成", 2_000_000, 5, FIRST))
    given_up = running().when(pj.CancelProject(ID, "户主放弃")).accepted()
    assert (given_up.state.status, pj.view(given_up.state).open) == ("cancelled", False)


def _change(budget: int, ahead: int) -> pj.ProposeProjectChange:
    days = (Milestone("survey", FIRST + timedelta(days=ahead)), Milestone("works", FIRST + timedelta(days=ahead + 9)))
    return pj.ProposeProjectChange(ID, budget, days, "调整")


COMMANDS = st.one_of(
    st.sampled_from(
        [
            PLAN,
            pj.StartProject(ID),
            pj.ReachMilestone(ID, "survey", BEFORE),
            pj.ReachMilestone(ID, "works", AFTER),
            pj.AcceptMilestone(ID),
            pj.AcceptMilestone(ID),
            pj.DecideProjectChange(ID, True),
            pj.DecideProjectChange(ID, False, "否"),
            pj.OpenProject(ID),
            pj.CloseProject(ID, "completed", "好"),
            pj.CancelProject(ID, "停"),
            pj.NoteProjectOverdue(ID, "start"),
        ]
    ),
    st.builds(pj.ReturnMilestone, st.just(ID), st.just("整改"), st.integers(1, 80).map(lambda n: FIRST + timedelta(days=n))),
    st.builds(pj.RecordProjectCost, st.just(ID), st.integers(-1, 900_000), st.sampled_from(["PZ-1", "PZ-2", "PZ-3", "PZ-4"])),
    st.builds(_change, st.sampled_from([500_000, 1_000_000, 2_000_000, 2_000_001]), st.sampled_from([0, 17, 40, 90])),
    st.builds(pj.ProposeProjectChange, st.just(ID), st.sampled_from([500_000, 2_000_000]), st.just(DAYS), st.just("预算调整")),
)
NEXT = {
    "none": {"planned"},
    "planned": {"running", "cancelled"},
    "running": {"reached", "cancelled"},
    "reached": {"running", "accepted", "cancelled"},
    "accepted": {"opened", "cancelled"},
    "opened": {"closed"},
}


def legal(before: pj.Project, events: Any, after: pj.Project, day: date) -> None:
    """What a project promises after any step."""
    assert after.status == before.status or after.status in NEXT.get(before.status, set())
    assert 0 <= after.spent_fen <= after.budget_fen <= TERMS.budget_limit
    assert after.accepted - before.accepted in (0, 1)
    assert after.milestones[: before.accepted] == before.milestones[: before.accepted]
    if after.status in ("accepted", "opened", "closed"):
        assert after.accepted == len(after.milestones)
    if before.status not in ("none",) and after.budget_fen != before.budget_fen:
        [decided] = [e for e in events if isinstance(e, pj.ProjectChangeDecided)]
        assert before.change
        assert decided.by != before.change.by
    for event in events:
        if isinstance(event, pj.MilestoneAccepted):
            assert event.by != before.reached_by
    assert len(after.told) == len(set(after.told)), "told twice"


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.sampled_from([0, 0, 1, 15])), max_size=30))
def test_any_life_of_a_project_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: no stage skipped, never above the budget, lateness told once, a way out."""
    begun = [(PLAN, "staff:clerk", 0), (pj.StartProject(ID), "staff:approver", 0)]
    exits = [
        (pj.DecideProjectChange(ID, False, "否"), "staff:x"),
        (pj.CancelProject(ID, "停"), "staff:x"),
        (pj.CloseProject(ID, "completed", "好"), "staff:x"),
    ]
    live(pj.SHAPE, [*begun[: len(steps) % 3], *steps], exits, legal)
