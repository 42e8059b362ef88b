"""The API for staff front ends (接口): every RPC of every service over HTTP, from the same declarations.

    operations.py   the doors of all services as operations: address, what is asked, whether it is a list
    requests.py     from an HTTP request to the fields of an RPC, by the door's own marshmallow schema
    answers.py      from an RPC's answer to HTTP: JSON, paging, the position token
    schemas.py      what each query answers, as JSON schema
    tables.py       a list as CSV or Excel
    document.py     OpenAPI 3.1, and Chinese names in it
    pages.py        /api, for people: every operation with its form and an example

A command is ``POST /api/v1/<service>/<method>`` with its form as JSON and its command id as Idempotency-Key; a query is GET with its
form as parameters, or POST with a JSON body where a parameter tells who somebody is or is no plain value. docs/adr/0021-api.md says why.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, Response, current_app, g, request

from services.portal.api import answers, document, operations, pages, requests
from services.portal.web import safety
from services.portal.web.identity import bearer
from services.portal.web.portal import Portal
from services.portal.web.portal import of as portal_of
from shared.domain.errors import Refused

PREFIX = "/api/v1"


def install(app: Flask, portal: Portal) -> None:
    """One blueprint a service, one view a door."""
    found = operations.of(portal.doors)
    first = _first(found)
    for service in sorted({op.service for op in found}):
        room = Blueprint(service, __name__, url_prefix=f"{PREFIX}/{service}")
        room.before_request(first)
        safety.csrf.exempt(room)  # nothing here looks at a cookie
        for op in found:
            if op.service == service:
                room.add_url_rule(f"/{op.method}", op.method, _view(op, requests.asked(op)), methods=["GET" if op.by_get else "POST"])
        app.register_blueprint(room)
    document.install(app, portal, found, PREFIX)
    pages.install(app, found)


def _first(found: list[operations.Operation]) -> Callable[[], None]:
    """Before anything that came in is read: whose token it is, and whether its roles may. The service asks both again."""
    permissions = {f"{op.service}.{op.method}": op.door.permission for op in found}

    def checked() -> None:
        g.caller = bearer()
        if not g.caller.may(permissions[request.endpoint or ""]):
            raise Refused("forbidden", "无权办理此事项。", None)

    return checked


def _view(op: operations.Operation, asked: requests.Asked) -> Callable[[], Response]:
    def command() -> Response:
        headers, body = asked.read()
        fields = {**body, "command_id": headers["idempotency_key"]}
        if "if_match" in headers:
            fields["expected_version"] = int(headers["if_match"].strip('"'))
        try:
            answer = portal_of(current_app).call(g.caller.token, op.service, op.method, **fields)
        except Refused as refused:
            raise requests.as_http(refused) from None
        return answers.of_command(answer)

    def query() -> Response:
        headers, form = asked.read()
        given = requests.with_position(form, headers)
        why = {"purpose": headers.get("purpose", ""), "reference": headers.get("reference", "")}
        portal, token = portal_of(current_app), g.caller.token

        def call(**more: object) -> object:
            try:
                return portal.call(token, op.service, op.method, **{**given, **more}, **why)
            except Refused as refused:
                raise requests.as_http(refused) from None

        return answers.of_query(op, given, call)

    view = command if op.is_command else query
    view.__name__, view.__doc__ = op.method, None
    return view
