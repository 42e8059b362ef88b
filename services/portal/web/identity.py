"""Who is asking (身份): a signed token, in the Authorization header of the API or, for pages, in the session's cookie.

Tokens are made by the bureau's own login; whoever comes from there posts the token to /login. ``/login/development`` issues tokens by
itself, and is there only when MINZHENG_DEV_LOGIN is set, which production refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from services.portal.web import portal as portals
from services.portal.web.portal import Portal
from services.portal.web.problems import status_of
from services.portal.web.safety import for_everybody, limiter
from shared.domain import division as divisions
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.orders import Hand
from shared.security import tokens
from shared.security.permissions import ROLES

F = TypeVar("F", bound=Callable[..., Any])
pages = Blueprint("identity", __name__)
# Roles as a person on duty would call them (岗位); those not named here are shown by their code.
ROLE_NAMES = {
    "clerk": "经办",
    "reviewer": "审核",
    "approver": "确认",
    "cashier": "发放",
    "registrar": "登记",
    "funeral_officer": "惠民殡葬经办",
    "auditor": "审计",
    "operator": "运行维护",
    "data_protection_officer": "个人信息保护经办",
    "data_protection_supervisor": "个人信息保护负责人",
}


HOMES = {"auditor": "/audit", "operator": "/ops"}  # where those begin who do not begin at the desk


@dataclass(frozen=True)
class Visitor:
    """Somebody who is logged in: the token is passed on to the services, which check it again."""

    token: str
    hand: Hand

    def may(self, permission: str) -> bool:
        """Whether a role of theirs carries the permission: for what a page offers; the service decides."""
        service = permission.split(":", 1)[0]
        return any(permission in ROLES.get(r, ()) or f"{service}:*" in ROLES.get(r, ()) for r in self.hand.roles)


def bearer() -> Visitor:
    """The caller of the API; Refused("unauthenticated") when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("unauthenticated", "缺少登录令牌。", None)
    return _known(token.strip())


def visitor() -> Visitor | None:
    """Who is logged in on this page, or None; ``turned_away`` says why."""
    if "visitor" not in g:
        g.visitor, g.refused = None, None
        token = session.get("token")
        if not session and request.cookies.get(current_app.config["SESSION_COOKIE_NAME"]):
            g.refused = Refused("unauthenticated", "登录已失效，请重新登录。", None)  # a cookie that we did not sign, or not lately
            session.clear()
        try:
            g.visitor = _known(token) if token else None
        except Refused as refused:
            g.refused = refused
            if not isinstance(refused, Unavailable):  # the login's keys cannot be had just now: nobody is logged out for that
                session.clear()
    return cast("Visitor | None", g.visitor)


def turned_away() -> Refused | None:
    """Why nobody is logged in on this page; None when somebody is."""
    if visitor() is not None:
        return None
    return g.refused or Refused("unauthenticated", "请先登录。", None)


def for_somebody(view: Any) -> bool:
    """Whether a view is behind ``logged_in``."""
    return bool(getattr(view, "for_somebody", False))


def _known(token: str) -> Visitor:
    """Whoever holds this token; refused when it is for another district than the house's, which has nothing here for its holder."""
    portal = portals.of(current_app)
    hand = portal.verifier.hand(token)
    if not divisions.covers(portal.profile.division_code, hand.division):
        raise Refused("wrong_division", "不在本辖区内，无权办理。", "division")
    return Visitor(token, hand)


def who() -> Visitor:
    """Whoever is logged in, on a page behind ``logged_in`` or ``with_permission``."""
    refused = turned_away()
    if refused is not None:
        raise refused
    return cast(Visitor, visitor())


def logged_in(view: F) -> F:
    """A page for whoever is logged in. A browser that shows nothing is sent to the login and back; whoever shows a token that is none, or
    sends a form, is refused on a page that has the way there: nothing that was sent is dropped without a word."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refused = turned_away()
        if refused is None:
            return view(*args, **kwargs)
        wants_pages = "Accept" not in request.headers or request.accept_mimetypes.accept_html
        if g.refused is not None or request.method not in ("GET", "HEAD") or not wants_pages:
            raise refused
        return redirect(way_in())

    cast(Any, guarded).for_somebody = True
    return cast(F, guarded)


def way_in() -> str:
    """The login's address, and behind it the page that was asked for."""
    return url_for("identity.login", next=request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None)


def with_permission(*permissions: str) -> Callable[[F], F]:
    """A page for hands that hold one of these permissions."""

    def guard(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not any(who().may(p) for p in permissions):
                raise Refused("forbidden", "您的岗位无权查看此页面。", None)
            return view(*args, **kwargs)

        return logged_in(cast(F, guarded))

    return guard


def _safe(target: str | None) -> str:
    """Only an address of this server: a login must not send anybody elsewhere. "" where none is given, or what is no line of a header."""
    if not target or not target.isprintable() or not target.startswith("/") or target.startswith(("//", "/\\")):
        return ""
    parts = urlsplit(target)
    return "" if parts.scheme or parts.netloc else target


def _home(hand: Hand) -> str:
    """Where somebody of these posts begins."""
    return next((HOMES[role] for role in sorted(hand.roles) if role in HOMES), "/desk")


def _enter(token: str) -> Response:
    known = _known(token)
    session.clear()
    session["token"] = token
    return redirect(_safe(request.form.get("next")) or _home(known.hand))


@pages.get("/login")
def login() -> Any:
    """登录页。"""
    return render_template("login.html", next=_safe(request.args.get("next")), **_offered(portals.of(current_app)))


@pages.post("/login")
@limiter.limit("20/minute")  # of an address, whatever token it shows
def enter() -> Any:
    """登录：提交本单位统一登录签发的令牌。"""
    try:
        return _enter(request.form.get("token", "").strip())
    except Refused as refused:
        page = render_template(
            "login.html", next=_safe(request.form.get("next")), refused=refused.message, **_offered(portals.of(current_app))
        )
        return page, status_of(refused)


@pages.post("/logout")
def leave() -> Any:
    """退出。"""
    session.clear()
    return redirect("/login")


def _development() -> Any:
    portal = portals.of(current_app)
    assert portal.settings.token_private_key is not None
    roles = [r for r in request.form.getlist("role") if r in ROLES]
    if not roles:
        raise Refused("invalid_input", "请选择岗位。", "role")
    actor = f"staff:{roles[0].replace('_', '-')}-01"
    return _enter(tokens.issue(portal.settings.token_private_key, actor, roles, request.form.get("division", "")))


def _offered(portal: Portal) -> dict[str, Any]:
    roles = {r: ROLE_NAMES.get(r, r) for r in ROLES if not r.startswith(tokens.SERVICE)} if portal.settings.development_login else {}
    return {"development_roles": roles, "division": portal.profile.division_code}


def install(app: Flask, portal: Portal) -> None:
    """Login pages; the development issuer only behind its flag."""
    if portal.settings.development_login:
        private, public = portal.settings.token_private_key, portal.settings.token_public_key
        assert private is not None
        assert public is not None
        tokens.development_keys(private, public)
        pages_of_development = Blueprint("development", __name__)
        pages_of_development.post("/login/development")(_development)
        app.register_blueprint(pages_of_development)
    app.register_blueprint(pages)

    @app.context_processor
    def _who() -> dict[str, Any]:
        return {"visitor": None if for_everybody() else visitor(), "role_names": ROLE_NAMES, "way_in": way_in}
