"""The portal's application (门户应用), put together: safety first, then the doors.

    app = create_app(load())

Nothing is connected before the first request: the server forks its processes after this module is loaded, and a connection
or a thread does not survive a fork.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from services.portal.web import identity, problems, safety, shown, watching
from services.portal.web.portal import Portal
from shared.config import Settings
from shared.security.vault import derived_key

DOORS = ("sunshine", "desk", "audit", "ops", "api")
MOST_BYTES = 1024 * 1024  # one request's body, as on the wire (shared/messaging/wire.py)
# Where a file is taken in line by line: of a bank's answer, some 165 bytes a payment.
MOST_BYTES_OF = {"desk.returned": 32 * 1024 * 1024}


class _Sessions(SecureCookieSessionInterface):
    """No signature is prepared to be checked where there is no cookie, or where none is looked at: in the API."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith("/api/v1/"):
            return None
        return super().open_session(app, request) if self.get_cookie_name(app) in request.cookies else self.session_class()


class _App(Flask):
    """Nothing here is a coroutine: Flask need not look for one, many times a request."""

    session_interface = _Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(settings: Settings) -> Flask:
    """The application of one process. Pages find what they work with by ``portal.of(current_app)``."""
    app = _App("services.portal.web")
    app.config.update(
        SECRET_KEY=derived_key(settings.master_key, b"portal sessions"),
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_PARTS=500,
        SESSION_COOKIE_NAME="minzheng",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=settings.production,
        TEMPLATES_AUTO_RELOAD=False,
        JSON_AS_ASCII=False,
    )
    app.url_map.merge_slashes = False  # an address with two is none of ours, and not to be said in English
    portal = Portal(settings)
    app.extensions["portal"] = portal
    watching.install(app)
    app.before_request(_how_much)  # before safety, which reads the form
    safety.install(app, portal)
    problems.install(app)
    shown.install(app, portal)
    identity.install(app, portal)
    for door in DOORS:
        importlib.import_module(f"services.portal.{door}").install(app, portal)
    return app


def _how_much() -> None:
    """A larger body is read only where one is due, and only of somebody who is logged in."""
    most = MOST_BYTES_OF.get(request.endpoint or "")
    if most is not None and session.get("token"):
        request.max_content_length = most
