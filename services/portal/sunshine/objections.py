"""公示异议: anybody may object to what is under publicity, without a name; a receipt number tells later what became of it.

The only public pages with a form that changes something: they set a cookie, against forged forms, and are kept by no cache. What is
written goes to the service by the portal's own hand, which can hand in and look up and nothing else; the receipt stands in no address.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app, make_response, request

from services.portal.read_model import TABLES
from services.portal.rows import sunshine as rows
from services.portal.sunshine import declared
from services.portal.sunshine.public import Day, day_of, pages, render
from services.portal.sunshine.recipients import shown, value
from services.portal.web import portal as portals
from services.portal.web.portal import Portal, here
from services.portal.web.problems import status_of
from services.portal.web.safety import limiter
from services.portal.web.words import said
from shared.casework.disclosure import number
from shared.casework.programme import DISCLOSABLE
from shared.domain.errors import Refused

T = TABLES["sunshine"]
MOST_WORDS, MOST_CONTACT = 1000, 100
ANSWERS = {
    "received": "已收到，等待受理。",
    "taken": "已受理，正在核实。",
    "rejected": "不予受理。",
    "upheld": "异议成立。",
    "dismissed": "异议不成立。",
    "moot": "公示的审核结果已作废。",
}


def _page(template: str, status: int = 200, **context: Any) -> Any:
    portal = portals.of(current_app)
    today = portal.clock.now().date()
    answer = make_response(render(template, Day(today, today, False), **context), status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _proposal(portal: Portal, case_id: str) -> rows.Recipient:
    found = rows.line(portal.read, T, case_id, "proposal", today=day_of(portal).today)
    if found is None:
        raise Refused("not_found", "该事项不在公示期内。", None)
    return found


def _form(case_id: str, status: int = 200, **context: Any) -> Any:
    portal = portals.of(current_app)
    found = _proposal(portal, case_id)
    [line] = shown(portal, [found])
    said_fields = [(DISCLOSABLE[f], value(line, f)) for f in DISCLOSABLE if line[f] is not None]
    filled = {"command_id": str(uuid.uuid4()), "words": "", "contact": "", **context}
    return _page(
        "objection.html", status, line=line, facts=said_fields, name=declared.name(line["programme"]), most=MOST_WORDS,
        most_contact=MOST_CONTACT, number=number(case_id), **filled,
    )  # fmt: skip


@pages.get("/sunshine/proposals/<case_id>/objection")
def objection(case_id: str) -> Any:
    """异议表单."""
    return _form(case_id)


@pages.post("/sunshine/proposals/<case_id>/objection")
@limiter.limit(lambda: here().settings.objection_rate)  # of an address, over all cases
def object_to(case_id: str) -> Any:
    """提交异议: answers with the receipt. The same form sent again has the same receipt."""
    portal = portals.of(current_app)
    found = _proposal(portal, case_id)
    told = {name: request.form.get(name, "").strip() for name in ("command_id", "words", "contact")}
    try:
        answer = portal.call(portal.own_token, found.service, "report_objection", case_id=case_id, **told)
    except Refused as refused:
        return _form(case_id, status_of(refused), refused=refused, **told)
    return _page("objection_received.html", receipt=answer["receipt"], until=found.until_day)


@pages.get("/sunshine/objections")
def lookup() -> Any:
    """查询答复."""
    return _page("objection_answer.html", answer=None, refused=None)


@pages.post("/sunshine/objections")
@limiter.limit("30/minute")
def look_up() -> Any:
    """The answer, of whichever service took the objection."""
    portal, receipt = portals.of(current_app), request.form.get("receipt", "").strip()
    refused: Refused | None = None
    for service in sorted(s for s, method in portal.doors if method == "get_objection_answer"):
        try:
            answer = portal.call(portal.own_token, service, "get_objection_answer", receipt=receipt)
            return _page("objection_answer.html", answer=answer, answers=ANSWERS, said=said, refused=None)
        except Refused as error:
            refused = error
            if error.code != "not_found":
                break
    assert refused is not None
    return _page("objection_answer.html", status_of(refused), answer=None, refused=refused)
