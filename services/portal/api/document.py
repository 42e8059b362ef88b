"""OpenAPI 3.1 of every operation (接口文档), by flask-smorest from the doors' own schemas, with the names of web/words.py.

It is made when somebody first asks a process for it, on an application of its own that serves nobody: most processes are never asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import marshmallow as ma
import msgspec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Flask, Response
from flask_smorest import Api, Blueprint

from services.portal.api import tables
from services.portal.api.operations import Operation
from services.portal.api.requests import Asked, asked
from services.portal.api.schemas import Schemas
from services.portal.audit import said
from services.portal.web import words
from services.portal.web.portal import Portal, service_class
from services.portal.web.problems import TITLES
from shared.eventsourcing.commands import schema_for
from shared.messaging.answering import declared_of

VERSION = "1.0"
_ALWAYS = (401, 403, 405, 413, 422, 429, 503)  # what any operation may answer beside what it is for
_ABOUT = """本区县民政系统供工作人员前端使用的接口，由各服务的声明生成。

- 登录：`Authorization: Bearer <令牌>`。令牌由本单位统一登录签发，载明工号、岗位、辖区。
- 办理（POST）：`Idempotency-Key` 即指令编号，一件事一个；同一记录以同一编号重复提交，不会重复办理。`If-Match` 可指明所见版本。
- 查询（GET；参数含个人信息或回执号的为 POST）：`as_of` 当时所知；`valid_at` 某日的情况。
- 列有 `X-Position` 请求头的查询读取查询数据：把办理答复的 `X-Position` 交回，可等到看见这次写入；其余查询直接读取日志，总能看见。
- 列表：`after`、`limit` 翻页，`Link` 给出下一页，`format` 导出 CSV 或 Excel。
- 金额为整数，单位分。日期 YYYY-MM-DD，时间带时区。
- 查阅个人档案逐次留痕；`X-Purpose` 写明目的。
- 出错：`application/problem+json`（RFC 9457），`code` 为代码，`detail` 为说明，`field` 为有误的栏目。503 可按 Retry-After 以同一编号重试。
- 地址（约4000字节）或请求头（每个约8000字节）过长的 414、431，和不成其为 HTTP 请求的 400、501，由服务器在见到请求之前以 HTML 答复。
"""


class _Answer(ma.Schema):
    """What every command answers; a few add to it."""

    stream = ma.fields.String(required=True, metadata={"description": "事件流"})
    id = ma.fields.String(required=True, metadata={"description": "记录编号"})
    version = ma.fields.Integer(required=True, metadata={"description": "办理后的版本"})
    position = ma.fields.Integer(required=True, metadata={"description": "写入位置"})
    events = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "发生的事件"})
    repeated = ma.fields.Boolean(required=True, metadata={"description": "是否为重复提交"})


class _Problem(ma.Schema):
    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True, metadata={"description": "说明"})
    code = ma.fields.String(required=True, metadata={"description": "代码"})
    field = ma.fields.String(metadata={"description": "有误的栏目"})


_HEADERS = {
    "X-Position": {"description": "写入位置，查询时交回可等到看见这次写入", "schema": {"type": "integer"}},
    "ETag": {"description": "记录的版本，交给 If-Match", "schema": {"type": "string"}},
}
_LINK = {"Link": {"description": '下一页（rel="next"），没有即为末页', "schema": {"type": "string"}}}


class Doors(Api):  # type: ignore[misc]
    """flask-smorest's Api, with the portal's own problems."""

    def _register_error_handlers(self) -> None:
        """services/portal/web/problems.py answers every error."""

    def document(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.spec.to_dict()
        for unused in ("Error", "PaginationMetadata"):  # flask-smorest's own, which nothing here answers
            spec["components"]["schemas"].pop(unused, None)
        for name, schema in spec["components"]["schemas"].items():
            _name_fields(schema, *name.split("."))
        for path, methods in spec["paths"].items():
            method = path.rsplit("/", 1)[1]
            for operation in methods.values():
                for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                    if parameter.get("in") == "query" and not parameter.get("description"):
                        parameter["description"] = words.label(parameter["name"], method)
        return spec


def _name_fields(schema: dict[str, Any], *where: str) -> None:
    for name, field in schema.get("properties", {}).items():
        if not field.get("description"):
            field["description"] = said.label(name, *where)


def install(app: Flask, portal: Portal, found: Sequence[Operation], prefix: str) -> None:
    """/api/openapi.json, made once a process."""
    making, made = threading.Lock(), list[bytes]()

    def document() -> Response:
        with making:
            if not made:
                made.append(msgspec.json.encode(_whole(portal, found, prefix)))
        return Response(made[0], content_type="application/json")

    app.add_url_rule("/api/openapi.json", "openapi", document)


def _whole(portal: Portal, found: Sequence[Operation], prefix: str) -> dict[str, Any]:
    """The document of all operations. flask-smorest describes views: these are of the same names and addresses as those that answer."""
    app = Flask(__name__)
    doors, schemas = api(app, portal, found), Schemas()
    for service in sorted({op.service for op in found}):
        room = Blueprint(service, __name__, url_prefix=f"{prefix}/{service}", description=words.SERVICES.get(service, service))
        for op in found:
            if op.service == service:
                view = described(room, op, asked(op), schemas, _named(op.method))
                room.route(f"/{op.method}", methods=["GET" if op.by_get else "POST"])(view)
        doors.register_blueprint(room)
    for name, part in schemas.parts.items():
        doors.spec.components.schema(name, part)
    return doors.document()


def _named(method: str) -> Callable[..., Any]:
    def view() -> None:
        """Never called."""

    view.__name__, view.__doc__ = method, None
    return view


def api(app: Flask, portal: Portal, found: Sequence[Operation]) -> Doors:
    """The API of an application, with what all operations share."""
    names = dict(_names(found))
    app.config.update(
        API_TITLE=f"{portal.profile.name}民政接口",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        API_SPEC_OPTIONS={
            "info": {"description": _ABOUT, "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"}},
            "servers": [{"url": "/", "description": "本服务器"}],
            "security": [{"bearer": []}],
        },
    )

    def named(schema: Any) -> str:
        cls = schema if isinstance(schema, type) else type(schema)
        return names.get(cls) or str(resolver(schema)).removeprefix("_")

    made = Doors(spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=named)})
    made.DEFAULT_ERROR_RESPONSE_NAME = None
    made.init_app(app)
    made.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    made.spec.components.schema("Problem", schema=_Problem)
    for status in (*_ALWAYS, 404, 409, 414, 415, 431):
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if status in (414, 431):
            content = {"text/html": {"schema": {"type": "string"}}}  # said by the server before anything of ours has seen the request
        retry = {"Retry-After": {"description": "多少秒之后再试", "schema": {"type": "integer"}}} if status in (429, 503) else {}
        made.spec.components.response(f"E{status}", {"description": TITLES[status], "content": content, "headers": retry})
    return made


def _names(found: Sequence[Operation]) -> Iterator[tuple[type[ma.Schema], str]]:
    """A name for the schema of every form and every part of one; where two classes share a name, the later has its service's before it."""
    taken: dict[str, type[ma.Schema]] = {}
    for op in found:
        if op.by_get:
            continue
        for schema, cls_name in _parts(schema_for(op.form)):
            if schema in taken.values():
                continue
            name = cls_name
            for before in (op.service.capitalize(), op.method.title().replace("_", "")):
                if name not in taken:
                    break
                name = f"{before}{cls_name}"
            taken[name] = schema
            yield schema, name


def _parts(schema: type[ma.Schema]) -> Iterator[tuple[type[ma.Schema], str]]:
    yield schema, schema.__name__.removesuffix("Schema")
    for field in schema._declared_fields.values():
        inner = field.inner if isinstance(field, ma.fields.List) else field
        if isinstance(inner, ma.fields.Nested) and isinstance(inner.nested, type):
            yield from _parts(inner.nested)


def described(room: Blueprint, op: Operation, what: Asked, schemas: Schemas, view: Callable[..., Any]) -> Callable[..., Any]:
    """A view with everything that is known of its door: what comes in, what goes out, what may go wrong."""
    answer: Any = _Answer if op.is_command else schemas.of(declared_of(service_class(op.service), op.method), f"{op.service}.{op.method}")
    if op.is_command:
        about, headers = "已办理", _HEADERS
    elif op.listing is not None:
        about, headers = "列表", (_LINK if op.listing.pages else {})
    else:
        about, headers = "查询结果", _HEADERS
    refusals = {*_ALWAYS, 404, 409, 414 if op.by_get else 415, 431}
    responses: dict[int, Any] = {status: {"$ref": f"#/components/responses/E{status}"} for status in sorted(refusals)}
    if op.listing is not None:
        responses[200] = {"content": {kind: {"schema": {"type": "string"}} for kind in tables.TYPES.values()}}
    made = room.doc(
        summary=op.title,
        description=f"{op.about}\n\n权限：`{op.door.permission}`",
        operationId=f"{op.service}_{op.method}",
        responses=responses,
    )(view)
    made = room.response(200, answer, description=about, headers=headers)(made)
    made = room.arguments(what.form, location="query" if op.by_get else "json")(made)
    return room.arguments(what.headers, location="headers")(made)  # type: ignore[no-any-return]
