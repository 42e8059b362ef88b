"""Every decision proved (决定核对): what each rests on, whose hands, that what was confirmed is what was reviewed; made again at once.

And the last report of all decisions made again (``minzheng audit decisions`` keeps it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from services.portal.audit.seeing import PURPOSE, asked, auditing, index, note, services, stream_at, whole_district
from services.portal.desk import things
from services.portal.web import words
from services.portal.web.identity import who
from services.portal.web.portal import here as portal
from shared.casework.benefit_case import reviewed_hash
from shared.domain.errors import Refused
from shared.eventlog.integrity import report
from shared.eventlog.showing import plain
from shared.eventlog.walk import assessments_of
from shared.eventsourcing.codec import Recorded
from shared.rules.assessment import Assessment

RECHECK = "recheck_case"
NAMED = ("findings", "others")  # what of a report names events


@dataclass(frozen=True)
class Bound:
    """Whether a recorded hash is the hash of what was decided, and whether a confirmation names what was reviewed before it."""

    reviewed: str
    holds: bool
    confirms: str = ""  # the hand that reviewed, where this event confirms it


@auditing
def decisions(service: str, case: str) -> Any:
    """一件个案的历次决定：事实、规则与参数版本、逐行说明与条款、经手人、摘要、回执；当场重算。"""
    if service not in services():
        raise Refused("not_found", "没有这个服务。", None)
    stream = f"{service}.case-{case}"
    seen = stream_at(stream)
    note("audit_decisions", [stream], seen.division)
    again = _again(service, case)
    rows, proposed = [], None
    for r in seen.known:
        made = list(assessments_of(r.event))
        if not made:
            continue
        bound = _bound(r, made, proposed)
        proposed = r if hasattr(r.event, "proposed_on") else proposed
        verdicts = {v["month"]: v for v in again if v["version"] == r.version}
        rows.append(
            {
                "version": r.version,
                "name": r.name,
                "actor": r.meta.actor,
                "occurred_at": r.meta.occurred_at.isoformat(),
                "recorded_at": r.meta.recorded_at.isoformat(),
                "bound": bound,
                "assessments": [(plain(a), verdicts.get(a.month)) for a in reversed(made)],
            }
        )
    return render_template(
        "audit/decisions.html",
        service=service,
        case=case,
        seen=seen,
        rows=rows,
        programme=things.name_of(str(seen.state.get("programme", ""))),
        rechecked=(service, RECHECK) in portal().doors,
        equal=sum(v["same"] and not v["older"] for v in again),
        unequal=sum(not v["same"] and not v["older"] for v in again),
        older=sum(v["older"] for v in again),
    )


def _again(service: str, case: str) -> list[dict[str, Any]]:
    """Made again by the service itself, where it has rules."""
    info = portal().doors.get((service, RECHECK))
    if info is None or not who().may(info.permission):
        return []
    found: list[dict[str, Any]] = portal().call(who().token, service, RECHECK, case_id=case, purpose=PURPOSE)
    return found


def _bound(r: Recorded, made: list[Assessment], proposed: Recorded | None) -> Bound | None:
    said = getattr(r.event, "reviewed", "")
    if not said:
        return None
    holds = said == reviewed_hash(made[-1])
    if proposed is None or hasattr(r.event, "proposed_on"):
        return Bound(said, holds)
    return Bound(said, holds and said == proposed.event.reviewed and r.meta.actor != proposed.meta.actor, proposed.meta.actor)


@auditing
def replay() -> Any:
    """决定重算：重算一件个案；最近一次全部重算的报告。"""
    case, service = asked("case"), asked("service")
    if case:
        if service not in services() or not all(c.isalnum() or c in "-_." for c in case):
            raise Refused("not_found", "没有找到这个个案。", "case")
        return redirect(url_for("audit.decisions", service=service, case=case), 303)
    kept = report.last(portal().settings.var)
    if kept is not None and not whole_district():  # the figures are the district's; events are named to whoever may see them
        own = index().streams_there({_stream(f) for name in NAMED for f in kept[name]})
        kept |= {name: [f for f in kept[name] if _stream(f) in own] for name in NAMED}
    able = [(s, words.SERVICES.get(s, s)) for s in services() if (s, RECHECK) in portal().doors]
    most = 50 if request.args.get("all") != "1" else 1_000
    return render_template("audit/replay.html", report=kept, services=able, most=most)


def _stream(finding: dict[str, Any]) -> str:
    return str(finding["where"]).rpartition("@")[0]


def add(pages: Blueprint) -> None:
    pages.get("/decisions/<service>/<case>")(decisions)
    pages.get("/replay")(replay)
