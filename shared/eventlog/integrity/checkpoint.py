"""A signed statement of what the tree was (检查点): size, root, how far in the log, and when; signed with Ed25519.

The form is the signed note of transparency logs (C2SP: tlog-checkpoint, signed-note), so that witnesses made for those can take ours:

    minzheng.330225
    1200000
    <root, base64>
    position 734003200
    time 2026-11-22T23:10:00+08:00

    — minzheng.330225 <base64 of four bytes that name the key, and the signature>
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_SIGNED = re.compile(r"\A(?P<text>(?:[^\n]+\n)+)\n— (?P<origin>\S+) (?P<box>[A-Za-z0-9+/=]+)\n\Z")


class CheckpointError(Exception):
    """A checkpoint that is not one of ours: not the form, another origin, or a signature that does not hold."""


@dataclass(frozen=True)
class Checkpoint:
    """The tree of the first ``size`` events; ``position`` is the commit position of the last of them, ``time`` in Asia/Shanghai."""

    origin: str
    size: int
    root: bytes
    position: int
    time: datetime

    @property
    def text(self) -> str:
        """What is signed."""
        at = self.time.isoformat(timespec="seconds")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\nposition {self.position}\ntime {at}\n"


def stated(note: str) -> Checkpoint | None:
    """What a note states, its signature not looked at; None for what is no note of ours. Whoever shows or counts checkpoints reads them by
    this: a note that somebody changed in the log must break no page. Who relies on one opens it."""
    match = _SIGNED.match(note)
    try:
        return _read(match["text"]) if match is not None else None
    except (ValueError, TypeError, OverflowError):
        return None


def size_of(note: str) -> int:
    """The size that a note of ours states, -1 for what is none; its signature is not looked at."""
    found = stated(note)
    return -1 if found is None else found.size


def key_id(origin: str, key: Ed25519PublicKey) -> bytes:
    """Four bytes by which a signature says whose it is."""
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:4]


def signed(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The note that is published."""
    box = key_id(checkpoint.origin, key.public_key()) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n— {checkpoint.origin} {base64.b64encode(box).decode()}\n"


def opened(note: str, origin: str, key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint in a note, its signature checked; raises CheckpointError."""
    match = _SIGNED.match(note)
    if match is None:
        raise CheckpointError("检查点格式不正确")
    try:
        box = base64.b64decode(match["box"], validate=True)
        found = _read(match["text"])
    except (ValueError, TypeError) as error:
        raise CheckpointError("检查点格式不正确") from error
    if (found.origin, match["origin"]) != (origin, origin) or box[:4] != key_id(origin, key):
        raise CheckpointError("检查点不是本系统的，或由另一把密钥签名")
    try:
        key.verify(box[4:], match["text"].encode())
    except InvalidSignature as error:
        raise CheckpointError("检查点签名不符") from error
    return found


def _read(text: str) -> Checkpoint:
    origin, size, root, position, time = text.splitlines()
    named = [line.split(" ", 1) for line in (position, time)]
    if [name for name, _ in named] != ["position", "time"] or not size.isdecimal():
        raise ValueError(text)
    found = Checkpoint(origin, int(size), base64.b64decode(root, validate=True), int(named[0][1]), datetime.fromisoformat(named[1][1]))
    if found.text != text or len(found.root) != hashlib.sha256().digest_size:
        raise ValueError("another way to write the same")
    return found
