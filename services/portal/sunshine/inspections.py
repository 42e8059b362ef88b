"""检查与抽查: campaigns whose result is published, the list and the draw by its published seed, findings and how they were put right.

The objects of a campaign are public where its declaration says so (``objects``): those over institutions. A case's number is that of a
household on the list of recipients, so a list of cases is shown by pseudonyms (``shared/casework/draws.py``), made here from the sealed
salt; of one that was drawn before there were any, neither list nor seed. Where the length of a list would tell a small count there is
none of it, and of one over few cases, or with few of them found wrong or right, there is no result.

Whoever doubts a public draw repeats it, over names or pseudonyms: a button does so in the browser (``static/draw.js``), one line of Python
anywhere else. Results are told once they are published; before that the page says how far the campaign is.
"""

from __future__ import annotations

import hashlib
import shlex
from typing import Any

import sqlalchemy as sa
from flask import Response

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.sunshine import small, until
from services.portal.sunshine import filed
from services.portal.sunshine.public import PER_PAGE, Day, page, paging, query, render
from services.portal.web.pictures import Bar, bars
from services.portal.web.portal import Portal
from services.portal.web.words import said
from shared.casework import draws
from shared.domain.errors import Refused

CAMPAIGNS, OBJECTS, FINDINGS = TABLES["inspections"]
STATUS = {
    "listing": "列名单", "frozen": "名单已封存，待抽取", "checking": "检查中", "closed": "已结束，待公开结果",
    "published": "结果已公开", "cancelled": "已取消",
}  # fmt: skip
_RESULTS = ("with_findings", "found", "rectified", "settled")  # told once they are published


def campaigns(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every campaign as public on the day, the newest first."""
    c = CAMPAIGNS.c
    found = query(portal, sa.select(CAMPAIGNS).where(kept.on(CAMPAIGNS, day.text)).order_by(c.period_from.desc(), c.record_id))
    fields = filed.fields(portal, day)
    for row in found:
        row["named"] = "objects" in fields.get(row["programme"], ())
        # Of households: how many had a finding is told neither where that is few, nor where those without one are.
        row["few"] = not row["named"] and (small(row["chosen"]) or bool(row["result"]))
        if row["named"]:
            row["withheld"] = ""
        else:
            row["list_hash"] = None  # of numbers that can be guessed
        row["hidden"] = not row["named"] and row["rule"] == draws.BY_PSEUDONYM
        if not row["named"] and not row["hidden"]:
            row["seed"] = None
        if row["withheld"]:
            row.update(dict.fromkeys(("listed",) if row["to_draw"] else ("listed", "chosen", "checked")))
        row["told"] = row["status"] == "published" and not row["few"]
        if not row["told"]:
            row.update(dict.fromkeys(_RESULTS), summary="")
    return found


def _objects(portal: Portal, day: Day, campaign: dict[str, Any]) -> list[str]:
    c = OBJECTS.c
    found = query(portal, sa.select(c.object_id).where(c.record_id == campaign["record_id"], c.listed_on <= day.text))
    return sorted(row["object_id"] for row in found)


def objects(portal: Portal, day: Day, campaign: dict[str, Any]) -> list[str]:
    """The list as it stood, in the order in which a draw takes it; none where it is not public."""
    return _objects(portal, day, campaign) if campaign["named"] else []


def pseudonyms(portal: Portal, day: Day, campaign: dict[str, Any]) -> list[str]:
    """The frozen list by its pseudonyms, in the order in which a draw takes them; none where its length would tell something, or the salt
    is destroyed."""
    if not campaign["hidden"] or campaign["withheld"]:
        return []
    salt = portal.vault.open(campaign["salt"])
    return list(draws.pseudonyms(salt, _objects(portal, day, campaign))) if draws.is_salt(salt) else []


def chosen(campaign: dict[str, Any], listed: list[str]) -> tuple[str, ...]:
    """Which of a public list, of objects or pseudonyms, are to be checked: those drawn, or all where no draw is to come."""
    if campaign["drawn"]:
        return draws.draw(listed, campaign["drawn"], campaign["seed"]) if listed else ()
    return () if campaign["status"] in ("listing", "frozen") else tuple(listed)


def findings(portal: Portal, day: Day, campaign: dict[str, Any]) -> list[dict[str, Any]]:
    """What was found, once it is published; of few cases nothing is."""
    if not campaign["told"]:
        return []
    f = FINDINGS.c
    asked = sa.select(FINDINGS).where(kept.on(FINDINGS, day.text), f.record_id == campaign["record_id"])
    return query(portal, asked.order_by(f.finding_id))


def withholdings(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The record of what lists over cases were not told, by which rule, from which day to which, as it stood at the end of the day."""
    return _withheld(portal, day, CAMPAIGNS.c.withheld)


def result_withholdings(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """The same of published results over cases that were not told."""
    return _withheld(portal, day, CAMPAIGNS.c.result)


def _withheld(portal: Portal, day: Day, why: sa.ColumnElement[str]) -> list[dict[str, Any]]:
    c = CAMPAIGNS.c
    period = (c.since.label("from_day"), c.until.label("until_day"))
    asked = sa.select(c.record_id, c.programme, c.division.label("place"), why.label("withheld"), *period)
    asked = asked.where(why != "", c.since <= day.text).order_by(c.record_id, c.since)
    found: list[dict[str, Any]] = []
    fields = filed.fields(portal, day)
    for row in query(portal, asked):
        if "objects" in fields.get(row["programme"], ()):
            continue
        before = found[-1] if found else {}
        if all(before.get(name) == row[name] for name in ("record_id", "withheld")) and before["until_day"] == row["from_day"]:
            before["until_day"] = row["until_day"]  # something else of the campaign changed
        else:
            found.append(row)
    return [{**row, "until_day": until(row["until_day"], day.on)} for row in found]


def key(seed: str, object_id: str) -> str:
    """What a draw sorts by: SHA-256 of seed, colon, object, as hex."""
    return hashlib.sha256(f"{seed}:{object_id}".encode()).hexdigest()


@page("/sunshine/inspections")
def every(portal: Portal, day: Day) -> str:
    """检查与抽查 of the district."""
    found = campaigns(portal, day)
    p = paging(len(found))
    return render("inspections.html", day, rows=found[p.offset : p.offset + PER_PAGE], p=p, name=filed.names(portal, day), status=STATUS)


def _campaign(portal: Portal, day: Day, record_id: str) -> dict[str, Any]:
    found = next((row for row in campaigns(portal, day) if row["record_id"] == record_id), None)
    if found is None:
        raise Refused("not_found", "该日没有公开此次检查。", None)
    return found


@page("/sunshine/inspections/<record_id>")
def one(portal: Portal, day: Day, record_id: str) -> str:
    """One campaign: its list, its draw, its findings."""
    row = _campaign(portal, day, record_id)
    listed = pseudonyms(portal, day, row) if row["hidden"] else objects(portal, day, row)
    drawn = chosen(row, listed) if row["drawn"] else ()
    keys = sorted((key(row["seed"], o), o) for o in listed) if drawn else []
    p = paging(len(keys) or len(listed))
    codes: dict[str, int] = {}
    problems = findings(portal, day, row)
    for f in problems:
        codes[f["code"]] = codes.get(f["code"], 0) + 1
    kinds = [Bar(said(code, "finding"), n, f"{n} 项") for code, n in sorted(codes.items(), key=lambda c: -c[1])]
    picture = bars("问题分类", kinds) if kinds else None
    return render(
        "inspection.html", day, c=row, name=filed.names(portal, day)(row["programme"]), status=STATUS, drawn=drawn, p=p, said=said,
        picture=picture,
        keys=keys[p.offset : p.offset + PER_PAGE], listed=listed[p.offset : p.offset + PER_PAGE], findings=problems, first=p.offset,
        quoted=shlex.quote(row["seed"] or ""), file="pseudonyms.txt" if row["hidden"] else "objects.txt",
        hashed=row["pseudonyms_hash"] if row["hidden"] else row["list_hash"],
    )  # fmt: skip


@page("/sunshine/inspections/<record_id>/objects.txt")
def listed_objects(portal: Portal, day: Day, record_id: str) -> Response:
    """The list as a text, one object a line, in order: what a draw is repeated from, and what the list's hash is over."""
    found = _campaign(portal, day, record_id)
    if not found["named"]:
        raise Refused("not_found", "此次检查的对象为个案，名单不公开。", None)
    return Response("\n".join(objects(portal, day, found)), content_type="text/plain; charset=utf-8")


@page("/sunshine/inspections/<record_id>/pseudonyms.txt")
def listed_pseudonyms(portal: Portal, day: Day, record_id: str) -> Response:
    """The same of a list over cases: one pseudonym a line, in order."""
    listed = pseudonyms(portal, day, _campaign(portal, day, record_id))
    if not listed:
        raise Refused("not_found", "此次检查没有公开的假名名单。", None)
    return Response("\n".join(listed), content_type="text/plain; charset=utf-8")
