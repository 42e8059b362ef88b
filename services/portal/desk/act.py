"""The form of an act (办理): made from what its door asks for, sent with a command id that was made when the form was shown.

So a double click, a reload or a second try after a fault has its effect once. What the service refuses stands at the field it names,
and everything typed is kept. After it is done the browser is sent on to the record, whose lists wait for what was written.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from services.portal.api.operations import PERSONAL
from services.portal.desk import things
from services.portal.desk.forms import Known, body_of, fields_of, rows_in
from services.portal.desk.view import about, ask, door, may, safe, title, towns
from services.portal.web.asked import whole
from services.portal.web.identity import logged_in
from services.portal.web.portal import here as portal
from services.portal.web.problems import status_of
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.commands import command_type
from shared.messaging.doors import DoorInfo
from shared.messaging.showing import plain

TELLS = frozenset({"look_at_report"})  # whose answer is what was asked for: it is shown, not the record


@logged_in
def act(service: str, method: str) -> Any:
    """一项业务的表单；提交后转到所办的记录。"""
    info = door(service, method, "command")
    names = [f.name for f in dataclasses.fields(info.form)]
    if request.method == "GET":
        # An address fills in what is done and for whom, never who somebody is or where his money goes: that is typed by a hand.
        typed: dict[str, Any] = {n: v for n, v in request.args.items() if n.partition(".")[0] in names and not _personal(n)}
        fixed = frozenset(n for n in typed if n.endswith("_id") or n in ("programme", "reviewed", "number", "line_no", "month"))
        known = _known(service, info, typed, fixed, sent=False)
        return _page(service, info, typed, known, {}, str(uuid.uuid4()), request.args.get("v", ""))
    typed = {n: values if len(values) > 1 else values[0] for n, values in request.form.lists() if n.partition(".")[0] in names and values}
    fixed = frozenset(n for n in request.form.get("fixed", "").split(",") if n in typed)
    known = _known(service, info, typed, fixed, sent=True)
    version = request.form.get("expected_version", "")
    command_id = request.form.get("command_id", "") or str(uuid.uuid4())
    if (adding := request.form.get("_add", "")) and rows_in(typed, adding) is not None:
        typed[f"{adding}.rows"] = str((rows_in(typed, adding) or 0) + 1)
        return _page(service, info, typed, known, {}, command_id, version)
    body, errors, places = body_of(info.form, typed, known)
    if errors:
        return _page(service, info, typed, known, errors, command_id, version), 422
    if (expected := -1 if version == "-1" else whole(version)) is not None:
        body["expected_version"] = expected
    try:
        answer = ask(service, method, command_id=command_id, **body)
    except Unavailable as away:
        # Nobody knows whether it was done: the same command id makes the second try harmless.
        return _page(service, info, typed, known, {"": away.message}, command_id, version), 503
    except Refused as refused:
        return _refused(service, info, typed, known, refused, places, version)
    return _on(service, info, answer)


def _personal(field: str) -> bool:
    return not PERSONAL.isdisjoint(field.split("."))


def _refused(
    service: str, info: DoorInfo, typed: dict[str, Any], known: Known, refused: Refused, places: dict[str, str], version: str
) -> tuple[str, int]:
    """The form as it was sent, with what was wrong at its place; somebody else's change is told, and the next try goes on from it."""
    path = refused.field or ""
    for said, place in places.items():
        if path.startswith(said):
            path = place + path[len(said) :]
    changed: list[Any] = []
    if refused.code == "version_conflict" and path == "expected_version":
        changed, version = _since(service, info, typed, version)
        path = ""
    message = refused.message
    if refused.code == "command_id_reused":
        message = "这张表已经提交过，内容与这次不同。如确需再办一次，请核对后再次提交。"
    page = _page(service, info, typed, known, {path: message}, str(uuid.uuid4()), version, changed)
    return page, status_of(refused)


def _since(service: str, info: DoorInfo, typed: Mapping[str, Any], version: str) -> tuple[list[Any], str]:
    """What was done since the form was shown, and the version it is shown again with."""
    category = request.form.get("in", "")
    key = str(typed.get(dataclasses.fields(info.form)[0].name, ""))  # the first field of a form names the record
    path = urlsplit(safe(request.form.get("back"))).path
    if path.startswith(f"/desk/{service}/{category}/"):  # or what is in it, as a standard in its book: then the page's own address does
        key = path.rpartition("/")[2]
    try:
        steps = ask(service, "get_steps", category=category, key=key)
    except Refused:
        return [], version
    return [s for s in steps if s["version"] > int(version)], str(steps[-1]["version"])


def _on(service: str, info: DoorInfo, answer: Any) -> Any:
    """On to the record, or to what the act was done for; what has no page is told here."""
    back = safe(request.form.get("back"))
    if isinstance(answer, dict) and "stream" in answer and info.method not in TELLS:
        found = things.of_stream(portal(), str(answer["stream"]))
        told = {"position": answer["position"], "done": f"{service}.{info.method}"}
        if back:
            return _redirect(back, told)
        if found is not None:
            return redirect(things.address(*found, **{**told, "for": "casework"}), 303)
    return render_template("desk/done.html", service=service, title=title(info), about=about(info), answer=answer, back=back or "/desk")


def _redirect(back: str, told: Mapping[str, Any]) -> Response:
    parts = urlsplit(back)
    query = {**dict(parse_qsl(parts.query)), **told}
    return redirect(f"{parts.path}?{urlencode(query)}", 303)


def _page(
    service: str,
    info: DoorInfo,
    typed: Mapping[str, Any],
    known: Known,
    errors: Mapping[str, str],
    command_id: str,
    version: str,
    changed: list[Any] | None = None,
) -> str:
    fields = fields_of(info.form, typed, known, errors)
    paths = {f.path for f in _every(fields)}
    declared = things.declared(service).get(str(typed.get("programme", "")))
    return render_template(
        "desk/form.html",
        service=service,
        info=info,
        title=title(info),
        about=about(info),
        fields=fields,
        loose=[message for path, message in errors.items() if path not in paths],
        failed=bool(errors),
        command_id=command_id,
        version=version,
        back=safe(request.values.get("back")),
        category=request.values.get("in", ""),
        fixed=",".join(sorted(known.fixed)),
        changed=changed or [],
        declared=declared,
    )


def _every(fields: Any) -> Any:
    for f in fields:
        yield f
        for row in f.rows:
            yield from _every(row)


# -- what the form knows beforehand


def _known(service: str, info: DoorInfo, typed: Mapping[str, Any], fixed: frozenset[str], sent: bool) -> Known:
    declared = things.declared(service)
    terms: dict[str, Any] = {}
    hints: dict[str, list[tuple[str, str]]] = {"division": towns(), "hukou_division": towns(), "provider": []}
    programme = declared.get(str(typed.get("programme", "")))
    if isinstance(programme, Declaration):
        terms = plain(programme.terms)
    category = request.values.get("in", "")
    if category in things.shapes(service) and isinstance(typed.get("record_id"), str) and may(service, "get_record"):
        try:
            state = ask(service, "get_record", shape=category, record_id=typed["record_id"])
        except Refused:
            state = {}
        terms = state.get("terms", {})
        for f in dataclasses.fields(info.form):
            hints.setdefault(f.name, _parts(state, f.name))
    if any(f.name == "person_id" for f in dataclasses.fields(info.form)):
        hints["person_id"] = _persons(service, typed)
    options = {
        "programme": _programmes(service, info),
        "programmes": [(c, d.name) for c, d in declared.items() if isinstance(d, Programme)],
    }
    return Known(info.method, terms, options, hints, fixed, sent)


def _persons(service: str, typed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who is meant: a member of the household the form is about, or whoever of a case's subject has not signed yet."""
    programme, subject, home = (str(typed.get(name, "")) for name in ("programme", "subject_id", "household_id"))
    try:
        if home and may(service, "get_household"):  # a look at the household's file, which the service records
            members = ask(service, "get_household", household_id=home)["members"]
            return [(person_id, f"{m['name']}（{m['relation']}）") for person_id, m in members.items()]
        if programme and subject and may(service, "get_authorisation"):
            unsigned = ask(service, "get_authorisation", programme=programme, subject_id=subject)["unsigned"]
            of = getattr(things.declared(service).get(programme), "subject", "")
            known = ask(service, "get_household", household_id=subject)["members"] if of == "household" and unsigned else {}
            said = {person_id: f"{m['name']}（{m['relation']}）尚未签署" for person_id, m in known.items()}
            return [(person_id, said.get(person_id, f"尚未签署的第{n}人")) for n, person_id in enumerate(unsigned, 1)]
    except Unavailable:
        raise
    except Refused:
        pass  # the form says so when it is sent
    return []


def _parts(state: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """What of a record a field may mean: a finding for ``finding_id``, a draw for ``draw_id``, who is enrolled for ``who``."""
    listed = {"who": "enrolled", "present": "enrolled"}.get(name, f"{name.removesuffix('_id')}s")
    found = state.get(listed) or state.get(f"open_{listed}")
    if isinstance(found, Mapping):
        return [(str(key), _brief(value)) for key, value in found.items()]
    if isinstance(found, list):
        return [(one, one) if isinstance(one, str) else (str(next(iter(one.values()), "")), _brief(one)) for one in found]
    return []


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        texts = [str(v) for v in value.values() if isinstance(v, str) and v]
        return " ".join(texts[:3])
    return str(value)


def _programmes(service: str, info: DoorInfo) -> list[tuple[str, str]]:
    """The programmes an act can be about: of an opening act those of its shape, of an application those that are applied for."""
    declared = things.declared(service)
    of_shape = [d for d in declared.values() if isinstance(d, Declaration) and info.method in opening_acts(d)]
    if of_shape:
        return [(d.code, d.name) for d in of_shape]
    benefits = [d for d in declared.values() if isinstance(d, Programme)]
    if info.method == "apply":
        benefits = [d for d in benefits if d.on_application]
    elif info.method == "prepare_payment_run":
        benefits = [d for d in benefits if d.payment != "none"]
    return [(d.code, d.name) for d in benefits]


def opening_acts(d: Declaration) -> list[str]:
    """The acts with which a record of a declared programme begins."""
    return [command_type(a.command).name for a in d.shape.acts if a.opens is not None and not a.by_service]


def add(pages: Blueprint) -> None:
    pages.add_url_rule("/<service>/do/<method>", view_func=act, methods=["GET", "POST"])
