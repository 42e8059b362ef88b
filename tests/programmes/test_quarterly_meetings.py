"""The quarterly meeting on the two subsidies (会商研判会, A79) is owed from the day on which the first of them is in force."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.assistance import quarterly_meetings as qm
from services.assistance.declarations import DECIDERS
from services.portal.desk import things
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, grant, single

CODE, DISTRICT, CARE = "disabled_subsidy_consultation_meeting", "330225", "severe_disability_care_subsidy"
MEMBERS = ["民政局", "残联", "财政局"]


@pytest.fixture
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("meetings"), "assistance") as made:
        yield made


def waiting(d: Desk) -> list[tuple[str, str, str]]:
    d.project()
    rows = d.call("list_waiting", "auditor", worklist="session_overdue", programme=CODE)
    return [(r["subject_id"], r["due_on"], r["title"]) for r in rows]


def told(d: Desk) -> list[str]:
    stream = qm.DECIDER.stream(qm.meeting_id(CODE, DISTRICT))
    return [r.event.quarter for r in d.services["assistance"].office.history(stream)]


def test_a_quarter_without_a_meeting_waits_where_none_was_ever_held(d: Desk) -> None:
    """From the quarter of the first grant on, told quarter by quarter; the first meeting ends it and owes the next quarter's."""
    d.on("2023-06-30").settle()
    d.on("2023-10-31").settle()
    assert (waiting(d), told(d)) == ([], []), "no subsidy, nothing to confer about"
    numbers = Numbers()
    for day in ("2023-11-06", "2023-11-08"):
        who = single(d.on(day), numbers)
        d.call("record_certificate", person_id=who, grade=1, kind="visual", effective_from="2013-09-01")
        d.call("record_finding", person_id=who, found_on=day, long_term_care=True)
        d.settle()
        grant(d, CARE, person_id=who)
    d.on("2024-01-12").settle()
    assert (waiting(d), told(d)) == ([], []), "its attendance may still come in"
    d.on("2024-01-31").settle()
    assert told(d) == ["2023年第4季度"]
    assert waiting(d) == [("", "2023-12-31", "2023年第4季度未召开")]
    d.on("2024-04-30").settle()
    assert told(d) == ["2023年第4季度", "2024年第1季度"]
    assert waiting(d) == [("", "2023-12-31", "2023年第4季度未召开")], "of several the first"
    d.on("2024-05-06")
    meeting = {"programme": CODE, "division": DISTRICT, "topic": "会商", "place": "会议室", "places": 9}
    first = str(d.call("schedule_session", held_on="2024-05-06", **meeting)["id"])
    d.call("record_attendance", record_id=first, present=MEMBERS)
    d.settle()
    assert waiting(d) == []
    d.call("close_session", "reviewer", record_id=first, summary="结束")
    d.on("2024-07-31").settle()
    assert (waiting(d), told(d)) == ([], ["2023年第4季度", "2024年第1季度"]), "this quarter had its meeting"
    d.on("2024-10-31").settle()
    assert waiting(d) == [(first, "2024-09-30", "2024年第3季度未召开")]
    history = d.services["assistance"].office.history(DECIDERS["session"].stream(first))
    assert [r.event.due for r in history if r.name == "assistance.session_overdue"] == ["2024年第3季度"]
    assert told(d) == ["2023年第4季度", "2024年第1季度"], "from the first meeting on the records tell"


def test_a_row_of_a_meeting_that_was_never_held_leads_to_where_one_is_begun() -> None:
    """There is no record to open: the row opens the form, with programme and place in it."""
    from flask import Flask

    app = Flask("addresses")
    app.add_url_rule("/desk/<service>/do/<method>", "desk.act", lambda service, method: "")
    row = {"list": "quarterly_meetings", "subject_id": "", "key": CODE, "programme": CODE, "division": DISTRICT}
    with app.test_request_context():
        address = things.of_row("assistance", row)
    assert address == f"/desk/assistance/do/schedule_session?programme={CODE}&division={DISTRICT}"
