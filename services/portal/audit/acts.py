"""What one hand did in a period, what happened on a day (经手); who looked at a file, at what somebody looked (查阅)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, render_template, request

from services.portal.audit.seeing import PER_PAGE, as_csv, asked, auditing, hand_name, index, method_name, period, whole_district
from services.portal.web import pictures
from services.portal.web.asked import whole
from shared.casework.looks import PURPOSES
from shared.domain.errors import Refused, invalid
from shared.eventlog.acts import Look

MOST_ROWS = 100_000  # of a file
MOST_LOOKS = 500  # on a page
DAYS = 31  # bars by day up to here, by month beyond


@auditing
def acts() -> Any:
    """一个经手人在一段时间内办理的全部事项；不写经手人，则为此期间的全部事件。"""
    actor, (since, until) = asked("actor"), period()
    actor = actor if ":" in actor or not actor else f"staff:{actor}"
    if not actor and since is None:
        raise invalid("请写明经手人，或一段期间。", "actor")
    if request.args.get("format") == "csv":
        done = index().of_actor(actor, since, until, limit=MOST_ROWS + 1)
        if len(done) > MOST_ROWS:
            raise Refused("invalid_input", f"超过{MOST_ROWS}行，请缩短期间后分批导出。", "from")
        head = ("记录时间", "发生时间", "事项", "事件", "经手", "行政区划", "流", "号")
        rows = ([a.recorded_at, a.occurred_at, a.about, a.title, a.actor, a.division, a.stream, a.version] for a in done)
        return as_csv("acts", head, rows)
    last = whole(request.args.get("after", ""), 17)
    after = -1 if last is None else last
    found = index().of_actor(actor, since, until, after=after, limit=PER_PAGE + 1)
    per_day = index().per_day(actor, since, until)
    return render_template(
        "audit/acts.html",
        actor=actor,
        acts=found[:PER_PAGE],
        more=found[PER_PAGE - 1].position if len(found) > PER_PAGE else None,
        total=sum(per_day.values()),
        days=len(per_day),
        picture=_bars(per_day),
        since=_text(since),
        until=_text(until),
        after=after,
        whole=whole_district(),
    )


def _bars(per_day: dict[str, int]) -> Any:
    """By day, or by month where the days are many; the newest of them where even those are."""
    by: dict[str, int] = {}
    for on, n in per_day.items():
        by[on if len(per_day) <= DAYS else on[:7]] = by.get(on if len(per_day) <= DAYS else on[:7], 0) + n
    unit = "日" if len(per_day) <= DAYS else "月"
    return pictures.bars(f"每{unit}办理数", [pictures.Bar(on, n, f"{n:,} 件") for on, n in list(by.items())[-DAYS:]])


def _text(at: datetime | None) -> str:
    return at.date().isoformat() if isinstance(at, datetime | date) else ""


@auditing
def looks() -> Any:
    """一份档案的全部查阅，或一个人在一段时间内的全部查阅。"""
    file_id, actor, (since, until) = asked("file"), asked("actor"), period()
    if bool(file_id) == bool(actor):
        raise invalid("请写明档案编号或查阅人，二者之一。", "file")
    actor = actor if ":" in actor or not actor else f"staff:{actor}"
    export = request.args.get("format") == "csv"
    most = MOST_ROWS if export else MOST_LOOKS
    own = index()
    found = own.looks_at(file_id, since, until, most + 1) if file_id else own.looks_by(actor, since, until, most + 1)
    if export:
        if len(found) > MOST_ROWS:
            raise Refused("invalid_input", f"超过{MOST_ROWS}行，请缩短期间后分批导出。", "from")
        head = ("查阅时间", "查阅人", "档案", "服务", "查询", "目的", "事由", "同时显示的份数", "行政区划")
        return as_csv("looks", head, map(_line, found))
    by_hand: dict[str, int] = {}
    for k in found[:most]:
        key = k.actor if file_id else PURPOSES.get(k.purpose, k.purpose)
        by_hand[key] = by_hand.get(key, 0) + 1
    bars = [pictures.Bar(hand_name(name), n, f"{n} 次") for name, n in sorted(by_hand.items(), key=lambda b: -b[1])[:20]]
    return render_template(
        "audit/looks.html",
        file_id=file_id,
        actor=actor,
        looks=found[:most],
        cut=len(found) > most,
        whole=whole_district(),
        picture=pictures.bars("各人查阅次数" if file_id else "各目的查阅次数", bars),
        since=_text(since),
        until=_text(until),
    )


def _line(k: Look) -> tuple[Any, ...]:
    why = PURPOSES.get(k.purpose, k.purpose)
    return k.looked_at, k.actor, k.file_id, k.service, method_name(k.service, k.method), why, k.reference, k.files, k.division


def add(pages: Blueprint) -> None:
    pages.get("/acts")(acts)
    pages.get("/looks")(looks)
