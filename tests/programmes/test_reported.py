"""What outside agencies report of a household: what they are trusted with is recorded, everything else is a clerk's task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import household, reported
from services.assistance.benefits import CASES
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, case, due, grant, home, pay

LIVING, TASKS = "minimum_living_allowance", "household_change_reports"
OLD, NEW = "330225301", "330225302"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("reported"), "assistance") as made:
        yield made


def known(d: Desk, made: Home) -> household.Household:
    state: household.Household = d.offices["assistance"].load(household.DECIDER, made.household_id).state
    return state


def resident(d: Desk, made: Home, member: int = 0) -> str:
    """What the agency has of a member."""
    return known(d, made).members[made.members[member]].resident_id


def tasks(d: Desk, who: str, at: str = OLD) -> list[dict[str, Any]]:
    return [r for r in d.call("list_records", "auditor", at=at, programme=TASKS) if r["subject_id"] == who]


def test_a_move_that_the_police_report_is_followed_to_the_payment(d: Desk, numbers: Numbers) -> None:
    """公安 keeps the register: the move is recorded with the agency as its trigger, once, and the new town pays from its month on."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19900101"}, town=OLD)
    case_id = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-12").settle()
    report = {"resident_id": resident(d, made, 1), "moved_on": "2023-09-08", "division": NEW, "reference": "户迁2023-77"}
    d.tell("psb", "household_moved", **report)
    d.tell("psb", "household_moved", **report)
    d.settle()
    history = d.offices["assistance"].history(household.DECIDER.stream(made.household_id))
    [moved] = [r.event for r in history if r.name == "assistance.household_moved"]
    assert (moved.trigger, moved.evidence, moved.from_month, moved.by) == ("agency:psb", "户迁2023-77", "2023-10", "service:assistance")
    d.on("2023-10-01").settle()
    amount = due(d, case_id, "2023-10")
    pay(d, LIVING, "2023-10", NEW)
    assert (case(d, case_id)["division"], case(d, case_id)["paid"]) == (NEW, {"2023-10": amount})
    assert tasks(d, made.members[1]) == []


@pytest.mark.parametrize(
    ("agency", "event", "body", "kind"),
    [
        ("psb", "member_left", {"left_on": "2023-07-20"}, "left"),
        ("psb", "birth_registered", {"born_on": "2023-07-20"}, "born"),
        ("hospital", "birth_reported", {"born_on": "2023-07-20"}, "born"),
        ("housing", "household_resettled", {"moved_on": "2023-07-20", "division": NEW}, "moved"),
    ],
    ids=["left", "born", "hospital", "resettled"],
)
def test_what_an_agency_is_not_trusted_with_is_a_task_of_the_households_town(
    d: Desk, numbers: Numbers, agency: str, event: str, body: dict[str, Any], kind: str
) -> None:
    """Nothing of the household changes; told once more it is one task; a clerk looks, and it is put aside with a reason."""
    d.on("2023-08-03")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19900101"}, town=OLD)
    d.settle()
    before, who = known(d, made), made.members[1]
    for _ in range(2):
        d.tell(agency, event, resident_id=resident(d, made, 1), reference="通报2023-9", **body)
    d.settle()
    assert known(d, made) == before
    [task] = tasks(d, who)
    assert (task["status"], task["division"], tasks(d, who, NEW)) == ("reported", OLD, [])
    waits = [w for w in d.call("list_waiting", "clerk", at=OLD, programme=TASKS) if w["key"] == task["record_id"]]
    assert [bool(w["due_on"]) for w in waits] == [True], "in a worklist, with a day"
    shown = d.call("get_record", "auditor", shape="clue", record_id=task["record_id"])
    assert (shown["kind"], shown["source"]) == (kind, agency)
    assert all(told in shown["what"] for told in ("2023-07-20", "通报2023-9"))
    assert not any(m.name in shown["what"] or m.resident_id in shown["what"] for m in before.members.values())
    d.call("assign_clue", record_id=task["record_id"], responsible="staff:clerk")
    d.call("verify_clue", record_id=task["record_id"], finding="not_so", note="入户核实")
    d.call("resolve_clue", "reviewer", record_id=task["record_id"], outcome="no_need", reason="重名，非本户")
    d.settle()
    assert (tasks(d, who)[0]["status"], known(d, made)) == ("closed", before)


def test_a_confirmed_report_is_entered_by_the_clerk_with_its_papers(d: Desk, numbers: Numbers) -> None:
    """Who moved out is taken from the household from his month on, and the case is decided again by that."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19900101"}, town=OLD)
    case_id = grant(d, LIVING, household_id=made.household_id)
    before = due(d, case_id, "2023-09")
    d.tell("psb", "member_left", resident_id=resident(d, made, 1), left_on="2023-07-30", reference="户迁2023-78")
    d.settle()
    [task] = tasks(d, made.members[1])
    d.call("assign_clue", record_id=task["record_id"], responsible="staff:clerk")
    d.call("verify_clue", record_id=task["record_id"], finding="confirmed")
    change = {"household_id": made.household_id, "from_month": "2023-08", "reason": "moved_out", "evidence": "户迁2023-78、迁移证"}
    d.call("change_household", **change, left=[made.members[1]])
    d.call("resolve_clue", "reviewer", record_id=task["record_id"], outcome="apply", opened="家庭情况变更登记 2023-08")
    d.settle()
    assert (tasks(d, made.members[1])[0]["status"], due(d, case_id, "2023-09") < before) == ("closed", True)
    causes = [r.event.cause for r in d.offices["assistance"].history(CASES.stream(case_id)) if r.name == "assistance.case_reassessed"]
    assert causes[-1].startswith("assistance.household_changed ")


@pytest.mark.parametrize("event", ["household_moved", "member_left", "birth_registered"])
def test_of_somebody_whom_we_do_not_have_nothing_is_taken_in(d: Desk, numbers: Numbers, event: str) -> None:
    """As with every message from outside: refused, so that it lies among the dead letters for a person to look at."""
    day = {"household_moved": "moved_on", "member_left": "left_on", "birth_registered": "born_on"}[event]
    body = {day: "2023-07-01", "reference": "户2023-1", **({"division": NEW} if event == "household_moved" else {})}
    with pytest.raises(Refused) as refused:
        d.tell("psb", event, resident_id=numbers.resident("19700101"), **body)
    assert (refused.value.code, refused.value.field) == ("unknown_person", "person_id")


def test_a_report_without_a_number_of_its_own_or_with_somebodys_is_refused(d: Desk, numbers: Numbers) -> None:
    """A task names nobody; a move without papers is none."""
    d.on("2023-08-03")
    made = home(d, numbers, {"born": "19500101"}, town=OLD)
    for reference in (" ", "公" * 61, f"户迁 {resident(d, made)}"):
        for event, body in (("household_moved", {"moved_on": "2023-07-01", "division": NEW}), ("member_left", {"left_on": "2023-07-01"})):
            with pytest.raises(Refused) as refused:
                d.tell("psb", event, resident_id=resident(d, made), reference=reference, **body)
            assert (refused.value.code, refused.value.field) == ("invalid_input", "reference")
    assert set(reported.TRUSTED) <= set(reported.AGENCIES)
