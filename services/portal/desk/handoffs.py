"""转办: several of a list accepted, or answered alike, at once: a first import of households sends each department many of them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, request

from services.portal.desk import things
from services.portal.desk.view import ask, door, ordered
from services.portal.web.identity import logged_in

LISTS = ("handoff_accept", "handoff_done")
MOST = 50  # a page of the list


@logged_in
def selected(service: str) -> Any:
    """清单中所选的转办：一并签收，或以同一结果办结；办不了的逐件说明，其余照办。"""
    door(service, "accept_handoffs", "command")
    worklist = request.form.get("worklist", "")
    worklist = worklist if worklist in LISTS else LISTS[0]
    back, act = f"/desk/{service}/worklists/{worklist}", request.form.get("act", "")
    command_id = request.form.get("command_id") or str(uuid.uuid4())
    chosen = [s.partition(" ") for s in dict.fromkeys(request.form.getlist("handoff"))][:MOST]
    given = {name: request.form.get(name, "").strip() for name in ("outcome", "result")}
    refused, status, answer = "", 200, dict[str, Any]()
    if act:
        body = {"selected": [{"record_id": record_id, "dossier_hash": papers} for record_id, _, papers in chosen]}
        method, more = ("finish_handoffs", given) if act == "finish" else ("accept_handoffs", {})
        answer, refused, status, command_id = ordered(service, method, command_id, **body, **more)
        if answer and not answer["left"]:
            return redirect(f"{back}?position={answer['position']}&done={len(answer['done'])}", 303)
    elif not chosen:
        refused, status = "请选择待办理的转办。", 422
    why = {one["record_id"]: one["reason"] for one in answer.get("left", ())}
    rows = [_row(service, record_id, why) for record_id, _, _ in chosen if record_id not in answer.get("done", ())]
    outcomes = set.intersection(*(set(r["outcomes"]) for r in rows)) if rows else set()
    page = render_template(
        "desk/handoffs.html", service=service, rows=rows, outcomes=sorted(outcomes), given=given, command_id=command_id,
        worklist=worklist, back=back, refused=refused, done=len(answer.get("done", ())),
    )  # fmt: skip
    return page, status


def _row(service: str, record_id: str, why: dict[str, str]) -> dict[str, Any]:
    """As it stands now: what is accepted is what is seen here, by the hash of its papers."""
    record = ask(service, "get_record", shape="handoff", record_id=record_id)
    return {
        "record_id": record_id, "address": things.address(service, "handoff", record_id, item=None), "why": why.get(record_id, ""),
        "outcomes": record["terms"]["outcomes"], **{n: record[n] for n in ("number", "to_unit", "what", "dossier_hash", "status")},
    }  # fmt: skip


def add(pages: Blueprint) -> None:
    pages.post("/<service>/handoffs/selected")(selected)
