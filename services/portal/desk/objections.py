"""公众异议: what somebody wrote on the public page, and whether it is taken in. A receipt is the objector's only key: it goes into forms,
never into an address."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, render_template

from services.portal.desk.lists import every
from services.portal.desk.view import ask, door, title
from services.portal.web.identity import logged_in
from shared.domain.errors import Refused
from shared.eventlog.disclosure_rows import LATE, WAITING

ANSWERS = ("take_public_objection", "reject_public_objection")


@logged_in
def objection(service: str, key: str) -> Any:
    """一件待办理的公众异议的内容，受理或不予受理；查阅留痕。"""
    door(service, "get_public_objection", "query")
    waiting = (row for worklist in (LATE, WAITING) for row in every(service, "list_public_objections", worklist=worklist))
    row = next((row for row in waiting if row["objection_id"] == key), None)
    if row is None:
        raise Refused("not_found", "没有此异议，或已经办理。", None)
    shown = ask(service, "get_public_objection", receipt=row["receipt"])
    forms = [(method, title(door(service, method, "command")), str(uuid.uuid4())) for method in ANSWERS]
    back = f"/desk/{service}/worklists/{row['worklist']}"
    return render_template("desk/objection.html", service=service, shown=shown, worklist=row["worklist"], forms=forms, back=back)


def add(pages: Blueprint) -> None:
    pages.get("/<service>/objections/<key>")(objection)
