"""订阅: what was published lately, corrected and withdrawn, as an Atom feed; nobody is named in it.

``feed.atom`` has this month and the last one. What is older stands in an archive by months (RFC 5005): a reader that follows
``prev-archive``, or simply ``next``, from document to document misses nothing, however long it was away. A month that is over changes no
more, but by what is taken back of every day: what a hand withdrew from the pages is in no entry, neither its publication nor its end.

Of a publicity there is one entry a day, programme and town: when something came under it, was corrected, was withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import sqlalchemy as sa
from flask import Response

from services.portal.rows import sunshine as rows
from services.portal.sunshine import declared, filed, inspections, money, recipients, standards
from services.portal.sunshine.datasets import opened
from services.portal.sunshine.public import Day, page, query
from services.portal.web.places import places_of
from services.portal.web.portal import Portal
from services.portal.web.shown import month as said_month
from shared.domain import dates
from shared.domain.errors import Refused

_ATOM, _HISTORY = "http://www.w3.org/2005/Atom", "http://purl.org/syndication/history/1.0"
_TYPE = "application/atom+xml; charset=utf-8"
PUBLISHED, CORRECTED, WITHDRAWN = "公布", "更正", "撤回"


@dataclass(frozen=True, order=True)
class Entry:
    """One piece of news. ``kind`` is the entry's category."""

    day: str
    name: str  # behind the feed's own id
    kind: str
    title: str
    path: str


# -- what is new


def news(portal: Portal, day: Day, first: str, last: str) -> list[Entry]:
    """Of the months from first to last, as known on the day, the newest first."""
    of_these = [e for e in _whole(portal, day) if first <= e.day[:7] <= last and e.day <= day.text]
    return sorted((*of_these, *_publicity(portal, day, first, last)), reverse=True)


def _whole(portal: Portal, day: Day) -> Iterator[Entry]:
    """All there is of what is little enough to be read whole."""
    for source in (_standards, _policies, _runs, _inspections):
        yield from source(portal, day)


def _standards(portal: Portal, day: Day) -> Iterator[Entry]:
    called = filed.names(portal, day)
    for row in standards.published(portal, day):
        programme = row["parameter"].split(".")[0]
        what = f"{called(programme)} {row['amount_fen'] / 100:g}元，{row['effective_from']}起（{row['document_no']}）"
        name, path = f"standard/{row['number']}/{row['parameter']}/{row['effective_from']}", f"/sunshine/standards/{programme}"
        yield Entry(row["published_on"], name, PUBLISHED, f"公布标准：{what}", path)
        if row["withdrawn"] is not None:
            yield Entry(row["since"], f"{name}/withdrawn", WITHDRAWN, f"撤回标准：{what}", path)


def _policies(portal: Portal, day: Day) -> Iterator[Entry]:
    for row in standards.policies(portal, day):
        name, what = f"policy/{row['record_id']}/{row['number']}", f"{row['title']}（{row['document_no']}）"
        yield Entry(row["published_on"], name, PUBLISHED, f"公布：{what}", "/sunshine/standards#policies")
        if row["withdrawn_from"]:
            title = f"废止：{what}，{row['withdrawn_from']}起"
            yield Entry(row["since"], f"{name}/withdrawn", WITHDRAWN, title, "/sunshine/standards#policies")


def _runs(portal: Portal, day: Day) -> Iterator[Entry]:
    called = filed.names(portal, day)
    for row in money.runs(portal, day):
        if row["status"] == "closed":
            name = row["run_id"] or f"{row['programme']}/{row['month']}/{row['division']}/{row['round']}"
            again = f"（补发{row['round']}）" if row["round"] else ""
            title = f"发放：{called(row['programme'])} {row['month']}{again}"
            yield Entry(row["closed_on"], f"run/{name}", PUBLISHED, title, "/sunshine/payments")


def _inspections(portal: Portal, day: Day) -> Iterator[Entry]:
    for row in inspections.campaigns(portal, day):
        name, path = f"campaign/{row['record_id']}", f"/sunshine/inspections/{row['record_id']}"
        if row["frozen_on"]:
            yield Entry(row["frozen_on"], f"{name}/frozen", PUBLISHED, f"检查抽取预告：{row['title']}", path)
        if row["status"] == "published":
            yield Entry(row["published_on"], name, PUBLISHED, f"检查结果公开：{row['title']}", path)
        if row["status"] == "cancelled":
            yield Entry(row["since"], f"{name}/cancelled", WITHDRAWN, f"检查取消：{row['title']}", path)


def _publicity(portal: Portal, day: Day, first: str, last: str) -> Iterator[Entry]:
    """What came under publicity, was corrected, or withdrawn. Of what a hand keeps from the page there is no entry, and where it hid a
    field, none of a correction."""
    t, c, s = recipients.T, recipients.T.disclosures.c, recipients.T.standing.c
    end, until = str(rows.moment(day.on)), f"{dates.add_months(last, 1)}-01"
    before, called = t.disclosures.alias(), filed.names(portal, day)
    corrects = sa.exists().where(before.c.stream == c.stream, before.c.shown_until == c.shown_from, before.c.ended_by == "corrected")
    days = {
        PUBLISHED: (c.shown_from, [~corrects]),
        CORRECTED: (c.shown_until, [c.ended_by == "corrected", s.hidden == "[]"]),
        WITHDRAWN: (c.shown_until, [c.ended_by == "withdrawn"]),
    }
    for kind, (at, more) in days.items():
        asked = sa.select(sa.func.substr(at, 1, 10).label("day"), c.programme, sa.func.substr(c.place, 1, 9).label("town"))
        asked = asked.join_from(t.disclosures, t.standing, s.stream == c.stream)
        asked = asked.where(c.kind == "proposal", at >= f"{first}-01", at < until, at <= end, ~s.held, *more).distinct()
        for row in query(portal, asked):
            if not declared.public(row["programme"]).proposal:
                continue
            programme = declared.listed_as(row["programme"])
            what = "公示" if kind == PUBLISHED else f"公示{kind}"
            title = f"{what}：{called(programme)}（{places_of(portal.profile).name(row['town'])}）"
            name = f"proposals/{row['day']}/{programme}/{row['town']}"
            name += {PUBLISHED: "", CORRECTED: "/corrected", WITHDRAWN: "/withdrawn"}[kind]
            yield Entry(row["day"], name, kind, title, "/sunshine/proposals")


def _earlier(portal: Portal, day: Day, month: str) -> str:
    """The last month before this one of which there may be news; "" where there is none. One in which there was nothing but what a hand
    took back is no such month, or the way to an empty document would tell of it."""
    found = [e.day[:7] for e in _whole(portal, day)]
    t, c, s = recipients.T, recipients.T.disclosures.c, recipients.T.standing.c
    for at in (c.shown_from, c.shown_until):
        asked = sa.select(sa.func.max(at).label("last")).join_from(t.disclosures, t.standing, s.stream == c.stream)
        asked = asked.where(c.kind == "proposal", at < f"{month}-01", ~s.held)
        found += [str(row["last"])[:7] for row in query(portal, asked) if row["last"]]
    return max((m for m in found if m < month), default="")


# -- as documents


@page("/sunshine/feed.atom")
def feed(portal: Portal, day: Day) -> Response:
    """This month and the last."""
    this = day.text[:7]
    last = dates.add_months(this, -1)
    return _document(portal, day, news(portal, day, last, this), "/sunshine/feed.atom", _earlier(portal, day, last))


@page("/sunshine/feed/<month>.atom")
def archive(portal: Portal, day: Day, month: str) -> Response:
    """A month that is over."""
    if dates.check_month(month) >= day.text[:7]:
        raise Refused("not_found", "该月尚未终了，没有归档。", None)
    return _document(portal, day, news(portal, day, month, month), f"/sunshine/feed/{month}.atom", _earlier(portal, day, month), month)


def _document(portal: Portal, day: Day, found: list[Entry], path: str, earlier: str, month: str = "") -> Response:
    ET.register_namespace("", _ATOM)
    ET.register_namespace("fh", _HISTORY)
    root = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "zh-CN"})
    authority = f"tag:minzheng.{portal.profile.division_code},2023:"
    _say(root, "id", f"{authority}sunshine")
    _say(root, "title", f"{portal.profile.name}民政 · 阳光公开{f'（{said_month(month)}）' if month else ''}")
    _say(root, "updated", _moment(found[0].day if found else f"{month}-01" if month else day.text))
    links = {"self": day.link(path)}
    if month:
        ET.SubElement(root, f"{{{_HISTORY}}}archive")
        links["current"] = day.link("/sunshine/feed.atom")
    if earlier:
        links["prev-archive"] = links["next"] = day.link(f"/sunshine/feed/{earlier}.atom")
    for rel, href in links.items():
        ET.SubElement(root, f"{{{_ATOM}}}link", {"rel": rel, "href": href})
    author = ET.SubElement(root, f"{{{_ATOM}}}author")
    _say(author, "name", f"{portal.profile.name}民政局")
    for one in found:
        entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
        _say(entry, "id", f"{authority}{one.name}")
        _say(entry, "title", one.title)
        _say(entry, "updated", _moment(one.day))
        ET.SubElement(entry, f"{{{_ATOM}}}category", {"term": one.kind})
        ET.SubElement(entry, f"{{{_ATOM}}}link", {"rel": "alternate", "href": one.path})
        _say(entry, "summary", one.title)
    return opened(Response(ET.tostring(root, encoding="utf-8", xml_declaration=True), content_type=_TYPE))


def _say(parent: ET.Element, name: str, text: Any) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = str(text)


def _moment(on: str) -> str:
    return f"{on}T00:00:00+08:00"
