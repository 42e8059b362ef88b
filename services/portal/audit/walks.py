"""The walk through causes (因果): what stands behind an event, what followed from it; as a picture, and as the same in order."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from services.portal.audit.seeing import auditing, hand_name, index, note, stream_at, whole_district
from services.portal.web import pictures
from services.portal.web.portal import here as portal
from shared.eventlog import walk as walks
from shared.eventlog.moments import NoSuchStream
from shared.eventlog.walk import KINDS, Node, Walk

MOST = 150  # events of a walk on a page
DRAWN = 120  # of them in the picture


@auditing
def walk(stream: str, version: int) -> Any:
    """从一个事件追溯到它背后的一切，或看由它引起的一切。"""
    onward = request.args.get("forward", "") == "1"
    stream_at(stream)  # whoever may not see where it begins is refused
    found = index()
    start = found.at(stream, version)
    if start is None:
        raise NoSuchStream(stream)
    walked = (walks.forward if onward else walks.back)(found, portal().log, start, MOST)
    note("audit_walk", [s for s, nodes in walked.streams() if nodes], start.division)
    return render_template(
        "audit/walk.html",
        start=start,
        onward=onward,
        walked=walked,
        nodes={n.act.position: n for n in walked.nodes},
        streams=[(s, nodes) for s, nodes in walked.streams() if nodes],
        picture=_picture(walked, onward),
        drawn=min(len(walked.nodes), DRAWN),
        kinds=KINDS,
        lines=pictures.LINES,
        whole=whole_district(),
    )


def _picture(walked: Walk, onward: bool) -> Any:
    """The nodes nearest to the start, time from above."""
    nodes = walked.nodes[:DRAWN] if onward else walked.nodes[-DRAWN:]
    title = f"{walked.start.title}：{'由它引起的' if onward else '背后的'} {len(nodes)} 个事件"
    drawn = [_event(n, walked) for n in nodes]
    about = "事件自上而下按时间排列，线由原因连到结果；同一事项的事件在同一竖列。内容与下面的列表相同。"
    return pictures.graph(title, drawn, [(e.cause, e.effect, e.kind) for e in walked.edges], about=about)


def _event(n: Node, walked: Walk) -> pictures.Event:
    mark = "start" if n.act == walked.start else "decision" if n.assessments else ""
    when = n.act.recorded_at[:16].replace("T", " ")
    return pictures.Event(n.act.position, n.act.stream, n.act.title, _beside(n), when, f"#e-{n.act.position}", mark)


def _beside(n: Node) -> str:
    amount = "" if n.amount_fen is None else f" {n.amount_fen / 100:,.2f}元"
    return f"{n.act.about} · {hand_name(n.act.actor)}{amount}"


def add(pages: Blueprint) -> None:
    pages.get("/walk/<stream>/<int:version>")(walk)
