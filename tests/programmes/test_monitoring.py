"""监测预警: who may be in need unseen, or whose subsidy may be wrong, becomes a clue by itself, once, and in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.assistance import monitoring as m
from shared.eventsourcing.testing import given
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, apply, case, grant, home, pay, single

LIVING, SUBSIDY, CARE = "minimum_living_allowance", "disabled_living_subsidy", "severe_disability_care_subsidy"
SET = m.SetWatch("a1" * 16, "330225101", "job_lost", "0a" * 16, "2023-08")


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("monitoring"), "assistance") as made:
        yield made


def warnings(d: Desk, person_id: str) -> list[dict[str, Any]]:
    """The clues that a rule raised about a person."""
    found: list[dict[str, Any]] = d.call("list_records", "auditor", subject_id=person_id)
    return [{**r, "state": clue_of(d, r["record_id"])} for r in found if r["shape"] == "clue"]


def clue_of(d: Desk, record_id: str) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_record", "auditor", shape="clue", record_id=record_id)
    return found


def earning(d: Desk, numbers: Numbers) -> Home:
    """A household far above every limit, in which nobody has applied for anything."""
    d.on("2023-07-03")
    return home(d, numbers, {"monthly_income_fen": 900_000}, {"born": "20150101"})


def loses_the_job(d: Desk, made: Home, fen: int = 10_000, day: str = "2023-07-03") -> None:
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=fen, effective_from=day)
    d.settle()


# -- the watch


def test_a_watch_is_looked_at_when_there_was_time_to_apply() -> None:
    """Five working days; a second fact does not put the first off; what is noted twice is noted once."""
    case = given(m.DECIDER).on("2023-07-03").when(SET).accepted()
    assert case.state.look_on == date(2023, 7, 10)
    case.when(SET).then_nothing()
    assert dict(case.when(replace(SET, month="2023-09")).accepted().state.pending) == {"job_lost": (SET.person_id, "2023-09")}
    later = case.on("2023-07-06").when(m.SetWatch(SET.subject_id, SET.division, "death", SET.person_id, "2023-08")).accepted()
    assert (later.state.look_on, len(later.state.pending)) == (date(2023, 7, 10), 2)
    over = later.on("2023-07-10").when(m.NoteWatchLooked(SET.subject_id, ("x",))).accepted()
    assert (over.state.look_on, len(over.state.pending)) == (None, 0)
    over.when(m.NoteWatchLooked(SET.subject_id, ("x",))).then_nothing()


# -- A32


def test_a_household_that_lost_its_income_and_did_not_apply_is_warned_of(d: Desk, numbers: Numbers) -> None:
    """A32: after the days of grace the rules say 低保: a red warning that waits to be assigned, answered like every clue."""
    made = earning(d, numbers)
    loses_the_job(d, made)
    d.on("2023-07-09")
    d.settle()
    assert warnings(d, made.members[0]) == []
    d.on("2023-07-10")
    d.settle()
    [found] = warnings(d, made.members[0])
    about = {k: found[k] for k in ("programme", "status", "worklist", "title")}
    assert about == {"programme": "low_income_dynamic_monitoring", "status": "reported", "worklist": "clue_assign", "title": "job_lost"}
    assert (found["state"]["source"], found["state"]["urgency"]) == ("data_rule", "red")
    assert "最低生活保障" in found["state"]["what"]
    d.later(1)
    assert d.settle() == 0, "looked at once"
    loses_the_job(d, made, 9_000, "2023-07-11")
    d.on("2023-08-21")
    d.settle()
    assert len(warnings(d, made.members[0])) == 1, "not beside the same warning still open"


def test_who_applies_in_time_or_is_not_in_need_is_not_warned_of(d: Desk, numbers: Numbers) -> None:
    """A household that applied, one whose income rose, one that is still above every limit, one in receipt."""
    applied, rose, above, drawing = (earning(d, numbers) for _ in range(4))
    loses_the_job(d, applied)
    loses_the_job(d, above, 800_000)
    loses_the_job(d, rose, 950_000)
    loses_the_job(d, drawing)
    apply(d, LIVING, household_id=applied.household_id)
    grant(d, LIVING, household_id=drawing.household_id)
    loses_the_job(d, drawing, 5_000, d.now.date().isoformat())
    d.later(20)
    d.settle()
    assert [warnings(d, made.members[0]) for made in (applied, rose, above, drawing)] == [[], [], [], []]


def test_great_bills_are_warned_of_by_what_they_are_for(d: Desk, numbers: Numbers) -> None:
    """A32: medical costs or schooling make a household of the expenditure kind."""
    found = []
    for kind in ("medical", "education"):
        d.on("2023-07-03")
        made = home(d, numbers, {"monthly_income_fen": 120_000}, {"born": "19820101", "monthly_income_fen": 120_000})
        bill = {"person_id": made.members[1], "spending_id": "B-1", "kind": kind, "spent_on": "2023-06-20"}
        d.call("record_spending", **bill, self_borne_fen=9_000_000)
        d.settle()
        d.later(10)
        d.settle()
        found += [(w["title"], w["state"]["urgency"]) for w in warnings(d, made.members[1])]
    assert [kind for kind, _ in found] == ["medical_cost", "schooling"]


# -- A76


def test_a_subsidy_nobody_applied_for_is_warned_of(d: Desk, numbers: Numbers) -> None:
    """A76: the certificate is there, long-term care is needed, and no application came; whoever applied is left alone."""
    d.on("2023-07-03")
    unseen, applied = single(d, numbers, "19700101"), single(d, numbers, "19700101")
    for who in (unseen, applied):
        d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
        d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    d.settle()
    grant(d, CARE, person_id=applied)
    d.on("2023-07-10")
    d.settle()
    [found] = warnings(d, unseen)
    assert (found["programme"], found["title"]) == ("disabled_subsidy_monitoring", "eligible_not_granted")
    assert "护理补贴" in found["state"]["what"]
    assert warnings(d, applied) == []


def test_a_certificate_that_ran_out_is_warned_of_with_the_end_it_caused(d: Desk, numbers: Numbers) -> None:
    """A76: somebody asks whether it was renewed; without a subsidy nobody is troubled."""
    d.on("2023-07-03")
    drawing, other = single(d, numbers, "19700101"), single(d, numbers, "19700101")
    for who in (drawing, other):
        paper = {"grade": 1, "kind": "visual", "effective_from": "2013-09-01", "valid_until": "2023-09-10"}
        d.call("record_certificate", person_id=who, **paper)
    d.call("record_finding", person_id=drawing, found_on="2023-07-01", long_term_care=True)
    d.settle()
    case_id = grant(d, CARE, person_id=drawing)
    d.on("2023-10-02")
    d.settle()
    assert case(d, case_id)["status"] == "ended"
    [found] = warnings(d, drawing)
    assert (found["title"], found["state"]["urgency"]) == ("certificate_expired", "yellow")
    assert warnings(d, other) == []


def test_a_class_that_ended_and_one_that_came_are_warned_of(d: Desk, numbers: Numbers) -> None:
    """A76: the living subsidy ends with the class; a member with a certificate whose household gets a class may draw it unasked."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19720101"}, {"born": "19750101"})
    head, drawing, unseen = made.members
    for who in (drawing, unseen):
        d.call("record_certificate", person_id=who, grade=2, kind="physical", effective_from="2020-05-01")
    grant(d, LIVING, household_id=made.household_id)
    d.on("2023-08-03")
    subsidy = grant(d, SUBSIDY, person_id=drawing)
    d.later(10)
    d.settle()
    assert [w["title"] for w in warnings(d, unseen)] == ["eligible_not_granted"]
    assert warnings(d, drawing) == []
    d.on("2023-10-09")
    d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=900_000, effective_from="2023-10-08")
    d.settle()
    assert case(d, subsidy)["status"] == "ended"
    [found] = warnings(d, drawing)
    assert (found["title"], "困难类别变化" in found["state"]["what"]) == ("class_changed", True)


def test_money_that_went_to_the_dead_is_warned_of_in_red(d: Desk, numbers: Numbers) -> None:
    """A76: what was paid for months after the death, with the amount; told again, it is the same clue."""
    d.on("2023-07-03")
    who = single(d, numbers, "19500601", town="330225103")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    grant(d, CARE, person_id=who)
    for month in ("2023-07", "2023-08", "2023-09"):
        d.on(f"{month}-20")
        pay(d, CARE, month, "330225103")
    d.on("2023-10-10")
    opened = {"person_id": who, "died_on": "2023-07-15", "division": "330225101", "round": 1, "steps": ["household"]}
    for _ in range(2):
        d.tell("registry", "after_death_opened", **opened)
        d.settle()
    [found] = warnings(d, who)
    assert (found["title"], found["state"]["urgency"], found["division"]) == ("death", "red", "330225103")
    answered = d.call("assign_clue", record_id=found["record_id"], responsible="staff:clerk")
    assert clue_of(d, answered["id"])["status"] == "assigned"


def test_somebody_who_died_before_the_look_is_not_warned_of(d: Desk, numbers: Numbers) -> None:
    """A subsidy cannot help him any more; of his household, whoever is paid for it now is asked about."""
    d.on("2023-07-03")
    alone = single(d, numbers, "19700101")
    d.call("record_certificate", person_id=alone, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=alone, found_on="2023-07-01", long_term_care=True)
    made = home(d, numbers, {"monthly_income_fen": 120_000}, {"born": "19820101", "monthly_income_fen": 120_000})
    bill = {"spending_id": "B-1", "kind": "medical", "spent_on": "2023-06-20", "self_borne_fen": 9_000_000}
    d.call("record_spending", person_id=made.members[1], **bill)
    d.settle()
    d.later(2)
    for who in (alone, made.members[1]):
        d.tell("registry", "after_death_opened", person_id=who, died_on="2023-07-04", division="330225101", round=1, steps=["household"])
    d.settle()
    d.on("2023-07-20")
    d.settle()
    assert warnings(d, alone) == []
    assert warnings(d, made.members[1]) == []
