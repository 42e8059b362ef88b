"""Safety of every page (页面安全): headers, forms that only our own pages can send, and how often somebody may ask.

No resource comes from outside the server and no script stands in a page, so the content policy is as strict as there is.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from urllib.parse import unquote

from flask import Flask, Response, current_app, request, session
from flask_limiter import ApplicationLimit, Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect
from limits.storage import MemoryStorage
from werkzeug.middleware.proxy_fix import ProxyFix

from services.portal.web.portal import Portal
from shared.domain.errors import Refused

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


def _asker() -> str:
    """Who is asking, as far as limits go: a token, whoever's hands it is in, or an address. Kept in memory, so only as a hash."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        looks = not for_everybody() and not request.path.startswith("/api/v1/")  # at the cookie, which is signed
        token = str(session.get("token") or "") if looks else ""
    return hashlib.sha256(token.strip().encode()).hexdigest()[:32] if token.strip() else get_remote_address()


def _rate() -> str:
    return cast(Portal, current_app.extensions["portal"]).settings.portal_rate


def _rate_of_an_address() -> str:
    """A front end serves many people from one address; and somebody who tries forged tokens out shows a new one each time."""
    often, _, period = _rate().partition("/")
    return f"{int(often) * 10}/{period}"


class Counts(MemoryStorage):
    """Counts in memory, as limits keeps them. To forget what is over, its own starts a timer's thread up to a hundred times a second: two
    requests at once would both begin the same one, and the second would fail; and each start keeps the requests of that moment waiting.
    Here whoever counts forgets, once in a while."""

    STORAGE_SCHEME = ["counts"]
    FORGET = 10.0  # seconds between two times

    def __init__(self, uri: str | None = None, **options: Any) -> None:
        self._one = threading.Lock()
        self._again = 0.0
        super().__init__(uri, **options)
        self.timer.join()
        self.timer = cast(threading.Timer, threading.main_thread())  # one that is alive: another one is not begun

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        with self._one:
            self._forget(time.time())
            return super().incr(key, expiry, amount)

    def decr(self, key: str, amount: int = 1) -> int:
        with self._one:
            return super().decr(key, amount)

    def _forget(self, now: float) -> None:
        if now < self._again:
            return
        self._again = now + self.FORGET
        for key in [key for key, until in self.expirations.items() if until <= now]:
            self.clear(key)


# Over all pages together, counted by each process for itself.
LIMITS: list[str | Callable[[], str] | ApplicationLimit] = [
    ApplicationLimit(_rate, scope="asker"),
    ApplicationLimit(_rate_of_an_address, key_function=get_remote_address, scope="address"),
]
limiter = Limiter(_asker, application_limits=LIMITS, storage_uri="counts://", strategy="sliding-window-counter")


def install(app: Flask, portal: Portal) -> None:
    """``safety.csrf.exempt(view)`` for the API, which has no cookie to be abused; ``safety.limiter.limit("5/minute")`` on a view."""
    app.config.update(
        WTF_CSRF_TIME_LIMIT=int(timedelta(hours=8).total_seconds()),
        WTF_CSRF_SSL_STRICT=portal.settings.production,
    )
    limiter.init_app(app)  # first, so that a form that is refused counts as well
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
        if any("\0" in text for text in (request.path, *request.args, *request.args.values(), *request.form, *request.form.values())):
            raise Refused("invalid_input", "所填内容中有不能识别的字符。", None)

    @app.before_request
    def _no_resident_id() -> None:
        """A resident ID in an address would stand in every proxy's log: it goes into the body of a request."""
        from shared.messaging.wire import holds_resident_id

        text = request.full_path
        for _ in range(MOST_ENCODED):
            decoded = unquote(text)
            if holds_resident_id(decoded):
                raise Refused("invalid_input", "地址中不得含有身份证号码，请改用表单提交。", None)
            if decoded == text:
                return
            text = decoded
        raise Refused("invalid_input", "地址编码的层数过多。", None)

    @app.after_request
    def _headers(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        if answer.status_code == 429 and limiter.current_limit is not None:
            answer.headers["Retry-After"] = str(max(1, int(limiter.current_limit.reset_at - time.time()) + 1))
        if portal.settings.production:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if for_everybody() and answer.status_code < 400:
            if request.endpoint != "static":
                answer.headers.setdefault("Cache-Control", "public, max-age=30")
        else:
            answer.headers["Cache-Control"] = "no-store"  # whatever a download has said of itself
        return answer


def for_everybody() -> bool:
    """Pages that are the same for everybody may be kept by caches, and look at no cookie; those for somebody are kept by none."""
    return request.path.startswith(("/sunshine", "/static")) or request.path == "/"
