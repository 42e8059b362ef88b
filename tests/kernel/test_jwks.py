"""Keys of the bureau's login at its JWKS address: found by name, rotated, kept while it is away, and never tricked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.domain.errors import Refused
from shared.security import tokens
from shared.security.tokens import KeySet, Verifier


class Login:
    """A login that publishes the keys it signs with, over HTTP."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Any]] = {}
        self.asked = 0
        self.away = False
        login = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                login.asked += 1
                if login.away:
                    self.send_error(503)
                    return
                body = json.dumps({"keys": [login.published(kid) for kid in login.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.uri = f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def add(self, kid: str, algorithm: str = "EdDSA", bits: int = 2048) -> None:
        made: Any = Ed25519PrivateKey.generate()
        if algorithm == "RS256":
            made = rsa.generate_private_key(65537, bits)
        elif algorithm == "ES256":
            made = ec.generate_private_key(ec.SECP256R1())
        self.keys[kid] = (algorithm, made)

    def published(self, kid: str) -> dict[str, Any]:
        algorithm, key = self.keys[kid]
        kind = {"EdDSA": jwt.algorithms.OKPAlgorithm, "ES256": jwt.algorithms.ECAlgorithm, "RS256": jwt.algorithms.RSAAlgorithm}[algorithm]
        public = json.loads(kind.to_jwk(key.public_key()))
        return {**public, "kid": kid, "alg": algorithm, "use": "sig"}

    def sign(self, kid: str, **changes: Any) -> str:
        algorithm, key = self.keys[kid]
        now = int(time.time())
        claims = {"sub": "staff:wang", "roles": ["clerk"], "division": "330225", "iss": "login", "aud": tokens.AUDIENCE, "exp": now + 600}
        return jwt.encode({**claims, **changes}, key, algorithm=algorithm, headers={"kid": kid})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def login() -> Iterator[Login]:
    made = Login()
    yield made
    made.stop()


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(verifier: Verifier, token: str) -> None:
    with pytest.raises(Refused) as found:
        verifier.hand(token)
    assert found.value.code == "unauthenticated"


@pytest.mark.parametrize("algorithm", tokens.ALGORITHMS)
def test_a_token_names_its_key(login: Login, algorithm: str) -> None:
    """Of each kind that is allowed; one fetch serves many tokens."""
    login.add("k1", algorithm)
    login.add("k2", algorithm)
    verifier = Verifier(None, login.uri)
    for kid in ("k1", "k2", "k1"):
        assert verifier.hand(login.sign(kid, iss=kid)).actor == "staff:wang"
    assert login.asked == 1


def test_a_new_key_is_found_when_a_token_names_it(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotation needs no restart, and no waiting once the half minute between two looks is over."""
    login.add("k1")
    verifier = Verifier(None, login.uri)
    verifier.hand(login.sign("k1"))
    login.add("k2")
    refused(verifier, login.sign("k2"))  # looked for only a moment ago
    monkeypatch.setattr(KeySet, "AGAIN", 0.0)
    fresh = Verifier(None, login.uri)
    fresh.hand(login.sign("k1"))
    login.add("k3")
    assert fresh.hand(login.sign("k3")).actor == "staff:wang"


def test_made_up_key_names_do_not_make_us_ask(login: Login) -> None:
    """A hundred tokens with a hundred unknown keys: one fetch."""
    login.add("k1")
    verifier = Verifier(None, login.uri)
    stranger = Login()
    for n in range(100):
        stranger.keys = {f"x{n}": ("EdDSA", Ed25519PrivateKey.generate())}
        refused(verifier, stranger.sign(f"x{n}"))
    stranger.stop()
    assert login.asked == 1


def test_while_the_login_is_away_its_keys_go_on_to_be_good(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are old and cannot be fetched: known ones stay."""
    monkeypatch.setattr(KeySet, "FRESH", 0.0)
    monkeypatch.setattr(KeySet, "AGAIN", 0.0)
    login.add("k1")
    verifier = Verifier(None, login.uri)
    verifier.hand(login.sign("k1"))
    login.away = True
    assert verifier.hand(login.sign("k1", sub="staff:li")).actor == "staff:li"
    assert login.asked > 1


def test_a_key_that_was_withdrawn_opens_nothing_more(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for a token that was good a moment ago and is remembered."""
    monkeypatch.setattr(KeySet, "FRESH", 0.0)
    login.add("k1")
    login.add("k2")
    verifier, token = Verifier(None, login.uri), login.sign("k1")
    verifier.hand(token)
    del login.keys["k1"]
    refused(verifier, token)


def test_a_key_that_was_replaced_under_its_name_opens_nothing_more(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the old key signed is forgotten at once, though the set has the same names as before; the new key is believed."""
    monkeypatch.setattr(KeySet, "FRESH", 0.0)
    login.add("k1")
    verifier, token = Verifier(None, login.uri), login.sign("k1")
    verifier.hand(token)
    login.add("k1")
    refused(verifier, token)
    assert verifier.hand(login.sign("k1")).actor == "staff:wang"


def test_nothing_but_the_named_keys_own_signature_is_believed(login: Login, tmp_path: Path) -> None:
    """A forged one under a known name, none at all, another algorithm, a shared secret made of the public key, a short RSA key."""
    login.add("k1", "RS256")
    verifier = Verifier(None, login.uri)
    forger = Login()
    forger.add("k1", "RS256")
    refused(verifier, forger.sign("k1"))
    forger.add("k1", "EdDSA")
    refused(verifier, forger.sign("k1"))
    forger.stop()
    now = int(time.time())
    claims = {"sub": "staff:wang", "roles": ["clerk"], "division": "330225", "iss": "x", "aud": tokens.AUDIENCE, "exp": now + 600}
    refused(verifier, jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"}))
    public = login.keys["k1"][1].public_key()
    raw = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = ".".join(_part(json.dumps(p).encode()) for p in ({"alg": "HS256", "kid": "k1"}, claims))
    refused(verifier, f"{signed}.{_part(hmac.new(raw, signed.encode(), hashlib.sha256).digest())}")
    refused(verifier, jwt.encode(claims, login.keys["k1"][1], algorithm="RS512", headers={"kid": "k1"}))
    refused(verifier, jwt.encode(claims, login.keys["k1"][1], algorithm="RS256"))  # names no key, and there is no file


def test_a_short_key_is_not_believed(login: Login) -> None:
    """An RSA key of 1024 bits signs nothing here."""
    login.add("weak", "RS256", bits=1024)
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = login.sign("weak")
    refused(Verifier(None, login.uri), token)


def test_the_file_and_the_address_stand_beside_each_other(login: Login, tmp_path: Path) -> None:
    """A token that names no key of the set goes by the file."""
    private, public = tmp_path / "token.key", tmp_path / "token.pub"
    tokens.development_keys(private, public)
    login.add("k1")
    verifier = Verifier(public, login.uri)
    assert verifier.hand(tokens.issue(private, "staff:file", ("clerk",), "330225")).actor == "staff:file"
    assert verifier.hand(login.sign("k1")).actor == "staff:wang"
