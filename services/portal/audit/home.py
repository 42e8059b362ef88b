"""审计首页: what one can ask, how far the seal is, the last replay of all decisions, figures by kind of act."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from flask import Blueprint, redirect, render_template, url_for

from services.portal.audit.seeing import asked, auditing, index, services
from services.portal.web import pictures, words
from services.portal.web.identity import who
from services.portal.web.portal import here as portal
from shared.domain.errors import Refused
from shared.eventlog import discovery, walk
from shared.eventlog.integrity import report
from shared.eventlog.integrity.checkpoint import stated
from shared.eventlog.integrity.leaf import OF_THE_TREE
from shared.eventlog.integrity.seal import newest_note
from shared.eventlog.lag import of_projection, of_seal
from shared.eventsourcing.titles import title

FRESH = 60.0  # seconds for which counted figures are told
SHOWN = 14  # kinds of act in the picture; the table has all
_ID = re.compile(r"[0-9A-Za-z._-]{2,100}")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_counted: dict[tuple[Any, ...], tuple[float, dict[str, int]]] = {}
_counting = threading.Lock()


@auditing
def home() -> Any:
    """审计首页。"""
    newest = newest_note(portal().log)
    counts = _counts()
    rows = sorted(counts.items(), key=lambda c: -c[1])
    bars = [pictures.Bar(title(name), n, f"{n:,}") for name, n in rows[:SHOWN]]
    return render_template(
        "audit/home.html",
        checkpoint=stated(newest[1]) if newest else None,
        unreadable=newest is not None and stated(newest[1]) is None,
        lag=of_seal(portal().log, portal().tree),
        index_lag=of_projection(portal().log, portal().read, discovery.PORTAL, OF_THE_TREE),
        total=sum(counts.values()),
        rows=rows,
        picture=pictures.bars("各类事件数", bars),
        report=report.last(portal().settings.var),
        services=[(s, words.SERVICES.get(s, s)) for s in services()],
        division=who().hand.division,
    )


def _counts() -> dict[str, int]:
    """Counted once a minute for a division: it is a walk over the whole index."""
    key = (id(portal()), who().hand.division, services())
    with _counting:
        made = _counted.get(key)
        if made is None or time.monotonic() - made[0] > FRESH:
            if len(_counted) > 200:
                _counted.clear()
            made = _counted[key] = (time.monotonic(), index().counts())
        return made[1]


@auditing
def payment() -> Any:
    """一笔发放：个案编号和月份，到它的因果。"""
    service, case, month = asked("service"), asked("case"), asked("month")
    if service not in services() or not _ID.fullmatch(case):
        raise Refused("not_found", "没有找到这个个案。", "case")
    if not _MONTH.fullmatch(month):
        raise Refused("invalid_input", "请写明月份，如 2023-07。", "month")
    start = walk.payment(index(), portal().log, f"{service}.case-{case}", month)
    if start is None:
        raise Refused("not_found", f"没有找到此个案 {month} 的发放，或不在您的辖区。", "month")
    return redirect(url_for("audit.walk", stream=start.stream, version=start.version), 303)


@auditing
def find() -> Any:
    """一个编号：它的全部事件流。"""
    given = asked("id")
    if not _ID.fullmatch(given):
        raise Refused("invalid_input", "编号格式不正确。", "id")
    wanted = [given] if "." in given else [f"{d.category}-{given}" for s in services() for d in discovery.deciders(s)]
    if "@" in given:
        wanted = [given.rpartition("@")[0]]
    there = index().streams_there(wanted)
    found = [stream for stream in dict.fromkeys(wanted) if stream in there]
    own = [s for s in found if ".looks-" not in s]
    if len(own) == 1 and ".case-" not in own[0]:
        return redirect(url_for("audit.stream", stream=own[0]), 303)
    if not found:
        raise Refused("not_found", "没有这个编号的事件流，或不在您的辖区。", "id")
    return render_template("audit/found.html", given=given, found=found)


def add(pages: Blueprint) -> None:
    pages.get("")(home)
    pages.get("/payment")(payment)
    pages.get("/find")(find)
