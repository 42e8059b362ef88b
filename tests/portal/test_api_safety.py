"""Who is let in and how far: every route against every wrong token, headers, limits, and what no answer may carry."""

from __future__ import annotations

import dataclasses
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter
from werkzeug.test import TestResponse

from services.portal.web import portal as portal_of_the_house
from services.portal.web import safety
from services.portal.web.app import create_app
from services.portal.web.often import Limiter
from shared.config import Settings
from shared.messaging.wire import holds_resident_id
from shared.security import tokens
from shared.security.permissions import ROLES
from tests.portal.nowhere import unconnected

EVERY_ROLE = tuple(r for r in ROLES if not r.startswith(tokens.SERVICE))
# What is for everybody: no token is asked for, and none makes a difference.
PUBLIC = ("/static/", "/sunshine", "/login", "/logout", "/api/openapi.json", "/healthz", "/readyz")
PUBLIC_ENDPOINTS = {"api_pages.index", "api_pages.operation", "sunshine.overview_overview"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return unconnected(tmp_path_factory.mktemp("walk"))


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


def guarded(app: Flask) -> list[tuple[str, str]]:
    """(method, path) of every page that is for somebody; what is public is named above."""
    found = [(m, p) for m, p, e in routes(app) if not p.startswith(("/api/v1/", *PUBLIC)) and e not in PUBLIC_ENDPOINTS]
    assert len([m for m, _ in found if m == "GET"]) > 10
    assert len([m for m, _ in found if m == "POST"]) > 5
    return found


def is_page_with_the_way_in(answer: TestResponse, status: int) -> bool:
    """A page in Chinese that says no and leads to the login."""
    return (answer.status_code, answer.mimetype) == (status, "text/html") and 'href="/login' in answer.text


@pytest.mark.parametrize("checked", [True, False], ids=["as it is", "a form of ours"])
def test_no_wrong_token_opens_any_page(settings: Settings, checked: bool) -> None:
    """Every page and every form, with a session in which a wrong token is: 401, or 403 of another district's hand, on a page that has the
    way to the login. Once as a form comes that another site sends, once as if our own page had sent it."""
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = checked
    with app.test_client() as client:
        for name, token in wrong_tokens(settings).items():
            expected = 403 if name in ("foreign division", "province") else 401
            for method, path in guarded(app) if token else ():
                with client.session_transaction() as session:
                    session.clear()
                    session["token"] = token
                answer = client.open(path, method=method)
                assert is_page_with_the_way_in(answer, expected), (name, method, path, answer.status_code)
                assert expected == 403 or answer.headers["WWW-Authenticate"] == "Bearer"


def test_no_forged_or_old_cookie_opens_any_page(app: Flask, settings: Settings) -> None:
    """A cookie that somebody signed himself, one that is none, and one of ours that is older than a session may be: 401, and it is taken
    away, so that whoever comes again without one is sent to the login."""
    good = {"token": tokens.issue(private(settings), "staff:x", EVERY_ROLE, "330225")}
    ours = SecureCookieSessionInterface().get_signing_serializer(app)
    assert ours is not None
    other = Flask("other")
    other.secret_key = "x" * 32
    theirs = SecureCookieSessionInterface().get_signing_serializer(other)
    assert theirs is not None
    made = str(ours.dumps(good))
    head, _, signature = made.rpartition(".")
    body, _, at = head.rpartition(".")
    later = at[:-1] + ("B" if at.endswith("A") else "A")
    cookies = {"signed by another": str(theirs.dumps(good)), "none": "x.y.z", "a later time": f"{body}.{later}.{signature}"}
    with app.test_client() as client:
        client.set_cookie("minzheng", made)
        assert client.get("/desk/find").status_code == 200, "as it is signed here it opens something"
        for name, cookie in cookies.items():
            for method, path in guarded(app):
                client.set_cookie("minzheng", cookie)
                answer = client.open(path, method=method)
                assert is_page_with_the_way_in(answer, 401), (name, method, path, answer.status_code)
                assert client.get_cookie("minzheng") is None
        app.permanent_session_lifetime, kept = timedelta(seconds=-1), app.permanent_session_lifetime
        try:
            client.set_cookie("minzheng", made)
            assert is_page_with_the_way_in(client.get("/desk/find"), 401)
        finally:
            app.permanent_session_lifetime = kept


def test_a_browser_that_shows_nothing_is_sent_to_the_login(app: Flask, client: FlaskClient) -> None:
    """To every page it comes back to behind the login; a form it sends, and a program that wants no page, is told that nobody is in."""
    for method, path in guarded(app):
        answer = client.open(path, method=method, headers={"Accept": "text/html,*/*;q=0.8"})
        if method == "GET":
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/login?next=/"), path
            assert client.get(path, headers={"Accept": "application/json"}).status_code == 401
        else:
            assert is_page_with_the_way_in(answer, 401), (path, answer.status_code)


def test_no_form_is_taken_from_another_site(app: Flask, client: FlaskClient, settings: Settings) -> None:
    """Every form of every page, the public ones too, with a good token but without what only our own pages know: refused."""
    nothing_changes = "/sunshine/verify"  # looks receipts and checkpoints over, for whoever has some
    forms = [p for m, p, _ in routes(app) if m == "POST" and not p.startswith(("/api/v1/", nothing_changes))]
    assert len(forms) > 5
    with client.session_transaction() as session:
        session["token"] = tokens.issue(private(settings), "staff:x", EVERY_ROLE, "330225")
    assert {p: client.post(p).status_code for p in forms} == dict.fromkeys(forms, 400)


def test_a_hand_without_the_permission_is_refused_before_its_input_is_read(app: Flask, client: FlaskClient, settings: Settings) -> None:
    """A cashier sends nonsense to where clerks work: 403, not 422."""
    token = tokens.issue(private(settings), "staff:cashier", ("cashier",), "330225")
    answer = client.post("/api/v1/assistance/accept_application", headers={"Authorization": f"Bearer {token}"}, data=b"{")
    assert answer.status_code == 403


def test_a_broker_that_is_away_is_told_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: 503 with Retry-After. A call that waited its time out would wait an hour, which no test lives to see."""
    monkeypatch.setattr(portal_of_the_house, "RPC_TIMEOUT", 3600.0)
    token = tokens.issue(private(settings), "staff:clerk", ("clerk",), "330225")
    app = create_app(settings)
    with app.test_client() as client:
        answer = client.get("/api/v1/assistance/list_programmes", headers={"Authorization": f"Bearer {token}"})
    app.extensions["portal"].close()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_log_that_is_away_is_told_on_public_pages(settings: Settings) -> None:
    """What is read from the log itself, by page and as a file: 503 with Retry-After, and no fault."""
    app = create_app(settings)
    with app.test_client() as client:
        for path in ("/sunshine/verify", "/sunshine/verify/consistency", "/sunshine/verify/consistency.json?older=1&newer=2"):
            answer = client.get(path)
            assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True), path
    app.extensions["portal"].close()


def test_every_answer_is_safe(client: FlaskClient, settings: Settings) -> None:
    """Headers of the API's answers, refusals too, and of the document; no cookie, nothing kept by caches, no limit told."""
    for path in ("/api", "/api/openapi.json", "/api/v1/assistance/list_programmes", "/api/v1/nothing", "/login"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Retry-After" not in headers
        assert path == "/login" or "Set-Cookie" not in headers


def test_whoever_asks_too_often_is_told_when_to_come_back(settings: Settings) -> None:
    """Three a minute of one token; another token at the same address goes on, until the address itself has had ten times as many."""
    app = create_app(dataclasses.replace(settings, portal_rate="3/minute"))
    safety.limiter.reset()
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
    safety.limiter.reset()


def test_one_address_writes_few_objections_whatever_case_they_are_about(settings: Settings) -> None:
    """Counted over all of them, whatever becomes of each; who reads is not counted."""
    app = create_app(dataclasses.replace(settings, objection_rate="2/minute;50/day"))
    app.config["WTF_CSRF_ENABLED"] = False
    safety.limiter.reset()
    with app.test_client() as client:
        sent = [client.post(f"/sunshine/proposals/{uuid.uuid4()}/objection").status_code for _ in range(4)]
        assert 429 not in sent[:2]
        assert sent[2:] == [429, 429]
        assert client.get("/login").status_code == 200
    safety.limiter.reset()


def limited(settings: Settings, rate: str) -> Flask:
    """An application that lets so many through; nobody has been counted yet."""
    app = create_app(dataclasses.replace(settings, portal_rate=rate))
    safety.limiter.reset()
    return app


def let_through(limiter: Limiter, rate: str, tries: int) -> list[bool]:
    """Which of so many tries of one asker are let through."""

    def once(_n: int) -> bool:
        try:
            limiter.hit("asker", rate)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(once, range(tries)))


def test_many_at_once_are_all_counted() -> None:
    """Of eight threads at once each request counts: exactly as many are let through as may."""
    assert sum(let_through(Limiter(lambda: 600.0), "150/minute", 400)) == 150


def test_the_window_slides_and_what_is_over_is_forgotten() -> None:
    """Half of a minute that is half gone still counts; who is refused is told when there is room, and there is; later nothing is kept."""
    at = [600.0]
    limiter = Limiter(lambda: at[0])
    assert let_through(limiter, "4/minute;9/hour", 6).count(True) == 4
    at[0] = 690.0
    assert let_through(limiter, "4/minute;9/hour", 6).count(True) == 2
    with pytest.raises(TooManyRequests) as told:
        limiter.hit("asker", "4/minute;9/hour")
    assert isinstance(told.value.retry_after, int)
    at[0] += told.value.retry_after
    limiter.hit("asker", "4/minute;9/hour")
    at[0] = 780.0
    assert let_through(limiter, "4/minute;9/hour", 6).count(True) == 2, "the hour's nine are full"
    assert set(limiter.counted) == {("asker", 60), ("asker", 3600)}
    at[0] = 3600.0 * 2
    limiter.hit("another", "1/minute")
    assert list(limiter.counted) == [("another", 60)]


def test_everybody_who_is_logged_in_is_counted_for_himself(settings: Settings) -> None:
    """A whole office comes from one address: by the session's token each has his own three a minute, by no name at all they share them."""
    app = limited(settings, "3/minute")
    for n in ("one", "two"):
        with app.test_client() as client:
            with client.session_transaction() as session:
                session["token"] = tokens.issue(private(settings), f"staff:{n}", ("clerk",), "330225")
            assert [client.get("/desk/find").status_code for _ in range(4)] == [200, 200, 200, 429]
    first, second = app.test_client(), app.test_client()
    assert [c.get("/desk/find").status_code for c in (first, second, first, second)] == [302, 302, 302, 429]
    safety.limiter.reset()


def test_a_form_that_is_refused_counts_as_well(settings: Settings) -> None:
    """Whoever sends forms that are none of ours has had his three a minute with them."""
    app = limited(settings, "3/minute")
    with app.test_client() as client:
        assert [client.post("/login").status_code for _ in range(4)] == [400, 400, 400, 429]
    safety.limiter.reset()


def test_no_made_up_token_gives_more_tries_to_log_in(settings: Settings) -> None:
    """Twenty a minute of one address, whatever the Authorization header says."""
    app = limited(settings, "1000/minute")
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_client() as client:
        tries = [client.post("/login", data={"token": "x.y.z"}, headers={"Authorization": f"Bearer {n}"}).status_code for n in range(21)]
    assert tries == [401] * 20 + [429]
    safety.limiter.reset()


def test_whatever_stands_behind_next_a_login_is_a_login(settings: Settings) -> None:
    """To the page that was asked for if it is one of ours; to where one begins if it is elsewhere, or holds what no header can."""
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    safety.limiter.reset()
    token = tokens.issue(private(settings), "staff:x", ("clerk",), "330225")
    leads = {"/desk/find?x=//evil": "/desk/find?x=//evil", "/.//evil": "/.//evil"}
    elsewhere = ("//evil", "/\\evil", "/\t/evil", "https://evil", "/\r\nX: y", "/desk\n", "javascript:x", "", " //evil")
    leads |= dict.fromkeys(elsewhere, "/desk")
    with app.test_client() as client:
        for target, place in leads.items():
            answer = client.post("/login", data={"token": token, "next": target})
            assert (answer.status_code, answer.headers.get("Location")) == (302, place), repr(target)
    safety.limiter.reset()


def test_in_production_behind_a_proxy_a_form_can_be_sent(settings: Settings) -> None:
    """Over https a form must say from which page it comes; what a browser says of that follows from our own policy."""
    app = create_app(dataclasses.replace(settings, mode="production", portal_proxies=1))
    place, https = "https://mz.example.gov.cn", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    with app.test_client() as client:
        page = client.get("/login", base_url="http://mz.example.gov.cn", headers=https)
        assert page.headers["Referrer-Policy"] == "same-origin", "with none a browser would not say it to us either"
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found is not None
        form = {"csrf_token": found[1], "token": tokens.issue(private(settings), "staff:x", ("clerk",), "330225")}

        def sent(page: str) -> int:
            said = https | ({"Referer": page} if page else {})
            return client.post("/login", base_url="http://mz.example.gov.cn", headers=said, data=form).status_code

        assert sent("") == 400
        assert sent("https://elsewhere.example.org/login") == 400
        assert sent(f"{place}/login") == 302


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_a_resident_id_in_an_address_is_refused_however_often_it_is_encoded(client: FlaskClient, times: int) -> None:
    """Percent-encoded once, twice, thrice; and what is encoded more often than anybody would is refused as that."""
    text = "110101199001011237"
    text = text[:-1] + next(c for c in "0123456789X" if holds_resident_id(text[:-1] + c))
    for _ in range(times):
        text = "".join(f"%{ord(c):02x}" for c in text)
    for path in (f"/api/v1/assistance/list_cases?subject_id={text}", f"/sunshine?q={text}"):
        answer = client.get(path)
        assert answer.status_code == 422, path
        assert "身份证" in answer.text
    for _ in range(3):
        text = text.replace("%", "%25")
    assert client.get(f"/sunshine?q={text}").status_code == 422


def test_behind_a_proxy_the_address_is_the_one_the_proxy_saw(settings: Settings) -> None:
    """X-Forwarded-For counts only where a proxy was named; otherwise anybody could be a new address each time."""
    for proxies, expected in ((1, 302), (0, 429)):
        safety.limiter.reset()
        app = create_app(dataclasses.replace(settings, portal_rate="2/minute", portal_proxies=proxies))
        with app.test_client() as client:
            for n in range(3):
                answer = client.get("/desk/everything", headers={"X-Forwarded-For": f"192.0.2.{n}"})
            assert answer.status_code == expected, proxies
    safety.limiter.reset()
