"""What came in (请求): headers, parameters and bodies by marshmallow, refused in Chinese with the field, as the services themselves do."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import unquote

import marshmallow as ma
from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from services.portal.api.operations import Listing, Operation
from shared.casework.looks import PURPOSES
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import refused, schema_for
from shared.messaging import wire

Fields = dict[str, Any]
MOST_IN_ADDRESS = 200  # characters of one parameter: codes and ids, and an address has its limits
_FROM_ZERO = ma.validate.Range(min=0, error="不得为负数。")
_NUMBER = re.compile(r"-?[0-9]{1,15}\Z")
_TEXT = {"required": "缺少必填字段。", "invalid": "格式或类型不正确。"}


class Number(ma.fields.Integer):
    """An integer as an address has it: digits, and nothing else that Python would also take for one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not _NUMBER.match(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class Truth(ma.fields.Boolean):
    """true or false."""

    truthy = {"true"}
    falsy = {"false"}


class Text(ma.fields.String):
    """A header's text, percent-encoded where it is not ASCII."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return unquote(super()._deserialize(value, attr, data, **kwargs), errors="strict")
        except UnicodeDecodeError:
            raise self.make_error("invalid", input=value) from None


def _header(kind: type[ma.fields.Field[Any]], name: str, about: str, **options: Any) -> Any:
    return kind(data_key=name, metadata={"description": about}, error_messages=dict(_TEXT), **options)


class CommandHeaders(ma.Schema):
    """Beside a command's form."""

    idempotency_key = _header(
        ma.fields.String,
        "Idempotency-Key",
        "指令编号，由调用方产生，一件事一个（如 UUID）：同一记录以同一编号再次提交，得到同样的答复，不会重复办理；"
        "同一记录、同一编号而内容不同的被拒绝。",
        required=True,
        validate=ma.validate.Length(1, wire.MOST_ID, error=f"须为1至{wire.MOST_ID}个字符的文本。"),
    )
    if_match = _header(
        ma.fields.String,
        "If-Match",
        '所见记录的版本（答复中的 ETag），如 "3"：记录已被他人更新时不予办理。',
        validate=ma.validate.Regexp(r'^"[0-9]{1,15}"$', error='须为带引号的版本号，如 "3"。'),
    )


class QueryHeaders(ma.Schema):
    """Beside a query's form. A query that reads the log itself sees every write, and has no position to wait for."""

    purpose = _header(
        ma.fields.String,
        "X-Purpose",
        "查阅目的，记入查阅留痕；未写明的为 casework。" + "；".join(f"{code}：{name}" for code, name in PURPOSES.items()),
        validate=ma.validate.OneOf(list(PURPOSES), error=f"查阅目的须为 {'、'.join(PURPOSES)} 之一。"),
    )
    reference = _header(
        Text,
        "X-Purpose-Reference",
        "查阅所依据的文号（如信访件编号），非 ASCII 字符按百分号编码。",
        validate=ma.validate.Length(max=wire.MOST_ID, error=f"须为至多{wire.MOST_ID}个字符的文本。"),
    )


class WaitingQueryHeaders(QueryHeaders):
    """Beside the form of a query that reads a read model."""

    position = _header(Number, "X-Position", "写入位置（办理的答复中有）：查询等到看见这次写入再答复。", validate=_FROM_ZERO)


def waits(form: type) -> bool:
    """Whether a query can wait for a write: it reads a read model, and its form has the position."""
    return any(f.name == "position" for f in dataclasses.fields(form))


@cache
def parameters(form: type, listing: Listing | None) -> type[ma.Schema]:
    """A query's form as parameters of an address; of a list also in which form it is wanted."""
    fields: dict[str, Any] = {name: _parameter(field, name) for name, field in schema_for(form)._declared_fields.items()}
    if listing is not None:
        fields["format"] = ma.fields.String(
            validate=ma.validate.OneOf(["json", "csv", "xlsx"], error="不在允许的取值范围内。"),
            metadata={"description": "csv、xlsx：导出全部各页（亦可用 Accept 请求头）。"},
        )
    meta = type("Meta", (), {"unknown": ma.RAISE})
    return type(f"{form.__name__}Parameters", (ma.Schema,), {**fields, "Meta": meta, "error_messages": {"unknown": "未知字段。"}})


def _parameter(field: Any, name: str = "") -> Any:
    shared = {"required": field.required, "error_messages": dict(field.error_messages), "metadata": dict(field.metadata)}
    if isinstance(field, ma.fields.Integer):
        return Number(**shared, validate=_FROM_ZERO if name == "position" else field.validate)
    if isinstance(field, ma.fields.Boolean):
        return Truth(**shared)
    if isinstance(field, ma.fields.List):
        return ma.fields.List(_parameter(field.inner), **shared)
    if isinstance(field, ma.fields.String) and not isinstance(field.validate, ma.validate.OneOf):
        most = ma.validate.Length(max=MOST_IN_ADDRESS, error=f"文本过长（最多{MOST_IN_ADDRESS}字）。")
        return ma.fields.String(**shared, validate=most)
    return type(field)(**shared, validate=field.validate)  # without allow_none: what is not asked for is left out


@dataclass(frozen=True)
class Asked:
    """What an operation is asked with: headers around it, and its form in the address or the body. One instance of each schema serves
    all requests: to make one takes longer than to load."""

    headers: ma.Schema
    form: ma.Schema
    by_get: bool

    def read(self) -> tuple[Fields, Fields]:
        """Headers and form of the request under way."""
        return _headers(self.headers), _address(self.form) if self.by_get else _body(self.form)


_COMMAND_HEADERS, _QUERY_HEADERS, _WAITING_HEADERS = CommandHeaders(), QueryHeaders(), WaitingQueryHeaders()


def asked(op: Operation) -> Asked:
    """With what an operation is asked."""
    around = _COMMAND_HEADERS if op.is_command else _WAITING_HEADERS if waits(op.form) else _QUERY_HEADERS
    return Asked(around, (parameters(op.form, op.listing) if op.by_get else schema_for(op.form))(), op.by_get)


def _loaded(schema: ma.Schema, given: Mapping[str, Any]) -> Fields:
    try:
        return cast(Fields, schema.load(given))
    except ma.ValidationError as error:
        raise refused(error.messages) from None


def _headers(schema: ma.Schema) -> Fields:
    names = (str(field.data_key) for field in schema.fields.values())
    return _loaded(schema, {name: request.headers[name] for name in names if name in request.headers})


def _address(schema: ma.Schema) -> Fields:
    given: Fields = {}
    for name, values in request.args.lists():
        several = isinstance(schema.fields.get(name), ma.fields.List)
        if len(values) > 1 and not several:
            raise refused({name: ["只能填一次。"]})
        given[name] = values if several else values[0]
    return _loaded(schema, given)


def _body(schema: ma.Schema) -> Fields:
    if not wire.is_json(request.content_type):
        raise Refused("unsupported_media_type", "请以 JSON 提交。", None)
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refused("unsupported_media_type", "不接受压缩的内容。", None)
    if request.args:  # what is sent goes into the body: beside it an address would be heeded by nobody
        raise invalid("未知字段。", next(iter(request.args)) if len(request.args) == 1 else None)
    raw = request.get_data(cache=False)
    if request.content_length is None and len(raw) >= wire.MOST_BYTES:  # in pieces, and cut where no more is read
        raise RequestEntityTooLarge
    if len(raw) < (request.content_length or 0):  # whoever sent it went away in the middle
        raise BadRequest
    body = wire.decode(raw)
    if not isinstance(body, Mapping):
        raise invalid("须为对象。")
    try:
        json.loads(raw, object_pairs_hook=_once)
    except RecursionError:
        raise invalid("内容不是有效的 JSON。") from None
    return _loaded(schema, body)


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Of two values under one name a reader takes the first and another the last: neither is what was meant for certain."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise invalid("同一字段出现了两次。")


def with_position(asked: Fields, headers: Fields) -> Fields:
    """The header's position, for a query that can wait; the headers of another one have none."""
    if "position" not in headers:
        return asked
    if asked.get("position") not in (None, headers["position"]):
        raise invalid("与请求头 X-Position 不一致，请只填其一。", "position")
    return {**asked, "position": headers["position"]}


def as_http(problem: Refused) -> Refused:
    """The names of an operation's circumstances as HTTP has them."""
    names = {
        "command_id": "Idempotency-Key", "expected_version": "If-Match", "purpose": "X-Purpose", "purpose_reference": "X-Purpose-Reference",
    }  # fmt: skip
    return Refused(problem.code, problem.message, names.get(problem.field or "", problem.field))
