"""办理业务: every programme with what it owes and how it begins; and everything that can be done or asked, by service and group."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request

from services.portal.api.answers import goes_on
from services.portal.api.operations import PERSONAL
from services.portal.desk import things
from services.portal.desk.act import opening_acts
from services.portal.desk.forms import Known, body_of, fields_of
from services.portal.desk.lists import every, listing
from services.portal.desk.view import about, as_file, ask, door, may, reading, title, usual
from services.portal.web import words
from services.portal.web.identity import logged_in, who
from services.portal.web.portal import here as portal
from services.portal.web.problems import status_of
from shared.casework.catalogue import Carrier
from shared.casework.looks import PURPOSES
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery
from shared.eventsourcing.commands import command_type
from shared.messaging.doors import FILES, DoorInfo
from shared.messaging.showing import plain

# What the terms of a benefit say, in the words of the procedure.
OWES = {"authorisation": "核对授权", "means_test": "经济状况核对", "survey": "入户调查", "publicity": "公示"}
LIMITS = {
    "accept_days": "受理", "means_test_days": "发起核对", "whole_days": "全程", "confirm_days": "公示后确认",
    "refusal_notice_days": "不予确认告知", "answer_days": "异议、复核答复",
}  # fmt: skip
PAYS = {"monthly": "按月发放", "once": "一次性发放", "none": "只作认定，不发放"}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A group of programmes on the page."""

    title: str
    programmes: list[Programme | Declaration]


@logged_in
def programmes(service: str) -> Any:
    """一个服务的全部项目，按形态分组。"""
    _known(service)
    groups: dict[str, Kind] = {}
    for d in things.declared(service).values():
        name, said = ("", "救助与津贴") if isinstance(d, Programme) else (d.shape.name, d.shape.title)
        groups.setdefault(name, Kind(said, [])).programmes.append(d)
    return render_template("desk/programmes.html", service=service, groups=groups.values(), services=_services(), subject=_subject())


@logged_in
def programme(service: str, code: str) -> Any:
    """一个项目：名称、目录编号、条款、怎样开始办理、现有待办。"""
    _known(service)
    d = things.declared(service).get(code)
    if d is None:
        raise Refused("not_found", "没有这个项目。", None)
    if isinstance(d, Programme):
        begins = ["apply"] if d.on_application else [d.begins]
        terms: dict[str, Any] = {}
    else:
        begins = opening_acts(d)
        terms = plain(d.terms)
    doors = [portal().doors[service, m] for m in begins if (service, m) in portal().doors]
    waiting = [w for w in ask(service, "list_worklists") if w["programme"] == code] if may(service, "list_worklists") else []
    by_list: dict[str, int] = {}
    for w in waiting:
        by_list[w["worklist"]] = by_list.get(w["worklist"], 0) + w["waiting"]
    return render_template(
        "desk/programme.html",
        service=service,
        d=d,
        benefit=isinstance(d, Programme),
        rows=[Carrier(row, service, "", d.code, d.name, "") for row in d.catalogue],
        begins=[(info, title(info), about(info), who().may(info.permission)) for info in doors],
        first=[] if _subject() or not isinstance(d, Programme) else [
            (info, title(info)) for info in _registers(service, d) if info not in doors and who().may(info.permission)
        ],
        terms=terms,
        owes=[said for n, said in OWES.items() if getattr(d, n, False)],
        limits=[(said, getattr(d, n)) for n, said in LIMITS.items() if getattr(d, n, 0)] if isinstance(d, Programme) else [],
        pays=_pays(d),
        by_list=by_list,
        subject=_subject(),
        services=_services(),
    )


def _pays(d: Programme | Declaration) -> str:
    """How a programme pays, and until which day of the month."""
    if not isinstance(d, Programme):
        return ""
    return PAYS[d.payment] + (f"，每月{d.pay_by_day}日前送发" if d.payment == "monthly" else "")


def _subject() -> dict[str, str]:
    """For whom something is begun, as the page that leads here says."""
    return {n: request.args[n] for n in ("subject_id", "household_id", "person_id") if n in request.args}


def _registers(service: str, d: Programme) -> list[DoorInfo]:
    """Where somebody whom nobody knows yet is registered, so that what is applied for has a subject."""
    method = "enrol_elder" if service == "eldercare" else f"register_{d.subject}"
    return [info for (s, m), info in portal().doors.items() if (s, m) == (service, method)]


@logged_in
def everything() -> Any:
    """全部业务：每个服务的每项业务和查询，按岗位可办与否标明。"""
    groups: list[tuple[str, str, list[tuple[DoorInfo, str, str, bool]]]] = []
    for service in discovery.services():
        if not any(who().may(i.permission) for (s, _), i in portal().doors.items() if s == service):
            continue
        found: dict[str, list[tuple[DoorInfo, str, str, bool]]] = {}
        for (of, _), info in sorted(portal().doors.items()):
            if of == service and info.method not in ("get_acts", "get_steps"):
                found.setdefault(_group(service, info), []).append((info, title(info), about(info), who().may(info.permission)))
        groups += [(service, name, rows) for name, rows in found.items()]
    only = request.args.get("mine", "1") == "1"
    return render_template("desk/everything.html", groups=groups, only=only)


def _group(service: str, info: DoorInfo) -> str:
    """Which part of a service's business a door belongs to: a shape by its title, else by what it works on."""
    if info.kind == "query":
        return "查询"
    command = info.does or info._form
    for d in things.declared(service).values():
        if isinstance(d, Declaration) and any(
            a.command is command or (a.opens and command_type(a.command).name == info.method) for a in d.shape.acts
        ):
            return d.shape.title
    module = getattr(command, "__module__", "")
    for part, said in GROUPS.items():
        if part in module:
            return said
    return "其他"


GROUPS = {
    "benefit_case": "救助个案", "casework.benefits": "救助个案", "casework.payments": "发放", "payment": "发放", "payee_account": "发放",
    "recovery": "追回", "disclosure": "公开与异议", "means_test": "经济状况核对", "verif": "经济状况核对", "check_rights": "经济状况核对",
    "temporary": "临时救助", "standards": "标准", "price": "价格联动", "person": "家庭与人员", "household": "家庭与人员",
    "service": "家庭与人员", "death": "登记", "funeral": "惠民殡葬", "erasure": "个人信息",
    "care": "照护", "one_thing": "一件事", "windows": "窗口",
    "elder": "老年人", "determination": "困难类别认定",
}  # fmt: skip


@logged_in
def query(service: str, method: str) -> Any:
    """一项查询：填写条件，结果列表可导出。含身份信息或回执号的查询只经表单提交，不进地址。"""
    info = door(service, method, "query")
    form = info.form
    names = [f.name for f in dataclasses.fields(form)]
    private = not PERSONAL.isdisjoint(names)
    sent = request.form if private else request.args
    asked = "ask" in sent
    given = {n: v for n, v in sent.items() if n.partition(".")[0] in names}
    known = Known(method, sent=asked, options={"programme": [("", "全部"), *_codes(service)]})
    owed = any(f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING for f in dataclasses.fields(form))
    errors: dict[str, str] = {}
    body: dict[str, Any] = {}
    answer: Any = None
    status, shown = 200, False
    if "resident_id" in names:
        raise Refused("not_found", "请在“查找”页面按公民身份号码查找。", None)
    if asked or not owed:
        body, errors, _ = body_of(form, given, known)
        if not errors:
            try:
                answer, shown = ask(service, method, _purpose(), **body), True
            except Unavailable:
                raise
            except Refused as refused:
                if asked:  # nobody asked yet: the form is shown, and nothing was wrong
                    errors, status = {refused.field or "": refused.message}, status_of(refused)
    kind, lists = request.args.get("format", ""), listing(service, method)
    rows = lists is not None or (bool(answer) and isinstance(answer, list) and all(isinstance(row, Mapping) for row in answer))
    if kind in ("csv", "xlsx") and shown and rows:
        return as_file(service, method, every(service, method, _purpose(), **body) if lists is not None else iter(answer), kind)
    fields = fields_of(form, given, known, errors)
    page = render_template(
        "desk/query.html", service=service, info=info, title=title(info), about=about(info), fields=fields,
        loose=[m for p, m in errors.items() if p not in {f.path for f in fields}], answer=answer, shown=shown,
        file=any(n in FILES for n in names), purposes=PURPOSES, purpose=_purpose(), query=dict(request.args), private=private,
        more=goes_on(lists, answer, body.get("limit", 100)) if shown and lists is not None else None, rows=rows,
    )  # fmt: skip
    return page, status


def _purpose() -> str:
    given = request.values.get("for", "")
    return given if given in PURPOSES else usual()


def _codes(service: str) -> list[tuple[str, str]]:
    return [(code, d.name) for code, d in things.declared(service).items()]


def _services() -> list[tuple[str, str]]:
    return [(s, words.SERVICES.get(s, s)) for s in reading() if things.declared(s)]


def _known(service: str) -> None:
    if service not in discovery.services():
        raise Refused("not_found", "没有这个服务。", None)
    if not who().may(f"{service}:read"):
        raise Refused("forbidden", "您的岗位无权查看此页面。", None)


def add(pages: Blueprint) -> None:
    pages.get("/everything")(everything)
    pages.get("/<service>/programmes")(programmes)
    pages.get("/<service>/programmes/<code>")(programme)
    pages.route("/<service>/ask/<method>", methods=["GET", "POST"])(query)
