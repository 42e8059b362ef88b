"""公众异议: what somebody wrote on the public page, and whether it is taken in. A receipt is the objector's only key: it goes into forms,
never into an address."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, request

from services.portal.desk import things
from services.portal.desk.lists import every
from services.portal.desk.view import ask, door, ordered, title
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
    page = shown["page"]
    address = things.address(service, page["category"], page["key"], item=page["item"] or None)
    forms = [(method, title(door(service, method, "command")), str(uuid.uuid4())) for method in ANSWERS]
    back = f"/desk/{service}/worklists/{row['worklist']}"
    return render_template(
        "desk/objection.html", service=service, shown=shown, worklist=row["worklist"], forms=forms, back=back,
        address=address,
    )  # fmt: skip


@logged_in
def rejections(service: str) -> Any:
    """清单中所选的公众异议，以同一理由不予受理；办不了的逐件说明，其余照办。"""
    door(service, "reject_public_objections", "command")
    worklist = LATE if request.form.get("worklist") == LATE else WAITING
    chosen, reason = frozenset(request.form.getlist("objection")), request.form.get("reason", "").strip()
    rows = [r for name in (LATE, WAITING) for r in every(service, "list_public_objections", worklist=name) if r["objection_id"] in chosen]
    command_id, back = request.form.get("command_id") or str(uuid.uuid4()), f"/desk/{service}/worklists/{worklist}"
    answer, refused, status = dict[str, Any](), "请选择待办理的异议；已办理的不再列出。", 422
    if rows:
        receipts = [r["receipt"] for r in rows]
        answer, refused, status, command_id = ordered(service, "reject_public_objections", command_id, receipts=receipts, reason=reason)
    if answer:
        if not answer["left"]:
            return redirect(f"{back}?position={answer['position']}&rejected={len(answer['rejected'])}", 303)
        rows = [r for r in rows if r["receipt"] not in answer["rejected"]]
    page = render_template(
        "desk/rejections.html", service=service, rows=rows, reason=reason, command_id=command_id, worklist=worklist, back=back,
        refused=refused, answer=answer,
    )  # fmt: skip
    return page, status


def add(pages: Blueprint) -> None:
    pages.post("/<service>/objections/rejections")(rejections)
    pages.get("/<service>/objections/<key>")(objection)
