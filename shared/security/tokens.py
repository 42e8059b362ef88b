"""Signed tokens (令牌): who calls, in which roles, for which division. Ed25519 JWTs; the house only verifies.

Claims: sub (staff id, never a name), roles (list), division (GB/T 2260 code), iss, aud "minzheng", iat, exp. The private
key belongs to the bureau's login; ``minzheng token`` signs with a development key that production never has.
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

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.domain import division as divisions
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand
from shared.security.permissions import ROLES

AUDIENCE = "minzheng"
SERVICE = "service:"  # the services' own roles: no token carries one, not even a signed one
_KEPT = 5_000


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


class Verifier:
    """Checks tokens against the public key; remembers good ones until they expire (a signature check costs 0.1 ms)."""

    def __init__(self, public: Path) -> None:
        self._public = public.read_text()
        self._good: OrderedDict[bytes, tuple[float, Hand]] = OrderedDict()
        self._lock = threading.Lock()

    def hand(self, token: object) -> Hand:
        """Whoever holds this token; Refused("unauthenticated") for a missing, forged or expired one."""
        if not isinstance(token, str) or not token:
            raise Refused("unauthenticated", "缺少登录令牌。", None)
        key = hashlib.sha256(token.encode()).digest()
        with self._lock:
            kept = self._good.get(key)
        if kept is not None and kept[0] > time.time():
            return kept[1]
        try:
            claims = jwt.decode(token, self._public, algorithms=["EdDSA"], audience=AUDIENCE, options={"require": ["sub", "exp", "iss"]})
            roles = claims["roles"]
            known = frozenset(str(r) for r in roles if r in ROLES and not r.startswith(SERVICE))
            hand = Hand(str(claims["sub"]), known, divisions.check(str(claims["division"])))
        except jwt.ExpiredSignatureError:
            raise Refused("unauthenticated", "登录令牌已过期。", None) from None
        except (jwt.PyJWTError, KeyError, TypeError, Refused):
            raise Refused("unauthenticated", "登录令牌无效。", None) from None
        with self._lock:
            self._good[key] = (float(claims["exp"]), hand)
            while len(self._good) > _KEPT:
                self._good.popitem(last=False)
        return hand
