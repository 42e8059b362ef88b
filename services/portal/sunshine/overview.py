"""概况: the district today. How many receive what, what was paid this month, which standards hold, what is under publicity."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.rows.sunshine import FOREVER, moment
from services.portal.sunshine import declared, filed, money, standards
from services.portal.sunshine.public import Day, page, query, render
from services.portal.sunshine.recipients import T, cell, figures, silent, untold
from services.portal.web.pictures import Bar, Tile, bars, line, tiles
from services.portal.web.places import places_of
from services.portal.web.portal import Portal
from shared.domain import dates

MAIN = "minimum_living_allowance"  # whose places the map shows


def publicised(portal: Portal, day: Day) -> int:
    """How many stand under publicity; each is listed, so the count tells nothing more."""
    c = T.disclosures.c
    standing = [c.shown_until == FOREVER] if not day.asked else [c.shown_from <= moment(day.on), c.shown_until > moment(day.on)]
    asked = sa.select(sa.func.count().label("n")).join_from(T.disclosures, T.standing, T.standing.c.stream == c.stream)
    asked = asked.where(c.kind == "proposal", c.until_day >= day.text, ~T.standing.c.held, *standing)
    return int(query(portal, asked)[0]["n"])


def over_months(portal: Portal, day: Day, programme: str, last: int = 18) -> Any:
    """How many cases a programme had at the end of each month; a month of which the figure is withheld has no point."""
    f, district = T.figures.c, portal.profile.division_code
    asked = sa.select(f.from_day, f.until_day, f.cases, f.withheld).where(f.programme == programme, f.place == district)
    found = query(portal, asked.where(f.from_day <= day.text).order_by(f.from_day))
    if not found:
        return None
    this, first = day.text[:7], found[0]["from_day"][:7]
    months = [m for n in range(last - 1, -1, -1) if (m := dates.add_months(this, -n)) >= first]
    points = []
    for m in months:
        end = min(dates.last_day(m), day.on).isoformat()
        row = next((r for r in reversed(found) if r["from_day"] <= end < r["until_day"]), None)
        count = None if row is None or row["withheld"] else int(row["cases"])
        points.append(Bar(m, count, "" if count is None else f"{count:,}"))
    return line(f"{filed.names(portal, day)(programme)}：每月末在保户数", points) if any(p.value is not None for p in points) else None


@page("/", "/sunshine")
def overview(portal: Portal, day: Day) -> str:
    """概况."""
    district = portal.profile.division_code
    everything = figures(portal, day, district)
    own = {f.programme: f for f in everything if f.place == district}
    towns = {f.place: f for f in everything if f.programme == MAIN and f.place != district}
    if silent(portal, day, MAIN, district):
        towns = {t.code: untold(MAIN, t.code) for t in places_of(portal.profile).towns}
    placed = places_of(portal.profile).tiled(towns)
    tiled = [
        Tile(t.name, t.at, f.cases if f else 0, cell(f, "cases"), day.link(f"/sunshine/recipients/{MAIN}/{t.code}"), t.short)
        for t in placed
        if t.at is not None
        for f in (towns.get(t.code),)
    ]
    month = day.text[:7]
    paid = money.months(portal, day)
    this_month = sum(paid.get(month, {}).values())
    last_month = max(paid, default="")
    now = [(s.name, s.parameter.description, v) for s in standards.known(portal, day) if (v := s.at(day.on)) is not None]
    first: dict[str, Any] = {}
    for name, description, value in now:
        first.setdefault(name, (description, value))
    called = filed.names(portal, day)
    counted = [(declared.programmes()[code], own.get(code)) for code in filed.counted(portal, day)]
    largest = sorted(counted, key=lambda of: -(of[1].cases or 0) if of[1] else 0)[:3]
    return render(
        "overview.html", day, largest=largest, cell=cell, month=month, this_month=this_month, last_month=last_month,
        last_paid=sum(paid.get(last_month, {}).values()), standards=list(first.items())[:6], publicised=publicised(portal, day),
        map=tiles(f"{called(MAIN)}：各镇街在保户数", tiled) if tiled else None, main=called(MAIN), name=called, main_code=MAIN,
        towns=[(t, towns.get(t.code)) for t in placed], people=over_months(portal, day, MAIN),
        paid=money.over_months(portal, day),
        programmes=bars("各项目在保", [Bar(called(p.code), f.cases if f else 0, cell(f, "cases")) for p, f in counted]),
    )  # fmt: skip
