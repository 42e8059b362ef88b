"""Who is let in and how far: every route against every wrong token, headers, limits, and what no answer may carry."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter
from werkzeug.test import TestResponse

from services.portal.web.app import create_app
from shared.config import Settings, load
from shared.security import tokens
from shared.security.permissions import ROLES

EVERY_ROLE = tuple(r for r in ROLES if not r.startswith(tokens.SERVICE))
# What is for everybody: no token is asked for, and none makes a difference.
PUBLIC = ("/static/", "/sunshine", "/login", "/logout", "/api/openapi.json", "/healthz", "/readyz")
PUBLIC_ENDPOINTS = {"api_pages.index", "api_pages.operation", "sunshine.overview_overview"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A portal to which nothing is connected: whoever gets past the door would meet 503."""
    var = tmp_path_factory.mktemp("walk")
    told = load({"MINZHENG_VAR": str(var), "AMQP_URI": "amqp://guest:guest@127.0.0.1:1/", "EVENTSTORE_URI": "esdb://127.0.0.1:1?Tls=false"})
    assert told.token_private_key is not None
    assert told.token_public_key is not None
    tokens.development_keys(told.token_private_key, told.token_public_key)
    return dataclasses.replace(told, portal_rate="1000000/minute")


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as made:
        yield made


def private(settings: Settings) -> Path:
    assert settings.token_private_key is not None
    return settings.token_private_key


def forged(settings: Settings, division: str = "330225") -> str:
    """A token with all roles that somebody signed with a key of his own."""
    now = int(time.time())
    claims = {"sub": "staff:x", "roles": list(EVERY_ROLE), "division": division, "iss": "x", "aud": tokens.AUDIENCE, "exp": now + 600}
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return jwt.encode(claims, pem, algorithm="EdDSA")


def wrong_tokens(settings: Settings) -> dict[str, str]:
    key = private(settings)
    public = settings.token_public_key
    assert public is not None
    until = int(time.time()) + 600
    claims = {"sub": "staff:x", "roles": list(EVERY_ROLE), "division": "330225", "iss": "x", "aud": tokens.AUDIENCE, "exp": until}
    unsigned = jwt.encode(claims, None, algorithm="none")
    good = tokens.issue(key, "staff:x", EVERY_ROLE, "330225")
    head, body, signature = good.split(".")
    return {
        "none": "",
        "garbage": "x.y.z",
        "forged": forged(settings),
        "unsigned": unsigned,
        "changed": ".".join((head, body[:-2] + ("AA" if body[-2:] != "AA" else "BB"), signature)),
        "another audience": jwt.encode(claims | {"aud": "elsewhere"}, key.read_text(), algorithm="EdDSA"),
        "expired": tokens.issue(key, "staff:x", EVERY_ROLE, "330225", seconds=-60),
        "foreign division": tokens.issue(key, "staff:x", EVERY_ROLE, "330226"),
        "province": tokens.issue(key, "staff:x", EVERY_ROLE, "330000"),
    }


def _something(kind: BaseConverter) -> object:
    if isinstance(kind, AnyConverter):
        return min(kind.items)
    return 1 if isinstance(kind, IntegerConverter) else "x"


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(method, path, endpoint) of every route, with something for every variable part."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            parts = {name: _something(rule._converters[name]) for name in rule.arguments}
            built = rule.build(parts, append_unknown=False)
            assert built is not None
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, built[1], rule.endpoint


def ask(client: FlaskClient, method: str, path: str, token: str) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.open(path, method=method, headers=headers)


def test_no_wrong_token_opens_any_operation(app: Flask, client: FlaskClient, settings: Settings) -> None:
    """Every operation of the API, with and without a body: 401 without or with a wrong token, 403 for another district's hand."""
    walked = [(m, p) for m, p, _ in routes(app) if p.startswith("/api/v1/")]
    assert len(walked) > 300
    for name, token in wrong_tokens(settings).items():
        expected = 403 if name in ("foreign division", "province") else 401
        for method, path in walked:
            answer = ask(client, method, path, token)
            assert (answer.status_code, answer.content_type) == (expected, "application/problem+json"), (name, path)
            if expected == 401:
                assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_cookie_is_nobody_to_the_api(app: Flask, client: FlaskClient, settings: Settings) -> None:
    """The API knows the Authorization header alone: a cookie that another site could make a browser send opens nothing."""
    with client.session_transaction() as session:
        session["token"] = tokens.issue(private(settings), "staff:x", EVERY_ROLE, "330225")
    assert client.get("/desk").status_code != 401
    for method, path in [(m, p) for m, p, _ in routes(app) if p.startswith("/api/v1/")][:20]:
        assert client.open(path, method=method).status_code == 401


def test_no_wrong_token_opens_any_page(app: Flask, client: FlaskClient, settings: Settings) -> None:
    """Pages that are for somebody send everybody else to the login, or say no; what is public is named here."""
    guarded = [(m, p) for m, p, e in routes(app) if not p.startswith(("/api/v1/", *PUBLIC)) and e not in PUBLIC_ENDPOINTS]
    assert len(guarded) > 10
    for name, token in wrong_tokens(settings).items():
        for method, path in guarded:
            with client.session_transaction() as session:
                session.clear()
                session["token"] = token
            answer = client.open(path, method=method)
            sent = answer.status_code == 302 and answer.headers["Location"].startswith("/login")
            no_form_of_ours = method != "GET" and answer.status_code == 400
            assert sent or no_form_of_ours or answer.status_code in (401, 403, 308), (name, method, path, answer.status_code)


def test_a_hand_without_the_permission_is_refused_before_its_input_is_read(app: Flask, client: FlaskClient, settings: Settings) -> None:
    """A cashier sends nonsense to where clerks work: 403, not 422."""
    token = tokens.issue(private(settings), "staff:cashier", ("cashier",), "330225")
    answer = client.post("/api/v1/assistance/accept_application", headers={"Authorization": f"Bearer {token}"}, data=b"{")
    assert answer.status_code == 403


def test_a_broker_that_is_away_is_told_at_once(client: FlaskClient, settings: Settings) -> None:
    """Nobody listens there: 503 with Retry-After."""
    token = tokens.issue(private(settings), "staff:clerk", ("clerk",), "330225")
    answer = client.get("/api/v1/assistance/list_programmes", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_every_answer_is_safe(client: FlaskClient, settings: Settings) -> None:
    """Headers of the API's answers, refusals too, and of the document; no cookie, nothing kept by caches, no limit told."""
    for path in ("/api", "/api/openapi.json", "/api/v1/assistance/list_programmes", "/api/v1/nothing", "/login"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "Retry-After" not in headers
        assert path == "/login" or "Set-Cookie" not in headers


def test_whoever_asks_too_often_is_told_when_to_come_back(settings: Settings) -> None:
    """Three a minute of one token; another token at the same address goes on, until the address itself has had ten times as many."""
    app = create_app(dataclasses.replace(settings, portal_rate="3/minute"))
    from services.portal.web.safety import limiter

    limiter.reset()
    one, two = (tokens.issue(private(settings), f"staff:{n}", ("cashier",), "330225") for n in ("one", "two"))
    path = "/api/v1/assistance/accept_application"
    with app.test_client() as client:
        assert [ask(client, "POST", path, one).status_code for _ in range(4)] == [403, 403, 403, 429]
        told = ask(client, "POST", path, one)
        assert told.content_type == "application/problem+json"
        assert 0 < int(told.headers["Retry-After"]) <= 61
        assert ask(client, "POST", path, two).status_code == 403
        statuses = [ask(client, "POST", path, forged(settings)).status_code for _ in range(30)]
        assert statuses[0] == 401
        assert statuses[-1] == 429, "a new forged token each time is still the same address"
        for _ in range(40):
            with client.get("/static/minzheng.css") as style:
                assert style.status_code == 200
    limiter.reset()


def test_behind_a_proxy_the_address_is_the_one_the_proxy_saw(settings: Settings) -> None:
    """X-Forwarded-For counts only where a proxy was named; otherwise anybody could be a new address each time."""
    from services.portal.web.safety import limiter

    for proxies, expected in ((1, 302), (0, 429)):
        limiter.reset()
        app = create_app(dataclasses.replace(settings, portal_rate="2/minute", portal_proxies=proxies))
        with app.test_client() as client:
            for n in range(3):
                answer = client.get("/desk/everything", headers={"X-Forwarded-For": f"192.0.2.{n}"})
            assert answer.status_code == expected, proxies
    limiter.reset()
