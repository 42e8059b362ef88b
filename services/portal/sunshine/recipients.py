"""公示 and 在保名单: who is under publicity before confirmation, and who receives what, village by village, names masked.

Only what a programme declares is in the rows; a name is sealed there and opened here, for a whole page at once. Counts come with what
must be withheld of them already withheld.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from flask import request
from markupsafe import Markup, escape

from services.portal.read_model import TABLES
from services.portal.rows import sunshine as rows
from services.portal.rows.sunshine import Figure, Recipient
from services.portal.sunshine import declared, filed
from services.portal.sunshine.figures import WHY, WITHHELD
from services.portal.sunshine.public import PER_PAGE, Day, page, render
from services.portal.web.pictures import Bar, Tile, bars, tiles
from services.portal.web.places import places_of
from services.portal.web.portal import Portal
from services.portal.web.shown import day as said_day
from services.portal.web.shown import money, month
from services.portal.web.words import said
from shared.casework.disclosure import number
from shared.casework.programme import DISCLOSABLE
from shared.domain.errors import Refused

T = TABLES["sunshine"]


def when(day: Day) -> date | None:
    """The day as the rows are asked for it; None: now."""
    return day.on if day.asked else None


def shown(portal: Portal, found: Sequence[Recipient]) -> list[dict[str, Any]]:
    """Lines as a page and the open data have them: what was declared and shown, the masked name opened; no id of a person."""
    portal.vault.know({r.person_id for r in found if r.person_id})
    lines = []
    for r in found:
        values = {
            "name": portal.vault.open(r.name) if r.name else None,
            "members": r.members,
            "area": r.area or None,
            "amount_fen": r.amount_fen,
            "first_month": r.first_month or None,
            "status": r.status or None,
        }
        public = declared.public(r.programme)  # of a past day too: what is declared no more is told no more
        told = {*r.fields} & {*(public.proposal if r.kind == "proposal" else public.recipient)}
        kept = {field: value if field in told else None for field, value in values.items()}
        programme = declared.listed_as(r.programme) if r.kind == "proposal" else r.programme
        lines.append({"case_id": r.case_id or None, "programme": programme, "place": r.place, "until": r.until_day, "key": r.key, **kept})
    return lines


def every_recipient(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    """All of them, programme by programme, read page by page: for the open data."""
    for programme in listed_programmes():
        after = ""
        while True:
            found = rows.recipients(portal.read, T, programme, portal.profile.division_code, when(day), after, 500)
            yield from shown(portal, found)
            if len(found) < 500:
                break
            after = found[-1].key


def every_proposal(portal: Portal, day: Day) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        found = rows.proposals(portal.read, T, portal.profile.division_code, when(day), today=day.today, after=after, limit=500)
        yield from shown(portal, found)
        if len(found) < 500:
            return
        after = found[-1].key


def listed_programmes() -> list[str]:
    """The programmes that have a list."""
    return [p.code for p in declared.programmes().values() if p.public.recipient]


def figures(portal: Portal, day: Day, division: str) -> list[Figure]:
    """Those of the programmes whose figures are public; what was counted before one ceased to be is told of no day."""
    counted = set(filed.counted(portal, day))
    return [f for f in rows.totals(portal.read, T, division, when(day)) if f.programme in counted]


def silent(portal: Portal, day: Day, programme: str, division: str) -> bool:
    """Whether nothing is told of the places below a division, neither which of them have any nor which have none."""
    return rows.veiled(portal.read, T, programme, f"{division}000", when(day))


def untold(programme: str, place: str) -> Figure:
    """The figure of any place below one of whose parts nothing is told, whether it has any or none."""
    return Figure(programme, place, "", "", None, None, None, rows.ABOVE)


def cell(figure: Figure | None, what: str) -> str:
    """A figure as it is said."""
    if figure is None:
        return money(0) if what == "amount_fen" else "0"
    value = getattr(figure, what)
    if value is None:
        return WITHHELD[figure.withheld]
    return money(value) if what == "amount_fen" else f"{value:,}"


def heading(fields: Sequence[str]) -> list[str]:
    return [DISCLOSABLE[f] for f in fields]


def value(line: dict[str, Any], field: str) -> str:
    """One field of a line as it is said."""
    found = line[field]
    if found is None:
        return ""
    if field == "amount_fen":
        return money(found).removesuffix(" 元")
    if field == "first_month":
        return month(found)
    return said(found, field) if field in ("area", "status") else str(found)


def table_rows(portal: Portal, day: Day, lines: Sequence[dict[str, Any]], fields: Sequence[str]) -> Markup:
    """The rows of a list as HTML, every text escaped. Here and not in the template: of a page of fifty lines this is most of the work."""
    named: dict[str, Markup] = {}
    places, out = places_of(portal.profile), []
    for line in lines:
        where = line["place"]
        if where not in named:
            named[where] = escape(places.name(where))
        cells = "".join(f'<td{_RIGHT if f == "amount_fen" else ""}>{escape(value(line, f))}</td>' for f in fields)
        case_id = line["case_id"]
        link = f'<a href="{escape(day.link(f"/sunshine/receipt/recipients/{case_id}"))}" rel="nofollow">回执</a>' if case_id else ""
        out.append(f"<tr><td>{named[where]}</td>{cells}<td>{link}</td></tr>")
    return Markup("\n".join(out))


_RIGHT = ' class="number"'


# -- 公示


@page("/sunshine/proposals")
def proposals(portal: Portal, day: Day) -> str:
    """公示: what is to be confirmed, and until when an objection is in time."""
    after = request.args.get("after", "")
    found = rows.proposals(
        portal.read, T, portal.profile.division_code, when(day), today=day.today, after=after, limit=PER_PAGE + 1
    )
    lines = shown(portal, found[:PER_PAGE])
    more = found[PER_PAGE - 1].key if len(found) > PER_PAGE else ""
    fields = [f for f in DISCLOSABLE if any(line[f] is not None for line in lines)]
    return render(
        "proposals.html", day, lines=lines, fields=fields, heading=heading(fields), value=value, name=filed.names(portal, day), more=more,
        after=after, said_day=said_day, number=number,
    )  # fmt: skip


# -- 在保名单


@page("/sunshine/recipients")
def programmes(portal: Portal, day: Day) -> str:
    """在保: every programme with its figures of the whole district."""
    district = portal.profile.division_code
    own = {f.programme: f for f in figures(portal, day, district) if f.place == district}
    name = filed.names(portal, day)
    bars_of = [(name(code), own.get(code)) for code in filed.counted(portal, day)]
    shown_bars = [Bar(name, f.cases if f else 0, cell(f, "cases")) for name, f in bars_of]
    picture = bars("各项目在保（户、人次）", shown_bars)
    counted, listed = filed.counted(portal, day), filed.listed(portal, day)
    shown_here = [p for p in declared.programmes().values() if p.code in counted or p.code in listed]
    return render(
        "programmes.html", day, programmes=shown_here, name=name, own=own, cell=cell, picture=picture, counted=counted, listed=listed
    )


@page("/sunshine/recipients/<programme>", "/sunshine/recipients/<programme>/<division>")
def place(portal: Portal, day: Day, programme: str, division: str = "") -> str:
    """One programme in the district, a town or a village: figures of the places below, a map of the towns, and the list."""
    district = portal.profile.division_code
    division = division or district
    known = declared.programmes().get(programme)
    if known is None or not (division.isascii() and division.isdigit() and division.startswith(district) and len(division) in (6, 9, 12)):
        raise Refused("not_found", "没有此项目或地区。", None)
    of = [f for f in figures(portal, day, division) if f.programme == programme]
    own = next((f for f in of if f.place == division), None)
    if rows.veiled(portal.read, T, programme, division, when(day)):
        own = untold(programme, division)
    below, nothing_below = [f for f in of if f.place != division], silent(portal, day, programme, division)
    places = places_of(portal.profile)
    path = f"/sunshine/recipients/{programme}"
    by_place = {f.place: f for f in below}
    tiled = [
        Tile(t.name, t.at, f.cases if f else 0, cell(f, "cases"), day.link(f"{path}/{t.code}"), t.short)
        for t in places.tiled(by_place)
        if t.at is not None
        for f in (untold(programme, t.code) if nothing_below else by_place.get(t.code),)
    ]
    after, listed = request.args.get("after", ""), programme in filed.listed(portal, day)
    found = rows.recipients(portal.read, T, programme, division, when(day), after, PER_PAGE + 1) if listed else []
    lines = shown(portal, found[:PER_PAGE])
    name = filed.names(portal, day)(programme)
    crumbs = [(code, places.name(code)) for n in (6, 9, 12) if n <= len(division) for code in (division[:n],)]
    return render(
        "recipients.html", day, programme=known, name=name, path=path, division=division, own=own, below=below, cell=cell, why=WHY,
        nothing_below=nothing_below and own is not None and not own.withheld,
        counted=programme in filed.counted(portal, day), listed=listed,
        lines=table_rows(portal, day, lines, known.public.recipient), heading=heading(known.public.recipient), crumbs=crumbs, after=after,
        more=found[PER_PAGE - 1].key if len(found) > PER_PAGE else "",
        map=tiles(f"{name}：各镇街", tiled) if len(division) == 6 and tiled else None,
    )  # fmt: skip
