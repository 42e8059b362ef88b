"""公示单: what is publicised, as a sheet for a village's board (A4, one village a sheet): the lines as the page on the web shows them, the
masked name, how to object, and a line for the seal. The same lines as ``get_board_notice``; nothing is added to what a neighbour may read.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from services.portal.desk.lists import every
from services.portal.desk.view import may, towns
from services.portal.web import words
from services.portal.web.identity import logged_in, who
from services.portal.web.places import places_of
from services.portal.web.portal import here as portal
from services.portal.web.shown import money
from shared.casework.programme import DISCLOSABLE
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery

METHOD = "get_board_notice"
COLUMNS = ("members", "area", "amount_fen")


@logged_in
def board() -> Any:
    """公示栏的公示单，可打印：按村（社区）各成一张，列明怎样提出异议，留盖章处。"""
    services = [service for service in discovery.services() if may(service, METHOD)]
    if not services:
        raise Refused("forbidden", "您的岗位无权办理此事项。", None)
    division = request.args.get("division", "").strip() or who().hand.division
    lines: list[dict[str, Any]] = []
    away: list[str] = []
    for service in services:
        try:
            lines += every(service, METHOD, division=division)
        except Unavailable:
            away.append(words.SERVICES.get(service, service))
    sheets: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(lines, key=lambda told: (told["division"], told["until"], told["number"])):
        sheets.setdefault(line["division"], []).append(line)
    named, shown = places_of(portal().profile).name, []
    for place, own in sheets.items():
        columns = [(c, DISCLOSABLE[c]) for c in COLUMNS if any(line[c] not in (None, "") for line in own)]
        shown.append((named(place), named(place[:9]), own, columns, max(line["until"] for line in own)))
    return render_template(
        "desk/board.html", sheets=shown, away=away, division=division, places=towns(), cell=_cell, whole=named(division),
        today=portal().clock.now().date().isoformat(),
    )  # fmt: skip


def _cell(line: dict[str, Any], column: str) -> str:
    """A field as the public page says it; nothing where it is not shown."""
    value = line[column]
    if value in (None, ""):
        return ""
    return money(value).removesuffix(" 元") if column == "amount_fen" else words.said(value, column) if column == "area" else str(value)


def add(pages: Blueprint) -> None:
    pages.get("/board")(board)
