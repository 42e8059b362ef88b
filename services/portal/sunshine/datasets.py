"""开放数据: every table of the public pages as JSON and CSV, at addresses that stay, with a dictionary.

``Access-Control-Allow-Origin: *`` here and nowhere else: what is open may be read by pages of others. Every answer has an ETag; ``?on=``
gives the table of a past day. What a table has of columns stands in ``dictionary.yaml``, and is served as a Data Package
(frictionlessdata): ``/sunshine/data/datapackage.json``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from flask import Response, current_app, request
from werkzeug.wrappers import Response as Answer

from services.portal.read_model import TABLES
from services.portal.rows import sunshine as rows
from services.portal.sunshine import credit, filed, indicators, inspections, money, recipients, standards
from services.portal.sunshine.public import Day, day_of, page, pages, position, query, render
from services.portal.web import portal as portals
from services.portal.web.portal import Portal
from services.portal.web.shown import cell
from shared.clock import SHANGHAI
from shared.domain.errors import Refused

LICENCE = "公共数据，注明来源即可使用"
_BATCH = 500
_CSV, _JSON = "text/csv; charset=utf-8", "application/json; charset=utf-8"


@dataclass(frozen=True)
class Field:
    """One column: its name, its type as a Data Package has it, and what it means."""

    name: str
    type: str
    about: str


@dataclass(frozen=True)
class Dataset:
    code: str
    title: str
    about: str
    fields: tuple[Field, ...]
    rows: Callable[[Portal, Day], Iterable[dict[str, Any]]]


def _totals(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    """Of the district, its towns and their villages."""
    district = portal.profile.division_code
    everything = recipients.figures(portal, day, district)
    yield from map(asdict, everything)
    for town in sorted({f.place for f in everything if f.place != district}):
        yield from (asdict(f) for f in recipients.figures(portal, day, town) if f.place != town)


def _withheld(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    """Of the figures by place, of runs, of funds, of inspections' lists and results, and of indicators."""
    counted = set(filed.counted(portal, day))
    after, nothing = "", {"run_id": "", "record_id": "", "indicator": "", "threshold": rows.SMALL_CELL}
    while True:
        found = rows.withholdings(portal.read, recipients.T, portal.profile.division_code, after, _BATCH, on=recipients.when(day))
        yield from ({**nothing, "what": "totals", **row} for row in found if row["programme"] in counted)
        if len(found) < _BATCH:
            break
        after = found[-1]["key"]
    yield from ({**nothing, "what": "payments", **row} for row in money.withholdings(portal, day))
    yield from ({**nothing, "what": "funds", **row} for row in money.fund_withholdings(portal, day))
    yield from ({**nothing, "what": "inspections", **row} for row in inspections.withholdings(portal, day))
    yield from ({**nothing, "what": "results", **row} for row in inspections.result_withholdings(portal, day))
    yield from ({**nothing, "what": "indicators", **row} for row in indicators.withholdings(portal, day))


def _indicators(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    since = filed.since(portal, day, "targets") or None
    for row in indicators.indicators(portal, day):
        yield {**row, "computed": row["how"] is not None, "recorded_from": since}


def _policies(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    for row in standards.policies(portal, day):
        yield {**row, "content": json.dumps(row["content"], ensure_ascii=False)}


def _objects(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    """Of the campaigns whose objects are public: the list, and who was drawn."""
    for campaign in inspections.campaigns(portal, day):
        listed = inspections.objects(portal, day, campaign)
        chosen = set(inspections.chosen(campaign, listed))
        yield from ({"record_id": campaign["record_id"], "object_id": one, "chosen": one in chosen} for one in listed)


def _pseudonyms(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    """Of the campaigns over cases: the list by its pseudonyms, and which of them were drawn."""
    for campaign in inspections.campaigns(portal, day):
        listed = inspections.pseudonyms(portal, day, campaign)
        drawn = set(inspections.chosen(campaign, listed))
        yield from ({"record_id": campaign["record_id"], "pseudonym": one, "drawn": one in drawn} for one in listed)


def _findings(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    for campaign in inspections.campaigns(portal, day):
        yield from inspections.findings(portal, day, campaign)


ROWS: dict[str, Callable[[Portal, Day], Iterable[dict[str, Any]]]] = {
    "recipients": recipients.every_recipient,
    "proposals": recipients.every_proposal,
    "totals": _totals,
    "withholdings": _withheld,
    "standards": standards.values,
    "policies": _policies,
    "payments": money.runs,
    "funds": money.funds,
    "fund-moves": money.moves,
    "inspections": inspections.campaigns,
    "inspection-objects": _objects,
    "inspection-pseudonyms": _pseudonyms,
    "findings": _findings,
    "credit": credit.entries,
    "indicators": _indicators,
}


@lru_cache(maxsize=1)
def datasets() -> dict[str, Dataset]:
    """What there is, as ``dictionary.yaml`` has it."""
    told = yaml.safe_load((Path(__file__).parent / "dictionary.yaml").read_text(encoding="utf-8"))
    return {
        code: Dataset(code, d["title"], d["about"], tuple(Field(name, *said) for name, said in d["fields"].items()), ROWS[code])
        for code, d in told.items()
    }


def opened(answer: Response) -> Response:
    """What pages of others may read."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _recorded_at(portal: Portal, day: Day) -> datetime:
    """When the last thing was recorded that the rows of the day rest on; of a past day, its end."""
    if day.asked:
        return datetime.combine(day.on, time(23, 59, 59), SHANGHAI)
    acts = TABLES["acts"]
    found = query(portal, sa.select(acts.c.recorded_at).order_by(acts.c.position.desc()).limit(1))
    return datetime.fromisoformat(found[0]["recorded_at"]) if found else datetime.combine(day.on, time(0), SHANGHAI)


@pages.get("/sunshine/data/<code>.<any(json, csv):form>")
def table(code: str, form: str) -> Answer:
    """One table, whole, as JSON or CSV: read and sent piece by piece."""
    portal = portals.of(current_app)
    found, day = datasets().get(code), day_of(portal)
    if found is None:
        raise Refused("not_found", "没有此数据集。", None)
    at = position(portal)
    tag = hashlib.sha256(f"{code} {form} {day.text} {day.asked} {at} {portal.vault.erasures()} {found.fields}".encode()).hexdigest()[:32]
    lines = (_row(found, row) for row in found.rows(portal, day))
    body = _csv(found, lines) if form == "csv" else _json(found, day, at, lines)
    answer = Response(body, content_type=_CSV if form == "csv" else _JSON)
    answer.set_etag(tag, weak=True)
    answer.last_modified = _recorded_at(portal, day)
    answer.headers["Content-Disposition"] = f'attachment; filename="{code}-{day.text}.{form}"'
    return opened(answer).make_conditional(request)


def _row(of: Dataset, row: dict[str, Any]) -> dict[str, Any]:
    """The columns of the dictionary and no other."""
    return {f.name: row.get(f.name) for f in of.fields}


def _json(of: Dataset, day: Day, at: int, lines: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    head = {"dataset": of.code, "title": of.title, "on": day.text, "position": at}
    yield json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "rows": ['
    for n, pieces in enumerate(_pieces(lines)):
        text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in pieces)
        yield ((",\n" if n else "\n") + text).encode()
    yield b"\n]}\n"


def _csv(of: Dataset, lines: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """With the mark by which a spreadsheet knows that it is UTF-8; no cell is a formula."""
    yield b"\xef\xbb\xbf" + (",".join(f.name for f in of.fields) + "\r\n").encode()
    for pieces in _pieces(lines):
        out = io.StringIO()
        writer = csv.writer(out)
        for row in pieces:
            writer.writerow(["" if v is None else cell(v) for v in row.values()])
        yield out.getvalue().encode()


def _pieces(lines: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    pieces: list[dict[str, Any]] = []
    for row in lines:
        pieces.append(row)
        if len(pieces) == _BATCH:
            yield pieces
            pieces = []
    if pieces:
        yield pieces


@page("/sunshine/data")
def dictionary(portal: Portal, day: Day) -> str:
    """开放数据: what there is, and the dictionary."""
    return render("data.html", day, datasets=datasets().values(), licence=LICENCE)


@page("/sunshine/data/datapackage.json")
def datapackage(portal: Portal, day: Day) -> Response:
    """The dictionary for machines."""
    resources = [
        {
            "name": d.code,
            "title": d.title,
            "description": d.about,
            "path": f"/sunshine/data/{d.code}.csv",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8-sig",
            "schema": {"fields": [{"name": f.name, "type": f.type, "description": f.about} for f in d.fields]},
        }
        for d in datasets().values()
    ]
    title = f"{portal.profile.name}民政阳光公开"
    body = {"name": f"minzheng-{portal.profile.id}", "title": title, "description": LICENCE, "resources": resources}
    return opened(Response(json.dumps(body, ensure_ascii=False, indent=1), content_type=_JSON))
