"""标准与政策: the standards of the district over the years, each with its document, and the policies in force with their versions.

Two sources, laid together as the rules lay them: what the district's files said on the day (``filed.py``, with the document each figure
comes from), and what has been published since (``standard_published``). A figure that no document backs yet says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.sunshine import filed
from services.portal.sunshine.public import Day, page, query, render
from services.portal.web.pictures import Steps, steps
from services.portal.web.portal import Portal
from services.portal.web.shown import money
from services.portal.web.words import said
from shared.domain.errors import Refused
from shared.rules.parameters import Dated, Parameter
from shared.rules.published import Published, laid_between

STANDARDS, POLICIES, _, _ = TABLES["standards"]
FIELDS = {
    "tier": "层次", "eligible_class": "对象", "standard": "标准", "department": "主管部门", "documents": "材料", "note": "说明",
}  # fmt: skip
SOURCES = {"law": "国家规定", "plan": "区计划", "published": "已公布", "placeholder": "占位值，待核定"}


@dataclass(frozen=True)
class Standard:
    """A standard of a programme with all its values known on a day."""

    programme: str
    name: str
    parameter: Parameter

    def at(self, day: date) -> Any:
        return self.parameter.at(day)


def _base(portal: Portal, day: Day) -> list[Parameter]:
    """The standards as the files of the day had them; what none holds of is none."""
    found = []
    for s in filed.standards(portal, day):
        values = tuple(Dated(v.first, v.last, v.amount_fen, v.reference, v.source, "", "") for v in s.values)
        found += [Parameter(s.parameter, s.description, "fen", values, "")] if values else []
    return found


def published(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every published value as known on the day, the withdrawn ones too, in the order of their publishing."""
    return query(portal, sa.select(STANDARDS).where(kept.on(STANDARDS, day.text)).order_by(STANDARDS.c.place, STANDARDS.c.effective_from))


def known(portal: Portal, day: Day) -> list[Standard]:
    """The standards as the rules have them on the day."""
    standing = [row for row in published(portal, day) if row["withdrawn"] is None]
    laid: dict[str, list[Published]] = {}
    for row in standing:
        first = date.fromisoformat(row["effective_from"])
        laid.setdefault(row["parameter"], []).append(
            Published(row["place"], row["parameter"], row["amount_fen"], first, row["document_no"])
        )
    found, name = [], filed.names(portal, day)
    for base in _base(portal, day):
        programme = base.name.split(".")[0]
        found.append(Standard(programme, name(programme), laid_between(base, laid.get(base.name, ()))))
    return found


def values(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    """Every value of every standard that had begun or been announced by the day: for the table and the open data."""
    receipts = {(row["parameter"], row["effective_from"]): row for row in published(portal, day) if row["withdrawn"] is None}
    since = filed.since(portal, day, "standards")
    for one in known(portal, day):
        for value in one.parameter.values:
            row = receipts.get((one.parameter.name, value.first.isoformat()), {})
            yield {
                "parameter": one.parameter.name,
                "programme": one.programme,
                "title": one.parameter.description,
                "amount_fen": value.value,
                "effective_from": value.first.isoformat(),
                "effective_to": value.last.isoformat() if value.last else None,
                "in_force": value.first <= day.on and (value.last is None or day.on <= value.last),
                "document": value.reference,
                "source": value.source,
                "recorded_from": since or None if not row else row["published_on"],
                "receipt": f"/sunshine/receipt/standards/{row['number']}" if row else None,
            }


def policies(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Every published version of every policy that is declared public, with the fields that are declared, newest first of each."""
    p, fields, name = POLICIES.c, filed.fields(portal, day), filed.names(portal, day)
    found = []
    asked = sa.select(POLICIES).where(kept.on(POLICIES, day.text))
    for row in query(portal, asked.order_by(p.record_id, p.effective_from.desc(), p.number.desc())):
        public = fields.get(row["programme"])
        if public is None:
            continue
        content = {field: text for field, text in json.loads(row["content"]) if field in public}
        title = content.pop("name", "") or name(row["subject_id"])
        if "standard" in content:  # by the name that the rules have for it
            content["standard"] = name(content["standard"].split(".")[0])
        content = {FIELDS.get(field, field): said(text, field) for field, text in content.items()}
        found.append({**row, "content": content, "title": title, "kind": name(row["programme"])})
    for _, versions in _by(found, "record_id"):
        begun = [v for v in versions if v["effective_from"] <= day.text and not (v["withdrawn_from"] and v["withdrawn_from"] <= day.text)]
        for v in versions:
            v["status"] = "in_force" if begun and v is begun[0] else "to_come" if v["effective_from"] > day.text else "former"
    return found


def _by(rows: list[dict[str, Any]], column: str) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return list(groups.items())


def picture(title: str, several: list[Standard], day: Day) -> Any:
    """How they went up over the years."""
    series = []
    for one in several:
        begun = [v for v in one.parameter.values if v.first <= day.on]
        series.append(
            Steps(one.parameter.description.split("（")[0], tuple((v.first.toordinal(), v.value, f"{v.value / 100:g}元") for v in begun))
        )
    last = day.on.toordinal()
    first = min((v[0] for s in series for v in s.values), default=last)
    span = range(date.fromordinal(first).year, day.on.year + 1)
    every = max(1, len(span) // 8)
    return steps(title, series, last, [(date(y, 1, 1).toordinal(), str(y)) for y in span if (y - span.start) % every == 0])


@page("/sunshine/standards")
def overview(portal: Portal, day: Day) -> str:
    """The standards in force, each programme with its picture, and the policies."""
    name = filed.names(portal, day)
    groups = _by([{"programme": s.programme, "standard": s} for s in known(portal, day)], "programme")
    shown = []
    for programme, rows in groups:
        several = [row["standard"] for row in rows]
        same = {tuple((v.first, v.value) for v in s.parameter.values) for s in several}
        drawn = several[:1] if len(same) == 1 else several  # town and country are one: one line
        title = f"{name(programme)}：标准的变化"
        now = [(s.parameter.description, s.at(day.on)) for s in several]
        shown.append((programme, name(programme), now, picture(title, drawn, day)))
    since = filed.since(portal, day, "standards")
    return render("standards.html", day, since=since, groups=shown, policies=policies(portal, day), sources=SOURCES)


@page("/sunshine/standards/<programme>")
def one(portal: Portal, day: Day, programme: str) -> str:
    """Every value of one programme's standards over the years, each with its document."""
    several = [s for s in known(portal, day) if s.programme == programme]
    if not several:
        raise Refused("not_found", "没有此项目的标准。", None)
    rows = [v for v in values(portal, day) if v["programme"] == programme]
    withdrawn = [row for row in published(portal, day) if row["withdrawn"] is not None and row["parameter"].startswith(f"{programme}.")]
    name = filed.names(portal, day)(programme)
    return render(
        "standard.html", day, name=name, rows=rows, withdrawn=withdrawn, sources=SOURCES, picture=picture(f"{name}标准", several, day),
        describe={s.parameter.name: s.parameter.description for s in several}, money=money,
        since=filed.since(portal, day, "standards"),
    )  # fmt: skip
