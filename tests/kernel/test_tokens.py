"""Tokens: whose hand it is, and that nothing but the bureau's own signature is believed."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.domain.errors import Refused
from shared.security import tokens
from shared.security.permissions import permit
from shared.security.tokens import Verifier


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "keys" / "token.key", folder / "keys" / "token.pub"
    tokens.development_keys(private, public)
    return private, public


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"sub": "staff:wang", "roles": ["clerk"], "division": "330225", "iss": "x", "aud": "minzheng", "iat": now, "exp": now + 60}
    return {k: v for k, v in {**whole, **changes}.items() if v is not None}


def sign(pair: tuple[Path, Path], **changes: Any) -> str:
    return jwt.encode(claims(**changes), pair[0].read_text(), algorithm="EdDSA")


def refused(pair: tuple[Path, Path], token: object) -> str:
    with pytest.raises(Refused) as found:
        Verifier(pair[1]).hand(token)
    assert found.value.code == "unauthenticated"
    return found.value.message


def test_a_good_token_names_its_hand(pair: tuple[Path, Path]) -> None:
    """Actor, roles, division; also the second time, from memory."""
    verifier, token = Verifier(pair[1]), tokens.issue(pair[0], "staff:wang", ("clerk", "reviewer"), "330225000000")
    for _ in range(2):
        hand = verifier.hand(token)
        assert (hand.actor, hand.roles, hand.division) == ("staff:wang", {"clerk", "reviewer"}, "330225")


@pytest.mark.parametrize("token", [None, "", 5, b"x", {}])
def test_a_missing_token_is_told_so(pair: tuple[Path, Path], token: object) -> None:
    """Not the same as a wrong one."""
    assert "缺少" in refused(pair, token)


@pytest.mark.parametrize("token", ["x", "a.b.c", "é" * 10, "." * 5])
def test_what_is_no_token_is_refused(pair: tuple[Path, Path], token: str) -> None:
    """Without a word about why."""
    assert "无效" in refused(pair, token)


@pytest.mark.parametrize(
    "sub", ["", " ", "x" * 101, "staff:a\nb", "service:assistance", "33022519800101001" + "8", "staff:33022519800101001" + "8"],
    ids=["empty", "blank", "long", "two lines", "a service", "a resident ID", "a resident ID in it"],
)  # fmt: skip
def test_who_has_no_id_that_may_be_written_down_is_refused(pair: tuple[Path, Path], sub: str) -> None:
    """However well it is signed: the staff id stands in the clear in events and log lines, and services act under names of their own."""
    assert "无效" in refused(pair, sign(pair, sub=sub))


def test_a_forged_signature_is_refused(pair: tuple[Path, Path]) -> None:
    """Signed by another key, or changed after it was signed."""
    refused(pair, jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA"))
    head, _, signature = sign(pair).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(roles=["approver"])).encode()).rstrip(b"=").decode()
    refused(pair, f"{head}.{body}.{signature}")


def test_an_unsigned_token_is_refused(pair: tuple[Path, Path]) -> None:
    """alg none is no signature."""
    refused(pair, jwt.encode(claims(), None, algorithm="none"))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(pair: tuple[Path, Path]) -> None:
    """The algorithm is ours to choose, not the token's."""
    import hashlib
    import hmac

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims()).encode())}"
    mac = hmac.new(pair[1].read_bytes(), signed.encode(), hashlib.sha256).digest()
    refused(pair, f"{signed}.{part(mac)}")


def test_an_expired_token_is_told_so(pair: tuple[Path, Path]) -> None:
    """The front end must log in again."""
    assert "过期" in refused(pair, sign(pair, exp=int(time.time()) - tokens.LEEWAY - 1))


def test_clocks_may_differ_a_little(pair: tuple[Path, Path]) -> None:
    """A token that by our clock is issued a moment from now, or ended a moment ago, is good; one from further away is not."""
    now = int(time.time())
    for moment in ({"iat": now + tokens.LEEWAY // 2}, {"exp": now - 1}):
        assert Verifier(pair[1]).hand(sign(pair, **moment)).actor == "staff:wang"
    refused(pair, sign(pair, iat=now + 3600))


def test_a_token_expires_in_memory_too(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered, but not for longer than it is good."""
    verifier, token = Verifier(pair[1]), sign(pair, exp=int(time.time()) + 1)
    verifier.hand(token)
    then = time.time() + 5
    monkeypatch.setattr(time, "time", lambda: then)
    with verifier._lock:
        assert all(until < then for until, _ in verifier._good.values())


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "other"},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"iss": None},
        {"roles": None},
        {"division": None},
        {"division": "x"},
        {"roles": 5},
    ],
    ids=["foreign audience", "no audience", "no sub", "no exp", "no iss", "no roles", "no division", "bad division", "bad roles"],
)
def test_a_token_that_is_not_for_us_or_not_whole_is_refused(pair: tuple[Path, Path], change: dict[str, Any]) -> None:
    """Every claim is needed."""
    refused(pair, sign(pair, **change))


def test_unknown_roles_are_worth_nothing(pair: tuple[Path, Path]) -> None:
    """A role that this release does not know carries no permission."""
    hand = Verifier(pair[1]).hand(sign(pair, roles=["king", "clerk"]))
    assert hand.roles == {"clerk"}
    with pytest.raises(Refused):
        permit(hand, "registry:register")


def test_a_services_own_role_is_for_its_own_hand_only(pair: tuple[Path, Path]) -> None:
    """Nobody signs in as a service."""
    hand = Verifier(pair[1]).hand(sign(pair, roles=["service:registry"]))
    assert not hand.roles


def test_an_unknown_role_is_not_even_signed(pair: tuple[Path, Path]) -> None:
    """A slip is told where it was made."""
    with pytest.raises(Refused) as found:
        tokens.issue(pair[0], "staff:wang", ("chief",), "330225")
    assert found.value.field == "roles"


def test_two_processes_make_one_pair(tmp_path: Path) -> None:
    """The first one wins, and the public half fits."""
    private, public = tmp_path / "k" / "token.key", tmp_path / "k" / "token.pub"
    threads = [threading.Thread(target=tokens.development_keys, args=(private, public)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    token = tokens.issue(private, "staff:wang", ("clerk",), "330225")
    assert Verifier(public).hand(token).actor == "staff:wang"
    assert private.stat().st_mode & 0o077 == 0
