"""Signed tokens (令牌): who calls, in which roles, for which division. JWTs; the house only verifies.

Claims: sub (staff id, never a name), roles (list), division (GB/T 2260 code), iss, aud "minzheng", iat, exp. The private
key belongs to the bureau's login; ``minzheng token`` signs with a development key that production never has. The login's public key is a
file (Ed25519), or its keys are fetched from its JWKS address, where they may change at any time: a token names its key by ``kid``.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import logs
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand
from shared.security.permissions import ROLES

AUDIENCE = "minzheng"
SERVICE = "service:"  # the services' own roles: no token carries one, not even a signed one
ALGORITHMS = ["EdDSA", "RS256", "ES256"]  # of a login's key set; never "none", never a shared secret
_KEPT = 5_000
_MOST_ID = 100  # characters of a staff id
LEEWAY = 10  # seconds by which the login's clock may be before or behind ours


def development_keys(private: Path, public: Path) -> None:
    """Make the development key pair on first use; the first of two processes wins."""
    if private.exists() and public.exists():
        return
    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own = f"{os.getpid()}-{secrets.token_hex(4)}"  # of this call: two threads may meet here as well as two processes
    new = private.with_suffix(f".{own}")
    new.touch(mode=0o600)
    new.write_bytes(pem)
    try:
        os.link(new, private)
    except FileExistsError:
        pass
    new.unlink()
    kept = serialization.load_pem_private_key(private.read_bytes(), None)
    half = public.with_suffix(f".{own}-pub")
    half.write_bytes(kept.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    os.replace(half, public)


def issue(private: Path, actor: str, roles: Sequence[str], division: str, seconds: int = 8 * 3600) -> str:
    """Sign a token (development). Unknown roles are refused so that a typing slip does not end as "forbidden"."""
    unknown = {r for r in roles if r not in ROLES or r.startswith(SERVICE)}
    if unknown:
        raise Refused("invalid_input", f"未知角色：{'、'.join(sorted(unknown))}。", "roles")
    now = int(time.time())
    claims = {
        "sub": actor,
        "roles": list(roles),
        "division": divisions.check(division),
        "iss": "development",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + seconds,
    }
    return jwt.encode(claims, private.read_text(), algorithm="EdDSA")


class KeySet:
    """The login's keys at its JWKS address (公钥集): fetched when one is needed, kept for five minutes, and longer while it is away.

    A ``kid`` that is not known is looked for at once, as keys change, but not more often than every half minute: anybody can make up one.
    """

    FRESH, AGAIN = 300.0, 30.0  # seconds

    def __init__(self, uri: str) -> None:
        self._client = jwt.PyJWKClient(uri, cache_jwk_set=False, timeout=3)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._stale_at = self._again_at = 0.0
        self._lock = threading.Lock()
        self.changes = 0  # how often the keys became others

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of that name, if it is one that may sign tokens."""
        if self._due(kid):
            with self._lock:  # one asks; whoever needs the answer waits for it
                if self._due(kid):
                    self._fetch()
        return self._keys.get(kid)

    def refresh(self) -> None:
        """Fetch the keys when those that are kept are old: one that was withdrawn must not open anything for longer than that."""
        if time.monotonic() >= self._stale_at and self._lock.acquire(blocking=False):
            try:
                self._fetch()
            finally:
                self._lock.release()

    def _due(self, kid: str) -> bool:
        now = time.monotonic()
        return now >= self._stale_at or (kid not in self._keys and now >= self._again_at)

    def _fetch(self) -> None:
        try:
            found = {k.key_id: k for k in self._client.get_signing_keys() if k.key_id and k.algorithm_name in ALGORITHMS}
        except (jwt.PyJWTError, OSError, ValueError) as error:
            logs.warn("jwks_unavailable", error=type(error).__name__)  # the keys that are known go on to be good
            found = self._keys
            self._stale_at = time.monotonic() + self.AGAIN
        else:
            self._stale_at = time.monotonic() + self.FRESH
        self._again_at = time.monotonic() + self.AGAIN
        if _themselves(found) != _themselves(self._keys):  # another key may have come under an old name
            self.changes += 1
        self._keys = found


def _themselves(keys: dict[str, jwt.PyJWK]) -> dict[str, Any]:
    """The keys by what they are, and not only by what they are called."""
    return {kid: (key.algorithm_name, key.key) for kid, key in keys.items()}


def _actor(sub: str) -> str:
    """The staff id of a token. It stands in the clear in every event of his and in log lines, so a login that puts the resident ID there
    lets nobody in; nor does one that gives somebody the name of a service, whose acts are nobody's."""
    fits = sub.strip() and len(sub) <= _MOST_ID and sub.isprintable() and not sub.startswith(SERVICE)
    if not fits or resident_ids.stands_in(sub):
        raise jwt.InvalidTokenError
    return sub


class Verifier:
    """Checks tokens against the login's keys; remembers good ones until they expire (a signature check costs 0.1 ms) or the keys change."""

    def __init__(self, public: Path | None, jwks: str = "") -> None:
        self._public = public.read_text() if public is not None else ""
        self._set = KeySet(jwks) if jwks else None
        self._seen = 0  # changes of the key set that what is remembered goes by
        self._good: OrderedDict[bytes, tuple[float, Hand]] = OrderedDict()
        self._lock = threading.Lock()

    def hand(self, token: object) -> Hand:
        """Whoever holds this token; Refused("unauthenticated") for a missing, forged or expired one."""
        if not isinstance(token, str) or not token:
            raise Refused("unauthenticated", "缺少登录令牌。", None)
        key = hashlib.sha256(token.encode()).digest()
        self._forget_if_keys_changed()
        with self._lock:
            kept = self._good.get(key)
        if kept is not None and kept[0] > time.time():
            return kept[1]
        try:
            claims = self._claims(token)
            roles = claims["roles"]
            known = frozenset(str(r) for r in roles if r in ROLES and not r.startswith(SERVICE))
            hand = Hand(_actor(claims["sub"]), known, divisions.check(str(claims["division"])))
        except jwt.ExpiredSignatureError:
            raise Refused("unauthenticated", "登录令牌已过期。", None) from None
        except (jwt.PyJWTError, KeyError, TypeError, Refused):
            raise Refused("unauthenticated", "登录令牌无效。", None) from None
        with self._lock:
            self._good[key] = (float(claims["exp"]), hand)
            while len(self._good) > _KEPT:
                self._good.popitem(last=False)
        return hand

    def _claims(self, token: str) -> dict[str, Any]:
        head = jwt.get_unverified_header(token)
        found = self._set.find(str(head["kid"])) if self._set is not None and "kid" in head else None
        if found is not None and head.get("alg") != found.algorithm_name:
            raise jwt.InvalidAlgorithmError
        key, algorithms = (found, ALGORITHMS) if found is not None else (self._public, ["EdDSA"])
        if not key:
            raise jwt.InvalidKeyError
        options: Any = {"require": ["sub", "exp", "iss"], "enforce_minimum_key_length": True}
        return jwt.decode(token, key, algorithms=algorithms, audience=AUDIENCE, options=options, leeway=LEEWAY)

    def _forget_if_keys_changed(self) -> None:
        if self._set is None:
            return
        self._set.refresh()
        if self._set.changes != self._seen:
            with self._lock:
                self._seen = self._set.changes
                self._good.clear()
