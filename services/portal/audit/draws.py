"""A draw by lot laid open (抽取核对): the whole frozen list with what is behind each pseudonym, who was drawn, and the register it was of.

The list and the checks come out of the record's own events, its salt opened for the page; the register, as it stood when the list was
frozen, is asked of the service (``get_draw_register``).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request

from services.portal.audit.seeing import PURPOSE, as_csv, auditing, note, services, stream_at
from services.portal.desk import things
from services.portal.web.identity import who
from services.portal.web.portal import here as portal
from shared.casework import inspection
from shared.casework.draw_proof import DrawLaidOpen, laid_open
from shared.domain.errors import Refused
from shared.eventlog.moments import events_of
from shared.eventsourcing.codec import Recorded

REGISTER = "get_draw_register"


@auditing
def draw(service: str, record_id: str) -> Any:
    """抽取核对：封存的名单逐件列出，假名背后是哪一件、是否抽中；与封存之时的在册名单比对。"""
    if service not in services() or not all(c.isalnum() or c in "-_." for c in record_id):
        raise Refused("not_found", "没有此项检查。", None)
    stream = f"{service}.{inspection.NAME}-{record_id}"
    seen = stream_at(stream)
    history = events_of(portal().log, stream, portal().vault.open)
    found = laid_open(r.event for r in history)
    if found is None:
        raise Refused("not_found", "此项检查没有封存名单。", None)
    note("audit_draw", [stream], seen.division)
    if request.args.get("format") == "csv":
        return _csv(record_id, found)
    frozen = _last(history, inspection.CampaignListFrozen)
    typed, started = _last(history, inspection.CampaignSeedRecorded), _last(history, inspection.CampaignStarted)
    assert frozen is not None
    return render_template(
        "audit/draw.html",
        seen=seen,
        service=service,
        record_id=record_id,
        programme=things.name_of(str(seen.state.get("programme", ""))),
        found=found,
        frozen=frozen,
        typed=typed,
        started=started,
        two_hands=typed is not None and started is not None and typed.meta.actor != started.meta.actor,
        drawn=sum(chosen for _, _, chosen in found.entries),
        cases=frozen.event.rule != 1,
        **_register(service, record_id),
    )


def _last(history: list[Recorded], kind: type) -> Recorded | None:
    return next((r for r in reversed(history) if isinstance(r.event, kind)), None)


def _register(service: str, record_id: str) -> dict[str, Any]:
    """The register as it stood; or why it cannot be told now."""
    info = portal().doors.get((service, REGISTER))
    if info is None or not who().may(info.permission):
        return {"register": None, "untold": "此服务没有可以比对的在册名单。"}
    try:
        return {"register": portal().call(who().token, service, REGISTER, record_id=record_id, purpose=PURPOSE), "untold": ""}
    except Refused as refused:  # a register of that moment that is still being prepared, a list that is of no register
        return {"register": None, "untold": refused.message}


def _csv(record_id: str, found: DrawLaidOpen) -> Response:
    rows = ((n, entry, pseudonym, "抽中" if drawn else "") for n, (entry, pseudonym, drawn) in enumerate(found.entries, 1))
    return as_csv(f"draw-{record_id}", ("序号", "对象", "假名", "抽取结果"), rows)


def add(pages: Blueprint) -> None:
    pages.get("/draw/<service>/<record_id>")(draw)
