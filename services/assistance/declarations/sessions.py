"""Sessions of assistance (活动场次类项目): meetings that settle disputed cases, trainings, lectures."""

from __future__ import annotations

from shared.casework import session
from shared.casework.shape import Declaration, Step

DISABLED_SUBSIDY_CONSULTATION_MEETING = Declaration(
    code="disabled_subsidy_consultation_meeting",
    name="残疾人两项补贴会商研判会",
    catalogue=("A79",),
    shape=session.SHAPE,
    terms=session.Terms(close_days=60, minutes=True, members=("民政局", "残联", "财政局")),  # one a quarter: rows/meetings.py watches it
    example=(
        Step(
            "schedule_session",
            {
                "programme": "disabled_subsidy_consultation_meeting",
                "division": "330225",
                "topic": "2023年第三季度会商",
                "place": "民政局会议室",
                "held_on": "2023-07-10",
                "places": 12,
            },
        ),
        *(Step("enrol_in_session", {"record_id": "@id", "who": who}) for who in ("民政局", "残联", "财政局")),
        Step("record_session_input", {"record_id": "@id", "unit": "残联", "text": "二季度证件变更比对", "disputed": ["case-1"]}),
        Step("record_attendance", {"record_id": "@id", "present": ["民政局", "残联", "财政局"]}, "clerk", 7),
        Step(
            "record_decision",
            {
                "record_id": "@id",
                "decision_id": "1",
                "text": "补发停发期间护理补贴",
                "owner": "残联",
                "deadline": "2023-07-31",
                "concerns": "case-1",
            },
            "reviewer",
            7,
        ),
        Step("finish_decision", {"record_id": "@id", "decision_id": "1", "result": "已于7月补发"}, "reviewer", 20),
        Step("close_session", {"record_id": "@id", "summary": "研判1件，落实1件"}, "reviewer", 21),
    ),
)

ASSISTANCE_WORKER_TRAINING = Declaration(
    code="assistance_worker_training",
    name="社会救助经办人员培训",
    catalogue=("A58",),
    shape=session.SHAPE,
    terms=session.Terms(close_days=10, pass_score=60, certificate=True),
    example=(
        Step(
            "schedule_session",
            {
                "programme": "assistance_worker_training",
                "division": "330225",
                "topic": "低保审核确认办法",
                "place": "党校报告厅",
                "held_on": "2023-07-12",
                "places": 1,
            },
        ),
        Step("enrol_in_session", {"record_id": "@id", "who": "staff:t1", "unit": "330225101"}),
        Step("enrol_in_session", {"record_id": "@id", "who": "staff:t2", "unit": "330225102"}),
        Step("change_session", {"record_id": "@id", "place": "党校报告厅", "held_on": "2023-07-12", "places": 80}),
        Step("record_attendance", {"record_id": "@id", "present": ["staff:t1", "staff:t2"]}, "clerk", 9),
        Step("record_session_result", {"record_id": "@id", "who": "staff:t1", "feedback": 5, "score": 92}, "clerk", 9),
        Step("record_session_result", {"record_id": "@id", "who": "staff:t2", "feedback": 4, "score": 55}, "clerk", 9),
        Step("close_session", {"record_id": "@id", "summary": "2人参加，1人合格"}, "reviewer", 10),
    ),
)

PSYCHOLOGICAL_SUPPORT_SESSIONS = Declaration(
    code="psychological_support_sessions",
    name="心理健康大讲堂",
    catalogue=("A48",),
    shape=session.SHAPE,
    terms=session.Terms(close_days=10),
    example=(
        Step(
            "schedule_session",
            {
                "programme": "psychological_support_sessions",
                "division": "330225101",
                "topic": "与压力相处",
                "place": "街道社工站",
                "held_on": "2023-07-15",
                "places": 30,
            },
        ),
        Step("enrol_in_session", {"record_id": "@id", "who": "0a" * 16, "unit": "330225101"}),
        Step("record_attendance", {"record_id": "@id", "present": ["0a" * 16]}, "clerk", 12),
        Step("record_session_result", {"record_id": "@id", "who": "0a" * 16, "feedback": 5, "referral": "clue-1"}, "clerk", 14),
        Step("close_session", {"record_id": "@id", "summary": "1人参加，转介1人"}, "reviewer", 15),
    ),
)

ALL = (DISABLED_SUBSIDY_CONSULTATION_MEETING, ASSISTANCE_WORKER_TRAINING, PSYCHOLOGICAL_SUPPORT_SESSIONS)
