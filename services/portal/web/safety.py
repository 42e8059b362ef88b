"""Safety of every page (页面安全): headers, forms that only our own pages can send, and how often somebody may ask.

No resource comes from outside the server and no script stands in a page, so the content policy is as strict as there is.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from flask import Flask, Response, current_app, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from services.portal.web.often import Limiter, address
from services.portal.web.portal import Portal
from shared.domain.errors import Refused
from shared.messaging import wire

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # nothing for others; ourselves we ask for it, of every form that is sent over https
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_ENCODED = 5  # how often an address may be percent-encoded over and over
csrf = CSRFProtect()
limiter = Limiter()


def _asker() -> str:
    """Who is asking, as far as limits go: a token, whoever's hands it is in, or an address. Kept in memory, so only as a hash."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        looks = not for_everybody() and not request.path.startswith("/api/v1/")  # at the cookie, which is signed
        token = str(session.get("token") or "") if looks else ""
    return hashlib.sha256(token.strip().encode()).hexdigest()[:32] if token.strip() else address()


def _of_an_address(rate: str) -> str:
    """A front end serves many people from one address; and somebody who tries forged tokens out shows a new one each time."""
    often, _, period = rate.partition("/")
    return f"{int(often) * 10}/{period}"


def install(app: Flask, portal: Portal) -> None:
    """``safety.csrf.exempt(view)`` for the API, which has no cookie to be abused; ``safety.limiter.limit("5/minute")`` on a view."""
    app.config.update(
        WTF_CSRF_TIME_LIMIT=int(timedelta(hours=8).total_seconds()),
        WTF_CSRF_SSL_STRICT=portal.settings.production,
    )
    rate = portal.settings.portal_rate
    of_an_address = _of_an_address(rate)

    @app.before_request  # first, so that a form that is refused counts as well
    def _how_often() -> None:
        """Over all pages together, counted by each process for itself."""
        if request.endpoint != "static" and limiter.counts(app.view_functions.get(request.endpoint or "")):
            limiter.hit(f"asker {_asker()}", rate)
            limiter.hit(f"address {address()}", of_an_address)

    csrf.init_app(app)
    if portal.settings.portal_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=portal.settings.portal_proxies, x_proto=portal.settings.portal_proxies)  # type: ignore[method-assign]

    @app.errorhandler(CSRFError)
    def _csrf(_error: CSRFError) -> Any:
        """Of a page for somebody, first whether anybody is logged in: with the session goes what the form must bring."""
        from services.portal.web import identity
        from services.portal.web.problems import status_of, told

        away = identity.turned_away() if identity.for_somebody(current_app.view_functions.get(request.endpoint or "")) else None
        if away is not None:
            return told(status_of(away), away.code, away.message)
        return told(400, "csrf", "表单已过期或不是由本站页面提交的，请返回刷新后重新提交。")

    @app.before_request
    def _no_nul() -> None:
        """No text with a NUL goes to a database: PostgreSQL takes none."""
        form = request.form if request.content_type and not wire.is_json(request.content_type) else {}
        if any("\0" in text for text in (request.path, *request.args, *request.args.values(), *form, *form.values())):
            raise Refused("invalid_input", "所填内容中有不能识别的字符。", None)

    @app.before_request
    def _no_resident_id() -> None:
        """A resident ID in an address would stand in every proxy's log: it goes into the body of a request."""
        text = request.full_path
        for _ in range(MOST_ENCODED):
            decoded = unquote(text)
            if wire.holds_resident_id(decoded):
                raise Refused("invalid_input", "地址中不得含有身份证号码，请改用表单提交。", None)
            if decoded == text:
                return
            text = decoded
        raise Refused("invalid_input", "地址编码的层数过多。", None)

    safe = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if portal.settings.production else {})

    @app.after_request
    def _headers(answer: Response) -> Response:
        said = {name.lower() for name, _ in answer.headers}
        answer.headers.extend([(name, value) for name, value in safe.items() if name.lower() not in said])
        if for_everybody() and answer.status_code < 400:
            if request.endpoint != "static":
                answer.headers.setdefault("Cache-Control", "public, max-age=30")
        else:
            answer.headers["Cache-Control"] = "no-store"  # whatever a download has said of itself
        return answer


def for_everybody() -> bool:
    """Pages that are the same for everybody may be kept by caches, and look at no cookie; those for somebody are kept by none."""
    return request.path.startswith(("/sunshine", "/static")) or request.path == "/"
