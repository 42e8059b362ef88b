"""What the desk's pages share (页面共用): asking a service for whoever is logged in, deadlines by what is left, words, export."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, g, request
from markupsafe import Markup

from services.portal.api import tables
from services.portal.api.operations import Operation
from services.portal.desk import said, things
from services.portal.web import words
from services.portal.web.asked import moment_asked, whole
from services.portal.web.identity import ROLE_NAMES, who
from services.portal.web.places import places_of
from services.portal.web.portal import Portal
from services.portal.web.portal import here as portal
from services.portal.web.problems import status_of
from shared.casework.looks import PURPOSES, USUAL
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery
from shared.eventlog.shape_rows import SOON
from shared.messaging.doors import DoorInfo
from shared.rules.assessment import Outcome
from shared.security.permissions import ROLES

pages = Blueprint("desk", __name__, url_prefix="/desk", template_folder="templates")


def door(service: str, method: str, kind: str) -> DoorInfo:
    """A door that the visitor may open; Refused otherwise."""
    info = portal().doors.get((service, method))
    if info is None or info.kind != kind:
        raise Refused("not_found", "没有这项业务。", None)
    if not who().may(info.permission):
        raise Refused("forbidden", "您的岗位无权办理此事项。", None)
    return info


def may(service: str, method: str) -> bool:
    info = portal().doors.get((service, method))
    return info is not None and who().may(info.permission)


def ask(service: str, method: str, why: str = "", /, **fields: Any) -> Any:
    """Ask a service, saying why of a file; a list waits until it has seen what the page before has written (``?position=``).

    On a page as of an earlier moment (``as_of``) every question is of that moment.
    """
    info, at = portal().doors[service, method], as_of()
    if info.kind == "query" and at is not None:
        fields.setdefault("as_of", at.isoformat())
    elif info.kind == "query" and any(f.name == "position" for f in dataclasses.fields(info.form)):
        fields.setdefault("position", whole(request.args.get("position", "")))
    given = {name: value for name, value in fields.items() if value is not None}
    if info.kind == "query":
        given |= {"purpose": why or usual(), "reference": reference_asked()}
    return portal().call(who().token, service, method, **given)


def ordered(service: str, method: str, command_id: str, **fields: Any) -> tuple[dict[str, Any], str, int, str]:
    """(answer, refusal, status, the next order's command id) of an order over several that were chosen in a list."""
    try:
        answer = ask(service, method, command_id=command_id, **fields)
    except Unavailable as away:  # nobody knows whether it was done: the same command id makes the second try harmless
        return {}, away.message, 503, command_id
    except Refused as error:
        return {}, error.message, status_of(error), str(uuid.uuid4())
    return answer, "", 200, str(uuid.uuid4())


def as_of() -> datetime | None:
    """The moment that the page under way is about, where that is past; ``looking_back`` says so."""
    found: datetime | None = g.get("as_of")
    return found


def looking_back() -> datetime | None:
    """From here on the page is about the moment that its address names; None when it names none, or one that is not past."""
    at = moment_asked("as_of")
    g.as_of = at if at is not None and at < portal().clock.now() else None
    return as_of()


def reading() -> list[str]:
    """The services in which the visitor may read."""
    return [service for service in discovery.services() if who().may(f"{service}:read")]


def today() -> date:
    """The day of the page: deadlines are as near as they were."""
    return (as_of() or portal().clock.now()).astimezone(SHANGHAI).date()


class Left(NamedTuple):
    """What is left until a deadline, in a tone and in words."""

    tone: str  # bad | warn | good | "" where nothing is due
    said: str


def left(due_on: str | None) -> Left:
    """How much time is left, in working days: over it, within two days, or more."""
    if not due_on:
        return Left("", "无期限")
    due, now = date.fromisoformat(due_on), today()
    if due < now:
        return Left("bad", f"已逾期{(now - due).days}天")
    days = dates.working_days_between(now, due)
    said = "今日到期" if due == now else f"还剩{days}个工作日"
    return Left("warn" if days <= SOON else "good", said)


def safe(target: str | None) -> str:
    """An address of the desk, or none."""
    parts = urlsplit(target or "")
    return str(target) if target and not parts.scheme and not parts.netloc and target.startswith("/desk") and "\\" not in target else ""


def title(info: DoorInfo) -> str:
    """What an act is called: the first words of what its door says."""
    first = info.about.strip().split("\n")[0]
    head, colon, rest = first.partition("：")
    if colon and head in _shape_titles():
        first = rest
    return _until(first, "：；。，（")


def about(info: DoorInfo) -> str:
    """What an act is, as its door says it; the fields and programmes that the API's text names by their codes, by their names."""

    def named(code: re.Match[str]) -> str:
        label = words.label(code[0], info.method)
        return label if label != code[0] else things.name_of(code[0])

    return re.sub("[a-z]+(?:_[a-z]+)*", named, info.about.strip().split("\n")[0])


def _shape_titles() -> frozenset[str]:
    return frozenset(name for service in discovery.services() for name in things.shapes(service).values())


def _until(text: str, stops: str) -> str:
    for n, c in enumerate(text):
        if c in stops and n:
            return text[:n]
    return text


def roles_with(permission: str) -> str:
    """Which posts carry a permission, as one would say it."""
    found = [ROLE_NAMES.get(r, r) for r, held in ROLES.items() if permission in held and not r.startswith("service:")]
    return "、".join(found)


def towns() -> list[tuple[str, str]]:
    return [(place.code, place.name) for place in places_of(portal().profile).towns]


def purpose_asked() -> str:
    """Why somebody looks, as the address says it; "" when it says nothing."""
    given = request.args.get("for", "")
    return given if given in PURPOSES else ""


def reference_asked() -> str:
    """The number of the letter or the order that somebody looks for, where a purpose is given."""
    return request.args.get("reference", "").strip() if purpose_asked() else ""


def usual() -> str:
    """Why somebody looks who was not asked: on business, and who has none but to audit, for that."""
    return "audit" if who().hand.roles <= {"auditor"} else USUAL


def as_file(service: str, method: str, rows: Iterator[dict[str, Any]], kind: str) -> Response:
    """A list as CSV or Excel, as the API gives it."""
    info = portal().doors[service, method]
    return tables.download(Operation(service, method, info, True, None), rows, kind)


def install(app: Flask, _portal: Portal) -> None:
    """What the templates use."""

    @app.template_filter("desk_left")
    def _left(due_on: str | None) -> Left:
        return left(due_on)

    app.jinja_env.filters.update(programme=things.name_of, said=words.said, role_of=roles_with)
    app.jinja_env.filters["service_name"] = lambda service: words.SERVICES.get(service, service)
    app.jinja_env.globals.update(
        label_of=said.label, desk_may=may, desk_services=_services, outcome_of=outcome, category_name=category_name,
        desk_new_id=lambda: str(uuid.uuid4()),
    )

    @app.template_filter("staff")
    def _staff(actor: str) -> str:
        """A hand as the desk names it: the service by its name, a person by the number of his post."""
        kind, _, name = str(actor).partition(":")
        return (
            f"系统（{words.SERVICES.get(name, name)}）"
            if kind == "service"
            else f"外部单位（{name}）"
            if kind == "agency"
            else name or kind
        )

    @app.template_filter("kind_of_value")
    def _kind(value: Any) -> str:
        """For the macro that shows any value."""
        if isinstance(value, Mapping):
            return "table" if value and all(isinstance(v, Mapping) for v in value.values()) else "map"
        if isinstance(value, list | tuple):
            return "rows" if value and all(isinstance(v, Mapping) for v in value) else "list"
        return "flag" if isinstance(value, bool) else "plain"

    @app.template_filter("keyed_rows")
    def _keyed(value: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Entries by key as rows: the key first, where the entry does not say it itself."""
        return [{**({} if str(key) in map(str, row.values()) else {"key": key}), **row} for key, row in value.items()]

    @app.template_filter("columns")
    def _columns(rows: list[Mapping[str, Any]]) -> list[str]:
        """The columns of a table: who first, ids last; no code beside its title."""
        titled = all(row.get("title") for row in rows)
        return sorted((n for n in rows[0] if n != "code" or not titled), key=lambda n: (n != "name", n.endswith("_id") or n == "key"))

    @app.template_filter("plain_value")
    def _plain(value: Any, name: str) -> Any:
        return plain(value, name)


def _services() -> list[tuple[str, str]]:
    """The services with programmes that the visitor may read, for the navigation."""
    return [(s, words.SERVICES.get(s, s)) for s in reading() if things.declared(s)]


OUTCOMES = {
    "ineligible": "不符合条件", "eligible": "符合条件", "granted": "确认给予", "granted_again": "恢复（未经申请）",
    "unchanged": "不变", "raised": "提高", "lowered": "降低", "gradual_exit": "渐退", "ended": "终止", "earlier_round": "此前期间重新核定",
}  # fmt: skip
assert {o.name for o in Outcome} <= OUTCOMES.keys()


def outcome(code: str) -> str:
    """A decision's outcome in words."""
    return OUTCOMES.get(code, words.said(code))


def category_name(service: str, category: str) -> str:
    found = things.THINGS.get(category)
    return found.title if found else things.shapes(service).get(category, words.said(category))


UNITS = ("home", "handed_to", "from_unit", "to_unit", "sender", "receiver", "unit")  # one of ours by its division, another's by its name


def plain(value: Any, name: str) -> Any:
    """One value as the desk shows it: money in yuan, days, months, places, programmes and codes in Chinese."""
    from services.portal.web import shown

    if value is None or value == "":
        return Markup('<span class="quiet">—</span>')
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return shown.money(value) if name.endswith("_fen") else value
    text = str(value)
    if name == "programme" or name == "programmes":
        return things.name_of(text)
    places = places_of(portal().profile)
    if name.endswith("division") or (name in UNITS and text.startswith(places.code)):
        return places.name(text)
    if name.endswith("month") and len(text) == 7:
        return "自登记起" if text.startswith("0000") else shown.month(text)
    if len(text) == 10 and text[4] == text[7] == "-":
        return shown.day(text)
    if len(text) >= 19 and text[4] == text[7] == "-" and text[10] == "T":
        return shown.moment(text)
    if text.startswith(("staff:", "service:", "agency:")):
        return text.partition(":")[2] if text.startswith("staff:") else f"系统（{words.SERVICES.get(text.partition(':')[2], text)}）"
    return words.said(text, name)
