"""A stream at any moment (时点), and two moments side by side (对照): events, hands, both times, and what they fold to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request

from services.portal.audit.seeing import Seen, asked, auditing, note, stream_at
from services.portal.web.asked import field_value, local, moment_asked, whole
from services.portal.web.portal import here as portal
from shared.domain.errors import Refused, invalid
from shared.eventlog import moments
from shared.eventlog.showing import plain
from shared.eventsourcing.codec import Recorded

SHOWN = 60  # events on a page, the newest before ``upto``


@auditing
def stream(stream: str) -> Any:
    """一条事件流：某一时刻的经过和状态。"""
    at = moment_asked("as_of")
    seen = stream_at(stream, at, rest=True)
    note("audit_stream", [stream], seen.division, as_of=at)
    return _page(seen, at, "")


@auditing
def opened(stream: str) -> Any:
    """打开个人信息：须写明理由，理由记入查阅事件。"""
    at, reason = moment_asked("as_of"), asked("reason")
    if len(reason) < 2:
        raise invalid("请写明打开个人信息的理由或文号。", "reason")
    seen = stream_at(stream, at, rest=True)  # whoever may not see it is refused before anything is opened
    note("audit_open", [stream], seen.division, reason, at)
    return _page(stream_at(stream, at, portal().vault.open, rest=True), at, reason)


def _page(seen: Seen, at: datetime | None, reason: str) -> Any:
    last = whole(request.args.get("upto", ""))
    upto = seen.events[-1].version if last is None else last
    shown = [r for r in seen.known if r.version <= upto][-SHOWN:]
    return render_template(
        "audit/stream.html",
        seen=seen,
        at=at,
        reason=reason,
        opened=bool(reason),
        versions=[_chip(r, r in seen.known) for r in _chips(seen)],
        events=[_told(r) for r in reversed(shown)],
        earlier=shown[0].version - 1 if shown and shown[0] is not seen.known[0] else None,
        now=field_value(at or portal().clock.now()),
        before=field_value((seen.known[-2] if len(seen.known) > 1 else seen.events[0]).meta.recorded_at),
        case=seen.category == "case",
    )


def _chips(seen: Seen) -> list[Recorded]:
    """The versions to choose from: all of a short stream; of a long one the first, and those around the moment."""
    here, events = len(seen.known), list(seen.events)
    return events if len(events) <= SHOWN else events[:1] + events[max(1, here - SHOWN // 2) : here + SHOWN // 2]


def _chip(r: Recorded, known: bool) -> dict[str, Any]:
    return {"version": r.version, "as_of": local(r.meta.recorded_at), "known": known, "name": r.name}


def _told(r: Recorded) -> dict[str, Any]:
    return {
        "version": r.version,
        "name": r.name,
        "actor": r.meta.actor,
        "occurred_at": r.meta.occurred_at.isoformat(),
        "recorded_at": r.meta.recorded_at.isoformat(),
        "division": r.meta.division,
        "id": r.id,
        "says": {name: value for name, value in plain(r.event).items() if value not in (None, "", [], {})},
    }


@auditing
def diff(stream: str) -> Any:
    """两个时刻之间有哪些字段不同。"""
    first, second = moment_asked("first"), moment_asked("second")
    if first is None or second is None:
        raise Refused("invalid_input", "请给出两个时刻。", "first" if first is None else "second")
    first, second = sorted((first, second))
    seen = stream_at(stream, second, rest=True)
    stream_at(stream, first, rest=True)  # it may have been another division's then
    note("audit_diff", [stream], seen.division, as_of=second)
    was, became, changes = moments.difference(portal().log, stream, first, second, rest=bool(seen.broken))
    between = [_told(r) for r in seen.known if r.meta.recorded_at > first]
    return render_template(
        "audit/diff.html",
        seen=seen,
        was=was,
        became=became,
        first=first,
        second=second,
        between=between,
        changes=[_change(c) for c in changes],
        now=field_value(second),
        before=field_value(first),
    )


def _change(c: moments.Change) -> dict[str, Any]:
    """``name``: by which the value is shown; what was paid in a month is an amount."""
    name = "amount_fen" if c.field.startswith("paid.") else c.field.rpartition(".")[2]
    return {"field": c.field, "name": name, "before": c.before, "after": c.after, "rewritten": moments.rewritten(c)}


def add(pages: Blueprint) -> None:
    pages.get("/stream/<stream>")(stream)
    pages.post("/stream/<stream>/open")(opened)
    pages.get("/diff/<stream>")(diff)
