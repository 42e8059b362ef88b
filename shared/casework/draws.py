"""Draws by lot (随机抽取): a pure function of a list and a seed that anybody can do again, and how a list is shown without naming anybody.

Rule 1 draws from the objects themselves: whoever has list and seed repeats it. A case's number is that of a household on the public list of
recipients, so such a list cannot be shown. Rule 2 draws from pseudonyms (假名): HMAC-SHA256 of each object under a salt (盐) of this one
campaign, 256 random bits that nobody typed. The pseudonyms can be shown whole; without the salt none of them can be computed from a number
that somebody knows, and the same case has another in every campaign. The salt's SHA-256 is recorded with the list, before the seed is
known, so no other salt can be brought forward later.

``web/static/draw.js`` does ``draw`` in the browser. Old draws rest on these functions: never change one, write another rule.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

BY_OBJECT, BY_PSEUDONYM = 1, 2  # the rules
_SALT = re.compile(r"[0-9a-f]{64}")


def draw(objects: Iterable[str], count: int, seed: str) -> tuple[str, ...]:
    """随机抽取 that anybody can repeat: sort the list, hash seed and object with SHA-256 (``<seed>:<object>``, UTF-8), and take
    the ``count`` with the smallest hashes. The order in which the list was written down does not matter."""
    ranked = sorted(sorted(set(objects)), key=lambda o: hashlib.sha256(f"{seed}:{o}".encode()).digest())
    return tuple(sorted(ranked[:count]))


def list_hash(objects: Iterable[str]) -> str:
    """What is recorded beside the seed's source, so that nobody can exchange the list afterwards."""
    return hashlib.sha256("\n".join(sorted(set(objects))).encode()).hexdigest()


def new_salt() -> str:
    """A salt for one list, as hex: drawn at the door, by no hand."""
    return secrets.token_bytes(32).hex()


def is_salt(text: str) -> bool:
    """Whether this is a salt: one whose key was destroyed reads otherwise."""
    return _SALT.fullmatch(text) is not None


def commitment(salt: str) -> str:
    """承诺值: the SHA-256 of the salt's 32 bytes, which is published while the salt is not."""
    return hashlib.sha256(bytes.fromhex(salt)).hexdigest()


def pseudonym(salt: str, object_id: str) -> str:
    """HMAC-SHA256 under the salt, as hex."""
    return hmac.new(bytes.fromhex(salt), object_id.encode(), hashlib.sha256).hexdigest()


def pseudonyms(salt: str, objects: Iterable[str]) -> dict[str, str]:
    """Pseudonym → object, in the order of the pseudonyms: of the order of the objects nothing is left."""
    return dict(sorted((pseudonym(salt, o), o) for o in set(objects)))


def drawn_by_pseudonym(salt: str, objects: Iterable[str], count: int, seed: str) -> tuple[str, ...]:
    """Rule 2: the objects whose pseudonyms are drawn."""
    listed = pseudonyms(salt, objects)
    return tuple(sorted(listed[p] for p in draw(listed, count, seed)))
