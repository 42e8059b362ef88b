"""What goes wrong, told (问题): ``application/problem+json`` (RFC 9457) under /api, a page in Chinese elsewhere. Never a traceback."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask, Response, make_response, render_template, request
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import HTTPException

from shared import logs
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.client import LogUnavailable

# The code of a refusal -> HTTP status. Not named here: 409, the record or the procedure says no.
STATUS = {
    "invalid_input": 422,
    "unknown_person": 422,
    "unknown_programme": 422,
    "command_id_reused": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "wrong_division": 403,
    "csrf": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "unsupported_media_type": 415,
    "too_many_requests": 429,
    "unavailable": 503,
    "internal": 500,
}
TITLES = {
    400: "请求不正确",
    401: "请先登录",
    403: "无权办理",
    404: "没有找到",
    405: "不支持的操作",
    406: "不支持的格式",
    409: "与现有记录冲突",
    413: "内容过大",
    414: "地址过长",
    415: "不支持的内容类型",
    422: "填写有误",
    429: "请求过于频繁",
    431: "请求头过长",
    500: "系统故障",
    503: "暂时不可用",
}
_CODES = {
    400: "invalid_input",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}
_SAID = {
    400: "请求的格式不正确。",
    404: "没有这个页面或接口。",
    405: "此地址不支持这种操作。",
    413: "内容超过{most}MiB，附件请以引用方式提交。",
    415: "请以 JSON 提交。",
    429: "请求过于频繁，请稍后再试。",
    500: "系统出现故障，已记录。",
}
RETRY_AFTER = 5  # seconds
BROKEN_BODIES = (ParseException, NoMoreData)  # a body that does not come as it was announced


def status_of(refused: Refused) -> int:
    return STATUS.get(refused.code, 409)


def problem(status: int, code: str, detail: str, field: str | None = None) -> Response:
    """A problem document: type, title, status, detail, code, field."""
    body: dict[str, Any] = {
        "type": f"urn:minzheng:problem:{code}",
        "title": TITLES.get(status, "未能办理"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if field:
        body["field"] = field
    answer = Response(msgspec.json.encode(body), status, content_type="application/problem+json")
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def told(status: int, code: str, detail: str, field: str | None = None) -> Response:
    """In the form that whoever asked can read."""
    if request.path.startswith("/api/"):
        return problem(status, code, detail, field)
    page = make_response(render_template("problem.html", status=status, title=TITLES.get(status, "未能办理"), detail=detail), status)
    if status == 503:
        page.headers["Retry-After"] = str(RETRY_AFTER)
    if status == 401:
        page.headers["WWW-Authenticate"] = "Bearer"  # HTTP wants a scheme named; no browser asks for this one in a window of its own
    return page


def install(app: Flask) -> None:
    """Answer every refusal and every fault. What a fault was goes into the log by its type alone: its text may hold input."""

    @app.errorhandler(Refused)
    def _refused(error: Refused) -> Response:
        return told(status_of(error), error.code, error.message, error.field)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        status = error.code or 500
        if status < 400 or error.response is not None:
            return error.get_response()
        most = (request.max_content_length or 0) // (1024 * 1024)
        answer = told(status, _CODES.get(status, "invalid_input"), _SAID.get(status, TITLES.get(status, "未能办理。")).format(most=most))
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after"):
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def _fault(error: Exception) -> Response:
        if isinstance(error, LogUnavailable):
            return told(503, "unavailable", "事件日志暂不可用，请稍后再试。")
        if isinstance(error, ConnectionError | TimeoutError):
            away = Unavailable()
            return told(503, away.code, away.message)
        if isinstance(error, BROKEN_BODIES):
            return told(400, "invalid_input", _SAID[400])
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = {"at": logs.place(error.__traceback__), "raised": f"{Path(last.filename).name}:{last.lineno}"}
        logs.say("fault", logging.ERROR, error=type(error).__name__, **where)
        return told(500, "internal", _SAID[500])

