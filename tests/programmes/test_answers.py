"""What queries answer is what they declare: the API's document, held against half a year of a district."""

from __future__ import annotations

import dataclasses

from services.portal.api.schemas import Schemas
from shared.messaging.answering import declared_of
from tests.answers import hold
from tests.programmes.life import Life, answered, queries, role_of

# Whatever these answer is held where it is made: every call of tests/desk.py is.
NOT_IN_THIS_LIFE = {
    "get_aid_overlap", "get_board_notice", "get_payment_calendar", "get_person",
    "get_reverification", "get_standard_book", "list_payee_accounts", "visit_coverage",
    "get_erasure", "list_erasures", "get_national_comparisons",
}  # fmt: skip


def test_every_answer_is_what_its_query_declares(life: Life) -> None:
    """Whatever was answered on any day of this life, as it goes over the wire, and of nearly every query something was."""
    told = set()
    for _, asked in life.moments:
        for q in asked:
            if not isinstance(q.answer, tuple):  # a refusal
                hold(type(life.d.services[q.service]), q.method, q.answer)
                if q.answer:
                    told.add(q.method)
    assert {info.method for _, info in queries(life.d)} - told <= NOT_IN_THIS_LIFE


def test_every_answer_about_a_day_is_what_its_query_declares(life: Life) -> None:
    """The same with ``valid_at``, which adds what was so on the day: asked now, of two days, held by the desk itself."""
    added = set()
    for service, info in queries(life.d):
        if "valid_at" not in {f.name for f in dataclasses.fields(info.form)}:
            continue
        for day in ("2023-04-20", "2023-08-01"):
            for body in life.bodies(info):
                answer = answered(life.d, service, info.method, role_of(info), **body, valid_at=day)
                if not isinstance(answer, tuple) and "valid" in (answer[0] if isinstance(answer, list) and answer else answer):
                    added.add(info.method)
    assert added >= {"get_case", "get_elder", "get_household", "get_record", "get_determination", "list_cases", "list_records"}


def test_no_declaration_leaves_an_answer_open(life: Life) -> None:
    """Every query says what it answers, and every object in it by its fields; open is only what a programme's terms or a step say."""
    schemas = Schemas()
    for service, info in queries(life.d):
        declared = declared_of(type(life.d.services[service]), info.method)
        assert declared is not None, f"{service}.{info.method} does not say what it answers: put @answers below its @query"
        assert schemas.of(declared, f"{service}.{info.method}")
    assert len(schemas.parts) > 200
    assert all(part["properties"] and part["additionalProperties"] is False for part in schemas.parts.values())
    open_ = {f"{name}.{field}" for name, part in schemas.parts.items() for field, schema in part["properties"].items() if not schema}
    assert open_ <= {"door_answers.Declared.terms"}, open_
