"""核验: whoever does not believe a page takes the receipt of a row and checks it, here or, better, on a machine of his own.

A receipt is given for what stands in a public row and for nothing else. Of a row about a person the event holds ids of that person, which
are nobody's business: its receipt proves that the event is sealed by the leaf's hash alone (``minzheng sealed 1``); whoever holds the event
(the person at the window, an auditor) can see that it is this one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from flask import Response, current_app, make_response, request

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.sunshine import FOREVER
from services.portal.sunshine.public import Day, day_of, page, pages, query, render
from services.portal.web import portal as portals
from services.portal.web.portal import Portal
from services.portal.web.safety import csrf
from shared.cli.sealing import checking_key, origin_of
from shared.config import ConfigError
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.integrity import standalone
from shared.eventlog.integrity.receipt import NotSealed, receipt, sealed
from shared.eventlog.integrity.seal import STREAM, newest_note, note_in

NEWEST = 20  # checkpoints that are shown
Found = tuple[str, int]


def _kept(table: sa.Table, *keys: str, version: str = "version") -> Callable[[Portal, list[str]], Found | None]:
    """The event behind a row of these, by what names it."""

    def find(portal: Portal, given: list[str]) -> Found | None:
        if len(given) != len(keys):
            return None
        asked = sa.select(table.c.stream, table.c[version].label("version"))
        for name, value in zip(keys, given, strict=True):
            column = table.c[name]
            whole = isinstance(column.type, sa.Integer)
            if whole and not (value.isascii() and value.isdigit() and len(value) < 9):
                return None
            asked = asked.where(column == (int(value) if whole else value))
        if "until" in table.c:
            asked = asked.where(table.c.until == kept.OPEN)
        found = query(portal, asked.limit(1))
        return (found[0]["stream"], found[0]["version"]) if found and found[0]["version"] >= 0 else None

    return find


def _disclosed(kind: str) -> Callable[[Portal, list[str]], Found | None]:
    d = TABLES["sunshine"].disclosures

    def find(portal: Portal, given: list[str]) -> Found | None:
        asked = sa.select(d.c.stream, d.c.n).where(d.c.case_id == given[0], d.c.kind == kind, d.c.shown_until == FOREVER)
        found = query(portal, asked.limit(1))
        return (found[0]["stream"], found[0]["n"]) if found else None

    return find


def _run(portal: Portal, given: list[str]) -> Found | None:
    """Of a run whose figures are told."""
    from services.portal.sunshine.money import runs

    row = next((r for r in runs(portal, day_of(portal)) if [r["run_id"]] == given and not r["withheld"]), None)
    return (row["stream"], row["version"]) if row else None


_STANDARDS, _POLICIES, _, _ = TABLES["standards"]
KINDS: dict[str, Callable[[Portal, list[str]], Found | None]] = {
    "standards": _kept(_STANDARDS, "number"),
    "policies": _kept(_POLICIES, "record_id", "number"),
    "payments": _run,
    "fund-moves": _kept(TABLES["funds"][1], "record_id", "version"),
    "inspections": _kept(TABLES["inspections"][0], "record_id", version="draw_version"),
    "credit": _kept(TABLES["credit"], "record_id"),
    "recipients": _disclosed("recipient"),
    "proposals": _disclosed("proposal"),
}
OF_PERSONS = ("recipients", "proposals")


@pages.get("/sunshine/receipt/<kind>/<key>")
def receipt_of(kind: str, key: str) -> Any:
    """The receipt of a public row, as a file."""
    portal = portals.of(current_app)
    found = KINDS[kind](portal, key.split(".")) if kind in KINDS else None
    if found is None:
        raise Refused("not_found", "没有公开此行，或已不再公开。", None)
    try:
        made = (sealed if kind in OF_PERSONS else receipt)(portal.log, portal.tree, *found)
    except NotSealed as error:
        raise Unavailable(str(error)) from None
    answer = Response(json.dumps(made, ensure_ascii=False, indent=1), content_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="receipt-{kind}.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _key(portal: Portal) -> Any:
    try:
        return checking_key(portal.settings)
    except ConfigError as error:
        raise Unavailable(str(error)) from None


def _checkpoints(portal: Portal) -> list[tuple[int, str, str]]:
    """(size, time, note) of the newest checkpoints, the newest first."""
    newest = newest_note(portal.log)
    if newest is None:
        return []
    notes = [note_in(raw) for raw in portal.log.read(STREAM, max(0, newest[0] - NEWEST + 1), NEWEST)]
    return [(int(note.split("\n", 2)[1]), note.split("\ntime ", 1)[1].split("\n", 1)[0], note) for note in reversed(notes) if note]


def _verify_page(portal: Portal, day: Day, **told: Any) -> str:
    shown = {"result": None, "given": "", **told}
    return render("verify.html", day, checkpoints=_checkpoints(portal), origin=origin_of(portal.settings), **shown)


@page("/sunshine/verify", keep=False)
def how(portal: Portal, day: Day) -> str:
    """怎样核验."""
    return _verify_page(portal, day)


@pages.post("/sunshine/verify")
@csrf.exempt  # type: ignore[untyped-decorator]  # it changes nothing, and needs no cookie
def check() -> Any:
    """Check a receipt that somebody pastes or hands in as a file: the same check as that of the stand-alone script."""
    portal = portals.of(current_app)
    handed = request.files.get("file")
    text = handed.read().decode("utf-8", "replace") if handed and handed.filename else request.form.get("receipt", "")
    good, said = _checked(portal, text)
    answer = make_response(_verify_page(portal, day_of(portal), result=said, good=good, given=text[:20_000]), 200 if good else 422)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _checked(portal: Portal, text: str) -> tuple[bool, str]:
    try:
        given = json.loads(text)
        index, size, time = standalone.check_receipt(given, origin_of(portal.settings), _key(portal))
    except standalone.Wrong as wrong:
        return False, f"不成立：{wrong}。"
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return False, "读不出：不是回执。"
    what = given["event"]["type"] if "event" in given else "一个事件（内容不公开）"
    return True, f"成立：{what}，第 {index + 1} 个事件，在 {time} 签名的 {size} 个事件之中。"


@page("/sunshine/verify/standalone.py")
def script(portal: Portal, day: Day) -> Response:
    """The stand-alone script."""
    with open(standalone.__file__, encoding="utf-8") as file:
        answer = Response(file.read(), content_type="text/x-python; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="standalone.py"'
    return answer


@page("/sunshine/verify/seal.pub", keep=False)
def public_key(portal: Portal, day: Day) -> Response:
    """The public key by which checkpoints are checked."""
    pem = _key(portal).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    answer = Response(pem, content_type="application/x-pem-file")
    answer.headers["Content-Disposition"] = 'attachment; filename="seal.pub"'
    return answer


@page("/sunshine/verify/checkpoint", keep=False)
def checkpoint(portal: Portal, day: Day) -> Response:
    """The newest checkpoint as it was signed."""
    newest = newest_note(portal.log)
    if newest is None:
        raise Unavailable("还没有检查点。")
    return Response(newest[1], content_type="text/plain; charset=utf-8")
