"""The API for people (接口说明): every operation with its form, permission and an example, in Chinese, made here and without scripts."""

from __future__ import annotations

import dataclasses
import json
import shlex
import typing
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from flask import Blueprint, Flask, render_template, request

from services.portal.api.operations import Operation
from services.portal.web import words
from services.portal.web.identity import ROLE_NAMES
from shared.casework.looks import PURPOSES
from shared.domain.errors import Refused
from shared.eventsourcing.commands import hints_of
from shared.eventsourcing.events import nested_dataclass
from shared.security.permissions import ROLES
from shared.security.tokens import SERVICE

_KINDS: dict[Any, tuple[str, Any]] = {
    str: ("文本", "…"),
    int: ("整数", 1),
    bool: ("是否", True),
    date: ("日期", "2023-07-03"),
    datetime: ("时间（带时区）", "2023-07-03T09:00:00+08:00"),
}


@dataclasses.dataclass(frozen=True)
class Field:
    """One line of a form's table; ``depth`` of what stands inside another."""

    name: str
    label: str
    kind: str
    required: bool
    depth: int


def fields_of(form: type, *where: str) -> list[Field]:
    """The fields of a form, those of its parts behind the part."""
    found = []
    hints = hints_of(form)
    for f in dataclasses.fields(form):
        hint = _arm(hints[f.name])
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        inner, _ = nested_dataclass(hint)
        found.append(Field(f.name, words.label(f.name, *where), _kind(hint), needed, len(where) - 1))
        if inner is not None:
            found += fields_of(inner, *where, inner.__name__)
    return found


def _arm(hint: Any) -> Any:
    arms = [a for a in typing.get_args(hint) if a is not type(None)]
    return arms[0] if type(None) in typing.get_args(hint) else hint


def _kind(hint: Any) -> str:
    inner, many = nested_dataclass(hint)
    if inner is not None:
        return "逐项" if many else "对象"
    origin = typing.get_origin(hint)
    if origin is Literal:
        return "、".join(f"{a}（{words.said(a)}）" for a in typing.get_args(hint))
    if origin is tuple:
        return f"多个{_kind(typing.get_args(hint)[0])}"
    return _KINDS[hint][0] if hint in _KINDS else "对象"


def _sample(form: type, every: bool = False) -> dict[str, Any]:
    """An example of a form: what must be filled in."""
    hints = hints_of(form)
    made = {}
    for f in dataclasses.fields(form):
        if every or (f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING):
            made[f.name] = _value(_arm(hints[f.name]))
    return made


def _value(hint: Any) -> Any:
    inner, many = nested_dataclass(hint)
    if inner is not None:
        return [_sample(inner)] if many else _sample(inner)
    origin = typing.get_origin(hint)
    if origin is Literal:
        return typing.get_args(hint)[0]
    if origin is tuple:
        return [_value(typing.get_args(hint)[0])]
    return _KINDS[hint][1] if hint in _KINDS else {}


def example(op: Operation) -> str:
    """A call as somebody would try it in a shell."""
    address = f"{request.host_url}api/v1/{op.service}/{op.method}"
    lines = ['curl -H "Authorization: Bearer $TOKEN"']
    asked = _sample(op.form)
    if op.is_command:
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if op.by_get:
        address += f"?{urlencode(asked, doseq=True)}" if asked else ""
    else:
        lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(json.dumps(asked, ensure_ascii=False))}"]
    return " \\\n  ".join([*lines, shlex.quote(address)])


def roles_of(permission: str) -> list[str]:
    """Who may: the roles of persons, as they are called."""
    return [ROLE_NAMES.get(r, r) for r, held in ROLES.items() if permission in held and not r.startswith(SERVICE)]


def install(app: Flask, found: Sequence[Operation]) -> None:
    """``/api`` and a page for each operation. They hold nothing but the declarations, and are for everybody."""
    pages = Blueprint("api_pages", __name__, template_folder="templates")
    known = {(op.service, op.method): op for op in found}

    @pages.get("/api")
    def index() -> str:
        """接口一览：按服务分组，可搜索。"""
        asked = request.args.get("q", "").strip()[:60]
        chosen = [op for op in found if not asked or asked.lower() in f"{op.method} {op.about}".lower()]
        services = dict.fromkeys(op.service for op in chosen)
        groups = [(s, words.SERVICES.get(s, s), [op for op in chosen if op.service == s]) for s in services]
        return render_template("api/index.html", asked=asked, groups=groups, count=len(chosen), total=len(found), purposes=PURPOSES)

    @pages.get("/api/<service>/<method>")
    def operation(service: str, method: str) -> str:
        """一个接口：表单、权限、示例。"""
        op = known.get((service, method))
        if op is None:
            raise Refused("not_found", "没有这个业务接口。", None)
        return render_template(
            "api/operation.html",
            op=op,
            service_name=words.SERVICES.get(service, service),
            fields=fields_of(op.form, method),
            roles=roles_of(op.door.permission),
            example=example(op),
        )

    app.register_blueprint(pages)
