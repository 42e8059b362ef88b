"""The quarters in which no meeting was held, as long as there never was one: each told once, when it is over."""

from __future__ import annotations

from datetime import date

from services.assistance import quarterly_meetings as qm
from shared.eventsourcing.testing import given

CODE, DISTRICT = "disabled_subsidy_consultation_meeting", "330225"
THIRD = qm.NoteFirstMeetingMissed(CODE, DISTRICT, "2023年第3季度", date(2023, 9, 30))


def test_a_quarter_is_told_once_and_when_it_is_over() -> None:
    """Not on its last day, and not twice; the next one is another."""
    missed = qm.QuarterlyMeetingMissed(CODE, DISTRICT, "2023年第3季度", date(2023, 9, 30))
    given(qm.DECIDER).on("2023-09-30").when(THIRD).then_nothing()
    told = given(qm.DECIDER).on("2023-10-20").when(THIRD).then(missed)
    told.when(THIRD).then_nothing()
    fourth = qm.NoteFirstMeetingMissed(CODE, DISTRICT, "2023年第4季度", date(2023, 12, 31))
    told.on("2024-01-20").when(fourth).then(qm.QuarterlyMeetingMissed(CODE, DISTRICT, "2023年第4季度", date(2023, 12, 31)))


def test_a_quarter_ends_with_its_third_month() -> None:
    """Also the last of the year, and the one after it."""
    assert qm.quarter_of("2023-07") == qm.quarter_of("2023-09") == qm.Quarter("2023年第3季度", "2023-09", date(2023, 9, 30))
    assert qm.quarter_after("2023-10") == qm.Quarter("2024年第1季度", "2024-03", date(2024, 3, 31))
