"""核验 two checkpoints: whoever kept one, or picks any two that were published, gets the proof that the log was only added to between them.

The proof (RFC 6962) is of hashes and two signed notes, so it tells nothing of any event. Two published ones are asked for by their sizes;
a checkpoint that somebody kept outside the house is handed in as he kept it, and its own text is what the proof has to hold for: a house
that had rewritten its past could give no such proof. Checked here, and by ``standalone.py --consistency`` anywhere.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Response, current_app, make_response, request

from services.portal.sunshine.public import PER_PAGE, Day, Paging, day_of, page, pages, render
from services.portal.sunshine.verify import key_of
from services.portal.web import portal as portals
from services.portal.web.asked import whole
from services.portal.web.portal import Portal
from services.portal.web.safety import csrf
from shared.cli.sealing import origin_of
from shared.domain.errors import Refused, Unavailable, invalid
from shared.eventlog.integrity import standalone
from shared.eventlog.integrity.checkpoint import stated
from shared.eventlog.integrity.nodes import DAMAGED
from shared.eventlog.integrity.receipt import NotSealed, consistency, continued
from shared.eventlog.integrity.seal import STREAM, newest_note, note_in

MOST_NOTE = 2_000  # characters of a checkpoint: an origin, three lines and a signature
_FILE = "application/json; charset=utf-8"


def _sizes() -> tuple[int, int] | None:
    """The two sizes that the address asks for, the earlier first; None where it asks for none."""
    given = [request.args.get(name, "").strip().replace(",", "") for name in ("older", "newer")]
    if not any(given):
        return None
    older, newer = (whole(text, 12) for text in given)
    if not older or not newer:
        raise invalid("请填写两个检查点的事件数（整数）。", "older" if not older else "newer")
    return min(older, newer), max(older, newer)


def _proof(portal: Portal, sizes: tuple[int, int] | str) -> dict[str, Any]:
    """Between two published checkpoints, or from one that was kept to the newest."""
    try:
        if isinstance(sizes, str):
            return continued(portal.log, portal.tree, sizes)
        return consistency(portal.log, portal.tree, *sizes)
    except NotSealed as error:
        raise Refused("not_found", str(error), None) from None
    except DAMAGED:
        raise Unavailable("完整性树有损，暂时不能出具证明。") from None


def _checked(portal: Portal, proof: dict[str, Any]) -> tuple[bool, str]:
    """As the stand-alone script checks it."""
    try:
        older, newer = standalone.check_consistency(proof, origin_of(portal.settings), key_of(portal))
    except standalone.Wrong as wrong:
        return False, f"不成立：{wrong}。"
    return True, f"成立：前 {older:,} 个事件，在日志增至 {newer:,} 个之时未被改动、删除或插入。"


def _listed(portal: Portal) -> tuple[list[tuple[int, str]], Paging]:
    """(size, time) of the published checkpoints, the newest first, page by page; those that nobody can read are passed over."""
    newest = newest_note(portal.log)
    count = newest[0] + 1 if newest else 0
    of = max(1, -(-count // PER_PAGE))
    p = Paging(min(max(1, whole(request.args.get("page", ""), 8) or 1), of), of, count)
    first = max(0, count - p.offset - PER_PAGE)
    notes = portal.log.read(STREAM, first, count - p.offset - first) if count else []
    told = [stated(note_in(raw)) for raw in reversed(notes)]
    return [(one.size, one.time.isoformat(timespec="seconds")) for one in told if one is not None], p


def _page(portal: Portal, day: Day, **told: Any) -> str:
    checkpoints, p = _listed(portal)
    shown = {"sizes": None, "result": "", "good": False, "proof": None, "kept": "", **told}
    return render("consistency.html", day, checkpoints=checkpoints, p=p, origin=origin_of(portal.settings), **shown)


@page("/sunshine/verify/consistency", keep=False)
def between(portal: Portal, day: Day) -> str:
    """两个检查点的一致性证明."""
    sizes = _sizes()
    if sizes is None:
        return _page(portal, day)
    proof = _proof(portal, sizes)
    good, said = _checked(portal, proof)
    return _page(portal, day, sizes=sizes, proof=proof, good=good, result=said)


@page("/sunshine/verify/consistency.json", keep=False)
def between_as_file(portal: Portal, day: Day) -> Response:
    """The proof as a file."""
    sizes = _sizes()
    if sizes is None:
        raise invalid("请给出两个检查点的事件数：?older=…&newer=…。", "older")
    answer = Response(json.dumps(_proof(portal, sizes), ensure_ascii=False, indent=1), content_type=_FILE)
    answer.headers["Content-Disposition"] = f'attachment; filename="consistency-{sizes[0]}-{sizes[1]}.json"'
    return answer


@pages.post("/sunshine/verify/consistency")
@csrf.exempt  # type: ignore[untyped-decorator]  # it changes nothing, and needs no cookie
def from_kept() -> Any:
    """From a checkpoint that somebody kept, as he hands it in, to the newest one."""
    portal = portals.of(current_app)
    note = request.form.get("checkpoint", "").replace("\r\n", "\n").strip()[:MOST_NOTE] + "\n"
    day = day_of(portal)
    if stated(note) is None:
        return make_response(_page(portal, day, kept=note.strip(), result="读不出：不是检查点原文，请整段粘贴。"), 422)
    try:
        standalone.checkpoint(note, origin_of(portal.settings), key_of(portal))  # of a size that nobody signed there is no proof
        proof = _proof(portal, note)
    except (standalone.Wrong, ValueError) as wrong:
        said = str(wrong) if isinstance(wrong, standalone.Wrong) else "签名读不出"
        return make_response(_page(portal, day, kept=note.strip(), result=f"不成立：{said}。"), 422)
    except Refused as error:
        return make_response(_page(portal, day, kept=note.strip(), result=f"不成立：{error.message}"), 422)
    good, said = _checked(portal, proof)
    return make_response(_page(portal, day, kept=note.strip(), proof=proof, good=good, result=said), 200 if good else 422)
