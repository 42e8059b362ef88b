"""核验: whoever does not believe a page takes the receipt of a row and checks it, here or, better, on a machine of his own.

A receipt is given for what stands in a public row and for nothing else. The event behind a row may hold more than the row does: ids of
whom it is about, of the hands that acted, a note. So a receipt proves that the event is sealed by the leaf's hash alone (``minzheng sealed
1``); whoever holds the event (the person at the window, an auditor) can see that it is this one. The event itself is shown of a few kinds
only (``TOLD``), and there only when it says nothing that the row does not say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.hazmat.primitives import serialization
from flask import Response, current_app, make_response, request

from services.portal.read_model import TABLES
from services.portal.rows import sunshine as rows
from services.portal.sunshine import credit, declared, inspections, money, standards
from services.portal.sunshine.public import Day, day_of, page, pages, render
from services.portal.web import portal as portals
from services.portal.web.portal import Portal
from services.portal.web.safety import csrf
from shared.casework.programme import NOTHING_PUBLIC
from shared.cli.sealing import checking_key, origin_of
from shared.config import ConfigError
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.integrity import standalone
from shared.eventlog.integrity.checkpoint import stated
from shared.eventlog.integrity.nodes import DAMAGED
from shared.eventlog.integrity.receipt import CONSISTENCY, NotSealed, receipt, sealed
from shared.eventlog.integrity.seal import STREAM, newest_note, note_in
from shared.eventsourcing import codec
from shared.security.tokens import SERVICE

NEWEST = 20  # checkpoints that are shown
Row = dict[str, Any]


def _row(shown: Callable[[Portal, Day], Iterable[Row]], *keys: str, version: str = "version") -> Callable[[Portal, list[str]], Row | None]:
    """The row of a page, looked up among the rows that the page itself shows: what it leaves out has no receipt."""

    def find(portal: Portal, given: list[str]) -> Row | None:
        found = (row for row in shown(portal, day_of(portal)) if [str(row[key]) for key in keys] == given and row[version] >= 0)
        row = next(found, None)
        return {**row, "version": row[version]} if row else None

    return find


def _run(portal: Portal, day: Day) -> Iterable[Row]:
    """The runs whose figures are told."""
    return (row for row in money.runs(portal, day) if row["count"] is not None)


def _standing(portal: Portal, day: Day) -> Iterable[Row]:
    """The published values that stand."""
    return (row for row in standards.published(portal, day) if row["withdrawn"] is None)


def _disclosed(kind: str) -> Callable[[Portal, list[str]], Row | None]:
    """The line of a list, or of the publicity, as it stood on the day."""

    def find(portal: Portal, given: list[str]) -> Row | None:
        if len(given) != 1:
            return None
        day = day_of(portal)
        line = rows.line(portal.read, TABLES["sunshine"], given[0], kind, today=day.today, on=day.on if day.asked else None)
        declares = declared.public(line.programme) if line else NOTHING_PUBLIC
        listed = declares.recipient if kind == "recipient" else declares.proposal
        return {"stream": line.stream, "version": line.n} if line and listed else None

    return find


KINDS: dict[str, Callable[[Portal, list[str]], Row | None]] = {
    "standards": _row(_standing, "number"),
    "policies": _row(standards.policies, "record_id", "number"),
    "payments": _row(_run, "run_id"),
    "fund-moves": _row(money.moves, "record_id", "number"),
    "inspections": _row(inspections.campaigns, "record_id", version="draw_version"),
    "credit": _row(credit.entries, "record_id"),
    "recipients": _disclosed("recipient"),
    "proposals": _disclosed("proposal"),
}
# The events that a full receipt may show: sums that the house worked out by itself. Nobody's hand and nobody's words are in them.
TOLD = frozenset({"payment_run_sent", "payment_run_closed"})


def _tells_no_more(portal: Portal, row: Row) -> bool:
    """Whether everybody may read the event behind a row: declared above, of no hand, and each of its facts stands in the row."""
    for event in portal.log.read(row["stream"], row["version"], 1):
        if event.name.rpartition(".")[2] in TOLD and codec.decode_meta(event.metadata).actor.startswith(SERVICE):
            return all(name in row and row[name] == fact for name, fact in json.loads(event.data).items())
    return False


@pages.get("/sunshine/receipt/<kind>/<key>")
def receipt_of(kind: str, key: str) -> Any:
    """The receipt of a public row, as a file."""
    portal = portals.of(current_app)
    found = KINDS[kind](portal, key.split(".")) if kind in KINDS else None
    if found is None:
        raise Refused("not_found", "没有公开此行，或已不再公开。", None)
    try:
        made = (receipt if _tells_no_more(portal, found) else sealed)(portal.log, portal.tree, found["stream"], found["version"])
    except NotSealed as error:
        raise Unavailable(str(error)) from None
    except DAMAGED:
        raise Unavailable("完整性树有损，暂时不能出具回执。") from None
    answer = Response(json.dumps(made, ensure_ascii=False, indent=1), content_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="receipt-{kind}.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def key_of(portal: Portal) -> Any:
    """The public key by which checkpoints are checked."""
    try:
        return checking_key(portal.settings)
    except ConfigError as error:
        raise Unavailable(str(error)) from None


def _checkpoints(portal: Portal) -> tuple[list[tuple[int, str, str]], int]:
    """(size, time, note) of the newest checkpoints, the newest first, and how many of them nobody can read any more."""
    newest = newest_note(portal.log)
    if newest is None:
        return [], 0
    notes = [note_in(raw) for raw in portal.log.read(STREAM, max(0, newest[0] - NEWEST + 1), NEWEST)]
    told = [(stated(note), note) for note in reversed(notes)]  # one that somebody changed is none, and breaks no page
    found = [(one.size, one.time.isoformat(timespec="seconds"), note) for one, note in told if one is not None]
    return found, len(told) - len(found)


def _verify_page(portal: Portal, day: Day, **told: Any) -> str:
    shown = {"result": None, "given": "", **told}
    checkpoints, broken = _checkpoints(portal)
    return render("verify.html", day, checkpoints=checkpoints, broken=broken, origin=origin_of(portal.settings), **shown)


@page("/sunshine/verify", keep=False)
def how(portal: Portal, day: Day) -> str:
    """怎样核验."""
    return _verify_page(portal, day)


@pages.post("/sunshine/verify")
@csrf.exempt  # type: ignore[untyped-decorator]  # it changes nothing, and needs no cookie
def check() -> Any:
    """Check a receipt, or a proof of consistency, that somebody pastes or hands in as a file: as the stand-alone script does."""
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
        if given["form"] == CONSISTENCY:
            older, newer = standalone.check_consistency(given, origin_of(portal.settings), key_of(portal))
            return True, f"成立：前 {older} 个事件，在日志增至 {newer} 个之时未被改动。"
        index, size, time = standalone.check_receipt(given, origin_of(portal.settings), key_of(portal))
    except standalone.Wrong as wrong:
        return False, f"不成立：{wrong}。"
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return False, "读不出：不是回执，也不是一致性证明。"
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
    pem = key_of(portal).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    answer = Response(pem, content_type="application/x-pem-file")
    answer.headers["Content-Disposition"] = 'attachment; filename="seal.pub"'
    return answer


@page("/sunshine/verify/checkpoint", keep=False)
def checkpoint(portal: Portal, day: Day) -> Response:
    """The newest checkpoint as it was signed."""
    newest = newest_note(portal.log)
    if newest is None:
        raise Unavailable("还没有检查点。")
    if stated(newest[1]) is None:
        raise Unavailable("最新的检查点读不出，可能已被改动；本单位应予查明。")
    return Response(newest[1], content_type="text/plain; charset=utf-8")
