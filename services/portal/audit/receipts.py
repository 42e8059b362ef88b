"""Proofs to take away (回执、检查点、审计包): checked without us, by ``standalone.py`` or by the bundle itself."""

from __future__ import annotations

import base64
import json
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request, send_file

from services.portal.audit.seeing import asked, auditing, index, note, period, services, stream_at, whole_district
from services.portal.web import words
from services.portal.web.identity import who
from services.portal.web.portal import here as portal
from shared import bundles
from shared.cli.sealing import origin_of, public_pem
from shared.domain.errors import Refused, invalid
from shared.eventlog.integrity import bundle
from shared.eventlog.integrity.checkpoint import Checkpoint, stated
from shared.eventlog.integrity.nodes import DAMAGED, Nodes
from shared.eventlog.integrity.receipt import NotSealed, consistency, receipt
from shared.eventlog.integrity.seal import STREAM, newest_note, note_in, notes_of

MOST_EVENTS = 20_000  # of the log, for a bundle that a page makes; beyond it the command is told
SHOWN = 50  # checkpoints on the page
KINDS = {"case": "个案编号", "person": "人员标识", "stream": "事件流", "service": "服务", "division": "行政区划", "all": "全部"}


@auditing
def receipt_of(stream: str, version: int) -> Any:
    """某一事件的回执，JSON 文件。"""
    seen = stream_at(stream)
    if not any(r.version == version for r in seen.events):
        raise Refused("not_found", "没有这个事件。", None)
    note("audit_receipt", [stream], seen.division)
    with sound_tree():
        made = receipt(portal().log, portal().tree, stream, version)
    return _file(json.dumps(made, ensure_ascii=False, indent=1), f"receipt-{stream}-{version}.json", "application/json")


@contextmanager
def sound_tree() -> Iterator[None]:
    """What a damaged tree may raise, told in words."""
    try:
        yield
    except DAMAGED:
        raise NotSealed("完整性树有损，出具不了证明。请运行 minzheng audit verify 查明。") from None


def _file(text: str, name: str, kind: str) -> Response:
    answer = Response(text, content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@auditing
def checkpoints() -> Any:
    """检查点：大小、签名时间、根；公钥；怎样核验。"""
    newest = newest_note(portal().log)
    notes = []
    if newest is not None:
        raws = portal().log.read(STREAM, max(0, newest[0] - SHOWN + 1), SHOWN)
        notes = [(raw.version, stated(note_in(raw))) for raw in raws]
    rows = [_said(told) for _, told in reversed(notes) if told is not None]
    broken = [version for version, told in notes if told is None]
    total = newest[0] + 1 if newest else 0
    return render_template("audit/checkpoints.html", rows=rows, broken=broken, origin=origin_of(portal().settings), total=total)


def _said(told: Checkpoint) -> dict[str, Any]:
    return {"size": told.size, "root": base64.b64encode(told.root).decode(), "time": told.time.isoformat(timespec="seconds")}


@auditing
def all_checkpoints() -> Any:
    """全部检查点，依次排列，如其签名。"""
    return _file("\n".join(notes_of(portal().log)), "checkpoints.txt", "text/plain; charset=utf-8")


@auditing
def consistency_of() -> Any:
    """两个检查点之间的一致性证明，JSON 文件。"""
    sizes = [request.args.get(name, "") for name in ("older", "newer")]
    if not all(size.isascii() and size.isdigit() and 0 < len(size) < 12 and int(size) for size in sizes) or int(sizes[0]) > int(sizes[1]):
        raise invalid("请给出两个检查点的大小，较早的在前。", "older")
    with sound_tree():
        made = consistency(portal().log, portal().tree, int(sizes[0]), int(sizes[1]))
    return _file(json.dumps(made, ensure_ascii=False, indent=1), f"consistency-{sizes[0]}-{sizes[1]}.json", "application/json")


# -- the auditor's bundle


@auditing
def bundle_page() -> Any:
    """审计包：范围和期间。"""
    return _bundle_page()


def _bundle_page(**told: Any) -> str:
    given = {"kind": asked("kind") or "case", "value": asked("value"), "from": asked("from"), "to": asked("to")}
    able = [(s, words.SERVICES.get(s, s)) for s in services()]
    shown = {"command": "", "refused": "", **told}
    return render_template("audit/bundle.html", kinds=KINDS, given=given, services=able, whole=whole_district(), **shown)


@auditing
def make_bundle() -> Any:
    """制作并下载；范围大的，告知在本单位机器上制作的命令。"""
    kind, value = asked("kind"), asked("value")
    if not whole_district():
        raise Refused("wrong_division", "审计包按全区的日志制作，由区级审计人员办理。", None)
    try:
        scope = bundle.Scope.parse(kind if kind == "all" else f"{kind}:{value}")
    except ValueError:
        return _bundle_page(refused="范围填写有误。"), 422
    service = {"service": value, "stream": value.partition(".")[0]}.get(kind, "")
    if service and service not in services():
        raise Refused("forbidden", "您的岗位无权审计此服务。", None)
    first, last = period()
    why = bundles.reason(asked("reason"))
    if _length(scope) > MOST_EVENTS:
        return _bundle_page(command=_command(scope, why))
    if kind in ("case", "person"):
        streams = [f"{s}.{kind}-{value}" for s in services() if kind == "person" or index().streams_there([f"{s}.case-{value}"])]
        note("audit_bundle", streams)
    elif kind == "stream":
        note("audit_bundle", [value], stream_at(value).division)
    settings = portal().settings
    pem = public_pem(settings)

    def noted(made: bundle.Made) -> None:
        place = portal().profile.division_code
        taken = bundles.TakeAuditBundle(str(scope), first, last, why, made.events, made.checkpoint, place)
        portal().records.bundle(taken, who().hand.actor)

    with tempfile.TemporaryDirectory() as folder, sound_tree():
        out = Path(folder) / "bundle.zip"
        now = portal().clock.now()
        asked_for = bundle.Asked(scope, first, last)
        origin = origin_of(settings)
        bundle.make(out, portal().log, portal().tree, asked_for, origin, pem, settings.profile, now, lambda _done: None, noted)
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed with the answer that it becomes
        file.write(out.read_bytes())
    file.seek(0)
    return send_file(file, mimetype="application/zip", as_attachment=True, download_name=f"bundle-{kind}.zip", max_age=0)


def _length(scope: bundle.Scope) -> int:
    """How many events are gone through: a stream's own, or all of the log's, in which every other scope is looked for."""
    if scope.kind == "stream":
        newest = portal().log.last(scope.value)
        return 0 if newest is None else newest.version + 1
    with portal().tree.connect() as connection:
        return Nodes(connection).size


def _command(scope: bundle.Scope, why: str) -> str:
    words_ = ["minzheng", "audit", "bundle", "--scope", str(scope)]
    for name, option in (("from", "--from"), ("to", "--to")):
        words_ += [option, asked(name)] if asked(name) else []
    return " ".join([*words_, "--reason", shlex.quote(why), "--out", "bundle.zip"])


def add(pages: Blueprint) -> None:
    pages.get("/receipt/<stream>/<int:version>")(receipt_of)
    pages.get("/checkpoints")(checkpoints)
    pages.get("/checkpoints.txt")(all_checkpoints)
    pages.get("/consistency")(consistency_of)
    pages.get("/bundle")(bundle_page)
    pages.post("/bundle")(make_bundle)
